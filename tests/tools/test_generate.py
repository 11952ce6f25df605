"""Text from a checkpoint: the tokens that transformers takes too, the same for the same seed, never a padding row."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shards.errors import InputError
from tests.tools.small_checkpoint import SHAPE, config_of, write_checkpoint
from tools import generate as command
from tools.export_hf import export
from tools.generate import Sampling, generate, generate_ids, probabilities
from tools.tokenizer import LatexTokenizer

GREEDY = Sampling()


class Successor(torch.nn.Module):
    """Says that the id after `n` is `n + 1`; its vocabulary has 8 rows."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.lengths: list[int] = []

    def forward(self, tokens: Tensor, position_ids: Tensor, attention_mask: None) -> Tensor:
        assert position_ids.tolist() == [list(range(tokens.shape[1]))]
        self.lengths.append(tokens.shape[1])
        return torch.nn.functional.one_hot(tokens + 1, 8).float() + self.weight


class Broken(Successor):
    """Gives NaN."""

    def forward(self, *inputs: Any) -> Tensor:
        return super().forward(*inputs) * float("nan")


def test_greedy_tokens_are_those_of_transformers(tokenizer_folder: Path, tokenizer: LatexTokenizer, tmp_path: Path) -> None:
    padded = 768  # 128 rows past the pieces, which this untrained model likes as much as any other
    write_checkpoint(tmp_path / "run", config_of(vocab_size=padded, num_query_groups=2), tokenizer_folder)
    export(tmp_path / "run", tmp_path / "hf")
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    assert model.generation_config.suppress_tokens == list(range(tokenizer.num_pieces, padded))
    num_compared = 0
    for prompt in ("# Introduction\n\n", "Let $x", "the group of sheaves over", ""):
        ids = torch.tensor([tokenizer.encode(prompt) or [tokenizer.eod_id]])
        theirs = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]
        ours = generate(tmp_path / "run", prompt, max_new_tokens=24, sampling=GREEDY)
        assert ours.ids == theirs.tolist()
        assert ours.text == tokenizer.decode(ours.ids)
        assert ours.is_ended == (theirs[-1] == tokenizer.eod_id)
        num_compared += len(ours.ids)
    assert num_compared > 48


def test_a_seed_is_a_text(checkpoint_run: Path) -> None:
    sampling = [Sampling(temperature=1.0, seed=seed) for seed in (1, 2)]
    torch.manual_seed(0)
    first = generate(checkpoint_run, "Let $x", max_new_tokens=16, sampling=sampling[0])
    torch.manual_seed(1)
    assert generate(checkpoint_run, "Let $x", max_new_tokens=16, sampling=sampling[0]) == first
    assert generate(checkpoint_run, "Let $x", max_new_tokens=16, sampling=sampling[1]) != first


def test_it_ends_where_the_document_ends_and_at_the_limit() -> None:
    model = Successor()
    told: list[int] = []
    new = generate_ids(model, [1, 2], max_new_tokens=9, num_pieces=8, end_id=5, sampling=GREEDY, on_token=told.append)
    assert new == [3, 4, 5]
    assert told == [1, 2, 3]
    assert model.lengths == [2, 3, 4]
    assert generate_ids(Successor(), [1], max_new_tokens=2, num_pieces=8, end_id=7, sampling=GREEDY) == [2, 3]


def test_padding_rows_are_never_taken() -> None:
    for sampling in (GREEDY, Sampling(temperature=5.0)):
        new = generate_ids(Successor(), [3], max_new_tokens=40, num_pieces=5, end_id=7, sampling=sampling)
        assert len(new) == 40
        assert max(new) < 5


def test_logits_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="not finite"):
        generate_ids(Broken(), [1], max_new_tokens=2, num_pieces=8, end_id=7, sampling=GREEDY)


LOGITS = torch.log(torch.tensor([0.1, 0.4, 0.2, 0.3]))


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0, 1, 0, 0]),
        (Sampling(temperature=1.0), [0.1, 0.4, 0.2, 0.3]),
        (Sampling(temperature=0.5), [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        (Sampling(temperature=1.0, top_k=2), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(temperature=1.0, top_p=0.7), [0, 4 / 7, 0, 3 / 7]),
        (Sampling(temperature=1.0, top_p=0.75), [0, 4 / 9, 2 / 9, 3 / 9]),
        (Sampling(temperature=1.0, top_p=0.01), [0, 1, 0, 0]),
        (Sampling(temperature=1.0, top_k=1, top_p=1.0), [0, 1, 0, 0]),
        (Sampling(temperature=1e-6), [0, 1, 0, 0]),
    ],
)
def test_probabilities(sampling: Sampling, expected: list[float]) -> None:
    assert probabilities(LOGITS, sampling).tolist() == pytest.approx(expected, abs=1e-6)


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=20),
    st.floats(1e-3, 10),
    st.none() | st.integers(1, 30),
    st.none() | st.floats(0.01, 1),
)
def test_probabilities_are_ones_and_the_likeliest_stays(
    logits: list[float], temperature: float, top_k: int | None, top_p: float | None
) -> None:
    found = probabilities(torch.tensor(logits), Sampling(temperature=temperature, top_k=top_k, top_p=top_p))
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    assert float(found[torch.tensor(logits).argmax()]) > 0
    assert top_k is None or int((found > 0).sum()) <= top_k


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--temperature", "-1"], "--temperature is -1.0"),
        (["--temperature", "1", "--top-k", "0"], "--top-k is 0"),
        (["--temperature", "1", "--top-p", "1.5"], "--top-p is 1.5"),
        (["--top-k", "5"], "change nothing at --temperature 0"),
        (["--max-new-tokens", "0"], "--max-new-tokens is 0"),
        (["--max-new-tokens", "1000"], f"exceed the model's {SHAPE.seq_length} positions"),
        (["--prompt", "\udcff"], "--prompt: .*lone surrogate"),
        (["--checkpoint", "/no/such"], "neither a checkpoint"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], said: str, checkpoint_run: Path) -> None:
    with pytest.raises(InputError, match=said):
        command.main(["--checkpoint", str(checkpoint_run), "--prompt", "a", *arguments])


def test_the_command_prints_the_text(checkpoint_run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--checkpoint", str(checkpoint_run), "--prompt", "Let $x", "--max-new-tokens", "4"]) == 0
    said = capfd.readouterr()
    assert said.out.startswith("Let $x")
    assert said.out.rstrip("\n") == "Let $x" + generate(checkpoint_run, "Let $x", max_new_tokens=4, sampling=GREEDY).text
    assert re.match(r"4 tokens.* s with loading\n", said.err)
