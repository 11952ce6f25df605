"""Acronyms of the packages acronym, acro and glossaries: written out where they are used first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_VALUE = r"[^{}]*"
for _ in range(4):  # groups in groups: an entry, its field, a command in that, an index in its argument
    _VALUE = rf"(?:[^{{}}]|\{{{_VALUE}\}})*"
_VALUE = rf"\{{({_VALUE})\}}"
_LINE_END = re.compile(r"[ \t]*\n")
_ACRONYM = re.compile(
    r"\\(?:acro|acrodef|newacronym|newacro|newabbreviation)\s*(?:\[((?:[^{}\[\]]|\{[^{}]*\})*)\]\s*)?\{([^{}]*)\}\s*(?:\[([^\[\]]*)\])?"
    rf"\s*{_VALUE}(?:\s*{_VALUE})?"
)
_DECLARED_ACRONYM = re.compile(rf"\\(?:DeclareAcronym|newglossaryentry|longnewglossaryentry)\s*\{{([^{{}}]*)\}}\s*{_VALUE}")
_ACRONYM_KEY = re.compile(rf"\b(short|long|name|plural|shortplural|longplural)\s*=\s*(?:{_VALUE}|([^,{{}}]*))")
_PLURAL = re.compile(r"\\(?:acroplural|acrodefplural|newacroplural)\s*\{([^{}]*)\}\s*(?:\[([^\[\]]*)\])?\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_NO_LIST = re.compile(r"\\usepackage\s*\[[^\]]{0,200}nolist[^\]]{0,200}\]\s*\{acronym\}|\\begin\s*\{acronym\}\s*\[nolist\]")


@dataclass(slots=True)
class Acronyms:
    """The acronyms of a paper: key → short form, long form; those that were used already."""

    entries: dict[str, tuple[str, str]] = field(default_factory=dict)
    plurals: dict[str, tuple[str, str]] = field(default_factory=dict)  # short, long; where an `s` would not do
    used: set[str] = field(default_factory=set)
    is_list_hidden: bool = False


def collect(texts: Iterable[str]) -> Acronyms:
    """The table of the packages acronym, acro and glossaries, from wherever it stands: an acronym's list often ends a paper."""
    acronyms = Acronyms()
    for text in texts:
        if "nolist" in text and _NO_LIST.search(text):
            acronyms.is_list_hidden = True
        if "\\acro" in text or "\\newacro" in text or "\\newabbreviation" in text:
            for found in _ACRONYM.finditer(text):
                options, key, short, long, last = found[1], found[2].strip(), found[3], found[4], found[5]
                is_glossaries = last is not None and found[0].startswith(("\\newacronym", "\\newabbreviation"))
                acronyms.entries[key] = (long, last) if is_glossaries else (short or key, long)
                if options and "plural" in options:
                    fields = _fields(options)
                    acronyms.plurals[key] = (fields.get("shortplural", ""), fields.get("longplural", ""))
        if "plural" in text:
            for found in _PLURAL.finditer(text):
                acronyms.plurals[found[1].strip()] = (found[2] or "", found[3])
        if "\\DeclareAcronym" in text or "newglossaryentry" in text:
            for found in _DECLARED_ACRONYM.finditer(text):
                fields, key = _fields(found[2]), found[1].strip()
                short = fields.get("short") or fields.get("name") or key
                acronyms.entries[key] = (short, fields.get("long", ""))
                if "plural" in fields:
                    acronyms.plurals[key] = (fields["plural"], "")
    return acronyms


def _fields(options: str) -> dict[str, str]:
    return {part[1]: (part[2] if part[2] is not None else part[3]).strip() for part in _ACRONYM_KEY.finditer(options)}


def _acronym(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    position = frame.position + (frame.text[frame.position : frame.position + 1] == "*")
    if (given := expander.scan.optional_argument(frame.text, position)) is not None:
        position = given[1]
    target = expander.scan.group(frame.text, position)
    entry = expander.acronyms.entries.get(target[0].strip()) if target is not None else None
    if target is None or entry is None:
        return False
    frame.position = target[1]
    (short, long), key = entry, target[0].strip()
    form, is_plural = _COMMANDS[name]
    if is_plural:
        own_short, own_long = expander.acronyms.plurals.get(key, ("", ""))
        short, long = own_short or f"{short}s", own_long or (f"{long}s" if long else "")
    is_first = key not in expander.acronyms.used
    if form in ("first", "full"):
        expander.acronyms.used.add(key)
    if not long or form == "short" or (not is_first and form == "first"):
        shown = short
    else:
        shown = long if form == "long" else f"{long} ({short})"
    expander.push(shown[:1].upper() + shown[1:] if name[0].isupper() else shown)
    return True


def _mark(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""Commands that print nothing: `\glsreset{gan}`, from which on it is written out again, `\glsunset{gan}`, `\glsadd{gan}`."""
    used = expander.acronyms.used
    if name.endswith("resetall"):
        used.clear()
        return bool(expander.acronyms.entries)
    target = expander.scan.group(frame.text, frame.position)
    key = target[0].strip() if target is not None else ""
    if target is None or key not in expander.acronyms.entries:
        return False
    frame.position = target[1]
    if name in ("glsreset", "acreset"):
        used.discard(key)
    elif name != "glsadd":
        used.add(key)
    if expander.out and expander.out[-1].rstrip(" \t").endswith("\n") and (rest := _LINE_END.match(frame.text, frame.position)) is not None:
        frame.position = rest.end()  # alone on its line: no blank line stays behind, which would end the paragraph
    return True


def _linked(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\glslink{gan}{adversarial}`: the text."""
    position = given[1] if (given := expander.scan.optional_argument(frame.text, frame.position)) is not None else frame.position
    found = expander.scan.all_arguments(frame.text, position, 2)
    if found is None or found[0][0].strip() not in expander.acronyms.entries:
        return False
    frame.position = found[1]
    expander.push(found[0][1])
    return True


def _acronym_entry(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _ACRONYM.match(frame.text, start)
    if found is None:
        return False
    frame.position = found.end()
    expander.dropped["definition"] += frame.num_source(start, found.end())
    if name == "acro" and not expander.acronyms.is_list_hidden:
        expander.push(f"\\item[{{{found[3] or found[2]}}}] {found[4]}\n")
    return True


_FORMS = {
    "first": ("ac", "gls", "iac"),
    "full": ("acf", "acfi", "acrfull", "glsfirst", "glsxtrfull", "glsentryfull"),
    "short": ("acs", "acsu", "acrshort", "glsxtrshort", "glsentryshort", "glstext", "glsentrytext", "glsname", "glsentryname"),
    "long": ("acl", "acli", "aclu", "acrlong", "glsxtrlong", "glsentrylong", "glsdesc", "glsentrydesc"),
}
_COMMANDS = {
    variant: (form, ending != "")
    for form, stems in _FORMS.items()
    for stem in stems
    for ending in ("", "p" if len(stem) <= 4 and stem != "gls" else "pl")
    for variant in (f"{stem}{ending}", f"{stem}{ending}".capitalize())
}
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_COMMANDS, _acronym),
    **dict.fromkeys(("acro", "acrodef", "newacronym", "newacro", "newabbreviation"), _acronym_entry),
    **dict.fromkeys(("glsreset", "glsunset", "glsadd", "acreset", "acused", "glsresetall", "acresetall"), _mark),
    **dict.fromkeys(("glslink", "glsdisp"), _linked),
}
