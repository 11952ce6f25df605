"""Near duplicates and benchmark passages looked for on workers: the bytes of one process, however the work is cut."""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from preprocess.config import Config, CorpusConfig
from preprocess.corpus import decontaminate, near_duplicates, on_workers
from preprocess.corpus.build import build_corpus
from preprocess.ray_runner import Tasks
from preprocess.workers import Here, Workers
from shards.errors import InputError
from tests.preprocess.run_folder import Paper, words, write_metadata, write_unit
from tests.preprocess.test_near_duplicates import changed, lines, tree

PASSAGE = words("passage", 20)
WORK = (on_workers._keys_of_units, on_workers._pairs_of_part, on_workers._signatures_of_units, on_workers._compare_item)


class Two(Here):
    """Two workers to look at, which are this process; remembers how many items each kind of work had."""

    num_workers = 2

    def __init__(self) -> None:
        self.num_items: dict[Callable[..., Any], int] = {}

    def map(self, function: Callable[..., Any], shared: Any, items: Iterable[Any], *, at_once: int | None = None) -> Iterator[Any]:
        for result in super().map(function, shared, items):
            self.num_items[function] = self.num_items.get(function, 0) + 1
            yield result


def papers(month: str, num_papers: int, of: list[str]) -> list[Paper]:
    """Papers, two in three of them near copies of earlier ones, those in `of` too; some are equal, without shingles, with the passage."""
    draw = random.Random(month)
    made = []
    for number in range(num_papers):
        text = changed(draw.choice(of), draw.randrange(1, 6), f"{month}e{number}") if of and number % 3 else words(f"{month}n{number}", 150)
        if number % 7 == 5:
            text += f" {PASSAGE}"
        text = {4: "…", 8: "— …", 10: of[0] if of else text}.get(number, text)
        of.append(text)
        made.append(Paper(arxiv_id=f"{month}.{number + 1:05d}", text=text))
    return [*made, Paper(arxiv_id=f"{month}.90000", reason="pdf_only")]


@pytest.fixture(scope="module")
def months() -> dict[str, list[Paper]]:
    texts: list[str] = []
    return {month: papers(month, 14, texts) for month in ("1901", "1902", "1903")}


def write(out: Path, months: dict[str, list[Paper]]) -> Path:
    for month, rows in months.items():
        write_unit(out, f"arXiv_src_{month}_001.tar", rows)
    write_metadata(out, lines([paper for rows in months.values() for paper in rows]))
    return out


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "passages.txt").write_text(PASSAGE)
    benchmark = (str(tmp_path / "passages.txt"),)
    return Config(corpus=CorpusConfig(bucket_bits=1, min_characters=0, languages=None, decontaminate=benchmark))


def cut_finely(patch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        (near_duplicates, "MIN_DOCUMENTS_ON_WORKERS", 1),
        (near_duplicates, "MIN_TEXTS_ON_WORKERS", 1),
        (decontaminate, "MIN_TEXTS_ON_WORKERS", 1),
        (on_workers, "DOCUMENTS_A_PART", 9),
        (on_workers, "TEXTS_AN_ITEM", 4),
        (on_workers, "_SIGNATURES_AN_ITEM", 10),
    ):
        patch.setattr(module, name, value)


