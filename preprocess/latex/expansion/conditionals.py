"""Conditionals: switches, what of TeX's tests can be known without TeX, the tests of ifthen, etoolbox and xparse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion import branches, modes, names, registers
from preprocess.latex.expansion.macros import Frame, Handler
from preprocess.latex.scan import skip_line_space
from preprocess.latex.tables import HIDDEN, PROTECTED_COMMANDS, SHOWN_LAST, unicode_symbols

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_CONDITIONAL = re.compile(r"\\(if[A-Za-z@]*|else|or|fi)(?![A-Za-z@])|%[^\n]*\n?|\\(?:newif|let|def)\s*\\[A-Za-z@]+|\\[^A-Za-z]")
_SWITCH_NAME = re.compile(r"\s*\{?\s*\\if([A-Za-z@]+)\s*\}?")
_TOKEN = re.compile(r"\s*(?:\\expandafter\s*)?(\\[A-Za-z@]+|\\?.)", re.S)
_EMPTY_MACROS = frozenset({"\\empty", "\\@empty"})
_UNDEFINED = frozenset({"\\undefined", "\\@undefined"})
_EMPTY_TEST = re.compile(r" ?(\\relax(?![A-Za-z])|[!@?/|:;&])\s*(\\(?:detokenize|unexpanded)\s*(?=\{))?")
# `A\else $B$\fi` behind `\ifmmode`: a formula, whether one is open or not
_FORMULA_ANYWHERE = re.compile(
    r"((?:[^\\$]|\\(?!(?:else|fi|or|if[A-Za-z@]*)(?![A-Za-z@]))(?:[A-Za-z@]+|[^A-Za-z@])){1,400})\\else(?![A-Za-z@])\s*"
    r"\$(?:[^$\\]|\\.){1,400}\$\s*(\\xspace\s*)?\\fi(?![A-Za-z@])",
    re.S,
)
_NEXT_CONDITIONAL = re.compile(r"\s*\\(if[A-Za-z@]+)\s?")
_RELATION = re.compile(r"\s*([<>=])")
_MACRO_AND_CHARACTER = re.compile(r"\s*\\([A-Za-z@]+)\s*([\w.*+-])")
_TWO_CHARACTERS = re.compile(r" ?([\w.*+-])([\w.*+ -])")
_COMMAND_NAME = re.compile(r"\s*\\?([A-Za-z@]+)(?:\\endcsname)?")
# begin with `if` and take their branches as arguments
_NO_CONDITIONALS = frozenset({
    "ifcsdef", "ifcsundef", "ifdef", "ifempty", "iff", "ifinlist", "iflanguage", "ifnextchar", "ifstar", "iftagged", "ifthispageodd",
    "ifundef", "ifundefined", *branches.HANDLERS,
})  # fmt: skip
# ask what TeX is doing, or which engine it is
_STATE_CONDITIONALS = frozenset({
    "ifmmode", "ifvmode", "ifhmode", "ifinner", "ifpdf", "ifxetex", "ifluatex", "ifeof", "ifvoid", "ifPDFTeX", "ifpdftex", "ifXeTeX",
    "ifLuaTeX", "ifdraft",
})  # fmt: skip


def _newif(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _SWITCH_NAME.match(frame.text, frame.position)
    if found is None:
        return True
    frame.position = found.end()
    switch = found[1]
    expander.switches.setdefault(switch, False)
    return True


def _setboolean(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = expander.scan.argument(frame.text, frame.position)
    value = expander.scan.argument(frame.text, target[1]) if target and name == "setboolean" else None
    if target is None:
        return True
    frame.position = value[1] if value else target[1]
    is_on = name in ("booltrue", "toggletrue") or (value is not None and value[0].strip() == "true")
    expander.switches[target[0].strip()] = is_on
    return True


def set_switch(expander: Expander, name: str) -> bool:
    """`\\drafttrue`, `\\draftfalse`; False where `name` is none of the two of a switch."""
    for ending, value in (("true", True), ("false", False)):
        if name.endswith(ending) and name[: -len(ending)] in expander.switches and len(name) > len(ending):
            expander.switches[name[: -len(ending)]] = value
            return True
    return False


def decide(expander: Expander, frame: Frame, name: str) -> bool:
    """Goes into the branch of the conditional `\\name` that is read; False where `name` is none, or its test is not known."""
    if name in _NO_CONDITIONALS:
        return False
    text = frame.text
    if name == "ifcase":
        return _decide_case(expander, frame)
    if name == "ifmmode" and (found := _FORMULA_ANYWHERE.match(text, frame.position)) is not None:
        frame.position = skip_line_space(text, found.end())
        expander.push(f"\x02{found[1].strip()}\x03{found[2] or ''}")  # what \ensuremath gives
        return True
    switch = name[2:]
    value: bool | None
    if switch in expander.switches:
        value = expander.switches[switch]
    else:
        value = _primitive(expander, frame, name)
        if value is None:
            return False
    value, expander.is_negated = value != expander.is_negated, False
    if value:
        expander.open_conditionals.append(True)
    else:
        start = frame.position
        frame.position, met_else = _skip_branch(expander, text, start, stop_at_else=True)
        expander.dropped["false_branch"] += frame.num_source(start, frame.position)
        if met_else:
            expander.open_conditionals.append(True)
    if value and (switch in expander.switches):
        frame.position = skip_line_space(frame.text, frame.position)
    return True


def _decide_case(expander: Expander, frame: Frame) -> bool:
    """`\\ifcase2 a\\or b\\or c\\else d\\fi`: goes into the branch of that number; into the first where it is not known."""
    number = registers.read_integer(expander, frame.text, frame.position)
    if number is None:
        expander.warn("unknown_conditional", "\\ifcase")
        number = 0, frame.position
    begin = frame.position = number[1]
    wanted = number[0] if number[0] >= 0 else 10_000
    depth = passed = 0
    if wanted == 0:
        expander.open_conditionals.append(True)
        return True
    for found in _CONDITIONAL.finditer(frame.text, begin, expander.scan.limit(frame.text, begin, 50_000)):
        word = found[1]
        if word is None:
            continue
        if word == "fi":
            depth -= 1
        elif word not in ("else", "or") and word not in _NO_CONDITIONALS:
            depth += 1
        passed += word == "or" and depth == 0
        if depth < 0 or (depth == 0 and (word == "else" or (word == "or" and passed == wanted))):
            expander.scan.spend(found.end() - begin)
            frame.position = skip_line_space(frame.text, found.end())
            expander.dropped["false_branch"] += frame.num_source(begin, frame.position)
            if depth == 0:
                expander.open_conditionals.append(True)
            return True
    expander.scan.spend(expander.scan.limit(frame.text, begin, 50_000) - begin)
    expander.warn("conditional_not_closed")
    return True


def _skip_branch(expander: Expander, text: str, position: int, *, stop_at_else: bool) -> tuple[int, bool]:
    """Past the `\\fi` (or, where asked, the `\\else`) of a conditional whose branch begins at `position`; nowhere where none is."""
    depth = 0
    limit = expander.scan.limit(text, position)
    if expander.scan.find(text, "\\fi", position) < 0:
        limit = position
    for found in _CONDITIONAL.finditer(text, position, limit):
        name = found[1]
        if name is None:
            continue
        if name == "fi":
            if depth == 0:
                expander.scan.spend(found.end() - position)
                return skip_line_space(text, found.end()), False
            depth -= 1
        elif name in ("else", "or"):
            if depth == 0 and stop_at_else:
                return skip_line_space(text, found.end()), True
        elif name not in _NO_CONDITIONALS:
            depth += 1
    expander.scan.spend(limit - position)
    expander.warn("conditional_not_closed")
    return position, False


def _primitive(expander: Expander, frame: Frame, name: str) -> bool | None:
    text = frame.text
    if name == "ifx":
        return _ifx(expander, frame)
    if name == "ifdim":
        return _ifdim(expander, frame)
    if name == "if" and (found := _EMPTY_TEST.match(text, frame.position)):
        return _is_argument_empty(expander, frame, found)
    if name == "ifmmode":
        return modes.is_formula_open(expander.out)
    if name in ("ifnum", "ifodd", "if", "ifcat"):
        first = registers.read_integer(expander, text, frame.position) if name in ("ifnum", "ifodd") else None
        if first is not None and name == "ifodd":
            frame.position = first[1]
            return first[0] % 2 == 1
        found = _RELATION.match(text, first[1]) if first is not None else None
        second = registers.read_integer(expander, text, found.end()) if found is not None else None
        if first is not None and found is not None and second is not None:
            frame.position = second[1]
            return {"<": first[0] < second[0], ">": first[0] > second[0], "=": first[0] == second[0]}[found[1]]
        if name == "if" and (found := _MACRO_AND_CHARACTER.match(text, frame.position)):
            value = expander.flat(f"\\{found[1]}")
            if len(value) == 1:
                frame.position = found.end()
                return value == found[2]
        if name == "if" and (found := _TWO_CHARACTERS.match(text, frame.position)):
            frame.position = found.end()
            return found[1] == found[2]
        return False
    if name in ("ifdefined", "ifcsname"):
        found = _COMMAND_NAME.match(text, frame.position)
        if found is None:
            return None
        frame.position = found.end()
        return found[1] in expander.macros
    if name in _STATE_CONDITIONALS:
        if name in ("ifeof", "ifvoid"):
            frame.position = skip_line_space(text, frame.position)
        return name in ("ifhmode", "ifpdf", "ifPDFTeX", "ifpdftex")
    # a switch that some package declares: what its author left on is not known, so what stands first is not read
    if "@" not in name and expander.scan.find(text, "\\fi", frame.position) >= 0:
        expander.warn("unknown_conditional", f"\\{name}")
        return False
    return None


def _ifx(expander: Expander, frame: Frame) -> bool | None:
    first = _token(expander, frame.text, frame.position)
    second = _token(expander, frame.text, first[1]) if first is not None else None
    if first is None or second is None:
        return None
    frame.position = second[1]
    tokens = first[0], second[0]
    for token, other in (tokens, tokens[::-1]):
        if other in _EMPTY_MACROS and token.startswith("\\"):
            macro = expander.macros.get(token[1:])
            return token in _EMPTY_MACROS or (macro is not None and macro.num_arguments == 0 and macro.pieces == ("",))
        if other in _UNDEFINED or (other == "\\relax" and first[2]):
            return token in _UNDEFINED or not _is_defined(expander, token.lstrip("\\"))
    one, other_one = (expander.macros.get(token[1:]) if token.startswith("\\") else None for token in tokens)
    if one is None and other_one is None:
        return tokens[0] == tokens[1]
    if one is None or other_one is None:  # \let or \futurelet has made one of them a character
        known, token = (one, tokens[1]) if one is not None else (other_one, tokens[0])
        return known is not None and known.num_arguments == 0 and known.pieces == (token,) and not token.startswith("\\")
    return one.pieces == other_one.pieces


def _token(expander: Expander, text: str, position: int) -> tuple[str, int, bool] | None:
    r"""The next token, the place past it, and whether `\csname` has made it."""
    found = _TOKEN.match(text, position)
    if found is None:
        return None
    if found[1] == "\\csname" and (made := names.read_made_name(expander, text, position)) is not None:
        return f"\\{made[0]}", made[1], True
    return found[1], found.end(), False


def _is_defined(expander: Expander, name: str) -> bool:
    """Whether a command has a meaning, by the paper or by LaTeX; the engine's own are there."""
    return (
        name in expander.macros
        or name in expander.environments
        or name in expander.registers
        or name in PROTECTED_COMMANDS
        or name in HIDDEN
        or name in SHOWN_LAST
        or name in unicode_symbols()
        or name.startswith("pdf")
        or expander.is_command(name)
    )


