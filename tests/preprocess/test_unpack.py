import gzip
import itertools
import random
import tarfile
import time
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import ArchiveConfig
from preprocess.records import Rejection, RejectReason, SourceTree, Stage
from preprocess.stages.unpack import unpack
from samples.archives import TarEntry, gzip_bomb, tar_bytes
from tests.preprocess.tiny import TEX, packed, packed_tar, raw_paper

CONFIG = ArchiveConfig()


def tree(payload: bytes, **limits: Any) -> SourceTree:
    found = unpack(raw_paper(payload), ArchiveConfig(**limits))
    assert isinstance(found, SourceTree), found
    return found


def refused(payload: bytes, **limits: Any) -> Rejection:
    found = unpack(raw_paper(payload), ArchiveConfig(**limits))
    assert isinstance(found, Rejection), found
    assert found.stage == Stage.VALIDATE
    return found


def test_a_gzipped_tar() -> None:
    found = tree(packed_tar({"main.tex": TEX, "figures/a.eps": b"%!PS"}))
    assert found == SourceTree(arxiv_id="2402.00001", files={"main.tex": TEX, "figures/a.eps": b"%!PS"}, notes={})


def test_one_file_gzipped_or_not() -> None:
    assert tree(packed(TEX)) == SourceTree(arxiv_id="2402.00001", files={"main.tex": TEX}, notes={})
    assert tree(TEX) == SourceTree(arxiv_id="2402.00001", files={"main.tex": TEX}, notes={"not_gzip": 1})
    utf16 = "﻿".encode("utf-16-le") + TEX.decode().encode("utf-16-le")
    assert tree(packed(utf16)).files == {"main.tex": utf16}


def test_gzip_in_gzip_and_a_tar_that_is_not_gzipped() -> None:
    assert tree(packed(packed(TEX))).notes == {"gzip_in_gzip": 1}
    assert tree(tar_bytes([TarEntry(name="a.tex", content=TEX)])).files == {"a.tex": TEX}


def test_tex_that_is_gzipped_inside_the_tar() -> None:
    found = tree(packed_tar({"main.tex": TEX, "part.TEX.gz": packed(b"part"), "main.tex.gz": packed(b"another"), "data.gz": packed(b"x")}))
    assert found.files == {"main.tex": TEX, "part.TEX": b"part", "main.tex.gz": packed(b"another"), "data.gz": packed(b"x")}
    assert found.notes == {"gzip_in_gzip": 1}


@pytest.mark.parametrize("name", ["src.tar.gz", "src.tgz", "paper/SRC.TAR"])
def test_an_archive_that_is_all_there_is(name: str) -> None:
    inner = tar_bytes([TarEntry(name="a.tex", content=TEX)])
    content = inner if name.endswith("TAR") else packed(inner)
    assert tree(packed_tar({name: content, "figure.eps": b"%!PS"})).files == {"a.tex": TEX}
    beside = tree(packed_tar({name: content, "own.tex": TEX}))
    assert (beside.files, beside.notes) == ({name: content, "own.tex": TEX}, {})
    deep = packed(packed_tar({name: packed_tar({"b.tgz": packed_tar({"c.tgz": packed_tar({"d.tex": TEX})})})}))
    assert refused(deep).reason in (RejectReason.NESTED_TOO_DEEP, RejectReason.NO_TEX)


def test_what_is_gzipped_inside_counts_as_what_it_unpacks_to() -> None:
    payload = packed_tar({"main.tex": TEX, "zeros.tex.gz": packed(b"%" * 100_000)})
    assert refused(payload, max_total_bytes=60_000).reason == RejectReason.DECOMPRESSION_BOMB


def test_unsafe_names_are_only_names() -> None:
    found = tree(packed_tar({"/abs/main.tex": TEX, "../../up.tex": b"up", "a/./b//c.tex": b"c", "..\\w.tex": b"w", "..": b"nothing"}))
    assert found.files == {"abs/main.tex": TEX, "up.tex": b"up", "a/b/c.tex": b"c", "w.tex": b"w"}
    assert found.notes == {"no_name": 1, "unsafe_name": 4}


def test_links_and_devices() -> None:
    others = [
        TarEntry(name="link.tex", kind=tarfile.SYMTYPE, link_target="/etc/passwd"),
        TarEntry(name="pipe", kind=tarfile.FIFOTYPE),
        TarEntry(name="copy.tex", kind=tarfile.LNKTYPE, link_target="main.tex"),
        TarEntry(name="nowhere.tex", kind=tarfile.LNKTYPE, link_target="/etc/passwd"),
    ]
    found = tree(packed_tar({"main.tex": TEX}, *others))
    assert found.files == {"main.tex": TEX, "copy.tex": TEX}
    assert found.notes == {"hard_link": 2, "special_member": 2}


