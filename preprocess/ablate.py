"""What each decision of the preprocessing costs or gains: one switch at a time over a sample of papers, against the run without any.

Every variant is the folder of a finished run (`OUT/default`, `OUT/<switch>`), so that `report` and `compare` work on it. Where a switch
changes the selection alone, its folder has links to the units of the default one, on an object store copies, and nothing is extracted
again.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from preprocess.config import ABLATIONS, Config, Switch, recorded
from preprocess.corpus.build import build_corpus
from preprocess.places import add_source_options, output_place, source_places
from preprocess.report.compare import TRAINED, Comparison, compare
from preprocess.settings import load_config
from preprocess.sources.sample import Sample
from preprocess.sources.scans import SCANS
from preprocess.units import DOCUMENTS, LEDGER, MANIFESTS, METRICS, MINHASH
from shards.commit import local_folder, only_run, write_bytes
from shards.errors import InputError
from shards.manifest import write_manifest
from shards.page import bar, document, number, table
from shards.store import Place, StorePath, map_ahead, scratch_folder, states_in

DEFAULT = "default"
SAMPLE_PAPERS, SAMPLE_TARS, UNIT_MEMBERS = 2_000, 50, 25
# papers of a sample: a reason that takes 1 % of them is known to a fifth of itself (two standard deviations of 20 papers are 9). Tars that
# are opened for them: each is read whole once for its md5. Members of a unit: 80 places of a dump say more than 8.
_EXTRACTION = ("unit", "archive", "latex", "normalise", "describe", "minhash")
_UNITS = (MANIFESTS, DOCUMENTS, LEDGER, MINHASH, METRICS)
_READ = ("metadata", SCANS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One switch against the default: documents, papers and characters trained on, and papers that came in and went out."""

    name: str
    words: str
    is_extracted: bool
    documents: int
    papers: int
    characters: int
    change: float
    papers_in: int
    papers_out: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command, but those of the config."""
    add_source_options(parser)
    parser.add_argument("--out", required=True, metavar="DIR_OR_URI", help="folder for the runs of all switches and their table")
    parser.add_argument("--sample", type=int, default=SAMPLE_PAPERS, metavar="N", help="papers, about, chosen by hash")
    parser.add_argument("--tars", type=int, default=SAMPLE_TARS, metavar="N", help="tars that they are taken from, at most")
    parser.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME",
        help="only this switch, or one of your own as section.field=value; may be repeated (default: all of --list)",
    )
    parser.add_argument("--list", action=_List, nargs=0, help="says the switches and ends")
    parser.add_argument("--num-workers", type=int, metavar="N", help="workers at a time, one CPU each (default: all CPUs of the cluster)")
    parser.add_argument("--address", metavar="HOST:PORT", help="Ray cluster to run on (default: $RAY_ADDRESS, else a local one)")
    parser.set_defaults(do=ablate)


class _List(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        for switch in ABLATIONS:
            print(f"{switch.name:<20}{switch.words}\n{'':<20}{' '.join(f'--set {override}' for override in switch.overrides)}")
        parser.exit()


def ablate(args: argparse.Namespace) -> int:
    """Runs the default and every switch, and writes `OUT/ablation.json` and `OUT/ablation.html`."""
    from preprocess.ray_runner import connect, require_cpus
    from preprocess.run import run, say

    if args.sample < 1 or args.tars < 1 or (args.num_workers is not None and args.num_workers < 1):
        raise InputError("--sample, --tars and --num-workers take numbers of at least 1")
    switches = choose_switches(args.switch)
    base = [f"unit.max_unit_members={UNIT_MEMBERS}", *args.set]
    # all are checked before anything is run; no guard, since some of them are meant to take papers
    configs = {switch.name: _unguarded(load_config(args.config, [*base, *switch.overrides])) for switch in switches}
    default = _unguarded(load_config(args.config, base))
    out = output_place(args.out, args)
    if isinstance(out, Path):
        out = local_folder(out).resolve()
    elif not out.is_listable:
        raise InputError(f"{out}: an HTTP folder can only be read; --out takes a folder, or s3://, gs:// or az://")
    sample = Sample(max_papers=args.sample, max_tars=args.tars)
    source, metadata = source_places(args)
    assert metadata is not None
    require_cpus(args.address, args.num_workers)

    def whole_run(folder: Place, config: Config) -> dict[str, Any]:
        options = {"num_workers": args.num_workers, "address": args.address, "sample": sample}
        return run(source, metadata, folder, config, **options)

    rows: list[Row] = []
    with connect(args.address, args.num_workers):
        say(f"ablate: {DEFAULT}")
        content = whole_run(_variant(out, DEFAULT), default)
        for switch in switches:
            say(f"ablate: {switch.name} ({switch.words})")
            folder, config = _variant(out, switch.name), configs[switch.name]
            is_extracted = changes_extraction(default, config)
            if is_extracted:
                prepare_own(_variant(out, DEFAULT), folder)
                whole_run(folder, config)
            else:
                select_again(_variant(out, DEFAULT), folder, content, config, say)
            rows.append(_row(switch, is_extracted, compare(_variant(out, DEFAULT), folder)))
    rows.insert(0, _default_row(compare(_variant(out, DEFAULT), _variant(out, DEFAULT))))
    write_manifest(out / "ablation.json", {"sample": asdict(sample), "config": recorded(default), "rows": [asdict(row) for row in rows]})
    write_bytes(out / "ablation.html", ablation_page(rows, content).encode())
    print("\n".join(ablation_lines(rows)), file=sys.stdout)
    print(f"page: {out / 'ablation.html'}; a switch paper by paper: python -m preprocess compare {out / DEFAULT} {out}/SWITCH")
    return 0


def _variant(out: Place, name: str) -> Place:
    """The folder of one run: on a store a place of its own, as `--out` of `run` is."""
    return out / name if isinstance(out, Path) else StorePath(f"{out}/{name}", "", out.options)


def _unguarded(config: Config) -> Config:
    return replace(config, runaway=replace(config.runaway, max_share=None))


def choose_switches(names: Sequence[str]) -> list[Switch]:
    """The switches of those names, all for none; `section.field=value` is a switch of one's own."""
    known = {switch.name: switch for switch in ABLATIONS}
    chosen = []
    for name in names:
        if "=" in name:
            chosen.append(Switch(name=re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:100], overrides=(name,), words=f"--set {name}"))
        elif name not in known:
            raise InputError(f"--switch {name}: no such switch; there are {', '.join(known)}, or give section.field=value")
        else:
            chosen.append(known[name])
    return list(dict.fromkeys(chosen)) or list(ABLATIONS)


