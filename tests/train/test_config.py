"""Recipes and flags: counts exact, values checked, errors one line that names the flag."""

import argparse
import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shards.errors import InputError
from tests.train.runs import small_config
from train.config import (
    SECTIONS,
    ModelConfig,
    Stage,
    TrainConfig,
    add_flags,
    flops_per_token,
    from_sections,
    load_recipe,
    num_matmul_parameters,
    num_parameters,
    override,
)

ROOT = Path(__file__).resolve().parent.parent.parent
RECIPES = sorted((ROOT / "train" / "recipes").glob("*.toml"))
ENTRY = ROOT / "train" / "pretrain_gpt.py"


def parse(*arguments: str) -> TrainConfig:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return override(TrainConfig(), vars(parser.parse_args(arguments)))


def dry_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(ENTRY), *arguments, "--dry-run"], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("recipe", "parameters", "tokens_a_step"),
    [("1p36b_2xa100", 1_360_103_424, 64 * 4096), ("as_published", 1_633_781_760, 512 * 768)],
)
def test_the_large_recipes_have_their_exact_size(recipe: str, parameters: int, tokens_a_step: int) -> None:
    config = load_recipe(ROOT / "train" / "recipes" / f"{recipe}.toml")
    assert num_parameters(config.model) == parameters
    assert config.check_world(2) == 2
    answer = dry_run("--config", f"train/recipes/{recipe}.toml")
    assert answer.returncode == 0, answer.stderr
    assert f"{parameters:,} parameters" in answer.stdout
    assert f"{tokens_a_step:,} tokens a step" in answer.stdout
    steps = config.training.train_iters
    assert (steps - 1) * tokens_a_step < 52.18e9 <= steps * tokens_a_step


def test_tied_weights_of_the_published_shape() -> None:
    published = load_recipe(ROOT / "train" / "recipes" / "as_published.toml").model
    assert num_parameters(dataclasses.replace(published, untie_embeddings_and_output_weights=False)) == 1_424_066_560
    assert num_parameters(dataclasses.replace(published, vocab_size=32_000)) == 1_345_423_360


def test_every_recipe_is_whole_and_readable() -> None:
    num_counted = 0
    for path in RECIPES:
        config = load_recipe(path)
        assert from_sections(dataclasses.asdict(config), "stored") == config
        lines = path.read_text().splitlines()
        if config.model.vocab_size is not None:
            assert f"{num_parameters(config.model):,} parameters" in " ".join(lines[:3]), path.name
            num_counted += 1
        for line in lines:
            if line.startswith("global_batch_size"):
                tokens_a_step = config.training.global_batch_size * config.model.seq_length
                assert f"{tokens_a_step:,} tokens a step" in line or "micro-batches (published)" in line
        assert lines[0].startswith("# ")
        assert max(map(len, lines)) <= 140
    assert num_counted >= 8


@pytest.mark.parametrize(("recipe", "world_size"), [("1p36b_2xa100", 2), ("1p36b_8xa100", 8), ("1p36b_2x8xa100", 16)])
def test_the_same_run_on_more_gpus_has_the_same_batch(recipe: str, world_size: int) -> None:
    config = load_recipe(ROOT / "train" / "recipes" / f"{recipe}.toml")
    first = load_recipe(ROOT / "train" / "recipes" / "1p36b_2xa100.toml")
    assert config.check_world(world_size) == world_size
    assert (config.model, config.optimizer, config.data) == (first.model, first.optimizer, first.data)
    assert config.training == first.training


@pytest.mark.parametrize(("recipe", "millions"), [("15m", 15), ("50m", 50), ("125m", 125), ("350m", 350)])
def test_sizes_for_scaling_runs(recipe: str, millions: int) -> None:
    config = load_recipe(ROOT / "train" / "recipes" / f"scaling_{recipe}.toml")
    assert num_parameters(config.model) == pytest.approx(millions * 1e6, rel=0.03)
    tokens = config.training.train_iters * config.training.global_batch_size * config.model.seq_length
    assert tokens == pytest.approx(20 * num_parameters(config.model), rel=1e-3)
    assert config.check_world(2) == 2


MODELS = [
    ModelConfig(
        num_layers=2,
        hidden_size=32,
        ffn_hidden_size=64,
        num_attention_heads=4,
        num_query_groups=groups,
        vocab_size=256,
        seq_length=16,
        untie_embeddings_and_output_weights=is_untied,
    )
    for groups, is_untied in itertools.product((None, 2, 1), (True, False))
]


