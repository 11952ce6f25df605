"""The fast encoder gives SentencePiece's ids, on any text and with any model of ours."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shards.errors import InputError
from tests.tools.small_corpus import sample_text
from tools import fast_encoder
from tools.fast_encoder import FastEncoder, chunks, may_cut
from tools.tokenizer import LatexTokenizer
from tools.train_tokenizer import NUM_FIXED_PIECES, train_model

PARTS = [
    "a",
    "the",
    " ",
    "  ",
    "\\",
    "\\\\",
    "\\ ",
    "\\alpha",
    "\\1",
    "$",
    "_{",
    "_{i}",
    "(x)",
    " (x)",
    "{equation}",
    "1",
    "23",
    "\n",
    "\n\n",
]
PARTS += [":", ": ", ":  ", "[footnote: ", "[cite:", "]", "\t", "\r", "é", "▁", "😀", "٣", "\u2028", "=", "==", "-"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=40).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def encoder(tokenizer: LatexTokenizer) -> FastEncoder:
    return FastEncoder(tokenizer)


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_ids_are_sentencepieces(encoder: FastEncoder, text: str) -> None:
    assert encoder.encode(text) == encoder.tokenizer.encode(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_cuts_are_where_they_may_be(text: str) -> None:
    found = chunks(text)
    assert "".join(found) == text
    for left, right in pairwise(found):
        assert may_cut(left[-1], right[0]), (left, right)


def test_texts_as_they_are(encoder: FastEncoder) -> None:
    assert chunks("Let $x_{1}$ be  \\alpha") == ["Let", " $x_{", "1", "}$", " be", "  ", "\\alpha"]
    for seed in range(30):
        text = sample_text(seed)
        assert encoder.encode(text) == encoder.tokenizer.encode(text)
        assert len(chunks(text)) > len(text) / 12


def test_memory_is_bounded(tokenizer: LatexTokenizer) -> None:
    encoder = FastEncoder(tokenizer, max_chunks=10)
    text = sample_text(1)
    assert encoder.encode(text) == tokenizer.encode(text)
    assert len(encoder._ids) == 10
    encoder = FastEncoder(tokenizer)
    assert encoder.encode("a" * 10_000) == tokenizer.encode("a" * 10_000)
    assert len(encoder._ids) == 0


def test_a_model_whose_pieces_reach_over_a_cut_is_refused() -> None:
    model = train_model({"ab": 30, "a": 20, "b": 20}, vocab_size=NUM_FIXED_PIECES + 4, groups=["(a b)"])
    with pytest.raises(InputError, match="reaches over a cut"):
        FastEncoder(LatexTokenizer(model))


def test_a_difference_is_found_at_the_first_text(tokenizer: LatexTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_encoder, "_CHUNK", re.compile("."))
    with pytest.raises(InputError, match="differ from SentencePiece's"):
        FastEncoder(tokenizer).encode("the \\alpha")


def test_a_lone_surrogate_is_refused_by_its_place(encoder: FastEncoder) -> None:
    with pytest.raises(ValueError, match=r"character 6 .* U\+D800"):
        encoder.encode("a the \ud800")
