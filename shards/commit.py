"""Atomic commits: a reader sees a whole file or no file, whatever is killed and whenever.

On a file system a file is written under a temporary name in its own folder, fsynced, renamed, and the folder fsynced.
A name that starts with `TEMPORARY_PREFIX` is never part of an output; what a killed run left behind is removed by the next.
On an object store a file is one PUT, which is whole or nothing; temporary files are in the scratch folder of this machine.
"""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from shards.errors import InputError
from shards.lease import hold_lease
from shards.store import Place, StorePath

TEMPORARY_PREFIX = ".tmp-"
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


def local_folder(place: str | os.PathLike[str]) -> Path:
    """`place` as a local folder's path (it need not exist). Raises `InputError` for a URI or for an existing file."""
    text = os.fspath(place)
    if text.startswith("file://"):
        text = text[len("file://") :]
    elif _URI.match(text):
        raise InputError(f"{text}: only local folders are supported by this command; give a folder, and copy it from or to the store")
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, a folder is needed")
    return path


def write_bytes(path: str | os.PathLike[str] | StorePath, content: bytes) -> None:
    """Commits `content` as `path`, creating its folder: the whole file or nothing. Errors of the file system come as `OSError`."""
    if isinstance(path, StorePath):
        path.put(content)
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{path.name}"
    try:
        with open(temporary, "xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def commit_file(temporary: str | os.PathLike[str], path: str | os.PathLike[str] | StorePath) -> None:
    """Commits a file that was written under a temporary name (`temporary_path`), which is gone afterwards."""
    if isinstance(path, StorePath):
        path.put(Path(temporary))
        Path(temporary).unlink()
        return
    path = Path(path)
    with open(temporary, "rb") as handle:
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    fsync_folder(path.parent)


def temporary_path(path: str | os.PathLike[str] | StorePath) -> Path:
    """A fresh temporary name beside `path`, whose folder is created; for a store's file in its scratch folder (`shards.store`)."""
    if isinstance(path, StorePath):
        return Path(path.options.scratch or tempfile.gettempdir()) / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{path.name}"
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{path.name}"


def fsync_folder(folder: Place) -> None:
    """Makes renames inside `folder` durable; a store's PUT is."""
    if isinstance(folder, StorePath):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporaries(folder: str | os.PathLike[str] | StorePath) -> int:
    """Removes what killed runs left under `folder`; gives the number of files removed. Only while no other run writes there."""
    if isinstance(folder, StorePath):
        return 0
    num_removed = 0
    for path in sorted(Path(folder).rglob(f"{TEMPORARY_PREFIX}*")):
        if path.is_file():
            path.unlink()
            num_removed += 1
    return num_removed


def remove_temporary_folders(folder: Place) -> None:
    """Removes the folders of temporary names that killed runs left directly in `folder`. Only while no other run writes there."""
    if isinstance(folder, StorePath):
        return
    for left_over in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if left_over.is_dir():
            shutil.rmtree(left_over)


@contextlib.contextmanager
def only_run(out: Place) -> Iterator[Callable[[], None]]:
    """Holds the output's lock, on a store its lease. Raises `InputError` where another run holds it, or where `out` cannot be written.

    Gives a function that raises where the lease was lost to another run meanwhile; a lock cannot be.
    """
    if isinstance(out, StorePath):
        with hold_lease(out / ".lease") as require_lease:
            yield require_lease
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = open(out / ".lock", "a")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{out}: another run is writing there; wait for it, or give another --out") from None
        yield lambda: None