@pytest.mark.parametrize("model", MODELS)
def test_counts_from_the_shapes_themselves(model: ModelConfig) -> None:
    hidden, ffn, vocab, head = 32, 64, 256, 8
    groups = model.query_groups
    matrices = 2 * (
        sum(rows * columns for rows, columns in [(hidden, hidden), (groups * head, hidden), (groups * head, hidden), (hidden, hidden)])
        + 3 * ffn * hidden
    )
    norms = 2 * 2 * hidden + hidden
    is_untied = model.untie_embeddings_and_output_weights
    assert num_parameters(model) == matrices + norms + vocab * hidden * (2 if is_untied else 1)
    assert num_matmul_parameters(model) == matrices + vocab * hidden
    # a product of [m, k] and [k, n] is 2mkn operations, its backward pass twice that
    scores_and_values = 2 * 2 * 16 * hidden  # for each token, layer: scores and weighted values over 16 positions, multiply and add
    assert flops_per_token(model, is_causal=False) == 3 * (2 * (matrices + vocab * hidden) + 2 * scores_and_values)
    assert flops_per_token(model, is_causal=True) == 3 * (2 * (matrices + vocab * hidden) + scores_and_values)


def test_every_field_is_a_flag_with_help_and_default() -> None:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawTextHelpFormatter)
    add_flags(parser)
    actions = {action.dest: action for action in parser._actions}
    num_seen = 0
    for kind in SECTIONS.values():
        for entry in dataclasses.fields(kind):
            help_text = actions[entry.name].help or ""
            assert "[default " in help_text, entry.name
            assert len(help_text.split(" [default ")[0]) >= 5, entry.name
            num_seen += 1
    assert num_seen > 40


def test_flags_override_the_recipe() -> None:
    config = parse(
        "--lr", "1e-4", "--min-lr", "0", "--num-query-groups", "2", "--bf16", "--weights", "math=0.7,cs=0.3", "--eval-iters", "none"
    )
    assert (config.optimizer.lr, config.optimizer.min_lr) == (1e-4, 0.0)
    assert config.model.num_query_groups == 2
    assert config.training.bf16
    assert config.data.weights == {"math": 0.7, "cs": 0.3}
    assert config.data.eval_iters is None
    assert parse("--weights", "none").data.weights is None
    assert parse("--stages", "1e6:math=1;2048;none:cs=1,math=2").data.stages == (
        Stage(train_tokens=1_000_000, weights={"math": 1.0}),
        Stage(train_tokens=2048, weights=None),
        Stage(train_tokens=None, weights={"cs": 1.0, "math": 2.0}),
    )


