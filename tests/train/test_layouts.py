"""However a step is divided over processes, the losses are the same; GQA, tied weights and accumulation included."""

from pathlib import Path

import pytest

from tests.train.ranks import Ranks
from tests.train.runs import losses, rows, small_config

NUM_STEPS = 20
FIRST_STEP_TOLERANCE, LAST_STEP_TOLERANCE = 1e-6, 1e-4  # relative, float32
LAYOUTS = {
    "dp2": {},
    "dp2_zero1": {"use_distributed_optimizer": True},
    "dp2_zero1_overlap": {"use_distributed_optimizer": True, "overlap_grad_reduce": True},
    "tp2": {"tensor_model_parallel_size": 2},
    "tp2_sp": {"tensor_model_parallel_size": 2, "sequence_parallel": True},
    "dp2_zero1_chunked": {"use_distributed_optimizer": True, "cross_entropy_chunk_tokens": 24},
    "tp2_chunked": {"tensor_model_parallel_size": 2, "cross_entropy_chunk_tokens": 24},
    "tp2_sp_chunked": {"tensor_model_parallel_size": 2, "sequence_parallel": True, "cross_entropy_chunk_tokens": 24},
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
    assert found[NUM_STEPS] < found[1] - 0.3  # a model that stands still agrees with everything
    validation = {(row["iteration"], row["domain"]): row["lm_loss"] for row in rows(reference, "validation")}
    assert len(validation) == 6
    for row in rows(run, "validation"):
        assert row["lm_loss"] == pytest.approx(validation[row["iteration"], row["domain"]], rel=LAST_STEP_TOLERANCE)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_processes_learn_as_one(layout: str, ranks: Ranks, tokens: Path, tmp_path: Path, reference: Path) -> None:
    ranks.run("train", small_config(**LAYOUTS[layout]), tokens, tmp_path, world_size=2)
    assert_equal_losses(tmp_path, reference)


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
    for name in ("dp2_zero1", "tp2_sp"):
        ranks.run("train", small_config(bf16=True, **LAYOUTS[name]), tokens, tmp_path / name, world_size=2)
        found = losses(tmp_path / name)
        assert len(found) == NUM_STEPS
        for step, loss in found.items():
            assert abs(loss - middle[step]) / middle[step] <= 3 * spread, (name, step)
