"""Environments: what their beginnings and ends print, which are code, formulas, drawings, and which are left out."""

import re
from collections import Counter
from typing import TYPE_CHECKING

from preprocess.latex.rendering import algorithms, columns, listings, lists
from preprocess.latex.rendering.cells import end_cells
from preprocess.latex.rendering.formulas import display, display_environment, inline_math
from preprocess.latex.rendering.front_matter import acknowledgments, keywords_environment
from preprocess.latex.rendering.headings import heading
from preprocess.latex.rendering.plain_tex import BOX_SIZE
from preprocess.latex.rendering.printed_names import enter_language, printed_name
from preprocess.latex.scan import KEY_VALUE
from preprocess.latex.tables import (
    BIBLIOGRAPHY_ENVIRONMENTS,
    DISPLAY_ENVIRONMENTS,
    DRAWING_ENVIRONMENTS,
    INNER_MATH_ENVIRONMENTS,
    TABLE_ENVIRONMENTS,
    THEOREM_TITLES,
    VERBATIM_ENVIRONMENTS,
)

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_BEGIN_END = re.compile(r"\s*\{([^{}]*)\}")
_NAME_OPTION = re.compile(r"\b(?:name|(?:frame)?title)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,\]]*))")
_REFERENCES = re.compile(r"\s*\x04#+ (?:[\dIVX]+\.? )?(?:references|bibliography|literature(?: cited)?|notes and references)[.:]?\s*", re.I)
_CAPTION_OPTION = re.compile(r"\bcaption\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,\]]*))")
_CAPTIONED_TABLES = frozenset({"tblr", "longtblr", "talltblr"})
MAX_STACKED_CHARACTERS = 300  # of a table in a cell that is lines on top of one another
MAX_ABSTRACTS = 4  # of one root: in several languages
_TABLE_ARGUMENTS = {  # "om" of all others
    "tabularx": "mom", "tabular*": "mom", "tabulary": "mm", "xltabular": "omm", "NiceTabular": "omo", "NiceTabularX": "momo",
    "tabbing": "",
}  # fmt: skip
_TRANSPARENT = frozenset(
    {
        "subequations", "mathletters", "widetext", "strip", "latexonly", "tiny", "scriptsize", "footnotesize", "small", "normalsize",
        "large", "Large", "bf", "it", "em", "sf", "tt", "rm", "sl", "sc", "bfseries", "itshape", "slshape", "scshape", "sffamily",
        "ttfamily",
    }
)  # fmt: skip
# that begin and end no paragraph
_STACKS = {"tabular": "om", "minipage": "ooom"}  # that a cell of a table has for lines on top of one another
_ENVIRONMENT_ARGUMENTS = {
    "figure": "o", "table": "o", "wrapfigure": "omom", "wraptable": "omom", "minipage": "ooom", "multicols": "m", "subfigure": "om",
    "subtable": "om", "algorithm": "o", "algorithmic": "o", "algorithm2e": "o", "adjustwidth": "mm", "spacing": "m", "sidewaystable": "o",
    "sidewaysfigure": "o", "thebibliography": "m", "appendices": "", "column": "m", "columns": "o", "block": "m",
    "tcolorbox": "o", "mdframed": "o", "adjustbox": "m", "CJK": "mm", "CJK*": "mm", "otherlanguage": "m", "hyphenrules": "m",
    "flushleft": "", "addmargin": "m", "turn": "m", "boxedminipage": "om", "tablenotes": "o", "labeling": "om",
    "rotate": "m", "changemargin": "mm", "scope": "", "resizebox": "mm", "SCfigure": "oo",
    "letter": "m", "fmffile": "m", "fulllineitems": "", "sloppypar": "", "thm@": "o", "titlepage": "", "paracol": "m", "color": "om",
}  # fmt: skip


