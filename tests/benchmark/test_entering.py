"""A run that was not made here is entered once, wholly or not at all, whatever ends the process."""

from __future__ import annotations

import dataclasses
import gc
import os
import shutil
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench.home import Home
from petbench.plans.datasets import NamedDataset
from petbench.plans.planner import Place
from petbench.runs.external import score_external
from petbench.runs.lookup import folder_of
from petbench.runs.scorer import Scorer
from petbench.submissions.accept import accept
from petbench.submissions.archive import Archive
from petbench.submissions.verify import verified
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard import admissions
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.benchmark.made_runs import MadeRuns

    from petbench.metric_spec import Case
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRecord

pytestmark = pytest.mark.slow
ENTERS = ("accept", "score")
_STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.copyfile", "sqlite3.connect"}


@pytest.fixture(scope="module")
def author(made_runs: MadeRuns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who ran `scale` once, and his submission in it."""
    petbench = made_runs.copy(tmp_path_factory.mktemp("author") / "home", "scale")
    petbench("submit", "1", "-o", petbench.home / "a.petbench.zip")
    return petbench.home


@pytest.fixture(scope="module", params=ENTERS)
def enter(
    request: pytest.FixtureRequest, author: Path, body_dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Home, Leaderboard], object]]:
    """Give what enters one and the same run: what `accept` does after verifying, and `petbench score`."""
    dataset = open_dataset(body_dataset)
    scorer = Scorer(cache=tmp_path_factory.mktemp("cache"), offline=True)
    if request.param == "score":
        (predictions,) = (author / "runs").glob("*/predictions")
        place = Place("bodies", dataset, load_split(dataset, "holdout"), 0)
        remembered: Any = _Remembered(scorer)

        def enter_predictions(home: Home, board: Leaderboard) -> object:
            return score_external(place, predictions, "theirs", home=home, leaderboard=board, scorer=remembered)

        with Leaderboard.open("sqlite://") as board:
            enter_predictions(Home(tmp_path_factory.mktemp("first")), board)
        yield enter_predictions
        return
    named = NamedDataset("bodies", dataset)
    with verified(author / "a.petbench.zip", lambda _: named, scorer) as submission:

        def enter_submission(home: Home, board: Leaderboard) -> object:
            with Archive(author / "a.petbench.zip") as archive:  # children must not share one file's position
                return accept(dataclasses.replace(submission, archive=archive), home, board)

        yield enter_submission


class _Remembered:
    """Scores once, and gives what it found to whoever asks again: it is not scoring that is tested here."""

    device = "cpu"

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._records: list[ScoreRecord] = []
        self._cases: list[Case] = []

    def score(
        self, dataset: Dataset, participants: Sequence[str], predictions: Path, seen: Callable[[Case], None]
    ) -> list[ScoreRecord]:
        if not self._records:
            self._records = self._scorer.score(dataset, participants, predictions, self._cases.append)
        for case in self._cases:
            seen(case)
        return self._records


def _in_a_child(work: Callable[[], object]) -> int:
    """Do something in a copy of this process, and return how that ended."""
    child = os.fork()
    if child == 0:
        gc.disable()  # it would touch every page that is shared with this process, and have it copied
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _killed_at(step: int, home: Path, work: Callable[[], object]) -> Callable[[], object]:
    """Return the same work, by a process that is killed at its `step`th access to files, or statement of SQL."""
    left = step

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STEPS and str(home) in str(arguments[0]):
            count()

    def doomed() -> object:
        sys.addaudithook(audit)
        sa.event.listen(sa.Engine, "before_cursor_execute", count)
        sa.event.listen(sa.Engine, "commit", count)
        return work()

    return doomed


def _rows(home: Path) -> list[RunRow]:
    """Return the rows, and insist that each has its scores, and each that was accepted its one entry in the log."""
    with Leaderboard.open(home / "leaderboard.db") as board:
        rows = board.runs()
        assert all(board.scores([row.id]) for row in rows)
        accepted = [entry.uid for entry in admissions.log(board) if entry.action == "accepted"]
    assert sorted(accepted) == sorted(row.uid for row in rows if row.verification == "rescored")
    return rows


def _check_whole(row: RunRow, home: Path) -> None:
    folder = folder_of(row, Home(home))
    assert row.status == "ok"
    assert folder.plan().identity == row.identity
    assert folder.log.is_file()
    for participant in row.test_participants:
        read_image(folder.prediction(participant))


def test_a_kill_at_any_step_leaves_no_row_or_all_of_it_and_the_next_try_ends_well(
    enter: Callable[[Home, Leaderboard], object], author: Path, tmp_path: Path
) -> None:
    with Leaderboard.open(tmp_path / "before" / "leaderboard.db") as board:  # a row that gives its place up, too
        merge(board, author / "leaderboard.db", trusted=False)
        before = {row.uid for row in board.runs()}
    endings = set()
    for step in range(1000):
        home = shutil.copytree(tmp_path / "before", tmp_path / str(step))

        def work(home: Path = home) -> object:
            with Leaderboard.open(home / "leaderboard.db") as board:
                return enter(Home(home), board)

        ended = _in_a_child(_killed_at(step, home, work))
        rows = _rows(home)
        new = [row for row in rows if row.uid not in before]
        assert len(new) <= 1
        assert [row.status for row in rows] == ["ok"] * len(rows)
        for row in new:
            _check_whole(row, home)
        endings.add((ended, len(new)))
        if ended == 0:
            break
        work()
        (row,) = (row for row in _rows(home) if row.uid not in before)
        _check_whole(row, home)
        assert [path.name for path in (home / "runs").iterdir()] == [folder_of(row, Home(home)).path.name]
    assert {(-signal.SIGKILL, 0), (0, 1)} <= endings
    assert step > 30  # the kills met the work, and not only its beginning


def test_four_at_once_make_one_row(enter: Callable[[Home, Leaderboard], object], tmp_path: Path) -> None:
    Leaderboard.open(tmp_path / "leaderboard.db").close()
    ready, go = os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                os.close(go)
                os.read(ready, 1)  # until the parent closes its end
                with Leaderboard.open(tmp_path / "leaderboard.db") as board:
                    enter(Home(tmp_path), board)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
    os.close(go)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
    os.close(ready)
    (row,) = _rows(tmp_path)
    _check_whole(row, tmp_path)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [folder_of(row, Home(tmp_path)).path.name]


def test_what_cannot_be_stored_leaves_neither_a_row_nor_a_folder(
    enter: Callable[[Home, Leaderboard], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("petbench_datasets.files.sync_folder", fail)  # after the folder has its name
    with Leaderboard.open(tmp_path / "leaderboard.db") as board, pytest.raises(Exception, match="No space left"):
        enter(Home(tmp_path), board)
    assert _rows(tmp_path) == []
    assert list((tmp_path / "runs").iterdir()) == []


def test_accepting_again_by_the_command_says_that_it_is_here(author: Path, body_dataset: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"PETBENCH_HOME": str(tmp_path), "PETBENCH_OFFLINE": "1"})
    said = [
        runner.invoke(cli, ["leaderboard", "accept", str(author / "a.petbench.zip"), "-d", str(body_dataset)])
        for _ in range(2)
    ]
    assert [result.exit_code for result in said] == [0, 0], said[0].output
    assert "stored as rescored" in said[0].stderr
    assert "is here already" in said[1].stderr
