"""A dump of any size in arXiv's layout, made of the sample papers, with copies and near copies at known rates.

    python -m benchmarks.synthetic_dump --out DIR --num-papers 200000

A paper is one of the samples with half of its words replaced by others of theirs, so that no two originals resemble each other; commands,
formulas and structure stay as they are. The samples are short; `--median-tex-bytes 55000` sets a sample's body again and again, each time
with other words, until a length drawn around that median is reached, so that papers are as long as arXiv's. At known rates a paper is an
exact copy of an earlier one under another id, or a near copy with so many edits that similarities from 0.4 to 1 occur, or one PDF. DIR/src
has tars and manifest, DIR/arxiv-metadata-oai-snapshot.json the metadata, DIR/truth.jsonl what each paper is made of. Written as it comes:
memory does not depend on the number of papers. The same
arguments give the same bytes wherever zlib is the same.
"""

import gzip
import hashlib
import json
import math
import random
import re
import tarfile
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from preprocess.config import Config
from preprocess.pipeline import process_paper
from preprocess.records import Document, RawPaper
from samples.archives import TarEntry, tar_bytes
from samples.build import MANIFEST_NAME, SNAPSHOT_NAME, load_papers, pack, read_files
from shards.cli import Parser, run
from shards.commit import temporary_path
from shards.errors import InputError

TRUTH = "truth.jsonl"
EXACT_SHARE, NEAR_SHARE, PDF_SHARE = 0.02, 0.06, 0.02
REPLACED_SHARE = 0.5  # of the words of an original
MAX_EDITED_SHARE = 0.06  # of the words of a near copy: at 5 words a shingle similarities from about 0.5 on
LENGTH_SPREAD = 0.8  # standard deviation of the logarithm of a lengthened paper's length: two thirds lie within a factor of 2.2
NUM_REMEMBERED = 400  # earlier papers that a copy may be of
FIRST_MONTH = (2015, 1)  # ids of five digits
PAPERS_A_MONTH = 20_000  # as arXiv has
CATEGORIES = ("math.AG", "math.PR", "cs.LG", "cs.IT math.IT", "hep-th", "quant-ph", "stat.ML", "gr-qc", "math-ph math.MP", "hep-ph")
LICENSES = ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "http://creativecommons.org/licenses/by/4.0/", None)
_BODY = re.compile(r"\\begin\s*\{document\}")
_WORD = re.compile(r"(?<![\\A-Za-z{@$_^-])[a-z]{4,}(?![A-Za-z}=@$_^-])")
_BODY_END = re.compile(r"\\begin\s*\{thebibliography\}|\\bibliography\b|\\printbibliography|\\appendix|\\end\s*\{document\}")
_HEAD = re.compile(r"\\maketitle\b|\\(?:begin|end)\s*\{(?:abstract|frontmatter|titlepage)\}")
_PDF = b"%PDF-1.5\nmade, without text\n%%EOF\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One made paper: its files, `pdf` instead of them where it has none; what it is made of."""

    arxiv_id: str
    files: Mapping[str, bytes]
    kind: str  # original, exact, near, pdf
    origin: str  # id of the paper that a copy is of, name of the sample that an original is of


def sample_papers() -> dict[str, dict[str, bytes]]:
    """The files of the samples that become documents in English, of at least 1,500 characters."""
    found: dict[str, dict[str, bytes]] = {}
    for paper in load_papers():
        for source in paper.sources:
            if source.packing not in ("tar", "single") or source.folder is None or source.encoding != "utf-8":
                continue
            files = read_files(source)
            raw = RawPaper(arxiv_id=paper.id, tar="", member=paper.id, payload=pack(files, source.packing), size=0)
            outcome = process_paper(raw, Config())
            if isinstance(outcome, Document) and outcome.language == "en" and len(outcome.text) >= 1_500:
                found[source.folder] = files
    return dict(sorted(found.items()))


