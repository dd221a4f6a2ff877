"""What a run's process and the process that scores say to each other."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from petbench.settings import Settings
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Iterable


class MetricPlugin(BaseModel):
    """A plugin that brings metrics.

    Attributes:
        distribution: the installed package that brings it.
        name: of its entry point.
        brings_methods: whether it brings methods, too: its code then runs in no process that scores by other metrics.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    distribution: str
    name: str
    brings_methods: bool


class ScoringTask(BaseModel):
    """What is scored, and how.

    Attributes:
        settings: of the user.
        plan: of the run, as JSON values.
        plugins: whose metrics are computed, and no others.
        own_alone: whether these plugins bring methods, too: nothing but their own metrics is computed then.
        device: where features are computed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Settings
    plan: dict[str, Any]
    plugins: tuple[MetricPlugin, ...]
    own_alone: bool
    device: str


class ScoringOrder(BaseModel):
    """Which predictions to score: those of test participants, or those of validation participants.

    Attributes:
        kind: which of the two.
        folder: of the predictions.
        digests: `voxel_digest` of each participant's prediction as it was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["test", "validation"]
    folder: Path
    digests: dict[str, str] | None


def records_as_json(records: Iterable[ScoreRecord]) -> list[dict[str, Any]]:
    """Return scores as JSON values."""
    return [dataclasses.asdict(record) for record in records]


def records_from_json(values: Iterable[dict[str, Any]]) -> list[ScoreRecord]:
    """Return the scores that `records_as_json` gave."""
    return [
        ScoreRecord(**value | {"facts": None if value["facts"] is None else MetricFacts(**value["facts"])})
        for value in values
    ]
