"""The plain records that go into the leaderboard and come out of it. Nothing here knows of a database.

`RunRow` is the one record of a run. Each field is declared once, with its type and its use, and everything else that
lists fields reads the declaration: the plan and its identity (`petbench.plans.run_plan`), which runs make one row,
the columns (`petbench_leaderboard.schema`), the conditions of `--where`, what `Leaderboard.update` takes, what an
export and a submission hold and how the latter is checked (`petbench.submissions.contents`).

To add a field of a run:

1. Declare it here, with its line in the docstring: in `PlannedRun` if it is known when the run is asked for and
   belongs into `plan.json`, in `RunRow` if it is known later; in `petbench_leaderboard.run_changes`, too, if it may
   change.
2. Add its column: a migration, named in `petbench_leaderboard.schema.SCHEMA_REVISION`.
3. Give its value: `petbench.plans.planner` for a plan, `Leaderboard.update` where it is measured.

`tests/leaderboard/test_records.py` fails while one of these is missing.
"""

# Annotations are evaluated here: columns and checks are made from the types.
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from petbench_leaderboard.field_uses import fields_for, use

Status = Literal[
    "planned", "running", "ok", "failed", "out-of-memory", "timed-out", "diverged", "interrupted", "skipped"
]
Verification = Literal["own", "rescored", "reproduced", "self-reported"]
Role = Literal["competitor", "reference", "privileged", "predictable", "repeat-scan"]
RunPurpose = Literal["test", "no-test", "trial"]

STATUSES: tuple[Status, ...] = get_args(Status)
VERIFICATIONS: tuple[Verification, ...] = get_args(Verification)
ROLES: tuple[Role, ...] = get_args(Role)
PURPOSES: tuple[RunPurpose, ...] = get_args(RunPurpose)
EXTERNAL = "external"
"""The plugin, and the supervision, of predictions that no plugin of petbench made."""

EXTERNAL_TEST = "external-test"
"""The distribution of predictions that a run of petbench's made of another cohort than it was trained for."""

FILE_CONTENT = "file-sha256:"
"""What a parameter that names a file begins with: the SHA-256 of its content follows, wherever the file lies."""

SUBMISSION = "submission"
"""The fact beside those of the machine that a run came in a submission: from which, and what of it was not checked."""

REPRODUCTION = "reproduction"
"""The fact beside those of the machine that a run was trained here again: of which submission, and how far off."""

_TRUST: dict[Verification, int] = {"own": 2, "reproduced": 2, "rescored": 1, "self-reported": 0}

MOST_VIEWS = 9
"""Of one scan, in test-time augmentation."""

MOST_SAMPLES = 1000
"""Of one scan, by a method that draws."""

MEMBERS = "runs"
"""Of an ensemble's parameters: which runs it was made of. They are others in every fold, and tell no rows apart."""

FIRST_TASK = "fdg-7-21-to-42-63@1"
"""The task of every run of before tasks had names."""

BOARD_FIELDS = ("dataset", "fingerprint", "split", "split_digest", "protocol", "task")
"""What runs share that are on one board; the protocol is that of their scores."""

ADDED_LATER: Mapping[str, object] = {"inputs": {}, "views": 1, "task": FIRST_TASK}
"""Fields of a run's identity and group that were not always there; with these values a run is the one it was before."""

