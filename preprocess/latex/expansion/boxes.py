"""Boxes that are filled at one place and printed at another: `\\setbox\\b=\\hbox{…}` … `\\box\\b`, `\\sbox{\\b}{…}` … `\\usebox{\\b}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_BOX = re.compile(r"\s*(?:\{\s*)?(\d+|\\[A-Za-z@]+)(?:\s*\})?")
_CONTENT = re.compile(
    r"\s*=?\s*(?:\\(?:hbox|vbox|vtop)\s*(?:(?:to|spread)\s*[-+]?(?:[\d.]+\s*[a-z]{2}|[\d.]*\\[A-Za-z@]+(?:\s*\d)?)\s*)?)(?=\{)"
)
_SIZES = re.compile(r"(?:\s*\[[^\[\]]*\]){0,2}\s*(?=\{)")
MAX_BOXES = 1_000


def _fill(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _BOX.match(frame.text, frame.position)
    if found is None:
        return False
    opening = (_CONTENT if name == "setbox" else _SIZES).match(frame.text, found.end())
    content = expander.scan.group(frame.text, opening.end()) if opening is not None else None
    if content is None:
        return False
    frame.position = content[1]
    expander.dropped["definition"] += frame.num_source(start, content[1])
    if len(expander.boxes) < MAX_BOXES:
        expander.boxes[found[1]] = content[0]
    return True


def _print(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _BOX.match(frame.text, frame.position)
    if found is None:
        return False
    content = expander.boxes.pop(found[1], None) if name in ("box", "unhbox", "unvbox") else expander.boxes.get(found[1])
    frame.position = found.end()
    if content is not None:
        expander.push(f"{{{content}}}")
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("setbox", "sbox", "savebox"), _fill),
    **dict.fromkeys(("box", "copy", "unhbox", "unvbox", "unhcopy", "unvcopy", "usebox"), _print),
}
