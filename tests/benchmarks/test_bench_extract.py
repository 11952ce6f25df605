import json
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
    assert (everything["ends"], everything["cost_against_size"]) == ({"document": 4}, None)  # all of one size: no line
    assert everything["mb_per_cpu_second"] > 0
    assert sum(everything["share_of_stages"].values()) == pytest.approx(1, abs=1e-3)
    assert len(figures["papers"]) == figures["side_by_side"]["ours"]["papers"] == 2
    assert figures["left_out"] == {"pandoc": "is not installed"}
    assert figures["profile_of_ours"][0]["share"] >= figures["profile_of_ours"][-1]["share"] > 0
    assert TAR not in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["bench_extract", "--source", str(tmp_path / "src"), "--limit", "0"])
    with pytest.raises(InputError, match="--limit and --peer-seconds have to be at least 1"):
        bench.main()
