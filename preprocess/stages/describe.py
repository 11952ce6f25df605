"""Normalised text → what is recorded of it: language, words, share of mathematics, quality, hash.

Identification on everything calls papers full of formulas Latin or Breton. Here the model (py3langid: naive Bayes over byte n-grams,
shipped in its wheel) is shown prose alone: formulas, code, tables, markers and numbers are left out. The measures of quality are those of
Gopher (arXiv:2112.11446, appendix A.1.1), C4 (arXiv:1910.10683) and RedPajama-V2 (arXiv:2411.12372) where they mean something for
papers, taken of the same prose; `docs/formats.md` has them one by one.

    "Let $f\\colon X\\to Y$ be flat." → language `und` (three words are too few to tell), num_words 3, math_share 0.5517
"""

import hashlib
import re
import string
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from preprocess.config import DescribeConfig
from preprocess.records import Quality
from preprocess.words import distinct_words
from shards.grammar import MATH_KINDS, regions

UNDETERMINED = "und"  # ISO 639-2's code for a language that cannot be told
NUM_SAMPLE_PIECES = 8
STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})  # Gopher's eight
NGRAM_WORDS = 10  # the longest that Gopher counts: shorter ones come again in every paper

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NO_LANGUAGE = re.compile(r"\\[a-zA-Z]+\*?|https?://\S+|www\.\S+|\S+@\S+|[\d_#*|{}\\<>=^~`\[\]]+|\b[^\W\d_]\b")
_LETTER = re.compile(r"[^\W\d_]")
_PUNCTUATION = string.punctuation + "“”‘’„«»…–—·•"
_CONTROL_WORD = re.compile(r"\\(?!textbackslash\{\})[A-Za-z]+")  # `\textbackslash{}` is the grammar's own backslash
_BULLETS = ("- ", "• ", "* ", "‣ ", "◦ ")
_ELLIPSES = ("…", "...")
_SENTENCE_ENDS = (".", "!", "?", "”", '"')
_BLANKS_APART = bytes(32 if code < 128 and chr(code).isspace() else max(code, 1) for code in range(256))  # zero bytes are no part of words
_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no word is lost modulo 2^64


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """`language` is ISO 639-1 or `und`; its probability is normalised over all candidates, 0 with `und`.

    `num_words` counts words of prose, that is what stands between blanks and has a letter; `math_share` is the share of the text's
    characters that stand in formulas; `text_sha256` is of the text's UTF-8 bytes.
    """

    language: str
    language_probability: float
    num_words: int
    math_share: float
    quality: Quality
    text_sha256: str


def describe(text: str, config: DescribeConfig) -> Description:
    """Normalised text → its description. Depends on the text and the config alone."""
    pieces: list[str] = []
    num_prose = num_math = 0
    for kind, start, end in regions(text):
        if kind == "prose":
            pieces.append(text[start:end])
            num_prose += end - start
        elif kind in MATH_KINDS:
            num_math += end - start
    prose = " ".join(pieces)
    language, probability = identify_language(prose, config)
    num_words, quality = measure_quality(prose, _ratio(num_prose, len(text)))
    return Description(
        language=language,
        language_probability=probability,
        num_words=num_words,
        math_share=_ratio(num_math, len(text)),
        quality=quality,
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def measure_quality(prose: str, prose_share: float) -> tuple[int, Quality]:
    """Prose and its share of its text → its number of words and its measures."""
    tokens, numbers = _tokens(prose)
    num_of = np.bincount(numbers, minlength=len(tokens)).tolist()
    is_word = np.zeros(len(tokens), dtype=np.bool_)  # what is none (numbers, signs) stands in no run of words
    num_words = num_others = num_stop_words = num_letters = 0
    for number, (token, count) in enumerate(zip(tokens, num_of, strict=True)):  # a paper has five times as many words as different ones
        word = token if token.isalpha() else token.strip(_PUNCTUATION)
        if word.isalpha() or _LETTER.search(word):
            is_word[number] = True
            num_words += count
            num_letters += count * len(word)
            num_stop_words += count * (word in STOP_WORDS)
        elif word:
            num_others += count
    lines = Counter([line for line in map(str.strip, prose.split("\n")) if line])
    num_lines = lines.total()
    num_heading_signs = sum(count * (len(line) - len(line.lstrip("#"))) for line, count in lines.items() if line[0] == "#")
    num_control_words = sum(1 for _ in _CONTROL_WORD.finditer(prose)) if "\\" in prose else 0
    return num_words, Quality(
        prose_share=prose_share,
        control_words_per_kb=_ratio(1000 * num_control_words, len(prose)),
        alphabetic_word_share=_ratio(num_words, num_words + num_others),
        mean_word_length=_ratio(num_letters, num_words),
        stop_word_share=_ratio(num_stop_words, num_words),
        symbol_word_ratio=_ratio(sum(map(prose.count, ("#", *_ELLIPSES))) - num_heading_signs, num_words),
        bullet_line_share=_ratio(sum(count for line, count in lines.items() if line.startswith(_BULLETS)), num_lines),
        ellipsis_line_share=_ratio(sum(count for line, count in lines.items() if line.endswith(_ELLIPSES)), num_lines),
        sentence_line_share=_ratio(sum(count for line, count in lines.items() if line.endswith(_SENTENCE_ENDS)), num_lines),
        duplicate_line_share=_ratio(
            sum(len(line) * (count - 1) for line, count in lines.items()), sum(len(line) * count for line, count in lines.items())
        ),
        duplicate_ngram_share=_ratio(_num_repeated(numbers[is_word[numbers]]), num_words),
    )


def _tokens(prose: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The different strings between white space, and the number of each one's own, in order: `[T]` int64, places in the list."""
    found, numbers = distinct_words(prose.encode("utf-8", "surrogatepass").translate(_BLANKS_APART))
    tokens = b" ".join(found).decode("utf-8", "surrogatepass").split()
    # white space outside ASCII, of which normalised prose has none, parts words as well
    return (tokens, numbers) if len(tokens) == len(found) else _tokens(" ".join(prose.split()))


def _num_repeated(words: npt.NDArray[np.int64]) -> int:
    """How many words stand in a run of `NGRAM_WORDS` that has come before; each counts once, in however many runs it stands.

    `words`: `[W]`, the number of each word.
    """
    num_runs = len(words) - NGRAM_WORDS + 1
    if num_runs < 2:
        return 0
    ids = words.astype(np.uint64) + np.uint64(1)
    hashes = np.zeros(num_runs, dtype=np.uint64)  # a polynomial of the run's ids modulo 2^64
    for place in range(NGRAM_WORDS):
        hashes = hashes * _HASH_FACTOR + ids[place : place + num_runs]
    order = np.argsort(hashes)
    in_order = hashes[order]
    is_other = np.concatenate(([True], in_order[1:] != in_order[:-1]))
    is_repeated = np.ones(num_runs, dtype=np.bool_)
    is_repeated[np.minimum.reduceat(order, np.flatnonzero(is_other))] = False  # of equal runs all but the first
    starts = np.flatnonzero(is_repeated)
    change = np.zeros(len(ids) + 1, dtype=np.int64)  # +1 where a repeated run begins, -1 where one has ended
    change[starts] += 1
    change[starts + NGRAM_WORDS] -= 1
    return int(np.count_nonzero(np.cumsum(change[:-1])))


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


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
