"""A sweep as it was asked for, from a file, the command line or both; what was typed comes first."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from petbench.engine_settings import DEFAULTS
from petbench.errors import UsageError
from petbench.plans.ensembles import planned_ensembles
from petbench.plans.run_plan import parse_budget
from petbench.plans.sweep import plan_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.engine_settings import Compile, CudaGraphs, Precision
    from petbench.home import Home
    from petbench.plans.ensembles import PlannedEnsemble, Which
    from petbench.plans.run_plan import RunPlan
    from petbench.plans.sweep_file import SweepFile
    from petbench.registry import Registry
    from petbench_datasets.progress import Progress

_BUDGETS = ("budget", "track")
_IMAGES = "images"


@dataclass(frozen=True, slots=True)
class MethodRequest:
    """What is asked of one method of a sweep.

    Attributes:
        preset: named set of parameters; None for the one that the method chooses.
        settings: as typed after `--set`; each may name several values.
    """

    preset: str | None = None
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """Several methods on one dataset, with all that is common to them; what was not asked for has its default.

    Attributes:
        methods: what is asked of each, in their order.
        dataset: by name, or the path of a folder.
        split: of the dataset's participants.
        seeds: as typed after `--seed`.
        folds: as typed after `--fold`.
        budget: training to spend, as typed; None for that of the track or the preset.
        track: of the protocol; None for the dataset's.
        device: `auto`, `cpu`, `cuda` or `cuda:INDEX`.
        precision: `fp32` or `bf16`.
        compile: `on`, `off` or `auto`.
        cuda_graphs: `on`, `off` or `auto`.
        deterministic: allow only deterministic algorithms.
        reconstruction: label of the images to take.
        task: by name, or a file that defines one; empty for that of the dataset.
        no_test: leave the test participants alone.
        tta: views of each scan that are averaged; 1 for the scan alone.
        ensemble: what is averaged once the runs have ended; None for nothing.
        keep_samples: of each test participant, of methods that draw; 0 for none.
        time_limit_seconds: of each run; None for none.
        isolated: shut each method's process in.
        processes: that share the training of each run; None where nobody says.
    """

    methods: Mapping[str, MethodRequest] = field(default_factory=dict)
    dataset: str = "fdg-phantom-mini"
    split: str = "holdout"
    seeds: str = "0"
    folds: str = "0"
    budget: str | None = None
    track: str | None = None
    device: str = "auto"
    precision: Precision = DEFAULTS.precision
    compile: Compile = DEFAULTS.compile
    cuda_graphs: CudaGraphs = DEFAULTS.cuda_graphs
    deterministic: bool = DEFAULTS.deterministic
    reconstruction: str = ""
    task: str = ""
    no_test: bool = False
    tta: int = 1
    keep_samples: int = 0
    ensemble: Which | None = None
    time_limit_seconds: float | None = None
    isolated: bool = False
    processes: int | None = None

    def common(self) -> dict[str, Any]:
        """Return what every `petbench.plans.planner.Request` of the sweep says."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "budget": parse_budget(self.budget) if self.budget else None,
            "track": self.track,
            "device": self.device,
            "precision": self.precision,
            "compile": self.compile,
            "cuda_graphs": self.cuda_graphs,
            "deterministic": self.deterministic,
            "reconstruction": self.reconstruction,
            "task": self.task,
            "purpose": "no-test" if self.no_test else "test",
            "views": self.tta,
            "keep_samples": self.keep_samples,
            "processes": self.processes or 1,
        }

    def plans(self, home: Home, registry: Registry, progress: Progress) -> list[RunPlan]:
        """Return the plan of every run, as `petbench.plans.sweep.plan_sweep` does."""
        of_method = {name: {"preset": of.preset, "settings": of.settings} for name, of in self.methods.items()}
        return plan_sweep(
            list(self.methods), self.seeds, self.folds, self.common(), home, registry, progress, of_method
        )

    def ensembles(self, plans: Sequence[RunPlan]) -> list[PlannedEnsemble]:
        """Return the ensembles that its runs are to end in.

        Raises:
            UsageError: there is nobody to average, or the members test other participants.
        """
        return [] if self.ensemble is None else planned_ensembles(plans, self.ensemble)


def requested(file: SweepFile | None, typed: Mapping[str, Any]) -> SweepRequest:
    """Return what a file and the command line ask for together; of two that disagree the command line decides.

    Args:
        file: None without one.
        typed: what was typed, by the names of `SweepRequest`; `methods` is a list of names there, and `preset` and
            `settings` are of all methods.

    Raises:
        UsageError: neither names a method.
    """
    typed_settings = tuple(typed.get("settings") or ())
    typed_keys = {setting.partition("=")[0] for setting in typed_settings}
    stated = file.common() if file else {}
    if typed_keys & {_IMAGES} or any(typed.get(name) is not None for name in _BUDGETS):
        stated = {name: value for name, value in stated.items() if name not in _BUDGETS}
        typed_keys |= {_IMAGES}
    names = tuple(typed.get("methods") or (file.methods if file else ()))
    if not names:
        raise UsageError("no method is named: give --method NAME, or --config FILE with methods = [...]")
    methods = {}
    for name in dict.fromkeys(names):
        preset, settings = file.of_method(name) if file else (None, {})
        kept = (f"{key}={json.dumps(value)}" for key, value in settings.items() if key not in typed_keys)
        methods[name] = MethodRequest(typed.get("preset") or preset, (*kept, *typed_settings))
    known = {each.name for each in fields(SweepRequest)} - {"methods"}
    given = {name: value for name, value in typed.items() if name in known and value is not None}
    return SweepRequest(methods=methods, **{**stated, **given})
