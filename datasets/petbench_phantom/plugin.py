"""The simulated datasets, registered as any other plugin's are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pluggy

from petbench_datasets.specs import TASK_OPTION, DatasetSpec, Validation
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_phantom.spec import LICENCE, PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress

hookimpl = pluggy.HookimplMarker("petbench")


@hookimpl
def petbench_datasets() -> Iterable[DatasetSpec]:
    """Register the simulated datasets."""
    return [
        DatasetSpec(
            name=profile.name,
            summary=profile.summary,
            build=partial(_build, profile.name),
            licence=LICENCE,
            citation="simulated by petbench; organ statistics after the hedyPET dataset, doi 10.57967/hf/9560",
            family=profile.family,
            options={
                "acquisition": profile.acquisition,
                "reconstruction": profile.reconstruction,
                TASK_OPTION: profile.task,
            },
            validate=_validate if profile.asks == DEFAULT_TASK else None,  # people were measured in its windows alone
            track=profile.track,
        )
        for profile in PROFILES.values()
    ]


def _build(name: str, folder: Path, progress: Progress) -> None:
    """Simulate one dataset; the simulator is imported only now."""
    from petbench_phantom.build import build_phantom

    build_phantom(PROFILES[name], folder, progress)


def _validate(dataset: Dataset, progress: Progress) -> Validation:
    """Compare a simulated dataset with people."""
    from petbench_phantom.validation_report import validation_report

    return validation_report(dataset, progress)
