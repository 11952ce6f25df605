"""What holds for every input: it ends, in linear time, without an exception, in the grammar, and text outside commands is never lost."""

import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import LatexConfig, NormaliseConfig
from preprocess.latex.scan import Scanner
from preprocess.records import ExtractedPaper, Rejection, RejectReason
from preprocess.stages.normalise import normalise
from tests.preprocess.latex.latex_paper import CONFIG, document, extract, paper, text_of

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
        "\\begin{{ownenv}}{}\\end{{ownenv}}",
        "\\begin{{center}}{}\\end{{center}}",
        "\\begin{{abstract}}{}\\end{{abstract}}",
        "\\begin{{enumerate}}\\item[(a)] {}\\end{{enumerate}}",
        "\\begin{{proof}}{}\\end{{proof}}",
        "\\begin{{minipage}}{{5cm}}{}\\end{{minipage}}",
        "\\begin{{lstlisting}}\n{}\n\\end{{lstlisting}}",
        "\\begin{{table}}\\begin{{tabular}}{{|l|r|}}\\hline {} & 1 \\\\ \\hline\\end{{tabular}}\\end{{table}}",
        "\\texorpdfstring{{{}}}{{}}",
        "\\underline{{\\textit{{{}}}}}",
        "{{\\em {}\\/}}",
        "\\begingroup {}\\endgroup ",
        "\\noindent {}\\par ",
        "\\subsection*{{{}}}\\label{{a:b}}",
        "\\delimited {}\\stop ",
        "\\optional[{}]",
        "\\ifmine {}\\else hidden\\fi ",
        "\\begin{{multicols}}{{2}}{}\\end{{multicols}}",
        "{}\\cite{{key}} \\ref{{a:b}}",
        "\\fbox{{\\parbox{{3cm}}{{{}}}}}",
    ]
)


@given(st.lists(st.tuples(WRAPPERS, WORDS), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_text_outside_commands_is_never_lost(parts: list[tuple[str, list[str]]]) -> None:
    wanted = [word for _, words in parts for word in words]
    source = "\n\n".join(wrapper.format(" ".join(words)) for wrapper, words in parts)
    preamble = (
        "\\newcommand{\\mine}[1]{\\textit{#1}}\\newenvironment{ownenv}{}{}\\def\\delimited#1\\stop{#1}"
        "\\newcommand{\\optional}[1][x]{#1}\\newif\\ifmine\\minetrue"
    )
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
    "open cases of a number": ("\\ifcase2 a\\or b ", ""),
    "open loops that define": ("\\@for\\x:=a,b\\do{", ""),
    "code of own characters": ("\\MakeShortVerb{\\|}\\begin{verbatim}|", ""),
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
    "boxes in boxes": ("\\setbox0=\\hbox{\\box0 ", "}"),
    "authors with later macros": ("\\author{\\later ", "}"),
    "addresses in authors": ("\\author{\\address{", "}}"),
    "marks for prose and formulas": ("$\\textormath{a}{", "}$"),
    "kerns without an end": ("$\\kern1111111111", "$"),
    "declared names": ("\\cref{a}\\crefname{a}{", ""),
}
HOSTILE_PREAMBLE = (
    "\\def\\foo#1\\stop{x}\\makeatletter\\newcommand{\\boxed@}[1]{(#1)}\\def\\ping{\\pong}\\def\\pong{\\ping}\\newenvironment{own}{(}{)}"
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sources_take_linear_time(name: str) -> None:
    opening, closing = HOSTILE[name]

    def seconds(num_characters: int) -> float:
        count = num_characters // (len(opening) or len(closing))
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


MANY = {
    "definitions": lambda count: "".join(f"\\def\\m{_word(number)}{{x{number}}}" for number in range(count)),
    "definitions and calls": lambda count: "".join(f"\\newcommand{{\\m{_word(n)}}}[1]{{x#1}}\\m{_word(n)} y" for n in range(count)),
    "redefinitions": lambda count: "\\def\\a{x}" * count + "\\a",
    "environments": lambda count: "".join(f"\\newenvironment{{e{number}}}{{a}}{{b}}" for number in range(count)),
    "labels": lambda count: "".join(f"\\begin{{equation}}\\label{{e{number}}}x\\end{{equation}}" for number in range(count)),
    "references": lambda count: "".join(f"see \\ref{{e{number}}}, \\cite{{k{number},k{number + 1}}} " for number in range(count)),
    "switches": lambda count: "".join(f"\\newif\\if{_word(number)}\\{_word(number)}true" for number in range(count)),
    "counters": lambda count: "\\newcounter{a}" + "\\stepcounter{a}\\arabic{a} " * count,
    "commands of nobody": lambda count: "".join(f"\\u{_word(number)}{{a}}" for number in range(count)),
}


def _word(number: int) -> str:
    return "".join(chr(97 + number // 26**place % 26) for place in range(4))


@pytest.mark.parametrize("name", MANY)
def test_many_of_a_kind_take_linear_time(name: str) -> None:
    def seconds(count: int) -> float:
        source = document(MANY[name](count))
        started = time.process_time()
        assert isinstance(extract({"main.tex": source}), ExtractedPaper)
        return time.process_time() - started

    small, large = seconds(1_000), seconds(10_000)
    assert large < 30 * small + 1, (small, large)


def test_many_files_take_linear_time() -> None:
    def seconds(count: int) -> float:
        files: dict[str, str | bytes] = {f"f{number}.tex": f"text {number}. " for number in range(count)}
        files["main.tex"] = document("".join(f"\\input{{f{number}}}\\input{{gone{number}}}" for number in range(count)))
        started = time.process_time()
        assert len(paper(files).text.split()) == 2 * count
        return time.process_time() - started

    small, large = seconds(200), seconds(2_000)
    assert large < 30 * small + 1, (small, large)


def test_many_roots_are_cut_and_counted() -> None:
    files: dict[str, str | bytes] = {f"f{number:03}.tex": document(f"Text {number}.") for number in range(230)}
    found = paper(files)
    assert len(found.root_files) == CONFIG.latex.max_roots == 200
    assert found.warnings == {"root_limit": 30}


@pytest.mark.parametrize("times", [2, 10])
@pytest.mark.parametrize("num_macros", [7, 30, 300])
@pytest.mark.parametrize("form", ["\\def\\{one}{{{body}}}", "\\newcommand{{\\{one}}}{{{body}}}", "\\gdef\\{one}{{{body}}}"])
def test_macros_that_double_are_rejected_by_the_work_counted(form: str, num_macros: int, times: int) -> None:
    names = [f"q{_word(number)}" for number in range(num_macros)]
    definitions = [form.format(one=one, body=f"\\{other} " * times) for one, other in itertools.pairwise(names)]
    source = document(f"Before. \\{names[0]} After.", "".join(definitions) + f"\\def\\{names[-1]}{{word }}")
    found = extract({"main.tex": source}, LatexConfig(max_expansions=20_000))
    if times ** (num_macros - 1) < 10_000:
        assert isinstance(found, ExtractedPaper)
        assert found.text.split() == ["Before.", *["word"] * times ** (num_macros - 1), "After."]
    else:
        assert isinstance(found, Rejection)
        assert found.reason == RejectReason.EXPANSION_LIMIT


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
