"""What physicists and astronomers write: symbols that they draw, vocabularies of packages, signs, the front matter of their classes."""

import pytest

from preprocess.latex.drawn_symbols import MAX_BODY_CHARACTERS, standard_symbol
from tests.preprocess.latex.latex_paper import text_of


def paper(document_class: str, body: str, preamble: str = "") -> str:
    source = f"\\documentclass{{{document_class}}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    return text_of({"main.tex": source}).rstrip("\n")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (r"\mathrel{\rlap{\lower4pt\hbox{\hskip1pt$\sim$}}\raise1pt\hbox{$<$}}", r"\lesssim"),
        (r"\mathrel{\raise.3ex\hbox{$>$\kern-.75em\lower1ex\hbox{$\sim$}}}", r"\gtrsim"),
        (r"{\lower.5ex\hbox{$\; \buildrel < \over \sim \;$}}", r"\lesssim"),
        (r"\mathrel{\mathpalette\fun >}", r"\gtrsim"),
        (r"\stackrel{<}{_\sim}", r"\lesssim"),
        (r"\mbox{\raisebox{-0.6ex}{$\stackrel{\textstyle >}{\sim}$}}", r"\gtrsim"),
        (r"\raise.3ex\hbox{$<$\kern-.75em\lower1ex\hbox{$\approx$}}", r"\lessapprox"),
        (
            r"\mathrel{\mathchoice {\vcenter{\offinterlineskip\halign{\hfil$\displaystyle##$\hfil\cr<\cr\sim\cr}}}"
            r"{\vcenter{\offinterlineskip\halign{\hfil$\scriptstyle##$\hfil\cr<\cr\sim\cr}}}}",
            r"\lesssim",
        ),
        (r"#1\!\!\!/", r"\slashed{#1}"),
        (r"\rlap/#1", r"\slashed{#1}"),
        (r"{\mathpalette\c@ncel{#1}}", r"\slashed{#1}"),
        (r"D\kern-0.65em/", r"\slashed{D}"),
        (
            r"\setbox0=\hbox{$#1$}\dimen0=\wd0\setbox1=\hbox{/} \dimen1=\wd1\ifdim\dimen0>\dimen1\rlap{\hbox to \dimen0{\hfil/\hfil}}#1"
            r"\else\rlap{\hbox to \dimen1{\hfil$#1$\hfil}}/\fi",
            r"\slashed{#1}",
        ),
        (r"\relax{\rm I\kern-.18em R}", r"\mathbb{R}"),
        (r"I\!\!N", r"\mathbb{N}"),
        (r"{\sf Z\hspace{-.4em}Z}", r"\mathbb{Z}"),
        (r"\relax\hbox{$\inbar\kern-.3em{\rm C}$}", r"\mathbb{C}"),
        (r"{\rm 1\kern-.25em l}", r"\mathbb{1}"),
        (r"a\!b", None),
        (r"{\bf k}\kern-.1em", None),
        (r"\mathop{\mathrm{d}\!}", None),
        (r"\raise2pt\hbox{$<$}", None),
        (r"a<b\sim c", None),
        (r"\raise1pt\hbox{$<$}\sim x", None),
        ("\\kern-1pt" * (MAX_BODY_CHARACTERS // 9 + 1), None),
    ],
)
def test_symbols_drawn_from_boxes_are_told_by_what_is_seen(body: str, wanted: str | None) -> None:
    assert standard_symbol(body) == wanted


def test_a_drawn_symbol_is_its_command_in_formulas_and_in_prose() -> None:
    preamble = (
        r"\def\lsim{\mathrel{\raise.3ex\hbox{$<$\kern-.75em\lower1ex\hbox{$\sim$}}}}" + "\n"
        r"\newcommand{\slsh}[1]{#1\!\!\!/}" + "\n" + r"\def\gtrsim{\raise.3ex\hbox{$>$\kern-.75em\lower1ex\hbox{$\sim$}}}"
    )
    shown = paper("article", r"$m\lsim M$, $\slsh p=\slsh{q}$, $a \gtrsim b$, \lsim 3.", preamble)
    assert shown == r"$m\lesssim M$, $\slashed{p}=\slashed{q}$, $a \gtrsim b$, $\lesssim$3."


