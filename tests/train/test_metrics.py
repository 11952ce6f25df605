"""What a run says of itself: formulas against hand-made numbers, rows in files that survive a kill."""

import contextlib
import json
import math
import sys
from pathlib import Path

import pytest

from shards.errors import InputError
from tests.train.ranks import Ranks
from tests.train.runs import rows, small_config
from tests.train.token_folder import BYTES_PER_TOKEN
from train.config import ModelConfig, flops_per_token, load_recipe
from train.metrics import MetricsLog, bits_per_byte, mfu, peak_tflops

RECIPE = Path(__file__).resolve().parent.parent.parent / "train" / "recipes" / "1p36b_2xa100.toml"


def test_mfu_of_the_large_recipe_by_hand() -> None:
    model = load_recipe(RECIPE).model
    matmul = 24 * (4 * 2048 * 2048 + 3 * 2048 * 5504) + 35584 * 2048
    full = 6 * matmul + 12 * 24 * 2048 * 4096
    assert flops_per_token(model, is_causal=False) == full
    assert flops_per_token(model, is_causal=True) == full - 6 * 24 * 2048 * 4096
    rate = 0.6 * 2 * 312e12 / full
    assert mfu(model, rate, 2, 312.0, is_causal=False) == pytest.approx(0.6)
    assert mfu(model, rate, 2, 312.0, is_causal=True) == pytest.approx(0.6 * flops_per_token(model, is_causal=True) / full)
    assert mfu(model, rate, 2, None, is_causal=False) is None


def test_peaks_by_the_devices_own_name() -> None:
    assert peak_tflops("NVIDIA A100-SXM4-80GB", None) == 312.0
    assert peak_tflops("NVIDIA H100 80GB HBM3", None) == 989.0
    assert peak_tflops("NVIDIA H100 PCIe", None) == 756.0
    assert peak_tflops("NVIDIA H200", None) == 989.0
    assert peak_tflops("CPU", None) is None
    assert peak_tflops("NVIDIA A100-SXM4-80GB", 100.0) == 100.0


def test_bits_per_byte() -> None:
    # one token in four bytes, of two equally likely ones: a quarter of a bit a byte
    assert bits_per_byte(math.log(2), 1000, 4000) == pytest.approx(0.25)


