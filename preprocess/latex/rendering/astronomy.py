"""Astronomers' signs: ions, and marks that stand above the line in a formula and are characters of their own in prose.

`\\ion{C}{iv}`, `\\ion{C}{4}` → `C IV`, in a formula `\\mathrm{C\\,IV}`; `{\\sc ii}` → `II`, as the small capitals look.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_GROUP = r"\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_TEXT_OR_MATH = re.compile(r"\\textormath" + _GROUP + _GROUP + r"(?=(\w)?)")
_ION = re.compile(r"\\ion\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_WORDS = re.compile(r"\\[A-Za-z]+\s*|[\s,;~\\]+")
_STAGES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_SMALL_NUMERAL = re.compile(r"\s*([ivx]{1,6})\s*(?=\})")
_SMALL_CAPITALS = re.compile(r"\s*\{\s*([ivx]{1,6})\s*\}")


def _stage(text: str) -> str:
    """The Roman numeral of an ion's stage, from `4`, `iv`, `\\sc iv`."""
    stage = _WORDS.sub("", text)
    if stage.isascii() and stage.isdigit():
        number = int(stage[:3])
        return "X" * (number // 10) + _STAGES[number % 10] if number < 40 else stage
    return stage.upper() if re.fullmatch(r"[ivxIVX]+", stage) else stage


def in_formula(content: str) -> str:
    """A formula with ions and marks in the vocabulary of amsmath."""
    if "\\textormath" in content:
        content = _TEXT_OR_MATH.sub(_marked, content)
    if "\\ion" in content:
        content = _ION.sub(lambda found: f"\\mathrm{{{_WORDS.sub('', found[1])}\\,{_stage(found[2])}}}", content)
    return content


def _marked(found: re.Match[str]) -> str:
    mark = found[2]
    return f"{mark} " if found[3] and mark[-1].isalpha() else mark


def _ion(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, "mm")
    if len(given) < 2:
        return -1
    out.append(f"{renderer.inline(given[0] or '')} {_stage(given[1] or '')}")
    return after


def _text_or_math(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    given, after = renderer.arguments(text, end, "mm")
    if len(given) < 2:
        return -1
    out.append(renderer.inline(given[0] or ""))
    return after


def _small_capitals(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = (_SMALL_CAPITALS if name == "textsc" else _SMALL_NUMERAL).match(text, end)
    if found is None:
        return -1
    out.append(found[1].upper())
    return found.end()


COMMANDS: dict[str, "Handler"] = {
    "ion": _ion,
    "textormath": _text_or_math,
    **dict.fromkeys(("sc", "scshape", "textsc"), _small_capitals),
}
