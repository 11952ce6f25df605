"""Exports a checkpoint to Hugging Face: a `LlamaForCausalLM` folder with its tokenizer, compared before it is called done.

Any tensor- and data-parallel size is read; weights keep the type they were trained in. The folder is loaded back with transformers, and
its logits and token ids are held against the checkpoint's own model and tokenizer: in float32, on random ids and on texts. Where they
differ nothing is left behind.
"""

import contextlib
import filecmp
import math
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shards.cli import Parser, run
from shards.commit import TEMPORARY_PREFIX, fsync_folder, local_folder
from shards.errors import InputError
from shards.fingerprint import fingerprint
from shards.manifest import read_manifest, write_manifest

if TYPE_CHECKING:
    from torch import Tensor

    from tools.tokenizer import LatexTokenizer
    from train.config import ModelConfig

MANIFEST = "texmill-export.json"
MAX_SHARD_SIZE = "4GB"  # of one safetensors file
MAX_COMPARED_TOKENS = 512  # of one sequence: enough for every rotary frequency to turn, and a minute for 1.36B parameters on a CPU


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the exported folder was held against. `max_logit_difference` is the largest absolute one, float32."""

    max_logit_difference: float
    num_logits: int
    num_texts: int
    num_tokens: int


def find_tokenizer(checkpoint: Path, info: dict[str, Any], vocab_size: int) -> "LatexTokenizer":
    """The checkpoint's own tokenizer. Raises `InputError` where there is none, or it is not the one that the model was trained on."""
    from tools.tokenizer import LatexTokenizer
    from train.checkpoint import TOKENIZER

    path = checkpoint / TOKENIZER
    if not path.is_file():
        raise InputError(f"{path}: the checkpoint has no tokenizer; copy the tokenizer.model of its token shards there")
    tokenizer = LatexTokenizer.load(path)
    if tokenizer.sha256 != info["tokenizer_sha256"]:
        raise InputError(
            f"{path}: is another tokenizer ({tokenizer.sha256[:12]}) than the model was trained on ({str(info['tokenizer_sha256'])[:12]})"
        )
    if tokenizer.num_pieces > vocab_size or tokenizer.eod_id != info["eod_id"]:
        raise InputError(
            f"{path}: has {tokenizer.num_pieces} pieces and ends documents by id {tokenizer.eod_id}; the model has {vocab_size} rows and "
            f"was trained with id {info['eod_id']}"
        )
    return tokenizer


def llama_weights(model: "ModelConfig", weights: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Megatron's weights → `LlamaForCausalLM`'s, the same numbers under other names.

    Per layer, with G query groups of R query heads each and heads of width D: `linear_qkv [G * (R + 2) * D, H]` holds for each group R
    query heads, a key and a value; `linear_fc1 [2 * F, H]` holds gate, then up. Rotary positions need no permutation.
    Every weight is used once.
    """
    left = dict(weights)
    found = {"model.embed_tokens.weight": left.pop("embedding.word_embeddings.weight")}
    groups, head, hidden = model.query_groups, model.head_size, model.hidden_size
    queries = model.num_attention_heads // groups
    for number in range(model.num_layers):
        theirs, ours = f"decoder.layers.{number}.", f"model.layers.{number}."
        qkv = left.pop(f"{theirs}self_attention.linear_qkv.weight").view(groups, queries + 2, head, hidden)
        found[f"{ours}self_attn.q_proj.weight"] = qkv[:, :queries].reshape(groups * queries * head, hidden)
        found[f"{ours}self_attn.k_proj.weight"] = qkv[:, queries].reshape(groups * head, hidden)
        found[f"{ours}self_attn.v_proj.weight"] = qkv[:, queries + 1].reshape(groups * head, hidden)
        found[f"{ours}self_attn.o_proj.weight"] = left.pop(f"{theirs}self_attention.linear_proj.weight")
        gate, up = left.pop(f"{theirs}mlp.linear_fc1.weight").chunk(2)
        found[f"{ours}mlp.gate_proj.weight"], found[f"{ours}mlp.up_proj.weight"] = gate, up
        found[f"{ours}mlp.down_proj.weight"] = left.pop(f"{theirs}mlp.linear_fc2.weight")
        found[f"{ours}input_layernorm.weight"] = left.pop(f"{theirs}input_layernorm.weight")
        found[f"{ours}post_attention_layernorm.weight"] = left.pop(f"{theirs}pre_mlp_layernorm.weight")
    found["model.norm.weight"] = left.pop("decoder.final_layernorm.weight")
    if model.untie_embeddings_and_output_weights:
        found["lm_head.weight"] = left.pop("output_layer.weight")
    assert not left, f"weights without a place in LlamaForCausalLM: {sorted(left)}"
    return {name: value.contiguous() for name, value in found.items()}


def llama_config(model: "ModelConfig", tokenizer: "LatexTokenizer") -> Any:
    """The `LlamaConfig` of a shape; the padding rows of the vocabulary stay, so that shapes are the checkpoint's."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=model.known_vocab_size,
        hidden_size=model.hidden_size,
        intermediate_size=model.ffn_hidden_size,
        num_hidden_layers=model.num_layers,
        num_attention_heads=model.num_attention_heads,
        num_key_value_heads=model.query_groups,
        head_dim=model.head_size,
        hidden_act="silu",
        max_position_embeddings=model.max_position_embeddings or model.seq_length,
        initializer_range=model.init_method_std,
        rms_norm_eps=model.norm_epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": model.rotary_base},
        tie_word_embeddings=not model.untie_embeddings_and_output_weights,
        attention_bias=False,
        mlp_bias=False,
        bos_token_id=tokenizer.bos_id,
        eos_token_id=tokenizer.eod_id,
        pad_token_id=tokenizer.pad_id,
    )


