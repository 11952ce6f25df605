"""Small runs: their config, and what they leave."""

import json
from pathlib import Path
from typing import Any

from train.config import ModelConfig, OptimizerConfig, ParallelConfig, TrainConfig, TrainingConfig, WatchConfig, override


def small_config(**fields: Any) -> TrainConfig:
    """A model that a test trains in seconds; `fields` as flags give them."""
    config = TrainConfig(
        model=ModelConfig(
            num_layers=2, hidden_size=32, ffn_hidden_size=64, num_attention_heads=4, num_query_groups=2, vocab_size=256, seq_length=32
        ),
        optimizer=OptimizerConfig(lr=3e-3, min_lr=3e-4, lr_warmup_iters=4),
        parallel=ParallelConfig(),
        training=TrainingConfig(
            micro_batch_size=2, global_batch_size=8, train_iters=20, eval_interval=1000, log_interval=1, save_interval=1000
        ),
        watch=WatchConfig(hang_seconds=60.0),
    )
    return override(config, fields)


def rows(run: Path, kind: str = "train") -> list[dict[str, Any]]:
    """Rows of one kind of a run's metrics."""
    return [row for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if row["kind"] == kind]


def losses(run: Path) -> dict[int, float]:
    """Training loss by step."""
    return {row["iteration"]: row["lm_loss"] for row in rows(run)}
