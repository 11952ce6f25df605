"""Expanded LaTeX → the text grammar: what a reader of the PDF reads, in order, and nothing that only TeX reads.

One pass over the source. Environments are events on a stack; only the arguments of a few commands (titles, footnotes, captions) are
rendered by recursion, bounded by `max_group_depth`. Formulas are copied as they stand.
What the commands of a topic print, its module says, in functions `(renderer, text, end, name, out) -> int`: `text[end]` is what follows the
command `name`, `out` takes what it prints, and the answer is where the text goes on, or -1 where this command is not meant.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from preprocess.config import LatexConfig
from preprocess.latex import siunitx
from preprocess.latex.rendering import (
    algorithms,
    astronomy,
    blocks,
    characters,
    chemistry,
    citations,
    columns,
    environments,
    examples,
    formulas,
    front_matter,
    layout_commands,
    listings,
    lists,
    phonetics,
    plain_tex,
    printed_names,
)
from preprocess.latex.rendering.cells import PARAGRAPH_IN_CELL
from preprocess.latex.rendering.headings import heading, unmarked
from preprocess.latex.rendering.reference_names import ReferenceNames
from preprocess.latex.scan import Scanner
from preprocess.latex.tables import unicode_symbols
from preprocess.latex.trace import Trace

_NEXT = re.compile(r"\\|\$|\{|\}|&|~|\x02|\x03|\n[ \t]*\n\s*")  # `[…]|\n…` looks at every character more slowly
_WORD = re.compile(r"\\([A-Za-z@]+)(\*?)|\\(.)", re.S)
_CLASS = re.compile(r"\\document(?:class|style)\s*(?:\[[^\]]{0,1000}\])?\s*\{\s*([^{}\s,]+)")
_OVERLAY = re.compile(
    r"(\\(?:item|only|uncover|onslide|alert|visible|invisible|structure|color|text[a-z]{2}|emph|includegraphics|frame|action|node|draw"
    r"|begin\{[A-Za-z]+\*?\})\*?)<[-\d,+.|@a-z: ]{1,40}>"
)


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
        self.handlers = _handlers()
        self.dropped: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.front: list[tuple[str, str]] = []
        self.document_class: str | None = None
        self.languages = ["english"]  # whose names LaTeX prints: the main one, and those of environments that are open
        self.own_names: dict[str, str] = {}  # `proof` → what the paper makes `\\proofname` print
        self.quantity_phrases: Mapping[str, str] = {}  # of siunitx: what the paper has between the numbers of ranges and lists
        self.last_author = ""  # of the front matter
        self.credits: list[str] = []  # of Elsevier's authors: name and roles
        self.depth = 0
        self.lists = lists.Lists()
        self.table_depth = 0
        self.columns: list[columns.Columns] = []  # of the tables that are open
        self.table_start = 0  # of the outermost table that is open: its place in what is written
        self.abstract_parts: list[str] = []
        self.has_chapters = False
        self.is_in_front = False
        self.inner_addresses: list[str] = []  # that stand in the argument of an author
        self.algorithm_depth = 0
        self.has_algorithm_lines = False  # of a command of an algorithm's package
        self.is_algorithmic = False
        self.algorithms: list[tuple[int, bool]] = []  # that are open: where in what is written, whether lines had numbers before
        self.line_step = 0  # every how many lines of an algorithm the reader sees a number; 0 for none
        self.num_lines = 0
        self.has_line_numbers = False  # of algorithm2e
        self.has_block_ends = True  # of algorithm2e: `end`
        self.has_long_block_ends = False  # of algorithm2e: `end if`
        self.has_comment_numbers = False  # of algorithm2e
        self.shorthands: Mapping[str, str] = {}  # what babel makes of `"` and a character
        self.cite_labels: Mapping[str, tuple[str, str]] = {}  # key → author, year
        self.tabbing_depth = 0
        self.listing_escapes: tuple[str, str] | None = None  # marks between which a listing has TeX
        self.listing_styles: dict[str, tuple[str, str]] = {}  # style → its marks
        self.quote_depth = 0
        self.autoref_names: Mapping[str, str] = {}  # `section` → what `\sectionautorefname` stands for
        self.reference_names = ReferenceNames("", theorems, {})

    def render_root(self, source: str) -> Rendered:
        """The whole root: the preamble for its front matter only, then the body."""
        found = re.search(r"\\begin\s*\{document\}", source)
        document_class = _CLASS.search(source)
        self.document_class = document_class[1].lower() if document_class is not None else None
        preamble, body = (source[: found.start()], source[found.end() :]) if found else ("", source)
        if '"' in body:
            self.shorthands = characters.babel_shorthands(preamble)
        if self.document_class == "beamer":
            body = _OVERLAY.sub(r"\1", body)
        self.has_chapters = re.search(r"\\chapter(?![A-Za-z])", body) is not None
        self.lists = lists.Lists(self.document_class or "")
        if preamble:
            printed_names.read_preamble(self, preamble)
            self.lists.read_preamble(preamble)
            if "lstset" in preamble or "lstdefinestyle" in preamble:
                listings.read_preamble(self, preamble)
            if "\\sisetup" in preamble:
                given = (self.scan.group(preamble, found.end()) for found in re.finditer(r"\\sisetup(?![A-Za-z])", preamble))
                self.quantity_phrases = siunitx.phrases(",".join(options[0] for options in given if options is not None))
            self.has_line_numbers = algorithms.are_lines_numbered(preamble)
            self.has_block_ends = algorithms.have_blocks_ends(preamble)
            self.has_long_block_ends = algorithms.have_blocks_long_ends(preamble)
            self.has_comment_numbers = algorithms.are_comments_numbered(preamble)
            front_matter.read_preamble(self, preamble)
        self.reference_names = ReferenceNames(source, self.theorems, self.autoref_names)
        text = self.render(body)
        title = next((content for kind, content in self.front if kind.lower() == "title"), "")
        abstracts = [content for kind, content in self.front if kind == "abstract"]
        head = [heading(1, title)] if title else []
        head += [content for kind, content in self.front if kind.lower() != "title" and kind != "abstract" and content]
        head += [f"{heading(1, printed_names.printed_name(self, 'abstract'))}{content}" for content in abstracts if content]
        return Rendered(
            title=title,
            front="\n\n".join(head),
            abstract=unmarked("\n\n".join([*abstracts, *self.abstract_parts])),
            body=text,
            document_class=self.document_class,
            dropped=self.dropped,
            unknown_commands=self.unknown,
        )

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
        open_environments: list[str] = []
        position, length = 0, len(text)
        while position < length:
            found = _NEXT.search(text, position)
            if found is None:
                out.append(characters.run(text[position:], self.shorthands))
                break
            start = found.start()
            if start > position:
                out.append(characters.run(text[position:start], self.shorthands))
            token = found[0]
            if token == "\\":
                position = self._command(text, start, out, open_environments)
            elif token == "$":
                position = formulas.dollar(self, text, start, out)
            elif token == "~":
                if self.shorthands and out and out[-1].endswith('"'):
                    out[-1] = out[-1][:-1] + self.shorthands.get("~", '"')  # babel's `"~`, a hyphen
                else:
                    out.append(" ")
                position = start + 1
            elif token == "&":
                position = columns.end_cell(self, text, start + 1, out)
            elif token == "\x02":
                end = formulas.mark_end(text, start)
                formulas.write_inline(self, text[start + 1 : end], out)
                position = end + 1
            elif token in "{}\x03":
                position = start + 1
            else:
                out.append("\n\n" if not self.table_depth else PARAGRAPH_IN_CELL)
                position = found.end()
        for name in reversed(open_environments):
            environments.leave(self, name, out)
        return "".join(out)

    def nested(self, text: str) -> str:
        """A block in an argument, its lines kept."""
        if self.depth >= self.config.max_group_depth:
            return self.inline(text)
        self.depth += 1
        try:
            return self.render(text).strip()
        finally:
            self.depth -= 1

    def arguments(self, text: str, position: int, spec: str) -> tuple[list[str | None], int]:
        """Those mandatory arguments at `position` that are there, and the place past all; `spec` has `m` or, for one to pass over, `o`."""
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

    def _command(self, text: str, start: int, out: list[str], open_environments: list[str]) -> int:
        found = _WORD.match(text, start)
        if found is None:
            return start + 1
        name, end = found[1], found.end()
        if name is None:
            return characters.control_symbol(self, text, end, found[3], out)
        if name == "begin":
            return environments.begin(self, text, end, out, open_environments)
        if name == "end":
            return environments.end_environment(self, text, end, out, open_environments)
        for handle in self.handlers.get(name, ()):
            if (after := handle(self, text, end, name, out)) >= 0:
                return after
        for handle in _BY_FORM:
            if (after := handle(self, text, end, name, out)) >= 0:
                return after
        return layout_commands.unknown(self, text, end, name, out)


Handler = Callable[[Renderer, str, int, str, list[str]], int]


_BY_FORM: tuple[Handler, ...] = (blocks.own_section, printed_names.by_form, layout_commands.assignment, citations.unknown_citation)


@lru_cache(maxsize=1)
def _handlers() -> dict[str, tuple[Handler, ...]]:
    """Command → its handlers, to be asked in turn: what is special before what hides or shows arguments."""
    handlers: dict[str, tuple[Handler, ...]] = {}
    for table in (
        examples.COMMANDS,
        examples.LINES,
        characters.ACCENTS,
        characters.COMMANDS,
        chemistry.COMMANDS,
        phonetics.COMMANDS,
        formulas.COMMANDS,
        astronomy.COMMANDS,
        citations.COMMANDS,
        front_matter.COMMANDS,
        printed_names.COMMANDS,
        blocks.COMMANDS,
        listings.COMMANDS,
        lists.COMMANDS,
        algorithms.COMMANDS,
        layout_commands.COMMANDS,
        plain_tex.COMMANDS,
        blocks.SECTIONS,
        citations.CITATIONS,
        citations.REFERENCES,
        front_matter.FRONT,
        dict.fromkeys(unicode_symbols(), characters.symbol),
        layout_commands.HIDING,
        layout_commands.SHOWING_ALL,
        layout_commands.SHOWING_LAST,
        layout_commands.DIMENSIONS,
        algorithms.BLOCKS,
        algorithms.LINES,
    ):
        for name, handle in table.items():
            handlers[name] = (*handlers.get(name, ()), handle)
    return handlers
