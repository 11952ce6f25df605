"""The page of results says what the results say."""

from benchmarks.results_page import PAGE, ROWS, page


def test_the_page_is_what_the_results_give() -> None:
    assert PAGE.read_text() == page(), "make it again: python -m benchmarks.results_page"
    assert page().count("| `") == len(ROWS) >= 15
