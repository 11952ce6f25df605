"""What physicists and astronomers write: symbols that they draw, vocabularies of packages, signs, the front matter of their classes."""

import pytest

from preprocess.latex.drawn_symbols import MAX_BODY_CHARACTERS, standard_symbol
from tests.preprocess.latex.latex_paper import text_of


def paper(document_class: str, body: str, preamble: str = "") -> str:
    source = f"\\documentclass{{{document_class}}}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    return text_of({"main.tex": source}).rstrip("\n")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (r"\mathrel{\rlap{\lower4pt\hbox{\hskip1pt$\sim$}}\raise1pt\hbox{$<$}}", r"\lesssim"),
        (r"\mathrel{\raise.3ex\hbox{$>$\kern-.75em\lower1ex\hbox{$\sim$}}}", r"\gtrsim"),
        (r"{\lower.5ex\hbox{$\; \buildrel < \over \sim \;$}}", r"\lesssim"),
        (r"\mathrel{\mathpalette\fun >}", r"\gtrsim"),
        (r"\stackrel{<}{_\sim}", r"\lesssim"),
        (r"\raisebox{-0.13cm}{~\shortstack{$>$ \\[-0.07cm] $\sim$}}~", r"\gtrsim"),
        (r"\lower0.6ex\vbox{\hbox{$\ \buildrel{\textstyle <}\over{\sim}\ $}}", r"\lesssim"),
        (r"{\;\raise0.3ex\hbox{$<$\kern-0.75em\raise-1.1ex\hbox{$\sim$}}\;}", r"\lesssim"),
        (r"\mathrel{\hbox{\rlap{\lower.55ex\hbox{$\sim$}}\kern-.3em\raise.4ex\hbox{$<$}}}", r"\lesssim"),
        (r"\slash\hspace{-0.6em}#1", r"\slashed{#1}"),
        (r"\not\!\!#1", r"\slashed{#1}"),
        (r"\mbox{\raisebox{-0.6ex}{$\stackrel{\textstyle >}{\sim}$}}", r"\gtrsim"),
        (r"\raise.3ex\hbox{$<$\kern-.75em\lower1ex\hbox{$\approx$}}", r"\lessapprox"),
        (
            r"\mathrel{\mathchoice {\vcenter{\offinterlineskip\halign{\hfil$\displaystyle##$\hfil\cr<\cr\sim\cr}}}"
            r"{\vcenter{\offinterlineskip\halign{\hfil$\scriptstyle##$\hfil\cr<\cr\sim\cr}}}}",
            r"\lesssim",
        ),
        (r"#1\!\!\!/", r"\slashed{#1}"),
        (r"\rlap/#1", r"\slashed{#1}"),
        (r"{\mathpalette\c@ncel{#1}}", r"\slashed{#1}"),
        (r"D\kern-0.65em/", r"\slashed{D}"),
        (
            r"\setbox0=\hbox{$#1$}\dimen0=\wd0\setbox1=\hbox{/} \dimen1=\wd1\ifdim\dimen0>\dimen1\rlap{\hbox to \dimen0{\hfil/\hfil}}#1"
            r"\else\rlap{\hbox to \dimen1{\hfil$#1$\hfil}}/\fi",
            r"\slashed{#1}",
        ),
        (r"\relax{\rm I\kern-.18em R}", r"\mathbb{R}"),
        (r"I\!\!N", r"\mathbb{N}"),
        (r"{\sf Z\hspace{-.4em}Z}", r"\mathbb{Z}"),
        (r"\relax\hbox{$\inbar\kern-.3em{\rm C}$}", r"\mathbb{C}"),
        (r"{\rm 1\kern-.25em l}", r"\mathbb{1}"),
        (
            r"\kern1pt\vbox{\hrule height 1pt\hbox{\vrule width 1pt\hskip 3pt\vbox{\vskip 6pt}\vrule width 1pt}\hrule height 1pt}",
            r"\square",
        ),
        (r"\hbox{\vbox{\hrule height 0.5pt\kern0.5ex\hbox{\kern-0.1em$#1$\kern-0.1em}}}", r"\overline{#1}"),
        (r"\vbox{\hrule\hbox{\vrule\kern3pt#1\kern3pt\vrule}\hrule}", None),
        (r"a\!b", None),
        (r"{\bf k}\kern-.1em", None),
        (r"\mathop{\mathrm{d}\!}", None),
        (r"\raise2pt\hbox{$<$}", None),
        (r"a<b\sim c", None),
        (r"\raise1pt\hbox{$<$}\sim x", None),
        ("\\kern-1pt" * (MAX_BODY_CHARACTERS // 9 + 1), None),
    ],
)
def test_symbols_drawn_from_boxes_are_told_by_what_is_seen(body: str, wanted: str | None) -> None:
    assert standard_symbol(body) == wanted


