"""Which test holds each sentence of SECURITY.md and docs/trust.md to what it promises.

A sentence goes by its beginning, without the marks of Markdown. What promises nothing is advice to the reader, or says
what is on the page; what is not kept must say so, or stand under a heading that does.
"""

from __future__ import annotations

NOT_PREVENTED = "not prevented"
ADVICE = "advice"

_BOUNDARY = "benchmark/test_process_boundary.py::"
_HOSTILE = "benchmark/test_hostile_methods.py::"
_SUBMISSION = "benchmark/test_hostile_submissions.py::"
_EVENTS = "benchmark/test_run_events.py::"
_TRUST = "benchmark/test_trust_boundaries.py::"
_REPRODUCE = "benchmark/test_submission_reproduce.py::"
_FORGED = _SUBMISSION + "test_a_forged_submission_is_refused_in_one_line_and_nothing_is_written"
_ENDINGS = _HOSTILE + "test_each_ends_as_it_deserves"
_CHEAT = "benchmark/test_hostile_runs.py::test_a_method_that_changes_what_scores_it_changes_no_score_and_no_output"
_FAULTS = "benchmark/test_endings.py::test_an_exception_makes_of_a_run_what_it_is_and_says_whose_fault"
_AFTERWARDS = "benchmark/test_endings.py::test_after_the_training_only_what_the_method_did_wrong_is_a_failure"
_SHUT_IN = _HOSTILE + "test_an_isolated_method_sees_packages_and_its_own_folder_and_no_network"
_AGAIN = _REPRODUCE + "test_a_submission_is_trained_again_and_the_row_says_whose_it_is_and_where_its_code_ran"
_STORABLE = "leaderboard/test_storable.py::test_what_some_output_cannot_carry_is_refused_at_any_depth"

