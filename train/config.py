"""What a training run is: model, data, optimizer, parallelism. Field names are Megatron-LM's flag names.

A recipe is a TOML file of these fields in their sections; any field is a flag on the command line (`--micro-batch-size 8`).
"""

import argparse
import dataclasses
import functools
import inspect
import math
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shards.errors import InputError

VOCAB_DIVISOR = 128  # rows: what tensor cores like, and what any tensor-parallel size up to 128 divides


def require(is_met: bool, name: str, value: object, wanted: str) -> None:
    """Raises `InputError` naming the flag, the value found and what is wanted."""
    if not is_met:
        raise InputError(f"--{name.replace('_', '-')} is {value!r}; {wanted}")


def require_weights(weights: dict[str, float] | None) -> None:
    """Raises `InputError` for weights of domains that make no mixture."""
    if weights is not None:
        is_met = all(weight >= 0 and math.isfinite(weight) for weight in weights.values()) and sum(weights.values()) > 0
        require(is_met, "weights", weights, "numbers from 0 on are needed, one of them above 0")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A LLaMA-style GPT: RMSNorm, rotary positions, SwiGLU, no biases."""

    num_layers: int = 4
    # transformer layers
    hidden_size: int = 128
    # width of the residual stream
    ffn_hidden_size: int = 352
    # width of the SwiGLU (gate and up are each that wide)
    num_attention_heads: int = 4
    # query heads
    num_query_groups: int | None = None
    # key/value heads, each shared by num_attention_heads / num_query_groups query heads; none: as many as query heads
    vocab_size: int | None = None
    # rows of the embedding, padding included; none: the token shards' own
    seq_length: int = 256
    # tokens of one sample
    max_position_embeddings: int | None = None
    # positions that rotary frequencies are made for; none: seq_length
    rotary_base: float = 10_000.0
    # base of the rotary frequencies
    norm_epsilon: float = 1e-5
    # inside RMSNorm's square root
    init_method_std: float = 0.02
    # standard deviation of the initial weights
    init_scheme: str = "megatron"
    # megatron: the layers' output projections get that deviation divided by sqrt(2 * num_layers); plain: every matrix gets it whole
    untie_embeddings_and_output_weights: bool = True
    # a matrix of its own for the output

    def __post_init__(self) -> None:
        for name in ("num_layers", "hidden_size", "ffn_hidden_size", "num_attention_heads", "seq_length"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1 is needed")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            "hidden_size",
            self.hidden_size,
            f"a multiple of the {self.num_attention_heads} heads is needed",
        )
        require(self.head_size % 2 == 0, "hidden_size", self.hidden_size, "an even number for each head is needed (rotary positions)")
        require(
            self.num_attention_heads % self.query_groups == 0,
            "num_query_groups",
            self.num_query_groups,
            f"a divisor of the {self.num_attention_heads} heads is needed",
        )
        if self.vocab_size is not None:
            require(
                self.vocab_size % VOCAB_DIVISOR == 0 and self.vocab_size > 0,
                "vocab_size",
                self.vocab_size,
                f"a multiple of {VOCAB_DIVISOR} is needed",
            )
        require(self.init_scheme in ("megatron", "plain"), "init_scheme", self.init_scheme, "megatron or plain is needed")

    @property
    def head_size(self) -> int:
        """Width of one head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def query_groups(self) -> int:
        """Key/value heads."""
        return self.num_query_groups or self.num_attention_heads

    @property
    def known_vocab_size(self) -> int:
        """Rows of the embedding. Raises `InputError` where they are the data's and no data was given."""
        if self.vocab_size is None:
            raise InputError("vocab_size is left to the token shards; give --vocab-size or a recipe that states it")
        return self.vocab_size


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the run with a mixture of its own."""

    train_tokens: int | None = None
    # tokens of this stage, rounded up to whole samples; none: to the end of the run (the last stage alone)
    weights: dict[str, float] | None = None
    # share of samples by domain, or by a domain's bucket of math_share_edges, in any unit; none: by tokens

    def __post_init__(self) -> None:
        if self.train_tokens is not None:
            require(self.train_tokens >= 1, "stages", self.train_tokens, "at least 1 token a stage is needed")
        require_weights(self.weights)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What is trained on."""

    weights: dict[str, float] | None = None
    # share of samples by domain, or by a domain's bucket of math_share_edges, in any unit; none: by tokens
    math_share_edges: tuple[float, ...] | None = None
    # shares of a document's characters that are mathematics, 0 to 1, rising: each domain falls into buckets between them; none: one bucket
    stages: tuple[Stage, ...] | None = None
    # one after another, each TOKENS:DOMAIN=WEIGHT,... with TOKENS none for the rest of the run; none: one stage of these weights
    reset_attention_mask: bool = False
    # no token sees a token of another document of its sample; rotary positions are relative, so they need no reset
    eval_iters: int | None = None
    # global batches of each domain's validation set; none: all of it
    data_cache_path: str | None = None
    # folder of Megatron's sample indices; none: inside the run's folder
    cache_frames: int = 256
    # zstd frames (64 KiB each) that each shard's reader keeps unpacked

    def __post_init__(self) -> None:
        require_weights(self.weights)
        edges = self.math_share_edges
        if edges is not None:
            is_met = bool(edges) and all(low < high for low, high in zip((0.0, *edges), (*edges, 1.0), strict=True))
            require(is_met, "math_share_edges", edges, "rising numbers above 0 and below 1 are needed, as 0.1,0.3")
        require(self.cache_frames >= 1, "cache_frames", self.cache_frames, "at least 1 is needed")
        if self.eval_iters is not None:
            require(self.eval_iters >= 1, "eval_iters", self.eval_iters, "at least 1 is needed, or none for all of it")
        if self.stages is None:
            return
        require(self.weights is None, "weights", self.weights, "weights belong into the stages where there are stages")
        require(bool(self.stages), "stages", "", "at least one stage is needed")
        for stage in self.stages[:-1]:
            require(stage.train_tokens is not None, "stages", "none", "tokens are needed for every stage but the last")

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The stages, or the one that `weights` make; the last goes on to the end of the run."""
        return self.stages if self.stages is not None else (Stage(weights=self.weights),)


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW and its schedule."""

    lr: float = 1e-3
    # peak learning rate
    min_lr: float = 1e-4
    # at the end of the schedule
    lr_decay_style: str = "cosine"
    # cosine, linear or constant
    lr_warmup_iters: int = 20
    # steps to the peak
    lr_decay_iters: int | None = None
    # steps of the schedule; none: train_iters
    weight_decay: float = 0.1
    # on matrices alone, not on norms
    adam_beta1: float = 0.9
    # first moment
    adam_beta2: float = 0.95
    # second moment
    adam_eps: float = 1e-8
    # in the denominator
    clip_grad: float = 1.0
    # bound of the global gradient norm; 0: off

    def __post_init__(self) -> None:
        require(self.lr > 0, "lr", self.lr, "more than 0 is needed")
        require(0 <= self.min_lr <= self.lr, "min_lr", self.min_lr, f"0 to lr ({self.lr}) is needed")
        require(
            self.lr_decay_style in ("cosine", "linear", "constant"),
            "lr_decay_style",
            self.lr_decay_style,
            "cosine, linear or constant is needed",
        )


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """How a step is divided over processes."""

    tensor_model_parallel_size: int = 1
    # processes that share each layer; what is left of the world by it and by pipeline stages is data parallel
    pipeline_model_parallel_size: int = 1
    # stages of consecutive layers, each on processes of its own, that a step's micro-batches go through one after the other (1F1B)
    sequence_parallel: bool = False
    # divides norms and residuals over the tensor-parallel processes too
    use_distributed_optimizer: bool = False
    # ZeRO-1: optimizer state divided over data-parallel processes
    overlap_grad_reduce: bool = False
    # reduces gradients while the backward pass goes on
    overlap_param_gather: bool = False
    # gathers what the distributed optimizer's processes have updated while the next forward pass goes on
    ddp_bucket_size: int | None = None
    # parameters that are reduced and gathered at a time, with overlap; none: 40 million, or a million a process where that is more

    def __post_init__(self) -> None:
        for name in ("tensor_model_parallel_size", "pipeline_model_parallel_size"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1 is needed")
        if self.sequence_parallel:
            require(self.tensor_model_parallel_size > 1, "sequence_parallel", True, "tensor_model_parallel_size above 1 is needed with it")
        if self.overlap_param_gather:
            is_met = self.use_distributed_optimizer and self.overlap_grad_reduce
            require(is_met, "overlap_param_gather", True, "use_distributed_optimizer and overlap_grad_reduce are needed with it")
        bucket = self.ddp_bucket_size
        require(bucket is None or bucket >= 1, "ddp_bucket_size", bucket, "at least 1 is needed, or none")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The loop."""

    micro_batch_size: int = 8
    # samples of one forward pass of one process
    global_batch_size: int = 16
    # samples of one step over all processes
    train_iters: int = 200
    # steps
    eval_interval: int = 100
    # steps between validations; validation always stands at the beginning and at the end
    log_interval: int = 10
    # steps between lines
    save_interval: int = 100
    # steps between checkpoints; one always stands at the end
    async_save: bool = False
    # another process writes a checkpoint while training goes on; the last one of a run is waited for
    keep_checkpoints: int = 3
    # newest checkpoints that stay
    seed: int = 1234
    # of weights and of data order
    bf16: bool = False
    # bfloat16 weights and activations, float32 master weights
    recompute_granularity: str | None = None
    # full: layers are run again in the backward pass; selective: attention alone; none: off
    cross_entropy_chunk_tokens: int | None = None
    # tokens whose logits are there at a time: memory of chunk x vocabulary instead of micro-batch x vocabulary; none: all at once
    deterministic_mode: bool = False
    # only operations that give the same bits every time
    wandb_project: str | None = None
    # Weights & Biases project that figures go to as well (the package wandb is needed); none: off
    mlflow_experiment: str | None = None
    # MLflow experiment that figures go to as well (the package mlflow, and its MLFLOW_TRACKING_URI); none: off
    peak_tflops: float | None = None
    # of one device, for MFU where the device is not in the table (train/metrics.py); 10^12 operations a second

    def __post_init__(self) -> None:
        for name in (
            "micro_batch_size",
            "global_batch_size",
            "train_iters",
            "eval_interval",
            "log_interval",
            "save_interval",
            "keep_checkpoints",
        ):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1 is needed")
        chunk = self.cross_entropy_chunk_tokens
        require(chunk is None or chunk >= 1, "cross_entropy_chunk_tokens", chunk, "at least 1 is needed, or none")
        require(
            self.recompute_granularity in (None, "full", "selective"),
            "recompute_granularity",
            self.recompute_granularity,
            "full, selective or none is needed",
        )


@dataclass(frozen=True, kw_only=True)
class WatchConfig:
    """What is done about steps that cannot be right. NaN and infinity in loss or gradients are always looked for, before a step counts."""

    spike_zscore: float | None = None
    # a step whose loss or gradient norm lies more than this many robust standard deviations above the median is bad too; none: off
    spike_window: int = 128
    # good steps that median and deviation are taken from; spikes are looked for once half of them are there
    max_skipped_steps: int = 3
    # bad steps in a row that are left out; at the next one the run goes back to its last checkpoint and goes on behind their data
    max_rewinds: int = 2
    # times that a run goes back before it stops
    hang_seconds: float | None = 1800.0
    # seconds without a step after which a process writes all its stacks and ends; none: off
    replica_check_interval: int | None = 1000
    # steps between comparisons of the weights that processes hold in common; none: off

    def __post_init__(self) -> None:
        if self.spike_zscore is not None:
            require(self.spike_zscore > 0, "spike_zscore", self.spike_zscore, "more than 0 is needed, or none")
        require(self.spike_window >= 8, "spike_window", self.spike_window, "at least 8 steps are needed")
        for name in ("max_skipped_steps", "max_rewinds"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more is needed")
        if self.hang_seconds is not None:
            require(self.hang_seconds > 0, "hang_seconds", self.hang_seconds, "more than 0 is needed, or none")
        if self.replica_check_interval is not None:
            require(
                self.replica_check_interval >= 1, "replica_check_interval", self.replica_check_interval, "at least 1 is needed, or none"
            )


@dataclass(frozen=True, kw_only=True)
class KernelConfig:
    """Kernels that are asked for by name; none: the first of train/kernel_order.json that can be had."""

    kernel_norm: str | None = None
    # of RMSNorm: transformer_engine, apex, torch_compiled, torch
    kernel_attention: str | None = None
    # of causal attention: transformer_engine, torch_cudnn, torch (scaled_dot_product_attention, flash on a GPU)
    kernel_rope: str | None = None
    # of rotary positions: transformer_engine, torch_compiled (with the split of query, key and value), torch
    kernel_swiglu: str | None = None
    # of the activation: torch_compiled, torch
    kernel_adam: str | None = None
    # of the optimizer: transformer_engine, apex, torch_fused, torch
    kernel_gradient_clipping: str | None = None
    # of norm and clipping of gradients: transformer_engine, apex, torch
    kernel_weight_gradient: str | None = None
    # of weight gradients: apex, torch_fused (both add them into the float32 buffer as they are made), torch


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A whole run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    watch: WatchConfig = field(default_factory=WatchConfig)
    kernels: KernelConfig = field(default_factory=KernelConfig)

    def check_world(self, world_size: int) -> int:
        """The data-parallel size for `world_size` processes. Raises `InputError` where batch and processes do not fit."""
        tensor, stages = self.parallel.tensor_model_parallel_size, self.parallel.pipeline_model_parallel_size
        require(world_size % tensor == 0, "tensor_model_parallel_size", tensor, f"a divisor of the {world_size} processes is needed")
        require(
            world_size % (tensor * stages) == 0,
            "pipeline_model_parallel_size",
            stages,
            f"a divisor of the {world_size // tensor} processes that tensor_model_parallel_size leaves is needed",
        )
        require(
            self.model.num_layers % stages == 0,
            "pipeline_model_parallel_size",
            stages,
            f"a divisor of the {self.model.num_layers} layers is needed",
        )
        data = world_size // (tensor * stages)
        each = self.training.micro_batch_size * data
        require(
            self.training.global_batch_size % each == 0,
            "global_batch_size",
            self.training.global_batch_size,
            f"a multiple of micro_batch_size x data-parallel size = {self.training.micro_batch_size} x {data} is needed",
        )
        require(
            self.model.num_attention_heads % tensor == 0 and self.model.query_groups % tensor == 0,
            "tensor_model_parallel_size",
            tensor,
            f"a divisor of {self.model.num_attention_heads} heads and {self.model.query_groups} query groups is needed",
        )
        require(
            self.model.ffn_hidden_size % tensor == 0,
            "ffn_hidden_size",
            self.model.ffn_hidden_size,
            f"a multiple of tensor_model_parallel_size ({tensor}) is needed",
        )
        if self.parallel.sequence_parallel:
            require(
                self.model.seq_length % tensor == 0,
                "seq_length",
                self.model.seq_length,
                f"a multiple of tensor_model_parallel_size ({tensor}) is needed with sequence_parallel",
            )
        return data


SECTIONS = {section.name: typing.get_type_hints(TrainConfig)[section.name] for section in dataclasses.fields(TrainConfig)}


def load_recipe(path: Path) -> TrainConfig:
    """A recipe's config. Raises `InputError` with file and field for what is no recipe."""
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: no such recipe; see train/recipes/") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: not a TOML file ({error})") from None
    return from_sections(content, str(path))


