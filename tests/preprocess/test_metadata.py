import json
from pathlib import Path
from typing import Any

import pytest

import preprocess.sources.metadata as metadata
from preprocess.sources.metadata import MetadataMonths, build_metadata, id_month, month_order, parse_paper
from shards.errors import InputError


def line(arxiv_id: str, **fields: Any) -> dict[str, Any]:
    row = {
        "id": arxiv_id,
        "submitter": None,
        "authors": "A. Author",
        "title": "On a\n  small thing",
        "comments": None,
        "categories": "math.AG cs.LG",
        "license": None,
        "abstract": "  We say little.\n",
        "versions": [{"version": "v1", "created": "Sun, 13 Dec 2020 03:06:00 GMT"}],
        "update_date": "2021-09-20",
    }
    return row | fields


def snapshot(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_months_of_ids() -> None:
    assert [id_month(name) for name in ("hep-th/9901003", "0912.0469", "2401.00545", "math.GT/0309136", "acc-phys/9411001")] == [
        "9901",
        "0912",
        "2401",
        "0309",
        "9411",
    ]
    assert [id_month(name) for name in ("hep-th9901003", "2401.5", "0913.0001", "", "../2401.00545", "2401.00545v2")] == [None] * 6
    assert sorted(["0001", "9912", "9107", "2401"], key=month_order) == ["9107", "9912", "0001", "2401"]


def test_a_paper_is_parsed() -> None:
    versions = [
        {"version": "v10", "created": "Tue, 1 Feb 2022 00:00:00 GMT"},
        {"version": "v2", "created": "Mon, 3 Jan 2022 00:00:00 GMT"},
        {"version": "v1", "created": "Sun, 13 Dec 2020 03:06:00 GMT"},
    ]
    paper = parse_paper(line("2012.00001", versions=versions, license="http://creativecommons.org/licenses/by/4.0/"))
    assert (paper.title, paper.abstract, paper.categories) == ("On a small thing", "We say little.", ("math.AG", "cs.LG"))
    assert (paper.created, paper.version, paper.updated, paper.is_withdrawn) == ("2020-12-13", 10, "2021-09-20", False)
    assert parse_paper(line("2012.00001", versions=versions, update_date=None)).updated == "2022-02-01"
    withdrawn = parse_paper(line("2012.00001", comments="Withdrawn by the author"))
    assert (withdrawn.is_withdrawn, withdrawn.withdrawn_detail) == (True, "Withdrawn by the author")


def test_months_are_built_and_read(tmp_path: Path) -> None:
    rows = [line("2012.00002"), line("hep-th/9901003", title="Old"), line("2012.00001", comments="withdrawn"), line("2101.00001")]
    summary = build_metadata(snapshot(tmp_path / "s.json", rows), tmp_path)
    assert (summary.num_papers, summary.num_months, summary.num_withdrawn, summary.was_built) == (4, 3, 1, True)
    assert sorted(files(tmp_path / "metadata")) == ["2012.parquet", "2101.parquet", "9901.parquet", "manifest.json"]
    months = MetadataMonths(tmp_path)
    assert months.months == ["9901", "2012", "2101"]
    assert months.table("2012", ["arxiv_id"]).column(0).to_pylist() == ["2012.00001", "2012.00002"]
    old = months.get("hep-th/9901003")
    assert old is not None
    assert (old.arxiv_id, old.title, old.categories, old.license) == ("hep-th/9901003", "Old", ("math.AG", "cs.LG"), None)
    assert [months.get(name) for name in ("hep-th/9901004", "1503.00001", "no id")] == [None] * 3
    withdrawn = MetadataMonths(tmp_path, ["is_withdrawn"]).get("2012.00001")
    assert withdrawn is not None
    assert (withdrawn.is_withdrawn, withdrawn.title) == (True, "")


def test_only_a_few_months_stay_loaded(tmp_path: Path) -> None:
    ids = [f"20{month:02d}.00001" for month in range(1, 13)]
    build_metadata(snapshot(tmp_path / "s.json", [line(name) for name in ids]), tmp_path)
    months = MetadataMonths(tmp_path)
    assert all(months.get(name) is not None for name in ids + ids)
    assert len(months._loaded) == metadata.MAX_LOADED_MONTHS


def test_bytes_depend_on_content_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [line(f"20{month:02d}.{number:05d}", abstract="x" * 100) for month in range(1, 13) for number in range(20)]
    build_metadata(snapshot(tmp_path / "s.json", rows), tmp_path / "a")
    monkeypatch.setattr(metadata, "SPILL_BYTES", 1000)
    build_metadata(snapshot(tmp_path / "t.json", rows[::-1]), tmp_path / "b")
    first, second = files(tmp_path / "a" / "metadata"), files(tmp_path / "b" / "metadata")
    assert len(first) == 13
    assert {name: content for name, content in first.items() if name != "manifest.json"} == {
        name: content for name, content in second.items() if name != "manifest.json"
    }


def test_what_is_held_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held_sizes: list[int] = []
    append = metadata._append

    def watched(held: dict[str, bytearray], folder: Path) -> None:
        held_sizes.append(sum(len(rows) for rows in held.values()))
        append(held, folder)

    monkeypatch.setattr(metadata, "_append", watched)
    monkeypatch.setattr(metadata, "SPILL_BYTES", 5000)
    rows = [line(f"20{number % 12 + 1:02d}.{number:05d}") for number in range(300)]
    build_metadata(snapshot(tmp_path / "s.json", rows), tmp_path)
    assert len(held_sizes) > 10
    assert max(held_sizes) < 6000


def test_an_unchanged_snapshot_is_not_read_again_and_a_new_one_replaces_it(tmp_path: Path) -> None:
    source = snapshot(tmp_path / "s.json", [line("2012.00001"), line("2101.00001")])
    assert build_metadata(source, tmp_path).was_built
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "metadata").iterdir()}
    assert not build_metadata(source, tmp_path).was_built
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "metadata").iterdir()} == before
    snapshot(source, [line("2012.00001"), line("2102.00001", title="New")])
    assert build_metadata(source, tmp_path).was_built
    assert sorted(files(tmp_path / "metadata")) == ["2012.parquet", "2102.parquet", "manifest.json"]
    (tmp_path / "metadata" / "2012.parquet").unlink()
    assert build_metadata(source, tmp_path).was_built
    assert MetadataMonths(tmp_path).get("2012.00001") is not None


