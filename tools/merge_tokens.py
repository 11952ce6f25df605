"""Joins folders of token shards of one tokenizer into a new one: the sets of one name one after the other, in the order given."""

import sys
from pathlib import Path
from typing import Any

from shards.cli import Parser, run
from shards.commit import local_folder, only_run, write_bytes
from shards.errors import InputError
from shards.fingerprint import fingerprint
from shards.manifest import read_manifest, source_commit, write_manifest
from shards.token_shard import FRAME_BYTES, ZSTD_LEVEL, TokenShardReader, TokenShardWriter
from tools.token_units import FORMAT, TOKENIZER_FILE, books_of_set

PROG = "python -m tools.merge_tokens"
MANIFEST = "manifest.json"


def main(arguments: list[str] | None = None) -> int:
    """Reads the folders' manifests, joins their sets, writes the manifest last."""
    parser = Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument("tokens", nargs="+", metavar="DIR", help="folders of tools.tokenize_shards, two or more")
    parser.add_argument("--out", required=True, metavar="DIR", help="a new folder for the joined token shards")
    args = parser.parse_args(arguments)
    folders = [Path(folder).resolve() for folder in args.tokens]
    manifests = [_manifest(folder) for folder in folders]
    out = local_folder(args.out).resolve()
    if len(folders) < 2 or len(set(folders)) < len(folders):
        raise InputError(f"{' '.join(args.tokens)}: two or more folders are needed, each once")
    tokenizers = {manifest["tokenizer"]["sha256"]: folder for folder, manifest in zip(folders, manifests, strict=True)}
    if len(tokenizers) > 1:
        one, other = list(tokenizers.values())[:2]
        raise InputError(f"{one} and {other} are of different tokenizers; tokenise one of them again with the other's")
    if out.exists() and any(path.name != ".lock" for path in out.iterdir()):
        raise InputError(f"{out}: is not empty; give a new folder as --out")
    names = sorted({name for manifest in manifests for name in manifest["sets"]})
    for name in names:
        _refuse_twins(name, [folder for folder, manifest in zip(folders, manifests, strict=True) if name in manifest["sets"]])
    with only_run(out):
        sets = {name: _join(out, name, folders, manifests) for name in names}
        _write_books(out, folders[0], manifests, sets)
    num_documents, num_tokens = (sum(entry[field] for entry in sets.values()) for field in ("documents", "tokens"))
    print(f"{out}: {num_documents:,} documents, {num_tokens:,} tokens")
    return 0


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = read_manifest(folder / MANIFEST)
    if manifest.get("format") != FORMAT or not isinstance(manifest.get("sets"), dict) or "tokenizer" not in manifest:
        raise InputError(f"{folder}: holds no token shards of format {FORMAT}; give folders of tools.tokenize_shards")
    return manifest


def _refuse_twins(name: str, folders: list[Path]) -> None:
    """Raises `InputError` where a document of a set is in two folders: it would be trained on twice."""
    first_in: dict[str, Path] = {}
    for folder in folders:
        for record in TokenShardReader(folder / name).document_records():
            if first_in.setdefault(record["id"], folder) != folder:
                raise InputError(f"{name}: document {record['id']} is in {first_in[record['id']]} and in {folder}; merge one of them only")


def _join(out: Path, name: str, folders: list[Path], manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """One set of all folders that have it."""
    parts = [folder for folder, manifest in zip(folders, manifests, strict=True) if name in manifest["sets"]]
    entries = [manifest["sets"][name] for manifest in manifests if name in manifest["sets"]]
    vocab_size = manifests[0]["tokenizer"]["vocab_size"]
    with TokenShardWriter(out / name, vocab_size=vocab_size, frame_bytes=FRAME_BYTES, level=ZSTD_LEVEL) as writer:
        for folder in parts:
            reader = TokenShardReader(folder / name)
            for number, record in enumerate(reader.document_records()):
                writer.add_document(
                    reader.document(number), record["id"], text_bytes=record["text_bytes"], math_share=record.get("math_share")
                )
            reader.bin.close()
        for field in ("documents", "tokens", "text_bytes"):
            expected = sum(entry[field] for entry in entries)
            if getattr(writer.counts, field) != expected:
                raise InputError(
                    f"{name}: {getattr(writer.counts, field)} {field}, {expected} in the manifests; run tools.inspect_tokens --verify"
                )
    print(f"merge: {name} from {len(parts)} folders, {writer.counts.tokens:,} tokens", file=sys.stderr, flush=True)
    return books_of_set(out / name, writer, fingerprint([FORMAT, [entry["made_from"] for entry in entries]]))


def _write_books(out: Path, first: Path, manifests: list[dict[str, Any]], sets: dict[str, Any]) -> None:
    tokenizer = manifests[0]["tokenizer"]
    write_bytes(out / TOKENIZER_FILE, (first / tokenizer["file"]).read_bytes())
    content = {
        "format": FORMAT,
        "fingerprint": fingerprint({name: entry["made_from"] for name, entry in sets.items()}),
        "sets": sets,
        "tokenizer": tokenizer | {"file": TOKENIZER_FILE},
        "corpus": {
            "fingerprint": fingerprint([manifest["corpus"]["fingerprint"] for manifest in manifests]),
            "documents": sum(manifest["corpus"]["documents"] for manifest in manifests),
            "text_bytes": sum(manifest["corpus"]["text_bytes"] for manifest in manifests),
        },
        "merged_from": [manifest["fingerprint"] for manifest in manifests],
        "frame_bytes": FRAME_BYTES,
        "level": ZSTD_LEVEL,
        "commit": source_commit(),
    }
    write_manifest(out / MANIFEST, content)


if __name__ == "__main__":
    run(PROG, main)
