"""The benchmark of training: every kind of case at a tiny shape, what is done with failures, and going on with what is missing."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bench_train, train_floor
from benchmarks.bench_train import Device, Results, cases_of, first_micro_batch, run_cases, table
from benchmarks.train_cases import DOES_NOT_FIT, EOD, KINDS, SHAPES, Case, write_shards
from benchmarks.train_check import FIELDS, HALF, STEPS, check
from shards.errors import InputError
from tests.train.ranks import Ranks
from train.config import TrainConfig, override
from train.data import open_token_shards

CPU = Device(name="CPU", memory_bytes=2**34, is_gpu=False)
H200 = Device(name="NVIDIA H200", memory_bytes=143_771 * 2**20, is_gpu=True)


KINDS_OF_TRANSFORMERS = [kind for kind in KINDS if kind.startswith("transformers")]
KINDS_OF_OURS = sorted(set(KINDS) - set(KINDS_OF_TRANSFORMERS))  # megatron-core's first, which leaves no parallel state


def tiny(kind: str) -> Case:
    return Case(kind=kind, shape="tiny", vocabulary=512, sequence=16, micro_batch=4)


@pytest.mark.parametrize("kinds", [KINDS_OF_OURS, KINDS_OF_TRANSFORMERS])
def test_every_kind_is_timed(kinds: list[str], ranks: Ranks, tmp_path: Path) -> None:
    cases = [tiny(kind) for kind in kinds]
    (figures,) = ranks.run("bench_cases", cases, tmp_path)
    for case, found in zip(cases, figures, strict=True):
        assert_timed(case, found, tmp_path)


def assert_timed(case: Case, found: dict[str, Any], work: Path) -> None:
    assert found["status"] == "measured"
    assert 5 <= found["steps"] <= 10
    assert found["tokens_a_step"] == 4 * 16 * case.num_micro_batches == 512
    spread = found["seconds_a_step"]
    assert 0 < spread["least"] <= spread["median"] <= spread["most"]
    assert found["tokens_per_second"] == pytest.approx(512 / spread["median"])
    assert found["peak_bytes"] > 10**7
    if case.kind == "texmill":
        assert 0 <= found["data_stall_share"] < 1
        assert found["kernels"]["norm"] == "torch"
        assert sum(row["share"] for row in found["profile"]) > 0.5
        assert not (work / "run" / "checkpoints").exists()
    else:
        assert found["data_stall_share"] is None


def test_the_headline_comes_first_and_every_size_once() -> None:
    cases = cases_of("1.36B")
    assert [case.kind for case in cases[:3]] == ["texmill", "transformers at its best", "megatron-core local"]
    assert {(case.vocabulary, case.sequence) for case in cases[:4]} == {(35_584, 4096)}
    assert len({case.key for case in cases}) == len(cases) == 4 * 2 * 3
    assert {case.micro_batch for case in cases if case.sequence == 4096} == {8}
    assert all(120_000 < dataclasses.replace(case, micro_batch=1).tokens < 140_000 for case in cases)


def test_the_search_begins_with_what_the_count_lets_expect() -> None:
    texmill, best, local = cases_of("1.36B")[:3]
    assert first_micro_batch(texmill, H200) == 8
    assert 1 <= first_micro_batch(local, H200) < first_micro_batch(best, H200) <= 8
    assert first_micro_batch(local, CPU) == 8


def entry_of(case: Case, rate: float = 100.0) -> dict[str, Any]:
    return {
        "status": "measured",
        "micro_batch": case.micro_batch,
        "tokens_per_second": rate,
        "mfu": None,
        "mfu_causal": None,
        "peak_bytes": 2**30,
        "data_stall_share": None,
        "steps": 10,
    }


def test_a_case_that_does_not_fit_is_halved_and_a_second_call_does_what_is_missing(tmp_path: Path) -> None:
    cases = [tiny(kind) for kind in KINDS]
    asked: list[tuple[str, int]] = []

    def run_one(case: Case, work: Path, seconds: float) -> dict[str, Any]:
        asked.append((case.kind, case.micro_batch))
        if case.kind == "megatron-core local" and case.micro_batch > 1:
            return {"status": DOES_NOT_FIT}
        if case.kind == "transformers as the seed" and len(asked) < 7:
            return {"status": "failed", "reason": "ImportError: none"}
        return entry_of(case, 250.0 if case.kind == "texmill" else 100.0)

    results = Results(tmp_path / "r.json", CPU)
    assert run_cases(cases, results, CPU, tmp_path, 1e9, run_one) == []
    assert asked == [
        ("texmill", 4),
        ("transformers at its best", 4),
        *(("megatron-core local", size) for size in (4, 2, 1)),
        (cases[3].kind, 4),
    ]
    stored = json.loads((tmp_path / "r.json").read_text())
    local = stored["cases"][tiny("megatron-core local").key]
    assert (local["micro_batch"], local["did_not_fit"]) == (1, [4, 2])
    lines = "\n".join(table(stored))
    assert "failed: ImportError: none" in lines
    assert "texmill, vocabulary 512 sequence 16: 2.50 x transformers at its best, 2.50 x megatron-core local" in lines
    asked += [("", 0)]
    run_cases(cases, Results(tmp_path / "r.json", CPU), CPU, tmp_path, 1e9, run_one)
    assert asked[7:] == [("transformers as the seed", 4)]
    assert "failed" not in "\n".join(table(json.loads((tmp_path / "r.json").read_text())))


def test_no_case_is_begun_beyond_the_budget_and_results_are_of_one_device(tmp_path: Path) -> None:
    cases = [tiny(kind) for kind in KINDS]
    left = run_cases(cases, Results(tmp_path / "r.json", CPU), CPU, tmp_path, 1.0, lambda *_: pytest.fail("begun"))
    assert left == [case.key for case in cases]
    Results(tmp_path / "r.json", CPU).put("cases", "x", {"status": "failed"})
    with pytest.raises(InputError, match="holds results of CPU, this machine has NVIDIA H200"):
        Results(tmp_path / "r.json", H200)


def test_a_process_that_fails_gives_its_last_word(tmp_path: Path) -> None:
    found = bench_train.in_process([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path / "o", tmp_path / "log", 20)
    assert (found["status"], found["reason"], found["exit"]) == ("failed", "no such thing", 1)
    found = bench_train.in_process(
        [sys.executable, "-c", "raise SystemExit('torch.OutOfMemoryError: x')"], tmp_path / "o", tmp_path / "log", 20
    )
    assert found["status"] == DOES_NOT_FIT
    assert bench_train.in_process(["sleep", "9"], tmp_path / "o", tmp_path / "log", 0.2)["reason"] == "not done after 0 s"


def test_made_shards_are_random_text_with_ends(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, 512, 40_000)
    shards = open_token_shards(folder)
    (train,) = shards.of_split("train")
    assert train.num_tokens == 40_000
    assert shards.eod == EOD
    compressed = (folder / "math" / "train.bin.zst").stat().st_size
    assert 0.3 * 80_000 < compressed < 80_000  # neither zeros nor noise
    assert write_shards(tmp_path, 512, 10) == folder


@pytest.mark.parametrize("component", ["norm", "cross_entropy", "weight_gradient"])
def test_components_are_measured_or_say_why_not(component: str, ranks: Ranks) -> None:
    (found,) = ranks.run("bench_component", component)
    rows = {row["kernel"]: row for row in found["kernels"]}
    assert {"torch", "apex", "transformer_engine", "liger"} <= set(rows)
    assert rows["torch"]["error"] < 1e-5
    assert rows["torch"]["milliseconds"] > 0
    assert rows["torch"]["rate"] > 0
    assert all("reason" in rows[name] for name in ("apex", "transformer_engine", "liger"))
    assert "torch" in found["order"] or component == "cross_entropy"
    assert bench_train.component_lines(component, found)[-1].startswith("    order:")


def test_a_measured_order_is_written_for_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = json.loads(bench_train.ORDER_FILE.read_text())
    monkeypatch.setattr(bench_train, "ORDER_FILE", tmp_path / "order.json")
    (tmp_path / "order.json").write_text(json.dumps(stored))
    entries = {"norm": {"order": ["torch", "apex"]}, "cross_entropy": {"order": []}}
    bench_train.write_order({"device": "NVIDIA H200", "components": entries})
    written = json.loads((tmp_path / "order.json").read_text())
    assert written["NVIDIA H200"] == {"norm": ["torch", "apex", "transformer_engine", "torch_compiled"]}
    assert written["any"] == stored["any"]


def standing_in(faults: dict[str, float]) -> Any:
    """A trainer that writes the rows of a run that learns; `faults`: by run, how far the last loss is off."""

    def train(folder: Path, device: str, *, train_iters: int, **fields: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "metrics.jsonl"
        rows = path.read_text().splitlines() if path.exists() else []
        for step in range(len(rows) + 1, train_iters + 1):
            loss = 6.0 - 0.1 * step + (faults.get(folder.name, 0.0) if step == train_iters == STEPS else 0.0)
            rows.append(json.dumps({"kind": "train", "iteration": step, "lm_loss": loss, "grad_norm": 1.0, "lr": 0.1}))
        path.write_text("\n".join(rows) + "\n")
        calls.append((folder.name, device, train_iters))

    calls: list[tuple[str, str, int]] = []
    train.calls = calls  # type: ignore[attr-defined]
    return train


def test_what_the_checks_compare(tmp_path: Path) -> None:
    assert override(TrainConfig(), FIELDS).training.save_interval == HALF
    train = standing_in({})
    verdicts = check(train, tmp_path)
    assert len(verdicts) == 4
    assert all(entry["holds"] for entry in verdicts.values())
    assert [call[1:] for call in train.calls if call[0] == "moved"] == [("cpu", 3), ("gpu", 6), ("cpu", STEPS)]
    assert [call[2] for call in train.calls if call[0] == "parts"] == [HALF, STEPS]
    for folder, word in (
        ("gpu", "float32 losses"),
        ("bf16", "bfloat16"),
        ("moved", "from processor to GPU"),
        ("parts", "equal to the bit"),
    ):
        found = check(standing_in({folder: 0.06}), tmp_path)
        assert [word in name for name, entry in found.items() if not entry["holds"]] == [True], folder
    assert check(standing_in({"bf16": 0.01}), tmp_path)["bfloat16 losses against the processor's float32"]["holds"]
    with pytest.raises(InputError, match="are not those of 12 steps that learn"):
        check(standing_in({"cpu": 9.0}), tmp_path)


def test_the_page_of_performance_has_the_tables_of_the_counts() -> None:
    text = train_floor.PAGE.read_text()
    assert train_floor.with_tables(text) == text, "run python -m benchmarks.train_floor"
    assert text.count("<!-- end -->") == len(train_floor.TABLES)


def test_the_floor_is_counted_from_the_shape() -> None:
    shape = SHAPES["1.36B"]
    parts = train_floor.floor_bytes(shape, 35_584)
    # by hand: 49 norms of 32,768 x 2048 elements, input twice, gradient, result and gradient once, 2 bytes each
    assert parts["norms"] == 49 * 32_768 * 2048 * 10
    assert parts["optimizer, clipping, new weights"] == 1_360_103_424 * 50 / 4
    rows = list(train_floor.floor_table())[2:]
    assert len(rows) == 2 * 3 * 2
    assert rows[0].startswith("| 35,584 | 4,096 | 10.14 (8.93) | 24% | h200 |")
    days = list(train_floor.days_table())
    assert len(days) == 2 + 5
