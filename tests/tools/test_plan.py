"""The plan: exact where it says so, held against what a training step really allocates, and honest about whose measurements it uses."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.errors import InputError
from tests.tools.allocations import allocations, allocations_of_fused_kernels
from tests.tools.processes import in_processes
from tests.tools.small_checkpoint import config_of, write_checkpoint
from tools import plan as command
from tools.plan import (
    GIB,
    GPUS,
    MEASURED,
    checkpoint_bytes,
    exchange,
    largest_micro_batch,
    layer_bytes,
    layouts,
    local_parameters,
    loss_bytes,
    memory,
    num_micro_batches,
    parameters_by_part,
    plan,
    recompute_factor,
    speeds,
    stage_memory,
    usable_micro_batch,
    with_training,
)
from train.config import KernelConfig, ModelConfig, TrainConfig, flops_per_token, load_recipe, num_parameters
from train.metrics import PEAK_TFLOPS

RECIPES = Path(__file__).resolve().parent.parent.parent / "train" / "recipes"
TWO_A100 = load_recipe(RECIPES / "1p36b_2xa100.toml")
AS_PUBLISHED = load_recipe(RECIPES / "as_published.toml")


def divided(config: TrainConfig, **fields: Any) -> TrainConfig:
    return dataclasses.replace(config, parallel=dataclasses.replace(config.parallel, **fields))


def wide(recompute: str | None = None, **fields: Any) -> TrainConfig:
    config = with_training(config_of(hidden_size=128, ffn_hidden_size=384, **fields), recompute_granularity=recompute)
    return dataclasses.replace(config, kernels=PLAIN_KERNELS)


PLAIN_KERNELS = KernelConfig(kernel_norm="torch", kernel_rope="torch", kernel_swiglu="torch")  # what a processor runs


@pytest.mark.parametrize(
    ("world_size", "config"),
    [
        (1, wide()),
        (1, wide(bf16=True)),
        (1, wide(bf16=True, recompute="full")),
        (1, wide(bf16=True, recompute="selective")),
        (2, divided(wide(bf16=True, num_query_groups=2), use_distributed_optimizer=True)),
        (2, divided(wide(), use_distributed_optimizer=True)),
        (2, wide(bf16=True, tensor_parallel=2, num_query_groups=2)),
        (2, divided(wide(tensor_parallel=2, untie_embeddings_and_output_weights=False), sequence_parallel=True)),
        (2, wide(bf16=True, pipeline_parallel=2, num_query_groups=2)),
        (4, divided(wide(pipeline_parallel=2, untie_embeddings_and_output_weights=False), use_distributed_optimizer=True)),
    ],
    ids=[
        "fp32",
        "bf16",
        "full",
        "selective",
        "bf16-gqa-dp2-zero1",
        "fp32-dp2-zero1",
        "bf16-gqa-tp2",
        "tied-tp2-sp",
        "bf16-gqa-pp2",
        "tied-pp2-dp2-zero1",
    ],
)
def test_a_step_holds_what_the_plan_says(world_size: int, config: TrainConfig) -> None:
    tensor, stages = config.parallel.tensor_model_parallel_size, config.parallel.pipeline_model_parallel_size
    data = world_size // (tensor * stages)
    found = in_processes(world_size, allocations, config)
    assert len(found) == world_size
    for number, rank in enumerate(found):
        stage = number // (world_size // stages)
        is_last = stage == stages - 1
        planned = stage_memory(config, data, 0, stage)
        for part in ("weights", "gradients", "main_weights", "adam"):
            assert rank[part] == getattr(planned, part), part
        # the CPU's norm keeps its result before the weight too, which the GPU's makes again; the softmax is what is kept of the logits
        model, num_tokens = config.model, config.training.micro_batch_size * config.model.seq_length
        num_norms = is_last + (0 if config.training.recompute_granularity == "full" else 2 * model.num_layers // stages)
        norms = num_norms * 4 * model.hidden_size * num_tokens // (tensor if config.parallel.sequence_parallel else 1)
        softmax = 4 * model.known_vocab_size * num_tokens // tensor if is_last else 0
        # of one micro-batch, without what is sent on and what is received, which the norm keeps a float32 copy of where it is bfloat16
        exchanged = (2 if config.training.bf16 else 4) * model.hidden_size * num_tokens * ((stage > 0) + (not is_last))
        planned_saved = planned.activations // min(num_micro_batches(config, data), stages - stage) - exchanged + norms + softmax
        # above it: token ids, the rotary frequencies, float32 copies of the norms' weights
        assert 0 <= rank["saved"] - planned_saved < 0.02 * planned_saved


@pytest.mark.parametrize("fields", [{}, {"num_query_groups": 2}])
def test_fused_kernels_hold_what_the_plan_says(fields: dict[str, Any]) -> None:
    config = dataclasses.replace(wide(bf16=True, **fields), kernels=KernelConfig())
    (found,) = in_processes(1, allocations_of_fused_kernels, config)
    model, num_tokens = config.model, config.training.micro_batch_size * config.model.seq_length
    planned = memory(config, 1, 0).activations + 4 * model.known_vocab_size * num_tokens  # with the softmax, kept of the logits
    assert 0 <= found["saved"] - planned < 0.02 * planned
    assert layer_bytes(config, num_tokens) < 0.75 * layer_bytes(dataclasses.replace(config, kernels=PLAIN_KERNELS), num_tokens)


def test_eight_samples_of_4096_tokens_fit_80_gb_with_no_layer_run_twice() -> None:
    config = with_training(TWO_A100, micro_batch_size=8)
    assert config.training.recompute_granularity is None
    assert memory(config, 1, 4 * GIB).total < GPUS["h100"].memory_mib * 1024**2  # on one GPU, nothing divided
    plain = dataclasses.replace(config, kernels=PLAIN_KERNELS)
    assert memory(plain, 1, 4 * GIB).total > GPUS["h100"].memory_mib * 1024**2


def test_chunks_of_the_loss_take_less() -> None:
    whole = loss_bytes(with_training(TWO_A100, cross_entropy_chunk_tokens=None), 16_384)
    assert whole == 16_384 * 35_584 * 6
    assert loss_bytes(TWO_A100, 4096) == 4096 * 35_584 * 6
    assert loss_bytes(TWO_A100, 16_384) == 4096 * 35_584 * 6 + 35_584 * 2048 * 6 + 16_384 * 2048 * 2


def test_recomputing_changes_memory_alone() -> None:
    losses = [in_processes(1, allocations, wide(recompute))[0]["loss"] for recompute in (None, "selective", "full")]
    assert losses[0] == losses[1] == losses[2]
    assert losses[0] > 1


@pytest.mark.parametrize("bf16", [True, False])
def test_a_checkpoint_is_as_large_as_the_plan_says(bf16: bool, tokenizer_folder: Path, tmp_path: Path) -> None:
    config = wide(bf16=bf16, num_layers=4)
    folder = write_checkpoint(tmp_path / "run", config, tokenizer_folder)
    size = sum(path.stat().st_size for path in folder.glob("*.distcp"))
    assert size == pytest.approx(checkpoint_bytes(config), rel=0.05)


def test_the_recipes_parameters() -> None:
    assert num_parameters(TWO_A100.model) == 1_360_103_424
    assert parameters_by_part(TWO_A100.model) == {
        "embedding": 35_584 * 2048,
        "attention": 24 * 4 * 2048 * 2048,
        "mlp": 24 * 3 * 2048 * 5504,
        "norms": 49 * 2048,
        "output": 35_584 * 2048,
    }
    assert sum(parameters_by_part(AS_PUBLISHED.model).values()) == 1_633_781_760


SHAPES = st.builds(
    lambda layers, head, groups, queries, ffn, vocab, untied: ModelConfig(
        num_layers=layers,
        hidden_size=head * groups * queries,
        ffn_hidden_size=ffn,
        num_attention_heads=groups * queries,
        num_query_groups=groups,
        vocab_size=128 * vocab,
        untie_embeddings_and_output_weights=untied,
    ),
    st.integers(1, 80),
    st.sampled_from([2, 64, 128]),
    st.integers(1, 8),
    st.integers(1, 8),
    st.integers(1, 20_000),
    st.integers(1, 2000),
    st.booleans(),
)


@given(SHAPES)
def test_parts_make_the_whole(model: ModelConfig) -> None:
    assert sum(parameters_by_part(model).values()) == num_parameters(model)
    assert local_parameters(model, 1) == num_parameters(model)


@given(st.integers(1, 200), st.sampled_from([None, "selective", "full"]), st.booleans(), st.integers(1, 8))
def test_the_largest_micro_batch_is_the_largest(capacity_gib: int, recompute: str | None, zero: bool, data: int) -> None:
    config = divided(with_training(TWO_A100, recompute_granularity=recompute), use_distributed_optimizer=zero, overlap_param_gather=zero)
    largest = largest_micro_batch(config, data, GIB, capacity_gib * GIB)
    if largest:
        assert memory(with_training(config, micro_batch_size=largest), data, GIB).total <= capacity_gib * GIB
    assert memory(with_training(config, micro_batch_size=largest + 1), data, GIB).total > capacity_gib * GIB


@pytest.mark.parametrize(
    ("data", "largest", "usable"), [(2, 5, 4), (2, 40, 32), (1, 64, 64), (3, 5, 0), (2, 0, 0), (64, 9, 1), (128, 9, 0)]
)
def test_the_usable_micro_batch_divides_the_batch(data: int, largest: int, usable: int) -> None:
    assert TWO_A100.training.global_batch_size == 64
    assert usable_micro_batch(TWO_A100, data, largest) == usable


def test_memory_moves_as_it_should() -> None:
    base = memory(TWO_A100, 2, 0)
    assert base.total == base.weights + base.gradients + base.main_weights + base.adam + base.activations + base.logits
    whole = memory(divided(TWO_A100, use_distributed_optimizer=False, overlap_param_gather=False), 2, 0)
    assert (whole.main_weights, whole.adam) == (2 * base.main_weights, 2 * base.adam)
    full = memory(with_training(TWO_A100, recompute_granularity="full"), 2, 0)
    assert full.activations < base.activations / 10
    assert full.layer_backward == 2 * base.layer_backward == 2 * layer_bytes(TWO_A100, 4 * 4096)


def test_two_gpus_are_used_by_data_parallelism_where_the_model_fits() -> None:
    capacity = GPUS["a100-80gb"].memory_mib * 1024**2
    data, tensor, stages = layouts(TWO_A100, 2, 4 * GIB, capacity)
    assert (data.tensor_parallel, tensor.tensor_parallel, stages.tensor_parallel) == (1, 2, 1)
    assert (data.pipeline_stages, tensor.pipeline_stages, stages.pipeline_stages) == (1, 1, 2)
    assert data.largest_micro_batch >= 4
    # by hand: float32 gradients scattered, bfloat16 weights gathered, half of each sent
    assert data.exchange.data_parallel == 1_360_103_424 * 6 // 2
    assert (data.exchange.tensor_parallel, tensor.exchange.data_parallel) == (0, 0)
    # by hand: 262,144 tokens of 2048 x 2 bytes, 196 passes in all for the reductions and 48 for what is gathered again, half of each sent
    assert tensor.exchange.tensor_parallel == 262_144 * 4096 * (196 + 48) // 2
    # by hand: 262,144 tokens of 2048 x 2 bytes, once to the other stage; 16 micro-batches, and one more turn to wait for
    assert stages.exchange.pipeline == 262_144 * 4096
    assert (stages.idle_share, data.idle_share, tensor.idle_share) == (1 / 17, 0, 0)
    found = plan(TWO_A100, "a100-80gb", 2)
    assert any("take tensor parallel 1, for the model fits so" in line for line in command.lines_of(found, "x"))


def test_tensor_parallelism_is_advised_where_nothing_else_fits() -> None:
    large = dataclasses.replace(
        TWO_A100, model=dataclasses.replace(TWO_A100.model, num_layers=40, hidden_size=4096, ffn_hidden_size=11_008)
    )
    text = "\n".join(command.lines_of(plan(large, "a100-80gb", 4), "x"))
    assert "it does NOT fit" in text
    assert "take tensor parallel 2, the least with which the model fits" in text
    assert "no layout fits" in "\n".join(command.lines_of(plan(large, "a100-40gb", 2), "x"))


def test_sequence_parallelism_sends_more_and_one_process_nothing() -> None:
    tensor = divided(TWO_A100, tensor_model_parallel_size=2)
    assert exchange(divided(tensor, sequence_parallel=True), 1).tensor_parallel > exchange(tensor, 1).tensor_parallel
    assert dataclasses.asdict(exchange(TWO_A100, 1)) == {"data_parallel": 0, "tensor_parallel": 0, "pipeline": 0}


def test_pipeline_stages_hold_what_is_on_the_way() -> None:
    config = divided(TWO_A100, pipeline_model_parallel_size=4)
    stages = [stage_memory(config, 1, 0, stage) for stage in range(4)]
    assert memory(config, 1, 0) == max(stages, key=lambda stage: stage.total)
    model = TWO_A100.model
    weights = [stage.weights // 2 for stage in stages]
    assert sum(weights) == num_parameters(model)
    tied = dataclasses.replace(model, untie_embeddings_and_output_weights=False)  # the last stage has a copy of the embedding
    assert sum(local_parameters(tied, 1, 4, stage) for stage in range(4)) == num_parameters(model)
    assert [stage.logits > 0 for stage in stages] == [False, False, False, True]
    one = layer_bytes(config, 4 * 4096) * 6
    assert [stage.activations // one for stage in stages] == [4, 3, 2, 1]
    few = with_training(config, global_batch_size=8)  # two micro-batches alone
    assert [stage_memory(few, 1, 0, stage).activations // one for stage in range(4)] == [2, 2, 2, 1]
    found = plan(config, "a100-80gb", 4)
    assert found["idle_share"] == 3 / 19
    text = "\n".join(command.lines_of(found, "x"))
    assert "4 pipeline stages, each idle 15.8% of a step" in text
    assert "times 0.842 for pipeline stages that wait" in text
    assert found["speeds"][0]["mfu"] == pytest.approx(0.59 * 16 / 19)


def days(config: TrainConfig, seq_length: int) -> float:
    model = dataclasses.replace(config.model, seq_length=seq_length)
    (entry,) = speeds(dataclasses.replace(config, model=model), GPUS["a100-80gb"], 2, 52.18e9, 0.6, None)
    return entry.days


def test_days_of_the_published_run() -> None:
    # by hand: 52.18e9 tokens x (6 x 1,423,966,208 matmul parameters + 12 x 24 x 2048 x 768) / (2 x 312e12 x 0.6) seconds
    assert days(AS_PUBLISHED, 768) == pytest.approx(52.18e9 * (6 * 1_423_966_208 + 452_984_832) / (2 * 312e12 * 0.6) / 86_400)
    assert round(days(AS_PUBLISHED, 768), 1) == 14.5
    assert round(days(AS_PUBLISHED, 4096), 1) == 17.7


def test_energy_and_cost_follow_from_the_hours() -> None:
    (entry,) = speeds(TWO_A100, GPUS["a100-80gb"], 2, 52.18e9, 0.6, 1.5)
    assert entry.cost == pytest.approx(entry.days * 24 * 2 * 1.5)
    assert entry.kwh == pytest.approx(entry.days * 24 * 2 * 0.4)
    assert entry.mfu_causal < entry.mfu
    assert entry.tokens_per_second * flops_per_token(TWO_A100.model, is_causal=False) == pytest.approx(2 * 312e12 * 0.6)


def test_others_measurements_agree_with_their_own_shapes() -> None:
    # MPT-1b: 24 layers of 2048, an MLP of 4 x 2048 without gate, 50,368 tied rows: both figures count attention in full
    matmul = 24 * 12 * 2048**2 + 50_368 * 2048
    seen = 0
    for entry in MEASURED:
        if "MPT-1b" not in entry.model:
            continue
        flops = 6 * matmul + 12 * 24 * 2048 * int(entry.model.split()[-1])
        assert entry.tokens_per_second_per_gpu * flops / 312e12 == pytest.approx(entry.mfu, abs=0.006)
        seen += 1
    assert seen == 2


def test_full_recompute_costs_a_third_of_the_layers_work() -> None:
    factor = recompute_factor(AS_PUBLISHED)
    layers = 6 * 24 * (4 * 2048**2 + 3 * 2048 * 5504) + 12 * 24 * 2048 * 768
    assert factor == pytest.approx(1 / (1 + layers / 3 / (layers + 6 * 102_400 * 2048)))
    assert recompute_factor(TWO_A100) == 1
    measured = [entry.mfu for entry in MEASURED if entry.family == "A100"]
    assert [entry.mfu for entry in speeds(AS_PUBLISHED, GPUS["a100-80gb"], 2, 1e9, None, None)] == [
        factor * mfu for mfu in sorted(measured)
    ]


def test_every_gpu_has_a_peak_and_measurements_name_families_that_exist() -> None:
    assert all(any(name in gpu.name for name in PEAK_TFLOPS) for gpu in GPUS.values())
    assert {entry.family for entry in MEASURED} == {gpu.family for gpu in GPUS.values() if gpu.family}


def test_the_command_says_everything_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--config", str(RECIPES / "1p36b_2xa100.toml"), "--gpu", "a100-80gb", "--num-gpus", "2", "--tokens", "52.18e9"]
    assert command.main(arguments) == 0
    said = capsys.readouterr().out
    for words in ("1,360,103,424", "micro-batch 4", "it fits", "ZeRO-1", "52,180,000,000 tokens = 199,051 steps", "others' measurements"):
        assert words in said, words
    assert all(entry.source in said for entry in MEASURED if entry.family == "A100")
    assert not any(entry.source in said for entry in MEASURED if entry.family == "Hopper")
    assert "cost" not in said
    assert max(map(len, said.splitlines())) <= 160
    assert command.main([*arguments, "--price-per-gpu-hour", "2", "--mfu", "0.5"]) == 0
    said = capsys.readouterr().out
    assert "cost at 2 a GPU hour" in said
    assert "others' measurements" not in said


def test_the_command_says_the_same_to_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--config", str(RECIPES / "1p36b_2xa100.toml"), "--gpu", "h200", "--num-gpus", "8", "--micro-batch-size", "8", "--json"]
    assert command.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["data_parallel"], found["config"]["training"]["micro_batch_size"], found["num_parameters"]) == (8, 8, 1_360_103_424)
    parts = found["memory"]
    steady = sum(parts[name] for name in parts if name not in ("total", "layer_backward", "logits"))
    assert parts["total"] == steady + max(parts["layer_backward"], parts["logits"])
    assert len(found["alternatives"]) == 6
    assert [(entry["tensor_parallel"], entry["pipeline_stages"]) for entry in found["layouts"]] == [
        *((1, 1), (2, 1), (1, 2), (4, 1), (2, 2), (1, 4), (8, 1), (4, 2), (2, 4), (1, 8))
    ]


def test_a_gpu_that_nobody_measured_gets_no_speed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--config", str(RECIPES / "1p36b_2xa100.toml"), "--gpu", "l40s", "--num-gpus", "4"]
    assert command.main(arguments) == 0
    assert "no measurement on NVIDIA L40S is known here; give --mfu" in capsys.readouterr().out
    assert command.main([*arguments, "--mfu", "0.4"]) == 0
    assert "40.0%" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--num-gpus", "0"], "--num-gpus is 0"),
        (["--num-gpus", "3"], "--global-batch-size is 64; a multiple"),
        (["--tokens", "-1"], "--tokens is -1.0"),
        (["--tokens", "nan"], "--tokens is nan"),
        (["--mfu", "60"], "--mfu is 60.0; a share .* 0.6 for 60 %"),
        (["--price-per-gpu-hour", "0"], "--price-per-gpu-hour is 0.0"),
        (["--reserve-gib", "-1"], "--reserve-gib is -1.0"),
        (["--vocab-size", "none"], "--vocab-size"),
        (["--hidden-size", "100"], "--hidden-size is 100"),
        (["--config", "no/such.toml"], "no such recipe"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        command.main(["--config", str(RECIPES / "1p36b_2xa100.toml"), "--gpu", "a100-80gb", *arguments])


def test_an_unknown_gpu_is_answered_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--config", str(RECIPES / "1p36b_2xa100.toml"), "--gpu", "b300"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert all(name in said for name in GPUS)
