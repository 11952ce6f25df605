"""Which kernel does what: Transformer Engine, then NVIDIA's Apex, then PyTorch's own, by probe, each refusal with its reason.

Every component has PyTorch's kernel, which runs everywhere; it is the one that the tests execute.
"""

import importlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

COMPONENTS = ("norm", "attention", "swiglu", "adam", "gradient_clipping")


@dataclass(frozen=True)
class Choice:
    """The kernel of one component, and why each better one was not taken."""

    component: str
    kernel: str
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class Kernels:
    """The modules that the model is built with, and what to say of them."""

    norm: type[nn.Module]
    attention: type[nn.Module]
    choices: tuple[Choice, ...]

    def lines(self) -> list[str]:
        """One line a component for the log."""
        return [
            f"kernel {choice.component}: {choice.kernel}" + (f" ({'; '.join(choice.refusals)})" if choice.refusals else "")
            for choice in self.choices
        ]


class RMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) · weight, computed in float32. The signature is the one that megatron's specs call."""

    def __init__(self, config: Any, hidden_size: int, eps: float = 1e-5, **_: Any) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden_size, dtype=config.params_dtype))
        # its gradient is a sum over the sequence, which sequence parallelism has divided
        self.weight.sequence_parallel = config.sequence_parallel  # type: ignore[attr-defined]

    def forward(self, x: Tensor) -> Tensor:
        """`x: [S, B, H]` → the same shape and dtype."""
        return torch.nn.functional.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps).to(x.dtype)


class CausalAttention(nn.Module):
    """softmax(QKᵀ/√d)V, causal, by PyTorch's scaled_dot_product_attention. The signature is that of megatron's core attention."""

    def __init__(
        self, config: Any, layer_number: int, attn_mask_type: Any, attention_type: str, softmax_scale: float | None = None, **_: Any
    ) -> None:
        super().__init__()
        head_size = config.kv_channels
        self.scale = softmax_scale if softmax_scale is not None else 1.0 / math.sqrt(head_size)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *_: Any, packed_seq_params: Any = None, **__: Any
    ) -> Tensor:
        """`query: [S, B, heads, D]`, `key, value: [S, B, groups, D]` → `[S, B, heads * D]`."""
        q, k, v = (part.permute(1, 2, 0, 3) for part in (query, key, value))
        out = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale, enable_gqa=q.shape[1] != k.shape[1])
        return out.permute(2, 0, 1, 3).reshape(query.shape[0], query.shape[1], -1)


def probe_transformer_engine() -> str | None:
    """Why Transformer Engine cannot be used here, or None."""
    if not torch.cuda.is_available():
        return "Transformer Engine: no CUDA device"
    try:
        importlib.import_module("transformer_engine.pytorch")
    except Exception as error:  # a wheel for another CUDA fails with whatever its loader raises
        return f"Transformer Engine: cannot be imported ({type(error).__name__}: {error})"
    return None


def probe_apex(extension: str) -> str | None:
    """Why NVIDIA's Apex with `extension` cannot be used here, or None. The package `apex` on the index is another one."""
    if not torch.cuda.is_available():
        return "Apex: no CUDA device"
    try:
        importlib.import_module("apex.multi_tensor_apply")
        importlib.import_module(extension)
    except Exception as error:
        return f"Apex: {extension} cannot be imported ({type(error).__name__}: {error}); the index's package of that name is not NVIDIA's"
    return None


def choose_kernels() -> Kernels:
    """Probes this machine and chooses. Norm and attention are PyTorch's own; megatron takes its Adam and clipping from TE, then Apex."""
    transformer_engine, apex = probe_transformer_engine(), probe_apex("amp_C")
    optimizer = "transformer_engine" if transformer_engine is None else "apex" if apex is None else "torch"
    refusals = tuple(reason for reason in (transformer_engine, apex) if reason is not None)
    own = "texmill's adapter for it is not written"
    fused = tuple(f"{name}: {own}" for name, reason in (("Transformer Engine", transformer_engine), ("Apex", apex)) if reason is None)
    return Kernels(
        norm=RMSNorm,
        attention=CausalAttention,
        choices=(
            Choice("norm", "torch (rms_norm)", refusals + fused),
            Choice("attention", "torch (scaled_dot_product_attention)", refusals + fused),
            Choice("swiglu", "torch", refusals + fused),
            Choice(
                "adam",
                f"{optimizer} ({'FusedAdam' if optimizer != 'torch' else 'AdamW'})",
                refusals if optimizer == "torch" else refusals[:1],
            ),
            Choice(
                "gradient_clipping",
                f"{optimizer} (multi_tensor)" if optimizer != "torch" else "torch",
                refusals if optimizer == "torch" else (),
            ),
        ),
    )
