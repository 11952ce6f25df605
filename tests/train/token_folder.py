"""A folder of token shards as `tools.tokenize_shards` leaves it, with made-up documents that a small model can learn."""

import random
from pathlib import Path

from shards.manifest import write_manifest
from shards.token_shard import TokenShardWriter

VOCAB_SIZE = 256
EOD = 0
SHA256 = "ab" * 32
BYTES_PER_TOKEN = 3
NUM_DOCUMENTS = {"math": 60, "physics": 30}


def write_token_folder(
    folder: Path, *, vocab_size: int = VOCAB_SIZE, sha256: str = SHA256, seed: int = 1, num_documents: dict[str, int] | None = None
) -> Path:
    """Writes the folder and gives it. In a document a token follows from the one before it, but for four choices."""
    chance = random.Random(seed)
    sets = {}
    for domain, number in (num_documents or NUM_DOCUMENTS).items():
        for split, num in (("train", number), ("validation", max(2, number // 10))):
            with TokenShardWriter(folder / domain / split, vocab_size=vocab_size, frame_bytes=512) as writer:
                for index in range(num):
                    tokens = [chance.randrange(1, vocab_size)]
                    for _ in range(chance.randrange(20, 160)):
                        tokens.append((tokens[-1] * 3 + chance.randrange(4)) % (vocab_size - 1) + 1)
                    writer.add_document(
                        [*tokens, EOD], f"{domain}-{split}-{index}", text_bytes=BYTES_PER_TOKEN * len(tokens), math_share=index % 10 / 10
                    )
            counts = writer.counts
            sets[f"{domain}/{split}"] = {"documents": counts.documents, "tokens": counts.tokens, "text_bytes": counts.text_bytes}
    (folder / "tokenizer.model").write_bytes(b"a stand-in for a tokenizer")
    tokenizer = {"vocab_size": vocab_size, "eod_id": EOD, "sha256": sha256, "file": "tokenizer.model"}
    write_manifest(folder / "manifest.json", {"tokenizer": tokenizer, "sets": sets})
    return folder