def from_sections(content: dict[str, Any], where: str) -> TrainConfig:
    """A config from sections of plain values, as in a recipe or a checkpoint."""
    values: dict[str, Any] = {}
    for section, fields in content.items():
        if section not in SECTIONS or not isinstance(fields, dict):
            raise InputError(f"{where}: no section [{section}]; there are {', '.join(SECTIONS)}")
        values[section] = _section(SECTIONS[section], fields, f"{where}: [{section}]")
    return TrainConfig(**values)


def _section(kind: Any, fields: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = next((name for name in fields if name not in hints), None)
    if unknown is not None:
        raise InputError(f"{where} has no field {unknown}; there are {', '.join(hints)}")
    return kind(**{name: _convert(f"{where} {name}", value, hints[name]) for name, value in fields.items()})


def _convert(name: str, value: Any, wanted: Any) -> Any:
    options = typing.get_args(wanted) if typing.get_origin(wanted) in (types.UnionType, typing.Union) else (wanted,)
    if value is None or value == "none":
        if type(None) in options:
            return None
        raise InputError(f"{name} cannot be none")
    kind = next(option for option in options if option is not type(None))
    if kind == tuple[float, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(entry, int | float) for entry in value):
            raise InputError(f"{name} is {value!r}; a list of numbers is needed")
        return tuple(float(entry) for entry in value)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(entry, dict) for entry in value):
            raise InputError(f"{name} is {value!r}; a list of tables is needed ([[data.{name.rpartition(' ')[2]}]])")
        entry_kind = typing.get_args(kind)[0]
        return tuple(_section(entry_kind, entry, name) for entry in value)
    if typing.get_origin(kind) is dict:
        if not isinstance(value, dict) or not all(isinstance(weight, int | float) for weight in value.values()):
            raise InputError(f"{name} is {value!r}; a table of domain = weight is needed")
        return {domain: float(weight) for domain, weight in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f"{name} is {value!r}; {kind.__name__} is needed")
    return value


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag a field, named as Megatron-LM names it; what is given replaces the recipe's."""
    for section, kind in SECTIONS.items():
        group = parser.add_argument_group(f"{section} (of the recipe, or)")
        hints = typing.get_type_hints(kind)
        for entry in dataclasses.fields(kind):
            flag = f"--{entry.name.replace('_', '-')}"
            options = [option for option in typing.get_args(hints[entry.name]) or (hints[entry.name],) if option is not type(None)]
            if hints[entry.name] is bool:
                group.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=_help(kind, entry))
            elif options[0] == tuple[float, ...]:
                group.add_argument(flag, default=argparse.SUPPRESS, metavar="SHARE,...", help=_help(kind, entry))
            elif typing.get_origin(options[0]) is tuple:
                group.add_argument(flag, default=argparse.SUPPRESS, metavar="TOKENS:DOMAIN=WEIGHT,...;...", help=_help(kind, entry))
            elif typing.get_origin(options[0]) is dict:
                group.add_argument(flag, default=argparse.SUPPRESS, metavar="DOMAIN=WEIGHT,...", help=_help(kind, entry))
            else:
                group.add_argument(
                    flag, type=_parser(options[0]), default=argparse.SUPPRESS, metavar=options[0].__name__.upper(), help=_help(kind, entry)
                )


