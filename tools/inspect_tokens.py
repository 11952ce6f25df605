"""Looks into token shards: what each set holds, a document as text with its id, and whether every byte is as it was written."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shards.cli import Parser, run
from shards.errors import InputError
from shards.fingerprint import file_digest
from shards.manifest import read_manifest
from shards.token_shard import BIN_SUFFIX, INDEX_SUFFIX, TokenShardReader, with_suffix
from tools.tokenizer import LatexTokenizer

PROG = "python -m tools.inspect_tokens"
MANIFEST = "manifest.json"
PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSet:
    """One set of token shards: its name in the folder's manifest, its reader, and its manifest entry where there is one."""

    name: str
    reader: TokenShardReader
    books: dict[str, Any] | None


def main(arguments: list[str] | None = None) -> int:
    """Prints statistics, a document, or the result of the check; 1 where something is damaged."""
    parser = Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument("tokens", metavar="PREFIX_OR_DIR", help="folder of tools.tokenize_shards, or one set of it: TOKENS/math/train")
    parser.add_argument("--document", metavar="N_OR_ID", help="print this document's text: its number from 0, or its arXiv id")
    parser.add_argument("--ids", action="store_true", help="with --document: its token ids and pieces, one a line, instead of its text")
    parser.add_argument("--tokenizer", metavar="FILE", help="tokenizer.model; without it the one that lies beside the token shards")
    parser.add_argument("--verify", action="store_true", help="read every frame and compare all checksums")
    args = parser.parse_args(arguments)
    if args.ids and args.document is None:
        raise InputError("--ids: says how a document is shown; give --document")
    folder, sets = open_sets(args.tokens)
    if args.document is not None:
        _print_document(args, folder, sets)
        return 0
    if args.verify:
        return _verify(folder, sets)
    _print_statistics(sets)
    return 0


def open_sets(place: str) -> tuple[Path, list[OpenedSet]]:
    """The folder of token shards that `place` is or is in, and its sets, or the one that `place` names."""
    path = Path(place)
    if path.is_dir():
        manifest = read_manifest(path / MANIFEST)
        names = sorted(manifest.get("sets", {}))
        if not names:
            raise InputError(f"{path / MANIFEST}: lists no sets of token shards; give a folder of tools.tokenize_shards")
        return path, [OpenedSet(name=name, reader=TokenShardReader(path / name), books=manifest["sets"][name]) for name in names]
    prefix = Path(place.removesuffix(INDEX_SUFFIX).removesuffix(BIN_SUFFIX))
    if not with_suffix(prefix, INDEX_SUFFIX).is_file():
        raise InputError(f"{place}: neither a folder nor a set of token shards; give TOKENS or TOKENS/<domain>/<split>")
    folder = prefix.parent.parent
    name = f"{prefix.parent.name}/{prefix.name}"
    books = read_manifest(folder / MANIFEST).get("sets", {}).get(name) if (folder / MANIFEST).is_file() else None
    return folder, [OpenedSet(name=name, reader=TokenShardReader(prefix), books=books)]


def find_document(sets: list[OpenedSet], wanted: str) -> tuple[OpenedSet, int, str]:
    """Set, number and id of a document by its number, which needs one set, or by its id. Raises `InputError` where there is none."""
    if wanted.isdecimal():
        if len(sets) != 1:
            raise InputError(
                f"--document {wanted}: there are {len(sets)} sets; name one, as {sets[0].reader.prefix}, or give the document's id"
            )
        number = int(wanted)
        if number >= len(sets[0].reader):
            raise InputError(f"--document {wanted}: {sets[0].name} holds {len(sets[0].reader)}, numbered from 0")
        return sets[0], number, sets[0].reader.document_id(number)
    for entry in sets:
        for number, record in enumerate(entry.reader.document_records()):
            if record["id"] == wanted:
                return entry, number, wanted
    raise InputError(f"--document {wanted}: no document of this id in {', '.join(entry.name for entry in sets)}")


def _print_document(args: argparse.Namespace, folder: Path, sets: list[OpenedSet]) -> None:
    entry, number, arxiv_id = find_document(sets, args.document)
    tokenizer = LatexTokenizer.load(args.tokenizer or folder / "tokenizer.model")
    ids = entry.reader.document(number).tolist()
    largest = max(ids)
    if largest >= tokenizer.vocab_size:
        raise InputError(
            f"{tokenizer.name}: has {tokenizer.vocab_size} ids and the document holds {largest}; give --tokenizer the one it was made with"
        )
    print(f"{entry.name}, document {number}, id {arxiv_id}, {len(ids)} tokens", file=sys.stderr)
    if args.ids:
        for token in ids:
            print(f"{token}\t{tokenizer.piece(token)!r}")
    else:
        sys.stdout.write(tokenizer.decode(ids) + "\n")


def _verify(folder: Path, sets: list[OpenedSet]) -> int:
    """A line for each set; 1 where one is damaged."""
    num_damaged = 0
    for entry in sets:
        try:
            entry.reader.verify()
            _check_against_books(folder, entry)
        except InputError as error:
            num_damaged += 1
            print(f"damaged  {entry.name}: {error}")
        else:
            against = "its checksums and the manifest's" if entry.books else "its checksums; no manifest lists it"
            print(f"ok       {entry.name}: {entry.reader.bin.num_frames} frames, {len(entry.reader)} documents, {against}")
    return 1 if num_damaged else 0


def _check_against_books(folder: Path, entry: OpenedSet) -> None:
    """Raises `InputError` where a file or a count is not the manifest's."""
    if entry.books is None:
        return
    for suffix, stated in entry.books["files"].items():
        path = with_suffix(folder / entry.name, suffix)
        if file_digest(path, "sha256") != stated["sha256"]:
            raise InputError(f"{path}: its SHA-256 is not the manifest's; run the same tools.tokenize_shards again, or copy it anew")
    found = {
        "documents": len(entry.reader),
        "tokens": entry.reader.num_tokens,
        "text_bytes": sum(record["text_bytes"] for record in entry.reader.document_records()),
    }
    for field, number in found.items():
        if entry.books[field] != number:
            raise InputError(
                f"{folder / entry.name}: {number} {field}, {entry.books[field]} in the manifest; run tools.tokenize_shards again"
            )


def _print_statistics(sets: list[OpenedSet]) -> None:
    header = ["set", "documents", "tokens", "bytes/token", *(f"p{percentile} tokens" for percentile in PERCENTILES), "longest"]
    print(f"{header[0]:<24}" + "".join(f"{name:>14}" for name in [*header[1:], "dtype", "frames", "disk/plain"]))
    for entry in sets:
        reader = entry.reader
        lengths = np.add.reduceat(reader.lengths, reader.document_ends[:-1]) if len(reader) else np.zeros(1, dtype=np.int64)
        text_bytes = sum(record["text_bytes"] for record in reader.document_records())
        plain = max(1, reader.bin.size)
        row = [
            f"{len(reader):,}",
            f"{reader.num_tokens:,}",
            f"{text_bytes / max(1, reader.num_tokens):.3f}",
            *(f"{value:,.0f}" for value in np.percentile(lengths, PERCENTILES)),
            f"{lengths.max():,}",
            reader.dtype.name,
            f"{reader.bin.num_frames:,}",
            f"{reader.bin.path.stat().st_size / plain:.3f}",
        ]
        print(f"{entry.name:<24}" + "".join(f"{value:>14}" for value in row))


if __name__ == "__main__":
    run(PROG, main)
