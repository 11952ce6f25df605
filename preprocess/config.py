"""Every number of the preprocessing, with its unit, its source and why. `None` means off; 0 is a value."""

from dataclasses import dataclass, field

from shards.errors import InputError


def require(is_met: bool, name: str, value: object, wanted: str) -> None:
    """Raises `InputError` naming the field, the value found and what is wanted."""
    if not is_met:
        raise InputError(f"config: {name} is {value!r}; {wanted}")


@dataclass(frozen=True, kw_only=True)
class UnitConfig:
    """How a dump is cut into work units."""

    max_unit_members: int = 250
    # members of a tar. Small enough that a lost worker costs seconds, large enough that per-unit cost is noise.
    max_unit_bytes: int = 48 << 20
    # compressed bytes. 32-64 MB units keep one worker busy for tens of seconds.

    def __post_init__(self) -> None:
        require(self.max_unit_members >= 1, "unit.max_unit_members", self.max_unit_members, "at least 1 is needed")
        require(self.max_unit_bytes >= 1, "unit.max_unit_bytes", self.max_unit_bytes, "at least 1 is needed")


@dataclass(frozen=True, kw_only=True)
class ArchiveConfig:
    """Limits of the archive validation: they bound memory whatever an archive holds."""

    max_total_bytes: int = 512 << 20
    # bytes of one submission, unpacked. arXiv's own limit for a submission is 50 MB packed.
    max_file_bytes: int = 128 << 20
    # bytes of one file, unpacked.
    max_ratio: int = 200
    # unpacked / packed bytes, judged once more than `min_ratio_bytes` are unpacked. TeX packs 3-5 fold, bombs 1,000 fold.
    min_ratio_bytes: int = 32 << 20
    # bytes under which the ratio is not judged: a small file may well be all blanks.
    max_members: int = 20_000
    # members of one submission, folders and empty files included.
    max_nesting: int = 3
    # archives inside one another (gz in gz, tar in gz).


@dataclass(frozen=True, kw_only=True)
class LatexConfig:
    """Limits and choices of the LaTeX extraction. The limits count work, so that fates do not depend on the machine."""


@dataclass(frozen=True, kw_only=True)
class NormaliseConfig:
    """Choices of the text normalisation."""


@dataclass(frozen=True, kw_only=True)
class DescribeConfig:
    """Language identification and measures recorded as fields."""


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Selection, deduplication and split."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All of it; written into every manifest."""

    unit: UnitConfig = field(default_factory=UnitConfig)
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
    latex: LatexConfig = field(default_factory=LatexConfig)
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    describe: DescribeConfig = field(default_factory=DescribeConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
