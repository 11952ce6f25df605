import re
import sys
import time
import unicodedata
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import Config, NormaliseConfig
from preprocess.pipeline import process_paper
from preprocess.records import Document
from preprocess.stages.normalise import _COMPOSING, _CONTROLS, _FENCED, normalise
from tests.preprocess.tiny import packed, raw_paper

MASKING = NormaliseConfig(mask_emails=True, mask_phone_numbers=True)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("Cafe\u0301  au\u00a0lait \n\n\n\n next", "Café au lait\n\nnext\n"),
        ("a\r\nb\rc", "a\nb\nc\n"),
        ("a\x00b\x07c\u200bd\ufeffe\u00adf", "abcdef\n"),
        ("a\u202eb\u2066c\u2062d\u200ee\U000e0041f\ufff9g\u200dh", "abcdefg\u200dh\n"),
        ("a\x0cb\x0b c", "a b c\n"),
        ("\n\n  a\t\tb  \n", "a b\n"),
        ("", ""),
        (" \n\t\n ", ""),
        ("```\nfor  x:\n    y\n\n\n\nz\n```\n\n\n\nnext  one", "```\nfor  x:\n    y\n\n\n\nz\n```\n\nnext one\n"),
        ("  ```\na  b\n ```\nc  d\n```\ne  f", "```\na  b\n ```\nc  d\n```\ne f\n"),
        ("```\n```\na  b", "```\n```\na b\n"),
        ("```a``` b  c\n\n```\nd  e\n```", "```a``` b c\n\n```\nd  e\n```\n"),
        ("中文 Кириллица ﬁ", "中文 Кириллица ﬁ\n"),
        (
            "semi\u00adsimple, semi\u2010simple, semi\u2011simple, semi- simple, 1\u20132",
            "semisimple, semi-simple, semi-simple, semi- simple, 1–2\n",
        ),
        ("a \n \n \nb\n c", "a\n\nb\nc\n"),
        ("`` `a  b` ``", "`` `a b` ``\n"),
    ],
)
def test_normalise(text: str, wanted: str) -> None:
    assert normalise(text, NormaliseConfig()) == wanted
    assert normalise(wanted, NormaliseConfig()) == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("Write to a.b+c@math.example.edu or d@e.org.", "Write to [email] or [email]."),
        ("{anna,b.c}@cs.example.edu, mailto:x@y.org (x_1@y-z.co.uk)", "[email], mailto:[email] ([email])"),
        ("a | x@y.org\n1 | 2", "a | [email]\n1 | 2"),
        ("[footnote: x@y.org] [caption: Of x@y.org.]", "[footnote: [email]] [caption: Of [email].]"),
        ("Call +49 30 1234 5678 or +1 (617) 555-0100 now.", "Call [phone] or [phone] now."),
        ("(+33 1 23 45 67 89), +1.617.555.0100, +442079460958", "([phone]), [phone], [phone]"),
        ("(+33) 1 23 45 67 89, (+1) 617-555-0100, tel:+7 495 123-45-67", "[phone], [phone], tel:[phone]"),
        ("+48 601 234 567, +55 (11) 91234-5678, +44 (0)20 7946 0958", "[phone], [phone], [phone]"),
        ("a@b.org.We go on, a_1@B.EDU.", "[email].We go on, [email]."),
        # what only looks like one
        ("recall@10.We see P@5.In all", "recall@10.We see P@5.In all"),
        ("+1.23456789012, +12.3456789012, +49.301234 5678", "+1.23456789012, +12.3456789012, +49.301234 5678"),
        ("+1 000 000 000 000, +200 000 000 000, +20000000000", "+1 000 000 000 000, +200 000 000 000, +20000000000"),
        ("+41 16 09.26 00 42 44, +123 456 789 012 345 678", "+41 16 09.26 00 42 44, +123 456 789 012 345 678"),
        ("+1 017 555 0100, 1+49 30 1234 5678, 2020-01-01 +0100 12:30:00", "+1 017 555 0100, 1+49 30 1234 5678, 2020-01-01 +0100 12:30:00"),
        ("on 2020-01-01, 1999/2000, hep-th/9901001+2401.00545", "on 2020-01-01, 1999/2000, hep-th/9901001+2401.00545"),
        ("no@ @mail a@b $x@y$ 3.14 + 2", "no@ @mail a@b $x@y$ 3.14 + 2"),
        ("$f@g.org$ \\[x@y.org\\] $+49 30 1234 5678$", "$f@g.org$ \\[x@y.org\\] $+49 30 1234 5678$"),
        ("\\begin{align}\na@b.org&+49 30 1234 5678\n\\end{align}", "\\begin{align}\na@b.org&+49 30 1234 5678\n\\end{align}"),
        ("`ssh x@y.org` and p@1.2.3, https://x@y.org/z", "`ssh x@y.org` and p@1.2.3, https://x@y.org/z"),
        ("arXiv:2402.00001v2, math/9901001, 10.1000/182@7", "arXiv:2402.00001v2, math/9901001, 10.1000/182@7"),
        ("In 1990 + 12 345 things", "In 1990 + 12 345 things"),
        ("scores +106 769-438 and +83 973-831, +0.5 +1 000 000", "scores +106 769-438 and +83 973-831, +0.5 +1 000 000"),
        ("a | +49 30 1234 5678\nb | +49 30 1234 5679", "a | +49 30 1234 5678\nb | +49 30 1234 5679"),
    ],
)
def test_masking(text: str, wanted: str) -> None:
    assert normalise(text, MASKING) == f"{wanted}\n"
    assert normalise(text, NormaliseConfig()) == f"{text}\n"
    assert normalise(normalise(text, MASKING), MASKING) == f"{wanted}\n"


