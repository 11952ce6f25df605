#!/usr/bin/env bash
#SBATCH --job-name=texmill
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=2
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=USR1@600
#SBATCH --open-mode=append
#SBATCH --output=texmill-%j.log
# Trains on machines that Slurm gives, a process for each GPU. Submit it from the repository's root:
#
#   sbatch [--nodes N] [--gpus-per-node N] train/launch/slurm.sh --data TOKENS --out RUN [--config FILE] [--dry-run] [--flag value ...]
#
#   --config FILE         recipe [default train/recipes/1p36b_2xa100.toml]
#   --data TOKENS         folder that tools.tokenize_shards wrote, seen by every node
#   --out RUN             folder of the run, seen by every node
#   --nproc-per-node N    processes a node [default: the job's GPUs a node]
#   --dry-run             print the resolved command and run nothing (works without Slurm too)
#   --flag value          any field of the recipe, by Megatron-LM's flag name (--micro-batch-size 8)
#
# A job that is preempted or whose node fails is queued again (--requeue) and goes on from the newest checkpoint; so does the same sbatch line
# after the time limit, ten minutes before which Slurm sends SIGUSR1 (--signal): the run saves and ends. One task a node: torchrun starts the
# processes of its node itself.
set -euo pipefail
# Slurm runs a copy of this file from its own folder, and says where sbatch was called
if [[ -n ${SLURM_JOB_ID:-} ]]; then
    cd "$SLURM_SUBMIT_DIR"
    here=train/launch
else
    here=$(dirname "${BASH_SOURCE[0]}")
fi
if [[ ! -f $here/launcher.sh ]]; then
    echo "slurm.sh: error: $PWD is not the repository's root; call sbatch from there" >&2
    exit 2
fi
# shellcheck source=train/launch/launcher.sh
source "$here/launcher.sh"

parse_flags "$here/slurm.sh" "$(realpath --relative-to=. "$here/../..")" "$@"
if [[ $dry_run == false ]]; then
    [[ -n ${SLURM_JOB_ID:-} ]] || refuse "not inside a Slurm job; submit it: sbatch train/launch/slurm.sh ... (or look at it with --dry-run)"
    require_data
fi
nodes=${SLURM_JOB_NUM_NODES:-1}
first_node=localhost
if [[ -n ${SLURM_JOB_NODELIST:-} ]]; then
    listed=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
    first_node=${listed%%$'\n'*}
fi
tasks=(
    srun
    --nodes "$nodes"
    --ntasks-per-node 1
    --kill-on-bad-exit=1                          # one lost node ends the others, which would wait for it
)
torchrun=$(find_torchrun)
launcher=(
    "${torchrun:-torchrun}"
    --nnodes "$nodes"
    --nproc-per-node "${nproc_per_node:-${SLURM_GPUS_ON_NODE:-1}}"
    --rdzv-backend c10d
    --rdzv-endpoint "$first_node:$((20000 + ${SLURM_JOB_ID:-0} % 20000))"   # a port of its own for each job on a shared node
    --rdzv-id "texmill-${SLURM_JOB_ID:-0}"        # processes of another job cannot join
    --max-restarts 0                              # Slurm queues it again
)
launch "${tasks[@]}" "$root/train/launch/with_signal.sh" env "${environment[@]}" "${launcher[@]}" "$root/train/pretrain_gpt.py" "${run[@]}" "${training[@]}"
