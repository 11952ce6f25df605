"""Plain TeX's tables in displays, and its lines: `\\obeylines`, `\\hfill`."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_SPAN = re.compile(r"\s*(?:\{(\d+)\}|(\d))")
_GROUP_STEP = re.compile(r"\\.|[{}]", re.S)
_TABLE_IN_DISPLAY = re.compile(
    r"\s*(?:\\(?:vbox|vcenter|hbox|vtop|centerline|offinterlineskip|tabskip\s*=?\s*[\w.]*|hskip\s*[\w.]*|quad|qquad|lower\s*[\w.]*|raise\s*[\w.]*)"
    r"(?:\s*to\s*[\w.\\]+)?\s*|\{\s*){0,8}\\halign(?![A-Za-z])"
)
MAX_LINES_CHARACTERS = 5_000


def is_table(content: str) -> bool:
    r"""Whether a display is nothing but a table: `$$\vbox{\halign{…}}$$`."""
    return "\\halign" in content and _TABLE_IN_DISPLAY.match(content) is not None


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
    "multispan": _multispan,
    "obeylines": _obeylines,
    **dict.fromkeys(("hfill", "hfil", "hss", "hrulefill", "dotfill"), _space),
}
