"""The decisions on disk: one row for every document, kept or rejected and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.corpus.records import Decision
from preprocess.corpus.select import license_key

DECISIONS = "decisions.parquet"
DECISIONS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("tar", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("bucket", pa.int32(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("text_sha256", pa.string(), nullable=False),
        pa.field("characters", pa.int64(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("primary_category", pa.string()),
        pa.field("license", pa.string()),
        pa.field("created", pa.string()),
        pa.field("version", pa.int32()),
    ]
)
_ROWS_PER_GROUP = 50_000


def write_decisions(path: Path, decisions: Sequence[Decision]) -> None:
    """Writes all decisions in their order, a group of rows at a time."""
    with pq.ParquetWriter(path, DECISIONS_SCHEMA, compression="zstd") as writer:
        for start in range(0, len(decisions), _ROWS_PER_GROUP):
            rows = [_decision_row(decision) for decision in decisions[start : start + _ROWS_PER_GROUP]]
            writer.write_table(pa.Table.from_pylist(rows, schema=DECISIONS_SCHEMA))


def _decision_row(decision: Decision) -> dict[str, Any]:
    candidate, exclusion = decision.candidate, decision.exclusion
    return {
        "id": candidate.arxiv_id,
        "unit": candidate.unit,
        "tar": candidate.tar,
        "member": candidate.member,
        "domain": decision.domain,
        "split": decision.split,
        "bucket": decision.bucket,
        "outcome": "kept" if exclusion is None else "rejected",
        "reason": None if exclusion is None else exclusion.reason.value,
        "detail": None if exclusion is None else exclusion.detail,
        "text_sha256": candidate.text_sha256,
        "characters": candidate.characters,
        "language": candidate.language,
        "primary_category": candidate.categories[0] if candidate.categories else None,
        "license": license_key(candidate.license) if candidate.is_known else None,
        "created": candidate.created,
        "version": candidate.version,
    }
