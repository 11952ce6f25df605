"""Token shards → batches: which domains there are, which samples a step takes, and a thread that has them ready."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import itertools
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shards.cli import ENDPOINT_HELP
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.store import StoreOptions, place_at
from shards.token_cache import cached_folder, stub_of
from shards.token_shard import BIN_SUFFIX, INDEX_SUFFIX, TokenShardReader, with_suffix
from train.config import ModelConfig, TrainConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class TokenSet:
    """One domain's tokens of one split, or those of its documents in one bucket of math share; `text_bytes` are the UTF-8 bytes that
    `num_tokens` stand for. A bucket's `domain` is `math@0.1-0.3`, and `documents` are its documents' numbers in the shards, in order."""

    domain: str
    split: str
    prefix: Path
    num_documents: int
    num_tokens: int
    text_bytes: int
    documents: tuple[int, ...] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the lengths of the shards' documents, and of which of them these are."""
        whole = index_digest(self.prefix)
        if self.documents is None:
            return whole
        return hashlib.sha256(whole.encode() + np.array(self.documents, dtype="<i8").tobytes()).hexdigest()


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


def add_data_options(parser: argparse.ArgumentParser, what: str, *, required: bool) -> None:
    """`--data`, a folder or the URI of an object store, and what reading a store needs."""
    parser.add_argument("--data", required=required, metavar="DIR_OR_URI", help=what)
    parser.add_argument(
        "--data-cache", type=Path, metavar="DIR", help="folder of this machine through which a store's token shards are read"
    )
    parser.add_argument("--data-endpoint", metavar="URL", help=ENDPOINT_HELP)


def data_folder(data: str, cache: Path | None, endpoint: str | None) -> Path:
    """The folder of this machine from which `--data` is read. Raises `InputError` where a store's has none, or cannot be reached."""
    place = place_at(data, StoreOptions.from_environment(endpoint=endpoint))
    return cached_folder(place, cache.resolve() if cache is not None else None).resolve()


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
        for path in (with_suffix(entry.prefix, INDEX_SUFFIX), with_suffix(entry.prefix, BIN_SUFFIX)):
            if not path.is_file() and not stub_of(path).is_file():
                raise InputError(f"{path}: is missing though the manifest lists it; write the shards again")
    if not shards.of_split("train"):
        raise InputError(f"{folder}: holds no training tokens; is the corpus empty?")
    return shards


def with_vocabulary(config: TrainConfig, shards: TokenShards) -> TrainConfig:
    """The config with the shards' vocabulary. Raises `InputError` where the recipe states another."""
    stated = config.model.vocab_size
    if stated is not None and stated != shards.vocab_size:
        raise InputError(
            f"the recipe's vocabulary is {stated}, the token shards' is {shards.vocab_size} ({shards.folder}): "
            f"train a tokenizer with --vocab-size {stated}, or give --vocab-size {shards.vocab_size}"
        )
    model: ModelConfig = dataclasses.replace(config.model, vocab_size=shards.vocab_size)
    return dataclasses.replace(config, model=model)


def in_buckets(shards: TokenShards, config: TrainConfig) -> TokenShards:
    """The shards with each domain's training set parted into the buckets of `math_share_edges`; validation sets stay whole.

    A bucket has the documents from its lower edge on, up to below its upper one; one without documents is none. Raises `InputError` where
    the token shards do not say how much of a document is mathematics.
    """
    edges = config.data.math_share_edges
    if edges is None or any(entry.documents is not None for entry in shards.sets):
        return shards
    sets: list[TokenSet] = []
    for entry in shards.sets:
        sets += _buckets(entry, edges) if entry.split == "train" else [entry]
    return dataclasses.replace(shards, sets=tuple(sets))