@pytest.fixture(scope="module")
def run(ranks: Ranks, tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve steps, a line every third, validation every sixth."""
    folder = tmp_path_factory.mktemp("run")
    config = small_config(train_iters=12, log_interval=3, eval_interval=6, peak_tflops=0.01)
    ranks.run("train", config, tokens, folder, world_size=2)
    return folder


def test_rows_of_training(run: Path) -> None:
    found = rows(run)
    assert [row["iteration"] for row in found] == [3, 6, 9, 12]
    for row in found:
        assert row["bits_per_byte"] == pytest.approx(row["lm_loss"] / math.log(2) / BYTES_PER_TOKEN, rel=0.02)  # end tokens have no bytes
        assert row["consumed_samples"] == row["iteration"] * 8
        assert row["consumed_tokens"] == row["iteration"] * 8 * 32
        assert 0 <= row["data_stall_share"] < 1
        assert row["tokens_per_second"] > 0
        assert row["mfu"] > row["mfu_causal"] > 0
        assert row["memory_bytes"] > 1e7
        assert row["grad_norm"] > 0
        assert sum(row["time_share"].values()) == pytest.approx(1)
        assert {"data", "forward", "backward", "optimizer", "communication"} <= set(row["time_share"])
        assert all(share > 0 for share in row["time_share"].values())
        assert row["tokens_left"] == (12 - row["iteration"]) * 8 * 32
    model = small_config().model
    first = found[0]
    assert first["mfu"] == pytest.approx(first["tokens_per_second"] * flops_per_token(model, is_causal=False) / (2 * 0.01e12))
    assert first["time_share"]["checkpoint"] < 0.01  # nothing was saved by then
    assert found[-1]["seconds_left"] == 0


def test_every_step_has_a_row_between_the_intervals_too(run: Path) -> None:
    steps, intervals = rows(run, "step"), {row["iteration"]: row for row in rows(run)}
    assert [row["iteration"] for row in steps] == list(range(1, 13))
    assert list(intervals) == [3, 6, 9, 12]
    for row in steps:
        assert row["consumed_samples"] == row["iteration"] * 8
        assert row["tokens_per_second"] == pytest.approx(8 * 32 / row["seconds"])
        assert row["mfu"] > 0
        assert 0 <= row["data_stall_share"] < 1
        same = ("lm_loss", "bits_per_byte", "lr", "grad_norm")
        interval = intervals.get(row["iteration"], row)
        assert [row[name] for name in same] == [interval[name] for name in same]
    assert len({row["lm_loss"] for row in steps}) == 12


def test_rows_of_validation_by_domain(run: Path) -> None:
    found = rows(run, "validation")
    assert [(row["iteration"], row["domain"]) for row in found] == [
        (step, name) for step in (0, 6, 12) for name in ("math", "physics", "all")
    ]
    for step in (0, 6, 12):
        math_row, physics_row, every = (row for row in found if row["iteration"] == step)
        assert every["tokens"] == math_row["tokens"] + physics_row["tokens"] > 300
        mean = (math_row["lm_loss"] * math_row["tokens"] + physics_row["lm_loss"] * physics_row["tokens"]) / every["tokens"]
        assert every["lm_loss"] == pytest.approx(mean)
        assert every["bits_per_byte"] == pytest.approx(every["lm_loss"] / math.log(2) / BYTES_PER_TOKEN, rel=0.02)
    assert found[-1]["lm_loss"] < found[2]["lm_loss"] < math.log(256) * 1.05


def test_validation_of_part_of_the_set(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(train_iters=1, eval_iters=1), tokens, tmp_path)
    assert {row["tokens"] for row in rows(tmp_path, "validation") if row["domain"] == "math"} == {8 * 32}


def test_validation_changes_nothing_in_training(ranks: Ranks, tokens: Path, tmp_path: Path, run: Path) -> None:
    config = small_config(train_iters=12, log_interval=3, eval_interval=1, peak_tflops=0.01)
    ranks.run("train", config, tokens, tmp_path, world_size=2)
    assert [row["lm_loss"] for row in rows(tmp_path)] == [row["lm_loss"] for row in rows(run)]


def test_tensorboard_has_what_the_rows_have(run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(run / "tensorboard"))
    board.Reload()
    found = {event.step: event.value for event in board.Scalars("train/lm_loss")}
    assert found == pytest.approx({row["iteration"]: row["lm_loss"] for row in rows(run)})
    assert len(found) == 4
    assert [event.step for event in board.Scalars("validation/all/bits_per_byte")] == [0, 6, 12]
    assert not any(tag.startswith("step/") for tag in board.Tags()["scalars"])


def test_what_was_logged_after_the_checkpoint_is_logged_again(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, is_writer=True, kept_rows=0, from_iteration=0)
    for iteration in range(1, 6):
        log.write({"kind": "train", "iteration": iteration, "lm_loss": 1.0})
    log.close()
    with open(tmp_path / "metrics.jsonl", "a") as handle:
        handle.write('{"kind": "train", "itera')  # a kill in the middle of a line
    log = MetricsLog(tmp_path, is_writer=True, kept_rows=3, from_iteration=3)
    assert log.num_rows == 3
    log.write({"kind": "skipped", "iteration": 4, "lm_loss": math.nan, "parts": {"a": math.inf}})
    log.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [1, 2, 3, 4]
    assert json.loads(lines[-1]) == {"kind": "skipped", "iteration": 4, "lm_loss": "nan", "parts": {"a": "inf"}}
    kept = MetricsLog(tmp_path, is_writer=True, kept_rows=99, from_iteration=4)
    assert kept.num_rows == 4
    kept.close()
    silent = MetricsLog(tmp_path, is_writer=False, kept_rows=4, from_iteration=4)
    silent.write({"kind": "train", "iteration": 5})
    assert silent.num_rows == 5
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 4


class Service:
    """Stands in for wandb and mlflow: notes what it is called with, by the names of the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple, dict]] = []

    def __getattr__(self, name: str):
        def call(*args, **kwargs):
            self.calls.append((name, args, kwargs))
            return self

        return call


