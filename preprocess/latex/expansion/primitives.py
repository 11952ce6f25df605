"""Commands that look at what follows them or take it as it stands: `\\verb`, `\\url`, `\\xspace`, `\\@ifnextchar`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler, Macro
from preprocess.latex.scan import guard

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_ADDRESS = re.compile(r"\s*\{((?:[^{}\n]|\{[^{}\n]*\}){0,2000})\}")
_TWO_COMMANDS = re.compile(r"\s*\\([A-Za-z@]+)\s*\\([A-Za-z@]+)")
_ONE_COMMAND = re.compile(r"\\[A-Za-z@]+")
_ARROW = re.compile(r"\s*\d\s*\d\s*\d\s*\d\s*\\([A-Za-z]+arrow)fill@\s*")
_BRACE = re.compile(r"[{}]")
_PERCENT = re.compile(r"(?<!\\)%")


def _next_character(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """`\\@ifnextchar[{yes}{no}`, `\\@ifstar{yes}{no}`: what follows the call decides."""
    wanted, position = "*", frame.position
    if name == "@ifnextchar":
        token = expander.scan.argument(frame.text, position)
        if token is None:
            return False
        wanted, position = {"\\bgroup": "{"}.get(token[0], token[0]), token[1]
    yes = expander.scan.argument(frame.text, position)
    no = expander.scan.argument(frame.text, yes[1]) if yes else None
    if yes is None or no is None:
        return False
    frame.position = no[1]
    below = expander.settle()
    place = expander.scan.skip_space(below.text, below.position) if below is not None else 0
    is_next = below is not None and below.text.startswith(wanted, place)
    if is_next and below is not None and name == "@ifstar":
        below.position = place + 1
    expander.push(yes[0] if is_next else no[0])
    return True


def _code_end(text: str, start: int) -> int:
    """The place of the brace that closes the one at `start`, where nothing between means anything to TeX; -1 where none does."""
    depth = 0
    for found in _BRACE.finditer(text, start, start + 4_000):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    return -1


def _verb(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text, position = frame.text, frame.position
    if text[position : position + 1] == "*":
        position += 1
    if name != "verb":
        if (given := expander.scan.optional_argument(text, position)) is not None:
            position = given[1]
        if name == "mintinline":
            language = expander.scan.group(text, position)
            position = language[1] if language else position
        if position >= len(text) and len(expander.frames) > 1:  # a macro stands for it: its code comes after the call
            frame.position = position
            below = expander.settle()
            if below is None:
                return True
            frame, text, position = below, below.text, below.position
    delimiter = text[position : position + 1]
    if not delimiter or delimiter.isalpha() or delimiter in " \n*":
        return False
    line_end = text.find("\n", position)
    if delimiter == "{" and name != "verb":
        end = _code_end(text, position)
    else:
        end = text.find(delimiter, position + 1, line_end if line_end >= 0 else len(text))
    if end < 0:
        return False
    frame.position = end + 1
    expander.emit(f"\\verb\x01{guard(text[position + 1 : end])}\x01")
    return True


def _url(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """`\\url{a%20b}`: the `%` of an address is no comment."""
    text, position = frame.text, frame.position
    if (given := expander.scan.optional_argument(text, position)) is not None:
        position = given[1]
    found = _ADDRESS.match(text, position)
    if found is None or "%" not in found[1]:
        return False
    frame.position = found.end()
    expander.emit(text[start:position])
    expander.is_after_word = False
    expander.push("{" + _PERCENT.sub(r"\\%", found[1]) + "}")
    return True


def _xspace(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    below = expander.settle()
    if (below is not None and below.position < len(below.text) and below.text[below.position] not in " \n.,;:!?'/)-~}]&\\^_") or (
        below is not None
        and below.text[below.position : below.position + 1] == "\\"
        and below.text[below.position + 1 : below.position + 2].isalpha()
    ):
        expander.emit("\\ " if expander.is_after_word else " ")
    return True


def _ensuremath(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    body = expander.scan.argument(frame.text, frame.position)
    if body is None:
        return False
    frame.position = body[1]
    expander.push(f"\x02{body[0]}\x03")
    return True


def _future(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\futurelet\next\look`: `\next` stands for what comes after the macro, which `\look` then looks at."""
    found = _TWO_COMMANDS.match(frame.text, frame.position)
    if found is None:
        return False
    frame.position = found.end()
    below = expander.settle()
    following = below.text[below.position : below.position + 1] if below is not None else ""
    if following == "\\" and below is not None and (command := _ONE_COMMAND.match(below.text, below.position)) is not None:
        following = command[0]
    expander.macros[found[1]] = Macro(0, None, (following or " ",))
    expander.push(f"\\{found[2]} ")
    return True


def _palette(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\mathpalette\mine{x}` is `\mine` of the style and `x`: a formula's own style needs no word."""
    command, content = expander.read_argument(), expander.read_argument()
    if command is None or content is None or command.strip().lstrip("\\") not in expander.macros:
        expander.push(content or "")
        return True
    expander.push(f"{command.strip()}\\relax{{{content}}}")
    return True


def _extended_arrow(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""amsmath's inner `\ext@arrow 0359\Rightarrowfill@{below}{above}`, which papers make arrows with: mathtools' `\xRightarrow`."""
    found = _ARROW.match(frame.text, frame.position)
    below = expander.scan.group(frame.text, found.end()) if found is not None else None
    if found is None or below is None:
        return False
    frame.position = below[1]
    expander.emit(f"\\x{found[1]}")
    expander.is_after_word = True
    if below[0].strip():
        expander.push(f"[{below[0]}]")
    return True


def _prefix(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    return True


_NO_MEANING = (
    "long", "global", "outer", "protected", "makeatletter", "makeatother", "relax", "leavevmode", "protect", "noexpand",
    "unskip", "ignorespaces", "@bsphack", "@esphack", "phantomsection",
)  # fmt: skip
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_NO_MEANING, _prefix),
    **dict.fromkeys(("@ifnextchar", "@ifstar"), _next_character),
    **dict.fromkeys(("verb", "lstinline", "mintinline"), _verb),
    **dict.fromkeys(("url", "href", "nolinkurl", "path"), _url),
    "futurelet": _future,
    "ext@arrow": _extended_arrow,
    "mathpalette": _palette,
    "xspace": _xspace,
    "ensuremath": _ensuremath,
}
