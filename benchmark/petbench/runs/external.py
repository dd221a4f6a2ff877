"""Enter predictions that no run of petbench drew as a row of their own: those of another program first of all."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict, Unpack

from petbench.contract import Budget
from petbench.errors import UsageError
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.reader import find_predictions, read_prediction
from petbench.evaluation.scoring import score_predictions
from petbench.runs.folder import folder_of, plan_run
from petbench_datasets.files import write_text
from petbench_datasets.images.nifti import write_image
from petbench_leaderboard.board import CEILING_METHOD, REFERENCE_METHODS
from petbench_leaderboard.records import EXTERNAL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from petbench.home import Home
    from petbench.metric_spec import MetricSpec
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold, Split
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard


class ScoringOptions(TypedDict, total=False):
    """What `score_predictions` takes beside the images.

    Attributes:
        progress: told how far the work is.
        offline: whether downloading weights is forbidden.
        metrics: the metrics of one participant; None for the built-in ones.
        weights: a file of Inception weights named by the user.
        device: where features are computed.
    """

    progress: Progress
    offline: bool
    metrics: Sequence[MetricSpec] | None
    weights: Path | None
    device: str


def score_external(
    home: Home,
    leaderboard: Leaderboard,
    dataset: Dataset,
    split: Split,
    fold: int,
    predictions: Path,
    name: str,
    *,
    dataset_name: str | None = None,
    taken: Collection[str] = (),
    **options: Unpack[ScoringOptions],
) -> RunRow:
    """Score the NIfTI predictions of another program and enter them as a row of their own.

    Args:
        home: where the run's folder is made.
        leaderboard: where the row goes.
        dataset: where the real images come from.
        split: which split.
        fold: which of its folds: its test participants must all be there.
        predictions: the folder with `<participant>.nii.gz`.
        name: what the row is called; written as a slug. Folds entered under one name make one row.
        dataset_name: the dataset's name on the leaderboard; None for that of its folder.
        taken: names of installed methods, which the row may not have.
        options: as for `score_predictions`.

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
    return enter_predictions(
        home, leaderboard, dataset, split, fold, predictions, slug, dataset_name=dataset_name, **options
    )


def enter_predictions(
    home: Home,
    leaderboard: Leaderboard,
    dataset: Dataset,
    split: Split,
    fold: int,
    predictions: Path,
    method: str,
    *,
    dataset_name: str | None = None,
    origin: str = EXTERNAL,
    supervision: str = EXTERNAL,
    **options: Unpack[ScoringOptions],
) -> RunRow:
    """Check, score and only then store predictions; the same ones under the same name are entered once.

    The predictions are copied into a run's folder, so that they can be scored again under a later protocol.

    Args:
        home: where the run's folder is made.
        leaderboard: where the row goes.
        dataset: where the real images come from.
        split: which split.
        fold: which of its folds.
        predictions: the folder with `<participant>.nii.gz`.
        method: the row's name, a slug.
        dataset_name: the dataset's name on the leaderboard; None for that of its folder.
        origin: who made them, as the row's distribution.
        supervision: what whoever made them saw of the delayed images, as far as petbench knows.
        options: as for `score_predictions`.

    Raises:
        DataError: a prediction cannot be scored.
        UsageError: the fold does not exist.
    """
    from petbench.plans.run_plan import RunPlan

    participants = fold_of(split, fold).test
    records = score_predictions(dataset, participants, predictions, cache=home.cache, **options)
    files = find_predictions(predictions, participants, dataset)
    volumes = {name: read_prediction(path, dataset.grid(name), dataset.body_mask(name)) for name, path in files.items()}
    digest = hashlib.sha256(b"".join(hashlib.sha256(volume.tobytes()).digest() for volume in volumes.values()))
    plan = RunPlan(
        method=method,
        plugin=EXTERNAL,
        distribution=origin,
        version="",
        source_hash=digest.hexdigest(),
        supervision=supervision,
        preset="",
        parameters={},
        dataset=dataset_name or dataset.name,
        dataset_folder=str(dataset.root),
        fingerprint=dataset.fingerprint,
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
        device=options.get("device", "cpu"),
        protocol=PROTOCOL,
    )
    stored = [row for row in leaderboard.find(plan.identity) if row.status == "ok"]
    if stored:
        run_id, folder = stored[0].id, folder_of(stored[0], home)
    else:
        run_id, folder = plan_run(plan, plan.record(), home, leaderboard)
    try:
        plan.save(folder.plan_file)
        write_text(folder.log, f"predictions that {origin} made, entered by petbench score\n")
        for name, volume in volumes.items():
            write_image(folder.prediction(name), volume, dataset.grid(name))
        leaderboard.record_scores(run_id, records)
        leaderboard.update(run_id, status="ok", phase="score", ended_at=datetime.now(UTC))
    except BaseException:
        if not stored:
            leaderboard.delete(run_id)
            folder.delete()
        raise
    return leaderboard.run(run_id)


def fold_of(split: Split, fold: int) -> Fold:
    """Return one fold of a split.

    Raises:
        UsageError: the split has no such fold.
    """
    if not 0 <= fold < len(split.folds):
        msg = f"the split {split.name!r} has folds 0 to {len(split.folds) - 1}, not {fold}"
        raise UsageError(msg)
    return split.folds[fold]
