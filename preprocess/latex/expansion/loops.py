r"""Loops that define: `\@for`, `\@tfor`, `\foreach`, `\forcsvlist`, `\loop`, expl3's `\tl_map_inline:nn`, as alphabets of macros are made.

A list's loop in running text or in a drawing stays as it stands: only those are run whose body defines something.
"""

from __future__ import annotations

import re
from collections import ChainMap
from typing import TYPE_CHECKING

from preprocess.latex.expansion import names
from preprocess.latex.expansion.macros import Frame, Handler, Macro, split_body
from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

MAX_TURNS = 120
MAX_LOOP_CHARACTERS = 100_000
_DEFINES = re.compile(
    r"\\(?:csname|def|gdef|edef|xdef|let|newcommand|renewcommand|providecommand|DeclareMathOperator|csdef|csgdef|@namedef)\b|\\[A-Za-z]*def"
)
_COUNTS = re.compile(r"\\(?:advance|stepcounter|addtocounter)(?![A-Za-z])")
_VARIABLE_LIST = re.compile(r"\s*\\([A-Za-z@]+)\s*:=\s*")
_FOREACH = re.compile(r"\s*\\([A-Za-z@]+)\s*(?:/\s*\\([A-Za-z@]+)\s*)?(?:\[[^\]]*\]\s*)?in\s*")
_RANGE = re.compile(r"\s*([A-Za-z]|-?\d+)\s*,\s*(?:([A-Za-z]|-?\d+)\s*,\s*)?(?:\.\.\.|\\dots|\\ldots)\s*,\s*([A-Za-z]|-?\d+)\s*")
_EXPL_MAP = re.compile(r"\\(?:tl|clist|str|seq)_map_inline:[nN][nN]\s*")
_EXPL_DEFINITION = re.compile(r"\\cs_(?:new|set|gset)[a-z_]*:cp?[nx]\s*")
_EXPL_DOCUMENT_COMMAND = re.compile(
    r"\\(?:New|Renew|Declare|Provide)DocumentCommand\s*|\\(?:(?:re)?newcommand|providecommand|DeclareMathOperator|newif)(?![A-Za-z])\*?\s*"
)


def _items(expander: Expander, text: str) -> list[str]:
    """The items of a list with commas; `A,...,Z` written out; a list that is a macro looked up."""
    text = expander.flat(text)
    found = _RANGE.fullmatch(text)
    if found is not None:
        first, second, last = found[1], found[2], found[3]
        if first.isalpha() and last.isalpha():
            step = ord(second) - ord(first) if second and second.isalpha() else 1
            return [chr(code) for code in range(ord(first), ord(last) + (1 if step > 0 else -1), step or 1)][:MAX_TURNS]
        if not first.isalpha() and not last.isalpha():
            step = int(second) - int(first) if second and not second.isalpha() else 1
            return [str(number) for number in range(int(first), int(last) + (1 if step > 0 else -1), step or 1)[:MAX_TURNS]]
    return [item.strip() for item in text.split(",") if item.strip()][:MAX_TURNS]


def _run(expander: Expander, body: str, variables: list[str], items: list[str]) -> None:
    """Goes on with the body once for each item, the item written where the loop's variable stands."""
    turns: list[str] = []
    length = 0
    uses = [re.compile(rf"\\{re.escape(variable)}(?![A-Za-z@])") for variable in variables]
    for item in items:
        values = item.split("/", len(uses) - 1) if len(uses) > 1 else [item]
        turn = body
        for use, value in zip(uses, values, strict=False):
            turn = use.sub(lambda _, value=value: value, turn)  # type: ignore[misc]
        length += len(turn)
        if length > MAX_LOOP_CHARACTERS:
            expander.warn("loop_limit")
            break
        turns.append(turn)
    expander.push("".join(turns))


