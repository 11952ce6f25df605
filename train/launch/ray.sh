#!/usr/bin/env bash
# Trains on one machine of a Ray cluster that has GPUs: submits a job that torchrun is the driver of.
#
#   train/launch/ray.sh --data TOKENS --out RUN --nproc-per-node N [--config FILE] [--dry-run] [--flag value ...]
#
#   --config FILE         recipe [default train/recipes/1p36b_2xa100.toml]
#   --data TOKENS         folder that tools.tokenize_shards wrote, as that machine sees it (an absolute path)
#   --out RUN             folder of the run, as that machine sees it (an absolute path)
#   --nproc-per-node N    processes; as many GPUs are asked of Ray
#   --dry-run             print the resolved command and run nothing
#   --flag value          any field of the recipe, by Megatron-LM's flag name (--micro-batch-size 8)
#
# RAY_ADDRESS names the cluster's job server [default http://127.0.0.1:8265]. The machines have requirements/train.txt (or the container's
# torch and requirements/train-image.txt) installed; the code goes along with the job.
set -euo pipefail
script=$(realpath "${BASH_SOURCE[0]}")
cd "$(dirname "$script")/../.."                   # what --working-dir sends
source train/launch/launcher.sh

parse_flags "$script" . "$@"
[[ -n $nproc_per_node ]] || refuse "--nproc-per-node is needed: the GPUs to ask of Ray (see --help)"
job=(
    ray job submit
    --address "${RAY_ADDRESS:-http://127.0.0.1:8265}"
    --working-dir .                               # the code; what .gitignore names stays here
    --entrypoint-num-gpus "$nproc_per_node"       # Ray chooses a machine that has them free, and keeps others off
)
launcher=(
    torchrun
    --standalone                                  # one machine: it finds its own port
    --nproc-per-node "$nproc_per_node"
    --max-restarts 0                              # a failed step is looked at; the same command goes on from the last checkpoint
)
launch "${job[@]}" -- env "${environment[@]}" "${launcher[@]}" train/pretrain_gpt.py "${run[@]}" "${training[@]}"
