r"""Fonts as plain TeX loads them: `\font\tenmsb=msbm10`, `\textfont\msbfam=\tenmsb`, `\fam\msbfam Z`.

Most change only how letters look and show nothing; those of blackboard and Fraktur letters are alphabets of mathematics, which a reader
tells apart: `\def\Bbb#1{{\fam\msbfam#1}}` gives `\mathbb`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler, Macro
from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_FONT = re.compile(
    r"[ \t]*\\([A-Za-z@]+)[ \t]*=?\s*([A-Za-z]+)[\w-]*"
    r"(?:[ \t]+(?:scaled|at)[ \t]*(?:\\magstep(?:half|[ \t]*\d)?|\d+\.?\d*[ \t]*(?:true[ \t]*)?(?:pt)?))?"
)
_FAMILY_FONT = re.compile(r"[ \t]*(?:\\([A-Za-z@]+)|\d{1,2})[ \t]*=?[ \t]*\\([A-Za-z@]+)")
_FAMILY = re.compile(r"[ \t]*=?[ \t]*(?:\\([A-Za-z@]+)|-?\d{1,2})")
_SWITCH = re.compile(r"[ \t]*\\([A-Za-z@]+)")
_ALPHABETS = (("msbm", "mathbb"), ("msym", "mathbb"), ("bbold", "mathbb"), ("bbm", "mathbb"), ("euf", "mathfrak"))
_OF_LATEX = frozenset({"sf", "cal", "mit", "Bbb", "frak", "scr"})  # that mean the same in any size


def _font(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _FONT.match(frame.text, frame.position)
    if found is None:
        return False
    alphabet = next((alphabet for file, alphabet in _ALPHABETS if found[2].startswith(file)), None)
    expander.fonts[found[1]] = alphabet
    if found[1] not in _OF_LATEX:
        body = "" if alphabet is None else rf"\ensuremath{{\{alphabet}{{"
        pieces: tuple[str | int, ...] = (body,) if alphabet is None else (body, 1, "}}")
        expander.define(found[1], Macro(0 if alphabet is None else 1, None, pieces))
    expander.dropped["definition"] += frame.num_source(start, found.end())
    frame.position = skip_line_space(frame.text, found.end())
    return True


def _font_of_family(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _FAMILY_FONT.match(frame.text, frame.position)
    if found is None:
        return False
    if found[1] is not None:
        expander.families[found[1]] = expander.fonts.get(found[2])
    expander.dropped["definition"] += frame.num_source(start, found.end())
    frame.position = found.end()
    return True


def _family(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\fam\msbfam\tenmsb Z`: one letter, as such alphabets are used."""
    found = _FAMILY.match(frame.text, frame.position)
    if found is None:
        return False
    position = found.end()
    while (switch := _SWITCH.match(frame.text, position)) is not None and (switch[1] == "relax" or switch[1] in expander.fonts):
        position = switch.end()
    frame.position = position
    alphabet = expander.families.get(found[1]) if found[1] is not None else None
    if alphabet is not None and (letter := expander.read_argument()) is not None:
        expander.push(rf"\ensuremath{{\{alphabet}{{{letter}}}}}")
    return True


HANDLERS: dict[str, Handler] = {
    "font": _font,
    **dict.fromkeys(("textfont", "scriptfont", "scriptscriptfont"), _font_of_family),
    "fam": _family,
}
