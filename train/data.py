"""Token shards → batches: which domains there are, which samples a step takes, and a thread that has them ready."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shards.errors import InputError
from shards.manifest import read_manifest
from train.config import ModelConfig, TrainConfig

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class TokenSet:
    """One domain's tokens of one split. `text_bytes` are the UTF-8 bytes that `num_tokens` stand for."""

    domain: str
    split: str
    prefix: Path
    num_documents: int
    num_tokens: int
    text_bytes: int


@dataclass(frozen=True)
class TokenShards:
    """A folder of token shards as its manifest states it."""

    folder: Path
    vocab_size: int
    eod: int
    tokenizer_sha256: str
    tokenizer_file: Path
    sets: tuple[TokenSet, ...]

    def of_split(self, split: str) -> list[TokenSet]:
        """The domains' sets of one split, by name."""
        return [entry for entry in self.sets if entry.split == split]


def open_token_shards(folder: Path) -> TokenShards:
    """Reads the manifest. Raises `InputError` where the folder is none of `tools.tokenize_shards`, or a listed file is missing."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --data takes the folder that python -m tools.tokenize_shards wrote")
    manifest = read_manifest(folder / MANIFEST)
    try:
        tokenizer = manifest["tokenizer"]
        sets = tuple(
            TokenSet(
                domain=name.rpartition("/")[0],
                split=name.rpartition("/")[2],
                prefix=folder / name,
                num_documents=entry["documents"],
                num_tokens=entry["tokens"],
                text_bytes=entry["text_bytes"],
            )
            for name, entry in sorted(manifest["sets"].items())
        )
        shards = TokenShards(
            folder=folder,
            vocab_size=tokenizer["vocab_size"],
            eod=tokenizer["eod_id"],
            tokenizer_sha256=tokenizer["sha256"],
            tokenizer_file=folder / tokenizer.get("file", "tokenizer.model"),
            sets=sets,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / MANIFEST}: is not a token shard manifest (no {error}); write the shards again") from None
    for entry in shards.sets:
        for suffix in (".idx", ".bin.zst"):
            if not Path(f"{entry.prefix}{suffix}").is_file():
                raise InputError(f"{entry.prefix}{suffix}: is missing though the manifest lists it; write the shards again")
    if not shards.of_split("train"):
        raise InputError(f"{folder}: holds no training tokens; is the corpus empty?")
    return shards


def with_vocabulary(config: TrainConfig, shards: TokenShards) -> TrainConfig:
    """The config with the shards' vocabulary. Raises `InputError` where the recipe states another."""
    import dataclasses

    stated = config.model.vocab_size
    if stated is not None and stated != shards.vocab_size:
        raise InputError(
            f"the recipe's vocabulary is {stated}, the token shards' is {shards.vocab_size} ({shards.folder}): "
            f"train a tokenizer with --vocab-size {stated}, or give --vocab-size {shards.vocab_size}"
        )
    model: ModelConfig = dataclasses.replace(config.model, vocab_size=shards.vocab_size)
    return dataclasses.replace(config, model=model)


def blend(shards: TokenShards, config: TrainConfig) -> tuple[list[Path], list[float]]:
    """Prefixes and weights of the training domains: the config's weights, or by tokens."""
    sets = [entry for entry in shards.of_split("train") if entry.num_tokens > config.model.seq_length]
    if not sets:
        raise InputError(f"{shards.folder}: no domain has more than --seq-length {config.model.seq_length} training tokens")
    if config.data.weights is None:
        return [entry.prefix for entry in sets], [float(entry.num_tokens) for entry in sets]
    known = {entry.domain: entry for entry in sets}
    unknown = sorted(set(config.data.weights) - set(known))
    if unknown:
        raise InputError(f"--weights names {', '.join(unknown)}; the token shards have {', '.join(sorted(known))}")
    chosen = {domain: weight for domain, weight in sorted(config.data.weights.items()) if weight > 0}
    return [known[domain].prefix for domain in chosen], list(chosen.values())


def collate(samples: list[dict[str, Any]], device: torch.device) -> dict[str, Tensor]:
    """Megatron's samples as one batch: `tokens`, `labels`, `position_ids` `[B, S]` int64, `loss_mask` `[B, S]` float32."""
    batch = {
        name: torch.from_numpy(np.stack([np.asarray(sample[name]) for sample in samples])) for name in ("tokens", "labels", "position_ids")
    }
    mask = np.stack([np.asarray(sample["loss_mask"], dtype=np.float32) for sample in samples])
    return {name: value.to(torch.int64).to(device) for name, value in batch.items()} | {"loss_mask": torch.from_numpy(mask).to(device)}


def sample_numbers(step: int, micro_batch: int, rank: int, num_ranks: int, config: TrainConfig) -> range:
    """The samples of one micro-batch of one data-parallel process: every sample of a step once, whatever the number of processes."""
    size = config.training.micro_batch_size
    start = step * config.training.global_batch_size + (micro_batch * num_ranks + rank) * size
    return range(start, start + size)


class Batches:
    """The micro-batches of each step from `first_step` on, read ahead by a thread; counts the seconds that the trainer waited."""

    def __init__(
        self, dataset: Any, config: TrainConfig, *, first_step: int, rank: int, num_ranks: int, device: torch.device, num_ahead: int = 4
    ) -> None:
        self.num_micro_batches = config.training.global_batch_size // (config.training.micro_batch_size * num_ranks)
        self.waited_seconds = 0.0
        self._queue: queue.Queue[dict[str, Tensor] | BaseException] = queue.Queue(maxsize=num_ahead)
        self._stop = threading.Event()
        arguments = (dataset, config, first_step, rank, num_ranks, device)
        self._thread = threading.Thread(target=self._read, args=arguments, daemon=True, name="batches")
        self._thread.start()

    def _read(self, dataset: Any, config: TrainConfig, first_step: int, rank: int, num_ranks: int, device: torch.device) -> None:
        try:
            for step in range(first_step, config.training.train_iters):
                for micro_batch in range(self.num_micro_batches):
                    numbers = sample_numbers(step, micro_batch, rank, num_ranks, config)
                    self._put(collate([dataset[number] for number in numbers], device))
                    if self._stop.is_set():
                        return
        except BaseException as error:
            self._put(error)

    def _put(self, item: dict[str, Tensor] | BaseException) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def step(self) -> Iterator[dict[str, Tensor]]:
        """The micro-batches of the next step."""
        for _ in range(self.num_micro_batches):
            started = time.perf_counter()
            item = self._queue.get()
            self.waited_seconds += time.perf_counter() - started
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        self._thread.join(timeout=5)
