"""Every rule that the page of the protocol states holds in the code: by its numbers, or by the test that shows it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.docs_reader import DOCS

from petbench.evaluation import protocol
from petbench.intensity import IntensityMap
from petbench.plans.run_plan import IDENTITY_FIELDS
from petbench_datasets.dataset import framing
from petbench_datasets.images import windows
from petbench_leaderboard import tracks

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parents[1]
PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")
BULLETS = [
    " ".join(bullet.split()) for bullet in re.findall(r"^- (.+?)(?=^- |^$|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
]


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def has_the_windows(rule: str) -> None:
    delayed, early = re.findall(r"(\d+)–(\d+) min", rule)[:2]
    for name, minutes in (("early", early), ("delayed", delayed)):
        assert windows.WINDOWS_SECONDS[name] == tuple(60.0 * float(minute) for minute in minutes)


def has_the_coverage(rule: str) -> None:
    assert numbers(rule)[0] == 100 * windows.LEAST_COVERAGE
    assert "half" in rule
    assert framing.LEAST_INSIDE == 0.5


def has_the_interval(rule: str) -> None:
    assert "[-1, 1]" in rule
    assert IntensityMap(7.0).to_unit(__import__("torch").tensor([0.0, 7.0, 99.0])).tolist() == [-1.0, 1.0, 1.0]


def has_the_window_of_slices(rule: str) -> None:
    assert (*protocol.SLICE_WINDOW_SUV, 2**8 - 1) == (*numbers(rule)[:2], protocol.SLICE_LEVELS)
    assert numbers(rule)[2] == 8


def has_the_tracks(rule: str) -> None:
    assert numbers(rule.replace(",", "")) == [float(budget.partition("=")[2]) for budget in tracks.TRACKS.values()]
    assert set(re.findall(r"`(equal-\w+)`", rule)) == set(tracks.TRACKS)


def names_what_identifies_a_run(rule: str) -> None:
    words = {"distribution": "name", "source_hash": "source hash", "fingerprint": "dataset", "split_digest": "split"}
    named = re.findall(r"name|version|source hash|\w+", rule.partition(" by ")[2].partition(". ")[0])
    assert set(named) - {"plugin", "and"} == {words.get(name, name) for name in IDENTITY_FIELDS}


#: How each rule begins; the check of its numbers, if it has any; and the tests that show it.
RULES: dict[str, tuple[Callable[[str], None] | None, tuple[str, ...]]] = {
    "Predict the delayed image": (has_the_windows, ()),
    "Both images are in SUV": (
        None,
        (
            "datasets/test_dicom_units.py::test_units_doses_and_decay_references",
            "datasets/test_dataset_reader.py::test_two_grids_in_one_pair_are_refused",
        ),
    ),
    "A window's image is the mean": (
        None,
        ("datasets/test_framing.py::test_frames_weigh_as_many_seconds_as_they_share_with_the_window",),
    ),
    "At least 80 %": (has_the_coverage, ()),
    "A **split**": (
        None,
        (
            "datasets/test_split.py::test_the_digest_is_that_of_the_canonical_json",
            "datasets/test_split.py::test_a_fold_that_would_mislead_is_refused",
        ),
    ),
    "The **fingerprint**": (None, ("datasets/test_split.py::test_a_split_for_other_images_is_refused",)),
    "The **intensity map**": (has_the_interval, ()),
    "Every method gets its budget": (
        None,
        (
            "benchmark/test_training_loop.py::test_a_budget_in_images_is_spent_to_the_last_batch",
            "benchmark/test_training_loop.py::test_a_budget_in_seconds_ends_by_itself",
        ),
    ),
    "Which participants a method sees": (
        None,
        (
            "benchmark/test_training_data.py::test_an_unpaired_method_cannot_pair",
            "benchmark/test_training_loop.py::test_a_method_without_a_target_sees_no_delayed_volume",
        ),
    ),
    "A run is identified by": (names_what_identifies_a_run, ()),
    "Only files are scored": (
        None,
        (
            "benchmark/test_evaluation_reader.py::test_a_voxel_that_is_no_suv_is_refused_with_the_file_name",
            "benchmark/test_evaluation_reader.py::test_another_grid_is_refused_with_both_grids",
            "benchmark/test_evaluation_reader.py::test_a_missing_participant_is_named_with_the_coverage",
            "benchmark/test_evaluation_scoring.py::test_one_prediction_that_cannot_be_scored_means_no_scores_at_all",
        ),
    ),
    "Nothing is normalised by": (
        None,
        (
            "benchmark/test_evaluation_conventions.py::test_normalising_by_the_own_maximum_or_mean_makes_half_the_uptake_perfect",
        ),
    ),
    "No participant is dropped": (
        None,
        (
            "leaderboard/test_ranking.py::test_a_row_that_lacks_a_participant_has_no_mean_no_rank_and_says_how_many_it_covers",
        ),
    ),
    "No seed is dropped either": (
        None,
        (
            "leaderboard/test_lost_seeds.py::test_a_seed_that_failed_leaves_the_row_without_mean_and_rank_and_one_that_was_only_stopped_does_not",
            "leaderboard/test_lost_seeds.py::test_a_later_success_of_the_same_seed_takes_the_place_of_the_failure",
            "leaderboard/test_lost_seeds.py::test_one_failed_fold_loses_its_seed",
        ),
    ),
    "A metric with a direction ranks": (
        None,
        (
            "leaderboard/test_ranking_metric.py::test_a_metric_that_is_best_at_a_value_ranks_by_the_distance_from_it",
            "leaderboard/test_ranking_metric.py::test_a_metric_with_neither_direction_nor_best_value_ranks_nothing_and_is_refused",
        ),
    ),
    "One row of a method *competes*": (
        None,
        (
            "leaderboard/test_competing.py::test_eight_noise_only_variants_take_one_rank_and_nobodys_power",
            "leaderboard/test_competing.py::test_one_name_in_two_packages_is_two_methods",
        ),
    ),
    "It is chosen on **validation**": (
        None,
        (
            "leaderboard/test_competing.py::test_the_choice_is_the_one_that_the_rule_gives_in_every_case",
            "leaderboard/test_competing.py::test_without_validation_scores_the_row_that_was_planned_first_competes_and_not_the_best_or_newest",
        ),
    ),
    "Beside it stands the *best of*": (
        None,
        (
            "leaderboard/test_competing.py::test_every_output_marks_variants_and_puts_the_best_of_k_beside_the_row_that_competes",
        ),
    ),
    "A condition (`--where`)": (
        None,
        (
            "leaderboard/test_competing.py::test_a_condition_chooses_among_the_rows_that_fulfil_it_and_still_says_how_many_there_are",
        ),
    ),
    "Budget, track and changed parameters": (
        None,
        ("leaderboard/test_row_settings.py::test_every_output_has_them_on_every_row",),
    ),
    "There are two **tracks**": (
        has_the_tracks,
        ("leaderboard/test_row_settings.py::test_a_row_says_what_it_was_allowed_and_what_was_changed",),
    ),
    "A distance under its own floor": (
        None,
        (
            "leaderboard/test_ranking_metric.py::test_every_output_marks_a_value_under_its_floor",
            "leaderboard/test_ranking_metric.py::test_a_ranking_by_a_distance_under_its_own_floor_is_refused_and_names_the_rows",
        ),
    ),
    "The unit of statistics": (
        None,
        ("leaderboard/test_ranking.py::test_mean_and_spread_are_over_participants_and_the_gain_is_over_identity",),
    ),
    "`identity`, the early image": (
        None,
        (
            "leaderboard/test_ranking.py::test_mean_and_spread_are_over_participants_and_the_gain_is_over_identity",
            "leaderboard/test_ranking.py::test_a_row_that_only_calls_itself_identity_shifts_nobodys_gain",
        ),
    ),
    "Where a dataset has a second noise realisation": (
        None,
        ("leaderboard/test_ranking.py::test_a_normalized_score_means_the_same_whatever_the_direction",),
    ),
    "`petbench score --reference organ-scale`": (
        None,
        (
            "benchmark/test_evaluation_references.py::test_every_organ_has_the_factor_of_least_squares_over_the_training_participants",
        ),
    ),
    "Body slices, axial": (has_the_window_of_slices, ()),
    "Beside each number": (
        None,
        (
            "benchmark/test_evaluation_scoring.py::test_the_floor_compares_real_slices_of_other_participants_in_equal_number",
        ),
    ),
}


def test_every_rule_of_the_page_is_held_by_something_here_and_nothing_here_is_left_over() -> None:
    held = {bullet: [start for start in RULES if bullet.startswith(start)] for bullet in BULLETS}
    assert {bullet: starts for bullet, starts in held.items() if len(starts) != 1} == {}
    assert sorted(start for starts in held.values() for start in starts) == sorted(RULES)


@pytest.mark.parametrize("start", [start for start, (check, _) in RULES.items() if check])
def test_the_numbers_of_a_rule_are_those_of_the_code(start: str) -> None:
    check, _ = RULES[start]
    assert check is not None
    check(next(bullet for bullet in BULLETS if bullet.startswith(start)))


@pytest.mark.parametrize("test", sorted({test for _, tests in RULES.values() for test in tests}))
def test_the_test_that_shows_a_rule_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_is_that_of_the_protocol_in_force() -> None:
    assert PAGE.startswith(f"# Protocol {protocol.PROTOCOL}\n")
