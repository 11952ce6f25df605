"""Texts gathered by bucket in one pass over the unit files, on disk where memory does not hold them."""

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import zstandard

from shards.commit import temporary_path
from shards.store import Place

_LEVEL = 1  # the spilled copy is read once and removed


class BucketSpill:
    """Lines by bucket. Holds at most `max_bytes`; beyond it, what is held is appended to one temporary file a bucket under `folder`.

    The temporary folder is removed on leaving the `with` block.
    """

    def __init__(self, folder: Place, max_bytes: int) -> None:
        self._folder = temporary_path(folder / "spill")
        self._max_bytes = max_bytes
        self._held: defaultdict[str, bytearray] = defaultdict(bytearray)
        self._num_held_bytes = 0
        self.num_flushes = 0

    def __enter__(self) -> "BucketSpill":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, bucket: str, line: bytes) -> None:
        """Adds one line, which ends with its line break."""
        self._held[bucket] += line
        self._num_held_bytes += len(line)
        if self._num_held_bytes > self._max_bytes:
            self._flush()

    def lines(self, bucket: str) -> Iterator[bytes]:
        """The lines of one bucket in the order in which they came."""
        path = self._path(bucket)
        if path.exists():
            content = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).readall()
            yield from content.splitlines(keepends=True)
        yield from bytes(self._held.get(bucket, b"")).splitlines(keepends=True)

    def _flush(self) -> None:
        self._folder.mkdir(exist_ok=True)
        compressor = zstandard.ZstdCompressor(level=_LEVEL)
        for bucket, content in self._held.items():
            with open(self._path(bucket), "ab") as handle:
                handle.write(compressor.compress(content))
        self._held.clear()
        self._num_held_bytes = 0
        self.num_flushes += 1

    def _path(self, bucket: str) -> Path:
        return self._folder / bucket.replace("/", "-")
