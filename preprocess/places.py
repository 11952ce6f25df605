"""Where a command reads a dump: the options that say it, and the places that they name."""

import argparse
from dataclasses import replace

from shards import cli
from shards.store import Place, StoreOptions, file_at, place_at


def add_source_options(parser: argparse.ArgumentParser, *, needs_metadata: bool = True) -> None:
    """`--source`, `--metadata` and how the stores that they lie on are reached."""
    parser.add_argument(
        "--source", required=True, metavar="DIR_OR_URI", help="folder of arXiv_src_YYMM_NNN.tar, of this machine or of a store"
    )
    parser.add_argument(
        "--metadata", required=needs_metadata, metavar="FILE_OR_URI", help="metadata snapshot in the OAI/Kaggle JSON-lines schema"
    )
    parser.add_argument("--endpoint", metavar="URL", help=cli.ENDPOINT_HELP)
    parser.add_argument("--source-endpoint", metavar="URL", help="S3 server of the source alone, where it is another than the output's")
    parser.add_argument(
        "--requester-pays", action="store_true", help="you pay for reading --source and --metadata, as arXiv's bucket s3://arxiv/src asks"
    )


def source_places(args: argparse.Namespace) -> tuple[Place, Place | None]:
    """The dump's folder and the metadata's file; None where none was given."""
    to_read = StoreOptions.from_environment(endpoint=args.endpoint, is_requester_paying=args.requester_pays)
    source = place_at(args.source, replace(to_read, endpoint=args.source_endpoint or args.endpoint)).resolve()
    return source, None if args.metadata is None else file_at(args.metadata, to_read).resolve()


def output_place(text: str, args: argparse.Namespace) -> Place:
    """The folder of an `--out` or of a run that has ended."""
    return place_at(text, StoreOptions.from_environment(endpoint=args.endpoint)).resolve()
