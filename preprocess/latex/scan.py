"""Places in TeX source: the end of a group, an argument, an optional argument. Linear, without recursion, never across the end."""

import re

_GROUP = re.compile(r"[{}]|\\.|%[^\n]*", re.S)
_BRACKET = re.compile(r"[{}\[\]]|\\.|%[^\n]*", re.S)
_SPACE = re.compile(r"(?:[ \t]+|\n(?![ \t]*\n)|%[^\n]*\n)+")
_LINE_SPACE = re.compile(r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?")
COMMAND = re.compile(r"\\(?:[A-Za-z@]+|.)", re.S)


def group_end(text: str, start: int, limit: int | None = None) -> int:
    """The index just past the `}` that closes the `{` at `start`, or -1 where it is not closed before `limit`."""
    depth = 0
    for found in _GROUP.finditer(text, start, len(text) if limit is None else limit):
        token = found[0]
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            if depth == 0:
                return found.end()
    return -1


def bracket_end(text: str, start: int, max_characters: int = 4000) -> int:
    """The index just past the `]` that closes the `[` at `start`, braces respected, or -1; looks `max_characters` far."""
    depth = brackets = 0
    for found in _BRACKET.finditer(text, start, min(len(text), start + max_characters)):
        token = found[0]
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
            if depth < 0:
                return -1
        elif depth == 0:
            if token == "[":
                brackets += 1
            elif token == "]":
                brackets -= 1
                if brackets == 0:
                    return found.end()
    return -1


def skip_space(text: str, position: int) -> int:
    """Past blanks, one line end, and comments; a blank line stops it."""
    found = _SPACE.match(text, position)
    return found.end() if found else position


def skip_line_space(text: str, position: int) -> int:
    """Past blanks and at most one line end, as TeX does after a control word."""
    found = _LINE_SPACE.match(text, position)
    return found.end() if found else position


def argument(text: str, position: int, max_characters: int | None = None) -> tuple[str, int] | None:
    """A mandatory argument at `position`: a group's content, a command, or one character, and the index past it; None at the end."""
    position = skip_space(text, position)
    if position >= len(text):
        return None
    character = text[position]
    if character == "{":
        end = group_end(text, position, None if max_characters is None else position + max_characters)
        return None if end < 0 else (text[position + 1 : end - 1], end)
    if character == "}":
        return None
    if character == "\\":
        found = COMMAND.match(text, position)
        return (found[0], found.end()) if found else None
    if character == "\n":
        return None
    return character, position + 1


def optional_argument(text: str, position: int) -> tuple[str, int] | None:
    """An optional argument `[…]` at `position`, blanks before it allowed; None where there is none."""
    start = skip_space(text, position)
    if text[start : start + 1] != "[":
        return None
    end = bracket_end(text, start)
    return None if end < 0 else (text[start + 1 : end - 1], end)
