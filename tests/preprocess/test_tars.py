import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import UnitConfig
from preprocess.sources.tars import TarListing, arxiv_id_of, find_tars, other_tars, plan_units, read_papers, scan_tar, tar_key
from samples.archives import TarEntry, tar_bytes
from shards.errors import InputError

NAME = "arXiv_src_2402_001.tar"


def entries(*sizes: int) -> list[TarEntry]:
    return [TarEntry(name=f"2402/2402.{number:05d}.gz", content=bytes([65 + number]) * size) for number, size in enumerate(sizes, 1)]


def listing(folder: Path, content: bytes, name: str = NAME) -> TarListing:
    path = folder / name
    path.write_bytes(content)
    return scan_tar(path)


def test_tars_are_found_by_time(tmp_path: Path) -> None:
    for name in (
        "arXiv_src_0001_001.tar",
        "arXiv_src_9912_002.tar",
        "arXiv_src_9912_001.tar",
        "arXiv_src_2402_1000.tar",
        "backup.tar",
        "x.txt",
    ):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_tars(tmp_path)] == [
        "arXiv_src_9912_001.tar",
        "arXiv_src_9912_002.tar",
        "arXiv_src_0001_001.tar",
        "arXiv_src_2402_1000.tar",
    ]
    assert other_tars(tmp_path) == ["backup.tar"]
    assert tar_key("arXiv_src_9107_001.tar") < tar_key("arXiv_src_9108_001.tar") < tar_key("arXiv_src_0001_001.tar")
    with pytest.raises(InputError, match="not named"):
        tar_key("backup.tar")


def test_a_source_without_tars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no arXiv_src_YYMM_NNN\.tar"):
        find_tars(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_tars(tmp_path / "missing")


def test_ids() -> None:
    assert {
        member: arxiv_id_of(member)
        for member in (
            "9901/hep-th9901003.gz",
            "0912/0912.0469.gz",
            "2401/2401.00545v2.pdf",
            "0309/math.GT0309136.gz",
            "9411/acc-phys9411001.tar.gz",
            "0912/notes.gz",
            "0912/README",
        )
    } == {
        "9901/hep-th9901003.gz": "hep-th/9901003",
        "0912/0912.0469.gz": "0912.0469",
        "2401/2401.00545v2.pdf": "2401.00545",
        "0309/math.GT0309136.gz": "math.GT/0309136",
        "9411/acc-phys9411001.tar.gz": "acc-phys/9411001",
        "0912/notes.gz": "notes",
        "0912/README": "README",
    }


def test_a_scan_lists_what_tarfile_lists(tmp_path: Path) -> None:
    long = f"2402/{'x' * 120}.gz"
    path = tmp_path / NAME
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        with tarfile.open(path, "w", format=form) as tar:
            for name, kind, size in (("2402", tarfile.DIRTYPE, 0), ("2402/a.gz", b"0", 700), (long, b"0", 5), ("2402/l.gz", b"2", 0)):
                if name == long and form == tarfile.USTAR_FORMAT:
                    continue
                member = tarfile.TarInfo(name)
                member.type, member.size = kind, size
                tar.addfile(member, io.BytesIO(b"z" * size))
        found = scan_tar(path)
        with tarfile.open(path) as tar:
            expected = [(member.name, member.size) for member in tar.getmembers() if not member.isdir()]
        assert len(expected) >= 2
        assert [(member.name, member.size) for member in found.members] == expected
        assert (found.num_folders, found.is_truncated) == (1, False)
        assert found.md5 == hashlib.md5(path.read_bytes()).hexdigest()
        assert found.num_bytes == path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"<html>\n", b"no tar " * 200, b"\x1f\x8b" + bytes(2000)])
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=f"{NAME}: is not a tar"):
        listing(tmp_path, content)


def test_what_comes_after_a_broken_header_is_one_member_of_its_own(tmp_path: Path) -> None:
    whole = tar_bytes(entries(100, 100))
    broken = whole[:1024] + b"x" * 512 + whole[1536:]
    found = listing(tmp_path, broken)
    assert [member.name for member in found.members] == ["2402/2402.00001.gz", "(from byte 1024)"]
    assert (found.num_items, found.corrupt_from_byte, found.is_truncated) == (1, 1024, False)
    assert found.md5 == hashlib.md5(broken).hexdigest()
    [unit] = plan_units(found, UnitConfig())
    first, rest = read_papers(unit)
    assert (len(first.payload), first.is_rest) == (100, False)
    assert (rest.payload, rest.size, rest.is_rest) == (b"", len(broken) - 1024, True)


