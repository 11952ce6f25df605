"""Every number of the preprocessing, with its unit, its source and why. `None` means off; 0 is a value."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from preprocess.records import QUALITY_MEASURES
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
    max_stage_seconds: float = 300.0
    # seconds of wall clock for one stage of one paper: a backstop far above what any paper takes; beyond it the paper is quarantined.
    max_paper_memory_bytes: int | None = 6 << 30
    # bytes a worker may allocate beyond what it holds when it starts: a giant paper becomes a quarantined one and no dead machine.

    def __post_init__(self) -> None:
        require(self.max_unit_members >= 1, "unit.max_unit_members", self.max_unit_members, "at least 1 is needed")
        require(self.max_unit_bytes >= 1, "unit.max_unit_bytes", self.max_unit_bytes, "at least 1 is needed")
        is_time = 0 < self.max_stage_seconds <= 86_400
        require(is_time, "unit.max_stage_seconds", self.max_stage_seconds, "more than 0 and at most a day's 86,400 is needed")
        is_room = self.max_paper_memory_bytes is None or self.max_paper_memory_bytes >= 1
        require(is_room, "unit.max_paper_memory_bytes", self.max_paper_memory_bytes, "at least 1 is needed, or none for no limit")


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

    def __post_init__(self) -> None:
        for name in ("max_total_bytes", "max_file_bytes", "max_ratio", "max_members", "max_nesting"):
            require(getattr(self, name) >= 1, f"archive.{name}", getattr(self, name), "at least 1 is needed")
        require(self.min_ratio_bytes >= 0, "archive.min_ratio_bytes", self.min_ratio_bytes, "0 or more is needed")


@dataclass(frozen=True, kw_only=True)
class LatexConfig:
    """Limits and choices of the LaTeX extraction. The limits count work, so that fates do not depend on the machine."""

    max_expansions: int = 2_000_000
    # macro calls in one paper; the busiest real ones stay under 300,000. Beyond it the paper is rejected.
    max_expansion_depth: int = 200
    # files and macros open inside one another; TeX's own input stack is of that order.
    max_output_characters: int = 256 << 20
    # characters of expanded source; a paper whose macros double themselves ends here, rejected.
    max_macro_output_ratio: int = 100
    # expanded / source characters, judged above 8 MiB of output: real papers stay under 3.
    max_group_depth: int = 60
    # arguments rendered inside one another; deeper ones are flattened by pattern.
    max_roots: int = 200
    # root files of one paper; proceedings and books by chapter have some dozens. Those after them are left out.
    min_version_overlap: float = 0.5
    # share of a further root's runs of eight words that an earlier root has, from which on it is a version of the same paper and left out.
    # Versions of one paper were seen to share 0.4-0.97, different papers and supplements of their own 0-0.06.
    keep_bibliography: bool = False
    # keeps thebibliography and .bbl as a last section.
    cite_author_year: bool = False
    # renders citations as `Noether (1918)` and `(Noether, 1918)` where the bibliography in the source states author and year (natbib's
    # labels); the others, and all by default, are markers `[cite:N]`.

    def __post_init__(self) -> None:
        for name in (
            "max_expansions",
            "max_expansion_depth",
            "max_output_characters",
            "max_macro_output_ratio",
            "max_group_depth",
            "max_roots",
        ):
            require(getattr(self, name) >= 1, f"latex.{name}", getattr(self, name), "at least 1 is needed")


@dataclass(frozen=True, kw_only=True)
class NormaliseConfig:
    """Choices of the text normalisation."""

    mask_emails: bool = False
    # e-mail addresses become [email]: for those whose rules ask for it; a paper's reader sees them.
    mask_phone_numbers: bool = False
    # international phone numbers become [phone].


@dataclass(frozen=True, kw_only=True)
class DescribeConfig:
    """Language identification and measures recorded as fields."""

    language_sample_characters: int = 4_000
    # characters of prose shown to the language model, in pieces spread over the paper. The model reads 2-3 MB/s, so 4,000 cost 1 ms;
    # 357 real papers are told the same as at 20,000, and each of the 352 English ones with a probability above 0.99.
    min_language_characters: int = 200
    # characters of prose under which the language is `und`: of 100-character beginnings 1 in 10 is called Latin, Czech or Finnish.
    candidate_languages: tuple[str, ...] | None = None
    # ISO 639-1 codes the model may answer with; None: all 140 it knows.

    def __post_init__(self) -> None:
        require(
            self.language_sample_characters >= 1,
            "describe.language_sample_characters",
            self.language_sample_characters,
            "at least 1 is needed",
        )
        require(self.min_language_characters >= 1, "describe.min_language_characters", self.min_language_characters, "at least 1 is needed")
        require(
            self.candidate_languages != (),
            "describe.candidate_languages",
            self.candidate_languages,
            "name languages, or leave it out for all",
        )


@dataclass(frozen=True, kw_only=True)
class MinHashConfig:
    """The signatures by which near duplicates are found. Part of the extraction: a change here extracts anew."""

    shingle_words: int = 5
    # words of a shingle: five in arXiv:2107.06499 and arXiv:2306.01116. Fewer are common phrases, more miss small edits.
    num_bands: int = 25
    # bands of a signature. Two texts are compared where one band is equal: of pairs at J = 0.8 1 - (1 - 0.8^5)^25 = 99.995 % are,
    # of those at 0.5 55 %, at 0.2 0.8 %.
    rows_per_band: int = 5
    # values of a band. 16 bands of 8 would find only 94.7 % at J = 0.8. A signature has 25 x 5 values of 4 bytes: 500 bytes a document.

    @property
    def num_hashes(self) -> int:
        """Values of a signature."""
        return self.num_bands * self.rows_per_band

    def __post_init__(self) -> None:
        for name in ("shingle_words", "num_bands", "rows_per_band"):
            require(1 <= getattr(self, name) <= 1000, f"minhash.{name}", getattr(self, name), "1 to 1000 is needed")


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Selection, deduplication, domains, split and buckets. A change here costs one corpus pass, no extraction."""

    select: str = "scope"
    # `scope`: the rules of the fields below decide; `all`: every document stays, sources without metadata and withdrawn ones too
    # (newest version, deduplication and split are no selection and go on as they are).
    categories: tuple[str, ...] | None = (
        "math",
        "cs",
        "stat",
        "hep-th",
        "hep-ph",
        "hep-ex",
        "hep-lat",
        "gr-qc",
        "math-ph",
        "quant-ph",
        "nucl-th",
    )
    # arXiv categories (`math.AG`, one token) or archives (`math`: every `math.XX`, never `math-ph`). The scope of arXiv:2602.17288.
    category_match: str = "any"
    # `any`: one of a paper's categories, cross-lists included; `primary`: the first one only.
    licenses: tuple[str, ...] | None = None
    # keys of `preprocess.corpus.select.license_key` (`cc-by-4.0`, `arxiv-1.0`, `assumed`, …); None: every licence that arXiv gives.
    first_year: int | None = None
    # earliest year of the first version; None: from the beginning.
    last_year: int | None = None
    # latest year of the first version; None: to the end.
    languages: tuple[str, ...] | None = ("en",)
    # languages as `describe` writes them; None: all, `und` too.
    min_language_probability: float = 0.5
    # probability, 0 to 1, that the language needs: under it the paper is half in another one, or no prose at all.
    min_characters: int = 1_000
    # characters of text. Shorter ones are title pages, errata and withdrawal notes; a paper has 55,000-65,000.
    quality_limits: tuple[tuple[str, float, float], ...] = ()
    # measure, least and largest value, both allowed; measures are those of `preprocess.records.Quality` and `math_share`. None by default:
    # of 352 real papers in English, all of them papers, Gopher's limits on words, symbols and lines leave out 5, and its 0.10 on
    # repeated runs of ten words 86, since mathematics says the same words of other formulas. What is no paper has ended earlier.
    deduplicate: bool = True
    # one document of those whose normalised text is equal.
    near_duplicate_threshold: float | None = 0.8
    # Jaccard similarity of two texts' sets of shingles from which on one of them leaves: 0.8 in arXiv:2107.06499 and arXiv:2306.01116.
    # None: near duplicates stay. Which pairs are found depends on the bands of `minhash`.
    max_near_duplicate_leaders: int = 64
    # documents of a group with an equal band that every other one of the group is compared with: all pairs in groups of up to 65, a bound
    # on the work in groups of thousands (a journal's blank form, a series of one-page notes). What it cuts is counted.
    decontaminate: tuple[str, ...] | None = None
    # benchmark files whose passages must not be trained on: JSON lines (.jsonl; every string in a line) or text (paragraphs), plain or .gz.
    # A benchmark's name is its file's, without endings. None: no decontamination.
    benchmark_ngram_words: int = 13
    # words of a run that is a passage of its benchmark: 13 in arXiv:2005.14165 (appendix C). Shorter strings are no passage, and counted.
    min_benchmark_ngrams: int = 1
    # different runs of one benchmark from which on a document is left out; one in arXiv:2005.14165.
    domains: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("math", ("math", "math-ph", "alg-geom", "dg-ga", "funct-an", "q-alg")),
        ("cs", ("cs", "cmp-lg")),
        ("stat", ("stat",)),
        (
            "physics",
            (
                "hep-th",
                "hep-ph",
                "hep-ex",
                "hep-lat",
                "gr-qc",
                "quant-ph",
                "nucl-th",
                "nucl-ex",
                "astro-ph",
                "cond-mat",
                "physics",
                "nlin",
                "acc-phys",
                "adap-org",
                "ao-sci",
                "atom-ph",
                "chao-dyn",
                "chem-ph",
                "comp-gas",
                "mtrl-th",
                "patt-sol",
                "plasm-ph",
                "solv-int",
                "supr-con",
            ),
        ),
    )
    # domain and its archives or categories, matched against the primary category as `categories` are; first match, else `other`.
    # The archives that arXiv has closed stand with their successors.
    validation_share: float = 0.02
    # share of ids, by hash, that is never trained on. Of 300 papers 6 are expected and none is left with probability 0.2 %; of all of
    # arXiv it is 30,000 papers, of which a validation run reads as many as it likes.
    bucket_bits: int = 6
    # the corpus is 2^bits buckets a domain and split: at all of arXiv 64 buckets are under 1 GB of text each, what a pass holds at once.
    max_spill_bytes: int = 256 << 20
    # bytes of text the pass keeps in memory before it writes them to temporary bucket files.

    def __post_init__(self) -> None:
        require(self.select in ("scope", "all"), "corpus.select", self.select, "`scope` or `all` is needed")
        require(self.category_match in ("any", "primary"), "corpus.category_match", self.category_match, "`any` or `primary` is needed")
        for name in ("categories", "licenses", "languages"):
            require(getattr(self, name) != (), f"corpus.{name}", (), "an empty list keeps nothing; leave it out or name some")
        if self.first_year is not None and self.last_year is not None:
            require(self.first_year <= self.last_year, "corpus.first_year", self.first_year, f"it is after last_year {self.last_year}")
        is_probability = 0 <= self.min_language_probability <= 1
        require(is_probability, "corpus.min_language_probability", self.min_language_probability, "0 to 1 is needed")
        require(self.min_characters >= 0, "corpus.min_characters", self.min_characters, "0 or more is needed")
        for limit in self.quality_limits:
            require(limit[0] in QUALITY_MEASURES, "corpus.quality_limits", limit, f"a measure is one of {', '.join(QUALITY_MEASURES)}")
            require(limit[1] <= limit[2], "corpus.quality_limits", limit, "the least value allowed, then the largest is needed")
        threshold = self.near_duplicate_threshold
        is_share = threshold is None or 0 < threshold <= 1
        require(is_share, "corpus.near_duplicate_threshold", threshold, "more than 0 and at most 1 is needed, or none for off")
        for name in ("max_near_duplicate_leaders", "benchmark_ngram_words", "min_benchmark_ngrams"):
            require(getattr(self, name) >= 1, f"corpus.{name}", getattr(self, name), "at least 1 is needed")
        require(self.decontaminate != (), "corpus.decontaminate", (), "name benchmark files, or leave it out")
        require(0 <= self.validation_share < 1, "corpus.validation_share", self.validation_share, "0 to less than 1 is needed")
        require(0 <= self.bucket_bits <= 16, "corpus.bucket_bits", self.bucket_bits, "0 to 16 is needed")
        require(self.max_spill_bytes >= 1, "corpus.max_spill_bytes", self.max_spill_bytes, "at least 1 is needed")
        for domain, _ in self.domains:
            is_name = re.fullmatch(r"[a-z0-9][a-z0-9_-]*", domain) is not None and domain not in ("other", "unknown")
            require(is_name, "corpus.domains", domain, "a folder's name in lower case is needed, neither `other` nor `unknown`")


