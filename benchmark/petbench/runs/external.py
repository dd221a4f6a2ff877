"""Enter predictions that no run of petbench made as a row of their own: those of another program first of all."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np

from petbench.contract import Budget
from petbench.errors import UsageError
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.samples import find_samples, sample_path
from petbench.plans.planner import choose_fold
from petbench.plans.run_plan import RunPlan
from petbench.runs import reference_rows
from petbench.runs.entering import enter_run
from petbench.runs.lookup import folder_to_fill, is_made_here
from petbench.runs.scorer import record_scores
from petbench_datasets.files import write_text
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.board import IDENTITY_METHOD
from petbench_leaderboard.records import EXTERNAL
from petbench_leaderboard.same_run import is_same_task

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.metric_spec import Case
    from petbench.plans.planner import Place
    from petbench.runs.folder import RunFolder
    from petbench.runs.scorer import Scorer
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.records import Role, RunRecord, RunRow
    from petbench_leaderboard.store import Leaderboard

NOTHING: Mapping[str, object] = MappingProxyType({})


class Trained(TypedDict, total=False):
    """How something was trained, as the fields of a run say it."""

    seed: int
    budget: str
    preset: str


def score_external(
    place: Place,
    predictions: Path,
    name: str,
    *,
    home: Home,
    leaderboard: Leaderboard,
    scorer: Scorer,
    taken: Collection[str] = (),
) -> RunRow:
    """Score the NIfTI predictions of another program and enter them as a row of their own.

    Args:
        place: dataset, split and fold: the fold's test participants must all be there.
        predictions: the folder with `<participant>.nii.gz`.
        name: what the row is called; written as a slug. Folds entered under one name make one row.
        home: where the run's folder is made.
        leaderboard: where the row goes.
        scorer: scores them.
        taken: names of installed methods, which the row may not have.

    Raises:
        DataError: a prediction cannot be scored.
        UsageError: the name is a method's or a reference's, or the fold does not exist.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        raise UsageError(f"--as {name!r}: give a name with letters or digits")
    if slug in {IDENTITY_METHOD, *reference_rows.ROLES, *taken}:
        raise UsageError(f"--as {name!r}: petbench has a method called {slug}; give the predictions another name")
    return enter_predictions(place, predictions, slug, home=home, leaderboard=leaderboard, scorer=scorer)


def enter_predictions(
    place: Place,
    predictions: Path,
    method: str,
    *,
    home: Home,
    leaderboard: Leaderboard,
    scorer: Scorer,
    origin: str = EXTERNAL,
    role: Role = "competitor",
    supervision: str = EXTERNAL,
    parameters: Mapping[str, object] = NOTHING,
    **trained: Unpack[Trained],
) -> RunRow:
    """Check, score and only then store predictions; the same ones under the same name are entered once.

    The predictions are copied into a run's folder, with their samples, so that they can be scored again under a later
    protocol.

    Args:
        place: dataset, split and fold.
        predictions: the folder with `<participant>.nii.gz`.
        method: the row's name, a slug.
        home: where the run's folder is made.
        leaderboard: where the row goes.
        scorer: scores them.
        origin: who made them, as the row's distribution.
        role: whether the row competes.
        supervision: of whatever made them, where that is known.
        parameters: what tells the row from others of the same name.
        trained: how whatever made them was trained, where that is known.

    Raises:
        DataError: a prediction cannot be scored.
        UsageError: the fold does not exist, or other predictions of this name are there already.
    """
    volumes: dict[str, Volume] = {}

    def keep(case: Case) -> None:
        volumes[case.participant] = case.predicted

    dataset, scored = place.dataset, choose_fold(place.split, place.fold).test
    records = scorer.score(dataset, scored, predictions, keep)
    plan = _plan(place, method, origin, role, supervision, parameters, _digest(volumes), scorer.device, trained)
    record = plan.record()
    if origin == EXTERNAL:
        _check_free(record, leaderboard)

    def fill(folder: RunFolder) -> None:
        write_text(folder.log, f"predictions of {method}, entered by petbench score\n")
        for participant, volume in volumes.items():
            write_image(folder.prediction(participant), volume, dataset.grid(participant))
        _keep_samples(find_samples(predictions, scored), folder, dataset)

    row, known = enter_run(
        plan,
        record,
        records,
        dataset,
        fill=fill,
        origin=origin,
        home=home,
        leaderboard=leaderboard,
        ended_at=datetime.now(UTC),
    )
    if known:  # its samples may be others now, and metrics may have been added
        folder = folder_to_fill(row, home)
        plan.save(folder.plan_file)
        fill(folder)
        record_scores(leaderboard, row.id, dataset, records)
        leaderboard.update(row.id, ended_at=datetime.now(UTC))
    return leaderboard.run(row.id)


def _is_own(row: RunRow) -> bool:
    return row.status == "ok" and row.verification == "own" and is_made_here(row)


def _check_free(record: RunRecord, leaderboard: Leaderboard) -> None:
    """Refuse predictions that would take the place of a row of the same name: the newer one would count alone.

    Asked in one look: the same predictions may be entered by another process at this moment.
    """
    there = leaderboard.runs(run_groups=[record.run_group], status="ok")
    others = (row for row in there if not (row.identity == record.identity and _is_own(row)))
    row = next((row for row in others if row.fold == record.fold), None)
    if row is not None:
        raise UsageError(
            f"{record.method} has other predictions here already, run {row.id}: give these another name, or remove "
            f"those first by petbench leaderboard remove {row.id}"
        )
    of_identity = [row for row in there if row.identity == record.identity]
    if of_identity and not any(is_same_task(row.task_definition, record.task_definition) for row in of_identity):
        raise UsageError(
            f"{record.method} has these predictions here already, run {of_identity[0].id}, scored when the task "
            f"{record.task} asked or decided something else: give the task a new version, or remove that run first by "
            f"petbench leaderboard remove {of_identity[0].id}"
        )


def _keep_samples(samples: Mapping[str, Sequence[Path]], folder: RunFolder, dataset: Dataset) -> None:
    """Copy the samples that were scored, in the place of those that an earlier entry of the run had."""
    for stale in folder.predictions.glob("*_sample-*"):
        stale.unlink()
    for participant, files in samples.items():
        for number, file in enumerate(files, start=1):
            volume = read_image(file)[0].astype(np.float32)
            write_image(sample_path(folder.predictions, participant, number), volume, dataset.grid(participant))


def _digest(volumes: Mapping[str, Volume]) -> str:
    """Return a hash of the voxels, in place of that of a source that nobody here has seen."""
    return hashlib.sha256(b"".join(hashlib.sha256(each.tobytes()).digest() for each in volumes.values())).hexdigest()


def _plan(
    place: Place,
    method: str,
    origin: str,
    role: Role,
    supervision: str,
    parameters: Mapping[str, object],
    digest: str,
    device: str,
    trained: Trained,
) -> RunPlan:
    return RunPlan(
        method=method,
        plugin=EXTERNAL,
        distribution=origin,
        version="",
        source_hash=digest,
        supervision=supervision,
        role=role,
        preset=trained.get("preset", ""),
        parameters=dict(parameters),
        changed_parameters={name: value for name, value in parameters.items() if not isinstance(value, list)},
        **place.facts(),
        seed=trained.get("seed", 0),
        budget=trained.get("budget", str(Budget(images=0))),
        precision="fp32",
        compile="off",
        cuda_graphs="off",
        deterministic=False,
        device=device,
        protocol=PROTOCOL,
    )
