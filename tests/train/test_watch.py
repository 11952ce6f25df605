"""Steps that cannot be right are not applied; what is beyond help ends with a clear word, what has to end saves first."""

import json
import math
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.train.ranks import Rank, Ranks
from tests.train.runs import losses, rows, small_config
from tests.train.test_resume import checkpoint_names
from train.config import WatchConfig
from train.watch import REASONS, StepWatch, robust_zscore


def message(rank: Rank) -> str:
    assert rank.error is not None, rank.output[-2000:]
    assert rank.error[0] == "InputError", rank.output[-2000:]
    return rank.error[1]


@pytest.mark.parametrize("kind", ["gradients", "loss", "data"])
@pytest.mark.parametrize("world_size", [1, 2])
def test_one_bad_step_is_left_out(kind: str, world_size: int, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=6, use_distributed_optimizer=world_size == 2)
    (ended, *_) = ranks.run("train_with_faults", config, tokens, tmp_path, kind, [3], world_size=world_size)
    assert ended["digests"][3] == ended["digests"][4]  # step 3 left the weights as they were
    assert len(set(ended["digests"].values())) == 5
    assert list(losses(tmp_path)) == [1, 2, 4, 5, 6]
    (skipped,) = rows(tmp_path, "skipped")
    assert skipped["iteration"] == 3
    assert skipped["reason"] == ("the gradients are not finite" if kind == "gradients" else "the loss is not finite")
    assert skipped["first_sample"] == 2 * 8
    assert ended["progress"]["skipped_steps"] == 1
    (books,) = rows(tmp_path, "books")
    assert books["tokens_trained_on"] == 5 * 8 * 32
    assert books["tokens_skipped"] == 8 * 32
    assert sum(books["tokens_drawn"].values()) == 6 * 8 * 32


