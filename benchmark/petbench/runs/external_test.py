"""Test a trained run on another cohort, without training: its predictions there become a row of their own.

Nothing of a method runs in this process. As in a run, a process of its own, which sees no dataset, is handed early
images and predicts; each is resampled to the grid that the model was trained on and what is predicted back, by the
rules of `petbench predict`.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import DataError, UsageError
from petbench.plans.planner import choose_fold, why_declined
from petbench.runs.external import enter_predictions
from petbench.runs.isolation import method_sandbox
from petbench.runs.known_people import require_strangers
from petbench.runs.lookup import find_folder, is_made_here
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.method_process.parent import MethodProcess
from petbench.runs.method_process.task import task_of
from petbench.runs.on_model_grid import fit_grid, on_model_grid
from petbench.runs.predict_fold import Predicted, write_predictions
from petbench.runs.predict_scan import LARGEST_OUTSIDE
from petbench.training.scan_reading import read_scan
from petbench_datasets.images.field_of_view import share_outside
from petbench_datasets.images.grid import resample
from petbench_datasets.progress import Progress, silent
from petbench_leaderboard.records import EXTERNAL, EXTERNAL_TEST, MEMBERS
from petbench_leaderboard.same_run import is_same_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.home import Home
    from petbench.plans.planner import Place
    from petbench.plans.run_plan import RunPlan
    from petbench.registry import Registry
    from petbench.runs.folder import RunFolder
    from petbench.runs.options import RunOptions
    from petbench.runs.scorer import Scorer
    from petbench.scan import Scan
    from petbench_datasets.images.grid import Grid
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTest:
    """How trained runs are tested on another cohort.

    Attributes:
        place: the cohort, and whom of it a fold tests.
        home: where the folders of runs are.
        leaderboard: where their rows are.
        registry: the installed plugins.
        scorer: scores the predictions.
        options: of the method's process.
        device: where to predict.
        allow_outside: whether much of a scan's activity may lie outside the model's field.
        progress: notified of how many participants are predicted.
    """

    place: Place
    home: Home
    leaderboard: Leaderboard
    registry: Registry
    scorer: Scorer
    options: RunOptions
    device: str = "auto"
    allow_outside: bool = False
    progress: Progress = silent

    def enter(self, row: RunRow, *, again: bool = False) -> tuple[RunRow, bool]:
        """Predict and score the test participants of the place by a trained run, and enter that as a row.

        Args:
            row: the run, which ended well here.
            again: predict even where the row is there already.

        Returns:
            The row, and whether it was there already.

        Raises:
            UsageError: the run has no model of its own, or was trained on one of those whom it would be tested on.
            DataError: a participant lacks what the method needs, or lies outside the model's field.
        """
        folder = self._check(row)
        known = None if again else self._known(row)
        if known is not None:
            return known, True
        with tempfile.TemporaryDirectory(prefix="petbench-external-", dir=self.home.folder) as temporary:
            seconds = self._predict(folder.plan(), folder, Path(temporary))
            entered = enter_predictions(
                self.place,
                Path(temporary),
                name_of(row),
                home=self.home,
                leaderboard=self.leaderboard,
                scorer=self.scorer,
                origin=EXTERNAL_TEST,
                supervision=row.supervision,
                parameters=_facts(row),
                seed=row.seed,
                budget=row.budget,
                preset=row.preset or "",
            )
        self.leaderboard.update(
            entered.id,
            images_seen=row.images_seen,
            train_seconds=row.train_seconds,
            parameter_count=row.parameter_count,
            seconds_per_volume=seconds,
        )
        return self.leaderboard.run(entered.id), False

    def _check(self, row: RunRow) -> RunFolder:
        if row.plugin == EXTERNAL:
            raise UsageError(f"run {row.id} has no model of its own: evaluate a run of a method")
        if row.status != "ok" or not is_made_here(row):
            raise UsageError(f"run {row.id} is {row.status}; only a run that ended well here can be evaluated")
        folder, task = find_folder(row, self.home), self.place.dataset.task
        if row.task != task.id:
            raise UsageError(
                f"run {row.id} was trained for the task {row.task}, and {self.place.name} was opened for {task.id}: a "
                "model is tested on the task that it was trained for"
            )
        if not is_same_task(row.task_definition, task.content()):
            raise UsageError(
                f"run {row.id} was made when the task {row.task} asked or decided something else than it does for "
                f"{self.place.name}: run the method again with --force, and test that run"
            )
        if not folder.is_trained:
            raise UsageError(f"run {row.id} has no model here; run the method again with --force")
        fold = choose_fold(self.place.split, self.place.fold)
        if withheld := self.place.dataset.withheld & set(fold.test):
            raise DataError(f"{self.place.dataset.root}: the delayed image of {min(withheld)} is withheld")
        require_strangers(folder.plan(), row.id, self.place, fold.test)
        spec, _ = self.registry.method(row.method)
        if reason := why_declined(spec, self.place.dataset, dataclasses.replace(fold, train=(), validation=())):
            raise DataError(f"{self.place.dataset.root}: {reason}")
        return folder

    def _known(self, row: RunRow) -> RunRow | None:
        """Return the row that the same model has on the same participants by the present protocol."""
        place = self.place
        named = self.leaderboard.runs(dataset=place.name, split=place.split.name, method=name_of(row), status="ok")
        for each in named:
            same = (each.distribution, each.fingerprint, each.split_digest, each.fold) == (
                EXTERNAL_TEST,
                place.dataset.fingerprint,
                place.split.digest,
                place.fold,
            ) and is_same_task(each.task_definition, place.dataset.task.content())
            if same and each.parameters.get(MEMBERS) == [row.identity] and is_made_here(each):
                return each
        return None

    def _predict(self, plan: RunPlan, folder: RunFolder, into: Path) -> float:
        """Write what the model predicts of each test participant, on the participant's own grid."""
        who, model = choose_fold(self.place.split, self.place.fold).test, folder.grid()
        grids: dict[str, tuple[Grid, Grid]] = {}

        def scans() -> Iterator[tuple[str, Scan]]:
            for number, participant in enumerate(who):
                self.progress("predicting", number, len(who))
                yield participant, self._scan(participant, plan, model, folder.label_names(), grids)

        def on_own_grids(predicted: Iterator[Predicted]) -> Iterator[Predicted]:
            for each in predicted:
                own, there = grids[each.participant]
                yield each._replace(volume=resample(each.volume, there, own))

        with self._method_process(plan, folder) as method:
            seconds = write_predictions(
                on_own_grids(method.predict(scans())), plan.method, self.place.dataset, into, into={}
            )
            method.end()
        self.progress("predicting", len(who), len(who))
        return seconds

    def _scan(
        self, participant: str, plan: RunPlan, model: Grid, labels: dict[int, str], grids: dict[str, tuple[Grid, Grid]]
    ) -> Scan:
        dataset = self.place.dataset
        scan, own = read_scan(dataset, participant, plan.needs), dataset.grid(participant)
        there = own if own.matches(model) else fit_grid(own, model)
        grids[participant] = own, there
        outside = share_outside(scan.early, own, there)
        if outside > LARGEST_OUTSIDE and not self.allow_outside:
            raise DataError(
                f"{dataset.root}: {100 * outside:.1f} % of the activity of {participant} lies outside the model's "
                f"field, {there}, and would be written as 0; more than {LARGEST_OUTSIDE:.0%} is refused: cut the scan, "
                "or allow it with --allow outside-field"
            )
        try:
            return on_model_grid(scan, own, there, labels)
        except DataError as error:
            raise DataError(f"{dataset.root}: labels of {participant}: {error}") from None

    @contextmanager
    def _method_process(self, plan: RunPlan, folder: RunFolder) -> Iterator[MethodProcess]:
        """Within the block, the method's process is there with the model, ready to predict."""
        job = JobFolder(self.home.jobs / f"evaluate-{uuid.uuid4().hex}")
        sandbox = method_sandbox(
            self.options.python,
            self.options.environment,
            isolated=self.options.isolated,
            home=self.home.folder,
            hidden=(self.place.dataset.root, Path(plan.dataset_folder), self.home.jobs),
            visible=(self.home.environments, *map(Path, plan.parameter_files.values())),
        )
        job.prepare(job.path / "nothing")
        try:
            job.lend_model(folder.model)
            task = task_of(
                dataclasses.replace(plan, device=self.device),
                job.path,
                environments=self.home.environments,
                trained=True,
                largest_file_bytes=sandbox.limits.disk_bytes if sandbox.limits else None,
            )
            with MethodProcess(task, job, sandbox, lambda: False) as method:
                method.ready()
                method.built()
                yield method
        finally:
            job.delete()


def name_of(row: RunRow) -> str:
    """Return what the row of a run's external test is called: the method, and where it was trained."""
    trained_on = re.sub(r"[^a-z0-9]+", "-", row.dataset.lower()).strip("-")
    return f"{row.method}-from-{trained_on}"


def _facts(row: RunRow) -> dict[str, object]:
    """Return what tells the row from others of its name, and where its model comes from."""
    several_folds = row.split_participants not in ((), row.test_participants)
    return {
        "trained_on": f"{row.dataset}, fold {row.fold} of {row.split}" if several_folds else row.dataset,
        **({"views": row.views} if row.views > 1 else {}),
        **(row.changed_parameters or {}),
        "groups": [row.run_group[:16]],
        MEMBERS: [row.identity],
    }