SECURITY = {
    "Use Report a vulnerability": ADVICE,
    "Say which version": ADVICE,
    "Do not open an issue": ADVICE,
    "You get an answer within a week": ADVICE,
    "Corrections are made for": ADVICE,
    "These run, or act, with all rights": NOT_PREVENTED,
    "Install and open only": ADVICE,
    "Every installed plugin: A plugin is": NOT_PREVENTED,
    "Every installed plugin: It is imported": NOT_PREVENTED,
    "Every installed plugin: That one broken": (
        "benchmark/test_registry.py::test_a_broken_plugin_is_reported_and_the_rest_still_work",
    ),
    "A method's process, program or virtual environment": (
        _HOSTILE + "test_the_process_has_no_leaderboard_no_variable_and_no_folder_above_that_leads_to_one",
    ),
    "Requirements of a method": NOT_PREVENTED,
    "`leaderboard accept --reproduce`: It installs": (_AGAIN,),
    "`leaderboard accept --reproduce`: Its hash": (_AGAIN,),
    "The leaderboard's database: Whoever": (
        "leaderboard/test_reading.py::test_a_writing_verb_makes_no_tables_in_another_programs_database_either",
        "leaderboard/test_migrations.py::test_a_leaderboard_of_a_newer_petbench_is_refused_in_one_line",
        "leaderboard/test_reading.py::test_a_reading_verb_changes_no_byte_of_the_database_and_leaves_nothing_beside_it",
    ),
    "The leaderboard's database: Give": ADVICE,
    "petbench's home: Run folders": NOT_PREVENTED,
    "petbench's home: Keep": ADVICE,
    "The rules of the benchmark": ADVICE,
    "A plugin that searches the disk": NOT_PREVENTED,
    "`petbench plugin check` finds": (
        "benchmark/test_checks.py::test_a_check_catches_what_it_is_for",
        "benchmark/test_withheld.py::test_the_copy_lacks_the_delayed_test_images_and_nothing_else",
    ),
    "A submission, for `verify` and `accept` without `--reproduce`: Nothing in it": (
        _FORGED,
        _TRUST + "test_no_file_is_unpickled_but_by_torchs_reader_of_tensors_alone",
    ),
    "A submission, for `verify` and `accept` without `--reproduce`: Names, kinds": (
        _FORGED,
        _SUBMISSION + "test_a_link_or_device_is_refused",
        _SUBMISSION + "test_an_archive_that_is_no_whole_submission_is_refused",
        "fuzz/test_fuzz_submissions.py::test_a_damaged_submission_is_refused_in_one_line_or_read_as_what_can_be_stored",
    ),
    "A submission, for `verify` and `accept` without `--reproduce`: JSON": (
        _FORGED,
        "benchmark/test_submission.py::test_json_that_is_not_plain_is_refused",
        "leaderboard/test_records.py::test_a_submitted_plan_with_a_field_less_or_more_is_refused",
    ),
    "A submission, for `verify` and `accept` without `--reproduce`: A prediction": (
        _FORGED,
        "benchmark/test_evaluation_reader.py::test_another_grid_is_refused_with_both_grids",
    ),
    "A submission, for `verify` and `accept` without `--reproduce`: Every score": (
        "benchmark/test_submission.py::test_a_tenth_of_a_decibel_is_no_rounding",
    ),
    "A submission, for `verify` and `accept` without `--reproduce`: Times, machine": NOT_PREVENTED,
    "Weights and checkpoints: They load": (
        _TRUST + "test_no_file_is_unpickled_but_by_torchs_reader_of_tensors_alone",
        "benchmark/test_training_checkpoint.py::test_a_checkpoint_with_code_in_it_is_refused",
    ),
    "Weights and checkpoints: No file": (_TRUST + "test_no_file_is_unpickled_but_by_torchs_reader_of_tensors_alone",),
    "Downloaded FID weights": (
        "benchmark/test_evaluation_extractors.py::test_a_download_is_checked_before_it_is_kept",
    ),
    "Files of a cohort that is fetched: Their size": (
        "datasets/test_fetch_failures.py::test_a_file_that_is_wrong_twice_is_refused_by_name",
        "datasets/test_fetch_idc.py::test_a_series_that_is_not_what_the_index_says_is_refused",
    ),
    "Files of a cohort that is fetched: A name": (
        "datasets/test_fetch_recipes.py::test_a_place_outside_of_the_raw_folder_is_refused",
        "datasets/test_fetch_recipes.py::test_a_name_that_is_none_of_a_participant_is_refused",
    ),
    "Files of a cohort that is fetched: The login": (
        "datasets/test_fetch.py::test_the_windows_are_the_time_weighted_means_of_the_frames",
    ),
    "NIfTI and DICOM files: They are read": (
        "fuzz/test_fuzz_headers.py::test_spoiled_nifti_headers",
        "fuzz/test_fuzz_headers.py::test_spoiled_dicom_headers",
        "datasets/test_dicom_unreadable.py::test_a_series_that_lost_a_slice_is_left_out_and_the_other_is_kept",
    ),
    "NIfTI and DICOM files: A file that unpacks": (
        "datasets/test_hostile_files.py::test_an_image_that_did_harm_is_refused_by_its_header_in_little_memory",
        _FORGED,
    ),
    "NIfTI and DICOM files: Devices": (
        "datasets/test_hostile_files.py::test_an_import_that_names_such_an_image_writes_nothing",
        "benchmark/test_job_folder.py::test_a_link_or_a_pipe_in_a_prediction_s_place_is_never_followed",
    ),
    "Files of runs and other leaderboards, for `import` and `merge`: Every field": (
        _STORABLE,
        "fuzz/test_fuzz_imports.py::test_a_damaged_file_of_runs_is_refused_or_shown_and_moves_no_row_of_ones_own",
    ),
    "Files of runs and other leaderboards, for `import` and `merge`: One line": (
        _TRUST + "test_a_line_of_a_file_of_runs_is_read_no_further_than_its_bound",
    ),
    "Files of runs and other leaderboards, for `import` and `merge`: Their rows": (
        "leaderboard/test_origins.py::test_a_row_that_differs_in_nothing_but_its_origin_is_not_pooled_with_ones_own",
        "leaderboard/test_origins.py::test_what_others_are_measured_by_is_ones_own",
        "leaderboard/test_origins.py::test_whom_a_stranger_claims_to_predict_costs_no_other_row_its_rank",
    ),
    "Text from plugins, logs and datasets": (
        "leaderboard/test_report.py::test_text_from_plugins_is_shown_and_never_run",
        (
            "leaderboard/test_report.py::"
            "test_every_page_has_a_policy_an_alternative_text_for_every_image_and_nothing_from_elsewhere"
        ),
    ),
    "petbench sends nothing anywhere": (
        _TRUST + "test_only_what_downloads_weights_or_a_cohort_can_speak_to_a_network",
    ),
    "It tries to download one file": (
        _TRUST + "test_only_what_downloads_weights_or_a_cohort_can_speak_to_a_network",
        "datasets/test_fetch_failures.py::test_a_machine_that_is_said_to_be_offline_fetches_nothing",
        "benchmark/test_evaluation_extractors.py::test_offline_or_unreachable_weights_are_unavailable_with_what_to_do",
    ),
    "`petbench report` writes plain files": (
        "leaderboard/test_site_staging.py::test_of_a_new_site_the_first_page_can_be_read_before_any_other_is_written",
    ),
    "The viewers hold images": ADVICE,
    "`petbench report --serve` answers": (
        "leaderboard/test_serve.py::test_only_who_asks_for_this_machine_by_name_is_answered",
    ),
    "It has no log-in": NOT_PREVENTED,
}

