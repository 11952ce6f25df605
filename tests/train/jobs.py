"""Jobs that tests run in ranks: `torch.distributed` is up when they begin."""

import dataclasses
import hashlib
import importlib
import itertools
import json
import os
import resource
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import train_components
from benchmarks.train_cases import SHAPES, Case, measure
from train import kernels, megatron_adapter
from train.config import TrainConfig
from train.data import SampleStream, collate, mixtures, open_token_shards, training_sets, with_vocabulary
from train.kernels import choose_kernels
from train.trainer import Trainer

FUSED_KERNELS = {
    "norm": "torch_compiled",
    "rope": "torch_compiled",
    "swiglu": "torch_compiled",
    "adam": "torch_fused",
    "weight_gradient": "torch_fused",
}


def make_trainer(config: TrainConfig, tokens: Path, run: Path, **options: Any) -> Trainer:
    """A trainer as `pretrain_gpt.py` makes it."""
    shards = open_token_shards(tokens)
    return Trainer(with_vocabulary(config, shards), shards, run, **options)


def train(config: TrainConfig, tokens: Path, run: Path, options: dict[str, Any] | None = None) -> dict[str, Any]:
    """Trains to the end; gives what `describe` says of the end."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run, **(options or {}))
    trainer.train()
    return describe(trainer)


def train_with_fused_kernels(config: TrainConfig, tokens: Path, run: Path) -> dict[str, Any]:
    """Trains with the kernels that are compiled on a GPU, run as they stand, torch's fused Adam and gradients added up in their buffers."""
    for component, kernel in FUSED_KERNELS.items():
        others = {name: probe for name, probe in kernels.CANDIDATES[component].items() if name != kernel}
        kernels.CANDIDATES[component] = {kernel: lambda: None, **others}
    kernels.kernel_order = lambda component, *_: list(kernels.CANDIDATES[component])
    megatron_adapter.add_product = lambda x, gradient, total: total.add_(gradient.t().float() @ x.float())  # torch's is for GPUs alone
    ended = train(config, tokens, run)
    written = json.loads((run / "kernels.json").read_text())
    assert {component: written[component]["kernel"] for component in FUSED_KERNELS} == FUSED_KERNELS
    return ended


def bench_cases(cases: list[Case], work: Path) -> list[dict[str, Any]]:
    """Cases of `benchmarks.bench_train`, as processes of their own would measure them."""
    warnings.simplefilter("ignore")  # of megatron and transformers themselves
    return [measure(case, work) for case in cases]


def bench_component(name: str) -> dict[str, Any]:
    """One component, kernel against kernel."""
    return train_components.measure(name, SHAPES["tiny"])


def describe(trainer: Trainer) -> dict[str, Any]:
    """Digest of this rank's weights and optimizer state, and where the run stands."""
    return {
        "weights": weights_digest(trainer.wrapped),
        "optimizer": optimizer_digest(trainer.optimizer),
        "progress": dataclasses.asdict(trainer.progress),
        "num_parameters": megatron_adapter.count_parameters(trainer.wrapped.module),
    }


def weights_digest(wrapped: Any) -> str:
    """SHA-256 of this rank's weights."""
    return _digest((name, value) for name, value in wrapped.module.state_dict().items() if isinstance(value, torch.Tensor))


def optimizer_digest(optimizer: Any) -> str:
    """SHA-256 of this rank's optimizer state, in the order of its parameters."""
    state = []
    for number, part in enumerate(getattr(optimizer, "chained_optimizers", [optimizer])):
        for group in part.optimizer.param_groups:
            for index, parameter in enumerate(group["params"]):
                values = part.optimizer.state[parameter]
                state += [(f"{number}.{index}.{name}", values[name]) for name in sorted(values) if isinstance(values[name], torch.Tensor)]
    return _digest(state)


def _digest(named: Any) -> str:
    digest = hashlib.sha256()
    count = 0
    for name, value in named:
        digest.update(name.encode())
        digest.update(value.detach().contiguous().view(torch.uint8).numpy().tobytes() if value.dim() else value.numpy().tobytes())
        count += 1
    assert count
    return digest.hexdigest()


def at_step(trainer: Trainer, step: int, action: Callable[[], None]) -> None:
    """Has `action` done in the middle of step `step` (from 1): after its gradients are there and reduced, before they are judged."""
    whole = megatron_adapter.forward_backward

    def forward_backward(*args: Any, **kwargs: Any) -> Any:
        result = whole(*args, **kwargs)
        if trainer.progress.iteration + 1 == step:
            action()
        return result

    megatron_adapter.forward_backward = forward_backward  # this process is the job's own


