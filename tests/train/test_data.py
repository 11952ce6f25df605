"""Which samples a run sees, in which order: as stock megatron from a plain .bin, each once an epoch, the same whatever the layout."""

import dataclasses
import itertools
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from shards.token_shard import TokenShardReader, write_plain_bin
from tests.object_stores import make_bucket, place, upload, use_credentials
from tests.train.ranks import Ranks
from tests.train.runs import rows, small_config
from tests.train.token_folder import write_token_folder
from train.config import Stage, TrainConfig
from train.data import (
    Batches,
    Mixture,
    SampleStream,
    data_folder,
    mixtures,
    open_token_shards,
    require_same_stream,
    sample_numbers,
    stream_identity,
    training_sets,
    with_vocabulary,
)


class Numbers:
    """A domain whose sample `n` is the number `base + n`."""

    def __init__(self, base: int, size: int) -> None:
        self.base, self.size = base, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, number: int) -> int:
        return self.base + number


def draw_in_turn(share: Any, num_samples: int) -> tuple[Any, Any]:
    """Stands in for megatron's mixing: always the domain furthest behind its share, the first where two are."""
    counts = np.zeros(len(share), dtype=np.int64)
    domain, number = np.zeros(num_samples, dtype=np.int16), np.zeros(num_samples, dtype=np.int64)
    for sample in range(num_samples):
        behind = np.where(share > 0, share * max(sample, 1) - counts, -np.inf)
        domain[sample] = np.argmax(behind)
        number[sample] = counts[domain[sample]]
        counts[domain[sample]] += 1
    return domain, number


def stream_of(stages: list[Mixture], num_samples: int, sizes: tuple[int, int] = (7, 5), seed: int = 1) -> SampleStream:
    stream = SampleStream({"a": Numbers(0, sizes[0]), "b": Numbers(100, sizes[1])}, stages, seed, draw_in_turn)
    stream.reach(num_samples)
    return stream


def share(*parts: float) -> Any:
    return np.array(parts) / sum(parts)


