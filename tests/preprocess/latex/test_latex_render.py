import pytest

from preprocess.config import LatexConfig
from tests.preprocess.latex.latex_paper import body, document, paper, text_of


@pytest.mark.parametrize(
    "source, text",
    [
        (r"\textbf{bold} \emph{it} {\bf old} \texttt{tt}", "bold it old tt"),
        (r"\"o \'{e} \c{c} \v{S}\H{o} \~n \={a} \.z \aa\ \L{}\'od\'z \ss{} \o", "ö é ç Šő ñ ā ż å Łódź ß ø"),
        (r"\'\i \^{\i} \u\i \k{a} \r{u}", "íî ĭą ů"),
        ("``quoted'' -- and --- `x'", "“quoted” – and — ‘x’"),
        (r"\$5 \% \& \# \_ \{ \} \textbackslash{} \~{} \^{}", r"\$5 % & # _ { } \textbackslash{} ~ ^"),
        (r"a~b\,c\ d\/e\-f\@.", "a b c def."),
        (r"\ldots{} \dots \copyright \S 2 \P \dag", "… …©§2 ¶†"),
        ("Text with \u4e2d\u6587, Кириллица and \u00fcber.", "Text with \u4e2d\u6587, Кириллица and \u00fcber."),
        (r"\mbox{a $x$} \hbox{b} \ensuremath{y^2}", "a $x$ b $y^2$"),
        (r"\(x\) and \[y\] $$z$$", "$x$ and\n\\[y\\]\n\n\\[z\\]"),
        (r"\begin{math}a\end{math}", "$a$"),
        (r"$\text{if $x>0$ then}$ x", r"$\text{if }x>0\text{ then}$ x"),
        ("A $x\n+y$ b", "A $x +y$ b"),
        ("One $ dollar.\n\nNext $x$.", "One \\$ dollar.\n\nNext $x$."),
        ("\\begin{align}\na &= b \\label{q} \\\\\n\n c &= d \\nonumber\n\\end{align}", "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}"),
        (r"\section{A $x$ \emph{b}}\subsection*{C}\subsubsection[s]{D}T", "# A $x$ b\n\n## C\n\n### D\n\nT"),
        (r"\chapter{A}\section{B}T", "# A\n\n## B\n\nT"),
        (r"\paragraph{Setting} Text. \subparagraph{Why?} More.", "Setting. Text.\n\nWhy? More."),
        (
            r"\begin{itemize}\item a\item[(x)] b\begin{enumerate}\item c\item d\end{enumerate}\end{itemize}e",
            "- a\n- (x) b\n1. c\n2. d\n\ne",
        ),
        (r"\begin{tabular}{l|r}\hline a & $b$ \\ \cline{1-2} \multicolumn{2}{c}{wide} \\[2pt] \end{tabular}", "a | $b$\nwide |"),
        (
            r"\begin{figure}[ht]\centering\includegraphics[width=3cm]{f.png}\caption[short]{Long \emph{one}.}\label{f}\end{figure}",
            "[caption: Long one.]",
        ),
        (r"\begin{tikzpicture}\node{hidden};\end{tikzpicture}\begin{picture}(1,1)\put(0,0){x}\end{picture}s", "s"),
        (
            r"Sec.~\ref{a}, \eqref{b}, \autoref{a}, \cref{a,b}, \pageref{c}",
            "Sec. [ref:1], ([ref:2]), [ref:1], [ref:1] and [ref:2], [ref:3]",
        ),
        (r"\url{http://a.b/c_d~e} \href{http://x.y}{here}", "http://a.b/c_d~e here"),
        (
            r"\begin{lstlisting}[language=C,caption={Loop}]" + "\nfor (;;) { x$; }\n" + r"\end{lstlisting}",
            "[caption: Loop]\n\n```\nfor (;;) { x$; }\n```",
        ),
        (r"\textcolor{red}{r}\colorbox{blue}{b}\hspace{1cm}s\vspace*{1em}\rule{1pt}{2pt}\parbox{3cm}{p}", "rbsp"),
        (r"\begin{algorithmic}\State $x \gets 1$ \For{$i$}\State y\EndFor\end{algorithmic}", "$x \\gets 1$\nfor $i$ do\ny\nend for"),
        (r"\unknowncommand{kept} \another[opt]{kept too}", "kept kept too"),
        (r"\begin{unknownenv}kept\end{unknownenv}", "kept"),
        (r"\bibliographystyle{plain}\bibliography{refs}\pagestyle{empty}x", "x"),
        (r"\begin{thebibliography}{9}\bibitem{a} Gone.\end{thebibliography}x", "x"),
        (r"\char65 \char`\% \symbol{64}", "A % @"),
        (r"\hskip 3pt plus 1fil a \vskip-2pt b \kern.5em c \parindent=0pt d", "a\n\nb c d"),
        (r"\begin{quote}a\end{quote}\begin{center}b\end{center}", "a\n\nb"),
        (r"a\\b\newline c\par d", "a\nb\nc\n\nd"),
        (r"x\footnotemark[3] y\footnotetext[3]{note}", "x y [footnote: note]"),
        (r"unbalanced } brace { and \textbf{open", "unbalanced brace and open"),
        (r"\end{itemize}a\begin{itemize}\item b", "a\n\n- b"),
    ],
)
def test_rendering(source: str, text: str) -> None:
    assert body(source) == text


