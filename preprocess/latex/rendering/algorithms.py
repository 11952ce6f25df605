"""Lines of algorithms: algorithmic's and algorithmicx's commands, algorithm2e's blocks, the numbers that they print."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.scan import skip_line_space

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_ALGORITHM = {
    "If": "if {} then", "ElsIf": "else if {} then", "ElseIf": "else if {} then", "Else": "else", "EndIf": "end if", "For": "for {} do",
    "ForAll": "for all {} do", "EndFor": "end for", "While": "while {} do", "EndWhile": "end while", "Repeat": "repeat",
    "Until": "until {}", "Loop": "loop", "EndLoop": "end loop", "State": "", "Statex": "", "Require": "Require:", "Ensure": "Ensure:",
    "Return": "return", "Procedure": "procedure {}({})", "EndProcedure": "end procedure", "Function": "function {}({})",
    "EndFunction": "end function", "Comment": "▷ {}", "STATE": "", "IF": "if {} then", "ELSE": "else", "ENDIF": "end if",
    "FOR": "for {} do", "ENDFOR": "end for", "WHILE": "while {} do", "ENDWHILE": "end while", "RETURN": "return", "REQUIRE": "Require:",
    "ENSURE": "Ensure:", "COMMENT": "▷ {}", "REPEAT": "repeat", "UNTIL": "until {}", "FORALL": "for all {} do",
    "ELSIF": "else if {} then", "Input": "Input:", "Output": "Output:", "KwIn": "Input: {}", "KwOut": "Output: {}", "KwData": "Data: {}",
    "KwResult": "Result: {}", "KwRet": "return", "Call": "{}({})",
    "TO": "to", "KwTo": "to", "AND": "and", "OR": "or", "NOT": "not", "TRUE": "true", "FALSE": "false", "PRINT": "print",
    "XOR": "xor", "LOOP": "loop", "ENDLOOP": "end loop",
}  # fmt: skip
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
_WHOLE_LINES = frozenset({"KwIn", "KwOut", "KwData", "KwResult"})
_UNNUMBERED = frozenset(
    {"Require", "Ensure", "Statex", "REQUIRE", "ENSURE", "Input", "Output", "Return"}
)  # of algorithmicx and algorithmic
_IN_LINE = frozenset({"KwTo", "Comment", "COMMENT", "Call", "TO", "AND", "OR", "NOT", "TRUE", "FALSE", "XOR"})
_LINES_NUMBERED = re.compile(
    r"\\usepackage\s*\[[^\]]{0,200}(?i:linesnumbered(?!hidden))[^\]]{0,200}\]\s*\{[^{}]*algorithm2e|\\(?i:linesnumbered)(?![A-Za-z])"
)
_NO_BLOCK_ENDS = re.compile(r"\\usepackage\s*\[[^\]]*(?:vlined|noend)[^\]]*\]\s*\{[^{}]*algorithm2e|\\SetAlgo(?:Vlined|NoEnd)(?![A-Za-z])")
_LONG_BLOCK_ENDS = re.compile(r"\\usepackage\s*\[[^\]]*longend[^\]]*\]\s*\{[^{}]*algorithm2e|\\SetAlgoLongEnd(?![A-Za-z])")
_COMMENTS_NUMBERED = re.compile(r"\\usepackage\s*\[[^\]]*commentsnumbered[^\]]*\]\s*\{[^{}]*algorithm2e")
_HEAD_OF_ALGORITHM = re.compile(r"(?:[^\W\d_][\w /]{0,30}:|\[caption:)(?=\s|$)")  # algorithm2e's input and output: lines without a number
_LINE_STEP = re.compile(r"\s*\[\s*(\d{1,3})\s*\]")  # \begin{algorithmic}[1]
_OWN_COMMENT = ("/* ", "// ")  # of algorithm2e, on a line of its own: a line without a number
_LINE_START = re.compile(r"(?:^|\n)\s*(?:\d+: )?\s*\Z")
ENVIRONMENTS = frozenset({"algorithm", "algorithm2e", "algorithmic", "algo", "procedure", "function", "algorithmicx"})


def are_lines_numbered(preamble: str) -> bool:
    """Whether a preamble asks algorithm2e for numbers before the lines."""
    return _LINES_NUMBERED.search(preamble) is not None


def have_blocks_ends(preamble: str) -> bool:
    """Whether algorithm2e prints `end if` and its like, as far as a preamble tells."""
    return _NO_BLOCK_ENDS.search(preamble) is None


def have_blocks_long_ends(preamble: str) -> bool:
    """Whether algorithm2e ends blocks with `end if` and its like, instead of `end`."""
    return _LONG_BLOCK_ENDS.search(preamble) is not None


def are_comments_numbered(preamble: str) -> bool:
    """Whether algorithm2e counts a comment on a line of its own as a line."""
    return _COMMENTS_NUMBERED.search(preamble) is not None


def enter(renderer: "Renderer", text: str, position: int, name: str, out: list[str]) -> None:
    """Notes at the beginning of an algorithm which package's it is and how its lines are numbered."""
    renderer.algorithm_depth += 1
    renderer.is_algorithmic = name != "algorithm2e" and "\\begin{algorithmic}" in text[position - 20 : position + 2_000]
    renderer.line_step = renderer.num_lines = 0
    renderer.has_algorithm_lines = renderer.has_algorithm_lines and renderer.algorithm_depth > 1
    if name == "algorithmic" and (every := _LINE_STEP.match(text, position)) is not None:
        renderer.line_step = int(every[1])
    renderer.algorithms.append((len(out), renderer.has_line_numbers))


