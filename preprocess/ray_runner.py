"""Runs work units on Ray: the only file of preprocess that imports ray.

The extraction pass is ONE actor-pool operator with three visible stages, validate → extract → normalise: tasks fuse into the actor that
follows them, so a paper's bytes go from stage to stage inside one process and never through the object store. What goes in is a
unit's name, what comes out is a unit's summary; the files are written by the worker, the unit's manifest last. Ray recovers by running a
unit again, which gives the same bytes: at-least-once and an atomic commit are exactly-once.
"""

import collections
import contextlib
import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # said, so that a token left by another Ray does not switch it on (docs/pipeline.md)
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else each actor pool of Ray Data's prints an error that is none (ray#53727)

import ray
import ray.data
from ray.util.metrics import Counter, Histogram
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from preprocess.config import Config
from preprocess.guard import guarded, limit_memory
from preprocess.pipeline import extract_paper, normalise_paper, validate_paper
from preprocess.records import Document, ExtractedPaper, RawPaper, Rejection, RejectReason, SourceTree, Stage
from preprocess.sources.metadata import MetadataMonths
from preprocess.sources.tars import Unit, read_papers
from preprocess.units import Breadcrumb, UnitResult
from preprocess.workers import Here, Workers
from shards.commit import temporary_path
from shards.errors import InputError
from shards.store import Place, StorePath

Row = dict[str, Any]
Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")


LOCAL = "local"
PROBE = "probe"  # of a temporary name in the output, by which nodes show that they see it


def require_cpus(address: str | None, num_workers: int | None) -> None:
    """Raises `InputError` where a local Ray is to run more workers than this machine has CPUs. Starts nothing."""
    num_cpus = len(os.sched_getaffinity(0))
    if _is_local(address) and num_workers is not None and num_workers > num_cpus and not ray.is_initialized():
        raise InputError(f"--num-workers is {num_workers}, one CPU each, and this machine has {num_cpus}; lower it, or give --address")


def _is_local(address: str | None) -> bool:
    return (address or os.environ.get("RAY_ADDRESS") or LOCAL) == LOCAL


