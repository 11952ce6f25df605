import hashlib
import re
import string
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import DescribeConfig
from preprocess.records import QUALITY_MEASURES, Quality
from preprocess.stages.describe import NGRAM_WORDS, UNDETERMINED, describe, identify_language, measure_quality
from shards.errors import InputError

CONFIG = DescribeConfig()
ENGLISH = (
    "We show that every bounded sequence of measures has a subsequence that converges weakly. The proof uses a covering argument and "
    "a bound for the number of balls that are needed. In the last section the constant is made explicit and compared with earlier work. "
)
GERMAN = (
    "Wir zeigen, dass jede beschränkte Folge von Maßen eine schwach konvergente Teilfolge besitzt. Der Beweis verwendet ein "
    "Überdeckungsargument und eine Schranke für die Anzahl der benötigten Kugeln. Im letzten Abschnitt wird die Konstante angegeben. "
)
FRENCH = (
    "Nous montrons que toute suite bornée de mesures possède une sous-suite faiblement convergente. La démonstration repose sur un "
    "argument de recouvrement et sur une majoration du nombre de boules nécessaires. La constante est enfin rendue explicite. "
)
FORMULAS = (
    r"\begin{equation} \int_{\Omega} \nabla u \cdot \nabla \varphi \, dx = \lambda \int_\Omega u \varphi \, dx \end{equation} $\sin\alpha$ "
)


@pytest.mark.parametrize("prose, language", [(ENGLISH, "en"), (GERMAN, "de"), (FRENCH, "fr")])
def test_languages(prose: str, language: str) -> None:
    description = describe(prose, CONFIG)
    assert description.language == language
    assert 0.9 < description.language_probability <= 1


def test_formulas_have_no_say_in_the_language() -> None:
    bare = describe(ENGLISH, CONFIG)
    drowned = describe(ENGLISH + "\n\n" + FORMULAS * 200, CONFIG)
    assert (drowned.language, drowned.num_words) == ("en", bare.num_words)
    assert drowned.language_probability > 0.9
    assert drowned.math_share > 0.95


def test_a_short_mathematical_paper_is_english() -> None:
    sentences = [
        "Let $X$ be a compact space and $f$ a map.",
        "Then $f(X)$ is compact.",
        "The converse fails: take $X = \\mathbb{R}$ [cite:3].",
        "We write $\\|f\\|_\\infty$ for the norm of $f$ and call $f$ tame if it is bounded on every ball (see [ref:2]).",
        "A tame map sends bounded sets to bounded sets, and the sum of two tame maps is tame.",
        "Whether $fg$ is tame when $f$ and $g$ are is not known.",
    ]
    description = describe("# Tame maps\n\n" + "\n\n".join(sentences), CONFIG)
    assert description.language == "en"
    assert description.language_probability > 0.5


def test_code_and_markers_are_no_prose() -> None:
    code = "```\n" + "wenn nicht dann sonst solange während\n" * 100 + "```\n"
    description = describe(ENGLISH + "\n\n" + code + "[cite:1] [ref:2]", CONFIG)
    assert (description.language, description.num_words) == ("en", describe(ENGLISH, CONFIG).num_words)


@pytest.mark.parametrize("text", ["", "   ", "12345 " * 100, "Too short to tell.", "$x$ " * 500, "# # # \\foo \\bar " * 100])
def test_too_little_prose_is_undetermined(text: str) -> None:
    description = describe(text, CONFIG)
    assert (description.language, description.language_probability) == (UNDETERMINED, 0.0)


def test_the_example_of_the_docstring() -> None:
    description = describe(r"Let $f\colon X\to Y$ be flat.", CONFIG)
    assert (description.language, description.num_words, description.math_share) == ("und", 3, 0.5517)
    assert "0.5517" in (sys.modules["preprocess.stages.describe"].__doc__ or "")


def test_hash_and_words() -> None:
    description = describe("Schrödinger's well-known équation, 3 times: x² $y$", CONFIG)
    assert description.num_words == 5
    assert description.text_sha256 == hashlib.sha256("Schrödinger's well-known équation, 3 times: x² $y$".encode()).hexdigest()


def test_an_abstract_in_another_language_does_not_decide_a_long_paper() -> None:
    assert describe(FRENCH * 4 + ENGLISH * 100, CONFIG).language == "en"


def test_the_sample_is_bounded_and_the_config_counts() -> None:
    assert identify_language(GERMAN * 5 + ENGLISH, DescribeConfig(language_sample_characters=400))[0] == "de"
    assert identify_language(ENGLISH, DescribeConfig(min_language_characters=10_000)) == (UNDETERMINED, 0.0)
    assert identify_language(GERMAN, DescribeConfig(candidate_languages=("en", "fr")))[0] in ("en", "fr")
    with pytest.raises(InputError, match="candidate_languages"):
        DescribeConfig(candidate_languages=())


