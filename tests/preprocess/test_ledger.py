import io
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from preprocess.config import Config
from preprocess.ledger import LEDGER_SCHEMA, TarBooks, check_conservation, encode_table, ledger_row, read_books, read_column
from preprocess.pipeline import process_paper
from preprocess.records import Document, Outcome
from shards.errors import InputError
from tests.preprocess.tiny import TEX, packed, raw_paper

TAR = "arXiv_src_2402_001.tar"


def outcomes() -> list[tuple[bytes, Outcome]]:
    payloads = [packed(TEX), b"", packed(b"\\documentclass{article}\\begin{document}\\end{document}")]
    return [(payload, process_paper(raw_paper(payload), Config())) for payload in payloads]


def write_ledger(out: Path, unit: str) -> None:
    rows = [ledger_row(raw_paper(payload), outcome) for payload, outcome in outcomes()]
    (out / "ledger").mkdir(exist_ok=True)
    (out / "ledger" / f"{unit}.parquet").write_bytes(encode_table(rows, LEDGER_SCHEMA))


def test_rows_say_what_became_of_a_member(tmp_path: Path) -> None:
    write_ledger(tmp_path, "u")
    table = pq.read_table(tmp_path / "ledger/u.parquet")
    assert table.schema == LEDGER_SCHEMA
    document, empty, no_text = table.to_pylist()
    _, paper = outcomes()[0]
    assert isinstance(paper, Document)
    assert (document["outcome"], document["stage"], document["reason"], document["detail"]) == ("document", None, None, None)
    assert (document["bytes_in"], document["tex_bytes"], document["characters_out"]) == (len(packed(TEX)), len(TEX), len(paper.text))
    assert (document["text_sha256"], document["document_class"], document["num_words"]) == (paper.text_sha256, "article", paper.num_words)
    assert dict(document["dropped_characters"]) == paper.dropped_characters
    assert (document["quality"], empty["quality"]) == (asdict(paper.quality), None)
    assert (empty["outcome"], empty["stage"], empty["reason"], empty["bytes_in"]) == ("rejected", "validate", "empty_member", 0)
    assert (no_text["stage"], no_text["reason"], no_text["characters_out"], no_text["text_sha256"]) == ("normalise", "empty_text", 0, None)
    assert [row["tar"] for row in (document, empty, no_text)] == [TAR] * 3


def test_a_unit_of_nothing_but_documents_has_the_same_types() -> None:
    payload, outcome = outcomes()[0]
    only = pq.read_table(io.BytesIO(encode_table([ledger_row(raw_paper(payload), outcome)], LEDGER_SCHEMA)))
    none = pq.read_table(io.BytesIO(encode_table([], LEDGER_SCHEMA)))
    assert only.schema == none.schema == LEDGER_SCHEMA


def test_the_bytes_depend_on_the_rows_alone() -> None:
    rows = [ledger_row(raw_paper(payload), outcome) for payload, outcome in outcomes()]
    assert encode_table(rows, LEDGER_SCHEMA) == encode_table([dict(reversed(row.items())) for row in rows], LEDGER_SCHEMA)
    payload, outcome = outcomes()[0]
    assert isinstance(outcome, Document)
    turned = replace(outcome, warnings={"b": 1, "a": 2}), replace(outcome, warnings={"a": 2, "b": 1})
    assert ledger_row(raw_paper(payload), turned[0]) == ledger_row(raw_paper(payload), turned[1])


def test_books_are_summed_by_tar(tmp_path: Path) -> None:
    for unit in ("a", "b", "c"):
        write_ledger(tmp_path, unit)
    books = read_books(tmp_path, {"one.tar": ["a", "b"], "two.tar": ["c"], "none.tar": []})
    assert books["one.tar"] == TarBooks(num_members=6, num_documents=2, rejections={"empty_member": 2, "empty_text": 2})
    assert books["two.tar"].num_documents == 1
    assert books["none.tar"] == TarBooks(num_members=0, num_documents=0, rejections={})
    check_conservation(books, {"one.tar": 6, "two.tar": 3, "none.tar": 0})
    assert read_column(tmp_path / "ledger/a.parquet", "reason") == [None, "empty_member", "empty_text"]


@pytest.mark.parametrize("members, rows, documents, rejected", [(7, 6, 2, 4), (6, 7, 2, 4), (6, 6, 1, 4), (6, 6, 3, 4), (5, 6, 2, 3)])
def test_books_that_do_not_balance_are_an_error(members: int, rows: int, documents: int, rejected: int) -> None:
    books = {TAR: TarBooks(num_members=rows, num_documents=documents, rejections={"empty_member": rejected})}
    with pytest.raises(
        InputError, match=f"{TAR}: the books do not balance: {members} members in, {rows} ledger rows, {documents} documents"
    ):
        check_conservation(books, {TAR: members})


def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    for content in (None, b"", b"PAR1 no"):
        if content is not None:
            (tmp_path / "ledger/u.parquet").write_bytes(content)
        with pytest.raises(InputError, match=r"ledger/u\.parquet: not a readable ledger .*; remove units/u\.json and run again"):
            read_books(tmp_path, {TAR: ["u"]})
    write_ledger(tmp_path, "u")
    with pytest.raises(InputError, match="not a readable ledger"):
        read_column(tmp_path / "ledger/u.parquet", "no_such_column")
