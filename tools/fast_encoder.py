r"""The same ids as SentencePiece's in a third of the time: texts are cut where no token can reach over, and what was met is looked up.

    `Let $x_{1}$ be  \alpha` → `Let`, ` $x_{`, `1`, `}$`, ` be`, `  `, `\alpha`

A cut between two neighbouring characters is safe if no piece of the model holds them side by side: merges never reach over it, and user
symbols, which are matched from left to right, neither. Every piece of a model is held against the cuts before it is encoded with.
"""

import re
from array import array
from itertools import pairwise

import numpy as np

from shards.errors import InputError
from tools.tokenizer import LatexTokenizer

MAX_CHUNKS = 1 << 19  # kept in memory with their ids: under 200 MB
MAX_CHUNK_CHARACTERS = 128  # longer ones do not come again
PROOF_CHARACTERS = 1 << 16

_INSIDE = r"[^ \n\\0-9:]"
# cut before and after each digit and each run of line ends; before a backslash that follows none; before a space that follows
# neither space, backslash nor colon (`[footnote: ` is a piece)
_CHUNK = re.compile(rf"(?: ++|\\++ *+|{_INSIDE}|:++ *+){_INSIDE}*+(?::++ *+{_INSIDE}*+)*+|[0-9]|\n++")


def chunks(text: str) -> list[str]:
    """The text in pieces that are encoded one by one; joined they are the text."""
    return _CHUNK.findall(text)


def may_cut(left: str, right: str) -> bool:
    """Whether `chunks` may part two neighbouring characters."""
    return (
        left in "0123456789"
        or right in "0123456789"
        or (left == "\n") != (right == "\n")
        or (right == "\\" and left != "\\")
        or (right == " " and left not in " \\:")
    )


class FastEncoder:
    """`encode` gives what `tokenizer.encode` gives. Not for threads: each has its own."""

    def __init__(self, tokenizer: LatexTokenizer, *, max_chunks: int = MAX_CHUNKS) -> None:
        self.tokenizer = tokenizer
        self._ids = _Ids(tokenizer, max_chunks)
        self._is_proven = False
        for number in range(tokenizer.num_pieces):
            piece = tokenizer.piece(number)
            if tokenizer.is_text(number) and any(may_cut(left, right) for left, right in pairwise(piece)):
                raise InputError(f"{tokenizer.name}: its piece {piece!r} reaches over a cut; train it with this version of texmill")

    def encode(self, text: str) -> list[int]:
        """Ids of a text, with neither bos nor eod. The first text is encoded both ways as a proof."""
        try:
            ids = self._encode(text)
        except ValueError:
            return self.tokenizer.encode(text)  # raises with the character's place in the whole text
        if not self._is_proven and text:
            sample = text[:PROOF_CHARACTERS]
            found = ids if sample == text else self._encode(sample)
            if found != self.tokenizer.encode(sample):
                raise InputError(f"{self.tokenizer.name}: ids of the fast encoder differ from SentencePiece's; this is a bug of texmill's")
            self._is_proven = True
        return ids

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = np.frombuffer(b"".join(map(self._ids.__getitem__, chunks(text))), dtype=np.int32).tolist()
        return ids


class _Ids(dict[str, bytes]):
    """Chunk → its ids as int32, by SentencePiece where it is new. Lists in their place would be walked by every garbage collection."""

    def __init__(self, tokenizer: LatexTokenizer, max_chunks: int) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._max_chunks = max_chunks

    def __missing__(self, chunk: str) -> bytes:
        ids = array("i", self._tokenizer.encode(chunk)).tobytes()
        if len(self) < self._max_chunks and len(chunk) <= MAX_CHUNK_CHARACTERS:
            self[chunk] = ids
        return ids
