"""Does a run over many papers stay in its memory and at its speed, what does Ray cost, are copies found, are increments the whole?

    python -m benchmarks.bench_pipeline --work DIR --num-papers 200000 --more --name pipeline_200000

is the run alone, without the questions that take several (`--more increments overhead`). What has ended is in DIR/parts.json: the same
command again does what is missing.

Makes a dump (`benchmarks/synthetic_dump.py`) and runs the pipeline over it. Each pass has a process tree of its own, whose memory and CPU
time are read from /proc while it runs:

- memory of the driver and of the largest worker, and papers/s, against the number of papers done;
- CPU time of the extraction on Ray against the same stages in a plain multiprocessing pool, starting up (a run over a unit a worker) apart;
  the pool writes the same files, breadcrumbs, rows of times and manifests, so that what is compared is Ray and no writing. Only counters
  for Prometheus are Ray's alone;
- CPU time of a paper at 2 workers against 1;
- near duplicates by pairs, before union-find, against the true Jaccard similarity of 5-word shingles, counted here without the pipeline's
  hashes: every pair of one family (an original and what was copied from it) is looked at, and every pair that the pipeline found;
- one run over all tars against three over growing folders; what is written and tokenised again when the last tar comes.

Figures go to benchmarks/results/NAME.json, pictures of memory and speed to NAME.html beside it.
"""

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.record import write_result
from benchmarks.synthetic_dump import TRUTH, add_arguments, dump_of
from preprocess.config import Config
from preprocess.guard import guarded
from preprocess.pipeline import extract_paper, normalise_paper, validate_paper
from preprocess.records import Document, ExtractedPaper, Rejection, SourceTree, Stage
from preprocess.sources.metadata import MetadataMonths, build_metadata
from preprocess.sources.tars import Unit, find_tars, plan_units, read_papers, scan_tar
from preprocess.units import Breadcrumb, UnitResult
from samples.build import MANIFEST_NAME, SNAPSHOT_NAME
from shards.cli import Parser, run
from shards.commit import write_bytes
from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from shards.page import Curve, document, table
from shards.page import curves as curves_of
from shards.text_shard import read_text_shard

THRESHOLD, BAND = 0.8, (0.75, 0.85)
SAMPLE_SECONDS = 0.5
MAX_POINTS = 60  # of a curve in the results
PARTS = "parts.json"
THIRDS = ("first_third", "last_third")
TOKEN_UNITS = ".units/*/*/*[0-9].json"  # books of `tools.tokenize_shards`: one for each corpus file that is encoded
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


# processes


@dataclass(kw_only=True)
class Watched:
    """What was seen of a process tree: points of (seconds, papers done, bytes of the driver, of the largest worker), CPU seconds in all."""

    points: list[tuple[float, int, int, int]] = field(default_factory=list)
    cpu_by_process: dict[int, float] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of all processes ever seen, of each as it stood when it was seen last."""
        return sum(self.cpu_by_process.values())


def process_tree(root: int) -> dict[int, tuple[str, float, int]]:
    """The processes under `root` and itself: number → (name, CPU seconds, resident bytes)."""
    found: dict[int, tuple[int, str, float, int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            content = Path(entry.path, "stat").read_text()
        except OSError:
            continue  # it has ended
        name, _, rest = content.partition("(")[2].rpartition(")")
        fields = rest.split()
        ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
        found[int(entry.name)] = (int(fields[1]), name, ticks / _CLOCK_TICKS, pages * _PAGE_BYTES)
    children: defaultdict[int, list[int]] = defaultdict(list)
    for number, (parent, *_) in found.items():
        children[parent].append(number)
    tree: dict[int, tuple[str, float, int]] = {}
    waiting = [root]
    while waiting:
        number = waiting.pop()
        if number in found and number not in tree:
            tree[number] = found[number][1:]
            waiting += children[number]
    return tree


class _Papers:
    """How many papers of an output are committed, from the units' manifests, each read once."""

    def __init__(self, out: Path) -> None:
        self.folder = out / "units"
        self.counts: dict[str, int] = {}

    def count(self) -> int:
        if self.folder.is_dir():
            for entry in os.scandir(self.folder):
                if entry.name.endswith(".json") and entry.name not in self.counts:
                    self.counts[entry.name] = json.loads(Path(entry.path).read_bytes())["counts"]["members"]
        return sum(self.counts.values())


