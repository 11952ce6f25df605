"""SourceTree → ExtractedPaper | Rejection: the sources of one submission to its text (`docs/pipeline.md` tells the way)."""

import re
from collections import Counter

from preprocess.config import LatexConfig
from preprocess.latex.decode import decode
from preprocess.latex.expand import Expander
from preprocess.latex.find_root import find_root
from preprocess.latex.render import Numbers, Renderer
from preprocess.latex.scan import Scanner
from preprocess.records import ExtractedPaper, Rejection, RejectReason, SourceTree, Stage


def extract_latex(tree: SourceTree, config: LatexConfig) -> ExtractedPaper | Rejection:
    """Decodes, finds the roots, expands each with what it includes, renders it, and puts the parts in order."""
    texts, warnings = decode(tree.files)
    warnings.update(tree.notes)
    readme = next(
        (tree.files[name] for name in ("00README.json", "00README.yaml", "00README.yml", "00README.XXX") if name in tree.files), None
    )
    roots = find_root(texts, readme)
    if not roots:
        return Rejection(
            stage=Stage.EXTRACT,
            reason=RejectReason.NO_ROOT,
            detail=f"none of {len(tree.files)} files can be a root: {', '.join(sorted(tree.files)[:5])}",
        )
    numbers = Numbers()
    dropped: Counter[str] = Counter()
    used: set[str] = set()
    read: list[str] = []
    parts: list[str] = []
    titles: list[str] = []
    abstracts: list[str] = []
    document_class: str | None = None
    for root in roots:
        expander = Expander(texts, config)
        expanded = expander.expand(root)
        if expanded.is_over_limit:
            return Rejection(
                stage=Stage.EXTRACT,
                reason=RejectReason.EXPANSION_LIMIT,
                detail=f"{root}: {expanded.num_expansions} macro calls give more than {expander.max_output} characters",
            )
        rendered = Renderer(expanded.theorems, numbers, config, Scanner(len(expanded.source), has_comments=False)).render_root(
            expanded.source
        )
        used.update(expanded.files)
        used.update(expander.seen_packages)
        part = _tidy(f"{rendered.front}\n\n{rendered.body}")
        if part in parts:  # the same paper under two names: a hard link, a copy
            warnings["copied_root"] += 1
            dropped["copied_root"] += len(texts[root])
            continue
        dropped += expanded.dropped
        dropped += rendered.dropped
        warnings += expanded.warnings
        if rendered.unknown_commands:
            warnings["unknown_command"] += sum(rendered.unknown_commands.values())
        titles.append(rendered.title)
        abstracts.append(rendered.abstract)
        document_class = document_class or rendered.document_class
        parts.append(part)
        read.append(root)
    dropped["unused_file"] += sum(len(text) for name, text in texts.items() if name not in used)
    return ExtractedPaper(
        arxiv_id=tree.arxiv_id,
        text="\n\n".join(part for part in parts if part.strip()),
        title=next((title for title in titles if title), ""),
        abstract=next((abstract for abstract in abstracts if abstract), ""),
        document_class=document_class,
        root_files=tuple(read),
        tex_bytes=sum(len(tree.files[name]) for name in texts),
        dropped_characters={kind: count for kind, count in sorted(dropped.items()) if count},
        warnings=dict(sorted(warnings.items())),
    )


_FENCED = re.compile(r"(^```\n.*?^```$)", re.S | re.M)


def _tidy(text: str) -> str:
    """Blanks and line ends in their places; code between fences as it stands."""
    parts = _FENCED.split(text)
    for index in range(0, len(parts), 2):
        part = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]{2,}", " ", parts[index]))
        part = re.sub(r"\n{3,}", "\n\n", part)
        parts[index] = re.sub(r" +([,.;:)\]])(?=\s|$)", r"\1", part)
    return "".join(parts).strip()
