"""The sample dump: the same bytes everywhere, arXiv's form, every odd shape in it, and each of its papers ending as it should."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from preprocess.config import ArchiveConfig, Config
from preprocess.corpus.decide import decide
from preprocess.corpus.records import Candidate, CorpusReason, Decision
from preprocess.latex.decode import is_tex_name
from preprocess.pipeline import process_paper, validate_paper
from preprocess.records import Document, Outcome, RawPaper, Rejection, RejectReason, SourceTree, Stage
from preprocess.sources.manifest import read_arxiv_manifest
from preprocess.sources.tars import find_tars, plan_units, read_papers, scan_tar
from preprocess.sources.withdrawal import find_withdrawal
from samples.build import SAMPLES, SNAPSHOT_NAME, Dump, Source, build_dump, load_papers, read_files, write_dump
from shards.errors import InputError
from tests.samples.remake import DIGESTS, digests

ROOT = Path(__file__).resolve().parent.parent.parent

# id → the rule that ends it; every other member of the dump is a document
REJECTED = {
    "hep-ph/9412908": RejectReason.POSTSCRIPT_ONLY,
    "hep-ph/0504910": RejectReason.HTML_ONLY,
    "hep-lat/0504911": RejectReason.WITHDRAWN,
    "1503.90021": RejectReason.PDF_ONLY,
    "1503.90022": RejectReason.PDF_ONLY,
    "2402.90001": RejectReason.TRUNCATED_GZIP,
    "2402.90002": RejectReason.CORRUPT_GZIP,
    "2402.90003": RejectReason.CORRUPT_TAR,
    "2402.90004": RejectReason.EMPTY_MEMBER,
    "2402.90005": RejectReason.EMPTY_ARCHIVE,
    "2402.90006": RejectReason.DECOMPRESSION_BOMB,
    "2402.90007": RejectReason.NESTED_TOO_DEEP,
    "2402.90008": RejectReason.UNKNOWN_FORMAT,
    "2402.90009": RejectReason.NO_TEX,
}
# id → the rule that keeps its document out of the corpus; every other document is kept
LEFT_OUT = {
    "math/9903914": CorpusReason.LANGUAGE,
    "q-bio/0504912": CorpusReason.CATEGORY,
    "1912.90003": CorpusReason.NO_METADATA,
    "1912.90004": CorpusReason.DUPLICATE,
    "2303.90001": CorpusReason.OLDER_VERSION,  # one of its two members
    "2402.90014": CorpusReason.TOO_SHORT,
}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one sample shows: `source` matches its TeX as packed, `says` stands in its text and `lacks` does not."""

    arxiv_id: str
    source: str = ""
    says: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    root_files: tuple[str, ...] = ()
    member: str = r"\.gz$"
    tex_encoding: str = "utf-8"
    num_files: int = field(default=0)


