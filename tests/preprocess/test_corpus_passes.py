from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.config import CorpusConfig
from preprocess.corpus.decide import decide
from preprocess.corpus.deduplicate import drop_duplicates
from preprocess.corpus.domain import domain_of
from preprocess.corpus.newest import drop_older, tar_order
from preprocess.corpus.records import Candidate, CorpusReason
from preprocess.corpus.select import license_key, matches, select
from preprocess.corpus.split import bucket_of, bucket_order, split_of
from shards.errors import InputError

CONFIG = CorpusConfig()
BY = "http://creativecommons.org/licenses/by/4.0/"


def candidate(arxiv_id: str = "2001.00001", position: int = 0, **fields: Any) -> Candidate:
    row: dict[str, Any] = {
        "unit": "arXiv_src_2001_001-00000",
        "tar": "arXiv_src_2001_001.tar",
        "member": f"2001/{arxiv_id}.gz",
        "characters": 50_000,
        "language": "en",
        "language_probability": 0.99,
        "text_sha256": f"{position:064d}",
        "is_known": True,
        "categories": ("math.AG", "cs.LG"),
        "license": None,
        "created": "2020-01-02",
        "version": 1,
        "withdrawn_detail": None,
    }
    return Candidate(arxiv_id=arxiv_id, position=position, **(row | fields))


def reason(**fields: Any) -> CorpusReason | None:
    config = fields.pop("config", CONFIG)
    exclusion = select(candidate(**fields), config)
    return None if exclusion is None else exclusion.reason


# one smallest case of each reason; the others need company or a text
REASONS: dict[CorpusReason, dict[str, Any]] = {
    CorpusReason.NO_METADATA: {"is_known": False, "categories": ()},
    CorpusReason.WITHDRAWN: {"withdrawn_detail": "Withdrawn"},
    CorpusReason.CATEGORY: {"categories": ("q-bio.GN",)},
    CorpusReason.LICENSE: {"config": CorpusConfig(licenses=("cc-by-4.0",))},
    CorpusReason.YEAR: {"config": CorpusConfig(first_year=2021)},
    CorpusReason.LANGUAGE: {"language": "de"},
    CorpusReason.TOO_SHORT: {"characters": 999},
    CorpusReason.QUALITY: {"quality": {"prose_share": 0.04}, "config": CorpusConfig(quality_limits=(("prose_share", 0.05, 1.0),))},
}


def test_what_is_in_scope() -> None:
    assert reason() is None
    assert reason(characters=1000, language_probability=0.5) is None


@pytest.mark.parametrize("expected", REASONS)
def test_each_rule_of_the_selection(expected: CorpusReason) -> None:
    assert reason(**REASONS[expected]) is expected


def test_every_reason_has_a_case() -> None:
    of_texts = {CorpusReason.NEAR_DUPLICATE, CorpusReason.CONTAMINATED}  # test_near_duplicates.py, test_decontaminate.py
    assert set(REASONS) | {CorpusReason.OLDER_VERSION, CorpusReason.DUPLICATE} | of_texts == set(CorpusReason)


def test_more_of_the_selection() -> None:
    assert reason(language="und", language_probability=0.0) is CorpusReason.LANGUAGE
    assert reason(language_probability=0.49) is CorpusReason.LANGUAGE
    assert reason(language="und", language_probability=0.0, config=CorpusConfig(languages=None)) is None
    assert reason(license=BY, config=CorpusConfig(licenses=("cc-by-4.0",))) is None
    assert reason(config=CorpusConfig(licenses=("assumed",))) is None
    assert reason(config=CorpusConfig(last_year=2019)) is CorpusReason.YEAR
    assert reason(config=CorpusConfig(first_year=2020, last_year=2020)) is None
    assert reason(categories=("q-bio.GN", "cs.DS")) is None
    assert reason(categories=("q-bio.GN", "cs.DS"), config=CorpusConfig(category_match="primary")) is CorpusReason.CATEGORY
    assert reason(categories=("q-bio.GN",), config=CorpusConfig(categories=None)) is None


def test_limits_of_quality_are_off_until_named_and_allow_their_ends() -> None:
    config = CorpusConfig(quality_limits=(("math_share", 0.0, 0.9), ("mean_word_length", 3, 10)))
    good = {"math_share": 0.9, "mean_word_length": 3.0}
    assert reason(quality=good) is reason(quality=good, config=config) is None
    assert reason(quality=good | {"math_share": 0.91}) is None
    for bad, detail in (
        ({"math_share": 0.91}, "math_share 0.91, wanted 0 to 0.9"),
        ({"mean_word_length": 15.5}, "mean_word_length 15.5, wanted 3 to 10"),
        ({"mean_word_length": 2.9}, "mean_word_length 2.9, wanted 3 to 10"),
    ):
        exclusion = select(candidate(quality=good | bad), config)
        assert exclusion is not None
        assert (exclusion.reason, exclusion.detail) == (CorpusReason.QUALITY, detail)


