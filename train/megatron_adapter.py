"""The one door to megatron-core: everything else of texmill speaks to this module, and no other imports megatron.

Pinned to the 0.16 line: later ones rename what is used here. On a machine without CUDA a small shim answers for it, so that the very same
model, optimizer and checkpoints run over gloo; with CUDA the shim does nothing.
"""

import contextlib
import importlib.metadata
import logging
import os
import pickle
import queue
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from shards.errors import InputError
from shards.token_shard import SeekableReader
from train.config import OptimizerConfig, TrainConfig
from train.data import TokenSet
from train.fused import add_product, norm_of_all, scale_all, with_fused_rotary
from train.kernels import APEX, TORCH, TORCH_COMPILED, TORCH_FUSED, TRANSFORMER_ENGINE, Kernels
from train.loss import chunked_mean_loss, mean_over_tokens, per_token_losses

SUPPORTED = "0.16"
HAS_CUDA = torch.cuda.is_available()
_CUDA_TYPES = {torch.float32: "torch.cuda.FloatTensor", torch.bfloat16: "torch.cuda.BFloat16Tensor", torch.float16: "torch.cuda.HalfTensor"}


class _OnCpu(TorchFunctionMode):
    """Sends what asks for CUDA to the CPU, on machines that have none."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        if device is not None and (str(device).startswith("cuda") or isinstance(device, int)):
            kwargs["device"] = torch.device("cpu")
        if function is Tensor.cuda:
            return args[0]
        if function is Tensor.type and len(args) == 1 and not kwargs:
            return _CUDA_TYPES.get(args[0].dtype) or function(*args)
        return function(*args, **kwargs)


def _answer_for_cuda() -> None:
    cpu = torch.device("cpu")
    torch.cuda.current_device = lambda: cpu  # type: ignore[assignment,return-value]
    torch.cuda.synchronize = lambda device=None: None
    torch.nn.Module.cuda = lambda self, device=None: self  # type: ignore[method-assign]
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    _OnCpu().__enter__()


def _assert_version() -> None:
    try:
        found = importlib.metadata.version("megatron-core")
    except importlib.metadata.PackageNotFoundError:
        raise InputError("megatron-core is not installed; install requirements/train.txt") from None
    if not found.startswith(f"{SUPPORTED}."):
        raise InputError(f"megatron-core {found} is installed; {SUPPORTED}.x is needed (requirements/train.txt)")


_assert_version()
if not HAS_CUDA:
    _answer_for_cuda()
    # the shim's own call of it: megatron looks at the gradients of tensors that are no leaves, and means to
    warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf")
    warnings.filterwarnings("ignore", message="Please use DTensor instead")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what is not installed: the kernel report says it, with reasons
    from megatron.core import dist_checkpointing, parallel_state, tensor_parallel
    from megatron.core.datasets import helpers
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
    from megatron.core.datasets.indexed_dataset import IndexedDataset, _BinReader, _IndexReader
    from megatron.core.datasets.utils import Split
    from megatron.core.dist_checkpointing.strategies import filesystem_async
    from megatron.core.dist_checkpointing.strategies.async_utils import TemporalAsyncCaller
    from megatron.core.distributed import DistributedDataParallel, DistributedDataParallelConfig, finalize_model_grads
    from megatron.core.fusions.fused_bias_dropout import get_bias_dropout_add
    from megatron.core.models.backends import LocalSpecProvider
    from megatron.core.models.gpt.gpt_model import GPTModel
    from megatron.core.optimizer import OptimizerConfig as MegatronOptimizerConfig
    from megatron.core.optimizer import clip_grads, get_megatron_optimizer
    from megatron.core.optimizer import optimizer as megatron_optimizer
    from megatron.core.optimizer.clip_grads import clip_grad_by_total_norm_fp32
    from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler
    from megatron.core.pipeline_parallel import get_forward_backward_func
    from megatron.core.transformer.attention import SelfAttention, SelfAttentionSubmodules
    from megatron.core.transformer.enums import AttnMaskType
    from megatron.core.transformer.mlp import MLP, MLPSubmodules
    from megatron.core.transformer.spec_utils import ModuleSpec
    from megatron.core.transformer.transformer_block import TransformerBlockSubmodules
    from megatron.core.transformer.transformer_config import TransformerConfig
    from megatron.core.transformer.transformer_layer import TransformerLayer, TransformerLayerSubmodules
    from megatron.core.utils import init_method_normal, local_multi_tensor_applier
logging.getLogger("megatron").setLevel(logging.ERROR)
if not HAS_CUDA:
    # recomputing keeps the state of CUDA's random numbers too, of which there are none
    tensor_parallel.random._get_cuda_rng_state = lambda *_, **__: torch.empty(0, dtype=torch.uint8)
    tensor_parallel.random._set_cuda_rng_state = lambda *_, **__: None


# processes


def device() -> torch.device:
    """Where this process computes."""
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if HAS_CUDA else torch.device("cpu")


def start_processes() -> None:
    """Brings `torch.distributed` up, with what torchrun says or as one process."""
    backend = "nccl" if HAS_CUDA else "gloo"
    if "RANK" in os.environ:
        torch.distributed.init_process_group(backend)
    else:
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)


def is_first_to_say() -> bool:
    """Whether no other process has asked this before."""
    return int(torch.distributed.distributed_c10d._get_default_store().add("texmill/said", 1)) == 1


def initialize_parallel(config: TrainConfig) -> None:
    """Process groups and random states; `torch.distributed` must be up."""
    parallel_state.initialize_model_parallel(
        tensor_model_parallel_size=config.parallel.tensor_model_parallel_size,
        pipeline_model_parallel_size=config.parallel.pipeline_model_parallel_size,
    )
    torch.manual_seed(config.training.seed)
    tensor_parallel.model_parallel_cuda_manual_seed(config.training.seed, inference_rng_tracker=not HAS_CUDA, force_reset_rng=True)


def destroy_parallel() -> None:
    """Undoes `initialize_parallel`."""
    parallel_state.destroy_model_parallel()


def data_parallel_rank() -> int:
    """This process's place among those that see different samples."""
    return int(parallel_state.get_data_parallel_rank())