SHAPES = {
    "plain TeX": Shape(arxiv_id="hep-th/9412901", source=r"\\magnification", says=("Casimir",)),
    "plain TeX with delimited macros": Shape(arxiv_id="cond-mat/9412906", source=r"\\def\\avg<#1>", says=(r"\langle \sigma_j\rangle",)),
    "AMS-TeX": Shape(arxiv_id="math/9412905", source=r"\\documentstyle\{amsppt\}", says=("The scribes of Egypt",)),
    "LaTeX 2.09": Shape(arxiv_id="hep-th/9412902", source=r"\\documentstyle\[12pt\]\{article\}", says=("Landau levels",)),
    "LaTeX 2.09 with old RevTeX": Shape(arxiv_id="gr-qc/9412903", source=r"\\documentstyle\[preprint,aps,epsf\]\{revtex\}"),
    "LaTeX 2.09 in two columns": Shape(arxiv_id="cmp-lg/9412909", source=r"twocolumn", says=("agglutinative", "[caption:")),
    "article with a style file of its own": Shape(
        arxiv_id="quant-ph/9903910", source=r"\\usepackage\{boxnotes\}", says=(r"T_{\mathrm{rev}}",), num_files=3
    ),
    "amsart with theorems": Shape(arxiv_id="math/9903912", source=r"\\documentclass\[11pt\]\{amsart\}", says=("Fine",)),
    "French in latin-1": Shape(arxiv_id="math/9903914", source=r"\[latin1\]", says=("théorème de Banach",), tex_encoding="latin-1"),
    "elsart with bare CR": Shape(arxiv_id="hep-ph/9903949", source=r"\{elsart\}\r\\usepackage", says=("to begin", "Landau pole")),
    "latin-1 in many files": Shape(
        arxiv_id="math/0504905",
        source=r"\\input parts/parametrisation",
        says=("Zsófia Kertész", "The oldest theorem", "ring", "Professor Géza Vörös", "They are\nfourteen in all"),
        root_files=("triangles.tex",),
        tex_encoding="latin-1",
        num_files=5,
    ),
    "macros that open and close environments": Shape(
        arxiv_id="math/0504905", source=r"\\newcommand\{\\ethm\}", lacks=(r"\bthm", r"\ethm"), tex_encoding="latin-1"
    ),
    "optional argument": Shape(arxiv_id="math/9903912", source=r"\\newcommand\{\\paths\}\[2\]\[n\]", says=(r"\mathcal{P}_{n}(h)",)),
    "macro with delimiters around an equation": Shape(arxiv_id="hep-ph/9903949", source=r"\\def\\beq#1#2\\eeq", lacks=(r"\beq", r"\eeq")),
    "llncs with algorithm, verbatim and footnotes": Shape(
        arxiv_id="cs/0504935",
        source=r"\\documentclass\{llncs\}",
        says=("return ((j - home) & mask) < ((j - i) & mask);", "[footnote: An insertion has to make sure", "Tombstones are a debt"),
    ),
    "a journal's class in the archive": Shape(
        arxiv_id="gr-qc/0504914", source=r"\{jnote\}", says=("there is, in truth, none",), root_files=("ages.tex",), num_files=2
    ),
    "revtex4-1 with include, sub-folder and .bbl": Shape(
        arxiv_id="1503.90001",
        source=r"\\include\{sections/model\}",
        says=("A two-level system", "attains its bound", "Experimentalists", "detuning"),
        root_files=("main.tex",),
        num_files=6,
    ),
    "CRLF": Shape(arxiv_id="1503.90002", source=r"\\begin\{document\}\r\n", says=("trim a little",)),
    "UTF-16": Shape(
        arxiv_id="1503.90003", source=r"three views", says=("Ásta Þórsdóttir",), notes=("encoding_utf16",), tex_encoding="utf-16"
    ),
    "gzip in gzip, elsarticle, listing": Shape(
        arxiv_id="1503.90004", source=r"\{elsarticle\}", says=("gaps[place:place + 1]",), notes=("gzip_in_gzip",)
    ),
    "PDF member": Shape(arxiv_id="1503.90021", member=r"\.pdf$"),
    "IEEEtran with algorithm2e": Shape(
        arxiv_id="1912.90001", source=r"\{IEEEtran\}", says=("the decoder has to solve", "constant of Erdős")
    ),
    "paper and supplement": Shape(
        arxiv_id="1912.90002",
        source=r"natbib",
        says=("A school has thirty classes", "We repeated the simulation"),
        root_files=("main.tex", "supplement.tex"),
    ),
    "mn2e": Shape(arxiv_id="0704.9907", source=r"\{mn2e\}"),
    "revtex4": Shape(arxiv_id="0704.9921", source=r"\{revtex4\}"),
    "svjour3": Shape(arxiv_id="2101.99030", source=r"\{svjour3\}"),
    "title page by hand": Shape(
        arxiv_id="hep-lat/0504913", source=r"\\begin\{titlepage\}", says=("with pencil and paper", "No other gauge theory")
    ),
    "ACM's old class": Shape(arxiv_id="1503.90010", source=r"\{sig-alternate\}", says=("An unknown number", "Nature sends")),
    "amsart with diagrams, figure in a sub-folder": Shape(
        arxiv_id="1912.90010", source=r"\{tikzcd\}", says=("The classics knew", "[caption: The two ways"), num_files=2
    ),
    "jheppub and physics": Shape(arxiv_id="2303.90010", source=r"\{jheppub\}", says=("Yusuf Adeyemi", "Each additional turn")),
    "jmlr2e with a listing": Shape(arxiv_id="2303.90011", source=r"\{jmlr2e\}", says=("below += comb(n, k)",)),
    "import from a sub-folder, .ltx": Shape(
        arxiv_id="2402.90020",
        source=r"\\subimport\{tex/\}",
        says=("The tent map is the standard", "Whoever tries this", "All images are even", "A long cycle"),
        root_files=("tent.ltx",),
        num_files=4,
    ),
    "algpseudocode and xparse": Shape(arxiv_id="2402.90021", source=r"\\NewDocumentCommand", says=("An attention head distributes",)),
    "trailing garbage, revtex4-2, siunitx": Shape(arxiv_id="2402.90010", source=r"\\SI\{", notes=("trailing_garbage",)),
    "unsafe names, links, minted": Shape(arxiv_id="2402.90011", source=r"\{minted\}", says=("class RankCounter:",), notes=("unsafe_name",)),
    "TeX as it is under a .gz name": Shape(arxiv_id="2402.90012", says=("Goodman",), notes=("not_gzip",)),
}


