"""One row of a method competes, chosen on validation; its others are variants, shown, unranked and in no test."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.competing import Candidate, choose
from petbench_leaderboard.exports import board_as_rows, to_csv, to_json
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.publication.tables import to_latex, to_markdown
from petbench_leaderboard.report.settings import variants_note
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.statistics.analysis import analyse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeRecord, MakeScore

    from petbench_leaderboard.board import Board, Row
    from petbench_leaderboard.store import Leaderboard

WHO = tuple(f"sub-{number:02}" for number in range(1, 13))
PSNR = {"validation_metric": "psnr_body_suv20", "validation_convention": "psnr/body/suv20@1"}


def only(leaderboard: Leaderboard, **choice: Any) -> Board:
    (board,) = rank(leaderboard, **choice)
    return board


def competing(board: Board) -> list[tuple[int, ...]]:
    return [row.run_ids for row in board.rows if row.competes]


def noisy(seed: int, level: float = 30.0) -> dict[str, float]:
    return dict(zip(WHO, np.random.default_rng(seed).normal(level, 0.5, len(WHO)).tolist(), strict=True))


def add_variants(leaderboard: Leaderboard, add_run: AddRun, validation: Sequence[float | None]) -> list[int]:
    """Enter rows of one method that differ in nothing but noise, with the validation scores given."""
    runs = []
    for number, score in enumerate(validation):
        run_id = add_run("pix2pix", noisy(number), parameters={"width": number}, changed_parameters={"width": number})
        if score is not None:
            leaderboard.update(run_id, validation_score=score, **PSNR)  # type: ignore[arg-type]
        runs.append(run_id)
    return runs


def test_eight_noise_only_variants_take_one_rank_and_nobodys_power(leaderboard: Leaderboard, add_run: AddRun) -> None:
    runs = add_variants(leaderboard, add_run, [30.1, 30.0, 30.4, 30.2, 30.3, 29.9, 30.0, 30.1])
    for seed, name in enumerate(("cyclegan", "unet")):
        add_run(name, noisy(50 + seed, 29.0))
    board = only(leaderboard)
    ranked = [row for row in board.rows if row.rank is not None]
    assert {row.run.method for row in ranked} == {"pix2pix", "cyclegan", "unet"}
    assert sorted(row.rank or 0 for row in ranked) == [1, 2, 3]
    (chosen,) = (row for row in ranked if row.run.method == "pix2pix")
    assert (chosen.run_ids, chosen.chosen_by) == ((runs[2],), "validation")
    assert [row.rank for row in board.rows[3:]] == [None] * 7  # the variants come last
    means = [cell.mean for row in board.rows if row.run.method == "pix2pix" for cell in row.cells.values()]
    assert chosen.best_of is not None
    assert (chosen.best_of.rows, chosen.best_of.mean) == (8, max(mean for mean in means if mean is not None))
    statistics = analyse(board)
    assert statistics is not None
    assert len(statistics.comparisons) == 3  # of three methods, not of ten rows
    assert statistics.stability is not None
    assert len(statistics.stability.methods) == 3


def test_without_validation_scores_the_row_that_was_planned_first_competes_and_not_the_best_or_newest(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    first = add_run("pix2pix", dict.fromkeys(WHO, 30.0), budget="images=1")
    add_run("pix2pix", dict.fromkeys(WHO, 33.0), budget="images=2")
    add_run("pix2pix", dict.fromkeys(WHO, 31.0), budget="images=3")
    (row,) = (row for row in only(leaderboard).rows if row.competes)
    assert (row.run_ids, row.chosen_by, row.rank) == ((first,), "planned", 1)


def test_a_row_without_a_validation_score_is_not_chosen_while_another_has_one(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    runs = add_variants(leaderboard, add_run, [None, 30.0, 31.0, None])
    assert competing(only(leaderboard)) == [(runs[2],)]


def test_the_validation_score_of_a_row_is_the_mean_over_all_its_runs_and_lacks_where_one_lacks(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    def seeds(budget: str, scores: tuple[float | None, ...]) -> tuple[int, ...]:
        runs = tuple(add_run("pix2pix", noisy(seed), budget=budget, seed=seed) for seed in range(len(scores)))
        for run_id, score in zip(runs, scores, strict=True):
            if score is not None:
                leaderboard.update(run_id, validation_score=score, **PSNR)  # type: ignore[arg-type]
        return runs

    seeds("images=1", (40.0, None))
    seeds("images=2", (31.0, 35.0))
    best = seeds("images=3", (34.0, 34.0))
    assert competing(only(leaderboard)) == [best]


def test_a_validation_metric_of_which_less_is_better_chooses_the_least(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    for width, error in ((1, 0.3), (2, 0.1), (3, 0.2)):
        run_id = leaderboard.plan(make_record(parameters={"width": width}))
        error_score = make_score(value=1.0, metric="mae", convention_id="mae@1", higher_is_better=False)
        leaderboard.record_scores(run_id, [make_score(), error_score])
        validated = {"validation_score": error, "validation_metric": "mae", "validation_convention": "mae@1"}
        leaderboard.update(run_id, status="ok", **validated)  # type: ignore[arg-type]
    assert competing(only(leaderboard)) == [(2,)]


@pytest.mark.parametrize("odd", [{"validation_convention": "psnr/other@1"}, {"validation_metric": "unknown"}])
def test_validation_scores_that_do_not_compare_choose_nothing(
    leaderboard: Leaderboard, add_run: AddRun, odd: dict[str, str]
) -> None:
    first, second = add_variants(leaderboard, add_run, [30.0, 31.0])
    assert competing(only(leaderboard)) == [(second,)]
    leaderboard.update(second, **odd)  # type: ignore[arg-type]
    assert competing(only(leaderboard)) == [(first,)]  # the other one's metric orders nothing here


def test_a_row_that_lacks_a_participant_or_lost_a_seed_is_never_chosen(
    leaderboard: Leaderboard, add_run: AddRun, make_record: MakeRecord
) -> None:
    add_run("pix2pix", {"sub-01": 50.0}, split_participants=WHO, budget="images=1")
    add_run("pix2pix", dict.fromkeys(WHO, 40.0), budget="images=2", split_participants=WHO)
    facts = {"budget": "images=2", "split_participants": WHO, "test_participants": WHO}
    failed = leaderboard.plan(make_record(seed=1, **facts))
    leaderboard.update(failed, status="diverged")
    whole = add_run("pix2pix", dict.fromkeys(WHO, 30.0), budget="images=3", split_participants=WHO)
    board = only(leaderboard)
    assert competing(board) == [(whole,)]
    assert board.rows[0].chosen_by == "only"
    assert board.rows[0].best_of is not None
    assert board.rows[0].best_of.mean == 30.0  # no mean leaves out a participant or a seed, the best one neither


def test_nobody_elses_self_reported_row_takes_a_verified_rows_place(leaderboard: Leaderboard, add_run: AddRun) -> None:
    verified = add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    reported = add_run("pix2pix", dict.fromkeys(WHO, 40.0), verification="self-reported")
    leaderboard.update(reported, validation_score=99.0, **PSNR)  # type: ignore[arg-type]
    assert competing(only(leaderboard)) == [(verified,)]


def test_what_a_submission_says_of_its_validation_takes_no_place_from_a_row_that_was_trained_here(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    accepted = add_run("pix2pix", dict.fromkeys(WHO, 20.0), parameters={"width": 1}, verification="rescored")
    leaderboard.update(accepted, validation_score=99.0, **PSNR)  # type: ignore[arg-type]
    assert competing(only(leaderboard)) == [(accepted,)]
    trained = add_run("pix2pix", dict.fromkeys(WHO, 30.0), parameters={"width": 2})
    assert competing(only(leaderboard)) == [(trained,)]
    leaderboard.update(accepted, verification="reproduced")  # now it was trained here, too
    assert competing(only(leaderboard)) == [(accepted,)]
    leaderboard.update(accepted, verification="own")
    assert competing(only(leaderboard)) == [(accepted,)]


def test_one_name_in_two_packages_is_two_methods(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    add_run("pix2pix", dict.fromkeys(WHO, 31.0), distribution="another-pix2pix")
    assert [row.rank for row in only(leaderboard).rows] == [1, 2]


def test_the_choice_follows_every_change(leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore) -> None:
    first, second, third = add_variants(leaderboard, add_run, [None, None, None])
    assert competing(only(leaderboard)) == [(first,)]
    leaderboard.update(third, validation_score=30.0, **PSNR)  # type: ignore[arg-type]
    assert competing(only(leaderboard)) == [(third,)]
    leaderboard.update(second, validation_score=31.0, **PSNR)  # type: ignore[arg-type]
    assert competing(only(leaderboard)) == [(second,)]
    leaderboard.update(second, verification="self-reported")
    assert competing(only(leaderboard)) == [(third,)]
    leaderboard.delete(third)
    assert competing(only(leaderboard)) == [(first,)]
    leaderboard.update(first, status="failed")
    assert competing(only(leaderboard)) == [(second,)]
    leaderboard.record_scores(first, [make_score(who) for who in WHO], protocol=2)
    assert competing(only(leaderboard)) == [(second,)]


def test_a_condition_chooses_among_the_rows_that_fulfil_it_and_still_says_how_many_there_are(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 30.0), budget="images=7")
    in_track = add_run("pix2pix", dict.fromkeys(WHO, 29.0), budget="images=40000")
    add_run("kinetic", dict.fromkeys(WHO, 28.0), budget="images=0", supervision="no-target")
    add_run("their-method", dict.fromkeys(WHO, 50.0), budget="images=0", plugin="external")
    board = only(leaderboard, where="track=equal-images")
    assert [row.run.method for row in board.rows] == ["pix2pix", "kinetic"]  # what nobody knows the budget of is out
    (row,) = (row for row in board.rows if row.run.method == "pix2pix")
    assert (row.run_ids, row.rank) == ((in_track,), 1)
    assert row.best_of is not None
    assert (row.best_of.rows, row.best_of.mean) == (2, 30.0)
    assert len(only(leaderboard, where="track!=equal-images").rows) == 2


def _brute_force(rows: Sequence[Candidate]) -> dict[str, str]:
    """Return who competes, by trying every row of every method against every other."""
    found = {}
    for method in {(row.method, row.distribution) for row in rows}:
        able = [row for row in rows if (row.method, row.distribution) == method and row.complete]
        able = [row for row in able if all(row.trust >= other.trust for other in able)]
        if not able:
            continue
        validated = [row for row in able if row.validation_distance is not None]
        pairs = list(itertools.product(validated, repeat=2))
        if len(able) == 1:
            why, best = "only", able
        elif pairs and all(a.validated_by == b.validated_by for a, b in pairs):
            why = "validation"
            beaten = {b.run_group for a, b in pairs if (a.validation_distance or 0) < (b.validation_distance or 0)}
            best = [row for row in validated if row.run_group not in beaten]
        else:
            why, best = "planned", able
        first = [a for a in best if all(a.planned_seconds <= b.planned_seconds for b in best)]
        found[min(row.run_group for row in first)] = why
    return found


def test_the_choice_is_the_one_that_the_rule_gives_in_every_case() -> None:
    generator = random.Random(4)
    for _ in range(3000):
        rows = [
            Candidate(
                run_group=f"{number:02}",
                method=generator.choice("ab"),
                distribution=generator.choice("pq"),
                trust=generator.choice([0, 1, 2, 2, 2]),
                complete=generator.random() < 0.7,
                planned_seconds=float(generator.randint(0, 3)),
                validated_by=generator.choice(["m, 1", "m, 1", "m, 1", "m, 2"]),
                validation_distance=generator.choice([None, -1.0, 0.0, 2.0]),
            )
            for number in range(generator.randint(0, 9))
        ]
        assert choose(rows) == _brute_force(rows)


@pytest.mark.parametrize(
    ("higher_is_better", "best_value"), [(True, None), (False, None), (None, 1.0)], ids=["high", "low", "near 1"]
)
def test_the_best_rows_of_a_large_board_are_those_of_the_whole_board(
    leaderboard: Leaderboard,
    make_record: MakeRecord,
    make_score: MakeScore,
    higher_is_better: bool | None,
    best_value: float | None,
) -> None:
    generator = random.Random(7)
    for number in range(40):
        method = f"method-{generator.randint(0, 8)}"
        record = make_record(
            method, parameters={"width": number}, test_participants=("sub-01",), split_participants=("sub-01",)
        )
        run_id = leaderboard.plan(record)
        score = make_score(
            value=generator.choice([None, *(generator.uniform(0.0, 2.0) for _ in range(9))]),
            metric="ratio", convention_id="ratio@1", higher_is_better=higher_is_better, reason="for a test",
            facts=MetricFacts(best_value=best_value),
        )  # fmt: skip
        leaderboard.record_scores(run_id, [score])
        leaderboard.update(run_id, status="ok")
    whole = only(leaderboard, metric="ratio")
    assert sum(row.competes for row in whole.rows) == 9
    for best in (1, 3, 9, 12, 30, 40, 99):
        some = only(leaderboard, metric="ratio", best=best)
        assert [facts_of(row) for row in some.rows] == [facts_of(row) for row in whole.rows[:best]]
        assert some.omitted == max(40 - best, 0)


def facts_of(row: Row) -> tuple[Any, ...]:
    return row.run_ids, row.rank, row.competes, row.chosen_by, row.best_of, dict(row.cells)


def test_every_output_marks_variants_and_puts_the_best_of_k_beside_the_row_that_competes(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    runs = add_variants(leaderboard, add_run, [30.0, 31.0, None])
    board = only(leaderboard)
    best = max(cell.mean or 0.0 for row in board.rows for cell in row.cells.values())
    beside = f"best of 3 rows {best:.2f}"
    site = write_site(leaderboard, ImagesAtHand(), tmp_path).read_text(encoding="utf-8")
    for text in (to_markdown([board]), to_latex([board]), site):
        assert text.count(beside) == 1
        assert "chosen on the test" in text
        assert "pix2pix: chosen on validation" in text
    assert to_markdown([board]).count("| variant | pix2pix |") == 2
    assert to_latex([board]).count("variant & pix2pix &") == 2
    assert site.count("<small>variant</small>") == 2
    for rows in (
        board_as_rows(board),
        json.loads(to_json([board]))[0]["rows"],
        csv.DictReader(io.StringIO(to_csv([board]))),
    ):
        competitor, *variants = rows
        assert (str(competitor["competes"]), competitor["chosen_by"]) == ("True", "validation")
        assert (int(str(competitor["rows_of_method"])), float(str(competitor["best_mean_of_method"]))) == (3, best)
        assert {str(row["competes"]) for row in variants} == {"False"}
        assert {row["rank"] or None for row in variants} == {None}
    assert runs[1] == board.rows[0].run_ids[0]


def test_a_board_without_variants_says_nothing_of_them(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", dict.fromkeys(WHO, 30.0))
    board = only(leaderboard)
    assert variants_note(board) == ""
    assert "best of" not in to_markdown([board])
