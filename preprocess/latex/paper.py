"""SourceTree → ExtractedPaper | Rejection: the sources of one submission to its text (`docs/pipeline.md` tells the way)."""

import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from preprocess.config import LatexConfig
from preprocess.latex.decode import decode
from preprocess.latex.expand import Expanded, Expander
from preprocess.latex.find_root import find_root, why_root
from preprocess.latex.render import Numbers, Rendered, Renderer
from preprocess.latex.rendering.headings import settle
from preprocess.latex.scan import Scanner
from preprocess.latex.trace import Trace
from preprocess.records import ExtractedPaper, Rejection, RejectReason, SourceTree, Stage


def extract_latex(tree: SourceTree, config: LatexConfig, trace: Trace | None = None) -> ExtractedPaper | Rejection:
    """Decodes, finds the roots, expands each with what it includes, renders it, and puts the parts in order.

    A root whose text is mostly in an earlier one is an older or shorter version of the same paper, and is left out.
    `trace`, where given, is filled with what was done and where.
    """
    texts, warnings = decode(tree.files, trace)
    warnings.update(tree.notes)
    readme = _readme(tree.files)
    roots = find_root(texts, readme)
    if len(roots) > config.max_roots:
        warnings["root_limit"] += len(roots) - config.max_roots
        roots = roots[: config.max_roots]
    if not roots:
        return Rejection(
            stage=Stage.EXTRACT,
            reason=RejectReason.NO_ROOT,
            detail=f"none of {len(tree.files)} files can be a root: {', '.join(sorted(tree.files)[:5])}",
        )
    if trace is not None:
        trace.texts = texts
        trace.root_reasons = {root: why_root(root, texts, readme) for root in roots}
    cite_labels = _author_years(texts) if config.cite_author_year else {}
    numbers = Numbers()
    dropped: Counter[str] = Counter()
    read: set[str] = set()
    packages: set[str] = set()
    parts: list[_Part] = []
    seen_shingles: set[int] = set()
    for root in roots:
        expander = Expander(texts, config, trace=trace, archive=tree.files)
        expanded = expander.expand(root)
        if expanded.is_over_limit:
            return Rejection(
                stage=Stage.EXTRACT,
                reason=RejectReason.EXPANSION_LIMIT,
                detail=f"{root}: {expander.over_limit()}",
            )
        own_numbers = numbers.copy()
        part = _render(root, expanded, own_numbers, cite_labels, config, trace)
        num_source = sum(len(texts[name]) for name in {*expanded.files} - read if name in texts)  # that no root before has read
        read.update(expanded.files)
        packages |= expander.seen_packages
        if len(roots) > 1:
            if kind := _superfluous(part, parts, seen_shingles, config):
                if trace is not None:
                    trace.note(kind, root, 0, part.rendered.title)
                dropped[kind] += num_source
                warnings[kind] += 1
                continue
            seen_shingles |= _shingles(part.text)
        numbers = own_numbers
        dropped += _dropped_source(expanded, part.rendered, num_source)
        warnings += expanded.warnings
        if unknown := part.rendered.unknown_commands:
            warnings["unknown_command"] += unknown.total()
        parts.append(part)
    if trace is not None:
        trace.roots = [part.root for part in parts]
    dropped["package"] += sum(len(texts[name]) for name in packages - read if name in texts)
    dropped["unused_file"] += sum(len(text) for name, text in texts.items() if name not in read | packages)
    return _joined(tree, texts, roots, parts, dropped, warnings)


@dataclass(slots=True)
class _Part:
    """What one root gives."""

    root: str
    rendered: Rendered
    text: str


def _render(
    root: str, expanded: Expanded, numbers: Numbers, cite_labels: Mapping[str, tuple[str, str]], config: LatexConfig, trace: Trace | None
) -> _Part:
    """A root's expanded source to its text; `numbers` goes on with its citations and labels."""
    renderer = Renderer(expanded.theorems, numbers, config, Scanner(len(expanded.source), has_comments=False), trace)
    renderer.cite_labels = cite_labels
    renderer.autoref_names = expanded.autoref_names
    rendered = renderer.render_root(expanded.source)
    if trace is not None:
        trace.expanded_sources[root] = expanded.source
        trace.unknown_commands += rendered.unknown_commands
    return _Part(root, rendered, _tidy(f"{rendered.front}\n\n{rendered.body}"))


def _joined(
    tree: SourceTree,
    texts: Mapping[str, str],
    roots: tuple[str, ...],
    parts: list[_Part],
    dropped: Counter[str],
    warnings: Counter[str],
) -> ExtractedPaper:
    """The parts of a paper in order, with the first title, abstract and class that one of them has."""
    rendered = [part.rendered for part in parts]
    return ExtractedPaper(
        arxiv_id=tree.arxiv_id,
        text="\n\n".join(part.text for part in parts if part.text),
        title=next((one.title for one in rendered if one.title), ""),
        abstract=next((one.abstract for one in rendered if one.abstract), ""),
        document_class=next((one.document_class for one in rendered if one.document_class), None),
        root_files=tuple(part.root for part in parts) or roots,
        tex_bytes=sum(len(tree.files[name]) for name in texts),
        dropped_characters={kind: count for kind, count in sorted(dropped.items()) if count},
        warnings=dict(sorted(warnings.items())),
    )


