"""Commands that a reader sees little of: layout, dimensions, assignments, fonts, drawings; commands that show some of their arguments."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.scan import KEY_VALUE, skip_line_space
from preprocess.latex.tables import ASSIGNED, HIDDEN, LAYOUT, SHOWN_ALL, SHOWN_ALL_JOINT, SHOWN_LAST

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_DIMENSION = (
    r"\s*=?\s*[-+]?\s*(?:\d*\.?\d+\s*(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu|fil+)?|\\magstep\s*\d|\\[A-Za-z]+)"
    r"(?:\s*(?:plus|minus)\s*[-+]?\d*\.?\d*\s*(?:(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu|fil+)|\\[hv]size(?![a-z]))?)*"
)
_RULE_SPAN = re.compile(r"(?:\([lr]{0,9}\))?(?:\[[^\]\n]{0,80}\])?(?:\([lr{}.\w]{0,80}\))?\{[^{}\n]{0,80}\}")
_DIMENSION_RE = re.compile(_DIMENSION)
_FONT = re.compile(r"\s*\\[A-Za-z]+\s*=?\s*[A-Za-z]+\d*(?:\s+(?:scaled|at)\s*(?:\\magstep\w*\s*\d?|\d+\.?\d*\s*(?:pt)?))?")
_RULE = re.compile(r"(?:\s*(?:width|height|depth)" + _DIMENSION + r")*")
_BOX_SIZE = re.compile(r"\s*(?:to|spread)" + _DIMENSION)
_STRENGTH = re.compile(r"\[[0-4]\]")  # of \nopagebreak[2] and its like
_STREAM = re.compile(r"\s*(?:\\write)?\s*(?:-?\d+|\\[A-Za-z@]+)?\s*")
_LINES = (
    "psline", "pscircle", "psframe", "pspolygon", "psdots", "psdot", "psbezier", "pscurve", "psecurve", "psccurve", "psarc", "psarcn",
    "pswedge", "psellipse", "psaxes", "psgrid", "ncline", "ncarc", "nccurve", "pcline", "pccurve", "psdiamond", "pstriangle",
)  # fmt: skip
_PUTS = ("rput", "uput", "cput", "multirput")
_PSTRICKS_ARGUMENTS = re.compile(r"(?:\[[^\]\n]{0,300}\]|\{[^{}\n]{0,20}\}(?=\s*[({])|\([^()\n]{0,100}\)|\{[A-Za-z0-9]{1,20}\})+")
_FILE_NAME = re.compile(r"\s*(?:\{[^{}]*\}|[^\s{}\\]+)")
_UNIT = r"(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu)"
_ASSIGNMENT = re.compile(
    r"(?:\s*`\\?.|\s*\d+|\s*\\[A-Za-z@]+)?\s?=\s*(?:[-+]?(?:\d*\.?\d+(?:\s*" + _UNIT + r"\b)?|\"[0-9A-Fa-f]+|'[0-7]+)"
    r"|`(?:\\\^\^.|\\.|[^\\])|\\[A-Za-z@]+)(?:\s*(?:plus|minus)\s*[-\d.]+\s*(?:fil+|" + _UNIT + r"))*\s?"
)


def _font(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _FONT.match(text, end)
    return found.end() if found else -1


def _partial_rule(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _RULE_SPAN.match(text, end)
    return found.end() if found else end


def _rule(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _RULE.match(text, end)
    return found.end() if found else end


def _box(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _BOX_SIZE.match(text, end)
    return found.end() if found else end


def _line(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A line of its own."""
    found = renderer.scan.group(text, end)
    if found is None:
        return end
    if renderer.table_depth or renderer.is_in_front:
        out.append(renderer.inline(found[0]))
    else:
        out.append(f"\n\n{renderer.nested(found[0])}\n\n")
    return found[1]


