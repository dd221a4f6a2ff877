"""The simulated FDG datasets: anatomy, kinetics, scanner and reconstruction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_phantom.spec import PROFILES, PhantomSpec

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_datasets.progress import Progress

__all__ = ["PROFILES", "PhantomSpec", "build_phantom"]


def build_phantom(spec: PhantomSpec, folder: Path, progress: Progress) -> None:
    """Build the dataset of `spec` at `folder`, or complete one that was interrupted; safe to call again.

    Raises:
        DataError: the folder cannot be written, or the result is not what the profile's fingerprint promises.
    """
    from petbench_phantom.build import build_phantom as build

    build(spec, folder, progress)
