import contextlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from shards.errors import InputError
from shards.text_shard import DOCUMENTS_PER_FRAME, encode_text_shard, read_text_shard

TEXT = st.text(st.characters(codec="utf-8"))
DOCUMENTS = st.lists(
    st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.none() | st.lists(TEXT, max_size=3), max_size=5), max_size=40
)


def some_documents(num_documents: int) -> list[dict[str, Any]]:
    return [{"id": f"2401.{number:05d}", "text": f"$x_{{{number}}}$ é\n\n" * number} for number in range(num_documents)]


@settings(deadline=None)
@given(DOCUMENTS)
def test_documents_come_back_in_order(tmp_path_factory: pytest.TempPathFactory, documents: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("shard") / "a.jsonl.zst"
    path.write_bytes(encode_text_shard(documents))
    assert list(read_text_shard(path)) == documents


def test_bytes_depend_on_the_documents_alone() -> None:
    documents = some_documents(40)
    again = [dict(reversed(document.items())) for document in documents]
    assert encode_text_shard(iter(documents)) == encode_text_shard(again)
    assert encode_text_shard(documents) != encode_text_shard(documents[::-1])


def test_frames_are_independent_and_checked() -> None:
    documents = some_documents(2 * DOCUMENTS_PER_FRAME + 3)
    content, counts = encode_text_shard(documents), []
    while content:
        assert zstandard.get_frame_parameters(content).has_checksum
        frame = zstandard.ZstdDecompressor().decompressobj()
        counts.append(frame.decompress(content).count(b"\n"))
        content = frame.unused_data
    assert counts == [DOCUMENTS_PER_FRAME, DOCUMENTS_PER_FRAME, 3]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd command")
def test_the_zstd_command_opens_it(tmp_path: Path) -> None:
    documents = some_documents(20)
    (tmp_path / "a.jsonl.zst").write_bytes(encode_text_shard(documents))
    done = subprocess.run(["zstd", "-dc", "a.jsonl.zst"], cwd=tmp_path, capture_output=True, check=True)
    assert [json.loads(line) for line in done.stdout.decode().splitlines()] == documents


def test_shards_of_other_writers_are_read(tmp_path: Path) -> None:
    documents = some_documents(400)
    lines = "\n".join(json.dumps(document) for document in documents)  # one frame, no line end at the end
    (tmp_path / "a.zst").write_bytes(zstandard.ZstdCompressor(level=1).compress(lines.encode()))
    assert list(read_text_shard(tmp_path / "a.zst")) == documents


def test_no_documents_are_a_shard_too(tmp_path: Path) -> None:
    (tmp_path / "a.zst").write_bytes(encode_text_shard([]))
    assert list(read_text_shard(tmp_path / "a.zst")) == []


def compressed(text: str) -> bytes:
    return zstandard.ZstdCompressor().compress(text.encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such text shard"),
        (b"", "after line 0: the file ends inside a zstd frame"),
        (b"plain text, no zstd", "after line 0: not a zstd JSON-lines shard"),
        (compressed('{"id": 1}\nnot json\n'), r"line 2: not JSON \("),
        (compressed('{"id": 1}\n[2]\n'), "line 2: a JSON object is needed, found list"),
        (encode_text_shard(some_documents(20)) + b"more", "after line .*: not a zstd JSON-lines shard"),
    ],
)
def test_what_is_no_shard_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.jsonl.zst"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        list(read_text_shard(path))
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_folder_is_no_shard(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_text_shard(tmp_path))


def test_a_cut_shard_never_passes_for_a_shorter_one(tmp_path: Path) -> None:
    content = encode_text_shard(some_documents(DOCUMENTS_PER_FRAME + 4))
    path = tmp_path / "a.jsonl.zst"
    accepted = []
    for num_bytes in range(len(content)):
        path.write_bytes(content[:num_bytes])
        with contextlib.suppress(InputError):
            accepted.append(len(list(read_text_shard(path))))
    assert accepted == [DOCUMENTS_PER_FRAME]  # cut between its two frames, which only the manifest's byte count tells


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    content = bytearray(encode_text_shard(some_documents(30)))
    content[len(content) // 2] ^= 4
    (tmp_path / "a.zst").write_bytes(content)
    with pytest.raises(InputError, match=r"not a zstd JSON-lines shard|ends inside"):
        list(read_text_shard(tmp_path / "a.zst"))
