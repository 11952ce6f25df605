import itertools

import pytest

from preprocess.config import LatexConfig
from preprocess.latex.expand import Expanded, Expander
from preprocess.latex.expansion.macros import fill, split_body, uncomment
from tests.preprocess.latex.latex_paper import body


def expand(source: str, **files: str) -> Expanded:
    return Expander({"main.tex": source} | {f"{name}.tex": content for name, content in files.items()}, LatexConfig()).expand("main.tex")


@pytest.mark.parametrize(
    "source, expanded",
    [
        (r"\newcommand{\a}{A}\a", "A"),
        (r"\newcommand\a{A}\a", "A"),
        (r"\newcommand*{\v}[1]{\mathbf{#1}}\v x\v{yz}", r"\mathbf{x}\mathbf{yz}"),
        (r"\newcommand{\v}[2][i]{x_{#1}^{#2}}\v{2}\v[j]{3}", "x_{i}^{2}x_{j}^{3}"),
        (r"\providecommand{\a}{A}\providecommand{\a}{B}\a", "A"),
        (r"\newcommand{\a}{A}\renewcommand{\a}{B}\a", "B"),
        (r"\DeclareRobustCommand{\a}{A}\a", "A"),
        (r"\def\a#1#2{#2#1}\a xy", "yx"),
        (r"\def\a(#1,#2){<#1|#2>}\a(x,{y,z})", "<x|y,z>"),
        (r"\def\a#1\stop{[#1]}\a some\stop", "[some]"),
        (r"\gdef\a{A}\edef\b{B}\a\b", "AB"),
        (r"\let\a\alpha\a", r"\alpha"),
        (r"\let\a=\b\def\b{B}\b", "B"),
        (r"\def\b{B}\let\a\b\def\b{C}\a", "B"),
        (r"\let\oldphi\phi\renewcommand{\phi}{\varphi}\phi\oldphi", r"\varphi\phi"),
        (r"\DeclareMathOperator{\tr}{tr}\tr A", r"\operatorname{tr}A"),
        (r"\DeclareMathOperator*{\argmax}{arg\,max}\argmax_x", r"\operatorname*{arg\,max}_x"),
        (r"\NewDocumentCommand{\a}{m O{d} s}{#1-#2\IfBooleanTF{#3}{!}{?}}\a{x}\a{y}[z]*", "x-d?y-z!"),
        (r"\NewDocumentCommand\q{t{/} d<> r() D||{x}}{\IfBooleanTF{#1}{n}{p}#2-#3-#4}\q/<a>(b)|c|\q(b)", "na-b-cp-NoValue--b-x"),
        (r"\makeatletter\def\a{\@ifnextchar[{\b}{\b[d]}}\def\b[#1]{<#1>}\a[x]\a", "<x><d>"),
        (r"\makeatletter\def\a{\@ifstar{S}{N}}\a*\a", "SN"),
        (r"\newenvironment{e}[1]{<#1>}{</>}\begin{e}{x}y\end{e}", "<x>y</>"),
        (r"\newcommand{\be}{\begin{equation}}\be x", r"\begin{equation}x"),
        (r"{\def\a{in}\a}\a", r"{in}\a"),
        (r"\def\a{A}\bgroup\def\a(#1){B#1}\a(c)\egroup\a", r"\bgroup Bc\egroup A"),
        (r"\def\a(#1){B#1}$\a x$", r"$\a x$"),
        (r"\def\p{2}\if\p2 yes\else no\fi\if\p1 no\else yes\fi", " yesyes"),
        (r"{\gdef\a{in}\a}\a", r"{in}in"),
        (r"\def\a{A}{\def\a{B}\a}\a", "{B}A"),
        (r"\newcommand{\a}[1]{\newcommand{\b}[1]{##1#1}}\a{x}\b{y}", "yx"),
        (r"\newcommand{\a}{\alpha}\a x", r"\alpha x"),
        (r"\newcommand{\vec}[1]{\vec{#1}}\vec{x}", r"\vec{x}"),
        (r"\newif\ifx@ \def\a{A}\a", "A"),
        (r"\newif\ifdraft\draftfalse\ifdraft a\else b\fi", "b"),
        (r"\newif\ifdraft\drafttrue\ifdraft a\else b\fi c", "ac"),
        (r"\ifx\undefined\relax a\else b\fi", "b"),
        (r"\iftrue a\else\iffalse b\fi c\fi d", "ad"),
        (r"\if00a\fi\if01b\fi\if 0c\fi", "a"),
        (r"\ifnum1<2 a\else b\fi", "a"),
        (r"\ifthenelse{\equal{a}{a}}{yes}{no}", "yes"),
        (r"\newboolean{x}\setboolean{x}{true}\ifthenelse{\boolean{x}}{yes}{no}", "yes"),
        (r"\ifmmode a\else b\fi", "b"),
        ("a% c\n  b%\n\nc", "ab\n\nc"),
        (r"\%a\\%b", r"\%a\\"),
        (r"\verb|%\a{|\verb+}+", None),
        ("\\begin{verbatim}\n%\\a{\n\\end{verbatim}", "\\begin{verbatim}\n%\\a{\n\\end{verbatim}"),
        (r"\begin{comment}x\end{comment}y", "y"),
        ("\\newcommand{\\a}[1]{%\n  % note\n  x\n  #1\n}$\\a{\ny\n}$", "$x  y  $"),
        ("\\newcommand{\\a}{one\n\n two}\\a", "one\n\ntwo"),
        (r"\newenvironment{hide}{\comment}{\endcomment}\begin{hide}x\end{hide}y", "y"),
        (r"\excludecomment{hide}\begin{hide}x\end{hide}y", "y"),
        (r"\url{a%20b}%c", r"\url{a\%20b}"),
        (r"\csname a\endcsname", r"\a"),
        (r"\begin{document}a\end{document}never \a", r"\begin{document}a\end{document}"),
        (r"a\endinput b", "a"),
        ("\\oé", "\\o é"),
        (r"{\def\a{x}{\a}}\a", r"{{x}}\a"),
        (r"{\a}}\def\a{x}{\a}\a", r"{\a}}{x}x"),
        (r"\n1\newcount\n\n=5 x", r"\n1x"),
        (r"\e1\newenvironment{e}{<}{>}\e x\ende", r"\e1<x>"),
        (r"\newenvironment{e}{\align}{\endalign}\begin{e}x\end{e}", r"\begin{align}x\end{align}"),
        (
            r"\newenvironment{e}[1]{#1\center\trivlist}{\endtrivlist\endcenter}\begin{e}{y}x\end{e}",
            r"y\begin{center}\trivlist x\endtrivlist\end{center}",
        ),
        (r"\newenvironment{e}{\csname eqs*\endcsname}{\csname endeqs*\endcsname}\begin{e}x\end{e}", r"\begin{eqs*}x\end{eqs*}"),
        (r"\newenvironment{e}{\begingroup\a}{\endalign\endgroup}\begin{e}x\end{e}", r"\begingroup\a x\endalign\endgroup"),
        (r"\NewDocumentEnvironment{e}{}{\proof}{\endproof}\begin{e}x\end{e}", r"\begin{proof}x\end{proof}"),
        (r"\def\ba{\align}\def\ea{\endalign}\begin{document}\ba x\ea", r"\begin{document}\begin{align}x\end{align}"),
        (r"\def\a{}$x$\a$y$", "$x$ $y$"),
        (r"\def\a{}\$\a$y$", r"\$$y$"),
        (r"\def\a{}a\\$\a$", r"a\\$ $"),
        (r"\def\v{\bf v}x \hat\v", r"x \hat{\bf v}"),
        ("a\\alpha\\", r"a\alpha"),
    ],
)
def test_expansion(source: str, expanded: str | None) -> None:
    result = expand(source)
    if expanded is not None:
        assert result.source.rstrip() == expanded
    assert not result.is_over_limit


