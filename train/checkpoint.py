"""Checkpoints: megatron's distributed format in `RUN/checkpoints/iter_NNNNNNN/`, whole or not there, with `texmill.json` beside it."""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shards.commit import TEMPORARY_PREFIX, fsync_folder, write_bytes
from shards.errors import InputError
from shards.manifest import read_manifest, source_commit, write_manifest
from train.config import ModelConfig, TrainConfig, from_sections
from train.data import TokenShards

LATEST = "latest_checkpointed_iteration.txt"
INFO = "texmill.json"
TOKENIZER = "tokenizer.model"


def folder_of(run: Path, iteration: int) -> Path:
    """Where the checkpoint of a step lies."""
    return run / "checkpoints" / f"iter_{iteration:07d}"


def latest(run: Path) -> int | None:
    """The step of the newest whole checkpoint of a run, or None."""
    path = run / "checkpoints" / LATEST
    if not path.exists():
        return None
    try:
        iteration = int(path.read_text())
    except ValueError:
        raise InputError(f"{path}: holds no step number; write the newest iter_ folder's number into it") from None
    if not (folder_of(run, iteration) / INFO).is_file():
        raise InputError(f"{path}: names step {iteration}, whose checkpoint is not there")
    return iteration


def find_checkpoint(path: Path) -> Path:
    """The checkpoint folder that `path` means: itself, or the newest of a run. Raises `InputError` where there is none."""
    if (path / INFO).is_file():
        return path
    if (path / "checkpoints").is_dir() and (iteration := latest(path)) is not None:
        return folder_of(path, iteration)
    raise InputError(f"{path}: is neither a checkpoint (iter_NNNNNNN with {INFO}) nor a run with one")


def read_info(checkpoint: Path) -> dict[str, Any]:
    """What `texmill.json` says of a checkpoint."""
    return read_manifest(checkpoint / INFO)


def stored_config(checkpoint: Path) -> TrainConfig:
    """The config that a checkpoint was trained with."""
    return from_sections(read_info(checkpoint)["config"], str(checkpoint / INFO))


def require_same(checkpoint: Path, config: TrainConfig, tokenizer_sha256: str) -> None:
    """Raises `InputError` where the checkpoint has another shape or another tokenizer than this run."""
    stored = stored_config(checkpoint).model
    for entry in dataclasses.fields(ModelConfig):
        ours, theirs = getattr(config.model, entry.name), getattr(stored, entry.name)
        if ours != theirs:
            raise InputError(
                f"{checkpoint}: was trained with --{entry.name.replace('_', '-')} {theirs}, this run has {ours}; "
                f"give the same, or another --out"
            )
    found = read_info(checkpoint)["tokenizer_sha256"]
    if found != tokenizer_sha256:
        raise InputError(
            f"{checkpoint}: was trained on another tokenizer ({found[:12]}) than these token shards' ({tokenizer_sha256[:12]})"
        )


def save(run: Path, iteration: int, config: TrainConfig, shards: TokenShards, wrapped: Any, optimizer: Any, scheduler: Any) -> Path:
    """Writes the checkpoint of a step under a temporary name and renames it when it is whole; then removes the oldest beyond those kept."""
    from train.megatron_adapter import save_sharded

    final = folder_of(run, iteration)
    temporary = final.parent / f"{TEMPORARY_PREFIX}{final.name}"
    is_first = torch.distributed.get_rank() == 0
    if is_first:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    torch.distributed.barrier()
    consumed = iteration * config.training.global_batch_size
    extra = {"scheduler": scheduler.state_dict(), "iteration": iteration, "random_state": torch.get_rng_state()}
    save_sharded(temporary, wrapped, optimizer, extra)
    torch.distributed.barrier()
    if is_first:
        info = {
            "iteration": iteration,
            "consumed_samples": consumed,
            "consumed_tokens": consumed * config.model.seq_length,
            "config": dataclasses.asdict(config),
            "tokenizer_sha256": shards.tokenizer_sha256,
            "eod_id": shards.eod,
            "commit": source_commit(),
        }
        if shards.tokenizer_file.is_file():
            shutil.copyfile(shards.tokenizer_file, temporary / TOKENIZER)
        write_manifest(temporary / INFO, info)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
        fsync_folder(final.parent)
        write_bytes(final.parent / LATEST, f"{iteration}\n".encode())
        whole = sorted(path for path in final.parent.glob("iter_*") if (path / INFO).is_file())
        for path in whole[: -config.training.keep_checkpoints]:
            shutil.rmtree(path)
    torch.distributed.barrier()
    return final


def load(checkpoint: Path, wrapped: Any, optimizer: Any, scheduler: Any) -> int:
    """Loads weights, optimizer, schedule and random state; gives the step that was last done."""
    from train.megatron_adapter import load_sharded

    extra = {"scheduler": scheduler.state_dict(), "iteration": 0, "random_state": torch.get_rng_state()}
    try:
        state = load_sharded(checkpoint, wrapped, optimizer, extra)
    except (OSError, RuntimeError, KeyError, EOFError) as error:
        raise InputError(f"{checkpoint}: cannot be loaded ({type(error).__name__}: {error}); go on from an older one") from error
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random_state"])
    return int(state["iteration"])


@contextlib.contextmanager
def one_process() -> Iterator[None]:
    """A process group of this process alone, where none is up: for export and generation."""
    if torch.distributed.is_initialized():
        yield
        return
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


@contextlib.contextmanager
def loaded_model(checkpoint: Path) -> Iterator[tuple[TrainConfig, Any]]:
    """A checkpoint's model in one process, float32 weights unless it was trained in bfloat16, whatever its tensor-parallel size was."""
    from train import megatron_adapter
    from train.config import ParallelConfig
    from train.kernels import choose_kernels

    config = dataclasses.replace(stored_config(checkpoint), parallel=ParallelConfig())
    with one_process():
        megatron_adapter.initialize_parallel(config)
        try:
            model = megatron_adapter.build_model(config, choose_kernels())
            megatron_adapter.load_plain_weights(checkpoint, model)
            model.eval()
            yield config, model
        finally:
            megatron_adapter.destroy_parallel()


def load_full_state(checkpoint: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """All weights of a checkpoint in one process, by megatron's names."""
    with loaded_model(checkpoint) as (config, model):
        state = {name: value.detach().clone() for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    return config.model, state


def write_config(run: Path, config: TrainConfig) -> None:
    """The resolved config beside the checkpoints."""
    write_bytes(run / "config.json", (json.dumps(dataclasses.asdict(config), indent=1) + "\n").encode())
