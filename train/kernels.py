"""Which kernel does what: of those that a probe finds, the first in the order for this GPU, each refusal with its reason.

The order is kernel_order.json: by figures where the GPU has been measured (`python -m benchmarks.bench_train --components`), else by
reputation. Every component has PyTorch's plain kernel, which runs everywhere and which the tests execute. The adapters of the others are
tested against stand-ins of the same signature: docs/deviations.md says what has never run on a GPU.
"""

import dataclasses
import importlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from shards.errors import InputError
from train.config import KernelConfig
from train.fused import FusedRMSNorm, probe_add_product

TRANSFORMER_ENGINE, APEX, TORCH, TORCH_COMPILED = "transformer_engine", "apex", "torch", "torch_compiled"
TORCH_CUDNN, TORCH_FUSED = "torch_cudnn", "torch_fused"
ORDER_FILE = Path(__file__).resolve().parent / "kernel_order.json"
ANY_GPU = "any"  # the key of the order for GPUs that have none of their own


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


class CudnnAttention(CausalAttention):
    """The same with cuDNN's fused kernel before PyTorch's own flash attention, where cuDNN takes shape and dtype."""

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """As `CausalAttention`."""
        with sdpa_kernel(_CUDNN_FIRST, set_priority=True):
            return super().forward(*args, **kwargs)


_CUDNN_FIRST = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


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


def _probe_cudnn() -> str | None:
    """Why cuDNN's attention cannot be used here, or None: it is tried, forward and backward, against the formula."""
    if not torch.cuda.is_available():
        return "cuDNN's attention: no CUDA device"
    try:
        device = torch.device("cuda", torch.cuda.current_device())
        generator = torch.Generator(device).manual_seed(1)
        parts = [torch.randn(1, 2, 128, 64, device=device, generator=generator).bfloat16().requires_grad_() for _ in range(3)]
        gradients = []
        for backend in (SDPBackend.CUDNN_ATTENTION, SDPBackend.MATH):
            with sdpa_kernel(backend):
                out = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
            gradients.append(torch.cat(torch.autograd.grad(out.float().square().sum(), parts)).double())
    except Exception as error:  # of a version or a device without it, whatever that raises
        return f"cuDNN's attention: {type(error).__name__}: {str(error).splitlines()[0]}"
    found, wanted = gradients
    difference = float((found - wanted).norm() / wanted.norm())
    return None if difference < 2e-2 else f"cuDNN's attention: gradients differ from the formula's by {difference:.1e}"


def _probe_fused_adam() -> str | None:
    return None if torch.cuda.is_available() else "torch's fused Adam: not used without CUDA"


def _always() -> None:
    return None


Probes = dict[str, Callable[[], str | None]]
CANDIDATES: dict[str, Probes] = {
    # component → kernels, each with its probe; in which order they are tried, ORDER_FILE says
    "norm": {
        TRANSFORMER_ENGINE: lambda: probe_transformer_engine("RMSNorm"),
        APEX: lambda: probe_apex("fused_layer_norm_cuda", "apex.normalization"),
        TORCH_COMPILED: _probe_compiled,
        TORCH: _always,
    },
    "attention": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine("DotProductAttention"), TORCH_CUDNN: _probe_cudnn, TORCH: _always},
    "rope": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine(), TORCH_COMPILED: _probe_compiled, TORCH: _always},
    "swiglu": {TORCH_COMPILED: _probe_compiled, TORCH: _always},
    "adam": {
        TRANSFORMER_ENGINE: lambda: probe_transformer_engine(),
        APEX: lambda: probe_apex("amp_C", "apex.optimizers"),
        TORCH_FUSED: _probe_fused_adam,
        TORCH: _always,
    },
    "gradient_clipping": {TRANSFORMER_ENGINE: lambda: probe_transformer_engine(), APEX: lambda: probe_apex("amp_C"), TORCH: _always},
    "weight_gradient": {APEX: lambda: probe_apex("fused_weight_gradient_mlp_cuda"), TORCH_FUSED: probe_add_product, TORCH: _always},
}
COMPONENTS = tuple(CANDIDATES)
_MEGATRONS_OWN_CHOICE = {"adam": (TRANSFORMER_ENGINE, APEX), "gradient_clipping": (TRANSFORMER_ENGINE, APEX)}  # made when it is imported
_NORMS: dict[str, type[nn.Module]] = {
    TRANSFORMER_ENGINE: TransformerEngineRMSNorm,
    APEX: ApexRMSNorm,
    TORCH_COMPILED: FusedRMSNorm,
    TORCH: RMSNorm,
}
_ATTENTIONS: dict[str, type[nn.Module]] = {
    TRANSFORMER_ENGINE: TransformerEngineAttention,
    TORCH_CUDNN: CudnnAttention,
    TORCH: CausalAttention,
}


def kernel_order(component: str, device_name: str | None, stored: dict[str, dict[str, list[str]]]) -> list[str]:
    """The component's kernels, best first: in the order that `stored` has for the GPU, else for any; those that it does not name follow.

    `stored` is ORDER_FILE's content: part of a device's name → component → kernels. Of several parts the longest counts.
    """
    parts = sorted((part for part in stored if device_name is not None and part in device_name), key=len)
    named = stored[parts[-1]].get(component) if parts else None
    if named is None:
        named = stored[ANY_GPU].get(component, [])
    unknown = [kernel for kernel in named if kernel not in CANDIDATES[component]]
    if unknown:
        raise InputError(f"{ORDER_FILE}: {component} has no kernel {', '.join(unknown)}; there are {', '.join(CANDIDATES[component])}")
    ordered = [*named, *(kernel for kernel in CANDIDATES[component] if kernel not in named)]
    # megatron takes these for itself wherever they are installed
    own = _MEGATRONS_OWN_CHOICE.get(component, ())
    return [*own, *(kernel for kernel in ordered if kernel not in own)]


def _order_here(component: str) -> list[str]:
    device_name = torch.cuda.get_device_name() if torch.cuda.is_available() and torch.cuda.device_count() else None
    return kernel_order(component, device_name, json.loads(ORDER_FILE.read_text()))


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
    for kernel in _order_here(component):
        if kernel == wanted:
            break
        reason = candidates[kernel]()
        if reason is not None:
            refusals.append(reason)
        elif wanted is None:
            wanted = kernel
            break
        elif kernel in _MEGATRONS_OWN_CHOICE.get(component, ()):
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