def test_front_matter_stands_first_once() -> None:
    source = r"\maketitle\begin{abstract}Short.\end{abstract}Body \ref{a}."
    extracted = paper({"main.tex": document(source, r"\title{On \emph{it}}\author{A. B.\thanks{Paid.} \and C. D.}\date{today}")})
    assert extracted.title == "On it"
    assert extracted.abstract == "Short."
    assert extracted.document_class == "article"
    assert extracted.text.count("On it") == extracted.text.count("Short.") == 1
    assert extracted.text.index("On it") < extracted.text.index("A. B.") < extracted.text.index("C. D.") < extracted.text.index("Short.")


@pytest.mark.parametrize(
    "source, preamble, text",
    [
        (r"Dami\'an R\'\i os", "", "Damián Ríos"),
        (r"\institute{A, \email{x@y.z}\and B\\C}Text", "", "A, x@y.z\nB, C\n\nText"),
        (r"\author{A\inst{1} \and B\inst{2}}Text", "", "A$^{1}$, B$^{2}$\n\nText"),
        (r"cold\tablenotemark{a} gas, the 1\textsuperscript{st}", "", "cold$^{a}$ gas, the 1st"),
        (r"\begin{deluxetable*}{cC}[htb!]a&b\end{deluxetable*}", "", "a | b"),
        (r"\begin{tikzpicture}\node{\begin{tikzpicture}x\end{tikzpicture}};leak\end{tikzpicture}s", "", "s"),
        (r"\[a=\begin{tikzpicture}\node{x};\end{tikzpicture}+b\]", "", "\\[a=+b\\]"),
        (
            r"\ac{OS}, \ac{OS}, \acp{OS}, \acf{OS}, \acl{OS}, \Acl{OS}, \ac{?}",
            r"\acrodef{OS}{operating system}",
            "operating system (OS), OS, OSs, operating system (OS), operating system, Operating system, ?",
        ),
        (r"\begin{acronym}[xx]\acro{OS}[O.S.]{operating system}\end{acronym}", "", "- O.S. operating system"),
        (r"\begin{acronym}\acro{OS}{operating system}\end{acronym}x", r"\usepackage[nolist]{acronym}", "x"),
        (
            r"\gls{ml}, \gls{ml}, \glspl{net}",
            r"\newacronym{ml}{ML}{machine learning}" + r"\newglossaryentry{net}{name={network},description={d}}",
            "machine learning (ML), ML, networks",
        ),
        (r"\begin{acknowledgments}We thank.\end{acknowledgments}", "", "# Acknowledgments\n\nWe thank."),
        (r"The majority.\keywords{streams \and items}", "", "The majority.\n\nKeywords: streams, items"),
        (r"\pagerange{\pageref{a}--\pageref{b}}\pubyear{2007}x", "", "x"),
        (r"It \citep[see e.g.][]{a} and \citep[p.~5]{b}.", "", "It (see e.g. [cite:1]) and ([cite:2], p. 5)."),
        (r"$\phi\to\kp$", r"\newcommand{\kp}{\ensuremath{K^+K^-}}", r"$\phi\to K^+K^-$"),
        (
            r"$\hat\bth$ $\hat\a$",
            r"\newcommand{\bth}{\boldsymbol{\theta}}\newcommand{\a}{\alpha}",
            r"$\hat{\boldsymbol{\theta}}$ $\hat\alpha$",
        ),
        (r"\IEEEPARstart{W}{hen} \lettrine[lines=2]{I}{n} the", "", "When In the"),
        (r"\begin{IEEEproof}x\end{IEEEproof}", "", "Proof. x"),
        (
            "\\begin{IEEEeqnarray}{rCl}\na&=&b\\IEEEyesnumber\n\\end{IEEEeqnarray}",
            "",
            "\\begin{IEEEeqnarray}{rCl}\na&=&b\n\\end{IEEEeqnarray}",
        ),
        (r"\[a.\qedhere\] $b\tag*{\qed}$", "", "\\[a.\\]\n$b$"),
        (r"$x \lower.6ex\hbox{$<$} y$", "", r"$x < y$"),
        (r"\newcount\n \n=0 \advance\n by1 a\the\n b", "", "a1b"),
        (r"\headline={\hfil x}\pagewidth{6truein}\parskip=4pt plus 1pt a", "", "a"),
        (r"\def\ref#1;{<#1>}\ref a;", "", "<a>"),
        (r"$f=\cases{1 & if $j<d$;\cr 0&else.\cr}$", "", r"$f=\cases{1 &\hbox{ if }j<d\hbox{;}\cr 0&else.\cr}$"),
        (r"\begin{references}\bibitem{a} x\end{references}y", "", "y"),
        (r"S\thanksref{m} a \sep b", "", "S a, b"),
        (r"\begin{pf}x\end{pf}", r"\newproof{pf}{Proof}", "Proof. x"),
        (r"$\abs{x}$ $\abs*{y}$", r"\DeclarePairedDelimiter{\abs}{\lvert}{\rvert}", r"$\lvert x \rvert$ $\left\lvert y \right\rvert$"),
        (r"$a\addtocounter{equation}{1}\tag{\theequation}$", "", "$a$"),
        (r"a\linebreak[0]b", "", "a\nb"),
        (r"\ce{^{238}U} and \ce{H2O}", "", "$^{238}$U and H2O"),
        (r"\category{F.2}{Analysis}{Numerical}", "", "F.2 Analysis Numerical"),
        (r"A\note{Corresponding.}", "", "A [footnote: Corresponding.]"),
        (r"\acknowledgments We thank.", "", "# Acknowledgments\n\nWe thank."),
        (r"\texorpdfstring{$e^x$}{exp}", "", "$e^x$"),
        (r"a \mathchoice{b}{c}{d}{e} f\mathchoice", "", "a c f"),
        (
            r"\begin{tabular}{ll}a&b\\\hline\noalign{\smallskip}\cmidrule(lr){1-2}\multicolumn{2}{c}{w}\\c&d\end{tabular}",
            "",
            "a | b\nw |\nc | d",
        ),
        (r"\begin{restatable}[Note]{thm}{again}x\end{restatable}", r"\newtheorem{thm}{Theorem}", "Theorem (Note). x"),
        (r"\begin{algorithm}\eIf{c}{a\;b}{d}\Return{x}\;y\end{algorithm}", "", "if c then\na\nb\nelse\nd\nend\nreturn x\ny"),
    ],
)
def test_what_colleagues_saw_in_papers(source: str, preamble: str, text: str) -> None:
    assert body(source, preamble) == text


