"""A corpus and a tokenizer that the tests of the tools share."""

from pathlib import Path

import pytest

from tests.tools.small_corpus import small_corpus
from tools import train_tokenizer
from tools.tokenizer import LatexTokenizer

VOCAB_SIZE = 640


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished corpus of 30 documents; read only."""
    return small_corpus(tmp_path_factory.mktemp("small") / "corpus")


@pytest.fixture(scope="session")
def tokenizer_folder(corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer trained on it, as the command leaves it; read only."""
    out = tmp_path_factory.mktemp("tokenizer") / "tokenizer"
    train_tokenizer.main(["--corpus", str(corpus_folder), "--out", str(out), "--vocab-size", str(VOCAB_SIZE)])
    return out


@pytest.fixture(scope="session")
def tokenizer(tokenizer_folder: Path) -> LatexTokenizer:
    return LatexTokenizer.load(tokenizer_folder)


@pytest.fixture(scope="session")
def checkpoint_run(tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one checkpoint of a small model with that tokenizer; read only."""
    from tests.tools.small_checkpoint import config_of, write_checkpoint  # megatron, for the tests that need it

    run = tmp_path_factory.mktemp("checkpoint") / "run"
    write_checkpoint(run, config_of(), tokenizer_folder)
    return run
