"""What a dataset knows of a participant beside the early image, of which a method may ask for some.

Nothing here comes from a delayed image. Organ labels and CT are taken only where their sidecar says from which images
they were made (`DerivedFrom`), and the delayed one is not among them: a delayed organ's outline is part of what is to
be predicted. When the delayed image was taken, and of how much tracer, is known before it is.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.bids.names import person_of
from petbench_datasets.bids.participants import body_weight
from petbench_datasets.dataset import derivatives
from petbench_datasets.dataset.made_from import MissingInputError, require_no_delayed
from petbench_datasets.errors import DataError
from petbench_datasets.images.windows import minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from petbench_datasets.dataset.framing import WindowFrames
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.tables import Row

IN_FINGERPRINT = "fingerprint"

_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female", "o": "other", "other": "other"}
_NAMED = 3


def lacking(dataset: Dataset, names: Iterable[str], participants: Iterable[str]) -> dict[str, str]:
    """Return why a dataset has not got inputs for some participants, by the input; nothing where it has all.

    Args:
        dataset: an opened dataset.
        names: of inputs, keys of `INPUTS`.
        participants: who must have them.
    """
    found: dict[str, str] = {}
    people = tuple(dict.fromkeys(participants))
    for name in names:
        known: dict[str, dict[str, Any]] = {}
        reasons: dict[str, str] = {}
        for participant in people:
            try:
                known[participant] = INPUTS[name](dataset, participant)
            except DataError as error:
                reasons[participant] = str(error)
        if reasons:
            more = len(reasons) - _NAMED
            whose = ", ".join(list(reasons)[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            found[name] = f"no {name} of {whose}: {next(iter(reasons.values()))}"
        elif doubt := _DIFFERENCES.get(name, _no_difference)(known):
            found[name] = doubt
    return found


def _spacing(dataset: Dataset, participant: str) -> dict[str, Any]:
    return {"spacing_mm": dataset.grid(participant).spacing_millimetres}


def _weight(dataset: Dataset, participant: str) -> dict[str, Any]:
    scan = _early(dataset, participant).uses[0].scan
    if scan.calibration is not None:
        return {"weight_kg": scan.calibration.weight_kilograms}
    person = person_of(participant)
    found = body_weight(dataset.root, person, scan.session or None, {person: dataset.table[participant]})
    if found is None:
        raise MissingInputError("participants.tsv says no body_weight; add it (kg)")
    return {"weight_kg": found}


def _dose(dataset: Dataset, participant: str) -> dict[str, Any]:
    scan = _early(dataset, participant).uses[0].scan
    if scan.calibration is None:
        raise MissingInputError(f"{scan.path.name} is stored in SUV, and its dose is not read; store it in Bq/mL")
    return {"dose_mbq": scan.calibration.injected_bq / 1e6}


def sex_of(row: Row) -> dict[str, Any]:
    """Return the sex that a row of participants.tsv says.

    Raises:
        MissingInputError: it says none, or no known one.
    """
    text = _cell(row, ("sex", "gender"))
    if text.lower() not in _SEXES:
        raise MissingInputError(f"participants.tsv says sex {text!r}; write male, female or other")
    return {"sex": _SEXES[text.lower()]}


def height_of(row: Row) -> dict[str, Any]:
    """Return the height in metres that a row of participants.tsv says; above 3 it was given in centimetres.

    Raises:
        MissingInputError: it says none, or one that nobody has.
    """
    height = _number(_cell(row, ("height", "body_height", "height_cm", "height_m")), "height")
    metres = height / 100.0 if height > 3.0 else height
    if not 0.2 <= metres <= 2.6:
        raise MissingInputError(f"participants.tsv says height {height:g}; give it in cm or m")
    return {"height_m": metres}


def age_of(row: Row) -> dict[str, Any]:
    """Return the age in years that a row of participants.tsv says.

    Raises:
        MissingInputError: it says none, or no number, such as `89+`.
    """
    years = _number(_cell(row, ("age",)), "age")
    if not 0.0 <= years <= 130.0:
        raise MissingInputError(f"participants.tsv says age {years:g}; give it in years")
    return {"age_years": years}


def _times(dataset: Dataset, participant: str) -> dict[str, Any]:
    plan = dataset.plans[participant]
    return {
        "early_minutes": minutes(plan.early.effective_seconds),
        "delayed_minutes": _delayed_minutes(dataset, plan.delayed),
    }


def _delayed_minutes(dataset: Dataset, window: WindowFrames) -> tuple[float, float]:
    """Return when a delayed image was measured; of a withheld one, when its task has it."""
    return minutes(window.effective_seconds if window.uses else dataset.task.delayed_seconds)


def _frames(dataset: Dataset, participant: str) -> dict[str, Any]:
    return early_frames(_early(dataset, participant))


def early_frames(window: WindowFrames) -> dict[str, Any]:
    """Return what reads the frames of an early image in SUV, shape (t, z, y, x), and when each was measured.

    Raises:
        MissingInputError: it was measured as one frame.
    """
    if len(window.uses) < 2:
        raise MissingInputError("the early image was reconstructed as one frame; add the dynamic one")
    uses = window.uses
    return {
        "frames": lambda: np.stack([use.scan.suv_frame(use.index) for use in uses]),
        "frame_minutes": tuple(minutes((use.frame.start_seconds, use.frame.stop_seconds)) for use in uses),
    }


def _ct(dataset: Dataset, participant: str) -> dict[str, Any]:
    path = derivatives.find_derivative(dataset.root, participant, derivatives.CT_ENDING)
    if path is None:
        raise MissingInputError(f"there is no CT on the grid of the PET (derivatives/*/{participant}/**/*_ct.nii.gz)")
    require_no_delayed(path, dataset.root)
    grid = dataset.grid(participant)
    derivatives.require_same_grid(path, grid)
    return {"ct": lambda: derivatives.read_derivative(path, grid)}


def _labels(dataset: Dataset, participant: str) -> dict[str, Any]:
    path = input_labels_path(dataset.root, participant)
    if path is None:
        raise MissingInputError(f"there are no organ labels (derivatives/*/{participant}/**/*_desc-organs_dseg.nii.gz)")
    require_no_delayed(path, dataset.root)
    grid = dataset.grid(participant)
    derivatives.require_same_grid(path, grid)
    names = derivatives.label_names(path, dataset.root)
    return {"labels": lambda: derivatives.read_derivative_labels(path, grid), "label_names": names}


def input_labels_path(root: Path, participant: str) -> Path | None:
    """Return the organ labels that could be an input: those of the early image, else the one file of organs."""
    endings = (derivatives.EARLY_ORGANS_ENDING, derivatives.ORGANS_ENDING)
    return next((path for ending in endings if (path := derivatives.find_derivative(root, participant, ending))), None)


def input_digest(dataset: Dataset, name: str) -> str:
    """Return the sha256 of an input of all participants; `IN_FINGERPRINT` for what the dataset's fingerprint covers."""
    if name in ("spacing", "weight", "dose", "times", "frames"):
        return IN_FINGERPRINT
    if name in dataset.input_digests:
        return dataset.input_digests[name]
    digest = hashlib.sha256()
    for participant in dataset.participants:
        try:
            facts = INPUTS[name](dataset, participant)
        except DataError:
            facts = {}
        for key, value in sorted(facts.items()):
            said = hashlib.sha256(value().tobytes()).hexdigest() if callable(value) else json.dumps(value)
            digest.update(f"{participant} {key} {said}\n".encode())
    return dataset.input_digests.setdefault(name, digest.hexdigest())


