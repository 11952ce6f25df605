"""Which library reads object stores? obstore, pyarrow.fs and s3fs on ranged reads of 8 MiB, in good weather and in bad.

    python -m benchmarks.bench_stores [--python INTERPRETER_THAT_HAS_THE_OTHERS]

A server on this machine answers S3's ranged GETs; in bad weather it answers 5 % of them 503 and cuts 5 % of the bodies in half. Each
library runs in a process of its own with its own retries; one that is not installed is left out, and said. Speeds are of one machine that
serves and reads at once: trust ratios. Figures go to benchmarks/results/stores.json.
"""

import json
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.read_ranges import OBJECT_BYTES, WINDOW_BYTES
from benchmarks.record import write_result
from shards.cli import Parser, run

LIBRARIES = {"obstore": "obstore", "pyarrow": "pyarrow", "s3fs": "s3fs"}
ERROR_SHARE = CUT_SHARE = 0.05
NUM_THREADS = (1, 4)
_CONTENT = memoryview(bytes(range(256)) * (WINDOW_BYTES // 256))
_CLIENT = Path(__file__).with_name("read_ranges.py")


@contextmanager
def serve(*, is_weather_bad: bool) -> Iterator[str]:
    """A server of one object of `OBJECT_BYTES`; gives its URL."""
    drawn = random.Random(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            """The object's size."""
            self.answer(200, OBJECT_BYTES)

        def do_GET(self) -> None:
            """A range of the object, or what bad weather makes of it."""
            start, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            length = min(int(last), OBJECT_BYTES - 1) - int(start) + 1
            if is_weather_bad and drawn.random() < ERROR_SHARE:
                self.answer(503, 0)
                return
            self.answer(206, length, f"bytes {start}-{int(start) + length - 1}/{OBJECT_BYTES}")
            if is_weather_bad and drawn.random() < CUT_SHARE:
                self.wfile.write(_CONTENT[: length // 2])
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.wfile.write(_CONTENT[:length])

        def answer(self, status: int, num_bytes: int, content_range: str | None = None) -> None:
            """Status and headers."""
            self.send_response(status)
            self.send_header("Content-Length", str(num_bytes))
            self.send_header("ETag", '"object"')
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A reader that has gone away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def has(python: str, module: str) -> str | None:
    """The version of a library that an interpreter has, or None."""
    asked = f"import importlib.metadata; print(importlib.metadata.version({module!r}))"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else None


def measure(python: str) -> list[dict[str, Any]]:
    """A row for every library, weather and number of threads."""
    rows = []
    for weather in ("good", "bad"):
        with serve(is_weather_bad=weather == "bad") as url:
            for library, module in LIBRARIES.items():
                version = has(python, module)
                if version is None:
                    print(f"{library}: not installed for {python}; left out", file=sys.stderr)
                    continue
                for num_threads in NUM_THREADS:
                    command = [python, str(_CLIENT), library, url, str(num_threads)]
                    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
                    row = {"library": library, "version": version, "weather": weather, "threads": num_threads} | json.loads(done.stdout)
                    print(
                        f"{library:<8} {weather:<5} {num_threads} threads: {row['megabytes_per_second']:6.0f} MB/s, "
                        f"{row['cpu_seconds_per_gigabyte']:.2f} CPU s/GB, {row['ranges_failed']} of {row['ranges']} ranges failed"
                    )
                    rows.append(row)
    return rows


def main() -> None:
    """Measures and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_stores", description=__doc__ or "")
    parser.add_argument("--python", default=sys.executable, metavar="FILE", help="interpreter that has the libraries")
    args = parser.parse_args()
    write_result("stores", {"window_bytes": WINDOW_BYTES, "rows": measure(args.python)})


if __name__ == "__main__":
    run("python -m benchmarks.bench_stores", main)
