"""What stands above the body: title, authors, addresses, abstract, keywords."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.tables import FRONT_COMMANDS

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_AND = re.compile(r"\\(?:and|And|AND)(?![A-Za-z])")
_QUADS = re.compile(r"\\q?quad(?![A-Za-z])")


def read_preamble(renderer: "Renderer", preamble: str) -> None:
    """Title, authors and their like out of a preamble; the rest of it counts as dropped."""
    used = 0
    for found in re.finditer(r"\\([A-Za-z]+)(?![A-Za-z])", preamble):
        if found.start() < used or found[1] not in FRONT_COMMANDS:
            continue
        out: list[str] = []
        end = _front(renderer, preamble, found.end(), found[1], out)
        if end >= 0:
            used = end
    renderer.dropped["preamble"] += len(preamble) - sum(len(content) for _, content in renderer.front)


def _front(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    closing = f"\\end{name}"
    position = renderer.scan.skip_space(text, end)
    while (given := renderer.scan.optional_argument(text, position)) is not None:
        position = given[1]
    found = renderer.scan.group(text, position)
    stop = text.find(closing, end, end + 20_000) if found is None else -1
    if found is None and stop < 0:
        return -1
    content, after = found if found is not None else (text[end:stop], stop + len(closing))
    kind = name.lower()
    renderer.is_in_front = True
    if kind == "abstract":
        rendered = renderer.render(content).strip()
    elif kind == "title":
        rendered = renderer.inline(content)
    else:
        people = [_lines(renderer, part) for part in _AND.split(content)]
        rendered = (", " if kind in ("author", "authors", "keywords") else "\n").join(part for part in people if part)
    renderer.is_in_front = False
    if not rendered:
        return after
    if kind == "title" and any(known == "title" for known, _ in renderer.front):
        return after
    renderer.front.append((kind, rendered))
    return after


def _front_in_body(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    return -1 if renderer.is_in_front else _front(renderer, text, end, name, out)


def _lines(renderer: "Renderer", content: str) -> str:
    """Lines of an address or of authors, as one line with commas."""
    return re.sub(r"[\s,]*\n[\s,]*", ", ", renderer.render(_QUADS.sub(r"\\\\ ", content)).strip(" ,\n"))


def _keywords(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    while (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    found = renderer.scan.group(text, end)
    if found is None:
        return end
    out.append("\n\n" + ", ".join(filter(None, (_lines(renderer, part) for part in _AND.split(found[0])))) + "\n\n")
    return found[1]


def acknowledgments(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A heading, as of a section."""
    out.append(f"\n\n{'#' * (1 + renderer.has_chapters)} {name.capitalize()}\n\n")
    return renderer.scan.skip_space(text, end)


def _twocolumn(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if (given := renderer.scan.optional_argument(text, end, 60_000)) is not None:
        out.append(f"\n\n{renderer.render(given[0]) if not renderer.depth else renderer.nested(given[0])}\n\n")
        return given[1]
    return end


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(("keywords", "keyword", "terms", "MSC", "PACS", "JEL"), _keywords),
    **dict.fromkeys(("acknowledgments", "acknowledgements", "acknowledgment", "acknowledgement"), acknowledgments),
    "twocolumn": _twocolumn,
}
FRONT: dict[str, "Handler"] = dict.fromkeys(sorted(FRONT_COMMANDS), _front_in_body)
