"""Normalised text → what is recorded of it: language, words, share of mathematics, hash.

Identification on everything calls papers full of formulas Latin or Breton. Here the model (py3langid: naive Bayes over byte n-grams,
shipped in its wheel) is shown prose alone: formulas, code, tables, markers and numbers are left out.

    "Let $f\\colon X\\to Y$ be flat." → language `und` (three words are too few to tell), num_words 3, math_share 0.5517
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from preprocess.config import DescribeConfig
from shards.grammar import MATH_KINDS, regions

UNDETERMINED = "und"  # ISO 639-2's code for a language that cannot be told
NUM_SAMPLE_PIECES = 8

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NO_LANGUAGE = re.compile(r"\\[a-zA-Z]+\*?|https?://\S+|www\.\S+|\S+@\S+|[\d_#*|{}\\<>=^~`\[\]]+|\b[^\W\d_]\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """`language` is ISO 639-1 or `und`; its probability is normalised over all candidates, 0 with `und`.

    `num_words` counts words of prose; `math_share` is the share of the text's characters that stand in formulas; `text_sha256` is
    of the text's UTF-8 bytes.
    """

    language: str
    language_probability: float
    num_words: int
    math_share: float
    text_sha256: str


def describe(text: str, config: DescribeConfig) -> Description:
    """Normalised text → its description. Depends on the text and the config alone."""
    pieces: list[str] = []
    num_math = 0
    for kind, start, end in regions(text):
        if kind == "prose":
            pieces.append(text[start:end])
        elif kind in MATH_KINDS:
            num_math += end - start
    prose = " ".join(pieces)
    language, probability = identify_language(prose, config)
    return Description(
        language=language,
        language_probability=probability,
        num_words=sum(1 for _ in _WORD.finditer(prose)),
        math_share=round(num_math / len(text), 4) if text else 0.0,
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def identify_language(prose: str, config: DescribeConfig) -> tuple[str, float]:
    """The language of prose and its probability, rounded to 4 digits; `und` and 0 where there is too little of it."""
    sample = " ".join(_NO_LANGUAGE.sub(" ", _spread(prose, config.language_sample_characters)).split())
    if sum(map(len, _WORD.findall(sample))) < config.min_language_characters:
        return UNDETERMINED, 0.0
    language, probability = _identifier(config.candidate_languages).classify(sample)
    return language, round(probability, 4)


def _spread(prose: str, num_characters: int) -> str:
    """At most `num_characters` of `prose`, in equal pieces from beginning to end: an abstract in French makes no French paper."""
    if len(prose) <= num_characters:
        return prose
    size = -(-num_characters // NUM_SAMPLE_PIECES)
    last_start = len(prose) - size
    starts = [last_start * number // (NUM_SAMPLE_PIECES - 1) for number in range(NUM_SAMPLE_PIECES)]
    return " ".join(prose[start : start + size] for start in starts)[: num_characters + NUM_SAMPLE_PIECES]


@lru_cache(maxsize=2)
def _identifier(candidate_languages: tuple[str, ...] | None) -> LanguageIdentifier:
    # 0.7 s and 100 MB: once a process, and only in those that need it
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if candidate_languages is not None:
        identifier.set_languages(candidate_languages)
    return identifier