def test_all_keeps_everything() -> None:
    config = CorpusConfig(select="all")
    for fields in REASONS.values():
        assert reason(**{**fields, "config": config}) is None


@pytest.mark.parametrize(
    "category, wanted, expected",
    [
        ("cs.LG", ["cs"], True),
        ("cs.LG", ["cs.LG"], True),
        ("cs.LG", ["cs.L"], False),
        ("math.AG", ["math"], True),
        ("math-ph", ["math"], False),
        ("math-ph", ["math-ph"], True),
        ("physics.optics", ["cs"], False),
        ("physics.class-ph", ["cs"], False),
        ("hep-th", ["hep-th"], True),
        ("hep-th", ["hep"], False),
        ("cs", ["cs.LG"], False),
        ("stat.ML", [], False),
    ],
)
def test_categories_are_tokens(category: str, wanted: list[str], expected: bool) -> None:
    assert matches(category, wanted) is expected


TOKENS = st.from_regex(r"[a-z]{2,8}(-[a-z]{2,4})?(\.[A-Za-z-]{2,6})?", fullmatch=True)


@given(TOKENS, st.lists(TOKENS, max_size=4))
def test_a_category_matches_only_itself_and_its_archive(category: str, wanted: list[str]) -> None:
    assert matches(category, [category])
    assert matches(category, [category.split(".")[0]])
    assert not matches(category, [category + "x", "x" + category, category[:-1] if "." not in category else category[1:]])
    assert matches(category, wanted) == any(name in (category, category.split(".")[0]) for name in wanted)


def test_licences_have_short_names() -> None:
    urls = [
        BY,
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        "http://creativecommons.org/publicdomain/zero/1.0/",
        "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
        None,
        "",
        "http://example.org/own",
    ]
    assert [license_key(url) for url in urls] == [
        "cc-by-4.0",
        "cc-by-nc-sa-4.0",
        "cc0-1.0",
        "arxiv-1.0",
        "assumed",
        "assumed",
        "http://example.org/own",
    ]


def test_domains() -> None:
    categories = ["math.AG", "math-ph", "cs.LG", "stat.ML", "hep-th", "astro-ph.GA", "cond-mat", "physics.optics", "alg-geom", "q-bio.GN"]
    expected = ["math", "math", "cs", "stat", "physics", "physics", "physics", "physics", "math", "other"]
    assert [domain_of([category, "cs.LG"], CONFIG) for category in categories] == expected
    assert domain_of([], CONFIG) == "unknown"
    assert domain_of(["math.AG"], CorpusConfig(domains=(("algebra", ("math.AG",)), ("math", ("math",))))) == "algebra"


def test_tars_by_time() -> None:
    names = ["arXiv_src_9912_002", "arXiv_src_0001_001", "arXiv_src_9912_010", "arXiv_src_2401_001", "odd", "arXiv_src_9107_001"]
    assert sorted(names, key=tar_order) == [
        "odd",
        "arXiv_src_9107_001",
        "arXiv_src_9912_002",
        "arXiv_src_9912_010",
        "arXiv_src_0001_001",
        "arXiv_src_2401_001",
    ]


def test_the_later_document_of_an_id_is_the_newer_one() -> None:
    first, other, last = candidate("2001.00001", 0), candidate("2001.00002", 1), candidate("2001.00001", 2, member="again.gz")
    exclusions = drop_older([last, first, other], {})
    assert {position: exclusion.reason for position, exclusion in exclusions.items()} == {0: CorpusReason.OLDER_VERSION}
    assert "again.gz" in exclusions[0].detail


def test_a_later_withdrawal_notice_withdraws() -> None:
    candidates = [candidate("2001.00001", 0), candidate("2001.00002", 5)]
    exclusions = drop_older(candidates, {"2001.00001": 3, "2001.00002": 3})
    assert {position: exclusion.reason for position, exclusion in exclusions.items()} == {0: CorpusReason.WITHDRAWN}


def test_the_first_published_of_equal_texts_is_kept() -> None:
    fields = {"text_sha256": "a" * 64}
    candidates = [
        candidate("2002.00001", 0, created="2020-02-01", **fields),
        candidate("2001.00002", 1, created="2020-01-01", **fields),
        candidate("2001.00001", 2, created="2020-01-01", **fields),
        candidate("1901.00001", 3, created=None, **fields),
        candidate("1801.00001", 4),
    ]
    exclusions = drop_duplicates(candidates)
    assert {position: exclusion.detail for position, exclusion in exclusions.items()} == dict.fromkeys([0, 1, 3], "same text as 2001.00001")
    assert drop_duplicates(candidates[::-1]) == exclusions


