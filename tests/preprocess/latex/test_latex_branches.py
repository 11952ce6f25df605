"""Tests and loops of TeX and of packages: which branch is read, how often, and that no word of the test is text."""

import time

import pytest

from preprocess.records import Rejection, RejectReason
from tests.preprocess.latex.latex_paper import body, document, extract

AB = "{a}{b}"


@pytest.mark.parametrize(
    "source, expected",
    [
        # lengths
        (r"\ifdim 3pt<5pt a\else b\fi", "a"),
        (r"\ifdim1in>2cm a\else b\fi", "a"),
        (r"\ifdim\textwidth>5pt a\else b\fi", "b"),  # not known
        (r"\newdimen\w\w=3pt\ifdim\w<1cm a\else b\fi", "a"),
        (r"\newlength{\w}\setlength{\w}{3pt}\addtolength{\w}{1pt}\ifdim\w=4pt a\else b\fi", "a"),
        (r"\newdimen\w\w=3pt\advance\w by 2pt \ifdim\w>4pt a\else b\fi", "a"),
        (r"\newdimen\w\w=\hsize\ifdim\w>4pt a\else b\fi", "b"),
        # loops
        (r"\newcount\n\n=0 \loop\ifnum\n<3 x\advance\n by1 \repeat y", "xxxy"),
        (r"\newcount\n\n=0 \loop x\advance\n by1 \ifnum\n<2 \repeat y", "x xy"),
        (r"\loop x\ifdim\hsize<3pt z\repeat y", "xy"),  # not known: once
        (r"\newcounter{k}\whiledo{\value{k}<3}{x\stepcounter{k}}y", "xxxy"),
        (r"\whiledo{\boolean{no}}{x}y", "y"),
        # ifthen
        (r"\ifthenelse{1<2}" + AB, "a"),
        (r"\ifthenelse{\isodd{3}}" + AB, "a"),
        (r"\ifthenelse{\lengthtest{1pt<2pt}}" + AB, "a"),
        (r"\ifthenelse{\isundefined{\foo}}" + AB, "a"),
        (r"\newcommand{\x}{q}\ifthenelse{\equal{\x}{q} \and \not\equal{\x}{r}}" + AB, "a"),
        (r"\newcommand{\x}{q}\ifthenelse{\equal{\x}{r} \or 1=1}" + AB, "a"),
        (r"\ifthenelse{\not\(1=1 \or 2=3\)}" + AB, "b"),
        (r"\ifthenelse{\(1=2 \or \(2=2 \and 3=3\)\) \and 1=1}" + AB, "a"),
        (r"\ifthenelse{\value{page}>3}" + AB, "b"),
        # etoolbox
        (r"\newtoggle{t}\toggletrue{t}\iftoggle{t}{a}{b}\nottoggle{t}{a}{b}", "ab"),
        (r"\newbool{l}\booltrue{l}\ifboolexpr{bool {l} and not (togl {m} or not bool{l})}" + AB, "a"),
        (r"\newbool{l}\ifboolexpr{bool{l}}" + AB, "b"),
        (r"\notbool{l}{a}{b}\ifbool{l}{a}{b}", "ab"),
        (r"\newcommand{\x}{}\ifdefempty{\x}{a}{b}\ifdefstring{\x}{y}{a}{b}", "ab"),
        (r"\ifblank{ }{a}{b}\notblank{ }{a}{b}\ifstrequal{u}{v}{a}{b}\ifstrequal{u}{u}{a}{b}", "abba"),
        (r"\ifnumcomp{3}{>}{2}{a}{b}\ifnumequal{1}{2}{a}{b}\ifnumless{3}{2}{a}{b}\ifnumodd{3}{a}{b}\ifdimless{1pt}{2pt}{a}{b}", "abbaa"),
        (r"\newcommand{\x}[1][]{\ifstrempty{#1}{none}{(#1)}}\x{} \x[z]", "none (z)"),
        # TeX's own
        (r"\newif\ifshort\shorttrue\unless\ifshort a\else b\fi\unless\ifnum1>2 a\else b\fi", "ba"),
        (r"\unless\nothing a", "a"),
        (r"\def\E{\ifmmode\mathbb{E}\else$\mathbb{E}$\fi}\E, $\E[X]$", r"$\mathbb{E}$, $\mathbb{E}[X]$"),
        (r"\def\r{\relax\ifmmode\rho^0\else $\rho^0$\xspace\fi}$\r\to x$ \r is", r"$\rho^0 \to x$ $\rho^0$ is"),
        (r"\def\g{\ifmmode\mathrm{GeV}\else GeV\fi}5 \g.", "5 GeV."),
        (r"\def\g{\ifmmode\mathrm{GeV}\else GeV\fi}5\$ $5\g$ \g, \(3\g\) \g", r"5\$ $5\mathrm{GeV}$ GeV, $3\mathrm{GeV}$ GeV"),
        (r"\def\g{\ifmmode\mathrm{GeV}\else GeV\fi}\ensuremath{a}\g, \ensuremath{\g}", r"$a$GeV, $\mathrm{GeV}$"),
        (r"\def\g{\ifmmode\mathrm{GeV}\else GeV\fi}$a\par \[5\g\\[2pt]\g\]\g", r"\$a \[5\mathrm{GeV}\\\mathrm{GeV}\] GeV"),
        (
            "\\def\\g{\\ifmmode\\mathrm{GeV}\\else GeV\\fi}It costs $5.\n\nNow \\g\\begin{align*}a&=5\\g\\end{align*}\\g",
            r"It costs \$5. Now GeV \begin{align*} a&=5\mathrm{GeV} \end{align*} GeV",
        ),
        (r"\def\swap#1#2{#2#1}\def\x{a}\expandafter\swap\expandafter{\x}{b}", "ba"),
        (r"\def\x{}\ifx\x\empty a\else b\fi", "a"),
        (r"\def\x{1}\makeatletter\ifx\x\@empty a\else b\fi", "b"),
        (r"\ifx\nobodysown\undefined a\else b\fi", "a"),
        (r"\def\x{}\ifx\x\undefined a\else b\fi\ifx\section\undefined a\else b\fi", "bb"),
        (r"\expandafter\ifx\csname nobodysown\endcsname\relax a\else b\fi", "a"),
        (r"\def\own{}\expandafter\ifx\csname own\endcsname\relax a\else b\fi", "b"),
        (r"\def\x#1{\if\relax\detokenize{#1}\relax none\else(#1)\fi}\x{}\x{z}", "none(z)"),
        (r"\def\x#1{\if!#1!none\else(#1)\fi}\x{}\x{z}", "none(z)"),
        (r"\def\x#1{\def\t{#1}\ifx\t\empty none\else(#1)\fi}\x{}\x{z}", "none(z)"),
        (r"\def\lam#1{{\lambda}#1\@ifnextchar\bgroup{.\lam}{.}}$\lam{x}{y}z$", r"${\lambda}x.{\lambda}y.z$"),
        (r"x\makeatletter\@bsphack\@esphack\makeatother y $a\phantomsection b$", "x y $a b$"),
    ],
)  # fmt: skip
def test_the_branch_that_is_read(source: str, expected: str) -> None:
    assert " ".join(body(source).split()) == expected


@pytest.mark.parametrize(
    "source",
    [
        r"\newcounter{k}\whiledo{1=1}{x}",
        r"\newcount\n\loop\ifnum\n<3 x\repeat",
        r"\ifthenelse{" + r"\(" * 5_000 + "}{a}{b}",
        r"\ifthenelse{" + r"1=1 \and " * 50_000 + "1=1}{a}{b}",
        r"\whiledo{1=1}{\whiledo{1=1}{\whiledo{1=1}{x}}}",
        r"\ifdim\ifdim" * 20_000,
        r"\ifx\csname" * 20_000,
        r"\ifmmode a" * 20_000,
    ],
)
def test_endless_and_hostile_tests_end(source: str) -> None:
    began = time.process_time()
    outcome = extract({"main.tex": document(f"before {source}")})
    assert time.process_time() - began < 5
    if isinstance(outcome, Rejection):
        assert outcome.reason is RejectReason.EXPANSION_LIMIT
    else:
        assert outcome.text.startswith("before")
