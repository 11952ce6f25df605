"""One decision at a time: the switches, the sample, and what the table says of a small dump."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.raylets import Raylets
from preprocess.__main__ import main
from preprocess.ablate import changes_extraction, choose_switches
from preprocess.config import ABLATIONS, Config
from preprocess.settings import load_config
from preprocess.sources.sample import Sample
from preprocess.sources.tars import Member, Unit
from shards.errors import InputError
from shards.store import states_in
from tests.object_stores import make_bucket, place, use_credentials
from tests.preprocess.run_folder import words
from tests.preprocess.small_dump import SNAPSHOT, few_papers, write_source
from tests.preprocess.test_report import Page
from tests.preprocess.tiny import packed

ROOT = Path(__file__).resolve().parent.parent.parent
ANY_LANGUAGE = ["--set", "corpus.languages=none", "--set", "corpus.min_language_probability=0", "--set", "corpus.validation_share=0"]


def test_every_switch_turns_something() -> None:
    assert len({switch.name for switch in ABLATIONS}) == len(ABLATIONS) > 10
    extracted = set()
    for switch in ABLATIONS:
        config = load_config(None, switch.overrides)
        assert config != Config(), switch.name
        if changes_extraction(Config(), config):
            extracted.add(switch.name)
    assert extracted == {"with_bibliography", "author_year", "no_macros"}


def test_switches_are_chosen_by_name_or_made() -> None:
    assert choose_switches([]) == list(ABLATIONS)
    [first, own] = choose_switches(["no_dedup", "corpus.min_characters=50", "no_dedup"])
    assert (first.name, own.name, own.overrides) == ("no_dedup", "corpus_min_characters_50", ("corpus.min_characters=50",))
    with pytest.raises(InputError, match="--switch no_such: no such switch; there are any_language, "):
        choose_switches(["no_such"])


def test_a_smaller_sample_is_in_a_larger_one() -> None:
    members = tuple(Member(name=f"m{number}", offset=0, size=1, available=1) for number in range(10))
    units = [Unit(name=f"u{number}", tar_path="", tar=f"t{number}", tar_md5="", first_member=0, members=members) for number in range(40)]
    paths = [Path(f"t{number}") for number in range(40)]
    before: set[str] = set()
    for num_papers in (1, 95, 100, 200, 1000):
        chosen = Sample(max_papers=num_papers, max_tars=40).units(units)
        assert len(chosen) == min(40, -(-num_papers // 10))
        assert chosen == [unit for unit in units if unit in chosen]  # in their order
        assert before <= {unit.name for unit in chosen}
        before = {unit.name for unit in chosen}
    few, more = (Sample(max_papers=1, max_tars=number).tars(paths) for number in (3, 30))
    assert (len(few), len(more)) == (3, 30)
    assert set(few) < set(more)


def test_the_table_of_a_small_dump(ray_cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers = few_papers(5)
    short = (
        "\\documentclass{article}\n\\newcommand{\\words}{" + words("2402.00006", 20) + "}\n\\begin{document}\n\\words\n\\end{document}\n"
    )
    papers["2402.00006"] = packed(short.encode())
    papers["2402.00007"] = papers["2402.00001"]
    write_source(tmp_path, papers)
    out = tmp_path / "out"
    places = ["--source", str(tmp_path / "src"), "--metadata", str(tmp_path / SNAPSHOT), "--out", str(out), "--num-workers", "1"]
    switches = ["any_length", "no_dedup", "no_macros", "corpus.categories=cs"]
    command = ["ablate", *places, *ANY_LANGUAGE, *(word for switch in switches for word in ("--switch", switch))]
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    rows = {row["name"]: row for row in json.loads((out / "ablation.json").read_text())["rows"]}
    assert list(rows) == ["default", "any_length", "no_dedup", "no_macros", "corpus_categories_cs"]
    assert [line.split()[0] for line in said[1:6]] == list(rows)
    trained = {name: (row["papers"], row["papers_in"], row["papers_out"]) for name, row in rows.items()}
    assert trained == {
        "default": (5, 0, 0),
        "any_length": (6, 1, 0),
        "no_dedup": (6, 1, 0),
        "no_macros": (5, 0, 0),
        "corpus_categories_cs": (0, 0, 5),
    }
    size = rows["default"]["characters"]
    assert rows["any_length"]["characters"] > size
    assert rows["corpus_categories_cs"]["change"] == -1
    assert rows["no_dedup"]["change"] == pytest.approx(rows["no_dedup"]["characters"] / size - 1)
    assert [row["is_extracted"] for row in rows.values()] == [True, False, False, True, False]
    assert (out / "any_length/units").is_symlink()
    assert not (out / "no_macros/units").is_symlink()
    assert (out / "no_macros/metadata").is_symlink()  # and tars are read for their MD5 once
    assert len(Page((out / "ablation.html").read_text()).tables["Switches"]) == 6
    # every variant is a run like others, and the same command again extracts nothing
    assert main(["compare", str(out / "default"), str(out / "any_length")]) == 0
    assert "  corpus.min_characters: 1000 -> 0" in capsys.readouterr().out
    assert main(command) == 0
    again = capsys.readouterr()
    assert again.out.splitlines() == said
    assert again.err.count("units are done, nothing to do") == 2


def test_a_table_on_an_object_store(raylets: Raylets, object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variants have copies of the default's units there, and no file of their own run is left on this machine."""
    use_credentials(monkeypatch)
    make_bucket(object_store, "ablated")
    write_source(tmp_path, few_papers(3))
    places = ["--source", str(tmp_path / "src"), "--metadata", str(tmp_path / SNAPSHOT), "--out", "s3://ablated/table"]
    options = ["--endpoint", object_store, "--num-workers", "1", "--address", raylets.address]
    words_of_all = [*places, *options, *ANY_LANGUAGE, "--switch", "no_dedup", "--switch", "corpus.categories=cs"]
    command = [sys.executable, "-m", "preprocess", "ablate", *words_of_all]
    out = place(object_store, "ablated/table")
    stale = out / "no_dedup" / "units" / "arXiv_src_2402_777-00000.json"
    stale.put(b"left by a run over other tars")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row["papers"] for row in json.loads((out / "ablation.json").read_bytes())["rows"]}
    assert rows == {"default": 3, "no_dedup": 3, "corpus_categories_cs": 0}
    default, copied = (states_in(out / name / "units") for name in ("default", "no_dedup"))
    assert {name: state.st_size for name, state in default.items()} == {name: state.st_size for name, state in copied.items()}
    assert len(default) == 1
    assert not stale.is_file()
    assert (out / "no_dedup" / "run.json").is_file()
    assert b"One switch at a time" in (out / "ablation.html").read_bytes()


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--sample", "0"], "take numbers of at least 1"),
        (["--switch", "nope"], "no such switch"),
        (["--switch", "corpus.nope=1"], "has no field nope"),
        (["--out", "https://example.org/x"], "an HTTP folder can only be read"),
    ],
)
def test_bad_input(tmp_path: Path, arguments: list[str], what: str) -> None:
    with pytest.raises(InputError, match=what):
        main(["ablate", "--source", "x", "--metadata", "y", "--out", str(tmp_path / "out"), *arguments])
    assert list(tmp_path.iterdir()) == []


def test_the_switches_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ablate", "--list"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(switch.name in said and switch.words in said for switch in ABLATIONS)
    assert "--set corpus.deduplicate=false --set corpus.near_duplicate_threshold=none" in said
