"""The loop: batches → gradients → step; validation per domain, checkpoints, books, one readable line an interval."""

import math
import time
from pathlib import Path
from typing import Any

import torch

from shards.errors import InputError
from train import checkpoint as checkpoints
from train import megatron_adapter as megatron
from train.config import TrainConfig, num_parameters
from train.data import Batches, TokenSet, TokenShards, blend, collate
from train.kernels import choose_kernels
from train.loss import mean_over_tokens
from train.metrics import MFU_FORMULA, MetricsLog, bits_per_byte, mfu, peak_tflops
from train.watch import require_finite


class Trainer:
    """One process of a run; `torch.distributed` must be up."""

    def __init__(self, config: TrainConfig, shards: TokenShards, run: Path, *, load: Path | None = None) -> None:
        self.config, self.shards, self.run = config, shards, run
        self.world_size = torch.distributed.get_world_size()
        self.rank = torch.distributed.get_rank()
        config.check_world(self.world_size)
        self.device = megatron.device()
        start = self._starting_point(load)
        megatron.initialize_parallel(config)
        self.kernels = choose_kernels()
        model = megatron.build_model(config, self.kernels)
        counted, stated = megatron.count_parameters(model), num_parameters(config.model)
        if counted != stated:
            raise InputError(f"the model has {counted:,} parameters, the formula says {stated:,}; report this with your recipe")
        self.wrapped = megatron.wrap_data_parallel(model, config)
        self.optimizer = megatron.build_optimizer(self.wrapped, config)
        self.scheduler = megatron.build_scheduler(self.optimizer, config)
        self.iteration = 0
        if start is not None:
            self.iteration = checkpoints.load(start, self.wrapped, self.optimizer, self.scheduler)
        self.peak = peak_tflops(torch.cuda.get_device_name() if megatron.HAS_CUDA else "CPU", config.training.peak_tflops)
        self._introduce(counted, start)
        self._build_data()
        self.log = MetricsLog(run, is_writer=self.rank == 0, from_iteration=self.iteration if start is not None else 0)

    def _starting_point(self, load: Path | None) -> Path | None:
        own = checkpoints.latest(self.run)
        start = checkpoints.folder_of(self.run, own) if own is not None else checkpoints.find_checkpoint(load) if load is not None else None
        if start is not None:
            checkpoints.require_same(start, self.config, self.shards.tokenizer_sha256)
        return start

    def say(self, line: str) -> None:
        """A line, from the first process alone."""
        if self.rank == 0:
            print(line, flush=True)

    def _introduce(self, num_weights: int, start: Path | None) -> None:
        config, training = self.config, self.config.training
        tensor = config.parallel.tensor_model_parallel_size
        self.say(
            f"model: {num_weights:,} parameters (exact), vocabulary {config.model.known_vocab_size}, sequence {config.model.seq_length}"
        )
        self.say(
            f"processes: {self.world_size} = tensor parallel {tensor} x data parallel {self.world_size // tensor}; "
            f"{training.global_batch_size} samples = {training.global_batch_size * config.model.seq_length:,} tokens a step"
        )
        for line in self.kernels.lines():
            self.say(line)
        self.say(f"{MFU_FORMULA}; peak {'unknown: give --peak-tflops to see MFU' if self.peak is None else f'{self.peak:g} TFLOP/s'}")
        if start is not None:
            self.say(f"going on from step {self.iteration} ({start})")

    def _build_data(self) -> None:
        config = self.config
        cache = Path(config.data.data_cache_path) if config.data.data_cache_path else self.run / "sample_index"
        common = {"eod": self.shards.eod, "tokenizer_sha256": self.shards.tokenizer_sha256, "cache": cache}
        prefixes, weights = blend(self.shards, config)
        num_samples = config.training.train_iters * config.training.global_batch_size
        self.dataset = megatron.build_dataset(prefixes, weights, num_samples, config, is_training=True, **common)  # type: ignore[arg-type]
        self.validation: list[tuple[TokenSet, Any]] = []
        for entry in self.shards.of_split("validation"):
            if entry.num_tokens <= config.model.seq_length:
                self.say(f"validation: {entry.domain} has {entry.num_tokens} tokens, less than one sample: left out")
                continue
            dataset = megatron.build_dataset([entry.prefix], None, None, config, is_training=False, **common)  # type: ignore[arg-type]
            self.validation.append((entry, dataset))
        total = sum(weights)
        for prefix, weight in zip(prefixes, weights, strict=True):
            entry = next(known for known in self.shards.of_split("train") if known.prefix == prefix)
            epochs = num_samples * config.model.seq_length * weight / total / entry.num_tokens
            self.say(f"data: {entry.domain}: weight {weight / total:.3f}, {entry.num_tokens:,} tokens, {epochs:.2f} epochs in this run")
        train_sets = self.shards.of_split("train")
        self.bytes_per_token = sum(entry.text_bytes for entry in train_sets) / sum(entry.num_tokens for entry in train_sets)

    def train(self) -> None:
        """From where the run stands to its last step."""
        training = self.config.training
        if self.iteration == 0:
            self.validate()
        if self.iteration >= training.train_iters:
            self.say(f"step {self.iteration} of {training.train_iters}: nothing left to do")
            return
        batches = Batches(
            self.dataset,
            self.config,
            first_step=self.iteration,
            rank=megatron.data_parallel_rank(),
            num_ranks=megatron.data_parallel_size(),
            device=self.device,
        )
        try:
            self._loop(batches)
        finally:
            batches.close()
            self.log.close()

    def _loop(self, batches: Batches) -> None:
        training = self.config.training
        interval_started, interval_from = time.perf_counter(), self.iteration
        waited = 0.0
        self.wrapped.train()
        while self.iteration < training.train_iters:
            loss, grad_norm, lr = self._step(batches)
            self.iteration += 1
            is_last = self.iteration == training.train_iters
            if self.iteration % training.log_interval == 0 or is_last:
                seconds = time.perf_counter() - interval_started
                self._report(loss, grad_norm, lr, seconds, self.iteration - interval_from, batches.waited_seconds - waited)
                interval_started, interval_from, waited = time.perf_counter(), self.iteration, batches.waited_seconds
            aside = time.perf_counter()
            if self.iteration % training.eval_interval == 0 or is_last:
                self.validate()
            if self.iteration % training.save_interval == 0 or is_last:
                folder = checkpoints.save(self.run, self.iteration, self.config, self.shards, self.wrapped, self.optimizer, self.scheduler)
                self.say(f"saved {folder}")
            interval_started += time.perf_counter() - aside  # validation and saving are no part of a step's time

    def _step(self, batches: Batches) -> tuple[float, float, float]:
        self.wrapped.zero_grad_buffer()
        self.optimizer.zero_grad()
        losses = megatron.forward_backward(self.wrapped, batches.step(), self.config, batches.num_micro_batches, mean_over_tokens)
        total = torch.stack([loss.float() for loss in losses]).mean().reshape(1)
        loss = float(megatron.average_over_data_parallel(total).item()) / megatron.data_parallel_size()
        require_finite(self.iteration + 1, loss, self.wrapped)
        lr = _set_learning_rate(self.scheduler)
        _, grad_norm, _ = self.optimizer.step()
        return loss, float(grad_norm or 0.0), lr

    def _report(self, loss: float, grad_norm: float, lr: float, seconds: float, num_steps: int, waited: float) -> None:
        config = self.config
        tokens = num_steps * config.training.global_batch_size * config.model.seq_length
        rate = tokens / seconds
        row: dict[str, Any] = {
            "kind": "train",
            "iteration": self.iteration,
            "lm_loss": loss,
            "bits_per_byte": loss / math.log(2) / self.bytes_per_token,
            "lr": lr,
            "grad_norm": grad_norm,
            "tokens_per_second": rate,
            "mfu": mfu(config.model, rate, self.world_size, self.peak, is_causal=False),
            "mfu_causal": mfu(config.model, rate, self.world_size, self.peak, is_causal=True),
            "data_stall_share": waited / seconds,
            "consumed_tokens": self.iteration * config.training.global_batch_size * config.model.seq_length,
        }
        self.log.write(row)
        used = "n/a" if row["mfu"] is None else f"{row['mfu']:.1%}"
        left = (config.training.train_iters - self.iteration) * seconds / num_steps
        self.say(
            f"step {self.iteration}/{config.training.train_iters}  loss {loss:.4f}  bits/byte {row['bits_per_byte']:.4f}  lr {lr:.2e}  "
            f"grad {grad_norm:.2f}  {rate:,.0f} tokens/s  MFU {used}  data stall {waited / seconds:.1%}  {left:.0f} s left"
        )

    @torch.no_grad()
    def validate(self) -> None:
        """Loss of every domain's validation set, and of all together, weighted by tokens."""
        self.wrapped.eval()
        sum_loss, sum_tokens, sum_bytes = 0.0, 0, 0.0
        for entry, dataset in self.validation:
            loss, num_tokens = self._validation_loss(dataset)
            num_bytes = num_tokens * entry.text_bytes / entry.num_tokens
            sum_loss, sum_tokens, sum_bytes = sum_loss + loss * num_tokens, sum_tokens + num_tokens, sum_bytes + num_bytes
            self._write_validation(entry.domain, loss, num_tokens, num_bytes)
        if sum_tokens:
            bits = self._write_validation("all", sum_loss / sum_tokens, sum_tokens, sum_bytes)
            self.say(
                f"validation at step {self.iteration}: loss {sum_loss / sum_tokens:.4f}  bits/byte {bits:.4f}  ({sum_tokens:,} tokens)"
            )
        elif self.iteration == 0:
            self.say("validation: no domain has enough tokens; none is done")
        self.wrapped.train()

    def _write_validation(self, domain: str, loss: float, num_tokens: int, num_bytes: float) -> float:
        bits = bits_per_byte(loss, num_tokens, max(1, round(num_bytes)))
        row = {
            "kind": "validation",
            "iteration": self.iteration,
            "domain": domain,
            "lm_loss": loss,
            "bits_per_byte": bits,
            "tokens": num_tokens,
        }
        self.log.write(row)
        return bits

    def _validation_loss(self, dataset: Any) -> tuple[float, int]:
        """Mean loss (nats a token) over the set, or over `eval_iters` batches of it, and its tokens."""
        training = self.config.training
        num_samples = len(dataset)
        if self.config.data.eval_iters is not None:
            num_samples = min(num_samples, self.config.data.eval_iters * training.global_batch_size)
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        own = list(range(megatron.data_parallel_rank(), num_samples, megatron.data_parallel_size()))
        for start in range(0, len(own), training.micro_batch_size):
            batch = collate([dataset[number] for number in own[start : start + training.micro_batch_size]], self.device)
            per_token = self.wrapped.module(batch["tokens"], batch["position_ids"], None, labels=batch["labels"])
            total[0] += (per_token.double() * batch["loss_mask"]).sum()
            total[1] += batch["loss_mask"].sum()
        megatron.average_over_data_parallel(total)
        return float(total[0] / total[1].clamp(min=1)), int(total[1].item())


def _set_learning_rate(scheduler: Any) -> float:
    """Moves the schedule to the step about to be taken, whose rate it sets and gives."""
    scheduler.step(increment=1)
    return float(scheduler.optimizer.param_groups[0]["lr"])
