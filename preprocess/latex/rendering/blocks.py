"""Pieces of text with a place of their own: sections, captions, footnotes, items, rows of tables."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.rendering import columns
from preprocess.latex.rendering.headings import heading
from preprocess.latex.scan import skip_line_space
from preprocess.latex.tables import SECTION_LEVELS

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_CLOSED_HEADINGS = frozenset({"heading", "subheading", "head", "subhead", "specialhead", "subsubhead", "subsubheading"})  # of AmS-TeX
_INFERENCES = ("Unary", "Binary", "Trinary", "Quaternary", "Quinary")
_QUOTED_MARK = re.compile(r'\s*"([^"\n]{0,40})"\s*')
_RUNS_ON = re.compile(r"\s*(?:\\label\s*\{[^{}]*\}\s*)?[(),;:.a-zà-öø-ÿа-я]")  # after a heading that begins its sentence
_TITLE_WORDS = re.compile(r"(?=[^:_]*\Z)(?:\s*[^\W\d_a-z]|\S+\s+\S)")  # what is no key: it begins with a capital or has a blank
_OWN_SECTION = re.compile(r"[A-Za-z]*?((?:sub){0,2}section|chapter)")


def _section(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    closing = f"\\end{name}"
    start = renderer.scan.skip_space(text, end)
    if name in _CLOSED_HEADINGS and text[start : start + 1] != "{":
        stop = renderer.scan.find(text, closing, end)
        if stop < 0 or stop - end > 2000:
            return end
        title, after = text[end:stop], stop + len(closing)
    elif name == "beginsection":
        stops = [place for mark in ("\n\n", "\\par") if (place := text.find(mark, end, end + 2_000)) >= 0]
        stop = min(stops) if stops else min(len(text), end + 2_000)
        title, after = text[end:stop], stop
    else:
        position = end
        if (given := renderer.scan.optional_argument(text, position)) is not None:
            position = given[1]
        found = renderer.scan.group(text, position)
        if found is None:
            return end
        title, after = found
    rendered = renderer.inline(title)
    level = SECTION_LEVELS[name] + (renderer.has_chapters and name not in ("part", "chapter"))
    if not rendered:
        out.append("\n\n")  # \paragraph{} for a new paragraph
    elif name in ("paragraph", "subparagraph"):
        is_closed = rendered[-1] in ".:?!,;–—。：？！．，" or _RUNS_ON.match(text, after) is not None
        out.append(f"\n\n{rendered}{'' if is_closed else '.'} ")
    else:
        out.append(heading(level, rendered))
    return after


def own_section(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A section of the authors' or a class's own make (`\\mysubsection{…}`); -1 where the command is none."""
    if not name.endswith(("section", "chapter")) or (own := _OWN_SECTION.fullmatch(name)) is None or text[end : end + 1] not in ("{", "["):
        return -1
    groups: list[str] = []
    after = end
    while text[after : after + 1] == "{" and len(groups) < 4 and (given := renderer.scan.group(text, after)) is not None:
        groups.append(given[0])
        after = given[1]
    if len(groups) < 2:
        return _section(renderer, text, end, own[1], out)
    title = next((group for group in groups if _TITLE_WORDS.match(group)), groups[0])  # `{sets}{rel}{Relations}`, `{Relations}{sec:rel}`
    _section(renderer, f"{{{title}}}", 0, own[1], out)
    return after


