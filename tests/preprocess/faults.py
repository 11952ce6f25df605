"""Faults for tests of whole runs: stages of workers that die or dawdle over certain papers, and a driver that uses them.

    python -m tests.preprocess.faults SECONDS run --source …

is `python -m preprocess run --source …` with workers that wait that long before each paper, so that a test can kill something meanwhile.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from preprocess import ray_runner
from preprocess.config import ArchiveConfig
from preprocess.ray_runner import _Paper, _Validate
from preprocess.records import RawPaper, Rejection, SourceTree
from preprocess.sources.tars import Unit
from preprocess.stages.unpack import unpack
from shards.errors import InputError

ROOM_BYTES = 1_500  # a breadcrumb's; less than a unit's ledger
DEADLY = b"%this-paper-kills-its-worker\n"


class KilledByPaper(_Validate):
    """Dies by SIGKILL, as by the system's memory killer, at a paper that begins with `DEADLY`."""

    def papers(self, unit: Unit) -> Iterator[_Paper]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray_runner, "validate_paper", _die_or_unpack)
            yield from super().papers(unit)


class OnAFullDisk(_Validate):
    """Lets its process write no file of more than `ROOM_BYTES`, as a disk that has no more room."""

    def papers(self, unit: Unit) -> Iterator[_Paper]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, resource.RLIM_INFINITY))
        yield from super().papers(unit)


def _die_or_unpack(raw: RawPaper, config: ArchiveConfig) -> SourceTree | Rejection:
    if raw.payload.startswith(DEADLY):
        os.kill(os.getpid(), signal.SIGKILL)
    return unpack(raw, config)


def square(row: dict[str, Any]) -> dict[str, Any]:
    """A unit's work that knows bad input when it sees it."""
    if row["number"] < 0:
        raise InputError(f"{row['number']}: has no root")
    return row | {"square": row["number"] ** 2}


class Dawdling(_Validate):
    """Waits before each paper."""

    seconds = 0.0

    def papers(self, unit: Unit) -> Iterator[_Paper]:
        for paper in super().papers(unit):
            time.sleep(self.seconds)
            yield paper


class Dawdler:
    """What stands in for the stage's class: makes stages that wait `seconds`, wherever they are unpickled."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, *arguments: Any) -> _Validate:
        stage = Dawdling(*arguments)
        stage.seconds = self.seconds
        return stage


if __name__ == "__main__":
    from preprocess.__main__ import PROG, main
    from shards import cli
    from tests.preprocess import faults

    ray_runner._Validate = faults.Dawdler(float(sys.argv[1]))  # type: ignore[misc, assignment]
    cli.run(PROG, lambda: main(sys.argv[2:]))
