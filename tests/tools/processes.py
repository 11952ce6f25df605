"""Runs a function in several processes that speak over gloo, forked from one that has imported megatron and nothing else."""

import datetime
import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch


def in_processes(world_size: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `function(*arguments)`, a module's own function, gives in each rank; `torch.distributed` is up in it."""
    # a server without threads and process groups of its own imports megatron once for all calls, and forks from there
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train.megatron_adapter"])
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(world_size, mp_context=context) as pool:
        # each waits for the others to begin, so no process takes two
        ranks = [pool.submit(_call, rank, world_size, f"{folder}/store", function, arguments) for rank in range(world_size)]
        return [rank.result(timeout=120) for rank in ranks]


def _call(rank: int, world_size: int, store: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        store=torch.distributed.FileStore(store, world_size),  # type: ignore[attr-defined]
        rank=rank,
        world_size=world_size,
        timeout=datetime.timedelta(seconds=60),
    )
    try:
        return function(*arguments)
    finally:
        torch.distributed.destroy_process_group()
