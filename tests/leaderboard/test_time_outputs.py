"""Every output of times to a target says the same, and histories travel as other fields of a run do."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench.cli import time_table
from petbench.submissions.contents import run_facts
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report import times as written
from petbench_leaderboard.report.publication.times import times_as_text
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.report.site.first_page import FirstPage
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.timing.profiles import time_profiles
from petbench_leaderboard.timing.tables import board_times
from petbench_leaderboard.transfer import export_runs, import_runs, merge
from petbench_leaderboard.validation_history import ValidationHistory, history_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import MakeRecord
    from tests.leaderboard.timed_runs import TimedRuns

    from petbench_leaderboard.timing.profiles import Profiles
    from petbench_leaderboard.timing.tables import BoardTimes

HOSTILE = "<b>pix|2_pix"
HISTORY = [(10.0, 0.30), (20.0, 0.20)]
TWO = ("sub-01", "sub-02")


def all_times(leaderboard: Leaderboard) -> tuple[list[BoardTimes], list[Profiles]]:
    times = [board_times(leaderboard, board) for board in rank(leaderboard)]
    return times, time_profiles(times)


def first_page(leaderboard: Leaderboard, folder: Path) -> str:
    """Return the first page of a site, without the pages of runs."""
    page = FirstPage.of(leaderboard, rank(leaderboard), "times").write(folder)
    return page.read_text(encoding="utf-8")


@pytest.fixture
def several(leaderboard: Leaderboard, add_timed: TimedRuns) -> Leaderboard:
    """Two folds, two methods with two seeds, one of which fails once, a method without validation."""
    for fold in range(2):
        add_timed("kinetic", final=0.25, fold=fold, split_participants=TWO)
        for seed in range(2):
            add_timed(HOSTILE, HISTORY, fold=fold, seed=seed, split_participants=TWO)
            failed = (fold, seed) == (1, 1)
            history = [(seconds * 3, error) for seconds, error in HISTORY]
            add_timed(
                "slow", history, fold=fold, seed=seed, split_participants=TWO, status="diverged" if failed else "ok"
            )
        add_timed("fitted", fold=fold, split_participants=TWO)
    return leaderboard


SAID = (
    "Time to a validation error of 0.250 SUV, that of kinetic’s final model; Fast Chip, 8 cores, 2 threads",
    "4 of 4 runs",
    "3 of 4 runs (1 diverged)",
    "60.0 to never",
    "3.00 ×",
    "no time of fitted (small, 1,000 images, no track): no validation",
    "Performance profile over 2 problems",
    "1 of 2",
    written.CLOCK,
    written.PROFILE,
)


def plain(text: str) -> str:
    """Return a text without what Markdown, LaTeX or HTML needs around it, in one line."""
    text = re.sub(r"<[^>]+>", " ", text).replace("\\_", "_").replace("\\%", "%").replace("&#39;", "'")
    return " ".join(text.split())


@pytest.mark.parametrize("form", ["markdown", "latex", "terminal", "site"])
def test_people_read_the_same_in_every_output(
    several: Leaderboard, form: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times, profiles = all_times(several)
    if form == "terminal":
        time_table.print_times(times, profiles)
        found = plain(capsys.readouterr().out)
    elif form == "site":
        found = plain(first_page(several, tmp_path / "site"))
    else:
        found = plain(times_as_text(times, profiles, form))
    for text in SAID:
        wanted = " ".join(text.split())
        assert wanted in found or wanted[0].upper() + wanted[1:] in found, text


def test_names_of_plugins_are_escaped_in_every_output(several: Leaderboard, tmp_path: Path) -> None:
    times, profiles = all_times(several)
    assert r"&lt;b&gt;pix\|2\_pix" in times_as_text(times, profiles, "markdown")
    assert r"pix\textbar{}2\_pix" in times_as_text(times, profiles, "latex")
    page = first_page(several, tmp_path / "site")
    assert "<b>pix" not in page
    assert "&lt;b&gt;pix|2_pix" in page


def test_every_number_of_the_tables_follows_from_the_runs_in_csv_and_json(several: Leaderboard) -> None:
    times, profiles = all_times(several)
    rows = list(csv.DictReader(io.StringIO(times_as_text(times, profiles, "csv"))))
    facts = json.loads(times_as_text(times, profiles, "json"))
    (table,) = facts["boards"][0]["tables"]
    assert len(rows) == 8
    for row in table["rows"]:
        of_row = [run for run in rows if run["run_group"] == row["run_group"]]
        seconds = [float(run["seconds"]) if run["seconds"] else math.inf for run in of_row]
        assert (row["arrived"], row["runs"]) == (sum(map(math.isfinite, seconds)), len(of_row))
        assert row["median_seconds"] == median(seconds)
        assert row["shortest_seconds"] == min(seconds)
        assert row["longest_seconds"] == (max(seconds) if math.isfinite(max(seconds)) else None)
        assert row["times_the_fastest"] == median(seconds) / 20.0
        for run in of_row:
            history = history_of(several.run(int(run["run"])))
            assert history is not None
            reached = [after for after, error in history.points if error <= float(run["target_suv"])]
            assert run["seconds"] == ("" if run["reason"] == "diverged" else str(min(reached)))
    (profile,) = facts["profiles"]
    assert {each["method"]: (each["score"], each["ratios"]) for each in profile["methods"]} == {
        HOSTILE: (1.0, [1.0, 1.0]),
        "slow": (pytest.approx(1 / 6), [3.0, None]),
    }
    (without,) = facts["boards"][0]["without_times"]
    assert (without["method"], without["reason"]) == ("fitted", "no validation")


@pytest.mark.slow
def test_the_site_draws_profiles_with_a_caption_and_shows_none_of_one_problem(
    several: Leaderboard, tmp_path: Path
) -> None:
    page = write_site(several, ImagesAtHand(), tmp_path / "site").read_text(encoding="utf-8")
    ((file, described),) = re.findall(r'<img src="(figures/profile-\w+\.webp)"[^>]* alt="([^"]+)"', page)
    assert (tmp_path / "site" / file).stat().st_size > 1000
    assert described.startswith("Share of 2 problems")
    narrowed = tmp_path / "narrowed.db"
    with Leaderboard.open(narrowed) as one:
        path = _exported(several, tmp_path, where="fold=0")
        path.write_text(path.read_text(encoding="utf-8").replace(HOSTILE, "hostile"), encoding="utf-8")
        import_runs(one, path)
        page = first_page(one, tmp_path / "one")
    assert "figures/profile-" not in page
    assert "1 problem (fdg-phantom-mini holdout fold 0" in page
    assert "a performance profile needs 2" in page
    assert "over several problems" not in page


def test_a_board_without_competitors_says_nothing_of_times(
    leaderboard: Leaderboard, add_timed: TimedRuns, tmp_path: Path
) -> None:
    add_timed("kinetic", final=0.2)
    assert "to target" not in first_page(leaderboard, tmp_path / "site")


def _exported(leaderboard: Leaderboard, folder: Path, where: str | None = None) -> Path:
    path = folder / "rows.jsonl"
    export_runs(leaderboard, path, where=where)
    return path


@pytest.mark.parametrize("way", ["import", "merge"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_history_travels_with_its_run_and_counts_where_the_row_is_trusted(
    tmp_path: Path, make_record: MakeRecord, make_score: Any, way: str, trusted: bool
) -> None:
    from tests.leaderboard.timed_runs import TimedRuns

    with Leaderboard.open(tmp_path / "there.db") as there, Leaderboard.open(tmp_path / "here.db") as here:
        add = TimedRuns(there, make_record, make_score)
        run_id = add("method", [(10.0, math.nan), (20.0, 0.2)], 0.2)
        if way == "import":
            import_runs(here, _exported(there, tmp_path), trusted=trusted)
        else:
            merge(here, tmp_path / "there.db", trusted=trusted)
        (run,) = here.runs()
        assert run.validation_history == there.run(run_id).validation_history
        times = board_times(here, rank(here)[0], 0.3)
        if trusted:
            assert times.tables[0].rows[0].seconds == 20.0
        else:
            assert [why for _, why in times.without] == ["self-reported"]


def test_no_submission_holds_a_history(leaderboard: Leaderboard, add_timed: TimedRuns) -> None:
    run = leaderboard.run(add_timed("method", HISTORY, machine={}))
    assert "validation_history" not in run_facts(run)


def test_a_history_comes_back_from_json_with_what_is_not_a_number() -> None:
    history = ValidationHistory(seconds=(1.0, 2.0), mae_suv=(math.nan, 0.5), final_mae_suv=None)
    text = json.dumps(history.to_json(), allow_nan=False)
    back = ValidationHistory.from_json(json.loads(text))
    assert math.isnan(back.mae_suv[0])
    assert (back.seconds, back.mae_suv[1], back.final_mae_suv) == ((1.0, 2.0), 0.5, None)


GOOD: dict[str, Any] = {"seconds": [1.0, 2.0], "mae_suv": [0.5, None], "final_mae_suv": 0.4}
BROKEN: dict[str, dict[str, Any]] = {
    "is missing": {"seconds": None},
    "unknown": {"more": 1},
    "no list": {"seconds": 1.0},
    "text": {"mae_suv": ["0.5", 0.4]},
    "truth": {"seconds": [True, 2.0]},
    "negative": {"seconds": [-1.0, 2.0]},
    "too few": {"seconds": [1.0]},
    "no time": {"seconds": [None, 2.0]},
    "backwards": {"seconds": [2.0, 1.0]},
    "infinite": {"final_mae_suv": math.inf},
    "not a number": {"mae_suv": [math.nan, 0.5]},
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_history_that_is_none_is_refused_in_a_file_and_named_in_a_row(
    leaderboard: Leaderboard, add_timed: TimedRuns, tmp_path: Path, kind: str
) -> None:
    broken = GOOD | BROKEN[kind]
    if kind == "is missing":
        del broken["seconds"]
    with pytest.raises(ValueError, match="validation history"):
        ValidationHistory.from_json(broken)
    run_id = add_timed("method", HISTORY)
    path = _exported(leaderboard, tmp_path)
    head, line = path.read_text(encoding="utf-8").splitlines()
    facts = json.loads(line)
    facts["run"]["validation_history"] = broken
    path.write_text(f"{head}\n{json.dumps(facts)}\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "other.db") as other:
        with pytest.raises(LeaderboardError, match=r"line 2, is broken .*(validation history|is no number)"):
            import_runs(other, path)
        assert other.runs() == []
    if kind not in ("infinite", "not a number"):  # no database keeps these
        leaderboard.update(run_id, validation_history=broken)
        with pytest.raises(LeaderboardError, match=rf"run {run_id}: .*petbench score --runs {run_id}"):
            board_times(leaderboard, rank(leaderboard)[0], 0.3)


def test_an_export_of_an_earlier_version_has_no_history_and_says_so(
    leaderboard: Leaderboard, add_timed: TimedRuns, tmp_path: Path
) -> None:
    add_timed("method", HISTORY)
    path = _exported(leaderboard, tmp_path)
    head, line = path.read_text(encoding="utf-8").splitlines()
    facts = json.loads(line)
    del facts["run"]["validation_history"]
    path.write_text(f"{head}\n{json.dumps(facts)}\n", encoding="utf-8")
    with Leaderboard.open(tmp_path / "other.db") as other:
        import_runs(other, path)
        times = board_times(other, rank(other)[0], 0.3)
    assert [why for _, why in times.without] == ["history not noted, petbench score --runs all reads it"]


@pytest.mark.parametrize("form", ["markdown", "latex", "terminal", "site"])
def test_rows_of_one_method_say_in_what_they_differ(
    leaderboard: Leaderboard, add_timed: TimedRuns, form: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_timed("kinetic", final=0.25)
    for rate in (0.001, 0.003):
        add_timed("unet", HISTORY, parameters={"learning_rate": rate})
    times, profiles = all_times(leaderboard)
    if form == "terminal":
        time_table.print_times(times, profiles)
        found = plain(capsys.readouterr().out)
    elif form == "site":
        found = plain(first_page(leaderboard, tmp_path / "site"))
    else:
        found = plain(times_as_text(times, profiles, form))
    assert "learning_rate=0.001, small" in found
    assert "learning_rate=0.003, small" in found
