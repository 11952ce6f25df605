"""What a document class, a format or a package adds to LaTeX's own commands, in LaTeX's own commands.

A class that is not in the archive cannot be read, and one that is defines its front matter by TeX's internals; so the commands that
authors write are told here, a line each, as `\\name#1#2{body}`: `\\name[default]#1#2{body}` where the first argument is optional,
`\\name<s o m g>{body}` where the arguments are xparse's, `\\name#1\\endname{body}` where a command ends it, `{name}#1{begin}{end}` for an
environment. A paper's own definitions come later and win. A body that calls its own name means LaTeX's command of that name;
`\\@tellreference` and its like are `Expander`'s, for the formats in which a reference's or a formula's number is a macro.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from preprocess.latex import physics_vocabularies as physics

_ELSEVIER = r"""
\journal#1{}
\thanksref#1{}
\corauthref#1{}
\corauth[]#1#2{\footnotetext{#2}}
\tnotetext[]#1#2{\footnotetext{#2}}
\cortext[]#1#2{\footnotetext{#2}}
\fntext[]#1#2{\footnotetext{#2}}
\nonumnote#1{\footnotetext{#1}}
\collab#1{\author{#1}}
{pf*}#1{\begin{proof}[#1]}{\end{proof}}
\tnotemark[]#1{}
\cormark[]#1{}
\fnmark[]#1{}
\bio#1{\par}
\endbio{\par}
{highlights}{\section*{Highlights}\begin{itemize}}{\end{itemize}}
\PACS{\par PACS: }
\MSC[2000]#1{\par #1 MSC: }
\JEL{\par JEL: }
"""

_SPRINGER = r"""
\toctitle#1{}
\tocauthor#1{}
\orcidID#1{}
\fnmsep{}
\at{, }
\subclass#1{\@subclass{#1}}
\CRclass#1{\@CRclass{#1}}
\ackname{Acknowledgments.}
\discintname{Disclosure of Interests.}
\motto[]#1#2{\begin{quote}#2\end{quote}}
\offprints#1{}
\mail#1{}
\botrule{}
\equalcont#1{\footnotetext{#1}}
\bmhead#1{\section*{#1}}
\firstname#1{#1}
\lastname#1{#1}
"""

_ACM = r"""
\Description[]#1#2{}
\authornotemark[]#1{}
\authornote#1{\footnotetext{#1}}
\authorsaddresses#1{}
\institution#1{#1, }
\department[]#1#2{#2, }
\streetaddress#1{#1, }
\city#1{#1, }
\state#1{#1, }
\postcode#1{#1, }
\country#1{#1}
\position#1{#1, }
\affaddr#1{#1}
\alignauthor{\and}
\received[Received]#1#2{\frontnote{#1 #2}}
\acmConference[]#1#2#3#4{}
\acmSubmissionID#1{}
\settopmatter#1{}
\grantsponsor#1#2#3{#2}
\grantnum[]#1#2#3{#3}
\numberofauthors#1{}
{acks}{\section*{Acknowledgments}}{}
"""

_CHECKLIST = r"""
\answerYes[]#1{[Yes] #1}
\answerNo[]#1{[No] #1}
\answerNA[]#1{[N/A] #1}
\answerTODO[]#1{[TODO] #1}
\justificationTODO[]#1{[TODO] #1}
"""

_ICML = r"""
\icmltitle#1{\title{#1}}
\icmltitlerunning#1{}
\icmlauthor#1#2{\author{#1}}
\icmlaffiliation#1#2{\affiliation{#2}}
\icmladdress#1{\affiliation{#1}}
\icmlcorrespondingauthor#1#2{\affiliation{Correspondence to: #1, #2}}
\icmlkeywords#1{}
\icmlsetsymbol#1#2{}
\icmlEqualContribution{Equal contribution.}
\printAffiliationsAndNotice#1{\footnotetext{#1}}
{ack}{\section*{Acknowledgments}}{}
"""

_IEEE = r"""
\IEEEauthorrefmark#1{$^{#1}$}
\IEEEpubid#1{}
\IEEEspecialpapernotice#1{}
\appendix<o>{\appendix\IfNoValueTF{#1}{}{\section{#1}}}
\IEEEtitleabstractindextext#1{#1}
\IEEEcompsoctitleabstractindextext#1{#1}
\IEEEraisesectionheading#1{#1}
\IEEEmembership#1{#1}
\IEEEsetlabelwidth#1{}
\IEEEaftertitletext#1{}
\PARstart#1#2{#1#2}
{IEEEbiography}[]#1#2{\par\textbf{#2} }{\par}
{IEEEbiographynophoto}#1{\par\textbf{#1} }{\par}
{biography}[]#1#2{\par\textbf{#2} }{\par}
"""

_PLAIN = r"""
\centerline#1{\par #1\par}
\leftline#1{\par #1\par}
\rightline#1{\par #1\par}
"""

_AMSPPT = r"""
\toc#1\endtoc{}
\leftheadtext#1{}
\rightheadtext#1{}
\thanks#1\endthanks{\footnotetext{#1}}
\translator#1\endtranslator{\par Translated by #1\par}
\block#1\endblock{\begin{quote}#1\end{quote}}
\therosteritem#1{(#1)}
\captionwidth#1{}
\topcaption#1#2\endcaption{\caption{#1. #2}}
\botcaption#1#2\endcaption{\caption{#1. #2}}
\widestnumber#1#2{}
\foldedwidth#1{}
\refstyle#1{}
\pageheight#1{}
\pagewidth#1{}
\thetag#1{(#1)}
\align{\begin{aligned}}
\endalign{\end{aligned}}
\alignat#1{\begin{alignedat}{#1}}
\endalignat{\end{alignedat}}
\aligned{\begin{aligned}}
\endaligned{\end{aligned}}
\gather{\begin{gathered}}
\endgather{\end{gathered}}
\gathered{\begin{gathered}}
\endgathered{\end{gathered}}
\topaligned{\begin{aligned}}
\endtopaligned{\end{aligned}}
\botaligned{\begin{aligned}}
\endbotaligned{\end{aligned}}
\xalignat#1{\begin{alignedat}{#1}}
\endxalignat{\end{alignedat}}
\xxalignat#1{\begin{alignedat}{#1}}
\endxxalignat{\end{alignedat}}
\alignedat#1{\begin{alignedat}{#1}}
\endalignedat{\end{alignedat}}
\Vmatrix{\begin{Vmatrix}}
\endVmatrix{\end{Vmatrix}}
\undersetbrace#1\to#2{\underbrace{#2}_{#1}}
\oversetbrace#1\to#2{\overbrace{#2}^{#1}}
\thickfrac{\frac}
\foldedtext#1{\text{#1}}
\spreadmatrixlines#1{}
\spreadlines#1{}
\hcorrection#1{}
\vcorrection#1{}
\split{\begin{split}}
\endsplit{\end{split}}
\multline{\begin{multlined}}
\endmultline{\end{multlined}}
\cases{\begin{cases}}
\endcases{\end{cases}}
\matrix{\begin{matrix}}
\endmatrix{\end{matrix}}
\pmatrix{\begin{pmatrix}}
\endpmatrix{\end{pmatrix}}
\bmatrix{\begin{bmatrix}}
\endbmatrix{\end{bmatrix}}
\vmatrix{\begin{vmatrix}}
\endvmatrix{\end{vmatrix}}
\smallmatrix{\begin{smallmatrix}}
\endsmallmatrix{\end{smallmatrix}}
\CD{\begin{CD}}
\endCD{\end{CD}}
\format#1\\{}
\Sb#1\endSb{_{\substack{#1}}}
\Sp#1\endSp{^{\substack{#1}}}
\overset#1\to#2{\overset{#1}{#2}}
\underset#1\to#2{\underset{#1}{#2}}
\Bbb{\mathbb}
\frak{\mathfrak}
\Cal{\mathcal}
\bold{\mathbf}
\roman{\mathrm}
\dsize{\displaystyle}
\tsize{\textstyle}
\ssize{\scriptstyle}
\hdots{\ldots}
\operatornamewithlimits{\operatorname*}
"""

_LAMS = r"""
\HL#1#2\endHL{\section*{#2}}
\hl#1#2\endhl{\subsection*{#2}}
"""

_CHANGES = r"""
\added[]#1#2{#2}
\deleted[]#1#2{}
\replaced[]#1#2#3{#2}
"""

_EPIGRAPH = r"""
\epigraph#1#2{\begin{quote}#1\par #2\end{quote}}
\qitem#1#2{#1\par #2\par}
"""

_UNITS = r"""
\unit[]#1#2{#1~\mathrm{#2}}
\unitfrac[]#1#2#3{#1~\mathrm{#2/#3}}
"""

_SIAM = r"""
\headers#1#2{}
\slugger#1#2#3#4#5{}
\newsiamthm#1#2{\newtheorem{#1}{#2}}
\newsiamremark#1#2{\newtheorem{#1}{#2}}
\funding#1{\par #1\par}
{MSCcodes}{\par MSC: }{\par}
"""

_WORLD_SCIENTIFIC = r"""
\catchline#1#2#3#4#5{}
\ccode#1{\par #1\par}
\bodymatter{}
\aindx#1{}
\pub#1#2{}
\received#1{Received #1. }
\revised#1{Revised #1. }
\accepted#1{Accepted #1. }
\published#1{Published #1. }
\abstracts#1{\abstract{#1}}
{history}{\par}{\par}
"""

_NATURE = r"""
{affiliations}{\begin{enumerate}}{\end{enumerate}}
{methods}{\section*{Methods}}{}
{methodsummary}{\section*{Methods Summary}}{}
{addendum}{\begin{description}}{\end{description}}
"""

_PNAS = r"""
\leadauthor#1{}
\templatetype#1{}
\dates#1{}
\dropcap#1{#1}
\authordeclaration#1{\footnotetext{#1}}
\equalauthors#1{\footnotetext{#1}}
\authorcontributions#1{\footnotetext{Author contributions: #1}}
\correspondingauthor#1{\footnotetext{#1}}
\matmethods#1{\section*{Materials and Methods}#1}
\acknow#1{\section*{Acknowledgments}#1}
"""

_ANNUAL_REVIEWS = r"""
\jname#1{}
\jvol#1{}
\jyear#1{}
\entry#1#2{\par #1: #2\par}
{summary}[]#1{\par\textbf{#1}\par}{\par}
{issues}[]#1{\par\textbf{#1}\par}{\par}
{textbox}[]#1{\par}{\par}
"""

_GEOMETRY_TOPOLOGY = r"""
\givenname#1{}
\surname#1{}
\asciititle#1{}
\asciiauthors#1{}
\asciiaddress#1{}
\asciiemail#1{}
\asciiabstract#1{}
\asciikeywords#1{}
\primaryclass#1{\par Primary MSC: #1\par}
\secondaryclass#1{\par Secondary MSC: #1\par}
\subject#1#2#3{}
\volumenumber#1{}
\issuenumber#1{}
\papernumber#1{}
\volumename#1{}
\publicationyear#1{}
\startpage#1{}
\endpage#1{}
\received#1{}
\revised#1{}
\accepted#1{}
\published#1{}
\publishedonline#1{}
\proposed#1{}
\seconded#1{}
\corresponding#1{}
\editor#1{}
"""

_JMLR = r"""
\jmlrheading#1#2#3#4#5#6#7{}
\ShortHeadings#1#2{}
\firstpageno#1{}
\editor#1{}
\jmlrvolume#1{}
\jmlryear#1{}
\jmlrsubmitted#1{}
\jmlrpublished#1{}
\jmlrworkshop#1{}
\acks#1{\section*{Acknowledgments}#1}
\coltauthor#1{\author{#1}}
\altauthor#1{\author{#1}}
\Name#1{#1}
\Email#1{#1}
\figureref#1{Figure \ref{#1}}
\tableref#1{Table \ref{#1}}
\sectionref#1{Section \ref{#1}}
\equationref#1{Equation \ref{#1}}
\algorithmref#1{Algorithm \ref{#1}}
\theoremref#1{Theorem \ref{#1}}
\appendixref#1{Appendix \ref{#1}}
"""

_IMS = r"""
\startlocaldefs{}
\endlocaldefs{}
\runtitle#1{}
\runauthor#1{}
\fnms#1{#1}
\snm#1{#1}
\inits#1{}
\ead[]#1#2{, #2}
\thankstext[]#1#2#3{\footnotetext{#3}}
\thanksmark#1{}
{acks}[Acknowledgments]#1{\section*{#1}}{}
{funding}{\section*{Funding}}{}
\kwd[]#1#2{#2; }
\pdftitle#1{}
\pdfauthor#1{}
\sname#1{\par #1. }
\stitle#1{#1. }
\slink[]#1#2{}
\sdatatype#1{}
\sdescription#1{#1}
"""

_STATISTICAL_SOFTWARE = r"""
\Abstract#1{\abstract{#1}}
\Keywords#1{\keywords{#1}}
\Address#1{\address{#1}}
\code{\@code}
\Plaintitle#1{}
\Shorttitle#1{}
\Plainauthor#1{}
\Plainkeywords#1{}
\Volume#1{}
\Issue#1{}
\Month#1{}
\Year#1{}
\Submitdate#1{}
\Acceptdate#1{}
\SweaveOpts#1{}
\VignetteIndexEntry#1{}
\VignetteDepends#1{}
\VignetteKeywords#1{}
\VignettePackage#1{}
"""

_LIPICS = r"""
\author#1#2#3#4#5{\author{#1}\affiliation{#2}}
\funding#1{\frontnote{#1}}
\acknowledgements#1{\frontnote{#1}}
\relatedversion#1{\frontnote{#1}}
\relatedversiondetails[]#1#2#3{\frontnote{#2: \url{#3}}}
\supplement#1{\frontnote{#1}}
\supplementdetails[]#1#2#3{\frontnote{#2: \url{#3}}}
\category#1{}
"""

_EPTCS = r"""
\institute#1{\\ #1}
\email#1{\\ #1}
"""

_ALGORITHMIC = r"""
\algorithmicrequire{Require:}
\algorithmicensure{Ensure:}
\algorithmicif{if}
\algorithmicthen{then}
\algorithmicelse{else}
\algorithmicelsif{else if}
\algorithmicdo{do}
\algorithmicfor{for}
\algorithmicforall{for all}
\algorithmicwhile{while}
\algorithmicrepeat{repeat}
\algorithmicuntil{until}
\algorithmicloop{loop}
\algorithmicend{end}
\algorithmicendif{end if}
\algorithmicendfor{end for}
\algorithmicendwhile{end while}
\algorithmicendloop{end loop}
\algorithmicprocedure{procedure}
\algorithmicfunction{function}
\algorithmicreturn{return}
"""

_AMS = r"""
\urladdr#1{\frontnote{\url{#1}}}
\commby#1{\frontnote{(Communicated by #1)}}
\translator#1{\frontnote{Translated by #1}}
{pf*}#1{\begin{proof}[#1]}{\end{proof}}
"""

_AAAI = r"""
\link#1#2{\par #1: \url{#2}\par}
"""

_INFORMS = r"""
\TITLE#1{\title{#1}}
\RUNTITLE#1{}
\RUNAUTHOR#1{}
\ARTICLEAUTHORS#1{#1}
\AUTHOR#1{\author{#1}}
\AFF#1{\affiliation{#1}}
\EMAIL#1{#1}
\ABSTRACT#1{\abstract{#1}}
\KEYWORDS#1{\keywords{#1}}
\HISTORY#1{}
\FUNDING#1{\par #1\par}
\ACKNOWLEDGMENT#1{\section*{Acknowledgments}#1}
"""

_MDPI = r"""
\Author#1{\author{#1}}
\keyword#1{\keywords{#1}}
\AuthorNames#1{}
\AuthorCitation#1{}
\TitleCitation#1{}
\corres#1{\frontnote{#1}}
\firstnote#1{\frontnote{#1}}
\secondnote#1{\frontnote{#1}}
\thirdnote#1{\frontnote{#1}}
\simplesumm#1{\frontnote{Simple Summary: #1}}
\featuredapplication#1{\frontnote{Featured Application: #1}}
\appendixtitles#1{}
\appendixsections#1{}
\reftitle#1{}
\supplementary#1{\par Supplementary Materials: #1\par}
\institutionalreview#1{\par Institutional Review Board Statement: #1\par}
\informedconsent#1{\par Informed Consent Statement: #1\par}
\sampleavailability#1{\par Sample Availability: #1\par}
\abbreviations#1#2{\section*{#1}#2}
\pubvolume#1{}
\issuenum#1{}
\articlenumber#1{}
\pubyear#1{}
\externaleditor#1{}
\history#1{}
\dateReceived#1{}
\dateAccepted#1{}
\datePublished#1{}
\datereceived#1{}
\daterevised#1{}
\dateaccepted#1{}
\datepublished#1{}
\hreflink#1{}
\authorcontributions#1{\par Author Contributions: #1\par}
\funding#1{\par Funding: #1\par}
\dataavailability#1{\par Data Availability Statement: #1\par}
\conflictsofinterest#1{\par Conflicts of Interest: #1\par}
"""

_GEOSCIENCE = r"""
\authorrunninghead#1{}
\titlerunninghead#1{}
\Author[]#1#2#3{\author{#2 #3}}
\correspondence#1{\footnotetext{Correspondence: #1}}
\introduction{\section{Introduction}}
\conclusions{\section{Conclusions}}
\codeavailability#1{\section*{Code availability}#1}
\dataavailability#1{\section*{Data availability}#1}
\authorcontribution#1{\section*{Author contributions}#1}
\competinginterests#1{\section*{Competing interests}#1}
"""

_WILEY = r"""
\articletype#1{}
\authormark#1{}
\corres#1{\footnotetext{#1}}
\presentaddress#1{\footnotetext{#1}}
\jnlcitation#1{}
\received#1{}
\revised#1{}
\accepted#1{}
"""

_VISION = r"""
\cvprPaperID{}
\eg{e.g.\xspace}
\Eg{E.g.\xspace}
\ie{i.e.\xspace}
\Ie{I.e.\xspace}
\cf{cf.\xspace}
\Cf{Cf.\xspace}
\etc{etc.\xspace}
\vs{vs.\xspace}
\wrt{w.r.t.\xspace}
\dof{d.o.f.\xspace}
\iid{i.i.d.\xspace}
\aka{a.k.a.\xspace}
"""

_LMCS = r"""
\lmcsheading#1#2#3#4#5#6#7#8{}
\lsuper#1{}
"""

_PRETTYREF = r"""
\prettyref#1{\ref{#1}}
\newrefformat#1#2{}
"""

_CJK = r"""
{CJK}[]#1#2#3{}{}
{CJK*}[]#1#2#3{}{}
\CJKfamily#1{}
\CJKtilde{}
\CJKindent{}
"""

_HTML = r"""
\htmlref#1#2{#1}
\htmladdnormallink#1#2{#1}
\htmladdnormallinkfoot#1#2{#1\footnote{#2}}
\htmladdimg[]#1#2{}
\htmlimage#1{}
\htmlbody[]#1{}
\latexhtml#1#2{#1}
\latex#1{#1}
\html#1{}
"""

_OPTIMISATION = (
    "".join(
        rf"{{{kind}{star}}}<D||{{}} O{{}} m m m m>{{\def\optidef@to{{\text{{subject to}}\quad}}"
        rf"\begin{{align{star.strip('!')}}}#6\underset{{#3}}{{\text{{{word}}}}}\quad&#4}}{{\end{{align{star.strip('!')}}}}}" + "\n"
        for kind, word in (("mini", "minimize"), ("maxi", "maximize"), ("argmini", "arg\\,min"), ("argmaxi", "arg\\,max"))
        for star in ("", "*", "!")
    )
    + r"""
\addConstraint<m g g>{\\\optidef@to&#1\IfNoValueTF{#2}{}{#2}\IfNoValueTF{#3}{}{#3}\def\optidef@to{}}
\breakObjective#1{\\&#1}
"""
)

_LETTER = r"""
\opening#1{\par #1\par}
\closing#1{\par #1\par}
\ps#1{\par #1\par}
\encl#1{\par encl: #1\par}
\cc#1{\par cc: #1\par}
{letter}#1{\par #1\par}{\par}
"""

_BEAMER = r"""
\note[]#1#2{}
"""

_ALIASES = {
    "beamer": _BEAMER, "optidef": _OPTIMISATION,
    "letter": _LETTER, "scrlttr": _LETTER,
    "elsart": _ELSEVIER, "elsarticle": _ELSEVIER, "cas-dc": _ELSEVIER, "cas-sc": _ELSEVIER, "llncs": _SPRINGER, "svjour": _SPRINGER,
    "svmult": _SPRINGER, "svmono": _SPRINGER, "sn-jnl": _SPRINGER, "acmart": _ACM, "sigplanconf": _ACM, "sig-alternate": _ACM,
    "acm_proc_article-sp": _ACM, "icml": _ICML, "neurips": _ICML + _CHECKLIST, "nips": _ICML + _CHECKLIST, "ieeetran": _IEEE, "ieeeconf":
    _IEEE, "harvmac": _PLAIN + physics.HARVMAC, "lanlmac": _PLAIN + physics.HARVMAC, "phyzzx": _PLAIN + physics.PHYZZX, "amsppt": _AMSPPT,
    "amstex": _AMSPPT, "vanilla": _AMSPPT, "lamstex": _AMSPPT + _LAMS,
    "changes": _CHANGES, "epigraph": _EPIGRAPH, "memoir": _EPIGRAPH, "units": _UNITS, "siam": _SIAM, "siamart": _SIAM,
    "siamltex": _SIAM, "siamonline": _SIAM, "ws": _WORLD_SCIENTIFIC, "gtart": _GEOMETRY_TOPOLOGY, "gtpart": _GEOMETRY_TOPOLOGY, "gtmon":
    _GEOMETRY_TOPOLOGY, "agtart": _GEOMETRY_TOPOLOGY, "jmlr": _JMLR, "colt": _JMLR, "imsart": _IMS, "jss": _STATISTICAL_SOFTWARE,
    "rjournal": _STATISTICAL_SOFTWARE, "lipics-v2018": _LIPICS, "lipics-v2019": _LIPICS, "lipics-v2021": _LIPICS, "oasics-v2018": _LIPICS,
    "oasics-v2019": _LIPICS, "oasics-v2021": _LIPICS, "socg-lipics-v2018": _LIPICS, "socg-lipics-v2019": _LIPICS, "socg-lipics-v2021":
    _LIPICS, "tgdk-v2021": _LIPICS, "eptcs": _EPTCS, "algorithmic": _ALGORITHMIC, "algorithmicx": _ALGORITHMIC, "algpseudocode":
    _ALGORITHMIC, "algcompatible": _ALGORITHMIC, "amsart": _AMS, "amsproc": _AMS, "amsbook": _AMS, "aaai": _AAAI, "informs": _INFORMS,
    "mdpi": _MDPI, "copernicus": _GEOSCIENCE, "agujournal": _GEOSCIENCE, "agutex": _GEOSCIENCE, "interact": _WILEY, "wileynjd": _WILEY,
    "cvpr": _VISION, "iccv": _VISION, "eccv": _VISION, "wacv": _VISION, "lmcs": _LMCS, "prettyref": _PRETTYREF, "svproc": _SPRINGER,
    "webofc": _SPRINGER, "nature": _NATURE, "nature3": _NATURE, "pnas": _PNAS, "ar": _ANNUAL_REVIEWS, "moriond": _WORLD_SCIENTIFIC,
    "sprocl": _WORLD_SCIENTIFIC, "cjk": _CJK, "html": _HTML, "latexml": _HTML, "cjkutf": _CJK, **physics.ALIASES,
}  # fmt: skip
_FIRST_WORD = re.compile(r"[a-z]*")
_COMMAND = re.compile(r"\\([A-Za-z@]+)(?:\[([^\]]*)\]|<([^>]*)>)?((?:#\d|\\[A-Za-z]+|\\\\)*)\{(.*)\}")
_ENVIRONMENT = re.compile(r"\{([A-Za-z]+[*!]?)\}(?:\[([^\]]*)\]|<([^>]*)>)?((?:#\d)*)\{(.*)\}\{(.*?)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A command: `parameters` as `\\def` has them, `default` of the first where it is optional; `arguments` where they are xparse's."""

    parameters: str
    default: str | None
    body: str
    arguments: str | None = None
    end: str | None = None  # what an environment's end stands for; None for a command


@lru_cache(maxsize=64)
def vocabulary(name: str) -> tuple[tuple[str, Told], ...]:
    """The commands and environments of the class, format or package `name` (`mn2e`, `IEEEtran`, `harvmac`); none of one not known.

    What follows the first word of a name is a version or a year: `icml2020`, `aastex631`, `svjour3`, `revtex4-2`, `nips15submit_e`.
    """
    lower = name.lower().rpartition("/")[2]
    first_word = _FIRST_WORD.match(lower)
    assert first_word is not None
    lines = _ALIASES.get(lower) or _ALIASES.get(first_word[0], "")
    told: list[tuple[str, Told]] = []
    for line in lines.replace("\n  ", "").split("\n"):  # a long line goes on after two blanks
        if not line:
            continue
        if line.startswith("\\"):
            command = _COMMAND.fullmatch(line)
            assert command is not None, line
            told_name, default, arguments, parameters, body = command.groups()
            told.append((told_name, Told(parameters=parameters, default=default, body=body, arguments=arguments)))
        else:
            environment = _ENVIRONMENT.fullmatch(line)
            assert environment is not None, line
            told_name, default, arguments, parameters, body, end = environment.groups()
            told.append((told_name, Told(parameters=parameters, default=default, body=body, arguments=arguments, end=end)))
    return tuple(told)