def test_code_is_not_masked() -> None:
    code = "```\na@b.org = +49 30 1234 5678\n```\n"
    assert normalise(f"{code}\nc@d.org", MASKING) == f"{code}\n[email]\n"


def test_each_mask_is_an_option_of_its_own() -> None:
    text = "x@y.org, +49 30 1234 5678\n"
    assert normalise(text, NormaliseConfig(mask_emails=True)) == "[email], +49 30 1234 5678\n"
    assert normalise(text, NormaliseConfig(mask_phone_numbers=True)) == "x@y.org, [phone]\n"


PIECES = (
    "``` ```\n \n```\n \n·```\n \n\u00a0``` a··b x \n \n\n \n\n\n · ·· \t ` $ \\[ \\] +49·30·1234·5678 a@b.org +1 @ . ( ) "
    "·12345 -617-555-0100 \u0301 \r \x0c \u200b | ·|· { } , 12 \\begin{align} \\end{align} [cite:1] We"
)
TEXTS = st.one_of(
    st.text(alphabet="ab@.+1234 -\n\t\u00a0`$\\\u0301\u00ad\x00\r|", max_size=80),
    st.lists(st.sampled_from([piece.replace("·", " ") for piece in PIECES.split(" ")]), max_size=25).map("".join),
)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_twice_changes_nothing(text: str) -> None:
    for config in (NormaliseConfig(), MASKING):
        once = normalise(text, config)
        assert normalise(once, config) == once


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab@.+1234 -\\{}^_&éé\u0338=", max_size=60), TEXTS)
def test_formulas_keep_all_but_repeated_blanks(formula: str, text: str) -> None:
    if "\\]" in formula:
        return
    whole = f"\\[{formula}a\\]"
    kept = re.sub(" {2,}", " ", unicodedata.normalize("NFC", whole))
    assert kept in normalise(f"Call\n\n{whole}\n\n{text}", MASKING)


def plainly_normalised(text: str) -> str:
    """The same step by step over the whole text, whatever it holds."""
    text = _CONTROLS.sub("", re.sub("[\x0b\x0c]", " ", re.sub("\r\n?", "\n", text)))
    text = re.sub("[\u2010\u2011]", "-", unicodedata.normalize("NFC", text))
    parts = _FENCED.split(text)
    for index in range(0, len(parts), 2):
        blank = re.sub("[\t\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]", " ", parts[index])
        parts[index] = re.sub("\n{3,}", "\n\n", re.sub(" *\n *", "\n", re.sub(" +", " ", blank)))
    parts[1::2] = [part[part.index("```") :] for part in parts[1::2]]
    text = "".join(parts).strip("\n ")
    return f"{text}\n" if text else ""


ANY_SIGN = st.one_of(st.sampled_from("aeE \n\n\t$`\r-é–“\u0301\u0327\u0308\u1100\u1161\u11a8\u212b\u2126\u2010\u2000αώ中"), st.characters())


@settings(max_examples=400, deadline=None)
@given(st.lists(ANY_SIGN, max_size=60).map("".join))
def test_what_is_passed_over_would_have_changed_nothing(text: str) -> None:
    assert normalise(text, NormaliseConfig()) == plainly_normalised(text)


def test_characters_passed_over_compose_with_nothing() -> None:
    composing = re.compile(_COMPOSING)
    num_passed_over = 0
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        decomposed = unicodedata.decomposition(character).split()
        if decomposed and not decomposed[0].startswith("<"):
            assert all(composing.match(chr(int(second, 16))) for second in decomposed[1:]), hex(code)
        if not composing.match(character):
            num_passed_over += 1
            assert unicodedata.combining(character) == 0, hex(code)
            assert unicodedata.normalize("NFC", character) == character, hex(code)
    assert 2_000 < num_passed_over < 10_000


@pytest.mark.parametrize(
    "text",
    [
        "+1" * 50_000,
        "+1 2" * 50_000,
        "a@" * 50_000,
        "a.a@" * 50_000,
        "{" * 50_000 + "@",
        "`" * 50_001,
        " \n" * 50_000,
        "e\u0301" * 50_000,
        "\u0301" * 50_000,
        "中" * 50_000,
    ],
)
def test_the_time_is_linear_in_the_length(text: str) -> None:
    started = time.process_time()
    normalise(text, MASKING)
    assert time.process_time() - started < 2


def test_hyphenation_of_the_source_is_not_in_the_text() -> None:
    source = rb"\documentclass{article}\hyphenation{data-base}\begin{document}A da\-ta\-base, semi-%" + b"\nsimple.\\end{document}"
    outcome = process_paper(raw_paper(packed(source)), Config())
    assert isinstance(outcome, Document)
    assert outcome.text == "A database, semi-simple.\n"


@given(
    st.dates(min_value=date(1500, 1, 1), max_value=date(2099, 12, 31)), st.sampled_from([" 12", " 12:30", "T12:30", "", " 12 30 15", "-12"])
)
@settings(max_examples=80, deadline=None)
def test_a_date_with_a_sign_is_no_phone_number(day: date, hour: str) -> None:
    text = f"at +{day.isoformat()}{hour} UTC"
    assert normalise(text, MASKING) == f"{text}\n"
