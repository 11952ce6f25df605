r"""Idioms that preambles hand on from paper to paper, each with what a reader sees of it."""

import pytest

from tests.preprocess.latex.latex_paper import body, text_of


@pytest.mark.parametrize(
    "preamble, source, text",
    [
        (r"\DeclarePairedDelimiterXPP\Ex[1]{\mathbb{E}}[]{}{#1}", r"$\Ex{X}$ $\Ex*{X}$", r"$\mathbb{E}[ X ]$ $\mathbb{E}\left[ X \right]$"),
        (
            r"\DeclarePairedDelimiterXPP{\pn}[2]{\rho_{#1}}\lVert\rVert{_2}{#2}",
            r"$\pn[\big]{a}{x}$",
            r"$\rho_{a}\big\lVert x \big\rVert_2$",
        ),
        (r"\def\Slash#1{#1\!\!\!/}\def\slashed#1{\rlap{\hbox{$/$}}#1}", r"$\Slash{p}\slashed{k}$", r"$\slashed{p}\slashed{k}$"),
        (r"\def\Xint#1{\mathchoice{}{}{}{}\!\int}\def\dashint{\Xint-}", r"$\dashint_B f$", r"$\fint_B f$"),
        (r"\def\Xint#1{\mathchoice{}{}{}{}\!\int}\newcommand{\fint}{\Xint{-}}", r"$\fint_B f$", r"$\fint_B f$"),
        (r"\def\avint{\mathop{\,\rlap{--}\!\!\int}\nolimits}", r"$\avint_B f$", r"$\fint_B f$"),
        (r"\newcommand{\aint}{-\hspace{-1em}\int}\newcommand{\mint}{-\!\int}", r"$\aint f\mint g$", r"$\fint f-\!\int g$"),
        (r"\newcommand{\b}[1]{\mbox{\boldmath $#1$}}", r"$\b{\alpha}+\b{x_{1}}$", r"$\boldsymbol{\alpha}+\boldsymbol{x_{1}}$"),
        (r"\newcommand{\b}[1]{\mbox{\boldmath{$#1$}}}", r"$\b\beta$ \b\beta", r"$\boldsymbol{\beta}$ $\beta$"),
        (r"\newcommand{\CI}{\mathrel{\text{\scalebox{1.07}{$\perp$}}}}", r"$X \CI Y$", r"$X \mathrel{{\perp}}Y$"),
        (r"\newcommand{\bar}[1]{\mkern 1.5mu\overline{\mkern-1.5mu#1\mkern-1.5mu}}", r"$\bar{x}+a\kern1ptb$", r"$\bar{x}+ab$"),
        (r"\newcommand{\obar}[1]{\mkern 1.5mu\overline{\mkern-1.5mu#1\mkern-1.5mu}}", r"$\obar{x}$", r"$\overline{x}$"),
        (r"\makeatletter\newcommand{\dt}{\mathbin{{\m@th\bullet}}}\makeatother", r"$a\dt b$", r"$a\mathbin{{\bullet}}b$"),
        (r"\newcommand{\deg}{\ifmmode\tcdegree\else\textdegree\fi}", r"$10\deg$, 10\deg", r"$10^{\circ}$, 10°"),
    ],
)
def test_commands_of_formulas(preamble: str, source: str, text: str) -> None:
    assert body(source, preamble) == text


@pytest.mark.parametrize(
    "definition, text",
    [
        (r"\newcommand*{\rom}[1]{\expandafter\@slowromancap\romannumeral #1@}", "XIV"),
        (r"\newcommand{\rom}[1]{\@slowromancap\romannumeral#1@}", "XIV"),
        (r"\newcommand{\rom}[1]{\uppercase\expandafter{\romannumeral #1\relax}}", "XIV"),
        (r"\newcommand{\rom}[1]{\romannumeral #1}", "xiv"),
        (r"\newcommand{\rom}[1]{\romannumeral 0#1}", "xiv"),
        (r"\newcommand{\rom}[1]{<\romannumeral 0>}", "<>"),
    ],
)
def test_roman_numerals(definition: str, text: str) -> None:
    assert body(r"Type \rom{14}.", rf"\makeatletter{definition}\makeatother") == f"Type {text}."


_REPEATED = (
    r"\makeatletter\newtheorem*{rep@theorem}{\rep@title}\newcommand{\newreptheorem}[2]"
    r"{\newenvironment{rep#1}[1]{\def\rep@title{#2 \ref{##1}}\begin{rep@theorem}}{\end{rep@theorem}}}\makeatother\newreptheorem{lem}{Lemma}"
)
_NAMED = (
    r"\newcommand{\thistitle}{}\newtheorem{generic}{\thistitle}"
    r"\newenvironment{named}[1]{\renewcommand{\thistitle}{#1}\begin{generic}}{\end{generic}}"
)


