"""Builds the sample dump: DIR/src with arXiv's tars and manifest, and DIR/arxiv-metadata-oai-snapshot.json.

The papers lie as plain files in samples/papers, what arXiv says of them and how each is packed in samples/papers.toml. Odd encodings and
line ends are made here, so that the files in the repository are UTF-8 with plain line ends, whatever git does with them. The same bytes
come out on every machine.
"""

import codecs
import hashlib
import json
import re
import tarfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from samples.archives import TarEntry, gzip_bomb, gzip_bytes, tar_bytes, zip_bytes
from shards.cli import Parser, run
from shards.commit import local_folder, write_bytes
from shards.errors import InputError

SAMPLES = Path(__file__).resolve().parent
MANIFEST_NAME = "arXiv_src_manifest.xml"
SNAPSHOT_NAME = "arxiv-metadata-oai-snapshot.json"
PACKINGS = (
    "tar",  # gzipped tar of the folder
    "single",  # its one file, gzipped
    "plain",  # its one file as it is, under a .gz name
    "pdf",  # its one file as it is, under a .pdf name
    "gzip-in-gzip",
    "nested-gzip",  # five gzips around one file
    "truncated-gzip",
    "corrupt-gzip",
    "corrupt-tar",
    "trailing-garbage",
    "unsafe-names",
    "no-members",
    "empty",
    "bomb",
    "zip",
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
TEXT_SUFFIXES = frozenset({".tex", ".sty", ".cls", ".bbl", ".txt", ".html", ""})
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BOMB_MATCHES = 190_000  # 49 MB of zeros in 47 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One member of a tar: in which tar, how packed, from which folder of samples/papers (none for what has no files).

    `encoding` (Python's name; `utf-16` with a byte order mark) and `line_ends` are those of the packed text files.
    """

    tar: str
    packing: str
    folder: str | None = None
    encoding: str = "utf-8"
    line_ends: str = "lf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What arXiv knows of one paper. `has_metadata` is False for a paper that the snapshot leaves out; `sources` may be empty."""

    id: str
    sources: tuple[Source, ...]
    has_metadata: bool = True
    title: str = ""
    authors: tuple[str, ...] = ()
    abstract: str = ""
    categories: str = ""
    license: str | None = None
    comments: str | None = None
    journal_ref: str | None = None
    report_no: str | None = None
    versions: tuple[datetime, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """The whole dump in memory: tar names to bytes, the manifest, the metadata snapshot."""

    tars: Mapping[str, bytes]
    manifest: bytes
    snapshot: bytes


def load_papers(samples: Path = SAMPLES) -> list[Paper]:
    """The papers of samples/papers.toml, by id. Raises `InputError` where an entry is not in order."""
    path = samples / "papers.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["papers"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise InputError(f"{path}: not the list of sample papers ({error}); take it from the repository again") from None
    papers = [_paper(path, entry) for entry in entries]
    ids = [paper.id for paper in papers]
    twice = sorted({arxiv_id for arxiv_id in ids if ids.count(arxiv_id) > 1})
    if twice:
        raise InputError(f"{path}: {', '.join(twice)} stands there twice; an id has one entry")
    return sorted(papers, key=lambda paper: paper.id)


def _paper(path: Path, entry: dict[str, Any]) -> Paper:
    try:
        sources = tuple(Source(**source) for source in entry.pop("sources", []))
        values = entry | {name: tuple(entry[name]) for name in ("authors", "versions") if name in entry}
        paper = Paper(sources=sources, **values)
    except TypeError as error:
        raise InputError(f"{path}: {entry.get('id', 'an entry without id')}: {error}") from None
    for source in sources:
        if source.packing not in PACKINGS:
            raise InputError(f"{path}: {paper.id}: packing {source.packing!r} is none of {', '.join(PACKINGS)}")
        if source.line_ends not in LINE_ENDS:
            raise InputError(f"{path}: {paper.id}: line_ends {source.line_ends!r} is none of {', '.join(LINE_ENDS)}")
    if paper.has_metadata and not (paper.title and paper.authors and paper.abstract and paper.categories and paper.versions):
        raise InputError(f"{path}: {paper.id}: title, authors, abstract, categories and versions are needed, or has_metadata = false")
    return paper


def member_name(arxiv_id: str, packing: str) -> str:
    """`hep-th/9412901` → `9412/hep-th9412901.gz`, `0811.8106` → `0811/0811.8106.pdf`."""
    stem = arxiv_id.replace("/", "")
    month = arxiv_id.split("/")[-1][:4]
    return f"{month}/{stem}.{'pdf' if packing == 'pdf' else 'gz'}"


def read_files(source: Source, samples: Path = SAMPLES) -> dict[str, bytes]:
    """The files of a source's folder by relative name, sorted, its text files in the source's encoding and with its line ends."""
    if source.folder is None:
        return {}
    folder = samples / "papers" / source.folder
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder, though samples/papers.toml packs it")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: _encoded(folder / name, source) for name in names}


def _encoded(path: Path, source: Source) -> bytes:
    content = path.read_bytes()
    if path.suffix not in TEXT_SUFFIXES:
        return content
    text = content.decode("utf-8").replace("\n", LINE_ENDS[source.line_ends])
    if source.encoding == "utf-16":  # Python's own has the byte order of the machine
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    return text.encode(source.encoding)


def pack(files: Mapping[str, bytes], packing: str) -> bytes:
    """The bytes of a dump's member from a submission's files."""
    if packing == "empty":
        return b""
    if packing == "bomb":
        return gzip_bomb(BOMB_MATCHES)
    if packing == "zip":
        return zip_bytes(files)
    if packing in ("single", "plain", "pdf", "nested-gzip"):
        [(name, content)] = files.items()
        if packing == "single":
            return gzip_bytes(content, name)
        if packing == "nested-gzip":
            for _ in range(5):
                content = gzip_bytes(content)
        return content
    if packing == "unsafe-names":
        entries = _unsafe(files)
    elif packing == "no-members":
        entries = []
    else:
        entries = [TarEntry(name=name, content=content) for name, content in files.items()]
    inner = tar_bytes(entries)
    if packing == "corrupt-tar":
        inner = _with_bad_header(files, inner)
    packed = gzip_bytes(inner)
    if packing == "gzip-in-gzip":
        return gzip_bytes(packed)
    if packing == "truncated-gzip":
        return packed[: len(packed) * 6 // 10]
    if packing == "corrupt-gzip":
        middle = len(packed) // 2
        return packed[:middle] + b"\xff" * 64 + packed[middle + 64 :]
    if packing == "trailing-garbage":
        return packed + b"-- end of transmission --\r\n" * 3
    return packed


def _unsafe(files: Mapping[str, bytes]) -> list[TarEntry]:
    """The first file under an absolute name, the second one climbing out of the folder, and links beside them that lead elsewhere."""
    names = list(files)
    renamed = {names[0]: f"/home/author/{names[0]}", names[1]: f"../../{names[1]}"}
    entries = [TarEntry(name=renamed.get(name, name), content=files[name]) for name in names]
    entries.append(TarEntry(name="passwd.tex", kind=tarfile.SYMTYPE, link_target="/etc/passwd"))
    entries.append(TarEntry(name="pipe", kind=tarfile.FIFOTYPE))
    return entries


def _with_bad_header(files: Mapping[str, bytes], inner: bytes) -> bytes:
    """The tar with its second header overwritten: what stands before it can be read, nothing after it can be found."""
    first = len(next(iter(files.values())))
    start = tarfile.BLOCKSIZE + -(-first // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    noise = hashlib.shake_128(b"corrupt-tar").digest(tarfile.BLOCKSIZE)
    return inner[:start] + noise + inner[start + tarfile.BLOCKSIZE :]


def build_dump(samples: Path = SAMPLES) -> Dump:
    """Everything that the dump holds, from the files under `samples`."""
    papers = load_papers(samples)
    by_tar: dict[str, list[tuple[str, str, bytes]]] = {}
    for paper in papers:
        for source in paper.sources:
            payload = pack(read_files(source, samples), source.packing)
            by_tar.setdefault(source.tar, []).append((member_name(paper.id, source.packing), paper.id, payload))
    tars: dict[str, bytes] = {}
    entries: list[dict[str, str]] = []
    for tar in sorted(by_tar, key=_tar_order):
        name = f"arXiv_src_{tar}.tar"
        members = sorted(by_tar[tar])
        tars[name] = _outer_tar(tar, members)
        entries.append(_manifest_entry(tar, name, members, tars[name]))
    return Dump(tars=tars, manifest=_manifest(entries), snapshot=_snapshot(papers))


def _tar_order(tar: str) -> str:
    return ("19" if tar >= "91" else "20") + tar  # arXiv began in 1991


def _month_start(tar: str) -> datetime:
    year, month = int(_tar_order(tar)[:4]), int(tar[2:4])
    return datetime(year, month, 1, tzinfo=UTC)


def _outer_tar(tar: str, members: list[tuple[str, str, bytes]]) -> bytes:
    start = _month_start(tar)
    month = members[0][0].partition("/")[0]
    entries = [TarEntry(name=month, kind=tarfile.DIRTYPE, modified=int(start.timestamp()))] if tar.endswith("_001") else []
    for number, (name, _, payload) in enumerate(members):
        modified = start + timedelta(days=1 + number % 27, hours=number % 24, minutes=7 * number % 60)
        entries.append(TarEntry(name=name, content=payload, modified=int(modified.timestamp())))
    return tar_bytes(entries)


def _manifest_entry(tar: str, name: str, members: list[tuple[str, str, bytes]], content: bytes) -> dict[str, str]:
    month, _, number = tar.partition("_")
    stamp = _month_start(tar) + timedelta(days=66, hours=3 + int(number))
    return {
        "content_md5sum": _md5(b"".join(payload for _, _, payload in members)),
        "filename": f"src/{name}",
        "first_item": members[0][1].replace("/", ""),
        "last_item": members[-1][1].replace("/", ""),
        "md5sum": _md5(content),
        "num_items": f"{len(members)}",
        "seq_num": f"{int(number)}",
        "size": f"{len(content)}",
        "timestamp": f"{stamp:%Y-%m-%d %H:%M:%S}",
        "yymm": month,
    }


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _manifest(entries: Iterable[Mapping[str, str]]) -> bytes:
    lines = ["<?xml version='1.0' standalone='yes'?>", "<arXivSRC>"]
    for entry in entries:
        lines += ["  <file>", *(f"    <{tag}>{escape(value)}</{tag}>" for tag, value in entry.items()), "  </file>"]
    lines += ["  <timestamp>Sun Jul 16 03:02:11 2023</timestamp>", "</arXivSRC>", ""]
    return "\n".join(lines).encode()


def _snapshot(papers: Iterable[Paper]) -> bytes:
    """JSON lines in the OAI/Kaggle schema: ids of the new style first, as there."""
    known = sorted((paper for paper in papers if paper.has_metadata), key=lambda paper: ("/" in paper.id, paper.id))
    return b"".join(json.dumps(_metadata(paper), ensure_ascii=False).encode() + b"\n" for paper in known)


def _metadata(paper: Paper) -> dict[str, Any]:
    versions = [{"version": f"v{number}", "created": _stamp(created)} for number, created in enumerate(paper.versions, 1)]
    return {
        "id": paper.id,
        "submitter": paper.authors[0],
        "authors": " and ".join([", ".join(paper.authors[:-1]), paper.authors[-1]] if len(paper.authors) > 1 else paper.authors),
        "title": paper.title,
        "comments": paper.comments,
        "journal-ref": paper.journal_ref,
        "doi": None,
        "report-no": paper.report_no,
        "categories": paper.categories,
        "license": paper.license,
        "abstract": f"  {' '.join(paper.abstract.split())}\n",
        "versions": versions,
        "update_date": f"{paper.versions[-1] + timedelta(days=1):%Y-%m-%d}",
        "authors_parsed": [_parsed(name) for name in paper.authors],
    }


def _stamp(created: datetime) -> str:
    return f"{DAYS[created.weekday()]}, {created.day} {MONTHS[created.month - 1]} {created:%Y %H:%M:%S} GMT"


def _parsed(name: str) -> list[str]:
    first, _, last = name.rpartition(" ")
    particle = re.search(r"\s((?:von|van|de|da|der|den|di|du)(?:\s(?:der|den|la))?)$", f" {first}")
    if particle:
        return [f"{particle[1]} {last}", f" {first}"[: particle.start()].strip(), ""]
    return [last, first, ""]


def write_dump(dump: Dump, out: Path) -> None:
    """Commits the dump under `out`, its manifest last. Refuses a folder that holds tars of another dump."""
    source = out / "src"
    others = sorted(path.name for path in source.glob("*.tar") if path.name not in dump.tars) if source.is_dir() else []
    if others:
        raise InputError(f"{source}: holds {others[0]}, which is no tar of the sample dump; give another --out")
    try:
        (source / MANIFEST_NAME).unlink(missing_ok=True)
        for name, content in dump.tars.items():
            write_bytes(source / name, content)
        write_bytes(out / SNAPSHOT_NAME, dump.snapshot)
        write_bytes(source / MANIFEST_NAME, dump.manifest)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); give another --out") from None


def main() -> int:
    """Builds the dump and says what is in it."""
    parser = Parser(prog="python -m samples.build", description=__doc__ or "")
    parser.add_argument("--out", type=local_folder, required=True, metavar="DIR", help="folder for the dump; made where it is missing")
    args = parser.parse_args()
    dump = build_dump()
    write_dump(dump, args.out)
    num_members = sum(len(paper.sources) for paper in load_papers())
    num_bytes = sum(map(len, dump.tars.values()))
    num_known = dump.snapshot.count(b"\n")
    print(f"{args.out}: {len(dump.tars)} tars, {num_members} members, {num_bytes:,} bytes; metadata of {num_known} papers")
    return 0


if __name__ == "__main__":
    run("samples.build", main)
