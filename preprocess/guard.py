"""The machine's limits around a stage: time, memory and our own bugs cost one paper, by name, and never a tar.

These are backstops. The limits that decide fates by the work they count are the stages' own (DESIGN: determinism).
"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeVar

from preprocess.config import UnitConfig
from preprocess.records import Rejection, RejectReason, Stage

Result = TypeVar("Result")


class _OutOfTime(BaseException):
    """Raised by the timer inside a stage; no stage's own handlers catch it."""


def guarded(stage: Stage, config: UnitConfig, function: Callable[[], Result]) -> Result | Rejection:
    """Runs one stage of one paper; what passes the machine's limits, or raises, is quarantined with its cause.

    Only in a process's main thread. A timer that ran before goes on afterwards, less the time spent here.
    """

    def out_of_time(_signal: int, _frame: FrameType | None) -> None:
        raise _OutOfTime

    handler_before = signal.signal(signal.SIGALRM, out_of_time)
    seconds_before, _ = signal.setitimer(signal.ITIMER_REAL, config.max_stage_seconds)
    try:
        return function()
    except _OutOfTime:
        cause = f"took longer than {config.max_stage_seconds:g} s"
    except MemoryError:
        cause = f"needed more memory than unit.max_paper_memory_bytes = {config.max_paper_memory_bytes} allows"
    except RecursionError as error:
        cause = f"nested deeper than the interpreter's stack ({_place(error)})"
    except Exception as error:
        cause = f"raised {type(error).__name__}: {' '.join(str(error).split())[:200]} ({_place(error)})"
    finally:
        seconds_left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler_before)
        if seconds_before:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds_before - (config.max_stage_seconds - seconds_left)))
    return Rejection(stage=stage, reason=RejectReason.QUARANTINED, detail=cause)


def _place(error: BaseException) -> str:
    frame = error.__traceback__
    place = "unknown place"
    while frame is not None:
        place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place


def limit_memory(max_bytes: int | None) -> None:
    """Bounds what this process may allocate beyond what it holds now, so that a giant paper is a `MemoryError` and no dead machine."""
    if max_bytes is None or not sys.platform.startswith("linux"):
        return
    with open("/proc/self/statm") as handle:
        held = int(handle.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = held + max_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
