"""`pretrain_gpt.py` as people run it, through torchrun: trains, goes on, ends with one line where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.train.runs import losses, rows
from tests.train.token_folder import write_token_folder

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = [
    *("--num-layers", "2", "--hidden-size", "32", "--ffn-hidden-size", "64", "--num-attention-heads", "4", "--num-query-groups", "2"),
    *("--seq-length", "32", "--micro-batch-size", "2", "--global-batch-size", "8", "--log-interval", "1", "--eval-interval", "4"),
]


def pretrain(*arguments: str, num_processes: int | None = None) -> subprocess.CompletedProcess[str]:
    launcher = [] if num_processes is None else ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", f"{num_processes}"]
    environment = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")} | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, "train/pretrain_gpt.py", *SMALL, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


def test_torchrun_trains_and_goes_on(tokens: Path, tmp_path: Path) -> None:
    common = ("--data", str(tokens), "--out", str(tmp_path), "--tensor-model-parallel-size", "2", "--lr-warmup-iters", "1")
    half = pretrain(*common, "--train-iters", "3", num_processes=2)
    assert half.returncode == 0, half.stderr[-3000:]
    lines = half.stdout.splitlines()
    assert lines[0] == "model: 34,976 parameters (exact), vocabulary 256, sequence 32"
    assert lines[1] == "processes: 2 = tensor parallel 2 x pipeline stages 1 x data parallel 1; 8 samples = 256 tokens a step"
    assert sum(line.startswith("kernel ") for line in lines) == 8
    assert sum(line.startswith("step ") for line in lines) == 3
    assert sum(line.startswith("validation at step ") for line in lines) == 2
    assert "Warning" not in half.stderr
    rest = pretrain(*common, "--train-iters", "8", num_processes=2)
    assert rest.returncode == 0, rest.stderr[-3000:]
    assert "going on from step 3 (" in rest.stdout
    assert list(losses(tmp_path)) == list(range(1, 9))
    validation = {row["iteration"]: row["lm_loss"] for row in rows(tmp_path, "validation") if row["domain"] == "all"}
    assert list(validation) == [0, 3, 4, 8]
    assert validation[8] < validation[4] < validation[0]
    assert [row["tokens_trained_on"] for row in rows(tmp_path, "books")] == [8 * 256]  # of the whole run, not of its last part
    again = pretrain(*common, "--train-iters", "8")
    assert again.returncode == 2  # one process where two are needed
    assert again.stderr == "pretrain_gpt.py: error: --tensor-model-parallel-size is 2; a divisor of the 1 processes is needed\n"


@pytest.fixture(scope="module")
def bad_tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bad")
    made = {name: write_token_folder(folder / name) for name in ("gone", "manifest")}
    (made["gone"] / "math" / "train.bin.zst").unlink()
    (made["manifest"] / "manifest.json").write_text('{"units": 3}')
    return made | {"folder": folder / "no-such-folder"}


@pytest.mark.parametrize(
    ("which", "arguments", "words"),
    [
        ("folder", (), "no such folder; --data takes the folder that python -m tools.tokenize_shards wrote"),
        ("gone", (), "math/train.bin.zst: is missing though the manifest lists it"),
        ("manifest", (), "is not a token shard manifest"),
        ("good", ("--weights", "law=1"), "weights are given for law; the domains of"),
        ("good", ("--vocab-size", "512"), "the recipe's vocabulary is 512, the token shards' is 256"),
        ("good", ("--global-batch-size", "7"), "--global-batch-size is 7; a multiple of micro_batch_size x data-parallel size = 2 x 1"),
        ("good", ("--load", "no-such-run"), "no-such-run: is neither a checkpoint"),
        ("good", ("--finetune",), "--finetune needs --load"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(
    which: str, arguments: tuple[str, ...], words: str, tokens: Path, bad_tokens: dict[str, Path], tmp_path: Path
) -> None:
    answer = pretrain("--data", str(bad_tokens.get(which, tokens)), "--out", str(tmp_path / "run"), *arguments)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert answer.stderr.startswith("pretrain_gpt.py: error: ")
    assert words in answer.stderr
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_out_and_data_are_needed(tmp_path: Path) -> None:
    answer = pretrain("--out", str(tmp_path))
    assert (answer.returncode, len(answer.stderr.splitlines())) == (2, 1)
    assert "--data and --out are needed" in answer.stderr


def test_under_torchrun_our_line_is_said_once(tokens: Path, tmp_path: Path) -> None:
    answer = pretrain("--data", str(tokens), "--out", str(tmp_path), "--weights", "law=1", num_processes=2)
    assert answer.returncode != 0
    ours = [line for line in answer.stderr.splitlines() if line.startswith("pretrain_gpt.py: error: ")]
    assert len(ours) == 1
    assert "weights are given for law" in ours[0]
    # what follows is torchrun's own report of which process ended with which code
    assert 'pretrain_gpt.py", line' not in answer.stderr
    assert "exitcode  : 2" in answer.stderr
