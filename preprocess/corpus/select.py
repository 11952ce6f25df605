"""Candidate → None where it is in scope, or the first rule that it fails. Metadata and taste, so cheap to decide again.

arXiv:2602.17288 selects by `"cs" in categories`, a substring that finds `physics.optics`; here a category is a whole token.
"""

import re
from collections.abc import Iterable

from preprocess.config import CorpusConfig
from preprocess.corpus.records import Candidate, CorpusReason, Exclusion

_CREATIVE_COMMONS = re.compile(
    r"https?://creativecommons\.org/(?:licenses/(?P<kind>[a-z-]+)/(?P<version>[\d.]+)|publicdomain/zero/(?P<zero>[\d.]+))"
)
_ARXIV = re.compile(r"https?://arxiv\.org/licenses/nonexclusive-distrib/(?P<version>[\d.]+)")


def select(candidate: Candidate, config: CorpusConfig) -> Exclusion | None:
    """The rules in the order of `CorpusReason`: metadata, withdrawal, category, licence, year, language, length, quality."""
    if config.select == "all":
        return None
    if not candidate.is_known:
        return Exclusion(reason=CorpusReason.NO_METADATA, detail="the metadata snapshot does not have this id")
    if candidate.withdrawn_detail is not None:
        return Exclusion(reason=CorpusReason.WITHDRAWN, detail=candidate.withdrawn_detail)
    looked_at = candidate.categories if config.category_match == "any" else candidate.categories[:1]
    if config.categories is not None and not any(matches(category, config.categories) for category in looked_at):
        return Exclusion(reason=CorpusReason.CATEGORY, detail=" ".join(looked_at))
    if config.licenses is not None and license_key(candidate.license) not in config.licenses:
        return Exclusion(reason=CorpusReason.LICENSE, detail=license_key(candidate.license))
    year = int((candidate.created or "0")[:4])
    if (config.first_year is not None and year < config.first_year) or (config.last_year is not None and year > config.last_year):
        return Exclusion(reason=CorpusReason.YEAR, detail=f"{year}")
    if config.languages is not None:
        is_sure = candidate.language_probability >= config.min_language_probability
        if candidate.language not in config.languages or not is_sure:
            return Exclusion(reason=CorpusReason.LANGUAGE, detail=f"{candidate.language} {candidate.language_probability:.2f}")
    if candidate.characters < config.min_characters:
        return Exclusion(reason=CorpusReason.TOO_SHORT, detail=f"{candidate.characters} characters")
    for measure, least, largest in config.quality_limits:
        if not least <= candidate.quality[measure] <= largest:
            detail = f"{measure} {candidate.quality[measure]:g}, wanted {least:g} to {largest:g}"
            return Exclusion(reason=CorpusReason.QUALITY, detail=detail)
    return None


def matches(category: str, wanted: Iterable[str]) -> bool:
    """Whether a category is one of `wanted` or belongs to an archive among them.

    `cs.LG` is of `cs`, `math.AG` of `math`; `math-ph` is not of `math`, nor `physics.optics` of `cs`.
    """
    archive = category.partition(".")[0]
    return any(name in (category, archive) for name in wanted)


def license_key(license_url: str | None) -> str:
    """A licence's short name: `cc-by-4.0`, `cc0-1.0`, `arxiv-1.0`; `assumed` for null, as in the first years; else as it stands."""
    if not license_url:
        return "assumed"
    if commons := _CREATIVE_COMMONS.match(license_url):
        return f"cc0-{commons['zero']}" if commons["zero"] else f"cc-{commons['kind']}-{commons['version']}"
    if own := _ARXIV.match(license_url):
        return f"arxiv-{own['version']}"
    return license_url
