"""What does a training step cost at least? Operations and bytes counted from the shape; what changes to the step should bring; days.

    python -m benchmarks.train_floor        remakes the tables of docs/performance.md

Nothing here is measured: rates are data sheets', and stand beside what `benchmarks.bench_train` has measured where its results are there.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.record import RESULTS
from benchmarks.train_cases import SHAPES, Case, Shape, train_config
from shards.cli import Parser, run
from shards.commit import write_bytes
from tools.plan import GIB, GIVEN, GPUS, memory, speed
from train.config import flops_per_token, load_recipe, num_matmul_parameters, num_parameters
from train.metrics import peak_tflops

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
RECIPE = Path(__file__).resolve().parent.parent / "train" / "recipes" / "1p36b_2xa100.toml"
TERABYTES_PER_SECOND = {"a100-80gb": 2.039, "h100": 3.35, "h200": 4.8}  # NVIDIA's data sheets, SXM
TOKENS = 52.18e9  # that the published model was trained on
UTILISATIONS = (0.40, 0.45, 0.50, 0.55, 0.60)  # assumed
NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change to the step: bytes of device memory that it should save, a micro-batch or a step."""

    name: str
    bytes_each: Callable[[Shape, int], float]
    # of the shape and the vocabulary
    is_per_step: bool
    how: str


def _elements(shape: Shape, width: int) -> int:
    return shape.micro_batch_tokens * width * shape.layers


def _parameters(shape: Shape, vocabulary: int) -> int:
    return num_parameters(_case(shape, vocabulary, shape.sequences[0]).model)


