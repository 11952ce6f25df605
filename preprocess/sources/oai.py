"""OAI-PMH (arXivRaw records, ListRecords) → a metadata snapshot in the JSON-lines schema that `--metadata` reads.

Pages are parsed as they arrive and booked, with the token of the next one, in one transaction of a small database beside the output: a
harvest that is killed goes on with the page that it was about. The output is written at the end, whole, merged with an older snapshot
if there is one, and the database goes. An output on an object store has the same database in a temporary folder of this machine, and beside
it on the store what the database has, in parts (`oai_journal`).
"""

import contextlib
import email.utils
import http.client
import re
import sqlite3
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from xml.parsers import expat

import orjson

from preprocess.config import HarvestConfig
from preprocess.sources.metadata import parse_paper
from preprocess.sources.oai_journal import Journal
from shards.commit import commit_file, temporary_path
from shards.errors import InputError
from shards.store import Place, open_binary

METADATA_PREFIX = "arXivRaw"  # the one format of arXiv's that has every version with its date
STATE_SUFFIX = ".harvest"
_OAI, _RAW = "http://www.openarchives.org/OAI/2.0/", "http://arxiv.org/OAI/arXivRaw/"
_PIECE_BYTES = 1 << 16
_FIRST_ATTEMPTS = 3
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP codes that say nothing against the question
_FIELDS = ("id", "submitter", "authors", "title", "comments", "journal-ref", "doi", "report-no", "categories", "license", "abstract")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TABLES = """
CREATE TABLE record (id TEXT PRIMARY KEY, datestamp TEXT NOT NULL, line BLOB, problem TEXT) WITHOUT ROWID;
CREATE TABLE state (question TEXT NOT NULL, position INTEGER NOT NULL, token TEXT, pages INTEGER NOT NULL, repeated INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked for: an endpoint's URL, sets (each in turn; none: all), first and last day of change, both included."""

    endpoint: str
    sets: tuple[str, ...] = ()
    first_day: str | None = None
    last_day: str | None = None

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"--endpoint is {self.endpoint}; an http:// or https:// URL is needed")
        for name, day in (("--from", self.first_day), ("--until", self.last_day)):
            if day is not None and not _is_day(day):
                raise InputError(f"{name} is {day}; a day like 2026-10-01 is needed")
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise InputError(f"--from {self.first_day} is after --until {self.last_day}")

    def url(self, set_: str | None, token: str | None) -> str:
        """The URL of one page: the first one of a set, or the one that a token stands for."""
        if token is not None:
            asked = {"verb": "ListRecords", "resumptionToken": token}
        else:
            terms = {"set": set_, "from": self.first_day, "until": self.last_day}
            asked = {"verb": "ListRecords", "metadataPrefix": METADATA_PREFIX} | {name: value for name, value in terms.items() if value}
        return f"{self.endpoint}{'&' if '?' in self.endpoint else '?'}{urllib.parse.urlencode(asked)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestSummary:
    """The books of one harvest: records by what became of them, and lines of the output."""

    num_records: int
    num_deleted: int
    num_repeated: int
    num_refused: int
    num_replaced: int
    num_new: int
    num_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One paper's state. `row` is None where the record says that it was deleted."""

    arxiv_id: str
    datestamp: str
    row: dict[str, Any] | None


class PageError(Exception):
    """A page that cannot be used as it is: cut, or no OAI-PMH. It may come whole next time."""


