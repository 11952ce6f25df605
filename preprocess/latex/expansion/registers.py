"""Registers and counters: what is assigned to them shows nothing; counters that the paper has made are counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler
from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_REGISTER = re.compile(r"\s*(\{\s*)?\\([A-Za-z@]+)(?(1)\s*\}|[ \t]*)")
_VALUE = re.compile(
    r"\s*(?:=\s*)?[-+]?(?:\d+(?:\.\d*)?|\.\d+|\\[A-Za-z@]+)\s*(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc)?"
    r"(?:\s*(?:plus|minus)\s*[-+]?[\d.]+\s*(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|fil+)?)*\s?"
)
_ADVANCE = re.compile(
    r"\s*\\[A-Za-z@]+(?:\s?\d{1,3})?\s*(?:by)?\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+|\\[A-Za-z@]+)"
    r"(?:\s*(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc))?\s?"
)
_BEFORE_VALUE = re.compile(
    r"\\(?:m?kern|[hvm]skip|[hv]glue|raise|lower|move(?:left|right)|advance\s*\\[A-Za-z@]+\s*by)\s*-?[\d.]*\Z"
    r"|\\[A-Za-z@]+\s*=\s*-?[\d.]*\Z|\\[hv]box\s*(?:to|spread)\s*-?[\d.]*\Z"
)  # behind which a register is a value
_DIGITS = re.compile(r"\s*(\d{1,4})(?!\d)\s?")
_CAPITAL_NUMERAL = re.compile(r"\s*(?:\\expandafter\s*)?\\romannumeral\s*(\d{1,4})\s*@")
_COUNTER_VALUE = re.compile(r"\\(arabic|roman|Roman|alph|Alph|value)\s*\{([^{}]*)\}")
_VALUE_OF = re.compile(r"\\value\s*\{([^{}]*)\}")
_INTEGER = re.compile(r"-?\d{1,9}")
_COUNTER_REGISTER = re.compile(r"\\@(arabic|roman|Roman|alph|Alph)\s*(?:\{\s*\\c@([A-Za-z]+)\s*\}|\\c@([A-Za-z]+))")
_COUNT_VALUE = re.compile(r"\\(?:the|number)\s*\\([A-Za-z@]+)")
_COUNT = re.compile(r"\s*\\([A-Za-z@]+)\s*(?:by(?![A-Za-z]))?")
_NUMBER = re.compile(r"\s*(?:=\s*)?(-?)\s*(?:(\d{1,9}) ?|\\(?:value\s*\{([A-Za-z@]+)\}|(?:(?:number|the)\s*\\)?([A-Za-z@]+))[ \t]?)")
_DIMENSION = re.compile(
    r"\s*(?:=\s*)?(-?)\s*(?:(\d{1,6}(?:\.\d{0,9})?|\.\d{1,9})\s*(?:true\s*)?(pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|\\p@)\s?"
    r"|(0)|\\([A-Za-z@]+)[ \t]?)"
)
_POINTS = {"pt": 1.0, "\\p@": 1.0, "cm": 28.45274, "mm": 2.845274, "in": 72.27, "em": 10.0, "ex": 4.3, "bp": 1.00375, "pc": 12.0,
           "sp": 1 / 65536, "dd": 1.07, "cc": 12.84}  # of a font of ten points  # fmt: skip
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"),
    (4, "iv"), (1, "i"),
)  # fmt: skip


def _register(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """`\\newcount\\n`: its assignments show nothing."""
    found = _REGISTER.match(frame.text, frame.position)
    if found is None:
        return False
    frame.position = found.end()
    expander.define_register(found[2])
    if name == "newcount":
        expander.counts[found[2]] = 0
    elif name in ("newdimen", "newlength", "newskip"):
        expander.lengths[found[2]] = 0.0
    expander.dropped["definition"] += frame.num_source(start, found.end())
    return True


def is_value(expander: Expander) -> bool:
    r"""Whether the register that has just been read is only the value of something else: `\kern\mywidth`."""
    return bool(expander.out) and _BEFORE_VALUE.search(expander.out[-1][-60:]) is not None


def assign(expander: Expander, frame: Frame, name: str) -> None:
    """Passes what is assigned to the register `name`, which has just been read; a `\\newcount`'s value is kept."""
    found = _VALUE.match(frame.text, frame.position)
    if found is not None:
        if name in expander.counts:
            _set_count(expander, name, read_integer(expander, frame.text, frame.position))
        elif name in expander.lengths:
            _set_length(expander, name, read_dimension(expander, frame.text, frame.position))
        expander.dropped["definition"] += frame.num_source(found.start(), found.end())
        frame.position = found.end()


