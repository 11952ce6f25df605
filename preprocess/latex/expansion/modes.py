r"""TeX's modes, as far as the expanded source tells them: `\ifmmode` is true where a formula is open in the paragraph written last."""

import re
from collections.abc import Sequence

from preprocess.latex.tables import DISPLAY_ENVIRONMENTS

MAX_LOOKED_AT_CHARACTERS = 3_000
MAX_LOOKED_AT_PIECES = 1_500
_EDGE = re.compile(r"\\(?:(begin|end)\s*\{([A-Za-z]+)\*?\}|.)|\$\$?|[\x02\x03]", re.S)
_OPENING = {"\\[": True, "\\(": True, "\\]": False, "\\)": False}


def is_formula_open(written: Sequence[str]) -> bool:
    """Whether the end of `written`, the pieces of the expanded source, stands in a formula; False where its paragraph is too long."""
    pieces: list[str] = []
    num_characters = 0
    for piece in reversed(written[-MAX_LOOKED_AT_PIECES:]):
        pieces.append(piece)
        num_characters += len(piece)
        if "\n\n" in piece:
            break
        if num_characters > MAX_LOOKED_AT_CHARACTERS:
            break
    text = "".join(reversed(pieces))
    start = text.rfind("\n\n")
    if start < 0 and len(pieces) < len(written):
        return False
    is_open, num_ensured = False, 0
    for found in _EDGE.finditer(text, max(start, 0)):
        token = found[0]
        if found[2] is not None:
            if found[2] in DISPLAY_ENVIRONMENTS or found[2] == "math":
                is_open = found[1] == "begin"
        elif token[0] == "$":
            is_open = not is_open
        elif token in _OPENING:
            is_open = _OPENING[token]
        elif token in "\x02\x03":
            num_ensured += 1 if token == "\x02" else -1
    return is_open or num_ensured > 0
