"""The books of a run → one page of HTML that needs nothing else: no script, no font, no picture from elsewhere.

The same inputs give the same bytes, the section on time apart, which is made from the metrics.
"""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from preprocess.records import Stage
from preprocess.report.books import Books, Group, Kind, Sample, Step, Timings, read_books
from preprocess.report.tokens import TRAIN, TokenBooks, TokenStep, read_token_books, token_steps
from preprocess.report.words import DROPPED_KINDS, STAGES, WARNING_KINDS
from shards.commit import write_bytes
from shards.errors import InputError
from shards.page import Series, bar, chart, document, legend, num_bytes, number, percent, seconds, shares, short, table
from shards.store import Place

MAX_TARS = 100  # more than these are shown by year, and one by one only where something is wrong with them
MAX_ODD_TARS = 200
MAX_GROUPS = 15
LENGTH_EDGES = (0, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
NUM_MATH_BINS = 20
_GROUP_TITLES = {
    "year": "Year of the id",
    "domain": "Domain",
    "category": "Primary category",
    "document_class": "Document class",
    "license": "Licence",
}
_NO_VALUE = {"document_class": "not stated", "year": "no arXiv id"}


def write_report(folder: Place, html: Place, tokens: Path | None = None, training: Path | None = None) -> None:
    """Writes the yield report of the run in `folder` to `html`, whole or not at all. Raises `InputError` where there is no finished run.

    With a folder of token shards, and one of a training run on them, the waterfall goes on to tokens trained on.
    """
    if html.is_dir():
        raise InputError(f"{html}: is a folder; --html takes the name of a file")
    if training is not None and tokens is None:
        raise InputError("--run needs the token shards that it was trained on; give --tokens too")
    books = read_books(folder)
    token_books = None if tokens is None else read_token_books(tokens, training, books.run["corpus"])
    write_bytes(html, page(books, token_books, _address(folder, html)).encode())


def _address(folder: Place, html: Place) -> str:
    """What stands before the names of the run's files in the page's links: nothing where the page is in the run's folder."""
    if isinstance(folder, Path):
        way = os.path.relpath(folder.resolve(), html.resolve().parent) if isinstance(html, Path) else str(folder.resolve())
        return "" if way == "." else f"{quote(way)}/"
    return "" if str(folder) == str(html.parent) else f"{folder}/"


def page(books: Books, tokens: TokenBooks | None = None, address: str = "") -> str:
    """The whole page. Its links to the run's files begin with `address`."""
    sections = [
        ("summary", "At a glance", _summary(books)),
        ("flow", "From members to training characters", _flow(books)),
        *([] if tokens is None else [("tokens", "From characters to tokens trained on", _tokens(books, tokens))]),
        ("rejected", "Rejected at extraction", _reasons(books, "documents", books.reject_samples, address)),
        ("left-out", "Left out of the corpus", _reasons(books, "in the corpus", books.corpus_samples, address)),
        ("tars", "Tar by tar", _tars(books)),
        ("yield", "Yield by year, category, class and licence", _yield(books)),
        ("texts", "What the texts are like", _texts(books)),
        ("inside", "Inside the documents", _inside(books)),
        ("warnings", "What was unusual", _warnings(books)),
        ("time", "Where the time went", _time(books)),
        ("config", "What made it", _config(books)),
    ]
    return document(f"Yield report: {_title(books)}", "Yield report", _lead(books), sections)


def _step(books: Books, label: str) -> Step:
    return next(step for step in books.steps if step.label == label and step.kind != "loss")


def _title(books: Books) -> str:
    return f"{number(books.steps[0].papers)} papers of {number(len(books.run['tars']))} tars"


def _lead(books: Books) -> str:
    first, last = books.steps[0], books.steps[-1]
    share = f" ({percent(last.papers / first.papers)})" if first.papers else ""
    return (
        f"Of <strong>{number(first.papers)}</strong> members in {number(len(books.run['tars']))} tars, "
        f"<strong>{number(last.papers)}</strong>{share} are trained on: <strong>{number(last.characters)}</strong> characters. "
        "Every other one met a rule that is named below."
    )


def _fates(books: Books) -> list[tuple[str, str, int]]:
    """(class, words, papers): the four ends a member has."""
    documents, corpus, last = _step(books, "documents"), _step(books, "in the corpus"), books.steps[-1]
    return [
        ("kept", "trained on", last.papers),
        ("held", "held out for validation", corpus.papers - last.papers),
        ("left", "left out of the corpus", documents.papers - corpus.papers),
        ("gone", "rejected at extraction", books.steps[0].papers - documents.papers),
    ]


def _summary(books: Books) -> str:
    fates = _fates(books)
    total = books.steps[0].papers
    parts, position = [], 0.0
    for style, _, papers in fates:
        end = position + papers / max(1, total)
        parts.append((style, position, end))
        position = end
    percents = shares([papers for _, _, papers in fates], total)
    words = [(style, f"{name}: {number(papers)} ({share})") for (style, name, papers), share in zip(fates, percents, strict=True)]
    tiles = [
        ("members in the tars", number(total)),
        ("documents", number(_step(books, "documents").papers)),
        ("in the corpus", number(_step(books, "in the corpus").papers)),
        ("characters trained on", short(books.steps[-1].characters)),
    ]
    boxes = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in tiles)
    notes = "".join(f"<li>{note}</li>" for note in _notes(books))
    return (
        f'<dl class="tiles">{boxes}</dl>\n'
        f'<figure class="fate"><figcaption>The end of every member</figcaption>{bar(parts)}{legend(words)}</figure>\n'
        + (f'<ul class="notes">{notes}</ul>' if notes else "")
    )


