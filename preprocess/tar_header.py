"""One header block of a tar, read strictly: for the dump's own tars, which are files, and for submissions, which are bytes in memory.

Python's tarfile unpacks to disks, follows links and raises a family of exceptions; here a block of 512 bytes is a header or it is none.
"""

import re
from dataclasses import dataclass

BLOCK_BYTES = 512
MAX_NAME_BYTES = 1 << 16  # of a GNU or pax long name: paths end at 4,096 bytes where tars are made
FILE_KINDS = (b"0", b"\0", b"7")
FOLDER, HARD_LINK, GNU_LONG_NAME, GNU_LONG_LINK, PAX, PAX_GLOBAL = b"5", b"1", b"L", b"K", b"x", b"g"
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders, pipes: their size field means nothing
_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_PAX_PATH = re.compile(rb"(?:^|\n)\d+ path=([^\n]*)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class TarHeader:
    """What one header states. `num_bytes` of content follow it, padded to whole blocks; `link_target` is set for links."""

    name: str
    kind: bytes
    num_bytes: int
    link_target: str

    @property
    def num_padded_bytes(self) -> int:
        """Bytes from the end of this header to the next one."""
        return -(-self.num_bytes // BLOCK_BYTES) * BLOCK_BYTES

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, as tars say it today or by the name's last character, as they did before 1988."""
        return self.kind == FOLDER or (self.kind in FILE_KINDS and self.name.endswith("/"))

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind in FILE_KINDS and not self.is_folder


def is_end_mark(block: bytes) -> bool:
    """Whether a block ends the tar: all zeros."""
    return not block.strip(b"\0")


def parse_header(block: bytes) -> TarHeader | None:
    """The header in a block, or None where its checksum or its numbers say that it is none."""
    if len(block) != BLOCK_BYTES or not _is_checksum_right(block):
        return None
    kind = block[156:157]
    num_bytes = _number(block[124:136])
    if num_bytes is None:
        return None
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return TarHeader(
        name=decode_name(prefix + b"/" + name if prefix else name),
        kind=kind,
        num_bytes=0 if kind in _WITHOUT_CONTENT else num_bytes,
        link_target=decode_name(block[157:257].split(b"\0")[0]),
    )


def long_name(kind: bytes, content: bytes) -> str | None:
    """The name that a GNU `L` or pax `x` member gives to the next one; None where it gives none."""
    if kind == GNU_LONG_NAME:
        return decode_name(content.split(b"\0")[0])
    found = _PAX_PATH.search(content) if kind == PAX else None
    return decode_name(found[1]) if found else None


def decode_name(name: bytes) -> str:
    """A name's bytes as text: UTF-8 where they are, else Latin-1, which every byte is."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _is_checksum_right(block: bytes) -> bool:
    stated = _octal(block[148:156])
    if stated is None:
        return False
    blank = block[:148] + b" " * 8 + block[156:]
    # some old tars summed signed characters
    return stated == sum(blank) or stated == sum(blank) - 256 * sum(byte > 127 for byte in blank)


def _number(field: bytes) -> int | None:
    if field[0] == 0x80:  # base 256, for what octal digits cannot hold
        return int.from_bytes(field[1:], "big")
    return _octal(field)


def _octal(field: bytes) -> int | None:
    match = _OCTAL.match(field)
    digits = match[1] if match else b""
    # what follows a NUL is left over from whatever the buffer held before
    is_whole = match is not None and (match.end() == len(field) or b"\0" in field[match.start(1) + len(digits) : match.end()])
    return int(digits or b"0", 8) if is_whole else None
