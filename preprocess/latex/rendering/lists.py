"""Lists: each item on a line with the mark that a reader sees, `- `, `1. `, `(a) `, as LaTeX, the class or the paper has it."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

ENVIRONMENTS = frozenset(
    {
        "itemize", "enumerate", "description", "list", "trivlist", "compactenum", "compactitem", "inparaenum", "asparaenum", "enumitem",
        "tasks", "dinglist", "dingautolist",
    }
)  # fmt: skip
_ARTICLE = (r"\theenumi.", r"(\theenumii)", r"\theenumiii.", r"\theenumiv.")
_LABELS_BY_CLASS = {
    "amsart": (r"(\theenumi)", r"(\theenumii)", r"(\theenumiii)", r"(\theenumiv)"),
    "ieeetran": (r"\theenumi)", r"\theenumii)", r"\theenumiii)", r"\theenumiv)"),
}
_LABELS_BY_CLASS |= dict.fromkeys(("amsproc", "amsbook"), _LABELS_BY_CLASS["amsart"])
_NUMBERS = (r"\arabic*", r"\alph*", r"\roman*", r"\Alph*")
_LEVELS = ("i", "ii", "iii", "iv")
_SHORT = {"1": r"\arabic*", "a": r"\alph*", "A": r"\Alph*", "i": r"\roman*", "I": r"\Roman*"}
_SHORT_COUNTER = re.compile(r"\\[A-Za-z]+|\{[^{}]*\}|1|(?<![A-Za-z])[AaIi](?![A-Za-z])")
_OPTION = re.compile(r"(?:[^,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+")
_COUNTER = re.compile(r"\\(arabic|alph|Alph|roman|Roman|fnsymbol|theenum(i{1,3}|iv))(?![A-Za-z])\s*(?:\*|\{\s*[\w*]*\s*\})?")
_NUM_COLUMNS = re.compile(r"\s*\(\d+\)")
_USE_COUNTER = re.compile(r"\\usecounter\s*\{")
_GROUP = r"\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_DECLARED = re.compile(
    r"\\(?:(?P<part>labelenum|theenum)@\{(?P<level>i{1,3}|iv)\}|setlist\*?\s*(?:\[(?P<lists>[^\]]*)\])?|newlist\s*\{(?P<name>[A-Za-z]+)\})"
    + _GROUP
)
_OWN_LABELS = {  # of the packages gb4e and exam
    "exe": r"label=(\arabic*),resume", "xlist": r"label=\alph*.", "xlista": r"label=\alph*.", "xlisti": r"label=\roman*.",
    "xlistA": r"label=\Alph*.", "questions": r"label=\arabic*.", "parts": r"label=(\alph*)", "subparts": r"label=\roman*.",
    "subsubparts": r"label=(\Alph*)", "choices": r"label=\Alph*.", "oneparchoices": r"label=\Alph*.", "checkboxes": r"label=-",
}  # fmt: skip
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"),
          (4, "iv"), (1, "i"))  # fmt: skip
_SYMBOLS = "*†‡§¶‖"
_SHORT_MARK = re.compile(r"\w{1,4}[.)\]:]")
QUOTED_MARK = re.compile(r'\s*"([^"\n]{0,40})"\s*')
_SIGNS = (
    "bullet", "cdot", "circ", "diamond", "Diamond", "ast", "star", "bigcirc", "triangleright", "blacktriangleright", "rhd", "square",
    "blacksquare",
)  # fmt: skip
_BULLETS = frozenset(
    ("-", "–", "—", "•", "◦", "▪", "■", "●", "►", "*", "·", "∙", "$-$", "$*$", *(rf"$\{sign}$" for sign in _SIGNS))
)  # marks of `\item[…]` that `- ` stands for
MAX_NUMBER = 100_000  # of an item: a Roman number is as long as its thousands


@dataclass(slots=True)
class OpenList:
    """A list that is open: `number` of its last item, None where items have none; `label` as enumitem writes it, `(\\alph*)`."""

    number: int | None
    label: str
    level: int
    is_inline: bool
    name: str = ""  # its environment
    has_items: bool = False


class Lists:
    """The open lists of one root, and what the paper has said of their labels."""

    def __init__(self, document_class: str = "") -> None:
        self.open: list[OpenList] = []
        self.labels = list(_LABELS_BY_CLASS.get(document_class, _ARTICLE))  # by level
        self.numbers = list(_NUMBERS)
        self.options: dict[str, str] = dict(_OWN_LABELS)  # list or list and level (`enumerate2`) → options of `\setlist`
        self.own: dict[str, str] = dict.fromkeys(_OWN_LABELS, "enumerate")  # lists of `\newlist` and of packages → the kind that they are
        self.last: dict[tuple[str, int], int] = {}  # the last number of each list's name and level, for lists that go on

    def read_preamble(self, preamble: str) -> None:
        """Labels that a preamble declares."""
        for found in _DECLARED.finditer(preamble):
            self.declare(found)

    def declare(self, found: re.Match[str]) -> None:
        """One declaration: `\\labelenumi`, `\\theenumi`, enumitem's `\\setlist[enumerate,1]{…}`, `\\newlist{steps}{enumerate}{1}`."""
        content = found[found.re.groups]
        if found["part"]:
            level = _LEVELS.index(found["level"])
            kept = self.labels if found["part"] == "labelenum" else self.numbers
            if self.open and found["part"] == "labelenum" and self.open[-1].number is not None and self.open[-1].level == level:
                self.open[-1].label = content  # inside a list: for this one alone
            else:
                kept[level] = content
        elif found["name"]:
            self.own[found["name"]] = content.strip()
        else:
            names = [part.strip() for part in (found["lists"] or "").split(",") if part.strip()]
            levels = [part for part in names if part.isdecimal()]
            for name in [part for part in names if not part.isdecimal()] or [""]:
                for depth in levels or [""]:
                    self.options[f"{name}{depth}"] = content


