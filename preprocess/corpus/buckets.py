"""The bucket files: which ones the decisions ask for, which of them stand already, and the writing of the others."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from preprocess.corpus.files import FORMAT, file_name
from preprocess.corpus.records import ConservationError, Decision
from preprocess.corpus.spill import BucketSpill
from preprocess.corpus.split import bucket_order
from preprocess.corpus.texts import read_documents
from shards.commit import write_bytes
from shards.errors import InputError
from shards.fingerprint import fingerprint
from shards.manifest import read_manifest
from shards.store import FileState, Place, map_ahead, states_in
from shards.text_shard import encode_text_shard


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One corpus file to be: its documents in order, and a fingerprint of everything that its bytes come from."""

    decisions: Sequence[Decision]
    made_from: str


def plan_files(out: Place, decisions: Sequence[Decision]) -> dict[str, PlannedFile]:
    """The corpus files that the decisions ask for, by name."""
    kept: defaultdict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        if decision.exclusion is None:
            kept[file_name(decision.domain, decision.split, decision.bucket)].append(decision)
    units = sorted({decision.candidate.unit for of_file in kept.values() for decision in of_file})
    shard_digests = dict(zip(units, map_ahead(lambda unit: _shard_digest(out, unit), units, out), strict=True))
    planned: dict[str, PlannedFile] = {}
    for name in sorted(kept):
        kept[name].sort(key=lambda decision: (bucket_order(decision.candidate.arxiv_id), decision.candidate.arxiv_id))
        sources = []
        for decision in kept[name]:
            unit = decision.candidate.unit
            sources.append([decision.candidate.arxiv_id, decision.candidate.text_sha256, shard_digests[unit], _rejoined_fields(decision)])
        planned[name] = PlannedFile(decisions=kept[name], made_from=fingerprint([FORMAT, sources]))
    return planned


def _shard_digest(out: Place, unit: str) -> str:
    """The SHA-256 of a unit's text shard, from the unit's manifest."""
    path = out / "units" / f"{unit}.json"
    manifest = read_manifest(path)
    try:
        return str(manifest["files"][f"documents/{unit}.jsonl.zst"]["sha256"])
    except (KeyError, TypeError):
        raise InputError(f"{path}: does not list documents/{unit}.jsonl.zst; remove it and run again") from None


def _rejoined_fields(decision: Decision) -> dict[str, Any]:
    """The metadata fields of a corpus row: of today's snapshot, where `documents/` has those of the day of extraction."""
    candidate = decision.candidate
    return {
        "categories": list(candidate.categories),
        "domain": decision.domain,
        "license": candidate.license,
        "created": candidate.created,
        "version": candidate.version,
    }


def entries_still_right(corpus: Place, planned: Mapping[str, PlannedFile], manifest: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The manifest entries of files that would come out the same and are whole on disk."""
    entries = {}
    found: dict[str, Mapping[str, FileState]] = {}
    for name, entry in (manifest or {"files": {}})["files"].items():
        if name in planned and entry["made_from"] == planned[name].made_from:
            folder, _, file = name.rpartition("/")
            if folder not in found:
                found[folder] = states_in(corpus / folder)
            if file in found[folder] and found[folder][file].st_size == entry["bytes"]:
                entries[name] = entry
    return entries


def gather_texts(
    out: Place, decisions: Sequence[Decision], to_write: Mapping[str, PlannedFile], spill: BucketSpill, say: Callable[[str], None]
) -> None:
    """Reads the planned files' documents from the unit files into `spill`, with today's metadata."""
    wanted = {decision.candidate.position: (name, decision) for name, file in to_write.items() for decision in file.decisions}
    everything = [decision.candidate for decision in decisions]
    for candidate, document in read_documents(out, everything, wanted, "texts gathered", say):
        name, decision = wanted[candidate.position]
        row = document | _rejoined_fields(decision)
        spill.add(name, orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def write_files(
    corpus: Place, to_write: Mapping[str, PlannedFile], spill: BucketSpill, say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Writes the planned files from what was gathered; gives their manifest entries."""
    entries = {}
    for number, (name, file) in enumerate(to_write.items(), 1):
        entries[name] = _write_file(corpus / name, file, spill.lines(name))
        if number == len(to_write) or number % 64 == 0:
            say(f"corpus: {number} of {len(to_write)} files written")
    return entries


def _write_file(path: Place, file: PlannedFile, lines: Iterator[bytes]) -> dict[str, Any]:
    """One corpus file, its documents in order of their hash; gives its manifest entry."""
    documents = {document["id"]: document for document in map(orjson.loads, lines)}
    if len(documents) != len(file.decisions):
        raise ConservationError(f"{path}: {len(documents)} texts for {len(file.decisions)} kept documents")
    ordered = [documents[decision.candidate.arxiv_id] for decision in file.decisions]
    content = encode_text_shard(ordered)
    write_bytes(path, content)
    first = file.decisions[0]
    return {
        "domain": first.domain,
        "split": first.split,
        "bucket": first.bucket,
        "documents": len(ordered),
        "characters": sum(len(document["text"]) for document in ordered),
        "text_bytes": sum(len(document["text"].encode()) for document in ordered),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "made_from": file.made_from,
    }
