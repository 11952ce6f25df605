"""What do token shards weigh, and how fast are random reads? Dtypes, zstd levels and frame sizes against a plain, mapped `.bin`.

    python -m benchmarks.bench_token_shards --tokens TOKENS --work FOLDER

Takes the largest set of a folder of `tools.tokenize_shards`. A read is 4096 tokens from a random place, as a training sample is. Cold: the
kernel is told to drop the file's pages; seconds of the wall. Warm: pages in memory, no cache of frames; seconds of CPU time. Figures go to
benchmarks/results/token_shards.json.
"""

import itertools
import mmap
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.commit import local_folder
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.token_shard import SeekableReader, SeekableWriter, TokenShardReader

READ_TOKENS = 4096
NUM_READS = 2000
LEVELS = (1, 3, 6, 9, 19)
FRAME_BYTES = (1 << 14, 1 << 16, 1 << 18)
MAX_TOKENS = 16_000_000  # of the set: level 19 takes minutes beyond


def largest_set(tokens: Path) -> tuple[str, npt.NDArray[Any]]:
    """Name and ids `[T]` of the largest set, cut at `MAX_TOKENS`."""
    sets = read_manifest(tokens / "manifest.json").get("sets", {})
    if not sets:
        raise InputError(f"{tokens}: lists no sets of token shards; give a folder of tools.tokenize_shards")
    name = max(sets, key=lambda entry: sets[entry]["tokens"])
    reader = TokenShardReader(tokens / name)
    num_bytes = min(reader.bin.size, MAX_TOKENS * reader.dtype.itemsize)
    return name, np.frombuffer(reader.bin.read(0, num_bytes), dtype=reader.dtype)


def drop_pages(path: Path) -> None:
    """Asks the kernel to forget what it has of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def reads_per_second(read: Callable[[int], bytes], offsets: npt.NDArray[np.int64], clock: Callable[[], float]) -> float:
    """Reads a second of `clock` over the offsets, in bytes."""
    started = clock()
    for offset in offsets.tolist():
        read(offset)
    return round(len(offsets) / (clock() - started), 1)


def random_offsets(num_tokens: int, item_bytes: int) -> npt.NDArray[np.int64]:
    """Byte offsets of random reads, the same for every layout."""
    return np.random.default_rng(1).integers(0, num_tokens - READ_TOKENS, NUM_READS) * item_bytes


def packed(ids: npt.NDArray[Any], path: Path, *, frame_bytes: int, level: int) -> dict[str, Any]:
    """Writes ids as `.bin.zst`; gives size and speeds."""
    started = time.perf_counter()
    with open(path, "wb") as handle:
        writer = SeekableWriter(handle, frame_bytes=frame_bytes, level=level)
        for start in range(0, len(ids), 1 << 20):
            writer.write(ids[start : start + (1 << 20)].tobytes())
        writer.finish()
    write_seconds = time.perf_counter() - started
    offsets = random_offsets(len(ids), ids.itemsize)
    size = READ_TOKENS * ids.itemsize
    drop_pages(path)
    reader = SeekableReader(path, cache_frames=1)  # opened once, as the plain file is mapped once
    cold = reads_per_second(lambda offset: reader.read(offset, size), offsets[:200], time.perf_counter)
    warm = reads_per_second(lambda offset: reader.read(offset, size), offsets, time.process_time)
    reader.close()
    return {
        "dtype": ids.dtype.name,
        "level": level,
        "frame_bytes": frame_bytes,
        "bytes_per_token": round(path.stat().st_size / len(ids), 4),
        "share_of_plain": round(path.stat().st_size / ids.nbytes, 4),
        "write_mb_per_second": round(ids.nbytes / write_seconds / 1e6, 1),
        "random_reads_per_second_cold": cold,
        "random_reads_per_cpu_second_warm_pages": warm,
    }


def plain(ids: npt.NDArray[Any], path: Path) -> dict[str, Any]:
    """The same of the ordinary `.bin`, mapped."""
    path.write_bytes(ids.tobytes())
    offsets = random_offsets(len(ids), ids.itemsize)
    size = READ_TOKENS * ids.itemsize
    drop_pages(path)
    with open(path, "rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        cold = reads_per_second(lambda offset: mapped[offset : offset + size], offsets[:200], time.perf_counter)
        warm = reads_per_second(lambda offset: mapped[offset : offset + size], offsets, time.process_time)
    return {
        "dtype": ids.dtype.name,
        "bytes_per_token": ids.itemsize,
        "random_reads_per_second_cold": cold,
        "random_reads_per_cpu_second_warm_pages": warm,
    }


def main() -> int:
    """Measures every layout and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_token_shards", description=__doc__ or "")
    parser.add_argument("--tokens", type=Path, required=True, metavar="DIR", help="folder of tools.tokenize_shards")
    parser.add_argument("--work", required=True, metavar="FOLDER", help="folder for the files that are measured; removed at the end")
    args = parser.parse_args()
    work = local_folder(args.work)
    work.mkdir(parents=True, exist_ok=True)
    name, ids = largest_set(args.tokens)
    if len(ids) <= 2 * READ_TOKENS:
        raise InputError(f"{args.tokens}: its largest set, {name}, holds {len(ids)} tokens; more are needed to read at random")
    path = work / "measured.bin.zst"
    rows = []
    for dtype, level, frame_bytes in itertools.product(("uint16", "int32"), LEVELS, FRAME_BYTES):
        if dtype == "uint16" and int(ids.max()) > np.iinfo(np.uint16).max:
            continue
        if frame_bytes != 1 << 16 and level != 3:
            continue  # frame sizes are compared at one level
        rows.append(packed(ids.astype(dtype), path, frame_bytes=frame_bytes, level=level))
        print(rows[-1], flush=True)
    path.unlink()
    path = work / "measured.bin"
    mapped = [plain(ids.astype(dtype), path) for dtype in ("uint16", "int32") if int(ids.max()) <= np.iinfo(dtype).max]
    path.unlink()
    print(write_result("token_shards", {"set": name, "tokens": len(ids), "read_tokens": READ_TOKENS, "packed": rows, "plain": mapped}))
    return 0


if __name__ == "__main__":
    run("bench_token_shards", main)
