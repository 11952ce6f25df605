"""Tokenizers of any make, given as files, behind one face: ids with the bytes of the text that each stands for.

Known files: a SentencePiece model (any settings), a Hugging Face `tokenizer.json`, a `.tiktoken` file of ranks, a tekken `.json`.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import sentencepiece

from shards.errors import InputError

Ids = npt.NDArray[np.int64]

# the published pattern of cl100k; a .tiktoken file holds ranks and no pattern
_TIKTOKEN_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass(frozen=True, slots=True)
class Encoding:
    """A text's tokens. `ids` `[T]`; `edges` `[T + 1]` UTF-8 byte offsets, token t stands for bytes `edges[t]` to `edges[t + 1]`;
    `is_rare` `[T]` bool, tokens that hold part of a character, as byte fallback's do.
    """

    ids: Ids
    edges: Ids
    is_rare: npt.NDArray[np.bool_]


class AnyTokenizer(Protocol):
    """What the evaluation needs of a tokenizer. `kind` names its make; `num_pieces` counts the ids that stand for something; `num_rows`, at
    least as many, is the size that its file states: rows of an embedding.
    """

    kind: str
    num_pieces: int
    num_rows: int

    def encode(self, text: str) -> Encoding: ...  # noqa: D102

    def decode(self, ids: Sequence[int]) -> str: ...  # noqa: D102

    def piece(self, number: int) -> str: ...  # noqa: D102


class SentencePieceModel:
    """A SentencePiece model, whatever its normalisation; where it changes the text, offsets are its own."""

    kind = "SentencePiece"

    def __init__(self, model: bytes, name: str) -> None:
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"{name}: is no SentencePiece model ({error})") from None
        self.num_rows = int(self._processor.GetPieceSize())
        self.num_pieces = sum(not self._processor.IsUnused(number) for number in range(self.num_rows))
        pieces = [self._processor.IdToPiece(number) for number in range(self.num_rows)]
        self._is_byte = np.array([self._processor.IsByte(number) for number in range(self.num_rows)])
        self._num_bytes = np.array(
            [1 if is_byte else len(piece.replace("▁", " ").encode()) for piece, is_byte in zip(pieces, self._is_byte, strict=True)]
        )

    def encode(self, text: str) -> Encoding:
        """Ids and offsets."""
        ids = np.array(self._processor.EncodeAsIds(text), dtype=np.int64)
        edges = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self._num_bytes[ids])])
        num_bytes = len(text.encode())
        if edges[-1] == num_bytes + 1 and len(ids):  # the dummy prefix: a space before the text
            edges[1:] -= 1
        elif edges[-1] != num_bytes:
            edges = self._own_edges(text)
        return Encoding(ids, edges, self._is_byte[ids])

    def _own_edges(self, text: str) -> Ids:
        offsets = self._processor.encode(text, out_type="offset_mapping")["offsets"]
        return _gapless(text, [end for _, end in offsets])

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids."""
        return str(self._processor.DecodeIds([int(number) for number in ids]))

    def piece(self, number: int) -> str:
        """A token as people read it."""
        return str(self._processor.IdToPiece(int(number)))


class HuggingFaceTokenizer:
    """A tokenizer of the `tokenizers` library."""

    def __init__(self, tokenizer: Any, kind: str = "Hugging Face") -> None:
        self.kind = kind
        self._tokenizer = tokenizer
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True
        self.num_pieces = self.num_rows = int(tokenizer.get_vocab_size())
        vocab = tokenizer.get_vocab()
        self._bytes = {vocab[name] for name in (f"<0x{byte:02X}>" for byte in range(256)) if name in vocab}

    def encode(self, text: str) -> Encoding:
        """Ids and offsets; a space that a token holds at its front is the token's, though the library leaves it out of the offsets."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids = np.array(encoded.ids, dtype=np.int64)
        offsets = np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2)
        edges = _gapless(text, offsets[:, 1])
        if self._bytes:
            is_rare = np.isin(ids, list(self._bytes))
        else:
            same = (offsets[1:] == offsets[:-1]).all(axis=1) if len(ids) else np.zeros(0, dtype=bool)
            is_rare = np.zeros(len(ids), dtype=bool)
            is_rare[1:] |= same
            is_rare[:-1] |= same
        return Encoding(ids, edges, is_rare)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids."""
        return str(self._tokenizer.decode([int(number) for number in ids], skip_special_tokens=False))

    def piece(self, number: int) -> str:
        """A token as people read it."""
        return str(self._tokenizer.decode([int(number)], skip_special_tokens=False) or self._tokenizer.id_to_token(int(number)))


