"""What single commands and environments print, by topic."""

import pytest

from tests.preprocess.latex.latex_paper import body, text_of


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\begin{align}a&=b\\\\[0.7em] c&=d\\\\\\end{align}", "\\begin{align}\na&=b\\\\ c&=d\n\\end{align}"),
        ("\\[a\\\\[1ex]b\\\\[-\\jot]c\\\\ \\]", "\\[a\\\\b\\\\c\\]"),
        ("\\[a\\\\*[2pt]b\\]", "\\[a\\\\b\\]"),
        ("\\[a\\\\[b]\\]", "\\[a\\\\[b]\\]"),
        ("$a\\ $", "$a\\ $"),
        ("$\\texorpdfstring{\\alpha_{1}}{a}+\\texorpdfstring$", "${\\alpha_{1}}+\\texorpdfstring$"),
        (
            "\\begin{mathpar}\\inferrule{A\\\\B}{C}\\and D\\end{mathpar}",
            "\\begin{gather*}\n\\inferrule{A\\\\B}{C}\\qquad D\n\\end{gather*}",
        ),
        ("\\begin{subeqnarray}a&=&b\\label{x}\\\\c&=&d\\end{subeqnarray}", "\\begin{eqnarray}\na&=&b\\\\c&=&d\n\\end{eqnarray}"),
        (
            "\\begin{align}a&=b\\\\ \\intertext{where $b>0$ and} c&=d\\\\ \\shortintertext{so} e\\end{align}",
            "\\begin{align}\na&=b\n\\end{align}\nwhere $b>0$ and\n\\begin{align}\nc&=d\n\\end{align}\nso\n\\begin{align}\ne\n\\end{align}",
        ),
        ("x \\inferrule[R]{A\\\\B}{C} y \\infer[r]{A}{B&C}", "x\n\\[\\inferrule[R]{A\\\\B}{C}\\]\ny\n\\[\\infer[r]{A}{B&C}\\]"),
    ],
)
def test_formulas(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "$\\{a,\\\\\\ldots\\}$, $\\substack{a\\\\b}$, $\\begin{matrix}a\\\\b\\end{matrix}$",
            "$\\{a, \\ldots\\}$, $\\substack{a\\\\b}$, $\\begin{matrix}a\\\\b\\end{matrix}$",
        ),
        ("{$a$}{$b$} \\textbf{$x\\pi$}$y$ {$a$}\\($_i$\\)", "$ab$ $x\\pi y$ $a{}_i$"),
        ("$\\xymatrix{a \\ar[r]^{b} & c \\\\ }\\\\ d$", "$\\xymatrix{a \\ar[r]^{b} & c \\\\ } d$"),
        ("costs \\$$5$ and \\$2", "costs \\$$5$ and \\$2"),
        (
            "$\\tensor{R}{^a_{bc}^{d}}$ $\\tensor*{\\hat R}{^a_b}$ $T\\indices{_\\mu^\\nu}$ $\\tensor[^k]{M}{_i}$",
            "$R^a{}_{bc}{}^{d}$ ${\\hat R}^a_b$ $T_\\mu{}^\\nu$ ${}^kM_i$",
        ),
        ("$\\tensor{R}{x}$", "$\\tensor{R}{x}$"),
        ("$\\Bbb N$, $\\frak{S}$, $\\Cal P_{\\Bbb{R}}$, $\\BbbR$", "$\\mathbb N$, $\\mathfrak{S}$, $\\mathcal P_{\\mathbb{R}}$, $\\BbbR$"),
        (
            "\\begin{equation}a = b\\ .\n\\end{equation} and $a\\ , b$, c\\ , d .",
            "\\begin{equation}\na = b\\ .\n\\end{equation}\nand $a\\ , b$, c, d.",
        ),
        ("$$a\\footnote{See $b$.}=c$$ $d\\footnote{E.}$.", "\\[a=c\\]\n[footnote: See $b$.] $d$ [footnote: E.]."),
        ("\\begin{equation}a\\footnotemark\\footnote{N.}\\end{equation}", "\\begin{equation}\na\n\\end{equation}\n[footnote: N.]"),
        ("\\[J(r)\\\n\\] and $x\\\n$", "\\[J(r)\\ \\]\nand $x\\ $"),
        ("$\\hbox to.8em{a} \\vbox to \\hsize{b}$ \\xymatrixrowsep{0mm} $\\xymatrixcolsep{1pt}c$", "$\\hbox{a} \\vbox{b}$ $c$"),
        ("$\\text{\\footnotesize if}\\small x$", "$\\text{if}x$"),
        ('$$a\\tag 1.2$$ $$b\\tag"(A)"$$ $$c\\tag{3}$$', "\\[a\\tag{1.2}\\]\n\n\\[b\\tag*{(A)}\\]\n\n\\[c\\tag{3}\\]"),
    ],
)
def test_what_formulas_are_made_of(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        (
            "\\begin{prooftree}\\AxiomC{$A$}\\AxiomC{$B$}\\LeftLabel{}\\RightLabel{I}\\BinaryInfC{$A,B$}\\UnaryInfC{$B$}\\end{prooftree}",
            "$A$\n$B$\n(I) $A,B$\n$B$",
        ),
        ("Thus \\AxiomC{$A$}\\UnaryInfC{$B$}\\DisplayProof as said", "Thus\n$A$\n$B$\nas said"),
        ("\\Axiom$A$\\UnaryInf$B$", "$A$\n$B$"),
        ("so $\\AxiomC{$A$}\\UnaryInfC{$B$}\\DisplayProof$ and", "so\n$A$\n$B$\nand"),
        ("so $\\DisplayProof$", "so $\\DisplayProof$"),
        ("so $$\\AxiomC{$A$}\\UnaryInfC{$B$}\\DisplayProof$$ and", "so\n\n$A$\n$B$\n\nand"),
        ("\\[\\Axiom$A$\\UnaryInf$B$\\DisplayProof\\qquad\\Axiom$C$\\UnaryInf$D$\\DisplayProof\\]", "$A$\n$B$\n$C$\n$D$"),
        ("\\[\\AXC{$A$}\\UIC{$B$}\\DisplayProof \\leadsto \\AXC{$A$}\\UIC{$C$}\\DisplayProof\\]", "$A$\n$B$\n$\\leadsto$\n$A$\n$C$"),
        (
            "\\[\\begin{array}{|c|c|}\\hline\\vcenter{\\hbox{\\AXC{}\\UIC{$A$}\\DisplayProof}}\n"
            "&\\AXC{$B$}\\RightLabel{I}\\AXC{}\\BIC{$C$}\\DisplayProof\\\\\\hline\\end{array}\\]",
            "$A$\n$B$\n(I) $C$",
        ),
        ("\\begin{gather*}\\AxiomC{$A$}\\UnaryInfC{$B$}\\DisplayProof\\\\[1ex]\\end{gather*}", "$A$\n$B$"),
    ],
)
def test_proof_trees(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("one \\lipsum*[1][2-3] two \\blindtext[2] three \\kant[1-3] four", "one two three four"),
        ("\\ding{51} \\ding{55} \\ding{172} \\ding{182} \\ding{72}", "✓ ✗ ① ❶ ★"),
        ("\\textcommabelow{s}\\textcommabelow{T}", "șȚ"),
        ("{\\accent18 e}t\\accent\"7F ud\\accent'177 {o} \\accent19 \\i", "ètüdö í"),
        ("\\MakeUppercase{abc $x_a$ \\cite{k}} \\uppercase{de} \\MakeLowercase{FG}", "ABC $x_a$ [cite:1] DE fg"),
        ("\\enquote{a \\enquote{b} c} \\enquote*{d}", "“a ‘b’ c” ‘d’"),
        ("\\textquote[Noether]{a} \\blockquote[\\cite{k}][.]{b}", "“a” (Noether) “b” [cite:1]"),
        ("value\\tnote{a}", "value$^{a}$"),
        ("\\nth{1} \\nth{12}, \\ordinalnum{23} and \\nth{100}", "1st 12th, 23rd and 100th"),
        ("\\texttt{run --fast\\_mode} 1--2 {\\tt --x---y} 3--4 \\textsf{5--6}", "run --fast_mode 1–2 --x---y 3–4 5–6"),
    ],
)
def test_characters(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\bibentry{k}, \\textcites[p. 1]{a}{b}", "[cite:1], [cite:2][cite:3] (p. 1)"),
        ("\\citetext{see \\citealp{a}} \\citetext{priv.\\ comm.}", "(see [cite:1]) (priv. comm.)"),
    ],
)
def test_citations(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\begin{xltabular}{\\textwidth}{|l|X|}a&b\\\\c&d\\end{xltabular}", "a | b\nc | d"),
        ("\\begin{tabu} to 0.8\\textwidth {X[l]X}a&b\\\\\\end{tabu}", "a | b"),
        ("\\begin{NiceTabular}{cc}[hvlines]a&b\\\\\\end{NiceTabular}", "a | b"),
        ("\\begin{longtblr}[caption={Of {one}},label=t]{colspec={ll}}a&b\\\\\\end{longtblr}", "[caption: Of one]\n\na | b"),
        ("\\processtable{Of two\\label{t}}{\\begin{tabular}{l}a&b\\\\\\end{tabular}}{Notes.}", "[caption: Of two]\n\na | b\n\nNotes."),
        ("\\halign{\\hfil#\\hfil&\\quad#\\cr a&b\\cr\\noalign{\\hrule} c&d\\cr}", "a | b\nc | d"),
        ("\\vbox{\\halign to\\hsize{\\vrule#&#\\cr height2pt&\\omit&\\cr a&b\\cr}}", "a | b"),
        ("\\settabs 3 \\columns\n\\+ a & b & c \\cr\n\\+ d & e & f \\cr\nText", "a | b | c\nd | e | f\nText"),
        ("\\settabs\\+ wide & wider \\cr \\+ a & b\\cr", "a | b"),
        ("\\begin{tabular*}{3cm}[t]{l@{\\extracolsep{\\fill}}r}a&b\\end{tabular*}", "a | b"),
    ],
)
def test_tables(source: str, shown: str) -> None:
    assert body(source) == shown


