"""Part of a dump, chosen by hash: the same papers every time, and those of a smaller sample are in every larger one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from preprocess.sources.tars import TarListing, Unit
from shards.fingerprint import unit_interval
from shards.store import Place

_SALT = "sample of a dump"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """At most `max_tars` tars, and of their units as many as have `max_papers` papers together (the last one may go beyond)."""

    max_papers: int
    max_tars: int

    def tars(self, paths: Sequence[Place]) -> list[Place]:
        """The tars that are opened at all, in the order in which they are given."""
        chosen = set(sorted(paths, key=lambda path: unit_interval(path.name, _SALT))[: self.max_tars])
        return [path for path in paths if path in chosen]

    def units(self, units: Sequence[Unit]) -> list[Unit]:
        """The units that are read, in the order in which they are given."""
        chosen: set[str] = set()
        num_papers = 0
        for unit in sorted(units, key=lambda unit: unit_interval(unit.name, _SALT)):
            if num_papers >= self.max_papers:
                break
            chosen.add(unit.name)
            num_papers += len(unit.members)
        return [unit for unit in units if unit.name in chosen]


def only_units(listings: Sequence[TarListing], units: Sequence[Unit]) -> list[TarListing]:
    """The listings as if their tars held the members of `units` alone; tars of which no unit is chosen are left out."""
    members = {listing.name: [member for unit in units if unit.tar == listing.name for member in unit.members] for listing in listings}
    return [replace(listing, members=tuple(members[listing.name])) for listing in listings if members[listing.name]]
