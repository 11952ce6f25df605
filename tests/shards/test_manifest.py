import subprocess
from pathlib import Path

import pytest

import shards.manifest
from shards.errors import InputError
from shards.manifest import read_manifest, source_commit, write_manifest

GIT = ("git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")


def test_a_manifest_comes_back_as_it_was_and_reads_well(tmp_path: Path) -> None:
    content = {"b": [1, 2.5, None], "a": {"é": True}}
    write_manifest(tmp_path / "units" / "one.json", content)
    assert read_manifest(tmp_path / "units" / "one.json") == content
    written = (tmp_path / "units" / "one.json").read_text()
    assert written.startswith('{\n "a": {\n  "é": true')
    assert written.endswith("}\n")
    write_manifest(tmp_path / "two.json", dict(reversed(content.items())))
    assert (tmp_path / "two.json").read_text() == written


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"run\.json: no such manifest; is this the folder of a finished run\?"),
        (b'{"half": ', r"run\.json: cannot be read as JSON \(.*\); remove it and run the command that made it again"),
        (b'{"a": "\xff"}', "cannot be read as JSON"),
        (b"", "cannot be read as JSON"),
        (b"[1]", "a JSON object is needed, found list"),
    ],
)
def test_what_is_no_manifest_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_manifest(tmp_path / "run.json")
    assert "\n" not in str(error.value)


def test_a_folder_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_manifest(tmp_path)


def test_the_commit_is_that_of_the_program_and_says_where_it_was_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shards").mkdir()
    monkeypatch.setattr(shards.manifest, "__file__", str(tmp_path / "shards" / "manifest.py"))
    assert source_commit() == "unknown"
    tracked = tmp_path / "shards" / "manifest.py"
    tracked.write_text("one\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "m"]):
        subprocess.run([*GIT, *command], cwd=tmp_path, check=True)
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / "untracked").write_text("an output\n")
    assert source_commit() == head
    tracked.write_text("two\n")
    assert source_commit() == f"{head}+changes"
