"""Does every paper that holds TeX end as a text, how much of what detex finds is in it, and how near does the slowest come to its limit?

    python -m benchmarks.bench_yield --source DUMP/src [--apart arXiv_src_2402_001.tar]

Every member of every tar goes the way of a run, under its limits. A paper holds TeX if the validation of its archive says so. Its text is
good if it has more than 1,000 characters or at least half the words that detex (the opendetex of distributions, where it is installed)
finds in the same roots with their inclusions in their places; words are those that `describe` counts, on both sides. All others are listed
by id with the reason, and so are the good ones with less than half of detex's words. Members of the tars that are set apart, made to be
defective, are counted and listed but have no part in the share. Figures and ids go to benchmarks/results/extraction_yield.json, no text.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_extract import flattened, papers_of
from benchmarks.record import write_result
from preprocess.config import Config
from preprocess.guard import guarded
from preprocess.latex.decode import decode
from preprocess.latex.find_root import find_root
from preprocess.pipeline import extract_paper, normalise_paper, validate_paper
from preprocess.records import Document, Outcome, RawPaper, Rejection, RejectReason, SourceTree, Stage
from preprocess.stages.describe import measure_quality
from shards.cli import Parser, run
from shards.errors import InputError

MIN_CHARACTERS = 1_000
MIN_SHARE_OF_WORDS = 0.5
GOAL = 0.97
DETEX_SECONDS = 60
NUM_SLOWEST = 5


@dataclass(frozen=True, kw_only=True)
class End:
    """How one member ended: `reason` is the rejection's or `document`, `seconds` the wall clock of its slowest stage.

    `detex_words` is None where detex was not asked or gave up.
    """

    tar: str
    arxiv_id: str
    has_tex: bool
    reason: str
    seconds: float
    tex_bytes: int = 0
    num_characters: int = 0
    num_words: int = 0
    detex_words: int | None = None

    @property
    def word_share(self) -> float | None:
        """Words of the text for each that detex finds."""
        return self.num_words / self.detex_words if self.detex_words else None

    @property
    def is_good(self) -> bool:
        """Whether the text is one that a paper with TeX has to have."""
        has_words = self.word_share is not None and self.word_share >= MIN_SHARE_OF_WORDS
        return self.reason == "document" and (self.num_characters > MIN_CHARACTERS or has_words)


def ended(raw: RawPaper, config: Config, detex: str | None) -> End:
    """One member on its way, and what detex makes of it."""
    seconds = [0.0]

    def timed(stage: Stage, function: Callable[[], Any]) -> Any:
        started = time.monotonic()
        result = guarded(stage, config.unit, function)
        seconds.append(time.monotonic() - started)
        return result

    tree: SourceTree | Rejection = timed(Stage.VALIDATE, partial(validate_paper, raw, config.archive))
    outcome: Outcome
    if isinstance(tree, Rejection):
        outcome = tree
    else:
        extracted = timed(Stage.EXTRACT, partial(extract_paper, tree, config.latex))
        outcome = extracted if isinstance(extracted, Rejection) else timed(Stage.NORMALISE, partial(normalise_paper, extracted, config))
    # a machine's limit says nothing of what the archive holds: such a paper counts as one with TeX
    has_tex = isinstance(tree, SourceTree) or tree.reason is RejectReason.QUARANTINED
    document = outcome if isinstance(outcome, Document) else None
    return End(
        tar=raw.tar,
        arxiv_id=raw.arxiv_id,
        has_tex=has_tex,
        reason=outcome.reason.value if isinstance(outcome, Rejection) else "document",
        seconds=max(seconds),
        tex_bytes=document.tex_bytes if document else 0,
        num_characters=len(document.text) if document else 0,
        num_words=document.num_words if document else 0,
        detex_words=words_by_detex(tree, document.root_files if document else None, detex)
        if detex is not None and isinstance(tree, SourceTree)
        else None,
    )


def words_by_detex(tree: SourceTree, roots: tuple[str, ...] | None, detex: str) -> int | None:
    """Words that detex finds in the roots that the text was read from, or in all; None where it finds no end."""
    texts, _ = decode(tree.files)
    source = "\n".join(flattened(texts, root) for root in roots or find_root(texts) if root in texts)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "paper.tex"
        file.write_text(source, encoding="utf-8", errors="replace")
        try:
            done = subprocess.run([detex, "-n", str(file)], capture_output=True, timeout=DETEX_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None
    return measure_quality(done.stdout.decode("utf-8", "replace"), 1.0)[0] if done.returncode == 0 else None


def figures_of(ends: list[End], config: Config, apart: frozenset[str]) -> dict[str, Any]:
    """What is written of them."""
    counted = [end for end in ends if end.has_tex and end.tar not in apart]
    rejected: dict[str, list[str]] = {}
    for end in ends:
        if end.reason != "document":
            rejected.setdefault(end.reason, []).append(end.arxiv_id)
    compared = [end for end in counted if end.reason == "document" and end.word_share is not None]
    shares = [end.word_share for end in compared if end.word_share is not None]
    slowest = sorted(ends, key=lambda end: -end.seconds)[:NUM_SLOWEST]
    good = sum(end.is_good for end in counted)
    return {
        "goal": GOAL,
        "members": len(ends),
        "ends": dict(sorted(Counter(end.reason for end in ends).items())),
        "rejected": dict(sorted(rejected.items())),
        "apart": {tar: dict(sorted(Counter(end.reason for end in ends if end.tar == tar).items())) for tar in sorted(apart)},
        "with_tex": len(counted),
        "good": good,
        "share": round(good / len(counted), 4) if counted else None,
        "others": [described(end) for end in counted if not end.is_good],
        "good_with_less_than_half_of_detex_words": [
            described(end) for end in compared if end.is_good and (end.word_share or 0) < MIN_SHARE_OF_WORDS
        ],
        "words": {
            "compared": len(compared),
            "ours": sum(end.num_words for end in compared),
            "detex": sum(end.detex_words or 0 for end in compared),
            "share_quartiles": [round(float(share), 3) for share in np.quantile(shares, [0.25, 0.5, 0.75])] if shares else None,
        },
        "limit_seconds_a_stage": config.unit.max_stage_seconds,
        "slowest_stage_seconds": [{"id": end.arxiv_id, "seconds": round(end.seconds, 2)} for end in slowest],
        "past_a_limit": [end.arxiv_id for end in ends if end.reason == RejectReason.QUARANTINED.value],
    }


def described(end: End) -> dict[str, Any]:
    """A paper that has to be named, in figures."""
    return {
        "id": end.arxiv_id,
        "reason": end.reason if end.reason != "document" else "few_words" if end.is_good else "short",
        "tex_bytes": end.tex_bytes,
        "characters": end.num_characters,
        "words": end.num_words,
        "detex_words": end.detex_words,
    }


def all_ends(raws: Iterator[RawPaper], config: Config, detex: str | None) -> list[End]:
    """Every member's end, progress on the way."""
    ends = []
    for number, raw in enumerate(raws, 1):
        ends.append(ended(raw, config, detex))
        print(f"\r{number} members", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return ends


def main() -> int:
    """Measures and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_yield", description=__doc__ or "")
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="folder of arXiv_src_*.tar")
    parser.add_argument("--apart", action="append", default=[], metavar="TAR", help="file name of a tar that has no part in the share")
    parser.add_argument("--name", default="extraction_yield", metavar="NAME", help="name of the results file")
    args = parser.parse_args()
    config = Config()
    detex = shutil.which("detex")
    ends = all_ends(papers_of(args.source), config, detex)
    if unknown := sorted(set(args.apart) - {end.tar for end in ends}):
        raise InputError(
            f"--apart {unknown[0]}: no tar of {args.source} has this name; its tars are named like {ends[0].tar if ends else '-'}"
        )
    figures = figures_of(ends, config, frozenset(args.apart))
    if detex is None:
        figures["left_out"] = {"detex": "is not installed; a text is good by its characters alone"}
    path = write_result(args.name, figures)
    print(json.dumps({name: value for name, value in figures.items() if name != "rejected"}, indent=1))
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    run("bench_yield", main)
