"""Numbered examples of linguists, questions of exams, letters."""

import pytest

from tests.preprocess.latex.latex_paper import body, text_of


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "\\begin{enumerate}\\item q\\end{enumerate}\\begin{exe}\\ex\\label{x} One.\n\\ex[*]{Two bad}\\end{exe}See (\\ref{x}).\n"
            "\\begin{exe}\\ex more\\end{exe}",
            "1. q\n\n(1) One.\n(2) *Two bad\n\nSee ([ref:1]).\n\n(3) more",
        ),
        (
            "\\begin{exe}\\ex \\gll Das ist\\\\ that is\\\\\n\\glt `That is.'\\ex \\begin{xlist}\\ex a \\ex b\\end{xlist}\\end{exe}",
            "(1) Das ist\nthat is\n‘That is.’\n(2)\na. a\nb. b",
        ),
        (
            "\\ex. One.\n\\a. a\n\\b. b\n\n\\exg. Das ist\\\\ that is\\\\ `x'\n\nText \\b{o}.",
            "(1) One.\na. a\nb. b\n\n(2) Das ist\nthat is\n‘x’\n\nText o̱.",
        ),
        ("\\ex<a> one \\xe\n\\ex\\begingl\\gla Das ist// \\glb that is// \\glft `x'//\\endgl\\xe", "(1) one\n\n(2) Das ist\nthat is\n‘x’"),
        ("no \\ex here, \\b. there", "no here,. there"),
    ],
)
def test_examples_of_linguists(source: str, shown: str) -> None:
    assert body(source) == shown


def test_exams_have_numbered_questions() -> None:
    questions = (
        "\\begin{questions}\\question[10] Why? \\begin{parts}\\part[1] a \\part b\\end{parts}"
        "\\begin{choices}\\choice x\\CorrectChoice y\\end{choices}\\question Next\\end{questions}\\part{P}"
    )
    source = f"\\documentclass{{exam}}\\begin{{document}}{questions}\\end{{document}}"
    assert text_of({"main.tex": source}) == "1. (10 points) Why?\n(a) (1 point) a\n(b) b\n\nA. x\nB. y\n\n2. Next\n\n# P\n"


def test_letters_have_lines() -> None:
    letter = "\\begin{letter}{A\\\\B}\\opening{Dear C,}text\\closing{Yours,}\\encl{list}\\end{letter}"
    shown = "A\nB\n\nDear C,\n\ntext\n\nYours,\n\nencl: list\n"
    assert text_of({"main.tex": f"\\documentclass{{letter}}\\begin{{document}}{letter}\\end{{document}}"}) == shown


def test_cells_of_tabularray_have_no_layout() -> None:
    assert body("\\begin{tblr}{ccc}a&b&c\\\\ \\SetCell[c=2]{c} d & & e\\\\\\end{tblr}") == "a | b | c\nd | | e"


def test_a_list_goes_on_from_the_last_of_its_name() -> None:
    lists = (
        "\\begin{exe}\\ex a\\end{exe}\\begin{enumerate}\\item a\\item b\\end{enumerate}\\begin{enumerate}[resume]\\item c\\end{enumerate}"
    )
    assert body(lists, "\\usepackage{enumitem}") == "(1) a\n\n1. a\n2. b\n\n3. c"


@pytest.mark.parametrize(
    "source, shown",
    [
        ('\\textipa{[S@"fE:n]} and \\textipa{/Tri/}', "[ʃəˈfɛːn] and /θri/"),
        ('\\textipa{""N\\ae 2{}D}', "ˌŋæʌð"),
        ("\\textipa no", "no"),
    ],
)
def test_phonetic_letters(source: str, shown: str) -> None:
    assert body(source, "\\usepackage{tipa}") == shown


def test_notes_of_slides_are_not_on_them() -> None:
    slide = "\\begin{frame}{T}a\\note{not shown}\\note[item]{nor this} b\\end{frame}"
    assert text_of({"main.tex": f"\\documentclass{{beamer}}\\begin{{document}}{slide}\\end{{document}}"}) == "## T\n\na b\n"
