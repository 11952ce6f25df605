"""What is not in the text is counted by kind, in characters of the source, and never more than there are."""

from pathlib import Path

import pytest

from preprocess.config import Config, LatexConfig
from preprocess.latex.decode import decode
from preprocess.latex.paper import extract_latex
from preprocess.records import ExtractedPaper, SourceTree

ROOT = Path(__file__).resolve().parent.parent.parent.parent
PAPERS = [*sorted((ROOT / "samples/papers").iterdir()), *sorted((ROOT / "tests/golden").glob("*.tex"))]
HEAD, END = "\\documentclass{article}\n", "\\begin{document}\nText.\n"


def extracted(files: dict[str, bytes], config: LatexConfig | None = None) -> ExtractedPaper:
    paper = extract_latex(SourceTree(arxiv_id="x", files=files), config or Config().latex)
    assert isinstance(paper, ExtractedPaper)
    return paper


def dropped(body: str, preamble: str = "", **files: str) -> dict[str, int]:
    """Kinds that the body adds to a paper that says `Text.`"""
    rest = {name.replace("_", "."): content.encode() for name, content in files.items()}
    bare = extracted({"main.tex": f"{HEAD}{END}\\end{{document}}".encode()}).dropped_characters
    paper = extracted({"main.tex": f"{HEAD}{preamble}{END}{body}\\end{{document}}".encode(), **rest})
    assert "Text." in paper.text
    counts = dict(paper.dropped_characters)
    return {kind: count - bare.get(kind, 0) for kind, count in counts.items() if count != bare.get(kind, 0)}


FILE = "\\begin{filecontents}{x.dat}\n1 2\n\\end{filecontents}"
TIKZ = "\\begin{tikzpicture}\\draw (0,0) -- (1,1);\\end{tikzpicture}"
ENTRY = "\\begin{thebibliography}{9}\\bibitem{a} A. Author, Title, 2001.\\end{thebibliography}"


@pytest.mark.parametrize(
    "body, kind, num_characters",
    [
        ("% a comment\n", "comment", len("% a comment\n")),
        ("\\begin{comment}no\\end{comment}", "comment", len("\\begin{comment}no\\end{comment}")),
        ("\\iffalse not read \\fi", "false_branch", len(" not read \\fi")),
        ("\\newcommand{\\x}{long body}", "definition", len("\\newcommand{\\x}{long body}")),
        ("\\def\\x#1{#1 body}", "definition", len("\\def\\x#1{#1 body}")),
        (
            "\\begin{filecontents}{x.dat}\n1 2\n\\end{filecontents}",
            "filecontents",
            len("\\begin{filecontents}{x.dat}\n1 2\n\\end{filecontents}"),
        ),
        (TIKZ, "drawing", len(TIKZ) - len("\\begin{tikzpicture}")),
        (ENTRY, "bibliography", len(ENTRY) - len("\\begin{thebibliography}")),
        ("\\label{sec:one}", "layout_command", len("\\label{sec:one}")),
        ("\\vspace{2cm}", "layout_command", len("\\vspace{2cm}")),
        ("\\end{document} never read", "after_end", len(" never read\\end{document}")),
    ],
)
def test_each_kind_of_the_body_to_the_character(body: str, kind: str, num_characters: int) -> None:
    assert dropped(body) == {kind: num_characters}


def test_kinds_of_whole_files() -> None:
    assert dropped("", notes_tex="never read") == {"unused_file": 10}
    style = "\\newcommand{\\x}{y}\n% internals\n"
    preamble = "\\usepackage{own}\n"
    assert dropped("", preamble, own_sty=style) == {"package": len(style), "preamble": len(preamble)}
    assert dropped("", "\\title{A title}\n")["preamble"] == len("\\title{A title}\n") - len("A title")


def test_the_bibliography_is_counted_only_where_it_is_left_out() -> None:
    files = {"main.tex": f"{HEAD}{END}{ENTRY}\\end{{document}}".encode()}
    assert "bibliography" in extracted(files).dropped_characters
    kept = extracted(files, LatexConfig(keep_bibliography=True))
    assert "bibliography" not in kept.dropped_characters
    assert "A. Author" in kept.text


def test_what_a_macro_leaves_out_is_counted_once_and_not_at_every_call() -> None:
    definition = "\\newcommand{\\x}{\\iffalse long branch that is not read\\fi\\def\\y{body}y}"
    assert dropped(definition + "\\x " * 50) == {"definition": len(definition)}
    picture = f"\\newcommand{{\\pic}}{{{TIKZ}}}"
    counts = dropped(picture + "\\pic " * 50)
    assert counts["definition"] == len(picture)
    assert counts["drawing"] <= len("\\pic ") * 50


def test_files_that_two_roots_share_are_counted_once() -> None:
    shared = "\\newcommand{\\x}{long body}% comment\n" * 20
    style = "\\newcommand{\\y}{z}\n" * 20
    files = {
        "a.tex": f"{HEAD}\\usepackage{{own}}\\input{{shared}}{END}First.\\end{{document}}".encode(),
        "b.tex": f"{HEAD}\\usepackage{{own}}\\input{{shared}}{END}Second.\\end{{document}}".encode(),
        "shared.tex": shared.encode(),
        "own.sty": style.encode(),
    }
    paper = extracted(files)
    assert set(paper.root_files) == {"a.tex", "b.tex"}
    assert paper.dropped_characters["package"] == len(style)
    assert sum(paper.dropped_characters.values()) <= sum(map(len, files.values()))


def test_a_second_copy_is_counted_as_source() -> None:
    source = f"{HEAD}{END}% comment\n\\end{{document}}".encode()
    paper = extracted({"a.tex": source, "b.tex": source})
    assert paper.dropped_characters["copied_root"] == len(source)


def test_no_paper_drops_more_than_it_has() -> None:
    num_with_text = 0
    for path in PAPERS:
        names = [path] if path.is_file() else [name for name in path.rglob("*") if name.is_file()]
        files = {name.relative_to(path.parent).as_posix(): name.read_bytes() for name in names}
        outcome = extract_latex(SourceTree(arxiv_id="x", files=files), Config().latex)
        if not isinstance(outcome, ExtractedPaper):
            continue  # samples that are there to be rejected
        num_with_text += 1
        num_source = sum(map(len, decode(files)[0].values()))
        num_dropped = sum(outcome.dropped_characters.values())
        assert num_dropped <= num_source, path
        if len(outcome.root_files) == 1 and num_source > 5_000:
            # what remains is the text and the mark-up around it, less what macros stand for
            assert num_source * 0.7 < num_dropped + len(outcome.text) < num_source * 1.6, path
    assert num_with_text > 45