FAILURES: frozenset[Status] = frozenset({"failed", "out-of-memory", "timed-out", "diverged"})
"""Statuses that speak against the method; an interrupted or skipped run does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """What a run is asked for, as `plan.json` and the leaderboard hold it.

    Attributes:
        method: the method's slug, or the name under which someone else's predictions are scored.
        plugin: the entry point that the method came from.
        distribution: the installed distribution that ships the plugin.
        version: of that distribution.
        source_hash: sha256 of the files that the method's code consists of.
        supervision: `paired`, `unpaired` or `no-target`; `external` for predictions that no plugin made.
        role: `competitor`, or `reference` for a row to compare with; `privileged` for a reference that knows what no
            method may know of the test participants, `predictable` for the one at which normalized scores are 1,
            `repeat-scan` for a second scan scored as if it were a prediction.
        preset: the named set of parameters, or None where the method has none.
        parameters: every parameter's value, defaults included; of a file its content, see `FILE_CONTENT`.
        dataset: the dataset's name.
        fingerprint: sha256 of the dataset's content.
        split: the split's name.
        split_digest: sha256 of the split.
        fold: which fold of the split, from 0.
        test_participants: whom this fold predicts.
        split_participants: whom all folds of the split predict together; a method is ranked only when it covers
            them all. Empty means `test_participants`.
        seed: of every random number in the run.
        precision: of the arithmetic, such as `fp32` or `bf16`.
        budget: as typed, `images=48000` or `seconds=120`.
        protocol: version of the rules under which the run was made.
        device: what trained, such as `cpu` or `cuda:0`; as asked for, such as `auto`, until the run has started.
        changed_parameters: of `parameters`, those with another value than the preset gives; the budget, which is stated
            by itself, is not among them. None where nobody noted it, as in runs of protocol 1.
        sampling: how the dataset's participants were drawn, as its description says: `independent`, or `matched` to the
            statistics of a population, so that no interval over them means what it says; None where it says nothing.
        has_truth: whether the dataset holds the true activity behind its delayed images, as simulated ones do; None
            where nobody recorded it.
        inputs: what the method is given beside the early image, by the name of the need; each with the sha256 of what
            the dataset holds of it, or `fingerprint` where the dataset's covers it. Empty for the early image alone.
        purpose: `test`: the test participants are predicted and scored; `no-test`: nobody but the validation
            participants is, as somebody asked; `trial`: likewise, in a search for settings. It decides nothing of the
            training, so the same run can be tested later.
        views: of each scan that are predicted and averaged, the scan as it is among them; see `petbench.methods.views`.
        keep_samples: how many of what the method draws for a test participant are kept beside the mean and scored.
        task: what is asked: the tracer, and which image is predicted from which, by name and version, such as
            `fdg-60-to-120@1`; one that a file defines has a digest too.
        task_definition: what the task asks and decides, as `petbench_datasets.tasks.task.Task.content` gives it: a run
            is made by the task that it was planned with, whatever becomes of its file, and a board is ordered by it
            wherever the row goes. Empty in runs of before, which were of tasks that decided nothing of their own.
    """

    method: str = field(metadata=use("identity", "group", where="text", check="slug"))
    plugin: str = field(metadata=use("group", where="text", check="text"))
    distribution: str = field(metadata=use("identity", "group", where="text", check="text"))
    version: str = field(metadata=use("identity", "group", where="text", check="text"))
    source_hash: str = field(metadata=use("identity", "group", check="digest"))
    supervision: str = field(metadata=use("group", where="text", check="supervision"))
    role: Role = field(default="competitor", metadata=use("group", where="text", check="role"))
    preset: str | None = field(metadata=use("group", where="text", check="text"))
    parameters: Mapping[str, object] = field(metadata=use("identity", "group", check="json"))
    dataset: str = field(metadata=use("group", where="text", check="dataset-name"))
    fingerprint: str = field(metadata=use("identity", "group", where="text", check="digest"))
    split: str = field(metadata=use("group", where="text", check="split-name"))
    split_digest: str = field(metadata=use("identity", "group", check="digest"))
    fold: int = field(metadata=use("identity", where="number", check="index"))
    test_participants: tuple[str, ...] = field(default=(), metadata=use(check="some-participants"))
    split_participants: tuple[str, ...] = field(default=(), metadata=use(check="participants"))
    seed: int = field(metadata=use("identity", where="number", check="seed"))
    precision: str = field(metadata=use("identity", "group", where="text", check="precision"))
    budget: str = field(metadata=use("identity", "group", where="text", check="text"))
    protocol: int = field(metadata=use("identity", "group", where="number", check="index"))
    device: str | None = field(default=None, metadata=use("change", where="text", check="device"))
    changed_parameters: Mapping[str, object] | None = field(default=None, metadata=use(check="json"))
    sampling: str | None = field(default=None, metadata=use(where="text", check="text"))
    has_truth: bool | None = field(default=None, metadata=use(check="flag"))
    inputs: Mapping[str, object] = field(default_factory=dict, metadata=use("identity", "group", check="json"))
    purpose: RunPurpose = field(default="test", metadata=use("change", where="text", check="purpose", submitted=False))
    views: int = field(default=1, metadata=use("identity", "group", where="number", check="views"))
    keep_samples: int = field(default=0, metadata=use("change", where="number", check="index", submitted=False))
    task: str = field(default=FIRST_TASK, metadata=use("identity", "group", where="text", check="text"))
    task_definition: Mapping[str, object] = field(default_factory=dict, metadata=use(check="json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord(PlannedRun):
    """All that is known of a run when it is planned.

    Attributes:
        identity: sha256 over everything that decides the result; hardware and environment are not part of it.
        machine: facts about the machine: processor, memory, operating system.
        environment: installed packages and their versions.
        log_path: the run's log, relative to petbench's home.
        verification: the row's origin: `own` (trained or entered here), `rescored` (of a submission, scored here from
            its predictions), `reproduced` (of a submission, trained and scored again here), or `self-reported`.
        submitter: whose row it is; empty for one's own. Rows of two submitters are never pooled.
    """

    identity: str = field(metadata=use(where="text", check="digest"))
    machine: Mapping[str, object] = field(default_factory=dict, metadata=use("change", check="json"))
    environment: Mapping[str, object] = field(default_factory=dict, metadata=use("change", check="json"))
    log_path: str | None = field(default=None, metadata=use("change", check="text", submitted=False))
    verification: Verification = field(
        default="own", metadata=use("group", "change", where="text", check="verification", submitted=False)
    )
    submitter: str = field(default="", metadata=use("group", "change", where="text", check="text", submitted=False))

    @property
    def trust(self) -> int:
        """How much of the run was seen here: 2 its training, 1 its predictions alone, 0 nothing.

        What a submission says of its validation nobody here has checked, so a row that was trained here comes first.
        """
        return _TRUST[self.verification]

    @property
    def trained_here(self) -> bool:
        """Whether the training was seen here, so that its times and its log are the harness's and nobody's word."""
        return self.trust == 2 and self.plugin != EXTERNAL

    @property
    def run_group(self) -> str:
        """A digest that runs share when they differ in nothing but seed and fold: such runs make one row.

        The source of external predictions is a hash of their voxels, other in every fold: their name makes the row. So
        are the members of an ensemble, whose groups are among its parameters.
        """
        same = {name: getattr(self, name) for name in GROUP_FIELDS}
        if self.plugin == EXTERNAL:
            del same["source_hash"]
            same["parameters"] = {name: value for name, value in self.parameters.items() if name != MEMBERS}
        for name, before in ADDED_LATER.items():
            if same[name] == before:
                del same[name]
        text = json.dumps(same, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow(RunRecord):
    """A run in the leaderboard; times are in UTC.

    Attributes:
        id: the run's number in this leaderboard.
        uid: the run's name in every leaderboard that it is merged into.
        status: how it went.
        created_at: when it was planned.
        phase: the phase it is in, or in which it ended.
        error_class: the exception's class, where it failed.
        error_message: what happened, in one line.
        fault: whose fault it is where it did not end well: `method`, `machine`, `data` or `petbench`; None where
            nobody's, or nobody noted it.
        isolation: what kept the method's process from the rest of the machine: `bubblewrap`, or `not isolated`; None
            where nobody noted it.
        started_at: when the first phase began.
        ended_at: when the last phase ended.
        images_seen: in training.
        train_seconds: time spent in training, over all resumed parts.
        images_per_second: in training, warm-up excluded.
        seconds_per_volume: of prediction.
        peak_memory_bytes: of the process.
        peak_device_memory_bytes: on the accelerator, where there is one.
        parameter_count: trained numbers of the networks used in prediction.
        validation_score: mean over the fold's validation participants of the score that chooses between runs of one
            method, scored by the harness from prediction files; None where nobody validates.
        validation_metric: that score's metric.
        validation_convention: that score's convention.
        validation_history: how well the validation participants were predicted while the run trained and by its final
            model, as `petbench_leaderboard.validation_history` writes it; empty where nobody noted it. Read here from
            the run's own log: no submission holds it.
        subgroups: of the dataset's participants, by participant: `{"sub-01": {"sex": "female", "age": "up to 54"}}`;
            halves by the median in the place of age and weight. Noted when the run is scored.
        tuning: how a search found its settings, as `petbench_leaderboard.tuning` writes it; empty where none did. What
            a submission says of it is its submitter's word.
    """

    id: int = field(metadata=use(where="number", check="count", submitted=False))
    uid: str = field(metadata=use(where="text", check="text"))
    status: Status = field(metadata=use("change", where="text", check="ok"))
    created_at: datetime = field(metadata=use(where="date", check="moment"))
    phase: str | None = field(default=None, metadata=use("change", where="text", check="text", submitted=False))
    error_class: str | None = field(default=None, metadata=use("change", where="text", check="text", submitted=False))
    error_message: str | None = field(default=None, metadata=use("change", check="lines", submitted=False))
    fault: str | None = field(default=None, metadata=use("change", where="text", check="text", submitted=False))
    isolation: str | None = field(default=None, metadata=use("change", where="text", check="text", submitted=False))
    started_at: datetime | None = field(default=None, metadata=use("change", where="date", check="moment"))
    ended_at: datetime | None = field(default=None, metadata=use("change", where="date", check="moment"))
    images_seen: int | None = field(default=None, metadata=use("change", "cost", where="number", check="count"))
    train_seconds: float | None = field(default=None, metadata=use("change", "cost", where="number", check="measured"))
    images_per_second: float | None = field(
        default=None, metadata=use("change", "cost", where="number", check="measured")
    )
    seconds_per_volume: float | None = field(
        default=None, metadata=use("change", "cost", where="number", check="measured")
    )
    peak_memory_bytes: int | None = field(default=None, metadata=use("change", "cost", where="number", check="count"))
    peak_device_memory_bytes: int | None = field(
        default=None, metadata=use("change", "cost", where="number", check="count")
    )
    parameter_count: int | None = field(default=None, metadata=use("change", "cost", where="number", check="count"))
    validation_score: float | None = field(
        default=None, metadata=use("change", "validation", where="number", check="number")
    )
    validation_metric: str | None = field(
        default=None, metadata=use("change", "validation", where="text", check="text")
    )
    validation_convention: str | None = field(
        default=None, metadata=use("change", "validation", where="text", check="text")
    )
    validation_history: Mapping[str, object] = field(
        default_factory=dict, metadata=use("change", check="history", submitted=False)
    )
    subgroups: Mapping[str, object] = field(default_factory=dict, metadata=use("change", check="json", submitted=False))
    tuning: Mapping[str, object] = field(default_factory=dict, metadata=use("change", check="tuning"))

    @property
    def is_tested(self) -> bool:
        """Whether the run ended well and its test participants were predicted; a run by `--no-test` is not."""
        return self.status == "ok" and self.purpose == "test"


GROUP_FIELDS = fields_for(RunRecord, "group")
COST_FIELDS = fields_for(RunRow, "cost")
VALIDATION_FIELDS = fields_for(RunRow, "validation")
