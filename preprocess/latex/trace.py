"""What was done with a paper and where, for whoever wants to see it: `python -m preprocess extract --explain`."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from preprocess.latex.scan import unguard

MAX_NOTES = 500
_VERBATIM_MARKS = re.compile(r"\\verb\x01([^\x01]*)\x01")
_DELIMITERS = "|!+=/;:,.?*-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing that was unusual. `line` counts from 1 in `file`; 0 where there is no place to name."""

    kind: str
    file: str
    line: int
    detail: str


@dataclass(slots=True, kw_only=True)
class Trace:
    """Filled on the way of one paper. It changes nothing of the result and is empty where nobody asked for it."""

    texts: Mapping[str, str] = field(default_factory=dict)  # the files that may hold TeX, decoded
    root_reasons: dict[str, str] = field(default_factory=dict)  # root → why it is one
    roots: list[str] = field(default_factory=list)  # those that gave text
    included: list[Note] = field(default_factory=list)  # who includes and where, in `detail` what, in order
    expanded_sources: dict[str, str] = field(default_factory=dict)  # root → its source after inclusion and expansion
    macro_calls: Counter[str] = field(default_factory=Counter)  # name → calls of the paper's own macros
    dropped_environments: Counter[str] = field(default_factory=Counter)  # name → occurrences
    dropped_environment_characters: Counter[str] = field(default_factory=Counter)  # name → characters of them
    unknown_commands: Counter[str] = field(default_factory=Counter)  # name → occurrences, shown without their name
    notes: list[Note] = field(default_factory=list)

    def drop(self, environment: str, num_characters: int) -> None:
        """Counts an environment that is not in the text."""
        self.dropped_environments[environment] += 1
        self.dropped_environment_characters[environment] += num_characters

    def note(self, kind: str, file: str, line: int, detail: str) -> None:
        """Adds a note, up to `MAX_NOTES` of them."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note(kind=kind, file=file, line=line, detail=" ".join(detail.split())[:200]))

    def source(self) -> str:
        """The roots' sources after inclusion and expansion, in order: LaTeX again, without the converter's own marks."""
        return "\n".join(_as_latex(self.expanded_sources[root]) for root in self.roots)


def _as_latex(expanded: str) -> str:
    """An expanded source with `\\verb` and `\\ensuremath` as TeX writes them."""
    expanded = _VERBATIM_MARKS.sub(_verbatim, expanded)
    return expanded.replace("\x02", "\\ensuremath{").replace("\x03", "}").replace("\x01", "").strip("\n") + "\n"


def _verbatim(found: re.Match[str]) -> str:
    code = unguard(found[1])
    delimiter = next((sign for sign in _DELIMITERS if sign not in code), "|")
    return f"\\verb{delimiter}{code}{delimiter}"
