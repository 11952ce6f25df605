"""Token shards: Megatron's `.idx` beside a `.bin.zst`, the bytes of Megatron's `.bin` in the zstd seekable format.

A set of token shards is three files of one prefix, `TOKENS/<domain>/<split>`:

- `.idx`: Megatron's index, byte for byte (megatron-core 0.16.1, `indexed_dataset.py`): lengths and byte offsets of the sequences, and which
  sequence ends each document. Here a document is one sequence.
- `.bin.zst`: token ids in independent zstd frames of 64 KiB with a checksum each, and a seek table in a skippable frame at the end, so that
  any range is read by decompressing the frames it touches. `zstd -d` gives the plain `.bin`.
- `.ids.jsonl.zst`: a JSON line a document, in order: its `id`, the UTF-8 bytes of its text, its share of mathematics where that is known.

The format of the seek table is zstd's `contrib/seekable_format/zstd_seekable_compression_format.md`, version 0.1.0.
"""

import os
import struct
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, overload

import numpy as np
import numpy.typing as npt
import orjson
import zstandard

from shards.commit import commit_file, temporary_path
from shards.errors import InputError
from shards.store import Place, StorePath
from shards.text_shard import read_text_shard
from shards.token_cache import CachedFile, stub_of

INDEX_SUFFIX, BIN_SUFFIX, IDS_SUFFIX, PLAIN_SUFFIX = ".idx", ".bin.zst", ".ids.jsonl.zst", ".bin"

FRAME_BYTES = 1 << 16  # a 4096-token read touches one or two frames: 7 of 16 bits a token, 3,000 to 6,000 random reads/s a core
ZSTD_LEVEL = 3  # level 9 costs six times as much and gains little on token ids
CACHE_FRAMES = 64  # decompressed frames a reader keeps: 4 MiB

_INDEX_MAGIC = b"MMIDIDX\x00\x00"
_INDEX_HEADER = struct.Struct("<9sQBQQ")  # magic, version, dtype code, number of sequences, number of document boundaries
_INDEX_VERSION = 1
_UINT16_CARDINALITY = 65500  # Megatron's DType.optimal_dtype: uint16 below, int32 from here
_CODE_OF_DTYPE = {"int32": 4, "uint16": 8}  # of Megatron's eight; token ids are one of these two
_DTYPE_OF_CODE = {code: np.dtype(name) for name, code in _CODE_OF_DTYPE.items()}

_SKIPPABLE_MAGIC = 0x184D2A5E
_SEEKABLE_MAGIC = 0x8F92EAB1
_SKIPPABLE_HEADER = struct.Struct("<II")  # magic, bytes that follow
_SEEK_FOOTER = struct.Struct("<IBI")  # number of frames, descriptor, magic
_HAS_CHECKSUMS = 0x80
_RESERVED_BITS = 0x7C

TokenArray = npt.NDArray[Any]


class DamagedFrameError(InputError):
    """A frame of a token shard fails its checksum or is cut. `path`, `frame` (from 0) and its byte range in the plain `.bin` say which."""

    def __init__(self, path: Path, frame: int, start: int, end: int, cause: str, where: str = "") -> None:
        self.path, self.frame, self.start, self.end, self.cause, self.where = path, frame, start, end, cause, where
        super().__init__(
            f"{path}: frame {frame} (bytes {start} to {end} of the plain .bin{where}) is damaged: {cause}; "
            f"remove the file and tokenise again, or copy it anew"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.path, self.frame, self.start, self.end, self.cause, self.where))

    def at(self, where: str) -> "DamagedFrameError":
        """The same with what the caller knows of the place."""
        return DamagedFrameError(self.path, self.frame, self.start, self.end, self.cause, f", {where}")


def optimal_dtype(vocab_size: int) -> np.dtype[Any]:
    """The dtype that Megatron chooses for ids below `vocab_size`: uint16 under 65,500, else int32."""
    return np.dtype("uint16") if vocab_size < _UINT16_CARDINALITY else np.dtype("int32")