def begin(renderer: "Renderer", text: str, end: int, out: list[str], environments: list[str]) -> int:
    """Past `\\begin{…}` and its arguments, or past the whole environment where no text mode is in it."""
    found = _BEGIN_END.match(text, end)
    if found is None:
        return end
    raw_name = found[1].strip()
    name = raw_name.rstrip("*")
    position = found.end()
    if raw_name in VERBATIM_ENVIRONMENTS:
        return _verbatim(renderer, text, position, raw_name, out)
    if name in DISPLAY_ENVIRONMENTS:
        return display_environment(renderer, text, position, raw_name, out)
    if name == "math":
        stop = renderer.scan.find(text, "\\end{math}", position)
        if stop >= 0:
            out.append(inline_math(renderer, text[position:stop]))
            return stop + len("\\end{math}")
    if name in INNER_MATH_ENVIRONMENTS:
        # without a formula around it: an error of the author's, which TeX would stop at
        stop = renderer.scan.find(text, f"\\end{{{raw_name}}}", position)
        if stop >= 0:
            out.append(display(renderer, f"\\begin{{{raw_name}}}{text[position:stop]}\\end{{{raw_name}}}"))
            return stop + len(raw_name) + 6
    if raw_name in DRAWING_ENVIRONMENTS or name in DRAWING_ENVIRONMENTS:
        return _drop(renderer, text, position, raw_name, "drawing")
    if name in BIBLIOGRAPHY_ENVIRONMENTS:
        if not renderer.config.keep_bibliography:
            _withdraw_heading(out)
            return _drop(renderer, text, position, raw_name, "bibliography")
        out.append(heading(1, printed_name(renderer, "ref")))
    if renderer.table_depth and name in _STACKS and (after := _stacked(renderer, text, position, raw_name, out)) >= 0:
        return after
    environments.append(raw_name)
    return _enter(renderer, text, position, raw_name, out)


def _withdraw_heading(out: list[str]) -> None:
    """The heading right above a list of references that is left out goes with it."""
    place = len(out) - 1
    while place >= 0 and not out[place].strip():
        place -= 1
    if place >= 0 and _REFERENCES.fullmatch(out[place]):
        del out[place:]
        out.append("\n\n")


def _enter(renderer: "Renderer", text: str, position: int, raw_name: str, out: list[str]) -> int:
    name = raw_name.rstrip("*")
    if name in lists.ENVIRONMENTS or name in renderer.lists.own:
        return lists.enter(renderer, text, position, raw_name, out)
    if name in TABLE_ENVIRONMENTS:
        return _table(renderer, text, position, raw_name, out)
    note = ""
    if name == "restatable":  # thmtools: \begin{restatable}[note]{theorem}{name}
        if (given := renderer.scan.optional_argument(text, position)) is not None:
            note, position = renderer.inline(given[0]), given[1]
        kind, position = renderer.arguments(text, position, "mm")
        raw_name = name = (kind[0] or "").strip() if kind else name
    if name == "titledtheorem":  # of the expander
        kind, position = renderer.arguments(text, position, "m")
        return _theorem(renderer, text, position, name, (kind[0] or "") if kind else "", note, out)
    title = renderer.theorems.get(raw_name) or renderer.theorems.get(name) or THEOREM_TITLES.get(name.lower())
    if title == "Proof" and raw_name not in renderer.theorems:
        title = printed_name(renderer, "proof")
    if title is not None:
        return _theorem(renderer, text, position, name, title, note, out)
    return _ENVIRONMENTS.get(name, _block)(renderer, text, position, name, out)


def _table(renderer: "Renderer", text: str, position: int, raw_name: str, out: list[str]) -> int:
    name = raw_name.rstrip("*")
    if name in _CAPTIONED_TABLES and (options := renderer.scan.optional_argument(text, position)) is not None:
        if caption := _CAPTION_OPTION.search(options[0]):
            out.append(f"\n\n[caption: {renderer.inline(caption[1] or caption[2] or '')}]")
    elif name in ("tabu", "longtabu") and (width := BOX_SIZE.match(text, position)) is not None:
        position = width.end()
    if not renderer.table_depth:
        renderer.table_start = len(out)
    renderer.table_depth += 1
    renderer.tabbing_depth += name == "tabbing"
    out.append("\n\n")
    arguments, position = renderer.arguments(text, position, _TABLE_ARGUMENTS.get(raw_name, _TABLE_ARGUMENTS.get(name, "om")))
    renderer.columns.append(columns.read(renderer, (arguments[-1] or "") if arguments and name not in _CAPTIONED_TABLES else ""))
    if name == "deluxetable" and (given := renderer.scan.optional_argument(text, position)) is not None:
        position = given[1]  # its placement comes last
    return position