def _case(shape: Shape, vocabulary: int, sequence: int) -> Case:
    name = next(name for name, other in SHAPES.items() if other is shape)
    return Case(kind="texmill", shape=name, vocabulary=vocabulary, sequence=sequence, micro_batch=shape.micro_batch_tokens // sequence)


CHANGES = (
    Change(
        name="norm by one kernel forward and one back (`torch_compiled`)",
        bytes_each=lambda shape, _: (44 - 10) * (2 + 1 / shape.layers) * _elements(shape, shape.hidden),
        is_per_step=False,
        how="10 bytes an element instead of 44: no float32 copies are written and read again",
    ),
    Change(
        name="query, key and value split and turned by one kernel (`torch_compiled`)",
        bytes_each=lambda shape, _: (96 - 24) * _elements(shape, shape.hidden),
        is_per_step=False,
        how="24 bytes an element of the width instead of 96: products, halves and joins are not written",
    ),
    Change(
        name="SwiGLU by one kernel forward and one back (`torch_compiled`)",
        bytes_each=lambda shape, _: (40 - 16) * _elements(shape, shape.ffn),
        is_per_step=False,
        how="16 bytes an element instead of 40",
    ),
    Change(
        name="softmax of the loss and its gradient by one kernel, chunk by chunk",
        bytes_each=lambda shape, vocabulary: (48 - 6) * shape.micro_batch_tokens * vocabulary,
        is_per_step=False,
        how="6 bytes a logit instead of 48: read twice and written once in bfloat16, float32 in registers alone",
    ),
    Change(
        name="weight gradients added up by the product itself (`torch_fused`)",
        bytes_each=lambda shape, vocabulary: 4 * num_matmul_parameters(_case(shape, vocabulary, shape.sequences[0]).model),
        is_per_step=False,
        how="no bfloat16 gradient is written and read; 32 bits are kept of every micro-batch",
    ),
    Change(
        name="AdamW by one kernel (`torch_fused`)",
        bytes_each=lambda shape, vocabulary: (76 - 28) * _parameters(shape, vocabulary),
        is_per_step=True,
        how="28 bytes a parameter instead of 76, and no temporary copies of all of them",
    ),
    Change(
        name="norm and scale of all gradients at a time",
        bytes_each=lambda shape, vocabulary: (20 - 12) * _parameters(shape, vocabulary),
        is_per_step=True,
        how="12 bytes a parameter instead of 20, and one question to the GPU instead of one for each tensor",
    ),
)


def step_micro_batches(shape: Shape) -> int:
    """Micro-batches of a step of the benchmark."""
    return shape.step_tokens // shape.micro_batch_tokens


def floor_bytes(shape: Shape, vocabulary: int) -> dict[str, float]:
    """Fewest bytes of a micro-batch that the fused kernels move beside matrix products and attention; the optimizer's by micro-batch."""
    tokens, hidden = shape.micro_batch_tokens, shape.hidden
    parameters = _parameters(shape, vocabulary)
    return {
        "norms": 10 * (2 * shape.layers + 1) * tokens * hidden,
        "split and rotation": 24 * shape.layers * tokens * hidden,
        "SwiGLU": 16 * shape.layers * tokens * shape.ffn,
        "residual additions": (6 + 6) * 2 * shape.layers * tokens * hidden,
        "loss": 6 * tokens * vocabulary,
        "optimizer, clipping, new weights": (28 + 12 + 6 + 4) * parameters / step_micro_batches(shape),
    }


def floor_table() -> Iterator[str]:
    """Operations a token, and milliseconds of a micro-batch at data-sheet rates."""
    shape = SHAPES["1.36B"]
    yield (
        "| vocabulary | sequence | GFLOP a token, full (causal) | of it attention | GPU | products and causal attention, ms | bytes, ms "
        "| tokens/s at both |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for vocabulary in shape.vocabularies:
        for sequence in shape.sequences:
            model = _case(shape, vocabulary, sequence).model
            full, causal = (flops_per_token(model, is_causal=is_causal) for is_causal in (False, True))
            share = 2 * (full - causal) / full
            for key in ("h200", "a100-80gb"):
                peak = peak_tflops(GPUS[key].name, None) or 0.0
                products = causal * shape.micro_batch_tokens / peak / 1e12 * 1000
                moved = sum(floor_bytes(shape, vocabulary).values()) / TERABYTES_PER_SECOND[key] / 1e12 * 1000
                rate = shape.micro_batch_tokens / (products + moved) * 1000
                counted = f"{full / 1e9:.2f} ({causal / 1e9:.2f}) | {share:.0%}"
                yield f"| {vocabulary:,} | {sequence:,} | {counted} | {key} | {products:.0f} | {moved:.0f} | {rate:,.0f} |"


def bytes_table() -> Iterator[str]:
    """Where the bytes of a micro-batch go."""
    shape = SHAPES["1.36B"]
    columns = [floor_bytes(shape, vocabulary) for vocabulary in shape.vocabularies]
    yield f"| of {shape.micro_batch_tokens:,} tokens | " + " | ".join(f"GB, vocabulary {size:,}" for size in shape.vocabularies) + " |"
    yield "|---|" + "---|" * len(columns)
    for part in columns[0]:
        yield f"| {part} | " + " | ".join(f"{column[part] / 1e9:.1f}" for column in columns) + " |"


def memory_table() -> Iterator[str]:
    """Memory of one GPU by part at the largest micro-batch, by the formulas of `tools.plan`."""
    shape = SHAPES["1.36B"]
    cases = [_case(shape, vocabulary, shape.sequences[0]) for vocabulary in shape.vocabularies]
    found = [memory(train_config(case, bf16=True), 1, round(4 * GIB)) for case in cases]
    yield (
        f"| GiB, micro-batch {cases[0].micro_batch} x {cases[0].sequence:,}, one GPU | "
        + " | ".join(f"vocabulary {case.vocabulary:,}" for case in cases)
        + " |"
    )
    yield "|---|" + "---|" * len(cases)
    for part in ("weights", "gradients", "main_weights", "adam", "activations", "logits", "layer_backward", "reserve", "total"):
        yield f"| {part.replace('_', ' ')} | " + " | ".join(f"{getattr(one, part) / GIB:.1f}" for one in found) + " |"
    capacity = GPUS["a100-80gb"].memory_mib / 1024
    yield (
        f"| of {capacity:.1f} of an A100-80GB | "
        + " | ".join("fits" if one.total / GIB < capacity else "does not fit" for one in found)
        + " |"
    )


def changes_table() -> Iterator[str]:
    """Predictions, each beside its outcome."""
    shape = SHAPES["1.36B"]
    yield "| change | why | predicted, ms of a micro-batch on H200, vocabulary 35,584; 102,400 | outcome |"
    yield "|---|---|---|---|"
    for change in CHANGES:
        saved = [
            change.bytes_each(shape, vocabulary) / (step_micro_batches(shape) if change.is_per_step else 1)
            for vocabulary in shape.vocabularies
        ]
        spent = "; ".join(f"{number / TERABYTES_PER_SECOND['h200'] / 1e9:.1f}" for number in saved)
        yield f"| {change.name} | {change.how} | {spent} | {NOT_MEASURED} |"


def days_table() -> Iterator[str]:
    """Days of two A100 at assumed utilisations."""
    recipe = load_recipe(RECIPE)
    yield "| MFU, assumed | causal | tokens/s, two A100-80GB | days for 52.18B tokens at sequence 4,096 |"
    yield "|---|---|---|---|"
    for mfu in UTILISATIONS:
        found = speed(recipe, GPUS["a100-80gb"], 2, TOKENS, mfu, GIVEN, None)
        assert found is not None
        yield f"| {mfu:.0%} | {found.mfu_causal:.1%} | {found.tokens_per_second:,.0f} | {found.days:.1f} |"


def measured_table() -> Iterator[str]:
    """What was measured on GPUs."""
    found: list[tuple[str, str, Any]] = []
    for path in sorted(RESULTS.glob("train_*.json")):
        content = json.loads(path.read_text())
        if content.get("device") != "CPU":
            found += [(content["device"], key, entry) for key, entry in content.get("cases", {}).items() if entry["status"] == "measured"]
    if not found:
        yield "Nothing has been measured on a GPU yet."
        return
    yield "| GPU | case | micro-batch | tokens/s | MFU (causal) | peak GiB | data stall |"
    yield "|---|---|---|---|---|---|---|"
    for device, key, entry in found:
        used = "" if entry["mfu"] is None else f"{entry['mfu']:.1%} ({entry['mfu_causal']:.1%})"
        stall = "" if entry["data_stall_share"] is None else f"{entry['data_stall_share']:.2%}"
        yield (
            f"| {device} | {key} | {entry['micro_batch']} | {entry['tokens_per_second']:,.0f} | {used} | {entry['peak_bytes'] / GIB:.1f} | "
            f"{stall} |"
        )


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "measured": measured_table,
    "floor": floor_table,
    "bytes": bytes_table,
    "memory": memory_table,
    "changes": changes_table,
    "days": days_table,
}


def with_tables(text: str) -> str:
    """The page with its tables made anew, each between `<!-- NAME -->` and `<!-- end -->`."""
    for name, table in TABLES.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        made = "\n".join(table())
        text, count = pattern.subn(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{PAGE}: the table {name} has {count} places, 1 is needed")
    return text


def main() -> int:
    """Writes the page."""
    Parser(prog="python -m benchmarks.train_floor", description=__doc__ or "").parse_args()
    write_bytes(PAGE, with_tables(PAGE.read_text()).encode())
    print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    run("python -m benchmarks.train_floor", main)
