"""Definitions: `\\newcommand`, `\\def`, `\\let`, xparse's, environments, theorems, and packages' commands that define commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from preprocess.latex.drawn_symbols import shifted_command, standard_symbol
from preprocess.latex.expansion import names, registers, verbatims
from preprocess.latex.expansion.environment_commands import environments_by_name
from preprocess.latex.expansion.macros import Environment, Frame, Handler, Macro, argument_count, calls_itself, split_body, stored_body
from preprocess.latex.tables import PROTECTED_COMMANDS, PROTECTED_ENVIRONMENTS

if TYPE_CHECKING:
    from preprocess.latex.expand import Expander

_NAME = re.compile(r"[A-Za-z@]+")
_SUFFIXED = re.compile(
    r"\s*(?:\\(?:long|global|protected|outer)\s*)*\\([A-Za-z]+)\s*\*?\s*\{?\s*\\([A-Za-z@]+)\s*\}?\s*([^\s\\{}#A-Za-z\[])"
)
_POOR_BOLD = re.compile(r"\\setbox\s*\d\s*=?\s*\\hbox\s*\{\$?#1\$?\}")
_ONE_TOKEN = re.compile(r"\s*\\(?:[A-Za-z@]+|.)\s*", re.S)
_LET_SOURCE = re.compile(r"\s*=? ?(\\[A-Za-z@]+|\\?.)", re.S)
_ARGUMENT_PLACE = re.compile(r"#[1-9]")
_THEOREM_TITLE = re.compile(r"(?:name|title|heading)\s*=\s*(\{[^{}]*\}|[^,\]]*)")
_BARE_ARGUMENT = re.compile(r"=\s*(#\d)(?=\s*(?:,|\Z))")  # a title may hold commas
_ARGUMENT_KIND = re.compile(
    r"[+!]*(?:([mosvg])|(O)\s*\{([^{}]*)\}|(t)\s*(\{.\}|\\[A-Za-z]+|.)|([dDrR])\s*(\S)\s*(\S)\s*(?:\{([^{}]*)\})?"
    r"|([eE])\s*(?:\{([^{}]*)\}|(\S)))"
)
_PROCESSOR = re.compile(r">\s*\{(?:[^{}]|\{[^{}]*\})*\}|(?<=[eE]\})\s*\{(?:[^{}]|\{[^{}]*\})*\}")  # `>{\TrimSpaces}`, and defaults of `E`
_BODY = re.compile(r"\+?b\s*\Z")
_FRAMED_THEOREMS = ("newmdtheoremenv", "newframedtheorem", "newshadedtheorem", "newtheoremrep")
_DELIMITER_PARTS = {"DeclarePairedDelimiter": 2, "DeclarePairedDelimiterX": 3, "DeclarePairedDelimiterXPP": 5}
_VARIABLE_TITLE = re.compile(r"\s*(?:\\protect\s*)?\\([A-Za-z@]+)\s*")
_TITLE_WITH_MORE = re.compile(r"\s*\\let\s*(\\[A-Za-z@]+)\s*\\@title\s*\\[gx]def\s*\\@title\s*\{\s*\1(?![A-Za-z@])(.*)\}\s*", re.S)
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


def _newcommand(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text = frame.text
    position = frame.position + (text[frame.position : frame.position + 1] == "*")
    found = names.defined_name(expander, text, position)
    if found is not None:
        _define_by_newcommand(expander, frame, name, start, *found)
    return True


def _define_by_newcommand(expander: Expander, frame: Frame, name: str, start: int, target: str, position: int) -> None:
    """What stands behind the name that `\\newcommand` defines: the number of arguments, a default, the body."""
    text = frame.text
    num_arguments, default, position = _argument_count_at(expander, text, position)
    body = expander.scan.argument(text, position)
    if body is None:
        expander.warn("definition_not_closed", f"\\{name}")
        frame.position = position
        return
    frame.position = body[1]
    expander.dropped["definition"] += frame.num_source(start, body[1])
    if name == "providecommand" and (target in expander.macros or target in PROTECTED_COMMANDS):
        return
    if (calls_itself(target, body[0]) and not _ends(target, body[0])) or (default is None and _is_drawn(expander, target, body[0])):
        return
    hung = _TITLE_WITH_MORE.fullmatch(body[0]) if "@title" in body[0] else None
    if hung is not None and target in ("keywords", "subjclass"):
        return  # articles' own, which hang a footnote to the title, mean what those of the classes mean
    expander.define(target, Macro(num_arguments, default, split_body(stored_body(body[0] if hung is None else hung[2]))))


def _argument_count_at(expander: Expander, text: str, position: int) -> tuple[int, str | None, int]:
    """`[2][default]`: how many arguments, the default of the first where that is optional, and the place behind."""
    given = expander.scan.optional_argument(text, position)
    if given is None:
        return 0, None, position
    num_arguments, position = argument_count(given[0]), given[1]
    default = expander.scan.optional_argument(text, position)
    return (num_arguments, None, position) if default is None else (num_arguments, *default)


def _is_drawn(expander: Expander, target: str, body: str) -> bool:
    """Whether a body draws a symbol from boxes, for which there is a command; the target then stands for that."""
    symbol = standard_symbol(body)
    if symbol is None and (command := shifted_command(body)) is not None and command != f"\\{target}":
        expander.define(target, Macro(0, None, (command,)))
        return True
    if symbol is None:
        return False
    if symbol.partition("{")[0] != f"\\{target}":
        expander.define(target, Macro(symbol.count("#"), None, split_body(f"\\ensuremath{{{symbol}}}")))
    return True


def _def(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    found = names.defined_name(expander, frame.text, frame.position)
    if found is not None:
        _define_by_def(expander, frame, name, start, *found)
    return True


def _ends(name: str, body: str) -> bool:
    r"""Whether a macro that calls itself does so behind a test: `\def\all#1{\ifx#1\all\else…\expandafter\all\fi}`."""
    if "\\@ifnextchar" in body or "\\@ifstar" in body:
        return True  # what follows decides, and is used up: `\\def\\lam#1{\\lambda #1\\@ifnextchar\\bgroup{.\\lam}{.}}`
    return "\\ifx" in body and (f"\\expandafter\\{name}" in body or f"\\next\\{name}" in body or f"\\next=\\{name}" in body)


def _define_by_def(expander: Expander, frame: Frame, name: str, start: int, target: str, position: int) -> None:
    """What stands behind the name that `\\def` defines: its parameters and its body."""
    text = frame.text
    opening = _find_unescaped(text, "{", position)
    if opening < 0:
        return
    parameters = text[position:opening]
    end = expander.scan.group_end(text, opening)
    if end < 0 or len(parameters) > 200 or "\n\n" in parameters:
        expander.warn("definition_not_closed", f"\\{name}")
        return
    frame.position = end
    expander.dropped["definition"] += frame.num_source(start, end)
    body = stored_body(text[opening + 1 : end - 1])
    if calls_itself(target, body) and not _ends(target, body):
        return
    if parameters.strip() == "#1" and "\\copy" in body and _POOR_BOLD.search(body) is not None and body.count("#") == 1:
        body = r"\ensuremath{\boldsymbol{#1}}" if "$#1" in body else r"\hbox{#1}"  # printed twice and more, a little apart
    elif parameters.strip() in ("", "#1") and _is_drawn(expander, target, body):
        return
    is_global = name in ("gdef", "xdef")
    if name in ("edef", "xdef"):
        body = registers.with_counters(expander, body)
    delimiters = _ARGUMENT_PLACE.split(parameters.strip() if "#" not in parameters else parameters.lstrip())
    num_arguments = len(delimiters) - 1
    if num_arguments and delimiters[-1] == "#":
        delimiters[-1] = ""
    if not any(delimiters):
        expander.define(target, Macro(num_arguments, None, split_body(body)), is_global)
    else:
        expander.define(target, Macro(num_arguments, None, split_body(body), delimiters=tuple(delimiters)), is_global)


def _let(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = names.defined_name(expander, frame.text, frame.position)
    source = _let_source(expander, frame.text, target[1]) if target is not None else None
    if target is None or source is None:
        return True
    frame.position = source[1]
    expander.dropped["definition"] += frame.num_source(start, source[1])
    _define_as(expander, target[0], source[0])
    return True


def _let_source(expander: Expander, text: str, position: int) -> tuple[str, int] | None:
    found = _LET_SOURCE.match(text, position)
    if found is None:
        return None
    if found[1] in ("\\csname", "\\expandafter"):
        made = names.read_made_name(expander, text, found.start(1) if found[1] == "\\csname" else found.end())
        return None if made is None else (f"\\{made[0]}", made[1])
    return found[1], found.end()


def _define_as(expander: Expander, target: str, source: str) -> None:
    """`target` means from now on what `source`, a command or a character, means now."""
    if source.startswith("\\") and source[1:] in expander.macros:
        expander.define(target, expander.macros[source[1:]])
    elif (
        source != f"\\{target}"
        and source not in ("{", "}", "%", "\\undefined", "\\relax")
        and not (source.startswith("\\") and "@" in source)
    ):
        is_command = source.startswith("\\")
        expander.define(target, Macro(0, None, (source,), alias=source[1:] if is_command else None))


def _name_definition(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\@namedef{x}#1{…}`, `\csdef{x}#1{…}`: a `\def` of the name."""
    target = expander.scan.group(frame.text, frame.position)
    if target is None:
        return False
    made = names.made_name(expander, target[0])
    if made:
        kind = {"csgdef": "gdef", "csedef": "edef", "csxdef": "xdef"}.get(name, "def")
        _define_by_def(expander, frame, kind, start, made, target[1])
    return True


