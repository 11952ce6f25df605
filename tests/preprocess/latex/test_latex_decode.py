from collections import Counter

import pytest

from preprocess.latex.decode import decode, decode_text, is_tex_name
from preprocess.latex.trace import Trace
from tests.preprocess.latex.latex_paper import document, text_of

UMLAUTS = "Größe für Mäuse"
RUSSIAN = "Теорема о сходимости рядов. Пусть дана последовательность."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy."
FRENCH = "L’été où naïve mère aperçut le garçon à côté."
JAPANESE = "これは日本語の論文です。定理を証明する。"
CHINESE = "这是一篇中文论文，我们证明定理。"
TAIWANESE = "這是一篇中文論文，我們證明定理。"
KOREAN = "이것은 한국어 논문입니다. 정리를 증명한다."
GREEK = "Απόδειξη του θεωρήματος και των συνεπειών του στην ανάλυση."


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


@pytest.mark.parametrize(
    "option, encoding, text",
    [
        ("koi8-r", "koi8_r", RUSSIAN),
        ("cp1251", "cp1251", RUSSIAN),
        ("cp866", "cp866", RUSSIAN),
        ("iso88595", "iso8859_5", RUSSIAN),
        ("maccyr", "mac_cyrillic", RUSSIAN),
        ("latin2", "iso8859_2", CZECH),
        ("cp1250", "cp1250", CZECH),
        ("latin5", "iso8859_9", "İstanbul’da şöyle ığdır".replace("’", "")),
        ("applemac", "mac_roman", FRENCH),
        ("cp437de", "cp437", UMLAUTS),
        ("utf8x", "utf-8", RUSSIAN),
        ("utf8,latin1", "latin-1", UMLAUTS),
    ],
)
def test_encodings_of_inputenc(option: str, encoding: str, text: str) -> None:
    source = document(text, f"% \\usepackage[latin3]{{inputenc}}\n\\usepackage [ {option} ] {{inputenc}}")
    assert text_of({"main.tex": source.encode(encoding)}) == f"{text}\n"
    parts = {"main.tex": document("\\input{part}", f"\\usepackage[{option}]{{inputenc}}"), "part.tex": text.encode(encoding)}
    assert text_of(parts) == f"{text}\n"


def test_the_encoding_may_change_in_the_middle() -> None:
    pieces = [
        document("", "\\usepackage[latin1]{inputenc}").split("\n\\end")[0].encode(),
        UMLAUTS.encode("latin-1"),
        b". \\inputencoding{koi8-r}" + RUSSIAN.encode("koi8_r"),
        b" \\inputencoding{latin2}" + CZECH.encode("iso8859_2"),
        b" \\inputencoding{utf8}" + "Größe".encode() + b" \\inputencoding{unheard}\\end{document}",
    ]
    assert text_of({"main.tex": b"".join(pieces)}) == f"{UMLAUTS}. {RUSSIAN} {CZECH} Größe\n"


@pytest.mark.parametrize(
    "name, encoding, text",
    [
        ("GBK", "gbk", CHINESE),
        ("GB", "gb2312", CHINESE),
        ("Bg5", "big5", TAIWANESE),
        ("JIS", "euc_jp", JAPANESE),
        ("SJIS", "shift_jis", JAPANESE),
        ("KS", "euc_kr", KOREAN),
        ("UTF8", "utf-8", CHINESE),
    ],
)
@pytest.mark.parametrize("star", ["", "*"])
def test_environments_of_cjk(name: str, encoding: str, text: str, star: str) -> None:
    before, after = f"\\begin{{CJK{star}}}{{{name}}}{{song}}", f"\\end{{CJK{star}}} und {UMLAUTS}"
    source = document(before.encode().decode() + "@" + after, "\\usepackage[latin1]{inputenc}\\usepackage{CJK}")
    head, tail = source.split("@")
    content = head.encode() + text.encode(encoding) + tail.encode("latin-1")
    assert text_of({"main.tex": content}) == f"{text} und {UMLAUTS}\n"


@pytest.mark.parametrize(
    "encoding, text",
    [
        ("koi8_r", RUSSIAN),
        ("cp1251", RUSSIAN),
        ("cp866", RUSSIAN),
        ("mac_cyrillic", RUSSIAN),
        ("iso8859_5", RUSSIAN),
        ("iso8859_7", GREEK),
        ("gbk", CHINESE),
        ("big5", TAIWANESE),
        ("euc_jp", JAPANESE),
        ("shift_jis", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("euc_kr", KOREAN),
        ("latin-1", UMLAUTS),
        ("cp1252", FRENCH),
        ("mac_roman", FRENCH),
        ("cp850", "Größe für Mäuse, déjà vu"),
    ],
)
def test_encodings_that_nothing_declares(encoding: str, text: str) -> None:
    trace = Trace()
    content = document(f"English words come first, with $x^2$ and names. {text}").encode(encoding)
    texts, warnings = decode({"main.tex": content}, trace)
    assert text in texts["main.tex"]
    assert warnings == {"encoding_detected": 1}
    assert [note.detail for note in trace.notes] != [""]


@pytest.mark.parametrize(
    "option, encoding, text",
    [("czech", "iso8859_2", CZECH), ("polish", "cp1250", "Zażółć gęślą jaźń, łódź"), ("turkish", "iso8859_9", "İstanbul şöyle ığdır ağaç")],
)
def test_the_language_that_babel_is_told_helps(option: str, encoding: str, text: str) -> None:
    source = document(text, f"\\usepackage[{option}]{{babel}}").encode(encoding)
    assert text_of({"main.tex": source}) == f"{text}\n"


def test_a_few_signs_make_no_other_script() -> None:
    text = "At 20 °C ± 5 µm, § 3: “yes” – naïve café… 10°C, 30°F, 5±2, 3×4, ½, ¿no?"
    assert text_of({"main.tex": document(text).encode("cp1252")}).rstrip("\n") == text


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
        ("._main.tex", False),
        (".#main.tex", False),
        ("#main.tex#", False),
        ("main.tex~", False),
        ("main.tex.bak", False),
        ("__MACOSX/x.tex", False),
        (".git/x.tex", False),
        ("my paper (final) #2.tex", True),
        ("a.b/c-d.tex", True),
    ],
)
def test_names(name: str, is_tex: bool) -> None:
    assert is_tex_name(name) is is_tex


def test_ancillary_files_stay_apart() -> None:
    assert set(decode({"main.tex": b"x", "anc/code.tex": b"y"})[0]) == {"main.tex"}
