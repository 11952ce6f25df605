"""Which kernel does what: Transformer Engine, then NVIDIA's Apex, then PyTorch's own, by probe, each refusal with its reason.

Every component has PyTorch's kernel, which runs everywhere and which the tests execute. The adapters of the others are tested against
stand-ins of the same signature: docs/deviations.md says what has never run on a GPU.
"""

import dataclasses
import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shards.errors import InputError
from train.config import KernelConfig

TRANSFORMER_ENGINE, APEX, TORCH, TORCH_COMPILED = "transformer_engine", "apex", "torch", "torch_compiled"


@dataclass(frozen=True)
class Choice:
    """The kernel of one component, and why each better one was not taken."""

    component: str
    kernel: str
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class Kernels:
    """What the model is built with, and what to say of it."""

    norm: type[nn.Module]
    attention: type[nn.Module]
    choices: tuple[Choice, ...]

    def of(self, component: str) -> str:
        """The kernel chosen for a component."""
        return next(choice.kernel for choice in self.choices if choice.component == component)

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


class _FusedNorm(nn.Module):
    """A library's RMSNorm module; its weight is ours, under our name, so that checkpoints are the same for every kernel."""

    inner: Any

    def __init__(self, inner: nn.Module, config: Any) -> None:
        super().__init__()
        self.weight: nn.Parameter = inner.weight  # type: ignore[assignment]
        self.weight.sequence_parallel = config.sequence_parallel  # type: ignore[attr-defined]
        object.__setattr__(self, "inner", inner)  # no child: it would be saved a second time

    def _apply(self, fn: Any, recurse: bool = True) -> "_FusedNorm":
        super()._apply(fn, recurse)
        self.inner.weight = self.weight  # moving to a device or dtype may have replaced it
        return self

    def forward(self, x: Tensor) -> Tensor:
        """`x: [S, B, H]` → the same shape and dtype."""
        out: Tensor = self.inner(x)
        return out


class TransformerEngineRMSNorm(_FusedNorm):
    """Transformer Engine's RMSNorm."""

    def __init__(self, config: Any, hidden_size: int, eps: float = 1e-5, **_: Any) -> None:
        library = importlib.import_module("transformer_engine.pytorch")
        super().__init__(library.RMSNorm(hidden_size, eps=eps, params_dtype=config.params_dtype), config)


class ApexRMSNorm(_FusedNorm):
    """NVIDIA Apex's FusedRMSNorm."""

    def __init__(self, config: Any, hidden_size: int, eps: float = 1e-5, **_: Any) -> None:
        library = importlib.import_module("apex.normalization")
        super().__init__(library.FusedRMSNorm(hidden_size, eps=eps).to(config.params_dtype), config)


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
        """`query: [S, B, heads, D]`, `key, value: [S, B, groups, D]` → `[S, B, heads * D]`.

        `attention_mask: [B, 1, S, S]` bool is True where megatron's are: where a query (row) must not see a key; it is causal itself.
        """
        q, k, v = (part.permute(1, 2, 0, 3) for part in (query, key, value))
        out = nn.functional.scaled_dot_product_attention(
            q,
            k,
            v,
            attn_mask=None if attention_mask is None else ~attention_mask,
            is_causal=attention_mask is None,
            scale=self.scale,
            enable_gqa=q.shape[1] != k.shape[1],
        )
        return out.permute(2, 0, 1, 3).reshape(query.shape[0], query.shape[1], -1)


class TransformerEngineAttention(nn.Module):
    """The same by Transformer Engine's DotProductAttention, which takes flash or cuDNN's fused attention by itself."""

    inner: Any

    def __init__(
        self, config: Any, layer_number: int, attn_mask_type: Any, attention_type: str, softmax_scale: float | None = None, **_: Any
    ) -> None:
        super().__init__()
        library = importlib.import_module("transformer_engine.pytorch")
        num_parts = config.tensor_model_parallel_size
        inner = library.DotProductAttention(
            config.num_attention_heads // num_parts,
            config.kv_channels,
            num_gqa_groups=config.num_query_groups // num_parts,
            attention_dropout=0.0,
            qkv_format="sbhd",
            attn_mask_type="causal",
            layer_number=layer_number,
            softmax_scale=softmax_scale,
        )
        object.__setattr__(self, "inner", inner)  # it has no weights, and what it would save of itself is for float8 alone

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *_: Any, packed_seq_params: Any = None, **__: Any
    ) -> Tensor:
        """`query: [S, B, heads, D]`, `key, value: [S, B, groups, D]` → `[S, B, heads * D]`."""
        out: Tensor = self.inner(query, key, value)
        return out


