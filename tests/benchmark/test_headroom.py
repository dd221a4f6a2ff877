"""The headroom: the protocol's numbers on a dataset on disk, and where methods fall in it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.datasets.test_phantom_build import SMALL

from petbench.evaluation.metrics.psnr import psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.runs.headroom import FACTORS, METRICS, measure_headroom, scores_by_factor
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.progress import silent
from petbench_datasets.specs import Headroom, HeadroomRow
from petbench_phantom.build import build_phantom
from petbench_phantom.headroom_section import headroom_section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.images.grid import Volume

RANDOM = np.random.default_rng(3)
EARLY = RANDOM.gamma(2.0, 2.0, (6, 9, 8)).astype(np.float32)
EARLY[2, 4, 4] = 60.0  # beyond the window of 0 to 20 SUV
DELAYED = (EARLY * RANDOM.uniform(0.5, 2.0, EARLY.shape)).astype(np.float32)
BODY = RANDOM.random(EARLY.shape) > 0.4
BODY[0] = False


def protocol(predicted: Volume, real: Volume, body: NDArray[np.bool_]) -> tuple[float, float, float]:
    return (
        psnr_body_suv20(predicted, real, body),
        psnr_volume_max(predicted, real),
        psnr_slice_volume_max(predicted, real, body),
    )


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("datasets") / "small"
    build_phantom(SMALL, folder, silent)
    return open_dataset(folder)


@pytest.fixture(scope="module")
def measured(phantom: Dataset) -> tuple[Headroom, Headroom]:
    return measure_headroom(phantom)


def values(headroom: Headroom, name: str) -> tuple[float, ...]:
    return next(row.values for row in headroom.rows if row.name == name)


def in_regions(dataset: Dataset, name: str) -> NDArray[np.int16]:
    """Return organs by their label, the rest of the body as 0, the air as -1."""
    found = dataset.labels(name)
    assert found is not None
    return np.where(dataset.body_mask(name) | (found[0] > 0), found[0], np.int16(-1))


def factor(dataset: Dataset, names: Sequence[str], region: int | None = None) -> float:
    """Return numpy's own least squares factor over participants, in one region or over all voxels."""
    early, delayed = [], []
    for name in names:
        pair = dataset.pair(name)
        where = np.full(pair.early.shape, True) if region is None else in_regions(dataset, name) == region
        early.append(pair.early[where].astype(float))
        delayed.append(pair.delayed[where].astype(float))
    return float(np.linalg.lstsq(np.concatenate(early)[:, None], np.concatenate(delayed), rcond=None)[0][0])


@pytest.mark.slow
def test_identity_and_repeat_scan_have_the_scores_of_the_protocol(
    phantom: Dataset, measured: tuple[Headroom, Headroom]
) -> None:
    held_out, everyone = measured
    pair, body = phantom.pair("sub-06"), phantom.body_mask("sub-06")
    assert held_out.tested == ("sub-06",)
    assert held_out.metrics == METRICS == ("psnr_body_suv20", "psnr_volume_max", "psnr_slice_volume_max")
    assert values(held_out, "identity") == protocol(pair.early, pair.delayed, body)
    repeat = phantom.derivative("sub-06", "rec-delayed_desc-repeat_pet")
    assert repeat is not None
    again = repeat * phantom.plans["sub-06"].delayed.uses[0].scan.suv_per_unit(0)
    assert values(held_out, "repeat-scan") == pytest.approx(protocol(again, pair.delayed, body), abs=1e-6)
    assert everyone.tested == phantom.participants


def test_factors_are_fitted_on_the_training_participants_or_on_all_others(
    phantom: Dataset, measured: tuple[Headroom, Headroom]
) -> None:
    held_out, everyone = measured
    assert held_out.fitted == ("sub-01", "sub-02", "sub-03", "sub-04")
    pair, body, regions = phantom.pair("sub-06"), phantom.body_mask("sub-06"), in_regions(phantom, "sub-06")
    scaled = pair.early * np.float32(factor(phantom, held_out.fitted))
    assert values(held_out, "scale") == pytest.approx(protocol(scaled, pair.delayed, body), abs=1e-4)
    predicted = np.zeros_like(pair.early)
    for region in np.unique(regions):
        learnt = any((in_regions(phantom, name) == region).any() for name in held_out.fitted)
        by = factor(phantom, held_out.fitted, int(region) if learnt else 0)  # else as the rest of the body
        predicted[regions == region] = pair.early[regions == region] * by
    assert values(held_out, "organ-scale") == pytest.approx(protocol(predicted, pair.delayed, body), abs=1e-4)
    assert everyone.fitted == ()
    apart = []
    for name in phantom.participants:
        one = phantom.pair(name)
        others = [other for other in phantom.participants if other != name]
        scaled = one.early * np.float32(factor(phantom, others))
        apart.append(protocol(scaled, one.delayed, phantom.body_mask(name)))
    assert values(everyone, "scale") == pytest.approx(tuple(np.mean(apart, axis=0)), abs=1e-4)


def test_every_factor_scores_as_the_scaled_image_does() -> None:
    rows = scores_by_factor(EARLY, DELAYED, BODY)
    for wanted in (0.5, 1.0, 1.3):
        index = int(np.flatnonzero(np.isclose(FACTORS, wanted))[0])
        scaled = protocol(EARLY * np.float32(wanted), DELAYED, BODY)
        assert tuple(rows[index]) == pytest.approx(scaled, abs=1e-4)


def test_the_best_single_factor_is_found_and_nothing_fitted_passes_it(measured: tuple[Headroom, Headroom]) -> None:
    best = FACTORS[scores_by_factor(EARLY, EARLY * np.float32(1.3), BODY).argmax(axis=0)]
    assert tuple(best) == pytest.approx((1.3, 1.3, 1.3))
    for headroom in measured:
        for row in ("identity", "scale"):
            scores = zip(values(headroom, row), headroom.best_values, strict=True)
            assert all(value <= highest + 0.01 for value, highest in scores), row


def test_a_dataset_without_what_the_headroom_needs_is_refused_in_one_line(body_dataset: Path) -> None:
    with pytest.raises(DataError) as caught:
        measure_headroom(open_dataset(body_dataset))
    assert "\n" not in str(caught.value)


def test_the_page_shows_methods_between_the_references_and_what_can_be_predicted(
    measured: tuple[Headroom, Headroom],
) -> None:
    held_out, everyone = measured
    shown = dataclasses.replace(held_out, methods=(HeadroomRow("net", (33.25, 44.5, 55.75), "run 7; seed 0"),))
    lines = headroom_section(shown, everyone, "headroom.png")
    firsts = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert firsts[2:8] == ["identity", "scale", "organ-scale", "**net**", "predictable", "repeat-scan"]
    assert "| **net** | 33.2 | 44.5 | 55.8 | run 7; seed 0 |" in lines
    assert any("No method has a finished run" in line for line in headroom_section(held_out, everyone, "headroom.png"))
    assert everyone.predictable is not None
    for organ in everyone.predictable.organs:
        (row,) = (line for line in lines if line.startswith(f"| {organ.organ.replace('_', ' ')} |"))
        assert row.endswith(
            f"| {organ.participants} | {organ.model} | {row.split(' | ')[3]} | {organ.residual_percent:.1f} |"
        )
    unknown = [dataclasses.replace(headroom, predictable=None) for headroom in measured]
    text = " ".join(headroom_section(unknown[0], unknown[1], "headroom.png"))
    assert "true activity is not known" in text
    assert "| predictable |" not in text
