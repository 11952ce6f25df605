"""Symbols that a paper draws itself from boxes and kerns → the command of amssymb and amsmath for what the reader sees.

Before amssymb was everywhere, physicists and astronomers set ≲ as a `<` over a `∼`, ℝ as an `I` pushed into an `R`, and Feynman's slash as
a letter and a stroke. Formulas are to speak one language, and what is left of such a body without TeX's boxes is none:
`\\def\\lsim{\\mathrel{\\raise.3ex\\hbox{$<$\\kern-.75em\\lower1ex\\hbox{$\\sim$}}}}` → `\\lesssim`
"""

import re

MAX_BODY_CHARACTERS = 1_500  # the longest real one draws the sign in four sizes
_MARKS = (
    "\\kern", "\\mkern", "\\lower", "\\raise", "lap", "\\mathpalette", "\\vcenter", "\\ooalign", "\\setbox", "\\buildrel", "\\!", "\\hskip",
    "\\hrule", "\\mskip", "\\hspace", "\\stackrel", "\\atop", "\\overset", "\\underset",
)  # fmt: skip
_LENGTH = r"[-+]?\s*(?:\d*\.?\d+|\d+\.)\s*(?:true\s*)?(?:pt|cm|mm|in|em|ex|bp|pc|sp|dd|cc|mu)"
_REGISTER = r"\\(?:dimen|wd|ht|dp|skip|count|box|copy)\s*(?:\d+|\\[A-Za-z@]+|@)|\\dimen[A-Za-z@]*"
_INVISIBLE = re.compile(
    rf"\\if(?:dim|num)\s*(?:{_REGISTER})\s*[<>=]\s*(?:{_REGISTER}|{_LENGTH})"
    rf"|\\setbox\s*(?:\d|\\[A-Za-z@]+)\s*=?|(?:{_REGISTER})\s*=?\s*(?:{_LENGTH}|-?(?:{_REGISTER}))?|\\(?:advance|divide)|\bby\b"
    rf"|\\(?:kern|mkern|hskip|vskip|mskip|lower|raise|moveleft|moveright|baselineskip|lineskip|lineskiplimit|mathsurround)\s*=?\s*"
    rf"(?:{_LENGTH}|-?\d*\.?\d*\s*{_REGISTER})"
    rf"|\\(?:h|v)space\*?\s*\{{[^{{}}]*\}}|\\raisebox\s*\{{[^{{}}]*\}}|\b(?:to|width|height|depth)\s*-?(?:{_LENGTH}|{_REGISTER})"
    r"|\\mathpalette\s*\\[A-Za-z@]+|\\[!,;:/ ]|\\\\(?:\[[^\]]*\])?|[\s{}$&~]"
    r"|\\(?:hbox|mbox|vbox|vtop|vcenter|mathrel|mathop|mathbin|mathord|mathchoice|ooalign|[hi]align|rlap|llap|smash|clap|mathrlap|mathllap"
    r"|ensuremath|hss|hfil|hfill|hidewidth|offinterlineskip|displaystyle|textstyle|scriptstyle|scriptscriptstyle|crcr|cr|relax|leavevmode"
    r"|ifmmode|else|fi|limits|nolimits|buildrel|over|under|atop|stackrel|shortstack|overset|underset|strut|mathstrut|null|nointerlineskip|m@th|rm|it|bf|sf|cmss[a-z]*|small|tiny|scriptsize|footnotesize"
    r"|mathrm|mathsf|mathbf|text|textrm|textsf|protect|unskip)(?![A-Za-z@])"
)
_SHIFTED = re.compile(rf"\{{?\s*\\(?:lower|raise)\s*{_LENGTH}\s*\\hbox\s*\{{\s*\$?\s*(\\[A-Za-z]+)\s*\$?\s*\}}\s*\}}?")
_SEEN = re.compile(r"#*(\d)|#+|\\[A-Za-z@]+|\\.|.", re.S)
_CONTROL_WORD = re.compile(r"\\[A-Za-z]+")
_MOVES_BACK = re.compile(
    r"\\(?:m?kern|[hm]skip|hspace\*?\s*\{)\s*-|\\!\s*\\!|\\!\}?\{?\\(?:rm|sf|bf)|lap|\\ooalign|\\setbox|\\hss|\\mathpalette"
)
_STACKED = re.compile(
    r"\\(?:lower|raise|vcenter|buildrel|mathpalette|ooalign|raisebox|kern|rlap|llap|stackrel|atop|overset|underset)(?![A-Za-z])"
)
_RELATIONS = {
    frozenset({"<", "\\sim"}): "\\lesssim", frozenset({">", "\\sim"}): "\\gtrsim", frozenset({"<", "\\approx"}): "\\lessapprox",
    frozenset({">", "\\approx"}): "\\gtrapprox", frozenset({"\\lt", "\\sim"}): "\\lesssim", frozenset({"\\gt", "\\sim"}): "\\gtrsim",
    frozenset({"<", ">"}): "\\lessgtr", frozenset({"<", "\\simeq"}): "\\lesssim", frozenset({">", "\\simeq"}): "\\gtrsim",
}  # fmt: skip
_AVERAGE = re.compile(r"\s*\\Xint\s*(?:-|\{-\})\s*")  # by a macro that papers copy from one another
_BOARD_STEMS = frozenset("I|")
_BOARD_LETTERS = frozenset("ABCDEFGHKLMNOPQRTUWZ")
_RULED_LETTERS = frozenset("CGOQTZRN")


