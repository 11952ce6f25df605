"""Candidates → those whose normalised text another one has already, to the byte.

The keeper is the one with the smallest (date of the first version, id): the first that was published, so that a new month never
displaces what an earlier run kept.
"""

from collections.abc import Sequence

from preprocess.corpus.records import Candidate, CorpusReason, Exclusion

_NO_DATE = "9999"  # without metadata, after all that have a date


def drop_duplicates(candidates: Sequence[Candidate]) -> dict[int, Exclusion]:
    """Exclusions by position."""
    keepers: dict[str, Candidate] = {}
    for candidate in candidates:
        known = keepers.get(candidate.text_sha256)
        if known is None or precedence(candidate) < precedence(known):
            keepers[candidate.text_sha256] = candidate
    exclusions: dict[int, Exclusion] = {}
    for candidate in candidates:
        keeper = keepers[candidate.text_sha256]
        if keeper is not candidate:
            exclusions[candidate.position] = Exclusion(reason=CorpusReason.DUPLICATE, detail=f"same text as {keeper.arxiv_id}")
    return exclusions


def precedence(candidate: Candidate) -> tuple[str, str, int]:
    """A key that sorts documents by who is kept before whom."""
    return (candidate.created or _NO_DATE, candidate.arxiv_id, candidate.position)
