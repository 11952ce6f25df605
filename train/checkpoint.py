"""Checkpoints: megatron's distributed format in `RUN/checkpoints/iter_NNNNNNN/`, whole or not there, with `texmill.json` beside it.

A checkpoint is written under a temporary name and renamed when every byte is on the disk, so what a killed save leaves is never taken for
one. `texmill.json` lists the files with size and SHA-256; one that is damaged later is refused, and the one before it is used.
"""

import contextlib
import copy
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shards.commit import TEMPORARY_PREFIX, fsync_folder, write_bytes
from shards.errors import InputError
from shards.manifest import read_manifest, source_commit, write_manifest
from train.config import ModelConfig, TrainConfig, from_sections
from train.data import TokenShards

LATEST = "latest_checkpointed_iteration.txt"  # for Megatron-LM, which looks for it; texmill takes the newest whole folder
INFO = "texmill.json"
TOKENIZER = "tokenizer.model"
_HASH_CHUNK_BYTES = 1 << 24


@dataclass(kw_only=True)
class Progress:
    """Where a run stands."""

    iteration: int = 0
    # steps done, those left out included
    consumed_samples: int = 0
    # place in the stream of samples: more than steps x global batch where the run went back and left data out
    skipped_steps: int = 0
    # steps whose update was left out because they could not be right
    skipped_samples: int = 0
    # samples that no weight has seen: of skipped steps, and of those that the run went back over
    rewinds: int = 0
    # times that the run went back to this checkpoint
    metric_rows: int = 0
    # rows of metrics.jsonl that were written by then
    watch: dict[str, Any] = field(default_factory=dict)
    # of StepWatch


def folder_of(run: Path, iteration: int) -> Path:
    """Where the checkpoint of a step lies."""
    return run / "checkpoints" / f"iter_{iteration:07d}"


def all_of(run: Path) -> list[Path]:
    """The checkpoints of a run that were saved whole, oldest first."""
    return sorted(path for path in (run / "checkpoints").glob("iter_*") if (path / INFO).is_file())


def find_checkpoint(path: Path) -> Path:
    """The checkpoint folder that `path` means: itself, or the newest of a run. Raises `InputError` where there is none."""
    if (path / INFO).is_file():
        return path
    if saved := all_of(path):
        return saved[-1]
    raise InputError(f"{path}: is neither a checkpoint (iter_NNNNNNN with {INFO}) nor a run with one")


def read_info(checkpoint: Path) -> dict[str, Any]:
    """What `texmill.json` says of a checkpoint."""
    return read_manifest(checkpoint / INFO)


def stored_config(checkpoint: Path) -> TrainConfig:
    """The config that a checkpoint was trained with."""
    try:
        return from_sections(read_info(checkpoint)["config"], str(checkpoint / INFO))
    except KeyError:
        raise InputError(f"{checkpoint / INFO}: states no config; is it of this program?") from None


