import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.words import distinct_words

WORDS = st.binary(min_size=1, max_size=40).filter(lambda word: b" " not in word and b"\x00" not in word)


@given(
    st.lists(st.one_of(WORDS, st.sampled_from([b"a", b"ab", b"abcdefgh", b"abcdefghi", b"x" * 255, b"x" * 256, b"x" * 257, b"x" * 600])))
)
def test_the_numbers_give_the_words_again(words: list[bytes]) -> None:
    found, numbers = distinct_words(b" ".join(words))
    assert sorted(found) == sorted(set(words))
    assert [found[number] for number in numbers.tolist()] == words


def test_blanks_alone_hold_no_word() -> None:
    for content in (b"", b" ", b"   "):
        found, numbers = distinct_words(content)
        assert (found, len(numbers)) == ([], 0)
    assert distinct_words(b"  one   one ")[0] == [b"one"]


def test_long_words_are_told_apart_by_their_last_byte_and_their_middle() -> None:
    words = [b"y" * 1000 + bytes([end]) for end in range(97, 123)] + [b"y" * middle + b"z" + b"y" * (299 - middle) for middle in range(300)]
    assert len(distinct_words(b" ".join(words))[0]) == 26 + 300


@pytest.mark.parametrize("content", [b"x" * 2_000_000, b"x " * 1_000_000, (b"x" * 300 + b" ") * 6_000, b" " * 2_000_000])
def test_the_time_is_linear_in_the_length(content: bytes) -> None:
    started = time.process_time()
    distinct_words(content)
    assert time.process_time() - started < 1
