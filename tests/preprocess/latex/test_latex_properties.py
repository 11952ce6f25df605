"""What holds for every input: it ends, in linear time, without an exception, in the grammar, and text outside commands is never lost."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import NormaliseConfig
from preprocess.latex.scan import Scanner
from preprocess.records import ExtractedPaper, Rejection
from preprocess.stages.normalise import normalise
from tests.preprocess.latex.latex_paper import document, extract, paper, text_of

PIECES = [
    "word",
    " ",
    "\n",
    "\n\n",
    "{",
    "}",
    "[",
    "]",
    "$",
    "$$",
    "\\[",
    "\\]",
    "\\(",
    "\\)",
    "%",
    "\\%",
    "\\$",
    "&",
    "~",
    "#1",
    "##",
    "^",
    "_",
    "`",
    "'",
    "\\\\",
    "\\",
    "\\begin{equation}",
    "\\end{equation}",
    "\\begin{tabular}{l}",
    "\\end{tabular}",
    "\\begin{verbatim}",
    "\\end{verbatim}",
    "\\begin{itemize}",
    "\\item",
    "\\end{itemize}",
    "\\begin{abstract}",
    "\\end{abstract}",
    "\\begin{document}",
    "\\end{document}",
    "\\begin{x}",
    "\\end{x}",
    "\\begin{comment}",
    "\\begin{tikzpicture}",
    "\\end{tikzpicture}",
    "\\newcommand{\\a}[1]{\\b{#1}}",
    "\\newcommand{\\b}",
    "\\def\\a#1.{#1}",
    "\\def\\c",
    "\\let\\a\\b",
    "\\let\\d=",
    "\\newenvironment{x}[1][y]{a}{b}",
    "\\a",
    "\\b",
    "\\c{x}",
    "\\if",
    "\\iffalse",
    "\\iftrue",
    "\\ifx\\a\\b",
    "\\else",
    "\\fi",
    "\\newif\\ifz",
    "\\ztrue",
    "\\verb|",
    "\\verb",
    "|",
    "\\url{",
    "\\href{a}{",
    "\\footnote{",
    "\\section{",
    "\\title{",
    "\\author{",
    "\\cite{",
    "\\ref{",
    "\\input{",
    "\\input main",
    "\\caption{",
    "\\'",
    "\\'e",
    '\\"{',
    "\\ss",
    "\\csname",
    "\\endcsname",
    "\\ensuremath{",
    "\\text{",
    "\\hskip 1pt",
    "\\char65",
    "\\end",
    "\\bye",
    "\\documentclass{article}",
    "\\usepackage[",
    "\\NewDocumentCommand{\\e}{som}{#1#2#3}",
    "\\e",
    "\\xspace",
    "\x01",
    "\x02",
    "\x03",
    "\ue07b",
    "é",
    "中",
]
SOURCES = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=40).map("".join)
INLINE_MATH = r"\$(?:[^$\\\n]|\\.|\n(?!\s*\n))*?\$"


@given(SOURCES)
@settings(max_examples=400, deadline=None)
def test_any_source_ends_as_a_paper_without_an_exception(source: str) -> None:
    extracted = extract({"main.tex": source.encode("utf-8", "replace")})
    assert isinstance(extracted, ExtractedPaper | Rejection)
    if isinstance(extracted, ExtractedPaper):
        assert all(ord(character) > 3 for character in extracted.text)
        assert all(count > 0 for count in extracted.dropped_characters.values())


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_end_without_an_exception(content: bytes) -> None:
    assert isinstance(extract({"main.tex": content, "part.tex": b"x"}), ExtractedPaper | Rejection)


@given(SOURCES)
@settings(max_examples=100, deadline=None)
def test_the_same_source_gives_the_same_text(source: str) -> None:
    content = source.encode("utf-8", "replace")
    assert extract({"main.tex": content}) == extract({"main.tex": content})


@given(SOURCES)
@settings(max_examples=200, deadline=None)
def test_normalising_twice_changes_nothing(source: str) -> None:
    once = normalise(source, NormaliseConfig())
    assert normalise(once, NormaliseConfig()) == once


WORDS = st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), min_size=1, max_size=8)
WRAPPERS = st.sampled_from(
    [
        "{}",
        "{{{}}}",
        "\\textbf{{{}}}",
        "\\emph{{{}}}",
        "{{\\bf {}}}",
        "\\section{{{}}}",
        "\\footnote{{{}}}",
        "\\begin{{quote}}{}\\end{{quote}}",
        "\\begin{{itemize}}\\item {}\\end{{itemize}}",
        "\\begin{{theorem}}{}\\end{{theorem}}",
        "\\begin{{unknown}}{}\\end{{unknown}}",
        "\\unknown{{{}}}",
        "{}% note\n",
        "\\mine{{{}}}",
        "\\begin{{tabular}}{{l}}{}\\end{{tabular}}",
        "\\caption{{{}}}",
        "\\begin{{verbatim}}\n{}\n\\end{{verbatim}}",
        "$x$ {} $y$",
        "\\iftrue {}\\fi",
        "\\textcolor{{red}}{{{}}}",
        "\\href{{u}}{{{}}}",
        "\\mbox{{{}}}",
        "\\begin{{figure}}[t]{}\\end{{figure}}",
        "\\centerline{{{}}}",
        "{}\\vspace{{1em}}",
        "\\paragraph{{{}}}",
        "\\ownenv {}\\endownenv ",
    ]
)


@given(st.lists(st.tuples(WRAPPERS, WORDS), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_text_outside_commands_is_never_lost(parts: list[tuple[str, list[str]]]) -> None:
    wanted = [word for _, words in parts for word in words]
    source = "\n\n".join(wrapper.format(" ".join(words)) for wrapper, words in parts)
    preamble = "\\newcommand{\\mine}[1]{\\textit{#1}}\\newenvironment{ownenv}{}{}"
    found = re.findall(r"[a-z]{3,8}", text_of({"main.tex": document(source, preamble)}))
    position = 0
    for word in wanted:
        assert word in found[position:], (word, source)
        position = found.index(word, position) + 1


@given(SOURCES)
@settings(max_examples=300, deadline=None)
def test_every_dollar_is_of_a_formula_or_escaped(source: str) -> None:
    extracted = extract({"main.tex": document(source).encode("utf-8", "replace")})
    if not isinstance(extracted, ExtractedPaper):
        return
    text = normalise(extracted.text, NormaliseConfig())
    prose = re.sub(r"^```.*?^```[ \t]*$|``[^\n]*?``|`[^`\n]+`", " ", text, flags=re.S | re.M)
    prose = re.sub(r"\\\[.*?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", " ", prose, flags=re.S)
    left = re.sub(INLINE_MATH, " ", prose.replace("\\$", " "), flags=re.S)
    assert "$" not in left, (source, text)


HOSTILE = {
    "open groups": ("{", ""),
    "closed groups": ("{", "}"),
    "open footnotes": ("\\footnote{", ""),
    "nested footnotes": ("\\footnote{", "}"),
    "open environments": ("\\begin{itemize}", ""),
    "open displays": ("\\begin{equation}", ""),
    "open drawings": ("\\begin{tikzpicture}", ""),
    "open verbatim": ("\\begin{verbatim}", ""),
    "open abstracts": ("\\begin{abstract}", ""),
    "open brackets": ("\\cite[", ""),
    "open formulas in groups": ("{$", ""),
    "displays in groups": ("{$$ ", ""),
    "open TeX displays": ("\\[", ""),
    "open definitions": ("\\newcommand{\\a}{", ""),
    "open delimited definitions": ("\\def\\a#1{", ""),
    "delimited calls without an end": ("\\foo ", ""),
    "nested calls": ("\\boxed@{", "}"),
    "open calls": ("\\boxed@{", ""),
    "open conditionals": ("\\ifodd1 ", ""),
    "false conditionals": ("\\iffalse ", ""),
    "unknown conditionals": ("\\ifunknown ", "\\fi"),
    "open titles": ("\\title{", ""),
    "open accents": ("\\'{", ""),
    "calls that go round": ("\\ping ", ""),
    "percent signs": ("%", ""),
    "backslashes": ("\\", ""),
    "one long line": ("word ", ""),
    "blank lines": ("\n", ""),
    "blanks": (" ", ""),
    "addresses": ("a.", ""),
    "labels in environments": ("\\begin{thm}\\label{a}", ""),
    "declared names": ("\\cref{a}\\crefname{a}{", ""),
}
HOSTILE_PREAMBLE = "\\def\\foo#1\\stop{x}\\makeatletter\\newcommand{\\boxed@}[1]{(#1)}\\def\\ping{\\pong}\\def\\pong{\\ping}"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sources_take_linear_time(name: str) -> None:
    opening, closing = HOSTILE[name]

    def seconds(num_characters: int) -> float:
        count = num_characters // len(opening)
        source = document(opening * count + "core" + closing * count, HOSTILE_PREAMBLE)
        started = time.process_time()
        extracted = extract({"main.tex": source})
        assert isinstance(extracted, ExtractedPaper | Rejection)
        if isinstance(extracted, ExtractedPaper):
            normalise(extracted.text, NormaliseConfig(mask_emails=True, mask_phone_numbers=True))
        return time.process_time() - started

    small, large = seconds(4_000), seconds(40_000)
    # the allowance for fruitless looks costs up to 2 seconds whatever the size; beyond it ten times the text may take thirty times as long
    assert large < 30 * small + 3, (small, large)


def test_ten_megabytes_on_one_line() -> None:
    source = "A sentence with $x^2$ and \\emph{words}. " * 250_000
    started = time.process_time()
    text = paper({"main.tex": document(source)}).text
    assert len(text) > 8_000_000
    assert time.process_time() - started < 40


def test_a_scanner_has_its_work_counted() -> None:
    scan = Scanner(0, has_comments=True)
    before = scan.allowance
    scan.group_end("{" * 1000, 0)
    assert before - scan.allowance == 1000
