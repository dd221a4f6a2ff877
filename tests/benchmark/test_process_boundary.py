"""What crosses from the processes of a method and of its scoring into a run: taken as it was sent, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench.errors import DataError, PluginError
from petbench.evaluation.reader import check_unchanged, voxel_digest
from petbench.methods.program.protocol import ClockReading
from petbench.runs.method_process import messages
from petbench.runs.scoring.messages import MetricPlugin, records_as_json, records_from_json
from petbench.runs.scoring.parent import scoring_tasks
from petbench.runs.training_costs import take_over
from petbench.settings import Settings
from petbench.training.clock import TrainingClock
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from pathlib import Path


def test_changed_voxels_are_not_those_that_were_written(tmp_path: Path) -> None:
    volume = np.ones((2, 3, 4), dtype=np.float32)
    digest = voxel_digest(volume)
    check_unchanged(tmp_path, volume, digest)
    check_unchanged(tmp_path, volume, None)
    volume[0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(DataError, match="is not the prediction that the run wrote"):
        check_unchanged(tmp_path, volume, digest)


def trained(**changed: Any) -> messages.Trained:
    reading = {"before": 0.0, "wall_before": 0.0, "steps": 1.0, "stood_still": {}, "warm_up_images": 0, **changed}
    return messages.Trained(
        images_seen=10, images_at_start=0, interrupted=False, failed=False, clock=ClockReading(**reading)
    )


def test_a_method_s_process_cannot_stop_the_clock_of_its_training() -> None:
    with pytest.raises(PluginError, match="stood still for 3600"):
        take_over(TrainingClock(), trained(stood_still={"checkpoint": 3600.0}), validates=False)
    clock = TrainingClock()
    take_over(clock, trained(stood_still={"validation": 0.4}), validates=False)
    assert clock.stood_still == {}  # nobody validated
    clock = TrainingClock()
    take_over(clock, trained(wall_before=9.0), validates=False)
    assert clock.wall_before == 0.0  # nothing came before


def test_scores_arrive_as_they_were_computed() -> None:
    facts = MetricFacts(label="PSNR", best_value=1.0)
    score = ScoreRecord(
        participant="sub-01", region="body", metric="psnr", convention_id="psnr@1", value=0.1 + 0.2, unit="dB",
        higher_is_better=True, extra={"n": [1, 2.5]}, facts=facts,
    )  # fmt: skip
    missing = ScoreRecord(
        participant=None, region="body", metric="fid", convention_id="fid@1", value=None, unit="",
        higher_is_better=False, reason="no weights",
    )  # fmt: skip
    found = records_from_json(records_as_json([score, missing]))
    assert found == [score, missing]
    assert found[0].facts == facts


def test_metrics_of_a_plugin_with_methods_are_computed_in_a_process_of_their_own(tmp_path: Path) -> None:
    plain = MetricPlugin(distribution="petbench", name="metrics", brings_methods=False)
    both = MetricPlugin(distribution="mine", name="mine", brings_methods=True)

    class Plan:
        def to_dict(self) -> dict[str, Any]:
            return {}

    settings = Settings(home=tmp_path)
    first, second = scoring_tasks(settings, Plan(), [plain, both], "cpu")  # type: ignore[arg-type]
    assert first.plugins == (plain,)
    assert second is not None
    assert (second.plugins, second.own_alone) == ((both,), True)
    assert len(scoring_tasks(settings, Plan(), [plain], "cpu")) == 1  # type: ignore[arg-type]
