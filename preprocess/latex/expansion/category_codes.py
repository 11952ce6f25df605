r"""Category codes that change in the middle of a file: `\catcode`\%=12`, and characters made commands, `\catcode`\|=\active`.

What follows, to the end of the group or the file, is written as it would be without the change: `50%` as `50\%`, an active `|` as a control
symbol of its own. Letters stay letters and `@` is one always, so that the other changes need nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler, Macro
from preprocess.latex.tables import VERBATIM_ENVIRONMENTS

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

MAX_CHANGES = 20  # of one paper that are followed: each writes the rest of its group anew
MAX_DEFINITION_CHARACTERS = 4_000  # behind the change, in which the character gets its meaning
_CHANGE = re.compile(
    r"\s*(?:`\s*(?:\\?(\^\^.)|\\?(.))|\"[0-9A-F]{1,4}|\d{1,3}|\\[A-Za-z@]+)\s?"
    r"(?:\s*=?\s*(\d{1,5}|\"[0-9A-F]{1,4}|`\\?.|\\[A-Za-z@]+) ?)?"
)
_ACTIVE = frozenset({"13", "\\active", "\\@active"})
_ORDINARY = frozenset({"11", "12", "\\other", "\\@other", "\\other@"})
_MADE_COMMANDS = frozenset("|!<>@*;:?/+")  # the others are LaTeX's own or babel's
_GROUP_MARK = re.compile(r"\\(begingroup|bgroup|endgroup|egroup)(?![A-Za-z])|\\.|([{}])", re.S)
_CODE = "|".join(re.escape(name) for name in sorted(VERBATIM_ENVIRONMENTS))
_FIRST_PRIVATE = 0xE100


def _change(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _CHANGE.match(frame.text, frame.position)
    if found is None:
        return False
    frame.position = found.end()
    expander.dropped["layout_command"] += frame.num_source(start, found.end())
    character, code = found[2], found[3]
    if name != "catcode" or character is None or code is None or expander.num_changes >= MAX_CHANGES:
        return True
    if character == "%" and code in _ORDINARY:
        _rewrite(expander, frame, "%", "\\%")
    elif character in _MADE_COMMANDS and code in _ACTIVE:
        command = chr(_FIRST_PRIVATE + ord(character))
        meaning = expander.macros.get(character) if character != "*" else None
        definition = re.compile(rf"\\(?:[gex]?def|let)\s*\\?{re.escape(character)}")
        if meaning is None and not definition.search(frame.text, frame.position, frame.position + MAX_DEFINITION_CHARACTERS):
            return True  # nobody says what it does
        expander.define(command, meaning or Macro(0, None, (character,)))
        _rewrite(expander, frame, character, f"\\{command}")
    return True


def _rewrite(expander: Expander, frame: Frame, character: str, written: str) -> None:
    """Writes `character` as `written` from here to where the change ends, but in code and in the names of characters."""
    text, begin = frame.text, frame.position
    stop = _scope_end(expander, text, begin)
    back = re.compile(rf"\\catcode\s*`\s*\\?{re.escape(character)}").search(text, begin, stop)
    stop = back.start() if back is not None else stop
    sign = re.escape(character)
    skipped = re.compile(
        rf"(\\begin\{{({_CODE})\}}.{{0,20000}}?\\end\{{\2\}}|\\(?:verb\*?|lstinline)([^\w\s{{*])[^\n]*?\3|`\\?{sign}|\\(?!{sign})[A-Za-z]+|\\.)|{sign}",
        re.S,
    )
    shown = skipped.sub(lambda found: found[1] if found[1] is not None else written, text[begin:stop])
    expander.num_changes += 1
    frame.text = text[:begin] + shown + text[stop:]


def _scope_end(expander: Expander, text: str, position: int) -> int:
    """Where the group ends that `position` is in, or the text."""
    depth = 0
    limit = expander.scan.limit(text, position)
    for found in _GROUP_MARK.finditer(text, position, limit):
        if found[1] in ("begingroup", "bgroup") or found[2] == "{":
            depth += 1
        elif found[1] is not None or found[2] is not None:
            depth -= 1
            if depth < 0:
                expander.scan.spend(found.start() - position)
                return found.start()
    expander.scan.spend(limit - position)
    return limit


HANDLERS: dict[str, Handler] = dict.fromkeys(("catcode", "lccode", "uccode", "mathcode", "sfcode", "delcode"), _change)
