"""Chemical formulas of mhchem and chemformula: prose keeps their letters and digits, what stands high or low is a formula.

`\\ce{SO4^2-}` → `SO4$^{2-}$`, `\\ce{^{227}_{90}Th+}` → `$^{227}_{90}$Th$^{+}$`, in a formula `\\mathrm{SO_{4}^{2-}}`.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preprocess.latex.render import Handler, Renderer

_STEP = re.compile(
    r"(?P<arrow><=>>?|<<=>|<-->|<->|->|<-)(?:\[([^\[\]]{0,100})\])?(?:\[[^\[\]]{0,100}\])?"
    r"|\^(?P<gas>(?=\s|\Z))"
    r"|\^(?:\{(?P<high>[^{}]{0,60})\}|(?P<charge>\d{0,3}[+-]|\d{1,3}|\w))"
    r"|_(?:\{(?P<low>[^{}]{0,60})\}|(?P<index>\w))"
    r"|(?<=[A-Za-z\d)\]])(?P<end>[+-])(?=[\s,;.)\]]|\Z)"
    r"|(?<=[A-Za-z)\]}])(?P<count>\d{1,4})"
)
_ARROWS = {"->": "→", "<-": "←", "<->": "↔", "<-->": "⇄", "<=>": "⇌", "<=>>": "⇌", "<<=>": "⇌"}
_MATH_ARROWS = {
    "->": "\\rightarrow{}", "<-": "\\leftarrow{}",
    "<->": "\\leftrightarrow{}", "<-->": "\\rightleftarrows{}",
    "<=>": "\\rightleftharpoons{}",
    "<=>>": "\\rightleftharpoons{}", "<<=>": "\\rightleftharpoons{}",
}  # fmt: skip
_IN_FORMULA = re.compile(r"\\(?:ce|ch)\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")


def written(content: str, *, is_math: bool) -> str:
    """TeX for a chemical formula, of text mode or of a formula."""

    def step(found: re.Match[str]) -> str:
        if found["arrow"]:
            over = f"[{found[2]}]" if found[2] else ""
            return (_MATH_ARROWS[found["arrow"]] if is_math else _ARROWS[found["arrow"]]) + over
        if found["gas"] is not None:
            return "\\uparrow{}" if is_math else "↑"
        high = found["high"] or found["charge"] or found["end"]
        low = found["low"] or found["index"]
        if found["count"]:
            return f"_{{{found['count']}}}" if is_math else found["count"]
        shown = (f"^{{{high}}}" if high else f"_{{{low}}}" if low else "").replace("$", "")
        return shown if is_math or not shown else f"${shown}$"

    parts = re.split(r"(\$[^$]*\$)", content.strip())
    parts[::2] = [_STEP.sub(step, part) for part in parts[::2]]
    shown = "".join(part.strip("$") if is_math else part for part in parts)
    return f"\\mathrm{{{shown.replace(' ', '~')}}}" if is_math else shown.replace("$$", "")


def in_formula(content: str) -> str:
    """A formula with its chemistry in amsmath's vocabulary."""
    return _IN_FORMULA.sub(lambda found: written(found[1], is_math=True), content)


def _formula(renderer: "Renderer", text: str, end: int, name: str, out: list[str]) -> int:
    found = renderer.scan.group(text, end)
    if found is None or len(found[0]) > 5_000:
        return -1
    out.append(renderer.inline(written(found[0], is_math=False)))
    return found[1]


COMMANDS: dict[str, "Handler"] = dict.fromkeys(("ce", "ch"), _formula)
