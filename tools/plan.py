"""Says what a recipe needs before it costs anything: parameters, memory of a GPU by part, tokens a second, days, energy and cost.

Parameters, weights, gradients and optimizer state are exact. Activations are counted tensor by tensor as this trainer keeps them for the
backward pass with PyTorch's kernels. What lies beside all this on a GPU is an allowance (--reserve-gib). Speed comes from utilisation that
others have published for their software on such GPUs, named in the output, or from --mfu.
"""

import argparse
import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.cli import Parser, run
from shards.errors import InputError
from train.config import ModelConfig, TrainConfig, add_flags, flops_per_token, load_recipe, num_parameters, override
from train.metrics import peak_tflops

GIB = 1024**3
RECOMPUTE_MODES = (None, "selective", "full")
DEFAULT_RESERVE_GIB = 4.0  # CUDA's context, NCCL's buffers, cuBLAS's workspaces, what the allocator cannot join: an allowance, not measured
MAX_MICRO_BATCH = 1024  # where the search for one that fits ends
GIVEN = "--mfu"
ADAM_BYTES = 8  # of a parameter: two moments in float32
MAIN_BYTES = 4  # of a parameter: the float32 weight beside a bfloat16 one
PLAIN = "torch"  # the name of PyTorch's kernels that nothing fuses
GRADIENT_BYTES = 4  # of a parameter: gradients are summed and reduced in float32


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU: its name as the driver gives it, memory as nvidia-smi gives it, power limit from NVIDIA's data sheet."""

    name: str
    memory_mib: int
    watts: int
    family: str | None
    # whose measurements serve; none: nobody's


GPUS = {
    "a100-40gb": Gpu(name="NVIDIA A100-SXM4-40GB", memory_mib=40_960, watts=400, family="A100"),
    "a100-80gb": Gpu(name="NVIDIA A100-SXM4-80GB", memory_mib=81_920, watts=400, family="A100"),
    "a100-80gb-pcie": Gpu(name="NVIDIA A100 80GB PCIe", memory_mib=81_920, watts=300, family=None),
    "h100": Gpu(name="NVIDIA H100 80GB HBM3", memory_mib=81_559, watts=700, family="Hopper"),
    "h100-pcie": Gpu(name="NVIDIA H100 PCIe", memory_mib=81_559, watts=350, family=None),
    "h200": Gpu(name="NVIDIA H200", memory_mib=143_771, watts=700, family="Hopper"),
    "l40s": Gpu(name="NVIDIA L40S", memory_mib=46_068, watts=350, family=None),
    "a6000": Gpu(name="NVIDIA RTX A6000", memory_mib=49_140, watts=300, family=None),
}


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What others have published of their own software. `mfu` counts attention in full (`train.config.flops_per_token`)."""

    source: str
    model: str
    hardware: str
    family: str
    tokens_per_second_per_gpu: int
    mfu: float


MEASURED = (
    Measurement(
        source="llm-foundry, benchmark table",
        model="MPT-1b, 24 layers of 2048, sequence 4096",
        hardware="8 x A100-80GB",
        family="A100",
        tokens_per_second_per_gpu=17_807,
        mfu=0.59,
    ),
    Measurement(
        source="llm-foundry, benchmark table",
        model="MPT-1b, 24 layers of 2048, sequence 2048",
        hardware="8 x A100-80GB",
        family="A100",
        tokens_per_second_per_gpu=20_513,
        mfu=0.60,
    ),
    Measurement(
        source="flash-attention repository, training",
        model="GPT 1.3B, sequence 2048",
        hardware="8 x A100-80GB",
        family="A100",
        tokens_per_second_per_gpu=21_125,
        mfu=0.606,
    ),
    Measurement(
        source="nanochat, d20",
        model="561M, torch.compile and SDPA",
        hardware="8 x A100",
        family="A100",
        tokens_per_second_per_gpu=66_200,
        mfu=0.74,
    ),
    Measurement(
        source="OLMo-core",
        model="1B, vocabulary 100k untied, sequence 4096",
        hardware="H100",
        family="Hopper",
        tokens_per_second_per_gpu=55_000,
        mfu=0.478,
    ),
    Measurement(
        source="KempnerForge",
        model="7B, FSDP, full recompute",
        hardware="H200",
        family="Hopper",
        tokens_per_second_per_gpu=10_471,
        mfu=0.578,
    ),
)


def parameters_by_part(model: ModelConfig) -> dict[str, int]:
    """Exact number of parameters of each part; the output has none where it is tied to the embedding."""
    hidden, layers = model.hidden_size, model.num_layers
    return {
        "embedding": model.known_vocab_size * hidden,
        "attention": layers * (2 * hidden * hidden + 2 * hidden * model.query_groups * model.head_size),
        "mlp": layers * 3 * hidden * model.ffn_hidden_size,
        "norms": (2 * layers + 1) * hidden,
        "output": model.known_vocab_size * hidden if model.untie_embeddings_and_output_weights else 0,
    }


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of one GPU. `activations` are what micro-batches keep for their backward pass: one of them, or as many as a pipeline stage has
    on the way. On top of them stand, one after the other, `logits` (with the loss) and then `layer_backward` (one layer's gradients,
    and its activations again where they are recomputed)."""

    weights: int
    gradients: int
    main_weights: int
    adam: int
    activations: int
    logits: int
    layer_backward: int
    reserve: int

    @property
    def total(self) -> int:
        """Bytes at the peak."""
        steady = self.weights + self.gradients + self.main_weights + self.adam + self.activations + self.reserve
        return steady + max(self.logits, self.layer_backward)