def test_the_model_is_loaded_only_when_it_is_needed() -> None:
    code = (
        "from preprocess.stages import describe as d; from preprocess.config import DescribeConfig as C\n"
        "assert d.describe('short', C()).language == 'und'; assert d._identifier.cache_info().currsize == 0\n"
        f"d.describe({ENGLISH!r}, C()); d.describe({GERMAN!r}, C()); assert d._identifier.cache_info().misses == 1\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def quality(text: str) -> Quality:
    return describe(text, CONFIG).quality


SENTENCE = "We have to show that the bound is sharp and that it holds with the constant of the theorem."


@pytest.mark.parametrize(
    "measure, text, value",
    [
        # one tiny text for each measure, to be counted by eye
        ("prose_share", "abcde$xyz$", 0.5),
        ("prose_share", "```\nabc\n```\n", 0.0),
        ("control_words_per_kb", "\\foo ab$\\bar$ \\baz cd", 2000 / 16),
        ("control_words_per_kb", "A \\textbackslash{} and a \\$ are the grammar's own.", 0.0),
        ("alphabetic_word_share", "One two, 3 4.5 — $x$ x2", 0.6),
        ("mean_word_length", "(One) four, 12 $x$ «sept» .", 11 / 3),
        ("stop_word_share", "the norm of the map", 0.6),
        ("stop_word_share", "these offers android", 0.0),
        ("symbol_word_ratio", "# A title\n\none … two ... three #4 five", 0.5),
        ("bullet_line_share", "- one\n- two\n1. three\nfour", 0.5),
        ("ellipsis_line_share", "one …\ntwo...\nthree. Four\n\nfive.", 0.5),
        ("sentence_line_share", "# Title\n\nOne.\nTwo: “three.”\nfour,", 0.5),
        ("duplicate_line_share", "abcd\nabcd\n\nefgh\n\n  abcd", 0.5),
        ("duplicate_ngram_share", "a b c d e f g h i j", 0.0),
        ("duplicate_ngram_share", "a b c d e f g h i j x a b c $y$ d, e f g h i j", 0.0),
        ("duplicate_ngram_share", "a b c d e f g h i j x a b c $y$ , d e 5 f g h i j", 10 / 21),
        ("duplicate_ngram_share", "a b c d e f g h i j k a b c d e f g h i j k", 0.5),
        ("duplicate_ngram_share", "a " * 20, 19 / 20),
    ],
)
def test_measures_of_quality(measure: str, text: str, value: float) -> None:
    assert getattr(quality(text), measure) == pytest.approx(value, abs=5e-5)


def test_every_measure_has_a_case() -> None:
    cases = {case[0] for case in test_measures_of_quality.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert cases | {"math_share"} == set(QUALITY_MEASURES)


@pytest.mark.parametrize("text", ["", " \n", "$x$", "…", "12 345", "#", "| |\n| |\n", "\\", "```\na\n```"])
def test_nothing_to_measure_is_zero_and_no_error(text: str) -> None:
    for name, value in asdict(quality(text)).items():
        assert value >= 0, name
    assert quality(text).mean_word_length == 0


def test_good_prose_is_within_gophers_limits_and_bad_text_is_not() -> None:
    good = quality("\n\n".join(f"{SENTENCE} Case {number} differs." for number in range(3)))
    assert 3 <= good.mean_word_length <= 10
    assert good.alphabetic_word_share >= 0.8
    assert good.stop_word_share > 0.3
    assert good.sentence_line_share == 1
    table_of_numbers = quality("\n".join(f"{number} 0.{number} {number * 7}" for number in range(100)))
    assert table_of_numbers.alphabetic_word_share == 0
    stuck = quality(f"{SENTENCE}\n" * 50)
    assert stuck.duplicate_line_share == 0.98
    assert stuck.duplicate_ngram_share > 0.9
    markup = quality("\\vspace \\foo text \\bar more \\baz " * 10)
    assert markup.control_words_per_kb > 100
    glued = quality("pneumonoultramicroscopicsilicovolcanoconiosis hippopotomonstrosesquippedaliophobia")
    assert glued.mean_word_length > 10


def test_formulas_code_and_tables_have_no_say_in_the_quality() -> None:
    bare, drowned = quality(SENTENCE), quality(f"{SENTENCE}\n\n{FORMULAS * 20}\n\n```\n\\foo\n\\foo\n```\n\n1 | 2\n1 | 2\n\n")
    assert replace(drowned, prose_share=bare.prose_share) == bare
    assert bare.prose_share == 1
    assert drowned.prose_share < 0.05


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="ab \n$\\#-….1|[`", max_size=200))
def test_shares_are_shares_whatever_the_text(text: str) -> None:
    for name, value in asdict(quality(text)).items():
        assert 0 <= value <= (1 if name.endswith("share") else 2000), name


def plainly_measured(prose: str) -> dict[str, float]:
    """Words and repeated words, counted without numbers for words."""
    signs = string.punctuation + "“”‘’„«»…–—·•"
    tokens = [token.strip(signs) for token in prose.split()]
    words = [raw for raw, token in zip(prose.split(), tokens, strict=True) if re.search(r"[^\W\d_]", token)]
    seen: set[tuple[str, ...]] = set()
    repeated: set[int] = set()
    for start in range(len(words) - NGRAM_WORDS + 1):
        run = tuple(words[start : start + NGRAM_WORDS])
        if run in seen:
            repeated |= set(range(start, start + NGRAM_WORDS))
        seen.add(run)
    others = sum(1 for token in tokens if token and not re.search(r"[^\W\d_]", token))
    return {
        "num_words": len(words),
        "alphabetic_word_share": round(len(words) / (len(words) + others), 4) if words or others else 0,
        "duplicate_ngram_share": round(len(repeated) / len(words), 4) if words else 0,
    }


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(alphabet="ab1 \n\u00a0\u2003.,é’_\x00\x1c", max_size=300), st.text(max_size=100)))
def test_measures_are_those_of_a_plain_count(prose: str) -> None:
    num_words, measured = measure_quality(prose, 1.0)
    assert {"num_words": num_words, **{name: getattr(measured, name) for name in list(plainly_measured(""))[1:]}} == plainly_measured(prose)


def _seconds(text: str) -> float:
    started = time.process_time()
    describe(text, CONFIG)
    return time.process_time() - started


def test_the_time_is_linear_in_the_length() -> None:
    seconds = []
    for num_repeats in (200, 2000):
        text = f"{SENTENCE} " * num_repeats
        seconds.append(min(_seconds(text) for _ in range(3)))  # the least: what else the machine does only adds
    assert seconds[1] < 50 * seconds[0] + 0.5
