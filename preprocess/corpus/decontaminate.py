"""Candidates → those whose text has a run of 13 words from a benchmark (arXiv:2005.14165, appendix C: overlap of 13-grams).

What each text has in common with the benchmarks is written to `contamination.parquet`, so that the next run reads only texts that are new.
Another set of benchmark files, or another length of runs, reads all of them again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from preprocess.config import CorpusConfig
from preprocess.corpus.benchmarks import Benchmark, count_overlaps, read_benchmarks
from preprocess.corpus.files import commit_if_new
from preprocess.corpus.on_workers import MIN_TEXTS_ON_WORKERS, overlaps_on_workers
from preprocess.corpus.records import Candidate, CorpusReason, Exclusion
from preprocess.corpus.texts import read_documents
from preprocess.shingles import VERSION, run_hashes, word_hashes
from preprocess.workers import ChooseWorkers, choose_none
from shards.commit import temporary_path
from shards.fingerprint import fingerprint
from shards.store import Place, readable

CONTAMINATION = "contamination.parquet"
_MADE_BY = b"texmill.benchmarks"
_SCHEMA = pa.schema(
    [
        pa.field("text_sha256", pa.string(), nullable=False),
        pa.field("overlaps", pa.map_(pa.string(), pa.int64())),
    ]
)
_ROWS_PER_GROUP = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkBooks:
    """One benchmark's part: `num_documents` texts share at least `min_benchmark_ngrams` of its `num_ngrams` runs and are left out."""

    sha256: str
    num_passages: int
    num_short_passages: int
    num_ngrams: int
    num_documents: int


def drop_contaminated(
    out: Place,
    everything: Sequence[Candidate],
    left: Sequence[Candidate],
    config: CorpusConfig,
    say: Callable[[str], None],
    choose_workers: ChooseWorkers = choose_none,
) -> tuple[dict[int, Exclusion], dict[str, BenchmarkBooks]]:
    """Exclusions by position, among the candidates that are `left` of `everything` in the ledger; and each benchmark's part in them."""
    path = out / "corpus" / CONTAMINATION
    if config.decontaminate is None:
        path.unlink(missing_ok=True)
        return {}, {}
    benchmarks = read_benchmarks(config)
    made_by = fingerprint([VERSION, config.benchmark_ngram_words, {benchmark.name: benchmark.sha256 for benchmark in benchmarks}]).encode()
    overlaps, is_new = _known(path, made_by, left)
    wanted = {candidate.position for candidate, is_to_read in zip(left, is_new, strict=True) if is_to_read}
    say(f"corpus: {len(wanted)} texts to hold against {len(benchmarks)} benchmarks, {len(left) - len(wanted)} were before")
    every_run = np.unique(np.concatenate([benchmark.runs for benchmark in benchmarks]))
    workers = choose_workers(len(wanted) >= MIN_TEXTS_ON_WORKERS)
    if wanted and workers.num_workers > 1:
        overlaps |= overlaps_on_workers(workers, out, everything, wanted, config.benchmark_ngram_words, every_run, benchmarks)
    elif wanted:
        for candidate, document in read_documents(out, everything, wanted, "texts held against benchmarks", say):
            runs = run_hashes(word_hashes(document["text"]), config.benchmark_ngram_words)
            if found := count_overlaps(runs, every_run, benchmarks):
                overlaps[candidate.text_sha256] = found
    _write(path, left, overlaps, made_by)
    exclusions: dict[int, Exclusion] = {}
    num_documents = dict.fromkeys((benchmark.name for benchmark in benchmarks), 0)
    for candidate in left:
        found = {name: count for name, count in overlaps.get(candidate.text_sha256, {}).items() if count >= config.min_benchmark_ngrams}
        if found:
            shared = ", ".join(f"{count} of {name}" for name, count in sorted(found.items()))
            detail = f"runs of {config.benchmark_ngram_words} words: {shared}"
            exclusions[candidate.position] = Exclusion(reason=CorpusReason.CONTAMINATED, detail=detail)
            for name in found:
                num_documents[name] += 1
    return exclusions, {benchmark.name: _books(benchmark, num_documents[benchmark.name]) for benchmark in benchmarks}


def _books(benchmark: Benchmark, num_documents: int) -> BenchmarkBooks:
    return BenchmarkBooks(
        sha256=benchmark.sha256,
        num_passages=benchmark.num_passages,
        num_short_passages=benchmark.num_short,
        num_ngrams=len(benchmark.runs),
        num_documents=num_documents,
    )


def _known(path: Place, made_by: bytes, left: Sequence[Candidate]) -> tuple[dict[str, dict[str, int]], Sequence[bool]]:
    """Overlaps that an earlier run found with the same benchmarks, by the text's hash; and which of the texts it did not read."""
    try:
        if (pq.read_schema(readable(path)).metadata or {}).get(_MADE_BY) != made_by:
            return {}, [True] * len(left)
        table = pq.read_table(readable(path))
    except (OSError, pa.ArrowException):
        return {}, [True] * len(left)  # none yet, or no longer whole: it only saves time
    hashes = pa.array([candidate.text_sha256 for candidate in left], type=pa.string())
    is_new = pc.invert(pc.is_in(hashes, value_set=table.column("text_sha256"))).to_pylist()
    found = table.filter(pc.is_valid(table.column("overlaps")))
    return {row["text_sha256"]: dict(row["overlaps"]) for row in found.to_pylist()}, is_new


def _write(path: Place, left: Sequence[Candidate], overlaps: Mapping[str, Mapping[str, int]], made_by: bytes) -> None:
    temporary = temporary_path(path)
    try:
        with pq.ParquetWriter(temporary, _SCHEMA.with_metadata({_MADE_BY: made_by}), compression="zstd") as writer:
            for start in range(0, len(left), _ROWS_PER_GROUP):
                rows = list(_rows(left[start : start + _ROWS_PER_GROUP], overlaps))
                writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA.with_metadata({_MADE_BY: made_by})))
        commit_if_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _rows(left: Sequence[Candidate], overlaps: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    for candidate in left:
        found = overlaps.get(candidate.text_sha256)
        yield {"text_sha256": candidate.text_sha256, "overlaps": sorted(found.items()) if found else None}
