"""Does the tokenizer hold TeX's units together, what does it save, and which vocabulary size fits? On papers it was not trained on.

    python -m benchmarks.bench_tokenizer --corpus OUT/corpus --work FOLDER [--public NAME=FILE …]

Papers are held out by hash of their id. On the others, tokenizers of each size are trained: ours, and a Llama-style SentencePiece BPE with
the same digit and byte options. Where the text does not fill a size, ours gets rows of padding, theirs has as many pieces as there are. The
report (`tools.evaluate_tokenizer`) compares them and any public tokenizer given as file. Then all documents of the dump, those too that
selection left out of the corpus, are encoded by SentencePiece, by the exported Hugging Face tokenizer and by the fast encoder: ids and
texts compared, MB/s counted. Figures and ids of papers go to benchmarks/results/tokenizer.json, no text.
"""

import dataclasses
import hashlib
import io
import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from benchmarks.record import write_result
from shards.cli import Parser, run
from shards.commit import local_folder, write_bytes
from shards.errors import InputError
from shards.fingerprint import fingerprint, unit_interval
from shards.manifest import write_manifest
from shards.text_shard import encode_text_shard, read_text_shard
from shards.token_shard import optimal_dtype
from tools import train_tokenizer
from tools.any_tokenizer import open_tokenizer
from tools.corpus_folder import read_corpus, read_documents
from tools.evaluate_tokenizer import evaluate, sample
from tools.fast_encoder import FastEncoder
from tools.hf_tokenizer import export_tokenizer
from tools.tokenizer import LatexTokenizer
from tools.tokenizer_measures import commonest_sequences
from tools.tokenizer_probes import context_figures, word_families
from train.config import load_recipe, num_matmul_parameters, num_parameters

SIZES = (32_000, 48_000, 64_000, 102_400)
HELD_OUT_SHARE = 0.15
MAX_COUNTED_BYTES = 20_000_000  # of the training split, to count used rows on
RECIPE = Path(__file__).resolve().parent.parent / "train" / "recipes" / "1p36b_2xa100.toml"
PRETRAINING_TOKENS = 52.18e9  # the paper's
PUBLISHED_ROWS = 102_400  # of its model


def hold_out(corpus: Path, folder: Path) -> Path:
    """The corpus again, with the held-out papers as its validation split."""
    documents: dict[str, list[dict[str, Any]]] = {}
    for file in read_corpus(corpus).files:
        for document in read_documents(file.path):
            is_held_out = file.split == "validation" or unit_interval(document["id"], "tokenizer benchmark") < HELD_OUT_SHARE
            name = f"{file.domain}/{'validation' if is_held_out else 'train'}-00000.jsonl.zst"
            documents.setdefault(name, []).append({"id": document["id"], "text": document["text"]})
    files = {}
    for name, rows in sorted(documents.items()):
        content = encode_text_shard(rows)
        write_bytes(folder / name, content)
        texts = [row["text"].encode() for row in rows]
        files[name] = {"documents": len(rows), "text_bytes": sum(map(len, texts)), "sha256": hashlib.sha256(content).hexdigest()}
    write_manifest(folder / "manifest.json", {"format": 1, "fingerprint": fingerprint(files), "files": files})
    return folder


def train_ours(corpus: Path, size: int, folder: Path) -> Path:
    """Our tokenizer, filled up with rows of padding where the text has pieces for fewer."""
    if not (folder / "manifest.json").is_file():
        train_tokenizer.main(["--corpus", str(corpus), "--out", str(folder), "--vocab-size", f"{size}", "--pad-to-size"])
    return folder / "tokenizer.model"


def train_llama_style(corpus: Path, size: int, path: Path) -> Path:
    """SentencePiece BPE with Llama's settings: identity, byte fallback, digits split, pieces of one script, line by line."""
    if path.is_file():
        return path
    sink = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(corpus),
        model_writer=sink,
        model_type="bpe",
        vocab_size=size,
        hard_vocab_limit=False,  # a few less where the text has no more
        character_coverage=0.9999,
        normalization_rule_name="identity",
        byte_fallback=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        remove_extra_whitespaces=False,
        max_sentence_length=1 << 20,
        minloglevel=2,
    )
    write_bytes(path, sink.getvalue())
    return path