def test_a_folder_named_as_a_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "arXiv_src_2402_002.tar").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        scan_tar(tmp_path / "arXiv_src_2402_002.tar")


def test_a_cut_tar_is_listed_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = tar_bytes(entries(700, 700, 700))
    inside = listing(tmp_path, whole[: 1536 + 512 + 300])
    assert [(member.size, member.available) for member in inside.members] == [(700, 700), (700, 300)]
    assert inside.is_truncated
    in_header = listing(tmp_path, whole[: 1536 + 200])
    assert [(member.size, member.available) for member in in_header.members] == [(700, 700)]
    assert in_header.is_truncated
    after_header = listing(tmp_path, whole[: 1536 + 512])
    assert [(member.size, member.available) for member in after_header.members] == [(700, 700), (700, 0)]
    without_end = listing(tmp_path, whole[: 3 * 1536])
    assert len(without_end.members) == 3
    assert without_end.is_truncated
    assert not listing(tmp_path, whole).is_truncated


def test_units_cover_every_member_once(tmp_path: Path) -> None:
    found = listing(tmp_path, tar_bytes(entries(10, 20, 3000, 40, 50, 60)))
    units = plan_units(found, UnitConfig(max_unit_members=2, max_unit_bytes=1000))
    assert [[member.size for member in unit.members] for unit in units] == [[10, 20], [3000], [40, 50], [60]]
    assert [unit.name for unit in units] == [f"arXiv_src_2402_001-{first:05d}" for first in (0, 2, 3, 5)]
    assert [unit.first_member for unit in units] == [0, 2, 3, 5]
    assert {unit.tar_md5 for unit in units} == {found.md5}
    assert len(plan_units(found, UnitConfig())) == 1
    assert plan_units(listing(tmp_path, tar_bytes([])), UnitConfig()) == []


@given(sizes=st.lists(st.integers(0, 2000), max_size=30), members=st.integers(1, 7), num_bytes=st.integers(1, 5000))
@settings(max_examples=50)
def test_units_are_within_their_limits(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], members: int, num_bytes: int) -> None:
    found = listing(tmp_path_factory.getbasetemp(), tar_bytes(entries(*sizes)))
    units = plan_units(found, UnitConfig(max_unit_members=members, max_unit_bytes=num_bytes))
    assert [member for unit in units for member in unit.members] == list(found.members)
    for unit in units:
        assert 1 <= len(unit.members) <= members
        assert len(unit.members) == 1 or sum(member.size for member in unit.members) <= num_bytes
    papers = [paper for unit in units for paper in read_papers(unit)]
    assert [paper.payload for paper in papers] == [bytes([65 + number]) * size for number, size in enumerate(sizes, 1)]


def test_papers_are_read(tmp_path: Path) -> None:
    whole = tar_bytes(entries(700, 900))
    [unit] = plan_units(listing(tmp_path, whole[: 1536 + 512 + 300]), UnitConfig())
    first, cut = read_papers(unit)
    assert (first.arxiv_id, first.tar, first.member, len(first.payload), first.size) == ("2402.00001", NAME, "2402/2402.00001.gz", 700, 700)
    assert (cut.arxiv_id, len(cut.payload), cut.size) == ("2402.00002", 300, 900)


def test_a_tar_that_shrinks_during_the_run_stops_it(tmp_path: Path) -> None:
    whole = tar_bytes(entries(700, 900))
    [unit] = plan_units(listing(tmp_path, whole), UnitConfig())
    (tmp_path / NAME).write_bytes(whole[:2500])
    with pytest.raises(InputError, match="has become shorter"):
        list(read_papers(unit))


@given(content=st.one_of(st.binary(max_size=3000), st.binary(min_size=1, max_size=64)), keep=st.integers(0, 4000), at=st.integers(0, 4000))
@settings(max_examples=150)
def test_any_bytes_are_listed_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, keep: int, at: int) -> None:
    whole = tar_bytes(entries(300, 0, 900, 20))[:5120]
    damaged = (whole[:at] + content + whole[at + len(content) :])[:keep]
    folder = tmp_path_factory.getbasetemp()
    try:
        found = listing(folder, damaged)
    except InputError:
        return
    assert all(0 <= member.available <= member.size for member in found.members)
    assert sum(member.available for member in found.members) <= len(damaged)
    assert [len(paper.payload) for unit in plan_units(found, UnitConfig()) for paper in read_papers(unit)] == [
        member.available for member in found.members
    ]
