"""A run that was killed goes on to the same bits; checkpoints are whole or not there, fit other layouts, and refuse what is not theirs."""

import contextlib
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.train.ranks import Ranks
from tests.train.runs import losses, rows, small_config
from tests.train.token_folder import write_token_folder

KILLED = -signal.SIGKILL
OVERLAP = {"use_distributed_optimizer": True, "overlap_grad_reduce": True}
FORMATS: dict[str, tuple[int, dict[str, Any]]] = {
    "plain": (1, {}),
    "distributed": (2, {"use_distributed_optimizer": True}),
    "distributed_alone": (1, {"use_distributed_optimizer": True}),
    "tp2_sp": (2, {"tensor_model_parallel_size": 2, "sequence_parallel": True}),
    "async": (2, {"use_distributed_optimizer": True, "async_save": True}),
    "bf16": (1, {"bf16": True}),
    "padded_buckets": (2, OVERLAP | {"ddp_bucket_size": 3000}),  # the final norm's bucket ends off the processes' common multiple
    "gather": (2, OVERLAP | {"overlap_param_gather": True, "ddp_bucket_size": 3000}),
    "gather_chunked_async": (
        2,
        OVERLAP
        | {"overlap_param_gather": True, "ddp_bucket_size": 3000, "cross_entropy_chunk_tokens": 24, "bf16": True, "async_save": True},
    ),
    "pp2_tied": (2, {"pipeline_model_parallel_size": 2, "untie_embeddings_and_output_weights": False}),
    "pp2_gather_tied_bf16_async": (
        4,
        OVERLAP
        | {"overlap_param_gather": True, "ddp_bucket_size": 3000, "pipeline_model_parallel_size": 2, "bf16": True, "async_save": True}
        | {"untie_embeddings_and_output_weights": False},
    ),
    "bf16_distributed": (2, {"bf16": True, "use_distributed_optimizer": True, "overlap_grad_reduce": True}),
}


def checkpoint_names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


