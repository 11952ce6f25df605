"""The work units of tokenising: one encodes a corpus file, one joins the encoded files of a domain and split.

Both run on the workers, write their files atomically and their books last: `UNITS/<domain>/<split>-NNNNN.json` for an encoded file,
`UNITS/<domain>/<split>.set.json` for a set. A unit without books is done again.
"""

import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shards.errors import InputError
from shards.fingerprint import file_digest, fingerprint, text_hash
from shards.manifest import read_manifest, write_manifest
from shards.store import Place, open_binary
from shards.token_shard import (
    BIN_SUFFIX,
    IDS_SUFFIX,
    INDEX_SUFFIX,
    PLAIN_SUFFIX,
    TokenCounts,
    TokenShardReader,
    TokenShardWriter,
    optimal_dtype,
    with_suffix,
)
from tools.corpus_folder import Corpus, CorpusFile, read_documents
from tools.fast_encoder import FastEncoder
from tools.tokenizer import LatexTokenizer

FORMAT = 2  # 2: the side file has documents' shares of mathematics
TOKENIZER_FILE = "tokenizer.model"
SUFFIXES = (IDS_SUFFIX, BIN_SUFFIX, INDEX_SUFFIX)
_UNIT_LEVEL = 1  # zstd; units are read once or twice, and their bytes are no door

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSet:
    """One domain and split: its corpus files in bucket order, and a fingerprint of all that its bytes come from."""

    name: str
    files: tuple[CorpusFile, ...]
    made_from: str


def plan_sets(corpus: Corpus, tokenizer: LatexTokenizer, *, frame_bytes: int, level: int) -> list[PlannedSet]:
    """The sets that a corpus asks for, by name."""
    by_name: dict[str, list[CorpusFile]] = {}
    for file in corpus.files:
        by_name.setdefault(f"{file.domain}/{file.split}", []).append(file)
    sets = []
    for name, files in sorted(by_name.items()):
        files.sort(key=lambda file: file.bucket)
        sources = [[file.bucket, file.sha256, file.documents, file.text_bytes] for file in files]
        made_from = fingerprint([FORMAT, tokenizer.sha256, frame_bytes, level, sources])
        sets.append(PlannedSet(name=name, files=tuple(files), made_from=made_from))
    return sets


def set_books(out: Place, units: Place, planned: PlannedSet) -> dict[str, Any] | None:
    """The books of a finished set, if it is made from the same and its files are whole."""
    try:
        books = read_manifest(_set_path(units, planned.name))
    except InputError:
        return None
    if books.get("made_from") != planned.made_from:
        return None
    return books if _are_whole(out / planned.name, {suffix: file["bytes"] for suffix, file in books["files"].items()}) else None


def _set_path(units: Place, name: str) -> Place:
    return with_suffix(units / name, ".set.json")


def _unit_path(units: Place, name: str) -> Place:
    return with_suffix(units / name, ".json")


def is_encoded(units: Place, file: CorpusFile, tokenizer_sha256: str) -> bool:
    """Whether a corpus file, as it is now, is encoded by this tokenizer."""
    books = _unit_books(units, file.name, tokenizer_sha256)
    found = books and (books["source_sha256"], books["documents"], books["text_bytes"])
    return found == (file.sha256, file.documents, file.text_bytes)


def _unit_books(units: Place, name: str, tokenizer_sha256: str) -> dict[str, Any] | None:
    """The books of an encoded corpus file, whatever its texts were; None where it is not whole or is of another tokenizer."""
    try:
        books = read_manifest(_unit_path(units, name))
    except InputError:
        return None
    if books.get("format") != FORMAT or books.get("tokenizer_sha256") != tokenizer_sha256:
        return None
    return books if _are_whole(units / name, books["bytes"]) else None


def _are_whole(prefix: Place, num_bytes: Mapping[str, int]) -> bool:
    """Whether the three files of a set of token shards are there and as long as its books say."""
    paths = {suffix: with_suffix(prefix, suffix) for suffix in SUFFIXES}
    return all(path.is_file() and path.stat().st_size == num_bytes[suffix] for suffix, path in paths.items())


