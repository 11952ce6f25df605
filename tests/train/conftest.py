"""What the tests of training share: token shards made by hand."""

from pathlib import Path

import pytest

from tests.train.token_folder import write_token_folder


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of token shards: domains `math` and `physics`."""
    return write_token_folder(tmp_path_factory.mktemp("tokens"))
