"""Places: a folder of this machine and a folder of an object store, which the same code reads and writes.

A `Place` is a `pathlib.Path`, or a `StorePath` that has the few methods of it that texmill uses. Stores are S3 and what speaks its
protocol, Google's and Azure's, and plain HTTP(S) folders, which can be read but not listed. Requests are retried with growing pauses, a
body that is cut is asked for again from where it ended. Credentials are those that the library finds in the environment or that the
machine's role gives; they are never part of a place, so that none gets into a manifest or a log.
"""

import contextlib
import fnmatch
import io
import os
import re
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

from shards.errors import InputError

_URI = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>[^?#]*)(?P<query>[?#].*)?$")
_SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "http", "https")
_HTTP_STATUS = re.compile(r"status code: (\d{3})")
_CUT = re.compile("response body|body error|connection closed|end of file", re.I)
_NO_CREDENTIALS = ("169.254.169.254", "/latest/api/token", "Missing AccessKeyId", "Missing SecretAccessKey")
_S3_CODE = re.compile(r"<Code>([^<]*)</Code>")
_S3_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
WINDOW_BYTES = 8 << 20  # bytes of one ranged read: at 30 ms a request, 8 MiB keep a stream of 100 MB/s and more going
_MAX_PUT_BYTES = 1 << 30  # of one PUT; a larger file goes up in parts, which a store puts together as one
READ_AHEAD = 32  # small files of a store that are asked for at a time: 30 ms each become 1 ms

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How an object store is reached. Holds nothing secret: it is written into logs and travels to other machines."""

    endpoint: str | None = None
    # URL of an S3 server other than Amazon's.
    region: str | None = None
    # of the bucket; `from_environment` takes it from AWS_REGION or AWS_DEFAULT_REGION, else it is us-east-1, where arXiv's bucket is.
    is_requester_paying: bool = False
    # whether the one who reads pays for requests and traffic, as arXiv's bucket asks.
    max_retries: int = 8
    # of one request, after 0.1 s, then twice as long each time up to `max_pause_seconds`: 20 s of a store's bad weather are sat out.
    max_pause_seconds: float = 5.0
    retry_seconds: float = 240.0
    # from a request's first try to its last: under the 15 minutes that a signed request stays valid.
    read_seconds: float = 60.0
    # of one read with its body: 8 MiB at 0.14 MB/s. One that takes longer is asked again.
    write_seconds: float = 300.0
    # of one PUT: the largest files of a corpus, 1 GB, at 3.3 MB/s.
    scratch: str | None = None
    # folder of this machine for temporary files that on a file system lie beside the output; see `scratch_folder`.

    def __post_init__(self) -> None:
        match = _URI.match(self.endpoint) if self.endpoint is not None else None
        if self.endpoint is not None and (match is None or match["scheme"].lower() not in ("http", "https")):
            raise InputError("--endpoint: the URL of an S3 server is needed, e.g. https://minio.example.org:9000")
        if match is not None and ("@" in match["rest"] or match["query"]):
            raise InputError("--endpoint: a URL without user and query is needed; credentials come from the environment")

    @classmethod
    def from_environment(cls, **given: Any) -> "StoreOptions":
        """The options with this machine's region, so that every node of a cluster uses the same."""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return cls(**({"region": region} | given))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file's bytes and a mark that changes when its content does: an ETag, or times of a file system."""

    st_size: int
    version: str


@dataclass(frozen=True, slots=True)
class StorePath:
    """A file or folder of an object store: `key`, relative to the URI `root` under which the store was opened."""

    root: str
    key: str = ""
    options: StoreOptions = field(default_factory=StoreOptions)

    def __str__(self) -> str:
        return f"{self.root}/{self.key}" if self.key else self.root

    def __truediv__(self, name: str) -> "StorePath":
        return StorePath(self.root, f"{self.key}/{name}" if self.key else name, self.options)

    @property
    def is_listable(self) -> bool:
        """Whether its folders can be listed, and written to: not those of a plain HTTP(S) server."""
        return not self.root.startswith(("http://", "https://"))

    @property
    def name(self) -> str:
        """The last part."""
        return str(self).rstrip("/").rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its last ending."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's last ending, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "StorePath":
        """The folder that it lies in, at most the root."""
        return StorePath(self.root, self.key.rpartition("/")[0], self.options)

    def resolve(self) -> "StorePath":
        """Itself: a URI is absolute."""
        return self

    def relative_to(self, folder: "StorePath") -> PurePosixPath:
        """Its name as seen from `folder`."""
        return PurePosixPath(str(self)).relative_to(str(folder))

    def read_bytes(self) -> bytes:
        """The whole file. Raises `FileNotFoundError` where there is none."""

        def read() -> bytes:
            found = _library().get(_store(self), self.key)
            return _whole(bytes(found.bytes()), found.meta["size"])

        return _ask(self, read)

    def read_range(self, start: int, length: int, version: str = "") -> bytes:
        """`length` bytes from `start`, less where the file ends. With `version` (an ETag) raises `InputError` if the file has another."""
        if not length:
            return b""
        options: dict[str, Any] = {"range": (start, start + length)}
        if version.startswith('"'):
            options["if_match"] = version

        def read() -> bytes:
            found = _library().get(_store(self), self.key, options=options)
            return _whole(bytes(found.bytes()), min(start + length, found.meta["size"]) - start)

        return _ask(self, read)

    def stat(self) -> FileState:
        """Size and version. Raises `FileNotFoundError` where there is no such file."""
        return _ask(self, lambda: _state(_library().head(_store(self), self.key)))

    def is_file(self) -> bool:
        """Whether there is an object of that name."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether anything lies under that name."""
        return _ask(self, lambda: any(True for chunk in _library().list(_store(self), self.key or None, chunk_size=1) for _ in chunk))

    def exists(self) -> bool:
        """Whether there is a file or a folder of that name."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator["StorePath"]:
        """What lies directly in this folder."""
        found = self._listing()
        names = [entry["path"] for entry in found["objects"]] + list(found["common_prefixes"])
        for name in sorted(names):
            yield self / name.rstrip("/").rpartition("/")[2]

    def states(self) -> dict[str, FileState]:
        """Size and version of every file directly in this folder, by name; one request for a thousand of them."""
        found = self._listing()
        return {entry["path"].rpartition("/")[2]: _state(entry) for entry in found["objects"]}

    def _listing(self) -> Any:
        return _ask(self, lambda: _library().list_with_delimiter(_store(self), self.key or None))

    def glob(self, pattern: str) -> Iterator["StorePath"]:
        """The files under this folder whose relative names match, part by part (`*.json`, `*/*.zst`)."""
        parts = pattern.split("/")
        entries = _ask(self, lambda: [entry["path"] for entry in _library().list(_store(self), self.key or None).collect()])
        prefix = f"{self.key}/" if self.key else ""
        for path in sorted(entries):
            names = path.removeprefix(prefix).split("/")
            if len(names) == len(parts) and all(map(fnmatch.fnmatchcase, names, parts)):
                yield self / "/".join(names)

    def put(self, content: bytes | Path) -> None:
        """Commits bytes, or a file of this machine, as this file: whole or not at all, by one PUT up to 1 GiB (stores take up to 5)."""
        is_large = isinstance(content, Path) and content.stat().st_size > _MAX_PUT_BYTES
        _ask(self, lambda: _library().put(_store(self, is_write=True), self.key, content, use_multipart=is_large))

    def put_if(self, content: bytes, mode: Any) -> str | None:
        """Commits bytes where `mode` holds (`create`: there is no such file; `{"e_tag": …}`: it has that ETag); gives the new ETag.

        None where the condition does not hold. A store that knows no conditions answers as if they held.
        """
        with _errors(self):
            try:
                result = _library().put(_store(self, is_write=True), self.key, content, use_multipart=False, mode=mode)
            except Exception as error:
                if not is_precondition(error) and not isinstance(error, FileNotFoundError):
                    raise
                if "NoSuchBucket" in str(error):
                    raise
                return None
            return str(result["e_tag"])

    def unlink(self, missing_ok: bool = False) -> None:
        """Removes the file."""
        try:
            _ask(self, lambda: _library().delete(_store(self), self.key))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: a store's folders are there when something is in them."""

    def rmdir(self) -> None:
        """Nothing: a store's folders go with what is in them."""