@pytest.mark.parametrize(
    "source, text",
    [
        (r"\subfigure[Sub A]{\includegraphics[w=1]{a}}\subfloat[][Sub $C$]{x}", "[caption: Sub A]\n\n[caption: Sub $C$]\n\nx"),
        (r"\subcaptionbox{Sub D}[.4\textwidth]{y}", "[caption: Sub D]\n\ny"),
        (r"\catcode`\@=11 a \dimen0=3pt b \write16{x}\immediate\write-1{y}\hbadness=10000 c \mathchardef\x=" + '"3123 d', "a b c d"),
        (r"a \tikz[baseline]{\draw (0,0);} b \tikz \draw (0,0) -- (1,1); c \Qcircuit @C=1em @R=.7em {a & b} d", "a b c d"),
        (r"a \xymatrix{A \ar[r] & B} b", "a\n\\[\\xymatrix{A \\ar[r] & B}\\]\nb"),
        (r"\citeA{k} \cite<e.g.,>[p. 2]{k} \parencites[a]{k}{l}", "[cite:1] e.g., [cite:1] (p. 2) [cite:1][cite:2] (a)"),
        (r"\crefrange{a}{b} \prettyref{sec:x} \deref{word}", "[ref:1]–[ref:2] [ref:3] word"),
        (r"\SI{10}{\km\per\s} $\SI{3}{\GHz}$ \unit[3]{km} \nicefrac{a}{b}", r"10 km s$^{-1}$ $3\,\mathrm{GHz}$ 3 km a/b"),
        (
            r"\begin{tabular}{ll}\toprule[1pt]a&b\\\specialrule{1pt}{2pt}{3pt}\cellcolor{gray!20}z&\diagbox{c}{d}\end{tabular}",
            "a | b\nz | c / d",
        ),
        (
            r"\begin{longtable}{l}H\endfirsthead H (continued)\\\endhead Next\\\endfoot\endlastfoot a\\\end{longtable}",
            "H\na",
        ),
        (r"\begin{tabbing}x\=y\=z\\ a\>b\end{tabbing}", "x y z\na b"),
        (r"{\color[rgb]{0,1,0}green} \captionsetup[figure]{a=b}\printbibliography[title=R]x\nopagebreak[2]", "green x"),
        (r"$\textcolor{red}{u}+{\color{blue}t}\hfill x$ ?`Que", "${u}+{t}x$ ¿Que"),
        ("\\begin{tikzcd}[row sep=1]\nA\n\\end{tikzcd}", "\\begin{tikzcd}[row sep=1]\nA\n\\end{tikzcd}"),
        (r"\begin{definitionx}x\end{definitionx}\figurename~1", "x\n\nFigure 1"),
        (r"\enquote{a \enquote*{b}} \foreignquote{german}{c}", "“a ‘b’” “c”"),
        (r"\begin{algorithm}go\tcp*{c}\KwData{d}\end{algorithm}", "go // c\nData: d"),
    ],
)
def test_constructs_of_packages(source: str, text: str) -> None:
    assert body(source) == text


