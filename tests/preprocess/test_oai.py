"""Harvests by OAI-PMH from a real server on this machine: tokens, faults, kills, and the snapshot that comes out."""

import email.utils
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from preprocess.__main__ import main
from preprocess.config import HarvestConfig
from preprocess.sources.metadata import MetadataMonths, build_metadata
from preprocess.sources.oai import Harvest, Page, PageError, Question
from shards.errors import InputError
from shards.store import Place, StoreOptions, StorePath, file_at, states_in
from tests.object_stores import make_bucket, use_credentials
from tests.preprocess.oai_server import Answer, Endpoint, answer, page, record, serving
from tests.preprocess.run_folder import metadata_line

ROOT = Path(__file__).resolve().parent.parent.parent
IDS = ["0704.0001", "0704.0002", "hep-th/9901001", "2401.00545", "2401.00546", "2402.00001", "2402.00002", "2403.00001"]
SETS = {"": [record(arxiv_id, "2026-10-01") for arxiv_id in IDS]}
FAST = HarvestConfig(request_interval_seconds=0)


def harvest(
    endpoint: Endpoint, out: Place, *, merged: Place | None = None, config: HarvestConfig = FAST, **asked: Any
) -> tuple[Any, list[str], list[float]]:
    """A harvest's books, what it said, and how long it wanted to wait each time."""
    said: list[str] = []
    waits: list[float] = []
    done = Harvest(Question(endpoint=endpoint.url, **asked), out, config, said.append, waits.append).run(merged)
    return done, said, waits


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_harvest_is_a_snapshot_that_runs_read(tmp_path: Path) -> None:
    out = tmp_path / "new" / "snapshot.json"
    with serving(Endpoint(SETS)) as endpoint:
        books, said, waits = harvest(endpoint, out)
    assert [asked.get("resumptionToken") for asked in endpoint.asked] == [None, "|3", "|6"]
    assert (books.num_records, books.num_lines, books.num_new, books.num_deleted, books.num_repeated, books.num_refused) == (
        8,
        8,
        8,
        0,
        0,
        0,
    )
    assert said == ["harvest: 3 pages, 8 of 8 records"]
    assert waits == []
    assert sorted(path.name for path in out.parent.iterdir()) == ["snapshot.json"]
    found = rows(out)
    assert [row["id"] for row in found] == sorted(IDS)
    assert found[0] == {
        "id": "0704.0001",
        "submitter": "E. N.",
        "authors": "Emmy N\u00f6ther",
        "title": "On  0704.0001",
        "comments": None,
        "journal-ref": None,
        "doi": None,
        "report-no": None,
        "categories": "math.AG cs.IT",
        "license": None,
        "abstract": "We show that a < b & c.\n  Then all is well.",
        "versions": [{"version": "v1", "created": "Mon, 1 Apr 2007 19:18:42 GMT"}],
        "update_date": "2026-10-01",
    }
    assert build_metadata(out, tmp_path / "out").num_papers == 8
    paper = MetadataMonths(tmp_path / "out").get("hep-th/9901001")
    assert paper is not None
    assert (paper.title, paper.categories, paper.version, paper.created) == ("On hep-th/9901001", ("math.AG", "cs.IT"), 1, "2007-04-01")


def test_sets_and_days_are_asked_for_one_set_after_the_other(tmp_path: Path) -> None:
    sets = {"math": SETS[""][:4], "physics:hep-th": SETS[""][2:3], "empty": []}
    with serving(Endpoint(sets)) as endpoint:
        books, _, _ = harvest(
            endpoint, tmp_path / "s.json", sets=("math", "empty", "physics:hep-th"), first_day="2026-10-01", last_day="2026-10-31"
        )
    asked = [(terms.get("set"), terms.get("from"), terms.get("until")) for terms in endpoint.asked if "resumptionToken" not in terms]
    assert asked == [(name, "2026-10-01", "2026-10-31") for name in ("math", "empty", "physics:hep-th")]
    assert (books.num_records, books.num_repeated, books.num_lines) == (4, 1, 4)


