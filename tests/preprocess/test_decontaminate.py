import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from preprocess.config import Config, CorpusConfig
from preprocess.corpus import decontaminate
from preprocess.corpus.benchmarks import benchmark_paths, read_benchmarks
from preprocess.corpus.build import build_corpus
from preprocess.corpus.decontaminate import count_overlaps
from preprocess.corpus.records import Candidate
from preprocess.shingles import run_hashes, word_hashes
from shards.errors import InputError
from tests.preprocess.run_folder import Paper, metadata_line, words, write_metadata, write_unit

QUESTION = "A train leaves the station at noon and travels at sixty miles an hour until it meets the other one."  # 20 words
PROBLEM = "Let $G$ be a finite group whose order is divisible by exactly two primes; show that it is solvable, as Burnside did."
SHORT = "What is two plus two?"


def config(*paths: Path, **fields: Any) -> Config:
    return Config(corpus=CorpusConfig(decontaminate=tuple(map(str, paths)) or None, bucket_bits=1, **fields))


@pytest.fixture
def benchmarks(tmp_path: Path) -> tuple[Path, Path]:
    """One in JSON lines, gzipped, and one of paragraphs."""
    school = tmp_path / "school.jsonl.gz"
    rows = [{"question": QUESTION, "choices": ["a", "b"], "answer": 1}, {"meta": {"asked": [SHORT]}}]
    school.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode() + b"\n\n", mtime=0))
    groups = tmp_path / "groups.txt"
    groups.write_text(f"{PROBLEM}\n\n{words('proof', 14)}\n")
    return school, groups


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    first = [
        Paper(arxiv_id="2001.00001", text=words("clean")),
        Paper(arxiv_id="2001.00002", text=f"{words('school')} {QUESTION.upper()} {words('on')}"),
        Paper(arxiv_id="2001.00003", text=f"{words('half')} {' '.join(QUESTION.split()[:12])} {words('on')}"),  # a word too few
        Paper(arxiv_id="2001.00004", text=words("german") + QUESTION, language="de"),  # left out before
    ]
    second = [
        Paper(arxiv_id="2002.00001", text=f"{words('both')}\n\n{PROBLEM}\n\n{' '.join(QUESTION.split()[:13])} {words('end')}"),
        Paper(arxiv_id="2002.00002", text=words("more")),
    ]
    write_unit(folder, "arXiv_src_2001_001.tar", first)
    write_unit(folder, "arXiv_src_2002_001.tar", second)
    write_metadata(folder, [metadata_line(paper.arxiv_id) for paper in first + second])
    return folder


def decisions(out: Path) -> dict[str, tuple[str | None, str | None]]:
    return {row["id"]: (row["reason"], row["detail"]) for row in pq.read_table(out / "corpus" / "decisions.parquet").to_pylist()}


def test_texts_with_passages_of_a_benchmark_leave(out: Path, benchmarks: tuple[Path, Path]) -> None:
    summary = build_corpus(out, config(*benchmarks))
    assert summary.rejections == {"contaminated": 2, "language": 1}
    assert summary.num_kept + sum(summary.rejections.values()) == summary.num_documents == 6
    found = decisions(out)
    assert found["2001.00002"] == ("contaminated", "runs of 13 words: 8 of school")
    # let g be a finite group whose order is divisible by exactly two primes show that it is solvable as burnside did: 22 words
    assert found["2002.00001"] == ("contaminated", "runs of 13 words: 10 of groups, 1 of school")
    assert found["2001.00003"] == (None, None)
    assert found["2001.00004"][0] == "language"


def test_each_benchmark_is_on_the_books(out: Path, benchmarks: tuple[Path, Path]) -> None:
    build_corpus(out, config(*benchmarks))
    manifest = json.loads((out / "corpus" / "manifest.json").read_bytes())
    school, groups = benchmarks
    assert manifest["benchmarks"] == {
        "groups": {
            "sha256": hashlib.sha256(groups.read_bytes()).hexdigest(),
            "num_passages": 2,
            "num_short_passages": 0,
            "num_ngrams": 12,
            "num_documents": 1,
        },
        "school": {
            "sha256": hashlib.sha256(school.read_bytes()).hexdigest(),
            "num_passages": 4,
            "num_short_passages": 3,
            "num_ngrams": 8,
            "num_documents": 2,
        },
    }
    assert manifest["config"]["corpus"]["decontaminate"] == [str(school), str(groups)]