def test_symbols_are_drawn_in_packages_of_the_archive_too() -> None:
    style = r"\def\lsim{\mathrel{\raise.3ex\hbox{$<$\kern-.75em\lower1ex\hbox{$\sim$}}}}" + "\n" + r"\def\bx{\setbox0\hbox{x}}"
    source = "\\documentclass{article}\\usepackage{mine}\\begin{document}$a\\lsim b$\\end{document}"
    assert text_of({"main.tex": source, "mine.sty": style}) == "$a\\lesssim b$\n"


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (r"\dv{t}", r"\frac{\mathrm{d}}{\mathrm{d}t}"),
        (r"\dv[2]{x}{t}", r"\frac{\mathrm{d}^{2}x}{\mathrm{d}t^{2}}"),
        (r"\pdv{f}{x}", r"\frac{\partial f}{\partial x}"),
        (r"\pdv{f}{x}{y}", r"\frac{\partial^2 f}{\partial x\partial y}"),
        (r"\qty(\frac{f(x)}{2}+1)", r"\left(\frac{f(x)}{2}+1\right)"),
        (r"\qty(g(f(x))+1)y", r"\left(g(f(x))+1\right)y"),
        (r"\qty\bigg[a]", r"\left[a\right]"),
        (r"\qty{a}", r"\left\{a\right\}"),
        (r"\abs{x}+\abs*{y}", r"\left|x\right|+|y|"),
        (r"\norm{\vb{v}}", r"\left\|\mathbf{v}\right\|"),
        (r"\expval{A}{\psi}=\ev{A}", r"\langle \psi|A|\psi\rangle=\langle A\rangle"),
        (r"\bra{a}\ket{b}\ket{c}", r"\langle a|b\rangle|c\rangle"),
        (r"\braket{a}{b}\mel{n}{H}{m}\dyad{a}", r"\langle a|b\rangle\langle n|H|m\rangle|a\rangle\langle a|"),
        (r"\comm{a}{b}\acomm{a}{b}", r"\left[a,b\right]\left\{a,b\right\}"),
        (r"\div\vb{E}+\curl{B}+\grad f", r"\nabla\cdot\mathbf{E}+\nabla\times B+\nabla f"),
        (r"\dd{x}\dd[3]{y}\dd(\cos x)\dd z", r"\mathrm{d}x\mathrm{d}^{3}y\mathrm{d}\left(\cos x\right)\mathrm{d}z"),
        (r"\mqty(a & b \\ c & d)", r"\begin{pmatrix}a & b \\ c & d\end{pmatrix}"),
        (r"\order{x^2}", r"\mathcal{O}\left(x^2\right)"),
        (r"\eval{f}_0^1", r"\left.f\right|_0^1"),
        (r"a\qq{if}b", r"a\quad\text{if}\quad b"),
    ],
)
def test_the_package_physics_speaks_amsmath(formula: str, wanted: str) -> None:
    assert paper("article", f"${formula}$", "\\usepackage{physics}") == f"${wanted}$"
    assert paper("article", f"${formula}$") != f"${wanted}$"  # of nobody that has not loaded it


def test_a_command_of_the_papers_own_wins_over_that_of_physics() -> None:
    assert paper("article", r"$\dv{x}$", "\\usepackage{physics}\\renewcommand{\\dv}[1]{D_{#1}}") == "$D_{x}$"


def test_the_package_braket_speaks_amsmath() -> None:
    shown = paper("article", r"$\ket{\psi}\Bra{a}\braket{a|b}\Set{x|x>0}$", "\\usepackage{braket}")
    assert shown == r"$|\psi\rangle\left\langle a\right|\langle a|b\rangle\left\{x|x>0\right\}$"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\ion{C}{4} and \ion{He}{ii}", "C IV and He II"),
        (r"$N(\ion{H}{1})$", r"$N(\mathrm{H\,I})$"),
        (r"H\,{\sc ii} and C~\textsc{iv}", "H II and C IV"),
        (r"0\farcs5, 3\arcmin, 12\fdg5, 4\degr, 5\arcsec", "0″.5, 3′, 12°.5, 4°, 5″"),
        (r"$1\farcs5\times2\arcmin$", r"$1.^{\prime\prime}5\times2^{\prime}$"),
        (r"$M_\sun \la 3 \ga x$", r"$M_\odot\lesssim3 \gtrsim x$"),
        (r"\placefigure{fig1}Text.", "Text."),
        (r"\gridline{\fig{a.pdf}{0.5\textwidth}{(a) Left}}", "[caption: (a) Left]"),
        (r"\edit1{new} words", "new words"),
    ],
)
def test_astronomers_signs(source: str, wanted: str) -> None:
    assert paper("aastex63", source) == wanted
