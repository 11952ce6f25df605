"""Joined token shards: every document once, in the order given; what does not belong together is refused."""

from pathlib import Path

import pytest

from shards.errors import InputError
from shards.manifest import read_manifest
from shards.token_shard import TokenShardReader
from tests.tools.small_corpus import numbered, write_corpus
from tools import inspect_tokens, merge_tokens, tokenize_shards, train_tokenizer

pytestmark = pytest.mark.usefixtures("ray_cluster")


def tokenise(folder: Path, name: str, files: dict[str, list[tuple[str, str]]], tokenizer: Path) -> Path:
    corpus = write_corpus(folder / f"corpus-{name}", files)
    tokenize_shards.main(["--corpus", str(corpus), "--tokenizer", str(tokenizer), "--out", str(folder / name)])
    return folder / name


@pytest.fixture(scope="module")
def parts(ray_cluster: None, tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("parts")
    one = {"math/train-00000": list(numbered(range(3))), "cs/train-00000": list(numbered(range(3, 5)))}
    other = {"math/train-00000": list(numbered(range(5, 9))), "math/validation-00000": list(numbered([9]))}
    return [tokenise(folder, "one", one, tokenizer_folder), tokenise(folder, "other", other, tokenizer_folder)]


def test_every_document_is_there_once_in_order(parts: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merge_tokens.main([str(parts[1]), str(parts[0]), "--out", str(tmp_path / "all")])
    manifest = read_manifest(tmp_path / "all" / "manifest.json")
    assert sorted(manifest["sets"]) == ["cs/train", "math/train", "math/validation"]
    assert manifest["corpus"]["documents"] == 10
    merged = TokenShardReader(tmp_path / "all" / "math" / "train")
    assert [record["id"] for record in merged.document_records()] == [f"2401.{seed:05d}" for seed in (5, 6, 7, 8, 0, 1, 2)]
    first = TokenShardReader(parts[0] / "math" / "train")
    assert [merged.document(4 + number).tolist() for number in range(3)] == [first.document(number).tolist() for number in range(3)]
    capsys.readouterr()
    assert inspect_tokens.main([str(tmp_path / "all"), "--verify"]) == 0
    assert capsys.readouterr().out.count("ok ") == 3


def test_a_document_in_two_folders_is_refused(parts: list[Path], tokenizer_folder: Path, tmp_path: Path) -> None:
    again = tokenise(tmp_path, "again", {"math/train-00000": list(numbered([2, 77]))}, tokenizer_folder)
    with pytest.raises(InputError, match=r"document 2401\.00002 is in"):
        merge_tokens.main([str(parts[0]), str(again), "--out", str(tmp_path / "all")])
    assert not (tmp_path / "all").exists()


def test_other_tokenizers_and_folders_are_refused(parts: list[Path], corpus_folder: Path, tmp_path: Path) -> None:
    train_tokenizer.main(["--corpus", str(corpus_folder), "--out", str(tmp_path / "tokenizer"), "--vocab-size", "512"])
    other = tokenise(tmp_path, "other", {"math/train-00000": list(numbered([50]))}, tmp_path / "tokenizer")
    with pytest.raises(InputError, match="different tokenizers"):
        merge_tokens.main([str(parts[0]), str(other), "--out", str(tmp_path / "all")])
    with pytest.raises(InputError, match="two or more folders"):
        merge_tokens.main([str(parts[0]), str(parts[0]), "--out", str(tmp_path / "all")])
    with pytest.raises(InputError, match="holds no token shards"):
        merge_tokens.main([str(parts[0]), str(corpus_folder), "--out", str(tmp_path / "all")])
    with pytest.raises(InputError, match="no such manifest"):
        merge_tokens.main([str(parts[0]), str(tmp_path / "missing"), "--out", str(tmp_path / "all")])
    assert not (tmp_path / "all").exists()
    with pytest.raises(InputError, match="is not empty"):
        merge_tokens.main([str(parts[0]), str(parts[1]), "--out", str(parts[1])])
