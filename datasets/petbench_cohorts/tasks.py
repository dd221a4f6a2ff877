"""The tasks of cohorts whose tracer no built-in task asks for: they check that other tracers are read right."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from petbench_datasets.images.windows import in_words
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from petbench_datasets.tasks.task import Task


def _in_the_default_windows(tracer: str, *spellings: str) -> Task:
    """Return the default task of another tracer of the same nuclide."""
    early, delayed = map(in_words, DEFAULT_TASK.windows_seconds.values())
    return dataclasses.replace(
        DEFAULT_TASK,
        name=DEFAULT_TASK.name.replace(DEFAULT_TASK.tracer.lower(), tracer.lower()),
        summary=f"{tracer}, {delayed} after the injection from {early}",
        tracer=tracer,
        spellings=(tracer.lower(), *spellings),
        source=f"the windows of {DEFAULT_TASK.name}, a choice of petbench: nobody is known to have asked this of "
        f"{tracer}, and the cohort is there to check that another tracer is read right",
        of_file=True,
    )


FLT = _in_the_default_windows("FLT", "fluorothymidine", "fluorodeoxythymidine", "alovudine")
NAF = _in_the_default_windows("NaF", "sodiumfluoride", "fluoride")
