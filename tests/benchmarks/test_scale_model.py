from pathlib import Path

import pytest

from benchmarks.record import RESULTS
from benchmarks.scale_model import ASSUMED, CORES, model, page_tables, probes
from shards.manifest import read_manifest

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
RATES = {"md5": 500.0, "sha256": 1000.0, "inflate": 250.0, "encode_text": 100.0}
EXTRACT = {
    "ours_on_everything": {
        "mb_per_cpu_second": 2.0,
        "cpu_seconds": 10.0,
        "tex_bytes_read": 20_000_000,
        "characters_out": 10_000_000,
        "ends": {"document": 80, "pdf_only": 20},
    }
}
DEDUP = {
    "banding": [{"documents": 10, "peak_mib": 1}],
    "memory_of_the_pass": [{"documents": 0, "peak_mib": 100}, {"documents": 1024, "peak_mib": 101}],
    "quality": {
        "pass": {"documents_a_cpu_second": 750},
        "decontamination": {"documents_a_cpu_second": 7500},
        "signatures": {"characters_a_document": 6000},
    },
}
STORES = {"rows": [{"library": "obstore", "threads": 1, "weather": "good", "cpu_seconds_per_gigabyte": 0.0}]}
PIPELINE = {"run": {"bytes_a_paper_more": {"driver": 1024}}}


def test_the_page_quotes_the_figures() -> None:
    page = PAGE.read_text()
    for table in page_tables(read_manifest(RESULTS / "scale.json")["figures"]):
        assert len(table.splitlines()) >= 2 + len(CORES)
        assert table in page


def test_the_arithmetic() -> None:
    figures = model(EXTRACT, PIPELINE, {"ray_over_plain": 1.5, "papers": 1}, DEDUP, STORES, RATES)
    # 2.7 million papers of 60,000 characters, two bytes of TeX each: 324 GB at 2 MB/s; 0.1 s for each of 3 million members
    assert figures["tex_terabytes"]["yardstick"] == 0.32
    assert figures["cpu_hours"]["of_tex_yardstick"] == 45.0
    assert figures["cpu_hours"]["of_tex_as_the_sample"] == pytest.approx(83.3)
    assert figures["cpu_hours"]["over_every_byte"] == pytest.approx(5.6e12 * (1e-9 + 4e-9) / 3600, abs=0.1)
    assert figures["cpu_hours"]["deduplicate"] == figures["cpu_hours"]["decontaminate"] == 1.0
    first = figures["table"][0]["listing_hours"]  # one node's 10 Gbit/s are less than 32 streams; a request of 30 ms a paper, 128 at a time
    assert first == {"whole": pytest.approx(5.6e12 / 1.25e9 / 3600, abs=0.01), "headers": pytest.approx(3e6 * 0.03 / 128 / 3600, abs=0.01)}
    assert figures["table"][2]["listing_hours"]["whole"] == pytest.approx(first["whole"] / 16, abs=0.01)
    assert figures["driver_memory_gib"]["deduplication"] == pytest.approx(1024 * 2.7e6 / 2**30, abs=0.1)
    assert figures["table"][0]["hours_of_texts_compared"] == pytest.approx(2 / 32, abs=0.01)
    assert [row["nodes"] for row in figures["table"]] == [1, 2, 16]
    assert figures["table"][0]["hours_of_the_nodes_network"] == pytest.approx(ASSUMED["tar_bytes"] / 1.25e9 / 3600, abs=0.01)


def test_probes_measure() -> None:
    found = probes()
    assert set(found) == set(RATES)
    assert all(value > 1 for value in found.values())
