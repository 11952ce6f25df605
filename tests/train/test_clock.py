"""The clock: every moment in one part, on a processor and on a stream that lags behind."""

import pytest

from train.clock import OTHER, Clock, HostMarks


class LaggingMarks:
    """A stream as a GPU's: it comes to a mark when all that was queued before is done, or at once where nothing is queued."""

    def __init__(self) -> None:
        self.host = self.stream = 0.0
        self.num_settled = 0

    def work(self, seconds: float) -> None:
        """Queues work for the stream; the host goes on at once."""
        self.stream = max(self.stream, self.host) + seconds

    def wait(self, seconds: float) -> None:
        """The host waits."""
        self.host += seconds

    def now(self) -> float:
        return max(self.stream, self.host)

    def seconds(self, start: float, end: float) -> float:
        assert self.num_settled, "an event's time was asked for before it had passed"
        return end - start

    def settle(self) -> None:
        self.num_settled += 1
        self.host = max(self.host, self.stream)


def test_parts_and_parts_within_sum_up_to_the_whole() -> None:
    marks = LaggingMarks()
    clock = Clock(marks)
    marks.wait(1)
    with clock.part("optimizer"):
        marks.wait(2)
        with clock.part("communication"):
            marks.wait(4)
        marks.wait(8)
    assert clock.take() == {OTHER: 1, "optimizer": 10, "communication": 4}
    with clock.part("checkpoint"):
        with pytest.raises(KeyError), clock.part("checkpoint"):
            {}["a save that fails"]
        marks.wait(1)
    assert clock.take() == {OTHER: 0, "checkpoint": 1}


def test_megatrons_spans_return_to_the_part_that_they_lie_in() -> None:
    marks = LaggingMarks()
    clock = Clock(marks)
    clock.span("forward-backward", log_level=1).start(barrier=True)  # has no part of its own
    clock.span("forward-compute", log_level=2).start()
    with clock.part("data"):
        marks.wait(1)
    marks.wait(2)
    clock.span("forward-compute").stop()
    with clock.part("optimizer"):
        clock.span("optimizer-inner-step").start()
        marks.wait(4)
        clock.span("params-all-gather").start()
        marks.wait(8)
        clock.span("params-all-gather").stop()
        clock.span("optimizer-inner-step").stop()
        marks.wait(16)
    assert clock.take() == {OTHER: 0, "data": 1, "forward": 2, "optimizer": 20, "communication": 8}


def test_on_a_stream_only_the_wait_that_leaves_it_idle_is_data() -> None:
    marks = LaggingMarks()
    clock = Clock(marks)
    with clock.part("forward"):
        marks.work(5)
    with clock.part("data"):
        marks.wait(3)  # hidden behind the work
    with clock.part("forward"):
        marks.work(5)
    with clock.part("data"):
        marks.wait(9)  # 7 were left of the work when it began
    spent = clock.take()
    assert spent == {OTHER: 0, "forward": 10, "data": 2}


def test_many_marks_are_added_up_on_the_way() -> None:
    marks = LaggingMarks()
    clock = Clock(marks)
    for _ in range(5000):
        with clock.part("forward"):
            marks.wait(1)
    assert marks.num_settled == 2
    assert len(clock._entered) < 4096
    assert clock.take() == {OTHER: 0, "forward": 5000}


def test_the_processors_own_clock() -> None:
    clock = Clock(HostMarks())
    with clock.part("forward"):
        sum(range(100_000))
    spent = clock.take()
    assert spent["forward"] > 0
    assert set(spent) == {"forward", OTHER}
    assert clock.take()[OTHER] < spent["forward"] + 10