def test_standard_commands_cannot_be_redefined() -> None:
    assert expand(r"\renewcommand{\section}[1]{gone}\section{Kept}").source == r"\section{Kept}"


def test_files_and_what_is_missing() -> None:
    result = expand(r"\input{a}|\input b |\input{gone}|\includeonly{a}\include{b}", a="A", b="B")
    assert result.source == "A|B||"
    assert result.files == ["main.tex", "a.tex", "b.tex"]
    assert result.warnings == {"missing_input": 1, "not_in_includeonly": 1}


def test_an_inclusion_loop_ends() -> None:
    result = expand(r"a\input{x}b", x=r"c\input{main}\input{x}d")
    assert result.source == "acdb"
    assert result.warnings["input_loop"] == 2


def test_a_file_written_by_filecontents_is_read() -> None:
    source = "\\begin{filecontents*}{part.tex}\nIn the part.\n\\end{filecontents*}\n\\begin{document}\\input{part}\\end{document}"
    assert expand(source).source == "\n\\begin{document}In the part.\n\\end{document}"


def test_packages_of_the_archive_give_their_macros() -> None:
    files = {"main.tex": r"\usepackage{mine}\R\a", "mine.sty": "\\newcommand{\\R}{\\mathbb{R}} % c\n\\def\\a@b{x}\\def\\a{\\a@b}"}
    result = Expander(files, LatexConfig()).expand("main.tex")
    assert result.source == r"\usepackage{mine}\mathbb{R}\a"


