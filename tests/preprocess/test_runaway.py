"""The runaway guard: when it stops, what it says, and that a run which goes on ends as if nothing had happened."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from preprocess.changes import changes
from preprocess.config import Config, CorpusConfig, LatexConfig, RunawayConfig, UnitConfig, recorded
from preprocess.corpus.records import Candidate, CorpusReason, Decision, Exclusion
from preprocess.pipeline import STAGE_VERSIONS
from preprocess.run import run
from preprocess.runaway import RunawayError, RunawayGuard, judged_since, over_limit
from preprocess.settings import load_config
from preprocess.sources.tars import Unit
from shards.errors import InputError
from tests.preprocess.small_dump import SNAPSHOT, few_papers, law_bound, times, write_source

PDF = b"%PDF-1.4\n"


def config(**fields: Any) -> RunawayConfig:
    return RunawayConfig(**({"min_papers": 100} | fields))


@pytest.mark.parametrize(
    "counts, total, fields, expected",
    [
        ({"no_root": 11}, 100, {}, "no_root"),
        ({"no_root": 10}, 100, {}, None),
        ({"no_root": 99}, 99, {}, None),  # too few to judge
        ({"pdf_only": 50, "category": 95}, 200, {}, None),  # limits of their own
        ({"pdf_only": 51}, 100, {}, "pdf_only"),
        ({"no_root": 30, "pdf_only": 90}, 100, {}, "no_root"),  # three times its limit, the other less than twice
        ({"pdf_only": 51}, 100, {"max_shares": (("pdf_only", 0.6),)}, None),
        ({"no_root": 5}, 100, {"max_shares": (("no_root", 0.04),)}, "no_root"),
        ({"no_root": 100}, 100, {"max_share": None}, None),
        ({}, 100, {}, None),
    ],
)
def test_when_it_stops(counts: dict[str, int], total: int, fields: dict[str, Any], expected: str | None) -> None:
    assert over_limit(counts, dict.fromkeys(counts, total), config(**fields)) == expected


@pytest.mark.parametrize(
    "setting, what",
    [
        ("runaway.max_share=0", "runaway.max_share is 0.0; more than 0 and at most 1 is needed, or none for no guard"),
        ("runaway.max_shares=[['no_root', 2]]", "a reason and its share, more than 0 and at most 1, is needed"),
        ("runaway.min_papers=0", "runaway.min_papers is 0; at least 1"),
    ],
)
def test_limits_that_are_none_are_refused(setting: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        load_config(None, [setting])


def test_a_limit_for_what_is_no_reason_is_refused() -> None:
    with pytest.raises(InputError, match="names 'pdf', which is no reason; there are category, "):
        RunawayGuard(config(max_shares=(("pdf", 0.5),)), None, {}, print)


def test_no_manifest_has_the_guard() -> None:
    assert load_config(None, ["runaway.max_share=none"]).runaway.max_share is None
    assert "runaway" not in recorded(Config())
    assert recorded(Config())["corpus"]["min_characters"] == Config().corpus.min_characters


def books(**fields: Any) -> dict[str, Any]:
    made = {
        "config": recorded(Config()),
        "stages": STAGE_VERSIONS,
        "tars": [{"tar": "arXiv_src_2402_001.tar", "md5": "a" * 32}],
        "metadata": {"snapshot_sha256": "b" * 64},
        "commit": "c" * 40,
    }
    return made | fields


def test_what_changed_is_told() -> None:
    other = Config(latex=LatexConfig(max_expansions=1))
    after = books(
        config=recorded(other),
        stages=STAGE_VERSIONS | {"latex": 99},
        tars=[{"tar": "arXiv_src_2402_001.tar", "md5": "d" * 32}, {"tar": "arXiv_src_2402_002.tar", "md5": "e" * 32}],
        metadata={"snapshot_sha256": "f" * 64},
        commit="0" * 40 + "+changes",
    )
    assert [str(change) for change in changes(books(), after)] == [
        "latex.max_expansions: 2000000 -> 1",
        f"version of latex: {STAGE_VERSIONS['latex']} -> 99",
        "arXiv_src_2402_001.tar: md5 aaaaaaaaaaaa -> md5 dddddddddddd",
        "tars that are new: - -> 1 (arXiv_src_2402_002.tar)",
        "metadata snapshot, SHA-256: bbbbbbbbbbbb -> ffffffffffff",
        "commit: cccccccccccc -> 000000000000+changes",
    ]
    assert changes(books(), books()) == []


def test_what_an_earlier_run_has_finished_is_not_judged_again() -> None:
    units = [
        Unit(name=f"{tar}-00000", tar_path=Path(), tar=f"{tar}.tar", tar_md5=md5 * 32, first_member=0, members=())
        for tar, md5 in (("arXiv_src_2402_001", "a"), ("arXiv_src_2402_002", "e"))
    ]
    assert judged_since(books(), units, Config()) == units[1:]
    assert judged_since(None, units, Config()) == units
    assert judged_since(books(), units, Config(latex=LatexConfig(max_expansions=1))) == units
    assert judged_since(books(), units, Config(runaway=config())) == units[1:]
    assert judged_since(books(stages={}), units, Config()) == units


def decisions(**counts: int) -> list[Decision]:
    """So many documents of each reason, and `kept` ones."""
    made = []
    for reason, count in counts.items():
        exclusion = None if reason == "kept" else Exclusion(reason=CorpusReason(reason), detail="d")
        candidate = Candidate(
            **dict.fromkeys(("arxiv_id", "unit", "tar", "member", "language", "text_sha256"), "u"),
            **dict.fromkeys(("license", "created", "version", "withdrawn_detail")),
            position=0,
            characters=1,
            language_probability=1.0,
            is_known=True,
            categories=(),
        )
        made += [Decision(candidate=candidate, domain="math", split="train", bucket=0, exclusion=exclusion)] * count
    return made


def test_a_rule_is_judged_by_the_documents_that_come_to_it() -> None:
    guard = RunawayGuard(config(), books(), books(), lambda _: None)
    guard.check_corpus(decisions(no_metadata=60, category=500, language=40, kept=400), set())
    with pytest.raises(RunawayError, match=r"category took 540 of 540 papers \(100\.0%\), more than its limit of 95\.0%"):
        guard.check_corpus(decisions(no_metadata=60, category=540), set())
    guard.check_corpus(decisions(category=900, language=99), set())  # a hundred must come to a rule before it may stop a run
    with pytest.raises(RunawayError, match="language took 100 of 100 papers"):
        guard.check_corpus(decisions(category=900, language=100), set())
    # what is new is judged by itself too
    guard.check_corpus(decisions(language=120, kept=2000), set())
    with pytest.raises(RunawayError, match="language took 120 of 120 papers"):
        guard.check_corpus(
            [*decisions(kept=2000), *(replace(one, candidate=replace(one.candidate, unit="new")) for one in decisions(language=120))],
            {"new"},
        )


def small_run(folder: Path, out: Path, **fields: Any) -> dict[str, Any]:
    made = Config(
        unit=UnitConfig(max_unit_members=2),
        corpus=CorpusConfig(languages=None, min_language_probability=0),
        runaway=config(**({"min_papers": 4} | fields)),
    )
    return run(folder / "src", folder / SNAPSHOT, out, made, num_workers=1, address=None)


def test_a_run_that_loses_its_papers_stops_and_goes_on_when_told(
    ray_cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    papers = few_papers(32)
    for number in range(2, 34, 2):
        papers[f"2402.{number:05d}"] = PDF
    write_source(tmp_path, papers)
    out = tmp_path / "out"
    calm = small_run(tmp_path, tmp_path / "calm", max_share=None)
    assert calm["rejections"] == {"pdf_only": 16}
    capsys.readouterr()
    with pytest.raises(RunawayError) as stopped:
        small_run(tmp_path, out, max_shares=(("pdf_only", 0.4),))
    assert stopped.value.exit_code == 3
    line = str(stopped.value)
    assert line.startswith("stopped: pdf_only took 2 of 4 papers (50.0%), more than its limit of 40.0%; what is done stays.")
    assert "--set 'runaway.max_shares=[[\"pdf_only\", 0.62]]'" in line
    said = capsys.readouterr().err
    assert "arXiv_src_2402_001.tar 2402/2402.00002.gz: the submission is one PDF file" in said
    assert "no run has ended in this output before; settings that are not the defaults:\n  unit.max_unit_members: 250 -> 2" in said
    assert not (out / "run.json").exists()
    assert not (out / "corpus").exists()
    assert list(out.rglob(".tmp-*")) == []
    done = times(out, "units")
    assert 2 <= len(done) < 16
    # the same command stops again at once: what was judged is not forgotten
    with pytest.raises(RunawayError):
        small_run(tmp_path, out, max_shares=(("pdf_only", 0.4),))
    assert times(out, "units") == done
    assert small_run(tmp_path, out, max_shares=(("pdf_only", 0.62),)) == calm
    assert law_bound(out) == law_bound(tmp_path / "calm")
    assert {name: times(out, "units")[name] for name in done} == done


def test_a_corpus_that_leaves_out_its_documents_is_not_written(
    ray_cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_source(tmp_path, few_papers(4))
    out = tmp_path / "out"
    first = small_run(tmp_path, out)
    before = law_bound(out)
    (tmp_path / SNAPSHOT).write_text((tmp_path / SNAPSHOT).read_text().splitlines(keepends=True)[0])
    capsys.readouterr()
    with pytest.raises(RunawayError, match=r"^stopped: no_metadata took 3 of 4 papers \(75\.0%\), more than its limit of 10\.0%"):
        small_run(tmp_path, out)
    said = capsys.readouterr().err
    assert "arXiv_src_2402_001.tar 2402/2402.00002.gz: " in said
    assert "changed since the last run that ended here:\n  metadata snapshot, SHA-256: " in said
    left = {name: content for name, content in law_bound(out).items() if name.startswith(("corpus/", "run.json"))}
    assert left == {name: content for name, content in before.items() if name.startswith(("corpus/", "run.json"))}
    assert len(left) > 3
    second = small_run(tmp_path, out, max_shares=(("no_metadata", 1.0),))
    assert (first["corpus"]["num_kept"], second["corpus"]["num_kept"]) == (4, 1)
