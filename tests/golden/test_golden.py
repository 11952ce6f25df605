import difflib

import pytest

from tests.golden.remake import FOLDER, golden_text

SOURCES = sorted(FOLDER.glob("*.tex"))


@pytest.mark.parametrize("name", [source.stem for source in SOURCES])
def test_golden(name: str) -> None:
    wanted = (FOLDER / f"{name}.txt").read_text()
    text = golden_text(FOLDER / f"{name}.tex")
    diff = "\n".join(difflib.unified_diff(wanted.splitlines(), text.splitlines(), "golden", "now", lineterm=""))
    assert text == wanted, f"remake with `make goldens` if this is meant:\n{diff}"


def test_every_golden_has_its_source() -> None:
    assert len(SOURCES) >= 10
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in SOURCES}
