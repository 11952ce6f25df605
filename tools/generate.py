"""Writes text with a checkpoint, in one process, on the GPU where there is one and on the CPU where not.

Greedy unless --temperature says otherwise; the same seed gives the same text. Every new token runs the model over the whole text again,
since no keys and values are kept: time grows with the square of the length. For long texts export the model and serve that.
"""

import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shards.cli import Parser, run
from shards.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is taken."""

    temperature: float = 0.0
    # logits are divided by it; 0: the likeliest token always
    top_k: int | None = None
    # only that many likeliest tokens; none: all
    top_p: float | None = None
    # only the fewest likeliest tokens that together have this probability; none: all
    seed: int = 0
    # of the draws

    def __post_init__(self) -> None:
        if not (self.temperature >= 0 and math.isfinite(self.temperature)):
            raise InputError(f"--temperature is {self.temperature}; a number from 0 is needed")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"--top-k is {self.top_k}; at least 1 is needed")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"--top-p is {self.top_p}; a share above 0 and up to 1 is needed")
        if self.temperature == 0 and (self.top_k is not None or self.top_p is not None):
            raise InputError(
                "--top-k and --top-p change nothing at --temperature 0, which always takes the likeliest token; give one above 0"
            )


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What the model wrote after a prompt. `is_ended`: it ended the document, by the last of the ids."""

    text: str
    ids: list[int]
    is_ended: bool


def probabilities(logits: "Tensor", sampling: Sampling) -> "Tensor":
    """`logits: [V] float32` → `[V] float32`, summing to 1; at temperature 0 the likeliest (of equals the first) has all of it."""
    import torch

    if sampling.temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), logits.shape[0]).float()
    # the largest logit is 0 first, so that a small temperature overflows nothing
    scaled = (logits - logits.max()) / sampling.temperature
    order = scaled.argsort(descending=True, stable=True)
    ranked = torch.softmax(scaled[order], dim=0)
    kept = torch.ones_like(ranked, dtype=torch.bool)
    if sampling.top_k is not None:
        kept[sampling.top_k :] = False
    if sampling.top_p is not None:
        kept &= ranked.cumsum(0) - ranked < sampling.top_p  # what stands before it has not enough yet
    ranked = torch.where(kept, ranked, 0.0)
    found = torch.zeros_like(ranked)
    found[order] = ranked / ranked.sum()
    return found


def generate_ids(
    model: Any,
    prompt: Sequence[int],
    *,
    max_new_tokens: int,
    num_pieces: int,
    end_id: int,
    sampling: Sampling,
    on_token: Callable[[int], None] = lambda _: None,
) -> list[int]:
    """The new ids after `prompt` (at least one id), ending with `end_id` where the model ends the document.

    `num_pieces`: ids from there on are the vocabulary's padding rows, which are never taken. `on_token` is told how many there are.
    """
    import torch

    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(sampling.seed)
    ids = list(prompt)
    with torch.inference_mode():
        while len(ids) - len(prompt) < max_new_tokens:
            tokens = torch.tensor([ids], device=device)
            positions = torch.arange(len(ids), device=device)[None]
            logits = model(tokens, positions, None)[0, -1, :num_pieces].float().cpu()
            if not bool(torch.isfinite(logits).all()):
                raise InputError("the model's logits are not finite: this checkpoint is broken; take an older one")
            chances = probabilities(logits, sampling)
            ids.append(int(chances.argmax() if sampling.temperature == 0 else torch.multinomial(chances, 1, generator=generator)))
            on_token(len(ids) - len(prompt))
            if ids[-1] == end_id:
                break
    return ids[len(prompt) :]


def generate(checkpoint: Path, prompt: str, *, max_new_tokens: int, sampling: Sampling) -> Generated:
    """What the model writes after `prompt`; an empty one begins a document.

    `checkpoint` is a run or one of its checkpoints. Raises `InputError` where prompt and new tokens exceed the model's positions.
    """
    from tools.export_hf import find_tokenizer
    from train.checkpoint import find_checkpoint, loaded_model, read_info, stored_config

    folder = find_checkpoint(checkpoint)
    shape = stored_config(folder).model
    tokenizer = find_tokenizer(folder, read_info(folder), shape.known_vocab_size)
    try:
        ids = tokenizer.encode(prompt) or [tokenizer.eod_id]  # in training a document begins after the end of another
    except ValueError as error:
        raise InputError(f"--prompt: {error}") from None
    positions = shape.max_position_embeddings or shape.seq_length
    if len(ids) + max_new_tokens > positions:
        raise InputError(
            f"the prompt's {len(ids)} tokens and --max-new-tokens {max_new_tokens} exceed the model's {positions} positions; give fewer"
        )
    reported = time.monotonic()

    def tell(num_tokens: int) -> None:
        nonlocal reported
        if time.monotonic() - reported > _SECONDS_BETWEEN_LINES:
            reported = time.monotonic()
            print(f"{num_tokens} of {max_new_tokens} tokens", file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        # advice of torch and megatron on their own insides, to a user who can do nothing about it
        warnings.filterwarnings("ignore", module=r"torch|megatron|train\.megatron_adapter")
        with loaded_model(folder) as (_, model):
            new = generate_ids(
                model,
                ids,
                max_new_tokens=max_new_tokens,
                num_pieces=tokenizer.num_pieces,
                end_id=tokenizer.eod_id,
                sampling=sampling,
                on_token=tell,
            )
    return Generated(text=tokenizer.decode(new), ids=new, is_ended=new[-1] == tokenizer.eod_id)


def main(arguments: Sequence[str] | None = None) -> int:
    """Generates as the command line says: prompt and text on stdout, a line of figures on stderr."""
    parser = Parser(prog="python -m tools.generate", description=__doc__ or "")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="DIR", help="a run (its newest checkpoint), or an iter_NNNNNNN folder"
    )
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="what the text begins with; empty: the beginning of a document")
    parser.add_argument(
        "--max-new-tokens", type=int, default=128, metavar="TOKENS", help="at the most; the model may end the document before"
    )
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0: the likeliest token always; 1: as the model has it")
    parser.add_argument("--top-k", type=int, metavar="TOKENS", help="draw from that many likeliest tokens")
    parser.add_argument("--top-p", type=float, metavar="SHARE", help="draw from the fewest tokens that together have this probability")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws")
    args = parser.parse_args(arguments)
    if args.max_new_tokens < 1:
        raise InputError(f"--max-new-tokens is {args.max_new_tokens}; at least 1 is needed")
    sampling = Sampling(temperature=args.temperature, top_k=args.top_k, top_p=args.top_p, seed=args.seed)
    started = time.monotonic()
    written = generate(args.checkpoint, args.prompt, max_new_tokens=args.max_new_tokens, sampling=sampling)
    print(args.prompt + written.text)
    end = ", the document ended" if written.is_ended else ""
    print(f"{len(written.ids)} tokens{end}, {time.monotonic() - started:.1f} s with loading", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run("generate", main)
