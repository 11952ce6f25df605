"""Benchmark files → the runs of words that must not be trained on."""

import gzip
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from preprocess.config import CorpusConfig
from preprocess.shingles import Hashes, run_hashes, word_hashes
from shards.errors import InputError
from shards.fingerprint import file_digest

_JSON_LINES = (".jsonl", ".ndjson", ".json")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark. `runs` is `[R]` uint64, sorted, distinct; `num_short` of its `num_passages` strings or paragraphs have none."""

    name: str
    sha256: str
    num_passages: int
    num_short: int
    runs: Hashes


def benchmark_paths(config: CorpusConfig) -> dict[str, Path]:
    """The config's benchmark files by name. Raises `InputError` where one is not there or two have one name."""
    paths: dict[str, Path] = {}
    for given in config.decontaminate or ():
        path = Path(given)
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "no such file"
            raise InputError(f"{path}: {found}; corpus.decontaminate takes benchmark files (JSON lines or text)")
        name = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
        if name in paths:
            raise InputError(f"{path}: {paths[name]} is named {name!r} too; rename one, so that the books can tell them apart")
        paths[name] = path
    return paths


def read_benchmarks(config: CorpusConfig) -> list[Benchmark]:
    """The config's benchmarks by name. Memory: the longest file's text and 8 bytes a run. Raises `InputError` for what cannot be read."""
    return [_read(name, path, config.benchmark_ngram_words) for name, path in sorted(benchmark_paths(config).items())]


def _read(name: str, path: Path, num_words: int) -> Benchmark:
    num_passages = num_short = 0
    found: list[Hashes] = []
    for passage in _passages(path):
        runs = run_hashes(word_hashes(unicodedata.normalize("NFC", passage)), num_words)
        num_passages += 1
        num_short += not len(runs)
        found.append(runs)
    if num_passages == num_short:
        raise InputError(
            f"{path}: none of its {num_passages} strings has {num_words} words, so it would find nothing; lower the number or leave it out"
        )
    return Benchmark(
        name=name, sha256=file_digest(path, "sha256"), num_passages=num_passages, num_short=num_short, runs=np.unique(np.concatenate(found))
    )


def _passages(path: Path) -> Iterator[str]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); JSON lines or text in UTF-8 is needed, plain or gzipped") from None
    if path.name.removesuffix(".gz").endswith(_JSON_LINES):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    yield from _strings(orjson.loads(line))
                except orjson.JSONDecodeError as error:
                    raise InputError(f"{path}: line {number}: not JSON ({error}); one object a line is needed") from None
    else:
        yield from (paragraph for paragraph in _PARAGRAPHS.split(text) if paragraph.strip())


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys apart."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def count_overlaps(runs: Hashes, every_run: Hashes, benchmarks: Sequence[Benchmark]) -> dict[str, int]:
    """How many different runs of each benchmark are among a text's, where any are. `every_run` are those of all, sorted."""
    shared = np.unique(runs[_is_in(runs, every_run)])
    counts = {benchmark.name: int(_is_in(shared, benchmark.runs).sum()) for benchmark in benchmarks} if len(shared) else {}
    return {name: count for name, count in counts.items() if count}


def _is_in(values: Hashes, known: Hashes) -> Any:
    places = np.searchsorted(known, values)
    places[places == len(known)] = 0
    return known[places] == values
