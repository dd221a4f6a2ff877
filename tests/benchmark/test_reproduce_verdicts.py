"""The sentences of the reproduction: for every outcome that intervals can have."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from petbench.reproduce.contrast import Difference
from petbench.reproduce.departure import STILL_THERE, Departure, departure, describe
from petbench.reproduce.verdicts import against_the_paper, room, who_is_ahead
from petbench_leaderboard.board import Column
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.statistics.intervals import Interval


def column(metric: str, label: str, *, higher: bool | None = True, unit: str = "dB") -> Column:
    return Column(metric, "body", f"{metric}@1", unit, higher, MetricFacts(label=label, decimals=2))


PSNRS = [
    column("psnr_body_suv20", "body"),
    column("psnr_volume_max", "volume"),
    column("psnr_slice_volume_max", "slice"),
]
DISTANCE = column("fd_randconv", "FD", higher=False, unit="")
MAE = column("mae_body_suv", "MAE", higher=False, unit="SUV")


def found(where: Column, verdict: str) -> Difference:
    """Return a difference with this verdict."""
    better = 1.0 if where.higher_is_better else -1.0
    mean = {"ahead": better, "behind": -better}.get(verdict, 0.1)
    return Difference(
        column=where,
        mean=mean,
        interval=Interval(mean - 0.5, mean + 0.5),
        separated=verdict in ("ahead", "behind"),
        detectable=0.75 if verdict == "open" else None,
        reason="2 participants can decide nothing" if verdict == "undecided" else "",
    )


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("verdict", ["ahead", "behind", "open", "undecided"])
def test_a_verdict_follows_from_interval_test_and_direction(verdict: str, higher: bool) -> None:
    assert found(column("m", "m", higher=higher), verdict).verdict == verdict


def test_a_metric_without_a_direction_decides_nothing() -> None:
    where = column("noise_power_ratio", "noise", higher=None)
    assert Difference(column=where, mean=1.0, interval=Interval(0.5, 1.5), separated=True).verdict == "undecided"


def test_a_sentence_names_every_metric_once_with_its_side() -> None:
    verdicts = ("ahead", "behind", "open", "undecided")
    columns = [column(f"m{number}", f"metric {number}") for number in range(8)]
    differences = [found(where, verdicts[number % 4]) for number, where in enumerate(columns)]
    said = who_is_ahead("A", "B", differences)
    assert said == (
        "A is ahead of B in metric 0 (dB) and metric 4 (dB). B is ahead of A in metric 1 (dB) and metric 5 (dB). "
        "A and B cannot be told apart in metric 2 (dB) and metric 6 (dB) (four of five such experiments would find "
        "0.75 dB, 0.75 dB). Nothing can be said of metric 3 (dB) and metric 7 (dB): 2 participants can decide nothing."
    )
    assert "tie" not in said


@pytest.mark.parametrize("outcome", list(product(("ahead", "behind", "open", "undecided"), repeat=2)))
def test_the_paper_is_confirmed_only_where_every_reported_metric_says_so(outcome: tuple[str, str]) -> None:
    of_psnr, of_distance = outcome
    differences = [*(found(where, of_psnr) for where in PSNRS), found(DISTANCE, of_distance), found(MAE, "behind")]
    said = against_the_paper("pix2pix", "CycleGAN", differences)
    begins = {
        ("ahead", "ahead"): "The paper's order is found: pix2pix is ahead of CycleGAN in body (dB), volume (dB), ",
        ("behind", "behind"): "The contrary of the paper's order is found: CycleGAN is ahead of pix2pix in body (dB)",
        ("open", "open"): "The paper's result is not reproduced: pix2pix and CycleGAN cannot be told apart in body",
        ("open", "undecided"): "The paper's result is not reproduced: pix2pix and CycleGAN cannot be told apart in",
        ("undecided", "open"): "The paper's result is not reproduced: pix2pix and CycleGAN cannot be told apart in",
        ("undecided", "undecided"): "Nothing can be decided yet between pix2pix and CycleGAN: 2 participants can",
    }.get(outcome, "The paper's order is found in part. " if "ahead" in outcome else "The paper's order is not found. ")
    assert said.startswith(begins)
    assert "MAE" not in said, "the paper does not report it"
    assert said.endswith(".")
    assert len(said.splitlines()) == 1


def test_one_convention_against_the_others_is_told() -> None:
    verdicts = ("ahead", "ahead", "open")
    said = against_the_paper("pix2pix", "CycleGAN", [found(*each) for each in zip(PSNRS, verdicts, strict=True)])
    assert said.startswith("The paper's order is found in part. pix2pix is ahead of CycleGAN in body (dB) and volume")
    assert "cannot be told apart in slice (dB)" in said


def test_a_distance_that_could_not_be_computed_neither_confirms_nor_denies() -> None:
    missing = Difference(column=DISTANCE, mean=None, reason="weights unavailable")
    said = against_the_paper("pix2pix", "CycleGAN", [*(found(where, "ahead") for where in PSNRS), missing])
    assert said == "The paper's order is found: pix2pix is ahead of CycleGAN in body (dB), volume (dB) and slice (dB)."


@pytest.mark.parametrize(
    ("rooms", "said"),
    [
        (
            {"body": 7.0, "volume": 5.0},
            "cannot appear unless the method that is behind falls below the early image, by at least 3.4, 5.4 dB.",
        ),
        (
            {"body": 7.0, "volume": 12.0},
            "cannot appear in body unless the method that is behind falls below the early image, by at least 3.4 dB.",
        ),
        ({"body": 11.0, "volume": 12.0}, "That leaves room for the paper's gap of 10.4 dB."),
    ],
)
def test_the_room_for_a_gap_is_that_of_the_rows(rooms: dict[str, float], said: str) -> None:
    text = " ".join(room(rooms, 10.4, dict.fromkeys(rooms, -0.25), "equal images"))
    assert said in text
    assert f"what can be predicted at all lies {rooms['body']:.1f}, {rooms['volume']:.1f} dB above" in text
    assert "CycleGAN, equal images, lies −0.25, −0.25 dB from the early image." in text
    assert "CycleGAN" not in " ".join(room(rooms, 10.4, dict.fromkeys(rooms, None), "equal images"))


def volumes() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(4)
    early = random.uniform(0.5, 4.0, (6, 8, 8)).astype(np.float32)
    delayed = (early * random.uniform(0.4, 1.8, early.shape)).astype(np.float32)
    return early, delayed, random.uniform(size=early.shape) > 0.4


def test_the_early_image_has_not_left_and_the_delayed_one_has_arrived() -> None:
    early, delayed, body = volumes()
    assert departure(early, early, delayed, body) == (0.0, 0.0)
    assert departure(delayed, early, delayed, body) == pytest.approx((1.0, 1.0))
    half = (0.5 * (early.astype(np.float64) + delayed)).astype(np.float32)
    assert departure(half, early, delayed, body) == pytest.approx((0.5, 0.5), abs=1e-6)


def test_how_far_an_image_has_moved_is_told_apart_from_where_to() -> None:
    early, delayed, body = volumes()
    change = delayed.astype(np.float64) - early
    aside = np.random.default_rng(5).normal(size=early.shape)
    aside -= change * (aside[body] @ change[body]) / (change[body] @ change[body])
    moved, gain = departure((early + aside).astype(np.float32), early, delayed, body)
    assert gain == pytest.approx(0.0, abs=1e-6)
    assert moved == pytest.approx(np.abs(aside[body]).mean() / np.abs(change[body]).mean(), rel=1e-5)
    slope = np.linalg.lstsq(change[body][:, None], (0.3 * change + aside)[body], rcond=None)[0][0]
    found_gain = departure((early + 0.3 * change + aside).astype(np.float32), early, delayed, body)[1]
    assert found_gain == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize(
    ("moved", "gain", "interval", "said"),
    [
        (
            0.5 * STILL_THERE,
            0.001,
            Interval(0.0, 0.002),
            "CycleGAN still returns the early image: it changes it by 2.5%",
        ),
        (0.9, 0.4, Interval(0.3, 0.5), "CycleGAN has left the early image, towards the delayed one: "),
        (0.9, 0.1, Interval(-0.1, 0.3), "CycleGAN has left the early image, but not towards the delayed one: "),
        (0.9, 0.4, None, "whether towards the delayed one, too few participants say."),
    ],
)
def test_it_is_said_whether_the_early_image_was_left(
    moved: float, gain: float, interval: Interval | None, said: str
) -> None:
    found = Departure(seeds=5, moved=moved, gain=gain, moved_interval=None, gain_interval=interval)
    assert said in describe("CycleGAN", found)
