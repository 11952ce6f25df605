import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import preprocess.corpus.build as build
from preprocess.config import Config, CorpusConfig
from preprocess.corpus.buckets import write_files
from preprocess.corpus.build import build_corpus
from preprocess.corpus.files import corpus_files
from preprocess.corpus.records import ConservationError
from preprocess.corpus.split import bucket_order
from shards.commit import TEMPORARY_PREFIX
from shards.errors import InputError
from shards.text_shard import read_text_shard
from tests.preprocess.run_folder import Paper, metadata_line, words, write_metadata, write_unit

BY = "http://creativecommons.org/licenses/by/4.0/"


def config(**fields: Any) -> Config:
    return Config(corpus=CorpusConfig(**({"bucket_bits": 2, "validation_share": 0.2} | fields)))


def numbered(month: str, num_papers: int) -> list[Paper]:
    return [Paper(arxiv_id=f"{month}.{number:05d}", text=words(f"{month}x{number}")) for number in range(num_papers)]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two tars of 20 good papers each, and a third with one case of each rejection."""
    folder = tmp_path / "out"
    first, second = numbered("9912", 20), numbered("2001", 20)
    write_unit(folder, "arXiv_src_9912_001.tar", first)
    write_unit(folder, "arXiv_src_2001_001.tar", second)
    odd = [
        Paper(arxiv_id="2002.00001", text=words("a")),  # no metadata
        Paper(arxiv_id="2002.00002", text=words("b")),  # withdrawn
        Paper(arxiv_id="2002.00003", text=words("c")),  # q-bio
        Paper(arxiv_id="2002.00004", text=words("d"), language="de"),
        Paper(arxiv_id="2002.00005", text="short"),
        Paper(arxiv_id="2001.00003", text=words("newer")),  # packed again
        Paper(arxiv_id="2002.00006", text=second[4].text),  # same text as 2001.00004
        Paper(arxiv_id="2002.00007", reason="pdf_only"),
        Paper(arxiv_id="2002.00008", text=words("e")),
    ]
    write_unit(folder, "arXiv_src_2002_001.tar", odd)
    lines = [metadata_line(paper.arxiv_id, "cs.LG" if index % 3 else "hep-th") for index, paper in enumerate(first + second)]
    lines += [metadata_line(f"2002.0000{number}", created="Mon, 3 Feb 2020 00:00:00 GMT") for number in range(4, 9)]
    lines += [metadata_line("2002.00002", comments="Withdrawn by the author"), metadata_line("2002.00003", "q-bio.GN physics.optics")]
    lines += [metadata_line("gr-qc/9405001", "gr-qc"), metadata_line("2002.00099", comments="withdrawn")]
    write_metadata(folder, lines)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def documents(out: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in corpus_files(out):
        for document in read_text_shard(file.path):
            yield f"{file.domain}/{file.split}", document


def decisions(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["id"], row["tar"]): row for row in pq.read_table(out / "corpus" / "decisions.parquet").to_pylist()}


def test_every_document_is_decided_and_every_kept_one_written_once(out: Path) -> None:
    summary = build_corpus(out, config())
    assert (summary.num_documents, summary.num_kept) == (48, 41)
    assert summary.rejections == {
        "category": 1,
        "duplicate": 1,
        "language": 1,
        "no_metadata": 1,
        "older_version": 1,
        "too_short": 1,
        "withdrawn": 1,
    }
    assert summary.num_kept + sum(summary.rejections.values()) == summary.num_documents
    rows = decisions(out)
    assert len(rows) == 48
    assert rows["2001.00003", "arXiv_src_2001_001.tar"]["reason"] == "older_version"
    assert rows["2001.00003", "arXiv_src_2002_001.tar"]["outcome"] == "kept"
    assert rows["2002.00006", "arXiv_src_2002_001.tar"]["detail"] == "same text as 2001.00004"
    written = list(documents(out))
    assert Counter(document["id"] for _, document in written) == Counter(row["id"] for row in rows.values() if row["outcome"] == "kept")
    assert {place.split("/")[0] for place, _ in written} == {"cs", "math", "physics"}
    for place, document in written:
        row = next(row for row in rows.values() if row["id"] == document["id"] and row["outcome"] == "kept")
        assert place == f"{row['domain']}/{row['split']}"
        assert hashlib.sha256(document["text"].encode()).hexdigest() == row["text_sha256"]
    newer = next(document for _, document in written if document["id"] == "2001.00003")
    assert newer["text"] == words("newer")


def test_limits_of_quality_read_the_ledger(tmp_path: Path) -> None:
    out = tmp_path / "out"
    papers = [
        Paper(arxiv_id="2001.00001", text=words("a"), quality={"control_words_per_kb": 9.0}),
        Paper(arxiv_id="2001.00002", text=words("b"), math_share=0.95),
        Paper(arxiv_id="2001.00003", text=words("c")),
    ]
    write_unit(out, "arXiv_src_2001_001.tar", papers)
    write_metadata(out, [metadata_line(paper.arxiv_id) for paper in papers])
    assert build_corpus(out, config()).rejections == {}
    limits = (("control_words_per_kb", 0.0, 5.0), ("math_share", 0.0, 0.9))
    assert build_corpus(out, config(quality_limits=limits)).rejections == {"quality": 2}
    details = {row["id"]: row["detail"] for row in decisions(out).values()}
    assert details == {
        "2001.00001": "control_words_per_kb 9, wanted 0 to 5",
        "2001.00002": "math_share 0.95, wanted 0 to 0.9",
        "2001.00003": None,
    }
    assert build_corpus(out, config()).num_kept == 3


def test_metadata_are_todays(out: Path) -> None:
    build_corpus(out, config())
    document = next(document for _, document in documents(out) if document["id"] == "2002.00008")
    assert (document["categories"], document["domain"], document["created"], document["version"]) == (["math.AG"], "math", "2020-02-03", 1)
    lines = [json.loads(line) for line in (out.parent / "out-snapshot.json").read_text().splitlines()]
    for line in lines:
        if line["id"] == "2002.00008":
            line.update(license=BY, categories="stat.ML")
    write_metadata(out, lines)
    summary = build_corpus(out, config())
    assert (summary.num_files_written, summary.num_files_removed) == (1, 1)  # it was alone in its file of math
    document = next(document for _, document in documents(out) if document["id"] == "2002.00008")
    assert (document["domain"], document["license"]) == ("stat", BY)


def test_the_manifest_counts_what_the_files_hold(out: Path) -> None:
    summary = build_corpus(out, config())
    files = corpus_files(out)
    assert len(files) == summary.num_files > 8
    for file in files:
        texts = [document["text"] for document in read_text_shard(file.path)]
        ids = [document["id"] for document in read_text_shard(file.path)]
        assert (file.documents, file.characters, file.text_bytes) == (len(texts), sum(map(len, texts)), sum(len(t.encode()) for t in texts))
        assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert file.path.name == f"{file.split}-{file.bucket:05d}.jsonl.zst"
        assert ids == sorted(ids, key=bucket_order)
        assert {int(bucket_order(name) * 4) for name in ids} == {file.bucket}
    assert sum(file.characters for file in files) == summary.kept_characters
    assert summary.splits["validation"] > 0
    manifest = json.loads((out / "corpus" / "manifest.json").read_text())
    assert manifest["documents"] == manifest["kept"] + sum(manifest["rejections"].values())
    assert manifest["config"]["corpus"]["bucket_bits"] == 2


def test_again_nothing_is_written(out: Path) -> None:
    build_corpus(out, config())
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (out / "corpus").rglob("*") if path.is_file()}
    summary = build_corpus(out, config())
    assert summary.num_files_written == 0
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in (out / "corpus").rglob("*") if path.is_file()} == before


def test_bytes_do_not_depend_on_the_way(out: Path, tmp_path: Path) -> None:
    build_corpus(out, config())
    expected = tree(out / "corpus")
    # through another corpus, and spilling every line
    build_corpus(out, config(select="all", bucket_bits=3))
    assert tree(out / "corpus").keys() != expected.keys()
    build_corpus(out, config(max_spill_bytes=1))
    spilled = tree(out / "corpus")
    assert {name: content for name, content in spilled.items() if name != "manifest.json"} == {
        name: content for name, content in expected.items() if name != "manifest.json"
    }
    build_corpus(out, config())
    assert tree(out / "corpus") == expected


def test_a_new_month_touches_only_its_buckets(out: Path) -> None:
    build_corpus(out, config(bucket_bits=6))
    before = tree(out / "corpus")
    lines = [json.loads(line) for line in (out.parent / "out-snapshot.json").read_text().splitlines()]
    write_unit(out, "arXiv_src_2003_001.tar", numbered("2003", 3))
    write_metadata(out, [*lines, *(metadata_line(f"2003.{number:05d}") for number in range(3))])
    summary = build_corpus(out, config(bucket_bits=6))
    after = tree(out / "corpus")
    assert 1 <= summary.num_files_written <= 3
    changed = {name for name in after if after[name] != before.get(name)}
    assert len(changed) == summary.num_files_written + 2  # decisions and manifest
    assert set(before) <= set(after)


def test_stale_files_and_left_overs_are_removed(out: Path) -> None:
    build_corpus(out, config())
    left_over = out / "corpus" / f"{TEMPORARY_PREFIX}abc-spill"
    left_over.mkdir()
    (left_over / "x").write_bytes(b"x")
    summary = build_corpus(out, config(categories=("hep-th",)))
    assert summary.num_files_removed > 0
    assert {path.parent.name for path in (out / "corpus").rglob("*.zst")} == {"physics"}
    assert not (out / "corpus" / "cs").exists()
    assert not left_over.exists()
    assert {file.path for file in corpus_files(out)} == set((out / "corpus").rglob("*.zst"))


def test_a_damaged_file_is_made_again(out: Path) -> None:
    build_corpus(out, config())
    expected = tree(out / "corpus")
    path = corpus_files(out)[0].path
    path.write_bytes(b"")
    assert build_corpus(out, config()).num_files_written == 1
    assert tree(out / "corpus") == expected
    path.unlink()
    with pytest.raises(InputError, match="in the corpus manifest but not on disk"):
        corpus_files(out)


def test_killed_while_writing_the_next_run_gives_the_same_bytes(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_corpus(out, config())
    expected = tree(out / "corpus")
    build_corpus(out, config(select="all"))

    def killed(*arguments: Any) -> Any:
        write_files(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "write_files", killed)
        with pytest.raises(KeyboardInterrupt):
            build_corpus(out, config())
    with pytest.raises(InputError, match="no such manifest"):
        corpus_files(out)
    build_corpus(out, config())
    assert tree(out / "corpus") == expected


def test_a_spill_is_used_and_removed(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes = []

    class Watched(build.BucketSpill):
        def __exit__(self, *arguments: object) -> None:
            flushes.append(self.num_flushes)
            super().__exit__(*arguments)

    monkeypatch.setattr(build, "BucketSpill", Watched)
    build_corpus(out, config(max_spill_bytes=20_000))
    assert flushes[0] >= 3
    assert [path for path in (out / "corpus").iterdir() if path.name.startswith(TEMPORARY_PREFIX)] == []


def test_metadata_without_source_are_listed(out: Path) -> None:
    assert build_corpus(out, config()).num_metadata_only == 2
    rows = pq.read_table(out / "ledger" / "metadata-only.parquet").to_pylist()
    assert [(row["id"], row["primary_category"], row["is_withdrawn"]) for row in rows] == [
        ("gr-qc/9405001", "gr-qc", False),
        ("2002.00099", "math.AG", True),
    ]
    # it is no unit's ledger
    assert build_corpus(out, config()).num_documents == 48


def test_all_keeps_sources_without_metadata(out: Path) -> None:
    summary = build_corpus(out, config(select="all"))
    assert summary.rejections == {"older_version": 1, "duplicate": 1}
    assert summary.domains["unknown"] == 1


def test_a_run_without_any_document_gives_an_empty_corpus(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_unit(out, "arXiv_src_2001_001.tar", [Paper(arxiv_id="2001.00001", reason="pdf_only")])
    write_metadata(out, [metadata_line("2001.00001")])
    summary = build_corpus(out, config())
    assert (summary.num_documents, summary.num_files, corpus_files(out)) == (0, 0, [])
    assert pq.read_table(out / "corpus" / "decisions.parquet").num_rows == 0


def test_a_later_withdrawal_notice_withdraws_an_earlier_source(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_unit(out, "arXiv_src_2001_001.tar", numbered("2001", 2))
    write_unit(out, "arXiv_src_2001_002.tar", [Paper(arxiv_id="2001.00000", reason="withdrawn")])
    write_metadata(out, [metadata_line("2001.00000"), metadata_line("2001.00001")])
    assert build_corpus(out, config()).rejections == {"withdrawn": 1}


def test_shards_that_do_not_agree_with_the_ledger_are_found(out: Path) -> None:
    build_corpus(out, config())
    expected = tree(out / "corpus")
    other = write_unit(out.parent / "other", "arXiv_src_2001_001.tar", numbered("2001", 19))
    shard = out / "documents" / f"{other}.jsonl.zst"
    good = shard.read_bytes()
    shard.write_bytes((out.parent / "other" / "documents" / shard.name).read_bytes())
    with pytest.raises(InputError, match="19 documents for 20 ledger rows"):
        build_corpus(out, config(bucket_bits=0))
    write_unit(
        out.parent / "other", "arXiv_src_2001_001.tar", [dataclasses.replace(paper, text="changed") for paper in numbered("2001", 20)]
    )
    shard.write_bytes((out.parent / "other" / "documents" / shard.name).read_bytes())
    with pytest.raises(InputError, match="has another hash"):
        build_corpus(out, config(bucket_bits=0))
    # the corpus that stood there is untouched
    shard.write_bytes(good)
    assert tree(out / "corpus") == expected


def test_bad_runs(tmp_path: Path, out: Path) -> None:
    with pytest.raises(InputError, match="no such manifest"):
        build_corpus(tmp_path / "nothing", config())
    with pytest.raises(InputError, match="no such manifest"):
        corpus_files(tmp_path)
    unit = next((out / "units").iterdir())
    unit.write_text("{}")
    with pytest.raises(InputError, match="does not list documents"):
        build_corpus(out, config())
    ledger = next((out / "ledger").glob("arXiv*.parquet"))
    ledger.write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="not a readable ledger"):
        build_corpus(out, config())


def test_books_that_do_not_add_up_fail_the_run(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*arguments: Any) -> dict[str, Any]:
        entries = write_files(*arguments)
        entries.popitem()
        return entries

    monkeypatch.setattr(build, "write_files", forgetful)
    with pytest.raises(ConservationError, match="48 documents, 41 kept"):
        build_corpus(out, config())
    assert not (out / "corpus" / "manifest.json").exists()
