import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.shingles import jaccard, run_hashes, shingles, word_hashes

ROOT = Path(__file__).resolve().parents[2]
TEXTS = st.text(alphabet="abAB é1_.,\n", max_size=60)


def word_runs(text: str, num_words: int) -> list[tuple[str, ...]]:
    """The same without hashes."""
    words = "".join(character if character.isalnum() or character == "_" else " " for character in text.lower()).split()
    return [tuple(words[start : start + num_words]) for start in range(len(words) - num_words + 1)]


SIGNS = "aABß é1_.,\nİΣςσ'’–“K\u0301\x00\ud800中٣𝔸"


@given(st.one_of(st.text(alphabet=SIGNS, max_size=60), st.text(max_size=60)))
def test_a_words_hash_is_the_digest_of_its_lower_case(text: str) -> None:
    words = re.findall(r"\w+", re.sub(r"\[(cite|ref):[0-9]+\]", r"[\1]", text).lower())
    digests = [hashlib.blake2b(word.encode(), digest_size=8).digest() for word in words]
    assert word_hashes(text).tolist() == [int.from_bytes(digest, "little") for digest in digests]


@given(TEXTS, st.integers(1, 6))
def test_equal_runs_have_equal_hashes_and_others_have_others(text: str, num_words: int) -> None:
    runs = word_runs(text, num_words)
    hashes = run_hashes(word_hashes(text), num_words).tolist()
    assert len(hashes) == len(runs)
    assert len(set(zip(runs, hashes, strict=True))) == len(set(runs)) == len(set(hashes))


@given(TEXTS, TEXTS, st.integers(1, 3))
def test_jaccard_is_that_of_the_sets(one: str, other: str, num_words: int) -> None:
    first, second = shingles(one, num_words), shingles(other, num_words)
    sets = [set(values.tolist()) for values in (first, second)]
    union = sets[0] | sets[1]
    assert jaccard(first, second) == jaccard(second, first) == (len(sets[0] & sets[1]) / len(union) if union else 0.0)


def test_what_a_word_is() -> None:
    assert len(word_hashes("Let $x_1 \\in \\mathbb{R}$ be; don't")) == 8  # let x_1 in mathbb r be don t
    assert (word_hashes("Ébauche DE Galois") == word_hashes("ébauche, de (galois)")).all()
    assert len(word_hashes(" .,;\n")) == 0


def test_numbers_of_citations_are_no_words() -> None:
    assert (shingles("as in [cite:1] and [ref:2] we see", 3) == shingles("as in [cite:12] and [ref:77] we see", 3)).all()
    assert jaccard(shingles("a b 1 c", 2), shingles("a b 2 c", 2)) < 1


def test_texts_of_few_words() -> None:
    assert len(shingles("", 5)) == 0
    assert len(shingles("one two", 5)) == 1
    assert jaccard(shingles("one two", 5), shingles("two one", 5)) == 0
    assert jaccard(shingles("", 5), shingles("", 5)) == 0
    assert len(run_hashes(word_hashes("one two"), 5)) == 0


def test_order_and_repetition() -> None:
    assert len(shingles("a a a a a a", 2)) == 1
    assert jaccard(shingles("a b c d", 2), shingles("d c b a", 2)) == 0
    found = shingles("the quick brown fox jumps over the lazy dog", 2)
    assert (np.diff(found.astype(np.float64)) > 0).all()


def test_hashes_are_the_same_in_every_process() -> None:
    code = "from preprocess.shingles import shingles; print(shingles('one two three four five six', 5).tolist())"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{shingles('one two three four five six', 5).tolist()}\n"}
    # these very values lie in every output that was ever written
    assert shingles("one two three four five", 5).tolist() == [8509433043574587124]


@pytest.mark.parametrize("num_words", [1, 5, 13])
def test_hashes_of_many_runs_are_distinct(num_words: int) -> None:
    text = " ".join(f"w{number * number % 9973}" for number in range(20_000))
    assert len(shingles(text, num_words)) == len(set(word_runs(text, num_words)))
