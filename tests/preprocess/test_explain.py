"""`extract --explain` and `--format latex`: what is said of a paper whose every turn is known."""

from pathlib import Path

import pytest

from preprocess.__main__ import main
from preprocess.config import Config
from preprocess.explain import MAX_MACROS, explanation
from preprocess.latex.find_root import why_root
from preprocess.latex.trace import Trace
from preprocess.pipeline import process_paper
from preprocess.records import Document, Rejection
from tests.preprocess.tiny import packed_tar, raw_paper

MAIN = r"""\documentclass{article}
\newcommand{\vx}{\mathbf{x}}
\newcommand{\pos}{\ensuremath{x>0}}
\begin{document}
\section{One}
\input{part}\input{gone}
We have $\vx$ and \pos, \verb|a%|b. \unheard{z}
\begin{tikzpicture}\draw (0,0);\end{tikzpicture}
\end{document}
left over
"""
PART = "Part $\\vx$.\n\\input{main}\\input{lost}\n"
FILES = {"main.tex": MAIN.encode(), "part.tex": PART.encode(), "z.tex": b"\\section{No root} caf\xe9"}


def explained(files: dict[str, bytes]) -> tuple[Document | Rejection, Trace, list[str]]:
    trace = Trace()
    outcome = process_paper(raw_paper(packed_tar(files)), Config(), trace)
    return outcome, trace, explanation(trace, outcome).splitlines()


def test_every_turn_is_told_with_its_place() -> None:
    outcome, _, lines = explained(FILES)
    assert isinstance(outcome, Document)
    told = {line.split(":")[0]: number for number, line in enumerate(lines) if not line.startswith(" ")}
    assert list(told) == ["roots", "included files", "macros expanded", "environments dropped", "characters dropped", "warnings"]
    assert lines[1] == "  main.tex: \\documentclass{article} in line 1 and \\begin{document}; other files include it too"
    assert lines[told["included files"] :][:2] == ["included files: 1", "  main.tex:6: part.tex"]
    assert lines[told["macros expanded"] :][:3] == ["macros expanded: 3 calls of 2 macros", "  2 \\vx", "  1 \\pos"]
    assert lines[told["environments dropped"] :][:2] == ["environments dropped: 1", "  1 tikzpicture (29 characters)"]
    dropped = {line.split()[1]: int(line.split()[0]) for line in lines[told["characters dropped"] + 1 : told["warnings"]]}
    assert dropped == outcome.dropped_characters
    assert lines[told["warnings"] :] == [
        "warnings: 5",
        "  z.tex: encoding_detected: cp1252",
        "  part.tex:2: input_loop: main.tex",
        "  part.tex:2: missing_input: lost",
        "  main.tex:6: missing_input: gone",
        "  main.tex:7: unknown_command: \\unheard, 1 in all",
    ]


def test_asking_changes_nothing() -> None:
    outcome, _, _ = explained(FILES)
    assert outcome == process_paper(raw_paper(packed_tar(FILES)), Config())


def test_what_belongs_to_the_archive_and_what_is_beyond_the_notes_is_counted() -> None:
    many = "\\input{gone}" * 600
    files = {"main.tex": MAIN.replace("left over", "").replace("\\section{One}", many).encode(), "../part.tex": b"x"}
    _, trace, lines = explained(files)
    assert len(trace.notes) == 500
    assert "  missing_input: 101 more" in lines
    assert "  unsafe_name: 1" in lines


def test_the_most_called_macros_are_shown() -> None:
    names = [f"m{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(MAX_MACROS + 2)]
    definitions = "".join(f"\\newcommand{{\\{name}}}{{x}}" for name in names)
    body = "".join(f"\\{name} " * (number + 1) for number, name in enumerate(names))
    _, _, lines = explained({"a.tex": f"\\documentclass{{article}}{definitions}\\begin{{document}}{body}\\end{{document}}".encode()})
    first = next(number for number, line in enumerate(lines) if line.startswith("macros expanded"))
    assert lines[first + 1] == f"  {len(names)} \\{names[-1]}"
    assert lines[first + MAX_MACROS + 1 :][:2] == ["  … and 2 more", "environments dropped: 0"]


def test_a_paper_without_a_document_is_explained_as_far_as_it_came() -> None:
    outcome, _, lines = explained({"a.tex": b"\\documentclass{article}\\begin{document}\\end{document}"})
    assert isinstance(outcome, Rejection)
    assert lines[0] == "roots"
    assert lines[-1] == "warnings: 0"
    assert explained({"a.png": b"\x89PNG"})[2][0] == "roots: none"


def test_a_root_that_only_repeats_another_says_so() -> None:
    copy = b"\\documentclass{article}\\begin{document}Let $x$ be small.\\end{document}"
    _, trace, lines = explained({"a.tex": copy, "b.tex": copy})
    assert trace.roots == ["a.tex"]
    assert lines[2].endswith("no other file includes it; not in the text")
    assert "  b.tex: copied_root" in lines


@pytest.mark.parametrize(
    "text, reason",
    [
        ("% \\documentclass{no}\n\\documentclass[a4]{article}\n", "\\documentclass{article} in line 2; no other"),
        ("\\documentstyle[12pt]{revtex}\n\\begin{document}", "\\documentstyle{revtex} in line 1 and \\begin{document}; no other"),
        ("x\n\\begin{document}", "\\begin{document} in line 2; no other"),
        ("x\n\\bye", "plain TeX's end in line 2; no other"),
        ("\\magnification=1200\nx", "a beginning of plain TeX in line 1; no other"),
        ("x", "nothing in 1 files says where the paper begins; no other"),
    ],
)
def test_reasons_of_roots(text: str, reason: str) -> None:
    assert why_root("a.tex", {"a.tex": text}).startswith(reason)
    assert why_root("a.tex", {"a.tex": text}, b"a.tex toplevelfile") == "00README names it"


def test_latex_is_one_source_that_gives_the_same_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "paper"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    assert main(["extract", str(folder)]) == 0
    text = capsys.readouterr().out
    assert main(["extract", str(folder), "--format", "latex"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("document: root main.tex")
    assert "Part $\\mathbf{x}$.\n" in said.out
    assert "and \\ensuremath{x>0}, \\verb|a%|b. \\unheard{z}" in said.out
    assert "\\newcommand" not in said.out
    assert all(character >= " " or character == "\n" for character in said.out)
    (tmp_path / "one.tex").write_text(said.out)
    assert main(["extract", str(tmp_path / "one.tex")]) == 0
    assert capsys.readouterr().out == text


def test_code_between_marks_is_given_marks_that_are_not_in_it() -> None:
    _, trace, _ = explained({"a.tex": b"\\documentclass{article}\\begin{document}A \\verb+a|b\\{%$+ c.\\end{document}"})
    assert "A \\verb!a|b\\{%$! c." in trace.source()


def test_explain_goes_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tex").write_bytes(MAIN.encode())
    assert main(["extract", str(tmp_path / "a.tex"), "--explain"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("# One")
    assert said.err.startswith("roots\n  main.tex") or said.err.startswith("roots\n  a.tex")
    assert said.err.splitlines()[-1].startswith("document: root ")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4\n")
    assert main(["extract", str(tmp_path / "b.pdf"), "--explain", "--format", "latex"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith("rejected at validate: pdf_only")
