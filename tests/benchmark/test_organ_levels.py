"""The regressions behind `predictable`, against numpy's own, over every number of training participants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.benchmark.docs_reader import DOCS

from petbench.runs.organ_levels import (
    BLOOD,
    FEWEST,
    fit_levels,
    leave_one_out,
    mean_levels,
    predicted_levels,
)
from petbench.runs.organ_regions import AIR, REST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from petbench.runs.organ_levels import Levels

    Array = NDArray[np.float64]

HOW: dict[str, Callable[[float, float, float], float]] = {
    "determined": lambda early, blood, noise: 0.2 + early + 0.01 * noise,
    "steep": lambda early, blood, noise: 0.3 + 1.8 * early + 0.01 * noise,
    "of the blood": lambda early, blood, noise: 0.1 + 0.4 * early + 2.0 * blood + 0.01 * noise,
    "lottery": lambda early, blood, noise: 0.5 * noise,
}
"""How the logarithm of delayed uptake comes about in four invented organs."""


def invented(count: int, seed: int = 1) -> dict[str, Levels]:
    """Return the levels of so many participants, drawn freely."""
    random = np.random.default_rng(seed)
    people: dict[str, Levels] = {}
    for number in range(count):
        blood = 0.15 * random.standard_normal()
        levels: Levels = {BLOOD: (float(np.exp(1.2 + blood)), float(np.exp(0.7 + blood)))}
        for organ, make in HOW.items():
            early = 0.3 * random.standard_normal()
            levels[organ] = (float(np.exp(early)), float(np.exp(make(early, blood, random.standard_normal()))))
        people[f"sub-{number:02d}"] = levels
    return people


def columns(people: Sequence[Levels], organ: str) -> tuple[Array, Array, Array]:
    """Return the logarithms of early, delayed and early blood levels."""
    table = np.log([(*levels[organ], levels[BLOOD][0]) for levels in people])
    return table[:, 0], table[:, 1], table[:, 2]


def by_hand(kind: str, people: Sequence[Levels], organ: str, who: Levels) -> float:
    """Return the logarithm that one model predicts, straight from its definition."""
    early, delayed, blood = columns(people, organ)
    (own,), _, (own_blood,) = columns([who], organ)
    if kind == "ratio":
        return float(own + np.mean(delayed - early))
    design = [np.ones_like(early), early, *([blood] if kind == "line with blood" else [])]
    weights = np.linalg.lstsq(np.stack(design, axis=1), delayed, rcond=None)[0]
    return float(weights @ [1.0, own, own_blood][: len(weights)])


def chosen_by_hand(people: Sequence[Levels], organ: str) -> str:
    """Return the model with the least error when each participant is left out in turn, refitting every time."""
    allowed = [kind for kind, fewest in FEWEST.items() if len(people) >= fewest]
    if len(allowed) == 1:
        return allowed[0]

    def error(kind: str) -> float:
        found = 0.0
        for left_out, who in enumerate(people):
            others = [*people[:left_out], *people[left_out + 1 :]]
            found += (by_hand(kind, others, organ, who) - np.log(who[organ][1])) ** 2
        return float(found)

    return min(allowed, key=error)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 10, 11, 19, 20, 40])
def test_the_model_is_the_one_that_leaves_least_when_each_is_left_out_and_predicts_what_numpy_does(count: int) -> None:
    (who, *people) = invented(count + 1).values()
    models = fit_levels(people)
    predicted = predicted_levels(who, models)
    for organ in HOW:
        kind = chosen_by_hand(people, organ)
        assert models[organ].kind == kind, organ
        assert np.log(predicted[organ]) == pytest.approx(by_hand(kind, people, organ, who), abs=1e-9), organ


def test_few_participants_give_a_ratio_and_many_a_line_or_the_blood_where_it_helps() -> None:
    people = list(invented(40).values())
    kinds = {count: {organ: model.kind for organ, model in fit_levels(people[:count]).items()} for count in (9, 19, 40)}
    assert set(kinds[9].values()) == {"ratio"}
    assert kinds[19]["steep"] == "line"
    assert kinds[40]["steep"].startswith("line")
    assert kinds[40]["of the blood"] == "line with blood"
    assert kinds[40][BLOOD] != "line with blood"


@pytest.mark.parametrize("count", [2, 6, 14, 25])
def test_the_table_is_that_of_predicting_each_from_all_others(count: int) -> None:
    people = invented(count)
    for found in leave_one_out(people):
        if found.organ == BLOOD:
            continue
        predicted, true, plain = [], [], []
        for name, who in people.items():
            others = [levels for other, levels in people.items() if other != name]
            predicted.append(by_hand(chosen_by_hand(others, found.organ), others, found.organ, who))
            true.append(np.log(who[found.organ][1]))
            plain.append(np.mean([np.log(levels[found.organ][1]) for levels in others]))
        error = np.subtract(predicted, true)
        assert found.participants == count
        assert found.residual_percent == pytest.approx(100 * np.sqrt(np.mean(error**2)))
        assert found.r_squared == pytest.approx(1 - np.sum(error**2) / np.sum(np.subtract(plain, true) ** 2))


def test_the_page_says_how_many_participants_each_regression_needs() -> None:
    rows = re.findall(
        r"^\| ([a-z ]+) \| α[^|]+\| (\d+) \|$", (DOCS / "predictable.md").read_text("utf-8"), re.MULTILINE
    )
    assert {kind: int(count) for kind, count in rows} == FEWEST


def test_what_is_determined_and_what_is_a_lottery_are_told_apart() -> None:
    found = {organ.organ: organ for organ in leave_one_out(invented(40))}
    for organ in ("determined", "steep", "of the blood"):
        assert (found[organ].r_squared or 0.0) > 0.97, organ
        assert found[organ].residual_percent < 2.0, organ
    assert abs(found["lottery"].r_squared or 0.0) < 0.2
    assert found["lottery"].residual_percent > 30.0


def test_an_organ_that_nobody_has_shown_changes_as_the_rest_of_the_body_does() -> None:
    training: list[Levels] = [{REST: (1.0, 0.5)}, {REST: (2.0, 1.0)}]
    assert predicted_levels({REST: (3.0, 9.0), "uterus": (2.0, 9.0)}, fit_levels(training)) == pytest.approx(
        {REST: 1.5, "uterus": 1.0}
    )


def test_without_early_uptake_nothing_is_predicted_and_nothing_is_learnt() -> None:
    training: list[Levels] = [{"csf": (0.0, 1.0), "liver": (2.0, 1.0)}, {"csf": (1.0, 0.0), "liver": (2.0, 1.0)}]
    models = fit_levels(training)
    assert models.keys() == {"liver"}
    assert predicted_levels({"liver": (0.0, 3.0)}, models) == {"liver": 0.0}
    assert [organ.organ for organ in leave_one_out({"a": training[0], "b": training[1]})] == ["liver"]


def test_levels_are_means_in_the_regions_that_have_voxels_and_the_air_is_none() -> None:
    regions = np.array([0, 1, 1, 2])
    levels = mean_levels(
        np.array([9.0, 1.0, 3.0, 5.0]), np.array([9.0, 2.0, 2.0, 7.0]), regions, (AIR, REST, "liver", "spleen")
    )
    assert levels == {REST: (2.0, 2.0), "liver": (5.0, 7.0)}