RUNAWAY_LIMITS: Mapping[str, float] = {
    "pdf_only": 0.5,
    "postscript_only": 0.5,
    # what authors sent differs from month to month; a source most of which is no TeX is not arXiv's source dump (`arXiv_pdf_*`).
    "category": 0.95,
    "license": 0.95,
    "year": 0.95,
    # a scope may leave out nearly everything that there is; what leaves out all of it is misspelt.
    "older_version": 0.5,
    # at most one of two: a folder of tars that were all issued again.
}
# share of the papers that a reason may take before the run stops, 0 to 1; reasons that are not named here have `runaway.max_share`.


@dataclass(frozen=True, kw_only=True)
class RunawayConfig:
    """When a run stops by itself, since one reason takes too many papers. It watches what a run makes and decides none of it."""

    max_share: float | None = 0.1
    # share of the papers that one reason may take, 0 to 1. In all at most 3 % of TeX papers should end without text, the cleaner that is
    # copied most loses 22 % (RedPajama): a tenth for one reason alone is no matter of papers but of a setting. None: no guard.
    max_shares: tuple[tuple[str, float], ...] = ()
    # reasons with limits of their own, before those of `RUNAWAY_LIMITS`; 1 never stops.
    min_papers: int = 2_000
    # papers that must be judged before a run may stop: eight whole units, so that one odd stretch of a tar is not the run's share.

    def __post_init__(self) -> None:
        is_share = self.max_share is None or 0 < self.max_share <= 1
        require(is_share, "runaway.max_share", self.max_share, "more than 0 and at most 1 is needed, or none for no guard")
        for reason, share in self.max_shares:
            require(0 < share <= 1, "runaway.max_shares", (reason, share), "a reason and its share, more than 0 and at most 1, is needed")
        require(self.min_papers >= 1, "runaway.min_papers", self.min_papers, "at least 1 is needed")


