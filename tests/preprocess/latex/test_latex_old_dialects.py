"""What papers of the nineties are written in: plain TeX, harvmac, phyzzx, AmS-TeX, LaTeX 2.09 and its journals' styles."""

import pytest

from tests.preprocess.latex.latex_paper import body, text_of


def plain(source: str) -> str:
    return text_of({"main.tex": source + "\n\\bye\n"}).rstrip("\n")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\newlength{\dw}\def\pad{\kern\dw}a \pad1.5 b", "a 1.5 b"),
        (r"\newlength{\dw}\settowidth{\dw}{\rm0}\catcode`?=\active \def?{\kern\dw}a ?1.5 b", "a 1.5 b"),
        (r"\newdimen\dw \dw=3pt a\kern-\dw 3 \hskip.5\dw 7 \hbox to\dw{b} \kern \dw 1.5", "a 3 7 b 1.5"),
        (r"\newdimen\dw \epsfxsize=\dw\epsfbox{plot.eps} b", "b"),
        (r"a\vskip0pt plus.1\vsize\penalty-250\vskip0pt plus-.1\vsize b", "a\n\nb"),
        (r"a\\[1pc] b\\[2truecm] c", "a\nb\nc"),
        (r"A \unitlength=1mm b \unitlength 2mm c \unitlength{1cm} d", "A b c d"),
    ],
)
def test_registers_as_values(source: str, wanted: str) -> None:
    assert body(source) == wanted


def test_numbered_registers() -> None:
    assert plain(r"a\advance\hsize by -1truein b") == "ab"
    assert plain(r"a \count5=7 \advance\count5 by -1 b \advance\dimen0 by 1pt c") == "a b c"


@pytest.mark.parametrize(
    ("style", "source", "wanted"),
    [
        ("aasms4", r"\begin{planotable}{lr}\tablehead{\colhead{A}&\colhead{B}}\startdata a&1\nl b&2\nl\enddata\end{planotable}",
         "A | B\na | 1\nb | 2"),
        ("aasms4", r"Stars \markcite{key}(Doe 1990) are.", "Stars (Doe 1990) are."),
        ("l-aa", r"A\begin{figure}\picplace{5cm}\caption[]{C.}\end{figure}", "A\n\n[caption: C.]"),
        ("elsart", r"\begin{pf*}{Proof of Lemma 2.} P.\end{pf*}", "Proof of Lemma 2. P."),
        ("aipproc", r"\begin{tabular}{l}\tablehead{1}{r}{b}{Head\tablenote{N.}}\\a\end{tabular}", "Head [footnote: N.]\na"),
        ("ioplppt", r"A\ftnote{3}{Note.} $\tdot{x}$", r"A [footnote: Note.] $\dddot{x}$"),
        ("kluwer", r"\newdisplay{guess}{Conjecture}\begin{guess}G.\end{guess}", "Conjecture. G."),
        ("ptptex", r"A\begin{figure}\figurebox{5cm}{4cm}\caption{C.}\end{figure}", "A\n\n[caption: C.]"),
        ("axodraw", r"A \SetWidth{0.7}\SetOffset(1,2) b", "A b"),
    ],
)  # fmt: skip
def test_styles_of_journals(style: str, source: str, wanted: str) -> None:
    shown = text_of({"main.tex": f"\\documentstyle[{style}]{{article}}\n\\begin{{document}}\n{source}\n\\end{{document}}\n"})
    assert shown.rstrip("\n") == wanted


@pytest.mark.parametrize(
    ("macros", "source", "wanted"),
    [
        ("harvmac", r"A \secno=3 b \global\meqno=1 c", "A b c"),
        ("harvmac", r"\def\ifig#1#2{\xdef#1{fig.~\the\figno}#2\global\advance\figno by1}\ifig\one{A.}\ifig\two{B.} \one, \two",
         "A.B. fig. 1, fig. 2"),
        ("phyzzx", r"$$a=b\eqno\eqname\first$$", r"\[a=b\]"),
        ("phyzzx", r"$$a=b\eq$$ \Appendix{B} Text.", "\\[a=b\\]\n\n# Appendix B\n\nText."),
        ("amstex", r"A \keywords rings, ideals\endkeywords B", "A\n\nKeywords: rings, ideals\n\nB"),
        ("amstex", r"$$\topaligned a&=b\\c&=d\endtopaligned$$", r"\[\begin{aligned}a&=b\\c&=d\end{aligned}\]"),
        ("vanilla.sty", r"$$\align a&=b\\c&=d\endalign$$", r"\[\begin{aligned}a&=b\\c&=d\end{aligned}\]"),
        ("lamstex", r"\HL1 Introduction \endHL Text.", "# Introduction\n\nText."),
    ],
)  # fmt: skip
def test_formats_of_plain_tex(macros: str, source: str, wanted: str) -> None:
    assert plain(f"\\input {macros}\n{source}") == wanted


