"""Constructs that arXiv's sources have, a class, a format or a package at a time, each with what a reader sees of it."""

import pytest

from preprocess.latex.vocabularies import vocabulary
from tests.preprocess.latex.latex_paper import text_of


def text(source: str) -> str:
    return text_of({"main.tex": source}).rstrip("\n")


def classed(document_class: str, source: str, preamble: str = "") -> str:
    return text(f"\\documentclass{{{document_class}}}\n{preamble}\n\\begin{{document}}\n{source}\n\\end{{document}}\n")


@pytest.mark.parametrize(
    "name",
    ["aastex631", "emulateapj5", "mn2e", "revtex4-1", "icml2020", "nips15submit_e", "IEEEtran", "JHEP3", "svjour3", "sn-jnl", "elsarticle"],
)
def test_a_version_behind_a_name_is_passed_over(name: str) -> None:
    assert len(vocabulary(name)) > 8


@pytest.mark.parametrize("name", ["article", "report", "amsmath", "graphicx", ""])
def test_what_is_not_known_has_no_vocabulary(name: str) -> None:
    assert vocabulary(name) == ()


def test_aastex() -> None:
    shown = classed(
        "aastex",
        "\\title{Stars}\\author{A. One\\altaffilmark{1,2}}\\altaffiltext{1}{Visiting.}\\section{Data}"
        "\\begin{deluxetable}{lr}\\tablewidth{0pt}\\tablenum{3}\\tablecaption{Cold clouds}\\tablehead{\\colhead{Name} & \\colhead{Mass}}\n"
        "\\startdata\nA & 3.4\\tablenotemark{a} \\\\\nB & \\nodata\n\\enddata\n\\tablenotetext{a}{Uncertain.}\\tablecomments{All are cold.}"
        "\\end{deluxetable}\\begin{figure}\\plotone{f1.eps}\\epsscale{.8}\\caption{A map.}\\end{figure}",
    )
    assert "A. One$^{1,2}$\n" in shown
    assert "[footnote: $^{1}$ Visiting.]" in shown
    assert "[caption: Cold clouds]\n\nName | Mass\nA | 3.4$^{a}$\nB | …\n" in shown
    assert "[footnote: $^{a}$ Uncertain.]\nNote. All are cold." in shown
    assert all(wrong not in shown for wrong in ("0pt", "f1.eps", ".8", "3.4a"))


def test_elsevier_notes_are_footnotes() -> None:
    shown = classed(
        "elsarticle",
        "\\begin{frontmatter}\\title{T\\tnoteref{t1}}\\tnotetext[t1]{By grant.}"
        "\\author[a]{A. One\\corref{c}}\\cortext[c]{Corresponding author}"
        "\\begin{keyword}one \\sep two \\PACS 11.10 \\sep 12.20 \\MSC[2008] 20G05\\end{keyword}"
        "\\end{frontmatter}\\journal{Nuclear Physics B}Text.",
    )
    assert shown == (
        "# T\n\nA. One\n\n[footnote: By grant.] [footnote: Corresponding author]\n\n"
        "Keywords: one, two\n\nPACS: 11.10, 12.20\n\n2008 MSC: 20G05\n\nText."
    )


def test_iopart() -> None:
    shown = classed(
        "iopart", "See \\eref{e} and \\Fref{f}: $\\rme^{\\rmi x}\\,\\rmd x$.\\Table{Runs.}\\ack We thank.\\References\\item[] A. B\\endrefs"
    )
    assert shown == (
        "See ([ref:1]) and Figure [ref:2]: $\\mathrm{e}^{\\mathrm{i}x}\\,\\mathrm{d}x$.\n\n[caption: Runs.]\n\n"
        "# Acknowledgments\n\nWe thank."
    )


def test_icml() -> None:
    shown = classed(
        "article",
        "\\icmltitle{A Title}\\icmlsetsymbol{equal}{*}\\icmlauthor{A. One}{equal,to}\\icmlaffiliation{to}{University}"
        "\\icmlkeywords{x}Text.",
        "\\usepackage{icml2020}",
    )
    assert shown == "# A Title\n\nA. One\n\nUniversity\n\nText."


