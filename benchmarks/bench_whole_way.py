"""Does the whole way hold on a real dump? Bytes, balances, learning, resume and parallel losses, through the public commands alone.

    python -m benchmarks.bench_whole_way --source DUMP/src --metadata DUMP/arxiv-metadata-oai-snapshot.json --work FOLDER

Runs preprocessing with one worker and with two (equal bytes), again (nothing redone), trains tokenizer and model, compares validation bits
per byte with a unigram model of the same tokens, resumes from the middle (equal losses), trains with TP2 and DP2 (equal losses), exports
(equal logits). Figures go to benchmarks/results/whole_way.json: counts and losses, no text.
"""

import hashlib
import json
import math
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.token_shard import TokenShardReader
from tools.demo import by_reason, decision_counts, ledger_counts

LAWFUL_FOLDERS = ("documents", "ledger", "corpus")
PARALLEL_STEPS = 20


def command(arguments: list[str], log: Path) -> float:
    """Runs `python ARGUMENTS` with its output in `log`; gives its seconds."""
    print("$ python", shlex.join(arguments), flush=True)
    started = time.monotonic()
    with open(log, "ab") as handle:
        code = subprocess.run([sys.executable, *arguments], stdout=handle, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise InputError(f"python {shlex.join(arguments)} ended with exit code {code}; see {log}")
    return time.monotonic() - started


def digests(out: Path) -> dict[str, str]:
    """SHA-256 of every file that the law of equal bytes covers."""
    paths = sorted(path for folder in LAWFUL_FOLDERS for path in (out / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def all_tokens(tokens: Path, split: str) -> npt.NDArray[np.int64]:
    """Every token id of a split over all domains, `[T]` int64."""
    names = sorted(name for name in read_manifest(tokens / "manifest.json")["sets"] if name.endswith(f"/{split}"))
    parts: list[npt.NDArray[np.int64]] = []
    for name in names:
        reader = TokenShardReader(tokens / name)
        parts.extend(np.asarray(reader.document(index), dtype=np.int64) for index in range(len(reader)))
    return np.concatenate(parts)


def unigram_bits_per_byte(tokens: Path, vocab_size: int) -> float:
    """Bits per byte on validation of a unigram model (add-one smoothed) of the training tokens."""
    counts = np.bincount(all_tokens(tokens, "train"), minlength=vocab_size) + 1.0
    log2_probability = np.log2(counts / counts.sum())
    validation = all_tokens(tokens, "validation")
    sets = read_manifest(tokens / "manifest.json")["sets"]
    num_bytes = sum(entry["text_bytes"] for name, entry in sets.items() if name.endswith("/validation"))
    return float(-log2_probability[validation].sum() / num_bytes)


def metric_rows(trained: Path, kind: str) -> list[dict[str, Any]]:
    """Rows of one kind of a training run's metrics."""
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == kind]


def losses(trained: Path) -> dict[int, float]:
    """Training loss by iteration."""
    return {row["iteration"]: row["lm_loss"] for row in metric_rows(trained, "train")}


def largest_relative_difference(one: dict[int, float], other: dict[int, float]) -> float:
    """Over the iterations both have. Raises `InputError` where they have none in common."""
    common = sorted(one.keys() & other.keys())
    if not common:
        raise InputError("two runs have no iteration in common to compare")
    return max(abs(one[step] - other[step]) / abs(one[step]) for step in common)


def pretrain(num_processes: int, arguments: list[str], log: Path) -> float:
    """Trains with `num_processes` processes; gives its seconds."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", f"{num_processes}"]
    return command([*launcher, "train/pretrain_gpt.py", *arguments], log)


def preprocessing(args: Any, work: Path, log: Path) -> dict[str, Any]:
    """Runs the dump with one worker, again, and with two; gives counts, seconds and which comparisons held."""
    base = ["-m", "preprocess", "run", "--source", str(args.source), "--metadata", str(args.metadata)]
    one, two = work / "texts-1", work / "texts-2"
    seconds_one = command([*base, "--out", str(one), "--num-workers", "1"], log)
    before = digests(one)
    units_before = {path.name: path.stat().st_mtime_ns for path in (one / "units").iterdir()}
    seconds_again = command([*base, "--out", str(one), "--num-workers", "1"], log)
    units_after = {path.name: path.stat().st_mtime_ns for path in (one / "units").iterdir()}
    seconds_two = command([*base, "--out", str(two), "--num-workers", "2"], log)
    num_members, num_documents, rejections = ledger_counts(one)
    num_kept, left_out = decision_counts(one)
    return {
        "members": num_members,
        "documents": num_documents,
        "rejections": by_reason(rejections),
        "corpus": num_kept,
        "left_out_of_corpus": by_reason(left_out),
        "files_compared": len(before),
        "second_run_bytes_equal": digests(one) == before,
        "second_run_units_redone": sum(units_before.get(name) != stamp for name, stamp in units_after.items()),
        "one_and_two_workers_bytes_equal": digests(two) == before,
        "seconds": {"one_worker": round(seconds_one, 1), "again": round(seconds_again, 1), "two_workers": round(seconds_two, 1)},
    }


def training(args: Any, work: Path, log: Path) -> dict[str, Any]:
    """Tokenizer, shards, training, resume, parallel runs and export on the corpus of `preprocessing`."""
    corpus, tokenizer, tokens = work / "texts-1" / "corpus", work / "tokenizer", work / "tokens"
    vocab = ["--vocab-size", f"{args.vocab_size}"]
    seconds_tokenizer = command(["-m", "tools.train_tokenizer", "--corpus", str(corpus), "--out", str(tokenizer), *vocab], log)
    model = str(tokenizer / "tokenizer.model")
    seconds_tokens = command(["-m", "tools.tokenize_shards", "--corpus", str(corpus), "--tokenizer", model, "--out", str(tokens)], log)
    steps, middle = args.train_iters, args.train_iters // 2
    base = ["--config", args.config, "--data", str(tokens), "--train-iters", f"{steps}", "--log-interval", "1"]
    whole, resumed = work / "run", work / "run-resumed"
    seconds_training = pretrain(2, [*base, "--out", str(whole), "--save-interval", f"{middle}"], log)
    resumed.mkdir()
    shutil.copytree(whole / "checkpoints" / f"iter_{middle:07d}", resumed / "checkpoints" / f"iter_{middle:07d}")
    (resumed / "checkpoints" / "latest_checkpointed_iteration.txt").write_text(f"{middle}\n")
    pretrain(2, [*base, "--out", str(resumed), "--save-interval", f"{middle}"], log)
    short = [*base[:4], "--log-interval", "1", "--train-iters", f"{PARALLEL_STEPS}"]
    layouts = {"1": (1, []), "dp2": (2, []), "tp2": (2, ["--tensor-model-parallel-size", "2"])}
    for name, (num_processes, flags) in layouts.items():
        pretrain(num_processes, [*short, "--out", str(work / f"run-{name}"), *flags], log)
    command(["-m", "tools.export_hf", "--checkpoint", str(whole), "--out", str(work / "hf")], log)
    validation = [row for row in metric_rows(whole, "validation") if row["domain"] == "all"]
    manifest = read_manifest(tokens / "manifest.json")
    unigram = unigram_bits_per_byte(tokens, manifest["tokenizer"]["vocab_size"])
    after, again = losses(whole), losses(resumed)
    same = {step: again[step] == after[step] for step in again if step > middle}
    single = losses(work / "run-1")
    return {
        "vocab_size": manifest["tokenizer"]["vocab_size"],
        "tokens": sum(entry["tokens"] for entry in manifest["sets"].values()),
        "text_bytes": sum(entry["text_bytes"] for entry in manifest["sets"].values()),
        "steps": steps,
        "validation_bits_per_byte_before": validation[0]["bits_per_byte"],
        "validation_bits_per_byte_after": validation[-1]["bits_per_byte"],
        "unigram_bits_per_byte": unigram,
        "below_unigram": 1 - validation[-1]["bits_per_byte"] / unigram,
        "resume_steps_compared": len(same),
        "resume_losses_equal": bool(same) and all(same.values()),
        "parallel_steps_compared": len(single),
        "dp2_loss_relative_difference": largest_relative_difference(single, losses(work / "run-dp2")),
        "tp2_loss_relative_difference": largest_relative_difference(single, losses(work / "run-tp2")),
        "perplexity_after": math.exp(validation[-1]["lm_loss"]),
        "seconds": {
            "tokenizer": round(seconds_tokenizer, 1),
            "token_shards": round(seconds_tokens, 1),
            "training": round(seconds_training, 1),
        },
    }


def main() -> int:
    """Runs everything from an empty work folder and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_whole_way", description=__doc__ or "")
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="folder of arXiv_src_*.tar")
    parser.add_argument("--metadata", type=Path, required=True, metavar="FILE", help="metadata snapshot, JSON lines")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="empty folder for what the commands make")
    parser.add_argument("--vocab-size", type=int, default=8192, metavar="PIECES", help="tokenizer vocabulary")
    parser.add_argument("--config", default="train/recipes/tiny_cpu.toml", metavar="FILE", help="training recipe")
    parser.add_argument("--train-iters", type=int, default=200, metavar="STEPS", help="training steps; resumed from half of them")
    parser.add_argument("--name", default="whole_way", metavar="NAME", help="name of the results file")
    args = parser.parse_args()
    if args.work.exists() and any(args.work.iterdir()):
        raise InputError(f"{args.work}: is not empty; give a new folder")
    args.work.mkdir(parents=True, exist_ok=True)
    log = args.work / "commands.log"
    figures = {"preprocess": preprocessing(args, args.work, log), "train": training(args, args.work, log)}
    reasons: Counter[str] = Counter()
    for part in figures.values():
        reasons.update(name for name, value in part.items() if value is False)
    path = write_result(args.name, figures)
    print(json.dumps(figures, indent=1))
    print(f"written: {path}")
    if reasons:
        raise InputError(f"these did not hold: {', '.join(sorted(reasons))}")
    return 0


if __name__ == "__main__":
    run("bench_whole_way", main)
