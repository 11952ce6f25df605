"""What does cross-entropy in chunks cost and save? Time and peak memory against the plain one, on this machine's processor.

    python -m benchmarks.bench_cross_entropy

Memory is measured at the published vocabulary of 102,400, time there and at a small model's size; each case in a process of its own, one
thread, forward and backward. Figures go to benchmarks/results/cross_entropy.json.
"""

import resource
import subprocess
import sys
import time
from statistics import median
from typing import Any

from benchmarks.record import write_result
from shards.cli import Parser, run

CASES = {
    # tokens, width, vocabulary
    "published_vocabulary": (2048, 256, 102_400),
    "small_model": (2048, 128, 8192),
}
CHUNK_TOKENS = 256
NUM_REPEATS = 7


def measure(name: str, is_chunked: bool) -> None:
    """Prints seconds (median) and peak bytes above what was there before the first pass."""
    import torch

    from train.loss import chunked_mean_loss, mean_over_tokens

    torch.set_num_threads(1)
    num_tokens, width, vocab = CASES[name]
    torch.manual_seed(1)
    hidden = torch.randn(num_tokens, width, requires_grad=True)
    weight = torch.randn(vocab, width, requires_grad=True)
    labels, mask = torch.randint(vocab, (num_tokens,)), torch.ones(num_tokens)
    torch.ones(4, 4) @ torch.ones(4, 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(NUM_REPEATS):
        hidden.grad = weight.grad = None
        started = time.perf_counter()
        if is_chunked:
            loss = chunked_mean_loss(hidden, weight, labels, mask, CHUNK_TOKENS)
        else:
            loss = mean_over_tokens(torch.nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="none"), mask)
        loss.backward()  # type: ignore[no-untyped-call]
        seconds.append(time.perf_counter() - started)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(median(seconds), peak)


def main() -> int:
    """Runs every case and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_cross_entropy", description=__doc__ or "")
    parser.add_argument("--case", choices=sorted(CASES), help="measure one case in this process and print it")
    parser.add_argument("--chunked", action="store_true", help="with --case: the chunked one")
    args = parser.parse_args()
    if args.case is not None:
        measure(args.case, args.chunked)
        return 0
    figures: dict[str, Any] = {"chunk_tokens": CHUNK_TOKENS, "repeats": NUM_REPEATS}
    for name, (num_tokens, width, vocab) in CASES.items():
        entry: dict[str, Any] = {"tokens": num_tokens, "width": width, "vocabulary": vocab}
        for kind, flags in (("plain", []), ("chunked", ["--chunked"])):
            command = [sys.executable, "-m", "benchmarks.bench_cross_entropy", "--case", name, *flags]
            seconds, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            entry[kind] = {"seconds": round(float(seconds), 4), "peak_bytes": int(peak)}
        entry["seconds_ratio"] = round(entry["chunked"]["seconds"] / entry["plain"]["seconds"], 3)
        entry["peak_ratio"] = round(entry["chunked"]["peak_bytes"] / entry["plain"]["peak_bytes"], 3)
        figures[name] = entry
        print(name, entry)
    print(write_result("cross_entropy", figures))
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.bench_cross_entropy", main)
