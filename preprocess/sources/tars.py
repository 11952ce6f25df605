"""A dump's tars: found, scanned by their headers alone, cut into work units, read member by member.

arXiv's tars are uncompressed, so a header scan costs one seek a member and a unit is a range of bytes that any worker can read by itself.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from preprocess.config import UnitConfig
from preprocess.records import RawPaper
from preprocess.sources.manifest import ManifestEntry
from preprocess.tar_header import (
    BLOCK_BYTES,
    GNU_LONG_LINK,
    GNU_LONG_NAME,
    MAX_NAME_BYTES,
    PAX,
    PAX_GLOBAL,
    is_end_mark,
    long_name,
    parse_header,
)
from shards.errors import InputError
from shards.store import FileState, Place, StorePath, map_ahead, open_binary, state_of

_SCAN_BYTES = 4 << 20
_HOP_BYTES = 4096  # a header, and where there is one the long name before it
MIN_HOP_BYTES = 1 << 20
# mean bytes of a tar's members from which on headers are read one by one: under it a request of 30 ms costs more than the bytes between.
_TAR_NAME = re.compile(r"^arXiv_src_(\d{4})_(\d{3,})\.tar$")
_NEW_ID = re.compile(r"^(\d{4}\.\d{4,5})(?:v\d+)?$")
_OLD_ID = re.compile(r"^([a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?)/?(\d{7})(?:v\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One paper's place in a tar: `offset` and `size` of its bytes. `available` is less than `size` where the tar is cut.

    With `is_rest` it is no paper but all that comes after a header that is damaged: what is in it cannot be told.
    """

    name: str
    offset: int
    size: int
    available: int
    is_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TarListing:
    """What a scan of one tar found. `is_truncated` where the file ends inside a member or without an end mark.

    `version` is the mark of the file (`shards.store.FileState`) when it was read.
    """

    path: Place
    name: str
    num_bytes: int
    md5: str
    members: tuple[Member, ...]
    num_folders: int
    is_truncated: bool
    version: str = ""

    @property
    def num_items(self) -> int:
        """Members, without what cannot be told apart after a damaged header."""
        return sum(not member.is_rest for member in self.members)

    @property
    def corrupt_from_byte(self) -> int | None:
        """Where a damaged header is, None where all of them are right."""
        return next((member.offset for member in self.members if member.is_rest), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A range of members of one tar: what one worker does at a time."""

    name: str
    tar_path: Place
    tar: str
    tar_md5: str
    first_member: int
    members: tuple[Member, ...]
    tar_version: str = ""


def find_tars(source: Place, stated: Collection[str] = ()) -> list[Place]:
    """The dump's tars under `source`, oldest month first. Raises `InputError` where there is none.

    A plain HTTP(S) folder cannot be listed: there those of `stated`, the names in arXiv's manifest, are asked for.
    """
    if isinstance(source, StorePath) and not source.is_listable:
        if not stated:
            raise InputError(f"{source}: an HTTP folder cannot be listed; put arXiv_src_manifest.xml, which names its tars, beside them")
        places = [source / name for name in sorted(stated)]
        found: list[Place] = [path for path, is_there in zip(places, map_ahead(StorePath.is_file, places, source), strict=True) if is_there]
    elif not source.is_dir():
        raise InputError(f"{source}: no such folder; --source takes the folder of arXiv_src_YYMM_NNN.tar files")
    else:
        found = list(source.iterdir())
    found = [path for path in found if _TAR_NAME.match(path.name)]
    if not found:
        raise InputError(f"{source}: holds no arXiv_src_YYMM_NNN.tar; --source takes the folder of the tars")
    return sorted(found, key=lambda path: tar_key(path.name))


def other_tars(source: Place) -> list[str]:
    """Names of the `.tar` files under `source` that are not named as a dump's tars are, so that no run reads them."""
    if isinstance(source, StorePath) and not source.is_listable:
        return []
    return sorted(path.name for path in source.iterdir() if path.suffix == ".tar" and not _TAR_NAME.match(path.name))


def tar_key(name: str) -> tuple[int, int]:
    """Sorts tars by time: (months since 1991, sequence number)."""
    match = _TAR_NAME.match(name)
    if match is None:
        raise InputError(f"{name}: is not named arXiv_src_YYMM_NNN.tar")
    year, month = int(match[1][:2]), int(match[1][2:])
    year += 1900 if year >= 91 else 2000
    return (year - 1991) * 12 + month, int(match[2])


def arxiv_id_of(member: str) -> str:
    """`9901/hep-th9901003.gz` → `hep-th/9901003`, `0912/0912.0469.gz` → `0912.0469`; any other name without its ending."""
    stem = member.rsplit("/", 1)[-1]
    for suffix in (".tar.gz", ".gz", ".pdf", ".ps", ".tar", ".tex", ".html"):
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
            break
    if match := _NEW_ID.match(stem):
        return match[1]
    if match := _OLD_ID.match(stem):
        return f"{match[1]}/{match[2]}"
    return stem


def require_tar(path: Place) -> None:
    """Raises `InputError` for what does not begin as a tar does. Reads one block."""
    try:
        content = path.read_range(0, BLOCK_BYTES) if isinstance(path, StorePath) else _first_block(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) < BLOCK_BYTES or (not is_end_mark(content) and parse_header(content) is None):
        found = f" ({len(content)} bytes)" if len(content) < BLOCK_BYTES else ""
        raise InputError(f"{path}: is not a tar{found}; fetch it again or move it out of the source folder")


def _first_block(path: Path) -> bytes:
    with open(path, "rb") as handle:
        return handle.read(BLOCK_BYTES)


def is_vouched_for(state: FileState, entry: ManifestEntry | None) -> bool:
    """Whether the store says itself that a tar has the MD5 that arXiv's manifest states, so that nobody need read it for that.

    S3's ETag of an object that came in one PUT is its MD5. Where it is something else (parts, other keys, other stores) it is not the
    manifest's, and the tar is read.
    """
    return entry is not None and state.version == f'"{entry.md5}"' and state.st_size == entry.num_bytes


def is_hopped(state: FileState, entry: ManifestEntry | None) -> bool:
    """Whether a tar is listed by reading its headers alone: the store vouches for it, and its members are not all small."""
    return is_vouched_for(state, entry) and entry is not None and state.st_size >= MIN_HOP_BYTES * entry.num_items


def scan_tar(path: Place, entry: ManifestEntry | None = None) -> TarListing:
    """Lists a tar by its headers and digests it, in one pass over its bytes, of which a few MB are in memory at a time.

    `entry` is what arXiv's manifest says of it: where the store vouches for that, headers alone are read, from one to the next.
    Raises `InputError` for what is no tar. A tar that is cut is listed as far as it goes; what comes after a damaged header is one more
    member, with `is_rest`.
    """
    try:
        state = state_of(path)
        require_tar(path)
        if isinstance(path, StorePath) and entry is not None and is_hopped(state, entry):
            members, num_folders, is_truncated = _scan(_HoppingReader(path, state.version), state.st_size)
            md5 = entry.md5
        else:
            with open_binary(path, end=state.st_size, version=state.version) as handle:
                reader = _DigestingReader(handle)
                members, num_folders, is_truncated = _scan(reader, state.st_size)
                md5 = reader.digest_rest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return TarListing(
        path=path,
        name=path.name,
        num_bytes=state.st_size,
        version=state.version,
        md5=md5,
        members=tuple(members),
        num_folders=num_folders,
        is_truncated=is_truncated,
    )


class _HoppingReader:
    """Reads pieces of a store's file wherever they are asked for: a request for each header and what lies close behind it."""

    def __init__(self, path: StorePath, version: str) -> None:
        self._path, self._version = path, version
        self._held = b""
        self._start = 0

    def read_at(self, position: int, length: int) -> bytes:
        """`length` bytes from `position`, less where the file ends."""
        if position < self._start or position + length > self._start + len(self._held):
            self._held = self._path.read_range(position, max(length, _HOP_BYTES), self._version)
            self._start = position
        return self._held[position - self._start : position - self._start + length]


class _DigestingReader:
    """Reads pieces of a file at rising positions, and every byte of it once, for the MD5 of the whole."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._held = b""
        self._start = 0

    def read_at(self, position: int, length: int) -> bytes:
        """`length` bytes from `position`, less where the file ends; positions must not fall."""
        while position + length > self._start + len(self._held) and (piece := self._next()):
            kept = self._held[position - self._start :] if position < self._start + len(self._held) else b""
            self._start += len(self._held) - len(kept)
            self._held = kept + piece
        return self._held[position - self._start : position - self._start + length] if position >= self._start else b""

    def digest_rest(self) -> str:
        """The MD5 of the whole file, hexadecimal."""
        while self._next():
            pass
        return self._md5.hexdigest()

    def _next(self) -> bytes:
        piece = self._handle.read(_SCAN_BYTES)
        self._md5.update(piece)
        return piece


def _scan(reader: _DigestingReader | _HoppingReader, num_bytes: int) -> tuple[list[Member], int, bool]:
    """Members, number of folders, and whether the tar ends without its end mark."""
    members: list[Member] = []
    num_folders = 0
    next_name: str | None = None
    position = 0
    while position + BLOCK_BYTES <= num_bytes:
        block = reader.read_at(position, BLOCK_BYTES)
        if is_end_mark(block):
            return members, num_folders, False
        header = parse_header(block)
        if header is None:
            rest = Member(name=f"(from byte {position})", offset=position, size=num_bytes - position, available=0, is_rest=True)
            return [*members, rest], num_folders, False
        start = position + BLOCK_BYTES
        position = start + header.num_padded_bytes
        if header.kind in (GNU_LONG_NAME, PAX) and (
            found := long_name(header.kind, reader.read_at(start, min(header.num_bytes, MAX_NAME_BYTES)))
        ):
            next_name = found
            continue
        if header.kind in (PAX, PAX_GLOBAL, GNU_LONG_LINK):
            continue
        if next_name:
            header, next_name = replace(header, name=next_name), None
        if header.is_folder:
            num_folders += 1
            continue
        # links and devices are no papers, but they are on the books: as members without a byte
        size = header.num_bytes if header.is_file else 0
        members.append(Member(name=header.name, offset=start, size=size, available=max(0, min(size, num_bytes - start))))
    return members, num_folders, True


def plan_units(listing: TarListing, config: UnitConfig) -> list[Unit]:
    """Cuts a tar into units of at most `max_unit_members` members and, beyond the first member, `max_unit_bytes` bytes."""
    units: list[Unit] = []
    chosen: list[Member] = []
    num_bytes = 0
    first = 0
    for index, member in enumerate(listing.members):
        if chosen and (len(chosen) == config.max_unit_members or num_bytes + member.size > config.max_unit_bytes):
            units.append(_unit(listing, first, chosen))
            chosen, num_bytes, first = [], 0, index
        chosen.append(member)
        num_bytes += member.size
    if chosen:
        units.append(_unit(listing, first, chosen))
    return units


def _unit(listing: TarListing, first: int, members: Sequence[Member]) -> Unit:
    return Unit(
        name=f"{listing.name.removesuffix('.tar')}-{first:05d}",
        tar_path=listing.path,
        tar=listing.name,
        tar_md5=listing.md5,
        first_member=first,
        members=tuple(members),
        tar_version=listing.version,
    )


def read_papers(unit: Unit) -> Iterator[RawPaper]:
    """The unit's members in order, one in memory at a time. Raises `InputError` where the tar is no longer what the plan saw."""
    end = max((member.offset + member.available for member in unit.members), default=0)
    with open_binary(unit.tar_path, end=end, version=unit.tar_version) as handle:
        for member in unit.members:
            handle.seek(member.offset)
            payload = handle.read(member.available)
            if len(payload) != member.available:
                raise InputError(f"{unit.tar_path}: has become shorter since the run began; leave the source alone and run again")
            yield RawPaper(
                arxiv_id=arxiv_id_of(member.name),
                tar=unit.tar,
                member=member.name,
                payload=payload,
                size=member.size,
                is_rest=member.is_rest,
            )
