"""Texts of the unit files for the passes that need them: unit by unit, checked against the ledger, one document in memory."""

import hashlib
import io
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from preprocess.corpus.records import Candidate
from shards.errors import InputError
from shards.store import Place, map_ahead
from shards.text_shard import decode_text_shard, read_text_shard

_SECONDS_BETWEEN_LINES = 10.0
_SHARDS_AHEAD = 4  # of a store, some MB each


def read_documents(
    out: Place, candidates: Sequence[Candidate], wanted: Container[int], what: str, say: Callable[[str], None]
) -> Iterator[tuple[Candidate, dict[str, Any]]]:
    """The documents whose candidates' positions are wanted, in the order of the ledger.

    `candidates` are all of the ledger, in its order: a shard's lines are told by them. Units of which nothing is wanted are not opened.
    `what` says in a line of progress what the texts are read for. Raises `InputError` where a shard does not agree with the ledger.
    """
    last_said = time.monotonic()
    units = ((unit, list(group)) for unit, group in groupby(candidates, key=lambda candidate: candidate.unit))
    asked = ((unit, rows) for unit, rows in units if any(row.position in wanted for row in rows))
    shards = map_ahead(lambda unit: (unit, _open(out, unit[0])), asked, out, num_ahead=_SHARDS_AHEAD)
    for number, ((unit, rows), documents) in enumerate(shards, 1):
        num_read = 0
        for document in documents:
            row = rows[num_read] if num_read < len(rows) else None
            if row is None or document.get("id") != row.arxiv_id:
                raise _disagreement(out, unit, f"document {num_read + 1} is {document.get('id')!r}")
            num_read += 1
            if row.position not in wanted:
                continue
            if hashlib.sha256(document["text"].encode()).hexdigest() != row.text_sha256:
                raise _disagreement(out, unit, f"the text of {row.arxiv_id} has another hash")
            yield row, document
        if num_read != len(rows):
            raise _disagreement(out, unit, f"{num_read} documents for {len(rows)} ledger rows")
        if time.monotonic() - last_said > _SECONDS_BETWEEN_LINES:
            last_said = time.monotonic()
            say(f"corpus: {what}, {number} units gone through, now {unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a document stands: line `line`, from 0, of the `num_lines` of its unit's shard. `position` is its candidate's."""

    position: int
    unit: str
    line: int
    num_lines: int
    arxiv_id: str
    text_sha256: str


def lines_of(candidates: Sequence[Candidate], wanted: Container[int]) -> Iterator[Line]:
    """The lines of the wanted positions among all candidates of the ledger, in its order."""
    for unit, group in groupby(candidates, key=lambda candidate: candidate.unit):
        rows = list(group)
        for number, row in enumerate(rows):
            if row.position in wanted:
                yield Line(
                    position=row.position,
                    unit=unit,
                    line=number,
                    num_lines=len(rows),
                    arxiv_id=row.arxiv_id,
                    text_sha256=row.text_sha256,
                )


def read_lines(out: Place, lines: Sequence[Line]) -> Iterator[tuple[Line, dict[str, Any]]]:
    """The documents of some lines, unit by unit, each unit opened once. Raises `InputError` as `read_documents` does."""
    by_unit: dict[str, dict[int, Line]] = {}
    for line in lines:
        by_unit.setdefault(line.unit, {})[line.line] = line
    for (unit, wanted), documents in map_ahead(lambda part: (part, _open(out, part[0])), by_unit.items(), out, num_ahead=_SHARDS_AHEAD):
        num_read = 0
        for number, document in enumerate(documents):
            num_read += 1
            if number not in wanted:
                continue
            line = wanted[number]
            if document.get("id") != line.arxiv_id:
                raise _disagreement(out, unit, f"document {num_read} is {document.get('id')!r}")
            if hashlib.sha256(document["text"].encode()).hexdigest() != line.text_sha256:
                raise _disagreement(out, unit, f"the text of {line.arxiv_id} has another hash")
            yield line, document
        num_lines = next(iter(wanted.values())).num_lines
        if num_read != num_lines:
            raise _disagreement(out, unit, f"{num_read} documents for {num_lines} ledger rows")


def _open(out: Place, unit: str) -> Iterator[dict[str, Any]]:
    """The documents of a unit; of a store's shard the bytes are here when it returns, so that one is read while another is unpacked."""
    path = out / "documents" / f"{unit}.jsonl.zst"
    if isinstance(path, Path):
        return read_text_shard(path)
    try:
        return decode_text_shard(path, io.BytesIO(path.read_bytes()))
    except FileNotFoundError:
        raise InputError(f"{path}: no such text shard") from None


def _disagreement(out: Place, unit: str, what: str) -> InputError:
    shard = out / "documents" / f"{unit}.jsonl.zst"
    return InputError(f"{shard}: does not agree with its ledger ({what}); remove {out / 'units' / unit}.json and run again")