@pytest.fixture(scope="module")
def dump() -> Dump:
    return build_dump()


@pytest.fixture(scope="module")
def folder(dump: Dump, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dump")
    write_dump(dump, out)
    return out


@pytest.fixture(scope="module")
def members(folder: Path) -> list[RawPaper]:
    units = [unit for path in find_tars(folder / "src") for unit in plan_units(scan_tar(path), Config().unit)]
    return [raw for unit in units for raw in read_papers(unit)]


@pytest.fixture(scope="module")
def ended(members: list[RawPaper]) -> list[tuple[RawPaper, Outcome]]:
    return [(raw, process_paper(raw, Config())) for raw in members]


@pytest.fixture(scope="module")
def snapshot(dump: Dump) -> dict[str, dict[str, Any]]:
    entries = [json.loads(line) for line in dump.snapshot.splitlines()]
    return {entry["id"]: entry for entry in entries}


def documents(ended: list[tuple[RawPaper, Outcome]], arxiv_id: str) -> list[Document]:
    return [outcome for raw, outcome in ended if raw.arxiv_id == arxiv_id and isinstance(outcome, Document)]


def test_the_command_builds_the_same_bytes(dump: Dump, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "LC_ALL": "C"}
    command = [sys.executable, "-m", "samples.build", "--out", str(tmp_path / "dump")]
    said = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    found = {path.name: path.read_bytes() for path in (tmp_path / "dump").rglob("*") if path.is_file()}
    assert found.pop("arXiv_src_manifest.xml") == dump.manifest
    assert found.pop(SNAPSHOT_NAME) == dump.snapshot
    assert found == dict(dump.tars)
    assert f"{len(dump.tars)} tars" in said


def test_bytes_are_those_of_the_golden_digests(dump: Dump) -> None:
    assert digests(dump) == DIGESTS.read_text(), "samples/ has changed: look at the diff, then python -m tests.samples.remake"


def test_size_of_the_dump(dump: Dump, members: list[RawPaper]) -> None:
    months = [name.removeprefix("arXiv_src_")[:4] for name in dump.tars]
    assert len(members) >= 70
    assert len(dump.tars) >= 12
    assert len(set(months)) == len(months) - 1, "two tars of one month, once"
    assert {"9412", "0504"} <= set(months)
    new_ids = [raw.arxiv_id for raw in members if "/" not in raw.arxiv_id]
    assert {len(arxiv_id.partition(".")[2]) for arxiv_id in new_ids if arxiv_id[:4] < "1501"} == {4}
    assert {len(arxiv_id.partition(".")[2]) for arxiv_id in new_ids if arxiv_id[:4] >= "1501"} == {5}


def test_tars_open_with_tarfile(dump: Dump, folder: Path) -> None:
    num_members = 0
    for name in dump.tars:
        with tarfile.open(folder / "src" / name) as archive:
            files = [member for member in archive.getmembers() if member.isreg()]
        assert [member.name for member in files] == sorted(member.name for member in files)
        assert all(re.fullmatch(r"\d{4}/[\w.-]+\.(?:gz|pdf)", member.name) for member in files)
        assert {member.name[:4] for member in files} == {name.removeprefix("arXiv_src_")[:4]}
        num_members += len(files)
    assert num_members == sum(len(paper.sources) for paper in load_papers())


def test_manifest_states_what_is_there(dump: Dump, folder: Path) -> None:
    assert set(read_arxiv_manifest(folder / "src")) == set(dump.tars)
    files = list(ElementTree.fromstring(dump.manifest).iter("file"))
    for file in files:
        stated = {child.tag: child.text or "" for child in file}
        name = stated["filename"].removeprefix("src/")
        content = dump.tars[name]
        listing = scan_tar(folder / "src" / name)
        payloads = [content[member.offset : member.offset + member.size] for member in listing.members]
        stems = [member.name.partition("/")[2].rpartition(".")[0] for member in listing.members]
        assert stated["md5sum"] == hashlib.md5(content).hexdigest() == listing.md5
        assert stated["content_md5sum"] == hashlib.md5(b"".join(payloads)).hexdigest()
        assert (int(stated["size"]), int(stated["num_items"])) == (len(content), len(listing.members))
        assert (stated["first_item"], stated["last_item"]) == (stems[0], stems[-1])
        assert name == f"arXiv_src_{stated['yymm']}_{int(stated['seq_num']):03d}.tar"
        assert datetime.strptime(stated["timestamp"], "%Y-%m-%d %H:%M:%S").year >= 1995
        assert not listing.is_truncated
    assert len(files) == len(dump.tars)


def test_snapshot_is_in_the_public_schema(snapshot: dict[str, dict[str, Any]]) -> None:
    keys = "id submitter authors title comments journal-ref doi report-no categories license abstract versions update_date authors_parsed"
    for arxiv_id, entry in snapshot.items():
        assert list(entry) == keys.split()
        assert re.fullmatch(r"[a-z-]+/\d{7}|\d{4}\.\d{4,5}", arxiv_id)
        assert all(re.fullmatch(r"[a-z-]+(?:\.[A-Za-z-]{2,})?", category) for category in entry["categories"].split(" "))
        assert entry["abstract"].startswith("  ")
        assert entry["abstract"].endswith("\n")
        assert len(entry["authors_parsed"]) == len(re.split(r", | and ", entry["authors"]))
        assert all(len(name) == 3 and name[0] for name in entry["authors_parsed"])
        assert [version["version"] for version in entry["versions"]] == [f"v{n + 1}" for n in range(len(entry["versions"]))]
        for version in entry["versions"]:
            created = datetime.strptime(version["created"], "%a, %d %b %Y %H:%M:%S GMT")
            assert f"{created:%a}" == version["created"][:3]
        month = arxiv_id.partition("/")[2][:4] or arxiv_id[:4]
        first = datetime.strptime(entry["versions"][0]["created"], "%a, %d %b %Y %H:%M:%S GMT")
        assert f"{first:%y%m}" == month
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", entry["update_date"])
    assert len(snapshot) > 40


def test_metadata_and_sources_miss_each_other_once(snapshot: dict[str, dict[str, Any]], members: list[RawPaper]) -> None:
    with_source = {raw.arxiv_id for raw in members}
    assert with_source - set(snapshot) == {"1912.90003"}
    assert set(snapshot) - with_source == {"hep-th/0504920"}


def test_each_paper_ends_as_expected(ended: list[tuple[RawPaper, Outcome]]) -> None:
    found = {raw.arxiv_id: outcome.reason for raw, outcome in ended if isinstance(outcome, Rejection)}
    assert found == REJECTED
    assert {raw.arxiv_id for raw, _ in ended} >= set(LEFT_OUT)
    for raw, outcome in ended:
        if isinstance(outcome, Document):
            assert len(outcome.text) > 1000 or LEFT_OUT.get(raw.arxiv_id) is CorpusReason.TOO_SHORT, raw.arxiv_id


def test_each_text_begins_with_its_title(ended: list[tuple[RawPaper, Outcome]], snapshot: dict[str, dict[str, Any]]) -> None:
    num_titles = 0
    for raw, outcome in ended:
        if isinstance(outcome, Document) and raw.arxiv_id in snapshot and raw.arxiv_id != "1912.90004":  # the duplicate has another
            head = set(re.findall(r"\w+", outcome.text[:400].lower()))
            title = set(re.findall(r"\w+", re.sub(r"\$.*?\$", "", snapshot[raw.arxiv_id]["title"]).lower()))
            assert title <= head, raw.arxiv_id
            num_titles += 1
    assert num_titles > 25


def test_every_reason_of_the_archive_validation_has_a_sample(members: list[RawPaper], ended: list[tuple[RawPaper, Outcome]]) -> None:
    found = {outcome.reason for _, outcome in ended if isinstance(outcome, Rejection) and outcome.stage is Stage.VALIDATE}
    # no dump that its manifest describes has a member cut off or a damaged header; 20,000 members would be a large sample
    [paper] = [raw for raw in members if raw.arxiv_id == "quant-ph/9903910"]
    cut = RawPaper(arxiv_id=paper.arxiv_id, tar=paper.tar, member=paper.member, payload=paper.payload[:-1], size=paper.size)
    rest = replace(cut, payload=b"", is_rest=True)
    for outcome in (
        validate_paper(cut, ArchiveConfig()),
        validate_paper(rest, ArchiveConfig()),
        validate_paper(paper, ArchiveConfig(max_members=2)),
    ):
        assert isinstance(outcome, Rejection)
        found.add(outcome.reason)
    reasons = list(RejectReason)
    assert found == set(reasons[: reasons.index(RejectReason.NO_TEX) + 1])


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str, members: list[RawPaper], ended: list[tuple[RawPaper, Outcome]]) -> None:
    shape = SHAPES[name]
    raws = [raw for raw in members if raw.arxiv_id == shape.arxiv_id]
    assert raws
    assert re.search(shape.member, raws[-1].member)
    if shape.arxiv_id in REJECTED:
        return
    tree = validate_paper(raws[-1], ArchiveConfig())
    assert isinstance(tree, SourceTree)
    sources = [content.decode(shape.tex_encoding) for file, content in tree.files.items() if is_tex_name(file)]
    assert any(re.search(shape.source, source) for source in sources)
    assert len(tree.files) >= shape.num_files
    document = documents(ended, shape.arxiv_id)[-1]
    for phrase in shape.says:
        assert phrase in document.text or phrase.replace("\n", " ") in " ".join(document.text.split()), phrase
    for phrase in shape.lacks:
        assert phrase not in document.text, phrase
    assert set(shape.notes) <= set(document.warnings)
    assert document.root_files == (shape.root_files or document.root_files)


