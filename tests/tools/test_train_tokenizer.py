"""Training: equal bytes from equal input, whole documents of the training split, one line on bad input."""

import json
from pathlib import Path

import pytest
import sentencepiece

from shards.errors import InputError
from tests.tools.small_corpus import numbered, sample_text, write_corpus
from tools import train_tokenizer
from tools.tokenizer import CONTROL_SYMBOLS, LatexTokenizer
from tools.train_tokenizer import (
    FIM_TOKENS,
    NUM_FIXED_PIECES,
    PRESETS,
    Sample,
    TooFewPiecesError,
    frequent_characters,
    mine_groups,
    piece_counts,
    sample_shares,
    train_model,
)


def train(corpus: Path, out: Path, *flags: str) -> dict[str, object]:
    train_tokenizer.main(["--corpus", str(corpus), "--out", str(out), "--vocab-size", "640", *flags])
    manifest: dict[str, object] = json.loads((out / "manifest.json").read_bytes())
    return manifest


def test_the_same_corpus_gives_the_same_bytes(corpus_folder: Path, tokenizer_folder: Path, tmp_path: Path) -> None:
    again = train(corpus_folder, tmp_path / "again")
    assert (tmp_path / "again" / "tokenizer.model").read_bytes() == (tokenizer_folder / "tokenizer.model").read_bytes()
    assert again["sha256"] == LatexTokenizer.load(tokenizer_folder).sha256


def test_the_manifest_says_what_it_was_made_from(corpus_folder: Path, tokenizer_folder: Path) -> None:
    manifest = json.loads((tokenizer_folder / "manifest.json").read_bytes())
    corpus = json.loads((corpus_folder / "manifest.json").read_bytes())
    assert manifest["corpus_fingerprint"] == corpus["fingerprint"]
    assert manifest["vocab_size"] == 640
    assert manifest["special_tokens"] == {"<unk>": 0, "<s>": 1, "</s>": 2, "<pad>": 3}
    assert manifest["sample"] == {
        "cs": {"documents": 8, "bytes": sum(len(sample_text(seed).encode()) for seed in range(20, 28))},
        "math": {"documents": 16, "bytes": sum(len(sample_text(seed).encode()) for seed in range(16))},
    }
    assert manifest["bytes_per_token_of_sample"] > 2
    assert manifest["rows_of_padding"] == 0


def test_the_settings_of_sentencepiece_are_those_that_keep_latex(tokenizer_folder: Path) -> None:
    from sentencepiece import sentencepiece_model_pb2 as model_format

    model = model_format.ModelProto.FromString((tokenizer_folder / "tokenizer.model").read_bytes())
    assert model.normalizer_spec.name == "identity"
    assert not model.normalizer_spec.precompiled_charsmap
    assert not model.normalizer_spec.add_dummy_prefix
    assert not model.normalizer_spec.remove_extra_whitespaces
    assert not model.normalizer_spec.escape_whitespaces
    assert model.trainer_spec.byte_fallback
    assert model.trainer_spec.split_digits
    pieces = [piece.piece for piece in model.pieces]
    assert len(pieces) == len(set(pieces)) == 640
    assert set(CONTROL_SYMBOLS) | {"\n", "\n\n", "\t"} <= set(pieces)
    assert not any("▁" in piece for piece in pieces)


def test_stock_sentencepiece_gives_the_same_ids(tokenizer_folder: Path, tokenizer: LatexTokenizer) -> None:
    stock = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer_folder / "tokenizer.model"))
    text = sample_text(3) + " ▁  \t\n\\\\alpha"
    assert stock.encode(text) == tokenizer.encode(text)
    assert stock.decode(stock.encode(text)) == text


def test_the_validation_split_is_never_read(tmp_path: Path) -> None:
    documents = list(numbered(range(8)))
    seen = write_corpus(tmp_path / "one", {"math/train-00000": documents, "math/validation-00000": [("2401.9", "ζ" * 3000)]})
    unseen = write_corpus(tmp_path / "two", {"math/train-00000": documents})
    assert train(seen, tmp_path / "a")["sha256"] == train(unseen, tmp_path / "b")["sha256"]


