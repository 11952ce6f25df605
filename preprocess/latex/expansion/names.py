"""Commands whose names are made: `\\csname …\\endcsname`, `\\@namedef`, etoolbox's and suffix's uses of such; `\\expandafter`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion import registers
from preprocess.latex.expansion.macros import Frame, Handler
from preprocess.latex.scan import skip_line_space, skip_space
from preprocess.latex.tables import PROTECTED_COMMANDS

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

MAX_NAME_CHARACTERS = 200
_COMMAND = re.compile(r"\\@?([A-Za-z@]+)[ \t]*(?:\{([A-Za-z@]*)\}|\\c@([A-Za-z@]+))?")
_CSNAME = re.compile(r"\s*\\csname")
_DEFINED_NAME = re.compile(r"\s*(?:\\([A-Za-z@]+|[^A-Za-z\s])|([~|*<>\"!]))")
_BEFORE_END = re.compile(r"\s*\\([A-Za-z@]+)\s*\\(fi|else|or)(?![A-Za-z@])")
_BEFORE_NAME = re.compile(r"\s*\\([A-Za-z@]+)\s*(?=\\csname)")
_BEFORE_GROUP = re.compile(r"\s*(\\[A-Za-z@]+)\s*\\expandafter\s*(?=\{(?!\s*\\csname))")
_SECOND = re.compile(r"\s*\\expandafter(?![A-Za-z@])")


def made_name(expander: Expander, text: str) -> str:
    """What stands between `\\csname` and `\\endcsname`, its macros and counters in place; what is not known shows nothing."""
    for _ in range(8):
        if "\\" not in text or len(text) > MAX_NAME_CHARACTERS:
            break
        text = _COMMAND.sub(lambda found: _meaning(expander, found), text)
    return text.strip()[:MAX_NAME_CHARACTERS]


def _meaning(expander: Expander, found: re.Match[str]) -> str:
    name, argument = found[1], found[2] if found[2] is not None else found[3]
    macro = expander.macros.get(name)
    if macro is not None and macro.num_arguments == 0 and macro.spec is None and macro.alias is None:
        return str(macro.pieces[0]) + (argument or "")
    if argument is not None and argument in expander.counters:
        return registers.numeral(name, expander.counters[argument])
    if name.startswith(("the", "c@")) and (counter := name.removeprefix("the").removeprefix("c@")) in expander.counters:
        return str(expander.counters[counter])
    return argument or ""


def read_made_name(expander: Expander, text: str, position: int) -> tuple[str, int] | None:
    """The name that `\\csname` at `position` makes, and the place past its `\\endcsname`; None where none stands there."""
    begin = _CSNAME.match(text, position)
    if begin is None or text[begin.end() : begin.end() + 1].isalpha():
        return None
    end = text.find("\\endcsname", begin.end(), begin.end() + MAX_NAME_CHARACTERS)
    if end < 0:
        return None
    return made_name(expander, text[begin.end() : end]), end + len("\\endcsname")


def defined_name(expander: Expander, text: str, position: int) -> tuple[str, int] | None:
    """The name that a definition gives a meaning to, braces around it or not, and the place past it."""
    if (second := _SECOND.match(text, position)) is not None:  # \expandafter\newcommand\expandafter{\csname …\endcsname}
        position = second.end()
    start = skip_space(text, position)
    braced = text[start : start + 1] == "{"
    made = read_made_name(expander, text, start + braced)
    if made is not None:
        name, end = made
    else:
        found = _DEFINED_NAME.match(text, start + braced)
        if found is None:
            return None
        name, end = found[1] or found[2], found.end()
    if braced:
        closing = text.find("}", end, end + 4)
        end = closing + 1 if closing >= 0 else end
    return (name, end) if name else None


def _csname(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    made = read_made_name(expander, frame.text, start)
    if made is None:
        return False
    call_named(expander, frame, made[0], skip_line_space(frame.text, made[1]))
    return True


def call_named(expander: Expander, frame: Frame, name: str, end: int) -> None:
    """Goes on with the command of that name, whatever characters it has; one that nothing has defined shows nothing."""
    frame.position = end
    if (macro := expander.macros.get(name)) is not None:
        expander.call(frame, name, macro)
    elif name.isalpha() or "@" in name:
        expander.push(f"\\{name} ")


def _name_use(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = expander.scan.group(frame.text, frame.position)
    if target is None:
        return False
    call_named(expander, frame, made_name(expander, target[0]), target[1])
    return True


def _is_known(expander: Expander, name: str) -> bool:
    return name in expander.macros or name in expander.environments or name in expander.theorems or name in PROTECTED_COMMANDS


def _if_defined(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """`\\@ifundefined{x}{yes}{no}`, `\\ifcsdef`, `\\ifdef`, `\\@ifpackageloaded`: which of the two is read."""
    found = expander.scan.all_arguments(frame.text, frame.position, 3)
    if found is None:
        return False
    given, frame.position = found
    target = given[0].strip().lstrip("\\")
    if name in ("@ifpackageloaded", "@ifclassloaded"):
        value = target.lower() in expander.packages
    else:
        value = _is_known(expander, made_name(expander, target))
        value = value != name.endswith(("undefined", "undef"))
    expander.push(given[1] if value else given[2])
    return True


def _expandafter(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """What comes second is read first, where that is the end of a conditional or a name that is being made."""
    ending = _BEFORE_END.match(frame.text, frame.position)
    if ending is not None and expander.open_conditionals:
        frame.position = ending.end()
        expander.obey(ending[2], frame, ending.start(2) - 1)
        expander.push(f"\\{ending[1]} ")
        return True
    if (opened := _BEFORE_GROUP.match(frame.text, frame.position)) is not None:  # \expandafter\swap\expandafter{\pair}
        frame.position = opened.end()
        expander.push(opened[1])
        return True
    before = _BEFORE_NAME.match(frame.text, frame.position)
    if before is not None and before[1] in expander.macros:
        made = read_made_name(expander, frame.text, before.end())
        if made is not None and made[0].isalpha():
            frame.position = made[1]
            expander.push(f"\\{before[1]}\\{made[0]} ")
            return True
    return True


def _suffixed(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """A use of a command that has suffixes: which of them follows."""
    target = expander.scan.group(frame.text, frame.position)
    if target is None:
        return True
    frame.position = target[1]
    below = expander.settle()
    following = below.text[below.position : below.position + 1] if below is not None else ""
    own = target[0] + following
    if below is not None and following and following in expander.suffixes.get(target[0], "") and own in expander.macros:
        below.position += 1
        expander.call(below, own, expander.macros[own])
    elif (plain := expander.macros.get(f"{target[0]}@plain")) is not None:
        expander.call(below or frame, target[0], plain)
    else:
        expander.emit(f"\\{target[0]}")
        expander.is_after_word = True
    return True


HANDLERS: dict[str, Handler] = {
    "csname": _csname,
    "expandafter": _expandafter,
    **dict.fromkeys(("@nameuse", "csuse"), _name_use),
    **dict.fromkeys(("@ifundefined", "ifcsdef", "ifcsundef", "ifdef", "ifundef", "@ifpackageloaded", "@ifclassloaded"), _if_defined),
    "@suffixed": _suffixed,
}
