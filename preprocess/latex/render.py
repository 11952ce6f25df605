"""Expanded LaTeX → the text grammar: what a reader of the PDF reads, in order, and nothing that only TeX reads.

One pass over the source. Environments are events on a stack; only the arguments of a few commands (titles, footnotes, captions) are
rendered by recursion, bounded by `max_group_depth`. Formulas are copied as they stand.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from preprocess.config import LatexConfig
from preprocess.latex import siunitx
from preprocess.latex.scan import Scanner, skip_line_space, unguard
from preprocess.latex.tables import (
    BIBLIOGRAPHY_ENVIRONMENTS,
    CITE_COMMANDS,
    COMBINING,
    DISPLAY_ENVIRONMENTS,
    DRAWING_ENVIRONMENTS,
    FRONT_COMMANDS,
    HIDDEN,
    INNER_MATH_ENVIRONMENTS,
    LAYOUT,
    REF_COMMANDS,
    SECTION_LEVELS,
    SHOWN_ALL,
    SHOWN_ALL_JOINT,
    SHOWN_LAST,
    TABLE_ENVIRONMENTS,
    THEOREM_TITLES,
    VERBATIM_ENVIRONMENTS,
    unicode_symbols,
)
from preprocess.latex.trace import Trace

_NEXT = re.compile(r"[\\${}&~\x02\x03]|\n[ \t]*\n\s*")
_WORD = re.compile(r"\\([A-Za-z@]+)(\*?)|\\(.)", re.S)
_BEGIN_END = re.compile(r"\s*\{([^{}]*)\}")
_OWN_SECTION = re.compile(r"[A-Za-z]*?((?:sub){0,2}section|chapter)")
_DIMENSION = (
    r"\s*=?\s*[-+]?\s*(?:\d*\.?\d+\s*(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu|fil+)?|\\magstep\s*\d|\\[A-Za-z]+)"
    r"(?:\s*(?:plus|minus)\s*[-+]?\d*\.?\d*\s*(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu|fil+)?)*"
)
_ASSIGNED = re.compile(
    r"(?:hsize|vsize|parindent|parskip|baselineskip|hoffset|voffset|magnification|pageno|topskip|leftskip|rightskip|tolerance|hfuzz|vfuzz|overfullrule|"
    r"lineskip|normalbaselineskip|abovedisplayskip|belowdisplayskip|textwidth|textheight|oddsidemargin|evensidemargin|topmargin|headheight|headsep|"
    r"footskip|tabcolsep|arrayrulewidth|columnsep|itemsep|parsep|topsep|hskip|vskip|kern|hglue|vglue|mskip|mkern|penalty|looseness|widowpenalty|"
    r"clubpenalty|moveleft|moveright|raise|lower|pretolerance|hangindent|hangafter|unitlength|epsfxsize|epsfysize|partopsep|labelsep|leftmargin|"
    r"rightmargin|topfraction|textfraction|floatsep|textfloatsep|intextsep|jot|arraycolsep|fboxsep|fboxrule|marginparwidth|pagewidth|pageheight|advance|baselinestretch|floatpagefraction|multlinegap|displaywidowpenalty|brokenpenalty|hyphenpenalty|exhyphenpenalty|emergencystretch|showboxdepth|showboxbreadth|secnumdepth|tocdepth)\Z"
)
_RULE_SPAN = re.compile(r"(?:\([lr]*\))?(?:\[[^\]\n]*\])?(?:\([lr{}.\w]*\))?\{[^{}\n]*\}")
_DIMENSION_RE = re.compile(_DIMENSION)
_FONT = re.compile(r"\s*\\[A-Za-z]+\s*=?\s*[A-Za-z]+\d*(?:\s+(?:scaled|at)\s*(?:\\magstep\w*\s*\d?|\d+\.?\d*\s*(?:pt)?))?")
_RULE = re.compile(r"(?:\s*(?:width|height|depth)" + _DIMENSION + r")*")
_CHARACTER_CODE = re.compile(r"\s*(?:=?\s*(\d{1,3})|`\\?(.)|\"([0-9A-F]{2})|'([0-7]{3}))")
_BOX_SIZE = re.compile(r"\s*(?:to|spread)" + _DIMENSION)
_ROW_END = re.compile(r"\*?[ \t]*(?:\[[-+\d.\s]*(?:pt|cm|mm|in|em|ex|\\[a-z]+)[^\]]*\])?[ \t]*\n?")
_DISPLAYS_WITH_ARGUMENT = frozenset({"tikzcd", "IEEEeqnarray", "alignat", "xalignat", "xxalignat", "empheq", "numcases", "subnumcases"})
_DISPLAY_ARGUMENT = re.compile(r"[ \t]*(?:\[[^\]\n]{0,200}\](?:\s*\{[^{}\n]{0,200}\})?|\{[^{}\n]{0,200}\})")
_INNER_TEXT = re.compile(r"\\(text|textrm|textit|textbf|textnormal|mbox|hbox)\s*\{([^{}$]*\$[^{}]*)\}")
_NO_READER = re.compile(
    r"[ \t]*\\label\s*\{[^{}]*\}"
    r"|\\(?:nonumber|notag|qedhere|IEEEyesnumber|IEEEnonumber|IEEEeqnarraynumspace|protect|displaybreak(?:\[\d\])?)(?![A-Za-z])[ \t]*"
    r"|\\(?:addtocounter|setcounter)\s*\{[^{}]*\}\s*\{[^{}]*\}|\\(?:ref)?stepcounter\s*\{[^{}]*\}"
    r"|\\tag\*?\s*\{\s*\\(?:theequation|qed)\s*\}"
    r"|\\(?:hfill|hfil|xspace|allowbreak|linebreak|nolinebreak|break|par)(?![A-Za-z])[ \t]*"
    r"|\\vspace\*?\s*\{[^{}]*\}|\\vskip\s*-?[\d.]+\s*[a-z]{2}"
    r"|\\(?:lower|raise)\s*-?\s*\d*\.?\d+\s*(?:pt|ex|em|mm|cm|in)\s*(?=\\)"
)  # what stands in a formula for TeX alone
_DRAWING = re.compile(r"\\begin\s*\{(tikzpicture|pspicture\*?|picture|pgfpicture)\}")
_KEY_VALUE = re.compile(r"\s*[a-z]+\s*=")
_NAME_OPTION = re.compile(r"\b(?:name|title)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,\]]*))")
_CITES = re.compile(r"cite(?!mi[sz]e)")  # \citep, \parencite, \mycite, but not \...compsocitemizethanks
_LABELLED = re.compile(r"\s*\{([^\s\\{}]*[:_][^\s\\{}]*)\}")
_CITE_PREFIX = re.compile(r"<([^<>\n]{0,100})>")
_GERMAN = re.compile(
    r"\[[^\]]*\bn?(?:german|austrian|naustrian|swissgerman)\b[^\]]*\]\s*\{(?:babel|article|report|book|scr\w+|amsart)\}|\{n?german\}"
)
_SHORTHAND = re.compile(r"\"([aouAOUsSz'`=~|-])")
_UMLAUTS = dict(zip("aouAOU", "äöüÄÖÜ", strict=True))
_SHORTHANDS = _UMLAUTS | {"s": "ß", "z": "ß", "S": "SS", "'": "“", "`": "„", "=": "-", "~": "-", "-": "", "|": ""}
_OTHER_NAMES = {
    "figure": "Figure", "table": "Table", "section": "Section", "chapter": "Chapter", "part": "Part", "appendix": "Appendix",
    "abstract": "Abstract", "ref": "References", "bib": "Bibliography", "algorithm": "Algorithm", "equation": "Equation",
    "contents": "Contents", "page": "Page", "keywords": "Keywords", "acknowledgment": "Acknowledgment",
}  # fmt: skip
_STRENGTH = re.compile(r"\[[0-4]\]")  # of \nopagebreak[2] and its like
_STREAM = re.compile(r"\s*(?:\\write)?\s*(?:-?\d+|\\[A-Za-z@]+)?\s*")
_UNIT = r"(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu)"
_ASSIGNMENT = re.compile(
    r"(?:\s*`\\?.|\s*\d+|\s*\\[A-Za-z@]+)?\s?=\s*(?:[-+]?(?:\d*\.?\d+(?:\s*" + _UNIT + r"\b)?|\"[0-9A-Fa-f]+|'[0-7]+)"
    r"|`(?:\\.|[^\\])|\\[A-Za-z@]+)(?:\s*(?:plus|minus)\s*[-\d.]+\s*(?:fil+|" + _UNIT + r"))*\s?"
)
_OVERLAY = re.compile(
    r"(\\(?:item|only|uncover|onslide|alert|visible|invisible|structure|color|text[a-z]{2}|emph|includegraphics|frame|action|node|draw"
    r"|begin\{[A-Za-z]+\*?\})\*?)<[-\d,+.|@a-z: ]{1,40}>"
)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_QUANTITY = re.compile(r"\\(" + "|".join(sorted(siunitx.NUM_GROUPS, key=len, reverse=True)) + r")(?![A-Za-z])(?=\s*[\[{])")
_MATH_COLOUR = re.compile(
    r"\\textcolor\s*(?:\[\w+\])?\s*\{[^{}]*\}\s*(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})|\\color\s*(?:\[\w+\])?\s*\{[^{}]*\}[ \t]*"
)
_WORD_BEFORE_MARK = re.compile(r"(\\[A-Za-z]+)[\x02\x03]+(?=[A-Za-z])")
_TEXT_COLUMN = re.compile(r"&([^&{}]*\$[^&]*?)(?=\\cr\b|\}\s*$)")
_MATH_REF = re.compile(r"\\(?:eq|page|auto|c|C)?ref\s*\*?\{([^{}]*)\}")
_MATH_CITE = re.compile(r"\\cite[a-z]*\s*(?:\[[^\]]*\])*\{([^{}]*)\}")
_CLASS = re.compile(r"\\document(?:class|style)\s*(?:\[[^\]]*\])?\s*\{\s*([^{}\s,]+)")
_ALGORITHM = {
    "If": "if {} then", "ElsIf": "else if {} then", "ElseIf": "else if {} then", "Else": "else", "EndIf": "end if", "For": "for {} do",
    "ForAll": "for all {} do", "EndFor": "end for", "While": "while {} do", "EndWhile": "end while", "Repeat": "repeat",
    "Until": "until {}", "Loop": "loop", "EndLoop": "end loop", "State": "", "Statex": "", "Require": "Require:", "Ensure": "Ensure:",
    "Return": "return", "Procedure": "procedure {}({})", "EndProcedure": "end procedure", "Function": "function {}({})",
    "EndFunction": "end function", "Comment": "▷ {}", "STATE": "", "IF": "if {} then", "ELSE": "else", "ENDIF": "end if",
    "FOR": "for {} do", "ENDFOR": "end for", "WHILE": "while {} do", "ENDWHILE": "end while", "RETURN": "return", "REQUIRE": "Require:",
    "ENSURE": "Ensure:", "COMMENT": "▷ {}", "REPEAT": "repeat", "UNTIL": "until {}", "FORALL": "for all {} do",
    "ELSIF": "else if {} then", "Input": "Input:", "Output": "Output:", "KwIn": "Input: {}", "KwOut": "Output: {}", "KwData": "Data: {}",
    "KwResult": "Result: {}", "KwRet": "return {}", "Call": "{}({})",
    "TO": "to", "KwTo": "to", "AND": "and", "OR": "or", "NOT": "not", "TRUE": "true", "FALSE": "false", "PRINT": "print",
    "XOR": "xor", "LOOP": "loop", "ENDLOOP": "end loop",
}  # fmt: skip


MAX_ABSTRACTS = 4  # of one root: in several languages


_ALGORITHMS = frozenset({"algorithm", "algorithm2e", "algorithmic", "algo", "procedure", "function", "algorithmicx"})
_BLOCKS = {
    "If": ("if {} then", 2, "end if"), "uIf": ("if {} then", 2, ""), "lIf": ("if {} then", 2, ""), "eIf": ("if {} then", 3, "end if"),
    "ElseIf": ("else if {} then", 2, "end if"), "uElseIf": ("else if {} then", 2, ""), "lElseIf": ("else if {} then", 2, ""),
    "Else": ("else", 1, "end if"), "uElse": ("else", 1, ""), "lElse": ("else", 1, ""), "For": ("for {} do", 2, "end for"),
    "lFor": ("for {} do", 2, ""), "ForEach": ("foreach {} do", 2, "end foreach"), "lForEach": ("foreach {} do", 2, ""),
    "ForAll": ("forall {} do", 2, "end forall"), "lForAll": ("forall {} do", 2, ""), "While": ("while {} do", 2, "end while"),
    "lWhile": ("while {} do", 2, ""), "Repeat": ("repeat until {}", 2, ""), "Switch": ("switch {} do", 2, "end switch"),
    "Case": ("case {} do", 2, "end case"), "uCase": ("case {} do", 2, ""), "Other": ("otherwise do", 1, "end case"),
    "Begin": ("begin", 1, "end"), "Fn": ("Function {}:", 2, "end"), "Function": ("Function {}:", 2, "end"), "Indp": ("", 0, ""),
}  # fmt: skip
_PARENTHESISED_CITES = frozenset({"citep", "Citep", "parencite", "autocite", "citealp@"})
_WHOLE_LINES = frozenset({"KwIn", "KwOut", "KwData", "KwResult"})
_UNNUMBERED = frozenset(
    {"Require", "Ensure", "Statex", "REQUIRE", "ENSURE", "Input", "Output", "Return"}
)  # of algorithmicx and algorithmic
_LINES_NUMBERED = re.compile(
    r"\\usepackage\s*\[[^\]]*(?i:linesnumbered(?!hidden))[^\]]*\]\s*\{[^{}]*algorithm2e|\\(?i:linesnumbered)(?![A-Za-z])"
)
_HEAD_OF_ALGORITHM = re.compile(r"(?:[^\W\d_][\w /]{0,30}:|\[caption:)(?=\s|$)")  # algorithm2e's input and output: lines without a number
_LINE_STEP = re.compile(r"\s*\[\s*(\d{1,3})\s*\]")  # \begin{algorithmic}[1]
_LINE_START = re.compile(r"(?:^|\n)\s*(?:\d+: )?\s*\Z")
_IN_LINE = frozenset({"KwTo", "Comment", "COMMENT", "Call", "TO", "AND", "OR", "NOT", "TRUE", "FALSE", "XOR"})


_AND = re.compile(r"\\(?:and|And|AND)(?![A-Za-z])")
_QUADS = re.compile(r"\\q?quad(?![A-Za-z])")


@dataclass(slots=True)
class Rendered:
    """A root's text: `front` is title, authors and what else stands above the body."""

    title: str
    front: str
    abstract: str
    body: str
    document_class: str | None
    dropped: Counter[str]
    unknown_commands: Counter[str]


