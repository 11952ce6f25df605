r"""What physicists' and astronomers' classes and packages add to LaTeX's own commands; `vocabularies` says how a line is written.

The packages physics and braket write formulas in a vocabulary of their own (`\dv{f}{x}`, `\ket{\psi}`, `\qty(…)`), told here as what
they print in amsmath's. Their arguments are those of xparse: `\name<s o m g d()>{body}`. `\textormath{in prose}{in a formula}` is babel's.
"""

ASTRONOMY = r"""
\altaffiltext#1#2{\footnotetext{$^{#1}$ #2}}
\authoremail#1{}
\slugcomment#1{}
\submitjournal#1{}
\received#1{}
\revised#1{}
\accepted#1{}
\lefthead#1{}
\righthead#1{}
\cpright#1#2{}
\journalid#1#2{}
\articleid#1#2{}
\correspondingauthor#1{\footnotetext{Corresponding author: #1}}
\plotone#1{}
\plottwo#1#2{}
\plotfiddle#1#2#3#4#5#6#7{}
\epsscale#1{}
\figurenum#1{}
\tablenum#1{}
\tablewidth#1{}
\tabletypesize#1{}
\tablecolumns#1{}
\tablehead#1{#1\\}
\tablenotetext#1#2{\footnotetext{$^{#1}$ #2}}
\tablecomments#1{\\Note. #1}
\tablerefs#1{\\References. #1}
\startdata{}
\enddata{\\}
\cutinhead#1{\\#1\\}
\sidehead#1{\\#1\\}
\colhead#1{#1}
\dcolhead#1{$#1$}
\twocolhead#1{\multicolumn{2}{c}{#1}}
\nocolhead#1{}
\phm#1{}
\phn{}
\phd{}
\phs{}
\nodata{\ldots}
\eqnum#1{\tag{#1}}
\objectname[]#1#2{#2}
\object[]#1#2{#2}
\facilities#1{\par Facilities: #1\par}
\software#1{\par Software: #1\par}
\newauthor{, }
\offprints#1{}
\placefigure#1{}
\placetable#1{}
\placeplate#1{}
\gridline#1{#1}
\markcite#1{}
\anchor#1#2{#2}
\nl{\\}
\tablebreak{}
\slantfrac#1#2{\ensuremath{#1/#2}}
\fig#1#2#3{\par\caption{#3}\par}
\leftfig#1#2#3{\par\caption{#3}\par}
\rightfig#1#2#3{\par\caption{#3}\par}
\boxedfig#1#2#3{\par\caption{#3}\par}
\edit#1#2{#2}
\explain#1{}
\watermark#1{}
\setwatermarkfontsize#1{}
\latex{\LaTeX}
\aastex{AASTeX}
\micron{\textormath{µm}{\mu\mathrm{m}}}
\arcdeg{\textormath{°}{^{\circ}}}
\degr{\textormath{°}{^{\circ}}}
\arcmin{\textormath{′}{^{\prime}}}
\arcsec{\textormath{″}{^{\prime\prime}}}
\fdg{\textormath{°.}{.^{\circ}}}
\farcm{\textormath{′.}{.^{\prime}}}
\farcs{\textormath{″.}{.^{\prime\prime}}}
\fd{\textormath{ᵈ.}{.^{\mathrm{d}}}}
\fh{\textormath{ʰ.}{.^{\mathrm{h}}}}
\fm{\textormath{ᵐ.}{.^{\mathrm{m}}}}
\fs{\textormath{ˢ.}{.^{\mathrm{s}}}}
\fp{\textormath{ᵖ.}{.^{\mathrm{p}}}}
\sun{\ensuremath{\odot}}
\earth{\ensuremath{\oplus}}
\la{\ensuremath{\lesssim}}
\ga{\ensuremath{\gtrsim}}
\loa{\ensuremath{\lesssim}}
\goa{\ensuremath{\gtrsim}}
\sq{\ensuremath{\square}}
\diameter{\ensuremath{\varnothing}}
\umu{\ensuremath{\mu}}
\element<o o o m>{\ensuremath{^{\IfNoValueF{#2}{#2}}\mathrm{#4}}}
{interactive}#1#2{}{}
{planotable}#1{\begin{deluxetable}{#1}}{\end{deluxetable}}
{planotable*}#1{\begin{deluxetable}{#1}}{\end{deluxetable}}
{splitdeluxetable}#1{\begin{deluxetable}{#1}}{\end{deluxetable}}
{splitdeluxetable*}#1{\begin{deluxetable}{#1}}{\end{deluxetable}}
{rotatetable}{}{}
{rotatetable*}{}{}
"""

