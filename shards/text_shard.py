"""Text shards: JSON lines in zstd, one document a line, in frames of several documents (`docs/formats.md`).

The bytes depend on the documents alone: keys sorted, level and frame size fixed here, one thread, no dates.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import zstandard

from shards.errors import InputError
from shards.store import Place, open_binary

ZSTD_LEVEL = 6
DOCUMENTS_PER_FRAME = 16  # frames of 16 and more lose under 3 % to one stream on LaTeX text
_READ_BYTES = 1 << 17


def encode_text_shard(documents: Iterable[Mapping[str, Any]]) -> bytes:
    """Documents as the bytes of one text shard."""
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    frames: list[bytes] = []
    lines: list[bytes] = []
    for document in documents:
        lines.append(orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
        if len(lines) == DOCUMENTS_PER_FRAME:
            frames.append(compressor.compress(b"".join(lines)))
            lines.clear()
    if lines or not frames:
        frames.append(compressor.compress(b"".join(lines)))
    return b"".join(frames)


def read_text_shard(path: str | Place) -> Iterator[dict[str, Any]]:
    """The documents of a text shard in order. Raises `InputError` with file and line for what is no text shard, or a cut one."""
    try:
        with open_binary(Path(path) if isinstance(path, str) else path) as handle:
            yield from decode_text_shard(path, handle)
    except FileNotFoundError:
        raise InputError(f"{path}: no such text shard") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); a text shard is needed") from None


def decode_text_shard(path: str | Place, handle: BinaryIO) -> Iterator[dict[str, Any]]:
    """As `read_text_shard`, from a file that is open already; `path` is what errors name."""
    number = 0
    try:
        for number, line in enumerate(_lines(_decompressed(handle)), 1):
            document = orjson.loads(line)
            if not isinstance(document, dict):
                raise InputError(f"{path}: line {number}: a JSON object is needed, found {type(document).__name__}")
            yield document
    except EOFError:
        raise InputError(f"{path}: after line {number}: the file ends inside a zstd frame; copy it anew or make it again") from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path}: line {number}: not JSON ({error})") from None
    except zstandard.ZstdError as error:
        raise InputError(f"{path}: after line {number}: not a zstd JSON-lines shard ({error})") from None


def _decompressed(handle: BinaryIO) -> Iterator[bytes]:
    """The bytes of all frames. Raises `EOFError` where the last one is cut, which zstandard's own stream reader passes over in silence."""
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    while piece := handle.read(_READ_BYTES):
        while piece:
            if frame.eof:
                frame = decompressor.decompressobj()
            yield frame.decompress(piece)
            piece = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    for piece in pieces:
        first, *others = piece.split(b"\n")
        rest.append(first)
        if others:
            yield b"".join(rest)
            *whole, last = others
            yield from whole
            rest = [last]
    if line := b"".join(rest):
        yield line