def _notes(books: Books) -> list[str]:
    run = books.run
    cut = [tar["tar"] for tar in run["tars"] if tar["is_truncated"] or tar.get("corrupt_from_byte") is not None]
    other = [tar["tar"] for tar in run["tars"] if tar["manifest"] and not tar["manifest"]["is_md5_equal"]]
    missing = sum(max(0, tar["manifest"]["items_missing"]) for tar in run["tars"] if tar["manifest"])
    notes = []
    if cut:
        notes.append(
            f"{_count(len(cut), 'tar is', 'tars are')} cut short ({_names(cut)}); what is whole was read, the rest must be fetched again."
        )
    if other:
        notes.append(f"{_count(len(other), 'tar has', 'tars have')} another md5 than arXiv’s manifest states ({_names(other)}).")
    if missing:
        items = _count(missing, "item of arXiv’s manifest is", "items of arXiv’s manifest are")
        notes.append(f"{items} in none of these tars, and in no sum below.")
    if absent := run.get("not_in_source", []):
        tars = _count(len(absent), "tar of arXiv’s manifest is", "tars of arXiv’s manifest are")
        notes.append(f"{tars} not in the source ({_names(absent)}).")
    if alone := run.get("corpus", {}).get("num_metadata_only", 0):
        notes.append(
            f"{_count(alone, 'paper has', 'papers have')} metadata and no source in these tars (<code>ledger/metadata-only.parquet</code>)."
        )
    quarantined = next((step.papers for step in books.steps if step.label == "quarantined"), 0)
    if quarantined:
        notes.append(
            f"{_count(quarantined, 'paper is', 'papers are')} quarantined: they passed a limit of the machine and can be tried again."
        )
    return notes


def _count(count: int, one: str, many: str) -> str:
    return f"<strong>{number(count)}</strong> {one if count == 1 else many}"


def _names(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names[:most]) + (
        f" and {number(len(names) - most)} more" if len(names) > most else ""
    )


def _flow(books: Books) -> str:
    papers = _waterfall("Papers", "Papers: every member of every tar", books.steps, [step.papers for step in books.steps], with_bytes=True)
    start = next(index for index, step in enumerate(books.steps) if step.label == "documents" and step.kind == "rest")
    steps = books.steps[start:]
    characters = _waterfall("Characters", "Characters of text: all documents", steps, [step.characters for step in steps], with_bytes=False)
    return (
        "<p>Each line takes away what met one rule; what is left at the end is trained on. A rejected member has no text, so characters "
        f"begin at the documents. Shares are rounded so that they sum to 100.00 %.</p>\n{papers}\n{characters}"
    )


def _breakable(word: str) -> str:
    return escape(word).replace("_", "_<wbr>")