def test_hard_links_count_as_what_they_repeat() -> None:
    links = [TarEntry(name=f"{number}.tex", kind=tarfile.LNKTYPE, link_target="main.tex") for number in range(50)]
    payload = packed_tar({"main.tex": TEX + b"%" * 1000}, *links)
    assert len(tree(payload).files) == 51
    assert refused(payload, max_total_bytes=60_000).reason == RejectReason.DECOMPRESSION_BOMB


def test_a_name_that_comes_twice_stands_for_the_later_file() -> None:
    found = tree(packed(tar_bytes([TarEntry(name="a.tex", content=b"old"), TarEntry(name="./a.tex", content=TEX)])))
    assert (found.files, found.notes) == ({"a.tex": TEX}, {"name_twice": 1})


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names(form: int) -> None:
    member = tarfile.TarInfo(name := f"{'ordner-ü/' * 20}main.tex")
    member.size = len(TEX)
    block = member.tobuf(form) + TEX + bytes(-len(TEX) % 512)
    assert tree(packed(block + bytes(1024))).files == {name: TEX}


def test_folders_of_old_tars_are_no_files() -> None:
    folder = tarfile.TarInfo("sections/").tobuf(tarfile.GNU_FORMAT)
    assert tree(packed(folder + tar_bytes([TarEntry(name="sections/a.tex", content=TEX)]))).files == {"sections/a.tex": TEX}


def test_several_gzip_members_and_what_follows_them() -> None:
    halves = packed(TEX[:50]) + packed(TEX[50:])
    assert tree(halves).files == {"main.tex": TEX}
    assert tree(halves).notes == {}
    assert tree(packed(TEX) + bytes(3000)).notes == {}
    for garbage in (b"\0\0end\0", b"\x1f\x8bgarbage", b"-- end --" * 20_000):
        found = tree(packed(TEX) + garbage)
        assert (found.files, found.notes) == ({"main.tex": TEX}, {"trailing_garbage": 1})
    half = packed(TEX) + packed(random.Random(1).randbytes(9000))
    assert refused(half[:-100]).reason == RejectReason.TRUNCATED_GZIP
    assert refused(half[:-8] + bytes(8)).reason == RejectReason.CORRUPT_GZIP


def test_a_broken_archive_says_what_was_whole() -> None:
    noise = random.Random(0).randbytes(200_000)
    payload = packed_tar({"a.tex": TEX, "b.tex": TEX, "noise": noise})
    cut = refused(payload[:30_000])
    assert cut.reason == RejectReason.TRUNCATED_GZIP
    assert "'noise' states 200000 bytes" in cut.detail
    assert "whole before it: 2 files (a.tex, b.tex)" in cut.detail
    flipped = refused(payload[:-8] + bytes(4) + payload[-4:])
    assert flipped.reason == RejectReason.CORRUPT_GZIP
    assert "incorrect data check; its tar: 'noise' states" in flipped.detail


def test_a_detail_stays_short_whatever_the_names_are() -> None:
    member = tarfile.TarInfo("n" * 60_000)
    member.size = 4000
    cut = refused(packed(member.tobuf(tarfile.GNU_FORMAT) + b"x" * 100))
    assert cut.reason == RejectReason.CORRUPT_TAR
    assert len(cut.detail) < 300


def test_many_small_gzip_members_take_no_long_time() -> None:
    member = packed(b"")
    payload = packed(TEX) + member * 100_000
    started = time.process_time()
    assert tree(payload).files == {"main.tex": TEX}
    assert time.process_time() - started < 20  # seconds; 2 here, and minutes where each member copies what is left


