"""One component of a training step, kernel against kernel: milliseconds forward and backward, rate, error against float64.

    python -m benchmarks.train_components --component norm --shape 1.36B --out FILE

The error is ‖found − wanted‖ / ‖wanted‖ over results and gradients, of a few tokens in the kernel's own precision against the plain
formula in float64 on the processor. Rates count the fewest bytes or operations that any kernel needs: each input read once, each output
written once.
"""

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.train_cases import SHAPES, Shape
from shards.cli import Parser, run
from shards.manifest import write_manifest
from train.fused import FusedRMSNorm, add_product, norm_of_all, probe_add_product, scale_all, split_and_turn
from train.kernels import (
    APEX,
    CANDIDATES,
    TORCH,
    TORCH_COMPILED,
    TORCH_CUDNN,
    TORCH_FUSED,
    TRANSFORMER_ENGINE,
    ApexRMSNorm,
    CausalAttention,
    CudnnAttention,
    RMSNorm,
    TransformerEngineAttention,
    TransformerEngineRMSNorm,
    probe_apex,
)
from train.loss import chunked_mean_loss

LIGER = "liger"
IS_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if IS_GPU else "cpu")
DTYPE = torch.bfloat16 if IS_GPU else torch.float32
MOST_ERROR = 2e-2  # a kernel beyond it is in no order
REPEATS, WARMUP = (30, 5) if IS_GPU else (3, 1)
FEW_TOKENS = 64  # of the error's inputs
Run = Callable[[], Sequence[Tensor]]  # forward and backward once; gives results and gradients


@dataclass(frozen=True, kw_only=True)
class Component:
    """What is measured: kernels by name, each made for a number of tokens, and the plain formula in float64 on the same inputs."""

    size: str
    work: float
    # operations or bytes of forward and backward at the full size
    unit: str
    counted: str
    kernels: dict[str, Callable[[int, torch.dtype, torch.device], Run]]
    num_tokens: int
    absent: dict[str, Callable[[], str | None]]


def made(*shape: int, dtype: torch.dtype, device: torch.device, seed: int = 1) -> Tensor:
    """Random numbers, the same for each seed, shape and dtype: drawn on the processor, but where there are many."""
    if device.type == "cuda" and torch.Size(shape).numel() > 10_000_000:
        return torch.randn(shape, generator=torch.Generator(device).manual_seed(seed), dtype=dtype, device=device)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(DTYPE).to(device=device, dtype=dtype)


def backward_of(outputs: Callable[[], Sequence[Tensor]], inputs: Sequence[Tensor]) -> Run:
    """Forward, then backward with fixed random gradients."""
    gradients: list[Tensor] = []

    def call() -> Sequence[Tensor]:
        found = outputs()
        if not gradients:
            gradients.extend(made(*out.shape, dtype=out.dtype, device=out.device, seed=7 + n) for n, out in enumerate(found))
        return [*found, *torch.autograd.grad(found, inputs, gradients)]

    return call


def _config(dtype: torch.dtype, shape: Shape) -> Any:
    return SimpleNamespace(
        params_dtype=dtype,
        sequence_parallel=False,
        kv_channels=shape.hidden // shape.heads,
        num_attention_heads=shape.heads,
        num_query_groups=shape.heads,
        tensor_model_parallel_size=1,
    )


def probe_liger() -> str | None:
    """Why Liger's kernels cannot be used here, or None."""
    if not IS_GPU:
        return "no CUDA device"
    try:
        importlib.import_module("liger_kernel.transformers")
    except Exception as error:  # whatever its loader raises
        return f"liger_kernel cannot be imported ({type(error).__name__}: {error})"
    return None


class _PlainNorm(nn.Module):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * self.weight