def test_stages_in_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "staged.toml"
    path.write_text("[[data.stages]]\ntrain_tokens = 1000\nweights = {math = 1}\n[[data.stages]]\nweights = {math = 1, cs = 2.5}\n")
    config = load_recipe(path)
    assert config.data.stages == (Stage(train_tokens=1000, weights={"math": 1.0}), Stage(weights={"math": 1.0, "cs": 2.5}))
    assert from_sections(dataclasses.asdict(config), "stored") == config


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"num_layers": 0}, "--num-layers is 0; at least 1 is needed"),
        ({"hidden_size": 30}, "--hidden-size is 30; a multiple of the 4 heads"),
        ({"hidden_size": 36}, "--hidden-size is 36; an even number for each head"),
        ({"num_query_groups": 3}, "--num-query-groups is 3; a divisor of the 4 heads"),
        ({"vocab_size": 1000}, "--vocab-size is 1000; a multiple of 128"),
        ({"lr": 0.0}, "--lr is 0.0; more than 0"),
        ({"min_lr": 1.0}, "--min-lr is 1.0; 0 to lr"),
        ({"lr_decay_style": "steep"}, "--lr-decay-style is 'steep'; cosine, linear or constant"),
        ({"sequence_parallel": True}, "--sequence-parallel is True; tensor_model_parallel_size above 1"),
        (
            {"overlap_param_gather": True, "use_distributed_optimizer": True},
            "--overlap-param-gather is True; use_distributed_optimizer and",
        ),
        ({"overlap_param_gather": True, "overlap_grad_reduce": True}, "overlap_grad_reduce are needed with it"),
        ({"pipeline_model_parallel_size": 0}, "--pipeline-model-parallel-size is 0; at least 1"),
        ({"ddp_bucket_size": 0}, "--ddp-bucket-size is 0; at least 1 is needed, or none"),
        ({"init_scheme": "xavier"}, "--init-scheme is 'xavier'; megatron or plain"),
        ({"micro_batch_size": 0}, "--micro-batch-size is 0; at least 1"),
        ({"keep_checkpoints": 0}, "--keep-checkpoints is 0; at least 1"),
        ({"recompute_granularity": "some"}, "--recompute-granularity is 'some'; full, selective or none"),
        ({"weights": {"math": -1.0}}, "--weights is {'math': -1.0}; numbers from 0 on"),
        ({"weights": {"math": 0.0}}, "--weights is {'math': 0.0}; numbers from 0 on"),
        ({"stages": ()}, "--stages is ''; at least one stage"),
        ({"stages": (Stage(), Stage())}, "--stages is 'none'; tokens are needed for every stage but the last"),
        ({"stages": (Stage(),), "weights": {"math": 1.0}}, "weights belong into the stages"),
        ({"eval_iters": 0}, "--eval-iters is 0; at least 1 is needed, or none"),
        ({"spike_zscore": 0.0}, "--spike-zscore is 0.0; more than 0"),
        ({"hang_seconds": 0.0}, "--hang-seconds is 0.0; more than 0"),
        ({"replica_check_interval": 0}, "--replica-check-interval is 0; at least 1"),
        ({"max_rewinds": -1}, "--max-rewinds is -1; 0 or more"),
    ],
)
def test_values_that_cannot_be_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        small_config(**fields)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("fields", "world_size", "words"),
    [
        ({"tensor_model_parallel_size": 2}, 3, "a divisor of the 3 processes"),
        ({"tensor_model_parallel_size": 2, "pipeline_model_parallel_size": 2}, 6, "a divisor of the 3 processes that tensor_model"),
        ({"pipeline_model_parallel_size": 3}, 3, "--pipeline-model-parallel-size is 3; a divisor of the 2 layers"),
        ({}, 3, "a multiple of micro_batch_size x data-parallel size = 2 x 3"),
        ({"tensor_model_parallel_size": 4}, 4, "a divisor of 4 heads and 2 query groups"),
        ({"tensor_model_parallel_size": 2, "ffn_hidden_size": 63}, 2, "--ffn-hidden-size is 63; a multiple of tensor_model_parallel_size"),
        ({"tensor_model_parallel_size": 2, "sequence_parallel": True, "seq_length": 31}, 2, "--seq-length is 31; a multiple"),
    ],
)
def test_processes_that_do_not_fit_are_refused(fields: dict[str, Any], world_size: int, words: str) -> None:
    with pytest.raises(InputError) as caught:
        small_config(**fields).check_world(world_size)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[model]\nlayers = 3\n", "[model] has no field layers"),
        ("[modle]\nnum_layers = 3\n", "no section [modle]"),
        ("[model]\nnum_layers = 3.5\n", "num_layers is 3.5; int is needed"),
        ("[training]\nbf16 = 1\n", "bf16 is 1; bool is needed"),
        ("[training]\nseed = true\n", "seed is True; int is needed"),
        ("[optimizer]\nlr = 'fast'\n", "lr is 'fast'; float is needed"),
        ("[data]\nweights = 3\n", "weights is 3; a table of domain = weight"),
        ("[data]\nstages = 3\n", "stages is 3; a list of tables"),
        ("[[data.stages]]\ntokens = 3\n", "has no field tokens"),
        ("[model\n", "not a TOML file"),
    ],
)
def test_a_recipe_with_a_mistake_names_it(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--no-such-flag", "1"), "unrecognized arguments: --no-such-flag 1"),
        (("--config", "no-such.toml"), "no-such.toml: no such recipe; see train/recipes/"),
        (("--micro-batch", "4"), "unrecognized arguments"),  # flags are not guessed from their beginnings
        (("--lr", "fast"), "argument --lr: invalid float value"),
        (("--weights", "math:1"), "--weights is 'math:1'; domain=weight"),
        (("--stages", "many:math=1"), "--stages has 'many:math=1'"),
    ],
)
def test_a_flag_with_a_mistake_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    answer = dry_run(*arguments)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert answer.stderr.startswith("pretrain_gpt.py: error: ")
    assert words in answer.stderr


def test_a_dry_run_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['megatron'] = None; sys.argv = ['pretrain_gpt.py', '--dry-run'];"
        "import train.pretrain_gpt as entry; entry.main()"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert "[optimizer]" in answer.stdout
    assert "lr = 0.001" in answer.stdout
    assert "the vocabulary is the token shards' own" in answer.stdout
