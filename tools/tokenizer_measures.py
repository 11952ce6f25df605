r"""How a tokenizer treats scientific text: what it costs, by kind of region, and whether TeX's own units stay whole.

A *control sequence* is what TeX reads as one: a backslash with letters, or with one other ASCII character. It is *whole* where one token
stands for it and nothing else; *parted* where a token holds a part of it together with something outside (`{\` and `alpha`); *stable* where
it has the same ids wherever it stands.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from shards.grammar import regions
from tools.any_tokenizer import AnyTokenizer, Encoding, Ids

NUM_COMMANDS = 500
NUM_EXAMPLES = 12
PERCENTILES = (50, 90, 95, 99)
UNDER_TRAINED = 10  # occurrences in the texts counted

_SEQUENCE = re.compile(rb"\\(?:[A-Za-z]+|[\x20-\x40\x5b-\x60\x7b-\x7e])")
_NUMBER = re.compile(rb"[0-9]+")
_ENVIRONMENT = re.compile(rb"\\(begin|end)(\{[A-Za-z]+\*?\})")
WORD = re.compile(rb"[A-Za-z]{2,}")
_WHITESPACE = re.compile(r"\s+")


def commonest_sequences(texts: Iterable[str], number: int = NUM_COMMANDS) -> list[str]:
    """The control sequences that stand most often in texts, by count and name."""
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(_SEQUENCE.findall(text.encode()))
    return [name.decode() for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number]]


@dataclass(slots=True)
class _Spans:
    """Spans of a text against its tokens: `first` and `last` token of each `[N]`, and whether they begin and end with the span."""

    first: Ids
    last: Ids
    begins: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, encoding: Encoding, starts: Sequence[int], ends: Sequence[int]) -> "_Spans":
        edges = encoding.edges
        first = np.searchsorted(edges, starts, side="right") - 1
        last = np.searchsorted(edges, ends, side="left") - 1
        return cls(first, last, edges[first] == starts, edges[last + 1] == ends)


@dataclass(slots=True)
class Measures:
    """Sums over texts; `summary` makes the figures. `add` takes one paper."""

    tokenizer: AnyTokenizer
    documents: int = 0
    exact_documents: int = 0
    whitespace: list[int] = field(default_factory=lambda: [0, 0])  # runs that come back, runs
    characters: int = 0
    words: int = 0
    rare_tokens: int = 0
    bytes_by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)  # (domain, kind)
    tokens_by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)
    counts_of_ids: Counter[int] = field(default_factory=Counter)
    tokens_of_documents: list[int] = field(default_factory=list)
    tokens_of_words: Counter[int] = field(default_factory=Counter)
    sequences: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] = field(default_factory=Counter)
    parted: Counter[str] = field(default_factory=Counter)
    forms: defaultdict[str, Counter[tuple[int, ...]]] = field(default_factory=lambda: defaultdict(Counter))
    numbers: list[int] = field(default_factory=lambda: [0, 0, 0, 0])  # numbers, alone, digit by digit, digits
    number_tokens: int = 0
    environments: defaultdict[str, Counter[tuple[str, tuple[int, ...]]]] = field(default_factory=lambda: defaultdict(Counter))
    examples: defaultdict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    example_papers: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, paper: str, domain: str, text: str) -> None:
        """Takes a paper into all measures."""
        encoding = self.tokenizer.encode(text)
        content = text.encode()
        self.documents += 1
        self.characters += len(text)
        self.words += len(text.split())
        self.tokens_of_documents.append(len(encoding.ids))
        self.counts_of_ids.update(encoding.ids.tolist())
        self.rare_tokens += int(encoding.is_rare.sum())
        self._add_fidelity(paper, text, encoding)
        self._add_regions(domain, text, encoding)
        self._add_sequences(paper, content, encoding)
        self._add_numbers(content, encoding)
        self._add_environments(content, encoding)

    def _add_fidelity(self, paper: str, text: str, encoding: Encoding) -> None:
        decoded = self.tokenizer.decode(encoding.ids.tolist())
        self.exact_documents += decoded == text
        if decoded != text:
            place = next((at for at, (one, other) in enumerate(zip(text, decoded, strict=False)) if one != other), len(decoded))
            around = slice(max(0, place - 10), place + 10)
            key = (repr(text[around]), repr(decoded[around]))
            self.examples["changed"][key] += 1
            self.example_papers.setdefault(key, paper)
        runs = Counter(_WHITESPACE.findall(text))
        kept = runs if decoded == text else runs & Counter(_WHITESPACE.findall(decoded))
        self.whitespace[0] += kept.total()
        self.whitespace[1] += runs.total()

    def _add_regions(self, domain: str, text: str, encoding: Encoding) -> None:
        kinds, ends = [], []
        position = 0
        for kind, start, end in regions(text):
            num_bytes = len(text[start:end].encode())
            position += num_bytes
            kinds.append(kind)
            ends.append(position)
            self.bytes_by_kind[domain, kind] += num_bytes
            if kind == "prose":
                self._add_words(position - num_bytes, text[start:end].encode(), encoding)
        if not kinds:
            return
        region_of_token = np.minimum(np.searchsorted(ends, encoding.edges[:-1], side="right"), len(kinds) - 1)
        for region, count in zip(*np.unique(region_of_token, return_counts=True), strict=True):
            self.tokens_by_kind[domain, kinds[region]] += int(count)

    def _add_words(self, offset: int, prose: bytes, encoding: Encoding) -> None:
        found = [match.span() for match in WORD.finditer(prose)]
        if found:
            starts, ends = np.array(found).T + offset
            spans = _Spans.of(encoding, starts, ends)
            self.tokens_of_words.update((spans.last - spans.first + 1).tolist())

    def _add_sequences(self, paper: str, content: bytes, encoding: Encoding) -> None:
        found = list(_SEQUENCE.finditer(content))
        if not found:
            return
        spans = _Spans.of(encoding, [match.start() for match in found], [match.end() for match in found])
        is_one = spans.first == spans.last
        for number, match in enumerate(found):
            name = match.group().decode()
            first, last = int(spans.first[number]), int(spans.last[number])
            begins, ends = bool(spans.begins[number]), bool(spans.ends[number])
            self.sequences[name] += 1
            if begins and ends:
                self.forms[name][tuple(encoding.ids[first : last + 1].tolist())] += 1
                if is_one[number]:
                    self.whole[name] += 1
                    continue
                self._example("split", name, encoding, first, last, paper)
            elif not is_one[number]:  # a token that holds all of it and more does not part it
                self.parted[name] += 1
                self._example("parted", name, encoding, first, last, paper)
            else:
                self._example("joined", name, encoding, first, last, paper)

    def _example(self, kind: str, what: str, encoding: Encoding, first: int, last: int, paper: str) -> None:
        key = (what, " | ".join(self.tokenizer.piece(int(number)) for number in encoding.ids[first : last + 1]))
        self.examples[kind][key] += 1
        self.example_papers.setdefault(key, paper)

    def _add_numbers(self, content: bytes, encoding: Encoding) -> None:
        found = [match.span() for match in _NUMBER.finditer(content)]
        if not found:
            return
        starts, ends = np.array(found).T
        spans = _Spans.of(encoding, starts, ends)
        num_tokens = spans.last - spans.first + 1
        are_alone = spans.begins & spans.ends
        self.numbers[0] += len(found)
        self.numbers[1] += int(are_alone.sum())
        self.numbers[2] += int((are_alone & (num_tokens == ends - starts)).sum())
        self.numbers[3] += int((ends - starts).sum())
        self.number_tokens += int(num_tokens.sum())

    def _add_environments(self, content: bytes, encoding: Encoding) -> None:
        found = list(_ENVIRONMENT.finditer(content))
        if not found:
            return
        spans = _Spans.of(encoding, [match.start(2) for match in found], [match.end(2) for match in found])
        for number, match in enumerate(found):
            is_apart = spans.begins[number] and spans.ends[number]
            ids = encoding.ids[int(spans.first[number]) : int(spans.last[number]) + 1].tolist()
            form = tuple(ids) if is_apart else (-1, *ids)
            self.environments[match.group(2).decode()][match.group(1).decode(), form] += 1

    # figures

    def summary(self, *, commonest: Sequence[str], counts_of_rows: Mapping[int, int], num_rows: int, with_examples: bool) -> dict[str, Any]:
        """The figures, as JSON takes them. `commonest`: control sequences to look at one by one, those that do not occur are passed over;
        `counts_of_rows`: how often each id is used in the texts that stand for training.
        """
        num_tokens = sum(self.tokens_of_documents)
        num_bytes = self.bytes_by_kind.total()
        figures: dict[str, Any] = {
            "make": self.tokenizer.kind,
            "pieces": self.tokenizer.num_pieces,
            "documents": self.documents,
            "bytes": num_bytes,
            "tokens": num_tokens,
            "bytes_per_token": ratio(num_bytes, num_tokens),
            "bytes_per_token_by_kind": self._per_token(1),
            "bytes_per_token_by_domain": self._per_token(0),
            "bytes_per_token_math": self._math_per_token(),
            "control_sequences": self._sequence_figures([name for name in commonest if self.sequences[name]]),
            "environments": self._environment_figures(),
            "numbers": {
                "count": self.numbers[0],
                "tokens_apart_from_the_rest": ratio(self.numbers[1], self.numbers[0]),
                "digit_by_digit": ratio(self.numbers[2], self.numbers[0]),
                "tokens_per_digit": ratio(self.number_tokens, self.numbers[3]),
            },
            "fidelity": {
                "documents_that_come_back": ratio(self.exact_documents, self.documents),
                "whitespace_runs_that_come_back": ratio(*self.whitespace),
            },
            "byte_fallback_share": ratio(self.rare_tokens, num_tokens),
            "fertility": {
                "tokens_per_blank_parted_word": ratio(num_tokens, self.words),
                "tokens_per_character": ratio(num_tokens, self.characters),
                "tokens_per_prose_word": _of_counter(self.tokens_of_words),
                "tokens_per_document": _of_values(np.array(self.tokens_of_documents or [0])),
            },
            "rows": _row_figures(counts_of_rows, self.tokenizer.num_pieces, num_rows),
        }
        if with_examples:
            figures["worst"] = {kind: self._worst(kind) for kind in ("parted", "split", "joined", "changed")}
        return figures

    def _per_token(self, place: int) -> dict[str, float | None]:
        num_bytes: Counter[str] = Counter()
        num_tokens: Counter[str] = Counter()
        for key, count in self.bytes_by_kind.items():
            num_bytes[key[place]] += count
            num_tokens[key[place]] += self.tokens_by_kind[key]
        return {name: ratio(count, num_tokens[name]) for name, count in sorted(num_bytes.items())}

    def _math_per_token(self) -> float | None:
        def total(counts: Counter[tuple[str, str]]) -> int:
            return sum(count for (_, kind), count in counts.items() if kind in ("inline_math", "display_math"))

        return ratio(total(self.bytes_by_kind), total(self.tokens_by_kind))

    def _sequence_figures(self, commonest: Sequence[str]) -> dict[str, Any]:
        total = self.sequences.total()
        always_whole = [name for name in commonest if self.whole[name] == self.sequences[name]]
        stable = [name for name in commonest if len(self.forms[name]) == 1 and self.forms[name].total() == self.sequences[name]]
        num_stable = sum(max(forms.values(), default=0) for forms in self.forms.values())
        return {
            "count": total,
            "distinct": len(self.sequences),
            "whole": ratio(self.whole.total(), total),
            "commonest_form": ratio(num_stable, total),
            "parted_per_100000": ratio(100_000 * self.parted.total(), total),
            "commonest": len(commonest),
            "commonest_always_whole": ratio(len(always_whole), len(commonest)),
            "commonest_always_stable": ratio(len(stable), len(commonest)),
            "commonest_whole_and_stable": ratio(len(set(always_whole) & set(stable)), len(commonest)),
            "tokens_per_sequence": self._tokens_per_sequence(),
        }

    def _tokens_per_sequence(self) -> float | None:
        tokens = sum(len(form) * count for forms in self.forms.values() for form, count in forms.items())
        return ratio(tokens, sum(forms.total() for forms in self.forms.values()))

    def _environment_figures(self) -> dict[str, Any]:
        both = {name: forms for name, forms in self.environments.items() if {side for side, _ in forms} == {"begin", "end"}}
        agreeing = [name for name, forms in both.items() if len({form for _, form in forms}) == 1 and next(iter(forms))[1][:1] != (-1,)]
        return {"distinct": len(both), "begin_and_end_agree": ratio(len(agreeing), len(both))}

    def _worst(self, kind: str) -> list[dict[str, Any]]:
        commonest = sorted(self.examples[kind].items(), key=lambda item: (-item[1], item[0]))[:NUM_EXAMPLES]
        return [{"what": key[0], "tokens": key[1], "count": count, "first_in": self.example_papers[key]} for key, count in commonest]


def _row_figures(counts: Mapping[int, int], num_pieces: int, num_rows: int) -> dict[str, Any]:
    """Rows of the embedding that nothing trains, or next to nothing."""
    used = sum(1 for number, count in counts.items() if count and number < num_rows)
    rarely = sum(1 for number, count in counts.items() if 0 < count < UNDER_TRAINED and number < num_rows)
    return {
        "rows": num_rows,
        "without_a_piece": max(0, num_rows - num_pieces),
        "never_used": num_rows - used,
        "never_used_share": ratio(num_rows - used, num_rows),
        f"used_less_than_{UNDER_TRAINED}_times": rarely,
        "ids_past_the_last_row": sum(count for number, count in counts.items() if number >= num_rows),
        "tokens_counted": sum(counts.values()),
    }


def _of_counter(counts: Counter[int]) -> dict[str, float]:
    values = np.array(sorted(counts), dtype=np.int64)
    if not len(values):
        return {}
    return _of_values(np.repeat(values, [counts[int(value)] for value in values]))


def _of_values(values: npt.NDArray[np.int64]) -> dict[str, float]:
    figures = {"mean": round(float(values.mean()), 4), "deviation": round(float(values.std()), 4)}
    figures |= {"least": float(values.min()), "most": float(values.max())}
    return figures | {f"p{percentile}": float(np.percentile(values, percentile)) for percentile in PERCENTILES}


def ratio(part: float, whole: float) -> float | None:
    """Six digits after the point; None where there is nothing to divide by."""
    return round(part / whole, 6) if whole else None
