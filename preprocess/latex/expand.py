"""Sources → one expanded source: comments gone, files included, conditionals decided, the paper's macros replaced by their bodies.

Not a TeX: no boxes, no page. It knows how definitions are written (`\\newcommand`, `\\def` with
delimiters, `\\let`, xparse, `\\newenvironment`, `\\DeclareMathOperator`, `\\newif`), scopes them by group, and leaves everything standard
as it stands, so that formulas come out in the vocabulary of LaTeX and amsmath. Frames on an explicit stack: no recursion, work counted
and bounded. Here are the loop, the calls of macros and the reading of their arguments; what single commands do is in `expansion/`.
"""

import re
from collections import Counter
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache

from preprocess.config import LatexConfig
from preprocess.latex.expansion import (
    acronyms,
    algorithmic,
    boxes,
    branches,
    category_codes,
    conditionals,
    customary_names,
    definitions,
    environment_commands,
    environments,
    fonts,
    inclusion,
    late_definitions,
    listed_files,
    loops,
    names,
    primitives,
    registers,
    verbatims,
)
from preprocess.latex.expansion.file_names import FileNames
from preprocess.latex.expansion.macros import Environment, Frame, Handler, Macro, fill
from preprocess.latex.scan import Scanner, skip_line_space, skip_space
from preprocess.latex.tables import HIDDEN, PRINTED_NAMES, PROTECTED_COMMANDS
from preprocess.latex.trace import Note, Trace

# the next token and what stands before it; led by the run of characters, as a search for the token costs twice the time
_TOKEN = re.compile(r"[^\\{}%]*(?:\\([A-Za-z@]+)(?:(?=[^\0-\x7f])())?|(\{)|(\})|\\([^A-Za-z@])|(%)|(\\)|\Z)")
_WORD, _WORD_BEFORE_NON_ASCII, _OPEN, _CLOSE, _SYMBOL, _PERCENT, _LAST_BACKSLASH = range(1, 8)  # its groups
_AFTER_BACKSLASH = frozenset({_WORD, _WORD_BEFORE_NON_ASCII, _SYMBOL})
_COMMENT = re.compile(r"%[^\n]*(?:\n[ \t]*|$)")
_INCLUDING = re.compile(r"[A-Za-z]*(?:input|import|include|subfile)[A-Za-z]*", re.I)
_MACRO = re.compile(r"\s*\\([A-Za-z@]+)\s*")
_ONE_TOKEN = re.compile(r"\s*\\(?:[A-Za-z@]+|.)\s*", re.S)
_TAKES_ARGUMENT = re.compile(
    r"\\(?:hat|bar|tilde|vec|d?dot|acute|grave|check|breve|wide(?:hat|tilde)|(?:over|under)line|over(?:right|left)arrow|sqrt|boldsymbol|bm"
    r"|math(?:bf|rm|cal|bb|frak|sf|it|tt|scr|op|rel|bin)|[cdt]?frac|[dt]?binom|(?:over|under)set|stackrel)"
)
MIN_EXPANSIONS = 300_000  # a paper may make as many macro calls and one for each of its characters: real ones make one for ten
MAX_ARGUMENT_CHARACTERS = 2_000_000
MAX_GROWN_CHARACTERS = 100_000
HANDLERS: dict[str, Handler] = {  # by topic; the topics know nothing of the core but its type
    **definitions.HANDLERS,
    **conditionals.HANDLERS,
    **branches.HANDLERS,
    **registers.HANDLERS,
    **inclusion.HANDLERS,
    **environments.HANDLERS,
    **environment_commands.HANDLERS,
    **acronyms.HANDLERS,
    **names.HANDLERS,
    **algorithmic.HANDLERS,
    **loops.HANDLERS,
    **verbatims.HANDLERS,
    **primitives.HANDLERS,
    **boxes.HANDLERS,
    **late_definitions.HANDLERS,
    **listed_files.HANDLERS,
    **category_codes.HANDLERS,
    **customary_names.HANDLERS,
    **fonts.HANDLERS,
}


