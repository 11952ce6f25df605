r"""Names that whole fields use alike and some papers never define: `\beq … \eeq` for an equation, `\llabel{eq:one}` for a label.

A house's macro file that was not sent along had them. They are taken only where nothing defines them and each beginning has its end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

# beginning → end, environment; of an equation that has columns it is an eqnarray
_PAIRS = {
    "be": ("ee", "equation"), "beq": ("eeq", "equation"), "bequ": ("eequ", "equation"), "beqn": ("eeqn", "equation"),
    "beqs": ("eeqs", "equation"), "begeq": ("eneq", "equation"), "bdm": ("edm", "displaymath"), "bdis": ("edis", "displaymath"),
    "bea": ("eea", "eqnarray"), "beqa": ("eeqa", "eqnarray"), "beqar": ("eeqar", "eqnarray"), "beqarr": ("eeqarr", "eqnarray"),
    "bear": ("eear", "eqnarray"), "bean": ("eean", "eqnarray*"), "beas": ("eeas", "eqnarray*"), "beqna": ("eeqna", "eqnarray"),
    "bml": ("eml", "multline"), "bga": ("ega", "gather"), "bal": ("eal", "align"), "baln": ("ealn", "align*"),
    "ben": ("een", "enumerate"), "benum": ("eenum", "enumerate"), "bit": ("eit", "itemize"), "bi": ("ei", "itemize"),
    "bitem": ("eitem", "itemize"), "bdes": ("edes", "description"),
}  # fmt: skip
_ENDS = {end for end, _ in _PAIRS.values()}
_LISTS = frozenset({"enumerate", "itemize", "description"})
_ITEM = re.compile(r"\s*(?:\\[A-Za-z]+\s*(?:\{[^{}]*\}\s*)?)?\\item(?![A-Za-z])")  # a command of layout may come before it
_COLUMN = re.compile(r"(?<!\\)&")
_KEY = re.compile(r"[A-Za-z0-9][\w:.+/-]{0,80}")
_KEY_ARGUMENT = re.compile(r"\{([A-Za-z]{1,20}:[\w:.+/-]{1,80})\}")
_LABELS = frozenset(
    f"{what}{word}"
    for what in ("l", "my", "eq", "eqn", "sec", "s", "fig", "f", "tab", "t", "thm", "lem", "prop", "e")
    for word in ("label", "lab", "lbl")
)
MAX_CONTENT_CHARACTERS = 6_000


def _begin(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    end, environment = _PAIRS[name]
    if name in expander.environments or end in expander.macros or not _is_balanced(expander, name, end):
        return False
    text, position = frame.text, frame.position
    stop = expander.scan.find(text, f"\\{end}", position)
    if stop < 0 or stop - position > MAX_CONTENT_CHARACTERS:
        return False
    if environment in _LISTS:
        if not _ITEM.match(text, position):
            return False
    elif environment == "equation" and _COLUMN.search(text, position, stop) and "\\begin" not in text[position:stop]:
        environment = "eqnarray"
    expander.warn("customary_name", f"\\{name}")
    expander.customary.append(environment)
    label = ""
    if environment not in _LISTS and (found := _KEY_ARGUMENT.match(text, position)) is not None:
        label, frame.position = f"\\label{{{found[1]}}}", found.end()  # some houses' beginnings take the label's key
    expander.push(f"\\begin{{{environment}}}{label}")
    return True


def _end(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if not expander.customary or name in expander.environments:
        return False
    expander.push(f"\\end{{{expander.customary.pop()}}}")
    return True


def _is_balanced(expander: Expander, begin: str, end: str) -> bool:
    """Whether the paper has as many ends as beginnings; looked for once."""
    if begin not in expander.balanced:
        marks = [re.compile(rf"\\{name}(?![A-Za-z@])") for name in (begin, end)]
        numbers = [sum(len(mark.findall(text)) for text in expander.texts.values()) for mark in marks]
        expander.balanced[begin] = numbers[0] == numbers[1]
    return expander.balanced[begin]


def _label(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    given = expander.scan.group(frame.text, frame.position)
    if given is None or not _KEY.fullmatch(given[0].strip()):
        return False
    frame.position = given[1]
    expander.emit(f"\\label{{{given[0]}}}")
    return True


HANDLERS: dict[str, Handler] = {**dict.fromkeys(_PAIRS, _begin), **dict.fromkeys(_ENDS, _end), **dict.fromkeys(_LABELS, _label)}
