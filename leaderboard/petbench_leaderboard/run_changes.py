"""What may change of a run after it was planned."""

# Annotations are evaluated here: they are compared with those of `RunRow`.
from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from petbench_leaderboard.records import RunPurpose, Status, Verification


class RunChanges(TypedDict, total=False):
    """What may change of a run after it was planned; the types are those of `RunRow`."""

    status: Status
    phase: str | None
    error_class: str | None
    error_message: str | None
    fault: str | None
    isolation: str | None
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
    validation_score: float | None
    validation_metric: str | None
    validation_convention: str | None
    validation_history: Mapping[str, object]
    subgroups: Mapping[str, object]
    verification: Verification
    submitter: str
    purpose: RunPurpose
    keep_samples: int
    tuning: Mapping[str, object]
