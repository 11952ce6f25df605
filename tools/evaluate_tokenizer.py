"""The symbolic-stability report: how tokenizers treat scientific text, side by side, as HTML and JSON.

Texts come from one split of a corpus. How often each row of the embedding is used is counted on the training split as well.
Beside the measures of TeX's structure stand those of TokenizerBench (docs/tokenizer.md says which and why).
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from shards.cli import ENDPOINT_HELP, Parser, run
from shards.commit import write_bytes
from shards.errors import InputError
from shards.manifest import source_commit, write_manifest
from shards.store import Place
from tools.any_tokenizer import AnyTokenizer, open_tokenizer
from tools.corpus_folder import Corpus, output_folder, read_corpus, read_documents
from tools.tokenizer_measures import Measures, commonest_sequences
from tools.tokenizer_probes import probe, word_families
from tools.tokenizer_report import html_report

PROG = "python -m tools.evaluate_tokenizer"
REPORT_JSON, REPORT_HTML = "tokenizer_report.json", "tokenizer_report.html"


def main(arguments: list[str] | None = None) -> int:
    """Measures every tokenizer on the same texts and writes the report."""
    args = _parser().parse_args(arguments)
    for flag in ("max_bytes", "count_bytes"):
        if getattr(args, flag) < 1:
            raise InputError(f"--{flag.replace('_', '-')} {getattr(args, flag)}: at least 1 is needed")
    if args.model_vocab_size is not None and args.model_vocab_size < 1:
        raise InputError(f"--model-vocab-size {args.model_vocab_size}: at least 1 is needed")
    out = output_folder(args.out, args.endpoint)
    corpus = read_corpus(args.corpus, args.endpoint)
    tokenizers = {name: open_tokenizer(path) for name, path in _named(args.tokenizer)}
    papers = list(sample(corpus, args.split, args.max_bytes))
    if not papers:
        raise InputError(f"{args.corpus}: has no documents in its {args.split} split; give --split train, or another corpus")
    counted = [text for _, _, text in sample(corpus, "train", args.count_bytes)]
    commonest = commonest_sequences([*counted, *(text for _, _, text in papers)])
    families = word_families(text for _, _, text in papers)
    report = {
        "format": 1,
        "corpus_fingerprint": corpus.fingerprint,
        "split": args.split,
        "papers": [paper for paper, _, _ in papers],
        "counted_bytes": sum(len(text.encode()) for text in counted),
        "commit": source_commit(),
        "tokenizers": {
            name: evaluate(name, tokenizer, papers, counted, commonest, families, args) for name, tokenizer in tokenizers.items()
        },
    }
    write_bytes(out / REPORT_HTML, html_report(report).encode())
    write_manifest(out / REPORT_JSON, report)
    _print_table(report["tokenizers"])
    print(f"report: {out / REPORT_HTML}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument("--corpus", required=True, metavar="DIR_OR_URI", help="corpus folder of a finished run, OUT/corpus")
    parser.add_argument("--endpoint", metavar="URL", help=ENDPOINT_HELP)
    parser.add_argument(
        "--tokenizer",
        action="append",
        required=True,
        metavar="NAME=FILE",
        help="a SentencePiece model, a Hugging Face tokenizer.json, a .tiktoken or a tekken file; may be repeated",
    )
    parser.add_argument("--out", required=True, metavar="DIR_OR_URI", help=f"folder for {REPORT_HTML} and {REPORT_JSON}")
    parser.add_argument("--split", choices=("train", "validation"), default="validation", help="texts to measure on")
    parser.add_argument("--max-bytes", type=int, default=1 << 25, metavar="BYTES", help="UTF-8 bytes of text to measure on, whole papers")
    parser.add_argument(
        "--count-bytes", type=int, default=1 << 25, metavar="BYTES", help="UTF-8 bytes of the training split to count used rows on"
    )
    parser.add_argument(
        "--model-vocab-size", type=int, metavar="ROWS", help="rows of the model's embedding; without it those of each tokenizer"
    )
    parser.add_argument("--no-examples", action="store_true", help="leave the worst examples out: they quote the texts")
    return parser


def _named(given: Sequence[str]) -> Iterator[tuple[str, Path]]:
    seen = set()
    for item in given:
        name, sign, path = item.rpartition("=")
        name = name if sign else Path(path).name
        if not name or not path or name in seen:
            raise InputError(f"--tokenizer {item!r}: NAME=FILE is needed, each name once")
        seen.add(name)
        yield name, Path(path)


def sample(corpus: Corpus, split: str, max_bytes: int) -> Iterator[tuple[str, str, str]]:
    """(id, domain, text) of a split's papers, whole, in turn from each domain in the corpus's own order, up to `max_bytes`."""
    by_domain: dict[str, list[Place]] = {}
    for file in corpus.files:
        if file.split == split:
            by_domain.setdefault(file.domain, []).append(file.path)
    streams = {domain: (document for path in paths for document in read_documents(path)) for domain, paths in by_domain.items()}
    num_bytes = 0
    while streams:
        for domain in list(streams):
            document = next(streams[domain], None)
            if document is None:
                del streams[domain]
                continue
            if num_bytes >= max_bytes:
                return
            num_bytes += len(document["text"].encode())
            yield document["id"], domain, document["text"]


def evaluate(
    name: str,
    tokenizer: AnyTokenizer,
    papers: Sequence[tuple[str, str, str]],
    counted: Sequence[str],
    commonest: Sequence[str],
    families: Sequence[Sequence[str]],
    args: argparse.Namespace,
) -> dict[str, Any]:
    """The figures of one tokenizer."""
    started = time.monotonic()
    measures = Measures(tokenizer)
    for paper, domain, text in papers:
        measures.add(paper, domain, text)
    rows: Counter[int] = Counter(measures.counts_of_ids)
    if args.split != "train":
        for text in counted:
            rows.update(tokenizer.encode(text).ids.tolist())
    num_rows = args.model_vocab_size or tokenizer.num_rows
    figures = measures.summary(commonest=commonest, counts_of_rows=rows, num_rows=num_rows, with_examples=not args.no_examples)
    figures |= probe(tokenizer, commonest, families, with_names=not args.no_examples)
    print(f"{name}: {len(papers)} papers measured, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return figures


def _print_table(tokenizers: dict[str, Any]) -> None:
    columns = ["pieces", "bytes/token", "in math", "whole", "of 500 stable", "parted/10^5", "byte fallback", "unused rows"]
    print(f"{'tokenizer':<20}" + "".join(f"{column:>15}" for column in columns))
    for name, figures in tokenizers.items():
        sequences = figures["control_sequences"]
        values = [
            f"{figures['pieces']:,}",
            _shown(figures["bytes_per_token"], ".3f"),
            _shown(figures["bytes_per_token_math"], ".3f"),
            _shown(sequences["whole"], ".2%"),
            _shown(figures["contexts"]["whole_and_stable"], ".2%"),
            _shown(sequences["parted_per_100000"], ",.1f"),
            _shown(figures["byte_fallback_share"], ".4%"),
            _shown(figures["rows"]["never_used_share"], ".2%"),
        ]
        print(f"{name:<20}" + "".join(f"{value:>15}" for value in values))


def _shown(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


if __name__ == "__main__":
    run(PROG, main)
