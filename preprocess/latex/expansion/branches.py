r"""Tests whose branches are arguments: ifthen's `\ifthenelse` and `\whiledo`, etoolbox's `\ifboolexpr`, `\ifdefempty`, `\ifnumless`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from preprocess.latex.expansion import registers
from preprocess.latex.expansion.macros import Frame, Handler

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

MAX_TURNS = 120
MAX_TEST_CHARACTERS = 2_000
_JUNCTION = re.compile(r"\\(and|or|not|AND|OR|NOT)(?![A-Za-z])|\\([()])")
_WORD_JUNCTION = re.compile(r"\b(and|or|not)\b|([()])|((?:bool|togl)\s*\{[^{}]*\})")
_ATOM = re.compile(r"\s*\\(equal|boolean|isodd|lengthtest|dimtest|cnttest|isundefined|isnamedefined|isempty)(?![A-Za-z])")
_SWITCH = re.compile(r"(?:bool|togl)\s*\{([^{}]*)\}")
_RELATION = re.compile(r"\s*([<>=])")
_COUNTS = {"ifnumcomp": 3, "ifdimcomp": 3, "ifnumodd": 1, "ifblank": 1, "notblank": 1, "ifstrempty": 1, "ifdefempty": 1, "ifdefvoid": 1,
           "ifcsempty": 1, "ifbool": 1, "iftoggle": 1, "notbool": 1, "nottoggle": 1}  # arguments of a test; 2 of the others  # fmt: skip
_NUMBER_TESTS = {"ifnumequal": "=", "ifnumgreater": ">", "ifnumless": "<", "ifdimequal": "=", "ifdimgreater": ">", "ifdimless": "<"}


Reader = Callable[["Expander", str, int], tuple[float, int] | None]  # a number at a place, and the place past it


def is_true(expander: Expander, test: str) -> bool:
    r"""The value of ifthen's test: `\equal{a}{b} \and \not 1<2`, read from left to right; what is not known is false."""
    return _value(test[:MAX_TEST_CHARACTERS], _JUNCTION, lambda atom: _atom(expander, atom))


def _value(test: str, junction: re.Pattern[str], decide: Callable[[str], bool]) -> bool:
    levels: list[tuple[bool | None, str, bool]] = []  # of open parentheses: what stands before, how it is joined, is it negated
    value: bool | None = None
    joined, is_negated, position = "or", False, 0

    def take(new: bool) -> None:
        nonlocal value, is_negated
        new, is_negated = new != is_negated, False
        value = new if value is None else value and new if joined == "and" else value or new

    for found in junction.finditer(test):
        if test[position : found.start()].strip():
            take(decide(test[position : found.start()]))
        position = found.end()
        word, parenthesis = (found[1] or "").lower(), found[2]
        if parenthesis == "(":
            levels.append((value, joined, is_negated))
            value, joined, is_negated = None, "or", False
        elif parenthesis == ")" and levels:
            inner = bool(value)
            value, joined, is_negated = levels.pop()
            take(inner)
        elif word == "not":
            is_negated = not is_negated
        elif word:
            joined = word
        elif not parenthesis:
            take(decide(found[0]))
    if test[position:].strip():
        take(decide(test[position:]))
    while levels:
        inner = bool(value)
        value, joined, is_negated = levels.pop()
        take(inner)
    return bool(value)


def _atom(expander: Expander, atom: str) -> bool:
    found = _ATOM.match(atom)
    if found is None:
        return _compare(expander, atom, registers.read_integer)
    first = expander.scan.group(atom, found.end())
    if first is None:
        return False
    name, content = found[1], first[0].strip()
    if name == "equal":
        second = expander.scan.group(atom, first[1])
        return second is not None and expander.flat(first[0]) == expander.flat(second[0])
    if name == "boolean":
        return expander.switches.get(content, False)
    if name == "isodd":
        number = registers.read_integer(expander, content, 0)
        return number is not None and number[0] % 2 == 1
    if name in ("lengthtest", "dimtest"):
        return _compare(expander, content, registers.read_dimension)
    if name == "cnttest":
        return _compare(expander, content, registers.read_integer)
    if name == "isempty":
        return not expander.flat(content)
    return (content.lstrip("\\") in expander.macros) == (name == "isnamedefined")


