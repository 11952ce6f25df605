"""A Ray cluster of three nodes on this machine, of real processes that can be killed: a head without task slots and two workers.

Each node has a folder of its own for all that it writes, temporary files too, so that what one node leaves there no other looks for.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

WORKERS = 2  # nodes that work
ACTOR_TITLE = b"ray::MapWorker"  # of the processes in which units are worked on


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Raylets:
    """The running cluster. A killed worker node is replaced by a new one, as a launcher would."""

    def __init__(self, folder: Path, *, cpus_each: int, with_dashboard: bool, environment: Mapping[str, str]) -> None:
        from ray.cluster_utils import Cluster

        self.folder, self.cpus_each, self.environment = folder, cpus_each, environment
        self.num_nodes = 0
        head: dict[str, Any] = {"num_cpus": 0, "include_dashboard": with_dashboard, "dashboard_agent_listen_port": free_port()}
        if with_dashboard:
            head |= {"dashboard_host": "127.0.0.1", "dashboard_port": free_port()}
        self.workers: list[Any] = []
        with self._surroundings():
            self.cluster: Any = Cluster(initialize_head=True, head_node_args=head | self._place())
        for _ in range(WORKERS):
            self._add_worker()

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Keeps the cluster's address out of the machine's own folder, where `auto` looks; and gives its jobs this Python."""
        said = {"RAY_TMPDIR": str(self.folder), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        before = {name: os.environ.get(name) for name in said}
        os.environ.update(said)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value

    def _place(self) -> dict[str, Any]:
        """A node's own folders."""
        home = self.folder / f"node{self.num_nodes}"
        self.num_nodes += 1
        (home / "tmp").mkdir(parents=True)
        folders = {"temp_dir": str(home / "ray"), "env_vars": {**self.environment, "TMPDIR": str(home / "tmp")}}
        return folders | {"runtime_env_agent_port": free_port()}  # Ray's own draw may be that of another cluster on this machine

    def _add_worker(self) -> None:
        with self._surroundings():
            self.workers.append(self.cluster.add_node(num_cpus=self.cpus_each, **self._place()))

    @property
    def address(self) -> str:
        """HOST:PORT that a driver connects to."""
        return str(self.cluster.address)

    @property
    def dashboard(self) -> str:
        """URL of the job server."""
        return f"http://{self.cluster.webui_url}"

    def actors(self) -> list[int]:
        """Processes that work on units."""
        return [pid for node in self.workers for pid in _children(_raylet(node)) if ACTOR_TITLE in _title(pid)]

    def kill_actor(self, chance: random.Random) -> bool:
        """Kills one of the processes that work on units; False where there is none."""
        if not (found := self.actors()):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(found), signal.SIGKILL)
            return True
        return False

    def kill_raylet(self, chance: random.Random) -> None:
        """Kills a worker node's raylet, whose processes die of that, and puts a new node in its place."""
        node = chance.choice(self.workers)
        os.kill(_raylet(node), signal.SIGKILL)
        self.workers.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)  # what else runs of it, and its place in the list
        self._add_worker()

    def kill_head(self) -> None:
        """Kills the head's processes, the cluster's store of its state among them. Nothing of the cluster can be used any more."""
        self.cluster.head_node.kill_gcs_server(check_alive=False)
        self.cluster.remove_node(self.cluster.head_node, allow_graceful=False)

    def left_in_temporary_folders(self) -> list[str]:
        """Files that something left in a node's temporary folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("node*/tmp/**/*") if path.is_file())

    def shutdown(self) -> None:
        """Kills what is left."""
        with self._surroundings():
            self.cluster.shutdown()


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _title(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextlib.contextmanager
def three_nodes(*, cpus_each: int = 1, with_dashboard: bool = False, environment: Mapping[str, str] | None = None) -> Iterator[Raylets]:
    """The cluster for the block, its nodes with `environment` beside this process's own. Its folders are gone afterwards."""
    # under a short path: names of sockets have 107 bytes
    folder = Path(tempfile.mkdtemp(prefix="rn-", dir="/tmp"))
    (folder / "ray").mkdir()
    try:
        cluster = Raylets(folder, cpus_each=cpus_each, with_dashboard=with_dashboard, environment=environment or {})
        try:
            yield cluster
        finally:
            cluster.shutdown()
    finally:
        for _ in range(50):  # processes that are dying still write
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.1)
