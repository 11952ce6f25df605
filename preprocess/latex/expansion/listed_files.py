r"""Files of code that a paper prints: `\lstinputlisting{a.py}`, `\verbatiminput`, `\VerbatimInput`, minted's `\inputminted{python}{a.py}`.

They are read as they lie in the archive, whatever their names, and go on as a `lstlisting`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from preprocess.latex.decode import decode_text
from preprocess.latex.expansion import inclusion
from preprocess.latex.expansion.macros import Frame, Handler, Macro

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

MAX_LISTED_CHARACTERS = 1 << 20  # of all files that a paper prints: beyond it they are data, and no reader reads them
_ARGUMENTS = {"inputminted": "omm", "listinginput": "omm"}  # "om" of the others; the file comes last
_ENVIRONMENTS = ("lstlisting", "verbatim", "Verbatim", "alltt", "semiverbatim")  # one of them is not named in the code
_LINE_OPTION = re.compile(r"\b(firstline|lastline|gobble)\s*=\s*\{?\s*(\d{1,7})")
_LINE_RANGES = re.compile(r"\blinerange\s*=\s*(?:\{([\d\s,-]{1,400})\}|(\d{1,7}\s*-\s*(?:\d{1,7})?))")
_RANGE = re.compile(r"(\d{1,7})?\s*-\s*(\d{1,7})?")
_MACRO = re.compile(r"\\([A-Za-z@]+)\s*")


def _print_file(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    given: list[str | None] = []
    if (below := expander.settle()) is not None and below.text[below.position : below.position + 1] == "*":
        below.position += 1
    for kind in _ARGUMENTS.get(name, "om"):
        given.append(expander.read_optional() if kind == "o" else expander.read_argument())
    options, target = given[0] or "", given[-1]
    if target is None:
        return True
    target = _MACRO.sub(lambda found: expander.flat(found[0]), target.replace("\\_", "_"))
    found = expander.archive_names.find(target, inclusion.folders(expander), ("", ".tex", ".txt"))
    code = _read(expander, found) if found is not None else None
    if found is None or code is None:
        expander.warn("missing_input", target)
        return True
    shown = _wanted_lines(code, options)
    if name == "listinginput" and (given[1] or "").strip().isdecimal():
        shown = _wanted_lines(code, f"firstline={given[1]}")
    if expander.num_listed + len(shown) > MAX_LISTED_CHARACTERS:
        expander.warn("listing_limit", found)
        return True
    expander.num_listed += len(shown)
    expander.include(found)
    expander.warnings["listed_file"] += 1
    if found in expander.texts:
        expander.dropped["unlisted_lines"] += max(0, len(code) - len(shown))
    environment = next((name for name in _ENVIRONMENTS if f"\\end{{{name}}}" not in shown), None)
    if environment is None:
        return True
    options = f"[{options}]" if options and name == "lstinputlisting" else ""
    expander.emit(f"\\begin{{{environment}}}{options}\n{shown}\n\\end{{{environment}}}")
    return True


def _read(expander: Expander, name: str) -> str | None:
    """The text of a file of the archive; None where its bytes are none."""
    if (text := expander.texts.get(name)) is not None:
        return text
    unusual: Counter[str] = Counter()
    code = decode_text(expander.archive[name], None, unusual)
    expander.warnings += unusual
    return code


def _wanted_lines(code: str, options: str) -> str:
    """The lines that `firstline`, `lastline` and `linerange` leave, counted from 1, without the columns that `gobble` takes away."""
    numbers = {found[1]: int(found[2]) for found in _LINE_OPTION.finditer(options)}
    lines = code.rstrip("\n").split("\n")
    if (listed := _LINE_RANGES.search(options)) is not None:
        ranges = [(int(found[1] or 1), int(found[2] or len(lines))) for found in _RANGE.finditer(listed[1] or listed[2])]
    else:
        ranges = [(numbers.get("firstline", 1), numbers.get("lastline", len(lines)))]
    wanted: list[str] = []
    for first, last in ranges[:100]:
        wanted += lines[max(first, 1) - 1 : last]
    return "\n".join(line[numbers.get("gobble", 0) :] for line in wanted)


def _new_command(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""minted's `\newmintedfile[name]{language}{options}`, used as `\name{file}`."""
    position = frame.position
    own = expander.scan.optional_argument(frame.text, position)
    language = expander.scan.group(frame.text, own[1] if own is not None else position)
    options = expander.scan.group(frame.text, language[1]) if language is not None else None
    if language is None or options is None:
        return False
    frame.position = options[1]
    expander.dropped["definition"] += frame.num_source(start, options[1])
    target = own[0].strip() if own is not None else f"{language[0].strip()}file"
    expander.define(target, Macro(0, None, ("\\VerbatimInput ",)), is_global=True)
    return True


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        (
            "lstinputlisting",
            "verbatiminput",
            "VerbatimInput",
            "BVerbatimInput",
            "LVerbatimInput",
            "inputminted",
            "listinginput",
            "verbatimtabinput",
        ),
        _print_file,
    ),
    "newmintedfile": _new_command,
}
