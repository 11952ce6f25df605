"""The runaway guard: a run in which one reason takes too many papers stops, and says what changed since the last one that ended.

It counts what this run and those that were stopped before it have judged, never what an earlier run has finished: a new month that goes
wrong is not hidden by thirty years that went well. What is done stays done; the same command with the guard raised goes on from there.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from preprocess.changes import changes, config_changes
from preprocess.config import RUNAWAY_LIMITS, Config, RunawayConfig, recorded
from preprocess.corpus.records import CorpusReason, Decision
from preprocess.ledger import read_column
from preprocess.pipeline import STAGE_VERSIONS
from preprocess.records import RejectReason
from preprocess.sources.tars import Unit
from shards.errors import InputError
from shards.store import Place, map_ahead, readable

NUM_EXAMPLES = 3
MAX_CHANGES = 12  # lines of what changed
_EXTRACTION = ("unit", "archive", "latex", "normalise", "describe", "minhash")  # sections that units are cut and made by


class RunawayError(InputError):
    """The guard has stopped the run: one reason took more papers than its limit allows."""

    exit_code = 3


@dataclass
class RunawayGuard:
    """Counts ends by reason and raises `RunawayError` where one of them has passed its limit.

    `before` are the books of the last run that ended in this output, None where there is none; `now` is what this run knows of its own.
    """

    config: RunawayConfig
    before: Mapping[str, Any] | None
    now: Mapping[str, Any]
    say: Callable[[str], None]
    num_papers: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    units_by_reason: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {*RejectReason, *CorpusReason}
        for reason, _ in self.config.max_shares:
            if reason not in known:
                raise InputError(f"config: runaway.max_shares names {reason!r}, which is no reason; there are {', '.join(sorted(known))}")

    def add(self, unit: str, num_members: int, rejections: Mapping[str, int]) -> None:
        """Counts a unit of the extraction."""
        self.num_papers += num_members
        self.counts.update(rejections)
        for reason in rejections:
            units = self.units_by_reason.setdefault(reason, [])
            if len(units) < NUM_EXAMPLES:
                units.append(unit)

    def check(self, out: Place) -> None:
        """Raises `RunawayError` where a reason of the extraction has passed its limit; examples come from the ledgers in `out`."""
        if reason := over_limit(self.counts, dict.fromkeys(self.counts, self.num_papers), self.config):
            self._stop(reason, self.counts[reason], self.num_papers, _examples(out, self.units_by_reason[reason], reason))

    def check_corpus(self, decisions: Sequence[Decision], new_units: set[str]) -> None:
        """Raises `RunawayError` where a reason of the corpus pass has passed its limit, in all documents or in those of `new_units`.

        A reason's share is of the documents that came as far as its rule: one that takes all that the rules before it have left is seen.
        """
        for those in (decisions, [decision for decision in decisions if decision.candidate.unit in new_units]):
            excluded = [(decision.candidate, decision.exclusion) for decision in those if decision.exclusion is not None]
            counts = Counter(exclusion.reason.value for _, exclusion in excluded)
            judged: dict[str, int] = {}
            left = len(those)
            for rule in CorpusReason:  # in the order in which they are asked
                judged[rule.value] = left
                left -= counts[rule.value]
            if reason := over_limit(counts, judged, self.config):
                found = [(candidate, exclusion.detail) for candidate, exclusion in excluded if exclusion.reason == reason]
                examples = [f"{candidate.tar} {candidate.member}: {detail}" for candidate, detail in found[:NUM_EXAMPLES]]
                self._stop(reason, counts[reason], judged[reason], examples)

    def _stop(self, reason: str, count: int, total: int, examples: Sequence[str]) -> None:
        limit = limit_of(reason, self.config)
        share = f"{count:,} of {total:,} papers ({count / total:.1%})"
        self.say(f"runaway: {reason} took {share}, more than its limit of {limit:.1%}; for example:")
        for example in examples:
            self.say(f"  {example[:300]}")
        told, lines = self._what_changed()
        self.say(f"runaway: {told}")
        for line in lines[:MAX_CHANGES]:
            self.say(f"  {line[:300]}")
        if len(lines) > MAX_CHANGES:
            self.say(f"  and {len(lines) - MAX_CHANGES} more")
        raised = dict(self.config.max_shares) | {reason: round(min(1.0, 1.25 * count / total), 2)}
        raise RunawayError(
            f"stopped: {reason} took {share}, more than its limit of {limit:.1%}; what is done stays. Mend its cause, or go on with "
            f"--set 'runaway.max_shares={json.dumps(list(raised.items()))}'"
        )

    def _what_changed(self) -> tuple[str, list[str]]:
        if self.before is None:
            lines = [str(change) for change in config_changes(recorded(Config()), self.now["config"])]
            told = "no run has ended in this output before; settings that are not the defaults:"
            return (told, lines) if lines else ("no run has ended in this output before, and every setting is the default", [])
        lines = [str(change) for change in changes(self.before, self.now)]
        return (
            ("changed since the last run that ended here:", lines)
            if lines
            else ("nothing has changed since the last run that ended here", [])
        )


def limit_of(reason: str, config: RunawayConfig) -> float | None:
    """The share that a reason may take; None where the guard is off."""
    if config.max_share is None:
        return None
    return {**RUNAWAY_LIMITS, **dict(config.max_shares)}.get(reason, config.max_share)


def over_limit(counts: Mapping[str, int], judged: Mapping[str, int], config: RunawayConfig) -> str | None:
    """The reason that is furthest over its limit, in multiples of it, or None; `judged` are the papers that each could have taken."""
    over = {}
    for reason, count in counts.items():
        limit = limit_of(reason, config)
        if limit is not None and judged[reason] >= config.min_papers and count / judged[reason] > limit:
            over[reason] = count / judged[reason] / limit
    return max(sorted(over), key=lambda reason: over[reason]) if over else None


def judged_since(before: Mapping[str, Any] | None, units: Sequence[Unit], config: Config) -> list[Unit]:
    """The units that the last run which ended had not made: all where it cut or made units differently, else those of other tars."""
    now = recorded(config)
    if before is None or before.get("stages") != STAGE_VERSIONS:
        return list(units)
    sections = [{name: books.get(name) for name in _EXTRACTION} for books in (before.get("config", {}), now)]
    if config_changes(*sections):
        return list(units)
    finished = {tar["tar"]: tar["md5"] for tar in before.get("tars", ())}
    return [unit for unit in units if finished.get(unit.tar) != unit.tar_md5]


def count_done(guard: RunawayGuard, out: Place, units: Sequence[Unit]) -> None:
    """Counts units that runs which were stopped have left done."""
    ledgers = map_ahead(lambda unit: read_column(out / "ledger" / f"{unit.name}.parquet", "reason"), units, out)
    for unit, reasons in zip(units, ledgers, strict=True):
        guard.add(unit.name, len(reasons), Counter(reason for reason in reasons if reason is not None))


def _examples(out: Place, units: Sequence[str], reason: str) -> list[str]:
    found: list[str] = []
    for unit in units:
        try:
            rows = pq.read_table(readable(out / "ledger" / f"{unit}.parquet"), columns=["tar", "member", "reason", "detail"]).to_pylist()
        except (OSError, pa.ArrowException):
            continue  # an example less, no reason to hide why the run stops
        found += [f"{row['tar']} {row['member']}: {row['detail']}" for row in rows if row["reason"] == reason]
    return found[:NUM_EXAMPLES]