def vocabulary_of(samples: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """The words that samples are rewritten with: those of their own prose."""
    return sorted({word for files in samples.values() for name in files for word in _words_of(files[name], name)})


def _words_of(content: bytes, name: str) -> list[str]:
    if not name.endswith(".tex"):
        return []
    text = content.decode("utf-8")
    found = _BODY.search(text)
    return _WORD.findall(text, found.end() if found else 0)


def rewritten(files: Mapping[str, bytes], draw: random.Random, vocabulary: Sequence[str], share: float) -> dict[str, bytes]:
    """The files with that share of the words of the bodies replaced."""
    made: dict[str, bytes] = {}
    for name, content in files.items():
        if not name.endswith(".tex"):
            made[name] = content
            continue
        text = content.decode("utf-8")
        found = _BODY.search(text)
        start = found.end() if found else 0
        body = _WORD.sub(lambda word: draw.choice(vocabulary) if draw.random() < share else word[0], text[start:])
        made[name] = (text[:start] + body).encode()
    return made


def lengthened(files: Mapping[str, bytes], draw: random.Random, vocabulary: Sequence[str], median_tex_bytes: int) -> dict[str, bytes]:
    """The files with the body of the root set as often as reaches a length drawn around the median, half of the words replaced."""
    num_bytes = draw.lognormvariate(math.log(median_tex_bytes), LENGTH_SPREAD)
    made = dict(files)
    for name, content in files.items():
        text = content.decode("utf-8") if name.endswith(".tex") else ""
        start = _BODY.search(text)
        end = _BODY_END.search(text, start.end()) if start else None
        if start and end:
            body = text[start.end() : end.start()]
            again = _HEAD.sub("", body)
            num_more = max(0, round((num_bytes - len(content)) / max(1, len(again))))
            made[name] = "\n\n".join([text[: end.start()], *[again] * num_more, text[end.start() :]]).encode()
            break
    return rewritten(made, draw, vocabulary, REPLACED_SHARE)


def make_papers(num_papers: int, seed: int, median_tex_bytes: int | None = None) -> Iterator[Made]:
    """So many papers, one after the other; an id counts within its month, as arXiv's does.

    `median_tex_bytes`: of the root file of originals; None leaves each paper as long as its sample.
    """
    draw = random.Random(f"synthetic dump {seed}")
    samples = sample_papers()
    vocabulary = vocabulary_of(samples)
    names = list(samples)
    recent: deque[Made] = deque(maxlen=NUM_REMEMBERED)
    for number in range(num_papers):
        month, place = divmod(number, PAPERS_A_MONTH)
        year, month = FIRST_MONTH[0] + month // 12, FIRST_MONTH[1] + month % 12
        arxiv_id = f"{year % 100:02}{month:02}.{place + 1:05}"
        kind = draw.random()
        if kind < PDF_SHARE:
            yield Made(arxiv_id=arxiv_id, files={}, kind="pdf", origin="")
            continue
        if recent and kind < PDF_SHARE + EXACT_SHARE + NEAR_SHARE:
            of = draw.choice(recent)
            is_exact = kind < PDF_SHARE + EXACT_SHARE
            files = of.files if is_exact else rewritten(of.files, draw, vocabulary, draw.uniform(0, MAX_EDITED_SHARE))
            made = Made(arxiv_id=arxiv_id, files=files, kind="exact" if is_exact else "near", origin=of.arxiv_id)
        else:
            sample = draw.choice(names)
            if median_tex_bytes is None:
                files = rewritten(samples[sample], draw, vocabulary, REPLACED_SHARE)
            else:
                files = lengthened(samples[sample], draw, vocabulary, median_tex_bytes)
            made = Made(arxiv_id=arxiv_id, files=files, kind="original", origin=sample)
        recent.append(made)
        yield made


def packed(made: Made) -> tuple[str, bytes]:
    """The name and the bytes of a paper's member."""
    stem = f"{made.arxiv_id[:4]}/{made.arxiv_id}"
    if made.kind == "pdf":
        return f"{stem}.pdf", _PDF
    if len(made.files) == 1:
        return f"{stem}.gz", gzip.compress(next(iter(made.files.values())), 6, mtime=0)
    inner = tar_bytes([TarEntry(name=name, content=content) for name, content in made.files.items()])
    return f"{stem}.gz", gzip.compress(inner, 6, mtime=0)


class _TarWriter:
    """One tar of the dump, written as its members come, committed by its last rename."""

    def __init__(self, folder: Path, month: str, number: int) -> None:
        self.path = folder / f"arXiv_src_{month}_{number:03}.tar"
        self.month, self.number = month, number
        self.temporary = temporary_path(self.path)
        self.handle: BinaryIO = self.temporary.open("wb")
        self.md5, self.content_md5 = (hashlib.md5(usedforsecurity=False) for _ in range(2))
        self.num_bytes = self.num_items = 0
        self.first = self.last = ""

    def add(self, arxiv_id: str, name: str, payload: bytes) -> None:
        header = tarfile.TarInfo(name)
        header.size = len(payload)
        self._write(header.tobuf(tarfile.USTAR_FORMAT, "utf-8"))
        self._write(payload + bytes(-len(payload) % tarfile.BLOCKSIZE))
        self.content_md5.update(payload)
        self.num_items += 1
        self.first, self.last = self.first or arxiv_id, arxiv_id

    def _write(self, content: bytes) -> None:
        self.handle.write(content)
        self.md5.update(content)
        self.num_bytes += len(content)

    def close(self) -> dict[str, str]:
        """Commits the tar; gives its entry in the manifest."""
        end = 2 * tarfile.BLOCKSIZE
        self._write(bytes(end + -(self.num_bytes + end) % tarfile.RECORDSIZE))
        self.handle.close()
        self.temporary.replace(self.path)
        return {
            "content_md5sum": self.content_md5.hexdigest(),
            "filename": f"src/{self.path.name}",
            "first_item": self.first,
            "last_item": self.last,
            "md5sum": self.md5.hexdigest(),
            "num_items": str(self.num_items),
            "seq_num": str(self.number),
            "size": str(self.num_bytes),
            "timestamp": "2026-01-01 00:00:00",
            "yymm": self.month,
        }


def write_synthetic_dump(
    out: Path, num_papers: int, *, seed: int = 0, max_tar_bytes: int, papers_a_tar: int, median_tex_bytes: int | None = None
) -> dict[str, Any]:
    """Writes the dump, its manifest last; gives how many papers of each kind, tars and bytes it has."""
    source = out / "src"
    source.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, int] = {}
    tex_bytes = 0
    entries: list[dict[str, str]] = []
    draw = random.Random(f"metadata {seed}")
    papers = make_papers(num_papers, seed, median_tex_bytes)
    snapshot, truth = temporary_path(out / SNAPSHOT_NAME), temporary_path(out / TRUTH)
    with snapshot.open("w") as lines, truth.open("w") as origins:
        for month, of_month in groupby(papers, key=lambda made: made.arxiv_id[:4]):
            tar: _TarWriter | None = None
            number = 0
            for made in of_month:
                if tar is not None and (tar.num_bytes >= max_tar_bytes or tar.num_items >= papers_a_tar):
                    entries.append(tar.close())
                    tar = None
                if tar is None:
                    number += 1
                    tar = _TarWriter(source, month, number)
                tar.add(made.arxiv_id, *packed(made))
                lines.write(json.dumps(_metadata(made, draw)) + "\n")
                origins.write(json.dumps({"id": made.arxiv_id, "kind": made.kind, "origin": made.origin}) + "\n")
                kinds[made.kind] = kinds.get(made.kind, 0) + 1
                tex_bytes += sum(len(content) for name, content in made.files.items() if name.endswith(".tex"))
            if tar is not None:
                entries.append(tar.close())
    snapshot.replace(out / SNAPSHOT_NAME)
    truth.replace(out / TRUTH)
    parts = ["<?xml version='1.0' standalone='yes'?>", "<arXivSRC>"]
    for entry in entries:
        parts += ["  <file>", *(f"    <{tag}>{escape(value)}</{tag}>" for tag, value in entry.items()), "  </file>"]
    (source / MANIFEST_NAME).write_text("\n".join([*parts, "</arXivSRC>", ""]))
    return {
        "papers": num_papers,
        "kinds": dict(sorted(kinds.items())),
        "tars": len(entries),
        "tex_bytes": tex_bytes,
        "median_tex_bytes_asked_for": median_tex_bytes,
        "tar_bytes": sum(int(entry["size"]) for entry in entries),
        "seed": seed,
    }


