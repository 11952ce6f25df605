"""Cells of tables: their paragraphs on one line, rows below one another."""

PARAGRAPH_IN_CELL = " \x05"  # until the table ends: a blank where it has columns, else a line end


def end_cells(rows: str) -> str:
    """A table's rows on lines below one another, the paragraphs in their cells joined; rows without a word, as those of pictures, go."""
    if " | " not in rows:
        return rows.replace(PARAGRAPH_IN_CELL, "\n")
    lines = rows.replace(PARAGRAPH_IN_CELL, " ").split("\n")
    kept: list[str] = []
    num_blank = 0  # lines before this one
    for line in lines:
        if not line.strip():
            num_blank += 1
        elif "|" not in line or line.strip(" |\t"):
            if num_blank and not (kept and " | " in kept[-1] and " | " in line):
                kept += [""] if kept else ["", ""]
            kept.append(line)
            num_blank = 0
    return "\n".join((*kept, ""))
