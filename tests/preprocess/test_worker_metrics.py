"""What workers tell Prometheus, read from the metrics endpoint of a real Ray node."""

import re
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

from preprocess.config import Config, UnitConfig
from preprocess.ray_runner import ray
from preprocess.run import run
from tests.preprocess.small_dump import SNAPSHOT, few_papers, write_source

CONFIG = Config(unit=UnitConfig(max_unit_members=3))
PAPERS = few_papers(4) | {"2402.00005": b"%PDF-1.4\n", "2402.00006": b"%PDF-1.4\n", "2402.00007": b"\x89PNG\r\n\x1a\n and no paper"}
SAMPLE = re.compile(r"^ray_(texmill_\w+)\{(.*)\} (\S+)$", re.M)


def told() -> dict[str, dict[str, float]]:
    """By worker: what it has told so far, by name and own labels."""
    [node] = [node for node in ray.nodes() if node["Alive"]][:1]
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        content = answer.read().decode()
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for name, labels, value in SAMPLE.findall(content):
        values = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        own = [values[label] for label in ("outcome", "reason", "stage", "le") if values.get(label)]
        found[values["WorkerId"]][" ".join([name, *own])] = float(value)
    return found


def test_workers_count_papers_bytes_and_seconds(ray_cluster: None, tmp_path: Path) -> None:
    source = write_source(tmp_path, PAPERS)
    content = run(source, tmp_path / SNAPSHOT, tmp_path / "out", CONFIG, num_workers=1, address=None)
    assert content["rejections"] == {"pdf_only": 2, "unknown_format": 1}
    folders = [tmp_path / "out" / name for name in ("documents", "ledger", "minhash", "metrics")]
    written = [path for folder in folders for path in folder.glob("arXiv*")]
    assert len(written) == 12
    expected = {
        "texmill_papers_total document": 4,
        "texmill_papers_total rejected pdf_only": 2,
        "texmill_papers_total rejected unknown_format": 1,
        "texmill_units_total": 3,
        "texmill_bytes_read_total": sum(map(len, PAPERS.values())),
        "texmill_bytes_written_total": sum(path.stat().st_size for path in written),
        "texmill_stage_seconds_count validate": 7,
        "texmill_stage_seconds_count extract": 4,
        "texmill_stage_seconds_count normalise": 4,
        "texmill_stage_seconds_bucket validate +Inf": 7,
    }
    deadline = time.monotonic() + 40
    found: list[dict[str, float]] = []
    while not found:
        found = [one for one in told().values() if {name: one.get(name) for name in expected} == expected]
        assert time.monotonic() < deadline, dict(told())
        time.sleep(0.5)
    [one] = found
    assert 0 < one["texmill_stage_seconds_sum extract"] < 100
