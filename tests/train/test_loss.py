"""Cross-entropy in chunks against torch's own, losses and gradients, whole and divided over processes."""

from pathlib import Path

import pytest
import torch

from tests.train.ranks import Ranks
from tests.train.runs import losses, small_config
from train.loss import chunked_mean_loss, mean_over_tokens, per_token_losses

NUM_TOKENS, WIDTH, VOCAB = 37, 16, 96


def inputs(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    hidden = torch.randn(NUM_TOKENS, WIDTH).mul(3).to(dtype).requires_grad_()
    weight = torch.randn(VOCAB, WIDTH).to(dtype).requires_grad_()
    labels = torch.randint(VOCAB, (NUM_TOKENS,))
    mask = (torch.arange(NUM_TOKENS) % 5 != 0).float()
    return hidden, weight, labels, mask


def plain(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    per_token = torch.nn.functional.cross_entropy((hidden @ weight.t()).float(), labels, reduction="none")
    return mean_over_tokens(per_token, mask)


@pytest.mark.parametrize("chunk_tokens", [1, 10, 37, 1000])
def test_chunks_give_torchs_loss_and_gradients(chunk_tokens: int) -> None:
    hidden, weight, labels, mask = inputs()
    wanted = plain(hidden, weight, labels, mask)
    (wanted * 7).backward()
    gradients = [hidden.grad, weight.grad]
    hidden.grad = weight.grad = None
    found = chunked_mean_loss(hidden, weight, labels, mask, chunk_tokens)
    (found * 7).backward()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    for mine, theirs in zip([hidden.grad, weight.grad], gradients, strict=True):
        assert mine is not None
        assert theirs is not None
        assert theirs.abs().max() > 0.1
        assert torch.allclose(mine, theirs, rtol=1e-6, atol=1e-6 * float(theirs.abs().max()))
    masked = mask == 0
    assert hidden.grad is not None
    assert masked.sum() == 8
    assert not hidden.grad[masked].any()


def test_bfloat16_chunks_stay_as_near_as_bfloat16_is() -> None:
    hidden, weight, labels, mask = inputs(torch.bfloat16)
    wanted = plain(hidden, weight, labels, mask)
    wanted.backward()
    gradients = [hidden.grad, weight.grad]
    hidden.grad = weight.grad = None
    found = chunked_mean_loss(hidden, weight, labels, mask, 10)
    found.backward()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)
    for mine, theirs in zip([hidden.grad, weight.grad], gradients, strict=True):
        assert mine is not None
        assert theirs is not None
        assert mine.dtype == torch.bfloat16
        assert torch.allclose(mine.float(), theirs.float(), atol=float(theirs.float().abs().max()) * 2**-7)


def test_every_tokens_loss() -> None:
    hidden, weight, labels, _ = inputs()
    found = per_token_losses(hidden, weight, labels, 10)
    assert torch.allclose(found, torch.nn.functional.cross_entropy(hidden @ weight.t(), labels, reduction="none"), atol=1e-5)


def test_large_logits_do_not_overflow() -> None:
    hidden, weight, labels, mask = inputs()
    found = chunked_mean_loss(hidden.detach() * 1000, weight.detach(), labels, mask, 10)
    assert torch.isfinite(found)


def test_no_more_than_a_chunk_of_logits_is_there() -> None:
    hidden, weight, labels, mask = inputs()
    largest = 0

    class Seen(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and out.dim() == 2 and out.shape[1] == VOCAB and out.shape[0] != WIDTH:
                largest = max(largest, out.shape[0])
            return out

    with Seen():
        chunked_mean_loss(hidden, weight, labels, mask, 10).backward()
    assert largest == 10


def test_training_in_chunks_is_training(ranks: Ranks, tokens: Path, tmp_path: Path) -> None:
    for name, fields in {"untied": {}, "tied": {"untie_embeddings_and_output_weights": False}, "bf16": {"bf16": True}}.items():
        ranks.run("train", small_config(train_iters=8, **fields), tokens, tmp_path / name / "plain")
        ranks.run("train", small_config(train_iters=8, cross_entropy_chunk_tokens=20, **fields), tokens, tmp_path / name / "chunked")
        found, wanted = losses(tmp_path / name / "chunked"), losses(tmp_path / name / "plain")
        assert len(wanted) == 8
        for step, loss in wanted.items():
            assert found[step] == pytest.approx(loss, rel=5e-3 if name == "bf16" else 1e-5), (name, step)
