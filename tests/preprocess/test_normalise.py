import pytest

from preprocess.config import NormaliseConfig
from preprocess.stages.normalise import normalise

MASKING = NormaliseConfig(mask_emails=True, mask_phone_numbers=True)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("Cafe\u0301  au\u00a0lait \n\n\n\n next", "Café au lait\n\nnext\n"),
        ("a\r\nb\rc", "a\nb\nc\n"),
        ("a\x00b\x07c\u200bd\ufeffe\u00adf", "abcdef\n"),
        ("\n\n  a\t\tb  \n", "a b\n"),
        ("", ""),
        (" \n\t\n ", ""),
        ("```\nfor  x:\n    y\n\n\n\nz\n```\n\n\n\nnext  one", "```\nfor  x:\n    y\n\n\n\nz\n```\n\nnext one\n"),
        ("中文 Кириллица ﬁ", "中文 Кириллица ﬁ\n"),
    ],
)
def test_normalise(text: str, wanted: str) -> None:
    assert normalise(text, NormaliseConfig()) == wanted
    assert normalise(wanted, NormaliseConfig()) == wanted


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("Write to a.b+c@math.example.edu or d@e.org.", "Write to [email] or [email]."),
        ("Call +49 30 1234 5678 or +1 (617) 555-0100 now.", "Call [phone] or [phone] now."),
        ("no@ @mail a@b $x@y$ 3.14 + 2", "no@ @mail a@b $x@y$ 3.14 + 2"),
        ("In 1990 + 12 345 things", "In 1990 + 12 345 things"),
    ],
)
def test_masking(text: str, wanted: str) -> None:
    assert normalise(text, MASKING) == f"{wanted}\n"
    assert normalise(text, NormaliseConfig()) == f"{text}\n"
    assert normalise(normalise(text, MASKING), MASKING) == f"{wanted}\n"


def test_code_is_not_masked() -> None:
    assert normalise("```\na@b.org\n```", MASKING) == "```\na@b.org\n```\n"
