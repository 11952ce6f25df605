"""A finished corpus made by hand, as `preprocess run` leaves it: text shards by domain, split and bucket, and the manifest."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shards.fingerprint import fingerprint
from shards.manifest import write_manifest
from shards.text_shard import encode_text_shard

_PROSE = "the group of sheaves over a scheme acts on every module so that we prove lemma theorem by induction curvature bound"
_WORDS = _PROSE.split()
_FORMULAS = (
    r"$\int_{0}^{1} f(x)\,dx = \frac{a}{b}$",
    r"$x \in \mathbb{R}^{n}$",
    r"\[ \sum_{i=1}^{n} \alpha_{i} \leq \infty \]",
    "\\begin{equation}\n\\nabla \\cdot E = \\rho \\\\\n\\end{equation}",
    r"$\alpha + \beta \to \gamma$",
    r"costs 5\,\% or \$10 in 1998",
)


def sample_text(seed: int, num_paragraphs: int = 6) -> str:
    """A text in the grammar of the corpus, another for each seed."""
    order = random.Random(seed)
    made_up = ["".join(order.choices("abcdefghijklmnoprstuvz", k=order.randint(3, 8))) for _ in range(12)]
    paragraphs = [f"# On {order.choice(made_up)}"]
    for _ in range(num_paragraphs):
        parts = [order.choice(_FORMULAS if order.random() < 0.2 else [*_WORDS, *made_up]) for _ in range(40)]
        paragraphs.append(" ".join(parts) + f" [cite:{order.randint(1, 30)}].")
    return "\n\n".join(paragraphs)


def write_corpus(folder: Path, files: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """Writes `{"math/train-00000": [(id, text), …]}` as a corpus folder; gives the folder."""
    entries = {}
    for stem, documents in files.items():
        name = f"{stem}.jsonl.zst"
        domain, _, file = stem.partition("/")
        content = encode_text_shard(
            {"id": document_id, "text": text, "domain": domain, "math_share": share_of_dollars(text)} for document_id, text in documents
        )
        (folder / domain).mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        entries[name] = {
            "domain": domain,
            "split": file.partition("-")[0],
            "bucket": int(file.partition("-")[2]),
            "documents": len(documents),
            "characters": sum(len(text) for _, text in documents),
            "text_bytes": sum(len(text.encode()) for _, text in documents),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
    made_from = fingerprint({name: entry["sha256"] for name, entry in entries.items()})
    write_manifest(folder / "manifest.json", {"format": 1, "fingerprint": made_from, "files": entries})
    return folder


def share_of_dollars(text: str) -> float:
    """Stands in for the share of mathematics."""
    return text.count("$") / max(1, len(text))


def numbered(seeds: Sequence[int]) -> Iterator[tuple[str, str]]:
    """`(id, text)` of a document for each seed."""
    for seed in seeds:
        yield f"2401.{seed:05d}", sample_text(seed)


def small_corpus(folder: Path) -> Path:
    """30 documents: two domains, two training buckets of one, and a validation split whose texts nobody trains on."""
    return write_corpus(
        folder,
        {
            "math/train-00000": list(numbered(range(10))),
            "math/train-00003": list(numbered(range(10, 16))),
            "math/validation-00001": list(numbered(range(16, 20))),
            "cs/train-00000": list(numbered(range(20, 28))),
            "cs/validation-00000": list(numbered(range(28, 30))),
        },
    )
