"""Does a run survive anything? Kills it with SIGKILL at random moments, starts the same command again, and compares the weights at the end.

    python -m benchmarks.soak_kills --data TOKENS --work FOLDER [--kills 30]

The run is a small one over two processes (ZeRO-1), saving every few steps, so that many kills fall into saving and loading. Figures go to
benchmarks/results/soak_kills.json.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.errors import InputError

FLAGS = [
    *("--num-layers", "2", "--hidden-size", "64", "--ffn-hidden-size", "192", "--num-attention-heads", "4", "--seq-length", "128"),
    *("--micro-batch-size", "4", "--global-batch-size", "8", "--log-interval", "1", "--eval-interval", "50", "--eval-iters", "1"),
    *("--save-interval", "5", "--use-distributed-optimizer"),
]
LONGEST_SECONDS = 30.0  # between start and kill


def command(data: Path, out: Path, train_iters: int) -> list[str]:
    """The run, as one would type it."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train/pretrain_gpt.py"]
    return [*launcher, *FLAGS, "--train-iters", f"{train_iters}", "--data", str(data), "--out", str(out)]


def to_the_end(arguments: list[str], log: Path) -> None:
    """Runs a command that has to end well."""
    with open(log, "ab") as handle:
        code = subprocess.run(arguments, stdout=handle, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise InputError(f"a run that nobody killed ended with {code}; see {log}")


def kill_after(arguments: list[str], seconds: float, log: Path) -> bool:
    """Starts a command and kills all its processes after `seconds`; whether it was still running."""
    with open(log, "ab") as handle:
        started = subprocess.Popen(arguments, stdout=handle, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        started.wait(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        # torchrun's children have sessions of their own
        for pid in [*_descendants(started.pid), started.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        started.wait()
        return True


def _descendants(pid: int) -> list[int]:
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [found for child in children for found in (child, *_descendants(child))]


def newest_step(out: Path) -> int:
    """Step of the newest whole checkpoint, 0 where there is none."""
    return max((int(path.parent.name[5:]) for path in (out / "checkpoints").glob("iter_*/texmill.json")), default=0)


def losses(out: Path) -> dict[int, float]:
    """Training loss by step."""
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {row["iteration"]: row["lm_loss"] for row in rows if row["kind"] == "train"}


def equal_weights(one: Path, other: Path, step: int) -> bool:
    """Whether two runs' checkpoints of a step hold the same bits."""
    import torch

    from train.checkpoint import folder_of, load_full_state

    first, second = load_full_state(folder_of(one, step))[1], load_full_state(folder_of(other, step))[1]
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def main() -> int:
    """Runs undisturbed, then killed, and compares."""
    parser = Parser(prog="python -m benchmarks.soak_kills", description=__doc__ or "")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of token shards")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="folder for the two runs; emptied")
    parser.add_argument("--kills", type=int, default=30, metavar="N", help="kills")
    parser.add_argument("--train-iters", type=int, default=400, metavar="STEPS", help="steps of the run")
    parser.add_argument("--seed", type=int, default=6, metavar="N", help="of the moments")
    args = parser.parse_args()
    for name in ("undisturbed", "killed"):
        shutil.rmtree(args.work / name, ignore_errors=True)
    args.work.mkdir(parents=True, exist_ok=True)
    log = args.work / "log.txt"
    started = time.monotonic()
    with open(log, "ab") as handle:
        code = subprocess.run(
            command(args.data, args.work / "undisturbed", args.train_iters), stdout=handle, stderr=subprocess.STDOUT
        ).returncode
    if code:
        raise InputError(f"the undisturbed run ended with {code}; see {log}")
    whole_seconds = time.monotonic() - started
    chance = random.Random(args.seed)
    out = args.work / "killed"
    steps: list[int] = []
    for number in range(args.kills):
        # the moments cover start, loading, stepping and saving
        seconds = chance.uniform(1.0, min(LONGEST_SECONDS, whole_seconds * 0.9))
        if not kill_after(command(args.data, out, args.train_iters), seconds, log):
            steps.append(newest_step(out))
            print(f"the run was over before kill {number + 1}", flush=True)
            break
        steps.append(newest_step(out))
        print(f"kill {number + 1}: after {seconds:.1f} s, newest checkpoint is of step {steps[-1]}", flush=True)
    to_the_end(command(args.data, out, args.train_iters), log)
    figures: dict[str, Any] = {
        "kills": len(steps),
        "train_iters": args.train_iters,
        "newest_step_at_kill": steps,
        "seconds_undisturbed": round(whole_seconds, 1),
        "losses_equal": losses(out) == losses(args.work / "undisturbed"),
        "weights_equal": equal_weights(args.work / "undisturbed", out, args.train_iters),
    }
    print(write_result("soak_kills", figures))
    if not (figures["losses_equal"] and figures["weights_equal"]):
        raise InputError(f"the killed run ended otherwise than the undisturbed one: {figures}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.soak_kills", main)