def encode_rows(units: Place, files: Sequence[CorpusFile], tokenizer_sha256: str) -> list[Row]:
    """Work units of the encode pass, the largest first, so that none is left alone at the end."""
    return [
        {"units": units, "tokenizer_sha256": tokenizer_sha256, "file": replace(file, path=file.path.resolve())}
        for file in sorted(files, key=lambda file: (-file.text_bytes, file.name))
    ]


def encode_unit(row: Row) -> Row:
    """Encodes one corpus file; its books are committed last."""
    units: Place = row["units"]
    file: CorpusFile = row["file"]
    encoder = _load_encoder(units / TOKENIZER_FILE, row["tokenizer_sha256"])
    tokenizer = encoder.tokenizer
    if file_digest(file.path, "sha256") != file.sha256:
        raise InputError(f"{file.path}: is not the file that the corpus manifest lists; run the same `preprocess run` again")
    prefix = units / file.name
    hashes: list[str] = []
    num_encoded = 0
    with (
        _Encoded.open(units, file.name, tokenizer.sha256) as before,
        TokenShardWriter(prefix, vocab_size=tokenizer.vocab_size, level=_UNIT_LEVEL) as writer,
    ):
        for document in read_documents(file.path):
            text: str = document["text"]
            digest = text_hash(text)
            tokens = before.tokens(digest) if before else None
            if tokens is None:
                tokens = encode_document(encoder, text, f"{file.path}: {document['id']}")
                num_encoded += 1
            writer.add_document(tokens, document["id"], text_bytes=len(text.encode()), math_share=document.get("math_share"))
            hashes.append(digest)
        _check_counts(file, writer.counts)
        _unit_path(units, file.name).unlink(missing_ok=True)  # from here to the end this unit is not done
    books = {
        "format": FORMAT,
        "source_sha256": file.sha256,
        "tokenizer_sha256": tokenizer.sha256,
        "text_hashes": hashes,
        "bytes": {suffix: with_suffix(prefix, suffix).stat().st_size for suffix in SUFFIXES},
        **asdict(writer.counts),
    }
    write_manifest(_unit_path(units, file.name), books)
    return {"name": file.name, "text_bytes": file.text_bytes, "documents": len(hashes), "encoded": num_encoded}


def encode_document(encoder: FastEncoder, text: str, name: str) -> np.ndarray[Any, Any]:
    """`[T]` ids of a text and its end token. Raises `InputError` with `name` where they do not spell the text."""
    tokenizer = encoder.tokenizer
    try:
        ids = encoder.encode(text)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    if tokenizer.spell(ids) != text.encode():
        raise InputError(f"{name}: the tokenizer loses text of it; train one with `python -m tools.train_tokenizer`")
    ids.append(tokenizer.eod_id)
    return np.array(ids, dtype=optimal_dtype(tokenizer.vocab_size))


@functools.lru_cache(maxsize=1)
def _load_encoder(path: Place, sha256: str) -> FastEncoder:
    """The run's tokenizer, once a worker process."""
    tokenizer = LatexTokenizer.load(path)
    assert tokenizer.sha256 == sha256, f"{path} is not the tokenizer of this run"
    return FastEncoder(tokenizer)


class _Encoded:
    """What was encoded before of a corpus file that has changed since: tokens by hash of the text."""

    def __init__(self, reader: TokenShardReader, text_hashes: Sequence[str]) -> None:
        self._reader = reader
        self._numbers = {digest: number for number, digest in enumerate(text_hashes)}

    @classmethod
    @contextlib.contextmanager
    def open(cls, units: Place, name: str, tokenizer_sha256: str) -> Iterator["_Encoded | None"]:
        books = _unit_books(units, name, tokenizer_sha256)
        with contextlib.ExitStack() as opened:
            before = None
            if books is not None:
                with contextlib.suppress(InputError):  # damaged: all of it is encoded again
                    before = cls(TokenShardReader(opened.enter_context(at_hand(units / name))), books["text_hashes"])
            yield before

    def tokens(self, digest: str) -> np.ndarray[Any, Any] | None:
        """`[T]` ids with the end token, or None for a text that was not there or cannot be read."""
        number = self._numbers.get(digest)
        try:
            return None if number is None else self._reader.document(number)
        except InputError:
            return None


