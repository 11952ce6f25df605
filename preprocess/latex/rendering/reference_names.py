"""Names that `\\cref`, `\\Cref` and `\\autoref` print before a number: `Theorem [ref:1]`, `figs. [ref:2] and [ref:3]`.

A label's kind is told by where it stands: in which environment, or after which heading. The words are cleveref's and hyperref's own, those
that the paper declares (`\\crefname`, `\\crefformat`, `\\sectionautorefname`), and the titles of its theorems.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from preprocess.latex.tables import DISPLAY_ENVIRONMENTS, TABLE_ENVIRONMENTS, THEOREM_TITLES

if TYPE_CHECKING:
    from preprocess.latex.render import Renderer

_IS_USED = re.compile(r"\\(?:[cC]ref(?:range)?|[aA]utoref|(?:lc)?name[cC]refs?)(?![A-Za-z])")
_STEP = re.compile(
    r"\\(?P<edge>begin|end)\s*\{(?P<environment>[A-Za-z@]+)\*?\}"
    r"|\\label\s*(?:\[(?P<stated>[^\]\n]{0,80})\])?\s*\{(?P<label>[^{}]*)\}"
    r"|\\(?P<heading>part|chapter|section|subsection|subsubsection|paragraph|subparagraph|appendix)(?![A-Za-z@])"
    r"|\\crefalias\s*\{(?P<kind>[^{}]*)\}\s*\{(?P<alias>[^{}]*)\}"
)
_LABEL_OPTION = re.compile(r"\s*(?:\[[^\]\n]{0,300}?\blabel\s*=\s*\{?([^,\]{}\s]+)|\[[^\]\n]{0,300}\]\s*\{(\w+)\}|\{(\w+)\})")
_GROUP = r"\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DECLARED = re.compile(
    r"\\(?:(?P<word>[cC]refname)|(?P<format>[cC]refformat|creflabelformat))\s*\{(?P<kinds>[^{}]*)\}" + _GROUP + "(?:" + _GROUP + ")?"
)
_OPTIONS = re.compile(r"\\(?:(?:usepackage|RequirePackage)\s*\[|PassOptionsToPackage\s*\{)([^\]}]*)[\]}]\s*\{cleveref\}")
_OTHER_LANGUAGE = re.compile(
    r"\[[^\]]{0,200}\b(?:n?german|french|francais|frenchb|spanish|italian|portuguese|brazilian|brazil|russian|ukrainian|polish|dutch|czech|catalan)"
    r"\s*\]\s*\{(?:babel|cleveref)\}"
)
_WORDS = {
    "equation": ("equation", "equations"), "figure": ("figure", "figures"), "table": ("table", "tables"), "part": ("part", "parts"),
    "chapter": ("chapter", "chapters"), "section": ("section", "sections"), "appendix": ("appendix", "appendices"),
    "item": ("item", "items"), "algorithm": ("algorithm", "algorithms"), "listing": ("listing", "listings"), "line": ("line", "lines"),
}  # fmt: skip
_ABBREVIATED = {"equation": ("eq.", "eqs."), "figure": ("fig.", "figs.")}
_SAME_TO_CLEVEREF = {
    "subfigure": "figure", "subtable": "table", "subsection": "section", "subsubsection": "section", "paragraph": "section",
    "subparagraph": "section", "enumi": "item",
}  # fmt: skip
_CAPITAL_TO_HYPERREF = frozenset({"equation", "figure", "table", "part", "appendix", "algorithm", "listing", "subfigure", "subtable"})
_LISTS = frozenset({"enumerate", "compactenum", "inparaenum", "asparaenum"})
_IRREGULAR = {"hypothesis": "hypotheses", "analysis": "analyses", "axis": "axes", "appendix": "appendices"}


class ReferenceNames:
    """Of one root: the kinds of its labels, and the words for them."""

    def __init__(self, source: str, theorems: Mapping[str, str], autoref_names: Mapping[str, str]) -> None:
        self.theorems = theorems
        self.autoref_names = autoref_names  # `section` → what `\sectionautorefname` stands for
        self.kinds: dict[str, str] = {}  # label → kind: `figure`, `section`, a theorem's environment
        self.words: dict[tuple[str, str], tuple[str, str]] = {}  # (c or C, kind) → singular and plural that the paper declares
        self.formats: dict[tuple[str, str], str] = {}  # (c, C or number, kind) → `\S#1`
        self.is_used = _IS_USED.search(source) is not None
        if not self.is_used:
            return
        options = ",".join(_OPTIONS.findall(source))
        self.is_capitalised = "capitali" in options
        self.is_abbreviated = "noabbrev" not in options
        self.is_english = _OTHER_LANGUAGE.search(source) is None
        self._read_declarations(source)
        self._find_kinds(source)

    def _read_declarations(self, source: str) -> None:
        for found in _DECLARED.finditer(source):
            for kind in map(str.strip, found["kinds"].split(",")):
                if found["word"]:
                    self.words[found["word"][0], kind] = found[4], found[5] or found[4]
                else:
                    self.formats["number" if found["format"] == "creflabelformat" else found["format"][0], kind] = found[4]

    def _find_kinds(self, source: str) -> None:
        heading: str | None = None
        is_appendix = False
        aliases: dict[str, str] = {}
        open_environments: list[tuple[str, str | None]] = []  # and what a label in it counts
        for found in _STEP.finditer(source):
            if found["label"] is not None:
                kind = found["stated"] or (open_environments[-1][1] if open_environments else None) or heading
                if kind is not None:
                    self.kinds.setdefault(found["label"].strip(), aliases.get(kind, kind))
            elif found["edge"] == "begin":
                name = found["environment"]
                option = _LABEL_OPTION.match(source, found.end())
                if name == "restatable" and option is not None:
                    name = option[2] or option[3] or name
                counted = self._kind(name)
                around = open_environments[-1][1] if open_environments else None
                open_environments.append((found["environment"], counted or around))
                is_appendix = is_appendix or name in ("appendix", "appendices")
                if option is not None and option[1] and counted is not None:
                    self.kinds.setdefault(option[1], counted)
            elif found["edge"] == "end":
                if any(name == found["environment"] for name, _ in open_environments[-50:]):
                    while open_environments.pop()[0] != found["environment"]:
                        pass
            elif found["heading"] == "appendix":
                is_appendix = True
            elif found["heading"]:
                heading = "appendix" if is_appendix and found["heading"] != "part" else found["heading"]
            else:
                aliases[found["kind"].strip()] = found["alias"].strip()

    def _kind(self, environment: str) -> str | None:
        """What a label counts in an environment, None where the environment counts nothing."""
        if environment in self.theorems:
            return environment
        if environment in DISPLAY_ENVIRONMENTS or environment == "subequations":
            return "equation"
        if environment in _LISTS:
            return "item"
        if environment in TABLE_ENVIRONMENTS or "table" in environment:
            return "table" if environment != "subtable" and environment not in ("tabbing", "tabular", "tabularx", "tabulary") else None
        if "figure" in environment.lower():
            return "figure"
        if environment.startswith(("lstlisting", "listing", "minted", "codelisting")):
            return "listing"
        if environment.startswith("algorithm"):
            return "line" if environment.startswith("algorithmic") else "algorithm"
        return environment if environment in THEOREM_TITLES and not environment.endswith(("proof", "pf", "prf")) else None

    def written(self, renderer: "Renderer", keys: str, command: str, markers: Mapping[str, str]) -> str:
        """What a command prints for its keys, those of a kind together: `figs. [ref:1] and [ref:2], and table [ref:3]`."""
        by_kind: dict[str | None, list[str]] = {}
        for key in filter(None, map(str.strip, keys.split(","))):
            by_kind.setdefault(self._counted(self.kinds.get(key), command), []).append(key)
        return _listed([self._of_one_kind(renderer, kind, [markers[key] for key in of_kind], command) for kind, of_kind in by_kind.items()])

    def of_range(self, renderer: "Renderer", first: str, last: str, command: str) -> str:
        """The name before a range of numbers, or nothing."""
        kind = self._counted(self.kinds.get(first.strip()), command)
        is_one = kind is not None and kind == self._counted(self.kinds.get(last.strip()), command)
        return self._word(renderer, kind, command, is_plural=True) if kind is not None and is_one else ""

    def name(self, renderer: "Renderer", key: str, command: str) -> str:
        """The kind's name alone, as `\\namecref` prints it; nothing where the kind is not known."""
        kind = self._counted(self.kinds.get(key.strip()), "cref")
        return (
            self._word(renderer, kind, "Cref" if "Cref" in command else "cref", is_plural=command.endswith("s")) if kind is not None else ""
        )

    def _counted(self, kind: str | None, command: str) -> str | None:
        if kind is None or command.lower() == "autoref" or ("c", kind) in self.words or ("C", kind) in self.words:
            return kind
        return _SAME_TO_CLEVEREF.get(kind, kind)

    def _of_one_kind(self, renderer: "Renderer", kind: str | None, markers: list[str], command: str) -> str:
        if kind is None:
            return _listed(markers)
        if command.lower() != "autoref":
            form = self.formats.get((command[0], kind)) or self.formats.get(("c", kind))
            if form is not None:
                shown = renderer.inline(form)
                return _listed([_filled(shown, marker) for marker in markers])
            label = self.formats.get(("number", kind))
            if label is not None:
                label = renderer.inline(label)
                markers = [_filled(label, marker) for marker in markers]
            elif kind == "equation":
                markers = [f"({marker})" for marker in markers]
        word = self._word(renderer, kind, command, is_plural=len(markers) > 1)
        return f"{word} {_listed(markers)}".strip()

    def _word(self, renderer: "Renderer", kind: str, command: str, *, is_plural: bool) -> str:
        if command.lower() == "autoref":
            given = self.autoref_names.get(kind)
            if given is not None:
                return renderer.inline(given)
            title = self._title(renderer, kind)
            word = title or (_WORDS.get(kind, (kind, ""))[0] if self.is_english else "")
            return _capital(word) if title or kind in _CAPITAL_TO_HYPERREF else word
        declared, other = self.words.get((command[0], kind)), self.words.get(("c" if command[0] == "C" else "C", kind))
        if declared is not None:
            return renderer.inline(declared[is_plural])
        if other is not None:
            word = renderer.inline(other[is_plural])
            return _capital(word) if command[0] == "C" else word[:1].lower() + word[1:]
        if title := self._title(renderer, kind):
            word = _plural(title) if is_plural else title
            is_lower = command[0] == "c" and not self.is_capitalised and self.is_english
            return word[:1].lower() + word[1:] if is_lower else word
        words = _WORDS.get(kind) if self.is_english else None
        if words is not None and command[0] == "c" and self.is_abbreviated:
            words = _ABBREVIATED.get(kind, words)
        if words is None:
            return ""
        return _capital(words[is_plural]) if command[0] == "C" or self.is_capitalised else words[is_plural]

    def _title(self, renderer: "Renderer", kind: str) -> str:
        title = self.theorems.get(kind) or (THEOREM_TITLES.get(kind) if kind not in _WORDS else None)
        return renderer.inline(title) if title else ""


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def _filled(form: str, marker: str) -> str:
    return form.replace("#2", "").replace("#3", "").replace("#1", marker)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _plural(word: str) -> str:
    lower = word.lower()
    for ending, plural in _IRREGULAR.items():
        if lower.endswith(ending):
            return word[: len(word) - len(ending) + 1] + plural[1:]
    if lower.endswith("y") and lower[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word if lower.endswith("s") or not word.isascii() else word + "s"
