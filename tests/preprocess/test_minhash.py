import random

import numpy as np
import pytest

from preprocess.config import MinHashConfig
from preprocess.shingles import jaccard, shingles
from preprocess.stages.minhash import NO_SHINGLE, minhash, sign

CONFIG = MinHashConfig()


def edited(words: list[str], share: float, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [f"new{draw.random()}" if draw.random() < share else word for word in words]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5])
def test_the_share_of_equal_places_estimates_the_similarity(share: float) -> None:
    config = MinHashConfig(num_bands=400)
    errors = []
    for seed in range(12):
        words = [f"word{number % 1500}x{seed}" for number in range(3000)]
        one, other = " ".join(words), " ".join(edited(words, share, seed))
        similarity = jaccard(shingles(one, 5), shingles(other, 5))
        estimate = float((minhash(one, config) == minhash(other, config)).mean())
        errors.append((estimate - similarity) / max(1e-9, (similarity * (1 - similarity) / config.num_hashes) ** 0.5))
        assert (share == 0.0) == (similarity == 1.0)
    # twelve estimates, in standard deviations of the binomial that they should follow
    assert abs(np.mean(errors)) < 4 / 12**0.5
    assert max(map(abs, errors)) < 5


def test_a_signature_does_not_depend_on_how_the_shingles_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"w{number}" for number in range(2000))
    whole = minhash(text, CONFIG)
    assert (whole.shape, whole.dtype) == ((125,), np.uint32)
    monkeypatch.setattr("preprocess.stages.minhash._SHINGLES_AT_ONCE", 7)
    assert (minhash(text, CONFIG) == whole).all()


def test_a_longer_signature_begins_with_the_shorter_one() -> None:
    found = shingles("a b c d e f g h", 3)
    assert (sign(found, 50)[:20] == sign(found, 20)).all()


def test_no_words_no_shingle() -> None:
    assert set(minhash(" \n", CONFIG).tolist()) == {NO_SHINGLE}
    assert NO_SHINGLE not in minhash("one", CONFIG)


def test_these_very_values_lie_in_every_output() -> None:
    assert minhash("one two three four five six", CONFIG)[:3].tolist() == [728217194, 432132514, 850691228]
