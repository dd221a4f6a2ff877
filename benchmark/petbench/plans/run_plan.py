"""A run as it was asked for: everything that decides its result, and its identity."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.contract import Budget
from petbench_datasets.errors import DataError
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.engine_settings import Compile, Precision
    from petbench_leaderboard.records import RunRecord

#: What distinguishes one run from another. Hardware, environment and folders are recorded beside it, never part of it.
IDENTITY_FIELDS = (
    "method",
    "distribution",
    "version",
    "source_hash",
    "parameters",
    "fingerprint",
    "split_digest",
    "fold",
    "protocol",
    "seed",
    "precision",
    "budget",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """One method, its parameters, one dataset, one split and fold, one seed, one budget, one protocol.

    Attributes:
        method: name of the method.
        plugin: name of the entry point that brings it.
        distribution: installed package of the plugin.
        version: of that package.
        source_hash: SHA-256 of the plugin's source files.
        supervision: what the method may see of the delayed images.
        preset: name of the parameter set that was started from.
        parameters: all parameters, defaults written out.
        dataset: name of the dataset, or the name of its folder.
        dataset_folder: folder of the dataset; not part of the identity.
        fingerprint: hash of the dataset's content.
        split: name of the split.
        split_digest: hash of the split.
        fold: index into the split's folds.
        test_participants: whom this fold predicts.
        split_participants: whom all folds of the split predict together.
        seed: of every random number.
        budget: images seen or seconds.
        precision: `fp32` or `bf16`.
        compile: `on`, `off` or `auto`; not part of the identity.
        deterministic: whether only deterministic algorithms were allowed; not part of the identity.
        device: as asked for; not part of the identity.
        protocol: version of the rules.
    """

    method: str
    plugin: str
    distribution: str
    version: str
    source_hash: str
    supervision: str
    preset: str
    parameters: Mapping[str, Any]
    dataset: str
    dataset_folder: str
    fingerprint: str
    split: str
    split_digest: str
    fold: int
    test_participants: tuple[str, ...]
    split_participants: tuple[str, ...]
    seed: int
    budget: Budget
    precision: Precision
    compile: Compile
    deterministic: bool
    device: str
    protocol: int

    @property
    def identity(self) -> str:
        """SHA-256 over everything that decides the result, as hexadecimal digits."""
        return identity_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return dataclasses.asdict(self) | {"parameters": dict(self.parameters), "budget": str(self.budget)}

    def save(self, path: Path) -> None:
        """Write the plan into a file."""
        write_text(path, json.dumps(self.to_dict(), indent=2) + "\n")

    def record(self) -> RunRecord:
        """Return the row with which the leaderboard begins."""
        from petbench.provenance import checkout, machine
        from petbench_leaderboard.records import RunRecord

        facts = self.to_dict()
        shared = {field.name: facts[field.name] for field in dataclasses.fields(RunRecord) if field.name in facts}
        return RunRecord(
            **shared,
            identity=self.identity,
            machine=machine.machine_facts() | {"source": checkout.describe(checkout.find_checkouts())},
            environment=machine.installed_packages(),
        )

    @classmethod
    def load(cls, path: Path) -> RunPlan:
        """Read the plan in a file.

        Raises:
            DataError: the file is damaged, or its plan is none of this version of petbench.
        """
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            participants = {name: tuple(facts[name]) for name in ("test_participants", "split_participants")}
            return cls(**facts | participants | {"budget": parse_budget(facts["budget"])})
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path}: no plan of this version of petbench; run the method again with --force") from None


def identity_of(facts: Mapping[str, Any]) -> str:
    """Return the identity of a plan that is given as JSON values."""
    key = {name: facts[name] for name in IDENTITY_FIELDS}
    return hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def parse_budget(text: str) -> Budget:
    """Return the budget written as `images=N` or `seconds=S`.

    Raises:
        UsageError: it is written in another way, or is not positive.
    """
    from petbench.errors import UsageError

    unit, _, number = text.partition("=")
    try:
        if unit == "images" and int(number) >= 0:
            return Budget(images=int(number))
        if unit == "seconds" and 0 < float(number) < float("inf"):
            return Budget(seconds=float(number))
    except ValueError:
        pass
    raise UsageError(f"the budget {text!r} is not understood; write images=12000 or seconds=120")
