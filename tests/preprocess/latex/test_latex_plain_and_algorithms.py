"""Plain TeX's tables and lines, AmS-TeX's marks, commands that papers add to algorithms, babel's shorthands."""

import pytest

from tests.preprocess.latex.latex_paper import body, text_of

ALGORITHM = "\\begin{{algorithmic}}[1]\n{}\n\\end{{algorithmic}}"


def plain(source: str) -> str:
    return text_of({"main.tex": source + "\n\\bye\n"}).rstrip("\n")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("A.\n\\halign{\\indent#\\hfil&\\quad$#$\\cr one&2\\cr\n\\noalign{\\hrule}\nthree&\\multispan2 four\\cr}",
         "A.\n\none | 2\nthree | four"),
        ("$$\\vbox{\\halign to 3in{\\strut#&\\vrule#\\cr a&b\\cr c&d\\cr}}$$", "a | b\nc | d"),
        ("A \\settabs 3\\columns\\settabs\\+long sample&x\\cr\n\\+one & two\\cr", "A\none | two"),
        ("\\centerline{A}\\centerline{B}\nC", "A\n\nB\n\nC"),
        ("One\\hfil\\break two", "One two"),
        ("Left\\hfill right", "Left right"),
        ("{\\obeylines Dept\nCity\nLand\n} End", "Dept\nCity\nLand\nEnd"),
        ("$$x=y\\eqno(1)$$", "\\[x=y\\eqno(1)\\]"),
    ],
)  # fmt: skip
def test_plain_tex(source: str, wanted: str) -> None:
    assert plain(source) == wanted


def test_marks_of_ams_tex() -> None:
    shown = text_of({"main.tex": "\\documentstyle{amsppt}\\document A\\footnote\"*\"{Note.} b \\email doe\\@x.edu\\endemail\n\n"
                     "\\roster\\item\"(a)\" one\\item two\\endroster\\enddocument"})  # fmt: skip
    assert "A [footnote: Note.] b" in shown
    assert "doe@x.edu" in shown
    assert "- (a) one" in shown


@pytest.mark.parametrize(
    ("preamble", "source", "wanted"),
    [
        (r"\algdef{S}[FOR]{ForEach}[1]{\algorithmicforeach\ #1\ \algorithmicdo}\newcommand{\algorithmicforeach}{for each}",
         r"\ForEach{$x$}\State a\EndFor", "1: for each $x$ do\n2: a\n3: end for"),
        (r"\algdef{SE}[DOWHILE]{Do}{doWhile}{\algorithmicdo}[1]{\algorithmicwhile\ #1}",
         r"\Do\State a\doWhile{$x$}", "1: do\n2: a\n3: while $x$"),
        (r"\algblockdefx[Each]{Each}{EndEach}[1]{\textbf{each} #1}{\textbf{done}}",
         r"\Each{$x$}\State a\EndEach", "1: each $x$\n2: a\n3: done"),
        (r"\algblock{ParFor}{EndParFor}\algrenewtext{ParFor}[1]{parfor #1}\algtext*{EndParFor}",
         r"\ParFor{$x$}\State a\EndParFor", "1: parfor $x$\n2: a"),
        (r"\algnewcommand{\LineComment}[1]{\State // #1}", r"\LineComment{hello}\State a", "1: // hello\n2: a"),
        (r"\renewcommand{\algorithmicrequire}{\textbf{Input:}}", r"\Require $x$\State a", "Input: $x$\n1: a"),
        ("", r"\Require $x$\State a", "Require: $x$\n1: a"),
        (r"\usepackage[noend]{algpseudocode}", r"\If{$x$}\State a\EndIf\State b", "1: if $x$ then\n2: a\n3: b"),
    ],
)  # fmt: skip
def test_commands_added_to_algorithmicx(preamble: str, source: str, wanted: str) -> None:
    assert body(ALGORITHM.format(source), "\\usepackage{algorithm,algpseudocode}" + preamble) == wanted


@pytest.mark.parametrize(
    ("options", "source", "wanted"),
    [
        ("", r"\KwRet $a$\; \lIf{$x$}{y}", "return $a$\nif $x$ then\ny"),
        ("", r"a\tcp*[r]{side}b\;", "a // side\nb"),
        ("vlined", r"\If{$x$}{a\;}", "if $x$ then\na"),
        ("", r"\If{$x$}{a\;}", "if $x$ then\na\nend"),
        ("longend", r"\If{$x$}{a\;}", "if $x$ then\na\nend if"),
        ("linesnumbered,commentsnumbered", r"\tcc{why}a\;", "1 /* why */\n2 a"),
        ("linesnumbered", r"\LinesNumberedHidden a\; b\;", "a\nb"),
        ("linesnumbered", r"\tcc{why}a\; b\tcp*{side}\tcp{how}c\;", "/* why */\n1 a\n2 b // side\n// how\n3 c"),
        ("", r"\nl first.\BlankLine\nl second", "1 first.\n2 second"),
        (
            "ruled",
            "\\If(\\tcp*[f]{see (a)}){$x$}{go\\;}\\Switch{$i$}{\\Case(one){$1$}{stay\\;}}",
            "if $x$ then // see (a)\ngo\nend\nswitch $i$ do\ncase $1$ do one\nstay\nend\nend",
        ),
    ],
)
def test_algorithm2e(options: str, source: str, wanted: str) -> None:
    shown = body(f"\\begin{{algorithm}}\n{source}\n\\end{{algorithm}}", f"\\usepackage[{options}]{{algorithm2e}}")
    assert shown == wanted


