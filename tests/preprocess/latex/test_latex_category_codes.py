"""Category codes that change in the middle of a file, and names that papers use without their definitions."""

import time

import pytest

from tests.preprocess.latex.latex_paper import body, document, paper


@pytest.mark.parametrize(
    "source, expected",
    [
        (r"a {\catcode`\%=12 50% of it} b% gone", "a 50% of it b"),
        ("a\\begingroup\\catcode`\\%=12\n50% of\n\\endgroup b% gone", "a50% of b"),  # the line end ends the number
        (r"a \catcode`\%=12 5% b \catcode`\%=14 c% gone", "a 5% b c"),
        (r"\catcode`\|=\active \def|#1|{\textbf{#1}!} a |b| c \verb|d|", "a b! c `d`"),
        (r"\begingroup\catcode`\|=13 \gdef|{bar}\endgroup a | b", "a | b"),  # no command any more behind the group
        (r"\catcode`\!=13 a! b", "a! b"),  # nobody says what it does
        (r"\catcode`\@=11 \def\x@y{in}\x@y\catcode`\@=12 {} out", "in out"),
        (r"\catcode`\^^M=13 \catcode64=11 \catcode`\_=\active \lccode`\-=`\- \mathcode`\,=" + '"8000 a', "a"),
        (r"\edef\x{\catcode`\noexpand\@=\the\catcode`\@}a", "a"),
        # undefined pairs
        (r"\beq a=b \eeq", "\\begin{equation} a=b \\end{equation}"),
        (r"\beq{eq:one} a=b \eeq see \ref{eq:one}", "\\begin{equation} a=b \\end{equation} see [ref:1]"),
        (r"\be {a}=b \ee", "\\begin{equation} {a}=b \\end{equation}"),
        (r"\be a&=&b \ee", "\\begin{eqnarray} a&=&b \\end{eqnarray}"),
        (r"\bea a&=&b \llabel{eq:x} \eea", "\\begin{eqnarray} a&=&b \\end{eqnarray}"),
        (r"\ben \item a \item b \een", "1. a 2. b"),
        (r"\bi\itemsep0pt \item a \ei", "- a"),
        (r"{\bi x} \ei y", "x y"),  # no list
        (r"\beq a \eeq \beq b", "a b"),  # not balanced
        (r"\newcommand{\be}{\emph{beta}}\newcommand{\ee}{!} \be x\ee", "betax!"),
        (r"\newcommand{\ee}{e} \be x $\ee$", "x $e$"),
        (r"\begin{equation}\eqlab{a} x\end{equation} see \ref{a}", "\\begin{equation} x \\end{equation} see [ref:1]"),
        (r"$\xlabel{x axis} \tlab{1 2}$", r"$\xlabel{x axis} \tlab{1 2}$"),
    ],
)
def test_what_is_read(source: str, expected: str) -> None:
    assert " ".join(body(source).split()) == expected


def test_dutch_has_its_shorthands() -> None:
    assert body('na"ief, zo"als', "\\usepackage[english,dutch]{babel}") == "naïef, zoäls"


def test_a_hyphen_that_ends_no_line_is_a_hyphen() -> None:
    assert body('bergauf"~ab "~x', "\\usepackage[ngerman]{babel}") == "bergauf-ab -x"


def test_customary_names_are_counted() -> None:
    assert paper({"main.tex": document(r"\beq a \eeq \beq b \eeq")}).warnings == {"customary_name": 2}


@pytest.mark.parametrize(
    "source",
    [r"{\catcode`\%=12 " * 3_000, r"\catcode`\|=13 \def|{x}" * 3_000, r"\catcode`" * 20_000, r"\be x " * 5_000 + r"\ee " * 5_000],
)
def test_hostile_changes_take_linear_time(source: str) -> None:
    began = time.process_time()
    assert body(f"before {source}").startswith("before")
    assert time.process_time() - began < 5
