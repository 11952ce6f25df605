"""Candidates → those that a newer document of the same id replaces.

A dump may hold a paper twice: packed again in a later tar, or in a newer copy of its tar. The later tar wins, by month and number, and in
one tar the later member. A later withdrawal notice withdraws what came before it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from preprocess.corpus.records import Candidate, CorpusReason, Exclusion

_TAR_NAME = re.compile(r"(?P<prefix>.*?)_?(?P<month>\d{4})_(?P<number>\d+)(?P<rest>.*)")


def tar_order(name: str) -> tuple[str, int, str]:
    """A key that sorts tars, or units named after them, by time: `arXiv_src_9912_002` before `arXiv_src_0001_001`."""
    match = _TAR_NAME.fullmatch(name)
    if match is None:
        return ("", 0, name)
    month = match["month"]
    # arXiv began in 1991, so 91-99 come before 00
    return (("19" if month[:2] >= "91" else "20") + month, int(match["number"]), name)


def drop_older(candidates: Sequence[Candidate], withdrawn_at: Mapping[str, int]) -> dict[int, Exclusion]:
    """Exclusions by position. `withdrawn_at` has, for an id, the position of its last withdrawal notice in the ledger."""
    newest = _newest(candidates)
    exclusions: dict[int, Exclusion] = {}
    for candidate in candidates:
        winner = newest[candidate.arxiv_id]
        if withdrawn_at.get(candidate.arxiv_id, -1) > candidate.position:
            exclusions[candidate.position] = Exclusion(reason=CorpusReason.WITHDRAWN, detail="a later tar has a withdrawal notice")
        elif winner is not candidate:
            detail = f"replaced by {winner.tar}: {winner.member}"
            exclusions[candidate.position] = Exclusion(reason=CorpusReason.OLDER_VERSION, detail=detail)
    return exclusions


def _newest(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    newest: dict[str, Candidate] = {}
    for candidate in candidates:
        known = newest.get(candidate.arxiv_id)
        if known is None or candidate.position > known.position:
            newest[candidate.arxiv_id] = candidate
    return newest
