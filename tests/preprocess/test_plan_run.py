"""What a run would read, cost and take: against dumps whose sizes and papers are known."""

import json
from pathlib import Path
from typing import Any

import pytest

from preprocess import plan as plan_module
from preprocess.__main__ import main
from preprocess.config import Config, LatexConfig, PlanConfig, UnitConfig
from preprocess.ledger import LEDGER_SCHEMA, METRICS_SCHEMA, encode_table
from preprocess.pipeline import process_paper
from preprocess.plan import Plan, Speed, TarPlan, measured_speed, plan, plan_lines
from preprocess.run import run
from preprocess.sources.metadata import MetadataMonths, build_metadata
from preprocess.sources.tars import plan_units, read_papers, scan_tar
from preprocess.units import UnitResult
from shards.errors import InputError
from shards.store import WINDOW_BYTES
from tests.object_stores import Faults, fault_proxy, make_bucket, place, upload, use_credentials
from tests.preprocess.small_dump import SNAPSHOT, few_papers, write_source

FIRST, SECOND, THIRD = (f"arXiv_src_2402_{number:03d}.tar" for number in (1, 2, 3))
CONFIG = Config(unit=UnitConfig(max_unit_members=2))


def write_manifest_xml(source: Path, items: dict[str, int], md5: str = "0" * 32) -> None:
    files = ""
    for name, count in items.items():
        size = (source / name).stat().st_size if (source / name).exists() else 9
        files += f"<file><filename>src/{name}</filename><md5sum>{md5}</md5sum><size>{size}</size><num_items>{count}</num_items></file>"
    (source / "arXiv_src_manifest.xml").write_text(f"<arXivSRC>{files}</arXivSRC>")


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """Three tars, of which the second one is no tar at all: no plan may look inside."""
    source = write_source(tmp_path, few_papers(4), FIRST)
    (source / SECOND).write_bytes(b"x" * 5_000_000)
    write_source(tmp_path, few_papers(2), THIRD)
    write_source(tmp_path, few_papers(4), FIRST)
    return tmp_path


def statuses(found: Plan) -> dict[str, tuple[str, int | None, int]]:
    return {tar.name: (tar.status, tar.papers, found.papers_of(tar)) for tar in found.tars}


def test_a_plan_of_a_dump_that_no_run_has_seen(dump: Path) -> None:
    source = dump / "src"
    found = plan(source, dump / SNAPSHOT, None, CONFIG)
    sizes = {path.name: path.stat().st_size for path in source.iterdir()}
    papers = {name: round(size / CONFIG.plan.bytes_per_paper) for name, size in sizes.items()}
    assert papers[SECOND] == 3
    assert statuses(found) == {name: ("new", None, papers[name]) for name in (FIRST, SECOND, THIRD)}
    write_manifest_xml(source, {FIRST: 4, SECOND: 700, "arXiv_src_2402_004.tar": 5})
    found = plan(source, dump / SNAPSHOT, dump / "out", CONFIG)
    assert statuses(found) == {FIRST: ("new", 4, 4), SECOND: ("new", 700, 700), THIRD: ("new", None, papers[THIRD])}
    assert found.not_in_source == 1
    assert found.papers == 704 + papers[THIRD]
    # every tar for its MD5 and for its papers, the third one too, though its papers are not known
    assert found.bytes_read == 2 * sum(sizes.values()) + (dump / SNAPSHOT).stat().st_size