def train_until_killed(config: TrainConfig, tokens: Path, run: Path, step: int) -> None:
    """Trains, and dies of SIGKILL in the middle of a step."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    at_step(trainer, step, kill_self)
    trainer.train()


def train_until_killed_in_save(config: TrainConfig, tokens: Path, run: Path, module: str, function: str, call: int) -> None:
    """Trains, and dies of SIGKILL when a function that saving uses is called for the `call`-th time (from 1)."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    owner = importlib.import_module(module)
    whole = getattr(owner, function)
    calls = itertools.count(1)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == call:
            kill_self()
        return whole(*args, **kwargs)

    setattr(owner, function, dying)
    trainer.train()


def kill_self() -> None:
    """SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


def step_tensors(config: TrainConfig, tokens: Path, run: Path) -> dict[str, Any]:
    """Loads a run; gives the values of the optimizer's `step` tensors and how many different tensors they are."""
    trainer = make_trainer(config, tokens, run)
    steps = [
        state["step"]
        for part in getattr(trainer.optimizer, "chained_optimizers", [trainer.optimizer])
        for state in part.optimizer.state.values()
    ]
    return {"values": [int(step) for step in steps], "tensors": len({step.data_ptr() for step in steps})}


def train_with_faults(config: TrainConfig, tokens: Path, run: Path, kind: str, steps: list[int]) -> dict[str, Any]:
    """Trains; at the steps gradients, weights, loss or a process's batches become NaN, the loss a spike, or a process gets a signal."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    left = list(steps)
    whole = megatron_adapter.forward_backward
    digests = {}

    def forward_backward(wrapped: Any, batches: Any, *args: Any, **kwargs: Any) -> Any:
        step = trainer.progress.iteration + 1
        if kind == "data" and step in left and trainer.rank == 0:
            batches = (batch | {"loss_mask": batch["loss_mask"] * float("nan")} for batch in batches)
        losses = whole(wrapped, batches, *args, **kwargs)
        digests[step] = weights_digest(trainer.wrapped)
        if step not in left:
            return losses
        left.remove(step)
        if kind == "gradients":
            trainer.wrapped.buffers[0].grad_data[3] = float("nan")
        elif kind == "weights":
            next(iter(trainer.wrapped.module.parameters())).data[:, 0] = float("nan")
        elif kind == "loss":
            losses[0] = losses[0] * float("inf")
        elif kind == "loss_of_last_stage":
            losses = [loss * float("inf") for loss in losses]  # the other stages have none
        elif kind == "spike":
            losses = [loss * 10 for loss in losses]
        elif kind == "drift":
            if trainer.rank == 1:
                next(iter(trainer.wrapped.module.parameters())).data[1, 1] += 1e-3
        elif kind == "tied_drift":
            if trainer.rank == trainer.world_size - 1:
                trainer.wrapped.module.shared_embedding_or_output_weight().data[1, 1] += 1e-3
        elif kind == "last_gradients":
            if trainer.rank == trainer.world_size - 1:
                trainer.wrapped.buffers[0].grad_data[-1] = float("nan")  # of a norm; the copy of a tied embedding is looked at elsewhere
        elif kind == "signal":
            if trainer.rank == trainer.world_size - 1:
                os.kill(os.getpid(), signal.SIGTERM)
        elif kind == "stop":
            if trainer.rank == trainer.world_size - 1:
                os.kill(os.getpid(), signal.SIGSTOP)
        elif kind == "no_room":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))  # what lines and rows need is less
        return losses

    megatron_adapter.forward_backward = forward_backward  # this process is the job's own
    trainer.train()
    return describe(trainer) | {"digests": digests}


def train_and_count_samples(config: TrainConfig, tokens: Path, run: Path) -> int:
    """Trains; gives how many samples of the stream this process has read."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    read = []
    stream = trainer.stream
    whole = type(stream).__getitem__

    class Counting(SampleStream):
        def __getitem__(self, position: int) -> dict[str, Any]:
            read.append(position)
            return whole(self, position)

    stream.__class__ = Counting
    trainer.train()
    return len(read)


def trace_step(run: Path, tokens: Path, step: int) -> list[str]:
    """What `tools.trace_step` says of a step."""
    from tools.trace_step import trace

    return trace(run, tokens, step)


def train_with_libraries(config: TrainConfig, tokens: Path, run: Path) -> dict[str, str]:
    """Trains where Transformer Engine and Apex can be had, as far as probes of norm and attention see; gives the kernels chosen."""
    import sys

    from tests.train.libraries import library_modules
    from train import kernels

    sys.modules |= library_modules()
    for component in ("norm", "attention", "rope"):
        for kernel in kernels.CANDIDATES[component]:
            # cuDNN's cannot be stood in for, and megatron's own fused rope needs Transformer Engine's kernel
            if kernel != kernels.TORCH_CUDNN and (component, kernel) != ("rope", kernels.TRANSFORMER_ENGINE):
                kernels.CANDIDATES[component][kernel] = lambda: None
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    trainer.train()
    return {choice.component: choice.kernel for choice in trainer.kernels.choices}