def _waterfall(unit: str, caption: str, steps: Sequence[Step | TokenStep], counts: Sequence[int], *, with_bytes: bool) -> str:
    total = counts[0]
    signed = [-count if step.kind == "gain" else count for step, count in zip(steps, counts, strict=True)]
    is_part = [step.kind in ("loss", "gain", "end") for step in steps]
    percents = iter(shares([count for count, part in zip(signed, is_part, strict=True) if part], total))
    rows = []
    rest = total
    for step, count, part in zip(steps, signed, is_part, strict=True):
        is_change = step.kind in ("loss", "gain")
        start, end = (rest - count, rest) if is_change else (0, count)
        if is_change:
            rest -= count
        share = next(percents) if part else shares([count], total)[0]
        name = f"<code>{_breakable(step.label)}</code>" if is_change else f"<b>{escape(step.label)}</b>"
        ends = (min(start, end) / max(1, total), max(start, end) / max(1, total))
        label = f'{name} <span class="words">{escape(step.words)}</span>{bar([(step.style, *ends)])}'
        sign = {"loss": "−", "gain": "+"}.get(step.kind, "")
        size = [num_bytes(step.num_bytes)] if isinstance(step, Step) and with_bytes else []
        rows.append([label, f"{sign}{number(abs(count))}", f"{sign}{share.removeprefix('−')}", *size])
    parts = sum(count for count, part in zip(signed, is_part, strict=True) if part)
    parts_bytes = sum(step.num_bytes for step, part in zip(steps, is_part, strict=True) if part and isinstance(step, Step))
    check = percent(parts / total, 2) if total else "–"
    gains = ", less what is seen again" if any(step.kind == "gain" for step in steps) else ""
    balance = f'<b>all losses and what is trained on{gains}</b> <span class="words">the law of conservation</span>'
    rows.append([balance, number(parts), check, *([num_bytes(parts_bytes)] if with_bytes else [])])
    heads = ["Step", unit, "Share", *(["In the tars"] if with_bytes else [])]
    return table(caption, heads, rows, style="flow steps")


def _tokens(books: Books, tokens: TokenBooks) -> str:
    characters = books.run["corpus"]["kept_characters"]
    steps = token_steps(tokens)
    words = (
        f"<p>{number(characters)} characters of {number(tokens.documents)} documents are {num_bytes(tokens.text_bytes)} of UTF-8 and, in "
        f"a vocabulary of {number(tokens.vocab_size)}, <strong>{number(tokens.tokens)}</strong> tokens, one of them the end of each "
        f"document: {characters / max(1, tokens.tokens):.3f} characters and {tokens.text_bytes / max(1, tokens.tokens):.3f} bytes a "
        "token. No text is lost in it: what is decoded is what was encoded.</p>"
    )
    training = tokens.training
    rows = []
    for entry in tokens.sets:
        drawn = training.drawn.get(entry.domain, 0) if training and entry.split == TRAIN else None
        samples = training.in_samples.get(entry.domain, 0) if training and entry.split == TRAIN else 0
        rows.append(
            [
                f"<code>{escape(entry.domain)}/{escape(entry.split)}</code>",
                number(entry.documents),
                number(entry.tokens),
                f"{entry.text_bytes / max(1, entry.tokens):.3f}",
                *(
                    []
                    if training is None
                    else ["–" if drawn is None else number(drawn), f"{drawn / samples:.3f}" if drawn and samples else "–"]
                ),
            ]
        )
    heads = ["Set", "Documents", "Tokens", "Bytes a token", *([] if training is None else ["Tokens drawn", "Epochs"])]
    flow = _waterfall("Tokens", "Tokens: the whole corpus", steps, [step.tokens for step in steps], with_bytes=False)
    return f"{words}\n{flow}\n{table('Token shards', heads, rows)}"


