"""The page on identity: each of its statements names what a test holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from tests.benchmark.docs_reader import DOCS

from petbench.plans.run_plan import IDENTITY_FIELDS

TESTS = Path(__file__).parents[1]
PAGE = (DOCS / "identity.md").read_text(encoding="utf-8")
LOOKUP, SOURCE, FILES = (
    "benchmark/test_run_lookup.py::",
    "benchmark/test_method_source.py::",
    ("benchmark/test_parameter_files.py::"),
)
SAME, CLAIMS, CONDITIONS = (
    "benchmark/test_same_run.py::",
    "benchmark/test_claims.py::",
    "leaderboard/test_conditions.py::",
)

HELD: dict[str, tuple[str, ...]] = {
    "Method, package and version": (
        f"{LOOKUP}test_every_field_of_the_identity_is_tried_here",
        "leaderboard/test_records.py::test_identity_and_row_are_made_of_the_fields_that_say_so",
    ),
    "Code": (
        f"{SOURCE}test_one_changed_byte_in_any_of_them_makes_another_hash",
        f"{SOURCE}test_the_package_of_the_function_that_builds_belongs_to_it",
    ),
    "Other local code": (
        f"{SOURCE}test_the_hash_covers_every_local_package_that_is_imported_whatever_lies_in_between",
        f"{SOURCE}test_installed_packages_and_petbench_itself_are_known_by_their_versions_instead",
    ),
    "What the spec names": (
        f"{SOURCE}test_what_is_not_imported_is_no_part_of_it_until_the_spec_names_it",
        f"{SOURCE}test_local_files_that_a_command_or_a_requirement_names_belong_to_it",
    ),
    "Parameters": (
        f"{FILES}test_its_content_takes_the_place_of_its_path_and_the_method_gets_the_path",
        f"{FILES}test_of_a_folder_every_file_counts",
    ),
    "Inputs": (
        "benchmark/test_needs.py::test_what_an_input_holds_is_part_of_a_run_s_identity_and_no_input_changes_none",
        "datasets/test_inputs.py::test_a_digest_changes_with_one_voxel_or_cell_and_not_with_what_the_fingerprint_holds",
    ),
    "Task": (
        "benchmark/test_tasks.py::test_the_first_task_changes_no_identity_and_no_group_and_another_changes_both",
        "datasets/test_tasks.py::test_two_files_never_pass_for_one_task",
    ),
    "Views": (
        "benchmark/test_views.py::test_views_are_predicted_by_the_model_of_one_view_in_a_row_of_their_own_that_bears_its_training",
        "benchmark/test_views.py::test_one_view_changes_no_identity_and_no_group_and_several_change_both",
    ),
    "Images, split and fold, seed, precision, budget and protocol": (
        f"{LOOKUP}test_every_field_of_the_identity_is_tried_here",
    ),
    "No path and no machine": (
        f"{FILES}test_identity_is_of_the_content_wherever_the_file_lies",
        f"{SOURCE}test_caches_and_the_place_of_the_code_are_no_part_of_it",
    ),
    "Whenever a method's code is to run": (
        f"{SAME}test_changed_code_in_a_second_package_neither_resumes_nor_is_called_interrupted_or_cached",
        f"{FILES}test_the_changed_files_are_named",
        f"{FILES}test_a_plan_keeps_where_the_file_is_and_goes_on_only_while_it_is_the_same",
    ),
    "A run whose code changes between planning and its start": (
        f"{SAME}test_code_that_changes_after_planning_or_while_the_run_goes_on_is_told_of_and_never_passes_for_the_planned_one",
    ),
    "A run whose code changes while it goes on": (
        f"{SAME}test_code_that_changes_after_planning_or_while_the_run_goes_on_is_told_of_and_never_passes_for_the_planned_one",
    ),
    "Another version with the same code": (
        f"{FILES}test_what_has_changed_is_named_and_another_version_of_the_same_code_still_predicts",
    ),
    "A folder is a run's": (
        f"{LOOKUP}test_a_folder_whose_plan_differs_in_any_part_of_the_identity_is_refused_by_name",
        f"{SAME}test_every_verb_refuses_a_folder_of_another_run_and_delete_leaves_it",
    ),
    "Deleting a run": (f"{LOOKUP}test_deleting_in_a_copy_of_a_database_leaves_the_files_to_the_one_that_made_them",),
    "The same command twice": (
        f"{SAME}test_the_same_command_three_times_at_once_trains_once_and_each_shows_the_row",
        f"{CLAIMS}test_who_does_not_wait_is_told_what_goes_on",
    ),
    "Whether its test participants are predicted": (
        "benchmark/test_no_test.py::test_the_same_command_tests_later_with_the_model_that_was_trained",
        "benchmark/test_no_test.py::test_a_run_that_was_tested_is_shown_where_its_validation_is_asked_for",
        "benchmark/test_samples_kept.py::test_samples_lie_beside_their_mean_are_scored_and_are_added_to_a_run_that_kept_none",
    ),
    "Threads, processor, accelerator, Python, packages and their versions": (
        f"{CONDITIONS}test_each_condition_in_which_runs_of_one_row_differ_is_said",
    ),
    "Local code that no import statement shows": (
        f"{SAME}test_local_code_that_no_import_statement_shows_is_told_of_and_noted",
    ),
    "Where runs of one row differ in any of it": (f"{CONDITIONS}test_every_output_says_it",),
    "A run that resumes under other conditions": (
        f"{SAME}test_changed_code_in_a_second_package_neither_resumes_nor_is_called_interrupted_or_cached",
    ),
}


def test_every_statement_of_the_page_is_held_and_nothing_else() -> None:
    assert set(re.findall(r"^- \*\*([^*]+)\*\*", PAGE, re.MULTILINE)) == HELD.keys()


@pytest.mark.parametrize("name", sorted({name for names in HELD.values() for name in names}))
def test_what_holds_a_statement_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_names_every_field_of_the_identity() -> None:
    words = {
        "distribution": "package", "source_hash": "Code", "parameters": "Parameters", "fingerprint": "Images",
        "split_digest": "split",
    }  # fmt: skip
    holds = PAGE.partition("\n## What it holds\n")[2].partition("\n## ")[0]
    bold = " ".join(re.findall(r"\*\*([^*]+)\*\*", holds)).lower()
    assert [name for name in IDENTITY_FIELDS if words.get(name, name).lower() not in bold] == []


def test_what_cannot_be_known_is_said_not_to_be_prevented() -> None:
    last = PAGE.partition("\n## What it cannot know\n")[2]
    assert last.strip().startswith("Not prevented")
    assert len(re.findall(r"^- ", last, re.MULTILINE)) >= 5