def _vertical_box(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Boxes on top of one another are lines."""
    end = _box(renderer, text, end, name, out)
    found = renderer.scan.group(text, end)
    if found is None or found[0].count("\\hbox") < 2:
        return end
    out.append("\n" + renderer.nested(found[0].replace("\\hbox", "\\\\\\hbox")) + "\n")
    return found[1]


def _paragraph(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    out.append("\n\n")
    return skip_line_space(text, end)


def _vertical_skip(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Ends the paragraph; in a table it stands between rows."""
    if not renderer.table_depth:
        out.append("\n\n")
    return _dimension(renderer, text, end, name, out)


def _blank(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    out.append(" ")
    return skip_line_space(text, end)


def _write(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _STREAM.match(text, end)
    given = renderer.scan.group(text, found.end() if found else end)
    return given[1] if given else end


def _input_left(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _FILE_NAME.match(text, end)
    return found.end() if found else end


_POINT_IN_NUMBER = re.compile(r"\s?[.-](?=\d|\\(?:arabic|ref)(?![A-Za-z]))")
_SLOPE = re.compile(r"\s*\(\s*-?\d\s*,\s*-?\d\s*\)\s*\{[^{}]{0,60}\}")
_LABEL_IN_LINE = re.compile(  # `\circled{1}`, as papers copy it from one another: a node on the line, of which a frame is drawn
    r"\s*(\{)?\s*\\node\s*(?:\[[^\[\]]{0,300}\]\s*|\([^()]{0,50}\)\s*){0,4}\{((?:[^{};]|\{[^{};]{0,50}\}){1,50})\}\s*;\s*(?(1)\})"
)


def _drawing(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Drawings that have no environment: `\\tikz[…]{…}`, `\\tikz \\draw …;`, `\\Qcircuit @C=1em {…}`."""
    start, options = end, ""
    while (given := renderer.scan.optional_argument(text, end)) is not None:
        options, end = given
    if name == "tikz" and "baseline" in options and (label := _LABEL_IN_LINE.match(text, end)) is not None:
        out.append(renderer.inline(label[2]))
        return label.end()
    if name == "tikz" and renderer.scan.group(text, end) is None:
        stop = text.find(";", end, end + 4_000)
        end = stop + 1 if stop >= 0 else end
    else:
        opening = text.find("{", end, end + 100)
        closing = renderer.scan.group_end(text, opening, 20_000) if opening >= 0 else -1
        end = closing if closing >= 0 else end
        end += text[end : end + 1] == ";"  # of tikz-feynman
    renderer.dropped["drawing"] += end - start
    return end


def _pstricks(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """PSTricks outside its picture: lines have coordinates, what `\\rput` puts down stands in a group at the end."""
    found = _PSTRICKS_ARGUMENTS.match(text, end)
    after = found.end() if found is not None else end
    if name in _PUTS and after > end and (given := renderer.scan.group(text, after)) is not None:
        after = given[1]
    if "(" not in text[end:after] and "{" not in text[end:after]:
        return -1
    renderer.dropped["drawing"] += after - _start(text, end, name)
    return after


def _style(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\tikzstyle{node}=[draw,circle]` outside a drawing."""
    given, after = renderer.arguments(text, end, "m")
    if not given:
        return -1
    opening = text.find("[", after, after + 20)
    closing = renderer.scan.bracket_end(text, opening, 2_000) if opening >= 0 and "=" in text[after:opening] else -1
    return max(after, closing)


def _start(text: str, end: int, name: str) -> int:
    """Where the command begins whose name (and star) ends at `end`."""
    return end - len(name) - 1 - (text[end - 1] == "*")


def _hidden(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    spec, after = HIDDEN[name], end
    if text[end : end + 1] == "[" and spec.startswith("m") and (given := renderer.scan.optional_argument(text, end)) is not None:
        after = given[1]
    after = renderer.arguments(text, after, spec)[1]
    renderer.dropped["layout_command"] += after - _start(text, end, name)
    return after


def _all_shown(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, SHOWN_ALL[name])
    if not given:
        return -1
    out.append(SHOWN_ALL_JOINT.get(name, " ").join(renderer.inline(argument or "") for argument in given))
    return after


def _first_shown(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, "mm")
    if len(given) != 2:
        return -1
    out.append(renderer.inline(given[0] or ""))
    return after


def _style_chosen(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\mathchoice` where no formula is seen around it: the branch of inline formulas."""
    given, after = renderer.arguments(text, end, "mmmm")
    if len(given) != 4:
        return -1
    out.append(renderer.inline(given[1] or ""))
    return after


def _last_shown(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, SHOWN_LAST[name])
    if not given:
        return -1
    last = given[-1] or ""
    renderer.dropped["layout_command"] += after - _start(text, end, name) - len(last)
    out.append(renderer.inline(last) if len(last) < 20_000 else renderer.render(last))
    return after


def _dimension(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if text[end : end + 1] == "{" and (given := renderer.scan.argument(text, end, 100)) is not None:
        return given[1]
    size = _DIMENSION_RE.match(text, end)
    return size.end() if size else end


def assignment(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\name=value`, as plain TeX sets its quantities; -1 where it is none."""
    assigned = _ASSIGNMENT.match(text, end)
    if assigned is None:
        return -1
    renderer.dropped["layout_command"] += assigned.end() - _start(text, end, name)
    return assigned.end()


def unknown(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A command that nobody knows shows its arguments, but not what looks like options."""
    renderer.dropped["layout_command"] += end - _start(text, end, name)
    if name == "@":
        return end  # ends a sentence or none: `i.e.\\@ this`
    if not LAYOUT.match(name):
        renderer.unknown[name] += 1
    if name.startswith("@@") and name[2:3].islower():
        name = name[1:]  # of the first amsart
    if name[0] == "@" and name[1:2].islower() and out and out[-1][-1:].isalnum():
        out.append(name)  # AmS-TeX's \\@ in an address
        return end
    if text[end : end + 1] == "[":
        closing = renderer.scan.bracket_end(text, end, 2_000)
        if closing > 0 and name.endswith("break") and _STRENGTH.match(text, end):
            return closing
        if closing - end > 200 and "=" not in text[end:closing]:
            closing = -1  # too long for an option: text
        if closing > 0 and (KEY_VALUE.match(text, end + 1) or text[closing : closing + 1] == "{"):
            return closing
    if text[end : end + 1] != "{" or LAYOUT.match(name):
        return skip_line_space(text, end)
    while (given := renderer.scan.group(text, end)) is not None and text[given[1] : given[1] + 1] == "{" and 0 < len(given[0]) <= 200:
        out.append(f"{' ' if given[0][0].isspace() else ''}{renderer.inline(given[0])} ")  # arguments that a reader sees are words
        end = given[1]
    return end


def _drawn_line(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    r"""A rule made of a picture's command, outside a picture: `\line(1,0){300}`."""
    found = _SLOPE.match(text, end)
    if found is None:
        return -1
    out.append("\n")
    return found.end()


def _heading_number(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    r"""`Remark \thesection.3`, as papers number by hand: the heading's number is not known, and its point goes with it."""
    found = _POINT_IN_NUMBER.match(text, end)
    return found.end() if found is not None else -1


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(("thesection", "thesubsection", "thechapter"), _heading_number),
    "line": _drawn_line,
    "font": _font,
    **dict.fromkeys(("cmidrule", "cmidrulewidth"), _partial_rule),
    **dict.fromkeys(("hrule", "vrule"), _rule),
    **dict.fromkeys(("hbox", "mbox", "fbox"), _box),
    **dict.fromkeys(("vbox", "vtop"), _vertical_box),
    **dict.fromkeys(("centerline", "leftline", "rightline"), _line),
    **dict.fromkeys(("vskip", "vglue"), _vertical_skip),
    **dict.fromkeys(("eject", "supereject", "vfill", "midinsert", "topinsert", "pageinsert", "endinsert"), _paragraph),
    "tikzstyle": _style,
    "break": _blank,
    **dict.fromkeys(("tikz", "Qcircuit", "chemfig", "feynmandiagram", "pstree"), _drawing),
    **dict.fromkeys((*_LINES, *_PUTS), _pstricks),
    **dict.fromkeys(("write", "immediate"), _write),
    **dict.fromkeys(("input", "openin", "openout"), _input_left),
}
HIDING: dict[str, "Handler"] = dict.fromkeys(HIDDEN, _hidden)
SHOWING_ALL: dict[str, "Handler"] = {**dict.fromkeys(SHOWN_ALL, _all_shown), "texorpdfstring": _first_shown, "mathchoice": _style_chosen}
SHOWING_LAST: dict[str, "Handler"] = dict.fromkeys(SHOWN_LAST, _last_shown)
DIMENSIONS: dict[str, "Handler"] = dict.fromkeys(sorted(ASSIGNED), _dimension)