Place = Path | StorePath


def place_at(text: str | os.PathLike[str], options: StoreOptions | None = None) -> Place:
    """A folder or file as the user gives it: a path, a `file://` URI, or the URI of an object store. Asks no store anything."""
    text = os.fspath(text)
    match = _URI.match(text)
    if match is None:
        return Path(text)
    scheme, rest = match["scheme"].lower(), match["rest"]
    if scheme == "file":
        return Path(rest)
    if scheme == "s3a":
        scheme = "s3"
    if scheme not in _SCHEMES:
        raise InputError(f"{scheme}://: not an object store that is known; there are {', '.join(_SCHEMES)}, or give a folder")
    if "@" in rest.partition("/")[0] or match["query"]:
        shown = rest.rpartition("@")[2].partition("?")[0]
        raise InputError(f"{scheme}://{shown}: a URI without user, query and fragment is needed; credentials come from the environment")
    root = f"{scheme}://{rest.rstrip('/')}"
    if not rest.strip("/"):
        raise InputError(f"{text}: names no bucket or host")
    return StorePath(root, "", options or StoreOptions.from_environment())


def file_at(text: str | os.PathLike[str], options: StoreOptions | None = None) -> Place:
    """A file as the user gives it; of a store's file the folder is the root, so that it has a name of its own there."""
    place = place_at(text, options)
    if isinstance(place, Path):
        return place
    folder, _, name = place.root.rpartition("/")
    if folder.endswith("/"):
        raise InputError(f"{place}: names a bucket, a file in one is needed")
    return StorePath(folder, name, place.options)


