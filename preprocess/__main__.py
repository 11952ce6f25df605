"""The command line of the preprocessing."""

import argparse
import gzip
import io
import os
import re
import sys
import tarfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from preprocess import ablate, harvest
from preprocess.explain import explanation
from preprocess.guard import guarded
from preprocess.latex.trace import Trace
from preprocess.pipeline import process_paper
from preprocess.places import add_source_options, output_place, source_places
from preprocess.records import RawPaper, Rejection, Stage
from preprocess.settings import load_config
from preprocess.sources.tars import arxiv_id_of
from shards import cli
from shards.commit import local_folder
from shards.errors import InputError
from shards.store import StoreOptions, file_at, place_at

REJECTED = 1  # exit code of `extract` where the paper has no text
PROG = "python -m preprocess"


def main(arguments: list[str] | None = None) -> int:
    """Parses the command line and does what it says."""
    args = _parser().parse_args(arguments)
    code: int = args.do(args)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog=PROG, description="Raw arXiv tars in, a corpus of text shards and a ledger of every loss out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_SubParser)
    run = commands.add_parser("run", help="tars to corpus; the same command again does only what is missing")
    add_source_options(run)
    run.add_argument("--out", required=True, metavar="DIR_OR_URI", help="folder for everything the run writes, seen by every node")
    run.add_argument(
        "--scratch",
        type=Path,
        metavar="DIR",
        help="folder of this machine for temporary files of an --out on a store (default: $TMPDIR)",
    )
    run.add_argument("--num-workers", type=int, metavar="N", help="workers at a time, one CPU each (default: all CPUs of the cluster)")
    run.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="Ray cluster to run on, or auto for the one this runs on (default: $RAY_ADDRESS, else a local one)",
    )
    run.add_argument("--retry-quarantined", action="store_true", help="does the units again that hold quarantined papers")
    _add_config(run)
    run.epilog = (
        "Exit codes: 0 done; 1 the machine failed; 2 bad input; 3 stopped by the runaway guard, since one reason took\n"
        "more papers than its limit (--set runaway.max_share=..., runaway.max_shares=..., runaway.min_papers=...).\n"
        "After any of them the same command goes on."
    )
    run.set_defaults(do=_run)
    extract = commands.add_parser("extract", help="one paper to its text on standard output, its outcome on standard error")
    extract.add_argument(
        "file", type=Path, metavar="FILE", help="a .tex, .gz, .tar.gz or .tar file, a folder of sources, or - for standard input"
    )
    extract.add_argument(
        "--format",
        choices=("text", "latex", "json"),
        default="text",
        help="what is printed: the text, the one LaTeX source that it is made from (files included, macros expanded), or everything known",
    )
    extract.add_argument(
        "--explain", action="store_true", help="says on standard error what was done: roots, inclusions, macros, what was dropped, warnings"
    )
    _add_config(extract)
    extract.set_defaults(do=_extract)
    plan = commands.add_parser("plan", help="what a run would read, cost and take, before it starts")
    add_source_options(plan, needs_metadata=False)
    plan.add_argument("--out", metavar="DIR_OR_URI", help="output of earlier runs: what is done there is not planned")
    plan.add_argument(
        "--cores",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="cores, one worker each; may be repeated (default: this machine's)",
    )
    _add_config(plan)
    plan.set_defaults(do=_plan)
    report = commands.add_parser("report", help="the yield report (HTML) of a run")
    report.add_argument("folder", metavar="DIR_OR_URI", help="the --out of a run")
    report.add_argument("--endpoint", metavar="URL", help=cli.ENDPOINT_HELP)
    report.add_argument("--html", metavar="FILE_OR_URI", help="where the page is written (default: DIR_OR_URI/report.html)")
    report.add_argument("--tokens", type=Path, metavar="DIR", help="token shards of this corpus: the waterfall goes on to tokens")
    report.add_argument("--run", type=Path, metavar="DIR", help="training run on those token shards: it goes on to tokens trained on")
    report.set_defaults(do=_report)
    switched = commands.add_parser("ablate", help="a sample of papers with one decision switched at a time: what each does to the yield")
    ablate.add_arguments(switched)
    _add_config(switched)
    compare = commands.add_parser("compare", help="two runs: what a change of config, code or input did to their yield")
    compare.add_argument("before", metavar="RUN_A", help="the --out of a run that has ended, folder or URI")
    compare.add_argument("after", metavar="RUN_B", help="the --out of another one")
    compare.add_argument("--html", metavar="FILE_OR_URI", help="where the page is written (default: RUN_B/compare.html)")
    compare.add_argument("--endpoint", metavar="URL", help=cli.ENDPOINT_HELP)
    compare.set_defaults(do=_compare)
    harvest.add_arguments(commands.add_parser("harvest", help="a metadata snapshot from an OAI-PMH endpoint, whole or what has changed"))
    return parser