@pytest.mark.parametrize(
    ("preamble", "source", "wanted"),
    [
        (r"\usepackage[english,russian]{babel}", '"<да"> "--- т"=е', "«да» — т-е"),
        (r"\usepackage[ngerman]{babel}", '"<ja"> "a', "«ja» ä"),
        (r"\usepackage[french]{babel}", r"\no5", "n° 5"),
        ("", r"Nguy\~{\^e}n, \h{a}, ph\uhorn ong", "Nguyễn, ả, phưong"),
        ("", '"<x">', '"<x">'),
    ],
)
def test_languages(preamble: str, source: str, wanted: str) -> None:
    assert body(source, preamble) == wanted


@pytest.mark.parametrize(
    ("options", "own", "code", "wanted"),
    [
        ("escapeinside={(*}{*)}", "", r"a (*$\lambda$*) (*\textbf{x}*) $0", r"a $\lambda$ x $0"),
        ("escapeinside=||", "", r"a |$\pi$|", r"a $\pi$"),
        ("language=C, escapechar=\\%", "", r"a %$\pi$% b %", r"a $\pi$ b %"),
        ("language=C", "", r"a @$\pi$@", r"a @$\pi$@"),
        ("", "[escapechar=@]", r"a @$\pi$@", r"a $\pi$"),
    ],
)
def test_tex_in_listings(options: str, own: str, code: str, wanted: str) -> None:
    shown = body(f"\\begin{{lstlisting}}{own}\n{code}\n\\end{{lstlisting}}", f"\\lstset{{{options}}}")
    assert shown == f"```\n{wanted}\n```"


def test_blocks_of_authors_stand_apart() -> None:
    preamble = r"\author{\IEEEauthorblockN{Ada B} \IEEEauthorblockA{Town, Land}}"
    assert body(r"\maketitle Text.", preamble) == "Ada B, Town, Land\n\nText."


def test_notes_and_addresses_above_the_body() -> None:
    assert (
        body(r"\maketitle Text.", r"\title{T}\thanks{By grant.}\newmdtheoremenv{thm}{Theorem}") == "# T\n\n[footnote: By grant.]\n\nText."
    )
    assert body(r"\affiliation[a]{organization={Dept, X},addressline={Street 1}, city={Town},country=Land}Text.") == (
        "Dept, X, Street 1, Town, Land\n\nText."
    )
    assert body(r"\begin{thm}x\end{thm}", r"\newmdtheoremenv[linecolor=red]{thm}{Theorem}") == "Theorem. x"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"$P(\text{a point at $\mathbf{s}$ is seen})$", r"$P(\text{a point at }\mathbf{s}\text{ is seen})$"),
        (r"\llabel{sec:one}A \leader{111A}{Definition} Let.", "A 111A Definition Let."),
        (r"\begin{defi}[Chain] x\end{defi}\begin{rmk}y\end{rmk}", "Definition (Chain). x\n\nRemark. y"),
        (r"A\acroplural{OS}[OSes]{Operating Systems}.", "A."),
        (
            r"\acp{ox} \acp{ox} \acp{pc}\acrodef{ox}{Own eXample}\acrodef{pc}{Personal Computer}\acroplural{ox}[oxen]{Own eXamples}",
            "Own eXamples (oxen) oxen Personal Computers (pcs)",
        ),
        (r"\begin{itemize}\item[--] x\item[$\bullet$] y\item[(a)] z\end{itemize}", "- x\n- y\n- (a) z"),
        (
            r"$a\scalebox{0.5}{$b$}\raisebox{1pt}[0pt][0pt]{c}$ \[\resizebox{.9\hsize}{!}{$\frac{x}{y}$}\]",
            "$a{b}\\text{c}$\n\\[{\\frac{x}{y}}\\]",
        ),
        (r"\begin{tabular}{cc}\includegraphics{a}&\includegraphics{b}\\ (a) & (b)\end{tabular}", "(a) | (b)"),
        (r"\begin{tabular}{c|c} & \\ a & \\ & b\end{tabular}", "a |\n| b"),
    ],
)
def test_what_stood_in_papers_of_mathematics(source: str, wanted: str) -> None:
    assert body(source) == wanted
