"""Reads an object in ranges with one library, for `bench_stores`: python benchmarks/read_ranges.py LIBRARY URL THREADS. Prints JSON.

Stands alone, so that it runs in any environment that has the library.
"""

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

WINDOW_BYTES = 8 << 20
OBJECT_BYTES = 128 << 20
NUM_ROUNDS = 4


def reader(library: str, url: str) -> Callable[[int], int]:
    """A function that reads the range from an offset and gives its number of bytes."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
    store: Any
    if library == "obstore":
        from obstore.store import S3Store

        store = S3Store("bucket", endpoint=url, region="us-east-1", request_payer=True, client_options={"allow_http": True})
        return lambda start: len(store.get_range("object", start=start, length=WINDOW_BYTES))
    if library == "pyarrow":
        from pyarrow.fs import S3FileSystem

        store = S3FileSystem(endpoint_override=url, scheme="http", region="us-east-1")
        return lambda start: len(store.open_input_file("bucket/object").read_at(WINDOW_BYTES, start))
    store = importlib.import_module("s3fs").S3FileSystem(endpoint_url=url, requester_pays=True)
    return lambda start: len(store.cat_file("bucket/object", start=start, end=start + WINDOW_BYTES))


def measure(library: str, url: str, num_threads: int) -> dict[str, Any]:
    """Bytes a second, processor seconds a gigabyte and ranges that failed or came short."""
    started = time.perf_counter()
    read = reader(library, url)
    start_seconds = time.perf_counter() - started
    read(0)
    wall, cpu = time.perf_counter(), time.process_time()

    def tried(start: int) -> int:
        try:
            return read(start)
        except Exception:
            return 0

    with ThreadPoolExecutor(num_threads) as pool:
        sizes = list(pool.map(tried, list(range(0, OBJECT_BYTES, WINDOW_BYTES)) * NUM_ROUNDS))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "start_seconds": start_seconds,
        "megabytes_per_second": sum(sizes) / wall / 1e6,
        "cpu_seconds_per_gigabyte": cpu / max(sum(sizes), 1) * 1e9,
        "ranges": len(sizes),
        "ranges_failed": sum(size != WINDOW_BYTES for size in sizes),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
