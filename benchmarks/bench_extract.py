"""How fast is LaTeX to text, beside what others use, and does the cost of a paper grow with its size alone?

    python -m benchmarks.bench_extract --source DUMP/src [--limit 60] [--latexml-limit 10]

Ours, with everything on (archive, macros, text, normalisation, language, quality, signature), on every paper of the source; then, on the
same papers in the same run, what is installed of pylatexenc, pandoc, detex and LaTeXML. Each is given the paper's folder in UTF-8 and one
file in which the root's inclusions stand in their places, and its start on an empty paper is taken off its time. LaTeXML, at a minute a
paper, is given papers by how near their size is to the median (the smallest would show its start, the largest its limit), until so many
have come to an end or three times as many were tried. A paper that a peer does not bring to an end is listed with its reason, its time
apart. A peer that is not installed is left out, and said; so is RedPajama's cleaner, of which there is no package. Times are CPU seconds,
ours all in this one process, after a first paper that loads its tables and the language model. Figures and ids go to
benchmarks/results/extract.json, no text.
"""

import cProfile
import json
import pstats
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pylatexenc

from benchmarks.record import write_result
from preprocess.config import Config
from preprocess.guard import guarded
from preprocess.latex.decode import decode
from preprocess.latex.find_root import find_root
from preprocess.pipeline import extract_paper, normalise_paper, validate_paper
from preprocess.records import Document, Outcome, RawPaper, Rejection, Stage
from preprocess.sources.tars import find_tars, plan_units, read_papers, scan_tar
from shards.cli import Parser, run
from shards.errors import InputError
from shards.fingerprint import unit_interval
from shards.grammar import regions

EMPTY_PAPER = "\\documentclass{article}\n\\begin{document}\nA.\n\\end{document}\n"
MEGABYTE = 1_000_000
MIN_FIT_BYTES = 5_000  # papers under it take a time that is mostly not their own
SIZE_STEPS_KB = (0, 10, 30, 100, 300, 1000)  # where the rows of the table of cost by size begin, in kB of TeX
TRIES_PER_PAPER = 3  # of a peer that has to bring a number of papers to an end
NUM_PROFILED = 20
WALL_SECONDS_PER_CPU_SECOND = 5  # until a peer that waits is given up
_INCLUSION = re.compile(r"(?<!\\)%[^\n]*|\\(?:input|include|subfile)(?![A-Za-z])\s*(?:\{\s*([^{}\n]+?)\s*\}|([^\s{}\\%]+))")
_CONTROL_WORD = re.compile(r"\\(?!textbackslash\{\})[A-Za-z]+")
_DISPLAY = re.compile(r"(?<!\\)\$\$.*?(?<!\\)\$\$", re.S)
_PYLATEXENC = """
import sys
from pylatexenc.latex2text import LatexNodes2Text
sys.stdout.reconfigure(encoding="utf-8", errors="replace")
print(LatexNodes2Text(math_mode="verbatim").latex_to_text(open(sys.argv[1], encoding="utf-8").read()))
"""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A submission with one root: `tex` is that root with what it includes, decoded."""

    raw: RawPaper
    root: str
    tex: str

    @property
    def key(self) -> str:
        """Its place in the source: a dump may have an id twice."""
        return _key(self.raw)

    @property
    def num_bytes(self) -> int:
        """Bytes of TeX that whoever converts the paper has to read."""
        return len(self.tex.encode())


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A converter as its user runs it: `command` takes the file and says what is run, `text_of` reads its output."""

    name: str
    version: str
    command: Callable[[Path], list[str]]
    text_of: Callable[[bytes], str] = field(default=lambda output: output.decode("utf-8", "replace"))
    limit: int | None = None  # papers of ordinary size that it has to bring to an end, where it is not given all


@dataclass(frozen=True, kw_only=True)
class Run:
    """One paper through one converter: CPU seconds, and the text or why there is none."""

    seconds: float
    text: str | None
    failure: str | None = None


def _key(raw: RawPaper) -> str:
    return f"{raw.tar}/{raw.member}"


def papers_of(source: Path) -> Iterator[RawPaper]:
    """All members of all tars."""
    config = Config()
    for path in find_tars(source):
        for unit in plan_units(scan_tar(path), config.unit):
            yield from read_papers(unit)


