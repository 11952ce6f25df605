"""What a run says of itself: loss in bits per byte, tokens a second, MFU, the share of time spent waiting for data."""

import dataclasses
import hashlib
import importlib
import json
import math
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from shards.commit import write_bytes
from shards.errors import InputError
from train.config import ModelConfig, TrainConfig, flops_per_token

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


EVERY_STEP = "step"  # the kind of row that goes to metrics.jsonl alone: a service sees each interval's row
Sink = Callable[[dict[str, float], int], None]  # figures by name, and the step that they are of


def tracking_sinks(config: TrainConfig, run: Path) -> tuple[list[Sink], list[Callable[[], None]]]:
    """What writes to the services that the config names, and what ends them. Raises `InputError` where one is not installed."""
    sinks: list[Sink] = []
    ends: list[Callable[[], None]] = []
    settings = dataclasses.asdict(config)
    if config.training.wandb_project is not None:
        wandb = _service("wandb", "--wandb-project")
        # the run's folder is its name: a run that goes on is the same one there
        started = wandb.init(project=config.training.wandb_project, id=_name_of(run), resume="allow", dir=str(run), config=settings)
        sinks.append(lambda figures, step: started.log(figures, step=step))
        ends.append(started.finish)
    if config.training.mlflow_experiment is not None:
        mlflow = _service("mlflow", "--mlflow-experiment")
        mlflow.set_experiment(config.training.mlflow_experiment)
        mlflow.start_run(run_name=_name_of(run))
        mlflow.log_params({f"{section}.{name}": value for section, fields in settings.items() for name, value in fields.items()})
        sinks.append(lambda figures, step: mlflow.log_metrics(figures, step=step))
        ends.append(mlflow.end_run)
    return sinks, ends


def _service(package: str, flag: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"{flag} needs the package {package}, which cannot be imported ({error}); install it or leave the flag out"
        ) from None


def _name_of(run: Path) -> str:
    return f"{run.name}-{hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:8]}"


class MetricsLog:
    """JSON lines, TensorBoard and the services that are asked for; only the first process writes.

    Of what an earlier process of the run has written the first `kept_rows` rows stay: the rest was logged after the checkpoint that the run
    goes on from, and is done again.
    """

    def __init__(self, run: Path, *, is_writer: bool, kept_rows: int, from_iteration: int, config: TrainConfig | None = None) -> None:
        self.sinks: list[Sink] = []
        self.ends: list[Callable[[], None]] = []
        self.handle: TextIO | None = None
        self.board: Any = None
        self.num_rows = kept_rows
        if not is_writer:
            return
        if config is not None:
            self.sinks, self.ends = tracking_sinks(config, run)
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
        if row["kind"] == EVERY_STEP:
            return
        prefix = f"validation/{row['domain']}" if row["kind"] == "validation" else row["kind"]
        figures = {f"{prefix}/{name}": value for name, value in _figures(row) if name != "iteration" and math.isfinite(value)}
        for name, value in figures.items():
            self.board.add_scalar(name, value, row["iteration"])
        for sink in list(self.sinks):
            try:
                sink(figures, row["iteration"])
            except Exception as error:  # a service that is away, whatever it raises, must not end weeks of training
                self.sinks.remove(sink)
                print(
                    f"warning: a tracking service failed ({type(error).__name__}: {error}); it gets no more, metrics.jsonl has everything"
                )

    def close(self) -> None:
        """Flushes and closes."""
        if self.handle is not None:
            self.handle.close()
            self.board.close()
        for end in self.ends:
            try:
                end()
            except Exception as error:
                print(f"warning: a tracking service could not be ended ({type(error).__name__}: {error})")


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