def stored_progress(checkpoint: Path) -> Progress:
    """Where the run stood."""
    try:
        return Progress(**read_info(checkpoint)["progress"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{checkpoint / INFO}: does not say where the run stood ({error}); is it of this program?") from None


def write_progress(checkpoint: Path, progress: Progress) -> None:
    """States another place in the data for the same weights: where a run that went back goes on."""
    write_manifest(checkpoint / INFO, read_info(checkpoint) | {"progress": dataclasses.asdict(progress)})


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


def require_same_optimizer(checkpoint: Path, config: TrainConfig) -> None:
    """Raises `InputError` where the optimizer's state was kept in another form than this run keeps it in."""
    stored = stored_config(checkpoint)
    for name, ours, theirs in (
        ("use-distributed-optimizer", config.parallel.use_distributed_optimizer, stored.parallel.use_distributed_optimizer),
        ("bf16", config.training.bf16, stored.training.bf16),
    ):
        if ours != theirs:
            flag = f"--{name}" if theirs else f"--no-{name}"
            raise InputError(f"{checkpoint}: its optimizer's state is of a run with {flag}; give that, or --finetune to begin anew")


def newest_undamaged(run: Path, say: Callable[[str], None]) -> Path | None:
    """The newest checkpoint whose files are what was saved; says which are not. Each process reads its part of the files.

    None where nothing was saved. Raises `InputError` where everything saved is damaged: a run does not begin anew by itself.
    """
    saved = all_of(run)
    for checkpoint in reversed(saved):
        damage = _first_of_all(_damage(checkpoint))
        if damage is None:
            return checkpoint
        say(f"{checkpoint}: is damaged ({damage}): left alone, the one before it is used")
    if saved:
        raise InputError(f"{run}: every checkpoint is damaged; move {run / 'checkpoints'} away to begin anew, or --load one of elsewhere")
    return None


def _damage(checkpoint: Path) -> str | None:
    """What is wrong with this process's part of a checkpoint's files."""
    try:
        files = read_info(checkpoint)["files"]
    except (InputError, KeyError) as error:
        return f"{INFO}: {error}"
    for name in sorted(files)[torch.distributed.get_rank() :: torch.distributed.get_world_size()]:
        try:
            if (checkpoint / name).stat().st_size != files[name]["bytes"]:
                return f"{name} has {(checkpoint / name).stat().st_size} of {files[name]['bytes']} bytes"
            if _digest(checkpoint / name) != files[name]["sha256"]:
                return f"{name} is not what was written"
        except OSError as error:
            return f"{name}: {error.strerror}"
    return None


def _first_of_all(found: str | None) -> str | None:
    every: list[str | None] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(every, found)
    return next((one for one in every if one is not None), None)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
        with contextlib.suppress(OSError):  # a checkpoint that is only read may lie where nothing can be written
            os.fsync(handle.fileno())
    return digest.hexdigest()


class Saver:
    """Saves a run's checkpoints: under a temporary name, renamed when whole; then the oldest beyond those kept are removed.

    `stream` is `train.data.stream_identity`. Raises `InputError` where a checkpoint cannot be written; what was saved before stays.
    """

    def __init__(self, run: Path, config: TrainConfig, shards: TokenShards, stream: dict[str, Any]) -> None:
        self.run, self.config, self.shards, self.stream = run, config, shards, stream
        self.pending: tuple[Any, Progress] | None = None

    def save(self, progress: Progress, wrapped: Any, optimizer: Any, scheduler: Any) -> Path:
        """Saves, and gives the checkpoint's folder."""
        from train.megatron_adapter import save_sharded

        temporary = self._begin(progress)
        # the others are told by the save itself, or by this process's end: they may wait inside it, where nothing else can be agreed on
        self._require(progress, _try(lambda: save_sharded(temporary, wrapped, optimizer, self._extra(scheduler))))
        return self._commit(progress)

    def start(self, progress: Progress, wrapped: Any, optimizer: Any, scheduler: Any) -> None:
        """Has another process save the weights as they are now; `finished` says when it is done."""
        from train.megatron_adapter import PendingSave, start_saving_sharded

        temporary = self._begin(progress)
        started: list[PendingSave] = []
        extra = self._extra(scheduler)
        self._require(progress, _try(lambda: started.append(start_saving_sharded(temporary, wrapped, optimizer, extra))))
        self.pending = (started[0], copy.deepcopy(progress))

    def finished(self, *, is_waiting: bool) -> Path | None:
        """The checkpoint that was being saved, once it is whole; with `is_waiting` it is waited for. None where there is none yet."""
        if self.pending is None or not self.pending[0].is_done(is_waiting=is_waiting):
            return None
        pending, progress = self.pending
        self.pending = None
        self._require(progress, _try(pending.finish))
        return self._commit(progress)

    def _temporary(self, progress: Progress) -> Path:
        final = folder_of(self.run, progress.iteration)
        return final.parent / f"{TEMPORARY_PREFIX}{final.name}"

    def _begin(self, progress: Progress) -> Path:
        temporary = self._temporary(progress)

        def make() -> None:
            _remove_unfinished(temporary.parent)
            temporary.mkdir(parents=True)

        self._require(progress, _first_of_all(_try(make) if torch.distributed.get_rank() == 0 else None))
        return temporary

    def _extra(self, scheduler: Any) -> dict[str, Any]:
        # nothing draws random numbers after the weights: all processes have one state, and the first one's is saved
        return {"scheduler": scheduler.state_dict(), "random_state": torch.get_rng_state()}

    def _commit(self, progress: Progress) -> Path:
        final = folder_of(self.run, progress.iteration)
        self._require(progress, _commit(self._temporary(progress), final, progress, self.config, self.shards, self.stream))
        if torch.distributed.get_rank() == 0:
            for path in all_of(self.run)[: -self.config.training.keep_checkpoints]:
                shutil.rmtree(path)
        torch.distributed.barrier()
        return final

    def _require(self, progress: Progress, failure: str | None) -> None:
        if failure is None:
            return
        if torch.distributed.get_rank() == 0:
            shutil.rmtree(self._temporary(progress), ignore_errors=True)
        kept = all_of(self.run)
        last = f"the last good checkpoint is {kept[-1]}" if kept else "there is no earlier checkpoint"
        final = folder_of(self.run, progress.iteration)
        raise InputError(f"{final}: cannot be saved ({failure}); {last}. Make room and run the same command again")


def _commit(
    temporary: Path, final: Path, progress: Progress, config: TrainConfig, shards: TokenShards, stream: dict[str, Any]
) -> str | None:
    """Lists the files, each process digesting its part, and renames the folder; gives what went wrong."""
    is_first = torch.distributed.get_rank() == 0
    if is_first and shards.tokenizer_file.is_file():
        failure = _try(lambda: shutil.copyfile(shards.tokenizer_file, temporary / TOKENIZER))
    else:
        failure = None
    failure = _first_of_all(failure)
    if failure is not None:
        return failure
    files: dict[str, dict[str, Any]] = {}

    def digest_own() -> None:
        paths = sorted(path for path in temporary.iterdir() if path.is_file())
        for path in paths[torch.distributed.get_rank() :: torch.distributed.get_world_size()]:
            files[path.name] = {"bytes": path.stat().st_size, "sha256": _digest(path)}

    failure = _first_of_all(_try(digest_own))
    if failure is not None:
        return failure
    every: list[dict[str, Any]] = [{} for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(every, files)
    info = {
        "iteration": progress.iteration,
        "consumed_samples": progress.consumed_samples,
        "consumed_tokens": progress.consumed_samples * config.model.seq_length,
        "progress": dataclasses.asdict(progress),
        "config": dataclasses.asdict(config),
        "tokenizer_sha256": shards.tokenizer_sha256,
        "eod_id": shards.eod,
        "stream": stream,
        "files": {name: entry for part in every for name, entry in part.items()},
        "commit": source_commit(),
    }

    def rename() -> None:
        write_manifest(temporary / INFO, info)
        shutil.rmtree(final, ignore_errors=True)  # only a damaged one can be there already
        os.replace(temporary, final)
        fsync_folder(final.parent)
        write_bytes(final.parent / LATEST, f"{progress.iteration}\n".encode())

    return _first_of_all(_try(rename) if is_first else None)


def _try(action: Callable[[], object]) -> str | None:
    """What went wrong, in words, or None."""
    try:
        action()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # torch's CheckpointException, which tells all processes of a full disk, is no Exception
        return _words(error)
    return None


def _words(error: BaseException) -> str:
    """The cause on one short line; torch gathers the failures of all processes, with their stacks, in one exception."""
    failures = getattr(error, "failures", None)
    if failures:
        error = next(iter(failures.values()))[0]
    line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {line[:200]}"


def _remove_unfinished(folder: Path) -> None:
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def load(checkpoint: Path, wrapped: Any, optimizer: Any, scheduler: Any) -> Progress:
    """Loads weights, optimizer, schedule and random state; gives where the run stood."""
    from train.megatron_adapter import load_sharded

    progress = stored_progress(checkpoint)
    extra = {"scheduler": scheduler.state_dict(), "random_state": torch.get_rng_state()}
    state: dict[str, Any] = {}
    failure = _try(lambda: state.update(load_sharded(checkpoint, wrapped, optimizer, extra)))
    if failure is not None:
        raise InputError(f"{checkpoint}: cannot be loaded ({failure}); go on from an older one")
    scheduler.num_steps = 0  # loading steps on from where the schedule stands
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["random_state"])
    return progress


def load_weights(checkpoint: Path, wrapped: Any, optimizer: Any) -> None:
    """Loads the weights alone; optimizer and schedule stay as they are, at their beginning."""
    from train.megatron_adapter import load_plain_weights

    load_plain_weights(checkpoint, wrapped.module)
    optimizer.reload_model_params()


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
    """A checkpoint's model in one process, float32 weights unless it was trained in bfloat16, whatever its tensor-parallel size was.

    Raises `InputError` where the checkpoint's files are not what was saved.
    """
    from train import megatron_adapter
    from train.config import ParallelConfig
    from train.kernels import choose_kernels

    config = dataclasses.replace(stored_config(checkpoint), parallel=ParallelConfig())
    with one_process():
        if (damage := _damage(checkpoint)) is not None:
            raise InputError(f"{checkpoint}: is damaged ({damage}); take another checkpoint of the run")
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