def test_what_a_package_writes_in_expl3_is_not_taken() -> None:
    package = "\\ExplSyntaxOn\\newcommand\\short[1]{ \\cs_gset:Nn \\__own_short: { #1 } }\\ExplSyntaxOff\\newcommand{\\ok}[1]{#1!}"
    result = Expander({"main.tex": r"\usepackage{own}\short{a}\ok{b}", "own.sty": package}, LatexConfig()).expand("main.tex")
    assert result.source == r"\usepackage{own}\short{a}b!"


def test_a_copy_of_algorithmic_changes_no_authors() -> None:
    files = {"main.tex": r"\usepackage{algorithmic}\author{A \AND B}", "algorithmic.sty": r"\newcommand{\AND}{\textbf{and}}"}
    assert Expander(files, LatexConfig()).expand("main.tex").source.endswith(r"\author{A \AND B}")


def test_the_internals_of_packages_stay_where_they_are() -> None:
    package = "\\def\\AxiomC#1{\\setbox0=\\hbox{#1}}\n\\newcommand{\\ok}[1]{%\n  % a remark\n  <#1>}"
    result = Expander({"main.tex": r"\usepackage{bussproofs}\AxiomC{a}\ok{b}", "bussproofs.sty": package}, LatexConfig()).expand("main.tex")
    assert result.source.split("}", 1)[1] == r"\AxiomC{a}<b>"


def test_macros_that_call_one_another_end() -> None:
    result = expand(r"\def\a{x\b}\def\b{y\a}Before \a after")
    assert result.source == "Before " + "xy" * 99 + "xafter"
    assert result.warnings == {"expansion_depth": 1}


def test_a_macro_that_calls_itself_costs_only_itself_and_only_once() -> None:
    result = expand(r"\def\a#1{x\b{#1}}\def\b#1{y\a{#1}}\def\c#1{[#1\a{q}!]}" + r"One \c{r} two \a{kept} three." * 100)
    assert result.source.startswith("One [rxyxy")
    assert result.source.endswith(r"!] two \a{kept} three.")
    assert result.source.count("!]") == 100
    assert result.warnings == {"expansion_depth": 1, "endless_macro": 199}
    assert result.num_expansions < 600


def test_an_environment_that_begins_itself_ends() -> None:
    result = expand(r"\newenvironment{a}{\begin{b}}{\end{b}}\newenvironment{b}{\begin{a}}{\end{a}}One \begin{a}two\end{a} three")
    assert [word for word in ("One", "two", "three") if word in result.source] == ["One", "two", "three"]
    assert result.warnings["expansion_depth"] == 2


NAMES = [f"q{one}{other}" for one in "bcdfghjklm" for other in "abcdefghijklmnopqrstuvwxyz"]


