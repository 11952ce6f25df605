"""The papers of a step: found again from the run's books, in the samples that training really took."""

import subprocess
import sys
from pathlib import Path

import pytest

from shards.token_shard import TokenShardReader
from tests.train.ranks import Ranks
from tests.train.runs import small_config
from tests.train.token_folder import write_token_folder
from tools.trace_step import first_sample

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory):
    processes = Ranks(tmp_path_factory.mktemp("ranks"))
    yield processes
    processes.close()


def trace(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.trace_step", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_papers_of_a_step_are_those_whose_tokens_it_took(ranks: Ranks, tmp_path: Path) -> None:
    tokens = write_token_folder(tmp_path / "tokens")
    config = small_config(train_iters=6, log_interval=4)
    (taken,) = ranks.run("train_and_keep_tokens", config, tokens, tmp_path / "run", 3)
    answer = trace("--run", str(tmp_path / "run"), "--data", str(tokens), "--step", "3")
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert len(lines) == 8
    num_seen = 0
    for position, (line, sample) in enumerate(zip(lines, taken, strict=True), start=16):
        where, papers = line.rsplit(": ", 1)
        assert where.startswith(f"sample {position}: ")
        domain = where.split()[2]
        reader = TokenShardReader(tokens / domain / "train")
        ids = [record["id"] for record in reader.document_records()]
        whole = [token for paper in papers.split() for token in reader.document(ids.index(paper)).tolist()]
        text = ",".join(map(str, whole))
        assert ",".join(map(str, sample)) in text
        num_seen += len(papers.split())
    assert num_seen >= 8


def test_a_run_that_went_back_is_traced_where_it_ended(ranks: Ranks, tmp_path: Path) -> None:
    tokens = write_token_folder(tmp_path / "tokens")
    for log_interval in (1, 3, 10):
        out = tmp_path / f"run{log_interval}"
        config = small_config(train_iters=10, save_interval=4, log_interval=log_interval)
        ranks.run("train_with_faults", config, tokens, out, "weights", [5])
        # back from 9 to 4, on with sample 72
        assert [first_sample(out, config, step) for step in (1, 4, 5, 6, 10)] == [0, 24, 72, 80, 112]


@pytest.mark.parametrize("step", ["0", "7"])
def test_a_step_that_was_not_is_one_line(step: str, ranks: Ranks, tmp_path: Path) -> None:
    tokens = write_token_folder(tmp_path / "tokens")
    ranks.run("train", small_config(train_iters=2), tokens, tmp_path / "run")
    answer = trace("--run", str(tmp_path / "run"), "--data", str(tokens), "--step", step)
    assert answer.returncode == 2
    assert answer.stderr == f"python -m tools.trace_step: error: --step is {step}; the run logged steps up to 2\n"