def export(checkpoint: Path, out: Path, *, tolerance: float = 1e-5, texts: Sequence[str] = ()) -> Comparison:
    """Writes `checkpoint` (a run, or one of its checkpoints) as the folder `out`, which appears whole and compared, or not at all.

    `texts` are compared besides the built-in ones. Raises `InputError` where the checkpoint cannot be exported, where `out` holds something
    else, or where logits differ by more than `tolerance` or token ids differ at all.
    """
    from train.checkpoint import find_checkpoint, read_info, stored_config

    folder = find_checkpoint(checkpoint)
    info, config = read_info(folder), stored_config(folder)
    tokenizer = find_tokenizer(folder, info, config.model.known_vocab_size)
    origin = {name: info[name] for name in ("iteration", "consumed_tokens", "tokenizer_sha256", "commit")}
    origin |= {"model": info["config"]["model"], "fingerprint": fingerprint(info["files"])}
    _refuse_other_content(out, origin)
    temporary = out.absolute().parent / f"{TEMPORARY_PREFIX}{out.absolute().name}"
    shutil.rmtree(temporary, ignore_errors=True)  # of an export that was killed
    try:
        temporary.mkdir(parents=True)
        with _quiet_libraries():
            comparison = _write_and_compare(folder, temporary, tokenizer, tolerance, texts)
        write_manifest(
            temporary / MANIFEST,
            {"format": 1, "checkpoint": origin, "max_logit_difference": comparison.max_logit_difference, "tolerance": tolerance},
        )
        _commit(temporary, out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return comparison


def _refuse_other_content(out: Path, origin: dict[str, Any]) -> None:
    """Raises `InputError` unless `out` is free, or holds an export of this checkpoint."""
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / MANIFEST).is_file():
        raise InputError(f"{out}: is not empty and is no export; give another --out")
    there = read_manifest(out / MANIFEST).get("checkpoint")
    if there != origin:
        step = there.get("iteration") if isinstance(there, dict) else None
        raise InputError(f"{out}: holds the export of another checkpoint (step {step}); remove it, or give another --out")


def _commit(temporary: Path, out: Path) -> None:
    """Renames the finished folder; where the same export is there already, leaves that one."""
    for path in temporary.iterdir():
        os.chmod(path, (temporary / MANIFEST).stat().st_mode)  # safetensors lets its owner alone read
        with open(path, "rb") as handle:
            os.fsync(handle.fileno())
    fsync_folder(temporary)
    if out.exists() and any(out.iterdir()):
        names = sorted(path.name for path in temporary.iterdir())
        same, _, _ = filecmp.cmpfiles(temporary, out, names, shallow=False)
        if sorted(path.name for path in out.iterdir()) != names or sorted(same) != names:
            raise InputError(f"{out}: holds an export of this step with other bytes; remove it, or give another --out")
        return
    os.replace(temporary, out)
    fsync_folder(out.absolute().parent)