def leave(renderer: "Renderer", name: str, out: list[str]) -> None:
    """Numbers the lines of an algorithm of algorithm2e at its end, where they want numbers."""
    if not renderer.algorithms:
        return
    renderer.algorithm_depth -= 1
    renderer.line_step = 0
    start, had_line_numbers = renderer.algorithms.pop()
    if renderer.has_algorithm_lines and (name == "algorithmic" or not (renderer.algorithm_depth or renderer.is_algorithmic)):
        _drop_blank_lines(out, start)
    if renderer.has_line_numbers and not renderer.is_algorithmic and not renderer.algorithm_depth:
        _number_lines(out, start, has_comment_numbers=renderer.has_comment_numbers)
    renderer.has_line_numbers = had_line_numbers


def _line(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """algorithmic and algorithmicx: a command begins a line, and its number where lines have them."""
    if not renderer.algorithm_depth and not name[0].isupper():
        return -1
    pattern = _ALGORITHM[name]
    renderer.has_algorithm_lines = True
    given: list[str] = []
    for _ in range(pattern.count("{}")):
        found = renderer.scan.group(text, end)
        if found is None:
            break
        given.append(renderer.inline(found[0]))
        end = found[1]
    given += [""] * (pattern.count("{}") - len(given))
    if name in _IN_LINE or (name == "Return" and renderer.is_algorithmic and _LINE_START.search("".join(out[-3:])[-40:]) is not None):
        head = " "
    elif renderer.line_step and name not in _UNNUMBERED:
        renderer.num_lines += 1
        head = f"\n{renderer.num_lines}: " if renderer.num_lines % renderer.line_step == 0 else "\n"
    else:
        head = "\n"
    out.append(head + pattern.format(*given) + ("\n" if name in _WHOLE_LINES else " "))
    return skip_line_space(text, end)


def _block(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """algorithm2e: `\\If{c}{body}`, with its end in words where the package prints one."""
    if not renderer.algorithm_depth or renderer.is_algorithmic:
        return -1
    arguments: list[str] = []
    renderer.has_algorithm_lines = True
    opening, num_arguments, closing = _BLOCKS[name]
    if (given := renderer.scan.optional_argument(text, end)) is not None:
        end = given[1]
    comment = ""
    if text[end : end + 1] == "(" and (stop := renderer.scan.find_outside_groups(text, ")", end + 1, 2_000)) > 0:
        comment, end = renderer.inline(text[end + 1 : stop]), stop + 1  # \If(\tcp*[f]{text}){…}
    for _ in range(num_arguments):
        found = renderer.scan.group(text, end)
        if found is None:
            break
        arguments.append(found[0])
        end = found[1]
    if not arguments:
        return skip_line_space(text, end)
    head = renderer.inline(arguments.pop(0)) if "{}" in opening else ""
    out.append(f"\n{opening.format(head)} {comment}".rstrip() + "\n")
    for number, body in enumerate(arguments):
        if number:
            out.append("\nelse\n")
        out.append(renderer.nested(body))
    if closing and not renderer.has_long_block_ends:
        closing = "end"
    out.append(f"\n{closing}\n" if closing and renderer.has_block_ends else "\n")
    return end


def _line_number(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """algorithm2e's `\\nl`: a number for this line alone."""
    if not renderer.algorithm_depth or renderer.is_algorithmic:
        return -1
    if name in ("lnl", "nlset"):
        end = renderer.arguments(text, end, "m")[1]
    if not renderer.has_line_numbers:
        renderer.num_lines += 1
        head = "" if _LINE_START.search("".join(out[-3:])[-40:]) is not None else "\n"
        out.append(f"{head}{renderer.num_lines} ")
    return skip_line_space(text, end)


def _switch_line_numbers(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    renderer.has_line_numbers = name.lower() == "linesnumbered"
    return skip_line_space(text, end)


def _switch_block_ends(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    renderer.has_block_ends = name not in ("SetAlgoVlined", "SetAlgoNoEnd", "Setvlineskip")
    return skip_line_space(text, end)


def _drop_blank_lines(out: list[str], start: int) -> None:
    """The lines of an algorithm, which `out` holds from `start`, as one block; a caption stands apart."""
    text = "".join(out[start:])
    if "```" not in text:
        lines = (f"\n{line}\n" if line.startswith("[caption:") else line for line in text.split("\n") if line.strip())
        out[start:] = ["\n\n", "\n".join(lines)]


def _number_lines(out: list[str], start: int, *, has_comment_numbers: bool) -> None:
    """Numbers before the lines of an algorithm of algorithm2e, which `out` holds from `start`: `1 `, as the package prints them."""
    lines = "".join(out[start:]).split("\n")
    number = 0
    for place, line in enumerate(lines):
        if (
            line.strip()
            and (has_comment_numbers or not line.lstrip().startswith(_OWN_COMMENT))
            and (number or _HEAD_OF_ALGORITHM.match(line.strip()) is None)
            and not line.lstrip().startswith("[caption:")
        ):
            number += 1
            lines[place] = f"{number} {line.lstrip()}"
    out[start:] = ["\n".join(lines)]


def _code_comment(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    """algorithm2e's `\\tcp*{…}` and `\\tcc{…}`."""
    if (side := renderer.scan.optional_argument(text, end)) is not None:
        end = side[1]
    found = renderer.scan.group(text, end)
    if found is None:
        return -1
    content = renderer.inline(found[0])
    out.append(f" // {content}\n" if name.startswith("tcp") else f" /* {content} */\n")
    return found[1]


COMMANDS: dict[str, "Handler"] = {
    **dict.fromkeys(("nl", "lnl", "nlset"), _line_number),
    **dict.fromkeys(
        ("LinesNumbered", "linesnumbered", "LinesNotNumbered", "linesnotnumbered", "LinesNumberedHidden"), _switch_line_numbers
    ),
    **dict.fromkeys(("SetAlgoVlined", "SetAlgoNoEnd", "SetAlgoLined", "SetAlgoNoLine"), _switch_block_ends),
    **dict.fromkeys(("tcp", "tcc"), _code_comment),
}
BLOCKS: dict[str, "Handler"] = dict.fromkeys(_BLOCKS, _block)
LINES: dict[str, "Handler"] = dict.fromkeys(_ALGORITHM, _line)