def data_parallel_size() -> int:
    """Number of processes that see different samples."""
    return int(parallel_state.get_data_parallel_world_size())


def sum_over_data_parallel(value: Tensor) -> Tensor:
    """Sum over the data-parallel processes, in place."""
    torch.distributed.all_reduce(value, group=parallel_state.get_data_parallel_group())
    return value


def num_stages() -> int:
    """Pipeline stages."""
    return int(parallel_state.get_pipeline_model_parallel_world_size())


def takes_batches(config: TrainConfig) -> bool:
    """Whether this process's stage looks at batches: the first at tokens, the last at labels, all of them at where documents end."""
    is_outer = parallel_state.is_pipeline_first_stage() or parallel_state.is_pipeline_last_stage()
    return bool(is_outer) or config.data.reset_attention_mask


def from_last_stage(value: Tensor) -> Tensor:
    """What the last pipeline stage has, on all stages, in place; the others' `value` is anything finite of the same shape."""
    if num_stages() > 1:
        if not parallel_state.is_pipeline_last_stage():
            value.zero_()
        torch.distributed.all_reduce(value, group=parallel_state.get_pipeline_model_parallel_group())
    return value


def maximum_over_all(value: Tensor) -> Tensor:
    """Maximum over all processes, in place."""
    torch.distributed.all_reduce(value, op=torch.distributed.ReduceOp.MAX)
    return value


# model


def transformer_config(config: TrainConfig, kernels: Kernels) -> TransformerConfig:
    """Our model, parallelism and kernels in megatron's words."""
    model, parallel = config.model, config.parallel
    dtype = torch.bfloat16 if config.training.bf16 else torch.float32
    granularity = config.training.recompute_granularity
    return TransformerConfig(
        num_layers=model.num_layers,
        hidden_size=model.hidden_size,
        ffn_hidden_size=model.ffn_hidden_size,
        num_attention_heads=model.num_attention_heads,
        num_query_groups=model.query_groups,
        normalization="RMSNorm",
        layernorm_epsilon=model.norm_epsilon,
        gated_linear_unit=True,
        activation_func=torch.nn.functional.silu,
        add_bias_linear=False,
        add_qkv_bias=False,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        init_method_std=model.init_method_std,
        output_layer_init_method=init_method_normal(model.init_method_std) if model.init_scheme == "plain" else None,
        tensor_model_parallel_size=parallel.tensor_model_parallel_size,
        pipeline_model_parallel_size=parallel.pipeline_model_parallel_size,
        sequence_parallel=parallel.sequence_parallel,
        use_cpu_initialization=True,
        perform_initialization=True,
        params_dtype=dtype,
        pipeline_dtype=dtype,
        bf16=config.training.bf16,
        bias_activation_fusion=kernels.of("swiglu") == TORCH_COMPILED,
        bias_dropout_fusion=False,
        masked_softmax_fusion=False,
        persist_layer_norm=False,
        gradient_accumulation_fusion=kernels.of("weight_gradient") in (APEX, TORCH_FUSED),
        apply_rope_fusion=kernels.of("rope") == TRANSFORMER_ENGINE,
        deterministic_mode=config.training.deterministic_mode,
        recompute_granularity=granularity,
        recompute_method="uniform" if granularity == "full" else None,
        recompute_num_layers=1 if granularity == "full" else None,
    )


def _use_kernels(kernels: Kernels) -> None:
    """Gives megatron the kernels that its own code calls by name."""
    if kernels.of("gradient_clipping") == TORCH:
        # megatron's own fallback asks the device for the norm of every tensor by itself
        clip_grads.multi_tensor_applier = megatron_optimizer.multi_tensor_applier = local_multi_tensor_applier
        clip_grads.l2_norm_impl = norm_of_all
        clip_grads.multi_tensor_scale_impl = megatron_optimizer.multi_tensor_scale_impl = scale_all
    if kernels.of("weight_gradient") == TORCH_FUSED:
        tensor_parallel.layers.fused_weight_gradient_mlp_cuda = SimpleNamespace(wgrad_gemm_accum_fp32=_add_weight_gradient)
        tensor_parallel.layers._grad_accum_fusion_available = True


