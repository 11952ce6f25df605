"""The bugs of other cleaners of arXiv sources, each with the input that shows it: ours must not have them."""

import pytest

from tests.preprocess.latex.latex_paper import body, document, paper, text_of


def test_one_file_that_is_not_utf8_does_not_cost_the_paper() -> None:
    text = text_of({"main.tex": document("Whole. \\input{part}"), "part.tex": b"Caf\xe9 sentence."})
    assert text == "Whole. Café sentence.\n"


def test_a_paper_without_sections_has_its_text() -> None:
    assert body("Only a paragraph.\n\nAnd another.") == "Only a paragraph.\n\nAnd another."


def test_what_stands_before_the_first_section_stays() -> None:
    text = body("\\title{A Title}\\author{A. Uthor}\\maketitle\\begin{abstract}In short.\\end{abstract}Lead.\\section{One}Text.")
    assert text == "# A Title\n\nA. Uthor\n\n# Abstract\n\nIn short.\n\nLead.\n\n# One\n\nText."


def test_what_stands_after_appendix_stays() -> None:
    assert body("Body.\\appendix\\section{Proofs}The long proof.") == "Body.\n\n# Proofs\n\nThe long proof."


def test_two_definitions_on_one_line() -> None:
    assert body("\\first{} and \\second.", r"\newcommand{\first}{one} \newcommand{\second}{two}") == "one and two."


@pytest.mark.parametrize("content", [r"\xi", r"\1", r"\g<0>", r"\u{z}", r"\N", r"a\\b"])
def test_a_macro_body_is_no_pattern(content: str) -> None:
    assert body("\\[\\foo\\]", f"\\newcommand{{\\foo}}{{{content}}}") == f"\\[{content}\\]"


def test_a_macro_name_inside_another_is_not_replaced() -> None:
    text = body(r"\be x=1 \ee \begin{itemize}\item a\end{itemize}", r"\newcommand{\be}{\begin{equation}}\newcommand{\ee}{\end{equation}}")
    assert text == "\\begin{equation}\nx=1\n\\end{equation}\n\n- a"


def test_macros_of_the_preamble_are_read_before_it_goes() -> None:
    assert body("The \\gui{} works.", "\\def\\gui{GUI}") == "The GUI works."


def test_a_full_stop_before_a_comment_stays() -> None:
    assert body("End.% remark\n\nNext.%\n\nLast.") == "End.\n\nNext.\n\nLast."


def test_an_escaped_percent_sign_is_no_comment() -> None:
    assert body("We gain 50\\% of it. All of it. \\\\% gone\nStays.") == "We gain 50% of it. All of it.\nStays."


def test_footnotes_with_braces() -> None:
    text = body(r"Word\footnote{See {\em the} \textbf{big {nested}} $x_{1}$.}, next.")
    assert text == "Word [footnote: See the big nested $x_{1}$.], next."


def test_citations_with_options_stars_and_several_keys() -> None:
    text = body(r"As \citep[see][p.~3]{a} and \citet*{b}, \cite{a, c}, \parencite{d_1:x}.")
    assert text == "As (see [cite:1], p. 3) and [cite:2], [cite:1][cite:3], [cite:4]."


def test_paragraphs_stay_paragraphs() -> None:
    assert body("One\nline.\n\n\n  Two.\n%\n\nThree.") == "One line.\n\nTwo.\n\nThree."


def test_files_come_in_the_order_of_their_inclusion() -> None:
    files: dict[str, str | bytes] = {
        "a_last.tex": "Second.",
        "b_first.tex": "First.",
        "z_root.tex": document("\\input{b_first}\\include{a_last}"),
        "unused.tex": "Never included.",
    }
    assert text_of(files) == "First. Second.\n" or text_of(files) == "First.Second.\n"


def test_inclusion_in_all_its_forms() -> None:
    files: dict[str, str | bytes] = {
        "main.tex": document(
            '\\input{a}\\input b \n\\include{c}\\subfile{d/d}\\import{e/}{e}\\subimport{f}{f}\\InputIfFileExists{g}{}{no}\\input{"h.tex"}'
        ),
        "a.tex": "Alpha. ",
        "b.tex": "Beta. ",
        "c.tex": "Gamma. ",
        "d/d.tex": "\\documentclass[../main]{subfiles}\\begin{document}Delta. \\end{document}",
        "e/e.tex": "Epsilon. ",
        "f/f.tex": "Zeta. ",
        "g.tex": "Eta. ",
        "h.tex": "Theta.",
    }
    assert text_of(files).split() == ["Alpha.", "Beta.", "Gamma.", "Delta.", "Epsilon.", "Zeta.", "Eta.", "Theta."]


def test_single_file_submissions_are_papers() -> None:
    assert paper({"main.tex": document("Alone.")}).root_files == ("main.tex",)


def test_href_has_its_text() -> None:
    assert body(r"See \href{http://example.org/a_b%20c}{the \emph{page}} now.") == "See the page now."


def test_a_macro_that_opens_an_environment_does_not_empty_the_body() -> None:
    text = body("Before \\be\\label{e} a=b \\ee after.", r"\newcommand{\be}{\begin{equation}}\newcommand{\ee}{\end{equation}}")
    assert text == "Before\n\\begin{equation}\na=b\n\\end{equation}\nafter."


def test_maketitle_and_today_print_no_date_of_today() -> None:
    text = body("\\title{T}\\maketitle Written \\today.")
    assert text == "# T\n\nWritten."


def test_verbatim_stays() -> None:
    text = body("Code:\n\\begin{verbatim}\n  x = 50% \\of {y\n    $z\n\\end{verbatim}\nand \\verb|a_b$%{|.")
    assert text == "Code:\n\n```\n  x = 50% \\of {y\n    $z\n```\n\nand `a_b$%{`."


def test_comments_and_false_branches_do_not_leak() -> None:
    assert body("A\\begin{comment}\nhidden \\end{nothing}\n\\end{comment}\\iffalse hidden \\ifx\\a\\b x\\else y\\fi z\\fi B") == "AB"


def test_three_hundred_nested_braces() -> None:
    assert body("{" * 300 + "deep" + "}" * 300) == "deep"


def test_no_author_leaks_into_the_next_paper() -> None:
    assert "Secret" in body("\\title{T}\\author{Secret Author}\\maketitle x")
    assert body("\\title{U}\\maketitle y") == "# U\n\ny"


def test_a_theorem_keeps_its_name_and_a_proof_is_one() -> None:
    text = body("\\begin{satz}[Gauß]Text $x$.\\end{satz}\\begin{proof}Clear.\\end{proof}", "\\newtheorem{satz}{Satz}[section]")
    assert text == "Satz (Gauß). Text $x$.\n\nProof. Clear."
