"""The way of one paper, as section 3 of the paper tells it: validate the archive, extract the text, normalise and describe it.

    RawPaper → unpack → SourceTree → decode, root, inclusion, expansion, rendering → ExtractedPaper → describe, sign → Document

Each step ends in its result or in a `Rejection`; nothing else happens to a paper.
"""

from preprocess.config import ArchiveConfig, Config, LatexConfig
from preprocess.latex.paper import extract_latex
from preprocess.latex.trace import Trace
from preprocess.records import Document, ExtractedPaper, Outcome, RawPaper, Rejection, RejectReason, SourceTree, Stage
from preprocess.stages.describe import describe
from preprocess.stages.minhash import minhash
from preprocess.stages.normalise import normalise
from preprocess.stages.unpack import unpack

STAGE_VERSIONS = {"unpack": 2, "latex": 8, "normalise": 4, "describe": 4, "minhash": 1}
# part of every unit's fingerprint: raise a stage's number when its output changes for any paper


def validate_paper(raw: RawPaper, config: ArchiveConfig) -> SourceTree | Rejection:
    """Member of a dump → the files of its submission."""
    return unpack(raw, config)


def extract_paper(tree: SourceTree, config: LatexConfig, trace: Trace | None = None) -> ExtractedPaper | Rejection:
    """Files of a submission → its text in the grammar of `docs/formats.md`."""
    return extract_latex(tree, config, trace)


def normalise_paper(extracted: ExtractedPaper, config: Config) -> Document | Rejection:
    """Extracted text → normalised and described document."""
    text = normalise(extracted.text, config.normalise)
    if not text.strip():
        return Rejection(
            stage=Stage.NORMALISE,
            reason=RejectReason.EMPTY_TEXT,
            detail=f"nothing that a reader reads in {', '.join(extracted.root_files)} ({extracted.tex_bytes} bytes of TeX)",
        )
    description = describe(text, config.describe)
    return Document(
        arxiv_id=extracted.arxiv_id,
        text=text,
        title=normalise(extracted.title, config.normalise).strip(),
        abstract=normalise(extracted.abstract, config.normalise).strip(),
        document_class=extracted.document_class,
        root_files=extracted.root_files,
        tex_bytes=extracted.tex_bytes,
        dropped_characters=extracted.dropped_characters,
        warnings=extracted.warnings,
        language=description.language,
        language_probability=description.language_probability,
        num_words=description.num_words,
        math_share=description.math_share,
        quality=description.quality,
        text_sha256=description.text_sha256,
        minhash=tuple(minhash(text, config.minhash).tolist()),
    )


def process_paper(raw: RawPaper, config: Config, trace: Trace | None = None) -> Outcome:
    """The whole way of one paper; `trace`, where given, is filled with what was done and where."""
    tree = validate_paper(raw, config.archive)
    if isinstance(tree, Rejection):
        return tree
    extracted = extract_paper(tree, config.latex, trace)
    if isinstance(extracted, Rejection):
        return extracted
    return normalise_paper(extracted, config)
