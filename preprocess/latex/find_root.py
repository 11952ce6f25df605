"""Texts → the root files in reading order: those that TeX would be run on.

{"main.tex": "\\documentclass…", "intro.tex": "…", "supp.tex": "\\documentclass…"} → ("main.tex", "supp.tex")
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence

_CLASS = re.compile(r"^[^%\n]*\\(?:documentclass|documentstyle)\b\s*(?:\[[^\]]{0,1000}\])?\s*(?:%[^\n]*\n\s*)?\{?\s*([\w-]*)", re.M)
_BEGIN = re.compile(r"^[^%\n]*\\begin\s*\{document\}", re.M)
_PLAIN_END = re.compile(r"^[^%\n]*\\(?:bye|end|enddocument)\b(?!\s*\{)", re.M)
_PLAIN_START = re.compile(
    r"^[^%\n]*\\(?:magnification|input\s*\{?\s*(?:amstex|amsppt|harvmac|phyzzx|lanlmac|jytex|plain)|documentstyle\s*\{amsppt\}|nopagenumbers)",
    re.M,
)
_INCLUDED = re.compile(
    r"\\(?:[A-Za-z]*(?:input|import|include|subfile|VerbatimInput)[A-Za-z]*|InputIfFileExists)\*?\s*(?:\[[^\]\n]{0,400}\])?\s*"
    r"(?:\{([^{}\n]{0,400})\}\s*(?:\{([^{}\n]{0,400})\})?|([^\s{}\\%]{1,400}))"
)
_SUBFILE = re.compile(r"^[^%\n]*\\documentclass\s*\[([^\]\n]{1,400})\]\s*\{subfiles\}", re.M)
_NO_ROOT_CLASSES = frozenset({"subfiles", "standalone"})
_AMS_CLASS = re.compile(r"\\documentstyle\s*\{amsppt\}")
_FIRST_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv", "root", "thesis", "book", "master")
_LAST_NAMES = re.compile(
    r"supp|append|response|reply|letter|cover|rebuttal|referee|diff|template|sample|example|readme|poster|slides|old|backup|copy|highlights"
    r"|sup_?mat|(?:\A|[_-])(?:short|(?:si|sm|sup|esm|esi|som)(?:\Z|[_\d-]))",
    re.I,
)
_TITLE = re.compile(r"^[^%\n]*\\(?:title|Title|icmltitle|mathtitle)\b", re.M)
_ABSTRACT = re.compile(r"\\begin\s*\{(?:abstract|Abstract)\}|\\(?:abstract|Abstract)\b")
_MAX_WEIGHED_ROOTS = 200  # with what they include; of more than that, each by itself
_MAX_README_BYTES = 1 << 18
_README_FILE = re.compile(r"filename:[ \t]*['\"]?([^\s'\",}]+)")
_README_USAGE = re.compile(r"usage:[ \t]*['\"]?([a-z]+)\b")
_README_LINE = re.compile(r"^[ \t]*+['\"]?([^\s'\"]+)['\"]?[ \t]++(toplevelfile|ignore)\b", re.M)
_TEX_ENDINGS = (".tex", ".ltx", ".latex")


def find_root(texts: Mapping[str, str], readme: bytes | None = None) -> tuple[str, ...]:
    """The names of the root files in order; empty where nothing can be one."""
    if readme is not None:
        stated, ignored = read_readme(readme)
        if any(name in texts for name in stated):
            return tuple(name for name in stated if name in texts)
        texts = {name: text for name, text in texts.items() if name not in ignored}
    candidates = {name: text for name, text in texts.items() if not name.lower().endswith((".sty", ".cls", ".bbl", ".def", ".clo", ".cfg"))}
    includes = _inclusions(candidates)
    included = _included_names(includes)
    classes = {name: found[1] for name, text in candidates.items() if "\\document" in text and (found := _CLASS.search(text))}
    begun = {name for name, text in candidates.items() if "{document}" in text and _BEGIN.search(text)}
    subfiles = {name for name, kind in classes.items() if kind in _NO_ROOT_CLASSES}
    whole = [
        name for name in candidates if name in classes and name not in subfiles and (name in begun or _AMS_CLASS.search(candidates[name]))
    ]
    roots = [name for name in whole if name not in included]
    if not roots:
        roots = [name for name in candidates if name in begun and name not in included and name not in subfiles] or whole
    free_subfiles = [name for name in subfiles if name not in included and name in begun]
    if free_subfiles:
        # parts of a book that came without it: its main file, if there, is only the frame that each part names
        frames = {target for name in free_subfiles if (target := _subfile_frame(name, candidates)) is not None}
        folders = {frame.rpartition("/")[0] for frame in frames}
        roots = [name for name in roots if name.rpartition("/")[0] not in folders or not folders - {""}] + free_subfiles
        roots = [name for name in roots if name not in frames]
    if not roots:
        roots = [name for name in classes if name not in included]
    if not roots:
        roots = [name for name, text in candidates.items() if _PLAIN_END.search(text) or _PLAIN_START.search(text)]
        roots = [name for name in roots if name not in included] or roots
        if sum(len(candidates[name]) for name in roots) * 20 < sum(map(len, candidates.values())) and not any(
            _INCLUDED.search(candidates[name]) for name in roots
        ):
            roots = []
    if not roots:
        free = [name for name in candidates if name not in included and candidates[name].strip()]
        tex = [name for name in free if name.lower().endswith(_TEX_ENDINGS)] or free
        roots = sorted(tex, key=lambda name: (-len(candidates[name]), name))[:1]
        if len(tex) > 1 and sum(len(candidates[name]) for name in tex) > 2 * len(candidates[roots[0]]):
            roots = sorted(tex)  # a book of plain files that nothing joins
    weighed = includes if len(roots) <= _MAX_WEIGHED_ROOTS else {}
    return tuple(sorted(roots, key=lambda name: _rank(name, candidates, weighed)))


def why_root(name: str, texts: Mapping[str, str], readme: bytes | None = None) -> str:
    """What makes a root of `find_root` one, for its reader."""
    if readme is not None and name in read_readme(readme)[0]:
        return "00README names it"
    text = texts[name]
    candidates = {other: content for other, content in texts.items() if not other.lower().endswith((".sty", ".cls", ".bbl"))}
    company = "other files include it too" if name in _included_names(_inclusions(candidates)) else "no other file includes it"
    found = _CLASS.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        begin = " and \\begin{document}" if _BEGIN.search(text) else ""
        return f"\\document{'style' if 'documentstyle' in found[0] else 'class'}{{{found[1]}}} in line {line}{begin}; {company}"
    for pattern, what in ((_BEGIN, "\\begin{document}"), (_PLAIN_END, "plain TeX's end"), (_PLAIN_START, "a beginning of plain TeX")):
        if (found := pattern.search(text)) is not None:
            return f"{what} in line {text.count(chr(10), 0, found.start()) + 1}; {company}"
    return f"nothing in {len(texts)} files says where the paper begins; {company}"


def _rank(name: str, texts: Mapping[str, str], includes: Mapping[str, Sequence[str]]) -> tuple[bool, int, int, bool, int, str]:
    """Where a root stands among several: by its name, then whether it has a paper's head, then by all that it reads, the most first."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0].lower()
    first = next((place for place, word in enumerate(_FIRST_NAMES) if stem == word), len(_FIRST_NAMES))
    reads = _reach(name, includes)
    return (
        bool(_LAST_NAMES.search(stem)),
        first,
        name.count("/"),
        _TITLE.search(texts[name]) is None or not any(_ABSTRACT.search(texts[other]) for other in reads),
        -sum(len(texts[other]) for other in reads),
        name,
    )


