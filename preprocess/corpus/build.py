"""The corpus pass: ledger and metadata → decisions → `corpus/<domain>/<split>-NNNNN.jsonl.zst`, of which only what changed is written.

Texts are read unit by unit and never all at once: those that are compared with others or with benchmarks for the first time, and those of
files to write. The decisions of all documents are in memory (500 bytes each: 1.5 GB for all of arXiv). The manifest comes last; while it
is missing the corpus is not whole, and the next run writes it anew.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from preprocess.config import Config, recorded
from preprocess.corpus.buckets import entries_still_right, gather_texts, plan_files, write_files
from preprocess.corpus.candidates import METADATA_COLUMNS, ledger_units, read_candidates, write_metadata_only
from preprocess.corpus.decide import decide
from preprocess.corpus.decisions import DECISIONS, write_decisions
from preprocess.corpus.decontaminate import BenchmarkBooks, drop_contaminated
from preprocess.corpus.files import FORMAT, MANIFEST, read_corpus_manifest
from preprocess.corpus.near_duplicates import NearBooks, drop_near_duplicates
from preprocess.corpus.records import Candidate, ConservationError, Decision, Exclusion
from preprocess.corpus.spill import BucketSpill
from preprocess.corpus.split import SPLITS
from preprocess.sources.metadata import MetadataMonths
from preprocess.workers import ChooseWorkers, choose_none
from shards.commit import commit_file, remove_temporaries, remove_temporary_folders, temporary_path
from shards.errors import InputError
from shards.fingerprint import file_digest, fingerprint
from shards.manifest import source_commit, write_manifest
from shards.store import Place, find_files


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusSummary:
    """The books of one corpus: `num_documents = num_kept + sum(rejections)`, and what of it this run had to write."""

    num_documents: int
    num_kept: int
    rejections: Mapping[str, int]
    splits: Mapping[str, int]
    domains: Mapping[str, int]
    kept_characters: int
    num_metadata_only: int
    num_files: int
    num_files_written: int
    num_files_removed: int
    fingerprint: str
    near: NearBooks
    benchmarks: Mapping[str, BenchmarkBooks]


@dataclass
class _ByText:
    """The passes that read texts, and what they have counted."""

    out: Place
    everything: Sequence[Candidate]
    config: Config
    say: Callable[[str], None]
    choose_workers: ChooseWorkers
    near: NearBooks = field(default_factory=NearBooks)
    benchmarks: Mapping[str, BenchmarkBooks] = field(default_factory=dict)

    def drop_near_duplicates(self, left: Sequence[Candidate]) -> dict[int, Exclusion]:
        exclusions, self.near = drop_near_duplicates(self.out, self.everything, left, self.config, self.say, self.choose_workers)
        return exclusions

    def drop_contaminated(self, left: Sequence[Candidate]) -> dict[int, Exclusion]:
        exclusions, self.benchmarks = drop_contaminated(self.out, self.everything, left, self.config.corpus, self.say, self.choose_workers)
        return exclusions


def build_corpus(
    out: Place,
    config: Config,
    *,
    say: Callable[[str], None] = lambda _: None,
    check: Callable[[Sequence[Decision]], None] = lambda _: None,
    choose_workers: ChooseWorkers = choose_none,
) -> CorpusSummary:
    """Decides every document of `out/ledger` and brings `out/corpus` into line; `say` is given a line of progress now and then.

    `check` sees the decisions before any file of the corpus is touched, and may raise. `choose_workers` says who reads texts where there
    are many to read.
    """
    corpus = out / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    _remove_left_overs(corpus)
    months = MetadataMonths(out, METADATA_COLUMNS)
    measures = [measure for measure, _, _ in config.corpus.quality_limits]
    candidates, withdrawn_at = read_candidates(out, months, measures)
    num_metadata_only = write_metadata_only(out, months)
    by_text = _ByText(out, candidates, config, say, choose_workers)
    decisions = decide(candidates, withdrawn_at, config.corpus, [by_text.drop_near_duplicates, by_text.drop_contaminated])
    check(decisions)
    planned = plan_files(out, decisions)
    old_manifest = _old_manifest(corpus)
    entries = entries_still_right(corpus, planned, old_manifest)
    to_write = {name: file for name, file in planned.items() if name not in entries}
    stale = [path for path in find_files(corpus, "*/*.jsonl.zst") if _name_in(corpus, path) not in planned]
    say(f"corpus: {len(decisions)} documents decided, {len(to_write)} of {len(planned)} files to write")

    with BucketSpill(corpus, config.corpus.max_spill_bytes) as spill:
        gather_texts(out, decisions, to_write, spill, say)
        if to_write or stale:
            (corpus / MANIFEST).unlink(missing_ok=True)
        entries |= write_files(corpus, to_write, spill, say)
    for path in stale:
        path.unlink()
    for folder in {path.parent for path in stale}:
        if not any(folder.iterdir()):
            folder.rmdir()
    summary = _summary(decisions, entries, num_metadata_only, by_text, num_written=len(to_write), num_removed=len(stale))
    _write_books(out, corpus, config, months, decisions, entries, summary)
    return summary


def _remove_left_overs(corpus: Place) -> None:
    remove_temporaries(corpus)
    remove_temporary_folders(corpus)


def _name_in(corpus: Place, path: Place) -> str:
    return str(path)[len(str(corpus)) + 1 :]


def _old_manifest(corpus: Place) -> dict[str, Any] | None:
    try:
        return read_corpus_manifest(corpus)
    except InputError:
        return None  # none, or of another format: everything is written anew


def _summary(
    decisions: Sequence[Decision],
    entries: Mapping[str, Mapping[str, Any]],
    num_metadata_only: int,
    by_text: _ByText,
    *,
    num_written: int,
    num_removed: int,
) -> CorpusSummary:
    """The books, checked: every document is kept or rejected, every kept one stands in a file with all its characters."""
    kept = [decision for decision in decisions if decision.exclusion is None]
    rejections = Counter(decision.exclusion.reason.value for decision in decisions if decision.exclusion is not None)
    kept_characters = sum(decision.candidate.characters for decision in kept)
    in_files = sum(entry["documents"] for entry in entries.values())
    characters_in_files = sum(entry["characters"] for entry in entries.values())
    if len(kept) + rejections.total() != len(decisions) or in_files != len(kept) or characters_in_files != kept_characters:
        raise ConservationError(
            f"corpus: {len(decisions)} documents, {len(kept)} kept, {rejections.total()} rejected; files hold {in_files} documents and "
            f"{characters_in_files} characters of {kept_characters}"
        )
    splits = Counter(decision.split for decision in kept)
    return CorpusSummary(
        num_documents=len(decisions),
        num_kept=len(kept),
        rejections=dict(sorted(rejections.items())),
        splits={split: splits[split] for split in SPLITS},
        domains=dict(sorted(Counter(decision.domain for decision in kept).items())),
        kept_characters=kept_characters,
        num_metadata_only=num_metadata_only,
        num_files=len(entries),
        num_files_written=num_written,
        num_files_removed=num_removed,
        fingerprint=fingerprint({name: entry["sha256"] for name, entry in entries.items()}),
        near=by_text.near,
        benchmarks=by_text.benchmarks,
    )


def _write_books(
    out: Place,
    corpus: Place,
    config: Config,
    months: MetadataMonths,
    decisions: Sequence[Decision],
    entries: Mapping[str, Mapping[str, Any]],
    summary: CorpusSummary,
) -> None:
    """Writes the decisions and then the manifest, where they differ from what stands there."""
    decisions_path = corpus / DECISIONS
    temporary = temporary_path(decisions_path)
    try:
        write_decisions(temporary, decisions)
        decisions_sha256 = file_digest(temporary, "sha256")
        manifest = {
            "format": FORMAT,
            "fingerprint": summary.fingerprint,
            "config": recorded(config),
            "commit": source_commit(),
            "metadata_sha256": months.snapshot_sha256,
            "num_units": len(ledger_units(out)),
            "documents": summary.num_documents,
            "kept": summary.num_kept,
            "rejections": summary.rejections,
            "splits": summary.splits,
            "domains": summary.domains,
            "characters": summary.kept_characters,
            "metadata_only": summary.num_metadata_only,
            "near_duplicates": dataclasses.asdict(summary.near),
            "benchmarks": {name: dataclasses.asdict(books) for name, books in summary.benchmarks.items()},
            "decisions_sha256": decisions_sha256,
            "files": entries,
        }
        # another commit that changes nothing writes nothing: the manifest names the one that made its files
        old = (_old_manifest(corpus) or {}) | {"commit": manifest["commit"]}
        if old == orjson.loads(orjson.dumps(manifest)) and decisions_path.is_file():
            return
        (corpus / MANIFEST).unlink(missing_ok=True)
        commit_file(temporary, decisions_path)
    finally:
        temporary.unlink(missing_ok=True)
    write_manifest(corpus / MANIFEST, manifest)
