"""What the words of the ledger mean, for a reader who has not seen the code."""

from collections.abc import Mapping

from preprocess.corpus.records import CorpusReason
from preprocess.records import RejectReason, Stage

STAGES: Mapping[Stage, str] = {
    Stage.VALIDATE: "validate the archive",
    Stage.EXTRACT: "extract the text",
    Stage.NORMALISE: "normalise and describe it",
}
REJECT_REASONS: Mapping[RejectReason, str] = {
    RejectReason.EMPTY_MEMBER: "The member of the tar has no bytes.",
    RejectReason.TRUNCATED_MEMBER: "The tar ends inside this member. Fetch the tar again.",
    RejectReason.TRUNCATED_GZIP: "The gzip stream ends before its end mark, so part of the submission is missing.",
    RejectReason.CORRUPT_GZIP: "The gzip stream is damaged: its data or its checksum are wrong.",
    RejectReason.CORRUPT_TAR: "The submission unpacks to a tar whose headers are damaged.",
    RejectReason.EMPTY_ARCHIVE: "The archive is sound and holds no file.",
    RejectReason.DECOMPRESSION_BOMB: "The archive unpacks to more than the limits of size or ratio allow; unpacking was stopped there.",
    RejectReason.TOO_MANY_MEMBERS: "The archive holds more files than a submission may.",
    RejectReason.NESTED_TOO_DEEP: "Archives are packed in archives, deeper than the limit.",
    RejectReason.PDF_ONLY: "The authors submitted a PDF; arXiv has no TeX of this paper.",
    RejectReason.POSTSCRIPT_ONLY: "The authors submitted PostScript; arXiv has no TeX of this paper.",
    RejectReason.HTML_ONLY: "The submission is a web page, not TeX.",
    RejectReason.UNKNOWN_FORMAT: "The bytes are of a format that is no TeX (an office document, a picture, another archiver).",
    RejectReason.WITHDRAWN: "The source is a notice of withdrawal in place of a paper.",
    RejectReason.NO_TEX: "The archive is sound and holds files, none of which is TeX.",
    RejectReason.NO_ROOT: "There is TeX, but no file in it from which a paper begins.",
    RejectReason.EXPANSION_LIMIT: "The paper's macros produce more than the limits on output allow, so no text was made.",
    RejectReason.EMPTY_TEXT: "The TeX was read and leaves nothing that a reader would read.",
    RejectReason.QUARANTINED: "A limit of time or memory was passed, or a worker died twice on this paper. It can be tried again.",
}
CORPUS_REASONS: Mapping[CorpusReason, str] = {
    CorpusReason.NO_METADATA: "The metadata snapshot does not have this paper, so its category and licence are not known.",
    CorpusReason.WITHDRAWN: "The metadata, or a later tar, says that the paper was withdrawn.",
    CorpusReason.CATEGORY: "None of the categories that count is in the scope of the configuration.",
    CorpusReason.LICENSE: "The licence is not one of those that the configuration allows.",
    CorpusReason.YEAR: "The first version is from outside the years of the configuration.",
    CorpusReason.LANGUAGE: "The prose is in another language, or its language is not sure enough.",
    CorpusReason.TOO_SHORT: "The text is shorter than the configured minimum: a title page, an erratum, a note.",
    CorpusReason.OLDER_VERSION: "A later tar, or a later member, holds the same paper again; the newest is kept.",
    CorpusReason.DUPLICATE: "Another paper has the same normalised text, to the byte; the one published first is kept.",
}
DROPPED_KINDS: Mapping[str, str] = {
    "after_end": "source after the end of the document",
    "bibliography": "entries of the bibliography",
    "comment": "comments of the authors",
    "copied_root": "second copies of a root file",
    "definition": "definitions of macros",
    "drawing": "drawings (TikZ, picture and the like)",
    "false_branch": "branches of conditions that TeX skips",
    "filecontents": "files written out by the source",
    "layout_command": "commands of layout and their arguments",
    "package": "code of style and class files sent along",
    "preamble": "the preamble, less title and authors",
    "template_root": "files of a journal's template that no paper reads",
    "too_deep": "arguments nested beyond the limit",
    "unused_file": "TeX files that no root reads",
    "version_of_another_root": "other versions of the same paper",
}
WARNING_KINDS: Mapping[str, str] = {
    "argument_missing": "a command without its argument",
    "binary_file": "a file named as TeX that is none",
    "copied_root": "a second copy of the root file",
    "encoding_declared": "read by the encoding that the source declares",
    "encoding_detected": "encoding told from the bytes",
    "encoding_utf8_damaged": "UTF-8 with damaged characters",
    "encoding_utf16": "UTF-16 turned into text",
    "expansion_limit": "macro calls left unexpanded at the limit",
    "file_too_large": "a file left unread, larger than the limit",
    "gzip_in_gzip": "gzip packed in gzip",
    "hard_link": "a hard link followed in memory",
    "input_loop": "a file that includes itself",
    "macro_use_does_not_match": "a macro used unlike its definition",
    "missing_input": "an included file that was not sent along",
    "name_twice": "two files of one name, the later one read",
    "no_name": "an entry of the archive without a name",
    "not_gzip": "a member that is not gzipped",
    "nul_characters": "NUL characters removed",
    "special_member": "devices, links and the like in the archive",
    "template_root": "a journal's template beside the paper, left out",
    "trailing_garbage": "bytes after the end of the archive",
    "unknown_command": "a command of no known meaning, left out",
    "unknown_conditional": "a condition that cannot be told",
    "unsafe_name": "a file name made relative",
    "version_of_another_root": "another version of the same paper, left out",
    "verbatim_not_closed": "a verbatim environment without end",
}
