"""Token shards and a training run → where the corpus's text went after it: tokens, tokens in samples, tokens trained on.

Read from the manifests that `tools.tokenize_shards` and training write; a run's last `books` row is its own account.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.errors import InputError
from shards.manifest import read_manifest

TRAIN = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """One domain's and split's tokens, of which each document's end is one; `text_bytes` of UTF-8 are what they stand for."""

    domain: str
    split: str
    documents: int
    tokens: int
    text_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBooks:
    """What a training run says of the tokens of the training sets, by domain where it does.

    In the shards = in samples + in tails + in no sample, in samples = drawn at least once + unused, drawn = trained on + skipped.
    """

    in_shards: Mapping[str, int]
    in_no_sample: int
    in_samples: Mapping[str, int]
    in_tails: Mapping[str, int]
    unused: Mapping[str, int]
    drawn: Mapping[str, int]
    skipped: int
    trained_on: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStep:
    """A line of the waterfall in tokens. `kind`, `style` as those of `Step`; a `gain` is what comes back in: tokens that are seen again."""

    kind: str
    style: str
    label: str
    words: str
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBooks:
    """The way of the corpus's text into a model. `training` is None where no run was given."""

    sets: Sequence[TokenSet]
    vocab_size: int
    training: TrainingBooks | None

    @property
    def documents(self) -> int:
        """Of all sets."""
        return sum(entry.documents for entry in self.sets)

    @property
    def tokens(self) -> int:
        """Of all sets."""
        return sum(entry.tokens for entry in self.sets)

    @property
    def text_bytes(self) -> int:
        """Of all sets."""
        return sum(entry.text_bytes for entry in self.sets)


def read_token_books(tokens: Path, run: Path | None, corpus: Mapping[str, Any]) -> TokenBooks:
    """The books of a folder of token shards and of a run on them. Raises `InputError` where they are of another corpus, or of one another.

    `corpus` is what the books of the run that made the corpus say of it.
    """
    path = tokens / "manifest.json"
    manifest = read_manifest(path)
    try:
        sets = [
            TokenSet(
                domain=name.rpartition("/")[0],
                split=name.rpartition("/")[2],
                documents=entry["documents"],
                tokens=entry["tokens"],
                text_bytes=entry["text_bytes"],
            )
            for name, entry in sorted(manifest["sets"].items())
        ]
        made_from, vocab_size = manifest["corpus"]["fingerprint"], manifest["tokenizer"]["vocab_size"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is no manifest of token shards (no {error}); --tokens takes the folder of tools.tokenize_shards"
        ) from None
    if made_from != corpus["fingerprint"]:
        raise InputError(f"{tokens}: was made from another state of the corpus; run tools.tokenize_shards again, then the report")
    if sum(entry.documents for entry in sets) != corpus["num_kept"]:
        raise InputError(
            f"{path}: has {sum(entry.documents for entry in sets)} documents of {corpus['num_kept']} of the corpus; tokenise again"
        )
    training = None if run is None else _read_training(run, {entry.domain: entry.tokens for entry in sets if entry.split == TRAIN})
    return TokenBooks(sets=sets, vocab_size=vocab_size, training=training)


def _read_training(run: Path, in_shards: Mapping[str, int]) -> TrainingBooks:
    path = run / "metrics.jsonl"
    last: dict[str, Any] | None = None
    try:
        with open(path, "rb") as handle:
            for line in handle:
                if line.endswith(b"\n") and (row := json.loads(line))["kind"] == "books":
                    last = row
        if last is None:
            raise InputError(f"{path}: its books are not closed as yet; they are when the run ends, or stops on a SIGTERM")
        books = TrainingBooks(
            in_shards=_by_domain(last["tokens_in_shards"]),
            in_samples=_by_domain(last["tokens_in_samples"]),
            in_tails=_by_domain(last["tokens_in_tails"]),
            in_no_sample=sum(tokens for name, tokens in last["tokens_in_shards"].items() if name not in last["tokens_in_samples"]),
            unused=_by_domain({name: last["tokens_unused"][name] for name in last["tokens_in_samples"]}),
            drawn=_by_domain(last["tokens_drawn"]),
            skipped=last["tokens_skipped"],
            trained_on=last["tokens_trained_on"],
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); --run takes the folder of a training run") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not the log of a training run ({type(error).__name__}: {error})") from None
    if dict(books.in_shards) != dict(in_shards):
        raise InputError(f"{run}: was trained on other token shards than --tokens; give those that it was trained on")
    return books


def _by_domain(tokens: Mapping[str, int]) -> dict[str, int]:
    """Tokens by domain, where they may be by a domain's buckets of math share (`math@0.1-0.3`)."""
    found: dict[str, int] = {}
    for name, number in tokens.items():
        domain = name.partition("@")[0]
        found[domain] = found.get(domain, 0) + number
    return found


def token_steps(books: TokenBooks) -> list[TokenStep]:
    """The waterfall in tokens. Raises `InputError` where the books do not balance."""
    steps = [_step("start", "whole", "tokens of the corpus", "text and one end for each document", books.tokens)]
    held_out = dict.fromkeys(sorted({entry.split for entry in books.sets} - {TRAIN}), 0)
    for entry in books.sets:
        if entry.split in held_out:
            held_out[entry.split] += entry.tokens
    for split, tokens in held_out.items():
        steps.append(_step("loss", "held", split, "held out by hash of the id and never trained on", tokens))
    rest = books.tokens - sum(held_out.values())
    training = books.training
    if training is None:
        return [*steps, _step("end", "kept", "tokens to train on", "the training sets of the token shards", rest)]
    steps.append(_step("rest", "whole", "tokens to train on", "the training sets of the token shards", rest))
    in_samples, tails = sum(training.in_samples.values()), sum(training.in_tails.values())
    unused, drawn = sum(training.unused.values()), sum(training.drawn.values())
    again = drawn - (in_samples - unused)
    steps += [
        _step("loss", "left", "not in the blend", "domains of weight 0, or shorter than one sample", training.in_no_sample),
        _step("loss", "left", "tails", "the end of each domain, shorter than one sample", tails),
        _step("rest", "whole", "tokens in samples", "samples of whole length, each domain's once", in_samples),
        _step("loss", "left", "not drawn", "samples that no step of the run has taken", unused),
        _step("gain", "whole", "seen again", "samples that were drawn a second time and oftener, in later epochs", again),
        _step("loss", "gone", "skipped", "steps that were left out: not finite, or a spike", training.skipped),
        _step("end", "kept", "tokens trained on", "what the weights have seen, every time counted", training.trained_on),
    ]
    ends = sum(step.tokens * {"loss": 1, "end": 1, "gain": -1}.get(step.kind, 0) for step in steps)
    if ends != books.tokens or again < 0:
        raise InputError(f"the run's books do not balance: {books.tokens:,} tokens in the shards, {ends:,} accounted for; report this")
    return [step for step in steps if step.tokens or step.kind not in ("loss", "gain")]


def _step(kind: str, style: str, label: str, words: str, tokens: int) -> TokenStep:
    return TokenStep(kind=kind, style=style, label=label, words=words, tokens=tokens)
