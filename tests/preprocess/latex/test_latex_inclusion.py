"""Inclusion in every form that submissions have: what is read, in which order, and what is not."""

import pytest

from tests.preprocess.latex.latex_paper import document, paper, text_of

PARTS = {
    "x.tex": "xx ",
    "y.tex": "yy ",
    "X2.TEX": "upper ",
    "with blank.tex": "blank ",
    "noending": "bare ",
    "s/x.tex": "folder-x \\input{w}",
    "s/w.tex": "folder-w ",
    "s/t/z.tex": "deep-z \\subimport{u/}{v}",
    "s/t/u/v.tex": "deep-v ",
    "notes.txt": "notes ",
    "main-part.tex": "job ",
    "ended.tex": "before\n\\endinput\nafter",
}


SUBFILE = "\\documentclass[main.tex]{subfiles}\n\\begin{document}sub \\end{document}\nbehind"


@pytest.mark.parametrize(
    "body, words",
    [
        (r"a \input{x}b", "a xx b"),
        ("a \\input x\nb", "a xx b"),
        (r'a \input{"with blank"}b', "a blank b"),
        (r"a \input{./x.tex}b \input{x2}", "a xx b upper"),
        (r"a \input{noending}\input{notes.txt}b", "a bare notes b"),
        (r"a \include{x}\include{y}", "a xx yy"),
        (r"\includeonly{y}a \include{x}\include{y}\input{x}", "a yy xx"),
        (r"\includeonly{}a \include{x}b", "a b"),
        (r"a \import{s/}{x}b", "a folder-x folder-w b"),
        (r"a \import*{s/}{w}\inputfrom{s/}{w}\subinputfrom{s/}{w}\includefrom{s}{w}\subincludefrom{s}{w}b", "a" + " folder-w" * 4 + " b"),
        (r"a \subimport{s/t/}{z}b", "a deep-z deep-v b"),
        (r"a \subfile{sub}b", "a sub b"),
        (r"a \InputIfFileExists{x}{then }{else }b", "a then xx b"),
        (r"a \InputIfFileExists{gone}{then }{else }b", "a else b"),
        (r"a \IfFileExists{x.tex}{yes}{no} \IfFileExists{gone}{yes}{no} \IfFileExists{times.sty}{yes}{no}", "a yes no yes"),
        (r"a \input{ended}b", "a before b"),
        (r"a \input{\jobname-part}b", "a job b"),
        (r"\newcommand{\where}{s/}a \input{\where w}b", "a folder-w b"),
        (r"\makeatletter a \@input{x}b", "a xx b"),
        (r"a \input{gone}b", "a b"),
        (r"a % \input{x}" + "\n" + r"\iffalse\input{y}\fi b", "a b"),
    ],
)
def test_what_is_read(body: str, words: str) -> None:
    files = PARTS | ({"sub.tex": SUBFILE} if "subfile" in body else {})  # one that nothing includes would be a root
    found = text_of({"main.tex": document(body), **files}).split()
    assert found[: len(words.split())] == words.split()
    assert set(found) == set(words.split())


def test_what_editors_leave_is_no_root() -> None:
    junk = {
        name: document("Junk.") for name in ("._main.tex", ".#main.tex", "#main.tex#", "main.tex~", "__MACOSX/._main.tex", "main.tex.bak")
    }
    assert paper({"main.tex": document("Text."), **junk}).text == "Text."


def test_ancillary_files_are_no_part_of_the_paper() -> None:
    found = paper({"main.tex": document("Text."), "anc/more.tex": document("More.")})
    assert (found.text, found.root_files) == ("Text.", ("main.tex",))


def test_several_roots_come_in_the_order_of_reading_with_one_numbering() -> None:
    files: dict[str, str | bytes] = {
        "supplement.tex": document(r"Third \cite{b}."),
        "appendix.tex": document(r"Second \cite{c}."),
        "main.tex": document(r"First \cite{a}."),
    }
    found = paper(files)
    assert found.root_files[0] == "main.tex"
    assert sorted(found.root_files[1:]) == ["appendix.tex", "supplement.tex"]
    assert [found.text.count(f"[cite:{number}]") for number in (1, 2, 3)] == [1, 1, 1]
    assert found.text.startswith("First [cite:1].")
