"""Buckets of math share inside a domain: weighed one by one in stages, exact across a kill, on the books, traced to their papers."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest

from shards.errors import InputError
from shards.token_shard import TokenShardReader, TokenShardWriter
from tests.train.ranks import Ranks
from tests.train.runs import losses, rows, small_config
from tests.train.test_resume import KILLED
from train.data import in_buckets, mixtures, open_token_shards, stream_identity, training_sets

EDGES = (0.2, 0.5)
# 10 steps of 8 samples of 32 tokens: four of prose alone, then mathematics three times as often as the rest
STAGES = "1024:math@0-0.2=1,physics@0-0.2=1;none:math@0.5-1=3,math@0.2-0.5=1,physics=1"


def test_every_document_is_in_one_bucket(tokens: Path) -> None:
    whole = open_token_shards(tokens)
    parted = in_buckets(whole, small_config(math_share_edges=EDGES))
    names = [f"{domain}@{bucket}" for domain in ("math", "physics") for bucket in ("0-0.2", "0.2-0.5", "0.5-1")]
    assert [entry.domain for entry in parted.of_split("train")] == names
    assert parted.of_split("validation") == whole.of_split("validation")
    for domain in ("math", "physics"):
        (before,) = (entry for entry in whole.of_split("train") if entry.domain == domain)
        buckets = [entry for entry in parted.of_split("train") if entry.domain.startswith(f"{domain}@")]
        records = list(TokenShardReader(before.prefix).document_records())
        assert sorted(number for entry in buckets for number in entry.documents or ()) == list(range(before.num_documents))
        for entry, (low, high) in zip(buckets, itertools.pairwise((0.0, *EDGES, 2.0)), strict=True):
            assert len(entry.documents or ()) == entry.num_documents > 5
            assert all(low <= records[number]["math_share"] < high for number in entry.documents or ())
        for field in ("num_documents", "num_tokens", "text_bytes"):
            assert sum(getattr(entry, field) for entry in buckets) == getattr(before, field)
    assert in_buckets(parted, small_config(math_share_edges=EDGES)) == parted


def test_a_domains_weight_is_shared_by_its_buckets_as_they_have_tokens(tokens: Path) -> None:
    config = small_config(math_share_edges=EDGES, weights={"math": 3.0, "physics@0-0.2": 1.0})
    sets = training_sets(in_buckets(open_token_shards(tokens), config), config)
    assert sorted(sets) == ["math@0-0.2", "math@0.2-0.5", "math@0.5-1", "physics@0-0.2"]
    (mixture,) = mixtures(sets, config)
    math = [sets[name].num_tokens for name in sorted(sets)[:3]]
    assert mixture.share.tolist() == pytest.approx([*(0.75 * number / sum(math) for number in math), 0.25])
    with pytest.raises(InputError, match=r"weights are given for math@0-0\.3; the domains of .* math@0-0\.2, math@0\.2-0\.5"):
        training_sets(in_buckets(open_token_shards(tokens), config), small_config(math_share_edges=EDGES, weights={"math@0-0.3": 1.0}))


def test_other_buckets_are_another_stream(tokens: Path) -> None:
    shards = open_token_shards(tokens)
    found = []
    for edges in (None, EDGES, (0.2, 0.6)):
        config = small_config(math_share_edges=edges)
        sets = training_sets(in_buckets(shards, config), config)
        found.append(stream_identity(sets, mixtures(sets, config), config)["sets"])
    assert found[0]["math"] not in found[1].values()
    assert found[1]["math@0-0.2"] == found[2]["math@0-0.2"]
    assert len({digest for one in found for digest in one.values()}) == 2 + 6 + 4


def test_shards_that_know_no_math_share_are_refused(tokens: Path, tmp_path: Path) -> None:
    (entry, *_) = open_token_shards(tokens).of_split("train")
    with TokenShardWriter(tmp_path / "train", vocab_size=256) as writer:
        writer.add_document([1, 2, 0], "0704.0001", text_bytes=5)
    shards = dataclasses.replace(open_token_shards(tokens), sets=(dataclasses.replace(entry, prefix=tmp_path / "train"),))
    with pytest.raises(InputError, match=r"says of 0704\.0001 no share of mathematics, which --math-share-edges needs"):
        in_buckets(shards, small_config(math_share_edges=EDGES))


@pytest.mark.parametrize(
    ("edges", "words"), [("0.3,0.1", "rising numbers"), ("0,0.1", "rising numbers"), ("1", "rising"), ("x", "numbers are needed")]
)
def test_edges_that_are_none_are_refused(edges: str, words: str) -> None:
    with pytest.raises(InputError, match=f"--math-share-edges is .*{words}"):
        small_config(math_share_edges=edges)


def test_stages_over_buckets_go_on_after_a_kill_and_are_on_the_books(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"train_iters": 10, "save_interval": 3, "math_share_edges": "0.2,0.5", "stages": STAGES}
    config = small_config(**fields)
    undisturbed = ranks.run("train", config, tokens, tmp_path / "a")
    (killed,) = ranks.start("train_until_killed", config, tokens, tmp_path / "b", 6).wait()
    assert killed.code == KILLED
    assert ranks.run("train", config, tokens, tmp_path / "b") == undisturbed
    assert losses(tmp_path / "b") == losses(tmp_path / "a")
    (books,) = rows(tmp_path / "b", "books")
    shards = in_buckets(open_token_shards(tokens), config)
    assert books["tokens_in_shards"] == {entry.domain: entry.num_tokens for entry in shards.of_split("train")}
    assert sum(books["tokens_in_shards"].values()) == sum(entry.num_tokens for entry in open_token_shards(tokens).of_split("train"))
    assert sum(books["tokens_drawn"].values()) == 10 * 8 * 32
    drawn = {name: number // 32 for name, number in books["tokens_drawn"].items()}
    assert (drawn["math@0-0.2"], drawn["math@0.5-1"], drawn["math@0.2-0.5"]) == (
        16,
        28,
        10,
    )  # 48 samples of the second stage as 3 to 1 to 1
    assert all(books["epochs"][name] == drawn[name] * 32 / books["tokens_in_samples"][name] for name in drawn)
    (refused,) = ranks.start("train", small_config(**fields | {"math_share_edges": "0.2,0.6"}), tokens, tmp_path / "b").wait()
    assert refused.error is not None
    assert refused.error[0] == "InputError"

    shares = {
        record["id"]: record["math_share"]
        for entry in open_token_shards(tokens).of_split("train")
        for record in TokenShardReader(entry.prefix).document_records()
    }
    num_papers = 0
    for step in (1, 10):
        (traced,) = ranks.run("trace_step", tmp_path / "b", tokens, step)
        assert len(traced) == 8
        for line in traced:
            where, papers = line.rsplit(": ", 1)
            low, high = (float(bound) for bound in where.split()[2].partition("@")[2].split("-"))
            assert all(low <= shares[paper] < high for paper in papers.split())
            assert step == 10 or (low, high) == (0.0, 0.2)
            num_papers += len(papers.split())
    assert num_papers >= 16
