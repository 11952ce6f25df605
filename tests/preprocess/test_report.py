"""The yield report against the ledgers it is made from: every figure is computed here once more, from rows."""

import dataclasses
import os
import re
from collections import Counter, defaultdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.__main__ import main
from preprocess.config import Config, CorpusConfig, recorded
from preprocess.corpus.build import build_corpus
from preprocess.corpus.records import CorpusReason
from preprocess.ledger import METRICS_SCHEMA, encode_table, read_books
from preprocess.records import RejectReason, Stage
from preprocess.report import books as report_books
from preprocess.report import write_report
from preprocess.report.books import Timings, Waits
from preprocess.report.page import MAX_GROUPS, MAX_TARS, bottleneck, page
from preprocess.report.words import CORPUS_REASONS, DROPPED_KINDS, REJECT_REASONS, STAGES, WARNING_KINDS
from preprocess.run import run_content
from preprocess.sources.manifest import ManifestEntry
from preprocess.sources.metadata import MetadataSummary
from preprocess.sources.tars import Member, TarListing
from shards.errors import InputError
from shards.manifest import read_manifest, write_manifest
from shards.page import num_bytes, number, percent, seconds, shares, short
from tests.preprocess.run_folder import Paper, metadata_line, words, write_metadata, write_unit

CONFIG = Config(corpus=CorpusConfig(bucket_bits=2, validation_share=0.2))
CUT, WHOLE, ODD = "arXiv_src_0002_001.tar", "arXiv_src_9912_001.tar", "arXiv_src_2402_001.tar"
NUM_ODD = len(RejectReason) + 9 + 8
NUM_MEMBERS = 24 + 10 + NUM_ODD
UNSAFE = '<script>alert("1")</script> & <b>'
SECTIONS = ["summary", "flow", "rejected", "left-out", "tars", "yield", "texts", "inside", "warnings", "time", "config"]
VOID = {"meta", "wbr", "rect", "line"}


class Page(HTMLParser):
    """A page's sections, tables (by caption, rows of cell texts) and attributes; checks that tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: dict[str, str] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.titles: list[str] = []
        self.open: list[str] = []
        self.section = self.caption = ""
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
            self.sections[self.section] = ""
        elif tag == "table":
            self.rows, self.caption = [], ""
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "title":
            self.titles.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "section":
            self.section = ""
        elif tag == "table":
            assert self.caption not in self.tables
            self.tables[self.caption] = [[" ".join(cell.split()) for cell in row] for row in self.rows]

    def handle_data(self, data: str) -> None:
        if self.section:
            self.sections[self.section] += data
        if "title" in self.open:
            self.titles[-1] += data
        elif "caption" in self.open:
            self.caption += data
        elif {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def rows_of(self, caption: str) -> dict[str, list[str]]:
        """A table's rows by the first word of their first cell."""
        _, *rows = self.tables[caption]
        return {row[0].split(" ")[0] if row[0] else "": row[1:] for row in rows}


def listing(tar: str, num_members: int, *, is_truncated: bool = False) -> TarListing:
    members = tuple(Member(name=f"m{index}", offset=0, size=1, available=1) for index in range(num_members))
    return TarListing(
        path=tar, name=tar, num_bytes=1_000_000, md5=f"md5 of {tar}", members=members, num_folders=1, is_truncated=is_truncated
    )


def finish(folder: Path, listings: list[TarListing], config: Config = CONFIG) -> None:
    """Makes of a hand-made extraction what `preprocess run` leaves: the corpus and the run's books."""
    corpus = build_corpus(folder, config)
    tars = {tar.name: [f"{tar.name.removesuffix('.tar')}-00000"] for tar in listings}
    stated = {
        WHOLE: ManifestEntry(name=WHOLE, md5=f"md5 of {WHOLE}", num_bytes=1_000_000, num_items=24),
        CUT: ManifestEntry(name=CUT, md5="another", num_bytes=2_000_000, num_items=13),
        "arXiv_src_2403_001.tar": ManifestEntry(name="arXiv_src_2403_001.tar", md5="m", num_bytes=1, num_items=5),
    }
    metadata = MetadataSummary(num_papers=1, num_months=1, num_withdrawn=0, num_repeated_ids=0, snapshot_sha256="5" * 64, was_built=True)
    write_manifest(folder / "run.json", run_content(listings, stated, read_books(folder, tars), metadata, corpus, config))


