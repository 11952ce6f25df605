"""The files of a finished run → the tables of the report. Column by column, never a row of Python objects: 650 bytes of memory a member
were measured on 1.5 million of them, read in 15 s.

Members are read from `ledger/`, their fate in the corpus from `corpus/decisions.parquet`, categories and licences from `metadata/`. What
does not add up raises `InputError`: a report is made of a finished run or not at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from preprocess.config import CorpusConfig
from preprocess.corpus.candidates import ledger_units
from preprocess.corpus.decisions import DECISIONS
from preprocess.corpus.domain import UNKNOWN, domain_of
from preprocess.corpus.files import read_corpus_manifest
from preprocess.corpus.records import CorpusReason
from preprocess.corpus.select import license_key
from preprocess.ledger import DOCUMENT
from preprocess.records import RejectReason, Stage
from preprocess.report.words import CORPUS_REASONS, REJECT_REASONS
from preprocess.sources.metadata import MetadataMonths
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.store import Place, map_ahead, readable, states_in

NUM_SAMPLES = 5  # of each reason
NUM_SLOWEST = 10
_ROWS_AT_A_TIME = 1 << 16
_LEDGER_NUMBERS = ["bytes_in", "tex_bytes", "characters_out", "math_share"]
_LEDGER_WORDS = ["tar", "outcome", "reason", "document_class", "language"]
_COUNTS = ["dropped_characters", "warnings"]
_NOT_FINISHED = "run the same `python -m preprocess run` again, then the report"

StepKind = Literal["start", "loss", "rest", "end"]
StepStyle = Literal["whole", "gone", "left", "held", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A line of the waterfall: what there is, what is lost there, or what is left. Losses are positive; `num_bytes` are the members'.

    `style` is the class of its colour: `gone` at extraction, `left` out of the corpus, `held` out, `kept`; sums are `whole`.
    """

    kind: StepKind
    style: StepStyle
    label: str
    words: str
    papers: int
    num_bytes: int
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One paper that ended for a reason, and where it lies."""

    arxiv_id: str
    tar: str
    member: str
    detail: str
    books: str  # the file, relative to the run's folder, in which its row is
    row: int  # from 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Members that share a year, category, class or licence, and what came of them."""

    name: str
    members: int
    documents: int
    kept: int
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of dropped characters or of warnings: how many, and in how many papers."""

    name: str
    count: int
    papers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPaper:
    """Seconds by stage of one of the slowest papers."""

    arxiv_id: str
    member: str
    seconds: Mapping[Stage, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What the workers' seconds went into, beside the stages' own: reading, CPU, writing; and what was read from and written to."""

    read: float
    cpu: float
    write: float
    read_from: str
    written_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """What the metrics tell. `hosts` are (name, papers, seconds, peak bytes of a worker); the only part that no input determines."""

    papers: int
    seconds: Mapping[Stage, float]
    hosts: Sequence[tuple[str, int, float, int]]
    slowest: Sequence[SlowPaper]
    num_retried: int
    peak_memory_bytes: int
    waits: Waits | None  # None where metrics of an earlier version are among them, which do not have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything the page shows. `lengths` and `math_shares` are those of all documents, `is_kept` says which are in the corpus."""

    run: Mapping[str, Any]
    steps: Sequence[Step]
    reject_samples: Mapping[str, Sequence[Sample]]
    corpus_samples: Mapping[str, Sequence[Sample]]
    groups: Mapping[str, Sequence[Group]]
    languages: Sequence[Group]
    lengths: npt.NDArray[np.int64]
    math_shares: npt.NDArray[np.float64]
    is_kept: npt.NDArray[np.bool_]
    tex_bytes: int
    dropped: Sequence[Kind]
    warnings: Sequence[Kind]
    storage: Sequence[tuple[str, int, int]]
    timings: Timings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """The files of a finished run that agree with one another. `members` is a row for every member of every tar, with its fate."""

    run: Mapping[str, Any]
    manifest: Mapping[str, Any]
    units: Sequence[str]
    ledgers: Sequence[Place]
    members: pa.Table
    decisions: pa.Table
    dropped: Sequence[Kind]
    warnings: Sequence[Kind]


