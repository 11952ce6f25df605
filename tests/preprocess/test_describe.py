import hashlib
import subprocess
import sys

import pytest

from preprocess.config import DescribeConfig
from preprocess.stages.describe import UNDETERMINED, describe, identify_language
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
