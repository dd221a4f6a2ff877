"""The tasks of cohorts whose tracer no built-in task asks for: they check that other tracers are read right."""

from __future__ import annotations

import dataclasses

from petbench_datasets.tasks.built_in import DEFAULT_TASK

_SOURCE = (
    f"the windows of {DEFAULT_TASK.name}, a choice of petbench: nobody is known to have asked this of {{}}, and the "
    "cohort is there to check that another tracer is read right"
)

FLT = dataclasses.replace(
    DEFAULT_TASK,
    name="flt-7-21-to-42-63",
    summary="FLT 42-63 min after the injection from 7-21 min",
    tracer="FLT",
    spellings=("flt", "fluorothymidine", "fluorodeoxythymidine", "alovudine"),
    source=_SOURCE.format("FLT"),
    of_file=True,
)

NAF = dataclasses.replace(
    DEFAULT_TASK,
    name="naf-7-21-to-42-63",
    summary="F-18 NaF 42-63 min after the injection from 7-21 min",
    tracer="NaF",
    spellings=("naf", "sodiumfluoride", "fluoride"),
    source=_SOURCE.format("NaF"),
    of_file=True,
)
