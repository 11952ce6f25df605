"""Sources → one expanded source: comments gone, files included, conditionals decided, the paper's macros replaced by their bodies.

Not a TeX: no registers, no category codes that change mid-way. It knows how definitions are written (`\\newcommand`, `\\def` with
delimiters, `\\let`, xparse, `\\newenvironment`, `\\DeclareMathOperator`, `\\newif`), scopes them by group, and leaves everything standard
as it stands, so that formulas come out in the vocabulary of LaTeX and amsmath. Frames on an explicit stack: no recursion, work counted
and bounded.
"""

import re
from collections import ChainMap, Counter
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache

from preprocess.config import LatexConfig
from preprocess.latex.decode import is_tex_name
from preprocess.latex.scan import Scanner, guard, skip_line_space, skip_space
from preprocess.latex.tables import HIDDEN, PROTECTED_COMMANDS, PROTECTED_ENVIRONMENTS, VERBATIM_ENVIRONMENTS
from preprocess.latex.trace import Note, Trace
from preprocess.latex.vocabularies import vocabulary

_NEXT = re.compile(r"[\\%{}]")
_WORD = re.compile(r"\\([A-Za-z@]+)\*?|\\(.)", re.S)
_NAME = re.compile(r"[A-Za-z@]+")
_COMMENT = re.compile(r"%[^\n]*(?:\n[ \t]*|$)")
_CONDITIONAL = re.compile(r"\\(if[A-Za-z@]*|else|or|fi)(?![A-Za-z@])|%[^\n]*\n?|\\(?:newif|let|def)\s*\\[A-Za-z@]+|\\[^A-Za-z]")
_PACKAGE_INPUT = re.compile(r"\\(?:input|InputIfFileExists|RequirePackage|usepackage)\s*(?:\[[^\]]*\])?\s*\{([^{}]*)\}")
_INCLUDING = re.compile(r"[A-Za-z]*(?:input|import|include|subfile)[A-Za-z]*", re.I)
_BEGIN_END = re.compile(r"\s*\{([^{}]*)\}")
_DEF_NAME = re.compile(r"\s*(?:\\([A-Za-z@]+|[^A-Za-z\s])|([~|*<>\"!]))")
_PARAMETER = re.compile(r"#(#*[1-9])")
_NO_CONDITIONALS = frozenset(
    {
        "iff",
        "ifthenelse",
        "ifmmode@",
        "ifundefined",
        "ifstrequal",
        "ifblank",
        "ifbool",
        "ifdef",
        "ifcsname@",
        "iftoggle",
        "ifnumcomp",
        "ifempty",
        "ifstar",
        "ifnextchar",
        "iffalse@",
        "ifdefempty",
        "ifcsdef",
        "ifinlist",
        "iftagged",
        "iflanguage",
        "ifthispageodd",
    }
)
_ADDRESS = re.compile(r"\s*\{((?:[^{}\n]|\{[^{}\n]*\}){0,2000})\}")
_REGISTER = re.compile(r"\s*\{?\s*\\([A-Za-z@]+)\s*\}?")
_VALUE = re.compile(
    r"\s*(?:=\s*)?[-+]?(?:\d+(?:\.\d*)?|\.\d+|\\[A-Za-z@]+)\s*(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc)?"
    r"(?:\s*(?:plus|minus)\s*[-+]?[\d.]+\s*(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|fil+)?)*\s?"
)
_ADVANCE = re.compile(r"\s*\\[A-Za-z@]+\s*(?:by)?\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+|\\[A-Za-z@]+)(?:\s*(?:pt|cm|mm|in|em|ex|bp|pc))?\s?")
_ONE_TOKEN = re.compile(r"\s*\\(?:[A-Za-z@]+|.)\s*", re.S)
_TAKES_ARGUMENT = re.compile(
    r"\\(?:hat|bar|tilde|vec|d?dot|acute|grave|check|breve|wide(?:hat|tilde)|(?:over|under)line|over(?:right|left)arrow|sqrt|boldsymbol|bm"
    r"|math(?:bf|rm|cal|bb|frak|sf|it))"
)
_ARGUMENT_KIND = re.compile(r"[+!>]*(?:([mosv])|(O)\s*\{([^{}]*)\}|(t)\s*(\{.\}|.)|([dDrR])\s*(\S)\s*(\S)\s*(?:\{([^{}]*)\})?)")
_INTERNALS = re.compile(
    r"\\(?:setbox|unhcopy|unhbox|unvbox|copy|wd|ht|dp|hskip|kern|vrule|hrule|halign|vbox|vtop|lower|raise|futurelet|afterassignment"
    r"|dimen|count|skip|toks|catcode|afterpage|pgf[a-z]*|tikz[a-z]*)(?![A-Za-z])"
)
_ACRONYM = re.compile(
    r"\\(?:acro|acrodef|newacronym|newacro|acrodef)\s*(?:\[[^\[\]]*\]\s*)?\{([^{}]*)\}\s*(?:\[([^\[\]]*)\])?\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
    r"(?:\s*\{((?:[^{}]|\{[^{}]*\})*)\})?"
)
_DECLARED_ACRONYM = re.compile(r"\\(?:DeclareAcronym|newglossaryentry|longnewglossaryentry)\s*\{([^{}]*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_NO_LIST = re.compile(r"\\usepackage\s*\[[^\]]*nolist[^\]]*\]\s*\{acronym\}|\\begin\s*\{acronym\}\s*\[nolist\]")
_ALGORITHM_KEYWORDS = {
    "SetKwFunction": 2,
    "SetKwData": 2,
    "SetKwArray": 2,
    "SetKw": 2,
    "SetKwInOut": 2,
    "SetKwInput": 2,
    "SetKwComment": 3,
    "SetKwBlock": 3,
    "SetKwRepeat": 3,
    "SetKwFor": 4,
    "SetKwProg": 4,
    "SetKwIF": 8,
}  # number of groups each takes
_COUNTER_VALUE = re.compile(r"\\(arabic|roman|Roman|alph|Alph|value)\s*\{([^{}]*)\}")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"),
    (4, "iv"), (1, "i"),
)  # fmt: skip
_ACRONYM_KEY = re.compile(r"\b(short|long|name)\s*=\s*(?:\{((?:[^{}]|\{[^{}]*\})*)\}|([^,{}]*))")
_LINE_ENDS = re.compile(r"[ \t]*\n\s*")
_OUTER_LINE_END = re.compile(r"\A[ \t]*\n[ \t]*(?=\S)|(?<=\S)[ \t]*\n[ \t]*\Z")
_SPACE_EATERS = re.compile(r"[A-Za-z@]\Z")
MIN_EXPANSIONS = 300_000  # a paper may make as many macro calls and one for each of its characters: real ones make one for ten
MAX_ARGUMENT_CHARACTERS = 2_000_000
_MAX_WARNED = 50


@dataclass(slots=True)
class Macro:
    """What a name stands for: `pieces` alternate text and parameter number; `delimiters` where `\\def` gave some."""

    num_arguments: int
    default: str | None
    pieces: tuple[str | int, ...]
    delimiters: tuple[str, ...] | None = None
    spec: tuple[str, ...] | None = None
    alias: str | None = None  # the name of a command of LaTeX's own that `\\let` has given another name


@dataclass(slots=True)
class Environment:
    """A user's environment: what its beginning and its end stand for."""

    begin: Macro
    end: str


@dataclass(slots=True)
class Expanded:
    """One root's expanded source and what was found on the way."""

    source: str
    theorems: dict[str, str]
    files: list[str]
    dropped: Counter[str]
    warnings: Counter[str]
    num_expansions: int
    is_over_limit: bool = False


@dataclass(slots=True)
class _Frame:
    text: str
    position: int = 0
    name: str | None = None  # of a file; None for a macro's body
    arguments_left: int = 0

    def num_source(self, start: int, end: int) -> int:
        """Characters of the paper between two places: none in a macro's body, which its definition has paid for."""
        return end - start if self.name is not None else 0


def split_body(body: str) -> tuple[str | int, ...]:
    """A definition's body as text and parameter numbers in turn; `##1` stays for a definition inside."""
    pieces: list[str | int] = []
    position = 0
    for found in _PARAMETER.finditer(body):
        inner = found[1]
        pieces.append(body[position : found.start()])
        if len(inner) == 1:
            pieces.append(int(inner))
        else:
            pieces.append(inner)
        position = found.end()
    pieces.append(body[position:])
    return tuple(pieces)


def fill(pieces: tuple[str | int, ...], arguments: list[str]) -> str:
    """A body with its arguments in place; a control word and a letter that come to stand together are kept apart."""
    parts: list[str] = []
    last = ""
    for piece in pieces:
        text = piece if isinstance(piece, str) else arguments[piece - 1] if piece <= len(arguments) else ""
        if not isinstance(piece, str) and "\n" in text:
            text = _OUTER_LINE_END.sub(" ", text)
        if not text:
            continue
        if last and text[0].isalpha() and _ends_in_word(last):
            parts.append(" ")
        parts.append(text)
        last = text
    return "".join(parts)


