"""Token shards of a corpus: nothing lost, the same bytes whatever happened on the way, only what is new is encoded."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from shards.errors import InputError
from shards.manifest import read_manifest
from shards.token_cache import cached_folder
from shards.token_shard import TokenShardReader
from tests.object_stores import Faults, download, fault_proxy, make_bucket, place, upload, use_credentials
from tests.tools.small_corpus import numbered, sample_text, share_of_dollars, write_corpus
from tools import evaluate_tokenizer, token_units, tokenize_shards, train_tokenizer
from tools.corpus_folder import read_corpus, read_documents
from tools.fast_encoder import FastEncoder
from tools.tokenizer import LatexTokenizer

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.usefixtures("ray_cluster")

DOCUMENTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "math/train-00000": list(numbered(range(10))),
    "math/train-00003": list(numbered(range(10, 16))),
    "math/validation-00001": list(numbered(range(16, 20))),
    "cs/train-00000": [*numbered(range(20, 28)), ("2401.0001", ""), ("2401.0002", "▁ \\\\alpha\t")],
}


def tokenise(corpus: Path, tokenizer: Path, out: Path, *flags: str) -> dict[str, Any]:
    tokenize_shards.main(["--corpus", str(corpus), "--tokenizer", str(tokenizer), "--out", str(out), *flags])
    return read_manifest(out / "manifest.json")


def contents(out: Path) -> dict[str, bytes]:
    """Every file of an output but what only the run itself reads; the manifest without texmill's commit, which may move on meanwhile."""
    paths = sorted(path for path in out.rglob("*") if path.is_file() and not path.relative_to(out).parts[0].startswith("."))
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}
    if "manifest.json" in found:
        found["manifest.json"] = re.sub(rb'"commit": "[^"]*"', b"", found["manifest.json"])
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "corpus", DOCUMENTS)


