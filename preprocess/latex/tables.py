"""What LaTeX's own commands and environments mean to a reader: which take arguments, which show them, which show nothing."""

import re
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBATIM_ENVIRONMENTS = _words(
    "verbatim verbatim* Verbatim BVerbatim LVerbatim alltt lstlisting minted semiverbatim Sinput Soutput Schunk code pyverbatim "
    "python pyblock pyconsole "
    "tcblisting programlisting filecontents filecontents* Code CodeInput CodeOutput Scode Verbatim* lstlisting* minted*"
)
DRAWING_ENVIRONMENTS = _words(
    "tikzpicture picture pspicture pspicture* pgfpicture psgraph axis circuitikz feynman fmfgraph fmfgraph* forest asy asydef "
    "overpic texdraw mfpic xy dependency postscript prooftree@ tikzcd@ pspictureinternal tikzpicture* qcircuit@ gnuplot luacode "
    "comment filecontents filecontents* CCSXML htmlonly rawhtml imagesonly"
)
DISPLAY_ENVIRONMENTS = _words(
    "equation align alignat flalign xalignat xxalignat gather multline eqnarray displaymath dmath dgroup IEEEeqnarray empheq numcases "
    "subnumcases subeqnarray mathpar tikzcd CD"
)
# that stand alone; `split`, `cases`, `array` … stand inside one of these
INNER_MATH_ENVIRONMENTS = _words(
    "split aligned gathered alignedat cases dcases rcases array matrix pmatrix bmatrix vmatrix Vmatrix Bmatrix smallmatrix subarray "
    "multlined bmatrix* pmatrix* diagram diagram*"
)
TABLE_ENVIRONMENTS = _words(
    "NiceTabular xltabular ctabular tabular tabular* tabularx tabulary longtable supertabular xtabular tabu longtabu deluxetable "
    "tblr longtblr talltblr NiceTabularX tabbing ruledtabular@"
)
BIBLIOGRAPHY_ENVIRONMENTS = _words("thebibliography references chapthebibliography mybibliography biblist refs bibdiv")
SHOWN_ALL = {
    "IEEEPARstart": "mm", "lettrine": "omm", "category": "mmmo", "diagbox": "omm", "backslashbox": "oomm", "slashbox": "oomm",
    "nicefrac": "omm", "sfrac": "omm", "unitfrac": "omm", "epigraph": "mm",
}  # fmt: skip
SHOWN_ALL_JOINT = {
    "IEEEPARstart": "", "lettrine": "", "diagbox": " / ", "backslashbox": " / ", "slashbox": " / ", "nicefrac": "/", "sfrac": "/",
    "unitfrac": "/", "epigraph": "\n",
}  # fmt: skip
THEOREM_TITLES = {
    "theorem": "Theorem", "thm": "Theorem", "lemma": "Lemma", "lem": "Lemma", "proposition": "Proposition", "prop": "Proposition",
    "corollary": "Corollary", "cor": "Corollary", "definition": "Definition", "defn": "Definition", "remark": "Remark", "rem": "Remark",
    "example": "Example", "conjecture": "Conjecture", "claim": "Claim", "proof": "Proof", "axiom": "Axiom", "exercise": "Exercise",
    "problem": "Problem", "question": "Question", "fact": "Fact", "observation": "Observation", "notation": "Notation", "case": "Case",
    "assumption": "Assumption", "hypothesis": "Hypothesis", "note": "Note", "property": "Property", "solution": "Solution",
    "ieeeproof": "Proof", "pf": "Proof", "prf": "Proof", "defi": "Definition", "defin": "Definition", "dfn": "Definition",
    "df": "Definition", "eg": "Example", "exa": "Example", "exam": "Example", "exmp": "Example", "conj": "Conjecture", "obs": "Observation",
    "assum": "Assumption", "hyp": "Hypothesis", "crl": "Corollary", "coro": "Corollary", "corol": "Corollary", "propn": "Proposition",
    "propos": "Proposition", "theo": "Theorem", "prp": "Proposition", "lm": "Lemma", "lma": "Lemma", "rmk": "Remark", "rk": "Remark",
    "remarks": "Remarks", "examples": "Examples", "law": "Law", "prob": "Problem", "alg": "Algorithm", "conv": "Convention",
    "sketch": "Sketch of proof", "proofsketch": "Sketch of proof",
}  # fmt: skip
SECTION_LEVELS = {
    "part": 1, "chapter": 1, "section": 1, "subsection": 2, "subsubsection": 3, "paragraph": 4, "subparagraph": 5, "beginsection": 1,
    "heading": 1, "head": 1, "subhead": 2, "subheading": 2, "specialhead": 1, "subsubhead": 3, "subsubheading": 3, "section*": 1,
    "newsection": 1, "frametitle": 2, "framesubtitle": 3, "appendixsection": 1, "addchap": 1, "addsec": 1, "chapter*": 1,
}  # fmt: skip
FRONT_COMMANDS = _words(
    "title subtitle author authors affiliation affil affiliations address institute institution institutes email ead curraddr "
    "dedicatory authorrunning@ IEEEauthorblockN IEEEauthorblockA icmlauthor icmlaffiliation altaffiliation collaboration "
    "correspondingauthor keywords subjclass pacs abstract shorttitle@ titlenote thanks@ date preprint subjtitle orcid@ and@ Title "
    "Author frontnote ccsdesc homepage"
)
# commands whose arguments a reader never sees: `o` optional, `m` mandatory, `s` star
HIDDEN: dict[str, str] = {}
for _spec, _names in {
    "m": "label bibliographystyle pagestyle thispagestyle pagenumbering vspace hspace vspace* hspace* index glossary graphicspath "
    "usetikzlibrary input include bibliography nocite addbibresource hypersetup geometry lstset theoremstyle selectlanguage "
    "phantom hphantom vphantom color pagecolor newcounter stepcounter refstepcounter newlength newsavebox usebox "
    "authorrunning titlerunning shorttitle shortauthors shortauthor runningauthor runningtitle runninghead captionsetup "
    "setstretch linespread sisetup tikzset pgfplotsset externaldocument allowdisplaybreaks@ hyphenation balance@ enlargethispage "
    "vspace includeonly usefonttheme usetheme usecolortheme setbeamertemplate@ nolinkurl@ typeout message PassOptionsToPackage "
    "DeclareGraphicsExtensions excludecomment includecomment specialcomment@ cline hypertarget@ bstctlcite citestyle setcitestyle "
    "crefalias@ acrodef@ urlstyle mathtoolsset setlist@ newcites journalname TitleHead AuthorHead received@ revised@ accepted@ "
    "mathversion boldmath@ psset thanksref@ corref cortext@ fntext@ fnref tnoteref tnotetext@ ccode@ orcid orcidlink "
    "ioptwocol@ setulcolor sethlcolor hbadness@ AtBeginDocument AtEndDocument AtBeginSection makeglossaries@ newglossaryentry@ "
    "arraystretch@ thesubsection@ baselinestretch@ documentstyle documentclass usepackage RequirePackage NeedsTeXFormat ProvidesPackage "
    "ProvidesClass LoadClass newwrite newread newbox newcount newdimen newskip newtoks newfont graphicspath bibitem@ special pdfoutput@ "
    "fontencoding fontfamily fontseries fontshape "
    "arxivcategory setcopyright copyrightyear acmYear acmConference@ acmBooktitle acmPrice acmISBN acmDOI acmJournal acmVolume "
    "acmNumber acmArticle acmMonth doi@ startpage citeindexfalse@ markright subimport@ pdfinfo pdfcatalog lhead chead rhead lfoot cfoot "
    "rfoot fancyhf@ slshape@ floatstyle restylefloat leftmargini@ DisableLigatures vadjust mark nobibliography thlabel",
    "o": "footnotemark ",
    "om": "includegraphics@ usepackage RequirePackage documentclass documentstyle psfig epsfig epsfbox epsffile includesvg LoadClass rule@ "
    "titlespacing@ fancyhead fancyfoot fancyhf todo missingfigure setlist printbibliography@ listoftodos@ linebreak@ acmBadge "
    "fbox@ newacronym@ affilmark@",
    "oom": "includegraphics includegraphics* includepdf",
    "mm": "setlength addtolength setcounter addtocounter addtocontents markboth numberwithin setkeys newcolumntype@ floatname settowidth "
    "settoheight settodepth sbox savebox@ counterwithin counterwithout crefname@ "
    "colorlet definecolorset@ pdfbookmark DeclareUnicodeCharacter newtheoremstyle@ setbeamercolor setbeamerfont setbeamertemplate "
    "titlespacing* dashline@ DeclareFontShape@ textblockorigin DeclareBibliographyCategory newglossary@ setmainfont@ pgfmathsetmacro "
    "declaretheorem@ fontsize foreach@ providecolor@ renewbibmacro addtotheorempostheadhook multiply@ @addtoreset",
    "mmm": "definecolor addcontentsline crefname Crefname titlespacing creflabelformat@ fmfpen@ newsymbol@ acmConference "
    "subjclassfoo@ crefformat@ contentsline titlecontents@ titleformat@ hyperdef",
    "omm": "rule newacronym DeclarePairedDelimiter@ declaretheorem savebox framebox@ newcolumntype",
    "mmmm": "DeclareSymbolFont@ DeclareFontFamily@",
    "mmmmm": "DeclareMathSymbol@ titleformat SetMathAlphabet DeclareSymbolFont",
    "mmmmmm": "DeclareFontShape",
    "mmmmmmmmm": "newtheoremstyle",
}.items():
    for _name in _names.split():
        if not _name.endswith("@") or _name == "@addtoreset":
            HIDDEN.setdefault(_name.rstrip("*"), _spec)
