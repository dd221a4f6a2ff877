"""Writing a dataset anew with the images of each pair on one grid, in the field of view that both measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench_datasets.bids.description import DESCRIPTION_NAME
from petbench_datasets.bids.names import pair_folder, person_of
from petbench_datasets.bids.new_sidecar import resampling_record
from petbench_datasets.bids.participants import COLUMNS_NAME, PARTICIPANTS_NAME, read_participants, sessions_path
from petbench_datasets.bids.scan import image_stem, merged_sidecar
from petbench_datasets.bids.writer import write_scan
from petbench_datasets.dataset.derivatives import (
    BODY_ENDING,
    CT_ENDING,
    EARLY_ORGANS_ENDING,
    FRAME_KEY,
    LESIONS_ENDING,
    ORGANS_ENDING,
    drawn_in,
    find_derivative,
    mask_sidecar,
    names_table,
    sidecar_of_mask,
)
from petbench_datasets.dataset.made_from import DERIVED_KEY, derived_from
from petbench_datasets.dataset.pair_frames import PairFrames, other_place, plan_images
from petbench_datasets.dataset.reader import participant_names, scans_of
from petbench_datasets.dataset.sessions import divide_by_session
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.images import new_folder
from petbench_datasets.files import write_json, write_text
from petbench_datasets.images.field_of_view import Box, common_box, cut, never_measured, share_outside
from petbench_datasets.images.grid import Grid, resample, resample_ct, resample_labels
from petbench_datasets.images.nifti import read_image, read_labels
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.task_file import task_for
from petbench_datasets.tasks.task_writer import write_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Volume
    from petbench_datasets.progress import Progress
    from petbench_datasets.tasks.task import Task

_LEAST_NOTED = 0.0005


@dataclass(frozen=True)
class Placement:
    """How the images of one participant come together.

    Attributes:
        target: the grid that both are wanted on, before it is cut to what both measured.
        moved: by file, where an image really lies, if not where its file says.
        fields: by file, what its sidecar says beside that.
        notes: for people to read.
    """

    target: Grid
    moved: Mapping[Path, Grid] = field(default_factory=dict)
    fields: Mapping[Path, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def grid(self, scan: Scan) -> Grid:
        """Return where an image really lies."""
        return self.moved.get(scan.path, scan.grid)


def write_on_one_grid(
    root: Path,
    folder: Path,
    place: Callable[[PairFrames, Path], Placement],
    doing: str,
    progress: Progress,
    task: Task | None = None,
) -> tuple[str, ...]:
    """Write the dataset at `root` anew to `folder`, each pair on the grid that `place` gives it.

    Args:
        root: the dataset; it stays as it is.
        folder: must not exist.
        place: gets the frames of a pair and the folder that is being written, to which it may add files.
        doing: what the progress says.
        progress: called after each participant.
        task: as for `open_dataset`; the new dataset has it.

    Returns:
        What was cut away or left out, and the notes of the placements, one line each.

    Raises:
        DataError: a participant that cannot be used or whose images share no voxel, or `folder` exists.
    """
    held = task_for(root, task)
    table = read_participants(root)
    names = participant_names(root, table)
    notes: list[str] = []
    with new_folder(folder) as temporary:
        for number, name in enumerate(names):
            progress(doing, number, len(names))
            scans = scans_of(root, name, table, held)
            used: list[Scan] = []
            for pair_name, of_pair in divide_by_session(name, scans, held)[0].items():
                pair = plan_images(pair_name, of_pair, root, held)
                placement = place(pair, temporary)
                if not placement.moved and (doubt := other_place(pair)):
                    notes.append(f"{pair_name}: {doubt}")
                notes += _write_pair(root, temporary, pair, placement)
                used += pair.scans
            notes += [
                f"{name}: {scan.path.name} makes neither window, and is left out" for scan in scans if scan not in used
            ]
        write_task(temporary, held)
        for kept in (PARTICIPANTS_NAME, COLUMNS_NAME, DESCRIPTION_NAME):
            if (root / kept).exists():
                write_text(temporary / kept, (root / kept).read_text(encoding="utf-8-sig"))
    progress(doing, len(names), len(names))
    return tuple(notes)


def _write_pair(root: Path, folder: Path, pair: PairFrames, placement: Placement) -> list[str]:
    images = {scan.path: _used(pair, scan) for scan in pair.scans}
    fields, notes = _fields(pair, images, placement)
    box = common_box(placement.target, fields)
    if box is None:
        raise DataError(
            f"{pair_folder(root, pair.participant)}: its images share no voxel, so that they cannot be one body's; "
            "look at both"
        )
    common, notes = cut(placement.target, box), [*placement.notes, *notes]
    for scan in pair.scans:
        outside = share_outside(images[scan.path], placement.grid(scan), common)
        notes += [f"{pair.participant}: {placed(scan.path.name, outside, common)}"] if outside > _LEAST_NOTED else []
        _write_scan(root, folder, scan, placement, box, outside)
    person = person_of(pair.participant)
    sessions = sessions_path(root, person)
    if sessions.exists():
        write_text(sessions_path(folder, person), sessions.read_text(encoding="utf-8-sig"))
    _write_labels(root, folder, pair, placement, common)
    _write_ct(root, folder, pair, common)
    return notes


def placed(image: str, outside: float, common: Grid) -> str:
    """Say which part of an image's activity the cut to what both images measured took away."""
    return f"{100 * outside:.1f} % of the activity of {image} lies outside what both images measured: cut to {common}"


