"""Dumps for tests of whole runs: a handful of papers made here, and how two runs' outputs are compared."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.outputs import law_bound as law_bound
from samples.archives import TarEntry, tar_bytes
from tests.preprocess.run_folder import metadata_line, words
from tests.preprocess.tiny import packed

TAR = "arXiv_src_2402_001.tar"
SNAPSHOT = "snapshot.json"


def paper_text(arxiv_id: str) -> bytes:
    """A paper of a few hundred words of its own."""
    return f"\\documentclass{{article}}\n\\begin{{document}}\n{words(arxiv_id)}\n\\end{{document}}\n".encode()


def write_source(folder: Path, payloads: Mapping[str, bytes], tar: str = TAR) -> Path:
    """Writes `folder`/src with one tar, and metadata for each of its papers; gives the source folder."""
    source = folder / "src"
    source.mkdir(parents=True, exist_ok=True)
    entries = [TarEntry(name=f"2402/{arxiv_id}.gz", content=payload) for arxiv_id, payload in payloads.items()]
    (source / tar).write_bytes(tar_bytes(entries))
    (folder / SNAPSHOT).write_text("".join(json.dumps(metadata_line(arxiv_id)) + "\n" for arxiv_id in payloads))
    return source


def few_papers(num_papers: int = 4) -> dict[str, bytes]:
    """Ids to members."""
    ids = [f"2402.{number:05d}" for number in range(1, num_papers + 1)]
    return {arxiv_id: packed(paper_text(arxiv_id)) for arxiv_id in ids}


def times(out: Path, folder: str) -> dict[str, int]:
    """When each file of a folder was written, in nanoseconds; those that a killed writer left half-written are none."""
    return {path.name: path.stat().st_mtime_ns for path in (out / folder).iterdir() if not path.name.startswith(".tmp-")}
