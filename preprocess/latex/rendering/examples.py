"""Numbered examples of linguists (gb4e, linguex, expex) and the questions of the class exam: lists with items of other names.

`\\begin{exe}\\ex \\gll Das ist\\\\ that is\\\\ \\glt ‘That is.’\\end{exe}` → `(1) Das ist`, `that is`, `‘That is.’`, a line each.
"""

import re
from typing import TYPE_CHECKING

from preprocess.latex.rendering import lists
from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_ITEMS_OF = {
    "ex": ("exe", "xlist", "xlisti", "xlista", "xlistA"), "question": ("questions",), "titledquestion": ("questions",),
    "part": ("parts",), "subpart": ("subparts",), "subsubpart": ("subsubparts",),
    **dict.fromkeys(("choice", "CorrectChoice", "correctchoice"), ("choices", "checkboxes", "oneparchoices")),
}  # fmt: skip
_NUMBER = re.compile(r"\d{1,3}")
_LABEL = re.compile(r"<[^<>\n]{0,40}>\s*")
_LINGUEX = ("linguex", 0)  # of lists whose last numbers are known


def _item(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\ex[*]{no sentence}` → `(2) *no sentence`, `\\question[10]` → `1. (10 points) `; -1 outside their lists."""
    opened = renderer.lists.open[-1] if renderer.lists.open else None
    if opened is None or opened.name not in _ITEMS_OF[name]:
        return -1
    note = ""
    if text[end : end + 1] == "[" and (given := renderer.scan.optional_argument(text, end)) is not None:
        shown, end = renderer.inline(given[0]), given[1]
        note = shown if name == "ex" else f"({shown} point{'' if shown == '1' else 's'}) " if _NUMBER.fullmatch(shown) else f"{shown} "
    lists.number_item(renderer, opened, out)
    out.append(note)
    return skip_line_space(text, end)


def _example(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """linguex's `\\ex.`, up to the next blank line, and expex's `\\ex … \\xe`."""
    after = skip_line_space(text, end)
    if text[end : end + 1] == ".":
        after = skip_line_space(text, end + 1)
    elif renderer.scan.find(text, "\\xe", end) >= 0:
        after = found.end() if (found := _LABEL.match(text, after)) is not None else after
    else:
        return -1
    number = renderer.lists.last.get(_LINGUEX, 0) + 1
    renderer.lists.last[_LINGUEX] = number
    out.append(f"\n\n({number}) ")
    return after


def _subexample(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """linguex's `\\a.`, `\\b.` of an example; elsewhere they are accents."""
    if text[end : end + 1] != "." or _LINGUEX not in renderer.lists.last:
        return -1
    out.append(f"\n{name[0]}. " if name != "z" else "\n")
    return skip_line_space(text, end + 1)


def _gloss(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A line of words and its gloss; expex ends each by `//`."""
    start = skip_line_space(text, end)
    stop = text.find("//", start, start + 2_000) if name.startswith(("gla", "glb", "glc", "glf")) else -1
    is_first = name in ("gll", "glll", "gla") and "".join(out[-2:]).rstrip()[-1:] in (")", ".")  # behind the example's number
    out.append("" if is_first or lists.ends_line(out) else "\n")
    if stop < 0:
        return start
    out.append(f"{renderer.inline(text[start:stop])}\n")
    return skip_line_space(text, stop + 2)


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(_ITEMS_OF, _item),
    **dict.fromkeys(("a", "b", "c", "d", "e", "z"), _subexample),
    **dict.fromkeys(("gll", "glll", "glt", "trans", "gla", "glb", "glc", "glft"), _gloss),
}
LINES: dict[str, "Handler"] = dict.fromkeys(("ex", "exg", "pex"), _example)
