"""Categories → the domain by which the corpus is divided, its validation reported and its blends weighted."""

from collections.abc import Sequence

from preprocess.config import CorpusConfig
from preprocess.corpus.select import matches

OTHER = "other"
UNKNOWN = "unknown"


def domain_of(categories: Sequence[str], config: CorpusConfig) -> str:
    """The first domain of the config's table that has the primary category; `other` if none; `unknown` without categories."""
    if not categories:
        return UNKNOWN
    return next((domain for domain, members in config.domains if matches(categories[0], members)), OTHER)