def flattened(texts: Mapping[str, str], name: str, open_files: tuple[str, ...] = ()) -> str:
    """A file with its inclusions in their places; those that are not there stay as they stand. Comments too."""
    folder = name.rpartition("/")[0]

    def included(found: re.Match[str]) -> str:
        target = (found[1] or found[2] or "").removeprefix("./")
        for path in (target, f"{folder}/{target}"):
            for candidate in (f"{path}.tex", path):
                if target and candidate in texts and candidate not in (*open_files, name):
                    return flattened(texts, candidate, (*open_files, name))
        return found[0]

    return _INCLUSION.sub(included, texts[name])


def one_root_paper(raw: RawPaper) -> Paper | None:
    """The paper as its peers are given it; None for what is no TeX, or has not one root."""
    tree = validate_paper(raw, Config().archive)
    if isinstance(tree, Rejection):
        return None
    texts, _ = decode(tree.files)
    roots = find_root(texts)
    return Paper(raw=raw, root=roots[0], tex=flattened(texts, roots[0])) if len(roots) == 1 else None


def write_folder(paper: Paper, folder: Path) -> Path:
    """The paper's TeX in UTF-8 below `folder`; gives the flattened file, beside the root."""
    tree = validate_paper(paper.raw, Config().archive)
    assert not isinstance(tree, Rejection), "chosen because it is none"
    texts, _ = decode(tree.files)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    file = (folder / paper.root).parent / "paperasonefile.tex"
    file.write_text(paper.tex, encoding="utf-8", errors="replace")
    return file