@overload
def with_suffix(prefix: str | os.PathLike[str], suffix: str) -> Path: ...
@overload
def with_suffix(prefix: StorePath, suffix: str) -> StorePath: ...
@overload
def with_suffix(prefix: Place, suffix: str) -> Place: ...
def with_suffix(prefix: str | os.PathLike[str] | StorePath, suffix: str) -> Place:
    """`TOKENS/math/train` and `.idx` → `TOKENS/math/train.idx`; a dot in the prefix's own name stays."""
    if isinstance(prefix, StorePath):
        return prefix.parent / (prefix.name + suffix)
    return Path(os.fspath(prefix) + suffix)


def encode_index(dtype: np.dtype[Any], lengths: npt.ArrayLike) -> bytes:
    """The bytes of Megatron's `.idx` for documents of one sequence each, `lengths` tokens long."""
    lengths = np.asarray(lengths, dtype=np.int64)
    pointers = np.zeros(len(lengths), dtype=np.int64)
    np.cumsum(lengths[:-1] * dtype.itemsize, out=pointers[1:])
    header = _INDEX_HEADER.pack(_INDEX_MAGIC, _INDEX_VERSION, _CODE_OF_DTYPE[dtype.name], len(lengths), len(lengths) + 1)
    boundaries = np.arange(len(lengths) + 1, dtype=np.int64)
    return b"".join((header, lengths.astype("<i4").tobytes(), pointers.astype("<i8").tobytes(), boundaries.astype("<i8").tobytes()))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """What a set of token shards holds: `tokens` with each document's end token, `text_bytes` the UTF-8 bytes of the texts."""

    documents: int
    tokens: int
    text_bytes: int


class SeekableWriter:
    """Writes bytes into a zstd seekable stream: frames of `frame_bytes` with checksums; `finish` adds the seek table."""

    def __init__(self, handle: BinaryIO, *, frame_bytes: int = FRAME_BYTES, level: int = ZSTD_LEVEL) -> None:
        if not 1 <= frame_bytes <= 1 << 30:
            raise InputError(f"frames of {frame_bytes} bytes: give 1 to {1 << 30}")
        self._handle = handle
        self._frame_bytes = frame_bytes
        self._compressor = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
        self._pending = bytearray()
        self._sizes: list[tuple[int, int]] = []

    def write(self, content: bytes | memoryview) -> None:
        """Appends `content`."""
        self._pending += content
        whole = len(self._pending) // self._frame_bytes * self._frame_bytes
        for start in range(0, whole, self._frame_bytes):
            self._frame(bytes(self._pending[start : start + self._frame_bytes]))
        del self._pending[:whole]

    def finish(self) -> None:
        """Writes the last frame and the seek table. The handle stays open."""
        if self._pending:
            self._frame(bytes(self._pending))
            self._pending.clear()
        entries = np.array(self._sizes, dtype="<u4").tobytes()
        self._handle.write(_SKIPPABLE_HEADER.pack(_SKIPPABLE_MAGIC, len(entries) + _SEEK_FOOTER.size))
        self._handle.write(entries)
        self._handle.write(_SEEK_FOOTER.pack(len(self._sizes), 0, _SEEKABLE_MAGIC))

    def _frame(self, content: bytes) -> None:
        frame = self._compressor.compress(content)
        self._handle.write(frame)
        self._sizes.append((len(frame), len(content)))


class _FrameCache:
    """The frames used last, of one process."""

    def __init__(self, num_frames: int) -> None:
        self.process = os.getpid()
        self._num_frames = num_frames
        self._lock = threading.Lock()
        self._frames: OrderedDict[int, bytes] = OrderedDict()

    def get(self, number: int) -> bytes | None:
        with self._lock:
            frame = self._frames.get(number)
            if frame is not None:
                self._frames.move_to_end(number)
            return frame

    def put(self, number: int, frame: bytes) -> None:
        with self._lock:
            self._frames[number] = frame
            if len(self._frames) > self._num_frames:
                self._frames.popitem(last=False)