def test_passes_see_what_the_ones_before_have_kept() -> None:
    same = {"text_sha256": "a" * 64}
    candidates = [
        candidate("2001.00001", 0),
        candidate("2001.00001", 1, characters=10),  # too short, so the older one stays
        candidate("2001.00002", 2, withdrawn_detail="Withdrawn", created="2019-01-01", **same),  # withdrawn, so it keeps nothing out
        candidate("2001.00003", 3, **same),
        candidate("2001.00004", 4, **same),
    ]
    reasons = [decision.exclusion and decision.exclusion.reason.value for decision in decide(candidates, {}, CONFIG)]
    assert reasons == [None, "too_short", "withdrawn", None, "duplicate"]
    no_deduplication = CorpusConfig(deduplicate=False)
    assert [decision.exclusion is None for decision in decide(candidates, {}, no_deduplication)] == [True, False, False, True, True]


IDS = st.from_regex(r"(\d{4}\.\d{5}|[a-z]{4,6}/\d{7})", fullmatch=True)


@given(IDS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_validation_share_keeps_the_smaller_ones_papers(arxiv_id: str, share: float, more: float) -> None:
    if split_of(arxiv_id, share) == "validation":
        assert split_of(arxiv_id, share + more) == "validation"
    assert split_of(arxiv_id, 0) == "train"


@given(IDS, st.integers(0, 15))
def test_one_bit_more_cuts_a_bucket_in_two(arxiv_id: str, bits: int) -> None:
    assert 0 <= bucket_of(arxiv_id, bits) < 1 << bits
    assert bucket_of(arxiv_id, bits + 1) // 2 == bucket_of(arxiv_id, bits)


@given(st.lists(IDS, min_size=1, max_size=20, unique=True), st.integers(0, 20))
def test_decisions_of_a_document_do_not_depend_on_the_others(ids: list[str], num_more: int) -> None:
    def fates(names: Iterable[str]) -> dict[str, tuple[str, str, int]]:
        decisions = decide([candidate(name, position) for position, name in enumerate(names)], {}, CONFIG)
        return {row.candidate.arxiv_id: (row.domain, row.split, row.bucket) for row in decisions}

    more = [f"1901.{number:05d}" for number in range(num_more)]
    few, many = fates(ids), fates([*more, *ids[::-1]])
    assert all(many[name] == fate for name, fate in few.items())


def test_shares_and_buckets_are_even_and_fixed() -> None:
    ids = [f"2001.{number:05d}" for number in range(5000)]
    share = sum(split_of(name, 0.02) == "validation" for name in ids) / len(ids)
    assert 0.014 < share < 0.026
    counts = [0] * 16
    for name in ids:
        counts[bucket_of(name, 4)] += 1
    assert 250 < min(counts) <= max(counts) < 380
    # these very values lie in every corpus that was ever written
    assert (bucket_of("2001.00001", 6), bucket_of("hep-th/9901003", 6)) == (43, 6)
    assert [name for name in ids[:150] if split_of(name, 0.02) == "validation"] == ["2001.00080", "2001.00087", "2001.00130", "2001.00147"]
    assert 0 <= bucket_order("2001.00001") < 1


@pytest.mark.parametrize(
    "fields, word",
    [
        ({"select": "none"}, "corpus.select"),
        ({"category_match": "all"}, "category_match"),
        ({"categories": ()}, "categories"),
        ({"licenses": ()}, "licenses"),
        ({"languages": ()}, "languages"),
        ({"first_year": 2020, "last_year": 2019}, "first_year"),
        ({"min_language_probability": 1.5}, "min_language_probability"),
        ({"min_characters": -1}, "min_characters"),
        ({"validation_share": 1.0}, "validation_share"),
        ({"bucket_bits": 17}, "bucket_bits"),
        ({"max_spill_bytes": 0}, "max_spill_bytes"),
        ({"near_duplicate_threshold": 0.0}, "near_duplicate_threshold"),
        ({"near_duplicate_threshold": 1.1}, "near_duplicate_threshold"),
        ({"max_near_duplicate_leaders": 0}, "max_near_duplicate_leaders"),
        ({"decontaminate": ()}, "decontaminate"),
        ({"benchmark_ngram_words": 0}, "benchmark_ngram_words"),
        ({"min_benchmark_ngrams": 0}, "min_benchmark_ngrams"),
        ({"domains": (("../x", ("math",)),)}, "domains"),
        ({"domains": (("other", ("math",)),)}, "domains"),
    ],
)
def test_bad_config(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        CorpusConfig(**fields)
