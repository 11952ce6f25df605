import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from preprocess.config import ArchiveConfig, Config, CorpusConfig, DescribeConfig, LatexConfig, MinHashConfig, NormaliseConfig, UnitConfig
from preprocess.ledger import LEDGER_SCHEMA, METRICS_SCHEMA
from preprocess.pipeline import process_paper
from preprocess.records import RejectReason, Stage
from preprocess.sources.metadata import MetadataMonths
from preprocess.sources.tars import Member, Unit
from preprocess.stages.minhash import minhash
from preprocess.units import (
    UNIT_FILES,
    Breadcrumb,
    UnitResult,
    encode_signatures,
    has_reason,
    is_done,
    remove_unit,
    unit_fingerprint,
)
from shards.text_shard import read_text_shard
from tests.preprocess.run_folder import metadata_line, write_metadata
from tests.preprocess.tiny import TEX, packed, raw_paper

CONFIG = Config()


def unit(**fields: Any) -> Unit:
    members = tuple(Member(name=f"2402/2402.0000{number}.gz", offset=512 * number, size=10, available=10) for number in (1, 2))
    values: dict[str, Any] = {
        "name": "arXiv_src_2402_001-00000",
        "tar_path": "/dump/arXiv_src_2402_001.tar",
        "tar": "arXiv_src_2402_001.tar",
        "tar_md5": "0" * 32,
        "first_member": 0,
        "members": members,
    }
    return Unit(**(values | fields))


def commit(out: Path, config: Config = CONFIG) -> dict[str, Any]:
    """A unit of one document with metadata and one rejection."""
    write_metadata(out, [metadata_line("2402.00001", categories="math.AG cs.LG")])
    months = MetadataMonths(out)
    result = UnitResult(unit())
    for arxiv_id, payload in (("2402.00001", packed(TEX)), ("2402.00002", b"")):
        raw = raw_paper(payload, arxiv_id=arxiv_id)
        result.add(raw, process_paper(raw, config), {Stage.VALIDATE: 0.5}, 1, months, config)
    return result.commit(out, config, "some commit")


def files(out: Path) -> dict[str, bytes]:
    return {folder: path.read_bytes() for folder in UNIT_FILES for path in sorted((out / folder).iterdir())}


def test_a_unit_is_committed_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert is_done(out, unit(), CONFIG) is False
    summary = commit(out)
    assert summary == {"unit": unit().name, "members": 2, "documents": 1, "bytes_in": len(packed(TEX)), "rejections": {"empty_member": 1}}
    assert is_done(out, unit(), CONFIG) is True
    [document] = read_text_shard(out / "documents" / f"{unit().name}.jsonl.zst")
    assert (document["id"], document["version"], document["categories"], document["domain"]) == (
        "2402.00001",
        1,
        ["math.AG", "cs.LG"],
        "math",
    )
    assert document["source"]["member"] == "2402/2402.00001.gz"
    assert "Let $x$ be small." in document["text"]
    ledger = pq.read_table(out / "ledger" / f"{unit().name}.parquet")
    metrics = pq.read_table(out / "metrics" / f"{unit().name}.parquet")
    assert (ledger.schema, ledger.num_rows, metrics.schema, metrics.num_rows) == (LEDGER_SCHEMA, 2, METRICS_SCHEMA, 2)
    manifest = json.loads((out / "units" / f"{unit().name}.json").read_bytes())
    assert (manifest["commit"], manifest["fingerprint"], manifest["counts"]) == ("some commit", unit_fingerprint(unit(), CONFIG), summary)
    assert sorted(manifest["files"]) == [
        f"documents/{unit().name}.jsonl.zst",
        f"ledger/{unit().name}.parquet",
        f"minhash/{unit().name}.npy",
    ]
    signatures = np.load(out / "minhash" / f"{unit().name}.npy")
    assert (signatures.shape, signatures.dtype) == ((1, 125), np.dtype("<u4"))
    assert (signatures[0] == minhash(document["text"], CONFIG.minhash)).all()


def test_a_unit_without_documents_has_a_table_of_no_signatures() -> None:
    assert np.load(io.BytesIO(encode_signatures([], 6))).shape == (0, 6)


def test_a_unit_comes_out_the_same_twice(tmp_path: Path) -> None:
    commit(tmp_path / "a")
    commit(tmp_path / "b")
    first, second = files(tmp_path / "a"), files(tmp_path / "b")
    assert first.keys() == UNIT_FILES.keys()
    assert {name: content for name, content in first.items() if name != "metrics"} == {
        name: content for name, content in second.items() if name != "metrics"
    }


