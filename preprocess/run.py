"""One run: plan the units, do those that are missing, bring the corpus into line, check the books."""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from preprocess.config import Config, recorded
from preprocess.corpus.benchmarks import benchmark_paths
from preprocess.corpus.build import CorpusSummary, build_corpus
from preprocess.ledger import TarBooks, check_conservation, read_books
from preprocess.pipeline import STAGE_VERSIONS
from preprocess.progress import Progress
from preprocess.ray_runner import PROBE, Cluster, require_cpus, run_extraction
from preprocess.records import RejectReason
from preprocess.runaway import RunawayError, RunawayGuard, count_done, judged_since
from preprocess.sources.manifest import ManifestEntry, read_arxiv_manifest
from preprocess.sources.metadata import MetadataSummary, build_metadata
from preprocess.sources.sample import Sample, only_units
from preprocess.sources.scans import SCANS, new_tars, scan_tars
from preprocess.sources.tars import TarListing, Unit, find_tars, other_tars, plan_units, require_tar
from preprocess.units import BREADCRUMBS, MANIFESTS, UNIT_FILES, FolderStates, folder_states, has_reason, is_done, remove_unit
from shards.commit import TEMPORARY_PREFIX, only_run, remove_temporaries
from shards.errors import InputError
from shards.manifest import read_manifest, source_commit, write_manifest
from shards.store import Place, StorePath, map_ahead, scratch_folder, states_in

RUN_MANIFEST = "run.json"


