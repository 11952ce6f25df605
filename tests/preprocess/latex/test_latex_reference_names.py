"""Names before numbers: what cleveref and hyperref print, from where a label stands."""

import pytest

from tests.preprocess.latex.latex_paper import body, text_of

THEOREMS = "\\newtheorem{thm}{Theorem}\\newtheorem{cor}[thm]{Corollary}\\newtheorem{satz}{Satz}"
LABELS = (
    "\\section{S}\\label{sec}\\begin{thm}\\label{t1}A.\\begin{equation}\\label{e1}a\\end{equation}\\end{thm}\\begin{thm}\\label{t2}B.\\end{thm}"
    "\\begin{cor}\\label{c1}C.\\end{cor}\\begin{cor}\\label{c2}D.\\begin{enumerate}\\item\\label{i1}E.\\end{enumerate}\\end{cor}"
    "\\begin{figure}\\begin{center}\\caption{F\\label{f1}}\\end{center}\\end{figure}\\begin{figure*}\\caption{G}\\label{f2}\\end{figure*}"
    "\\begin{table}\\begin{tabular}{c}x\\end{tabular}\\caption{H}\\label{tab}\\end{table}\\begin{proof}I.\\label{p}\\end{proof}"
    "\\subsection{T}\\label{sub}\\begin{align}b\\label{e2}\\end{align}\\appendix\\section{U}\\label{app}"
)


def first_line(command: str, preamble: str = "") -> str:
    return body(f"X {command}.\n\n{LABELS}", THEOREMS + preamble).split("\n")[0].removeprefix("X ")


@pytest.mark.parametrize(
    "command, shown",
    [
        ("\\cref{t1}", "theorem [ref:1]."),
        ("\\Cref{t1,t2}", "Theorems [ref:1] and [ref:2]."),
        ("\\cref{c1, c2, t1}", "corollaries [ref:1] and [ref:2] and theorem [ref:3]."),
        ("\\cref{f1}", "fig. [ref:1]."),
        ("\\Cref{f1,f2}", "Figures [ref:1] and [ref:2]."),
        ("\\cref{f1,tab,t1}", "fig. [ref:1], table [ref:2] and theorem [ref:3]."),
        ("\\cref{e1}", "eq. ([ref:1])."),
        ("\\Cref{e1,e2}", "Equations ([ref:1]) and ([ref:2])."),
        ("\\cref{sub}", "section [ref:1]."),
        ("\\Cref{app}", "Appendix [ref:1]."),
        ("\\cref{i1}", "item [ref:1]."),
        ("\\cref{p}", "section [ref:1]."),
        ("\\autoref{t1}", "Theorem [ref:1]."),
        ("\\autoref{f1}", "Figure [ref:1]."),
        ("\\autoref{e1}", "Equation [ref:1]."),
        ("\\autoref{sub}", "subsection [ref:1]."),
        ("\\autoref{app}", "Appendix [ref:1]."),
        ("the \\namecref{t1}", "the theorem."),
        ("\\crefrange{t1}{t2}", "theorems [ref:1]–[ref:2]."),
        ("\\cref{nowhere}", "[ref:1]."),
        ("$\\overset{\\cref{e1}}{=}$", "$\\overset{[ref:1]}{=}$."),
        ("\\ref{t1}", "[ref:1]."),
    ],
)
def test_the_name_comes_from_where_the_label_stands(command: str, shown: str) -> None:
    assert first_line(command) == shown


@pytest.mark.parametrize(
    "preamble, command, shown",
    [
        ("\\usepackage[capitalise]{cleveref}", "\\cref{t1}, \\cref{f1}", "Theorem [ref:1], Fig. [ref:2]."),
        ("\\usepackage[capitalize,noabbrev,nameinlink]{cleveref}", "\\cref{f1}", "Figure [ref:1]."),
        ("\\crefname{figure}{Abb.}{Abb.}", "\\cref{f1,f2}", "Abb. [ref:1] and [ref:2]."),
        ("\\crefname{thm}{thm.}{thms.}", "\\cref{t1,t2}, \\Cref{t1}", "thms. [ref:1] and [ref:2], Thm. [ref:1]."),
        ("\\crefname{subsection}{subsection}{subsections}", "\\cref{sub}", "subsection [ref:1]."),
        ("\\crefformat{section}{\\S#2#1#3}", "\\cref{sec,sub}", "§[ref:1] and §[ref:2]."),
        ("\\crefformat{equation}{(#2#1#3)}", "\\cref{e1}", "([ref:1])."),
        ("\\creflabelformat{equation}{#2#1#3}", "\\cref{e1}", "eq. [ref:1]."),
        ("\\renewcommand{\\sectionautorefname}{Section}", "\\autoref{sec}", "Section [ref:1]."),
        ("\\def\\subsectionautorefname{\\S}", "\\autoref{sub}", "§ [ref:1]."),
        ("\\usepackage[ngerman]{babel}", "\\cref{f1}, \\cref{t1}", "[ref:1], Theorem [ref:2]."),
    ],
)
def test_the_paper_may_choose_the_words(preamble: str, command: str, shown: str) -> None:
    assert first_line(command, preamble) == shown


def test_labels_in_options_and_stated_kinds() -> None:
    source = (
        "\\cref{a}, \\cref{b}, \\cref{c}.\n\n\\begin{thm}[label=a]A.\\end{thm}"
        "\\begin{restatable}[note]{cor}{again}\\label{b}B.\\end{restatable}\\section{S}\\label[appendix]{c}"
    )
    assert body(source, THEOREMS).startswith("theorem [ref:1], corollary [ref:2], appendix [ref:3].")


def test_macros_of_the_paper_win() -> None:
    source = "\\documentclass{article}\\newcommand{\\cref}[1]{no.~\\ref{#1}}\\begin{document}\\cref{a}\\section{S}\\label{a}\\end{document}"
    assert text_of({"main.tex": source}).startswith("no. [ref:1]")


def test_a_package_of_the_paper_may_choose_the_words() -> None:
    main = "\\documentclass{article}\\usepackage{own}\\begin{document}\\cref{t}\\begin{thm}\\label{t}A.\\end{thm}\\end{document}"
    style = "\\RequirePackage[capitalise]{cleveref}\n\\newtheorem{thm}{Theorem}\n"
    assert text_of({"main.tex": main, "own.sty": style}).startswith("Theorem [ref:1]")
    assert text_of({"main.tex": main, "own.sty": style + "\\crefname{thm}{Thm.}{Thms.}"}).startswith("Thm. [ref:1]")
