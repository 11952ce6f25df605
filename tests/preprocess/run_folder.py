"""A finished extraction, made by hand: units with shard, ledger and manifest, and the metadata, as `preprocess run` leaves them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.config import MinHashConfig
from preprocess.records import Quality
from preprocess.sources.metadata import build_metadata
from preprocess.stages.minhash import minhash
from preprocess.units import encode_signatures
from shards.manifest import write_manifest
from shards.text_shard import encode_text_shard

MINHASH = MinHashConfig()
COUNTS = pa.map_(pa.string(), pa.int64())
LEDGER_SCHEMA = pa.schema(
    [
        ("tar", pa.string()),
        ("member", pa.string()),
        ("id", pa.string()),
        ("outcome", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("bytes_in", pa.int64()),
        ("tex_bytes", pa.int64()),
        ("characters_out", pa.int64()),
        ("dropped_characters", COUNTS),
        ("warnings", COUNTS),
        ("document_class", pa.string()),
        ("language", pa.string()),
        ("language_probability", pa.float64()),
        ("num_words", pa.int64()),
        ("math_share", pa.float64()),
        ("quality", pa.struct([pa.field(measure.name, pa.float64(), nullable=False) for measure in fields(Quality)])),
        ("text_sha256", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One member of a tar: a document of `text`, or, with `reason`, a rejection."""

    arxiv_id: str
    text: str = ""
    reason: str | None = None
    stage: str = "validate"
    language: str = "en"
    language_probability: float = 0.99
    document_class: str | None = "article"
    math_share: float = 0.2
    quality: Mapping[str, float] = field(default_factory=dict)  # the measures that are not 0.5
    dropped: Mapping[str, int] = field(default_factory=lambda: {"preamble": 300, "comment": 20})


def words(name: str, num_words: int = 250) -> str:
    """A text of its own for each name, longer than the corpus's minimum."""
    return " ".join(f"{name.replace('/', '')}word{number}" for number in range(num_words))


def metadata_line(
    arxiv_id: str, categories: str = "math.AG", created: str = "Wed, 3 Feb 2010 00:00:00 GMT", **fields: Any
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": arxiv_id,
        "title": "T",
        "abstract": "A",
        "categories": categories,
        "license": None,
        "comments": None,
        "versions": [{"version": "v1", "created": created}],
        "update_date": "2021-01-01",
    }
    return row | fields


def write_metadata(out: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    snapshot = out.parent / f"{out.name}-snapshot.json"
    snapshot.write_text("".join(json.dumps(line) + "\n" for line in lines))
    build_metadata(snapshot, out)


def write_unit(out: Path, tar: str, papers: Sequence[Paper]) -> str:
    """Writes one unit, the whole of `tar`; gives its name."""
    unit = f"{tar.removesuffix('.tar')}-00000"
    rows, documents = [], []
    for paper in papers:
        is_document = paper.reason is None
        member = f"{tar[10:14]}/{paper.arxiv_id.replace('/', '')}.gz"
        digest = hashlib.sha256(paper.text.encode()).hexdigest()
        rows.append(
            {
                "tar": tar,
                "member": member,
                "id": paper.arxiv_id,
                "outcome": "document" if is_document else "rejected",
                "stage": None if is_document else paper.stage,
                "reason": paper.reason,
                "detail": None if is_document else f"{paper.reason} was found",
                "bytes_in": 1000,
                "tex_bytes": len(paper.text) + 400 if is_document else 0,
                "characters_out": len(paper.text) if is_document else 0,
                "dropped_characters": list((paper.dropped if is_document else {}).items()),
                "warnings": [("missing_input", 1)] if is_document else [],
                "document_class": paper.document_class if is_document else None,
                "language": paper.language if is_document else None,
                "language_probability": paper.language_probability if is_document else None,
                "num_words": len(paper.text.split()) if is_document else None,
                "math_share": paper.math_share if is_document else None,
                "quality": {measure.name: paper.quality.get(measure.name, 0.5) for measure in fields(Quality)} if is_document else None,
                "text_sha256": digest if is_document else None,
            }
        )
        if is_document:
            documents.append(
                {
                    "id": paper.arxiv_id,
                    "text": paper.text,
                    "title": "T",
                    "abstract": "",
                    "version": None,
                    "categories": [],
                    "domain": "unknown",
                    "license": None,
                    "created": None,
                    "language": paper.language,
                    "source": {"tar": tar, "member": member, "sha256": "0" * 64},
                }
            )
    for folder in ("documents", "ledger", "minhash", "units"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    shard = encode_text_shard(documents)
    (out / "documents" / f"{unit}.jsonl.zst").write_bytes(shard)
    signatures = [minhash(document["text"], MINHASH).tolist() for document in documents]
    (out / "minhash" / f"{unit}.npy").write_bytes(encode_signatures(signatures, MINHASH.num_hashes))
    pq.write_table(pa.Table.from_pylist(rows, schema=LEDGER_SCHEMA), out / "ledger" / f"{unit}.parquet")
    files = {f"documents/{unit}.jsonl.zst": {"sha256": hashlib.sha256(shard).hexdigest(), "bytes": len(shard)}}
    write_manifest(out / "units" / f"{unit}.json", {"files": files})
    return unit
