"""Choosing among images that were reconstructed from the same measurement, by the label of BIDS's entity `rec-`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.bids.scan import Scan

_CORRECTED = re.compile(r"^ac(dyn|stat)(.*)$", re.IGNORECASE)  # the labels that BIDS gives for PET


def of_reconstruction(scans: Sequence[Scan], label: str) -> list[Scan]:
    """Return the scans without those that another reconstruction than `label` made of a measurement.

    A scan that was reconstructed once is kept, whatever it is called; with an empty label all are.
    """
    if not label:
        return list(scans)
    wanted = [scan for scan in scans if _is(scan, label)]
    return [scan for scan in scans if scan in wanted or not any(_share_time(scan, other) for other in wanted)]


def require_reconstruction(by_participant: Mapping[str, Iterable[Scan]], label: str, root: Path) -> None:
    """Raise where no image of a dataset has the label that was asked for.

    Raises:
        DataError: naming those that there are.
    """
    scans = [scan for found in by_participant.values() for scan in found]
    if label and not any(_is(scan, label) for scan in scans):
        known = {scan.reconstruction for scan in scans if scan.reconstruction}
        raise DataError(f"{root}: {unknown_name('reconstruction (rec-)', label, known, 'it has')}")


def static_of(scans: Sequence[Scan]) -> Scan | None:
    """Return the static one of scans that BIDS's labels call one measurement, `acdyn` and `acstat`; else None."""
    labels = [_CORRECTED.match(scan.reconstruction) for scan in scans]
    kinds = [label[1].lower() for label in labels if label is not None]
    rest = {label[2].lower() for label in labels if label is not None}
    if len(kinds) != len(scans) or len(rest) != 1 or kinds.count("stat") != 1:
        return None
    return scans[kinds.index("stat")]


def how_to_choose(scans: Sequence[Scan]) -> str:
    """Say how one of several scans can be chosen: by label, where they have different ones."""
    labels = sorted({scan.reconstruction for scan in scans if scan.reconstruction})
    described = sorted({scan.description for scan in scans if scan.description})
    if len(labels) > 1:
        return f"choose one (--reconstruction {' or '.join(labels)}), or keep one of them"
    if len(described) > 1:
        return f"keep one of them: they are {' and '.join(repr(text) for text in described)}"
    return "keep one of them"


def _is(scan: Scan, label: str) -> bool:
    return scan.reconstruction.lower() == label.removeprefix("rec-").lower()


def _share_time(one: Scan, other: Scan) -> bool:
    return one.session == other.session and any(
        min(a.stop_seconds, b.stop_seconds) - max(a.start_seconds, b.start_seconds) > 1.0
        for a in one.frames
        for b in other.frames
    )
