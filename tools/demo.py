"""The whole way on the sample dump: tars → documents → corpus → tokenizer → token shards → training → export → report.

Every step is one of the public commands, printed as it is run, so that it can be repeated by hand.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from shards.cli import Parser, run
from shards.errors import InputError
from shards.manifest import read_manifest

ROOT = Path(__file__).resolve().parent.parent
VOCAB_SIZE = 2048  # pieces: what the sample's quarter of a megabyte of text can fill
RECIPE = "train/recipes/tiny_cpu.toml"
PROMPT = "# Introduction\n\n"


def steps(out: Path, train_iters: int) -> list[tuple[str, list[str]]]:
    """The demo's steps in order: what each does, and its command line."""
    python = os.path.relpath(sys.executable)
    dump, texts, tokenizer = out / "dump", out / "texts", out / "tokenizer"
    tokens, trained, exported = out / "tokens", out / "run", out / "hf"
    module = [python, "-m"]
    return [
        ("build the sample dump in arXiv's bulk format", [*module, "samples.build", "--out", f"{dump}"]),
        (
            "extract, select and deduplicate: tars to corpus",
            [
                *module,
                "preprocess",
                "run",
                "--source",
                f"{dump}/src",
                "--metadata",
                f"{dump}/arxiv-metadata-oai-snapshot.json",
                "--out",
                f"{texts}",
            ],
        ),
        (
            "train the tokenizer",
            [*module, "tools.train_tokenizer", "--corpus", f"{texts}/corpus", "--out", f"{tokenizer}", "--vocab-size", f"{VOCAB_SIZE}"],
        ),
        (
            "write zstd token shards",
            [
                *module,
                "tools.tokenize_shards",
                "--corpus",
                f"{texts}/corpus",
                "--tokenizer",
                f"{tokenizer}/tokenizer.model",
                "--out",
                f"{tokens}",
            ],
        ),
        (
            "train a small model on CPU, two data-parallel processes",
            [
                *module,
                "torch.distributed.run",
                "--standalone",
                "--nproc-per-node",
                "2",
                "train/pretrain_gpt.py",
                "--config",
                RECIPE,
                "--data",
                f"{tokens}",
                "--out",
                f"{trained}",
                "--train-iters",
                f"{train_iters}",
            ],
        ),
        ("export to Hugging Face, logits compared", [*module, "tools.export_hf", "--checkpoint", f"{trained}", "--out", f"{exported}"]),
        (
            "write a few words",
            [
                *module,
                "tools.generate",
                "--checkpoint",
                f"{trained}",
                "--prompt",
                PROMPT,
                "--max-new-tokens",
                "96",
                "--temperature",
                "0.7",
                "--top-k",
                "40",
            ],
        ),
        ("write the yield report", [*module, "preprocess", "report", f"{texts}", "--tokens", f"{tokens}", "--run", f"{trained}"]),
    ]


def run_step(number: int, total: int, title: str, command: list[str]) -> float:
    """Runs one command with its output shown; gives its seconds. Raises `InputError` naming the step that failed."""
    print(f"\n[{number}/{total}] {title}\n$ {shlex.join(command)}", flush=True)
    started = time.monotonic()
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if code:
        raise InputError(f"step {number} ({title}) ended with exit code {code}; its own message stands above")
    return time.monotonic() - started


def ledger_counts(texts: Path) -> tuple[int, int, Counter[str]]:
    """Members, documents and rejections by reason of a finished run, from its ledger."""
    reasons: Counter[str] = Counter()
    num_members = num_documents = 0
    for path in sorted((texts / "ledger").glob("arXiv_src_*.parquet")):
        table = pq.read_table(path, columns=["outcome", "reason"])
        num_members += table.num_rows
        for row in table.to_pylist():
            if row["outcome"] == "document":
                num_documents += 1
            else:
                reasons[row["reason"]] += 1
    return num_members, num_documents, reasons


def decision_counts(texts: Path) -> tuple[int, Counter[str]]:
    """Documents kept in the corpus and those left out by reason."""
    rows = pq.read_table(texts / "corpus" / "decisions.parquet", columns=["outcome", "reason"]).to_pylist()
    return sum(row["outcome"] == "kept" for row in rows), Counter(row["reason"] for row in rows if row["outcome"] != "kept")


def validation_bits(metrics: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """First and last validation rows of all domains together."""
    rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    rows = [row for row in rows if row["kind"] == "validation" and row["domain"] == "all"]
    return rows[0], rows[-1]


def by_reason(reasons: Counter[str]) -> str:
    """`3 pdf_only, 2 withdrawn`: reasons by count, then name."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))) or "none"


def print_table(out: Path, seconds: float) -> None:
    """The closing table: every figure is read back from the files that the commands wrote."""
    texts = out / "texts"
    num_members, num_documents, rejections = ledger_counts(texts)
    num_kept, left_out = decision_counts(texts)
    sets = read_manifest(out / "tokens" / "manifest.json")["sets"]
    before, after = validation_bits(out / "run" / "metrics.jsonl")
    num_tokens = sum(entry["tokens"] for entry in sets.values())
    num_bytes = sum(entry["text_bytes"] for entry in sets.values())
    rows = [
        ("papers in", f"{num_members}"),
        ("documents", f"{num_documents}"),
        ("rejections", f"{num_members - num_documents}: {by_reason(rejections)}"),
        ("in the corpus", f"{num_kept}"),
        ("left out of it", f"{num_documents - num_kept}: {by_reason(left_out)}"),
        ("tokens", f"{num_tokens:,} for {num_bytes:,} bytes of text ({num_bytes / num_tokens:.2f} bytes a token)"),
        (
            "bits per byte",
            f"{before['bits_per_byte']:.3f} before training, {after['bits_per_byte']:.3f} after {after['iteration']} steps (validation)",
        ),
        ("Hugging Face model", f"{out / 'hf'}"),
        ("report", f"{texts / 'report.html'}"),
        ("took", f"{seconds:.0f} s"),
    ]
    print("\n" + "-" * 80)
    for name, value in rows:
        print(f"{name:<20}{value}")
    print("-" * 80)


def main() -> int:
    """Runs the demo from nothing."""
    parser = Parser(prog="python -m tools.demo", description=__doc__ or "")
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), metavar="DIR", help="folder for everything the demo makes; emptied first"
    )
    parser.add_argument("--train-iters", type=int, default=150, metavar="STEPS", help="training steps")
    args = parser.parse_args()
    marker = args.out / ".texmill-demo"
    if args.out.exists() and any(args.out.iterdir()) and not marker.exists():
        raise InputError(f"{args.out}: holds files that are not a demo's; give another --out")
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    marker.touch()
    started = time.monotonic()
    all_steps = steps(args.out, args.train_iters)
    for number, (title, command) in enumerate(all_steps, 1):
        run_step(number, len(all_steps), title, command)
    print_table(args.out, time.monotonic() - started)
    return 0


if __name__ == "__main__":
    run("demo", main)