def test_of_a_paper_that_comes_twice_the_newest_state_stays(tmp_path: Path) -> None:
    newest = record("0704.0001", "2026-10-09", num_versions=3, title="Newest", license="http://creativecommons.org/licenses/by/4.0/")
    records = [
        record("0704.0001", "2026-10-05", num_versions=2),
        newest,
        record("0704.0001", "2026-10-01"),
        record("0704.0002", "2026-10-01"),
    ]
    records += [record("0704.0002", "2026-10-02", is_deleted=True), record("0704.0003", "2026-10-02", is_deleted=True)]
    with serving(Endpoint({"": records}, page_records=1)) as endpoint:
        books, _, _ = harvest(endpoint, tmp_path / "s.json")
    assert (books.num_records, books.num_repeated, books.num_deleted, books.num_lines) == (3, 3, 2, 1)
    [row] = rows(tmp_path / "s.json")
    assert (row["title"], len(row["versions"]), row["license"]) == ("Newest", 3, "http://creativecommons.org/licenses/by/4.0/")


def test_an_older_snapshot_is_brought_up_to_date(tmp_path: Path) -> None:
    old = [
        metadata_line("0704.0001", title="stays"),
        metadata_line("0704.0002", title="is replaced"),
        metadata_line("0704.0002", title="is a repetition of it"),
        metadata_line("0704.0003", title="is deleted"),
        metadata_line("0704.0004", title="is newer than the harvest", update_date="2026-11-01"),
        metadata_line("0704.0005", title="stays, its record is none"),
    ]
    snapshot = tmp_path / "s.json"
    snapshot.write_text("\n".join(json.dumps(row) for row in old))
    records = [
        record("0704.0002", "2026-10-02", num_versions=2),
        record("0704.0003", "2026-10-02", is_deleted=True),
        record("0704.0004", "2026-10-02", title="older"),
        record("0704.0005", "2026-10-02", categories=""),
        record("0704.0006", "2026-10-02", title="is new"),
        record("0704.0007", "2026-10-02", categories=""),
    ]
    with serving(Endpoint({"": records})) as endpoint:
        books, said, _ = harvest(endpoint, snapshot, merged=snapshot)
    assert [row["title"] for row in rows(snapshot)] == ["stays", "On  0704.0002", old[4]["title"], old[5]["title"], "is new"]
    assert (books.num_replaced, books.num_new, books.num_deleted, books.num_refused, books.num_lines) == (1, 1, 1, 2, 5)
    assert (
        "warning: 2 records are no paper's metadata and are left out (0704.0005: categories must be a string, found NoneType; " in said[-1]
    )
    assert build_metadata(snapshot, tmp_path / "out").num_papers == 5


def faults(found: Mapping[int, Answer]) -> Any:
    return lambda number, _asked: found.get(number)


def test_an_endpoint_that_asks_to_wait_is_obeyed(tmp_path: Path) -> None:
    later = email.utils.formatdate(time.time() + 100, usegmt=True)
    busy = {
        1: (503, {"Retry-After": "7"}, b"busy"),
        2: (429, {"Retry-After": later}, b""),
        4: (500, {}, b""),
        5: (503, {"Retry-After": "soon"}, b""),
    }
    with serving(Endpoint(SETS, faults=faults(busy))) as endpoint:
        books, said, waits = harvest(endpoint, tmp_path / "s.json")
    assert books.num_records == 8
    assert waits[0] == 7
    assert 95 < waits[1] <= 100
    assert waits[2:] == [0, 0]
    assert said[0] == "harvest: HTTP 503 Service Unavailable; asks again in 7 s"
    with serving(Endpoint(SETS, faults=lambda number, _: (503, {"Retry-After": "3600"}, b"") if number == 2 else None)) as endpoint:
        with pytest.raises(InputError, match=r"HTTP 503 .* asks to wait 3600 s; run the same command then to go on"):
            harvest(endpoint, tmp_path / "t.json")
        assert not (tmp_path / "t.json").exists()
        assert harvest(endpoint, tmp_path / "t.json")[0].num_records == 8
    assert [asked.get("resumptionToken") for asked in endpoint.asked] == [None, "|3", "|3", "|6"]
    assert (tmp_path / "t.json").read_bytes() == (tmp_path / "s.json").read_bytes()


