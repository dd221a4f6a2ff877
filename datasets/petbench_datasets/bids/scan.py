"""One PET image of a BIDS folder with its sidecar and its participant: a scan."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.evidence import decay_reference, injection_start, require_usable, unsaid, weight_of
from petbench_datasets.bids.names import reconstruction_of_image, session_of_image
from petbench_datasets.bids.participants import read_participants
from petbench_datasets.bids.sidecar import Sidecar, parse_sidecar, read_json
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.rules import OtherKindError
from petbench_datasets.evidence.witnesses import Finding, finding_of_record
from petbench_datasets.images.decay import HALF_LIFE_SECONDS, nuclide
from petbench_datasets.images.nifti import StoredImage
from petbench_datasets.images.predicted import PREDICTED_FIELD
from petbench_datasets.images.suv import Calibration
from petbench_datasets.images.windows import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.tables import Row
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True)
class Given:
    """What somebody says of a scan that goes before what its files say; None for what nobody says."""

    weight_kilograms: float | None = None
    injected_bq: float | None = None


NOTHING_GIVEN = Given()


@dataclass(frozen=True)
class Scan:
    """One acquisition of one participant, its voxels still on disk.

    Attributes:
        path: the image.
        frames: when each was measured.
        calibration: what turns the stored values into SUV; None when they are SUV already.
        radionuclide: as `F18`; empty when not said.
        repairs: what was repaired in the sidecar, and what contradicts what is used, for people to read.
        unsaid: what BIDS requires a sidecar to say, and this one does not, for people to read.
        findings: what its numbers rest on.
        sources: what they rested on in the files that it was imported from.
        injection_clock_seconds: the injection in seconds after midnight; None where the sidecar does not say it.
        frame_of_reference: coordinates of images with one such name can be compared; empty when not said.
        person: a hash that tells people apart; empty when not said.
        injection_day: a hash of the day of the injection; empty when not said.
        description: what the scanner called the series; empty when not said.
    """

    path: Path
    frames: tuple[Frame, ...]
    calibration: Calibration | None
    radionuclide: str
    repairs: tuple[str, ...]
    unsaid: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    sources: tuple[Finding, ...] = ()
    injection_clock_seconds: float | None = None
    frame_of_reference: str = ""
    person: str = ""
    injection_day: str = ""
    description: str = ""

    @property
    def session(self) -> str:
        """The session that the image is of, such as `ses-2`; empty where its name says none."""
        return session_of_image(self.path)

    @property
    def reconstruction(self) -> str:
        """The label of the reconstruction, such as `acstatPSF`; empty where its name says none."""
        return reconstruction_of_image(self.path)

    @functools.cached_property
    def stored(self) -> StoredImage:
        """The image file, opened on first use and checked against the frame times."""
        stored = StoredImage(self.path)
        if stored.frame_count != len(self.frames):
            raise DataError(
                f"{self.path}: {stored.frame_count} frames in the image but {len(self.frames)} FrameTimesStart in "
                "its sidecar; give every frame its time"
            )
        return stored

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return self.stored.grid

    def activity(self, frame: int) -> Volume:
        """Return one frame as stored, float32, shape (z, y, x).

        Raises:
            DataError: a damaged file, or a voxel that is not a finite number.
        """
        volume = self.stored.frame(frame)
        bad = int(np.count_nonzero(~np.isfinite(volume)))
        if bad:
            where = f" of frame {frame}" if self.stored.dynamic else ""
            raise DataError(
                f"{self.path}: {bad} voxels{where} are NaN or infinite; reconstruct or export the image again"
            )
        return volume

    def suv_per_unit(self, frame: int) -> float:
        """Return the SUV of one stored unit in frame `frame`."""
        return 1.0 if self.calibration is None else self.calibration.suv_per_unit(self.frames[frame])

    def suv_frame(self, frame: int) -> Volume:
        """Return one frame in SUV, float32, shape (z, y, x)."""
        return (self.activity(frame) * self.suv_per_unit(frame)).astype(np.float32, copy=False)

    def suv(self) -> Volume:
        """Return the image in SUV: shape (z, y, x), or (t, z, y, x) for a dynamic one."""
        frames = [self.suv_frame(index) for index in range(len(self.frames))]
        return np.stack(frames) if self.stored.dynamic else frames[0]


def read_scan(image_path: Path, given: Given = NOTHING_GIVEN, task: Task | None = None) -> Scan:
    """Describe a BIDS-PET image from its sidecars and the participants.tsv above it; reads no voxel yet.

    Args:
        image_path: the image.
        given: goes before what the files say.
        task: whose tracer it must be of; None where any will do.

    Raises:
        DataError: a file that is missing, or a field without which SUV cannot be computed.
    """
    if not image_path.exists():
        raise DataError(f"{image_path}: no such file; restore it or correct the path")
    root = find_root(image_path)
    people = read_participants(root) if (root / "participants.tsv").exists() else {}
    return scan_of(image_path, root, people, task, given)


def scan_of(
    image_path: Path, root: Path, participants: dict[str, Row], task: Task | None, given: Given = NOTHING_GIVEN
) -> Scan:
    """Do as `read_scan` with the participants.tsv already read."""
    content, path = merged_sidecar(image_path, root)
    if content.get(PREDICTED_FIELD):
        raise DataError(f"{image_path}: is a predicted image, not a measurement; take it out of the dataset")
    if given.injected_bq is not None:
        content |= {"InjectedRadioactivity": given.injected_bq / 1e6, "InjectedRadioactivityUnits": "MBq"}
        content.pop("RadionuclideTotalDose", None)
    sidecar = parse_sidecar(content, path)
    require_usable(sidecar, image_path, path, task)
    relative, frame_repairs = sidecar.frames(path)
    repairs = [*sidecar.repairs, *frame_repairs]
    unit = sidecar.bq_per_ml(path)
    findings: list[Finding] = []
    clock = None
    if unit is None and sidecar.InjectionStart is None:
        injection = math.nan  # SUV needs no time; such a scan can be looked at, but lies in neither window
    else:
        started, clock = injection_start(sidecar, path)
        injection = started.value
        findings.append(started)
    frames = tuple(Frame(start - injection, duration) for start, duration in relative)
    calibration = None
    if unit is not None:
        dose, dose_repairs = sidecar.injected_bq(path)
        repairs += dose_repairs
        weight = _given_weight(given) or weight_of(image_path, root, participants, sidecar, path)
        half_life = _half_life(sidecar, path)
        reference = decay_reference(sidecar, relative[0], half_life, path)
        findings += [dose, weight, *([] if reference is None else [reference])]
        after_injection = None if reference is None else reference.value - injection
        calibration = Calibration(dose.value, weight.value, half_life, after_injection, unit)
    return Scan(
        path=image_path,
        frames=frames,
        calibration=calibration,
        radionuclide=nuclide(sidecar.TracerRadionuclide or ""),
        repairs=(*repairs, *(finding.note for finding in findings if finding.note)),
        unsaid=unsaid(sidecar),
        findings=tuple(findings),
        sources=tuple(finding_of_record(record) for record in sidecar.SourceWitnesses),
        injection_clock_seconds=clock,
        frame_of_reference=sidecar.frame_of_reference(),
        person=sidecar.SourcePatient or "",
        injection_day=sidecar.SourceInjectionDay or "",
        description=sidecar.SeriesDescription or "",
    )


def usable_scans(
    images: Sequence[Path], root: Path, participants: dict[str, Row], task: Task
) -> tuple[list[Scan], list[OtherKindError]]:
    """Describe a participant's images; those of another kind, such as not attenuation-corrected ones, are passed over.

    Returns:
        The scans, and why others were passed over.

    Raises:
        DataError: a scan that cannot be used as it is, or none of this kind.
    """
    scans: list[Scan] = []
    passed_over: list[OtherKindError] = []
    for path in images:
        try:
            scans.append(scan_of(path, root, participants, task))
        except OtherKindError as error:
            passed_over.append(error)
    if passed_over and not scans:
        raise passed_over[0]
    return scans, passed_over


def find_root(image_path: Path) -> Path:
    """Return the nearest folder above that is a BIDS folder, else the one that holds the image."""
    for folder in image_path.absolute().parents:
        if (folder / "participants.tsv").exists() or (folder / "dataset_description.json").exists():
            return folder
    return image_path.absolute().parent


def pet_images(root: Path, participant: str) -> tuple[Path, ...]:
    """Return the PET images of one participant, in every session."""
    folder = root / participant
    found = [*folder.glob("pet/*_pet.nii*"), *folder.glob("ses-*/pet/*_pet.nii*")]
    return tuple(sorted(path for path in found if not path.name.startswith(".")))


def image_stem(path: Path) -> str:
    """Return an image's name without .nii or .nii.gz."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def sidecars_of(image_path: Path, root: Path) -> list[Path]:
    """Return the JSON files that apply to an image, the nearest last (BIDS's inheritance principle)."""
    *entities, suffix = image_stem(image_path).split("_")
    image_path, root = image_path.absolute(), root.absolute()
    folders = [folder for folder in reversed(image_path.parents) if folder == root or root in folder.parents]
    applying: list[tuple[int, int, Path]] = []
    for depth, folder in enumerate(folders):
        for candidate in folder.glob("*.json"):
            *others, other_suffix = candidate.stem.split("_")
            if other_suffix == suffix and set(others) <= set(entities):
                applying.append((depth, len(others), candidate))
    return [candidate for _, _, candidate in sorted(applying)]