def write_metrics(folder: Path, hosts: str = "node", factor: float = 1.0) -> None:
    (folder / "metrics").mkdir(exist_ok=True)
    for index_of_host, path in enumerate(sorted((folder / "ledger").glob("arXiv*.parquet"))):
        rows = [
            {
                "id": row["id"],
                "member": row["member"],
                "validate_seconds": 0.25 * factor,
                "extract_seconds": factor * (index + 1),
                "normalise_seconds": 0.5 * factor,
                "host": f"{hosts}-{index_of_host}",
                "process": 7,
                "attempt": 2 if index == 3 else 1,
                "peak_memory_bytes": 1_000_000 * (index + 1),
                "read_seconds": 0.25 * factor,
                "cpu_seconds": factor * (index + 1),
                "write_seconds": 0.125 * factor,
                "read_from": "network",
                "written_to": "disk",
            }
            for index, row in enumerate(pq.read_table(path, columns=["id", "member"]).to_pylist())
        ]
        (folder / "metrics" / path.name).write_bytes(encode_table(rows, METRICS_SCHEMA))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three tars: 24 good papers, a cut tar of 10, and one of every rejection and exclusion."""
    folder = tmp_path_factory.mktemp("report") / "out"
    good = [Paper(arxiv_id=f"math/9912{number:03d}", text=words(f"g{number}", 200 + 40 * number)) for number in range(1, 25)]
    cut = [
        Paper(arxiv_id=f"hep-th/0002{number:03d}", text=words(f"c{number}", 600), math_share=number / 10, document_class="revtex4")
        for number in range(9)
    ]
    odd = [
        *(Paper(arxiv_id=f"2402.1{index:04d}", reason=reason.value) for index, reason in enumerate(RejectReason)),
        *(Paper(arxiv_id=f"2402.2{index:04d}", reason="pdf_only") for index in range(9)),
        Paper(arxiv_id="2402.00001", text=words("a")),  # no metadata
        Paper(arxiv_id="2402.00002", text=words("b")),  # withdrawn
        Paper(arxiv_id="2402.00003", text=words("c")),  # out of scope
        Paper(arxiv_id="2402.00004", text=words("d"), language="de", dropped={"comment": 7, "drawing": 1000}),
        Paper(arxiv_id="2402.00005", text="short", document_class=None),
        Paper(arxiv_id="math/9912003", text=words("packed again")),
        Paper(arxiv_id="2402.00006", text=good[4].text),
        Paper(arxiv_id="2402.00007", text=words("e")),
    ]
    write_unit(folder, WHOLE, good)
    write_unit(folder, CUT, [*cut, Paper(arxiv_id="hep-th/0002009", reason="truncated_member")])
    unit = write_unit(folder, ODD, odd)
    ledger = folder / "ledger" / f"{unit}.parquet"
    table = pq.read_table(ledger)
    details = [UNSAFE if detail else None for detail in table.column("detail").to_pylist()]
    pq.write_table(table.set_column(table.schema.get_field_index("detail"), "detail", pa.array(details, pa.string())), ledger)
    by = "http://creativecommons.org/licenses/by/4.0/"
    lines = [metadata_line(paper.arxiv_id, "math.AG" if index % 2 else "math.NT cs.CC") for index, paper in enumerate(good)]
    lines += [metadata_line(paper.arxiv_id, "hep-th", license=by) for paper in cut]
    lines += [metadata_line(f"2402.0000{number}", "stat.ML") for number in (4, 5, 6, 7)]
    lines += [metadata_line("2402.00002", comments="Withdrawn by the author"), metadata_line("2402.00003", "q-bio.GN")]
    lines += [metadata_line("2402.10009", "math.AG"), metadata_line("2402.00099", "cs.LG")]
    write_metadata(folder, lines)
    write_metrics(folder)
    finish(folder, [listing(WHOLE, 24), listing(CUT, 10, is_truncated=True), listing(ODD, len(odd))])
    return folder


@pytest.fixture(scope="module")
def html(made: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("html") / "sub" / "report.html"
    write_report(made, path)
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    write_report(made, made / "report.html")
    found = (made / "report.html").read_text()
    (made / "report.html").unlink()
    # a page elsewhere is the same but for where its links lead
    away = os.path.relpath(made.resolve(), path.parent.resolve())
    assert path.read_text().replace(f'href="{away}/', 'href="') == found != path.read_text()
    return found


@pytest.fixture(scope="module")
def parsed(html: str) -> Page:
    return Page(html)


def ledger_rows(folder: Path) -> list[dict[str, Any]]:
    paths = [folder / "ledger" / f"{tar.removesuffix('.tar')}-00000.parquet" for tar in (WHOLE, CUT, ODD)]
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def decision_rows(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "corpus" / "decisions.parquet").to_pylist()  # type: ignore[no-any-return]


def plain(cell: str) -> int:
    return int(cell.replace(",", "").replace("−", "-"))


def test_the_page_is_whole_and_needs_nothing_else(html: str, parsed: Page) -> None:
    assert html.startswith("<!DOCTYPE html>\n<html lang=")
    assert parsed.titles[0] == f"Yield report: {NUM_MEMBERS} papers of 3 tars"
    assert list(parsed.sections) == SECTIONS
    assert all(len(text) > 100 for text in parsed.sections.values())
    assert not {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _, _ in parsed.attributes}
    references = [value for _, name, value in parsed.attributes if name in ("src", "href", "action", "srcset", "data")]
    assert sorted(name for name in references if name[0] == "#") == sorted(f"#{name}" for name in SECTIONS)
    # the rest are files of the run, beside the page
    files = {name for name in references if name[0] != "#"}
    assert "corpus/decisions.parquet" in files
    assert all(re.fullmatch(r"ledger/arXiv_src_[0-9_]+-00000\.parquet", name) for name in files - {"corpus/decisions.parquet"})
    assert not re.search(r"https?:|//|@import|url\(", re.sub(r"<!DOCTYPE[^>]*>", "", html))
    assert ("meta", "charset", "utf-8") in parsed.attributes


def test_numbers_and_pictures_are_told_to_everyone(html: str, parsed: Page) -> None:
    pictures = [value for tag, name, value in parsed.attributes if tag == "svg" and name == "role"]
    labels = [value for tag, name, value in parsed.attributes if tag == "svg" and name == "aria-label"]
    assert len(pictures) == len(labels) == 4
    assert all("columns, the highest" in label for label in labels)
    assert html.count("<svg") == len(labels) + html.count('aria-hidden="true"')
    assert html.count("<table") == html.count("<caption>") == html.count('<div class="scroll" role="region" tabindex="0"')


def test_the_waterfall_of_papers_is_that_of_the_ledger(made: Path, parsed: Page) -> None:
    rows, decisions = ledger_rows(made), decision_rows(made)
    rejected = Counter(row["reason"] for row in rows if row["outcome"] == "rejected")
    left_out = Counter(row["reason"] for row in decisions if row["outcome"] == "rejected")
    splits = Counter(row["split"] for row in decisions if row["outcome"] == "kept")
    assert set(rejected) == set(RejectReason)
    assert set(left_out) == {"no_metadata", "withdrawn", "category", "language", "too_short", "older_version", "duplicate"}
    assert splits["validation"] > 0
    documents = len(rows) - rejected.total()
    kept = documents - left_out.total()
    expected = [("members", len(rows))]
    expected += [(reason.value, -rejected[reason]) for reason in RejectReason]
    expected += [("documents", documents), *((reason.value, -left_out[reason]) for reason in CorpusReason if left_out[reason])]
    expected += [("in", kept), ("validation", -splits["validation"]), ("trained", splits["train"]), ("all", len(rows))]
    _, *shown = parsed.tables["Papers: every member of every tar"]
    assert [(row[0].split()[0], plain(row[1])) for row in shown] == expected
    assert [row[3] for row in shown][:3] == [f"{NUM_MEMBERS}.0 kB", "1.0 kB", "2.0 kB"]


@pytest.mark.parametrize("caption", ["Papers: every member of every tar", "Characters of text: all documents"])
def test_a_waterfall_sums_to_a_hundred_percent(parsed: Page, caption: str) -> None:
    _, first, *rows, last = parsed.tables[caption]
    assert first[2] == last[2] == "100.00 %"
    parts = [row for row in rows if row[1].startswith("−") or row[0].startswith("trained on")]
    assert len(parts) > 5
    assert sum(round(float(row[2].strip("−% ")) * 100) for row in parts) == 10_000
    assert sum(abs(plain(row[1])) for row in parts) == plain(first[1]) == plain(last[1])


def test_the_waterfall_of_characters_is_that_of_the_texts(made: Path, parsed: Page) -> None:
    lost: Counter[str] = Counter()
    for row in decision_rows(made):
        lost[row["reason"] or row["split"]] += row["characters"]
    shown = parsed.rows_of("Characters of text: all documents")
    assert plain(shown["documents"][0]) == sum(row["characters_out"] for row in ledger_rows(made)) == lost.total()
    for reason, characters in lost.items():
        assert abs(plain(shown["trained" if reason == "train" else reason][0])) == characters
    assert plain(shown["in"][0]) == read_manifest(made / "corpus" / "manifest.json")["characters"]


def test_every_reason_is_explained_with_samples(made: Path, html: str, parsed: Page) -> None:
    for reason in RejectReason:
        assert REJECT_REASONS[reason] in parsed.sections["rejected"]
    assert f"pdf_only 10 ({1000 / NUM_MEMBERS:.2f} %)" in " ".join(parsed.sections["rejected"].split())
    pdfs = [row for row in ledger_rows(made) if row["reason"] == "pdf_only"]
    shown = [row["id"] for row in pdfs if row["id"] in parsed.sections["rejected"]]
    assert len(shown) == report_books.NUM_SAMPLES
    assert {shown[0], shown[-1]} == {pdfs[0]["id"], pdfs[-1]["id"]}
    assert f"{ODD} 2402/2402.10009.gz" in parsed.sections["rejected"]
    assert UNSAFE in parsed.sections["rejected"]
    assert "truncated_member was found" in parsed.sections["rejected"]
    assert UNSAFE not in html
    for row in decision_rows(made):
        if row["reason"]:
            assert CORPUS_REASONS[CorpusReason(row["reason"])] in parsed.sections["left-out"]
            assert row["detail"] in parsed.sections["left-out"]


def test_all_words_are_explained() -> None:
    assert set(REJECT_REASONS) == set(RejectReason)
    assert set(CORPUS_REASONS) == set(CorpusReason)
    assert set(STAGES) == set(Stage)
    source = "\n".join(
        path.read_text() for folder in ("latex", "stages") for path in (Path(report_books.__file__).parent.parent / folder).glob("*.py")
    )
    kinds = {"dropped": DROPPED_KINDS, "warnings": WARNING_KINDS, "note": WARNING_KINDS}
    found = re.findall(r'\b(dropped|warnings|note)(?:\[|\()"(\w+)"', source)
    assert len(found) > 15
    assert [kind for name, kind in found if kind not in kinds[name]] == []


def test_tars_are_listed_and_flagged(parsed: Page) -> None:
    rows = {row[0].split()[0]: row for row in parsed.tables["Tars"][1:]}
    assert rows[WHOLE][0] == WHOLE
    assert rows[WHOLE][1:] == ["1.0 MB", "24", "24", "0"]
    assert rows[CUT][0] == f"{CUT} cut shortmd5 differs3 items missingtruncated_member 1"
    assert rows[CUT][1:] == ["1.0 MB", "10", "9", "1"]
    notes = " ".join(parsed.sections["summary"].split())
    assert f"1 tar is cut short ({CUT})" in notes
    assert "3 items of arXiv’s manifest are in none of these tars" in notes
    assert "1 tar of arXiv’s manifest is not in the source (arXiv_src_2403_001.tar)" in notes
    assert "1 paper has metadata and no source" in notes
    assert "1 paper is quarantined" in notes


@pytest.mark.parametrize(
    ("caption", "key"),
    [
        ("By year of the id", "year"),
        ("By domain", "domain"),
        ("By primary category", "category"),
        ("By document class", "document_class"),
        ("By licence", "license"),
    ],
)
def test_yields_are_those_of_ledger_and_metadata(made: Path, parsed: Page, caption: str, key: str) -> None:
    tables = [pq.read_table(path) for path in (made / "metadata").glob("*.parquet")]
    metadata = {row["arxiv_id"]: row for table in tables for row in table.to_pylist()}
    decisions = {(row["id"], row["tar"]): row for row in decision_rows(made)}
    domains = {"math.AG": "math", "math.NT": "math", "hep-th": "physics", "stat.ML": "stat", "q-bio.GN": "other"}
    expected: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in ledger_rows(made):
        known, decision = metadata.get(row["id"]), decisions.get((row["id"], row["tar"]))
        category = known["categories"][0] if known else None
        name = {
            "year": {"99": "1999", "00": "2000", "24": "2024"}[re.sub(r"\D", "", row["id"])[:2]],
            "domain": domains[category] if category else "unknown",
            "category": category or "no",
            "document_class": row["document_class"] or "not",
            "license": ("cc-by-4.0" if known["license"] else "assumed") if known else "no",
        }[key]
        is_kept = decision is not None and decision["outcome"] == "kept"
        for index, value in enumerate((1, decision is not None, is_kept, row["characters_out"] if is_kept else 0)):
            expected[name][index] += value
    shown = {name: [plain(cell) for cell in row[1:]] for name, row in parsed.rows_of(caption).items()}
    assert len(expected) >= 3
    assert shown == expected
    shares_shown = {name: row[0] for name, row in parsed.rows_of(caption).items()}
    assert shares_shown == {name: f"{100 * kept / members:.2f} %" for name, (members, _, kept, _) in expected.items()}


def test_distributions_are_those_of_the_documents(made: Path, parsed: Page) -> None:
    documents = [row for row in ledger_rows(made) if row["outcome"] == "document"]
    lengths = sorted(row["characters_out"] for row in documents)
    assert [plain(cell) for cell in parsed.rows_of("Documents")["characters"]][::4] == [lengths[0], lengths[-1]]
    assert parsed.rows_of("Documents")["share"][4] == "80.0 %"
    columns = [title for title in parsed.titles[1:] if re.match(r"\d+k?\+: |1M\+: ", title)]
    assert len(columns) == 11
    assert sum(int(count) for title in columns for count in re.findall(r"(?:corpus|left out) (\d+)", title)) == len(documents)
    shares_shown = [title for title in parsed.titles[1:] if re.match(r"\d+%: ", title)]
    assert len(shares_shown) == 20
    assert sum(int(count) for title in shares_shown for count in re.findall(r"(?:corpus|left out) (\d+)", title)) == len(documents)
    assert parsed.rows_of("Language of the prose (und: too little prose to tell)")["de"] == ["1", "0"]


def test_dropped_characters_and_warnings_are_counted(made: Path, parsed: Page) -> None:
    dropped: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    rows = ledger_rows(made)
    for row in rows:
        dropped.update(dict(row["dropped_characters"]))
        warnings.update(dict(row["warnings"]))
    shown = parsed.rows_of("From bytes of TeX to characters of text")
    assert {kind: plain(shown[kind][0]) for kind in dropped} == dropped
    assert set(dropped) == {"preamble", "comment", "drawing"}
    parts = [plain(row[0]) for name, row in shown.items() if name != "bytes"]
    assert sum(parts) == plain(shown["bytes"][0]) == sum(row["tex_bytes"] for row in rows)
    assert sum(float(row[1].strip("% ").replace("−", "-")) for name, row in shown.items() if name != "bytes") == pytest.approx(100)
    assert parsed.rows_of("Warnings")["missing_input"] == [str(warnings["missing_input"])] * 2


def test_time_is_that_of_the_metrics(made: Path, parsed: Page) -> None:
    tables = [pq.read_table(path) for path in (made / "metrics").glob("*.parquet")]
    rows = [row for table in tables for row in table.to_pylist()]
    totals = {stage: sum(row[f"{stage}_seconds"] for row in rows) for stage in Stage}
    shown = parsed.rows_of("Stages")
    assert {stage: shown[stage][0] for stage in Stage} == {stage: seconds(value) for stage, value in totals.items()}
    assert sum(round(float(shown[stage][1].strip("% ")) * 100) for stage in Stage) == 10_000
    slowest = parsed.tables["The slowest papers"][1:]
    assert len(slowest) == 10
    assert slowest[0] == ["2402.00007 2402/2402.00007.gz", "0.25 s", f"{NUM_ODD}.00 s", "0.50 s", f"{NUM_ODD}.75 s"]
    papers_of = {"node-0": 10, "node-1": NUM_ODD, "node-2": 24}
    assert {host: int(row[0]) for host, row in parsed.rows_of("Hosts").items()} == papers_of
    text = " ".join(parsed.sections["time"].split())
    assert f"{NUM_MEMBERS / sum(totals.values()):.1f} papers/s" in text
    assert f"The most memory that a worker had: {NUM_ODD}.0 MB. 3 papers were done after a worker’s death." in text
    assert parsed.rows_of("Storage")["tars,"] == ["3", "3.0 MB"]


def test_samples_lead_to_their_rows(made: Path, html: str) -> None:
    found = re.findall(r"<li><b>([^<]*)</b>.*?<a href=\"([^\"]*)\">row ([\d,]+)</a></span></li>", html, re.DOTALL)
    rows = {name: pq.read_table(made / name, columns=["id"]).column("id").to_pylist() for name in {name for _, name, _ in found}}
    assert len(found) > 20
    assert len(rows) >= 2
    for arxiv_id, name, row in found:
        assert rows[name][int(row.replace(",", ""))] == arxiv_id


def timings(stages: float, **waits: Any) -> Timings:
    measured = {"read": 0.0, "cpu": stages, "write": 0.0, "read_from": "network", "written_to": "disk"} | waits
    seconds_of = {Stage.VALIDATE: 0.0, Stage.EXTRACT: stages, Stage.NORMALISE: 0.0}
    return Timings(papers=1, seconds=seconds_of, hosts=[], slowest=[], num_retried=0, peak_memory_bytes=1, waits=Waits(**measured))


@pytest.mark.parametrize(
    "times, verdict, why",
    [
        (timings(8.0, read=1.0, write=1.0), "CPU", "inside the stages for 80.0 % of their time; more or faster cores shorten it"),
        (timings(8.0, cpu=4.0), "CPU", "50.0 % of that they had no CPU: the machine ran more than it has cores for"),
        (
            timings(2.0, read=5.0, write=1.0),
            "network",
            "for reading for 62.5 % of their time, and were inside the stages for 25.0 %",
        ),
        (timings(2.0, read=1.0, write=5.0), "disk", "waited for writing for 62.5 %"),
        (timings(0.0), "CPU", "0.0 %"),
    ],
)
def test_the_bottleneck_is_what_workers_waited_for(times: Timings, verdict: str, why: str) -> None:
    found, said, parts = bottleneck(times)
    assert (found, why in " ".join(said.split())) == (verdict, True), said
    assert times.waits is not None
    assert sum(spent for _, spent in parts) == sum(times.seconds.values()) + times.waits.read + times.waits.write


def test_the_bottleneck_stands_on_the_page(made: Path, copy: Path, parsed: Page) -> None:
    rows = [row for path in (made / "metrics").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    shown = parsed.rows_of("What workers’ time went into")
    whole = sum(row["validate_seconds"] + row["extract_seconds"] + row["normalise_seconds"] + 0.375 for row in rows)
    assert shown["together"] == [seconds(whole), "100.00 %"]
    assert len(parsed.tables["What workers’ time went into"]) == 6
    assert "The bottleneck of the extraction was the CPU: workers were inside the stages for" in " ".join(parsed.sections["time"].split())
    old = next((copy / "metrics").iterdir())
    pq.write_table(pq.read_table(old).drop_columns(["read_seconds"]), old)
    write_report(copy, copy / "report.html")
    assert "made by an earlier version, which did not measure it" in (copy / "report.html").read_text()


def test_config_and_commit_stand_at_the_end(made: Path, parsed: Page) -> None:
    assert parsed.rows_of("Made by")["commit"] == [read_manifest(made / "run.json")["commit"]]
    fields = parsed.rows_of("Configuration")
    assert fields["corpus.validation_share"] == ["0.2"]
    assert fields["corpus.licenses"] == ["off"]
    assert fields["corpus.deduplicate"] == ["yes"]
    assert len(fields) == sum(len(section) for section in recorded(CONFIG).values()) > 40


def test_no_text_of_a_paper_is_on_the_page(made: Path, html: str) -> None:
    assert "g7word3" in words("g7")
    assert not re.search(r"word\d", html)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    for path in made.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.relative_to(made)).write_bytes(path.read_bytes())
    return folder


def test_only_the_section_on_time_depends_on_the_metrics(copy: Path, html: str) -> None:
    write_report(copy, copy / "report.html")
    assert (copy / "report.html").read_text() == html
    write_metrics(copy, hosts="other", factor=3)
    write_report(copy, copy / "report.html")
    other = (copy / "report.html").read_text()
    section = re.compile(r'<section id="time".*?</section>', re.DOTALL)
    assert other != html
    assert section.sub("", other) == section.sub("", html)
    for path in (copy / "metrics").iterdir():
        path.unlink()
    write_report(copy, copy / "report.html")
    assert "The folder has no metrics" in (copy / "report.html").read_text()


def test_the_command_says_where_the_page_is(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(copy)]) == 0
    assert capsys.readouterr().out == f"report: {copy / 'report.html'}\n"
    assert main(["report", str(copy), "--html", str(copy / "other.html")]) == 0
    assert (copy / "other.html").read_bytes() == (copy / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("nothing there", "no such manifest; is this the folder of a finished run"),
        ("no run.json", r"run\.json: no such manifest"),
        ("run.json of something else", "has neither tars nor a config"),
        ("no corpus", r"corpus/manifest\.json: no such manifest"),
        ("no decisions", r"decisions\.parquet: cannot be read"),
        ("a ledger is missing", "was not made from these ledgers"),
        ("a ledger is damaged", r"ledger/arXiv_src_0002_001-00000\.parquet: cannot be read"),
        ("no ledgers", "no ledger of any unit"),
        ("a unit of rejections too many", f"{NUM_MEMBERS + 1} members in the ledgers, {NUM_MEMBERS} in the run's books"),
        ("html is a folder", "is a folder; --html takes the name of a file"),
    ],
)
def test_what_is_no_finished_run_is_one_line(copy: Path, tmp_path: Path, damage: str, message: str) -> None:
    html = tmp_path / "report.html"
    ledger = copy / "ledger" / "arXiv_src_0002_001-00000.parquet"
    match damage:
        case "nothing there":
            copy = tmp_path / "nowhere"
        case "no run.json":
            (copy / "run.json").unlink()
        case "run.json of something else":
            (copy / "run.json").write_text("{}")
        case "no corpus":
            (copy / "corpus" / "manifest.json").unlink()
        case "no decisions":
            (copy / "corpus" / "decisions.parquet").unlink()
        case "a ledger is missing":
            ledger.unlink()
        case "a ledger is damaged":
            ledger.write_bytes(ledger.read_bytes()[:100])
        case "no ledgers":
            for path in (copy / "ledger").glob("arXiv*"):
                path.unlink()
        case "a unit of rejections too many":
            write_unit(copy, "arXiv_src_2405_001.tar", [Paper(arxiv_id="2405.00001", reason="pdf_only")])
        case _:
            html.mkdir()
    with pytest.raises(InputError, match=message) as error:
        write_report(copy, html)
    assert "\n" not in str(error.value)
    assert not html.is_file()


def test_a_run_without_a_document_has_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_unit(folder, ODD, [Paper(arxiv_id="2402.00001", reason="pdf_only"), Paper(arxiv_id="2402.00002", reason="no_tex")])
    write_metadata(folder, [metadata_line("2402.00001")])
    finish(folder, [listing(ODD, 2)])
    write_report(folder, folder / "report.html")
    found = Page((folder / "report.html").read_text())
    assert found.rows_of("Papers: every member of every tar")["documents"][:2] == ["0", "0.00 %"]
    assert found.rows_of("Characters of text: all documents")["all"] == ["0", "–"]
    assert list(found.sections) == SECTIONS


def test_thousands_of_tars_are_shown_by_year_and_the_odd_ones_one_by_one(made: Path) -> None:
    books = report_books.read_books(made)
    tars = books.run["tars"]
    many = [{**tars[0], "tar": f"arXiv_src_{year:02d}05_{number:03d}.tar"} for year in (99, 0, 24) for number in range(1, MAX_TARS)]
    found = Page(page(dataclasses.replace(books, run={**books.run, "tars": [*many, tars[1]]})))
    assert [row[0] for row in found.tables[f"{len(many) + 1} tars by year"][1:]] == ["1999", "2000", "2024"]
    assert found.rows_of(f"{len(many) + 1} tars by year")["2000"][:2] == [str(MAX_TARS), "1"]
    assert [row[0].split()[0] for row in found.tables["Flagged tars"][1:]] == [CUT]


def test_many_groups_are_summed_up(made: Path) -> None:
    books = report_books.read_books(made)
    groups = [report_books.Group(name=f"x.{number}", members=2, documents=2, kept=1, characters=10) for number in range(MAX_GROUPS + 7)]
    found = Page(page(dataclasses.replace(books, groups={**books.groups, "category": groups})))
    assert len(found.tables["By primary category"]) == MAX_GROUPS + 2
    assert found.tables["By primary category"][-1] == ["7 others", "50.00 %", "14", "14", "7", "70"]


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=30).filter(any))
def test_shares_sum_to_a_hundred_and_are_right(counts: list[int]) -> None:
    shown = [float(share.removesuffix("\u00a0%")) for share in shares(counts, sum(counts))]
    assert sum(round(share * 100) for share in shown) == 10_000
    for share, count in zip(shown, counts, strict=True):
        assert share == pytest.approx(100 * count / sum(counts), abs=0.0101)


def test_numbers_read_well() -> None:
    assert [number(value) for value in (0, 1234567, -1234, 0.25, 300.0)] == ["0", "1,234,567", "−1,234", "0.25", "300"]
    assert [short(value) for value in (0, 999, 1500, 46_990_876, 250e6, 3e12)] == ["0", "999", "1.5k", "47M", "250M", "3T"]
    assert [num_bytes(value) for value in (0, 45, 9216, 66_229_951)] == ["0 B", "45 B", "9.2 kB", "66.2 MB"]
    assert [seconds(value) for value in (0.017, 59.5, 75, 1200, 7385)] == ["0.02 s", "59.50 s", "1 min 15 s", "20 min", "2 h 3 min"]
    assert [percent(0.767), percent(-0.0346, 2), shares([1], 0)[0]] == ["76.7\u00a0%", "−3.46\u00a0%", "–"]
