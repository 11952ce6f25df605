"""A dump's tars: found, scanned by their headers alone, cut into work units, read member by member.

arXiv's tars are uncompressed, so a header scan costs one seek a member and a unit is a range of bytes that any worker can read by itself.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from preprocess.config import UnitConfig
from preprocess.records import RawPaper
from shards.errors import InputError

BLOCK_BYTES = 512
_TAR_NAME = re.compile(r"^arXiv_src_(\d{4})_(\d{3,})\.tar$")
_NEW_ID = re.compile(r"^(\d{4}\.\d{4,5})(?:v\d+)?$")
_OLD_ID = re.compile(r"^([a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?)/?(\d{7})(?:v\d+)?$")
_REGULAR_KINDS = (b"0", b"\0", b"7")


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
    members: list[Member] = []
    num_folders = 0
    long_name: str | None = None
    is_truncated = True
    try:
        num_bytes = os.path.getsize(path)
        with open(path, "rb") as handle:
            position = 0
            while position + BLOCK_BYTES <= num_bytes:
                handle.seek(position)
                header = handle.read(BLOCK_BYTES)
                if not header.strip(b"\0"):
                    is_truncated = False
                    break
                size, kind, name = _header(path, position, header)
                start = position + BLOCK_BYTES
                position = start + -(-size // BLOCK_BYTES) * BLOCK_BYTES
                if kind == b"L":
                    long_name = handle.read(size).split(b"\0")[0].decode("utf-8", "replace")
                    continue
                name, long_name = (long_name or name), None
                if kind == b"5" or name.endswith("/"):
                    num_folders += 1
                elif kind in _REGULAR_KINDS:
                    available = max(0, min(size, num_bytes - start))
                    members.append(Member(name=name, offset=start, size=size, available=available))
                elif kind not in (b"x", b"g", b"K"):
                    members.append(Member(name=name, offset=start, size=0, available=0))
        md5 = _md5(path)
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


def _header(path: Path, position: int, header: bytes) -> tuple[int, bytes, str]:
    stated = header[148:156].strip(b"\0 ")
    total = sum(header) - sum(header[148:156]) + 8 * 0x20
    try:
        if int(stated, 8) != total:
            raise ValueError
        size = int.from_bytes(header[125:136], "big") if header[124] == 0x80 else int(header[124:136].strip(b"\0 ") or b"0", 8)
    except ValueError:
        what = "is not a tar" if position == 0 else f"is corrupt: no tar header at byte {position}"
        raise InputError(f"{path}: {what}; fetch it again or move it out of the source folder") from None
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return size, header[156:157], (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as handle:
        while piece := handle.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


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
    """The unit's members in order, one in memory at a time."""
    with open(unit.tar_path, "rb") as handle:
        for member in unit.members:
            handle.seek(member.offset)
            yield RawPaper(
                arxiv_id=arxiv_id_of(member.name),
                tar=unit.tar,
                member=member.name,
                payload=handle.read(member.available),
                size=member.size,
            )
