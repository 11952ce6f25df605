"""Classes of mathematics, statistics and computer science: what their commands show, what they hide."""

import pytest

from tests.preprocess.latex.latex_paper import text_of


def classed(document_class: str, source: str, preamble: str = "") -> str:
    whole = f"\\documentclass{{{document_class}}}\n{preamble}\n\\begin{{document}}\n{source}\n\\end{{document}}\n"
    return text_of({"main.tex": whole}).rstrip("\n")


def test_front_matter_by_capitalised_commands() -> None:
    shown = classed(
        "jss",
        "Call \\code{lm(y ~ x)}.\n\\begin{CodeInput}\nR> x_1 <- 2 # 5 %\n\\end{CodeInput}",
        "\\title{Software}\\Plaintitle{Software, plain}\\author{A. One\\\\Univ}\\Plainauthor{A. One}\\Abstract{We show.}"
        "\\Keywords{trees, forests}\\Plainkeywords{x}\\Volume{50}\\Address{A. One\\\\Street 1}",
    )
    assert shown == (
        "# Software\n\nA. One, Univ\n\nKeywords: trees, forests\n\nA. One, Street 1\n\n# Abstract\n\nWe show.\n\nCall `lm(y ~ x)`.\n\n"
        "```\nR> x_1 <- 2 # 5 %\n```"
    )


def test_authors_of_five_arguments() -> None:
    shown = classed(
        "lipics-v2021",
        "\\maketitle Text.",
        "\\title{T}\\author{A. One}{Dept \\and Lab}{a@b.c}{https://orcid.org/0}{By grant.}\\funding{Fund 7}"
        "\\relatedversiondetails[linktext={x}]{Full Version}{https://full.org}\\EventEditors{E}",
    )
    assert shown == "# T\n\nA. One\n\nDept\nLab\n\nFund 7\n\nFull Version: https://full.org\n\nText."


@pytest.mark.parametrize(
    ("document_class", "source", "wanted"),
    [
        ("imsart", "\\affiliation{Univ A\\thanksmark{m1} and B\\thanksmark{m2}}Text.\\printead*{e2}", "Univ A and B\n\nText."),
        (
            "imsart",
            "\\begin{acks}[Thanks] To all. \\end{acks}\\begin{funding} NSF. \\end{funding}",
            "# Thanks\n\nTo all.\n\n# Funding\n\nNSF.",
        ),
        ("llncs", "\\subsubsection{\\ackname} We thank.", "### Acknowledgments.\n\nWe thank."),
        (
            "svjour3",
            "A.\\subclass{11A \\and 11B}\\CRclass{F.2 \\and I.2}",
            "A.\n\nMathematics Subject Classification: 11A, 11B\n\nCR Subject Classification: F.2, I.2",
        ),
        ("mdpi", "\\appendixtitles{no}\\informedconsent{None.}\\reftitle{References}", "Informed Consent Statement: None."),
        ("amsart", "\\urladdr{http://b.org/~anna}Text.", "http://b.org/~anna\n\nText."),
        ("biom", "\\volume{64}\\artmonth{May}Text.", "Text."),
    ],
)
def test_front_matter(document_class: str, source: str, wanted: str) -> None:
    assert classed(document_class, source) == wanted


def test_checklists_answers_are_shown() -> None:
    shown = classed("article", "\\item[] Answer: \\answerYes{}\n\\item[] Why: \\answerNA[by nature]{}", "\\usepackage{neurips_2023}")
    assert shown == "Answer: [Yes]\nWhy: [N/A] by nature"


def test_links_of_aaai() -> None:
    assert classed("article", "\\link{Code}{https://a.org/c}\\link{Data}{https://a.org/d}", "\\usepackage{aaai24}") == (
        "Code: https://a.org/c\n\nData: https://a.org/d"
    )


def test_institutes_of_eptcs_inside_authors() -> None:
    shown = classed("eptcs", "\\author{A. One\\institute{Lab\\\\ City}\\email{a@b.c}\\and B. Two\\institute{Univ}}Text.")
    assert shown == "A. One, Lab, City, a@b.c, B. Two, Univ\n\nText."


@pytest.mark.parametrize(
    "source",
    [
        "\\SetNlSty{textbf}{(}{)}",
        "\\SetAlgoNlRelativeSize{-1}",
        "\\SetStartEndCondition{ (}{)}{ }",
        "\\inputminted{c}{foo.c}",
        "\\nomenclature[a]{$y$}{a variable}",
        "\\printnomenclature[2cm]",
        "\\theoremheaderfont{\\bfseries}",
        "\\tcbset{colback=red}",
    ],
)
def test_settings_show_nothing(source: str) -> None:
    assert classed("article", f"A{source} b.").replace(" ", "") == "Ab."


def test_lines_in_a_cell_are_one_cell() -> None:
    assert classed("article", "\\begin{tabular}{ll}\\thead{Two\\\\lines} & \\makecell[l]{a\\\\b}\\\\ c & d\\end{tabular}") == (
        "Two lines | a b\nc | d"
    )
