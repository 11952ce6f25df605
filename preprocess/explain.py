"""A trace of one paper and its outcome → what was done with it, for a person to read (`extract --explain`).

"main.tex:5: part.tex" under "included files: 1" says that line 5 of main.tex includes part.tex.
"""

import re
from collections import Counter
from collections.abc import Iterator

from preprocess.latex.trace import Note, Trace
from preprocess.records import Document, Outcome

MAX_MACROS = 30  # the most called


def explanation(trace: Trace, outcome: Outcome) -> str:
    """Lines on roots, inclusions, macros, environments and characters dropped, and every warning with its file and line."""
    lines = [*_roots(trace)]
    lines += [f"included files: {len(trace.included)}", *(f"  {_place(note)}: {note.detail}" for note in trace.included)]
    lines += [f"macros expanded: {trace.macro_calls.total()} calls of {len(trace.macro_calls)} macros"]
    lines += [f"  {count} \\{name}" for name, count in _most(trace.macro_calls)[:MAX_MACROS]]
    if len(trace.macro_calls) > MAX_MACROS:
        lines.append(f"  … and {len(trace.macro_calls) - MAX_MACROS} more")
    lines.append(f"environments dropped: {trace.dropped_environments.total()}")
    lines += [
        f"  {count} {name} ({trace.dropped_environment_characters[name]} characters)" for name, count in _most(trace.dropped_environments)
    ]
    if isinstance(outcome, Document):
        dropped = Counter(outcome.dropped_characters)
        lines += [f"characters dropped: {dropped.total()}", *(f"  {count} {kind}" for kind, count in _most(dropped))]
    warnings = [*_warnings(trace), *_unknown_commands(trace)]
    if isinstance(outcome, Document):
        warnings += _elsewhere(trace, outcome)
    return "\n".join([*lines, f"warnings: {len(warnings)}", *warnings]) + "\n"


def _roots(trace: Trace) -> Iterator[str]:
    yield "roots" if trace.root_reasons else "roots: none"
    for root, reason in trace.root_reasons.items():
        yield f"  {root}: {reason}{'' if root in trace.roots else '; not in the text'}"


def _warnings(trace: Trace) -> Iterator[str]:
    for note in trace.notes:
        yield f"  {_place(note)}: {note.kind}{f': {note.detail}' if note.detail else ''}"


def _unknown_commands(trace: Trace) -> Iterator[str]:
    """Met after expansion, where there are no files and lines any more: so with the first place that holds them."""
    for name, count in _most(trace.unknown_commands):
        command = re.compile(rf"\\{re.escape(name)}(?![A-Za-z@])")
        places = (
            f"{file}:{text.count(chr(10), 0, found.start()) + 1}" for file, text in trace.texts.items() if (found := command.search(text))
        )
        yield f"  {next(places, 'made by a macro')}: unknown_command: \\{name}, {count} in all"


def _elsewhere(trace: Trace, document: Document) -> Iterator[str]:
    """What was counted of the archive as a whole, or beyond the notes that are kept."""
    noted = Counter(note.kind for note in trace.notes) | Counter(unknown_command=trace.unknown_commands.total())
    for kind, count in document.warnings.items():
        if count > noted[kind]:
            yield f"  {kind}: {count - noted[kind]}{' more' if noted[kind] else ''}"


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _place(note: Note) -> str:
    return f"{note.file}:{note.line}" if note.line else note.file or "the paper"