class Numbers:
    """Numbers for citation keys and labels, in the order in which a paper names them; one for all roots of a paper."""

    def __init__(self) -> None:
        self.cites: dict[str, int] = {}
        self.refs: dict[str, int] = {}

    def copy(self) -> "Numbers":
        """The same numbers, to be gone on with apart."""
        copied = Numbers()
        copied.cites, copied.refs = dict(self.cites), dict(self.refs)
        return copied

    def cite(self, key: str) -> int:
        """The number of a citation key."""
        return self.cites.setdefault(key, len(self.cites) + 1)

    def ref(self, key: str) -> int:
        """The number of a label."""
        return self.refs.setdefault(key, len(self.refs) + 1)


class Renderer:
    """Renders one root's expanded source."""

    def __init__(
        self, theorems: Mapping[str, str], numbers: Numbers, config: LatexConfig, scan: Scanner | None = None, trace: Trace | None = None
    ) -> None:
        self.theorems = theorems
        self.trace = trace
        self.numbers = numbers
        self.config = config
        self.scan = scan if scan is not None else Scanner(0, has_comments=False)
        self.symbols = unicode_symbols()
        self.dropped: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.front: list[tuple[str, str]] = []
        self.depth = 0
        self.lists: list[int | None] = []
        self.table_depth = 0
        self.abstract_parts: list[str] = []
        self.has_chapters = False
        self.is_in_front = False
        self.algorithm_depth = 0
        self.is_algorithmic = False
        self.algorithms: list[tuple[int, bool]] = []  # that are open: where in what is written, whether lines had numbers before
        self.line_step = 0  # every how many lines of an algorithm the reader sees a number; 0 for none
        self.num_lines = 0
        self.has_line_numbers = False  # of algorithm2e
        self.has_german = False
        self.cite_labels: Mapping[str, tuple[str, str]] = {}  # key → author, year
        self.tabbing_depth = 0

    def render_root(self, source: str) -> Rendered:
        """The whole root: the preamble for its front matter only, then the body."""
        found = re.search(r"\\begin\s*\{document\}", source)
        document_class = _CLASS.search(source)
        preamble, body = (source[: found.start()], source[found.end() :]) if found else ("", source)
        self.has_german = '"' in body and _GERMAN.search(preamble) is not None
        if document_class is not None and document_class[1].lower() == "beamer":
            body = _OVERLAY.sub(r"\1", body)
        self.has_chapters = re.search(r"\\chapter(?![A-Za-z])", body) is not None
        if preamble:
            self.has_line_numbers = _LINES_NUMBERED.search(preamble) is not None
            self._read_preamble(preamble)
        text = self.render(body)
        title = next((content for kind, content in self.front if kind.lower() == "title"), "")
        abstracts = [content for kind, content in self.front if kind == "abstract"]
        head = [f"# {title}"] if title else []
        head += [content for kind, content in self.front if kind.lower() != "title" and kind != "abstract" and content]
        head += [f"# Abstract\n\n{content}" for content in abstracts if content]
        return Rendered(
            title=title,
            front="\n\n".join(head),
            abstract="\n\n".join([*abstracts, *self.abstract_parts]),
            body=text,
            document_class=document_class[1].lower() if document_class else None,
            dropped=self.dropped,
            unknown_commands=self.unknown,
        )

    def _read_preamble(self, preamble: str) -> None:
        used = 0
        for found in re.finditer(r"\\([A-Za-z]+)(?![A-Za-z])", preamble):
            if found.start() < used or found[1] not in FRONT_COMMANDS:
                continue
            out: list[str] = []
            end = self._front(preamble, found.end(), found[1], out)
            if end > found.end():
                used = end
        self.dropped["preamble"] += len(preamble) - sum(len(content) for _, content in self.front)

    def inline(self, text: str) -> str:
        """An argument rendered to one paragraph."""
        if self.depth >= self.config.max_group_depth:
            self.dropped["too_deep"] += len(text)
            return " ".join(re.sub(r"\\[A-Za-z@]+|[{}\\$]", " ", text).split())
        self.depth += 1
        try:
            return re.sub(r"\s+", " ", self.render(text)).strip() if "\\begin" not in text else self.render(text).strip()
        finally:
            self.depth -= 1

    def render(self, text: str) -> str:
        """Text mode, from the first character to the last."""
        out: list[str] = []
        environments: list[str] = []
        position, length = 0, len(text)
        while position < length:
            found = _NEXT.search(text, position)
            if found is None:
                out.append(self._run(text[position:]))
                break
            start = found.start()
            if start > position:
                out.append(self._run(text[position:start]))
            token = found[0]
            if token == "\\":
                position = self._command(text, start, out, environments)
            elif token == "$":
                position = self._dollar(text, start, out)
            elif token == "~":
                out.append(" ")
                position = start + 1
            elif token == "&":
                out.append(" | " if self.table_depth else " ")
                position = start + 1
            elif token == "\x02":
                end = text.find("\x03", start)
                end = length if end < 0 else end
                out.append(self._inline_math(text[start + 1 : end].replace("\x02", "")))
                position = end + 1
            elif token in "{}\x03":
                position = start + 1
            else:
                out.append("\n\n" if not self.table_depth else "\n")
                position = found.end()
        for name in reversed(environments):
            self._leave(name, out)
        return "".join(out)

    def _run(self, text: str) -> str:
        if self.has_german and '"' in text:
            text = _SHORTHAND.sub(lambda found: _SHORTHANDS[found[1]], text)
        return _run(text)

    # formulas

    def _dollar(self, text: str, start: int, out: list[str]) -> int:
        if text.startswith("$$", start):
            end = self.scan.closing_dollars(text, start + 2)
            if end < 0:
                out.append("\\$")
                return start + 2
            out.append(self._display(text[start + 2 : end]))
            return end + 2
        end = self.scan.closing_dollar(text, start + 1)
        if end < 0:
            out.append("\\$")
            return start + 1
        out.append(self._inline_math(text[start + 1 : end]))
        return end + 1

    def _clean_math(self, content: str) -> str:
        if "\x02" in content or "\x03" in content:
            content = _WORD_BEFORE_MARK.sub(r"\1 ", content).replace("\x02", "").replace("\x03", "")
        if "\\" in content:
            content = _NO_READER.sub("", content)
            if _QUANTITY.search(content) is not None:
                content = self._math_quantities(content)
            if "olor" in content:
                content = _MATH_COLOUR.sub(lambda found: found[1] or "", content)
            if "picture}" in content:
                content = self._without_drawings(content)
            if "\\cases" in content and "$" in content:
                content = _TEXT_COLUMN.sub(_split_text_column, content)
            if "ref" in content:
                content = _MATH_REF.sub(lambda found: self._refs(found[1]), content)
            if "\\cite" in content:
                content = _MATH_CITE.sub(lambda found: self._cites(found[1]), content)
            if "\\verb\x01" in content:
                content = re.sub(r"\\verb\x01([^\x01]*)\x01", lambda found: f"\\texttt{{{unguard(found[1])}}}", content)
            if "$" in content:
                content = _INNER_TEXT.sub(_split_inner_text, content)
        content = content.replace("\x01", "")
        if "$" in content:
            content = re.sub(r"(?<!\\)\$", "", content)
        if "\n" in content:
            content = re.sub(r"[ \t]*\n\s*", "\n", content)
        return content.strip()

    def _without_drawings(self, content: str) -> str:
        parts: list[str] = []
        position = 0
        while (found := _DRAWING.search(content, position)) is not None:
            end = self._environment_end(content, found[1], found.end())
            if end == found.end():
                break
            parts.append(content[position : found.start()])
            self.dropped["drawing"] += end - found.start()
            position = end
        parts.append(content[position:])
        return "".join(parts)

    def _inline_math(self, content: str) -> str:
        content = self._clean_math(content).replace("\n", " ")
        if not content:
            return ""
        if content.endswith("\\") and not content.endswith("\\\\"):
            content += " "
        return f"${content}$"

    def _display(self, content: str) -> str:
        content = self._clean_math(content)
        return f"\n\\[{content}\\]\n" if content else " "

    def _display_environment(self, text: str, name: str, position: int, out: list[str]) -> int:
        closing = f"\\end{{{name}}}"
        end = self.scan.find(text, closing, position)
        if end < 0:
            end = text.find("\n\n", position)
            end = len(text) if end < 0 else end
            after = end
        else:
            after = end + len(closing)
        argument = ""
        if name.rstrip("*") in _DISPLAYS_WITH_ARGUMENT and (found := _DISPLAY_ARGUMENT.match(text, position)):
            argument, position = found[0].strip(), found.end()
        content = self._clean_math(text[position:end])
        if content:
            out.append(f"\n\\begin{{{name}}}{argument}\n{content}\n\\end{{{name}}}\n")
        return after

    # commands

    def _refs(self, keys: str) -> str:
        return "".join(f"[ref:{self.numbers.ref(key.strip())}]" for key in keys.split(",") if key.strip())

    def _author_year(self, keys: str, name: str, before: str, after: str) -> str | None:
        """`\\citet{k}` → `Noether (1918)`; None where the bibliography does not state author and year of every key."""
        known = [self.cite_labels.get(key.strip()) for key in keys.split(",") if key.strip()]
        if not known or None in known:
            return None
        labels = [label for label in known if label is not None]
        note = f", {after}" if after else ""
        prefix = f"{before} " if before else ""
        lower = name.lower()
        if "author" in lower:
            return prefix + "; ".join(author for author, _ in labels) + note
        if "year" in lower:
            years = "; ".join(year for _, year in labels) + note
            return f"({prefix}{years})" if lower.endswith("par") else prefix + years
        if lower in ("cite", "citet", "textcite", "citealt", "citen", "citeasnoun"):
            if lower == "citealt":
                return prefix + "; ".join(f"{author} {year}" for author, year in labels) + note
            return prefix + "; ".join(f"{author} ({year}{note})" for author, year in labels)
        listed = prefix + "; ".join(f"{author}, {year}" for author, year in labels) + note
        return listed if lower == "citealp" else f"({listed})"

    def _cites(self, keys: str) -> str:
        return "".join(f"[cite:{self.numbers.cite(key.strip())}]" for key in keys.split(",") if key.strip())

    def _command(self, text: str, start: int, out: list[str], environments: list[str]) -> int:
        found = _WORD.match(text, start)
        if found is None:
            return start + 1
        name = found[1]
        if name is None:
            return self._symbol(text, found.end(), found[3], out)
        end = found.end()
        if name == "begin":
            return self._begin(text, end, out, environments)
        if name == "end":
            return self._end(text, end, out, environments)
        if name == "verb" and text[end : end + 1] == "\x01":
            closing = text.find("\x01", end + 1)
            if closing > 0:
                content = unguard(text[end + 1 : closing])
                out.append(f"`{content}`" if "`" not in content else f"`` {content} ``")
                return closing + 1
        if (name in COMBINING and name not in ("t", "b", "C", "G", "U")) or (name in ("t", "b") and text[end : end + 1] == "{"):
            after = self._accent(text, end, name, out)
            if after >= 0:
                return after
        handler = _COMMANDS.get(name)
        if handler is not None:
            after = handler(self, text, end, name, out)
            if after >= 0:
                return after
        if name in SECTION_LEVELS:
            return self._section(text, end, name, out)
        if name.endswith(("section", "chapter")) and (own := _OWN_SECTION.fullmatch(name)) and text[end : end + 1] in ("{", "["):
            return self._section(text, end, own[1], out)
        if name in CITE_COMMANDS:
            return self._cite(text, end, name, out)
        if name in REF_COMMANDS:
            given = self.scan.argument(text, end)
            if given is not None and given[0] and "\n\n" not in given[0]:
                out.append(self._refs(given[0]) if name != "eqref" else f"({self._refs(given[0])})")
                return given[1]
        if name in FRONT_COMMANDS and not self.is_in_front:
            after = self._front(text, end, name, out)
            if after > end:
                return after
        if name in self.symbols:
            out.append(self.symbols[name])
            return skip_line_space(text, end)
        if (spec := HIDDEN.get(name)) is not None:
            after = end
            if text[end : end + 1] == "[" and spec.startswith("m") and (given := self.scan.optional_argument(text, end)) is not None:
                after = given[1]
            after = self._arguments(text, after, spec)[1]
            self.dropped["layout_command"] += after - start
            return after
        if (spec := SHOWN_ALL.get(name)) is not None:
            arguments, after = self._arguments(text, end, spec)
            if arguments:
                joint = SHOWN_ALL_JOINT.get(name, " ")
                out.append(joint.join(self.inline(part or "") for part in arguments))
                return after
        if name == "texorpdfstring":
            arguments, after = self._arguments(text, end, "mm")
            if len(arguments) == 2:
                out.append(self.inline(arguments[0] or ""))
                return after
        if (spec := SHOWN_LAST.get(name)) is not None:
            arguments, after = self._arguments(text, end, spec)
            if arguments:
                self.dropped["layout_command"] += after - start - len(arguments[-1] or "")
                out.append(self.inline(arguments[-1] or "") if len(arguments[-1] or "") < 20_000 else self.render(arguments[-1] or ""))
                return after
        if _ASSIGNED.match(name):
            if text[end : end + 1] == "{" and (given := self.scan.argument(text, end, 100)) is not None:
                return given[1]
            size = _DIMENSION_RE.match(text, end)
            return size.end() if size else end
        if name in _BLOCKS and self.algorithm_depth and not self.is_algorithmic:
            return self._block(text, end, name, out)
        if name in _ALGORITHM and (self.algorithm_depth or name[0].isupper()):
            return self._algorithm(text, end, name, out)
        if name.endswith("name") and (word := THEOREM_TITLES.get(name[:-4]) or _OTHER_NAMES.get(name[:-4])) is not None:
            out.append(word)
            return skip_line_space(text, end)
        if (assigned := _ASSIGNMENT.match(text, end)) is not None:
            self.dropped["layout_command"] += assigned.end() - start
            return assigned.end()
        lower = name.lower()
        if _CITES.search(lower) and (after := self._cite(text, end, name, out)) > end:
            return after
        if "ref" in lower and (labelled := _LABELLED.match(text, end)) is not None:
            out.append(self._refs(labelled[1]))
            return labelled.end()
        self.dropped["layout_command"] += end - start
        if not LAYOUT.match(name):
            self.unknown[name] += 1
        if text[end : end + 1] == "[":
            closing = self.scan.bracket_end(text, end, 2_000)
            if closing > 0 and _STRENGTH.match(text, end):
                return closing
            if closing - end > 200 and "=" not in text[end:closing]:
                closing = -1  # too long for an option: text
            if closing > 0 and _KEY_VALUE.match(text, end + 1):
                return closing
            if closing > 0 and text[closing : closing + 1] == "{":
                return closing
        return skip_line_space(text, end)

    def _arguments(self, text: str, position: int, spec: str) -> tuple[list[str | None], int]:
        given: list[str | None] = []
        for kind in spec:
            found = self.scan.optional_argument(text, position) if kind == "o" else self.scan.argument(text, position)
            if found is None:
                if kind == "m":
                    break
                continue
            if kind == "m":
                given.append(found[0])
            position = found[1]
        return given, position

    def _symbol(self, text: str, end: int, symbol: str, out: list[str]) -> int:
        if symbol == "\\":
            row_end = _ROW_END.match(text, end)
            out.append("\n")
            return row_end.end() if row_end else end
        if symbol in "([":
            closing = "\\)" if symbol == "(" else "\\]"
            stop = self.scan.closing_command(text, closing, end)
            if stop < 0:
                return end
            content = text[end:stop]
            out.append(self._inline_math(content) if symbol == "(" else self._display(content))
            return stop + 2
        if symbol in ")]":
            return end
        if symbol in "=>'`+-<" and self.tabbing_depth:
            out.append(" ")
            return end
        if symbol in COMBINING:
            after = self._accent(text, end, symbol, out)
            return after if after >= 0 else end
        if symbol in "-/!@+*<>|":
            return end
        if symbol == "$":
            out.append("\\$")
        elif symbol == ";" and self.algorithm_depth:
            out.append("\n")
        elif symbol in " \n\t,;:":
            out.append(" ")
        else:
            out.append(symbol)
        return end

    def _accent(self, text: str, end: int, name: str, out: list[str]) -> int:
        position = skip_line_space(text, end) if name.isalpha() else end
        if name.isalpha() and position == end and text[end : end + 1].isalpha():
            return -1
        given = self.scan.argument(text, position)
        if given is None:
            return -1
        content, after = given
        content = content.strip()
        if content in ("$", "&", "~"):
            return end
        if content.startswith("\\") and text[after - 1] != "}":
            after = skip_line_space(text, after)
        if content.startswith("\\"):
            base = {"i": "i", "j": "j"}.get(content[1:].rstrip("{} "), self.symbols.get(content[1:].rstrip("{} "), ""))
            if not base:
                inner = self.inline(content)
                base = inner
        else:
            base = content if "$" not in content else self.inline(content)
        if not base:
            out.append("" if name not in "^~" else name)
            return after
        out.append(base[0] + COMBINING[name] + base[1:] if base[0].isalpha() else base)
        return after

    def _section(self, text: str, end: int, name: str, out: list[str]) -> int:
        closing = f"\\end{name}"
        if (
            name in ("heading", "subheading", "head", "subhead", "specialhead", "subsubhead", "subsubheading")
            and text[self.scan.skip_space(text, end) : self.scan.skip_space(text, end) + 1] != "{"
        ):
            stop = self.scan.find(text, closing, end)
            if stop < 0 or stop - end > 2000:
                return end
            title, after = text[end:stop], stop + len(closing)
        elif name == "beginsection":
            stops = [place for mark in ("\n\n", "\\par") if (place := text.find(mark, end, end + 2_000)) >= 0]
            stop = min(stops) if stops else min(len(text), end + 2_000)
            title, after = text[end:stop], stop
        else:
            position = end
            if (given := self.scan.optional_argument(text, position)) is not None:
                position = given[1]
            found = self.scan.group(text, position)
            if found is None:
                return end
            title, after = found
        rendered = self.inline(title)
        level = SECTION_LEVELS[name] + (self.has_chapters and name not in ("part", "chapter"))
        if not rendered:
            return after
        if name in ("paragraph", "subparagraph"):
            out.append(f"\n\n{rendered}{'' if rendered[-1] in '.:?!' else '.'} ")
        else:
            out.append(f"\n\n{'#' * min(level, 6)} {rendered}\n\n")
        return after

    def _cite(self, text: str, end: int, name: str, out: list[str]) -> int:
        notes: list[str] = []
        position = end
        if (prefix := _CITE_PREFIX.match(text, position)) is not None:  # apacite's \cite<see>[p. 2]{key}
            notes, position = [prefix[1]], prefix.end()
        while len(notes) < 2 and (given := self.scan.optional_argument(text, position)) is not None:
            notes.append(given[0])
            position = given[1]
        found = self.scan.group(text, position)
        if found is None:
            return end
        if notes and prefix is not None and len(notes) == 1:
            notes.append("")
        after_first = found[1]
        cited_keys = [found[0]]
        while name.lower().endswith("cites") and (more := self.scan.group(text, self._past_notes(text, after_first))) is not None:
            cited_keys.append(more[0])
            after_first = more[1]
        found = ",".join(cited_keys), after_first
        shown = [self.inline(note) for note in notes]
        before, after = (shown[0], shown[1]) if len(shown) == 2 else ("", shown[0] if shown else "")
        if self.cite_labels and (written := self._author_year(found[0], name, before, after)) is not None:
            out.append(written)
            return found[1]
        cited = f"{before} {self._cites(found[0])}" if before else self._cites(found[0])
        if name in _PARENTHESISED_CITES and (before or after):
            cited = f"({cited}, {after})" if after else f"({cited})"
        elif after:
            cited = f"{cited} ({after})"
        out.append(cited)
        return found[1]

    def _past_notes(self, text: str, position: int) -> int:
        for _ in range(2):
            if text[position : position + 1] == "[" and (given := self.scan.optional_argument(text, position)) is not None:
                position = given[1]
        return position

    def _front(self, text: str, end: int, name: str, out: list[str]) -> int:
        closing = f"\\end{name}"
        position = self.scan.skip_space(text, end)
        while (given := self.scan.optional_argument(text, position)) is not None:
            position = given[1]
        found = (
            self.scan.argument(text, position)
            if text[self.scan.skip_space(text, position) : self.scan.skip_space(text, position) + 1] == "{"
            else None
        )
        stop = text.find(closing, end, end + 20_000) if found is None else -1
        if found is None and stop < 0:
            return end
        content, after = found if found is not None else (text[end:stop], stop + len(closing))
        kind = name.lower()
        self.is_in_front = True
        if kind == "abstract":
            rendered = self.render(content).strip()
        elif kind == "title":
            rendered = self.inline(content)
        else:
            people = [self._lines(part) for part in _AND.split(content)]
            rendered = (", " if kind in ("author", "authors", "keywords") else "\n").join(part for part in people if part)
        self.is_in_front = False
        if not rendered:
            return after
        if kind == "title" and any(known == "title" for known, _ in self.front):
            return after
        self.front.append((kind, rendered))
        return after

    def _lines(self, content: str) -> str:
        """Lines of an address or of authors, as one line with commas."""
        return re.sub(r"[\s,]*\n[\s,]*", ", ", self.render(_QUADS.sub(r"\\\\ ", content)).strip(" ,\n"))

    def _algorithm(self, text: str, end: int, name: str, out: list[str]) -> int:
        pattern = _ALGORITHM[name]
        given: list[str] = []
        for _ in range(pattern.count("{}")):
            found = self.scan.argument(text, end)
            if found is None:
                break
            given.append(self.inline(found[0]))
            end = found[1]
        given += [""] * (pattern.count("{}") - len(given))
        if name in _IN_LINE or (name == "Return" and self.is_algorithmic and _LINE_START.search("".join(out[-3:])[-40:]) is not None):
            head = " "
        elif self.line_step and name not in _UNNUMBERED:
            self.num_lines += 1
            head = f"\n{self.num_lines}: " if self.num_lines % self.line_step == 0 else "\n"
        else:
            head = "\n"
        out.append(head + pattern.format(*given) + ("\n" if name in _WHOLE_LINES else " "))
        return skip_line_space(text, end)

    def _line_number(self, text: str, end: int, name: str, out: list[str]) -> int:
        """algorithm2e's `\\nl`: a number for this line alone."""
        if not self.algorithm_depth or self.is_algorithmic:
            return -1
        if name in ("lnl", "nlset"):
            end = self._arguments(text, end, "m")[1]
        if not self.has_line_numbers:
            self.num_lines += 1
            out.append(f"{self.num_lines} ")
        return skip_line_space(text, end)

    def _switch_line_numbers(self, text: str, end: int, name: str, out: list[str]) -> int:
        self.has_line_numbers = name.lower() == "linesnumbered"
        return skip_line_space(text, end)

    def _number_lines(self, out: list[str], start: int) -> None:
        """Numbers before the lines of an algorithm of algorithm2e, which `out` holds from `start`: `1 `, as the package prints them."""
        lines = "".join(out[start:]).split("\n")
        number = 0
        for place, line in enumerate(lines):
            if line.strip() and (number or _HEAD_OF_ALGORITHM.match(line.strip()) is None) and not line.lstrip().startswith("[caption:"):
                number += 1
                lines[place] = f"{number} {line.lstrip()}"
        out[start:] = ["\n".join(lines)]

    def _block(self, text: str, end: int, name: str, out: list[str]) -> int:
        """algorithm2e: `\\If{c}{body}`, with its end in words where the package prints one."""
        arguments: list[str] = []
        opening, num_arguments, closing = _BLOCKS[name]
        if (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        if text[end : end + 1] == "(" and (stop := text.find(")", end, end + 300)) > 0:
            end = stop + 1  # a comment of algorithm2e: \If(text){…}
        for _ in range(num_arguments):
            found = self.scan.group(text, end)
            if found is None:
                break
            arguments.append(found[0])
            end = found[1]
        if not arguments:
            return skip_line_space(text, end)
        head = self.inline(arguments.pop(0)) if "{}" in opening else ""
        out.append(f"\n{opening.format(head)}\n")
        for number, body in enumerate(arguments):
            if number:
                out.append("\nelse\n")
            out.append(self._nested(body))
        out.append(f"\n{closing}\n" if closing else "\n")
        return end

    def _nested(self, text: str) -> str:
        """A block in an argument, its lines kept."""
        if self.depth >= self.config.max_group_depth:
            return self.inline(text)
        self.depth += 1
        try:
            return self.render(text).strip()
        finally:
            self.depth -= 1

    def _footnote(self, text: str, end: int, name: str, out: list[str]) -> int:
        if (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        found = self.scan.argument(text, end)
        if found is None:
            return -1
        if content := self.inline(found[0]):
            out.append(f" [footnote: {content}]")
        return found[1]

    def _vfootnote(self, text: str, end: int, name: str, out: list[str]) -> int:
        mark = self.scan.argument(text, end)
        if mark is not None and text[self.scan.skip_space(text, mark[1]) : self.scan.skip_space(text, mark[1]) + 1] == "{":
            return self._footnote(text, mark[1], name, out)  # plain TeX: \footnote{mark}{text}
        return self._footnote(text, end, name, out)

    def _caption(self, text: str, end: int, name: str, out: list[str]) -> int:
        if name == "captionof":
            kind = self.scan.argument(text, end)
            end = kind[1] if kind else end
        if text[end : end + 1] == "*":
            end += 1
        if (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        found = self.scan.group(text, end)
        if found is None:
            return -1
        depth, self.table_depth = self.table_depth, 0
        if content := self.inline(found[0]):
            out.append(f"\n\n[caption: {content}]\n\n")
        self.table_depth = depth
        return found[1]

    def _subcaption(self, text: str, end: int, name: str, out: list[str]) -> int:
        """`\\subfloat[list][caption]{…}`, `\\subcaptionbox{caption}[width]{…}`: the caption, then the content as it comes."""
        caption = ""
        if name == "subcaptionbox":
            if (given := self.scan.optional_argument(text, end)) is not None:
                end = given[1]
            if (found := self.scan.group(text, end)) is None:
                return -1
            caption, end = found
        while text[end : end + 1] == "[" and (given := self.scan.optional_argument(text, end)) is not None:
            caption, end = caption if name == "subcaptionbox" else given[0] or caption, given[1]
        if shown := self.inline(caption):
            out.append(f"\n\n[caption: {shown}]\n\n")
        return end

    def _drawing(self, text: str, end: int, name: str, out: list[str]) -> int:
        """Drawings that have no environment: `\\tikz[…]{…}`, `\\tikz \\draw …;`, `\\Qcircuit @C=1em {…}`."""
        start = end
        while (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        if name == "tikz" and self.scan.group(text, end) is None:
            stop = text.find(";", end, end + 4_000)
            end = stop + 1 if stop >= 0 else end
        else:
            opening = text.find("{", end, end + 100)
            closing = self.scan.group_end(text, opening, 20_000) if opening >= 0 else -1
            end = closing if closing >= 0 else end
        self.dropped["drawing"] += end - start
        return end

    def _diagram(self, text: str, end: int, name: str, out: list[str]) -> int:
        """Xy-pic's matrix outside a formula: it is one."""
        opening = text.find("{", end, end + 100)
        closing = self.scan.group_end(text, opening, 20_000) if opening >= 0 else -1
        if closing < 0:
            return -1
        out.append(self._display(f"\\{name}{text[end:closing]}"))
        return closing

    def _table_head(self, text: str, end: int, name: str, out: list[str]) -> int:
        """longtable's heads and feet for further pages are no part of the table."""
        following = {"endfirsthead": ("\\endlastfoot", "\\endfoot", "\\endhead"), "endhead": ("\\endlastfoot", "\\endfoot")}
        for mark in following.get(name, ("\\endlastfoot",)):
            stop = text.find(mark, end, end + 3_000)
            if stop >= 0 and "\\end{" not in text[end:stop]:
                self.dropped["layout_command"] += stop - end
                out.append("\n")
                return skip_line_space(text, stop + len(mark))
        out.append("\n")
        return skip_line_space(text, end)

    def _quoted(self, text: str, end: int, name: str, out: list[str]) -> int:
        """csquotes."""
        is_inner = text[end - 1] == "*"
        given, after = self._arguments(text, end, "mm" if name.startswith("foreign") else "m")
        if not given:
            return -1
        content = self.inline(given[-1] or "")
        out.append(f"‘{content}’" if is_inner else f"“{content}”")
        return after

    def _code_comment(self, text: str, end: int, name: str, out: list[str]) -> int:
        """algorithm2e's `\\tcp*{…}` and `\\tcc{…}`."""
        found = self.scan.group(text, end)
        if found is None:
            return -1
        content = self.inline(found[0])
        out.append(f" // {content}\n" if name.startswith("tcp") else f" /* {content} */\n")
        return found[1]

    def _ref_range(self, text: str, end: int, name: str, out: list[str]) -> int:
        given, after = self._arguments(text, end, "mm")
        if len(given) < 2:
            return -1
        out.append(f"{self._refs(given[0] or '')}–{self._refs(given[1] or '')}")
        return after

    def _write(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = _STREAM.match(text, end)
        given = self.scan.group(text, found.end() if found else end)
        return given[1] if given else end

    def _item(self, text: str, end: int, name: str, out: list[str]) -> int:
        label = ""
        if (given := self.scan.optional_argument(text, end)) is not None and text[
            skip_line_space(text, end) : skip_line_space(text, end) + 1
        ] == "[":
            label = self.inline(given[0])
            end = given[1]
        if label:
            out.append(f"\n- {label} ")
        elif self.lists and self.lists[-1] is not None:
            self.lists[-1] += 1
            out.append(f"\n{self.lists[-1]}. ")
        else:
            out.append("\n- ")
        return skip_line_space(text, end)

    def _url(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = self.scan.argument(text, end)
        if found is None:
            return -1
        out.append(re.sub(r"\\([%#&_~$])", r"\1", found[0]).replace("\\", "").replace("$", "\\$").strip())
        return found[1]

    def _par(self, text: str, end: int, name: str, out: list[str]) -> int:
        out.append("\n\n")
        return self.scan.skip_space(text, end)

    def _row(self, text: str, end: int, name: str, out: list[str]) -> int:
        if text[end : end + 1] == "[" and (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        out.append("\n")
        return skip_line_space(text, end)

    def _multicolumn(self, text: str, end: int, name: str, out: list[str]) -> int:
        given, after = self._arguments(text, end, "mmm")
        if len(given) < 3:
            return -1
        span = (given[0] or "").strip()
        num_columns = min(int(span), 50) if span.isdecimal() and len(span) < 4 else 1
        out.append(self.inline(given[2] or "") + " | " * (num_columns - 1))
        return after

    def _acknowledgments(self, text: str, end: int, name: str, out: list[str]) -> int:
        out.append(f"\n\n{'#' * (1 + self.has_chapters)} {name.capitalize()}\n\n")
        return self.scan.skip_space(text, end)

    def _twocolumn(self, text: str, end: int, name: str, out: list[str]) -> int:
        if (given := self.scan.optional_argument(text, end, 60_000)) is not None:
            out.append(f"\n\n{self.render(given[0]) if not self.depth else self._nested(given[0])}\n\n")
            return given[1]
        return end

    def _superscript(self, text: str, end: int, name: str, out: list[str]) -> int:
        """A mark of an affiliation or of a table's note, as a formula; what is a word (`1\\textsuperscript{st}`) as one."""
        found = self.scan.group(text, end)
        if found is None:
            return -1
        content = self.inline(found[0])
        if name == "textsuperscript" and (_LETTERS.search(content) or "$" in content):
            out.append(content)
        elif content:
            out.append(f"$^{{{content}}}$" if "$" not in content else content)
        return found[1]

    def _marked_text(self, text: str, end: int, name: str, out: list[str]) -> int:
        end = self._superscript(text, end, "mark", out)
        found = self.scan.group(text, end) if end > 0 else None
        if found is None:
            return end
        out.append(self.inline(found[0]))
        return found[1]

    def _chemistry(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = self.scan.group(text, end)
        if found is None:
            return -1
        out.append(self.inline(re.sub(r"[\^_$]", "", found[0])))
        return found[1]

    def _keywords(self, text: str, end: int, name: str, out: list[str]) -> int:
        while (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        found = self.scan.group(text, end)
        if found is None:
            return end
        out.append("\n\n" + ", ".join(filter(None, (self._lines(part) for part in _AND.split(found[0])))) + "\n\n")
        return found[1]

    def _font(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = _FONT.match(text, end)
        return found.end() if found else -1

    def _partial_rule(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = _RULE_SPAN.match(text, end)
        return found.end() if found else end

    def _rule(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = _RULE.match(text, end)
        return found.end() if found else end

    def _box(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = _BOX_SIZE.match(text, end)
        return found.end() if found else end

    def _bibitem(self, text: str, end: int, name: str, out: list[str]) -> int:
        if (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
        found = self.scan.argument(text, end)
        if found is None:
            return -1
        out.append(f"\n\n{self._cites(found[0])} ")
        return found[1]

    def _symbol_text(self, text: str, end: int, name: str, out: list[str]) -> int:
        if name == "symbol":
            given = self.scan.argument(text, end)
            if given is None or not given[0].strip().isdigit():
                return end
            code, after = int(given[0]), given[1]
        else:
            found = _CHARACTER_CODE.match(text, end)
            if found is None:
                return end
            after = found.end()
            code = ord(found[2]) if found[2] else int(found[1] or found[3] or found[4], 10 if found[1] else 16 if found[3] else 8)
        character = chr(code) if 32 <= code < 127 else ""
        out.append({"\\": "\\textbackslash{}", "$": "\\$"}.get(character, character))
        return after

    def _refs_section(self, text: str, end: int, name: str, out: list[str]) -> int:
        stop = self.scan.find(text, "\\endRefs", end)
        stop = len(text) if stop < 0 else stop
        self.dropped["bibliography"] += stop - end
        return stop

    def _proclaim(self, text: str, end: int, name: str, out: list[str]) -> int:
        position = self.scan.skip_space(text, end)
        if text[position : position + 1] == "{":
            found = self.scan.argument(text, position)
            if found is not None:
                title = self.inline(found[0])
                out.append(f"\n\n{title}{'' if title.endswith(('.', ':')) else '.'} ")
                return found[1]
        out.append("\n\n")
        return position

    def _input_left(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = re.compile(r"\s*(?:\{[^{}]*\}|[^\s{}\\]+)").match(text, end)
        return found.end() if found else end

    def _gls(self, text: str, end: int, name: str, out: list[str]) -> int:
        found = self.scan.argument(text, end)
        if found is None:
            return -1
        out.append(found[0].replace("_", " ").replace("\\", ""))
        return found[1]

    def _si(self, text: str, end: int, name: str, out: list[str]) -> int:
        shown, after = self._quantity(text, end, name, is_math=False)
        if shown is None:
            return -1
        out.append(shown)
        return after

    def _quantity(self, text: str, end: int, name: str, *, is_math: bool) -> tuple[str | None, int]:
        groups: list[str] = []
        if (given := self.scan.optional_argument(text, end)) is not None:
            end = given[1]
            if name == "unit" and given[0].strip().replace(".", "", 1).isdigit():  # the older package units: \unit[3]{km}
                name, groups = "SI", [given[0]]
        for _ in range(siunitx.NUM_GROUPS[name] - len(groups)):
            if groups and (given := self.scan.optional_argument(text, end)) is not None:
                end = given[1]
            found = self.scan.group(text, end)
            if found is None:
                return None, end
            groups.append(found[0])
            end = found[1]
        return siunitx.show(name, groups, is_math=is_math), end

    def _math_quantities(self, content: str) -> str:
        parts: list[str] = []
        position = 0
        for found in _QUANTITY.finditer(content):
            if found.start() < position:
                continue
            shown, after = self._quantity(content, found.end(), found[1], is_math=True)
            if shown is not None:
                parts += [content[position : found.start()], shown]
                position = after
        parts.append(content[position:])
        return "".join(parts)

    def _ignore_math(self, text: str, end: int, name: str, out: list[str]) -> int:
        return end

    # environments

    def _begin(self, text: str, end: int, out: list[str], environments: list[str]) -> int:
        found = _BEGIN_END.match(text, end)
        if found is None:
            return end
        raw_name = found[1].strip()
        name = raw_name.rstrip("*")
        position = found.end()
        if raw_name in VERBATIM_ENVIRONMENTS:
            return self._verbatim(text, raw_name, position, out)
        if name in DISPLAY_ENVIRONMENTS:
            return self._display_environment(text, raw_name, position, out)
        if name == "math":
            stop = self.scan.find(text, "\\end{math}", position)
            if stop >= 0:
                out.append(self._inline_math(text[position:stop]))
                return stop + len("\\end{math}")
        if name in INNER_MATH_ENVIRONMENTS:
            # without a formula around it: an error of the author's, which TeX would stop at
            stop = self.scan.find(text, f"\\end{{{raw_name}}}", position)
            if stop >= 0:
                out.append(self._display(f"\\begin{{{raw_name}}}{text[position:stop]}\\end{{{raw_name}}}"))
                return stop + len(raw_name) + 6
        if raw_name in DRAWING_ENVIRONMENTS or name in DRAWING_ENVIRONMENTS:
            return self._drop(text, raw_name, position, "drawing")
        if name in BIBLIOGRAPHY_ENVIRONMENTS:
            if not self.config.keep_bibliography:
                return self._drop(text, raw_name, position, "bibliography")
            out.append("\n\n# References\n\n")
        environments.append(raw_name)
        return self._enter(text, raw_name, name, position, out)

    def _enter(self, text: str, raw_name: str, name: str, position: int, out: list[str]) -> int:
        if name in (
            "itemize",
            "enumerate",
            "description",
            "list",
            "trivlist",
            "compactenum",
            "compactitem",
            "inparaenum",
            "asparaenum",
            "enumerate*",
            "enumitem",
        ):
            out.append("" if self.lists else "\n")
            self.lists.append(0 if "enum" in name else None)
            if name == "list":
                return self._arguments(text, position, "mm")[1]
            given = self.scan.optional_argument(text, position)
            return given[1] if given else position
        if name in TABLE_ENVIRONMENTS:
            self.table_depth += 1
            self.tabbing_depth += name == "tabbing"
            out.append("\n\n")
            spec = {
                "tabularx": "mom",
                "tabulary": "mm",
                "tabu": "om",
                "longtabu": "om",
                "tblr": "om",
                "tabbing": "",
                "longtable": "om",
            }.get(name, "om")
            if raw_name == "tabular*":
                spec = "mom"
            position = self._arguments(text, position, spec)[1]
            if name == "deluxetable" and (given := self.scan.optional_argument(text, position)) is not None:
                position = given[1]  # its placement comes last
            return position
        note = ""
        if name == "restatable":  # thmtools: \begin{restatable}[note]{theorem}{name}
            if (given := self.scan.optional_argument(text, position)) is not None:
                note, position = self.inline(given[0]), given[1]
            kind, position = self._arguments(text, position, "mm")
            raw_name = name = (kind[0] or "").strip() if kind else name
        title = self.theorems.get(raw_name) or self.theorems.get(name) or THEOREM_TITLES.get(name.lower())
        if title is not None:
            heading = self.inline(title)
            if (given := self.scan.optional_argument(text, position)) is not None:
                options, position = given
                if _KEY_VALUE.match(options):  # thmtools: [name=…, label=…]
                    named = _NAME_OPTION.search(options)
                    options = (named[1] or named[2] or "") if named else ""
                note = self.inline(options)
            if note:
                heading = note if name.endswith("proof") or not heading else f"{heading} ({note})"
            out.append(f"\n\n{heading}. " if heading and heading[-1] not in ".:" else f"\n\n{heading} ")
            return position
        if name in ("acknowledgments", "acknowledgements", "acknowledgment", "acknowledgement", "acks", "ack"):
            self._acknowledgments(text, position, "acknowledgments" if len(name) < 5 else name, out)
            return position
        if name == "abstract":
            out.append("\n\n# Abstract\n\n")
            stop = self.scan.find(text, "\\end{abstract}", position)
            if stop >= 0 and not self.depth and len(self.abstract_parts) < MAX_ABSTRACTS:
                self.depth += 1
                kept = self.numbers, Counter(self.dropped), Counter(self.unknown), list(self.front)
                self.numbers = self.numbers.copy()
                self.abstract_parts.append(re.sub(r"\n{3,}", "\n\n", self.render(text[position:stop])).strip())
                self.numbers, self.dropped, self.unknown, self.front = kept
                self.depth -= 1
            return position
        if name in _ALGORITHMS:
            self.algorithm_depth += 1
            self.is_algorithmic = name != "algorithm2e" and "\\begin{algorithmic}" in text[position - 20 : position + 2_000]
            self.line_step = self.num_lines = 0
            if name == "algorithmic" and (every := _LINE_STEP.match(text, position)) is not None:
                self.line_step = int(every[1])
            self.algorithms.append((len(out), self.has_line_numbers))
        out.append("\n\n" if name not in ("small", "footnotesize", "large", "bf", "it", "em", "sf", "tt", "minipage") else "\n")
        if name in ("frame", "block", "alertblock", "exampleblock"):
            return self._titled(text, name, position, out)
        if name in ("tcolorbox", "mdframed") and (given := self.scan.optional_argument(text, position)) is not None:
            if titled := _NAME_OPTION.search(given[0]):
                out.append(f"{self.inline(titled[1] or titled[2] or '')}\n\n")
            return given[1]
        if (wanted := _ENVIRONMENT_ARGUMENTS.get(name)) is not None:
            position = self._arguments(text, position, wanted)[1]
            if name == "multicols" and (given := self.scan.optional_argument(text, position)) is not None:
                out.append(self._nested(given[0]) + "\n\n")  # what stands over the columns
                position = given[1]
            return position
        given = self.scan.optional_argument(text, position) if text[position : position + 1] == "[" else None
        return given[1] if given else position

    def _end(self, text: str, end: int, out: list[str], environments: list[str]) -> int:
        found = _BEGIN_END.match(text, end)
        if found is None:
            return len(text) if not text[end:].strip() else end  # plain TeX's \end
        name = found[1].strip()
        if name in environments:
            while environments:
                last = environments.pop()
                self._leave(last, out)
                if last == name:
                    break
        return found.end()

    def _titled(self, text: str, name: str, position: int, out: list[str]) -> int:
        """beamer's frames and blocks: their titles stand in groups."""
        while text[position : position + 1] == "[" and (given := self.scan.optional_argument(text, position)) is not None:
            position = given[1]
        titles: list[str] = []
        while text[position : position + 1] == "{" and len(titles) < 2 and (found := self.scan.group(text, position)) is not None:
            titles.append(self.inline(found[0]))
            position = found[1]
            if name != "frame":
                break
        shown = [title for title in titles if title]
        if name == "frame":
            out += [f"\n\n{'#' * (number + 2)} {title}\n\n" for number, title in enumerate(shown)]
        elif shown:
            out.append(f"{shown[0]}{'' if shown[0][-1] in '.:?!' else '.'} ")
        return position

    def _leave(self, raw_name: str, out: list[str]) -> None:
        name = raw_name.rstrip("*")
        if name in (
            "itemize",
            "enumerate",
            "description",
            "list",
            "trivlist",
            "compactenum",
            "compactitem",
            "inparaenum",
            "asparaenum",
            "enumitem",
        ):
            if self.lists:
                self.lists.pop()
            out.append("\n\n" if not self.lists else "\n")
        elif name in TABLE_ENVIRONMENTS:
            self.table_depth = max(0, self.table_depth - 1)
            self.tabbing_depth -= name == "tabbing"
            out.append("\n\n")
        elif name in _ALGORITHMS and self.algorithms and raw_name not in self.theorems and name not in self.theorems:
            self.algorithm_depth -= 1
            self.line_step = 0
            start, had_line_numbers = self.algorithms.pop()
            if self.has_line_numbers and not self.is_algorithmic and not self.algorithm_depth:
                self._number_lines(out, start)
            self.has_line_numbers = had_line_numbers
            out.append("\n\n")
        else:
            out.append("\n\n")

    def _drop(self, text: str, name: str, position: int, kind: str) -> int:
        after = self._environment_end(text, name, position)
        self.dropped[kind] += after - position
        if self.trace is not None:
            self.trace.drop(name, after - position)
        return after

    def _environment_end(self, text: str, name: str, position: int) -> int:
        """Past the `\\end` of the environment whose content begins at `position`, those of the same name in it respected."""
        first = self.scan.find(text, f"\\end{{{name}}}", position)
        if first < 0:
            return position
        depth, mark = 1, re.compile(rf"\\(begin|end)\s*\{{{re.escape(name)}\}}")
        limit = self.scan.limit(text, position)
        for found in mark.finditer(text, position, limit):
            depth += 1 if found[1] == "begin" else -1
            if depth == 0:
                self.scan.spend(found.end() - position)
                return found.end()
        self.scan.spend(limit - position)
        return first + len(name) + 6

    def _verbatim(self, text: str, name: str, position: int, out: list[str]) -> int:
        closing = f"\\end{{{name}}}"
        stop = self.scan.find(text, closing, position)
        if stop < 0:
            stop, after = len(text), len(text)
        else:
            after = stop + len(closing)
        if name.startswith("filecontents"):
            self.dropped["filecontents"] += after - position
            return after
        if (given := self.scan.optional_argument(text, position)) is not None and text[position : position + 1] == "[" and given[1] <= stop:
            position = given[1]
            if caption := re.search(r"caption\s*=\s*(?:\{([^{}]*)\}|([^,\]]*))", given[0]):
                out.append(f"\n\n[caption: {self.inline(caption[1] or caption[2] or '')}]\n\n")
        if name == "minted":
            language = self.scan.argument(text, position)
            position = language[1] if language and language[1] <= stop else position
        code = text[position:stop].replace("\x01", "|").replace("```", "'''").strip("\n")
        if code.strip():
            out.append(f"\n\n```\n{code.rstrip()}\n```\n\n")
        return after


_ENVIRONMENT_ARGUMENTS = {
    "figure": "o", "table": "o", "wrapfigure": "omom", "wraptable": "omom", "minipage": "ooom", "multicols": "m", "subfigure": "om",
    "subtable": "om", "algorithm": "o", "algorithmic": "o", "algorithm2e": "o", "adjustwidth": "mm", "spacing": "m", "sidewaystable": "o",
    "sidewaysfigure": "o", "thebibliography": "m", "appendices": "", "column": "m", "columns": "o", "block": "m",
    "tcolorbox": "o", "mdframed": "o", "adjustbox": "m", "CJK": "mm", "CJK*": "mm", "otherlanguage": "m", "hyphenrules": "m",
    "flushleft": "", "addmargin": "m", "turn": "m", "boxedminipage": "om", "tablenotes": "o", "labeling": "om", "tasks": "o",
    "rotate": "m", "changemargin": "mm", "scope": "", "resizebox": "mm", "SCfigure": "oo",
    "letter": "m", "fulllineitems": "", "sloppypar": "", "thm@": "o", "titlepage": "",
}  # fmt: skip
Handler = Callable[[Renderer, str, int, str, list[str]], int]
_COMMANDS: dict[str, Handler] = {
    **dict.fromkeys(
        ("footnotetext", "thanks", "IEEEcompsocitemizethanks", "endnote", "marginpar", "sidenote", "marginnote"), Renderer._footnote
    ),
    **dict.fromkeys(("tablefootnote", "blfootnote", "titlenote", "note"), Renderer._footnote),
    "footnote": Renderer._vfootnote,
    "vfootnote": Renderer._vfootnote,
    **dict.fromkeys(("caption", "captionof", "subcaption", "tablecaption", "figcaption", "tbl"), Renderer._caption),
    **dict.fromkeys(("item", "itemitem", "bitem"), Renderer._item),
    **dict.fromkeys(("url", "path", "nolinkurl", "doi"), Renderer._url),
    **dict.fromkeys(("par", "endgraf", "smallbreak", "medbreak", "bigbreak", "medskip", "bigskip", "smallskip"), Renderer._par),
    **dict.fromkeys(("endproclaim", "enddemo", "endabstract", "newpage", "clearpage", "maketitle"), Renderer._par),
    **dict.fromkeys(("cr", "crcr", "newline", "tabularnewline", "linebreak", "tablebreak"), Renderer._row),
    "font": Renderer._font,
    **dict.fromkeys(("cmidrule", "cmidrulewidth"), Renderer._partial_rule),
    **dict.fromkeys(("hrule", "vrule"), Renderer._rule),
    **dict.fromkeys(("hbox", "vbox", "vtop", "centerline", "mbox", "fbox"), Renderer._box),
    "bibitem": Renderer._bibitem,
    **dict.fromkeys(("nl", "lnl", "nlset"), Renderer._line_number),
    **dict.fromkeys(("LinesNumbered", "linesnumbered", "LinesNotNumbered", "linesnotnumbered"), Renderer._switch_line_numbers),
    "multicolumn": Renderer._multicolumn,
    **dict.fromkeys(("acknowledgments", "acknowledgements", "acknowledgment", "acknowledgement"), Renderer._acknowledgments),
    "ce": Renderer._chemistry,
    **dict.fromkeys(("subfigure", "subfloat", "subcaptionbox"), Renderer._subcaption),
    **dict.fromkeys(("tikz", "Qcircuit", "chemfig", "feynmandiagram", "pstree"), Renderer._drawing),
    **dict.fromkeys(("xymatrix", "xygraph"), Renderer._diagram),
    **dict.fromkeys(("endfirsthead", "endhead", "endfoot"), Renderer._table_head),
    **dict.fromkeys(("crefrange", "Crefrange", "cpagerefrange", "vrefrange"), Renderer._ref_range),
    **dict.fromkeys(("write", "immediate"), Renderer._write),
    **dict.fromkeys(("enquote", "textquote", "blockquote", "foreignquote", "foreignblockquote"), Renderer._quoted),
    **dict.fromkeys(("tcp", "tcc"), Renderer._code_comment),
    "twocolumn": Renderer._twocolumn,
    **dict.fromkeys(("inst", "altaffilmark", "affilmark", "tablenotemark", "textsuperscript"), Renderer._superscript),
    **dict.fromkeys(("altaffiltext", "tablenotetext"), Renderer._marked_text),
    **dict.fromkeys(("keywords", "keyword", "terms", "MSC", "PACS", "JEL"), Renderer._keywords),
    **dict.fromkeys(("char", "symbol"), Renderer._symbol_text),
    "Refs": Renderer._refs_section,
    **dict.fromkeys(("proclaim", "demo", "remark", "example", "definition", "roster"), Renderer._proclaim),
    **dict.fromkeys(("input", "openin", "openout"), Renderer._input_left),
    **dict.fromkeys(("gls", "Gls", "glspl", "Glspl", "ac", "acs", "acf", "acl", "acp", "Ac", "acfp", "acsp"), Renderer._gls),
    **dict.fromkeys(siunitx.NUM_GROUPS, Renderer._si),
}  # fmt: skip


def _run(text: str) -> str:
    """A run of plain characters: line ends are blanks, TeX's ligatures are what they print."""
    if "\n" in text:
        text = text.replace("\n", " ")
    if "`" in text:
        text = text.replace("?`", "¿").replace("!`", "¡").replace("``", "“").replace("`", "‘")
    if "'" in text:
        text = text.replace("''", "”").replace("'", "’")
    if "--" in text:
        text = text.replace("---", "—").replace("--", "–")
    if "\x01" in text:
        text = text.replace("\x01", "")
    return text


def _split_text_column(found: re.Match[str]) -> str:
    """The text column of plain TeX's `\\cases`: `& if $j<d$;` → `& \\hbox{ if }j<d\\hbox{;}`."""
    parts = found[1].split("$")
    return "&" + "".join(part if index % 2 else f"\\hbox{{{part}}}" for index, part in enumerate(parts) if part.strip())


def _split_inner_text(found: re.Match[str]) -> str:
    """`\\text{if $x>0$ then}` → `\\text{if }x>0\\text{ then}`: no dollar inside a formula."""
    command, parts = found[1], found[2].split("$")
    return "".join(part if index % 2 else f"\\{command}{{{part}}}" for index, part in enumerate(parts) if part)
