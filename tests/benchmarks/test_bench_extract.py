import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import bench_extract as bench
from shards.errors import InputError
from tests.preprocess.small_dump import TAR, few_papers, write_source
from tests.preprocess.tiny import raw_paper


def test_inclusions_are_put_in_their_places_once() -> None:
    texts = {
        "a.tex": "A \\input{b} % \\input{b}\n\\include sub/c \\input{gone} \\inputs{b}",
        "b.tex": "B \\input{a}",
        "sub/c.tex": "C \\input{d}",
        "sub/d.tex": "D",
    }
    assert bench.flattened(texts, "a.tex") == "A B \\input{a} % \\input{b}\nC D \\input{gone} \\inputs{b}"


def test_a_straight_line_is_told() -> None:
    sizes = [10_000 * number for number in range(1, 40)]
    found = bench.fit(sizes, [0.25 * size / 1e6 for size in sizes])
    assert (found["seconds_per_mb"], found["seconds_per_paper"], found["r_squared"], found["power_of_size"]) == (0.25, 0, 1, 1)
    assert bench.fit(sizes, [size**2 / 1e12 for size in sizes])["power_of_size"] == 2


def test_the_table_of_cost_by_size_has_every_paper_once() -> None:
    rows = bench.cost_by_size([500, 9_999, 10_000, 2_000_000], [0.5, 0.5, 0.1, 1.0])
    assert [(row["from_kb"], row["papers"], row["tex_bytes"], row["cpu_seconds"]) for row in rows] == [
        (0, 2, 10_499, 1.0),
        (10, 1, 10_000, 0.1),
        (1000, 1, 2_000_000, 1.0),
    ]
    assert rows[2]["mb_per_cpu_second"] == 2


def test_ordinary_sizes_are_those_around_the_median() -> None:
    papers = [bench.Paper(raw=raw_paper(b""), root="a.tex", tex="x" * size) for size in (9_000_000, 70, 125, 100, 5, 90)]
    assert [paper.num_bytes for paper in bench.by_ordinary_size(papers)] == [100, 90, 125, 70, 5, 9_000_000]


def test_a_slow_peer_goes_on_to_other_papers_until_enough_have_come_to_an_end(tmp_path: Path) -> None:
    raws = [raw_paper(f"\\documentclass{{article}}\\begin{{document}}{'x' * size}\\end{{document}}".encode()) for size in range(20, 28)]
    papers = [paper for number, raw in enumerate(raws) if (paper := bench.one_root_paper(replace(raw, member=str(number)))) is not None]
    ours = {paper.key: bench.Run(seconds=0.1, text="x") for paper in papers}
    fails_on_odd = bench.Peer(
        name="p", version="1", command=lambda file: ["sh", "-c", f"grep -q 'x\\{{24\\}}' {file} && cat {file}"], limit=2
    )
    figures = bench.measure_peer(fails_on_odd, papers, ours, 5, tmp_path)
    assert len(papers) == 8
    assert (figures["papers"], figures["median_tex_bytes"] > 24) == (2 + len(figures["failed"]), True)
    never = bench.Peer(name="p", version="1", command=lambda file: ["false"], limit=1)
    assert bench.measure_peer(never, papers, ours, 5, tmp_path)["papers"] == 3


def test_control_words_in_formulas_and_code_do_not_count() -> None:
    assert bench.control_words_per_kb(["$\\alpha$ $$\\beta$$ \\[\\gamma\\]\n\n```\n\\delta\n```\n"]) == 0
    assert bench.control_words_per_kb([f"\\alpha {'x' * 993}"]) == 1


def test_a_peer_that_fails_or_takes_too_long_is_on_the_books(tmp_path: Path) -> None:
    file = tmp_path / "a.tex"
    file.write_text("text")
    ends = {"cat": "text", "false": "exit code 1", "true": "no text", "while :; do :; done": "longer than 1 CPU seconds"}
    for script, wanted in ends.items():
        peer = bench.Peer(
            name="p", version="1", command=lambda file, script=script: ["sh", "-c", f"{script} {file if script == 'cat' else ''}"]
        )  # type: ignore[misc]
        run = bench.run_peer(peer, file, 1)
        assert (run.text or run.failure) == wanted
    assert run.seconds > 0.5
    with pytest.raises(FileNotFoundError):
        bench.run_peer(bench.Peer(name="p", version="1", command=lambda file: ["/no/such/command"]), file, 1)


def test_what_has_not_one_root_is_not_compared() -> None:
    assert bench.one_root_paper(raw_paper(b"%PDF-1.4")) is None


def test_a_small_dump_is_measured_and_written_without_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_source(tmp_path, few_papers(4))
    written: dict[str, object] = {}
    monkeypatch.setattr(bench, "MIN_FIT_BYTES", 1)
    monkeypatch.setattr(bench, "peers", lambda limit: ([], {"pandoc": "is not installed"}))
    monkeypatch.setattr(bench, "write_result", lambda name, figures: written.update({name: figures}) or Path("x.json"))
    monkeypatch.setattr("sys.argv", ["bench_extract", "--source", str(tmp_path / "src"), "--limit", "2", "--latexml-limit", "0"])
    assert bench.main() == 0
    figures = json.loads(json.dumps(written["extract"]))
    everything = figures["ours_on_everything"]
    assert sum(row["papers"] for row in everything["cost_by_size"]) == 4
    assert (everything["ends"], everything["cost_against_size"]) == ({"document": 4}, None)  # all of one size: no line
    assert everything["mb_per_cpu_second"] > 0
    assert sum(everything["share_of_stages"].values()) == pytest.approx(1, abs=1e-3)
    assert len(figures["papers"]) == figures["side_by_side"]["ours"]["papers"] == 2
    assert figures["left_out"] == {"pandoc": "is not installed"}
    assert figures["profile_of_ours"][0]["share"] >= figures["profile_of_ours"][-1]["share"] > 0
    assert TAR not in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["bench_extract", "--source", str(tmp_path / "src"), "--limit", "0"])
    with pytest.raises(InputError, match="--limit, --peer-seconds and --latexml-seconds have to be at least 1"):
        bench.main()
