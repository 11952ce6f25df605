"""Trains a GPT on token shards.

    torchrun --nproc-per-node N train/pretrain_gpt.py --config train/recipes/tiny_cpu.toml --data TOKENS --out RUN [--flag value ...]

The same command again goes on from RUN's newest checkpoint.
"""

import dataclasses
import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shards import cli
from shards.commit import local_folder
from shards.errors import InputError
from train.config import TrainConfig, add_flags, load_recipe, num_parameters, override
from train.data import add_data_options, data_folder, in_buckets, open_token_shards, training_sets, with_vocabulary

PROG = "pretrain_gpt.py"


def main() -> int:
    """Reads recipe and flags, brings the processes up, trains."""
    parser = cli.Parser(prog=PROG, description=__doc__ or "")
    parser.add_argument("--config", type=Path, metavar="FILE", help="recipe (TOML); without it the fields' defaults")
    add_data_options(parser, "folder of token shards (python -m tools.tokenize_shards), or its URI on a store", required=False)
    parser.add_argument("--out", metavar="DIR", help="folder of the run: checkpoints, metrics.jsonl, tensorboard")
    parser.add_argument("--load", type=Path, metavar="DIR", help="checkpoint or run to begin from where --out has none")
    parser.add_argument("--finetune", action="store_true", help="take the weights alone from --load: step, optimizer and data begin anew")
    parser.add_argument("--dry-run", action="store_true", help="print the resolved recipe and its parameters, train nothing")
    add_flags(parser)
    given = vars(parser.parse_args())
    recipe, data, out, load, is_finetuning, dry_run = (given.pop(name) for name in ("config", "data", "out", "load", "finetune", "dry_run"))
    cache, endpoint = (given.pop(name) for name in ("data_cache", "data_endpoint"))
    config = override(load_recipe(recipe) if recipe is not None else TrainConfig(), given)
    if dry_run:
        print("\n".join(readable(config)))
        return 0
    if data is None or out is None:
        raise InputError("--data and --out are needed: a folder of token shards, and the folder of the run")
    if is_finetuning and load is None:
        raise InputError("--finetune needs --load: the checkpoint whose weights are taken")
    run = local_folder(out).resolve()
    config.check_world(int(os.environ.get("WORLD_SIZE", "1")))
    _train(config, data_folder(data, cache, endpoint), run, load.resolve() if load is not None else None, is_finetuning=is_finetuning)
    return 0


def readable(config: TrainConfig) -> list[str]:
    """The resolved recipe as one would write it, and what follows from it."""
    lines = []
    for section, fields in dataclasses.asdict(config).items():
        lines.append(f"[{section}]")
        lines.extend(f"{name} = {'none' if value is None else value}" for name, value in fields.items())
    tokens = config.training.global_batch_size * config.model.seq_length
    lines.append(f"{tokens:,} tokens a step, {tokens * config.training.train_iters:,} in {config.training.train_iters:,} steps")
    stated = config.model.vocab_size
    lines.append(f"{num_parameters(config.model):,} parameters" if stated else "parameters: the vocabulary is the token shards' own")
    return lines


def _train(config: TrainConfig, data: Path, run: Path, load: Path | None, *, is_finetuning: bool) -> None:
    shards = open_token_shards(data)
    config = with_vocabulary(config, shards)
    training_sets(in_buckets(shards, config), config)
    warnings.filterwarnings("ignore", module="torch|megatron")
    import torch  # only now that there is something to do: it takes seconds

    from train import megatron_adapter
    from train.checkpoint import write_config
    from train.trainer import Trainer

    if not megatron_adapter.HAS_CUDA:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    else:
        torch.cuda.set_device(megatron_adapter.device())
    if config.training.deterministic_mode:
        # cuBLAS and Transformer Engine look here; torch refuses to multiply matrices on a GPU without the first
        os.environ |= {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "NVTE_ALLOW_NONDETERMINISTIC_ALGO": "0"}
        torch.use_deterministic_algorithms(True)
    megatron_adapter.start_processes()
    try:
        trainer = Trainer(config, shards, run, load=load, is_finetuning=is_finetuning)
        if torch.distributed.get_rank() == 0:
            write_config(run, config)
        trainer.train()
    except Exception:
        # what all processes see, the first to see it says; what one alone sees, it says, and the others lose their connection to it
        if megatron_adapter.is_first_to_say():
            raise
        sys.exit(cli.EXIT_BAD_INPUT)
    finally:
        torch.distributed.destroy_process_group()


def _run_quietly() -> int:
    """Before the processes know each other, all of them find the same fault: the first alone says it."""
    try:
        return main()
    except InputError:
        if os.environ.get("RANK", "0") != "0" and not _is_up():
            return cli.EXIT_BAD_INPUT
        raise


def _is_up() -> bool:
    return "train.megatron_adapter" in sys.modules


if __name__ == "__main__":
    cli.run(PROG, _run_quietly)
