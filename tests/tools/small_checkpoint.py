"""Checkpoints of small models with every weight away from where it starts, written by one process or by several."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.tools.processes import in_processes
from tools.tokenizer import LatexTokenizer
from train import checkpoint as checkpoints
from train.config import ModelConfig, ParallelConfig, TrainConfig, TrainingConfig
from train.data import TokenShards

STEP = 7
SHAPE = ModelConfig(
    num_layers=2, hidden_size=64, ffn_hidden_size=96, num_attention_heads=4, vocab_size=640, seq_length=64, init_method_std=0.08
)


def config_of(*, tensor_parallel: int = 1, pipeline_parallel: int = 1, bf16: bool = False, **model: Any) -> TrainConfig:
    """The small shape with other fields of the model."""
    return TrainConfig(
        model=dataclasses.replace(SHAPE, **model),
        parallel=ParallelConfig(tensor_model_parallel_size=tensor_parallel, pipeline_model_parallel_size=pipeline_parallel),
        training=TrainingConfig(micro_batch_size=2, global_batch_size=2, bf16=bf16),
    )


def write_checkpoint(run: Path, config: TrainConfig, tokenizer_folder: Path) -> Path:
    """A checkpoint of step 7 in `run`, saved by as many processes as its layout needs; gives its folder."""
    world_size = config.parallel.tensor_model_parallel_size * config.parallel.pipeline_model_parallel_size
    if world_size == 1:
        with checkpoints.one_process():
            _save(run, config, tokenizer_folder)
    else:
        in_processes(world_size, _save, run, config, tokenizer_folder)
    return checkpoints.find_checkpoint(run)


def _save(run: Path, config: TrainConfig, tokenizer_folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch|megatron|train\.megatron_adapter")  # deprecations inside megatron, which is pinned
        _build_and_save(run, config, tokenizer_folder)


def _build_and_save(run: Path, config: TrainConfig, tokenizer_folder: Path) -> None:
    from train import megatron_adapter as megatron
    from train.kernels import choose_kernels

    tokenizer = LatexTokenizer.load(tokenizer_folder)
    shards = TokenShards(
        folder=run,
        vocab_size=config.model.known_vocab_size,
        eod=tokenizer.eod_id,
        tokenizer_sha256=tokenizer.sha256,
        tokenizer_file=tokenizer_folder / "tokenizer.model",
        sets=(),
    )
    megatron.initialize_parallel(config)
    try:
        model = megatron.build_model(config, choose_kernels())
        with torch.no_grad():
            for name, weight in sorted(model.named_parameters()):
                if "norm" in name:  # all are 1 at first, and one in another's place would pass
                    weight += torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(name))) * 0.3
        wrapped = megatron.wrap_data_parallel(model, config)
        optimizer = megatron.build_optimizer(wrapped, config)
        wrapped.zero_grad_buffer()
        optimizer.step()  # moments are there from the first step on
        scheduler = megatron.build_scheduler(optimizer, config)
        progress = checkpoints.Progress(iteration=STEP, consumed_samples=STEP * config.training.global_batch_size)
        checkpoints.Saver(run, config, shards, {}).save(progress, wrapped, optimizer, scheduler)
    finally:
        megatron.destroy_parallel()