def _add_weight_gradient(x: Tensor, gradient: Tensor, total: Tensor) -> None:
    """`add_product`; of float32 models the plain product, which adds up in float32 anyway."""
    if x.dtype == torch.float32:
        total.addmm_(gradient.t(), x)
    else:
        add_product(x, gradient, total)


def build_model(config: TrainConfig, kernels: Kernels) -> GPTModel:
    """This process's part of the GPT on its device, weights as the seed makes them, however the model is divided."""
    settings = transformer_config(config, kernels)
    _use_kernels(kernels)
    linear = LocalSpecProvider()
    attention = ModuleSpec(
        module=with_fused_rotary(SelfAttention) if kernels.of("rope") == TORCH_COMPILED else SelfAttention,
        params={"attn_mask_type": AttnMaskType.causal},
        submodules=SelfAttentionSubmodules(
            linear_qkv=linear.column_parallel_linear(), core_attention=kernels.attention, linear_proj=linear.row_parallel_linear()
        ),
    )
    mlp = ModuleSpec(
        module=MLP, submodules=MLPSubmodules(linear_fc1=linear.column_parallel_linear(), linear_fc2=linear.row_parallel_linear())
    )
    layer = ModuleSpec(
        module=TransformerLayer,
        submodules=TransformerLayerSubmodules(
            input_layernorm=kernels.norm,
            self_attention=attention,
            self_attn_bda=get_bias_dropout_add,
            pre_mlp_layernorm=kernels.norm,
            mlp=mlp,
            mlp_bda=get_bias_dropout_add,
        ),
    )
    # a bare layer spec would bring megatron's own final norm, which is Apex's
    num_layers = config.model.num_layers // config.parallel.pipeline_model_parallel_size
    block = TransformerBlockSubmodules(layer_specs=[layer] * num_layers, layer_norm=kernels.norm)
    _draw_weights_before(config, num_layers)
    model = GPTModel(
        config=settings,
        transformer_layer_spec=block,
        vocab_size=config.model.known_vocab_size,
        max_sequence_length=config.model.max_position_embeddings or config.model.seq_length,
        share_embeddings_and_output_weights=not config.model.untie_embeddings_and_output_weights,
        position_embedding_type="rope",
        rotary_base=config.model.rotary_base,
        parallel_output=True,
        pre_process=parallel_state.is_pipeline_first_stage(),
        post_process=parallel_state.is_pipeline_last_stage(),
    )
    model = model.to(device())
    return model.bfloat16() if config.training.bf16 else model


def _draw_weights_before(config: TrainConfig, layers_per_stage: int) -> None:
    """Draws from the random state what the stages before this one draw for their weights, matrix by matrix, in megatron's order."""
    stage, model = parallel_state.get_pipeline_model_parallel_rank(), config.model
    if stage == 0:
        return
    hidden = model.hidden_size
    attention = [(hidden, hidden), (hidden + 2 * model.query_groups * model.head_size, hidden)]
    mlp = [(2 * model.ffn_hidden_size, hidden), (hidden, model.ffn_hidden_size)]
    for shape in [(model.known_vocab_size, hidden), *(attention + mlp) * (layers_per_stage * stage)]:
        torch.empty(shape).normal_()


def count_parameters(model: Any) -> int:
    """Parameters over all tensor-parallel processes and pipeline stages, each counted once."""
    total = torch.zeros(1, dtype=torch.int64, device=device())
    rank = parallel_state.get_tensor_model_parallel_rank()
    for parameter in model.parameters():
        is_copy = getattr(parameter, "shared", False)  # the last stage's, of an embedding that is the output matrix too
        if not is_copy and (getattr(parameter, "tensor_model_parallel", False) or rank == 0):
            total += parameter.numel()
    torch.distributed.all_reduce(total, group=parallel_state.get_model_parallel_group())
    return int(total.item())


def wrap_data_parallel(model: GPTModel, config: TrainConfig) -> Any:
    """The model with its gradient buffers, reduced over the data-parallel processes."""
    settings = DistributedDataParallelConfig(
        grad_reduce_in_fp32=True,
        overlap_grad_reduce=config.parallel.overlap_grad_reduce,
        overlap_param_gather=config.parallel.overlap_param_gather,
        bucket_size=config.parallel.ddp_bucket_size,
        use_distributed_optimizer=config.parallel.use_distributed_optimizer,
        check_for_nan_in_grad=False,  # the trainer looks before it steps, and says which step
        average_in_collective=False,
    )
    wrapped = DistributedDataParallel(model.config, settings, model)
    wrapped.broadcast_params()
    model.config.finalize_model_grads_func = finalize_model_grads
    # megatron's param_sync_func stays none: it is for stages of several pieces each; here each module asks for its own weights
    model.config.no_sync_func = wrapped.no_sync if config.parallel.overlap_grad_reduce else None
    return wrapped


