r"""Commands that a paper adds to algorithmicx: `\algdef`, `\algblockdefx`, `\algrenewtext` and their like, each a line of an algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler, Macro, split_body, stored_body

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

PACKAGES = frozenset({"algorithmic", "algorithmicx", "algpseudocode", "algpseudocodex", "algcompatible", "algpascal", "algc"})
_ENDS = (
    "EndIf", "EndFor", "EndWhile", "EndLoop", "EndProcedure", "EndFunction", "ENDIF", "ENDFOR", "ENDWHILE", "ENDLOOP",
)  # fmt: skip


class _Reader:
    """Reads a definition's arguments one by one."""

    def __init__(self, expander: Expander, frame: Frame) -> None:
        self.expander, self.frame = expander, frame
        self.scan, self.text, self.position = expander.scan, frame.text, frame.position

    def group(self) -> str | None:
        found = self.scan.group(self.text, self.position)
        if found is not None:
            self.position = found[1]
        return found[0] if found is not None else None

    def optional(self) -> str | None:
        found = self.scan.optional_argument(self.text, self.position)
        if found is not None:
            self.position = found[1]
        return found[0] if found is not None else None

    def line(self) -> Macro | None:
        """`[number of arguments][default]{text}`: what the line shows; None where no text is there."""
        number, default = self.optional(), None
        if number is not None:
            default = self.optional()
        text = self.group()
        if text is None:
            return None
        shown = f"\\State {stored_body(text)} " if text.strip() else ""
        return Macro(int(number) if number and number.strip().isdecimal() else 0, default, split_body(shown))

    def define(self, target: str, line: Macro | None) -> None:
        """What `\\target` prints from now on; nothing changes where no line is given."""
        if line is not None and target.strip():
            self.expander.macros[target.strip()] = line

    def finish(self, start: int) -> bool:
        """Goes on behind what was read; the definition, from `start`, counts as dropped."""
        self.frame.position = self.position
        self.expander.dropped["definition"] += self.frame.num_source(start, self.position)
        return True


def without_ends(expander: Expander, package: str, options: str) -> None:
    """`\\usepackage[noend]{algpseudocode}`: what ends a block prints nothing."""
    if package.strip().lower() in PACKAGES and "noend" in options:
        for name in _ENDS:
            expander.macros[name] = Macro(0, None, ("",))


def _plain_line(word: str) -> Macro:
    return Macro(0, None, (f"\\State \\textbf{{{word}}} ",))


def _block(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\algblock[N]{Start}{End}`, `\algblockdefx[N]{Start}{End}[1]{…}[1]{…}`, `\algloopdefx{For}[1]{…}`; `c`: after an older one."""
    reader = _Reader(expander, frame)
    reader.optional()
    if name.startswith("algc"):
        reader.group()
    names = [reader.group()] if "loop" in name else [reader.group(), reader.group()]
    if None in names:
        return False
    if "setblock" in name:
        reader.group()
        reader.group()
    for target in names:
        if target:
            reader.define(target, reader.line() if "def" in name else _plain_line(target))
    return reader.finish(start)


def _definition(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\algdef{SE}[WHILE]{While}{EndWhile}[1]{…}{…}`: capital letters have texts, `n` behind them says that theirs stays."""
    reader = _Reader(expander, frame)
    kinds = reader.group()
    if kinds is None:
        return False
    kinds = kinds.strip()
    reader.optional()
    if "c" in kinds.lower():
        reader.group()  # the block that this one goes on from
    commands = [(letter, kinds[place + 1 : place + 2] == "n") for place, letter in enumerate(kinds) if letter in "SsEeCcLl"]
    targets = [reader.group() for _ in commands]
    if None in targets:
        return False
    for (letter, stays), target in zip(commands, targets, strict=True):
        if target and target.strip() and letter.isupper() and not stays:
            reader.define(target, reader.line())
    return reader.finish(start)


def _text(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\algrenewtext{EndFor}{\textbf{done}}`, `\algtext*{EndIf}`, `\algnotext{EndIf}`."""
    reader = _Reader(expander, frame)
    is_starred = reader.text[reader.position : reader.position + 1] == "*"
    reader.position += is_starred
    reader.optional()
    target = reader.group()
    line = Macro(0, None, ("",)) if is_starred or name == "algnotext" else reader.line()
    if target is None or line is None:
        return False
    reader.define(target, line)
    return reader.finish(start)


def _named_line(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\Require`, where the paper says what it prints: `\renewcommand{\algorithmicrequire}{\textbf{Input:}}`."""
    words = f"algorithmic{name.lower()}"
    if words not in expander.macros:
        return False
    expander.push(f"\\Statex \\{words} ")
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        (
            "algblock", "algblockx", "algblockdef", "algblockdefx", "algcblock", "algcblockx", "algcblockdef", "algcblockdefx", "algloop",
            "algloopdef", "algloopdefx", "algcloop", "algcloopdef", "algcloopdefx", "algsetblock", "algsetblockdef", "algsetblockdefx",
        ),
        _block,
    ),
    "algdef": _definition,
    **dict.fromkeys(("algtext", "algnotext", "algrenewtext"), _text),
    **dict.fromkeys(("Require", "Ensure", "REQUIRE", "ENSURE"), _named_line),
}  # fmt: skip
