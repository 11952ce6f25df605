"""Trains the tokenizer on the training split of a corpus: `DIR/tokenizer.model` and `DIR/manifest.json`.

The sample is made of whole documents in the corpus's own order, which is a hash's, domain by domain up to the domain's share of
`--max-bytes`; the validation split is never read. It is cut into pieces (`tools.tokenizer.pretokens`), and SentencePiece trains on the
counts of the distinct ones: no line is too long for it, memory follows the distinct pieces and not the text, and the result depends on
the sample alone.

Groups such as `_{i}` and `(x)` that are frequent, and not in a few papers only, become user symbols; the others are cut at those and
counted as what they are made of.
"""

import argparse
import io
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_format

from shards.cli import ENDPOINT_HELP, Parser, run
from shards.commit import remove_temporaries, write_bytes
from shards.errors import InputError
from shards.manifest import source_commit, write_manifest
from tools.corpus_folder import Corpus, CorpusFile, output_folder, read_corpus, read_documents
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
    is_group,
    pretokens,
)

PROG = "python -m tools.train_tokenizer"
NUM_BYTE_PIECES = 256
NUM_FIXED_PIECES = len(SPECIAL_TOKENS) + NUM_BYTE_PIECES + len(USER_SYMBOLS)
MAX_DISTINCT_PRETOKENS = 5_000_000  # the commonest; about 2 GB in SentencePiece's trainer
MAX_PIECE_CHARACTERS = 32  # \DeclareRobustCommand is 22; SentencePiece's own 16 would cut \operatorname
MIN_GROUP_COUNT, MIN_GROUP_DOCUMENTS = 20, 3  # in the sample; a symbol of one paper's own notation would be a row that nothing trains
GROUP_SHARE = 8  # at most an eighth of the vocabulary
MIN_CHARACTER_COUNT = 20  # a character as frequent as that has a piece, whatever share of the sample it is
CHARACTER_SHARE = 16  # and at most a sixteenth of the vocabulary is for those
PRESETS = {"paper": 102_400, "64k": 64_000, "48k": 48_000, "1p36b": 35_584, "32k": 32_000}
FIM_TOKENS = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>")
NUM_THREADS = 4  # a constant: unigram's sums are taken thread by thread, so its result depends on it (BPE's does not)
_MEASURED_BYTES = 1 << 21
_SECONDS_BETWEEN_LINES = 10.0


@dataclass(slots=True, kw_only=True)
class Sample:
    """What was read for training: counts of distinct pieces, groups apart, with the number of documents each group is in."""

    pieces: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    group_documents: Counter[str] = field(default_factory=Counter)
    books: dict[str, dict[str, int]] = field(default_factory=dict)  # documents and bytes by domain
    first_texts: list[str] = field(default_factory=list)  # to measure on

    def add(self, text: str) -> None:
        """Counts one document."""
        groups: Counter[str] = Counter()
        for pretoken, count in Counter(pretokens(text)).items():
            (groups if is_group(pretoken) else self.pieces)[pretoken] += count
        self.groups.update(groups)
        self.group_documents.update(groups.keys())
        for counts in (self.pieces, self.groups, self.group_documents):
            _keep_bounded(counts)


class TooFewPiecesError(InputError):
    """The sample fills `largest` pieces, fewer than asked for; `suggested` is the multiple of 128 below, None where that is too few."""

    def __init__(self, vocab_size: int, largest: int) -> None:
        self.largest = largest
        below = largest // PAD_MULTIPLE * PAD_MULTIPLE
        self.suggested = below if below > NUM_FIXED_PIECES else None
        advice = (
            f"give {below} or less, --shrink-to-fit, --pad-to-size, or a larger corpus"
            if self.suggested
            else "--pad-to-size or a larger corpus is needed"
        )
        super().__init__(f"--vocab-size {vocab_size}: the sample has pieces for {largest} at the most, rarest ones included; {advice}")


def _keep_bounded(counts: Counter[str]) -> None:
    """Drops the rarest where there are twice as many as will be used: memory stays bounded whatever the sample is."""
    smallest = 1
    while len(counts) > 2 * MAX_DISTINCT_PRETOKENS:
        for piece in [piece for piece, count in counts.items() if count <= smallest]:
            del counts[piece]
        smallest *= 2