def _reasons(books: Books, until: str, samples: Mapping[str, Sequence[Sample]], address: str) -> str:
    end = next(index for index, step in enumerate(books.steps) if step.label == until and step.kind == "rest")
    start = max(index for index, step in enumerate(books.steps[:end]) if step.kind != "loss")
    losses = sorted(books.steps[start + 1 : end], key=lambda step: -step.papers)
    if not losses:
        return "<p>Nothing.</p>"
    total = books.steps[start].papers
    lost = sum(step.papers for step in losses)
    source = "ledger/*.parquet" if until == "documents" else "corpus/decisions.parquet"
    rules = _count(len(losses), "rule", "rules")
    out = [
        f"<p>{number(lost)} of {number(total)} ({shares([lost], total)[0]}), by {rules}. A few of each follow; all of them are rows of "
        f"<code>{source}</code>, counted from 0.</p>"
    ]
    for step in losses:
        shown = [
            f"<li><b>{escape(sample.arxiv_id)}</b> <span>{escape(sample.detail)}</span> "
            f'<span class="where"><code>{escape(sample.tar)}</code> <code>{escape(sample.member)}</code> '
            f'<a href="{escape(address + sample.books)}">row {number(sample.row)}</a></span></li>'
            for sample in samples.get(step.label, [])
        ]
        out.append(
            f'<article class="reason"><h3><code>{escape(step.label)}</code> <span class="figure">{number(step.papers)} '
            f"({shares([step.papers], total)[0]})</span></h3>\n<p>{escape(step.words)}</p>\n"
            f'<ul class="samples" aria-label="{len(shown)} of {number(step.papers)}">\n{chr(10).join(shown)}\n</ul></article>'
        )
    return "\n".join(out)


def _tars(books: Books) -> str:
    tars = books.run["tars"]
    odd = [tar for tar in tars if _flags(tar)]
    shown = tars if len(tars) <= MAX_TARS else odd[:MAX_ODD_TARS]
    out = []
    if len(tars) > MAX_TARS:
        years: dict[str, list[Any]] = {}
        for tar in tars:
            years.setdefault(_year_of(tar["tar"]), []).append(tar)
        rows = [
            [
                year,
                number(len(those)),
                number(sum(bool(_flags(tar)) for tar in those)),
                num_bytes(sum(tar["bytes"] for tar in those)),
                number(sum(tar["members"] for tar in those)),
                number(sum(tar["documents"] for tar in those)),
                number(sum(tar["members"] - tar["documents"] for tar in those)),
            ]
            for year, those in sorted(years.items())
        ]
        out.append(table(f"{len(tars):,} tars by year", ["Year", "Tars", "Flagged", "Size", "Members", "Documents", "Rejected"], rows))
        more = f"; the first {MAX_ODD_TARS} follow" if len(odd) > MAX_ODD_TARS else ""
        out.append(f"<p>{_count(len(odd), 'tar is', 'tars are')} flagged{more}.</p>")
    rows = []
    for tar in shown:
        flags = "".join(f'<span class="flag">{escape(flag)}</span>' for flag in _flags(tar))
        rejections = sorted(tar["rejections"].items(), key=lambda item: (-item[1], item[0]))
        why = ", ".join(f"{escape(reason)}\u00a0{number(count)}" for reason, count in rejections)
        rows.append(
            [
                f'<code>{escape(tar["tar"])}</code> {flags}<span class="words">{why}</span>',
                num_bytes(tar["bytes"]),
                number(tar["members"]),
                number(tar["documents"]),
                number(tar["members"] - tar["documents"]),
            ]
        )
    if rows:
        out.append(
            table(
                "Tars" if len(tars) <= MAX_TARS else "Flagged tars", ["Tar", "Size", "Members", "Documents", "Rejected"], rows, style="tars"
            )
        )
    return "\n".join(out)


def _flags(tar: Mapping[str, Any]) -> list[str]:
    flags = ["cut short"] if tar["is_truncated"] else []
    if tar.get("corrupt_from_byte") is not None:
        flags.append("damaged")
    if (stated := tar["manifest"]) is None:
        return [*flags, "not in arXiv’s manifest"] if flags else []
    if not stated["is_md5_equal"]:
        flags.append("md5 differs")
    if stated["items_missing"]:
        count = stated["items_missing"]
        flags.append(f"{abs(count):,} items {'missing' if count > 0 else 'more than stated'}")
    return flags


def _year_of(tar: str) -> str:
    digits = tar.removeprefix("arXiv_src_")[:2]
    return ("19" if digits >= "91" else "20") + digits if digits.isdigit() else "other"


