"""Number signs at line starts: a heading's, or text's, which says so."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import Config
from preprocess.stages.describe import describe
from tests.preprocess.latex.latex_paper import body, document, paper, text_of


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\# of items: 5\n\nthe \\# of items", "\\# of items: 5\n\nthe # of items"),
        ("\\#\\# two\\\\ \\#tag", "\\## two\n\\#tag"),
        ("\\begin{tabular}{cc}\\#&n\\\\1&2\\\\\\# of a&3\\end{tabular}", "\\# | n\n1 | 2\n\\# of a | 3"),
        ("\\section{\\# of things}\\# x\\footnote{\\# y}", "# # of things\n\n\\# x [footnote: # y]"),
        (
            "\\begin{verbatim}\n# code\n\\end{verbatim}\n\\# text\n\\begin{verbatim}\n#\n\\end{verbatim}",
            "```\n# code\n```\n\n\\# text\n\n```\n#\n```",
        ),
        ("\\char35 x\n\n\\verb|#| y", "\\# x\n\n`#` y"),
        ("\\begin{abstract}\\# a\\end{abstract}\\subsection{B}$\\#$", "# Abstract\n\n\\# a\n\n## B\n\n$\\#$"),
    ],
)
def test_a_number_sign_at_the_start_of_a_line_is_no_heading(source: str, shown: str) -> None:
    assert body(source) == shown


def test_front_matter_has_no_marks_of_headings() -> None:
    read = paper({"main.tex": document("\\maketitle\n\\begin{abstract}\\section*{S}a\\end{abstract}", "\\title{\\# T}\\abstract{\\# b}")})
    assert (read.title, read.abstract) == ("# T", "# b\n\n# S\n\na")
    assert read.text == "# # T\n\n# Abstract\n\n\\# b\n\n# Abstract\n\n# S\n\na"


@given(
    st.lists(
        st.sampled_from(["\\# ", "#", "\n\n", "\\\\\n", "\\section{s}", "x", "{", "}", "\\begin{itemize}\\item ", "\\end{itemize}", "& "]),
        max_size=30,
    )
)
@settings(max_examples=150, deadline=None)
def test_every_heading_is_one_of_the_source(pieces: list[str]) -> None:
    source = "".join(pieces)
    num_headings = len(re.findall(r"^#", text_of({"main.tex": document(source)}), re.M))
    assert num_headings <= source.count("\\section")
    if "{" not in pieces and "}" not in pieces:
        assert num_headings == source.count("\\section")


def test_the_measures_of_quality_tell_headings_from_text() -> None:
    words = "words of prose"
    assert describe(f"# {words}\n", Config().describe).quality.symbol_word_ratio == 0
    assert describe(f"\\# {words}\n", Config().describe).quality.symbol_word_ratio == 0.3333