def _import(name: str, attributes: tuple[str, ...] = ()) -> str | None:
    """Why a module, or something in it, cannot be had; None where it can."""
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a wheel for another CUDA fails with whatever its loader raises
        return f"{name} cannot be imported ({type(error).__name__}: {error})"
    missing = [attribute for attribute in attributes if not hasattr(module, attribute)]
    return f"{name} has no {', '.join(missing)}" if missing else None


def probe_transformer_engine(*attributes: str) -> str | None:
    """Why Transformer Engine cannot be used here, or None."""
    if not torch.cuda.is_available():
        return "Transformer Engine: no CUDA device"
    reason = _import("transformer_engine.pytorch", attributes)
    return None if reason is None else f"Transformer Engine: {reason}"


def probe_apex(extension: str, *modules: str) -> str | None:
    """Why NVIDIA's Apex with `extension` cannot be used here, or None. The package `apex` on the index is another one."""
    if not torch.cuda.is_available():
        return "Apex: no CUDA device"
    for name in ("apex.multi_tensor_apply", *modules, extension):
        reason = _import(name)
        if reason is not None:
            return f"Apex: {reason}; the index's package of that name is not NVIDIA's"
    return None


def _probe_compiled() -> str | None:
    return None if torch.cuda.is_available() else "torch.compile: not used without CUDA"


def _always() -> None:
    return None


Probes = dict[str, Callable[[], str | None]]
CANDIDATES: dict[str, Probes] = {
    # component → kernels, best first, each with its probe
    "norm": {
        TRANSFORMER_ENGINE: lambda: probe_transformer_engine("RMSNorm"),
        APEX: lambda: probe_apex("fused_layer_norm_cuda", "apex.normalization"),
        TORCH: _always,
    },
    "attention": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine("DotProductAttention"), TORCH: _always},
    "rope": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine(), TORCH: _always},
    "swiglu": {TORCH_COMPILED: _probe_compiled, TORCH: _always},
    "adam": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine(), APEX: lambda: probe_apex("amp_C", "apex.optimizers"), TORCH: _always},
    "gradient_clipping": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine(), APEX: lambda: probe_apex("amp_C"), TORCH: _always},
    "weight_gradient": {APEX: lambda: probe_apex("fused_weight_gradient_mlp_cuda"), TORCH: _always},
}
COMPONENTS = tuple(CANDIDATES)
_MEGATRONS_OWN_CHOICE = ("adam", "gradient_clipping")  # made when it is imported
_NORMS: dict[str, type[nn.Module]] = {TRANSFORMER_ENGINE: TransformerEngineRMSNorm, APEX: ApexRMSNorm, TORCH: RMSNorm}
_ATTENTIONS: dict[str, type[nn.Module]] = {TRANSFORMER_ENGINE: TransformerEngineAttention, TORCH: CausalAttention}


def choose(component: str, wanted: str | None) -> Choice:
    """The best kernel that can be had, or the wanted one. Raises `InputError` where that cannot be had."""
    candidates = CANDIDATES[component]
    flag = f"--kernel-{component.replace('_', '-')}"
    if wanted is not None:
        if wanted not in candidates:
            raise InputError(f"{flag} is {wanted!r}; there are {', '.join(candidates)}")
        reason = candidates[wanted]()
        if reason is not None:
            raise InputError(f"{flag} is {wanted!r}, which cannot be used here: {reason}")
    refusals = []
    for kernel, probe in candidates.items():
        if kernel == wanted:
            break
        reason = probe()
        if reason is not None:
            refusals.append(reason)
        elif wanted is None:
            wanted = kernel
            break
        elif component in _MEGATRONS_OWN_CHOICE:
            raise InputError(f"{flag} is {wanted!r}; megatron-core takes {kernel} for it wherever that is installed")
        else:
            refusals.append(f"{kernel}: {flag} says otherwise")
    return Choice(component, wanted or TORCH, tuple(refusals))


def choose_kernels(config: KernelConfig | None = None, *, has_mask: bool = False) -> Kernels:
    """Probes this machine and chooses, component by component. Raises `InputError` where a kernel that is asked for cannot be had.

    `has_mask`: samples hold several documents that must not see one another, which PyTorch's attention alone can do here.
    """
    wanted = dataclasses.asdict(config or KernelConfig())
    if has_mask:
        if wanted["kernel_attention"] not in (None, TORCH):
            raise InputError(f"--kernel-attention is {wanted['kernel_attention']!r}; --reset-attention-mask needs torch's")
        wanted["kernel_attention"] = TORCH
    choices = tuple(choose(component, wanted[f"kernel_{component}"]) for component in COMPONENTS)
    kernel_of = {choice.component: choice.kernel for choice in choices}
    return Kernels(norm=_NORMS[kernel_of["norm"]], attention=_ATTENTIONS[kernel_of["attention"]], choices=choices)
