import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import pytest

from preprocess.config import UnitConfig
from preprocess.guard import guarded
from preprocess.records import Rejection, RejectReason, Stage

ROOT = Path(__file__).resolve().parent.parent.parent


def quarantined(found: object) -> str:
    assert isinstance(found, Rejection), found
    assert (found.stage, found.reason) == (Stage.EXTRACT, RejectReason.QUARANTINED)
    return found.detail


def test_a_result_passes_through() -> None:
    assert guarded(Stage.EXTRACT, UnitConfig(), lambda: "text") == "text"


def test_what_takes_too_long_is_stopped() -> None:
    def hang() -> None:
        while True:
            with contextlib.suppress(Exception):  # a stage's own handlers must not catch the timer
                time.sleep(0.01)

    started = time.monotonic()
    detail = quarantined(guarded(Stage.EXTRACT, UnitConfig(max_stage_seconds=0.2), hang))
    assert detail == "took longer than 0.2 s"
    assert time.monotonic() - started < 5


def test_causes_are_named() -> None:
    def deep(level: int = 0) -> int:
        return deep(level + 1)

    def greedy() -> None:
        raise MemoryError

    def buggy() -> None:
        raise ValueError("two\nlines " + "x" * 1000)

    assert quarantined(guarded(Stage.EXTRACT, UnitConfig(), deep)).startswith("nested deeper than the interpreter's stack (test_guard.py:")
    assert "unit.max_paper_memory_bytes = 6442450944" in quarantined(guarded(Stage.EXTRACT, UnitConfig(), greedy))
    detail = quarantined(guarded(Stage.EXTRACT, UnitConfig(), buggy))
    assert detail.startswith("raised ValueError: two lines xxx")
    assert "(test_guard.py:" in detail
    assert len(detail) < 300


def test_an_interrupt_is_no_fault_of_the_paper() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(Stage.EXTRACT, UnitConfig(), interrupted)


def test_a_timer_that_ran_before_goes_on() -> None:
    rung: list[int] = []

    def ring(number: int, _frame: FrameType | None) -> None:
        rung.append(number)

    handler = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0.3)  # pytest's own timer, if it has one, waits so long
    try:
        guarded(Stage.EXTRACT, UnitConfig(max_stage_seconds=10), lambda: time.sleep(0.1))
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 0.25
        time.sleep(0.5)
        assert rung == [signal.SIGALRM]
        guarded(Stage.EXTRACT, UnitConfig(max_stage_seconds=10), lambda: None)
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, left)


def test_memory_beyond_the_limit_is_a_quarantined_paper() -> None:
    """In a process of its own, as the limit stays."""
    code = (
        "from preprocess.config import UnitConfig\nfrom preprocess.guard import guarded, limit_memory\n"
        "from preprocess.records import Stage\n"
        "limit_memory(200 << 20)\n"
        "print(len(guarded(Stage.EXTRACT, UnitConfig(), lambda: bytes(20 << 20))))\n"
        "print(guarded(Stage.EXTRACT, UnitConfig(max_paper_memory_bytes=200 << 20), lambda: bytes(400 << 20)).detail)\n"
        "limit_memory(None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [str(20 << 20), "needed more memory than unit.max_paper_memory_bytes = 209715200 allows"]