def _compare(expander: Expander, test: str, read: Reader) -> bool:
    """`\\value{n}<3`: false too where one of the sides is not known."""
    first = read(expander, test, 0)
    found = _RELATION.match(test, first[1]) if first is not None else None
    second = read(expander, test, found.end()) if found is not None else None
    if first is None or found is None or second is None:
        return False
    return {"<": first[0] < second[0], ">": first[0] > second[0], "=": first[0] == second[0]}[found[1]]


def _arguments(expander: Expander, frame: Frame, num_arguments: int) -> list[str] | None:
    found = expander.scan.all_arguments(frame.text, frame.position, num_arguments)
    if found is None:
        return None
    frame.position = found[1]
    return found[0]


def _ifthenelse(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    given = _arguments(expander, frame, 3)
    if given is None:
        return False
    if name == "ifthenelse":
        value = is_true(expander, given[0])
    else:  # etoolbox's words
        value = _value(given[0][:MAX_TEST_CHARACTERS], _WORD_JUNCTION, lambda atom: _is_switched_on(expander, atom))
    expander.push(given[1] if value else given[2])
    return True


def _is_switched_on(expander: Expander, atom: str) -> bool:
    found = _SWITCH.fullmatch(atom.strip())
    return found is not None and expander.switches.get(found[1].strip(), False)


def _while(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\whiledo{\value{n}<3}{…}`: `\@whiledo` has the turns that are left before it."""
    given = _arguments(expander, frame, 3 if name == "@whiledo" else 2)
    if given is None:
        return False
    num_turns = int(given[0]) if name == "@whiledo" else MAX_TURNS
    test, body = given[-2:]
    if num_turns > 0 and is_true(expander, test):
        expander.push(f"{body}\\@whiledo{{{num_turns - 1}}}{{{test}}}{{{body}}}")
    return True


def _test(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """A test that has its name, its arguments and its branches."""
    num_arguments = _COUNTS.get(name, 2)
    given = _arguments(expander, frame, num_arguments + 2)
    if given is None:
        return False
    expander.push(given[-2] if _holds(expander, name, given[:num_arguments]) else given[-1])
    return True


def _holds(expander: Expander, name: str, given: list[str]) -> bool:
    first, last = given[0], given[-1]
    if name in ("ifbool", "iftoggle", "notbool", "nottoggle"):
        return expander.switches.get(first.strip(), False) != name.startswith("not")
    if name in ("ifblank", "notblank", "ifstrempty"):
        return bool(first.strip()) == (name == "notblank")
    if name in ("ifdefempty", "ifdefvoid", "ifcsempty"):
        return not expander.flat(first if name.startswith("ifdef") else f"\\{first.strip()}")
    if name == "ifnumodd":
        return _atom(expander, f"\\isodd{{{first}}}")
    if name in _NUMBER_TESTS or name in ("ifnumcomp", "ifdimcomp"):
        relation = _NUMBER_TESTS.get(name, given[1].strip())
        read = registers.read_dimension if "dim" in name else registers.read_integer
        return _compare(expander, f"{first}{relation}{last}", read)
    if name in ("ifdefstring", "ifdefstrequal", "ifcsstring"):
        return expander.flat(first if name.startswith("ifdef") else f"\\{first.strip()}") == expander.flat(last)
    return expander.flat(first) == expander.flat(last)  # \ifstrequal, xstring's \IfStrEq, \ifdefequal


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("ifthenelse", "ifboolexpr"), _ifthenelse),
    **dict.fromkeys(("whiledo", "@whiledo"), _while),
    **dict.fromkeys((*_COUNTS, *_NUMBER_TESTS, "ifstrequal", "ifdefstring", "ifdefstrequal", "ifcsstring", "ifdefequal", "IfStrEq"), _test),
}
