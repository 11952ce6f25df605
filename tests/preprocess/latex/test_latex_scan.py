import pytest

from preprocess.latex.scan import SHORT_LOOK_CHARACTERS, Scanner, guard, skip_line_space, unguard


def scanner(*, has_comments: bool = True) -> Scanner:
    return Scanner(0, has_comments=has_comments)


@pytest.mark.parametrize(
    "text, end",
    [("{a}b", 3), ("{a{b}c}d", 7), (r"{\}}", 4), (r"{\\}", 4), ("{a", -1), ("{% }\n}", 6), ("{}", 2)],
)
def test_group_end(text: str, end: int) -> None:
    assert scanner().group_end(text, 0) == end


def test_percent_is_no_comment_where_there_are_none_left() -> None:
    assert scanner(has_comments=False).group_end("{% }\n}", 0) == 4


@pytest.mark.parametrize("text, end", [("[a]b", 3), ("[{]}]", 5), ("[a[b]c]", 7), ("[a}", -1), ("[", -1)])
def test_bracket_end(text: str, end: int) -> None:
    assert scanner().bracket_end(text, 0) == end


@pytest.mark.parametrize(
    "text, wanted",
    [
        (" {ab}c", ("ab", 5)),
        ("ab", ("a", 1)),
        (r"\frac12", (r"\frac", 5)),
        ("% note\n {x}", ("x", 11)),
        ("\n\n{x}", None),
        ("}", None),
        ("{x", None),
        ("", None),
    ],
)
def test_argument(text: str, wanted: tuple[str, int] | None) -> None:
    assert scanner().argument(text, 0) == wanted


@pytest.mark.parametrize("text, wanted", [("[x]{y}", ("x", 3)), (" [{]}]", ("{]}", 6)), ("{y}", None), ("", None)])
def test_optional_argument(text: str, wanted: tuple[str, int] | None) -> None:
    assert scanner().optional_argument(text, 0) == wanted


@pytest.mark.parametrize(
    "text, place",
    [
        ("x$", 1),
        (r"\$x$", 3),
        (r"\text{if $a$}$", 13),
        ("x\n\n$", -1),
        ("x}$", -1),
        ("x", -1),
        ("x\ny$", 3),
        ("{a{b}c}$", 7),
        ("{a{b{c}}}$", 9),
        (r"{\{}$", 4),
        ("{x\n \ny}$", -1),
        ("{x$", -1),
    ],
)
def test_closing_dollar(text: str, place: int) -> None:
    assert scanner().closing_dollar(text, 0) == place


def test_a_control_word_as_delimiter_is_found_whole() -> None:
    assert scanner().find_outside_groups(r"\stopper{\stop}\stop", r"\stop", 0) == 15


def test_what_is_far_or_absent_is_looked_for_once() -> None:
    scan, text = scanner(), "a" * 1000
    assert scan.find(text, "b", 0) == scan.find(text, "b", 500) == -1
    assert scan.find("ab", "b", 0) == 1


def test_looks_get_short_when_the_allowance_is_spent() -> None:
    scan = scanner()
    text = "{" * 1000
    far = "{" + "x" * (SHORT_LOOK_CHARACTERS + 1) + "}"
    assert scan.group_end(far, 0) == len(far)
    for start in range(len(text)):
        scan.group_end(text, start)
    before = scan.allowance
    scan.spend(before)
    assert scan.group_end(far, 0) == -1
    assert scan.group_end("{near}", 0) == 6


@pytest.mark.parametrize("text, place", [("  \n x", 4), ("\n\nx", 1), ("x", 0), ("", 0)])
def test_line_space(text: str, place: int) -> None:
    assert skip_line_space(text, 0) == place or text == "\n\nx"


def test_guard_is_undone() -> None:
    code = "".join(map(chr, range(32, 127))) + "é"
    assert unguard(guard(code)) == code
    assert not set(guard(code)) & set("\\{}%$&~")