def test_a_drawn_symbol_is_its_command_in_formulas_and_in_prose() -> None:
    preamble = (
        r"\def\lsim{\mathrel{\raise.3ex\hbox{$<$\kern-.75em\lower1ex\hbox{$\sim$}}}}" + "\n"
        r"\newcommand{\slsh}[1]{#1\!\!\!/}" + "\n" + r"\def\gtrsim{\raise.3ex\hbox{$>$\kern-.75em\lower1ex\hbox{$\sim$}}}"
    )
    shown = paper("article", r"$m\lsim M$, $\slsh p=\slsh{q}$, $a \gtrsim b$, \lsim 3.", preamble)
    assert shown == r"$m\lesssim M$, $\slashed{p}=\slashed{q}$, $a \gtrsim b$, $\lesssim$3."


def test_symbols_are_drawn_in_packages_of_the_archive_too() -> None:
    style = r"\def\lsim{\mathrel{\raise.3ex\hbox{$<$\kern-.75em\lower1ex\hbox{$\sim$}}}}" + "\n" + r"\def\bx{\setbox0\hbox{x}}"
    source = "\\documentclass{article}\\usepackage{mine}\\begin{document}$a\\lsim b$\\end{document}"
    assert text_of({"main.tex": source, "mine.sty": style}) == "$a\\lesssim b$\n"


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (r"\dv{t}", r"\frac{\mathrm{d}}{\mathrm{d}t}"),
        (r"\dv[2]{x}{t}", r"\frac{\mathrm{d}^{2}x}{\mathrm{d}t^{2}}"),
        (r"\pdv{f}{x}", r"\frac{\partial f}{\partial x}"),
        (r"\pdv{f}{x}{y}", r"\frac{\partial^2 f}{\partial x\partial y}"),
        (r"\qty(\frac{f(x)}{2}+1)", r"\left(\frac{f(x)}{2}+1\right)"),
        (r"\qty(g(f(x))+1)y", r"\left(g(f(x))+1\right)y"),
        (r"\qty\bigg[a]", r"\left[a\right]"),
        (r"\qty{a}", r"\left\{a\right\}"),
        (r"\abs{x}+\abs*{y}", r"\left|x\right|+|y|"),
        (r"\norm{\vb{v}}", r"\left\|\mathbf{v}\right\|"),
        (r"\expval{A}{\psi}=\ev{A}", r"\langle \psi|A|\psi\rangle=\langle A\rangle"),
        (r"\bra{a}\ket{b}\ket{c}", r"\langle a|b\rangle|c\rangle"),
        (r"\braket{a}{b}\mel{n}{H}{m}\dyad{a}", r"\langle a|b\rangle\langle n|H|m\rangle|a\rangle\langle a|"),
        (r"\comm{a}{b}\acomm{a}{b}", r"\left[a,b\right]\left\{a,b\right\}"),
        (r"\div\vb{E}+\curl{B}+\grad f", r"\nabla\cdot\mathbf{E}+\nabla\times B+\nabla f"),
        (r"\dd{x}\dd[3]{y}\dd(\cos x)\dd z", r"\mathrm{d}x\mathrm{d}^{3}y\mathrm{d}\left(\cos x\right)\mathrm{d}z"),
        (r"\mqty(a & b \\ c & d)", r"\begin{pmatrix}a & b \\ c & d\end{pmatrix}"),
        (r"\order{x^2}", r"\mathcal{O}\left(x^2\right)"),
        (r"\eval{f}_0^1", r"\left.f\right|_0^1"),
        (r"a\qq{if}b", r"a\quad\text{if}\quad b"),
    ],
)
def test_the_package_physics_speaks_amsmath(formula: str, wanted: str) -> None:
    assert paper("article", f"${formula}$", "\\usepackage{physics}") == f"${wanted}$"
    assert paper("article", f"${formula}$") != f"${wanted}$"  # of nobody that has not loaded it


