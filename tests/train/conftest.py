"""What the tests of training share: token shards made by hand, and processes to train in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.train.ranks import Ranks
from tests.train.token_folder import write_token_folder


@pytest.fixture(scope="session")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ranks]:
    """Processes over gloo."""
    processes = Ranks(tmp_path_factory.mktemp("ranks"))
    yield processes
    processes.close()


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of token shards: domains `math` and `physics`."""
    return write_token_folder(tmp_path_factory.mktemp("tokens"))
