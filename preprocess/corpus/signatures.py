"""The MinHash signatures of many documents, on disk band by band, and the pairs that they propose.

Memory holds one band at a time: 75 bytes a document (its values, keys, orders), 0.2 GB at 3 million documents, and 16 bytes for each
proposed pair; the temporary file has 500 bytes a document, 1.5 GB. A band needs nothing of the others, and documents of one key in it
nothing of those of another, so both are gone through on many machines where there are (`on_workers.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from preprocess.config import MinHashConfig
from preprocess.corpus.records import Candidate
from preprocess.stages.minhash import NO_SHINGLE
from shards.commit import temporary_path
from shards.errors import InputError
from shards.store import Place, map_ahead, readable

Pairs = npt.NDArray[np.uint64]  # rank of the earlier document in the upper, of the later one in the lower half

_PAIRS_AT_ONCE = 1 << 18
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_HALF = np.uint64(32)


class SignatureTable:
    """Signatures of `num_documents` documents in one temporary file under `folder`: `[num_bands, num_documents, rows_per_band]` uint32.

    The file is removed on leaving the `with` block.
    """

    def __init__(self, folder: Place, num_documents: int, config: MinHashConfig) -> None:
        self.num_documents, self.config = num_documents, config
        self._path = temporary_path(folder / "signatures")
        self._num_filled = 0

    def __enter__(self) -> "SignatureTable":
        self._file: BinaryIO = open(self._path, "x+b", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink()

    def append(self, signatures: npt.NDArray[np.uint32]) -> None:
        """Adds `[D, num_hashes]` signatures."""
        by_band = signatures.reshape(len(signatures), self.config.num_bands, self.config.rows_per_band).transpose(1, 0, 2)
        for band, values in enumerate(by_band):
            self._file.seek((band * self.num_documents + self._num_filled) * self.config.rows_per_band * 4)
            self._file.write(np.ascontiguousarray(values, dtype="<u4").tobytes())
        self._num_filled += len(signatures)

    def band(self, number: int) -> npt.NDArray[np.uint32]:
        """One band of all documents, `[num_documents, rows_per_band]`."""
        assert self._num_filled == self.num_documents
        self._file.seek(number * self.num_documents * self.config.rows_per_band * 4)
        values = np.fromfile(self._file, dtype="<u4", count=self.num_documents * self.config.rows_per_band)
        return values.reshape(self.num_documents, self.config.rows_per_band)


class KeyTable:
    """Keys of `num_documents` documents in one temporary file under `folder`: `[num_bands, num_documents]` uint64; removed at the end."""

    def __init__(self, folder: Place, num_documents: int, num_bands: int) -> None:
        self.num_documents, self.num_bands = num_documents, num_bands
        self._path = temporary_path(folder / "keys")
        self._num_filled = 0

    def __enter__(self) -> "KeyTable":
        self._file: BinaryIO = open(self._path, "x+b", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink()

    def append(self, keys: npt.NDArray[np.uint64]) -> None:
        """Adds `[num_bands, D]` keys."""
        for band, values in enumerate(keys):
            self._file.seek((band * self.num_documents + self._num_filled) * 8)
            self._file.write(values.astype("<u8").tobytes())
        self._num_filled += keys.shape[1]

    def band(self, number: int) -> npt.NDArray[np.uint64]:
        """The keys of one band, `[num_documents]`."""
        assert self._num_filled == self.num_documents
        self._file.seek(number * self.num_documents * 8)
        return np.fromfile(self._file, dtype="<u8", count=self.num_documents)


def fill(table: SignatureTable, out: Place, candidates: Sequence[Candidate], is_wanted: npt.NDArray[np.bool_]) -> None:
    """Reads the units' signatures of the wanted among all candidates of the ledger, in its order."""

    def wanted_of(unit: tuple[str, npt.NDArray[np.bool_]]) -> npt.NDArray[np.uint32]:
        name, wanted = unit
        return read_signatures(out / "minhash" / f"{name}.npy", len(wanted), table.config.num_hashes)[wanted]

    for signatures in map_ahead(wanted_of, units_with(candidates, is_wanted), out):
        table.append(signatures)