def _ifdim(expander: Expander, frame: Frame) -> bool:
    """False too where one of the sides is not known: a width of a page or of a box."""
    first = registers.read_dimension(expander, frame.text, frame.position)
    found = _RELATION.match(frame.text, first[1]) if first is not None else None
    second = registers.read_dimension(expander, frame.text, found.end()) if found is not None else None
    if first is None or found is None or second is None:
        return False
    frame.position = second[1]
    return {"<": first[0] < second[0], ">": first[0] > second[0], "=": first[0] == second[0]}[found[1]]


def _is_argument_empty(expander: Expander, frame: Frame, found: re.Match[str]) -> bool:
    r"""`\if\relax\detokenize{#1}\relax`, `\if\relax#1\relax`, `\if!#1!`: whether nothing stands between the two."""
    position = found.end()
    if found[2]:
        given = expander.scan.group(frame.text, position)
        if given is None:
            return False
        content, position = given
        closing = frame.text.startswith(found[1], position)
        frame.position = position + len(found[1]) if closing else position
        return not content.strip()
    if is_empty := frame.text.startswith(found[1], position):
        frame.position = position + len(found[1])
    return is_empty


def _else(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if not expander.open_conditionals:
        return True
    begin = frame.position
    frame.position, _ = _skip_branch(expander, frame.text, begin, stop_at_else=False)
    expander.dropped["false_branch"] += frame.num_source(begin, frame.position)
    expander.open_conditionals.pop()
    return True


def _unless(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""e-TeX's `\\unless\\ifdraft`: the test that follows counts as its contrary."""
    found = _NEXT_CONDITIONAL.match(frame.text, frame.position)
    if found is None:
        return False
    frame.position = found.end()
    expander.is_negated = True
    is_decided = decide(expander, frame, found[1])
    expander.is_negated = False
    if not is_decided:
        expander.emit(f"\\{found[1]}")
        expander.is_after_word = True
    return True


def _fi(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    if expander.open_conditionals:
        expander.open_conditionals.pop()
    frame.position = skip_line_space(frame.text, frame.position)
    return True


def _novalue(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    test = expander.scan.argument(frame.text, frame.position)
    branches = [expander.scan.argument(frame.text, test[1])] if test else [None]
    if name.endswith("TF") and branches[0]:
        branches.append(expander.scan.argument(frame.text, branches[0][1]))
    if test is None or None in branches:
        return False
    last = branches[-1]
    assert last is not None
    frame.position = last[1]
    is_true = test[0] == "\\BooleanTrue" if name.startswith("IfBoolean") else (test[0] == "-NoValue-") == name.startswith("IfNoValue")
    wanted = branches[0] if is_true or (name.endswith("F") and not name.endswith("TF")) else branches[-1] if len(branches) > 1 else None
    if name.endswith("F") and not name.endswith("TF") and is_true:
        wanted = None
    if wanted is not None:
        expander.push(wanted[0])
    return True


HANDLERS: dict[str, Handler] = {
    "newif": _newif,
    **dict.fromkeys(("else", "or"), _else),
    "fi": _fi,
    "unless": _unless,
    **dict.fromkeys(
        ("IfNoValueTF", "IfValueTF", "IfBooleanTF", "IfValueT", "IfBooleanT", "IfNoValueT", "IfValueF", "IfNoValueF"), _novalue
    ),
    **dict.fromkeys(
        (
            "setboolean",
            "booltrue",
            "boolfalse",
            "toggletrue",
            "togglefalse",
            "newboolean",
            "newbool",
            "newtoggle",
            "provideboolean",
            "providebool",
            "providetoggle",
        ),
        _setboolean,
    ),
}