def _lines(corpus: Path) -> Iterator[str]:
    for _, _, text in sample(read_corpus(corpus), "train", sys.maxsize):
        yield from (line for line in text.split("\n") if line.strip())


def compare(corpus: Path, paths: dict[str, Path]) -> dict[str, Any]:
    """The report's figures of every tokenizer on the held-out papers."""
    folder = read_corpus(corpus)
    papers = list(sample(folder, "validation", sys.maxsize))
    commonest = commonest_sequences(text for _, _, text in sample(folder, "train", sys.maxsize))
    counted = [text for _, _, text in sample(folder, "train", MAX_COUNTED_BYTES)]
    families = word_families(text for _, _, text in papers)
    args = Namespace(split="validation", model_vocab_size=None, no_examples=True)
    opened = {name: open_tokenizer(path) for name, path in paths.items()}
    figures = {name: evaluate(name, tokenizer, papers, counted, commonest, families, args) for name, tokenizer in opened.items()}
    # the commonest of the held-out papers too: among them is what one of those papers alone says, which nothing could learn
    of_all = commonest_sequences(text for split in ("train", "validation") for _, _, text in sample(folder, split, sys.maxsize))
    for name, tokenizer in opened.items():
        figures[name]["contexts_of_commonest_with_held_out"] = context_figures(tokenizer, of_all, with_names=False)
    return {"papers": [paper for paper, _, _ in papers], "tokenizers": figures}


def published_mismatch(figures: dict[str, Any], public: Sequence[str]) -> list[dict[str, Any]]:
    """What a public tokenizer costs in the published model of 102,400 rows: rows without a piece, and the parameters they hold."""
    recipe = load_recipe(RECIPE).model
    rows = []
    for name in public:
        num_pieces = figures[name]["pieces"]
        if num_pieces < PUBLISHED_ROWS:
            whole, live = (num_parameters(dataclasses.replace(recipe, vocab_size=size)) for size in (PUBLISHED_ROWS, num_pieces))
            rows.append(
                {
                    "tokenizer": name,
                    "pieces": num_pieces,
                    "rows_of_the_model": PUBLISHED_ROWS,
                    "rows_without_a_piece": PUBLISHED_ROWS - num_pieces,
                    "parameters_that_nothing_trains": whole - live,
                    "share_of_parameters": round((whole - live) / whole, 4),
                }
            )
    return rows


def against_llama_style(figures: dict[str, Any]) -> dict[str, float]:
    """How many more bytes a token of ours has, all text and math, by size."""
    gains = {}
    for name, ours in figures.items():
        theirs = figures.get(name.replace("ours", "llama-style"))
        if name.startswith("ours") and theirs:
            gains[f"{name.removeprefix('ours-')} all"] = round(ours["bytes_per_token"] / theirs["bytes_per_token"] - 1, 4)
            gains[f"{name.removeprefix('ours-')} math"] = round(ours["bytes_per_token_math"] / theirs["bytes_per_token_math"] - 1, 4)
    return gains


