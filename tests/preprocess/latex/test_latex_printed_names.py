"""Names that LaTeX prints, in the language of the paper."""

import pytest

from preprocess.latex.rendering.printed_names import main_language
from tests.preprocess.latex.latex_paper import body

PROOF = "\\begin{proof}a\\end{proof}"


@pytest.mark.parametrize(
    "preamble, language",
    [
        ("\\usepackage[french]{babel}", "french"),
        ("\\usepackage[ngerman,english]{babel}", "english"),
        ("\\usepackage[english, brazil]{babel}", "portuguese"),
        ("\\usepackage[main=italian,english]{babel}", "italian"),
        ("\\documentclass[12pt,spanish]{article}\\usepackage{babel}", "spanish"),
        ("\\usepackage{polyglossia}\\setmainlanguage{russian}\\setotherlanguage{english}", "russian"),
        ("\\usepackage{german}", "german"),
        ("\\usepackage[klingon]{babel}", "english"),
        ("\\documentclass[french]{article}", "english"),
        ("", "english"),
    ],
)
def test_the_main_language_is_what_the_preamble_asks_for(preamble: str, language: str) -> None:
    assert main_language(preamble) == language


@pytest.mark.parametrize(
    "preamble, source, shown",
    [
        ("\\usepackage[french]{babel}", PROOF, "Démonstration. a"),
        ("\\usepackage[german]{babel}", PROOF + "\\figurename~1, \\tablename~2", "Beweis. a\n\nAbbildung 1, Tabelle 2"),
        ("\\usepackage[spanish]{babel}", "\\begin{abstract}a\\end{abstract}", "# Resumen\n\na"),
        ("\\usepackage[portuguese]{babel}", "\\begin{proof}[Prova]a\\end{proof}", "Prova. a"),
        ("\\usepackage[russian]{babel}\\newtheorem{proof}{Набросок}", PROOF, "Набросок. a"),
        ("\\usepackage[french]{babel}", "\\selectlanguage{english}\\begin{abstract}a\\end{abstract}", "# Abstract\n\na"),
        (
            "\\usepackage[italian]{babel}",
            f"\\begin{{otherlanguage}}{{english}}{PROOF}\\end{{otherlanguage}}{PROOF}",
            "Proof. a\n\nDimostrazione. a",
        ),
        ("\\usepackage[french]{babel}\\renewcommand{\\proofname}{\\bf Preuve}", PROOF, "Preuve. a"),
        ("\\usepackage[french]{babel}\\addto\\captionsfrench{\\renewcommand{\\proofname}{Preuve}}", PROOF, "Preuve. a"),
        ("\\renewcommand\\figurename{Fig.}", "\\figurename~1 \\renewcommand\\figurename{Plate}\\figurename~2", "Fig. 1 Plate 2"),
        ("\\renewcommand\\proofname{\\textit{\\proofname\\proofname}}", PROOF, "Proof. a"),
        ("\\def\\abstractname{}", "\\begin{abstract}a\\end{abstract}", "# Abstract\n\na"),
    ],
)
def test_names_are_those_of_babel(preamble: str, source: str, shown: str) -> None:
    assert body(source, preamble) == shown