def _yield(books: Books) -> str:
    out = [_year_chart(books.groups["year"])]
    for name, groups in books.groups.items():
        ordered = sorted(groups, key=lambda group: group.name) if name == "year" else list(groups)
        shown, others = (ordered, []) if name == "year" else (ordered[:MAX_GROUPS], ordered[MAX_GROUPS:])
        rows = [_group_row(_group_name(name, group.name), group) for group in shown]
        if others:
            together = Group(
                name="",
                members=sum(group.members for group in others),
                documents=sum(group.documents for group in others),
                kept=sum(group.kept for group in others),
                characters=sum(group.characters for group in others),
            )
            rows.append(_group_row(f"<i>{number(len(others))} others</i>", together))
        out.append(
            table(
                f"By {_GROUP_TITLES[name].lower()}",
                [_GROUP_TITLES[name], "Yield", "Members", "Documents", "In the corpus", "Characters"],
                rows,
            )
        )
    return "<p>Yield is the share of members that is in the corpus.</p>\n" + "\n".join(out)


def _group_name(grouping: str, name: str) -> str:
    return f"<i>{_NO_VALUE.get(grouping, 'no metadata')}</i>" if name == "none" else f"<code>{escape(name)}</code>"


def _group_row(label: str, group: Group) -> list[str]:
    documents, kept = group.documents / group.members, group.kept / group.members
    picture = bar([("kept", 0, kept), ("left", kept, documents), ("gone", documents, 1)])
    share = shares([group.kept], group.members)[0]
    return [f"{label}{picture}", share, number(group.members), number(group.documents), number(group.kept), number(group.characters)]


def _year_chart(groups: Sequence[Group]) -> str:
    years = {group.name: group for group in groups if group.name != "none"}
    if not years:
        return ""
    labels = [str(year) for year in range(int(min(years)), int(max(years)) + 1)]
    nothing = Group(name="", members=0, documents=0, kept=0, characters=0)
    ordered = [years.get(label, nothing) for label in labels]
    series = [
        Series(name="in the corpus", style="kept", values=[group.kept for group in ordered]),
        Series(name="left out", style="left", values=[group.documents - group.kept for group in ordered]),
        Series(name="rejected", style="gone", values=[group.members - group.documents for group in ordered]),
    ]
    characters = [Series(name="characters", style="kept", values=[group.characters for group in ordered])]
    figures = [
        chart("Members by year", labels, series, unit="papers", x_title="year of the id"),
        chart("Text in the corpus by year", labels, characters, unit="characters", x_title="year of the id"),
    ]
    return f'<div class="charts">{"".join(figures)}</div>'


def _texts(books: Books) -> str:
    if not len(books.lengths):
        return "<p>No document.</p>"
    edges = [*LENGTH_EDGES, max(int(books.lengths.max()), LENGTH_EDGES[-1]) + 1]
    kept, others = (np.histogram(books.lengths[which], edges)[0].tolist() for which in (books.is_kept, ~books.is_kept))
    labels = [f"{short(edge)}+" for edge in LENGTH_EDGES]
    lengths = [Series(name="in the corpus", style="kept", values=kept), Series(name="left out", style="left", values=others)]
    bins = np.linspace(0, 1, NUM_MATH_BINS + 1)
    kept, others = (np.histogram(books.math_shares[which], bins)[0].tolist() for which in (books.is_kept, ~books.is_kept))
    maths = [Series(name="in the corpus", style="kept", values=kept), Series(name="left out", style="left", values=others)]
    quantiles = (0, 10, 50, 90, 100)
    rows = [
        [
            "characters",
            *(number(round(value)) for value in np.percentile(books.lengths, quantiles)),
            number(round(float(books.lengths.mean()))),
        ],
        ["share of mathematics", *map(percent, np.percentile(books.math_shares, quantiles)), percent(float(books.math_shares.mean()))],
    ]
    languages = [[f"<code>{escape(group.name)}</code>", number(group.documents), number(group.kept)] for group in books.languages]
    figures = [
        chart("Length of the texts", labels, lengths, unit="documents", x_title="characters"),
        chart("Share of mathematics", [f"{low:.0%}" for low in bins[:-1]], maths, unit="documents", x_title="of the characters, from"),
    ]
    return (
        f'<div class="charts">{"".join(figures)}</div>\n'
        + table("Documents", ["", "Least", "10th percentile", "Median", "90th percentile", "Most", "Mean"], rows)
        + "\n"
        + table("Language of the prose (und: too little prose to tell)", ["Language", "Documents", "In the corpus"], languages[:MAX_GROUPS])
    )


