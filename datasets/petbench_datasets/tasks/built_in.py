"""The tasks that come with petbench. This is the one place of their windows, the paper's among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.tasks.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping

_FDG = ("fdg", "deoxyglucose", "deoxydglucose", "fluorodglucose", "fluoroglucose", "fludeoxy")

DEFAULT_TASK = Task(
    name="fdg-7-21-to-42-63",
    version=1,
    summary="FDG 42-63 min after the injection from 7-21 min: the task of the paper",
    tracer="FDG",
    spellings=_FDG,
    radionuclide="F18",
    early_seconds=(420.0, 1260.0),
    delayed_seconds=(2520.0, 3780.0),
    source="Kim et al., Diagnostics 2023;13:3045, doi 10.3390/diagnostics13193045; how much of a window must be there "
    "is a choice of petbench",
)

_FROM_60_TO_120 = Task(
    name="fdg-60-to-120",
    version=1,
    summary="dual-time-point FDG: the image of two hours from that of one, for retention indices",
    tracer="FDG",
    spellings=_FDG,
    radionuclide="F18",
    early_seconds=(3600.0, 4500.0),
    delayed_seconds=(7200.0, 8100.0),
    least_coverage=0.5,
    source="Farghaly et al., Indian J Nucl Med 2015;30:314, doi 10.4103/0972-3919.159693: whole body 60 min (45-76), "
    "delayed 120 min (108-153) after the injection; windows of 15 min, of which half must be there, are a choice of "
    "petbench",
)

_FROM_THE_FIRST_MINUTES = Task(
    name="fdg-0-10-to-50-60",
    version=1,
    summary="FDG at the end of an hour from its first ten minutes: perfusion and blood pool predict the uptake",
    tracer="FDG",
    spellings=_FDG,
    radionuclide="F18",
    early_seconds=(0.0, 600.0),
    delayed_seconds=(3000.0, 3600.0),
    source="the two ends of a 60-min dynamic scan, as in the dual-time-window protocol, EJNMMI Phys 2022;9:63, doi "
    "10.1186/s40658-022-00492-w; ten minutes of each are a choice of petbench",
)

_COPPER = Task(
    name="cu64-1h-to-24h",
    version=1,
    summary="Cu-64 DOTATATE of the next day from the image of the first hour",
    tracer="DOTATATE",
    spellings=("dotatate", "detectnet"),
    radionuclide="Cu64",
    early_seconds=(2700.0, 5400.0),
    delayed_seconds=(82_800.0, 90_000.0),
    least_coverage=0.05,
    source="Pfeifer et al., J Nucl Med 2012;53:1207, doi 10.2967/jnumed.111.101469: PET 1, 3 and 24 h after the "
    "injection; 45-90 min as the US label of Detectnet says for the first scan; 23-25 h, and that a twentieth of a "
    "window is enough, since nobody scans for hours, are a choice of petbench",
)

BUILT_IN: Mapping[str, Task] = {
    task.name: task for task in (DEFAULT_TASK, _FROM_60_TO_120, _FROM_THE_FIRST_MINUTES, _COPPER)
}
"""Every built-in task by its name, the default first."""
