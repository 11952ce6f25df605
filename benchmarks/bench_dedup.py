"""Are near duplicates found, and only they, at what speed and in what memory? Benchmark passages too.

    python -m benchmarks.bench_dedup --work FOLDER

Documents are made from the sample papers: their words, half of them replaced by others of the samples, so that originals differ; then exact
copies, near copies with so many edits that similarities from 0.4 to 1 occur, and passages of a benchmark, at known rates. The truth is the
Jaccard similarity of all pairs that share a 5-word shingle, counted here without the pipeline's hashes. The larger sizes measure memory and
time alone; signatures of millions of documents are drawn at random, with pairs planted among them. Figures go to
benchmarks/results/dedup.json.
"""

import hashlib
import json
import multiprocessing
import random
import re
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.record import write_result
from preprocess.config import Config, CorpusConfig, MinHashConfig
from preprocess.corpus.decontaminate import drop_contaminated
from preprocess.corpus.deduplicate import drop_duplicates
from preprocess.corpus.near_duplicates import NEAR_PAIRS, drop_near_duplicates
from preprocess.corpus.on_workers import propose_on_workers
from preprocess.corpus.records import Candidate
from preprocess.corpus.signatures import SignatureTable, fill, propose_pairs
from preprocess.pipeline import process_paper
from preprocess.records import Document
from preprocess.sources.tars import find_tars, plan_units, read_papers, scan_tar
from preprocess.stages.minhash import minhash
from preprocess.units import encode_signatures
from samples.build import build_dump, write_dump
from shards.cli import Parser, run
from shards.errors import InputError
from shards.text_shard import encode_text_shard

EXACT_SHARE, NEAR_SHARE, CONTAMINATED_SHARE = 0.03, 0.25, 0.02
PASSAGE_WORDS = 30
DOCUMENTS_A_UNIT = 250
THRESHOLD, BAND = 0.8, (0.75, 0.85)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One made document; `has_passage` where a benchmark's passage was put into it."""

    arxiv_id: str
    text: str
    has_passage: bool


def sample_texts(work: Path) -> list[str]:
    """The texts of the sample papers that are documents."""
    write_dump(build_dump(), work / "samples")
    units = [unit for path in find_tars(work / "samples" / "src") for unit in plan_units(scan_tar(path), Config().unit)]
    outcomes = [process_paper(raw, Config()) for unit in units for raw in read_papers(unit)]
    return sorted({outcome.text for outcome in outcomes if isinstance(outcome, Document) and len(outcome.text) > 4000})


def edited(text: str, draw: random.Random, vocabulary: Sequence[str]) -> str:
    """A near copy: words replaced, left out and put in at a rate of its own, and at times a passage left out."""
    words = text.split(" ")
    if draw.random() < 0.3:
        start, length = draw.randrange(len(words)), int(len(words) * draw.uniform(0, 0.25))
        del words[start : start + length]
    rate = draw.uniform(0, 0.06)
    for _ in range(max(1, round(rate * len(words)))):
        place, kind = draw.randrange(len(words)), draw.random()
        if kind < 0.6:
            words[place] = draw.choice(vocabulary)
        elif kind < 0.8:
            del words[place]
        else:
            words.insert(place, draw.choice(vocabulary))
    return " ".join(words)


def passages(vocabulary: Sequence[str], num_passages: int) -> list[str]:
    """A benchmark's passages."""
    draw = random.Random("passages")
    return [" ".join(draw.choices(vocabulary, k=PASSAGE_WORDS)) for _ in range(num_passages)]


def make_documents(samples: Sequence[str], num_documents: int) -> Iterator[Made]:
    """So many documents at the rates above. A copy is of one of the last 400 originals, of itself or of an earlier copy."""
    draw = random.Random("documents")
    vocabulary = sorted({word for text in samples for word in text.split() if word.isalpha() and len(word) > 3})
    benchmark = passages(vocabulary, 200)
    recent: list[str] = []
    for number in range(num_documents):
        kind = draw.random()
        has_passage = False
        if recent and kind < EXACT_SHARE:
            text = draw.choice(recent)
        elif recent and kind < EXACT_SHARE + NEAR_SHARE:
            text = edited(draw.choice(recent), draw, vocabulary)
        else:
            words = draw.choice(samples).split(" ")
            text = " ".join(draw.choice(vocabulary) if draw.random() < 0.5 else word for word in words)
        if draw.random() < CONTAMINATED_SHARE:
            has_passage = True
            words = text.split(" ")
            words.insert(draw.randrange(len(words)), draw.choice(benchmark))
            text = " ".join(words)
        recent = [*recent[-399:], text]
        yield Made(arxiv_id=f"{2000 + number // 90_000 % 100}.{number % 90_000:05d}", text=text, has_passage=has_passage)


