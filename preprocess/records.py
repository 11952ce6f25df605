"""What passes between the stages: a paper ends as exactly one `Document` or one `Rejection`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum


class Stage(StrEnum):
    """The three visible stages of the extraction pass, in order."""

    VALIDATE = "validate"
    EXTRACT = "extract"
    NORMALISE = "normalise"


class RejectReason(StrEnum):
    """Why a paper has no document: one word for each rule, whose `detail` says what was found."""

    # validate: the member of the dump and the archive in it
    EMPTY_MEMBER = "empty_member"
    TRUNCATED_MEMBER = "truncated_member"
    UNREADABLE_REST = "unreadable_rest"
    TRUNCATED_GZIP = "truncated_gzip"
    CORRUPT_GZIP = "corrupt_gzip"
    CORRUPT_TAR = "corrupt_tar"
    EMPTY_ARCHIVE = "empty_archive"
    DECOMPRESSION_BOMB = "decompression_bomb"
    TOO_MANY_MEMBERS = "too_many_members"
    NESTED_TOO_DEEP = "nested_too_deep"
    PDF_ONLY = "pdf_only"
    POSTSCRIPT_ONLY = "postscript_only"
    HTML_ONLY = "html_only"
    UNKNOWN_FORMAT = "unknown_format"
    WITHDRAWN = "withdrawn"
    NO_TEX = "no_tex"
    # extract: LaTeX to text
    NO_ROOT = "no_root"
    EXPANSION_LIMIT = "expansion_limit"
    # normalise
    EMPTY_TEXT = "empty_text"
    # any stage: the machine's limits, after the second try
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One paper's end without a document. Final, counted, never an exception."""

    stage: Stage
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPaper:
    """One member of a dump's tar, as it lies there.

    `arxiv_id` is in arXiv's own form (`hep-th/9901003`, `0912.0469`, `2401.00545`); `tar` is the tar's file name, `member` the
    member's name in it, `payload` its bytes, `size` the size its header states (more than `payload` holds where the tar is cut).
    With `is_rest` it is no member but the `size` bytes from a damaged header of the tar to its end.
    """

    arxiv_id: str
    tar: str
    member: str
    payload: bytes
    size: int
    is_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """The files of one submission, in memory. Names are relative, `/`-separated, without `.` and `..`; they never touch a disk.

    `notes` counts what was unusual but cost nothing (`gzip_in_gzip`, `unsafe_name`, `trailing_garbage`, …).
    """

    arxiv_id: str
    files: Mapping[str, bytes]
    notes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedPaper:
    """A paper rendered to the text grammar, before normalisation.

    `text` is title, authors, abstract and body, once each. `dropped_characters` counts source characters that are not in
    `text`, by kind; `warnings` counts what was unusual, by kind (`missing_input`, `encoding_detected`, …).
    """

    arxiv_id: str
    text: str
    title: str
    abstract: str
    document_class: str | None
    root_files: tuple[str, ...]
    tex_bytes: int
    dropped_characters: Mapping[str, int]
    warnings: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Measures of a document's prose, recorded and not judged: 4 digits each, 0 where there is nothing to measure.

    What each one counts and whose it is stands in `docs/formats.md`; `CorpusConfig.quality_limits` may judge by them.
    """

    prose_share: float
    control_words_per_kb: float
    alphabetic_word_share: float
    mean_word_length: float
    stop_word_share: float
    symbol_word_ratio: float
    bullet_line_share: float
    ellipsis_line_share: float
    sentence_line_share: float
    duplicate_line_share: float
    duplicate_ngram_share: float


QUALITY_MEASURES = (*(measure.name for measure in fields(Quality)), "math_share")  # what the corpus selection may judge by


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A paper's text, normalised and described.

    `language` is ISO 639-1, or `und` where there is too little prose to tell; `minhash` the signature of `preprocess.stages.minhash`.
    """

    arxiv_id: str
    text: str
    title: str
    abstract: str
    document_class: str | None
    root_files: tuple[str, ...]
    tex_bytes: int
    dropped_characters: Mapping[str, int]
    warnings: Mapping[str, int]
    language: str
    language_probability: float
    num_words: int
    math_share: float
    quality: Quality
    text_sha256: str
    minhash: tuple[int, ...]


Outcome = Document | Rejection