ASTRONOMY_AND_ASTROPHYSICS = r"""
\abstract<m g g g g>{\IfNoValueTF{#2}{\abstract{#1}}{\abstract{\@lead{Context}{#1}\@lead{Aims}{#2}\@lead{Methods}{#3}
  \@lead{Results}{#4}\@lead{Conclusions}{#5}}}}
\tablefoot#1{\\Notes. #1\\}
\tablefootmark#1{$^{#1}$}
\tablefoottext#1#2{ $^{#1}$ #2}
\tablebib#1{\\References. #1\\}
\longtab[]#1#2{#2}
\onltab#1{#1}
\onlfig#1{#1}
\thesaurus#1{}
\picplace#1{}
\corrauth#1{}
"""

REVTEX = r"""
\case#1#2{\ensuremath{\tfrac{#1}{#2}}}
\eqnum#1{\tag{#1}}
\narrowtext{}
\widetext{}
\mediumtext{}
\draft{}
\tighten{}
\tightenlines{}
\noaffiliation{}
\FL{}
\FR{}
\bbox#1{\boldsymbol{#1}}
\openone{\mathbb{1}}
\lambdabar{\ensuremath{\bar\lambda}}
\tablenote#1{\footnote{#1}}
\unletteredappendix#1{\section*{#1}}
\homepage[]#1#2{\email[#1]{\url{#2}}}
"""

BRAKET = r"""
\bra#1{\langle #1|}
\Bra#1{\left\langle #1\right|}
\ket#1{|#1\rangle}
\Ket#1{\left|#1\right\rangle}
\braket#1{\langle #1\rangle}
\Braket#1{\left\langle #1\right\rangle}
\ketbra#1#2{|#1\rangle\langle #2|}
\Ketbra#1#2{\left|#1\right\rangle\left\langle #2\right|}
\set#1{\{#1\}}
\Set#1{\left\{#1\right\}}
"""

