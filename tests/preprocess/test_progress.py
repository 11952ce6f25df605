"""Progress: lines at intervals whether or not units end, a bar on a terminal."""

import io
import time
from typing import Any

import pytest

from preprocess import progress
from preprocess.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def summary(rejections: dict[str, int]) -> dict[str, Any]:
    return {"members": 10, "bytes_in": 10_000_000, "documents": 10 - sum(rejections.values()), "rejections": rejections}


def test_the_line_has_speed_rejections_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("preprocess.progress.time.monotonic", lambda: now[0])
    stands = Progress(40_000, 40_000_000_000, io.StringIO())
    assert stands.line() == "extract: 0/40,000 papers, 0.0 papers/s, 0.00 MB/s, 0.0% rejected, time left unknown"
    now[0] = 10.0
    stands.add(summary({"pdf_only": 1}))
    assert stands.line().endswith("10.0% rejected (most: pdf_only, 10.0%), 11 h 6 min left")
    now[0] = 20.0
    stands.add(summary({"no_tex": 2, "pdf_only": 1}))
    assert stands.line() == ("extract: 20/40,000 papers, 1.0 papers/s, 1.00 MB/s, 20.0% rejected (most: no_tex, 10.0%), 11 h 6 min left")


def test_a_log_gets_a_line_an_interval_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_INTERVAL_SECONDS", 0.02)
    log = io.StringIO()
    with Progress(20, 20_000_000, log) as stands:
        deadline = time.monotonic() + 10
        while log.getvalue().count("\n") < 2:  # no unit has ended, and still they come
            assert time.monotonic() < deadline
            time.sleep(0.01)
        stands.add(summary({}))
        stands.add(summary({"pdf_only": 2}))
    lines = log.getvalue().splitlines()
    assert lines[0].startswith("extract: 0/20 papers")
    assert lines[-1].startswith("extract: 20/20 papers")
    assert lines[-1].endswith("10.0% rejected (most: pdf_only, 10.0%), 0 s left")
    time.sleep(0.05)
    assert log.getvalue().splitlines() == lines  # and none after the end


def test_a_terminal_gets_a_bar() -> None:
    terminal = Terminal()
    with Progress(40, 40_000_000, terminal) as stands:
        stands.add(summary({}))
        stands.show()
    assert terminal.getvalue().startswith("\r[######                  ] extract: 10/40 papers")
    assert terminal.getvalue().endswith("\033[K\n")
