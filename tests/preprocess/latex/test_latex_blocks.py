"""Where paragraphs, rows and items begin and end."""

import pytest

from tests.preprocess.latex.latex_paper import body


@pytest.mark.parametrize(
    "source, shown",
    [
        ("One.\\\\\n\n\\noindent Two.\\\\[2pt]\n\nThree.\\\\\nFour.", "One.\n\nTwo.\n\nThree.\nFour."),
        ("One.\\paragraph{}Two.\\section*{} Three.", "One.\n\nTwo.\n\nThree."),
        (
            "We see\n\\begin{subequations}\\label{e}\n\\begin{align}a&=b\\end{align}\n\\end{subequations}\nand",
            "We see\n\\begin{align}\na&=b\n\\end{align}\nand",
        ),
        ("One \\begin{em}word\\end{em} here \\begin{small}and there\\end{small}.", "One word here and there."),
    ],
)
def test_paragraphs(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\paragraph{Setup} We fix it.", "Setup. We fix it."),
        ("\\paragraph{Setup:} We fix it.", "Setup: We fix it."),
        ("\\paragraph{Examples}\\label{x} of it are known.", "Examples of it are known."),
        ("\\paragraph{Tools,} with care.", "Tools, with care."),
        ("\\subparagraph*{Notation}: we write $x$.", "Notation: we write $x$."),
        ("\\paragraph{Setup} $x$ is fixed.", "Setup. $x$ is fixed."),
    ],
)
def test_heading_that_begins_a_sentence_has_no_point(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\begin{tabular}{ll}a & b\n\n\\\\\\hline\n\nc & d \\\\\n\n e & f\n\ng\\end{tabular}", "a | b\nc | d\ne | f g"),
        ("\\begin{tabular}{|p{5cm}|}One.\n\nTwo.\\\\\\end{tabular}", "One.\nTwo."),
        ("\\halign{#&#\\cr a&b\n\n\\cr c&d\\cr}", "a | b\nc | d"),
        (
            "\\begin{tabular}{lcc}x & \\begin{tabular}[c]{@{}c@{}}mean\\\\ (error)\\end{tabular} & "
            "\\begin{minipage}{2cm}one\\\\two\\end{minipage}\\\\"
            "\\begin{tabular}{c}p\\\\q\\end{tabular} & 1 & 2\\\\\\end{tabular}",
            "x | mean (error) | one two\np q | 1 | 2",
        ),
        ("\\begin{tabular}{c}Left\\\\ \\begin{tabular}{l}p\\\\q\\end{tabular}\\\\\\end{tabular}", "Left\n\np\nq"),
    ],
)
def test_rows_are_one_line_each(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "\\begin{enumerate}\\item is\n\\[x\\]\n\\item b"
            "\\begin{itemize}\\item p\\item q\\end{itemize}\\item c\n\n\\item d\\end{enumerate}",
            "1. is\n\\[x\\]\n2. b\n- p\n- q\n3. c\n\n4. d",
        ),
        ("So\\begin{itemize}\\item[$\\diamond$] one\\item[$\\circ$] two\\item[$x$] three\\end{itemize}", "So\n\n- one\n- two\n- $x$ three"),
    ],
)
def test_items_follow_one_another(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "\\begin{algorithmic}\\STATE $a$\n\n\\IF{$b$}\n\n\\STATE $c$\\\\ $d$\n\n\\ENDIF\\end{algorithmic}",
            "$a$\nif $b$ then\n$c$\n$d$\nend if",
        ),
        (
            "\\begin{algorithm}\\KwIn{$x$}\\KwOut{$y$}\\uIf{$x$}{go\\;}\n\nstop\\;\\caption{How}\\end{algorithm}",
            "Input: $x$\nOutput: $y$\nif $x$ then\ngo\nstop\n\n[caption: How]",
        ),
        ("\\begin{algorithm}First.\n\nThen.\\end{algorithm}", "First.\n\nThen."),
    ],
)
def test_an_algorithm_is_one_block(source: str, shown: str) -> None:
    assert body(source) == shown