def _reach(name: str, includes: Mapping[str, Sequence[str]]) -> set[str]:
    """A file and all that it includes, directly or not."""
    reached, waiting = {name}, [name]
    while waiting:
        for target in includes.get(waiting.pop(), ()):
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _inclusions(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """File → the files that it includes."""
    by_lower = {name.lower(): name for name in texts}
    included: dict[str, list[str]] = {}
    for name, text in texts.items():
        folder = name.rpartition("/")[0]
        targets = included[name] = []
        for found in _INCLUDED.finditer(text):
            called = [found[3] or found[1] or ""]
            if found[2]:
                called += [f"{(found[1] or '').rstrip('/')}/{found[2]}", found[2]]
            for target in called:
                wanted = plain_path(target.strip().strip('"').lower())
                for prefix in ("", f"{folder.lower()}/" if folder else ""):
                    for suffix in ("", ".tex"):
                        hit = by_lower.get(plain_path(f"{prefix}{wanted}{suffix}"))
                        if hit is not None and hit != name:
                            targets.append(hit)
    return included


def _included_names(includes: Mapping[str, Sequence[str]]) -> set[str]:
    return {target for targets in includes.values() for target in targets}


def _subfile_frame(name: str, texts: Mapping[str, str]) -> str | None:
    """The main file that a subfile names in its class option."""
    found = _SUBFILE.search(texts[name])
    if found is None:
        return None
    folder = name.rpartition("/")[0]
    for suffix in ("", ".tex"):
        path = plain_path(f"{folder}/{found[1].strip()}{suffix}")
        if path in texts:
            return path
    return None


def plain_path(path: str) -> str:
    """A path without `.` and `..`, which cannot lead out of the archive."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return "/".join(parts)


def read_readme(readme: bytes) -> tuple[tuple[str, ...], frozenset[str]]:
    """What arXiv's 00README states, in JSON, TOML, YAML or old lines of `name directive`: (top-level files, files to ignore)."""
    text = readme[:_MAX_README_BYTES].decode("utf-8", "replace")
    usages: list[tuple[str, str]] = []
    for load in (json.loads, tomllib.loads):
        try:
            usages = [(str(source["filename"]), str(source.get("usage"))) for source in load(text)["sources"]]
            break
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            continue
    else:
        for block in re.split(r"\n[ \t]*-[ \t]|\{", text):
            filename, usage = _README_FILE.search(block), _README_USAGE.search(block)
            if filename and usage:
                usages.append((filename[1], usage[1]))
        usages += [(found[1], found[2]) for found in _README_LINE.finditer(text)]
    usages = [(plain_path(name), usage) for name, usage in usages]
    roots = tuple(name for name, usage in usages if usage in ("toplevel", "toplevelfile"))
    return roots, frozenset(name for name, usage in usages if usage == "ignore")
