"""Which scan a drawn object belongs to, which of its structures are lesions, and what they make together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.new_sidecar import frame_of_reference_name
from petbench_datasets.errors import DataError
from petbench_datasets.importers.lesion_objects import LESION, OTHER, DrawnObject, Structure
from petbench_datasets.importers.lesion_voxels import DrawnVoxels, drawn_voxels, subject_of
from petbench_datasets.importers.new_lesions import NewLesions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from petbench_datasets.importers.dataset import NewImage
    from petbench_datasets.importers.dicom_series import Series

_SAY_SO = "RTROIInterpretedType GTV, or a segment's category Morphologically Abnormal Structure"


@dataclass
class FoundLesions:
    """What was made of drawn objects.

    Attributes:
        lesions: of each pair.
        refused: objects that belong to a scan but cannot be used: (what, why).
        skipped: objects and structures that were passed over: (what, why).
    """

    lesions: list[NewLesions] = field(default_factory=list)
    refused: list[tuple[str, DataError]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def lesions_of(drawn: Sequence[DrawnObject], scans: Sequence[tuple[Series, NewImage]], *, named: bool) -> FoundLesions:
    """Return the lesions that objects hold, by the pair they were drawn on.

    Args:
        drawn: the objects.
        scans: each image that is imported, and the series that it is of.
        named: whether somebody named these objects as lesions. Then every structure is one that does not say it is
            something else, and an object that fits no scan is refused. Objects that were only found hold lesions where
            they say so.
    """
    found = FoundLesions()
    by_pair: dict[tuple[str, str], list[tuple[DrawnObject, Sequence[Structure], NewImage, str]]] = defaultdict(list)
    for one in _once(drawn):
        chosen = [each for each in one.structures if each.says == LESION or (named and each.says != OTHER)]
        home, belongs, problem = _placed(one, chosen, scans)
        if home is None or problem is not None:
            assert problem is not None
            if named or (chosen and belongs):
                found.refused.append((str(one.path), problem))
            else:
                found.skipped.append((str(one.path), str(problem).partition(": ")[2]))
            continue
        series, image = home
        left = [each for each in one.structures if each not in chosen]
        found.skipped += [(subject_of(one, each), f"no lesion, {_kind(each)}") for each in left]
        by_pair[image.participant, image.session].append((one, chosen, image, series.first.frame_of_reference))
    for members in by_pair.values():
        try:
            found.lesions.append(_together(members))
        except DataError as error:
            found.refused.append((str(members[0][0].path), error))
    return found


def _placed(
    one: DrawnObject, chosen: Sequence[Structure], scans: Sequence[tuple[Series, NewImage]]
) -> tuple[tuple[Series, NewImage] | None, bool, DataError | None]:
    """Return the scan that an object was drawn on, whether it is of any at all, and why it cannot be used."""
    try:
        home = _home(one, scans)
    except DataError as error:
        return None, True, error
    if home is None:
        problem = (
            f"{one.path}: refers to no series that is imported, and its FrameOfReferenceUID, {one.frame_of_reference}, "
            "is that of none; import the scan that it was drawn on"
        )
        return None, False, DataError(problem)
    return home, True, None if chosen else DataError(f"{one.path}: holds no lesion: {_said(one)}")


def _once(drawn: Sequence[DrawnObject]) -> list[DrawnObject]:
    """Leave out copies of one object."""
    kept: dict[tuple[str, str], DrawnObject] = {}
    for one in drawn:
        kept.setdefault((one.instance or str(one.path), one.frame_of_reference), one)
    return list(kept.values())


def _home(one: DrawnObject, scans: Sequence[tuple[Series, NewImage]]) -> tuple[Series, NewImage] | None:
    """Return the scan that an object was drawn on: that it refers to, or the first in its frame of reference.

    Raises:
        DataError: another person's, in another frame of reference than it says, or one of several sessions.
    """
    in_time = sorted(scans, key=lambda scan: min(scan[0].timing.starts))
    referred = [scan for scan in in_time if scan[0].first.series in one.series]
    alike = [scan for scan in in_time if scan[0].first.frame_of_reference == one.frame_of_reference]
    candidates = referred or alike
    # Anonymisers have given one UID to everybody: of scans of several people, those of the object's own are meant.
    candidates = [scan for scan in candidates if scan[0].first.patient_id == one.patient_id] or candidates
    for series, _ in candidates:
        first = series.first
        if first.frame_of_reference and first.frame_of_reference != one.frame_of_reference:
            raise DataError(
                f"{one.path}: lies in FrameOfReferenceUID {one.frame_of_reference}, but the series that it refers to, "
                f"{series.subject}, in {first.frame_of_reference}; export it with the scan that it was drawn on"
            )
        if one.patient_id and first.patient_id and one.patient_id != first.patient_id:
            raise DataError(
                f"{one.path}: PatientID is {one.patient_id!r}, but {first.patient_id!r} in {series.subject}, on which "
                "it was drawn; leave it out, or correct PatientID"
            )
    sessions = {(image.participant, image.session) for _, image in candidates}
    if len(sessions) > 1:
        raise DataError(
            f"{one.path}: was drawn on one of {len(sessions)} examinations in one frame of reference, and names no "
            "series of any; export it with the scan that it was drawn on"
        )
    return candidates[0] if candidates else None


def _together(members: Sequence[tuple[DrawnObject, Sequence[Structure], NewImage, str]]) -> NewLesions:
    """Return the lesions of all objects of one pair.

    Raises:
        DataError: drawn on two images, a structure that cannot be used, or two that overlap.
    """
    first, _, image, frame = members[0]
    for other, _, its_image, its_frame in members[1:]:
        if its_frame != frame or not its_image.grid.matches(image.grid):
            raise DataError(
                f"{first.path} and {other.path}: drawn on two images of one pair, {image.stem} and {its_image.stem}; "
                "keep the lesions of one, or name its file (--lesions)"
            )
    taken = np.zeros(image.grid.shape, dtype=np.int32)
    made: list[tuple[DrawnObject, DrawnVoxels, NDArray[np.int64]]] = []
    for one, structures, _, _ in members:
        for voxels in drawn_voxels(one, structures, image.grid):
            _require_apart(one, voxels, taken, made)
            free = voxels.inside & (taken == 0)  # a voxel on a line that two share is the first's
            if not free.any():
                raise DataError(f"{subject_of(one, voxels.structure)}: has no voxel to itself; keep one of the two")
            made.append((one, voxels, np.flatnonzero(free)))
            taken[free] = len(made)
    return NewLesions(
        image.participant,
        image.session,
        drawn_on=image.place(Path()).as_posix(),
        frame_of_reference=frame_of_reference_name(frame),
        grid=image.grid,
        names=[voxels.structure.name for _, voxels, _ in made],
        kinds=[one.kind for one, _, _ in made],
        voxels=[indices for _, _, indices in made],
        sources=[one.path for one, _, _, _ in members],
        notes=[f"{voxels.structure.name}: {note}" for _, voxels, _ in made for note in voxels.notes],
    )


def _require_apart(
    one: DrawnObject,
    voxels: DrawnVoxels,
    taken: NDArray[np.int32],
    made: Sequence[tuple[DrawnObject, DrawnVoxels, NDArray[np.int64]]],
) -> None:
    """Raise where a structure overlaps another: a voxel that only a line of either runs through is no overlap."""
    for number in np.unique(taken[voxels.inside & (taken > 0)]).tolist():
        other, its, _ = made[number - 1]
        shared = int((voxels.inside & its.inside & ~voxels.line & ~its.line).sum())
        if shared:
            raise DataError(
                f"{subject_of(one, voxels.structure)} overlaps {subject_of(other, its.structure)} in {shared} voxels "
                "of the image; a voxel is of one lesion: keep one of the two, or draw them apart"
            )


def _said(one: DrawnObject) -> str:
    listed = ", ".join(f"{each.name} ({_kind(each)})" for each in one.structures[:4])
    more = ", ..." if len(one.structures) > 4 else ""
    return f"it has {listed}{more}; lesions say so ({_SAY_SO}), or their file is named with --lesions"


def _kind(structure: Structure) -> str:
    return f"it says {structure.kind}" if structure.kind else "it does not say what it is"
