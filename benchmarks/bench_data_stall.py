"""Does training wait for its data, and longer for `.bin.zst` than for the plain, mapped `.bin`? The same short run on CPU from both.

    python -m benchmarks.bench_data_stall --tokens TOKENS --work FOLDER

The plain run reads by megatron's own IndexedDataset (benchmarks/plain_pretrain.py). Runs of the two forms take turns; the pages of the
files are dropped before each. Losses must be equal, for the samples are. Figures go to benchmarks/results/data_stall.json.
"""

import shutil
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench_token_shards import drop_pages
from benchmarks.bench_whole_way import command
from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.commit import local_folder
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.token_shard import BIN_SUFFIX, PLAIN_SUFFIX, with_suffix, write_plain_bin
from tools.report import Run, data_stall, read_run

SCRIPTS = {"bin.zst": ["train/pretrain_gpt.py"], "plain bin": ["-m", "benchmarks.plain_pretrain"]}
NUM_TURNS = 2


def both_forms(tokens: Path, folder: Path) -> Path:
    """A copy of token shards with the plain `.bin` beside each `.bin.zst`."""
    shutil.copytree(tokens, folder, ignore=shutil.ignore_patterns(".*"))
    names = read_manifest(folder / "manifest.json").get("sets", {})
    if not names:
        raise InputError(f"{tokens}: lists no sets of token shards; give a folder of tools.tokenize_shards")
    for name in names:
        if not with_suffix(folder / name, PLAIN_SUFFIX).is_file():
            write_plain_bin(folder / name)
    return folder


def figures_of(runs: list[Run]) -> dict[str, Any]:
    """Stall and speed of one form's runs."""
    rows = [row for found in runs for row in found.of("train")]
    return {
        "data_stall_share": [round(data_stall(found), 7) for found in runs],
        "data_stall_share_worst_row": round(max(row["data_stall_share"] for row in rows), 7),
        "tokens_per_second_median": round(median(row["tokens_per_second"] for row in rows)),
    }


def main() -> int:
    """Trains from both forms in turn and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_data_stall", description=__doc__ or "")
    parser.add_argument("--tokens", type=Path, required=True, metavar="DIR", help="folder of tools.tokenize_shards")
    parser.add_argument("--work", required=True, metavar="FOLDER", help="new folder for copies of the token shards and the runs")
    parser.add_argument("--config", default="train/recipes/tiny_cpu.toml", metavar="FILE", help="training recipe")
    parser.add_argument("--train-iters", type=int, default=60, metavar="STEPS", help="training steps of each run")
    args = parser.parse_args()
    work = local_folder(args.work)
    if work.exists() and any(work.iterdir()):
        raise InputError(f"{work}: is not empty; give a new folder")
    work.mkdir(parents=True, exist_ok=True)
    tokens = both_forms(args.tokens, work / "tokens")
    flags = ["--config", args.config, "--data", str(tokens), "--train-iters", f"{args.train_iters}", "--log-interval", "5"]
    flags += ["--eval-interval", f"{args.train_iters}", "--save-interval", f"{args.train_iters}", "--eval-iters", "1"]
    runs: dict[str, list[Run]] = {form: [] for form in SCRIPTS}
    for turn in range(NUM_TURNS):
        for form in sorted(SCRIPTS, reverse=bool(turn % 2)):
            for path in [*tokens.rglob(f"*{BIN_SUFFIX}"), *tokens.rglob(f"*{PLAIN_SUFFIX}")]:
                drop_pages(path)
            out = work / f"{form.replace(' ', '-')}-{turn}"
            command([*SCRIPTS[form], *flags, "--out", str(out)], work / "commands.log")
            runs[form].append(read_run(out, out.name))
            print(f"{out.name}: data stall {data_stall(runs[form][-1]):.5%}", flush=True)
    losses = {form: [[row["lm_loss"] for row in found.of("train")] for found in of_form] for form, of_form in runs.items()}
    everything = [curve for curves in losses.values() for curve in curves]
    figures = {
        "steps_of_each_run": args.train_iters,
        "tokens_a_step": runs["bin.zst"][0].tokens_per_step,
        "losses_equal": all(curve == everything[0] for curve in everything),
        "forms": {form: figures_of(found) for form, found in runs.items()},
    }
    print(write_result("data_stall", figures))
    return 0 if figures["losses_equal"] else 1


if __name__ == "__main__":
    run("bench_data_stall", main)