def merged_sidecar(image_path: Path, root: Path) -> tuple[dict[str, Any], Path]:
    """Merge the JSON files that apply to an image: nearer ones win."""
    own = image_path.with_name(f"{image_stem(image_path)}.json")
    applying = sidecars_of(image_path, root)
    if not applying:
        raise DataError(f"{own}: no such file; every PET image needs its JSON sidecar")
    merged: dict[str, Any] = {}
    for candidate in applying:
        merged |= read_json(candidate)
    return merged, own if own.exists() else applying[-1]


def _given_weight(given: Given) -> Finding | None:
    if given.weight_kilograms is None:
        return None
    shown = f"{given.weight_kilograms:g} kg"
    return Finding("the weight", given.weight_kilograms, shown, (f"given with the scan {shown}",))


def _half_life(sidecar: Sidecar, path: Path) -> float:
    name = nuclide(sidecar.needed("TracerRadionuclide", path))
    given = sidecar.RadionuclideHalfLife
    if given is not None and given > 0:
        known = HALF_LIFE_SECONDS.get(name, given)
        if abs(given / known - 1.0) > 0.02:
            raise DataError(f"{path}: RadionuclideHalfLife {given:g} s is not that of {name}; correct one of them")
        return given
    if name not in HALF_LIFE_SECONDS:
        known_names = ", ".join(HALF_LIFE_SECONDS)
        raise DataError(f"{path}: TracerRadionuclide {name!r} is unknown (known: {known_names}); correct it")
    return HALF_LIFE_SECONDS[name]
