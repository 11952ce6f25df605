"""Says what is wrong with this machine before it costs a run: versions, drivers, links, memory, disk, limits, clock.

Every line is ok, warn or bad, with what to do. The exit code is 1 where something is bad. Nothing is written.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from shards.cli import Parser, run
from shards.errors import InputError

PURPOSES = ("preprocess", "train")
REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
PYTHONS = ((3, 11), (3, 12))
TORCH_LINES = ((2, 11), (2, 13))  # first and last tested
MEGATRON_LINE = "0.16."
GIB = 1024**3

MIN_DISK_BYTES, WANTED_DISK_BYTES = 5 * GIB, 60 * GIB
# the first serves the demo alone; below the second three checkpoints of the 1.36B recipe (19 GB each, kept by default) do not fit
MIN_MEMORY_BYTES_PER_CPU = {"preprocess": 2 * GIB, "train": 0}
# an estimate: Ray's own processes and a large paper; what bounds one paper is the config's unit.max_paper_memory_bytes
WANTED_MEMORY_BYTES = {"preprocess": 4 * GIB, "train": 8 * GIB}
MIN_SHM_BYTES, WANTED_SHM_SHARE = GIB, 0.3
# NCCL puts its buffers into /dev/shm, Ray its object store, which wants 30 % of memory; containers give 64 MB unless told
MIN_DESCRIPTORS, WANTED_DESCRIPTORS = 4096, 65_536
# Ray opens several for every worker and file; its documentation asks for 65,536 on a head node
MIN_PROCESSES, WANTED_PROCESSES_PER_CPU, WANTED_PROCESSES = 1024, 64, 2048
# threads count as processes; Ray's daemons and its workers, one a CPU, have about 30 each
MAX_CLOCK_LAG_SECONDS = 86_400
# files of the checkout that are newer than now by more than a time zone can explain
MIN_DRIVER_BY_CUDA = {11: 450, 12: 525, 13: 580}
# major versions, NVIDIA's table of minor-version compatibility


@dataclass(frozen=True)
class Finding:
    """One line: `verdict` is ok, warn or bad; `advice` says what to do, empty where nothing is."""

    name: str
    verdict: str
    found: str
    advice: str = ""


def check_python(version: tuple[int, ...]) -> Finding:
    """The interpreter's version."""
    found = ".".join(str(part) for part in version)
    if version[:2] in PYTHONS:
        return Finding("python", "ok", found)
    return Finding("python", "bad", found, "install Python 3.11 or 3.12 and run: make PYTHON=/path/to/python3.11 setup")