def test_workers_write_the_bytes_of_one_process(
    months: dict[str, list[Paper]], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = build_corpus(write(tmp_path / "here", months), config)
    assert here.near.num_pairs_similar >= 10
    assert here.near.largest_cluster >= 3
    assert {"near_duplicate", "contaminated", "duplicate"} <= here.rejections.keys()
    asked: list[bool] = []
    whole = Two()

    def choose(workers: Workers) -> Callable[[bool], Workers]:
        def chosen(is_worth_it: bool) -> Workers:
            asked.append(is_worth_it)
            return workers

        return chosen

    there = build_corpus(write(tmp_path / "whole", months), config, choose_workers=choose(whole))
    assert there == here
    assert tree(tmp_path / "whole/corpus") == tree(tmp_path / "here/corpus")
    assert asked == [False, False, False]  # so few are not worth a cluster
    assert [whole.num_items[work] for work in WORK] == [1, 25, 1, 1]
    cut_finely(monkeypatch)
    cut = Two()
    assert build_corpus(write(tmp_path / "cut", months), config, choose_workers=choose(cut)) == here
    assert tree(tmp_path / "cut/corpus") == tree(tmp_path / "here/corpus")
    assert asked[3:] == [True, True, True]
    num_documents = here.num_documents - here.rejections["duplicate"]
    assert cut.num_items[on_workers._keys_of_units] == 3
    assert cut.num_items[on_workers._pairs_of_part] == 25 * -(-num_documents // 9)
    assert cut.num_items[on_workers._compare_item] >= 4
    assert cut.num_items[on_workers._overlaps_of_item] == 3


def test_a_month_more_on_workers_is_one_run_over_all(
    months: dict[str, list[Paper]], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_finely(monkeypatch)
    build_corpus(write(tmp_path / "once", months), config)
    grown = tmp_path / "grown"
    build_corpus(write(grown, {name: months[name] for name in ("1901", "1902")}), config)
    write(grown, months)
    more, again = Two(), Two()
    build_corpus(grown, config, choose_workers=lambda _: more)
    assert tree(grown / "corpus") == tree(tmp_path / "once" / "corpus")
    # of the benchmark's texts one month's are read; of what has been compared nothing is
    assert more.num_items[on_workers._overlaps_of_item] == 1
    build_corpus(grown, config, choose_workers=lambda _: again)
    assert {on_workers._compare_item, on_workers._overlaps_of_item} & again.num_items.keys() == set()
    assert tree(grown / "corpus") == tree(tmp_path / "once" / "corpus")


def test_the_same_on_ray(
    ray_cluster: None, months: dict[str, list[Paper]], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_finely(monkeypatch)
    here = build_corpus(write(tmp_path / "here", months), config)
    tasks = Tasks(2)
    assert build_corpus(write(tmp_path / "there", months), config, choose_workers=lambda _: tasks) == here
    assert tree(tmp_path / "there/corpus") == tree(tmp_path / "here/corpus")


def test_no_pairs_and_no_documents(config: Config, tmp_path: Path) -> None:
    only = [Paper(arxiv_id="1901.00001", text=words("a")), Paper(arxiv_id="1901.00002", text=words("b"))]
    for name, rows in (("apart", only), ("none", [Paper(arxiv_id="1901.00003", reason="pdf_only")])):
        here, there = (write(tmp_path / f"{name}-{where}", {"1901": rows}) for where in ("here", "there"))
        assert build_corpus(here, config) == build_corpus(there, config, choose_workers=lambda _: Two())
        assert tree(here / "corpus") == tree(there / "corpus")


def test_a_shard_that_its_ledger_does_not_know_is_refused_there_too(months: dict[str, list[Paper]], config: Config, tmp_path: Path) -> None:
    out = write(tmp_path / "out", months)
    shards = sorted((out / "documents").iterdir())
    shards[0].write_bytes(shards[1].read_bytes())
    with pytest.raises(InputError, match=r"1901_001-00000\.jsonl\.zst: does not agree with its ledger .*; remove .* and run again"):
        build_corpus(out, config, choose_workers=lambda _: Two())


def test_pairs_that_hang_together_stay_together() -> None:
    def line(number: int) -> on_workers.Line:
        return on_workers.Line(position=number, unit="u", line=number, num_lines=9, arxiv_id=str(number), text_sha256=str(number))

    class Place:
        def __init__(self, position: int) -> None:
            self.position = position

    pairs: Any = [(Place(0), Place(5)), (Place(1), Place(6)), (Place(5), Place(7)), (Place(2), Place(3))]
    items = list(on_workers._pair_items(pairs, {number: line(number) for number in range(9)}))
    assert [[row.position for row in documents] for documents, _ in items] == [[0, 5, 7, 1, 6, 2, 3]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_workers, "TEXTS_AN_ITEM", 3)
        items = list(on_workers._pair_items(pairs, {number: line(number) for number in range(9)}))
    assert [[(one.position, other.position) for one, other in compared] for _, compared in items] == [[(0, 5), (5, 7)], [(1, 6)], [(2, 3)]]
    assert np.sum([len(compared) for _, compared in items]) == len(pairs)