@dataclass(frozen=True, kw_only=True)
class HarvestConfig:
    """How an OAI-PMH endpoint is asked. Decides when answers come, never what they are."""

    request_interval_seconds: float = 3.0
    # seconds between requests, the first wait after a failure too, doubled from one to the next: arXiv's terms for its interfaces allow one
    # request every three seconds.
    timeout_seconds: float = 120.0
    # seconds without a byte after which a request has failed: arXiv takes tens of seconds to make a page.
    max_attempts: int = 10
    # requests for one page, one after the other, before the harvest ends (the same command goes on with it).
    max_wait_seconds: float = 1_800.0
    # the longest wait between two of them. An endpoint that asks for a longer one ends the harvest.
    max_page_bytes: int = 256 << 20
    # bytes of one answer: arXiv's pages of 1,000 and more records have 2 to 5 MB.
    say_interval_seconds: float = 30.0
    # seconds between lines of progress.
    keep_interval_seconds: float = 120.0
    # seconds of pages, at least, that go to an object store together where --out is on one: what a machine that is lost asks for again.

    def __post_init__(self) -> None:
        for name in ("request_interval_seconds", "max_wait_seconds", "say_interval_seconds", "keep_interval_seconds"):
            require(getattr(self, name) >= 0, f"harvest.{name}", getattr(self, name), "0 or more is needed")
        require(self.timeout_seconds > 0, "harvest.timeout_seconds", self.timeout_seconds, "more than 0 is needed")
        for name in ("max_attempts", "max_page_bytes"):
            require(getattr(self, name) >= 1, f"harvest.{name}", getattr(self, name), "at least 1 is needed")


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """What a plan is reckoned with. Decides nothing that a run writes."""

    egress_dollars_per_gb: tuple[tuple[str, float], ...] = (
        ("same region (us-east-1)", 0.0),
        ("another region of AWS", 0.02),
        ("out to the internet", 0.09),
    )
    # where the workers are, and dollars for 10^9 bytes from a bucket in us-east-1, where arXiv's is: the price of a month's first 10 TB.
    dollars_per_1000_requests: float = 0.0004
    # GET requests of standard storage.
    prices_from: str = "aws.amazon.com/s3/pricing, us-east-1, as known in 2025; look before you pay"
    # source and date of both, printed with every plan: edit it with them.
    bytes_per_paper: float = 1.93e6
    # of a tar, where nobody states how many papers it holds: 5.6 TB hold 2.9 million (all of arXiv, 2023).
    papers_per_unit: int = 250
    # papers that are read one after the other: each such stretch costs a request more than its bytes do.
    seconds_per_paper: float = 0.09
    # CPU-seconds, where neither an earlier run nor benchmarks/results tells: 32.9 s for 374 members of a real dump (2026-11-24).
    overhead: float = 1.1
    # CPU time of a run / that inside its stages: Ray, reading, writing.

    def __post_init__(self) -> None:
        for where, price in self.egress_dollars_per_gb:
            require(price >= 0, "plan.egress_dollars_per_gb", (where, price), "a place and its price, 0 or more, is needed")
        require(
            self.dollars_per_1000_requests >= 0, "plan.dollars_per_1000_requests", self.dollars_per_1000_requests, "0 or more is needed"
        )
        for name in ("bytes_per_paper", "papers_per_unit", "seconds_per_paper", "overhead"):
            require(getattr(self, name) > 0, f"plan.{name}", getattr(self, name), "more than 0 is needed")