PHYSICS = r"""
\qty<t\bigg t\Bigg t\big t\Big s g d() d[] d||>{\IfNoValueTF{#6}{\IfNoValueTF{#7}{\IfNoValueTF{#8}{\IfNoValueF{#9}{\left|#9\right|}}
  {\left[#8\right]}}{\left(#7\right)}}{\left\{#6\right\}}}
\pqty<s m>{\left(#2\right)}
\bqty<s m>{\left[#2\right]}
\Bqty<s m>{\left\{#2\right\}}
\vqty<s m>{\left|#2\right|}
\absolutevalue{\abs}
\abs<s m>{\IfBooleanTF{#1}{|#2|}{\left|#2\right|}}
\norm<s m>{\IfBooleanTF{#1}{\|#2\|}{\left\|#2\right\|}}
\eval<s g d(| d[|>{\IfNoValueTF{#2}{\IfNoValueTF{#3}{\left[#4\right|}{\left(#3\right|}}{\left.#2\right|}}
\order<s g d()>{\mathcal{O}\left(\IfNoValueTF{#2}{#3}{#2}\right)}
\comm<s m m>{\left[#2,#3\right]}
\commutator{\comm}
\acomm<s m m>{\left\{#2,#3\right\}}
\anticommutator{\acomm}
\pb<s m m>{\left\{#2,#3\right\}}
\poissonbracket{\pb}
\vb<s m>{\IfBooleanTF{#1}{\boldsymbol{#2}}{\mathbf{#2}}}
\vectorbold{\vb}
\va<s m>{\vec{\IfBooleanTF{#1}{\boldsymbol{#2}}{\mathbf{#2}}}}
\vu<s m>{\hat{\IfBooleanTF{#1}{\boldsymbol{#2}}{\mathbf{#2}}}}
\vdot{\cdot}
\cross{\times}
\cp{\times}
\crossproduct{\times}
\grad<g d() d[]>{\nabla\IfNoValueF{#1}{#1}\IfNoValueF{#2}{\left(#2\right)}\IfNoValueF{#3}{\left[#3\right]}}
\gradient{\grad}
\div<g d() d[]>{\nabla\cdot\IfNoValueF{#1}{#1}\IfNoValueF{#2}{\left(#2\right)}\IfNoValueF{#3}{\left[#3\right]}}
\divergence{\div}
\curl<g d() d[]>{\nabla\times\IfNoValueF{#1}{#1}\IfNoValueF{#2}{\left(#2\right)}\IfNoValueF{#3}{\left[#3\right]}}
\laplacian<g d() d[]>{\nabla^2\IfNoValueF{#1}{#1}\IfNoValueF{#2}{\left(#2\right)}\IfNoValueF{#3}{\left[#3\right]}}
\tr{\operatorname{tr}}
\Tr{\operatorname{Tr}}
\trace{\operatorname{tr}}
\Trace{\operatorname{Tr}}
\rank{\operatorname{rank}}
\erf{\operatorname{erf}}
\Res{\operatorname{Res}}
\principalvalue{\mathcal{P}}
\pv{\mathcal{P}}
\PV{\operatorname{P.V.}}
\Re<g>{\operatorname{Re}\IfNoValueF{#1}{\left\{#1\right\}}}
\Im<g>{\operatorname{Im}\IfNoValueF{#1}{\left\{#1\right\}}}
\real{\operatorname{Re}}
\imaginary{\operatorname{Im}}
\qq<s m>{\quad\text{#2}\quad}
\qqtext<s m>{\quad\text{#2}\quad}
\qc{,\quad}
\qcomma{,\quad}
\qcc{\quad\mathrm{c.c.}\quad}
\qif{\quad\text{if}\quad}
\qthen{\quad\text{then}\quad}
\qelse{\quad\text{else}\quad}
\qotherwise{\quad\text{otherwise}\quad}
\qunless{\quad\text{unless}\quad}
\qgiven{\quad\text{given}\quad}
\qusing{\quad\text{using}\quad}
\qassume{\quad\text{assume}\quad}
\qlet{\quad\text{let}\quad}
\qeven{\quad\text{even}\quad}
\qodd{\quad\text{odd}\quad}
\qinteger{\quad\text{integer}\quad}
\qand{\quad\text{and}\quad}
\qor{\quad\text{or}\quad}
\qas{\quad\text{as}\quad}
\qin{\quad\text{in}\quad}
\qfor{\quad\text{for}\quad}
\dd<o g d()>{\mathrm{d}\IfNoValueF{#1}{^{#1}}\IfNoValueF{#2}{#2}\IfNoValueF{#3}{\left(#3\right)}}
\differential{\dd}
\dv<s o m g d()>{\IfNoValueTF{#4}{\frac{\mathrm{d}\IfNoValueF{#2}{^{#2}}}{\mathrm{d}#3\IfNoValueF{#2}{^{#2}}}}{\frac{\mathrm{d}
  \IfNoValueF{#2}{^{#2}}#3}{\mathrm{d}#4\IfNoValueF{#2}{^{#2}}}}\IfNoValueF{#5}{\left(#5\right)}}
\derivative{\dv}
\pdv<s o m g g d()>{\IfNoValueTF{#5}{\IfNoValueTF{#4}{\frac{\partial\IfNoValueF{#2}{^{#2}}}{\partial #3\IfNoValueF{#2}{^{#2}}}}
  {\frac{\partial\IfNoValueF{#2}{^{#2}}#3}{\partial #4\IfNoValueF{#2}{^{#2}}}}}{\frac{\partial^2 #3}{\partial #4\partial #5}}
  \IfNoValueF{#6}{\left(#6\right)}}
\pderivative{\pdv}
\fdv<s o m g d()>{\IfNoValueTF{#4}{\frac{\delta\IfNoValueF{#2}{^{#2}}}{\delta #3\IfNoValueF{#2}{^{#2}}}}{\frac{\delta\IfNoValueF{#2}
  {^{#2}}#3}{\delta #4\IfNoValueF{#2}{^{#2}}}}\IfNoValueF{#5}{\left(#5\right)}}
\functionalderivative{\fdv}
\var<g d()>{\delta\IfNoValueF{#1}{#1}\IfNoValueF{#2}{\left(#2\right)}}
\variation{\var}
\flatfrac#1#2{#1/#2}
\ket<s m>{|#2\rangle}
\bra<s m t\ket s g>{\langle #2|\IfBooleanT{#3}{\IfNoValueF{#5}{#5\rangle}}}
\braket<s m g>{\langle #2|\IfNoValueTF{#3}{#2}{#3}\rangle}
\innerproduct{\braket}
\ip{\braket}
\dyad<s m g>{|#2\rangle\langle\IfNoValueTF{#3}{#2}{#3}|}
\outerproduct{\dyad}
\ketbra{\dyad}
\op{\dyad}
\expval<s s m g>{\IfNoValueTF{#4}{\langle #3\rangle}{\langle #4|#3|#4\rangle}}
\expectationvalue{\expval}
\ev{\expval}
\vev<s m>{\langle 0|#2|0\rangle}
\mel<s s m m m>{\langle #3|#4|#5\rangle}
\matrixel{\mel}
\matrixelement{\mel}
\mqty<s g d() d[] d||>{\IfNoValueTF{#2}{\IfNoValueTF{#3}{\IfNoValueTF{#4}{\begin{vmatrix}#5\end{vmatrix}}
  {\begin{bmatrix}#4\end{bmatrix}}}{\begin{pmatrix}#3\end{pmatrix}}}{\begin{matrix}#2\end{matrix}}}
\matrixquantity{\mqty}
\smqty<s g d() d[] d||>{\IfNoValueTF{#2}{\IfNoValueTF{#3}{\IfNoValueTF{#4}{\left|\begin{smallmatrix}#5\end{smallmatrix}\right|}
  {\left[\begin{smallmatrix}#4\end{smallmatrix}\right]}}{\left(\begin{smallmatrix}#3\end{smallmatrix}\right)}}
  {\begin{smallmatrix}#2\end{smallmatrix}}}
\pmqty#1{\begin{pmatrix}#1\end{pmatrix}}
\bmqty#1{\begin{bmatrix}#1\end{bmatrix}}
\vmqty{\mdet}
\mdet#1{\begin{vmatrix}#1\end{vmatrix}}
\matrixdeterminant{\mdet}
\sPmqty#1{\left(\begin{smallmatrix}#1\end{smallmatrix}\right)}
\spmqty#1{\left(\begin{smallmatrix}#1\end{smallmatrix}\right)}
"""

