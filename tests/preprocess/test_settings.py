from pathlib import Path

import pytest

from preprocess.config import ArchiveConfig, Config, CorpusConfig, DescribeConfig, LatexConfig, MinHashConfig, UnitConfig
from preprocess.settings import load_config
from shards.errors import InputError


def test_nothing_given_is_the_defaults() -> None:
    assert load_config(None, []) == Config()


def test_a_file_and_then_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        '[unit]\nmax_unit_members = 10\nmax_stage_seconds = 60\nmax_paper_memory_bytes = "none"\n'
        '[corpus]\ncategories = ["math.AG", "cs"]\nlicenses = "none"\ndomains = [["math", ["math", "math-ph"]]]\n'
        "[latex]\nkeep_bibliography = true\n"
    )
    config = load_config(file, ["unit.max_unit_members=20", "corpus.first_year = 2001", "corpus.languages=en, de"])
    assert config == Config(
        unit=UnitConfig(max_unit_members=20, max_stage_seconds=60.0, max_paper_memory_bytes=None),
        corpus=CorpusConfig(
            categories=("math.AG", "cs"), licenses=None, domains=(("math", ("math", "math-ph")),), first_year=2001, languages=("en", "de")
        ),
        latex=LatexConfig(keep_bibliography=True),
    )
    assert isinstance(config.unit.max_stage_seconds, float)


def test_values_of_the_command_line() -> None:
    config = load_config(None, ["corpus.select=all", 'corpus.category_match="primary"', "describe.candidate_languages=en"])
    assert (config.corpus.select, config.corpus.category_match) == ("all", "primary")
    assert config.describe == DescribeConfig(candidate_languages=("en",))
    limits = load_config(None, ['corpus.quality_limits=[["mean_word_length", 3, 10], ["prose_share", 0.05, inf]]']).corpus.quality_limits
    assert limits == (("mean_word_length", 3.0, 10.0), ("prose_share", 0.05, float("inf")))
    assert load_config(None, ["corpus.languages=none"]).corpus.languages is None
    assert load_config(None, ["unit.max_unit_members=1", "unit.max_unit_members=2"]).unit.max_unit_members == 2


@pytest.mark.parametrize(
    "override, what",
    [
        ("unit.nope=3", r"\[unit\] has no field nope; there are max_unit_members"),
        ("nope.x=3", r"no section \[nope\]; there are unit, archive"),
        ("max_unit_members=3", r"section\.field=value is needed"),
        ("unit.max_unit_members", r"section\.field=value is needed"),
        ("unit.max_unit_members=many", "is 'many'; int is needed"),
        ("unit.max_unit_members=1.5", r"is 1\.5; int is needed"),
        ("unit.max_unit_members=true", "is True; int is needed"),
        ("unit.max_unit_members=none", "cannot be none|int is needed"),
        ("unit.max_unit_members=0", "is 0; at least 1 is needed"),
        ("unit.max_stage_seconds=inf", "is inf; more than 0"),
        ("unit.max_paper_memory_bytes=0", "is 0; at least 1 is needed, or none"),
        ("archive.max_ratio=0", r"archive\.max_ratio is 0; at least 1 is needed"),
        ("archive.min_ratio_bytes=-1", r"archive\.min_ratio_bytes is -1; 0 or more is needed"),
        ("latex.max_group_depth=0", r"latex\.max_group_depth is 0"),
        ("latex.keep_bibliography=1", "is 1; bool is needed"),
        ('corpus.quality_limits=[["prose", 0, 1]]', "a measure is one of prose_share, control_words_per_kb"),
        ('corpus.quality_limits=[["prose_share", 1, 0]]', "the least value allowed, then the largest is needed"),
        ('corpus.quality_limits=[["prose_share", 1]]', "3 values are needed"),
        ("corpus.categories=[1]", "is 1; str is needed"),
        ("corpus.categories=[]", "an empty list keeps nothing"),
        ("corpus.categories=3", "is 3; a list is needed"),
        ('corpus.domains=[["math"]]', "2 values are needed"),
        ("corpus.select=some", "`scope` or `all` is needed"),
    ],
)
def test_what_cannot_be_used_is_named(override: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        load_config(None, [override])


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    with pytest.raises(InputError, match="no such config file"):
        load_config(file, [])
    with pytest.raises(InputError, match="not a TOML file"):
        load_config(tmp_path, [])
    for content, what in (("[unit", "not a TOML file"), ("x = 1", "stands outside every section"), ("[unit]\ny = 1", "has no field y")):
        file.write_text(content)
        with pytest.raises(InputError, match=what):
            load_config(file, [])
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a TOML file"):
        load_config(file, [])


def test_every_number_of_a_limit_is_checked() -> None:
    """A limit without a check would be found by whoever types a wrong one."""
    num_checked = 0
    for kind in (ArchiveConfig, LatexConfig, MinHashConfig):
        for name, value in vars(kind()).items():
            if isinstance(value, int) and not isinstance(value, bool):
                num_checked += 1
                with pytest.raises(InputError, match=name):
                    kind(**{name: -1})
    assert num_checked == 15
