"""Does a model learn from a dump's shards on a processor alone, and does it ever wait for its data? Figures of a finished training run.

    python train/pretrain_gpt.py --data TOKENS --out RUN ...      (half an hour or more, 5 to 15 million parameters)
    python -m benchmarks.bench_cpu_run --run RUN

Reads the run's metrics and config; figures go to benchmarks/results/cpu_run.json. Where the run was stopped and went on, the time between
is not counted; time by part is of the rows that tell forward and backward apart.
"""

from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.errors import InputError
from tools.report import Run, after_returns, data_stall, read_run
from train.config import num_parameters


def figures_of(found: Run) -> dict[str, Any]:
    """What the run was, what it learnt, how fast, and its books."""
    trained, config = found.of("train"), found.config
    whole = [row for row in trained if "backward" in row["time_share"]]
    spent: dict[str, float] = {}
    for row in whole:
        for part, share in row["time_share"].items():
            spent[part] = spent.get(part, 0.0) + row["seconds"] * share
    closed = found.of("books")
    if not closed or not whole:
        raise InputError("the run has not closed its books; let it come to its end, or stop it by SIGTERM")
    validation = {}
    for domain in found.domains:
        points = found.validation(domain)
        values = [value for _, value in points]
        validation[domain] = {
            "steps": [step for step, _ in points],
            "bits_per_byte": [round(value, 4) for value in values],
            "falls_at_every_validation": all(after < before for before, after in pairwise(values)),
        }
    steps, before = [], 0
    for row in trained:
        steps.append((row["iteration"] - before) * found.tokens_per_step / row["tokens_per_second"])
        before = row["iteration"]
    return {
        "parameters": num_parameters(config.model),
        "sequence_tokens": config.model.seq_length,
        "tokens_a_step": found.tokens_per_step,
        "steps": found.last_step,
        "step_minutes": round(sum(steps) / 60, 1),
        "tokens_per_second_median": round(median(row["tokens_per_second"] for row in trained)),
        "data_stall_share": round(data_stall(found), 6),
        "data_stall_share_worst_row": round(max(row["data_stall_share"] for row in trained), 6),
        "time_share": {part: round(value / sum(spent.values()), 5) for part, value in sorted(spent.items())},
        "time_share_steps": [whole[0]["iteration"], whole[-1]["iteration"]],
        "training_loss": {"first": round(trained[0]["lm_loss"], 4), "last": round(trained[-1]["lm_loss"], 4)},
        "skipped_steps": trained[-1]["skipped_steps"],
        "memory_bytes": max(row["memory_bytes"] for row in trained),
        "validation": validation,
        "books": {name: value for name, value in closed[-1].items() if name.startswith("tokens_")},
    }


def main() -> int:
    """Writes the figures of the run."""
    parser = Parser(prog="python -m benchmarks.bench_cpu_run", description=__doc__ or "")
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="folder of a training run")
    args = parser.parse_args()
    found = read_run(args.run, args.run.name)
    found = Run(name=found.name, config=found.config, rows=after_returns(found.rows))
    print(write_result("cpu_run", figures_of(found)))
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.bench_cpu_run", main)