def _parser(kind: type) -> Any:
    def parse(text: str) -> Any:
        return None if text == "none" else kind(text)

    parse.__name__ = kind.__name__
    return parse


@functools.cache
def _source_lines(kind: type) -> list[str]:
    return inspect.getsource(kind).splitlines()


def _help(kind: type, entry: "dataclasses.Field[Any]") -> str:
    """The comment under a field, which says unit and meaning, and its default."""
    lines = _source_lines(kind)
    start = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{entry.name}:"))
    said = []
    for line in lines[start + 1 :]:
        if not line.strip().startswith("#"):
            break
        said.append(line.strip().lstrip("# "))
    default = entry.default if entry.default is not dataclasses.MISSING else "-"
    return f"{' '.join(said)} [default {'none' if default is None else default}]".replace("%", "%%")


def override(config: TrainConfig, given: dict[str, Any]) -> TrainConfig:
    """`config` with the fields that flags gave."""
    sections: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        names = {entry.name for entry in dataclasses.fields(kind)}
        changed = {name: value for name, value in given.items() if name in names}
        for name, parse in (("weights", _weights), ("stages", _stages), ("math_share_edges", _edges)):
            if isinstance(changed.get(name), str):
                changed[name] = parse(changed[name])
        sections[section] = dataclasses.replace(getattr(config, section), **changed)
    return TrainConfig(**sections)