def _gapless(text: str, ends: Any) -> Ids:
    """Ends in characters `[T]` → edges in bytes `[T + 1]`: a token begins where the one before it ends."""
    lengths = np.fromiter((len(character.encode()) for character in text), dtype=np.int64, count=len(text))
    byte_of_character = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    edges = np.concatenate([np.zeros(1, dtype=np.int64), byte_of_character[np.asarray(ends, dtype=np.int64)]])
    edges = np.maximum.accumulate(edges)
    if len(edges) > 1:
        edges[-1] = byte_of_character[-1]
    return edges


def open_tokenizer(path: str | Path) -> AnyTokenizer:
    """The tokenizer in a file, or in a folder with a `tokenizer.model`. Raises `InputError` where it is of no known make."""
    path = Path(path)
    if path.is_dir():
        path = path / "tokenizer.model"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a tokenizer's file") from None
    if path.suffix == ".tiktoken":
        return _from_ranks(_tiktoken_ranks(content, path), _TIKTOKEN_PATTERN, "tiktoken")
    if not content.lstrip().startswith(b"{"):
        return SentencePieceModel(content, str(path))
    try:
        fields = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path}: is neither a SentencePiece model nor JSON ({error})") from None
    if "vocab" in fields and "pattern" in fields.get("config", {}):
        config = fields["config"]
        size = config["default_vocab_size"] - config["default_num_special_tokens"]
        ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in fields["vocab"][:size]}
        return _from_ranks(ranks, config["pattern"], "tekken")
    return _from_json(content, path)


def _from_json(content: bytes, path: Path) -> AnyTokenizer:
    import tokenizers

    try:
        return HuggingFaceTokenizer(tokenizers.Tokenizer.from_str(content.decode()))
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"{path}: is no tokenizer.json ({error})") from None


def _tiktoken_ranks(content: bytes, path: Path) -> dict[bytes, int]:
    ranks = {}
    try:
        for line in content.splitlines():
            if line:
                token, rank = line.split()
                ranks[base64.b64decode(token, validate=True)] = int(rank)
    except ValueError as error:
        raise InputError(f"{path}: line {len(ranks) + 1}: no base64 token with its rank ({error})") from None
    return ranks


def _from_ranks(ranks: dict[bytes, int], pattern: str, kind: str) -> AnyTokenizer:
    """A byte-level BPE given by ranks alone: the pair of a token is what its bytes merge to under all lower ranks."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    letter_of_byte = _letters_of_bytes()

    def written(token: bytes) -> str:
        return "".join(letter_of_byte[byte] for byte in token)

    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            parts = _parts(token, ranks, rank)
            if len(parts) == 2:
                merges.append((written(parts[0]), written(parts[1])))
    vocab = {written(token): rank for token, rank in ranks.items()}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab, merges, ignore_merges=True))
    split = pre_tokenizers.Split(tokenizers.Regex(pattern), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return HuggingFaceTokenizer(tokenizer, kind)


def _parts(token: bytes, ranks: dict[bytes, int], below: int) -> list[bytes]:
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 1:
        best, at = min((ranks.get(parts[at] + parts[at + 1], below), at) for at in range(len(parts) - 1))
        if best >= below:
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _letters_of_bytes() -> list[str]:
    """Byte → the letter that byte-level BPE writes it as: itself where it is printable in Latin-1, else one from U+0100 on."""
    is_printable = [33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte <= 255 for byte in range(256)]
    others = iter(range(256, 512))
    return [chr(byte) if is_printable[byte] else chr(next(others)) for byte in range(256)]
