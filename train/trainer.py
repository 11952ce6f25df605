"""The loop: batches → gradients → step; validation per domain, checkpoints, books, one readable line an interval."""

import dataclasses
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from shards.errors import InputError
from shards.manifest import write_manifest
from train import checkpoint as checkpoints
from train import megatron_adapter as megatron
from train.checkpoint import Progress
from train.clock import Clock, CudaMarks, HostMarks
from train.config import TrainConfig, num_parameters
from train.data import (
    Batches,
    SampleStream,
    TokenSet,
    TokenShards,
    collate,
    in_buckets,
    mixtures,
    require_same_stream,
    stream_identity,
    training_sets,
)
from train.kernels import choose_kernels
from train.metrics import MFU_FORMULA, MetricsLog, bits_per_byte, memory_bytes, mfu, peak_tflops
from train.watch import REASONS, HangWatch, StepWatch, StopRequest, agree


class Trainer:
    """One process of a run; `torch.distributed` must be up."""

    def __init__(
        self, config: TrainConfig, shards: TokenShards, run: Path, *, load: Path | None = None, is_finetuning: bool = False
    ) -> None:
        shards = in_buckets(shards, config)
        self.config, self.shards, self.run = config, shards, run
        self.world_size = torch.distributed.get_world_size()
        self.rank = torch.distributed.get_rank()
        config.check_world(self.world_size)
        self.device = megatron.device()
        self.hang = HangWatch(config.watch.hang_seconds)
        self.stop = StopRequest()
        self.clock = Clock(CudaMarks() if megatron.HAS_CUDA else HostMarks())
        sets = training_sets(shards, config)
        self.stages = mixtures(sets, config)
        self.stream_identity = stream_identity(sets, self.stages, config)
        start, is_own = self._starting_point(load, is_finetuning)
        megatron.initialize_parallel(config)
        self.takes_batches = megatron.takes_batches(config)
        self.separating_eod = shards.eod if config.data.reset_attention_mask else None
        self.kernels = choose_kernels(config.kernels, has_mask=config.data.reset_attention_mask)
        model = megatron.build_model(config, self.kernels)
        counted, stated = megatron.count_parameters(model), num_parameters(config.model)
        if counted != stated:
            raise InputError(f"the model has {counted:,} parameters, the formula says {stated:,}; report this with your recipe")
        self.wrapped = megatron.wrap_data_parallel(model, config)
        self.optimizer = megatron.build_optimizer(self.wrapped, config, self.kernels)
        self.scheduler = megatron.build_scheduler(self.optimizer, config)
        megatron.report_spans(self.wrapped, self.optimizer, self.clock.span)
        self.progress = Progress()
        if start is not None and is_finetuning and not is_own:
            checkpoints.load_weights(start, self.wrapped, self.optimizer)
        elif start is not None:
            self.progress = checkpoints.load(start, self.wrapped, self.optimizer, self.scheduler)
        self.watch = StepWatch(config.watch, self.progress.watch)
        self.peak = peak_tflops(torch.cuda.get_device_name() if megatron.HAS_CUDA else "CPU", config.training.peak_tflops)
        self._introduce(counted, start, is_finetuning and not is_own)
        if self.rank == 0:
            write_manifest(run / "kernels.json", {choice.component: dataclasses.asdict(choice) for choice in self.kernels.choices})
        self._build_data(sets)
        self.saver = checkpoints.Saver(run, config, shards, self.stream_identity)
        kept_rows = self.progress.metric_rows if is_own else 0
        self.log = MetricsLog(run, is_writer=self.rank == 0, kept_rows=kept_rows, from_iteration=self.progress.iteration, config=config)

    def _starting_point(self, load: Path | None, is_finetuning: bool) -> tuple[Path | None, bool]:
        """The checkpoint to go on from, and whether it is the run's own."""
        own = checkpoints.newest_undamaged(self.run, self.say)
        start = own if own is not None else checkpoints.find_checkpoint(load) if load is not None else None
        if start is not None:
            checkpoints.require_same(start, self.config, self.shards.tokenizer_sha256)
            if own is not None or not is_finetuning:
                checkpoints.require_same_optimizer(start, self.config)
                seen = checkpoints.stored_progress(start).consumed_samples
                require_same_stream(start, checkpoints.read_info(start)["stream"], self.stream_identity, seen)
        return start, own is not None

    def say(self, line: str) -> None:
        """A line, from the first process alone."""
        if self.rank == 0:
            print(line, flush=True)

    def _introduce(self, num_weights: int, start: Path | None, is_finetuning: bool) -> None:
        config, training = self.config, self.config.training
        tensor, stages = config.parallel.tensor_model_parallel_size, config.parallel.pipeline_model_parallel_size
        self.say(
            f"model: {num_weights:,} parameters (exact), vocabulary {config.model.known_vocab_size}, sequence {config.model.seq_length}"
        )
        self.say(
            f"processes: {self.world_size} = tensor parallel {tensor} x pipeline stages {stages} x "
            f"data parallel {self.world_size // (tensor * stages)}; "
            f"{training.global_batch_size} samples = {training.global_batch_size * config.model.seq_length:,} tokens a step"
        )
        for line in self.kernels.lines():
            self.say(line)
        chunk = training.cross_entropy_chunk_tokens
        self.say(f"kernel cross_entropy: {'torch, all tokens at once' if chunk is None else f'torch, {chunk} tokens at a time'}")
        self.say(f"{MFU_FORMULA}; peak {'unknown: give --peak-tflops to see MFU' if self.peak is None else f'{self.peak:g} TFLOP/s'}")
        if start is None:
            return
        if is_finetuning:
            self.say(f"beginning anew from the weights of {start}")
            return
        self.say(f"going on from step {self.progress.iteration} ({start})")
        before = checkpoints.stored_config(start).training.train_iters
        if before != training.train_iters:
            self.say(f"the run now ends at step {training.train_iters}, not {before}: the learning rate's schedule from here on is another")

    def _build_data(self, sets: dict[str, TokenSet]) -> None:
        config = self.config
        cache = Path(config.data.data_cache_path) if config.data.data_cache_path else self.run / "sample_index"
        common: dict[str, Any] = {"eod": self.shards.eod, "tokenizer_sha256": self.shards.tokenizer_sha256, "cache": cache}
        domains = {name: megatron.build_dataset(entry, config, is_training=True, **common) for name, entry in sets.items()}
        self.stream = SampleStream(domains, self.stages, config.training.seed, megatron.draw_mixture)
        self._reach_end()
        self.validation: list[tuple[TokenSet, Any]] = []
        for entry in self.shards.of_split("validation"):
            if entry.num_tokens <= config.model.seq_length:
                self.say(f"validation: {entry.domain} has {entry.num_tokens} tokens, less than one sample: left out")
                continue
            self.validation.append((entry, megatron.build_dataset(entry, config, is_training=False, **common)))
        for entry in self.shards.of_split("train"):
            if entry.domain not in sets:
                self.say(f"data: {entry.domain}: {entry.num_tokens:,} tokens, of which nothing is drawn")
        for name, dataset in zip(self.stream.names, self.stream.datasets, strict=True):
            drawn = self.stream.drawn_from(0, self._last_sample())[name]
            tail = sets[name].num_tokens - len(dataset) * config.model.seq_length
            self.say(
                f"data: {name}: {sets[name].num_tokens:,} tokens = {len(dataset):,} samples + {tail} at the end; "
                f"this run draws {drawn:,} samples, {drawn / len(dataset):.2f} epochs"
            )
        self.bytes_per_token = sum(entry.text_bytes for entry in sets.values()) / sum(entry.num_tokens for entry in sets.values())

    def _last_sample(self) -> int:
        training = self.config.training
        return self.progress.consumed_samples + max(0, training.train_iters - self.progress.iteration) * training.global_batch_size

    def _reach_end(self) -> None:
        self.stream.reach(self._last_sample())

    def _batches(self) -> Batches:
        return Batches(
            self.stream,
            self.config,
            first_sample=self.progress.consumed_samples,
            rank=megatron.data_parallel_rank(),
            num_ranks=megatron.data_parallel_size(),
            device=self.device,
            eod=self.separating_eod,
            is_reading=self.takes_batches,
        )

    def train(self) -> None:
        """From where the run stands to its last step, or to the first signal to stop."""
        training = self.config.training
        self.hang.alive()
        try:
            with self.stop.listening():
                if self.progress.iteration == 0:
                    self.validate()
                if self.progress.iteration >= training.train_iters:
                    self.say(f"step {self.progress.iteration} of {training.train_iters}: nothing left to do")
                    return
                self._loop()
        finally:
            self.hang.stop()
            self.log.close()

    def _loop(self) -> None:
        training = self.config.training
        batches = self._batches()
        self._begin_interval(batches)
        self._loop_started, self._loop_steps = time.perf_counter(), 0
        self.wrapped.train()
        try:
            while self.progress.iteration < training.train_iters:
                self.hang.alive()
                began, waited = time.perf_counter(), batches.waited_seconds
                loss, grad_norm, lr, fault, is_stopping = self._step(batches)
                iteration = self.progress.iteration
                self._loop_steps += 1
                is_last = iteration == training.train_iters or is_stopping
                if fault:
                    self._note_skipped(fault, loss, grad_norm)
                else:
                    self._note_step(loss, grad_norm, lr, time.perf_counter() - began, batches.waited_seconds - waited)
                if not fault and (iteration % training.log_interval == 0 or is_last):
                    self._report(loss, grad_norm, lr, batches)
                    self._begin_interval(batches)
                if self.watch.bad_in_a_row > self.config.watch.max_skipped_steps:
                    batches.close()
                    self._go_back()
                    batches = self._batches()
                    self._begin_interval(batches)
                    continue
                self._aside(is_last=is_last)
                if is_stopping:
                    self._close_books()
                    self.say(f"stopped by a signal after step {iteration}; the same command goes on from there")
                    return
        finally:
            batches.close()
        self._close_books()

    def _aside(self, *, is_last: bool) -> None:
        """What comes between steps: validation, checkpoints, comparing replicas. None of it is part of a step's time."""
        training, iteration = self.config.training, self.progress.iteration
        started = time.perf_counter()
        with self.clock.part("checkpoint"):
            self._finish_saving(is_waiting=False)
        interval = self.config.watch.replica_check_interval
        if interval is not None and iteration % interval == 0:
            self._compare_replicas()
        if iteration % training.eval_interval == 0 or iteration == training.train_iters:
            self.validate()
        # weights are not saved while it is open whether they are to blame for bad steps
        if (iteration % training.save_interval == 0 or is_last) and not self.watch.bad_in_a_row:
            self._save(is_last=is_last)
        elif is_last and self.watch.bad_in_a_row:
            raise InputError(
                f"step {iteration}: the last {self.watch.bad_in_a_row} steps were bad: nothing is saved after the last good checkpoint; "
                f"go on from there with a lower --lr, or more --train-iters"
            )
        self._interval_started += time.perf_counter() - started

    def _begin_interval(self, batches: Batches) -> None:
        self._interval_started = time.perf_counter()
        self._interval_from, self._interval_waited = self.progress.iteration, batches.waited_seconds

    def _save(self, *, is_last: bool) -> None:
        with self.clock.part("checkpoint"), megatron.whole_weights(self.wrapped):
            self.hang.alive()
            self._finish_saving(is_waiting=True)
            self.progress.watch, self.progress.rewinds, self.progress.metric_rows = self.watch.state(), 0, self.log.num_rows
            arguments = (self.progress, self.wrapped, self.optimizer, self.scheduler)
            if self.config.training.async_save and not is_last:
                self.saver.start(*arguments)
            else:
                self.say(f"saved {self.saver.save(*arguments)}")
            self.hang.alive()

    def _finish_saving(self, *, is_waiting: bool) -> None:
        folder = self.saver.finished(is_waiting=is_waiting)
        if folder is not None:
            self.say(f"saved {folder}")

    def _step(self, batches: Batches) -> tuple[float, float, float, int, bool]:
        """Loss, gradient norm, learning rate, the step's fault (0: none; otherwise nothing was applied), whether to stop after it."""
        training = self.config.training
        with self.clock.part("optimizer"):
            self.wrapped.zero_grad_buffer()
            self.optimizer.zero_grad()
        losses = megatron.forward_backward(self.wrapped, self._waited_for(batches), self.config, batches.num_micro_batches)
        with self.clock.part("communication"):
            total = torch.stack([loss.float() for loss in losses]).mean().reshape(1) if losses else torch.zeros(1, device=self.device)
            total = megatron.from_last_stage(megatron.sum_over_data_parallel(total))
            loss = float(total.item()) / megatron.data_parallel_size()
        with self.clock.part("optimizer"):
            grad_norm = megatron.gradient_norm(self.optimizer)
            with self.clock.part("communication"):
                fault, stopping = agree(
                    megatron.maximum_over_all, self.device, self.watch.judge(loss, grad_norm), int(self.stop.name is not None)
                )
            self.watch.count(fault, loss, grad_norm)
            lr = _set_learning_rate(self.scheduler)
            if not fault:
                megatron.apply_gradients(self.optimizer, grad_norm, self.config.optimizer.clip_grad)
        self.progress.iteration += 1
        self.progress.consumed_samples += training.global_batch_size
        if fault:
            self.progress.skipped_steps += 1
            self.progress.skipped_samples += training.global_batch_size
        return loss, grad_norm, lr, fault, bool(stopping)

    def _waited_for(self, batches: Batches) -> Iterator[dict[str, torch.Tensor]]:
        """The micro-batches of a step, the wait for each counted."""
        micro_batches = batches.step()
        for _ in range(batches.num_micro_batches):
            with self.clock.part("data"):
                batch = next(micro_batches)
            yield batch

    def _note_skipped(self, fault: int, loss: float, grad_norm: float) -> None:
        first = self.progress.consumed_samples - self.config.training.global_batch_size
        self.log.write(
            {
                "kind": "skipped",
                "iteration": self.progress.iteration,
                "reason": REASONS[fault],
                "lm_loss": loss,
                "grad_norm": grad_norm,
                "first_sample": first,
            }
        )
        self.say(
            f"step {self.progress.iteration}: {REASONS[fault]} (loss {loss:.4g}, gradient norm {grad_norm:.4g}, samples from {first}): "
            f"the step is not applied"
        )

    def _go_back(self) -> None:
        """Back to the last good checkpoint, and on behind the data that was seen since. Raises `InputError` where that cannot help."""
        self._finish_saving(is_waiting=True)
        failed = self.progress
        what = f"step {failed.iteration}: {self.watch.bad_in_a_row} bad steps in a row"
        start = checkpoints.newest_undamaged(self.run, self.say)
        if start is None:
            raise InputError(
                f"{what}, and no checkpoint to go back to; nothing was applied since. Give a lower --lr or longer --lr-warmup-iters"
            )
        stored = checkpoints.stored_progress(start)
        if stored.rewinds >= self.config.watch.max_rewinds:
            raise InputError(
                f"{what}, after going back to {start} {stored.rewinds} times; nothing was applied since. Give a lower --lr, "
                f"look at the machines, or --load an older checkpoint into another --out"
            )
        self.progress = checkpoints.load(start, self.wrapped, self.optimizer, self.scheduler)
        self.progress.rewinds += 1
        self.progress.skipped_steps += failed.skipped_steps - stored.skipped_steps
        self.progress.skipped_samples += failed.consumed_samples - self.progress.consumed_samples
        self.progress.consumed_samples = failed.consumed_samples
        self.watch = StepWatch(self.config.watch, self.progress.watch)
        row = {
            "kind": "rewind",
            "iteration": failed.iteration,
            "to_iteration": stored.iteration,
            "to_consumed_samples": stored.consumed_samples,
            "consumed_samples": failed.consumed_samples,
        }
        self.log.write(row)
        self.progress.metric_rows = self.log.num_rows
        if self.rank == 0:
            checkpoints.write_progress(start, self.progress)
        torch.distributed.barrier()
        self._reach_end()
        self.say(f"{what}: back to step {self.progress.iteration} ({start}), on with sample {self.progress.consumed_samples}")

    def _compare_replicas(self) -> None:
        with megatron.whole_weights(self.wrapped):
            different = megatron.drifted_parameters(self.wrapped)
        if different:
            raise InputError(
                f"step {self.progress.iteration}: processes that hold the same weights differ in {len(different)} of them, first "
                f"{different[0]}; look at the machines, and go on from a checkpoint before it"
            )

    def _note_step(self, loss: float, grad_norm: float, lr: float, seconds: float, waited: float) -> None:
        rate = self.config.training.global_batch_size * self.config.model.seq_length / seconds
        self.log.write(
            {
                "kind": "step",
                "iteration": self.progress.iteration,
                "lm_loss": loss,
                "bits_per_byte": loss / math.log(2) / self.bytes_per_token,
                "lr": lr,
                "grad_norm": grad_norm,
                "tokens_per_second": rate,
                "mfu": mfu(self.config.model, rate, self.world_size, self.peak, is_causal=False),
                "data_stall_share": waited / seconds,
                "seconds": seconds,
                "consumed_samples": self.progress.consumed_samples,
            }
        )

    def _report(self, loss: float, grad_norm: float, lr: float, batches: Batches) -> None:
        config, iteration = self.config, self.progress.iteration
        seconds = time.perf_counter() - self._interval_started
        num_steps = iteration - self._interval_from
        waited = batches.waited_seconds - self._interval_waited
        tokens_per_step = config.training.global_batch_size * config.model.seq_length
        rate = num_steps * tokens_per_step / seconds
        steps_left = config.training.train_iters - iteration
        spent = self.clock.take()
        whole = sum(spent.values())
        # all that a run does, validation and checkpoints too
        left = steps_left * (time.perf_counter() - self._loop_started) / self._loop_steps
        row: dict[str, Any] = {
            "kind": "train",
            "iteration": iteration,
            "lm_loss": loss,
            "bits_per_byte": loss / math.log(2) / self.bytes_per_token,
            "lr": lr,
            "grad_norm": grad_norm,
            "tokens_per_second": rate,
            "mfu": mfu(config.model, rate, self.world_size, self.peak, is_causal=False),
            "mfu_causal": mfu(config.model, rate, self.world_size, self.peak, is_causal=True),
            "data_stall_share": waited / seconds,
            "consumed_samples": self.progress.consumed_samples,
            "consumed_tokens": self.progress.consumed_samples * config.model.seq_length,
            "skipped_steps": self.progress.skipped_steps,
            "memory_bytes": memory_bytes(),
            "tokens_left": steps_left * tokens_per_step,
            "seconds_left": left,
            "seconds": whole,
            "time_share": {part: value / whole for part, value in sorted(spent.items())},
        }
        self.log.write(row)
        used = "n/a" if row["mfu"] is None else f"{row['mfu']:.1%}"
        self.say(
            f"step {iteration}/{config.training.train_iters}  loss {loss:.4f}  bits/byte {row['bits_per_byte']:.4f}  lr {lr:.2e}  "
            f"grad {grad_norm:.2f}  {rate:,.0f} tokens/s  MFU {used}  data stall {waited / seconds:.1%}  "
            f"{_short(row['tokens_left'])} tokens, {_readable(left)} left"
        )

    def _close_books(self) -> None:
        """Tokens of the shards and tokens drawn, by domain, against steps x batch: each is accounted for.

        In the shards = in samples + in tails, in samples = drawn at least once + unused, drawn = trained on + skipped.
        """
        progress, seq_length = self.progress, self.config.model.seq_length
        drawn = self.stream.drawn_from(0, progress.consumed_samples)
        if sum(drawn.values()) != progress.consumed_samples:
            raise InputError(f"the books do not balance: {drawn} samples drawn, {progress.consumed_samples} consumed; report this")
        trained = progress.consumed_samples - progress.skipped_samples
        samples = {name: len(data) for name, data in zip(self.stream.names, self.stream.datasets, strict=True)}
        in_shards = {entry.domain: entry.num_tokens for entry in self.shards.of_split("train")}
        unused = {
            domain: (samples[domain] - min(drawn[domain], samples[domain])) * seq_length if domain in samples else num_tokens
            for domain, num_tokens in in_shards.items()
        }
        tails = {domain: in_shards[domain] - count * seq_length for domain, count in samples.items()}
        if not all(0 < tail <= seq_length for tail in tails.values()):
            raise InputError(f"the books do not balance: {tails} tokens of the shards are in no sample of {seq_length}; report this")
        row = {
            "kind": "books",
            "iteration": progress.iteration,
            "tokens_trained_on": trained * seq_length,
            "tokens_skipped": progress.skipped_samples * seq_length,
            "tokens_drawn": {domain: count * seq_length for domain, count in drawn.items()},
            "tokens_in_shards": in_shards,
            "tokens_in_samples": {domain: count * seq_length for domain, count in samples.items()},
            "tokens_in_tails": tails,
            "tokens_unused": unused,
            "epochs": {domain: drawn[domain] / count for domain, count in samples.items()},
        }
        self.log.write(row)
        self.say(
            f"books: {sum(drawn.values()) * seq_length:,} tokens drawn = {trained * seq_length:,} trained on + "
            f"{progress.skipped_samples * seq_length:,} skipped; of {sum(in_shards.values()):,} tokens in the shards "
            f"{sum(unused.values()):,} are unused as yet and {sum(tails.values()):,} in tails"
        )

    @torch.no_grad()
    def validate(self) -> None:
        """Loss of every domain's validation set, and of all together, weighted by tokens."""
        with self.clock.part("validation"), megatron.whole_weights(self.wrapped):
            self._validate()

    def _validate(self) -> None:
        self.wrapped.eval()
        sum_loss, sum_tokens, sum_bytes = 0.0, 0, 0.0
        for entry, dataset in self.validation:
            loss, num_tokens = self._validation_loss(dataset)
            num_bytes = num_tokens * entry.text_bytes / entry.num_tokens
            sum_loss, sum_tokens, sum_bytes = sum_loss + loss * num_tokens, sum_tokens + num_tokens, sum_bytes + num_bytes
            self._write_validation(entry.domain, loss, num_tokens, num_bytes)
        iteration = self.progress.iteration
        if sum_tokens:
            bits = self._write_validation("all", sum_loss / sum_tokens, sum_tokens, sum_bytes)
            self.say(f"validation at step {iteration}: loss {sum_loss / sum_tokens:.4f}  bits/byte {bits:.4f}  ({sum_tokens:,} tokens)")
        elif iteration == 0:
            self.say("validation: no domain has enough tokens; none is done")
        self.wrapped.train()

    def _write_validation(self, domain: str, loss: float, num_tokens: int, num_bytes: float) -> float:
        bits = bits_per_byte(loss, num_tokens, max(1, round(num_bytes)))
        row = {
            "kind": "validation",
            "iteration": self.progress.iteration,
            "domain": domain,
            "lm_loss": loss,
            "bits_per_byte": bits,
            "tokens": num_tokens,
        }
        self.log.write(row)
        return bits

    def _validation_batch(self, dataset: Any, numbers: Sequence[int]) -> dict[str, torch.Tensor]:
        return collate([dataset[number] for number in numbers], self.device, eod=self.separating_eod)

    def _validation_loss(self, dataset: Any) -> tuple[float, int]:
        """Mean loss (nats a token) over the set, or over `eval_iters` batches of it, and its tokens."""
        training = self.config.training
        num_samples = len(dataset)
        if self.config.data.eval_iters is not None:
            num_samples = min(num_samples, self.config.data.eval_iters * training.global_batch_size)
        total = torch.zeros(2, dtype=torch.float64, device=self.device)
        own = range(megatron.data_parallel_rank(), num_samples, megatron.data_parallel_size())
        for numbers in _passes(own, training.micro_batch_size, megatron.num_stages()):
            self.hang.alive()
            batches = [self._validation_batch(dataset, part) if self.takes_batches else {} for part in numbers]
            losses = megatron.token_losses_of(self.wrapped, batches, len(numbers[0]), self.config)
            for batch, per_token in zip(batches, losses, strict=False):  # no losses but on the last stage
                total[0] += (per_token.double() * batch["loss_mask"]).sum()
                total[1] += batch["loss_mask"].sum()
        megatron.from_last_stage(megatron.sum_over_data_parallel(total))
        return float(total[0] / total[1].clamp(min=1)), int(total[1].item())


def _passes(own: Sequence[int], micro_batch_size: int, num_stages: int) -> Iterator[list[Sequence[int]]]:
    """Samples in micro-batches, those in micro-batches that go through the model together: of one size, and more than there are stages."""
    parts = [own[start : start + micro_batch_size] for start in range(0, len(own), micro_batch_size)]
    for _, same in itertools.groupby(parts, len):
        left = list(same)
        num_together = 4 * num_stages if num_stages > 1 else 1
        yield from (left[start : start + num_together] for start in range(0, len(left), num_together))


def _set_learning_rate(scheduler: Any) -> float:
    """Moves the schedule to the step about to be taken, whose rate it sets and gives."""
    scheduler.step(increment=1)
    return float(scheduler.optimizer.param_groups[0]["lr"])


def _short(value: float) -> str:
    for factor, sign in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{sign}"
    return f"{value:.0f}"


def _readable(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
