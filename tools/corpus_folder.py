"""The corpus door, as the tools read it: the manifest of `OUT/corpus` and the text shards it lists."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.commit import local_folder
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.store import Place, StoreOptions, place_at, states_in
from shards.text_shard import read_text_shard

_FORMAT = 1
_NAME = re.compile(r"(?P<domain>[A-Za-z0-9_.-]+)/(?P<split>train|validation)-(?P<bucket>\d{5})\.jsonl\.zst")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFile:
    """One text shard of the corpus; `text_bytes` are the UTF-8 bytes of its texts."""

    path: Place
    domain: str
    split: str
    bucket: int
    documents: int
    text_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """`math/train-00007`."""
        return f"{self.domain}/{self.split}-{self.bucket:05d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """A finished corpus: its fingerprint and its files by domain, split and bucket."""

    fingerprint: str
    files: tuple[CorpusFile, ...]


def read_corpus(corpus: str | Place, endpoint: str | None = None) -> Corpus:
    """The corpus in a folder, or at the URI of an object store whose S3 server is `endpoint`.

    Raises `InputError` where there is none, where it is not whole or is of another format.
    """
    folder = place_at(corpus, StoreOptions.from_environment(endpoint=endpoint)) if isinstance(corpus, str) else corpus
    is_listable = isinstance(folder, Path) or folder.is_listable
    if is_listable and not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the corpus folder of a finished `preprocess run`, OUT/corpus")
    if (folder / "corpus" / "manifest.json").is_file():
        raise InputError(f"{folder}: is the --out of a run; give its corpus folder, {folder / 'corpus'}")
    path = folder / "manifest.json"
    manifest = read_manifest(path)
    if manifest.get("format") != _FORMAT or not isinstance(manifest.get("files"), dict):
        raise InputError(f"{path}: is no corpus manifest of format {_FORMAT}; give OUT/corpus of a `preprocess run`")
    files = []
    there: dict[str, Container[str]] = {}
    for name, entry in manifest["files"].items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise InputError(f"{path}: lists {name!r}, which is no <domain>/<split>-NNNNN.jsonl.zst")
        domain, _, file_name = name.partition("/")
        if domain not in there and is_listable:
            there[domain] = states_in(folder / domain)
        if is_listable and file_name not in there[domain]:
            raise InputError(f"{folder / name}: is in the corpus manifest but not on disk; run the same `preprocess run` again")
        files.append(
            CorpusFile(
                path=folder / name,
                domain=match["domain"],
                split=match["split"],
                bucket=int(match["bucket"]),
                documents=entry["documents"],
                text_bytes=entry["text_bytes"],
                sha256=entry["sha256"],
            )
        )
    if not files:
        raise InputError(f"{path}: the corpus holds no documents; see OUT/corpus/decisions.parquet for why each was left out")
    return Corpus(fingerprint=manifest["fingerprint"], files=tuple(sorted(files, key=lambda file: (file.domain, file.split, file.bucket))))


def read_documents(path: Place) -> Iterator[dict[str, Any]]:
    """The documents of one text shard, each with an `id` and a `text`. Raises `InputError` with file and number for another row."""
    for number, document in enumerate(read_text_shard(path), 1):
        if not isinstance(document.get("text"), str) or not isinstance(document.get("id"), str):
            raise InputError(f"{path}: line {number}: a document with the strings `id` and `text` is needed; write the corpus again")
        yield document


def output_folder(text: str, endpoint: str | None) -> Place:
    """`--out`: a folder of this machine or of an object store. Raises `InputError` where nothing can be written there."""
    out = place_at(text, StoreOptions.from_environment(endpoint=endpoint))
    if isinstance(out, Path):
        return local_folder(out)
    if not out.is_listable:
        raise InputError(f"{out}: an HTTP folder can only be read; --out takes a folder, or s3://, gs:// or az://")
    return out
