"""What stands above the body: title, authors, addresses, abstract, keywords."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.rendering.headings import heading
from preprocess.latex.rendering.leads import lead
from preprocess.latex.scan import KEY_VALUE
from preprocess.latex.tables import FRONT_COMMANDS

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_AND = re.compile(r"\\(?:and|And|AND)(?![A-Za-z])")
_ENVIRONMENT = re.compile(r"\s*\{(abstract|keywords?|IEEEkeywords|AMS)\}")
_ADDRESSES = frozenset({"address", "affil", "affiliation", "institute", "institution"})
_KEYED = re.compile(
    r"\s*(?:organi[sz]ation|institution|department|orgdiv|orgname|address|addressline|altaddress|street|city|state|country|postcode|email)\s*=(?!=)"
)
_KEY = re.compile(r"(?<![a-z])([a-z]{1,30})\s{0,9}=\s*(?:\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}|([^,{}]*))")
_NEXT_GROUP = re.compile(r"\}\s*\{")
_COMMA = re.compile(r"[ \t]*,(?=\s)")
_MARK_AND_QUAD = re.compile(r"((?:^|\\\\|\n)\s*\$[^$\n]{1,30}\$)\s*\\q?quad(?![A-Za-z])")  # a mark, then what it marks
_NOTED = frozenset({"altaffiliation", "email", "homepage"})  # of revtex: \altaffiliation[Also at ]{…}
_NO_NAME = re.compile(r"\$[^$]*\$|\[footnote:.*")
_MAX_CONCEPTS_CHARACTERS = 5_000  # on one line: real papers have some hundred
_MAX_KEYWORDS_CHARACTERS = 3_000
_QUADS = re.compile(r"\\q?quad(?![A-Za-z])")


def read_preamble(renderer: "Renderer", preamble: str) -> None:
    """Title, authors and their like out of a preamble; the rest of it counts as dropped."""
    used = 0
    for found in re.finditer(r"\\([A-Za-z]+)(?![A-Za-z])\*?", preamble):
        if found.start() < used:
            continue
        out: list[str] = []
        if found[1] in FRONT_COMMANDS:
            used = max(used, _front(renderer, preamble, found.end(), found[1], out))
        elif found[1] == "thanks":  # of AMS's classes: a note to the title
            note = renderer.scan.group(preamble, found.end())
            if note is not None and (shown := renderer.inline(note[0])):
                renderer.front.append(("thanks", f"[footnote: {shown}]"))
                used = note[1]
        elif found[1] == "credit":
            used = max(used, _credit(renderer, preamble, found.end(), found[1], out))
        elif found[1] == "begin" and (environment := _ENVIRONMENT.match(preamble, found.end())) is not None:
            closing = f"\\end{{{environment[1]}}}"
            stop = renderer.scan.find(preamble, closing, environment.end())
            if stop >= 0:
                _add(renderer, environment[1], preamble[environment.end() : stop])
                used = stop + len(closing)
    renderer.dropped["preamble"] += len(preamble) - sum(len(content) for _, content in renderer.front)


def _front(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    closing = f"\\end{name}"
    position = renderer.scan.skip_space(text, end)
    option = ""
    while (given := renderer.scan.optional_argument(text, position)) is not None:
        option, position = given
    found = renderer.scan.group(text, position)
    stop = text.find(closing, end, end + 20_000) if found is None else -1
    if found is None and stop < 0:
        return -1
    content, after = found if found is not None else (text[end:stop], stop + len(closing))
    kind = name.lower()
    if kind == "collaboration" and content.strip().isdigit() and (named := renderer.scan.group(text, after)) is not None:
        content, after = named  # aastex tells first how many of the authors to print
    if kind == "author" and text[after : after + 1] == "[" and (options := renderer.scan.optional_argument(text, after)) is not None:
        after = options[1] if KEY_VALUE.match(options[0]) else after  # of Elsevier's cas classes
    _add(renderer, kind, content, option)
    if kind == "author" and (comma := _COMMA.match(text, after)) is not None:
        after = comma.end()  # between one author's command and the next
    return after


def _add(renderer: "Renderer", kind: str, content: str, option: str = "") -> None:
    """One piece of the front matter, with the addresses that stand inside an author's."""
    if kind == "ccsdesc":
        _add_concept(renderer, content)
        return
    renderer.is_in_front = True
    inner, renderer.inner_addresses = renderer.inner_addresses, []
    if kind == "abstract":
        rendered = renderer.render(content).strip()
    elif kind == "title":
        rendered = renderer.inline(content)
    elif _KEYED.match(content):  # [organization={…}, city={…}]
        values = [_lines(renderer, found[2] if found[2] is not None else found[3]) for found in _KEY.finditer(content)]
        rendered = ", ".join(value for value in values if value)
    else:
        people = [_lines(renderer, part) for part in _AND.split(content)]
        is_noted = kind in _NOTED and (renderer.document_class or "").startswith("revtex")
        rendered = (", " if kind in ("author", "authors", "keywords", "subjclass", "pacs") else "\n").join(part for part in people if part)
        if rendered:
            rendered = (
                renderer.inline(option) + " " if option and is_noted else lead(renderer.document_class, kind, rendered, option)
            ) + rendered
    renderer.is_in_front = False
    renderer.last_author = rendered if kind == "author" else renderer.last_author
    if rendered and not (kind == "title" and any(known == "title" for known, _ in renderer.front)):
        renderer.front.append((kind, rendered))
    renderer.front += [("address", address) for address in renderer.inner_addresses]
    renderer.inner_addresses = inner


