"""The plain records that go into the leaderboard and come out of it. Nothing here knows of a database."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from petbench_leaderboard.metric_facts import MetricFacts

Status = Literal[
    "planned", "running", "ok", "failed", "out-of-memory", "timed-out", "diverged", "interrupted", "skipped"
]
Verification = Literal["recomputed", "claimed", "re-run"]

STATUSES: tuple[Status, ...] = get_args(Status)
VERIFICATIONS: tuple[Verification, ...] = get_args(Verification)
EXTERNAL = "external"
"""The plugin, and the supervision, of predictions that no plugin of petbench drew."""

ORACLE = "oracle"
"""The supervision of a row that was made with what no method may see of the test participants."""

FAILURES: frozenset[Status] = frozenset({"failed", "out-of-memory", "timed-out", "diverged"})
"""Statuses that speak against the method; an interrupted or skipped run does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """All that is known of a run when it is planned.

    Attributes:
        identity: sha256 over everything that decides the result; hardware and environment are not part of it.
        method: the method's slug, or the name under which someone else's predictions are scored.
        plugin: the entry point that the method came from.
        distribution: the installed distribution that ships the plugin.
        version: of that distribution.
        source_hash: sha256 of the plugin's source files.
        supervision: `paired`, `unpaired` or `none`; `external` or `oracle` for predictions that no plugin drew.
        preset: the named set of parameters, or None where the method has none.
        parameters: every parameter's value, defaults included.
        dataset: the dataset's name.
        fingerprint: sha256 of the dataset's content.
        split: the split's name.
        split_digest: sha256 of the split.
        fold: which fold of the split, from 0.
        seed: of every random number in the run.
        precision: of the arithmetic, such as `fp32` or `bf16`.
        budget: as typed, `images=48000` or `seconds=120`.
        protocol: version of the rules under which the run was made.
        test_participants: whom this fold predicts.
        split_participants: whom all folds of the split predict together; a method is ranked only when it covers
            them all. Empty means `test_participants`.
        device: what trained, such as `cpu` or `cuda:0`.
        machine: facts about the machine: processor, memory, operating system.
        environment: installed packages and their versions.
        log_path: the run's log, relative to petbench's home.
        verification: `recomputed` (scored here, from the predictions), `claimed`, or `re-run` (predicted again here).
    """

    identity: str
    method: str
    plugin: str
    distribution: str
    version: str
    source_hash: str
    supervision: str
    preset: str | None
    parameters: Mapping[str, object]
    dataset: str
    fingerprint: str
    split: str
    split_digest: str
    fold: int
    seed: int
    precision: str
    budget: str
    protocol: int
    test_participants: tuple[str, ...] = ()
    split_participants: tuple[str, ...] = ()
    device: str | None = None
    machine: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    log_path: str | None = None
    verification: Verification = "recomputed"

    @property
    def pool(self) -> str:
        """A digest that runs share when they differ in nothing but seed and fold: such runs make one row.

        The source of external predictions is a hash of their voxels, other in every fold: their name makes the row.
        """
        source = "" if self.plugin == EXTERNAL else self.source_hash
        same = (
            *(self.method, self.plugin, self.distribution, self.version, source, self.supervision),
            *(self.preset, self.parameters, self.dataset, self.fingerprint, self.split, self.split_digest),
            *(self.precision, self.budget, self.protocol, self.verification),
        )
        text = json.dumps(same, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow(RunRecord):
    """A run as it stands in the leaderboard; times are in UTC.

    Attributes:
        id: the run's number in this leaderboard.
        uid: the run's name in every leaderboard that it is merged into.
        status: how it went.
        phase: the phase it is in, or in which it ended.
        error_class: the exception's class, where it failed.
        error_message: what happened, in one line.
        images_seen: in training.
        train_seconds: time spent in training, over all resumed parts.
        images_per_second: in training, warm-up excluded.
        seconds_per_volume: of prediction.
        peak_memory_bytes: of the process.
        peak_device_memory_bytes: on the accelerator, where there is one.
        parameter_count: trained numbers of the networks used in prediction.
    """

    id: int
    uid: str
    status: Status
    created_at: datetime
    phase: str | None = None
    error_class: str | None = None
    error_message: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    images_seen: int | None = None
    train_seconds: float | None = None
    images_per_second: float | None = None
    seconds_per_volume: float | None = None
    peak_memory_bytes: int | None = None
    peak_device_memory_bytes: int | None = None
    parameter_count: int | None = None


class RunChanges(TypedDict, total=False):
    """What may change of a run after it was planned."""

    status: Status
    phase: str | None
    error_class: str | None
    error_message: str | None
    log_path: str | None
    started_at: datetime | None
    ended_at: datetime | None
    device: str | None
    machine: Mapping[str, object]
    environment: Mapping[str, object]
    images_seen: int | None
    train_seconds: float | None
    images_per_second: float | None
    seconds_per_volume: float | None
    peak_memory_bytes: int | None
    peak_device_memory_bytes: int | None
    parameter_count: int | None
    verification: Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRecord:
    """One metric of one prediction in one region, at full precision.

    Attributes:
        participant: whose prediction; None where the score belongs to all test participants together, as FID does.
        region: `body`, `volume`, or an organ's name.
        metric: the metric's name.
        convention_id: names formula, window, mask and version; scores of two conventions are never compared.
        value: the score, None where it could not be computed.
        unit: of the value, empty for a plain number.
        higher_is_better: the metric's direction; None for one that has none.
        reason: why the value is missing.
        extra: what belongs to the score: number of images, extractor's digest, real-against-real floor.
        facts: how the metric is shown, the same for all its scores; None where nobody said.
    """

    participant: str | None
    region: str
    metric: str
    convention_id: str
    value: float | None
    unit: str
    higher_is_better: bool | None
    reason: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    facts: MetricFacts | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what would make every mean that it enters meaningless."""
        whose = f"the {self.metric} of {self.participant or 'all participants'}"
        if self.value is not None and math.isnan(self.value):
            raise LeaderboardError(f"{whose} is not a number: give None and the reason instead")
        if self.value is None and not self.reason:
            raise LeaderboardError(f"{whose} is missing without a reason: say why it could not be computed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow(ScoreRecord):
    """A score as it stands in the leaderboard, with the protocol version under which it was computed."""

    run_id: int
    protocol: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """How long one phase of a run took; a resumed run has several rows of one phase."""

    run_id: int
    phase: str
    seconds: float
    recorded_at: datetime
