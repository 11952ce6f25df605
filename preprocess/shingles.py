"""Text → hashes of its runs of n words: what near duplicates and benchmark overlap are told by.

A word is a run of letters, digits and underscores in lower case, those of formulas too; the numbers of `[cite:N]` and `[ref:N]` are none,
since one citation more renumbers all that follow. Hashes are 64 bits: two different runs of a text of 10,000 words share one with
probability 3e-12.
"""

import re
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from preprocess.words import distinct_words

Hashes = npt.NDArray[np.uint64]

VERSION = 1  # raise it, and `minhash` in `preprocess.pipeline.STAGE_VERSIONS`, when a text comes to have other shingles

_WORD = re.compile(r"\w+")
_MARKER_NUMBER = re.compile(r"\[(cite|ref):[0-9]+\]")
# ASCII in lower case with blanks for what is in no word; bytes of other characters stay, and are seen to word by word
_WORDS_APART = bytes(code if code > 127 else ord(chr(code).lower() if _WORD.match(chr(code)) else " ") for code in range(256))
_MAX_REMEMBERED_BYTES = 64
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
_SHIFT = np.uint64(29)
# multipliers and shifts of the splitmix64 finaliser (Steele, Lea, Flood 2014)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def word_hashes(text: str) -> Hashes:
    """One hash for each word, in order: `[W]` uint64. Each different word is hashed once: a paper repeats its own."""
    text = _MARKER_NUMBER.sub(r"[\1]", text)
    if "Σ" in text:
        text = text.lower()  # the one letter whose lower case depends on what stands beside it
    parts, numbers = distinct_words(text.encode("utf-8", "surrogatepass").translate(_WORDS_APART))
    hashes_of = [(_remembered if len(part) <= _MAX_REMEMBERED_BYTES else _hashes_of)(part) for part in parts]
    found = np.array([value for values in hashes_of for value in values], dtype=np.uint64)
    if len(found) == len(parts) and all(hashes_of):
        return found[numbers]
    # a part with signs outside ASCII in it holds several words, or none
    num_words = np.array([len(values) for values in hashes_of], dtype=np.int64)
    repeats = num_words[numbers]
    places = np.repeat(np.cumsum(num_words)[numbers] - np.cumsum(repeats), repeats)  # the part's last word, less its place in the text
    places += np.arange(len(places))
    return found[places]


def _hashes_of(part: bytes) -> tuple[int, ...]:
    words = [part] if part.isascii() else [word.encode() for word in _WORD.findall(part.decode("utf-8", "surrogatepass").lower())]
    return tuple(int.from_bytes(blake2b(word, digest_size=8).digest(), "little") for word in words)


_remembered = lru_cache(maxsize=1 << 16)(_hashes_of)  # 20 MB at most: nine of ten words of a paper were in an earlier one


def run_hashes(words: Hashes, num_words: int) -> Hashes:
    """The hash of every run of `num_words` words, in order: `[W - num_words + 1]` uint64, none where there are fewer words."""
    num_runs = len(words) - num_words + 1
    if num_runs < 1:
        return np.empty(0, dtype=np.uint64)
    hashes = words[:num_runs].copy()
    for place in range(1, num_words):
        hashes *= _ODD
        hashes ^= hashes >> _SHIFT
        hashes += words[place : place + num_runs]
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _MIX_1
    hashes = (hashes ^ (hashes >> np.uint64(27))) * _MIX_2
    return hashes ^ (hashes >> np.uint64(31))


def shingles_in_order(text: str, num_words: int) -> Hashes:
    """A text's shingles, in order and as often as they stand there: `[R]` uint64."""
    words = word_hashes(text)
    return run_hashes(words, min(num_words, len(words))) if len(words) else words


def shingles(text: str, num_words: int) -> Hashes:
    """The set of a text's shingles: `[S]` uint64, sorted, distinct. A text of fewer words is one shingle, one without words has none."""
    return np.unique(shingles_in_order(text, num_words))


def jaccard(one: Hashes, other: Hashes) -> float:
    """Jaccard similarity of two sets of shingles, 0 to 1: those in both over those in either; 0 where both are empty."""
    if len(one) > len(other):
        one, other = other, one
    if not len(one):
        return 0.0
    places = np.searchsorted(other, one)
    places[places == len(other)] = 0
    num_common = int(np.count_nonzero(other[places] == one))
    return num_common / (len(one) + len(other) - num_common)
