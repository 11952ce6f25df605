"""What a run would read, cost and take, before it starts. Looks at names, sizes and books, never at what a tar holds.

Which tars are new is told by the books of the last run in `--out` and by arXiv's manifest. A tar that changed without a change of its size,
and is in no manifest, is found only by the run itself, which compares MD5s.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.changes import config_changes
from preprocess.config import Config, PlanConfig, recorded
from preprocess.pipeline import STAGE_VERSIONS
from preprocess.records import Stage
from preprocess.sources.manifest import ManifestEntry, read_arxiv_manifest
from preprocess.sources.tars import find_tars, is_hopped
from preprocess.units import LEDGER, MANIFESTS, METRICS
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.page import num_bytes
from shards.store import WINDOW_BYTES, FileState, Place, StorePath, map_ahead, readable, state_of, states_in

BENCHMARK = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "extract.json"
MAX_MEASURED_UNITS = 200  # of an earlier run, spread over it: some 50,000 papers tell the speed as well as all of them
_EXTRACTION = ("unit", "archive", "latex", "normalise", "describe", "minhash")

Status = Literal["new", "changed", "begun", "again", "done"]
WORDS: Mapping[Status, str] = {
    "new": "no run in --out has seen it",
    "changed": "another size or MD5 than the last run's",
    "begun": "a run that was stopped has done a part",
    "again": "done with other settings or stages: all its units are done again",
    "done": "as the last run left it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TarPlan:
    """One tar: what is to be done with it. `papers` is None where nobody states their number; `papers_done` are not done again.

    With `is_hopped` its headers alone are read before its papers, for the store states its MD5.
    """

    name: str
    num_bytes: int
    papers: int | None
    papers_done: int
    status: Status
    is_hopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """CPU-seconds a paper, and where that was measured."""

    seconds_per_paper: float
    measured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    tars: Sequence[TarPlan]
    not_in_source: int
    metadata_bytes: int
    speed: Speed
    config: PlanConfig

    def of(self, status: Status) -> list[TarPlan]:
        """The tars of one status."""
        return [tar for tar in self.tars if tar.status == status]

    @property
    def to_read(self) -> list[TarPlan]:
        """The tars that workers would open."""
        return [tar for tar in self.tars if tar.status != "done"]

    def papers_of(self, tar: TarPlan) -> int:
        """Papers of a tar that are to be done: as stated, else estimated from its size."""
        papers = tar.papers if tar.papers is not None else round(tar.num_bytes / self.config.bytes_per_paper)
        return max(0, papers - tar.papers_done)

    @property
    def papers(self) -> int:
        """Papers that are to be done."""
        return sum(self.papers_of(tar) for tar in self.to_read)

    @property
    def bytes_read(self) -> int:
        """Bytes that leave the source: each tar for its MD5, where the store does not state that, and then its papers; the metadata."""
        return self.bytes_digested + sum(round(tar.num_bytes * self._share(tar)) for tar in self.to_read) + self.metadata_bytes

    @property
    def bytes_digested(self) -> int:
        """Bytes of the tars that are read for their MD5."""
        return sum(tar.num_bytes for tar in self.to_read if not tar.is_hopped)

    @property
    def requests(self) -> int:
        """Ranged reads of an object store, and what is asked beside them: each unit's first read, headers one by one, the listing."""
        units = sum(math.ceil(self.papers_of(tar) / self.config.papers_per_unit) for tar in self.to_read)
        headers = sum(self.papers_of(tar) for tar in self.to_read if tar.is_hopped)
        return math.ceil(self.bytes_read / WINDOW_BYTES) + units + headers + math.ceil(len(self.tars) / 1000)

    @property
    def cpu_seconds(self) -> float:
        """Of all cores together."""
        return self.papers * self.speed.seconds_per_paper * self.config.overhead

    def seconds(self, num_cores: int) -> float:
        """Wall clock of the extraction on so many cores, none of them waiting for data."""
        return self.cpu_seconds / num_cores

    def dollars(self, egress_dollars_per_gb: float) -> float:
        """What a requester pays: traffic and requests."""
        return self.bytes_read / 1e9 * egress_dollars_per_gb + self.requests / 1000 * self.config.dollars_per_1000_requests

    def _share(self, tar: TarPlan) -> float:
        """Share of a tar's papers that are to be read."""
        papers = tar.papers if tar.papers is not None else round(tar.num_bytes / self.config.bytes_per_paper)
        return self.papers_of(tar) / papers if papers else 1.0


