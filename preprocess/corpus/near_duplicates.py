"""Candidates → those of which another one is nearly the same: Jaccard similarity of their sets of 5-word shingles at least the threshold.

MinHash signatures propose pairs (`signatures.py`), the texts' shingles decide them; what was compared is written to
`near_pairs.parquet`, so that the next run compares only pairs that are new. Union-find makes clusters of the similar pairs. In each of
them the first published is kept, and then, in order of precedence, each one that no kept one resembles. So every document that leaves
resembles one that stays, and a month that comes later never changes what an earlier one decided: a later paper that resembles two kept
ones does not make them one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.config import Config
from preprocess.corpus.deduplicate import precedence
from preprocess.corpus.files import commit_if_new
from preprocess.corpus.on_workers import MIN_DOCUMENTS_ON_WORKERS, MIN_TEXTS_ON_WORKERS, compare_on_workers, propose_on_workers
from preprocess.corpus.records import Candidate, CorpusReason, Exclusion
from preprocess.corpus.signatures import Pairs, SignatureTable, fill, halves, propose_pairs
from preprocess.corpus.texts import read_documents
from preprocess.shingles import VERSION, Hashes, jaccard, shingles
from preprocess.workers import ChooseWorkers, choose_none
from shards.commit import temporary_path
from shards.store import Place, readable

NEAR_PAIRS = "near_pairs.parquet"
_MADE_BY = b"texmill.shingles"
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("other_id", pa.string(), nullable=False),
        pa.field("text_sha256", pa.string(), nullable=False),
        pa.field("other_text_sha256", pa.string(), nullable=False),
        pa.field("jaccard", pa.float64(), nullable=False),
    ]
)
_SHINGLE_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NearPair:
    """Two documents whose texts were compared; `earlier` has precedence."""

    earlier: Candidate
    later: Candidate
    jaccard: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NearBooks:
    """What the search came to. `num_pairs_cut` counts pairs of large groups that no one looked at."""

    num_pairs_compared: int = 0
    num_pairs_similar: int = 0
    num_pairs_cut: int = 0
    num_clusters: int = 0
    largest_cluster: int = 0


def drop_near_duplicates(
    out: Place,
    everything: Sequence[Candidate],
    left: Sequence[Candidate],
    config: Config,
    say: Callable[[str], None],
    choose_workers: ChooseWorkers = choose_none,
) -> tuple[dict[int, Exclusion], NearBooks]:
    """Exclusions by position, among the candidates that are `left` of `everything` in the ledger; writes `corpus/near_pairs.parquet`.

    Each half of the search, pairs proposed and pairs compared, asks `choose_workers` who is to do it; the bytes are the same.
    """
    corpus, threshold = out / "corpus", config.corpus.near_duplicate_threshold
    if threshold is None:
        (corpus / NEAR_PAIRS).unlink(missing_ok=True)
        return {}, NearBooks()
    by_rank, proposed, num_cut = _propose(out, everything, left, config, threshold, say, choose_workers)
    pairs = _compare(out, everything, by_rank, proposed, config, say, choose_workers)
    similar = [pair for pair in pairs if pair.jaccard >= threshold]
    clusters = Counter(cluster_of(similar).values())
    books = NearBooks(
        num_pairs_compared=len(pairs),
        num_pairs_similar=len(similar),
        num_pairs_cut=num_cut,
        num_clusters=len(clusters),
        largest_cluster=max(clusters.values(), default=0),
    )
    return exclude(similar), books


def _propose(
    out: Place,
    everything: Sequence[Candidate],
    left: Sequence[Candidate],
    config: Config,
    threshold: float,
    say: Callable[[str], None],
    choose_workers: ChooseWorkers,
) -> tuple[list[Candidate], Pairs, int]:
    """The candidates in order of precedence, the pairs of them worth comparing by rank in it, the number of pairs not looked at."""
    order = sorted(range(len(left)), key=lambda row: precedence(left[row]))
    ranks = np.empty(len(left), dtype=np.int64)
    ranks[order] = np.arange(len(left))
    is_wanted = np.isin(_positions(everything), _positions(left), assume_unique=True)
    by_rank = [left[row] for row in order]
    workers = choose_workers(len(left) >= MIN_DOCUMENTS_ON_WORKERS)
    if workers.num_workers > 1:
        return by_rank, *propose_on_workers(workers, out, everything, is_wanted, ranks, config, threshold, say)
    with SignatureTable(out / "corpus", len(left), config.minhash) as table:
        fill(table, out, everything, is_wanted)
        pairs, num_cut = propose_pairs(table, ranks, threshold, config.corpus.max_near_duplicate_leaders, say)
    return by_rank, pairs, num_cut


def _positions(candidates: Sequence[Candidate]) -> npt.NDArray[np.int64]:
    return np.fromiter((candidate.position for candidate in candidates), dtype=np.int64, count=len(candidates))


def _compare(
    out: Place,
    everything: Sequence[Candidate],
    by_rank: Sequence[Candidate],
    proposed: Pairs,
    config: Config,
    say: Callable[[str], None],
    choose_workers: ChooseWorkers,
) -> list[NearPair]:
    """The true similarity of each proposed pair, from the last run where that compared the same texts; writes the pairs down."""
    path, made_by = out / "corpus" / NEAR_PAIRS, f"{VERSION} {config.minhash.shingle_words}".encode()
    known = _read_known(path, made_by)
    earlier, later = ([by_rank[rank] for rank in half.tolist()] for half in halves(proposed))
    keys = [(one.text_sha256, other.text_sha256) for one, other in zip(earlier, later, strict=True)]
    new = [number for number, key in enumerate(keys) if key not in known]
    wanted = {candidate.position for number in new for candidate in (earlier[number], later[number])}
    say(f"corpus: {len(new)} pairs of {len(wanted)} documents are new, {len(keys) - len(new)} were compared before")
    workers = choose_workers(len(wanted) >= MIN_TEXTS_ON_WORKERS)
    if workers.num_workers > 1:
        to_compare = [(earlier[number], later[number]) for number in new]
        known |= compare_on_workers(workers, out, everything, to_compare, config.minhash.shingle_words)
    elif wanted:
        with ShingleFile(out / "corpus") as file:
            for candidate, document in read_documents(out, everything, wanted, "shingles of near duplicates", say):
                file.add(candidate.position, shingles(document["text"], config.minhash.shingle_words))
            for number in new:  # by rank of the earlier one, whose shingles are read once
                known[keys[number]] = jaccard(file.read(earlier[number].position), file.read(later[number].position))
    pairs = [NearPair(earlier=one, later=other, jaccard=known[key]) for one, other, key in zip(earlier, later, keys, strict=True)]
    _write_pairs(path, pairs, made_by)
    return pairs


class ShingleFile:
    """Sets of shingles in a temporary file under `folder`, 8 bytes a shingle, which is removed on leaving the `with` block."""

    def __init__(self, folder: Place) -> None:
        self._path = temporary_path(folder / "shingles")
        self._places: dict[int, tuple[int, int]] = {}
        self._end = 0
        self._last: tuple[int, Hashes] | None = None

    def __enter__(self) -> "ShingleFile":
        self._file = open(self._path, "x+b", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._path.unlink()

    def add(self, key: int, values: Hashes) -> None:
        """Keeps a set under `key`."""
        self._places[key] = (self._end, len(values))
        self._file.write(values.astype("<u8").tobytes())
        self._end += len(values) * _SHINGLE_BYTES

    def read(self, key: int) -> Hashes:
        """The set under `key`; the one last asked for first is remembered."""
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        start, length = self._places[key]
        self._file.seek(start)
        values = np.fromfile(self._file, dtype="<u8", count=length)
        self._last = (key, values)
        return values


def _read_known(path: Place, made_by: bytes) -> dict[tuple[str, str], float]:
    """What an earlier run compared, by the hashes of the two texts; nothing where that was done in another way."""
    try:
        if (pq.read_schema(readable(path)).metadata or {}).get(_MADE_BY) != made_by:
            return {}
        table = pq.read_table(readable(path), columns=["text_sha256", "other_text_sha256", "jaccard"])
    except (OSError, pa.ArrowException):
        return {}  # none yet, or no longer whole: it only saves time
    one, other, similarity = (table.column(name).to_pylist() for name in table.column_names)
    return dict(zip(zip(one, other, strict=True), similarity, strict=True))


def _write_pairs(path: Place, pairs: Sequence[NearPair], made_by: bytes) -> None:
    columns = [
        [pair.earlier.arxiv_id for pair in pairs],
        [pair.later.arxiv_id for pair in pairs],
        [pair.earlier.text_sha256 for pair in pairs],
        [pair.later.text_sha256 for pair in pairs],
        [pair.jaccard for pair in pairs],
    ]
    table = pa.table(columns, schema=_SCHEMA.with_metadata({_MADE_BY: made_by}))
    temporary = temporary_path(path)
    try:
        pq.write_table(table, temporary, compression="zstd")
        commit_if_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def cluster_of(pairs: Sequence[NearPair]) -> dict[int, int]:
    """Union-find: for the position of every document in a pair, the least position of all that pairs connect it with."""
    parents: dict[int, int] = {}

    def root(position: int) -> int:
        parents.setdefault(position, position)
        while parents[position] != position:
            parents[position] = position = parents[parents[position]]
        return position

    for pair in pairs:
        one, other = sorted((root(pair.earlier.position), root(pair.later.position)))
        parents[other] = one
    return {position: root(position) for position in parents}


def exclude(similar: Sequence[NearPair]) -> dict[int, Exclusion]:
    """Exclusions by position: in order of precedence, each document that resembles one that is kept; it names the most similar of these."""
    by_later: dict[int, list[NearPair]] = {}
    for pair in sorted(similar, key=lambda pair: (precedence(pair.later), precedence(pair.earlier))):
        by_later.setdefault(pair.later.position, []).append(pair)
    exclusions: dict[int, Exclusion] = {}
    for position, pairs in by_later.items():
        to_kept = [pair for pair in pairs if pair.earlier.position not in exclusions]
        if to_kept:
            closest = max(to_kept, key=lambda pair: pair.jaccard)  # the first of them where several are
            detail = f"J = {closest.jaccard:.3f} with {closest.earlier.arxiv_id}"
            exclusions[position] = Exclusion(reason=CorpusReason.NEAR_DUPLICATE, detail=detail)
    return exclusions