def enter(renderer: "Renderer", text: str, position: int, raw_name: str, out: list[str]) -> int:
    """Opens a list at `position`, after its `\\begin{…}`."""
    lists, name = renderer.lists, raw_name.rstrip("*")
    kind = lists.own.get(name, name).rstrip("*")
    is_inline = kind == "inparaenum" or raw_name in ("enumerate*", "itemize*") or lists.own.get(name, "").endswith("*")
    if not is_inline:
        out.append("" if lists.open else "\n")
    label, options = "", ""
    if name in ("dinglist", "dingautolist"):  # pifont's, whose argument is the number of a sign
        position = renderer.arguments(text, position, "m")[1]
    if name == "list":
        given, position = renderer.arguments(text, position, "mm")
        is_numbered = len(given) == 2 and _USE_COUNTER.search(given[1] or "") is not None
        label = (given[0] or "") if is_numbered else ""
    else:
        is_numbered = "enum" in kind or kind == "tasks"
        if (found := renderer.scan.optional_argument(text, position)) is not None:
            options, position = found
    if name == "tasks" and (columns := _NUM_COLUMNS.match(text, position)) is not None:
        position = columns.end()
    level = min(3, sum(one.number is not None for one in lists.open))
    opened = OpenList(0 if is_numbered else None, label or (r"\alph*)" if kind == "tasks" else lists.labels[level]), level, is_inline, name)
    if is_numbered:
        for given_options in ("", kind, f"{kind}{level + 1}", *((name, f"{name}{level + 1}") if name != kind else ())):
            if given_options in lists.options:
                _obey(renderer, opened, lists.options[given_options], has_short=False)
        _obey(renderer, opened, options, has_short=True)
    lists.open.append(opened)
    return position


def leave(renderer: "Renderer", out: list[str]) -> None:
    """Closes the innermost list."""
    lists = renderer.lists
    closed = lists.open.pop() if lists.open else None
    if closed is not None and closed.number is not None:
        lists.last[closed.name, closed.level] = closed.number
    out.append(" " if closed is not None and closed.is_inline else "\n" if lists.open else "\n\n")


def _obey(renderer: "Renderer", opened: OpenList, options: str, *, has_short: bool) -> None:
    """enumitem's options, or a label of the package enumerate: `[(i)]`, `[Step 1:]`."""
    for index, option in enumerate(_OPTION.findall(options)):
        key, equals, value = (part.strip() for part in option.partition("="))
        if key == "label" and equals:
            opened.label = _without_braces(value)
        elif key == "label*":
            around = next((one for one in reversed(renderer.lists.open) if one.number is not None), None)
            opened.label = (_label(renderer, around) if around is not None else "") + _without_braces(value)
        elif key == "start" and value.isdecimal() and len(value) < 6:
            opened.number = int(value) - 1
        elif key in ("resume", "resume*"):
            opened.number = renderer.lists.last.get((opened.name, opened.level), 0)
        elif not equals and has_short and index == 0 and (label := _from_short(option.strip())) is not None:
            opened.label = label