def test_a_command_of_the_papers_own_wins_over_that_of_physics() -> None:
    assert paper("article", r"$\dv{x}$", "\\usepackage{physics}\\renewcommand{\\dv}[1]{D_{#1}}") == "$D_{x}$"


def test_the_package_braket_speaks_amsmath() -> None:
    shown = paper("article", r"$\ket{\psi}\Bra{a}\braket{a|b}\Set{x|x>0}$", "\\usepackage{braket}")
    assert shown == r"$|\psi\rangle\left\langle a\right|\langle a|b\rangle\left\{x|x>0\right\}$"


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (r"\ion{C}{4} and \ion{He}{ii}", "C IV and He II"),
        (r"$N(\ion{H}{1})$", r"$N(\mathrm{H\,I})$"),
        (r"H\,{\sc ii} and C~\textsc{iv}", "H II and C IV"),
        (r"0\farcs5, 3\arcmin, 12\fdg5, 4\degr, 5\arcsec", "0″.5, 3′, 12°.5, 4°, 5″"),
        (r"$1\farcs5\times2\arcmin$", r"$1.^{\prime\prime}5\times2^{\prime}$"),
        (r"$M_\sun \la 3 \ga x$", r"$M_\odot\lesssim3 \gtrsim x$"),
        (r"\placefigure{fig1}Text.", "Text."),
        (r"\gridline{\fig{a.pdf}{0.5\textwidth}{(a) Left}}", "[caption: (a) Left]"),
        (r"\edit1{new} words", "new words"),
    ],
)
def test_astronomers_signs(source: str, wanted: str) -> None:
    assert paper("aastex63", source) == wanted


@pytest.mark.parametrize(
    ("document_class", "front", "wanted"),
    [
        (
            "elsarticle",
            '\\author[a]{A. One}\\affiliation[a]{organization={Dept, University {\\"O}},%\n addressline={Street 1}, city={X},country={Y}}',
            "A. One\n\nDept, University Ö, Street 1, X, Y",
        ),
        ("cas-dc", "\\author[1]{A. One}[type=editor,\n orcid=0000-0001]\\cormark[1]\\author[2]{B. Two}[style=chinese]", "A. One\n\nB. Two"),
        (
            "aipproc",
            "\\author{A. One}{\n address={Institute A, Street},\n email={a@b.c}}\\author{B. Two}{}",
            "A. One\n\nInstitute A, Street, a@b.c\n\nB. Two",
        ),
        (
            "article",
            "\\author{A. One\\address[M]{Dept X, \\\\ Y}\\thanks{Note.} and B. Two}",
            "A. One [footnote: Note.] and B. Two\n\nDept X, Y",
        ),
        ("aastex631", "\\collaboration{6}{(The Editors)}\\collaboration{All}", "(The Editors)\n\nAll"),
        ("revtex", "\\preprint{\\vbox{\\hbox{CALT-68}\\hbox{hep-ph/96}}}", "CALT-68, hep-ph/96"),
        ("revtex4-1", "\\homepage{http://a.org/~b}", "http://a.org/~b"),
        ("jpsj3", "\\author{A. One$^1$}\\inst{$^1$Dept A\\\\ $^2$Dept B}", "A. One$^1$\n\n$^1$Dept A, $^2$Dept B"),
        ("aa", "\\abstract{One.}", "# Abstract\n\nOne."),
        (
            "aa",
            "\\abstract{}\n% aims\n{We aim.}{We do.}{We find.}{}",
            "# Abstract\n\nAims. We aim.\n\nMethods. We do.\n\nResults. We find.",
        ),
        ("article", "\\title{On \\sys}\\author{A\\mark}\n\\newcommand{\\sys}{Stars}\n\\def\\mark{$^1$}\\maketitle", "# On Stars\n\nA$^1$"),
    ],
)
def test_front_matter(document_class: str, front: str, wanted: str) -> None:
    assert paper(document_class, front + " Text.") == f"{wanted}\n\nText."


