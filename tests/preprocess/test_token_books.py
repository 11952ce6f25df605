"""The waterfall from characters to tokens trained on, of hand-made token shards and training runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from preprocess.__main__ import main
from preprocess.config import Config, CorpusConfig
from preprocess.report.tokens import read_token_books, token_steps
from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from tests.preprocess.run_folder import Paper, metadata_line, words, write_metadata, write_unit
from tests.preprocess.test_report import Page, finish, listing

TAR = "arXiv_src_2402_001.tar"
CONFIG = Config(corpus=CorpusConfig(bucket_bits=1, validation_share=0.3, near_duplicate_threshold=None))
CAPTION = "Tokens: the whole corpus"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 30 papers; read only."""
    folder = tmp_path_factory.mktemp("made") / "out"
    ids = [f"2402.{number:05d}" for number in range(1, 31)]
    write_metadata(folder, [metadata_line(arxiv_id, "cs.LG" if arxiv_id < "2402.00011" else "math.AG") for arxiv_id in ids])
    write_unit(folder, TAR, [Paper(arxiv_id=arxiv_id, text=words(arxiv_id)) for arxiv_id in ids])
    finish(folder, [listing(TAR, 30)], CONFIG)
    return folder


def write_tokens(folder: Path, made_from: Path, **fields: Any) -> dict[str, int]:
    """Token shards of that corpus, a token for four bytes; gives their tokens by set."""
    manifest = read_manifest(made_from / "corpus/manifest.json")
    sets: dict[str, dict[str, int]] = {}
    for name, entry in manifest["files"].items():
        one = sets.setdefault(name.rpartition("-")[0], {"documents": 0, "tokens": 0, "text_bytes": 0})
        one["documents"] += entry["documents"]
        one["text_bytes"] += entry["characters"]
        one["tokens"] += entry["characters"] // 4 + entry["documents"]
    content = {"sets": sets, "tokenizer": {"vocab_size": 512}, "corpus": {"fingerprint": manifest["fingerprint"]}}
    write_manifest(folder / "manifest.json", content | fields)
    return {name: one["tokens"] for name, one in sets.items()}


def write_training(folder: Path, in_shards: dict[str, int], *, length: int = 100, drawn: int = 40, skipped: int = 0, **fields: Any) -> Path:
    """A run on math alone, which has drawn so many of its samples."""
    samples = (in_shards["math"] - 1) // length
    row: dict[str, Any] = {
        "kind": "books",
        "iteration": 10,
        "tokens_trained_on": (drawn - skipped) * length,
        "tokens_skipped": skipped * length,
        "tokens_drawn": {"math": drawn * length},
        "tokens_in_shards": in_shards,
        "tokens_in_samples": {"math": samples * length},
        "tokens_in_tails": {"math": in_shards["math"] - samples * length},
        "tokens_unused": {"math": max(0, samples - drawn) * length, "cs": in_shards["cs"]},
    }
    folder.mkdir(parents=True)
    rows = [{"kind": "train", "iteration": 1}, row | {"tokens_trained_on": 0}, row | fields]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows) + '{"kind": "tr')
    return folder


def shown(folder: Path, corpus: Path, *options: str) -> tuple[Page, dict[str, int], list[tuple[str, str]]]:
    """The report's page, its waterfall in tokens (losses below zero), and the steps with their shares."""
    html = folder / "report.html"
    assert main(["report", str(corpus), "--html", str(html), *options]) == 0
    page = Page(html.read_text())
    _, *rows = page.tables[CAPTION]
    counts = {row[0].split(" ")[0] if row[1][0] in "−+" else " ".join(row[0].split(" ")[:3]): row[1] for row in rows}
    return page, {name: int(count.replace(",", "").replace("−", "-")) for name, count in counts.items()}, [(row[0], row[2]) for row in rows]


def hundredths(share: str) -> int:
    return round(float(share.replace("−", "-").removesuffix("%").strip()) * 100)


