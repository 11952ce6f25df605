"""Perplexity and bits per byte of a checkpoint on token shards, domain by domain.

    python -m tools.perplexity --checkpoint RUN --data TOKENS [--split validation] [--max-tokens 1e6]

Tokens are scored as in training: in samples of the model's sequence length, each token with what stands before it in its sample. The last
tokens of a set, fewer than a sample, are not scored. Perplexities compare only where the tokenizer is the same; bits per byte always.
"""

import dataclasses
import math
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.cli import Parser, run
from shards.errors import InputError
from train.data import TokenSet, add_data_options, data_folder, open_token_shards
from train.metrics import bits_per_byte

PROG = "python -m tools.perplexity"
_SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one domain, or of all: mean loss in nats a token, over so many tokens that stand for so many bytes of text."""

    domain: str
    loss: float
    num_tokens: int
    num_bytes: float

    @property
    def perplexity(self) -> float:
        """exp of the loss, infinite where that is too large for a number."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def bits_per_byte(self) -> float:
        """The loss in bits a byte of text."""
        return bits_per_byte(self.loss, self.num_tokens, max(1, round(self.num_bytes)))


def together(scores: Sequence[Score]) -> Score:
    """All as one set, each token once."""
    num_tokens = sum(score.num_tokens for score in scores)
    loss = sum(score.loss * score.num_tokens for score in scores) / num_tokens
    return Score(domain="all", loss=loss, num_tokens=num_tokens, num_bytes=sum(score.num_bytes for score in scores))


def score_shards(checkpoint: Path, data: Path, *, split: str, max_tokens: int | None, micro_batch_size: int | None) -> list[Score]:
    """A score for every domain of `split` that has a sample; with `max_tokens` over about so many of each domain.

    Raises `InputError` for shards of another tokenizer, for a split that is not there, and where no domain has a whole sample.
    """
    from train.checkpoint import find_checkpoint, loaded_model, read_info

    folder = find_checkpoint(checkpoint)
    shards = open_token_shards(data)
    found = read_info(folder)["tokenizer_sha256"]
    if found != shards.tokenizer_sha256:
        raise InputError(
            f"{data}: was made with another tokenizer ({shards.tokenizer_sha256[:12]}) than {folder} was trained with ({found[:12]})"
        )
    sets = shards.of_split(split)
    if not sets:
        there = ", ".join(sorted({entry.split for entry in shards.sets}))
        raise InputError(f"--split is {split!r}; {data} has {there}")
    with warnings.catch_warnings():
        # advice of torch and megatron on their own insides, to a user who can do nothing about it
        warnings.filterwarnings("ignore", module=r"torch|megatron|train\.megatron_adapter")
        with loaded_model(folder) as (config, model), tempfile.TemporaryDirectory() as cache:
            training = dataclasses.replace(config.training, micro_batch_size=micro_batch_size or config.training.micro_batch_size)
            config = dataclasses.replace(config, training=training)
            scores = []
            for entry in sets:
                if entry.num_tokens <= config.model.seq_length:
                    print(f"{entry.domain}: {entry.num_tokens} tokens, less than one sample: left out", file=sys.stderr)
                    continue
                scores.append(_score(entry, model, config, max_tokens, eod=shards.eod, sha256=found, cache=Path(cache)))
    if not scores:
        raise InputError(f"{data}: no domain's {split} set has more than the model's sequence of {config.model.seq_length} tokens")
    return scores


def _score(entry: TokenSet, model: Any, config: Any, max_tokens: int | None, *, eod: int, sha256: str, cache: Path) -> Score:
    import torch

    from train import megatron_adapter as megatron
    from train.data import collate

    dataset = megatron.build_dataset(entry, config, eod=eod, tokenizer_sha256=sha256, cache=cache, is_training=False)
    num_samples, size = len(dataset), config.training.micro_batch_size
    if max_tokens is not None:
        num_samples = min(num_samples, max(1, max_tokens // config.model.seq_length))
    separating = eod if config.data.reset_attention_mask else None
    total = torch.zeros(2, dtype=torch.float64)
    reported = time.monotonic()
    for start in range(0, num_samples, size):
        samples = [dataset[number] for number in range(start, min(start + size, num_samples))]
        batch = collate(samples, megatron.device(), eod=separating)
        # the wrapper is for gradients, of which there are none
        losses = megatron.token_losses(types.SimpleNamespace(module=model, use_forward_hook=False), batch, config)
        mask = batch["loss_mask"].double()
        total += torch.stack([(losses.double() * mask).sum(), mask.sum()]).cpu()
        if time.monotonic() - reported > _SECONDS_BETWEEN_LINES:
            reported = time.monotonic()
            print(f"{entry.domain}: {start + len(samples):,} of {num_samples:,} samples", file=sys.stderr, flush=True)
    loss, num_tokens = float(total[0] / total[1]), int(total[1])
    return Score(domain=entry.domain, loss=loss, num_tokens=num_tokens, num_bytes=num_tokens * entry.text_bytes / entry.num_tokens)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line a domain, and one of all where there are several."""
    parser = Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="DIR", help="a run (its newest checkpoint), or an iter_NNNNNNN folder"
    )
    add_data_options(parser, "folder of token shards, made with the same tokenizer, or its URI on a store", required=True)
    parser.add_argument("--split", default="validation", metavar="NAME", help="of the shards: validation or train")
    parser.add_argument("--max-tokens", type=float, metavar="TOKENS", help="of each domain, at the most; without it all of them")
    parser.add_argument("--micro-batch-size", type=int, metavar="SAMPLES", help="at a time; without it as many as in training")
    args = parser.parse_args(arguments)
    for name in ("max_tokens", "micro_batch_size"):
        value = getattr(args, name)
        if value is not None and not 1 <= value < math.inf:
            raise InputError(f"--{name.replace('_', '-')} is {value}; at least 1 is needed")
    data = data_folder(args.data, args.data_cache, args.data_endpoint)
    max_tokens = None if args.max_tokens is None else int(args.max_tokens)
    scores = score_shards(args.checkpoint, data, split=args.split, max_tokens=max_tokens, micro_batch_size=args.micro_batch_size)
    if len(scores) > 1:
        scores.append(together(scores))
    print(f"{'domain':<16}{'tokens':>14}{'loss':>10}{'perplexity':>14}{'bits/byte':>12}")
    for score in scores:
        print(f"{score.domain:<16}{score.num_tokens:>14,}{score.loss:>10.4f}{score.perplexity:>14.4g}{score.bits_per_byte:>12.4f}")
    return 0


if __name__ == "__main__":
    run(PROG, main)
