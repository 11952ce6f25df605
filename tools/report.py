"""Draws training runs on one page of HTML, and compares them: losses, bits per byte by domain, speed, where the time went, the books.

    python -m tools.report RUN [RUN ...] --html report.html

The page is made from `metrics.jsonl` and `config.json` of each run, and needs nothing else; a run that is still going on is drawn as far as
it has come. Runs whose steps have different sizes are laid over one another by tokens.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from shards.cli import Parser, run
from shards.commit import write_bytes
from shards.errors import InputError
from shards.manifest import read_manifest
from shards.page import NUM_COLOURS, Curve, bar, curves, document, legend, num_bytes, number, percent, seconds, table
from train.config import TrainConfig, from_sections, num_parameters

PROG = "python -m tools.report"
MAX_EVENTS = 50  # skipped steps and returns that are listed one by one
PARTS = ("forward", "backward", "communication", "optimizer", "data", "validation", "checkpoint", "other", "forward_backward")
# of time, each always in the same colour; the last is of runs before forward and backward were told apart
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as its folder tells it."""

    name: str
    config: TrainConfig
    rows: list[Row]

    def of(self, kind: str) -> list[Row]:
        """Rows of one kind, in the order they were written."""
        return [row for row in self.rows if row["kind"] == kind]

    @property
    def tokens_per_step(self) -> int:
        """Of all processes."""
        return self.config.training.global_batch_size * self.config.model.seq_length

    @property
    def last_step(self) -> int:
        """The last that was logged."""
        return max((row["iteration"] for row in self.rows), default=0)

    def validation(self, domain: str) -> list[tuple[int, float]]:
        """(step, bits per byte) of a domain."""
        return [(row["iteration"], float(row["bits_per_byte"])) for row in self.of("validation") if row["domain"] == domain]

    @property
    def domains(self) -> list[str]:
        """That were validated, all together last."""
        found = {row["domain"] for row in self.of("validation")}
        return [*sorted(found - {"all"}), *(found & {"all"})]


def read_run(folder: Path, name: str) -> Run:
    """Reads a run's folder. Raises `InputError` with file and line for what is no run's."""
    path = folder / "metrics.jsonl"
    try:
        lines = path.read_text().splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); is this the folder of a training run (its --out)?") from None
    rows: list[Row] = []
    for count, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break  # it is being written
        try:
            row = json.loads(line)
            rows.append({**row, "kind": row["kind"], "iteration": int(row["iteration"])})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: line {count} is no row of a training run ({type(error).__name__}: {error})") from None
    if not any(row["kind"] == "train" for row in rows):
        raise InputError(f"{path}: has no row of training as yet; come back after --log-interval steps")
    config = from_sections(read_manifest(folder / "config.json"), str(folder / "config.json"))
    return Run(name=name, config=config, rows=rows)


def after_returns(rows: Sequence[Row]) -> list[Row]:
    """Without the rows of steps that the run went back over."""
    kept: list[Row] = []
    for row in rows:
        if row["kind"] == "rewind":
            kept = [one for one in kept if one["kind"] in ("rewind", "skipped") or one["iteration"] <= row["to_iteration"]]
        kept.append(row)
    return kept


def write_report(folders: Sequence[Path], html: Path) -> None:
    """Writes the page of the runs in `folders`, whole or not at all."""
    if html.is_dir():
        raise InputError(f"{html}: is a folder; --html takes the name of a file")
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    runs = [read_run(folder, name) for folder, name in zip(folders, names, strict=True)]
    write_bytes(html, page([dataclasses.replace(one, rows=after_returns(one.rows)) for one in runs]).encode())


def page(runs: Sequence[Run]) -> str:
    """The whole page."""
    sections = [
        ("glance", "At a glance", _glance(runs)),
        ("quality", "What was learnt", _quality(runs)),
        ("steps", "Step by step", _steps(runs)),
        ("time", "Where the time went", _time(runs)),
        ("odd", "Skipped steps and returns", "".join(_odd(one, is_named=len(runs) > 1) for one in runs)),
        ("books", "The books", "".join(_books(one, is_named=len(runs) > 1) for one in runs)),
        ("config", "What made it" if len(runs) == 1 else "What was different", _config(runs)),
    ]
    names = ", ".join(one.name for one in runs)
    return document(f"Training report: {names}", "Training report" if len(runs) == 1 else "Training runs compared", _lead(runs), sections)


def _lead(runs: Sequence[Run]) -> str:
    said = []
    for one in runs:
        tokens = number(one.last_step * one.tokens_per_step)
        ends = f"step {number(one.last_step)} of {number(one.config.training.train_iters)}"
        said.append(f"<strong>{escape(one.name)}</strong>: {number(num_parameters(one.config.model))} parameters, {ends}, {tokens} tokens.")
    return "<br>".join(said)


