"""Files of code that a paper prints: which are found, which of their lines are read, and what a missing or hostile one does."""

import pytest

from preprocess.latex.expansion.listed_files import MAX_LISTED_CHARACTERS
from tests.preprocess.latex.latex_paper import document, paper, text_of

CODE = "def f(x):  # 100%\n    return {x}\n\nprint(f(3))\n"
FILES: dict[str, str | bytes] = {
    "code/f.py": CODE,
    "plot.R": "lm(y ~ x)\n",
    "log.txt": "pass $1\nfail \\ref\n",
    "my_prog.c": "int main() { return 0; }\n",
    "own.tex": "\\documentclass{article}\n\\begin{document}\nshown, not read\n\\end{document}\n",
    "ends.tex": "\\begin{lstlisting}\nx\n\\end{lstlisting}\n",
}


def fenced(code: str) -> str:
    return f"```\n{code}\n```"


@pytest.mark.parametrize(
    "source, code",
    [
        (r"\lstinputlisting{code/f.py}", CODE.rstrip()),
        (r"\lstinputlisting[language=Python]{./code/f.py}", CODE.rstrip()),
        (r"\lstinputlisting[firstline=2,lastline=2]{code/f.py}", "    return {x}"),
        (r"\lstinputlisting[linerange={1-1,4-4}]{code/f.py}", "def f(x):  # 100%\nprint(f(3))"),
        (r"\lstinputlisting[linerange=4-]{code/f.py}", "print(f(3))"),
        (r"\lstinputlisting[firstline=9]{code/f.py}", ""),
        (r"\verbatiminput{log.txt}", "pass $1\nfail \\ref"),
        (r"\verbatiminput*{log.txt}", "pass $1\nfail \\ref"),
        (r"\VerbatimInput[fontsize=\small,firstline=2]{log}", "fail \\ref"),
        (r"\inputminted{r}{plot.R}", "lm(y ~ x)"),
        (r"\inputminted[firstline=2,lastline=2,gobble=4]{python}{code/f.py}", "return {x}"),
        (r"\listinginput[5]{4}{code/f.py}", "print(f(3))"),
        (r"\newmintedfile{r}{linenos}\rfile{plot.R}", "lm(y ~ x)"),
        (r"\newmintedfile[show]{r}{}\show[firstline=1]{plot.R}", "lm(y ~ x)"),
        (r"\newcommand{\src}[1]{\lstinputlisting{code/#1.py}}\src{f}", CODE.rstrip()),
        (r"\lstinputlisting{my\_prog.c}", "int main() { return 0; }"),
        (r"\lstinputlisting{f.py}", CODE.rstrip()),  # \lstset's inputpath: the only file of that name
        (r"\lstinputlisting{own.tex}", "\\documentclass{article}\n\\begin{document}\nshown, not read\n\\end{document}"),
        (r"\lstinputlisting{ends.tex}", "\\begin{lstlisting}\nx\n\\end{lstlisting}"),
        ("\\begin{filecontents*}{made.py}\nx = 1\n\\end{filecontents*}\n\\lstinputlisting{made.py}", "x = 1"),
    ],
)
def test_a_printed_file_is_code(source: str, code: str) -> None:
    files = {name: content for name, content in FILES.items() if not name.endswith(".tex") or name in source}
    shown = f"\n\n{fenced(code)}\n\n" if code else " "
    assert text_of({"main.tex": document(f"Before\n{source}\nafter."), **files}) == f"Before{shown}after.\n"


def test_its_caption_is_kept() -> None:
    text = text_of({"main.tex": document("\\lstinputlisting[caption={A fit, in R},label=l]{plot.R}"), **FILES})
    assert "[caption: A fit, in R]\n\n```\nlm(y ~ x)\n```" in text


def test_missing_and_binary_files_are_warned_of() -> None:
    extracted = paper({"main.tex": document("a \\lstinputlisting{gone.py} b \\verbatiminput{x.dat} c"), "x.dat": bytes(range(8)) * 99})
    assert extracted.text == "a b c"
    assert extracted.warnings == {"binary_file": 1, "missing_input": 2}


def test_they_are_on_the_books() -> None:
    source = document("a \\lstinputlisting[lastline=1]{log.txt}")
    extracted = paper({"main.tex": source, "log.txt": "first\nsecond\n"})
    assert extracted.warnings == {"listed_file": 1}
    assert extracted.dropped_characters["unlisted_lines"] == len("\nsecond\n")
    assert "unused_file" not in extracted.dropped_characters
    assert extracted.root_files == ("main.tex",)


def test_data_printed_for_ever_are_bounded() -> None:
    line = "0123456789abcdef\n"
    files: dict[str, str | bytes] = {"big.txt": line * (MAX_LISTED_CHARACTERS // len(line) // 2)}
    extracted = paper({"main.tex": document("\\verbatiminput{big.txt}" * 9), **files})
    assert extracted.warnings == {"listed_file": 2, "listing_limit": 7}
    assert len(extracted.text) <= MAX_LISTED_CHARACTERS + 100
