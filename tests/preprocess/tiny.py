"""Tiny submissions, written for these tests: what a member of a dump can be, in as few bytes as it takes."""

import gzip
from collections.abc import Mapping

from preprocess.config import Config
from preprocess.pipeline import process_paper
from preprocess.records import Outcome, RawPaper
from samples.archives import TarEntry, tar_bytes

TEX = b"\\documentclass{article}\\title{On a tiny thing}\\begin{document}\\maketitle Let $x$ be small. Then all is well.\\end{document}\n"


def raw_paper(payload: bytes, *, size: int | None = None, arxiv_id: str = "2402.00001") -> RawPaper:
    """A dump's member that holds `payload`; `size` is what its header states, the payload's length if not given."""
    member = f"2402/{arxiv_id}.gz"
    return RawPaper(
        arxiv_id=arxiv_id, tar="arXiv_src_2402_001.tar", member=member, payload=payload, size=len(payload) if size is None else size
    )


def packed(content: bytes) -> bytes:
    """One file, gzipped."""
    return gzip.compress(content, mtime=0)


def packed_tar(files: Mapping[str, bytes], *others: TarEntry) -> bytes:
    """A gzipped tar of files and of other entries after them."""
    return packed(tar_bytes([*(TarEntry(name=name, content=content) for name, content in files.items()), *others]))


def outcome(payload: bytes, config: Config | None = None, *, size: int | None = None) -> Outcome:
    """What becomes of a member."""
    return process_paper(raw_paper(payload, size=size), config or Config())
