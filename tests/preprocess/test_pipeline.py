"""The way of one paper, from end to end."""

import tarfile

from preprocess.config import Config
from preprocess.pipeline import process_paper
from preprocess.records import Document
from samples.archives import TarEntry
from tests.preprocess.tiny import TEX, outcome, packed, packed_tar, raw_paper


def document(payload: bytes) -> Document:
    found = outcome(payload)
    assert isinstance(found, Document), found
    return found


def test_a_paper_becomes_a_document() -> None:
    found = process_paper(raw_paper(packed(TEX), arxiv_id="2402.00007"), Config())
    assert isinstance(found, Document)
    assert (found.arxiv_id, found.title, found.document_class, found.root_files) == (
        "2402.00007",
        "On a tiny thing",
        "article",
        ("main.tex",),
    )
    assert found.text.count("Let $x$ be small. Then all is well.") == 1
    assert found.text.startswith("# On a tiny thing\n")
    assert found.tex_bytes == len(TEX)


def test_a_paper_under_two_names_is_read_once() -> None:
    link = TarEntry(name="copy.tex", kind=tarfile.LNKTYPE, link_target="main.tex")
    once = document(packed_tar({"main.tex": TEX}))
    for twice in (document(packed_tar({"main.tex": TEX}, link)), document(packed_tar({"main.tex": TEX, "old/main.tex": TEX}))):
        assert twice.text == once.text
        assert twice.root_files == ("main.tex",)
        assert twice.dropped_characters["copied_root"] > 0
    supplement = TEX.replace(b"Let $x$ be small.", b"More of it.")
    both = document(packed_tar({"main.tex": TEX, "supplement.tex": supplement}))
    assert both.root_files == ("main.tex", "supplement.tex")


def test_what_the_archive_held_is_counted_with_the_text() -> None:
    found = document(packed_tar({"/abs/main.tex": TEX}) + b"garbage")
    assert (found.warnings["unsafe_name"], found.warnings["trailing_garbage"]) == (1, 1)
