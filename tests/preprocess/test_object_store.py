"""Whole runs with source and output on an S3 server, behind a proxy that fails, cuts and dawdles: the same bytes as on a disk."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.raylets import Raylets
from preprocess.__main__ import main
from preprocess.config import Config, UnitConfig
from preprocess.run import run
from preprocess.sources.manifest import MANIFEST_NAME
from preprocess.sources.scans import scan_tars
from preprocess.sources.tars import find_tars
from preprocess.units import Breadcrumb
from samples.build import SNAPSHOT_NAME, build_dump, write_dump
from shards.errors import InputError
from shards.store import StoreOptions, StorePath, place_at, states_in
from tests.object_stores import KEY, SECRET, Faults, Proxy, download, fault_proxy, make_bucket, place, upload, use_credentials
from tests.preprocess.small_dump import SNAPSHOT, TAR, few_papers, law_bound, write_source

ROOT = Path(__file__).resolve().parent.parent.parent
UNIT_OPTION = ["--set", "unit.max_unit_members=12"]
CONFIG = Config(unit=UnitConfig(max_unit_members=12))
FAULTS = Faults(error_share=0.05, cut_share=0.05, slow_share=0.02, requester_pays=frozenset({"arxiv"}))


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample dump, as files; read only."""
    folder = tmp_path_factory.mktemp("dump")
    write_dump(build_dump(), folder)
    return folder


@pytest.fixture(scope="module")
def stored(object_store: str, dump: Path) -> Iterator[str]:
    """The sample dump on the server, as arXiv has it: `s3://arxiv/src`; and an empty bucket `made`. Gives the server's URL."""
    with pytest.MonkeyPatch.context() as patch:
        use_credentials(patch)
        make_bucket(object_store, "arxiv")
        make_bucket(object_store, "made")
        upload(dump, place(object_store, "arxiv"))
        yield object_store


def arguments(proxy: Proxy, out: str, *more: str) -> list[str]:
    """`run` from the arXiv bucket behind `proxy`."""
    places = ["--source", "s3://arxiv/src", "--metadata", f"s3://arxiv/{SNAPSHOT_NAME}", "--out", out, "--endpoint", proxy.url]
    return ["run", *places, "--num-workers", "2", *UNIT_OPTION, *more]