def read_run(folder: Place, more_columns: Sequence[str] = ()) -> FinishedRun:
    """The run in `folder`, with `more_columns` of its ledgers. Raises `InputError` where none has finished, or files do not agree."""
    run = read_manifest(folder / "run.json")
    if not isinstance(run.get("tars"), list) or not isinstance(run.get("config"), dict):
        raise InputError(f"{folder / 'run.json'}: has neither tars nor a config, so it is not that of a run; {_NOT_FINISHED}")
    manifest = read_corpus_manifest(folder / "corpus")
    units = ledger_units(folder)
    paths = [folder / "ledger" / f"{unit}.parquet" for unit in units]
    members, dropped, warnings = _read_members(paths, more_columns)
    decisions = _read(folder / "corpus" / DECISIONS, ["id", "member", "outcome", "reason", "split"], ["outcome", "reason", "split"])
    members = _with_fates(members, decisions, folder)
    members = _with_metadata(members, folder, run)
    kept = members.column("is_kept").to_numpy().astype(bool)
    is_document = members.column("is_document").to_numpy().astype(bool)
    characters = members.column("characters_out").to_numpy()
    stated = {
        "members": run.get("members"),
        "documents": run.get("documents"),
        "kept": manifest["kept"],
        "characters": manifest["characters"],
    }
    found = {
        "members": members.num_rows,
        "documents": int(is_document.sum()),
        "kept": int(kept.sum()),
        "characters": int(characters[kept].sum()),
    }
    for name, number in found.items():
        if stated[name] != number:
            raise InputError(f"{folder}: {number} {name} in the ledgers, {stated[name]} in the run's books; {_NOT_FINISHED}")
    return FinishedRun(
        run=run,
        manifest=manifest,
        units=units,
        ledgers=paths,
        members=members,
        decisions=decisions,
        dropped=dropped,
        warnings=warnings,
    )


def read_books(folder: Place) -> Books:
    """The books of the run in `folder`. Raises `InputError` where there is no finished run, or where its files do not agree."""
    found = read_run(folder)
    run, members, paths = found.run, found.members, found.ledgers
    kept = members.column("is_kept").to_numpy().astype(bool)
    is_document = members.column("is_document").to_numpy().astype(bool)
    characters = members.column("characters_out").to_numpy()
    return Books(
        run=run,
        steps=_steps(members),
        reject_samples=_reject_samples(members, paths),
        corpus_samples=_corpus_samples(found.decisions, folder),
        groups={name: tally(members, name) for name in ("year", "domain", "category", "document_class", "license")},
        languages=tally(members.filter(pa.array(is_document)), "language"),
        lengths=characters[is_document],
        math_shares=members.column("math_share").to_numpy()[is_document],
        is_kept=kept[is_document],
        tex_bytes=int(members.column("tex_bytes").to_numpy()[is_document].sum()),
        dropped=found.dropped,
        warnings=found.warnings,
        storage=_storage(folder, run, found.manifest),
        timings=_timings(folder, found.units),
    )


def tally(members: pa.Table, name: str) -> list[Group]:
    """Members, documents, kept documents and their characters by the values of one column, most members first."""
    sums = members.group_by(name).aggregate(
        [([], "count_all"), ("is_document", "sum"), ("is_kept", "sum"), ("kept_characters", "sum")],
    )
    columns = [sums.column(column).to_pylist() for column in (name, "count_all", "is_document_sum", "is_kept_sum", "kept_characters_sum")]
    groups = [
        Group(name="none" if value is None else str(value), members=count, documents=documents, kept=kept, characters=characters)
        for value, count, documents, kept, characters in zip(*columns, strict=True)
    ]
    return sorted(groups, key=lambda group: (-group.members, group.name))


