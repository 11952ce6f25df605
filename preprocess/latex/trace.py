"""What was done with a paper and where, for whoever wants to see it: `python -m preprocess extract --explain`."""

from collections import Counter
from dataclasses import dataclass, field

MAX_NOTES = 500


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

    roots: list[str] = field(default_factory=list)
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