def plan(source: Place, metadata: Place | None, out: Place | None, config: Config) -> Plan:
    """The plan of a run. Raises `InputError` where there is no dump, or no metadata though some were named."""
    stated = read_arxiv_manifest(source)
    states = _states(source, stated)
    before = _last_books(out)
    again = before is not None and _made_otherwise(before, config)
    finished = {tar["tar"]: tar for tar in before["tars"]} if before else {}
    begun = _papers_in_units(out, states.keys() - finished.keys())
    tars = []
    for name, state in states.items():
        entry, known = stated.get(name), finished.get(name)
        papers = known["members"] if known and known["bytes"] == state.st_size else entry.num_items if entry else None
        status = _status(state, entry, known, again, begun.get(name, 0))
        papers_done = begun.get(name, 0) if status == "begun" else 0
        tars.append(
            TarPlan(
                name=name,
                num_bytes=state.st_size,
                papers=papers,
                papers_done=papers_done,
                status=status,
                is_hopped=is_hopped(state, entry),
            )
        )
    return Plan(
        tars=tars,
        not_in_source=len(stated.keys() - states.keys()),
        metadata_bytes=0 if metadata is None else _size(metadata),
        speed=measured_speed(out, config.plan),
        config=config.plan,
    )


def _states(source: Place, stated: Mapping[str, ManifestEntry]) -> dict[str, FileState]:
    tars = find_tars(source, stated.keys())
    if isinstance(source, StorePath) and not source.is_listable:
        return {tar.name: state for tar, state in zip(tars, map_ahead(state_of, tars, source), strict=True)}
    found = states_in(source)
    return {tar.name: found[tar.name] for tar in tars if tar.name in found}


def _size(metadata: Place) -> int:
    if not metadata.is_file():
        raise InputError(f"{metadata}: no such file; --metadata takes the OAI/Kaggle snapshot (JSON lines)")
    return state_of(metadata).st_size


def _last_books(out: Place | None) -> dict[str, Any] | None:
    if out is None or not (out / "run.json").is_file():
        return None
    books = read_manifest(out / "run.json")
    if not isinstance(books.get("tars"), list):
        raise InputError(f"{out / 'run.json'}: is not that of a run; give the --out of one, or a folder to come")
    return books


def _made_otherwise(before: Mapping[str, Any], config: Config) -> bool:
    """Whether this run's settings or stages would make other units than those that are there."""
    now = recorded(config)
    sections = [{name: books.get(name) for name in _EXTRACTION} for books in (before.get("config", {}), now)]
    return before.get("stages") != STAGE_VERSIONS or bool(config_changes(*sections))


def _status(state: FileState, entry: ManifestEntry | None, known: Mapping[str, Any] | None, again: bool, begun: int) -> Status:
    if known is None:
        return "begun" if begun else "new"
    if known["bytes"] != state.st_size or (entry is not None and entry.num_bytes == state.st_size and entry.md5 != known["md5"]):
        return "changed"
    return "again" if again else "done"


def _papers_in_units(out: Place | None, names: set[str]) -> dict[str, int]:
    """Papers of the units that a run which has not ended has committed, by tar."""
    if out is None or not names:
        return {}
    found: dict[str, int] = {}
    for file in states_in(out / MANIFESTS):
        tar = f"{file.rpartition('-')[0]}.tar"
        if tar in names and file.endswith(".json"):
            found[tar] = found.get(tar, 0) + int(read_manifest(out / MANIFESTS / file)["counts"]["members"])
    return found


