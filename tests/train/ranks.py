"""Runs jobs in real processes over gloo: one process imports torch and megatron once, and forks the ranks of every job.

The forking process runs no tensor operation itself, so that its children start clean. A job is a function of `tests/train/jobs.py`, named
and called in every rank with `torch.distributed` up; what it returns, prints and dies of comes back. Tests themselves need no torch.
"""

import faulthandler
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).resolve().parent.parent.parent
FINISHED, RAISED = 0, 1  # exit codes of a rank


@dataclass(frozen=True)
class Rank:
    """How one rank ended: its job's value, or the exception as (name, message); all that it wrote; its exit code, negative for a signal."""

    value: Any
    error: tuple[str, str] | None
    output: str
    code: int


class Job:
    """A job that is running; `pids` are its ranks' processes."""

    def __init__(self, ranks: "Ranks", number: int, pids: list[int]) -> None:
        self._ranks, self.number, self.pids = ranks, number, pids

    def wait(self, timeout: float = 90, *, for_first: bool = False) -> list[Rank]:
        """Waits for every rank, or for the first to end; kills what is left then, and after `timeout` seconds (exit code -9)."""
        return self._ranks.ask(("wait", self.number, timeout, for_first))  # type: ignore[no-any-return]


class Ranks:
    """The forking process, used from a test."""

    def __init__(self, folder: Path) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TEXMILL_RANKS": str(folder)}
        command = [sys.executable, "-c", "from tests.train.ranks import serve; serve()"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: tuple[Any, ...]) -> Any:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, request)
        return _receive(self._process.stdout)

    def start(self, job: str, *arguments: Any, world_size: int = 1) -> Job:
        """Starts a job of `tests/train/jobs.py` in `world_size` new processes."""
        number, pids = self.ask(("start", job, arguments, world_size))
        return Job(self, number, pids)

    def run(self, job: str, *arguments: Any, world_size: int = 1, timeout: float = 90) -> list[Any]:
        """The values that the ranks' jobs give; fails with the first rank's traceback where one does not end well."""
        ended = self.start(job, *arguments, world_size=world_size).wait(timeout)
        for rank, entry in enumerate(ended):
            if entry.code != FINISHED:
                raise AssertionError(f"rank {rank} of {len(ended)} ended with {entry.code} ({entry.error})\n{entry.output[-4000:]}")
        return [entry.value for entry in ended]

    def close(self) -> None:
        """Ends the forking process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)


def _send(handle: BinaryIO | Any, message: Any) -> None:
    content = pickle.dumps(message)
    handle.write(struct.pack("<Q", len(content)) + content)
    handle.flush()


def _receive(handle: BinaryIO | Any) -> Any:
    header = handle.read(8)
    if len(header) < 8:
        raise EOFError
    return pickle.loads(handle.read(struct.unpack("<Q", header)[0]))


def serve() -> None:
    """The forking process."""
    import torch
    import torch.utils.tensorboard

    from tests.train import jobs

    assert torch.utils.tensorboard
    assert jobs
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write where the answers go
    folder = Path(os.environ["TEXMILL_RANKS"])
    jobs: dict[int, tuple[Path, list[int]]] = {}
    while True:
        try:
            request = _receive(requests)
        except EOFError:
            return
        if request[0] == "start":
            number = len(jobs)
            place = folder / f"job{number}"
            place.mkdir(parents=True)
            pids = [_fork(place, rank, *request[1:]) for rank in range(request[3])]
            jobs[number] = (place, pids)
            _send(answers, (number, pids))
        else:
            _send(answers, _wait(*jobs[request[1]], *request[2:]))


def _fork(place: Path, rank: int, name: str, arguments: tuple[Any, ...], world_size: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = RAISED
    try:
        os.setpgid(0, 0)
        output = os.open(place / f"rank{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulthandler.enable()
        result: dict[str, Any] = {"value": None, "error": None}
        try:
            result["value"] = _call(name, arguments, place, rank, world_size)
            code = FINISHED
        except BaseException as error:
            traceback.print_exc()
            result["error"] = (type(error).__name__, str(error))
        (place / f"rank{rank}.pickle").write_bytes(pickle.dumps(result))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _call(name: str, arguments: tuple[Any, ...], place: Path, rank: int, world_size: int) -> Any:
    import torch

    torch.set_num_threads(1)
    from tests.train import jobs

    job = getattr(jobs, name)
    os.environ |= {"RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "WORLD_SIZE": f"{world_size}"}
    store = torch.distributed.FileStore(str(place / "store"), world_size)  # type: ignore[attr-defined]
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world_size)
    value = job(*arguments)
    torch.distributed.barrier()
    return value


def _wait(place: Path, pids: list[int], timeout: float, for_first: bool) -> list[Rank]:
    deadline = time.monotonic() + timeout
    codes: dict[int, int] = {}
    while len(codes) < len(pids):
        is_late = time.monotonic() > deadline or (for_first and bool(codes))
        for pid in pids:
            if pid in codes:
                continue
            if is_late:
                os.kill(pid, signal.SIGKILL)
            done, status = os.waitpid(pid, 0 if is_late else os.WNOHANG)
            if done:
                codes[pid] = os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    ended = []
    for rank, pid in enumerate(pids):
        stored = place / f"rank{rank}.pickle"
        result = pickle.loads(stored.read_bytes()) if stored.exists() else {"value": None, "error": None}
        output = place / f"rank{rank}.txt"
        ended.append(Rank(**result, output=output.read_text(errors="replace") if output.exists() else "", code=codes[pid]))
    return ended