def test_front_matter_of_the_preamble() -> None:
    preamble = "\\title{T}\\author*[a,b]{A. One}\\abst{We report.}"
    assert paper("jpsj3", "\\maketitle Text.", preamble) == "# T\n\nA. One\n\n# Abstract\n\nWe report.\n\nText."
    preamble = "\\title{T}\n\\begin{abstract}\nWe report \\cite{a}.\n\\end{abstract}"
    assert paper("wlscirep", "\\maketitle Text.", preamble) == "# T\n\n# Abstract\n\nWe report [cite:1].\n\nText."


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("\\newbox\\b\\setbox\\b=\\hbox{hidden}Text \\box\\b.", "Text hidden."),
        ("\\setbox0=\\vbox to 3cm{hidden}Text.", "Text."),
        ("\\newsavebox{\\b}\\sbox{\\b}{kept} A \\usebox{\\b} B \\usebox\\b.", "A kept B kept."),
        ("\\newlinechar=`\\^^J \\everypar={x}\\output={\\plainoutput}Text.", "Text."),
        ("\\rightline{No. 1}\\centerline{The title}Text.", "No. 1\n\nThe title\n\nText."),
        ("A\\break B\\vfill\\eject C", "A B\n\nC"),
        ("\\advance\\eqnumber by 1 $$a=b\\eqno(\\the\\eqnumber)$$", "\\[a=b\\eqno(1)\\]"),
        ("$$a=b\\eqno()$$", "\\[a=b\\]"),
        ("\\ref Author B., 1991", "Author B., 1991"),
    ],
)
def test_plain_tex(source: str, wanted: str) -> None:
    assert text_of({"main.tex": f"\\newcount\\eqnumber\n{source}\n\\bye\n"}).strip() == wanted


def test_the_heading_of_a_list_that_is_left_out_goes_with_it() -> None:
    body = "Text.\\section*{References}\n\\begin{thebibliography}{9}\\bibitem{a} A.\\end{thebibliography}\\section*{Notes} End."
    assert paper("iopart", body) == "Text.\n\n# Notes\n\nEnd."
    assert paper("iopart", "\\section{References} are good.") == "# References\n\nare good."


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("In text \\case{1}{2}.", "In text $\\tfrac{1}{2}$."),
        ("A.\n\\begin{indented}\\item[]B.\\end{indented}", "A.\n\nB."),
        ("\\section*{References}\\begin{harvard}\\item[] A.\\end{harvard}\\ack We thank.", "# Acknowledgments\n\nWe thank."),
        ("A.\\Bibliography{9}\\bibitem{a} A.\\endbib", "A."),
        ("\\begin{tabular}{ll}a&\\0 5\\\\b&\\m6\\end{tabular}", "a | 5\nb | 6"),
    ],
)
def test_commands_of_iopart(source: str, wanted: str) -> None:
    assert paper("iopart", source) == wanted


def test_references_of_phyzzx() -> None:
    source = (
        "\\input phyzzx\n\\Pubnum={SLAC-1}\\date={May 1991}\n\\REFS\\abc{A. B.}\\REFSCON\\xyz{C.}\\refsend\n\\chapter{One} As in [\\abc].\n"
    )
    assert text_of({"main.tex": source + "\\bye\n"}).strip() == "May 1991\n\n# One\n\nAs in [[cite:1]]."


