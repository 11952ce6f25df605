"""One case of `benchmarks.bench_train` in a process of its own: a trainer, a shape, a micro-batch. Writes what it measured as JSON.

    python -m benchmarks.train_cases --case '{"kind": "texmill", …}' --work DIR --out FILE

Every kind trains on the same made text: token ids drawn by Zipf's law, in token shards for texmill, as random batches for the others.
"""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from shards.cli import Parser, run
from shards.commit import write_bytes
from shards.manifest import write_manifest
from shards.token_shard import TokenShardWriter
from train.config import (
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    ParallelConfig,
    TrainConfig,
    TrainingConfig,
    WatchConfig,
    num_parameters,
)

NEVER = 10**9  # steps
EOD = 0
DOCUMENT_TOKENS = 16_384  # about what a paper of arXiv has
DOES_NOT_FIT = "does not fit"
MOST_SECONDS = 60.0  # that steps are timed for, once FEWEST_STEPS are there
FEWEST_STEPS = 5
PROFILED_KERNELS = 30


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model and the sizes it is measured at."""

    layers: int
    hidden: int
    heads: int
    ffn: int
    vocabularies: tuple[int, ...]
    sequences: tuple[int, ...]
    # the first of both is the headline's
    micro_batch_tokens: int
    # tokens of the largest micro-batch that is tried
    step_tokens: int
    # tokens of one optimizer step
    chunk_tokens: int
    # of the loss in chunks
    shard_tokens: int
    # tokens of the made token shards
    warmup_steps: int
    steps: int


SHAPES = {
    "1.36B": Shape(
        layers=24,
        hidden=2048,
        heads=16,
        ffn=5504,
        vocabularies=(35_584, 102_400),
        sequences=(4096, 2048, 768),
        micro_batch_tokens=32_768,
        step_tokens=131_072,
        chunk_tokens=4096,
        shard_tokens=8_000_000,
        warmup_steps=4,
        steps=20,
    ),
    "tiny": Shape(
        layers=2,
        hidden=64,
        heads=4,
        ffn=176,
        vocabularies=(512, 1024),
        sequences=(64, 32, 16),
        micro_batch_tokens=256,
        step_tokens=512,
        chunk_tokens=128,
        shard_tokens=100_000,
        warmup_steps=2,
        steps=10,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured."""

    kind: str
    shape: str
    vocabulary: int
    sequence: int
    micro_batch: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.kind} vocabulary {self.vocabulary} sequence {self.sequence}"

    @property
    def num_micro_batches(self) -> int:
        """Micro-batches of one step: about as many tokens whatever the micro-batch."""
        return max(1, round(SHAPES[self.shape].step_tokens / (self.micro_batch * self.sequence)))

    @property
    def tokens(self) -> int:
        """Tokens of one step."""
        return self.micro_batch * self.sequence * self.num_micro_batches

    @property
    def model(self) -> ModelConfig:
        """The model in this project's words."""
        shape = SHAPES[self.shape]
        return ModelConfig(
            num_layers=shape.layers,
            hidden_size=shape.hidden,
            num_attention_heads=shape.heads,
            ffn_hidden_size=shape.ffn,
            vocab_size=self.vocabulary,
            seq_length=self.sequence,
        )


def train_config(case: Case, *, bf16: bool) -> TrainConfig:
    """The case as texmill trains it: the recipe of the shape but for what would end up outside of a step."""
    shape = SHAPES[case.shape]
    return TrainConfig(
        model=case.model,
        data=DataConfig(),
        optimizer=OptimizerConfig(lr=2e-4, min_lr=2e-5, lr_warmup_iters=500),
        parallel=ParallelConfig(use_distributed_optimizer=True, overlap_grad_reduce=True, overlap_param_gather=True),
        training=TrainingConfig(
            micro_batch_size=case.micro_batch,
            global_batch_size=case.micro_batch * case.num_micro_batches,
            train_iters=shape.warmup_steps + shape.steps + 2,
            eval_interval=NEVER,
            save_interval=NEVER,
            log_interval=10,
            bf16=bf16,
            cross_entropy_chunk_tokens=shape.chunk_tokens,
        ),
        watch=WatchConfig(replica_check_interval=None),
    )


def draw_ids(generator: np.random.Generator, size: int | tuple[int, ...], vocabulary: int) -> npt.NDArray[np.int64]:
    """Ids from 1 on by Zipf's law, as words are: random, and as compressible as text."""
    weights = 1.0 / (np.arange(1, vocabulary) + 2.7)
    edges = np.cumsum(weights) / weights.sum()
    ids = np.searchsorted(edges, generator.random(size), side="right") + 1
    return np.minimum(ids, vocabulary - 1).astype(np.int64)


