r"""Code by the paper's own names: `\lstnewenvironment`, `\newminted`, `\DefineVerbatimEnvironment`, `\MakeShortVerb`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler, Macro
from preprocess.latex.scan import guard
from preprocess.latex.tables import VERBATIM_ENVIRONMENTS

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

BEGINS_VERBATIM = re.compile(
    r"\\(?:verbatim|alltt|VerbatimEnvironment|lstlisting|minted)(?![A-Za-z])|\\begin\s*\{(?:[BL]?Verbatim|verbatim|lstlisting|minted|alltt)\}"
)  # in the body of a \newenvironment: what stands between is code
_CODE = "|".join(re.escape(name) for name in sorted(VERBATIM_ENVIRONMENTS))
_SHORT = re.compile(r"\*?\s*(?:\[[^\]]*\])?\s*(?:\{\s*\\?([^\s\w\\{}%$])\s*\}|\\?([^\s\w\\{}%$]))")


def _arguments(expander: Expander, frame: Frame, spec: str) -> list[str | None] | None:
    """The arguments from `frame` on, `o` and `m`; None, and nothing read, where a mandatory one is missing."""
    position = frame.position
    given: list[str | None] = []
    for kind in spec:
        found = expander.scan.optional_argument(frame.text, position) if kind == "o" else expander.scan.group(frame.text, position)
        if found is None and kind == "m":
            return None
        given.append(found[0].strip() if found is not None else None)
        position = found[1] if found is not None else position
    frame.position = position
    return given


def _new_verbatim(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    spec = {"lstnewenvironment": "moomm", "newminted": "omm", "newtcblisting": "omoom", "newverbatim": "mmmmm"}.get(name, "mmm")
    given = _arguments(expander, frame, spec)
    if given is None:
        return False
    expander.dropped["definition"] += frame.num_source(start, frame.position)
    if name == "newminted":
        environment, num_arguments = given[0] or f"{given[1]}code", 0
    else:
        target, count, default = {"newtcblisting": (1, 2, 3), "lstnewenvironment": (0, 1, 2)}.get(name, (0, 0, 0))
        environment = given[target] or ""
        number = given[count] if count else None
        num_arguments = int(number) if number and number.isdecimal() else 0
        num_arguments -= num_arguments > 0 and bool(default) and given[default] is not None
    expander.verbatims[environment] = num_arguments
    return True


def _new_inline(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""minted's `\newmintinline[name]{language}{options}` and `\newmint`."""
    given = _arguments(expander, frame, "omm")
    if given is None:
        return False
    expander.dropped["definition"] += frame.num_source(start, frame.position)
    own = given[0] or f"{given[1]}{'inline' if name == 'newmintinline' else ''}"
    expander.define(own, Macro(0, None, ("\\lstinline",)), is_global=True)
    return True


def read_own(expander: Expander, frame: Frame, environment: str, position: int) -> bool:
    """An environment of code that the paper has named, from behind its `\\begin{…}`: it goes on as `lstlisting`."""
    text = frame.text
    closing = expander.scan.find(text, f"\\end{{{environment}}}", position)
    if closing < 0:
        return False
    if (
        (given := expander.scan.optional_argument(text, position)) is not None
        and given[1] <= closing
        and "\n" not in text[position : given[1]]
    ):
        options, position = f"[{given[0]}]", given[1]
    else:
        options = ""
    for _ in range(expander.verbatims[environment]):
        if (argument := expander.scan.group(text, position)) is not None and argument[1] <= closing:
            position = argument[1]
    frame.position = closing + len(environment) + 6
    expander.emit(f"\\begin{{lstlisting}}{options}{text[position:closing]}\\end{{lstlisting}}")
    return True


def _short_verb(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\MakeShortVerb{\|}`: from here on `|code|` is code."""
    found = _SHORT.match(frame.text, frame.position)
    if found is None:
        return False
    frame.position = found.end()
    character = found[1] or found[2]
    if character in expander.short_verbs:
        return True
    expander.short_verbs.add(character)
    frame.text = frame.text[: frame.position] + with_short(expander, frame.text[frame.position :])
    return True


def with_short(expander: Expander, text: str) -> str:
    """`text` with `\\verb` before what stands on a line between two of the characters of `\\MakeShortVerb`, but in code."""
    ends = re.escape("".join(sorted(expander.short_verbs)))
    if not ends:
        return text
    return re.sub(
        rf"(\\begin\{{({_CODE})\}}.{{0,20000}}?\\end\{{\2\}}|\\(?:verb\*?|lstinline(?:\[[^\]\n]*\])?|mintinline\{{[^}}\n]*\}})([^\s{{])[^\n]*?\3|(?<!\\)%[^\n]*|\\.)|([{ends}])[^\n]*?\4",
        lambda found: found[1] if found[1] is not None else f"\\verb{found[0]}",
        text,
        flags=re.S,
    )


def _code(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\code{lm(y ~ x)}` of R's journals: `~`, `$`, `_` are characters, `\_` and `\{` are escaped ones."""
    below = expander.settle()  # \code stands for this: its argument comes after the call
    found = expander.scan.group(below.text, below.position) if below is not None else None
    if below is None or found is None:
        return True
    below.position = found[1]
    code = re.sub(r"\\([_{}$%&#~^\\])", r"\1", found[0])
    if "\\" in code:
        expander.push(f"\\texttt{{{found[0]}}}")
    else:
        expander.emit(f"\\verb\x01{guard(code)}\x01")
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        ("lstnewenvironment", "newminted", "newtcblisting", "DefineVerbatimEnvironment", "CustomVerbatimEnvironment"), _new_verbatim
    ),
    **dict.fromkeys(("newmintinline", "newmint"), _new_inline),
    **dict.fromkeys(("MakeShortVerb", "DefineShortVerb", "lstMakeShortInline", "MakeSpecialShortVerb"), _short_verb),
    "@code": _code,
}
