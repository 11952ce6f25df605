"""One work unit: its fingerprint, its files, and their commit. Knows nothing of Ray.

A unit's manifest is written last and is its commit: a unit without a valid one is done again and gives the same bytes.
"""

import hashlib
import io
import json
import os
import resource
import secrets
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from preprocess.config import Config, recorded
from preprocess.corpus.domain import UNKNOWN, domain_of
from preprocess.ledger import LEDGER_SCHEMA, METRICS_SCHEMA, encode_table, ledger_row, read_column
from preprocess.pipeline import STAGE_VERSIONS
from preprocess.records import Document, Outcome, RawPaper, RejectReason, Stage
from preprocess.sources.metadata import MetadataMonths
from preprocess.sources.tars import Unit
from shards.commit import write_bytes
from shards.errors import InputError
from shards.fingerprint import fingerprint
from shards.manifest import read_manifest, write_manifest
from shards.store import FileState, Place, StorePath, states_in
from shards.text_shard import encode_text_shard

MANIFESTS, DOCUMENTS, LEDGER, MINHASH, METRICS, BREADCRUMBS = "units", "documents", "ledger", "minhash", "metrics", ".breadcrumbs"
UNIT_FILES = {MANIFESTS: ".json", LEDGER: ".parquet", DOCUMENTS: ".jsonl.zst", MINHASH: ".npy", METRICS: ".parquet"}
# folders and endings of a unit's files, in the order in which they are removed: its manifest first, so that no half of it looks whole


def unit_fingerprint(unit: Unit, config: Config) -> str:
    """What a unit's bytes depend on: its tar's md5, its range, the config its stages read, the stages' versions."""
    return fingerprint(
        {
            "tar_md5": unit.tar_md5,
            "tar": unit.tar,
            "range": [unit.first_member, len(unit.members)],
            "config": {name: asdict(getattr(config, name)) for name in ("archive", "latex", "normalise", "describe", "minhash")},
            "stages": STAGE_VERSIONS,
        }
    )


FolderStates = Mapping[str, Mapping[str, FileState]]


def folder_states(out: Place) -> FolderStates:
    """What stands in each folder of unit files, by name: one listing instead of a question for every file."""
    return {folder: states_in(out / folder) for folder in UNIT_FILES}


def is_done(out: Place, unit: Unit, config: Config, states: FolderStates | None = None) -> bool | None:
    """True where the unit is committed, None where it was made from something else, False where it is not there or not whole.

    `states` is what stands in the folders (default: what does now).
    """
    states = folder_states(out) if states is None else states
    if f"{unit.name}.json" not in states[MANIFESTS]:
        return False
    try:
        manifest = read_manifest(out / MANIFESTS / f"{unit.name}.json")
        if manifest["fingerprint"] != unit_fingerprint(unit, config):
            return None
        parts = [(name.split("/"), entry["bytes"]) for name, entry in manifest["files"].items()]
        return all(name in states[folder] and states[folder][name].st_size == num_bytes for (folder, name), num_bytes in parts)
    except (InputError, KeyError, ValueError, OSError):
        return False


def remove_unit(out: Place, name: str) -> None:
    """Removes a unit's files, its manifest first."""
    for folder, suffix in UNIT_FILES.items():
        (out / folder / f"{name}{suffix}").unlink(missing_ok=True)


def has_reason(out: Place, name: str, reason: RejectReason) -> bool:
    """Whether a unit's ledger has a rejection of that reason."""
    return reason in read_column(out / LEDGER / f"{name}.parquet", "reason")


@dataclass
class Breadcrumb:
    """Which paper of a unit is under way, on disk, so that one that kills its worker is known by the next worker.

    A paper that was under way at two deaths of its worker in one run is quarantined at the third start. A new run begins anew: what
    killed the driver says nothing about the paper.

    On a store, where a write costs time and money, a unit's first attempt says only that it is under way. After a death the papers are
    named one by one, so that a paper is quarantined at the fourth start and not at the third.
    """

    path: Place
    run_id: str
    deaths: dict[int, int] = field(default_factory=dict)
    attempt: int = 1

    @classmethod
    def open(cls, out: Place, unit: str, run_id: str) -> "Breadcrumb":
        """The unit's breadcrumb, with what earlier workers of this run left in it."""
        crumb = cls(path=out / BREADCRUMBS / f"{unit}.json", run_id=run_id)
        with suppress(OSError, ValueError, KeyError):
            left = json.loads(crumb.path.read_bytes())
            if left["run_id"] == run_id:
                crumb.deaths = {int(index): count for index, count in left["deaths"].items()}
                if left["current"] is not None:
                    crumb.deaths[left["current"]] = crumb.deaths.get(left["current"], 0) + 1
                crumb.attempt = left["attempt"] + 1
        return crumb

    def step_on(self, index: int) -> bool:
        """Says that paper `index` is under way; False where it has killed its worker twice and must not be tried again."""
        if self.deaths.get(index, 0) >= 2:
            return False
        left = {"run_id": self.run_id, "current": index, "deaths": self.deaths, "attempt": self.attempt}
        if isinstance(self.path, StorePath):
            if self.attempt > 1 or index == 0:
                write_bytes(self.path, json.dumps(left | {"current": index if self.attempt > 1 else None}).encode())
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # a rename and no fsync: it must outlive this process, not the machine; the name is its own, two workers may be on one unit
        temporary = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}")
        temporary.write_text(json.dumps(left))
        temporary.replace(self.path)
        return True

    def remove(self) -> None:
        """The unit is done."""
        self.path.unlink(missing_ok=True)


