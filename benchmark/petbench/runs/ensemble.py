"""The mean of what several runs predict, as a row of its own: an ensemble of seeds, of folds, or of several methods.

It is made from the prediction files of its members, so that any method can be one and nothing is trained or predicted
again. Its row bears the cost of all of them: who uses an ensemble trains each member and lets each predict. What the
members predict stays beside the mean as its samples, so that coverage and calibration are measured too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from petbench.errors import DataError, UsageError
from petbench.evaluation.reader import check_unchanged
from petbench.evaluation.samples import sample_path
from petbench.plans.planner import Place, choose_fold
from petbench.runs.external import enter_predictions
from petbench.runs.lookup import find_folder, is_made_here
from petbench.runs.planned import open_planned_split
from petbench.runs.predict_fold import Written
from petbench.runs.validation import measure_validation, record_validation
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.records import EXTERNAL, MEMBERS
from petbench_leaderboard.same_run import is_same_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench.runs.scorer import Scorer
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.run_changes import RunChanges
    from petbench_leaderboard.store import Leaderboard

ENSEMBLE = "ensemble"
"""The distribution of an ensemble's row, in the place of the one that brings a method."""

Kind = Literal["seeds", "folds", "all", "methods"]
"""What the members of an ensemble differ in; `all`: in seeds and folds."""


def enter_ensemble(
    rows: Sequence[RunRow],
    *,
    home: Home,
    leaderboard: Leaderboard,
    scorer: Scorer,
    name: str = "",
) -> RunRow:
    """Score the mean of what runs predict, and enter it as a row; the same members make one row however often asked.

    Where all members have the same validation participants, none of whom any was trained on, the mean of what they
    predict for these is scored too.

    Args:
        rows: the members: two or more runs that ended well here, on the same test participants.
        home: where the folders are.
        leaderboard: where the rows are.
        scorer: scores them.
        name: what the row is called, a slug; empty for that of the method with `-ensemble` behind it.

    Raises:
        UsageError: these runs make no ensemble.
        DataError: a prediction is gone, damaged or another than the one that was written.
    """
    _check_members(rows)
    place = _place_of(rows[0], home)
    kind = _kind_of(rows)
    folders = [find_folder(row, home) for row in rows]
    with tempfile.TemporaryDirectory(prefix="petbench-ensemble-", dir=home.folder) as temporary:
        _write_test_means(folders, place, Path(temporary))
        row = enter_predictions(
            place,
            Path(temporary),
            name or f"{rows[0].method if kind != 'methods' else 'methods'}-ensemble",
            home=home,
            leaderboard=leaderboard,
            scorer=scorer,
            origin=ENSEMBLE,
            supervision=rows[0].supervision if len({row.supervision for row in rows}) == 1 else EXTERNAL,
            parameters=_facts(rows, kind),
        )
    leaderboard.update(row.id, **_costs(rows))
    if len({member.fold for member in rows}) == 1:
        _validate(row, folders, place, home, leaderboard, scorer)
    return leaderboard.run(row.id)


def _validate(
    row: RunRow, folders: Sequence[RunFolder], place: Place, home: Home, leaderboard: Leaderboard, scorer: Scorer
) -> None:
    """Score the mean of what the members predict for the validation participants, unless one has not predicted them."""
    who = choose_fold(place.split, place.fold).validation
    noted = [Written.load(folder) for folder in folders]
    if not who or any(written is None or not written.validation.keys() >= set(who) for written in noted):
        return
    own = find_folder(row, home)
    for participant in who:
        mean, _ = _mean(
            [folder.validation for folder in folders], [each.validation for each in noted if each], participant
        )
        write_image(own.validation / f"{participant}.nii.gz", mean, place.dataset.grid(participant))
    scores, _ = measure_validation(scorer, place.dataset, who, own.validation, None)
    record_validation(leaderboard, row.id, scores, (), own)


def members_of(row: RunRow, leaderboard: Leaderboard) -> list[RunRow]:
    """Return the runs that an ensemble was made of.

    Raises:
        UsageError: one of them is no longer on the leaderboard.
    """
    named = row.parameters[MEMBERS]
    assert isinstance(named, list), "written by `enter_ensemble`"
    there = {
        each.identity: each
        for each in leaderboard.runs(status="ok")
        if is_made_here(each) and is_same_task(each.task_definition, row.task_definition)
    }
    gone = [identity for identity in named if identity not in there]
    if gone:
        raise UsageError(f"{len(gone)} of the {len(named)} members of the ensemble, run {row.id}, are not here")
    return [there[identity] for identity in named]


