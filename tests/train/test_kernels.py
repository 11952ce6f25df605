"""Kernels against plain formulas, through the signatures that megatron calls; the choice of kernels and its reasons."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from shards.errors import InputError
from tests.train.libraries import LibraryAttention, library_modules, plain_attention
from tests.train.ranks import Ranks
from tests.train.runs import losses, small_config
from train.config import KernelConfig
from train.fused import FusedRMSNorm
from train.kernels import (
    CANDIDATES,
    COMPONENTS,
    ORDER_FILE,
    ApexRMSNorm,
    CausalAttention,
    RMSNorm,
    TransformerEngineAttention,
    TransformerEngineRMSNorm,
    choose_kernels,
    kernel_order,
    probe_apex,
)

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


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A machine with CUDA, Transformer Engine and Apex, as far as probes can see; modules may be taken away."""
    modules = library_modules()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return modules


@pytest.mark.parametrize("adapter", [TransformerEngineRMSNorm, ApexRMSNorm])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_librarys_norm_keeps_the_contract(adapter: Any, dtype: torch.dtype, libraries: dict[str, Any]) -> None:
    norm = adapter(norm_config(dtype, sequence_parallel=True), 32, eps=1e-3)
    own = RMSNorm(norm_config(dtype), 32, 1e-3)
    assert norm.weight.sequence_parallel is True
    assert list(norm.state_dict()) == list(own.state_dict()) == ["weight"]
    weight = torch.rand(32).to(dtype) + 0.5
    norm.load_state_dict({"weight": weight})
    own.load_state_dict({"weight": weight})
    x = torch.randn(SEQUENCE, BATCH, 32).to(dtype)
    assert torch.allclose(norm(x), own(x), rtol=2**-7 if dtype == torch.bfloat16 else 1e-6)
    norm(x).sum().backward()
    assert norm.weight.grad is not None
    narrow = norm.bfloat16()
    assert narrow.inner.weight is narrow.weight
    assert len(list(narrow.parameters())) == 1
    assert narrow(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("num_parts", [1, 2])
def test_a_librarys_attention_keeps_the_contract(num_parts: int, libraries: dict[str, Any]) -> None:
    config = SimpleNamespace(kv_channels=HEAD_SIZE, num_attention_heads=HEADS, num_query_groups=2, tensor_model_parallel_size=num_parts)
    attention = TransformerEngineAttention(config, 1, None, "self", cp_comm_type=None)
    own = CausalAttention(config, 1, None, "self")
    assert list(attention.state_dict()) == list(own.state_dict()) == []
    query = torch.randn(SEQUENCE, BATCH, HEADS // num_parts, HEAD_SIZE)
    key, value = (torch.randn(SEQUENCE, BATCH, 2 // num_parts, HEAD_SIZE) for _ in range(2))
    arguments = (query, key, value, None)
    out = attention(*arguments, attn_mask_type=None, attention_bias=None, packed_seq_params=None)
    assert torch.allclose(out, own(*arguments), atol=1e-6)


def test_the_report_names_every_component_and_why_better_kernels_were_refused() -> None:
    chosen = choose_kernels()
    assert tuple(choice.component for choice in chosen.choices) == COMPONENTS
    assert len(chosen.lines()) == len(COMPONENTS) == 7
    if not torch.cuda.is_available():
        assert {choice.kernel for choice in chosen.choices} == {"torch"}
        for choice in chosen.choices:
            assert len(choice.refusals) == len(CANDIDATES[choice.component]) - 1
        assert chosen.lines()[0] == (
            "kernel norm: torch (Transformer Engine: no CUDA device; Apex: no CUDA device; torch.compile: not used without CUDA)"
        )


def test_with_everything_there_the_best_is_taken(libraries: dict[str, Any]) -> None:
    chosen = choose_kernels()
    assert {choice.component: choice.kernel for choice in chosen.choices} == {
        "norm": "transformer_engine",
        "attention": "transformer_engine",
        "rope": "torch_compiled",
        "swiglu": "torch_compiled",
        "adam": "transformer_engine",
        "gradient_clipping": "transformer_engine",
        "weight_gradient": "apex",
    }
    assert (chosen.norm, chosen.attention) == (TransformerEngineRMSNorm, TransformerEngineAttention)
    assert all(choice.refusals == () for choice in chosen.choices)


def test_one_that_lacks_a_part_is_passed_over_with_its_reason(libraries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformer_engine.pytorch", SimpleNamespace(DotProductAttention=LibraryAttention))
    monkeypatch.setitem(sys.modules, "fused_weight_gradient_mlp_cuda", None)
    chosen = choose_kernels()
    assert chosen.norm is ApexRMSNorm
    assert chosen.lines()[0] == "kernel norm: apex (Transformer Engine: transformer_engine.pytorch has no RMSNorm)"
    assert chosen.attention is TransformerEngineAttention
    assert "fused_weight_gradient_mlp_cuda cannot be imported" in chosen.lines()[-1]
    monkeypatch.setitem(sys.modules, "fused_layer_norm_cuda", None)
    assert choose_kernels().norm is FusedRMSNorm
    assert choose_kernels(KernelConfig(kernel_norm="torch")).norm is RMSNorm


def test_a_kernel_that_is_asked_for_is_taken_or_refused(libraries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = choose_kernels(KernelConfig(kernel_norm="apex", kernel_attention="torch", kernel_weight_gradient="torch"))
    assert (chosen.norm, chosen.attention, chosen.of("weight_gradient")) == (ApexRMSNorm, CausalAttention, "torch")
    assert chosen.lines()[0] == "kernel norm: apex (transformer_engine: --kernel-norm says otherwise)"
    with pytest.raises(InputError, match="--kernel-norm is 'cuda'; there are transformer_engine, apex, torch_compiled, torch"):
        choose_kernels(KernelConfig(kernel_norm="cuda"))
    with pytest.raises(InputError, match="--kernel-adam is 'torch'; megatron-core takes transformer_engine"):
        choose_kernels(KernelConfig(kernel_adam="torch"))
    monkeypatch.setitem(sys.modules, "amp_C", None)
    with pytest.raises(InputError, match="--kernel-gradient-clipping is 'apex', which cannot be used here: Apex: amp_C cannot be imported"):
        choose_kernels(KernelConfig(kernel_gradient_clipping="apex"))


def test_the_order_is_the_tables() -> None:
    stored = {
        "any": {"norm": ["torch", "apex"], "adam": ["torch_fused"]},
        "H100": {"norm": ["torch_compiled"], "attention": ["torch"]},
        "H100 PCIe": {"norm": ["apex", "torch"]},
    }
    assert kernel_order("norm", None, stored) == ["torch", "apex", "transformer_engine", "torch_compiled"]
    assert kernel_order("norm", "NVIDIA H100 80GB HBM3", stored)[0] == "torch_compiled"
    assert kernel_order("norm", "NVIDIA H100 PCIe", stored)[:2] == ["apex", "torch"]
    assert kernel_order("attention", "NVIDIA H100 80GB HBM3", stored) == ["torch", "transformer_engine", "torch_cudnn"]
    assert kernel_order("attention", "NVIDIA A100", stored)[0] == "transformer_engine"  # in the order of the candidates
    # megatron takes its own wherever they are installed
    assert kernel_order("adam", None, stored) == ["transformer_engine", "apex", "torch_fused", "torch"]
    with pytest.raises(InputError, match="norm has no kernel cuda; there are transformer_engine"):
        kernel_order("norm", None, {"any": {"norm": ["cuda"]}})


def test_the_committed_order_names_every_component_and_kernel() -> None:
    stored = json.loads(ORDER_FILE.read_text())
    assert "any" in stored
    for orders in stored.values():
        for component, kernels in orders.items():
            assert sorted(kernels) == sorted(CANDIDATES[component])
    assert sorted(stored["any"]) == sorted(COMPONENTS)


def test_the_package_that_is_called_apex_is_not_taken_for_nvidias(libraries: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apex.multi_tensor_apply", None)
    reason = probe_apex("amp_C")
    assert reason is not None
    assert "apex.multi_tensor_apply cannot be imported" in reason
    assert reason.endswith("the index's package of that name is not NVIDIA's")


def test_a_forced_kernel_reaches_the_run(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    (ended,) = ranks.start("train", small_config(train_iters=1, kernel_norm="apex"), tokens, tmp_path / "a").wait()
    assert ended.error == ("InputError", "--kernel-norm is 'apex', which cannot be used here: Apex: no CUDA device")
    ranks.run("train", small_config(train_iters=1, kernel_norm="torch"), tokens, tmp_path / "b")
    written = json.loads((tmp_path / "b" / "kernels.json").read_text())
    assert list(written) == sorted(COMPONENTS)
    assert written["norm"]["kernel"] == "torch"
    assert written["norm"]["refusals"] == [
        "Transformer Engine: no CUDA device",
        "Apex: no CUDA device",
        "torch.compile: not used without CUDA",
    ]


PLAIN = {"kernel_norm": "torch", "kernel_attention": "torch", "kernel_rope": "torch"}
KERNELS_IN_TURN: list[dict[str, Any]] = [
    PLAIN,
    {"kernel_norm": "transformer_engine", "kernel_attention": "transformer_engine", "kernel_rope": "torch"},
    {"kernel_norm": "apex", "kernel_attention": "torch", "kernel_rope": "torch", "cross_entropy_chunk_tokens": 24},
    {"kernel_norm": "torch_compiled", "kernel_attention": "torch", "kernel_rope": "torch_compiled"},
    PLAIN,
]


def test_a_checkpoint_loads_with_other_kernels_than_it_was_saved_with(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    """Kernels take turns in one run, each going on from the checkpoint of the one before; of the libraries stand-ins run."""
    constant = {"lr_decay_style": "constant", "lr_warmup_iters": 1, "eval_iters": 1}
    for step, fields in enumerate(KERNELS_IN_TURN, 2):
        config = small_config(train_iters=step, **constant, **fields)
        (chosen,) = ranks.run("train_with_libraries", config, tokens, tmp_path / "turns")
        assert {name: chosen[name.removeprefix("kernel_")] for name in PLAIN} == {name: fields[name] for name in PLAIN}
    last_step = len(KERNELS_IN_TURN) + 1
    ranks.run("train", small_config(train_iters=last_step, **constant), tokens, tmp_path / "plain")
    found, wanted = losses(tmp_path / "turns"), losses(tmp_path / "plain")
    assert list(found) == list(range(1, last_step + 1))
    assert found == pytest.approx(wanted, rel=2e-6)
    assert wanted[last_step] < wanted[1] - 0.02


@pytest.mark.parametrize("fields", [{}, {"bf16": True}, {"use_distributed_optimizer": True}], ids=["plain", "bf16", "distributed"])
def test_a_checkpoint_loads_with_another_librarys_adam(fields: dict[str, Any], ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    common = {"lr_decay_style": "constant", "lr_warmup_iters": 1, "eval_iters": 1, **fields}
    for steps, job in ((3, "train"), (5, "train_with_fused_adam"), (7, "train")):
        ranks.run(job, small_config(train_iters=steps, **common), tokens, tmp_path / "turns")
    ranks.run("train", small_config(train_iters=7, **common), tokens, tmp_path / "torch")
    found, wanted = losses(tmp_path / "turns"), losses(tmp_path / "torch")
    assert list(found) == list(range(1, 8))
    # Adam that begins to count anew moves weights about three times as far in its first step
    assert found == pytest.approx(wanted, rel=3e-4 if fields.get("bf16") else 3e-6)


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


@pytest.mark.parametrize("chunk_tokens", [None, 4])
@pytest.mark.parametrize("layout", [{}, {"tensor_model_parallel_size": 2}])
def test_no_token_sees_another_document_by_option(chunk_tokens: int | None, layout: dict[str, Any], ranks: Ranks) -> None:
    world_size = layout.get("tensor_model_parallel_size", 1)
    config = small_config(reset_attention_mask=True, cross_entropy_chunk_tokens=chunk_tokens, **layout)
    (found, *_) = ranks.run("losses_of_packed_documents", config, 0, world_size=world_size)
    first, second = found["bounds"]
    assert found["whole"][first:] == found["changed"][first:]
    assert found["whole"][: first - 1] != found["changed"][: first - 1]
    # a document alone: the same losses, though it begins elsewhere, because rotary positions are relative
    assert found["whole"][: first - 1] == pytest.approx(found["alone"][0], rel=1e-5)
    assert found["whole"][first : second - 1] == pytest.approx(found["alone"][1], rel=1e-5)
    assert found["whole"][second:] == pytest.approx(found["alone"][2], rel=1e-5)
    plain = small_config(cross_entropy_chunk_tokens=chunk_tokens, **layout)
    (open_to_all, *_) = ranks.run("losses_of_packed_documents", plain, 0, world_size=world_size)
    assert open_to_all["whole"][first + 1 :] != open_to_all["changed"][first + 1 :]


def test_a_librarys_attention_is_not_taken_where_documents_are_kept_apart(libraries: dict[str, Any]) -> None:
    assert choose_kernels(has_mask=True).attention is CausalAttention
    with pytest.raises(InputError, match="--reset-attention-mask needs torch's"):
        choose_kernels(KernelConfig(kernel_attention="transformer_engine"), has_mask=True)


def test_training_with_documents_kept_apart(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(), tokens, tmp_path / "open")
    ranks.run("train", small_config(reset_attention_mask=True), tokens, tmp_path / "apart")
    ranks.run("train", small_config(reset_attention_mask=True), tokens, tmp_path / "two", world_size=2)
    apart, open_to_all, two = (losses(tmp_path / name) for name in ("apart", "open", "two"))
    assert apart[20] != open_to_all[20]
    assert apart[20] < apart[1] - 0.3
    assert two == pytest.approx(apart, rel=1e-4)