def test_unsafe_names_stay_inside(ended: list[tuple[RawPaper, Outcome]], members: list[RawPaper]) -> None:
    [raw] = [raw for raw in members if raw.arxiv_id == "2402.90011"]
    tree = validate_paper(raw, ArchiveConfig())
    assert isinstance(tree, SourceTree)
    assert all(not name.startswith("/") and ".." not in name.split("/") for name in tree.files)
    assert len(tree.files) == 2, "links and pipes are no files"


def test_the_duplicate_is_exact_and_the_newer_version_is_longer(ended: list[tuple[RawPaper, Outcome]]) -> None:
    assert documents(ended, "1912.90004")[0].text == documents(ended, "1503.90002")[0].text
    older, newer = documents(ended, "2303.90001")
    assert "# Noise" in newer.text
    assert "# Noise" not in older.text


@pytest.fixture(scope="module")
def decisions(ended: list[tuple[RawPaper, Outcome]], snapshot: dict[str, dict[str, Any]]) -> list[Decision]:
    return decide(list(candidates(ended, snapshot)), {}, Config().corpus)


def candidates(ended: list[tuple[RawPaper, Outcome]], snapshot: dict[str, dict[str, Any]]) -> Iterator[Candidate]:
    for position, (raw, outcome) in enumerate(ended):
        if not isinstance(outcome, Document):
            continue
        entry = snapshot.get(raw.arxiv_id)
        yield Candidate(
            arxiv_id=raw.arxiv_id,
            unit=raw.tar.removesuffix(".tar"),
            tar=raw.tar,
            member=raw.member,
            position=position,
            characters=len(outcome.text),
            language=outcome.language,
            language_probability=outcome.language_probability,
            text_sha256=outcome.text_sha256,
            is_known=entry is not None,
            categories=tuple(entry["categories"].split()) if entry else (),
            license=entry["license"] if entry else None,
            created=f"{datetime.strptime(entry['versions'][0]['created'], '%a, %d %b %Y %H:%M:%S GMT'):%Y-%m-%d}" if entry else None,
            version=len(entry["versions"]) if entry else None,
            withdrawn_detail=find_withdrawal(entry["comments"] or "", entry["abstract"], len(entry["versions"])) if entry else None,
        )


