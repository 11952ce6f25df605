"""Macros, environments and the texts that are being read; bodies as TeX stores them, and filled with arguments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from preprocess.latex.scan import ends_in_word

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_PARAMETER = re.compile(r"#(#*[1-9])")
_LINE_ENDS = re.compile(r"[ \t]*\n\s*")
_OUTER_LINE_END = re.compile(r"\A[ \t]*\n[ \t]*(?=\S)|(?<=\S)[ \t]*\n[ \t]*\Z")
_COMMENT = re.compile(r"((?:[^\\%\n]|\\.)*)%")
_REST_OF_LINE = re.compile(r"[^\n]*(?:\n[ \t]*|\Z)")


@dataclass(slots=True)
class Macro:
    """What a name stands for: `pieces` alternate text and parameter number; `delimiters` where `\\def` gave some."""

    num_arguments: int
    default: str | None
    pieces: tuple[str | int, ...]
    delimiters: tuple[str, ...] | None = None
    spec: tuple[str, ...] | None = None
    alias: str | None = None  # the name of a command of LaTeX's own that `\\let` has given another name


@dataclass(slots=True)
class Environment:
    """A user's environment: what its beginning and its end stand for."""

    begin: Macro
    end: str


@dataclass(slots=True)
class Frame:
    """A text that is being read: a file's, or a macro's body with its arguments in place."""

    text: str
    position: int = 0
    name: str | None = None  # of a file; None for a macro's body
    macro: str | None = None  # whose body it is

    def num_source(self, start: int, end: int) -> int:
        """Characters of the paper between two places: none in a macro's body, which its definition has paid for."""
        return end - start if self.name is not None else 0


# what a command of LaTeX's own does: takes the expander, the frame with its position after the name, the name, the place of its
# backslash; gives False where the command is to stay as it stands
Handler = Callable[["Expander", Frame, str, int], bool]


_COUNT = re.compile(r"\s*([0-9])\s*")


def argument_count(given: str, otherwise: int = 0) -> int:
    """The number of arguments that a definition states in brackets; what is no digit is no number, as TeX has nine at most."""
    found = _COUNT.fullmatch(given)
    return int(found[1]) if found else otherwise


def split_body(body: str) -> tuple[str | int, ...]:
    """A definition's body as text and parameter numbers in turn; `##1` stays for a definition inside."""
    pieces: list[str | int] = []
    position = 0
    for found in _PARAMETER.finditer(body):
        inner = found[1]
        pieces.append(body[position : found.start()])
        if len(inner) == 1:
            pieces.append(int(inner))
        else:
            pieces.append(inner)
        position = found.end()
    pieces.append(body[position:])
    return tuple(pieces)


def fill(pieces: tuple[str | int, ...], arguments: list[str]) -> str:
    """A body with its arguments in place; a control word and a letter that come to stand together are kept apart."""
    parts: list[str] = []
    last = ""
    for piece in pieces:
        text = piece if isinstance(piece, str) else arguments[piece - 1] if piece <= len(arguments) else ""
        if not isinstance(piece, str) and "\n" in text:
            text = _OUTER_LINE_END.sub(" ", _without_last_comments(text) if "%" in text else text)
        if not text:
            continue
        if last and text[0].isalpha() and ends_in_word(last):
            parts.append(" ")
        parts.append(text)
        last = text
    return "".join(parts)


def _without_last_comments(text: str) -> str:
    """An argument without the comments that end it: their line ends close them, and what comes after the argument is none of theirs."""
    end = len(text)
    while True:
        last = end
        while last and text[last - 1].isspace():
            last -= 1
        found = _COMMENT.match(text, text.rfind("\n", 0, last) + 1, last)
        if found is None or "\n" not in text[last:end]:
            return text[:end]
        end = found.end(1)


def uncomment(body: str) -> str:
    """`body` without its comments: each goes with its line end and the blanks that begin the next line."""
    parts: list[str] = []
    begin, place = 0, body.find("%")
    while place >= 0:
        before = body[begin:place]
        if (len(before) - len(before.rstrip("\\"))) % 2:
            parts.append(body[begin : place + 1])  # a percent sign
            begin = place + 1
        else:
            parts.append(before)
            comment = _REST_OF_LINE.match(body, place)
            assert comment is not None
            begin = comment.end()
        place = body.find("%", begin)
    parts.append(body[begin:])
    return "".join(parts)


def stored_body(text: str) -> str:
    """A definition's body as TeX stores it: line ends are blanks, so that two of them never come to stand as a paragraph's end."""
    text = uncomment(text)
    return _LINE_ENDS.sub(lambda found: "\n\n" if found[0].count("\n") > 1 else " ", text) if "\n" in text else text


def calls_itself(name: str, body: str) -> bool:
    """`\\renewcommand{\\vec}[1]{{\\bf\\vec{#1}}}`: with no TeX behind it such a definition would never end."""
    if not name.isalpha() or f"\\{name}" not in body:
        return False
    return re.search(rf"\\{re.escape(name)}(?![A-Za-z@])", body) is not None
