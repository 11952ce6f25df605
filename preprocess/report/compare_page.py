"""A comparison of two runs, as lines for a terminal and as a page of HTML."""

from collections.abc import Sequence
from html import escape

from preprocess.changes import Change
from preprocess.report.compare import Amount, Comparison, Move
from shards.commit import write_bytes
from shards.errors import InputError
from shards.page import bar, document, number, table
from shards.store import Place

MAX_MOVES = 40  # lines of the terminal; the page shows all
_BEFORE, _AFTER = "A", "B"


def write_comparison(comparison: Comparison, html: Place) -> None:
    """Writes the page of a comparison, whole or not at all."""
    if html.is_dir():
        raise InputError(f"{html}: is a folder; --html takes the name of a file")
    write_bytes(html, comparison_page(comparison).encode())


def comparison_lines(comparison: Comparison) -> list[str]:
    """The comparison for a terminal."""
    before, after = comparison.folders
    lines = [f"{_BEFORE}: {before}", f"{_AFTER}: {after}", "", "what differs"]
    lines += [f"  {change}" for change in comparison.changes] or ["  nothing: settings, versions, tars, metadata and commit are the same"]
    for title, amounts in (("in all", comparison.totals), ("by end", comparison.fates), ("in the corpus, by domain", comparison.domains)):
        lines += [
            "",
            f"{title:<34}{'papers A':>12}{'papers B':>12}{'difference':>12}{'characters A':>18}{'characters B':>18}{'change':>10}",
        ]
        for amount in amounts:
            papers, characters = amount.papers, amount.characters
            lines.append(
                f"  {amount.name:<32}{papers[0]:>12,}{papers[1]:>12,}{papers[1] - papers[0]:>+12,}"
                f"{characters[0]:>18,}{characters[1]:>18,}{_growth(amount):>10}"
            )
    lines += ["", f"papers that end differently ({comparison.num_same:,} end alike)"]
    for move in comparison.moves[:MAX_MOVES]:
        lines.append(f"  {move.papers:>8,}  {move.before} -> {move.after}   e.g. {move.examples[0]}")
    if not comparison.moves:
        lines.append("  none")
    elif len(comparison.moves) > MAX_MOVES:
        lines.append(f"  and {len(comparison.moves) - MAX_MOVES} other ways")
    num_reworded, growth = comparison.reworded
    lines += ["", f"in both corpora with another text: {num_reworded:,} papers, {growth:+,} characters"]
    return lines


def _growth(amount: Amount) -> str:
    before, after = amount.characters
    if before == after:
        return "="
    return "new" if not before else f"{after / before - 1:+.2%}"


def comparison_page(comparison: Comparison) -> str:
    """The comparison as one page that needs nothing else."""
    trained = comparison.total("trained on")
    sections = [
        ("changes", "What differs between the runs", _changes(comparison.changes)),
        ("totals", "What came of it", _amounts("In all", comparison.totals)),
        ("ends", "By end", _amounts("Papers by their end", comparison.fates)),
        ("domains", "By domain", _amounts("In the corpus, by domain", comparison.domains)),
        ("moves", "Papers that end differently", _moves(comparison)),
    ]
    before, after = (f"<code>{escape(folder)}</code>" for folder in comparison.folders)
    lead = (
        f"{_BEFORE} is {before}, {_AFTER} is {after}. From {_BEFORE} to {_AFTER} the text trained on changes from "
        f"<strong>{number(trained.characters[0])}</strong> to <strong>{number(trained.characters[1])}</strong> characters "
        f"(<strong>{escape(_growth(trained)).replace('-', '−')}</strong>), the papers from {number(trained.papers[0])} to "
        f"{number(trained.papers[1])}."
    )
    return document(f"Two runs: {trained.characters[1] - trained.characters[0]:+,} characters", "Two runs compared", lead, sections)


def _changes(found: Sequence[Change]) -> str:
    if not found:
        return "<p>Nothing: settings, versions of the stages, tars, metadata and commit are the same.</p>"
    rows = [
        [f"<code>{escape(change.what)}</code>", f"<code>{escape(change.before)}</code>", f"<code>{escape(change.after)}</code>"]
        for change in found
    ]
    return table("Settings, versions and inputs", ["What", _BEFORE, _AFTER], rows, text_columns=3, style="settings")


def _amounts(caption: str, amounts: Sequence[Amount]) -> str:
    largest = max((max(amount.characters) for amount in amounts), default=0)
    rows = []
    for amount in amounts:
        before, after = amount.characters
        low, high = min(before, after) / max(1, largest), max(before, after) / max(1, largest)
        style = "kept" if after >= before else "gone"
        picture = bar([("whole", 0, low), (style, low, high)])
        rows.append(
            [
                f"{escape(amount.name)}{picture}",
                number(amount.papers[0]),
                number(amount.papers[1]),
                _signed(amount.papers[1] - amount.papers[0]),
                number(before),
                number(after),
                _growth(amount).replace("-", "−").replace("%", "\u00a0%"),
            ]
        )
    heads = ["What", f"Papers {_BEFORE}", f"Papers {_AFTER}", "Difference", f"Characters {_BEFORE}", f"Characters {_AFTER}", "Change"]
    return table(caption, heads, rows, style="bars")


def _moves(comparison: Comparison) -> str:
    papers, characters = comparison.reworded
    words = (
        f"<p>{number(comparison.num_same)} papers end alike. In both corpora, with another text: {number(papers)} papers, "
        f"{_signed(characters)} characters.</p>"
    )
    if not comparison.moves:
        return words
    return words + table(
        "Ways from one end to another",
        ["From, to, and examples", "Papers", f"Characters {_BEFORE}", f"Characters {_AFTER}"],
        [_move_row(move) for move in comparison.moves],
        style="tars",
    )


def _move_row(move: Move) -> list[str]:
    examples = "<br>".join(f"<code>{escape(example)}</code>" for example in move.examples)
    name = f'{escape(move.before)} → <b>{escape(move.after)}</b> <span class="words">{examples}</span>'
    return [name, number(move.papers), number(move.characters[0]), number(move.characters[1])]


def _signed(value: int) -> str:
    return number(value) if value <= 0 else f"+{number(value)}"