@pytest.mark.parametrize(
    "preamble, source, text",
    [
        (_REPEATED, r"\begin{replem}{a}All.\end{replem}", "Lemma [ref:1]. All."),
        (_REPEATED, r"\begin{replem}{a}[Euler]All.\end{replem}b", "Lemma [ref:1] (Euler). All.\n\nb"),
        (_NAMED, r"\begin{named}{Main Result}All.\end{named}\begin{named}{Second}b\end{named}", "Main Result. All.\n\nSecond. b"),
        (
            r"\newtheorem*{namedthm}{\theoremname}\newcommand{\theoremname}{testing}"
            r"\newenvironment{named}[1]{\renewcommand{\theoremname}{#1}\begin{namedthm}}{\end{namedthm}}",
            r"\begin{named}{Goal}All.\end{named}",
            "Goal. All.",
        ),
        (r"\newtheorem*{thm}{\protect\theoremname}", r"\begin{thm}All.\end{thm}", "Theorem. All."),
        (r"\newtheorem{thm}{\protect\theoremname}", r"\begin{thm}All.\end{thm}", "Theorem. All."),
        (r"\newcommand{\thmtitle}{Satz}\newtheorem{thm}{\thmtitle}", r"\begin{thm}All.\end{thm}", "Satz. All."),
    ],
)
def test_theorems_whose_title_each_use_sets(preamble: str, source: str, text: str) -> None:
    assert body(source, preamble) == text


@pytest.mark.parametrize(
    "drawing, text",
    [
        (r"\tikz[baseline=(char.base)]{\node[shape=circle,draw,inner sep=2pt] (char) {#1};}", "(7)"),
        (r"\tikz[baseline=(n.base)]\node[circle,draw](n){#1};", "(7)"),
        (r"\tikz[baseline=(n.base)]{\node (n) {#1};\draw (0,0);}", "()"),
        (r"\tikz[overlay]{\node (#1) {};}", "()"),
        (r"\raisebox{.5pt}{\textcircled{\raisebox{-.9pt} {#1}}}", "(7)"),
    ],
)
def test_labels_in_a_frame(drawing: str, text: str) -> None:
    assert body(r"(\circled{7})", rf"\newcommand*\circled[1]{{{drawing}}}") == text


_ACRONYMS = (
    r"\newacronym[longplural={Frames per Second}]{fps}{FPS}{Frame per Second}\newacronym{gan}{GAN}{adversarial net}"
    r"\newabbreviation{ml}{ML}{machine learning}\newglossaryentry{pi}{name={\ensuremath{\pi_{x}}},plural={ps},description={ratio}}"
)


@pytest.mark.parametrize(
    "source, text",
    [
        (r"\glspl{fps} \glspl{fps} \Gls{gan}", "Frames per Second (FPSs) FPSs Adversarial net (GAN)"),
        (r"\glsxtrshort{gan} \Glsentrylong{gan} \acrlongpl{gan} \gls{gan}", "GAN Adversarial net adversarial nets adversarial net (GAN)"),
        (
            r"\gls{ml}\glsreset{ml} \gls{ml} \glsresetall\gls{ml}\glsadd{ml}",
            "machine learning (ML) machine learning (ML) machine learning (ML)",
        ),
        (r"\glsunset{gan}\gls{gan} \glsfirst{gan} \glslink{gan}{a net}", "GAN adversarial net (GAN) a net"),
        ("A net,\n\\glsadd{gan}\nand\\glsadd{ml}\nmore", "A net, and more"),
        (r"\gls{pi} \glspl{pi}", r"$\pi_{x}$ ps"),
    ],
)
def test_acronyms(source: str, text: str) -> None:
    assert body(source, _ACRONYMS) == text


def test_optimisation_problems() -> None:
    source = (
        r"\begin{mini!}|s|[2]{x}{f(x)}{\label{p}}{}\addConstraint{x}{\ge 0}\addConstraint{y}{=1,}{\quad i=1}\end{mini!}"
        r"\begin{maxi*}{x}{f}{}{p^*=}\end{maxi*}"
    )
    assert body(source, r"\usepackage{optidef}").split("\n") == [
        r"\begin{align}",
        r"\underset{x}{\text{minimize}}\quad&f(x)\\\text{subject to}\quad&x\ge 0\\&y=1,\quad i=1",
        r"\end{align}",
        "",
        r"\begin{align*}",
        r"p^*=\underset{x}{\text{maximize}}\quad&f",
        r"\end{align*}",
    ]


