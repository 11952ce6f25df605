"""The page on the tokenizer quotes its results."""

import json

import pytest

from benchmarks.record import RESULTS
from benchmarks.tokenizer_tables import PAGE, tables, with_tables
from shards.errors import InputError


def test_the_page_quotes_the_figures() -> None:
    made = tables(json.loads((RESULTS / "tokenizer.json").read_text())["figures"])
    page = PAGE.read_text()
    assert [table.count("\n") > 4 for table in made] == [True, True, True]
    for table in made:
        assert table in page, "make it again: python -m benchmarks.tokenizer_tables"
    assert with_tables(page, made) == page


def test_a_table_is_replaced_whole() -> None:
    page = "# A\n\n| size | x |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nafter | all\n"
    assert with_tables(page, ["| size | y |\n|---|---|\n| 5 | 6 |"]) == "# A\n\n| size | y |\n|---|---|\n| 5 | 6 |\n\nafter | all\n"
    with pytest.raises(InputError, match="0 tables begin with 'name'"):
        with_tables(page, ["| name | y |\n|---|---|"])