def _write_and_compare(checkpoint: Path, folder: Path, tokenizer: "LatexTokenizer", tolerance: float, texts: Sequence[str]) -> Comparison:
    import dataclasses

    import torch

    from tools.hf_tokenizer import SAMPLE_TEXTS, export_tokenizer
    from train.checkpoint import TOKENIZER, loaded_model
    from train.config import num_parameters

    _say(f"reading {checkpoint}")
    with loaded_model(checkpoint) as (config, model):
        weights = {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
        _say(f"writing {num_parameters(config.model):,} parameters")
        _write_model(folder, llama_config(config.model, tokenizer), llama_weights(config.model, weights), tokenizer)
        export_tokenizer(checkpoint / TOKENIZER, folder)
        if config.training.bf16:
            from train.kernels import choose_kernels
            from train.megatron_adapter import build_model

            # bfloat16's own rounding, which kernels order differently, would hide a wrong weight
            config = dataclasses.replace(config, training=dataclasses.replace(config.training, bf16=False))
            model = build_model(config, choose_kernels())
            model.load_state_dict(weights)
            model.eval()
        del weights
        compared = (*SAMPLE_TEXTS, *texts)
        ids_of_texts = _compare_token_ids(folder, tokenizer, compared)
        length = min(config.model.max_position_embeddings or config.model.seq_length, MAX_COMPARED_TOKENS)
        random_ids = torch.randint(config.model.known_vocab_size, (2, length), generator=torch.Generator().manual_seed(0))
        # texts follow one another as documents do in training
        stream = [number for ids in ids_of_texts for number in (*ids, tokenizer.eod_id)]
        sequences = [*random_ids.unbind(), *(torch.tensor(stream[start : start + length]) for start in range(0, len(stream), length))]
        _say(f"comparing logits on {sum(map(len, sequences)):,} tokens")
        difference, num_logits = _compare_logits(folder, model, sequences)
    if not difference <= tolerance:
        raise InputError(
            f"{checkpoint}: the exported model's logits differ by up to {difference:.3g} from the checkpoint's, {tolerance:g} is allowed; "
            f"nothing was written"
        )
    return Comparison(
        max_logit_difference=difference, num_logits=num_logits, num_texts=len(compared), num_tokens=sum(map(len, ids_of_texts))
    )


def _write_model(folder: Path, config: Any, weights: "dict[str, Tensor]", tokenizer: "LatexTokenizer") -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import GenerationConfig, LlamaForCausalLM

    with torch.device("meta"):  # no second copy: the weights are put in their places
        model = LlamaForCausalLM(config)
    dtype = weights["model.norm.weight"].dtype
    model.load_state_dict(weights, strict=not config.tie_word_embeddings, assign=True)
    model.tie_weights()
    model.config.dtype = dtype
    padding = list(range(tokenizer.num_pieces, config.vocab_size))
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id,
        eos_token_id=config.eos_token_id,
        pad_token_id=config.pad_token_id,
        suppress_tokens=padding or None,  # rows that stand for no piece
    )
    try:
        model.save_pretrained(folder, max_shard_size=MAX_SHARD_SIZE)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def _compare_token_ids(folder: Path, tokenizer: "LatexTokenizer", texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text. Raises `InputError` where the exported tokenizer gives others, or does not give the text back."""
    from transformers import AutoTokenizer

    exported = AutoTokenizer.from_pretrained(folder)
    found = []
    for text in texts:
        ids = tokenizer.encode(text)
        theirs = exported(text)["input_ids"]
        if theirs != ids or exported.decode(theirs) != text:
            raise InputError(f"the exported tokenizer gives other ids for {text[:60]!r}: {theirs[:20]} instead of {ids[:20]}")
        found.append(ids)
    return found


def _compare_logits(folder: Path, model: Any, sequences: "Sequence[Tensor]") -> tuple[float, int]:
    """The largest absolute difference of logits (float32) and how many were compared; `sequences: [T] int64` each."""
    import torch
    from transformers import AutoModelForCausalLM

    device = next(model.parameters()).device
    exported, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    wrong = {name: sorted(keys) for name, keys in loading.items() if keys}
    assert not wrong, f"transformers did not take the folder as it is: {wrong}"
    exported = exported.to(device).eval()
    difference, num_logits = 0.0, 0
    with torch.inference_mode():
        for sequence in sequences:
            tokens = sequence[None].to(device)
            ours = model(tokens, torch.arange(tokens.shape[1], device=device)[None], None)
            theirs = exported(input_ids=tokens, use_cache=False).logits
            largest = float((ours.float() - theirs).abs().max())
            difference = math.nan if math.isnan(largest) else max(difference, largest)
            num_logits += ours.numel()
            if math.isnan(difference):
                break
    return difference, num_logits


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """transformers without progress bars, advice or network: the folder is local, and what matters is compared."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from transformers.utils import logging

    logging.disable_progress_bar()
    with warnings.catch_warnings():
        # advice of torch and megatron on their own insides, to a user who can do nothing about it
        warnings.filterwarnings("ignore", module=r"torch|megatron|transformers|train\.megatron_adapter")
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _read_texts(paths: Sequence[Path]) -> list[str]:
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--text {path}: cannot be read as UTF-8 text ({error})") from None
    return texts


def main(arguments: Sequence[str] | None = None) -> int:
    """Exports as the command line says."""
    parser = Parser(prog="python -m tools.export_hf", description=__doc__ or "")
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="DIR", help="a run (its newest checkpoint), or an iter_NNNNNNN folder"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the Hugging Face model; must not hold anything else")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-5,
        metavar="LOGITS",
        help="largest absolute difference allowed, float32; a GPU may sum in another order and need more",
    )
    parser.add_argument(
        "--text", type=Path, action="append", default=[], metavar="FILE", help="UTF-8 text to compare on besides the built-in ones"
    )
    args = parser.parse_args(arguments)
    if not (args.tolerance >= 0 and math.isfinite(args.tolerance)):
        raise InputError(f"--tolerance {args.tolerance}: a number from 0 is needed")
    out = local_folder(args.out)
    texts = _read_texts(args.text)
    comparison = export(args.checkpoint, out, tolerance=args.tolerance, texts=texts)
    print(f"{out}: LlamaForCausalLM and its tokenizer")
    difference, num_logits = comparison.max_logit_difference, comparison.num_logits
    print(f"logits: largest difference {difference:.3g} over {num_logits:,} of them (float32, {args.tolerance:g} allowed)")
    print(f"token ids: equal on {comparison.num_texts} texts of {comparison.num_tokens:,} tokens")
    return 0


if __name__ == "__main__":
    run("export_hf", main)
