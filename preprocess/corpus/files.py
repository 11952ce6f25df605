"""What a corpus folder holds, for those who read it: its manifest's files, one for each domain, split and bucket."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.commit import commit_file
from shards.errors import InputError
from shards.fingerprint import file_digest
from shards.manifest import read_manifest
from shards.store import Place

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFile:
    """One text shard of the corpus. `characters` and `text_bytes` (UTF-8) count the texts alone."""

    path: Place
    domain: str
    split: str
    bucket: int
    documents: int
    characters: int
    text_bytes: int
    sha256: str


def file_name(domain: str, split: str, bucket: int) -> str:
    """`math/train-00007.jsonl.zst`, relative to the corpus folder."""
    return f"{domain}/{split}-{bucket:05d}.jsonl.zst"


def commit_if_new(temporary: Path, path: Place) -> str:
    """Commits `temporary` as `path` unless that holds the same bytes already; gives their SHA-256."""
    digest = file_digest(temporary, "sha256")
    if not path.is_file() or file_digest(path, "sha256") != digest:
        commit_file(temporary, path)
    return digest


def read_corpus_manifest(corpus: Place) -> dict[str, Any]:
    """The manifest of a finished corpus (`OUT/corpus`). Raises `InputError` where there is none."""
    manifest = read_manifest(corpus / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise InputError(f"{corpus / MANIFEST}: format {manifest.get('format')!r} is not known; run the corpus pass again")
    return manifest


def corpus_files(out: Place) -> list[CorpusFile]:
    """The corpus of the run in `out` by domain, split and bucket. Raises `InputError` where a file of its manifest is missing."""
    corpus = out / "corpus"
    files = []
    for name, entry in sorted(read_corpus_manifest(corpus)["files"].items()):
        path = corpus / name
        if not path.is_file():
            raise InputError(f"{path}: is in the corpus manifest but not on disk; run the same `preprocess run` again")
        fields = ("domain", "split", "bucket", "documents", "characters", "text_bytes", "sha256")
        files.append(CorpusFile(path=path, **{field: entry[field] for field in fields}))
    return files