def state_of(place: Place) -> FileState:
    """A file's size and version. Raises `FileNotFoundError` where there is none."""
    return place.stat() if isinstance(place, StorePath) else _local_state(os.stat(place))


def _local_state(found: os.stat_result) -> FileState:
    return FileState(st_size=found.st_size, version=f"{found.st_mtime_ns}-{found.st_ctime_ns}")


def states_in(folder: Place) -> dict[str, FileState]:
    """Size and version of every file directly in a folder, by name; empty where the folder is not there."""
    if isinstance(folder, StorePath):
        return folder.states()
    try:
        with os.scandir(folder) as entries:
            return {entry.name: _local_state(entry.stat()) for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def find_files(folder: Place, pattern: str) -> list[Place]:
    """The files under a folder whose relative names match `pattern` part by part (`*/*.zst`), sorted."""
    found: list[Place] = [*folder.glob(pattern)]
    return sorted(found, key=str)


def open_binary(place: Place, *, end: int | None = None, version: str = "") -> BinaryIO:
    """The file opened for reading and seeking; of a store's file no more than `WINDOW_BYTES` and what is asked for is in memory.

    Of a store's file `end` is where reading ends (default: its size, which costs a request), `version` the ETag that it must have.
    """
    if isinstance(place, Path):
        return open(place, "rb")
    if end is None:
        state = place.stat()
        end, version = state.st_size, state.version
    return cast(BinaryIO, io.BufferedReader(_Ranges(place, end, version), buffer_size=WINDOW_BYTES))


def readable(place: Place) -> Path | io.BytesIO:
    """What libraries that read a path or a file-like object take: the path, or the bytes of a store's file, by one request."""
    return place if isinstance(place, Path) else io.BytesIO(place.read_bytes())


class _Ranges(io.RawIOBase):
    """A store's file up to `end` as a raw stream; every read is one ranged request."""

    def __init__(self, place: StorePath, end: int, version: str) -> None:
        self._place, self._end, self._version = place, end, version
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        return self._position

    def readall(self) -> bytes:  # the base class asks for 8 KiB at a time
        pieces = []
        while piece := self._place.read_range(self._position, max(0, min(WINDOW_BYTES, self._end - self._position)), self._version):
            pieces.append(piece)
            self._position += len(piece)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self._end - self._position))
        content = self._place.read_range(self._position, length, self._version)
        view[: len(content)] = content
        self._position += len(content)
        return len(content)


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], place: Place, *, num_ahead: int = READ_AHEAD) -> Iterator[Result]:
    """`function` of each item, in order. Where `place` is a store's, `num_ahead` of them are under way at a time, in threads."""
    if isinstance(place, Path):
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(num_ahead) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > num_ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextlib.contextmanager
def scratch_folder(place: Place, folder: str | os.PathLike[str] | None = None) -> Iterator[Place]:
    """`place`, whose temporary files (`shards.commit.temporary_path`) go to a folder of this machine that the block's end removes.

    On a file system they lie beside the output, which is `place` unchanged. `folder` is where that folder is made (default: $TMPDIR).
    """
    if isinstance(place, Path):
        yield place
        return
    try:
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
        holder = tempfile.TemporaryDirectory(prefix="texmill-", dir=folder)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot hold temporary files ({error.strerror}); give another --scratch") from None
    with holder as made:
        options = {name: getattr(place.options, name) for name in StoreOptions.__slots__}
        yield StorePath(place.root, place.key, StoreOptions(**(options | {"scratch": made})))


_OPENED: dict[tuple[int, StorePath, bool], Any] = {}
_OPENING = threading.Lock()


def _library() -> Any:
    import obstore  # 16 MB and threads of its own: only where a store is read or written

    return obstore