def _inside(books: Books) -> str:
    text = int(books.lengths.sum())
    dropped = sum(kind.count for kind in books.dropped)
    balance = books.tex_bytes - dropped - text
    signed = [("kept", "<b>characters of text</b>", text, "")]
    signed += [
        ("gone", f"<code>{escape(kind.name)}</code>", kind.count, f"{_known(DROPPED_KINDS, kind)}; in {number(kind.papers)} papers")
        for kind in books.dropped
    ]
    signed.append(
        ("left", "<b>balance</b>", balance, "markup and bytes beyond one a character, less what macros added when they were expanded")
    )
    rows = []
    percents = shares([count for _, _, count, _ in signed], books.tex_bytes)
    for (style, name, count, words), share in zip(signed, percents, strict=True):
        picture = bar([(style, 0, min(1.0, abs(count) / max(1, books.tex_bytes)))])
        rows.append([f'{name} <span class="words">{words}</span>{picture}', number(count), share])
    rows.append(["<b>bytes of TeX in the documents’ submissions</b>", number(books.tex_bytes), percent(1, 2) if books.tex_bytes else "–"])
    return (
        "<p>What the TeX of the documents became. Kinds are counted in the source after macros are expanded, so the balance may be "
        "negative.</p>\n" + table("From bytes of TeX to characters of text", ["Kind", "Characters", "Share"], rows, style="flow")
    )


def _known(words: Mapping[str, str], kind: Kind) -> str:
    return escape(words.get(kind.name, kind.name.replace("_", " ")))


def _warnings(books: Books) -> str:
    if not books.warnings:
        return "<p>Nothing.</p>"
    rows = [
        [
            f'<code>{escape(kind.name)}</code> <span class="words">{_known(WARNING_KINDS, kind)}</span>',
            number(kind.count),
            number(kind.papers),
        ]
        for kind in books.warnings
    ]
    return "<p>None of these ended a paper; each was counted.</p>\n" + table("Warnings", ["Kind", "Times", "Papers"], rows)


def _time(books: Books) -> str:
    storage = table("Storage", ["What", "Files", "Size"], [[name, number(files), num_bytes(size)] for name, files, size in books.storage])
    times = books.timings
    if times is None:
        return f"<p>The folder has no metrics.</p>\n{storage}"
    total = sum(times.seconds.values())
    percents = shares([round(times.seconds[stage] * 1e6) for stage in Stage], sum(round(value * 1e6) for value in times.seconds.values()))
    rows, position = [], 0.0
    for stage, shown in zip(Stage, percents, strict=True):
        share = times.seconds[stage] / max(total, 1e-9)
        label = f'<code>{stage}</code> <span class="words">{STAGES[stage]}</span>{bar([("whole", position, position + share)])}'
        position += share
        rows.append([label, seconds(times.seconds[stage]), shown, f"{times.seconds[stage] * 1e3 / max(1, times.papers):,.1f} ms"])
    rows.append(["<b>together</b>", seconds(total), percent(1, 2), f"{total * 1e3 / max(1, times.papers):,.1f} ms"])
    slowest = [
        [
            f"{escape(paper.arxiv_id)} <code>{escape(paper.member)}</code>",
            *(seconds(paper.seconds[stage]) for stage in Stage),
            seconds(sum(paper.seconds.values())),
        ]
        for paper in times.slowest
    ]
    hosts = [
        [f"<code>{escape(name)}</code>", number(papers), seconds(spent), f"{papers / max(spent, 1e-9):,.1f}", num_bytes(memory)]
        for name, papers, spent, memory in times.hosts
    ]
    busy = max(total, 1e-9)
    speed = f"{times.papers / busy:,.1f} papers/s</strong> and <strong>{books.steps[0].num_bytes / busy / 1e6:,.2f} MB/s"
    retried = _count(times.num_retried, "paper was", "papers were")
    return (
        f"<p>Seconds inside the stages, of one worker each: <strong>{speed}</strong> of packed source for every busy worker. The most "
        f"memory that a worker had: {num_bytes(times.peak_memory_bytes)}. {retried} done after a worker’s death.</p>\n"
        + table("Stages", ["Stage", "Time", "Share", "Per paper"], rows, style="flow")
        + "\n"
        + _bottleneck(times)
        + "\n"
        + table("The slowest papers", ["Paper", *(str(stage) for stage in Stage), "Together"], slowest)
        + "\n"
        + table("Hosts", ["Host", "Papers", "Time", "Papers/s", "Peak memory"], hosts[:MAX_GROUPS])
        + "\n"
        + storage
    )