@dataclass
class Page:
    """One answer, read piece by piece. No document type is let in, so that there are no entities to expand and no files to fetch."""

    records: list[Record] = field(default_factory=list)
    token: str | None = None
    complete_list_size: int | None = None
    error: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._path: list[str] = []
        self._text: list[str] = []
        self._header: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        self._versions: list[dict[str, str]] = []
        self._is_deleted = False

    def feed(self, piece: bytes, *, is_last: bool = False) -> list[Record]:
        """Gives the records that have ended with `piece`. Raises `PageError` for what is no whole OAI-PMH answer."""
        try:
            self._parser.Parse(piece, is_last)
        except expat.ExpatError as error:
            raise PageError(f"no whole XML ({error})") from None
        ended, self.records = self.records, []
        return ended

    def _doctype(self, *_: object) -> None:
        raise PageError("it has a document type, which OAI-PMH has not")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._path and name != f"{_OAI} OAI-PMH":
            raise PageError(f"its root is <{name.rpartition(' ')[2]}>, <OAI-PMH> is needed")
        self._path.append(name)
        self._text = []
        match name.split(" "):
            case [space, "record"] if space == _OAI:
                self._header, self._fields, self._versions, self._is_deleted = {}, {}, [], False
            case [space, "header"] if space == _OAI:
                self._is_deleted = attributes.get("status") == "deleted"
            case [space, "version"] if space == _RAW:
                self._versions.append({"version": attributes.get("version", ""), "created": ""})
            case [space, "resumptionToken"] if space == _OAI:
                size = attributes.get("completeListSize", "")
                self.complete_list_size = int(size) if size.isdigit() else None
            case [space, "error"] if space == _OAI:
                self.error = (attributes.get("code", ""), "")

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, name: str) -> None:
        self._path.pop()
        text, self._text = "".join(self._text), []
        space, _, tag = name.rpartition(" ")
        parent = self._path[-1].rpartition(" ")[2] if self._path else ""
        if space == _RAW and parent == "arXivRaw" and tag in _FIELDS:
            self._fields[tag] = text
        elif space == _RAW and parent == "version" and tag == "date":
            self._versions[-1]["created"] = text.strip()
        elif space == _OAI and parent == "header":
            self._header.setdefault(tag, text.strip())
        elif space == _OAI and tag == "record":
            self.records.append(self._record())
        elif space == _OAI and tag == "resumptionToken":
            self.token = text.strip() or None
        elif space == _OAI and tag == "error" and self.error is not None:
            self.error = (self.error[0], " ".join(text.split()))

    def _record(self) -> Record:
        arxiv_id = self._header.get("identifier", "").removeprefix("oai:arXiv.org:")
        datestamp = self._header.get("datestamp", "")[:10]
        if not arxiv_id or not _is_day(datestamp):
            raise PageError(f"a record {arxiv_id[:60]!r} of {datestamp!r}, an identifier and a date are needed")
        if self._is_deleted:
            return Record(arxiv_id=arxiv_id, datestamp=datestamp, row=None)
        row: dict[str, Any] = {name: self._fields.get(name) for name in _FIELDS}
        return Record(arxiv_id=arxiv_id, datestamp=datestamp, row=row | {"versions": self._versions, "update_date": datestamp})


