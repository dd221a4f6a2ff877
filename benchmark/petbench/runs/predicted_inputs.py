"""What a trained method needs of a scan that a user gives: from the scan's own files, or as the user says it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import DataError
from petbench.runs.on_model_grid import renumbered
from petbench.scan import Scan
from petbench_datasets.bids.scan import find_root
from petbench_datasets.dataset.derivatives import CT_ENDING, find_derivative, label_names
from petbench_datasets.dataset.inputs import age_of, height_of, input_labels_path, sex_of
from petbench_datasets.dataset.made_from import derived_from, may_be_input
from petbench_datasets.images.grid import resample, resample_ct, resample_labels
from petbench_datasets.images.nifti import read_image, read_labels
from petbench_datasets.images.windows import minutes
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.runs.input_scan import InputScan
    from petbench.scan import Need
    from petbench_datasets.bids.scan import Given
    from petbench_datasets.images.grid import Grid
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True, slots=True)
class GivenInputs:
    """What a user says that goes before what the scan's files say; None for what nobody says.

    Attributes:
        sex: `female`, `male` or `other`.
        height_m: in metres.
        age_years: in years.
        labels: label image of organs, with its `dseg.tsv` beside it.
        ct: CT in HU, registered to the scan.
    """

    sex: str | None = None
    height_m: float | None = None
    age_years: float | None = None
    labels: Path | None = None
    ct: Path | None = None


NO_INPUTS = GivenInputs()


@dataclass(frozen=True, slots=True)
class InputReader:
    """Answers needs for one scan.

    Attributes:
        scan: read.
        path: that it was read from.
        grid: of the model, on which images are wanted.
        scan_given: weight and dose as the user says them.
        given: the rest, likewise.
        trained_labels: the labels that the model was trained with, by their number.
        task: that it was trained for.
    """

    scan: InputScan
    path: Path
    grid: Grid
    scan_given: Given
    given: GivenInputs
    trained_labels: Mapping[int, str]
    task: Task = DEFAULT_TASK

    def read(self, early: Volume, needs: Sequence[Need], method: str) -> Scan:
        """Return the scan on the model's grid, with what the method needs.

        Raises:
            DataError: something that it needs is not said.
        """
        facts: dict[str, Any] = {}
        for need in needs:
            try:
                facts |= getattr(self, f"_{need}")()
            except DataError as error:
                raise DataError(f"{method} needs {need}: {error}") from None
        return Scan(early, **facts)

    def _spacing(self) -> dict[str, Any]:
        return {"spacing_mm": self.grid.spacing_millimetres}

    def _weight(self) -> dict[str, Any]:
        if self.scan.calibration is not None:
            return {"weight_kg": self.scan.calibration.weight_kilograms}
        said = self.scan_given.weight_kilograms or self.scan.person.get("body_weight")
        return {"weight_kg": self._number(said, "the body weight", "--weight KG")}

    def _dose(self) -> dict[str, Any]:
        if self.scan.calibration is not None:
            return {"dose_mbq": self.scan.calibration.injected_bq / 1e6}
        said = self.scan_given.injected_bq
        return {"dose_mbq": self._number(None if said is None else said / 1e6, "the injected activity", "--dose MBQ")}

    def _sex(self) -> dict[str, Any]:
        return sex_of(self._row("sex", self.given.sex, "--sex female|male|other"))

    def _height(self) -> dict[str, Any]:
        return height_of(self._row("height", self.given.height_m, "--height M"))

    def _age(self) -> dict[str, Any]:
        return age_of(self._row("age", self.given.age_years, "--age YEARS"))

    def _times(self) -> dict[str, Any]:
        if any(math.isnan(seconds) for seconds in self.scan.seconds):
            raise DataError(f"{self.path} does not say when after the injection it was measured; add InjectionStart")
        return {"early_minutes": minutes(self.scan.seconds), "delayed_minutes": minutes(self.task.delayed_seconds)}

    def _frames(self) -> dict[str, Any]:
        if not self.scan.frames:
            raise DataError(f"{self.path} has one frame of the early image; give the dynamic one")
        frames = [resample(frame, self.scan.grid, self.grid) for frame in self.scan.frames["frames"]]
        return {**self.scan.frames, "frames": np.stack(frames)}

    def _ct(self) -> dict[str, Any]:
        path = self.given.ct or self._beside("ct")
        volume, own = read_image(self._allowed(path, "a CT registered to it", "--ct FILE"))
        return {"ct": resample_ct(volume, own, self.grid)}

    def _labels(self) -> dict[str, Any]:
        path = self._allowed(self.given.labels or self._beside("labels"), "organ labels", "--labels FILE")
        labels, own = read_labels(path)
        names = label_names(path, find_root(path))
        found = resample_labels(labels, own, self.grid)
        try:
            known = renumbered(found, names, self.trained_labels)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        return {"labels": known, "label_names": dict(self.trained_labels)}

    def _beside(self, which: str) -> Path | None:
        """Return the dataset's own file of a scan that lies in one, where it owes nothing to a delayed image."""
        if not self.path.is_file():
            return None
        root, name = find_root(self.path), self.path.name.partition("_")[0]
        path = input_labels_path(root, name) if which == "labels" else find_derivative(root, name, CT_ENDING)
        return path if path is not None and may_be_input(path, root) else None

    def _allowed(self, path: Path | None, what: str, option: str) -> Path:
        if path is None:
            raise DataError(f"{self.path} comes with no file of {what}; give it with {option}")
        if not path.is_file():
            raise DataError(f"{path}: no such file; correct {option}")
        if "delayed" in derived_from(path, find_root(path)):
            raise DataError(f"{path}: was made from a delayed image, which is what is to be predicted")
        return path

    def _row(self, name: str, given: object, option: str) -> dict[str, str]:
        said = str(given) if given is not None else self.scan.person.get(name, "")
        if not said:
            raise DataError(f"{self.path} does not say it; give it with {option}")
        return {name: said}

    def _number(self, said: object, what: str, option: str) -> float:
        try:
            return float(said)  # type: ignore[arg-type] # None and texts that are no number are refused below
        except (TypeError, ValueError):
            raise DataError(f"{self.path} does not say {what}; give it with {option}") from None