class SeekableReader:
    """Random access by byte offset into a zstd seekable file.

    Safe for threads (reads are `pread`, the cache has a lock) and across forks (a child starts with an empty cache of its own);
    pickles as its path, so that workers of any kind open it again. Where there is only a stub of it (`shards.token_cache`)
    it is read from its store.
    """

    def __init__(self, path: str | os.PathLike[str], *, cache_frames: int = CACHE_FRAMES) -> None:
        self.path = Path(path)
        self.cache_frames = max(1, cache_frames)
        self._descriptor = -1
        self._cached: CachedFile | None = None
        try:
            if stub_of(self.path).is_file():
                self._cached = CachedFile(self.path)
            else:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise InputError(f"{self.path}: no such token shard") from None
        except OSError as error:
            raise InputError(f"{self.path}: cannot be opened ({error.strerror})") from None
        try:
            self._load_seek_table()
        except BaseException:
            self.close()
            raise
        self._cache = _FrameCache(self.cache_frames)
        self._local = threading.local()

    def _load_seek_table(self) -> None:
        num_bytes = self._cached.num_bytes if self._cached else os.fstat(self._descriptor).st_size
        footer = self._pread(_SEEK_FOOTER.size, max(0, num_bytes - _SEEK_FOOTER.size))
        if len(footer) < _SEEK_FOOTER.size:
            self._refuse(f"{num_bytes} bytes are no zstd seekable file")
        num_frames, descriptor, magic = _SEEK_FOOTER.unpack(footer)
        if magic != _SEEKABLE_MAGIC or descriptor & _RESERVED_BITS:
            self._refuse("it does not end with a zstd seek table")
        columns = 3 if descriptor & _HAS_CHECKSUMS else 2
        table_bytes = _SKIPPABLE_HEADER.size + 4 * columns * num_frames + _SEEK_FOOTER.size
        table = self._pread(table_bytes, max(0, num_bytes - table_bytes))
        header = (_SKIPPABLE_MAGIC, table_bytes - _SKIPPABLE_HEADER.size)
        if table_bytes > num_bytes or _SKIPPABLE_HEADER.unpack_from(table) != header:
            self._refuse(f"its seek table of {num_frames} frames is damaged")
        entries = np.frombuffer(table, dtype="<u4", count=columns * num_frames, offset=_SKIPPABLE_HEADER.size).reshape(-1, columns)
        if (entries[:, 1] == 0).any():
            self._refuse("its seek table has an empty frame")
        starts = np.zeros((2, num_frames + 1), dtype=np.int64)
        np.cumsum(entries[:, :2].T, axis=1, out=starts[:, 1:])
        self._packed_starts, self._starts = starts  # byte offsets of the frames in the file, and in what it holds
        if self._packed_starts[-1] != num_bytes - table_bytes:
            self._refuse(f"its frames are {self._packed_starts[-1]} bytes by the seek table and {num_bytes - table_bytes} in the file")
        # A frame is found by division where all are equally long but the last, as this writer's are; else by bisection
        sizes = np.diff(self._starts)
        self._equal_bytes = int(sizes[0]) if num_frames and (sizes[:-1] == sizes[0]).all() and 0 < sizes[-1] <= sizes[0] else 0

    def _pread(self, length: int, offset: int) -> bytes:
        return self._cached.pread(length, offset) if self._cached else os.pread(self._descriptor, length, offset)

    def _refuse(self, reason: str) -> NoReturn:
        raise InputError(f"{self.path}: {reason}; it is cut or no token shard: tokenise again or copy it anew")

    @property
    def size(self) -> int:
        """Bytes of the plain `.bin`."""
        return int(self._starts[-1])

    @property
    def num_frames(self) -> int:
        """Number of zstd frames."""
        return len(self._starts) - 1

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes from byte `offset` of the plain `.bin`. Raises `DamagedFrameError` for a frame that fails its checksum."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ValueError(f"{self.path}: bytes {offset} to {offset + size} asked for, the file holds {self.size}")
        if size == 0:
            return b""
        end = offset + size
        first = self._frame_at(offset)
        start = int(self._starts[first])
        frame = self._frame(first)
        if end - start <= len(frame):
            return frame[offset - start : end - start]
        pieces = [frame[offset - start :]]
        have = len(pieces[0])
        while have < size:
            first += 1
            pieces.append(self._frame(first)[: size - have])
            have += len(pieces[-1])
        return b"".join(pieces)

    def frames(self) -> Iterator[bytes]:
        """The plain `.bin` in order, a frame at a time, past the cache."""
        for number in range(self.num_frames):
            yield self._decompress(number)

    def verify(self) -> None:
        """Reads every frame; raises `DamagedFrameError` at the first that fails its checksum."""
        for _ in self.frames():
            pass

    def _frame_at(self, offset: int) -> int:
        return offset // self._equal_bytes if self._equal_bytes else bisect_right(self._starts, offset) - 1

    def _frame(self, number: int) -> bytes:
        cache = self._cache
        if cache.process != os.getpid():
            # another thread of the parent may have held the cache's lock when this process was forked
            cache = self._cache = _FrameCache(self.cache_frames)
        frame = cache.get(number)
        if frame is None:
            frame = self._decompress(number)
            cache.put(number, frame)
        return frame

    def _decompress(self, number: int) -> bytes:
        decompressor = getattr(self._local, "decompressor", None)
        if decompressor is None:
            decompressor = self._local.decompressor = zstandard.ZstdDecompressor()
        packed_start, packed_end = int(self._packed_starts[number]), int(self._packed_starts[number + 1])
        start, end = int(self._starts[number]), int(self._starts[number + 1])
        packed = self._pread(packed_end - packed_start, packed_start)
        try:
            if zstandard.frame_content_size(packed) not in (-1, end - start):  # -1: not stated. No checksum covers it, and it is allocated
                raise zstandard.ZstdError("the size in its header is not the seek table's")
            frame: bytes = decompressor.decompress(packed, max_output_size=end - start, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise DamagedFrameError(self.path, number, start, end, str(error)) from None
        if len(frame) != end - start:
            raise DamagedFrameError(self.path, number, start, end, f"{len(frame)} bytes where the seek table has {end - start}")
        return frame

    def close(self) -> None:
        """Closes the file; the reader is of no use afterwards."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_open_seekable, (self.path, self.cache_frames))


def _open_seekable(path: Path, cache_frames: int) -> SeekableReader:
    return SeekableReader(path, cache_frames=cache_frames)


class TokenShardWriter:
    """Writes one set of token shards under a prefix. Used as a context: all three files are committed at its end, or none on an exception.

    For a prefix of an object store they are written in its scratch folder and committed by a PUT each.

    The bytes depend on the documents, `vocab_size`, `frame_bytes` and `level` alone.
    """

    def __init__(self, prefix: str | Place, *, vocab_size: int, frame_bytes: int = FRAME_BYTES, level: int = ZSTD_LEVEL) -> None:
        prefix = Path(prefix) if isinstance(prefix, str) else prefix
        self.prefix = prefix
        self.vocab_size = vocab_size
        self.dtype = optimal_dtype(vocab_size)
        self._lengths: list[int] = []
        self._text_bytes = 0
        self._paths: dict[str, Place] = {suffix: with_suffix(prefix, suffix) for suffix in (IDS_SUFFIX, BIN_SUFFIX, INDEX_SUFFIX)}
        self._temporary = {suffix: temporary_path(path) for suffix, path in self._paths.items()}
        self._bin_handle = open(self._temporary[BIN_SUFFIX], "xb")  # noqa: SIM115
        self._ids_handle = open(self._temporary[IDS_SUFFIX], "xb")  # noqa: SIM115
        self._bin = SeekableWriter(self._bin_handle, frame_bytes=frame_bytes, level=level)
        self._ids = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).stream_writer(self._ids_handle, closefd=False)

    def add_document(self, tokens: npt.ArrayLike, document_id: str, *, text_bytes: int, math_share: float | None = None) -> None:
        """Appends a document: `tokens` `[T]` ids with its end token, T ≥ 1. Raises `ValueError` for an id outside the vocabulary.

        `math_share` is the share of the text's characters that are mathematics, where the corpus says it.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 1 or not tokens.size or tokens.dtype.kind not in "iu":
            raise ValueError(f"document {document_id}: one row of integer ids is needed, found {tokens.dtype} {tokens.shape}")
        smallest, largest = int(tokens.min()), int(tokens.max())
        if smallest < 0 or largest >= self.vocab_size:
            raise ValueError(f"document {document_id}: ids {smallest} to {largest} with a vocabulary of {self.vocab_size}")
        self._bin.write(tokens.astype(self.dtype.newbyteorder("<"), copy=False).tobytes())
        measures = {} if math_share is None else {"math_share": math_share}
        self._ids.write(orjson.dumps({"id": document_id, "text_bytes": text_bytes, **measures}) + b"\n")
        self._lengths.append(tokens.size)
        self._text_bytes += text_bytes

    @property
    def counts(self) -> TokenCounts:
        """What was added as yet."""
        return TokenCounts(documents=len(self._lengths), tokens=sum(self._lengths), text_bytes=self._text_bytes)

    def commit(self) -> TokenCounts:
        """Commits the three files, the index last; gives what they hold."""
        self._bin.finish()
        self._bin_handle.close()
        self._ids.close()  # type: ignore[no-untyped-call]
        self._ids_handle.close()
        self._temporary[INDEX_SUFFIX].write_bytes(encode_index(self.dtype, self._lengths))
        for suffix, path in self._paths.items():
            commit_file(self._temporary[suffix], path)
        return self.counts

    def discard(self) -> None:
        """Removes what was written; files committed earlier under the prefix stay."""
        self._bin_handle.close()
        self._ids_handle.close()
        for path in self._temporary.values():
            path.unlink(missing_ok=True)

    def __enter__(self) -> "TokenShardWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()


class TokenShardReader:
    """One set of token shards: `len()` documents, `document(n)` their ids. Pickles as its prefix."""

    def __init__(self, prefix: str | os.PathLike[str], *, cache_frames: int = CACHE_FRAMES) -> None:
        self.prefix = Path(prefix)
        self.cache_frames = cache_frames
        self.index_path = with_suffix(prefix, INDEX_SUFFIX)
        self.dtype, self.lengths, self.pointers, self.document_ends = read_index(self.index_path)
        self.bin = SeekableReader(with_suffix(prefix, BIN_SUFFIX), cache_frames=cache_frames)
        expected = self.num_tokens * self.dtype.itemsize
        if self.bin.size != expected:
            raise InputError(
                f"{self.bin.path}: {self.bin.size} bytes of ids where {self.index_path.name} has {expected}; "
                f"the two are of different runs: tokenise again"
            )

    def __len__(self) -> int:
        return len(self.document_ends) - 1

    @property
    def num_tokens(self) -> int:
        """Tokens in all, end tokens included."""
        return int(self.lengths.sum(dtype=np.int64))

    def document(self, number: int) -> TokenArray:
        """Ids of document `number`: `[T]` uint16 or int32. Raises `DamagedFrameError` naming file, frame and document."""
        if not 0 <= number < len(self):
            raise InputError(f"{self.prefix}: document {number} asked for, it holds {len(self)} (numbers start at 0)")
        first, last = int(self.document_ends[number]), int(self.document_ends[number + 1])
        num_tokens = int(self.lengths[first:last].sum(dtype=np.int64))
        offset = int(self.pointers[first]) if last > first else 0
        try:
            content = self.bin.read(offset, num_tokens * self.dtype.itemsize)
        except DamagedFrameError as error:
            raise error.at(f"document {number}") from None
        return np.frombuffer(content, dtype=self.dtype)

    def document_at(self, offset: int) -> int:
        """Number of the document that byte `offset` of the plain `.bin` belongs to."""
        sequence = int(np.searchsorted(self.pointers, offset, side="right")) - 1
        return int(np.searchsorted(self.document_ends, sequence, side="right")) - 1

    def close(self) -> None:
        """Closes the file of ids; the reader is of no use afterwards."""
        self.bin.close()

    def document_records(self) -> Iterator[dict[str, Any]]:
        """`{"id": …, "text_bytes": …}` of every document in order, with its `math_share` where that is known."""
        return read_text_shard(with_suffix(self.prefix, IDS_SUFFIX))

    def document_id(self, number: int) -> str:
        """Id of document `number`. Reads the side file up to it."""
        for index, record in enumerate(self.document_records()):
            if index == number:
                return str(record["id"])
        raise InputError(f"{with_suffix(self.prefix, IDS_SUFFIX)}: no document {number}")

    def verify(self) -> None:
        """Reads every frame; raises `DamagedFrameError` with the documents that a damaged one holds."""
        try:
            self.bin.verify()
        except DamagedFrameError as error:
            first, last = self.document_at(error.start), self.document_at(error.end - 1)
            raise error.at(f"documents {first} to {last}") from None
        num_ids = sum(1 for _ in self.document_records())
        if num_ids != len(self):
            raise InputError(f"{with_suffix(self.prefix, IDS_SUFFIX)}: {num_ids} ids for {len(self)} documents; tokenise again")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_open_token_shard, (self.prefix, self.cache_frames))


