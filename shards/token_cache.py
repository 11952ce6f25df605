"""Token shards of an object store, read through a folder of this machine.

What is small (manifest, tokenizer, indices, ids of documents) is copied when the folder is opened. Of a `.bin.zst` only a stub is made,
that says where it lies; of its bytes what is read is fetched by ranged requests, in blocks, and kept beside the stub. So random reads
cost a request once, and any process of the machine has what another one fetched. The folder grows to at most the shards' size; remove it
when the training is over.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import threading
from dataclasses import asdict
from pathlib import Path

from shards.commit import TEMPORARY_PREFIX, write_bytes
from shards.errors import InputError
from shards.fingerprint import fingerprint
from shards.store import FileState, Place, StoreOptions, StorePath, states_in

MANIFEST = "manifest.json"
STUB_SUFFIX = ".remote"
BLOCK_BYTES = 1 << 20  # a request's latency is that of some MB; blocks of 1 MB hold 16 frames, of which a sample needs one or two
_BLOCKS_SUFFIX = ".blocks"
_NOT_COPIED = (".bin.zst", ".bin")


def cached_folder(folder: Place, cache: Path | None) -> Path:
    """A folder of this machine through which the token shards in `folder` are read: itself, or one in `cache` for those of a store.

    Raises `InputError` where a store's are asked for without `cache`, or where there are none.
    """
    if isinstance(folder, Path):
        return folder
    if cache is None:
        raise InputError(f"{folder}: token shards of a store are read through a folder of this machine; give --data-cache DIR")
    here = cache / fingerprint([str(folder), folder.options.endpoint])
    here.mkdir(parents=True, exist_ok=True)
    with open(here / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of a machine begin together: one copies, the others find it done
        try:
            manifest = (folder / MANIFEST).read_bytes()
            if not (here / MANIFEST).is_file() or (here / MANIFEST).read_bytes() != manifest:
                _copy(folder, here, manifest)
        except FileNotFoundError as error:
            raise InputError(
                f"{error.filename}: no such file; --data takes the folder that python -m tools.tokenize_shards wrote"
            ) from None
    return here


def _copy(folder: StorePath, here: Path, manifest: bytes) -> None:
    """Brings `here` into line with the store, the manifest last; of other shards nothing is kept."""
    for path in here.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()
    try:
        domains = {name.rpartition("/")[0] for name in json.loads(manifest)["sets"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / MANIFEST}: is not a token shard manifest; write the shards again") from None
    for domain in ("", *sorted(domains)):
        there = folder / domain if domain else folder
        for name, state in states_in(there).items():
            if name == MANIFEST or name.startswith("."):
                continue
            target = here / domain / name
            if name.endswith(_NOT_COPIED):
                stub = {"root": folder.root, "key": (there / name).key, "options": asdict(folder.options), "state": asdict(state)}
                write_bytes(target.with_name(name + STUB_SUFFIX), json.dumps(stub).encode())
            else:
                write_bytes(target, (there / name).read_bytes())
    write_bytes(here / MANIFEST, manifest)


def stub_of(path: Path) -> Path:
    """Where the stub of a file that is read through the cache lies."""
    return path.with_name(path.name + STUB_SUFFIX)


class CachedFile:
    """A store's file through its blocks on this machine. Safe for threads and forks: it holds no connection and no open file."""

    def __init__(self, path: Path) -> None:
        try:
            stub = json.loads(stub_of(path).read_bytes())
            self.place = StorePath(stub["root"], stub["key"], StoreOptions(**stub["options"]))
            self._state = FileState(**stub["state"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{stub_of(path)}: cannot be read ({error}); remove the cache's folder and begin again") from None
        self.num_bytes = self._state.st_size
        self._blocks = path.with_name(path.name + _BLOCKS_SUFFIX)

    def pread(self, length: int, offset: int) -> bytes:
        """`length` bytes from `offset`, less where the file ends; what is not here yet is fetched and kept."""
        end = min(offset + length, self.num_bytes)
        pieces = []
        while offset < end:
            number, start = divmod(offset, BLOCK_BYTES)
            stop = min(BLOCK_BYTES, end - number * BLOCK_BYTES)
            pieces.append(self._piece(number, start, stop))
            offset += stop - start
        return b"".join(pieces)

    def _piece(self, number: int, start: int, stop: int) -> bytes:
        path = self._blocks / f"{number:08d}"
        size = min(BLOCK_BYTES, self.num_bytes - number * BLOCK_BYTES)
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as handle:
            if os.fstat(handle.fileno()).st_size == size:  # else a machine died before its bytes were on the disk
                handle.seek(start)
                return handle.read(stop - start)
        content = self.place.read_range(number * BLOCK_BYTES, size, self._state.version)
        self._blocks.mkdir(parents=True, exist_ok=True)
        temporary = self._blocks / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{threading.get_ident()}"
        temporary.write_bytes(content)  # no fsync: it can be fetched again
        temporary.replace(path)
        return content[start:stop]
