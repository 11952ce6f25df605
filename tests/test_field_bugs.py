"""The bugs of the system that texmill descends from and of other cleaners of arXiv's sources, each with the tests that would show it here.

The system published with arXiv:2602.17288 first, then RedPajama's method and what was copied from it, then pylatexenc. The names are
checked: a test that goes, or is called otherwise, must be found again.
"""

import ast
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
PEER_BUGS = "preprocess/latex/test_latex_peer_bugs.py"
TESTS_OF_BUGS = {
    # the system of arXiv:2602.17288, as published
    "asynchronous filters that are never awaited, so that nothing is left out": [
        "preprocess/test_reasons.py::test_every_reason_has_an_input",
        "preprocess/test_corpus_passes.py::test_each_rule_of_the_selection",
        "preprocess/test_corpus_passes.py::test_every_reason_has_a_case",
    ],
    "a document's text is the name of an object": ["samples/test_build.py::test_each_text_begins_with_its_title"],
    "submissions of one file are lost": [
        "preprocess/test_unpack.py::test_one_file_gzipped_or_not",
        f"{PEER_BUGS}::test_single_file_submissions_are_papers",
    ],
    "all files in the order of the archive, whatever includes them": [
        f"{PEER_BUGS}::test_files_come_in_the_order_of_their_inclusion",
        f"{PEER_BUGS}::test_inclusion_in_all_its_forms",
        "preprocess/latex/test_latex_inclusion.py::test_what_is_read",
    ],
    "an escaped percent sign begins a comment": [f"{PEER_BUGS}::test_an_escaped_percent_sign_is_no_comment"],
    "footnotes end at their first brace": [f"{PEER_BUGS}::test_footnotes_with_braces"],
    "citations with options are cut": [f"{PEER_BUGS}::test_citations_with_options_stars_and_several_keys"],
    "paragraphs become one line": [f"{PEER_BUGS}::test_paragraphs_stay_paragraphs"],
    "cs is found in physics.optics": ["preprocess/test_corpus_passes.py::test_categories_are_tokens"],
    "16 bits for ids of a vocabulary of 102,400": [
        "shards/test_token_shard.py::test_dtype_follows_megatrons_rule",
        "shards/test_token_shard.py::test_ids_outside_the_vocabulary_are_refused",
        "tools/test_tokenize_shards.py::test_a_large_vocabulary_is_int32",
    ],
    "only the first 768 tokens of a paper are ever seen": [
        "train/test_data.py::test_an_epoch_has_every_sample_once_and_the_next_another_order",
        "train/test_data.py::test_books_balance",
        "tools/test_tokenize_shards.py::test_every_document_is_there_in_order_and_ends_once",
    ],
    "a tokenizer trained on the same 240 lines again and again": [
        "tools/test_train_tokenizer.py::test_the_manifest_says_what_it_was_made_from",
        "tools/test_train_tokenizer.py::test_long_lines_are_learned_from",
        "tools/test_train_tokenizer.py::test_shares_of_the_sample",
    ],
    "a vocabulary of which most rows are dead": [
        "train/test_data.py::test_the_vocabulary_is_the_shards_and_a_recipe_that_states_another_is_refused"
    ],
    "each processor trains on the same batches": [
        "train/test_data.py::test_a_steps_samples_are_the_same_for_every_layout",
    ],
    # RedPajama's method and those that took it over
    "one file that is not UTF-8 costs the paper": [f"{PEER_BUGS}::test_one_file_that_is_not_utf8_does_not_cost_the_paper"],
    "a paper without sections is empty": [f"{PEER_BUGS}::test_a_paper_without_sections_has_its_text"],
    "what stands before the first section is lost": [f"{PEER_BUGS}::test_what_stands_before_the_first_section_stays"],
    "what stands after the appendix begins is lost": [f"{PEER_BUGS}::test_what_stands_after_appendix_stays"],
    "two definitions on one line spoil the text": [f"{PEER_BUGS}::test_two_definitions_on_one_line"],
    "a macro's body is read as a pattern": [f"{PEER_BUGS}::test_a_macro_body_is_no_pattern"],
    "a macro's name inside another one is replaced": [f"{PEER_BUGS}::test_a_macro_name_inside_another_is_not_replaced"],
    "the preamble goes before its macros are read": [f"{PEER_BUGS}::test_macros_of_the_preamble_are_read_before_it_goes"],
    "an exception loses the rest of a tar": [
        "preprocess/test_guard.py::test_causes_are_named",
        "preprocess/test_ray_runner.py::test_a_paper_that_kills_its_worker_is_quarantined",
        "preprocess/latex/test_latex_properties.py::test_any_source_ends_as_a_paper_without_an_exception",
    ],
    "a full stop before a comment is lost": [f"{PEER_BUGS}::test_a_full_stop_before_a_comment_stays"],
    "archives that unpack to more than memory holds": [
        "preprocess/test_unpack.py::test_limits_bound_what_is_unpacked",
        "preprocess/latex/test_latex_properties.py::test_macros_that_double_are_rejected_by_the_work_counted",
    ],
    "theorems lose their names": [f"{PEER_BUGS}::test_a_theorem_keeps_its_name_and_a_proof_is_one"],
    # pylatexenc 2.11
    "every link raises": [f"{PEER_BUGS}::test_href_has_its_text"],
    "a macro that opens an environment empties the body": [f"{PEER_BUGS}::test_a_macro_that_opens_an_environment_does_not_empty_the_body"],
    "the title prints today's date": [f"{PEER_BUGS}::test_maketitle_and_today_print_no_date_of_today"],
    "an author leaks into the next paper": [f"{PEER_BUGS}::test_no_author_leaks_into_the_next_paper"],
    "verbatim vanishes": [f"{PEER_BUGS}::test_verbatim_stays"],
    "comments and false branches leak": [f"{PEER_BUGS}::test_comments_and_false_branches_do_not_leak"],
    "three hundred nested braces end in a RecursionError": [
        f"{PEER_BUGS}::test_three_hundred_nested_braces",
        "preprocess/latex/test_latex_properties.py::test_hostile_sources_take_linear_time",
    ],
}


@lru_cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


@pytest.mark.parametrize("bug", TESTS_OF_BUGS)
def test_every_bug_has_its_tests(bug: str) -> None:
    assert TESTS_OF_BUGS[bug]
    for test in TESTS_OF_BUGS[bug]:
        file, _, name = test.partition("::")
        assert name in names_in(file), test


def test_every_test_of_a_peers_bug_is_in_the_table() -> None:
    named = {test.partition("::")[2] for tests in TESTS_OF_BUGS.values() for test in tests if test.startswith(PEER_BUGS)}
    assert named == names_in(PEER_BUGS)
