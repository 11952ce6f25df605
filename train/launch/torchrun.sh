#!/usr/bin/env bash
# Trains on one machine, a process for each GPU.
#
#   train/launch/torchrun.sh --data TOKENS --out RUN [--config FILE] [--nproc-per-node N] [--dry-run] [--flag value ...]
#
#   --config FILE         recipe [default train/recipes/1p36b_2xa100.toml]
#   --data TOKENS         folder that tools.tokenize_shards wrote
#   --out RUN             folder of the run; the same command again goes on from its newest checkpoint
#   --nproc-per-node N    processes [default: GPUs of this machine, else 1]
#   --dry-run             print the resolved command and run nothing
#   --flag value          any field of the recipe, by Megatron-LM's flag name (--micro-batch-size 8)
#
# In NVIDIA's PyTorch container, which ships Apex and Transformer Engine (take a release with torch 2.11 to 2.13, and install there
# requirements/train-image.txt, never another torch):
#
#   docker run --gpus all --ipc=host --ulimit memlock=-1 --ulimit nofile=65536 -v "$PWD:/texmill" -w /texmill nvcr.io/nvidia/pytorch:YY.MM-py3 \
#       train/launch/torchrun.sh --data TOKENS --out RUN
#
# --ipc=host: NCCL's and the data threads' shared memory, of which a container has 64 MB; memlock: NCCL pins what it sends.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=train/launch/launcher.sh
source "$here/launcher.sh"

parse_flags "${BASH_SOURCE[0]}" "$(realpath --relative-to=. "$here/../..")" "$@"
[[ $dry_run == true ]] || require_data
torchrun=$(find_torchrun)
num_gpus=$(count_gpus)
launcher=(
    "${torchrun:-torchrun}"
    --standalone                                  # one machine: it finds its own port
    --nproc-per-node "${nproc_per_node:-$((num_gpus > 0 ? num_gpus : 1))}"
    --max-restarts 0                              # a failed step is looked at; the same command goes on from the last checkpoint
)
launch env "${environment[@]}" "${launcher[@]}" "$root/train/pretrain_gpt.py" "${run[@]}" "${training[@]}"