class _SubParser(cli.Parser):
    def __init__(self, *, prog: str, **_: Any) -> None:
        super().__init__(prog=prog, description="")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file of preprocess/config.py's sections and fields")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="one field of the config; may be repeated"
    )


def _run(args: argparse.Namespace) -> int:
    from preprocess.run import run, summary_table  # Ray takes seconds to import: not for --help, extract and report

    if args.num_workers is not None and args.num_workers < 1:
        raise InputError(f"--num-workers is {args.num_workers}; at least 1 is needed")
    config = load_config(args.config, args.set)
    source, metadata = source_places(args)
    assert metadata is not None
    out = output_place(args.out, args)
    if isinstance(out, Path):
        out = local_folder(out)
    content = run(
        source,
        metadata,
        out,
        config,
        num_workers=args.num_workers,
        address=args.address,
        retries_quarantined=args.retry_quarantined,
        scratch=args.scratch,
    )
    print(summary_table(content, out))
    return 0


def _extract(args: argparse.Namespace) -> int:
    config = load_config(args.config, args.set)
    # under the same limits as in a run; there the stage is known, here the detail names the line
    trace = Trace() if args.explain or args.format == "latex" else None
    outcome = guarded(Stage.EXTRACT, config.unit, partial(process_paper, _raw_paper(args.file), config, trace))
    if trace is not None and args.explain:
        sys.stderr.write(explanation(trace, outcome))
    if isinstance(outcome, Rejection):
        print(f"rejected at {outcome.stage}: {outcome.reason}: {outcome.detail}", file=sys.stderr)
        return REJECTED
    if args.format == "json":
        sys.stdout.write(orjson.dumps(outcome, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n")
    elif trace is not None and args.format == "latex":
        sys.stdout.write(trace.source())
    else:
        sys.stdout.write(outcome.text)
    num_missing = outcome.warnings.get("missing_input", 0)
    if num_missing and args.file.suffix.lower() in _SOURCE_SUFFIXES:
        print(f"note: {num_missing} inclusions are not in {args.file}; give the folder or the archive to have them read", file=sys.stderr)
    warnings = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.warnings.items())) or "none"
    print(
        f"document: root {', '.join(outcome.root_files)}; {outcome.tex_bytes} bytes of TeX, {len(outcome.text)} characters of text; "
        f"language {outcome.language}; warnings: {warnings}",
        file=sys.stderr,
    )
    return 0


_SOURCE_SUFFIXES = (".tex", ".ltx", ".latex", ".txt")
_DUMP_TAR = re.compile(r"arXiv_src_\d{4}_\d+\.tar")


def _raw_paper(path: Path) -> RawPaper:
    try:
        if path.is_dir():
            payload = _pack(path)
        else:
            payload = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
            if path.suffix.lower() in _SOURCE_SUFFIXES and payload and not payload.startswith(b"\x1f\x8b"):
                payload = _packed({path.name: payload})  # so that what is said of it has its own name
            if not payload.startswith(b"\x1f\x8b"):
                payload = gzip.compress(payload, mtime=0)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; a .tex, .gz, .tar.gz or .tar file or a folder is needed") from None
    if _DUMP_TAR.fullmatch(path.name):
        raise InputError(f"{path}: a tar of arXiv's dump holds many papers, which `{PROG} run` reads; give one of its members")
    return RawPaper(arxiv_id=arxiv_id_of(path.name), tar="", member=path.name, payload=payload, size=len(payload))


def _pack(folder: Path) -> bytes:
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if not files:
        raise InputError(f"{folder}: holds no file; give the folder of a paper's sources")
    return _packed({name: path.read_bytes() for name, path in files.items()})


def _packed(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def _report(args: argparse.Namespace) -> int:
    from preprocess.report import write_report

    options = StoreOptions.from_environment(endpoint=args.endpoint)
    folder = place_at(args.folder, options)
    html = file_at(args.html, options) if args.html else folder / "report.html"
    write_report(folder, html, args.tokens, args.run)
    print(f"report: {html}")
    return 0


def _plan(args: argparse.Namespace) -> int:
    from preprocess.plan import plan, plan_lines

    cores = args.cores or [len(os.sched_getaffinity(0))]
    if min(cores) < 1:
        raise InputError(f"--cores is {min(cores)}; at least 1 is needed")
    source, metadata = source_places(args)
    out = None if args.out is None else output_place(args.out, args)
    print("\n".join(plan_lines(plan(source, metadata, out, load_config(args.config, args.set)), cores)))
    return 0


def _compare(args: argparse.Namespace) -> int:
    from preprocess.report import compare, comparison_lines, write_comparison

    options = StoreOptions.from_environment(endpoint=args.endpoint)
    before, after = (place_at(folder, options) for folder in (args.before, args.after))
    html = file_at(args.html, options) if args.html else after / "compare.html"
    comparison = compare(before, after)
    write_comparison(comparison, html)
    print("\n".join(comparison_lines(comparison)))
    print(f"page: {html}")
    return 0


if __name__ == "__main__":
    cli.run(PROG, main)
