"""Where a long pass stands: a bar on a terminal, a line an interval in a job's log."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TextIO

LOG_INTERVAL_SECONDS = 30.0  # between lines of a log; a run of a month writes 86,400 of them, 10 MB
BAR_INTERVAL_SECONDS = 1.0
_BAR_WIDTH = 24


class Progress:
    """Papers/s, MB/s, what is rejected and the time left of the extraction, while the block runs.

    A line comes every interval, whether or not a unit has ended meanwhile: a log in which nothing comes is that of a run which hangs.
    """

    def __init__(self, num_members: int, num_bytes: int, stream: TextIO | None = None) -> None:
        self.num_members, self.num_bytes, self.stream = num_members, num_bytes, stream or sys.stderr
        self.done_members = self.done_bytes = self.documents = 0
        self.rejections: Counter[str] = Counter()
        self.started = time.monotonic()
        self.is_terminal = self.stream.isatty()
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.show()
        if self.is_terminal:
            self.stream.write("\n")
            self.stream.flush()

    def add(self, summary: Mapping[str, Any]) -> None:
        """Counts a unit."""
        with self._lock:
            self.done_members += summary["members"]
            self.done_bytes += summary["bytes_in"]
            self.documents += summary["documents"]
            self.rejections.update(summary["rejections"])

    def show(self) -> None:
        """Writes the line, or draws the bar anew."""
        with self._lock:
            line, share = self.line(), self.done_bytes / max(1, self.num_bytes)
        self.stream.write(f"\r[{'#' * round(_BAR_WIDTH * share):<{_BAR_WIDTH}}] {line}\033[K" if self.is_terminal else line + "\n")
        self.stream.flush()

    def line(self) -> str:
        """Where the extraction stands, in one line."""
        seconds = max(time.monotonic() - self.started, 1e-6)
        share = self.done_bytes / max(1, self.num_bytes)
        left = _duration(seconds / share - seconds) if share else "time left unknown"
        rejected = 1 - self.documents / self.done_members if self.done_members else 0.0
        worst = max(sorted(self.rejections), key=lambda reason: self.rejections[reason], default=None)
        mostly = f" (most: {worst}, {self.rejections[worst] / self.done_members:.1%})" if worst else ""
        return (
            f"extract: {self.done_members:,}/{self.num_members:,} papers, {self.done_members / seconds:.1f} papers/s, "
            f"{self.done_bytes / seconds / 1e6:.2f} MB/s, {rejected:.1%} rejected{mostly}, {left}"
        )

    def _tick(self) -> None:
        while not self._ended.wait(BAR_INTERVAL_SECONDS if self.is_terminal else LOG_INTERVAL_SECONDS):
            self.show()


def _duration(seconds: float) -> str:
    """`43 s left`, `12 min left`, `3 h 5 min left`."""
    if seconds < 120:
        return f"{seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min left"
