"""One tiny input for every `RejectReason`, in one place: a reason that no input reaches is a rule that nobody has seen work."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from preprocess.config import ArchiveConfig, Config, LatexConfig, UnitConfig
from preprocess.guard import guarded
from preprocess.pipeline import process_paper
from preprocess.records import Document, Rejection, RejectReason, Stage
from samples.archives import TarEntry, tar_bytes
from tests.preprocess.tiny import TEX, outcome, packed, packed_tar, raw_paper

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def fail() -> None:
    raise ZeroDivisionError("a bug of ours")


INPUTS: dict[RejectReason, tuple[Stage, str, Callable[[], object]]] = {
    RejectReason.EMPTY_MEMBER: (Stage.VALIDATE, "0 bytes", lambda: outcome(b"")),
    RejectReason.TRUNCATED_MEMBER: (Stage.VALIDATE, "after 20 of 400 bytes", lambda: outcome(packed(TEX)[:20], size=400)),
    RejectReason.UNREADABLE_REST: (
        Stage.VALIDATE,
        "no tar header from byte 1024 on: the members in its last 900 bytes cannot be told apart",
        lambda: process_paper(replace(raw_paper(b"", size=900), member="(from byte 1024)", is_rest=True), Config()),
    ),
    RejectReason.TRUNCATED_GZIP: (Stage.VALIDATE, "the gzip ends early", lambda: outcome(packed(TEX)[:-20])),
    RejectReason.CORRUPT_GZIP: (Stage.VALIDATE, "incorrect data check", lambda: outcome(packed(TEX)[:-8] + bytes(8))),
    RejectReason.CORRUPT_TAR: (
        Stage.VALIDATE,
        "no header at byte 1024 of 1536; whole before it: 1 files (a.tex)",
        lambda: outcome(packed(packed_blocks() + b"x" * 512)),
    ),
    RejectReason.EMPTY_ARCHIVE: (Stage.VALIDATE, "a tar of 0 members", lambda: outcome(packed_tar({}))),
    RejectReason.DECOMPRESSION_BOMB: (
        Stage.VALIDATE,
        "ratio over 200",
        lambda: outcome(packed(bytes(1 << 20)), Config(archive=ArchiveConfig(min_ratio_bytes=1 << 18))),
    ),
    RejectReason.TOO_MANY_MEMBERS: (
        Stage.VALIDATE,
        "more than 2 members",
        lambda: outcome(packed_tar({"a.tex": TEX, "b.tex": b"", "c.tex": b""}), Config(archive=ArchiveConfig(max_members=2))),
    ),
    RejectReason.NESTED_TOO_DEEP: (Stage.VALIDATE, "more than 3 archives", lambda: outcome(packed(packed(packed(packed(TEX)))))),
    RejectReason.PDF_ONLY: (Stage.VALIDATE, "one PDF file", lambda: outcome(PDF)),
    RejectReason.POSTSCRIPT_ONLY: (Stage.VALIDATE, "one PostScript file", lambda: outcome(packed(b"%!PS-Adobe-3.0\nshowpage\n"))),
    RejectReason.HTML_ONLY: (Stage.VALIDATE, "one HTML page", lambda: outcome(packed(b"\n<!DOCTYPE html>\n<html><p>Gone</p></html>"))),
    RejectReason.UNKNOWN_FORMAT: (Stage.VALIDATE, "a ZIP file", lambda: outcome(b"PK\x03\x04" + bytes(60))),
    RejectReason.WITHDRAWN: (
        Stage.VALIDATE,
        "a notice of 34 bytes in place of a paper (%auto-ignore)",
        lambda: outcome(packed(b"%auto-ignore\nThis paper has been withdrawn too.\n")),
    ),
    RejectReason.NO_TEX: (Stage.VALIDATE, "1 files (notes.dat)", lambda: outcome(packed_tar({"notes.dat": b"1 2 3\n"}))),
    RejectReason.NO_ROOT: (Stage.EXTRACT, "none of 1 files can be a root: anc/a.tex", lambda: outcome(packed_tar({"anc/a.tex": TEX}))),
    RejectReason.EXPANSION_LIMIT: (
        Stage.EXTRACT,
        "macro calls give more than 2000 characters",
        lambda: outcome(packed(much_from_little()), Config(latex=LatexConfig(max_output_characters=2000))),
    ),
    RejectReason.EMPTY_TEXT: (
        Stage.NORMALISE,
        "nothing that a reader reads in main.tex",
        lambda: outcome(packed(b"\\documentclass{article}\n\\begin{document}\n% nothing yet\n\\end{document}\n")),
    ),
    RejectReason.QUARANTINED: (
        Stage.EXTRACT,
        "raised ZeroDivisionError: a bug of ours (test_reasons.py:",
        lambda: guarded(Stage.EXTRACT, UnitConfig(), fail),
    ),
}


def packed_blocks() -> bytes:
    """A tar's header and one block of content, without an end mark."""
    return tar_bytes([TarEntry(name="a.tex", content=TEX)])[:1024]


def much_from_little() -> bytes:
    """A paper whose macro gives 20 characters a call, 64 times, beside 1,280 of its own."""
    calls = b"\\w{} and as many more. " * 64
    return b"\\documentclass{article}\\newcommand{\\w}{word and word again }\\begin{document}" + calls + b"\\end{document}\n"


def test_every_reason_has_an_input() -> None:
    assert set(INPUTS) == set(RejectReason)


@pytest.mark.parametrize("reason", RejectReason)
def test_the_input_ends_in_its_reason(reason: RejectReason) -> None:
    stage, detail, run = INPUTS[reason]
    found = run()
    assert isinstance(found, Rejection), found
    assert (found.stage, found.reason) == (stage, reason)
    assert detail in found.detail
    assert "\n" not in found.detail


def test_the_tiny_paper_itself_is_a_document() -> None:
    for payload in (packed(TEX), packed_tar({"a.tex": TEX}), TEX):
        found = outcome(payload)
        assert isinstance(found, Document), found
        assert "Let $x$ be small." in found.text