def _stacked(renderer: "Renderer", text: str, position: int, raw_name: str, out: list[str]) -> int:
    """A cell of lines on top of one another, `\\begin{tabular}{c}mean\\\\(error)\\end{tabular}`: one line; -1 where it is more."""
    position = renderer.arguments(text, position, _STACKS[raw_name.rstrip("*")])[1]
    closing = f"\\end{{{raw_name}}}"
    stop = text.find(closing, position, position + MAX_STACKED_CHARACTERS)
    content = text[position:stop]
    if stop < 0 or any(mark in content for mark in ("\\begin", "\\Axiom", "\\AXC")) or "&" in content.replace("\\&", ""):
        return -1
    after = stop + len(closing)
    if " | " not in out[max(renderer.table_start, len(out) - 100) :] and text[renderer.scan.skip_space(text, after) :][:1] != "&":
        return -1  # its table has no columns
    out.append(renderer.inline(content))
    return after


def _theorem(renderer: "Renderer", text: str, position: int, name: str, title: str, note: str, out: list[str]) -> int:
    """`Theorem (note). `; a proof's note stands in place of its title."""
    heading = renderer.inline(title)
    if (given := renderer.scan.optional_argument(text, position)) is not None:
        options, position = given
        if KEY_VALUE.match(options):  # thmtools: [name=…, label=…]
            named = _NAME_OPTION.search(options)
            options = (named[1] or named[2] or "") if named else ""
        note = renderer.inline(options)
    if note:
        heading = note if name.endswith("proof") or not heading else f"{heading} ({note})"
    out.append(f"\n\n{heading}. " if heading and heading[-1] not in ".:" else f"\n\n{heading} ")
    return position


