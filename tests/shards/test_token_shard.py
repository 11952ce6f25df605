"""Token shards against the libraries that define their formats: Megatron's index, zstd's seekable format, plain zstd."""

import itertools
import multiprocessing
import os
import pickle
import random
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import pyzstd
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from shards.errors import InputError
from shards.token_shard import (
    FRAME_BYTES,
    DamagedFrameError,
    SeekableReader,
    SeekableWriter,
    TokenShardReader,
    TokenShardWriter,
    encode_index,
    optimal_dtype,
    write_plain_bin,
)


def write_seekable(path: Path, content: bytes, frame_bytes: int = FRAME_BYTES) -> bytes:
    with open(path, "wb") as handle:
        writer = SeekableWriter(handle, frame_bytes=frame_bytes)
        writer.write(content)
        writer.finish()
    return content


def write_documents(prefix: Path, documents: list[list[int]], vocab_size: int = 300, frame_bytes: int = 64) -> None:
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with TokenShardWriter(prefix, vocab_size=vocab_size, frame_bytes=frame_bytes) as writer:
        for number, tokens in enumerate(documents):
            writer.add_document(tokens, f"2401.{number:05d}", text_bytes=3 * len(tokens))


DOCUMENTS = [[5, 6, 7, 2], [9, 2], [2], [*range(100, 250), 2], [3] * 99 + [2]]


def test_dtype_follows_megatrons_rule():
    assert [optimal_dtype(size).name for size in (1, 32000, 65499, 65500, 102400)] == ["uint16", "uint16", "uint16", "int32", "int32"]


def test_index_is_megatrons_byte_for_byte(tmp_path):
    write_documents(tmp_path / "train", [[5, 6, 2], [2]])
    expected = (
        b"MMIDIDX\0\0"
        + struct.pack("<QBQQ", 1, 8, 2, 3)
        + struct.pack("<2i", 3, 1)  # lengths
        + struct.pack("<2q", 0, 6)  # byte offsets
        + struct.pack("<3q", 0, 1, 2)  # documents end after these sequences
    )
    assert (tmp_path / "train.idx").read_bytes() == expected
    assert encode_index(np.dtype("int32"), [3, 1])[17] == 4
    assert struct.unpack("<2q", encode_index(np.dtype("int32"), [3, 1])[42:58]) == (0, 12)


@pytest.mark.filterwarnings("ignore")  # torch and megatron warn of themselves on import
@pytest.mark.parametrize("vocab_size", [300, 70_000])
def test_stock_megatron_reads_the_plain_bin(tmp_path, vocab_size):
    import torch
    from megatron.core.datasets import indexed_dataset

    write_documents(tmp_path / "ours", DOCUMENTS, vocab_size)
    write_plain_bin(tmp_path / "ours")

    theirs = indexed_dataset.IndexedDatasetBuilder(str(tmp_path / "theirs.bin"), dtype=indexed_dataset.DType.optimal_dtype(vocab_size))
    for tokens in DOCUMENTS:
        theirs.add_document(torch.tensor(tokens), [len(tokens)])
    theirs.finalize(str(tmp_path / "theirs.idx"))
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "theirs.bin").read_bytes()
    assert (tmp_path / "ours.idx").read_bytes() == (tmp_path / "theirs.idx").read_bytes()

    dataset = indexed_dataset.IndexedDataset(str(tmp_path / "ours"), mmap=True)
    assert [dataset[number].tolist() for number in range(len(dataset))] == DOCUMENTS


def test_other_zstd_readers_read_it(tmp_path):
    content = write_seekable(tmp_path / "x.zst", os.urandom(1000) + bytes(100_000), frame_bytes=4096)
    with pyzstd.SeekableZstdFile(tmp_path / "x.zst", "r") as handle:
        handle.seek(990)
        assert handle.read(5000) == content[990:5990]
    assert pyzstd.decompress((tmp_path / "x.zst").read_bytes()) == content  # what `zstd -d` gives


