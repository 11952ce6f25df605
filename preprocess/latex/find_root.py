"""Texts → the root files in reading order: those that TeX would be run on.

{"main.tex": "\\documentclass…", "intro.tex": "…", "supp.tex": "\\documentclass…"} → ("main.tex", "supp.tex")
"""

import json
import re
from collections.abc import Mapping

_CLASS = re.compile(r"^[^%\n]*\\(?:documentclass|documentstyle)\b\s*(?:\[[^\]]*\])?\s*(?:%[^\n]*\n\s*)?\{?\s*([\w-]*)", re.M)
_BEGIN = re.compile(r"^[^%\n]*\\begin\s*\{document\}", re.M)
_PLAIN_END = re.compile(r"^[^%\n]*\\(?:bye|end|enddocument)\b(?!\s*\{)", re.M)
_PLAIN_START = re.compile(
    r"^[^%\n]*\\(?:magnification|input\s*\{?\s*(?:amstex|amsppt|harvmac|phyzzx|lanlmac|jytex|plain)|documentstyle\s*\{amsppt\}|nopagenumbers)",
    re.M,
)
_INCLUDED = re.compile(
    r"\\(?:input|include|subfile|subfileinclude|InputIfFileExists|(?:sub)?import\s*\*?\s*\{([^}]*)\})\s*\{?\s*([^\s{}\\%]+)"
)
_NO_ROOT_CLASSES = frozenset({"subfiles", "standalone"})
_FIRST_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv", "root", "thesis", "book", "master")
_LAST_NAMES = re.compile(
    r"supp|append|response|reply|letter|cover|rebuttal|referee|diff|template|sample|example|readme|poster|slides|old|backup|copy", re.I
)
_TEX_ENDINGS = (".tex", ".ltx", ".latex")


def find_root(texts: Mapping[str, str], readme: bytes | None = None) -> tuple[str, ...]:
    """The names of the root files in order; empty where nothing can be one."""
    if readme is not None and (stated := _stated_roots(readme, texts)):
        return stated
    candidates = {name: text for name, text in texts.items() if not name.lower().endswith((".sty", ".cls", ".bbl", ".def", ".clo", ".cfg"))}
    included = _included_names(candidates)
    whole = [
        name
        for name, text in candidates.items()
        if (found := _CLASS.search(text)) and found[1] not in _NO_ROOT_CLASSES and (_BEGIN.search(text) or "amsppt" in found[0])
    ]
    roots = [name for name in whole if name not in included] or whole
    if not roots:
        roots = [name for name, text in candidates.items() if _CLASS.search(text) and name not in included]
    if not roots:
        roots = [name for name, text in candidates.items() if _PLAIN_END.search(text) or _PLAIN_START.search(text)]
        roots = [name for name in roots if name not in included] or roots
    if not roots:
        free = [name for name in candidates if name not in included and candidates[name].strip()]
        tex = [name for name in free if name.lower().endswith(_TEX_ENDINGS)] or free
        roots = sorted(tex, key=lambda name: (-len(candidates[name]), name))[:1]
        if len(tex) > 1 and sum(len(candidates[name]) for name in tex) > 2 * len(candidates[roots[0]]):
            roots = sorted(tex)  # a book of plain files that nothing joins
    return tuple(sorted(roots, key=lambda name: _rank(name, candidates)))


def _rank(name: str, texts: Mapping[str, str]) -> tuple[bool, int, int, int, str]:
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()
    first = next((place for place, word in enumerate(_FIRST_NAMES) if stem == word), len(_FIRST_NAMES))
    return bool(_LAST_NAMES.search(stem)), first, name.count("/"), -len(texts[name]), name


def _included_names(texts: Mapping[str, str]) -> set[str]:
    by_lower = {name.lower(): name for name in texts}
    included: set[str] = set()
    for name, text in texts.items():
        folder = name.rpartition("/")[0]
        for found in _INCLUDED.finditer(text):
            target = ((found[1] or "") + found[2]).strip('"').removeprefix("./").lower()
            for prefix in ("", f"{folder.lower()}/" if folder else ""):
                for suffix in ("", ".tex"):
                    hit = by_lower.get(f"{prefix}{target}{suffix}")
                    if hit is not None and hit != name:
                        included.add(hit)
    return included


def _stated_roots(readme: bytes, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Roots that arXiv's 00README states: JSON or YAML `usage: toplevel`, or the old form `name toplevelfile`."""
    text = readme.decode("utf-8", "replace")
    names: list[str] = []
    try:
        sources = json.loads(text).get("sources", [])
        names = [source["filename"] for source in sources if source.get("usage") == "toplevel"]
    except (ValueError, AttributeError, KeyError, TypeError):
        for block in re.split(r"\n\s*-\s", text):
            filename, usage = re.search(r"filename:\s*['\"]?([^\s'\"]+)", block), re.search(r"usage:\s*['\"]?toplevel\b", block)
            if filename and usage:
                names.append(filename[1])
        names += re.findall(r"^\s*(\S+)\s+toplevelfile\b", text, re.M)
    return tuple(name for name in names if name in texts)