def _add_concept(renderer: "Renderer", content: str) -> None:
    """`\\ccsdesc{Theory~Logic}` → `CCS Concepts: Theory → Logic`, all of a paper on one line."""
    shown = " → ".join(filter(None, (renderer.inline(part) for part in content.split("~"))))
    if not shown:
        return
    if renderer.front and renderer.front[-1][0] == "ccsdesc" and len(renderer.front[-1][1]) < _MAX_CONCEPTS_CHARACTERS:
        shown = f"{renderer.front.pop()[1]}; {shown}"
    else:
        shown = lead(renderer.document_class, "ccsdesc", shown) + shown
    renderer.front.append(("ccsdesc", shown))


def _credit(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """Elsevier's `\\credit{Writing}`: what the author before it has done, printed by `\\printcredits`."""
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    if roles := renderer.inline(found[0]):
        renderer.credits.append(f"{_NO_NAME.sub('', renderer.last_author).strip(' ,')}: {roles}".removeprefix(": "))
    return found[1]


def _print_credits(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if renderer.credits:
        out.append(heading(1 + renderer.has_chapters, "CRediT authorship contribution statement"))
        out.append(" ".join(f"{credit}{'' if credit.endswith('.') else '.'}" for credit in renderer.credits) + "\n\n")
    return renderer.scan.skip_space(text, end)


def keywords_environment(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    """The words before keywords; they themselves come as all text does."""
    option = ""
    if text[position : position + 1] == "[" and (given := renderer.scan.optional_argument(text, position)) is not None:
        option, position = given
    out.append("\n\n" + lead(renderer.document_class, name, text[position : position + 100], option))
    return renderer.scan.skip_space(text, position)


def _front_in_body(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if not renderer.is_in_front:
        return _front(renderer, text, end, name, out)
    if name == "email" and out and out[-1][-1:] not in ("", " ", ",", "(", "\n") and renderer.scan.group(text, end) is not None:
        out.append(", ")  # right behind a name
    if name in ("IEEEauthorblockN", "IEEEauthorblockA"):
        out.append("\n")  # blocks one below the other
    if name not in _ADDRESSES:
        return -1
    if (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    if address := _lines(renderer, found[0]):
        renderer.inner_addresses.append(address)
    return found[1]


def _lines(renderer: "Renderer", content: str) -> str:
    """Lines of an address or of authors, as one line with commas."""
    content = _QUADS.sub(r"\\\\ ", _MARK_AND_QUAD.sub(r"\1 ", content))
    return re.sub(r"[\s,]*\n[\s,]*", ", ", renderer.render(content).strip(" ,\n\t"))


def _lead(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\@lead{Aims}{text}`: a part of an abstract with its heading; none where there is no text."""
    given, after = renderer.arguments(text, end, "mm")
    if len(given) == 2 and (content := renderer.nested(given[1] or "")):
        out.append(f"\n\n{given[0]}. {content}\n\n")
    return after


def _keywords(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    while (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    found = renderer.scan.group(text, end)
    if found is None and (stop := text.find(f"\\end{name}", end, end + _MAX_KEYWORDS_CHARACTERS)) >= 0:
        found = text[end:stop], stop + len(name) + 4  # of AmS-TeX
    if found is None:
        return end
    content = _NEXT_GROUP.sub("} {", found[0]) if name == "PACS" else found[0]  # of svjour: number and words in groups
    if shown := ", ".join(filter(None, (_lines(renderer, part) for part in _AND.split(content)))):
        out.append(f"\n\n{lead(renderer.document_class, name, shown)}{shown}\n\n")
    return found[1]


def acknowledgments(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A heading, as of a section."""
    out.append(heading(1 + renderer.has_chapters, name.capitalize()))
    return renderer.scan.skip_space(text, end)


def _twocolumn(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if (given := renderer.scan.optional_argument(text, end, 60_000)) is not None:
        out.append(f"\n\n{renderer.render(given[0]) if not renderer.depth else renderer.nested(given[0])}\n\n")
        return given[1]
    return end


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(("keywords", "keyword", "terms", "MSC", "PACS", "JEL", "@subclass", "@CRclass"), _keywords),
    **dict.fromkeys(("acknowledgments", "acknowledgements", "acknowledgment", "acknowledgement"), acknowledgments),
    "twocolumn": _twocolumn,
    "credit": _credit,
    "printcredits": _print_credits,
    "@lead": _lead,
}
FRONT: dict[str, "Handler"] = dict.fromkeys(sorted(FRONT_COMMANDS), _front_in_body)
