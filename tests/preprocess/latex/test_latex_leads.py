"""Front matter as its classes print it: the words before keywords and classifications, the credits at their place."""

import time

import pytest

from preprocess.latex.rendering.leads import lead
from tests.preprocess.latex.latex_paper import text_of


def front(document_class: str, source: str) -> str:
    return text_of({"main.tex": f"\\documentclass{{{document_class}}}\n\\begin{{document}}\n{source}\n\\end{{document}}\n"}).rstrip("\n")


@pytest.mark.parametrize(
    "document_class, source, shown",
    [
        ("amsart", "\\keywords{a, b}\\subjclass[2010]{35A}", "2010 Mathematics Subject Classification. 35A\n\nKey words and phrases. a, b"),
        ("amsart", "\\curraddr{B Street}x", "Current address: B Street\n\nx"),
        ("IEEEtran", "\\begin{IEEEkeywords}\na, b\n\\end{IEEEkeywords} x", "Index Terms—a, b\n\nx"),
        ("mnras", "\\begin{keywords}a -- b\\end{keywords}", "Key words: a – b"),
        ("emulateapj", "\\keywords{a --- b}", "Subject headings: a — b"),
        ("aastex631", "\\keywords{a}", "Keywords: a"),
        ("aa", "\\keywords{a -- b}", "Key words. a – b"),
        ("revtex4-2", "\\pacs{12.38}\\keywords{a}", "PACS numbers: 12.38\n\nKeywords: a"),
        (
            "elsarticle",
            "\\begin{keyword}a \\sep b\\PACS 12 \\sep 3\\MSC[2008] 2\\end{keyword}",
            "Keywords: a, b\n\nPACS: 12, 3\n\n2008 MSC: 2",
        ),
        ("svjour3", "\\keywords{a \\and b}\\PACS{1 \\and 2}", "Keywords: a, b\n\nPACS: 1, 2"),
        ("svjour3", "\\subclass{1 \\and 2}x", "Mathematics Subject Classification: 1, 2\n\nx"),
        ("sn-jnl", "\\pacs[MSC Classification]{35A}x", "MSC Classification: 35A\n\nx"),
        ("siamart220329", "\\begin{AMS}68Q\\end{AMS}\\begin{keywords}a\\end{keywords}", "AMS subject classifications. 68Q\n\nKey words. a"),
        ("imsart", "\\begin{keyword}[class=MSC]\\kwd{62}\\end{keyword}", "MSC subject classifications: 62;"),
        ("acmart", "\\ccsdesc[500]{A~B}\n\\ccsdesc{C}\\keywords{a}", "CCS Concepts: A → B; C\n\nKeywords: a"),
        ("acmart", "\\received{1 May}\\received[revised]{2 May}x", "Received 1 May\n\nrevised 2 May\n\nx"),
        ("article", "\\keywords{Keywords: a}\\keywords{\\textbf{Key words} b}", "Keywords: a\n\nKey words b"),
        ("article", "\\begin{keywords}\\textbf{Keywords---}a\\end{keywords}\\keywords{}", "Keywords—a"),
        ("revtex4-1", "\\author{A}\\altaffiliation[Also at ]{B}\\email[mail ]{c@d.org}x", "A\n\nAlso at B\n\nmail c@d.org\n\nx"),
    ],
)
def test_words_that_a_class_prints(document_class: str, source: str, shown: str) -> None:
    assert front(document_class, source) == shown


def test_credits_stand_where_they_are_printed() -> None:
    authors = "\\author[1]{A. Bee\\corref{c}}[orcid=1]\\credit{Writing, Software}\\author{C. Dee$^2$}\\credit{Data.}\\maketitle"
    shown = "# CRediT authorship contribution statement\n\nA. Bee: Writing, Software. C. Dee: Data."
    assert front("cas-dc", f"{authors}\\section{{S}}\\printcredits\n\nx") == f"A. Bee\n\nC. Dee$^2$\n\n# S\n\n{shown}\n\nx"
    assert front("cas-dc", f"{authors} x") == "A. Bee\n\nC. Dee$^2$\n\nx"


def test_the_longest_name_of_a_class_decides() -> None:
    assert lead("aastex62", "keywords", "x") == "Keywords: "
    assert lead("aastex", "Keywords", "x") == "Keywords: "
    assert lead("aastex52", "keywords", "x") == "Subject headings: "
    assert lead(None, "keywords", "x") == "Keywords: "
    assert lead("amsart", "dedicatory", "x") == ""


def test_front_matter_takes_linear_time() -> None:
    def seconds(num: int) -> float:
        source = "\\author{A}" + "\\email{b}" * num + "\\ccsdesc{A~B}\\credit{x}" * num + "\\ex. a\n\n\\ce{A^2- -> B}\\gla x " * num
        start = time.process_time()
        assert len(front("article", source)) > 4 * num
        return time.process_time() - start

    seconds(100)
    small = min(seconds(700) for _ in range(2))
    assert seconds(2_800) < 12 * small
