"""The tokenizer: a SentencePiece model that loses nothing and respects TeX's boundaries.

Lossless, for every Unicode string: no normalisation, no dummy prefix, whitespace as it stands, byte fallback. SentencePiece writes a space
as U+2581 inside its pieces and so turns a U+2581 of the text into a space. Our model files hold the space itself (`escape_whitespaces` is
off, which stock SentencePiece obeys) and no piece with U+2581, so that character goes by its three bytes, as any other rare one does.

True to TeX: training sees the text cut into the pieces of `pretokens`, so no learned piece crosses from a control word into what
surrounds it, and a control word is cut alike wherever it stands. User symbols are matched before anything is merged, leftmost and longest:

- control symbols (a backslash and one ASCII character that is no letter), so that a line break `\\\\` is parted from the word after it in
  `\\\\alpha`, which only TeX's own eye does;
- the markers of the text grammar, line ends and tabs;
- groups: what the corpus says often between control words, as `_{i}`, `(x)`, ` $n$`, `{equation}`; `tools.train_tokenizer` mines them.

A user symbol never begins or ends with a letter, and so can neither eat into a control word, as a symbol `\\in` would into `\\int`, nor
part a word.
"""

import functools
import hashlib
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from shards.errors import InputError
from shards.store import Place

PAD_MULTIPLE = 128  # vocabulary rows: whole tiles of the GPU's matrix units, and divisible among 2, 4 or 8 tensor-parallel ranks

UNK, BOS, EOD, PAD = "<unk>", "<s>", "</s>", "<pad>"  # control pieces: never found in a text, whatever it holds
SPECIAL_TOKENS = {UNK: 0, BOS: 1, EOD: 2, PAD: 3}  # EOD is the one end token: end of document and SentencePiece's eos
CONTROL_SYMBOLS = tuple("\\" + character for character in " " + string.punctuation)
MARKERS = ("[cite:", "[ref:", "[footnote: ", "[caption: ")  # of the text grammar
USER_SYMBOLS = ("\n", "\n\n", "\t", *CONTROL_SYMBOLS, *MARKERS)  # of every tokenizer; groups come to them
SPACE_MARK = "\u2581"

MAX_PRETOKEN_CHARACTERS = 64

_PIECES = (
    r"(?P<control>\\[A-Za-z]{1,64})"
    r"|\\[ -/:-@\[-`{-~]"  # a control symbol: a user symbol, nothing to learn
    r"|(?P<piece>"
    r" ?[^\W\d_]{1,64}"  # a word with the space before it
    r"|\d"  # digits stand alone
    r"| ?\$"  # math begins and ends alike everywhere
    r"| ?(?:[^\s\w\\$]|_){1,16}"  # `_{`, `}^{`, ` =`: whole tokens of TeX, no letters
    r"| {1,64}(?= )| "  # a run of spaces, without the one that belongs to the word after it
    r"|\\)"
)
_PUNCTUATION = r"[!-/:-@\[\]-`{-~]{1,4}"  # ASCII without the backslash; `_` and `^` are in it
_NAME = r"\{[A-Za-z]{3,16}\*?\}"  # `{array}`: nothing is joined to it, so that it is the same after \begin and \end
GROUP = re.compile(rf"{_NAME}| ?{_PUNCTUATION}(?:[A-Za-z]{{1,16}}{_PUNCTUATION}){{1,3}}")
_PRETOKEN = re.compile(rf"(?P<group>{GROUP.pattern})|{_PIECES}")
_PIECE = re.compile(_PIECES)
_UNLEARNABLE = re.compile("[\u2581\u2585\u0000-\u001f]")  # SentencePiece's own marks, and what its trainer takes for separators

_PROBE = "a  b\t\n\n \r\n\0 \u2581 \\\\alpha$x_{1}$ \u00e9\u4e2d\U0001f600 <s></s><0x41> 0123 "


def pretokens(text: str, *, with_groups: bool = True) -> Iterator[str]:
    """The pieces of a text that training counts, in order: no learned piece reaches over an edge between two of them.

    Example: `a \\alpha_{12} f(x)` → `a`, ` `, `\\alpha`, `_{`, `1`, `2`, `}`, ` f`, `(x)`; without groups the last is `(`, `x`, `)`.
    """
    for match in (_PRETOKEN if with_groups else _PIECE).finditer(text):
        pretoken = match.group()
        if match.lastgroup is not None and not _UNLEARNABLE.search(pretoken):
            yield pretoken


def is_group(pretoken: str) -> bool:
    """Whether words stand in it between punctuation, as in `(x)`, `_{i}`: such a piece may become a user symbol and is never learned."""
    return GROUP.fullmatch(pretoken) is not None