@pytest.fixture(scope="module")
def tokens(ray_cluster: None, corpus: Path, tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Token shards of it; read only."""
    out = tmp_path_factory.mktemp("tokens") / "tokens"
    tokenise(corpus, tokenizer_folder / "tokenizer.model", out, "--plain", "--frame-bytes", "256")
    return out


def test_every_document_is_there_in_order_and_ends_once(tokens: Path, tokenizer: LatexTokenizer) -> None:
    expected: dict[str, list[tuple[str, str]]] = {}
    for name, documents in DOCUMENTS.items():
        expected.setdefault(name.rpartition("-")[0], []).extend(documents)
    assert sorted(read_manifest(tokens / "manifest.json")["sets"]) == sorted(expected)
    for name, documents in expected.items():
        reader = TokenShardReader(tokens / name)
        assert [(record["id"], record["text_bytes"], record["math_share"]) for record in reader.document_records()] == [
            (arxiv_id, len(text.encode()), share_of_dollars(text)) for arxiv_id, text in documents
        ]
        for number, (_, text) in enumerate(documents):
            *ids, last = reader.document(number).tolist()
            assert last == tokenizer.eod_id
            assert tokenizer.eod_id not in ids
            assert tokenizer.decode(ids) == text
        reader.verify()


def test_the_manifest_keeps_the_books(tokens: Path, corpus: Path, tokenizer: LatexTokenizer) -> None:
    manifest = read_manifest(tokens / "manifest.json")
    assert manifest["corpus"] == {
        "fingerprint": read_manifest(corpus / "manifest.json")["fingerprint"],
        "documents": sum(len(documents) for documents in DOCUMENTS.values()),
        "text_bytes": sum(len(text.encode()) for documents in DOCUMENTS.values() for _, text in documents),
    }
    assert manifest["tokenizer"] == {
        "file": "tokenizer.model",
        "sha256": tokenizer.sha256,
        "vocab_size": 640,
        "num_pieces": 640,
        "eod_id": 2,
    }
    assert (tokens / "tokenizer.model").read_bytes() == tokenizer.model
    for name, entry in manifest["sets"].items():
        reader = TokenShardReader(tokens / name)
        assert (entry["documents"], entry["tokens"], entry["dtype"]) == (len(reader), reader.num_tokens, "uint16")


@pytest.mark.filterwarnings("ignore")  # torch and megatron warn of themselves on import
def test_the_trainer_and_stock_megatron_read_them(tokens: Path) -> None:
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    from train.data import open_token_shards

    shards = open_token_shards(tokens)
    assert [(entry.domain, entry.split, entry.num_documents) for entry in shards.sets] == [
        ("cs", "train", 10),
        ("math", "train", 16),
        ("math", "validation", 4),
    ]
    assert shards.tokenizer_file.is_file()
    for entry in shards.sets:
        plain, ours = IndexedDataset(str(entry.prefix), mmap=True), TokenShardReader(entry.prefix)
        assert len(plain) == entry.num_documents
        assert [plain[number].tolist() for number in range(len(plain))] == [ours.document(number).tolist() for number in range(len(ours))]


def test_one_worker_and_two_give_the_same_bytes(corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path) -> None:
    tokenise(corpus, tokenizer_folder, tmp_path / "one", "--plain", "--frame-bytes", "256", "--num-workers", "1")
    found = contents(tmp_path / "one")
    assert found == contents(tokens)
    assert len(found) == 3 * 4 + 2


def test_again_does_nothing(
    corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tokens"
    shutil.copytree(tokens, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    monkeypatch.setattr("preprocess.ray_runner.run_units", lambda *_, **__: pytest.fail("nothing is to be run"))
    tokenise(corpus, tokenizer_folder, out, "--frame-bytes", "256")
    assert "nothing to do" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


class Stop(Exception):
    """Ends a run as a kill would, without the manifest."""


def test_a_run_that_was_stopped_anywhere_ends_with_the_same_bytes(
    corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = contents(tokens)
    num_stops = 0
    for steps in range(20):
        out = tmp_path / f"stopped-{steps}"
        left = [steps]

        def run_units(units: Sequence[dict[str, Any]], process: Any, *, num_workers: int, left: list[int] = left) -> Any:
            for row in units:
                if not left[0]:
                    raise Stop
                left[0] -= 1
                yield process(row)

        with monkeypatch.context() as patched:
            patched.setattr("preprocess.ray_runner.run_units", run_units)
            try:
                tokenise(corpus, tokenizer_folder, out, "--frame-bytes", "256", "--plain")
            except Stop:
                num_stops += 1
                assert not (out / "manifest.json").exists()
                (out / "math").mkdir(exist_ok=True)
                (out / "math" / ".tmp-0123-train.bin.zst").write_bytes(b"left by a kill")
                left[0] = 1000
                tokenise(corpus, tokenizer_folder, out, "--frame-bytes", "256", "--plain")
        assert contents(out) == whole
        if left[0] and left[0] < 100:
            break
    assert num_stops == 4 + 3  # four files to encode, three sets to merge


def test_an_increment_encodes_only_what_is_new(
    corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, grown = tmp_path / "tokens", tmp_path / "corpus"
    shutil.copytree(tokens, out)
    more = dict(DOCUMENTS)
    more["math/train-00003"] = [*numbered([11, 900]), *more["math/train-00003"][2:], ("2401.00003", sample_text(3))]
    more["physics/train-00001"] = list(numbered(range(40, 42)))
    del more["cs/train-00000"]
    write_corpus(grown, more)
    tokenise(grown, tokenizer_folder, out, "--frame-bytes", "256", "--plain")
    said = capsys.readouterr().err
    assert "another state of the corpus" in said
    assert "4 documents encoded, 5 taken from before" in said
    assert "cs/train: is of a domain or split that the corpus no longer has" in said
    tokenise(grown, tokenizer_folder, tmp_path / "anew", "--frame-bytes", "256", "--plain")
    assert contents(out) == contents(tmp_path / "anew")
    assert sorted(path.name for path in (out / ".units").glob("*/cs/*")) == []


def test_another_tokenizer_is_never_mixed_in(
    corpus: Path, tokens: Path, tmp_path: Path, tokenizer_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tokens"
    shutil.copytree(tokens, out)
    train_tokenizer.main(["--corpus", str(corpus), "--out", str(tmp_path / "other"), "--vocab-size", "512"])
    manifest = tokenise(corpus, tmp_path / "other", out, "--frame-bytes", "256")
    assert "another tokenizer" in capsys.readouterr().err
    assert manifest["tokenizer"]["vocab_size"] == 512
    tokenise(corpus, tmp_path / "other", tmp_path / "anew", "--frame-bytes", "256")
    assert contents(out) == contents(tmp_path / "anew")  # the plain files of the old tokens are gone
    assert len(list((out / ".units").iterdir())) == 1


def test_what_is_missing_or_cut_is_written_again(corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    shutil.copytree(tokens, out)
    (out / "math" / "train.bin.zst").write_bytes(b"cut")
    (out / "cs" / "train.idx").unlink()
    unit = next((out / ".units").glob("*/cs/train-00000.bin.zst"))
    unit.write_bytes(unit.read_bytes()[:-40])
    tokenise(corpus, tokenizer_folder, out, "--frame-bytes", "256", "--plain")
    assert contents(out) == contents(tokens)


def test_a_corpus_file_that_is_not_the_manifests_is_refused(corpus: Path, tokenizer_folder: Path, tmp_path: Path) -> None:
    changed = tmp_path / "corpus"
    shutil.copytree(corpus, changed)
    shutil.copyfile(changed / "math" / "train-00000.jsonl.zst", changed / "math" / "train-00003.jsonl.zst")
    with pytest.raises(InputError, match="is not the file that the corpus manifest lists"):
        tokenise(changed, tokenizer_folder, tmp_path / "tokens")
    assert not (tmp_path / "tokens" / "manifest.json").exists()


def test_counts_that_are_not_the_manifests_are_refused(corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path) -> None:
    wrong, out = tmp_path / "corpus", tmp_path / "tokens"
    shutil.copytree(corpus, wrong)
    shutil.copytree(tokens, out)
    manifest = read_manifest(corpus / "manifest.json")
    manifest["files"]["math/train-00000.jsonl.zst"]["text_bytes"] += 1
    (wrong / "manifest.json").write_text(json.dumps(manifest | {"fingerprint": "0" * 32}))
    with pytest.raises(InputError, match="where the corpus manifest has"):
        tokenise(wrong, tokenizer_folder, out, "--frame-bytes", "256")
    assert contents(out) == contents(tokens)  # what stood there is as it was


def test_a_unit_that_rots_is_named_and_encoded_anew(corpus: Path, tokenizer_folder: Path, tokens: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    shutil.copytree(tokens, out)
    unit = next((out / ".units").glob("*/cs/train-00000.bin.zst"))
    content = bytearray(unit.read_bytes())
    content[len(content) // 3] ^= 0xFF
    unit.write_bytes(content)
    (out / "cs" / "train.idx").unlink()
    with pytest.raises(InputError, match=r"^[^\n]*train-00000[^\n]*Run the same command again[^\n]*$"):
        tokenise(corpus, tokenizer_folder, out, "--frame-bytes", "256")
    tokenise(corpus, tokenizer_folder, out, "--frame-bytes", "256", "--plain")
    assert contents(out) == contents(tokens)


def test_a_tokenizer_that_loses_text_is_found_at_the_document(tokenizer: LatexTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = FastEncoder(tokenizer)
    monkeypatch.setattr(LatexTokenizer, "encode", lambda self, text: [self.eod_id + 2] * len(text))
    with pytest.raises(InputError, match=r"file: 2401\.1: the tokenizer loses text"):
        token_units.encode_document(encoder, "text", "file: 2401.1")


def test_a_corpus_on_a_store_gives_the_same_token_shards(
    corpus: Path, tokenizer_folder: Path, tokens: Path, object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "texts")
    upload(corpus, place(object_store, "texts/corpus"))
    on_store, on_disk = read_corpus("s3://texts/corpus", object_store), read_corpus(corpus)
    assert [(file.name, file.sha256) for file in on_store.files] == [(file.name, file.sha256) for file in on_disk.files]
    for one, other in zip(on_store.files, on_disk.files, strict=True):
        assert list(read_documents(one.path)) == list(read_documents(other.path))
    with fault_proxy(object_store, Faults(error_share=0.05, cut_share=0.05, public=frozenset({"texts"}))) as proxy:
        out = tmp_path / "tokens"
        flags = ["--tokenizer", str(tokenizer_folder / "tokenizer.model"), "--out", str(out), "--plain", "--frame-bytes", "256"]
        tokenize_shards.main(["--corpus", f"{proxy.url}/texts/corpus", *flags])  # over HTTP: the session's workers have no credentials
    assert contents(out) == contents(tokens)
    (place(object_store, "texts/corpus") / "cs/train-00000.jsonl.zst").unlink()
    with pytest.raises(InputError, match=r"s3://texts/corpus/cs/train-00000\.jsonl\.zst: is in the corpus manifest but not on disk"):
        read_corpus("s3://texts/corpus", object_store)


def test_an_output_on_a_store_has_the_same_bytes_wherever_the_run_was_stopped(
    corpus: Path,
    tokenizer_folder: Path,
    tokens: Path,
    object_store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "shards")
    left = [0]

    def run_units(units: Sequence[dict[str, Any]], process: Any, *, num_workers: int) -> Any:
        for row in units:  # in this process: the session's workers have no credentials
            if not left[0]:
                raise Stop
            left[0] -= 1
            yield process(row)

    monkeypatch.setattr("preprocess.ray_runner.run_units", run_units)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    flags = ["--corpus", str(corpus), "--tokenizer", str(tokenizer_folder), "--plain", "--frame-bytes", "256", "--endpoint", object_store]
    with pytest.raises(InputError, match="HTTP folder can only be read"):
        tokenize_shards.main([*flags, "--out", f"{object_store}/shards/tokens"])
    num_stops = 0
    for steps in (1, 4, 5, 1000):
        left[0] = steps
        out = f"s3://shards/stopped-{min(steps, 5)}"
        try:
            tokenize_shards.main([*flags, "--out", out])
        except Stop:
            num_stops += 1
            assert not (place(object_store, out.removeprefix("s3://")) / "manifest.json").exists()
            left[0] = 1000
            tokenize_shards.main([*flags, "--out", out])
        found = contents(download(place(object_store, out.removeprefix("s3://")), tmp_path / f"got-{steps}"))
        assert found == contents(tokens), steps
    assert num_stops == 3
    assert "nothing to do" in capsys.readouterr().err  # the last, which found what the one before had finished
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("got-")] == []
    # another tokenizer: nothing of the old one stays
    to_store = ["--corpus", str(corpus), "--out", "s3://shards/other", "--endpoint", object_store]
    train_tokenizer.main([*to_store, "--vocab-size", "512"])
    tokenize_shards.main([*flags, "--tokenizer", "s3://shards/other", "--out", "s3://shards/stopped-1"])
    evaluate_tokenizer.main([*to_store, "--tokenizer", str(tokenizer_folder)])
    assert (place(object_store, "shards/other") / "tokenizer_report.html").is_file()
    kept = {str(path) for path in place(object_store, "shards/stopped-1").glob(".units/*/*")}
    assert len(kept) == 1
    reader = cached_folder(place(object_store, "shards/stopped-1"), tmp_path / "cache")
    assert len(TokenShardReader(reader / "math/train")) == 16


def test_a_large_vocabulary_is_int32(corpus: Path, tokenizer: LatexTokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LatexTokenizer, "vocab_size", property(lambda self: 70_016))
    monkeypatch.setattr(token_units, "_load_encoder", lambda path, sha256: FastEncoder(tokenizer))
    file = read_corpus(corpus).files[0]
    for row in token_units.encode_rows(tmp_path / "units", [file], tokenizer.sha256):
        token_units.encode_unit(row)
    reader = TokenShardReader(tmp_path / "units" / file.name)
    assert reader.dtype.name == "int32"
    assert tokenizer.decode(reader.document(0).tolist()) == DOCUMENTS["cs/train-00000"][0][1]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--corpus", "no/such/folder"], "no such folder"),
        (["--tokenizer", "no/such/file"], "no such tokenizer"),
        (["--tokenizer", "README.md"], "is no SentencePiece model"),
        (["--num-workers", "0"], "at least 1"),
        (["--level", "23"], "a zstd level from 1"),
        (["--frame-bytes", "0"], "whole ids"),
        (["--frame-bytes", "66"], "whole ids"),
        (["--out", "ftp://bucket/x"], "not an object store that is known"),
    ],
)
def test_bad_input_is_said_and_leaves_nothing(corpus: Path, tokenizer_folder: Path, tmp_path: Path, flags: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        tokenise(corpus, tokenizer_folder, tmp_path / "tokens", *flags)
    assert list(tmp_path.iterdir()) == []


def test_the_output_of_another_command_is_left_alone(corpus: Path, tokenizer_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "corpus"
    shutil.copytree(corpus, other)
    before = (other / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="output of another command"):
        tokenise(corpus, tokenizer_folder, other)
    assert (other / "manifest.json").read_bytes() == before


def test_more_workers_than_the_cluster_has_are_refused(corpus: Path, tokenizer_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lower --num-workers"):
        tokenise(corpus, tokenizer_folder, tmp_path / "tokens", "--num-workers", "64")
    assert not (tmp_path / "tokens" / "manifest.json").exists()


def test_the_command_line_answers_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.tokenize_shards", "--corpus", "no/such", "--tokenizer", "x", "--out", str(tmp_path / "t")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "t").exists()