def _readme(files: Mapping[str, bytes]) -> bytes | None:
    """arXiv's own word on the submission: the newest of its forms that is there."""
    by_lower = {name.lower(): content for name, content in files.items()}
    forms = (f"00readme{ending}" for ending in (".json", ".jsn", ".yaml", ".yml", ".toml", ".xxx", ""))
    return next((by_lower[name] for name in forms if name in by_lower), None)


def _dropped_source(expanded: Expanded, rendered: Rendered, num_source: int) -> Counter[str]:
    """What is not in the text of one root, by kind, in characters of its source: never more than the `num_source` that it has.

    What is counted after the expansion counts by its share: of a drawing that macros have made ten times as long a tenth was source.
    """
    before = _in_all(expanded.dropped, num_source, expanded.dropped.total())
    after = _in_all(rendered.dropped, num_source - before.total(), max(len(expanded.source), rendered.dropped.total()))
    return before + after


def _in_all(counts: Counter[str], num_source: int, num_counted: int) -> Counter[str]:
    if num_counted <= num_source:
        return counts
    return Counter({kind: count * num_source // num_counted for kind, count in counts.items()})


_BIBITEM = re.compile(r"\\bibitem\s*\[((?:[^\[\]{}]|\{(?:[^{}]|\{[^{}]*\})*\}){1,400})\]\s*\{([^{}\n]*)\}")
_AUTHOR_YEAR = re.compile(r"(.+?)\s*\(\s*(\d{4}[a-z]?)\s*\)", re.S)
_CITE_AUTHOR_YEAR = re.compile(r"\\(?:citeauthoryear|astroncite|citename)\s*\{([^{}]*)\}\s*(?:\{[^{}]*\}\s*)?\{\s*(\d{4}[a-z]?)\s*\}")


def _author_years(texts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Author and year of the citation keys, from natbib's labels `\\bibitem[{Noether(1918)}]{key}` and their older forms."""
    labels: dict[str, tuple[str, str]] = {}
    for text in texts.values():
        if "\\bibitem" not in text:
            continue
        for label, key in _BIBITEM.findall(text.replace("%\n", "")):
            found = _CITE_AUTHOR_YEAR.search(label) or _AUTHOR_YEAR.search(label.strip().removeprefix("{"))
            if found is not None:
                author = " ".join(re.sub(r"\\protect|[{}]", "", found[1].replace("~", " ").replace("\\&", "&")).split())
                if author and "\\" not in author:
                    labels[key.strip()] = author, found[2]
    return labels


_WORD = re.compile(r"\w+")
_SHINGLE_WORDS = 8
_MIN_VERSION_SHINGLES = 1_000  # shorter roots are no papers: parts of a book that share their tables, say
_TEMPLATE_TITLE = re.compile(
    r"\b(?:(?:formatting|author|preparation|submission|style)\s+(?:instructions?|guidelines?)|instructions?\s+(?:for|to)\s+authors?"
    r"|(?:sample|template)\s+(?:article|paper|manuscript|document)|preparing\s+(?:a|your)\s+(?:paper|manuscript))\b",
    re.I,
)


def _shingles(text: str) -> set[int]:
    """Hashes of the runs of eight words; integers of crc32, so that they are the same in every process."""
    words = _WORD.findall(text.lower())
    return {zlib.crc32(" ".join(words[start : start + _SHINGLE_WORDS]).encode()) for start in range(len(words) - _SHINGLE_WORDS + 1)}


def _superfluous(part: _Part, before: list[_Part], seen: set[int], config: LatexConfig) -> str | None:
    """Why a root adds nothing: a copy (a hard link, say) or another version of what is there already, or the journal's template."""
    if any(part.text == other.text for other in before):
        return "copied_root"
    if _TEMPLATE_TITLE.search(part.rendered.title):
        return "template_root"
    own = _shingles(part.text)
    is_version = len(own) >= _MIN_VERSION_SHINGLES and len(own & seen) >= config.min_version_overlap * len(own)
    return "version_of_another_root" if is_version else None


_FENCED = re.compile(r"(^```\n.*?^```$)", re.S | re.M)


_BLANKS = re.compile(r"[ \t]{2,}")
_LINE_ENDS = re.compile(r"[ \t]+\n[ \t]*|\n[ \t]+")
_BLANK_BEFORE_SIGN = re.compile(r"(?<![\\|]) ([,.;:)\]])(?=\s|\Z)")  # but that of `\ .` in a formula and that of a cell


def _tidy(text: str) -> str:
    """Blanks and line ends in their places; code between fences as it stands."""
    if "```" not in text:
        return settle(_tidy_prose(text).strip())
    parts = _FENCED.split(text.strip())
    parts[::2] = [settle(_tidy_prose(part)) for part in parts[::2]]
    return "".join(parts).strip()


def _tidy_prose(text: str) -> str:
    if "\t" in text:
        text = _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))
    else:  # nearly always; a fifth of the time that the expressions take
        while "  " in text:
            text = text.replace("  ", " ")
        text = text.replace(" \n", "\n").replace("\n ", "\n")
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return _BLANK_BEFORE_SIGN.sub(r"\1", text)
