"""Reference rows that the harness makes itself, because they look at what no method may see.

All are written as prediction files and scored like anybody's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from petbench.plans.planner import choose_fold
from petbench.runs import reference_rows
from petbench.runs.external import enter_predictions
from petbench.runs.organ_regions import REST, organ_regions
from petbench.runs.predictable import write_predictable
from petbench_datasets.bids.scan import scan_of
from petbench_datasets.dataset.derivatives import REPEAT_ENDING, find_derivative
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from petbench.home import Home
    from petbench.plans.planner import Place
    from petbench.runs.scorer import Scorer
    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold
    from petbench_datasets.images.grid import Volume
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

    OrganProducts = dict[str, NDArray[np.float64]]


def score_reference(place: Place, name: str, *, home: Home, leaderboard: Leaderboard, scorer: Scorer) -> RunRow:
    """Make the predictions of a reference for the test participants of a fold, score them, and enter them as a row.

    Args:
        place: dataset, split and fold.
        name: of the reference.
        home: where the run's folder is made.
        leaderboard: where the row goes.
        scorer: scores the predictions.

    Raises:
        DataError: the dataset lacks what the reference is made of.
        UsageError: the fold does not exist.
    """
    write = {
        reference_rows.PREDICTABLE: write_predictable,
        reference_rows.REPEAT_SCAN: write_repeat_scan,
        reference_rows.ORGAN_SCALE: write_organ_scale,
    }[name]
    with tempfile.TemporaryDirectory(prefix=f"petbench-{name}-") as folder:
        write(place.dataset, choose_fold(place.split, place.fold), Path(folder))
        return enter_predictions(
            place,
            Path(folder),
            name,
            home=home,
            leaderboard=leaderboard,
            scorer=scorer,
            origin="petbench",
            role=reference_rows.ROLES[name],
        )


def write_repeat_scan(dataset: Dataset, fold: Fold, folder: Path) -> None:
    """Write a second noise realisation of each test participant's delayed image as a prediction, in SUV.

    Its noise is its only error, so it shows what one scan says of another. It is neither an aim nor a bound: the same
    image with less noise scores higher.

    Raises:
        DataError: a participant has none (`…_desc-repeat_pet.nii.gz` among the dataset's derivatives).
    """
    for participant in fold.test:
        scan = repeat_scan(dataset, participant)
        write_image(folder / f"{participant}.nii.gz", scan.suv(), scan.grid)


def repeat_scan(dataset: Dataset, participant: str) -> Scan:
    """Return a second noise realisation of a participant's delayed image.

    Raises:
        DataError: there is none (`…_desc-repeat_pet.nii.gz` among the dataset's derivatives).
    """
    path = find_derivative(dataset.root, participant, REPEAT_ENDING)
    if path is None:
        raise DataError(f"{dataset.root}: no repeat scan of {participant} (*_{REPEAT_ENDING}.nii.gz)")
    return scan_of(path, dataset.root, dict(dataset.table), dataset.task)  # the weight is in the dataset's own table


def write_organ_scale(dataset: Dataset, fold: Fold, folder: Path) -> None:
    """Write each test participant's early image, every labelled organ times its own factor, as a prediction in SUV.

    Privileged: it knows where the organs of the test participants are. Its score shows what one number an organ can
    give, without anything of the participant's own kinetics.

    Raises:
        DataError: a training or test participant has no organ labels.
    """
    factors = organ_factors(dataset, fold)
    for participant in fold.test:
        early, grid = dataset.early(participant)
        write_image(folder / f"{participant}.nii.gz", scale_organs(dataset, participant, early, factors), grid)


def scale_organs(dataset: Dataset, participant: str, early: Volume, factors: Mapping[str, float]) -> Volume:
    """Return a participant's early image with every organ times its factor of `organ_factors`; shape (z, y, x)."""
    regions, names = _regions(dataset, participant)
    by_region = np.array([factors.get(name, factors[REST]) for name in names])
    return np.asarray(early * by_region[regions], dtype=np.float32)


def organ_factors(dataset: Dataset, fold: Fold) -> dict[str, float]:
    """Return the delayed-over-early factor of every labelled organ, fitted on the fold's training participants alone.

    Each is the factor of least squares over the organ's voxels of all of them, Σ early·delayed / Σ early², as `scale`
    fits its one. The rest of the body and the air around it have one each; an organ without early uptake gets that of
    the rest of the body.

    Raises:
        DataError: a training participant has no organ labels.
    """
    return fitted_factors(organ_products(dataset, participant) for participant in fold.train)


def organ_products(dataset: Dataset, participant: str) -> OrganProducts:
    """Return (Σ early·delayed, Σ early²) over a participant's voxels of each organ, of the rest and of the air."""
    pair = dataset.pair(participant)
    regions, names = _regions(dataset, participant)
    early, delayed = pair.early.astype(np.float64).ravel(), pair.delayed.astype(np.float64).ravel()
    products = [np.bincount(regions.ravel(), early * other, len(names)) for other in (delayed, early)]
    return dict(zip(names, np.transpose(products), strict=True))


def fitted_factors(products: Iterable[OrganProducts]) -> dict[str, float]:
    """Return the factor of least squares of every organ over several participants' products."""
    sums: dict[str, NDArray[np.float64]] = {}
    for one in products:
        for name, found in one.items():
            sums[name] = sums.get(name, np.zeros(2)) + found
    rest = _ratio(sums[REST], 1.0)
    return {name: _ratio(found, rest) for name, found in sums.items()}


def _ratio(sums: NDArray[np.float64], otherwise: float) -> float:
    return float(sums[0] / sums[1]) if sums[1] > 0.0 else otherwise


def _regions(dataset: Dataset, participant: str) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    return organ_regions(dataset, participant, dataset.body_mask(participant), reference_rows.ORGAN_SCALE)
