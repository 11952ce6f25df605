"""Citations and references: the grammar's markers, or author and year where the bibliography states them."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.tables import CITE_COMMANDS, REF_COMMANDS

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_CITES = re.compile(r"cite(?!mi[sz]e)")  # \citep, \parencite, \mycite, but not \...compsocitemizethanks
_LABELLED = re.compile(r"\s*\{([^\s\\{}]*[:_][^\s\\{}]*)\}")
_FONT_SWITCH = re.compile(r"\\(?:bf|rm|it|sl)(?![A-Za-z])\s*")
_PLACE = re.compile(  # in a work: `Theorem 2.1`, `p. 3`, `\S 3`
    r"\\S(?![A-Za-z])|(?:theorem|thm|lemma|prop|cor|chap|ch|sec|p|page|append|def|ex|rem|eq|form|vol|part|no|table|fig)[a-z]*\b\.?[\s~]*[\dA-Z]",
    re.I,
)
_CITE_PREFIX = re.compile(r"<([^<>\n]{0,100})>")
_PARENTHESISED_CITES = frozenset({"citep", "Citep", "parencite", "autocite", "citealp@"})


def cites(renderer: "Renderer", keys: str) -> str:
    """Markers of citation keys, which commas part."""
    return "".join(f"[cite:{renderer.numbers.cite(key.strip())}]" for key in keys.split(",") if key.strip())


def refs(renderer: "Renderer", keys: str) -> str:
    """Markers of labels, which commas part."""
    return "".join(f"[ref:{renderer.numbers.ref(key.strip())}]" for key in keys.split(",") if key.strip())


def _author_year(renderer: "Renderer", keys: str, name: str, before: str, after: str) -> str | None:
    """`\\citet{k}` → `Noether (1918)`; None where the bibliography does not state author and year of every key."""
    known = [renderer.cite_labels.get(key.strip()) for key in keys.split(",") if key.strip()]
    if not known or None in known:
        return None
    labels = [label for label in known if label is not None]
    note = f", {after}" if after else ""
    prefix = f"{before} " if before else ""
    lower = name.lower()
    if "author" in lower:
        return prefix + "; ".join(author for author, _ in labels) + note
    if "year" in lower:
        years = "; ".join(year for _, year in labels) + note
        return f"({prefix}{years})" if lower.endswith("par") else prefix + years
    if lower in ("cite", "citet", "textcite", "citealt", "citen", "citeasnoun"):
        if lower == "citealt":
            return prefix + "; ".join(f"{author} {year}" for author, year in labels) + note
        return prefix + "; ".join(f"{author} ({year}{note})" for author, year in labels)
    listed = prefix + "; ".join(f"{author}, {year}" for author, year in labels) + note
    return listed if lower == "citealp" else f"({listed})"


def _cite(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    notes: list[str] = []
    position = end
    if (prefix := _CITE_PREFIX.match(text, position)) is not None:  # apacite's \cite<see>[p. 2]{key}
        notes, position = [prefix[1]], prefix.end()
    while len(notes) < 2 and (given := renderer.scan.optional_argument(text, position)) is not None:
        notes.append(given[0])
        position = given[1]
    found = renderer.scan.group(text, position)
    if found is None:
        return end
    if notes and prefix is not None and len(notes) == 1:
        notes.append("")
    after_first = found[1]
    cited_keys = [found[0]]
    while name.lower().endswith("cites") and (more := renderer.scan.group(text, _past_notes(renderer, text, after_first))) is not None:
        cited_keys.append(more[0])
        after_first = more[1]
    found = ",".join(cited_keys), after_first
    if renderer.document_class == "amsppt" and not notes and "," in found[0]:
        found = _without_places(found[0], notes), found[1]
    shown = [renderer.inline(note) for note in notes]
    before, after = (shown[0], shown[1]) if len(shown) == 2 else ("", shown[0] if shown else "")
    if renderer.cite_labels and (written := _author_year(renderer, found[0], name, before, after)) is not None:
        out.append(written)
        return found[1]
    cited = f"{before} {cites(renderer, found[0])}" if before else cites(renderer, found[0])
    if name in _PARENTHESISED_CITES and (before or after):
        cited = f"({cited}, {after})" if after else f"({cited})"
    elif after:
        cited = f"{cited} ({after})"
    out.append(cited)
    return found[1]


def _without_places(keys: str, notes: list[str]) -> str:
    r"""AmS-TeX's `\cite{Sm, Theorem 2.1}`: the key; places in the work go to `notes`."""
    parts = [_FONT_SWITCH.sub("", part).strip() for part in keys.split(",")]
    places = [part for part in parts[1:] if _PLACE.match(part)]
    if places:
        notes.append(", ".join(places))
    return ",".join(part for number, part in enumerate(parts) if not number or not _PLACE.match(part))