def _read(path: Place, columns: Sequence[str], dictionaries: Sequence[str] = ()) -> pa.Table:
    try:
        return pq.read_table(readable(path), columns=list(columns), read_dictionary=list(dictionaries))
    except (OSError, KeyError, pa.ArrowException) as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read ({cause}); {_NOT_FINISHED}") from None


def _batches(paths: Sequence[Place], columns: Sequence[str], dictionaries: Sequence[str]) -> Iterator[pa.Table]:
    """Files joined to tables of some 65,000 rows: a call for each of 100,000 ledgers would take minutes."""
    waiting: list[pa.Table] = []
    for table in map_ahead(lambda path: _read(path, columns, dictionaries), paths, paths[0] if paths else Path()):
        waiting.append(table)
        if sum(table.num_rows for table in waiting) >= _ROWS_AT_A_TIME:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def _read_members(paths: Sequence[Place], more_columns: Sequence[str]) -> tuple[pa.Table, list[Kind], list[Kind]]:
    parts: list[pa.Table] = []
    counts: dict[str, list[pa.Table]] = {name: [] for name in _COUNTS}
    for batch in _batches(paths, ["id", "member", *_LEDGER_NUMBERS, *_LEDGER_WORDS, *_COUNTS, *more_columns], _LEDGER_WORDS):
        for name in _COUNTS:
            counts[name].append(_sum_of_maps(batch.column(name).chunks))
        parts.append(batch.drop_columns(_COUNTS).combine_chunks())
    if not parts:
        raise InputError(f"no ledger of any unit is there; {_NOT_FINISHED}")
    members = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    return members, _kinds(counts["dropped_characters"]), _kinds(counts["warnings"])


def _sum_of_maps(chunks: Sequence[pa.MapArray]) -> pa.Table:
    names = pa.chunked_array([chunk.keys for chunk in chunks], type=pa.string())
    numbers = pa.chunked_array([chunk.items for chunk in chunks], type=pa.int64())
    sums = pa.table({"kind": names, "number": numbers}).group_by("kind").aggregate([("number", "sum"), ("number", "count")])
    return sums.select(["kind", "number_sum", "number_count"])


def _kinds(sums: Iterable[pa.Table]) -> list[Kind]:
    total = pa.concat_tables(sums).group_by("kind").aggregate([("number_sum", "sum"), ("number_count", "sum")])
    rows = zip(*(total.column(name).to_pylist() for name in ("kind", "number_sum_sum", "number_count_sum")), strict=True)
    return sorted((Kind(name=name, count=count, papers=papers) for name, count, papers in rows), key=lambda kind: (-kind.count, kind.name))


def _with_fates(members: pa.Table, decisions: pa.Table, folder: Place) -> pa.Table:
    """Adds `is_document`, `is_kept`, `kept_characters`, `corpus_reason`, `split`. Decisions are in the order of the ledgers' documents."""
    is_document = pc.equal(members.column("outcome"), DOCUMENT)
    documents = members.select(["id", "member"]).filter(is_document)
    if not documents.equals(decisions.select(["id", "member"]).cast(documents.schema)):
        raise InputError(f"{folder / 'corpus' / DECISIONS}: was not made from these ledgers; {_NOT_FINISHED}")
    places = np.flatnonzero(is_document.to_numpy())
    kept = pc.equal(decisions.column("outcome"), "kept").to_numpy()
    is_kept = np.zeros(members.num_rows, dtype=np.int64)
    is_kept[places] = kept
    return (
        members.append_column("is_document", is_document.cast(pa.int64()))
        .append_column("is_kept", pa.array(is_kept))
        .append_column("kept_characters", pc.multiply(members.column("characters_out"), pa.array(is_kept)))
        .append_column("corpus_reason", _spread(decisions.column("reason"), places, members.num_rows))
        .append_column("split", _spread(decisions.column("split"), places, members.num_rows))
    )