def measured_speed(out: Place | None, config: PlanConfig) -> Speed:
    """CPU-seconds a paper: those inside the stages of the run in `out`, else of this checkout's benchmark, else of the config."""
    if out is not None and (speed := _speed_of_run(out)) is not None:
        return speed
    try:
        result = json.loads(BENCHMARK.read_bytes())
        ours = result["figures"]["ours_on_everything"]
        seconds = ours["cpu_seconds"] / sum(ours["ends"].values())
        return Speed(seconds_per_paper=seconds, measured=f"benchmarks/results/{BENCHMARK.name} of {result['date']}")
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return Speed(seconds_per_paper=config.seconds_per_paper, measured="plan.seconds_per_paper of the config")


def _speed_of_run(out: Place) -> Speed | None:
    names = sorted(name for name in states_in(out / METRICS) if name.endswith(".parquet") and not name.startswith("."))
    chosen = names[:: max(1, len(names) // MAX_MEASURED_UNITS)][:MAX_MEASURED_UNITS]
    seconds = 0.0
    papers = bytes_in = 0
    try:
        for name in chosen:
            rows = pq.read_table(readable(out / METRICS / name), columns=[f"{stage}_seconds" for stage in Stage])
            seconds += sum(sum(rows.column(column).to_pylist()) for column in rows.column_names)
            papers += rows.num_rows
            bytes_in += sum(pq.read_table(readable(out / LEDGER / name), columns=["bytes_in"]).column("bytes_in").to_pylist())
    except (OSError, KeyError, pa.ArrowException):
        return None
    if not papers or not seconds:
        return None
    speed = f"{bytes_in / seconds / 1e6:.2f} MB/s a core"
    return Speed(seconds_per_paper=seconds / papers, measured=f"{papers:,} papers of the run in --out, {speed}")


def plan_lines(found: Plan, num_cores: Sequence[int]) -> list[str]:
    """The plan for a terminal."""
    lines = [f"{'tars':<12}{'number':>9}{'size':>12}{'papers to do':>14}"]
    for status, words in WORDS.items():
        if tars := found.of(status):
            papers = 0 if status == "done" else sum(found.papers_of(tar) for tar in tars)
            is_estimate = status != "done" and any(tar.papers is None for tar in tars)
            shown = f"{'~' if is_estimate else ''}{papers:,}"
            lines.append(f"  {status:<10}{len(tars):>9,}{num_bytes(sum(tar.num_bytes for tar in tars)):>12}{shown:>14}  {words}")
    if found.not_in_source:
        lines.append(f"  {found.not_in_source:,} tars of arXiv's manifest are not in the source")
    to_read = sum(tar.num_bytes for tar in found.to_read)
    for_papers, for_md5, of_metadata = map(num_bytes, (to_read, found.bytes_digested, found.metadata_bytes))
    parts = f"{for_papers} of tars for their papers, {for_md5} of them once more for their MD5, {of_metadata} of metadata"
    lines += ["", f"reads       {num_bytes(found.bytes_read)}: {parts}"]
    lines.append(f"            about {found.requests:,} requests, where the source is an object store")
    lines += ["", f"costs       if the source is an S3 bucket whose requester pays (prices: {found.config.prices_from}):"]
    for where, price in found.config.egress_dollars_per_gb:
        lines.append(f"  {where:<26}{found.dollars(price):>14,.2f} $   ({price:g} $/GB)")
    speed = found.speed
    lines += ["", f"takes       {found.cpu_seconds / 3600:,.1f} core hours: {speed.seconds_per_paper:.3f} s a paper ({speed.measured}),"]
    lines.append(f"            times {found.config.overhead:g} for what is around the stages; while no core waits for data")
    for cores in num_cores:
        seconds = found.seconds(cores)
        needed = to_read / max(seconds, 1e-9) / 1e6
        lines.append(f"  {cores:>6,} cores{_duration(seconds):>20}   reading {needed:,.0f} MB/s")
    if not found.to_read:
        lines.append("nothing is to be extracted; the corpus is decided again from the newest metadata")
    return lines


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