def command(proxy: Proxy, out: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own, whose Ray has the test's credentials."""
    words = [sys.executable, "-m", "preprocess", *arguments(proxy, out, *more)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_"))}
    environment |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


def test_a_run_on_a_store_that_fails_gives_the_bytes_of_one_on_a_disk(
    raylets: Raylets, dump: Path, stored: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On three nodes that have no folder in common."""
    local = tmp_path / "local"
    run(dump / "src", dump / SNAPSHOT_NAME, local, CONFIG, num_workers=2, address=None)
    main(["report", str(local)])
    scratch = tmp_path / "scratch"
    with fault_proxy(stored, FAULTS) as proxy:
        ended = command(proxy, "s3://made/out", "--requester-pays", "--scratch", str(scratch), "--address", raylets.address)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines()[-1].endswith("next: python -m preprocess report s3://made/out")
        assert {kind: proxy.seen[kind] >= 3 for kind in ("error", "cut", "slow")} == {"error": True, "cut": True, "slow": True}
        assert list(scratch.iterdir()) == []
        assert raylets.left_in_temporary_folders() == []
        main(["report", "s3://made/out", "--endpoint", proxy.url])
        # the same command again reads no tar and writes nothing
        proxy.bytes_sent.clear()
        before = [states_in(place(stored, f"made/out/{folder}")) for folder in ("documents", "corpus", "ledger")]
        capsys.readouterr()
        main(arguments(proxy, "s3://made/out", "--requester-pays"))
        assert "units are done, nothing to do" in capsys.readouterr().err
        assert before == [states_in(place(stored, f"made/out/{folder}")) for folder in ("documents", "corpus", "ledger")]
        assert all(before)
        assert not [path for path in proxy.bytes_sent if path.endswith((".tar", SNAPSHOT_NAME))]
    out = download(place(stored, "made/out"), tmp_path / "out")
    assert len(law_bound(local)) > 30
    expected, found = law_bound(local), law_bound(out)
    for pages in (expected, found):
        pages.pop("report.html")  # times and hosts
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert (out / "report.html").stat().st_size > 20_000
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    for said in (everything, ended.stdout.encode(), ended.stderr.encode()):
        assert SECRET.encode() not in said
        assert KEY.encode() not in said


def refusal(arguments: list[str]) -> str:
    with pytest.raises(InputError) as found:
        main(arguments)
    assert "\n" not in str(found.value)
    assert SECRET not in str(found.value)
    return str(found.value)


def test_what_lasts_is_one_line_and_writes_nothing(stored: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(source: str = "s3://arxiv/src", out: str = "s3://made/never", *more: str) -> list[str]:
        places = ["--source", source, "--metadata", f"s3://arxiv/{SNAPSHOT_NAME}", "--out", out, "--endpoint", proxy.url]
        return ["run", *places, "--num-workers", "1", *more]

    monkeypatch.setattr("preprocess.ray_runner.connect", lambda *_: pytest.fail("bad input is to be seen before Ray is started"))
    with fault_proxy(stored, Faults(requester_pays=frozenset({"arxiv"}), denied=frozenset({"closed"}))) as proxy:
        assert "access is denied (AccessDenied: said by the proxy); where the reader pays" in refusal(refused())
        assert "s3://no-such-bucket/src" in refusal(refused("s3://no-such-bucket/src", "s3://made/never", "--requester-pays"))
        assert "no such bucket" in refusal(refused("s3://arxiv/src", "s3://no-such-bucket/out", "--requester-pays"))
        assert "s3://closed/out" in refusal(refused("s3://arxiv/src", "s3://closed/out", "--requester-pays"))
        assert "no such folder" in refusal(refused("s3://arxiv/nowhere", "s3://made/never", "--requester-pays"))
        ended = command(proxy, "s3://made/never")
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
        monkeypatch.setattr("shards.store.StoreOptions.from_environment", lambda **given: StoreOptions(**given, max_retries=0))
        assert "no credentials were found" in refusal(refused("s3://arxiv/src", "s3://made/never", "--requester-pays"))
    use_credentials(monkeypatch)
    assert list(place(stored, "made/never").glob("*/*")) == []
    assert states_in(place(stored, "made/never")) == {}


def test_a_tar_is_read_once_until_it_changes(object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "changing")
    local = write_source(tmp_path, few_papers(3))
    whole = (local / TAR).read_bytes()
    (local / "arXiv_src_2402_002.tar").write_bytes(whole)
    with fault_proxy(object_store, Faults()) as proxy:
        remote = place(proxy.url, "changing/src")
        upload(local, remote)
        for source, out in ((local, tmp_path / "out"), (remote, place(proxy.url, "changing/out"))):
            said: list[str] = []
            first = scan_tars(source, find_tars(source), out, said.append)
            proxy.bytes_sent.clear()
            again = scan_tars(source, find_tars(source), out, said.append)
            assert again == first
            assert [listing.md5 for listing in first] == [hashlib.md5(whole).hexdigest()] * 2
            assert not [path for path in proxy.bytes_sent if path.endswith(".tar")]
            other = whole.replace(b"2402.00003", b"2402.00009")
            (source / TAR).write_bytes(other) if isinstance(source, Path) else (source / TAR).put(other)
            changed = scan_tars(source, find_tars(source), out, said.append)
            assert [listing.md5 for listing in changed] == [hashlib.md5(other).hexdigest(), first[1].md5]
            assert said == [f"plan: 2 tars, {number} of them as an earlier run read them" for number in (0, 2, 1)]
            kept = json.loads((out / ".scans" / f"{TAR}.json").read_bytes())
            (out / ".scans" / f"{TAR}.json").unlink()
            assert scan_tars(source, find_tars(source), out, said.append) == changed
            assert json.loads((out / ".scans" / f"{TAR}.json").read_bytes()) == kept


def test_a_dump_in_a_plain_http_folder(
    ray_cluster: None, dump: Path, stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_credentials(monkeypatch)
    make_bucket(stored, "public")
    few = write_source(tmp_path, few_papers(3))
    entry = f"<file><filename>src/{TAR}</filename><md5sum>{hashlib.md5((few / TAR).read_bytes()).hexdigest()}</md5sum>"
    absent = entry.replace("_001", "_777")
    rest = f"<num_items>3</num_items><size>{(few / TAR).stat().st_size}</size></file>"
    (few / MANIFEST_NAME).write_text(f"<arXivSRC>{entry}{rest}{absent}{rest}</arXivSRC>")
    upload(tmp_path, place(stored, "public"))
    with fault_proxy(stored, Faults(error_share=0.05, cut_share=0.05, public=frozenset({"public"}))) as proxy:
        source = f"{proxy.url}/public/src"
        places = ["--source", source, "--metadata", f"{proxy.url}/public/{SNAPSHOT}", "--out", str(tmp_path / "out")]
        main(["run", *places, "--num-workers", "1"])
        assert "plan: 1 of 2 tars of arXiv's manifest are not in the source" in capsys.readouterr().err
        rows = pq.read_table(tmp_path / "out/ledger/arXiv_src_2402_001-00000.parquet").to_pylist()
        assert [row["outcome"] for row in rows] == ["document"] * 3
        (place(stored, "public/src") / MANIFEST_NAME).unlink()
        with pytest.raises(InputError, match=r"an HTTP folder cannot be listed; put arXiv_src_manifest\.xml"):
            find_tars(place_at(source))


def test_a_damaged_header_costs_what_comes_after_it(ray_cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_source(tmp_path, few_papers(4))
    whole = (source / TAR).read_bytes()
    place_of_third = whole.index(b"2402/2402.00003.gz")
    (source / TAR).write_bytes(whole[:place_of_third] + b"\xff" * 512 + whole[place_of_third + 512 :])
    content = run(source, tmp_path / SNAPSHOT, tmp_path / "out", Config(), num_workers=1, address=None)
    assert (content["members"], content["documents"], content["rejections"]) == (3, 2, {"unreadable_rest": 1})
    assert content["tars"][0]["corrupt_from_byte"] == place_of_third
    assert f"warning: {TAR}: no tar header at byte {place_of_third}" in capsys.readouterr().err
    [rest] = [row for row in pq.read_table(tmp_path / f"out/ledger/{TAR[:-4]}-00000.parquet").to_pylist() if row["reason"]]
    assert rest["member"] == f"(from byte {place_of_third})"
    num_bytes = len(whole) - place_of_third
    told = f"{TAR}: no tar header from byte {place_of_third} on: the members in its last {num_bytes} bytes cannot be told apart"
    assert rest["detail"] == told


def test_a_breadcrumb_on_a_store_names_papers_after_a_death(object_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "crumbs")
    out: StorePath = place(object_store, "crumbs/out")
    for attempt, deaths in ((1, {}), (2, {}), (3, {1: 1}), (4, {1: 2})):
        crumb = Breadcrumb.open(out, "u", "run")
        assert (crumb.attempt, crumb.deaths) == (attempt, deaths)
        assert [crumb.step_on(index) for index in (0, 1)] == [True, attempt < 4]
    found: dict[str, Any] = json.loads((out / ".breadcrumbs" / "u.json").read_bytes())
    assert found["attempt"] == 4
    assert Breadcrumb.open(out, "u", "another run").attempt == 1
    crumb.remove()
    assert states_in(out / ".breadcrumbs") == {}