def test_numbers_of_the_config_decide(out: Path, benchmarks: tuple[Path, Path]) -> None:
    assert build_corpus(out, config(*benchmarks, min_benchmark_ngrams=9)).rejections == {"contaminated": 1, "language": 1}
    assert decisions(out)["2002.00001"][1] == "runs of 13 words: 10 of groups"
    assert build_corpus(out, config(*benchmarks, benchmark_ngram_words=12)).rejections["contaminated"] == 3
    assert build_corpus(out, config()).rejections == {"language": 1}
    assert not (out / "corpus" / "contamination.parquet").exists()


def test_only_new_texts_are_read(out: Path, benchmarks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read: list[str] = []

    def watched(*arguments: Any) -> Iterator[tuple[Candidate, dict[str, Any]]]:
        for found, document in real(*arguments):
            read.append(found.arxiv_id)
            yield found, document

    real = decontaminate.read_documents
    monkeypatch.setattr(decontaminate, "read_documents", watched)
    build_corpus(out, config(*benchmarks))
    everyone = ["2001.00001", "2001.00002", "2001.00003", "2002.00001", "2002.00002"]
    before = {path.name: path.read_bytes() for path in (out / "corpus").iterdir() if path.is_file()}
    assert read == everyone
    read.clear()
    build_corpus(out, config(*benchmarks))
    assert read == []
    assert {path.name: path.read_bytes() for path in (out / "corpus").iterdir() if path.is_file()} == before
    # a new month
    more = [Paper(arxiv_id="2003.00001", text=words("new") + QUESTION)]
    write_unit(out, "arXiv_src_2003_001.tar", more)
    write_metadata(out, [metadata_line(arxiv_id) for arxiv_id in [*everyone, "2001.00004", "2003.00001"]])
    assert build_corpus(out, config(*benchmarks)).rejections["contaminated"] == 3
    assert read == ["2003.00001"]
    grown = (out / "corpus" / "contamination.parquet").read_bytes()
    # another benchmark, or damage: all of them again
    for change in (lambda: benchmarks[1].write_text(words("proof", 15)), lambda: (out / "corpus/contamination.parquet").write_bytes(b"no")):
        read.clear()
        change()
        build_corpus(out, config(*benchmarks))
        assert read == [*everyone, "2003.00001"]
    benchmarks[1].write_text(f"{PROBLEM}\n\n{words('proof', 14)}\n")
    build_corpus(out, config(*benchmarks))
    assert (out / "corpus" / "contamination.parquet").read_bytes() == grown


def test_a_run_that_is_repeated_counts_once(benchmarks: tuple[Path, Path]) -> None:
    [groups, school] = read_benchmarks(CorpusConfig(decontaminate=tuple(map(str, benchmarks))))
    runs = run_hashes(word_hashes(f"{QUESTION} {QUESTION}"), 13)
    assert count_overlaps(runs, school.runs, [groups, school]) == {"school": 8}
    assert count_overlaps(runs[:0], school.runs, [groups, school]) == {}
    assert count_overlaps(run_hashes(word_hashes(words("x")), 13), school.runs, [groups, school]) == {}


@pytest.mark.parametrize(
    "name, content, what",
    [
        ("b.jsonl", b'{"q": "a"}\n{no\n', "line 2: not JSON"),
        ("b.txt", b"\xff\xfe\x00", "cannot be read"),
        ("b.txt.gz", b"no gzip", "cannot be read"),
        ("b.txt", b"too short to find anything", "none of its 1 strings has 13 words"),
        ("b.jsonl", b"", "none of its 0 strings has 13 words"),
    ],
)
def test_files_that_cannot_be_used(name: str, content: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=what) as caught:
        read_benchmarks(CorpusConfig(decontaminate=(str(path),)))
    assert str(path) in str(caught.value)


def test_names_of_benchmarks(tmp_path: Path) -> None:
    for name in ("a.v2.jsonl", "b.txt.gz", "plain"):
        (tmp_path / name).write_text(QUESTION)
    paths = [str(tmp_path / name) for name in ("a.v2.jsonl", "b.txt.gz", "plain")]
    assert list(benchmark_paths(CorpusConfig(decontaminate=tuple(paths)))) == ["a.v2", "b", "plain"]
    (tmp_path / "b.txt").write_text(QUESTION)
    with pytest.raises(InputError, match="is named 'b' too"):
        benchmark_paths(CorpusConfig(decontaminate=(*paths, str(tmp_path / "b.txt"))))
    with pytest.raises(InputError, match="no such file"):
        benchmark_paths(CorpusConfig(decontaminate=(str(tmp_path / "nothing.txt"),)))
    with pytest.raises(InputError, match="is a folder"):
        benchmark_paths(CorpusConfig(decontaminate=(str(tmp_path),)))