def main(arguments: list[str] | None = None) -> int:
    """Trains and commits a tokenizer as the command line says."""
    args = _parser().parse_args(arguments)
    specials = SPECIAL_TOKENS | {token: len(SPECIAL_TOKENS) + number for number, token in enumerate(FIM_TOKENS if args.fim else ())}
    num_fixed = NUM_FIXED_PIECES + len(specials) - len(SPECIAL_TOKENS)
    if args.vocab_size <= num_fixed:
        raise InputError(
            f"--vocab-size {args.vocab_size}: {num_fixed} are taken by specials, bytes and control symbols; "
            f"give more, say {2 * num_fixed // PAD_MULTIPLE * PAD_MULTIPLE}"
        )
    if args.max_bytes < 1:
        raise InputError(f"--max-bytes {args.max_bytes}: at least 1 is needed")
    if not 0.9 <= args.character_coverage <= 1:
        raise InputError(f"--character-coverage {args.character_coverage}: a share from 0.9 to 1 is needed")
    if args.max_groups is not None and args.max_groups < 0:
        raise InputError(f"--max-groups {args.max_groups}: 0 for none, or a number")
    out = output_folder(args.out, args.endpoint)
    corpus = read_corpus(args.corpus, args.endpoint)
    weights = _parse_weights(args.domain_weights, corpus)
    started = time.monotonic()
    sample = _read_sample(corpus, weights, args.max_bytes)
    max_groups = args.vocab_size // GROUP_SHARE if args.max_groups is None else args.max_groups
    groups = mine_groups(sample.groups, sample.group_documents, min(max_groups, (args.vocab_size - num_fixed) // 2))
    counts = piece_counts(sample, groups)
    kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_DISTINCT_PRETOKENS]
    _say(
        f"training a {args.model_type} model of {args.vocab_size:,} pieces, {len(groups):,} of them groups, "
        f"on {len(kept):,} distinct pieces of text"
    )
    settings: dict[str, Any] = {
        "model_type": args.model_type,
        "character_coverage": args.character_coverage,
        "groups": groups,
        "more_specials": tuple(specials)[len(SPECIAL_TOKENS) :],
    }
    try:
        model = train_model(dict(kept), vocab_size=args.vocab_size, is_padded=args.pad_to_size, **settings)
    except TooFewPiecesError as error:
        if not args.shrink_to_fit or error.suggested is None:
            raise
        _say(f"the sample has pieces for {error.largest:,}, not for {args.vocab_size:,}: a vocabulary of {error.suggested:,} is trained")
        model = train_model(dict(kept), vocab_size=error.suggested, **settings)
    tokenizer = LatexTokenizer(model)
    num_unused = tokenizer.vocab_size - tokenizer.num_pieces
    if args.pad_to_size and num_unused >= PAD_MULTIPLE:
        _say(
            f"the sample has pieces for {tokenizer.num_pieces:,}, not for {args.vocab_size:,}: "
            f"{num_unused:,} rows are padding, which no text uses"
        )
    num_measured = sum(len(text.encode()) for text in sample.first_texts)
    bytes_per_token = num_measured / max(1, sum(len(tokenizer.encode(text)) for text in sample.first_texts))
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
            "rows_of_padding": num_unused,
            "special_tokens": specials,
            "user_symbols": [*USER_SYMBOLS, *groups],
            "character_coverage": args.character_coverage,
            "max_bytes": args.max_bytes,
            "domain_weights": weights,
            "sample": sample.books,
            "distinct_pretokens": {"found": len(counts), "used": len(kept)},
            "bytes_per_token_of_sample": round(bytes_per_token, 4),
            "corpus_fingerprint": corpus.fingerprint,
            "commit": source_commit(),
        },
    )
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    print(
        f"{out / 'tokenizer.model'}: {tokenizer.num_pieces:,} pieces, vocabulary {tokenizer.vocab_size:,} (a multiple of 128), "
        f"{bytes_per_token:.2f} bytes a token on its sample, {time.monotonic() - started:.0f} s, {peak_bytes / 1e6:,.0f} MB of memory"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROG, description="Trains a SentencePiece tokenizer on the training split of a corpus.")
    parser.add_argument("--corpus", required=True, metavar="DIR_OR_URI", help="corpus folder of a finished run, OUT/corpus")
    parser.add_argument("--endpoint", metavar="URL", help=ENDPOINT_HELP)
    parser.add_argument("--out", required=True, metavar="DIR_OR_URI", help="folder for tokenizer.model and manifest.json")
    parser.add_argument(
        "--vocab-size",
        type=_vocab_size,
        default=PRESETS["1p36b"],
        metavar="PIECES",
        help="pieces in all, or a preset: "
        + ", ".join(f"{name} ({size})" for name, size in PRESETS.items())
        + "; 1p36b makes the 24/2048/16/5504 shape 1.36B parameters; under 65500 an id is 2 bytes on disk",
    )
    parser.add_argument(
        "--max-groups",
        type=int,
        metavar="PIECES",
        help=f"frequent groups such as _{{i}} and (x) that get a piece; without it 1/{GROUP_SHARE} of the vocabulary at most",
    )
    short = parser.add_mutually_exclusive_group()
    short.add_argument(
        "--shrink-to-fit", action="store_true", help="where the sample has too few pieces, take as many as it has, to a multiple of 128"
    )
    short.add_argument(
        "--pad-to-size",
        action="store_true",
        help="where the sample has too few pieces, fill up with rows that no text uses, and say how many",
    )
    parser.add_argument(
        "--fim", action="store_true", help=f"reserve {', '.join(FIM_TOKENS)} for fill-in-the-middle, after the other specials"
    )
    parser.add_argument("--model-type", choices=("bpe", "unigram"), default="bpe", help="only bpe can be exported to Hugging Face")
    parser.add_argument("--max-bytes", type=int, default=1 << 29, metavar="BYTES", help="UTF-8 bytes of text in the sample")
    parser.add_argument(
        "--character-coverage",
        type=float,
        default=0.9999,
        metavar="SHARE",
        help=f"share of the sample's characters that get pieces of their own, besides those that occur {MIN_CHARACTER_COUNT} times; "
        "the rest go by bytes",
    )
    parser.add_argument(
        "--domain-weights",
        metavar="DOMAIN=WEIGHT,…",
        help="weight of a domain's bytes in the sample against its bytes in the corpus; 1 where none is given, 0 leaves it out",
    )
    return parser