def _spread(column: pa.ChunkedArray, places: npt.NDArray[np.intp], num_rows: int) -> pa.DictionaryArray:
    """A column of the documents as one of all members, null where there is no document."""
    words = column.unify_dictionaries().combine_chunks()
    codes = np.full(num_rows, -1, dtype=np.int32)
    codes[places] = pc.fill_null(words.indices, -1).to_numpy(zero_copy_only=False)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), words.dictionary)


def _with_metadata(members: pa.Table, folder: Place, run: Mapping[str, Any]) -> pa.Table:
    """Adds `year` (of the id), `category` (the primary one), `domain` and `license`; null or `unknown` without metadata."""
    months = MetadataMonths(folder, ())
    tables = [months.table(month, ["arxiv_id", "categories", "license"]) for month in months.months]
    ids = pa.chunked_array([chunk for table in tables for chunk in table.column("arxiv_id").chunks], type=pa.string())
    primary = [pc.list_element(chunk, 0) for table in tables for chunk in table.column("categories").chunks]
    licenses = pa.chunked_array([chunk for table in tables for chunk in table.column("license").chunks], type=pa.string())
    rows = pc.index_in(members.column("id"), value_set=ids)
    category = pa.chunked_array(primary, type=pa.string()).take(rows).combine_chunks().dictionary_encode()
    license_ = pc.fill_null(licenses.take(rows), "").combine_chunks().dictionary_encode()
    table = run["config"].get("corpus", {}).get("domains", ())
    config = CorpusConfig(domains=tuple((domain, tuple(names)) for domain, names in table))
    domain = _mapped(category, lambda name: domain_of((name,), config))
    is_known = pc.is_valid(rows).combine_chunks()
    known_license = pc.if_else(is_known, _mapped(license_, lambda name: license_key(name or None)), None)
    return (
        members.append_column("year", _years(members.column("id")))
        .append_column("category", category.cast(pa.string()))
        .append_column("domain", pc.fill_null(domain, UNKNOWN))
        .append_column("license", known_license)
    )


def _mapped(words: pa.DictionaryArray, function: Any) -> pa.Array:
    """`function` of every word, computed once for each word there is."""
    values = pa.array([function(word) for word in words.dictionary.to_pylist()], type=pa.string())
    return values.take(words.indices)


