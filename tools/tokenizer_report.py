"""The symbolic-stability report as one HTML page without scripts: measures down, tokenizers across, the best of each row marked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from tools.tokenizer_probes import EDGE_TEXTS, failures

NUM_SHOWN = 60

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #667085; --line: #d9dde3; --paper: #ffffff; --mark: #0b6e4f; --bar: #9ec5b4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --soft: #98a1ae; --line: #353b44; --paper: #14171b; --mark: #5fc8a0; --bar: #2d5c4a; }
}
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { max-width: 46rem; margin: .3rem 0; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 14rem; position: sticky; left: 0;
                                background: var(--paper); }
td.best { color: var(--mark); font-weight: 600; }
td .bar { display: block; height: 4px; background: var(--bar); margin-left: auto; }
@media (max-width: 40rem) { th:first-child, td:first-child { min-width: 8rem; } th, td { padding: .25rem .5rem; } }
code { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
"""

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Row:
    """One measure: its name, where it lies in the figures, how it is written, and whether more of it is better (None: neither)."""

    name: str
    path: tuple[str, ...]
    form: str
    more_is_better: bool | None
    bar: bool = False


_KIND_NAMES = {
    "prose": "prose",
    "inline_math": "inline math",
    "display_math": "display math",
    "table": "tables",
    "code": "code",
    "marker": "citation and reference markers",
}
_ROWS = (
    _Row("pieces", ("pieces",), ",d", None),
    _Row("bytes a token, all text", ("bytes_per_token",), ".3f", True, True),
    _Row("bytes a token, math", ("bytes_per_token_math",), ".3f", True, True),
)
_SEQUENCE_ROWS = (
    _Row("one token and nothing else", ("control_sequences", "whole"), ".3%", True),
    _Row("the same ids as most often", ("control_sequences", "commonest_form"), ".3%", True),
    _Row("parted, in 100,000", ("control_sequences", "parted_per_100000"), ",.1f", False),
    _Row("of the commonest, as many as stand in these papers", ("control_sequences", "commonest"), ",d", None),
    _Row("of those, in these papers: always one token", ("control_sequences", "commonest_always_whole"), ".2%", True),
    _Row("of those, in these papers: one form", ("control_sequences", "commonest_always_stable"), ".2%", True),
    _Row("of those, in these papers: both", ("control_sequences", "commonest_whole_and_stable"), ".2%", True),
    _Row("of the commonest, each in every context: always one token", ("contexts", "always_whole"), ".2%", True),
    _Row("of the commonest, each in every context: one form", ("contexts", "always_stable"), ".2%", True),
    _Row("of the commonest, each in every context: both", ("contexts", "whole_and_stable"), ".2%", True),
    _Row("in every context: parted, in 100,000", ("contexts", "parted_per_100000"), ",.1f", False),
    _Row("tokens a control sequence", ("control_sequences", "tokens_per_sequence"), ".3f", False),
    _Row("environments whose \\begin and \\end agree", ("environments", "begin_and_end_agree"), ".2%", True),
)
_OTHER_ROWS = (
    _Row("numbers whose tokens hold nothing else", ("numbers", "tokens_apart_from_the_rest"), ".2%", True),
    _Row("numbers cut digit by digit", ("numbers", "digit_by_digit"), ".2%", True),
    _Row("tokens a digit", ("numbers", "tokens_per_digit"), ".3f", None),
    _Row("papers that come back exactly", ("fidelity", "documents_that_come_back"), ".2%", True),
    _Row("runs of whitespace that come back", ("fidelity", "whitespace_runs_that_come_back"), ".3%", True),
    _Row("tokens that hold part of a character", ("byte_fallback_share",), ".4%", False),
    _Row("tokens a word (parted by blanks)", ("fertility", "tokens_per_blank_parted_word"), ".3f", False),
    _Row("tokens a character", ("fertility", "tokens_per_character"), ".4f", False),
    _Row("tokens a word of prose, mean", ("fertility", "tokens_per_prose_word", "mean"), ".3f", False),
    _Row("tokens a word of prose, 90th percentile", ("fertility", "tokens_per_prose_word", "p90"), ".0f", False),
    _Row("tokens a word of prose, 99th percentile", ("fertility", "tokens_per_prose_word", "p99"), ".0f", False),
    _Row("tokens a paper, median", ("fertility", "tokens_per_document", "p50"), ",.0f", False),
    _Row("tokens a paper, 99th percentile", ("fertility", "tokens_per_document", "p99"), ",.0f", False),
)
_FAMILY_ROWS = (
    _Row("consistency, 1 / (1 + deviation of tokens in a family)", ("word_families", "consistency"), ".3f", True),
    _Row("families whose words begin with the same token", ("word_families", "first_token_is_shared"), ".2%", True),
    _Row("tokens a word", ("word_families", "tokens_per_word"), ".3f", False),
)
_EDGE_ROWS = (
    _Row("edge cases that come back exactly", ("edge_cases", "come_back"), ".2%", True),
    _Row("tokens of a word 1,000 times over those of it 10 times", ("edge_cases", "tokens_of_1000_repeats_over_those_of_10"), ".2f", None),
)
_ROW_ROWS = (
    _Row("rows of the embedding", ("rows", "rows"), ",d", None),
    _Row("rows without a piece", ("rows", "without_a_piece"), ",d", False),
    _Row("rows never used", ("rows", "never_used"), ",d", False),
    _Row("share never used", ("rows", "never_used_share"), ".2%", False),
    _Row("rows used less than 10 times", ("rows", "used_less_than_10_times"), ",d", False),
    _Row("ids past the last row", ("rows", "ids_past_the_last_row"), ",d", False),
)
_WORST = {
    "parted": "A token holds a part of the control sequence together with something outside of it",
    "split": "The control sequence takes several tokens",
    "joined": "One token holds the control sequence and more: its id depends on what stands beside it",
    "changed": "The text does not come back: what stood there, and what came back",
}