def test_pages_that_come_damaged_are_asked_for_again(tmp_path: Path) -> None:
    whole = page(SETS[""][3:6], "|6", 8)
    damaged = {
        2: (200, {"Content-Length": str(len(whole))}, whole[:-30]),  # the connection ends before its time
        3: (200, {}, whole[: len(whole) // 2]),  # cut where nobody knows
        4: (200, {}, b"<html><body>maintenance</body></html>"),
        5: (200, {}, b'<!DOCTYPE x [<!ENTITY a "aaaa">]><OAI-PMH>&a;</OAI-PMH>'),
        6: (200, {}, answer("<ListRecords><record><header><identifier>x</identifier></header></record></ListRecords>")),
    }
    with serving(Endpoint(SETS, faults=faults(damaged))) as endpoint:
        books, said, waits = harvest(endpoint, tmp_path / "s.json")
    assert (books.num_records, books.num_repeated, len(waits)) == (8, 0, 5)  # nothing of a damaged page was booked
    for line, what in zip(
        said, ("no whole XML", "no whole XML", "its root is <html>", "it has a document type", "a record 'x' of ''"), strict=False
    ):
        assert what in line
    with (
        serving(Endpoint(SETS, faults=lambda number, _: damaged[4] if number > 1 else None)) as endpoint,
        pytest.raises(
            InputError, match=r"its root is <html>, <OAI-PMH> is needed, 4 times one after the other; run the same command later"
        ),
    ):
        harvest(endpoint, tmp_path / "t.json", config=HarvestConfig(request_interval_seconds=1, max_attempts=4))
    assert len(endpoint.asked) == 5


def test_waits_double_and_requests_keep_their_distance(tmp_path: Path) -> None:
    with serving(Endpoint(SETS, faults=lambda number, _: (500, {}, b"") if 1 < number < 5 else None)) as endpoint:
        _, _, waits = harvest(endpoint, tmp_path / "s.json", config=HarvestConfig(request_interval_seconds=3))
    wanted = [wait for wait in waits if wait in (3, 6, 12)]
    assert wanted == [3, 6, 12]
    others = [wait for wait in waits if wait not in (3, 6, 12)]
    assert len(others) == 5  # before every request but the first
    assert all(2 < wait < 3 for wait in others)
    with serving(Endpoint(SETS)) as endpoint:
        Harvest(Question(endpoint=endpoint.url), tmp_path / "t.json", HarvestConfig(request_interval_seconds=0.1), print).run(None)
    assert min(late - early for early, late in zip(endpoint.asked_at, endpoint.asked_at[1:], strict=False)) > 0.09


def test_a_token_that_has_expired_begins_the_set_anew(tmp_path: Path) -> None:
    gone = {2: (200, {}, answer('<error code="badResumptionToken">expired</error>'))}
    with serving(Endpoint(SETS, faults=faults(gone))) as endpoint:
        books, said, _ = harvest(endpoint, tmp_path / "s.json")
    assert [asked.get("resumptionToken") for asked in endpoint.asked] == [None, "|3", None, "|3", "|6"]
    assert (books.num_records, books.num_lines, books.num_repeated) == (8, 8, 3)
    assert "no longer knows the resumption token" in said[0]


@pytest.mark.parametrize(
    "respond, what",
    [
        ((200, {}, answer('<error code="badArgument">no such set</error>')), "answers badArgument .no such set.; change what is asked for"),
        ((404, {}, b""), "HTTP 404 Not Found; mend --endpoint"),
        ((200, {}, page(SETS[""][:3], "|0", 8)), "gives the same resumption token again"),
        ((200, {}, b"x" * 5000), "a page of more than 4,000 bytes, 3 times"),
    ],
)
def test_endpoints_that_cannot_be_harvested(tmp_path: Path, respond: Answer, what: str) -> None:
    config = HarvestConfig(request_interval_seconds=0, max_page_bytes=4000)
    with serving(Endpoint(SETS, faults=lambda *_: respond)) as endpoint, pytest.raises(InputError, match=what) as found:
        harvest(endpoint, tmp_path / "s.json", config=config)
    assert "\n" not in str(found.value)
    assert not (tmp_path / "s.json").exists()


def test_an_endpoint_that_never_answers_is_said_soon(tmp_path: Path) -> None:
    nobody = Endpoint({}, url="http://127.0.0.1:9/oai")
    with pytest.raises(InputError, match=r"Connection refused, 3 times one after the other"):
        harvest(nobody, tmp_path / "s.json")


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--endpoint", "ftp://x/oai"], "--endpoint is ftp://x/oai; an http:// or https:// URL is needed"),
        (["--from", "2026-13-01"], "--from is 2026-13-01; a day like 2026-10-01 is needed"),
        (["--until", "yesterday"], "--until is yesterday"),
        (["--from", "2026-10-02", "--until", "2026-10-01"], "--from 2026-10-02 is after --until 2026-10-01"),
        (["--merge", "missing"], "missing: no such file; --merge takes an older snapshot"),
        (["--interval", "-1"], "harvest.request_interval_seconds is -1.0; 0 or more"),
        (["--out", "."], "is a folder; --out takes the name of a file"),
    ],
)
def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], what: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=what):
        main(["harvest", "--endpoint", "http://127.0.0.1:9/oai", "--out", "s.json", *arguments])
    assert list(tmp_path.iterdir()) == []


