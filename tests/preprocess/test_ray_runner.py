"""Ray's part: one fused operator, room for the workers, faults of workers."""

import gc
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from preprocess import ray_runner
from preprocess.config import Config, UnitConfig
from preprocess.ray_runner import connect, extraction_dataset, require_cpus, require_room, require_shared, run_extraction, run_units
from preprocess.run import run
from preprocess.sources.metadata import build_metadata
from preprocess.sources.tars import Unit, plan_units, scan_tar
from shards.errors import InputError
from tests.preprocess.faults import DEADLY, KilledByPaper, OnAFullDisk, square
from tests.preprocess.small_dump import SNAPSHOT, TAR, few_papers, law_bound, paper_text, write_source

CONFIG = Config(unit=UnitConfig(max_unit_members=2))
pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture(autouse=True)
def no_left_actors() -> Iterator[None]:
    """Lets go of the actors of failed runs: their exceptions hold the executor, and with it a CPU, until they are collected."""
    yield
    gc.collect()


def units_of(folder: Path, num_papers: int) -> Sequence[Unit]:
    source = write_source(folder, few_papers(num_papers))
    build_metadata(folder / SNAPSHOT, folder / "out")
    return plan_units(scan_tar(source / TAR), CONFIG.unit)


def test_three_stages_are_one_operator(tmp_path: Path) -> None:
    units = units_of(tmp_path, 5)
    dataset = extraction_dataset(units, tmp_path / "out", CONFIG, num_workers=1, commit="c")
    rows = sorted(dataset.iter_rows(), key=lambda row: row["unit"])
    assert [(row["unit"], row["members"], row["documents"]) for row in rows] == [
        (unit.name, len(unit.members), len(unit.members)) for unit in units
    ]
    operators = [line.split(":")[0] for line in dataset.stats().splitlines() if line.startswith("Operator ")]
    assert operators == ["Operator 0 FromItems", "Operator 1 Map(validate)->Map(extract)->FlatMap(Normalise)"]
    assert sorted(path.name for path in (tmp_path / "out/units").iterdir()) == [f"{unit.name}.json" for unit in units]
    assert list((tmp_path / "out/.breadcrumbs").iterdir()) == []


def test_no_paper_and_no_text_passes_between_processes(tmp_path: Path) -> None:
    """What the one operator is given and gives: a unit's place in, five small values out."""
    [unit] = units_of(tmp_path, 2)
    dataset = extraction_dataset([unit], tmp_path / "out", CONFIG, num_workers=1, commit="c")
    [row] = dataset.iter_rows()
    num_bytes = sum(member.size for member in unit.members)
    assert row == {"unit": unit.name, "members": 2, "documents": 2, "bytes_in": num_bytes, "rejections": "{}"}


def test_a_paper_that_kills_its_worker_is_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    papers = few_papers(5)
    deadly = DEADLY + paper_text("2402.00004")
    source = write_source(tmp_path, papers | {"2402.00004": deadly})
    calm = run(source, tmp_path / SNAPSHOT, tmp_path / "calm", CONFIG, num_workers=1, address=None)
    monkeypatch.setattr(ray_runner, "_Validate", KilledByPaper)
    out = tmp_path / "out"
    content = run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    assert (content["members"], content["documents"], content["rejections"]) == (5, 4, {"quarantined": 1})
    ledger = pq.read_table(out / "ledger/arXiv_src_2402_001-00002.parquet").to_pylist()
    assert [(row["id"], row["reason"], row["stage"]) for row in ledger] == [
        ("2402.00003", None, None),
        ("2402.00004", "quarantined", "validate"),
    ]
    assert ledger[1]["detail"] == "its worker died 2 times over it"
    attempts = {
        row["id"]: row["attempt"]
        for path in (out / "metrics").iterdir()
        for row in pq.read_table(path, columns=["id", "attempt"]).to_pylist()
    }
    assert attempts["2402.00004"] == 3
    assert list((out / ".breadcrumbs").iterdir()) == []
    # tried again where its worker lives, it leaves no trace of what happened
    monkeypatch.undo()
    again = run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    assert again["rejections"] == {"quarantined": 1}
    mended = run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None, retries_quarantined=True)
    assert (mended["documents"], mended["rejections"]) == (calm["documents"], {}) == (5, {})
    assert law_bound(out) == law_bound(tmp_path / "calm")


