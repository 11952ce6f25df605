import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocess.config import Config, CorpusConfig, MinHashConfig
from preprocess.corpus import near_duplicates
from preprocess.corpus.build import CorpusSummary, build_corpus
from preprocess.corpus.near_duplicates import NearPair, ShingleFile, cluster_of, exclude
from preprocess.corpus.records import Candidate
from preprocess.corpus.signatures import Pairs, SignatureTable, as_pairs, estimates, halves, least_estimate, pairs_of_band, propose_pairs
from preprocess.shingles import jaccard, shingles
from preprocess.stages.minhash import NO_SHINGLE, minhash
from shards.commit import TEMPORARY_PREFIX
from shards.errors import InputError
from tests.preprocess.run_folder import Paper, metadata_line, words, write_metadata, write_unit
from tests.preprocess.test_corpus_passes import candidate


def config(**fields: Any) -> Config:
    return Config(corpus=CorpusConfig(**({"bucket_bits": 1, "validation_share": 0.2} | fields)))


def changed(text: str, num_changes: int, name: str = "changed") -> str:
    """`text` with so many of its words replaced, spread evenly: each change touches five shingles."""
    parts = text.split(" ")
    for number in range(num_changes):
        parts[(number + 1) * len(parts) // (num_changes + 1)] = f"{name}{number}"
    return " ".join(parts)


def similarity(one: str, other: str) -> float:
    return jaccard(shingles(one, 5), shingles(other, 5))


def decisions(out: Path) -> dict[str, tuple[str | None, str | None]]:
    return {row["id"]: (row["reason"], row["detail"]) for row in pq.read_table(out / "corpus" / "decisions.parquet").to_pylist()}


def lines(papers: Iterable[Paper]) -> list[dict[str, Any]]:
    """Metadata whose dates follow the ids."""
    return [metadata_line(paper.arxiv_id, created=f"Wed, 3 Feb {2000 + int(paper.arxiv_id[:2])} 00:00:00 GMT") for paper in papers]


BASE = words("base", 400)
MONTHS = {
    "1901": [Paper(arxiv_id="1901.00001", text=BASE), Paper(arxiv_id="1901.00002", text=words("other", 300))],
    "2001": [
        Paper(arxiv_id="2001.00001", text=changed(BASE, 3)),  # near
        Paper(arxiv_id="2001.00002", text=changed(BASE, 30)),  # not near
        Paper(arxiv_id="2001.00003", text=words("third", 300)),
    ],
    "2101": [
        Paper(arxiv_id="2101.00001", text=changed(words("third", 300), 1)),  # near to one of the month before
        Paper(arxiv_id="2101.00002", text=BASE),  # equal, so a duplicate and no near one
        Paper(arxiv_id="2101.00003", text=changed(BASE, 5, "again")),  # near to the first, and to a near one
        Paper(arxiv_id="2101.00004", reason="pdf_only"),
    ],
}


def write_months(out: Path, months: Iterable[str]) -> None:
    papers = [paper for month in months for paper in MONTHS[month]]
    for month in months:
        write_unit(out, f"arXiv_src_{month}_001.tar", MONTHS[month])
    write_metadata(out, lines(papers))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_near_duplicates_leave_and_say_of_what(tmp_path: Path) -> None:
    write_months(tmp_path / "out", MONTHS)
    summary = build_corpus(tmp_path / "out", config())
    assert summary.rejections == {"duplicate": 1, "near_duplicate": 3}
    assert summary.num_documents == summary.num_kept + sum(summary.rejections.values()) == 8
    found = decisions(tmp_path / "out")
    expected = {
        "2001.00001": ("1901.00001", similarity(BASE, changed(BASE, 3))),
        "2101.00001": ("2001.00003", similarity(words("third", 300), changed(words("third", 300), 1))),
        "2101.00003": ("1901.00001", similarity(BASE, changed(BASE, 5, "again"))),
    }
    for arxiv_id, (other, value) in expected.items():
        assert value >= 0.8
        assert found[arxiv_id] == ("near_duplicate", f"J = {value:.3f} with {other}")
    assert similarity(BASE, changed(BASE, 30)) < 0.6
    near = summary.near
    assert (near.num_pairs_similar, near.num_clusters, near.largest_cluster, near.num_pairs_cut) == (4, 2, 3, 0)


def test_the_pairs_are_on_the_books(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_months(out, MONTHS)
    summary = build_corpus(out, config())
    texts = {paper.arxiv_id: paper.text for papers in MONTHS.values() for paper in papers}
    rows = pq.read_table(out / "corpus" / "near_pairs.parquet").to_pylist()
    assert len(rows) == summary.near.num_pairs_compared >= 4
    for row in rows:
        assert row["id"] < row["other_id"]
        assert row["jaccard"] == similarity(texts[row["id"]], texts[row["other_id"]])
    assert sum(row["jaccard"] >= 0.8 for row in rows) == summary.near.num_pairs_similar


@pytest.mark.parametrize(
    "fields, expected",
    [({"near_duplicate_threshold": None}, 0), ({"near_duplicate_threshold": 1.0}, 0), ({"near_duplicate_threshold": 0.96}, 1)],
)
def test_the_threshold_decides(fields: dict[str, Any], expected: int, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_months(out, MONTHS)
    build_corpus(out, config())
    summary = build_corpus(out, config(**fields))
    assert summary.rejections.get("near_duplicate", 0) == expected
    assert (out / "corpus" / "near_pairs.parquet").exists() == (fields["near_duplicate_threshold"] is not None)
    assert summary.rejections["duplicate"] == 1


def test_growing_month_by_month_comes_to_the_same(tmp_path: Path) -> None:
    write_months(tmp_path / "once", MONTHS)
    build_corpus(tmp_path / "once", config())
    grown = tmp_path / "grown"
    kept: set[str] = set()
    for number in range(1, len(MONTHS) + 1):
        write_months(grown, list(MONTHS)[:number])
        build_corpus(grown, config())
        now = {arxiv_id for arxiv_id, (reason, _) in decisions(grown).items() if reason is None}
        assert now > kept or number == 3, "what was kept stays"
        assert now >= kept
        kept = now
    assert tree(grown / "corpus") == tree(tmp_path / "once" / "corpus")


def test_only_new_pairs_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, read = tmp_path / "out", []

    def watched(*arguments: Any) -> Iterator[tuple[Candidate, dict[str, Any]]]:
        for found, document in real(*arguments):
            read.append(found.arxiv_id)
            yield found, document

    real = near_duplicates.read_documents
    monkeypatch.setattr(near_duplicates, "read_documents", watched)
    write_months(out, ["1901", "2001"])
    build_corpus(out, config())
    assert set(read) >= {"1901.00001", "2001.00001"}
    assert "1901.00002" not in read
    read.clear()
    build_corpus(out, config())
    assert read == []
    write_months(out, MONTHS)
    build_corpus(out, config())
    assert "2101.00001" in read
    assert "1901.00002" not in read
    # another way of making shingles: nothing that was compared counts
    read.clear()
    monkeypatch.setattr(near_duplicates, "VERSION", 99)
    build_corpus(out, config())
    assert {"1901.00001", "2001.00001"} <= set(read)


def test_pairs_that_are_damaged_are_compared_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_months(out, MONTHS)
    build_corpus(out, config())
    expected = tree(out / "corpus")
    (out / "corpus" / "near_pairs.parquet").write_bytes(b"PAR1")
    build_corpus(out, config())
    assert tree(out / "corpus") == expected
    assert not list((out / "corpus").glob(f"{TEMPORARY_PREFIX}*"))


def test_signatures_that_do_not_fit_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_months(out, MONTHS)
    path = out / "minhash" / "arXiv_src_2001_001-00000.npy"
    np.save(path, np.zeros((2, 125), dtype="<u4"))
    with pytest.raises(InputError, match=r"holds uint32 \[2, 125\] where its ledger says uint32 \[3, 125\]; remove .*2001_001-00000.json"):
        build_corpus(out, config())
    np.save(path, np.zeros((3, 125), dtype="<f4"))
    with pytest.raises(InputError, match="holds float32"):
        build_corpus(out, config())
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="not a readable table of signatures"):
        build_corpus(out, config())
    path.unlink()
    with pytest.raises(InputError, match="not a readable table of signatures"):
        build_corpus(out, config())
    assert not list((out / "corpus").glob(f"{TEMPORARY_PREFIX}*"))


def brute_force(texts: list[str], threshold: float) -> set[tuple[int, int]]:
    sets = [shingles(text, 5) for text in texts]
    return {(one, other) for one, other in combinations(range(len(sets)), 2) if jaccard(sets[one], sets[other]) >= threshold}


def test_pairs_of_a_corpus_are_those_of_all_against_all(tmp_path: Path) -> None:
    """Sixty texts in families of all similarities: what is left out is what all-against-all leaves out."""
    draw = random.Random(5)
    papers: list[Paper] = []
    for number in range(60):
        text = words(f"family{draw.randrange(6)}", 300 + 10 * draw.randrange(3))
        papers.append(Paper(arxiv_id=f"2001.{number:05d}", text=changed(text, draw.randrange(1, 7), f"x{number}x")))
    out = tmp_path / "out"
    write_unit(out, "arXiv_src_2001_001.tar", papers)
    write_metadata(out, lines(papers))
    summary: CorpusSummary = build_corpus(out, config())
    pairs = brute_force([paper.text for paper in papers], 0.8)
    assert 40 < len(pairs) < 500
    assert summary.near.num_pairs_similar == len(pairs)
    kept: list[int] = []
    for number in range(len(papers)):
        if not any((earlier, number) in pairs for earlier in kept):
            kept.append(number)
    assert {arxiv_id for arxiv_id, (reason, _) in decisions(out).items() if reason is None} == {papers[n].arxiv_id for n in kept}


BANDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=14)


def band_of(rows: list[tuple[int, int]]) -> npt.NDArray[np.uint32]:
    return np.array(rows, dtype=np.uint32).reshape(len(rows), 2)


@given(BANDS, st.randoms(use_true_random=False), st.integers(1, 14))
def test_pairs_of_a_band_are_those_with_equal_values(rows: list[tuple[int, int]], draw: random.Random, max_leaders: int) -> None:
    ranks = list(range(len(rows)))
    draw.shuffle(ranks)
    pairs, num_cut = pairs_of_band(band_of(rows), np.array(ranks, dtype=np.int64), max_leaders)
    by_rank = dict(zip(ranks, rows, strict=True))
    expected, num_left_out = set(), 0
    for earlier, later in combinations(range(len(rows)), 2):
        if by_rank[earlier] == by_rank[later]:
            if sum(by_rank[rank] == by_rank[later] for rank in range(earlier)) < max_leaders:
                expected.add((earlier, later))
            else:
                num_left_out += 1
    assert len(pairs) == len(expected)
    assert set(zip(*(half.tolist() for half in halves(pairs)), strict=True)) == expected
    assert num_cut == num_left_out


def test_documents_without_shingles_are_in_no_pair() -> None:
    band = np.full((3, 2), NO_SHINGLE, dtype=np.uint32)
    pairs, num_cut = pairs_of_band(band, np.arange(3), 64)
    assert (len(pairs), num_cut) == (0, 0)


@contextmanager
def table_of(folder: Path, signatures: npt.NDArray[np.uint32], made_by: MinHashConfig) -> Iterator[SignatureTable]:
    with SignatureTable(folder, len(signatures), made_by) as table:
        for part in np.array_split(signatures, 3):
            table.append(part)
        yield table


def test_a_table_gives_back_its_bands_and_estimates_the_share_of_equal_values(tmp_path: Path) -> None:
    small = MinHashConfig(num_bands=4, rows_per_band=3)
    signatures = np.random.default_rng(1).integers(0, 3, (50, 12), dtype=np.uint32)
    ranks = np.random.default_rng(2).permutation(50)
    pairs: Pairs = as_pairs(combinations(range(50), 2))
    with table_of(tmp_path, signatures, small) as table:
        for number in range(4):
            assert (table.band(number) == signatures[:, 3 * number : 3 * number + 3]).all()
        found = estimates(table, pairs, ranks)
    row_of_rank = np.argsort(ranks)
    expected = [(signatures[row_of_rank[one]] == signatures[row_of_rank[other]]).mean() for one, other in combinations(range(50), 2)]
    assert found.tolist() == pytest.approx(expected)
    assert len(found) == 1225


def test_pairs_that_cannot_reach_the_threshold_are_not_read(tmp_path: Path) -> None:
    texts = [words("x", 300), changed(words("x", 300), 1), changed(words("x", 300), 30, "y"), words("z", 300)]
    signatures = np.array([minhash(text, MinHashConfig()) for text in texts])
    assert similarity(texts[0], texts[2]) < 0.4
    with table_of(tmp_path, signatures, MinHashConfig()) as table:
        pairs, num_cut = propose_pairs(table, np.arange(4), 0.8, 64, print)
    assert (pairs.tolist(), num_cut) == (as_pairs([(0, 1)]).tolist(), 0)
    assert least_estimate(0.8, 125) == pytest.approx(0.8 - 4 * 0.0358, abs=1e-3)
    assert least_estimate(1.0, 125) == 1.0


LINKS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda link: link[0] != link[1]), max_size=20)


