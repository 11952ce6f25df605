import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import bench_pipeline as bench
from benchmarks.synthetic_dump import TRUTH, write_synthetic_dump
from preprocess.shingles import jaccard, shingles
from shards.errors import InputError
from shards.manifest import write_manifest
from shards.text_shard import encode_text_shard
from tests.preprocess.run_folder import words


def _busy(folder: Path) -> int:
    (folder / "units").mkdir()
    for number in range(3):
        (folder / "units" / f"u{number}.json").write_text(json.dumps({"counts": {"members": 10}}))
    return sum(range(3_000_000)) and os.getpid()


def test_a_process_is_watched_until_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SAMPLE_SECONDS", 0.05)
    process, seen = bench.watched(partial(_busy, tmp_path), tmp_path)
    assert seen.points[-1][1] == 30
    assert seen.points[-1][2] > 5 << 20
    assert seen.cpu_by_process[process] > 0.05
    assert [point[1] for point in seen.points] == sorted(point[1] for point in seen.points)


def test_the_tree_of_a_process_has_its_children() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        tree = bench.process_tree(os.getpid())
        assert {os.getpid(), child.pid} <= tree.keys()
        assert all(size > 0 for number, (_, _, size) in tree.items() if number == os.getpid())
    finally:
        child.kill()
        child.wait()
    assert child.pid not in bench.process_tree(os.getpid())


def test_curves_tell_a_leak_and_a_slowing_run() -> None:
    mib = 1 << 20
    flat = [(float(second), 50 * second, 200 * mib, 300 * mib) for second in range(21)]
    told = bench.curves(bench.Watched(points=flat))
    assert told["bytes_a_paper_more"] == {"driver": 0, "largest_worker": 0}
    assert told["papers_a_second"] == {"first_third": 50, "last_third": 50}
    assert told["peak_mib"]["driver_corpus_pass"] == 200
    leaking = [(second * (1 + second / 20), 50 * second, (200 + second) * mib, 300 * mib) for second in range(21)]
    told = bench.curves(bench.Watched(points=leaking))
    assert told["bytes_a_paper_more"]["driver"] == pytest.approx(mib / 50, rel=0.01)
    assert told["papers_a_second"]["last_third"] < 0.7 * told["papers_a_second"]["first_third"]
    with pytest.raises(InputError, match="give more --num-papers"):
        bench.curves(bench.Watched(points=flat[:4]))


def test_pairs_are_judged_by_the_texts(tmp_path: Path) -> None:
    one = words("a")
    texts = {
        "1501.00001": one,
        "1501.00002": one.replace("aword7 ", ""),
        "1501.00003": words("b"),
        "1501.00004": one + " " + words("c", 400),
    }
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "u.jsonl.zst").write_bytes(encode_text_shard([{"id": name, "text": text} for name, text in texts.items()]))
    origins = {"1501.00001": ("original", "s"), "1501.00002": ("near", "1501.00001"), "1501.00003": ("original", "s")}
    origins["1501.00004"] = ("near", "1501.00001")
    rows = [{"id": name, "kind": kind, "origin": origin} for name, (kind, origin) in origins.items()]
    (tmp_path / TRUTH).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "corpus").mkdir()
    pq.write_table(pa.table({"id": list(texts), "reason": [None, "near_duplicate", None, None]}), tmp_path / "corpus" / "decisions.parquet")
    true = jaccard(shingles(texts["1501.00001"], 5), shingles(texts["1501.00002"], 5))

    def judged(pairs: list[tuple[str, str, float]]) -> dict[str, object]:
        table = pa.table({"id": [row[0] for row in pairs], "other_id": [row[1] for row in pairs], "jaccard": [row[2] for row in pairs]})
        pq.write_table(table, tmp_path / "corpus" / "near_pairs.parquet")
        return bench.near_duplicates(tmp_path, tmp_path)

    found = judged([("1501.00002", "1501.00001", true)])
    assert (found["true_at_0.8"], found["recall"], found["precision"], found["pairs_of_families"]) == (1, 1, 1, 3)
    wrong = judged([("1501.00003", "1501.00001", 0.9), ("1501.00004", "1501.00001", 0.1)])
    assert (wrong["true_at_0.8"], wrong["recall"], wrong["precision"], wrong["found_at_0.8"]) == (1, 0, 0, 1)


