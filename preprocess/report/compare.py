"""Two finished runs → what a change of config, code or input did to their yield: by reason, by domain, and paper by paper.

A paper is the same in both where tar and member are (of a name that stands in a tar twice, the first is the first and so on).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from preprocess.changes import Change, changes
from preprocess.report.books import FinishedRun, read_run, tally
from shards.store import Place

NUM_EXAMPLES = 3  # of each way from one fate to another
ABSENT = "not in the run"
TRAINED, HELD_OUT = "trained on", "held out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """Papers and characters of text in each of the two runs."""

    name: str
    papers: tuple[int, int]
    characters: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Papers that end in one way in the first run and in another in the second; `characters` of their text in each."""

    before: str
    after: str
    papers: int
    characters: tuple[int, int]
    examples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between two runs. `moves` are those of papers that end in the corpus in one of them, then the others, most first.

    `reworded` are the papers in both corpora whose text is not the same, and what their texts have grown by in characters.
    """

    folders: tuple[str, str]
    changes: Sequence[Change]
    totals: Sequence[Amount]
    fates: Sequence[Amount]
    domains: Sequence[Amount]
    moves: Sequence[Move]
    num_same: int
    reworded: tuple[int, int]

    def total(self, name: str) -> Amount:
        """One of the totals by its name."""
        return next(amount for amount in self.totals if amount.name == name)


def compare(before: Place, after: Place) -> Comparison:
    """Compares the runs in two folders. Raises `InputError` where one of them is not that of a finished run."""
    runs = [read_run(folder, ["text_sha256"]) for folder in (before, after)]
    fates = [_fates(run.members) for run in runs]
    rows = _pairs(runs[0].members, runs[1].members)
    return Comparison(
        folders=(str(before), str(after)),
        changes=changes(runs[0].run, runs[1].run),
        totals=_totals(runs),
        fates=_by_fate(runs, fates),
        domains=_by_domain(runs),
        moves=_moves(runs, fates, rows),
        num_same=_num_same(fates, rows),
        reworded=_reworded(runs, rows),
    )


def _fates(members: pa.Table) -> list[str]:
    """Each member's end, in words: `trained on`, `held out`, `corpus: language`, `extraction: pdf_only`."""
    ended = pc.if_else(pc.equal(members.column("split").cast(pa.string()), "train"), TRAINED, HELD_OUT)
    left_out = pc.binary_join_element_wise("corpus", members.column("corpus_reason").cast(pa.string()), ": ")
    rejected = pc.binary_join_element_wise("extraction", members.column("reason").cast(pa.string()), ": ")
    found = pc.if_else(pc.equal(members.column("is_kept"), 1), ended, pc.coalesce(rejected, left_out))
    coded = found.combine_chunks().dictionary_encode()
    words: list[str] = coded.dictionary.to_pylist()  # a few strings that millions of members share
    return [words[code] for code in coded.indices.to_pylist()]


def _totals(runs: Sequence[FinishedRun]) -> list[Amount]:
    masks = [
        ("members in the tars", lambda table: None),
        ("documents", lambda table: pc.equal(table.column("is_document"), 1)),
        ("in the corpus", lambda table: pc.equal(table.column("is_kept"), 1)),
        (TRAINED, lambda table: pc.and_(pc.equal(table.column("is_kept"), 1), pc.equal(table.column("split").cast(pa.string()), "train"))),
    ]
    found = []
    for name, mask in masks:
        tables = [run.members if (chosen := mask(run.members)) is None else run.members.filter(chosen) for run in runs]
        found.append(_amount(name, [(table.num_rows, pc.sum(table.column("characters_out")).as_py() or 0) for table in tables]))
    return found


def _amount(name: str, numbers: Sequence[tuple[int, int]]) -> Amount:
    (papers, characters), (other_papers, other_characters) = numbers
    return Amount(name=name, papers=(papers, other_papers), characters=(characters, other_characters))


def _by_fate(runs: Sequence[FinishedRun], fates: Sequence[Sequence[str]]) -> list[Amount]:
    sums: list[dict[str, tuple[int, int]]] = []
    for run, ends in zip(runs, fates, strict=True):
        table = pa.table({"fate": ends, "characters": run.members.column("characters_out")})
        found = table.group_by("fate").aggregate([([], "count_all"), ("characters", "sum")])
        columns = [found.column(name).to_pylist() for name in ("fate", "count_all", "characters_sum")]
        sums.append({fate: (count, characters) for fate, count, characters in zip(*columns, strict=True)})
    return _ordered(sums)


def _by_domain(runs: Sequence[FinishedRun]) -> list[Amount]:
    return _ordered([{group.name: (group.kept, group.characters) for group in tally(run.members, "domain")} for run in runs])


