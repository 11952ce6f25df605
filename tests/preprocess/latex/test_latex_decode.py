from collections import Counter

import pytest

from preprocess.latex.decode import decode, decode_text, is_tex_name

UMLAUTS = "Größe für Mäuse"


@pytest.mark.parametrize(
    "declaration, encoding",
    [
        ("\\usepackage[latin1]{inputenc}", "latin-1"),
        ("\\usepackage[ansinew]{inputenc}", "cp1252"),
        ("\\usepackage[applemac]{inputenc}", "mac_roman"),
        ("\\usepackage[cp850]{inputenc}", "cp850"),
        ("\\inputencoding{latin9}", "iso8859_15"),
        ("\\usepackage[latin1]{inputencx}", "latin-1"),
        ("\\usepackage[latin1]", "latin-1"),
        ("% -*- coding: iso-8859-1 -*-", "latin-1"),
    ],
)
def test_the_declared_encoding_is_used(declaration: str, encoding: str) -> None:
    texts, warnings = decode({"main.tex": f"{declaration}\n{UMLAUTS}".encode(encoding)})
    assert texts["main.tex"].endswith(UMLAUTS)
    assert warnings == {"encoding_declared": 1}


def test_a_declaration_counts_for_the_files_that_need_it() -> None:
    texts, warnings = decode(
        {"main.tex": b"\\usepackage[cp1251]{inputenc}", "a.tex": "Теорема".encode("cp1251"), "b.tex": "Теорема".encode()}
    )
    assert (texts["a.tex"], texts["b.tex"]) == ("Теорема", "Теорема")
    assert warnings == {"encoding_declared": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16(encoding: str) -> None:
    text = "\\documentclass{article} " + UMLAUTS
    assert decode({"a.tex": text.encode(encoding)})[0]["a.tex"] == text


def test_latin1_that_nothing_declares() -> None:
    warnings: Counter[str] = Counter()
    assert decode_text(UMLAUTS.encode("latin-1"), None, warnings) == UMLAUTS
    assert warnings == {"encoding_detected": 1}


def test_utf8_with_one_bad_byte_stays_utf8() -> None:
    warnings: Counter[str] = Counter()
    text = decode_text((UMLAUTS * 5).encode() + b"\xff", None, warnings)
    assert text == UMLAUTS * 5 + "\ufffd"
    assert warnings == {"encoding_utf8_damaged": 1}


@pytest.mark.parametrize(
    "content, wanted",
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\xef\xbb\xbfa", "a"),
        (b"a\0b", "ab"),
        (b"a\x0cb\x0bc and more of it, twenty letters at least\x1a\x01", "a\n\nb c and more of it, twenty letters at least"),
        (b"", ""),
    ],
)
def test_line_ends_marks_and_controls(content: bytes, wanted: str) -> None:
    assert decode_text(content, None, Counter()) == wanted


def test_binary_files_are_no_text() -> None:
    warnings: Counter[str] = Counter()
    assert decode_text(bytes(range(256)) * 20, None, warnings) is None
    assert warnings == {"binary_file": 1}


@pytest.mark.parametrize(
    "name, is_tex",
    [
        ("a.tex", True),
        ("PAPER", True),
        ("a.TEX", True),
        ("x.sty", True),
        ("a.pdf", False),
        ("f.eps", False),
        ("a.bib", False),
        ("README", False),
        ("Makefile", False),
        ("00README.json", False),
    ],
)
def test_names(name: str, is_tex: bool) -> None:
    assert is_tex_name(name) is is_tex


def test_ancillary_files_stay_apart() -> None:
    assert set(decode({"main.tex": b"x", "anc/code.tex": b"y"})[0]) == {"main.tex"}
