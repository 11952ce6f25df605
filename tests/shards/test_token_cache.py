"""Token shards of a store through a folder of this machine: the same bytes as from a disk, each block asked for once."""

import os
import pickle
import random
import warnings
from pathlib import Path

import pytest

from shards import token_cache
from shards.errors import InputError
from shards.token_cache import cached_folder
from shards.token_shard import TokenShardReader
from tests.object_stores import Faults, Proxy, fault_proxy, make_bucket, place, upload, use_credentials
from tests.train.token_folder import write_token_folder

BLOCK_BYTES = 500


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Token shards on the disk, of many blocks."""
    use_credentials(monkeypatch)
    monkeypatch.setattr(token_cache, "BLOCK_BYTES", BLOCK_BYTES)
    return write_token_folder(tmp_path / "tokens")


def num_reads(proxy: Proxy) -> int:
    return sum(path.endswith(".bin.zst") for path in proxy.bytes_sent)


def test_shards_are_read_at_random_and_once(shards: Path, object_store: str, tmp_path: Path) -> None:
    make_bucket(object_store, "tokens")
    upload(shards, place(object_store, "tokens/t"))
    on_disk = TokenShardReader(shards / "math/train")
    numbers = random.Random(1).choices(range(len(on_disk)), k=40)
    with fault_proxy(object_store, Faults(error_share=0.1, cut_share=0.1)) as proxy:
        folder = cached_folder(place(proxy.url, "tokens/t"), tmp_path / "cache")
        assert (folder / "manifest.json").read_bytes() == (shards / "manifest.json").read_bytes()
        assert (folder / "tokenizer.model").is_file()
        assert not (folder / "math/train.bin.zst").exists()
        reader = TokenShardReader(folder / "math/train", cache_frames=1)
        for number in numbers:
            assert reader.document(number).tolist() == on_disk.document(number).tolist()
        reader.verify()
        assert [record["id"] for record in reader.document_records()] == [record["id"] for record in on_disk.document_records()]
        num_blocks = -(-(shards / "math/train.bin.zst").stat().st_size // BLOCK_BYTES)
        assert len(list((folder / "math/train.bin.zst.blocks").iterdir())) == num_blocks > 5
        # everything is here: no more requests, in this process, in one that unpickles it, in a child
        proxy.bytes_sent.clear()
        again = pickle.loads(pickle.dumps(reader))
        assert [again.document(number).tolist() for number in numbers] == [on_disk.document(number).tolist() for number in numbers]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: of a fork while the proxy's threads run
            child = os.fork()
        if not child:
            os._exit(0 if reader.document(3).tolist() == on_disk.document(3).tolist() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert num_reads(proxy) == 0
        # a block that a machine's death has cut is fetched again
        (folder / "math/train.bin.zst.blocks/00000002").write_bytes(b"")
        TokenShardReader(folder / "math/train").verify()
        assert num_reads(proxy) == 1


def test_other_shards_leave_nothing_of_the_old_ones(shards: Path, object_store: str, tmp_path: Path) -> None:
    make_bucket(object_store, "changes")
    there = place(object_store, "changes/t")
    upload(shards, there)
    folder = cached_folder(there, tmp_path / "cache")
    old = TokenShardReader(folder / "math/train")
    first = old.document(0).tolist()
    assert cached_folder(there, tmp_path / "cache") == folder
    assert (folder / "math/train.bin.zst.blocks").is_dir()
    upload(write_token_folder(tmp_path / "others", seed=2, num_documents={"math": 50}), there)
    with pytest.raises(InputError, match=r"train\.bin\.zst: has changed since this run began to read it"):
        old.verify()
    assert cached_folder(there, tmp_path / "cache") == folder
    new = TokenShardReader(folder / "math/train")
    assert (len(new), new.document(0).tolist() == first) == (50, False)
    assert new.document(7).tolist() == TokenShardReader(tmp_path / "others/math/train").document(7).tolist()


def test_what_is_no_folder_of_token_shards_is_one_line(shards: Path, object_store: str, tmp_path: Path) -> None:
    make_bucket(object_store, "empty")
    there = place(object_store, "empty/t")
    assert cached_folder(shards, None) == shards
    with pytest.raises(InputError, match=r"s3://empty/t: token shards of a store are read through a folder .*; give --data-cache DIR"):
        cached_folder(there, None)
    with pytest.raises(InputError, match=r"s3://empty/t/manifest\.json: no such file; --data takes the folder"):
        cached_folder(there, tmp_path / "cache")
    (there / "manifest.json").put(b"[]")
    with pytest.raises(InputError, match=r"s3://empty/t/manifest\.json: is not a token shard manifest"):
        cached_folder(there, tmp_path / "cache")
