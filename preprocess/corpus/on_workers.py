"""The search for near duplicates and benchmark passages, divided among the workers of a cluster; the results are those of one process.

Every step is a pure function of what lies in `out` and of small arrays, so a worker that is lost costs its item. The driver holds no
text and no shingles. What each party holds at N documents, P proposed pairs, W documents in them:

- banding: a worker 75 bytes for each of `DOCUMENTS_A_PART` documents (40 MB), whatever N is: a band is divided by its keys, and equal keys
  stay together. The driver 8 bytes a document and band in a temporary file (200 N), 24 N + 16 P in memory for the band that it hands out;
- signatures of W documents in a temporary file of the driver's (500 W), 20 W of one band in memory;
- comparing: a worker the shingles of `TEXTS_AN_ITEM` documents (80 kB each at 10,000 words) and one unit's text shard.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from preprocess.config import Config, MinHashConfig
from preprocess.corpus.benchmarks import Benchmark, count_overlaps
from preprocess.corpus.records import Candidate
from preprocess.corpus.signatures import (
    KeyTable,
    Pairs,
    SignatureTable,
    estimates,
    halves,
    keys_of_bands,
    least_estimate,
    pairs_of_keys,
    read_signatures,
    units_with,
)
from preprocess.corpus.texts import Line, lines_of, read_lines
from preprocess.shingles import Hashes, jaccard, run_hashes, shingles, word_hashes
from preprocess.workers import Workers
from shards.store import Place, map_ahead

Booleans = npt.NDArray[np.bool_]
UnitPart = tuple[str, Booleans]  # a unit, and which of its documents are wanted

MIN_DOCUMENTS_ON_WORKERS = 1_000_000  # to band: one process takes 4 seconds
MIN_TEXTS_ON_WORKERS = 5_000  # to read: one process takes 2 to 20 seconds, as long as they are
DOCUMENTS_A_PART = 500_000
TEXTS_AN_ITEM = 256
_SIGNATURES_AN_ITEM = 5_000  # 2.5 MB


def propose_on_workers(
    workers: Workers,
    out: Place,
    everything: Sequence[Candidate],
    is_wanted: Booleans,
    ranks: npt.NDArray[np.int64],
    config: Config,
    threshold: float,
    say: Callable[[str], None],
) -> tuple[Pairs, int]:
    """What `signatures.fill` and `propose_pairs` give for the wanted among all candidates of the ledger, whose `ranks` these are."""
    made_by, corpus = config.minhash, out / "corpus"
    pairs: Pairs = np.empty(0, dtype=np.uint64)
    num_cut = 0
    with KeyTable(corpus, len(ranks), made_by.num_bands) as table:
        for keys in workers.map(_keys_of_units, (out, made_by), _parts(units_with(everything, is_wanted))):
            table.append(keys)
        say(f"corpus: signatures of {len(ranks)} documents read")
        for found, cut in workers.map(_pairs_of_part, config.corpus.max_near_duplicate_leaders, _key_ranges(table, ranks)):
            pairs = np.union1d(pairs, found)
            num_cut += cut
    num_proposed = len(pairs)
    in_pairs = np.unique(np.concatenate(halves(pairs)))  # ranks
    rows = np.sort(np.argsort(ranks)[in_pairs])
    places = np.flatnonzero(is_wanted)[rows]
    is_in_pair = np.zeros(len(everything), dtype=np.bool_)
    is_in_pair[places] = True
    with SignatureTable(corpus, len(rows), made_by) as signatures:
        for part in workers.map(_signatures_of_units, (out, made_by), _parts(units_with(everything, is_in_pair))):
            signatures.append(part)
        earlier, later = (np.searchsorted(in_pairs, half).astype(np.uint64) for half in halves(pairs))
        among_these = (earlier << np.uint64(32)) | later
        is_worth_it = estimates(signatures, among_these, np.searchsorted(in_pairs, ranks[rows])) >= least_estimate(
            threshold, made_by.num_hashes
        )
    pairs = pairs[is_worth_it]
    say(f"corpus: {num_proposed} pairs of documents have a band in common, {len(pairs)} of them are compared")
    return pairs, num_cut


def _parts(units: Iterable[UnitPart]) -> Iterator[list[UnitPart]]:
    """Units in their order, as many together as have some thousand wanted documents."""
    part: list[UnitPart] = []
    num_documents = 0
    for unit, wanted in units:
        part.append((unit, wanted))
        num_documents += int(wanted.sum())
        if num_documents >= _SIGNATURES_AN_ITEM:
            yield part
            part, num_documents = [], 0
    if part:
        yield part


def _signatures_of_units(shared: tuple[Place, MinHashConfig], part: Sequence[UnitPart]) -> npt.NDArray[np.uint32]:
    out, config = shared

    def wanted_of(unit: UnitPart) -> npt.NDArray[np.uint32]:
        name, wanted = unit
        return read_signatures(out / "minhash" / f"{name}.npy", len(wanted), config.num_hashes)[wanted]

    return np.concatenate(list(map_ahead(wanted_of, part, out)))


def _keys_of_units(shared: tuple[Place, MinHashConfig], part: Sequence[UnitPart]) -> npt.NDArray[np.uint64]:
    return keys_of_bands(_signatures_of_units(shared, part), shared[1])


def _key_ranges(table: KeyTable, ranks: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]]:
    """Keys and ranks of the documents of each band, cut so that equal keys stay together."""
    num_parts = max(1, -(-len(ranks) // DOCUMENTS_A_PART))
    for number in range(table.num_bands):
        keys = table.band(number)
        owners = keys % np.uint64(num_parts)
        for part in range(num_parts):
            rows = np.flatnonzero((owners == part) & (keys != 0))
            yield keys[rows], ranks[rows]


def _pairs_of_part(max_leaders: int, part: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]) -> tuple[Pairs, int]:
    return pairs_of_keys(*part, max_leaders)


def compare_on_workers(
    workers: Workers, out: Place, everything: Sequence[Candidate], pairs: Sequence[tuple[Candidate, Candidate]], num_words: int
) -> Iterator[tuple[tuple[str, str], float]]:
    """The Jaccard similarity of each pair's shingles, by the hashes of the two texts.

    Pairs that hang together are compared by one worker, so that most texts are read by one only.
    """
    lines = lines_of(everything, {candidate.position for pair in pairs for candidate in pair})
    items = list(_pair_items(pairs, {line.position: line for line in lines}))
    for (_, compared), similarities in zip(items, workers.map(_compare_item, (out, num_words), items), strict=True):
        for (one, other), similarity in zip(compared, similarities, strict=True):
            yield (one.text_sha256, other.text_sha256), similarity


PairItem = tuple[list[Line], list[tuple[Line, Line]]]  # documents to read, and the pairs of them


def _pair_items(pairs: Sequence[tuple[Candidate, Candidate]], lines: Mapping[int, Line]) -> Iterator[PairItem]:
    roots: dict[int, int] = {}

    def root(position: int) -> int:
        while (parent := roots.setdefault(position, position)) != position:
            roots[position] = position = roots[parent]
        return position

    for one, other in pairs:
        least, largest = sorted((root(one.position), root(other.position)))
        roots[largest] = least
    together: defaultdict[int, list[tuple[Line, Line]]] = defaultdict(list)
    for one, other in pairs:
        together[root(one.position)].append((lines[one.position], lines[other.position]))
    documents: dict[int, Line] = {}
    chosen: list[tuple[Line, Line]] = []
    for component in together.values():
        for pair in component:
            if len(documents | {line.position: line for line in pair}) > TEXTS_AN_ITEM:
                yield list(documents.values()), chosen
                documents, chosen = {}, []
            documents |= {line.position: line for line in pair}
            chosen.append(pair)
    if chosen:
        yield list(documents.values()), chosen


def _compare_item(shared: tuple[Place, int], item: PairItem) -> list[float]:
    out, num_words = shared
    documents, pairs = item
    sets = {line.position: shingles(document["text"], num_words) for line, document in read_lines(out, documents)}
    return [jaccard(sets[one.position], sets[other.position]) for one, other in pairs]


def overlaps_on_workers(
    workers: Workers,
    out: Place,
    everything: Sequence[Candidate],
    wanted: Container[int],
    num_words: int,
    every_run: Hashes,
    benchmarks: Sequence[Benchmark],
) -> Iterator[tuple[str, dict[str, int]]]:
    """Texts' hashes with how many runs of each benchmark they have, where they have any."""
    shared = (out, num_words, every_run, benchmarks)
    for found in workers.map(_overlaps_of_item, shared, _text_items(lines_of(everything, wanted))):
        yield from found


def _text_items(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines in the order of the ledger, some hundred together; a unit is cut in two by none."""
    item: list[Line] = []
    for line in lines:
        if len(item) >= TEXTS_AN_ITEM and line.unit != item[-1].unit:
            yield item
            item = []
        item.append(line)
    if item:
        yield item


def _overlaps_of_item(shared: tuple[Place, int, Hashes, Sequence[Benchmark]], lines: Sequence[Line]) -> list[tuple[str, dict[str, int]]]:
    out, num_words, every_run, benchmarks = shared
    found = []
    for line, document in read_lines(out, lines):
        runs = run_hashes(word_hashes(document["text"]), num_words)
        if counts := count_overlaps(runs, every_run, benchmarks):
            found.append((line.text_sha256, counts))
    return found