def items(options: str = "", num: int = 2) -> str:
    return f"\\begin{{enumerate}}{options}" + "\\item x" * num + "\\end{enumerate}"


@pytest.mark.parametrize(
    "source, shown",
    [
        (items(), "1. x\n2. x"),
        (
            f"\\begin{{enumerate}}\\item a {items()}\\item b\\begin{{enumerate}}\\item c{items()}\\end{{enumerate}}\\end{{enumerate}}",
            "1. a\n(a) x\n(b) x\n2. b\n(a) c\ni. x\nii. x",
        ),
        (f"\\begin{{itemize}}\\item a{items()}\\end{{itemize}}", "- a\n1. x\n2. x"),
        (items("[(i)]"), "(i) x\n(ii) x"),
        (items("[a)]"), "a) x\nb) x"),
        (items("[Step 1:]"), "Step 1: x\nStep 2: x"),
        (items("[{Axiom A}1]"), "Axiom A1 x\nAxiom A2 x"),
        (items("[noitemsep]"), "1. x\n2. x"),
        (items("[label=(\\alph*), ref=\\alph*]"), "(a) x\n(b) x"),
        (items("[label={\\textbf{A\\arabic*.}},leftmargin=0pt]"), "A1. x\nA2. x"),
        (items("[label=\\Roman{*}.]"), "I. x\nII. x"),
        (items("[label=(\\roman{enumi})]", 4), "(i) x\n(ii) x\n(iii) x\n(iv) x"),
        (items("[label=$(\\mathrm{P}_{\\arabic*})$]", 1), "$(\\mathrm{P}_{1})$ x"),
        (items("[start=3]"), "3. x\n4. x"),
        (items() + "y" + items("[resume]", 1), "1. x\n2. x\n\ny\n\n3. x"),
        ("\\begin{enumerate}\\setcounter{enumi}{4}\\item x\\end{enumerate}", "5. x"),
        ("\\renewcommand{\\labelenumi}{(\\roman{enumi})}" + items(), "(i) x\n(ii) x"),
        ("\\renewcommand\\theenumi{\\Alph{enumi}}" + items(), "A. x\nB. x"),
        ("\\begin{enumerate}\\renewcommand{\\labelenumi}{(\\theenumi)}\\item x\\end{enumerate}" + items(num=1), "(1) x\n\n1. x"),
        ("\\begin{compactenum}[i.]\\item x\\end{compactenum}", "i. x"),
        ("Of \\begin{inparaenum}[(a)]\\item x, \\item y\\end{inparaenum} one", "Of (a) x, (b) y one"),
        ("\\begin{enumerate*}[label=(\\roman*)]\\item x\\item y\\end{enumerate*}", "(i) x (ii) y"),
        ("\\begin{list}{(\\roman{c})}{\\usecounter{c}}\\item x\\item y\\end{list}", "(i) x\n(ii) y"),
        ("\\begin{list}{$\\bullet$}{\\setlength{\\itemsep}{0pt}}\\item x\\end{list}", "- x"),
        ("\\begin{tasks}(2)\\task x\\task y\\end{tasks}", "a) x\nb) y"),
        ("\\begin{enumerate}\\item[(A)] x\\item y\\end{enumerate}", "- (A) x\n1. y"),
        (items("[label=\\arabic*.]", 1) + items("[start=999999]", 1), "1. x\n\n1. x"),
    ],
)
def test_lists(source: str, shown: str) -> None:
    assert body(source) == shown