def _metadata(made: Made, draw: random.Random) -> dict[str, Any]:
    year, month = 2000 + int(made.arxiv_id[:2]), int(made.arxiv_id[2:4])
    name = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[month - 1]
    return {
        "id": made.arxiv_id,
        "submitter": "A. Made",
        "authors": "A. Made",
        "title": f"A paper made of {made.origin or 'nothing'}",
        "comments": None,
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": draw.choice(CATEGORIES),
        "license": draw.choice(LICENSES),
        "abstract": "  Made.\n",
        "versions": [{"version": "v1", "created": f"Thu, {1 + int(made.arxiv_id[5:]) % 28} {name} {year} 10:00:00 GMT"}],
        "update_date": f"{year}-{month:02}-28",
        "authors_parsed": [["Made", "A.", ""]],
    }


def add_arguments(parser: Parser) -> None:
    """The dump's own flags, for every benchmark that makes one."""
    parser.add_argument("--num-papers", type=int, default=200_000, metavar="N", help="papers of the dump")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed is another dump")
    parser.add_argument("--tar-bytes", type=int, default=500_000_000, metavar="N", help="bytes after which a tar ends, as arXiv's do")
    parser.add_argument("--papers-a-tar", type=int, default=10_000, metavar="N", help="papers after which a tar ends")
    parser.add_argument(
        "--median-tex-bytes",
        type=int,
        metavar="N",
        help="lengthen papers to that median (default: as samples are)",
    )


def dump_of(args: Namespace, out: Path) -> dict[str, Any]:
    """Writes the dump that the flags ask for into a new folder."""
    for name in ("num_papers", "tar_bytes", "papers_a_tar", "median_tex_bytes"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} is {getattr(args, name)}; at least 1 is needed")
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; give a new folder")
    return write_synthetic_dump(
        out,
        args.num_papers,
        seed=args.seed,
        max_tar_bytes=args.tar_bytes,
        papers_a_tar=args.papers_a_tar,
        median_tex_bytes=args.median_tex_bytes,
    )


def main() -> int:
    """Writes a dump and says what is in it."""
    parser = Parser(prog="python -m benchmarks.synthetic_dump", description=__doc__ or "")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the dump")
    add_arguments(parser)
    args = parser.parse_args()
    print(json.dumps(dump_of(args, args.out), indent=1))
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.synthetic_dump", main)