def _fields(pair: PairFrames, images: Mapping[Path, Volume], placement: Placement) -> tuple[list[Grid], list[str]]:
    """Return what each image measured: its grid, less what another program filled with zeros; and a note of such."""
    fields, notes = [], []
    for scan in pair.scans:
        grid = placement.grid(scan)
        others = [other for other in pair.scans if other is not scan]
        inner = (never_measured(images[scan.path], grid, images[other.path], placement.grid(other)) for other in others)
        found = next((field for field in inner if field is not None), None)
        fields.append(found or grid)
        if found is not None:
            notes.append(f"{pair.participant}: outside of {found}, {scan.path.name} is 0 and taken as not measured")
    return fields, notes


def _used(pair: PairFrames, scan: Scan) -> Volume:
    """Return the sum in SUV of the frames of one file that take part in the pair."""
    total = np.zeros(scan.grid.shape, dtype=np.float32)
    for index in sorted(
        {use.index for window in (pair.early, pair.delayed) for use in window.uses if use.scan is scan}
    ):
        total += scan.suv_frame(index)
    return total


def _write_scan(root: Path, folder: Path, scan: Scan, placement: Placement, box: Box, outside: float) -> None:
    grid, common = placement.grid(scan), cut(placement.target, box)
    content, _ = merged_sidecar(scan.path, root)
    if not scan.grid.matches(common):
        interpolated = not grid.matches(placement.target)
        content["Resampled"] = resampling_record(scan.grid, common, interpolated=interpolated, outside=outside)
    content |= placement.fields.get(scan.path, {})

    def frames() -> Iterator[Volume]:
        for index in range(len(scan.frames)):
            yield np.ascontiguousarray(resample(scan.activity(index), grid, placement.target)[box])

    place = folder / scan.path.relative_to(root).parent
    write_scan(place, image_stem(scan.path), frames(), common, content, dynamic=scan.stored.dynamic)


def _write_labels(root: Path, folder: Path, pair: PairFrames, placement: Placement, common: Grid) -> None:
    for ending in (ORGANS_ENDING, EARLY_ORGANS_ENDING, LESIONS_ENDING, BODY_ENDING):
        source = find_derivative(root, pair.participant, ending)
        if source is not None:
            labels, own = read_labels(source)
            grid, frame = _where_drawn(source, own, pair, placement)
            place = folder / source.relative_to(root)
            write_image(place, resample_labels(labels, grid, common), common, dtype=np.int16)
            content = mask_sidecar(source) | ({FRAME_KEY: frame} if frame and mask_sidecar(source) else {})
            if made_from := derived_from(source, root):
                content[DERIVED_KEY] = sorted(made_from)
            if content:
                write_json(sidecar_of_mask(place), content)
            if ending != BODY_ENDING:
                names = names_table(source, root)
                write_text(folder / names.relative_to(root), names.read_text(encoding="utf-8-sig"))


def _write_ct(root: Path, folder: Path, pair: PairFrames, common: Grid) -> None:
    source = find_derivative(root, pair.participant, CT_ENDING)
    if source is not None:
        place = folder / source.relative_to(root)
        write_image(place, resample_ct(*read_image(source), common), common)
        if made_from := derived_from(source, root):
            write_json(sidecar_of_mask(place), {DERIVED_KEY: sorted(made_from)})


def _where_drawn(source: Path, own: Grid, pair: PairFrames, placement: Placement) -> tuple[Grid, str]:
    """Return where the voxels of a mask really lie, and in which frame of reference they then are.

    Drawn on an image that is moved, they move with it: on that of the frame of reference that the mask's sidecar names,
    or, where it names none, on that whose grid it has.
    """
    frame = drawn_in(source)
    early = {use.scan.path for use in pair.early.uses}
    moved = [scan for scan in pair.scans if scan.path in placement.moved]
    if frame:
        if any(scan.frame_of_reference == frame for scan in pair.scans if scan.path in early):
            return own, frame
        moved = [scan for scan in moved if scan.frame_of_reference == frame]
    elif own.matches(pair.early.grid):
        return own, frame
    for scan in moved:
        way = placement.grid(scan).affine @ np.linalg.inv(scan.grid.affine)
        if frame or scan.grid.matches(own):
            return Grid(own.shape, way @ own.affine), pair.early.uses[0].scan.frame_of_reference
    return own, frame