def _ordered(sums: Sequence[Mapping[str, tuple[int, int]]]) -> list[Amount]:
    """Amounts of what either run has, most papers first."""
    amounts = [_amount(name, [one.get(name, (0, 0)) for one in sums]) for name in sorted({*sums[0], *sums[1]})]
    return sorted(amounts, key=lambda amount: -max(amount.papers))


def _pairs(before: pa.Table, after: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the same paper in both tables, -1 where one has it not: `[papers of either]` int64 each."""
    names = [pc.binary_join_element_wise(table.column("tar").cast(pa.string()), table.column("member"), "\0") for table in (before, after)]
    words = pa.chunked_array([chunk for column in names for chunk in column.chunks], type=pa.string()).combine_chunks()
    codes = words.dictionary_encode().indices.to_numpy().astype(np.int64)
    sides = [_with_occurrence(codes[: before.num_rows]), _with_occurrence(codes[before.num_rows :])]
    keys, places = np.unique(np.concatenate(sides), return_inverse=True)
    rows = np.full((2, len(keys)), -1, dtype=np.int64)
    rows[0, places[: before.num_rows]] = np.arange(before.num_rows)
    rows[1, places[before.num_rows :]] = np.arange(after.num_rows)
    return rows[0], rows[1]


def _with_occurrence(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Codes made unique: the second row of a code differs from the first, alike on both sides."""
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    starts = np.concatenate([[True], ranked[1:] != ranked[:-1]]) if len(ranked) else np.zeros(0, dtype=bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(ranked)), 0))
    occurrence = np.empty_like(codes)
    occurrence[order] = np.arange(len(ranked)) - first
    return codes + (occurrence << 40)  # of 2^40 names, more than anyone's


def _ends(fates: Sequence[Sequence[str]], rows: tuple[npt.NDArray[np.int64], ...]) -> list[list[str]]:
    return [[ends[row] if row >= 0 else ABSENT for row in places.tolist()] for ends, places in zip(fates, rows, strict=True)]


def _num_same(fates: Sequence[Sequence[str]], rows: tuple[npt.NDArray[np.int64], ...]) -> int:
    before, after = _ends(fates, rows)
    return sum(one == other for one, other in zip(before, after, strict=True))


def _moves(runs: Sequence[FinishedRun], fates: Sequence[Sequence[str]], rows: tuple[npt.NDArray[np.int64], ...]) -> list[Move]:
    before, after = _ends(fates, rows)
    places: dict[tuple[str, str], list[int]] = {}
    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        if one != other:
            places.setdefault((one, other), []).append(place)
    characters = [_characters(run, row) for run, row in zip(runs, rows, strict=True)]
    moves = []
    for (one, other), those in places.items():
        chosen = np.array(those)
        examples = [_name(runs, rows, place) for place in those[:: max(1, len(those) // NUM_EXAMPLES)][:NUM_EXAMPLES]]
        sums = int(characters[0][chosen].sum()), int(characters[1][chosen].sum())
        moves.append(Move(before=one, after=other, papers=len(those), characters=sums, examples=examples))
    kept = (TRAINED, HELD_OUT)
    return sorted(moves, key=lambda move: (move.before not in kept and move.after not in kept, -move.papers, move.before, move.after))


def _characters(run: FinishedRun, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = run.members.column("characters_out").to_numpy()
    return np.where(rows >= 0, numbers[rows] if len(numbers) else 0, 0)


def _name(runs: Sequence[FinishedRun], rows: tuple[npt.NDArray[np.int64], ...], place: int) -> str:
    run, row = (runs[0], rows[0][place]) if rows[0][place] >= 0 else (runs[1], rows[1][place])
    tar, member = (run.members.column(name)[int(row)].as_py() for name in ("tar", "member"))
    return f"{tar} {member}"


def _reworded(runs: Sequence[FinishedRun], rows: tuple[npt.NDArray[np.int64], ...]) -> tuple[int, int]:
    in_both = (rows[0] >= 0) & (rows[1] >= 0)
    sides: list[Any] = []
    for run, row in zip(runs, rows, strict=True):
        sides.append(run.members.select(["text_sha256", "characters_out", "is_kept"]).take(pa.array(row[in_both])))
    are_kept = pc.and_(pc.equal(sides[0].column("is_kept"), 1), pc.equal(sides[1].column("is_kept"), 1))
    differ = pc.and_(are_kept, pc.not_equal(sides[0].column("text_sha256"), sides[1].column("text_sha256")))
    grown = pc.subtract(sides[1].column("characters_out"), sides[0].column("characters_out")).filter(differ)
    return len(grown), pc.sum(grown).as_py() or 0