def _years(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """`hep-th/9901003` → `1999`, `0912.0469` → `2009`; null for what is no id. arXiv began in 1991."""
    digits = pc.struct_field(pc.extract_regex(ids, r"^(?:[a-z-]+(?:\.[A-Z]{2})?/)?(?P<yy>\d\d)\d\d[\d.]"), "yy")
    return pc.binary_join_element_wise(pc.if_else(pc.greater_equal(digits, "91"), "19", "20"), digits, "")


def _steps(members: pa.Table) -> list[Step]:
    """The waterfall from members in the tars to what is trained on."""

    def sums(table: pa.Table, key: str) -> dict[str, tuple[int, int, int]]:
        found = table.group_by(key).aggregate([([], "count_all"), ("bytes_in", "sum"), ("characters_out", "sum")])
        columns = [found.column(name).to_pylist() for name in (key, "count_all", "bytes_in_sum", "characters_out_sum")]
        return {str(name): (papers, num_bytes, characters) for name, papers, num_bytes, characters in zip(*columns, strict=True)}

    def step(kind: StepKind, style: StepStyle, label: str, words: str, numbers: Sequence[int]) -> Step:
        return Step(kind=kind, style=style, label=label, words=words, papers=numbers[0], num_bytes=numbers[1], characters=numbers[2])

    def less(rest: Sequence[int], losses: Mapping[str, Sequence[int]]) -> list[int]:
        return [number - sum(loss[index] for loss in losses.values()) for index, number in enumerate(rest)]

    is_kept = pc.equal(members.column("is_kept"), 1)
    rejected = sums(members.filter(pc.is_valid(members.column("reason"))), "reason")
    left_out = sums(members.filter(pc.is_valid(members.column("corpus_reason"))), "corpus_reason")
    splits = sums(members.filter(is_kept), "split")
    numbers = [members.num_rows, *(pc.sum(members.column(name)).as_py() for name in ("bytes_in", "characters_out"))]
    reject_words = {str(reason): words for reason, words in REJECT_REASONS.items()}
    corpus_words = {str(reason): words for reason, words in CORPUS_REASONS.items()}
    steps = [step("start", "whole", "members in the tars", "every file of every tar", numbers)]
    for reason in sorted(rejected, key=_order(RejectReason)):
        steps.append(step("loss", "gone", reason, reject_words.get(reason, ""), rejected[reason]))
    numbers = less(numbers, rejected)
    steps.append(step("rest", "whole", "documents", "papers with text", numbers))
    for reason in sorted(left_out, key=_order(CorpusReason)):
        steps.append(step("loss", "left", reason, corpus_words.get(reason, ""), left_out[reason]))
    numbers = less(numbers, left_out)
    steps.append(step("rest", "whole", "in the corpus", "selected, newest, unique", numbers))
    held_out = {name: numbers_ for name, numbers_ in splits.items() if name != "train"}
    for name in sorted(held_out):
        steps.append(step("loss", "held", name, "held out by hash of the id and never trained on", held_out[name]))
    steps.append(step("end", "kept", "trained on", "the training split of the corpus", less(numbers, held_out)))
    return steps


def _order(reasons: type[RejectReason] | type[CorpusReason]) -> Any:
    places = {str(reason.value): place for place, reason in enumerate(reasons)}
    return lambda reason: (places.get(reason, len(places)), reason)


def _spaced(places: npt.NDArray[np.intp]) -> list[int]:
    """At most `NUM_SAMPLES` of `places`, from the first to the last in equal steps."""
    chosen = np.linspace(0, len(places) - 1, num=min(NUM_SAMPLES, len(places))).round().astype(int)
    return [int(places[index]) for index in chosen]


def _places_by_reason(column: pa.ChunkedArray) -> dict[str, list[int]]:
    words = column.unify_dictionaries().combine_chunks()
    codes = pc.fill_null(words.indices, -1).to_numpy(zero_copy_only=False)
    found = {word: np.flatnonzero(codes == code) for code, word in enumerate(words.dictionary.to_pylist())}
    return {word: _spaced(places) for word, places in found.items() if len(places)}


def _reject_samples(members: pa.Table, paths: Sequence[Place]) -> dict[str, list[Sample]]:
    ends = list(accumulate(map_ahead(lambda path: pq.read_metadata(readable(path)).num_rows, paths, paths[0])))
    samples: dict[str, list[Sample]] = {}
    for reason, places in _places_by_reason(members.column("reason")).items():
        samples[reason] = []
        for place in places:
            index = int(np.searchsorted(ends, place, side="right"))
            row = place - (ends[index - 1] if index else 0)
            detail = _read(paths[index], ["detail"]).column("detail")[row]
            samples[reason].append(_sample(members, place, detail.as_py(), f"ledger/{paths[index].name}", row))
    return samples


def _corpus_samples(decisions: pa.Table, folder: Place) -> dict[str, list[Sample]]:
    rows = _read(folder / "corpus" / DECISIONS, ["id", "tar", "member", "detail"], ["tar"])
    return {
        reason: [_sample(rows, place, rows.column("detail")[place].as_py(), f"corpus/{DECISIONS}", place) for place in places]
        for reason, places in _places_by_reason(decisions.column("reason")).items()
    }


def _sample(rows: pa.Table, place: int, detail: str | None, books: str, row: int) -> Sample:
    arxiv_id, tar, member = (rows.column(name)[place].as_py() for name in ("id", "tar", "member"))
    return Sample(arxiv_id=arxiv_id, tar=tar, member=member, detail=detail or "", books=books, row=row)


def _storage(folder: Place, run: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(what, files, bytes) read and written."""

    def size(name: str, suffix: str) -> tuple[int, int]:
        states = states_in(folder / name).items()
        sizes = [state.st_size for name, state in states if name.endswith(suffix) and not name.startswith(".")]
        return len(sizes), sum(sizes)

    corpus = [entry["bytes"] for entry in manifest["files"].values()]
    return [
        ("tars, read", len(run["tars"]), sum(tar["bytes"] for tar in run["tars"])),
        ("documents, written", *size("documents", ".jsonl.zst")),
        ("ledgers, written", *size("ledger", ".parquet")),
        ("signatures, written", *size("minhash", ".npy")),
        ("metadata months, written", *size("metadata", ".parquet")),
        ("corpus, written", len(corpus), sum(corpus)),
    ]


def _timings(folder: Place, units: Sequence[str]) -> Timings | None:
    """Sums of the metrics; None where they are not there any more."""
    found = states_in(folder / "metrics")
    paths = [folder / "metrics" / f"{unit}.parquet" for unit in units if f"{unit}.parquet" in found]
    if not paths:
        return None
    columns = {stage: f"{stage}_seconds" for stage in Stage}
    names = ["id", "member", *columns.values(), "host", "attempt", "peak_memory_bytes"]
    rows = pa.concat_tables(_batches(paths, names, ["host"])).unify_dictionaries()
    waits = _waits(paths)
    total = sum(rows.column(name).to_numpy() for name in columns.values())
    rows = rows.append_column("seconds", pa.array(total))
    slowest = rows.take(np.argsort(-total, kind="stable")[:NUM_SLOWEST])
    hosts = rows.group_by("host").aggregate([([], "count_all"), ("seconds", "sum"), ("peak_memory_bytes", "max")])
    columns_of_hosts = [hosts.column(name).to_pylist() for name in ("host", "count_all", "seconds_sum", "peak_memory_bytes_max")]
    return Timings(
        papers=rows.num_rows,
        seconds={stage: pc.sum(rows.column(name)).as_py() for stage, name in columns.items()},
        hosts=sorted(zip(*columns_of_hosts, strict=True)),
        slowest=[
            SlowPaper(
                arxiv_id=slowest.column("id")[place].as_py(),
                member=slowest.column("member")[place].as_py(),
                seconds={stage: slowest.column(name)[place].as_py() for stage, name in columns.items()},
            )
            for place in range(slowest.num_rows)
        ],
        num_retried=pc.sum(pc.greater(rows.column("attempt"), 1)).as_py(),
        peak_memory_bytes=pc.max(rows.column("peak_memory_bytes")).as_py(),
        waits=waits,
    )


def _waits(paths: Sequence[Place]) -> Waits | None:
    """What the metrics say of reading, computing and writing; None where some do not say it."""
    sums, places = dict.fromkeys(("read_seconds", "cpu_seconds", "write_seconds"), 0.0), {"read_from": "", "written_to": ""}

    def read(path: Place) -> pa.Table | None:
        held = pq.ParquetFile(readable(path))
        return held.read([*sums, *places]) if {*sums, *places} <= set(held.schema_arrow.names) else None

    for rows in map_ahead(read, paths, paths[0]):
        if rows is None or any(rows.column(name).null_count for name in (*sums, *places)):
            return None
        for name in sums:
            sums[name] += pc.sum(rows.column(name)).as_py() or 0.0
        for name in places:
            places[name] = max(places[name], *rows.column(name).unique().to_pylist())
    return Waits(read=sums["read_seconds"], cpu=sums["cpu_seconds"], write=sums["write_seconds"], **places)