def watched(work: Callable[[], Any], out: Path) -> tuple[Any, Watched]:
    """Runs `work` in a process of its own and watches its tree until it has given its result; what it gives, and what was seen."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(work, theirs))
    process.start()
    theirs.close()
    seen, papers, started = Watched(), _Papers(out), time.monotonic()
    assert process.pid is not None

    def look() -> None:
        tree = process_tree(process.pid or 0)
        for number, (_, seconds, _) in tree.items():
            seen.cpu_by_process[number] = seconds
        driver = tree.get(process.pid or 0, ("", 0.0, 0))[2]
        workers = [size for name, _, size in tree.values() if name.startswith("ray::")]  # and no raylet, no store
        seen.points.append((time.monotonic() - started, papers.count(), driver, max(workers, default=0)))

    ended = threading.Event()

    def keep_looking() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            look()

    watcher = threading.Thread(target=keep_looking)
    watcher.start()
    try:
        result = ours.recv()
    except EOFError:
        raise InputError("a pass of the benchmark died; its own message stands above") from None
    finally:
        ended.set()
        watcher.join()
    look()
    ours.send(None)
    process.join()
    return result, seen


def _serve(work: Callable[[], Any], answer: Connection) -> None:
    answer.send(work())
    answer.recv()  # the watcher has had its last look: only now may processes end
    # what `work` has left open (Ray) ends with this process


# passes


def plan(source: Path) -> list[Unit]:
    """The units of a dump, as a run plans them."""
    return [unit for path in find_tars(source) for unit in plan_units(scan_tar(path), Config().unit)]


_OPEN: list[Any] = []  # clusters that stay up until the watcher has had its last look at their processes


def ray_pass(dump: Path, out: Path, num_workers: int, num_units: int | None) -> float:
    """Extraction on a local Ray; wall-clock seconds from the first unit given to the last one committed."""
    from preprocess.ray_runner import connect, run_extraction

    build_metadata(dump / SNAPSHOT_NAME, out)
    units = plan(dump / "src")[:num_units]
    cluster = connect("local", num_workers)
    cluster.__enter__()
    _OPEN.append(cluster)
    started = time.monotonic()
    for _ in run_extraction(units, out, Config(), num_workers=num_workers, commit="benchmark"):
        pass
    return time.monotonic() - started


def plain_pass(dump: Path, out: Path, num_workers: int) -> float:
    """The same stages and the same files in a pool of processes; CPU seconds of the units alone, without starting up."""
    build_metadata(dump / SNAPSHOT_NAME, out)
    with multiprocessing.get_context("spawn").Pool(num_workers) as pool:
        return sum(pool.imap_unordered(partial(_plain_unit, out), plan(dump / "src"), chunksize=1))


def _plain_unit(out: Path, unit: Unit) -> float:
    started = time.process_time()
    config, months = Config(), MetadataMonths(out)
    result = UnitResult(unit)
    crumb = Breadcrumb.open(out, unit.name, "plain")
    for index, raw in enumerate(read_papers(unit)):
        times = [time.perf_counter()]
        crumb.step_on(index)
        got: SourceTree | ExtractedPaper | Document | Rejection
        got = guarded(Stage.VALIDATE, config.unit, partial(validate_paper, raw, config.archive))
        times.append(time.perf_counter())
        if isinstance(got, SourceTree):
            got = guarded(Stage.EXTRACT, config.unit, partial(extract_paper, got, config.latex))
        times.append(time.perf_counter())
        if isinstance(got, ExtractedPaper):
            got = guarded(Stage.NORMALISE, config.unit, partial(normalise_paper, got, config))
        times.append(time.perf_counter())
        assert isinstance(got, Document | Rejection)
        seconds = {stage: end - start for stage, (start, end) in zip(Stage, pairwise(times), strict=False)}
        result.add(raw, got, seconds, 1, months, config)
    result.commit(out, config, "benchmark")
    crumb.remove()
    return time.process_time() - started


def whole_run(source: Path, metadata: Path, out: Path, num_workers: int) -> dict[str, Any]:
    """`preprocess run`, to the corpus."""
    from preprocess.run import run as preprocess_run

    started = time.monotonic()
    content = preprocess_run(source, metadata, out, Config(), num_workers=num_workers, address="local")
    return {"seconds": round(time.monotonic() - started, 1), "documents": content["documents"], "kept": content["corpus"]["num_kept"]}


# questions


def curves(seen: Watched) -> dict[str, Any]:
    """Memory and speed against papers done, from the first papers committed to the last."""
    total = seen.points[-1][1]
    under_way = [point for point in seen.points if 0 < point[1] < total]
    after = [point for point in seen.points if point[1] == total]
    if len(under_way) < 6:
        raise InputError(f"{total} papers take {len(under_way)} looks of {SAMPLE_SECONDS} s; give more --num-papers")
    third = len(under_way) // 3
    first, last = under_way[: third + 1], under_way[-third - 1 :]

    def rate(points: Sequence[tuple[float, int, int, int]]) -> float:
        return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])

    step = -(-len(under_way) // MAX_POINTS)
    papers = np.array([point[1] for point in under_way], dtype=float)
    slopes = {
        name: float(np.polyfit(papers, np.array([point[place] for point in under_way], dtype=float), 1)[0])
        for name, place in (("driver", 2), ("largest_worker", 3))
    }
    return {
        "papers": total,
        "papers_a_second": {"first_third": round(rate(first), 1), "last_third": round(rate(last), 1)},
        "peak_mib": {
            "driver_first_third": _mib(max(point[2] for point in first)),
            "driver_last_third": _mib(max(point[2] for point in last)),
            "driver_corpus_pass": _mib(max(point[2] for point in after)),
            "worker_first_third": _mib(max(point[3] for point in first)),
            "worker_last_third": _mib(max(point[3] for point in last)),
        },
        "bytes_a_paper_more": {name: round(slope, 1) for name, slope in slopes.items()},
        "points": [
            {"seconds": round(seconds, 1), "papers": done, "driver_mib": _mib(driver), "worker_mib": _mib(worker)}
            for seconds, done, driver, worker in under_way[::step]
        ],
    }


def _mib(num_bytes: int) -> int:
    return round(num_bytes / 2**20)


def overhead(dump: Path, work: Path) -> dict[str, Any]:
    """CPU seconds of Ray against a plain pool, and of two workers against one; starting up apart."""
    figures: dict[str, Any] = {}
    wall: dict[int, float] = {}
    cpu: dict[int, float] = {}
    num_papers = sum(len(unit.members) for unit in plan(dump / "src"))
    for num_workers in (1, 2):
        start, out = work / f"start-{num_workers}", work / f"ray-{num_workers}"
        # so many units that each worker starts and does one
        _, begun = watched(partial(ray_pass, dump, start, num_workers, num_workers), start)
        wall[num_workers], seen = watched(partial(ray_pass, dump, out, num_workers, None), out)
        done_at_start = begun.points[-1][1]
        cpu[num_workers] = (seen.cpu_seconds - begun.cpu_seconds) * num_papers / max(1, num_papers - done_at_start)
        figures[f"ray_{num_workers}_workers"] = {
            "cpu_seconds": round(cpu[num_workers], 1),
            "start_cpu_seconds": round(begun.cpu_seconds, 1),
            "wall_seconds": round(wall[num_workers], 1),
        }
    plain, _ = watched(partial(plain_pass, dump, work / "plain", 2), work / "plain")
    return figures | {
        "papers": num_papers,
        "plain_cpu_seconds": round(plain, 1),
        "ray_over_plain": round(cpu[2] / plain, 3),
        "cpu_a_paper_at_2_workers_over_1": round(cpu[2] / cpu[1], 3),
        "wall_clock_efficiency_of_2_workers": round(wall[1] / (2 * wall[2]), 3),
        "ray_gives_the_plain_bytes": _documents(work / "ray-2") == _documents(work / "plain") == _documents(work / "ray-1"),
    }


def _documents(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((out / "documents").iterdir())}


def near_duplicates(dump: Path, out: Path) -> dict[str, Any]:
    """Recall and precision by pairs, before union-find, among the documents that the pass has looked at."""
    decisions = pq.read_table(out / "corpus" / "decisions.parquet", columns=["id", "reason"]).to_pylist()
    left = {row["id"] for row in decisions if row["reason"] in (None, "near_duplicate")}
    family: dict[str, str] = {}
    members: defaultdict[str, list[str]] = defaultdict(list)
    with (dump / TRUTH).open() as lines:
        for row in map(json.loads, lines):
            family[row["id"]] = family[row["origin"]] if row["kind"] in ("exact", "near") else row["id"]
            if row["id"] in left:
                members[family[row["id"]]].append(row["id"])
    found = {
        (min(row["id"], row["other_id"]), max(row["id"], row["other_id"])): row["jaccard"]
        for row in pq.read_table(out / "corpus" / "near_pairs.parquet").to_pylist()
    }
    wanted = {arxiv_id for ids in members.values() if len(ids) > 1 for arxiv_id in ids} | {arxiv_id for pair in found for arxiv_id in pair}
    sets = {
        row["id"]: _shingles(row["text"])
        for path in sorted((out / "documents").iterdir())
        for row in read_text_shard(path)
        if row["id"] in wanted
    }
    families = (combinations(ids, 2) for ids in members.values())
    truth = {(min(pair), max(pair)): _jaccard(sets[pair[0]], sets[pair[1]]) for pairs in families for pair in pairs}
    num_in_families = len(truth)
    truth |= {pair: _jaccard(sets[pair[0]], sets[pair[1]]) for pair in found if pair not in truth}
    above = {pair for pair, similarity in truth.items() if similarity >= THRESHOLD}
    said = {pair for pair, similarity in found.items() if similarity >= THRESHOLD}
    band = {pair for pair, similarity in truth.items() if BAND[0] <= similarity < BAND[1]}
    outside_band = {"above": above - band, "said": said - band}
    return {
        "pairs_of_families": num_in_families,
        "pairs_compared": len(found),
        "true_at_0.8": len(above),
        "found_at_0.8": len(said),
        "recall": _share(above & said, above),
        "precision": _share(above & said, said),
        "from_0.85_on": {
            "true": len(outside_band["above"]),
            "recall": _share(outside_band["above"] & said, outside_band["above"]),
            "precision": _share(outside_band["said"] & above, outside_band["said"]),
        },
        "band_0.75_to_0.85": {
            "true_in_band": len(band),
            "true_at_0.8": len(band & above),
            "recall": _share(band & above & said, band & above),
            "precision": _share(band & above & said, band & said),
        },
    }


def _shingles(text: str) -> npt.NDArray[np.int64]:
    """The set of a text's runs of five words: `[S]` int64, sorted hashes."""
    words = re.findall(r"\w+", re.sub(r"\[(cite|ref):\d+\]", r"[\1]", text).lower())
    return np.unique(np.array([hash(tuple(words[start : start + 5])) for start in range(len(words) - 4)], dtype=np.int64))


