"""What an unfinished harvest has, kept on an object store: a file for each stretch of pages, so that any machine can go on with it."""

import sqlite3
from collections.abc import Iterable

import orjson
import zstandard

from shards.errors import InputError
from shards.store import StorePath

_SUFFIX = ".json.zst"


class Journal:
    """The parts in `folder`: each has the records booked since the one before, and what was to be asked next after them."""

    def __init__(self, folder: StorePath) -> None:
        self.folder = folder
        self._num_parts = 0

    def load(self, books: sqlite3.Connection) -> None:
        """Books what the parts have. Raises `InputError` where one is missing or unreadable."""
        names = sorted(name for name in self.folder.states() if name.endswith(_SUFFIX))
        for number, name in enumerate(names):
            part = self.folder / name
            try:
                found = orjson.loads(zstandard.ZstdDecompressor().decompressobj().decompress(part.read_bytes()))
                records, state = found["records"], found["state"]
                if name != _name(number):
                    raise ValueError(f"{_name(number)} is missing before it")
            except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
                raise InputError(f"{part}: no part of a harvest ({error}); remove the files of {self.folder}/ to begin anew") from None
            books.execute("BEGIN IMMEDIATE")
            rows = ((key, day, line and line.encode(), problem) for key, day, line, problem in records)
            books.executemany("REPLACE INTO record VALUES (?, ?, ?, ?)", rows)
            books.execute("DELETE FROM state")
            books.execute("INSERT INTO state VALUES (?, ?, ?, ?, ?)", state)
            books.execute("COMMIT")
        self._num_parts = len(names)

    def keep(self, books: sqlite3.Connection, ids: Iterable[str]) -> None:
        """Commits a part: the records of `ids` as they stand, and the state. Raises `InputError` where another harvest has written it."""
        records = [books.execute("SELECT id, datestamp, line, problem FROM record WHERE id = ?", (key,)).fetchone() for key in sorted(ids)]
        [state] = books.execute("SELECT question, position, token, pages, repeated FROM state")
        found = {
            "state": state,
            "records": [(key, day, line and line.decode(), problem) for key, day, line, problem in filter(None, records)],
        }
        part = self.folder / _name(self._num_parts)
        if part.put_if(zstandard.ZstdCompressor().compress(orjson.dumps(found)), "create") is None:
            raise InputError(f"{part}: is there already: another harvest is writing there; wait for it, or give another --out")
        self._num_parts += 1

    def remove(self) -> None:
        """Removes the parts, the last one first, so that what is left at any moment is a harvest to go on with."""
        for number in reversed(range(self._num_parts)):
            (self.folder / _name(number)).unlink(missing_ok=True)


def _name(number: int) -> str:
    return f"{number:06}{_SUFFIX}"
