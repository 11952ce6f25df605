import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.fingerprint import canonical_json, file_digest, fingerprint, text_hash, unit_interval

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    limit: int
    names: frozenset[str]


@given(VALUES)
def test_canonical_json_is_json_without_loss(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(), min_size=2))
def test_order_has_no_say(mapping: dict[str, int]) -> None:
    assert fingerprint(mapping) == fingerprint(dict(reversed(mapping.items())))


def test_the_fingerprint_is_that_of_the_written_form() -> None:
    # fixed by hand: fingerprints stand in manifests, and another one makes everything again
    written = '{"limit":3,"names":["a","é"]}'
    assert canonical_json(Settings(limit=3, names=frozenset({"é", "a"}))) == written.encode()
    assert fingerprint(Settings(limit=3, names=frozenset({"é", "a"}))) == hashlib.sha256(written.encode()).hexdigest()[:32]
    assert fingerprint({"limit": 3, "names": ["a", "é"]}) != fingerprint({"limit": 4, "names": ["a", "é"]})
    assert text_hash("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()[:32]


@pytest.mark.parametrize("value", [object(), b"bytes", Settings])
def test_what_has_no_canonical_form_is_an_error(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical JSON form"):
        canonical_json(value)


def test_unit_interval_is_uniform_and_depends_on_key_and_salt() -> None:
    values = [unit_interval(f"2401.{number:05d}", "split") for number in range(20_000)]
    assert all(0 <= value < 1 for value in values)
    shares = [sum(low <= value < low + 0.1 for value in values) / len(values) for low in (0.0, 0.1, 0.5, 0.9)]
    assert all(abs(share - 0.1) < 0.01 for share in shares)
    assert unit_interval("a", "split") == unit_interval("a", "split") != unit_interval("a", "order")
    assert unit_interval("b", "xa") != unit_interval("xb", "a")


def test_a_file_is_digested_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000  # more than one piece
    (tmp_path / "file").write_bytes(content)
    assert file_digest(tmp_path / "file", "md5") == hashlib.md5(content).hexdigest()
    assert file_digest(str(tmp_path / "file"), "sha256") == hashlib.sha256(content).hexdigest()
