"""Perplexity of a checkpoint: what training's own validation says, by hand where it can be, and one line for what does not fit."""

import math
import re
from pathlib import Path

import pytest

from shards.errors import InputError
from tests.train.ranks import Ranks
from tests.train.runs import rows, small_config
from tests.train.token_folder import write_token_folder
from tools.perplexity import Score, main, score_shards, together


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Token shards, and a run of four steps on them that two processes made, tokens scored in chunks."""
    folder = tmp_path_factory.mktemp("trained")
    ranks = Ranks(tmp_path_factory.mktemp("ranks"))
    try:
        tokens = write_token_folder(folder / "tokens")
        ranks.run("train", small_config(train_iters=4, cross_entropy_chunk_tokens=24), tokens, folder / "run", world_size=2)
    finally:
        ranks.close()
    return tokens, folder / "run"


def test_it_is_what_validation_said_in_training(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    tokens, run = trained
    assert main(["--checkpoint", str(run), "--data", str(tokens), "--micro-batch-size", "5"]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in shown] == ["domain", "math", "physics", "all"]
    validated = {row["domain"]: row for row in rows(run, "validation") if row["iteration"] == 4}
    for domain, num_tokens, loss, perplexity, bits in shown[1:]:
        row = validated[domain]
        assert int(num_tokens.replace(",", "")) == row["tokens"] > 0
        assert float(loss) == pytest.approx(row["lm_loss"], abs=1e-4)
        assert float(perplexity) == pytest.approx(math.exp(row["lm_loss"]), rel=1e-3)
        assert float(bits) == pytest.approx(row["bits_per_byte"], abs=1e-4)


def test_part_of_a_set_and_the_other_split(trained: tuple[Path, Path]) -> None:
    tokens, run = trained
    part = score_shards(run, tokens, split="train", max_tokens=100, micro_batch_size=2)
    assert [(score.domain, score.num_tokens) for score in part] == [("math", 96), ("physics", 96)]


def test_together_every_token_counts_once() -> None:
    parts = [Score(domain="a", loss=1.0, num_tokens=10, num_bytes=30.0), Score(domain="b", loss=4.0, num_tokens=20, num_bytes=10.0)]
    every = together(parts)
    assert (every.loss, every.num_tokens, every.num_bytes) == (3.0, 30, 40.0)
    assert every.bits_per_byte == pytest.approx(3.0 / math.log(2) * 30 / 40)
    assert every.perplexity == pytest.approx(math.exp(3))
    assert Score(domain="c", loss=1e4, num_tokens=1, num_bytes=1.0).perplexity == math.inf


def test_what_does_not_fit_is_one_line(trained: tuple[Path, Path], tmp_path: Path) -> None:
    tokens, run = trained
    other = write_token_folder(tmp_path / "other", sha256="cd" * 32)
    with pytest.raises(InputError, match="made with another tokenizer"):
        main(["--checkpoint", str(run), "--data", str(other)])
    with pytest.raises(InputError, match=re.escape("--split is 'test'; ") + ".* has train, validation"):
        main(["--checkpoint", str(run), "--data", str(tokens), "--split", "test"])
    with pytest.raises(InputError, match="--max-tokens is 0"):
        main(["--checkpoint", str(run), "--data", str(tokens), "--max-tokens", "0"])
    with pytest.raises(InputError, match="neither a checkpoint"):
        main(["--checkpoint", str(tmp_path), "--data", str(tokens)])