@pytest.mark.parametrize(
    "document_class, preamble, source, shown",
    [
        ("amsart", "", items(), "(1) x\n(2) x"),
        ("IEEEtran", "", items(num=1), "1) x"),
        ("article", "\\renewcommand{\\labelenumi}{(\\alph{enumi})}", items(), "(a) x\n(b) x"),
        ("article", "\\setlist[enumerate]{label=(\\roman*),nosep}", items(), "(i) x\n(ii) x"),
        ("article", "\\setlist[enumerate,1]{label=\\Alph*)}", items(), "A) x\nB) x"),
        (
            "article",
            "\\newlist{steps}{enumerate}{1}\\setlist[steps]{label=Step \\arabic*.}",
            "\\begin{steps}\\item x\\end{steps}",
            "Step 1. x",
        ),
        ("article", "\\newenvironment{mine}{\\begin{enumerate}[(i)]}{\\end{enumerate}}", "\\begin{mine}\\item x\\end{mine}", "(i) x"),
    ],
)
def test_labels_of_classes_and_preambles(document_class: str, preamble: str, source: str, shown: str) -> None:
    whole = f"\\documentclass{{{document_class}}}{preamble}\\begin{{document}}{source}\\end{{document}}"
    assert text_of({"main.tex": whole}).rstrip("\n") == shown


