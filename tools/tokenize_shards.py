"""Turns a corpus into token shards: `TOKENS/<domain>/<split>.idx`, `.bin.zst`, `.ids.jsonl.zst`, and a manifest last.

Two passes on Ray. Encode: one unit for each corpus file, kept under `TOKENS/.units/` and named by what it was made from (the file's
SHA-256 and the tokenizer's). Where a corpus file has changed, a document whose text was encoded before is taken from the old unit.
Merge: one unit for each domain and split, its corpus files in bucket order. So a run that was killed goes on where it stood, an
increment encodes only what is new, and the bytes are the same on any number of workers.

Every document is followed by one end-of-document token, and its ids are compared with its text before they are written.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shards.cli import ENDPOINT_HELP, Parser, run
from shards.commit import commit_file, only_run, remove_temporaries, write_bytes
from shards.errors import InputError
from shards.fingerprint import fingerprint
from shards.manifest import read_manifest, source_commit, write_manifest
from shards.store import Place, StoreOptions, StorePath, find_files, place_at
from shards.token_shard import BIN_SUFFIX, FRAME_BYTES, INDEX_SUFFIX, PLAIN_SUFFIX, ZSTD_LEVEL, TokenCounts, with_suffix, write_plain_bin
from tools.corpus_folder import Corpus, CorpusFile, output_folder, read_corpus
from tools.token_units import (
    FORMAT,
    SUFFIXES,
    TOKENIZER_FILE,
    PlannedSet,
    Row,
    at_hand,
    encode_rows,
    encode_unit,
    is_encoded,
    merge_row,
    merge_unit,
    plan_sets,
    set_books,
)
from tools.tokenizer import LatexTokenizer

PROG = "python -m tools.tokenize_shards"
MANIFEST = "manifest.json"
UNITS = ".units"
MAX_ZSTD_LEVEL = 22
_SECONDS_BETWEEN_LINES = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Brings the token shards into line with corpus and tokenizer."""
    args = _parser().parse_args(arguments)
    _check_numbers(args)
    corpus = read_corpus(args.corpus, args.endpoint)
    tokenizer = LatexTokenizer.load(place_at(args.tokenizer, StoreOptions.from_environment(endpoint=args.endpoint)))
    out = output_folder(args.out, args.endpoint).resolve()
    sets = plan_sets(corpus, tokenizer, frame_bytes=args.frame_bytes, level=args.level)
    with only_run(out) as require_lease:
        remove_temporaries(out)
        content = _bring_into_line(out, corpus, tokenizer, sets, args, require_lease)
        if args.plain:
            _write_plain(out, content)
    _print_table(out, content)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROG, description="Turns a corpus into zstd token shards that Megatron's datasets read by random access.")
    parser.add_argument("--corpus", required=True, metavar="DIR_OR_URI", help="corpus folder of a finished run, OUT/corpus")
    parser.add_argument("--endpoint", metavar="URL", help=ENDPOINT_HELP)
    parser.add_argument("--tokenizer", required=True, metavar="FILE_OR_URI", help="tokenizer.model of tools.train_tokenizer, or its folder")
    parser.add_argument("--out", required=True, metavar="DIR_OR_URI", help="folder for the token shards, seen by every node")
    parser.add_argument("--plain", action="store_true", help="also write the ordinary .bin, which stock Megatron-LM reads")
    parser.add_argument("--num-workers", type=int, metavar="N", help="workers at a time, one CPU each; without it all CPUs of the cluster")
    parser.add_argument("--frame-bytes", type=int, default=FRAME_BYTES, metavar="BYTES", help="ids of one zstd frame, before compression")
    parser.add_argument("--level", type=int, default=ZSTD_LEVEL, metavar="LEVEL", help=f"zstd level, 1 to {MAX_ZSTD_LEVEL}")
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="Ray cluster to run on, or auto for the one this runs on; without it $RAY_ADDRESS, else a local one",
    )
    return parser


def _check_numbers(args: argparse.Namespace) -> None:
    if args.num_workers is not None and args.num_workers < 1:
        raise InputError(f"--num-workers {args.num_workers}: at least 1 is needed")
    if not 1 <= args.level <= MAX_ZSTD_LEVEL:
        raise InputError(f"--level {args.level}: a zstd level from 1 to {MAX_ZSTD_LEVEL} is needed")
    if not 64 <= args.frame_bytes <= 1 << 30 or args.frame_bytes % 4:
        raise InputError(f"--frame-bytes {args.frame_bytes}: a multiple of 4 from 64 to {1 << 30} is needed, so that frames hold whole ids")


