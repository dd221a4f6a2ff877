"""Whether all slices of a DICOM PET series have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.importers.dicom_headers import SliceHeader


def require_all_slices(
    slices: Sequence[SliceHeader], order: Sequence[Sequence[int]], subject: str, unreadable: Sequence[Path] = ()
) -> list[str]:
    """Weigh NumberOfSlices against the slices that are there; return notes.

    Fewer slices than it says are a transfer that was cut short, whatever else agrees, for a series that ends early is
    whole in every other respect. More can be right: some scanners count the slices of one bed; then ImageIndex counts
    them all. Nothing else shows a series to be whole: one that lost its first or last slice is evenly spaced, and its
    instance numbers follow each other.

    Args:
        slices: of the series.
        order: one list of their indices a frame.
        subject: how messages name it.
        unreadable: files that may have been slices of it.

    Raises:
        DataError: slices are missing, or may be, or there are more than anything says.
    """
    found = len(order[0])
    stated = {int(header.number_of_slices) for header in slices if header.number_of_slices is not None}
    if not stated and unreadable:
        others = f" and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
        raise DataError(
            f"{subject}: {unreadable[0].name}{others} cannot be read and NumberOfSlices (0054,0081) is missing: "
            "whether a slice is lost cannot be told; copy the series again, or move the file away if it is none of it"
        )
    if not stated:
        return ["NumberOfSlices (0054,0081) is missing: whether slices are missing cannot be told"]
    if max(stated) == found:
        return []
    said = f"NumberOfSlices (0054,0081) is {' or '.join(map(str, sorted(stated)))}, but slices lie at {found} places"
    indices = [int(header.image_index) for header in slices if header.image_index is not None]
    if max(stated) < found and indices and max(indices) == len(slices):
        return [f"{said}: ImageIndex (0054,1330) counts {len(slices)}, so it is that of one bed"]
    raise DataError(f"{subject}: {said}; copy or export the series again, with all its files")
