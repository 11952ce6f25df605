"""The look into token shards: figures that can be checked by hand, documents by number and by id, damage found and named."""

import hashlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from shards.errors import InputError
from shards.manifest import write_manifest
from shards.token_shard import TokenShardWriter, with_suffix
from tools import inspect_tokens
from tools.token_units import SUFFIXES
from tools.tokenizer import LatexTokenizer

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = {
    "cs/train": [("cs/0504001", "a"), ("2401.00007", "Let $x \\in \\mathbb{R}$.\n\nThen ▁ \\\\alpha.")],
    "math/validation": [("math/9901001", ""), ("2401.00009", "b " * 200)],
}


@pytest.fixture
def tokens(tokenizer: LatexTokenizer, tmp_path: Path) -> Path:
    sets = {}
    for name, documents in DOCUMENTS.items():
        with TokenShardWriter(tmp_path / name, vocab_size=tokenizer.vocab_size, frame_bytes=64) as writer:
            for arxiv_id, text in documents:
                writer.add_document([*tokenizer.encode(text), tokenizer.eod_id], arxiv_id, text_bytes=len(text.encode()))
        files = {}
        for suffix in SUFFIXES:
            content = with_suffix(tmp_path / name, suffix).read_bytes()
            files[suffix] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        sets[name] = {"files": files, **asdict(writer.counts)}
    (tmp_path / "tokenizer.model").write_bytes(tokenizer.model)
    write_manifest(tmp_path / "manifest.json", {"sets": sets})
    return tmp_path


def rows(output: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in output.splitlines()}


def test_statistics(tokens: Path, tokenizer: LatexTokenizer, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect_tokens.main([str(tokens)]) == 0
    found = rows(capsys.readouterr().out)
    assert list(found) == ["set", *DOCUMENTS]
    lengths = [len(tokenizer.encode(text)) + 1 for _, text in DOCUMENTS["math/validation"]]
    documents, num_tokens, bytes_per_token, _, median, _, longest, dtype, frames, _ = found["math/validation"]
    assert (documents, num_tokens, longest) == ("2", str(sum(lengths)), str(max(lengths)))
    assert bytes_per_token == f"{400 / sum(lengths):.3f}"
    assert median == f"{sum(lengths) / 2:.0f}"
    assert dtype == "uint16"
    assert int(frames) == -(-2 * sum(lengths) // 64)


@pytest.mark.parametrize("suffix", ["", ".idx", ".bin.zst"])
def test_a_document_by_its_number(tokens: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    inspect_tokens.main([str(tokens / f"cs/train{suffix}"), "--document", "1"])
    shown = capsys.readouterr()
    assert shown.out == DOCUMENTS["cs/train"][1][1] + "\n"
    assert "id 2401.00007" in shown.err


def test_a_document_by_its_id(tokens: Path, tokenizer: LatexTokenizer, capsys: pytest.CaptureFixture[str]) -> None:
    inspect_tokens.main([str(tokens), "--document", "2401.00009"])
    shown = capsys.readouterr()
    assert shown.out == "b " * 200 + "\n"
    assert "math/validation, document 1" in shown.err
    inspect_tokens.main([str(tokens), "--document", "math/9901001", "--ids"])
    assert capsys.readouterr().out == f"{tokenizer.eod_id}\t'</s>'\n"


def test_what_is_whole_is_said_to_be(tokens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect_tokens.main([str(tokens), "--verify"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["ok", "ok"]
    (tokens / "manifest.json").unlink()
    assert inspect_tokens.main([str(tokens / "cs/train"), "--verify"]) == 0
    assert "no manifest lists it" in capsys.readouterr().out


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_damage_is_found_and_named(tokens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(tokens / "math/validation.bin.zst", 40)
    assert inspect_tokens.main([str(tokens), "--verify"]) == 1
    whole, damaged = capsys.readouterr().out.splitlines()
    assert whole.startswith("ok       cs/train")
    assert "validation.bin.zst: frame" in damaged


def test_what_no_checksum_of_a_frame_sees_the_manifest_does(tokens: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(tokens / "cs/train.idx", -1 - 8)  # the first document ends elsewhere
    assert inspect_tokens.main([str(tokens / "cs/train"), "--verify"]) == 1
    assert "SHA-256" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing"], "neither a folder nor a set"),
        (["."], "no such manifest"),
        (["cs/train", "--document", "2"], "holds 2, numbered from 0"),
        (["cs/train", "--document", "2401.00009"], "no document of this id"),
        (["cs/train", "--ids"], "give --document"),
        (["cs/train", "--document", "0", "--tokenizer", "missing.model"], "no such tokenizer"),
    ],
)
def test_bad_input_is_said(tokens: Path, arguments: list[str], says: str) -> None:
    place = tokens / arguments[0] if arguments[0] != "." else tokens / "cs"
    with pytest.raises(InputError, match=says):
        inspect_tokens.main([str(place), *arguments[1:]])


def test_a_number_needs_one_set(tokens: Path) -> None:
    with pytest.raises(InputError, match=r"there are 2 sets; name one"):
        inspect_tokens.main([str(tokens), "--document", "0"])


def test_the_command_line_answers_in_one_line() -> None:
    answer = subprocess.run([sys.executable, "-m", "tools.inspect_tokens", "no/such"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