def local_parameters(model: ModelConfig, tensor_parallel: int, stages: int = 1, stage: int = 0) -> int:
    """Parameters of one process: of its stage's layers, matrices are divided over the tensor-parallel processes, norms are not.

    The first stage has the embedding, the last one the final norm and the output matrix: where they are tied, a copy of the embedding.
    """
    parts = parameters_by_part(model)
    matrices = (parts["attention"] + parts["mlp"]) // stages
    norms = 2 * (model.num_layers // stages) * model.hidden_size
    if stage == 0:
        matrices += parts["embedding"]
    if stage == stages - 1:
        matrices += parts["output"] if stages == 1 else parts["embedding"]
        norms += model.hidden_size
    return matrices // tensor_parallel + norms


def state_bytes(config: TrainConfig, data_parallel: int, stage: int = 0) -> dict[str, int]:
    """Bytes of weights, gradients, main weights and Adam's moments of one process of a stage, as `Memory` names them."""
    parallel = config.parallel
    number = local_parameters(config.model, parallel.tensor_model_parallel_size, parallel.pipeline_model_parallel_size, stage)
    own = math.ceil(number / data_parallel) if config.parallel.use_distributed_optimizer else number
    is_bf16 = config.training.bf16
    return {
        "weights": number * (2 if is_bf16 else 4),
        "gradients": number * GRADIENT_BYTES,
        "main_weights": own * MAIN_BYTES if is_bf16 else 0,
        "adam": own * ADAM_BYTES,
    }


def layer_bytes(config: TrainConfig, num_tokens: int) -> int:
    """Bytes that one layer keeps of a micro-batch of `num_tokens` for its backward pass, on one process, with PyTorch's kernels.

    Both norms keep their input and what they give to the next matrix; attention keeps query, key and value, its output, and one float32 a
    head; the SwiGLU keeps gate and up and the product. That is so with the compiled kernels, which a GPU takes. Kernels that are asked for
    by the name torch keep more. The norm: a float32 copy of its input where the model is bfloat16. Rotary positions: the joint query, key
    and value (the value is a view of it) beside the rotated two, and four tables of each layer. The SwiGLU: silu(gate), and up once more
    (megatron adds an offset of zero to it).
    """
    model, parallel, kernels = config.model, config.parallel, config.kernels
    size = 2 if config.training.bf16 else 4
    tensor = parallel.tensor_model_parallel_size
    whole = tensor if parallel.sequence_parallel else 1  # norms are divided by sequence parallelism alone
    norms = 2 * (norm_bytes(config) + size * model.hidden_size)
    joint = model.hidden_size + 2 * model.query_groups * model.head_size
    rotated = model.hidden_size + model.query_groups * model.head_size if kernels.kernel_rope == PLAIN else 0
    attention = size * (joint + rotated + model.hidden_size) + 4 * model.num_attention_heads
    swiglu = (5 if kernels.kernel_swiglu == PLAIN else 3) * size * model.ffn_hidden_size
    tables = 4 * size * model.head_size * model.seq_length if kernels.kernel_rope == PLAIN else 0
    return num_tokens * norms // whole + num_tokens * (attention + swiglu) // tensor + tables


def norm_bytes(config: TrainConfig) -> int:
    """Bytes a token that a norm keeps: its input, in float32 where PyTorch's plain kernel is asked for, and one number."""
    return (4 if config.kernels.kernel_norm == PLAIN or not config.training.bf16 else 2) * config.model.hidden_size + 4


def loss_bytes(config: TrainConfig, num_tokens: int) -> int:
    """Bytes of logits and loss of a micro-batch on the last stage: all at once, or a chunk's with the gradients made there."""
    model, chunk = config.model, config.training.cross_entropy_chunk_tokens
    size = 2 if config.training.bf16 else 4
    tensor = config.parallel.tensor_model_parallel_size
    # bfloat16 logits and their float32 copy, in which the softmax is made in place; float32 ones are changed in place themselves
    a_token = model.known_vocab_size * (6 if config.training.bf16 else 4) // tensor
    if chunk is None or chunk >= num_tokens:
        return num_tokens * a_token
    gradients = model.known_vocab_size * model.hidden_size * (4 + size) // tensor + num_tokens * model.hidden_size * size
    return chunk * a_token + gradients


def num_micro_batches(config: TrainConfig, data_parallel: int) -> int:
    """Micro-batches of a step that each data-parallel process takes; rounded up where the global batch is no multiple."""
    return -(-config.training.global_batch_size // (config.training.micro_batch_size * data_parallel))


def idle_share(config: TrainConfig, data_parallel: int) -> float:
    """Share of a step in which a pipeline stage has nothing to do: (p - 1) / (m + p - 1) of p stages and m micro-batches (1F1B)."""
    waits = config.parallel.pipeline_model_parallel_size - 1
    return waits / (num_micro_batches(config, data_parallel) + waits)


def memory(config: TrainConfig, data_parallel: int, reserve: int) -> Memory:
    """Memory of each GPU for a config, by part: of the pipeline stage that needs most."""
    stages = range(config.parallel.pipeline_model_parallel_size)
    return max((stage_memory(config, data_parallel, reserve, stage) for stage in stages), key=lambda found: found.total)


def stage_memory(config: TrainConfig, data_parallel: int, reserve: int, stage: int) -> Memory:
    """Memory of each GPU of a pipeline stage (from 0), by part.

    With 1F1B stage s of p has p - s micro-batches on the way, and keeps of each what it received and what it sent on besides.
    """
    model, parallel, training = config.model, config.parallel, config.training
    tensor, stages = parallel.tensor_model_parallel_size, parallel.pipeline_model_parallel_size
    is_last = stage == stages - 1
    whole = tensor if parallel.sequence_parallel else 1
    size = 2 if training.bf16 else 4
    num_tokens = training.micro_batch_size * model.seq_length
    layer = layer_bytes(config, num_tokens)
    is_full = training.recompute_granularity == "full"
    kept = num_tokens * size * model.hidden_size // whole if is_full else layer
    last = num_tokens * (norm_bytes(config) + size * model.hidden_size) // whole if is_last else 0  # the final norm
    exchanged = num_tokens * size * model.hidden_size // whole * ((stage > 0) + (not is_last))
    on_the_way = min(num_micro_batches(config, data_parallel), stages - stage)
    return Memory(
        **state_bytes(config, data_parallel, stage),
        activations=on_the_way * (model.num_layers // stages * kept + last + exchanged),
        logits=loss_bytes(config, num_tokens) if is_last else 0,
        layer_backward=layer * (2 if is_full else 1),
        reserve=reserve,
    )


def with_training(config: TrainConfig, **fields: Any) -> TrainConfig:
    """The config with other fields of its training section."""
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **fields))


def largest_micro_batch(config: TrainConfig, data_parallel: int, reserve: int, capacity: int) -> int:
    """The most samples of a micro-batch with which a GPU of `capacity` bytes is not exceeded; 0 where not one fits."""
    fitting = 0
    while fitting < MAX_MICRO_BATCH:
        more = with_training(config, micro_batch_size=fitting + 1)
        if memory(more, data_parallel, reserve).total > capacity:
            break
        fitting += 1
    return fitting


def usable_micro_batch(config: TrainConfig, data_parallel: int, largest: int) -> int:
    """The largest micro-batch up to `largest` of which the global batch is a multiple over all data-parallel processes; 0 where none is."""
    each, rest = divmod(config.training.global_batch_size, data_parallel)
    if rest:
        return 0
    return next((size for size in range(min(largest, each), 0, -1) if each % size == 0), 0)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Bytes that each GPU sends in one step: gradients and weights among data-parallel ones, activations among tensor-parallel ones and
    from stage to stage."""

    data_parallel: int
    tensor_parallel: int
    pipeline: int


def exchange(config: TrainConfig, data_parallel: int) -> Exchange:
    """What is sent in a step, by ring algorithms: of n processes each sends (n - 1)/n of a tensor
    to gather or to scatter it, and twice that to reduce it.

    Tensor parallelism reduces an activation of the residual's width four times a layer (twice forward, twice backward), and twice for
    embedding and output; with sequence parallelism it gathers the inputs of two matrices a layer once more. A pipeline stage sends an
    activation on and a gradient back. Of several stages it is the one that sends most.
    """
    model, parallel, training = config.model, config.parallel, config.training
    tensor, stages = parallel.tensor_model_parallel_size, parallel.pipeline_model_parallel_size
    whole = tensor if parallel.sequence_parallel else 1
    number = max(local_parameters(model, tensor, stages, stage) for stage in range(stages))
    size = 2 if training.bf16 else 4
    per_parameter = GRADIENT_BYTES + size if parallel.use_distributed_optimizer else 2 * GRADIENT_BYTES
    num_tokens = training.global_batch_size * model.seq_length // data_parallel
    layers = model.num_layers // stages
    passes = 2 * (4 * layers + (2 if stages == 1 else 1)) + (2 * layers if parallel.sequence_parallel else 0)
    return Exchange(
        data_parallel=number * per_parameter * (data_parallel - 1) // data_parallel,
        tensor_parallel=num_tokens * model.hidden_size * size * passes * (tensor - 1) // tensor,
        pipeline=num_tokens * model.hidden_size * size // whole * min(stages - 1, 2),
    )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One way of dividing the model over the GPUs."""

    tensor_parallel: int
    pipeline_stages: int
    data_parallel: int
    largest_micro_batch: int
    idle_share: float
    exchange: Exchange


def layouts(config: TrainConfig, num_gpus: int, reserve: int, capacity: int) -> list[Layout]:
    """Every tensor-parallel size that divides GPUs, heads, groups and matrices (above 1 with sequence parallelism), with every number of
    pipeline stages that divides what is left, and the layers; those that divide the model least come first."""
    found = []
    model = config.model
    for tensor in range(1, num_gpus + 1):
        if any(
            number % tensor
            for number in (num_gpus, model.num_attention_heads, model.query_groups, model.ffn_hidden_size, model.known_vocab_size)
        ):
            continue
        if model.seq_length % tensor:
            continue
        for stages in range(1, num_gpus // tensor + 1):
            if num_gpus // tensor % stages or model.num_layers % stages:
                continue
            parallel = dataclasses.replace(
                config.parallel,
                tensor_model_parallel_size=tensor,
                sequence_parallel=tensor > 1,
                pipeline_model_parallel_size=stages,
            )
            divided = dataclasses.replace(config, parallel=parallel)
            data = num_gpus // (tensor * stages)
            found.append(
                Layout(
                    tensor_parallel=tensor,
                    pipeline_stages=stages,
                    data_parallel=data,
                    largest_micro_batch=largest_micro_batch(divided, data, reserve, capacity),
                    idle_share=idle_share(divided, data),
                    exchange=exchange(divided, data),
                )
            )
    return sorted(found, key=lambda layout: (layout.tensor_parallel * layout.pipeline_stages, layout.pipeline_stages))


def recompute_factor(config: TrainConfig) -> float:
    """Share of the arithmetic that is the model's own: full recompute runs the layers' forward pass, a third of their work, twice."""
    if config.training.recompute_granularity != "full":
        return 1.0
    model = config.model
    flops = flops_per_token(model, is_causal=False)
    layers = flops - 6 * model.known_vocab_size * model.hidden_size
    return flops / (flops + layers / 3)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a utilisation gives for the whole run."""

    source: str
    mfu: float
    mfu_causal: float
    tokens_per_second: float
    days: float
    kwh: float
    cost: float | None


def speed(
    config: TrainConfig, gpu: Gpu, num_gpus: int, tokens: float, mfu: float, source: str, price_per_gpu_hour: float | None
) -> Speed | None:
    """Tokens a second, days, energy and cost at a utilisation (full attention counted), or None where the GPU's peak is not known."""
    peak = peak_tflops(gpu.name, config.training.peak_tflops)
    if peak is None:
        return None
    full, causal = (flops_per_token(config.model, is_causal=is_causal) for is_causal in (False, True))
    rate = num_gpus * peak * 1e12 * mfu / full
    hours = tokens / rate / 3600
    return Speed(
        source=source,
        mfu=mfu,
        mfu_causal=mfu * causal / full,
        tokens_per_second=rate,
        days=hours / 24,
        kwh=hours * num_gpus * gpu.watts / 1000,
        cost=None if price_per_gpu_hour is None else hours * num_gpus * price_per_gpu_hour,
    )


def speeds(config: TrainConfig, gpu: Gpu, num_gpus: int, tokens: float, mfu: float | None, price_per_gpu_hour: float | None) -> list[Speed]:
    """At the stated utilisation, or at each that others measured on such GPUs, lowest first; less where layers are recomputed, and where
    pipeline stages wait."""
    if mfu is not None:
        given = [(mfu, GIVEN)]
    else:
        parallel = config.parallel
        busy = 1 - idle_share(config, num_gpus // (parallel.tensor_model_parallel_size * parallel.pipeline_model_parallel_size))
        factor = recompute_factor(config) * busy
        found = sorted((entry for entry in MEASURED if entry.family == gpu.family), key=lambda entry: entry.mfu)
        # a figure that was measured with full recompute has its cost in it
        given = [
            (entry.mfu * (busy if "full recompute" in entry.model else factor), f"{entry.source}: {entry.model}, {entry.hardware}")
            for entry in found
        ]
    estimates = (speed(config, gpu, num_gpus, tokens, value, source, price_per_gpu_hour) for value, source in given)
    return [estimate for estimate in estimates if estimate is not None]


def checkpoint_bytes(config: TrainConfig) -> int:
    """Bytes of one checkpoint on disk: weights, main weights, moments, each once over all processes."""
    is_bf16 = config.training.bf16
    has_main = is_bf16 or config.parallel.use_distributed_optimizer
    return num_parameters(config.model) * ((2 if is_bf16 else 4) + (MAIN_BYTES if has_main else 0) + ADAM_BYTES)


def plan(
    config: TrainConfig,
    gpu_key: str,
    num_gpus: int,
    *,
    tokens: float | None = None,
    mfu: float | None = None,
    price_per_gpu_hour: float | None = None,
    reserve_gib: float = DEFAULT_RESERVE_GIB,
) -> dict[str, Any]:
    """Everything that is printed, as plain values; bytes unless a name says otherwise.

    Raises `InputError` where the number of GPUs and the recipe do not fit together.
    """
    gpu = GPUS[gpu_key]
    data = config.check_world(num_gpus)
    capacity, reserve = gpu.memory_mib * 1024**2, round(reserve_gib * GIB)
    model, training = config.model, config.training
    tokens_per_step = training.global_batch_size * model.seq_length
    total = tokens if tokens is not None else float(training.train_iters * tokens_per_step)
    used = memory(config, data, reserve)
    alternatives = []
    for is_divided in (True, False):
        for mode in RECOMPUTE_MODES:
            other = with_training(config, recompute_granularity=mode)
            gathers = config.parallel.overlap_param_gather and is_divided
            parallel = dataclasses.replace(config.parallel, use_distributed_optimizer=is_divided, overlap_param_gather=gathers)
            other = dataclasses.replace(other, parallel=parallel)
            largest = largest_micro_batch(other, data, reserve, capacity)
            alternatives.append(
                {
                    "use_distributed_optimizer": is_divided,
                    "recompute_granularity": mode,
                    "bytes": memory(other, data, reserve).total,
                    "largest_micro_batch": largest,
                    "usable_micro_batch": usable_micro_batch(config, data, largest),
                }
            )
    largest = largest_micro_batch(config, data, reserve, capacity)
    return {
        "gpu": gpu_key,
        "gpu_name": gpu.name,
        "gpu_bytes": capacity,
        "gpu_watts": gpu.watts,
        "num_gpus": num_gpus,
        "data_parallel": data,
        "tensor_parallel": config.parallel.tensor_model_parallel_size,
        "pipeline_stages": config.parallel.pipeline_model_parallel_size,
        "idle_share": idle_share(config, data),
        "config": dataclasses.asdict(config),
        "num_parameters": num_parameters(model),
        "parameters": parameters_by_part(model),
        "flops_per_token": {"full": flops_per_token(model, is_causal=False), "causal": flops_per_token(model, is_causal=True)},
        "memory": dataclasses.asdict(used) | {"total": used.total},
        "fits": used.total <= capacity,
        "largest_micro_batch": largest,
        "usable_micro_batch": usable_micro_batch(config, data, largest),
        "alternatives": alternatives,
        "layouts": [dataclasses.asdict(layout) for layout in layouts(config, num_gpus, reserve, capacity)],
        "checkpoint_bytes": checkpoint_bytes(config),
        "tokens": total,
        "tokens_per_step": tokens_per_step,
        "steps": math.ceil(total / tokens_per_step),
        "peak_tflops": peak_tflops(gpu.name, training.peak_tflops),
        "price_per_gpu_hour": price_per_gpu_hour,
        "recompute_factor": recompute_factor(config),
        "speeds": [dataclasses.asdict(entry) for entry in speeds(config, gpu, num_gpus, total, mfu, price_per_gpu_hour)],
    }


def lines_of(found: dict[str, Any], title: str) -> list[str]:
    """A plan as lines for a person."""
    layout = f"data parallel {found['data_parallel']}, tensor parallel {found['tensor_parallel']}"
    if found["pipeline_stages"] > 1:
        layout += f", {found['pipeline_stages']} pipeline stages, each idle {found['idle_share']:.1%} of a step"
    flops = found["flops_per_token"]
    return [
        f"{title} on {found['num_gpus']} x {found['gpu']}: {layout}",
        "",
        f"{'parameters':<16}{found['num_parameters']:>16,}  exact",
        *(f"  {name:<14}{number:>16,}" for name, number in found["parameters"].items()),
        f"{'FLOPs a token':<16}{flops['full']:>16.4g}  attention in full; {flops['causal']:.4g} causal",
        "",
        *_memory_lines(found),
        "",
        *_layout_lines(found),
        "",
        *_speed_lines(found),
    ]


def _memory_lines(found: dict[str, Any]) -> list[str]:
    parts, parallel, training = found["memory"], found["config"]["parallel"], found["config"]["training"]
    divided = f"divided over {found['data_parallel']} (ZeRO-1)" if parallel["use_distributed_optimizer"] else "whole on every GPU"
    logits_count = parts["logits"] >= parts["layer_backward"]
    rows = [
        ("weights", "weights", "bfloat16" if training["bf16"] else "float32"),
        ("gradients", "gradients", "float32"),
        ("main weights", "main_weights", f"float32, {divided}" if parts["main_weights"] else "the weights themselves"),
        ("Adam's moments", "adam", f"float32, {divided}"),
        (
            "activations",
            "activations",
            f"micro-batch {training['micro_batch_size']}, recompute {training['recompute_granularity'] or 'none'}",
        ),
        ("logits", "logits", "with their loss" if logits_count else "with their loss; less than the next line, not counted"),
        ("a layer's return", "layer_backward", "its gradients" + ("; less than the line above, not counted" if logits_count else "")),
        ("reserve", "reserve", "an allowance (--reserve-gib): context, NCCL, workspaces, fragments"),
    ]
    lines = ["memory of a GPU, GiB" + (", of the pipeline stage that needs most" if found["pipeline_stages"] > 1 else "")]
    lines += [f"  {name:<18}{parts[key] / GIB:>8.2f}  {note}" for name, key, note in rows]
    verdict = "it fits" if found["fits"] else "it does NOT fit"
    lines.append(f"  {'peak':<18}{parts['total'] / GIB:>8.2f}  of {found['gpu_bytes'] / GIB:.1f}: {verdict}")
    lines += [f"largest micro-batch that fits: {_fitting(found)}", f"  {'ZeRO-1':<10}{'recompute':<12}{'peak':>8}  largest micro-batch"]
    for entry in found["alternatives"]:
        zero, mode = ("yes" if entry["use_distributed_optimizer"] else "no"), entry["recompute_granularity"] or "none"
        lines.append(f"  {zero:<10}{mode:<12}{entry['bytes'] / GIB:>8.2f}  {_fitting(entry)}")
    lines.append("  selective recomputes attention alone, of which no scores are kept here: it saves next to nothing")
    lines.append(f"a checkpoint is {found['checkpoint_bytes'] / 1e9:.1f} GB on disk, and {training['keep_checkpoints']} are kept")
    return lines


def _fitting(entry: dict[str, Any]) -> str:
    largest, usable = entry["largest_micro_batch"], entry["usable_micro_batch"]
    if not largest:
        return "none"
    return f"{largest}" if usable == largest else f"{largest}; of the global batch {usable or 'none'} is a divisor"


def _layout_lines(found: dict[str, Any]) -> list[str]:
    if found["num_gpus"] == 1:
        return ["one GPU: nothing is exchanged"]
    lines = [
        "each GPU sends in a step, GB",
        f"  {'data x tensor x stages':<24}{'gradients, weights':>20}{'inside layers':>16}{'between stages':>16}{'idle':>7}"
        "  largest micro-batch",
    ]
    for entry in found["layouts"]:
        sent = entry["exchange"]
        layout = f"{entry['data_parallel']} x {entry['tensor_parallel']} x {entry['pipeline_stages']}"
        columns = "".join(
            f"{sent[name] / 1e9:>{width}.1f}" for name, width in (("data_parallel", 20), ("tensor_parallel", 16), ("pipeline", 16))
        )
        lines.append(f"  {layout:<24}{columns}{entry['idle_share']:>7.1%}  {entry['largest_micro_batch'] or 'none'}")
    fitting = [entry for entry in found["layouts"] if entry["largest_micro_batch"]]
    if not fitting:
        return [*lines, "no layout fits: take more GPUs, larger ones, or --recompute-granularity full"]
    lines.append(
        "gradients and weights go once a step, while the backward pass goes on; what goes inside layers is waited for. Stages send less"
    )
    lines.append("and are idle while a step begins and ends (with the recipe's micro-batch). Tensor parallelism belongs inside a machine:")
    best = fitting[0]
    size = best["tensor_parallel"] * best["pipeline_stages"]
    advice = f"tensor parallel {best['tensor_parallel']}" + (f", {best['pipeline_stages']} stages" if best["pipeline_stages"] > 1 else "")
    lines.append(f"  take {advice}, " + ("for the model fits so" if size == 1 else "the least with which the model fits"))
    return lines


def _speed_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['tokens']:,.0f} tokens = {found['steps']:,} steps of {found['tokens_per_step']:,}"]
    if found["peak_tflops"] is None:
        return [*lines, f"speed: the peak of {found['gpu_name']} is not in the table; give --peak-tflops"]
    if not found["speeds"]:
        return [
            *lines,
            f"speed: no measurement on {found['gpu_name']} is known here; give --mfu, a share of {found['peak_tflops']:g} TFLOP/s",
        ]
    price = found["price_per_gpu_hour"]
    lines.append(f"  {'MFU':>6}{'causal':>8}{'tokens/s':>11}{'days':>7}{'kWh':>9}" + (f"{'cost':>10}" if price is not None else ""))
    for entry in found["speeds"]:
        shares = f"  {entry['mfu']:>6.1%}{entry['mfu_causal']:>8.1%}"
        row = f"{shares}{entry['tokens_per_second']:>11,.0f}{entry['days']:>7.1f}{entry['kwh']:>9,.0f}"
        lines.append(row + (f"{entry['cost']:>10,.0f}" if price is not None else "") + f"  {entry['source']}")
    if found["speeds"][0]["source"] != GIVEN:
        lines.append("  these are others' measurements of their own software, none is of texmill; plan with the first, the lowest")
        if found["recompute_factor"] < 1:
            lines.append(f"  times {found['recompute_factor']:.3f} for full recompute, except where it was measured so")
        if found["idle_share"]:
            lines.append(f"  times {1 - found['idle_share']:.3f} for pipeline stages that wait")
    lines.append(
        f"  MFU of {found['peak_tflops']:g} TFLOP/s a GPU (dense bfloat16, NVIDIA's data sheet); steps alone, no validation, no checkpoints"
    )
    lines.append(f"  energy of the GPUs alone, at the {found['gpu_watts']} W of their data sheet")
    if price is not None:
        lines.append(f"  cost at {price:g} a GPU hour (--price-per-gpu-hour)")
    return lines


def _require_positive(name: str, value: float | None) -> None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise InputError(f"{name} is {value}; a number above 0 is needed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Plans as the command line says."""
    parser = Parser(prog="python -m tools.plan", description=__doc__ or "")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="recipe (TOML), as for training")
    parser.add_argument("--gpu", required=True, choices=sorted(GPUS), metavar="NAME", help=f"one of {', '.join(sorted(GPUS))}")
    parser.add_argument("--num-gpus", type=int, default=1, metavar="N", help="processes, over all machines")
    parser.add_argument(
        "--tokens", type=float, default=argparse.SUPPRESS, metavar="N", help="tokens to train on, as 52.18e9 [default: the recipe's steps]"
    )
    parser.add_argument(
        "--mfu",
        type=float,
        default=argparse.SUPPRESS,
        metavar="SHARE",
        help="model FLOPs utilisation, attention in full, 0 to 1 [default: what others measured]",
    )
    parser.add_argument(
        "--price-per-gpu-hour", type=float, default=argparse.SUPPRESS, metavar="PRICE", help="in any currency [default: no cost is shown]"
    )
    parser.add_argument(
        "--reserve-gib", type=float, default=DEFAULT_RESERVE_GIB, metavar="GIB", help="memory of a GPU for what is not counted"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object; bytes, seconds and FLOPs as numbers")
    add_flags(parser)
    given = vars(parser.parse_args(arguments))
    recipe, gpu, num_gpus, reserve, is_json = (given.pop(name) for name in ("config", "gpu", "num_gpus", "reserve_gib", "json"))
    tokens, mfu, price = (given.pop(name, None) for name in ("tokens", "mfu", "price_per_gpu_hour"))
    if num_gpus < 1:
        raise InputError(f"--num-gpus is {num_gpus}; at least 1 is needed")
    _require_positive("--tokens", tokens)
    _require_positive("--price-per-gpu-hour", price)
    if mfu is not None and not 0 < mfu <= 1:
        raise InputError(f"--mfu is {mfu}; a share above 0 and up to 1 is needed, 0.6 for 60 %")
    if not (reserve >= 0 and math.isfinite(reserve)):
        raise InputError(f"--reserve-gib is {reserve}; a number from 0 is needed")
    config = override(load_recipe(recipe), given)
    found = plan(config, gpu, num_gpus, tokens=tokens, mfu=mfu, price_per_gpu_hour=price, reserve_gib=reserve)
    print(json.dumps(found, indent=1) if is_json else "\n".join(lines_of(found, recipe.stem)))
    return 0


if __name__ == "__main__":
    run("plan", main)
