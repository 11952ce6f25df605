"""Losses."""

from torch import Tensor


def mean_over_tokens(per_token: Tensor, mask: Tensor) -> Tensor:
    """Mean of `per_token: [B, S]` (nats) over the tokens that `mask: [B, S]` (0 or 1) counts; scalar, float32."""
    return (per_token.float() * mask).sum() / mask.sum().clamp(min=1.0)
