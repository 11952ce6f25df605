"""How fast does texmill train beside what others would run? One command builds and times on a GPU; without one a tiny shape.

    python -m benchmarks.bench_train                        the headline, then everything else, until the budget is spent
    python -m benchmarks.bench_train --only 'sequence 4096' cases whose names have this in them
    python -m benchmarks.bench_train --check                a GPU's losses, checkpoints and resuming against the processor's
    python -m benchmarks.bench_train --components           kernel against kernel, part by part, and the order that follows

Each case is a process of its own, so one that fails costs nothing but itself, and is written to the results as it ends: a second call
goes on with what is missing. The first three are the headline: texmill, transformers at its best and megatron-core's local spec at the
smaller vocabulary and the longest sequence. Micro-batches begin with the most that a count of the memory lets expect and are halved until
one fits.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS, machine
from benchmarks.train_cases import DOES_NOT_FIT, KINDS, SHAPES, Case, train_config
from shards.cli import Parser, run
from shards.errors import InputError
from shards.manifest import source_commit, write_manifest
from tools.plan import GIB, layer_bytes, memory
from train.config import num_parameters
from train.kernels import ORDER_FILE

ROOT = Path(__file__).resolve().parent.parent
HEADLINE_KINDS = ("texmill", "transformers at its best", "megatron-core local")
LEAST_SECONDS = {"1.36B": 45.0, "tiny": 5.0}  # that a case is begun with
MOST_CASE_SECONDS = 240.0
COMPONENTS = ("norm", "attention", "rope", "swiglu", "cross_entropy", "adam", "gradient_clipping", "weight_gradient")
COMPONENT_SECONDS = 90.0
CHECK_SECONDS = 400.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """Where it runs: its name, and bytes of its memory (of the machine without a GPU)."""

    name: str
    memory_bytes: int
    is_gpu: bool


def find_device() -> Device:
    """The first GPU, looked at by another process: this one would keep some of its memory."""
    code = (
        "import json, torch; gpu = torch.cuda.is_available(); print(json.dumps([torch.cuda.get_device_name(), "
        "torch.cuda.get_device_properties(0).total_memory] if gpu else None))"
    )
    found = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    if found is None:
        return Device(name="CPU", memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), is_gpu=False)
    return Device(name=found[0], memory_bytes=found[1], is_gpu=True)


def cases_of(shape_name: str) -> list[Case]:
    """All cases, the headline first; of each the largest micro-batch that is tried."""
    shape = SHAPES[shape_name]
    headline = (shape.vocabularies[0], shape.sequences[0])
    sizes = [(vocabulary, sequence) for vocabulary in shape.vocabularies for sequence in shape.sequences]
    order = [(kind, *headline) for kind in KINDS]
    order += [(kind, *size) for size in sizes if size != headline for kind in KINDS]
    rank = {kind: HEADLINE_KINDS.index(kind) if kind in HEADLINE_KINDS else len(HEADLINE_KINDS) for kind in KINDS}
    order[: len(KINDS)] = sorted(order[: len(KINDS)], key=lambda entry: rank[entry[0]])
    return [
        Case(
            kind=kind, shape=shape_name, vocabulary=vocabulary, sequence=sequence, micro_batch=max(1, shape.micro_batch_tokens // sequence)
        )
        for kind, vocabulary, sequence in order
    ]


def expected_bytes(case: Case) -> int:
    """About what the case takes of a GPU: where the search for a micro-batch begins, no more."""
    config = train_config(case, bf16=True)
    tokens, model = case.micro_batch * case.sequence, case.model
    if case.kind == "texmill":
        return memory(config, 1, round(2 * GIB)).total
    state, logits = 18 * num_parameters(model), tokens * case.vocabulary * 12
    layer = layer_bytes(config, tokens)
    if case.kind == "transformers as the seed":
        return state + logits + model.num_layers * tokens * model.hidden_size * 4 + 3 * layer
    scores = 0
    if case.kind == "megatron-core local":  # it keeps every score of its attention, before and after the softmax
        scores = 3 * 2 * case.micro_batch * model.num_attention_heads * case.sequence**2
    return state + logits + model.num_layers * (round(1.2 * layer) + scores) + round(2 * GIB)


def first_micro_batch(case: Case, device: Device) -> int:
    """The largest of the case's micro-batch, its half, its quarter … that the count lets expect to fit; at least 1."""
    size = case.micro_batch
    while device.is_gpu and size > 1 and expected_bytes(dataclasses.replace(case, micro_batch=size)) > device.memory_bytes:
        size //= 2
    return size