def test_a_tar_that_is_gone_is_one_line(tmp_path: Path) -> None:
    [unit] = units_of(tmp_path, 2)
    gone = replace(unit, tar_path=tmp_path / "gone.tar")
    with pytest.raises(InputError, match=rf"^{tmp_path}/gone\.tar: cannot be read on .* \(No such file or directory\)$"):
        list(run_extraction([gone], tmp_path / "out", CONFIG, num_workers=1, commit="c"))


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    [unit] = units_of(tmp_path, 2)
    (tmp_path / "out/documents").write_text("a file where a folder is needed")
    with pytest.raises(InputError, match=r"^.*out/documents: cannot be written \(File exists\); make room and run again$"):
        list(run_extraction([unit], tmp_path / "out", CONFIG, num_workers=1, commit="c"))
    assert list((tmp_path / "out").glob("units/*")) == []


def test_too_many_workers_are_refused_with_the_sum(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"9 workers x 1 CPU = 9 CPUs are more than the cluster's 2; lower --num-workers or add nodes"):
        require_room(9)
    require_room(2)
    with pytest.raises(InputError, match="64 workers"):
        list(run_extraction(units_of(tmp_path, 128), tmp_path / "out", CONFIG, num_workers=64, commit="c"))
    assert list(run_extraction([], tmp_path / "out", CONFIG, num_workers=1, commit="c")) == []


def test_a_disk_that_is_full_is_one_line_and_costs_no_more_than_its_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_source(tmp_path, few_papers(4))
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(ray_runner, "_Validate", OnAFullDisk)
        with pytest.raises(InputError, match=r"/out\S*: cannot be written \(File too large\); make room and run again$"):
            run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    assert list((out / "units").glob("*")) == []
    assert [path for path in out.rglob("*.parquet") if path.parent.name == "ledger"] == []
    run(source, tmp_path / SNAPSHOT, out, CONFIG, num_workers=1, address=None)
    run(source, tmp_path / SNAPSHOT, tmp_path / "calm", CONFIG, num_workers=1, address=None)
    assert len(law_bound(out)) > 8
    assert law_bound(out) == law_bound(tmp_path / "calm")


def test_a_folder_that_a_node_does_not_see_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        def get_node_id(self) -> str:
            return "the driver is on no node that works"

    require_shared(tmp_path, [tmp_path / "missing"])  # one machine: there is nobody to ask
    monkeypatch.setattr("ray.get_runtime_context", Elsewhere)
    require_shared(tmp_path, [tmp_path])
    with pytest.raises(
        InputError, match=rf"{tmp_path}/missing: node \S+ of the cluster does not see it; give a folder that every node sees"
    ):
        require_shared(tmp_path, [tmp_path, tmp_path / "missing"])
    assert list(tmp_path.iterdir()) == []


def test_a_node_that_is_lost_before_it_answers_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        def get_node_id(self) -> str:
            return "the driver is on no node that works"

    lost = {"Alive": True, "Resources": {"CPU": 2.0}, "NodeID": "a" * 56, "NodeManagerAddress": "10.0.0.9"}
    monkeypatch.setattr("ray.get_runtime_context", Elsewhere)
    monkeypatch.setattr("ray.nodes", lambda: [lost])
    require_shared(tmp_path, [tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_a_head_that_is_gone_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(ray_runner, "HEAD_SECONDS", 0.01)
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        head.listen(200)
        with ray_runner._head_watched(f"127.0.0.1:{head.getsockname()[1]}"):
            time.sleep(0.1)
    assert capsys.readouterr().err == ""
    with ray_runner._head_watched("127.0.0.1:1"):  # nobody listens there
        time.sleep(0.3)
    said = capsys.readouterr().err
    assert said.count("the head of the Ray cluster at 127.0.0.1:1 does not answer (Connection refused)") == 1
    assert said.endswith("run the same command again, what is done stays done\n")


def test_a_machine_has_only_so_many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    require_cpus(None, 2)
    require_cpus(None, None)
    require_cpus("auto", 64)
    for address in (None, "local"):
        with pytest.raises(InputError, match="--num-workers is 3, one CPU each, and this machine has 2"):
            require_cpus(address, 3)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    require_cpus(None, 64)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:port", "127.0.0.1:99999"])
def test_an_address_where_nobody_answers_is_refused_soon(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", lambda **_: pytest.fail("Ray would try for minutes"))
    with pytest.raises(InputError, match=f"{address}: no Ray cluster answers there"), connect(address):
        pass


def test_bad_input_in_a_unit_of_the_tools_is_one_line() -> None:
    found = []
    with pytest.raises(InputError, match=r"^-1: has no root$"):
        found.extend(run_units([{"number": 3}, {"number": -1}], square, num_workers=1))
    rows = run_units([{"number": 3}], square, num_workers=1)
    assert list(rows) == [{"number": 3, "square": 9}]
