"""Where pure functions over many items run: in this process, or on a cluster's workers. What uses them knows no Ray.

Whichever it is, results come in the order of the items, so what is made of them is the same.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """`num_workers` processes that take items one by one."""

    num_workers: int

    def map(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Iterable[Item], *, at_once: int | None = None
    ) -> Iterator[Result]:
        """`function(shared, item)` for each item, in order; at most `at_once` under way (default: as many as there are workers).

        `function` is one of a module, has no effect but files written whole, and may be called again for an item whose worker was lost.
        """
        ...


ChooseWorkers = Callable[[bool], Workers]  # told whether there is so much to do that starting a cluster is worth it


class Here:
    """This process alone: one item at a time."""

    num_workers = 1

    def map(
        self, function: Callable[[Shared, Item], Result], shared: Shared, items: Iterable[Item], *, at_once: int | None = None
    ) -> Iterator[Result]:
        """`function(shared, item)` for each item, when it is asked for."""
        for item in items:
            yield function(shared, item)


def choose_none(is_worth_it: bool) -> Workers:
    """Whoever asks does the work in this process."""
    return Here()
