"""What is compiled on a GPU, run here as it stands: values and gradients against plain formulas in float64, and what is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.train.ranks import Ranks
from tests.train.runs import losses, small_config
from train.fused import FusedRMSNorm, losses_and_gradient, norm_of_all, scale_all, split_and_turn
from train.kernels import RMSNorm

SEQUENCE, BATCH, GROUPS, PER_GROUP, HEAD_SIZE = 7, 3, 2, 3, 8


def norm_config(dtype: torch.dtype) -> Any:
    return SimpleNamespace(params_dtype=dtype, sequence_parallel=False)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
def test_norm_and_its_gradients_are_the_plain_norms(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(1)
    weight, x, gradient = torch.rand(32) + 0.5, torch.randn(SEQUENCE, BATCH, 32), torch.randn(SEQUENCE, BATCH, 32)
    found: list[list[Tensor]] = []
    for kind, kind_dtype in ((FusedRMSNorm, dtype), (RMSNorm, torch.float32)):
        norm = kind(norm_config(kind_dtype), 32, 1e-3)
        norm.weight.data = weight.to(dtype).to(kind_dtype)
        given = x.to(dtype).to(kind_dtype).requires_grad_()
        out = norm(given)
        out.backward(gradient.to(dtype).to(kind_dtype))
        assert given.grad is not None
        assert norm.weight.grad is not None
        assert out.dtype == given.grad.dtype == norm.weight.grad.dtype == kind_dtype
        found.append([out.detach(), given.grad, norm.weight.grad])
    for mine, plain in zip(*found, strict=True):
        assert float((mine.float() - plain).norm() / plain.norm()) < tolerance


def test_norm_keeps_its_input_and_a_number_a_token() -> None:
    norm = FusedRMSNorm(norm_config(torch.bfloat16), 32)
    x = torch.randn(SEQUENCE, BATCH, 32).bfloat16().requires_grad_()
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        norm(x)
    assert sorted(tensor.numel() * tensor.element_size() for tensor in kept) == [
        32 * 2,  # the weight
        SEQUENCE * BATCH * 4,
        SEQUENCE * BATCH * 32 * 2,
    ]


def test_rotary_positions_and_their_gradient() -> None:
    torch.manual_seed(1)
    width = GROUPS * (PER_GROUP + 2) * HEAD_SIZE
    joint = torch.randn(SEQUENCE, BATCH, width, dtype=torch.float64).float().requires_grad_()
    half = torch.rand(SEQUENCE, 1, 1, HEAD_SIZE // 2) * 7
    angles = torch.cat((half, half), -1)
    parts = split_and_turn(joint, angles, groups=GROUPS, head_size=HEAD_SIZE)
    assert [tuple(part.shape) for part in parts] == [
        (SEQUENCE, BATCH, GROUPS * PER_GROUP, HEAD_SIZE),
        (SEQUENCE, BATCH, GROUPS, HEAD_SIZE),
        (SEQUENCE, BATCH, GROUPS, HEAD_SIZE),
    ]
    assert all(part.is_contiguous() for part in parts)
    whole = joint.detach().double().view(SEQUENCE, BATCH, GROUPS, PER_GROUP + 2, HEAD_SIZE)
    turn = torch.polar(torch.ones_like(half.double()), half.double()).unsqueeze(3)  # rotation of the pairs (i, i + D/2) as complex numbers
    pairs = torch.complex(whole[..., : HEAD_SIZE // 2], whole[..., HEAD_SIZE // 2 :]) * turn
    turned = torch.cat((pairs.real, pairs.imag), -1)
    query, key, value = (part.detach().double() for part in parts)
    assert torch.allclose(query, turned[..., :-2, :].reshape(query.shape), atol=1e-5)
    assert torch.allclose(key, turned[..., -2, :], atol=1e-5)
    assert torch.equal(value, whole[..., -1, :])
    weights = [torch.randn(part.shape) for part in parts]
    (gradient,) = torch.autograd.grad(sum((part * weight).sum() for part, weight in zip(parts, weights, strict=True)), joint)  # type: ignore[type-var]
    step = torch.randn_like(joint)
    moved = split_and_turn(joint.detach() + step, angles, groups=GROUPS, head_size=HEAD_SIZE)
    # the map is linear
    change = sum(float(((after - before) * weight).sum().detach()) for after, before, weight in zip(moved, parts, weights, strict=True))
    assert change == pytest.approx(float((gradient * step).sum()), rel=1e-4)
    assert parts[2].untyped_storage().nbytes() == parts[2].numel() * 4  # the value keeps nothing else alive


def test_rotary_positions_take_gradients_that_are_not_contiguous() -> None:
    joint = torch.randn(SEQUENCE, BATCH, GROUPS * 3 * HEAD_SIZE, requires_grad=True)
    angles = torch.rand(SEQUENCE, 1, 1, HEAD_SIZE // 2).repeat(1, 1, 1, 2)
    query, key, value = split_and_turn(joint, angles, groups=GROUPS, head_size=HEAD_SIZE)
    wanted = torch.autograd.grad((query.sum() + key.sum() + value.sum()), joint, retain_graph=True)[0]
    sums = query.permute(1, 2, 0, 3).sum() + key.transpose(0, 1).sum() + value.expand(value.shape).sum()
    assert torch.equal(torch.autograd.grad(sums, joint)[0], wanted)
    assert wanted.any()


def test_loss_and_its_gradient_by_the_logits() -> None:
    torch.manual_seed(1)
    logits = (torch.randn(11, 96) * 5).requires_grad_()
    labels, share = torch.randint(96, (11,)), torch.rand(11)
    found, gradient = losses_and_gradient(logits.detach(), labels, share)
    wanted = torch.nn.functional.cross_entropy(logits.double(), labels, reduction="none")
    assert torch.allclose(found.double(), wanted, rtol=1e-6)
    (by_logits,) = torch.autograd.grad((wanted * share).sum(), logits)
    assert torch.allclose(gradient, by_logits, rtol=1e-5, atol=1e-7)
    assert losses_and_gradient(logits.detach().bfloat16(), labels, share)[1].dtype == torch.bfloat16


def test_norm_and_scale_of_many_tensors() -> None:
    tensors = [torch.randn(3, 4), torch.randn(5), torch.randn(())]
    norm, nothing = norm_of_all(0, torch.zeros(1), [tensors], False)
    assert nothing is None
    assert float(norm) == pytest.approx(float(torch.cat([tensor.flatten() for tensor in tensors]).double().norm()), rel=1e-6)
    doubled = [tensor * 2 for tensor in tensors]
    scale_all(0, torch.zeros(1), [tensors, tensors], 2.0)
    assert all(torch.equal(mine, wanted) for mine, wanted in zip(tensors, doubled, strict=True))
    narrow = [torch.zeros_like(tensor, dtype=torch.bfloat16) for tensor in tensors]
    scale_all(0, torch.zeros(1), [tensors, narrow], 1.0)
    assert all(torch.equal(mine, wanted.bfloat16()) for mine, wanted in zip(narrow, tensors, strict=True))


def test_training_with_fused_kernels_learns_the_same(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(train_iters=10), tokens, tmp_path / "plain")
    ranks.run("train_with_fused_kernels", small_config(train_iters=10), tokens, tmp_path / "fused")
    assert losses(tmp_path / "fused") == pytest.approx(losses(tmp_path / "plain"), rel=1e-5)
    again = small_config(train_iters=10, recompute_granularity="full", sequence_parallel=True, tensor_model_parallel_size=2)
    ranks.run("train_with_fused_kernels", again, tokens, tmp_path / "two", world_size=2)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "plain"), rel=1e-4)


def test_a_checkpoint_of_other_kernels_is_gone_on_with(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(train_iters=10), tokens, tmp_path / "plain")
    ranks.run("train_with_fused_kernels", small_config(train_iters=5), tokens, tmp_path / "moved")
    ranks.run("train", small_config(train_iters=10, lr_decay_iters=10), tokens, tmp_path / "moved")
    found, wanted = losses(tmp_path / "moved"), losses(tmp_path / "plain")
    assert [found[step] for step in range(6, 8)] == pytest.approx([wanted[step] for step in range(6, 8)], rel=2e-2)
    assert found[10] < found[1] - 0.1