@contextlib.contextmanager
def connect(address: str | None, num_cpus: int | None = None) -> Iterator[None]:
    """A Ray cluster for the block: the one at `address` (`auto`: the one this runs on), else a local one of `num_cpus` CPUs.

    Where Ray is already up in this process (tests, a submitted job) that one is used and left up.
    """
    if ray.is_initialized():
        yield
        return
    given = address or os.environ.get("RAY_ADDRESS") or LOCAL
    options: dict[str, Any] = {"address": given, "logging_level": logging.CRITICAL, "log_to_driver": False}
    if _is_local(address):
        require_cpus(address, num_cpus)
        options |= {"num_cpus": num_cpus or len(os.sched_getaffinity(0)), "include_dashboard": False}
    else:
        _require_answer(given)
    try:
        with _quiet_start():
            ray.init(**options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "locally" if _is_local(address) else f"at {given}"
        raise InputError(f"cannot reach or start Ray {where}: {error}") from None
    try:
        with _head_watched(ray.get_runtime_context().gcs_address):
            yield
    finally:
        ray.shutdown()


HEAD_SECONDS = 15.0  # between two looks at the head; Ray gives it a minute, then ends this process without a word


@contextlib.contextmanager
def _head_watched(address: str) -> Iterator[None]:
    """Says, for the block, when nothing answers any more at the head's HOST:PORT, so that a run that ends of it has said why."""
    host, _, port = address.rpartition(":")
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(HEAD_SECONDS):
            try:
                socket.create_connection((host, int(port)), timeout=10).close()
            except OSError as error:
                print(
                    f"extract: the head of the Ray cluster at {address} does not answer ({error.strerror or error}); unless it does within"
                    " a minute, this run ends: start a cluster and run the same command again, what is done stays done",
                    file=sys.stderr,
                    flush=True,
                )
                return

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _require_answer(address: str) -> None:
    """Raises `InputError` where nothing listens at HOST:PORT: Ray itself tries for minutes."""
    host, separator, port = address.rpartition("://")[2].rpartition(":")
    if not separator:
        return  # `auto` and the like: names that Ray resolves
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise InputError(f"{address}: no Ray cluster answers there ({error}); start one, or leave --address out for a local one") from None


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Keeps what Ray's C++ says while it starts off the terminal; what is wrong comes as an exception too."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def cluster_cpus() -> float:
    """CPUs of the connected cluster."""
    return float(ray.cluster_resources().get("CPU", 0.0))


def require_shared(out: Place, read: Sequence[Path]) -> None:
    """Raises `InputError` where a node that may work does not see `out` as it is here, or one of the folders it is to read.

    An object store is seen from everywhere; a node that may not read it says so with its first unit.
    """
    if isinstance(out, StorePath) and not read:
        return
    here = ray.get_runtime_context().get_node_id()
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU") and node["NodeID"] != here]
    if not nodes:
        return
    probe = None if isinstance(out, StorePath) else temporary_path(out / PROBE)
    if probe is not None:
        probe.touch()
    try:
        unseen = ray.remote(num_cpus=0)(_unseen)
        asked = {}
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
            asked[node["NodeManagerAddress"]] = unseen.options(scheduling_strategy=there).remote([*([probe] if probe else []), *read])
        for host, answer in asked.items():
            for path in _answered(answer):
                shown = out if path == probe else path
                raise InputError(f"{shown}: node {host} of the cluster does not see it; give a folder that every node sees")
    finally:
        if probe is not None:
            probe.unlink()


def _answered(answer: Any) -> list[Path]:
    """What a node does not see. Nothing where the node is lost meanwhile: spot nodes go at any time, and it will read nothing any more."""
    try:
        found: list[Path] = ray.get(answer)
    except ray.exceptions.RayTaskError:
        raise
    except ray.exceptions.RayError:
        return []
    return found


def _unseen(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if not path.exists()]


def require_room(num_workers: int, cpus_each: float = 1.0) -> None:
    """Raises `InputError`, with the sum, where that many workers can never be scheduled together."""
    available = cluster_cpus()
    if num_workers * cpus_each > available:
        raise InputError(
            f"{num_workers} workers x {cpus_each:g} CPU = {num_workers * cpus_each:g} CPUs are more than the cluster's {available:g}; "
            f"lower --num-workers or add nodes"
        )


def run_units(units: Sequence[Row], process: Callable[[Row], Row], *, num_workers: int, max_retries: int = 3) -> Iterator[Row]:
    """Runs `process` on every unit, `num_workers` at a time, and gives the results as they come. A unit whose worker dies is run again."""
    require_room(num_workers)
    remote = ray.remote(num_cpus=1, max_retries=max_retries)(process)
    waiting = list(reversed(units))
    running: list[Any] = []
    while waiting or running:
        while waiting and len(running) < num_workers:
            running.append(remote.remote(waiting.pop()))
        done, running = ray.wait(running, num_returns=1)
        yield _result(done[0], max_retries)


def _result(reference: Any, max_retries: int) -> Any:
    """A task's result, or the one line that says why there is none."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if (cause := _input_error(error)) is not None:
            raise cause from None
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as error:
        why = str(error).splitlines()[0]
        raise InputError(f"a worker died {max_retries + 1} times over one unit ({why}); free memory or use fewer --num-workers") from None


class Tasks:
    """`preprocess.workers.Workers` as Ray tasks of one CPU each.

    A task whose worker or node is lost runs again, up to `MAX_LOSSES` times: it has seconds of work, so it is the rare node of a spot
    market that takes one task with it twice. Items are drawn as there is room, and results given as they are asked for: memory of the
    driver and of Ray's store holds as many of either as are under way.
    """

    MAX_LOSSES = 8

    def __init__(self, num_workers: int) -> None:
        require_room(num_workers)
        self.num_workers = num_workers

    def map(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Iterable[Item], *, at_once: int | None = None
    ) -> Iterator[Result]:
        """`function(shared, item)` for each item, in order; `shared` is sent to each node once."""
        remote = ray.remote(num_cpus=1, max_retries=self.MAX_LOSSES)(function)
        # half as many again: a slow item at the head of the line must not leave workers idle
        num_under_way = at_once or self.num_workers + (self.num_workers + 1) // 2
        under_way: collections.deque[Any] = collections.deque()
        sent = ray.put(shared)
        try:
            for item in items:
                under_way.append(remote.remote(sent, item))
                if len(under_way) >= num_under_way:
                    yield _result(under_way.popleft(), self.MAX_LOSSES)
            while under_way:
                yield _result(under_way.popleft(), self.MAX_LOSSES)
        finally:
            for reference in under_way:  # where the caller has stopped, or one item had no result
                ray.cancel(reference)


class Cluster:
    """The Ray that a run works on, connected when it is first asked for. Leaving the `with` block disconnects.

    `read` are the folders that workers read, which every node must see as this machine does, with `out`.
    """

    def __init__(self, address: str | None, num_workers: int | None, out: Place, read: Sequence[Place]) -> None:
        self._address, self._num_workers, self._out = address, num_workers, out
        self._read = [place for place in read if isinstance(place, Path)]
        self._stack = contextlib.ExitStack()
        self._is_connected = False

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        """Ends what runs there of this run's; a local Ray ends altogether."""
        self._stack.close()
        self._is_connected = False

    def connect(self) -> int:
        """Connects, where that has not been done; gives the number of workers that the run is to use."""
        if not self._is_connected:
            self._stack.enter_context(connect(self._address, self._num_workers))
            self._is_connected = True
            require_shared(self._out, self._read)
        return self._num_workers or max(1, int(cluster_cpus()))

    def workers(self, is_worth_it: bool) -> Workers:
        """The cluster's workers, where there is so much to do that starting them is worth it; else, or where one is all, this process."""
        if is_worth_it and (num_workers := self.connect()) > 1:
            return Tasks(num_workers)
        return Here()


@dataclass
class _Paper:
    """A paper on its way through the stages of one process."""

    raw: RawPaper
    attempt: int
    result: SourceTree | ExtractedPaper | Document | Rejection
    seconds: dict[Stage, float]
    read_seconds: float
    cpu_at_start: float  # of the process, when the paper was asked for


_UNDER_WAY: dict[str, Iterator[_Paper]] = {}
# Ray builds a block of every row that a stage gives, which costs milliseconds: as much CPU as a short paper. So a row is a unit, and the
# unit's papers, pulled through the stages one at a time by the last one, wait here, in the process that runs all three: no pickling, no
# copies. Were the stages ever not fused, the name would be missing and the run would stop.


def _read(unit: Unit) -> Iterator[RawPaper]:
    try:
        yield from read_papers(unit)
    except OSError as error:
        raise InputError(f"{unit.tar_path}: cannot be read on {socket.gethostname()} ({error.strerror})") from None


class _Validate:
    """Unit → its papers, opened one at a time. Leaves the breadcrumb that tells the next worker which paper killed this one."""

    def __init__(self, out: Place, config: Config, run_id: str) -> None:
        self.out, self.config, self.run_id = out, config, run_id

    def __call__(self, row: Row) -> Row:
        _UNDER_WAY[row["unit"].name] = self.papers(row["unit"])
        return row

    def papers(self, unit: Unit) -> Iterator[_Paper]:
        """The unit's papers, each validated when it is asked for."""
        crumb = Breadcrumb.open(self.out, unit.name, self.run_id)
        members = enumerate(_read(unit))
        while True:
            asked, cpu_at_start = time.perf_counter(), time.process_time()
            index, raw = next(members, (-1, None))
            if raw is None:
                return
            started = time.perf_counter()
            result: SourceTree | Rejection
            if crumb.step_on(index):
                result = guarded(Stage.VALIDATE, self.config.unit, partial(validate_paper, raw, self.config.archive))
            else:
                detail = f"its worker died {crumb.deaths[index]} times over it"
                result = Rejection(stage=Stage.VALIDATE, reason=RejectReason.QUARANTINED, detail=detail)
            seconds = {Stage.VALIDATE: time.perf_counter() - started}
            yield _Paper(
                raw=raw, attempt=crumb.attempt, result=result, seconds=seconds, read_seconds=started - asked, cpu_at_start=cpu_at_start
            )


class _Extract:
    """Files of a submission → its text."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self, row: Row) -> Row:
        name = row["unit"].name
        _UNDER_WAY[name] = self.papers(_UNDER_WAY[name])
        return row

    def papers(self, validated: Iterator[_Paper]) -> Iterator[_Paper]:
        """The same papers, each extracted when it is asked for."""
        for paper in validated:
            if isinstance(paper.result, SourceTree):
                started = time.perf_counter()
                paper.result = guarded(Stage.EXTRACT, self.config.unit, partial(extract_paper, paper.result, self.config.latex))
                paper.seconds[Stage.EXTRACT] = time.perf_counter() - started
            yield paper


STAGE_SECONDS_BOUNDS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]  # of the histogram: half a power of ten apart


class WorkerMetrics:
    """What a worker tells Prometheus, through Ray's own endpoint of each node, where Ray puts `ray_` before the names.

    Counted when a unit is committed, so a unit that was lost on the way and done again counts once. Ends with the worker: over a run sum
    the increase.
    """

    def __init__(self) -> None:
        self.papers = Counter("texmill_papers", description="Papers that ended, by outcome and reason", tag_keys=("outcome", "reason"))
        self.bytes_read = Counter("texmill_bytes_read", description="Bytes of tar members read")
        self.bytes_written = Counter("texmill_bytes_written", description="Bytes of unit files written")
        self.units = Counter("texmill_units", description="Units committed")
        self.seconds = Histogram(
            "texmill_stage_seconds", description="Seconds of one paper in one stage", boundaries=STAGE_SECONDS_BOUNDS, tag_keys=("stage",)
        )

    def count(self, result: UnitResult) -> None:
        """Counts a unit that was committed."""
        ends = collections.Counter((row["outcome"], row.get("reason", "")) for row in result.ledger)
        for (outcome, reason), number in ends.items():
            self.papers.inc(number, {"outcome": outcome, "reason": reason})
        self.units.inc(1)
        for counter, number in (
            (self.bytes_read, sum(row["bytes_in"] for row in result.ledger)),
            (self.bytes_written, result.num_bytes_written),
        ):
            if number:
                counter.inc(number)
        for row in result.metrics:
            for stage in Stage:
                if row[f"{stage}_seconds"]:
                    self.seconds.observe(row[f"{stage}_seconds"], {"stage": stage.value})


class Normalise:
    """Extracted text → document; when a unit's papers are through, the unit's files. One actor a worker."""

    def __init__(self, out: Place, config: Config, commit: str) -> None:
        self.out, self.config, self.source_commit = out, config, commit
        self.months = MetadataMonths(self.out)
        self.metrics = WorkerMetrics()
        limit_memory(config.unit.max_paper_memory_bytes)

    def __call__(self, row: Row) -> Iterator[Row]:
        """A unit in, its summary out. A generator: Ray calls an actor's function in a thread beside, and `guarded` needs the main one."""
        unit: Unit = row["unit"]
        result = UnitResult(unit)
        for paper in _UNDER_WAY.pop(unit.name):
            if isinstance(paper.result, ExtractedPaper):
                started = time.perf_counter()
                paper.result = guarded(Stage.NORMALISE, self.config.unit, partial(normalise_paper, paper.result, self.config))
                paper.seconds[Stage.NORMALISE] = time.perf_counter() - started
            assert isinstance(paper.result, Document | Rejection)
            result.add(
                paper.raw,
                paper.result,
                paper.seconds,
                paper.attempt,
                self.months,
                self.config,
                read_seconds=paper.read_seconds,
                cpu_seconds=time.process_time() - paper.cpu_at_start,
            )
        try:
            summary = result.commit(self.out, self.config, self.source_commit)
        except OSError as error:
            raise InputError(f"{error.filename or self.out}: cannot be written ({error.strerror}); make room and run again") from None
        self.metrics.count(result)
        Breadcrumb.open(self.out, unit.name, "").remove()
        # as JSON: of a row's dictionaries Ray makes one table whose columns are all their keys
        yield summary | {"rejections": json.dumps(summary["rejections"])}


def extraction_dataset(units: Sequence[Unit], out: Place, config: Config, *, num_workers: int, commit: str) -> ray.data.Dataset:
    """The extraction pass as a Ray Data plan: unit → validate → extract → normalise → summary of the written unit.

    The first two stages only say what is to be done with each of a unit's papers; the last one pulls them through, one at a time.
    """
    run_id = secrets.token_hex(8)
    rows = [{"unit": unit} for unit in units]

    def validate(row: Row, stage: _Validate = _Validate(out, config, run_id)) -> Row:  # noqa: B008
        return stage(row)

    def extract(row: Row, stage: _Extract = _Extract(config)) -> Row:  # noqa: B008
        return stage(row)

    class Bound(Normalise):
        # its arguments travel with the class: as constructor arguments they would lie in the object store, and be lost with a node
        def __init__(self) -> None:
            super().__init__(out, config, commit)

    Bound.__name__ = Normalise.__name__
    dataset = (
        ray.data.from_items(rows, override_num_blocks=len(rows))
        .map(validate)
        .map(extract)
        .flat_map(Bound, compute=ray.data.ActorPoolStrategy(size=num_workers), num_cpus=1)
    )
    dataset.context.enable_progress_bars = False
    return dataset


def run_extraction(units: Sequence[Unit], out: Place, config: Config, *, num_workers: int, commit: str) -> Generator[Row]:
    """Runs the extraction pass over `units`; gives each unit's summary as it is committed."""
    if not units:
        return
    num_workers = min(num_workers, len(units))
    require_room(num_workers)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors come as exceptions
    dataset = extraction_dataset(units, out, config, num_workers=num_workers, commit=commit)
    try:
        for row in dataset.iter_rows():
            yield row | {"rejections": json.loads(row["rejections"])}
    except ray.exceptions.RayError as error:
        if (cause := _input_error(error)) is not None:
            raise cause from None
        raise


def _input_error(error: BaseException | None) -> InputError | None:
    """The bad input behind an exception of a worker, if there is one."""
    while error is not None and (not isinstance(error, InputError) or isinstance(error, ray.exceptions.RayError)):
        error = getattr(error, "cause", None) or error.__cause__
    return InputError(str(error).splitlines()[0]) if error is not None else None  # Ray adds lines of its own