@dataclass
class Harvest:
    """One harvest into `out`, a file of this machine or of an object store. `sleep` and `say` are its clock's and its user's side."""

    question: Question
    out: Place
    config: HarvestConfig
    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    _asked_at: float | None = None
    _has_answered: bool = False
    _said_at: float = field(default_factory=time.monotonic)
    _kept_at: float = field(default_factory=time.monotonic)
    _not_kept: set[str] = field(default_factory=set)

    def run(self, merged: Place | None) -> HarvestSummary:
        """Harvests what is missing, then writes `out`, merged into the snapshot `merged` where there is one."""
        if merged is not None and not merged.is_file():
            raise InputError(f"{merged}: no such file; --merge takes an older snapshot (JSON lines)")
        if self.out.is_dir():
            raise InputError(f"{self.out}: is a folder; --out takes the name of a file")
        if isinstance(self.out, Path):
            return self._run(merged, self.out, None)
        journal = Journal(self.out.parent / (self.out.name + STATE_SUFFIX))
        with tempfile.TemporaryDirectory(prefix="texmill-harvest-") as folder:
            written = Path(folder) / self.out.name
            summary = self._run(merged, written, journal)
            self.out.put(written)
        journal.remove()
        return summary

    def _run(self, merged: Place | None, out: Path, journal: Journal | None) -> HarvestSummary:
        state = out.with_name(out.name + STATE_SUFFIX)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(state, timeout=1, isolation_level=None)) as books:
                # held for the whole harvest: another one in the same place would ask the same questions
                books.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._open(books, state, journal)
                self._ask_all(books, journal)
                summary = _write(books, merged, out)
                self._say_refused(books)
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise InputError(f"{state}: another harvest is writing there; wait for it, or give another --out") from None
            raise InputError(f"{state}: {error}; make room or remove it, and run the same command again") from None
        state.unlink()
        return summary

    def _ask_all(self, books: sqlite3.Connection, journal: Journal | None) -> None:
        try:
            while self._next_page(books):
                if journal is not None and time.monotonic() - self._kept_at >= self.config.keep_interval_seconds:
                    self._keep(books, journal)
        finally:
            if journal is not None and self._not_kept:
                if books.in_transaction:
                    books.execute("ROLLBACK")
                self._keep(books, journal)

    def _keep(self, books: sqlite3.Connection, journal: Journal) -> None:
        journal.keep(books, self._not_kept)
        self._not_kept.clear()
        self._kept_at = time.monotonic()

    def _open(self, books: sqlite3.Connection, state: Path, journal: Journal | None) -> None:
        asked = orjson.dumps(self.question).decode()
        books.execute("BEGIN EXCLUSIVE")
        if not books.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _TABLES.split(";"):
                books.execute(statement)
            books.execute("INSERT INTO state VALUES (?, 0, NULL, 0, 0)", (asked,))
        books.execute("COMMIT")
        if journal is not None:
            journal.load(books)
        [(known, pages)] = books.execute("SELECT question, pages FROM state")
        if known != asked:
            place = state if journal is None else journal.folder
            raise InputError(f"{place}: holds a harvest that asked something else ({known}); end that one, or remove it")
        if pages:
            self.say(f"harvest: goes on after {pages:,} pages, {_count(books):,} records")

    def _next_page(self, books: sqlite3.Connection) -> bool:
        """Asks for one page and books it with the token of the next one; False where there is none left to ask for."""
        [(position, token, pages)] = books.execute("SELECT position, token, pages FROM state")
        sets: Sequence[str | None] = self.question.sets or (None,)
        if position == len(sets):
            return False
        page = self._fetch(books, self.question.url(sets[position], token))
        if page.error is not None:
            code, words = page.error
            if code == "badResumptionToken" and token is not None:
                self.say("harvest: the endpoint no longer knows the resumption token; this set begins anew, what is here stays")
                books.execute("UPDATE state SET token = NULL")
                books.execute("COMMIT")
                return True
            if code != "noRecordsMatch":
                raise InputError(f"{self.question.endpoint}: answers {code} ({words[:200]}); change what is asked for")
        is_last = page.token is None
        if page.token is not None and page.token == token:
            raise InputError(f"{self.question.endpoint}: gives the same resumption token again; run the same command later to go on")
        books.execute("UPDATE state SET token = ?, position = position + ?, pages = pages + 1", (page.token, int(is_last)))
        books.execute("COMMIT")
        if is_last or time.monotonic() - self._said_at > self.config.say_interval_seconds:
            self._said_at = time.monotonic()
            of = f" of {page.complete_list_size:,}" if page.complete_list_size else ""
            named = f" (set {sets[position]})" if sets[position] else ""
            self.say(f"harvest: {pages + 1:,} pages, {_count(books):,}{of} records{named}")
        return True

    def _fetch(self, books: sqlite3.Connection, url: str) -> Page:
        """One page, its records booked in a transaction that is left open; asked for again where it does not come whole."""
        what = ""
        # an endpoint that has never answered may well be misspelt: that is said soon
        num_attempts = self.config.max_attempts if self._has_answered else min(self.config.max_attempts, _FIRST_ATTEMPTS)
        for attempt in range(num_attempts):
            self._wait_for_turn()
            wait = min(self.config.max_wait_seconds, self.config.request_interval_seconds * 2**attempt)
            try:
                return self._read(books, url)
            except urllib.error.HTTPError as error:
                with error:
                    what = f"HTTP {error.code} {error.reason}"
                    self._has_answered |= error.code in _RETRIED
                    if error.code not in _RETRIED:
                        raise InputError(f"{url}: {what}; mend --endpoint, or run the same command later to go on") from None
                    wait = max(wait, _retry_after(error.headers.get("Retry-After")))
            except (PageError, OSError, http.client.HTTPException) as error:
                what = str(getattr(error, "reason", error)) or type(error).__name__
            if books.in_transaction:
                books.execute("ROLLBACK")
            if wait > self.config.max_wait_seconds:
                raise InputError(f"{url}: {what}, and asks to wait {wait:.0f} s; run the same command then to go on")
            if attempt + 1 < num_attempts:
                self.say(f"harvest: {what}; asks again in {wait:.0f} s")
                self.sleep(wait)
        raise InputError(f"{url}: {what}, {num_attempts} times one after the other; run the same command later to go on")

    def _wait_for_turn(self) -> None:
        if self._asked_at is not None and (left := self._asked_at + self.config.request_interval_seconds - time.monotonic()) > 0:
            self.sleep(left)
        self._asked_at = time.monotonic()

    def _read(self, books: sqlite3.Connection, url: str) -> Page:
        request = urllib.request.Request(url, headers={"User-Agent": "texmill (OAI-PMH harvester)", "Accept": "text/xml"})
        page = Page()
        num_bytes = 0
        with urllib.request.urlopen(request, timeout=self.config.timeout_seconds) as answer:
            books.execute("BEGIN IMMEDIATE")
            while piece := answer.read(_PIECE_BYTES):
                num_bytes += len(piece)
                if num_bytes > self.config.max_page_bytes:
                    raise PageError(f"a page of more than {self.config.max_page_bytes:,} bytes")
                self._book(books, page.feed(piece))
            self._book(books, page.feed(b"", is_last=True))
        self._has_answered = True
        return page

    def _book(self, books: sqlite3.Connection, records: Sequence[Record]) -> None:
        for record in records:
            line, problem = None, None
            if record.row is not None:
                try:
                    parse_paper(record.row)
                    line = orjson.dumps(record.row, option=orjson.OPT_APPEND_NEWLINE)
                except ValueError as error:
                    problem = str(error)
            known = books.execute("SELECT datestamp FROM record WHERE id = ?", (record.arxiv_id,)).fetchone()
            if known:
                books.execute("UPDATE state SET repeated = repeated + 1")
                if known[0] > record.datestamp:
                    continue
            books.execute("REPLACE INTO record VALUES (?, ?, ?, ?)", (record.arxiv_id, record.datestamp, line, problem))
            if not isinstance(self.out, Path):
                self._not_kept.add(record.arxiv_id)

    def _say_refused(self, books: sqlite3.Connection) -> None:
        refused = books.execute("SELECT id, problem FROM record WHERE problem IS NOT NULL ORDER BY id").fetchall()
        if refused:
            shown = "; ".join(f"{arxiv_id}: {problem}" for arxiv_id, problem in refused[:3])
            self.say(f"warning: {len(refused)} records are no paper's metadata and are left out ({shown}{' ...' if refused[3:] else ''})")


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    with contextlib.suppress(ValueError):
        date.fromisoformat(text)
        return True
    return False


