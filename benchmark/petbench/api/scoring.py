"""Score predictions from Python: arrays or files, of any program, on the test or the validation participants."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from petbench.api.pairs import as_opened
from petbench.api.runs import Run
from petbench.api.scores import Scores
from petbench.api.session import current_session
from petbench.errors import DataError, UnknownNameError, UsageError, one_line
from petbench.runs import ensemble, reference_rows
from petbench.runs.external import score_external
from petbench.runs.references import score_reference
from petbench.terminal import late_progress_bar
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from petbench.api.pairs import OpenedDataset
    from petbench.api.session import Session

Prediction: TypeAlias = "NDArray[Any] | str | os.PathLike[str]"
Predictions: TypeAlias = "str | os.PathLike[str] | Mapping[str, Prediction]"


def score(
    predictions: Predictions,
    dataset: str | os.PathLike[str] | OpenedDataset,
    *,
    part: str = "test",
    distances: bool = True,
    session: Session | None = None,
) -> Scores:
    """Score predictions by every metric, as a run's are, and store nothing.

    Args:
        predictions: the folder with `<participant>.nii.gz`; or for each participant the file or the array, in SUV,
            shape (z, y, x), on the grid of the real images. Arrays are scored as the float32 that files hold.
        dataset: opened with its split and fold, or its name: then the fold 0 of its split `holdout`.
        part: whose predictions they are: `test`, or `validation` where something is chosen by the scores.
        distances: whether distances between sets of images, such as FID, are computed, too.
        session: where to work; None for what the environment says.

    Raises:
        DataError: a prediction is missing, on another grid, not finite, negative or not in SUV.
        UnknownNameError: there is no such dataset or part.
    """
    here = current_session(session)
    opened = as_opened(dataset, session=here)
    who = opened.names(part)
    with late_progress_bar() as progress, _as_folder(predictions, opened) as folder:
        scorer = dataclasses.replace(here.scorer(progress), distances=distances)
        return Scores(scorer.score(opened.place.dataset, who, folder), who)


def enter(
    predictions: Predictions,
    dataset: str | os.PathLike[str] | OpenedDataset,
    name: str,
    *,
    session: Session | None = None,
) -> Run:
    """Score predictions of the test participants and enter them on the leaderboard, as `petbench score --as` does.

    Args:
        predictions: as for `score`.
        dataset: as for `score`.
        name: what the row is called.
        session: where to work; None for what the environment says.

    Raises:
        DataError: a prediction cannot be scored; nothing is stored.
        UsageError: the name is a method's or a reference's, or of other predictions.
    """
    here = current_session(session)
    here.leaderboard.make_ready()  # first: one that cannot be written is found before minutes of scoring
    opened = as_opened(dataset, session=here)
    with late_progress_bar() as progress, _as_folder(predictions, opened) as folder:
        row = score_external(
            opened.place,
            folder,
            name,
            home=here.home,
            leaderboard=here.leaderboard,
            scorer=here.scorer(progress),
            taken=here.registry.methods(),
        )
    return Run(row, here)


def enter_reference(
    reference: str, dataset: str | os.PathLike[str] | OpenedDataset, *, session: Session | None = None
) -> Run:
    """Make a reference row and enter it on the leaderboard, as `petbench score --reference` does.

    Args:
        reference: `predictable`, `repeat-scan` or `organ-scale`.
        dataset: as for `score`.
        session: where to work; None for what the environment says.

    Raises:
        DataError: the dataset has not what the reference is made of.
        UnknownNameError: there is no such reference.
    """
    if reference not in reference_rows.ROLES:
        raise UnknownNameError("reference", reference, reference_rows.ROLES, listed="There:")
    here = current_session(session)
    here.leaderboard.make_ready()
    opened = as_opened(dataset, session=here)
    with late_progress_bar() as progress:
        row = score_reference(
            opened.place, reference, home=here.home, leaderboard=here.leaderboard, scorer=here.scorer(progress)
        )
    return Run(row, here)


def enter_ensemble(runs: Sequence[Run | int], *, name: str = "", session: Session | None = None) -> Run:
    """Enter the mean of what several runs predict as a row of its own, as `petbench ensemble` does.

    Args:
        runs: two or more that ended well here, on the same test participants, or their numbers.
        name: what the row is called; empty for the method's name with `-ensemble` behind it.
        session: where to work; None for what the environment says.

    Raises:
        UsageError: these runs make no ensemble.
        DataError: a prediction is gone, damaged or another than the one that was written.
    """
    here = current_session(session)
    here.leaderboard.make_ready()
    rows = [run.row if isinstance(run, Run) else here.leaderboard.run(run) for run in runs]
    if name in here.registry.methods():
        raise UsageError(f"petbench has a method called {name}; give the ensemble another name")
    with late_progress_bar() as progress:
        row = ensemble.enter_ensemble(
            rows, home=here.home, leaderboard=here.leaderboard, scorer=here.scorer(progress), name=name
        )
    return Run(row, here)


@contextlib.contextmanager
def _as_folder(predictions: Predictions, opened: OpenedDataset) -> Iterator[Path]:
    """Give the folder of predictions that scoring reads; arrays are written into one, files linked."""
    if not isinstance(predictions, Mapping):
        yield Path(predictions).expanduser()
        return
    with tempfile.TemporaryDirectory(prefix="petbench-score-") as name:
        for participant, prediction in predictions.items():
            if participant not in opened.participants:
                raise DataError(f"{opened.name} has no participant {participant!r}; name each as the dataset does")
            if isinstance(prediction, str | os.PathLike):
                _link(Path(prediction).expanduser(), Path(name), participant)
            else:
                _write(prediction, Path(name) / f"{participant}.nii.gz", participant, opened)
        try:
            yield Path(name)
        except DataError as error:  # nobody knows the folder by its name
            raise DataError(str(error).replace(f"{name}/", "").replace(f"{name}: ", "")) from None


def _link(file: Path, folder: Path, participant: str) -> None:
    """Link a prediction and its sidecar, which says its unit, under the participant's name."""
    if not file.is_file():
        raise DataError(f"{file}: no such prediction of {participant}")
    ending = ".nii.gz" if file.name.endswith(".nii.gz") else ".nii"
    (folder / f"{participant}{ending}").symlink_to(file.absolute())
    sidecar = file.with_name(file.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    if sidecar.is_file():
        (folder / f"{participant}.json").symlink_to(sidecar.absolute())


def _write(prediction: Any, file: Path, participant: str, opened: OpenedDataset) -> None:
    grid = opened.place.dataset.grid(participant)
    try:
        volume = np.asarray(prediction)
    except (TypeError, ValueError, RuntimeError) as error:  # such as a tensor on a GPU, or one with its gradient
        raise DataError(f"the prediction of {participant} is no array: {one_line(error)}") from None
    if volume.dtype.kind not in "fiu" or volume.shape != grid.shape:
        raise DataError(
            f"the prediction of {participant} is {volume.dtype} of shape {volume.shape}; give numbers in SUV of shape "
            f"{grid.shape}, (z, y, x)"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused as infinite
        write_image(file, volume.astype(np.float32), grid)
