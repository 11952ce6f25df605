r"""`\mathchoice` and `\mathpalette`: of four branches the one of the place, never all four."""

import time

import pytest

from preprocess.config import Config
from preprocess.latex.render import Numbers, Renderer
from preprocess.latex.rendering.formulas import display
from preprocess.latex.scan import Scanner
from tests.preprocess.latex.latex_paper import body

FOUR = r"\newcommand{\cat}{\mathchoice{\bullet}{\star}{\ast}{\circ}}"
ARROW = r"\makeatletter\newcommand{\To}[2][]{\ext@arrow 0359\Rightarrowfill@{#1}{#2}}\makeatother"
PERP = r"\def\indep{\mathpalette\indepT{\perp}}\def\indepT#1#2{\mathrel{#1#2\mkern2mu#1#2}}"


@pytest.mark.parametrize(
    "source, expected, preamble",
    [
        (r"$a\cat b$", r"$a\star b$", FOUR),
        (r"\[a\cat b\]", r"\[a\bullet b\]", FOUR),
        (r"$x^{a\cat b}_\cat$", r"$x^{a\ast b}_{\ast}$", FOUR),
        (r"\[x^{\mathrm{a}\cat b}\cat c\]", r"\[x^{\mathrm{a}\ast b}\bullet c\]", FOUR),
        (r"\begin{align}a\cat b\end{align}", "\\begin{align}\na\\bullet b\n\\end{align}", FOUR),
        (r"$\mathchoice{a}{\mathchoice{1}{2}{3}{4}x}{c}{d}$", r"$2x$", ""),
        (r"\[\mathchoice{\displaystyle\sum}{\sum}{s}{s}\]", r"\[\sum\]", ""),
        (r"\[\mathchoice{\textstyle\sum}{\sum}{s}{s}y\]", r"\[{\textstyle\sum}y\]", ""),
        (r"$\cdot\mathchoice{a}{b}{c}{d}\mathchoice{a}{\mu}{c}{d}e$", r"$\cdot b\mu e$", ""),
        (r"$\mathchoice{a}{b}{c}$", r"$\mathchoice{a}{b}{c}$", ""),  # no choice of four
        (r"$X\indep Y$", r"$X\mathrel{\perp\perp}Y$", PERP),
        (r"$\mathpalette{\indepT}{\perp}$", r"$\mathrel{\perp\perp}$", PERP),
        (r"$\mathpalette\nobodysown{x}y$", "$xy$", ""),
        (r"$A\To[b]{a}B\To{c}C$", r"$A\xRightarrow[b]{a}B\xRightarrow{c}C$", ARROW),
    ],
)
def test_the_branch_of_the_place(source: str, expected: str, preamble: str) -> None:
    assert body(source, preamble) == expected


def test_nested_choices_take_linear_time() -> None:
    renderer = Renderer({}, Numbers(), Config().latex, Scanner(0, has_comments=False))
    formula = r"\mathchoice{" * 3_000 + "x" + "}{b}{c}{d}" * 3_000 + r"\mathchoice{a}{b}{c}{d}^{" * 3_000
    began = time.process_time()
    shown = display(renderer, formula)
    assert time.process_time() - began < 3
    assert "x" in shown or "mathchoice" in shown
