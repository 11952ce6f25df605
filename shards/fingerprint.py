"""Fingerprints: what an output was made from, as one short hash, so that different makings are never mixed."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from shards.store import Place, open_binary

FINGERPRINT_HEX_DIGITS = 32
_READ_BYTES = 1 << 20


def canonical_json(value: Any) -> bytes:
    """`value` as JSON bytes that depend on its content alone: sorted keys, no spaces, UTF-8; dataclasses as objects."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def fingerprint(value: Any) -> str:
    """32 hexadecimal digits of the SHA-256 of `value`'s canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:FINGERPRINT_HEX_DIGITS]


def text_hash(text: str) -> str:
    """32 hexadecimal digits of the SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_HEX_DIGITS]


def unit_interval(key: str, salt: str) -> float:
    """A number in [0, 1) that depends on `key` and `salt` alone, uniform over keys: for splits and samples."""
    digest = hashlib.sha256(f"{salt}\0{key}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def file_digest(path: str | Place, algorithm: str) -> str:
    """Hexadecimal digest of a whole file, read in pieces."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open_binary(Path(path) if isinstance(path, str) else path) as handle:
        while piece := handle.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()
