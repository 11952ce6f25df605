"""Where the time of a process goes, part by part: every moment belongs to exactly one part, so the parts sum up to the whole.

On a GPU the moments are events of its stream: a part is how long the stream was at it, or had nothing to do because of it. What runs
beside something else is not seen: gradients that are reduced while the backward pass goes on are backward, batches that are read ahead are
nothing. Communication is what is waited for by itself; what tensor parallelism sends inside the layers is forward and backward. A pipeline
stage's wait for the others is communication too.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

OTHER = "other"  # what no part claims: the loop itself, logging
SPANS = {
    # megatron's name of a span: our part; it times its other spans too, which lie inside parts of ours
    "forward-compute": "forward",
    "backward-compute": "backward",
    "all-grads-sync": "communication",
    "non-tensor-parallel-grads-all-reduce": "communication",
    "embedding-grads-all-reduce": "communication",
    "params-all-gather": "communication",
    "forward-recv": "communication",
    "forward-send": "communication",
    "backward-recv": "communication",
    "backward-send": "communication",
    "forward-send-backward-recv": "communication",
    "backward-send-forward-recv": "communication",
}
_MOST_MARKS = 4096  # kept before they are added up, which on a GPU waits for it


class Marks(Protocol):
    """Moments."""

    def now(self) -> Any:
        """This moment."""

    def seconds(self, start: Any, end: Any) -> float:
        """From one to another; after `settle`."""

    def settle(self) -> None:
        """Waits until all moments have passed."""


class HostMarks:
    """Moments of this processor."""

    def now(self) -> float:
        """Seconds from somewhere."""
        return time.perf_counter()

    def seconds(self, start: float, end: float) -> float:
        """From one to another."""
        return end - start

    def settle(self) -> None:
        """They have passed."""


class CudaMarks:
    """Moments of the GPU's stream: when it comes to what was queued behind them."""

    def now(self) -> Any:
        """An event that has been put into the stream."""
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, start: Any, end: Any) -> float:
        """From one to another; CUDA counts milliseconds."""
        return float(start.elapsed_time(end)) / 1000

    def settle(self) -> None:
        """Waits for the GPU."""
        import torch

        torch.cuda.synchronize()


class Clock:
    """Seconds by part since it was made, or since `take` was called."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._entered: list[tuple[str, Any]] = [(OTHER, marks.now())]
        self._outside: list[str] = []  # parts that open spans of megatron lie in

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time inside is of this part, but for parts within."""
        before = self._entered[-1][0]
        self._enter(name)
        try:
            yield
        finally:
            self._enter(before)

    def span(self, name: str, log_level: int | None = None) -> "_Span":
        """What megatron asks for: something with `start` and `stop`."""
        return _Span(self, SPANS.get(name))

    def take(self) -> dict[str, float]:
        """Seconds of every part that there was, and begins anew."""
        self._enter(self._entered[-1][0])
        self._add_up()
        spent, self._spent = dict(self._spent), defaultdict(float)
        return spent

    def _enter(self, part: str) -> None:
        self._entered.append((part, self._marks.now()))
        if len(self._entered) > _MOST_MARKS:
            self._add_up()

    def _add_up(self) -> None:
        self._marks.settle()
        for (part, start), (_, end) in zip(self._entered, self._entered[1:], strict=False):
            self._spent[part] += self._marks.seconds(start, end)
        self._entered = self._entered[-1:]


class _Span:
    def __init__(self, clock: Clock, part: str | None) -> None:
        self._clock, self._part = clock, part

    def start(self, barrier: bool = False) -> None:
        """Begins; megatron would have all processes wait for one another, which would be no measurement of a step."""
        if self._part is not None:
            self._clock._outside.append(self._clock._entered[-1][0])
            self._clock._enter(self._part)

    def stop(self) -> None:
        """Ends."""
        if self._part is not None:
            self._clock._enter(self._clock._outside.pop())
