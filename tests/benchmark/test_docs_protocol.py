"""Every rule that the page of the protocol states holds in the code: by its numbers, or by the test that shows it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.docs_reader import DOCS

from petbench.evaluation import protocol
from petbench.evaluation.distribution import EXTRACTOR_METRICS
from petbench.evaluation.metrics.uncertainty import LEAST_SAMPLES
from petbench.intensity import MARGIN, ROUNDED_TO_SUV, IntensityMap
from petbench.plans.run_plan import IDENTITY_FIELDS
from petbench_datasets.dataset import framing
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_datasets.tasks.task_file import DECIDES
from petbench_leaderboard.statistics import intervals, power, promises
from petbench_leaderboard.statistics.analysis import MOST_COMPARED
from petbench_leaderboard.statistics.time_to_target import LARGEST_RATIO
from petbench_leaderboard.timing.profiles import FEWEST_PROBLEMS
from petbench_leaderboard.timing.targets import REFERENCES
from petbench_leaderboard.tracks import TRACKS

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
        assert DEFAULT_TASK.windows_seconds[name] == tuple(60.0 * float(minute) for minute in minutes)


def has_the_coverage(rule: str) -> None:
    assert numbers(rule)[0] == 100 * DEFAULT_TASK.least_coverage
    assert "half" in rule
    assert framing.LEAST_INSIDE == 0.5


def has_the_interval(rule: str) -> None:
    assert "[-1, 1]" in rule
    assert numbers(rule.partition("`auto`")[2])[:2] == [MARGIN, ROUNDED_TO_SUV]
    assert IntensityMap(7.0).to_unit(__import__("torch").tensor([0.0, 7.0, 99.0])).tolist() == [-1.0, 1.0, 1.0]


def has_the_window_of_slices(rule: str) -> None:
    assert (*protocol.SLICE_WINDOW_SUV, 2**8 - 1) == (*numbers(rule)[:2], protocol.SLICE_LEVELS)
    assert numbers(rule)[2] == 8


def has_the_tracks(rule: str) -> None:
    said = re.findall(r"`([a-z-]+)`, ([\d,]+) (images|seconds)", rule)
    assert {name: f"{unit}={amount.replace(',', '')}" for name, amount, unit in said} == TRACKS


def has_the_order_of_references(rule: str) -> None:
    assert tuple(re.findall(r"`([a-z]+)`", rule)) == REFERENCES


def has_the_largest_ratio(rule: str) -> None:
    assert numbers(rule.partition("factors")[2]) == [1.0, LARGEST_RATIO]
    assert rule.startswith("Over two or more problems")
    assert FEWEST_PROBLEMS == 2


def has_the_margin(rule: str) -> None:
    assert f"{protocol.URINARY_MARGIN_MILLIMETRES:g} mm around them" in rule
    assert {"bladder", "renal_pelvis", "ureters"} <= protocol.URINARY_TRACT
    assert "kidneys" in DEFAULT_TASK.clearance_organs


def has_the_values_of_fdg(rule: str) -> None:
    assert numbers(rule) == [DEFAULT_TASK.hot_suv, DEFAULT_TASK.core_percent]
    assert all(not definition.content().keys() & set(DECIDES) for definition in BUILT_IN.values())


def has_the_rule_of_focal_uptake(rule: str) -> None:
    assert numbers(rule)[:5] == [
        protocol.FOCAL_REACH_MILLIMETRES,
        100 * protocol.FOCAL_PART,
        protocol.FOCAL_SPREADS,
        protocol.FOCAL_SUV,
        protocol.FOCAL_MILLILITRES,
    ]


def has_the_interval_of_samples(rule: str) -> None:
    assert f"from {LEAST_SAMPLES} on" in rule
    assert f"interval of {100 * protocol.SAMPLE_INTERVAL:g} %" in rule


def has_the_least_slices(rule: str) -> None:
    found = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", rule)]
    least = [metrics.frechet.least_slices for metrics in EXTRACTOR_METRICS]
    assert found == [*least, protocol.KERNEL_LEAST_SLICES]
    assert {metrics.kernel.least_slices for metrics in EXTRACTOR_METRICS} == {protocol.KERNEL_LEAST_SLICES}


def names_what_identifies_a_run(rule: str) -> None:
    words = {"distribution": "name", "source_hash": "source hash", "fingerprint": "dataset", "split_digest": "split"}
    named = re.findall(r"name|version|source hash|\w+", rule.partition(" by ")[2].partition(". ")[0])
    assert set(named) - {"plugin", "and"} == {words.get(name, name) for name in IDENTITY_FIELDS}


def has_the_most_compared(rule: str) -> None:
    assert numbers(rule) == [MOST_COMPARED, MOST_COMPARED]


def has_the_interval_of_a_mean(rule: str) -> None:
    assert numbers(rule)[:2] == [100 * intervals.CONFIDENCE, intervals.FEWEST_PARTICIPANTS]
    assert "at most half" in rule
    assert intervals.MOST_WIDENED == 1.5


def has_the_promised_coverage(rule: str) -> None:
    scenarios = ("normal", "skewed", "very skewed", "failures")
    assert numbers(rule) == pytest.approx([100 * promises.COVERAGE[scenario] for scenario in scenarios])


def has_the_significance(rule: str) -> None:
    assert numbers(rule) == [100 * power.SIGNIFICANCE]


def has_the_participants_that_decide(rule: str) -> None:
    two_over, significance, *needed = numbers(rule.replace("2/2ⁿ", "2"))
    assert (two_over, significance) == (2, 100 * power.SIGNIFICANCE)
    for methods, participants in zip(needed[::2], needed[1::2], strict=True):
        assert power.fewest_participants(int(methods * (methods - 1) / 2)) == participants


def has_the_family_error(rule: str) -> None:
    assert numbers(rule) == [100 * promises.FAMILY_ERROR]


def has_the_power(rule: str) -> None:
    assert numbers(rule) == pytest.approx([100 * share for share in (power.EACH_TEST_FINDS, *promises.DETECTED)])


#: How each rule begins; the check of its numbers, if it has any; and the tests that show it.
RULES: dict[str, tuple[Callable[[str], None] | None, tuple[str, ...]]] = {
    "Predict the delayed image": (has_the_windows, ()),
    "The task is part of a run's identity": (
        None,
        (
            "benchmark/test_tasks_on_boards.py::test_two_tasks_on_one_cohort_make_two_boards",
            "datasets/test_task_windows.py::test_a_scan_of_another_tracer_is_refused_by_whatever_reads_the_cohort",
        ),
    ),
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
    "The **intensity map**": (
        has_the_interval,
        (
            "benchmark/test_suv_clip.py::test_the_command_shows_the_end_that_a_run_chooses_and_reads_no_test_image",
            "benchmark/test_suv_clip.py::test_what_is_chosen_is_kept_with_the_weights_and_predicts_alike",
        ),
    ),
    "Every method gets its budget": (
        None,
        (
            "benchmark/test_training_loop.py::test_a_budget_in_images_is_spent_to_the_last_batch",
            "benchmark/test_training_loop.py::test_a_slab_counts_as_many_images_as_it_has_slices",
            "benchmark/test_training_clock.py::test_a_budget_in_seconds_counts_warm_up_and_steps_and_stands_still_in_validation",
        ),
    ),
    "A training may end before its budget": (
        None,
        (
            "benchmark/test_patience.py::test_training_ends_after_as_many_validations_without_an_improvement",
            "benchmark/test_training_resume.py::test_a_training_that_ends_by_patience_ends_so_bit_for_bit_after_stops",
        ),
    ),
    "**Tracks** are budgets": (
        has_the_tracks,
        (
            "benchmark/test_tracks.py::test_on_a_dataset_with_a_track_every_method_trains_by_it_whatever_its_author_set",
            "benchmark/test_tracks.py::test_a_method_that_does_not_train_by_a_budget_is_one_row_within_every_track",
        ),
    ),
    "A method is given the early image": (
        None,
        (
            "benchmark/test_needs.py::test_a_method_is_given_what_it_named_and_nothing_else_in_whichever_process_it_runs",
            "benchmark/test_needs.py::test_where_a_dataset_lacks_what_a_method_needs_the_run_is_skipped_and_no_failure",
            "datasets/test_inputs.py::test_labels_that_may_owe_something_to_a_delayed_image_are_no_input",
            "benchmark/test_input_tensors.py::test_an_unpaired_batch_has_the_inputs_of_its_early_images_alone",
        ),
    ),
    "A method sees training participants alone": (
        None,
        (
            "benchmark/test_entitled_data.py::test_each_accessor_gives_what_the_supervision_entitles_to_of_training_participants_alone",
            "benchmark/test_checks_data_access.py::test_no_image_that_training_is_handed_is_one_that_it_is_not_entitled_to",
            "benchmark/test_training_data.py::test_an_unpaired_method_cannot_pair",
        ),
    ),
    "The harness predicts the validation participants": (
        None,
        (
            "benchmark/test_validation_score.py::test_the_number_is_the_mean_over_everyone_who_validates",
            "benchmark/test_validation_score.py::test_nobody_leaves_the_mean",
            "leaderboard/test_validation_scores.py::test_nothing_that_is_said_of_the_test_participants_changes_by_scores_on_validation",
            "leaderboard/test_validation_scores.py::test_no_participant_and_no_run_is_left_out_of_a_mean",
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
    "A board is ordered by the first": (
        None,
        (
            "leaderboard/test_task_decides.py::test_each_board_is_ordered_by_what_its_own_task_ranks_by",
            "leaderboard/test_task_decides.py::test_what_somebody_asks_for_goes_before_what_the_task_ranks_by",
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
        (
            "leaderboard/test_row_settings.py::test_every_output_has_them_on_every_row",
            "leaderboard/test_row_names.py::test_every_output_shows_what_differs_in_the_row",
        ),
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
    "Normalized scores are 0 at": (
        None,
        (
            "leaderboard/test_ranking.py::test_a_normalized_score_means_the_same_whatever_the_direction",
            "leaderboard/test_ranking.py::test_a_dataset_without_truth_has_gains_and_no_normalized_score_and_says_so",
            "benchmark/test_predictable.py::test_every_part_is_that_of_a_computation_with_numpy_alone",
        ),
    ),
    "`petbench score --reference repeat-scan`": (
        None,
        ("benchmark/test_predictable.py::test_a_repeat_scan_is_no_bound_for_with_less_noise_it_scores_higher",),
    ),
    "`petbench score --reference organ-scale`": (
        None,
        (
            "benchmark/test_evaluation_references.py::test_every_organ_has_the_factor_of_least_squares_over_the_training_participants",
        ),
    ),
    "The **time to a target** is": (
        None,
        (
            "leaderboard/test_time_to_target.py::test_the_time_to_a_target_is_that_of_the_first_validation_as_good",
            "benchmark/test_training_clock.py::test_each_validation_says_when_it_was_by_both_clocks_and_how_long_it_took",
            "benchmark/test_time_to_reference.py::test_a_real_run_arrives_when_its_own_log_says",
        ),
    ),
    "The **target** of a fold": (
        has_the_order_of_references,
        (
            "leaderboard/test_time_tables.py::test_the_target_is_that_of_the_first_reference_in_the_declared_order_whichever_is_better",
            "leaderboard/test_time_tables.py::test_nobody_elses_reference_sets_a_target",
            "leaderboard/test_time_tables.py::test_any_target_can_be_asked_for",
        ),
    ),
    "Times on different hardware": (
        None,
        ("leaderboard/test_time_tables.py::test_times_on_different_hardware_share_no_table_and_no_fastest",),
    ),
    "No seed is left out of the median": (
        None,
        (
            "leaderboard/test_time_tables.py::test_a_seed_that_never_arrives_is_in_the_median_and_leaves_none_where_half_of_them_do_not",
            "leaderboard/test_time_tables.py::test_a_seed_that_failed_does_not_arrive_whatever_it_had_reached",
            "leaderboard/test_time_tables.py::test_a_run_of_which_nobody_knows_when_it_was_how_good_has_no_time_and_says_why",
        ),
    ),
    "Validation histories are read by the harness": (
        None,
        (
            "leaderboard/test_time_outputs.py::test_no_submission_holds_a_history",
            "leaderboard/test_time_outputs.py::test_a_history_travels_with_its_run_and_counts_where_the_row_is_trusted",
            "benchmark/test_time_to_reference.py::test_a_method_cannot_log_a_validation_of_its_own",
            "benchmark/test_time_to_reference.py::test_a_program_of_somebody_else_cannot_either",
        ),
    ),
    "Over two or more problems": (
        has_the_largest_ratio,
        (
            "leaderboard/test_time_profiles.py::test_the_score_over_folds_is_that_of_the_definition",
            "leaderboard/test_time_profiles.py::test_one_problem_or_one_method_has_no_profile_and_says_so",
            "leaderboard/test_time_profiles.py::test_a_method_that_did_not_try_a_problem_has_no_score_and_one_that_did_not_arrive_has",
            "leaderboard/test_time_profiles.py::test_only_rows_that_stand_for_their_methods_enter",
        ),
    ),
    "Every metric of the whole image": (
        has_the_margin,
        (
            "benchmark/test_metrics_without_urine.py::test_whatever_the_bladder_holds_changes_nothing",
            "benchmark/test_metrics_without_urine.py::test_the_kidneys_stay_in_and_the_collecting_system_goes",
            "benchmark/test_metrics_without_urine.py::test_where_no_bladder_is_labelled_there_is_no_value_and_the_reason",
        ),
    ),
    "Means over organs": (
        None,
        (
            "benchmark/test_evaluation_pet.py::test_the_mean_organ_error_has_no_sign_and_leaves_the_bladder_out",
            "benchmark/test_metrics_regions.py::test_the_mean_over_organs_has_no_sign_and_leaves_bladder_and_kidneys_out",
        ),
    ),
    "What depends on the tracer is": (
        has_the_values_of_fdg,
        (
            "benchmark/test_task_metrics.py::test_the_conventions_of_fdg_are_what_they_were",
            "benchmark/test_task_metrics.py::test_a_task_that_decides_nothing_has_the_metrics_of_fdg",
            "benchmark/test_task_metrics.py::test_hot_volume_is_that_above_the_tasks_threshold_which_its_convention_names",
        ),
    ),
    "A voxel is **focal**": (
        has_the_rule_of_focal_uptake,
        (
            "benchmark/test_metrics_focal.py::test_focal_regions_are_those_of_the_definition_from_one_millilitre_on",
            "benchmark/test_metrics_focal.py::test_a_whole_organ_that_is_too_hot_is_no_hallucination_as_it_is_above_a_fixed_threshold",
        ),
    ),
    "A lesion is **found**": (
        None,
        (
            "benchmark/test_metrics_lesion_endpoints.py::test_a_lesion_is_found_where_the_prediction_has_focal_uptake_in_it",
            "benchmark/test_metrics_lesion_endpoints.py::test_false_positives_are_focal_regions_that_are_neither_lesions_nor_real",
        ),
    ),
    "The **retention index**": (
        None,
        (
            "benchmark/test_metrics_regions.py::test_the_retention_index_error_is_that_of_plain_arithmetic_on_means",
            "benchmark/test_metrics_regions.py::test_in_percent_the_error_of_the_ratio_is_the_bias_of_the_delayed_suv",
        ),
    ),
    "**Agreement** over participants": (
        None,
        (
            "benchmark/test_agreement.py::test_the_interval_of_a_limit_is_exact_by_integration_over_the_standard_deviation",
        ),
    ),
    "A method that predicts several **samples**": (
        has_the_interval_of_samples,
        (
            "benchmark/test_metrics_samples.py::test_samples_beside_the_predictions_are_scored_in_the_body_and_nothing_else_changes",
        ),
    ),
    "With the scores of a run go the **subgroups**": (
        None,
        ("datasets/test_subgroups.py::test_age_and_weight_become_halves_by_the_median_and_sex_a_word",),
    ),
    "Body slices, axial": (has_the_window_of_slices, ()),
    "A Fréchet distance takes": (
        has_the_least_slices,
        (
            "benchmark/test_evaluation_scoring.py::test_a_distance_of_too_few_slices_is_absent_and_says_how_many_it_takes",
        ),
    ),
    "An **interval** is of 95 %": (
        has_the_interval_of_a_mean,
        (
            "leaderboard/test_statistics.py::test_an_interval_of_symmetric_scores_is_students",
            "leaderboard/test_statistics.py::test_several_seeds_add_their_own_part_to_the_interval",
        ),
    ),
    "It holds the truth in at least": (
        has_the_promised_coverage,
        ("leaderboard/test_statistics_promises.py::test_an_interval_holds_the_truth_as_often_as_promised",),
    ),
    "The difference of two methods is taken": (
        None,
        (
            "leaderboard/test_statistics.py::test_the_interval_of_a_difference_is_that_of_the_participants_differences",
            "leaderboard/test_statistics.py::test_a_board_is_analysed_as_a_whole_and_incomplete_rows_are_left_out",
        ),
    ),
    "Two methods are **apart**": (
        has_the_significance,
        ("leaderboard/test_statistics.py::test_the_correction_is_over_the_larger_of_both_p",),
    ),
    "Signed ranks are counted out": (
        None,
        (
            "leaderboard/test_sign_tests.py::test_wilcoxon_and_permutation_p_equal_a_full_enumeration_of_signs",
            "leaderboard/test_sign_tests.py::test_no_p_is_below_what_the_number_of_participants_and_zeros_allows",
        ),
    ),
    "Where 2/2ⁿ times the number of comparisons": (
        has_the_participants_that_decide,
        (
            "leaderboard/test_separation.py::test_too_few_participants_are_said_to_decide_nothing_and_never_to_make_ties",
        ),
    ),
    "Every competing method is compared with every reference": (
        None,
        (
            "leaderboard/test_against_references.py::test_each_method_is_compared_with_each_reference_as_scipy_does_and_corrected_among_these_alone",
            "leaderboard/test_against_references.py::test_the_comparisons_of_methods_with_each_other_are_what_they_are_without_references",
            "leaderboard/test_against_references.py::test_where_no_method_differs_from_a_reference_few_datasets_find_that_any_does",
        ),
    ),
    "Of several methods any two": (
        has_the_family_error,
        (
            "leaderboard/test_statistics_promises.py::test_of_several_methods_no_more_comparisons_are_wrong_than_promised_and_rank_intervals_hold",
        ),
    ),
    "The **smallest detectable difference**": (
        has_the_power,
        (
            "leaderboard/test_statistics_promises.py::test_the_smallest_detectable_difference_is_found_as_often_as_promised",
        ),
    ),
    "What limits intervals and tests": (
        has_the_most_compared,
        (
            "leaderboard/test_separation.py::test_a_board_says_that_its_participants_were_matched_and_of_whom_it_has_one_seed",
            "leaderboard/test_first_page.py::test_limits_stand_beside_the_intervals_one_seed_in_words_and_several_with_their_spread",
            "benchmark/test_board_table.py::test_the_sentence_leads_the_board_and_what_limits_it_is_said_below",
            "leaderboard/test_publication.py::test_tables_for_papers_say_who_is_ahead_give_the_gains_interval_and_say_one_seed",
        ),
    ),
    "A row of one seed says": (
        None,
        (
            "leaderboard/test_first_page.py::test_limits_stand_beside_the_intervals_one_seed_in_words_and_several_with_their_spread",
        ),
    ),
    "A sentence in words leads the board": (
        None,
        (
            "leaderboard/test_separation.py::test_a_method_that_is_ahead_is_said_to_be_so_by_how_much_and_with_the_interval",
            "leaderboard/test_publication.py::test_every_comparison_stands_with_its_interval_what_it_could_find_and_whether_it_can_decide",
            "leaderboard/test_publication.py::test_a_comparison_that_could_find_nothing_is_not_said_to_have_found_nothing",
        ),
    ),
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
