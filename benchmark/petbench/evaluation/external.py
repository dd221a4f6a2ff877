"""Enter predictions that petbench did not make: another program's, or a second noise realisation of the truth."""

from __future__ import annotations

import hashlib
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.contract import Budget
from petbench.errors import UsageError
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.reader import find_predictions, read_prediction
from petbench.evaluation.scoring import score_predictions
from petbench_datasets.bids import scan_of
from petbench_datasets.derivatives import find_derivative
from petbench_datasets.errors import DataError
from petbench_datasets.nifti import write_image
from petbench_datasets.progress import silent
from petbench_leaderboard.board import CEILING_METHOD, REFERENCE_METHODS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from petbench.evaluation.spec import MetricSpec
    from petbench.home import Home
    from petbench_datasets.cohort import Cohort
    from petbench_datasets.progress import Progress
    from petbench_datasets.split import Split
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

EXTERNAL = "external"
REPEAT_ENDING = "desc-repeat_pet"
PREDICTIONS = "predictions"


def score_external(
    home: Home,
    leaderboard: Leaderboard,
    cohort: Cohort,
    split: Split,
    fold: int,
    predictions: Path,
    name: str,
    *,
    dataset: str | None = None,
    taken: Collection[str] = (),
    progress: Progress = silent,
    offline: bool = False,
    metrics: Sequence[MetricSpec] | None = None,
    weights: Path | None = None,
    device: str = "cpu",
) -> RunRow:
    """Score the NIfTI predictions in a folder and enter them as a row of their own.

    Everything is checked and scored before anything is stored; then the predictions are copied into a run's folder, so
    that they can be scored again under a later protocol. The same predictions under the same name are entered once.

    Args:
        home: where the run's folder is made.
        leaderboard: where the row goes.
        cohort: where the real images come from.
        split: which split.
        fold: which of its folds: its test patients must all be there.
        predictions: the folder with `<participant>.nii.gz`.
        name: what the row is called; written as a slug.
        dataset: the cohort's name on the leaderboard; None for that of its folder.
        taken: names of installed methods, which the row may not have.
        progress: told how far the work is.
        offline: whether downloading weights is forbidden.
        metrics: the metrics of one patient; None for the built-in ones.
        weights: a file of Inception weights named by the user.
        device: where features are computed.

    Raises:
        DataError: a prediction cannot be scored.
        UsageError: the name is a method's or a reference's, or the fold does not exist.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        msg = f"--as {name!r}: give a name with letters or digits"
        raise UsageError(msg)
    if slug in REFERENCE_METHODS | {CEILING_METHOD} | set(taken):
        msg = f"--as {name!r}: petbench has a method called {slug}; give the predictions another name"
        raise UsageError(msg)
    return _enter(
        home,
        leaderboard,
        cohort,
        split,
        fold,
        predictions,
        slug,
        dataset=dataset,
        progress=progress,
        offline=offline,
        metrics=metrics,
        weights=weights,
        device=device,
    )


def score_noise_ceiling(
    home: Home,
    leaderboard: Leaderboard,
    cohort: Cohort,
    split: Split,
    fold: int,
    *,
    dataset: str | None = None,
    progress: Progress = silent,
    offline: bool = False,
    metrics: Sequence[MetricSpec] | None = None,
    weights: Path | None = None,
    device: str = "cpu",
) -> RunRow:
    """Score a second noise realisation of each test patient's delayed image as if it were a method's prediction.

    No method can be expected to come closer to one noisy image than another noisy image of the same truth does, unless
    it predicts the noise-free truth; so this is the yardstick of `fraction` on the leaderboard, not a bound.

    Raises:
        DataError: the cohort has no second realisation (`…_desc-repeat_pet.nii.gz` among its derivatives).
    """
    with tempfile.TemporaryDirectory(prefix="petbench-ceiling-") as folder:
        write_noise_ceiling(cohort, _fold_of(split, fold), Path(folder))
        return _enter(
            home,
            leaderboard,
            cohort,
            split,
            fold,
            Path(folder),
            CEILING_METHOD,
            dataset=dataset,
            progress=progress,
            offline=offline,
            metrics=metrics,
            weights=weights,
            device=device,
        )


def write_noise_ceiling(cohort: Cohort, participants: Sequence[str], folder: Path) -> None:
    """Write the second noise realisation of each participant's delayed image as a prediction, in SUV.

    Raises:
        DataError: a participant has none.
    """
    for participant in participants:
        path = find_derivative(cohort.root, participant, REPEAT_ENDING)
        if path is None:
            msg = f"{cohort.root}: no second realisation of {participant} (*_{REPEAT_ENDING}.nii.gz): no noise ceiling"
            raise DataError(msg)
        scan = scan_of(path, cohort.root, dict(cohort.table))  # the weight is in the cohort's own table
        write_image(folder / f"{participant}.nii.gz", scan.suv(), scan.grid)


def _enter(
    home: Home,
    leaderboard: Leaderboard,
    cohort: Cohort,
    split: Split,
    fold: int,
    predictions: Path,
    method: str,
    *,
    dataset: str | None,
    progress: Progress,
    offline: bool,
    metrics: Sequence[MetricSpec] | None,
    weights: Path | None,
    device: str,
) -> RunRow:
    from petbench.runs.plan import RunPlan
    from petbench.runs.supervisor import folder_of

    participants = _fold_of(split, fold)
    records = score_predictions(
        cohort,
        participants,
        predictions,
        progress=progress,
        cache=home.cache,
        offline=offline,
        metrics=metrics,
        weights=weights,
        device=device,
    )
    files = find_predictions(predictions, participants, cohort)
    volumes = {name: read_prediction(path, cohort.grid(name), cohort.body_mask(name)) for name, path in files.items()}
    digest = hashlib.sha256(b"".join(hashlib.sha256(volume.tobytes()).digest() for volume in volumes.values()))
    plan = RunPlan(
        method=method,
        plugin=EXTERNAL,
        distribution=EXTERNAL,
        version="",
        source_hash=digest.hexdigest(),
        supervision=EXTERNAL,
        preset="",
        parameters={},
        dataset=dataset or cohort.name,
        cohort=str(cohort.root),
        fingerprint=cohort.fingerprint,
        split=split.name,
        split_digest=split.digest,
        fold=fold,
        test_participants=participants,
        split_participants=tuple(sorted({name for part in split.folds for name in part.test})),
        seed=0,
        budget=Budget(images=0),
        precision="fp32",
        compile="off",
        deterministic=False,
        device=device,
        protocol=PROTOCOL,
    )
    stored = [row for row in leaderboard.find(plan.identity) if row.status == "ok"]
    run_id = stored[0].id if stored else leaderboard.plan(plan.record())
    try:
        folder = folder_of(home, run_id, plan)
        plan.save(folder)
        for name, volume in volumes.items():
            write_image(folder / PREDICTIONS / f"{name}.nii.gz", volume, cohort.grid(name))
        leaderboard.record_scores(run_id, records)
        leaderboard.update(run_id, status="ok", phase="score", ended_at=datetime.now(UTC))
    except BaseException:
        if not stored:
            leaderboard.delete(run_id)
        raise
    return leaderboard.run(run_id)


def _fold_of(split: Split, fold: int) -> tuple[str, ...]:
    if not 0 <= fold < len(split.folds):
        msg = f"the split {split.name!r} has folds 0 to {len(split.folds) - 1}, not {fold}"
        raise UsageError(msg)
    return split.folds[fold].test