def test_a_unit_that_is_not_whole_is_not_done(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for folder in ("documents", "ledger", "minhash"):
        commit(out)
        [path] = (out / folder).iterdir()
        path.write_bytes(path.read_bytes()[:-1])
        assert is_done(out, unit(), CONFIG) is False
        path.unlink()
        assert is_done(out, unit(), CONFIG) is False
    commit(out)
    (out / "units" / f"{unit().name}.json").write_text("{}")
    assert is_done(out, unit(), CONFIG) is False
    commit(out)
    remove_unit(out, unit().name)
    assert files(out) == {}
    remove_unit(out, unit().name)


def test_a_unit_of_something_else_is_told_from_none(tmp_path: Path) -> None:
    commit(tmp_path / "out")
    assert is_done(tmp_path / "out", unit(tar_md5="1" * 32), CONFIG) is None
    assert is_done(tmp_path / "out", unit(), Config(latex=LatexConfig(keep_bibliography=True))) is None
    assert is_done(tmp_path / "out", unit(name="arXiv_src_2402_001-00002"), CONFIG) is False
    assert has_reason(tmp_path / "out", unit().name, RejectReason.EMPTY_MEMBER)
    assert not has_reason(tmp_path / "out", unit().name, RejectReason.QUARANTINED)


def test_the_fingerprint_knows_what_the_bytes_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    base = unit_fingerprint(unit(), CONFIG)
    others = [
        unit_fingerprint(unit(tar_md5="1" * 32), CONFIG),
        unit_fingerprint(unit(tar="arXiv_src_2402_002.tar"), CONFIG),
        unit_fingerprint(unit(first_member=2), CONFIG),
        unit_fingerprint(unit(members=unit().members[:1]), CONFIG),
        unit_fingerprint(unit(), Config(archive=ArchiveConfig(max_ratio=100))),
        unit_fingerprint(unit(), Config(latex=LatexConfig(keep_bibliography=True))),
        unit_fingerprint(unit(), Config(normalise=NormaliseConfig(mask_emails=True))),
        unit_fingerprint(unit(), Config(describe=DescribeConfig(language_sample_characters=1))),
        unit_fingerprint(unit(), Config(minhash=MinHashConfig(num_bands=24))),
    ]
    monkeypatch.setattr("preprocess.units.STAGE_VERSIONS", {"unpack": 99})
    others.append(unit_fingerprint(unit(), CONFIG))
    assert len({base, *others}) == len(others) + 1


def test_the_fingerprint_knows_nothing_else() -> None:
    base = unit_fingerprint(unit(), CONFIG)
    assert unit_fingerprint(replace(unit(), tar_path=Path("/elsewhere/arXiv_src_2402_001.tar")), CONFIG) == base
    assert unit_fingerprint(unit(), Config(corpus=CorpusConfig(select="all"))) == base
    assert unit_fingerprint(unit(), Config(unit=UnitConfig(max_stage_seconds=1.0, max_unit_members=3))) == base


def test_a_paper_that_kills_its_worker_twice_is_not_tried_again(tmp_path: Path) -> None:
    for attempt in (1, 2):
        crumb = Breadcrumb.open(tmp_path, "u", "run")
        assert (crumb.attempt, crumb.deaths) == (attempt, {1: 1} if attempt == 2 else {})
        assert crumb.step_on(0)
        assert crumb.step_on(1)  # and here the worker dies
    third = Breadcrumb.open(tmp_path, "u", "run")
    assert (third.attempt, third.deaths) == (3, {1: 2})
    assert [third.step_on(index) for index in (0, 1, 2)] == [True, False, True]
    assert [path.name for path in (tmp_path / ".breadcrumbs").iterdir()] == ["u.json"]
    third.remove()
    assert Breadcrumb.open(tmp_path, "u", "run").deaths == {}


def test_two_papers_are_told_apart(tmp_path: Path) -> None:
    for index in (1, 3, 1, 3):
        crumb = Breadcrumb.open(tmp_path, "u", "run")
        assert [step for step in range(index + 1) if not crumb.step_on(step)] == ([1] if crumb.deaths.get(1) == 2 else [])
    last = Breadcrumb.open(tmp_path, "u", "run")
    assert last.deaths == {1: 2, 3: 2}
    assert [index for index in range(5) if not last.step_on(index)] == [1, 3]


def test_another_run_begins_anew(tmp_path: Path) -> None:
    for _ in range(3):
        Breadcrumb.open(tmp_path, "u", "run").step_on(0)
    assert Breadcrumb.open(tmp_path, "u", "another run").deaths == {}
    (tmp_path / ".breadcrumbs/u.json").write_text("{cut")
    assert Breadcrumb.open(tmp_path, "u", "run").deaths == {}