def test_the_plain_pass_writes_what_a_run_writes(tmp_path: Path) -> None:
    write_synthetic_dump(tmp_path / "dump", 6, max_tar_bytes=1 << 20, papers_a_tar=3)
    seconds = bench.plain_pass(tmp_path / "dump", tmp_path / "out", 1)
    assert 0 < seconds < 60
    assert len(bench._documents(tmp_path / "out")) == len(bench.plan(tmp_path / "dump" / "src")) == 2
    assert bench._Papers(tmp_path / "out").count() == 6
    with pytest.raises(InputError, match="need 3 or more"):
        bench.increments(tmp_path / "dump", tmp_path, tmp_path / "out", 1)


def test_parts_that_have_ended_are_not_done_again(tmp_path: Path) -> None:
    work = tmp_path / "work"
    parts = bench.Parts(work, {"num_papers": 5, "median": None})
    (work / "half").mkdir()
    done: list[str] = []

    def measure(name: str) -> dict[str, str]:
        assert not (work / "half").exists()  # what a killed measurement left
        done.append(name)
        return {"is": name}

    parts.do("one", [work / "half"], lambda: measure("one"))
    again = bench.Parts(work, {"num_papers": 5, "median": None})
    again.do("one", [work / "half"], lambda: measure("one"))
    again.do("two", [], lambda: measure("two"))
    assert done == ["one", "two"]
    assert bench.Parts(work, {"num_papers": 5, "median": None}).kept["figures"] == {"one": {"is": "one"}, "two": {"is": "two"}}
    with pytest.raises(InputError, match=r"was begun with .*'num_papers': 5"):
        bench.Parts(work, {"num_papers": 6, "median": None})
    with pytest.raises(InputError, match="no work of this benchmark"):
        bench.Parts(tmp_path, {})


def test_the_page_shows_memory_and_speed_against_papers() -> None:
    mib = 1 << 20
    points = [(float(second), 50 * second, (200 + second) * mib, 300 * mib) for second in range(21)]
    near = {"true": 9, "true_at_0.8": 12, "recall": 0.99, "precision": 1.0}
    figures = {
        "dump": {"papers": 1000},
        "run": {"workers": 2, **bench.curves(bench.Watched(points=points))},
        "near_duplicates": near | {"from_0.85_on": near, "band_0.75_to_0.85": near},
    }
    shown = bench.page(figures)
    assert shown.count('<svg class="chart"') == 2
    assert shown.count("<polyline") == 3
    assert "Resident memory by papers done: driver from 201 to 219; largest worker from 300 to 300" in shown
    assert '<td class="number">12</td><td class="number">0.99</td>' in shown


def test_what_is_tokenised_again_is_told_by_the_books_of_the_tokens(tmp_path: Path) -> None:
    def encode(name: str, *hashes: str) -> None:
        path = tmp_path / "tokens/.units/0123456789abcdef" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_manifest(path, {"text_hashes": list(hashes)})

    encode("math/train-00001", "a", "b")
    encode("cs/train-00001", "a")
    write_manifest(tmp_path / "tokens/.units/0123456789abcdef/math/train.set.json", {})
    before, states = bench._encoded(tmp_path), bench._states(tmp_path)["tokens"]
    assert before == {("math/train-00001.json", "a"), ("math/train-00001.json", "b"), ("cs/train-00001.json", "a")}
    encode("cs/train-00001", "a", "c")
    again = bench._states(tmp_path)["tokens"]
    assert bench._encoded(tmp_path) - before == {("cs/train-00001.json", "c")}
    written = [name for name in again if again[name] != states[name]]
    assert bench._shards_of(written) == bench._shards_of(["cs/train-00001.jsonl.zst"]) == {"cs/train-00001"}