def _buckets(entry: TokenSet, edges: Sequence[float]) -> list[TokenSet]:
    reader = TokenShardReader(entry.prefix)
    records = list(reader.document_records())
    unknown = next((record["id"] for record in records if record.get("math_share") is None), None)
    if unknown is not None:
        raise InputError(
            f"{entry.prefix}: says of {unknown} no share of mathematics, which --math-share-edges needs: run preprocess and "
            f"python -m tools.tokenize_shards again"
        )
    bucket_of = np.searchsorted(np.array(edges), [record["math_share"] for record in records], side="right")
    lengths = reader.lengths
    bounds = ["0", *(f"{edge:g}" for edge in edges), "1"]
    found = []
    for bucket in range(len(edges) + 1):
        documents = np.flatnonzero(bucket_of == bucket)
        if documents.size:
            found.append(
                dataclasses.replace(
                    entry,
                    domain=f"{entry.domain}@{bounds[bucket]}-{bounds[bucket + 1]}",
                    num_documents=documents.size,
                    num_tokens=int(lengths[documents].sum()),
                    text_bytes=sum(records[number]["text_bytes"] for number in documents),
                    documents=tuple(documents.tolist()),
                )
            )
    return found


def _by_set(weights: dict[str, float], sets: dict[str, TokenSet]) -> dict[str, float]:
    """Weights by set: a domain's is shared by its buckets as they have tokens. Names that are neither stay, for the caller to see."""
    found: dict[str, float] = {}
    for name, weight in weights.items():
        buckets = [entry for domain, entry in sets.items() if domain.rpartition("@")[0] == name]
        total = sum(entry.num_tokens for entry in buckets)
        for entry in buckets:
            found[entry.domain] = found.get(entry.domain, 0.0) + weight * entry.num_tokens / total
        if not buckets:
            found[name] = found.get(name, 0.0) + weight
    return found


@dataclass(frozen=True)
class Place:
    """Where a sample of the stream comes from: the sample `number` (in the order of a first epoch) of a domain, in its `epoch` (from 0)."""

    domain: str
    epoch: int
    number: int


@dataclass(frozen=True)
class Mixture:
    """A stage ready to draw from: `share: [D]` of the domains, and how many samples it has; None: as many as are asked for."""

    share: npt.NDArray[np.float64]
    num_samples: int | None


DrawMixture = Callable[[npt.NDArray[np.float64], int], tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]]
# shares [D] and a number of samples → the domain of each sample, and which sample of its domain it is, counted from 0


