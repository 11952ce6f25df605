"""Whole runs on the sample dump, on real Ray: every member once, nothing twice, the same bytes whatever happens meanwhile."""

import contextlib
import sys
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks import soak_preprocess
from benchmarks.raylets import WORKERS, Raylets
from benchmarks.soak_preprocess import Moment, Places
from preprocess.config import Config, UnitConfig
from preprocess.ledger import LEDGER_SCHEMA, encode_table
from preprocess.pipeline import process_paper
from preprocess.run import complaints, plan_missing, run, summary_table
from preprocess.sources.manifest import ManifestEntry
from preprocess.sources.metadata import MetadataMonths, build_metadata
from preprocess.sources.tars import TarListing, Unit, plan_units, read_papers, scan_tar
from preprocess.units import UnitResult
from samples.build import SNAPSHOT_NAME, build_dump, load_papers, write_dump
from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from tests.preprocess.small_dump import SNAPSHOT, TAR, few_papers, law_bound, times, write_source

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = Config(unit=UnitConfig(max_unit_members=4))
UNIT_OPTION = ["--set", "unit.max_unit_members=4"]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample dump, as files; read only."""
    folder = tmp_path_factory.mktemp("dump")
    write_dump(build_dump(), folder)
    return folder


def run_dump(dump: Path, out: Path, num_workers: int = 2) -> dict[str, Any]:
    return run(dump / "src", dump / SNAPSHOT_NAME, out, CONFIG, num_workers=num_workers, address=None)


@pytest.fixture(scope="module")
def finished(ray_cluster: None, dump: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run of two workers over the sample dump that nothing disturbed, and its books; read only."""
    out = tmp_path_factory.mktemp("finished")
    return out, run_dump(dump, out)


def ledger_rows(out: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((out / "ledger").glob("arXiv_src_*")) for row in pq.read_table(path).to_pylist()]


def test_every_member_is_in_the_ledger_once(dump: Path, finished: tuple[Path, dict[str, Any]]) -> None:
    out, content = finished
    members = []
    for path in sorted((dump / "src").glob("*.tar")):
        with tarfile.open(path) as tar:
            members += [(path.name, member.name) for member in tar.getmembers() if member.isfile()]
    rows = ledger_rows(out)
    assert len(members) >= 30
    assert sorted((row["tar"], row["member"]) for row in rows) == sorted(members)
    outcomes = Counter(row["outcome"] for row in rows)
    assert content["members"] == len(members) == outcomes["document"] + outcomes["rejected"]
    assert content["documents"] == outcomes["document"]
    assert content["rejections"] == dict(sorted(Counter(row["reason"] for row in rows if row["reason"]).items()))
    assert len(content["rejections"]) >= 8
    assert "quarantined" not in content["rejections"]
    assert sum(content["corpus"]["rejections"].values()) + content["corpus"]["num_kept"] == content["documents"]
    without_source = sorted(paper.id for paper in load_papers() if paper.has_metadata and not paper.sources)
    assert pq.read_table(out / "ledger/metadata-only.parquet").column("id").to_pylist() == without_source


def test_the_summary_says_it_all(finished: tuple[Path, dict[str, Any]]) -> None:
    out, content = finished
    lines = summary_table(content, out).splitlines()
    shown = dict(line.rsplit(maxsplit=1) for line in lines[:-1])
    assert shown["members in the tars"] == str(content["members"])
    assert {name.split(": ")[1] for name in shown if "rejected: " in name} == set(content["rejections"])
    assert lines[-1].endswith(f"python -m preprocess report {out}")