class Results:
    """The results' file: what it holds is kept, and every entry is written as it comes."""

    def __init__(self, path: Path, device: Device) -> None:
        self.path = path
        self.content: dict[str, Any] = {"benchmark": "train", "device": device.name, "machine": machine()}
        if path.exists():
            found = json.loads(path.read_text())
            if found.get("device") != device.name:
                raise InputError(f"{path}: holds results of {found.get('device')}, this machine has {device.name}; give another --results")
            self.content = found

    def has(self, part: str, key: str) -> bool:
        """Whether there is a figure that need not be made again."""
        return self.content.get(part, {}).get(key, {}).get("status") in ("measured", DOES_NOT_FIT)

    def put(self, part: str, key: str, entry: dict[str, Any]) -> None:
        """Writes an entry."""
        self.content.setdefault(part, {})[key] = entry | {"commit": source_commit()}
        write_manifest(self.path, self.content)


def run_case(case: Case, work: Path, seconds: float) -> dict[str, Any]:
    """The case in a process of its own, which is ended after `seconds`."""
    out = work / "case.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.train_cases", "--case", json.dumps(dataclasses.asdict(case))]
    return in_process([*command, "--work", str(work), "--out", str(out)], out, work / f"{re.sub('[^a-z0-9]+', '-', case.key)}.log", seconds)


def in_process(command: list[str], out: Path, log: Path, seconds: float) -> dict[str, Any]:
    """What a process writes to `out`, or why there is nothing; all that it says goes to `log`."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w") as handle:
        try:
            ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=handle, stderr=handle, timeout=seconds)
        except subprocess.TimeoutExpired:
            return {"status": "failed", "reason": f"not done after {seconds:.0f} s", "log": str(log)}
    if ended.returncode == 0 and out.exists():
        found: dict[str, Any] = json.loads(out.read_text())
        return found
    said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    reason = said[-1][:300] if said else "it said nothing"
    is_memory = any("OutOfMemoryError" in line for line in said[-40:])
    return {"status": DOES_NOT_FIT if is_memory else "failed", "reason": reason, "exit": ended.returncode, "log": str(log)}


RunCase = Callable[[Case, Path, float], dict[str, Any]]


def measure_case(case: Case, device: Device, work: Path, seconds_left: Callable[[], float], run_one: RunCase) -> dict[str, Any]:
    """The case at the largest micro-batch that fits, or its last failure."""
    size = first_micro_batch(case, device)
    tried: list[int] = []
    while True:
        found = run_one(dataclasses.replace(case, micro_batch=size), work, min(MOST_CASE_SECONDS, max(1.0, seconds_left())))
        if found["status"] != DOES_NOT_FIT or size == 1 or seconds_left() <= 0:
            return found | ({"did_not_fit": tried} if tried else {})
        tried.append(size)
        size //= 2


def run_cases(
    cases: list[Case], results: Results, device: Device, work: Path, budget_seconds: float, run_one: RunCase = run_case
) -> list[str]:
    """Measures what the results lack, in order, until the budget is spent; gives the names of what is left."""
    started = time.monotonic()
    left = []
    for case in cases:
        if results.has("cases", case.key):
            continue
        if budget_seconds - (time.monotonic() - started) < LEAST_SECONDS[case.shape]:
            left.append(case.key)
            continue
        print(f"{time.monotonic() - started:6.0f} s  {case.key}", flush=True)
        entry = measure_case(case, device, work, lambda: budget_seconds - (time.monotonic() - started), run_one)
        results.put("cases", case.key, entry)
        print("\n".join(case_lines({case.key: entry})), flush=True)
    return left


def case_lines(cases: dict[str, Any]) -> list[str]:
    """A line a case."""
    lines = []
    for key, entry in cases.items():
        if entry["status"] != "measured":
            lines.append(f"  {key:<58} {entry['status']}: {entry.get('reason', 'not even one sample')}")
            continue
        used = "      n/a      n/a" if entry["mfu"] is None else f"{entry['mfu']:>9.1%}{entry['mfu_causal']:>9.1%}"
        stall = "      -" if entry["data_stall_share"] is None else f"{entry['data_stall_share']:>7.2%}"
        lines.append(
            f"  {key:<58}{entry['micro_batch']:>4}{entry['tokens_per_second']:>12,.0f}{used}"
            f"{entry['peak_bytes'] / GIB:>8.1f}{stall}{entry['steps']:>6}"
        )
    return lines


def table(content: dict[str, Any]) -> list[str]:
    """All that was measured."""
    lines = [f"{content['device']}"]
    if cases := content.get("cases"):
        heads = f"{'mb':>4}{'tokens/s':>12}{'MFU':>9}{'causal':>9}{'GiB':>8}{'stall':>7}{'steps':>6}"
        lines += [f"  {'case':<58}{heads}", *case_lines(cases), *ratio_lines(cases)]
    for component, entry in content.get("components", {}).items():
        lines += component_lines(component, entry)
    for name, entry in content.get("checks", {}).items():
        lines.append(
            f"  check {name}: {entry.get('detail', entry.get('reason', ''))}: {'holds' if entry.get('holds') else 'DOES NOT HOLD'}"
        )
    return lines


def ratio_lines(cases: dict[str, Any]) -> Iterator[str]:
    """texmill's tokens a second beside the others', where both were measured."""
    rates = {key: entry["tokens_per_second"] for key, entry in cases.items() if entry["status"] == "measured"}
    for key, rate in rates.items():
        if key.startswith("texmill "):
            rest = key.removeprefix("texmill ")
            others = [(kind, rates[f"{kind} {rest}"]) for kind in KINDS if kind != "texmill" and f"{kind} {rest}" in rates]
            if others:
                yield f"  texmill, {rest}: " + ", ".join(f"{rate / other:.2f} x {kind}" for kind, other in others)


def component_lines(component: str, entry: dict[str, Any]) -> list[str]:
    """A line a kernel, fastest first; those that are absent with their reasons."""
    if "kernels" not in entry:
        return [f"  {component}: {entry['status']}: {entry.get('reason')}"]
    lines = [f"  {component}, {entry['size']}; {entry['counted']}"]
    for row in entry["kernels"]:
        if "milliseconds" in row:
            lines.append(
                f"    {row['kernel']:<22}{row['milliseconds']:>10.3f} ms{row['rate']:>10.1f} {row['unit']:<8}error {row['error']:.1e}"
            )
        else:
            lines.append(f"    {row['kernel']:<22}absent: {row['reason']}")
    lines.append(f"    order: {', '.join(entry['order'])}")
    return lines


def run_components(results: Results, shape: str, work: Path) -> None:
    """Every component in a process of its own."""
    for component in COMPONENTS:
        if results.has("components", component):
            continue
        out = work / "component.json"
        out.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.train_components", "--component", component, "--shape", shape, "--out", str(out)]
        entry = in_process(command, out, work / f"component-{component}.log", COMPONENT_SECONDS)
        results.put("components", component, entry)
        print("\n".join(component_lines(component, entry)), flush=True)


def write_order(content: dict[str, Any]) -> None:
    """The orders that were measured, into train/kernel_order.json under the GPU's name."""
    found = {component: entry["order"] for component, entry in content.get("components", {}).items() if entry.get("order")}
    stored = json.loads(ORDER_FILE.read_text())
    named = {component: order for component, order in found.items() if component in stored["any"]}
    stored[content["device"]] = {
        component: [*order, *(kernel for kernel in stored["any"][component] if kernel not in order)] for component, order in named.items()
    }
    ORDER_FILE.write_text(json.dumps(stored, indent=1) + "\n")
    print(f"written: {ORDER_FILE}, {content['device']}: {', '.join(named)}")


