"""What torch.compile makes one kernel of on a GPU: norm, rotary positions with the split of query, key and value, softmax of the loss.

Each is a plain formula and its derivative. On a GPU both are compiled; elsewhere they run as they stand, so that the tests execute them.
They keep as little as can be for the backward pass and do elementwise work again instead. They compute in float32.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

P = ParamSpec("P")
R = TypeVar("R")


def compiled_on_gpu(formula: Callable[P, R]) -> Callable[P, R]:
    """The formula, through torch.compile where its first argument lies on a GPU."""

    @functools.cache
    def compiled() -> Callable[P, R]:
        whole: Callable[P, R] = torch.compile(formula, dynamic=False)  # loads the compiler, which takes seconds
        return whole

    @functools.wraps(formula)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return (compiled() if args[0].is_cuda else formula)(*args, **kwargs)  # type: ignore[attr-defined]

    return call


# norm


@compiled_on_gpu
def _norm(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    wide = x.float()
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return (wide * scale * weight.float()).to(x.dtype), scale


@compiled_on_gpu
def _norm_backward(gradient: Tensor, x: Tensor, weight: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    normal = x.float() * scale
    wide = gradient.float()
    weighted = wide * weight.float()
    by_x = scale * (weighted - normal * (weighted * normal).mean(-1, keepdim=True))
    return by_x.to(x.dtype), (wide * normal).flatten(0, -2).sum(0).to(weight.dtype)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        out, scale = _norm(x, weight, eps)
        ctx.save_for_backward(x, weight, scale)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        return *_norm_backward(gradients[0], x, weight, scale), None


class FusedRMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) · weight; keeps its input and one float32 a token. The signature is the one that megatron's specs call."""

    def __init__(self, config: Any, hidden_size: int, eps: float = 1e-5, **_: Any) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(hidden_size, dtype=config.params_dtype))
        self.weight.sequence_parallel = config.sequence_parallel  # type: ignore[attr-defined]

    def forward(self, x: Tensor) -> Tensor:
        """`x: [S, B, H]` → the same shape and dtype."""
        out: Tensor = _Norm.apply(x, self.weight, self.eps)
        return out


# rotary positions


def _turn(x: Tensor, angles: Tensor, sign: float) -> Tensor:
    """`x: [S, B, G, n, D]` turned by `angles: [S, 1, 1, 1, D]` (float32, both halves of D alike), or back with `sign` -1; float32."""
    wide = x.float()
    first, second = wide.chunk(2, -1)
    return wide * angles.cos() + torch.cat((-second, first), -1) * (angles.sin() * sign)