def norm(shape: Shape) -> Component:
    """RMSNorm of the residual stream."""

    def of(build: Callable[[Any, int], nn.Module]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            module = build(_config(dtype, shape), shape.hidden).to(device=device, dtype=dtype)
            weight: Any = module.weight
            weight.data.copy_(1 + made(shape.hidden, dtype=dtype, device=device, seed=3) / 4)
            x = made(num_tokens, 1, shape.hidden, dtype=dtype, device=device).requires_grad_()
            return backward_of(lambda: [module(x)], [x, weight])

        return make

    def liger(config: Any, hidden: int) -> nn.Module:
        built: nn.Module = importlib.import_module("liger_kernel.transformers").LigerRMSNorm(hidden, eps=1e-5)
        return built

    return Component(
        size=f"{shape.micro_batch_tokens:,} tokens x {shape.hidden}",
        num_tokens=shape.micro_batch_tokens,
        work=5.0 * shape.micro_batch_tokens * shape.hidden * DTYPE.itemsize,
        unit="GB/s",
        counted="input, gradient and input again read, result and gradient written",
        kernels={
            "float64": of(lambda config, hidden: _PlainNorm(torch.ones(hidden))),
            TORCH: of(RMSNorm),
            TORCH_COMPILED: of(FusedRMSNorm),
            APEX: of(ApexRMSNorm),
            TRANSFORMER_ENGINE: of(TransformerEngineRMSNorm),
            LIGER: of(liger),
        },
        absent={**CANDIDATES["norm"], TORCH_COMPILED: _everywhere, LIGER: probe_liger},
    )


def _everywhere() -> None:
    return None


def attention(shape: Shape) -> Component:
    """Causal attention of one micro-batch of the longest sequence."""
    sequence, size = shape.sequences[0], shape.hidden // shape.heads
    batch = shape.micro_batch_tokens // sequence

    def of(module: Callable[..., Any]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            few = num_tokens < shape.micro_batch_tokens
            dims = (num_tokens, 1) if few else (sequence, batch)
            built = module(_config(dtype, shape), 1, None, "self")
            parts = [made(*dims, shape.heads, size, dtype=dtype, device=device, seed=n).requires_grad_() for n in range(3)]
            return backward_of(lambda: [built(*parts, None)], parts)

        return make

    class Plain:
        def __init__(self, *_: Any) -> None:
            self.scale = size**-0.5

        def __call__(self, query: Tensor, key: Tensor, value: Tensor, _: None) -> Tensor:
            scores = torch.einsum("sbhd,tbhd->bhst", query, key) * self.scale
            hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            out = torch.einsum("bhst,tbhd->sbhd", scores.masked_fill(hidden, -torch.inf).softmax(-1), value)
            return out.reshape(*query.shape[:2], -1)

    return Component(
        size=f"{batch} x {sequence:,} tokens, {shape.heads} heads of {size}",
        num_tokens=shape.micro_batch_tokens,
        work=3.5 * 4 * batch * sequence**2 * shape.hidden / 2,
        unit="TFLOP/s",
        counted="causal: half of 4 S² H forward, 2.5 times that backward",
        kernels={
            "float64": of(Plain),
            TORCH: of(CausalAttention),
            TORCH_CUDNN: of(CudnnAttention),
            TRANSFORMER_ENGINE: of(TransformerEngineAttention),
            APEX: of(CausalAttention),
            LIGER: of(CausalAttention),
        },
        absent={**CANDIDATES["attention"], APEX: lambda: "it has no attention any more", LIGER: lambda: "it has none"},
    )


def rope(shape: Shape) -> Component:
    """The split of query, key and value, and rotary positions of the first two."""
    sequence, size = shape.sequences[0], shape.hidden // shape.heads
    batch = shape.micro_batch_tokens // sequence

    def angles_of(length: int, device: torch.device, dtype: torch.dtype) -> Tensor:
        turns = torch.arange(length, dtype=torch.float64)[:, None] / 10_000 ** (torch.arange(0, size, 2, dtype=torch.float64) / size)
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        return torch.cat((turns, turns), -1)[:, None, None, :].to(device=device, dtype=wide)

    def turned(x: Tensor, angles: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return x * angles.cos().to(x.dtype) + torch.cat((-second, first), -1) * angles.sin().to(x.dtype)

    def plain(joint: Tensor, angles: Tensor) -> Sequence[Tensor]:
        query, key, value = joint.view(*joint.shape[:2], shape.heads, 3 * size).chunk(3, -1)
        return [turned(query, angles), turned(key, angles), value]

    def compiled(joint: Tensor, angles: Tensor) -> Sequence[Tensor]:
        return split_and_turn(joint, angles, groups=shape.heads, head_size=size)

    def engine(joint: Tensor, angles: Tensor) -> Sequence[Tensor]:
        apply = importlib.import_module("transformer_engine.pytorch.attention.rope").apply_rotary_pos_emb
        query, key, value = joint.view(*joint.shape[:2], shape.heads, 3 * size).chunk(3, -1)
        return [apply(query, angles, fused=True), apply(key, angles, fused=True), value]

    def liger(joint: Tensor, angles: Tensor) -> Sequence[Tensor]:
        apply = importlib.import_module("liger_kernel.transformers.rope").liger_rotary_pos_emb
        query, key, value = joint.view(*joint.shape[:2], shape.heads, 3 * size).chunk(3, -1)
        cos, sin = (table.to(joint.dtype).permute(1, 2, 0, 3)[0] for table in (angles.cos(), angles.sin()))
        parts = apply(query.permute(1, 2, 0, 3).contiguous(), key.permute(1, 2, 0, 3).contiguous(), cos, sin)
        return [*(part.permute(2, 0, 1, 3) for part in parts), value]

    def of(function: Callable[[Tensor, Tensor], Sequence[Tensor]]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            dims = (num_tokens, 1) if num_tokens < shape.micro_batch_tokens else (sequence, batch)
            joint = made(*dims, 3 * shape.hidden, dtype=dtype, device=device).requires_grad_()
            angles = angles_of(dims[0], device, dtype)
            return backward_of(lambda: function(joint, angles), [joint])

        return make

    return Component(
        size=f"{batch} x {sequence:,} tokens, {shape.heads} heads of {size}",
        num_tokens=shape.micro_batch_tokens,
        work=12.0 * shape.micro_batch_tokens * shape.hidden * DTYPE.itemsize,
        unit="GB/s",
        counted="query, key and value read and written, forward and backward",
        kernels={
            "float64": of(plain),
            TORCH: of(plain),
            TORCH_COMPILED: of(compiled),
            TRANSFORMER_ENGINE: of(engine),
            LIGER: of(liger),
            APEX: of(plain),
        },
        absent={**CANDIDATES["rope"], TORCH_COMPILED: _everywhere, LIGER: probe_liger, APEX: lambda: "it has no rotary positions any more"},
    )


def swiglu(shape: Shape) -> Component:
    """silu(gate) · up."""

    def plain(joint: Tensor) -> Tensor:
        gate, up = joint.chunk(2, -1)
        return nn.functional.silu(gate) * up

    def compiled(joint: Tensor) -> Tensor:
        from train.megatron_adapter import SUPPORTED  # answers for CUDA where there is none

        assert SUPPORTED
        out: Tensor = importlib.import_module("megatron.core.fusions.fused_bias_swiglu").bias_swiglu_impl(joint, None)
        return out

    def liger(joint: Tensor) -> Tensor:
        gate, up = joint.chunk(2, -1)
        out: Tensor = importlib.import_module("liger_kernel.ops.swiglu").LigerSiLUMulFunction.apply(gate.contiguous(), up.contiguous())
        return out

    def of(function: Callable[[Tensor], Tensor]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            joint = made(num_tokens, 1, 2 * shape.ffn, dtype=dtype, device=device).requires_grad_()
            return backward_of(lambda: [function(joint)], [joint])

        return make

    return Component(
        size=f"{shape.micro_batch_tokens:,} tokens x {shape.ffn}",
        num_tokens=shape.micro_batch_tokens,
        work=8.0 * shape.micro_batch_tokens * shape.ffn * DTYPE.itemsize,
        unit="GB/s",
        counted="gate and up read twice, result and gradient once each, both gradients written",
        kernels={
            "float64": of(plain),
            TORCH: of(plain),
            TORCH_COMPILED: of(compiled),
            LIGER: of(liger),
            APEX: of(plain),
            TRANSFORMER_ENGINE: of(plain),
        },
        absent={
            TORCH: _everywhere,
            TORCH_COMPILED: _everywhere,
            LIGER: probe_liger,
            APEX: lambda: "it has no SwiGLU",
            TRANSFORMER_ENGINE: lambda: "its SwiGLU comes with its own MLP alone, which this trainer does not use",
        },
    )


def cross_entropy(shape: Shape) -> Component:
    """Output matrix and loss."""
    vocabulary = shape.vocabularies[0]

    def whole(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        logits = hidden @ weight.t()
        return nn.functional.cross_entropy(logits if logits.dtype == torch.float64 else logits.float(), labels)

    def chunked(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        return chunked_mean_loss(hidden, weight, labels, torch.ones_like(labels, dtype=torch.float32), shape.chunk_tokens)

    def liger(hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        loss = importlib.import_module("liger_kernel.transformers").LigerFusedLinearCrossEntropyLoss()
        out: Tensor = loss(weight, hidden, labels)
        return out

    def of(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            hidden = made(num_tokens, shape.hidden, dtype=dtype, device=device).requires_grad_()
            weight = (made(vocabulary, shape.hidden, dtype=dtype, device=device, seed=2) / shape.hidden**0.5).requires_grad_()
            labels = torch.randint(vocabulary, (num_tokens,), generator=torch.Generator().manual_seed(5)).to(device)
            return backward_of(lambda: [function(hidden, weight, labels)], [hidden, weight])

        return make

    return Component(
        size=f"{shape.micro_batch_tokens:,} tokens x {shape.hidden} x {vocabulary:,}",
        num_tokens=shape.micro_batch_tokens,
        work=6.0 * shape.micro_batch_tokens * shape.hidden * vocabulary,
        unit="TFLOP/s",
        counted="three matrix products",
        kernels={"float64": of(whole), TORCH: of(whole), "torch_chunked": of(chunked), LIGER: of(liger), APEX: of(whole)},
        absent={
            TORCH: _everywhere,
            "torch_chunked": _everywhere,
            LIGER: probe_liger,
            APEX: lambda: "its xentropy (contrib) takes whole logits in half precision; not adapted",
            TRANSFORMER_ENGINE: lambda: "its cross-entropy takes whole logits; not adapted",
        },
    )


def _sizes(shape: Shape, num_layers: int) -> list[tuple[int, ...]]:
    hidden, ffn = shape.hidden, shape.ffn
    return [(3 * hidden, hidden), (hidden, hidden), (2 * ffn, hidden), (hidden, ffn), (hidden,), (hidden,)] * num_layers


def adam(shape: Shape) -> Component:
    """AdamW over the weights of some layers, float32."""
    layers = max(1, shape.layers // 4)
    count = sum(torch.Size(size).numel() for size in _sizes(shape, layers))

    def of(build: Callable[[list[Tensor]], torch.optim.Optimizer]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            wide = torch.float64 if dtype == torch.float64 else torch.float32
            sizes = _sizes(shape, layers if num_tokens == shape.micro_batch_tokens else 1)
            parameters = [nn.Parameter(made(*size, dtype=wide, device=device, seed=n % 7)) for n, size in enumerate(sizes)]
            for n, parameter in enumerate(parameters):
                parameter.grad = made(*parameter.shape, dtype=wide, device=device, seed=11 + n % 7)
            optimizer = build(list(parameters))

            def step() -> Sequence[Tensor]:
                optimizer.step()
                return [parameter.data for parameter in parameters]

            return step

        return make

    settings: dict[str, Any] = {"lr": 1e-2, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
    return Component(
        size=f"{count:,} parameters",
        num_tokens=shape.micro_batch_tokens,
        work=28.0 * count,
        unit="GB/s",
        counted="weight, gradient and two moments read, all but the gradient written",
        kernels={
            "float64": of(lambda weights: torch.optim.AdamW(weights, **settings)),
            TORCH: of(lambda weights: torch.optim.AdamW(weights, **settings)),
            TORCH_FUSED: of(lambda weights: torch.optim.AdamW(weights, fused=True, **settings)),
            APEX: of(lambda weights: importlib.import_module("apex.optimizers").FusedAdam(weights, **settings)),
            TRANSFORMER_ENGINE: of(
                lambda weights: importlib.import_module("transformer_engine.pytorch.optimizers").FusedAdam(weights, **settings)
            ),
            LIGER: of(lambda weights: torch.optim.AdamW(weights, **settings)),
        },
        absent={**CANDIDATES["adam"], TORCH_FUSED: _everywhere, LIGER: lambda: "it has no optimizer"},
    )


def gradient_clipping(shape: Shape) -> Component:
    """Norm of all gradients, then all scaled by it."""
    layers = max(1, shape.layers // 4)
    count = sum(torch.Size(size).numel() for size in _sizes(shape, layers))

    def one_by_one(tensors: list[Tensor]) -> None:
        total = torch.stack([tensor.norm() for tensor in tensors]).norm()
        for tensor in tensors:
            tensor.copy_(tensor * (1.0 / float(total)))

    def foreach(tensors: list[Tensor]) -> None:
        total, _ = norm_of_all(0, tensors[0], [tensors], False)
        scale_all(0, tensors[0], [tensors, tensors], 1.0 / float(total))

    def library(apply: Any, norm: Any, scale: Any) -> Callable[[list[Tensor]], None]:
        def clip(tensors: list[Tensor]) -> None:
            overflow = torch.zeros(1, dtype=torch.int32, device=tensors[0].device)
            total, _ = apply(norm, overflow, [tensors], False)
            apply(scale, overflow, [tensors, tensors], 1.0 / float(total))

        return clip

    def apex(tensors: list[Tensor]) -> None:
        kernels = importlib.import_module("amp_C")
        apply = importlib.import_module("apex.multi_tensor_apply").multi_tensor_applier
        library(apply, kernels.multi_tensor_l2norm, kernels.multi_tensor_scale)(tensors)

    def engine(tensors: list[Tensor]) -> None:
        found = importlib.import_module("transformer_engine.pytorch.optimizers")
        library(found.multi_tensor_applier, found.multi_tensor_l2norm, found.multi_tensor_scale)(tensors)

    def of(function: Callable[[list[Tensor]], None]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            wide = torch.float64 if dtype == torch.float64 else torch.float32
            sizes = _sizes(shape, layers if num_tokens == shape.micro_batch_tokens else 1)
            tensors = [made(*size, dtype=wide, device=device, seed=n % 7) for n, size in enumerate(sizes)]

            def clip() -> Sequence[Tensor]:
                function(tensors)
                return tensors

            return clip

        return make

    return Component(
        size=f"{count:,} gradients",
        num_tokens=shape.micro_batch_tokens,
        work=12.0 * count,
        unit="GB/s",
        counted="read for the norm, read and written to be scaled",
        kernels={
            "float64": of(one_by_one),
            TORCH: of(foreach),
            "one by one": of(one_by_one),
            APEX: of(apex),
            TRANSFORMER_ENGINE: of(engine),
            LIGER: of(foreach),
        },
        absent={**CANDIDATES["gradient_clipping"], "one by one": _everywhere, LIGER: lambda: "it has none"},
    )


def weight_gradient(shape: Shape) -> Component:
    """The gradient of the matrix of gate and up, added to what is there in float32."""

    def plain(x: Tensor, gradient: Tensor, total: Tensor) -> None:
        total.add_(gradient.t() @ x)

    def apex(x: Tensor, gradient: Tensor, total: Tensor) -> None:
        importlib.import_module("fused_weight_gradient_mlp_cuda").wgrad_gemm_accum_fp32(x, gradient, total)

    def of(function: Callable[[Tensor, Tensor, Tensor], None]) -> Callable[[int, torch.dtype, torch.device], Run]:
        def make(num_tokens: int, dtype: torch.dtype, device: torch.device) -> Run:
            x = made(num_tokens, shape.hidden, dtype=dtype, device=device)
            gradient = made(num_tokens, 2 * shape.ffn, dtype=dtype, device=device, seed=2)
            wide = torch.float64 if dtype == torch.float64 else torch.float32
            total = made(2 * shape.ffn, shape.hidden, dtype=wide, device=device, seed=3)

            def add() -> Sequence[Tensor]:
                function(x, gradient, total)
                return [total]

            return add

        return make

    return Component(
        size=f"{shape.micro_batch_tokens:,} tokens x {shape.hidden} x {2 * shape.ffn}",
        num_tokens=shape.micro_batch_tokens,
        work=4.0 * shape.micro_batch_tokens * shape.hidden * shape.ffn,
        unit="TFLOP/s",
        counted="one matrix product",
        kernels={
            "float64": of(plain),
            TORCH: of(plain),
            TORCH_FUSED: of(add_product),
            APEX: of(apex),
            TRANSFORMER_ENGINE: of(plain),
            LIGER: of(plain),
        },
        absent={
            TORCH: _everywhere,
            TORCH_FUSED: probe_add_product,
            APEX: lambda: probe_apex("fused_weight_gradient_mlp_cuda"),
            TRANSFORMER_ENGINE: lambda: "it adds up in its own linear layers alone, which this trainer does not use",
            LIGER: lambda: "it has none",
        },
    )


COMPONENTS: dict[str, Callable[[Shape], Component]] = {
    "norm": norm,
    "attention": attention,
    "rope": rope,
    "swiglu": swiglu,
    "cross_entropy": cross_entropy,
    "adam": adam,
    "gradient_clipping": gradient_clipping,
    "weight_gradient": weight_gradient,
}


def milliseconds_of(call: Run) -> float:
    """Median of some runs after some to warm up, by events of the stream, else by the clock."""
    for _ in range(WARMUP):
        call()
    found = []
    for _ in range(REPEATS):
        if IS_GPU:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            start.record()
            call()
            end.record()
            end.synchronize()
            found.append(float(start.elapsed_time(end)))
        else:
            started = time.perf_counter()
            call()
            found.append((time.perf_counter() - started) * 1000)
    return median(found)


def error_of(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """The largest ‖found − wanted‖ / ‖wanted‖."""
    pairs = zip(found, wanted, strict=True)
    return max(float((mine.detach().cpu().double() - plain.detach()).norm() / plain.detach().norm()) for mine, plain in pairs)


def measure(name: str, shape: Shape) -> dict[str, Any]:
    """Every kernel of the component: figures, or why there are none; the order of those that a trainer can take."""
    component = COMPONENTS[name](shape)
    wanted = [tensor.clone() for tensor in component.kernels["float64"](FEW_TOKENS, torch.float64, torch.device("cpu"))()]
    rows: list[dict[str, Any]] = []
    for kernel in sorted(set(component.kernels) | set(component.absent)):
        if kernel == "float64":
            continue
        reason = component.absent[kernel]()
        if reason is None:
            try:
                error = error_of(component.kernels[kernel](FEW_TOKENS, DTYPE, DEVICE)(), wanted)
                spent = milliseconds_of(component.kernels[kernel](component.num_tokens, DTYPE, DEVICE))
            except Exception as failure:  # of one library's kernel, whatever it raises
                reason = f"{type(failure).__name__}: {str(failure).splitlines()[0][:200] if str(failure) else ''}"
            else:
                rate = component.work / (spent / 1000) / (1e12 if component.unit == "TFLOP/s" else 1e9)
                rows.append({"kernel": kernel, "milliseconds": spent, "rate": rate, "unit": component.unit, "error": error})
        if reason is not None:
            rows.append({"kernel": kernel, "reason": reason})
        if IS_GPU:
            torch.cuda.empty_cache()
    rows.sort(key=lambda row: (row.get("milliseconds", float("inf")), row["kernel"]))
    known = CANDIDATES.get(name, {})
    order = [row["kernel"] for row in rows if row["kernel"] in known and row.get("error", 1.0) <= MOST_ERROR]
    return {"status": "measured", "size": component.size, "counted": component.counted, "kernels": rows, "order": order}


def main() -> int:
    """Measures one component and writes its figures."""
    parser = Parser(prog="python -m benchmarks.train_components", description=__doc__ or "")
    parser.add_argument("--component", required=True, choices=sorted(COMPONENTS), help="what is measured")
    parser.add_argument("--shape", required=True, choices=sorted(SHAPES), help="its size")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="figures, JSON")
    args = parser.parse_args()
    write_manifest(args.out, measure(args.component, SHAPES[args.shape]))
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.train_components", main)