def _place_of(row: RunRow, home: Home) -> Place:
    """Return where a run's numbers come from, its images being what they were."""
    plan = find_folder(row, home).plan()
    dataset, split = open_planned_split(plan)
    return Place(row.dataset, dataset, split, plan.fold)


def _check_members(rows: Sequence[RunRow]) -> None:
    if len({row.identity for row in rows}) < max(2, len(rows)):
        raise UsageError("an ensemble has at least two members, each of them once")
    for row in rows:
        if not (row.status == "ok" and row.is_tested and is_made_here(row)) or row.plugin == EXTERNAL:
            raise UsageError(f"run {row.id} cannot be a member: it is no run of a method that was tested here")
    first, who = rows[0], set(rows[0].test_participants)
    for row in rows:
        alike = (row.fingerprint, row.protocol, row.task) == (first.fingerprint, first.protocol, first.task)
        if not alike or not is_same_task(row.task_definition, first.task_definition):
            raise UsageError(f"runs {first.id} and {row.id} are of other images, or of another protocol or task")
        if set(row.test_participants) != who:
            # A member that was trained on somebody who tests for another would have seen the answer.
            raise UsageError(
                f"runs {first.id} and {row.id} test other participants: members of an ensemble have the same, whom "
                "none of them was trained on; fold 0 to K of a cross-validation have not"
            )


def _kind_of(rows: Sequence[RunRow]) -> Kind:
    if len({row.method for row in rows}) > 1 or len({row.run_group for row in rows}) > 1:
        return "methods"
    folds, seeds = len({row.fold for row in rows}), len({row.seed for row in rows})
    if folds > 1:
        return "all" if seeds > 1 else "folds"
    return "seeds"


def _facts(rows: Sequence[RunRow], kind: Kind) -> dict[str, Any]:
    """Return what the ensemble is, as parameters of its row."""
    made_of: dict[Kind, dict[str, list[Any]]] = {
        "seeds": {"seeds": [row.seed for row in rows]},
        "folds": {"folds": [row.fold for row in rows]},
        "all": {"seeds": [row.seed for row in rows], "folds": [row.fold for row in rows]},
        "methods": {"methods": [row.method for row in rows]},
    }
    views = {"views": rows[0].views} if rows[0].views > 1 and kind != "methods" else {}
    return {
        "members": len(rows),
        "of": kind,
        **made_of[kind],
        **views,
        **{key: value for key, value in (rows[0].changed_parameters or {}).items() if kind != "methods"},
        "groups": sorted({row.run_group[:16] for row in rows}),
        MEMBERS: [row.identity for row in rows],
    }


def _costs(rows: Sequence[RunRow]) -> RunChanges:
    """Return what all members cost together; what one of them did not note, nobody knows."""
    total: RunChanges = {}
    if all(row.train_seconds is not None for row in rows):
        total["train_seconds"] = sum(row.train_seconds or 0.0 for row in rows)
    if all(row.seconds_per_volume is not None for row in rows):
        total["seconds_per_volume"] = sum(row.seconds_per_volume or 0.0 for row in rows)
    if all(row.images_seen is not None for row in rows):
        total["images_seen"] = sum(row.images_seen or 0 for row in rows)
    if all(row.parameter_count is not None for row in rows):
        total["parameter_count"] = sum(row.parameter_count or 0 for row in rows)
    return total


def _write_test_means(folders: Sequence[RunFolder], place: Place, into: Path) -> None:
    """Write the mean of what members predict for the test participants, and beside it what each does, as samples."""
    noted = [Written.load(folder) for folder in folders]
    digests = [written.predictions if written else {} for written in noted]
    for participant in choose_fold(place.split, place.fold).test:
        grid = place.dataset.grid(participant)
        mean, members = _mean([folder.predictions for folder in folders], digests, participant)
        for number, volume in enumerate(members, start=1):
            write_image(sample_path(into, participant, number), volume, grid)
        write_image(into / f"{participant}.nii.gz", mean, grid)


def _mean(
    folders: Sequence[Path], digests: Sequence[Mapping[str, str]], participant: str
) -> tuple[Volume, list[Volume]]:
    """Return the mean of the predictions of a participant in several folders, and these.

    Raises:
        DataError: one is gone, damaged or another than the one that was written.
    """
    volumes: list[Volume] = []
    for folder, written in zip(folders, digests, strict=True):
        path = folder / f"{participant}.nii.gz"
        if not path.is_file():
            raise DataError(f"{path}: the prediction is gone; run the method again with --force")
        volumes.append(read_image(path)[0].astype(np.float32))
        check_unchanged(path, volumes[-1], written.get(participant))
    mean: Volume = np.asarray(np.sum(volumes, axis=0, dtype=np.float64) / len(volumes), dtype=np.float32)
    return mean, volumes
