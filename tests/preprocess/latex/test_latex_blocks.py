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
        ("We see\n\\begin{widetext}\n$$a$$\n\\end{widetext}\nand", "We see\n\\[a\\]\nand"),
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
        ("\\begin{tabbing}wide \\= word \\kill a \\> b\\\\ long line \\= x\\kill c \\> d\\end{tabbing}", "a b\nc d"),
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


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "\\begin{tabular}{lr@{.}l@{ $\\pm$ }lD{.}{.}{2}}A & \\multicolumn{3}{c}{B} & C\\\\ x & 1 & 25 & 3 & 4\\\\y&&&&1\\end{tabular}",
            "A | B | C\nx | 1.25 $\\pm$ 3 | 4\ny | . $\\pm$ | 1",
        ),
        ("\\begin{tabular}{@{}lr@{}lc@{}l@{}}a&12&.5&c&d\\end{tabular}", "a | 12.5 | c | d"),
        ("\\begin{tabular}{l@{\\hspace{1em}}l@{\\extracolsep{\\fill}}l}a&b&c\\end{tabular}", "a | b | c"),
        ("\\begin{tabular}{l*{2}{r@{--}l}}a&1&2&3&4\\end{tabular}", "a | 1–2 | 3–4"),
        ("\\begin{tabular}{r@{$\\pm$}ll}$3$ & $0.2$ & b\\end{tabular}", "$3\\pm0.2$ | b"),
        ("\\begin{longtable}{r@{.}l}\\caption{C}\\\\1&2\\endfirsthead 1&2\\endhead 3&4\\end{longtable}", "[caption: C]\n\n1.2\n3.4"),
    ],
)
def test_columns_that_are_joined(source: str, shown: str) -> None:
    assert body(source) == shown


def test_point_that_ends_no_sentence() -> None:
    assert body("i.e.\\@ this, NASA\\@. Next") == "i.e. this, NASA. Next"


def test_head_and_rows_of_a_long_table_are_one_block() -> None:
    source = "\\begin{longtable}{ll}\\caption{C}\\\\A&B\\\\\\endfirsthead A&B\\\\\\endhead a&b\\\\\\end{longtable}"
    assert body(source) == "[caption: C]\n\nA | B\na | b"


def test_arguments_that_macros_make() -> None:
    assert body("$\\frac\\R2$", "\\newcommand{\\R}{\\mathbb{R}}") == "$\\frac{\\mathbb{R}}2$"


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\bookchapter{sets}{rel}{Relations as Sets}A.", "# Relations as Sets\n\nA."),
        ("\\mysection{Relations}{sec:rel}A.", "# Relations\n\nA."),
        ("\\mysubsection{relations}{rel} A.", "## relations\n\nA."),
        ("\\mysection[x]{Relations} {\\bf A}.", "# Relations\n\nA."),
    ],
)
def test_sections_of_unknown_make(source: str, shown: str) -> None:
    assert body(source) == shown


def test_point_after_a_caption_is_no_paragraph() -> None:
    assert body("\\begin{figure}\\caption{One.}.\n\\label{f}\\end{figure} Text.") == "[caption: One.]\n\nText."
