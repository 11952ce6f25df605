"""Stops before a step that cannot be right is applied."""

import math
from typing import Any

import torch
from torch import Tensor

from shards.errors import InputError


def require_finite(iteration: int, loss: float, wrapped: Any) -> None:
    """Raises `InputError` where loss or gradients are NaN or infinite; every process sees the same, before the optimizer steps."""
    is_bad = torch.zeros(1)
    if not math.isfinite(loss):
        is_bad += 1
    elif not all(bool(torch.isfinite(buffer.grad_data.abs().max())) for buffer in _buffers(wrapped)):
        is_bad += 2
    worst = _maximum(is_bad)
    if worst:
        what = "the loss is not finite" if worst == 1 else "gradients are not finite"
        raise InputError(
            f"step {iteration}: {what} (loss {loss}); nothing was applied. Go on from the last checkpoint with a lower --lr or a larger "
            f"--lr-warmup-iters, or look at the data of this step"
        )


def _buffers(wrapped: Any) -> list[Any]:
    return [*wrapped.buffers, *wrapped.expert_parallel_buffers]


def _maximum(value: Tensor) -> int:
    if torch.distributed.get_backend() == "nccl":
        value = value.cuda()
    torch.distributed.all_reduce(value, op=torch.distributed.ReduceOp.MAX)
    return int(value.item())