@dataclass(frozen=True, kw_only=True)
class Config:
    """All of it; what decides an output is written into every manifest (`recorded`)."""

    unit: UnitConfig = field(default_factory=UnitConfig)
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)
    latex: LatexConfig = field(default_factory=LatexConfig)
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    describe: DescribeConfig = field(default_factory=DescribeConfig)
    minhash: MinHashConfig = field(default_factory=MinHashConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    runaway: RunawayConfig = field(default_factory=RunawayConfig)
    harvest: HarvestConfig = field(default_factory=HarvestConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)


NOT_RECORDED = ("runaway", "harvest", "plan")  # sections that no byte of an output depends on


def recorded(config: Config) -> dict[str, Any]:
    """The config as manifests have it: what an output may depend on. A run whose guard was raised on the way ends like any other."""
    return {section: fields for section, fields in asdict(config).items() if section not in NOT_RECORDED}


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One decision turned the other way, for `python -m preprocess ablate`: fields as `--set` takes them, and what that means."""

    name: str
    overrides: tuple[str, ...]
    words: str


ABLATIONS: tuple[Switch, ...] = (
    Switch(
        name="any_language",
        overrides=("corpus.languages=none", "corpus.min_language_probability=0"),
        words="texts in every language, and those whose language is not sure",
    ),
    Switch(name="no_exact_dedup", overrides=("corpus.deduplicate=false",), words="texts equal to the byte are left to the near duplicates"),
    Switch(name="no_near_dedup", overrides=("corpus.near_duplicate_threshold=none",), words="near duplicates stay"),
    Switch(
        name="no_dedup",
        overrides=("corpus.deduplicate=false", "corpus.near_duplicate_threshold=none"),
        words="all duplicates of other papers stay",
    ),
    Switch(name="any_category", overrides=("corpus.categories=none",), words="papers of every category"),
    Switch(name="primary_category", overrides=("corpus.category_match=primary",), words="cross-lists into the scope do not count"),
    Switch(name="any_length", overrides=("corpus.min_characters=0",), words="texts of any length"),
    Switch(
        name="gopher_quality",
        overrides=(
            'corpus.quality_limits=[["mean_word_length", 3, 10], ["symbol_word_ratio", 0, 0.1], ["bullet_line_share", 0, 0.9], '
            '["ellipsis_line_share", 0, 0.3], ["alphabetic_word_share", 0.8, 1], ["duplicate_line_share", 0, 0.2], '
            '["duplicate_ngram_share", 0, 0.1]]',
        ),
        words="only texts within the limits of arXiv:2112.11446 (appendix A.1.1)",
    ),
    Switch(
        name="open_licenses",
        overrides=('corpus.licenses=["cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0"]',),
        words="only papers whose licence allows derived works",
    ),
    Switch(
        name="everything", overrides=('corpus.select="all"',), words="no selection at all: withdrawn papers and those without metadata too"
    ),
    Switch(name="no_validation", overrides=("corpus.validation_share=0",), words="nothing is held out"),
    Switch(name="with_bibliography", overrides=("latex.keep_bibliography=true",), words="bibliographies stay in the texts"),
    Switch(name="author_year", overrides=("latex.cite_author_year=true",), words="citations by author and year where the paper has them"),
    Switch(name="no_macros", overrides=("latex.max_expansions=1",), words="the papers' own macros are not expanded"),
)
# decisions that `ablate` turns the other way one by one, in this order. Those of `latex` need the texts extracted again, the others do not.