def _store(place: StorePath, *, is_write: bool = False) -> Any:
    """The library's store for a place: one a process, for a process that forks must not share connections."""
    key = (os.getpid(), StorePath(place.root, "", place.options), is_write)
    with _OPENING:
        if key not in _OPENED:
            _OPENED[key] = _open(place.root, place.options, place.options.write_seconds if is_write else place.options.read_seconds)
        return _OPENED[key]


def _open(root: str, options: StoreOptions, request_seconds: float) -> Any:
    from obstore.store import from_url

    scheme = root.partition("://")[0]
    given: dict[str, Any] = {}
    client: dict[str, Any] = {"timeout": timedelta(seconds=request_seconds)}
    if scheme == "s3":
        given["region"] = options.region or "us-east-1"
        given["request_payer"] = options.is_requester_paying
        if options.endpoint:
            given["endpoint"] = options.endpoint.rstrip("/")
            client["allow_http"] = options.endpoint.startswith("http://")
    elif scheme == "http":
        client["allow_http"] = True
    pauses = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=options.max_pause_seconds), "base": 2}
    retries = {"max_retries": options.max_retries, "retry_timeout": timedelta(seconds=options.retry_seconds), "backoff": pauses}
    return cast(Any, from_url)(root, client_options=client, retry_config=retries, **given)


def _ask(place: StorePath, question: Callable[[], Result]) -> Result:
    """The answer to a question; asked again where its body was cut, which the library does itself for some questions alone."""
    for number in range(place.options.max_retries + 1):
        with _errors(place):
            try:
                return question()
            except _library().exceptions.BaseError as error:
                if number == place.options.max_retries or not _CUT.search(str(error)):
                    raise
            except _CutError as cut:
                if number == place.options.max_retries:
                    raise InputError(f"{place}: {cut}, {number + 1} times; is a proxy in between?") from None
        time.sleep(min(0.1 * 2**number, place.options.max_pause_seconds))
    raise AssertionError


class _CutError(Exception):
    """A body that is shorter than the store said."""


def _whole(content: bytes, num_bytes: int) -> bytes:
    if len(content) != num_bytes:
        raise _CutError(f"{len(content)} of {num_bytes} bytes came")
    return content


def _state(entry: Any) -> FileState:
    return FileState(st_size=entry["size"], version=entry["e_tag"] or entry["last_modified"].isoformat())


@contextlib.contextmanager
def _errors(place: StorePath) -> Iterator[None]:
    """The library's exceptions as `FileNotFoundError` for a file that is not there and as one-line `InputError` for all else."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            _refuse(place, error)
        raise FileNotFoundError(2, "No such file or directory", str(place)) from None
    except Exception as error:
        if not isinstance(error, _library().exceptions.BaseError):
            raise
        _refuse(place, error)


def _refuse(place: StorePath, error: Exception) -> NoReturn:
    raise InputError(f"{place}: {reason_of(error, place)}") from None


def is_precondition(error: Exception) -> bool:
    """Whether a conditional request was refused because its condition does not hold."""
    return type(error).__name__ in ("PreconditionError", "AlreadyExistsError")


def reason_of(error: Exception, place: StorePath) -> str:
    """What a store's refusal means and what to do, in one line without the library's debug output."""
    options = place.options
    text = str(error).partition("\n\nDebug source")[0]
    status, code = _HTTP_STATUS.search(text), _S3_CODE.search(text)
    message = _S3_MESSAGE.search(text)
    said = ": ".join(part[1] for part in (code, message) if part) or (f"HTTP status {status[1]}" if status else "")
    if is_precondition(error):
        return "has changed since this run began to read it; leave it alone and run the same command again"
    if any(sign in text for sign in _NO_CREDENTIALS) or "credential" in text.lower():
        return (
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SKIP_SIGNATURE=true for a public bucket), "
            "or run where the machine's role has them"
        )
    if "NoSuchBucket" in text:
        return f"no such bucket ({said})"
    if status and status[1] in ("401", "403"):
        is_payer_asked = place.root.startswith("s3:") and not options.is_requester_paying
        payer = "; where the reader pays, as at arXiv's, give --requester-pays" if is_payer_asked else ""
        return f"access is denied ({said}){payer}; check the credentials in the environment and what they may do"
    if status and status[1] in ("301", "307", "400") and ("Redirect" in text or "region" in text.lower()):
        return f"the bucket is in another region ({said}); set AWS_REGION to its region"
    line = " ".join((said or re.sub(r"^Generic \S+ error: ", "", text)).split())[:300]
    tries = f", tried {options.max_retries + 1} times" if "retries" in text else ""
    return f"the store does not answer as it should ({line}{tries}); look at it, and run the same command again"