def test_samples_are_those_of_stock_megatron_from_a_plain_bin(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    for domain in ("math", "physics"):
        (plain / domain).mkdir(parents=True)
        shutil.copy(tokens / domain / "train.idx", plain / domain / "train.idx")
        shutil.copy(tokens / domain / "train.bin.zst", plain / domain / "train.bin.zst")
        write_plain_bin(plain / domain / "train")
        (plain / domain / "train.bin.zst").unlink()
    (found,) = ranks.run("compare_with_stock", small_config(), tokens, plain, tmp_path / "cache")
    assert found["compared"] == {"math": found["samples"]["math"], "physics": found["samples"]["physics"], "blend": 120}
    assert min(found["samples"].values()) > 50
    assert found["different"] == []


def test_samples_of_a_store_are_those_of_a_disk(
    ranks: Ranks, tokens: Path, object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_credentials(monkeypatch)
    make_bucket(object_store, "trained-on")
    upload(tokens, place(object_store, "trained-on/t"))
    with pytest.raises(InputError, match="give --data-cache DIR"):
        data_folder("s3://trained-on/t", None, object_store)
    folder = data_folder("s3://trained-on/t", tmp_path / "here", object_store)
    shards = open_token_shards(folder)
    for entry in shards.sets:
        TokenShardReader(entry.prefix).verify()  # fetches all of it: the processes of the test have no credentials
    plain = tmp_path / "plain"
    for domain in ("math", "physics"):
        (plain / domain).mkdir(parents=True)
        for suffix in (".idx", ".bin.zst"):
            shutil.copy(tokens / domain / f"train{suffix}", plain / domain / f"train{suffix}")
        write_plain_bin(plain / domain / "train")
    (found,) = ranks.run("compare_with_stock", small_config(), folder, plain, tmp_path / "cache")
    assert min(found["samples"].values()) > 50
    assert found["different"] == []


def test_an_epoch_has_every_sample_once_and_the_next_another_order() -> None:
    stream = stream_of([Mixture(share=share(1, 1), num_samples=None)], 40)
    drawn = [stream[position] for position in range(40)]
    for base, size in ((0, 7), (100, 5)):
        own = [number for number in drawn if base <= number < base + 100]
        epochs = [own[start : start + size] for start in range(0, len(own) - size + 1, size)]
        assert len(epochs) >= 2
        assert epochs[0] == [base + number for number in range(size)]
        assert all(sorted(epoch) == epochs[0] for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) > 1
    assert [stream[position] for position in range(40)] == drawn
    assert stream.place(0).epoch == 0
    assert stream.place(39).epoch >= 2
    assert stream.drawn_from(0, 40) == {"a": 20, "b": 20}
    assert stream.drawn_from(3, 9) == dict(Counter("a" if number < 100 else "b" for number in drawn[3:9]))


def test_a_longer_reach_changes_nothing_before() -> None:
    for stages in ([Mixture(share=share(3, 1), num_samples=None)], [Mixture(share=share(1, 0), num_samples=9), Mixture(share(1, 2), None)]):
        short, long = stream_of(stages, 25), stream_of(stages, 80)
        assert [short[n] for n in range(25)] == [long[n] for n in range(25)]
    other_seed = stream_of([Mixture(share=share(3, 1), num_samples=None)], 80, seed=2)
    assert [other_seed[n] for n in range(80)] != [stream_of([Mixture(share(3, 1), None)], 80)[n] for n in range(80)]


def test_a_stage_goes_on_where_the_one_before_left_each_domain() -> None:
    stages = [Mixture(share=share(1, 0), num_samples=3), Mixture(share=share(1, 3), num_samples=4), Mixture(share(1, 0), None)]
    drawn = [stream_of(stages, 10)[position] for position in range(10)]
    assert drawn[:3] == [0, 1, 2]
    assert [number for number in drawn[3:7] if number >= 100] == [100, 101, 102]
    assert [number for number in drawn if number < 100] == [0, 1, 2, 3, 4, 5, 6]
    with pytest.raises(InputError, match="--stages end after 7 samples"):
        stream_of([*stages[:2]], 8)


def test_megatrons_mixing_is_what_the_stand_in_does(ranks: Ranks) -> None:
    shares = [share(1, 1), share(3, 1), share(0.2, 0.3), share(0, 1), share(1, 0)]
    (found,) = ranks.run("draw", shares, 500)
    for parts, (domain, number) in zip(shares, found, strict=True):
        wanted_domain, wanted_number = draw_in_turn(parts, 500)
        assert domain.tolist() == wanted_domain.tolist()
        assert number.tolist() == wanted_number.tolist()
        assert np.bincount(domain, minlength=2) == pytest.approx(parts * 500, abs=1.01)


@pytest.mark.parametrize(("num_ranks", "micro_batch_size"), [(1, 8), (1, 2), (2, 2), (2, 4), (4, 2)])
def test_a_steps_samples_are_the_same_for_every_layout(num_ranks: int, micro_batch_size: int) -> None:
    config = small_config(micro_batch_size=micro_batch_size)
    num_micro_batches = 8 // (micro_batch_size * num_ranks)
    taken = [
        number
        for micro_batch, rank in itertools.product(range(num_micro_batches), range(num_ranks))
        for number in sample_numbers(16, micro_batch, rank, num_ranks, config)
    ]
    assert sorted(taken) == list(range(16, 24))


def batches_of(item: Callable[[int], dict[str, Any]], **options: Any) -> Batches:
    class Stream:
        def __getitem__(self, position: int) -> dict[str, Any]:
            return item(position)

    return Batches(Stream(), small_config(), rank=0, num_ranks=1, device=torch.device("cpu"), **options)


def sample(position: int) -> dict[str, Any]:
    row = np.full(32, position)
    return {"tokens": row, "labels": row, "position_ids": np.arange(32), "loss_mask": np.ones(32)}


def test_batches_come_in_order_and_the_wait_is_counted() -> None:
    def slow(position: int) -> dict[str, Any]:
        time.sleep(0.01)
        return sample(position)

    batches = batches_of(slow, first_sample=8)
    try:
        first, second = list(batches.step()), list(batches.step())
    finally:
        batches.close()
    assert [batch["tokens"][:, 0].tolist() for batch in [*first, *second]] == [[n, n + 1] for n in range(8, 24, 2)]
    assert first[0]["tokens"].shape == (2, 32)
    assert first[0]["tokens"].dtype == torch.int64
    assert first[0]["loss_mask"].dtype == torch.float32
    assert batches.waited_seconds > 0.1  # 16 samples of 10 ms, nothing done meanwhile


def test_what_the_reading_thread_dies_of_reaches_the_trainer() -> None:
    def broken(position: int) -> dict[str, Any]:
        if position >= 10:
            raise InputError("frame 3 is damaged")
        return sample(position)

    batches = batches_of(broken, first_sample=0)
    try:
        assert len(list(batches.step())) == 4
        with pytest.raises(InputError, match="frame 3 is damaged"):
            list(batches.step())
    finally:
        batches.close()


def test_a_damaged_frame_stops_the_run_with_its_place(ranks: Ranks, tmp_path: Path) -> None:
    tokens = write_token_folder(tmp_path / "tokens")
    path = tokens / "math" / "train.bin.zst"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    (ended,) = ranks.start("train", small_config(train_iters=40), tokens, tmp_path / "run").wait()
    assert ended.error is not None
    assert ended.error[0] == "DamagedFrameError"
    assert "math/train.bin.zst: frame" in ended.error[1]


def test_books_balance(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    config = small_config(train_iters=20, weights={"math": 1.0, "physics": 3.0})
    (ended,) = ranks.start("train", config, tokens, tmp_path).wait()
    assert ended.code == 0
    (books,) = rows(tmp_path, "books")
    num_tokens = 20 * 8 * 32
    assert books["tokens_trained_on"] == num_tokens == sum(books["tokens_drawn"].values())
    assert books["tokens_drawn"] == {"math": num_tokens // 4, "physics": num_tokens * 3 // 4}
    sets = read_manifest(tokens / "manifest.json")["sets"]
    for domain in ("math", "physics"):
        total = sets[f"{domain}/train"]["tokens"]
        per_epoch = (total - 1) // 32
        assert books["epochs"][domain] == pytest.approx(books["tokens_drawn"][domain] / 32 / per_epoch)
        assert f"data: {domain}: {total:,} tokens = {per_epoch:,} samples + {total - 32 * per_epoch} at the end" in ended.output
        assert books["tokens_in_shards"][domain] == total == books["tokens_in_samples"][domain] + books["tokens_in_tails"][domain]
        never_drawn = max(0, per_epoch - books["tokens_drawn"][domain] // 32)
        assert books["tokens_unused"][domain] == never_drawn * 32
    assert books["tokens_unused"]["physics"] == 0 < books["tokens_unused"]["math"]


def test_books_name_what_is_never_drawn(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    ranks.run("train", small_config(train_iters=2, weights={"math": 1.0, "physics": 0.0}), tokens, tmp_path)
    (books,) = rows(tmp_path, "books")
    assert books["tokens_unused"]["physics"] == books["tokens_in_shards"]["physics"] > 0
    assert "physics" not in books["tokens_in_samples"]


def test_stages_are_trained_one_after_another(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    stages = (Stage(train_tokens=4 * 8 * 32, weights={"math": 1.0}), Stage(weights={"physics": 1.0}))
    config = small_config(train_iters=10, save_interval=3, stages=stages)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a", world_size=2)
    ranks.start("train_until_killed", config, tokens, tmp_path / "b", 6, world_size=2).wait()
    assert ranks.run("train", config, tokens, tmp_path / "b", world_size=2) == undisturbed
    (books,) = rows(tmp_path / "b", "books")
    assert books["tokens_drawn"] == {"math": 4 * 8 * 32, "physics": 6 * 8 * 32}


def identity(tokens: Path, config: TrainConfig) -> dict[str, Any]:
    sets = training_sets(open_token_shards(tokens), config)
    return stream_identity(sets, mixtures(sets, config), config)


def test_stages_to_come_may_change_stages_begun_may_not(tokens: Path) -> None:
    both = {"math": 1.0, "physics": 1.0}
    first = Stage(train_tokens=100 * 32, weights=both)

    def staged(*stages: Stage) -> dict[str, Any]:
        return identity(tokens, small_config(stages=stages))

    stored = staged(first, Stage(weights=both))
    other_end = staged(first, Stage(weights={"math": 1.0, "physics": 9.0}))
    for consumed in (0, 50, 100):
        require_same_stream(tokens, stored, other_end, consumed)
    with pytest.raises(InputError, match="stage 2 of its data"):
        require_same_stream(tokens, stored, other_end, 101)
    longer = staged(Stage(train_tokens=200 * 32, weights=both), Stage(weights=both))
    require_same_stream(tokens, stored, longer, 99)
    with pytest.raises(InputError, match="stage 1 of its data"):
        require_same_stream(tokens, stored, longer, 100)
    shorter = staged(Stage(train_tokens=60 * 32, weights=both), Stage(weights=both))
    with pytest.raises(InputError, match="stage 1 would end before the 80 samples"):
        require_same_stream(tokens, stored, shorter, 80)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"weights": {"maths": 1.0}}, "weights are given for maths; the domains of"),
        ({"stages": (Stage(weights={"law": 1.0}),)}, "weights are given for law"),
        ({"seq_length": 100_000}, "no domain has more than --seq-length 100000 training tokens"),
    ],
)
def test_data_that_cannot_be_mixed_is_refused(fields: dict[str, Any], words: str, tokens: Path) -> None:
    with pytest.raises(InputError, match=words):
        training_sets(open_token_shards(tokens), small_config(**fields))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: shutil.rmtree(folder), "no such folder; --data takes"),
        (lambda folder: (folder / "manifest.json").unlink(), "no such manifest"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "a JSON object is needed"),
        (lambda folder: write_manifest(folder / "manifest.json", {"units": {}}), "is not a token shard manifest"),
        (lambda folder: (folder / "math" / "train.bin.zst").unlink(), "math/train.bin.zst: is missing though the manifest lists it"),
        (lambda folder: (folder / "physics" / "validation.idx").unlink(), "physics/validation.idx: is missing"),
    ],
)
def test_a_folder_of_no_token_shards_is_refused(harm: Callable[[Path], Any], words: str, tokens: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    shutil.copytree(tokens, folder)
    harm(folder)
    with pytest.raises(InputError, match=words):
        open_token_shards(folder)


def test_the_vocabulary_is_the_shards_and_a_recipe_that_states_another_is_refused(tokens: Path) -> None:
    shards, config = open_token_shards(tokens), small_config()
    left_open = dataclasses.replace(config, model=dataclasses.replace(config.model, vocab_size=None))
    assert with_vocabulary(left_open, shards).model.vocab_size == 256
    with pytest.raises(InputError, match="the recipe's vocabulary is 512, the token shards' is 256"):
        with_vocabulary(small_config(vocab_size=512), shards)


def test_rewritten_shards_of_the_same_name_get_an_index_of_their_own(ranks: Ranks, tmp_path: Path) -> None:
    tokens = write_token_folder(tmp_path / "tokens")
    config = small_config(train_iters=2, data_cache_path=str(tmp_path / "cache"))
    ranks.run("train", config, tokens, tmp_path / "a")
    shutil.rmtree(tokens)
    write_token_folder(tokens, seed=3, num_documents={"math": 20, "physics": 10})
    ranks.run("train", config, tokens, tmp_path / "b")  # an index of the larger shards would read behind their end
    assert len(list((tmp_path / "cache").glob("*train-document_index.npy"))) == 4
