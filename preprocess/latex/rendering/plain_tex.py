"""Plain TeX's tables, in displays too, and its lines: `\\obeylines`, `\\hfill`."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.rendering.cells import end_cells
from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_SPAN = re.compile(r"\s*(?:\{(\d+)\}|(\d))")
_GROUP_STEP = re.compile(r"\\.|[{}]", re.S)
_TABLE_IN_DISPLAY = re.compile(
    r"\s*(?:\\(?:vbox|vcenter|hbox|vtop|centerline|offinterlineskip|tabskip\s*=?\s*[\w.]*|hskip\s*[\w.]*|quad|qquad|lower\s*[\w.]*|raise\s*[\w.]*)"
    r"(?:\s*to\s*[\w.\\]+)?\s*|\{\s*){0,8}\\halign(?![A-Za-z])"
)
BOX_SIZE = re.compile(r"\s*(?:to|spread)\s*-?[\d.]*\s*(?:true\s*)?(?:[a-z]{2}|\\[A-Za-z]+)")
_STRUT_ROW = re.compile(r"(?:\A|(?<=\\cr))\s*(?:height|depth)\s*[\d.]+\s*[a-z]{2}[^\\]{0,20}(?:&?\s*\\omit\s*)*[&\s]*\\cr")
_TAB_STOPS = re.compile(r"\s*(?:\d+\s*\\columns(?![A-Za-z])|\\\+(?:[^\\\n]|\\(?!cr(?![A-Za-z]))|\n(?!\n)){0,1000}\\cr(?![A-Za-z]))")
_COLUMN_END = re.compile(r"(?<!\\)&")
_CELL_END = re.compile(r"(?:(?<=\s)|^)\|(?=\s|$)")
MAX_LINES_CHARACTERS = 5_000


def is_table(content: str) -> bool:
    r"""Whether a display is nothing but a table: `$$\vbox{\halign{…}}$$`."""
    return "\\halign" in content and _TABLE_IN_DISPLAY.match(content) is not None


def _alignment(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Plain TeX's table, without the row that tells how its columns are set: `\\halign{#&#\\cr a&b\\cr}`."""
    found = BOX_SIZE.match(text, end)
    given = renderer.scan.group(text, found.end() if found else end)
    if given is None:
        return -1
    content, after = given
    preamble = renderer.scan.find_outside_groups(content, "\\cr", 0)
    if preamble < 0 or "#" not in content[:preamble]:
        return -1
    renderer.dropped["layout_command"] += preamble
    renderer.table_depth += 1
    rows = renderer.nested(_STRUT_ROW.sub("", content[preamble + 3 :]))
    renderer.table_depth -= 1
    shown = rows if renderer.table_depth else _without_rules(end_cells(rows), content[:preamble])
    out.append(f"\n\n{shown}\n\n")
    return after


def _without_rules(rows: str, preamble: str) -> str:
    r"""Rows without the cells of columns that only draw lines, `&\vrule#&`, which are told by the preamble and by being empty."""
    columns = _COLUMN_END.split(preamble)
    lines = [[cell.strip() for cell in _CELL_END.split(line)] for line in rows.split("\n")]
    whole = [line for line in lines if len(line) == len(columns)]
    rules = {
        number
        for number, column in enumerate(columns)
        if ("\\vrule" in column or "\\strut" in column) and not any(line[number] for line in whole)
    }
    if not whole or not rules or len(rules) == len(columns):
        return rows
    num_before = next(number for number in range(len(columns)) if number not in rules)
    num_behind = next(number for number in range(len(columns)) if len(columns) - 1 - number not in rules)
    for line in lines:
        if len(line) == len(columns):
            line[:] = [cell for number, cell in enumerate(line) if number not in rules]
            continue
        for place, num_most in ((0, num_before), (-1, num_behind)):  # cells that span columns: their place is not known
            for _ in range(num_most):
                if len(line) > 1 and not line[place]:
                    del line[place]
    return "\n".join(" | ".join(line).strip() for line in lines)


def _tab_stops(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Plain TeX's `\\settabs 3 \\columns` and `\\settabs\\+ widest & row \\cr`."""
    found = _TAB_STOPS.match(text, end)
    if found is None:
        return -1
    renderer.dropped["layout_command"] += found.end() - end
    return found.end()


def tabbed_row(renderer: "Renderer", text: str, end: int, out: list[str]) -> int:
    """Plain TeX's `\\+ a & b \\cr`; -1 where it is none."""
    stop = text.find("\\cr", end, end + 2_000)
    if stop < 0 or "\n\n" in text[end:stop]:
        return -1
    renderer.table_depth += 1
    out.append(f"\n{renderer.inline(text[end:stop])}")
    renderer.table_depth -= 1
    after = renderer.scan.skip_space(text, stop + 3)
    if not text.startswith("\\+", after):
        out.append("\n")
    return after


def _multispan(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _SPAN.match(text, end)
    return found.end() if found is not None else end


def _obeylines(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Up to the end of its group every line of the source is a line."""
    depth = 0
    for found in _GROUP_STEP.finditer(text, end, min(len(text), end + MAX_LINES_CHARACTERS)):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth < 0:
            lines = (renderer.inline(line) for line in text[end : found.start()].split("\n"))
            out.append("\n" + "\n".join(line for line in lines if line) + "\n")
            return found.start()
    return end


def _space(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    r"""`left\hfill right`: two words."""
    out.append(" ")
    return skip_line_space(text, end)


COMMANDS: dict[str, "Handler"] = {
    "halign": _alignment,
    "settabs": _tab_stops,
    "multispan": _multispan,
    "obeylines": _obeylines,
    **dict.fromkeys(("hfill", "hfil", "hss", "hrulefill", "dotfill"), _space),
}