def test_a_harvest_that_asked_something_else_is_not_mixed_in(tmp_path: Path) -> None:
    with serving(Endpoint(SETS, faults=lambda number, _: (404, {}, b"") if number == 2 else None)) as endpoint:
        with pytest.raises(InputError, match="HTTP 404"):
            harvest(endpoint, tmp_path / "s.json")
        with pytest.raises(InputError, match=r"s\.json\.harvest: holds a harvest that asked something else .*; end that one, or remove it"):
            harvest(endpoint, tmp_path / "s.json", sets=("math",))
        books, said, _ = harvest(endpoint, tmp_path / "s.json")
    assert said[0] == "harvest: goes on after 1 pages, 3 records"
    assert books.num_records == 8


def test_a_killed_harvest_goes_on_and_two_do_not_work_in_one_place(tmp_path: Path) -> None:
    is_stuck, may_go = threading.Event(), threading.Event()

    def stuck(number: int, _asked: Mapping[str, str]) -> Answer | None:
        if number == 3:
            is_stuck.set()
            may_go.wait(60)
        return None

    out = tmp_path / "s.json"
    with serving(Endpoint(SETS, page_records=2, faults=stuck)) as endpoint:
        command = [sys.executable, "-m", "preprocess", "harvest", "--endpoint", endpoint.url, "--out", str(out), "--interval", "0"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            assert is_stuck.wait(60)
            with pytest.raises(InputError, match="another harvest is writing there; wait for it"):
                harvest(endpoint, out)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert not out.exists()
        may_go.set()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        assert "harvest: goes on after 2 pages, 4 records" in done.stderr
        assert f"snapshot: {out}" in done.stdout
        harvest(endpoint, tmp_path / "calm.json")
    assert [asked.get("resumptionToken") for asked in endpoint.asked[:5]] == [None, "|2", "|4", "|4", "|6"]
    assert out.read_bytes() == (tmp_path / "calm.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calm.json", "s.json"]


def test_a_page_is_read_in_whatever_pieces_it_comes() -> None:
    content = page([record(arxiv_id, "2026-10-01T10:00:00Z", comments="a" * 70) for arxiv_id in IDS[:3]], "a|b&c", 8)
    for size in (1, 7, len(content)):
        read = Page()
        found = [one for start in range(0, len(content), size) for one in read.feed(content[start : start + size])]
        found += read.feed(b"", is_last=True)
        assert [(one.arxiv_id, one.datestamp) for one in found] == [(arxiv_id, "2026-10-01") for arxiv_id in IDS[:3]]
        assert [one.row["comments"] for one in found if one.row] == ["a" * 70] * 3
        assert (read.token, read.complete_list_size, read.error) == ("a|b&c", 8, None)
    with pytest.raises(PageError, match="no whole XML"):
        Page().feed(content[:-5], is_last=True)


def on_store(url: str, bucket: str) -> StorePath:
    found = file_at(f"s3://{bucket}/meta/snapshot.json", StoreOptions(endpoint=url))
    assert isinstance(found, StorePath)
    return found


def test_a_harvest_into_a_store_goes_on_anywhere_with_what_is_there(
    object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bucket(object_store, "harvested")
    use_credentials(monkeypatch)
    out, older = on_store(object_store, "harvested"), tmp_path / "older.json"
    parts = out.parent / "snapshot.json.harvest"
    older.write_text(json.dumps(metadata_line("math/0001001")) + "\n")
    every_page = HarvestConfig(request_interval_seconds=0, keep_interval_seconds=0)
    with serving(Endpoint(SETS, page_records=2, faults=lambda number, _: (404, {}, b"") if number == 3 else None)) as endpoint:
        with pytest.raises(InputError, match="HTTP 404"):
            harvest(endpoint, out, config=every_page)
        assert [*states_in(parts)] == ["000000.json.zst", "000001.json.zst"]
        assert not out.exists()
        with pytest.raises(InputError, match=r"s3://harvested/meta/snapshot\.json\.harvest: holds a harvest that asked something else"):
            harvest(endpoint, out, sets=("math",))
        endpoint.faults = lambda _number, _asked: None
        endpoint.asked.clear()
        copied = {name: (parts / name).read_bytes() for name in states_in(parts)}
        books, said, _ = harvest(endpoint, out, merged=older)
        assert said[0] == "harvest: goes on after 2 pages, 4 records"
        assert [asked.get("resumptionToken") for asked in endpoint.asked] == ["|4", "|6"]
        assert (books.num_records, books.num_lines) == (8, 9)
        assert states_in(out.parent).keys() == {"snapshot.json"}
        assert [*states_in(parts)] == []
        local = tmp_path / "local.json"
        harvest(endpoint, local, merged=older)
        assert out.read_bytes() == local.read_bytes()
        harvest(endpoint, out, merged=out)  # the same again, over what is there
        assert out.read_bytes() == local.read_bytes()

        (parts / "000001.json.zst").put(copied["000001.json.zst"])
        with pytest.raises(InputError, match=r"000001\.json\.zst: no part of a harvest \(000000\.json\.zst is missing before it\)"):
            harvest(endpoint, out)
        (parts / "000000.json.zst").put(b"cut")
        with pytest.raises(InputError, match=r"000000\.json\.zst: no part of a harvest"):
            harvest(endpoint, out)


def test_two_harvests_into_one_place_of_a_store_do_not_mix(object_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_bucket(object_store, "contested")
    use_credentials(monkeypatch)
    out = on_store(object_store, "contested")
    every_page = HarvestConfig(request_interval_seconds=0, keep_interval_seconds=0)

    def other(number: int, _asked: Mapping[str, str]) -> Answer | None:
        if number == 2:
            (out.parent / "snapshot.json.harvest" / "000001.json.zst").put(b"another's")
        return None

    with (
        serving(Endpoint(SETS, page_records=2, faults=other)) as endpoint,
        pytest.raises(InputError, match="another harvest is writing there"),
    ):
        harvest(endpoint, out, config=every_page)
    assert not out.exists()