def cost_of_sizes(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """What each vocabulary size costs and saves in the model of 24 layers, 2048 wide: parameters, FLOPs a byte, bytes of a token budget."""
    recipe = load_recipe(RECIPE).model
    rows = []
    for name, found in figures.items():
        if not name.startswith("ours"):
            continue
        model = dataclasses.replace(recipe, vocab_size=found["rows"]["rows"])
        flops_per_token = 6 * num_matmul_parameters(model)
        rows.append(
            {
                "vocabulary": found["rows"]["rows"],
                "pieces_that_the_text_fills": found["pieces"],
                "parameters": num_parameters(model),
                "bytes_per_token": found["bytes_per_token"],
                "gigabytes_in_52_billion_tokens": round(found["bytes_per_token"] * PRETRAINING_TOKENS / 1e9, 1),
                "training_flops_per_byte": round(flops_per_token / found["bytes_per_token"]),
                "rows_never_used": found["rows"]["never_used"],
                "rows_used_less_than_10_times": found["rows"]["used_less_than_10_times"],
                "tokens_counted": found["rows"]["tokens_counted"],
                "bytes_of_an_id_before_compression": optimal_dtype(found["rows"]["rows"]).itemsize,
            }
        )
    return rows


def texts_of(documents: Path) -> list[str]:
    """The text of every document of a run, also of those that its corpus leaves out."""
    texts = [document["text"] for path in sorted(documents.glob("*.jsonl.zst")) for document in read_text_shard(path)]
    if not texts:
        raise InputError(f"{documents}: has no documents; give OUT/documents of a finished run")
    return texts


def speeds(texts: Sequence[str], model: Path, work: Path) -> dict[str, Any]:
    """MB/s of each encoder on every text, in how many its ids differ from SentencePiece's, and how many do not come back."""
    import tokenizers

    tokenizer = LatexTokenizer.load(model)
    export_tokenizer(model, work / "hf")
    exported = tokenizers.Tokenizer.from_file(str(work / "hf" / "tokenizer.json"))
    exported.encode_special_tokens = True
    fast = FastEncoder(tokenizer)
    num_bytes = sum(len(text.encode()) for text in texts)
    encoders = {
        "sentencepiece": tokenizer.encode,
        "hugging face tokenizers": lambda text: exported.encode(text, add_special_tokens=False).ids,
        "fast, from an empty cache": fast.encode,
        "fast, again": fast.encode,
    }
    reference: list[list[int]] = []
    rows: dict[str, Any] = {"documents": len(texts), "bytes": num_bytes, "distinct_documents": len(set(texts))}
    for name, encode in encoders.items():
        started = time.process_time()
        found = [encode(text) for text in texts]
        seconds = time.process_time() - started
        reference = reference or found
        rows[name] = {
            "mb_per_second_a_core": round(num_bytes / seconds / 1e6, 2),
            "documents_with_other_ids": sum(ids != expected for ids, expected in zip(found, reference, strict=True)),
        }
        print(f"{name}: {rows[name]}", flush=True)
    rows["documents_that_do_not_come_back"] = {
        "ours": sum(tokenizer.decode(ids) != text for ids, text in zip(reference, texts, strict=True)),
        "hugging face": sum(exported.decode(ids, skip_special_tokens=False) != text for ids, text in zip(reference, texts, strict=True)),
    }
    return rows


def _public(given: Sequence[str]) -> dict[str, Path]:
    paths = {}
    for item in given:
        name, _, path = item.partition("=")
        if not path:
            raise InputError(f"--public {item!r}: NAME=FILE is needed")
        paths[name] = Path(path)
    return paths


def main() -> int:
    """Trains, compares, times, and writes the figures."""
    parser = Parser(prog="python -m benchmarks.bench_tokenizer", description=__doc__ or "")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="corpus folder of a finished run, OUT/corpus")
    parser.add_argument("--work", required=True, metavar="FOLDER", help="folder for tokenizers and the held-out split; kept between runs")
    parser.add_argument(
        "--public", action="append", default=[], metavar="NAME=FILE", help="a public tokenizer to compare with; may be repeated"
    )
    parser.add_argument("--documents", type=Path, metavar="DIR", help="documents of the same run, default: OUT/documents beside the corpus")
    args = parser.parse_args()
    work = local_folder(args.work)
    texts = texts_of(args.documents or args.corpus.parent / "documents")
    public = _public(args.public)
    corpus = hold_out(args.corpus, work / "held-out")
    paths: dict[str, Path] = {}
    for size in SIZES:
        model = train_ours(corpus, size, work / f"ours-{size}")
        paths[f"ours-{size}"] = model
        paths[f"llama-style-{size}"] = train_llama_style(corpus, size, work / f"llama-style-{size}.model")
    report = compare(corpus, paths | public)
    figures = {
        "held_out_papers": report["papers"],
        "more_bytes_a_token_than_llama_style": against_llama_style(report["tokenizers"]),
        "cost_of_sizes": cost_of_sizes(report["tokenizers"]),
        "encoding": speeds(texts, paths[next(iter(paths))], work),
        "published_mismatch": published_mismatch(report["tokenizers"], list(public)),
        "tokenizers": report["tokenizers"],
    }
    print(json.dumps(figures["more_bytes_a_token_than_llama_style"], indent=1))
    print(write_result("tokenizer", figures))
    return 0


if __name__ == "__main__":
    run("bench_tokenizer", main)
