"""The tables of organs on a participant's page: of that participant and protocol alone, the worst organ first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.site.organ_tables import organ_tables

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun, MakeScore

    from petbench_leaderboard.score_records import ScoreRecord
    from petbench_leaderboard.store import Leaderboard

FACTS = MetricFacts(label="MAE", detail="organ", decimals=2, shown=False)


def organ(make_score: MakeScore, who: str, name: str, value: float | None) -> ScoreRecord:
    return make_score(
        who, value, region=name, metric="organ_mae_suv", convention_id="mae/organ/suv@1", unit="SUV",
        higher_is_better=False, facts=FACTS, reason=None if value is not None else "no voxel",
    )  # fmt: skip


def test_organs_stand_worst_first_with_the_mean_over_seeds_of_each_row(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore
) -> None:
    for method, seed, liver, brain in (("pix2pix", 0, 0.2, 1.0), ("pix2pix", 1, 0.4, 2.0), ("identity", 0, 0.9, None)):
        run_id = add_run(method, {"sub-01": 30.0 + seed, "sub-02": 31.0}, seed=seed)
        rows = [organ(make_score, "sub-01", "liver", liver), organ(make_score, "sub-01", "grey_matter", brain)]
        leaderboard.record_scores(run_id, [*rows, organ(make_score, "sub-02", "liver", 50.0)])
        leaderboard.record_scores(run_id, [organ(make_score, "sub-01", "liver", 77.0)], protocol=2)
    board = next(board for board in rank(leaderboard) if board.protocol == 1)
    tables = organ_tables(leaderboard, board, {"sub-01"})
    assert list(tables) == ["sub-01"]
    (table,) = tables["sub-01"]
    assert table.title == "MAE (organ, SUV)"
    assert [method for _, method in table.methods] == ["pix2pix", "identity"]
    assert table.rows == [("grey matter", ["1.50", "–"]), ("liver", ["0.30", "0.90"])]


def test_a_board_without_labelled_organs_has_no_tables(leaderboard: Leaderboard, add_run: AddRun) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    (board,) = rank(leaderboard)
    assert organ_tables(leaderboard, board, {"sub-01"}) == {}
