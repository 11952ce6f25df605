"""Columns of tables: what stands between two of them, ` | ` or what the table's head asks for, `r@{.}l` or `r@{ $\\pm$ }l`."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from preprocess.latex.rendering.formulas import append_formula

if TYPE_CHECKING:
    from preprocess.latex.render import Renderer

_STEP = re.compile(r"\s*([@!<>*A-Za-z])\s*")
_OPTION = re.compile(r"\s*\[[^\]]{0,100}\]")
MAX_COLUMNS = 200


@dataclass(slots=True)
class Columns:
    """An open table: what stands after a column (from 0) where it is not ` | `, and the column of the cell that is being written."""

    joints: dict[int, str]
    column: int = 0


def read(renderer: "Renderer", head: str) -> Columns:
    """The columns that a table's head sets: `r@{.}l` is a number in two columns, `r@{}l` too, for nothing is between them."""
    joints: dict[int, str] = {}
    if "@" in head or "!" in head:
        kinds: list[str] = []
        _read(renderer, head, kinds, joints)
        for column in [column for column, joint in joints.items() if not joint.strip()]:
            if joints[column] or kinds[column : column + 2] != ["r", "l"]:
                del joints[column]
    return Columns(joints)


def _read(renderer: "Renderer", head: str, kinds: list[str], joints: dict[int, str]) -> None:
    position = 0
    while position < len(head) and len(kinds) < MAX_COLUMNS:
        found = _STEP.match(head, position)
        if found is None:
            position += 1
            continue
        kind, position = found[1], found.end()
        given: list[str] = []
        while (option := _OPTION.match(head, position)) is not None or (group := renderer.scan.group(head, position)) is not None:
            if option is not None:
                position = option.end()
            elif group is not None:
                given.append(group[0])
                position = group[1]
        if kind == "*" and len(given) == 2 and given[0].strip().isdecimal() and len(given[0]) < 4 and "*" not in given[1]:
            for _ in range(int(given[0])):
                _read(renderer, given[1], kinds, joints)
        elif kind in "@!" and kinds:
            joints[len(kinds) - 1] = re.sub(r"\s+", " ", renderer.render(given[0])) if given else ""
        elif kind.isalpha():
            kinds.append(kind)


def end_cell(renderer: "Renderer", text: str, position: int, out: list[str]) -> int:
    """What the `&` before `position` prints; where its columns are joined, the blanks around it, which TeX does not see, go."""
    joint = _joint(renderer) if renderer.table_depth else " "
    if joint in (" ", " | "):
        out.append(joint)
        return position
    while out and not out[-1].strip(" "):
        out.pop()
    if out and out[-1] != " | ":
        out[-1] = out[-1].rstrip(" ")
    if joint.startswith("$"):
        append_formula(joint, out)
    elif joint:
        out.append(joint)
    return renderer.scan.skip_space(text, position)


def _joint(renderer: "Renderer") -> str:
    if not renderer.columns:
        return " | "
    columns = renderer.columns[-1]
    columns.column += 1
    return columns.joints.get(columns.column - 1, " | ")


def span(renderer: "Renderer", num_columns: int) -> str:
    """What stands behind a cell of several columns: a sign for each column that it takes away."""
    return "".join(joint for _ in range(num_columns - 1) if (joint := _joint(renderer)) == " | ")


def end_row(renderer: "Renderer") -> None:
    """The next cell is a row's first."""
    if renderer.columns:
        renderer.columns[-1].column = 0
