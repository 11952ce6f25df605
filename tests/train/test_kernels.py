"""Kernels against plain formulas, through the signatures that megatron calls; the choice of kernels and its reasons."""

import importlib
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.train.ranks import Ranks
from tests.train.runs import losses, small_config
from train import kernels
from train.kernels import COMPONENTS, CausalAttention, RMSNorm, choose_kernels, probe_apex

SEQUENCE, BATCH, HEADS, HEAD_SIZE = 7, 3, 4, 8


def norm_config(dtype: torch.dtype = torch.float32, *, sequence_parallel: bool = False) -> Any:
    return SimpleNamespace(params_dtype=dtype, sequence_parallel=sequence_parallel)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_norm_is_its_formula(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    norm = RMSNorm(norm_config(dtype), 32, 1e-3)  # megatron gives the epsilon by name or place
    norm.weight.data = torch.rand(32).to(dtype) + 0.5
    x = torch.randn(SEQUENCE, BATCH, 32).to(dtype).requires_grad_()
    out = norm(x)
    wide = x.detach().double()
    plain = wide / (wide.pow(2).mean(-1, keepdim=True) + 1e-3).sqrt() * norm.weight.double()
    assert out.dtype == dtype
    tolerance = 1e-6 if dtype == torch.float32 else 8e-3
    assert torch.allclose(out.double(), plain, rtol=tolerance, atol=tolerance)
    out.sum().backward()
    assert x.grad is not None
    assert norm.weight.grad is not None
    assert norm.weight.grad.dtype == dtype
    assert torch.allclose(norm.weight.grad.double(), (plain / norm.weight.double()).sum((0, 1)), rtol=5e-2, atol=2e-1)


@pytest.mark.parametrize("is_parallel", [True, False])
def test_norm_marks_its_weight_for_sequence_parallelism(is_parallel: bool) -> None:
    assert RMSNorm(norm_config(sequence_parallel=is_parallel), 8).weight.sequence_parallel is is_parallel


def plain_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Loops over samples and heads; query head h reads group h * groups // heads."""
    length, batch, heads, size = query.shape
    groups = key.shape[2]
    out = torch.zeros(length, batch, heads, size, dtype=torch.float64)
    hidden = torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)
    for sample in range(batch):
        for head in range(heads):
            group = head * groups // heads
            scores = query[:, sample, head].double() @ key[:, sample, group].double().T * scale
            out[:, sample, head] = scores.masked_fill(hidden, -math.inf).softmax(-1) @ value[:, sample, group].double()
    return out.reshape(length, batch, -1)


@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("scale", [None, 0.5])
def test_attention_is_its_formula(groups: int, scale: float | None) -> None:
    torch.manual_seed(groups)
    attention = CausalAttention(SimpleNamespace(kv_channels=HEAD_SIZE), 1, None, "self", softmax_scale=scale, cp_comm_type=None)
    query = torch.randn(SEQUENCE, BATCH, HEADS, HEAD_SIZE)
    key, value = (torch.randn(SEQUENCE, BATCH, groups, HEAD_SIZE) for _ in range(2))
    out = attention(query, key, value, None, attn_mask_type=None, attention_bias=None, packed_seq_params=None)
    assert out.shape == (SEQUENCE, BATCH, HEADS * HEAD_SIZE)
    assert torch.allclose(out.double(), plain_attention(query, key, value, scale or 1 / math.sqrt(HEAD_SIZE)), atol=1e-6)
    changed = key.clone()
    changed[-1] += 1
    assert torch.equal(attention(query, changed, value, None)[:-1], out[:-1])  # no token sees a later one


def test_the_report_names_every_component_and_why_better_kernels_were_refused() -> None:
    chosen = choose_kernels()
    assert tuple(choice.component for choice in chosen.choices) == COMPONENTS
    assert len(chosen.lines()) == len(COMPONENTS)
    if not torch.cuda.is_available():
        for line in chosen.lines():
            assert "torch" in line
            assert "Transformer Engine: no CUDA device" in line
            assert "Apex: no CUDA device" in line


