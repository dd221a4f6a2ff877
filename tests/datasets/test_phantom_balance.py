"""Nobody holds more activity than was injected: what the body of a balanced participant adds up to, voxel by voxel."""

from __future__ import annotations

import dataclasses
import math
from statistics import fmean
from typing import TYPE_CHECKING

import pytest

from petbench_datasets.errors import DataError
from petbench_datasets.images.windows import minutes
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_phantom.acquisition import slice_times
from petbench_phantom.balance import HELD, LEAST, MOST, REMAINING, balanced
from petbench_phantom.build import _check_settings
from petbench_phantom.curves import Scaled
from petbench_phantom.participant import _still
from petbench_phantom.population import population
from petbench_phantom.spec import PROFILES
from petbench_phantom.writing import settings, settings_path, write_settings

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_phantom.population import Participant
    from petbench_phantom.spec import PhantomSpec

MINI = PROFILES["fdg-phantom-mini"]
WINDOWS = (DEFAULT_TASK.early_seconds, DEFAULT_TASK.delayed_seconds)
COARSE = dataclasses.replace(
    MINI,
    name="coarse",
    shape=(49, 32, 32),
    spacing_millimetres=(40.0, 21.38, 21.38),
    supersampling=(2, 2, 2),
    balanced_activity=False,
)


@pytest.fixture(scope="module")
def sampled() -> list[Participant]:
    """People as they were sampled: some hold more than was injected."""
    return population(COARSE)


@pytest.fixture(scope="module")
def evened(sampled: list[Participant]) -> list[Participant]:
    """The same people, balanced."""
    return [balanced(COARSE, person) for person in sampled]


def held(spec: PhantomSpec, person: Participant) -> list[float]:
    """Return the activity in the field over the injected activity at each frame, summed over the image's voxels."""
    litres = 1e-6 * math.prod(spec.spacing_millimetres)
    frames = (_still(spec, person, slice_times(spec, window), frame) for frame, window in enumerate(WINDOWS))
    return [float(tissues.activity.sum()) * litres / person.weight_kilograms for tissues in frames]


def factor(person: Participant, organ: str) -> float:
    curve = person.curves[organ]
    assert isinstance(curve, Scaled)
    return curve.factor


def test_of_the_profiles_the_mini_alone_is_balanced() -> None:
    assert {name for name, spec in PROFILES.items() if spec.balanced_activity and spec.asks == DEFAULT_TASK} == {
        "fdg-phantom-mini"
    }


@pytest.mark.parametrize("name", [name for name, spec in PROFILES.items() if spec.balanced_activity])
def test_in_the_windows_of_every_task_nobody_holds_more_than_was_injected(name: str) -> None:
    spec = dataclasses.replace(COARSE, task=PROFILES[name].task)
    windows = spec.asks.windows_seconds.values()
    for person in (balanced(spec, person) for person in population(spec)[:3]):
        litres = 1e-6 * math.prod(spec.spacing_millimetres)
        frames = (_still(spec, person, slice_times(spec, window), frame) for frame, window in enumerate(windows))
        held_in = [float(frame.activity.sum()) * litres / person.weight_kilograms for frame in frames]
        assert max(held_in) <= 1.0


@pytest.mark.slow
def test_in_the_mini_everybody_holds_what_was_injected_and_nobody_more() -> None:
    for person in population(MINI):
        early, delayed = held(MINI, person)
        assert min(early, delayed) > 0.85, person.name
        assert max(early, delayed) < HELD + 1e-6, person.name


def test_uptake_as_it_was_sampled_exceeds_the_injected_activity_in_some(sampled: list[Participant]) -> None:
    assert max(max(held(COARSE, person)) for person in sampled) > 1.1


@pytest.mark.parametrize("kilograms", [25.0, 40.0, 55.0, 60.0, 70.0, 80.0, 90.0, 110.0, 200.0])
def test_whatever_the_weight_over_the_same_body_the_injected_activity_is_never_exceeded(
    sampled: list[Participant], kilograms: float
) -> None:
    person = dataclasses.replace(sampled[3], weight_kilograms=kilograms)
    after = balanced(COARSE, person)
    before, found = held(COARSE, person), held(COARSE, after)
    rest, common = factor(after, "muscle"), factor(after, "liver")
    assert max(found) < HELD + 1e-6
    assert common <= 1.0
    assert LEAST - 1e-6 < rest / common < MOST + 1e-6
    if common < 1.0:  # even the least that muscle and fat plausibly take is too much
        assert rest / common == pytest.approx(LEAST)
    if max(found) < HELD - 1e-6:  # even the most that they take is too little
        assert rest == pytest.approx(MOST)
        assert max(before) < HELD
    assert all(factor(after, organ) == (rest if organ in REMAINING else common) for organ in after.curves)


def test_the_three_ways_to_balance_are_all_taken_over_that_range(sampled: list[Participant]) -> None:
    light, middle, heavy = (
        balanced(COARSE, dataclasses.replace(sampled[3], weight_kilograms=weight)) for weight in (25.0, 80.0, 200.0)
    )
    assert factor(light, "liver") < 0.6
    assert factor(middle, "liver") == 1.0
    assert max(held(COARSE, middle)) == pytest.approx(HELD)
    assert (factor(heavy, "liver"), factor(heavy, "muscle")) == (1.0, MOST)


def test_every_tissue_keeps_its_delayed_over_early_ratio(sampled: list[Participant], evened: list[Participant]) -> None:
    early, delayed = (minutes(window) for window in WINDOWS)
    for person, after in zip(sampled, evened, strict=True):
        for organ, curve in person.curves.items():
            ratio = after.curves[organ].mean(*delayed) / after.curves[organ].mean(*early)
            assert ratio == pytest.approx(curve.mean(*delayed) / curve.mean(*early), rel=1e-8), organ


def test_on_average_the_remaining_tissue_takes_up_what_it_does_in_people(
    sampled: list[Participant], evened: list[Participant]
) -> None:
    for window in map(minutes, WINDOWS):
        for organ in REMAINING:
            before, after = (fmean(p.curves[organ].mean(*window) for p in people) for people in (sampled, evened))
            assert after == pytest.approx(before, rel=0.15), organ


def test_what_lies_outside_the_field_holds_its_share(sampled: list[Participant], evened: list[Participant]) -> None:
    trunk = dataclasses.replace(COARSE, shape=(25, 32, 32))
    for person, whole in zip(sampled[:2], evened, strict=False):
        part = balanced(trunk, person)
        assert factor(part, "muscle") == pytest.approx(factor(whole, "muscle"), rel=0.03)
        assert max(held(trunk, part)) < 0.85 * HELD


def test_lesions_and_balance_are_refused_together() -> None:
    spec = dataclasses.replace(COARSE, balanced_activity=True, lesions=(1, 2))
    with pytest.raises(DataError, match="coarse: activity cannot be balanced beside lesions; leave out one of the two"):
        population(spec)


def test_a_build_of_before_is_one_that_was_not_balanced(tmp_path: Path) -> None:
    spec = PROFILES["fdg-phantom-60"]
    write_settings(spec, tmp_path)
    written = settings_path(tmp_path)
    assert settings(spec)["balanced_activity"] is False
    written.write_text(written.read_text().replace('"balanced_activity": false,\n', ""))
    assert "balanced_activity" not in written.read_text()
    _check_settings(spec, tmp_path)
    with pytest.raises(DataError, match=r"other settings \(balanced_activity is false, not true\); remove"):
        _check_settings(dataclasses.replace(spec, balanced_activity=True), tmp_path)
