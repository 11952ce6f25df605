"""What was found in each tar, kept beside the output, so that a tar is read once and then only where it has changed.

A scan reads every byte of a tar, for its MD5. `OUT/.scans/<tar>.json` holds the listing with the file's size and version (its ETag, or its
times on a file system); while those are the same, so is the tar. It stands outside every law of equal bytes: the same dump on
another disk has other times.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import orjson

from preprocess.sources.tars import Member, TarListing, scan_tar
from shards.commit import write_bytes
from shards.fingerprint import file_digest
from shards.store import FileState, Place, StorePath, map_ahead, state_of, states_in

SCANS = ".scans"
_FORMAT = 1
_SCANS_AT_ONCE = 8  # tars of a store read at a time, 20 MB of memory each: one stream is 50-100 MB/s, MD5 600 MB/s a core
_SECONDS_BETWEEN_LINES = 30.0
_MEMBER_FIELDS = [field.name for field in fields(Member)]


def scan_tars(source: Place, tars: Sequence[Place], out: Place, say: Callable[[str], None]) -> list[TarListing]:
    """The listings of `tars`, which lie in `source`; those that have changed since the last run in `out` are read."""
    states = _states(source, tars)
    known = states_in(out / SCANS)
    listings: list[TarListing | None] = list(
        map_ahead(lambda tar: _kept(tar, states[tar.name], out) if f"{tar.name}.json" in known else None, tars, out)
    )
    missing = [place for place, tar in enumerate(tars) if listings[place] is None]
    say(f"plan: {len(tars)} tars, {len(tars) - len(missing)} of them as an earlier run read them")
    last_said = time.monotonic()
    found = map_ahead(scan_tar, [tars[place] for place in missing], source, num_ahead=_SCANS_AT_ONCE)
    for number, (place, listing) in enumerate(zip(missing, found, strict=True), 1):
        _keep(listing, out)
        listings[place] = listing
        if time.monotonic() - last_said > _SECONDS_BETWEEN_LINES:
            last_said = time.monotonic()
            say(f"plan: {number} of {len(missing)} tars read")
    return [listing for listing in listings if listing is not None]


def new_tars(tars: Sequence[Place], out: Place) -> list[Place]:
    """Those of `tars` of which no earlier run in `out` kept a listing, of whatever version."""
    known = states_in(out / SCANS)
    return [tar for tar in tars if f"{tar.name}.json" not in known]


def _states(source: Place, tars: Sequence[Place]) -> dict[str, FileState]:
    if isinstance(source, StorePath) and not source.is_listable:
        return {tar.name: state for tar, state in zip(tars, map_ahead(state_of, tars, source), strict=True)}
    return states_in(source)


def _kept(tar: Place, state: FileState, out: Place) -> TarListing | None:
    """The listing that an earlier run kept, or None where it has none of this very file."""
    try:
        kept = orjson.loads((out / SCANS / f"{tar.name}.json").read_bytes())
        if kept["format"] != _FORMAT or (kept["num_bytes"], kept["version"]) != (state.st_size, state.version):
            return None
        members = tuple(Member(**dict(zip(_MEMBER_FIELDS, row, strict=True))) for row in kept["members"])
        rest = {name: kept[name] for name in ("name", "num_bytes", "version", "md5", "num_folders", "is_truncated")}
        return TarListing(path=tar, members=members, **rest)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not whole, or of another version: it only saves time


def _keep(listing: TarListing, out: Place) -> None:
    kept: dict[str, Any] = {
        "format": _FORMAT,
        "name": listing.name,
        "num_bytes": listing.num_bytes,
        "version": listing.version,
        "md5": listing.md5,
        "num_folders": listing.num_folders,
        "is_truncated": listing.is_truncated,
        "members": [[getattr(member, name) for name in _MEMBER_FIELDS] for member in listing.members],
    }
    write_bytes(out / SCANS / f"{listing.name}.json", orjson.dumps(kept))


def known_digest(file: Place, out: Place) -> str:
    """The SHA-256 of a file, from an earlier run where it has not changed since."""
    place = out / SCANS / f"{file.name}.sha256.json"
    state = state_of(file)
    wanted = {"format": _FORMAT, "num_bytes": state.st_size, "version": state.version}
    kept = _kept_digest(place)
    if kept | wanted == kept and isinstance(kept.get("sha256"), str):
        return str(kept["sha256"])
    digest = file_digest(file, "sha256")
    keep_digest(file, state, digest, out)
    return digest


def keep_digest(file: Place, state: FileState, sha256: str, out: Place) -> None:
    """Keeps what `known_digest` tells; `state` is that of the file before it was read."""
    kept = {"format": _FORMAT, "num_bytes": state.st_size, "version": state.version, "sha256": sha256}
    write_bytes(out / SCANS / f"{file.name}.sha256.json", orjson.dumps(kept))


def _kept_digest(place: Place) -> dict[str, Any]:
    try:
        kept = orjson.loads(place.read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
