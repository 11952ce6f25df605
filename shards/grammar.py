r"""The text grammar of `docs/formats.md`: the one parser that tells prose, formulas, tables, code and markers apart.

    "Let $x$ be | see [ref:2]" → prose "Let ", inline_math "$x$", prose " be | see ", marker "[ref:2]"

Regions follow one another and cover every character once, whatever the string: what is no whole formula, fence or marker is prose. The
time is linear in the length: a closing sign that a paragraph does not have is looked for once in it.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Literal

_ENVIRONMENTS = (
    "equation align alignat flalign xalignat xxalignat gather multline eqnarray math displaymath dmath dgroup IEEEeqnarray subequations "
    "empheq numcases subnumcases subeqnarray mathpar tikzcd CD"
)
DISPLAY_ENVIRONMENTS = frozenset(_ENVIRONMENTS.split())  # each with and without a star

Kind = Literal["prose", "inline_math", "display_math", "table", "code", "marker"]
# headings, captions and footnotes are prose; the cells of a table are `table`, the formulas in them math
MATH_KINDS: frozenset[Kind] = frozenset({"inline_math", "display_math"})

Region = tuple[Kind, int, int]  # kind, start, end: `text[start:end]`, to which its delimiters (`$`, `\[`, `\begin{…}`, fences) belong

_OPENING = re.compile(
    # every alternative begins with a literal, so that the search skips to one of four characters. An inline formula that ends, by far the
    # most common of them, is group 1 and taken whole; a dollar that nothing closes is the last of its paragraph, so is tried once there
    r"(\$(?!\$)(?:[^$\\\n]++|\\[^\n]?|\n(?![ \t]*\n))*+\$)|\$\$?"
    r"|\\(?:[\\$\[]|begin\{(" + "|".join(sorted(DISPLAY_ENVIRONMENTS)) + r")(\*?)\})|```[^\n`]*\n|\[(?:cite|ref):[0-9]+\]"
)
_FENCE = "```"
_FENCE_END = re.compile(r"^```[ \t]*$\n?", re.MULTILINE)
_CELL = re.compile(r"\|(?=[ \t\n]|\Z)")
_LINE_END_OR_CELL = re.compile(r"\n|" + _CELL.pattern)


def regions(text: str) -> Iterator[Region]:
    """The regions of `text` in order; neighbours may be of one kind (two formulas side by side). Never raises; none for no text."""
    spans = _spans(text)
    tables = iter([*_tables(text, spans), (len(text), len(text))])
    table_start, table_end = next(tables)
    position = 0
    for span in [*spans, ("prose", len(text), len(text))]:
        _, start, end = span
        while position < start:
            while table_end <= position:
                table_start, table_end = next(tables)
            is_table = table_start <= position
            stop = table_end if is_table else table_start
            if start < stop:
                stop = start
            yield ("table" if is_table else "prose"), position, stop
            position = stop
        if end > start:
            yield span
        position = end


def characters_by_kind(text: str) -> Counter[Kind]:
    """Characters of `text` by kind; they sum to its length."""
    counts: Counter[Kind] = Counter()
    for kind, start, end in regions(text):
        counts[kind] += end - start
    return counts


def _spans(text: str) -> list[Region]:
    """Everything but prose and tables, in order. What has no end before the next blank line is passed over."""
    spans: list[Region] = []
    missing: dict[str, int] = {}  # closing sign → up to where it is known not to come
    position = 0
    while position >= 0:
        position = _add_spans(text, position, spans, missing)
    return spans


def _add_spans(text: str, position: int, spans: list[Region], missing: dict[str, int]) -> int:
    """Adds the spans from `position` on, up to the first that the search has to go on behind: that place, -1 at the text's end."""
    for found in _OPENING.finditer(text, position):
        if found.lastindex == 1:
            spans.append(("inline_math", *found.span()))
            continue
        sign = found[0]
        if sign in ("$", "$$", r"\$", r"\\"):
            continue
        start = found.start()
        if sign[0] == "[":
            spans.append(("marker", start, found.end()))
            continue
        if sign[0] == "`":
            sign, position = _FENCE, start + len(_FENCE)
            if start and text[start - 1] != "\n":
                return position
        else:
            position = found.end()
        if start < missing.get(sign, 0):
            return position
        if sign is _FENCE:
            kind: Kind = "code"
            ending = _FENCE_END.search(text, found.end())
            end, limit = (-1, len(text)) if ending is None else (ending.end(), 0)
        else:
            kind = "display_math"
            closing = r"\]" if sign == r"\[" else f"\\end{{{found[2]}{found[3]}}}"
            rest = _formula_rest(closing).match(text, position)
            assert rest is not None, "the pattern matches the empty string"
            end, limit = rest.end(1), rest.end()
        if end < 0:
            missing[sign] = limit
            return position
        spans.append((kind, start, end))
        return end
    return -1


@cache
def _formula_rest(closing: str) -> re.Pattern[str]:
    """Matches from inside a formula to its `closing` sign, which is group 1, or else to the next blank line or the end of the text."""
    sign = re.escape(closing)
    return re.compile(rf"(?:[^\\\n]++|\\(?!{sign[2:]})[^\n]?|\n(?![ \t]*\n))*+({sign})?")


def _tables(text: str, spans: list[Region]) -> list[tuple[int, int]]:
    """Tables: the lines of one paragraph from its first to its last row, where it has at least two rows.

    A row is a line with a cell sign, `|` between blanks, outside formulas and code. The renderer parts cells by ` | ` and rows by line
    ends, and sets blank lines around a table; lines without a sign between two rows (a cell across all columns) belong to it.
    """
    if len(list(islice(_cells(text, spans), 2))) < 2:
        return []  # most papers: spared the walk over all lines
    tables: list[tuple[int, int]] = []
    rows: list[tuple[int, int]] = []
    line_start, has_cell, has_span = 0, False, False

    def end_paragraph() -> None:
        if len(rows) > 1:
            tables.append((rows[0][0], rows[-1][1]))
        rows.clear()

    position = 0
    for kind, start, end in [*spans, ("prose", len(text), len(text))]:
        for step in _LINE_END_OR_CELL.finditer(text, position, start):
            if step[0] == "|":
                has_cell = has_cell or _is_cell(text, step.start())
                continue
            if has_cell:
                rows.append((line_start, step.end()))
            elif not has_span and not text[line_start : step.start()].strip():
                end_paragraph()
            line_start, has_cell, has_span = step.end(), False, False
        position, has_span = end, True
        if kind == "code" or start == len(text):
            if has_cell:
                rows.append((line_start, start))
            end_paragraph()
            line_start, has_cell, has_span = end, False, False
    return tables


def _cells(text: str, spans: list[Region]) -> Iterator[int]:
    starts = [start for _, start, _ in spans]
    for found in _CELL.finditer(text):
        position = found.start()
        if _is_cell(text, position):
            before = bisect_right(starts, position) - 1
            if before < 0 or spans[before][2] <= position:
                yield position


def _is_cell(text: str, position: int) -> bool:
    return position == 0 or text[position - 1] in " \t\n"
