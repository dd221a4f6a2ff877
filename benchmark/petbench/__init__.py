"""The public face of petbench: what a plugin needs, and what a notebook does; each imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from petbench.api.boards import leaderboard
    from petbench.api.external import evaluate
    from petbench.api.pairs import open_dataset
    from petbench.api.running import resume_run, run
    from petbench.api.runs import RunEndedError, find_runs, open_run
    from petbench.api.scoring import enter, enter_ensemble, enter_reference, score
    from petbench.api.session import Session
    from petbench.contract import (
        API_VERSION,
        Budget,
        Choice,
        DatasetShape,
        Method,
        MethodSpec,
        Range,
        RunContext,
        Supervision,
        TrainingData,
        Volume,
    )
    from petbench.engine_spec import Engine, EngineSpec, EngineUnreachableError, JobState, Resources, Work
    from petbench.hookspecs import hookimpl
    from petbench.intensity import IntensityMap
    from petbench.metric_spec import Case, Measurement, MetricSpec
    from petbench.run_events import (
        ExampleImages,
        ObserverSpec,
        RunEnded,
        RunEvent,
        RunFacts,
        RunStarted,
        StepLogged,
        Validated,
    )
    from petbench.scan import Need, Scan
    from petbench.step_method import Batch, Optimization, Scans, StepMethod, Update
    from petbench.step_parameters import SamplingParameters, StepParameters
    from petbench.torchvision_shim import import_torchvision
    from petbench_datasets.errors import PetbenchError
    from petbench_datasets.specs import DatasetSpec
    from petbench_datasets.tasks.task import Task

__version__ = "0.1.0"

_HOME_OF = {
    "API_VERSION": "petbench.contract",
    "Batch": "petbench.step_method",
    "Budget": "petbench.contract",
    "Case": "petbench.metric_spec",
    "Choice": "petbench.contract",
    "DatasetShape": "petbench.contract",
    "DatasetSpec": "petbench_datasets.specs",
    "Engine": "petbench.engine_spec",
    "EngineSpec": "petbench.engine_spec",
    "EngineUnreachableError": "petbench.engine_spec",
    "ExampleImages": "petbench.run_events",
    "IntensityMap": "petbench.intensity",
    "JobState": "petbench.engine_spec",
    "Measurement": "petbench.metric_spec",
    "Method": "petbench.contract",
    "MethodSpec": "petbench.contract",
    "MetricSpec": "petbench.metric_spec",
    "Need": "petbench.scan",
    "ObserverSpec": "petbench.run_events",
    "Optimization": "petbench.step_method",
    "PetbenchError": "petbench_datasets.errors",
    "Range": "petbench.contract",
    "Resources": "petbench.engine_spec",
    "RunContext": "petbench.contract",
    "RunEnded": "petbench.run_events",
    "RunEndedError": "petbench.api.runs",
    "RunEvent": "petbench.run_events",
    "RunFacts": "petbench.run_events",
    "RunStarted": "petbench.run_events",
    "SamplingParameters": "petbench.step_parameters",
    "Scan": "petbench.scan",
    "Scans": "petbench.step_method",
    "Session": "petbench.api.session",
    "StepLogged": "petbench.run_events",
    "StepMethod": "petbench.step_method",
    "StepParameters": "petbench.step_parameters",
    "Supervision": "petbench.contract",
    "Task": "petbench_datasets.tasks.task",
    "TrainingData": "petbench.contract",
    "Update": "petbench.step_method",
    "Validated": "petbench.run_events",
    "Volume": "petbench.contract",
    "Work": "petbench.engine_spec",
    "enter": "petbench.api.scoring",
    "enter_ensemble": "petbench.api.scoring",
    "enter_reference": "petbench.api.scoring",
    "evaluate": "petbench.api.external",
    "find_runs": "petbench.api.runs",
    "hookimpl": "petbench.hookspecs",
    "import_torchvision": "petbench.torchvision_shim",
    "leaderboard": "petbench.api.boards",
    "open_dataset": "petbench.api.pairs",
    "open_run": "petbench.api.runs",
    "resume_run": "petbench.api.running",
    "run": "petbench.api.running",
    "score": "petbench.api.scoring",
}

__all__ = [
    "API_VERSION",
    "Batch",
    "Budget",
    "Case",
    "Choice",
    "DatasetShape",
    "DatasetSpec",
    "Engine",
    "EngineSpec",
    "EngineUnreachableError",
    "ExampleImages",
    "IntensityMap",
    "JobState",
    "Measurement",
    "Method",
    "MethodSpec",
    "MetricSpec",
    "Need",
    "ObserverSpec",
    "Optimization",
    "PetbenchError",
    "Range",
    "Resources",
    "RunContext",
    "RunEnded",
    "RunEndedError",
    "RunEvent",
    "RunFacts",
    "RunStarted",
    "SamplingParameters",
    "Scan",
    "Scans",
    "Session",
    "StepLogged",
    "StepMethod",
    "StepParameters",
    "Supervision",
    "Task",
    "TrainingData",
    "Update",
    "Validated",
    "Volume",
    "Work",
    "enter",
    "enter_ensemble",
    "enter_reference",
    "evaluate",
    "find_runs",
    "hookimpl",
    "import_torchvision",
    "leaderboard",
    "open_dataset",
    "open_run",
    "resume_run",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'petbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
