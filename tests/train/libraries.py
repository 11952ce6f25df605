"""Stands in for Transformer Engine and Apex: modules of the same names with classes of the same signatures, by plain formulas."""

import math
from types import SimpleNamespace
from typing import Any

import torch


def plain_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Loops over samples and heads; query head h reads group h * groups // heads."""
    length, batch, heads, size = query.shape
    groups = key.shape[2]
    out = torch.zeros(length, batch, heads, size, dtype=torch.float64)
    hidden = torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)
    for sample in range(batch):
        for head in range(heads):
            group = head * groups // heads
            scores = query[:, sample, head].double() @ key[:, sample, group].double().T * scale
            out[:, sample, head] = scores.masked_fill(hidden, -math.inf).softmax(-1) @ value[:, sample, group].double()
    return out.reshape(length, batch, -1)


class LibraryRMSNorm(torch.nn.Module):
    """Stands in for both libraries' RMSNorm: their common arguments, their result."""

    def __init__(self, normalized_shape: int, eps: float = 1e-5, params_dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.eps = eps
        self.weight = torch.nn.Parameter(torch.ones(normalized_shape, dtype=params_dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class LibraryAttention(torch.nn.Module):
    """Stands in for Transformer Engine's DotProductAttention: its arguments, its layouts, its result."""

    def __init__(
        self,
        num_attention_heads: int,
        kv_channels: int,
        num_gqa_groups: int | None = None,
        attention_dropout: float = 0.0,
        qkv_format: str = "sbhd",
        attn_mask_type: str = "causal",
        layer_number: int | None = None,
        softmax_scale: float | None = None,
    ) -> None:
        super().__init__()
        assert (attention_dropout, qkv_format, attn_mask_type) == (0.0, "sbhd", "causal")
        self.heads, self.groups, self.size = num_attention_heads, num_gqa_groups, kv_channels
        self.scale = softmax_scale or 1 / math.sqrt(kv_channels)
        self.register_buffer("_extra_state_of_float8", torch.zeros(1))

    def forward(self, query_layer: torch.Tensor, key_layer: torch.Tensor, value_layer: torch.Tensor) -> torch.Tensor:
        assert query_layer.shape[2:] == (self.heads, self.size)
        assert key_layer.shape[2:] == value_layer.shape[2:] == (self.groups, self.size)
        return plain_attention(query_layer, key_layer, value_layer, self.scale).float()


class LibraryAdam(torch.optim.Optimizer):
    """Stands in for both libraries' FusedAdam: their arguments, their state (moments a parameter, steps a group), their result."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        adam_w_mode: bool = True,
    ) -> None:
        assert adam_w_mode
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "bias_correction": True})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            group["step"] = group.get("step", 0) + 1
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state, (first, second) = self.state[parameter], group["betas"]
                if not state:
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                state["exp_avg"].lerp_(parameter.grad, 1 - first)
                state["exp_avg_sq"].mul_(second).addcmul_(parameter.grad, parameter.grad, value=1 - second)
                scale = (state["exp_avg_sq"] / (1 - second ** group["step"])).sqrt() + group["eps"]
                parameter.addcdiv_(state["exp_avg"], scale, value=-group["lr"] / (1 - first ** group["step"]))


def library_modules() -> dict[str, Any]:
    """What `sys.modules` has where both libraries are installed, by name."""
    return {
        "transformer_engine": SimpleNamespace(),
        "transformer_engine.pytorch": SimpleNamespace(RMSNorm=LibraryRMSNorm, DotProductAttention=LibraryAttention),
        "apex": SimpleNamespace(),
        "apex.multi_tensor_apply": SimpleNamespace(),
        "apex.normalization": SimpleNamespace(FusedRMSNorm=LibraryRMSNorm),
        "apex.optimizers": SimpleNamespace(),
        "amp_C": SimpleNamespace(),
        "fused_layer_norm_cuda": SimpleNamespace(),
        "fused_weight_gradient_mlp_cuda": SimpleNamespace(),
    }
