from preprocess.latex.decode import decode
from preprocess.latex.paper import extract_latex
from preprocess.latex.trace import MAX_NOTES, Note, Trace
from preprocess.records import SourceTree
from tests.preprocess.latex.latex_paper import CONFIG, document

SOURCE = (
    "\\section{A}\n\\input{part}\n\\input{gone}\n\\mine{x}\\mine{y}\\unheard{z}\n"
    "\\begin{tikzpicture}\\end{tikzpicture}\n\\begin{comment}x\\end{comment}\n"
)


def test_a_trace_says_what_was_done_where() -> None:
    trace = Trace()
    files = {"main.tex": document(SOURCE, "\\newcommand{\\mine}[1]{<#1>}").encode(), "part.tex": b"Line.\n\\input{gone2}"}
    tree = SourceTree(arxiv_id="x", files=files)
    traced = extract_latex(tree, CONFIG.latex, trace)
    assert traced == extract_latex(tree, CONFIG.latex)
    assert trace.roots == ["main.tex"]
    assert trace.included == [Note(kind="included", file="main.tex", line=5, detail="part.tex")]
    assert trace.macro_calls == {"mine": 2}
    assert trace.dropped_environments == {"tikzpicture": 1, "comment": 1}
    assert trace.dropped_environment_characters == {
        "tikzpicture": len("\\end{tikzpicture}"),
        "comment": len("\\begin{comment}x\\end{comment}"),
    }
    assert trace.unknown_commands == {"unheard": 1}
    assert trace.notes == [
        Note(kind="missing_input", file="part.tex", line=2, detail="gone2"),
        Note(kind="missing_input", file="main.tex", line=6, detail="gone"),
    ]
    assert "<x><y>" in trace.expanded_sources["main.tex"]


def test_encodings_are_told_by_file() -> None:
    trace = Trace()
    files = {"a.tex": b"\\usepackage[latin2]{inputenc} \xe9", "b.tex": "é".encode(), "c.tex": "é".encode("utf-16")}
    _, warnings = decode(files, trace)
    assert warnings == {"encoding_declared": 1, "encoding_utf16": 1}
    assert trace.notes == [
        Note(kind="encoding_declared", file="a.tex", line=0, detail="iso8859_2"),
        Note(kind="encoding_utf16", file="c.tex", line=0, detail=""),
    ]


def test_notes_are_bounded() -> None:
    trace = Trace()
    for number in range(MAX_NOTES + 5):
        trace.note("kind", "file", number, "x" * 1000)
    assert len(trace.notes) == MAX_NOTES
    assert len(trace.notes[0].detail) == 200