INPUTS: Mapping[str, Callable[[Dataset, str], dict[str, Any]]] = {
    "spacing": _spacing,
    "weight": _weight,
    "dose": _dose,
    "sex": lambda dataset, participant: sex_of(dataset.table[participant]),
    "height": lambda dataset, participant: height_of(dataset.table[participant]),
    "age": lambda dataset, participant: age_of(dataset.table[participant]),
    "times": _times,
    "frames": _frames,
    "ct": _ct,
    "labels": _labels,
}
"""What reads each input of a participant: facts by their name, and images as functions that read them when called."""


def _different_frames(known: Mapping[str, Mapping[str, Any]]) -> str:
    counts = {name: len(facts["frame_minutes"]) for name, facts in known.items()}
    first = next(iter(counts), "")
    other = next((name for name, count in counts.items() if count != counts[first]), None)
    return "" if other is None else f"{first} has {counts[first]} early frames and {other} {counts[other]}"


def _different_labels(known: Mapping[str, Mapping[str, Any]]) -> str:
    meanings: dict[int, tuple[str, str]] = {}
    for name, facts in known.items():
        for number, organ in facts["label_names"].items():
            whose, meant = meanings.setdefault(number, (name, organ))
            if meant != organ:
                return f"label {number} is {meant} in {whose} and {organ} in {name}; number organs alike"
    return ""


def _no_difference(_known: Mapping[str, Mapping[str, Any]]) -> str:
    return ""


_DIFFERENCES = {"frames": _different_frames, "labels": _different_labels}


def _early(dataset: Dataset, participant: str) -> WindowFrames:
    return dataset.plans[participant].early


def _cell(row: Row, columns: tuple[str, ...]) -> str:
    lowered = {key.lower(): value for key, value in row.items()}
    found = next((lowered[column] for column in columns if lowered.get(column)), "")
    if not found:
        raise MissingInputError(f"participants.tsv says no {columns[0]}; add the column")
    return found


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise MissingInputError(f"participants.tsv says {what} {text!r}, which is no number")
    return value