def _for(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\@for\x:=A,B\do{…}`; `\@tfor` takes each token of `AB`."""
    text = frame.text
    variable = _VARIABLE_LIST.match(text, frame.position)
    stop = text.find("\\do", variable.end(), variable.end() + 2_000) if variable is not None else -1
    body = expander.scan.group(text, stop + 3) if stop >= 0 else None
    if variable is None or body is None:
        return False
    frame.position = body[1]
    expander.dropped["definition"] += frame.num_source(start, body[1])
    listed = text[variable.end() : stop].strip()
    items = list("".join(expander.flat(listed).split()))[:MAX_TURNS] if name == "@tfor" else _items(expander, listed)
    _run(expander, body[0], [variable[1]], items)
    return True


def _foreach(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text = frame.text
    head = _FOREACH.match(text, frame.position)
    listed = expander.scan.argument(text, head.end()) if head is not None else None
    body = expander.scan.group(text, listed[1]) if listed is not None else None
    if head is None or listed is None or body is None or not _DEFINES.search(body[0]):
        return False
    frame.position = body[1]
    expander.dropped["definition"] += frame.num_source(start, body[1])
    _run(expander, body[0], [head[1], *([head[2]] if head[2] else [])], _items(expander, listed[0]))
    return True


def _for_list(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""etoolbox: `\forcsvlist{\make}{A,B}`, `\docsvlist{A,B}`."""
    position = frame.position
    handler = ("\\do", position) if name == "docsvlist" else expander.scan.argument(frame.text, position)
    listed = expander.scan.argument(frame.text, handler[1]) if handler is not None else None
    if handler is None or listed is None:
        return False
    frame.position = listed[1]
    expander.push("".join(f"{handler[0]}{{{item}}}" for item in _items(expander, listed[0])))
    return True


def _loop(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\loop … \ifnum … \repeat`: as long as its test, which counters decide, holds; once where they do not."""
    end = frame.text.find("\\repeat", frame.position, frame.position + 2_000)
    body = frame.text[frame.position : end] if end >= 0 else ""
    if not body or body.count("\\if") != 1:
        return False
    frame.position = skip_line_space(frame.text, end + len("\\repeat"))
    if _DEFINES.search(body):
        expander.dropped["definition"] += frame.num_source(start, frame.position)
    if ("\\ifnum" in body or "\\ifodd" in body) and (_DEFINES.search(body) or _COUNTS.search(body)):
        expander.loops_left = MAX_TURNS
        expander.macros["@loop"] = Macro(0, None, (f"{body}\\@again\\fi ",))
        expander.push(f"{body}\\@again\\fi ")
    else:
        expander.push(f"{body}\\fi ")
    return True


def _again(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    expander.loops_left -= 1
    if expander.loops_left > 0 and "@loop" in expander.macros:
        if expander.open_conditionals:
            expander.open_conditionals.pop()
        frame.position = len(frame.text)
        expander.push(str(expander.macros["@loop"].pieces[0]))
    return True


def _for_loop(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\forLoop{1}{26}{ct}{…\Alph{ct}…}`: a counter from one number to another."""
    position = frame.position
    if (step := expander.scan.optional_argument(frame.text, position)) is not None:
        position = step[1]
    given: list[str] = []
    for _ in range(4):
        found = expander.scan.group(frame.text, position)
        if found is None:
            return False
        given.append(found[0])
        position = found[1]
    first, last, counter, body = given
    if not (first.strip().isdecimal() and last.strip().isdecimal() and _DEFINES.search(body)):
        return False
    frame.position = position
    expander.dropped["definition"] += frame.num_source(start, position)
    expander.counters.setdefault(counter, 0)
    numbers = range(int(first), int(last) + 1)[:MAX_TURNS]
    expander.push("".join(f"\\setcounter{{{counter}}}{{{number}}}{body}" for number in numbers))
    return True


def _expl(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """expl3 up to `\\ExplSyntaxOff`: nothing of it is text; the commands that it makes of an alphabet are taken."""
    text = frame.text
    end = expander.scan.find(text, "\\ExplSyntaxOff", frame.position)
    if end < 0:
        return True
    code = text[frame.position : end]
    frame.position = end + len("\\ExplSyntaxOff")
    expander.dropped["definition"] += frame.num_source(start, frame.position)
    for found in _EXPL_MAP.finditer(code):
        listed = expander.scan.argument(code, found.end())
        body = expander.scan.group(code, listed[1]) if listed is not None else None
        if listed is None or body is None:
            continue
        content = "".join(listed[0].split())
        items = content.split(",") if "," in content else list(content)
        for definition in _EXPL_DEFINITION.finditer(body[0]):
            target = expander.scan.group(body[0], definition.end())
            meaning = expander.scan.group(body[0], target[1]) if target is not None else None
            if target is None or meaning is None or "_" in meaning[0]:
                continue
            for item in items[:MAX_TURNS]:
                made = names.made_name(expander, "".join(target[0].split()).replace("#1", item))
                if made:
                    expander.macros[made] = Macro(0, None, split_body("".join(meaning[0].split()).replace("#1", item)))
    taken = type(expander)({}, expander.config, expander.scan)
    taken.theorems, taken.switches = expander.theorems, expander.switches
    for found in _EXPL_DOCUMENT_COMMAND.finditer(code):
        inner = Frame(code, found.end())
        taken.macros = ChainMap({}, expander.macros)
        taken.obey(found[0].strip().lstrip("\\").rstrip("*"), inner, found.start())
        whole = code[found.end() : inner.position]
        if ":" not in whole and "_" not in whole.replace("\\_", ""):  # its body is no expl3
            expander.macros.update(taken.macros.maps[0])
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("@for", "@tfor"), _for),
    "foreach": _foreach,
    **dict.fromkeys(("forcsvlist", "docsvlist"), _for_list),
    "loop": _loop,
    "@again": _again,
    "forLoop": _for_loop,
    "ExplSyntaxOn": _expl,
}