def padded_vocab_size(num_pieces: int) -> int:
    """The next multiple of 128: rows of the embedding. Those past the last piece are never used."""
    return -(-num_pieces // PAD_MULTIPLE) * PAD_MULTIPLE


class LatexTokenizer:
    """Text to ids and back, without loss. Pickles to workers.

    `vocab_size` counts the model's rows, padded to a multiple of 128; `num_pieces` the pieces; `eod_id` ends each document.
    """

    def __init__(self, model: bytes, *, name: str = "tokenizer.model") -> None:
        self.model = model
        self.name = name
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"{name}: is no SentencePiece model ({error}); make one with `python -m tools.train_tokenizer`") from None
        found = [self._processor.unk_id(), self._processor.bos_id(), self._processor.eos_id(), self._processor.pad_id()]
        if found != list(SPECIAL_TOKENS.values()):
            raise InputError(
                f"{name}: unk, bos, eos, pad are {found} where {list(SPECIAL_TOKENS.values())} are needed; "
                f"make a tokenizer with `python -m tools.train_tokenizer`"
            )
        if self.decode(self.encode(_PROBE)) != _PROBE:
            raise InputError(f"{name}: loses text (spaces, newlines or rare characters); make one with `python -m tools.train_tokenizer`")

    @classmethod
    def load(cls, path: str | Place) -> "LatexTokenizer":
        """The tokenizer of a `tokenizer.model`, or of a folder with one. Raises `InputError` where it is none that keeps every text."""
        path = Path(path) if isinstance(path, str) else path
        if path.is_dir():
            path = path / "tokenizer.model"
        try:
            model = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: no such tokenizer; make one with `python -m tools.train_tokenizer`") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        return cls(model, name=str(path))

    @functools.cached_property
    def num_pieces(self) -> int:
        """Pieces of the model, specials and bytes included, without the unused ones that fill it up to the size that was asked for."""
        number = int(self._processor.GetPieceSize())
        while self._processor.IsUnused(number - 1):
            number -= 1
        return number

    @functools.cached_property
    def vocab_size(self) -> int:
        """Rows of the embedding: a multiple of 128. Those from `num_pieces` on are padding, which no text gives."""
        return padded_vocab_size(int(self._processor.GetPieceSize()))

    @property
    def unk_id(self) -> int:
        """Never given by `encode`: rare characters go by their bytes."""
        return SPECIAL_TOKENS[UNK]

    @property
    def bos_id(self) -> int:
        """Begins a text where a model was trained so; `encode` adds none."""
        return SPECIAL_TOKENS[BOS]

    @property
    def eod_id(self) -> int:
        """Ends each document in the token shards; the exported model's end of sequence."""
        return SPECIAL_TOKENS[EOD]

    @property
    def pad_id(self) -> int:
        """Fills up batches."""
        return SPECIAL_TOKENS[PAD]

    @property
    def sha256(self) -> str:
        """SHA-256 of the model file's bytes: the tokenizer's name in manifests and checkpoints."""
        return hashlib.sha256(self.model).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Ids of a text, with neither bos nor eod. Raises `ValueError` for a lone surrogate, which has no UTF-8 form."""
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"character {error.start} of the text is the lone surrogate U+{ord(text[error.start]):04X}, which has no UTF-8 form; "
                f"replace it before tokenising"
            ) from None
        ids: list[int] = self._processor.EncodeAsIds(content)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids. Specials and rows past the last piece give nothing; bytes that are no UTF-8 give U+FFFD."""
        num_pieces = self.num_pieces
        silent = self._silent_ids
        kept = [int(number) for number in ids if number not in silent and 0 <= number < num_pieces]
        text: str = self._processor.DecodeIds(kept)
        return text

    def piece(self, number: int) -> str:
        """The piece of an id as it is written in the model: `<0xE2>` for a byte, `</s>` for the end of a document."""
        if not 0 <= number < self.num_pieces:
            return f"<padding {number}>"
        piece: str = self._processor.IdToPiece(int(number))
        return piece

    def is_text(self, number: int) -> bool:
        """Whether an id is a piece of text: no special, no byte, no padding."""
        return 0 <= number < self.num_pieces and number not in self._silent_ids and not self._processor.IsByte(number)

    def token_bytes(self, number: int) -> bytes:
        """The bytes of text that an id stands for: those of a text's ids, joined, are the text's. Empty for specials and padding."""
        if number in self._silent_ids or not 0 <= number < self.num_pieces:
            return b""
        piece = self.piece(number)
        return bytes([int(piece[3:5], 16)]) if self._processor.IsByte(int(number)) else piece.encode()

    @functools.cached_property
    def special_tokens(self) -> dict[str, int]:
        """Pieces that no text gives, by id: unk, bos, eod, pad, and those for fill-in-the-middle where the model has them."""
        is_special = (self._processor.IsControl, self._processor.IsUnknown)
        return {self.piece(number): number for number in range(self.num_pieces) if any(kind(number) for kind in is_special)}

    @functools.cached_property
    def _silent_ids(self) -> frozenset[int]:
        return frozenset(self.special_tokens.values())

    @functools.cached_property
    def _bytes_of_ids(self) -> list[bytes]:
        return [self.token_bytes(number) for number in range(self.vocab_size)]

    def spell(self, ids: Iterable[int]) -> bytes:
        """The UTF-8 bytes that ids stand for: those of `encode(text)` spell the text. Specials and padding give nothing."""
        return b"".join(map(self._bytes_of_ids.__getitem__, ids))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_tokenizer_of, (self.model, self.name))


def _tokenizer_of(model: bytes, name: str) -> LatexTokenizer:
    return LatexTokenizer(model, name=name)
