"""Macros that the front matter uses before they are defined: TeX typesets `\\author` at `\\maketitle`, when the preamble is over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler
from preprocess.latex.tables import FRONT_COMMANDS

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_WORD = re.compile(r"\\([A-Za-z]+)")
_DEFINITION = re.compile(
    r"^[ \t]*\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|def|gdef|DeclareMathOperator|newcounter)"
    r"\*?\s{0,9}\{?\s{0,9}\\?([A-Za-z]+)",
    re.M,
)
MAX_FRONT_CHARACTERS = 100_000


def _read_ahead(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """Takes from what is still to be read of the file the definitions of those words in the argument that have none yet."""
    if frame.name is None:
        return False
    text = frame.text
    end = expander.scan.group_end(text, opening, MAX_FRONT_CHARACTERS) if (opening := text.find("{", start, start + 200)) >= 0 else -1
    if end < 0 or "\\" not in text[opening:end]:
        return False
    words = {word for word in _WORD.findall(text, opening, end) if word not in expander.macros}
    later = expander.definitions_ahead.get(frame.name)
    if later is None:
        later = {}
        for found in _DEFINITION.finditer(text):
            later.setdefault(found[2], (found.start(1), found[1]))
        expander.definitions_ahead[frame.name] = later
    for word in sorted(words & later.keys()):
        place, kind = later[word]
        if place >= end:
            expander.obey(kind, Frame(text, place + len(kind)), place)
    return False


HANDLERS: dict[str, Handler] = dict.fromkeys(sorted(FRONT_COMMANDS), _read_ahead)