@pytest.mark.parametrize(
    ("preamble", "source", "wanted"),
    [
        (  # formulas in formulas, as LHCb's macros have them
            r"\usepackage{xspace}\def\B{{\ensuremath{B}}\xspace}\def\Bz{{\ensuremath{\B^0}}\xspace}"
            r"\newcommand{\decay}[2]{\ensuremath{#1\to #2}\xspace}",
            r"Of \Bz and \decay{\Bz}{\B\B} decays.",
            r"Of ${B}^0$ and ${{B}^0} \to {B} {B}$ decays.",
        ),
        (r"\newcommand{\gev}{\ensuremath{\mathrm{\,Ge\kern -0.1em V}}}", r"$5\gev$", r"$5\mathrm{\,GeV}$"),
        (r"\def\jpsi{J\mskip -3mu/\mskip -2mu\psi\mskip 2mu}", r"$\jpsi$, $\alpha\kern2pt x$", r"$J/\psi$, $\alpha x$"),
        (r"\def\ltsima{$\; \buildrel < \over \sim \;$}\def\simlt{\lower.5ex\hbox{\ltsima}}", r"$m\simlt x$", r"$m\lesssim x$"),
        (r"\def\eqalignno#1{\displ@y \halign{\hfil##&##\crcr#1\crcr}}", r"$$\eqalignno{a&=b&(1)\cr}$$", r"\[\eqalignno{a&=b&(1)\cr}\]"),
        ("", r"{\bf Title}\vskip 0.3in Author", "Title\n\nAuthor"),
        (
            r"\usepackage{feynmp}",
            r"\begin{fmffile}{d}Text. $\parbox{2mm}{\begin{fmfgraph*}(4,2)\fmfleft{i}\end{fmfgraph*}}=x$\end{fmffile}",
            r"Text. $\parbox{2mm}{}=x$",
        ),
        (r"\usepackage{tikz-feynman}", r"A \feynmandiagram [a=b] { i1 -- [fermion] a }; B", "A  B".replace("  ", " ")),
    ],
)
def test_macros_of_physicists(preamble: str, source: str, wanted: str) -> None:
    assert paper("article", source, preamble) == wanted


@pytest.mark.parametrize(
    ("document_class", "source", "wanted"),
    [
        ("epl2", "\\pacs{12.3}{Words}Text.", "PACS 12.3: Words\n\nText."),
        (
            "cimento",
            "\\instlist{\\inst{a} Rome \\inst{b} Bari}\\PACSes{\\PACSit{13.2}{Decays}}Text.",
            "Rome, Bari\n\nPACS: 13.2 Decays\n\nText.",
        ),
        ("svjour", "Text.\\PACS{{13.2}{Decays} \\and {14}{Masses}}", "Text.\n\nPACS: 13.2 Decays, 14 Masses"),
        ("sn-jnl", "\\bmhead{Supplement} Text.", "# Supplement\n\nText."),
        ("ws-ijmpa", "\\begin{history}\\received{1 May}\\revised{2 May}\\end{history}", "Received 1 May. Revised 2 May."),
        ("moriond", "\\abstracts{We aim.}Text.", "# Abstract\n\nWe aim.\n\nText."),
        ("nature", "\\begin{methods}We do.\\end{methods}", "# Methods\n\nWe do."),
    ],
)
def test_commands_of_further_classes(document_class: str, source: str, wanted: str) -> None:
    assert paper(document_class, source) == wanted


def test_an_eqref_of_the_papers_own_wins() -> None:
    preamble = r"\renewcommand{\eqref}[1]{\ref{eq:#1}}\newcommand{\Eq}[1]{Equation~(\eqref{#1})}"
    assert paper("article", r"\Eq{a} and \eqref{a}.", preamble) == "Equation ([ref:1]) and [ref:1]."
    assert paper("article", r"By \eqref{a}.") == "By ([ref:1])."