def test_tokens_to_train_on(corpus: Path, tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens", corpus)
    held_out = sum(count for name, count in tokens.items() if name.endswith("/validation"))
    assert len(tokens) == 4
    assert held_out > 0
    page, found, shares = shown(tmp_path, corpus, "--tokens", str(tmp_path / "tokens"))
    total = sum(tokens.values())
    assert found == {
        "tokens of the": total,
        "validation": -held_out,
        "tokens to train": total - held_out,
        "all losses and": total,
    }
    assert sum(hundredths(share.removeprefix("−")) for _, share in shares[1:3]) == 10_000
    characters = read_manifest(corpus / "run.json")["corpus"]["kept_characters"]
    assert f"{characters:,} characters of 30 documents" in page.sections["tokens"]
    assert f"{characters / total:.3f} characters and " in page.sections["tokens"]
    rows = page.rows_of("Token shards")
    assert {name: int(row[1].replace(",", "")) for name, row in rows.items()} == tokens


@pytest.mark.parametrize("drawn, skipped", [(20, 0), (20, 3), (150, 0), (150, 7)])
def test_tokens_trained_on(corpus: Path, tmp_path: Path, drawn: int, skipped: int) -> None:
    """Fewer samples drawn than there are, and more (a second epoch), with and without steps that were left out."""
    tokens = write_tokens(tmp_path / "tokens", corpus)
    in_shards = {name.partition("/")[0]: count for name, count in tokens.items() if name.endswith("/train")}
    run = write_training(tmp_path / "run", in_shards, drawn=drawn, skipped=skipped)
    page, found, shares = shown(tmp_path, corpus, "--tokens", str(tmp_path / "tokens"), "--run", str(run))
    samples = (in_shards["math"] - 1) // 100
    assert 20 < samples < 150
    expected = {
        "tokens of the": sum(tokens.values()),
        "validation": -sum(count for name, count in tokens.items() if name.endswith("/validation")),
        "tokens to train": sum(in_shards.values()),
        "not": -in_shards["cs"] if drawn > samples else -(samples - drawn) * 100,
        "tails": -(in_shards["math"] - samples * 100),
        "tokens in samples": samples * 100,
        "tokens trained on": (drawn - skipped) * 100,
        "all losses and": sum(tokens.values()),
    }
    expected |= {"seen": (drawn - samples) * 100} if drawn > samples else {}
    expected |= {"skipped": -skipped * 100} if skipped else {}
    assert found == expected  # `not` is `not in the blend`, and where there is one the later `not drawn`
    signs = [(name, share) for name, share in shares if share[0] in "−+" or name.startswith("tokens trained on")]
    total = sum(hundredths(share[1:]) * (-1 if share[0] == "+" else 1) if share[0] in "−+" else hundredths(share) for _, share in signs)
    assert total == 10_000
    assert page.rows_of("Token shards")["math/train"][3:] == [f"{drawn * 100:,}", f"{drawn / samples:.3f}"]
    assert page.rows_of("Token shards")["math/validation"][3:] == ["–", "–"]


def test_buckets_of_math_share_are_added_up_by_domain(corpus: Path, tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens", corpus)
    math, cs = tokens["math/train"], tokens["cs/train"]
    length, dense = 100, math // 3
    row = {
        "tokens_in_shards": {"math@0-0.2": math - dense, "math@0.2-1": dense, "cs@0-0.2": cs},
        "tokens_in_samples": {"math@0.2-1": dense // length * length},
        "tokens_in_tails": {"math@0.2-1": dense % length},
        "tokens_unused": {"math@0.2-1": 0, "math@0-0.2": math - dense, "cs@0-0.2": cs},
        "tokens_drawn": {"math@0.2-1": dense // length * length * 2},
        "tokens_trained_on": dense // length * length * 2,
    }
    run = write_training(tmp_path / "run", {"math": math, "cs": cs}, **row)
    page, found, _ = shown(tmp_path, corpus, "--tokens", str(tmp_path / "tokens"), "--run", str(run))
    assert (found["not"], found["tokens in samples"]) == (-(math - dense + cs), dense // length * length)
    assert found["tokens trained on"] == 2 * found["tokens in samples"]
    assert page.rows_of("Token shards")["math/train"][3:] == [f"{row['tokens_trained_on']:,}", "2.000"]


def test_the_sections_stand_in_their_order(corpus: Path, tmp_path: Path) -> None:
    write_tokens(tmp_path / "tokens", corpus)
    page, _, _ = shown(tmp_path, corpus, "--tokens", str(tmp_path / "tokens"))
    assert list(page.sections)[:4] == ["summary", "flow", "tokens", "rejected"]


def test_books_of_something_else_are_refused(corpus: Path, tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens", corpus)
    in_shards = {name.partition("/")[0]: count for name, count in tokens.items() if name.endswith("/train")}
    state = read_manifest(corpus / "run.json")["corpus"]

    def refused(what: str, run: Path | None = None, folder: str = "tokens") -> None:
        with pytest.raises(InputError, match=what):
            token_steps(read_token_books(tmp_path / folder, run, state))

    write_tokens(tmp_path / "others", corpus, corpus={"fingerprint": "f" * 32})
    refused("was made from another state of the corpus; run tools.tokenize_shards again", folder="others")
    write_tokens(tmp_path / "broken", corpus, sets={})
    refused("has 0 documents of 30 of the corpus", folder="broken")
    write_tokens(tmp_path / "none", corpus, sets=7)
    refused("is no manifest of token shards", folder="none")
    refused("missing/manifest.json: no such manifest", folder="missing")
    refused("was trained on other token shards", write_training(tmp_path / "a", in_shards | {"math": 5000}))
    refused("the run's books do not balance: .* report this", write_training(tmp_path / "b", in_shards, tokens_trained_on=1))
    refused("metrics.jsonl: cannot be read", tmp_path / "no-run")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/metrics.jsonl").write_text('{"kind": "train"}\n')
    refused("its books are not closed as yet", tmp_path / "c")
    (tmp_path / "c/metrics.jsonl").write_text("nothing of ours\n")
    refused("is not the log of a training run", tmp_path / "c")
    with pytest.raises(InputError, match="--run needs the token shards"):
        main(["report", str(corpus), "--html", str(tmp_path / "x.html"), "--run", str(tmp_path / "a")])
    assert not (tmp_path / "x.html").exists()
