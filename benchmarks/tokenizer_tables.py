"""Writes the tables of docs/tokenizer.md anew from benchmarks/results/tokenizer.json; a test holds the two together.

    python -m benchmarks.tokenizer_tables

The sentences around them are written by hand: read them again when a table has changed.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS
from shards.cli import Parser, run
from shards.commit import write_bytes
from shards.errors import InputError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tokenizer.md"
_NAMES = {
    "ours": "ours",
    "llama-style": "Llama-style, same text",
    "mistral-v1": "Mistral v1, public",
    "mistral-tekken": "Mistral tekken, public",
}
_ENCODERS = {
    "sentencepiece": "SentencePiece, Python",
    "hugging face tokenizers": "Hugging Face tokenizers",
    "fast, from an empty cache": "`tools.fast_encoder`, from an empty cache",
    "fast, again": "`tools.fast_encoder`, warm",
}


def tables(figures: dict[str, Any]) -> list[str]:
    """The page's tables, each begun by a header line of its own."""
    compared = [
        "| held-out papers | pieces | bytes a token | in math | control sequences parted, in 10^5 | 500 commonest, whole and stable "
        "| byte fallback |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in sorted(figures["tokenizers"].items(), key=_order):
        shown = _NAMES.get(name) or _NAMES[name.rpartition("-")[0]]
        rows = found["rows"]["rows"]
        pieces = f"{found['pieces']:,}" + (f" in {rows:,} rows" if rows > found["pieces"] else "")
        compared.append(
            f"| {shown} | {pieces} | {found['bytes_per_token']:.3f} | {found['bytes_per_token_math']:.3f} "
            f"| {found['control_sequences']['parted_per_100000']:,.1f} | {found['contexts']['whole_and_stable']:.1%} "
            f"| {found['byte_fallback_share']:.4%} |"
        )
    sizes = [
        "| vocabulary | pieces that the text fills | never used | used 1 to 9 times | parameters | bytes a token "
        "| in 52.18 billion tokens | training FLOPs a byte |",
        "|---|---|---|---|---|---|---|---|",
    ]
    first = figures["cost_of_sizes"][0]["training_flops_per_byte"]
    for row in figures["cost_of_sizes"]:
        sizes.append(
            f"| {row['vocabulary']:,} | {row['pieces_that_the_text_fills']:,} | {row['rows_never_used']:,} "
            f"| {row['rows_used_less_than_10_times']:,} | {row['parameters'] / 1e9:.3f}B | {row['bytes_per_token']:.3f} "
            f"| {row['gigabytes_in_52_billion_tokens']} GB | × {row['training_flops_per_byte'] / first:.3f} |"
        )
    encoding = figures["encoding"]
    speeds = [
        f"| encoder, on {encoding['documents']} documents of {encoding['bytes'] / 1e6:.1f} MB | MB/s | documents with other ids |",
        "|---|---|---|",
    ]
    for name, shown in _ENCODERS.items():
        speeds.append(f"| {shown} | {encoding[name]['mb_per_second_a_core']:.1f} | {encoding[name]['documents_with_other_ids']} |")
    return ["\n".join(rows) for rows in (compared, sizes, speeds)]


def _order(item: tuple[str, Any]) -> tuple[int, int]:
    name, found = item
    kind = name if name in _NAMES else name.rpartition("-")[0]
    return list(_NAMES).index(kind), found["rows"]["rows"]


def with_tables(page: str, made: list[str]) -> str:
    """The page with its tables that begin as the made ones do replaced by them."""
    lines = page.split("\n")
    for table in made:
        begins = table.split(" ")[1].rstrip(",")  # the first word of the header line tells the tables apart
        heads = (number for number in range(len(lines) - 1) if lines[number + 1].startswith("|---"))
        starts = [number for number in heads if lines[number].split(" ")[1].rstrip(",") == begins]
        if len(starts) != 1:
            raise InputError(f"{PAGE}: {len(starts)} tables begin with {begins!r}, one is needed")
        end = next(number for number in range(starts[0], len(lines)) if not lines[number].startswith("|"))
        lines[starts[0] : end] = table.split("\n")
    return "\n".join(lines)


def main() -> int:
    """Writes the page."""
    Parser(prog="python -m benchmarks.tokenizer_tables", description=__doc__ or "").parse_args()
    figures = json.loads((RESULTS / "tokenizer.json").read_text())["figures"]
    write_bytes(PAGE, with_tables(PAGE.read_text(), tables(figures)).encode())
    print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    run("tokenizer_tables", main)