def _ends_in_word(text: str) -> bool:
    """Whether `text` ends in a control word, so that a letter after it would be read as a part of it."""
    if not _SPACE_EATERS.search(text[-1:]):
        return False
    start = len(text) - 1
    while start >= 0 and ((text[start].isalpha() and text[start] < "\x80") or text[start] == "@"):
        start -= 1
    return start >= 0 and text[start] == "\\" and not (start > 0 and text[start - 1] == "\\" and (start < 2 or text[start - 2] != "\\"))


class Expander:
    """Expands the sources of one root."""

    def __init__(self, texts: Mapping[str, str], config: LatexConfig, scan: Scanner | None = None, trace: Trace | None = None) -> None:
        self.trace = trace
        self.texts = dict(texts)
        self.by_lower = {name.lower(): name for name in texts}
        self.config = config
        self.scan = scan if scan is not None else Scanner(sum(map(len, texts.values())), has_comments=True)
        self.macros: MutableMapping[str, Macro] = {}
        self.environments: MutableMapping[str, Environment] = {}
        self.switches: dict[str, bool] = {"true": True, "false": False}
        self.theorems: dict[str, str] = {}
        self.scopes: list[list[tuple[str, Macro | None]]] = []
        self.out: list[str] = []
        self.num_out = 0
        self.frames: list[_Frame] = []
        self.open_conditionals: list[bool] = []
        self.files: list[str] = []
        self.seen_packages: set[str] = set()
        self.include_only: set[str] | None = None
        self.excluded_environments = {"comment"}
        self.registers: set[str] = set()
        self.counters: dict[str, int] = {}
        self.acronyms: dict[str, tuple[str, str]] = {}
        self.acronyms_used: set[str] = set()
        self.is_acronym_list_hidden = any("nolist" in text and _NO_LIST.search(text) for text in texts.values())
        if texts:
            self._collect_acronyms()
        self.dropped: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.num_expansions = 0
        self.num_pushed = 0
        self.is_after_word = False
        self.is_stopped = False
        self.is_latex = False
        self.max_expansions = min(config.max_expansions, MIN_EXPANSIONS + sum(map(len, texts.values())))
        self.max_output = min(config.max_output_characters, max(8 << 20, config.max_macro_output_ratio * sum(map(len, texts.values()))))

    def expand(self, root: str) -> Expanded:
        """The expanded source of `root`."""
        self._push_file(root)
        is_over_limit = False
        while self.frames and not self.is_stopped:
            if self.num_out > self.max_output:
                is_over_limit = True
                break
            frame = self.frames[-1]
            if frame.position >= len(frame.text):
                self.frames.pop()
                continue
            self._step(frame)
        return Expanded(
            source="".join(self.out),
            theorems=self.theorems,
            files=self.files,
            dropped=self.dropped,
            warnings=self.warnings,
            num_expansions=self.num_expansions,
            is_over_limit=is_over_limit,
        )

    def _warn(self, kind: str, detail: str = "") -> None:
        self.warnings[kind] += 1
        if self.trace is not None:
            self.trace.note(kind, *self._place(), detail)

    def _place(self) -> tuple[str, int]:
        """The file being read and the line in it, from 1."""
        frame = next((frame for frame in reversed(self.frames) if frame.name is not None), None)
        return ("", 0) if frame is None else (frame.name or "", frame.text.count("\n", 0, frame.position) + 1)

    def _push_file(self, name: str) -> None:
        if self.trace is not None and self.frames:
            file, line = self._place()
            self.trace.included.append(Note(kind="included", file=file, line=line, detail=name))
        self.files.append(name)
        self.frames.append(_Frame(self.texts[name], name=name))

    def _emit(self, text: str) -> None:
        if not text:
            return
        if self.is_after_word and (text[0].isalpha() or text[0] == "@"):
            self.out.append(" ")
        elif text[0] == "$" and self.out and self.out[-1].endswith("$") and not self.out[-1].endswith("\\$"):
            self.out.append(" ")  # what stood between gave nothing: two dollars that met would open a display
        self.is_after_word = False
        self.out.append(text)
        self.num_out += len(text)

    def _step(self, frame: _Frame) -> None:
        text, position = frame.text, frame.position
        found = _NEXT.search(text, position)
        if found is None:
            self._emit(text[position:])
            frame.position = len(text)
            return
        start = found.start()
        if start > position:
            self._emit(text[position:start])
        character = text[start]
        if character == "\\":
            self._command(frame, start)
        elif character == "{":
            self.scopes.append([])
            self.is_after_word = False
            self.out.append("{")
            frame.position = start + 1
        elif character == "}":
            self._leave_scope()
            self.is_after_word = False
            self.out.append("}")
            frame.position = start + 1
        else:
            comment = _COMMENT.match(text, start)
            assert comment is not None
            self.dropped["comment"] += frame.num_source(start, comment.end())
            frame.position = comment.end()
            if text[comment.end() : comment.end() + 1] == "\n" and "\n" in comment[0]:
                # the line after the comment is blank: the paragraph ends there
                self._emit("\n")

    def _leave_scope(self) -> None:
        if not self.scopes:
            return
        for name, before in reversed(self.scopes.pop()):
            if before is None:
                self.macros.pop(name, None)
            else:
                self.macros[name] = before

    def _command(self, frame: _Frame, start: int) -> None:
        text = frame.text
        found = _WORD.match(text, start)
        if found is None:
            frame.position = start + 1
            return
        name = found[1]
        if name is None:
            symbol = found[2]
            frame.position = found.end()
            if symbol in self.macros:
                self._call(frame, symbol, self.macros[symbol])
            else:
                self._emit(found[0])
            return
        end = start + 1 + len(name)
        frame.position = end
        macro = self.macros.get(name)
        if macro is not None:
            frame.position = skip_line_space(text, end)
            self._call(frame, name, macro)
            return
        if _is_plain(name) and name not in self.environments and name not in self.registers:
            self._emit(text[start:end])
            self.is_after_word = True
            return
        handler = _HANDLERS.get(name)
        if handler is not None and handler(self, frame, name, start):
            return
        if name.startswith("if") and name not in _NO_CONDITIONALS and self._conditional(frame, name):
            return
        if self._switch(name):
            return
        if name in self.registers:
            self._assign(frame)
            return
        if name.startswith("the") and name[3:] in self.counters:
            self._emit(str(self.counters[name[3:]]))
            return
        if name.startswith("end") and len(name) > 3 and name[3:] in self.environments:
            frame.position = skip_line_space(text, end)
            self._push(self.environments[name[3:]].end)
            return
        if name in self.environments:
            frame.position = skip_line_space(text, end)
            self._call(frame, name, self.environments[name].begin)
            return
        frame.position = end
        if _INCLUDING.fullmatch(name) and name not in HIDDEN and self._custom_include(frame):
            return
        self._emit(text[start:end])
        self.is_after_word = True

    def _custom_include(self, frame: _Frame) -> bool:
        """A house's own `\\importsection[folder]{file}`: taken as an inclusion where it names a file of the archive."""
        position = frame.position + (frame.text[frame.position : frame.position + 1] == "*")
        folder = ""
        if (given := self.scan.optional_argument(frame.text, position)) is not None:
            folder, position = given
        target = self.scan.argument(frame.text, position)
        if target is None or not re.fullmatch(r"[\w./ -]+", target[0]):
            return False
        name = self._find(target[0], folder)
        if name is None or not name.lower().endswith((".tex", ".ltx", ".latex")) or name in self.files:
            return False
        frame.position = target[1]
        self._include(target[0], folder)
        return True

    # calls

    def _push(self, body: str) -> None:
        self.num_expansions += 1
        if not body:
            return
        self.num_pushed += len(body)
        if len(self.frames) >= self.config.max_expansion_depth:
            # macros that call one another for ever: what is open inside them is given up, back to the file they stand in
            self._warn("expansion_depth")
            while len(self.frames) > 1 and self.frames[-1].name is None:
                self.frames.pop()
            return
        self.frames.append(_Frame(body))

    def _is_spent(self) -> bool:
        """Whether the paper has had its macro calls: those left stay as they stand."""
        return self.num_expansions > self.max_expansions or self.num_pushed > self.max_output

    def _settle(self) -> _Frame | None:
        """The frame that the next argument is read from: bodies that have nothing left are closed."""
        while self.frames:
            frame = self.frames[-1]
            if frame.name is None and skip_space(frame.text, frame.position) >= len(frame.text) and len(self.frames) > 1:
                self.frames.pop()
                continue
            return frame
        return None

    def _read_argument(self) -> str | None:
        frame = self._settle()
        if frame is None:
            return None
        found = self.scan.argument(frame.text, frame.position, MAX_ARGUMENT_CHARACTERS)
        if found is None:
            return None
        frame.position = found[1]
        return found[0]

    def _read_optional(self) -> str | None:
        frame = self._settle()
        if frame is None:
            return None
        found = self.scan.optional_argument(frame.text, frame.position)
        if found is None:
            return None
        frame.position = found[1]
        return found[0]

    def _call(self, frame: _Frame, name: str, macro: Macro) -> None:
        if self._is_spent():
            self._warn("expansion_limit", f"\\{name}")
            self._emit(f"\\{name}")
            self.is_after_word = name.isalpha()
            return
        if self.trace is not None:
            self.trace.macro_calls[name] += 1
        if macro.alias is not None:
            self._alias(frame, macro.alias)
            return
        arguments: list[str] = []
        if macro.spec is not None:
            for kind in macro.spec:
                arguments.append(self._read_by_spec(kind))
        elif macro.delimiters is not None:
            frame_now = self._settle() if any(macro.delimiters) or macro.num_arguments else frame
            found = self._read_delimited(frame_now or frame, macro)
            if found is None:
                self._warn("macro_use_does_not_match", f"\\{name}")
                self._emit(f"\\{name}")
                self.is_after_word = name[-1].isalpha()
                return
            arguments = found
        else:
            num_mandatory = macro.num_arguments
            if macro.default is not None:
                num_mandatory -= 1
                given = self._read_optional()
                arguments.append(macro.default if given is None else given)
            for _ in range(num_mandatory):
                given = self._read_argument()
                if given is None:
                    self._warn("argument_missing", f"\\{name}")
                arguments.append(given or "")
        if len(macro.pieces) == 1:
            body = str(macro.pieces[0])
            if self.is_after_word and body.startswith("\\") and _TAKES_ARGUMENT.fullmatch(self.out[-1]) and not _ONE_TOKEN.fullmatch(body):
                body = f"{{{body}}}"
            self._push(body)
        else:
            self._push(fill(macro.pieces, arguments))

    def _alias(self, frame: _Frame, name: str) -> None:
        """Does what LaTeX's own `\\name` does, whatever the paper has made of that name since."""
        handler = _HANDLERS.get(name)
        if handler is not None and handler(self, frame, name, frame.position):
            return
        self._emit(f"\\{name}")
        self.is_after_word = name[-1].isalpha()

    def _read_by_spec(self, kind: str) -> str:
        """One argument of xparse's: `m`, `o`, `O<default>`, `s`, `t<token>`, `d<open><close><default>`, `r…` alike."""
        if kind == "m":
            return self._read_argument() or ""
        if kind == "g":
            frame = self._settle()
            found = self.scan.group(frame.text, frame.position) if frame is not None else None
            if frame is None or found is None:
                return "-NoValue-"
            frame.position = found[1]
            return found[0]
        if kind[0] in "st":
            token = "*" if kind == "s" else kind[1:]
            frame = self._settle()
            if frame is not None and frame.text.startswith(token, place := self.scan.skip_space(frame.text, frame.position)):
                frame.position = place + len(token)
                return "\\BooleanTrue"
            return "\\BooleanFalse"
        if kind[0] in "dr":
            frame = self._settle()
            if frame is not None and frame.text.startswith(kind[1], place := self.scan.skip_space(frame.text, frame.position)):
                end = self.scan.find_outside_groups(frame.text, kind[2], place + 1, 4_000)
                if end >= 0:
                    content, frame.position = frame.text[place + 1 : end], end + 1
                    return content
            return kind[3:] or "-NoValue-"
        given = self._read_optional()
        if given is not None:
            return given
        return kind[1:] if kind.startswith("O") else "-NoValue-"

    def _read_delimited(self, frame: _Frame, macro: Macro) -> list[str] | None:
        assert macro.delimiters is not None
        text, position = frame.text, frame.position
        first = macro.delimiters[0]
        if first:
            position = position if text.startswith(first, position) else skip_space(text, position)
            if not text.startswith(first, position):
                return None
            position += len(first)
        arguments: list[str] = []
        for delimiter in macro.delimiters[1:]:
            if not delimiter:
                frame.position = position
                given = self._read_argument()
                if given is None:
                    return None
                arguments.append(given)
                if self.frames and self.frames[-1] is not frame:
                    frame = self.frames[-1]
                text, position = frame.text, frame.position
                continue
            end = self.scan.find_outside_groups(text, delimiter, position)
            if end < 0:
                return None
            content = text[position:end]
            if content.startswith("{") and self.scan.group_end(content, 0) == len(content):
                content = content[1:-1]
            arguments.append(content)
            position = end + len(delimiter)
        frame.position = position
        return arguments

    # definitions

    def _define(self, name: str, macro: Macro, is_global: bool = False) -> None:
        if name in PROTECTED_COMMANDS and (macro.delimiters is None or not any(macro.delimiters)):
            return
        if self.scopes and not is_global:
            self.scopes[-1].append((name, self.macros.get(name)))
        self.macros[name] = macro

    def _newcommand(self, frame: _Frame, name: str, start: int) -> bool:
        text = frame.text
        position = frame.position
        if text[position : position + 1] == "*":
            position += 1
        position = skip_space(text, position)
        braced = text[position : position + 1] == "{"
        found = _DEF_NAME.match(text, position + braced)
        if found is None:
            return True
        position = found.end()
        if braced:
            closing = text.find("}", position)
            position = closing + 1 if 0 <= closing < position + 4 else position
        target = found[1] or found[2]
        num_arguments = 0
        default: str | None = None
        if (given := self.scan.optional_argument(text, position)) is not None:
            num_arguments = int(given[0]) if given[0].strip().isdigit() else 0
            position = given[1]
            if (given := self.scan.optional_argument(text, position)) is not None:
                default, position = given
        body = self.scan.argument(text, position)
        if body is None:
            self._warn("definition_not_closed", f"\\{name}")
            frame.position = position
            return True
        frame.position = body[1]
        self.dropped["definition"] += frame.num_source(start, body[1])
        if name == "providecommand" and (target in self.macros or target in PROTECTED_COMMANDS):
            return True
        if _calls_itself(target, body[0]):
            return True
        self._define(target, Macro(num_arguments, default, split_body(_body(body[0]))))
        return True

    def _def(self, frame: _Frame, name: str, start: int) -> bool:
        text = frame.text
        found = _DEF_NAME.match(text, frame.position)
        if found is None:
            return True
        opening = _find_unescaped(text, "{", found.end())
        if opening < 0:
            return True
        parameters = text[found.end() : opening]
        end = self.scan.group_end(text, opening)
        if end < 0 or len(parameters) > 200 or "\n\n" in parameters:
            self._warn("definition_not_closed", f"\\{name}")
            return True
        frame.position = end
        self.dropped["definition"] += frame.num_source(start, end)
        target, body = found[1] or found[2], _body(text[opening + 1 : end - 1])
        if _calls_itself(target, body):
            return True
        is_global = name in ("gdef", "xdef")
        if name in ("edef", "xdef") and self.counters:
            body = self._with_counters(body)
        delimiters = re.split(r"#[1-9]", parameters.strip() if "#" not in parameters else parameters.lstrip())
        num_arguments = len(delimiters) - 1
        if num_arguments and delimiters[-1] == "#":
            delimiters[-1] = ""
        if not any(delimiters):
            self._define(target, Macro(num_arguments, None, split_body(body)), is_global)
        else:
            self._define(target, Macro(num_arguments, None, split_body(body), delimiters=tuple(delimiters)), is_global)
        return True

    def _let(self, frame: _Frame, name: str, start: int) -> bool:
        found = re.compile(r"\s*\\([A-Za-z@]+|.)\s*=?\s*(\\[A-Za-z@]+|\\?.)", re.S).match(frame.text, frame.position)
        if found is None:
            return True
        frame.position = found.end()
        self.dropped["definition"] += frame.num_source(start, found.end())
        target, source = found[1], found[2]
        if source.startswith("\\") and source[1:] in self.macros:
            self._define(target, self.macros[source[1:]])
        elif (
            source != f"\\{target}"
            and source not in ("{", "}", "%", "\\undefined", "\\relax")
            and not (source.startswith("\\") and "@" in source)
        ):
            is_command = source.startswith("\\")
            self._define(target, Macro(0, None, (source,), alias=source[1:] if is_command else None))
        return True

    def _operator(self, frame: _Frame, name: str, start: int) -> bool:
        position = frame.position
        star = ""
        if frame.text[position : position + 1] == "*":
            star, position = "*", position + 1
        target = self.scan.argument(frame.text, position)
        body = self.scan.argument(frame.text, target[1]) if target else None
        if target is None or body is None:
            return True
        frame.position = body[1]
        self.dropped["definition"] += frame.num_source(start, body[1])
        found = _NAME.match(target[0].strip().lstrip("\\"))
        if found:
            self._define(found[0], Macro(0, None, (f"\\operatorname{star}{{{body[0]}}}",)))
        return True

    def _document_command(self, frame: _Frame, name: str, start: int) -> bool:
        target = self.scan.argument(frame.text, frame.position)
        spec = self.scan.argument(frame.text, target[1]) if target else None
        body = self.scan.argument(frame.text, spec[1]) if spec else None
        if target is None or spec is None or body is None:
            return True
        frame.position = body[1]
        self.dropped["definition"] += frame.num_source(start, body[1])
        kinds = _argument_kinds(spec[0])
        self._define(target[0].strip().lstrip("\\"), Macro(len(kinds), None, split_body(_body(body[0])), spec=tuple(kinds)))
        return True

    def _newenvironment(self, frame: _Frame, name: str, start: int) -> bool:
        text, position = frame.text, frame.position
        if text[position : position + 1] == "*":
            position += 1
        target = self.scan.argument(text, position)
        if target is None:
            return True
        position = target[1]
        num_arguments = 0
        default: str | None = None
        if (given := self.scan.optional_argument(text, position)) is not None:
            num_arguments = int(given[0]) if given[0].strip().isdigit() else 0
            position = given[1]
            if (given := self.scan.optional_argument(text, position)) is not None:
                default, position = given
        begin = self.scan.argument(text, position)
        end = self.scan.argument(text, begin[1]) if begin else None
        if begin is None or end is None:
            return True
        frame.position = end[1]
        self.dropped["definition"] += frame.num_source(start, end[1])
        environment = target[0].strip()
        if begin[0].strip() == "\\comment" and "\\endcomment" in end[0]:
            self.excluded_environments.add(environment)
            return True
        if environment not in PROTECTED_ENVIRONMENTS and f"\\begin{{{environment}}}" not in begin[0]:
            self.environments[environment] = Environment(Macro(num_arguments, default, split_body(_body(begin[0]))), _body(end[0]))
        return True

    def _newtheorem(self, frame: _Frame, name: str, start: int) -> bool:
        text, position = frame.text, frame.position
        if text[position : position + 1] == "*":
            position += 1
        target = self.scan.argument(text, position)
        if target is None:
            return True
        position = target[1]
        if (given := self.scan.optional_argument(text, position)) is not None:
            position = given[1]
        title = self.scan.argument(text, position)
        if title is None:
            return True
        position = title[1]
        if (given := self.scan.optional_argument(text, position)) is not None:
            position = given[1]
        frame.position = position
        self.dropped["definition"] += frame.num_source(start, position)
        self.theorems[target[0].strip()] = title[0]
        return True

    def _declaretheorem(self, frame: _Frame, name: str, start: int) -> bool:
        position = frame.position
        options = ""
        if (given := self.scan.optional_argument(frame.text, position)) is not None:
            options, position = given
        target = self.scan.argument(frame.text, position)
        if target is None:
            return True
        frame.position = target[1]
        if (given := self.scan.optional_argument(frame.text, frame.position)) is not None:
            options, frame.position = options + given[0], given[1]
        title = re.search(r"(?:name|title|heading)\s*=\s*(\{[^{}]*\}|[^,\]]*)", options)
        self.dropped["definition"] += frame.num_source(start, frame.position)
        self.theorems[target[0].strip()] = title[1].strip("{} \n") if title else target[0].strip().capitalize()
        return True

    def _newif(self, frame: _Frame, name: str, start: int) -> bool:
        found = re.compile(r"\s*\{?\s*\\if([A-Za-z@]+)\s*\}?").match(frame.text, frame.position)
        if found is None:
            return True
        frame.position = found.end()
        switch = found[1]
        self.switches.setdefault(switch, False)
        return True

    # conditionals

    def _switch(self, name: str) -> bool:
        for ending, value in (("true", True), ("false", False)):
            if name.endswith(ending) and name[: -len(ending)] in self.switches and len(name) > len(ending):
                self.switches[name[: -len(ending)]] = value
                return True
        return False

    def _conditional(self, frame: _Frame, name: str) -> bool:
        text = frame.text
        switch = name[2:]
        value: bool | None
        if switch in self.switches:
            value = self.switches[switch]
        else:
            value = self._primitive(frame, name)
            if value is None:
                return False
        if value:
            self.open_conditionals.append(True)
        else:
            start = frame.position
            frame.position, met_else = self._skip_branch(text, start, stop_at_else=True)
            self.dropped["false_branch"] += frame.num_source(start, frame.position)
            if met_else:
                self.open_conditionals.append(True)
        if value and (switch in self.switches):
            frame.position = skip_line_space(frame.text, frame.position)
        return True

    def _skip_branch(self, text: str, position: int, *, stop_at_else: bool) -> tuple[int, bool]:
        """Past the `\\fi` (or, where asked, the `\\else`) of a conditional whose branch begins at `position`; nowhere where none is."""
        depth = 0
        limit = self.scan.limit(text, position)
        if self.scan.find(text, "\\fi", position) < 0:
            limit = position
        for found in _CONDITIONAL.finditer(text, position, limit):
            name = found[1]
            if name is None:
                continue
            if name == "fi":
                if depth == 0:
                    self.scan.spend(found.end() - position)
                    return skip_line_space(text, found.end()), False
                depth -= 1
            elif name in ("else", "or"):
                if depth == 0 and stop_at_else:
                    return skip_line_space(text, found.end()), True
            elif name not in _NO_CONDITIONALS:
                depth += 1
        self.scan.spend(limit - position)
        self._warn("conditional_not_closed")
        return position, False

    def _primitive(self, frame: _Frame, name: str) -> bool | None:
        text = frame.text
        if name == "ifx":
            found = re.compile(r"\s*(\\[A-Za-z@]+|\\?.)\s*(\\[A-Za-z@]+|\\?.)", re.S).match(text, frame.position)
            if found is None:
                return None
            frame.position = found.end()
            one, other = (self.macros.get(token.lstrip("\\")) if token.startswith("\\") else None for token in (found[1], found[2]))
            if one is None and other is None:
                return found[1] == found[2]
            return one is not None and other is not None and one.pieces == other.pieces
        if name in ("ifnum", "ifodd", "ifdim", "ifcase", "if", "ifcat"):
            found = re.compile(r"\s*(-?\d+)\s*([<>=])\s*(-?\d+)\s?").match(text, frame.position) if name == "ifnum" else None
            if found:
                frame.position = found.end()
                one_number, other_number = int(found[1]), int(found[3])
                return {"<": one_number < other_number, ">": one_number > other_number, "=": one_number == other_number}[found[2]]
            if name == "if" and (found := re.compile(r"\s*\\([A-Za-z@]+)\s*([\w.*+-])").match(text, frame.position)):
                value = self._flat(f"\\{found[1]}")
                if len(value) == 1:
                    frame.position = found.end()
                    return value == found[2]
            if name == "if" and (found := re.compile(r" ?([\w.*+-])([\w.*+ -])").match(text, frame.position)):
                frame.position = found.end()
                return found[1] == found[2]
            return False
        if name in ("ifdefined", "ifcsname"):
            found = re.compile(r"\s*\\?([A-Za-z@]+)(?:\\endcsname)?").match(text, frame.position)
            if found is None:
                return None
            frame.position = found.end()
            return found[1] in self.macros
        if name in (
            "ifmmode",
            "ifvmode",
            "ifhmode",
            "ifinner",
            "ifpdf",
            "ifxetex",
            "ifluatex",
            "ifeof",
            "ifvoid",
            "ifPDFTeX",
            "ifpdftex",
            "ifXeTeX",
            "ifLuaTeX",
            "ifdraft",
        ):
            if name in ("ifeof", "ifvoid"):
                frame.position = skip_line_space(text, frame.position)
            return name in ("ifhmode", "ifpdf", "ifPDFTeX", "ifpdftex")
        # a switch that some package declares: what its author left on is not known, so what stands first is not read
        if "@" not in name and self.scan.find(text, "\\fi", frame.position) >= 0:
            self._warn("unknown_conditional", f"\\{name}")
            return False
        return None

    def _else(self, frame: _Frame, name: str, start: int) -> bool:
        if not self.open_conditionals:
            return True
        begin = frame.position
        frame.position, _ = self._skip_branch(frame.text, begin, stop_at_else=False)
        self.dropped["false_branch"] += frame.num_source(begin, frame.position)
        self.open_conditionals.pop()
        return True

    def _fi(self, frame: _Frame, name: str, start: int) -> bool:
        if self.open_conditionals:
            self.open_conditionals.pop()
        frame.position = skip_line_space(frame.text, frame.position)
        return True

    def _ifthenelse(self, frame: _Frame, name: str, start: int) -> bool:
        test = self.scan.argument(frame.text, frame.position)
        yes = self.scan.argument(frame.text, test[1]) if test else None
        no = self.scan.argument(frame.text, yes[1]) if yes else None
        if test is None or yes is None or no is None:
            return False
        frame.position = no[1]
        value = False
        if found := re.search(r"\\boolean\s*\{([^{}]*)\}", test[0]):
            value = self.switches.get(found[1], False)
        elif found := re.search(r"\\equal\s*\{([^{}]*)\}\s*\{([^{}]*)\}", test[0]):
            value = self._flat(found[1]) == self._flat(found[2])
        elif name == "ifbool" or name == "iftoggle":
            value = self.switches.get(test[0].strip(), False)
        if "\\not" in test[0]:
            value = not value
        self._push(yes[0] if value else no[0])
        return True

    def _flat(self, text: str) -> str:
        found = re.fullmatch(r"\s*\\([A-Za-z@]+)\s*", text)
        if found and found[1] in self.macros and len(self.macros[found[1]].pieces) == 1:
            return str(self.macros[found[1]].pieces[0]).strip()
        return text.strip()

    def _next_character(self, frame: _Frame, name: str, start: int) -> bool:
        """`\\@ifnextchar[{yes}{no}`, `\\@ifstar{yes}{no}`: what follows the call decides."""
        wanted, position = "*", frame.position
        if name == "@ifnextchar":
            token = self.scan.argument(frame.text, position)
            if token is None:
                return False
            wanted, position = {"\\bgroup": "{"}.get(token[0], token[0]), token[1]
        yes = self.scan.argument(frame.text, position)
        no = self.scan.argument(frame.text, yes[1]) if yes else None
        if yes is None or no is None:
            return False
        frame.position = no[1]
        below = self._settle()
        place = self.scan.skip_space(below.text, below.position) if below is not None else 0
        is_next = below is not None and below.text.startswith(wanted, place)
        if is_next and below is not None and name == "@ifstar":
            below.position = place + 1
        self._push(yes[0] if is_next else no[0])
        return True

    def _collect_acronyms(self) -> None:
        """The table of the packages acronym, acro and glossaries, from wherever it stands: an acronym's list often ends a paper."""
        for text in self.texts.values():
            if "\\acro" in text or "\\newacro" in text:
                for found in _ACRONYM.finditer(text):
                    key, short, long, last = found[1].strip(), found[2], found[3], found[4]
                    is_glossaries = last is not None and found[0].startswith("\\newacronym")
                    self.acronyms[key] = (long, last) if is_glossaries else (short or key, long)
            if "\\DeclareAcronym" in text or "newglossaryentry" in text:
                for found in _DECLARED_ACRONYM.finditer(text):
                    fields = {part[1]: (part[2] if part[2] is not None else part[3]).strip() for part in _ACRONYM_KEY.finditer(found[2])}
                    short = fields.get("short") or fields.get("name") or found[1].strip()
                    self.acronyms[found[1].strip()] = (short, fields.get("long", ""))

    def _acronym(self, frame: _Frame, name: str, start: int) -> bool:
        position = frame.position + (frame.text[frame.position : frame.position + 1] == "*")
        if (given := self.scan.optional_argument(frame.text, position)) is not None:
            position = given[1]
        target = self.scan.group(frame.text, position)
        entry = self.acronyms.get(target[0].strip()) if target is not None else None
        if target is None or entry is None:
            return False
        frame.position = target[1]
        (short, long), key = entry, target[0].strip()
        plural = "s" if name.endswith(("p", "pl")) else ""
        stem = name.lower().removesuffix("pl").removesuffix("p") if plural else name.lower()
        is_first = key not in self.acronyms_used
        self.acronyms_used.add(key)
        if not long or stem in ("acs", "acrshort") or (not is_first and stem in ("ac", "gls", "iac")):
            shown = short + plural
        elif stem in ("acl", "acrlong"):
            shown = long + plural
        else:
            shown = f"{long}{plural} ({short}{plural})"
        self._push(shown[:1].upper() + shown[1:] if name[0].isupper() else shown)
        return True

    def _acronym_entry(self, frame: _Frame, name: str, start: int) -> bool:
        found = _ACRONYM.match(frame.text, start)
        if found is None:
            return False
        frame.position = found.end()
        self.dropped["definition"] += frame.num_source(start, found.end())
        if name == "acro" and not self.is_acronym_list_hidden:
            self._push(f"\\item[{{{found[2] or found[1]}}}] {found[3]}\n")
        return True

    def _novalue(self, frame: _Frame, name: str, start: int) -> bool:
        test = self.scan.argument(frame.text, frame.position)
        branches = [self.scan.argument(frame.text, test[1])] if test else [None]
        if name.endswith("TF") and branches[0]:
            branches.append(self.scan.argument(frame.text, branches[0][1]))
        if test is None or None in branches:
            return False
        last = branches[-1]
        assert last is not None
        frame.position = last[1]
        is_true = test[0] == "\\BooleanTrue" if name.startswith("IfBoolean") else (test[0] == "-NoValue-") == name.startswith("IfNoValue")
        wanted = branches[0] if is_true or (name.endswith("F") and not name.endswith("TF")) else branches[-1] if len(branches) > 1 else None
        if name.endswith("F") and not name.endswith("TF") and is_true:
            wanted = None
        if wanted is not None:
            self._push(wanted[0])
        return True

    def _register(self, frame: _Frame, name: str, start: int) -> bool:
        """`\\newcount\\n`: its assignments show nothing."""
        found = _REGISTER.match(frame.text, frame.position)
        if found is None:
            return False
        frame.position = found.end()
        self.registers.add(found[1])
        self.dropped["definition"] += frame.num_source(start, found.end())
        return True

    def _assign(self, frame: _Frame) -> None:
        found = _VALUE.match(frame.text, frame.position)
        if found is not None:
            self.dropped["definition"] += frame.num_source(found.start(), found.end())
            frame.position = found.end()

    def _advance(self, frame: _Frame, name: str, start: int) -> bool:
        found = _ADVANCE.match(frame.text, frame.position)
        if found is None:
            return False
        self.dropped["definition"] += frame.num_source(start, found.end())
        frame.position = found.end()
        return True

    def _the(self, frame: _Frame, name: str, start: int) -> bool:
        found = _REGISTER.match(frame.text, frame.position)
        if found is None or found[1] not in self.registers:
            return False
        frame.position = found.end()
        return True

    def _token_list(self, frame: _Frame, name: str, start: int) -> bool:
        """`\\headline={…}`: what stands on every page."""
        position = skip_line_space(frame.text, frame.position)
        if frame.text[position : position + 1] == "=":
            position = skip_line_space(frame.text, position + 1)
        found = self.scan.group(frame.text, position)
        if found is None:
            return False
        self.dropped["layout_command"] += frame.num_source(start, found[1])
        frame.position = found[1]
        return True

    def _paired_delimiter(self, frame: _Frame, name: str, start: int) -> bool:
        """mathtools' `\\DeclarePairedDelimiter{\\abs}{\\lvert}{\\rvert}`."""
        text, position = frame.text, frame.position
        target = self.scan.argument(text, position)
        if target is None:
            return True
        position, num_arguments = target[1], 1
        if (given := self.scan.optional_argument(text, position)) is not None:
            num_arguments, position = int(given[0]) if given[0].strip().isdigit() else 1, given[1]
        left = self.scan.argument(text, position)
        right = self.scan.argument(text, left[1]) if left else None
        body = self.scan.argument(text, right[1]) if right and name.endswith("X") else None
        if left is None or right is None or (name.endswith("X") and body is None):
            return True
        frame.position = (body or right)[1]
        self.dropped["definition"] += frame.num_source(start, frame.position)
        inner = "#3"
        if body is not None:
            inner = re.sub(r"#(\d)", lambda found: f"#{int(found[1]) + 2}", _body(body[0]).replace("\\delimsize", ""))
        scaled = f"\\left{left[0]} {inner} \\right{right[0]}"
        sized = f"\\IfNoValueTF{{#2}}{{{left[0]} {inner} {right[0]}}}{{#2{left[0]} {inner} #2{right[0]}}}"
        whole = f"\\IfBooleanTF{{#1}}{{{scaled}}}{{{sized}}}"
        spec = ("s", "o", *("m" for _ in range(num_arguments)))
        self._define(target[0].strip().lstrip("\\"), Macro(len(spec), None, split_body(whole), spec=spec))
        return True

    def _algorithm_keyword(self, frame: _Frame, name: str, start: int) -> bool:
        """algorithm2e's definitions of keywords: `\\SetKwFor{For}{for}{do}{end}` makes `\\For{c}{b}`."""
        keywords: list[str] = []
        position = frame.position
        while len(keywords) < _ALGORITHM_KEYWORDS[name]:
            found = self.scan.group(frame.text, position)
            if found is None:
                return False
            keywords.append(found[0])
            position = found[1]
        frame.position = position
        self.dropped["definition"] += frame.num_source(start, position)
        for target, spec, body in _algorithm_macros(name, keywords):
            self._define(target.strip().lstrip("\\"), Macro(len(spec), None, split_body(body), spec=spec))
        return True

    def _counter(self, frame: _Frame, name: str, start: int) -> bool:
        """LaTeX's counters, where the paper has made them: those of LaTeX itself it counts as it prints."""
        target = self.scan.group(frame.text, frame.position)
        value = self.scan.group(frame.text, target[1]) if target is not None and name in ("setcounter", "addtocounter") else None
        if target is None:
            return False
        counter = target[0].strip()
        if name == "newcounter":
            self.counters[counter] = 0
            within = self.scan.optional_argument(frame.text, target[1])
            frame.position = within[1] if within else target[1]
            return True
        if counter not in self.counters:
            return False
        if name in ("stepcounter", "refstepcounter"):
            self.counters[counter] += 1
            frame.position = target[1]
            return True
        if value is None:
            return False
        frame.position = value[1]
        text = re.sub(r"\\value\s*\{([^{}]*)\}", lambda found: str(self.counters.get(found[1].strip(), 0)), value[0]).strip()
        if re.fullmatch(r"-?\d{1,9}", text):
            self.counters[counter] = int(text) + (self.counters[counter] if name == "addtocounter" else 0)
        return True

    def _counter_value(self, frame: _Frame, name: str, start: int) -> bool:
        target = self.scan.group(frame.text, frame.position)
        if target is None or target[0].strip() not in self.counters:
            return False
        frame.position = target[1]
        self._emit(_numeral(name, self.counters[target[0].strip()]))
        return True

    def _with_counters(self, body: str) -> str:
        """The body of an `\\edef` with the counters of that moment."""
        return _COUNTER_VALUE.sub(
            lambda found: _numeral(found[1], self.counters[found[2].strip()]) if found[2].strip() in self.counters else found[0], body
        )

    def _open_scope(self, frame: _Frame, name: str, start: int) -> bool:
        self.scopes.append([])
        return False

    def _close_scope(self, frame: _Frame, name: str, start: int) -> bool:
        self._leave_scope()
        return False

    def _bibliography(self, frame: _Frame, name: str, start: int) -> bool:
        """The `.bbl` that BibTeX or biber has made, where the bibliography is kept."""
        if not self.config.keep_bibliography:
            return False
        if (given := self.scan.optional_argument(frame.text, frame.position)) is not None:
            frame.position = given[1]
        if name == "bibliography":
            target = self.scan.group(frame.text, frame.position)
            if target is None:
                return False
            frame.position = target[1]
        stem = self.files[0].rsplit(".", 1)[0].lower() if self.files else ""
        lists = [file for lower, file in sorted(self.by_lower.items()) if lower.endswith(".bbl")]
        own = [file for file in lists if file.lower() == f"{stem}.bbl"] or lists
        if own and own[0] not in self.files:
            self._push_file(own[0])
        elif not own:
            self._warn("missing_bibliography")
        return True

    def _setboolean(self, frame: _Frame, name: str, start: int) -> bool:
        target = self.scan.argument(frame.text, frame.position)
        value = self.scan.argument(frame.text, target[1]) if target and name == "setboolean" else None
        if target is None:
            return True
        frame.position = value[1] if value else target[1]
        is_on = name in ("booltrue", "toggletrue") or (value is not None and value[0].strip() == "true")
        self.switches[target[0].strip()] = is_on
        return True

    # inclusion

    def _find(self, target: str, folder: str = "") -> str | None:
        target = target.strip().strip('"').removeprefix("./")
        while target.startswith("../"):
            target = target[3:]
        if not target:
            return None
        here = next((frame.name for frame in reversed(self.frames) if frame.name), None)
        beside = here.rpartition("/")[0] if here else ""
        root_folder = self.files[0].rpartition("/")[0] if self.files else ""
        prefixes = [folder.strip().removeprefix("./").rstrip("/")] if folder.strip() else []
        for prefix in dict.fromkeys(
            [*prefixes, root_folder, beside, *(f"{base}/{extra}" for base in (root_folder, beside) for extra in prefixes if base), ""]
        ):
            for suffix in (".tex", "", ".ltx", ".latex"):
                wanted = f"{prefix}/{target}{suffix}" if prefix else f"{target}{suffix}"
                if (found := self.by_lower.get(_flatten_dots(wanted).lower())) is not None:
                    return found
        base = target.rsplit("/", 1)[-1].lower()
        hits = [name for lower, name in self.by_lower.items() if lower.rsplit("/", 1)[-1] in (f"{base}.tex", base)]
        return hits[0] if len(hits) == 1 else None

    def _input(self, frame: _Frame, name: str, start: int) -> bool:
        text = frame.text
        folder = ""
        position = frame.position
        if name in ("import", "subimport", "includefrom", "subincludefrom", "inputfrom"):
            if text[position : position + 1] == "*":
                position += 1
            given = self.scan.argument(text, position)
            if given is None:
                return True
            folder, position = given
        braced = self.scan.argument(text, position) if text[skip_space(text, position) : skip_space(text, position) + 1] == "{" else None
        if braced is not None:
            target, end = braced
        else:
            found = re.compile(r"[ \t]*\"?([^\s{}\\%\"]+)\"? ?").match(text, position)
            if found is None:
                return True
            target, end = found[1], found.end()
        frame.position = end
        if name == "InputIfFileExists":
            yes = self.scan.argument(text, end)
            no = self.scan.argument(text, yes[1]) if yes else None
            if no is not None:
                frame.position = no[1]
        if name == "include" and self.include_only is not None and target.strip() not in self.include_only:
            self._warn("not_in_includeonly", target)
            return True
        self._include(target, folder)
        return True

    def _include(self, target: str, folder: str) -> None:
        if "\\" in target:
            target = re.sub(r"\\([A-Za-z@]+)\s*", lambda found: self._flat(found[0]), target)
        name = self._find(target, folder)
        self._learn(target.strip().lower().removesuffix(".tex"))
        if name is not None and name.lower().endswith(("harvmac.tex", "lanlmac.tex", "phyzzx.tex", "amstex.tex", "amsppt.sty")):
            return  # a format by TeX's internals: what authors write of it is known
        if name is None:
            if target.strip().lower().removesuffix(".tex") not in (
                "amstex",
                "amsppt",
                "harvmac",
                "epsf",
                "psfig",
                "plain",
                "amssym.def",
                "amssym",
            ):
                self._warn("missing_input", target)
            return
        if any(open_frame.name == name for open_frame in self.frames):
            self._warn("input_loop", name)
            return
        if name.lower().endswith((".sty", ".cls")):
            self._package(name)
            return
        if self.files.count(name) > 3:
            self._warn("input_loop", name)
            return
        self._push_file(name)

    def _is_nested_file(self) -> bool:
        """Whether the file being read was included by another."""
        return sum(frame.name is not None for frame in self.frames) > 1

    def _usepackage(self, frame: _Frame, name: str, start: int) -> bool:
        if name == "documentclass" and frame.name is not None and self._is_nested_file():
            begin = re.compile(r"\\begin\s*\{document\}").search(frame.text, frame.position)
            if begin is not None:
                self.dropped["preamble"] += frame.num_source(start, begin.end())
                frame.position = begin.end()
                return True
        position = frame.position
        if (given := self.scan.optional_argument(frame.text, position)) is not None:
            position = given[1]
        target = self.scan.argument(frame.text, position)
        if target is None:
            return True
        if target[0].strip() == "subfiles" and given is not None:
            # a part of a book: the preamble is that of the main file which it names
            frame.position = target[1]
            main = self._find(given[0])
            if main is not None and not any(open_frame.name == main for open_frame in self.frames):
                begin = re.search(r"\\begin\s*\{document\}", self.texts[main])
                self.frames.append(_Frame(self.texts[main][: begin.start() if begin else 0]))
            return True
        for package in target[0].split(","):
            if name.startswith("document"):
                self._learn(package)
                if name == "documentstyle":  # LaTeX 2.09 has its packages among the options
                    for option in (given[0] if given is not None else "").split(","):
                        self._learn_package(option)
            else:
                self._learn_package(package)
            suffixes = (".cls",) if name == "documentclass" else (".sty",)
            for suffix in suffixes:
                found = self._find(package.strip() + suffix) if package.strip() else None
                if found is not None and found.lower().endswith(suffix):
                    self._package(found)
        return False  # the command itself stays for the renderer, which knows the class from it

    def _learn_package(self, name: str) -> None:
        if name.strip() not in ("amstex", "harvmac"):  # LaTeX's old package of that name has environments
            self._learn(name)

    def _learn(self, name: str) -> None:
        """Takes the commands that a class, a format or a package adds to LaTeX's own."""
        for command, told in vocabulary(name.strip()):
            body = told.body
            if f"\\{command}" in body and _calls_itself(command, body):
                body = re.sub(rf"\\{command}(?![A-Za-z@])", rf"\\{command}@", body)
                self.macros[f"{command}@"] = Macro(0, None, (f"\\{command}",), alias=command)
            delimiters = tuple(re.split(r"#\d", told.parameters))
            macro = Macro(len(delimiters) - 1, told.default, split_body(body), delimiters=delimiters if any(delimiters) else None)
            if told.end is None:
                self.macros[command] = macro
            else:
                self.environments[command] = Environment(macro, told.end)

    def _tell_number(self, frame: _Frame, name: str, start: int) -> bool:
        r"""Numbers that are macros, of harvmac and phyzzx: `\lref\ww{E. Witten, …}`, `\eqn\one{E=mc^2}`, then `\ww`."""
        token = (self._read_argument() or "").strip()
        found = _ONE_TOKEN.fullmatch(token)
        key = token[1:].strip() if found else "".join(_NAME.findall(token))[:40]
        has_text = name in ("@tellreference", "@citereference", "@tellformula", "@tellfigure", "@citefigure")
        content = ((self._read_argument() or "") if found else token) if has_text else ""
        kind = name.removeprefix("@tell").removeprefix("@cite").removeprefix("@name")
        self.macros["ref@"] = Macro(0, None, ("\\ref",), alias="ref")  # the formats have a \ref of their own
        shown = {"reference": f"\\cite{{{key}}}", "formula": f"(\\ref@{{{key}}})"}.get(kind, f"\\ref@{{{key}}}")
        if found and kind == "formulas":
            self.macros[key] = Macro(1, None, split_body(f"(\\ref@{{{key}}}#1)"))
        elif found:
            self.macros[key] = Macro(0, None, (shown,))
        if name == "@tellformula":
            self._push(f"\\begin{{equation}}{content}\\end{{equation}}")
        elif kind == "figure":
            self._push(f"\\caption{{{content}}}" if name == "@tellfigure" else f"fig.~{shown}\\footnotetext{{{content}}}")
        else:
            self.dropped["bibliography"] += len(content)
            if name == "@citereference":
                self._push(shown)
        return True

    def _package(self, name: str) -> None:
        """Takes the plain definitions of a package in the archive; what deals in internals (`@`) is left alone."""
        if name in self.seen_packages:
            return
        self.seen_packages.add(name)
        text = _uncomment(self.texts[name])
        if len(text) > 400_000:
            return
        for found in _PACKAGE_INPUT.finditer(text):
            for target in found[1].split(","):
                resolved = re.sub(r"\\([A-Za-z@]+)\s*", lambda word: self._flat(word[0]), target.strip())
                inner = self._find(resolved) or self._find(f"{resolved}.sty")
                if inner is not None and inner.lower().endswith((".sty", ".tex", ".def")) and inner not in self.files:
                    self._package(inner)
        taken = Expander({}, self.config, self.scan)
        taken.theorems, taken.switches = self.theorems, self.switches
        for found in re.finditer(
            r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|def|gdef|let|DeclareMathOperator|newenvironment|renewenvironment|newtheorem|declaretheorem|newif|NewDocumentCommand|DeclareDocumentCommand)(?![A-Za-z@])",
            text,
        ):
            frame = _Frame(text, found.end())
            taken.macros, taken.environments = ChainMap({}, self.macros), ChainMap({}, self.environments)
            _HANDLERS[found[1]](taken, frame, found[1], found.start())
            definition = text[found.end() : frame.position]
            if "@" not in definition and not name.lower().endswith(".cls") and not _INTERNALS.search(definition):
                self.macros.update(taken.macros.maps[0])
                self.environments.update(taken.environments.maps[0])

    def _includeonly(self, frame: _Frame, name: str, start: int) -> bool:
        target = self.scan.argument(frame.text, frame.position)
        if target is not None:
            frame.position = target[1]
            self.include_only = {part.strip() for part in target[0].split(",")}
        return True

    def _endinput(self, frame: _Frame, name: str, start: int) -> bool:
        while self.frames:
            top = self.frames[-1]
            self.dropped["after_end"] += top.num_source(top.position, len(top.text))
            top.position = len(top.text)
            if top.name is not None:
                return True
            self.frames.pop()
        return True

    # environments

    def _begin(self, frame: _Frame, name: str, start: int) -> bool:
        text = frame.text
        found = _BEGIN_END.match(text, frame.position)
        if found is None:
            return False
        environment = found[1].strip()
        if environment in VERBATIM_ENVIRONMENTS or environment in self.excluded_environments:
            closing = self.scan.find(text, f"\\end{{{environment}}}", found.end())
            if closing < 0:
                self._warn("verbatim_not_closed", environment)
                frame.position = found.end()
                return True
            end = closing + len(environment) + 6
            frame.position = end
            if environment in self.excluded_environments:
                if self.trace is not None:
                    self.trace.drop(environment, end - start)
                self.dropped["comment"] += frame.num_source(start, end)
            elif environment.startswith("filecontents"):
                self._filecontents(text[found.end() : closing])
                self.dropped["filecontents"] += frame.num_source(start, end)
            else:
                self._emit(text[start:end])
            return True
        if environment in self.environments:
            frame.position = found.end()
            self.scopes.append([])
            self._call(frame, environment, self.environments[environment].begin)
            return True
        frame.position = found.end()
        if environment == "document" and self._is_nested_file():
            return True
        if environment == "document":
            self.is_latex = True
            self.scopes.clear()
        else:
            self.scopes.append([])
        self._emit(f"\\begin{{{environment}}}")
        return True

    def _filecontents(self, content: str) -> None:
        """A file that the paper carries in itself and may include later."""
        if (given := self.scan.optional_argument(content, 0)) is not None:
            content = content[given[1] :]
        name = self.scan.group(content, 0)
        if name is None or not is_tex_name(name[0]) or name[0].lower() in self.by_lower:
            return
        self.by_lower[name[0].lower()] = name[0]
        self.texts[name[0]] = content[name[1] :].lstrip("\n")

    def _excludecomment(self, frame: _Frame, name: str, start: int) -> bool:
        target = self.scan.group(frame.text, frame.position)
        if target is None:
            return False
        frame.position = target[1]
        if name == "excludecomment":
            self.excluded_environments.add(target[0].strip())
        else:
            self.excluded_environments.discard(target[0].strip())
        return True

    def _end(self, frame: _Frame, name: str, start: int) -> bool:
        found = _BEGIN_END.match(frame.text, frame.position)
        if found is None:
            return False if self.is_latex else self._bye(frame, name, start)  # plain TeX's \end
        environment = found[1].strip()
        frame.position = found.end()
        if environment in self.environments:
            self._leave_scope()
            self._push(self.environments[environment].end)
            return True
        if environment == "document" and self._is_nested_file():
            return self._endinput(frame, name, start)
        self._emit(f"\\end{{{environment}}}")
        if environment == "document":
            return self._bye(frame, name, start)
        self._leave_scope()
        return True

    def _bye(self, frame: _Frame, name: str, start: int) -> bool:
        """The end of the paper: TeX reads no further."""
        while self.frames:
            left = self.frames.pop()
            self.dropped["after_end"] += left.num_source(left.position, len(left.text))
        self.is_stopped = True
        return True

    def _verb(self, frame: _Frame, name: str, start: int) -> bool:
        text, position = frame.text, frame.position
        if text[position : position + 1] == "*":
            position += 1
        if name != "verb":
            if (given := self.scan.optional_argument(text, position)) is not None:
                position = given[1]
            if name == "mintinline":
                language = self.scan.group(text, position)
                position = language[1] if language else position
            if position >= len(text) and len(self.frames) > 1:  # a macro stands for it: its code comes after the call
                frame.position = position
                below = self._settle()
                if below is None:
                    return True
                frame, text, position = below, below.text, below.position
        delimiter = text[position : position + 1]
        if not delimiter or delimiter.isalpha() or delimiter in " \n*":
            return False
        line_end = text.find("\n", position)
        if delimiter == "{" and name != "verb":
            end = self.scan.group_end(text, position, 4_000) - 1
        else:
            end = text.find(delimiter, position + 1, line_end if line_end >= 0 else len(text))
        if end < 0:
            return False
        frame.position = end + 1
        self._emit(f"\\verb\x01{guard(text[position + 1 : end])}\x01")
        return True

    def _url(self, frame: _Frame, name: str, start: int) -> bool:
        """`\\url{a%20b}`: the `%` of an address is no comment."""
        text, position = frame.text, frame.position
        if (given := self.scan.optional_argument(text, position)) is not None:
            position = given[1]
        found = _ADDRESS.match(text, position)
        if found is None or "%" not in found[1]:
            return False
        frame.position = found.end()
        self._emit(text[start:position])
        self.is_after_word = False
        self._push("{" + re.sub(r"(?<!\\)%", r"\\%", found[1]) + "}")
        return True

    def _xspace(self, frame: _Frame, name: str, start: int) -> bool:
        below = self._settle()
        if (below is not None and below.position < len(below.text) and below.text[below.position] not in " \n.,;:!?'/)-~}]&\\") or (
            below is not None
            and below.text[below.position : below.position + 1] == "\\"
            and below.text[below.position + 1 : below.position + 2].isalpha()
        ):
            self._emit(" ")
        return True

    def _nothing(self, frame: _Frame, name: str, start: int) -> bool:
        return True

    def _csname(self, frame: _Frame, name: str, start: int) -> bool:
        found = re.compile(r"\s*([A-Za-z@]+)\\endcsname").match(frame.text, frame.position)
        if found is None:
            return False
        frame.position = found.end()
        self._push(f"\\{found[1]} ")
        return True

    def _ensuremath(self, frame: _Frame, name: str, start: int) -> bool:
        body = self.scan.argument(frame.text, frame.position)
        if body is None:
            return False
        frame.position = body[1]
        self._push(f"\x02{body[0]}\x03")
        return True

    def _prefix(self, frame: _Frame, name: str, start: int) -> bool:
        return True