def standard_symbol(body: str) -> str | None:
    """The command for the symbol that a macro's body draws, `\\slashed{#1}` for a stroke through its argument; None for anything else."""
    if _AVERAGE.fullmatch(body) is not None:
        return "\\fint"
    if len(body) > MAX_BODY_CHARACTERS or not any(mark in body for mark in _MARKS):
        return None
    visible: list[str] = []
    rest = _INVISIBLE.sub("", re.sub(r"\\(?:vrule|hrule|inbar)(?![A-Za-z])", "", body))
    for found in _SEEN.finditer(rest):
        token = f"#{found[1]}" if found[1] and found[0][0] == "#" else found[0]
        if token.strip("#"):
            visible.append(token)
        if len(visible) > 12:
            return None
    if not visible and body.count("\\vrule") > 1 and "\\hrule" in body:
        return "\\square"  # of rules: d'Alembert's operator
    if visible == ["#1"] and body.count("\\hrule") == 1 and 0 <= body.find("\\vbox") < body.find("\\hrule") < body.find("#1"):
        return "\\overline{#1}"
    seen = list(dict.fromkeys(visible))
    if _STACKED.search(body) is not None:
        if (relation := _RELATIONS.get(frozenset(seen) - {"_"})) is not None:
            return relation
        if "\\mathpalette" in body and seen in (["<"], [">"]):
            return "\\lesssim" if seen == ["<"] else "\\gtrsim"
    if "\\mathpalette\\c@ncel" in body and len(seen) == 1:
        return f"\\slashed{{{seen[0]}}}"
    if not _MOVES_BACK.search(body):
        return None
    if set(seen) == {"-", "\\int"}:
        return "\\fint"
    if len(seen) > 1 and visible != seen * (len(visible) // len(seen)):  # \\mathchoice draws the same four times
        return _struck(seen)
    return _struck(seen) or _board(seen, len(visible), has_rule="\\vrule" in body or "\\inbar" in body)


def shifted_command(body: str) -> str | None:
    """The one command in a box that a body only lifts or lowers: `\\lower.5ex\\hbox{\\ltsima}` → `\\ltsima`; None for anything else."""
    found = _SHIFTED.fullmatch(body.strip()) if len(body) < 200 else None
    return None if found is None else found[1]


def _struck(seen: list[str]) -> str | None:
    """A stroke through one sign: Feynman's slash."""
    rest = [token for token in seen if token not in ("/", "\\slash", "\\not")]
    if len(seen) == 2 and len(rest) == 1 and (rest[0] == "#1" or rest[0].isalpha() or _CONTROL_WORD.fullmatch(rest[0])):
        return f"\\slashed{{{rest[0]}}}"
    return None


def _board(seen: list[str], num_visible: int, *, has_rule: bool) -> str | None:
    """Blackboard bold: a stem and a letter, a letter twice, a letter with a rule through it."""
    if len(seen) == 2 and seen[0] in _BOARD_STEMS and seen[1] in _BOARD_LETTERS:
        return f"\\mathbb{{{seen[1]}}}"
    if len(seen) == 1 and has_rule and seen[0] in _RULED_LETTERS:
        return f"\\mathbb{{{seen[0]}}}"
    if len(seen) == 1 and seen[0] in "Z1" and num_visible % 2 == 0:
        return f"\\mathbb{{{seen[0]}}}"
    return "\\mathbb{1}" if seen in (["1", "l"], ["1", "I"]) else None
