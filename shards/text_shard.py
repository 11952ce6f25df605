"""Text shards: JSON lines in zstd, one document a line, in frames of several documents (`docs/formats.md`).

The bytes depend on the documents alone: keys sorted, level and frame size fixed here, one thread, no dates.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import zstandard

from shards.errors import InputError

ZSTD_LEVEL = 6
DOCUMENTS_PER_FRAME = 16  # frames of 16 and more lose under 3 % to one stream on LaTeX text


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


def read_text_shard(path: str | Path) -> Iterator[dict[str, Any]]:
    """The documents of a text shard in order. Raises `InputError` with file and line for what is no text shard."""
    number = 0
    try:
        with open(path, "rb") as handle:
            reader = zstandard.ZstdDecompressor().stream_reader(handle, read_across_frames=True)
            for number, line in enumerate(_lines(reader), 1):
                document = orjson.loads(line)
                if not isinstance(document, dict):
                    raise InputError(f"{path}: line {number}: a JSON object is needed, found {type(document).__name__}")
                yield document
    except FileNotFoundError:
        raise InputError(f"{path}: no such text shard") from None
    except (zstandard.ZstdError, orjson.JSONDecodeError) as error:
        raise InputError(f"{path}: after line {number}: not a zstd JSON-lines shard ({error})") from None


def _lines(reader: zstandard.ZstdDecompressionReader) -> Iterator[bytes]:
    rest = b""
    while piece := reader.read(1 << 20):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
