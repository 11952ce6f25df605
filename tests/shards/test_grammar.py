import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.latex.tables import DISPLAY_ENVIRONMENTS as RENDERED_ENVIRONMENTS
from shards.grammar import DISPLAY_ENVIRONMENTS, MATH_KINDS, Kind, characters_by_kind, regions

PIECES = [
    "$",
    "$$",
    r"\$",
    "\\",
    r"\\",
    r"\[",
    r"\]",
    "\n",
    "\n\n",
    " ",
    "|",
    " | ",
    "```",
    "```\n",
    "\n```\n",
    "[cite:1]",
    "[ref:12]",
    "[cite:",
    "]",
    "# ",
    r"\begin{align*}",
    r"\end{align*}",
    r"\begin{equation}",
    r"\end{equation}",
    r"\begin{itemize}",
    r"\end{itemize}",
    "x",
    "words of prose",
    "é",
    "\t",
    "\r",
    "&",
]


def parsed(text: str) -> list[tuple[Kind, str]]:
    return [(kind, text[start:end]) for kind, start, end in regions(text)]


def of_kind(text: str, kind: Kind) -> list[str]:
    return [text[start:end] for found, start, end in regions(text) if found == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("only words", [("prose", "only words")]),
        ("a $x$ b", [("prose", "a "), ("inline_math", "$x$"), ("prose", " b")]),
        ("$x$$y$", [("inline_math", "$x$"), ("inline_math", "$y$")]),
        ("$a\nb$", [("inline_math", "$a\nb$")]),
        ("$a\n \t\nb$", [("prose", "$a\n \t\nb$")]),
        (r"it costs \$5 or $5\$$", [("prose", r"it costs \$5 or "), ("inline_math", r"$5\$$")]),
        (r"an open $ and \[x\]", [("prose", "an open $ and "), ("display_math", r"\[x\]")]),
        ("open $x\n\nthen $y$", [("prose", "open $x\n\nthen "), ("inline_math", "$y$")]),
        ("$$x$$", [("prose", "$$x$$")]),
        (r"\[a\\[2pt] b\] c", [("display_math", r"\[a\\[2pt] b\]"), ("prose", " c")]),
        (r"\\[a] \] b", [("prose", r"\\[a] \] b")]),
        (r"\[ $x$ \] y", [("display_math", r"\[ $x$ \]"), ("prose", " y")]),
        ("\\begin{align*}\na &= b\n\\end{align*}\n", [("display_math", "\\begin{align*}\na &= b\n\\end{align*}"), ("prose", "\n")]),
        (r"\begin{align} \end{align*}", [("prose", r"\begin{align} \end{align*}")]),
        ("\\begin{align}\n\n\\end{align}", [("prose", "\\begin{align}\n\n\\end{align}")]),
        (r"\begin{itemize} $x$", [("prose", r"\begin{itemize} "), ("inline_math", "$x$")]),
        ("see [cite:3][ref:12].", [("prose", "see "), ("marker", "[cite:3]"), ("marker", "[ref:12]"), ("prose", ".")]),
        ("[footnote: by $x$]", [("prose", "[footnote: by "), ("inline_math", "$x$"), ("prose", "]")]),
        ("a\n```\nif $x:\n\n  y$\n```\nb", [("prose", "a\n"), ("code", "```\nif $x:\n\n  y$\n```\n"), ("prose", "b")]),
        ("```python\nx\n```", [("code", "```python\nx\n```")]),
        ("```\nnever closed $x$", [("prose", "```\nnever closed "), ("inline_math", "$x$")]),
        ("not at ``` a line's start\n```", [("prose", "not at ``` a line's start\n```")]),
    ],
)
def test_examples(text: str, expected: list[tuple[str, str]]) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize("star", ["", "*"])
@pytest.mark.parametrize("name", sorted(DISPLAY_ENVIRONMENTS))
def test_every_display_environment_is_told(name: str, star: str) -> None:
    formula = f"\\begin{{{name}{star}}}\nx\n\\end{{{name}{star}}}"
    assert parsed(f"a\n{formula}\nb") == [("prose", "a\n"), ("display_math", formula), ("prose", "\nb")]


