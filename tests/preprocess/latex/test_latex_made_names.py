"""Commands whose names are made, loops that make them, numbers that decide, code by the paper's own names."""

import pytest

from tests.preprocess.latex.latex_paper import body


@pytest.mark.parametrize(
    "preamble",
    [
        r"\def\do#1{\expandafter\def\csname c#1\endcsname{\mathcal{#1}}}\do A\do B",
        r"\makeatletter\@for\next:=A,B\do{\expandafter\edef\csname c\next\endcsname{\noexpand\mathcal{\next}}}\makeatother",
        r"\makeatletter\@tfor\x:=AB\do{\expandafter\edef\csname c\x\endcsname{\noexpand\mathcal{\x}}}\makeatother",
        r"\foreach \x in {A,...,Z}{\expandafter\xdef\csname c\x\endcsname{\noexpand\mathcal{\x}}}",
        r"\def\mk#1{\expandafter\def\csname c#1\endcsname{\mathcal{#1}}}\def\all#1{\ifx#1\all\else\mk#1\expandafter\all\fi}\all ABC\all",
        r"\newcommand{\mk}[1]{\expandafter\newcommand\csname c#1\endcsname{\mathcal{#1}}}\forcsvlist{\mk}{A,B}",
        r"\renewcommand*{\do}[1]{\csdef{c#1}{\mathcal{#1}}}\docsvlist{A,B}",
        r"\makeatletter\@namedef{cA}{\mathcal{A}}"
        r"\expandafter\let\csname cB\endcsname=\relax\expandafter\def\csname cB\endcsname{\mathcal B}",
        r"\makeatletter\newcounter{t}\loop\stepcounter{t}\expandafter\edef\csname c\@Alph\c@t\endcsname{\noexpand\mathcal{\@Alph\c@t}}"
        r"\ifnum\thet<26\repeat\makeatother",
        r"\forLoop{1}{26}{t}{\expandafter\edef\csname c\Alph{t}\endcsname{\noexpand\mathcal{\Alph{t}}}}",
        r"\ExplSyntaxOn \tl_map_inline:nn { ABC } { \cs_new:cpn { c #1 } { \mathcal { #1 } } } \ExplSyntaxOff",
        r"\newcommand{\mk}[1]{\expandafter\newcommand\expandafter{\csname c#1\endcsname}{\mathcal{#1}}}\mk{A}\mk{B}",
    ],
)
def test_alphabets_of_macros(preamble: str) -> None:
    assert body(r"Let $\cA\cB$.", preamble).replace(" ", "").replace("{", "").replace("}", "") == r"Let$\mathcalA\mathcalB$."


@pytest.mark.parametrize(
    ("source", "preamble", "wanted"),
    [
        (r"\k{0}, \k{1}, \k{2}, \k{9}.", r"\newcommand{\k}[1]{\ifcase#1\relax zero\or one\or two\else many\fi}", "zero, one, two, many."),
        (r"\k", r"\newcounter{n}\setcounter{n}{2}\newcommand{\k}{\ifcase\value{n} a\or b\or c\fi}", "c"),
        (r"\k{5} \k{2}", r"\newcommand{\k}[1]{\ifnum#1>3 big\else small\fi}", "big small"),
        (r"\ifnum\n=2 two\else none\fi{} \ifodd\n odd\else even\fi", r"\newcount\n \n=1 \advance\n by 1 ", "two even"),
        (r"\the\n, \romannumeral\n.", r"\newcount\n \n=3 \advance\n by 1", "4, iv."),
        (r"A \eg foo, \eg, b \etal. \etal{} said", r"\makeatletter\def\onedot{\futurelet\@let@token\@onedot}"
         r"\def\@onedot{\ifx\@let@token.\else.\null\fi\xspace}\def\eg{e.g\onedot}\def\etal{et al\onedot}",
         "A e.g. foo, e.g., b et al. et al. said"),
        (r"\foo{} \foo*{x} \foo-y.",
         r"\newcommand\foo{F}\WithSuffix\newcommand\foo*[1]{S(#1)}\WithSuffix\def\foo-#1{D(#1)}", "F S(x) D(y)."),
        (r"\mine", r"\makeatletter\@namedef{my-name}{named}\newcommand{\mine}{\@nameuse{my-name}}", "named"),
        (r"\xyz", r"\makeatletter\@ifundefined{xyz}{\newcommand{\xyz}{XYZ}}{}\makeatother", "XYZ"),
        (r"\xyz", r"\usepackage{foo}\makeatletter\@ifpackageloaded{foo}{\newcommand{\xyz}{yes}}{\newcommand{\xyz}{no}}", "yes"),
        (r"A\csname no-such\endcsname b", "", "Ab"),
        (r"\csname sec\endcsname", r"\newcommand{\sec}{S}", "S"),
        (r"x\w y", r"\ExplSyntaxOn\tl_new:N \g_my_tl \cs_new:Npn \my_f:n #1 {#1}\NewDocumentCommand{\w}{}{W}\ExplSyntaxOff", "xWy"),
    ],
)  # fmt: skip
def test_names_and_numbers(source: str, preamble: str, wanted: str) -> None:
    assert body(source, preamble) == wanted


