"""The launch scripts: their shell is whole, their dry run is a command that could be typed, what they run is what they printed."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCH = ROOT / "train" / "launch"
SCRIPTS = ("torchrun.sh", "slurm.sh", "ray.sh")
FLAGS = ("--data", "TOKENS", "--out", "my run", "--nproc-per-node", "2")


def launch(script: str, *arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "RAY_ADDRESS", "NCCL", "CUDA", "OMP"))}
    command = ["bash", str(LAUNCH / script), *arguments]
    return subprocess.run(command, cwd=cwd, env=clean | environment, capture_output=True, text=True, timeout=60)


def stand_in(folder: Path, name: str, body: str = 'printf "%s\\n" "$@"\nenv') -> Path:
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("script", [*SCRIPTS, "launcher.sh", "with_signal.sh"])
def test_the_shell_is_whole(script: str) -> None:
    checked = subprocess.run(["bash", "-n", str(LAUNCH / script)], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    text = (LAUNCH / script).read_text()
    assert "\t" not in text
    if script in SCRIPTS:
        assert "\nset -euo pipefail\n" in text
        assert os.access(LAUNCH / script, os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS)
def test_dry_run_prints_the_resolved_command(script: str, tmp_path: Path) -> None:
    answer = launch(script, *FLAGS, "--dry-run", "--micro-batch-size", "8", "--no-bf16")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert len(answer.stdout.splitlines()) == 1
    words = shlex.split(answer.stdout)
    entry = next(number for number, word in enumerate(words) if word.endswith("train/pretrain_gpt.py"))
    flags = words[entry + 1 :]
    assert flags[0] == "--config"
    assert (ROOT / flags[1]).is_file()
    assert flags[2:] == ["--data", "TOKENS", "--out", "my run", "--micro-batch-size", "8", "--no-bf16"]
    assert words[words.index("--nproc-per-node") + 1] == "2"
    assert "CUDA_DEVICE_MAX_CONNECTIONS=1" in words
    assert words.index("CUDA_DEVICE_MAX_CONNECTIONS=1") > words.index("env")


def test_every_variable_has_its_reason() -> None:
    lines = (LAUNCH / "launcher.sh").read_text().splitlines()
    block = lines[lines.index("environment=(") + 1 : lines.index(")")]
    variables = [number for number, line in enumerate(block) if re.match(r'\s+"[A-Z_]+=\$\{[A-Z_]+:-.+\}"$', line)]
    assert len(variables) >= 4
    assert all(block[number - 1].lstrip().startswith("# ") for number in variables)
    assert len(variables) == sum(not line.lstrip().startswith("#") for line in block)


def test_a_variable_that_is_set_stays(tmp_path: Path) -> None:
    assert "NCCL_DEBUG=INFO" in shlex.split(launch("torchrun.sh", *FLAGS, "--dry-run", NCCL_DEBUG="INFO").stdout)


def test_torchrun_runs_what_the_dry_run_prints(tmp_path: Path) -> None:
    stand_in(tmp_path, "torchrun")
    path = f"{tmp_path}:{os.environ['PATH']}"
    arguments = ("--data", str(tmp_path), "--out", "my run", "--nproc-per-node", "2", "--seed", "7")
    printed = shlex.split(launch("torchrun.sh", *arguments, "--dry-run", PATH=path).stdout)
    started = launch("torchrun.sh", *arguments, PATH=path)
    assert started.returncode == 0, started.stderr
    wanted = printed[printed.index(str(tmp_path / "torchrun")) + 1 :]
    assert started.stdout.splitlines()[: len(wanted)] == wanted
    assert "CUDA_DEVICE_MAX_CONNECTIONS=1" in started.stdout.splitlines()


def test_torchrun_counts_the_gpus(tmp_path: Path) -> None:
    stand_in(tmp_path, "nvidia-smi", 'for n in 0 1 2 3; do echo "GPU $n: NVIDIA A100 (UUID: GPU-$n)"; done')
    words = shlex.split(launch("torchrun.sh", *FLAGS[:4], "--dry-run", PATH=f"{tmp_path}:{os.environ['PATH']}").stdout)
    assert words[words.index("--nproc-per-node") + 1] == "4"


def test_from_another_folder_paths_are_the_callers(tmp_path: Path) -> None:
    words = shlex.split(launch("torchrun.sh", *FLAGS, "--dry-run", cwd=tmp_path).stdout)
    entry = next(word for word in words if word.endswith("pretrain_gpt.py"))
    assert (tmp_path / entry).resolve() == ROOT / "train" / "pretrain_gpt.py"
    assert words[words.index("--data") + 1] == "TOKENS"


def test_slurm_meets_at_the_jobs_first_node(tmp_path: Path) -> None:
    stand_in(tmp_path, "scontrol", "printf 'gpu07\\ngpu08\\n'")
    stand_in(tmp_path, "srun")
    job = {
        "SLURM_JOB_ID": "4242",
        "SLURM_SUBMIT_DIR": str(ROOT),
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "gpu[07-08]",
        "SLURM_GPUS_ON_NODE": "8",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    spool = tmp_path / "slurm_script"
    spool.write_text((LAUNCH / "slurm.sh").read_text())  # Slurm runs a copy, elsewhere
    started = subprocess.run(
        ["bash", str(spool), "--data", str(tmp_path), "--out", "RUN"], cwd=tmp_path, env=job, capture_output=True, text=True, timeout=60
    )
    assert started.returncode == 0, started.stderr
    words = started.stdout.splitlines()
    assert words[:4] == ["--nodes", "2", "--ntasks-per-node", "1"]
    assert words[words.index("--rdzv-endpoint") + 1] == "gpu07:24242"
    assert words[words.index("--nproc-per-node") + 1] == "8"
    assert words[words.index("--rdzv-id") + 1] == "texmill-4242"
    assert words[words.index("env") - 1].endswith("/with_signal.sh")  # SIGUSR1 passes torchrun by
    assert "#SBATCH --signal=USR1@" in spool.read_text()


def test_a_signal_reaches_the_processes_that_the_command_started(tmp_path: Path) -> None:
    worker = "import signal, sys, time; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7)); print('ready', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {worker!r}], start_new_session=True).returncode + 1)"
    command = ["bash", str(LAUNCH / "with_signal.sh"), sys.executable, "-c", parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        started.send_signal(signal.SIGUSR1)
        assert started.wait(timeout=30) == 8


@pytest.mark.parametrize("code", [0, 2, 130])
def test_the_commands_own_code_comes_back(code: int) -> None:
    assert subprocess.run(["bash", str(LAUNCH / "with_signal.sh"), "bash", "-c", f"exit {code}"], timeout=30).returncode == code


@pytest.mark.parametrize(
    ("script", "arguments", "word"),
    [
        *((script, ("--out", "RUN"), "--data is needed") for script in SCRIPTS),
        *((script, ("--data", "TOKENS"), "--out is needed") for script in SCRIPTS),
        *((script, ("--data",), "needs a value") for script in SCRIPTS),
        *((script, (*FLAGS, "--config", "no-such.toml"), "no such recipe") for script in SCRIPTS),
        *((script, (*FLAGS[:4], "--nproc-per-node", "many"), "a number of processes") for script in SCRIPTS),
        ("torchrun.sh", ("--data", "no-such-folder", "--out", "RUN"), "no such folder"),
        ("slurm.sh", ("--data", "TOKENS", "--out", "RUN"), "not inside a Slurm job"),
        ("ray.sh", ("--data", "TOKENS", "--out", "RUN"), "--nproc-per-node is needed"),
    ],
)
def test_bad_input_is_one_line(script: str, arguments: tuple[str, ...], word: str) -> None:
    answer = launch(script, *arguments)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stderr.startswith(f"{script}: error: ")
    assert word in answer.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_comment_at_the_top(script: str) -> None:
    answer = launch(script, "--help")
    assert answer.returncode == 0
    assert "--dry-run" in answer.stdout
    assert "SBATCH" not in answer.stdout
    assert "set -euo" not in answer.stdout