def _from_short(option: str) -> str | None:
    for found in _SHORT_COUNTER.finditer(option):
        if found[0] in _SHORT:
            return option[: found.start()] + _SHORT[found[0]] + option[found.end() :]
    return None


def _without_braces(value: str) -> str:
    return value[1:-1] if value.startswith("{") and value.endswith("}") and "}" not in value[1:-1] else value


def _label(renderer: "Renderer", opened: OpenList) -> str:
    number = opened.number or 0

    def counted(found: re.Match[str]) -> str:
        if found[2]:  # of this list or of one around it
            level = _LEVELS.index(found[2])
            form = _COUNTER.match(renderer.lists.numbers[level])
            around = [one.number for one in (*renderer.lists.open, opened) if one.number is not None and one.level == level]
            return _written(form[1] if form else "arabic", around[-1] if around else number)
        return _written(found[1], number)

    shown = _COUNTER.sub(counted, opened.label)
    return renderer.inline(shown) if any(character in shown for character in "\\${}~") else shown.strip()


def _written(form: str, number: int) -> str:
    if form in ("alph", "Alph") and 0 < number <= 26:
        return chr(ord("a" if form == "alph" else "A") + number - 1)
    if form in ("roman", "Roman"):
        roman = ""
        for value, digits in _ROMAN:
            roman += digits * (number // value)
            number %= value
        return roman if form == "roman" else roman.upper()
    if form == "fnsymbol" and 0 < number <= len(_SYMBOLS):
        return _SYMBOLS[number - 1]
    return str(number)


def _item(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    lists = renderer.lists
    opened = lists.open[-1] if lists.open else None
    head = " " if opened is not None and opened.is_inline else "\n"
    if opened is not None:
        if (opened.has_items or len(lists.open) > 1) and ends_line(out):
            head = ""
        opened.has_items = True
    start = skip_line_space(text, end)
    label, is_labelled = "", False
    if (given := renderer.scan.optional_argument(text, end)) is not None and text[start : start + 1] == "[":
        label, is_labelled = renderer.inline(given[0]), True
        end = given[1]
    elif (quoted := QUOTED_MARK.match(text, end)) is not None and (
        renderer.document_class == "amsppt" or "(" in quoted[1] or _SHORT_MARK.fullmatch(quoted[1])
    ):  # AmS-TeX: \item"(a)"
        label = renderer.inline(quoted[1])
        end = quoted.end()
    if label:
        out.append(f"{head}- " if label in _BULLETS and opened is not None else f"{head}- {label} ")
    elif is_labelled:
        out.append(head)  # \item[]: a line without a mark
    else:
        out.append(f"{head}{_next_mark(renderer, opened)} ")
    return skip_line_space(text, end)


def _next_mark(renderer: "Renderer", opened: OpenList | None) -> str:
    if opened is None or opened.number is None or opened.number >= MAX_NUMBER:
        return "-"
    opened.number += 1
    return _label(renderer, opened) or "-"


def number_item(renderer: "Renderer", opened: OpenList, out: list[str]) -> None:
    """The mark of the list's next item, on a line of its own."""
    opened.has_items = True
    out.append(f"\n{_next_mark(renderer, opened)} ")


def ends_line(out: list[str]) -> bool:
    """Whether what is written ends with a line end, as after a display or a list."""
    for part in reversed(out[-4:]):
        if shown := part.rstrip(" "):
            return shown[-1] == "\n"
    return False


def _task(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    return _item(renderer, text, end, name, out) if renderer.lists.open else -1


def _declare(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = _DECLARED.match(text, end - len(name) - 1 - (text[end - 1] == "*"))
    if found is None:
        return -1
    renderer.lists.declare(found)
    return renderer.arguments(text, found.end(), "m")[1] if name == "newlist" else found.end()


def _set_counter(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """`\\setcounter{enumi}{3}` in a list."""
    given, after = renderer.arguments(text, end, "mm")
    number = (given[1] or "").strip() if len(given) == 2 else ""
    opened = renderer.lists.open[-1] if renderer.lists.open else None
    if opened is None or opened.number is None or not (given[0] or "").startswith("enum") or not re.fullmatch(r"-?\d{1,5}", number):
        return -1
    opened.number = max(0, int(number) + (opened.number if name == "addtocounter" else 0))
    return after


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(("item", "itemitem", "bitem"), _item),
    "task": _task,
    **dict.fromkeys(("labelenum@", "theenum@", "setlist", "newlist"), _declare),
    **dict.fromkeys(("setcounter", "addtocounter"), _set_counter),
}