def read_pins(file: Path) -> dict[str, str]:
    """Package → pinned version of one requirements file, without what it includes."""
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); run this from a whole checkout of texmill") from None
    pins = (re.match(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)", line) for line in lines)
    return {pin.group(1): pin.group(2) for pin in pins if pin}


def pins_for(purposes: Sequence[str]) -> dict[str, str]:
    """The pins of what the purposes need. torch is not among them: it has a check of its own."""
    pins: dict[str, str] = {}
    if "preprocess" in purposes:
        pins |= read_pins(REQUIREMENTS / "preprocess.txt")
    if "train" in purposes:
        pins |= read_pins(REQUIREMENTS / "train-image.txt")
    return pins


def installed_version(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_pins(pins: Mapping[str, str], installed: Callable[[str], str | None], file: str) -> list[Finding]:
    """One line for all packages that are as pinned, and one for each that is not."""
    findings = []
    num_right = 0
    for package, pin in pins.items():
        version = installed(package)
        if version is None:
            findings.append(Finding(package, "bad", "not installed", f"python -m pip install {package}=={pin} (or all of {file})"))
        elif package == "megatron-core" and not version.startswith(MEGATRON_LINE):
            findings.append(
                Finding(package, "bad", version, f"only the {MEGATRON_LINE}x line works: python -m pip install {package}=={pin}")
            )
        elif version != pin:
            findings.append(Finding(package, "warn", version, f"{pin} is what was tested: python -m pip install {package}=={pin}"))
        else:
            num_right += 1
    verdict = "ok" if num_right == len(pins) else "warn"
    return [Finding("packages", verdict, f"{num_right} of {len(pins)} as pinned", "" if verdict == "ok" else "see below"), *findings]


def check_torch(version: str | None, image_version: str | None) -> Finding:
    """torch's version; `image_version` is what NVIDIA's PyTorch image was built with (its PYTORCH_BUILD_VERSION), None elsewhere."""
    if version is None:
        return Finding("torch", "bad", "not installed", "python -m pip install -r requirements/train.txt")
    if image_version is not None and not version.startswith(image_version):
        return Finding(
            "torch",
            "bad",
            f"{version}, but this image was built with {image_version}",
            "a pip install has replaced the image's own torch, for which its Apex and Transformer Engine were compiled: start from a fresh "
            "container and install requirements/train-image.txt alone",
        )
    line = re.match(r"(\d+)\.(\d+)", version)
    if line is None or not TORCH_LINES[0] <= (int(line[1]), int(line[2])) <= TORCH_LINES[1]:
        return Finding("torch", "warn", version, "2.11 to 2.13 are supported; others may work and have not been run")
    return Finding("torch", "ok", version)


def check_apex(folder: Path | None, has_kernels: bool) -> Finding:
    """NVIDIA's Apex, or the unrelated package that `pip install apex` brings. `folder` is the importable package's, None without one."""
    if folder is None:
        return Finding("apex", "ok", "not installed (optional: PyTorch's own kernels serve)")
    if not (folder / "multi_tensor_apply").is_dir():
        return Finding(
            "apex",
            "bad",
            f"{folder} is not NVIDIA's Apex but the package of that name on the index",
            "python -m pip uninstall apex; NVIDIA's comes with its PyTorch container or is built from its repository",
        )
    if not has_kernels:
        return Finding(
            "apex",
            "warn",
            "NVIDIA's, built without its CUDA kernels (no amp_C)",
            "build it with its CUDA extensions, or use the PyTorch container",
        )
    return Finding("apex", "ok", f"NVIDIA's, with amp_C ({folder})")


def find_apex() -> tuple[Path | None, bool]:
    """Folder of the importable package `apex`, and whether its compiled kernels are there; nothing is imported."""
    spec = importlib.util.find_spec("apex")
    if spec is None:
        return None, False
    places = list(spec.submodule_search_locations or [])
    folder = Path(places[0]) if places else Path(spec.origin or "apex")
    return folder, importlib.util.find_spec("amp_C") is not None


def check_megatron_helpers(files: Sequence[str]) -> Finding:
    """The compiled part of megatron's data sets, which comes in the wheel for x86-64 Linux."""
    if any("datasets/helpers_cpp" in file and file.endswith(".so") for file in files):
        return Finding("megatron helpers", "ok", "compiled, from the wheel")
    return Finding(
        "megatron helpers",
        "bad",
        "megatron/core/datasets/helpers_cpp is not in the installed package",
        "the wheel for this platform lacks it: install megatron-core from its wheel for x86-64 Linux, or build it with a C++ compiler",
    )


@dataclass(frozen=True)
class Gpu:
    """One line of nvidia-smi."""

    name: str
    driver: str
    memory_mib: int
    used_mib: int


def parse_nvidia_smi(output: str) -> list[Gpu]:
    """The lines of `nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used --format=csv,noheader,nounits`."""
    gpus = []
    for line in output.strip().splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 4 and parts[2].isdigit() and parts[3].isdigit():
            gpus.append(Gpu(parts[0], parts[1], int(parts[2]), int(parts[3])))
    return gpus


def query_nvidia_smi() -> list[Gpu] | str:
    """The GPUs that the driver sees, or why there are none."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,memory.used", "--format=csv,noheader,nounits"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "no nvidia-smi on this machine"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nvidia-smi does not answer ({type(error).__name__})"
    gpus = parse_nvidia_smi(result.stdout) if result.returncode == 0 else []
    said = " ".join((result.stderr.strip() or result.stdout.strip()).split())
    return gpus or f"nvidia-smi sees no GPU ({said[:120] or 'it says nothing'})"


def check_gpus(gpus: list[Gpu] | str) -> list[Finding]:
    """What the driver sees, and what already lies in the GPUs' memory."""
    if isinstance(gpus, str):
        return [Finding("gpu", "warn", gpus, "training runs on the CPU: good for tests and small models alone")]
    names = sorted({gpu.name for gpu in gpus})
    found = f"{len(gpus)} x {' and '.join(names)}, {min(gpu.memory_mib for gpu in gpus) / 1024:.0f} GiB, driver {gpus[0].driver}"
    findings = [
        Finding("gpu", "warn", found, "unlike GPUs wait for the slowest: choose equal ones by CUDA_VISIBLE_DEVICES")
        if len(names) > 1
        else Finding("gpu", "ok", found)
    ]
    busy = [number for number, gpu in enumerate(gpus) if gpu.used_mib > 2048]
    if busy:
        used = max(gpus[number].used_mib for number in busy) / 1024
        advice = "another process runs there (nvidia-smi shows which): end it, or leave that GPU out by CUDA_VISIBLE_DEVICES"
        findings.append(Finding("gpu memory", "warn", f"up to {used:.0f} GiB used on GPU {', '.join(map(str, busy))}", advice))
    return findings


@dataclass(frozen=True)
class TorchBuild:
    """What torch says of itself: the CUDA it was built for (None: CPU alone), whether it reaches a GPU, and its warning if not."""

    cuda: str | None
    reaches_gpu: bool
    has_nccl: bool
    warning: str


def look_at_torch() -> TorchBuild | str:
    """torch's build, or why it cannot be imported."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            import torch
        except (ImportError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        reaches_gpu = torch.cuda.is_available()
    has_nccl = torch.distributed.is_available() and torch.distributed.is_nccl_available()
    warning = next((" ".join(str(entry.message).split())[:160] for entry in caught if "CUDA" in str(entry.message)), "")
    return TorchBuild(torch.version.cuda, reaches_gpu, has_nccl, warning)


def check_cuda(gpus: list[Gpu] | str, build: TorchBuild | str) -> Finding:
    """Whether torch reaches the GPUs."""
    if isinstance(build, str):
        return Finding("cuda", "bad", f"torch cannot be imported ({build})", "python -m pip install --force-reinstall torch, as pinned")
    if isinstance(gpus, str):
        return Finding("cuda", "ok", f"torch is built for {f'CUDA {build.cuda}' if build.cuda else 'CPU'}; there is no GPU to use")
    if build.cuda is None:
        advice = "install the CUDA build of the version that requirements/train.txt pins (python -m pip uninstall torch first)"
        return Finding("cuda", "bad", "torch is a CPU build on a machine with GPUs", advice)
    if build.reaches_gpu:
        return Finding("cuda", "ok", f"torch reaches the GPUs through CUDA {build.cuda}")
    driver, needed = gpus[0].driver, MIN_DRIVER_BY_CUDA.get(int(build.cuda.split(".")[0]))
    if needed is not None and int(driver.split(".")[0]) < needed:
        advice = f"install driver {needed} or newer, or a torch for an older CUDA"
        return Finding("cuda", "bad", f"driver {driver} is too old for torch's CUDA {build.cuda}", advice)
    found = f"torch (CUDA {build.cuda}) reaches no GPU: {build.warning or 'it gives no reason'}"
    return Finding("cuda", "bad", found, "look at CUDA_VISIBLE_DEVICES, and at the driver")


def check_nccl(gpus: list[Gpu] | str, build: TorchBuild | str) -> list[Finding]:
    """NCCL, where several GPUs need it."""
    if isinstance(gpus, str) or isinstance(build, str) or len(gpus) < 2:
        return []
    if build.has_nccl:
        return [Finding("nccl", "ok", "in torch")]
    return [Finding("nccl", "bad", f"torch has no NCCL and there are {len(gpus)} GPUs", "install torch's CUDA build for Linux")]


def parse_links(output: str) -> dict[tuple[int, int], str]:
    """How GPUs are linked, from `nvidia-smi topo -m`: `(0, 1)` → `NV12` (twelve NVLinks), or `PHB`, `NODE`, `SYS` … (PCIe and further)."""
    rows = [re.sub(r"\x1b\[[0-9;]*m", "", line).split() for line in output.splitlines()]
    rows = [row for row in rows if row and re.fullmatch(r"GPU\d+", row[0])]
    body = [row[1:] for row in rows if len(row) > 1 and not row[1].startswith("GPU")]  # the heading begins with GPU0 GPU1
    links = {}
    for first, row in enumerate(body):
        for second in range(first + 1, min(len(body), len(row))):
            links[first, second] = row[second]
    return links


def query_links() -> dict[tuple[int, int], str] | str:
    """How the GPUs are linked, or why that cannot be told."""
    try:
        result = subprocess.run(["nvidia-smi", "topo", "-m"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nvidia-smi topo does not answer ({type(error).__name__})"
    return parse_links(result.stdout) or "nvidia-smi topo shows no links between GPUs"


def check_links(gpus: list[Gpu] | str, query: Callable[[], dict[tuple[int, int], str] | str]) -> list[Finding]:
    """NVLink between GPUs, where there are several."""
    if isinstance(gpus, str) or len(gpus) < 2:
        return []
    links = query()
    if isinstance(links, str):
        return [
            Finding("nvlink", "warn", links, "look at nvidia-smi topo -m yourself: without NVLink leave --tensor-model-parallel-size 1")
        ]
    without = sorted(pair for pair, link in links.items() if not link.startswith("NV"))
    if not without:
        return [Finding("nvlink", "ok", f"between all {len(gpus)} GPUs ({', '.join(sorted(set(links.values())))})")]
    pairs = ", ".join(f"{first}-{second} by {links[first, second]}" for first, second in without[:4])
    advice = (
        "data parallel works (--overlap-grad-reduce hides most of the exchange); leave --tensor-model-parallel-size 1, "
        "or choose linked GPUs by CUDA_VISIBLE_DEVICES"
    )
    more = f" and {len(without) - 4} more" if len(without) > 4 else ""
    return [Finding("nvlink", "warn", f"none between {pairs}{more}", advice)]


def check_cpus(num_cpus: int, num_present: int) -> Finding:
    """CPUs that this process may use."""
    found = f"{num_cpus} usable" + (f" of {num_present}" if num_present != num_cpus else "")
    if num_cpus < 2:
        return Finding("cpus", "warn", found, "two are the least that is comfortable; an actor pool and its reader need one each")
    return Finding("cpus", "ok", found)


def usable_cpus() -> int:
    """CPUs of this process's affinity, and no more than its control group's quota."""
    num_cpus = len(os.sched_getaffinity(0))
    quota = _first_line("/sys/fs/cgroup/cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit() and int(quota[1]):
        num_cpus = min(num_cpus, max(1, int(quota[0]) // int(quota[1])))
    return num_cpus


def memory_bytes() -> tuple[int, int]:
    """Memory in all and available now, no more than the control group's limit."""
    rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line)
    total, available = (int(rows[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    limit, used = _first_line("/sys/fs/cgroup/memory.max"), _first_line("/sys/fs/cgroup/memory.current")
    if limit.isdigit() and int(limit) < total:
        return int(limit), min(available, int(limit) - int(used)) if used.isdigit() else min(available, int(limit))
    return total, available


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().split("\n", 1)[0].strip()
    except OSError:
        return ""  # not every kernel and container has this file


def check_memory(total: int, available: int, num_cpus: int, purposes: Sequence[str]) -> Finding:
    """Memory against what the purposes want."""
    found = f"{available / GIB:.1f} GiB available of {total / GIB:.1f}"
    wanted = max(WANTED_MEMORY_BYTES[purpose] for purpose in purposes)
    each = max(MIN_MEMORY_BYTES_PER_CPU[purpose] for purpose in purposes)
    if available < wanted / 2:
        return Finding("memory", "bad", found, f"{wanted / GIB:.0f} GiB are wanted: end other programs, or take a larger machine")
    if available < wanted:
        return Finding("memory", "warn", found, f"{wanted / GIB:.0f} GiB are wanted; small inputs will do")
    if available < each * num_cpus:
        fitting = max(1, available // each)
        return Finding("memory", "warn", found, f"{each / GIB:.0f} GiB a worker are wanted: give --num-workers {fitting}")
    return Finding("memory", "ok", found)


def check_disk(folder: Path, free: int) -> Finding:
    """Free space where outputs will lie."""
    found = f"{free / GIB:.0f} GiB free at {folder}"
    if free < MIN_DISK_BYTES:
        return Finding("disk", "bad", found, "free some, or give --disk FOLDER and write there")
    if free < WANTED_DISK_BYTES:
        return Finding("disk", "warn", found, "enough for the demo; a checkpoint of 1.36B parameters is 19 GB and three are kept")
    return Finding("disk", "ok", found)


def check_shm(size: int | None, total_memory: int, purposes: Sequence[str]) -> Finding:
    """/dev/shm, which a container gives 64 MB unless told."""
    advice = "in a container: docker run --ipc=host, or --shm-size=16g; on Kubernetes an emptyDir of medium Memory at /dev/shm"
    if size is None:
        return Finding("/dev/shm", "warn", "there is none", advice)
    found = f"{size / GIB:.1f} GiB"
    if size < MIN_SHM_BYTES:
        return Finding("/dev/shm", "bad", found, advice)
    if "preprocess" in purposes and size < WANTED_SHM_SHARE * total_memory:
        return Finding("/dev/shm", "warn", f"{found}, less than 30 % of memory: Ray shrinks its object store to it", advice)
    return Finding("/dev/shm", "ok", found)


def check_descriptors(soft: int, hard: int) -> Finding:
    """The limit of open files, and how far this user may raise it."""
    reach = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    found = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft:,}"
    if soft == resource.RLIM_INFINITY or soft >= WANTED_DESCRIPTORS:
        return Finding("open files", "ok", found)
    advice = [f"ulimit -n {reach}"] if reach > soft else []
    if reach < WANTED_DESCRIPTORS:
        wanted = f"{WANTED_DESCRIPTORS:,} are wanted on a cluster's head: raise the hard limit ({hard:,}) in /etc/security/limits.conf"
        advice.append(f"{wanted}, or docker run --ulimit nofile={WANTED_DESCRIPTORS}")
    return Finding("open files", "bad" if reach < MIN_DESCRIPTORS else "warn", found, "; ".join(advice))


def process_limit() -> int | None:
    """The most processes and threads that this user, or this control group, may have; None where there is no limit."""
    limits = [soft] if (soft := resource.getrlimit(resource.RLIMIT_NPROC)[0]) != resource.RLIM_INFINITY else []
    group = _first_line("/sys/fs/cgroup/pids.max")
    return min([*limits, *([int(group)] if group.isdigit() else [])], default=None)


def check_processes(limit: int | None, num_cpus: int) -> Finding:
    """The limit of processes, which threads count towards."""
    if limit is None:
        return Finding("processes", "ok", "unlimited")
    wanted = WANTED_PROCESSES + WANTED_PROCESSES_PER_CPU * num_cpus
    if limit >= wanted:
        return Finding("processes", "ok", f"{limit:,}")
    advice = (
        f"{wanted:,} are wanted, or forking fails in the middle of a run: ulimit -u {wanted}, nproc in /etc/security/limits.conf, "
        f"docker run --pids-limit={wanted}"
    )
    return Finding("processes", "bad" if limit < MIN_PROCESSES else "warn", f"{limit:,} with threads", advice)


def is_clock_synchronised() -> bool | None:
    """What systemd says of the clock, or None where it says nothing (in containers)."""
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(result.stdout.strip()) if result.returncode == 0 else None


def check_clock(now: float, newest_file: float, is_synchronised: bool | None) -> Finding:
    """The clock, in seconds since 1970, against the newest file of this checkout, and whether it is kept right."""
    found = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < newest_file - MAX_CLOCK_LAG_SECONDS:
        advice = "set it (timedatectl set-ntp true): certificates and object stores refuse a wrong clock"
        return Finding("clock", "bad", f"{found}, before files of this checkout were written", advice)
    if is_synchronised is False:
        advice = (
            "timedatectl set-ntp true: object stores refuse requests that are 15 minutes off, and logs of several machines do not line up"
        )
        return Finding("clock", "warn", f"{found}, not synchronised", advice)
    return Finding("clock", "ok", f"{found}, synchronised" if is_synchronised else found)


def check_psutil(is_there: bool) -> Finding:
    """psutil, without which megatron's checkpoint writer waits for ever."""
    if is_there:
        return Finding("psutil", "ok", "importable")
    return Finding("psutil", "bad", "cannot be imported", "python -m pip install psutil: without it the first checkpoint hangs for ever")


def examine(purposes: Sequence[str], disk: Path) -> list[Finding]:
    """Everything that is looked at for the purposes, on this machine."""
    file = f"requirements/{purposes[0]}.txt" if len(purposes) == 1 else "requirements.txt"
    findings = [check_python(tuple(sys.version_info[:3])), *check_pins(pins_for(purposes), installed_version, file)]
    if "train" in purposes:
        torch_version = installed_version("torch")
        findings += [
            check_torch(torch_version, os.environ.get("PYTORCH_BUILD_VERSION")),
            check_psutil(importlib.util.find_spec("psutil") is not None),
            check_apex(*find_apex()),
        ]
        if installed_version("megatron-core") is not None:
            listed = importlib.metadata.files("megatron-core") or []
            findings.append(check_megatron_helpers([str(path) for path in listed]))
        gpus = query_nvidia_smi()
        findings += [*check_gpus(gpus), *check_links(gpus, query_links)]
        if torch_version is not None:
            build = look_at_torch()
            findings += [check_cuda(gpus, build), *check_nccl(gpus, build)]
    num_cpus = usable_cpus()
    total, available = memory_bytes()
    shm = shutil.disk_usage("/dev/shm").total if Path("/dev/shm").is_dir() else None
    return [
        *findings,
        check_cpus(num_cpus, os.cpu_count() or num_cpus),
        check_memory(total, available, num_cpus, purposes),
        check_disk(disk, shutil.disk_usage(disk).free),
        check_shm(shm, total, purposes),
        check_descriptors(*resource.getrlimit(resource.RLIMIT_NOFILE)),
        check_processes(process_limit(), num_cpus),
        check_clock(time.time(), max(path.stat().st_mtime for path in REQUIREMENTS.iterdir()), is_clock_synchronised()),
    ]


def print_findings(findings: Sequence[Finding]) -> None:
    """The table, and a closing line that says whether something is bad."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        print(f"{finding.verdict:<5} {finding.name:<{width}}  {finding.found}")
        if finding.advice:
            print(f"{'':<5} {'':<{width}}  → {finding.advice}")
    num_bad, num_warn = (sum(finding.verdict == verdict for finding in findings) for verdict in ("bad", "warn"))
    print(f"\ndoctor: {num_bad or 'nothing'} bad, {num_warn} to look at, {len(findings) - num_bad - num_warn} ok")


def main() -> int:
    """Examines this machine; 1 where something is bad."""
    parser = Parser(prog="python -m tools.doctor", description=__doc__ or "")
    parser.add_argument("--for", dest="purpose", choices=PURPOSES, help="what the machine is for; without it, both")
    parser.add_argument("--disk", type=Path, default=Path("."), metavar="DIR", help="folder whose disk outputs will lie on")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    args = parser.parse_args()
    if not args.disk.is_dir():
        raise InputError(f"{args.disk}: no such folder; give --disk the folder that outputs will lie in")
    purposes = (args.purpose,) if args.purpose else PURPOSES
    findings = examine(purposes, args.disk)
    is_healthy = all(finding.verdict != "bad" for finding in findings)
    if args.json:
        print(
            json.dumps({"for": list(purposes), "is_healthy": is_healthy, "findings": [asdict(finding) for finding in findings]}, indent=1)
        )
    else:
        print_findings(findings)
    return 0 if is_healthy else 1


if __name__ == "__main__":
    run("doctor", main)