@pytest.mark.parametrize(
    "source, text",
    [
        (r"One \line(1,0){300} two \line( -1, 0 ){2\unitlength}", "One\ntwo"),
        (r"\begin{dinglist}{51}\item one\item two\end{dinglist}three", "- one\n- two\n\nthree"),
        (r"a\textperiodcentered b", "a·b"),
        (r"\begin{paracol}{2}left \switchcolumn right\end{paracol}", "left right"),
        (
            r"\[f=\begin{cases*} a & if $x>0$,\\ b & otherwise \end{cases*}\]",
            r"\[f=\begin{cases} a & \text{if }x>0\text{,} \\ b & \text{otherwise} \end{cases}\]",
        ),
        (r"\[\begin{dcases*} a & x for {$y$}\end{dcases*}\]", r"\[\begin{dcases} a & x for {y}\end{dcases}\]"),
        (r"\[\includegraphics[width=1cm]{f.eps}\]\[G=\includegraphics{g}+1\]", r"\[G=+1\]"),
        (r"Remark \thesection.2. It. (\thesection.\ref{a}) in Section \thesection. Then", "Remark 2. It. ([ref:1]) in Section. Then"),
        (r"\newcounter{r}\stepcounter{r}\noindent{\bf Remark \thesection.\arabic{r}.} It", "Remark 1. It"),
        (r"\begin{color}{red}new\end{color}", "new"),
    ],
)
def test_layout(source: str, text: str) -> None:
    assert body(source) == text


def test_what_latexdiff_marks_as_deleted() -> None:
    preamble = (
        r"\providecommand{\DIFadd}[1]{{\protect\color{blue}\uwave{#1}}}\providecommand{\DIFdel}[1]{{\protect\color{red}\sout{#1}}}"
        r"\providecommand{\DIFaddbegin}{}\providecommand{\DIFaddend}{}\providecommand{\DIFdelbegin}{}\providecommand{\DIFdelend}{}"
    )
    source = r"We \DIFdelbegin \DIFdel{show }\DIFdelend \DIFaddbegin \DIFadd{prove }\DIFaddend it."
    assert body(source, preamble) == "We prove it."


def test_the_one_appendix_of_an_ieee_paper() -> None:
    for source, heading in ((r"\appendix[Proof of Lemma 1]", "# Proof of Lemma 1"), (r"\appendix\section{Proofs}", "# Proofs")):
        paper = f"\\documentclass[conference]{{IEEEtran}}\\begin{{document}}\\section{{One}}a\n\n{source}\nText.\\end{{document}}"
        assert text_of({"main.tex": paper}) == f"# One\n\na\n\n{heading}\n\nText.\n"


def test_articles_own_keywords() -> None:
    preamble = (
        r"\makeatletter\newcommand{\subjclass}[2][1991]{\let\@oldtitle\@title"
        r"\gdef\@title{\@oldtitle\footnotetext{#1 \emph{Mathematics subject classification.} #2}}}"
        r"\newcommand{\keywords}[1]{\let\@@oldtitle\@title\gdef\@title{\@@oldtitle\footnotetext{\emph{Key words.} #1.}}}\makeatother"
    )
    front = r"\title{T}\author{A}\subjclass[2010]{11A}\keywords{primes}"
    expected = "# T\n\nA\n\n2010 Mathematics Subject Classification: 11A\n\nKeywords: primes\n\n# One\n"
    for source in (f"{preamble}{front}\\begin{{document}}\\maketitle", f"{preamble}\\begin{{document}}{front}\\maketitle"):
        assert text_of({"main.tex": f"\\documentclass{{article}}{source}\\section{{One}}\\end{{document}}"}) == expected
    hand_made = r"\makeatletter\def\keywords{\xdef\@thefnmark{}\@footnotetext}\makeatother"
    assert body(r"\keywords{primes} Text", hand_made) == "[footnote: primes] Text"


@pytest.mark.parametrize("line", [r"\glsadd{ml}", r"\glsadd{ml}\glsadd{ml}", r" \glsunset{ml} "])
def test_marks_on_a_line_of_their_own_end_no_paragraph(line: str) -> None:
    assert body(f"One\n{line}\ntwo.\n{line}\n\nThree.", r"\newacronym{ml}{ML}{machine learning}") == "One two.\n\nThree."