def test_what_is_left_out_of_the_corpus(decisions: list[Decision]) -> None:
    found = {decision.candidate.arxiv_id: decision.exclusion.reason for decision in decisions if decision.exclusion is not None}
    assert found == LEFT_OUT


def test_the_corpus_can_be_trained_on(decisions: list[Decision]) -> None:
    kept = [decision for decision in decisions if decision.exclusion is None]
    characters: Counter[str] = Counter()
    validation: Counter[str] = Counter()
    for decision in kept:
        characters[decision.split] += decision.candidate.characters
        if decision.split == "validation":
            validation[decision.domain] += 1
    assert len(kept) >= 50
    assert len({decision.domain for decision in kept}) >= 3
    assert len(validation) >= 3
    assert validation.total() >= 5
    assert characters["validation"] >= 30_000
    assert characters["train"] >= 5 * characters["validation"]


def test_every_folder_is_packed() -> None:
    used = {source.folder for paper in load_papers() for source in paper.sources}
    assert {path.name for path in (SAMPLES / "papers").iterdir()} <= used


def entry(text: str, samples: Path) -> Path:
    (samples / "papers").mkdir(exist_ok=True)
    (samples / "papers.toml").write_text(text)
    return samples


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("papers = 3 =", "not the list of sample papers"),
        ("", "not the list of sample papers"),
        ('[[papers]]\nid = "2402.90001"\n', "title, authors, abstract, categories and versions are needed"),
        ('[[papers]]\nid = "2402.90001"\nhas_metadata = false\ncolour = "red"\n', "colour"),
        ('[[papers]]\nid = "2402.90001"\nhas_metadata = false\n' * 2, "2402.90001 stands there twice"),
        ('[[papers]]\nid = "1"\nhas_metadata = false\nsources = [{ tar = "2402_001", packing = "rar" }]\n', "'rar' is none of"),
        (
            '[[papers]]\nid = "1"\nhas_metadata = false\nsources = [{ tar = "2402_001", packing = "tar", line_ends = "lfcr" }]\n',
            "'lfcr' is none of",
        ),
    ],
)
def test_a_bad_list_is_one_clear_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        load_papers(entry(text, tmp_path))


def test_a_missing_folder_and_a_strange_place(dump: Dump, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_files(Source(tar="2402_001", packing="tar", folder="nowhere"), tmp_path)
    other = tmp_path / "src" / "arXiv_src_0001_001.tar"
    other.parent.mkdir()
    other.touch()
    with pytest.raises(InputError, match="is no tar of the sample dump"):
        write_dump(dump, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [other.name]


def test_names_of_authors_are_parsed(snapshot: dict[str, dict[str, Any]]) -> None:
    assert snapshot["1912.90002"]["authors"] == "Adaeze Obi and Bram de Wael"
    assert snapshot["1912.90002"]["authors_parsed"] == [["Obi", "Adaeze", ""], ["de Wael", "Bram", ""]]