def _past_notes(renderer: "Renderer", text: str, position: int) -> int:
    for _ in range(2):
        if text[position : position + 1] == "[" and (given := renderer.scan.optional_argument(text, position)) is not None:
            position = given[1]
    return position


def _ref(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given = renderer.scan.group(text, end)
    if given is None or not given[0] or "\n\n" in given[0]:
        return -1
    out.append(refs(renderer, given[0]) if name != "eqref" else f"({refs(renderer, given[0])})")
    return given[1]


def _named_ref(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """cleveref's and hyperref's commands, which print a name before the number."""
    given = renderer.scan.group(text, end)
    if given is None or not renderer.reference_names.is_used or "\n\n" in given[0]:
        return -1
    if "name" in name:
        out.append(renderer.reference_names.name(renderer, given[0], name))
    else:
        markers = {key: refs(renderer, key) for key in map(str.strip, given[0].split(",")) if key}
        out.append(renderer.reference_names.written(renderer, given[0], name, markers))
    return given[1]


def unknown_citation(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """A command that is called like those that cite or refer: `\\mycite{key}`, `\\figref{fig:one}`; -1 where it is none."""
    lower = name.lower()
    if _CITES.search(lower) and (after := _cite(renderer, text, end, name, out)) > end:
        return after
    if "ref" in lower and (labelled := _LABELLED.match(text, end)) is not None:
        out.append(refs(renderer, labelled[1]))
        return labelled.end()
    if lower.endswith("label") and (labelled := _LABELLED.match(text, end)) is not None:
        return labelled.end()
    return -1


def _ref_range(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, "mm")
    if len(given) < 2:
        return -1
    first, last = given[0] or "", given[1] or ""
    word = renderer.reference_names.of_range(renderer, first, last, name) if name.lower() == "crefrange" else ""
    out.append(f"{word} {refs(renderer, first)}–{refs(renderer, last)}" if word else f"{refs(renderer, first)}–{refs(renderer, last)}")
    return after


def _bibitem(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    if (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    found = renderer.scan.argument(text, end)
    if found is None:
        return -1
    out.append(f"\n\n{cites(renderer, found[0])} ")
    return found[1]


def _cite_text(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """natbib's `\\citetext{priv. comm.}`, in the brackets of a citation."""
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    out.append(f"({renderer.inline(found[0])})")
    return found[1]


def _refs_section(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    stop = renderer.scan.find(text, "\\endRefs", end)
    stop = len(text) if stop < 0 else stop
    renderer.dropped["bibliography"] += stop - end
    return stop


def _gls(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = renderer.scan.argument(text, end)
    if found is None:
        return -1
    out.append(found[0].replace("_", " ").replace("\\", ""))
    return found[1]


COMMANDS: dict[str, "Handler"] = {
    "bibitem": _bibitem,
    "Refs": _refs_section,
    "citetext": _cite_text,
    **dict.fromkeys(
        ("cref", "Cref", "autoref", "Autoref", "namecref", "nameCref", "lcnamecref", "namecrefs", "nameCrefs", "lcnamecrefs"), _named_ref
    ),
    **dict.fromkeys(("crefrange", "Crefrange", "cpagerefrange", "vrefrange"), _ref_range),
    **dict.fromkeys(("gls", "Gls", "glspl", "Glspl", "ac", "acs", "acf", "acl", "acp", "Ac", "acfp", "acsp"), _gls),
}
CITATIONS: dict[str, "Handler"] = dict.fromkeys(sorted(CITE_COMMANDS), _cite)
REFERENCES: dict[str, "Handler"] = dict.fromkeys(sorted(REF_COMMANDS), _ref)