def convert(raw: RawPaper, config: Config) -> tuple[Outcome, dict[str, float]]:
    """Ours, stage by stage, under the limits of a run: the outcome and the CPU seconds of each stage."""
    seconds: dict[str, float] = {}

    def timed(stage: Stage, function: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = guarded(stage, config.unit, function)
        seconds[stage.value] = time.process_time() - started
        return result

    tree = timed(Stage.VALIDATE, partial(validate_paper, raw, config.archive))
    if isinstance(tree, Rejection):
        return tree, seconds
    extracted = timed(Stage.EXTRACT, partial(extract_paper, tree, config.latex))
    if isinstance(extracted, Rejection):
        return extracted, seconds
    outcome: Outcome = timed(Stage.NORMALISE, partial(normalise_paper, extracted, config))
    return outcome, seconds


def control_words_per_kb(texts: Sequence[str]) -> float:
    """Control words outside formulas and code, per 1,000 characters of what stands outside them."""
    num_words = num_characters = 0
    for text in texts:
        text = _DISPLAY.sub(" ", text)
        for kind, start, end in regions(text):
            if kind in ("prose", "table"):
                num_words += sum(1 for _ in _CONTROL_WORD.finditer(text, start, end))
                num_characters += end - start
    return round(1000 * num_words / max(1, num_characters), 3)


def peers(latexml_limit: int) -> tuple[list[Peer], dict[str, str]]:
    """What is installed, and why the others are left out."""
    found = [Peer(name="pylatexenc", version=pylatexenc.__version__, command=lambda file: [sys.executable, "-c", _PYLATEXENC, str(file)])]
    missing = {"redpajama": "its cleaner is a script of its repository; there is no package to install"}
    commands: dict[str, Callable[[Path], list[str]]] = {
        "pandoc": lambda file: ["pandoc", "--from=latex", "--to=markdown", "--wrap=none", str(file)],
        "detex": lambda file: ["detex", str(file)],
        # preloaded, since what does not begin with \documentclass is plain TeX to it
        "latexml": lambda file: ["latexml", "--quiet", "--nocomments", "--preload=LaTeX.pool", str(file)],
    }
    for name, command in commands.items():
        if name == "latexml" and not latexml_limit:
            missing[name] = "was not asked for"
            continue
        if shutil.which(name) is None:
            missing[name] = "is not installed"
            continue
        version = _first_line(["latexml", "--VERSION"] if name == "latexml" else [name, "-v"])
        is_latexml = name == "latexml"
        text_of = {"text_of": _text_of_xml} if is_latexml else {}
        found.append(Peer(name=name, version=version, command=command, limit=latexml_limit if is_latexml else None, **text_of))
    return found, missing


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    number = re.search(r"\d+(?:\.\d+)+", lines[0]) if lines else None
    return number[0] if number else "unknown"


def _text_of_xml(output: bytes) -> str:
    """LaTeXML's XML as text, each formula as the TeX that it keeps of it."""
    parts: list[str] = []

    def walk(element: ElementTree.Element) -> None:
        if element.tag.endswith("}Math"):
            parts.append(f"${element.get('tex', '')}$")
        else:
            parts.append(element.text or "")
            for child in element:
                walk(child)
        parts.append(element.tail or "")

    walk(ElementTree.fromstring(output))
    return "".join(parts)


def run_peer(peer: Peer, file: Path, limit_s: int) -> Run:
    """One file through a peer, in a process of its own that has `limit_s` CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output, failure = b"", None
    try:
        done = subprocess.run(
            peer.command(file),
            cwd=file.parent,
            capture_output=True,
            timeout=WALL_SECONDS_PER_CPU_SECOND * limit_s,
            check=False,
            stdin=subprocess.DEVNULL,
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_CPU, (limit_s, limit_s + 1)),
        )
        output, failure = done.stdout, f"exit code {done.returncode}" if done.returncode else None
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            failure = f"longer than {limit_s} CPU seconds"
    except subprocess.TimeoutExpired:
        failure = f"longer than {WALL_SECONDS_PER_CPU_SECOND * limit_s} s"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if failure is not None:
        return Run(seconds=seconds, text=None, failure=failure)
    try:
        text = peer.text_of(output)
    except (ElementTree.ParseError, RecursionError) as error:
        return Run(seconds=seconds, text=None, failure=f"output not readable: {type(error).__name__}")
    return Run(seconds=seconds, text=text) if text.strip() else Run(seconds=seconds, text=None, failure="no text")


def measure_peer(peer: Peer, papers: Sequence[Paper], ours: Mapping[str, Run], limit_s: int, work: Path) -> dict[str, Any]:
    """The figures of one peer, and of ours on the papers that the peer brought to an end."""
    empty = work / "empty.tex"
    empty.write_text(EMPTY_PAPER)
    start_seconds = min(run_peer(peer, empty, limit_s).seconds for _ in range(2))
    chosen: list[Paper] = []
    runs: dict[str, Run] = {}
    tried = papers if peer.limit is None else by_ordinary_size(papers)[: TRIES_PER_PAPER * peer.limit]
    for number, paper in enumerate(tried, 1):
        if peer.limit is not None and sum(run.text is not None for run in runs.values()) == peer.limit:
            break
        chosen.append(paper)
        folder = work / f"{peer.name}-{number}"
        runs[paper.key] = run_peer(peer, write_folder(paper, folder), limit_s)
        shutil.rmtree(folder)
        print(f"\r{peer.name}: {number} of at most {len(tried)} papers", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    figures = {"version": peer.version, "start_seconds": round(start_seconds, 3)} | summary(chosen, runs, start_seconds)
    both = [paper for paper in chosen if runs[paper.key].text is not None and ours[paper.key].text is not None]
    if both:
        own = summary(both, ours)["mb_per_cpu_second"]
        theirs = summary(both, runs, start_seconds)["mb_per_cpu_second"]
        figures |= {"ours_on_the_same_mb_per_cpu_second": own, "ours_is_times_faster": round(own / theirs, 1) if theirs else None}
    return figures


def summary(papers: Sequence[Paper], runs: Mapping[str, Run], start_seconds: float = 0.0) -> dict[str, Any]:
    """Figures of one converter on `papers`: speed of those with a text, failures by reason and id, what is left in the texts."""
    ended = [paper for paper in papers if runs[paper.key].text is not None]
    num_bytes = sum(paper.num_bytes for paper in ended)
    seconds = sum(max(1e-6, runs[paper.key].seconds - start_seconds) for paper in ended)
    texts = [text for paper in ended if (text := runs[paper.key].text) is not None]
    return {
        "papers": len(papers),
        "failed": {paper.raw.arxiv_id: runs[paper.key].failure for paper in papers if runs[paper.key].text is None},
        "tex_bytes": num_bytes,
        "median_tex_bytes": round(float(np.median([paper.num_bytes for paper in ended]))) if ended else None,
        "cpu_seconds": round(seconds, 3),
        "cpu_seconds_of_failed": round(sum(runs[paper.key].seconds for paper in papers if runs[paper.key].text is None), 3),
        "mb_per_cpu_second": round(num_bytes / MEGABYTE / seconds, 4) if ended else None,
        "characters_out": sum(map(len, texts)),
        "control_words_per_kb": control_words_per_kb(texts),
    }


def fit(num_bytes: Sequence[int], seconds: Sequence[float]) -> dict[str, float]:
    """Cost against size: the straight line with its R², and the power of size that cost grows with (1 is linear)."""
    x, y = np.asarray(num_bytes, dtype=np.float64) / MEGABYTE, np.asarray(seconds, dtype=np.float64)
    slope, intercept = np.polyfit(x, y, 1)
    left = y - (slope * x + intercept)
    power, _ = np.polyfit(np.log(x), np.log(np.maximum(y, 1e-6)), 1)
    return {
        "papers": len(num_bytes),
        "seconds_per_mb": round(float(slope), 4),
        "seconds_per_paper": round(float(intercept), 4),
        "r_squared": round(1 - float((left**2).sum() / ((y - y.mean()) ** 2).sum()), 4),
        "power_of_size": round(float(power), 3),
    }


def cost_by_size(num_bytes: Sequence[int], seconds: Sequence[float]) -> list[dict[str, Any]]:
    """The same as a table, one row for each step of size that has papers."""
    rows = []
    for least, beyond in zip(SIZE_STEPS_KB, (*SIZE_STEPS_KB[1:], np.inf), strict=True):
        inside = [index for index, size in enumerate(num_bytes) if least <= size / 1000 < beyond]
        if inside:
            size, cost = sum(num_bytes[index] for index in inside), sum(seconds[index] for index in inside)
            rows.append(
                {
                    "from_kb": least,
                    "papers": len(inside),
                    "tex_bytes": size,
                    "cpu_seconds": round(cost, 3),
                    "mb_per_cpu_second": round(size / MEGABYTE / max(cost, 1e-6), 3),
                }
            )
    return rows


def profile(raws: Sequence[RawPaper], config: Config) -> list[dict[str, Any]]:
    """Where the time goes: functions by their share of it, the profiler's own cost in all of them."""
    profiler = cProfile.Profile()
    profiler.enable()
    for raw in raws:
        convert(raw, config)
    profiler.disable()
    rows = pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
    total = sum(row[2] for _, row in rows)
    names = {place: f"{Path(place[0]).name}:{place[2]}" if place[1] else place[2].strip("<>") for place, _ in rows}
    most = sorted(rows, key=lambda item: -item[1][2])[:NUM_PROFILED]
    return [{"function": names[place], "share": round(row[2] / total, 4), "calls": row[1]} for place, row in most]


def measure_ours(raws: Iterator[RawPaper], config: Config) -> tuple[dict[str, Any], dict[str, Run]]:
    """Ours on everything: figures, and the runs by key. Bytes are those of the files that the roots read, packages apart."""
    stages: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    sizes: list[int] = []
    costs: list[float] = []
    runs: dict[str, Run] = {}
    slowest = ("", 0.0)
    num_bytes = num_characters = 0
    total_seconds = 0.0
    for number, raw in enumerate(raws, 1):
        outcome, seconds = convert(raw, config)
        cost = sum(seconds.values())
        slowest = max(slowest, (raw.arxiv_id, cost), key=lambda pair: pair[1])
        if isinstance(outcome, Document):
            unread = sum(outcome.dropped_characters.get(kind, 0) for kind in ("package", "unused_file"))
            num_read = max(1, outcome.tex_bytes - unread)
            ends["document"] += 1
            stages.update(seconds)
            num_bytes, num_characters, total_seconds = num_bytes + num_read, num_characters + len(outcome.text), total_seconds + cost
            sizes.append(num_read)
            costs.append(cost)
            runs[_key(raw)] = Run(seconds=cost, text=outcome.text)
        else:
            ends[outcome.reason.value] += 1
            runs[_key(raw)] = Run(seconds=cost, text=None, failure=outcome.reason.value)
        print(f"\rours: {number} papers", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not total_seconds:
        raise InputError("no paper of the source has a text; give --source a folder of arXiv_src_*.tar with TeX in them")
    fitted = [pair for pair in zip(sizes, costs, strict=True) if pair[0] >= MIN_FIT_BYTES]
    figures = {
        "ends": dict(sorted(ends.items())),
        "tex_bytes_read": num_bytes,
        "characters_out": num_characters,
        "cpu_seconds": round(total_seconds, 3),
        "mb_per_cpu_second": round(num_bytes / MEGABYTE / total_seconds, 3),
        "share_of_stages": {stage: round(seconds / total_seconds, 4) for stage, seconds in stages.items()},
        "slowest": {"id": slowest[0], "cpu_seconds": round(slowest[1], 3)},
        "cost_by_size": cost_by_size(sizes, costs),
        "cost_against_size": fit(*zip(*fitted, strict=True)) if len({size for size, _ in fitted}) > 2 else None,
    }
    return figures, runs


def choose(raws: Iterator[RawPaper], limit: int) -> list[Paper]:
    """`limit` papers of one root and at least `MIN_FIT_BYTES`, by hash of the id: any size, class and year, the same in every run."""
    papers = {paper.key: paper for raw in raws if (paper := one_root_paper(raw)) is not None and paper.num_bytes >= MIN_FIT_BYTES}
    return sorted(papers.values(), key=lambda paper: unit_interval(paper.key, "extraction benchmark"))[:limit]


def by_ordinary_size(papers: Sequence[Paper]) -> list[Paper]:
    """The papers by how near their size is to the median, by ratio: the most ordinary first."""
    logarithms = np.log([paper.num_bytes for paper in papers])
    return [papers[index] for index in np.argsort(np.abs(logarithms - np.median(logarithms)), kind="stable").tolist()]


def main() -> int:
    """Measures and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_extract", description=__doc__ or "")
    parser.add_argument("--source", type=Path, required=True, metavar="DIR", help="folder of arXiv_src_*.tar")
    parser.add_argument("--limit", type=int, default=60, metavar="N", help="papers that the peers are given")
    parser.add_argument("--latexml-limit", type=int, default=10, metavar="N", help="papers of these that LaTeXML has to end, 0 for none")
    parser.add_argument("--peer-seconds", type=int, default=60, metavar="SECONDS", help="CPU seconds that a peer has for one paper")
    parser.add_argument("--latexml-seconds", type=int, default=300, metavar="SECONDS", help="CPU seconds that LaTeXML has for one")
    parser.add_argument("--name", default="extract", metavar="NAME", help="name of the results file")
    args = parser.parse_args()
    if min(args.limit, args.peer_seconds, args.latexml_seconds) < 1 or args.latexml_limit < 0:
        raise InputError("--limit, --peer-seconds and --latexml-seconds have to be at least 1, --latexml-limit 0 or more")
    config = Config()
    warm_up = EMPTY_PAPER.replace("A.", "This is a sentence in English. " * 20).encode()
    convert(RawPaper(arxiv_id="", tar="", member="", payload=warm_up, size=len(warm_up)), config)  # tables and the language model
    papers = choose(papers_of(args.source), args.limit)
    everything, runs = measure_ours(papers_of(args.source), config)
    found, left_out = peers(args.latexml_limit)
    limits = {peer.name: args.latexml_seconds if peer.name == "latexml" else args.peer_seconds for peer in found}
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            "goals": {"mb_per_cpu_second": 3.0, "times_pylatexenc": 10, "times_latexml": 400},
            "ours_on_everything": everything,
            "side_by_side": {
                "ours": summary(papers, runs),
                **{peer.name: measure_peer(peer, papers, runs, limits[peer.name], Path(folder)) for peer in found},
            },
            "left_out": left_out,
            "peer_limit_cpu_seconds": limits,
            "papers": [paper.raw.arxiv_id for paper in papers],
            "profile_of_ours": profile([paper.raw for paper in papers], config),
        }
    path = write_result(args.name, figures)
    print(json.dumps({name: value for name, value in figures.items() if name != "papers"}, indent=1))
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    run("bench_extract", main)
