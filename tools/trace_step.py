"""Which papers were in a step of training: every sample's domain, epoch and papers, from the run's own books.

    python -m tools.trace_step --run RUN --data TOKENS --step 1200

The order of samples depends on seed, token shards and stages alone, so it is worked out again, not logged. Where a run went back over bad
steps, the step is the last one of its number.
"""

import json
import warnings
from pathlib import Path
from typing import Any

from shards.cli import Parser, run
from shards.errors import InputError
from shards.token_shard import TokenShardReader
from train.config import TrainConfig
from train.data import (
    SampleStream,
    add_data_options,
    data_folder,
    in_buckets,
    mixtures,
    open_token_shards,
    require_same_stream,
    stream_identity,
    training_sets,
)

PROG = "python -m tools.trace_step"


def main() -> int:
    """Prints a line a sample."""
    parser = Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of the training run")
    add_data_options(parser, "the token shards that it was trained on, or their URI on a store", required=True)
    parser.add_argument("--step", type=int, required=True, metavar="N", help="step, from 1")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", module="torch|megatron")
    for line in trace(args.run.resolve(), data_folder(args.data, args.data_cache, args.data_endpoint), args.step):
        print(line)
    return 0


def trace(run_folder: Path, data: Path, step: int) -> list[str]:
    """`sample 9600: math epoch 0: 0704.0001 0704.0002`, a line a sample of the step."""
    from train import checkpoint as checkpoints
    from train import megatron_adapter as megatron

    newest = checkpoints.find_checkpoint(run_folder)
    config = checkpoints.stored_config(newest)
    shards = in_buckets(open_token_shards(data), config)
    sets = training_sets(shards, config)
    stages = mixtures(sets, config)
    info = checkpoints.read_info(newest)
    require_same_stream(newest, info["stream"], stream_identity(sets, stages, config), info["consumed_samples"])
    first = first_sample(run_folder, config, step)
    ids = {name: [record["id"] for record in TokenShardReader(entry.prefix).document_records()] for name, entry in sets.items()}
    with checkpoints.one_process():
        cache = run_folder / "sample_index"
        common: dict[str, Any] = {"eod": shards.eod, "tokenizer_sha256": shards.tokenizer_sha256, "cache": cache, "is_training": True}
        datasets = {name: megatron.build_dataset(entry, config, **common) for name, entry in sets.items()}
        stream = SampleStream(datasets, stages, config.training.seed, megatron.draw_mixture)
        stream.reach(first + config.training.global_batch_size)
        lines = []
        for position in range(first, first + config.training.global_batch_size):
            place = stream.place(position)
            papers = [ids[place.domain][number] for number in megatron.documents_of(datasets[place.domain], place.number)]
            lines.append(f"sample {position}: {place.domain} epoch {place.epoch}: {' '.join(papers)}")
    return lines


def first_sample(run_folder: Path, config: TrainConfig, step: int) -> int:
    """The sample that a step began with, from the rows that the run wrote."""
    path = run_folder / "metrics.jsonl"
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); is this the folder of a training run?") from None
    consumed = _consumed_by_step(rows)
    last = max(consumed, default=0)
    if not 1 <= step <= last:
        raise InputError(f"--step is {step}; the run logged steps up to {last}")
    logged = min(number for number in consumed if number >= step)
    return consumed[logged] - (logged - step + 1) * config.training.global_batch_size


def _consumed_by_step(rows: list[dict[str, Any]]) -> dict[int, int]:
    """Samples consumed after each step that has a row; of steps that the run went back over, those that it did in the end."""
    consumed: dict[int, int] = {}
    for row in rows:
        if row["kind"] in ("step", "train"):
            consumed[row["iteration"]] = row["consumed_samples"]
        elif row["kind"] == "rewind":
            consumed = {step: samples for step, samples in consumed.items() if step <= row["to_iteration"]}
            consumed.setdefault(row["to_iteration"], row["to_consumed_samples"])
    return consumed


if __name__ == "__main__":
    run(PROG, main)