CROWDED_SHARE = 0.2  # of the stages' time without a CPU, from which on the machine ran more than it has cores for


def bottleneck(times: Timings) -> tuple[str, str, list[tuple[str, float]]]:
    """Which resource the extraction waited for most, why that is said, and the workers' seconds by what they went into."""
    waits = times.waits
    assert waits is not None
    stages = sum(times.seconds.values())
    computing = min(waits.cpu, stages)
    parts = [
        ("computing", computing),
        ("ready, without a CPU", stages - computing),
        (f"waiting for what is read ({waits.read_from})", waits.read),
        (f"waiting for what is written ({waits.written_to})", waits.write),
    ]
    whole = sum(spent for _, spent in parts)
    if 2 * stages >= whole:
        inside = percent(stages / max(whole, 1e-9), 1)
        verdict, why = "CPU", f"workers were inside the stages for {inside} of their time; more or faster cores shorten it"
        if stages - computing > CROWDED_SHARE * stages:
            why += f"; {percent((stages - computing) / stages, 1)} of that they had no CPU: the machine ran more than it has cores for"
        return verdict, why, parts
    place = waits.read_from if waits.read >= waits.write else waits.written_to
    what = "reading" if waits.read >= waits.write else "writing"
    share = percent(max(waits.read, waits.write) / whole, 1)
    return place, f"workers waited for {what} for {share} of their time, and were inside the stages for {percent(stages / whole, 1)}", parts


def _bottleneck(times: Timings) -> str:
    if times.waits is None:
        return "<p>What held the run up is not known: some of its units were made by an earlier version, which did not measure it.</p>"
    verdict, why, parts = bottleneck(times)
    whole = max(sum(spent for _, spent in parts), 1e-9)
    percents = shares([round(spent * 1e6) for _, spent in parts], sum(round(spent * 1e6) for _, spent in parts))
    rows, position = [], 0.0
    for (name, spent), shown in zip(parts, percents, strict=True):
        rows.append([f"{escape(name)}{bar([('whole', position, position + spent / whole)])}", seconds(spent), shown])
        position += spent / whole
    rows.append(["<b>together</b>", seconds(whole), percent(1, 2)])
    return (
        f"<p>The bottleneck of the extraction was the <strong>{escape(verdict)}</strong>: {escape(why)}. It is the CPU where half of the "
        "workers’ time and more is inside the stages, else what most of the waiting was for.</p>\n"
        + table("What workers’ time went into", ["What", "Time", "Share"], rows, style="flow")
    )


def _config(books: Books) -> str:
    run = books.run
    facts = [
        ["commit", f"<code>{escape(str(run.get('commit', 'unknown')))}</code>"],
        ["corpus fingerprint", f"<code>{escape(str(run.get('corpus', {}).get('fingerprint', '')))}</code>"],
        ["metadata snapshot, SHA-256", f"<code>{escape(str(run.get('metadata', {}).get('snapshot_sha256', '')))}</code>"],
    ]
    fields = [
        [f"<code>{escape(section)}.<wbr>{_breakable(name)}</code>", f"<code>{escape(_setting(value))}</code>"]
        for section, values in run["config"].items()
        for name, value in values.items()
    ]
    return (
        table("Made by", ["What", "Value"], facts, text_columns=2)
        + "\n"
        + table("Configuration", ["Field", "Value"], fields, text_columns=2, style="settings")
    )


def _setting(value: Any) -> str:
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        parts = [f"{item[0]} ({_setting(item[1])})" if isinstance(item, list) and len(item) == 2 else str(item) for item in value]
        return ", ".join(parts)
    return number(value) if isinstance(value, int | float) else str(value)