def write_shards(folder: Path, vocabulary: int, num_tokens: int) -> Path:
    """A folder of token shards as `tools.tokenize_shards` writes it; what is there already stays."""
    if (folder / "manifest.json").exists():
        return folder
    generator = np.random.default_rng(1)
    sets = {}
    for split, share in (("train", 1.0), ("validation", 0.05)):
        with TokenShardWriter(folder / "math" / split, vocab_size=vocabulary) as writer:
            size = min(DOCUMENT_TOKENS, num_tokens // 20)
            for number in range(max(2, round(num_tokens * share / size))):
                tokens = draw_ids(generator, size, vocabulary)
                tokens[-1] = EOD
                writer.add_document(tokens, f"{split}-{number}", text_bytes=3 * size)
        counts = writer.counts
        sets[f"math/{split}"] = {"documents": counts.documents, "tokens": counts.tokens, "text_bytes": counts.text_bytes}
    write_bytes(folder / "tokenizer.model", b"none: the ids are drawn")
    tokenizer = {"vocab_size": vocabulary, "eod_id": EOD, "sha256": f"{vocabulary:064x}", "file": "tokenizer.model"}
    write_manifest(folder / "manifest.json", {"tokenizer": tokenizer, "sets": sets})
    return folder


class Timer:
    """Seconds of steps after those to warm up, until there are enough."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.seconds: list[float] = []
        self.seen = 0
        self.last = time.perf_counter()

    def step_ended(self) -> None:
        """Books the step; the device must be done with what the caller wants counted."""
        now = time.perf_counter()
        self.seen += 1
        if self.seen > self.shape.warmup_steps:
            self.seconds.append(now - self.last)
        self.last = now

    @property
    def is_done(self) -> bool:
        """Whether nothing more need be timed."""
        return len(self.seconds) >= self.shape.steps or (len(self.seconds) >= FEWEST_STEPS and sum(self.seconds) > MOST_SECONDS)


def _wait() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def peak_bytes() -> int:
    """The most bytes that tensors have taken on the GPU, else that the process has taken of memory."""
    from train.metrics import memory_bytes

    return memory_bytes()


# texmill


def run_texmill(case: Case, work: Path) -> dict[str, Any]:
    """The trainer itself: its loop, its data thread, token shards of zstd frames; without validation and checkpoints."""
    import torch

    from train import megatron_adapter
    from train.data import open_token_shards, with_vocabulary
    from train.trainer import Trainer

    timer = Timer(SHAPES[case.shape])
    stalls: list[float] = []
    kernels: list[dict[str, Any]] = []

    class Enough(Exception):
        """All steps are timed."""

    class TimedTrainer(Trainer):
        """Times its steps, then looks into one."""

        def validate(self) -> None:
            """None of it is part of a step."""

        def _save(self, *, is_last: bool) -> None:
            """Nor is this."""

        def _step(self, batches: Any) -> tuple[float, float, float, int, bool]:
            if timer.is_done:
                with _profile(kernels):
                    ended = super()._step(batches)
                    _wait()
                raise Enough
            waited = batches.waited_seconds
            ended = super()._step(batches)
            _wait()
            timer.step_ended()
            stalls.append(batches.waited_seconds - waited)
            return ended

    folder = write_shards(work / f"tokens-{case.shape}-{case.vocabulary}", case.vocabulary, SHAPES[case.shape].shard_tokens)
    shards = open_token_shards(folder)
    config = with_vocabulary(train_config(case, bf16=torch.cuda.is_available()), shards)
    if not torch.distributed.is_initialized():
        megatron_adapter.start_processes()
    run_folder = work / "run"
    run_folder.mkdir(parents=True, exist_ok=True)
    trainer = TimedTrainer(config, shards, run_folder)
    with contextlib.suppress(Enough):
        trainer.train()
    timed = stalls[-len(timer.seconds) :]
    return {
        "seconds": timer.seconds,
        "data_stall_share": sum(timed) / sum(timer.seconds),
        "kernels": {choice.component: choice.kernel for choice in trainer.kernels.choices},
        "profile": kernels,
    }


@contextlib.contextmanager
def _profile(kernels: list[dict[str, Any]]) -> Iterator[None]:
    """What the time inside goes into: the kernels of the GPU that take most of it, else the processor's operations."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    is_gpu = torch.cuda.is_available()
    with profile(activities=[ProfilerActivity.CUDA if is_gpu else ProfilerActivity.CPU]) as profiler:
        yield
    name = "self_device_time_total" if is_gpu else "self_cpu_time_total"
    found = sorted(((getattr(row, name), row.key, row.count) for row in profiler.key_averages()), reverse=True)
    whole = sum(microseconds for microseconds, _, _ in found) or 1
    kernels += [
        {"kernel": key[:160], "calls": calls, "milliseconds": round(microseconds / 1000, 3), "share": round(microseconds / whole, 4)}
        for microseconds, key, calls in found[:PROFILED_KERNELS]
    ]


# the others: a loop of their own


def time_steps(case: Case, step: Callable[[Callable[[], Any]], None]) -> dict[str, Any]:
    """Times `step`, which takes what gives it the next micro-batch of ids `[B, S + 1]` int64 on the device."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = np.random.default_rng(1)
    shape = (case.micro_batch, case.sequence + 1)
    made = [torch.from_numpy(draw_ids(generator, shape, case.vocabulary)) for _ in range(8)]
    given = iter(range(NEVER))

    def next_ids() -> Any:
        ids = made[next(given) % len(made)]
        return ids.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else ids

    timer = Timer(SHAPES[case.shape])
    while not timer.is_done:
        step(next_ids)
        _wait()
        timer.step_ended()
    return {"seconds": timer.seconds, "data_stall_share": None}


def run_transformers(case: Case, *, is_best: bool) -> dict[str, Any]:
    """Hugging Face's LlamaForCausalLM in bfloat16 autocast over float32 weights. The seed's settings: every layer run twice, torch's AdamW
    as it comes, nothing compiled. Its best: nothing run twice, the model compiled, AdamW fused. Attention is PyTorch's in both."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    is_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if is_gpu else "cpu")
    shape = SHAPES[case.shape]
    torch.manual_seed(1)
    settings = LlamaConfig(
        vocab_size=case.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=case.sequence,
        tie_word_embeddings=False,
        use_cache=False,
        attn_implementation="sdpa",
    )
    with device:
        model = LlamaForCausalLM(settings)
    model.train()
    if not is_best:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True if is_best else None)
    called = torch.compile(model) if is_best and is_gpu else model

    def step(next_ids: Callable[[], Any]) -> None:
        for _ in range(case.num_micro_batches):
            ids = next_ids()[:, :-1]
            with torch.autocast(device.type, dtype=torch.bfloat16):
                loss = called(input_ids=ids, labels=ids).loss
            (loss / case.num_micro_batches).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return time_steps(case, step) | {"compiled": is_best and is_gpu, "parameters": sum(weight.numel() for weight in model.parameters())}


