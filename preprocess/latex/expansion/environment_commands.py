"""Environments written as the commands that LaTeX makes of them: `\\align … \\endalign`, `\\csname equation*\\endcsname`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_MADE_NAME = r"\\csname\s*{name}\s*\\endcsname(?![A-Za-z@])"
_END = re.compile(r"\\end([A-Za-z]+)(?![A-Za-z@*])|\\csname\s*end([A-Za-z]+\*?)\s*\\endcsname")
_NO_ENVIRONMENTS = frozenset(
    {"group", "csname", "input", "graf", "linechar", "trivlist", "list", "lrbox", "comment", "verbatim", "document"}
)
_WRITTEN_AS_COMMANDS = (
    *("equation", "eqnarray", "align", "alignat", "flalign", "gather", "multline", "displaymath", "subequations"),
    *("itemize", "enumerate", "description", "quotation", "flushleft", "flushright"),
)
"""Those whose names no paper has for something else, so that the bare command can mean nothing but the environment."""


def environments_by_name(begin: str, end: str) -> tuple[str, str]:
    """The code before and after a new environment's body, with `\\begin{x}` and `\\end{x}` where it has `\\x` and `\\endx`."""
    closed: set[str] = set()
    for made, starred in _END.findall(end):
        name = made or starred
        if name not in _NO_ENVIRONMENTS and name not in closed:
            bare = "" if name[-1] == "*" else rf"|\\{name}(?![A-Za-z@*])"
            opening = re.compile(_MADE_NAME.format(name=re.escape(name)) + bare)
            begin, num_opened = opening.subn(rf"\\begin{{{name}}}", begin, count=1)
            closed.update([name] * num_opened)
    if not closed:
        return begin, end
    return begin, _END.sub(lambda found: f"\\end{{{found[1] or found[2]}}}" if (found[1] or found[2]) in closed else found[0], end)


def _begin(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if not expander.is_latex:
        return False
    expander.push(f"\\begin{{{name}}}")
    return True


def _end(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if not expander.is_latex:
        return False
    expander.push(f"\\end{{{name[3:]}}}")
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_WRITTEN_AS_COMMANDS, _begin),
    **dict.fromkeys((f"end{name}" for name in _WRITTEN_AS_COMMANDS), _end),
}
