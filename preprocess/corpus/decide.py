"""All candidates → a decision for each: select → newest version → exact duplicates → what the texts decide → split.

Pure but for the texts, which are read by who calls; the order of candidates is kept.
"""

from collections.abc import Callable, Mapping, Sequence

from preprocess.config import CorpusConfig
from preprocess.corpus.deduplicate import drop_duplicates
from preprocess.corpus.domain import domain_of
from preprocess.corpus.newest import drop_older
from preprocess.corpus.records import Candidate, Decision, Exclusion
from preprocess.corpus.select import select
from preprocess.corpus.split import bucket_of, split_of

TextPass = Callable[[Sequence[Candidate]], Mapping[int, Exclusion]]  # candidates that are left → exclusions by position


def decide(
    candidates: Sequence[Candidate], withdrawn_at: Mapping[str, int], config: CorpusConfig, text_passes: Sequence[TextPass] = ()
) -> list[Decision]:
    """One decision for each candidate; each pass sees only what the passes before it have kept."""
    exclusions: dict[int, Exclusion] = {}
    for candidate in candidates:
        if exclusion := select(candidate, config):
            exclusions[candidate.position] = exclusion
    exclusions |= drop_older(_left(candidates, exclusions), withdrawn_at if config.select == "scope" else {})
    if config.deduplicate:
        exclusions |= drop_duplicates(_left(candidates, exclusions))
    for text_pass in text_passes:
        exclusions |= text_pass(_left(candidates, exclusions))
    return [
        Decision(
            candidate=candidate,
            domain=domain_of(candidate.categories, config),
            split=split_of(candidate.arxiv_id, config.validation_share),
            bucket=bucket_of(candidate.arxiv_id, config.bucket_bits),
            exclusion=exclusions.get(candidate.position),
        )
        for candidate in candidates
    ]


def _left(candidates: Sequence[Candidate], exclusions: Mapping[int, Exclusion]) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.position not in exclusions]
