import json
import time

import pytest

from preprocess.latex.find_root import find_root
from tests.preprocess.latex.latex_paper import document, paper

ARTICLE = "\\documentclass{article}\n\\begin{document}x\\end{document}"


@pytest.mark.parametrize(
    "texts, roots",
    [
        ({"main.tex": ARTICLE}, ("main.tex",)),
        ({"a.tex": "part", "paper.tex": ARTICLE}, ("paper.tex",)),
        ({"old.tex": "\\documentstyle[12pt]{article}\\begin{document}\\end{document}"}, ("old.tex",)),
        ({"supp.tex": ARTICLE, "ms.tex": ARTICLE}, ("ms.tex", "supp.tex")),
        ({"z.tex": ARTICLE.replace("x", "\\input{a}"), "a.tex": ARTICLE}, ("z.tex",)),
        ({"p.tex": "\\magnification=1200\nText.\n\\bye"}, ("p.tex",)),
        ({"p.tex": "Only words, no command at all."}, ("p.tex",)),
        ({"c.tex": "%\\documentclass{article}\nno", "r.tex": ARTICLE}, ("r.tex",)),
        ({"x.sty": "\\documentclass", "deep/er/r.tex": ARTICLE}, ("deep/er/r.tex",)),
        ({"m.tex": "\\documentclass\n[12pt]%\n{article}\\begin {document}\\end{document}"}, ("m.tex",)),
        ({"q.tex": "\\input amstex\\documentstyle{amsppt}\\topmatter\\endtopmatter\\document x\\enddocument"}, ("q.tex",)),
        (
            {"book.tex": ARTICLE, "c/one.tex": "\\documentclass[../book]{subfiles}\\begin{document}a\\end{document}"},
            ("book.tex", "c/one.tex"),
        ),
        ({}, ()),
        ({"empty.tex": "  \n"}, ()),
    ],
)
def test_roots(texts: dict[str, str], roots: tuple[str, ...]) -> None:
    found = find_root(texts)
    if roots == ("book.tex", "c/one.tex"):
        assert "c/one.tex" in found
    else:
        assert found == roots


@pytest.mark.parametrize(
    "readme",
    [
        json.dumps({"sources": [{"filename": "b.tex", "usage": "toplevel"}, {"filename": "a.tex", "usage": "ignore"}]}),
        "sources:\n  - filename: a.tex\n    usage: include\n  - filename: b.tex\n    usage: toplevel\n",
        "b.tex toplevelfile\n",
        "nohypertex\r\n./b.tex toplevelfile landscape\r\na.tex include\r\n",
        '"b.tex" toplevelfile',
        "sources: [{filename: a.tex, usage: ignore}, {filename: b.tex, usage: toplevel}]",
        "stamp: true\nsources:\n- usage: toplevel\n  filename: 'b.tex'\n  orientation: landscape\n- usage: ignore\n  filename: a.tex\n",
        '[process]\ncompiler = "pdflatex"\n[[sources]]\nfilename = "b.tex"\nusage = "toplevel"\n',
        json.dumps({"spec_version": 1, "sources": [{"filename": "./b.tex", "usage": "toplevel"}]}),
    ],
)
def test_what_arxiv_states_counts(readme: str) -> None:
    assert find_root({"a.tex": ARTICLE, "b.tex": ARTICLE}, readme.encode()) == ("b.tex",)


@pytest.mark.parametrize("readme", ["a.tex ignore\n", json.dumps({"sources": [{"filename": "a.tex", "usage": "ignore"}]})])
def test_what_arxiv_ignores_is_no_root(readme: str) -> None:
    assert find_root({"a.tex": ARTICLE, "b.tex": ARTICLE}, readme.encode()) == ("b.tex",)


def test_several_top_level_files_come_in_the_order_that_arxiv_states() -> None:
    assert find_root({"a.tex": ARTICLE, "b.tex": ARTICLE, "c.tex": ARTICLE}, b"c.tex toplevelfile\na.tex toplevelfile") == (
        "c.tex",
        "a.tex",
    )


def test_directives_of_other_kinds_state_no_root() -> None:
    assert find_root({"a.tex": ARTICLE, "main.tex": ARTICLE}, b"nohypertex\nlandscape\na.tex include\n") == ("main.tex", "a.tex")


@pytest.mark.parametrize("name", ["00README.XXX", "00readme.xxx", "00README", "00README.yml", "00README.json", "00README.toml"])
def test_the_readme_is_found_by_any_of_its_names(name: str) -> None:
    directive = {
        "json": '{"sources": [{"filename": "b.tex", "usage": "toplevel"}]}',
        "toml": "[[sources]]\nfilename = 'b.tex'\nusage = 'toplevel'",
        "yml": "sources:\n- filename: b.tex\n  usage: toplevel",
    }.get(name.rpartition(".")[2], "b.tex toplevelfile")
    found = paper({"a.tex": document("Not this."), "b.tex": document("This."), name: directive})
    assert (found.root_files, found.text) == (("b.tex",), "This.")


@pytest.mark.parametrize(
    "readme",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"\xff\xfe",
        b'{"sources": 3}',
        b'{"sources": [{"usage": "toplevel"}]}',
        b"gone.tex toplevelfile",
        b"[" * 100_000,
        b" " * 100_000,
        b"a b " * 50_000,
    ],
)
def test_a_strange_readme_states_nothing(readme: bytes) -> None:
    assert find_root({"a.tex": ARTICLE}, readme) == ("a.tex",)


HEAD = "\\documentclass{article}\n\\title{T}\n\\begin{document}\\begin{abstract}a\\end{abstract}\n"


@pytest.mark.parametrize(
    "texts, roots",
    [
        # what a root reads counts for it, not what stands in its file alone
        (
            {"a.tex": document("a longer note " * 9), "b.tex": document("\\input{c}"), "c.tex": "much more " * 99},
            ("b.tex", "a.tex"),
        ),
        ({"a.tex": document("longer " * 99), "b.tex": HEAD + "\\end{document}"}, ("b.tex", "a.tex")),
        (
            {"a.tex": document("longer " * 99), "b.tex": document("\\input{c}", "\\title{B}"), "c.tex": "\\begin{abstract}"},
            ("b.tex", "a.tex"),
        ),
        ({"highlights.tex": HEAD + "\\end{document}", "x.tex": document("x")}, ("x.tex", "highlights.tex")),
        ({"paper_SI.tex": document("longer " * 99), "paper_x.tex": document("x")}, ("paper_x.tex", "paper_SI.tex")),
        ({"PhysicsSI.tex": document("longer " * 99), "z.tex": document("x")}, ("PhysicsSI.tex", "z.tex")),
        ({"short.tex": document("x" * 99), "long.tex": document("x" * 60)}, ("long.tex", "short.tex")),
    ],
)  # fmt: skip
def test_the_order_of_several_roots(texts: dict[str, str], roots: tuple[str, ...]) -> None:
    assert find_root(texts) == roots


def test_many_roots_that_include_one_another_are_ordered_quickly() -> None:
    chain = {f"p{number}.tex": f"\\input{{p{number + 1}}}" for number in range(2_000)}
    roots = {f"r{number}.tex": document("\\input{p0}") for number in range(2_000)}
    began = time.process_time()
    assert len(find_root(chain | roots)) == 2_000
    assert time.process_time() - began < 5
