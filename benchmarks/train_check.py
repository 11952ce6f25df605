"""Does a GPU train as the processor does? Small runs of the trainer's own command, compared; each verdict with its figure.

    python -m benchmarks.train_check --work DIR --out FILE

Without a GPU every run is the processor's, so that the comparisons themselves are tried.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.train_cases import write_shards
from shards.cli import Parser, run
from shards.errors import InputError
from shards.manifest import write_manifest

ROOT = Path(__file__).resolve().parent.parent
STEPS, HALF = 12, 6
VOCABULARY = 512
FLOAT32_BOUND = 1e-4  # relative, of losses in float32: the devices add up in other orders
BFLOAT16_BOUND = 1e-2  # relative, of losses: bfloat16 has 8 bits
FIELDS = {
    "num_layers": 4,
    "hidden_size": 256,
    "ffn_hidden_size": 704,
    "num_attention_heads": 4,
    "num_query_groups": 2,
    "vocab_size": VOCABULARY,
    "seq_length": 128,
    "micro_batch_size": 2,
    "global_batch_size": 8,
    "lr": 1e-3,
    "lr_warmup_iters": 2,
    "lr_decay_iters": STEPS,
    "log_interval": 1,
    "eval_iters": 1,
    "save_interval": HALF,
    "cross_entropy_chunk_tokens": 64,
}
Train = Callable[..., None]  # (run folder, "cpu" or "gpu", **fields)


def train_by_command(tokens: Path) -> Train:
    """Runs pretrain_gpt.py in a process of its own."""

    def train(folder: Path, device: str, **fields: Any) -> None:
        command = [sys.executable, "train/pretrain_gpt.py", "--data", str(tokens), "--out", str(folder)]
        for name, value in (FIELDS | fields).items():
            flag = f"--{name.replace('_', '-')}"
            command += [flag] if value is True else [flag, str(value)]
        environment = os.environ | ({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {})
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise InputError(f"{' '.join(command)}: ended with {ended.returncode}: {ended.stderr[-500:]}")

    return train


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """What the run said of its steps."""
    return [row for row in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines()) if row["kind"] == "train"]


def losses_of(folder: Path) -> list[float]:
    """Loss by step. Raises `InputError` where a step is missing or the model stands still."""
    rows = rows_of(folder)
    losses = [row["lm_loss"] for row in rows]
    if [row["iteration"] for row in rows] != list(range(1, STEPS + 1)) or not losses[-1] < losses[0] - 0.1:
        raise InputError(f"{folder}: losses {losses} are not those of {STEPS} steps that learn")
    return losses


def _farthest(found: list[float], wanted: list[float]) -> float:
    return max(abs(mine - theirs) / abs(theirs) for mine, theirs in zip(found, wanted, strict=True))


def check(train: Train, work: Path) -> dict[str, dict[str, Any]]:
    """Name → `holds` and `detail`."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    train(work / "cpu", "cpu", train_iters=STEPS)
    wanted = losses_of(work / "cpu")
    verdicts: dict[str, dict[str, Any]] = {}

    def compare(name: str, folder: str, bound: float) -> None:
        difference = _farthest(losses_of(work / folder), wanted)
        verdicts[name] = {"holds": difference <= bound, "detail": f"losses differ by {difference:.1e} at most, {bound:g} is allowed"}

    train(work / "gpu", "gpu", train_iters=STEPS)
    compare("float32 losses against the processor's", "gpu", FLOAT32_BOUND)
    train(work / "bf16", "gpu", train_iters=STEPS, bf16=True)
    compare("bfloat16 losses against the processor's float32", "bf16", BFLOAT16_BOUND)
    # the first third on the processor, the next on the GPU, the last on the processor
    for end, device in ((HALF // 2, "cpu"), (HALF, "gpu"), (STEPS, "cpu")):
        train(work / "moved", device, train_iters=end)
    compare("a checkpoint from processor to GPU and back", "moved", FLOAT32_BOUND)
    for name, ends in (("whole", (STEPS,)), ("parts", (HALF, STEPS))):
        for end in ends:
            train(work / name, "gpu", train_iters=end, bf16=True, deterministic_mode=True)
    whole, parts = ([(row["lm_loss"], row["grad_norm"], row["lr"]) for row in rows_of(work / name)] for name in ("whole", "parts"))
    losses_of(work / "parts")
    same = sum(one == other for one, other in zip(whole, parts, strict=True))
    verdicts["a resumed run equal to the bit, deterministic mode"] = {
        "holds": same == STEPS,
        "detail": f"{same} of {STEPS} steps have the same loss, gradient norm and rate",
    }
    return verdicts


def main() -> int:
    """Runs the checks and writes their verdicts."""
    parser = Parser(prog="python -m benchmarks.train_check", description=__doc__ or "")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder of the runs, emptied first")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="verdicts, JSON")
    args = parser.parse_args()
    tokens = write_shards(args.work.parent / "tokens-check", VOCABULARY, 100_000)
    write_manifest(args.out, {"status": "measured", "checks": check(train_by_command(tokens), args.work)})
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.train_check", main)
