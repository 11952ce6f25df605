r"""How a tokenizer treats texts made for the purpose: control sequences in every context, related words, texts at the edge.

What stands in papers shows a control sequence in a few contexts, and many of the commonest in none: here each is put between everything
that TeX lets stand beside it. Related words and edge cases are TokenizerBench's measures (github.com/kitefishai/TokenizerBench), on words
of the corpus and on texts of our own.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shards.grammar import regions
from tools.any_tokenizer import AnyTokenizer, Encoding
from tools.tokenizer_measures import WORD, ratio

# What stands before and after a control sequence. No letter after it: a letter would belong to a control word's name
BEFORE = ("", " ", "$", "{", "x", "_", "}^", "1", "\n", "(", ",", "=", "\\\\", "\\,", "\\beta")
AFTER = ("", " ", " x", "{", "}", "_{", "^", "1", "\n", ",", ")", "$", "=", "\\\\", "\\beta")

NUM_FAMILIES = 200
MIN_FAMILY_WORDS = 4
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "ers", "ly", "able", "ion", "ions", "al", "ity", "ive", "ness", "less", "ment")
_MIN_STEM_LETTERS = 4

NUM_REPEATS = 1000
_REPEATED = "token test "
EDGE_TEXTS = {
    "emoji": "It converges \U0001f389, then it does not \U0001f914\U0001f3fd\u200d\U0001f52c.",
    "several scripts in one line": "Let α ∈ Ж, 世界 and مرحبا be given.",
    "a formula in Unicode": "E = mc², ∫₀¹ x² dx = ⅓, ∀ε > 0 ∃δ > 0",
    "letters that look alike": "\u0441\u0430f\u0435 p\u0430per",
    "combining accents": "Poincare\u0301, Erdo\u030bs, na\u0131\u0308ve",
    "spaces of many kinds": "a\u00a0b\u2003c\u200bd\u3000e \u2581 f",
    "control characters": "a\x00b\x07c\x1bd\ufeffe\r\nf",
    "an address": "https://example.org/a/very/long/path?first=1&second=two#section-3.1",
    "code": "def area(r: float) -> float:\n    return math.pi * r**2  # of a disc\n",
    "a word without blanks": "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
    "English": "Every group of prime order is cyclic.",
    "French": "Tout groupe d'ordre premier est cyclique.",
    "German": "Jede Gruppe von Primzahlordnung ist zyklisch.",
    "Spanish": "Todo grupo de orden primo es cíclico.",
    "Russian": "Группа простого порядка циклична.",
    "Chinese": "每个素数阶群都是循环群。",
    "Japanese": "素数位数の群は巡回群である。",
    "Hebrew": "כל חבורה מסדר ראשוני היא ציקלית.",
    "one word 1,000 times": _REPEATED * NUM_REPEATS,
}


def probe(tokenizer: AnyTokenizer, commonest: Sequence[str], families: Sequence[Sequence[str]], *, with_names: bool) -> dict[str, Any]:
    """The figures. `commonest`: control sequences; `families`: related words (`word_families`); `with_names`: those that fail by name."""
    return {
        "contexts": context_figures(tokenizer, commonest, with_names=with_names),
        "word_families": family_figures(tokenizer, families),
        "edge_cases": edge_figures(tokenizer),
    }


def context_figures(tokenizer: AnyTokenizer, names: Sequence[str], *, with_names: bool = True) -> dict[str, Any]:
    """Of control sequences, each in every context: the share that is always one token, always the same ids, and both.

    An occurrence counts as *parted* where a token holds a part of the name and something outside of it.
    """
    whole, stable = set(), set()
    num_parted = 0
    contexts = list(itertools.product(BEFORE, AFTER))
    for name in names:
        forms: Counter[tuple[int, ...] | None] = Counter()
        is_whole = True
        for before, after in contexts:
            ids, is_parted = _ids_of_span(tokenizer.encode(before + name + after), len(before.encode()), len(name.encode()))
            forms[ids] += 1
            is_whole &= ids is not None and len(ids) == 1
            num_parted += is_parted
        if is_whole:
            whole.add(name)
        if len(forms) == 1 and None not in forms:
            stable.add(name)
    figures: dict[str, Any] = {
        "control_sequences": len(names),
        "contexts_of_each": len(contexts),
        "always_whole": ratio(len(whole), len(names)),
        "always_stable": ratio(len(stable), len(names)),
        "whole_and_stable": ratio(len(whole & stable), len(names)),
        "parted_per_100000": ratio(100_000 * num_parted, len(names) * len(contexts)),
    }
    if with_names:
        figures["not_whole_and_stable"] = [name for name in names if name not in whole & stable]
    return figures


def _ids_of_span(encoding: Encoding, start: int, length: int) -> tuple[tuple[int, ...] | None, bool]:
    """The ids of the tokens that spell exactly these bytes, None where other bytes are in them too; and whether one parts them."""
    end, edges = start + length, encoding.edges
    if edges[-1] < end:
        return None, False
    first = int(np.searchsorted(edges, start, side="right")) - 1
    last = int(np.searchsorted(edges, end, side="left")) - 1
    if edges[first] == start and edges[last + 1] == end:
        return tuple(encoding.ids[first : last + 1].tolist()), False
    return None, first != last


def word_families(texts: Iterable[str]) -> list[list[str]]:
    """Words of prose that differ in their endings, as `compute`, `computed`, `computes`; the commonest families of four words or more."""
    counts: Counter[str] = Counter()
    for text in texts:
        for kind, start, end in regions(text):
            if kind == "prose":
                counts.update(found.decode() for found in WORD.findall(text[start:end].encode()))
    counts = Counter({word: count for word, count in counts.items() if word.islower()})
    families = []
    for stem in sorted(counts):
        if len(stem) < _MIN_STEM_LETTERS or any(stem.endswith(ending) and stem.removesuffix(ending) in counts for ending in _ENDINGS):
            continue
        family = [stem, *(stem + ending for ending in _ENDINGS if stem + ending in counts)]
        if len(family) >= MIN_FAMILY_WORDS:
            families.append(family)
    return sorted(families, key=lambda family: (-sum(counts[word] for word in family), family))[:NUM_FAMILIES]


def family_figures(tokenizer: AnyTokenizer, families: Sequence[Sequence[str]]) -> dict[str, Any]:
    """How alike related words are cut, each with the space before it: TokenizerBench's subword consistency, 1 / (1 + standard deviation of
    a family's numbers of tokens), and the share of families whose words begin with one and the same token.
    """
    scores, num_tokens, num_shared = [], 0, 0
    for family in families:
        ids = [tokenizer.encode(f" {word}").ids.tolist() for word in family]
        lengths = [len(found) for found in ids]
        scores.append(1 / (1 + float(np.std(lengths))))
        num_tokens += sum(lengths)
        num_shared += len({found[0] if found else -1 for found in ids}) == 1
    return {
        "families": len(families),
        "consistency": round(sum(scores) / len(scores), 6) if scores else None,
        "tokens_per_word": ratio(num_tokens, sum(map(len, families))),
        "first_token_is_shared": ratio(num_shared, len(families)),
    }


def edge_figures(tokenizer: AnyTokenizer) -> dict[str, Any]:
    """Characters a token of each edge case, which of them come back, and whether a long text costs as much a word as a short one."""
    tokens: dict[str, int] = {}
    returned = []
    for name, text in EDGE_TEXTS.items():
        ids = tokenizer.encode(text).ids.tolist()
        tokens[name] = len(ids)
        if tokenizer.decode(ids) == text:
            returned.append(name)
    short = len(tokenizer.encode(_REPEATED * 10).ids)
    return {
        "come_back": ratio(len(returned), len(EDGE_TEXTS)),
        "changed": [name for name in EDGE_TEXTS if name not in returned],
        "characters_per_token": {name: ratio(len(EDGE_TEXTS[name]), number) for name, number in tokens.items()},
        "tokens_of_1000_repeats_over_those_of_10": ratio(tokens["one word 1,000 times"] / (NUM_REPEATS / 10), short),
    }


def failures(figures: Mapping[str, Any]) -> list[str]:
    """The control sequences that are not one token, the same in every context, where the figures name them."""
    found: list[str] = figures["contexts"].get("not_whole_and_stable", [])
    return found