def changes_extraction(one: Config, other: Config) -> bool:
    """Whether two configs extract other texts."""
    return any(getattr(one, section) != getattr(other, section) for section in _EXTRACTION)


def prepare_own(default: Place, folder: Place) -> None:
    """Makes a folder ready for a run with texts of its own: what was read of tars and metadata is shared, no unit is."""
    for name in _UNITS if isinstance(folder, Path) else ():  # on a store units of the default's were copies, which the run removes itself
        assert isinstance(folder, Path)
        if (folder / name).is_symlink():  # of a run before, in which this switch had none of its own: it would write into the default's
            (folder / name).unlink()
    _link(default, folder, _READ)


def select_again(default: Place, folder: Place, content: dict[str, Any], config: Config, say: Callable[[str], None]) -> None:
    """Makes of the default run's units a run with another selection: links to what is the same, a corpus of its own."""
    with scratch_folder(folder) as folder, only_run(folder):
        _link(default, folder, [*_READ, *_UNITS])
        (folder / "corpus").mkdir(exist_ok=True)
        pairs = default / "corpus" / "near_pairs.parquet"
        if pairs.is_file():  # what was compared need not be compared again
            write_bytes(folder / "corpus" / pairs.name, pairs.read_bytes())
        corpus = build_corpus(folder, config, say=say)
        books = {name: value for name, value in asdict(corpus).items() if name not in ("num_files_written", "num_files_removed")}
        write_manifest(folder / "run.json", {**content, "corpus": books, "config": recorded(config)})


