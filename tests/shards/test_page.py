"""Pieces of pages: curves that show what they are given. Tables, columns and numbers are held by the yield report's tests."""

import math
import re
from html.parser import HTMLParser

import pytest

from shards.page import MAX_POINTS, Curve, curves, document


def drawn(html: str) -> list[list[tuple[float, float]]]:
    """The points of every line of a chart."""
    lines = re.findall(r'<polyline class="line c\d" points="([^"]+)"', html)
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())] for line in lines]


def axis(html: str) -> list[str]:
    return re.findall(r'text-anchor="end">([^<]+)</text>', html)


def test_a_falling_line_falls_and_ends_at_the_right() -> None:
    html = curves("Loss", [Curve(name="loss", style="c0", points=[(0, 4.0), (50, 2.0), (100, 1.0)])], unit="nats", x_title="step")
    ((first, middle, last),) = drawn(html)
    assert first[0] < middle[0] < last[0]
    assert first[1] < middle[1] < last[1]  # y grows downwards
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2, abs=0.1)
    assert (middle[1] - first[1]) / (last[1] - middle[1]) == pytest.approx(2, abs=0.01)
    assert axis(html)[:4] == ["1", "2", "3", "4"]
    assert 'aria-label="Loss: loss from 4 to 1"' in html
    assert "legend" not in html


@pytest.mark.parametrize("values", [[3.0, 3.0], [0.0, 0.0], [-1e-9, 5e6], [0.123, 0.124], [5e-324, 1.0]])
def test_every_line_lies_inside_its_chart(values: list[float]) -> None:
    html = curves("Any", [Curve(name="any", style="c1", points=list(enumerate(values)))], unit="-", x_title="step")
    ((first, last),) = drawn(html)
    for x, y in (first, last):
        assert 44 <= x <= 376
        assert 10 <= y <= 176
    assert 2 <= html.count('class="grid"') <= 7


def test_many_points_become_means_of_stretches() -> None:
    points = [(float(step), float(step % 2)) for step in range(10_000)]
    html = curves("Zigzag", [Curve(name="zigzag", style="c0", points=points)], unit="-", x_title="step")
    (line,) = drawn(html)
    assert len(line) == MAX_POINTS
    inner = [y for _, y in line[1:-1]]
    assert max(inner) - min(inner) < 10


def test_what_is_not_finite_is_left_out_and_nothing_is_said_to_be_nothing() -> None:
    html = curves("Loss", [Curve(name="a", style="c0", points=[(0, 1.0), (1, math.nan), (2, math.inf), (3, 2)])], unit="-", x_title="step")
    ((_, _),) = drawn(html)
    assert "nothing was logged" in curves("Loss", [Curve(name="a", style="c0", points=[(0, math.nan)])], unit="-", x_title="step")
    assert "nothing was logged" in curves("Loss", [], unit="-", x_title="step")
    one = curves("Loss", [Curve(name="a", style="c0", points=[(3, 1.0)])], unit="-", x_title="step")
    assert '<circle class="dot c0"' in one


def test_several_lines_have_a_legend_and_names_are_escaped() -> None:
    lines = [Curve(name=name, style=f"c{index}", points=[(0, 1.0), (1, 2.0)]) for index, name in enumerate(("a<b", "c&d"))]
    html = curves("Runs", lines, unit="-", x_title="step")
    assert len(drawn(html)) == 2
    assert "a&lt;b</li>" in html
    assert "a<b" not in html


def test_a_document_is_whole_and_needs_nothing_else() -> None:
    html = document("T <1>", "H & h", "<strong>lead</strong>", [("one", "First & last", "<p>content</p>"), ("two", "Second", "")])
    opened: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag != "meta":
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Balance().feed(html)
    assert not opened
    assert "<title>T &lt;1&gt;</title>" in html
    assert '<a href="#one">First &amp; last</a>' in html
    assert not re.search(r"<script|<link|src=|url\(|https?:", html)
