"""However a step is divided over processes, the losses are the same; GQA, tied weights and accumulation included."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.ranks import Ranks
from tests.train.runs import losses, rows, small_config

NUM_STEPS = 20
FIRST_STEP_TOLERANCE, LAST_STEP_TOLERANCE = 1e-6, 1e-4  # relative, float32
OVERLAP = {"use_distributed_optimizer": True, "overlap_grad_reduce": True}
LAYOUTS = {
    "dp2": {},
    "dp2_zero1": {"use_distributed_optimizer": True},
    "dp2_zero1_overlap": OVERLAP,
    "dp2_zero1_gather": {**OVERLAP, "overlap_param_gather": True, "ddp_bucket_size": 3000},
    "dp2_zero1_gather_chunked": {**OVERLAP, "overlap_param_gather": True, "ddp_bucket_size": 3000, "cross_entropy_chunk_tokens": 24},
    "tp2": {"tensor_model_parallel_size": 2},
    "tp2_sp": {"tensor_model_parallel_size": 2, "sequence_parallel": True},
    "dp2_zero1_chunked": {"use_distributed_optimizer": True, "cross_entropy_chunk_tokens": 24},
    "tp2_chunked": {"tensor_model_parallel_size": 2, "cross_entropy_chunk_tokens": 24},
    "tp2_sp_chunked": {"tensor_model_parallel_size": 2, "sequence_parallel": True, "cross_entropy_chunk_tokens": 24},
    "pp2": {"pipeline_model_parallel_size": 2},
    "pp2_chunked": {"pipeline_model_parallel_size": 2, "cross_entropy_chunk_tokens": 24},
}
TIED = {"untie_embeddings_and_output_weights": False}
PIPELINES_OF_FOUR: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # what both runs have, what the pipeline has besides
    "pp2_dp2_zero1_gather_tied": (TIED, {"pipeline_model_parallel_size": 2, **LAYOUTS["dp2_zero1_gather"]}),
    "pp2_tp2_sp": ({}, {"pipeline_model_parallel_size": 2, **LAYOUTS["tp2_sp"]}),
    # no token sees another document's, so that stages in the middle look at batches too
    "pp4_documents": ({"num_layers": 4, "reset_attention_mask": True}, {"pipeline_model_parallel_size": 4}),
}


@pytest.fixture(scope="module")
def reference(ranks: Ranks, tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("one")
    ranks.run("train", small_config(), tokens, run)
    return run


def assert_equal_losses(run: Path, reference: Path) -> None:
    found, wanted = losses(run), losses(reference)
    assert list(found) == list(wanted) == list(range(1, NUM_STEPS + 1))
    assert found[1] == pytest.approx(wanted[1], rel=FIRST_STEP_TOLERANCE)
    for step in wanted:
        assert found[step] == pytest.approx(wanted[step], rel=LAST_STEP_TOLERANCE), step
    assert found[NUM_STEPS] < found[1] - 0.25  # a model that stands still agrees with everything
    validation = {(row["iteration"], row["domain"]): row["lm_loss"] for row in rows(reference, "validation")}
    assert len(validation) == 6
    for row in rows(run, "validation"):
        assert row["lm_loss"] == pytest.approx(validation[row["iteration"], row["domain"]], rel=LAST_STEP_TOLERANCE)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_processes_learn_as_one(layout: str, ranks: Ranks, tokens: Path, tmp_path: Path, reference: Path) -> None:
    ranks.run("train", small_config(**LAYOUTS[layout]), tokens, tmp_path, world_size=2)
    assert_equal_losses(tmp_path, reference)


@pytest.mark.parametrize("layout", PIPELINES_OF_FOUR)
def test_pipelines_of_four_processes_learn_as_one(layout: str, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    common, divided = PIPELINES_OF_FOUR[layout]
    (one,) = ranks.run("train", small_config(**common), tokens, tmp_path / "one")
    four = ranks.run("train", small_config(**common, **divided, replica_check_interval=5), tokens, tmp_path / "four", world_size=4)
    assert_equal_losses(tmp_path / "four", tmp_path / "one")
    assert [rank["num_parameters"] for rank in four] == [one["num_parameters"]] * 4
    assert rows(tmp_path / "four")[-1]["time_share"]["communication"] > 0


def test_a_stage_in_the_middle_reads_no_batch(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(num_layers=3, pipeline_model_parallel_size=3, train_iters=3, **TIED)
    ranks.run("train", small_config(num_layers=3, train_iters=3, **TIED), tokens, tmp_path / "one")
    read = ranks.run("train_and_count_samples", config, tokens, tmp_path / "three", world_size=3)
    assert read[1] == 0
    assert all(count >= 3 * 8 for count in (read[0], read[2]))  # of three steps, and what was read ahead
    assert losses(tmp_path / "three") == pytest.approx(losses(tmp_path / "one"), rel=FIRST_STEP_TOLERANCE)


def test_weights_are_gathered_after_the_step_and_whole_where_they_are_read(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    fields = LAYOUTS["dp2_zero1_gather"]
    first, second = ranks.run("weights_between_steps", small_config(**fields), tokens, tmp_path / "late", world_size=2)
    assert first["buckets"] == second["buckets"] > 3
    assert len({first["before"], first["after"], second["after"], first["gathered"]}) == 4  # each has updated its part alone
    assert first["gathered"] == second["gathered"]
    at_once = ranks.run("weights_between_steps", small_config(**fields | {"overlap_param_gather": False}), tokens, tmp_path, world_size=2)
    assert {rank["after"] for rank in at_once} == {first["gathered"]}


@pytest.mark.parametrize("scheme", ["megatron", "plain"])
def test_initial_weights_have_their_deviation_however_they_are_divided(scheme: str, ranks: Ranks) -> None:
    shape = {"num_layers": 8, "hidden_size": 64, "ffn_hidden_size": 128, "init_method_std": 0.03, "init_scheme": scheme}
    (whole,) = ranks.run("initial_weights", small_config(**shape))
    parts = ranks.run("initial_weights", small_config(**shape, tensor_model_parallel_size=2), world_size=2)
    deviations = {name: values.std() for name, (_, values) in whole.items() if "norm" not in name}
    scaled = {name for name in deviations if name.endswith(("linear_proj.weight", "linear_fc2.weight"))}
    assert (len(deviations), len(scaled)) == (2 + 4 * 8, 2 * 8)
    for name, deviation in deviations.items():
        wanted = 0.03 / (2 * 8) ** 0.5 if scheme == "megatron" and name in scaled else 0.03
        assert deviation == pytest.approx(wanted, rel=0.05), name
    for name, (_, values) in whole.items():
        is_divided = parts[0][name][0]
        together = np.concatenate([part[name][1] for part in parts]) if is_divided else parts[0][name][1]
        assert is_divided == (name in deviations)
        assert np.array_equal(np.sort(together), np.sort(values)), name


def test_accumulation_changes_nothing(ranks: Ranks, tokens: Path, tmp_path: Path, reference: Path) -> None:
    ranks.run("train", small_config(micro_batch_size=8), tokens, tmp_path)
    assert_equal_losses(tmp_path, reference)


def test_bfloat16_layouts_differ_no_more_than_orders_of_summing_do(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    """The bound is fixed beforehand: three times the spread that adding the same numbers in other orders makes in one process."""
    runs = {}
    for micro_batch_size in (8, 2):
        runs[micro_batch_size] = tmp_path / f"micro{micro_batch_size}"
        ranks.run("train", small_config(bf16=True, micro_batch_size=micro_batch_size), tokens, runs[micro_batch_size])
    orders = [losses(run) for run in runs.values()]
    middle = {step: sum(order[step] for order in orders) / len(orders) for step in orders[0]}
    spread = max(abs(order[step] - middle[step]) / middle[step] for order in orders for step in middle)
    assert 1e-6 < spread < 5e-3
    for name in ("dp2_zero1", "tp2_sp", "pp2"):
        ranks.run("train", small_config(bf16=True, **LAYOUTS[name]), tokens, tmp_path / name, world_size=2)
        found = losses(tmp_path / name)
        assert len(found) == NUM_STEPS
        for step, loss in found.items():
            assert abs(loss - middle[step]) / middle[step] <= 3 * spread, (name, step)
