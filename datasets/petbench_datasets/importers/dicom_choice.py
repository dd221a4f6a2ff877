"""Which of the PET series that were found are imported: volumes that were measured, and of several the chosen ones."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError, unknown_name
from petbench_datasets.images.predicted import PREDICTED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.importers.dicom_headers import SliceHeader
    from petbench_datasets.importers.dicom_series import Series

_PICTURES = {
    "MIP": "a maximum projection",
    "MPR": "a reformatted copy",
    "REFORMATTED": "a reformatted copy",
    "PROJECTION IMAGE": "a projection",
    "FUSION": "a picture of two images",
    "FUSED": "a picture of two images",
    "SCREEN SAVE": "a picture of a screen",
}


def passed_over(slices: Sequence[SliceHeader]) -> str:
    """Return why a series is no measured volume; empty where it is one."""
    first = slices[0]
    if "REPROJECTION" in first.series_type:
        return "a projection, not a volume"
    if first.derivation.startswith(PREDICTED):
        return "a predicted image, not a measurement"
    pictures = [what for word, what in _PICTURES.items() if word in first.image_type]
    if pictures:
        return f"{pictures[0]} by its ImageType, not a volume"
    if re.search(r"(?i)(?<![a-z])mip(?![a-z])", first.description):
        return "a maximum projection by its SeriesDescription, not a volume"
    if len({header.position for header in slices}) == 1:
        return "one slice, not a volume"
    return ""


def chosen_by_description(series: Sequence[list[SliceHeader]], patterns: Sequence[str], directory: Path) -> list[bool]:
    """Return of each series whether its SeriesDescription fits one of the patterns, as file names do (`*PSF*`).

    Raises:
        DataError: none does.
    """
    if not patterns:
        return [True] * len(series)
    fits = [
        any(fnmatch.fnmatchcase(members[0].description.lower(), pattern.lower()) for pattern in patterns)
        for members in series
    ]
    if not any(fits):
        known = {members[0].description for members in series}
        raise DataError(f"{directory}: {unknown_name('series', patterns[0], known, 'there:')}")
    return fits


def without_rivals(exam: Sequence[Series], reconstruction: str) -> tuple[list[Series], list[tuple[Series, str]]]:
    """Return the series of one examination without those in whose place another is taken, and these with the reason.

    Where a series that was measured has a derived one of the same time beside it, the measured one is taken; of several
    reconstructions of one time the one that is asked for.

    Args:
        exam: of one injection.
        reconstruction: a part of SeriesDescription, ReconstructionMethod or ConvolutionKernel, of which letters and
            digits count; empty for no choice.
    """
    left_out: list[tuple[Series, str]] = []
    original = [one for one in exam if not is_derived(one.first)]
    kept = list(exam)
    for one in exam:
        if is_derived(one.first) and any(_share_time(one, other) for other in original):
            left_out.append((one, "derived from another series that is there"))
            kept.remove(one)
    if reconstruction:
        wanted = [one for one in kept if _fits(one.first, reconstruction)]
        for one in list(kept):
            if one not in wanted and any(_share_time(one, other) for other in wanted):
                left_out.append((one, f"not the reconstruction {reconstruction}"))
                kept.remove(one)
    return kept, left_out


def require_reconstruction(series: Sequence[Series], reconstruction: str, directory: Path) -> None:
    """Raise where no series is of the reconstruction that was asked for.

    Raises:
        DataError: naming those that there are.
    """
    if reconstruction and not any(_fits(one.first, reconstruction) for one in series):
        known = {one.first.description or one.first.reconstruction for one in series}
        raise DataError(f"{directory}: {unknown_name('reconstruction', reconstruction, known, 'there:')}")


def is_derived(header: SliceHeader) -> bool:
    """Return whether a series was made of another one, by ImageType."""
    return header.image_type[:1] == ("DERIVED",)


def _fits(header: SliceHeader, reconstruction: str) -> bool:
    wanted = _letters(reconstruction)
    return any(
        wanted in _letters(text) for text in (header.description, header.reconstruction, header.convolution_kernel)
    )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _share_time(one: Series, other: Series) -> bool:
    return any(
        min(a.stop_seconds, b.stop_seconds) - max(a.start_seconds, b.start_seconds) > 1.0
        for a in one.frames()
        for b in other.frames()
    )