def test_latex209_has_packages_among_the_options_of_the_style() -> None:
    shown = text("\\documentstyle[12pt,aaspp4]{article}\\begin{document}\\plotone{a.eps}Seen.\\end{document}")
    assert shown == "Seen."


def test_a_definition_of_the_papers_own_wins_over_the_vocabulary() -> None:
    assert classed("aastex", "\\plotone{a}", "\\newcommand{\\plotone}[1]{Figure #1}") == "Figure a"


def test_harvmac() -> None:
    shown = text(
        "\\input harvmac\n\\Title{\\vbox{\\hbox{REP-1}}}{\\vbox{\\centerline{Great}\\centerline{Strings}}}\n\\centerline{A. One}\n"
        "\\lref\\ww{E. W., Nucl. Phys.}\n\\newsec{Introduction}\nAs in \\refs{\\ww} and \\ref\\abc{A. Bc.}, by \\ww, \\eqn\\one{E=mc^2}"
        "so \\one\\ holds.\\foot{Nearly.}\n\\eqnn\\two $$a=b\\eqno\\two$$\n\\appendix{A}{Proofs}\nEnd.\n\\listrefs\n\\bye\n"
    )
    assert shown == (
        "# Great Strings\n\nA. One\n\n# Introduction\n\nAs in [cite:1] and [cite:2], by [cite:1],\n"
        "\\begin{equation}\nE=mc^2\n\\end{equation}\n"
        "so ([ref:1]) holds. [footnote: Nearly.]\n\\[a=b\\eqno([ref:2])\\]\n\n# Appendix A. Proofs\n\nEnd."
    )


def test_phyzzx() -> None:
    shown = text(
        "\\input phyzzx\n\\REF\\a{A. B.}\n\\chapter{Start}\nAs in \\refmark\\a: $$x=y\\eqn\\eq$$ and \\eq.\\foot{Note.}\n\\refout\\bye\n"
    )
    assert shown == "# Start\n\nAs in [cite:1]:\n\\[x=y\\]\nand ([ref:1]). [footnote: Note.]"


def test_amsppt_formulas_come_in_the_words_of_amsmath() -> None:
    shown = text(
        "\\documentstyle{amsppt}\n\\topmatter\\title T\\endtitle\\thanks Supported.\\endthanks\\endtopmatter\n\\document\n"
        "$$\\align a&=b\\\\c&=d\\endalign$$ $\\Bbb R$, $\\overset f\\to\\rightarrow$, $\\matrix\\format\\l&\\r\\\\1&2\\endmatrix$,"
        " $\\sum\\Sb i\\\\j\\endSb$\n\\enddocument\n"
    )
    assert shown == (
        "# T\n\n[footnote: Supported.]\n\\[\\begin{aligned}a&=b\\\\c&=d\\end{aligned}\\]\n"
        "$\\mathbb R$, $\\overset{f}{\\rightarrow}$, $\\begin{matrix}1&2\\end{matrix}$, $\\sum_{\\substack{i\\\\j}}$"
    )


def test_jmlr_heading_is_not_text() -> None:
    shown = classed(
        "article",
        "\\title{T}\\author{\\name A. One \\addr Inst}\\editor{X}\\maketitle Text.\\acks{We thank.}",
        "\\usepackage{jmlr2e}\\jmlrheading{1}{2000}{1-48}{4/00}{10/00}{m00}{One}\\ShortHeadings{Short}{One}\\firstpageno{1}",
    )
    assert shown == "# T\n\nA. One Inst\n\nText.\n\n# Acknowledgments\n\nWe thank."


def test_imsart() -> None:
    shown = classed(
        "imsart",
        "\\begin{frontmatter}\\title{T}\\runtitle{Short}\\begin{aug}\\author[A]{\\fnms{Ann}~\\snm{One}\\ead[label=e1]{a@b.c}\\thanksref{t1}}"
        "\\address[A]{Inst\\printead[presep={, }]{e1}}\\thankstext{t1}{By grant.}\\end{aug}\\end{frontmatter}Text.",
    )
    assert shown == "# T\n\nAnn One, a@b.c\n\nInst\n\n[footnote: By grant.]\n\nText."


