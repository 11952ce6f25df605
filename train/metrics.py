"""What a run says of itself: loss in bits per byte, tokens a second, MFU, the share of time spent waiting for data."""

import json
import math
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from shards.commit import write_bytes
from shards.errors import InputError
from train.config import ModelConfig, flops_per_token

PEAK_TFLOPS = {
    # dense bfloat16, 10^12 operations a second, from NVIDIA's data sheets; the first that is part of the device's name
    "H100 PCIe": 756.0,
    "H100 NVL": 835.0,
    "A100": 312.0,
    "A800": 312.0,
    "H100": 989.0,
    "H200": 989.0,
    "H800": 989.0,
    "GH200": 989.0,
    "L40S": 362.0,
    "A6000": 154.8,
}
MFU_FORMULA = "MFU = tokens/s x (6 N_matmul + 12 L h s) / (devices x peak); causal: half of the second term"


def peak_tflops(device_name: str, stated: float | None) -> float | None:
    """The peak that MFU is counted against: the stated one, else the table's for this device, else none."""
    if stated is not None:
        return stated
    return next((peak for name, peak in PEAK_TFLOPS.items() if name in device_name), None)


def bits_per_byte(loss: float, num_tokens: int, num_bytes: int) -> float:
    """A loss in nats a token as bits a byte of text: comparable across tokenizers, as the loss is not."""
    return loss / math.log(2) * num_tokens / num_bytes


def mfu(model: ModelConfig, tokens_per_second: float, num_devices: int, peak: float | None, *, is_causal: bool) -> float | None:
    """Model FLOPs utilisation (see `MFU_FORMULA`), or None where no peak is known."""
    if peak is None:
        return None
    return tokens_per_second * flops_per_token(model, is_causal=is_causal) / (num_devices * peak * 1e12)


def memory_bytes() -> int:
    """The most memory that this process has held: of its GPU where it has one, else of the machine."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts KiB


class MetricsLog:
    """JSON lines and TensorBoard; only the first process writes.

    Of what an earlier process of the run has written the first `kept_rows` rows stay: the rest was logged after the checkpoint that the run
    goes on from, and is done again.
    """

    def __init__(self, run: Path, *, is_writer: bool, kept_rows: int, from_iteration: int) -> None:
        self.handle: TextIO | None = None
        self.board: Any = None
        self.num_rows = kept_rows
        if not is_writer:
            return
        path = run / "metrics.jsonl"
        lines = path.read_text().splitlines(keepends=True)[:kept_rows] if path.exists() else []
        kept = [line for line in lines if line.endswith("\n")]
        write_bytes(path, "".join(kept).encode())
        self.num_rows = len(kept)
        self.handle = open(path, "a")  # noqa: SIM115
        from torch.utils.tensorboard import SummaryWriter

        self.board = SummaryWriter(str(run / "tensorboard"), purge_step=from_iteration + 1)

    def write(self, row: dict[str, Any]) -> None:
        """One row: `kind`, `iteration` and figures; a figure that is not finite is written as text."""
        self.num_rows += 1
        if self.handle is None:
            return
        try:
            self.handle.write(json.dumps(_finite(row), allow_nan=False) + "\n")
            self.handle.flush()
        except OSError as error:
            raise InputError(
                f"{self.handle.name}: cannot be written ({error.strerror}); make room and run the same command again, it goes on from its "
                f"last checkpoint"
            ) from None
        prefix = f"validation/{row['domain']}" if row["kind"] == "validation" else row["kind"]
        for name, value in _figures(row):
            if name != "iteration" and math.isfinite(value):
                self.board.add_scalar(f"{prefix}/{name}", value, row["iteration"])

    def close(self) -> None:
        """Flushes and closes."""
        if self.handle is not None:
            self.handle.close()
            self.board.close()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _figures(row: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{part}", figure) for part, figure in value.items())
        elif isinstance(value, int | float):
            yield name, value
