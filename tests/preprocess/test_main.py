"""The command line: what it does, and one line for everything that cannot be used."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from preprocess.__main__ import main
from shards.errors import InputError
from tests.preprocess.small_dump import SNAPSHOT, TAR, few_papers, write_source
from tests.preprocess.tiny import TEX, packed_tar

ROOT = Path(__file__).resolve().parent.parent.parent


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    write_source(tmp_path, few_papers(2))
    return tmp_path


def run_arguments(dump: Path, **others: str) -> list[str]:
    places = {"source": str(dump / "src"), "metadata": str(dump / SNAPSHOT), "out": str(dump / "out")} | others
    return ["run", *(word for name, value in places.items() for word in (f"--{name.replace('_', '-')}", value))]


@pytest.mark.parametrize(
    "others, what",
    [
        ({"source": "missing"}, "missing: no such folder; --source takes the folder"),
        ({"source": "."}, r"holds no arXiv_src_YYMM_NNN\.tar"),
        ({"source": "ftp://arxiv/src"}, "ftp://: not an object store that is known; there are s3, "),
        ({"source": "s3://key:secret@arxiv/src"}, "s3://arxiv/src: a URI without user"),
        ({"metadata": "missing"}, "missing: no such file; --metadata takes the OAI/Kaggle snapshot"),
        ({"metadata": "src"}, "src: is a folder; --metadata takes"),
        ({"metadata": f"src/{TAR}"}, "line 1: not a paper's metadata"),
        ({"metadata": "other.json"}, "line 1: not a paper's metadata in the OAI/Kaggle schema .title is missing"),
        ({"metadata": "empty.json"}, "holds no paper's metadata"),
        ({"out": SNAPSHOT}, "is a file, a folder is needed"),
        ({"out": f"{SNAPSHOT}/out"}, "cannot be written"),
        ({"out": "https://host/out"}, "an HTTP folder can only be read; --out takes a folder, or s3://"),
        ({"num_workers": "0"}, "--num-workers is 0; at least 1 is needed"),
        ({"num_workers": "100000"}, "--num-workers is 100000, one CPU each, and this machine has|100000 workers"),
        ({"set": "unit.nope=1"}, r"\[unit\] has no field nope"),
        ({"config": "missing.toml"}, "no such config file"),
    ],
)
def test_bad_input_to_run(dump: Path, monkeypatch: pytest.MonkeyPatch, others: dict[str, str], what: str) -> None:
    monkeypatch.chdir(dump)
    monkeypatch.setattr("preprocess.run.require_cpus", require_cpus_of_two)
    monkeypatch.setattr("preprocess.ray_runner.connect", lambda *_: pytest.fail("bad input is to be seen before Ray is started"))
    (dump / "other.json").write_text('{"id": "2402.00001"}\n')
    (dump / "empty.json").write_bytes(b"")
    before = files(dump)
    with pytest.raises(InputError, match=what) as found:
        main(run_arguments(dump, **others))
    assert "\n" not in str(found.value)
    assert [name for name in files(dump) if name not in before and not name.endswith(".lock") and "/.scans/" not in name] == []


def require_cpus_of_two(_address: str | None, num_workers: int | None) -> None:
    if num_workers is not None and num_workers > 2:
        raise InputError(f"{num_workers} workers")


@pytest.mark.parametrize(
    "content, what",
    [(b"no tar", "is not a tar"), (b"\x1f\x8b" + bytes(2000), "is not a tar"), (b"", "is not a tar"), (None, "cannot be read")],
)
def test_a_tar_that_is_none_stops_the_run(dump: Path, content: bytes | None, what: str) -> None:
    path = dump / "src" / "arXiv_src_2402_002.tar"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=f"arXiv_src_2402_002.tar: {what}"):
        main(run_arguments(dump))
    assert not (dump / "out").exists()


def test_a_full_disk_is_one_line(dump: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/out/metadata/2402.parquet")

    monkeypatch.setattr("preprocess.run.build_metadata", full)
    with pytest.raises(InputError, match=r"^/out/metadata/2402\.parquet: No space left on device; make room or mend it, and run the same"):
        main(run_arguments(dump))

    def broken(*_: object) -> None:
        raise TimeoutError("no fault of the disk")

    monkeypatch.setattr("preprocess.run.build_metadata", broken)
    with pytest.raises(TimeoutError):
        main(run_arguments(dump))


@pytest.mark.parametrize(
    "arguments, what",
    [
        ([], "the following arguments are required: COMMAND"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["run"], "the following arguments are required: --source, --metadata, --out"),
        (["run", "--sour", "x"], "the following arguments are required"),
        (["run", "--source", "a", "--metadata", "b", "--out", "c", "--nope"], "unrecognized arguments: --nope"),
        (["run", "--source", "a", "--metadata", "b", "--out", "c", "--num-workers", "two"], "invalid int value: 'two'"),
        (["extract"], "the following arguments are required: FILE"),
        (["extract", "x", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["report"], "the following arguments are required: DIR"),
    ],
)
def test_flags_that_are_wrong(arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert what in said
    assert said.count("\n") == 1


def test_help_states_units_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    for command, words in {"run": ("--num-workers", "one CPU each", "$RAY_ADDRESS"), "extract": ("--format", "(default: text)")}.items():
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert all(word in shown for word in words)


def test_extract_takes_what_a_paper_comes_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tex").write_bytes(TEX)
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEX))
    (tmp_path / "2402.00001.tar.gz").write_bytes(packed_tar({"main.tex": TEX, "b/c.tex": b"no root"}))
    (tmp_path / "a.tar").write_bytes(gzip.decompress(packed_tar({"main.tex": TEX})))
    (tmp_path / "folder/sections").mkdir(parents=True)
    (tmp_path / "folder/main.tex").write_bytes(TEX.replace(b"Let $x$ be small.", b"\\input{sections/one}"))
    (tmp_path / "folder/sections/one.tex").write_bytes(b"Let $x$ be small.")
    (tmp_path / "folder/link.tex").symlink_to(tmp_path / "folder/sections/one.tex")
    texts = set()
    for name in ("a.tex", "a.gz", "2402.00001.tar.gz", "a.tar", "folder"):
        assert main(["extract", str(tmp_path / name)]) == 0
        said = capsys.readouterr()
        texts.add(said.out)
        assert said.err.startswith(f"document: root {'a.tex' if name == 'a.tex' else 'main.tex'};")
        assert f"{len(said.out)} characters of text" in said.err
    [text] = texts
    assert "Let $x$ be small. Then all is well." in text
    assert main(["extract", str(tmp_path / "2402.00001.tar.gz"), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["arxiv_id"], found["text"], found["root_files"]) == ("2402.00001", text, ["main.tex"])


def test_extract_says_why_there_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4\n")
    assert main(["extract", str(path)]) == 1
    assert capsys.readouterr() == ("", "rejected at validate: pdf_only: the submission is one PDF file\n")
    with pytest.raises(InputError, match=r"missing: No such file or directory; a \.tex, \.gz"):
        main(["extract", str(tmp_path / "missing")])
    (tmp_path / "nothing" / "in").mkdir(parents=True)
    with pytest.raises(InputError, match="nothing: holds no file; give the folder of a paper's sources"):
        main(["extract", str(tmp_path / "nothing")])
    (tmp_path / "arXiv_src_2402_001.tar").write_bytes(b"")
    with pytest.raises(InputError, match="holds many papers, which `python -m preprocess run` reads; give one of its members"):
        main(["extract", str(tmp_path / "arXiv_src_2402_001.tar")])
    monkeypatch.setattr("preprocess.__main__.process_paper", lambda *_: 1 // 0)
    assert main(["extract", str(path)]) == 1
    assert "quarantined: raised ZeroDivisionError" in capsys.readouterr().err


def test_extract_says_what_one_file_of_many_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "paper.tex").write_bytes(TEX.replace(b"Let $x$", b"\\input{one}\\input{two}Let $x$"))
    (tmp_path / "one.tex").write_bytes(b"One. ")
    assert main(["extract", str(tmp_path / "paper.tex")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("document: root paper.tex;")
    assert said[:1] == [f"note: 2 inclusions are not in {tmp_path}/paper.tex; give the folder or the archive to have them read"]
    assert main(["extract", str(tmp_path)]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("warnings: 1 missing_input")


@pytest.mark.parametrize("content", [TEX, gzip.compress(TEX), packed_tar({"main.tex": TEX})])
def test_extract_reads_standard_input(content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["extract", "-"]) == 0
    assert "Let $x$ be small." in capsys.readouterr().out


def test_a_process_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "preprocess", *run_arguments(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"python -m preprocess: error: {tmp_path}/src: no such folder; --source takes the folder of arXiv_src_YYMM_NNN.tar files\n"
    )


def test_preprocess_runs_where_torch_is_not_installed(tmp_path: Path) -> None:
    """A CPU node installs requirements/preprocess.txt alone; what reads of other things it does at import would fail there."""
    (tmp_path / "a.tex").write_bytes(TEX)
    code = f"""
import importlib, pkgutil, sys
import preprocess
REFUSED = {{"torch", "megatron", "transformers", "tokenizers", "sentencepiece", "tools", "train"}}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
names = [module.name for module in pkgutil.walk_packages(preprocess.__path__, "preprocess.")]
for name in names:
    importlib.import_module(name)
from preprocess.__main__ import main
assert main(["extract", {str(tmp_path / "a.tex")!r}]) == 0
assert "preprocess.ray_runner" in sys.modules and "ray.data" in sys.modules
assert not REFUSED & {{name.partition(".")[0] for name in sys.modules}}
print(len(names))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) >= 30