def test_limits_bound_what_is_unpacked() -> None:
    bomb = gzip_bomb(1_000_000)  # 258 MB
    tracemalloc.start()
    found = refused(bomb, min_ratio_bytes=8 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.reason == RejectReason.DECOMPRESSION_BOMB
    assert peak < 5 * (200 * len(bomb) + (8 << 20)) / 2
    assert refused(packed(b"ab" * 4000), max_total_bytes=7999).detail == "unpacks to more than 7999 bytes"
    assert refused(packed(packed(packed(b"\\begin{document}" * 80_000))), max_total_bytes=1 << 20).reason == RejectReason.DECOMPRESSION_BOMB
    large = tree(packed_tar({"data.tex": b"%" * 2000, "main.tex": TEX}), max_file_bytes=1999)
    assert (large.files, large.notes) == ({"main.tex": TEX}, {"file_too_large": 1})
    assert tree(packed_tar({"a.tex": TEX, "b.tex": b"", "c.tex": b""}), max_members=3).files.keys() == {"a.tex", "b.tex", "c.tex"}


def test_withdrawal_notices_and_papers_about_them() -> None:
    for notice in (
        b"%auto-ignore\n\\documentclass{article}\\begin{document}Withdrawn.\\end{document}",
        b"This paper has been withdrawn by the author due to a crucial sign error in equation 1.",
        b"\\documentclass{article}\r\\begin{document}\rThe submission was withdrawn\r\\end{document}",
        "﻿This article is being withdrawn.".encode("utf-16-le"),
    ):
        assert refused(packed(notice)).reason == RejectReason.WITHDRAWN
    long = b"\\section{On refunds} This paper has been withdrawn from a bank. " + b"More words follow here. " * 100
    assert tree(packed(long)).files == {"main.tex": long}
    assert tree(packed_tar({"a.tex": TEX, "b.tex": b"nothing is withdrawn"})).files.keys() == {"a.tex", "b.tex"}
    commented = b"%This paper has been withdrawn\n" + TEX
    assert tree(packed(commented)).files == {"main.tex": commented}


def test_other_formats_are_told_apart() -> None:
    for content, reason in {
        b"\n  %PDF-1.5\n": RejectReason.PDF_ONLY,
        b"%!PS-Adobe-2.0\n\\begin{x}": RejectReason.POSTSCRIPT_ONLY,
        b"\x04%!PS-Adobe-2.0\n": RejectReason.POSTSCRIPT_ONLY,
        b"\xef\xbb\xbf<html lang=en>": RejectReason.HTML_ONLY,
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">': RejectReason.HTML_ONLY,
        b"<!-- a --><BODY>": RejectReason.HTML_ONLY,
        b"PK\x05\x06": RejectReason.UNKNOWN_FORMAT,
        b"BZh91AY": RejectReason.UNKNOWN_FORMAT,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": RejectReason.UNKNOWN_FORMAT,
        b"\x89PNG\r\n": RejectReason.UNKNOWN_FORMAT,
        b"only a line of words": RejectReason.NO_TEX,
        bytes(range(256)) * 20: RejectReason.NO_TEX,
    }.items():
        assert refused(packed(content)).reason == reason, content[:40]
        assert refused(content).reason == reason, content[:40]
    for name, reason in {"a.pdf": RejectReason.PDF_ONLY, "a.eps": RejectReason.POSTSCRIPT_ONLY, "a.html": RejectReason.HTML_ONLY}.items():
        assert refused(packed_tar({name: b"content", "readme.txt": b"see the other file"})).reason == reason
    assert tree(packed(b"% see %PDF-1.4\n" + TEX)).files  # a paper that speaks of PDF


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_any_bytes_end_as_tree_or_rejection(content: bytes) -> None:
    for payload in (content, packed(content), b"\x1f\x8b\x08" + content, content + packed(TEX), packed(TEX) + content):
        assert isinstance(unpack(raw_paper(payload), CONFIG), SourceTree | Rejection)


@given(at=st.integers(0, 4000), noise=st.binary(max_size=600), keep=st.integers(0, 6000))
@settings(max_examples=300)
def test_any_damage_ends_as_tree_or_rejection(at: int, noise: bytes, keep: int) -> None:
    inner = tar_bytes(
        [
            TarEntry(name="main.tex", content=TEX),
            TarEntry(name="f", kind=tarfile.DIRTYPE),
            TarEntry(name="f/b.tex", content=b"b" * 700),
            TarEntry(name="l", kind=tarfile.LNKTYPE, link_target="main.tex"),
        ]
    )[:6000]
    damaged = (inner[:at] + noise + inner[at + len(noise) :])[:keep]
    found = unpack(raw_paper(packed(damaged)), CONFIG)
    assert isinstance(found, SourceTree | Rejection)
    if isinstance(found, SourceTree):
        assert sum(map(len, found.files.values())) <= 2 * len(damaged)
        for name in found.files:
            assert not name.startswith("/")
            assert ".." not in name.split("/")
            assert "" not in name.split("/")
    whole = gzip.compress(inner, mtime=0)
    assert isinstance(unpack(raw_paper((whole[:at] + noise + whole[at + len(noise) :])[:keep]), CONFIG), SourceTree | Rejection)


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=4))
def test_gzip_is_unpacked_as_zlib_does_it(content: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    payload = b"".join(packed(content[start:end]) for start, end in itertools.pairwise(places)) or packed(b"")
    found = unpack(raw_paper(payload), CONFIG)
    if isinstance(found, SourceTree) and list(found.files) == ["main.tex"] and not content.startswith(b"\x1f\x8b"):
        assert found.files["main.tex"] == content
    assert zlib.decompressobj(31).decompress(payload) == content[: places[1] if len(places) > 1 else 0]