def near_pairs(links: Iterable[tuple[int, int]]) -> list[NearPair]:
    """Pairs of documents whose precedence is that of their numbers."""
    found = {tuple(sorted(link)) for link in links}
    return [
        NearPair(
            earlier=candidate(f"2001.{one:05d}", 100 - one), later=candidate(f"2001.{other:05d}", 100 - other), jaccard=0.8 + other / 100
        )
        for one, other in sorted(found)
    ]


@given(LINKS)
def test_clusters_are_what_pairs_connect(links: list[tuple[int, int]]) -> None:
    clusters = cluster_of(near_pairs(links))
    assert clusters.keys() == {100 - node for link in links for node in link}
    for position, cluster in clusters.items():
        assert cluster == min(100 - node for node in reached_from(100 - position, links))


def reached_from(node: int, links: list[tuple[int, int]]) -> set[int]:
    found, todo = {node}, [node]
    while todo:
        here = todo.pop()
        for link in links:
            if here in link:
                there = link[0] + link[1] - here
                if there not in found:
                    found.add(there)
                    todo.append(there)
    return found


@given(LINKS, st.integers(0, 12))
@settings(max_examples=200)
def test_who_is_kept(links: list[tuple[int, int]], num_first: int) -> None:
    pairs = near_pairs(links)
    exclusions = exclude(pairs)
    by_position = {found.position: found.arxiv_id for pair in pairs for found in (pair.earlier, pair.later)}
    # no two kept ones resemble each other, and each one that leaves names a kept one that it resembles
    assert not [pair for pair in pairs if pair.earlier.position not in exclusions and pair.later.position not in exclusions]
    for position, exclusion in exclusions.items():
        kept = exclusion.detail.rpartition(" ")[2]
        assert [
            pair
            for pair in pairs
            if pair.later.position == position and pair.earlier.arxiv_id == kept and pair.earlier.position not in exclusions
        ]
        assert kept < by_position[position]
    # what comes later changes nothing of what came before
    first = exclude(near_pairs(link for link in links if max(link) < num_first))
    assert first == {position: exclusion for position, exclusion in exclusions.items() if 100 - position < num_first}
    # in another order the same
    assert exclude(pairs[::-1]) == exclusions


def test_a_later_paper_does_not_make_two_kept_ones_one() -> None:
    exclusions = exclude(near_pairs([(0, 2), (1, 2)]))
    assert {position: exclusion.detail for position, exclusion in exclusions.items()} == {98: "J = 0.820 with 2001.00000"}
    chain = exclude(near_pairs([(0, 1), (1, 2)]))
    assert chain.keys() == {99}


def test_sets_of_shingles_on_disk(tmp_path: Path) -> None:
    sets = {number: shingles(words(f"n{number}", 5 + number), 5) for number in range(6)}
    with ShingleFile(tmp_path) as file:
        for number, values in sets.items():
            file.add(number, values)
        for number in (3, 3, 0, 5, 3):
            assert (file.read(number) == sets[number]).all()
    assert list(tmp_path.iterdir()) == []