def _bring_into_line(
    out: Place,
    corpus: Corpus,
    tokenizer: LatexTokenizer,
    sets: Sequence[PlannedSet],
    args: argparse.Namespace,
    require_lease: Callable[[], None],
) -> dict[str, Any]:
    """Encodes and merges what is missing, removes what is of something else, and gives the manifest."""
    units = out / UNITS / tokenizer.sha256[:16]
    old = _old_manifest(out)
    done = {entry.name: books for entry in sets if (books := set_books(out, units, entry))}
    if old is not None and _is_whole(old, tokenizer, corpus, sets, done):
        _say(f"tokenise: all {len(sets)} sets are done, nothing to do")
        return old
    _say_what_was_there(out, old, tokenizer, corpus)
    write_bytes(units / TOKENIZER_FILE, tokenizer.model)
    to_merge = [entry for entry in sets if entry.name not in done]
    to_encode = [file for entry in to_merge for file in entry.files if not is_encoded(units, file, tokenizer.sha256)]
    if to_merge:
        # Ray takes seconds to import: not for --help, bad input, and where there is nothing to do
        from preprocess.ray_runner import cluster_cpus, connect, require_shared, run_units

        with connect(args.address, args.num_workers):
            require_shared(out, sorted({file.path.resolve().parent for file in to_encode if isinstance(file.path, Path)}))
            workers = args.num_workers or max(1, int(cluster_cpus()))
            rows = encode_rows(units, to_encode, tokenizer.sha256)
            _follow(run_units(rows, encode_unit, num_workers=workers), to_encode)
            settings = {"vocab_size": tokenizer.vocab_size, "frame_bytes": args.frame_bytes, "level": args.level}
            merges = [merge_row(out, units, entry, **settings) for entry in to_merge]
            require_lease()
            (out / MANIFEST).unlink(missing_ok=True)  # up to here what stood there is whole
            for number, row in enumerate(run_units(merges, merge_unit, num_workers=workers), 1):
                done[row["name"]] = row["books"]
                _say(f"merge: {number} of {len(merges)} sets, {row['name']} has {row['books']['tokens']:,} tokens")
    content = _content(corpus, tokenizer, sets, done, args)
    _check_conservation(content, corpus)
    require_lease()
    (out / MANIFEST).unlink(missing_ok=True)
    _remove_stale(out, units, sets)
    write_bytes(out / TOKENIZER_FILE, tokenizer.model)
    write_manifest(out / MANIFEST, content)
    return content


def _old_manifest(out: Place) -> dict[str, Any] | None:
    """The manifest of what stands in the folder; None where there is none of this format. Raises `InputError` for another program's."""
    path = out / MANIFEST
    if not path.exists():
        return None
    manifest = read_manifest(path)
    if not isinstance(manifest.get("sets"), dict) or not isinstance(manifest.get("tokenizer"), dict):
        raise InputError(f"{out}: holds the output of another command; give a folder of its own as --out")
    return manifest if manifest.get("format") == FORMAT else None


def _is_whole(
    manifest: Mapping[str, Any], tokenizer: LatexTokenizer, corpus: Corpus, sets: Sequence[PlannedSet], done: Mapping[str, Any]
) -> bool:
    """Whether the manifest already says what this run would: the same tokenizer and corpus, every set whole."""
    return (
        manifest["tokenizer"]["sha256"] == tokenizer.sha256
        and manifest["corpus"]["fingerprint"] == corpus.fingerprint
        and manifest["sets"] == {entry.name: done.get(entry.name) for entry in sets}
    )


def _say_what_was_there(out: Place, old: Mapping[str, Any] | None, tokenizer: LatexTokenizer, corpus: Corpus) -> None:
    if old is None:
        return
    if old["tokenizer"]["sha256"] != tokenizer.sha256:
        _say(f"{out}: holds token shards of another tokenizer ({old['tokenizer']['sha256'][:16]}); they are replaced, all is encoded anew")
    elif old["corpus"]["fingerprint"] != corpus.fingerprint:
        _say(f"{out}: holds token shards of another state of the corpus; what has not changed is kept")
    else:
        _say(f"{out}: its files are not all whole, or frame size or level differ; what is missing is written again")


def _content(
    corpus: Corpus, tokenizer: LatexTokenizer, sets: Sequence[PlannedSet], done: Mapping[str, Any], args: argparse.Namespace
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fingerprint": fingerprint({entry.name: entry.made_from for entry in sets}),
        "sets": {entry.name: done[entry.name] for entry in sets},
        "tokenizer": {
            "file": TOKENIZER_FILE,
            "sha256": tokenizer.sha256,
            "vocab_size": tokenizer.vocab_size,
            "num_pieces": tokenizer.num_pieces,
            "eod_id": tokenizer.eod_id,
        },
        "corpus": {
            "fingerprint": corpus.fingerprint,
            "documents": sum(file.documents for file in corpus.files),
            "text_bytes": sum(file.text_bytes for file in corpus.files),
        },
        "frame_bytes": args.frame_bytes,
        "level": args.level,
        "commit": source_commit(),
    }


