"""`train/pretrain_gpt.py` on the plain `.bin`, by megatron's own mapped IndexedDataset; benchmarks/bench_data_stall.py compares with it."""

from megatron.core.datasets.indexed_dataset import IndexedDataset

from shards import cli
from train import megatron_adapter, pretrain_gpt


def mapped(dataset_path: str, config: object) -> IndexedDataset:
    """The set at a path prefix, stock: `<prefix>.idx` and `<prefix>.bin`."""
    return IndexedDataset(dataset_path, multimodal=False, mmap=True)


def refuse(*_: object) -> None:
    """In the place of reading a `.bin.zst`: this run must not."""
    raise AssertionError("a .bin.zst was opened by the run that reads the plain .bin")


if __name__ == "__main__":
    megatron_adapter.TokenShardGPTDataset.build_low_level_dataset = staticmethod(mapped)  # type: ignore[method-assign]
    megatron_adapter.TokenShardDataset.initialize = refuse  # type: ignore[assignment, method-assign]
    cli.run("plain_pretrain", pretrain_gpt.main)
