"""The report of training: figures on the page against the rows they are made from, and bad folders answered in one line."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shards.errors import InputError
from tests.train.runs import small_config
from tools.report import after_returns, data_stall, main, page, read_run, time_by_part, write_report

TOKENS_PER_STEP = 8 * 32


def train_row(step: int, **fields: Any) -> dict[str, Any]:
    shares = {"forward": 0.25, "backward": 0.5, "data": 0.05, "other": 0.2}
    row = {"kind": "train", "iteration": step, "lm_loss": 5 - step / 10, "bits_per_byte": 2 - step / 20, "lr": 1e-3, "grad_norm": 1.0}
    row |= {"tokens_per_second": 256.0, "mfu": 0.4, "data_stall_share": 0.05, "memory_bytes": 2_000_000, "skipped_steps": 0}
    return row | {"seconds": 4.0, "time_share": shares} | fields


def write_run(folder: Path, rows: list[dict[str, Any]], **fields: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(small_config(**fields))))
    return folder


def rows_of_a_run() -> list[dict[str, Any]]:
    found = [
        {"kind": "validation", "iteration": 0, "domain": name, "lm_loss": 5.5, "bits_per_byte": 2.1} for name in ("math", "cs<>", "all")
    ]
    found += [train_row(2), {"kind": "skipped", "iteration": 3, "reason": "loss is not finite", "lm_loss": "nan", "grad_norm": "inf"}]
    found += [train_row(4, data_stall_share=0.15, mfu=None), train_row(6, lm_loss="nan")]
    found += [{"kind": "rewind", "iteration": 6, "to_iteration": 4}, train_row(6)]
    found += [
        {"kind": "validation", "iteration": 6, "domain": name, "lm_loss": 4.4, "bits_per_byte": 1.7} for name in ("math", "cs<>", "all")
    ]
    books = {"tokens_in_shards": {"math": 1000, "physics": 70}, "tokens_in_samples": {"math": 992}, "tokens_in_tails": {"math": 8}}
    books |= {"tokens_unused": {"math": 0, "physics": 70}, "tokens_drawn": {"math": 2048}, "epochs": {"math": 2048 / 992}}
    return [*found, {"kind": "books", "iteration": 6, "tokens_trained_on": 1536, "tokens_skipped": 512, **books}]


def cells(html: str, caption: str) -> list[list[str]]:
    table = re.search(rf"<caption>{re.escape(caption)}</caption>.*?</table>", html, re.S)
    assert table is not None
    body = table[0].partition("<tbody>")[2]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in body.split("</tr>")[:-1]]


def test_the_page_says_what_the_rows_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "small", rows_of_a_run())
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    html = (folder / "report.html").read_text()
    ((name, bits, loss, speed, mfu, stall, skipped, returns, memory),) = cells(html, "The runs")
    assert (name, bits, loss) == ("small", "2.1000 → 1.7000", "4.8000 → 4.4000")
    assert (speed, mfu, skipped, returns, memory) == ("256", "40.0\u00a0%", "0", "1", "2.0 MB")
    assert stall == "8.333\u00a0%"  # 2 steps each of 5, 15 and 5 %
    assert cells(html, "Validation, bits per byte")[0] == ["cs&lt;&gt;", "2.1000", "1.7000", "1.7000"]
    assert cells(html, "2 of them") == [["3", "loss is not finite", "nan", "inf"], ["6", "back to step 4", "", ""]]
    assert cells(html, "tokens")[0] == ["math", "1,000", "992", "8", "0", "2,048", "2.065"]
    assert cells(html, "tokens")[-1][:6] == ["all", "1,070", "992", "8", "70", "2,048"]
    assert "2,048 tokens drawn = 1,536 trained on + 512 skipped" in html
    assert html.count("<polyline") >= 9
    assert "cs<>" not in html
    assert not re.search(r"<script|<link|src=|https?:", html)


def test_time_is_weighted_by_the_rows_seconds(tmp_path: Path) -> None:
    rows = [train_row(2, seconds=1.0), train_row(4, seconds=9.0, time_share={"forward": 1.0})]
    one = read_run(write_run(tmp_path / "run", rows), "run")
    assert time_by_part(one) == pytest.approx({"forward": 9.25, "backward": 0.5, "data": 0.05, "other": 0.2})
    assert data_stall(one) == pytest.approx(0.05)


def test_several_runs_lie_over_one_another(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "a", rows_of_a_run()), write_run(tmp_path / "b", rows_of_a_run(), lr=1e-2, global_batch_size=16)]
    write_report(folders, tmp_path / "both.html")
    html = (tmp_path / "both.html").read_text()
    assert [row[0] for row in cells(html, "The runs")] == ["a", "b"]
    assert cells(html, "Fields") == [["optimizer.lr", "0.003", "0.01"], ["training.global_batch_size", "8", "16"]]
    assert ">tokens</text>" in html  # the steps have different sizes
    assert "Validation: math" in html
    same = page([read_run(folders[0], "a"), dataclasses.replace(read_run(folders[0], "a"), name="c")])
    assert "their configs are the same" in same
    assert ">step</text>" in same


def test_steps_that_a_run_went_back_over_are_not_drawn() -> None:
    kept = after_returns(rows_of_a_run())
    assert [row["lm_loss"] for row in kept if row["kind"] == "train"] == [4.8, 4.6, 4.4]
    assert [row["kind"] for row in kept].count("skipped") == 1


def test_a_run_that_goes_on_is_drawn_as_far_as_it_has_come(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [train_row(2)])
    with open(folder / "metrics.jsonl", "a") as handle:
        handle.write('{"kind": "tr')
    html = page([read_run(folder, "run")])
    assert "this one's are not" in html
    assert "No domain has been validated" in html


@pytest.mark.parametrize(
    "content, said",
    [
        (None, "cannot be read"),
        ("", "no row of training"),
        ('{"kind": "books", "iteration": 1}\n', "no row of training"),
        ("[1]\n", "line 1"),
    ],
)
def test_a_folder_of_no_run_is_one_line(content: str | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "metrics.jsonl").write_text(content)
    with pytest.raises(InputError, match=said):
        read_run(tmp_path, "run")
    assert not list(tmp_path.glob("*.html"))
