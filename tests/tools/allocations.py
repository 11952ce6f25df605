"""What a training step really holds: bytes of weights, gradients, optimizer state, and of what is kept for the backward pass."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from train.config import TrainConfig


def storages(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Address and bytes of each distinct storage."""
    found = (tensor.untyped_storage() for tensor in tensors)
    return {storage.data_ptr(): storage.nbytes() for storage in found if storage.nbytes()}


def allocations(config: TrainConfig) -> dict[str, float]:
    """Bytes of one process, by the names of `tools.plan.Memory`, and the loss; `saved` is all that a forward pass keeps."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch|megatron|train\.megatron_adapter")  # deprecations inside megatron, which is pinned
        return _allocations(config)


def allocations_of_fused_kernels(config: TrainConfig) -> dict[str, float]:
    """The same with the kernels that are compiled on a GPU, run as they stand. For a process of its own."""
    from train import kernels

    for component in ("norm", "rope", "swiglu"):
        kernels.CANDIDATES[component] = {kernels.TORCH_COMPILED: lambda: None}
    kernels.kernel_order = lambda component, *_: list(kernels.CANDIDATES[component])
    return allocations(config)


def _allocations(config: TrainConfig) -> dict[str, float]:
    from train import megatron_adapter as megatron
    from train.kernels import choose_kernels

    megatron.initialize_parallel(config)
    try:
        model = megatron.build_model(config, choose_kernels())
        wrapped = megatron.wrap_data_parallel(model, config)
        optimizer = megatron.build_optimizer(wrapped, config)
        wrapped.train()
        wrapped.zero_grad_buffer()
        weights = storages(model.parameters())
        kept: list[Tensor] = []

        def keep(tensor: Tensor) -> Tensor:
            kept.append(tensor)
            return tensor

        shape = (config.training.micro_batch_size, config.model.seq_length)
        if not model.pre_process:  # what the stage before sends
            dtype = next(model.parameters()).dtype
            received = torch.randn(shape[1], shape[0], config.model.hidden_size, dtype=dtype, requires_grad=True)
            model.set_input_tensor([received])
        tokens = torch.randint(config.model.known_vocab_size, shape, generator=torch.Generator().manual_seed(1))
        positions = torch.arange(shape[1]).expand(shape)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            losses = wrapped(tokens, positions, None, labels=tokens)
        saved = sum(size for address, size in storages(kept).items() if address not in weights)
        kept.clear()
        losses.float().mean().backward()
        wrapped.finish_grad_sync()
        optimizer.step()
        return {
            "weights": sum(weights.values()),
            "gradients": sum(storages(buffer.grad_data for buffer in wrapped.buffers).values()),
            **_optimizer_bytes(optimizer, weights),
            "saved": saved,
            "loss": float(losses.float().mean()),
        }
    finally:
        megatron.destroy_parallel()


def _optimizer_bytes(optimizer: Any, weights: dict[int, int]) -> dict[str, int]:
    inner = [part.optimizer for part in getattr(optimizer, "chained_optimizers", [optimizer])]
    main = storages(weight for part in inner for group in part.param_groups for weight in group["params"])
    moments = storages(state[name] for part in inner for state in part.state.values() for name in ("exp_avg", "exp_avg_sq"))
    return {
        "main_weights": sum(size for address, size in main.items() if address not in weights),
        "adam": sum(moments.values()),
    }