@dataclass(slots=True)
class Expanded:
    """One root's expanded source and what was found on the way."""

    source: str
    theorems: dict[str, str]
    autoref_names: dict[str, str]  # `section` → what `\sectionautorefname` stands for
    files: list[str]
    dropped: Counter[str]
    warnings: Counter[str]
    num_expansions: int
    is_over_limit: bool = False


class Expander:
    """Expands the sources of one root. `archive` has the files that are no TeX too, for those that the paper prints as code."""

    def __init__(
        self,
        texts: Mapping[str, str],
        config: LatexConfig,
        scan: Scanner | None = None,
        trace: Trace | None = None,
        archive: Mapping[str, bytes] | None = None,
    ) -> None:
        self.trace = trace
        self.texts = dict(texts)
        self.names = FileNames(texts)
        self.archive = archive if archive is not None else {}
        self.archive_names = FileNames(dict.fromkeys((*self.archive, *texts)))
        self.num_listed = 0  # characters of files that are printed as code
        self.config = config
        self.scan = scan if scan is not None else Scanner(sum(map(len, texts.values())), has_comments=True)
        self.macros: MutableMapping[str, Macro] = {}
        self.environments: MutableMapping[str, Environment] = {}
        self.switches: dict[str, bool] = {"true": True, "false": False}  # `\newif`'s: name without `if` → is it on
        self.theorems: dict[str, str] = {}  # environment → title
        # of the open groups: what each has redefined and what it was before; None for one that has redefined nothing, nearly all
        self.scopes: list[list[tuple[str, Macro | None]] | None] = []
        self.plain: set[str] = set()  # control words that were met and stand for themselves, as long as no macro is named so
        self.out: list[str] = []
        self.num_out = 0
        self.frames: list[Frame] = []
        self.open_conditionals: list[bool] = []  # one for each whose `\fi` is still to come
        self.is_negated = False  # the conditional that is read comes after `\\unless`
        self.files: list[str] = []
        self.seen_packages: set[str] = set()
        self.packages: set[str] = set()  # and the class: whatever the paper has asked for
        self.verbatims: dict[str, int] = {}  # the paper's own environments of code → arguments before the code
        self.short_verbs: set[str] = set()
        self.loops_left = 0
        self.suffixes: dict[str, str] = {}  # command → the characters that, right behind it, make another command of it
        self.include_only: set[str] | None = None
        self.excluded_environments = {"comment"}
        self.registers: set[str] = set()  # `\newcount`'s and its like
        self.counters: dict[str, int] = {}
        self.counts: dict[str, int] = {}  # `\\newcount`'s whose values are known
        self.lengths: dict[str, float] = {}  # `\\newdimen`'s and `\\newlength`'s whose values are known, in points
        self.fonts: dict[str, str | None] = {}  # `\\font`'s → the alphabet of mathematics that it is, if it is one
        self.families: dict[str, str | None] = {}  # `\\newfam`'s, alike
        self.customary: list[str] = []  # environments that undefined but customary names have begun
        self.balanced: dict[str, bool] = {}  # such a name → has each beginning its end
        self.num_changes = 0  # of category codes that are followed
        self.boxes: dict[str, str] = {}  # number or name → content
        self.definitions_ahead: dict[str, dict[str, tuple[int, str]]] = {}  # file → what it defines first, where and by which command
        self.acronyms = acronyms.collect(texts.values())
        self.dropped: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.num_expansions = 0
        self.num_pushed = 0  # characters of macros' bodies
        self.is_after_word = False  # the output ends in a control word: a letter after it would be read as a part of it
        self.is_stopped = False
        self.is_over_limit = False
        self.endless: set[str] = set()  # macros that call themselves for ever
        self.is_latex = False  # a `\begin{document}` was read
        self.max_expansions = min(config.max_expansions, MIN_EXPANSIONS + sum(map(len, texts.values())))
        self.max_output = min(config.max_output_characters, max(8 << 20, config.max_macro_output_ratio * sum(map(len, texts.values()))))

    def expand(self, root: str) -> Expanded:
        """The expanded source of `root`."""
        self.push_file(root)
        while self.frames and not self.is_stopped:
            if self.num_out > self.max_output:
                self.is_over_limit = True
            if self.is_over_limit:
                break
            frame = self.frames[-1]
            if frame.position >= len(frame.text):
                self.frames.pop()
                continue
            self._read(frame)
        return Expanded(
            source="".join(self.out),
            theorems=self.theorems,
            autoref_names={
                name.removesuffix("autorefname"): str(macro.pieces[0])
                for name, macro in self.macros.items()
                if name.endswith("autorefname") and len(macro.pieces) == 1
            },
            files=self.files,
            dropped=self.dropped,
            warnings=self.warnings,
            num_expansions=self.num_expansions,
            is_over_limit=self.is_over_limit,
        )

    def warn(self, kind: str, detail: str = "") -> None:
        """Counts something unusual of that kind."""
        self.warnings[kind] += 1
        if self.trace is not None:
            self.trace.note(kind, *self._place(), detail)

    def _place(self) -> tuple[str, int]:
        """The file being read and the line in it, from 1."""
        frame = next((frame for frame in reversed(self.frames) if frame.name is not None), None)
        return ("", 0) if frame is None else (frame.name or "", frame.text.count("\n", 0, frame.position) + 1)

    def include(self, name: str) -> None:
        """Notes that a file of the archive is read, and where."""
        if self.trace is not None and self.frames:
            file, line = self._place()
            self.trace.included.append(Note(kind="included", file=file, line=line, detail=name))
        self.files.append(name)

    def push_file(self, name: str) -> None:
        """Goes on with a file of the archive, and then with what is being read."""
        self.include(name)
        text = self.texts[name]
        self.frames.append(Frame(verbatims.with_short(self, text) if self.short_verbs else text, name=name))

    def emit(self, text: str) -> None:
        """Adds to the expanded source; a letter and a control word before it are kept apart."""
        if not text:
            return
        if self.is_after_word and (text[0].isalpha() or text[0] == "@"):
            self.out.append(" ")
        elif text[0] == "$" and self.out and _ends_in_dollar(self.out[-1]):
            self.out.append(" ")  # what stood between gave nothing: two dollars that met would open a display
        self.is_after_word = False
        self.out.append(text)
        self.num_out += len(text)

    def _read(self, frame: Frame) -> None:
        """Takes over what means itself, as one piece, up to the first token that has to be obeyed, and obeys that.

        Nine tokens in ten are taken over: so this loop is most of the expansion's time.
        """
        text, begin = frame.text, frame.position
        macros, plain, scopes = self.macros, self.plain, self.scopes
        word_end = -1
        for found in _TOKEN.finditer(text, begin):
            kind = found.lastindex
            if kind == _WORD:
                name = found[1]
                if name not in macros and (name in plain or self._is_plain(name)):
                    word_end = found.end()
                    continue
            elif kind == _OPEN:
                scopes.append(None)
                continue
            elif kind == _CLOSE:
                if scopes and (redefined := scopes.pop()) is not None:
                    self._restore(redefined)
                continue
            elif kind == _SYMBOL and found[_SYMBOL] not in macros:
                continue
            elif kind is None:
                break
            start = found.start(_WORD if kind == _WORD_BEFORE_NON_ASCII else kind) - (kind in _AFTER_BACKSLASH)
            if start > begin:
                self.emit(text[begin:start])
                self.is_after_word = start == word_end
            self._obey_token(frame, found, start)
            return
        self.emit(text[begin:])
        self.is_after_word = word_end == len(text)
        frame.position = len(text)

    def _is_plain(self, name: str) -> bool:
        """Whether a control word that is no macro means nothing to the expansion: three in four."""
        if not _is_unknown(name) or name in self.environments or name in self.registers:
            return False
        self.plain.add(name)
        return True

    def _obey_token(self, frame: Frame, found: re.Match[str], start: int) -> None:
        kind = found.lastindex
        frame.position = found.end()
        if kind in (_WORD, _WORD_BEFORE_NON_ASCII):
            self._command(frame, found[_WORD], start)
        elif kind == _SYMBOL:
            self.call(frame, found[_SYMBOL], self.macros[found[_SYMBOL]])
        elif kind == _PERCENT:
            comment = _COMMENT.match(frame.text, start)
            assert comment is not None
            self.dropped["comment"] += frame.num_source(comment.start(), comment.end())
            frame.position = comment.end()
            if frame.text[comment.end() : comment.end() + 1] == "\n" and "\n" in comment[0]:
                # the line after the comment is blank: the paragraph ends there
                self.emit("\n")

    def open_scope(self) -> None:
        """Begins a group."""
        self.scopes.append(None)

    def leave_scope(self) -> None:
        """Ends a group: what was defined in it is as it was before."""
        if self.scopes and (redefined := self.scopes.pop()) is not None:
            self._restore(redefined)

    def _restore(self, redefined: list[tuple[str, Macro | None]]) -> None:
        for name, before in reversed(redefined):
            if before is None:
                self.macros.pop(name, None)
            else:
                self.macros[name] = before

    def _command(self, frame: Frame, name: str, start: int) -> None:
        text, end = frame.text, frame.position
        macro = self.macros.get(name)
        if macro is not None:
            frame.position = skip_line_space(text, end)
            self.call(frame, name, macro)
            return
        if self.obey(name, frame, start):
            return
        if name.startswith("if") and conditionals.decide(self, frame, name):
            return
        if conditionals.set_switch(self, name):
            return
        if name in self.registers and not registers.is_value(self):
            registers.assign(self, frame, name)
            return
        if name.startswith("the") and name[3:] in self.counters:
            self.emit(str(self.counters[name[3:]]))
            return
        if name.startswith("end") and len(name) > 3 and name[3:] in self.environments:
            frame.position = skip_line_space(text, end)
            self.push(self.environments[name[3:]].end, name)
            return
        if name in self.environments:
            frame.position = skip_line_space(text, end)
            self.call(frame, name, self.environments[name].begin)
            return
        frame.position = end
        if _INCLUDING.fullmatch(name) and name not in HIDDEN and inclusion.include_by_own_command(self, frame):
            return
        self.emit(text[start:end])
        self.is_after_word = True

    def push(self, body: str, macro: str | None = None) -> None:
        """Goes on with the body of a macro, and then with what is being read."""
        self.num_expansions += 1
        if not body:
            return
        self.num_pushed += len(body)
        if len(self.frames) >= self.config.max_expansion_depth:
            self._give_up()
            return
        self.frames.append(Frame(body, macro=macro))

    def _give_up(self) -> None:
        """Ends what is nested too deep: what a macro that calls itself for ever has begun, or a chain of macros that is no paper's."""
        open_macros = [frame.macro for frame in self.frames if frame.macro is not None]
        most, num_open = max(Counter(open_macros).items(), key=lambda item: item[1], default=("", 0))
        if num_open < 2 and 2 * len(open_macros) > len(self.frames):
            self.is_over_limit = True
            return
        self.warn("expansion_depth", f"\\{most}" if num_open > 1 else "")
        if num_open > 1:
            self.endless.add(most)
            first = next(place for place, frame in enumerate(self.frames) if frame.macro == most)
        else:
            first = next((place for place, frame in enumerate(self.frames) if frame.name is None), len(self.frames))
        while len(self.frames) > max(first, 1) and self.frames[-1].name is None:
            self.frames.pop()

    def _is_spent(self) -> bool:
        """Whether the paper has had all the macro calls that a paper may make, or characters that they may give."""
        return self.num_expansions > self.max_expansions or self.num_pushed > self.max_output

    def over_limit(self) -> str:
        """Which limit the paper has passed."""
        if self.num_expansions > self.max_expansions:
            return f"more than {self.max_expansions} macro calls"
        if max(self.num_pushed, self.num_out) > self.max_output:
            return f"{self.num_expansions} macro calls give more than {self.max_output} characters"
        if len(self.frames) < self.config.max_expansion_depth:
            return f"an argument of more than {MAX_GROWN_CHARACTERS} characters that macros have made"
        return f"more than {self.config.max_expansion_depth} macros open inside one another, all of them different"

    def settle(self) -> Frame | None:
        """The frame that the next argument is read from: bodies that have nothing left are closed."""
        while self.frames:
            frame = self.frames[-1]
            if frame.name is None and skip_space(frame.text, frame.position) >= len(frame.text) and len(self.frames) > 1:
                self.frames.pop()
                continue
            return frame
        return None

    def read_argument(self) -> str | None:
        """A mandatory argument from what is being read; None where there is none."""
        frame = self.settle()
        if frame is None:
            return None
        found = self.scan.argument(frame.text, frame.position, MAX_ARGUMENT_CHARACTERS)
        if found is None:
            if frame.name is None and len(frame.text) - frame.position > MAX_GROWN_CHARACTERS and frame.text[frame.position] == "{":
                self.is_over_limit = True  # a body's groups are closed: macros have made this one longer than any look
            return None
        frame.position = found[1]
        return found[0]

    def read_optional(self) -> str | None:
        """An optional argument from what is being read; None where there is none."""
        frame = self.settle()
        if frame is None:
            return None
        found = self.scan.optional_argument(frame.text, frame.position)
        if found is None:
            return None
        frame.position = found[1]
        return found[0]

    def call(self, frame: Frame, name: str, macro: Macro) -> None:
        """Reads the arguments of a macro whose name has just been read, and goes on with its body."""
        if self._is_spent():
            self.is_over_limit = True
            return
        if name in self.endless:
            self.warn("endless_macro", f"\\{name}")
            self.emit(f"\\{name}")
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
            frame_now = self.settle() if any(macro.delimiters) or macro.num_arguments else frame
            found = self._read_delimited(frame_now or frame, macro)
            if found is None:
                self.warn("macro_use_does_not_match", f"\\{name}")
                self.emit(f"\\{name}")
                self.is_after_word = name[-1].isalpha()
                return
            arguments = found
        else:
            num_mandatory = macro.num_arguments
            if macro.default is not None:
                num_mandatory -= 1
                given = self.read_optional()
                arguments.append(macro.default if given is None else given)
            for _ in range(num_mandatory):
                given = self.read_argument()
                if given is None:
                    self.warn("argument_missing", f"\\{name}")
                arguments.append(given or "")
        if len(macro.pieces) == 1:
            body = str(macro.pieces[0])
            if self.is_after_word and body.startswith("\\") and self._ends_in_accent() and not _ONE_TOKEN.fullmatch(body):
                body = f"{{{body}}}"
            self.push(body, name)
        else:
            self.push(fill(macro.pieces, arguments), name)

    def _ends_in_accent(self) -> bool:
        """Whether the last command of the expanded source takes as its argument what comes next."""
        return _TAKES_ARGUMENT.fullmatch(self.out[-1], self.out[-1].rfind("\\")) is not None

    def obey(self, name: str, frame: Frame, start: int) -> bool:
        """Does what LaTeX's own `\\name` does, which stands at `start`; False where that is nothing, and the command stays."""
        handler = HANDLERS.get(name)
        return handler is not None and handler(self, frame, name, start)

    def _alias(self, frame: Frame, name: str) -> None:
        """Does what LaTeX's own `\\name` does, whatever the paper has made of that name since."""
        if self.obey(name, frame, frame.position):
            return
        if name.startswith("if") and conditionals.decide(self, frame, name):
            return
        self.emit(f"\\{name}")
        self.is_after_word = name[-1].isalpha()

    def _read_by_spec(self, kind: str) -> str:
        """One argument of xparse's: `m`, `o`, `O<default>`, `s`, `t<token>`, `e<token>`, `d<open><close><default>`, `r…` alike."""
        if kind == "m":
            return self.read_argument() or ""
        if kind == "g":
            frame = self.settle()
            found = self.scan.group(frame.text, frame.position) if frame is not None else None
            if frame is None or found is None:
                return "-NoValue-"
            frame.position = found[1]
            return found[0]
        if kind[0] == "e":
            frame = self.settle()
            place = self.scan.skip_space(frame.text, frame.position) if frame is not None else 0
            if frame is None or not frame.text.startswith(kind[1:], place):
                return "-NoValue-"
            frame.position = place + len(kind) - 1
            return self.read_argument() or ""
        if kind[0] in "st":
            token = "*" if kind == "s" else kind[1:]
            frame = self.settle()
            if frame is not None and frame.text.startswith(token, place := self.scan.skip_space(frame.text, frame.position)):
                frame.position = place + len(token)
                return "\\BooleanTrue"
            return "\\BooleanFalse"
        if kind[0] in "dr":
            frame = self.settle()
            if frame is not None and frame.text.startswith(kind[1], place := self.scan.skip_space(frame.text, frame.position)):
                end = self.scan.pair_end(frame.text, place, kind[1], kind[2])
                if end >= 0:
                    content, frame.position = frame.text[place + 1 : end - 1], end
                    return content
            return kind[3:] or "-NoValue-"
        given = self.read_optional()
        if given is not None:
            return given
        return kind[1:] if kind.startswith("O") else "-NoValue-"

    def _read_delimited(self, frame: Frame, macro: Macro) -> list[str] | None:
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
                given = self.read_argument()
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

    def define(self, name: str, macro: Macro, is_global: bool = False) -> None:
        """Gives `name` a meaning until the group ends; the names that the renderer must see keep theirs."""
        if name.startswith(("labelenum", "theenum")) and len(macro.pieces) == 1:
            kind = "labelenum" if name[0] == "l" else "theenum"
            self.emit(f"\\{kind}@{{{name.removeprefix(kind)}}}{{{macro.pieces[0]}}}")  # for the renderer, which counts items
            return
        if name in PRINTED_NAMES and len(macro.pieces) == 1:
            self.emit(f"\\printedname@{{{name.removesuffix('name')}}}{{{macro.pieces[0]}}}")  # for the renderer, which prints it
        if (
            name in PROTECTED_COMMANDS
            and (macro.delimiters is None or not any(macro.delimiters))
            and not self._is_own_of_plain(name, macro)
        ):
            return
        if self.scopes and not is_global:
            redefined = self.scopes[-1]
            if redefined is None:
                redefined = self.scopes[-1] = []
            redefined.append((name, self.macros.get(name)))
        self.macros[name] = macro

    def _is_own_of_plain(self, name: str, macro: Macro) -> bool:
        r"""Whether a paper in plain TeX, which has no class, means something of its own by `\ref` or `\abstract`."""
        if self.packages or self.is_latex or name not in ("ref", "abstract"):
            return False
        body = "".join(str(piece) for piece in macro.pieces)
        return "\\csname" not in body and (name == "ref" or macro.num_arguments == 0)

    def define_environment(self, name: str, environment: Environment) -> None:
        """Gives `\\begin{name}` … `\\end{name}`, and `\\name` alone, a meaning."""
        self.environments[name] = environment
        self.plain.discard(name)

    def define_register(self, name: str) -> None:
        """Makes `\\name` a register: what is assigned to it shows nothing."""
        self.registers.add(name)
        self.plain.discard(name)

    def flat(self, text: str) -> str:
        """The text that a macro without arguments stands for; other text as it is."""
        found = _MACRO.fullmatch(text)
        if found and found[1] in self.macros and len(self.macros[found[1]].pieces) == 1:
            return str(self.macros[found[1]].pieces[0]).strip()
        return text.strip()

    def is_command(self, name: str) -> bool:
        """Whether the expansion itself does something at `\\name`."""
        return name in HANDLERS

    def is_nested_file(self) -> bool:
        """Whether the file being read was included by another."""
        return sum(frame.name is not None for frame in self.frames) > 1

    def _nothing(self, frame: Frame, name: str, start: int) -> bool:
        return True


def _ends_in_dollar(text: str) -> bool:
    """Whether `text` ends in a `$` that is not written as a character."""
    return text[-1:] == "$" and (len(text) - 1 - len(text[:-1].rstrip("\\"))) % 2 == 0


@lru_cache(maxsize=8192)
def _is_unknown(name: str) -> bool:
    """Whether nothing here knows of the control word."""
    return (
        name not in HANDLERS
        and not name.startswith(("if", "end", "the"))
        and not name.endswith(("true", "false"))
        and not _INCLUDING.fullmatch(name)
    )