def _check_conservation(content: Mapping[str, Any], corpus: Corpus) -> None:
    """Raises `InputError` unless every document and byte of the corpus is in the sets."""
    for field in ("documents", "text_bytes"):
        in_sets = sum(entry[field] for entry in content["sets"].values())
        if in_sets != content["corpus"][field]:
            raise InputError(
                f"the token sets hold {in_sets} {field} of the corpus's {content['corpus'][field]}; remove the folder and run again"
            )
    assert len(corpus.files) >= len(content["sets"])


def _remove_stale(out: Place, units: Place, sets: Sequence[PlannedSet]) -> None:
    """Removes sets and units that neither corpus nor tokenizer ask for any more, and says so."""
    wanted_sets = {entry.name for entry in sets}
    wanted_units = {file.name for entry in sets for file in entry.files}
    for path in find_files(out, "*/*.idx"):
        name = f"{path.parent.name}/{path.name.removesuffix(INDEX_SUFFIX)}"
        if name not in wanted_sets and not name.startswith("."):
            _say(f"{out / name}: is of a domain or split that the corpus no longer has; removed")
            for suffix in (*SUFFIXES, PLAIN_SUFFIX):
                with_suffix(out / name, suffix).unlink(missing_ok=True)
            if isinstance(path, Path) and not any(path.parent.iterdir()):
                path.parent.rmdir()
    for pattern in ("*/*", "*/*/*"):  # of other tokenizers
        for path in find_files(out / UNITS, pattern):
            if not str(path).startswith(f"{units}/") and (isinstance(path, StorePath) or path.is_file()):
                path.unlink()
    if isinstance(units, Path):
        for folder in sorted(units.parent.iterdir()):
            if folder != units:
                shutil.rmtree(folder)
    for path in find_files(units, "*/*"):
        if f"{path.parent.name}/{path.name.partition('.')[0]}" not in wanted_units | wanted_sets:
            path.unlink()


def _write_plain(out: Place, content: Mapping[str, Any]) -> None:
    for name in content["sets"]:
        path = with_suffix(out / name, PLAIN_SUFFIX)
        if not path.is_file():  # one of other tokens was removed when its set was merged
            with at_hand(out / name) as here:
                plain = write_plain_bin(here)
                if isinstance(path, StorePath):
                    commit_file(plain, path)
            _say(f"plain: {path}, {path.stat().st_size:,} bytes")


def _follow(results: Iterator[Row], files: Sequence[CorpusFile]) -> None:
    """Shows where the encode pass stands, a line now and then."""
    total = sum(file.text_bytes for file in files)
    started = said = time.monotonic()
    num_bytes = num_documents = num_encoded = 0
    for number, row in enumerate(results, 1):
        num_bytes += row["text_bytes"]
        num_documents += row["documents"]
        num_encoded += row["encoded"]
        now = time.monotonic()
        if now - said < _SECONDS_BETWEEN_LINES and number < len(files):
            continue
        said = now
        speed = num_bytes / max(now - started, 1e-6)
        _say(
            f"encode: {number}/{len(files)} files, {num_encoded} documents encoded, {num_documents - num_encoded} taken from before, "
            f"{speed / 1e6:.2f} MB/s, {(total - num_bytes) / max(speed, 1.0):.0f} s left"
        )


def _print_table(out: Place, content: Mapping[str, Any]) -> None:
    print(f"{'set':<24}{'documents':>12}{'tokens':>16}{'bytes a token':>15}{'on disk, bytes a token':>24}")
    total = TokenCounts(documents=0, tokens=0, text_bytes=0)
    disk = 0
    for name, entry in content["sets"].items():
        packed = entry["files"][BIN_SUFFIX]["bytes"]
        _print_row(name, TokenCounts(documents=entry["documents"], tokens=entry["tokens"], text_bytes=entry["text_bytes"]), packed)
        total = TokenCounts(
            documents=total.documents + entry["documents"],
            tokens=total.tokens + entry["tokens"],
            text_bytes=total.text_bytes + entry["text_bytes"],
        )
        disk += packed
    _print_row("all", total, disk)
    print(f"token shards: {out}; next: python -m tools.inspect_tokens {out}")


def _print_row(name: str, counts: TokenCounts, packed_bytes: int) -> None:
    per_token = counts.text_bytes / max(1, counts.tokens)
    print(f"{name:<24}{counts.documents:>12,}{counts.tokens:>16,}{per_token:>15.3f}{packed_bytes / max(1, counts.tokens):>24.3f}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(PROG, main)
