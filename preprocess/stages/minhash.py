"""Normalised text → its MinHash signature, from which the corpus pass finds near duplicates (Broder 1997).

Of each of `num_bands x rows_per_band` hash functions the smallest value over the text's shingles. Two texts agree in one place with the
probability of the Jaccard similarity of their sets of shingles.

    two texts of which each has 90 of the other's 100 shingles (J = 90 / 110) → signatures equal in about 82 % of their places

With numpy a paper of 48 kB took 1.1 ms; `rensa` (Rust) 1.6 ms and `datasketch` 6.0 ms on the same core: no package is needed for it.
`benchmarks/bench_dedup.py` measures the signatures' speed.
"""

from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from preprocess.config import MinHashConfig
from preprocess.shingles import Hashes, shingles_in_order

Signature = npt.NDArray[np.uint32]

NO_SHINGLE = 0xFFFFFFFF  # every value of the signature of a text without words
_SHINGLES_AT_ONCE = 1 << 15  # 256 kB: what is worked on stays in the processor's cache, and numpy's calls are few


def minhash(text: str, config: MinHashConfig) -> Signature:
    """The signature of a text: `[num_bands * rows_per_band]` uint32. Depends on the text and the config alone."""
    return sign(shingles_in_order(text, config.shingle_words), config.num_hashes)  # a set costs more to make than its repetitions to sign


def sign(found: Hashes, num_hashes: int) -> Signature:
    """The signature of a set of shingles, in any order, repeated or not: `[num_hashes]` uint32."""
    smallest = np.full(num_hashes, np.iinfo(np.uint64).max, dtype=np.uint64)
    room = np.empty(min(_SHINGLES_AT_ONCE, len(found)), dtype=np.uint64)
    for start in range(0, len(found), _SHINGLES_AT_ONCE):
        part = found[start : start + _SHINGLES_AT_ONCE]
        values = room[: len(part)]
        for place, (factor, summand) in enumerate(_functions(num_hashes)):
            np.multiply(part, factor, out=values)
            np.add(values, summand, out=values)
            smallest[place] = min(smallest[place], np.minimum.reduce(values))
    # the upper half of the smallest value is the smallest of the upper halves, whose bits are the well mixed ones
    return (smallest >> np.uint64(32)).astype(np.uint32)


@lru_cache(maxsize=4)
def _functions(num_hashes: int) -> list[tuple[np.uint64, np.uint64]]:
    """Multiply-shift hash functions: an odd factor and a summand each, from digests, so that they are the same everywhere."""
    functions = []
    for number in range(num_hashes):
        digest = blake2b(f"minhash {number}".encode(), digest_size=16).digest()
        functions.append((np.uint64(int.from_bytes(digest[:8], "little") | 1), np.uint64(int.from_bytes(digest[8:], "little"))))
    return functions
