"""Figures on texts made for the purpose, counted by hand with a tokenizer that can be followed by eye."""

import re
from collections.abc import Sequence

import numpy as np
import pytest

from tools.any_tokenizer import Encoding, SentencePieceModel
from tools.tokenizer import LatexTokenizer
from tools.tokenizer_probes import AFTER, BEFORE, EDGE_TEXTS, context_figures, edge_figures, failures, family_figures, probe, word_families


class Spelled:
    """A token for each match of a pattern and each character between; upper case is lost on the way back."""

    kind, num_pieces, num_rows = "by hand", 1000, 1000

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(f"{pattern}|.", re.DOTALL)
        self._pieces: list[str] = []

    def encode(self, text: str) -> Encoding:
        found = self._pattern.findall(text)
        self._pieces += [piece for piece in dict.fromkeys(found) if piece not in self._pieces]
        edges = np.cumsum([0, *(len(piece.encode()) for piece in found)])
        return Encoding(np.array([self._pieces.index(piece) for piece in found], dtype=np.int64), edges, np.zeros(len(found), dtype=bool))

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self._pieces[number] for number in ids).lower()

    def piece(self, number: int) -> str:
        return self._pieces[number]


def test_control_sequences_in_every_context() -> None:
    figures = context_figures(Spelled(r"\\alpha|\{\\in"), ["\\alpha", "\\in", "\\to"])
    num_contexts = len(BEFORE) * len(AFTER)
    assert (figures["control_sequences"], figures["contexts_of_each"]) == (3, num_contexts)
    assert figures["always_whole"] == round(1 / 3, 6)  # \to is three tokens, \in one with the brace before it
    assert figures["always_stable"] == round(2 / 3, 6)
    assert figures["whole_and_stable"] == round(1 / 3, 6)
    assert figures["parted_per_100000"] == 0  # one token holds all of \in and a brace: it parts nothing
    assert figures["not_whole_and_stable"] == ["\\in", "\\to"]
    cut = context_figures(Spelled(r"\{\\i|n"), ["\\in"])
    assert cut["parted_per_100000"] == round(100_000 / len(BEFORE), 6)
    assert "not_whole_and_stable" not in context_figures(Spelled("x"), ["\\in"], with_names=False)
    assert context_figures(Spelled("x"), [])["whole_and_stable"] is None


def test_contexts_are_texs() -> None:
    for before, after in [(before, after) for before in BEFORE for after in AFTER]:
        found = re.findall(r"\\(?:[A-Za-z]+|[^A-Za-z])", f"{before}\\in{after}")
        assert "\\in" in found, (before, after)
    assert len(set(BEFORE)) * len(set(AFTER)) >= 200


def test_ours_is_stable_everywhere(tokenizer: LatexTokenizer) -> None:
    ours = SentencePieceModel(tokenizer.model, "ours")
    figures = probe(ours, ["\\alpha", "\\int", "\\in", "\\\\", "\\,", "\\ ", "\\neverseen"], [["the", "them"]], with_names=True)
    assert figures["contexts"]["always_stable"] == 1.0
    assert figures["contexts"]["parted_per_100000"] == 0
    assert failures(figures) == ["\\neverseen"]
    assert figures["edge_cases"]["come_back"] == 1.0
    assert figures["edge_cases"]["tokens_of_1000_repeats_over_those_of_10"] == pytest.approx(1, abs=0.2)


def test_families_are_words_that_differ_in_their_endings() -> None:
    text = "compute computes computed computing $boils$ boil boils boiled Point points point pointed pointing pointer. cat cats catly"
    assert word_families([text]) == [
        ["point", "points", "pointed", "pointing", "pointer"],
    ]
    assert word_families(["group groups grouped grouping " * 2 + text])[0] == ["group", "groups", "grouped", "grouping"]
    assert word_families([]) == []


def test_how_alike_a_family_is_cut() -> None:
    # ` ab` is 1 token and ` abs` 2: deviation 1/2; ` cd` and ` cde` are 3 and 4 characters
    figures = family_figures(Spelled(" ab"), [["ab", "abs"], ["cd", "cde"]])
    assert figures == {
        "families": 2,
        "consistency": round(1 / 1.5, 6),
        "tokens_per_word": 10 / 4,
        "first_token_is_shared": 1.0,
    }
    assert family_figures(Spelled("x"), [])["consistency"] is None


def test_edge_cases_that_do_not_come_back_are_named() -> None:
    figures = edge_figures(Spelled("token"))
    assert "English" in figures["changed"]
    assert "Chinese" not in figures["changed"]
    assert figures["come_back"] == round(1 - len(figures["changed"]) / len(EDGE_TEXTS), 6)
    assert figures["characters_per_token"]["Chinese"] == 1.0
    assert figures["tokens_of_1000_repeats_over_those_of_10"] == 1.0