@pytest.mark.parametrize(
    ("source", "preamble", "wanted"),
    [
        ("\\begin{py}[caption=Mine]\na_b % c\n\\end{py}",
         r"\lstnewenvironment{py}[1][]{\lstset{#1}}{}", "[caption: Mine]\n\n```\na_b % c\n```"),
        ("\\begin{haskellcode}\na_b\n\\end{haskellcode}", r"\newminted{haskell}{linenos}", "```\na_b\n```"),
        ("\\begin{raw}\na_b % c\n\\end{raw}", r"\DefineVerbatimEnvironment{raw}{Verbatim}{fontsize=\small}", "```\na_b % c\n```"),
        ("\\begin{raw}\na_b\n\\end{raw}", r"\newenvironment{raw}{\small\verbatim}{\endverbatim}", "```\na_b\n```"),
        (r"See |a_b %| and $x$.", r"\MakeShortVerb{\|}", "See `a_b %` and $x$."),
        (r"See |a_b| and \lstinline|c|d.", r"\lstMakeShortInline[columns=fixed]|", "See `a_b` and `c`d."),
        (r"\mintinline{python}{x % y} and \hs{a_b}", r"\newmintinline[hs]{haskell}{}", "`x % y` and `a_b`"),
        ("\\begin{code}x\\end{code}", r"\newenvironment{code}{\begin{quote}}{\end{quote}}", "x"),
    ],
)  # fmt: skip
def test_code_by_own_names(source: str, preamble: str, wanted: str) -> None:
    assert body(source, preamble) == wanted


@pytest.mark.parametrize(
    ("preamble", "source", "wanted"),
    [
        (
            r"\NewDocumentCommand\ev{e{_^} m}{E\IfValueT{#1}{_{#1}}\IfValueT{#2}{^{#2}}[#3]}",
            r"$\ev_{x}{X}+\ev^2{Y}+\ev{Z}$",
            "$E_{x}[X]+E^{2}[Y]+E[Z]$",
        ),
        (r"\NewDocumentCommand{\ip}{>{\SplitArgument{1}{,}} m}{\langle#1\rangle}", r"$\ip{a,b}$", r"$\langle a,b\rangle$"),
        (r"\NewDocumentEnvironment{foo}{m}{#1: }{ (end)}", r"\begin{foo}{T}body\end{foo}", "T: body (end)"),
        (r"\NewDocumentEnvironment{foo}{+b}{(#1)}{}", r"\begin{foo}body\end{foo}", "(body)"),
    ],
)
def test_arguments_of_xparse(preamble: str, source: str, wanted: str) -> None:
    assert body(source, preamble) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\author{John$^{*}$\email{a@b.c} \\ Dept \and B}Text", "John$^{*}$, a@b.c, Dept, B\n\nText"),
        ("\\author{Ann\\\\\n\tLab \\\\\n\t\\And\n\tBob\\\\ Uni \\\\\n\t\\AND Cy} Text", "Ann, Lab, Bob, Uni, Cy\n\nText"),
        ("\\author{A. One},\n\\author{B. Two} Text", "A. One\n\nB. Two\n\nText"),
        (r"\author{Ann$^{1}$ \quad Bob$^{2}$} Text", "Ann$^{1}$, Bob$^{2}$\n\nText"),
        (r"\address{$^{1}$ \quad Lab \\ $^{2}$ \quad Uni} Text", "$^{1}$ Lab, $^{2}$ Uni\n\nText"),
    ],
)
def test_authors(source: str, wanted: str) -> None:
    assert body(source) == wanted
