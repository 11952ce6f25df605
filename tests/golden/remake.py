"""Remakes the golden texts: `python -m tests.golden.remake` writes a .txt beside every .tex. Read the diff before committing it."""

import gzip
from pathlib import Path

from preprocess.config import Config
from preprocess.pipeline import process_paper
from preprocess.records import Document, RawPaper

FOLDER = Path(__file__).resolve().parent


def golden_text(source: Path) -> str:
    """The document that the whole pipeline of one paper makes of a source."""
    payload = gzip.compress(source.read_bytes(), mtime=0)
    outcome = process_paper(RawPaper(arxiv_id=source.stem, tar="", member=source.name, payload=payload, size=len(payload)), Config())
    assert isinstance(outcome, Document), outcome
    return outcome.text


def main() -> None:
    """Writes the texts and says which changed."""
    for source in sorted(FOLDER.glob("*.tex")):
        target = source.with_suffix(".txt")
        text = golden_text(source)
        before = target.read_text() if target.exists() else None
        if text != before:
            target.write_text(text)
            print(f"{target.name}: {'new' if before is None else 'changed'}")


if __name__ == "__main__":
    main()
