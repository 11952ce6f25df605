"""The ledger joined with the newest metadata: what the decisions are made from. Reads no text."""

from collections.abc import Sequence
from sys import intern
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from preprocess.corpus.newest import tar_order
from preprocess.corpus.records import NOT_MEASURED, Candidate
from preprocess.records import RejectReason
from preprocess.sources.metadata import MetadataMonths
from shards.commit import commit_file, temporary_path
from shards.errors import InputError
from shards.store import Place, map_ahead, readable, states_in

METADATA_ONLY = "metadata-only"
METADATA_COLUMNS = ("categories", "license", "created", "version", "is_withdrawn", "withdrawn_detail")
_LEDGER_COLUMNS = [
    "tar",
    "member",
    "id",
    "outcome",
    "reason",
    "characters_out",
    "language",
    "language_probability",
    "text_sha256",
]
_METADATA_ONLY_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("primary_category", pa.string(), nullable=False),
        pa.field("created", pa.string(), nullable=False),
        pa.field("is_withdrawn", pa.bool_(), nullable=False),
    ]
)


def ledger_units(out: Place) -> list[str]:
    """The units that have a ledger, tars by time, in a tar by first member."""
    found = (name.removesuffix(".parquet") for name in states_in(out / "ledger") if name.endswith(".parquet") and not name.startswith("."))
    names = [name for name in found if name != METADATA_ONLY]
    return sorted(names, key=lambda name: (tar_order(name.rpartition("-")[0]), name))


def read_candidates(out: Place, months: MetadataMonths, measures: Sequence[str] = ()) -> tuple[list[Candidate], dict[str, int]]:
    """Every document of the ledger as a candidate, and for each id with a withdrawal notice among the members the last one's position.

    `measures` are the measures of quality that the decisions will ask for.
    """
    candidates: list[Candidate] = []
    withdrawn_at: dict[str, int] = {}
    position = -1
    columns = [*_LEDGER_COLUMNS, *(("math_share", "quality") if measures else ())]
    units = ledger_units(out)
    ledgers = map_ahead(lambda unit: _ledger_rows(out / "ledger" / f"{unit}.parquet", columns), units, out)
    for unit, rows in zip(units, ledgers, strict=True):
        for row in rows:
            position += 1
            if row["outcome"] == "document":
                candidates.append(_candidate(row, unit, position, months, measures))
            elif row["reason"] == RejectReason.WITHDRAWN:
                withdrawn_at[row["id"]] = position
    return candidates, withdrawn_at


def _candidate(row: dict[str, Any], unit: str, position: int, months: MetadataMonths, measures: Sequence[str]) -> Candidate:
    metadata = months.get(row["id"])
    measured = {measure: row["math_share"] if measure == "math_share" else row["quality"][measure] for measure in measures}
    return Candidate(
        arxiv_id=row["id"],
        unit=unit,
        tar=intern(row["tar"]),
        member=row["member"],
        position=position,
        characters=row["characters_out"],
        language=intern(row["language"]),
        language_probability=row["language_probability"],
        text_sha256=row["text_sha256"],
        is_known=metadata is not None,
        categories=() if metadata is None else tuple(map(intern, metadata.categories)),
        license=intern(metadata.license) if metadata is not None and metadata.license else None,
        created=None if metadata is None else intern(metadata.created),
        version=None if metadata is None else metadata.version,
        withdrawn_detail=metadata.withdrawn_detail if metadata is not None else None,
        quality=measured or NOT_MEASURED,
    )


def _ledger_rows(path: Place, columns: list[str]) -> list[dict[str, Any]]:
    try:
        return pq.read_table(readable(path), columns=columns).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a readable ledger ({error}); remove its unit's manifest under units/ and run again") from None


def write_metadata_only(out: Place, months: MetadataMonths) -> int:
    """Writes `ledger/metadata-only.parquet`: the ids that have metadata and are in no tar, months by time. Gives their number."""
    paths = [out / "ledger" / f"{unit}.parquet" for unit in ledger_units(out)]
    with_source = pa.chunked_array([chunk for ids in map_ahead(_ids, paths, out) for chunk in ids.chunks], type=pa.string())
    path = out / "ledger" / f"{METADATA_ONLY}.parquet"
    temporary = temporary_path(path)
    num_rows = 0
    try:
        with pq.ParquetWriter(temporary, _METADATA_ONLY_SCHEMA, compression="zstd") as writer:
            for month in months.months:
                table = months.table(month, ["arxiv_id", "categories", "created", "is_withdrawn"])
                has_source = pc.is_in(table.column("arxiv_id"), value_set=with_source)
                table = table.filter(pc.invert(has_source))
                primary = pc.list_element(table.column("categories"), 0)
                columns = [table.column("arxiv_id"), primary, table.column("created"), table.column("is_withdrawn")]
                writer.write_table(pa.table(columns, schema=_METADATA_ONLY_SCHEMA))
                num_rows += table.num_rows
        commit_file(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return num_rows


def _ids(path: Place) -> pa.ChunkedArray:
    try:
        return pq.read_table(readable(path), columns=["id"]).column("id").cast(pa.string())
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a readable ledger ({error}); remove its unit's manifest under units/ and run again") from None