def _numeral(kind: str, number: int) -> str:
    if kind in ("alph", "Alph"):
        letter = chr(ord("a") + number - 1) if 1 <= number <= 26 else str(number)
        return letter.upper() if kind == "Alph" else letter
    if kind in ("roman", "Roman") and 0 < number < 4000:
        text, left = "", number
        for value, numeral in _ROMAN:
            while left >= value:
                text, left = text + numeral, left - value
        return text if kind == "roman" else text.upper()
    return str(number)


def _algorithm_macros(name: str, words: list[str]) -> list[tuple[str, tuple[str, ...], str]]:
    """What a `\\SetKw…` of algorithm2e defines: (name, arguments, body); `\\\\` ends a line."""
    end = "#2\\\\ " + words[-1] + "\\\\ " if words[-1].strip() else "#2\\\\ "
    if name == "SetKwFunction" or name == "SetKwData" or name == "SetKwArray":
        return [(words[0], ("g",), f"\\IfNoValueTF{{#1}}{{{words[1]}}}{{{words[1]}(#1)}}")]
    if name == "SetKw":
        return [(words[0], ("g",), f" {words[1]} \\IfValueT{{#1}}{{#1}}")]
    if name in ("SetKwInOut", "SetKwInput"):
        return [(words[0], ("m",), f"\\\\ {words[1]}: #1\\\\ ")]
    if name == "SetKwComment":
        return [(words[0], ("s", "o", "m"), f" {words[1]} #3 {words[2]} ")]
    if name == "SetKwBlock":
        return [(words[0], ("m",), f"\\\\ {words[1]}\\\\ #1\\\\ {words[2]}\\\\ ")]
    if name == "SetKwRepeat":
        return [(words[0], ("m", "m"), f"\\\\ {words[1]}\\\\ #2\\\\ {words[2]} #1\\\\ ")]
    if name in ("SetKwFor", "SetKwProg"):
        head = f"\\\\ {words[1]} #1 {words[2]}\\\\ "
        return [(words[0], ("m", "m"), head + end), (f"l{words[0]}", ("m", "m"), head + "#2\\\\ ")]
    condition, other, last, if_word, then, else_if, otherwise, closing = words  # SetKwIF
    close = f"\\\\ {closing}\\\\ " if closing.strip() else "\\\\ "
    macros: list[tuple[str, tuple[str, ...], str]] = []
    for prefix, ending in (("", close), ("u", "\\\\ "), ("l", "\\\\ ")):
        macros.append((prefix + condition, ("m", "m"), f"\\\\ {if_word} #1 {then}\\\\ #2{ending}"))
        macros.append((prefix + other, ("m", "m"), f"\\\\ {else_if} #1 {then}\\\\ #2{ending}"))
        macros.append((prefix + last, ("m",), f"\\\\ {otherwise}\\\\ #1{ending}"))
    macros.append((f"e{condition}", ("m", "m", "m"), f"\\\\ {if_word} #1 {then}\\\\ #2\\\\ {otherwise}\\\\ #3{close}"))
    return macros


