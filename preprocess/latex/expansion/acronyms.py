"""Acronyms of the packages acronym, acro and glossaries: written out where they are used first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from preprocess.latex.expansion.macros import Frame, Handler

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_ACRONYM = re.compile(
    r"\\(?:acro|acrodef|newacronym|newacro|acrodef)\s*(?:\[[^\[\]]*\]\s*)?\{([^{}]*)\}\s*(?:\[([^\[\]]*)\])?\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
    r"(?:\s*\{((?:[^{}]|\{[^{}]*\})*)\})?"
)
_DECLARED_ACRONYM = re.compile(r"\\(?:DeclareAcronym|newglossaryentry|longnewglossaryentry)\s*\{([^{}]*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_ACRONYM_KEY = re.compile(r"\b(short|long|name)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,{}]*))")
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
        if "\\acro" in text or "\\newacro" in text:
            for found in _ACRONYM.finditer(text):
                key, short, long, last = found[1].strip(), found[2], found[3], found[4]
                is_glossaries = last is not None and found[0].startswith("\\newacronym")
                acronyms.entries[key] = (long, last) if is_glossaries else (short or key, long)
        if "plural" in text:
            for found in _PLURAL.finditer(text):
                acronyms.plurals[found[1].strip()] = (found[2] or "", found[3])
        if "\\DeclareAcronym" in text or "newglossaryentry" in text:
            for found in _DECLARED_ACRONYM.finditer(text):
                fields = {part[1]: (part[2] if part[2] is not None else part[3]).strip() for part in _ACRONYM_KEY.finditer(found[2])}
                short = fields.get("short") or fields.get("name") or found[1].strip()
                acronyms.entries[found[1].strip()] = (short, fields.get("long", ""))
    return acronyms


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
    is_plural = name.endswith(("p", "pl"))
    if is_plural:
        own_short, own_long = expander.acronyms.plurals.get(key, ("", ""))
        short, long = own_short or f"{short}s", own_long or (f"{long}s" if long else "")
    stem = name.lower().removesuffix("pl").removesuffix("p") if is_plural else name.lower()
    is_first = key not in expander.acronyms.used
    expander.acronyms.used.add(key)
    if not long or stem in ("acs", "acrshort") or (not is_first and stem in ("ac", "gls", "iac")):
        shown = short
    elif stem in ("acl", "acrlong"):
        shown = long
    else:
        shown = f"{long} ({short})"
    expander.push(shown[:1].upper() + shown[1:] if name[0].isupper() else shown)
    return True


def _acronym_entry(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = _ACRONYM.match(frame.text, start)
    if found is None:
        return False
    frame.position = found.end()
    expander.dropped["definition"] += frame.num_source(start, found.end())
    if name == "acro" and not expander.acronyms.is_list_hidden:
        expander.push(f"\\item[{{{found[2] or found[1]}}}] {found[3]}\n")
    return True


_COMMANDS = (
    "ac", "Ac", "acp", "Acp", "acf", "Acf", "acfp", "acs", "acsp", "acl", "Acl", "aclp", "gls", "Gls", "glspl", "Glspl", "acrshort",
    "acrlong", "acrfull", "Acrlong", "Acrfull", "acrshortpl", "acrlongpl", "acrfullpl", "iac",
)  # fmt: skip
HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(_COMMANDS, _acronym),
    **dict.fromkeys(("acro", "acrodef", "newacronym", "newacro"), _acronym_entry),
}
