"""What passes between the corpus passes: candidates in, a decision for each of them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CorpusReason(StrEnum):
    """Why a document is not in the corpus: the first rule that it fails, in the order of this list."""

    NO_METADATA = "no_metadata"
    WITHDRAWN = "withdrawn"
    CATEGORY = "category"
    LICENSE = "license"
    YEAR = "year"
    LANGUAGE = "language"
    TOO_SHORT = "too_short"
    QUALITY = "quality"
    OLDER_VERSION = "older_version"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    CONTAMINATED = "contaminated"


NOT_MEASURED: Mapping[str, float] = {}  # one for all candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One document as the decisions see it: its ledger row and today's metadata, never its text. About 500 bytes each.

    `position` is its place in the ledger, tars by time, so that of two documents of one id the later one is the newer.
    Without metadata `is_known` is False and `categories`, `license`, `created`, `version` are empty. `quality` has the measures that
    the config's limits name, and no others.
    """

    arxiv_id: str
    unit: str
    tar: str
    member: str
    position: int
    characters: int
    language: str
    language_probability: float
    text_sha256: str
    is_known: bool
    categories: tuple[str, ...]
    license: str | None
    created: str | None
    version: int | None
    withdrawn_detail: str | None
    quality: Mapping[str, float] = field(default_factory=lambda: NOT_MEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A document's end outside the corpus."""

    reason: CorpusReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A candidate's fate: kept where `exclusion` is None. Domain, split and bucket are those it has or would have."""

    candidate: Candidate
    domain: str
    split: str
    bucket: int
    exclusion: Exclusion | None


class ConservationError(RuntimeError):
    """The books of the corpus do not add up: a fault of this program, never of its input."""