def _glance(runs: Sequence[Run]) -> str:
    heads = ["Run", "Validation, bits/byte", "Training loss", "Tokens/s", "MFU", "Data stall", "Skipped", "Returns", "Memory"]
    rows = []
    for one in runs:
        trained = one.of("train")
        known = [float(row["mfu"]) for row in trained if row["mfu"] is not None]
        bits = one.validation("all")
        rows.append(
            [
                escape(one.name),
                f"{bits[0][1]:.4f} → {bits[-1][1]:.4f}" if bits else "–",
                f"{float(trained[0]['lm_loss']):.4f} → {float(trained[-1]['lm_loss']):.4f}",
                number(round(median(float(row["tokens_per_second"]) for row in trained))),
                percent(median(known)) if known else "no peak known",
                percent(data_stall(one), 3),
                number(trained[-1]["skipped_steps"]),
                number(len(one.of("rewind"))),
                num_bytes(max(row["memory_bytes"] for row in trained)),
            ]
        )
    words = (
        "<p>Speed and MFU are medians over the rows logged; the data stall is the share of all steps' time that they waited for data.</p>"
    )
    return table("The runs", heads, rows) + words


def data_stall(one: Run) -> float:
    """Share of the time of all logged steps that was waiting for data: each row weighted by the time of its steps."""
    waited = whole = 0.0
    before = 0
    for row in one.of("train"):
        spent = (row["iteration"] - before) * one.tokens_per_step / float(row["tokens_per_second"])
        before = row["iteration"]
        waited, whole = waited + spent * float(row["data_stall_share"]), whole + spent
    return waited / whole if whole else 0.0


def _axis(runs: Sequence[Run]) -> tuple[str, Callable[[Run, int], float]]:
    if len({one.tokens_per_step for one in runs}) == 1:
        return "step", lambda one, step: float(step)
    return "tokens", lambda one, step: float(step * one.tokens_per_step)


def _over_runs(runs: Sequence[Run], caption: str, unit: str, points: Callable[[Run], Sequence[tuple[int, float]]]) -> str:
    title, at = _axis(runs)
    lines = [
        Curve(name=one.name, style=f"c{index % NUM_COLOURS}", points=[(at(one, step), value) for step, value in points(one)])
        for index, one in enumerate(runs)
    ]
    return curves(caption, lines, unit=unit, x_title=title)


def _quality(runs: Sequence[Run]) -> str:
    domains = list(dict.fromkeys(domain for one in runs for domain in one.domains))
    if len(runs) == 1:
        lines = [
            Curve(name=domain, style=f"c{index % NUM_COLOURS}", points=[(float(step), value) for step, value in runs[0].validation(domain)])
            for index, domain in enumerate(domains)
        ]
        charts = [curves("Validation by domain", lines, unit="bits per byte", x_title="step")]
    else:
        charts = [
            _over_runs(runs, f"Validation: {domain}", "bits per byte", functools.partial(Run.validation, domain=domain))
            for domain in domains
        ]
    charts.insert(0, _over_runs(runs, "Training", "bits per byte", lambda one: _points(one, "bits_per_byte")))
    heads = ["Domain", *(f"{escape(one.name)}, {word}" for one in runs for word in ("first", "best", "last"))]
    rows = []
    for domain in domains:
        cells = [escape(domain)]
        for one in runs:
            values = [value for _, value in one.validation(domain)]
            cells += [f"{value:.4f}" for value in (values[0], min(values), values[-1])] if values else ["–"] * 3
        rows.append(cells)
    found = table("Validation, bits per byte", heads, rows) if rows else "<p>No domain has been validated.</p>"
    return f'<div class="charts">{"".join(charts)}</div>{found}'


def _points(one: Run, name: str, kind: str = "train") -> list[tuple[int, float]]:
    return [(row["iteration"], float(row[name])) for row in one.of(kind) if row.get(name) is not None]


def _steps(runs: Sequence[Run]) -> str:
    wanted = (
        ("Training loss", "nats a token", "lm_loss"),
        ("Gradient norm, before clipping", "-", "grad_norm"),
        ("Learning rate", "-", "lr"),
        ("Speed", "tokens a second", "tokens_per_second"),
        ("MFU, attention counted in full", "share of the peak", "mfu"),
        ("Waiting for data", "share of the time", "data_stall_share"),
        ("Memory of the first process", "bytes", "memory_bytes"),
    )
    charts = [_over_runs(runs, caption, unit, functools.partial(_points, name=name)) for caption, unit, name in wanted]
    return f'<div class="charts">{"".join(charts)}</div>'


