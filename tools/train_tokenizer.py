"""Trains the tokenizer on the training split of a corpus: `DIR/tokenizer.model` and `DIR/manifest.json`.

The sample is made of whole documents in the corpus's own order, which is a hash's, domain by domain up to the domain's share of
`--max-bytes`; the validation split is never read. It is cut into pieces (`tools.tokenizer.pretokens`), and SentencePiece trains on the
counts of the distinct ones: no line is too long for it, memory follows the distinct pieces and not the text, and the result depends on
the sample alone.
"""

import argparse
import io
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_format

from shards.cli import Parser, run
from shards.commit import local_folder, remove_temporaries, write_bytes
from shards.errors import InputError
from shards.manifest import source_commit, write_manifest
from tools.corpus_folder import Corpus, CorpusFile, read_corpus, read_documents
from tools.tokenizer import (
    BOS,
    EOD,
    MAX_PRETOKEN_CHARACTERS,
    PAD,
    PAD_MULTIPLE,
    SPACE_MARK,
    SPECIAL_TOKENS,
    UNK,
    USER_SYMBOLS,
    LatexTokenizer,
    pretokens,
)

PROG = "python -m tools.train_tokenizer"
NUM_BYTE_PIECES = 256
NUM_FIXED_PIECES = len(SPECIAL_TOKENS) + NUM_BYTE_PIECES + len(USER_SYMBOLS)
MAX_DISTINCT_PRETOKENS = 5_000_000  # the commonest; about 2 GB in SentencePiece's trainer
MAX_PIECE_CHARACTERS = 32  # \DeclareRobustCommand is 22; SentencePiece's own 16 would cut \operatorname
NUM_THREADS = 4  # a constant: unigram's sums are taken thread by thread, so its result depends on it (BPE's does not)
_MEASURED_BYTES = 1 << 21
_SECONDS_BETWEEN_LINES = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Trains and commits a tokenizer as the command line says."""
    args = _parser().parse_args(arguments)
    if args.vocab_size <= NUM_FIXED_PIECES:
        raise InputError(
            f"--vocab-size {args.vocab_size}: {NUM_FIXED_PIECES} are taken by specials, bytes and control symbols; "
            f"give more, say {2 * NUM_FIXED_PIECES // 128 * 128}"
        )
    if args.max_bytes < 1:
        raise InputError(f"--max-bytes {args.max_bytes}: at least 1 is needed")
    if not 0.9 <= args.character_coverage <= 1:
        raise InputError(f"--character-coverage {args.character_coverage}: a share from 0.9 to 1 is needed")
    out = local_folder(args.out)
    corpus = read_corpus(args.corpus)
    weights = _parse_weights(args.domain_weights, corpus)
    started = time.monotonic()
    counts, sample, measured = _count_sample(corpus, weights, args.max_bytes)
    kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_DISTINCT_PRETOKENS]
    _say(f"training a {args.model_type} model of {args.vocab_size:,} pieces on {len(kept):,} distinct pieces of text")
    model = train_model(dict(kept), vocab_size=args.vocab_size, model_type=args.model_type, character_coverage=args.character_coverage)
    tokenizer = LatexTokenizer(model)
    num_measured = sum(len(text.encode()) for text in measured)
    bytes_per_token = num_measured / max(1, sum(len(tokenizer.encode(text)) for text in measured))
    remove_temporaries(out)
    (out / "manifest.json").unlink(missing_ok=True)
    write_bytes(out / "tokenizer.model", model)
    write_manifest(
        out / "manifest.json",
        {
            "format": 1,
            "file": "tokenizer.model",
            "sha256": tokenizer.sha256,
            "model_type": args.model_type,
            "vocab_size": tokenizer.vocab_size,
            "num_pieces": tokenizer.num_pieces,
            "special_tokens": SPECIAL_TOKENS,
            "user_symbols": list(USER_SYMBOLS),
            "character_coverage": args.character_coverage,
            "max_bytes": args.max_bytes,
            "domain_weights": weights,
            "sample": sample,
            "distinct_pretokens": {"found": len(counts), "used": len(kept)},
            "bytes_per_token_of_sample": round(bytes_per_token, 4),
            "corpus_fingerprint": corpus.fingerprint,
            "commit": source_commit(),
        },
    )
    print(
        f"{out / 'tokenizer.model'}: {tokenizer.num_pieces:,} pieces, vocabulary {tokenizer.vocab_size:,} (a multiple of 128), "
        f"{bytes_per_token:.2f} bytes a token on its sample, {time.monotonic() - started:.0f} s"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROG, description="Trains a SentencePiece tokenizer on the training split of a corpus.")
    parser.add_argument("--corpus", required=True, metavar="DIR", help="corpus folder of a finished run, OUT/corpus")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for tokenizer.model and manifest.json")
    parser.add_argument(
        "--vocab-size",
        type=int,
        default=35_584,
        metavar="PIECES",
        help="pieces in all; 35584 makes the 24/2048/16/5504 shape 1.36B parameters; under 65500 an id is 2 bytes on disk",
    )
    parser.add_argument("--model-type", choices=("bpe", "unigram"), default="bpe", help="only bpe can be exported to Hugging Face")
    parser.add_argument("--max-bytes", type=int, default=1 << 29, metavar="BYTES", help="UTF-8 bytes of text in the sample")
    parser.add_argument(
        "--character-coverage",
        type=float,
        default=0.9999,
        metavar="SHARE",
        help="share of the sample's characters that get pieces of their own; the rest go by bytes",
    )
    parser.add_argument(
        "--domain-weights",
        metavar="DOMAIN=WEIGHT,…",
        help="weight of a domain's bytes in the sample against its bytes in the corpus; 1 where none is given, 0 leaves it out",
    )
    return parser


def _parse_weights(given: str | None, corpus: Corpus) -> dict[str, float]:
    weights = dict.fromkeys(sorted({file.domain for file in corpus.files if file.split == "train"}), 1.0)
    if not weights:
        raise InputError("the corpus has no training documents: only validation files are in its manifest")
    for item in (given or "").split(","):
        if not item:
            continue
        domain, _, number = item.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not 0 <= weight < float("inf"):
            raise InputError(f"--domain-weights {item!r}: DOMAIN=WEIGHT with a weight from 0 is needed, as in math=2,cs=0.5")
        if domain not in weights:
            raise InputError(f"--domain-weights {item!r}: the corpus has no training domain {domain!r}; it has {', '.join(weights)}")
        weights[domain] = weight
    if not any(weights.values()):
        raise InputError("--domain-weights: every domain has weight 0; leave one in")
    return weights


def sample_shares(domain_bytes: Mapping[str, int], weights: Mapping[str, float], max_bytes: int) -> dict[str, int]:
    """Bytes of the sample from each domain: `max_bytes` shared by weight × bytes; what one domain cannot fill goes to the others."""
    shares: dict[str, int] = {}
    open_domains = {domain: weights[domain] * num_bytes for domain, num_bytes in domain_bytes.items() if weights[domain] > 0}
    remaining = max_bytes
    while open_domains:
        total = sum(open_domains.values())
        full = {domain for domain, mass in open_domains.items() if remaining * mass >= domain_bytes[domain] * total}
        for domain in full or set(open_domains):
            shares[domain] = domain_bytes[domain] if full else int(remaining * open_domains[domain] / total)
        if not full:
            break
        remaining -= sum(domain_bytes[domain] for domain in full)
        open_domains = {domain: mass for domain, mass in open_domains.items() if domain not in full}
    return dict(sorted(shares.items()))


def _count_sample(
    corpus: Corpus, weights: Mapping[str, float], max_bytes: int
) -> tuple[Counter[str], dict[str, dict[str, int]], list[str]]:
    """Counts of the sample's pieces; documents and bytes by domain; and its first texts, to measure on."""
    files: dict[str, list[CorpusFile]] = {}
    for file in corpus.files:
        if file.split == "train":
            files.setdefault(file.domain, []).append(file)
    shares = sample_shares({domain: sum(file.text_bytes for file in group) for domain, group in files.items()}, weights, max_bytes)
    _say(f"reading a sample of {sum(shares.values()) / 1e6:,.1f} MB from {len(shares)} domains")
    counts: Counter[str] = Counter()
    books: dict[str, dict[str, int]] = {}
    measured: list[str] = []
    measured_bytes = read_bytes = 0
    reported = time.monotonic()
    for domain, share in shares.items():
        book = books[domain] = {"documents": 0, "bytes": 0}
        for text in _texts(files[domain]):
            if book["bytes"] >= share:
                break
            num_bytes = len(text.encode())
            book["documents"] += 1
            book["bytes"] += num_bytes
            read_bytes += num_bytes
            counts.update(pretokens(text))
            if measured_bytes < _MEASURED_BYTES:
                measured.append(text)
                measured_bytes += num_bytes
            if time.monotonic() - reported > _SECONDS_BETWEEN_LINES:
                reported = time.monotonic()
                _say(f"{read_bytes / 1e6:,.0f} of {sum(shares.values()) / 1e6:,.0f} MB read, {len(counts):,} distinct pieces")
    return counts, books, measured


