"""One run: plan the units, do those that are missing, bring the corpus into line, check the books."""

import contextlib
import fcntl
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from preprocess.config import Config
from preprocess.corpus.build import CorpusSummary, build_corpus
from preprocess.ledger import TarBooks, check_conservation, read_books
from preprocess.ray_runner import cluster_cpus, connect, run_extraction
from preprocess.sources.manifest import ManifestEntry, read_arxiv_manifest
from preprocess.sources.metadata import MetadataSummary, build_metadata
from preprocess.sources.tars import TarListing, Unit, find_tars, plan_units, scan_tar
from preprocess.units import BREADCRUMBS, MANIFESTS, is_done, remove_unit
from shards.commit import remove_temporaries
from shards.errors import InputError
from shards.manifest import read_manifest, source_commit, write_manifest

RUN_MANIFEST = "run.json"
LOG_INTERVAL_SECONDS = 30.0


@contextlib.contextmanager
def only_run(out: Path) -> Iterator[None]:
    """Holds the output's lock. Raises `InputError` where another run holds it, or where `out` cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = open(out / ".lock", "a")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{out}: another run is writing there; wait for it, or give another --out") from None
        yield


class Progress:
    """Papers/s, MB/s and time left: a bar on a terminal, a line an interval in a log."""

    def __init__(self, num_members: int, num_bytes: int, stream: TextIO = sys.stderr) -> None:
        self.num_members, self.num_bytes, self.stream = num_members, num_bytes, stream
        self.done_members = self.done_bytes = self.documents = 0
        self.started = self.last_line = time.monotonic()
        self.is_terminal = stream.isatty()

    def add(self, summary: Mapping[str, Any]) -> None:
        """Counts a unit and shows where the run stands."""
        self.done_members += summary["members"]
        self.done_bytes += summary["bytes_in"]
        self.documents += summary["documents"]
        now = time.monotonic()
        is_last = self.done_members == self.num_members
        if not self.is_terminal and not is_last and now - self.last_line < LOG_INTERVAL_SECONDS:
            return
        self.last_line = now
        seconds = max(now - self.started, 1e-6)
        share = self.done_bytes / max(1, self.num_bytes)
        left = seconds / share - seconds if share else 0.0
        line = (
            f"extract: {self.done_members}/{self.num_members} papers, {self.done_members / seconds:.1f} papers/s, "
            f"{self.done_bytes / seconds / 1e6:.2f} MB/s, {1 - self.documents / max(1, self.done_members):.1%} rejected, "
            f"{left:.0f} s left"
        )
        if self.is_terminal:
            width = 24
            bar = "#" * round(width * share)
            self.stream.write(f"\r[{bar:<{width}}] {line}\033[K" + ("\n" if is_last else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()


def say(line: str) -> None:
    """A line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def run(source: Path, metadata: Path, out: Path, config: Config, *, num_workers: int | None, address: str | None) -> dict[str, Any]:
    """The pipeline from a folder of tars to `out/corpus`; gives what it wrote to `out/run.json`. Does only what is missing."""
    tar_paths = find_tars(source)
    stated = read_arxiv_manifest(source)
    if not metadata.is_file():
        raise InputError(f"{metadata}: no such file; --metadata takes the OAI/Kaggle snapshot (JSON lines)")
    say(f"plan: {len(tar_paths)} tars")
    listings = [scan_tar(path) for path in tar_paths]
    with only_run(out):
        _remove_left_overs(out)
        summary = build_metadata(metadata, out)
        units = [unit for listing in listings for unit in plan_units(listing, config.unit)]
        missing = plan_missing(out, units, [listing.name for listing in listings], config)
        for listing in listings:
            for line in complaints(listing, stated.get(listing.name)):
                say(line)
        if missing:
            with connect(address, num_workers):
                workers = num_workers or max(1, int(cluster_cpus()))
                say(f"extract: {len(missing)} of {len(units)} units on {min(workers, len(missing))} workers")
                progress = Progress(sum(len(unit.members) for unit in missing), sum(m.available for unit in missing for m in unit.members))
                for done in run_extraction(missing, out, config, num_workers=workers, commit=source_commit()):
                    progress.add(done)
        else:
            say(f"extract: all {len(units)} units are done, nothing to do")
        units_by_tar: dict[str, list[str]] = {listing.name: [] for listing in listings}
        for unit in units:
            units_by_tar[unit.tar].append(unit.name)
        books = read_books(out, units_by_tar)
        check_conservation(books, {listing.name: len(listing.members) for listing in listings})
        corpus = build_corpus(out, config, say=say)
        content = run_content(listings, stated, books, summary, corpus, config)
        _write_if_new(out / RUN_MANIFEST, content)
    return content


def _remove_left_overs(out: Path) -> None:
    for folder in (MANIFESTS, "documents", "ledger", "metrics"):
        if (out / folder).is_dir():
            remove_temporaries(out / folder)
    if (out / BREADCRUMBS).is_dir():
        for path in (out / BREADCRUMBS).iterdir():
            path.unlink()