def train_with_fused_adam(config: TrainConfig, tokens: Path, run: Path) -> None:
    """Trains with a library's Adam, as megatron takes one where it is installed."""
    import megatron.core.optimizer
    from megatron.core.optimizer import distrib_optimizer

    from tests.train.libraries import LibraryAdam

    megatron.core.optimizer.Adam, megatron.core.optimizer.USING_PYTORCH_OPTIMIZER = LibraryAdam, False
    distrib_optimizer.Adam, distrib_optimizer.HAVE_APEX_OR_TE, distrib_optimizer.USING_APEX_OPTIMIZER = LibraryAdam, True, True
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    trainer.train()
    for part in getattr(trainer.optimizer, "chained_optimizers", [trainer.optimizer]):
        assert type(part.optimizer) is LibraryAdam


def draw(shares: list[Any], num_samples: int) -> list[Any]:
    """`draw_mixture` for each of the shares."""
    return [megatron_adapter.draw_mixture(share, num_samples) for share in shares]


def compare_with_stock(config: TrainConfig, tokens: Path, plain: Path, cache: Path) -> dict[str, Any]:
    """Compares our samples from `.bin.zst` with megatron's own classes over plain `.bin` files; gives counts and what differs."""
    from megatron.core.datasets.blended_dataset import BlendedDataset
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
    from megatron.core.datasets.utils import Split

    class Tokenizer:
        eod, vocab_size, unique_identifiers = 0, 256, {"of": "stock"}

    weights = {"math": 0.7, "physics": 0.3}
    shards = open_token_shards(tokens)
    mixed = dataclasses.replace(config, data=dataclasses.replace(config.data, weights=weights))
    sets = training_sets(shards, mixed)
    options = {"eod": shards.eod, "tokenizer_sha256": shards.tokenizer_sha256, "cache": cache / "ours", "is_training": True}
    ours = {name: megatron_adapter.build_dataset(entry, mixed, **options) for name, entry in sets.items()}
    stock_config = GPTDatasetConfig(
        random_seed=config.training.seed,
        sequence_length=config.model.seq_length,
        blend=([str(plain / name / "train") for name in sets], list(weights.values())),
        split="1,0,0",
        path_to_cache=str(cache / "stock"),
        tokenizer=Tokenizer(),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
        mid_level_dataset_surplus=0.005,
        allow_ambiguous_pad_tokens=True,
    )
    stock = {}
    for name in sets:
        low_level = GPTDataset.build_low_level_dataset(str(plain / name / "train"), stock_config)
        documents = np.arange(len(low_level), dtype=np.int32)
        num_samples = len(ours[name]) - 5  # less than an epoch, as a blend asks for
        stock[name] = GPTDataset(low_level, str(plain / name / "train"), documents, num_samples, Split.train, stock_config)
    stream = SampleStream(ours, mixtures(sets, mixed), config.training.seed, megatron_adapter.draw_mixture)
    stream.reach(120)
    blend = BlendedDataset(list(stock.values()), list(weights.values()), 120, stock_config)
    different = []
    compared = {}
    for name, one, other, count in [*((name, ours[name], stock[name], len(ours[name])) for name in sets), ("blend", stream, blend, 120)]:
        for number in range(count):
            for key in ("tokens", "labels", "position_ids", "loss_mask"):
                if not torch.equal(torch.as_tensor(one[number][key]), torch.as_tensor(other[number][key])):
                    different.append((name, number, key))
        compared[name] = count
    return {"samples": {name: len(ours[name]) for name in sets}, "compared": compared, "different": different}


def shim_with_and_without_cuda() -> dict[str, Any]:
    """What importing the adapter does where `torch.cuda.is_available()` says True, and where it says False."""
    import importlib.util

    from torch.overrides import _len_torch_function_stack

    def state(before: Any, modes: int) -> dict[str, Any]:
        return {"modes": _len_torch_function_stack() - modes, "patched": torch.cuda.current_device is not before}

    found = {}
    for name, answer in (("with_cuda", True), ("without_cuda", False)):
        torch.cuda.is_available = lambda answer=answer: answer
        before, modes = torch.cuda.current_device, _len_torch_function_stack()
        spec = importlib.util.find_spec("train.megatron_adapter")
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        found[name] = state(before, modes)
    return found