@contextlib.contextmanager
def whole_weights(wrapped: Any) -> Iterator[None]:
    """Within it every process has the weights that the last step made, and modules ask for none.

    Where gathering overlaps the forward pass, a process has between two steps only the part that it updated itself.
    """
    if not wrapped.use_forward_hook:
        yield
        return
    wrapped.disable_forward_pre_hook(param_sync=True)
    try:
        yield
    finally:
        wrapped.enable_forward_pre_hook()


# optimizer


def build_optimizer(wrapped: Any, config: TrainConfig, kernels: Kernels | None = None) -> Any:
    """AdamW over the wrapped model: float32 master weights where the model is bfloat16, ZeRO-1 where asked."""
    given: OptimizerConfig = config.optimizer
    settings = MegatronOptimizerConfig(
        optimizer="adam",
        lr=given.lr,
        min_lr=given.min_lr,
        weight_decay=given.weight_decay,
        adam_beta1=given.adam_beta1,
        adam_beta2=given.adam_beta2,
        adam_eps=given.adam_eps,
        clip_grad=given.clip_grad,
        bf16=config.training.bf16,
        params_dtype=torch.bfloat16 if config.training.bf16 else torch.float32,
        use_distributed_optimizer=config.parallel.use_distributed_optimizer,
        overlap_param_gather=config.parallel.overlap_param_gather,
        use_precision_aware_optimizer=False,
    )
    optimizer = get_megatron_optimizer(settings, [wrapped], use_gloo_process_groups=not HAS_CUDA)
    _leave_steps_alone(optimizer)
    _keep_padding(optimizer)
    if kernels is not None and kernels.of("adam") == TORCH_FUSED:
        for inner in _inner_optimizers(optimizer):
            inner.defaults["fused"] = True
    _settle_adam(optimizer)
    return optimizer


def report_spans(wrapped: Any, optimizer: Any, timers: Callable[..., Any]) -> None:
    """Has megatron call `timers(name, log_level=…)` for something to `start` and `stop` around forward, backward, reductions, gathers."""
    wrapped.module.config.timers = timers
    for part in getattr(optimizer, "chained_optimizers", [optimizer]):
        part.config.timers = timers


def build_scheduler(optimizer: Any, config: TrainConfig) -> Any:
    """Learning rate by step, in steps."""
    given = config.optimizer
    return OptimizerParamScheduler(
        optimizer,
        init_lr=0.0,
        max_lr=given.lr,
        min_lr=given.min_lr,
        lr_warmup_steps=min(given.lr_warmup_iters, max(0, (given.lr_decay_iters or config.training.train_iters) - 1)),
        lr_decay_steps=given.lr_decay_iters or config.training.train_iters,
        lr_decay_style=given.lr_decay_style,
        start_wd=given.weight_decay,
        end_wd=given.weight_decay,
        wd_incr_steps=config.training.train_iters,
        wd_incr_style="constant",
        use_checkpoint_opt_param_scheduler=False,
        override_opt_param_scheduler=True,
    )


def _inner_optimizers(optimizer: Any) -> Iterator[Any]:
    """The optimizers that megatron's wrap."""
    for part in getattr(optimizer, "chained_optimizers", [optimizer]):
        inner = getattr(part, "optimizer", None)
        if inner is not None:
            yield inner


def _begin_state(optimizer: Any) -> None:
    """Gives torch's Adam the state that it makes in its first step: the distributed optimizer cannot load into one that has none."""
    for inner in _inner_optimizers(optimizer):
        if not isinstance(inner, torch.optim.Adam) or inner.state:
            continue
        for group in inner.param_groups:
            for parameter in group["params"]:
                moments = {name: torch.zeros_like(parameter, dtype=torch.float32) for name in ("exp_avg", "exp_avg_sq")}
                inner.state[parameter] = {"step": torch.tensor(0.0), **moments}
    _settle_adam(optimizer)


def _settle_adam(optimizer: Any) -> None:
    """Has torch's Adam run as it was built, whatever a checkpoint says: fused it counts its steps on the GPU, else on the processor."""
    for inner in _inner_optimizers(optimizer):
        if not isinstance(inner, torch.optim.Adam):
            continue
        is_fused = inner.defaults["fused"] is True
        for group in inner.param_groups:
            group["fused"], group["foreach"] = (True, False) if is_fused else (None, None)
            for parameter in group["params"]:
                state = inner.state.get(parameter, {})
                if isinstance(state.get("step"), Tensor):
                    state["step"] = state["step"].to(parameter.device if is_fused else torch.device("cpu"), torch.float32)


