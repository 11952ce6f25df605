"""`python -m preprocess harvest`: a metadata snapshot by OAI-PMH."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from preprocess.settings import load_config
from preprocess.sources.oai import Harvest, Question
from shards.store import StoreOptions, file_at

ARXIV = "https://oaipmh.arxiv.org/oai"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--endpoint", default=ARXIV, metavar="URL", help="base URL of the OAI-PMH interface")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SET",
        help="a set of the endpoint, e.g. math or physics:hep-th; may be repeated (default: all)",
    )
    parser.add_argument("--from", dest="first_day", metavar="DAY", help="first day of change, e.g. 2026-10-01 (default: the beginning)")
    parser.add_argument("--until", dest="last_day", metavar="DAY", help="last day of change, included (default: today)")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the snapshot to write, JSON lines as --metadata reads them; may be s3://BUCKET/FILE"
    )
    parser.add_argument(
        "--merge", metavar="FILE", help="older snapshot whose papers stay where nothing newer was harvested; may be --out itself"
    )
    parser.add_argument(
        "--interval", type=float, metavar="SECONDS", help="seconds between requests (default: harvest.request_interval_seconds)"
    )
    parser.add_argument("--store-endpoint", metavar="URL", help="an S3 server other than Amazon's, for --out and --merge")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of preprocess/config.py's sections and fields")
    parser.epilog = (
        "Where it ends early (killed, no network, a wait longer than allowed) the same command goes on with the page it was about;\n"
        "what it has so far lies beside the output, in FILE.harvest. An output on an object store is made in the\n"
        "system's temporary folder first (TMPDIR: all of arXiv takes some 10 GB there)."
    )
    parser.set_defaults(do=harvest)


def harvest(args: argparse.Namespace) -> int:
    """Harvests, writes the snapshot and prints its books."""
    config = load_config(args.config, []).harvest
    if args.interval is not None:
        config = replace(config, request_interval_seconds=args.interval)
    question = Question(endpoint=args.endpoint, sets=tuple(args.set), first_day=args.first_day, last_day=args.last_day)
    options = StoreOptions.from_environment(endpoint=args.store_endpoint)
    out, merged = file_at(args.out, options), file_at(args.merge, options) if args.merge is not None else None
    summary = Harvest(question, out, config, say=lambda line: print(line, file=sys.stderr, flush=True)).run(merged)
    for words, count in (
        ("records harvested", summary.num_records),
        ("  deleted", summary.num_deleted),
        ("  no paper's metadata", summary.num_refused),
        ("  came more than once", summary.num_repeated),
        ("lines replaced", summary.num_replaced),
        ("lines new", summary.num_new),
        ("lines in all", summary.num_lines),
    ):
        print(f"{words:<32}{count:>12,}")
    print(f"snapshot: {args.out}")
    return 0
