"""Cross-entropy: plain over logits that are there, and in chunks of tokens so that the whole logits never are."""

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from train.fused import add_product, losses_and_gradient, probe_add_product


def mean_over_tokens(per_token: Tensor, mask: Tensor) -> Tensor:
    """Mean of `per_token: [B, S]` (nats) over the tokens that `mask: [B, S]` (0 or 1) counts; scalar, float32.

    Micro-batches are averaged with equal weight, as are processes: every sample counts all its tokens, so this is the mean over the step.
    """
    return (per_token.float() * mask).sum() / mask.sum().clamp(min=1.0)


def _sum_over(value: Tensor, group: Any, operation: Any = torch.distributed.ReduceOp.SUM) -> Tensor:
    if group is not None and torch.distributed.get_world_size(group) > 1:
        torch.distributed.all_reduce(value, op=operation, group=group)
    return value


def _chunks(hidden: Tensor, weight: Tensor, labels: Tensor, chunk_tokens: int, group: Any) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """For each chunk of tokens its place, its losses `[C]`, and the losses' gradient by the logits `[C, V]`: softmax less one at the label.

    One float32 `[C, V]` is all that is held at a time; with a group `V` is this process's part of the vocabulary.
    """
    vocab = weight.shape[0]
    first = vocab * (torch.distributed.get_rank(group) if group is not None else 0)
    for start in range(0, hidden.shape[0], chunk_tokens):
        place = slice(start, start + chunk_tokens)
        logits = (hidden[place] @ weight.t()).float()
        own = labels[place] - first
        is_own = (own >= 0) & (own < vocab)
        own = own.clamp(0, vocab - 1).unsqueeze(1)
        logits -= _sum_over(logits.amax(1), group, torch.distributed.ReduceOp.MAX).unsqueeze(1)
        at_label = _sum_over(torch.where(is_own, logits.gather(1, own).squeeze(1), 0.0), group)
        total = _sum_over(logits.exp_().sum(1), group)
        losses = total.log() - at_label
        logits /= total.unsqueeze(1)
        logits.scatter_add_(1, own, -is_own.float().unsqueeze(1))
        yield place, losses, logits


def _scaled_chunks(
    hidden: Tensor, weight: Tensor, labels: Tensor, share: Tensor, chunk_tokens: int, group: Any
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """For each chunk its place, its losses `[C]`, and the gradient by the logits `[C, V]` times `share`, in the dtype of `hidden`."""
    if not hidden.is_cuda or group is not None:
        for place, losses, by_logits in _chunks(hidden, weight, labels, chunk_tokens, group):
            by_logits *= share[place].unsqueeze(1)
            yield place, losses, by_logits.to(hidden.dtype)
        return
    for start in range(0, hidden.shape[0], chunk_tokens):
        place = slice(start, start + chunk_tokens)
        yield place, *losses_and_gradient(hidden[place] @ weight.t(), labels[place], share[place])


_refusal_of_product = functools.cache(probe_add_product)


def _add_weight_gradient(total: Tensor, by_logits: Tensor, hidden: Tensor) -> None:
    """Adds `by_logitsᵀ hidden` to `total: [V, H]` float32."""
    if by_logits.dtype == torch.float32:
        total.addmm_(by_logits.t(), hidden)
    elif total.is_cuda and _refusal_of_product() is None:
        add_product(hidden, by_logits, total)
    else:
        total += by_logits.t() @ hidden


class _ChunkedMean(torch.autograd.Function):
    """Mean loss whose gradients are made on the way forward, while each chunk's logits are there; backward only scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, share: Tensor, chunk_tokens: int, group: Any) -> Tensor:
        needs_gradient = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.empty_like(hidden) if needs_gradient else None
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32) if needs_gradient else None
        for place, losses, by_logits in _scaled_chunks(hidden, weight, labels, share, chunk_tokens, group):
            loss += (losses * share[place]).sum()
            if hidden_gradient is None or weight_gradient is None:
                continue
            torch.mm(by_logits, weight, out=hidden_gradient[place])
            _add_weight_gradient(weight_gradient, by_logits, hidden[place])
        if hidden_gradient is not None and weight_gradient is not None:
            ctx.save_for_backward(hidden_gradient, weight_gradient.to(weight.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * gradients[0], weight_gradient * gradients[0].to(weight_gradient.dtype), None, None, None, None


def chunked_mean_loss(hidden: Tensor, weight: Tensor, labels: Tensor, mask: Tensor, chunk_tokens: int, group: Any = None) -> Tensor:
    """Mean cross-entropy (nats a token, float32 scalar) of `hidden @ weightᵀ` against `labels`, over the tokens that `mask` counts.

    `hidden: [N, H]`, `weight: [V, H]` (with `group` this process's rows of it), `labels: [N]` int64, `mask: [N]` 0 or 1. The gradient of
    `hidden` is this process's part of it: it has still to be summed over the group.
    """
    share = mask.float() / mask.sum().clamp(min=1.0)
    result: Tensor = _ChunkedMean.apply(hidden, weight, labels, share, chunk_tokens, group)
    return result


@torch.no_grad()
def per_token_losses(hidden: Tensor, weight: Tensor, labels: Tensor, chunk_tokens: int, group: Any = None) -> Tensor:
    """Cross-entropy of every token: `[N]` float32, shapes as in `chunked_mean_loss`."""
    out = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
    for place, losses, _ in _chunks(hidden, weight, labels, chunk_tokens, group):
        out[place] = losses
    return out
