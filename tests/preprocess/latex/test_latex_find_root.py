import json

import pytest

from preprocess.latex.find_root import find_root

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
    ],
)
def test_what_arxiv_states_counts(readme: str) -> None:
    assert find_root({"a.tex": ARTICLE, "b.tex": ARTICLE}, readme.encode()) == ("b.tex",)


@pytest.mark.parametrize("readme", ["a.tex ignore\n", json.dumps({"sources": [{"filename": "a.tex", "usage": "ignore"}]})])
def test_what_arxiv_ignores_is_no_root(readme: str) -> None:
    assert find_root({"a.tex": ARTICLE, "b.tex": ARTICLE}, readme.encode()) == ("b.tex",)


@pytest.mark.parametrize(
    "readme", [b"", b"{", b"[1, 2]", b"\xff\xfe", b'{"sources": 3}', b'{"sources": [{"usage": "toplevel"}]}', b"gone.tex toplevelfile"]
)
def test_a_strange_readme_states_nothing(readme: bytes) -> None:
    assert find_root({"a.tex": ARTICLE}, readme) == ("a.tex",)
