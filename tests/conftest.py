"""What tests of several folders share."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.raylets import Raylets


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