def _set_count(expander: Expander, name: str, value: tuple[int, int] | None) -> None:
    if value is None:
        del expander.counts[name]  # what it holds from here on is not known
    else:
        expander.counts[name] = value[0]


def _set_length(expander: Expander, name: str, value: tuple[float, int] | None) -> None:
    if value is None:
        del expander.lengths[name]  # what it holds from here on is not known
    else:
        expander.lengths[name] = value[0]


def _setlength(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """`\\setlength{\\mine}{3pt}` of a length of the paper's own; the command stays, as it does of all others."""
    target = expander.scan.argument(frame.text, frame.position)
    value = expander.scan.argument(frame.text, target[1]) if target is not None else None
    if target is None or value is None or (length := target[0].strip().lstrip("\\")) not in expander.lengths:
        return False
    given = read_dimension(expander, value[0], 0)
    if given is not None and name == "addtolength":
        given = expander.lengths[length] + given[0], given[1]
    _set_length(expander, length, given)
    return False


def _advance(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _ADVANCE.match(frame.text, frame.position)
    if found is None:
        return False
    target = _COUNT.match(found[0])
    if target is not None and target[1] in expander.counts:
        by = read_integer(expander, found[0], target.end()) if name == "advance" else None
        total = expander.counts[target[1]] + by[0] if by is not None else 0
        _set_count(expander, target[1], (total, 0) if by is not None else None)
    elif target is not None and target[1] in expander.lengths:
        step = read_dimension(expander, found[0], target.end()) if name == "advance" else None
        _set_length(expander, target[1], (expander.lengths[target[1]] + step[0], 0) if step is not None else None)
    expander.dropped["definition"] += frame.num_source(start, found.end())
    frame.position = found.end()
    return True


def _the(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if name == "romannumeral" and (number := _DIGITS.match(frame.text, frame.position)) is not None:
        frame.position = number.end()
        expander.emit(numeral("roman", int(number[1])) if int(number[1]) else "")
        return True
    found = _REGISTER.match(frame.text, frame.position)
    if found is None or found[2] not in expander.registers:
        return False
    frame.position = found.end()
    if found[2] in expander.counts:
        expander.emit(numeral("roman" if name == "romannumeral" else "arabic", expander.counts[found[2]]))
    return True


def _capital_numeral(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\@slowromancap\romannumeral 4@`: IV."""
    found = _CAPITAL_NUMERAL.match(frame.text, frame.position)
    if found is None:
        return False
    frame.position = found.end()
    expander.emit(numeral("Roman", int(found[1])))
    return True


def read_integer(expander: Expander, text: str, position: int) -> tuple[int, int] | None:
    """A number at `position`, in digits or the value of a counter, a register or a macro, and the place past it, or None."""
    found = _NUMBER.match(text, position)
    if found is None:
        return None
    sign = -1 if found[1] else 1
    if found[2] is not None:
        return sign * int(found[2]), found.end()
    name = found[3] or found[4]
    value: int | None
    if found[3] is not None:
        value = expander.counters.get(name)
    elif name.startswith("c@"):
        value = expander.counters.get(name[2:])
    elif name.startswith("the") and name[3:] in expander.counters:
        value = expander.counters[name[3:]]
    else:
        value = expander.counts.get(name)
        meaning = expander.flat(f"\\{name}") if value is None and name in expander.macros else ""
        if _INTEGER.fullmatch(meaning):
            value = int(meaning)
    return None if value is None else (sign * value, found.end())


def read_dimension(expander: Expander, text: str, position: int) -> tuple[float, int] | None:
    """A length at `position` in points, written out or a register's, and the place past it; None where it is not known."""
    found = _DIMENSION.match(text, position)
    if found is None:
        return None
    sign = -1 if found[1] else 1
    if found[2] is not None:
        return sign * float(found[2]) * _POINTS[found[3]], found.end()
    value = 0.0 if found[4] or found[5] == "z@" else expander.lengths.get(found[5])
    return None if value is None else (sign * value, found.end())


def _token_list(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """`\\headline={…}`: what stands on every page."""
    position = skip_line_space(frame.text, frame.position)
    if frame.text[position : position + 1] == "=":
        position = skip_line_space(frame.text, position + 1)
    found = expander.scan.group(frame.text, position)
    if found is None:
        return False
    expander.dropped["layout_command"] += frame.num_source(start, found[1])
    frame.position = found[1]
    return True


def _counter(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """LaTeX's counters, where the paper has made them: those of LaTeX itself it counts as it prints."""
    target = expander.scan.group(frame.text, frame.position)
    value = expander.scan.group(frame.text, target[1]) if target is not None and name in ("setcounter", "addtocounter") else None
    if target is None:
        return False
    counter = target[0].strip()
    if name == "newcounter":
        expander.counters[counter] = 0
        within = expander.scan.optional_argument(frame.text, target[1])
        frame.position = within[1] if within else target[1]
        return True
    if counter not in expander.counters:
        return False
    if name in ("stepcounter", "refstepcounter"):
        expander.counters[counter] += 1
        frame.position = target[1]
        return True
    if value is None:
        return False
    frame.position = value[1]
    text = _VALUE_OF.sub(lambda found: str(expander.counters.get(found[1].strip(), 0)), value[0]).strip()
    if _INTEGER.fullmatch(text):
        expander.counters[counter] = int(text) + (expander.counters[counter] if name == "addtocounter" else 0)
    return True


def _counter_value(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = expander.scan.group(frame.text, frame.position)
    if target is None or target[0].strip() not in expander.counters:
        return False
    frame.position = target[1]
    expander.emit(numeral(name, expander.counters[target[0].strip()]))
    return True


def with_counters(expander: Expander, body: str) -> str:
    """The body of an `\\edef` with the counters of that moment."""
    if expander.counters:
        body = _COUNTER_VALUE.sub(
            lambda found: numeral(found[1], expander.counters[found[2].strip()]) if found[2].strip() in expander.counters else found[0],
            body,
        )
        body = _COUNTER_REGISTER.sub(
            lambda found: (
                numeral(found[1], expander.counters[found[2] or found[3]]) if (found[2] or found[3]) in expander.counters else found[0]
            ),
            body,
        )
    if expander.counts:
        body = _COUNT_VALUE.sub(lambda found: str(expander.counts[found[1]]) if found[1] in expander.counts else found[0], body)
    return body


def numeral(kind: str, number: int) -> str:
    """A counter's value as `\\arabic`, `\\roman` or `\\Alph` prints it."""
    if kind in ("alph", "Alph"):
        letter = chr(ord("a") + number - 1) if 1 <= number <= 26 else str(number)
        return letter.upper() if kind == "Alph" else letter
    if kind in ("roman", "Roman") and 0 < number < 4000:
        text, left = "", number
        for value, numeral in _ROMAN:
            while left >= value:
                text, left = text + numeral, left - value
        return text if kind == "roman" else text.upper()
    return str(number)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("newcount", "newdimen", "newskip", "newmuskip", "newtoks", "newbox", "newread", "newwrite", "newlength"), _register),
    **dict.fromkeys(("setlength", "addtolength"), _setlength),
    **dict.fromkeys(("advance", "multiply", "divide"), _advance),
    **dict.fromkeys(("the", "number", "romannumeral"), _the),
    "@slowromancap": _capital_numeral,
    **dict.fromkeys(
        (
            "headline",
            "footline",
            "output",
            "errhelp",
            "everypar",
            "everymath",
            "everydisplay",
            "everyhbox",
            "everyvbox",
            "everyjob",
            "everycr",
        ),
        _token_list,
    ),
    **dict.fromkeys(("newcounter", "setcounter", "addtocounter", "stepcounter", "refstepcounter"), _counter),
    **dict.fromkeys(("arabic", "roman", "Roman", "alph", "Alph", "value"), _counter_value),
}