ISOTOPES = r"""
\isotope[]#1#2{\ensuremath{^{#1}\mathrm{#2}}}
"""

SLASHED = r"""
\fmslash#1{\slashed{#1}}
\FMslash#1{\slashed{#1}}
"""

IOP = r"""
\eref#1{(\ref{#1})}
\Eref#1{Equation (\ref{#1})}
\sref#1{section \ref{#1}}
\Sref#1{Section \ref{#1}}
\fref#1{figure \ref{#1}}
\Fref#1{Figure \ref{#1}}
\tref#1{table \ref{#1}}
\Tref#1{Table \ref{#1}}
\ack{\section*{Acknowledgments}}
\ackn{\section*{Acknowledgment}}
\Table#1{\par\caption{#1}\begin{tabular}{l}}
\fulltable#1{\par\caption{#1}\begin{tabular}{l}}
\endTable{\end{tabular}}
\endtab{\end{tabular}}
\endfulltable{\end{tabular}}
\Tables{}
\Figures{}
\Figure#1{\caption{#1}}
\br{}
\mr{}
\ns{}
\lineup{}
\crule#1{}
\centre#1#2{\multicolumn{#1}{c}{#2}}
\References{\begin{thebibliography}{99}}
\endrefs{\end{thebibliography}}
\endbib{\end{thebibliography}}
\numparts{}
\endnumparts{}
\nosections{}
\fl{}
\rmd{\mathrm{d}}
\rme{\mathrm{e}}
\rmi{\mathrm{i}}
\case#1#2{\ensuremath{\tfrac{#1}{#2}}}
\tqs{\quad}
\ftnote#1#2{\footnote{#2}}
\tdot#1{\dddot{#1}}
\opencircle{\circ}
\fullcircle{\bullet}
\qs{\quad}
\lo{}
\nonum{}
\dash{---}
\submitto#1{}
\jl#1{}
\ams#1{\par AMS classification scheme numbers: #1\par}
\letter#1{\title{#1}}
\topical#1{\title{#1}}
\rapid#1{\title{#1}}
\paper#1{\title{#1}}
\mailto#1{#1}
{indented}{\par}{\par}
{harvard}{\begin{thebibliography}{99}}{\end{thebibliography}}
\Bibliography#1{\begin{thebibliography}{#1}}
"""

