"""Pages of reports that need nothing else (no script, no font, no picture from elsewhere), and the pieces that they are made of.

Numbers, tables, bars and charts as HTML and inline SVG; colours come from the page's style by class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, isfinite, log10

from shards.page_style import STYLE

BAR_WIDTH, BAR_HEIGHT = 1000, 10  # units of a bar's own coordinates; it is stretched to the width of its cell
CHART_WIDTH, CHART_HEIGHT = 380, 210  # units; shown about as many CSS pixels wide, so that 12-unit letters stay readable on a phone
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 4, 10, 34  # margins of a chart, units
_WIDE_LEFT = 54  # of curves, whose axes may have small numbers
MAX_X_LABELS = 8
MAX_POINTS = 300  # of a curve; more are drawn as means of as many stretches
NUM_COLOURS = 8  # curves that look different: classes c0 to c7


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The heights of one colour in a chart of stacked columns. `style` is a class of the page's style."""

    name: str
    style: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points (x, y) of one line in a chart, x rising. `style` is a class of the page's style."""

    name: str
    style: str
    points: Sequence[tuple[float, float]]


def document(title: str, heading: str, lead: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """A whole page: `lead` and the contents of the `sections` (name, title, content) are HTML, everything else is words."""
    links = "".join(f'<li><a href="#{name}">{escape(words)}</a></li>' for name, words, _ in sections)
    body = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{escape(words)}</h2>\n{content}\n</section>'
        for name, words, content in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        f'<header><p class="brand">texmill</p><h1>{escape(heading)}</h1><p>{lead}</p></header>\n'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


def number(value: float) -> str:
    """With thousands separators and a true minus; three digits for what is no whole number."""
    return f"{value:,.{0 if value == round(value) else 3}{'f' if value == round(value) else 'g'}}".replace("-", "−")


def percent(share: float, digits: int = 1) -> str:
    """`0.767` → `76.7 %`, with a blank that does not break."""
    return f"{100 * share:.{digits}f}\u00a0%".replace("-", "−")


def short(value: float) -> str:
    """`1234567` → `1.2M`, for axes and headlines."""
    for factor, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            digits = 1 if abs(value) < 100 * factor else 0
            return f"{value / factor:.{digits}f}".removesuffix(".0") + sign
    return f"{value:g}"


def num_bytes(value: int) -> str:
    """`66229951` → `66.2 MB`, decimal units."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= factor:
            return f"{value / factor:,.1f} {unit}"
    return f"{value} B"


def seconds(value: float) -> str:
    """`7385.2` → `2 h 3 min`; under a minute, hundredths."""
    if value < 60:
        return f"{value:.2f} s"
    minutes = round(value / 60)
    return (
        f"{minutes // 60:,} h {minutes % 60} min"
        if minutes >= 60
        else f"{minutes} min {round(value) % 60} s"
        if value < 600
        else f"{minutes} min"
    )


def shares(counts: Sequence[int], total: int) -> list[str]:
    """Percentages of `total` at two digits. Where the counts sum to the total, the percentages sum to 100.00 (largest remainders)."""
    if total <= 0:
        return ["–" for _ in counts]
    hundredths = [floor(count * 10_000 / total) for count in counts]
    missing = round(sum(counts) * 10_000 / total) - sum(hundredths)
    by_remainder = sorted(range(len(counts)), key=lambda index: (-(counts[index] * 10_000 % total), index))
    for index in by_remainder[: max(0, missing)]:
        hundredths[index] += 1
    return [percent(value / 10_000, 2) for value in hundredths]


def bar(parts: Sequence[tuple[str, float, float]]) -> str:
    """A bar of (class, from, to), each 0 to 1. Decoration: the figures stand beside it."""
    rectangles = "".join(
        f'<rect class="{style}" x="{start * BAR_WIDTH:.1f}" width="{max(end - start, 0.002) * BAR_WIDTH:.1f}" height="{BAR_HEIGHT}"/>'
        for style, start, end in parts
        if end > start
    )
    return f'<svg class="bar" viewBox="0 0 {BAR_WIDTH} {BAR_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{rectangles}</svg>'


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 1, style: str = "") -> str:
    """A table in a box of its own that scrolls sideways. Cells are HTML; the first `text_columns` are words, the others numbers."""
    head = "".join(f'<th scope="col"{_class("number") if index >= text_columns else ""}>{cell}</th>' for index, cell in enumerate(heads))
    body = []
    for row in rows:
        cells = [f'<th scope="row">{row[0]}</th>']
        cells += [f"<td{_class('number') if index >= text_columns else ''}>{cell}</td>" for index, cell in enumerate(row[1:], 1)]
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table{_class(style)}><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{chr(10).join(body)}\n</tbody></table></div>"
    )


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""


def legend(series: Sequence[tuple[str, str]]) -> str:
    """(class, words) of what the colours mean."""
    items = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{style}" width="10" height="10"/></svg>{escape(words)}</li>'
        for style, words in series
    )
    return f'<ul class="legend">{items}</ul>'


def chart(caption: str, labels: Sequence[str], series: Sequence[Series], *, unit: str, x_title: str) -> str:
    """Stacked columns, one for each label. Each column tells a pointer its figures; the caption describes the whole."""
    heights = [sum(one.values[index] for one in series) for index in range(len(labels))]
    top = _nice(max([*heights, 1]))
    width, height = CHART_WIDTH - _LEFT - _RIGHT, CHART_HEIGHT - _TOP - _BOTTOM
    step = width / max(1, len(labels))
    out = []
    for tick in (0, top / 2, top):
        y = _TOP + height * (1 - tick / top)
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{CHART_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="axis" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    every = ceil(len(labels) / MAX_X_LABELS)
    for index, label in enumerate(labels):
        x, y = _LEFT + index * step, float(_TOP + height)
        told = "; ".join(f"{one.name} {number(one.values[index])}" for one in series if one.values[index])
        out.append(f"<g><title>{escape(label)}: {escape(told) or 'none'}</title>")
        for one in series:
            size = one.values[index] / top * height
            y -= size
            if size > 0:
                out.append(
                    f'<rect class="{one.style}" x="{x + step * 0.08:.1f}" y="{y:.1f}" width="{step * 0.84:.1f}" height="{size:.1f}"/>'
                )
        out.append("</g>")
        if index % every == 0:
            out.append(f'<text class="axis" x="{x + step / 2:.1f}" y="{CHART_HEIGHT - 19}" text-anchor="middle">{escape(label)}</text>')
    out.append(f'<text class="axis" x="{CHART_WIDTH - _RIGHT}" y="{CHART_HEIGHT - 4}" text-anchor="end">{escape(x_title)}</text>')
    description = f"{caption}: {len(labels)} columns, the highest {number(max([*heights, 0]))} {unit}"
    key = legend([(one.style, one.name) for one in series]) if len(series) > 1 else ""
    return (
        f'<figure><figcaption>{escape(caption)} <span class="unit">({escape(unit)})</span></figcaption>{key}'
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" aria-label="{escape(description)}">'
        f"{''.join(out)}</svg></figure>"
    )


def curves(caption: str, lines: Sequence[Curve], *, unit: str, x_title: str) -> str:
    """Lines over one x axis. Points that are not finite are left out; the caption describes the whole."""
    drawn = [(line, _stretches([(x, y) for x, y in line.points if isfinite(y)])) for line in lines]
    every = [point for _, points in drawn for point in points]
    if not every:
        return f'<figure><figcaption>{escape(caption)}</figcaption><p class="words">nothing was logged</p></figure>'
    right = _nice(max(x for x, _ in every)) if max(x for x, _ in every) > 0 else 1.0
    ticks = _ticks(min(y for _, y in every), max(y for _, y in every))
    low, high = ticks[0], ticks[-1]
    width, height = CHART_WIDTH - _WIDE_LEFT - _RIGHT, CHART_HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _WIDE_LEFT + width * x / right, _TOP + height * (high - y) / (high - low)

    out = []
    for tick in ticks:
        y = place(0, tick)[1]
        out.append(f'<line class="grid" x1="{_WIDE_LEFT}" x2="{CHART_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="axis" x="{_WIDE_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = _WIDE_LEFT + width * share
        out.append(f'<text class="axis" x="{x:.1f}" y="{CHART_HEIGHT - 19}" text-anchor="{anchor}">{short(right * share)}</text>')
    for line, points in drawn:
        places = [place(x, y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        if len(points) == 1:
            out.append(f'<circle class="dot {line.style}" cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="2.5"/>')
        elif points:
            out.append(f'<polyline class="line {line.style}" points="{path}"><title>{escape(line.name)}</title></polyline>')
    out.append(f'<text class="axis" x="{CHART_WIDTH - _RIGHT}" y="{CHART_HEIGHT - 4}" text-anchor="end">{escape(x_title)}</text>')
    told = "; ".join(f"{line.name} from {points[0][1]:.4g} to {points[-1][1]:.4g}" for line, points in drawn if points)
    key = legend([(line.style, line.name) for line in lines]) if len(lines) > 1 else ""
    return (
        f'<figure><figcaption>{escape(caption)} <span class="unit">({escape(unit)})</span></figcaption>{key}'
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}" role="img" aria-label="{escape(f"{caption}: {told}")}">'
        f"{''.join(out)}</svg></figure>"
    )


def _stretches(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points, or the means of `MAX_POINTS` stretches of them; the first and the last stay."""
    if len(points) <= MAX_POINTS:
        return list(points)
    inner, found = points[1:-1], [points[0]]
    bounds = [len(inner) * index // (MAX_POINTS - 2) for index in range(MAX_POINTS - 1)]
    for start, end in pairwise(bounds):
        stretch = inner[start:end]
        found.append((sum(x for x, _ in stretch) / len(stretch), sum(y for _, y in stretch) / len(stretch)))
    return [*found, points[-1]]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers, the same way apart, around all from `low` to `high`: 3 to 6 of them."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / 3))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if span / (factor * power) <= 4)
    first, last = floor(low / step), ceil(high / step)
    last += first == last
    return [round(index * step, 12) for index in range(first, last + 1)]


def _nice(value: float) -> float:
    """The top of an axis: a round number whose half is round too."""
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if factor * power >= value)