def _vocab_size(given: str) -> int:
    return PRESETS[given] if given in PRESETS else int(given)


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


def _read_sample(corpus: Corpus, weights: Mapping[str, float], max_bytes: int) -> Sample:
    files: dict[str, list[CorpusFile]] = {}
    for file in corpus.files:
        if file.split == "train":
            files.setdefault(file.domain, []).append(file)
    shares = sample_shares({domain: sum(file.text_bytes for file in group) for domain, group in files.items()}, weights, max_bytes)
    _say(f"reading a sample of {sum(shares.values()) / 1e6:,.1f} MB from {len(shares)} domains")
    sample = Sample()
    measured_bytes = read_bytes = 0
    reported = time.monotonic()
    for domain, share in shares.items():
        book = sample.books[domain] = {"documents": 0, "bytes": 0}
        for text in _texts(files[domain]):
            if book["bytes"] >= share:
                break
            num_bytes = len(text.encode())
            book["documents"] += 1
            book["bytes"] += num_bytes
            read_bytes += num_bytes
            sample.add(text)
            if measured_bytes < _MEASURED_BYTES:
                sample.first_texts.append(text)
                measured_bytes += num_bytes
            if time.monotonic() - reported > _SECONDS_BETWEEN_LINES:
                reported = time.monotonic()
                _say(f"{read_bytes / 1e6:,.0f} of {sum(shares.values()) / 1e6:,.0f} MB read, {len(sample.pieces):,} distinct pieces")
    return sample


def mine_groups(counts: Mapping[str, int], num_documents: Mapping[str, int], max_groups: int) -> list[str]:
    """The groups that get a piece: the commonest of those that are frequent and not in a few documents only."""
    frequent = [
        group
        for group, count in counts.items()
        if count >= MIN_GROUP_COUNT and num_documents[group] >= MIN_GROUP_DOCUMENTS and group not in USER_SYMBOLS
    ]
    return sorted(frequent, key=lambda group: (-counts[group], group))[:max_groups]


def piece_counts(sample: Sample, groups: Sequence[str]) -> Counter[str]:
    """Counts of the pieces to learn from: those of the sample, and those of its groups, cut at the chosen ones."""
    counts = Counter(sample.pieces)
    symbols = sorted({*groups, *USER_SYMBOLS}, key=lambda symbol: (-len(symbol), symbol))  # the longest first
    symbol = re.compile("|".join(map(re.escape, symbols)))
    for group, count in sample.groups.items():
        for rest in symbol.split(group):
            for pretoken in pretokens(rest, with_groups=False):
                counts[pretoken] += count
    return counts


def _texts(files: list[CorpusFile]) -> Iterator[str]:
    for file in files:
        for document in read_documents(file.path):
            yield document["text"]


def frequent_characters(counts: Mapping[str, int], max_characters: int) -> str:
    """The characters that get a piece of their own for their count alone, as one string."""
    characters: Counter[str] = Counter()
    for pretoken, count in counts.items():
        for character in pretoken.replace(" ", ""):
            characters[character] += count
    frequent = [character for character, count in characters.items() if count >= MIN_CHARACTER_COUNT]
    return "".join(sorted(frequent, key=lambda character: (-characters[character], character))[:max_characters])


def train_model(
    counts: Mapping[str, int],
    *,
    vocab_size: int,
    model_type: str = "bpe",
    character_coverage: float = 0.9999,
    groups: Sequence[str] = (),
    more_specials: Sequence[str] = (),
    is_padded: bool = False,
) -> bytes:
    """Counts of pieces of text → a SentencePiece model of exactly `vocab_size` pieces.

    BPE ends where every counted piece is one piece of the model, so a small text fills a bounded vocabulary, however rare its words are.
    Where it is too small, unused pieces fill up the model if `is_padded`; else `TooFewPiecesError` says how many there are.
    """
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
            required_chars=frequent_characters(counts, vocab_size // CHARACTER_SHARE),
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
            user_defined_symbols=[*USER_SYMBOLS, *groups],
            control_symbols=list(more_specials),
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
    if len(model.pieces) != vocab_size and not is_padded:
        raise TooFewPiecesError(vocab_size, len(model.pieces))
    for number in range(vocab_size - len(model.pieces)):
        # no text gives it: merges build pieces from pieces, and none of them holds a part of such a name with digits in it
        model.pieces.add(piece=f"<unused {number}>", score=0.0, type=model_format.ModelProto.SentencePiece.UNUSED)
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