JHEP = r"""
\EPSFIGURE[]#1#2#3{\begin{figure}\caption{#3}\end{figure}}
\DOUBLEFIGURE[]#1#2#3#4#5{\begin{figure}\caption{#4}\caption{#5}\end{figure}}
\FIGURE[]#1#2{\begin{figure}#2\end{figure}}
\TABLE[]#1#2{\begin{table}#2\end{table}}
\TABULAR[]#1#2#3#4{\begin{table}\begin{tabular}{#2}#3\end{tabular}\caption{#4}\end{table}}
\emailAdd#1{\email{#1}}
\arxivnumber#1{}
\received#1{}
\revised#1{}
\accepted#1{}
\conference#1{}
\dedicated#1{\dedicatory{#1}}
\subheader#1{}
\notoc{}
\ShortTitle#1{}
\speaker#1{#1}
\FullConference#1{}
"""

MNRAS = r"""
\pageoffset#1#2{}
\acceptedline#1{}
\beginfigure#1{}
\endfigure{}
\begintable#1{}
\endtable{}
\bmath#1{\boldsymbol{#1}}
\mathbfss#1{\boldsymbol{\mathsf{#1}}}
\upi{\pi}
\upartial{\partial}
"""

HARVMAC = r"""
\Title#1#2{\title{#2}}
\Date#1{\date{#1}}
\newsec#1{\section{#1}}
\subsec#1{\subsection{#1}}
\subsubsec#1{\subsubsection{#1}}
\appendix#1#2{\section{Appendix #1. #2}}
\foot#1{\footnote{#1}}
\refs#1{#1}
\lref{\@tellreference}
\nref{\@tellreference}
\ref{\@citereference}
\eqn{\@tellformula}
\eqnn{\@nameformula}
\eqna{\@nameformulas}
\seclab{\@namesection}
\subseclab{\@namesection}
\fig{\@citefigure}
\nfig{\@tellfigure}
\ifig{\@tellfigure}
\xref#1{#1}
\listrefs{}
\listfigs{}
\listtoc{}
\writetoc{}
\writetoca#1{}
\writedef#1{}
\draftmode{}
\draft{}
\half{{1\over2}}
\ha{{\textstyle{1\over2}}}
\inv{^{-1}}
\del{\partial}
\tr{{\rm tr}}
\Tr{{\rm Tr}}
\e#1{{\rm e}^{#1}}
\vev#1{\langle #1\rangle}
\psibar{\overline\psi}
"""

PHYZZX = r"""
\pubnum<t= m>{}
\Pubnum<t= m>{}
\pubtype<t= m>{}
\date<t= m>{\date{#2}}
\andauthor#1{\author{#1}}
\andaddress#1{\address{#1}}
\abstract{\section*{Abstract}}
\foot#1{\footnote{#1}}
\ack{\section*{Acknowledgements}}
\refmark#1{#1}
\REF{\@tellreference}
\REFS{\@tellreference}
\REFSCON{\@tellreference}
\refsend{}
\Ref{\@citereference}
\ref{\@citereference}
\eqn{\@nameformula}
\eqname{\@nameformula}
\FIG{\@tellfigure}
\Fig{\@citefigure}
\refout{}
\figout{}
\endpage{\par}
\Appendix#1{\section*{Appendix #1}}
\APPENDIX#1#2{\section*{Appendix #1. #2}}
\eq{}
"""

