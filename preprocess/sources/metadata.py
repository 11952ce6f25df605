"""The metadata snapshot (OAI/Kaggle JSON lines, 4 GB for all of arXiv) → one small parquet file for each month of ids.

No worker ever holds the snapshot: it is read once as a stream, rows are spilled to one file a month, and each month is then sorted and
written alone. `MetadataMonths` reads months as they are asked for.
"""

import hashlib
import re
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.sources.scans import keep_digest, known_digest
from preprocess.sources.withdrawal import find_withdrawal
from shards.commit import fsync_folder, remove_temporaries, remove_temporary_folders, temporary_path, write_bytes
from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from shards.store import Place, find_files, open_binary, readable, state_of, states_in

FORMAT = 1
SPILL_BYTES = 64 << 20
# bytes of rows held before they are appended to their months' files; with the largest month (25,000 papers, 50 MB) the bound on memory.
MAX_LOADED_MONTHS = 4
# months a reader keeps: tars hold one month each, re-issued papers reach into a few more.

SCHEMA = pa.schema(
    [
        pa.field("arxiv_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("abstract", pa.string(), nullable=False),
        pa.field("categories", pa.list_(pa.string()), nullable=False),
        pa.field("license", pa.string()),
        pa.field("created", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("updated", pa.string(), nullable=False),
        pa.field("is_withdrawn", pa.bool_(), nullable=False),
        pa.field("withdrawn_detail", pa.string()),
    ]
)

_ID = re.compile(r"(?:[a-z]+(?:-[a-z]+)*(?:\.[A-Z]{2})?/(?P<old>\d{4})\d{3}|(?P<new>\d{4})\.\d{4,5})")
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) ")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_VERSION = re.compile(r"v([1-9]\d*)")
_MONTHS = {"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12}
_MAX_LINE_BYTES = 16 << 20  # a line that is longer is no paper's metadata: the largest author lists are under 1 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperMetadata:
    """What arXiv says of one paper. `categories` has the primary one first; dates are ISO; `version` is the latest one's number."""

    arxiv_id: str
    title: str
    abstract: str
    categories: tuple[str, ...]
    license: str | None
    created: str
    version: int
    updated: str
    is_withdrawn: bool
    withdrawn_detail: str | None


def id_month(arxiv_id: str) -> str | None:
    """The month of an arXiv id as `yymm`: `hep-th/9901003` → `9901`, `0912.0469` → `0912`; None for what is no arXiv id."""
    match = _ID.fullmatch(arxiv_id)
    if match is None:
        return None
    month = match["old"] or match["new"]
    return month if 1 <= int(month[2:]) <= 12 else None


def month_order(yymm: str) -> str:
    """A key that sorts months by time: arXiv began in 1991, so `91`-`99` come before `00`."""
    return ("19" if yymm[:2] >= "91" else "20") + yymm


def parse_paper(row: Any) -> PaperMetadata:
    """One line of the snapshot, as parsed from JSON. Raises `ValueError` that says which field is wrong."""
    if not isinstance(row, dict):
        raise ValueError(f"a JSON object is needed, found {type(row).__name__}")
    arxiv_id = _text(row, "id")
    if id_month(arxiv_id) is None:
        raise ValueError(f"id {arxiv_id[:60]!r} is no arXiv id")
    title = " ".join(_text(row, "title").split())
    abstract = _text(row, "abstract").strip()
    categories = tuple(_text(row, "categories").split())
    if not categories:
        raise ValueError("categories is empty")
    numbers_and_dates = sorted(_versions(row.get("versions")))
    version = numbers_and_dates[-1][0]
    comments = _optional_text(row, "comments")
    detail = find_withdrawal(comments or "", abstract, version)
    return PaperMetadata(
        arxiv_id=arxiv_id,
        title=title,
        abstract=abstract,
        categories=categories,
        license=_optional_text(row, "license") or None,
        created=numbers_and_dates[0][1],
        version=version,
        updated=_iso_date(row, "update_date") or numbers_and_dates[-1][1],
        is_withdrawn=detail is not None,
        withdrawn_detail=detail,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, found {type(value).__name__}" if name in row else f"{name} is missing")
    return value


def _optional_text(row: Mapping[str, Any], name: str) -> str | None:
    return None if row.get(name) is None else _text(row, name)


def _iso_date(row: Mapping[str, Any], name: str) -> str | None:
    value = _optional_text(row, name)
    if value is None:
        return None
    if _ISO_DATE.fullmatch(value) is None:
        raise ValueError(f"{name} {value[:40]!r} is no date like 2021-09-20")
    return date.fromisoformat(value).isoformat()


def _versions(versions: Any) -> Iterator[tuple[int, str]]:
    if not isinstance(versions, list) or not versions:
        raise ValueError("versions must be a list of at least one")
    for entry in versions:
        if not isinstance(entry, dict):
            raise ValueError(f"versions holds {type(entry).__name__}, objects are needed")
        number = _VERSION.fullmatch(_text(entry, "version"))
        created = _text(entry, "created")
        parts = _DATE.match(created)
        if number is None or parts is None or parts[2] not in _MONTHS:
            raise ValueError(
                f"versions holds {entry['version'][:20]!r} of {created[:40]!r}, v1 of 'Sun, 13 Dec 2020 03:06:00 GMT' is the form"
            )
        yield int(number[1]), date(int(parts[3]), _MONTHS[parts[2]], int(parts[1])).isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSummary:
    """The books of one build. `was_built` is False where the months were already those of this snapshot."""

    num_papers: int
    num_months: int
    num_withdrawn: int
    num_repeated_ids: int
    snapshot_sha256: str
    was_built: bool


def build_metadata(snapshot: Place, out: Place) -> MetadataSummary:
    """Writes `out/metadata/<yymm>.parquet` and, last, its manifest; does nothing where they were made from these very bytes.

    An id that stands in the snapshot twice is kept once, by its newest state, and counted. Any line that is not a paper's metadata is an
    `InputError` with its number: a snapshot is made by a machine, so one bad line says that the file is cut or no snapshot.
    """
    folder = out / "metadata"
    if not snapshot.is_file():
        raise InputError(f"{snapshot}: no such metadata snapshot; give the JSON-lines file of arXiv's metadata")
    manifest_path = folder / "manifest.json"
    known = _known_manifest(manifest_path)
    if known is not None and known_digest(snapshot, out) == known["snapshot"]["sha256"]:
        return _summary(known, was_built=False)
    folder.mkdir(parents=True, exist_ok=True)
    remove_temporaries(folder)
    remove_temporary_folders(folder)
    spill_folder = temporary_path(folder / "spill")
    spill_folder.mkdir()
    try:
        state = state_of(snapshot)
        with open_binary(snapshot) as handle:
            digest, num_bytes = _spill(snapshot, handle, spill_folder)
        spilled = sorted(spill_folder.iterdir())
        if not spilled:
            raise InputError(f"{snapshot}: holds no paper's metadata; give the JSON-lines file of arXiv's metadata")
        # until the new manifest stands nobody reads months of two snapshots
        manifest_path.unlink(missing_ok=True)
        months: dict[str, dict[str, Any]] = {}
        for path in spilled:
            months[path.name] = _write_month(path, folder / f"{path.name}.parquet")
    finally:
        shutil.rmtree(spill_folder, ignore_errors=True)
    for file in find_files(folder, "*.parquet"):
        if file.stem not in months:
            file.unlink()
    fsync_folder(folder)
    manifest = {"format": FORMAT, "snapshot": {"name": snapshot.name, "bytes": num_bytes, "sha256": digest}, "months": months}
    write_manifest(manifest_path, manifest)
    keep_digest(snapshot, state, digest, out)
    return _summary(manifest, was_built=True)


def _known_manifest(path: Place) -> dict[str, Any] | None:
    """The manifest of an earlier build, if all it lists is there."""
    if not path.exists():
        return None
    manifest = read_manifest(path)
    if manifest.get("format") != FORMAT:
        return None
    found = {name: state.st_size for name, state in states_in(path.parent).items()}
    is_whole = all(found.get(f"{month}.parquet") == entry["bytes"] for month, entry in manifest["months"].items())
    return manifest if is_whole else None


def _summary(manifest: Mapping[str, Any], *, was_built: bool) -> MetadataSummary:
    months = manifest["months"].values()
    return MetadataSummary(
        num_papers=sum(month["papers"] for month in months),
        num_months=len(months),
        num_withdrawn=sum(month["withdrawn"] for month in months),
        num_repeated_ids=sum(month["repeated_ids"] for month in months),
        snapshot_sha256=manifest["snapshot"]["sha256"],
        was_built=was_built,
    )


def _spill(snapshot: Place, handle: BinaryIO, spill_folder: Path) -> tuple[str, int]:
    """Appends each paper's row to its month's file in `spill_folder`; gives the snapshot's SHA-256 and size."""
    digest = hashlib.sha256()
    num_bytes = 0
    held: dict[str, bytearray] = {}  # one buffer a month: kept one by one, orjson's rows hold eight times their size
    num_held_bytes = 0
    number = 0
    while line := handle.readline(_MAX_LINE_BYTES):
        number += 1
        digest.update(line)
        num_bytes += len(line)
        if not line.strip():
            continue
        try:
            if len(line) == _MAX_LINE_BYTES:
                raise ValueError(f"the line is longer than {_MAX_LINE_BYTES} bytes")
            paper = parse_paper(orjson.loads(line))
        except ValueError as error:
            raise InputError(
                f"{snapshot}: line {number}: not a paper's metadata in the OAI/Kaggle schema ({error}); download the snapshot again"
            ) from None
        row = orjson.dumps(paper, option=orjson.OPT_APPEND_NEWLINE)
        month = id_month(paper.arxiv_id)
        assert month is not None
        held.setdefault(month, bytearray()).extend(row)
        num_held_bytes += len(row)
        if num_held_bytes > SPILL_BYTES:
            _append(held, spill_folder)
            num_held_bytes = 0
    _append(held, spill_folder)
    return digest.hexdigest(), num_bytes


def _append(held: dict[str, bytearray], spill_folder: Path) -> None:
    for month, rows in held.items():
        with open(spill_folder / month, "ab") as handle:
            handle.write(rows)
    held.clear()


def _write_month(spilled: Path, path: Place) -> dict[str, Any]:
    """One month's spilled rows, sorted by id, as its parquet file; gives the month's entry in the manifest."""
    newest: dict[str, tuple[tuple[int, str, bytes], dict[str, Any]]] = {}
    num_rows = 0
    with open(spilled, "rb") as handle:
        for line in handle:
            row = orjson.loads(line)
            num_rows += 1
            # the line itself last, so that the order in the snapshot never decides
            key = (row["version"], row["updated"], line)
            known = newest.get(row["arxiv_id"])
            if known is None or key > known[0]:
                newest[row["arxiv_id"]] = (key, row)
    rows = [newest[arxiv_id][1] for arxiv_id in sorted(newest)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink, compression="zstd", row_group_size=4096)
    content = sink.getvalue().to_pybytes()
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content)
    return {
        "papers": len(rows),
        "withdrawn": sum(row["is_withdrawn"] for row in rows),
        "repeated_ids": num_rows - len(rows),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


class MetadataMonths:
    """Metadata by arXiv id, a month's file read when its first paper is asked for, `MAX_LOADED_MONTHS` of them kept.

    `columns` limits what is read of each paper; the columns left out come as empty strings.
    """

    def __init__(self, out: Place, columns: Sequence[str] | None = None) -> None:
        self.folder = out / "metadata"
        self.manifest = read_manifest(self.folder / "manifest.json")
        self._columns = None if columns is None else ["arxiv_id", *(name for name in columns if name != "arxiv_id")]
        self._loaded: OrderedDict[str, tuple[pa.Table, dict[str, int]]] = OrderedDict()

    @property
    def months(self) -> list[str]:
        """The months that have metadata, by time."""
        return sorted(self.manifest["months"], key=month_order)

    @property
    def snapshot_sha256(self) -> str:
        """SHA-256 of the snapshot that the months were made from."""
        return str(self.manifest["snapshot"]["sha256"])

    def get(self, arxiv_id: str) -> PaperMetadata | None:
        """The metadata of one paper, or None where the snapshot has none."""
        month = id_month(arxiv_id)
        if month is None or month not in self.manifest["months"]:
            return None
        table, rows = self._load(month)
        index = rows.get(arxiv_id)
        if index is None:
            return None
        values = {name: table.column(name)[index].as_py() for name in table.column_names}
        return PaperMetadata(**(_BLANK | values | {"categories": tuple(values.get("categories") or ())}))

    def table(self, month: str, columns: Sequence[str]) -> pa.Table:
        """Some columns of one month's papers, sorted by id."""
        return pq.read_table(readable(self.folder / f"{month}.parquet"), columns=list(columns))

    def _load(self, month: str) -> tuple[pa.Table, dict[str, int]]:
        if month in self._loaded:
            self._loaded.move_to_end(month)
            return self._loaded[month]
        try:
            table = pq.read_table(readable(self.folder / f"{month}.parquet"), columns=self._columns).combine_chunks()
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{self.folder / month}.parquet: cannot be read ({error}); remove {self.folder} and run again") from None
        self._loaded[month] = (table, {arxiv_id: index for index, arxiv_id in enumerate(table.column("arxiv_id").to_pylist())})
        while len(self._loaded) > MAX_LOADED_MONTHS:
            self._loaded.popitem(last=False)
        return self._loaded[month]


_BLANK: dict[str, Any] = {
    "title": "",
    "abstract": "",
    "categories": (),
    "license": None,
    "created": "",
    "version": 0,
    "updated": "",
    "is_withdrawn": False,
    "withdrawn_detail": None,
}
