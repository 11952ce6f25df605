"""Outputs of runs of `preprocess`, held against one another and against the tars: what the laws bind."""

import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from preprocess.sources.tars import find_tars, scan_tar
from shards.store import Place, find_files, readable

_DEPTH = 3  # folders at most in which an output's files lie


def law_bound(out: Place) -> dict[str, Any]:
    """What two runs must have in common, by name: every file's bytes but metrics, scans, lock and lease; manifests without the commit."""
    found: dict[str, Any] = {}
    for depth in range(1, _DEPTH + 1):
        for path in find_files(out, "/".join("*" * depth)):
            name = str(path)[len(str(out)) + 1 :]
            if name.startswith(("metrics/", ".scans/", ".lock", ".lease")) or (isinstance(path, Path) and path.is_dir()):
                continue
            content: Any = path.read_bytes()
            if path.suffix == ".json":
                content = json.loads(content)
                content.pop("commit", None)
            found[name] = content
    return found


def unbalanced(source: Path, out: Place) -> list[str]:
    """What of the tars' members is not in the ledger once, or in the run's books otherwise than in the ledger. Empty where all is well.

    The members are read by the standard library's `tarfile`, apart from the pipeline's own scan; of a tar that is cut the scan says how far
    it can be read.
    """
    wrong: list[str] = []
    members: Counter[tuple[str, str]] = Counter()
    for path in find_tars(source):
        assert isinstance(path, Path)
        listing = scan_tar(path)
        if listing.is_truncated or listing.corrupt_from_byte is not None:
            members.update((path.name, member.name) for member in listing.members)
            continue
        with tarfile.open(path) as tar:
            members.update((path.name, member.name) for member in tar if member.isfile())
    rows = [row for path in find_files(out / "ledger", "arXiv_src_*.parquet") for row in pq.read_table(readable(path)).to_pylist()]
    booked = Counter((row["tar"], row["member"]) for row in rows)
    wrong += [f"{tar}: {member} stands {booked[tar, member]} times in the ledger" for tar, member in (members | booked) if
              members[tar, member] != booked[tar, member]]  # fmt: skip
    books = json.loads((out / "run.json").read_bytes())
    ends = Counter(row["outcome"] for row in rows)
    reasons = Counter(row["reason"] for row in rows if row["outcome"] == "rejected")
    for what, stated, counted in (
        ("members", books["members"], members.total()),
        ("documents", books["documents"], ends["document"]),
        ("rejections", books["rejections"], dict(reasons)),
        ("documents of the corpus", sum(books["corpus"]["rejections"].values()) + books["corpus"]["num_kept"], ends["document"]),
    ):
        if stated != counted:
            wrong.append(f"run.json has {what}: {stated}, counted: {counted}")
    return wrong
