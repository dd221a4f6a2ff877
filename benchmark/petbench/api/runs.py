"""A run as an object: its row, scores, files and images."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Any

from petbench.api import html
from petbench.api.scores import Scores, score_as_dict
from petbench.api.session import current_session
from petbench.errors import DataError, PetbenchError, UnknownNameError, UsageError
from petbench.runs.job_note import ran_on
from petbench.runs.lookup import find_folder
from petbench.runs.planned import open_planned
from petbench.training.training_log import read_events
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.faults import FAULTS
from petbench_leaderboard.metric_facts import metrics_as_json
from petbench_leaderboard.records import STATUSES
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.images import ParticipantImages, shown_name
from petbench_leaderboard.run_queries import Wanted
from petbench_leaderboard.score_records import metrics_of, of_newest_protocol
from petbench_leaderboard.validation_scores import participants_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from petbench.api.session import Session
    from petbench.runs.folder import RunFolder
    from petbench_datasets.images.grid import Volume
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


class Run:
    """A run on the leaderboard, as it was when it was looked at. Made by `petbench.run` and its like.

    Args:
        row: everything that the leaderboard keeps of it.
        session: where it was found.
        known: whether it was there already, and `petbench.run` showed it instead of repeating it.
    """

    def __init__(self, row: RunRow, session: Session, *, known: bool = False) -> None:
        self.row = row
        self.known = known
        self._session = session

    @property
    def id(self) -> int:
        """The run's number on this leaderboard."""
        return self.row.id

    @property
    def method(self) -> str:
        """The method's name."""
        return self.row.method

    @property
    def status(self) -> str:
        """How it went: `ok`, `failed`, `interrupted` and so on."""
        return self.row.status

    @cached_property
    def scores(self) -> Scores:
        """Every score of the test participants by the newest protocol; none where the run did not end well."""
        found = of_newest_protocol(self._session.leaderboard.scores([self.id]))
        return Scores(found, self.row.test_participants)

    @cached_property
    def validation_scores(self) -> Scores:
        """Every score of the validation participants by the newest protocol: to choose by, and never to report.

        None where nobody validates, and of a run that somebody sent.
        """
        found = of_newest_protocol(self._session.leaderboard.validation_scores([self.id]))
        return Scores(found, participants_of(found))

    @property
    def folder(self) -> Path:
        """The folder with plan, log, model and predictions.

        Raises:
            UsageError: it is not in this home.
        """
        return self._folder.path

    @property
    def predictions(self) -> dict[str, Path]:
        """The file of each test participant's prediction, in SUV.

        Raises:
            UsageError: the run's folder is not in this home.
        """
        files = {name: self._folder.prediction(name) for name in self.row.test_participants}
        return {name: file for name, file in files.items() if file.is_file()}

    def prediction(self, participant: str) -> Volume:
        """Read a prediction: SUV, float32, shape (z, y, x).

        Raises:
            UnknownNameError: the run did not predict that participant.
            DataError: the file cannot be read.
        """
        files = self.predictions
        if participant not in files:
            raise UnknownNameError(f"participant that run {self.id} predicted", participant, files, listed="There:")
        return read_image(files[participant])[0]

    @property
    def log(self) -> str:
        """What the run's process said, tracebacks included; empty where there is no log."""
        path = self._folder.log
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    @property
    def training(self) -> list[Mapping[str, Any]]:
        """The events of the training, oldest first: losses, validations and what the engine says, by images seen."""
        return list(read_events(self._folder.losses))

    def figure(self, participant: str | None = None) -> Figure:
        """Draw a participant as the report does: early, predicted and delayed image, and the absolute errors.

        Args:
            participant: whom the run predicted; None for the first.

        Raises:
            UnknownNameError: the run did not predict that participant.
            DataError: there are no predictions, or images or split have changed since the run.
        """
        from petbench_leaderboard.report.participant_figure import compose_participant

        if not self.predictions:
            raise DataError(f"run {self.id} is {self.status} and has no predictions to draw")
        name = next(iter(self.predictions)) if participant is None else participant
        volume = self.prediction(name)
        dataset, _ = open_planned(self._folder.plan())
        pair = dataset.pair(name)
        label = shown_name(self.method, self.row.preset or "")
        images = ParticipantImages(
            participant=name,
            spacing_millimetres=pair.grid.spacing_millimetres,
            early=pair.early,
            delayed=pair.delayed,
            predictions={label: volume},
            dataset=self.row.dataset,
        )
        return compose_participant(images, [label])

    def training_figure(self, kind: str = "losses") -> Figure:
        """Draw the curves of the training by images seen, as the run's page does.

        Args:
            kind: `losses`, `validation`, or `balance`: the adversarial share of the loss.

        Raises:
            UnknownNameError: there is no such kind.
            DataError: the log has no such curves: the method trains none, or the log is not here.
            UsageError: the run's folder is not in this home.
        """
        from petbench_leaderboard.report.training_series import KINDS, training_series

        if kind not in KINDS:
            raise UnknownNameError("kind of curve", kind, KINDS, listed="There:")
        series = training_series(self.training, kind)
        if not series:
            raise DataError(f"the log of run {self.id} has no {kind} to draw: {self._folder.losses}")
        from petbench_leaderboard.report.training_figure import draw_training

        return draw_training(series, kind, f"run {self.id}, {shown_name(self.method, self.row.preset or '')}")

    def to_dict(self) -> dict[str, Any]:
        """Return all that is known of the run, as `petbench runs show --json` prints it."""
        return run_as_dict(self._session.leaderboard, self.id) | {"ran_on": ran_on(self.row, self._session.home)}

    @property
    def _folder(self) -> RunFolder:
        return find_folder(self.row, self._session.home)

    def __repr__(self) -> str:
        row = self.row
        return f"<petbench run {row.id}: {row.method} on {row.dataset}, fold {row.fold}, seed {row.seed}: {row.status}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what was run, how it ended, and its means."""
        row = self.row
        trained = None if row.train_seconds is None else f"{row.train_seconds:.0f} s, {row.images_seen:,} images"
        facts = [
            ("status", row.status + (f": {row.error_message}" if row.error_message else "")),
            ("dataset", f"{row.dataset}, split {row.split}, fold {row.fold}"),
            ("settings", ", ".join((*stated.run_settings(row), f"seed {row.seed}"))),
            ("trained", trained),
            ("seconds a volume", None if row.seconds_per_volume is None else f"{row.seconds_per_volume:.2f}"),
            ("device", row.device),
        ]
        shown = html.table(f"run {row.id}: {row.method}", ("", ""), [fact for fact in facts if fact[1] is not None])
        return shown + (self.scores._repr_html_() if len(self.scores) else "")