def _open_token_shard(prefix: Path, cache_frames: int) -> TokenShardReader:
    return TokenShardReader(prefix, cache_frames=cache_frames)


def read_index(path: str | os.PathLike[str]) -> tuple[np.dtype[Any], npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Megatron's `.idx` → dtype, lengths `[S]`, byte offsets `[S]`, boundaries of documents `[D + 1]` in sequences; mapped, not read."""
    try:
        mapped = np.memmap(path, mode="r")
    except FileNotFoundError:
        raise InputError(f"{path}: no such index of token shards") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as an index of token shards ({error})") from None
    if len(mapped) < _INDEX_HEADER.size or bytes(mapped[: len(_INDEX_MAGIC)]) != _INDEX_MAGIC:
        raise InputError(f"{path}: is no Megatron index; tokenise again or copy it anew")
    _, version, code, num_sequences, num_boundaries = _INDEX_HEADER.unpack(bytes(mapped[: _INDEX_HEADER.size]))
    num_bytes = _INDEX_HEADER.size + 12 * num_sequences + 8 * num_boundaries
    if version != _INDEX_VERSION or code not in _DTYPE_OF_CODE or num_bytes != len(mapped) or num_boundaries < 1:
        raise InputError(
            f"{path}: version {version}, dtype code {code}, {num_sequences} sequences, {len(mapped)} of {num_bytes} bytes: "
            f"not an index of token ids, or cut; tokenise again or copy it anew"
        )
    offset = _INDEX_HEADER.size
    lengths = np.frombuffer(mapped, dtype="<i4", count=num_sequences, offset=offset)
    pointers = np.frombuffer(mapped, dtype="<i8", count=num_sequences, offset=offset + lengths.nbytes)
    boundaries = np.frombuffer(mapped, dtype="<i8", count=num_boundaries, offset=offset + lengths.nbytes + pointers.nbytes)
    return _DTYPE_OF_CODE[code], lengths, pointers, boundaries


def write_plain_bin(prefix: str | os.PathLike[str]) -> Path:
    """Writes the ordinary `.bin` beside `.bin.zst`, which stock Megatron-LM reads with the same `.idx`; gives its path."""
    reader = SeekableReader(with_suffix(prefix, BIN_SUFFIX))
    path = with_suffix(prefix, PLAIN_SUFFIX)
    temporary = temporary_path(path)
    try:
        with open(temporary, "xb") as handle:
            for frame in reader.frames():
                handle.write(frame)
        commit_file(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        reader.close()
    return path