def _link(default: Place, folder: Place, names: Sequence[str]) -> None:
    if isinstance(default, StorePath) or isinstance(folder, StorePath):
        for name in names:
            _copy(default / name, folder / name)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        link = folder / name
        if link.is_symlink() or not link.exists():
            link.unlink(missing_ok=True)
        else:
            shutil.rmtree(link)  # of a run before, in which this switch had its own
        link.symlink_to(os.path.relpath(default / name, folder))


def _copy(default: Place, folder: Place) -> None:
    """Makes the files of a store's folder those of another one."""
    wanted, found = states_in(default), states_in(folder)
    for name in found.keys() - wanted.keys():
        (folder / name).unlink(missing_ok=True)
    # of what one PUT wrote the ETag is a digest of the content, on most stores; where it is not, the file is copied again
    other = [name for name, state in wanted.items() if name not in found or found[name].version != state.version]
    for _ in map_ahead(lambda name: write_bytes(folder / name, (default / name).read_bytes()), other, folder):
        pass


def _row(switch: Switch, is_extracted: bool, comparison: Comparison) -> Row:
    trained, documents = comparison.total(TRAINED), comparison.total("documents")
    before, after = trained.characters
    return Row(
        name=switch.name,
        words=switch.words,
        is_extracted=is_extracted,
        documents=documents.papers[1],
        papers=trained.papers[1],
        characters=after,
        change=after / before - 1 if before else 0.0,
        papers_in=sum(move.papers for move in comparison.moves if move.after == TRAINED),
        papers_out=sum(move.papers for move in comparison.moves if move.before == TRAINED),
    )


def _default_row(comparison: Comparison) -> Row:
    return _row(Switch(name=DEFAULT, overrides=(), words="every decision as it is configured"), True, comparison)


def ablation_lines(rows: Sequence[Row]) -> list[str]:
    """The table for a terminal."""
    heads = f"{'switch':<32}{'documents':>10}{'trained on':>12}{'characters':>16}{'change':>10}{'papers in':>11}{'out':>7}  texts"
    lines = [heads]
    for row in rows:
        change = "" if row.name == DEFAULT else f"{row.change:+.2%}"
        lines.append(
            f"{row.name[:31]:<32}{row.documents:>10,}{row.papers:>12,}{row.characters:>16,}{change:>10}{row.papers_in:>11,}{row.papers_out:>7,}"
            f"  {'its own' if row.is_extracted else 'of default'}"
        )
    return lines


def ablation_page(rows: Sequence[Row], content: dict[str, Any]) -> str:
    """The table as a page, with a bar a switch."""
    largest = max((row.characters for row in rows), default=0)
    base = next(row.characters for row in rows if row.name == DEFAULT) / max(1, largest)
    cells = []
    for row in rows:
        share = row.characters / max(1, largest)
        picture = bar([("whole", 0, min(share, base)), ("kept" if share >= base else "gone", min(share, base), max(share, base))])
        change = "–" if row.name == DEFAULT else f"{100 * row.change:+.2f}\u00a0%".replace("-", "−")
        cells.append(
            [
                f'<code>{escape(row.name).replace("_", "_<wbr>")}</code> <span class="words">{escape(row.words)}</span>{picture}',
                change,
                number(row.characters),
                number(row.papers),
                number(row.papers_in),
                number(row.papers_out),
                number(row.documents),
            ]
        )
    heads = ["Switch", "Change", "Characters trained on", "Papers trained on", "Papers in", "Papers out", "Documents"]
    words = (
        "<p>One decision at a time is turned the other way; all others are as in the default. Duplicates are found within the sample "
        "alone, so in the whole dump they are more.</p>"
    )
    lead = (
        f"<strong>{number(content['members'])}</strong> papers of {number(len(content['tars']))} tars, chosen by hash; what each "
        "decision does to the text that is trained on."
    )
    sections = [("switches", "One switch at a time", words + table("Switches", heads, cells, style="bars"))]
    return document("Ablation of the preprocessing", "What each decision does", lead, sections)