def write_out(out: Path, documents: Iterator[Made]) -> tuple[list[Candidate], set[str], dict[str, Any]]:
    """Writes shards and signatures as units of a run; gives the candidates, the ids with passages, and how fast the signatures came."""
    for folder in ("documents", "minhash", "corpus"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    candidates: list[Candidate] = []
    with_passage: set[str] = set()
    rows: list[dict[str, Any]] = []
    signatures: list[list[int]] = []
    seconds, num_characters = 0.0, 0

    def flush() -> None:
        unit = candidates[-1].unit
        (out / "documents" / f"{unit}.jsonl.zst").write_bytes(encode_text_shard(rows))
        (out / "minhash" / f"{unit}.npy").write_bytes(encode_signatures(signatures, MinHashConfig().num_hashes))
        rows.clear()
        signatures.clear()

    for position, made in enumerate(documents):
        started = time.process_time()
        signature = minhash(made.text, MinHashConfig())
        seconds += time.process_time() - started
        num_characters += len(made.text)
        rows.append({"id": made.arxiv_id, "text": made.text})
        signatures.append(signature.tolist())
        candidates.append(candidate(made, position))
        if made.has_passage:
            with_passage.add(made.arxiv_id)
        if len(rows) == DOCUMENTS_A_UNIT:
            flush()
    if rows:
        flush()
    speed = {
        "characters_a_document": round(num_characters / len(candidates)),
        "documents_a_cpu_second": round(len(candidates) / seconds),
        "megabytes_a_cpu_second": round(num_characters / seconds / 1e6, 1),
    }
    return candidates, with_passage, speed


def candidate(made: Made, position: int) -> Candidate:
    """What the ledger and the metadata would say."""
    return Candidate(
        arxiv_id=made.arxiv_id,
        unit=f"arXiv_src_2001_001-{position // DOCUMENTS_A_UNIT:05d}",
        tar="arXiv_src_2001_001.tar",
        member=made.arxiv_id,
        position=position,
        characters=len(made.text),
        language="en",
        language_probability=1.0,
        text_sha256=hashlib.sha256(made.text.encode()).hexdigest(),
        is_known=True,
        categories=("math.AG",),
        license=None,
        created="2020-01-01",
        version=1,
        withdrawn_detail=None,
    )


def true_pairs(texts: Sequence[str], least: float) -> dict[tuple[int, int], float]:
    """Jaccard similarity of every pair of texts at `least` or above, by their numbers: all pairs that share a shingle are looked at."""
    sets: list[npt.NDArray[np.int64]] = []
    for text in texts:
        words = re.findall(r"\w+", re.sub(r"\[(cite|ref):\d+\]", r"[\1]", text).lower())
        sets.append(np.array(sorted({hash(tuple(words[start : start + 5])) for start in range(len(words) - 4)}), dtype=np.int64))
    sizes = np.array([len(values) for values in sets])
    owners = np.repeat(np.arange(len(texts), dtype=np.int32), sizes)
    values = np.concatenate(sets)
    order = np.lexsort((owners, values))
    owners, values = owners[order], values[order]
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    counts: dict[int, int] = {}
    packed: list[npt.NDArray[np.int64]] = []
    num_packed = 0

    def fold() -> None:
        for key, count in zip(*(part.tolist() for part in np.unique(np.concatenate(packed), return_counts=True)), strict=True):
            counts[key] = counts.get(key, 0) + count
        packed.clear()

    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(values)], strict=True):
        if end - start > 1:
            group = owners[start:end].astype(np.int64)
            one, other = np.triu_indices(len(group), 1)
            packed.append(group[one] * len(texts) + group[other])
            num_packed += len(one)
            if num_packed > 1 << 23:
                fold()
                num_packed = 0
    if packed:
        fold()
    found = {}
    for key, num_common in counts.items():
        first, second = divmod(key, len(texts))
        similarity = num_common / (int(sizes[first]) + int(sizes[second]) - num_common)
        if similarity >= least:
            found[first, second] = similarity
    return found


