"""The ledger: one row for every member of every tar, the law of conservation over them, and the metrics beside it.

A ledger row holds only what input and config determine. Times, hosts and attempts go to the metrics, outside every law of equal bytes.
"""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.records import Document, Outcome, Quality, RawPaper, Stage
from shards.errors import InputError
from shards.store import Place, map_ahead, readable

_COUNTS = pa.map_(pa.string(), pa.int64())
LEDGER_SCHEMA = pa.schema(
    [
        pa.field("tar", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("stage", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("bytes_in", pa.int64(), nullable=False),
        pa.field("tex_bytes", pa.int64(), nullable=False),
        pa.field("characters_out", pa.int64(), nullable=False),
        pa.field("dropped_characters", _COUNTS, nullable=False),
        pa.field("warnings", _COUNTS, nullable=False),
        pa.field("document_class", pa.string()),
        pa.field("language", pa.string()),
        pa.field("language_probability", pa.float64()),
        pa.field("num_words", pa.int64()),
        pa.field("math_share", pa.float64()),
        pa.field("quality", pa.struct([pa.field(measure.name, pa.float64(), nullable=False) for measure in fields(Quality)])),
        pa.field("text_sha256", pa.string()),
    ]
)
METRICS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        *(pa.field(f"{stage}_seconds", pa.float64(), nullable=False) for stage in Stage),
        pa.field("host", pa.string(), nullable=False),
        pa.field("process", pa.int64(), nullable=False),
        pa.field("attempt", pa.int64(), nullable=False),
        pa.field("peak_memory_bytes", pa.int64(), nullable=False),
        pa.field("read_seconds", pa.float64()),  # waited for the member's bytes
        pa.field("cpu_seconds", pa.float64()),  # of the worker's process, from asking for the member to the end of its stages
        pa.field("write_seconds", pa.float64()),  # of the unit's documents, ledger and signatures, an equal part
        pa.field("read_from", pa.string()),  # `disk`, or `network` where it is an object store
        pa.field("written_to", pa.string()),
    ]
)
DOCUMENT, REJECTED = "document", "rejected"


def ledger_row(raw: RawPaper, outcome: Outcome) -> dict[str, Any]:
    """One member's end as a row of `LEDGER_SCHEMA`."""
    row: dict[str, Any] = {
        "tar": raw.tar,
        "member": raw.member,
        "id": raw.arxiv_id,
        "bytes_in": len(raw.payload),
        "tex_bytes": 0,
        "characters_out": 0,
        "dropped_characters": [],
        "warnings": [],
    }
    if isinstance(outcome, Document):
        return row | {
            "outcome": DOCUMENT,
            "tex_bytes": outcome.tex_bytes,
            "characters_out": len(outcome.text),
            "dropped_characters": _pairs(outcome.dropped_characters),
            "warnings": _pairs(outcome.warnings),
            "document_class": outcome.document_class,
            "language": outcome.language,
            "language_probability": outcome.language_probability,
            "num_words": outcome.num_words,
            "math_share": outcome.math_share,
            "quality": asdict(outcome.quality),
            "text_sha256": outcome.text_sha256,
        }
    return row | {"outcome": REJECTED, "stage": outcome.stage.value, "reason": outcome.reason.value, "detail": outcome.detail}


def _pairs(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items())


def encode_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> bytes:
    """Rows as the bytes of one parquet file, which depend on the rows alone."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), sink, compression="zstd")
    return sink.getvalue()


@dataclass(frozen=True, kw_only=True)
class TarBooks:
    """One tar's sums, from the ledgers of its units."""

    num_members: int
    num_documents: int
    rejections: Mapping[str, int]


def read_column(path: Place, name: str) -> list[Any]:
    """One column of a unit's ledger. Raises `InputError` where the ledger is missing or cannot be read."""
    return read_columns(path, [name])[0]


def read_columns(path: Place, names: Sequence[str]) -> list[list[Any]]:
    """Some columns of a unit's ledger. Raises as `read_column` does."""
    try:
        table = pq.read_table(readable(path), columns=list(names))
        return [table.column(name).to_pylist() for name in names]
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a readable ledger ({error}); remove units/{path.stem}.json and run again") from None


def read_books(out: Place, units_by_tar: Mapping[str, Sequence[str]]) -> dict[str, TarBooks]:
    """Sums of every tar's ledgers. Raises `InputError` where a unit's ledger is missing or cannot be read."""
    books: dict[str, TarBooks] = {}
    paths = [out / "ledger" / f"{unit}.parquet" for units in units_by_tar.values() for unit in units]
    ledgers = map_ahead(lambda path: read_columns(path, ["outcome", "reason"]), paths, out)
    for tar, units in units_by_tar.items():
        rejections: Counter[str] = Counter()
        num_members = num_documents = 0
        for _ in units:
            outcomes, reasons = next(ledgers)
            num_members += len(outcomes)
            num_documents += outcomes.count(DOCUMENT)
            rejections.update(reason for outcome, reason in zip(outcomes, reasons, strict=True) if outcome == REJECTED)
        books[tar] = TarBooks(num_members=num_members, num_documents=num_documents, rejections=dict(sorted(rejections.items())))
    return books


def check_conservation(books: Mapping[str, TarBooks], members_by_tar: Mapping[str, int]) -> None:
    """The law of extraction: members in = documents + rejections, for every tar. Raises `InputError` naming the tar that breaks it."""
    for tar, num_members in members_by_tar.items():
        book = books[tar]
        num_ends = book.num_documents + sum(book.rejections.values())
        if not num_members == book.num_members == num_ends:
            raise InputError(
                f"{tar}: the books do not balance: {num_members} members in, {book.num_members} ledger rows, "
                f"{book.num_documents} documents + {sum(book.rejections.values())} rejections; keep the output and report this"
            )
