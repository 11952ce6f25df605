"""Writes a benchmark's figures with what they were measured on: commit, machine, date."""

import datetime
import os
import platform
from pathlib import Path
from typing import Any

from shards.manifest import source_commit, write_manifest

RESULTS = Path(__file__).resolve().parent / "results"
_RUNS = ("pipeline_200000", "pipeline_20000")  # of benchmarks/bench_pipeline.py over made papers
LARGEST_RUN = next((name for name in _RUNS if (RESULTS / f"{name}.json").exists()), _RUNS[-1])


def machine() -> dict[str, Any]:
    """Processor, cores, memory and Python of this machine, without its name."""
    processor = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        memory_bytes = 0
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes / 2**30, 1),
        "python": platform.python_version(),
    }


def write_result(name: str, figures: dict[str, Any], *, folder: Path = RESULTS) -> Path:
    """Commits `figures` as `<folder>/<name>.json` with commit, machine and date; gives the path."""
    path = folder / f"{name}.json"
    record = {
        "benchmark": name,
        "commit": source_commit(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "figures": figures,
    }
    write_manifest(path, record)
    return path