def _argument_kinds(spec: str) -> list[str]:
    """xparse's argument specification as `Expander._read_by_spec` takes it."""
    kinds: list[str] = []
    for found in _ARGUMENT_KIND.finditer(spec):
        letter = found[1] or found[2] or found[4] or found[6]
        if letter in "mv":
            kinds.append("m")
        elif letter in "os":
            kinds.append(letter)
        elif letter == "O":
            kinds.append(f"O{found[3] or ''}")
        elif letter == "t":
            kinds.append(f"t{found[5].strip('{}') or '*'}")
        else:
            kinds.append(f"{letter.lower()}{found[7]}{found[8]}{found[9] or ''}")
    return kinds


def _find_unescaped(text: str, wanted: str, position: int) -> int:
    limit = min(len(text), position + 400)
    while position < limit:
        if text[position] == "\\" and text[position + 1 : position + 2] in ("{", "}"):
            position += 2
            continue
        if text[position] == wanted:
            return position
        position += 1
    return -1


def _flatten_dots(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    return "/".join(parts)


def _uncomment(body: str) -> str:
    if "%" not in body:
        return body
    return re.sub(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*|$)", r"\1", body)


def _body(text: str) -> str:
    """A definition's body as TeX stores it: line ends are blanks, so that two of them never come to stand as a paragraph's end."""
    text = _uncomment(text)
    return _LINE_ENDS.sub(lambda found: "\n\n" if found[0].count("\n") > 1 else " ", text) if "\n" in text else text


def _calls_itself(name: str, body: str) -> bool:
    """`\\renewcommand{\\vec}[1]{{\\bf\\vec{#1}}}`: with no TeX behind it such a definition would never end."""
    if not name.isalpha() or f"\\{name}" not in body:
        return False
    return re.search(rf"\\{re.escape(name)}(?![A-Za-z@])", body) is not None


@lru_cache(maxsize=8192)
def _is_plain(name: str) -> bool:
    """Whether a control word that the paper has not defined means nothing to the expansion: three in four."""
    return (
        name not in _HANDLERS
        and not name.startswith(("if", "end", "the"))
        and not name.endswith(("true", "false"))
        and not _INCLUDING.fullmatch(name)
    )


_ACRONYM_COMMANDS = [
    "ac",
    "ac*",
    "Ac",
    "acp",
    "Acp",
    "acf",
    "Acf",
    "acfp",
    "acs",
    "acsp",
    "acl",
    "Acl",
    "aclp",
    "gls",
    "Gls",
    "glspl",
    "Glspl",
    "acrshort",
    "acrlong",
    "acrfull",
    "Acrlong",
    "Acrfull",
    "acrshortpl",
    "acrlongpl",
    "acrfullpl",
    "iac",
]
_HANDLERS = {
    **dict.fromkeys(
        (
            "newcommand",
            "renewcommand",
            "providecommand",
            "DeclareRobustCommand",
            "newrobustcmd",
            "renewrobustcmd",
            "DeclareTextFontCommand@",
        ),
        Expander._newcommand,
    ),
    **dict.fromkeys(("def", "gdef", "edef", "xdef", "define", "redefine", "predefine"), Expander._def),
    **dict.fromkeys(("let", "futurelet@"), Expander._let),
    **dict.fromkeys(("DeclareMathOperator", "newoperator@"), Expander._operator),
    **dict.fromkeys(
        ("NewDocumentCommand", "RenewDocumentCommand", "ProvideDocumentCommand", "DeclareDocumentCommand"), Expander._document_command
    ),
    **dict.fromkeys(("newenvironment", "renewenvironment"), Expander._newenvironment),
    **dict.fromkeys(("newtheorem", "spnewtheorem", "newproclaim", "newproof", "newdefinition"), Expander._newtheorem),
    "declaretheorem": Expander._declaretheorem,
    **dict.fromkeys(("newif", "newboolean@"), Expander._newif),
    **dict.fromkeys(("ifthenelse", "ifbool", "iftoggle"), Expander._ifthenelse),
    **dict.fromkeys(
        ("IfNoValueTF", "IfValueTF", "IfBooleanTF", "IfValueT", "IfBooleanT", "IfNoValueT", "IfValueF", "IfNoValueF"), Expander._novalue
    ),
    **dict.fromkeys(
        ("setboolean", "booltrue", "boolfalse", "toggletrue", "togglefalse", "newboolean", "newbool", "newtoggle"), Expander._setboolean
    ),
    **dict.fromkeys(
        ("input", "include", "subfile", "subfileinclude", "import", "subimport", "InputIfFileExists", "includefrom", "inputfrom"),
        Expander._input,
    ),
    **dict.fromkeys(("usepackage", "RequirePackage", "documentclass", "documentstyle"), Expander._usepackage),
    **dict.fromkeys(
        (
            "@tellreference",
            "@citereference",
            "@tellformula",
            "@nameformula",
            "@nameformulas",
            "@namesection",
            "@tellfigure",
            "@citefigure",
        ),
        Expander._tell_number,
    ),
    **dict.fromkeys(
        (
            "long",
            "global",
            "outer",
            "protected",
            "makeatletter",
            "makeatother",
            "relax",
            "leavevmode",
            "protect",
            "expandafter",
            "noexpand",
            "unskip",
            "ignorespaces",
        ),
        Expander._prefix,
    ),
    "else": Expander._else,
    "or": Expander._else,
    "fi": Expander._fi,
    **dict.fromkeys(
        ("newcount", "newdimen", "newskip", "newmuskip", "newtoks", "newbox", "newread", "newwrite", "newlength"), Expander._register
    ),
    **dict.fromkeys(("advance", "multiply", "divide"), Expander._advance),
    **dict.fromkeys(("the", "number"), Expander._the),
    **dict.fromkeys(("headline", "footline"), Expander._token_list),
    **dict.fromkeys(("DeclarePairedDelimiter", "DeclarePairedDelimiterX"), Expander._paired_delimiter),
    **dict.fromkeys(("@ifnextchar", "@ifstar"), Expander._next_character),
    **dict.fromkeys(_ACRONYM_COMMANDS, Expander._acronym),
    **dict.fromkeys(("acro", "acrodef", "newacronym", "newacro"), Expander._acronym_entry),
    **dict.fromkeys(_ALGORITHM_KEYWORDS, Expander._algorithm_keyword),
    **dict.fromkeys(("newcounter", "setcounter", "addtocounter", "stepcounter", "refstepcounter"), Expander._counter),
    **dict.fromkeys(("arabic", "roman", "Roman", "alph", "Alph", "value"), Expander._counter_value),
    **dict.fromkeys(("bgroup", "begingroup"), Expander._open_scope),
    **dict.fromkeys(("egroup", "endgroup"), Expander._close_scope),
    **dict.fromkeys(("bibliography", "printbibliography"), Expander._bibliography),
    **dict.fromkeys(("excludecomment", "includecomment"), Expander._excludecomment),
    "includeonly": Expander._includeonly,
    "endinput": Expander._endinput,
    **dict.fromkeys(("bye", "enddocument"), Expander._bye),
    "begin": Expander._begin,
    "end": Expander._end,
    "verb": Expander._verb,
    **dict.fromkeys(("lstinline", "mintinline"), Expander._verb),
    **dict.fromkeys(("url", "href", "nolinkurl", "path"), Expander._url),
    "xspace": Expander._xspace,
    "csname": Expander._csname,
    "ensuremath": Expander._ensuremath,
}
