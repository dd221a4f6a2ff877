"""A simulated participant and dataset as BIDS-PET files."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.bids.description import write_description
from petbench_datasets.bids.new_sidecar import new_sidecar
from petbench_datasets.bids.writer import write_participants, write_scan
from petbench_datasets.dataset.derivatives import EARLY_ORGANS_ENDING, ORGANS_ENDING
from petbench_datasets.dataset.made_from import DERIVED_KEY
from petbench_datasets.files import atomic_folder, write_json
from petbench_datasets.images.decay import HALF_LIFE_SECONDS
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.images.windows import Frame, minutes
from petbench_datasets.tables import write_table
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task_writer import write_task
from petbench_phantom.acquisition import DECAY_PER_SECOND
from petbench_phantom.organs import ORGANS
from petbench_phantom.participant import early_labels
from petbench_phantom.spec import LICENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.progress import Progress
    from petbench_phantom.participant import Images
    from petbench_phantom.population import Participant
    from petbench_phantom.spec import PhantomSpec

_BEFORE: dict[str, Any] = {"balanced_activity": False}
"""Settings that builds of before do not name, and what those were built with."""


def is_complete(folder: Path, name: str) -> bool:
    """Return whether a participant was written: the images are put in place last."""
    return (folder / name).is_dir() and (folder / "derivatives" / "phantom" / name).is_dir()


def write_participant(spec: PhantomSpec, person: Participant, images: Images, folder: Path) -> None:
    """Write one participant's scans and derivatives; a folder is there whole or not at all."""
    grid = Grid.regular(spec.shape, spec.spacing_millimetres)
    # Bq/mL of one SUV at injection; images are kept in whole Bq/mL, far below their noise.
    unit = person.dose_megabecquerel * 1e6 / (person.weight_kilograms * 1e3)

    def activity(suv: NDArray[np.float64]) -> NDArray[np.float32]:
        return np.rint(suv * unit).astype(np.float32)

    stem = f"{person.name}_trc-18FFDG_rec-"
    beside = folder / "derivatives" / "phantom" / person.name
    shutil.rmtree(beside, ignore_errors=True)  # left by a build that ended between the two folders
    with atomic_folder(beside) as temporary:
        pet, anat = temporary / "pet", temporary / "anat"
        extra = {
            "early_desc-truth": (images.early_truth, spec.asks.early_seconds),
            "delayed_desc-truth": (images.delayed_truth, spec.asks.delayed_seconds),
            "delayed_desc-repeat": (images.repeat, spec.asks.delayed_seconds),
        }
        for ending, (volume, window) in extra.items():
            # The derivative has no participants.tsv of its own: the weight makes its images readable by themselves.
            sidecar = _sidecar(spec, person, window) | {"PatientWeight": person.weight_kilograms}
            write_scan(pet, f"{stem}{ending}_pet", [activity(volume)], grid, sidecar)
        write_image(anat / f"{person.name}_desc-organs_dseg.nii.gz", images.labels, grid, dtype=np.int16)
        write_image(anat / early_labels_name(person.name), images.early_labels, grid, dtype=np.int16)
        write_image(anat / f"{person.name}_desc-body_mask.nii.gz", images.body.astype(np.uint8), grid, dtype=np.uint8)
        _write_lesions(anat, person, images, grid)
        write_json(temporary / f"{person.name}_desc-simulation.json", _facts(spec, person, images))
    with atomic_folder(folder / person.name) as temporary:
        for ending, volume in (("early", images.early), ("delayed", images.delayed)):
            window = spec.asks.windows_seconds[ending]
            pet, sidecar = temporary / "pet", _sidecar(spec, person, window)
            write_scan(pet, f"{stem}{ending}_pet", [activity(volume)], grid, sidecar)


def early_labels_name(name: str) -> str:
    """Return the name of the file of a participant's organs at the early frame."""
    return f"{name}_{EARLY_ORGANS_ENDING}.nii.gz"


def write_missing_labels(spec: PhantomSpec, people: Sequence[Participant], folder: Path, progress: Progress) -> None:
    """Write the organs at the early frame where a build of before has not kept them; no scan is simulated again."""
    grid = Grid.regular(spec.shape, spec.spacing_millimetres)
    anat = [folder / "derivatives" / "phantom" / person.name / "anat" for person in people]
    places = [place / early_labels_name(person.name) for place, person in zip(anat, people, strict=True)]
    missing = [(person, place) for person, place in zip(people, places, strict=True) if not place.exists()]
    for number, (person, place) in enumerate(missing, start=1):
        write_image(place, early_labels(spec, person), grid, dtype=np.int16)
        progress(f"drawing the early organs of {spec.name}", number, len(missing))


