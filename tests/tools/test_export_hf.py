"""The export: every layout comes out equal, and what is wrong is refused with nothing left behind."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from tests.tools.small_checkpoint import SHAPE, STEP, config_of, write_checkpoint
from tools import export_hf
from tools.export_hf import export, llama_weights
from tools.generate import Sampling, generate
from tools.tokenizer import SPECIAL_TOKENS, LatexTokenizer
from train.config import ModelConfig

ROOT = Path(__file__).resolve().parent.parent.parent


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def stored_tensors(exported: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for path in exported.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return tensors


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"num_query_groups": 2, "untie_embeddings_and_output_weights": False, "rotary_base": 500.0, "norm_epsilon": 1e-3},
        {"num_query_groups": 1, "vocab_size": 768, "max_position_embeddings": 128},
        {"tensor_parallel": 2, "untie_embeddings_and_output_weights": False},
        {"tensor_parallel": 2, "num_query_groups": 2},
        {"pipeline_parallel": 2, "tensor_parallel": 2, "num_query_groups": 2},
        {"pipeline_parallel": 2, "untie_embeddings_and_output_weights": False},
        {"bf16": True, "num_query_groups": 2},
    ],
    ids=["untied", "tied-gqa", "padded-mqa", "tp2-tied", "tp2-gqa", "pp2-tp2-gqa", "pp2-tied", "bf16-gqa"],
)
def test_every_layout_comes_out_equal(fields: dict[str, Any], tokenizer_folder: Path, tmp_path: Path) -> None:
    config = config_of(**fields)
    run = tmp_path / "run"
    write_checkpoint(run, config, tokenizer_folder)
    comparison = export(run, tmp_path / "hf")
    assert comparison.max_logit_difference <= 1e-5
    assert comparison.num_logits > 3 * SHAPE.seq_length * SHAPE.known_vocab_size
    assert comparison.num_texts >= 8

    model = config.model
    tensors = stored_tensors(tmp_path / "hf")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16 if config.training.bf16 else torch.float32}
    assert tensors["model.embed_tokens.weight"].shape == (model.known_vocab_size, model.hidden_size)
    assert tensors["model.layers.1.self_attn.k_proj.weight"].shape == (model.query_groups * model.head_size, model.hidden_size)
    assert ("lm_head.weight" in tensors) == model.untie_embeddings_and_output_weights
    settings = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert settings["architectures"] == ["LlamaForCausalLM"]
    assert settings["dtype"] == ("bfloat16" if config.training.bf16 else "float32")
    assert settings["rope_parameters"]["rope_theta"] == model.rotary_base
    assert settings["max_position_embeddings"] == (model.max_position_embeddings or model.seq_length)
    for file in ("config.json", "generation_config.json"):
        ids = json.loads((tmp_path / "hf" / file).read_text())
        assert (ids["bos_token_id"], ids["eos_token_id"], ids["pad_token_id"]) == tuple(
            SPECIAL_TOKENS[token] for token in ("<s>", "</s>", "<pad>")
        )


def swap(first: str, second: str) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(weights: dict[str, torch.Tensor]) -> None:
        weights[first], weights[second] = weights[second], weights[first]

    return change


def permute_heads(weights: dict[str, torch.Tensor]) -> None:
    name = "model.layers.1.self_attn.q_proj.weight"
    weights[name] = weights[name].view(4, 16, -1).flip(0).reshape(64, -1)


def nudge(weights: dict[str, torch.Tensor]) -> None:
    weights["model.layers.0.mlp.up_proj.weight"] = weights["model.layers.0.mlp.up_proj.weight"] + 1e-4


def break_one(weights: dict[str, torch.Tensor]) -> None:
    weights["model.norm.weight"] = weights["model.norm.weight"] * float("nan")


@pytest.mark.parametrize(
    "change",
    [
        swap("model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight"),
        swap("model.layers.0.self_attn.k_proj.weight", "model.layers.0.self_attn.v_proj.weight"),
        swap("model.layers.0.input_layernorm.weight", "model.layers.0.post_attention_layernorm.weight"),
        swap("model.embed_tokens.weight", "lm_head.weight"),
        permute_heads,
        nudge,
        break_one,
    ],
    ids=["gate-up", "key-value", "norms", "embedding-output", "heads", "nudge", "nan"],
)
def test_a_wrong_weight_is_found_and_nothing_is_left(
    change: Callable[[dict[str, torch.Tensor]], None], checkpoint_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: ModelConfig, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        found = llama_weights(model, weights)
        change(found)
        return found

    monkeypatch.setattr(export_hf, "llama_weights", wrong)
    with pytest.raises(InputError, match=r"logits differ by up to .* 1e-05 is allowed"):
        export(checkpoint_run, tmp_path / "hf")
    assert list(tmp_path.iterdir()) == []


def test_transformers_alone_loads_it_and_writes_the_same_tokens(checkpoint_run: Path, tmp_path: Path) -> None:
    export(checkpoint_run, tmp_path / "hf")
    prompt = r"Let $x \in"
    code = """