def test_frames_of_another_writer_are_read(tmp_path):
    content = random.Random(1).randbytes(30_000)
    with pyzstd.SeekableZstdFile(tmp_path / "x.zst", "w", max_frame_content_size=2048) as handle:
        for start in range(0, len(content), 1111):
            handle.write(content[start : start + 1111])
            if start % 3 == 0:
                handle.flush(handle.FLUSH_FRAME)  # frames of several lengths
    reader = SeekableReader(tmp_path / "x.zst")
    assert reader.read(0, reader.size) == content
    assert reader.read(12_345, 4321) == content[12_345 : 12_345 + 4321]


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=600), frame_bytes=st.integers(1, 200), cuts=st.lists(st.integers(0, 600), max_size=5), ask=st.data())
def test_every_range_reads_as_from_the_plain_bytes(tmp_path_factory, content, frame_bytes, cuts, ask):
    path = tmp_path_factory.mktemp("seekable") / "x.zst"
    with open(path, "wb") as handle:
        writer = SeekableWriter(handle, frame_bytes=frame_bytes)
        edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
        for start, end in itertools.pairwise(edges):
            writer.write(content[start:end])
        writer.finish()
    reader = SeekableReader(path, cache_frames=2)
    assert reader.size == len(content)
    assert reader.num_frames == -(-len(content) // frame_bytes)
    for _ in range(5):
        offset = ask.draw(st.integers(0, len(content)))
        size = ask.draw(st.integers(0, len(content) - offset))
        assert reader.read(offset, size) == content[offset : offset + size]
    with pytest.raises(ValueError, match="the file holds"):
        reader.read(len(content), 1)
    reader.close()


@settings(max_examples=40, deadline=None)
@given(documents=st.lists(st.lists(st.integers(0, 299), min_size=1, max_size=80), max_size=12))
def test_documents_come_back(tmp_path_factory, documents):
    prefix = tmp_path_factory.mktemp("tokens") / "math" / "train"
    write_documents(prefix, documents)
    reader = TokenShardReader(prefix)
    assert [reader.document(number).tolist() for number in range(len(reader))] == documents
    assert reader.num_tokens == sum(map(len, documents))
    records = [(record["id"], record["text_bytes"]) for record in reader.document_records()]
    assert records == [(f"2401.{number:05d}", 3 * len(tokens)) for number, tokens in enumerate(documents)]
    reader.verify()


def test_bytes_depend_on_the_documents_alone(tmp_path):
    for folder in ("a", "b"):
        write_documents(tmp_path / folder / "train", DOCUMENTS)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["train.bin.zst", "train.ids.jsonl.zst", "train.idx"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)


def test_an_exception_leaves_what_was_there(tmp_path):
    write_documents(tmp_path / "train", DOCUMENTS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"document 2401\.00001: ids 2 to 300"):
        write_documents(tmp_path / "train", [[1, 2], [300, 2]])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("tokens", [[300], [-1], [], [[1, 2]], [1.5]])
def test_ids_outside_the_vocabulary_are_refused(tmp_path, tokens):
    writer = TokenShardWriter(tmp_path / "train", vocab_size=300)
    with pytest.raises(ValueError, match="document x"):
        writer.add_document(tokens, "x", text_bytes=1)
    writer.discard()
    assert not list(tmp_path.iterdir())


def _sum_of_reads(reader: SeekableReader, seed: int) -> int:
    order = random.Random(seed)
    return sum(sum(reader.read(order.randrange(reader.size - 300), 300)) for _ in range(300))


def _child(reader: SeekableReader, results: "multiprocessing.Queue[int]") -> None:
    results.put(_sum_of_reads(reader, 7))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_forked_and_spawned_workers_read_the_same(tmp_path, method):
    write_seekable(tmp_path / "x.zst", random.Random(2).randbytes(100_000), 1024)
    reader = SeekableReader(tmp_path / "x.zst", cache_frames=4)
    expected = _sum_of_reads(reader, 7)
    reader._cache._lock.acquire()  # as if another thread were reading at the moment of the fork
    context = multiprocessing.get_context(method)
    results = context.Queue()
    children = [context.Process(target=_child, args=(reader, results)) for _ in range(2)]
    for child in children:
        child.start()
    assert [results.get(timeout=60) for _ in children] == [expected] * 2
    for child in children:
        child.join()


def test_threads_read_the_same(tmp_path):
    write_seekable(tmp_path / "x.zst", random.Random(3).randbytes(100_000), 1024)
    reader = SeekableReader(tmp_path / "x.zst", cache_frames=3)
    expected = [_sum_of_reads(reader, seed) for seed in range(6)]
    found = [0] * 6
    threads = [threading.Thread(target=lambda n=n: found.__setitem__(n, _sum_of_reads(reader, n))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_readers_pickle(tmp_path):
    write_documents(tmp_path / "train", DOCUMENTS)
    reader = pickle.loads(pickle.dumps(TokenShardReader(tmp_path / "train")))
    assert reader.document(3).tolist() == DOCUMENTS[3]


def test_the_cache_is_bounded_and_used(tmp_path):
    write_seekable(tmp_path / "x.zst", bytes(range(256)) * 40, 256)
    reader = SeekableReader(tmp_path / "x.zst", cache_frames=3)
    for offset in range(0, reader.size, 256):
        reader.read(offset, 10)
    assert list(reader._cache._frames) == [37, 38, 39]
    os.truncate(tmp_path / "x.zst", 0)
    assert reader.read(38 * 256, 4) == bytes(range(4))


def damage(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x20
    path.write_bytes(content)


def test_damage_names_file_frame_and_document(tmp_path):
    order = random.Random(4)
    random_ids = [order.randrange(300) for _ in range(400)]
    write_documents(tmp_path / "train", [random_ids[:100], random_ids[100:200], random_ids[200:]], frame_bytes=128)
    packed_starts = SeekableReader(tmp_path / "train.bin.zst")._packed_starts
    damage(tmp_path / "train.bin.zst", int(packed_starts[2]) + 40)
    reader = TokenShardReader(tmp_path / "train")
    assert reader.document(0).tolist() == random_ids[:100]
    with pytest.raises(DamagedFrameError, match=r"train\.bin\.zst: frame 2 \(bytes 256 to 384 of the plain \.bin, document 1\)") as caught:
        reader.document(1)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    with pytest.raises(DamagedFrameError, match=r"frame 2 .*, documents 1 to 1"):
        reader.verify()


def test_any_damaged_byte_is_noticed(tmp_path):
    content = random.Random(5).randbytes(700)
    write_seekable(tmp_path / "whole.zst", content, 256)
    packed = (tmp_path / "whole.zst").read_bytes()
    num_noticed = 0
    for position in range(len(packed)):
        for bit in (0x01, 0x40):
            (tmp_path / "x.zst").write_bytes(packed[:position] + bytes([packed[position] ^ bit]) + packed[position + 1 :])
            try:
                reader = SeekableReader(tmp_path / "x.zst")
                found = reader.read(0, min(reader.size, 700))
            except (InputError, ValueError):
                num_noticed += 1
            else:
                assert found == content, position  # bits that the formats leave unused
    assert num_noticed > 1.9 * len(packed)


@pytest.mark.parametrize("keep", [0, 5, 100, -1, -20])
def test_cut_files_are_refused_in_a_line(tmp_path, keep):
    write_documents(tmp_path / "train", DOCUMENTS)
    path = tmp_path / "train.bin.zst"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"train\.bin\.zst: .*tokenise again"):
        TokenShardReader(tmp_path / "train")


def test_other_files_are_refused_in_a_line(tmp_path):
    write_documents(tmp_path / "train", DOCUMENTS)
    with pytest.raises(InputError, match=r"no such index of token shards"):
        TokenShardReader(tmp_path / "validation")
    (tmp_path / "train.idx").write_bytes((tmp_path / "train.idx").read_bytes()[:-8])
    with pytest.raises(InputError, match="not an index of token ids, or cut"):
        TokenShardReader(tmp_path / "train")
    (tmp_path / "train.idx").write_bytes(encode_index(np.dtype("uint16"), [7]))
    with pytest.raises(InputError, match="of different runs"):
        TokenShardReader(tmp_path / "train")
    (tmp_path / "train.idx").write_bytes(zstandard.compress(b"x" * 100))
    with pytest.raises(InputError, match="is no Megatron index"):
        TokenShardReader(tmp_path / "train")
    (tmp_path / "train.idx").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as an index"):
        TokenShardReader(tmp_path / "train")
