"""What differs between two runs, by their books (`run.json`): settings, versions of the stages, tars, metadata, commit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference: what it is of, and both values as words; `-` where there is none."""

    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.before} -> {self.after}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The differences between two runs' books, settings first; of the books only what both have is compared."""
    found = config_changes(before.get("config", {}), after.get("config", {}))
    if "stages" in before and "stages" in after:
        old, new = before["stages"], after["stages"]
        names = sorted(old.keys() | new.keys())
        found += [_change(f"version of {name}", old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]
    found += _tar_changes(before, after)
    old, new = (books.get("metadata", {}).get("snapshot_sha256") for books in (before, after))
    if old != new:
        found.append(_change("metadata snapshot, SHA-256", old and old[:12], new and new[:12]))
    if before.get("commit") != after.get("commit"):
        found.append(_change("commit", *(_short_commit(str(books.get("commit"))) for books in (before, after))))
    return found


def _short_commit(commit: str) -> str:
    """Twelve digits, and whether the tree differed from it."""
    digits, sign, rest = commit.partition("+")
    return f"{digits[:12]}{sign}{rest}"


def config_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The fields of two configs (as in a manifest) whose values differ."""
    old, new = json.loads(json.dumps(before)), json.loads(json.dumps(after))
    found = []
    for section in dict.fromkeys([*old, *new]):
        fields, other = old.get(section, {}), new.get(section, {})
        for name in dict.fromkeys([*fields, *other]):
            if (name in fields) != (name in other) or fields.get(name) != other.get(name):
                found.append(_change(f"{section}.{name}", fields.get(name, "-"), other.get(name, "-")))
    return found


def _tar_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    old, new = ({tar["tar"]: tar["md5"] for tar in books.get("tars", ())} for books in (before, after))
    found = [
        _change(name, f"md5 {old[name][:12]}", f"md5 {new[name][:12]}")
        for name in sorted(old.keys() & new.keys())
        if old[name] != new[name]
    ]
    for words, names in (("tars that are new", new.keys() - old.keys()), ("tars that are gone", old.keys() - new.keys())):
        if names:
            shown = ", ".join(sorted(names)[:3]) + (" ..." if len(names) > 3 else "")
            found.append(_change(words, "-", f"{len(names)} ({shown})"))
    return found


def _change(what: str, before: Any, after: Any) -> Change:
    return Change(what=what, before=_words(before), after=_words(after))


def _words(value: Any) -> str:
    if value is None:
        return "none"
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return words if len(words) <= 200 else words[:200] + "..."