@pytest.mark.parametrize(
    "preamble, source, shown",
    [
        ("\\newtcolorbox{keys}[1]{colback=red,title=#1}", "\\begin{keys}{One, two}Text.\\end{keys}", "One, two\n\nText."),
        ("\\newtcolorbox[auto counter]{keys}[2][]{title={#2},#1}", "\\begin{keys}[blue]{One}Text.\\end{keys}", "One\n\nText."),
        ("\\newtcolorbox{idea}{title=Key idea}", "\\begin{idea}Text.\\end{idea}", "Key idea\n\nText."),
        ("\\newmdenv[linecolor=red,frametitle=Note]{note}", "\\begin{note}Text.\\end{note}", "Note\n\nText."),
        ("\\newmdtheoremenv[roundcorner=2pt]{lem}{Lemma}", "\\begin{lem}Text.\\end{lem}", "Lemma. Text."),
        (
            "\\newtcbtheorem{theorem}{Theorem}{colback=red}{th}",
            "\\begin{theorem}{Of Noether}{n}Text.\\end{theorem}",
            "Theorem (Of Noether). Text.",
        ),
        ("\\newtcbtheorem[auto counter]{law}{Law}{}{l}", "\\begin{law}[x=y]{}{n}Text.\\end{law} \\cref{l:n}", "Law. Text.\n\nlaw [ref:1]"),
    ],
)
def test_boxes_have_titles(preamble: str, source: str, shown: str) -> None:
    assert body(source, preamble) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("a \\chemfig{A-B(-[2]C)} b", "a b"),
        ("a \\psline[linewidth=1pt]{->}(0,0)(1,1) \\rput[bl]{90}(1,2){label} \\pscircle*(0,0){1} b", "a b"),
        ("\\begin{diagram}A&\\rTo&B\\end{diagram}", "\\[\\begin{diagram}A&\\rTo&B\\end{diagram}\\]"),
    ],
)
def test_drawings(source: str, shown: str) -> None:
    assert body(source) == shown