def test_figures_go_to_the_services_that_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb, mlflow = Service(), Service()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    config = small_config(wandb_project="papers", mlflow_experiment="sizes")
    names = []
    for _ in range(2):  # a run that goes on is the same one
        log = MetricsLog(tmp_path, is_writer=True, kept_rows=0, from_iteration=0, config=config)
        log.write({"kind": "validation", "iteration": 7, "domain": "math", "lm_loss": 2.5, "note": "text"})
        log.close()
        names.append(wandb.calls[-3][2]["id"])
    assert [name for name, _, _ in wandb.calls] == ["init", "log", "finish"] * 2
    assert names[0] == names[1]
    assert wandb.calls[0][2]["project"] == "papers"
    assert wandb.calls[0][2]["config"]["optimizer"]["lr"] == 3e-3
    assert wandb.calls[1][1:] == (({"validation/math/lm_loss": 2.5},), {"step": 7})
    assert [name for name, _, _ in mlflow.calls] == ["set_experiment", "start_run", "log_params", "log_metrics", "end_run"] * 2
    assert mlflow.calls[2][1][0]["optimizer.lr"] == 3e-3
    assert mlflow.calls[3][1:] == (({"validation/math/lm_loss": 2.5},), {"step": 7})


def test_a_service_that_fails_is_dropped_aloud_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Away:
        def set_experiment(self, name: str) -> None:
            pass

        def start_run(self, run_name: str) -> None:
            pass

        def log_params(self, fields: dict[str, object]) -> None:
            pass

        def log_metrics(self, figures: dict[str, float], step: int) -> None:
            raise ConnectionError("no route")

        def end_run(self) -> None:
            raise ConnectionError("no route")

    monkeypatch.setitem(sys.modules, "mlflow", Away())
    config = small_config(mlflow_experiment="sizes")
    log = MetricsLog(tmp_path, is_writer=True, kept_rows=0, from_iteration=0, config=config)
    log.write({"kind": "train", "iteration": 1, "lm_loss": 2.0})
    log.write({"kind": "train", "iteration": 2, "lm_loss": 1.0})
    log.close()
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
    assert capsys.readouterr().out.count("tracking service") == 2


@pytest.mark.parametrize(("package", "field"), [("wandb", "wandb_project"), ("mlflow", "mlflow_experiment")])
def test_a_service_that_is_not_installed_is_one_line(package: str, field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"--{field.replace('_', '-')} needs the package {package}"):
        MetricsLog(tmp_path, is_writer=True, kept_rows=0, from_iteration=0, config=small_config(**{field: "x"}))
    assert not (tmp_path / "metrics.jsonl").exists()
    MetricsLog(tmp_path, is_writer=False, kept_rows=0, from_iteration=0, config=small_config(**{field: "x"}))  # other ranks need none


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, is_writer=True, kept_rows=0, from_iteration=0)
    assert log.handle is not None
    log.handle.close()
    log.handle = open("/dev/full", "a")  # noqa: SIM115
    with pytest.raises(InputError, match=r"/dev/full: cannot be written \(No space left on device\); make room"):
        log.write({"kind": "train", "iteration": 1})
    with contextlib.suppress(OSError):
        log.handle.close()
    log.board.close()


def test_the_size_of_a_model_is_known_only_with_a_vocabulary() -> None:
    with pytest.raises(InputError, match="vocab_size is left to the token shards"):
        flops_per_token(ModelConfig(), is_causal=True)