def test_an_id_twice_is_kept_by_its_newest_state_and_counted(tmp_path: Path) -> None:
    versions = [{"version": "v2", "created": "Mon, 3 Jan 2022 00:00:00 GMT"}]
    rows = [line("2012.00001", title="new", versions=versions), line("2012.00001", title="old")]
    for name, order in (("a", rows), ("b", rows[::-1])):
        summary = build_metadata(snapshot(tmp_path / f"{name}.json", order), tmp_path / name)
        paper = MetadataMonths(tmp_path / name).get("2012.00001")
        assert paper is not None
        assert (summary.num_papers, summary.num_repeated_ids, paper.title, paper.version) == (1, 1, "new", 2)


@pytest.mark.parametrize(
    "row, word",
    [
        ([1], "object"),
        ({"id": "2012.00001"}, "title is missing"),
        (line("hello"), "no arXiv id"),
        (line("2012.00001", title=3), "title must be a string"),
        (line("2012.00001", categories=" "), "categories is empty"),
        (line("2012.00001", versions=[]), "versions"),
        (line("2012.00001", versions=["v1"]), "versions"),
        (line("2012.00001", versions=[{"version": "1", "created": "Sun, 13 Dec 2020 03:06:00 GMT"}]), "versions"),
        (line("2012.00001", versions=[{"version": "v1", "created": "2020-12-13"}]), "versions"),
        (line("2012.00001", versions=[{"version": "v1", "created": "Sun, 31 Feb 2020 03:06:00 GMT"}]), "day"),
        (line("2012.00001", update_date="yesterday"), "update_date"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(tmp_path: Path, row: Any, word: str) -> None:
    source = snapshot(tmp_path / "s.json", [line("2012.00002"), row])
    with pytest.raises(InputError, match=r"s\.json: line 2: ") as raised:
        build_metadata(source, tmp_path)
    assert word in str(raised.value)
    assert list((tmp_path / "metadata").iterdir()) == []


def test_bad_snapshots(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such metadata snapshot"):
        build_metadata(tmp_path / "none.json", tmp_path)
    (tmp_path / "empty.json").write_text("\n\n")
    with pytest.raises(InputError, match="no paper's metadata"):
        build_metadata(tmp_path / "empty.json", tmp_path)
    (tmp_path / "binary.json").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(InputError, match="line 1"):
        build_metadata(tmp_path / "binary.json", tmp_path)
    (tmp_path / "cut.json").write_text(json.dumps(line("2012.00001")) + "\n" + json.dumps(line("2012.00002"))[:-30])
    with pytest.raises(InputError, match="line 2"):
        build_metadata(tmp_path / "cut.json", tmp_path)
    with pytest.raises(InputError, match="no such manifest"):
        MetadataMonths(tmp_path)


def test_a_bad_snapshot_leaves_the_months_of_the_good_one(tmp_path: Path) -> None:
    build_metadata(snapshot(tmp_path / "s.json", [line("2012.00001")]), tmp_path)
    with pytest.raises(InputError):
        build_metadata(snapshot(tmp_path / "bad.json", [line("2012.00001"), {}]), tmp_path)
    assert MetadataMonths(tmp_path).get("2012.00001") is not None
    assert len(files(tmp_path / "metadata")) == 2