FAMILY = r"\newfam\msbfam \font\tenmsb=msbm10 \textfont\msbfam=\tenmsb "


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (FAMILY + r"\def\Bbb{\fam\msbfam\tenmsb} A ${\Bbb Z}$, $\Bbb R^n$", r"A ${\mathbb{Z}}$, $\mathbb{R}^n$"),
        (FAMILY + r"\def\Bbb#1{{\fam\msbfam\relax#1}} A $\Bbb R^n$", r"A ${\mathbb{R}}^n$"),
        (r"\font\msb=msbm10 scaled\magstep1 \def\RR{\hbox{\msb R}} A $\RR$ and {\msb Z}", r"A $\mathbb{R}$ and $\mathbb{Z}$"),
        (r"\font\german=eufm10 A $\hbox{\german g}$", r"A $\mathfrak{g}$"),
        (r"\font\ninerm = cmr9 at 9truept A $x_{\hbox{\ninerm max}}$ {\ninerm b}", r"A $x_{\hbox{max}}$ b"),
        (r"\font\tenrm=cmr10 \textfont0=\tenrm \def\rm{\fam0\tenrm} A {\rm d} $x_{\rm e}$", r"A d $x_{\rm e}$"),
    ],
)
def test_fonts_of_plain_tex(source: str, wanted: str) -> None:
    assert plain(source) == wanted


def test_font_selection_shows_nothing() -> None:
    assert body(r"A {\fontencoding{OT2}\fontfamily{cmr}\selectfont b} $\mbox{\selectfont X}$") == r"A b $\mbox{X}$"


RULED = r"\vbox{\halign{\strut#&\vrule#\tabskip=1em&\hfil#&\vrule#&#\hfil&\vrule#\tabskip=0pt\cr"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (RULED + r"&&a&&1.1&\cr&&b&&2.2&\cr}}", "a | 1.1\nb | 2.2"),
        (RULED + r"\noalign{\hrule}&&\multispan3\hfil both\hfil&\cr&&a&& &\cr&&b&&2.2&\cr}}", "both\na |\nb | 2.2"),
        (r"\halign{\vrule\hfil#\hfil\vrule&#\vrule\cr a&b\cr c&d\cr}", "a | b\nc | d"),
    ],
)
def test_columns_that_draw_lines(source: str, wanted: str) -> None:
    assert plain(source) == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\def\ref#1{\par\noindent[#1] }A b.\ref{1}C.\ref{2}D.", "A b.\n\n[1] C.\n\n[2] D."),
        (r"\def\abstract{\bigskip\centerline{\bf Abstract}} \def\endabstract{\par}A \abstract We look.\endabstract B",
         "A\n\nAbstract\n\nWe look.\n\nB"),
        (r"\def\ref#1{\csname ref#1\endcsname}See \ref{a}.", "See [ref:1]."),
    ],
)  # fmt: skip
def test_names_of_latex_in_plain_tex(source: str, wanted: str) -> None:
    assert plain(source) == wanted


def test_numbers_in_brackets_behind_commands_of_layout() -> None:
    assert plain(r"A.\par\noindent[1] B. \medskip[2] C\pagebreak[3] d.") == "A.\n\n[1] B.\n\n[2] C d."


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\cite{1, Theorem 2.1} \cite{1,Sm}", "[cite:1] (Theorem 2.1) [cite:1][cite:2]"),
        (r'\roster\item"i." one\item"$*$" two\endroster', "- i. one\n- $*$ two"),
        (r"\cite{Sm, p.~3} \cite{\bf Sm, \S 3}", "[cite:1] (p. 3) [cite:1] (§3)"),
        (r"$\undersetbrace n\to{a}$ $\alignedat 2 a&b\endalignedat$", r"$\underbrace{a}_{n}$ $\begin{alignedat}{2} a&b\end{alignedat}$"),
    ],
)
def test_amsppt(source: str, wanted: str) -> None:
    assert text_of({"main.tex": f"\\documentstyle{{amsppt}}\n\\document\n{source}\n\\enddocument\n"}).rstrip("\n") == wanted


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\let\drawn=\iftrue \drawn A\else B\fi C", "AC"),
        (r"\let\drawn\iffalse \drawn A\else B\fi C", "BC"),
    ],
)
def test_conditionals_by_another_name(source: str, wanted: str) -> None:
    assert plain(source) == wanted


def test_at_sign_of_the_first_amsart() -> None:
    shown = text_of({"main.tex": r"\documentstyle{amsart}\begin{document}\email{doe\@@x.edu} Text.\end{document}"})
    assert "doe@x.edu" in shown


def test_formulas_in_the_text_of_a_formula_stay_apart() -> None:
    assert body(r"$x\in\text{$A$ and $B$}$, $a\mbox{$\alpha$}b$") == r"$x\in A\text{ and }B$, $a\alpha b$"


POOR_BOLD = r"\def\pmb#1{\setbox0=\hbox{%s}\kern-.025em\copy0\kern-\wd0\kern.05em\copy0\kern-\wd0\kern-.025em\raise.0433em\box0} "


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (POOR_BOLD % "#1" + r"\pmb{Title} $a\pmb{$\alpha$}$", r"Title $a\alpha$"),
        (POOR_BOLD % "$#1$" + r"$a\pmb\alpha$", r"$a\boldsymbol{\alpha}$"),
        (r"$$\vcenter{\hbox{\epsfxsize=3cm\epsffile{x.ps}}}=y$$", r"\[\vcenter{\hbox{}}=y\]"),
    ],
)
def test_boxes_in_formulas(source: str, wanted: str) -> None:
    assert plain(source) == wanted


def test_registers_leave_the_brace_behind_them() -> None:
    notes = r"\newcount\fn \def\fnote#1{\global\advance\fn by1\footnote{$^{\the\fn}$}{#1}} A\fnote{One.} b{\it \number\fn} c"
    assert plain(notes) == "A [footnote: One.] b1 c"