def _leave_steps_alone(optimizer: Any) -> None:
    """Lets the distributed optimizer load its moments where torch's Adam keeps a `step` beside them, which it looks for in vain."""
    for part in getattr(optimizer, "chained_optimizers", [optimizer]):
        whole = getattr(part, "_set_main_param_and_optimizer_states", None)
        if whole is None:
            continue

        def with_step(parameter: Any, tensors: dict[str, Tensor], part: Any = part, whole: Any = whole) -> None:
            group, order = part.model_param_group_index_map[parameter]
            state = part.optimizer.state[part.optimizer.param_groups[group]["params"][order]]
            whole(parameter, {**tensors, **({"step": state["step"]} if "step" in state else {})})

        part._set_main_param_and_optimizer_states = with_step


def _keep_padding(optimizer: Any) -> None:
    """Has the distributed optimizer's state gathered for a checkpoint with the padding that lies between its buckets.

    megatron-core 0.16 leaves the padding out, but looks for each parameter where it lies with it: behind the first padded bucket every
    parameter would be saved shifted, without a word. No padding is saved: what is saved is each parameter alone.
    """
    for part in getattr(optimizer, "chained_optimizers", [optimizer]):
        for buffer in getattr(part, "buffers", []):
            buffer.numel_unpadded = buffer.numel
            for bucket in buffer.buckets:
                bucket.numel_unpadded = bucket.grad_data.numel()


def own_step_tensors(optimizer: Any) -> None:
    """Gives every parameter its own `step` after a load.

    torch's AdamW counts steps in a tensor a parameter, in place; the distributed optimizer's load lets all share one, which then counts
    as many steps as there are parameters, and the run goes on with a wrong bias correction without a word.
    """
    for inner in _inner_optimizers(optimizer):
        for state in inner.state.values():
            if isinstance(state.get("step"), Tensor):
                state["step"] = state["step"].clone()


def _steps_taken(optimizer: Any) -> int:
    """Steps that Adam has counted: torch's beside each parameter's moments, the libraries' once a group."""
    steps = [0]
    for inner in _inner_optimizers(optimizer):
        steps += [int(state["step"]) for state in inner.state.values() if "step" in state]
        steps += [int(group["step"]) for group in inner.param_groups if "step" in group]
    return max(steps)


def _set_steps(optimizer: Any, steps: int) -> None:
    """Has Adam go on counting at `steps`, whoever's it is.

    megatron's plain optimizers load the count only where it was kept as they keep it: another library's Adam would begin at 0 with moments
    that have long begun, without a word.
    """
    for inner in _inner_optimizers(optimizer):
        is_torchs = isinstance(inner, torch.optim.Adam)
        for group in inner.param_groups:
            if not is_torchs:
                group["step"] = steps
                continue
            for parameter in group["params"]:
                inner.state[parameter]["step"] = torch.tensor(float(steps))


def gradient_norm(optimizer: Any) -> float:
    """Makes the gradients ready for a step and gives their norm over all processes: NaN or infinite where any gradient is."""
    optimizer.prepare_grads()
    return float(optimizer.get_grad_norm())


def apply_gradients(optimizer: Any, norm: float, clip_grad: float) -> None:
    """Clips the gradients that `gradient_norm` made ready and steps."""
    if clip_grad > 0:
        for part in getattr(optimizer, "chained_optimizers", [optimizer]):
            parameters = part.get_parameters()
            if parameters and not part.is_stub_optimizer:
                clip_grad_by_total_norm_fp32(parameters, max_norm=clip_grad, total_norm=norm)
    optimizer.step_with_ready_grads()