import json, sys
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer, model = AutoTokenizer.from_pretrained("hf"), AutoModelForCausalLM.from_pretrained("hf")
prompt = tokenizer(sys.argv[1], return_tensors="pt")
new = model.generate(**prompt, max_new_tokens=32)[0, prompt["input_ids"].shape[1]:]
foreign = [name for name in sys.modules if name.split(".")[0] in ("train", "tools", "shards", "megatron")]
print(json.dumps([type(model).__name__, new.tolist(), foreign]))
"""
    command = [sys.executable, "-I", "-c", code, prompt]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env={"HF_HUB_OFFLINE": "1"})
    assert ended.returncode == 0, ended.stderr
    name, ids, foreign = json.loads(ended.stdout)
    assert (name, foreign) == ("LlamaForCausalLM", [])
    assert len(ids) > 8
    assert generate(checkpoint_run, prompt, max_new_tokens=32, sampling=Sampling()).ids == ids


def test_large_models_come_in_several_files(checkpoint_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_hf, "MAX_SHARD_SIZE", "200KB")
    assert export(checkpoint_run, tmp_path / "hf").max_logit_difference <= 1e-5
    assert (tmp_path / "hf" / "model.safetensors.index.json").is_file()
    assert len(list((tmp_path / "hf").glob("model-*.safetensors"))) > 1


def test_the_same_again_changes_nothing_and_anything_else_is_refused(
    checkpoint_run: Path, tokenizer_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "hf"
    command = ["--checkpoint", str(checkpoint_run), "--out", str(out)]
    out.mkdir()  # an empty folder is free
    assert export_hf.main(command) == 0
    assert "largest difference" in capsys.readouterr().out
    first = files_of(out)
    assert len(first) == 7
    assert export_hf.main(command) == 0
    assert files_of(out) == first

    write_checkpoint(tmp_path / "other", config_of(num_layers=1), tokenizer_folder)
    with pytest.raises(InputError, match=rf"holds the export of another checkpoint \(step {STEP}\)"):
        export(tmp_path / "other", out)
    (out / "model.safetensors").write_bytes(b"changed")
    with pytest.raises(InputError, match="with other bytes"):
        export(checkpoint_run, out)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(InputError, match="is no export"):
        export(checkpoint_run, tmp_path / "notes")
    assert files_of(tmp_path / "notes") == {"a.txt": b"mine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hf", "notes", "other"]


def remove_tokenizer(checkpoint: Path) -> None:
    (checkpoint / "tokenizer.model").unlink()


def other_tokenizer(checkpoint: Path) -> None:
    info = read_manifest(checkpoint / "texmill.json")
    write_manifest(checkpoint / "texmill.json", info | {"tokenizer_sha256": "0" * 64})


def other_end(checkpoint: Path) -> None:
    info = read_manifest(checkpoint / "texmill.json")
    write_manifest(checkpoint / "texmill.json", info | {"eod_id": 0})


def flip_a_byte(checkpoint: Path) -> None:
    path = max(checkpoint.glob("*.distcp"), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove_all(checkpoint: Path) -> None:
    shutil.rmtree(checkpoint)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (remove_tokenizer, "has no tokenizer"),
        (other_tokenizer, "another tokenizer"),
        (other_end, "was trained with id 0"),
        (flip_a_byte, "is damaged"),
        (remove_all, "neither a checkpoint .* nor a run with one"),
    ],
)
def test_what_cannot_be_exported_is_refused(spoil: Callable[[Path], None], said: str, checkpoint_run: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint_run, tmp_path / "run")
    spoil(tmp_path / "run" / "checkpoints" / f"iter_{STEP:07d}")
    with pytest.raises(InputError, match=said):
        export(tmp_path / "run", tmp_path / "hf")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_leaves_nothing(checkpoint_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, *_: Any) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_hf, "_write_model", full)
    with pytest.raises(InputError, match=r"hf: cannot be written .*No space left"):
        export(checkpoint_run, tmp_path / "hf")
    assert list(tmp_path.iterdir()) == []


def test_the_tokenizer_stands_beside_the_model(checkpoint_run: Path, tokenizer: LatexTokenizer, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The group $G$ acts; $\\alpha_{1} \\to \\beta$.\n")
    comparison = export(checkpoint_run, tmp_path / "hf", texts=[text.read_text()])
    assert comparison.num_texts == 9
    exported = json.loads((tmp_path / "hf" / "tokenizer.json").read_text())
    assert len(exported["model"]["vocab"]) == tokenizer.num_pieces


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--checkpoint", "no/such", "--out", "hf"], "neither a checkpoint"),
        (["--checkpoint", "no/such", "--out", "hf", "--tolerance", "-1"], "--tolerance"),
        (["--checkpoint", "no/such", "--out", "hf", "--text", "no/such.txt"], "--text no/such.txt"),
        (["--checkpoint", "no/such", "--out", "README.md"], "is a file"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=said):
        export_hf.main(arguments)