def run_megatron_local(case: Case) -> dict[str, Any]:
    """megatron-core's local layer spec, optimizer and settings as they come, but for the model's shape, bfloat16 and no dropout."""
    import torch

    if torch.cuda.is_available():
        from megatron.core import parallel_state, tensor_parallel
    else:
        import train.megatron_adapter  # answers for CUDA where there is none

        assert train.megatron_adapter.SUPPORTED
        from megatron.core import parallel_state, tensor_parallel
    from megatron.core.distributed import DistributedDataParallel, DistributedDataParallelConfig, finalize_model_grads
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.models.gpt.gpt_model import GPTModel
    from megatron.core.optimizer import OptimizerConfig as MegatronOptimizerConfig
    from megatron.core.optimizer import get_megatron_optimizer
    from megatron.core.pipeline_parallel import get_forward_backward_func
    from megatron.core.transformer.transformer_config import TransformerConfig

    is_gpu = torch.cuda.is_available()
    if not torch.distributed.is_initialized():
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group("nccl" if is_gpu else "gloo", store=store, rank=0, world_size=1)
    parallel_state.initialize_model_parallel()
    tensor_parallel.model_parallel_cuda_manual_seed(1, inference_rng_tracker=not is_gpu, force_reset_rng=True)
    shape = SHAPES[case.shape]
    dtype = torch.bfloat16 if is_gpu else torch.float32
    settings = TransformerConfig(
        num_layers=shape.layers,
        hidden_size=shape.hidden,
        num_attention_heads=shape.heads,
        ffn_hidden_size=shape.ffn,
        normalization="RMSNorm",
        gated_linear_unit=True,
        activation_func=torch.nn.functional.silu,
        add_bias_linear=False,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        bf16=is_gpu,
        params_dtype=dtype,
        pipeline_dtype=dtype,
        use_cpu_initialization=not is_gpu,
    )
    model = GPTModel(
        config=settings,
        transformer_layer_spec=get_gpt_layer_local_spec(normalization="RMSNorm"),
        vocab_size=case.vocabulary,
        max_sequence_length=case.sequence,
        share_embeddings_and_output_weights=False,
        position_embedding_type="rope",
    )
    model = model.cuda()
    model = model.bfloat16() if is_gpu else model
    reduction = DistributedDataParallelConfig(grad_reduce_in_fp32=True, use_distributed_optimizer=True)
    wrapped = DistributedDataParallel(settings, reduction, model)
    settings.finalize_model_grads_func = finalize_model_grads
    optimizer = get_megatron_optimizer(
        MegatronOptimizerConfig(
            optimizer="adam", lr=2e-4, weight_decay=0.1, bf16=is_gpu, params_dtype=dtype, clip_grad=1.0, use_distributed_optimizer=True
        ),
        [wrapped],
        use_gloo_process_groups=not is_gpu,
    )
    device = torch.device("cuda" if is_gpu else "cpu")
    positions = torch.arange(case.sequence, device=device).expand(case.micro_batch, -1)

    def forward(iterator: Iterator[Any], called: Any) -> tuple[Any, Callable[[Any], Any]]:
        ids = next(iterator)
        losses = called(ids[:, :-1], positions, None, labels=ids[:, 1:].contiguous())

        def mean(losses: Any) -> tuple[Any, dict[str, Any]]:
            loss = losses.float().mean()
            return loss, {"loss": loss.detach()}

        return losses, mean

    def step(next_ids: Callable[[], Any]) -> None:
        wrapped.zero_grad_buffer()
        optimizer.zero_grad()
        get_forward_backward_func()(
            forward_step_func=forward,
            data_iterator=iter(next_ids, None),
            model=wrapped,
            num_microbatches=case.num_micro_batches,
            seq_length=case.sequence,
            micro_batch_size=case.micro_batch,
            forward_only=False,
        )
        optimizer.step()

    try:
        return time_steps(case, step) | {"parameters": sum(weight.numel() for weight in model.parameters())}
    finally:
        parallel_state.destroy_model_parallel()


