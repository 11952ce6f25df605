"""Places on object stores: what folders do, they do, behind a proxy that fails, cuts and dawdles."""

import io
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shards.commit import commit_file, only_run, remove_temporaries, temporary_path, write_bytes
from shards.errors import InputError
from shards.fingerprint import file_digest
from shards.lease import hold_lease
from shards.manifest import read_manifest, write_manifest
from shards.store import (
    WINDOW_BYTES,
    StoreOptions,
    StorePath,
    file_at,
    map_ahead,
    open_binary,
    place_at,
    readable,
    scratch_folder,
    state_of,
    states_in,
)
from shards.text_shard import encode_text_shard, read_text_shard
from tests.object_stores import SECRET, Faults, fault_proxy, make_bucket, place, use_credentials


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(monkeypatch)


@pytest.fixture
def bucket(object_store: str, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    name = f"b{abs(hash(request.node.name)) % 10**9}"
    make_bucket(object_store, name)
    return name


@pytest.fixture
def folder(object_store: str, bucket: str) -> StorePath:
    return place(object_store, f"{bucket}/some/folder")


def test_a_store_does_what_a_folder_does(folder: StorePath, tmp_path: Path) -> None:
    for out in (folder, tmp_path):
        for name in ("a/one.json", "a/two.json", "a/two.txt", "a/b/three.json", "ab/four.json"):
            write_bytes(out / name, name.encode())
        assert (out / "a/one.json").read_bytes() == b"a/one.json"
        assert [path.name for path in sorted(out.glob("*/*.json"), key=str)] == ["one.json", "two.json", "four.json"]
        assert sorted(path.name for path in (out / "a").iterdir()) == ["b", "one.json", "two.json", "two.txt"]
        assert {name: state.st_size for name, state in states_in(out / "a").items()} == {"one.json": 10, "two.json": 10, "two.txt": 9}
        assert states_in(out / "nowhere") == {}
        path = out / "a/two.txt"
        assert (path.is_file(), path.is_dir(), path.exists()) == (True, False, True)
        assert ((out / "a").is_file(), (out / "a").is_dir(), (out / "a").exists()) == (False, True, True)
        assert ((out / "x").is_file(), (out / "x").is_dir(), (out / "x").exists()) == (False, False, False)
        assert (path.name, path.stem, path.suffix, path.parent.name) == ("two.txt", "two", ".txt", "a")
        assert str((out / "a/b/three.json").relative_to(out)) == "a/b/three.json"
        before = state_of(path)
        write_bytes(path, b"other one")
        assert state_of(path).st_size == before.st_size
        assert state_of(path).version != before.version
        path.unlink()
        path.unlink(missing_ok=True)
        for missing in (lambda path=path: path.read_bytes(), lambda path=path: state_of(path)):
            with pytest.raises(FileNotFoundError):
                missing()
        write_manifest(out / "m.json", {"b": 1})
        assert read_manifest(out / "m.json") == {"b": 1}
        with pytest.raises(InputError, match="no such manifest"):
            read_manifest(out / "n.json")
        write_bytes(out / "s.zst", encode_text_shard([{"id": "1"}, {"id": "2"}]))
        assert [document["id"] for document in read_text_shard(out / "s.zst")] == ["1", "2"]
        with pytest.raises(InputError, match="no such text shard"):
            list(read_text_shard(out / "t.zst"))
        write_bytes(out / "empty", b"")
        with open_binary(out / "empty") as handle:
            assert handle.read() == b""
        assert remove_temporaries(out) == 0


def test_a_big_file_is_read_in_windows(folder: StorePath, tmp_path: Path) -> None:
    content = os.urandom(WINDOW_BYTES + 12_345)
    (tmp_path / "big").write_bytes(content)
    (folder / "big").put(tmp_path / "big")
    assert file_digest(folder / "big", "sha256") == file_digest(tmp_path / "big", "sha256")
    with open_binary(folder / "big") as handle:
        assert handle.seek(-10, io.SEEK_END) == len(content) - 10
        assert handle.read() == content[-10:]
        assert (handle.seek(5), handle.read(7)) == (5, content[5:12])
    with open_binary(folder / "big", end=100) as handle:
        assert handle.read() == content[:100]
    found = readable(folder / "big")
    assert isinstance(found, io.BytesIO)
    assert found.read() == content
    assert readable(tmp_path / "big") == tmp_path / "big"
    version = state_of(folder / "big").version
    assert (folder / "big").read_range(3, 4, version) == content[3:7]
    (folder / "big").put(b"another")
    with pytest.raises(InputError, match=r"big: has changed since this run began to read it"):
        (folder / "big").read_range(3, 4, version)


def test_what_fails_and_is_cut_is_asked_for_again(object_store: str, bucket: str, tmp_path: Path) -> None:
    content = os.urandom(200_000)
    faults = Faults(error_share=0.1, cut_share=0.2, slow_share=0.1, requester_pays=frozenset({bucket}))
    with fault_proxy(object_store, faults) as proxy:
        out = place(proxy.url, bucket, is_requester_paying=True)
        names = [f"{number:02d}" for number in range(40)]
        for name in names:
            write_bytes(out / name, name.encode() + content)
        read = list(map_ahead(lambda name: (out / name).read_bytes(), names, out))
        assert read == [name.encode() + content for name in names]
        for name in names[:20]:
            with open_binary(out / name) as handle:
                assert handle.read() == name.encode() + content
        assert sorted(states_in(out)) == names
        assert proxy.seen["error"] >= 5
        assert proxy.seen["cut"] >= 5
        assert proxy.seen["slow"] >= 2
        with pytest.raises(InputError, match=r"access is denied \(AccessDenied.*give --requester-pays"):
            place(proxy.url, bucket).states()


def test_what_lasts_is_one_clear_line(object_store: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^s3://no-such-bucket/x: no such bucket \(NoSuchBucket") as wrong:
        place(object_store, "no-such-bucket/x").states()
    with pytest.raises(InputError, match="no such bucket"):
        (place(object_store, "no-such-bucket/x") / "file").read_bytes()
    with pytest.raises(InputError, match="no such bucket"):
        (place(object_store, "no-such-bucket/x") / "file").put(b"")
    with fault_proxy(object_store, Faults(denied=frozenset({bucket}))) as proxy:
        with pytest.raises(InputError, match=r"access is denied \(AccessDenied.*check the credentials") as denied:
            (place(proxy.url, bucket, is_requester_paying=True) / "file").put(b"x")
        assert "--requester-pays" not in str(denied.value)
    with fault_proxy(object_store, Faults(broken=frozenset({bucket}))) as proxy:
        with pytest.raises(InputError, match=r"does not answer as it should \(.*tried 2 times\)") as broken:
            (place(proxy.url, bucket, max_retries=1) / "file").read_bytes()
        assert proxy.seen["error"] == 2
    with pytest.raises(InputError, match=r"does not answer as it should"):
        (place("http://127.0.0.1:1", bucket, max_retries=0) / "file").read_bytes()
    for raised in (wrong, denied, broken):
        assert "\n" not in str(raised.value)
        assert SECRET not in str(raised.value)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(InputError, match="no credentials were found; set AWS_ACCESS_KEY_ID"):
        (place(object_store, bucket, max_retries=0) / "file").read_bytes()


def test_a_place_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    found = place_at("s3://bucket/folder/")
    assert isinstance(found, StorePath)
    assert str(found / "a") == "s3://bucket/folder/a"
    assert found.options.region == "eu-west-1"
    assert SECRET.encode() not in pickle.dumps(found)
    assert pickle.loads(pickle.dumps(found)) == found
    assert place_at("/some/where") == place_at("file:///some/where") == Path("/some/where")
    assert str(place_at("S3A://bucket")) == "s3://bucket"
    single = file_at("https://host/folder/file.json")
    assert isinstance(single, StorePath)
    assert (single.root, single.key, single.name) == ("https://host/folder", "file.json", "file.json")
    assert file_at("file.json") == Path("file.json")
    for wrong, message in {
        "ftp://host/x": "ftp://: not an object store",
        "https://user:secret@host/x": "https://host/x: a URI without user",
        "https://host/x?token=secret": "https://host/x: a URI without user, query",
        "s3://": "names no bucket",
    }.items():
        with pytest.raises(InputError, match=message) as refused:
            place_at(wrong)
        assert "secret" not in str(refused.value)
    for endpoint, message in {"https://user:secret@host": "a URL without user", "host:9000": "the URL of an S3 server is needed"}.items():
        with pytest.raises(InputError, match=message) as refused:
            StoreOptions(endpoint=endpoint)
        assert "secret" not in str(refused.value)
    with pytest.raises(InputError, match="names a bucket, a file in one is needed"):
        file_at("s3://bucket")


def test_temporary_files_of_a_store_go_to_the_scratch_folder(folder: StorePath, tmp_path: Path) -> None:
    with scratch_folder(folder, tmp_path / "scratch") as out:
        assert isinstance(out, StorePath)
        temporary = temporary_path(out / "books.parquet")
        assert temporary.is_relative_to(tmp_path / "scratch")
        temporary.write_bytes(b"content")
        commit_file(temporary, out / "books.parquet")
        assert not temporary.exists()
        temporary_path(out / "left").write_bytes(b"behind")
    assert (folder / "books.parquet").read_bytes() == b"content"
    assert list((tmp_path / "scratch").iterdir()) == []
    with scratch_folder(tmp_path) as unchanged:
        assert unchanged == tmp_path
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give another --scratch"), scratch_folder(folder, tmp_path / "file"):
        pass


def test_one_run_at_a_time_has_the_lease(folder: StorePath, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shards.lease.LEASE_SECONDS", 0.8)
    with only_run(folder) as require_lease:
        with pytest.raises(InputError, match=r"folder: another run is writing there \(process \d+ on .*\); wait for it"), only_run(folder):
            pass
        require_lease()
        with only_run(folder / "elsewhere"):
            pass
    assert "waiting 0.8 s to see whether that run lives" in capsys.readouterr().err
    assert not (folder / ".lease").is_file()
    # of one that was killed elsewhere: waited for, then taken over
    (folder / ".lease").put(b'{"host": "another", "process": 1, "run": "x", "renewal": 3}')
    with only_run(folder):
        pass
    # of one that was killed on this machine: taken over at once
    ended = subprocess.Popen([sys.executable, "-c", ""])
    gone = ended.pid
    assert ended.wait() == 0
    capsys.readouterr()
    (folder / ".lease").put(f'{{"host": "{socket.gethostname()}", "process": {gone}, "run": "x", "renewal": 3}}'.encode())
    with only_run(folder):
        pass
    assert "waiting" not in capsys.readouterr().err


def test_a_lost_lease_ends_the_run(folder: StorePath) -> None:
    place = folder / ".lease"
    stolen = threading.Event()

    def run() -> Iterator[None]:
        with hold_lease(place, 0.4) as require_lease:
            place.put(b'{"host": "another", "process": 1, "run": "y", "renewal": 1}')
            for _ in range(100):
                stolen.wait(0.05)
                require_lease()
            yield

    with pytest.raises(InputError, match="another run has taken over the lease"):
        list(run())
    assert b'"y"' in place.read_bytes()  # the other one's lease stays


def test_options_name_no_credentials() -> None:
    assert not any(word in name for name in StoreOptions.__slots__ for word in ("key", "secret", "token", "password"))
