"""The doctor: every verdict it can give, on machines that are described rather than had; then this one."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from shards.errors import InputError
from tools import doctor
from tools.doctor import GIB, Gpu, TorchBuild

ROOT = Path(__file__).resolve().parent.parent.parent
A100 = Gpu("NVIDIA A100-SXM4-80GB", "580.65.06", 81920, 4)
CUDA_BUILD = TorchBuild("13.0", True, True, "")


@pytest.mark.parametrize(("version", "verdict"), [((3, 11, 7), "ok"), ((3, 12, 0), "ok"), ((3, 10, 12), "bad"), ((3, 13, 1), "bad")])
def test_python(version: tuple[int, ...], verdict: str) -> None:
    assert doctor.check_python(version).verdict == verdict


def test_packages_are_held_against_their_pins() -> None:
    pins = {"pyarrow": "26.0.1", "orjson": "3.13.0", "megatron-core": "0.16.1", "psutil": "7.2.2"}
    there = {"pyarrow": "26.0.1", "orjson": "3.12.0", "megatron-core": "0.17.0"}
    summary, *findings = doctor.check_pins(pins, there.get, "requirements.txt")
    assert (summary.verdict, summary.found) == ("warn", "1 of 4 as pinned")
    assert {finding.name: finding.verdict for finding in findings} == {"orjson": "warn", "megatron-core": "bad", "psutil": "bad"}
    assert all("pip install" in finding.advice for finding in findings)
    assert doctor.check_pins({"pyarrow": "26.0.1"}, there.get, "requirements.txt")[0].verdict == "ok"


def test_pins_are_read_from_the_requirements() -> None:
    preprocess, train = doctor.pins_for(("preprocess",)), doctor.pins_for(("train",))
    assert "ray" in preprocess
    assert "megatron-core" not in preprocess
    assert "megatron-core" in train
    assert "ray" not in train
    assert set(doctor.pins_for(doctor.PURPOSES)) == set(preprocess) | set(train)


def test_requirements_that_are_not_there_are_one_line() -> None:
    with pytest.raises(InputError, match="whole checkout"):
        doctor.read_pins(ROOT / "requirements" / "no-such.txt")


@pytest.mark.parametrize(
    ("version", "image", "verdict"),
    [
        ("2.13.0", None, "ok"),
        ("2.11.1+cu130", None, "ok"),
        ("2.10.0", None, "warn"),
        ("3.0.0", None, "warn"),
        (None, None, "bad"),
        ("2.12.0a0+145a3a7bda.nv26.05", "2.12.0a0+145a3a7", "ok"),
        ("2.13.0+cu130", "2.12.0a0+145a3a7", "bad"),  # pip has replaced the image's torch
    ],
)
def test_torch(version: str | None, image: str | None, verdict: str) -> None:
    assert doctor.check_torch(version, image).verdict == verdict


def test_the_apex_of_the_index_is_told_from_nvidias(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.check_apex(None, False).verdict == "ok"
    package = tmp_path / "apex"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('the doctor imports no apex')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    wrong = doctor.check_apex(*doctor.find_apex())
    assert str(package) in wrong.found
    assert wrong.verdict == "bad"
    assert "pip uninstall apex" in wrong.advice
    (package / "multi_tensor_apply").mkdir()
    assert doctor.check_apex(package, False).verdict == "warn"
    (tmp_path / "amp_C.py").touch()
    assert doctor.check_apex(*doctor.find_apex()).verdict == "ok"


def test_nvidia_smi_is_read() -> None:
    output = "NVIDIA A100-SXM4-80GB, 580.65.06, 81920, 4\nNVIDIA A100-SXM4-80GB, 580.65.06, 81920, 61011\n"
    gpus = doctor.parse_nvidia_smi(output)
    assert gpus == [A100, Gpu("NVIDIA A100-SXM4-80GB", "580.65.06", 81920, 61011)]
    findings = doctor.check_gpus(gpus)
    assert [finding.verdict for finding in findings] == ["ok", "warn"]
    assert findings[0].found == "2 x NVIDIA A100-SXM4-80GB, 80 GiB, driver 580.65.06"
    assert "on GPU 1" in findings[1].found
    assert doctor.parse_nvidia_smi("No devices were found\n") == []


def test_unlike_gpus_and_none() -> None:
    assert doctor.check_gpus([A100, Gpu("NVIDIA L40S", "580.65.06", 46068, 0)])[0].verdict == "warn"
    assert [finding.verdict for finding in doctor.check_gpus("no nvidia-smi on this machine")] == ["warn"]


@pytest.mark.parametrize(
    ("gpus", "build", "verdict", "word"),
    [
        ("none", TorchBuild(None, False, False, ""), "ok", "CPU"),
        ([A100], CUDA_BUILD, "ok", "CUDA 13.0"),
        ([A100], TorchBuild(None, False, False, ""), "bad", "CPU build"),
        ([Gpu("A100", "535.54.03", 81920, 0)], TorchBuild("13.0", False, True, "old driver"), "bad", "too old"),
        ([A100], TorchBuild("13.0", False, True, "CUDA: no device"), "bad", "no device"),
        ([A100], "OSError: libcudart.so.13: cannot open", "bad", "libcudart"),
    ],
)
def test_cuda(gpus: list[Gpu] | str, build: TorchBuild | str, verdict: str, word: str) -> None:
    finding = doctor.check_cuda(gpus, build)
    assert finding.verdict == verdict
    assert word in finding.found


def test_nccl_matters_where_there_are_two_gpus() -> None:
    assert doctor.check_nccl([A100], TorchBuild("13.0", True, False, "")) == []
    assert [finding.verdict for finding in doctor.check_nccl([A100, A100], CUDA_BUILD)] == ["ok"]
    assert [finding.verdict for finding in doctor.check_nccl([A100, A100], TorchBuild("13.0", True, False, ""))] == ["bad"]


def test_megatrons_compiled_helpers() -> None:
    wheel = ["megatron/core/datasets/helpers.py", "megatron/core/datasets/helpers_cpp.cpython-311-x86_64-linux-gnu.so"]
    assert doctor.check_megatron_helpers(wheel).verdict == "ok"
    assert doctor.check_megatron_helpers(wheel[:1]).verdict == "bad"


@pytest.mark.parametrize(
    ("available", "num_cpus", "purposes", "verdict"),
    [
        (64 * GIB, 8, ("preprocess", "train"), "ok"),
        (16 * GIB, 32, ("preprocess",), "warn"),
        (16 * GIB, 32, ("train",), "ok"),
        (6 * GIB, 2, ("train",), "warn"),
        (1 * GIB, 2, ("preprocess",), "bad"),
    ],
)
def test_memory(available: int, num_cpus: int, purposes: tuple[str, ...], verdict: str) -> None:
    assert doctor.check_memory(64 * GIB, available, num_cpus, purposes).verdict == verdict


def test_disk_shm_descriptors_cpus() -> None:
    assert [doctor.check_disk(Path("."), free * GIB).verdict for free in (1, 20, 200)] == ["bad", "warn", "ok"]
    docker_default = 64 * 1024**2
    assert doctor.check_shm(docker_default, 64 * GIB, ("train",)).verdict == "bad"
    assert doctor.check_shm(8 * GIB, 64 * GIB, ("preprocess",)).verdict == "warn"
    assert doctor.check_shm(8 * GIB, 64 * GIB, ("train",)).verdict == "ok"
    assert doctor.check_shm(None, 64 * GIB, ("train",)).verdict == "warn"
    unlimited = resource.RLIM_INFINITY
    limits = [(1024, 1024), (1024, 65_536), (1024, unlimited), (65_536, 65_536), (unlimited, unlimited)]
    assert [doctor.check_descriptors(*limit).verdict for limit in limits] == ["bad", "warn", "warn", "ok", "ok"]
    assert doctor.check_descriptors(1024, unlimited).advice == "ulimit -n 65536"
    assert [doctor.check_cpus(num, 8).verdict for num in (1, 4)] == ["warn", "ok"]
    assert doctor.check_psutil(False).verdict == "bad"


TOPOLOGY = """\t\x1b[4mGPU0\tGPU1\tGPU2\tNIC0\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\x1b[0m
GPU0\t X \tNV12\tSYS\tPXB\t0-31\t0\t\tN/A
GPU1\tNV12\t X \tPHB\tPXB\t0-31\t0\t\tN/A
GPU2\tSYS\tPHB\t X \tSYS\t32-63\t1\t\tN/A
NIC0\tPXB\tPXB\tSYS\t X \t\t\t\t

Legend:

  X    = Self
  NV#  = Connection traversing a bonded set of # NVLinks
"""


def test_nvlink_is_looked_for_between_gpus() -> None:
    links = doctor.parse_links(TOPOLOGY)
    assert links == {(0, 1): "NV12", (0, 2): "SYS", (1, 2): "PHB"}
    assert doctor.parse_links("nvidia-smi: command failed\n") == {}
    assert doctor.check_links([A100], lambda: links) == []
    assert doctor.check_links("no nvidia-smi on this machine", lambda: links) == []
    (partly,) = doctor.check_links([A100] * 3, lambda: links)
    assert (partly.verdict, partly.found) == ("warn", "none between 0-2 by SYS, 1-2 by PHB")
    assert "--tensor-model-parallel-size 1" in partly.advice
    (linked,) = doctor.check_links([A100] * 2, lambda: {(0, 1): "NV12"})
    assert (linked.verdict, linked.found) == ("ok", "between all 2 GPUs (NV12)")
    assert doctor.check_links([A100] * 2, lambda: "no answer")[0].verdict == "warn"


@pytest.mark.parametrize(
    ("limit", "num_cpus", "verdict"),
    [(None, 2, "ok"), (96_364, 8, "ok"), (4096, 8, "ok"), (4096, 64, "warn"), (2000, 2, "warn"), (512, 1, "bad")],
)
def test_processes(limit: int | None, num_cpus: int, verdict: str) -> None:
    finding = doctor.check_processes(limit, num_cpus)
    assert finding.verdict == verdict
    assert (verdict == "ok") == (finding.advice == "")


def test_the_clock() -> None:
    now = 1_800_000_000.0
    assert doctor.check_clock(now, now - 5, True).verdict == "ok"
    assert doctor.check_clock(now, now + 3600, None).verdict == "ok"
    assert doctor.check_clock(now, now, False).verdict == "warn"
    finding = doctor.check_clock(86_400, now, True)
    assert (finding.verdict, finding.found[:10]) == ("bad", "1970-01-02")


def test_a_control_groups_limits_count() -> None:
    total, available = doctor.memory_bytes()
    assert 0 < available <= total
    assert 1 <= doctor.usable_cpus() <= (os.cpu_count() or 1)


def run_doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tools.doctor", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_this_machine_in_words_and_in_json(tmp_path: Path) -> None:
    answer = run_doctor("--for", "preprocess", "--json", "--disk", str(tmp_path))
    content = json.loads(answer.stdout)
    assert {finding["name"] for finding in content["findings"]} >= {
        "python",
        "packages",
        "cpus",
        "memory",
        "disk",
        "/dev/shm",
        "open files",
        "processes",
        "clock",
    }
    assert all(finding["verdict"] in ("ok", "warn", "bad") for finding in content["findings"])
    assert content["is_healthy"] == all(finding["verdict"] != "bad" for finding in content["findings"])
    assert answer.returncode == (0 if content["is_healthy"] else 1)
    said = run_doctor("--for", "train")
    assert "torch" in said.stdout
    assert said.stdout.splitlines()[-1].startswith("doctor: ")
    assert os.listdir(tmp_path) == []


def test_something_bad_is_exit_code_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "installed_version", lambda package: None)
    monkeypatch.setattr(sys, "argv", ["doctor", "--for", "train"])
    assert doctor.main() == 1
    assert "not installed" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("--disk", "no/such/folder"), ("--for", "cooking"), ("--no-such-flag",), ("extra",)])
def test_bad_input_is_one_line(arguments: tuple[str, ...]) -> None:
    answer = run_doctor(*arguments)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
    assert answer.stdout == ""