def drifted_parameters(wrapped: Any) -> list[str]:
    """Names of the parameters that processes hold in common and that are not the same to the bit everywhere."""
    names, sums, is_shared = [], [], []
    stage = f"stage {parallel_state.get_pipeline_model_parallel_rank() + 1}: " if num_stages() > 1 else ""
    for name, parameter in wrapped.module.named_parameters():
        bits = parameter.detach().view(torch.int16 if parameter.element_size() == 2 else torch.int32)
        names.append(f"{stage}{name}")
        sums.append(bits.sum(dtype=torch.int64))
        is_shared.append(not getattr(parameter, "tensor_model_parallel", False))
    largest = torch.stack(sums)
    different = torch.zeros(len(names), dtype=torch.bool, device=largest.device)
    every = torch.ones(len(names), dtype=torch.bool, device=largest.device)
    shared = torch.tensor(is_shared, device=largest.device)
    for group, is_held in (
        (parallel_state.get_data_parallel_group(), every),
        (parallel_state.get_tensor_model_parallel_group(), shared),
    ):
        largest, smallest = torch.stack(sums), torch.stack(sums)
        torch.distributed.all_reduce(largest, op=torch.distributed.ReduceOp.MAX, group=group)
        torch.distributed.all_reduce(smallest, op=torch.distributed.ReduceOp.MIN, group=group)
        different |= (largest != smallest) & is_held
    tied = wrapped.module.shared_embedding_or_output_weight() if wrapped.module.share_embeddings_and_output_weights else None
    if tied is not None and num_stages() > 1:  # the first stage's embedding and the last stage's copy of it
        place = next(index for index, parameter in enumerate(wrapped.module.parameters()) if parameter is tied)
        group = parallel_state.get_embedding_group()
        largest, smallest = sums[place].clone(), sums[place].clone()
        torch.distributed.all_reduce(largest, op=torch.distributed.ReduceOp.MAX, group=group)
        torch.distributed.all_reduce(smallest, op=torch.distributed.ReduceOp.MIN, group=group)
        different[place] |= largest != smallest
    found: list[list[str]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(found, [name for name, flag in zip(names, different.tolist(), strict=True) if flag])
    return list(dict.fromkeys(name for part in found for name in part))


# a step


def forward_backward(
    wrapped: Any,
    batches: Iterator[dict[str, Tensor]],
    config: TrainConfig,
    num_micro_batches: int,
    *,
    forward_only: bool = False,
) -> list[Tensor]:
    """Runs the micro-batches of one step; gradients are left summed and reduced. Gives each micro-batch's mean loss, detached, on the last
    pipeline stage; nothing on the others.

    `batches` gives dicts of `tokens`, `labels`, `position_ids` `[B, S]` int64 and `loss_mask` `[B, S]` float32; empty ones where the stage
    looks at no batch (`takes_batches`).
    """

    def step(iterator: Iterator[dict[str, Tensor]], model: Any) -> tuple[Tensor, Callable[[Tensor], Any]]:
        batch = next(iterator)
        if chunk_tokens is None:
            output = model(batch.get("tokens"), batch.get("position_ids"), _attention_mask(batch), labels=batch.get("labels"))
        else:
            output = _hidden_states(model, batch)

        def mean(output: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            if chunk_tokens is None:
                loss = mean_over_tokens(output, batch["loss_mask"])
            else:
                hidden, labels, mask = _flat(output, batch)
                weight, group = _output_weight(model)
                loss = chunked_mean_loss(hidden, weight, labels, mask, chunk_tokens, group)
            return loss, {"loss": loss.detach().clone()}

        return output, mean

    chunk_tokens = config.training.cross_entropy_chunk_tokens

    results = get_forward_backward_func()(
        forward_step_func=step,
        data_iterator=batches,
        model=wrapped,
        num_microbatches=num_micro_batches,
        seq_length=config.model.seq_length,
        micro_batch_size=config.training.micro_batch_size,
        forward_only=forward_only,
    )
    return [result["loss"] for result in results]


@torch.no_grad()
def token_losses_of(wrapped: Any, batches: Sequence[dict[str, Tensor]], micro_batch_size: int, config: TrainConfig) -> list[Tensor]:
    """`token_losses` of several batches of `micro_batch_size` samples each, on the last pipeline stage; nothing on the others."""
    if num_stages() == 1:
        return [token_losses(wrapped, batch, config) for batch in batches]
    model = wrapped.module

    def step(iterator: Iterator[dict[str, Tensor]], _: Any) -> tuple[Tensor, Callable[[Tensor], Any]]:
        batch = next(iterator)
        if parallel_state.is_pipeline_last_stage():
            output = token_losses(wrapped, batch, config)
        else:
            output = model(batch.get("tokens"), batch.get("position_ids"), _attention_mask(batch))
        return output, lambda losses: (torch.zeros((), device=losses.device), losses)

    timers, model.config.timers = model.config.timers, None  # all of it is validation
    try:
        results: list[Tensor] = get_forward_backward_func()(
            forward_step_func=step,
            data_iterator=iter(batches),
            model=model,
            num_microbatches=len(batches),
            seq_length=config.model.seq_length,
            micro_batch_size=micro_batch_size,
            forward_only=True,
        )
    finally:
        model.config.timers = timers
    return results


@torch.no_grad()
def token_losses(wrapped: Any, batch: dict[str, Tensor], config: TrainConfig) -> Tensor:
    """The loss of every token of a batch in nats: `[B, S]` float32."""
    chunk_tokens = config.training.cross_entropy_chunk_tokens
    if chunk_tokens is None:
        return wrapped.module(batch["tokens"], batch["position_ids"], _attention_mask(batch), labels=batch["labels"]).float()
    hidden, labels, _ = _flat(_hidden_states(wrapped, batch), batch)
    weight, group = _output_weight(wrapped)
    num_samples, seq_length = batch["labels"].shape
    return per_token_losses(hidden, weight, labels, chunk_tokens, group).view(seq_length, num_samples).t()


def _attention_mask(batch: dict[str, Tensor]) -> Tensor | None:
    """`[B, 1, S, S]` bool, True where a token must not see another: one later than itself, or of another document. None: causal alone."""
    documents = batch.get("documents")
    if documents is None:
        return None
    length = documents.shape[1]
    later = torch.ones(length, length, dtype=torch.bool, device=documents.device).triu(1)
    return ((documents.unsqueeze(2) != documents.unsqueeze(1)) | later).unsqueeze(1)


def _hidden_states(wrapped: Any, batch: dict[str, Tensor]) -> Tensor:
    """The model up to its output matrix: `[S, B, H]`, or this process's part of S with sequence parallelism."""
    model = wrapped.module
    caller = wrapped if model.training else model  # the wrapper's forward belongs to the gradients' reduction
    is_last, model.post_process = model.post_process, False
    try:
        hidden: Tensor = caller(batch.get("tokens"), batch.get("position_ids"), _attention_mask(batch))
    finally:
        model.post_process = is_last
    return hidden


def _flat(hidden: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states `[S * B, H]` of all S, whose gradient is summed over the tensor-parallel processes, with labels and mask `[S * B]`."""
    if parallel_state.get_tensor_model_parallel_world_size() > 1:
        is_divided = hidden.shape[0] != batch["labels"].shape[1]
        gather = tensor_parallel.gather_from_sequence_parallel_region
        hidden = gather(hidden) if is_divided else tensor_parallel.copy_to_tensor_model_parallel_region(hidden)
    return hidden.reshape(-1, hidden.shape[-1]), batch["labels"].t().reshape(-1), batch["loss_mask"].t().reshape(-1)


def _output_weight(wrapped: Any) -> tuple[Tensor, Any]:
    """This process's rows `[V, H]` of the output matrix, and the group that has the others."""
    model = wrapped.module
    weight = model.shared_embedding_or_output_weight() if model.share_embeddings_and_output_weights else model.output_layer.weight
    if wrapped.use_forward_hook and wrapped.remove_forward_pre_hook_handles:
        wrapped.param_to_bucket_group[weight].finish_param_sync()  # the output layer, whose hook does it, is passed by
    size = parallel_state.get_tensor_model_parallel_world_size()
    return weight, parallel_state.get_tensor_model_parallel_group() if size > 1 else None


# data


class _SeekableBinReader(_BinReader):
    """Megatron's view of a `.bin.zst`: bytes by offset, as of the plain `.bin`."""

    def __init__(self, path: str, cache_frames: int) -> None:
        self.reader = SeekableReader(path, cache_frames=cache_frames)

    def read(self, dtype: Any, count: int, offset: int) -> Any:
        return np.frombuffer(self.reader.read(offset, count * np.dtype(dtype).itemsize), dtype=dtype)


class TokenShardDataset(IndexedDataset):
    """Megatron's IndexedDataset over `<prefix>.idx` and `<prefix>.bin.zst`; pickles, forks and reads at random as the plain one does."""

    cache_frames = 256

    def initialize(self, path_prefix: str, multimodal: bool, mmap: bool, object_storage_config: Any, *args: Any) -> None:
        """Opens index and frames; called by megatron, at the beginning and after unpickling."""
        self.path_prefix, self.multimodal, self.mmap, self.object_storage_config = path_prefix, multimodal, mmap, object_storage_config
        self.fast_cache_load, self.sequences_per_dataset, self.dtype_code = args if args else (False, None, None)
        self.bin_reader = _SeekableBinReader(f"{path_prefix}.bin.zst", self.cache_frames)
        self.index = _IndexReader(f"{path_prefix}.idx", multimodal, None, None)


class TokenShardGPTDataset(GPTDataset):
    """Megatron's GPTDataset, reading token shards."""

    @staticmethod
    def build_low_level_dataset(dataset_path: str, config: GPTDatasetConfig) -> IndexedDataset:
        """The shard at a path prefix."""
        return TokenShardDataset(dataset_path, multimodal=False, mmap=False)


class _Vocabulary:
    """What megatron's data wants to know of a tokenizer; the ids are in the shards."""

    def __init__(self, vocab_size: int, eod: int, sha256: str) -> None:
        self.vocab_size, self.eod, self.sha256 = vocab_size, eod, sha256
        self.unique_identifiers = {"tokenizer": sha256}
        self.pad = -1


def build_dataset(tokens: TokenSet, config: TrainConfig, *, eod: int, tokenizer_sha256: str, cache: Path, is_training: bool) -> Any:
    """One epoch of samples of `seq_length` tokens over a set of token shards, or some of its documents, in megatron's order for the seed.

    The first process builds the indices, in `cache`; the others wait and read them. What decides them is in the cache's file names, the
    lengths of the documents included.
    """
    settings = GPTDatasetConfig(
        random_seed=config.training.seed,
        sequence_length=config.model.seq_length,
        blend=([str(tokens.prefix)], None),
        split="1,0,0" if is_training else "0,1,0",
        path_to_cache=str(cache),
        tokenizer=_Vocabulary(config.model.known_vocab_size, eod, f"{tokenizer_sha256} {tokens.digest}"),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        mmap_bin_files=False,
        allow_ambiguous_pad_tokens=True,
    )
    prefix = tokens.prefix
    TokenShardDataset.cache_frames = config.data.cache_frames

    def build() -> Any:
        low_level = TokenShardGPTDataset.build_low_level_dataset(str(prefix), settings)
        chosen = range(low_level.sequence_lengths.shape[0]) if tokens.documents is None else tokens.documents
        documents = np.array(chosen, dtype=np.int32)
        return TokenShardGPTDataset(low_level, str(prefix), documents, None, Split.train if is_training else Split.valid, settings)

    is_first = torch.distributed.get_rank() == 0
    dataset = build() if is_first else None
    torch.distributed.barrier()
    return dataset if is_first else build()


def documents_of(dataset: Any, number: int) -> list[int]:
    """Numbers of the documents that sample `number` of a dataset has tokens of, in order."""
    return [int(document) for document in dataset._query_document_sample_shuffle_indices(number)[1]]


def draw_mixture(share: npt.NDArray[np.float64], num_samples: int) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """`share: [D]` → the domain of each sample, and which sample of its domain it is: always the domain furthest behind its share.

    The order for fewer samples is the beginning of the order for more. A domain without a share is never drawn from: megatron's function,
    which this calls, takes the first one where none is behind.
    """
    drawn = np.flatnonzero(share)
    domain, number = np.zeros(num_samples, dtype=np.int16), np.zeros(num_samples, dtype=np.int64)
    if num_samples:
        helpers.build_blending_indices(domain, number, share[drawn], len(drawn), num_samples, False)
    return drawn.astype(np.int16)[domain], number


# checkpoints

_OPTIMIZER_FORMAT = {"distrib_optim_sharding_type": "fully_reshardable", "distrib_optim_fully_reshardable_mem_efficient": False}
# the format that other tensor- and data-parallel sizes can load; megatron's default of this line cannot be saved any more


_STEPS = "optimizer_steps"  # in a checkpoint: steps that Adam has counted


class _ResultsFile:
    """What a save has written, handed on through a file: between processes too, with nothing that outlives a kill.

    Megatron's default is a queue in a manager process, which takes many seconds to start and is left behind by a killed run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, results: Any) -> None:
        """Called where the writing is done."""
        self.path.write_bytes(pickle.dumps(results))

    def get_nowait(self) -> Any:
        """Called when it is done."""
        try:
            results = pickle.loads(self.path.read_bytes())
        except FileNotFoundError:
            raise queue.Empty from None
        self.path.unlink()
        return results


class PendingSave:
    """A save whose files another process writes, of the weights as they were at its beginning."""

    def __init__(self, request: Any) -> None:
        self._request = request
        self._caller = TemporalAsyncCaller()
        self._caller.schedule_async_call(request)

    def is_done(self, *, is_waiting: bool) -> bool:
        """Whether the files of all processes are written; asked by all of them together."""
        return bool(self._caller.is_current_async_call_done(blocking=is_waiting))

    def finish(self) -> None:
        """Writes what says where everything lies; raises what went wrong in the writing."""
        for finalize in self._request.finalize_fns:
            finalize()


def save_sharded(folder: Path, wrapped: Any, optimizer: Any, extra: dict[str, Any]) -> None:
    """Writes weights, optimizer state and `extra` as a distributed checkpoint into the existing, empty `folder`."""
    _start_save(folder, wrapped, optimizer, extra, is_async=False)


def start_saving_sharded(folder: Path, wrapped: Any, optimizer: Any, extra: dict[str, Any]) -> PendingSave:
    """The same beside the training."""
    return PendingSave(_start_save(folder, wrapped, optimizer, extra, is_async=True))


def _start_save(folder: Path, wrapped: Any, optimizer: Any, extra: dict[str, Any], *, is_async: bool) -> Any:
    filesystem_async._results_queue = _ResultsFile(folder / f".results-{torch.distributed.get_rank()}")
    state = _sharded_state(wrapped, optimizer, {**extra, _STEPS: _steps_taken(optimizer)}, is_loading=False)
    return dist_checkpointing.save(state, str(folder), async_sharded_save=is_async)


def load_sharded(folder: Path, wrapped: Any, optimizer: Any, extra: dict[str, Any]) -> dict[str, Any]:
    """Loads what `save_sharded` wrote into model and optimizer, however the model was divided; gives the stored `extra`."""
    _begin_state(optimizer)
    state = dist_checkpointing.load(_sharded_state(wrapped, optimizer, extra, is_loading=True), str(folder))
    wrapped.module.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    own_step_tensors(optimizer)
    if _STEPS in state:
        _set_steps(optimizer, state[_STEPS])
    _settle_adam(optimizer)
    return {name: state[name] for name in extra}


def _sharded_state(wrapped: Any, optimizer: Any, extra: dict[str, Any], *, is_loading: bool) -> dict[str, Any]:
    state: dict[str, Any] = {"model": wrapped.module.sharded_state_dict(), **extra}
    state["optimizer"] = optimizer.sharded_state_dict(state, is_loading=is_loading, metadata=_OPTIMIZER_FORMAT)
    return state


def load_plain_weights(folder: Path, model: GPTModel) -> None:
    """Loads the weights alone into an unwrapped model, however it was and is divided."""
    state = dist_checkpointing.load({"model": model.sharded_state_dict()}, str(folder))
    model.load_state_dict(state["model"])