@contextlib.contextmanager
def at_hand(prefix: Place) -> Iterator[Path]:
    """Where token shards can be read on this machine: their prefix, or that of a copy of a store's, which the block's end removes."""
    if isinstance(prefix, Path):
        yield prefix
        return
    with tempfile.TemporaryDirectory(prefix="texmill-") as folder:
        here = Path(folder) / prefix.name
        for suffix in SUFFIXES:
            try:
                with open_binary(with_suffix(prefix, suffix)) as source, open(with_suffix(here, suffix), "xb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
            except FileNotFoundError as error:
                raise InputError(f"{error.filename}: no such token shard") from None
        yield here


def _check_counts(file: CorpusFile, found: TokenCounts) -> None:
    if (found.documents, found.text_bytes) != (file.documents, file.text_bytes):
        raise InputError(
            f"{file.path}: {found.documents} documents of {found.text_bytes} bytes, where the corpus manifest has {file.documents} of "
            f"{file.text_bytes}; run the same `preprocess run` again"
        )


def merge_row(out: Place, units: Place, planned: PlannedSet, *, vocab_size: int, frame_bytes: int, level: int) -> Row:
    """The work unit that joins the encoded files of one set."""
    return {
        "out": out,
        "units": units,
        "name": planned.name,
        "made_from": planned.made_from,
        "files": [[file.name, file.documents, file.text_bytes] for file in planned.files],
        "vocab_size": vocab_size,
        "frame_bytes": frame_bytes,
        "level": level,
    }


def merge_unit(row: Row) -> Row:
    """Joins the encoded files of one set; its books are committed last."""
    out: Place = row["out"]
    units: Place = row["units"]
    name: str = row["name"]
    with TokenShardWriter(out / name, vocab_size=row["vocab_size"], frame_bytes=row["frame_bytes"], level=row["level"]) as writer:
        for unit, num_documents, text_bytes in row["files"]:
            before = writer.counts
            try:
                _append(writer, units / unit)
            except InputError as error:
                _unit_path(units, unit).unlink()
                raise InputError(f"{error}. Run the same command again: it encodes this file anew") from None
            after = writer.counts
            assert (after.documents - before.documents, after.text_bytes - before.text_bytes) == (num_documents, text_bytes), unit
        _set_path(units, name).unlink(missing_ok=True)
        with_suffix(out / name, PLAIN_SUFFIX).unlink(missing_ok=True)  # of the tokens that are replaced now
    books = books_of_set(out / name, writer, row["made_from"])
    write_manifest(_set_path(units, name), books)
    return {"name": name, "books": books}


def books_of_set(prefix: Place, writer: TokenShardWriter, made_from: str) -> dict[str, Any]:
    """The manifest's entry of a committed set: counts, bytes and hashes."""
    files = {}
    for suffix in SUFFIXES:
        path = with_suffix(prefix, suffix)
        files[suffix] = {"bytes": path.stat().st_size, "sha256": file_digest(path, "sha256")}
    return {"made_from": made_from, "dtype": writer.dtype.name, "files": files, **asdict(writer.counts)}


def _append(writer: TokenShardWriter, prefix: Place) -> None:
    """Adds the documents of one encoded file to a set."""
    with at_hand(prefix) as here:
        reader = TokenShardReader(here)
        for number, record in enumerate(reader.document_records()):
            writer.add_document(reader.document(number), record["id"], text_bytes=record["text_bytes"], math_share=record.get("math_share"))
        reader.bin.close()
