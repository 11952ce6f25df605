"""Texts of the unit files for the passes that need them: unit by unit, checked against the ledger, one document in memory."""

import hashlib
import time
from collections.abc import Callable, Container, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from preprocess.corpus.records import Candidate
from shards.errors import InputError
from shards.text_shard import read_text_shard

_SECONDS_BETWEEN_LINES = 10.0


def read_documents(
    out: Path, candidates: Sequence[Candidate], wanted: Container[int], what: str, say: Callable[[str], None]
) -> Iterator[tuple[Candidate, dict[str, Any]]]:
    """The documents whose candidates' positions are wanted, in the order of the ledger.

    `candidates` are all of the ledger, in its order: a shard's lines are told by them. Units of which nothing is wanted are not opened.
    `what` says in a line of progress what the texts are read for. Raises `InputError` where a shard does not agree with the ledger.
    """
    last_said = time.monotonic()
    for number, (unit, group) in enumerate(groupby(candidates, key=lambda candidate: candidate.unit), 1):
        rows = list(group)
        if not any(row.position in wanted for row in rows):
            continue
        num_read = 0
        for document in read_text_shard(out / "documents" / f"{unit}.jsonl.zst"):
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


def _disagreement(out: Path, unit: str, what: str) -> InputError:
    shard = out / "documents" / f"{unit}.jsonl.zst"
    return InputError(f"{shard}: does not agree with its ledger ({what}); remove {out / 'units' / unit}.json and run again")