def test_the_package_that_is_called_apex_is_not_taken_for_nvidias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def no_module(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", no_module)
    reason = probe_apex("amp_C")
    assert reason is not None
    assert "amp_C cannot be imported (ModuleNotFoundError: No module named 'apex.multi_tensor_apply')" in reason
    assert "the index's package of that name is not NVIDIA's" in reason
    assert kernels.probe_transformer_engine() == (
        "Transformer Engine: cannot be imported (ModuleNotFoundError: No module named 'transformer_engine.pytorch')"
    )


def test_the_shim_is_for_machines_without_cuda_alone(ranks: Ranks) -> None:
    (found,) = ranks.run("shim_with_and_without_cuda")
    assert found["with_cuda"] == {"modes": 0, "patched": False}
    assert found["without_cuda"] == {"modes": 1, "patched": True}


def test_decay_is_on_matrices_alone(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    for is_distributed in (False, True):
        (groups,) = ranks.run(
            "weight_decay", small_config(use_distributed_optimizer=is_distributed), tokens, tmp_path / f"{is_distributed}"
        )
        norms = {name for name in groups if "norm" in name}
        assert len(norms) == 2 * 2 + 1
        assert {groups[name] for name in norms} == {0.0}
        assert {groups[name] for name in groups.keys() - norms} == {0.1}
        assert len(groups) == 2 * 6 + 3


@pytest.mark.parametrize("fields", [{}, {"sequence_parallel": True}])
def test_what_sequence_parallelism_divides_is_marked(fields: dict[str, Any], ranks: Ranks) -> None:
    marked, other = ranks.run("marks", small_config(tensor_model_parallel_size=2, **fields), world_size=2)
    assert marked == other
    norms = {name for name in marked if "norm" in name}
    assert {name for name, mark in marked.items() if mark} == (norms if fields else set())


@pytest.mark.parametrize("fields", [{"num_query_groups": None}, {"num_query_groups": 2}, {"untie_embeddings_and_output_weights": False}])
def test_weights_at_the_beginning_do_not_depend_on_the_layout(fields: dict[str, Any], ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = {"train_iters": 6, "lr": 1e-2, **fields}
    (one,) = ranks.run("train", small_config(**config), tokens, tmp_path / "one")
    two = ranks.run(
        "train", small_config(**config, tensor_model_parallel_size=2, sequence_parallel=True), tokens, tmp_path / "two", world_size=2
    )
    assert one["num_parameters"] == two[0]["num_parameters"]
    found, wanted = losses(tmp_path / "two"), losses(tmp_path / "one")
    assert len(wanted) == 6
    for step, loss in wanted.items():
        assert found[step] == pytest.approx(loss, rel=1e-6 if step == 1 else 1e-4)


@pytest.mark.parametrize("granularity", ["full", "selective"])
def test_recomputing_changes_no_bit(granularity: str, ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    (plain,) = ranks.run("train", small_config(train_iters=5), tokens, tmp_path / "plain")
    (again,) = ranks.run("train", small_config(train_iters=5, recompute_granularity=granularity), tokens, tmp_path / "again")
    assert again == plain


def test_bf16_keeps_float32_masters_and_learns(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(), tokens, tmp_path / "fp32")
    (masters, _) = ranks.run(
        "master_types", small_config(bf16=True, use_distributed_optimizer=True), tokens, tmp_path / "bf16", world_size=2
    )
    assert masters == {
        "model": ["torch.bfloat16"],
        "master": ["torch.float32"],
        "moments": ["torch.float32"],
        "gradients": ["torch.float32"],
    }
    found, wanted = losses(tmp_path / "bf16"), losses(tmp_path / "fp32")
    for step in (1, 20):
        assert found[step] == pytest.approx(wanted[step], rel=5e-3)
    assert found[20] < found[1] - 0.3
