"""Exports the tokenizer to Hugging Face: `tokenizer.json` and its settings, which `AutoTokenizer` loads without code of ours.

The ids are SentencePiece's, on every text:

- No normaliser and no pre-tokeniser: the model's pieces hold spaces as they are (`tools.tokenizer`), and the whole text is one run of
  characters for the merges, as it is for SentencePiece.
- SentencePiece merges the neighbours whose union is the best piece, whatever the two are; Hugging Face merges listed pairs in the list's
  order. So every split of a piece into two pieces is listed, by the piece's rank. Splits of one piece compete only where they overlap,
  `xy` = `yz`; SentencePiece then takes the left one, so the split at |x| is listed before the split at |y| (`_splits`).
- User symbols are added tokens, which are cut out first, leftmost and longest, as SentencePiece does.
- Characters without a piece go by their bytes. Special tokens are never found in a text: `split_special_tokens`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from shards.commit import write_bytes
from shards.errors import InputError
from tools.tokenizer import BOS, EOD, PAD, UNK, USER_SYMBOLS, LatexTokenizer, is_group

_NORMAL, _USER_DEFINED = 1, 4  # sentencepiece_model.proto, SentencePiece.Type
_BPE = 2  # TrainerSpec.ModelType
_NO_LIMIT = int(1e30)  # transformers' own word for "no limit"

SAMPLE_TEXTS = (
    "",
    " ",
    "# Introduction\n\nLet $x_{1}, \\dots, x_{n} \\in \\mathbb{R}$ be  given.\n",
    "\\begin{align*}\n\\int_0^\\infty e^{-x^2}\\,dx &= \\frac{\\sqrt{\\pi}}{2} \\\\\n\\alpha &\\to \\beta\\\\alpha\n\\end{align*}",
    "Erd\u0151s\u2013R\u00e9nyi, \u4e2d\u6587 \u2581\u2581 \U0001f600 \u0000\t\r\n [cite:12] 3.14159",
    "<s> </s> <unk> <pad> <0x41> \\ \\\\ \\\\\\ \\{\\}",
    "aaaaaaaaaaa ------------- ........... 0000000        x          \n\n\n\n\n=========",
    "```\nfor (i = 0; i < n; i++) {\n\tx[i] += y[i];\n}\n```",
)


def export_tokenizer(model_path: str | Path, out_dir: str | Path) -> None:
    """Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json into `out_dir`, and compares their ids with the model's.

    Raises `InputError` where the model is no BPE tokenizer of ours; nothing is written then.
    """
    tokenizer = LatexTokenizer.load(model_path)
    content = tokenizer_json(tokenizer)
    _compare(tokenizer, content, SAMPLE_TEXTS)
    out = Path(out_dir)
    special = {"bos_token": BOS, "eos_token": EOD, "pad_token": PAD, "unk_token": UNK}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **special,
        "split_special_tokens": True,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
        "model_max_length": _NO_LIMIT,
    }
    write_bytes(out / "tokenizer.json", _json(content))
    write_bytes(out / "special_tokens_map.json", _json(special))
    write_bytes(out / "tokenizer_config.json", _json(config))


def tokenizer_json(tokenizer: LatexTokenizer) -> dict[str, Any]:
    """The tokenizer in the format of the `tokenizers` library."""
    from sentencepiece import sentencepiece_model_pb2 as model_format

    model = model_format.ModelProto.FromString(tokenizer.model)
    if model.trainer_spec.model_type != _BPE:
        raise InputError(f"{tokenizer.name}: only BPE models give equal ids in Hugging Face tokenizers; train one with --model-type bpe")
    pieces = [piece.piece for piece in model.pieces[: tokenizer.num_pieces]]  # rows of padding have none
    types = [piece.type for piece in model.pieces[: tokenizer.num_pieces]]
    user_symbols = {piece for piece, kind in zip(pieces, types, strict=True) if kind == _USER_DEFINED}
    if not user_symbols >= set(USER_SYMBOLS) or not all(is_group(piece) for piece in user_symbols - set(USER_SYMBOLS)):
        raise InputError(f"{tokenizer.name}: its user symbols are not those of this version; train it again")
    ranked = sorted(
        (piece for piece in model.pieces if piece.type == _NORMAL), key=lambda piece: -piece.score
    )  # stable, and no two scores of longer pieces are equal
    mergeable = {piece.piece for piece in ranked}
    merges = [pair for piece in ranked for pair in _splits(piece.piece, mergeable)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            _added(number, piece, is_special=piece in tokenizer.special_tokens)
            for number, piece in enumerate(pieces)
            if piece in user_symbols or piece in tokenizer.special_tokens
        ],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": UNK,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: number for number, piece in enumerate(pieces)},
            "merges": [list(pair) for pair in merges],
        },
    }


def _splits(piece: str, mergeable: set[str]) -> Iterator[tuple[str, str]]:
    """Every split of a piece into two pieces, in the order in which SentencePiece prefers them.

    Splits at p and n − p (n the length) overlap in `xyz` with |x| = |z| = p where the piece has period p, and SentencePiece takes the left
    one, at p. Both are periods only for a piece that repeats one unit, u^n; there the longer part stands left, since runs merge from
    the left and leave what is shorter at their right end.
    """
    length = len(piece)

    def place(at: int) -> tuple[int, int]:
        mirrored = length - at
        is_period, mirrored_is_period = piece[at:] == piece[:mirrored], piece[mirrored:] == piece[:at]
        if is_period and mirrored_is_period:
            return (1, -at)
        return (0 if is_period else 2 if mirrored_is_period else 1, -at)

    for at in sorted(range(1, length), key=place):
        if piece[:at] in mergeable and piece[at:] in mergeable:
            yield piece[:at], piece[at:]


def _added(number: int, content: str, *, is_special: bool) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": number, "content": content, **flags, "special": is_special}


def _compare(tokenizer: LatexTokenizer, content: dict[str, Any], texts: Sequence[str]) -> None:
    """Raises `InputError` where the exported ids or texts differ from the model's."""
    import tokenizers

    exported = tokenizers.Tokenizer.from_str(json.dumps(content))
    exported.encode_special_tokens = True
    for text in texts:
        ids = tokenizer.encode(text)
        found = exported.encode(text, add_special_tokens=False).ids
        if found != ids or exported.decode(found, skip_special_tokens=False) != text:
            raise InputError(f"{tokenizer.name}: the exported tokenizer differs on {text[:60]!r}: ids {found[:20]} instead of {ids[:20]}")


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