def plan_missing(out: Path, units: Sequence[Unit], tars: Sequence[str], config: Config) -> list[Unit]:
    """The units that are not done. What was made from something else is removed, and said.

    Raises `InputError` where `out` holds units of a tar that the source does not have: books that cannot balance.
    """
    wanted = {unit.name for unit in units}
    known_tars = {name.removesuffix(".tar") for name in tars}
    stale: list[str] = []
    for path in sorted((out / MANIFESTS).glob("*.json")) if (out / MANIFESTS).is_dir() else []:
        if path.stem not in wanted:
            stale.append(path.stem)
    for name in stale:
        tar = name.rpartition("-")[0]
        if tar not in known_tars:
            raise InputError(f"{out}: holds units of {tar}.tar, which --source does not have; bring the tar back or give another --out")
    missing: list[Unit] = []
    num_other = 0
    for unit in units:
        state = is_done(out, unit, config)
        if state is None:
            num_other += 1
            remove_unit(out, unit.name)
        if not state:
            missing.append(unit)
    for name in stale:
        remove_unit(out, name)
    if num_other or stale:
        say(f"plan: {num_other} units were made from another tar, config or version and are done again")
        say(f"plan: {len(stale)} units of another cut of the tars are removed")
    return missing


def complaints(listing: TarListing, entry: ManifestEntry | None) -> Iterator[str]:
    """What is wrong with a tar, aloud: cut, not what arXiv's manifest states."""
    cut = [member for member in listing.members if member.available < member.size]
    if listing.is_truncated:
        items = f"; {entry.num_items - len(listing.members)} of its {entry.num_items} items are not in it" if entry else ""
        where = f", inside {cut[0].name}" if cut else ""
        yield f"warning: {listing.name}: the tar is cut after {listing.num_bytes} bytes{where}{items}"
    if entry and entry.md5 != listing.md5:
        yield f"warning: {listing.name}: md5 {listing.md5}, {entry.md5} in arXiv's manifest: fetch it again"
    elif entry and entry.num_items != len(listing.members):
        yield f"warning: {listing.name}: {len(listing.members)} items, {entry.num_items} in arXiv's manifest"


def run_content(
    listings: Sequence[TarListing],
    stated: Mapping[str, ManifestEntry],
    books: Mapping[str, TarBooks],
    metadata: MetadataSummary,
    corpus: CorpusSummary,
    config: Config,
) -> dict[str, Any]:
    """The run's books, tar by tar and in total."""
    rejections: Counter[str] = Counter()
    tars: list[dict[str, Any]] = []
    for listing in listings:
        book, entry = books[listing.name], stated.get(listing.name)
        rejections.update(book.rejections)
        tars.append(
            {
                "tar": listing.name,
                "md5": listing.md5,
                "bytes": listing.num_bytes,
                "members": len(listing.members),
                "documents": book.num_documents,
                "rejections": dict(book.rejections),
                "is_truncated": listing.is_truncated,
                "manifest": None
                if entry is None
                else {
                    "md5": entry.md5,
                    "bytes": entry.num_bytes,
                    "items": entry.num_items,
                    "items_missing": entry.num_items - len(listing.members),
                    "is_md5_equal": entry.md5 == listing.md5,
                },
            }
        )
    return {
        "tars": tars,
        "not_in_source": sorted(stated.keys() - {listing.name for listing in listings}),
        "members": sum(entry["members"] for entry in tars),
        "documents": sum(entry["documents"] for entry in tars),
        "rejections": dict(sorted(rejections.items())),
        "metadata": {field: value for field, value in asdict(metadata).items() if field != "was_built"},
        "corpus": {field: value for field, value in asdict(corpus).items() if field not in ("num_files_written", "num_files_removed")},
        "config": asdict(config),
        "commit": source_commit(),
    }


def _write_if_new(path: Path, content: dict[str, Any]) -> None:
    with contextlib.suppress(InputError):
        if path.exists() and read_manifest(path) == content:
            return
    write_manifest(path, content)


def summary_table(content: Mapping[str, Any], out: Path) -> str:
    """The end of a run, for a person: members, documents, rejections by reason, corpus, where things lie."""
    corpus = content["corpus"]
    lines = [f"{'members in the tars':<32}{content['members']:>10,}", f"{'documents':<32}{content['documents']:>10,}"]
    for reason, count in sorted(content["rejections"].items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"  rejected: {reason:<20}{count:>10,}")
    lines.append(f"{'in the corpus':<32}{corpus['num_kept']:>10,}")
    for reason, count in sorted(corpus["rejections"].items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"  left out: {reason:<20}{count:>10,}")
    for split, count in corpus["splits"].items():
        lines.append(f"  {split:<30}{count:>10,}")
    lines.append(f"{'characters in the corpus':<32}{corpus['kept_characters']:>10,}")
    lines.append(f"{'metadata without a source':<32}{corpus['num_metadata_only']:>10,}")
    lines.append(f"books: {out / RUN_MANIFEST}; next: python -m preprocess report {os.fspath(out)}")
    return "\n".join(lines)