def test_german_shorthands() -> None:
    assert body('Gr"o"se "`x"\' und Bei"-spiel', r"\usepackage[ngerman]{babel}") == "Größe „x“ und Beispiel"
    assert body('A "a" b') == 'A "a" b'


def test_beamer() -> None:
    frame = (
        r"\begin{frame}<2>[t]{Title}{Sub}\begin{itemize}\item<1-> one\item<2->[L] two\end{itemize}"
        + r"\begin{block}<2->{B}text\end{block}\alert<3>{x}"
    )
    text = text_of({"main.tex": r"\documentclass{beamer}\begin{document}" + frame + r"\end{frame}\end{document}"})
    assert text == "## Title\n\n### Sub\n\n- one\n- L two\n\nB. text\n\nx\n"


KEYWORDS = (
    r"\SetKwFunction{Rand}{rand}\SetKw{KwTo}{in}\SetKwInOut{Data}{input}\SetKwProg{Fn}{function}{}{end}\SetKwFor{For}{for}{}{end}"
    r"\SetKwIF{If}{ElseIf}{Else}{if}{}{else if}{else}{end}\SetKwRepeat{Do}{do}{until}\SetKwComment{tcc}{/*}{*/}"
)


def test_keywords_that_a_paper_gives_its_algorithms() -> None:
    source = (
        r"\begin{algorithm}\Data{x}\Fn{f(x)}{\If{\Rand{} $<a$}{b\;}\For{i \KwTo \Rand{n}}{c\;d\;\tcc{note}}\Do{c}{b\;}}\end{algorithm} end"
    )
    lines = [line for line in body(source, KEYWORDS).split("\n") if line]
    assert lines == [
        *("input: x", "function f(x)", "if rand() $<a$", "b", "end", "for i in rand(n)", "c", "d", "/* note */", "end"),
        *("do", "b", "until c", "end", "end"),
    ]