def _texts(files: list[CorpusFile]) -> Iterator[str]:
    for file in files:
        for document in read_documents(file.path):
            yield document["text"]


def train_model(counts: Mapping[str, int], *, vocab_size: int, model_type: str = "bpe", character_coverage: float = 0.9999) -> bytes:
    """Counts of pieces of text → a SentencePiece model of exactly `vocab_size` pieces. Raises `InputError` where they are too few."""
    if not counts:
        raise InputError("the sample holds no text to learn from; give a larger corpus or --max-bytes")
    model_file = io.BytesIO()
    lines = (f"{pretoken}\t{count}" for pretoken, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines,
            model_writer=model_file,
            input_format="tsv",  # a piece and its count
            model_type=model_type,
            vocab_size=vocab_size,
            hard_vocab_limit=False,  # so that a small corpus gives the size it can fill, which the message below says
            character_coverage=character_coverage,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            byte_fallback=True,
            split_digits=True,
            split_by_unicode_script=False,
            split_by_number=False,
            split_by_whitespace=False,  # the pieces are cut already
            allow_whitespace_only_pieces=True,
            max_sentence_length=8 * MAX_PRETOKEN_CHARACTERS,
            max_sentencepiece_length=MAX_PIECE_CHARACTERS,
            shuffle_input_sentence=False,
            user_defined_symbols=list(USER_SYMBOLS),
            unk_id=SPECIAL_TOKENS[UNK],
            bos_id=SPECIAL_TOKENS[BOS],
            eos_id=SPECIAL_TOKENS[EOD],
            pad_id=SPECIAL_TOKENS[PAD],
            unk_piece=UNK,
            bos_piece=BOS,
            eos_piece=EOD,
            pad_piece=PAD,
            num_threads=NUM_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        said = str(error).rpartition("] ")[2]  # without the line of its source
        raise InputError(f"--vocab-size {vocab_size}: SentencePiece cannot train on this sample: {said}") from None
    model = model_format.ModelProto.FromString(model_file.getvalue())
    if len(model.pieces) != vocab_size:
        largest = len(model.pieces)
        suggested = largest // PAD_MULTIPLE * PAD_MULTIPLE
        advice = f"give {suggested} or less, or a larger corpus" if suggested > NUM_FIXED_PIECES else "a larger corpus is needed"
        raise InputError(f"--vocab-size {vocab_size}: the sample has pieces for {largest} at the most; {advice}")
    return _with_plain_spaces(model)


def _with_plain_spaces(model: Any) -> bytes:
    """The model with the space itself in its pieces, so that U+2581 is a character as any other (`tools.tokenizer`)."""
    for piece in model.pieces:
        if piece.type == model_format.ModelProto.SentencePiece.NORMAL:
            piece.piece = piece.piece.replace(SPACE_MARK, " ")
    model.normalizer_spec.escape_whitespaces = False
    names = [piece.piece for piece in model.pieces]
    assert len(set(names)) == len(names), "a learned piece is a user symbol"
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(PROG, main)