def test_labels_and_boxes_of_a_package_of_the_paper() -> None:
    style = "\\renewcommand{\\labelenumi}{(\\roman{enumi})}\n\\newtcolorbox{idea}{title=Key idea}\n"
    main = f"\\documentclass{{article}}\\usepackage{{own}}\\begin{{document}}{items()}\\begin{{idea}}Text.\\end{{idea}}\\end{{document}}"
    assert text_of({"main.tex": main, "own.sty": style}) == "(i) x\n(ii) x\n\nKey idea\n\nText.\n"


@pytest.mark.parametrize(
    "source, preamble, shown",
    [
        ("\\begin{python}\nx = [1]  # one\ny = x\n\\end{python}", "\\usepackage{pythonhighlight}", "```\nx = [1]  # one\ny = x\n```"),
        ("\\begin{pyblock}\nx = 1\n\\end{pyblock}", "\\usepackage{pythontex}", "```\nx = 1\n```"),
        ("\\begin{python}a snake\\end{python}", "\\newenvironment{python}{Snake: }{.}", "Snake: a snake."),
    ],
)
def test_code_by_the_names_of_packages(source: str, preamble: str, shown: str) -> None:
    assert body(source, preamble) == shown


@pytest.mark.parametrize(
    "source, shown",
    [
        ("\\paragraph{方法：}第一行\n第二行。\n第三行", "方法： 第一行第二行。第三行"),
        ("\\paragraph{结果}好\nof x\n好", "结果. 好 of x 好"),
        ("한국어\n문장", "한국어 문장"),
    ],
)
def test_line_ends_between_ideographs_are_no_blanks(source: str, shown: str) -> None:
    assert body(source, "\\usepackage{xeCJK}") == shown


def test_a_line_break_in_a_cell_keeps_the_row_on_its_line() -> None:
    source = "\\begin{tabular}{p{2cm}p{2cm}}a & b\\newline(c)\\\\ d\\newline e & f\\\\\\end{tabular} g\\newline h"
    assert body(source) == "a | b (c)\nd e | f\n\ng\nh"


@pytest.mark.parametrize(
    "options, mark, given, shown",
    [
        ("sharp", "#", "", "1. a\n1.1. b\n1.2. c $x$\n2. d \\# e"),
        ("", "§", "\\ListProperties(Margin1=1cm,Numbers1=l)\n", "a. a\na.1. b\na.2. c $x$\nb. d \\# e"),
        ("pilcrow", "¶", "[itemize]\n", "- a\n- b\n- c $x$\n- d \\# e"),
    ],
)
def test_easylist(options: str, mark: str, given: str, shown: str) -> None:
    source = f"\\begin{{easylist}}{given}\n{mark} a % {mark} no item\n{mark}{mark} b\n{mark}{mark} c $x$ {mark} d \\# e\n\\end{{easylist}}"
    assert body(source, f"\\usepackage[{options}]{{easylist}}") == shown.replace("\\#", "#")


def test_easylist_without_an_end_is_text() -> None:
    assert body("\\begin{easylist} § a") == "§ a"
    assert body("\\begin{easylist} a \\end{easylist} b") == "a\n\nb"


def test_unknown_arguments_are_words_and_links_show_their_text() -> None:
    assert body("x\\unknown{ 48}{Sets}{of points} end") == "x 48 Sets of points end"
    html = "\\htmlref{Section}{sec:a}, \\htmladdnormallink{page}{http://x.org}\\begin{rawhtml}<p>\\end{rawhtml}."
    assert body(html, "\\usepackage{html}") == "Section, page."


def test_styles_of_drawings_are_no_text() -> None:
    assert body("A \\tikzstyle{level 1}=[level distance=1cm, draw] b \\newgeometry{top=0pt,bottom=0pt} c") == "A b c"


def test_listing_takes_its_escape_from_its_style() -> None:
    preamble = "\\lstdefinestyle{sh}{language=bash,escapechar=@}"
    assert body("\\begin{lstlisting}[style=sh]\ncd @$x$@\n\\end{lstlisting}", preamble) == "```\ncd $x$\n```"