def _count(books: sqlite3.Connection) -> int:
    count: int = books.execute("SELECT count(*) FROM record").fetchone()[0]
    return count


def _retry_after(value: str | None) -> float:
    """Seconds that a `Retry-After` asks for, as seconds or as a date; 0 for none."""
    if value is None:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    with contextlib.suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return 0.0


def _write(books: sqlite3.Connection, merged: Place | None, out: Path) -> HarvestSummary:
    """Writes the snapshot: the lines of `merged` in their order, each in its newest state, then the papers that it has not, by id."""
    books.execute("CREATE TEMP TABLE used (id TEXT PRIMARY KEY) WITHOUT ROWID")
    num_lines = num_replaced = num_new = 0
    temporary = temporary_path(out)
    try:
        with open(temporary, "xb") as sink:
            for arxiv_id, version, updated, line in _snapshot(merged) if merged else ():
                found = books.execute("SELECT datestamp, line, problem FROM record WHERE id = ?", (arxiv_id,)).fetchone()
                # a record that is no metadata takes nothing away; a snapshot that is newer than the harvest keeps its line
                if found and not found[2] and _is_newer(found, version, updated):
                    if not books.execute("INSERT OR IGNORE INTO used VALUES (?)", (arxiv_id,)).rowcount or found[1] is None:
                        continue
                    num_replaced += 1
                    line = found[1]
                elif found:
                    books.execute("INSERT OR IGNORE INTO used VALUES (?)", (arxiv_id,))
                sink.write(line)
                num_lines += 1
            rest = "SELECT line FROM record WHERE line IS NOT NULL AND id NOT IN (SELECT id FROM used) ORDER BY id"
            for (line,) in books.execute(rest):
                sink.write(line)
                num_lines += 1
                num_new += 1
        commit_file(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    [(num_deleted, num_refused)] = books.execute(
        "SELECT count(*) FILTER (WHERE line IS NULL AND problem IS NULL), count(*) FILTER (WHERE problem IS NOT NULL) FROM record"
    )
    [(num_repeated,)] = books.execute("SELECT repeated FROM state")
    return HarvestSummary(
        num_records=_count(books),
        num_deleted=num_deleted,
        num_repeated=num_repeated,
        num_refused=num_refused,
        num_replaced=num_replaced,
        num_new=num_new,
        num_lines=num_lines,
    )


def _snapshot(path: Place) -> Iterator[tuple[str, int, str, bytes]]:
    """(id, version, day of the last change, line) of every line of a snapshot."""
    with open_binary(path) as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                paper = parse_paper(orjson.loads(line))
            except ValueError as error:
                raise InputError(f"{path}: line {number}: not a paper's metadata ({error}); give another --merge") from None
            yield paper.arxiv_id, paper.version, paper.updated, line if line.endswith(b"\n") else line + b"\n"


def _is_newer(found: tuple[str, bytes | None, str | None], version: int, updated: str) -> bool:
    datestamp, line, _ = found
    return (version if line is None else parse_paper(orjson.loads(line)).version, datestamp) >= (version, updated)