@pytest.mark.parametrize(
    "num_macros, times, limits, what",
    [
        (26, 2, {"max_expansions": 10_000}, "more than 10000 macro calls"),
        (40, 2, {}, "more than 300"),
        (12, 10, {}, "macro calls"),
        (250, 2, {}, "more than 200 macros open inside one another"),
    ],
)
def test_macros_that_double_are_over_the_limit(num_macros: int, times: int, limits: dict[str, int], what: str) -> None:
    names = NAMES[:num_macros]
    doubling = "".join(f"\\def\\{one}{{" + f"\\{other}" * times + "}" for one, other in itertools.pairwise(names))
    source = f"{doubling}\\def\\{names[-1]}{{text }}\\{names[0]} end"
    expander = Expander({"main.tex": source}, LatexConfig(**limits))
    result = expander.expand("main.tex")
    assert result.is_over_limit
    assert what in expander.over_limit()
    assert result.num_expansions <= expander.max_expansions + 1


def test_an_argument_that_doubles_is_over_the_limit() -> None:
    result = expand(r"\def\a#1{\b{#1#1}}\def\b#1{\a{#1#1}}\a{w}")
    assert result.is_over_limit
    assert result.num_expansions < 30


@pytest.mark.parametrize("count", ["999999999", "10", "²", "x", "-1", ""])
def test_definitions_with_a_strange_number_of_arguments(count: str) -> None:
    assert (
        expand(f"\\newcommand{{\\a}}[{count}]{{b}}\\newenvironment{{e}}[{count}]{{c}}{{d}}\\a x\\begin{{e}}y\\end{{e}}").source == "bxcyd"
    )


def test_a_conditional_without_end_costs_nothing_after_it() -> None:
    result = expand("a \\ifodd\\x b c")
    assert result.source.split()[-2:] == ["b", "c"]


def test_what_is_dropped_is_counted() -> None:
    result = expand("% a comment\n\\newcommand{\\a}{A}\\iffalse no\\fi\\a")
    assert set(result.dropped) == {"comment", "definition", "false_branch"}


@pytest.mark.parametrize("body, pieces", [("a#1b", ("a", 1, "b")), ("##1", ("", "#1", "")), ("", ("",)), ("#2#1", ("", 2, "", 1, ""))])
def test_split_body(body: str, pieces: tuple[str | int, ...]) -> None:
    assert split_body(body) == pieces


def test_fill_keeps_words_apart() -> None:
    assert fill(("\\alpha", 1), ["x"]) == "\\alpha x"
    assert fill(("\\\\", 1), ["x"]) == "\\\\x"
    assert fill(("", 3, "."), ["x"]) == "."


def test_of_a_class_theorems_and_switches_are_taken_alone() -> None:
    files = {
        "main.tex": r"\documentclass{own}\usepackage{mine}\y\@x\z\ifdraft a\else b\fi",
        "mine.sty": "\\newcommand{\\@x}{1}\n\\newcommand*{\\y}{2}% \\newcommand{\\z}{3}\n\\newif\\ifdraft",
        "own.cls": "\\newcommand{\\z}{3}\\newtheorem{thm}{Satz}",
    }
    expanded = Expander(files, LatexConfig()).expand("main.tex")
    assert expanded.source == r"\documentclass{own}\usepackage{mine}2\@x\z b"
    assert expanded.theorems == {"thm": "Satz"}


@pytest.mark.parametrize(
    "body, wanted",
    [
        ("a% b\n  c", "ac"),
        (r"50\% a", r"50\% a"),
        ("a\\\\% b\nc", "a\\\\c"),
        ("% a\n% b\nc%", "c"),
        ("a%\n\nb", "a\nb"),
    ],
)
def test_uncomment(body: str, wanted: str) -> None:
    assert uncomment(body) == wanted


@pytest.mark.parametrize(
    "argument, shown",
    [
        ("x % note\n", "[x]"),
        ("x\n  % note\n  % more\n  ", "[x]"),
        ("x \\% y\n", "[x % y]"),
        ("x\\\\% note\n", "[x\n]"),
        ("% note\nx%\n", "[x]"),
    ],
)
def test_comment_at_the_end_of_an_argument_ends_with_its_line(argument: str, shown: str) -> None:
    assert body(f"\\one{{{argument}}} and so on", "\\newcommand{\\one}[1]{[#1]}") == f"{shown} and so on"