def quality(args: Namespace) -> dict[str, Any]:
    """Recall and precision by pairs, before union-find; passages planted and found; speeds."""
    out: Path = args.work / "quality"
    samples = sample_texts(args.work)
    made = list(make_documents(samples, args.num_documents))
    candidates, with_passage, speed = write_out(out, iter(made))
    equal = drop_duplicates(candidates)
    left = [found for found in candidates if found.position not in equal]
    started = time.process_time()
    _, books = drop_near_duplicates(out, candidates, left, Config(), print)
    seconds = time.process_time() - started
    started = time.process_time()
    drop_near_duplicates(out, candidates, left, Config(), print)
    seconds_again = time.process_time() - started
    number = {found.arxiv_id: index for index, found in enumerate(left)}
    found: dict[tuple[int, int], float] = {}
    for row in pq.read_table(out / "corpus" / NEAR_PAIRS).to_pylist():
        one, other = sorted((number[row["id"]], number[row["other_id"]]))
        found[one, other] = row["jaccard"]
    truth = true_pairs([made[candidate.position].text for candidate in left], 0.5)
    above = {pair for pair, similarity in truth.items() if similarity >= THRESHOLD}
    said = {pair for pair, similarity in found.items() if similarity >= THRESHOLD}
    in_band = {pair for pair, similarity in truth.items() if BAND[0] <= similarity < BAND[1]}
    exact = sum(1 for pair, similarity in found.items() if pair in truth and abs(truth[pair] - similarity) < 1e-12)
    return {
        "documents": len(candidates),
        "exact_duplicates_left_out": len(equal),
        "signatures": speed,
        "pairs": {
            "true_at_0.8": len(above),
            "found_at_0.8": len(said),
            "recall": len(said & above) / len(above),
            "precision": len(said & above) / len(said),
            "band_0.75_to_0.85": {
                "true_in_band": len(in_band),
                "true_at_0.8_in_band": len(in_band & above),
                "recall": len(in_band & above & said) / max(1, len(in_band & above)),
                "precision": len(in_band & above & said) / max(1, len(in_band & said)),
            },
            "compared": len(found),
            "compared_that_are_above": len(above & found.keys()) / len(found),
            "similarities_equal_to_the_truth": exact,
            "cut": books.num_pairs_cut,
        },
        "clusters": {"number": books.num_clusters, "largest": books.largest_cluster},
        "pass": {
            "documents_a_cpu_second": round(len(left) / seconds),
            "documents_a_cpu_second_again": round(len(left) / seconds_again),
        },
        "decontamination": contamination(args.work, out, samples, candidates, with_passage),
    }


def contamination(work: Path, out: Path, samples: Sequence[str], candidates: Sequence[Candidate], planted: set[str]) -> dict[str, Any]:
    """Documents with a planted passage, and near copies of them that keep 13 words of it, against those found."""
    vocabulary = sorted({word for text in samples for word in text.split() if word.isalpha() and len(word) > 3})
    path = work / "benchmark.jsonl"
    path.write_text("".join(json.dumps({"question": passage}) + "\n" for passage in passages(vocabulary, 200)))
    config = CorpusConfig(decontaminate=(str(path),))
    started = time.process_time()
    exclusions, _ = drop_contaminated(out, candidates, candidates, config, print)
    seconds = time.process_time() - started
    found = {candidates[position].arxiv_id for position in exclusions}
    return {
        "planted": len(planted),
        "planted_and_found": len(planted & found),
        "found_in_copies_of_planted": len(found - planted),
        "documents_a_cpu_second": round(len(candidates) / seconds),
    }