@compiled_on_gpu
def _split_and_turn(joint: Tensor, angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    query, key, value = joint[..., :-2, :], joint[..., -2:-1, :], joint[..., -1, :]
    length, batch, groups, _, size = joint.shape
    turned = _turn(query, angles, 1.0).to(joint.dtype).reshape(length, batch, -1, size)
    return turned, _turn(key, angles, 1.0).to(joint.dtype).reshape(length, batch, groups, size), value.clone()


@compiled_on_gpu
def _turn_back_and_join(query: Tensor, key: Tensor, value: Tensor, angles: Tensor) -> Tensor:
    length, batch, groups, size = key.shape
    back = _turn(query.reshape(length, batch, groups, -1, size), angles, -1.0)
    return torch.cat((back, _turn(key.unsqueeze(3), angles, -1.0), value.unsqueeze(3).float()), 3).to(query.dtype)


class _Rotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, joint: Tensor, angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(angles)
        return _split_and_turn(joint, angles)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (angles,) = ctx.saved_tensors
        query, key, value = gradients
        return _turn_back_and_join(query, key, value, angles), None


def split_and_turn(joint: Tensor, angles: Tensor, *, groups: int, head_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query `[S, B, heads, D]`, key and value `[S, B, groups, D]` out of what one matrix gave, `joint: [S, B, groups · (n + 2) · D]`,
    query and key turned by `angles: [S, 1, 1, D]` (float32, radians; both halves of D alike).

    Nothing but the angles is kept: the value is a copy, since a view would keep `joint` whole.
    """
    length, batch, _ = joint.shape
    out: tuple[Tensor, Tensor, Tensor] = _Rotary.apply(joint.view(length, batch, groups, -1, head_size), angles.unsqueeze(3))
    return out


def with_fused_rotary(attention: type[nn.Module]) -> type[nn.Module]:
    """Megatron's self-attention with `split_and_turn` instead of its own split and rotation, for training."""

    class FusedRotaryAttention(attention):  # type: ignore[misc,valid-type]
        """Query, key and value by one kernel."""

        def forward(self, hidden_states: Tensor, attention_mask: Any, *args: Any, rotary_pos_emb: Any = None, **kwargs: Any) -> Any:
            """As megatron's; the angles go to the split."""
            self._angles = rotary_pos_emb
            return super().forward(hidden_states, attention_mask, *args, rotary_pos_emb=None, **kwargs)

        def get_query_key_value_tensors(self, hidden_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor, Tensor]:
            """Query, key and value, turned."""
            joint, _ = self.linear_qkv(hidden_states)
            sizes = {"groups": self.num_query_groups_per_partition, "head_size": self.hidden_size_per_attention_head}
            return split_and_turn(joint, self._angles, **sizes)

    return FusedRotaryAttention


# loss


@compiled_on_gpu
def losses_and_gradient(logits: Tensor, labels: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy `[C]` float32 (nats) of `logits: [C, V]` against `labels: [C]`, and its gradient by the logits times `share: [C]`, in
    their dtype."""
    wide = logits.float()
    total = torch.logsumexp(wide, 1)
    at_label = wide.gather(1, labels.unsqueeze(1)).squeeze(1)
    is_label = torch.arange(logits.shape[1], device=logits.device) == labels.unsqueeze(1)
    gradient = ((wide - total.unsqueeze(1)).exp() - is_label.float()) * share.unsqueeze(1)
    return total - at_label, gradient.to(logits.dtype)


# gradients and their norm, many tensors at a time


def norm_of_all(_: int, __: Tensor, lists: Sequence[Sequence[Tensor]], ___: bool) -> tuple[Tensor, None]:
    """Euclidean norm `[1]` of all elements of `lists[0]`, which stays on the device; called as Apex's multi_tensor_l2norm is."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(lists[0])))).reshape(1), None


def scale_all(_: int, __: Tensor, lists: Sequence[Sequence[Tensor]], factor: float) -> None:
    """Each of `lists[1]` becomes that of `lists[0]` times `factor`; called as Apex's multi_tensor_scale is."""
    sources, targets = list(lists[0]), list(lists[1])
    if any(source is not target for source, target in zip(sources, targets, strict=True)):
        torch._foreach_copy_(targets, sources)
    if factor != 1.0:
        torch._foreach_mul_(targets, factor)


def add_product(x: Tensor, gradient: Tensor, total: Tensor) -> None:
    """Adds `gradientᵀ x` to `total: [N, K]` float32, in place; `x: [T, K]`, `gradient: [T, N]` bfloat16.

    The matrix product itself adds up in float32: no bfloat16 weight gradient is written, rounded and read again.
    """
    torch.ops.aten.addmm.dtype_out(total, gradient.t(), x, torch.float32, out=total)


def probe_add_product() -> str | None:
    """Why `add_product` cannot be used here, or None: it is tried on the GPU, against float64."""
    if not torch.cuda.is_available():
        return "torch's product into float32: no CUDA device"
    try:
        device = torch.device("cuda", torch.cuda.current_device())
        generator = torch.Generator(device).manual_seed(1)
        x, gradient = (torch.randn(64, width, device=device, generator=generator).bfloat16() for width in (32, 48))
        total = torch.randn(48, 32, device=device, generator=generator)
        wanted = total.double() + gradient.double().t() @ x.double()
        add_product(x, gradient, total)
    except Exception as error:  # of a version or a device without it, whatever that raises
        return f"torch's product into float32: {type(error).__name__}: {str(error).splitlines()[0]}"
    error_share = float((total.double() - wanted).norm() / wanted.norm())
    return None if error_share < 1e-5 else f"torch's product into float32: differs from float64 by {error_share:.1e}"
