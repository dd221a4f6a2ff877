"""A run as it was asked for: everything that decides its result, and its identity."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from petbench.contract import Budget
from petbench.engine_settings import DEFAULTS
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_text
from petbench_leaderboard.field_uses import fields_for, use
from petbench_leaderboard.records import ADDED_LATER, MOST_VIEWS, PlannedRun, RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.engine_settings import Compile, CudaGraphs, Precision
    from petbench.scan import Need
    from petbench_leaderboard.records import RunRow

IDENTITY_FIELDS = fields_for(PlannedRun, "identity")
"""What distinguishes one run from another. Hardware, environment and folders are recorded, but decide nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan(PlannedRun):
    """One method, its parameters, one dataset, one split and fold, one seed, one budget, one protocol.

    Beside the fields that the leaderboard keeps too, the plan has those that only its own machine needs.

    Attributes:
        dataset_folder: folder of the dataset.
        compile: `on`, `off` or `auto`.
        cuda_graphs: `on`, `off` or `auto`.
        deterministic: whether only deterministic algorithms were allowed.
        source_files: sha256 of each file of the method's code, to say which has changed.
        parameter_files: where the files lie that parameters name, by the parameter's name.
        preset: name of the parameter set that was started from.
        precision: `fp32` or `bf16`.
        device: as asked for.
        processes: that share the training. With another number the same seed gives other bits, so a training goes on
            with as many as it was begun with; like the device, they decide nothing that its result is compared by.
        reconstruction: which image of several, by the label `rec-`; empty for no choice. The fingerprint covers the
            images that were chosen.
        declined: why the method is not run: what it needs and the dataset has not got; empty where it is run.
        given_split: the split itself where it came in a file and is none of the dataset's own; else empty.
    """

    dataset_folder: str = field(metadata=use())
    compile: Compile = field(metadata=use(check="compile"))
    deterministic: bool = field(metadata=use(check="flag"))
    cuda_graphs: CudaGraphs = field(default=DEFAULTS.cuda_graphs, metadata=use())
    source_files: Mapping[str, str] = field(default_factory=dict, metadata=use())
    parameter_files: Mapping[str, str] = field(default_factory=dict, metadata=use())
    preset: str = field(metadata=use("group", where="text", check="text"))
    precision: Precision = field(metadata=use("identity", "group", where="text", check="precision"))
    device: str = field(metadata=use("change", where="text", check="device"))
    processes: int = field(default=1, metadata=use())
    reconstruction: str = field(default="", metadata=use())
    declined: str = field(default="", metadata=use())
    given_split: Mapping[str, Any] = field(default_factory=dict, metadata=use())

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the method is given beside the early image."""
        return tuple(self.inputs)  # type: ignore[arg-type] # they were its spec's needs

    @property
    def training_budget(self) -> Budget:
        """How much training the run may spend."""
        return parse_budget(self.budget)

    @property
    def tests(self) -> bool:
        """Whether the test participants are predicted and scored."""
        return self.purpose == "test"

    @property
    def identity(self) -> str:
        """SHA-256 over everything that decides the result, as hexadecimal digits."""
        return identity_of(self.to_dict())

    @property
    def identities_of_its_training(self) -> tuple[str, ...]:
        """Identities of the other runs with the same training, which differ in nothing but their views."""
        facts = self.to_dict()
        others = (views for views in range(1, MOST_VIEWS + 1) if views != self.views)
        return tuple(identity_of({**facts, "views": views}) for views in others)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return dataclasses.asdict(self) | {"parameters": dict(self.parameters)}

    def save(self, path: Path) -> None:
        """Write the plan into a file."""
        write_text(path, json.dumps(self.to_dict(), indent=2) + "\n")

    def record(self, *, here: bool = True) -> RunRecord:
        """Return the row with which the leaderboard begins; of a run that is made elsewhere it names no machine yet."""
        from petbench.provenance import checkout, machine

        source = {"source": checkout.describe(checkout.find_checkouts())} if here else {}
        return RunRecord(
            **{each.name: getattr(self, each.name) for each in dataclasses.fields(PlannedRun)},
            identity=self.identity,
            machine=machine.machine_facts() | source if here else {},
            environment=machine.installed_packages() if here else {},
        )

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> RunPlan:
        """Return the plan that `to_dict` gave, as JSON has kept it."""
        participants = {name: tuple(facts[name]) for name in ("test_participants", "split_participants")}
        return cls(**dict(facts) | participants)

    @classmethod
    def load(cls, path: Path) -> RunPlan:
        """Read the plan in a file.

        Raises:
            DataError: the file is damaged, or its plan is none of this version of petbench.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DataError(f"{path}: no plan of this version of petbench; run the method again with --force") from None


def is_all_of(plan: RunPlan, row: RunRow) -> bool:
    """Return whether a run of a plan's identity has done all that the plan asks for.

    One by `--no-test` has no test, and one that kept fewer samples, or none, not those that are asked for.
    """
    return not plan.tests or (row.purpose == "test" and row.keep_samples >= plan.keep_samples)


def identity_of(facts: Mapping[str, Any]) -> str:
    """Return the identity of a plan that is given as JSON values."""
    key = {name: facts[name] for name in IDENTITY_FIELDS if name not in ADDED_LATER}
    later = {name: facts.get(name, before) for name, before in ADDED_LATER.items()}
    key |= {name: value for name, value in later.items() if value != ADDED_LATER[name]}
    return hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


MOST_IMAGES = 10**12
MOST_SECONDS = 10.0**9
"""Of a budget: thirty years. A larger one is a mistake, or meant to keep somebody's machine busy for ever."""


def parse_budget(text: str) -> Budget:
    """Return the budget written as `images=N` or `seconds=S`.

    Raises:
        UsageError: it is written in another way, is not positive, or is larger than anybody trains.
    """
    from petbench.errors import UsageError

    unit, _, number = text.partition("=")
    try:
        if unit == "images" and 0 <= int(number) <= MOST_IMAGES:
            return Budget(images=int(number))
        if unit == "seconds" and 0 < float(number) <= MOST_SECONDS:
            return Budget(seconds=float(number))
    except ValueError:
        pass
    raise UsageError(
        f"the budget {text[:60]!r} is not understood; write images=12000 or seconds=120, at most {MOST_IMAGES:,} images"
    )
