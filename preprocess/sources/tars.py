"""A dump's tars: found, scanned by their headers alone, cut into work units, read member by member.

arXiv's tars are uncompressed, so a header scan costs one seek a member and a unit is a range of bytes that any worker can read by itself.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from preprocess.config import UnitConfig
from preprocess.records import RawPaper
from preprocess.tar_header import BLOCK_BYTES, GNU_LONG_LINK, MAX_NAME_BYTES, PAX, PAX_GLOBAL, is_end_mark, long_name, parse_header
from shards.errors import InputError
from shards.fingerprint import file_digest

_TAR_NAME = re.compile(r"^arXiv_src_(\d{4})_(\d{3,})\.tar$")
_NEW_ID = re.compile(r"^(\d{4}\.\d{4,5})(?:v\d+)?$")
_OLD_ID = re.compile(r"^([a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?)/?(\d{7})(?:v\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One paper's place in a tar: `offset` and `size` of its bytes. `available` is less than `size` where the tar is cut."""

    name: str
    offset: int
    size: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TarListing:
    """What a header scan of one tar found. `is_truncated` where the file ends inside a member or without an end mark."""

    path: str
    name: str
    num_bytes: int
    md5: str
    members: tuple[Member, ...]
    num_folders: int
    is_truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A range of members of one tar: what one worker does at a time."""

    name: str
    tar_path: str
    tar: str
    tar_md5: str
    first_member: int
    members: tuple[Member, ...]


def find_tars(source: Path) -> list[Path]:
    """The dump's tars under `source`, oldest month first. Raises `InputError` where there is none."""
    if not source.is_dir():
        raise InputError(f"{source}: no such folder; --source takes the folder of arXiv_src_YYMM_NNN.tar files")
    found = [path for path in sorted(source.iterdir()) if _TAR_NAME.match(path.name)]
    if not found:
        raise InputError(f"{source}: holds no arXiv_src_YYMM_NNN.tar; --source takes the folder of the tars")
    return sorted(found, key=lambda path: tar_key(path.name))


def other_tars(source: Path) -> list[str]:
    """Names of the `.tar` files under `source` that are not named as a dump's tars are, so that no run reads them."""
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


def scan_tar(path: Path) -> TarListing:
    """Lists a tar by its headers. Raises `InputError` for what is no tar; a tar that is cut is listed as far as it goes."""
    try:
        num_bytes = os.path.getsize(path)
        with open(path, "rb") as handle:
            members, num_folders, is_truncated = _scan(path, handle, num_bytes)
        md5 = file_digest(path, "md5")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return TarListing(
        path=str(path),
        name=path.name,
        num_bytes=num_bytes,
        md5=md5,
        members=tuple(members),
        num_folders=num_folders,
        is_truncated=is_truncated,
    )


def _scan(path: Path, handle: BinaryIO, num_bytes: int) -> tuple[list[Member], int, bool]:
    """Members, number of folders, and whether the tar ends without its end mark."""
    members: list[Member] = []
    num_folders = 0
    next_name: str | None = None
    position = 0
    if num_bytes < BLOCK_BYTES:
        raise InputError(f"{path}: is not a tar ({num_bytes} bytes); fetch it again or move it out of the source folder")
    while position + BLOCK_BYTES <= num_bytes:
        handle.seek(position)
        block = handle.read(BLOCK_BYTES)
        if is_end_mark(block):
            return members, num_folders, False
        header = parse_header(block)
        if header is None:
            what = "is not a tar" if position == 0 else f"is corrupt: no tar header at byte {position}"
            raise InputError(f"{path}: {what}; fetch it again or move it out of the source folder")
        start = position + BLOCK_BYTES
        position = start + header.num_padded_bytes
        if found := long_name(header.kind, handle.read(min(header.num_bytes, MAX_NAME_BYTES))):
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
    )


def read_papers(unit: Unit) -> Iterator[RawPaper]:
    """The unit's members in order, one in memory at a time. Raises `InputError` where the tar is no longer what the plan saw."""
    with open(unit.tar_path, "rb") as handle:
        for member in unit.members:
            handle.seek(member.offset)
            payload = handle.read(member.available)
            if len(payload) != member.available:
                raise InputError(f"{unit.tar_path}: has become shorter since the run began; leave the source alone and run again")
            yield RawPaper(arxiv_id=arxiv_id_of(member.name), tar=unit.tar, member=member.name, payload=payload, size=member.size)