def test_whatever_the_renderer_leaves_as_an_environment_is_on_the_list() -> None:
    assert len(RENDERED_ENVIRONMENTS) > 10
    assert RENDERED_ENVIRONMENTS <= DISPLAY_ENVIRONMENTS


def test_a_table_is_its_rows_and_the_formulas_in_it_stay_formulas() -> None:
    table = "n | value\n1 | $|x|$ | \n all rows below\n| 3\n"
    text = f"Before it $a$ | b.\n\n{table}\nAfter it."
    assert "".join(of_kind(text, "table")) == table.replace("$|x|$", "")
    assert of_kind(text, "inline_math") == ["$a$", "$|x|$"]
    assert "".join(of_kind(text, "prose")) == "Before it  | b.\n\n\nAfter it."


@pytest.mark.parametrize(
    "text",
    [
        "P(A | B) stands in one line of prose.\nThe next line has none.",
        "a | b\n\nc | d",
        "$|x|$ and $|y|$\n$|z|$ | w",
        "no blanks a|b\nc|d",
        "```\na | b\nc | d\n```\n",
    ],
)
def test_what_is_no_table(text: str) -> None:
    assert not of_kind(text, "table")
    assert of_kind(text, "prose") or of_kind(text, "code")


def test_a_table_ends_at_code_and_begins_after_it() -> None:
    text = "a | b\nc | d\n```\ne | f\n```\ng | h\ni | j"
    assert of_kind(text, "table") == ["a | b\nc | d\n", "g | h\ni | j"]


def test_a_table_has_lines_whole_with_their_prose_around_it() -> None:
    text = "words\na | b\n$x$ words | d\nwords"
    assert parsed(text) == [
        ("prose", "words\n"),
        ("table", "a | b\n"),
        ("inline_math", "$x$"),
        ("table", " words | d\n"),
        ("prose", "words"),
    ]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_regions_cover_every_string_once(text: str) -> None:
    found = list(regions(text))
    position = 0
    for kind, start, end in found:
        assert start == position < end
        position = end
        piece = text[start:end]
        if kind in MATH_KINDS:
            assert "\n\n" not in piece
            assert piece.startswith("$") == piece.endswith("$") == (kind == "inline_math")
            assert len(piece) > 2
    assert position == len(text)
    assert characters_by_kind(text).total() == len(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_blank_line_parts_texts_without_fences(first: str, second: str) -> None:
    first, second = first.replace("```", "''"), second.replace("```", "''").lstrip("\n\t ")
    joined = f"{first}\n\n{second}"
    alone = [text[start:end] for text in (first, second) for kind, start, end in regions(text) if kind in MATH_KINDS]
    assert [joined[start:end] for kind, start, end in regions(joined) if kind in MATH_KINDS] == alone


@pytest.mark.parametrize(
    "unit",
    [
        "$",
        "$x ",
        r"\$",
        r"\[",
        r"\[ \begin{align} $",
        r"\begin{equation}",
        "```\n",
        "| ",
        " |\n",
        "\n ",
        "\n\t",
        "[cite:",
        "$x$ | ",
        "\\",
        "\\end{a",
        "$x\n\n",
        "```a",
    ],
)
def test_time_is_linear_whatever_stays_open(unit: str) -> None:
    def seconds(num_characters: int) -> float:
        text = (unit * num_characters)[:num_characters]
        started = time.process_time()
        assert sum(end - start for _, start, end in regions(text)) == num_characters
        return time.process_time() - started

    # the least of several: what else the machine does only adds
    short, long = (min(seconds(num_characters) for _ in range(5)) for num_characters in (25_000, 200_000))
    # 8 times as long: a quadratic parser takes 64 times as long
    assert long < 24 * short + 0.05


def test_ten_megabytes_of_one_open_formula() -> None:
    text = "$" + "a " * 5_000_000
    started = time.process_time()
    assert [kind for kind, _, _ in regions(text)] == ["prose"]
    assert time.process_time() - started < 5