KINDS: dict[str, Callable[[Case, Path], dict[str, Any]]] = {
    "texmill": run_texmill,
    "transformers at its best": lambda case, _: run_transformers(case, is_best=True),
    "megatron-core local": lambda case, _: run_megatron_local(case),
    "transformers as the seed": lambda case, _: run_transformers(case, is_best=False),
}


def measure(case: Case, work: Path) -> dict[str, Any]:
    """Runs the case; `status` says whether it fitted."""
    import torch

    from train.metrics import mfu, peak_tflops

    started = time.perf_counter()
    try:
        found = KINDS[case.kind](case, work)
    except torch.OutOfMemoryError:
        return {"status": DOES_NOT_FIT, "micro_batch": case.micro_batch}
    stated = found.pop("parameters", None)
    if stated is not None and stated != num_parameters(case.model):
        raise ValueError(f"{case.key}: {stated} parameters where {num_parameters(case.model)} are compared")
    seconds = found.pop("seconds")
    rate = case.tokens / median(seconds)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    peak = peak_tflops(device, None)
    return {
        "status": "measured",
        "micro_batch": case.micro_batch,
        "micro_batches_a_step": case.num_micro_batches,
        "tokens_a_step": case.tokens,
        "steps": len(seconds),
        "seconds_a_step": {"median": median(seconds), "least": min(seconds), "most": max(seconds)},
        "tokens_per_second": rate,
        "mfu": mfu(case.model, rate, 1, peak, is_causal=False),
        "mfu_causal": mfu(case.model, rate, 1, peak, is_causal=True),
        "peak_bytes": peak_bytes(),
        "case_seconds": time.perf_counter() - started,
    } | found


def main() -> int:
    """Runs one case and writes its figures."""
    parser = Parser(prog="python -m benchmarks.train_cases", description=__doc__ or "")
    parser.add_argument("--case", required=True, metavar="JSON", help="fields of the case")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="token shards, which stay, and what a run leaves")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="figures, JSON")
    args = parser.parse_args()
    case = Case(**json.loads(args.case))
    write_manifest(args.out, measure(case, args.work) | {"case": dataclasses.asdict(case)})
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.train_cases", main)
