"""What tests of several folders share."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.train.ranks import Ranks

if TYPE_CHECKING:
    from benchmarks.raylets import Raylets


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes tests that need a GPU out of the collection where there is none; pytest counts them as deselected."""
    needing = [item for item in items if item.get_closest_marker("gpu") is not None]
    if not needing:
        return
    import torch

    if torch.cuda.is_available():
        return
    config.hook.pytest_deselected(items=needing)
    items[:] = [item for item in items if item.get_closest_marker("gpu") is None]


@pytest.fixture(scope="session")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ranks]:
    """Processes over gloo."""
    processes = Ranks(tmp_path_factory.mktemp("ranks"))
    yield processes
    processes.close()


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray of two CPUs for all tests that run on it: a start takes 3 to 40 s. `ray_runner.connect` finds it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray itself, on import and of its own defaults
        from preprocess.ray_runner import connect, ray

        ray.data.DataContext.get_current()
    with connect(None, num_cpus=2):
        yield


@pytest.fixture(scope="session")
def raylets(ray_cluster: None) -> Iterator["Raylets"]:
    """A Ray cluster of three nodes for all tests that need several; they have the object store's credentials. This process is on none."""
    from benchmarks.raylets import three_nodes
    from tests.object_stores import KEY, SECRET

    with three_nodes(environment={"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The URL of one S3 server for all tests, on this machine; each test makes a bucket of its own."""
    from tests.object_stores import s3_server

    with s3_server() as url:
        yield url