def units_with(candidates: Sequence[Candidate], is_wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """The units of all candidates of the ledger, in its order, of which any document is wanted; and which of theirs are."""
    first = 0
    for unit, group in groupby(candidates, key=lambda candidate: candidate.unit):
        num_documents = sum(1 for _ in group)
        wanted = is_wanted[first : first + num_documents]
        first += num_documents
        if wanted.any():
            yield unit, wanted


def read_signatures(path: Place, num_documents: int, num_hashes: int) -> npt.NDArray[np.uint32]:
    """A unit's signatures, `[num_documents, num_hashes]`. Raises `InputError` where the file is not what the unit's ledger says."""
    again = f"remove {path.parent.parent / 'units' / path.stem}.json and run again"
    try:
        signatures: npt.NDArray[np.uint32] = np.load(readable(path), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a readable table of signatures ({error}); {again}") from None
    if signatures.dtype != np.dtype("<u4") or signatures.shape != (num_documents, num_hashes):
        found = f"{signatures.dtype} {list(signatures.shape)}"
        raise InputError(f"{path}: holds {found} where its ledger says uint32 {[num_documents, num_hashes]}; {again}")
    return signatures


def propose_pairs(
    table: SignatureTable, ranks: npt.NDArray[np.int64], threshold: float, max_leaders: int, say: Callable[[str], None]
) -> tuple[Pairs, int]:
    """Pairs with a band in common whose signatures leave a similarity of `threshold` possible; and how many pairs `max_leaders` cut.

    `ranks`, `[num_documents]`, is each document's place in the order of precedence: 0 is the one that is kept before all others.
    """
    pairs: Pairs = np.empty(0, dtype=np.uint64)
    num_cut = 0
    for number in range(table.config.num_bands):
        found, cut = pairs_of_band(table.band(number), ranks, max_leaders)
        pairs = np.union1d(pairs, found)
        num_cut += cut
    num_proposed = len(pairs)
    pairs = pairs[estimates(table, pairs, ranks) >= least_estimate(threshold, table.config.num_hashes)]
    say(f"corpus: {num_proposed} pairs of documents have a band in common, {len(pairs)} of them are compared")
    return pairs, num_cut


def least_estimate(threshold: float, num_hashes: int) -> float:
    """The share of equal values that a pair at `threshold` has all but surely: four standard deviations under it (missed: 1 in 30,000)."""
    return threshold - 4 * (threshold * (1 - threshold) / num_hashes) ** 0.5


def pairs_of_band(band: npt.NDArray[np.uint32], ranks: npt.NDArray[np.int64], max_leaders: int) -> tuple[Pairs, int]:
    """Pairs of documents with equal values in one band, found by sorting; and the number of pairs left out.

    In a group of equal ones each document is paired with the first `max_leaders` of the group by rank: all pairs of groups that small, and
    no more than so many for each document in a group of thousands. Documents without shingles are in no pair.
    """
    return pairs_of_keys(keys_of_band(band), ranks, max_leaders)


def keys_of_band(band: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """One key for each document's values in a band, `[num_documents]`: equal for equal values, 0 for a document without shingles."""
    keys = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        keys = (keys ^ column) * _FACTOR
        keys ^= keys >> _SHIFT
    keys[keys == 0] = 1
    keys[~(band != NO_SHINGLE).any(axis=1)] = 0
    return keys


def keys_of_bands(signatures: npt.NDArray[np.uint32], config: MinHashConfig) -> npt.NDArray[np.uint64]:
    """The keys of `[D, num_hashes]` signatures in every band: `[num_bands, D]`."""
    by_band = signatures.reshape(len(signatures), config.num_bands, config.rows_per_band).transpose(1, 0, 2)
    return np.stack([keys_of_band(values) for values in by_band])


def pairs_of_keys(keys: npt.NDArray[np.uint64], ranks: npt.NDArray[np.int64], max_leaders: int) -> tuple[Pairs, int]:
    """`pairs_of_band` from the keys of its documents, or of all those of some keys."""
    rows = np.flatnonzero(keys)
    rows = rows[np.lexsort((ranks[rows], keys[rows]))]
    is_start = np.ones(len(rows), dtype=np.bool_)
    is_start[1:] = keys[rows[1:]] != keys[rows[:-1]]
    starts = np.flatnonzero(is_start)
    sizes = np.diff(np.append(starts, len(rows)))
    starts, sizes = starts[sizes > 1], sizes[sizes > 1]
    first = np.repeat(starts, sizes)  # for each document of a group, where the group begins
    place = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = []
    for leader in range(min(max_leaders, int(sizes.max(initial=1)) - 1)):
        is_later = place > leader
        earlier, later = rows[first[is_later] + leader], rows[first[is_later] + place[is_later]]
        found.append((ranks[earlier].astype(np.uint64) << _HALF) | ranks[later].astype(np.uint64))
    beyond = np.maximum(sizes - 1 - max_leaders, 0)
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint64), int((beyond * (beyond + 1) // 2).sum())


def estimates(table: SignatureTable, pairs: Pairs, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """For each pair the share of equal values of its two signatures, which estimates its Jaccard similarity: `[P]`."""
    row_of_rank = np.argsort(ranks)
    num_equal = np.zeros(len(pairs), dtype=np.int64)
    for number in range(table.config.num_bands if len(pairs) else 0):
        band = table.band(number)
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            earlier, later = halves(pairs[part])
            num_equal[part] += (band[row_of_rank[earlier]] == band[row_of_rank[later]]).sum(axis=1)
    return num_equal / table.config.num_hashes


def halves(pairs: Pairs) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Ranks of the earlier and of the later documents of pairs."""
    return (pairs >> _HALF).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)


def as_pairs(ranks: Iterable[tuple[int, int]]) -> Pairs:
    """Pairs from ranks, the earlier document's first."""
    return np.fromiter(((earlier << 32) | later for earlier, later in ranks), dtype=np.uint64)
