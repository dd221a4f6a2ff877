"""From a request on the command line to a plan whose every default is written out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from petbench.contract import DatasetShape
from petbench.engine_settings import DEFAULTS
from petbench.errors import UsageError
from petbench.methods import parameters
from petbench.methods.devices import require_device_name
from petbench.methods.parameter_files import with_hashes
from petbench.methods.sampled import check_draws, check_samples
from petbench.methods.shared import check_batch, check_processes
from petbench.methods.source import source_of
from petbench.plans.budgets import check_budget, choose_budget
from petbench.plans.run_plan import RunPlan
from petbench_datasets.dataset.given_split import is_own
from petbench_datasets.dataset.inputs import input_digest, lacking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.contract import Budget, MethodSpec
    from petbench.engine_settings import Compile, CudaGraphs, Precision
    from petbench.registry import Registry
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.dataset.split import Fold, Split
    from petbench_leaderboard.records import RunPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for, on whatever fold; everything not asked for has its default."""

    method: str
    dataset: str = "fdg-phantom-mini"
    split: str = "holdout"
    seed: int = 0
    preset: str | None = None
    settings: Sequence[str] = field(default_factory=tuple)
    budget: Budget | None = None
    track: str | None = None
    device: str = "auto"
    precision: Precision = DEFAULTS.precision
    compile: Compile = DEFAULTS.compile
    cuda_graphs: CudaGraphs = DEFAULTS.cuda_graphs
    deterministic: bool = DEFAULTS.deterministic
    reconstruction: str = ""
    task: str = ""
    purpose: RunPurpose = "test"
    views: int = 1
    keep_samples: int = 0
    processes: int = 1

    def check_processes(self, spec: MethodSpec) -> None:
        """Refuse to have a training shared that cannot be.

        Raises:
            UsageError: in one line.
        """
        check_processes(
            spec, self.processes, device=self.device, compiled=self.compile == "on", captured=self.cuda_graphs == "on"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run's numbers come from: a dataset under its name, a split of it, and one fold.

    Attributes:
        name: of the dataset, as the leaderboard shows it.
        dataset: opened.
        split: of its participants.
        fold: index into the split's folds.
        track: of comparisons on this dataset; empty for none.
    """

    name: str
    dataset: Dataset
    split: Split
    fold: int = 0
    track: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what a plan says of it.

        Raises:
            UsageError: the split has no such fold.
        """
        return {
            "dataset": self.name,
            "dataset_folder": str(self.dataset.root),
            "fingerprint": self.dataset.fingerprint,
            "split": self.split.name,
            "split_digest": self.split.digest,
            "fold": self.fold,
            "test_participants": choose_fold(self.split, self.fold).test,
            "split_participants": self.split.test_participants,
            "sampling": self.dataset.sampling,
            "has_truth": self.dataset.has_truth,
            "reconstruction": self.dataset.reconstruction,
            "task": self.dataset.task.id,
            "task_definition": self.dataset.task.content(),
            "given_split": {} if is_own(self.dataset, self.split) else self.split.content(),
        }


def plan_on(request: Request, place: Place, registry: Registry) -> RunPlan:
    """Return the plan of a request whose names are checked, on the dataset, split and fold that it names."""
    from petbench.evaluation.protocol import PROTOCOL

    require_device_name(request.device)
    spec, plugin = registry.method(request.method)
    fold = choose_fold(place.split, place.fold)
    if not fold.train:
        raise UsageError(
            f"the split {place.split.name!r} has nobody to train: it is for models that are trained already (petbench "
            "evaluate)"
        )
    shape = dataset_shape(place.dataset, fold)
    preset = parameters.choose_preset(spec, request.preset, shape)
    budget = choose_budget(spec, request.budget, request.track, request.settings, place.track)
    values = parameters.resolve(spec, preset, request.settings, budget)
    check_samples(spec, values, request.keep_samples, request.views)
    request.check_processes(spec)
    check_batch(spec, values, request.processes)
    hashed, files = with_hashes(spec, values)
    source = source_of(spec, plugin.module)
    return RunPlan(
        method=spec.name,
        plugin=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        source_hash=source.digest,
        source_files=dict(source.files),
        supervision=spec.supervision,
        inputs={need: input_digest(place.dataset, need) for need in spec.needs},
        declined=why_declined(spec, place.dataset, fold),
        role=spec.role,
        preset=preset,
        parameters=hashed,
        parameter_files=files,
        changed_parameters={name: hashed[name] for name in parameters.changed_from_preset(spec, preset, values)},
        **place.facts(),
        seed=request.seed,
        budget=str(budget or parameters.default_budget(values)),
        precision=request.precision,
        compile=request.compile,
        cuda_graphs=request.cuda_graphs,
        deterministic=request.deterministic,
        device=request.device,
        protocol=PROTOCOL,
        purpose=request.purpose,
        views=request.views,
        keep_samples=request.keep_samples,
        processes=request.processes,
    )


def why_declined(spec: MethodSpec, dataset: Dataset, fold: Fold) -> str:
    """Return why a method is not run on a fold: what it needs, and who has not got it; empty where it is run."""
    reasons = lacking(dataset, spec.needs, (*fold.train, *fold.validation, *fold.test))
    return "; ".join(f"{spec.name} needs {need}: {reason}" for need, reason in reasons.items())


def check_names(request: Request, registry: Registry) -> None:
    """Make sure that the method, preset, parameters and budget of a request are ones that there are.

    Asked before the dataset is opened or built, so that a typing error costs no minutes.

    Raises:
        UsageError: a name that nothing has, a parameter out of its range, or two budgets.
        PluginError: the method's plugin is broken.
    """
    check_budget(request.budget, request.track, request.settings)
    spec, _ = registry.method(request.method)
    if request.preset is not None:
        parameters.choose_preset(spec, request.preset, DatasetShape(participants=0, slices=0, matrix=(0, 0)))
    # Without a preset it is the dataset that chooses one; what is set is checked against the defaults meanwhile.
    parameters.resolve(spec, request.preset or parameters.NO_PRESET, request.settings, request.budget)
    request.check_processes(spec)
    if request.keep_samples:
        check_draws(spec, request.views)


def choose_fold(split: Split, index: int) -> Fold:
    """Return one fold of a split.

    Raises:
        UsageError: the split has no such fold.
    """
    if not 0 <= index < len(split.folds):
        raise UsageError(f"the split {split.name!r} has folds 0 to {len(split.folds) - 1}, not {index}")
    return split.folds[index]


def dataset_shape(dataset: Dataset, fold: Fold) -> DatasetShape:
    """Return the size of a fold's training part, which a default preset may depend on."""
    grids = [dataset.grid(participant) for participant in fold.train]
    return DatasetShape(
        participants=len(grids),
        slices=sum(grid.shape[0] for grid in grids),
        matrix=(grids[0].shape[1], grids[0].shape[2]),
    )