def _proclaim(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    position = renderer.scan.skip_space(text, end)
    if text[position : position + 1] == "{":
        found = renderer.scan.argument(text, position)
        if found is not None:
            title = renderer.inline(found[0])
            out.append(f"\n\n{title}{'' if title.endswith(('.', ':')) else '.'} ")
            return found[1]
    out.append("\n\n")
    return position


def _footnote(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    found = renderer.scan.argument(text, end)
    if found is None:
        return -1
    if content := renderer.inline(found[0]):
        out.append(f" [footnote: {content}]")
    if name in ("marginnote", "sidenote", "sidefootnote") and (offset := renderer.scan.optional_argument(text, found[1])) is not None:
        return offset[1]
    return found[1]


def _vfootnote(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if (quoted := _QUOTED_MARK.match(text, end)) is not None:
        return _footnote(renderer, text, quoted.end(), name, out)  # AmS-TeX: \footnote"*"{text}
    mark = renderer.scan.argument(text, end)
    after_mark = renderer.scan.skip_space(text, mark[1]) if mark is not None else len(text)
    if mark is not None and text[after_mark : after_mark + 1] == "{":
        return _footnote(renderer, text, mark[1], name, out)  # plain TeX: \footnote{mark}{text}
    return _footnote(renderer, text, end, name, out)


def _caption(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if name == "captionof":
        kind = renderer.scan.argument(text, end)
        end = kind[1] if kind else end
    if text[end : end + 1] == "*":
        end += 1
    if (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    depth, renderer.table_depth = renderer.table_depth, 0
    if content := renderer.inline(found[0]):
        out.append(f"\n\n[caption: {content}]\n\n")
    renderer.table_depth = depth
    return found[1] + (text[found[1] : found[1] + 1] == "." and text[found[1] + 1 : found[1] + 2].isspace())  # a point that went astray


def _subcaption(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\subfloat[list][caption]{…}`, `\\subcaptionbox{caption}[width]{…}`: the caption, then the content as it comes."""
    caption = ""
    if name == "subcaptionbox":
        if (given := renderer.scan.optional_argument(text, end)) is not None:
            end = given[1]
        if (found := renderer.scan.group(text, end)) is None:
            return -1
        caption, end = found
    while text[end : end + 1] == "[" and (given := renderer.scan.optional_argument(text, end)) is not None:
        caption, end = caption if name == "subcaptionbox" else given[0] or caption, given[1]
    if shown := renderer.inline(caption):
        out.append(f"\n\n[caption: {shown}]\n\n")
    return end


def _par(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    out.append("\n\n")
    return renderer.scan.skip_space(text, end)


def _row(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if text[end : end + 1] == "[" and (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    columns.end_row(renderer)
    out.append("\n")
    return skip_line_space(text, end)


def _line_break(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A line end of the running text; in a table it stands inside a cell, and a row is one line."""
    if not renderer.table_depth or renderer.tabbing_depth:
        return _row(renderer, text, end, name, out)
    out.append(" ")
    return skip_line_space(text, end)


def _kill(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A line of tabbing that only sets its stops."""
    if not renderer.tabbing_depth:
        return -1
    while out and (line_end := out[-1].rfind("\n")) < 0:
        out.pop()
    if out:
        out[-1] = out[-1][: line_end + 1]
    return skip_line_space(text, end)


def _multicolumn(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, "mmm")
    if len(given) < 3:
        return -1
    span = (given[0] or "").strip()
    num_columns = min(int(span), 50) if span.isdecimal() and len(span) < 4 else 1
    out.append(renderer.inline(given[2] or "") + columns.span(renderer, num_columns))
    return after


def _table_head(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """longtable's heads and feet for further pages are no part of the table."""
    columns.end_row(renderer)
    following = {"endfirsthead": ("\\endlastfoot", "\\endfoot", "\\endhead"), "endhead": ("\\endlastfoot", "\\endfoot")}
    for mark in following.get(name, ("\\endlastfoot",)):
        stop = text.find(mark, end, end + 3_000)
        if stop >= 0 and "\\end{" not in text[end:stop]:
            renderer.dropped["layout_command"] += stop - end
            out.append("\n")
            return skip_line_space(text, stop + len(mark))
    out.append("\n")
    return skip_line_space(text, end)


def _proof_step(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """bussproofs: a line for each premise and conclusion of a proof tree, the rule's name before the conclusion that it gives."""
    found = renderer.scan.group(text, end)
    if found is None:
        out.append("\n")  # \Axiom$A \fCenter B$
        return renderer.scan.skip_space(text, end)
    shown = renderer.inline(found[0])
    is_after_rule = bool(out) and out[-1].startswith("\n(") and out[-1].endswith(") ")
    if shown and not name.endswith("Label"):
        out.append(shown if is_after_rule else f"\n{shown}")
    elif shown:
        before = out.pop() if is_after_rule else "\n"
        out.append(f"{before}({shown}) ")
    return renderer.scan.skip_space(text, found[1])


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(
        ("footnotetext", "@footnotetext", "thanks", "IEEEcompsocitemizethanks", "endnote", "marginpar", "sidenote", "marginnote"), _footnote
    ),
    **dict.fromkeys(("tablefootnote", "blfootnote", "sidefootnote", "titlenote", "note"), _footnote),
    **dict.fromkeys(("footnote", "vfootnote"), _vfootnote),
    **dict.fromkeys(("caption", "captionof", "subcaption", "tablecaption", "figcaption", "tbl", "processtable"), _caption),
    **dict.fromkeys(("subfigure", "subfloat", "subcaptionbox"), _subcaption),
    "Deduce": _proof_step,
    **dict.fromkeys(("Axiom", "AxiomC", "AXC", "UIC", "BIC", "TIC", "DeduceC", "LeftLabel", "RightLabel"), _proof_step),
    **dict.fromkeys((f"{number}{kind}" for number in _INFERENCES for kind in ("Inf", "InfC")), _proof_step),
    **dict.fromkeys(("par", "endgraf", "smallbreak", "medbreak", "bigbreak", "medskip", "bigskip", "smallskip"), _par),
    **dict.fromkeys(("endproclaim", "enddemo", "endabstract", "newpage", "clearpage", "maketitle"), _par),
    **dict.fromkeys(("cr", "crcr", "tabularnewline", "tablebreak", "DisplayProof"), _row),
    **dict.fromkeys(("newline", "linebreak"), _line_break),
    "multicolumn": _multicolumn,
    "kill": _kill,
    **dict.fromkeys(("endfirsthead", "endhead", "endfoot"), _table_head),
    **dict.fromkeys(("proclaim", "demo", "remark", "example", "definition", "roster"), _proclaim),
}
SECTIONS: dict[str, "Handler"] = dict.fromkeys(SECTION_LEVELS, _section)