def write_dataset(spec: PhantomSpec, people: Sequence[Participant], folder: Path) -> None:
    """Write what describes the dataset as a whole."""
    rows = [
        {
            "participant_id": person.name,
            "sex": person.sex,
            "age": person.age_years,
            "height": person.height_centimetres,
            "body_weight": person.weight_kilograms,
        }
        for person in people
    ]
    derivative = folder / "derivatives" / "phantom"
    labels = [{"index": organ.label, "name": organ.name} for organ in ORGANS]
    for ending, frame in ((ORGANS_ENDING, "delayed"), (EARLY_ORGANS_ENDING, "early")):
        write_table(derivative / f"{ending}.tsv", ["index", "name"], labels)
        write_json(derivative / f"{ending}.json", {DERIVED_KEY: [frame]})
    about: dict[str, Any] = {"licence": LICENCE, "generated_by": "simulated FDG PET"}
    write_description(derivative, f"{spec.name}: labels and truth", kind="derivative", **about)
    write_participants(folder, rows)
    write_task(folder, spec.asks)
    write_description(folder, spec.name, **about, sampling=spec.sampling)


def _sidecar(spec: PhantomSpec, person: Participant, window: tuple[float, float]) -> dict[str, Any]:
    """Return the sidecar of one image, with what only a simulation knows of its scan."""
    start, stop = window
    length = stop - start
    spent = DECAY_PER_SECOND * length
    correction = float(np.round(spent / (1 - np.exp(-spent)) * np.exp(DECAY_PER_SECOND * start), 6))
    return new_sidecar(
        [Frame(start, length)],
        tracer="FDG",
        radionuclide="F18",
        half_life_seconds=HALF_LIFE_SECONDS["F18"],
        is_suv=False,
        dose_megabecquerel=person.dose_megabecquerel,
        time_zero="10:00:00",
        more={
            "Manufacturer": "petbench",
            "ManufacturersModelName": f"simulator, {spec.acquisition}",
            "Modality": "PT",
            "BodyPart": "total body",
            "AcquisitionMode": "list mode" if spec.acquisition == "simultaneous" else "step and shoot",
            "DecayCorrectionFactor": [correction],
            "ScatterFraction": [spec.scatter_fraction],
            "ReconMethodName": "3D-OSEM" if spec.reconstruction == "3d" else "2D-OSEM of rebinned data",
            "ReconMethodParameterLabels": ["iterations", "subsets"],
            "ReconMethodParameterUnits": ["none", "none"],
            "ReconMethodParameterValues": [spec.iterations, spec.subsets],
            "ReconFilterType": "Gaussian",
            "ReconFilterSize": spec.filter_millimetres,
            "AttenuationCorrection": "simulated map of 511 keV, known exactly",
        },
    )


def _facts(spec: PhantomSpec, person: Participant, images: Images) -> dict[str, Any]:
    """Return what was chosen at random for a participant, for the curious."""
    return {
        "urine_millilitres": list(person.bladder_millilitres),
        "organ_scales": dict(person.organ_scales),
        "true_coincidences": list(images.trues),
        "suv_by_organ": {
            name: [curve.mean(*minutes(window)) for window in spec.asks.windows_seconds.values()]
            for name, curve in person.curves.items()
        },
    }


def write_settings(spec: PhantomSpec, folder: Path) -> None:
    """Keep the settings of a build beside what it builds."""
    write_json(settings_path(folder), settings(spec))


def settings_path(folder: Path) -> Path:
    """Return where the settings of a build are kept."""
    return folder / "derivatives" / "phantom" / "settings.json"


def other_settings(spec: PhantomSpec, folder: Path) -> list[str]:
    """Return in words which settings of the build in `folder` are not those of `spec`."""
    found = _BEFORE | json.loads(settings_path(folder).read_text(encoding="utf-8"))
    wanted = settings(spec)
    names = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    return [f"{name} is {json.dumps(found.get(name))}, not {json.dumps(wanted.get(name))}" for name in names]


def settings(spec: PhantomSpec) -> dict[str, Any]:
    """Return the settings that decide the voxels, as JSON gives them back."""
    content = dataclasses.asdict(spec)
    if spec.task == DEFAULT_TASK.name:  # builds of before name none, and are the same
        del content["task"]
    for name in ("fingerprint", "summary", "family", "holdout", "folds", "track"):
        del content[name]
    return dict(json.loads(json.dumps(content)))


def _write_lesions(anat: Path, person: Participant, images: Images, grid: Grid) -> None:
    if images.lesions is None:
        return
    write_image(anat / f"{person.name}_desc-lesions_dseg.nii.gz", images.lesions.labels, grid, dtype=np.int16)
    write_table(anat / f"{person.name}_desc-lesions_dseg.tsv", images.lesions.columns, images.lesions.rows)