def test_pipeline_stages_act_on_what_one_of_them_sees(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    fields = {"pipeline_model_parallel_size": 2, "untie_embeddings_and_output_weights": False}
    config = small_config(train_iters=5, replica_check_interval=1, **fields)
    for kind, reason in (("last_gradients", "the gradients are not finite"), ("loss_of_last_stage", "the loss is not finite")):
        ended = ranks.run("train_with_faults", config, tokens, tmp_path / kind, kind, [3], world_size=2)
        assert [rank["progress"]["skipped_steps"] for rank in ended] == [1, 1]
        assert all(rank["digests"][3] == rank["digests"][4] for rank in ended)
        assert [(row["iteration"], row["reason"]) for row in rows(tmp_path / kind, "skipped")] == [(3, reason)]
    signalled = ranks.run("train_with_faults", config, tokens, tmp_path / "signal", "signal", [3], world_size=2)
    assert [rank["progress"]["iteration"] for rank in signalled] == [3, 3]
    assert "iter_0000003" in checkpoint_names(tmp_path / "signal")
    for rank in ranks.start("train_with_faults", config, tokens, tmp_path / "drift", "tied_drift", [4], world_size=2).wait():
        assert "differ in 2 of them, first stage 1: embedding.word_embeddings.weight" in message(rank)


def test_weights_that_broke_are_taken_from_the_last_checkpoint(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=10, save_interval=4)
    (ended,) = ranks.run("train_with_faults", config, tokens, tmp_path, "weights", [5])
    # step 5 itself was fine; 6, 7, 8 and 9 see NaN; the fourth in a row is one too many
    assert [row["iteration"] for row in rows(tmp_path, "skipped")] == [6, 7, 8, 9]
    (rewind,) = rows(tmp_path, "rewind")
    assert (rewind["iteration"], rewind["to_iteration"]) == (9, 4)
    assert [row["iteration"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]
    assert ended["progress"]["iteration"] == 10
    assert ended["progress"]["consumed_samples"] == (9 + 6) * 8  # the data of steps 5 to 9 is left behind
    (books,) = rows(tmp_path, "books")
    assert books["tokens_trained_on"] == 10 * 8 * 32
    assert books["tokens_skipped"] == 5 * 8 * 32
    assert all(math.isfinite(row["lm_loss"]) for row in rows(tmp_path))


def test_a_kill_after_going_back_does_not_bring_the_data_back(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=10, save_interval=4)
    (whole,) = ranks.run("train_with_faults", config, tokens, tmp_path / "a", "weights", [5])
    ranks.run("train_with_faults", config, tokens, tmp_path / "b", "weights", [5])
    info = json.loads((tmp_path / "b/checkpoints/iter_0000004/texmill.json").read_text())
    assert info["progress"]["consumed_samples"] == 9 * 8
    for later in ("iter_0000008", "iter_0000010"):
        shutil.rmtree(tmp_path / "b/checkpoints" / later)
    (again,) = ranks.run("train", config, tokens, tmp_path / "b")
    assert again["weights"] == whole["weights"]
    both = [[(row["iteration"], row["lm_loss"], row["lr"], row["consumed_samples"]) for row in rows(tmp_path / run)] for run in "ab"]
    assert both[0] == both[1]
    assert len(both[0]) == 11


def test_a_run_that_cannot_go_on_stops_with_a_word(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=30, save_interval=4, max_skipped_steps=1, max_rewinds=2)
    (ended,) = ranks.start("train_with_faults", config, tokens, tmp_path, "gradients", [5, 6] * 10).wait()
    assert "2 bad steps in a row, after going back to" in message(ended)
    assert "iter_0000004 2 times; nothing was applied since" in message(ended)
    assert [row["to_iteration"] for row in rows(tmp_path, "rewind")] == [4, 4]
    assert checkpoint_names(tmp_path) == ["iter_0000004", "latest_checkpointed_iteration.txt"]


def test_without_a_checkpoint_there_is_nothing_to_go_back_to(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=6, max_skipped_steps=0)
    ended = ranks.start("train_with_faults", config, tokens, tmp_path, "loss", [2], world_size=2).wait()
    assert all("step 2: 1 bad steps in a row, and no checkpoint to go back to" in message(rank) for rank in ended)


def test_a_run_does_not_end_on_bad_steps(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=6, save_interval=4)
    (ended,) = ranks.start("train_with_faults", config, tokens, tmp_path, "weights", [5]).wait()
    assert "the last 1 steps were bad: nothing is saved" in message(ended)
    assert "iter_0000006" not in checkpoint_names(tmp_path)


def test_a_spike_is_left_out_by_option(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=12, spike_zscore=8.0, spike_window=8)
    (ended,) = ranks.run("train_with_faults", config, tokens, tmp_path / "on", "spike", [9])
    assert [(row["iteration"], row["reason"]) for row in rows(tmp_path / "on", "skipped")] == [(9, "the loss is a spike")]
    assert ended["digests"][9] == ended["digests"][10]
    ranks.run("train_with_faults", small_config(train_iters=12), tokens, tmp_path / "off", "spike", [9])
    assert rows(tmp_path / "off", "skipped") == []


def test_judgement_needs_half_a_window_and_is_robust() -> None:
    watch = StepWatch(WatchConfig(spike_zscore=6.0, spike_window=16))
    for step in range(7):
        assert watch.judge(5.0 - step / 100, 1.0) == 0
        watch.count(0, 5.0 - step / 100, 1.0)
    assert watch.judge(500.0, 1.0) == 0  # seven steps say too little
    watch.count(0, 4.9, 1.0)
    assert REASONS[watch.judge(500.0, 1.0)] == "the loss is a spike"
    assert REASONS[watch.judge(4.9, 80.0)] == "the gradient norm is a spike"
    assert REASONS[watch.judge(math.nan, 1.0)] == "the loss is not finite"
    assert REASONS[watch.judge(4.9, math.inf)] == "the gradients are not finite"
    assert watch.judge(0.1, 0.001) == 0  # far below is no spike
    again = StepWatch(watch.config, json.loads(json.dumps(watch.state())))
    assert again.state() == watch.state()
    assert robust_zscore(5.0, [5.0] * 8) == 0.0
    assert robust_zscore(5.0 * math.exp(0.05), [5.0] * 8) == pytest.approx(5.0)  # the least deviation is 1 %
    assert robust_zscore(9.0, [5.0] * 7 + [5000.0]) == robust_zscore(9.0, [5.0] * 8)  # one outlier moves nothing


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_signal_saves_and_ends(world_size: int, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=8)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a", world_size=world_size)
    stopped = ranks.run("train_with_faults", config, tokens, tmp_path / "b", "signal", [3], world_size=world_size)
    assert all(rank["progress"]["iteration"] == 3 for rank in stopped)
    assert checkpoint_names(tmp_path / "b")[0] == "iter_0000003"
    assert ranks.run("train", config, tokens, tmp_path / "b", world_size=world_size) == undisturbed
    assert losses(tmp_path / "b") == losses(tmp_path / "a")


def test_a_process_that_stands_still_ends_the_others_with_stacks(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=8, hang_seconds=4.0)
    job = ranks.start("train_with_faults", config, tokens, tmp_path, "stop", [3], world_size=2)
    waiting, stopped = job.wait(for_first=True)
    assert stopped.code == -signal.SIGKILL  # by the test: it stands still
    assert waiting.code == 1
    assert "Timeout (0:00:04)!" in waiting.output
    assert "most recent call first" in waiting.output
    assert "trainer.py" in waiting.output


def test_replicas_that_drift_apart_are_found(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=8, replica_check_interval=2)
    ended = ranks.start("train_with_faults", config, tokens, tmp_path, "drift", [4], world_size=2).wait()
    for rank in ended:
        assert "step 4: processes that hold the same weights differ in 1 of them, first embedding.word_embeddings.weight" in message(rank)
    fields: dict[str, Any] = {"tensor_model_parallel_size": 2, "sequence_parallel": True}
    ranks.run("train", small_config(train_iters=4, replica_check_interval=2, **fields), tokens, tmp_path / "b", world_size=2)


@pytest.mark.parametrize("world_size", [1, 2])
def test_no_room_for_a_checkpoint_is_one_line_and_the_last_one_stays(world_size: int, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=8, save_interval=2)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a", world_size=world_size)
    ended = ranks.start("train_with_faults", config, tokens, tmp_path / "b", "no_room", [3], world_size=world_size).wait()
    for rank in ended:
        assert "iter_0000004: cannot be saved (" in message(rank)
        assert "the last good checkpoint is" in message(rank)
        assert "iter_0000002. Make room" in message(rank)
        assert len(message(rank).splitlines()) == 1
    left = [name for name in checkpoint_names(tmp_path / "b") if not name.startswith(".tmp-")]  # another process may have been writing yet
    assert left == ["iter_0000002", "latest_checkpointed_iteration.txt"]
    assert ranks.run("train", config, tokens, tmp_path / "b", world_size=world_size) == undisturbed
    assert checkpoint_names(tmp_path / "b") == checkpoint_names(tmp_path / "a")
