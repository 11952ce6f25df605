"""Looks at every step before it is applied, and at the run as a whole: NaN, spikes, hangs, replicas that have drifted apart."""

import faulthandler
import math
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from types import FrameType
from typing import Any

import torch

from train.config import WatchConfig

REASONS = (
    None,
    "the loss is not finite",
    "the gradients are not finite",
    "the loss is a spike",
    "the gradient norm is a spike",
)
_SIGMA_OF_MAD = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
_LEAST_SIGMA = 0.01  # of a logarithm: 1 %, so that a calm run does not make a spike of every ripple
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # what Slurm and spot machines send; USR1 is what train/launch/slurm.sh asks Slurm for


def robust_zscore(value: float, window: list[float]) -> float:
    """How many robust standard deviations `value` lies above the median of `window`, both as logarithms of positive numbers."""
    logs = [math.log(entry) for entry in window]
    middle = median(logs)
    sigma = max(_SIGMA_OF_MAD * median(abs(entry - middle) for entry in logs), _LEAST_SIGMA)
    return (math.log(value) - middle) / sigma


class StepWatch:
    """Judges steps by their loss and gradient norm, and counts the bad ones in a row. Its state goes into the checkpoint."""

    def __init__(self, config: WatchConfig, state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self.config = config
        self.losses = deque[float](state.get("losses", ()), maxlen=config.spike_window)
        self.norms = deque[float](state.get("gradient_norms", ()), maxlen=config.spike_window)
        self.bad_in_a_row = int(state.get("bad_in_a_row", 0))

    def state(self) -> dict[str, Any]:
        """What another `StepWatch` needs to judge as this one does."""
        return {"losses": list(self.losses), "gradient_norms": list(self.norms), "bad_in_a_row": self.bad_in_a_row}

    def judge(self, loss: float, gradient_norm: float) -> int:
        """The place of the step's fault in `REASONS`, 0 where it has none."""
        if not math.isfinite(loss):
            return 1
        if not math.isfinite(gradient_norm):
            return 2
        threshold = self.config.spike_zscore
        if threshold is None or len(self.losses) * 2 < self.config.spike_window:
            return 0
        for code, value, window in ((3, loss, self.losses), (4, gradient_norm, self.norms)):
            if value > 0 and robust_zscore(value, list(window)) > threshold:
                return code
        return 0

    def count(self, code: int, loss: float, gradient_norm: float) -> None:
        """Books the judged step."""
        if code:
            self.bad_in_a_row += 1
            return
        self.bad_in_a_row = 0
        if loss > 0 and gradient_norm > 0:
            self.losses.append(loss)
            self.norms.append(gradient_norm)


class StopRequest:
    """Whether a signal has asked this process to save and end."""

    def __init__(self) -> None:
        self.name: str | None = None

    def _note(self, number: int, _: FrameType | None) -> None:
        self.name = signal.Signals(number).name

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Notes `SIGNALS` instead of dying of them. In the main thread alone."""
        before = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def agree(maximum: Callable[[torch.Tensor], torch.Tensor], device: torch.device, *flags: int) -> list[int]:
    """The largest of each flag over all processes: what one has seen, all act on."""
    return [int(flag) for flag in maximum(torch.tensor(flags, dtype=torch.int32, device=device)).tolist()]


class HangWatch:
    """Ends a process that does not come to its next sign of life, after writing the stacks of all its threads to standard error.

    Python's faulthandler does both in a thread of its own that needs no interpreter lock, so a process that waits inside a collective ends
    too, and each process of a run writes its own stacks.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds

    def alive(self) -> None:
        """A sign of life: the clock begins anew."""
        if self.seconds is not None:
            faulthandler.dump_traceback_later(self.seconds, exit=True)

    def stop(self) -> None:
        """No more is waited for."""
        if self.seconds is not None:
            faulthandler.cancel_dump_traceback_later()