def _acknowledgments(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    acknowledgments(renderer, text, position, "acknowledgments" if len(name) < 5 else name, out)
    return position


def _abstract(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    """A heading, and the abstract rendered apart for its field; the text itself comes as all text does."""
    if (given := renderer.scan.optional_argument(text, position)) is not None:
        position = given[1]  # a heading of its own
    out.append(heading(1, printed_name(renderer, "abstract")))
    stop = renderer.scan.find(text, "\\end{abstract}", position)
    if stop >= 0 and not renderer.depth and len(renderer.abstract_parts) < MAX_ABSTRACTS:
        renderer.depth += 1
        kept = renderer.numbers, Counter(renderer.dropped), Counter(renderer.unknown), list(renderer.front)
        renderer.numbers = renderer.numbers.copy()
        renderer.abstract_parts.append(re.sub(r"\n{3,}", "\n\n", renderer.render(text[position:stop])).strip())
        renderer.numbers, renderer.dropped, renderer.unknown, renderer.front = kept
        renderer.depth -= 1
    return position


def _algorithm(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    algorithms.enter(renderer, text, position, name, out)
    return _block(renderer, text, position, name, out)


def _coloured_box(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    given = renderer.scan.optional_argument(text, position)
    if given is None:
        return _block(renderer, text, position, name, out)
    out.append("\n\n")
    if titled := _NAME_OPTION.search(given[0]):
        out.append(f"{renderer.inline(titled[1] or titled[2] or '')}\n\n")
    return given[1]


def _columns(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    position = _block(renderer, text, position, name, out)
    if (given := renderer.scan.optional_argument(text, position)) is not None:
        out.append(renderer.nested(given[0]) + "\n\n")  # what stands over the columns
        position = given[1]
    return position


def _block(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    """An environment that is a paragraph or more, without what only TeX reads."""
    if name not in _TRANSPARENT:
        out.append("\n\n" if name != "minipage" else "\n")
    if (wanted := _ENVIRONMENT_ARGUMENTS.get(name)) is not None:
        return renderer.arguments(text, position, wanted)[1]
    given = renderer.scan.optional_argument(text, position) if text[position : position + 1] == "[" else None
    return given[1] if given else position


def _titled(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    """beamer's frames and blocks: their titles stand in groups."""
    out.append("\n\n")
    while text[position : position + 1] == "[" and (given := renderer.scan.optional_argument(text, position)) is not None:
        position = given[1]
    titles: list[str] = []
    while text[position : position + 1] == "{" and len(titles) < 2 and (found := renderer.scan.group(text, position)) is not None:
        titles.append(renderer.inline(found[0]))
        position = found[1]
        if name != "frame":
            break
    shown = [title for title in titles if title]
    if name == "frame":
        out += [heading(number + 2, title) for number, title in enumerate(shown)]
    elif shown:
        out.append(f"{shown[0]}{'' if shown[0][-1] in '.:?!' else '.'} ")
    return position


def _drop(renderer: "Renderer", text: str, position: int, name: str, kind: str) -> int:
    after = renderer.scan.environment_end(text, name, position)
    renderer.dropped[kind] += after - position
    if renderer.trace is not None:
        renderer.trace.drop(name, after - position)
    return after


def _verbatim(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> int:
    closing = f"\\end{{{name}}}"
    stop = renderer.scan.find(text, closing, position)
    if stop < 0:
        stop, after = len(text), len(text)
    else:
        after = stop + len(closing)
    if name.startswith("filecontents"):
        renderer.dropped["filecontents"] += after - position
        return after
    marks = renderer.listing_escapes if name.startswith("lstlisting") else None
    if (given := renderer.scan.optional_argument(text, position)) is not None and text[position : position + 1] == "[" and given[1] <= stop:
        position = given[1]
        marks = listings.escapes(renderer, given[0]) or marks
        if caption := _CAPTION_OPTION.search(given[0]):
            out.append(f"\n\n[caption: {renderer.inline(caption[1] or caption[2] or '')}]\n\n")
    if name == "minted" or (name == "tcblisting" and text[position : position + 1] == "{"):
        language = renderer.scan.argument(text, position)
        position = language[1] if language and language[1] <= stop else position
    code = text[position:stop] if marks is None else listings.without_escapes(renderer, text[position:stop], marks)
    code = code.replace("\x01", "|").replace("```", "'''").strip("\n")
    if code.strip():
        out.append(f"\n\n```\n{code.rstrip()}\n```\n\n")
    return after


def end_environment(renderer: "Renderer", text: str, end: int, out: list[str], environments: list[str]) -> int:
    """Past `\\end{…}`: leaves all that is open inside."""
    found = _BEGIN_END.match(text, end)
    if found is None:
        return len(text) if not text[end:].strip() else end  # plain TeX's \end
    name = found[1].strip()
    if name in environments:
        while environments:
            last = environments.pop()
            leave(renderer, last, out)
            if last == name:
                break
    return found.end()


def leave(renderer: "Renderer", raw_name: str, out: list[str]) -> None:
    """What the end of an environment prints."""
    name = raw_name.rstrip("*")
    if name in lists.ENVIRONMENTS or name in renderer.lists.own:
        lists.leave(renderer, out)
        return
    if name == "otherlanguage" and len(renderer.languages) > 1:
        renderer.languages.pop()
    if name in TABLE_ENVIRONMENTS:
        renderer.table_depth = max(0, renderer.table_depth - 1)
        if renderer.columns:
            renderer.columns.pop()
        renderer.tabbing_depth -= name == "tabbing"
        if not renderer.table_depth:
            out[renderer.table_start :] = [end_cells("".join(out[renderer.table_start :]))]
    elif name in algorithms.ENVIRONMENTS and raw_name not in renderer.theorems and name not in renderer.theorems:
        algorithms.leave(renderer, name, out)
    if name not in _TRANSPARENT or raw_name in renderer.theorems:
        out.append("\n\n")


_ENVIRONMENTS: dict[str, "Handler"] = {
    **dict.fromkeys(("acknowledgments", "acknowledgements", "acknowledgment", "acknowledgement", "acks", "ack"), _acknowledgments),
    "abstract": _abstract,
    **dict.fromkeys(("keywords", "keyword", "IEEEkeywords", "AMS"), keywords_environment),
    **dict.fromkeys(algorithms.ENVIRONMENTS, _algorithm),
    **dict.fromkeys(("frame", "block", "alertblock", "exampleblock"), _titled),
    **dict.fromkeys(("tcolorbox", "mdframed"), _coloured_box),
    "multicols": _columns,
    "otherlanguage": enter_language,
}