def time_by_part(one: Run) -> dict[str, float]:
    """Seconds of every part over all rows logged."""
    spent: dict[str, float] = {}
    before = 0
    for row in one.of("train"):
        steps = (row["iteration"] - before) * one.tokens_per_step / float(row["tokens_per_second"])
        before = row["iteration"]
        whole = float(row.get("seconds", steps))  # rows that do not say it: the time of their steps
        for part, share in row["time_share"].items():
            spent[part] = spent.get(part, 0.0) + whole * float(share)
    return spent


def _time(runs: Sequence[Run]) -> str:
    figures = []
    for one in runs:
        spent = time_by_part(one)
        whole = sum(spent.values())
        parts, words, position = [], [], 0.0
        for part in sorted(spent, key=PARTS.index):
            share = spent[part] / whole
            style = f"c{PARTS.index(part) % NUM_COLOURS}"
            parts.append((style, position, position + share))
            words.append((style, f"{part.replace('_', ' and ')} {percent(share, 2)}"))
            position += share
        figures.append(
            f'<figure class="fate"><figcaption>{escape(one.name)} <span class="unit">({seconds(whole)})</span></figcaption>'
            f"{bar(parts)}{legend(words)}</figure>"
        )
    return (
        f"{''.join(figures)}<p>Every moment of the first process belongs to one part. What runs beside another part is not seen: gradients "
        "reduced while the backward pass goes on count as backward, batches read ahead as nothing. Communication is what is waited for by "
        "itself; what tensor parallelism sends inside the layers counts as forward and backward.</p>"
    )


def _odd(one: Run, *, is_named: bool) -> str:
    events = [row for row in one.rows if row["kind"] in ("skipped", "rewind")]
    name = f"{one.name}: " if is_named else ""
    if not events:
        return f"<p>{escape(name)}No step was skipped, and the run never went back.</p>"
    rows = []
    for row in events[:MAX_EVENTS]:
        if row["kind"] == "rewind":
            rows.append([number(row["iteration"]), f"back to step {number(row['to_iteration'])}", "", ""])
        else:
            rows.append([number(row["iteration"]), escape(row["reason"]), f"{float(row['lm_loss']):.4g}", f"{float(row['grad_norm']):.4g}"])
    more = f"<p>{number(len(events) - MAX_EVENTS)} more are in metrics.jsonl.</p>" if len(events) > MAX_EVENTS else ""
    return table(f"{name}{len(events)} of them", ["Step", "What", "Loss", "Gradient norm"], rows, text_columns=2) + more


def _books(one: Run, *, is_named: bool) -> str:
    name = f"{one.name}: " if is_named else ""
    closed = one.of("books")
    if not closed or "tokens_in_shards" not in closed[-1]:
        return f"<p>{escape(name)}The books are closed when a run ends or is stopped; this one's are not.</p>"
    books = closed[-1]
    fields = ("tokens_in_shards", "tokens_in_samples", "tokens_in_tails", "tokens_unused", "tokens_drawn")
    rows = []
    for domain in sorted(books["tokens_in_shards"]):
        figures = [number(books[field].get(domain, 0)) for field in fields]
        rows.append([escape(domain), *figures, f"{books['epochs'].get(domain, 0.0):.3f}"])
    rows.append(["all", *(number(sum(books[field].values())) for field in fields), ""])
    by_steps = (books["iteration"]) * one.tokens_per_step
    drawn = sum(books["tokens_drawn"].values())
    return (
        table(f"{name}tokens", ["Domain", "In shards", "In samples", "In tails", "Unused as yet", "Drawn", "Epochs"], rows)
        + f"<p>{escape(name)}{number(drawn)} tokens drawn = {number(books['tokens_trained_on'])} trained on + "
        f"{number(books['tokens_skipped'])} skipped. {number(books['iteration'])} steps of {number(one.tokens_per_step)} tokens are "
        f"{number(by_steps)}.</p>"
    )


def _config(runs: Sequence[Run]) -> str:
    every = [
        {f"{section}.{field}": value for section, fields in dataclasses.asdict(one.config).items() for field, value in fields.items()}
        for one in runs
    ]
    names = [name for name in every[0] if len(runs) == 1 or len({str(fields[name]) for fields in every}) > 1]
    if not names:
        return "<p>Nothing: their configs are the same.</p>"
    rows = [[f"<code>{escape(name)}</code>", *(escape(_shown(fields[name])) for fields in every)] for name in names]
    return table("Fields", ["Field", *(escape(one.name) for one in runs)], rows, style="settings")


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page and says where it is."""
    parser = Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a training run (its --out); several are compared")
    parser.add_argument("--html", type=Path, metavar="FILE", help="the page; without it report.html in the first run's folder")
    args = parser.parse_args(arguments)
    html = args.html or args.runs[0] / "report.html"
    write_report(args.runs, html)
    print(html)
    return 0


if __name__ == "__main__":
    run(PROG, main)
