"""The tokenizer: every Unicode string comes back, and TeX's boundaries are the tokens'."""

import itertools
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shards.errors import InputError
from tests.tools.small_corpus import sample_text
from tools.tokenizer import SPECIAL_TOKENS, USER_SYMBOLS, LatexTokenizer, is_group, padded_vocab_size, pretokens

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
TEX_ALPHABET = [
    "a",
    "in",
    "int",
    "\\in",
    "\\int",
    "\\alpha",
    "\\",
    "\\\\",
    "$",
    "_",
    "{",
    "}",
    "^",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "1",
    "é",
    "▁",
]
TEX_TEXT = st.lists(st.sampled_from(TEX_ALPHABET), max_size=40).map("".join)
COMMANDS = ["\\int", "\\in", "\\alpha", "\\frac", "\\nabla", "\\leq", "\\begin", "\\notseenintraining"]


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT | TEX_TEXT)
@example("▁ ▁▁")
@example("<s></s><unk><pad><0x41>")
@example("\0\r\n\x85\u2028\ufeff")
def test_no_text_is_lost(tokenizer: LatexTokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not set(ids) & set(SPECIAL_TOKENS.values())


def test_no_code_point_is_lost(tokenizer: LatexTokenizer) -> None:
    num_seen = 0
    for start in range(0, 0x110000, 256):
        block = [chr(code) for code in range(start, start + 256) if not 0xD800 <= code <= 0xDFFF]
        num_seen += len(block)
        for text in ("".join(block), "x ".join(block)):
            assert tokenizer.decode(tokenizer.encode(text)) == text, hex(start)
    assert num_seen == 0x110000 - 0x800


def test_a_lone_surrogate_is_refused_by_name(tokenizer: LatexTokenizer) -> None:
    with pytest.raises(ValueError, match=r"character 2 .* U\+D800"):
        tokenizer.encode("ab\ud800")


@settings(max_examples=200, deadline=None)
@given(TEX_TEXT)
def test_tokens_stop_where_control_words_do(tokenizer: LatexTokenizer, text: str) -> None:
    content = text.encode()
    parts = [tokenizer.token_bytes(number) for number in tokenizer.encode(text)]
    assert b"".join(parts) == content
    edges = set(itertools.accumulate(map(len, parts), initial=0))
    # maximal runs as TeX reads them: a control symbol takes its one character, a control word every letter
    for match in re.finditer(rb"\\(?:[A-Za-z]+|[^A-Za-z]|$)", content, re.DOTALL):
        if re.fullmatch(rb"\\[A-Za-z]+", match.group()):
            assert match.start() in edges, (text, match)
            following = content[match.end() : match.end() + 1]
            if following < b"\x80":
                assert match.end() in edges, (text, match)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_control_word_has_the_same_ids_in_every_context(tokenizer: LatexTokenizer, command: str) -> None:
    alone = tokenizer.encode(command)
    for before in ("", " ", "$", "{", "x", "x_", "1", "\n", "(", "\\\\", "\\,", "\\beta", ") ", "é"):
        for after in ("", " ", " x", "{", "_", "^{", "1", "\\", "\\beta", "$", "\n", "\n\n", ",", "(", "\\\\"):
            expected = [*tokenizer.encode(before), *alone, *tokenizer.encode(after)]
            assert tokenizer.encode(before + command + after) == expected, (before, command, after)


def test_no_piece_crosses_a_boundary_of_tex(tokenizer: LatexTokenizer) -> None:
    pieces = [tokenizer.piece(number) for number in range(tokenizer.num_pieces)]
    others = [piece for piece in pieces if piece not in {*USER_SYMBOLS, *SPECIAL_TOKENS} and not re.fullmatch("<0x..>", piece)]
    groups = [piece for piece in others if is_group(piece)]
    learned = [piece for piece in others if not is_group(piece)]
    assert len(learned) > 200
    assert "\\int" in learned
    assert "{equation}" in groups
    for piece in groups:
        assert re.fullmatch(r" ?[^\w\s\\](?:[A-Za-z]|[^\w\s\\]|_)*[^\w\s\\]|_.*[^\w\s\\]", piece), piece
    for piece in learned:
        assert re.fullmatch(r"\\[A-Za-z]*|[^\\]+", piece), piece
        assert not re.search(r"[A-Za-z][^A-Za-z]|\d.|.\d", piece), piece


def test_pretokens_are_the_text_without_what_is_not_learned() -> None:
    assert list(pretokens("a \\alpha_{12}")) == ["a", " ", "\\alpha", "_{", "1", "2", "}"]
    assert list(pretokens("\\\\alpha")) == ["alpha"]
    assert list(pretokens("f(x_{i}) in (A)")) == ["f", "(x_{i})", " in", " (A)"]
    assert list(pretokens("\\begin{array}{cc}")) == ["\\begin", "{array}", "{cc}"]
    assert list(pretokens("f(x_{i})", with_groups=False)) == ["f", "(", "x", "_{", "i", "})"]
    assert list(pretokens("t_\\int$ x$ \n  y")) == ["t", "_", "\\int", "$", " x", "$", " ", " ", " y"]
    text = sample_text(1)
    learned = "".join(pretokens(text))
    assert len(learned) > 0.8 * len(text)
    assert list(pretokens("▁")) == []


def test_specials_and_rows_of_padding_decode_to_nothing(tokenizer: LatexTokenizer) -> None:
    ids = tokenizer.encode("a b")
    assert tokenizer.decode([tokenizer.bos_id, *ids, tokenizer.eod_id, tokenizer.pad_id, tokenizer.unk_id, tokenizer.num_pieces]) == "a b"
    assert [padded_vocab_size(size) for size in (1, 128, 129, 35_584)] == [128, 128, 256, 35_584]
    assert tokenizer.vocab_size % 128 == 0
    assert tokenizer.piece(tokenizer.eod_id) == "</s>"
    assert "padding" in tokenizer.piece(tokenizer.num_pieces)
    for number in [*SPECIAL_TOKENS.values(), tokenizer.num_pieces, -1]:
        assert tokenizer.token_bytes(number) == b""


def test_it_pickles_to_workers(tokenizer: LatexTokenizer) -> None:
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again.sha256 == tokenizer.sha256
    assert again.encode("\\alpha x") == tokenizer.encode("\\alpha x")


def test_what_is_no_tokenizer_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such tokenizer"):
        LatexTokenizer.load(tmp_path / "missing.model")
    for content in (b"", b"not a model", bytes(1000)):
        (tmp_path / "tokenizer.model").write_bytes(content)
        with pytest.raises(InputError, match="no SentencePiece model"):
            LatexTokenizer.load(tmp_path)


def test_a_model_that_loses_text_is_refused(tmp_path: Path) -> None:
    import io

    import sentencepiece

    sink = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([sample_text(seed) for seed in range(5)]),
        model_writer=sink,
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        minloglevel=2,
    )
    with pytest.raises(InputError, match="loses text"):
        LatexTokenizer(sink.getvalue(), name="theirs.model")
