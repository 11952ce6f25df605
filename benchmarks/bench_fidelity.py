"""How near is the extracted text to independent ones, and how much of what is missing are the references' own faults?

    python -m benchmarks.bench_fidelity --documents OUT --references DIR --scorer score_extraction.py

OUT is a folder that `preprocess run` has written; DIR has `<id>.latexml.txt`, `<id>.math.json` and `<id>.pdf.txt`; the scorer is run as it
comes, twice: on the references as they are, and on copies of them without three faults of LaTeXML's text that no reader of the paper sees:

- a line of more than 60 characters that stood before (captions of figures and tables come twice);
- a line of `[prefix-]file` pairs (the arguments of `\\externaldocument` of the package xr, printed);
- formulas of algorithms and of other places where conversion failed, printed one character a line: runs of four lines or more of at most
  three characters each, at most half of them with a digit (a table's cells stand on lines of their own too).

Precision is given a third time, over the papers of one root: of a submission with several the references hold one. Figures, ids of the
papers under a goal and what was taken out of the references go to benchmarks/results/fidelity.json; no text.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.errors import InputError
from shards.text_shard import read_text_shard

GOALS = {
    "yield": 1.0,
    "recall_latexml": 0.95,
    "precision_latexml": 0.94,
    "order": 0.98,
    "numbers": 0.93,
    "formulas": 0.85,
}
MIN_REPEATED_CHARACTERS = 60
MAX_EXPLODED_CHARACTERS = 3
MIN_EXPLODED_LINES = 4
MIN_EXTERNAL_DOCUMENTS = 5
_LINE = re.compile(r"\\\[.*?(?<!\\)\\\][^\n]*\n?|[^\n]*\n|[^\n]+\Z", re.S)  # a display with its lines is one
_EXTERNAL_DOCUMENT = re.compile(r"\[([\w-]+?)-\]\1\b")


def without_faults(reference: str) -> tuple[str, Counter[str]]:
    """A reference without LaTeXML's own faults, and how many characters each kind of them had."""
    removed: Counter[str] = Counter()
    kept: list[str] = []
    seen: set[str] = set()
    exploded: list[str] = []

    def settle() -> None:
        signs = [line for line in exploded if line.strip()]
        if len(signs) >= MIN_EXPLODED_LINES and sum(not any(map(str.isdigit, line)) for line in signs) * 2 >= len(signs):
            removed["exploded_formula"] += sum(map(len, exploded))
        else:
            kept.extend(exploded)
        exploded.clear()

    for line in _LINE.findall(reference):
        squeezed = " ".join(line.split())
        if len(squeezed) <= MAX_EXPLODED_CHARACTERS:
            exploded.append(line)
            continue
        settle()
        if len(_EXTERNAL_DOCUMENT.findall(squeezed)) >= MIN_EXTERNAL_DOCUMENTS:
            removed["external_documents"] += len(line)
        elif len(squeezed) > MIN_REPEATED_CHARACTERS and squeezed in seen:
            removed["repeated_line"] += len(line)
        else:
            seen.add(squeezed)
            kept.append(line)
    settle()
    return "".join(kept), removed


def scored(scorer: Path, documents: Path, references: Path, scratch: Path) -> dict[str, Any]:
    """The scorer's own JSON: `figures`, and a row for each of `papers`."""
    target = scratch / "scores.json"
    done = subprocess.run(
        [sys.executable, str(scorer), str(documents), str(references), "--json", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(f"{scorer}: exit {done.returncode}: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    scores: dict[str, Any] = json.loads(target.read_text())
    target.unlink()
    return scores


def several_roots(documents: Path) -> set[str]:
    """Ids, as the references are named, of documents that were made of more than one root."""
    return {
        str(row["id"]).replace("/", "")
        for path in sorted((documents / "documents").rglob("*.jsonl.zst"))
        for row in read_text_shard(path)
        if len(row["source"]["root_files"]) > 1
    }


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures to four places."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}


def measure(documents: Path, references: Path, scorer: Path) -> dict[str, Any]:
    """Both scores, and the papers that are under a goal in them."""
    names = sorted({path.name.rsplit(".", 2)[0] for path in references.glob("*.*.*")})
    if not names:
        raise InputError(f"{references}: holds no <id>.latexml.txt, <id>.math.json or <id>.pdf.txt")
    removed: dict[str, Counter[str]] = {}
    num_characters = 0
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        as_they_are = scored(scorer, documents, references, scratch)
        mended = scratch / "references"
        mended.mkdir()
        for path in sorted(references.glob("*.*.*")):
            if path.name.endswith(".latexml.txt"):
                text = path.read_text(encoding="utf-8", errors="replace")
                num_characters += len(text)
                rest, removed[path.name.removesuffix(".latexml.txt")] = without_faults(text)
                (mended / path.name).write_text(rest, encoding="utf-8")
            else:
                shutil.copy(path, mended)
        without = scored(scorer, documents, mended, scratch)
    roots = several_roots(documents)
    precisions = [
        row["precision_latexml"]
        for name, row in without["papers"].items()
        if "precision_latexml" in row and row["out"] and name not in roots
    ]
    under = {
        name: {
            goal: round(row[goal], 4)
            for goal in ("recall_latexml", "precision_latexml", "numbers", "formulas")
            if goal in row and row[goal] < GOALS[goal]
        }
        for name, row in without["papers"].items()
    }
    total = sum(removed.values(), Counter())
    return {
        "goals": GOALS,
        "as_they_are": rounded(as_they_are["figures"]),
        "without_faults": rounded(without["figures"]),
        "precision_latexml_of_one_root": round(sum(precisions) / len(precisions), 4) if precisions else None,
        "papers_of_several_roots": sorted(roots & set(names)),
        "share_of_reference_characters_taken_out": {kind: round(count / num_characters, 4) for kind, count in sorted(total.items())},
        "papers_with_faults": {kind: sum(1 for counts in removed.values() if counts[kind]) for kind in sorted(total)},
        "papers_under_a_goal": {name: row for name, row in sorted(under.items()) if row},
    }


def main() -> int:
    """Scores, prints and records."""
    parser = Parser(prog="python -m benchmarks.bench_fidelity", description=__doc__ or "")
    parser.add_argument("--documents", type=Path, required=True, metavar="OUT", help="folder that `preprocess run` has written")
    parser.add_argument("--references", type=Path, required=True, metavar="DIR", help="independent texts of some of its papers")
    parser.add_argument("--scorer", type=Path, required=True, metavar="FILE", help="script that scores documents against the references")
    arguments = parser.parse_args()
    figures = measure(arguments.documents, arguments.references, arguments.scorer)
    path = write_result("fidelity", figures)
    for name in ("as_they_are", "without_faults"):
        print(name, json.dumps(figures[name]))
    print(f"precision over papers of one root: {figures['precision_latexml_of_one_root']}\nwritten: {path}")
    return 0


if __name__ == "__main__":
    run("bench_fidelity", main)
