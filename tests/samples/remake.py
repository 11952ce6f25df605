"""Writes the digests of the sample dump's files to dump.sha256: `python -m tests.samples.remake` after a change of samples/."""

import hashlib
from pathlib import Path

from samples.build import MANIFEST_NAME, SNAPSHOT_NAME, Dump, build_dump
from shards.commit import write_bytes

DIGESTS = Path(__file__).with_name("dump.sha256")


def digests(dump: Dump) -> str:
    """A line a file, as sha256sum writes and checks them from the dump's folder."""
    files = {SNAPSHOT_NAME: dump.snapshot, f"src/{MANIFEST_NAME}": dump.manifest}
    files |= {f"src/{name}": content for name, content in dump.tars.items()}
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))


if __name__ == "__main__":
    write_bytes(DIGESTS, digests(build_dump()).encode())
    print(f"{DIGESTS}: {len(DIGESTS.read_text().splitlines())} digests")