def test_money_and_time_are_sums_that_can_be_done_by_hand() -> None:
    tars = [
        TarPlan(name="a", num_bytes=500_000_000, papers=250, papers_done=0, status="new"),
        TarPlan(name="b", num_bytes=500_000_000, papers=1000, papers_done=500, status="begun"),
        TarPlan(name="c", num_bytes=900_000_000, papers=1000, papers_done=0, status="done"),
    ]
    config = PlanConfig(overhead=1.25, dollars_per_1000_requests=4.0)
    found = Plan(tars=tars, not_in_source=0, metadata_bytes=10**9, speed=Speed(seconds_per_paper=0.2, measured="here"), config=config)
    assert found.papers == 750
    assert found.bytes_read == 1_000_000_000 + 750_000_000 + 10**9
    requests = -(-2_750_000_000 // WINDOW_BYTES) + 1 + 2 + 1
    assert found.requests == requests
    assert found.dollars(0.1) == pytest.approx(0.275 + 4 * requests / 1000)
    assert found.cpu_seconds == pytest.approx(187.5)
    assert found.seconds(2) == pytest.approx(93.75)
    lines = plan_lines(found, [2, 32])
    assert "  new               1    500.0 MB           250  no run in --out has seen it" in lines
    assert "  done              1    900.0 MB             0  as the last run left it" in lines
    assert f"  out to the internet       {2.75 * 0.09 + 4 * requests / 1000:>14,.2f} $   (0.09 $/GB)" in lines
    assert "       2 cores                94 s   reading 11 MB/s" in lines
    assert any("0.1 core hours: 0.200 s a paper (here)" in line for line in lines)


def test_a_tar_whose_md5_the_store_states_is_read_once() -> None:
    tars = [
        TarPlan(name="a", num_bytes=500_000_000, papers=250, papers_done=0, status="new", is_hopped=True),
        TarPlan(name="b", num_bytes=300_000_000, papers=100, papers_done=0, status="new"),
    ]
    found = Plan(tars=tars, not_in_source=0, metadata_bytes=0, speed=Speed(seconds_per_paper=0.2, measured="here"), config=PlanConfig())
    assert (found.bytes_digested, found.bytes_read) == (300_000_000, 1_100_000_000)
    assert found.requests == -(-1_100_000_000 // WINDOW_BYTES) + 1 + 1 + 250 + 1
    assert "reads       1.1 GB: 800.0 MB of tars for their papers, 300.0 MB of them once more for their MD5, 0 B of metadata" in plan_lines(
        found, [2]
    )


def finished(dump: Path) -> Path:
    """A run over the first and third tar that has ended, with the papers extracted in this process."""
    out = dump / "out"
    build_metadata(dump / SNAPSHOT, out)
    (dump / "src" / SECOND).rename(dump / SECOND)
    for name in (FIRST, THIRD):
        commit_units(dump, name)
    run(dump / "src", dump / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    (dump / SECOND).rename(dump / "src" / SECOND)
    return out


def commit_units(dump: Path, tar: str, most: int | None = None) -> None:
    for unit in plan_units(scan_tar(dump / "src" / tar), CONFIG.unit)[:most]:
        result = UnitResult(unit)
        for raw in read_papers(unit):
            result.add(raw, process_paper(raw, CONFIG), {}, 1, MetadataMonths(dump / "out"), CONFIG)
        result.commit(dump / "out", CONFIG, "c")


def test_what_is_done_is_not_planned(dump: Path) -> None:
    source, out = dump / "src", finished(dump)
    write_manifest_xml(source, {SECOND: 700})

    def now(config: Config = CONFIG) -> dict[str, tuple[str, int | None, int]]:
        return statuses(plan(source, None, out, config))

    assert now() == {FIRST: ("done", 4, 4), SECOND: ("new", 700, 700), THIRD: ("done", 2, 2)}
    assert [tar.name for tar in plan(source, None, out, CONFIG).to_read] == [SECOND]
    # other settings of the corpus cost no extraction, those of the extraction all of it
    other = Config(unit=CONFIG.unit, latex=LatexConfig(keep_bibliography=True))
    assert {name: status for name, (status, _, _) in now(other).items()} == {FIRST: "again", SECOND: "new", THIRD: "again"}
    # a re-issued tar is told by its size, or by arXiv's manifest where the size is the same
    write_source(dump, few_papers(9), FIRST)
    assert now()[FIRST][0] == "changed"
    write_source(dump, few_papers(4), FIRST)
    assert now()[FIRST][0] == "done"
    write_manifest_xml(source, {FIRST: 4, SECOND: 700}, md5="f" * 32)
    assert now()[FIRST] == ("changed", 4, 4)
    # and of a run that was stopped what is left is planned
    (source / "arXiv_src_2402_004.tar").write_bytes((source / FIRST).read_bytes())
    commit_units(dump, "arXiv_src_2402_004.tar", most=1)
    write_manifest_xml(source, {"arXiv_src_2402_004.tar": 4, SECOND: 700})
    assert now()["arXiv_src_2402_004.tar"] == ("begun", 4, 2)


def test_speed_is_measured_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "BENCHMARK", tmp_path / "missing.json")
    assert measured_speed(None, PlanConfig()) == Speed(seconds_per_paper=0.09, measured="plan.seconds_per_paper of the config")
    (tmp_path / "extract.json").write_text(
        json.dumps({"date": "2026-11-24", "figures": {"ours_on_everything": {"cpu_seconds": 30, "ends": {"document": 9, "no_tex": 1}}}})
    )
    monkeypatch.setattr(plan_module, "BENCHMARK", tmp_path / "extract.json")
    assert measured_speed(tmp_path / "out", PlanConfig()) == Speed(
        seconds_per_paper=3.0, measured="benchmarks/results/extract.json of 2026-11-24"
    )
    metrics: list[dict[str, Any]] = [
        {"id": f"{number}", "member": "m", "validate_seconds": 0.5, "extract_seconds": 1.0, "normalise_seconds": 0.5}
        | {"host": "h", "process": 1, "attempt": 1, "peak_memory_bytes": 1}
        for number in range(4)
    ]
    ledger = [
        {"tar": "t", "member": "m", "id": "1", "outcome": "document", "bytes_in": 2_000_000, "tex_bytes": 0, "characters_out": 0}
        | {"dropped_characters": [], "warnings": []}
        for _ in range(4)
    ]
    for folder, rows, schema in (("metrics", metrics, METRICS_SCHEMA), ("ledger", ledger, LEDGER_SCHEMA)):
        (tmp_path / "out" / folder).mkdir(parents=True)
        (tmp_path / "out" / folder / "arXiv_src_2402_001-00000.parquet").write_bytes(encode_table(rows, schema))
    assert measured_speed(tmp_path / "out", PlanConfig()) == Speed(
        seconds_per_paper=2.0, measured="4 papers of the run in --out, 1.00 MB/s a core"
    )


def test_a_bucket_whose_requester_pays_is_planned_by_names_and_sizes(
    dump: Path, object_store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "planned")
    make_bucket(object_store, "planned-out")
    upload(dump, place(object_store, "planned"))
    write_manifest_xml(dump / "src", {FIRST: 4, SECOND: 700, THIRD: 2})
    (place(object_store, "planned") / "src/arXiv_src_manifest.xml").put(dump / "src/arXiv_src_manifest.xml")
    with fault_proxy(object_store, Faults(requester_pays=frozenset({"planned"}))) as proxy:
        options = ["--metadata", f"s3://planned/{SNAPSHOT}", "--endpoint", proxy.url, "--requester-pays", "--out", "s3://planned-out/out"]
        assert main(["plan", "--source", "s3://planned/src", *options]) == 0
    said = capsys.readouterr().out
    assert main(["plan", "--source", str(dump / "src"), "--metadata", str(dump / SNAPSHOT)]) == 0
    assert said == capsys.readouterr().out
    assert "           706  no run in --out has seen it" in said
    # the manifest and nothing of the tars
    assert [path for path in proxy.bytes_sent if path.endswith(".tar")] == []
    assert sum(proxy.bytes_sent.values()) < 100_000
    assert sum(proxy.seen.values()) < 20


def test_the_command_prints_and_writes_nothing(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(dump.rglob("*"))
    places = ["--source", str(dump / "src"), "--metadata", str(dump / SNAPSHOT), "--out", str(dump / "out")]
    prices = ["--set", 'plan.egress_dollars_per_gb=[["the moon", 1000]]']
    assert main(["plan", *places, "--cores", "32", "--cores", "128", *prices]) == 0
    said = capsys.readouterr().out
    assert "  new               3" in said
    assert "the moon" in said
    assert "32 cores" in said
    assert "128 cores" in said
    assert sorted(dump.rglob("*")) == before


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--source", "missing"], "missing: no such folder; --source takes the folder"),
        (["--metadata", "missing"], "missing: no such file; --metadata takes"),
        (["--cores", "0"], "--cores is 0; at least 1 is needed"),
        (["--set", "plan.overhead=0"], "plan.overhead is 0.0; more than 0"),
        (["--set", "plan.egress_dollars_per_gb=[['x', -1]]"], "a place and its price, 0 or more, is needed"),
        (["--out", "empty"], "is not that of a run"),
    ],
)
def test_bad_input_to_plan(dump: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], what: str) -> None:
    monkeypatch.chdir(dump)
    (dump / "empty").mkdir()
    (dump / "empty/run.json").write_text("{}")
    with pytest.raises(InputError, match=what):
        main(["plan", "--source", str(dump / "src"), *arguments])
