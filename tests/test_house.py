"""The house itself: pins, layers of requirements, and commands that answer for themselves."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = [
    "preprocess",
    "samples.build",
    "tools.train_tokenizer",
    "tools.evaluate_tokenizer",
    "tools.tokenize_shards",
    "tools.inspect_tokens",
    "tools.merge_tokens",
    "tools.export_hf",
    "tools.generate",
    "tools.plan",
    "tools.report",
    "tools.perplexity",
    "tools.trace_step",
    "tools.look",
    "tools.doctor",
    "tools.demo",
    "train.pretrain_gpt",
]


def requirement_lines(name: str) -> list[str]:
    """Requirements of one file, without comments, options and inclusions."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements" / name).read_text().splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def test_every_requirement_is_pinned_and_says_why() -> None:
    num_seen = 0
    for name in ("preprocess.txt", "train.txt", "train-image.txt", "dev.txt"):
        for line in (ROOT / "requirements" / name).read_text().splitlines():
            if line.startswith(("#", "-r")) or not line.strip():
                continue
            assert re.match(r"[A-Za-z0-9_.-]+(\[[a-z0-9,]+\])?==[0-9][0-9A-Za-z.]* +# \S", line), line
            num_seen += 1
    assert num_seen > 20


def test_a_package_pinned_twice_has_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for name in ("preprocess.txt", "train.txt", "train-image.txt", "dev.txt"):
        for line in requirement_lines(name):
            package, version = line.split("==")
            versions.setdefault(package, set()).add(version)
    assert versions["numpy"]
    assert all(len(found) == 1 for found in versions.values()), versions


def test_a_cpu_node_installs_nothing_of_training() -> None:
    packages = {re.split(r"[\[=]", line)[0].lower() for line in requirement_lines("preprocess.txt")}
    assert "ray" in packages
    assert not packages & {"torch", "megatron-core", "transformers", "apex"}


def test_apex_and_torch_of_an_image_are_left_alone() -> None:
    every = [line for path in (ROOT / "requirements").glob("*.txt") for line in requirement_lines(path.name)]
    assert every
    assert not any(line.lower().startswith("apex") for line in every)
    assert not any(line.startswith("torch==") for line in requirement_lines("train-image.txt"))


@pytest.mark.parametrize("module", COMMANDS)
def test_command_has_help_and_refuses_an_unknown_flag_in_one_line(module: str) -> None:
    shown = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "usage:" in shown.stdout
    refused = subprocess.run([sys.executable, "-m", module, "--no-such-flag"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_readme_names_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    modules = set(re.findall(r"python -m ([a-z_.]+)", readme))
    assert modules >= {"preprocess", "tools.train_tokenizer", "tools.tokenize_shards", "tools.export_hf", "tools.plan"}
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for target in re.findall(r"^make ([a-z]+)", readme, re.M):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), target