@pytest.mark.parametrize("name", FORMATS)
def test_a_killed_run_goes_on_to_the_same_bits(name: str, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    world_size, fields = FORMATS[name]
    config = small_config(train_iters=9, save_interval=3, eval_interval=4, **fields)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a", world_size=world_size)
    killed = ranks.start("train_until_killed", config, tokens, tmp_path / "b", 8, world_size=world_size).wait()
    assert [rank.code for rank in killed] == [KILLED] * world_size
    assert list(losses(tmp_path / "b")) == [1, 2, 3, 4, 5, 6, 7]
    # a save beside the training is waited for before the next one begins
    assert "iter_0000003" in checkpoint_names(tmp_path / "b")
    resumed = ranks.run("train", config, tokens, tmp_path / "b", world_size=world_size)
    assert resumed == undisturbed
    assert losses(tmp_path / "b") == losses(tmp_path / "a")
    assert len(losses(tmp_path / "a")) == 9
    same = ("iteration", "domain", "lm_loss", "tokens")
    validations = [[{key: row[key] for key in same} for row in rows(tmp_path / run, "validation")] for run in "ab"]
    assert validations[0] == validations[1]
    assert len(validations[0]) == 4 * 3  # steps 0, 4, 8, 9


def test_every_parameter_counts_its_own_steps_after_a_load(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    # the distributed optimizer's load lets all parameters share one step tensor, which torch then counts once a parameter
    config = small_config(train_iters=3, use_distributed_optimizer=True)
    ranks.run("train", config, tokens, tmp_path)
    (found,) = ranks.run("step_tensors", config, tokens, tmp_path)
    assert found["tensors"] == len(found["values"]) > 10
    assert set(found["values"]) == {3}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tp2_sp", "plain"),
        ("plain", "tp2_sp"),
        ("distributed", "plain_one"),
        ("bf16_distributed", "bf16_distributed_one"),
        ("pp2_tied", "tied"),
        ("tied", "pp2_tied"),
        ("tp2_sp", "pp2"),
        ("pp2_tp2", "plain"),
        ("pp2_zero1", "tp2_zero1"),
    ],
)
def test_other_layouts_load_it(before: str, after: str, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    formats = FORMATS | {
        "plain_one": (1, {"use_distributed_optimizer": True}),
        "bf16_distributed_one": (1, {"bf16": True, "use_distributed_optimizer": True}),
        "tied": (1, {"untie_embeddings_and_output_weights": False}),
        "pp2": (2, {"pipeline_model_parallel_size": 2}),
        "pp2_tp2": (4, {"pipeline_model_parallel_size": 2, "tensor_model_parallel_size": 2}),
        "pp2_zero1": (4, {"pipeline_model_parallel_size": 2, "use_distributed_optimizer": True}),
        "tp2_zero1": (4, {"tensor_model_parallel_size": 2, "use_distributed_optimizer": True}),
    }
    (world_before, fields_before), (world_after, fields_after) = formats[before], formats[after]
    common = {"train_iters": 7, "save_interval": 3}
    ranks.run("train", small_config(**common, **fields_before), tokens, tmp_path / "a", world_size=world_before)
    shutil.copytree(tmp_path / "a/checkpoints/iter_0000003", tmp_path / "b/checkpoints/iter_0000003")
    ranks.run("train", small_config(**common, **fields_after), tokens, tmp_path / "b", world_size=world_after)
    found, wanted = losses(tmp_path / "b"), losses(tmp_path / "a")
    assert list(found) == [4, 5, 6, 7]
    tolerance = 2e-3 if "bf16" in before else 2e-5
    for step, loss in found.items():
        assert loss == pytest.approx(wanted[step], rel=tolerance), step


@pytest.mark.parametrize(
    ("module", "function", "call"),
    [
        ("train.megatron_adapter", "save_sharded", 2),  # the folder is there, nothing in it
        ("train.checkpoint", "write_manifest", 2),  # all files, but nothing says so
        ("train.checkpoint", "fsync_folder", 2),  # renamed
    ],
)
def test_a_kill_while_saving_leaves_a_good_checkpoint(
    module: str, function: str, call: int, ranks: Ranks, tokens: Path, tmp_path: Path
) -> None:
    config = small_config(train_iters=6, save_interval=2)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a")
    killed = ranks.start("train_until_killed_in_save", config, tokens, tmp_path / "b", module, function, call).wait()
    assert [rank.code for rank in killed] == [KILLED]
    assert "iter_0000002" in checkpoint_names(tmp_path / "b")
    assert ranks.run("train", config, tokens, tmp_path / "b") == undisturbed
    assert checkpoint_names(tmp_path / "b") == checkpoint_names(tmp_path / "a")


def test_the_newest_checkpoints_are_kept(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(train_iters=5, save_interval=1, keep_checkpoints=2), tokens, tmp_path)
    assert checkpoint_names(tmp_path) == ["iter_0000004", "iter_0000005", "latest_checkpointed_iteration.txt"]
    assert (tmp_path / "checkpoints/latest_checkpointed_iteration.txt").read_text() == "5\n"
    assert (tmp_path / "checkpoints/iter_0000005/tokenizer.model").read_bytes() == (tokens / "tokenizer.model").read_bytes()


def damage_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["byte", "cut", "gone", "info"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(kind: str, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=6, save_interval=2)
    undisturbed = ranks.run("train", config, tokens, tmp_path)
    newest = tmp_path / "checkpoints/iter_0000006"
    shard = max(newest.glob("*.distcp"), key=lambda path: path.stat().st_size)
    if kind == "byte":
        damage_byte(shard)
    elif kind == "cut":
        shard.write_bytes(shard.read_bytes()[:-100])
    elif kind == "gone":
        shard.unlink()
    else:
        (newest / "texmill.json").write_text("{")
    (again,) = ranks.start("train", config, tokens, tmp_path).wait()
    assert again.code == 0
    assert [again.value] == undisturbed
    assert "iter_0000006: is damaged (" in again.output
    assert "going on from step 4 (" in again.output
    assert rows(tmp_path)[-1]["iteration"] == 6


def test_a_run_whose_checkpoints_are_all_damaged_does_not_begin_anew(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=2)
    ranks.run("train", config, tokens, tmp_path)
    damage_byte(tmp_path / "checkpoints/iter_0000002/common.pt")
    (again,) = ranks.start("train", config, tokens, tmp_path).wait()
    assert again.error is not None
    assert again.error[0] == "InputError"
    assert "every checkpoint is damaged" in again.error[1]


@pytest.fixture(scope="module")
def finished(ranks: Ranks, tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps."""
    run = tmp_path_factory.mktemp("finished")
    ranks.run("train", small_config(train_iters=4), tokens, run)
    return run


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"hidden_size": 64}, "--hidden-size 32, this run has 64"),
        ({"num_layers": 3}, "--num-layers 2, this run has 3"),
        ({"num_query_groups": 4}, "--num-query-groups 2, this run has 4"),
        ({"untie_embeddings_and_output_weights": False}, "--untie-embeddings-and-output-weights True, this run has False"),
        ({"bf16": True}, "--no-bf16"),
        ({"use_distributed_optimizer": True}, "--no-use-distributed-optimizer"),
        ({"seed": 5}, "seed 1234, this run has 5"),
        ({"weights": {"math": 1.0}}, "other token shards"),
        ({"weights": {"math": 1.0, "physics": 1.0}}, "stage 1 of its data"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(fields: dict[str, Any], words: str, ranks: Ranks, tokens: Path, finished: Path) -> None:
    before = checkpoint_names(finished)
    ended = ranks.start("train", small_config(train_iters=6, **fields), tokens, finished, world_size=2).wait()
    for rank in ended:
        assert rank.error is not None
        assert rank.error[0] == "InputError"
        assert words in rank.error[1]
    assert checkpoint_names(finished) == before


def test_a_checkpoint_of_another_tokenizer_is_refused(ranks: Ranks, finished: Path, tmp_path: Path) -> None:
    other = write_token_folder(tmp_path / "tokens", sha256="cd" * 32)
    (rank,) = ranks.start("train", small_config(train_iters=6), other, finished).wait()
    assert rank.error == (
        "InputError",
        f"{finished}/checkpoints/iter_0000004: was trained on another tokenizer (abababababab) than these token shards' (cdcdcdcdcdcd)",
    )


def test_another_corpus_needs_finetune_which_takes_the_weights_alone(ranks: Ranks, tokens: Path, finished: Path, tmp_path: Path) -> None:
    other = write_token_folder(tmp_path / "tokens", seed=2)
    config = small_config(train_iters=3)
    (refused,) = ranks.start("train", config, other, tmp_path / "b", {"load": finished}).wait()
    assert refused.error is not None
    assert "--finetune" in refused.error[1]
    (tuned,) = ranks.run("train", config, other, tmp_path / "c", {"load": finished, "is_finetuning": True})
    assert tuned["progress"]["iteration"] == 3
    assert list(losses(tmp_path / "c")) == [1, 2, 3]
    assert losses(tmp_path / "c")[1] < losses(finished)[1] - 0.05  # it begins with weights that have learnt


def test_a_longer_run_takes_the_same_samples(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    constant = {"lr_decay_style": "constant", "lr_warmup_iters": 2}
    ranks.run("train", small_config(train_iters=8, **constant), tokens, tmp_path / "a")
    ranks.run("train", small_config(train_iters=4, **constant), tokens, tmp_path / "c")
    (rank,) = ranks.start("train", small_config(train_iters=8, **constant), tokens, tmp_path / "c").wait()
    assert rank.code == 0
    assert "the run now ends at step 8, not 4" in rank.output
    assert losses(tmp_path / "c") == losses(tmp_path / "a")


def test_a_checkpoint_states_where_the_run_stood(tokens: Path, finished: Path) -> None:
    info = json.loads((finished / "checkpoints/iter_0000004/texmill.json").read_text())
    assert info["iteration"] == 4
    assert info["consumed_samples"] == 4 * 8
    assert info["consumed_tokens"] == 4 * 8 * 32
    assert info["config"]["optimizer"]["lr"] == 3e-3
    assert info["files"].keys() == {path.name for path in (finished / "checkpoints/iter_0000004").iterdir()} - {"texmill.json"}
    assert all(len(entry["sha256"]) == 64 for entry in info["files"].values())


def test_kills_at_any_moment_change_nothing(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    """A short form of benchmarks/soak_kills.py."""
    config = small_config(train_iters=16, save_interval=2, use_distributed_optimizer=True)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a", world_size=2)
    chance = random.Random(6)
    num_killed = 0
    for _ in range(3):
        job = ranks.start("train", config, tokens, tmp_path / "b", world_size=2)
        time.sleep(chance.uniform(0.3, 1.2))
        for pid in job.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        num_killed += any(rank.code == KILLED for rank in job.wait())
    assert num_killed >= 2
    assert ranks.run("train", config, tokens, tmp_path / "b", world_size=2) == undisturbed
    assert losses(tmp_path / "b") == losses(tmp_path / "a")
