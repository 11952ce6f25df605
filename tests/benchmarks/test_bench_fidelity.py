"""What counts as a fault of a reference: what a reader of the paper does not see, and nothing else."""

from benchmarks.bench_fidelity import without_faults

CAPTION = "Orbits of the four moons over one hundred days, seen from above the plane of the ring.\n"


def test_a_repeated_caption_is_taken_out_once() -> None:
    rest, removed = without_faults(f"{CAPTION}\n{CAPTION}Then.\n")
    assert rest == f"{CAPTION}\nThen.\n"
    assert removed == {"repeated_line": len(CAPTION)}


def test_short_lines_and_lines_of_displays_may_repeat() -> None:
    display = f"\\[\\begin{{aligned}}\n{'x+' * 40}y\\\\\n{'x+' * 40}y\\end{{aligned}}\\]\n"
    text = f"Proof.\n\n{display}\nProof.\n"
    assert without_faults(text) == (text, {})


def test_printed_arguments_of_external_documents_are_taken_out() -> None:
    names = ["sets", "rings", "fields", "sheaves", "sites", "stacks"]
    line = " ".join(f"[{name}-]{name}" for name in names) + "\n"
    rest, removed = without_faults(f"{line}# Rings\n")
    assert (rest, removed) == ("# Rings\n", {"external_documents": len(line)})
    assert without_faults("[a-]a alone\n")[0] == "[a-]a alone\n"


def test_formulas_of_a_character_a_line_are_taken_out_and_table_cells_are_not() -> None:
    rest, removed = without_faults("Here set\n\nx\n\n=\n\n0\n+\ny\n\nfor all.\n")
    assert rest == "Here set\nfor all.\n"
    assert removed["exploded_formula"] > 0
    cells = "year\n12\n\n13\n\n14\n\n15\n\n16\nmean value\n"
    assert without_faults(cells) == (cells, {})