def say(line: str) -> None:
    """A line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def run(
    source: Place,
    metadata: Place,
    out: Place,
    config: Config,
    *,
    num_workers: int | None,
    address: str | None,
    retries_quarantined: bool = False,
    sample: Sample | None = None,
    scratch: Path | None = None,
) -> dict[str, Any]:
    """The pipeline from a folder of tars to `out/corpus`; gives what it wrote to `out/run.json`. Does only what is missing.

    `retries_quarantined` does the units again that hold quarantined papers; `sample` reads a part of the dump as if it were all; `scratch`
    is where temporary files are while `out` is on an object store (default: $TMPDIR). Raises `InputError` for bad input, and for a disk
    that is full.
    """
    stated = read_arxiv_manifest(source)
    tar_paths = find_tars(source, stated.keys())
    if sample is not None:
        tar_paths, stated = sample.tars(tar_paths), {}  # what arXiv states of whole tars says nothing of parts
    if not metadata.is_file():
        found = "is a folder" if metadata.is_dir() else "no such file"
        raise InputError(f"{metadata}: {found}; --metadata takes the OAI/Kaggle snapshot (JSON lines)")
    benchmark_paths(config.corpus)  # what is missing is said now and not after the extraction
    require_cpus(address, num_workers)
    if isinstance(out, StorePath) and not out.is_listable:
        raise InputError(f"{out}: an HTTP folder can only be read; --out takes a folder, or s3://, gs:// or az://")
    for _ in map_ahead(require_tar, new_tars(tar_paths, out), source):
        pass
    with (
        scratch_folder(out, scratch) as out,
        only_run(out) as require_lease,
        _disk_errors(out),
        Cluster(address, num_workers, out, [source]) as cluster,
    ):
        summary = build_metadata(metadata, out)
        listings = scan_tars(source, tar_paths, out, say, stated=stated, choose_workers=cluster.workers)
        for line in complaints(source, listings, stated):
            say(line)
        _remove_left_overs(out)
        units = [unit for listing in listings for unit in plan_units(listing, config.unit)]
        if sample is not None:
            units = sample.units(units)
            listings = only_units(listings, units)
        missing = plan_missing(out, units, [listing.name for listing in listings], config, retries_quarantined=retries_quarantined)
        before = _last_books(out)
        now = {
            "config": recorded(config),
            "stages": STAGE_VERSIONS,
            "tars": [{"tar": listing.name, "md5": listing.md5} for listing in listings],
            "metadata": {"snapshot_sha256": summary.snapshot_sha256},
            "commit": source_commit(),
        }
        guard = RunawayGuard(config.runaway, before, now, say)
        judged = judged_since(before, units, config)
        not_done = {unit.name for unit in missing}
        count_done(guard, out, [unit for unit in judged if unit.name not in not_done])
        guard.check(out)
        if missing:
            _extract(out, missing, len(units), config, guard, cluster)
            cluster.disconnect()  # what follows asks for workers again where texts are many, and else outlives the cluster's head
        else:
            say(f"extract: all {len(units)} units are done, nothing to do")
        units_by_tar: dict[str, list[str]] = {listing.name: [] for listing in listings}
        for unit in units:
            units_by_tar[unit.tar].append(unit.name)
        books = read_books(out, units_by_tar)
        check_conservation(books, {listing.name: len(listing.members) for listing in listings})
        new_units = {unit.name for unit in judged}
        require_lease()
        corpus = build_corpus(
            out,
            config,
            say=say,
            check=lambda decisions: guard.check_corpus(decisions, new_units),
            choose_workers=cluster.workers,
        )
        require_lease()
        content = run_content(listings, stated, books, summary, corpus, config)
        _write_if_new(out / RUN_MANIFEST, content)
    return content


@contextlib.contextmanager
def _disk_errors(out: Place) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno is None:
            raise
        what = error.strerror or error
        raise InputError(f"{error.filename or out}: {what}; make room or mend it, and run the same command again") from None


def _last_books(out: Place) -> dict[str, Any] | None:
    """The books of the last run that ended in `out`."""
    with contextlib.suppress(InputError):  # what cannot be read tells nothing, and is written anew
        return read_manifest(out / RUN_MANIFEST)
    return None


def _extract(out: Place, missing: Sequence[Unit], num_units: int, config: Config, guard: RunawayGuard, cluster: Cluster) -> None:
    try:
        _run_units(out, missing, num_units, config, guard, cluster)
    except RunawayError:
        cluster.disconnect()
        _remove_left_overs(out)  # Ray's workers are gone: what they had begun is no part of the output
        raise


def _run_units(out: Place, missing: Sequence[Unit], num_units: int, config: Config, guard: RunawayGuard, cluster: Cluster) -> None:
    workers = min(cluster.connect(), len(missing))
    say(f"extract: {len(missing)} of {num_units} units on {workers} workers")
    num_bytes = sum(member.available for unit in missing for member in unit.members)
    with Progress(sum(len(unit.members) for unit in missing), num_bytes) as progress:
        done = run_extraction(missing, out, config, num_workers=workers, commit=source_commit())
        with contextlib.closing(done):
            for summary in done:
                progress.add(summary)
                guard.add(summary["unit"], summary["members"], summary["rejections"])
                guard.check(out)


def _remove_left_overs(out: Place) -> None:
    for folder in (*UNIT_FILES, SCANS):
        if isinstance(out, Path) and (out / folder).is_dir():
            remove_temporaries(out / folder)
    for name in (
        PROBE,
        RUN_MANIFEST,
    ):  # of the output's own folder no more: a report that is written meanwhile has its temporary file there
        for left_over in out.glob(f"{TEMPORARY_PREFIX}*-{name}") if isinstance(out, Path) else ():
            left_over.unlink(missing_ok=True)
    for name in states_in(out / BREADCRUMBS):
        (out / BREADCRUMBS / name).unlink(missing_ok=True)


def plan_missing(
    out: Place, units: Sequence[Unit], tars: Sequence[str], config: Config, *, retries_quarantined: bool = False
) -> list[Unit]:
    """The units that are not done. What was made from something else is removed, and said.

    Raises `InputError` where `out` holds units of a tar that the source does not have: books that cannot balance.
    """
    wanted = {unit.name for unit in units}
    known_tars = {name.removesuffix(".tar") for name in tars}
    states = folder_states(out)
    committed = {name.removesuffix(".json") for name in states[MANIFESTS] if name.endswith(".json")}
    for name in sorted(committed - wanted):
        tar = name.rpartition("-")[0]
        if tar not in known_tars:
            raise InputError(f"{out}: holds units of {tar}.tar, which --source does not have; bring the tar back or give another --out")
    # files without a manifest are what a killed run left: of a unit that is wanted they are written over, of another cut they must go
    stale = {name for name in _units_with_files(states) if name not in wanted}
    missing: list[Unit] = []
    num_other = num_quarantined = 0
    done = map_ahead(lambda unit: is_done(out, unit, config, states), units, out)
    for unit, state in zip(units, done, strict=True):
        if state and retries_quarantined and has_reason(out, unit.name, RejectReason.QUARANTINED):
            state = False
            num_quarantined += 1
            remove_unit(out, unit.name)
        if state is None:
            num_other += 1
            remove_unit(out, unit.name)
        if not state:
            missing.append(unit)
    for name in stale:
        remove_unit(out, name)
    if num_other:
        say(f"plan: {num_other} units were made from another tar, config or version and are done again")
    if num_quarantined:
        say(f"plan: {num_quarantined} units hold quarantined papers and are done again")
    if stale:
        say(f"plan: {len(stale)} units of another cut of the tars are removed")
    return missing


def _units_with_files(states: FolderStates) -> set[str]:
    return {
        name.removesuffix(suffix)
        for folder, suffix in UNIT_FILES.items()
        for name in states[folder]
        if name.startswith("arXiv_src_") and name.endswith(suffix)
    }


def complaints(source: Place, listings: Sequence[TarListing], stated: Mapping[str, ManifestEntry]) -> Iterator[str]:
    """What is wrong with a dump, aloud: tars that no run reads, tars that are cut or not what arXiv's manifest states."""
    if others := other_tars(source):
        yield f"warning: {source}: {len(others)} other tars are not read ({others[0]} …): arXiv_src_YYMM_NNN.tar is the form of the name"
    if absent := stated.keys() - {listing.name for listing in listings}:
        yield f"plan: {len(absent)} of {len(stated)} tars of arXiv's manifest are not in the source"
    for listing in listings:
        yield from _tar_complaints(listing, stated.get(listing.name))


