"""Listings of code: the places in them that are TeX, by `\\lstset{escapeinside={(*}{*)}}` or `escapechar`."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_STYLE_DEFINED = re.compile(r"\\lstdefinestyle\s*\{\s*([^{}\s]{1,80})\s*\}\s*(?=\{)")
_STYLE = re.compile(r"\bstyle\s*=\s*\{?\s*([^{},\s]{1,80})")
_SET = re.compile(r"\\lstset\s*(?=\{)")
_ESCAPES = re.compile(
    r"\bescapeinside\s*=\s*(?:\{([^{}]{1,9})\}\s*\{([^{}]{1,9})\}|\{?([^\s{},])([^\s{},])\}?)|\bescapechar\s*=\s*\{?\\?([^\s{},])"
)


def read_preamble(renderer: "Renderer", preamble: str) -> None:
    """What a preamble sets for all listings."""
    for found in _STYLE_DEFINED.finditer(preamble):
        given = renderer.scan.group(preamble, found.end())
        if given is not None and (marks := escapes(renderer, given[0])) is not None:
            renderer.listing_styles[found[1]] = marks
    for found in _SET.finditer(preamble):
        if (given := renderer.scan.group(preamble, found.end())) is not None:
            renderer.listing_escapes = escapes(renderer, given[0]) or renderer.listing_escapes


def escapes(renderer: "Renderer", options: str) -> tuple[str, str] | None:
    """The marks between which options, or their style, have TeX, without the backslashes that write them; None where they name none."""
    found = _ESCAPES.search(options)
    if found is None:
        style = _STYLE.search(options)
        return renderer.listing_styles.get(style[1]) if style is not None else None
    opening, closing = (found[1] or found[3] or found[5]).replace("\\", ""), (found[2] or found[4] or found[5]).replace("\\", "")
    return (opening, closing) if opening and closing else None


def without_escapes(renderer: "Renderer", code: str, marks: tuple[str, str]) -> str:
    r"""`code` with the TeX in it rendered: `(@$\lambda$@ x)` → `($\lambda$ x)`."""
    opening, closing = marks
    lines: list[str] = []
    for line in code.split("\n"):
        parts: list[str] = []
        position = 0
        while (start := line.find(opening, position)) >= 0 and (stop := line.find(closing, start + len(opening))) >= 0:
            parts += [line[position:start], renderer.inline(line[start + len(opening) : stop])]
            position = stop + len(closing)
        lines.append("".join(parts) + line[position:])
    return "\n".join(lines)


def _set(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given = renderer.scan.group(text, end)
    if given is None:
        return -1
    renderer.listing_escapes = escapes(renderer, given[0]) or renderer.listing_escapes
    return given[1]


COMMANDS: dict[str, "Handler"] = {"lstset": _set}