@pytest.mark.parametrize(
    "source, preamble, text",
    [
        (r"\begin{algorithm}\For{$i=1$ \KwTo $n$}{c\;}\end{algorithm}", "", "for $i=1$ to $n$ do\nc\nend"),
        (r"A \code|T_C($x)| \lstinline[style=a]!b$! \lstinline{c_d}", r"\newcommand{\code}{\lstinline[style=m]}", "A `T_C($x)` `b$` `c_d`"),
        (r"$^{\uw}$ \theac", r"\newcounter{ac}\setcounter{ac}{1}\edef\uw{\arabic{ac}}\addtocounter{ac}{3}", "$^{1}$ 4"),
        (r"\newcounter{n}\setcounter{n}{14}\roman{n} \Roman{n} \alph{n} \stepcounter{n}\value{n}", "", "xiv XIV n 15"),
        (r"\begin{multicols}{2}[\section{Others} Text]body\end{multicols}", "", "# Others\n\nText\n\nbody"),
        (r"\twocolumn[\begin{@twocolumnfalse}\title{T}\maketitle\end{@twocolumnfalse}] body", "", "# T\n\nbody"),
        ("\\tcbox[on line,\n boxrule=1pt]{a}\\begin{tcolorbox}[colback=red,\n title={Box}]b\\end{tcolorbox}", "", "a\n\nBox\n\nb"),
        (
            r"\begin{theorem}[label=x,name=Main] a\end{theorem}\begin{theorem}[label=q] b\end{theorem}",
            "",
            "Theorem (Main). a\n\nTheorem. b",
        ),
    ],
)
def test_what_readers_of_real_papers_saw(source: str, preamble: str, text: str) -> None:
    assert body(source, preamble) == text


def test_plain_tex() -> None:
    source = "\\magnification=1200\n\\centerline{\\bf A Title}\n\\beginsection First.\n\nText $$x$$ goes \\item{(a)} on.\n\\bye\nnever"
    text = text_of({"paper.tex": source})
    assert text.startswith("A Title\n\n# First.\n\nText")
    assert "never" not in text
    assert "\\[x\\]" in text


def test_amstex() -> None:
    source = (
        "\\input amstex\n\\documentstyle{amsppt}\n\\topmatter\n\\title On rings\\endtitle\n\\author A. B.\\endauthor\n\\endtopmatter\n"
        "\\document\n\\heading 1. Rings\\endheading\n\\proclaim{Theorem 1} All is well.\\endproclaim\n"
        "\\demo{Proof} Clear.\\enddemo\n\\enddocument\n"
    )
    text = text_of({"paper.tex": source})
    assert [line for line in text.split("\n") if line] == ["# On rings", "A. B.", "# 1. Rings", "Theorem 1. All is well.", "Proof. Clear."]


def test_the_bibliography_is_kept_by_option() -> None:
    source = r"See \cite{k}.\begin{thebibliography}{9}\bibitem{k} A. B., \emph{Book}, 1999.\end{thebibliography}"
    assert body(source) == "See [cite:1]."
    assert body(source, config=LatexConfig(keep_bibliography=True)) == "See [cite:1].\n\n# References\n\n[cite:1] A. B., Book, 1999."