def html_report(report: Figures) -> str:
    """The page."""
    tokenizers: Mapping[str, Figures] = report["tokenizers"]
    first = next(iter(tokenizers.values()))
    sections = [
        f"<h1>Tokenizers on scientific text</h1><p class=soft>{len(report['papers']):,} papers of the {escape(report['split'])} split, "
        f"{first['bytes'] / 1e6:,.2f} MB; used rows counted on {report['counted_bytes'] / 1e6:,.2f} MB of the training split besides.</p>",
        _table("Cost", "More bytes a token: shorter sequences for the same text.", tokenizers, _ROWS),
        _by("Bytes a token by region", "bytes_per_token_by_kind", tokenizers, lambda name: _KIND_NAMES.get(name, name)),
        _by("Bytes a token by domain", "bytes_per_token_by_domain", tokenizers, str),
        _table(
            "Control sequences",
            f"{first['control_sequences']['count']:,} in these papers, {first['control_sequences']['distinct']:,} distinct; "
            f"the {first['contexts']['control_sequences']:,} commonest of all texts read stand in "
            f"{first['contexts']['contexts_of_each']:,} contexts each.",
            tokenizers,
            _SEQUENCE_ROWS,
        ),
        _table("Numbers, whitespace, characters, words", "", tokenizers, _OTHER_ROWS),
        _table(
            "Related words",
            f"{first['word_families']['families']:,} families of words that differ in their endings, as compute, computed, computes.",
            tokenizers,
            _FAMILY_ROWS,
        ),
        _table(
            "Edge cases",
            "Texts of other scripts, made of rare characters, or long. Below: characters a token of each.",
            tokenizers,
            _EDGE_ROWS + tuple(_Row(name, ("edge_cases", "characters_per_token", name), ".2f", True) for name in EDGE_TEXTS),
        ),
        _table("Rows of the embedding", "A row that no text reaches is memory and parameters for nothing.", tokenizers, _ROW_ROWS),
        _failing(tokenizers),
        _worst(tokenizers),
    ]
    body = "\n".join(section for section in sections if section)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Tokenizers</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'


def _value(figures: Figures, path: tuple[str, ...]) -> Any:
    value: Any = figures
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _table(title: str, lead: str, tokenizers: Mapping[str, Figures], rows: tuple[_Row, ...]) -> str:
    lines = [_line(row, [_value(figures, row.path) for figures in tokenizers.values()]) for row in rows]
    heads = "".join(f"<th>{escape(name)}</th>" for name in tokenizers)
    return (
        f"<h2>{escape(title)}</h2><p class=soft>{escape(lead)}</p>"
        f"<div class=scroll><table><tr><th></th>{heads}</tr>{''.join(lines)}</table></div>"
    )


def _line(row: _Row, values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    best = None
    if row.more_is_better is not None and len(set(known)) > 1:
        best = max(known) if row.more_is_better else min(known)
    cells = []
    for value in values:
        if value is None:
            cells.append("<td>–</td>")
            continue
        bar = f'<span class=bar style="width:{5 * value / max(known):.2f}rem"></span>' if row.bar else ""
        cells.append(f"<td{' class=best' if value == best else ''}>{format(value, row.form)}{bar}</td>")
    return f"<tr><td>{escape(row.name)}</td>{''.join(cells)}</tr>"


def _by(title: str, field: str, tokenizers: Mapping[str, Figures], name_of: Callable[[str], str]) -> str:
    names = sorted({name for figures in tokenizers.values() for name in figures[field]})
    rows = tuple(_Row(name_of(name), (field, name), ".3f", True, True) for name in names)
    return _table(title, "", tokenizers, rows)


def _failing(tokenizers: Mapping[str, Figures]) -> str:
    """Which of the commonest control sequences have no token, or not one, of their own in some context."""
    parts = []
    for name, figures in tokenizers.items():
        names = failures(figures)
        if names:
            more = f" … and {len(names) - NUM_SHOWN:,} more" if len(names) > NUM_SHOWN else ""
            shown = " ".join(f"<code>{escape(sequence)}</code>" for sequence in names[:NUM_SHOWN])
            parts.append(f"<p><b>{escape(name)}</b>, {len(names):,} of {figures['contexts']['control_sequences']:,}: {shown}{more}</p>")
    lead = "The commonest control sequences that are not one token and the same in every context"
    return f"<h2>Commands that fail</h2><p class=soft>{lead}.</p>" + "\n".join(parts) if parts else ""


def _worst(tokenizers: Mapping[str, Figures]) -> str:
    parts = []
    for name, figures in tokenizers.items():
        for kind, meaning in _WORST.items():
            examples = figures.get("worst", {}).get(kind, [])
            if not examples:
                continue
            lines = "".join(
                f"<tr><td><code>{escape(entry['what'])}</code></td><td class=text><code>{escape(entry['tokens'])}</code></td>"
                f"<td>{entry['count']:,}</td><td>{escape(entry['first_in'])}</td></tr>"
                for entry in examples
            )
            parts.append(
                f"<h2>Worst of {escape(name)}: {kind}</h2><p class=soft>{escape(meaning)}.</p><div class=scroll><table>"
                f"<tr><th>what</th><th>its tokens</th><th>times</th><th>first in</th></tr>{lines}</table></div>"
            )
    return "\n".join(parts)