def run_checks(results: Results, work: Path) -> None:
    """The checks in a process of their own."""
    out = work / "check.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.train_check", "--work", str(work / "check"), "--out", str(out)]
    found = in_process(command, out, work / "check.log", CHECK_SECONDS)
    if "checks" not in found:
        results.put("checks", "all", found)
        return
    for name, entry in found["checks"].items():
        results.put("checks", name, entry | {"status": "measured"})


def main() -> int:
    """Measures what is asked for and lacking, and prints the table of everything that the results hold."""
    parser = Parser(prog="python -m benchmarks.bench_train", description=__doc__ or "")
    parser.add_argument("--shape", choices=sorted(SHAPES), help="of the model [default: 1.36B on a GPU, tiny without]")
    parser.add_argument("--only", action="append", metavar="TEXT", help="cases with this in their names; again for more [default: all]")
    parser.add_argument("--budget-s", type=float, default=1e9, metavar="SECONDS", help="no case is begun that would go beyond it")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="JSON; what it has is not measured again [default: named after the GPU]"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench_train", metavar="DIR", help="token shards and logs")
    parser.add_argument("--check", action="store_true", help="check correctness instead of timing cases")
    parser.add_argument("--components", action="store_true", help="time kernels instead of cases")
    parser.add_argument("--write-order", action="store_true", help="with --components: write train/kernel_order.json for this GPU")
    args = parser.parse_args()
    device = find_device()
    shape = args.shape or ("1.36B" if device.is_gpu else "tiny")
    default = RESULTS / ("train_cpu.json" if not device.is_gpu else f"train_{re.sub('[^a-z0-9]+', '_', device.name.lower())}.json")
    results = Results(args.results or default, device)
    args.work.mkdir(parents=True, exist_ok=True)
    left: list[str] = []
    if args.check:
        run_checks(results, args.work)
    if args.components:
        run_components(results, shape, args.work)
        if args.write_order:
            write_order(results.content)
    if not args.check and not args.components:
        wanted = [case for case in cases_of(shape) if args.only is None or any(text in case.key for text in args.only)]
        if not wanted:
            raise InputError(f"--only {args.only}: no case has it in its name; names are like {cases_of(shape)[0].key!r}")
        left = run_cases(wanted, results, device, args.work, args.budget_s)
    print("\n".join(table(results.content)))
    if left:
        print(f"not begun for want of time: {'; '.join(left)}. The same command goes on with them")
    print(f"results: {results.path}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.bench_train", main)
