import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shards.commit import (
    TEMPORARY_PREFIX,
    commit_file,
    local_folder,
    only_run,
    remove_temporaries,
    temporary_path,
    write_bytes,
)
from shards.errors import InputError

ROOT = Path(__file__).resolve().parent.parent.parent
DIES = """
import os, signal, sys
from pathlib import Path
from shards import commit

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

path, step, how = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
before_or_after = getattr(os, step.removeprefix("after-"))
setattr(os, step.removeprefix("after-"), die if not step.startswith("after-") else lambda *given: (before_or_after(*given), die()))
if how == "write":
    commit.write_bytes(path, b"new" * 100_000)
else:
    temporary = commit.temporary_path(path)
    temporary.write_bytes(b"new" * 100_000)
    commit.commit_file(temporary, path)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    write_bytes(path, b"one")
    write_bytes(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["file.json"]


def test_a_file_written_elsewhere_is_committed_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a" / "big.bin"
    first, second = temporary_path(path), temporary_path(path)
    assert first != second
    assert first.parent == path.parent
    assert first.name.startswith(TEMPORARY_PREFIX)
    first.write_bytes(b"content")
    commit_file(first, path)
    assert path.read_bytes() == b"content"
    assert names(path.parent) == ["big.bin"]


@pytest.mark.parametrize("how", ["write", "commit"])
@pytest.mark.parametrize(("step", "is_new"), [("fsync", False), ("after-fsync", False), ("replace", False), ("after-replace", True)])
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path, step: str, is_new: bool, how: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", DIES, str(path), step, how], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == (b"new" * 100_000 if is_new else b"old")
    left = [name for name in names(tmp_path) if name != "file"]
    assert all(name.startswith(TEMPORARY_PREFIX) for name in left)
    assert len(left) == (0 if is_new else 1)
    assert remove_temporaries(tmp_path) == len(left)
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_error_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_only_temporaries_are_removed(tmp_path: Path) -> None:
    kept = [tmp_path / "a.json", tmp_path / "sub" / "b.tmp-", tmp_path / "sub" / ".hidden"]
    left = [tmp_path / f"{TEMPORARY_PREFIX}1-a.json", tmp_path / "sub" / f"{TEMPORARY_PREFIX}2-b"]
    (tmp_path / "sub" / f"{TEMPORARY_PREFIX}folder").mkdir(parents=True)
    for path in kept + left:
        path.write_bytes(b"x")
    assert remove_temporaries(tmp_path) == len(left)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in left)
    assert remove_temporaries(tmp_path) == 0


def test_places(tmp_path: Path) -> None:
    assert local_folder(f"file://{tmp_path}/new") == tmp_path / "new"
    assert local_folder(tmp_path) == tmp_path
    assert not (tmp_path / "new").exists()
    with pytest.raises(InputError, match="s3://bucket/x: only local folders are supported by this command"):
        local_folder("s3://bucket/x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="is a file, a folder is needed"):
        local_folder(tmp_path / "file")


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with only_run(tmp_path / "out"):
        with pytest.raises(InputError, match="another run is writing there"), only_run(tmp_path / "out"):
            pass
        with only_run(tmp_path / "other"):
            pass
    with only_run(tmp_path / "out"):
        pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"), only_run(tmp_path / "file"):
        pass
