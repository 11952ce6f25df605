"""Leases: how one run at a time writes to a folder of an object store, which has no locks.

The lease is an object, made by a PUT that fails where there is one, that its owner writes anew every few seconds while it runs and removes
at the end. One that has not changed for `LEASE_SECONDS`, on the clock of the machine that looks, has no owner any more; it is taken over by
a PUT that fails where somebody else was quicker. So no clock is compared with another machine's. A run whose lease was taken over, because
it stood still for so long, stops before it touches the corpus; the units that it wrote meanwhile are harmless: the same unit gives the same
bytes, and their manifests say what they were made from.
"""

import contextlib
import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from shards.errors import InputError
from shards.store import StorePath

LEASE_SECONDS = 60.0
RENEWALS = 4  # in that time: a lease outlives three renewals that a store lost


class _Lease:
    def __init__(self, place: StorePath) -> None:
        self.place = place
        self.owner = {"host": socket.gethostname(), "process": os.getpid(), "run": secrets.token_hex(8)}
        self.version = ""
        self.count = 0
        self.lost: str | None = None

    def content(self) -> bytes:
        """Differs at every renewal, so that who looks sees that the owner lives."""
        self.count += 1
        return json.dumps(self.owner | {"renewal": self.count}).encode()

    def write(self, mode: Any) -> bool:
        """Writes the lease if the condition `mode` holds; says whether it is ours now."""
        content = self.content()
        version = self.place.put_if(content, mode)
        if version is None and self._read() == content:  # it held, and the store's answer was lost
            version = self.place.stat().version
        if version is not None:
            self.version = version
        return version is not None

    def _read(self) -> bytes | None:
        try:
            return self.place.read_bytes()
        except FileNotFoundError:
            return None


@contextlib.contextmanager
def hold_lease(place: StorePath, seconds: float | None = None) -> Iterator[Callable[[], None]]:
    """Holds the lease at `place` for the block. Raises `InputError` where another run holds it, or took it over meanwhile.

    Waits up to `seconds` (default: `LEASE_SECONDS`) for one that nobody renews: a run that was killed can be submitted again at once.
    Gives a function that raises where the lease is lost, for the block to call before it writes what only one run may write.
    """
    seconds = LEASE_SECONDS if seconds is None else seconds
    lease = _Lease(place)
    _take(lease, seconds)
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(lease, seconds / RENEWALS, stop), daemon=True)
    renewer.start()

    def require_lease() -> None:
        if lease.lost:
            raise InputError(f"{place.parent}: {lease.lost}")

    try:
        yield require_lease
        require_lease()
    finally:
        stop.set()
        renewer.join()
        if not lease.lost:
            with contextlib.suppress(InputError):
                place.unlink(missing_ok=True)


def _take(lease: _Lease, seconds: float) -> None:
    place = lease.place
    is_said = False
    seen: bytes | None = None
    since = time.monotonic()
    while not lease.write("create"):
        try:
            found, version = place.read_bytes(), place.stat().version
        except FileNotFoundError:
            continue  # its owner has just ended
        if found != seen:
            if seen is not None and _run(seen) == _run(found):
                raise _refusal(place, found)
            seen, since = found, time.monotonic()
        if (_is_dead_here(found) or time.monotonic() - since > seconds) and lease.write({"e_tag": version}):
            return
        if not is_said:
            is_said = True
            print(f"plan: {place.parent} has {_owner(found)}'s lease; waiting {seconds:g} s to see whether that run lives", file=sys.stderr)
        time.sleep(min(1.0, seconds / 10))


def _renew(lease: _Lease, pause: float, stop: threading.Event) -> None:
    while not stop.wait(pause):
        try:
            is_ours = lease.write({"e_tag": lease.version})
        except InputError:
            continue  # the store's weather; the work itself says what is wrong with it if that lasts
        if not is_ours:
            lease.lost = "another run has taken over the lease, because this one stood still for too long; let that one end, then run again"
            return


def _parse(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _run(content: bytes) -> Any:
    return _parse(content).get("run")


def _owner(content: bytes) -> str:
    found = _parse(content)
    return f"process {found.get('process', '?')} on {found.get('host', 'an unknown machine')}"


def _is_dead_here(content: bytes) -> bool:
    """Whether the owner was a process of this machine that is no more."""
    found = _parse(content)
    if found.get("host") != socket.gethostname() or not isinstance(found.get("process"), int):
        return False
    try:
        os.kill(found["process"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _refusal(place: StorePath, content: bytes) -> InputError:
    return InputError(f"{place.parent}: another run is writing there ({_owner(content)}); wait for it, or give another --out")
