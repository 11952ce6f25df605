"""Two runs compared: every figure is what the hand-made runs say, in both directions."""

import dataclasses
from pathlib import Path

import pytest

from preprocess.__main__ import main
from preprocess.config import Config, CorpusConfig
from preprocess.report import compare, write_comparison
from preprocess.report.compare import ABSENT, Amount, Comparison
from shards.errors import InputError
from tests.preprocess.run_folder import Paper, metadata_line, words, write_metadata, write_unit
from tests.preprocess.test_report import Page, finish, listing

TAR, OTHER = "arXiv_src_2402_001.tar", "arXiv_src_2403_001.tar"
CONFIG = Config(corpus=CorpusConfig(bucket_bits=1, validation_share=0, near_duplicate_threshold=None))
IDS = [f"2402.{number:05d}" for number in range(1, 9)]


def papers() -> dict[str, Paper]:
    return {arxiv_id: Paper(arxiv_id=arxiv_id, text=words(arxiv_id)) for arxiv_id in IDS}


def finished(folder: Path, tars: dict[str, list[Paper]], config: Config = CONFIG) -> Path:
    every = [paper for those in tars.values() for paper in those]
    write_metadata(folder, [metadata_line(paper.arxiv_id, "cs.LG" if paper.arxiv_id in IDS[:2] else "math.AG") for paper in every])
    for tar, those in tars.items():
        write_unit(folder, tar, those)
    finish(folder, [listing(tar, len(those)) for tar, those in tars.items()], config)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """B rejects one document of A, brings back one rejection, leaves out another by language, rewords one, and has a tar more."""
    folder = tmp_path_factory.mktemp("runs")
    first = papers() | {IDS[3]: Paper(arxiv_id=IDS[3], reason="no_root", stage="extract")}
    second = papers() | {
        IDS[0]: Paper(arxiv_id=IDS[0], reason="pdf_only"),
        IDS[1]: Paper(arxiv_id=IDS[1], text=words(IDS[1]), language="de"),
        IDS[2]: Paper(arxiv_id=IDS[2], text=words(IDS[2]) + " and more"),
    }
    extra = [Paper(arxiv_id="2403.00001", text=words("2403.00001"))]
    config = dataclasses.replace(CONFIG, corpus=dataclasses.replace(CONFIG.corpus, min_characters=900))
    return finished(folder / "a", {TAR: list(first.values())}), finished(folder / "b", {TAR: list(second.values()), OTHER: extra}, config)


def length(arxiv_id: str) -> int:
    return len(words(arxiv_id))


def by_name(amounts: "list[Amount] | tuple[Amount, ...]") -> dict[str, Amount]:
    return {amount.name: amount for amount in amounts}


