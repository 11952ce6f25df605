"""The exported tokenizer gives SentencePiece's ids and loses nothing, on any text."""

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from shards.errors import InputError
from tests.tools.small_corpus import sample_text
from tools.hf_tokenizer import export_tokenizer, tokenizer_json
from tools.tokenizer import LatexTokenizer
from tools.train_tokenizer import NUM_FIXED_PIECES, train_model

PIECES = [
    "a",
    "e",
    "th",
    "the",
    " ",
    "  ",
    "\\",
    "\\\\",
    "\\alpha",
    "\\in",
    "t",
    "$",
    "_",
    "_{",
    "}",
    "\n",
    "\n\n",
    "\t",
    "1",
    "=",
    "==",
    "--",
]
RARE = ["é", "中", "▁", "😀", "\0", "\r", "\ufffd", "\u0301", "<s>", "</s>", "<0x41>", "<pad>"]
REPEATS = st.tuples(st.text("ab -=.", min_size=1, max_size=3), st.integers(1, 40)).map(lambda pair: pair[0] * pair[1])
TEXTS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    | st.lists(st.sampled_from(PIECES + RARE), max_size=40).map("".join)
    | st.lists(REPEATS, max_size=3).map("".join)
)


def ids_of(exported: tokenizers.Tokenizer, text: str) -> list[int]:
    ids: list[int] = exported.encode(text, add_special_tokens=False).ids
    return ids


@pytest.fixture(scope="module")
def exported(tokenizer: LatexTokenizer) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(tokenizer)))
    made.encode_special_tokens = True  # what transformers' split_special_tokens sets
    return made


@pytest.fixture(scope="module")
def repetitive() -> tuple[LatexTokenizer, tokenizers.Tokenizer]:
    """A model of runs, whose merges overlap themselves: `----`, `abab`."""
    counts = {unit * times: 40 - times for unit in ("a", "b", "ab", "aab", "abab", "-", "=", " ", "-=") for times in range(1, 12)}
    made = LatexTokenizer(train_model(counts, vocab_size=NUM_FIXED_PIECES + 80))
    exported = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(made)))
    exported.encode_special_tokens = True
    return made, exported


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_ids_and_texts_are_equal(tokenizer: LatexTokenizer, exported: tokenizers.Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert ids_of(exported, text) == ids
    assert exported.decode(ids, skip_special_tokens=False) == text


@settings(max_examples=400, deadline=None)
@given(st.lists(REPEATS, max_size=4).map("".join) | st.text("ab", max_size=60))
def test_merges_that_overlap_are_taken_alike(repetitive: tuple[LatexTokenizer, tokenizers.Tokenizer], text: str) -> None:
    made, exported = repetitive
    assert ids_of(exported, text) == made.encode(text)


def test_every_code_point_is_equal(tokenizer: LatexTokenizer, exported: tokenizers.Tokenizer) -> None:
    num_seen = 0
    for start in range(0, 0x110000, 256):
        text = "".join(chr(code) for code in range(start, start + 256) if not 0xD800 <= code <= 0xDFFF)
        num_seen += len(text)
        ids = tokenizer.encode(text)
        assert ids_of(exported, text) == ids, hex(start)
        assert exported.decode(ids, skip_special_tokens=False) == text, hex(start)
    assert num_seen == 0x110000 - 0x800


@pytest.mark.filterwarnings("ignore")  # transformers warns of itself on import
def test_auto_tokenizer_loads_it_without_code_of_ours(tokenizer_folder: Path, tokenizer: LatexTokenizer, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    export_tokenizer(tokenizer_folder / "tokenizer.model", tmp_path / "hf")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id, loaded.unk_token_id) == (1, 2, 3, 0)
    texts = [sample_text(seed) for seed in range(5)] + ["▁ <s></s> \\\\alpha \t\n\n", " ", "", "a , b . c 's  n't", "\U0001f600\0\r"]
    for text in texts:
        ids = tokenizer.encode(text)
        assert loaded(text)["input_ids"] == ids
        assert loaded.encode(text, add_special_tokens=False) == ids
        assert loaded.decode(ids) == text
    assert loaded.decode([*tokenizer.encode("a b"), tokenizer.eod_id], skip_special_tokens=True) == "a b"


def test_the_export_is_the_same_bytes_twice(tokenizer_folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_tokenizer(tokenizer_folder / "tokenizer.model", tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)


def test_rows_of_padding_have_no_piece(tmp_path: Path) -> None:
    made = LatexTokenizer(train_model({"ab": 5, "the": 9}, vocab_size=NUM_FIXED_PIECES + 200, is_padded=True))
    exported = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(made)))
    exported.encode_special_tokens = True
    assert exported.get_vocab_size() == made.num_pieces < made.vocab_size - 128
    assert exported.decode([made.num_pieces]) == made.decode([made.num_pieces]) == ""
    text = "the ab <unused 3> <unused 0>"
    assert ids_of(exported, text) == made.encode(text)
    assert exported.decode(made.encode(text), skip_special_tokens=False) == text


def test_a_unigram_model_is_refused(tmp_path: Path) -> None:
    counts = {"\\alpha": 50, " the": 40, "{": 30, "}": 30, "x": 20, " group": 20, " sheaves": 12, "\\int": 9, " module": 8, "_": 7}
    (tmp_path / "tokenizer.model").write_bytes(train_model(counts, vocab_size=NUM_FIXED_PIECES + 28, model_type="unigram"))
    with pytest.raises(InputError, match="only BPE"):
        export_tokenizer(tmp_path / "tokenizer.model", tmp_path / "hf")
    assert not (tmp_path / "hf").exists()