def _jaccard(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    num_common = len(np.intersect1d(one, other, assume_unique=True))
    return num_common / max(1, len(one) + len(other) - num_common)


def _share(part: set[Any], whole: set[Any]) -> float | None:
    return round(len(part) / len(whole), 5) if whole else None


def increments(dump: Path, work: Path, whole: Path, num_workers: int) -> dict[str, Any]:
    """Three runs over a growing folder against the one run over all; and what the last tar alone makes be written again."""
    tars = sorted(path.name for path in (dump / "src").glob("*.tar"))
    if len(tars) < 3:
        raise InputError(f"{dump / 'src'}: {len(tars)} tars; increments need 3 or more: lower --papers-a-tar or --tar-bytes")
    steps = [len(tars) // 3, 2 * len(tars) // 3, len(tars)]
    grown = work / "grown"
    for step in steps:
        _run_over(dump, tars[:step], work / "growing-src", grown, num_workers)
    last = work / "last"
    _run_over(dump, tars[:-1], work / "last-src", last, num_workers)
    _tokenise(last, num_workers)
    before, encoded = _states(last), _encoded(last)
    _run_over(dump, tars, work / "last-src", last, num_workers)
    _tokenise(last, num_workers)
    after = _states(last)
    written = {folder: [name for name in after[folder] if before[folder].get(name) != after[folder][name]] for folder in after}
    stem = tars[-1].removesuffix(".tar")
    return {
        "tars": len(tars),
        "steps": steps,
        "grown_has_the_documents_of_the_one_run": _rows(grown) == _rows(whole),
        "grown_has_the_ledgers_of_the_one_run": _ledgers(grown) == _ledgers(whole),
        "grown_has_the_corpus_bytes_of_the_one_run": _corpus(grown) == _corpus(whole),
        "last_tar_of_the_one_run_has_them_too": _corpus(last) == _corpus(whole),
        "last_tar": {
            "unit_files_written": len(written["units"]),
            "unit_files": len(after["units"]),
            "units_written_are_of_it": all(name.startswith(stem) for name in written["units"]),
            "corpus_files_written": len(written["corpus"]),
            "corpus_files": len(after["corpus"]),
            "corpus_files_tokenised": len(written["tokens"]),
            "tokenised_are_those_written": _shards_of(written["tokens"]) == _shards_of(written["corpus"]),
            "documents_tokenised": len(_encoded(last) - encoded),
            "documents": len(_encoded(last)),
        },
    }


def _run_over(dump: Path, tars: Sequence[str], source: Path, out: Path, num_workers: int) -> None:
    source.mkdir(parents=True, exist_ok=True)
    for name in tars:
        if not (source / name).exists():
            os.link(dump / "src" / name, source / name)
    if not (source / MANIFEST_NAME).exists():
        os.link(dump / "src" / MANIFEST_NAME, source / MANIFEST_NAME)
    watched(partial(whole_run, source, dump / SNAPSHOT_NAME, out, num_workers), out)


def _tokenise(out: Path, num_workers: int) -> None:
    """Token shards of a corpus, by a small tokenizer that is trained the first time."""
    folder = out.parent / "tokenizer"
    corpus = ["--corpus", str(out / "corpus")]
    if not folder.exists():
        size = ["--vocab-size", "2048", "--shrink-to-fit", "--max-bytes", "4000000"]
        _command("tools.train_tokenizer", *corpus, "--out", str(folder), *size)
    _command("tools.tokenize_shards", *corpus, "--tokenizer", str(folder), "--out", str(out / "tokens"), "--num-workers", str(num_workers))


def _command(*words: str) -> None:
    ended = subprocess.run([sys.executable, "-m", *words], cwd=Path(__file__).resolve().parent.parent, capture_output=True, text=True)
    if ended.returncode:
        raise InputError(f"{words[0]} has ended with {ended.returncode}: {ended.stderr.strip().splitlines()[-1:]}")


def _encoded(out: Path) -> set[tuple[str, str]]:
    """Every document that is encoded: its file, its text's hash. One whose text was in its file before is not encoded again."""
    paths = (out / "tokens").glob(TOKEN_UNITS)
    return {(f"{path.parent.name}/{path.name}", text) for path in paths for text in read_manifest(path)["text_hashes"]}


def _shards_of(names: Sequence[str]) -> set[str]:
    """`math/train-00007`, of a corpus file's name and of its tokens' alike."""
    return {"/".join(name.split("/")[-2:]).partition(".")[0] for name in names}


def _ledgers(out: Path) -> dict[str, str]:
    """Ledgers, by whose rows every run has been balanced against its tars."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((out / "ledger").iterdir())}


def _states(out: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Inode and time of every unit's manifest, every corpus file and every corpus file's tokens."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for folder, pattern in (("units", "*.json"), ("corpus", "*/*.jsonl.zst"), ("tokens", TOKEN_UNITS)):
        paths = sorted((out / folder).glob(pattern))
        found[folder] = {path.relative_to(out / folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}
    return found


def _rows(out: Path) -> list[dict[str, Any]]:
    rows = pq.read_table(out / "corpus" / "decisions.parquet").to_pylist()
    return sorted(rows, key=lambda row: (row["id"], str(row)))


def _corpus(out: Path) -> dict[str, str]:
    paths = sorted((out / "corpus").glob("*/*.jsonl.zst"))
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def page(figures: dict[str, Any]) -> str:
    """Memory and speed against papers done, as a page of pictures."""
    curve, papers = figures["run"], figures["dump"]["papers"]
    points = curve["points"]
    memory = [
        Curve(name=name, style=style, points=[(point["papers"], point[field]) for point in points])
        for name, style, field in (("driver", "c0", "driver_mib"), ("largest worker", "c1", "worker_mib"))
    ]
    speed = [
        (later["papers"], (later["papers"] - earlier["papers"]) / (later["seconds"] - earlier["seconds"]))
        for earlier, later in pairwise(points)
        if later["seconds"] > earlier["seconds"]
    ]
    near, rate = figures["near_duplicates"], curve["papers_a_second"]
    lead = f"{papers:,} made papers on {curve['workers']} workers: does a run stay in its memory and at its speed?"
    rows = [
        ["papers a second", *(str(rate[third]) for third in THIRDS)],
        *([f"peak of the {who}, MiB", *(str(curve["peak_mib"][f"{who}_{third}"]) for third in THIRDS)] for who in ("driver", "worker")),
    ]
    pairs = [
        [words, str(part["true"]), f"{part['recall']}", f"{part['precision']}"]
        for words, part in (
            ("true Jaccard similarity of 0.8 and more", near | {"true": near["true_at_0.8"]}),
            ("of them from 0.85 on", near["from_0.85_on"]),
            ("of them in the band from 0.75 to 0.85", near["band_0.75_to_0.85"] | {"true": near["band_0.75_to_0.85"]["true_at_0.8"]}),
        )
    ]
    sections = [
        ("memory", "Memory", curves_of("Resident memory by papers done", memory, unit="MiB", x_title="papers")),
        ("speed", "Speed", curves_of("Papers a second", [Curve(name="papers", style="c0", points=speed)], unit="1/s", x_title="papers")),
        ("thirds", "First third and last", table("The run's first and last third", ["", "first", "last"], rows)),
        ("pairs", "Near duplicates, by pairs", table("Pairs before union-find", ["pairs", "true", "recall", "precision"], pairs)),
    ]
    return document("A run over made papers", "A run over made papers", lead, sections)


class Parts:
    """Figures by part, kept in the work folder as they come: a part that has ended is not done again."""

    def __init__(self, work: Path, asked: dict[str, Any]) -> None:
        self.path = work / PARTS
        self.kept: dict[str, Any] = {"asked": json.loads(json.dumps(asked)), "figures": {}}
        if not self.path.exists():
            if work.exists() and any(work.iterdir()):
                raise InputError(f"{work}: is not empty, and no work of this benchmark; give a new folder")
            work.mkdir(parents=True, exist_ok=True)
            write_manifest(self.path, self.kept)
        kept = read_manifest(self.path)
        if kept.get("asked") != self.kept["asked"]:
            raise InputError(f"{work}: was begun with {kept.get('asked')}; give the same flags, or a new folder")
        self.kept = kept

    def do(self, name: str, folders: Sequence[Path], work: Callable[[], dict[str, Any]]) -> None:
        """The figures of a part; where they are not there yet it is done from the start: half a measurement is none."""
        if name in self.kept["figures"]:
            return
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        self.kept["figures"][name] = work()
        write_manifest(self.path, self.kept)


def main() -> int:
    """Makes the dump, asks the questions, writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_pipeline", description=__doc__ or "")
    parser.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="new folder for the dump and the runs' outputs, or a begun one"
    )
    parser.add_argument("--num-workers", type=int, default=2, metavar="N", help="workers of the runs, one CPU each")
    parser.add_argument("--name", default="pipeline", metavar="NAME", help="name of the results file")
    parser.add_argument(
        "--more",
        nargs="*",
        choices=("increments", "overhead"),
        default=("increments", "overhead"),
        help="questions beyond the one run: three runs over all papers each",
    )
    parser.add_argument("--only-overhead", action="store_true", help="ask that alone: no run to the corpus")
    add_arguments(parser)
    args = parser.parse_args()
    work: Path = args.work
    dump, whole = work / "dump", work / "whole"
    asked = {name: value for name, value in vars(args).items() if name not in ("work", "name", "more", "only_overhead")}
    parts = Parts(work, asked)
    figures = parts.kept["figures"]

    def run_part() -> dict[str, Any]:
        ended, seen = watched(partial(whole_run, dump / "src", dump / SNAPSHOT_NAME, whole, args.num_workers), whole)
        return {"workers": args.num_workers, **ended, **curves(seen)}

    parts.do("dump", [dump], lambda: dump_of(args, dump))
    if not args.only_overhead:
        parts.do("run", [whole], run_part)
        parts.do("near_duplicates", [], lambda: near_duplicates(dump, whole))
        if "increments" in args.more:
            folders = [work / name for name in ("growing-src", "grown", "last-src", "last", "tokenizer")]
            parts.do("increments", folders, lambda: increments(dump, work, whole, args.num_workers))
    if "overhead" in args.more or args.only_overhead:
        folders = [work / name for name in ("start-1", "start-2", "ray-1", "ray-2", "plain")]
        parts.do("overhead", folders, lambda: overhead(dump, work))
    print(json.dumps({**figures, "run": {**figures.get("run", {}), "points": len(figures.get("run", {}).get("points", []))}}, indent=1))
    path = write_result(args.name, figures)
    if "run" in figures:
        write_bytes(path.with_suffix(".html"), page(figures).encode())
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.bench_pipeline", main)
