import hashlib
import json
import statistics
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.synthetic_dump import TRUTH, make_papers, packed, sample_papers, write_synthetic_dump
from preprocess.config import Config
from preprocess.pipeline import process_paper
from preprocess.records import Document, RawPaper, RejectReason
from preprocess.shingles import jaccard, shingles
from preprocess.sources.manifest import read_arxiv_manifest
from preprocess.sources.tars import find_tars, plan_units, read_papers, scan_tar
from samples.build import SNAPSHOT_NAME

NUM_PAPERS = 120


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic")
    made = write_synthetic_dump(folder, NUM_PAPERS, seed=1, max_tar_bytes=100_000, papers_a_tar=50)
    assert made["papers"] == sum(made["kinds"].values()) == NUM_PAPERS
    assert set(made["kinds"]) == {"original", "exact", "near", "pdf"}
    return folder


def truth_of(dump: Path) -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in map(json.loads, (dump / TRUTH).read_text().splitlines())}


def test_it_is_laid_out_as_arxiv_lays_out_its_own(dump: Path) -> None:
    tars = find_tars(dump / "src")
    listings = [scan_tar(path) for path in tars]
    assert [listing.name for listing in listings] == [f"arXiv_src_1501_{number:03}.tar" for number in range(1, len(tars) + 1)]
    assert len(tars) >= 3
    assert sum(len(listing.members) for listing in listings) == NUM_PAPERS
    assert all(listing.num_bytes < 120_000 and len(listing.members) <= 50 for listing in listings)
    stated = read_arxiv_manifest(dump / "src")
    assert {name: (entry.md5, entry.num_items, entry.num_bytes) for name, entry in stated.items()} == {
        listing.name: (listing.md5, len(listing.members), listing.num_bytes) for listing in listings
    }
    ids = [json.loads(line)["id"] for line in (dump / SNAPSHOT_NAME).read_text().splitlines()]
    assert ids == list(truth_of(dump)) == [f"1501.{number:05}" for number in range(1, NUM_PAPERS + 1)]


def test_papers_are_what_the_truth_says(dump: Path) -> None:
    truth = truth_of(dump)
    texts: dict[str, str] = {}
    for path in find_tars(dump / "src"):
        for unit in plan_units(scan_tar(path), Config().unit):
            for raw in read_papers(unit):
                outcome = process_paper(raw, Config())
                if truth[raw.arxiv_id]["kind"] == "pdf":
                    assert not isinstance(outcome, Document)
                    assert outcome.reason == RejectReason.PDF_ONLY
                else:
                    assert isinstance(outcome, Document)
                    assert outcome.language == "en"
                    texts[raw.arxiv_id] = outcome.text
    sets = {arxiv_id: shingles(text, 5) for arxiv_id, text in texts.items()}
    looked_at = Counter(row["kind"] for row in truth.values())
    for arxiv_id, row in truth.items():
        if row["kind"] == "exact":
            assert texts[arxiv_id] == texts[row["origin"]]
        elif row["kind"] == "near":
            assert 0.3 < jaccard(sets[arxiv_id], sets[row["origin"]]) <= 1
    assert min(looked_at["exact"], looked_at["near"]) >= 1
    originals = [arxiv_id for arxiv_id, row in truth.items() if row["kind"] == "original"]
    assert max(jaccard(sets[one], sets[other]) for one in originals[:40] for other in originals[40:]) < 0.5


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(dump: Path, tmp_path: Path) -> None:
    write_synthetic_dump(tmp_path / "again", NUM_PAPERS, seed=1, max_tar_bytes=100_000, papers_a_tar=50)
    digests = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (dump, tmp_path / "again")
    ]
    assert digests[0] == digests[1]
    one, other = (next(make_papers(1, seed)) for seed in (1, 2))
    assert one.files != other.files
    assert len(sample_papers()) >= 40


def test_lengthened_papers_are_as_long_as_asked_for_and_become_documents() -> None:
    made = list(make_papers(60, 3, 20_000))
    assert made == list(make_papers(60, 3, 20_000))
    originals = [paper for paper in made if paper.kind == "original"]
    lengths = [max(len(content) for name, content in paper.files.items() if name.endswith(".tex")) for paper in originals]
    assert len(originals) >= 40
    assert 12_000 < statistics.median(lengths) < 35_000
    assert max(lengths) > 4 * min(lengths)
    for paper, length in list(zip(originals, lengths, strict=True))[:12]:
        member, payload = packed(paper)
        raw = RawPaper(arxiv_id=paper.arxiv_id, tar="", member=member, payload=payload, size=len(payload))
        outcome = process_paper(raw, Config())
        assert isinstance(outcome, Document)
        assert outcome.language == "en"
        assert len(outcome.text) > 0.4 * length