def _stages(text: str) -> tuple[Stage, ...] | None:
    if text == "none":
        return None
    stages = []
    for part in text.split(";"):
        tokens, separator, weights = part.partition(":")
        try:
            train_tokens = None if tokens.strip() == "none" else int(float(tokens))
        except ValueError:
            raise InputError(f"--stages has {part!r}; TOKENS:DOMAIN=WEIGHT,... is needed, TOKENS a number or none") from None
        stages.append(Stage(train_tokens=train_tokens, weights=_weights(weights) if separator else None))
    return tuple(stages)


def _edges(text: str) -> tuple[float, ...] | None:
    if text == "none":
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--math-share-edges is {text!r}; numbers are needed, as 0.1,0.3") from None


def _weights(text: str) -> dict[str, float] | None:
    if text == "none":
        return None
    try:
        return {domain.strip(): float(weight) for domain, weight in (part.split("=") for part in text.split(",") if part.strip())}
    except ValueError:
        raise InputError(f"--weights is {text!r}; domain=weight,domain=weight is needed") from None


def num_parameters(model: ModelConfig) -> int:
    """Exact number of parameters, embedding and output included."""
    hidden, vocab = model.hidden_size, model.known_vocab_size
    attention = hidden * hidden + 2 * hidden * model.query_groups * model.head_size + hidden * hidden
    layer = attention + 3 * hidden * model.ffn_hidden_size + 2 * hidden
    return model.num_layers * layer + hidden + vocab * hidden * (2 if model.untie_embeddings_and_output_weights else 1)


def num_matmul_parameters(model: ModelConfig) -> int:
    """Parameters that every token is multiplied with: all but the embedding's look-up and the norms. Tied output weights count."""
    hidden = model.hidden_size
    attention = hidden * hidden + 2 * hidden * model.query_groups * model.head_size + hidden * hidden
    return model.num_layers * (attention + 3 * hidden * model.ffn_hidden_size) + model.known_vocab_size * hidden


def flops_per_token(model: ModelConfig, *, is_causal: bool) -> int:
    """Floating-point operations of forward and backward a token: 6·N_matmul + 12·L·h·s, the second term halved where causal.

    N_matmul: `num_matmul_parameters`; L layers, h hidden size, s sequence length (Narayanan et al. 2021; PaLM, appendix B).
    """
    attention = 12 * model.num_layers * model.hidden_size * model.seq_length
    return 6 * num_matmul_parameters(model) + (attention // 2 if is_causal else attention)
