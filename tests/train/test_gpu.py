"""A GPU trains as the processor does; deselected where there is none. The comparisons themselves run in tests/benchmarks."""

from pathlib import Path

import pytest

from benchmarks.train_cases import write_shards
from benchmarks.train_check import VOCABULARY, check, train_by_command


@pytest.mark.gpu
@pytest.mark.timeout(600)
def test_a_gpu_trains_as_the_processor_does(tmp_path: Path) -> None:
    tokens = write_shards(tmp_path / "tokens", VOCABULARY, 100_000)
    verdicts = check(train_by_command(tokens), tmp_path / "runs")
    assert len(verdicts) == 4
    assert {name: entry["detail"] for name, entry in verdicts.items() if not entry["holds"]} == {}
