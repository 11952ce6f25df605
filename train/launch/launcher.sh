# shellcheck shell=bash disable=SC2034  # what is set here is used by the scripts that source this
# What torchrun.sh, slurm.sh and ray.sh share: the environment of the training processes, and the flags that they take.

# Each variable with its reason. One that is set already is left as it is.
environment=(
    # Kernels are launched in the order in which they are queued, so that a reduction starts before the matrix product it hides behind:
    # megatron's overlap of tensor-parallel communication relies on it.
    "CUDA_DEVICE_MAX_CONNECTIONS=${CUDA_DEVICE_MAX_CONNECTIONS:-1}"
    # One thread a process: there is a process for every GPU (or, without GPUs, for every core), and torch would start as many threads as cores.
    "OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}"
    # Allocations grow instead of being cut into blocks that later ones do not fit: less memory lost to fragments.
    "PYTORCH_ALLOC_CONF=${PYTORCH_ALLOC_CONF:-expandable_segments:True}"
    # NCCL says why it gave up, and nothing else.
    "NCCL_DEBUG=${NCCL_DEBUG:-WARN}"
    # Lines appear when they are printed, not when a buffer is full.
    "PYTHONUNBUFFERED=${PYTHONUNBUFFERED:-1}"
)

# Ends with one line on standard error.
refuse() {
    echo "${script##*/}: error: $1" >&2
    exit 2
}

# Number of GPUs of this machine, 0 without nvidia-smi.
count_gpus() {
    local listed
    listed=$(nvidia-smi --list-gpus 2>/dev/null) || listed=""
    grep -c '^GPU' <<<"$listed" || true
}

# torchrun: the PATH's, else that of the project's own environment.
find_torchrun() {
    if ! command -v torchrun && [[ -x $root/.venv/bin/torchrun ]]; then
        echo "$root/.venv/bin/torchrun"
    fi
}

# Reads a script's flags: parse_flags SCRIPT ROOT FLAG... sets root, data, run, training (what is pretrain_gpt.py's), nproc_per_node, dry_run.
parse_flags() {
    script=$1
    root=$2
    shift 2
    local config=$root/train/recipes/1p36b_2xa100.toml
    local out="" name
    data=""
    nproc_per_node=""
    dry_run=false
    training=()
    while (($#)); do
        case $1 in
            --dry-run) dry_run=true ;;
            --help | -h)
                # the comment at the top of the script is its help
                sed -n '2,/^[^#]/{/^#SBATCH/d;s/^# \{0,1\}//p}' "$script"
                exit 0
                ;;
            --config | --data | --out | --nproc-per-node)
                (($# >= 2)) || refuse "$1 needs a value (see --help)"
                name=${1#--}
                printf -v "${name//-/_}" '%s' "$2"
                shift
                ;;
            *) training+=("$1") ;;
        esac
        shift
    done
    [[ -n $data ]] || refuse "--data is needed: the folder that tools.tokenize_shards wrote (see --help)"
    [[ -n $out ]] || refuse "--out is needed: the folder of the run (see --help)"
    [[ -f $config ]] || refuse "$config: no such recipe; see train/recipes/"
    [[ -z $nproc_per_node || $nproc_per_node =~ ^[1-9][0-9]*$ ]] || refuse "--nproc-per-node is '$nproc_per_node'; a number of processes is needed"
    run=(--config "$config" --data "$data" --out "$out")
}

# Refuses a folder of token shards that is not on this machine.
require_data() {
    [[ -d $data ]] || refuse "$data: no such folder; --data takes what tools.tokenize_shards wrote"
}

# Runs a command in place of this script, or with --dry-run prints it as it could be typed.
launch() {
    if [[ $dry_run == true ]]; then
        printf '%q ' "$@"
        echo
    else
        exec "$@"
    fi
}
