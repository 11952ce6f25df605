"""Object stores for tests: moto's S3 server as a process of its own, and a proxy before it that does what networks and stores do."""

import http.client
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shards.store import StoreOptions, StorePath

KEY, SECRET = "test-key", "test-secret-that-no-file-may-hold"
_SIGNED = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server without buckets on a free port of this machine; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the S3 server has ended"
                assert time.monotonic() < deadline, "the S3 server does not answer"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def make_bucket(url: str, name: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT"), timeout=20).close()


def use_credentials(patch: pytest.MonkeyPatch) -> None:
    """Puts the test's credentials, and nothing else of Amazon's, into the environment."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SKIP_SIGNATURE"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_ACCESS_KEY_ID", KEY)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def place(url: str, path: str, **options: object) -> StorePath:
    """`bucket/folder` on the server at `url`, with little patience."""
    given: dict[str, object] = {"endpoint": url, "max_retries": 8, "max_pause_seconds": 0.5, "read_seconds": 10.0}
    return StorePath(f"s3://{path}", "", StoreOptions(**(given | options)))  # type: ignore[arg-type]


def upload(folder: Path, to: StorePath) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            (to / path.relative_to(folder).as_posix()).put(path)


def download(store: StorePath, folder: Path) -> Path:
    """Every object under `store` as a file, so that a run's output can be compared with a local one's."""
    import obstore

    prefix = store.root.partition("://")[2].partition("/")[2]
    bucket = StorePath("s3://" + store.root.partition("://")[2].partition("/")[0], "", store.options)
    from shards.store import _store

    for chunk in obstore.list(_store(bucket), prefix or None):
        for entry in chunk:
            target = folder / str(entry["path"]).removeprefix(f"{prefix}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(bytes(obstore.get(_store(bucket), entry["path"]).bytes()))
    return folder


@dataclass(kw_only=True)
class Faults:
    """What the proxy does to requests, each by its share; which requests meet a fault is drawn with `seed`."""

    error_share: float = 0.0  # answered 500 or 503 and not passed on
    cut_share: float = 0.0  # of bodies: half of it, and then the connection ends
    slow_share: float = 0.0  # of bodies: in pieces, with pauses
    requester_pays: frozenset[str] = frozenset()  # buckets that answer 403 without the header
    public: frozenset[str] = frozenset()  # buckets that anybody may read
    denied: frozenset[str] = frozenset()  # buckets that answer 403 to everything
    broken: frozenset[str] = frozenset()  # buckets that answer 503 to everything
    seed: int = 1


@dataclass
class Proxy:
    """A running proxy: its URL, and what it saw and did."""

    url: str
    faults: Faults
    seen: Counter[str] = field(default_factory=Counter)
    bytes_sent: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.seen[what] += 1


@contextmanager
def fault_proxy(server: str, faults: Faults) -> Iterator[Proxy]:
    """A proxy on a free port before the S3 server at `server`."""
    host, port = server.removeprefix("http://").split(":")
    drawn = random.Random(faults.seed)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            bucket = self.path.lstrip("/").partition("/")[0].partition("?")[0]
            proxy.count(self.command)
            with proxy.lock:
                error, cut, slow = drawn.random(), drawn.random(), drawn.random()
            if bucket in faults.denied:
                return self.refuse(403, "AccessDenied")
            if bucket in faults.requester_pays and self.headers.get("x-amz-request-payer") != "requester":
                return self.refuse(403, "AccessDenied")
            if bucket in faults.broken or error < faults.error_share:
                proxy.count("error")
                return self.refuse(*((503, "SlowDown") if error < faults.error_share / 2 else (500, "InternalError")))
            headers = dict(self.headers.items())
            if bucket in faults.public and self.command in ("GET", "HEAD"):
                headers["Authorization"] = _SIGNED
            connection = http.client.HTTPConnection(host, int(port), timeout=30)
            try:
                connection.request(self.command, self.path, body=body, headers=headers)
                response = connection.getresponse()
                content = response.read()
            finally:
                connection.close()
            self.send_response(response.status)
            is_head = self.command == "HEAD"
            for name, value in response.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "server", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", response.getheader("Content-Length", "0") if is_head else str(len(content)))
            self.end_headers()
            if is_head:
                return None
            with proxy.lock:
                proxy.bytes_sent[self.path.partition("?")[0]] += len(content)
            if self.command == "GET" and len(content) > 1 and cut < faults.cut_share:
                proxy.count("cut")
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif self.command == "GET" and slow < faults.slow_share:
                proxy.count("slow")
                for start in range(0, len(content), max(1, len(content) // 4)):
                    self.wfile.write(content[start : start + max(1, len(content) // 4)])
                    self.wfile.flush()
                    time.sleep(0.05)
            else:
                self.wfile.write(content)
            return None

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any  # noqa: N815

        def refuse(self, status: int, code: str) -> None:
            content = f"<Error><Code>{code}</Code><Message>said by the proxy</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has gone away is none of the test's business."""

    running = Server(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{running.server_address[1]}", faults)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