TRUST = {
    "A method is foreign code": ADVICE,
    "This page says what": ADVICE,
    "Only test targets that are withheld": (
        "benchmark/test_withheld.py::test_the_copy_lacks_the_delayed_test_images_and_nothing_else",
        "benchmark/test_withheld.py::test_a_row_without_targets_becomes_the_organizers_row_with_scores",
    ),
    "the run's own (`runs/worker.py`): the leaderboard": ADVICE,
    "the run's own (`runs/worker.py`): any code": (_CHEAT,),
    "the method's (`runs/method_process`): its parameters": (
        (
            "benchmark/test_entitled_data.py::"
            "test_each_accessor_gives_what_the_supervision_entitles_to_of_training_participants_alone"
        ),
    ),
    "the method's (`runs/method_process`): the leaderboard": (
        _HOSTILE + "test_the_process_has_no_leaderboard_no_variable_and_no_folder_above_that_leads_to_one",
    ),
    "observers (`runs/observing`), where there are any: what the training": (
        _EVENTS + "test_an_observer_is_told_of_steps_validations_example_images_and_the_end_and_of_no_participant",
    ),
    "observers (`runs/observing`), where there are any: the leaderboard": (
        _EVENTS + "test_a_failure_that_names_a_participant_reaches_observers_without_the_name",
        _EVENTS + "test_observers_that_hang_raise_print_leave_or_vanish_change_no_bit_of_a_run_and_none_outlives_it",
    ),
    "scoring (`runs/scoring`): the dataset": ADVICE,
    "scoring (`runs/scoring`): any code": (_CHEAT,),
    "The method's process works in a folder": (
        _HOSTILE + "test_the_process_has_no_leaderboard_no_variable_and_no_folder_above_that_leads_to_one",
        "benchmark/test_sandbox.py::test_the_process_is_handed_no_variable_that_leads_home_and_paths_that_hold_elsewhere",
    ),
    "When it ends, what it leaves": (
        _HOSTILE + "test_links_and_pipes_that_a_method_leaves_do_not_reach_the_run_s_folder",
    ),
    "The two processes exchange": (
        "benchmark/test_channel.py::test_what_is_no_message_is_refused",
        "benchmark/test_channel.py::test_an_answer_that_says_more_or_other_than_it_may_is_refused",
        "benchmark/test_job_folder.py::test_a_header_that_promises_more_than_the_file_has_allocates_nothing",
    ),
    "A method that the harness's own loop": (
        "benchmark/test_entitled_data.py::test_validation_pairs_are_the_harness_s_and_reach_its_own_program_whole",
    ),
    "The validation score on the row": (
        (
            "benchmark/test_validation_score.py::"
            "test_a_run_of_any_kind_of_method_keeps_its_score_on_validation_participants_and_scores_them_again"
        ),
    ),
    "The run's process takes a SHA-256": (_BOUNDARY + "test_changed_voxels_are_not_those_that_were_written",),
    "`petbench score --runs` does so too": (
        _TRUST + "test_a_prediction_that_was_changed_since_it_was_written_is_not_scored_again",
    ),
    "A plugin that brings metrics and methods": (
        _BOUNDARY + "test_metrics_of_a_plugin_with_methods_are_computed_in_a_process_of_their_own",
    ),
    "The volumes of an unpaired method": (
        "benchmark/test_training_volumes.py::test_no_pair_of_an_unpaired_method_can_be_read_from_where_its_volumes_lie",
    ),
    "A model is read back": (
        "benchmark/test_method_state.py::test_a_state_that_cannot_be_read_back_is_refused_and_says_how_to_keep_it",
    ),
    "What a method prints": ("benchmark/test_plain_text.py::test_whatever_a_process_prints_is_shown_as_lines_of_text",),
    "When its results are there": (_CHEAT,),
    "The model that a program leaves": (
        "benchmark/test_program_model_files.py::test_more_than_a_model_may_have_is_refused_before_a_byte_is_read",
    ),
    "`petbench run --isolated` starts": (_SHUT_IN, _AGAIN),
    "The process then sees": (_SHUT_IN,),
    "It has no network": (
        _SHUT_IN,
        "benchmark/test_sandbox.py::test_inside_there_is_no_secret_among_the_variables",
        _TRUST + "test_what_is_shut_in_may_use_the_part_of_memory_disk_and_time_that_the_page_says",
    ),
    "The row's `isolation` says": (_AGAIN,),
    "Where bubblewrap is missing": (_AGAIN,),
    'A method with `environment="venv"`': NOT_PREVENTED,
    "A file that a parameter names": (
        _TRUST + "test_a_file_that_a_parameter_names_is_read_inside_and_what_lies_beside_it_is_not",
    ),
    "Limits of memory and disk": (
        "benchmark/test_sandbox_limits.py::test_more_than_the_limit_ends_it_with_all_that_it_started",
        "benchmark/test_sandbox_limits.py::test_folders_in_memory_hold_no_more_than_a_process_may_use",
    ),
    "`method`: ": (_ENDINGS, _FAULTS),
    "`machine`: ": (_FAULTS,),
    "`data`: ": (_FAULTS,),
    "`petbench`: ": (
        _AFTERWARDS,
        "benchmark/test_hostile_runs.py::test_a_run_whose_scoring_broke_down_is_scored_by_the_same_command_without_training_again",
    ),
    "Output never fails a run": ("benchmark/test_hostile_runs.py::test_a_terminal_that_is_closed_fails_no_run",),
    "Without isolation the method's process": NOT_PREVENTED,
    "It can search the disk": NOT_PREVENTED,
    "Isolated or not, `pip install`": NOT_PREVENTED,
    "The images that a method has seen": NOT_PREVENTED,
    "The run's process refuses what cannot be": (
        _BOUNDARY + "test_a_method_s_process_cannot_stop_the_clock_of_its_training",
        "benchmark/test_channel.py::test_an_answer_that_says_more_or_other_than_it_may_is_refused",
    ),
    "So are the log of the training": NOT_PREVENTED,
    "A log that tells no history": (
        (
            "benchmark/test_time_to_reference.py::"
            "test_a_log_that_a_method_wrote_itself_costs_its_run_no_more_than_the_history"
        ),
    ),
    "A method that is honest in its process": NOT_PREVENTED,
    "Who can write to the leaderboard's database": NOT_PREVENTED,
}

PROMISES = {"SECURITY.md": SECURITY, "docs/trust.md": TRUST}
