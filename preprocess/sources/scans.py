"""What was found in each tar, kept beside the output, so that a tar is read once and then only where it has changed.

A scan reads every byte of a tar, for its MD5, unless the store states that itself. `OUT/.scans/<tar>.json` holds the listing with the
file's size and version (its ETag, or its times on a file system); while those are the same, so is the tar. It stands outside every law of
equal bytes: the same dump on another disk has other times.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any

import orjson

from preprocess.sources.manifest import ManifestEntry
from preprocess.sources.tars import Member, TarListing, is_hopped, scan_tar
from preprocess.workers import ChooseWorkers, Workers, choose_none
from shards.commit import write_bytes
from shards.errors import InputError
from shards.fingerprint import file_digest
from shards.store import FileState, Place, StorePath, map_ahead, state_of, states_in

SCANS = ".scans"
_FORMAT = 1
MIN_BYTES_ON_WORKERS = 4 << 30  # of tars to read: less is read in the time that a cluster takes to start
NOTHING_STATED: Mapping[str, ManifestEntry] = MappingProxyType({})
_SCANS_AT_ONCE = 8  # tars of a store that one machine reads at a time, 20 MB of memory each: one stream is 50-100 MB/s, MD5 600 MB/s a core
_HOPS = 8  # times as many where headers alone are read, one after the other: 30 ms and 4 KB each
_MAX_HOPS = 128  # tars read by their headers at a time in a whole cluster: 4,000 requests a second, of the 5,500 that S3 answers a prefix
_SECONDS_BETWEEN_LINES = 30.0
_MEMBER_FIELDS = [field.name for field in fields(Member)]


def scan_tars(
    source: Place,
    tars: Sequence[Place],
    out: Place,
    say: Callable[[str], None],
    *,
    stated: Mapping[str, ManifestEntry] = NOTHING_STATED,
    choose_workers: ChooseWorkers = choose_none,
) -> list[TarListing]:
    """The listings of `tars`, which lie in `source`; those that have changed since the last run in `out` are read.

    `stated` is arXiv's manifest by name. `choose_workers` is asked for who is to read, with whether that is worth a cluster's start. Who
    lists a tar writes its listing to `out`: a run that is stopped, or loses a worker, keeps what was read.
    """
    states = _states(source, tars)
    known = states_in(out / SCANS)
    kept = map_ahead(lambda tar: _kept(tar, states[tar.name], out) if f"{tar.name}.json" in known else None, tars, out)
    listings = dict(zip([tar.name for tar in tars], kept, strict=True))
    missing = [(tar, stated.get(tar.name)) for tar in tars if listings[tar.name] is None]
    by_headers = [(tar, entry) for tar, entry in missing if is_hopped(states[tar.name], entry)]
    whole = [(tar, entry) for tar, entry in missing if not is_hopped(states[tar.name], entry)]
    said = f"; of {len(by_headers)} the store states the MD5 of the manifest: their headers alone are read" if by_headers else ""
    say(f"plan: {len(tars)} tars, {len(tars) - len(missing)} of them as an earlier run read them{said}")
    if missing:
        num_bytes = sum(states[tar.name].st_size for tar, _ in missing)
        workers = choose_workers(num_bytes >= MIN_BYTES_ON_WORKERS)
        scanned = _scan_here if workers.num_workers == 1 else partial(_scan_there, workers)
        last_said = time.monotonic()
        for number, listing in enumerate(chain(scanned(whole, out, 1), scanned(by_headers, out, _HOPS)), 1):
            listings[listing.name] = listing
            if time.monotonic() - last_said > _SECONDS_BETWEEN_LINES:
                last_said = time.monotonic()
                say(f"plan: {number} of {len(missing)} tars read")
    return [listing for listing in listings.values() if listing is not None]


Tar = tuple[Place, ManifestEntry | None]


def _scan_here(tars: Sequence[Tar], out: Place, several: int) -> Iterator[TarListing]:
    source = tars[0][0].parent if tars else out
    return map_ahead(partial(_scan_and_keep, out), tars, source, num_ahead=several * _SCANS_AT_ONCE)


def _scan_there(workers: Workers, tars: Sequence[Tar], out: Place, several: int) -> Iterator[TarListing]:
    """The same on workers, `several` tars of each at a time. What they have found comes by `out`: no worker's memory is needed for it."""
    parts = [tars[start : start + several] for start in range(0, len(tars), several)]
    at_once = None if several == 1 else max(1, _MAX_HOPS // several)
    for part, _ in zip(parts, workers.map(_scan_part, out, parts, at_once=at_once), strict=True):
        for tar, _ in part:
            listing = _kept(tar, state_of(tar), out)
            if listing is None:
                raise InputError(f"{tar}: has changed while it was read; leave the source alone and run the same command again")
            yield listing


def _scan_part(out: Place, tars: Sequence[Tar]) -> None:
    for _ in map_ahead(partial(_scan_and_keep, out), tars, tars[0][0].parent, num_ahead=len(tars)):
        pass


def _scan_and_keep(out: Place, tar: Tar) -> TarListing:
    path, entry = tar
    listing = scan_tar(path, entry)
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
    return listing


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