def _with_suffix(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""`\WithSuffix\newcommand\foo*[1]{…}`: `\foo*` is a command beside `\foo`."""
    found = _SUFFIXED.match(frame.text, frame.position)
    if found is None:
        return False
    kind, target, suffix = found[1], found[2], found[3]
    if target not in expander.suffixes:
        if target in expander.macros:
            expander.macros[f"{target}@plain"] = expander.macros[target]
        expander.suffixes[target] = ""
        expander.macros[target] = Macro(0, None, (f"\\@suffixed{{{target}}}",))
    expander.suffixes[target] += suffix
    define = _define_by_def if kind.endswith("def") else _define_by_newcommand
    define(expander, frame, kind, start, f"{target}{suffix}", found.end())
    return True


def _operator(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    position = frame.position
    star = ""
    if frame.text[position : position + 1] == "*":
        star, position = "*", position + 1
    target = expander.scan.argument(frame.text, position)
    body = expander.scan.argument(frame.text, target[1]) if target else None
    if target is None or body is None:
        return True
    frame.position = body[1]
    expander.dropped["definition"] += frame.num_source(start, body[1])
    found = _NAME.match(target[0].strip().lstrip("\\"))
    if found:
        expander.define(found[0], Macro(0, None, (f"\\operatorname{star}{{{body[0]}}}",)))
    return True


def _document_command(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    target = expander.scan.argument(frame.text, frame.position)
    spec = expander.scan.argument(frame.text, target[1]) if target else None
    body = expander.scan.argument(frame.text, spec[1]) if spec else None
    if target is None or spec is None or body is None:
        return True
    frame.position = body[1]
    expander.dropped["definition"] += frame.num_source(start, body[1])
    kinds = argument_kinds(spec[0])
    expander.define(target[0].strip().lstrip("\\"), Macro(len(kinds), None, split_body(stored_body(body[0])), spec=tuple(kinds)))
    return True


def _document_environment(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """xparse's environments; one that takes its body as an argument (`+b`) ends where its code goes on behind that."""
    found = expander.scan.all_arguments(frame.text, frame.position, 4)
    if found is None:
        return False
    given, frame.position = found
    expander.dropped["definition"] += frame.num_source(start, frame.position)
    environment, spec, begin, end = given
    begin, end = environments_by_name(begin, end)
    kinds = argument_kinds(_BODY.sub("", spec))
    if _BODY.search(spec):
        begin, _, rest = begin.partition(f"#{len(kinds) + 1}")
        end = rest + end
    macro = Macro(len(kinds), None, split_body(stored_body(begin)), spec=tuple(kinds))
    if environment.strip() not in PROTECTED_ENVIRONMENTS:
        expander.define_environment(environment.strip(), Environment(macro, _ARGUMENT_PLACE.sub("", stored_body(end))))
    return True


def _newenvironment(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text, position = frame.text, frame.position
    if text[position : position + 1] == "*":
        position += 1
    target = expander.scan.argument(text, position)
    if target is None:
        return True
    position = target[1]
    num_arguments, default, position = _argument_count_at(expander, text, position)
    begin = expander.scan.argument(text, position)
    end = expander.scan.argument(text, begin[1]) if begin else None
    if begin is None or end is None:
        return True
    frame.position = end[1]
    expander.dropped["definition"] += frame.num_source(start, end[1])
    environment = target[0].strip()
    if begin[0].strip() == "\\comment" and "\\endcomment" in end[0]:
        expander.excluded_environments.add(environment)
        return True
    if verbatims.BEGINS_VERBATIM.search(begin[0]):
        expander.verbatims[environment] = num_arguments - (default is not None)
        return True
    begins, ends = environments_by_name(begin[0], end[0])
    if environment not in PROTECTED_ENVIRONMENTS and f"\\begin{{{environment}}}" not in begins:
        macro = Macro(num_arguments, default, split_body(stored_body(begins)))
        expander.define_environment(environment, Environment(macro, stored_body(ends)))
    return True


def _newtheorem(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    text, position = frame.text, frame.position
    is_numbered = text[position : position + 1] != "*"
    position += not is_numbered
    if name in _FRAMED_THEOREMS and (given := expander.scan.optional_argument(text, position)) is not None:
        position = given[1]
    target = expander.scan.argument(text, position)
    if target is None:
        return True
    position = target[1]
    if (given := expander.scan.optional_argument(text, position)) is not None:
        position = given[1]
    title = expander.scan.argument(text, position)
    if title is None:
        return True
    position = title[1]
    if (given := expander.scan.optional_argument(text, position)) is not None:
        position = given[1]
    frame.position = position
    expander.dropped["definition"] += frame.num_source(start, position)
    environment = target[0].strip()
    if _is_named_later(expander, title[0], is_numbered=is_numbered):
        begin = Macro(1, "", split_body(f"\\begin{{titledtheorem}}{{{title[0]}}}[#1]"))
        expander.define_environment(environment, Environment(begin, "\\end{titledtheorem}"))
    else:
        expander.theorems[environment] = _set_title(expander, title[0])
    return True


def _is_named_later(expander: Expander, title: str, *, is_numbered: bool) -> bool:
    r"""Whether a theorem's title is a macro that each use sets first: `\newtheorem*{rep@theorem}{\rep@title}`."""
    found = _VARIABLE_TITLE.fullmatch(title)
    if found is None or not is_numbered:
        return found is not None
    macro = expander.macros.get(found[1])
    return not found[1].endswith("name") if macro is None else not "".join(map(str, macro.pieces)).strip()


def _set_title(expander: Expander, title: str) -> str:
    """A theorem's title; where that is a macro of the paper's, what it stands for."""
    found = _VARIABLE_TITLE.fullmatch(title)
    macro = expander.macros.get(found[1]) if found is not None else None
    return "".join(map(str, macro.pieces)) if macro is not None and not macro.num_arguments else title


def _newtcolorbox(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """tcolorbox's `\\newtcolorbox{keys}[1]{title=#1}` and mdframed's `\\newmdenv[frametitle=Note]{note}`."""
    text, position = frame.text, frame.position
    options, num_arguments = "", 0
    default: str | None = None
    if (given := expander.scan.optional_argument(text, position)) is not None:
        options, position = given
    target = expander.scan.group(text, position)
    if target is None:
        return True
    position = target[1]
    if name == "newtcolorbox":
        num_arguments, default, position = _argument_count_at(expander, text, position)
        body = expander.scan.group(text, position)
        if body is None:
            return True
        options, position = body
    frame.position = position
    expander.dropped["definition"] += frame.num_source(start, position)
    box = "tcolorbox" if name == "newtcolorbox" else "mdframed"
    options = _BARE_ARGUMENT.sub(r"={\1}", options)
    begin = Macro(num_arguments, default, split_body(stored_body(f"\\begin{{{box}}}[{options}]")))
    expander.define_environment(target[0].strip(), Environment(begin, f"\\end{{{box}}}"))
    return True


def _newtcbtheorem(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """tcolorbox's `\\newtcbtheorem{lem}{Lemma}{colback=red}{l}`, used as `\\begin{lem}{title}{label}`."""
    text, position = frame.text, frame.position
    if (given := expander.scan.optional_argument(text, position)) is not None:
        position = given[1]
    groups: list[str] = []
    while len(groups) < 4:
        found = expander.scan.group(text, position)
        if found is None:
            return True
        groups.append(found[0])
        position = found[1]
    frame.position = position
    expander.dropped["definition"] += frame.num_source(start, position)
    target, title, _, prefix = groups
    own = f"{target.strip()}@tcb"
    expander.theorems[own] = title
    begin = f"\\begin{{{own}}}[#2]\\label{{{prefix.strip()}:#3}}"
    expander.define_environment(target.strip(), Environment(Macro(3, "", split_body(begin)), f"\\end{{{own}}}"))
    return True


def _declaretheorem(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    position = frame.position
    options = ""
    if (given := expander.scan.optional_argument(frame.text, position)) is not None:
        options, position = given
    target = expander.scan.argument(frame.text, position)
    if target is None:
        return True
    frame.position = target[1]
    if (given := expander.scan.optional_argument(frame.text, frame.position)) is not None:
        options, frame.position = options + given[0], given[1]
    title = _THEOREM_TITLE.search(options)
    expander.dropped["definition"] += frame.num_source(start, frame.position)
    expander.theorems[target[0].strip()] = title[1].strip("{} \n") if title else target[0].strip().capitalize()
    return True


def _paired_delimiter(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """mathtools' `\\DeclarePairedDelimiter{\\abs}{\\lvert}{\\rvert}`; of `…XPP`, what stands before and behind comes too."""
    text, position = frame.text, frame.position
    target = expander.scan.argument(text, position)
    if target is None:
        return True
    position, num_arguments = target[1], 1
    if (given := expander.scan.optional_argument(text, position)) is not None:
        num_arguments, position = argument_count(given[0], 1), given[1]
    found = expander.scan.all_arguments(text, position, _DELIMITER_PARTS[name])
    if found is None:
        return True
    parts, frame.position = found
    expander.dropped["definition"] += frame.num_source(start, frame.position)
    before, behind = ("", "")
    if name.endswith("XPP"):
        before, *parts = parts
        behind = parts.pop(2)
    left, right, *bodies = parts
    before, inner, behind = (
        re.sub(r"#(\d)", lambda found: f"#{int(found[1]) + 2}", stored_body(part).replace("\\delimsize", ""))
        for part in (before, bodies[0] if bodies else "#1", behind)
    )
    scaled = f"\\left{left} {inner} \\right{right}"
    sized = f"\\IfNoValueTF{{#2}}{{{left} {inner} {right}}}{{#2{left} {inner} #2{right}}}"
    whole = f"{before}\\IfBooleanTF{{#1}}{{{scaled}}}{{{sized}}}{behind}"
    spec = ("s", "o", *("m" for _ in range(num_arguments)))
    expander.define(target[0].strip().lstrip("\\"), Macro(len(spec), None, split_body(whole), spec=spec))
    return True


def _algorithm_keyword(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    """algorithm2e's definitions of keywords: `\\SetKwFor{For}{for}{do}{end}` makes `\\For{c}{b}`."""
    keywords: list[str] = []
    position = frame.position
    while len(keywords) < _ALGORITHM_KEYWORDS[name]:
        found = expander.scan.group(frame.text, position)
        if found is None:
            return False
        keywords.append(found[0])
        position = found[1]
    frame.position = position
    expander.dropped["definition"] += frame.num_source(start, position)
    for target, spec, body in _algorithm_macros(name, keywords):
        expander.define(target.strip().lstrip("\\"), Macro(len(spec), None, split_body(body), spec=spec))
    return True


def _tell_number(expander: Expander, frame: Frame, name: str, start: int) -> bool:
    r"""Numbers that are macros, of harvmac and phyzzx: `\lref\ww{E. Witten, …}`, `\eqn\one{E=mc^2}`, then `\ww`."""
    token = (expander.read_argument() or "").strip()
    found = _ONE_TOKEN.fullmatch(token)
    key = token[1:].strip() if found else "".join(_NAME.findall(token))[:40]
    has_text = name in ("@tellreference", "@citereference", "@tellformula", "@tellfigure", "@citefigure")
    content = ((expander.read_argument() or "") if found else token) if has_text else ""
    kind = name.removeprefix("@tell").removeprefix("@cite").removeprefix("@name")
    expander.macros["ref@"] = Macro(0, None, ("\\ref",), alias="ref")  # the formats have a \ref of their own
    shown = {"reference": f"\\cite{{{key}}}", "formula": f"(\\ref@{{{key}}})"}.get(kind, f"\\ref@{{{key}}}")
    if found and kind == "formulas":
        expander.macros[key] = Macro(1, None, split_body(f"(\\ref@{{{key}}}#1)"))
    elif found:
        expander.macros[key] = Macro(0, None, (shown,))
    if name == "@tellformula":
        expander.push(f"\\begin{{equation}}{content}\\end{{equation}}")
    elif kind == "figure":
        expander.push(f"\\caption{{{content}}}" if name == "@tellfigure" else f"fig.~{shown}\\footnotetext{{{content}}}")
    else:
        expander.dropped["bibliography"] += len(content)
        if name == "@citereference":
            expander.push(shown)
    return True


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


def argument_kinds(spec: str) -> list[str]:
    """xparse's argument specification, argument by argument, as `Expander` reads them."""
    kinds: list[str] = []
    for found in _ARGUMENT_KIND.finditer(_PROCESSOR.sub(" ", spec)):
        if found[10] is not None:  # embellishments: `e{_^}`
            kinds += [f"e{token}" for token in (found[11] or found[12]) if token.strip()]
            continue
        letter = found[1] or found[2] or found[4] or found[6]
        if letter in "mv":
            kinds.append("m")
        elif letter in "osg":
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


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        (
            "newcommand",
            "renewcommand",
            "providecommand",
            "DeclareRobustCommand",
            "newrobustcmd",
            "renewrobustcmd",
            "algnewcommand",
            "algrenewcommand",
        ),
        _newcommand,
    ),
    **dict.fromkeys(("def", "gdef", "edef", "xdef", "define", "redefine", "predefine"), _def),
    **dict.fromkeys(("@namedef", "csdef", "csgdef", "csedef", "csxdef"), _name_definition),
    "WithSuffix": _with_suffix,
    "let": _let,
    "DeclareMathOperator": _operator,
    **dict.fromkeys(("NewDocumentCommand", "RenewDocumentCommand", "ProvideDocumentCommand", "DeclareDocumentCommand"), _document_command),
    **dict.fromkeys(("newenvironment", "renewenvironment"), _newenvironment),
    **dict.fromkeys(
        ("NewDocumentEnvironment", "RenewDocumentEnvironment", "ProvideDocumentEnvironment", "DeclareDocumentEnvironment"),
        _document_environment,
    ),
    **dict.fromkeys(("newtheorem", "spnewtheorem", "newproclaim", "newproof", "newdefinition", *_FRAMED_THEOREMS), _newtheorem),
    "declaretheorem": _declaretheorem,
    **dict.fromkeys(("newtcolorbox", "newmdenv"), _newtcolorbox),
    **dict.fromkeys(("newtcbtheorem", "NewTcbTheorem"), _newtcbtheorem),
    **dict.fromkeys(_DELIMITER_PARTS, _paired_delimiter),
    **dict.fromkeys(_ALGORITHM_KEYWORDS, _algorithm_keyword),
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
        _tell_number,
    ),
}
