"""Tars are listed where there are hands for it: here, or on workers; whole, or by headers alone where the store states their MD5."""

import hashlib
import io
import os
import signal
import tarfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from preprocess.ray_runner import Cluster, Tasks
from preprocess.sources import scans, tars
from preprocess.sources.manifest import ManifestEntry
from preprocess.sources.scans import scan_tars
from preprocess.sources.tars import find_tars, is_hopped, is_vouched_for, scan_tar
from preprocess.workers import Here, Workers
from samples.archives import TarEntry, tar_bytes
from shards.errors import InputError
from shards.store import FileState, Place, state_of, states_in
from tests.object_stores import Faults, fault_proxy, make_bucket, place, upload, use_credentials

NAMES = [f"arXiv_src_2402_{number:03d}.tar" for number in range(1, 6)]


def write_tars(folder: Path, member_bytes: int = 3_000) -> Path:
    """Five tars of some members; the last one is cut inside a member, the one before it has long names and a damaged header."""
    source = folder / "src"
    source.mkdir()
    for number, name in enumerate(NAMES, 1):
        entries = [TarEntry(name=f"2402/2402.{number}{place:04d}.gz", content=bytes([place]) * member_bytes) for place in range(1, 7)]
        (source / name).write_bytes(tar_bytes(entries))
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for place in range(4):
            member = tarfile.TarInfo(f"2402/{'x' * 130}{place}.gz")
            member.size = member_bytes
            tar.addfile(member, io.BytesIO(b"y" * member_bytes))
    long_names = bytearray(sink.getvalue())
    last = long_names.rfind(b"2402/xxx", 0, len(long_names) - member_bytes)
    long_names[last : last + 20] = b"no header any longer"
    (source / NAMES[3]).write_bytes(long_names)
    (source / NAMES[4]).write_bytes((source / NAMES[4]).read_bytes()[:14_000])
    return source


def stated_of(source: Path) -> dict[str, ManifestEntry]:
    entries = {}
    for name in NAMES:
        content = (source / name).read_bytes()
        entries[name] = ManifestEntry(name=name, md5=hashlib.md5(content).hexdigest(), num_bytes=len(content), num_items=6)
    return entries


class Doubled(Here):
    """As many as a cluster has, in this process: what the driver gets comes by `out` alone."""

    num_workers = 2

    def __init__(self) -> None:
        self.at_once: list[int | None] = []

    def map(self, function: Callable[..., Any], shared: Any, items: Iterable[Any], *, at_once: int | None = None) -> Iterator[Any]:
        self.at_once.append(at_once)
        for item in items:
            function(shared, item)
            yield None


def dying_once(marks: Path, number: int) -> tuple[int, int]:
    """The square of a number; the first time its worker dies over it."""
    mark = marks / str(number)
    if number % 3 == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number, number**2


def negative_is_bad(shared: int, number: int) -> int:
    if number < 0:
        raise InputError(f"{number}: has no root")
    return shared + number


def test_workers_and_this_process_list_the_same(tmp_path: Path) -> None:
    source = write_tars(tmp_path)
    paths = find_tars(source)
    asked: list[bool] = []
    workers = Doubled()

    def choose(is_worth_it: bool) -> Workers:
        asked.append(is_worth_it)
        return workers

    here = scan_tars(source, paths, tmp_path / "here", print)
    there = scan_tars(source, paths, tmp_path / "there", print, choose_workers=choose)
    assert there == here == [scan_tar(path) for path in paths]
    assert [(len(listing.members), listing.is_truncated, listing.corrupt_from_byte is None) for listing in here[3:]] == [
        (4, False, False),
        (4, True, True),
    ]
    assert asked == [False]
    for name in NAMES:
        assert (tmp_path / "here/.scans" / f"{name}.json").read_bytes() == (tmp_path / "there/.scans" / f"{name}.json").read_bytes()
    assert scan_tars(source, paths, tmp_path / "there", print, choose_workers=lambda _: pytest.fail("nothing is to be read")) == here


def test_many_bytes_are_worth_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_tars(tmp_path)
    num_bytes = sum(path.stat().st_size for path in source.iterdir())
    asked: list[bool] = []

    def choose(is_worth_it: bool) -> Workers:
        asked.append(is_worth_it)
        return Here()

    for least in (num_bytes, num_bytes + 1):
        monkeypatch.setattr(scans, "MIN_BYTES_ON_WORKERS", least)
        scan_tars(source, find_tars(source), tmp_path / f"out-{least}", print, choose_workers=choose)
    assert asked == [True, False]


