"""Headings: lines that begin with number signs. A line that the paper begins with a number sign of its own is text, and says so by `\\#`.

Headings carry a mark until the lines of a text stand in their places; what then begins with `#` and has no mark is none.
"""

MARK = "\x04"  # no source has it: `decode` takes controls out


def heading(level: int, title: str) -> str:
    """A heading on a line of its own, with its mark: `# Title` at level 1; none is deeper than 6."""
    return f"\n\n{MARK}{'#' * min(level, 6)} {title}\n\n"


def settle(text: str) -> str:
    """Text whose lines are final, without marks: `\\x04# Title` → `# Title`, `# of items` → `\\# of items`."""
    return f"\n{text}".replace("\n#", "\n\\#").replace(MARK, "")[1:]


def unmarked(text: str) -> str:
    """A field's text, of which nobody asks for its headings."""
    return text.replace(MARK, "")