def test_long_lines_are_learned_from(tmp_path: Path) -> None:
    line = " ".join(sample_text(seed).replace("\n", " ") for seed in range(10)) + " quasicrystal" * 50
    assert len(line) > 10_000  # SentencePiece's own limit is 4192 bytes
    corpus = write_corpus(tmp_path / "corpus", {"math/train-00000": [("2401.1", line)]})
    train_tokenizer.main(["--corpus", str(corpus), "--out", str(tmp_path / "t"), "--vocab-size", "512"])
    assert len(LatexTokenizer.load(tmp_path / "t").encode(" quasicrystal")) <= 2


def test_a_domain_weighs_what_it_is_given(corpus_folder: Path, tmp_path: Path) -> None:
    manifest = train(corpus_folder, tmp_path / "t", "--domain-weights", "cs=0")
    assert list(manifest["sample"]) == ["math"]  # type: ignore[call-overload]
    assert manifest["domain_weights"] == {"cs": 0.0, "math": 1.0}


def test_shares_of_the_sample() -> None:
    assert sample_shares({"a": 100, "b": 300}, {"a": 1, "b": 1}, 40) == {"a": 10, "b": 30}
    assert sample_shares({"a": 100, "b": 300}, {"a": 3, "b": 1}, 40) == {"a": 20, "b": 20}
    assert sample_shares({"a": 100, "b": 300}, {"a": 1, "b": 1}, 4000) == {"a": 100, "b": 300}
    assert sample_shares({"a": 10, "b": 300}, {"a": 100, "b": 1}, 110) == {"a": 10, "b": 100}
    assert sample_shares({"a": 100, "b": 300}, {"a": 0, "b": 1}, 40) == {"b": 40}


def test_groups_are_mined_where_many_papers_have_them() -> None:
    sample = Sample()
    for number in range(30):
        sample.add("f(x) + $a_{i}$" + (" [own]" * 100 if number < 2 else ""))
    groups = mine_groups(sample.groups, sample.group_documents, 10)
    assert groups == [" $a_{i}$", "(x)"]
    assert mine_groups(sample.groups, sample.group_documents, 1) == [" $a_{i}$"]
    counts = piece_counts(sample, ["(x)"])
    assert (counts["own"], counts["a"], counts["_{"], counts["x"]) == (200, 30, 30, 0)


def test_a_group_never_begins_or_ends_inside_a_word() -> None:
    counts = {"\\lim": 30, " the": 30, "xy": 20, "(": 20, ")": 20, "z": 5}
    tokenizer = LatexTokenizer(train_model(counts, vocab_size=NUM_FIXED_PIECES + 26, groups=["(x)", "_{i}", " (x)"]))
    pieces = [tokenizer.piece(number) for number in tokenizer.encode("\\lim(x)\\lim_{i} (x)(xy)\\(x)")]
    assert pieces == ["\\lim", "(x)", "\\lim", "_{i}", " (x)", "(", "xy", ")", "\\(", "x", ")"]


def test_tokens_for_fill_in_the_middle_are_an_option(corpus_folder: Path, tmp_path: Path) -> None:
    manifest = train(corpus_folder, tmp_path / "t", "--fim")
    tokenizer = LatexTokenizer.load(tmp_path / "t")
    assert manifest["special_tokens"] == tokenizer.special_tokens
    assert list(tokenizer.special_tokens) == ["<unk>", "<s>", "</s>", "<pad>", *FIM_TOKENS]
    text = "a <fim_prefix> b"
    ids = tokenizer.encode(text)
    assert not set(ids) & set(tokenizer.special_tokens.values())
    assert tokenizer.decode([*ids, tokenizer.special_tokens["<fim_middle>"]]) == text