class SampleStream:
    """The training samples in their order, for ever: `stream[n]` is the same whatever the number of processes, of steps or of restarts.

    Each domain's samples are megatron's one-epoch GPTDataset in its own order; a later epoch takes the same samples in another order, so
    every sample is seen once before any is seen twice. A stage draws from the domains as megatron's blended dataset does: always from the
    one that is furthest behind its share. A stage's samples go on where the stage before left each domain.
    """

    def __init__(self, domains: dict[str, Any], stages: Sequence[Mixture], seed: int, draw: DrawMixture) -> None:
        self._draw = draw
        self.names = sorted(domains)
        self.datasets = [domains[name] for name in self.names]
        self.stages = list(stages)
        self.seed = seed
        self._drawn: list[tuple[int, npt.NDArray[np.int16], npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self._orders: dict[tuple[int, int], npt.NDArray[np.int64]] = {}
        self._lock = threading.Lock()

    def reach(self, num_samples: int) -> None:
        """Draws the order of the first `num_samples` samples: 10 bytes each."""
        first, bases, drawn = 0, np.zeros(len(self.names), dtype=np.int64), []
        for stage in self.stages:
            size = max(0, num_samples - first) if stage.num_samples is None else stage.num_samples
            domain, number = self._draw(stage.share, size)
            drawn.append((first, domain, number, bases))
            first, bases = first + size, bases + np.bincount(domain, minlength=len(self.names))
        if first < num_samples:
            raise InputError(
                f"--stages end after {first:,} samples, step by step {num_samples:,} are needed; give the last stage more tokens, or none"
            )
        with self._lock:
            self._drawn = drawn

    def _locate(self, position: int) -> tuple[int, int, int]:
        with self._lock:
            first, domain, number, bases = next(entry for entry in reversed(self._drawn) if entry[0] <= position)
        index = int(domain[position - first])
        epoch, number_in_epoch = divmod(int(bases[index]) + int(number[position - first]), len(self.datasets[index]))
        if epoch:
            number_in_epoch = int(self._order(index, epoch)[number_in_epoch])
        return index, epoch, number_in_epoch

    def _order(self, index: int, epoch: int) -> npt.NDArray[np.int64]:
        order = self._orders.get((index, epoch))
        if order is None:
            seed = [self.seed, zlib.crc32(self.names[index].encode()), epoch]
            order = np.random.default_rng(seed).permutation(len(self.datasets[index]))
            with self._lock:  # of each domain the epoch that ends and the one that begins
                self._orders = {key: kept for key, kept in self._orders.items() if key[0] != index or key[1] == epoch - 1}
                self._orders[index, epoch] = order
        return order

    def place(self, position: int) -> Place:
        """Where the sample at `position` comes from."""
        index, epoch, number = self._locate(position)
        return Place(self.names[index], epoch, number)

    def __getitem__(self, position: int) -> dict[str, Any]:
        index, _, number = self._locate(position)
        sample: dict[str, Any] = self.datasets[index][number]
        return sample

    def drawn_from(self, start: int, end: int) -> dict[str, int]:
        """How many of the samples from `start` to `end` come from each domain."""
        counts = np.zeros(len(self.names), dtype=np.int64)
        for first, domain, _, _ in self._drawn:
            counts += np.bincount(domain[max(0, start - first) : max(0, end - first)], minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counts, strict=True)}


def training_sets(shards: TokenShards, config: TrainConfig) -> dict[str, TokenSet]:
    """The training sets that give at least one sample and that a stage draws from, by domain."""
    sets = {entry.domain: entry for entry in shards.of_split("train") if entry.num_tokens > config.model.seq_length}
    if not sets:
        raise InputError(f"{shards.folder}: no domain has more than --seq-length {config.model.seq_length} training tokens")
    used: set[str] = set()
    for stage in config.data.all_stages:
        weights = None if stage.weights is None else _by_set(stage.weights, sets)
        unknown = sorted(set(weights or ()) - set(sets))
        if unknown:
            raise InputError(
                f"weights are given for {', '.join(unknown)}; the domains of {shards.folder} with more than {config.model.seq_length} "
                f"training tokens are {', '.join(sorted(sets))}"
            )
        used |= set(sets) if weights is None else {domain for domain, weight in weights.items() if weight > 0}
    return {domain: entry for domain, entry in sorted(sets.items()) if domain in used}


def mixtures(sets: dict[str, TokenSet], config: TrainConfig) -> list[Mixture]:
    """The stages over the domains of `sets` in the order of their names."""
    stages = []
    for stage in config.data.all_stages:
        weights = _by_set(stage.weights, sets) if stage.weights else {domain: float(entry.num_tokens) for domain, entry in sets.items()}
        raw = np.array([weights.get(domain, 0.0) for domain in sorted(sets)], dtype=np.float64)
        num_samples = None if stage.train_tokens is None else -(-stage.train_tokens // config.model.seq_length)
        stages.append(Mixture(share=raw / raw.sum(), num_samples=num_samples))
    return stages


def stream_identity(sets: dict[str, TokenSet], stages: Sequence[Mixture], config: TrainConfig) -> dict[str, Any]:
    """What decides the order of the samples: of two streams with the same, the samples are the same."""
    return {
        "seed": config.training.seed,
        "seq_length": config.model.seq_length,
        "sets": {domain: entry.digest for domain, entry in sets.items()},
        "stages": [{"share": stage.share.tolist(), "num_samples": stage.num_samples} for stage in stages],
    }


def index_digest(prefix: Path) -> str:
    """SHA-256 of a shard's index: the lengths of all its documents."""
    return hashlib.sha256(with_suffix(prefix, INDEX_SUFFIX).read_bytes()).hexdigest()


def require_same_stream(checkpoint: Path, stored: dict[str, Any], ours: dict[str, Any], consumed_samples: int) -> None:
    """Raises `InputError` where the samples up to `consumed_samples` were others than this run's; stages to come may differ."""
    way_out = "give what it was trained with, or --finetune to begin anew from its weights"
    for name in ("seed", "seq_length", "sets"):
        if stored[name] != ours[name]:
            what = (
                "other token shards (or other domains of them)" if name == "sets" else f"{name} {stored[name]}, this run has {ours[name]}"
            )
            raise InputError(f"{checkpoint}: was trained on {what}: the samples that it has seen are others; {way_out}")
    begun = 0
    for number, theirs in enumerate(stored["stages"]):
        if begun >= consumed_samples and number > 0:
            return
        mine = ours["stages"][number] if number < len(ours["stages"]) else None
        end = None if theirs["num_samples"] is None else begun + theirs["num_samples"]
        is_over = end is not None and end <= consumed_samples
        if mine is None or mine["share"] != theirs["share"] or (is_over and mine["num_samples"] != theirs["num_samples"]):
            raise InputError(f"{checkpoint}: stage {number + 1} of its data, which it had begun, was another; {way_out}")
        if not is_over:
            if mine["num_samples"] is not None and begun + mine["num_samples"] < consumed_samples:
                raise InputError(
                    f"{checkpoint}: stage {number + 1} would end before the {consumed_samples:,} samples it has seen; {way_out}"
                )
            return
        begun = end or 0


def collate(samples: list[dict[str, Any]], device: torch.device, *, eod: int | None = None) -> dict[str, Tensor]:
    """Megatron's samples as one batch: `tokens`, `labels`, `position_ids` `[B, S]` int64, `loss_mask` `[B, S]` float32.

    With `eod`, the id that ends a document, also `documents: [B, S]` int64: which document of its sample each token belongs to.
    """
    import torch  # the rest of this module answers for data without it

    batch = {
        name: torch.from_numpy(np.stack([np.asarray(sample[name]) for sample in samples])) for name in ("tokens", "labels", "position_ids")
    }
    mask = np.stack([np.asarray(sample["loss_mask"], dtype=np.float32) for sample in samples])
    whole = {name: value.to(torch.int64).to(device) for name, value in batch.items()} | {"loss_mask": torch.from_numpy(mask).to(device)}
    if eod is not None:
        ends = whole["tokens"] == eod
        whole["documents"] = ends.cumsum(1) - ends.long()  # the token that ends a document is of that document
    return whole


def collate_on_host(samples: list[dict[str, Any]], *, is_pinned: bool, eod: int | None = None) -> dict[str, Tensor]:
    """`collate` in this machine's memory, with `is_pinned` where a GPU can fetch it without the processor."""
    import torch

    batch = collate(samples, torch.device("cpu"), eod=eod)
    return {name: value.pin_memory() for name, value in batch.items()} if is_pinned else batch


def sample_numbers(first: int, micro_batch: int, rank: int, num_ranks: int, config: TrainConfig) -> range:
    """The samples of one micro-batch of one data-parallel process, in a step that begins with sample `first`.

    Every sample of a step once, whatever the number of processes.
    """
    size = config.training.micro_batch_size
    start = first + (micro_batch * num_ranks + rank) * size
    return range(start, start + size)


class Batches:
    """The micro-batches of step after step from `first_sample` on, read ahead by a thread; counts the seconds that the trainer waited.

    Without `is_reading`, for pipeline stages that look at no batch, nothing is read and all of them are empty.
    """

    def __init__(
        self,
        stream: Any,
        config: TrainConfig,
        *,
        first_sample: int,
        rank: int,
        num_ranks: int,
        device: torch.device,
        eod: int | None = None,
        num_ahead: int = 4,
        is_reading: bool = True,
    ) -> None:
        self.num_micro_batches = config.training.global_batch_size // (config.training.micro_batch_size * num_ranks)
        self.waited_seconds = 0.0
        self._queue: queue.Queue[dict[str, Tensor] | BaseException] = queue.Queue(maxsize=num_ahead)
        self._stop = threading.Event()
        self._collate = functools.partial(collate_on_host, is_pinned=device.type == "cuda", eod=eod)
        self._device = device
        arguments = (stream, config, first_sample, rank, num_ranks)
        self._thread = threading.Thread(target=self._read, args=arguments, daemon=True, name="batches") if is_reading else None
        if self._thread is not None:
            self._thread.start()

    def _read(self, stream: Any, config: TrainConfig, first_sample: int, rank: int, num_ranks: int) -> None:
        try:
            for first in itertools.count(first_sample, config.training.global_batch_size):
                for micro_batch in range(self.num_micro_batches):
                    numbers = sample_numbers(first, micro_batch, rank, num_ranks, config)
                    self._put(self._collate([stream[number] for number in numbers]))
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
            if self._thread is None:
                yield {}
                continue
            started = time.perf_counter()
            item = self._queue.get()
            self.waited_seconds += time.perf_counter() - started
            if isinstance(item, BaseException):
                raise item
            # from pinned memory the copy waits for nothing, and nothing waits for it
            yield {name: value.to(self._device, non_blocking=True) for name, value in item.items()}

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        if self._thread is not None:
            self._thread.join(timeout=5)
