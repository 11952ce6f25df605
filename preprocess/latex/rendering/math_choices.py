"""TeX's `\\mathchoice`: which of its four branches a formula shows."""

import re
from typing import TYPE_CHECKING

from preprocess.latex.scan import ends_in_word

if TYPE_CHECKING:
    from preprocess.latex.render import Renderer

_STYLE_STEP = re.compile(r"\\mathchoice(?![A-Za-z])|\\(?:[A-Za-z]+|.)|[\^_]\s*|[{}]", re.S)
_MAX_STYLED_CHARACTERS = 300  # of a branch in which a declaration is looked for: it comes first
_STYLES = ("\\displaystyle", "\\textstyle", "\\scriptstyle")
_DECLARATION = re.compile(r"\\(?:(?:display|text|script|scriptscript)style|bf|rm|it|sf|tt|cal|sl|over|atop|choose)(?![A-Za-z])")


def with_choices(renderer: "Renderer", content: str, *, is_display: bool) -> str:
    r"""Of each `\mathchoice{display}{text}{script}{scriptscript}` the one that TeX sets at its place; a choice in a choice is made too."""
    parts: list[str] = []
    spans = [(0, len(content), "", "")]  # still to be read, the first last: from, to, what comes after, the style that needs no word
    groups: list[bool] = []  # that are open: in a script or not
    script_start = -1

    def add(text: str) -> None:
        if parts and text[:1].isalpha() and ends_in_word(parts[-1]):
            parts.append(" ")
        if text:
            parts.append(text)

    while spans:
        begin, end, closing, style = spans.pop()
        for found in _STYLE_STEP.finditer(content, begin, end):
            token = found[0]
            is_in_script = found.start() == script_start or (bool(groups) and groups[-1])
            if token == "{":
                groups.append(is_in_script)
            elif token == "}":
                if groups:
                    groups.pop()
            elif token[0] in "^_":
                script_start = found.end()
            elif token == style:
                add(content[begin : found.start()])
                begin = found.end()
            elif token == "\\mathchoice" and (branches := _branches(renderer, content, found.end())) and branches[-1][1] < end:
                place = 2 if is_in_script else 0 if is_display else 1
                add(content[begin : found.start()])
                first, last = branches[place]
                own_style = _STYLES[place]
                is_group = found.start() == script_start or any(
                    declared[0] != own_style
                    for declared in _DECLARATION.finditer(content, first, min(last, first + _MAX_STYLED_CHARACTERS))
                )
                add("{" if is_group else "")
                spans.append((branches[-1][1] + 1, end, closing, style))
                spans.append((first, last, "}" if is_group else "", own_style))
                break
        else:
            add(content[begin:end])
            add(closing)
    return "".join(parts)


def _branches(renderer: "Renderer", content: str, position: int) -> list[tuple[int, int]]:
    """Where the four branches of a `\\mathchoice` begin and end; nothing where there are fewer."""
    branches: list[tuple[int, int]] = []
    while len(branches) < 4 and (given := renderer.scan.group(content, position)) is not None:
        branches.append((given[1] - 1 - len(given[0]), given[1] - 1))
        position = given[1]
    return branches if len(branches) == 4 else []