def test_a_tar_that_changes_under_a_worker_is_said(tmp_path: Path) -> None:
    source = write_tars(tmp_path)

    class Late(Doubled):
        def map(self, *args: Any, **more: Any) -> Iterator[Any]:
            for result in super().map(*args, **more):
                (source / NAMES[0]).write_bytes(b"another")
                yield result

    with pytest.raises(InputError, match=f"{NAMES[0]}: has changed while it was read"):
        scan_tars(source, find_tars(source), tmp_path / "out", print, choose_workers=lambda _: Late())


def test_headers_alone_are_read_where_the_store_states_the_md5(object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "vouched")
    local = write_tars(tmp_path, member_bytes=30_000)
    stated = stated_of(local)
    stated[NAMES[1]] = ManifestEntry(name=NAMES[1], md5="0" * 32, num_bytes=stated[NAMES[1]].num_bytes, num_items=6)
    monkeypatch.setattr(tars, "MIN_HOP_BYTES", 2_000)
    expected = [scan_tar(path) for path in find_tars(local)]
    with fault_proxy(object_store, Faults(error_share=0.05, cut_share=0.05)) as proxy:
        remote = place(proxy.url, "vouched/src")
        upload(local, remote)
        for number, workers in enumerate((Here(), Doubled())):
            proxy.bytes_sent.clear()
            said: list[str] = []
            out: Place = tmp_path / f"out-{number}"
            found = scan_tars(remote, find_tars(remote), out, said.append, stated=stated, choose_workers=lambda _, these=workers: these)
            assert [(one.members, one.md5, one.num_folders, one.is_truncated, one.num_bytes) for one in found] == [
                (one.members, one.md5, one.num_folders, one.is_truncated, one.num_bytes) for one in expected
            ]
            assert said[0].endswith("; of 4 the store states the MD5 of the manifest: their headers alone are read")
            sent = {name: proxy.bytes_sent[f"/vouched/src/{name}"] / stated[name].num_bytes for name in NAMES}
            assert sent[NAMES[1]] > 0.99  # another MD5 than the manifest's: read, so that the run can say which it is
            assert 0 < max(sent[name] for name in (NAMES[0], NAMES[2], NAMES[3])) < 0.4
            assert len(states_in(out / ".scans")) == 5
        assert isinstance(workers, Doubled)
        assert workers.at_once == [None, 16]


def test_who_vouches_for_what() -> None:
    entry = ManifestEntry(name="a", md5="ab" * 16, num_bytes=100 << 20, num_items=50)
    right = FileState(st_size=100 << 20, version=f'"{"ab" * 16}"')
    assert is_vouched_for(right, entry)
    assert is_hopped(right, entry)
    for other in (f'"{"ab" * 16}-7"', f"{'ab' * 16}", "1-2", ""):
        assert not is_vouched_for(FileState(st_size=100 << 20, version=other), entry)
    assert not is_vouched_for(FileState(st_size=99, version=right.version), entry)
    assert not is_vouched_for(right, None)
    assert not is_hopped(right, ManifestEntry(name="a", md5=entry.md5, num_bytes=100 << 20, num_items=5_000))  # small members: all is read


def test_ray_tasks_outlive_their_workers_and_keep_the_order(ray_cluster: None, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for number in range(8):
            drawn.append(number)
            yield number

    tasks = Tasks(2)
    found = tasks.map(dying_once, marks, items())
    assert next(found) == (0, 0)
    assert len(drawn) <= 4  # no more than there is room for
    assert list(found) == [(number, number**2) for number in range(1, 8)]
    assert sorted(path.name for path in marks.iterdir()) == ["0", "3", "6"]
    with pytest.raises(InputError, match=r"^-1: has no root$"):
        list(tasks.map(negative_is_bad, 5, [1, 2, -1, 3]))
    assert list(tasks.map(negative_is_bad, 5, [1, 2], at_once=1)) == [6, 7]


def test_tars_are_listed_on_ray(ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "MIN_BYTES_ON_WORKERS", 1)
    source = write_tars(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    with Cluster(None, None, out, [source]) as cluster:
        assert isinstance(cluster.workers(False), Here)
        found = scan_tars(source, find_tars(source), out, print, choose_workers=cluster.workers)
        assert isinstance(cluster.workers(True), Tasks)
    with Cluster(None, 1, out, [source]) as cluster:
        assert isinstance(cluster.workers(True), Here)
    assert found == [scan_tar(path) for path in find_tars(source)]
    # a listing that another run of the same command left whole is not made again
    (out / ".scans" / f"{NAMES[2]}.json").unlink()
    before = state_of(out / ".scans" / f"{NAMES[0]}.json")
    again = partial(scan_tars, source, find_tars(source), out, print)
    assert again() == found
    assert state_of(out / ".scans" / f"{NAMES[0]}.json") == before