def _tar_complaints(listing: TarListing, entry: ManifestEntry | None) -> Iterator[str]:
    cut = [member for member in listing.members if member.available < member.size and not member.is_rest]
    if listing.corrupt_from_byte is not None:
        items = f"; {entry.num_items - listing.num_items} of its {entry.num_items} items cannot be told apart" if entry else ""
        yield (
            f"warning: {listing.name}: no tar header at byte {listing.corrupt_from_byte} of {listing.num_bytes}{items}; what stands before "
            f"it is read, the rest is on the books as unreadable_rest"
        )
    if listing.is_truncated:
        items = f"; {entry.num_items - listing.num_items} of its {entry.num_items} items are not in it" if entry else ""
        where = f", inside {cut[0].name}" if cut else ""
        yield f"warning: {listing.name}: the tar is cut after {listing.num_bytes} bytes{where}{items}"
    if entry and entry.md5 != listing.md5:
        yield f"warning: {listing.name}: md5 {listing.md5}, {entry.md5} in arXiv's manifest: fetch it again"
    elif entry and entry.num_items != listing.num_items:
        yield f"warning: {listing.name}: {listing.num_items} items, {entry.num_items} in arXiv's manifest"


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
                "corrupt_from_byte": listing.corrupt_from_byte,
                "manifest": None
                if entry is None
                else {
                    "md5": entry.md5,
                    "bytes": entry.num_bytes,
                    "items": entry.num_items,
                    "items_missing": entry.num_items - listing.num_items,
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
        "config": recorded(config),
        "stages": STAGE_VERSIONS,
        "commit": source_commit(),
    }


def _write_if_new(path: Place, content: dict[str, Any]) -> None:
    """Writes the manifest unless it says the same already; the commit it names is then that of the run that made what it lists."""
    with contextlib.suppress(InputError):
        if path.is_file() and read_manifest(path) | {"commit": content["commit"]} == json.loads(json.dumps(content)):
            return
    write_manifest(path, content)


def summary_table(content: Mapping[str, Any], out: Place) -> str:
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
    lines.append(f"books: {out / RUN_MANIFEST}; next: python -m preprocess report {out}")
    return "\n".join(lines)