def test_a_vocabulary_shrinks_to_fit_on_request(corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = train(corpus_folder, tmp_path / "t", "--vocab-size", "50048", "--shrink-to-fit")
    assert isinstance(manifest["vocab_size"], int)
    assert NUM_FIXED_PIECES < manifest["vocab_size"] < 50_048
    assert manifest["vocab_size"] % 128 == 0
    assert "not for 50,048" in capsys.readouterr().err


def test_a_vocabulary_is_filled_up_on_request(corpus_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--vocab-size", "3200")
    with pytest.raises(InputError, match=r"has pieces for [0-9]+ at the most") as refused:
        train(corpus_folder, tmp_path / "refused", *flags)
    assert isinstance(refused.value, TooFewPiecesError)
    manifest = train(corpus_folder, tmp_path / "t", *flags, "--pad-to-size")
    num_pieces = refused.value.largest
    assert NUM_FIXED_PIECES < num_pieces < 3200
    assert (manifest["vocab_size"], manifest["num_pieces"], manifest["rows_of_padding"]) == (3200, num_pieces, 3200 - num_pieces)
    assert f"{3200 - num_pieces:,} rows are padding" in capsys.readouterr().err
    tokenizer = LatexTokenizer.load(tmp_path / "t")
    assert (tokenizer.num_pieces, tokenizer.vocab_size) == (num_pieces, 3200)
    assert tokenizer.decode([num_pieces, 3199]) == ""
    stock = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "t" / "tokenizer.model"))
    assert stock.GetPieceSize() == 3200
    text = sample_text(2) + f"<unused 0> <unused {3199 - num_pieces}>"
    assert stock.encode(text) == tokenizer.encode(text)
    assert max(tokenizer.encode(text)) < num_pieces
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert train(corpus_folder, tmp_path / "again", "--pad-to-size")["rows_of_padding"] == 0


def test_a_frequent_character_has_a_piece_whatever_share_it_is() -> None:
    counts = {"the": 400_000, " group": 200_000, "ψ": 30, "ж": 1}
    tokenizer = LatexTokenizer(train_model(counts, vocab_size=NUM_FIXED_PIECES + 14))
    assert [len(tokenizer.encode(character)) for character in "ψж"] == [1, 2]
    assert frequent_characters(counts, 2) == "eh"


def test_presets_are_multiples_of_the_padding() -> None:
    assert PRESETS["1p36b"] == 35_584
    assert PRESETS["paper"] == 102_400
    assert all(size % 128 == 0 for size in PRESETS.values())


def test_counts_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_tokenizer, "MAX_DISTINCT_PRETOKENS", 50)
    sample = Sample()
    for number in range(40):
        sample.add(" ".join(f"w{chr(97 + number % 26)}{chr(97 + step % 26)}x" for step in range(20)) + " common")
    assert len(sample.pieces) <= 100
    assert sample.pieces[" common"] == 40


def test_unigram_is_an_option_and_loses_nothing(tmp_path: Path) -> None:
    counts = {"\\alpha": 50, " the": 40, "{": 30, "}": 30, "x": 20, " group": 20, " sheaves": 12, "\\int": 9, " module": 8, "_": 7}
    model = train_model(counts, vocab_size=NUM_FIXED_PIECES + 28, model_type="unigram")
    tokenizer = LatexTokenizer(model)
    text = "\\alpha the ▁ module\n\\\\int"
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--vocab-size", "50000"], "give .* or less, --shrink-to-fit, --pad-to-size, or a larger corpus"),
        (["--vocab-size", "128"], "are taken by specials"),
        (["--max-bytes", "0"], "at least 1"),
        (["--max-groups", "-1"], "0 for none"),
        (["--character-coverage", "2"], "a share from"),
        (["--domain-weights", "biology=2"], "no training domain 'biology'"),
        (["--domain-weights", "math"], "DOMAIN=WEIGHT"),
        (["--domain-weights", "math=0,cs=0"], "leave one in"),
        (["--corpus", "no/such/folder"], "no such folder"),
    ],
)
def test_bad_input_is_said_and_leaves_nothing(corpus_folder: Path, tmp_path: Path, flags: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        train_tokenizer.main(["--corpus", str(corpus_folder), "--out", str(tmp_path / "t"), "--vocab-size", "640", *flags])
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_corpus_is_refused(corpus_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus" / "math").mkdir(parents=True)
    with pytest.raises(InputError, match="no such manifest"):
        train(tmp_path / "corpus", tmp_path / "t")
    (tmp_path / "corpus" / "manifest.json").write_bytes((corpus_folder / "manifest.json").read_bytes())
    with pytest.raises(InputError, match="not on disk"):
        train(tmp_path / "corpus", tmp_path / "t")
    with pytest.raises(InputError, match="give its corpus folder"):
        train(tmp_path, tmp_path / "t")
    only_validation = write_corpus(tmp_path / "v", {"math/validation-00000": list(numbered(range(2)))})
    with pytest.raises(InputError, match="no training documents"):
        train(only_validation, tmp_path / "t")
