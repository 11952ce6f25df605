"""The report's figures, on texts small enough to count by hand, for every make of tokenizer."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from shards.errors import InputError
from tests.tools.small_corpus import sample_text
from tools import evaluate_tokenizer
from tools.any_tokenizer import AnyTokenizer, SentencePieceModel, open_tokenizer
from tools.hf_tokenizer import tokenizer_json
from tools.tokenizer import LatexTokenizer
from tools.tokenizer_measures import Measures, commonest_sequences
from tools.tokenizer_report import html_report
from tools.train_tokenizer import NUM_FIXED_PIECES, train_model

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = "let $\\alpha \\in x$ be 12, \\[ \\int_{0}^{17} \\] \\\\alpha é.\n\n\\begin{equation}\nx\n\\end{equation}\n"


def ranks_file(folder: Path, tokens: list[bytes]) -> Path:
    """A `.tiktoken` file: every byte, then `tokens` in order."""
    every = [bytes([byte]) for byte in range(256)] + tokens
    path = folder / "small.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(token) + f" {rank}\n".encode() for rank, token in enumerate(every)))
    return path


def llama_style(folder: Path) -> Path:
    import io

    import sentencepiece

    sink = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for seed in range(12) for line in sample_text(seed).split("\n")]),
        model_writer=sink,
        model_type="bpe",
        vocab_size=500,
        normalization_rule_name="identity",
        byte_fallback=True,
        split_digits=True,
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
    path = folder / "llama.model"
    path.write_bytes(sink.getvalue())
    return path


@pytest.fixture(scope="module")
def of_every_make(tokenizer: LatexTokenizer, tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, AnyTokenizer]:
    folder = tmp_path_factory.mktemp("makes")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(tokenizer)))
    tekken = {
        "config": {"pattern": r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+", "default_vocab_size": 260, "default_num_special_tokens": 2},
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode()}
            for rank, token in enumerate([*(bytes([byte]) for byte in range(256)), b"al", b"in", b"unused"])
        ],
    }
    (folder / "tekken.json").write_text(json.dumps(tekken))
    return {
        "ours": open_tokenizer(tokenizer_folder),
        "json": open_tokenizer(folder / "tokenizer.json"),
        "tiktoken": open_tokenizer(ranks_file(folder, [b"al", b"pha", b"alpha", b" \\", b" \\alpha", b"in", b"\\in"])),
        "tekken": open_tokenizer(folder / "tekken.json"),
        "llama": open_tokenizer(llama_style(folder)),
    }


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from([TEXT, sample_text(3), "", " a", "\n\n"]))
def test_tokens_cover_every_byte_once(of_every_make: dict[str, AnyTokenizer], text: str) -> None:
    for name, tokenizer in of_every_make.items():
        encoding = tokenizer.encode(text)
        assert encoding.edges[0] == 0, name
        assert encoding.edges[-1] == (len(text.encode()) if len(encoding.ids) else 0), name
        assert (encoding.edges[1:] >= encoding.edges[:-1]).all(), name
        assert len(encoding.ids) == len(encoding.edges) - 1 == len(encoding.is_rare), name


def test_both_faces_of_ours_say_the_same(of_every_make: dict[str, AnyTokenizer]) -> None:
    for text in (TEXT.replace("é", "e"), sample_text(5)):  # inside a character offsets of `tokenizers` are the character's
        one, other = of_every_make["ours"].encode(text), of_every_make["json"].encode(text)
        assert one.ids.tolist() == other.ids.tolist()
        assert one.edges.tolist() == other.edges.tolist()
        assert one.is_rare.tolist() == other.is_rare.tolist()


def test_ranks_merge_as_ranks_do(of_every_make: dict[str, AnyTokenizer]) -> None:
    tokenizer = of_every_make["tiktoken"]
    pieces = [tokenizer.piece(int(number)) for number in tokenizer.encode("alpha \\alpha in").ids]
    assert pieces == ["alpha", " \\", "alpha", " ", "in"]  # the pattern parts the backslash's word; no token ` in`
    assert tokenizer.decode(tokenizer.encode(TEXT).ids.tolist()) == TEXT


def figures(tokenizer: AnyTokenizer, text: str, **options: Any) -> dict[str, Any]:
    measures = Measures(tokenizer)
    measures.add("2401.00001", "math", text)
    rows = measures.counts_of_ids
    settings_ = {"commonest": commonest_sequences([text]), "counts_of_rows": rows, "num_rows": tokenizer.num_pieces, "with_examples": True}
    return measures.summary(**settings_ | options)


def test_figures_of_ours_by_hand(of_every_make: dict[str, AnyTokenizer]) -> None:
    tokenizer = of_every_make["ours"]
    found = figures(tokenizer, TEXT)
    num_tokens = len(tokenizer.encode(TEXT).ids)
    assert (found["bytes"], found["tokens"]) == (len(TEXT.encode()), num_tokens)
    assert found["bytes_per_token"] == round(len(TEXT.encode()) / num_tokens, 6)
    sequences = found["control_sequences"]
    # \alpha \in \[ \int \] \\ \begin \end: the second alpha follows a line break
    assert (sequences["count"], sequences["distinct"], sequences["commonest"]) == (8, 8, 8)
    assert sequences["whole"] == sequences["commonest_whole_and_stable"] == 1.0
    assert sequences["parted_per_100000"] == 0
    assert found["environments"] == {"distinct": 1, "begin_and_end_agree": 1.0}
    assert found["numbers"] == {"count": 3, "tokens_apart_from_the_rest": 1.0, "digit_by_digit": 1.0, "tokens_per_digit": 1.0}
    assert found["fidelity"] == {"documents_that_come_back": 1.0, "whitespace_runs_that_come_back": 1.0}
    num_bytes = sum(tokenizer.piece(int(number)).startswith("<0x") for number in tokenizer.encode(TEXT).ids)
    assert found["byte_fallback_share"] == round(num_bytes / num_tokens, 6)
    assert num_bytes >= 2  # é
    assert found["bytes_per_token_by_kind"].keys() == {"prose", "inline_math", "display_math"}


def test_a_tokenizer_that_parts_commands_is_shown_to(of_every_make: dict[str, AnyTokenizer]) -> None:
    text = "$a \\alpha$ ${\\alpha}$ $x\\alpha$ " * 5
    found = figures(of_every_make["llama"], text)
    assert found["control_sequences"]["parted_per_100000"] > 0
    assert found["control_sequences"]["commonest_whole_and_stable"] == 0
    worst = found["worst"]["parted"][0]
    assert (worst["what"], worst["first_in"]) == ("\\alpha", "2401.00001")
    assert worst["count"] in (5, 10, 15)
    assert "worst" not in figures(of_every_make["llama"], text, with_examples=False)


def test_a_token_that_holds_a_command_and_more_is_joined_to_it(of_every_make: dict[str, AnyTokenizer], tmp_path: Path) -> None:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"\\alpha{": 0, "x": 1, "[UNK]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("x", behavior="isolated")
    path = tmp_path / "words.json"
    path.write_text(tokenizer.to_str())
    found = figures(open_tokenizer(path), "\\alpha{x")
    assert [entry["what"] for entry in found["worst"]["joined"]] == ["\\alpha"]
    assert found["control_sequences"]["whole"] == 0
    assert found["control_sequences"]["parted_per_100000"] == 0


def test_rows_that_nothing_trains_are_counted(of_every_make: dict[str, AnyTokenizer]) -> None:
    tokenizer = of_every_make["ours"]
    rows = figures(tokenizer, TEXT, num_rows=tokenizer.num_pieces + 360)["rows"]
    used = len(set(tokenizer.encode(TEXT).ids.tolist()))
    assert (rows["rows"], rows["without_a_piece"]) == (tokenizer.num_pieces + 360, 360)
    assert rows["never_used"] == tokenizer.num_pieces + 360 - used
    assert figures(tokenizer, TEXT, num_rows=10)["rows"]["ids_past_the_last_row"] > 0
    padded = SentencePieceModel(train_model({"let": 9, " be": 5}, vocab_size=NUM_FIXED_PIECES + 100, is_padded=True), "padded")
    assert padded.num_pieces < padded.num_rows == NUM_FIXED_PIECES + 100
    rows = figures(padded, TEXT, num_rows=padded.num_rows)["rows"]
    assert rows["without_a_piece"] == padded.num_rows - padded.num_pieces
    assert rows["never_used"] >= rows["without_a_piece"]


def test_no_text_gives_figures_and_no_division_by_nothing(of_every_make: dict[str, AnyTokenizer]) -> None:
    for tokenizer in of_every_make.values():
        found = figures(tokenizer, "")
        assert found["bytes_per_token"] is None
        assert found["control_sequences"]["whole"] is None


def run(corpus: Path, out: Path, *flags: str) -> dict[str, Any]:
    evaluate_tokenizer.main(["--corpus", str(corpus), "--out", str(out), *flags])
    found: dict[str, Any] = json.loads((out / "tokenizer_report.json").read_bytes())
    return found


def test_the_command_writes_both_reports(corpus_folder: Path, tokenizer_folder: Path, tmp_path: Path) -> None:
    flags = ["--tokenizer", f"ours={tokenizer_folder}", "--tokenizer", f"<llama>={llama_style(tmp_path)}"]
    report = run(corpus_folder, tmp_path / "report", *flags)
    assert list(report["tokenizers"]) == sorted(["ours", "<llama>"])
    assert sorted(report["papers"]) == [f"2401.{seed:05d}" for seed in (16, 17, 18, 19, 28, 29)]
    assert report["tokenizers"]["ours"]["bytes_per_token_math"] > report["tokenizers"]["<llama>"]["bytes_per_token_math"]
    page = (tmp_path / "report" / "tokenizer_report.html").read_text()
    assert "&lt;llama&gt;" in page
    assert "<llama>" not in page
    assert page == html_report(report | {"tokenizers": {name: report["tokenizers"][name] for name in ("ours", "<llama>")}})
    assert page.count("<table>") >= 6
    again = run(corpus_folder, tmp_path / "again", *flags, "--no-examples")
    assert "worst" not in again["tokenizers"]["ours"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--tokenizer", "x=no/such.model"], "cannot be read"),
        (["--tokenizer", "=README.md"], "NAME=FILE"),
        (["--tokenizer", "x=README.md"], "no SentencePiece model"),
        (["--tokenizer", "x=broken.json"], r"is no tokenizer\.json"),
        (["--tokenizer", "x=broken.tiktoken"], "no base64 token"),
        (["--max-bytes", "0"], "at least 1"),
        (["--model-vocab-size", "0"], "at least 1"),
        (["--corpus", "no/such"], "no such folder"),
    ],
)
def test_bad_input_is_said_and_leaves_nothing(
    corpus_folder: Path, tokenizer_folder: Path, tmp_path: Path, flags: list[str], says: str
) -> None:
    (tmp_path / "broken.json").write_text("{}")
    (tmp_path / "broken.tiktoken").write_text("not base64 at all")
    flags = [flag.replace("x=broken", f"x={tmp_path}/broken") for flag in flags]
    with pytest.raises(InputError, match=says):
        evaluate_tokenizer.main(
            ["--corpus", str(corpus_folder), "--tokenizer", f"a={tokenizer_folder}", "--out", str(tmp_path / "out"), *flags]
        )
    assert not (tmp_path / "out").exists()


def test_the_command_line_answers_in_one_line() -> None:
    command = [sys.executable, "-m", "tools.evaluate_tokenizer", "--corpus", "no/such", "--tokenizer", "x", "--out", "y"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