HIDDEN["cline"] = "m"
HIDDEN |= dict.fromkeys(
    _words(
        "thanksref fnref corref pagerange pubyear noalign numberofauthors EventEditors EventNoEds EventLongTitle "
        "acused EventShortTitle EventAcronym EventYear EventDate EventLocation EventLogo SeriesVolume "
        "ArticleNo Copyright hideLIPIcs"
    ),
    "m",
)
HIDDEN |= {
    "conferenceinfo": "mm", "specialrule": "mmm", "addlinespace": "o", "toprule": "o", "midrule": "o", "bottomrule": "o", "hhline": "m",
    "cellcolor": "om", "rowcolor": "omoo", "columncolor": "omoo", "arrayrulecolor": "om", "color": "om", "pagecolor": "om",
    "definecolor": "mmm", "cdashline": "m", "Xhline": "m", "floatplacement": "mm", "newfloat": "mmmo", "bibpunct": "ommmmmm",
    "modulolinenumbers": "o", "newfontfamily": "mom", "DeclareGraphicsRule": "mmmm", "DeclareMathAlphabet": "mmmmm",
    "DIFdel": "m", "DIFdelFL": "m",  # latexdiff's
    "DeclareSIUnit": "omm", "patchcmd": "mmmmm", "apptocmd": "mmmm", "pretocmd": "mmmm", "titleformat": "mommmmo",
    "newcolumntype": "mom", "@startsection": "mmmmmm", "@setfontsize": "mmm", "setul": "mm", "SelectTips": "mm",
    "newdir": "mm", "xyoption": "m", "psfrag": "moom", "pgfsetlayers": "m", "pgfdeclarelayer": "m", "newsavebox": "m", "sbox": "mm",
    "lipsum": "oo", "kant": "o", "blindtext": "o", "Blindtext": "oo", "blindlist": "o", "blindmathpaper": "",
    "savebox": "moom", "usebox": "m", "Description": "om", "printbibliography": "o", "printglossary": "o", "printglossaries": "o",
    "printindex": "o", "tableofcontents": "o", "listoffigures": "o", "listoftables": "o", "toctitle": "m", "tocauthor": "m",
    "addtocmark": "om", "orcidID": "m", "orcid": "m", "orcidlink": "m", "nocollaboration": "m", "plotone": "m", "plottwo": "mm",
    "SetNlSty": "mmm", "SetCommentSty": "m", "SetKwSty": "m", "SetArgSty": "m", "SetFuncSty": "m", "SetFuncArgSty": "m", "SetDataSty": "m",
    "SetProcNameSty": "m", "SetProcArgSty": "m", "SetTitleSty": "mm", "SetAlFnt": "m", "SetAlCapFnt": "m", "SetAlCapNameFnt": "m",
    "SetAlCapSty": "m", "SetAlCapNameSty": "m", "SetAlTitleFnt": "m", "SetAlTitleSty": "m", "SetAlgoNlRelativeSize": "m",
    "SetVlineSkip": "m", "SetAlCapSkip": "m", "SetAlCapHSkip": "m", "SetAlgoSkip": "m", "SetAlgoInsideSkip": "m", "SetInd": "mm",
    "SetNlSkip": "m", "SetAlgoHangIndent": "m", "SetAlgoCaptionSeparator": "m", "SetAlgoProcName": "mm",
    "SetAlgoRefName": "m", "SetAlgoFuncName": "mm", "SetStartEndCondition": "mmm", "SetKwHangingKw": "mm", "SetAlgoCaptionLayout": "m",
    "SetAlgorithmName": "mmm", "SetAlgoRefRelativeSize": "m", "SetNothing": "m", "restylealgo": "m", "SetCustomAlgoRuledWidth": "m",
    "printead": "om", "acroplural": "mom", "acrodefplural": "mom",
    "column": "om", "SetKwSwitch": "mmmmmmmmm", "algstore": "m", "algrestore": "m", "footnotemark": "o",
    "firstpage": "m", "extraAuth": "m", "correspondance": "m", "volume": "m", "artmonth": "m", "nomenclature": "omm",
    "printnomenclature": "o", "lstMakeShortInline": "om", "lstDeleteShortInline": "m", "DeleteShortVerb": "m",
    "UndefineShortVerb": "m", "lstdefinelanguage": "omom",
    "lstdefinestyle": "mm", "lstloadlanguages": "m", "setminted": "om", "usemintedstyle": "om",
    "algtext": "m", "tcbset": "m", "tcbuselibrary": "m", "mdfsetup": "m", "surroundwithmdframed": "om",
    "theoremseparator": "m", "theoremheaderfont": "m", "theorembodyfont": "m", "theoremprework": "m", "theorempostwork": "m",
    "theoremindent": "", "theoremsymbol": "m", "declaretheoremstyle": "om", "newtheoremstyle": "mmmmmmmmm", "mathlig": "mm",
    "reservestyle": "mm", "DeclareCaptionFormat": "mm", "DeclareCaptionLabelFormat": "mm", "DeclareCaptionLabelSeparator": "mm",
    "DeclareCaptionFont": "mm", "DeclareCaptionStyle": "omm", "DeclareMathVersion": "m", "urlstyle": "m", "hypersetup": "m",
    "xymatrixrowsep": "m", "xymatrixcolsep": "m", "newgeometry": "m",
    "epsscale": "m", "inputencoding": "m", "DeclareFontShape": "mmmmmm", "captionsetup": "om", "defcitealias": "mm",
}  # fmt: skip
HIDDEN |= {
    "SetCell": "om", "SetRow": "om", "SetColumn": "om", "SetRows": "om", "SetCells": "om", "SetHline": "oomm", "SetVline": "oomm",
    "SetTblrInner": "om", "SetTblrOuter": "om", "UseTblrLibrary": "m", "SetTblrStyle": "mm",
}  # fmt: skip
HIDDEN["DeclareMathSymbol"] = "mmmm"
# commands that show their last argument and hide those before it
SHOWN_LAST: dict[str, str] = {
    "textcolor": "omm", "colorbox": "omm", "fcolorbox": "ommm", "parbox": "ooomm", "makebox": "oom", "framebox": "oom",
    "raisebox": "moom", "resizebox": "mmm", "resizebox*": "mmm", "scalebox": "mom", "rotatebox": "omm", "multirow": "omomm",
    "hyperref": "om", "hyperlink": "mm", "hypertarget": "mm", "href": "omm", "foreignlanguage": "mm",
    "adjustbox": "mm", "stackrel@": "mm",
    "shortstack": "om",  "footnotetext": "om",
    "resizeboxx": "mmm", "mintinline": "omm", "affil": "om", "author": "om", "address": "om", "affiliation": "om", "institute": "om",
    "sectionmark": "m", "dedicatory": "m", "altaffiliation": "om", "raggedbox": "m", "uline": "m",
    "subjclass": "om", "translation": "m", "makecell": "om", "thead": "om",
}  # fmt: skip
# dimensions and other quantities that a source sets: what follows is a value
ASSIGNED = _words(
    "hsize vsize parindent parskip baselineskip hoffset voffset magnification pageno topskip leftskip rightskip tolerance hfuzz "
    "vfuzz overfullrule lineskip normalbaselineskip abovedisplayskip belowdisplayskip textwidth textheight oddsidemargin "
    "evensidemargin topmargin headheight headsep footskip tabcolsep arrayrulewidth columnsep itemsep parsep topsep hskip vskip "
    "kern hglue vglue mskip mkern penalty looseness widowpenalty clubpenalty moveleft moveright raise lower pretolerance "
    "hangindent hangafter unitlength epsfxsize epsfysize partopsep labelsep leftmargin rightmargin topfraction textfraction "
    "floatsep textfloatsep intextsep jot arraycolsep fboxsep fboxrule marginparwidth pagewidth pageheight advance baselinestretch "
    "floatpagefraction multlinegap displaywidowpenalty brokenpenalty hyphenpenalty exhyphenpenalty emergencystretch showboxdepth "
    "showboxbreadth secnumdepth tocdepth secno subsecno meqno ftno refno figno"
)
CITE_COMMANDS = _words(
    "cite citep citet citealt citealp citeauthor citeyear citeyearpar parencite textcite autocite footcite Citet Citep bibentry citen "
    "onlinecite fullcite smartcite supercite Cite citenum citeN citeasnoun shortcite citeNP cites nocites@ Citealt Citeauthor refcite"
)
REF_COMMANDS = _words(
    "ref eqref pageref autoref cref Cref nameref vref Vref fref Fref sref labelcref labelcpageref autopageref "
    "thmref lemref subref Eqref eqrefs cpageref ref* "
    "hyperref@ namecref figref@ secref@ tabref@"
)
LAYOUT = re.compile(
    r"^(?:noindent|indent|centering|raggedright|raggedleft|newpage|clearpage|cleardoublepage|maketitle|tableofcontents|listoffigures|listoftables|bigskip|"
    r"medskip|smallskip|hfill|vfill|hfil|vfil|hss|vss|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|bf|it|em|rm|sc|tt|sl|sf|"
    r"bfseries|itshape|rmfamily|scshape|ttfamily|slshape|sffamily|mdseries|upshape|normalfont|selectfont|linebreak|nolinebreak|pagebreak|nopagebreak|"
    r"hline|toprule|midrule|bottomrule|null|strut|mathstrut|displaystyle|textstyle|scriptstyle|limits|nolimits|left|right|frenchspacing|sloppy|fussy|"
    r"flushbottom|raggedbottom|onecolumn|twocolumn|appendix|frontmatter|mainmatter|backmatter|makeatletter|makeatother|allowdisplaybreaks|boldmath|"
    r"unboldmath|singlespacing|doublespacing|onehalfspacing|printbibliography|balance|relax|protect|bgroup|egroup|begingroup|endgroup|nonumber|notag|"
    r"nobreak|break|goodbreak|filbreak|eject|vfootnote|centerline|rightline|leftline|line|phantomsection|acknowledgments?@|xspace|ignorespaces|unskip|"
    r"filleol|endfirsthead|endhead|endfoot|endlastfoot|tableline|hrulefill|dotfill|newline|and|global|long|outer|csname|endcsname|expandafter|noexpand|"
    r"number|romannumeral|the|advance|immediate|write|openout|closeout|ifx|fi|else|or|topmatter|endtopmatter|endtitle|endauthor|endaffil|endaddress|"
    r"enddocument|document|par|magnification|nopagenumbers|footline|headline|tenrm|tenbf|ninerm|eightrm|twelverm|rmfamily|obeylines|obeyspaces|"
    r"everymath|everydisplay|thanks|text(?:bf|it|sc|tt|sl|rm|sf|up|md|normal)|emph|text|qedhere|SetAlgoLined|DontPrintSemicolon|ignorespacesafterend|mbox|underline|ensuremath|mathstrut|footnotemark)$"
)
PROTECTED_COMMANDS = _words(
    "eqalign eqalignno leqalignno "
    "title author date abstract begin end section subsection subsubsection paragraph subparagraph chapter part appendix item footnote "
    "caption label ref pageref cite citep citet bibitem maketitle tableofcontents includegraphics input include usepackage "
    "documentclass documentstyle newcommand renewcommand def let textbf textit emph texttt textsc textrm textsf mathbf mathrm mathcal "
    "mathbb mathfrak mathsf mathit mathtt frac sqrt sum int prod left right hat bar tilde vec dot ddot overline underline widehat "
    "widetilde text mbox hbox href url thanks and par footnotetext footnotemark bibliography bibliographystyle printbibliography "
    "centering small large verb textcolor multicolumn multirow hline ldots dots cdots over atop choose operatorname displaystyle "
    "textstyle thebibliography newtheorem theoremstyle makeatletter makeatother the thesection thesubsection theequation thefigure "
    "thetable thepage refname figurename tablename contentsname labelenumi labelitemi headrulewidth footrulewidth baselinestretch "
    "arraystretch qedsymbol proofname abstractname contentsname appendixname thefootnote selectfont normalfont normalsize "
    "footnotesize scriptsize tiny Large LARGE huge Huge newpage clearpage noindent bf it rm tt sc sl em if fi else Deduce DeduceC "
    "DIFdel DIFdelFL"
)
PRINTED_NAMES = _words(
    "proofname abstractname refname figurename tablename contentsname appendixname"
)  # that a paper may give words of its own
PROTECTED_ENVIRONMENTS = _words(
    "document abstract figure figure* table table* itemize enumerate description tabular tabular* array equation equation* align "
    "align* gather gather* multline multline* eqnarray eqnarray* quote quotation center verbatim lstlisting thebibliography "
    "tikzpicture minipage cases matrix pmatrix proof split aligned displaymath math theorem lemma proposition corollary definition "
    "remark example"
)
COMBINING = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307", '"': "\u0308", "r": "\u030a",
    "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328", "b": "\u0331", "t": "\u0361", "C": "\u030f", "G": "\u030f",
    "U": "\u030e", "h": "\u0309", "textcommabelow": "\u0326", "textogonekcentered": "\u0328",
}  # fmt: skip
TEXT_SYMBOLS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "aa": "å", "AA": "Å", "i": "ı",
    "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ", "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ", "S": "§", "P": "¶", "dag": "†",
    "ddag": "‡", "copyright": "©", "pounds": "£", "ldots": "…", "dots": "…", "textellipsis": "…", "textendash": "–", "textemdash": "—",
    "textbar": "|", "textless": "<", "textgreater": ">", "textasciitilde": "~", "textasciicircum": "^", "textunderscore": "_",
    "textquoteleft": "‘", "textquoteright": "’", "textquotedblleft": "“", "textquotedblright": "”", "textquotedbl": '"', "lq": "‘",
    "rq": "’", "guillemotleft": "«", "guillemotright": "»", "og": "« ", "fg": " »", "flqq": "«", "frqq": "»", "glqq": "„", "grqq": "“",
    "textbullet": "•", "bullet": "•", "textdegree": "°", "degree": "°", "texttrademark": "™", "textregistered": "®", "TeX": "TeX",
    "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "AmS": "AMS", "slash": "/", "textbackslash": "\\textbackslash{}",
    "backslash": "\\textbackslash{}", "textdollar": "\\$", "lbrace": "{", "rbrace": "}", "textbraceleft": "{", "textbraceright": "}",
    "quad": " ", "qquad": " ", "enspace": " ", "thinspace": " ", "space": " ", "nobreakspace": " ", "textvisiblespace": "␣",
    "checkmark": "✓", "qed": "∎", "euro": "€", "texteuro": "€", "ie": "i.e.", "eg": "e.g.", "etal": "et al.", "today": "", "textmu": "µ",
    "textohm": "Ω", "textpm": "±", "texttimes": "×", "textasteriskcentered": "*", "char": "", "No": "№", "no": "n° ",
     "ohorn": "ơ", "uhorn": "ư", "OHORN": "Ơ", "UHORN": "Ư", "abreve": "ă", "ABREVE": "Ă", "SS": "ẞ", "ier": "er",
    "ieme": "e", "degres": "°", "sep": ", ", "textnumero": "№",
    "lbrack": "[", "rbrack": "]", "colon": ":", "cdots": "…", "rightarrow": "→", "to": "→", "leftarrow": "←", "Rightarrow": "⇒",
    "times": "×", "textsection": "§", "textparagraph": "¶", "Box": "□", "square": "□", "star": "⋆", "sim": "∼", "cdot": "·", "pm": "±",
    "leq": "≤", "geq": "≥", "le": "≤", "ge": "≥", "textonehalf": "½", "textperiodcentered": "·",
}  # fmt: skip


@lru_cache(maxsize=1)
def unicode_symbols() -> dict[str, str]:
    """Macro → Unicode for commands without arguments: our own table over pylatexenc's."""
    from pylatexenc.latex2text import get_default_latex_context_db

    symbols: dict[str, str] = {}
    database = get_default_latex_context_db()
    for spec in database.iter_macro_specs():
        replacement = spec.simplify_repl
        if isinstance(replacement, str) and "%" not in replacement and 0 < len(replacement) <= 3 and not replacement.isspace():
            symbols[spec.macroname] = replacement
    return symbols | TEXT_SYMBOLS
