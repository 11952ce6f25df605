"""gzip and tar whose bytes depend on the content alone: no dates, no owners, no version of zlib.

zlib's output differs between its versions and forks, so deflate is written here: LZ77 with one candidate a position and the fixed Huffman
codes of RFC 1951. It packs TeX to about half, which is enough for a sample.
"""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_MATCH = 3
MAX_MATCH = 258
WINDOW_BYTES = 32768

_LENGTH_EXTRA_BITS = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0)
_DISTANCE_EXTRA_BITS = (0, 0, 0, 0, *(bits for bits in range(1, 14) for _ in range(2)))


def _bases(first: int, extra_bits: Sequence[int]) -> list[int]:
    bases = [first]
    for bits in extra_bits[:-1]:
        bases.append(bases[-1] + (1 << bits))
    return bases


_LENGTH_BASES = [*_bases(MIN_MATCH, _LENGTH_EXTRA_BITS)[:-1], MAX_MATCH]  # code 285 is 258 itself
_DISTANCE_BASES = _bases(1, _DISTANCE_EXTRA_BITS)


def _code_for(value: int, bases: Sequence[int]) -> int:
    return max(code for code, base in enumerate(bases) if base <= value)


_LENGTH_CODES = [_code_for(length, _LENGTH_BASES) if length >= MIN_MATCH else -1 for length in range(MAX_MATCH + 1)]


class _Bits:
    """Bits packed from the lowest of each byte on, as deflate wants them."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._held = 0
        self._num_held = 0

    def number(self, value: int, num_bits: int) -> None:
        self._held |= value << self._num_held
        self._num_held += num_bits
        while self._num_held >= 8:
            self.content.append(self._held & 0xFF)
            self._held >>= 8
            self._num_held -= 8

    def code(self, code: int, num_bits: int) -> None:
        """A Huffman code, whose highest bit comes first."""
        self.number(int(f"{code:0{num_bits}b}"[::-1], 2), num_bits)

    def finished(self) -> bytes:
        if self._num_held:
            self.number(0, 8 - self._num_held)
        return bytes(self.content)


def _fixed_code(symbol: int) -> tuple[int, int]:
    if symbol < 144:
        return 0x30 + symbol, 8
    if symbol < 256:
        return 0x190 + symbol - 144, 9
    if symbol < 280:
        return symbol - 256, 7
    return 0xC0 + symbol - 280, 8


def deflate(content: bytes) -> bytes:
    """`content` as one deflate block with fixed Huffman codes."""
    bits = _Bits()
    bits.number(1, 1)  # the last block
    bits.number(1, 2)  # of fixed codes
    last_seen: dict[bytes, int] = {}
    position = 0
    while position < len(content):
        start = last_seen.get(content[position : position + MIN_MATCH], -1)
        length = 0
        if start >= 0 and position - start <= WINDOW_BYTES:
            longest = min(MAX_MATCH, len(content) - position)
            while length < longest and content[start + length] == content[position + length]:
                length += 1
        if length >= MIN_MATCH:
            code = _LENGTH_CODES[length]
            bits.code(*_fixed_code(257 + code))
            bits.number(length - _LENGTH_BASES[code], _LENGTH_EXTRA_BITS[code])
            distance = position - start
            code = _code_for(distance, _DISTANCE_BASES)
            bits.code(code, 5)
            bits.number(distance - _DISTANCE_BASES[code], _DISTANCE_EXTRA_BITS[code])
        else:
            length = 1
            bits.code(*_fixed_code(content[position]))
        for seen in range(position, min(position + length, len(content) - MIN_MATCH + 1)):
            last_seen[content[seen : seen + MIN_MATCH]] = seen
        position += length
    bits.code(*_fixed_code(256))  # the block's end
    return bits.finished()


def gzip_bytes(content: bytes, name: str | None = None) -> bytes:
    """`content` as a gzip file without a date; `name` is the file name in its header, as arXiv has it for single files."""
    header = b"\x1f\x8b\x08" + (b"\x08" if name else b"\0") + b"\0\0\0\0" + b"\0\x03"
    if name:
        header += name.encode("latin-1") + b"\0"
    return header + deflate(content) + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def gzip_bomb(num_matches: int) -> bytes:
    """1 + 258·`num_matches` zero bytes at two bits a match, 1,032-fold: what a decompression bomb is made of."""
    bits = _Bits()
    bits.number(1, 1)
    bits.number(2, 2)  # codes of its own: literal 0 and the end take 2 bits, length 258 takes 1, distance 1 takes 1
    bits.number(286 - 257, 5)
    bits.number(1 - 1, 5)
    bits.number(18 - 4, 4)  # lengths of the code-length codes, in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1
    for length in (0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2):
        bits.number(length, 3)

    def one() -> None:
        bits.code(0b10, 2)

    def two() -> None:
        bits.code(0b11, 2)

    def zeros(count: int) -> None:
        bits.code(0, 1)
        bits.number(count - 11, 7)

    two()  # literal 0
    zeros(138)
    zeros(117)
    two()  # 256, the end
    zeros(28)
    one()  # 285, length 258
    one()  # distance 1
    bits.code(0b10, 2)
    for _ in range(num_matches):
        bits.number(0, 2)
    bits.code(0b11, 2)
    size = 1 + MAX_MATCH * num_matches
    checksum, left = 0, size
    piece = bytes(1 << 20)
    while left:
        checksum = zlib.crc32(piece[: min(left, len(piece))], checksum)
        left -= min(left, len(piece))
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bits.finished() + struct.pack("<II", checksum, size & 0xFFFFFFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class TarEntry:
    """One member of a tar: a file with its content, a folder (`kind` is `5`), or a link (`1` hard, `2` symbolic) to `link_target`."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link_target: str = ""
    modified: int = 0


def tar_bytes(entries: Sequence[TarEntry]) -> bytes:
    """A ustar archive owned by nobody, ended as GNU tar ends it: zeros up to a multiple of 10,240 bytes."""
    blocks = bytearray()
    for entry in entries:
        header = tarfile.TarInfo(entry.name)
        header.size = len(entry.content)
        header.type = entry.kind
        header.mode = 0o755 if entry.kind == tarfile.DIRTYPE else 0o644
        header.linkname = entry.link_target
        header.mtime = entry.modified
        blocks += header.tobuf(tarfile.USTAR_FORMAT, "utf-8")
        blocks += entry.content + bytes(-len(entry.content) % tarfile.BLOCKSIZE)
    blocks += bytes(2 * tarfile.BLOCKSIZE)
    return bytes(blocks + bytes(-len(blocks) % tarfile.RECORDSIZE))


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file of uncompressed members without dates."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)
            member.create_system = 3  # Unix, whatever machine this is
            archive.writestr(member, content)
    return buffer.getvalue()