def test_the_same_command_again_does_nothing(
    dump: Path, finished: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, content = finished
    before, written = law_bound(out), {folder: times(out, folder) for folder in ("documents", "units")}
    monkeypatch.setattr("preprocess.run.run_extraction", lambda *_, **__: pytest.fail("nothing is to be extracted"))
    monkeypatch.setattr("preprocess.run.source_commit", lambda: "another commit that changes nothing")
    left_overs = [out / name for name in (".tmp-0-probe", ".tmp-1-run.json", ".scans/.tmp-2-x.json", "units/.tmp-3-x.json")]
    for path in [*left_overs, report := out / ".tmp-4-report.html"]:
        path.touch()
    assert run_dump(dump, out) | {"commit": ""} == content | {"commit": ""}
    assert [path.name for path in left_overs if path.exists()] == []
    report.unlink()  # another command's, which may be at work
    assert law_bound(out) == before
    assert {folder: times(out, folder) for folder in ("documents", "units")} == written
    assert read_manifest(out / "run.json")["commit"] == content["commit"]
    assert "units are done, nothing to do" in capsys.readouterr().err


def test_one_worker_gives_the_same_bytes(dump: Path, finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    run_dump(dump, tmp_path / "out", num_workers=1)
    expected = law_bound(finished[0])
    assert len(expected) > 40
    assert law_bound(tmp_path / "out") == expected


def test_a_dump_that_grows_ends_as_if_it_had_been_whole(
    dump: Path, finished: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First three tars and a fourth one whose download was cut, older metadata; then everything."""
    source, tars = tmp_path / "src", sorted((dump / "src").glob("*.tar"))
    source.mkdir()
    for path in tars[:3]:
        (source / path.name).symlink_to(path)
    cut = source / tars[3].name
    cut.write_bytes(tars[3].read_bytes()[:-11_000])
    snapshot = tmp_path / SNAPSHOT
    snapshot.write_bytes(b"".join((dump / SNAPSHOT_NAME).read_bytes().splitlines(keepends=True)[::-1]))
    out = tmp_path / "out"
    small = run(source, snapshot, out, CONFIG, num_workers=2, address=None)
    assert 0 < small["members"] < finished[1]["members"]
    assert small["tars"][3]["tar"] == cut.name or any(entry["is_truncated"] for entry in small["tars"])
    first = times(out, "units")
    cut.unlink()
    for path in (dump / "src").iterdir():
        if not (source / path.name).exists():
            (source / path.name).symlink_to(path)
    capsys.readouterr()
    run(source, dump / SNAPSHOT_NAME, out, CONFIG, num_workers=2, address=None)
    said = capsys.readouterr().err
    again = [name for name, written in times(out, "units").items() if name in first and written != first[name]]
    assert len(first) - len(again) >= 3
    assert {name.rpartition("-")[0] for name in again} == {cut.stem}
    assert f"{len(again)} units were made from another tar, config or version and are done again" in said
    expected = law_bound(finished[0])
    found = law_bound(out)
    assert {name for name in expected if found.get(name) != expected[name]} == set()
    assert found.keys() == expected.keys()


def committed(folder: Path, config: Config = CONFIG, num_papers: int = 6) -> tuple[Path, Path, list[Unit]]:
    """Source, output and units of a small dump, all done in this process."""
    source, out = write_source(folder, few_papers(num_papers)), folder / "out"
    build_metadata(folder / SNAPSHOT, out)
    units = plan_units(scan_tar(source / TAR), config.unit)
    for unit in units:
        result = UnitResult(unit)
        for raw in read_papers(unit):
            result.add(raw, process_paper(raw, config), {}, 1, MetadataMonths(out), config)
        result.commit(out, config, "c")
    return source, out, units


def test_books_that_do_not_balance_fail_the_run(tmp_path: Path) -> None:
    source, out, [unit, _] = committed(tmp_path)
    assert run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)["documents"] == 6
    (out / "run.json").unlink()
    path = out / "ledger" / f"{unit.name}.parquet"
    content = encode_table(pq.read_table(path).to_pylist()[1:], LEDGER_SCHEMA)
    path.write_bytes(content)
    manifest = read_manifest(out / "units" / f"{unit.name}.json")
    manifest["files"][f"ledger/{unit.name}.parquet"]["bytes"] = len(content)
    write_manifest(out / "units" / f"{unit.name}.json", manifest)
    with pytest.raises(InputError, match=f"{TAR}: the books do not balance: 6 members in, 5 ledger rows, 5 documents \\+ 0 rejections"):
        run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    assert not (out / "run.json").exists()


def test_what_a_killed_run_left_of_another_cut_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two members a unit, then four: of the old cut a whole unit and two that were killed before their manifests."""
    old = Config(unit=UnitConfig(max_unit_members=2))
    source, out, units = committed(tmp_path, old)
    assert [unit.name[-5:] for unit in units] == ["00000", "00002", "00004"]
    for unit in units[1:]:
        (out / "units" / f"{unit.name}.json").unlink()
    new = plan_units(scan_tar(source / TAR), CONFIG.unit)
    assert [unit.name[-5:] for unit in new] == ["00000", "00004"]
    missing = plan_missing(out, new, [TAR], CONFIG)
    assert missing == new
    left = sorted(path.name for folder in ("units", "documents", "ledger") for path in (out / folder).iterdir())
    assert left == [f"{units[2].name}.jsonl.zst", f"{units[2].name}.parquet"]  # of a name that is wanted: written over
    said = capsys.readouterr().err
    assert "1 units were made from another tar, config or version" in said
    assert "1 units of another cut of the tars are removed" in said


def test_units_of_a_tar_that_is_gone_stop_the_run(tmp_path: Path) -> None:
    source, out, units = committed(tmp_path)
    (source / TAR).rename(source / "arXiv_src_2402_002.tar")
    with pytest.raises(InputError, match=r"holds units of arXiv_src_2402_001\.tar, which --source does not have; bring the tar back"):
        run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    assert len(list((out / "units").iterdir())) == len(units)


def test_what_is_wrong_with_a_dump_is_said(tmp_path: Path) -> None:
    source = write_source(tmp_path, few_papers(3))
    listing = scan_tar(source / TAR)
    entry = ManifestEntry(name=TAR, md5=listing.md5, num_bytes=listing.num_bytes, num_items=3)
    assert list(complaints(source, [listing], {TAR: entry})) == []
    assert list(complaints(source, [listing], {})) == []
    (source / "copy.tar").write_bytes(b"")

    def said(found: TarListing, **stated: Any) -> str:
        return "\n".join(complaints(source, [found], {TAR: replace(entry, **stated), "arXiv_src_2403_001.tar": entry}))

    assert "1 other tars are not read (copy.tar …)" in said(listing)
    assert "1 of 2 tars of arXiv's manifest are not in the source" in said(listing)
    assert f"{TAR}: 3 items, 12 in arXiv's manifest" in said(listing, num_items=12)
    assert f"md5 {listing.md5}, 00 in arXiv's manifest: fetch it again" in said(listing, md5="00")
    num_bytes = listing.members[1].offset + 10
    (source / TAR).write_bytes((source / TAR).read_bytes()[:num_bytes])
    cut = said(scan_tar(source / TAR), num_items=12)
    assert f"the tar is cut after {num_bytes} bytes, inside 2402/2402.00002.gz; 10 of its 12 items are not in it" in cut


def test_whatever_is_killed_the_same_bytes_come_out(
    dump: Path, finished: tuple[Path, dict[str, Any]], raylets: Raylets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short form of `python -m benchmarks.soak_preprocess`: three nodes, an actor, the driver and a raylet."""
    expected = law_bound(finished[0])
    num_units = sum(name.startswith("units/") for name in expected)
    monkeypatch.setattr(soak_preprocess, "PROGRAM", [sys.executable, "-m", "tests.preprocess.faults", "0.1"])
    monkeypatch.setattr(soak_preprocess, "MAX_UNIT_MEMBERS", CONFIG.unit.max_unit_members)
    monkeypatch.setattr(soak_preprocess, "three_nodes", lambda: contextlib.nullcontext(raylets))
    plan = [Moment(kind=kind, share=share, pause=0.2) for kind, share in (("actor", 0.0), ("driver", 0.2), ("raylet", 0.5))]
    monkeypatch.setattr(soak_preprocess, "moments", lambda _: plan)
    places = Places(
        source=dump / "src",
        arguments=["--source", str(dump / "src"), "--metadata", str(dump / SNAPSHOT_NAME)],
        out=lambda name: tmp_path / name,
    )
    log = tmp_path / "log"
    happened = soak_preprocess.checked(
        soak_preprocess.soak(1, places, tmp_path / "out", num_units, log), dump / "src", expected, tmp_path / "out"
    )
    assert (happened["other_files"], happened["wrong"]) == ([], []), log.read_text()
    assert [kill["kind"] for kill in happened["kills"]] == ["actor", "driver", "raylet"]
    assert [attempt["end"] for attempt in happened["attempts"]] == ["killed", "done"], log.read_text()
    assert happened["attempts"][1]["units_before"] > 0
    # what was lost with the actor, the driver and the node, and no more than what they were about and had not told of
    assert 1 <= happened["units_begun_again"] <= 2 * WORKERS + 4
    assert happened["files"] == len(expected) > 40
    other = soak_preprocess.checked(happened, dump / "src", expected | {"corpus/more": b""}, tmp_path / "out")
    assert (other["bytes_equal"], other["other_files"]) == (False, ["corpus/more"])
    ledgers = sorted((tmp_path / "out/ledger").glob("arXiv_src_*"))
    ledgers[0].write_bytes(ledgers[1].read_bytes())
    other = soak_preprocess.checked(happened, dump / "src", expected, tmp_path / "out")
    assert (other["bytes_equal"], other["balanced"]) == (False, False)