@dataclass
class UnitResult:
    """What a unit's papers have become so far."""

    unit: Unit
    documents: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[tuple[int, ...]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    num_bytes_written: int = 0

    def add(
        self,
        raw: RawPaper,
        outcome: Outcome,
        seconds: Mapping[Stage, float],
        attempt: int,
        months: MetadataMonths,
        config: Config,
        *,
        read_seconds: float | None = None,
        cpu_seconds: float | None = None,
    ) -> None:
        """Books one paper. `read_seconds` it was waited for, `cpu_seconds` it took of the process."""
        self.ledger.append(ledger_row(raw, outcome))
        self.metrics.append(_metrics_row(raw, seconds, attempt) | {"read_seconds": read_seconds, "cpu_seconds": cpu_seconds})
        if isinstance(outcome, Document):
            self.documents.append(document_row(raw, outcome, months, config))
            self.signatures.append(outcome.minhash)

    def commit(self, out: Place, config: Config, commit: str) -> dict[str, Any]:
        """Writes the unit's files, the manifest last; gives the unit's summary."""
        name = self.unit.name
        contents = {
            f"{DOCUMENTS}/{name}.jsonl.zst": encode_text_shard(self.documents),
            f"{LEDGER}/{name}.parquet": encode_table(self.ledger, LEDGER_SCHEMA),
            f"{MINHASH}/{name}.npy": encode_signatures(self.signatures, config.minhash.num_hashes),
        }
        started = time.perf_counter()
        for path, content in contents.items():
            write_bytes(out / path, content)
        part = (time.perf_counter() - started) / max(1, len(self.metrics))
        for row in self.metrics:
            row |= {"write_seconds": part, "read_from": _reached_by(self.unit.tar_path), "written_to": _reached_by(out)}
        metrics = encode_table(self.metrics, METRICS_SCHEMA)
        write_bytes(out / METRICS / f"{name}.parquet", metrics)
        self.num_bytes_written = sum(map(len, contents.values())) + len(metrics)
        summary = {
            "unit": name,
            "members": len(self.ledger),
            "documents": len(self.documents),
            "bytes_in": sum(row["bytes_in"] for row in self.ledger),
            "rejections": dict(sorted(Counter(row["reason"] for row in self.ledger if "reason" in row).items())),
        }
        manifest = {
            "unit": name,
            "tar": self.unit.tar,
            "fingerprint": unit_fingerprint(self.unit, config),
            "files": {path: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for path, content in contents.items()},
            "counts": summary,
            "config": recorded(config),
            "stages": STAGE_VERSIONS,
            "commit": commit,
        }
        write_manifest(out / MANIFESTS / f"{name}.json", manifest)
        return summary


def encode_signatures(signatures: Sequence[Sequence[int]], num_hashes: int) -> bytes:
    """A unit's MinHash signatures as the bytes of a `.npy` file: `[documents, num_hashes]` uint32, in the order of its text shard."""
    sink = io.BytesIO()
    np.save(sink, np.array(signatures, dtype="<u4").reshape(len(signatures), num_hashes))
    return sink.getvalue()


def _metrics_row(raw: RawPaper, seconds: Mapping[Stage, float], attempt: int) -> dict[str, Any]:
    return {
        "id": raw.arxiv_id,
        "member": raw.member,
        **{f"{stage}_seconds": seconds.get(stage, 0.0) for stage in Stage},
        "host": socket.gethostname(),
        "process": os.getpid(),
        "attempt": attempt,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _reached_by(place: Place) -> str:
    return "network" if isinstance(place, StorePath) else "disk"


def document_row(raw: RawPaper, document: Document, months: MetadataMonths, config: Config) -> dict[str, Any]:
    """A document as a line of a text shard. Metadata fields are those known today; the corpus takes the newest."""
    metadata = months.get(raw.arxiv_id)
    return {
        "id": raw.arxiv_id,
        "version": metadata.version if metadata else None,
        "text": document.text,
        "title": document.title,
        "abstract": document.abstract,
        "categories": list(metadata.categories) if metadata else [],
        "domain": domain_of(metadata.categories, config.corpus) if metadata else UNKNOWN,
        "license": metadata.license if metadata else None,
        "created": metadata.created if metadata else None,
        "language": document.language,
        "source": {
            "tar": raw.tar,
            "member": raw.member,
            "sha256": hashlib.sha256(raw.payload).hexdigest(),
            "root_files": list(document.root_files),
        },
        "document_class": document.document_class,
        "num_words": document.num_words,
        "math_share": document.math_share,
        "quality": asdict(document.quality),
        "text_sha256": document.text_sha256,
    }