AIP = r"""
\layoutstyle#1{}
\classification#1{\frontnote{PACS: #1}}
\addressmark[]#1{}
\author<o m g>{\author{#2}\IfNoValueF{#3}{\affiliation{#3}}}
\doingARLO<o m>{}
\tablehead#1#2#3#4{#4}
\tablenote#1{\footnote{#1}}
\source#1{\par Source: #1\par}
{theacknowledgments}{\section*{Acknowledgments}}{}
"""

JAPAN = r"""
\inst#1{\address{#1}}
\tocite#1{--\cite{#1}}
\notypesetlogo{}
\preprintnumber[]#1#2{}
\pubinfo#1{}
\acknowledgment{\section*{Acknowledgment}}
\ack{\section*{Acknowledgements}}
{fullfigure}[]#1{\begin{figure}}{\end{figure}}
{fulltable}[]#1{\begin{table}}{\end{table}}
"""

CIMENTO = r"""
\from#1{}
\ETC{ et al.}
\atque{ and }
\instlist#1{\address{#1}}
\inst#1{\\ }
\PACSes#1{\frontnote{PACS: #1}}
\PACSit#1#2{#1 #2}
"""

OPTICS = r"""
\authormark#1{$^{#1}$}
\ociscodes#1{\par OCIS codes: #1\par}
\ocis#1{\par OCIS codes: #1\par}
\authorinfo#1{\footnotetext{#1}}
"""

RESEARCH_IN_ASTRONOMY = r"""
\volnopage#1{}
"""

PROGRESS = r"""
\abst#1{\abstract{#1}}
\kword#1{\keywords{#1}}
\KeyWords#1{\keywords{#1}}
\recdate#1{}
\PTPindex#1{}
\figurebox#1#2{}
\SetRunningHead#1#2{}
"""

EPL = r"""
\pacs#1#2{\frontnote{PACS #1: #2}}
\rec#1#2{}
"""

KLUWER = r"""
\newdisplay#1#2{\newtheorem{#1}{#2}}
\surname#1{#1}
\classification#1#2{\frontnote{#1: #2}}
\abbreviations#1{\frontnote{Abbreviations: #1}}
\abbrev#1#2{#1 -- #2; }
"""

AXODRAW = r"""
\SetWidth#1{}
\SetScale#1{}
\SetColor#1{}
\SetPFont#1#2{}
\SetOffset<r()>{}
\SetScaledOffset<r()>{}
"""

ALIASES = {
    "aas": ASTRONOMY, "aasms": ASTRONOMY, "aaspp": ASTRONOMY, "emulateapj": ASTRONOMY, "apj": ASTRONOMY, "mn": ASTRONOMY + MNRAS,
    "mnras": ASTRONOMY + MNRAS, "aa": ASTRONOMY + ASTRONOMY_AND_ASTROPHYSICS, "l-aa": ASTRONOMY + ASTRONOMY_AND_ASTROPHYSICS,
    "physics": PHYSICS, "braket": BRAKET, "isotope": ISOTOPES, "slashed": SLASHED, "raa": ASTRONOMY + RESEARCH_IN_ASTRONOMY,
    "chjaa": ASTRONOMY + RESEARCH_IN_ASTRONOMY, "jpconf": IOP, "iopconf": IOP, "iopjournal": IOP, "cimento": CIMENTO, "osa": OPTICS,
    "osajnl": OPTICS, "opticajnl": OPTICS, "optica": OPTICS, "spie": OPTICS, "spieman": OPTICS, "aastex": ASTRONOMY,
    "openjournal": ASTRONOMY, "revtex": REVTEX, "iopart": IOP, "ioplppt": IOP, "iopams": IOP, "jhep": JHEP, "jheppub": JHEP,
    "jcappub": JHEP, "pos": JHEP, "aipproc": AIP, "espcrc": AIP, "ptptex": PROGRESS + JAPAN, "jpsj": PROGRESS + JAPAN,
    "ptephy": PROGRESS + JAPAN, "pasj": PROGRESS, "epl": EPL, "deluxetable": ASTRONOMY,
    "planotable": ASTRONOMY, "kluwer": KLUWER, "axodraw": AXODRAW,
}  # fmt: skip
