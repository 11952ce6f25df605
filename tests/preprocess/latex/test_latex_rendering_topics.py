"""What single commands and environments print, by topic."""

import pytest

from tests.preprocess.latex.latex_paper import body


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\begin{align}a&=b\\\\[0.7em] c&=d\\\\\\end{align}", "\\begin{align}\na&=b\\\\ c&=d\n\\end{align}"),
        ("\\[a\\\\[1ex]b\\\\[-\\jot]c\\\\ \\]", "\\[a\\\\b\\\\c\\]"),
        ("\\[a\\\\*[2pt]b\\]", "\\[a\\\\b\\]"),
        ("\\[a\\\\[b]\\]", "\\[a\\\\[b]\\]"),
        ("$a\\ $", "$a\\ $"),
        (
            "\\begin{mathpar}\\inferrule{A\\\\B}{C}\\and D\\end{mathpar}",
            "\\begin{gather*}\n\\inferrule{A\\\\B}{C}\\qquad D\n\\end{gather*}",
        ),
        ("\\begin{subeqnarray}a&=&b\\label{x}\\\\c&=&d\\end{subeqnarray}", "\\begin{eqnarray}\na&=&b\\\\c&=&d\n\\end{eqnarray}"),
        ("x \\inferrule[R]{A\\\\B}{C} y \\infer[r]{A}{B&C}", "x\n\\[\\inferrule[R]{A\\\\B}{C}\\]\ny\n\\[\\infer[r]{A}{B&C}\\]"),
    ],
)
def test_formulas(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "\\begin{prooftree}\\AxiomC{$A$}\\AxiomC{$B$}\\LeftLabel{}\\RightLabel{I}\\BinaryInfC{$A,B$}\\UnaryInfC{$B$}\\end{prooftree}",
            "$A$\n$B$\n(I) $A,B$\n$B$",
        ),
        ("Thus \\AxiomC{$A$}\\UnaryInfC{$B$}\\DisplayProof as said", "Thus\n$A$\n$B$\nas said"),
        ("\\Axiom$A$\\UnaryInf$B$", "$A$\n$B$"),
    ],
)
def test_proof_trees(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\ding{51} \\ding{55} \\ding{172} \\ding{182} \\ding{72}", "✓ ✗ ① ❶ ★"),
        ("\\textcommabelow{s}\\textcommabelow{T}", "șȚ"),
        ("{\\accent18 e}t\\accent\"7F ud\\accent'177 {o} \\accent19 \\i", "ètüdö í"),
        ("\\MakeUppercase{abc $x_a$ \\cite{k}} \\uppercase{de} \\MakeLowercase{FG}", "ABC $x_a$ [cite:1] DE fg"),
        ("value\\tnote{a}", "value$^{a}$"),
    ],
)
def test_characters(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\bibentry{k}, \\textcites[p. 1]{a}{b}", "[cite:1], [cite:2][cite:3] (p. 1)"),
        ("\\citetext{see \\citealp{a}} \\citetext{priv.\\ comm.}", "(see [cite:1]) (priv. comm.)"),
    ],
)
def test_citations(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\begin{xltabular}{\\textwidth}{|l|X|}a&b\\\\c&d\\end{xltabular}", "a | b\nc | d"),
        ("\\begin{tabular*}{3cm}[t]{l@{\\extracolsep{\\fill}}r}a&b\\end{tabular*}", "a | b"),
    ],
)
def test_tables(source: str, shown: str) -> None:
    assert body(source) == shown
