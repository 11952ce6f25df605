"""What tests of several folders share."""

import warnings
from collections.abc import Iterator

import pytest


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
def object_store() -> Iterator[str]:
    """The URL of one S3 server for all tests, on this machine; each test makes a bucket of its own."""
    from tests.object_stores import s3_server

    with s3_server() as url:
        yield url
