import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import bench_yield as bench
from preprocess.config import Config
from preprocess.records import RejectReason
from shards.errors import InputError
from tests.preprocess.small_dump import TAR, few_papers, write_source
from tests.preprocess.tiny import packed, raw_paper

SENTENCE = "We show that the bound is sharp. "


def paper(body: str) -> bytes:
    return packed(rf"\documentclass{{article}}\begin{{document}}{body}\end{{document}}".encode())


def test_a_text_is_good_by_its_length_or_by_its_words() -> None:
    end = bench.End(tar="a.tar", arxiv_id="1", has_tex=True, reason="document", seconds=0.1, num_characters=1001, num_words=100)
    assert end.is_good
    assert not replace(end, num_characters=1000).is_good
    assert replace(end, num_characters=1000, detex_words=200).is_good
    assert not replace(end, num_characters=1000, detex_words=201).is_good
    assert replace(end, detex_words=1000).is_good
    assert not replace(end, reason="no_root").is_good


def test_members_end_with_their_reason_and_the_words_of_both(tmp_path: Path) -> None:
    detex = tmp_path / "detex"
    detex.write_text('#!/bin/sh\nsed "s/[\\\\\\\\{}]/ /g" "$2"\n')
    detex.chmod(0o755)
    end = bench.ended(raw_paper(paper(SENTENCE * 50)), Config(), str(detex))
    assert (end.reason, end.has_tex, end.num_words, end.is_good) == ("document", True, 350, True)
    assert end.detex_words == 350 + 6  # documentclass, article, begin, document, end, document
    assert 0 < end.seconds < 60
    nothing = bench.ended(raw_paper(b"%PDF-1.4 nothing else"), Config(), str(detex))
    assert (nothing.reason, nothing.has_tex, nothing.detex_words) == ("pdf_only", False, None)
    empty = bench.ended(raw_paper(paper("% no word")), Config(), None)
    assert (empty.has_tex, empty.is_good, empty.detex_words) == (True, False, None)


def test_what_raises_is_named_and_counts_as_a_paper_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("planted")

    for name in ("validate_paper", "extract_paper"):
        with monkeypatch.context() as patch:
            patch.setattr(bench, name, broken)
            end = bench.ended(raw_paper(paper(SENTENCE)), Config(), None)
        figures = bench.figures_of([end], Config(), frozenset())
        assert (figures["with_tex"], figures["share"]) == (1, 0)
        assert figures["past_a_limit"] == [end.arxiv_id]
        assert figures["others"][0]["reason"] == RejectReason.QUARANTINED.value


def test_tars_apart_are_listed_and_have_no_part_in_the_share() -> None:
    good = bench.End(
        tar="a.tar", arxiv_id="1", has_tex=True, reason="document", seconds=0.1, num_characters=5000, num_words=700, detex_words=1500
    )
    short = replace(good, arxiv_id="2", num_characters=10, num_words=2)
    cut = bench.End(tar="b.tar", arxiv_id="3", has_tex=False, reason="truncated_gzip", seconds=0.2)
    figures = bench.figures_of([good, short, cut, replace(short, tar="b.tar")], Config(), frozenset({"b.tar"}))
    assert (figures["members"], figures["with_tex"], figures["good"], figures["share"]) == (4, 2, 1, 0.5)
    assert [entry["id"] for entry in figures["others"]] == ["2"]
    assert [entry["reason"] for entry in figures["good_with_less_than_half_of_detex_words"]] == ["few_words"]
    assert figures["rejected"] == {"truncated_gzip": ["3"]}
    assert figures["apart"] == {"b.tar": {"document": 1, "truncated_gzip": 1}}
    assert figures["slowest_stage_seconds"][0] == {"id": "3", "seconds": 0.2}


def test_a_small_dump_is_measured_without_detex_and_written_without_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_source(tmp_path, few_papers(4))
    written: dict[str, object] = {}
    monkeypatch.setattr(bench, "write_result", lambda name, figures: written.update({name: figures}) or Path("x.json"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["bench_yield", "--source", str(tmp_path / "src")])
    assert bench.main() == 0
    figures = json.loads(json.dumps(written["extraction_yield"]))
    assert (figures["members"], figures["ends"], figures["with_tex"]) == (4, {"document": 4}, 4)
    assert "detex" in figures["left_out"]
    assert TAR not in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["bench_yield", "--source", str(tmp_path / "src"), "--apart", "none.tar"])
    with pytest.raises(InputError, match=r"--apart none\.tar: no tar of"):
        bench.main()