def test_yield_by_end_and_domain(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    total = {amount.name: amount.papers for amount in found.totals}
    assert total == {"members in the tars": (8, 9), "documents": (7, 8), "in the corpus": (7, 7), "trained on": (7, 7)}
    characters = {amount.name: amount.characters for amount in found.totals}
    before = sum(length(arxiv_id) for arxiv_id in IDS if arxiv_id != IDS[3])
    after = sum(length(arxiv_id) for arxiv_id in [*IDS[2:], "2403.00001"]) + len(" and more")
    assert characters["trained on"] == (before, after)
    assert characters["documents"] == (before, after + length(IDS[1]))
    ends = {amount.name: amount.papers for amount in found.fates}
    assert ends == {"trained on": (7, 7), "extraction: no_root": (1, 0), "extraction: pdf_only": (0, 1), "corpus: language": (0, 1)}
    assert sum(papers[0] for papers in ends.values()) == 8
    domains = by_name(list(found.domains))
    assert (domains["cs"].papers, domains["math"].papers) == ((2, 0), (5, 7))
    assert domains["cs"].characters == (length(IDS[0]) + length(IDS[1]), 0)


def test_papers_that_end_differently_in_both_directions(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    moves = {(move.before, move.after): (move.papers, move.characters, move.examples) for move in found.moves}
    member = f"{TAR} 2402/{{}}.gz".format
    assert moves == {
        ("trained on", "extraction: pdf_only"): (1, (length(IDS[0]), 0), [member(IDS[0])]),
        ("trained on", "corpus: language"): (1, (length(IDS[1]), length(IDS[1])), [member(IDS[1])]),
        ("extraction: no_root", "trained on"): (1, (0, length(IDS[3])), [member(IDS[3])]),
        (ABSENT, "trained on"): (1, (0, length("2403.00001")), [f"{OTHER} 2403/2403.00001.gz"]),
    }
    assert found.num_same == 5
    assert found.reworded == (1, len(" and more"))
    back = compare(*runs[::-1])
    assert {(move.after, move.before): move.characters[::-1] for move in back.moves} == {way: what[1] for way, what in moves.items()}
    assert (back.num_same, back.reworded) == (5, (1, -len(" and more")))
    assert [(change.what, change.before, change.after) for change in found.changes] == [
        ("corpus.min_characters", "1000", "900"),
        ("tars that are new", "-", f"1 ({OTHER})"),
    ]


def test_a_run_is_like_itself(runs: tuple[Path, Path], tmp_path: Path) -> None:
    found = compare(runs[0], runs[0])
    assert (found.changes, found.moves, found.num_same, found.reworded) == ([], [], 8, (0, 0))
    write_comparison(found, tmp_path / "same.html")
    assert "Nothing: settings" in Page((tmp_path / "same.html").read_text()).sections["changes"]


def test_a_member_that_stands_in_a_tar_twice_is_two_papers(tmp_path: Path) -> None:
    twice = [Paper(arxiv_id=IDS[0], text=words("a")), Paper(arxiv_id=IDS[0], reason="pdf_only"), Paper(arxiv_id=IDS[1], text=words("b"))]
    found = compare(finished(tmp_path / "a", {TAR: twice}), finished(tmp_path / "b", {TAR: [*twice[:1], twice[0], twice[2]]}))
    assert sum(move.papers for move in found.moves) + found.num_same == 3
    assert {(move.before, move.after): move.papers for move in found.moves} == {
        ("extraction: pdf_only", "trained on"): 1,
        ("trained on", "corpus: older_version"): 1,
    }


def test_the_terminal_and_the_page_say_the_same(runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html = tmp_path / "page.html"
    assert main(["compare", str(runs[0]), str(runs[1]), "--html", str(html)]) == 0
    said = capsys.readouterr().out
    assert "  corpus.min_characters: 1000 -> 900" in said
    assert f"         1  trained on -> corpus: language   e.g. {TAR} 2402/{IDS[1]}.gz" in said
    assert f"page: {html}" in said
    page = Page(html.read_text())
    assert list(page.sections) == ["changes", "totals", "ends", "domains", "moves"]
    found: Comparison = compare(*runs)
    heads, *rows = page.tables["Papers by their end"]
    assert heads[:4] == ["What", "Papers A", "Papers B", "Difference"]
    assert {row[0]: (row[1], row[2]) for row in rows} == {amount.name: tuple(map(str, amount.papers)) for amount in found.fates}
    for amount in found.totals:
        assert f"{amount.characters[1]:,}" in said
        assert f"{amount.characters[1]:,}" in page.sections["totals"]
    assert len(page.tables["Ways from one end to another"]) == 1 + len(found.moves) == 5


@pytest.mark.parametrize("which, what", [("missing", "no such manifest"), ("a/ledger", "no such manifest")])
def test_what_is_no_run_is_one_line(runs: tuple[Path, Path], which: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=what):
        main(["compare", str(runs[0]), str(runs[0].parent / which), "--html", str(tmp_path / "p.html")])
    with pytest.raises(InputError, match="is a folder; --html takes the name of a file"):
        main(["compare", str(runs[0]), str(runs[1]), "--html", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