def test_siam_theorems_and_running_heads() -> None:
    shown = classed("siamart190516", "\\begin{claim}So it is.\\end{claim}", "\\headers{Short}{A. One}\\newsiamthm{claim}{Assertion}")
    assert shown == "Assertion. So it is."


def test_a_class_in_a_folder() -> None:
    shown = classed("Definitions/mdpi", "Text.\\funding{None.}", "\\Title{T}\\TitleCitation{Short}\\Author{A. One}")
    assert shown == "# T\n\nA. One\n\nText.\n\nFunding: None."


def test_abbreviations_of_computer_vision() -> None:
    assert classed("article", "Models, \\eg trees \\etc, \\ie \\emph{all}.", "\\usepackage{cvpr}") == "Models, e.g. trees etc., i.e. all."


def numbered(step: str, source: str) -> str:
    return classed("article", f"\\begin{{algorithm}}\\begin{{algorithmic}}{step}\n{source}\n\\end{{algorithmic}}\\end{{algorithm}}")


def test_lines_of_algorithmic_have_the_numbers_asked_for() -> None:
    source = "\\REQUIRE $x$\n\\STATE a\n\\FOR{$i$}\n\\IF{c} \\STATE b \\COMMENT{why} \\ENDIF\n\\ENDFOR\n\\RETURN y"
    plain = "Require: $x$\na\nfor $i$ do\nif c then\nb ▷ why\nend if\nend for\nreturn y"
    assert numbered("", source) == plain
    every = "Require: $x$\n1: a\n2: for $i$ do\n3: if c then\n4: b ▷ why\n5: end if\n6: end for\n7: return y"
    assert numbered("[1]", source) == every
    assert numbered("[3]", source) == "Require: $x$\na\nfor $i$ do\n3: if c then\nb ▷ why\nend if\n6: end for\nreturn y"
    assert numbered("[0]", source) == plain


def test_algorithmicx_returns_within_a_line_and_begins_again_in_the_next_algorithm() -> None:
    source = "\\Procedure{P}{$a$}\n\\State \\Return \\Call{Q}{$a$}\n\\Statex more\n\\EndProcedure"
    assert numbered("[1]", source) == "1: procedure P($a$)\n2: return Q($a$)\nmore\n3: end procedure"
    twice = numbered("[1]", "\\State a\n\\end{algorithmic}\\begin{algorithmic}[1]\n\\State b")
    assert twice == "1: a\n\n1: b"


_ALGORITHM2E = "\\begin{algorithm}%s\\KwIn{x}\\KwOut{y}\n$a$\\;\\For{$i$}{b\\;}\\caption{Euclid}\\end{algorithm}"


@pytest.mark.parametrize(
    ("preamble", "inner"),
    [("\\usepackage[ruled,linesnumbered]{algorithm2e}", ""), ("\\LinesNumbered", ""), ("", "\\LinesNumbered")],
)
def test_lines_of_algorithm2e_have_the_numbers_asked_for(preamble: str, inner: str) -> None:
    shown = classed("article", _ALGORITHM2E % inner, preamble)
    lines = "Input: x\nOutput: y\n1 $a$\n2 for $i$ do\n3 b\n4 end"
    assert shown.split("\n\n[caption: Euclid]")[0].replace("\n\n", "\n") == lines
    assert "[caption: Euclid]" in shown


def test_lines_of_algorithm2e_have_no_numbers_unasked() -> None:
    assert not any(character.isdigit() for character in classed("article", _ALGORITHM2E % "", "\\usepackage[ruled]{algorithm2e}"))
    after = classed("article", (_ALGORITHM2E % "\\LinesNumbered") + (_ALGORITHM2E % ""))
    assert after.count("1 $a$") == 1
    assert after.count("$a$") == 2
    assert "\n1 b" in classed("article", "\\begin{algorithm}a\\;\\nl b\\;c\\end{algorithm}")


def test_a_theorem_called_algorithm_is_no_algorithm() -> None:
    shown = classed("article", "\\begin{algorithm}Add.\\end{algorithm}", "\\newtheorem{algorithm}{Algorithm}")
    assert shown == "Algorithm. Add."