def test_the_bibliography_that_bibtex_made_is_kept_by_option() -> None:
    files: dict[str, str | bytes] = {
        "main.tex": document(r"See \cite{k}.\bibliographystyle{plain}\bibliography{refs}"),
        "main.bbl": r"\begin{thebibliography}{9}\bibitem{k} A. B., 1999.\end{thebibliography}",
    }
    assert text_of(files) == "See [cite:1].\n"
    assert text_of(files, LatexConfig(keep_bibliography=True)) == "See [cite:1].\n\n# References\n\n[cite:1] A. B., 1999.\n"


@pytest.mark.parametrize(
    "source, text",
    [
        (r"\cite{n} and \citet[p.~2]{n}", "Noether (1918) and Noether (1918, p. 2)"),
        (r"\citep[see][Thm 1]{n,w}", "(see Noether, 1918; Weyl and Hilbert, 1920a, Thm 1)"),
        (
            r"\citealt{w} \citealp{w} \citeauthor{w} \citeyear{n} \citeyearpar{n}",
            "Weyl and Hilbert 1920a Weyl and Hilbert, 1920a Weyl and Hilbert 1918 (1918)",
        ),
        (r"\citep{n,unknown}", "[cite:1][cite:2]"),
        (r"\cite{o}", "Old (1901)"),
    ],
)
def test_citations_by_author_and_year_by_option(source: str, text: str) -> None:
    entries = (
        r"\begin{thebibliography}{9}\bibitem[{Noether(1918)}]{n} x\bibitem[Weyl and Hilbert(1920a)Weyl, Hilbert]{w} y"
        r"\bibitem[\protect\citeauthoryear{Old}{1901}]{o} z\end{thebibliography}"
    )
    assert body(source + entries, config=LatexConfig(cite_author_year=True)) == text
    assert "[cite:1]" in body(source + entries)


def test_a_paper_and_its_supplement_in_order_with_one_numbering() -> None:
    text = text_of({"supp.tex": document(r"Supplement \ref{x} \ref{y}."), "main.tex": document(r"Main \ref{y}.")})
    assert text == "Main [ref:1].\n\nSupplement [ref:2] [ref:1].\n"


def test_deep_arguments_are_flattened() -> None:
    source = r"\footnote{a" * 100 + "core" + "}" * 100
    assert "core" in body(source)


def test_no_blank_line_in_a_formula() -> None:
    text = body("\\[a\n\n%\n\nb\\]\n\\begin{equation}\n\n a \n\n\\end{equation}")
    assert "\n\n" not in text.replace("\\]\n\n\\begin", "\\]\n\\begin")


def test_dropped_characters_are_counted_by_kind() -> None:
    source = r"\begin{tikzpicture}xx\end{tikzpicture}\begin{thebibliography}{9}\bibitem{a}b\end{thebibliography}\vspace{1cm}% note"
    kinds = paper({"main.tex": document("x" + source), "unused.tex": "never"}).dropped_characters
    assert {"drawing", "bibliography", "layout_command", "comment", "unused_file", "preamble"} <= set(kinds)
    assert all(count > 0 for count in kinds.values())


def test_a_formula_that_expands_to_nothing_opens_no_display() -> None:
    text = body("\\newcommand{\\later}[1]{}\nA $\\later{x}$ b $y$ c.\n\n\\section{Next}\nEnd, \\$$5$ each.")
    assert "b $y$ c." in text
    assert "# Next" in text
    assert r"\$$5$ each" in text


def test_thanks_in_a_list_are_no_citation() -> None:
    author = r"\author{A. B\IEEEcompsocitemizethanks{\IEEEcompsocthanksitem C is with the Institute.}}"
    text = text_of({"main.tex": rf"\documentclass{{IEEEtran}}{author}\begin{{document}}\title{{T}}\maketitle x\end{{document}}"})
    assert "A. B [footnote: C is with the Institute.]" in text