def memory_mib(field: str) -> int:
    """This process's memory: `VmHWM` its peak, `VmRSS` what it holds. (A child's `ru_maxrss` begins at its parent's.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) // 1024


def near_pass(work: Path, num_documents: int) -> dict[str, Any]:
    """Peak memory and seconds of the near-duplicate pass over made documents."""
    out = work / f"size-{num_documents}"
    samples = sample_texts(work / f"size-{num_documents}-samples")
    candidates, _, _ = write_out(out, make_documents(samples, num_documents))
    equal = drop_duplicates(candidates)
    left = [found for found in candidates if found.position not in equal]
    before = memory_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    started = time.process_time()
    drop_near_duplicates(out, candidates, left, Config(), print)
    return {
        "documents": num_documents,
        "cpu_seconds": round(time.process_time() - started, 1),
        "mib_before_the_pass": before,
        "peak_mib": memory_mib("VmHWM"),
    }


def banding(work: Path, num_documents: int) -> dict[str, Any]:
    """Peak memory and seconds of the banding of drawn signatures, of which 1 in 100 is a near copy of one before it; and its recall."""
    config = MinHashConfig()
    draw = np.random.default_rng(1)
    planted: set[tuple[int, int]] = set()
    started = time.process_time()
    folder = work / "banding"
    folder.mkdir(parents=True, exist_ok=True)
    with SignatureTable(folder, num_documents, config) as table:
        for start in range(0, num_documents, 10_000):
            part = draw.integers(0, 1 << 32, (min(10_000, num_documents - start), config.num_hashes), dtype=np.uint32)
            for copy in range(99, len(part), 100):
                keeps = draw.random(config.num_hashes) < 0.85
                part[copy, keeps] = part[copy - 1, keeps]
                planted.add((start + copy - 1, start + copy))
            table.append(part)
        written = time.process_time()
        ranks = np.arange(num_documents)
        pairs, _ = propose_pairs(table, ranks, THRESHOLD, 64, print)
    done, peak = time.process_time(), memory_mib("VmHWM")
    found = {(int(pair) >> 32, int(pair) & 0xFFFFFFFF) for pair in pairs}
    return {
        "documents": num_documents,
        "cpu_seconds_to_write": round(written - started, 1),
        "cpu_seconds_to_pair": round(done - written, 1),
        "peak_mib": peak,
        "planted_pairs": len(planted),
        "planted_pairs_found": len(planted & found),
        "other_pairs_found": len(found - planted),
    }


def banding_on_workers(work: Path, num_documents: int) -> dict[str, Any]:
    """The banding of drawn signatures divided among two Ray workers, beside that in one process: pairs, peak memory, seconds."""
    from preprocess.ray_runner import Tasks, connect

    out, config = work / f"workers-{num_documents}", Config()
    for folder in ("minhash", "corpus"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(2)
    candidates: list[Candidate] = []
    made = Made(arxiv_id="2001.00001", text="", has_passage=False)
    for start in range(0, num_documents, DOCUMENTS_A_UNIT):
        part = draw.integers(0, 1 << 32, (min(DOCUMENTS_A_UNIT, num_documents - start), config.minhash.num_hashes), dtype=np.uint32)
        for copy in range(99, len(part), 100):
            keeps = draw.random(config.minhash.num_hashes) < 0.85
            part[copy, keeps] = part[copy - 1, keeps]
        candidates += [candidate(made, position) for position in range(start, start + len(part))]
        np.save(out / "minhash" / f"{candidates[-1].unit}.npy", part)
    ranks = np.random.default_rng(3).permutation(num_documents)
    is_wanted = np.ones(num_documents, dtype=np.bool_)
    with connect("local", 2):
        tasks = Tasks(2)
        before = memory_mib("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        started = time.monotonic()
        found = propose_on_workers(tasks, out, candidates, is_wanted, ranks, config, THRESHOLD, print)
        seconds, peak = time.monotonic() - started, memory_mib("VmHWM")
        of_workers = [mib for mib, _ in zip(tasks.map(_peak_of_a_worker, None, range(8)), range(8), strict=True)]
    with SignatureTable(out / "corpus", num_documents, config.minhash) as table:
        fill(table, out, candidates, is_wanted)
        expected = propose_pairs(table, ranks, THRESHOLD, config.corpus.max_near_duplicate_leaders, print)
    return {
        "documents": num_documents,
        "pairs": len(found[0]),
        "pairs_are_those_of_one_process": bool(np.array_equal(found[0], expected[0])) and found[1] == expected[1],
        "seconds": round(seconds, 1),
        "driver_mib_before": before,
        "driver_peak_mib": peak,
        "largest_worker_peak_mib": max(of_workers),
    }


def _peak_of_a_worker(_: None, number: int) -> int:
    time.sleep(0.2)  # so that each worker is asked
    return memory_mib("VmHWM")


def apart(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Measures in a process of its own, whose peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure)


def main() -> int:
    """Measures everything in an empty work folder and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_dedup", description=__doc__ or "")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="empty folder for what is made")
    parser.add_argument("--num-documents", type=int, default=10_000, metavar="N", help="documents for recall and precision")
    parser.add_argument("--sizes", default="5000,10000,20000", metavar="N,N", help="documents for memory of the pass")
    parser.add_argument("--signatures", default="300000,3000000", metavar="N,N", help="signatures for memory and time of the banding")
    parser.add_argument("--on-workers", default="100000,300000", metavar="N,N", help="signatures for the banding on two Ray workers")
    parser.add_argument("--name", default="dedup", metavar="NAME", help="name of the results file")
    args = parser.parse_args()
    if args.work.exists() and any(args.work.iterdir()):
        raise InputError(f"{args.work}: is not empty; give a new folder")
    args.work.mkdir(parents=True, exist_ok=True)
    figures = {
        "quality": quality(args),
        "memory_of_the_pass": [apart(partial(near_pass, args.work, int(size))) for size in args.sizes.split(",") if size],
        "banding": [apart(partial(banding, args.work, int(size))) for size in args.signatures.split(",") if size],
        "banding_on_workers": [apart(partial(banding_on_workers, args.work, int(size))) for size in args.on_workers.split(",") if size],
    }
    print(json.dumps(figures, indent=1))
    print(f"written: {write_result(args.name, figures)}")
    pairs: Any = figures["quality"]
    if min(pairs["pairs"]["recall"], pairs["pairs"]["precision"]) < 0.98:
        raise InputError("recall or precision by pairs at J >= 0.8 is under 0.98")
    return 0


if __name__ == "__main__":
    run("bench_dedup", main)
