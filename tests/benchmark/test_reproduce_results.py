"""The arithmetic of the comparison: spreads over participants and seeds, and the gap."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench.reproduce.results import PSNR_CONVENTIONS, Gap, gather
from petbench_leaderboard.records import RunRecord, RunRow, ScoreRecord
from petbench_leaderboard.statistics.intervals import Interval
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def record(method: str, seed: int, fold: int, participants: tuple[str, ...], everyone: tuple[str, ...]) -> RunRecord:
    return RunRecord(
        identity=f"{method}{seed}{fold}",
        method=method,
        plugin="gan",
        distribution="petbench",
        version="0.1.0",
        source_hash="0",
        supervision="paired",
        preset="paper",
        parameters={},
        dataset="d",
        fingerprint="f",
        split="cv2",
        split_digest="s",
        fold=fold,
        seed=seed,
        precision="fp32",
        budget="images=8",
        protocol=1,
        test_participants=participants,
        split_participants=everyone,
    )


PARTICIPANTS = ("sub-01", "sub-02", "sub-03", "sub-04")


@pytest.fixture
def invented(tmp_path: Path) -> Iterator[tuple[Leaderboard, list[RunRow], dict[str, Any]]]:
    """Two methods, two seeds and two folds of two participants each, random scores of shape (seeds, participants)."""
    random = np.random.default_rng(3)
    scores = {"pix2pix": random.normal(40.0, 2.0, (2, 4)), "cyclegan": random.normal(33.0, 2.0, (2, 4))}
    rows = []
    with Leaderboard.open(tmp_path / "leaderboard.db") as store:
        for method, table in scores.items():
            for seed in range(2):
                for fold in range(2):
                    participants = PARTICIPANTS[2 * fold : 2 * fold + 2]
                    run_id = store.plan(record(method, seed, fold, participants, PARTICIPANTS))
                    found = [
                        ScoreRecord(
                            participant=who, region="volume", metric=metric, convention_id=metric,
                            value=float(table[seed, PARTICIPANTS.index(who)]), unit="dB", higher_is_better=True,
                        )
                        for metric in PSNR_CONVENTIONS for who in participants
                    ]  # fmt: skip
                    store.record_scores(run_id, found)
                    store.update(run_id, status="ok")
                    rows.append(store.run(run_id))
        yield store, rows, scores


def test_the_gap_is_paired_by_participant_over_seeds_and_folds(
    invented: tuple[Leaderboard, list[RunRow], dict[str, Any]],
) -> None:
    store, rows, scores = invented
    difference = scores["pix2pix"] - scores["cyclegan"]
    results = gather(rows, ("cyclegan", "pix2pix"), store)
    for gap in results.gaps:
        assert gap.mean == pytest.approx(difference.mean())
        assert gap.standard_deviation == pytest.approx(difference.mean(axis=0).std(ddof=1))
        assert gap.seed_standard_deviation == pytest.approx(difference.mean(axis=1).std(ddof=1))
        assert gap.by_participant == pytest.approx(dict(zip(PARTICIPANTS, difference.mean(axis=0), strict=True)))
        assert gap.error_ratio == pytest.approx(10 ** (difference.mean() / 20))
        assert gap.interval is not None
        assert difference.mean() in gap.interval
        assert gap.wilcoxon_p == pytest.approx(0.125)  # 2 / 2⁴, as pix2pix is better in all four


def test_the_table_gives_the_spread_of_participants_and_that_of_seeds(
    invented: tuple[Leaderboard, list[RunRow], dict[str, Any]],
) -> None:
    store, rows, scores = invented
    results = gather(rows, ("cyclegan", "pix2pix", "repeat-scan"), store)
    assert [line.name for line in results.lines] == ["cyclegan", "pix2pix"]
    for name, table in scores.items():
        cell = results.line(name).cells["psnr_volume_max"]
        assert cell.mean == pytest.approx(table.mean())
        assert cell.standard_deviation == pytest.approx(table.mean(axis=0).std(ddof=1))
        assert cell.seed_standard_deviation == pytest.approx(table.mean(axis=1).std(ddof=1))


@pytest.mark.parametrize(
    ("by_participant", "interval", "distinguished"),
    [
        ({"a": 1.0, "b": 0.1}, None, True),
        ({"a": 9.0, "b": -0.1}, None, False),
        ({"a": 9.0, "b": -0.1}, Interval(0.5, 8.0), True),
        ({"a": 1.0, "b": 0.1}, Interval(-0.5, 3.0), False),
    ],
)
def test_pix2pix_is_ahead_only_where_the_participants_say_so(
    by_participant: dict[str, float], interval: Interval | None, distinguished: bool
) -> None:
    gap = Gap(
        metric="psnr_volume_max",
        mean=statistics.fmean(by_participant.values()),
        standard_deviation=None,
        seed_standard_deviation=None,
        interval=interval,
        by_participant=by_participant,
        wilcoxon_p=1.0,
    )
    assert gap.distinguished is distinguished