class RunEndedError(PetbenchError):
    """A run that did not end well.

    Attributes:
        run: with its log, its checkpoints and whatever else it left.
    """

    def __init__(self, run: Run) -> None:
        row = run.row
        whose = f" ({FAULTS[row.fault]})" if row.fault in FAULTS else ""
        log = f"; log: {run._session.home.folder / row.log_path}" if row.log_path and row.status != "skipped" else ""
        super().__init__(f"run {row.id} of {row.method} is {row.status}{whose}: {row.error_message or ''}{log}")
        self.run = run


def open_run(run_id: int, *, session: Session | None = None) -> Run:
    """Return a run of the leaderboard by its number.

    Args:
        run_id: the number.
        session: where to look; None for what the environment says.

    Raises:
        LeaderboardError: there is no such run.
    """
    here = current_session(session)
    return Run(here.leaderboard.run(run_id), here)


def find_runs(
    *,
    method: str | None = None,
    status: str | None = None,
    where: str | None = None,
    limit: int = 50,
    session: Session | None = None,
) -> list[Run]:
    """Return runs, failures included, newest first, as `petbench runs list` does.

    Args:
        method: only of this method.
        status: only with this status.
        where: only runs that fulfil a condition, such as `seed=0 and dataset=fdg-phantom-mini`.
        limit: at most so many.
        session: where to look; None for what the environment says.

    Raises:
        UnknownNameError: there is no such status or method.
        RequestError: the condition is not understood.
        UsageError: the limit is below 1.
    """
    if limit < 1:
        raise UsageError(f"at most {limit} runs are none: give a limit of at least 1")
    here = current_session(session)
    wanted = wanted_runs(here, method=method, status=status, where=where)
    return [Run(row, here) for row in here.leaderboard.page(wanted, limit)]


def wanted_runs(
    session: Session, *, method: str | None, status: str | None, where: str | None, before: int | None = None
) -> Wanted:
    """Return which runs are asked for, once the names in it are ones that there are.

    Raises:
        UnknownNameError: there is no such status, or neither an installed method nor a run of one is called so.
    """
    if status is not None and status not in STATUSES:
        raise UnknownNameError("status", status, STATUSES, listed="There:")
    wanted = Wanted(status=status, method=method, where=where, before=before)
    if method is not None and not session.leaderboard.count(wanted):
        known = session.leaderboard.methods() | set(session.registry.methods())
        if method not in known:
            raise UnknownNameError("method", method, known, listed="Installed, or on this leaderboard:")
    return wanted


def row_as_dict(row: RunRow) -> dict[str, Any]:
    """Return a run's row as plain values."""
    return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}


def run_as_dict(leaderboard: Leaderboard, run_id: int) -> dict[str, Any]:
    """Return all that a leaderboard knows of one run: row, phases, scores by the newest protocol, facts of metrics.

    `scores` are those of the test participants, `validation_scores` those of the validation participants.
    """
    scores = of_newest_protocol(leaderboard.scores([run_id]))
    validation = of_newest_protocol(leaderboard.validation_scores([run_id]))
    return row_as_dict(leaderboard.run(run_id)) | {
        "phases": [dataclasses.asdict(phase) for phase in leaderboard.phases(run_id)],
        "scores": [score_as_dict(score) for score in scores],
        "validation_scores": [score_as_dict(score) for score in validation],
        "metrics": metrics_as_json(metrics_of([*scores, *validation])),
    }