def weight_decay(config: TrainConfig, tokens: Path, run: Path) -> dict[str, float]:
    """Each parameter's weight decay as the optimizer's groups have it."""
    trainer = make_trainer(config, tokens, run)
    names = {}
    for name, parameter in trainer.wrapped.module.named_parameters():
        names[id(parameter)] = name
    decays = {}
    part = getattr(trainer.optimizer, "chained_optimizers", [trainer.optimizer])[0]
    if config.parallel.use_distributed_optimizer:
        for parameter, (group, _) in part.model_param_group_index_map.items():
            decays[names[id(parameter)]] = part.optimizer.param_groups[group]["weight_decay"]
    else:
        for group in part.optimizer.param_groups:
            for parameter in group["params"]:
                decays[names[id(parameter)]] = group["weight_decay"]
    return decays


def marks(config: TrainConfig) -> dict[str, bool]:
    """Whether each parameter is marked as one whose gradient sequence parallelism divides."""
    megatron_adapter.initialize_parallel(config)
    model = megatron_adapter.build_model(config, choose_kernels())
    return {name: bool(getattr(parameter, "sequence_parallel", False)) for name, parameter in model.named_parameters()}


def master_types(config: TrainConfig, tokens: Path, run: Path) -> dict[str, list[str]]:
    """Trains; gives the types of weights, master weights, moments and gradient buffers."""
    trainer = make_trainer(config, tokens, run)
    trainer.train()
    part = getattr(trainer.optimizer, "chained_optimizers", [trainer.optimizer])[0]
    inner = part.optimizer
    every = {
        "model": [parameter.dtype for parameter in trainer.wrapped.module.parameters()],
        "master": [parameter.dtype for group in inner.param_groups for parameter in group["params"]],
        "moments": [state[name].dtype for state in inner.state.values() for name in ("exp_avg", "exp_avg_sq")],
        "gradients": [buffer.grad_data.dtype for buffer in trainer.wrapped.buffers],
    }
    return {name: sorted({str(dtype) for dtype in dtypes}) for name, dtypes in every.items()}


def weights_between_steps(config: TrainConfig, tokens: Path, run: Path) -> dict[str, Any]:
    """Takes a step; gives this rank's weights (digest) before it, after it and gathered, and the number of buckets that they are in."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    found = {"before": weights_digest(trainer.wrapped), "buckets": len(trainer.wrapped.bucket_groups)}
    batches = trainer._batches()
    trainer._step(batches)
    batches.close()
    found["after"] = weights_digest(trainer.wrapped)
    with megatron_adapter.whole_weights(trainer.wrapped):
        found["gathered"] = weights_digest(trainer.wrapped)
    return found


def initial_weights(config: TrainConfig) -> dict[str, tuple[bool, Any]]:
    """Each parameter as the seed makes it: whether the tensor-parallel ranks divide it, and this rank's values `[N]`."""
    megatron_adapter.initialize_parallel(config)
    model = megatron_adapter.build_model(config, choose_kernels())
    named = model.named_parameters()
    return {name: (bool(getattr(value, "tensor_model_parallel", False)), value.detach().numpy().ravel()) for name, value in named}


def losses_of_packed_documents(config: TrainConfig, eod: int) -> dict[str, Any]:
    """Token losses of a sample of three documents: as it is, with the first document changed, and of each document alone."""
    megatron_adapter.initialize_parallel(config)
    model = megatron_adapter.build_model(config, choose_kernels())
    model.eval()
    wrapped = megatron_adapter.wrap_data_parallel(model, config)
    separating = eod if config.data.reset_attention_mask else None

    def of(tokens: list[int]) -> list[float]:
        row = np.array(tokens, dtype=np.int64)
        sample = {"tokens": row[:-1], "labels": row[1:], "position_ids": np.arange(len(row) - 1), "loss_mask": np.ones(len(row) - 1)}
        batch = collate([sample], torch.device("cpu"), eod=separating)
        losses: list[float] = megatron_adapter.token_losses(wrapped, batch, config)[0].tolist()
        return losses

    first, second, third = [5, 9, 20, 7, eod], [30, 31, 32, 33, 34, 35, eod], [40, 41, 42, 43]
    changed = [6, 6, 6, 6, eod]
    return {
        "whole": of(first + second + third),
        "changed": of(changed + second + third),
        "alone": [of(document) for document in (first, second, third)],
        "bounds": [len(first), len(first) + len(second)],
    }


def train_and_keep_tokens(config: TrainConfig, tokens: Path, run: Path, step: int) -> list[list[int]]:
    """Trains; gives the tokens of each sample of a step, in order."""
    run.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(config, tokens, run)
    kept: list[list[int]] = []
    whole = megatron_adapter.forward_backward

    def forward_backward(wrapped: Any, batches: Any, *args: Any, **kwargs: Any) -> Any:
        taken = list(batches)
        if trainer.progress.iteration + 1 == step:
            kept.extend(row.tolist() for batch in taken for row in batch["tokens"])
        return whole(wrapped, iter(taken), *args, **kwargs)

    megatron_adapter.forward_backward = forward_backward  # this process is the job's own
    trainer.train()
    return kept
