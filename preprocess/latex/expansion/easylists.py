r"""The package easylist: items behind marks, `§ one`, `§§ below it`, go on as LaTeX's lists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, stored_body

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_PROPERTIES = re.compile(r"\\(?:ListProperties|NewList)\s*\(([^()]{0,2000})\)")
_MARK = re.compile(r"(?:\A|\n)[ \t]*([#§¶])")
_FORM = re.compile(r"\bNumbers(?:[1-9])?\s*=\s*([rRlL])")
_FORMS = {"r": "roman", "R": "Roman", "l": "alph", "L": "Alph"}
_MAX_LEVEL = 8


def read(expander: Expander, frame: Frame, position: int) -> bool:
    r"""The list from behind its `\begin{easylist}`, or False where it has no end or no mark."""
    text = frame.text
    stop = expander.scan.find(text, "\\end{easylist}", position)
    if stop < 0:
        return False
    options = ""
    if (given := expander.scan.optional_argument(text, position)) is not None and given[1] <= stop:
        options, position = given
    properties = "".join(found[1] for found in _PROPERTIES.finditer(text, position, stop))
    content = _PROPERTIES.sub("", text[position:stop])
    mark = _MARK.search(content)
    if mark is None:
        return False
    frame.position = stop + len("\\end{easylist}")
    form = _FORM.search(properties)
    expander.push(_as_lists(stored_body(content), mark[1], options.strip(), _FORMS[form[1]] if form else "arabic"))
    return True


def _as_lists(content: str, mark: str, kind: str, form: str) -> str:
    """`# a ## b` → a list with a list in it: with bullets, with LaTeX's numbers, or with `1.`, `1.1.`, as easylist has it unasked."""
    name = "itemize" if kind in ("itemize", "checklist") else "enumerate"
    parts: list[str] = []
    level = position = 0
    for found in re.finditer(rf"\\.|({mark}+)", content, re.S):
        if found[1] is None:
            continue
        wanted = min(len(found[1]), _MAX_LEVEL)
        parts.append(content[position : found.start()])
        for _ in range(level - wanted):
            parts.append(f"\\end{{{name}}}")
        for depth in range(level, wanted):
            label = "" if kind else f"[label=\\{form}*.]" if depth == 0 else "[label*=\\arabic*.]"
            parts.append(f"\\begin{{{name}}}{label}")
        parts.append("\\item ")
        level, position = wanted, found.end()
    return "".join([*parts, content[position:], *[f"\\end{{{name}}}"] * level])
