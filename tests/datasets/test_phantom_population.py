"""Who is simulated: sample statistics are those of the population, organ by organ."""

from __future__ import annotations

import dataclasses
from statistics import correlation, fmean, stdev

import numpy as np
import pytest

from petbench_phantom.fields import generator
from petbench_phantom.organs import ORGANS
from petbench_phantom.population import population
from petbench_phantom.regions import REGIONS, SPREADS
from petbench_phantom.sampling import matched, mixed, stratified
from petbench_phantom.spec import PROFILES
from petbench_phantom.targets import TARGETS
from petbench_phantom.uptake import sample_uptake


def test_matched_columns_have_mean_0_variance_1_and_no_correlation() -> None:
    random = generator(1)
    first = matched(random, 18)
    second = matched(random, 18, [first])
    third = mixed(first, second, 0.6)
    for column in (first, second, third):
        assert fmean(column) == pytest.approx(0, abs=1e-8)
        assert stdev(column) == pytest.approx(1, abs=1e-8)
    assert correlation(first, second) == pytest.approx(0, abs=1e-8)
    assert correlation(first, third) == pytest.approx(0.6, abs=1e-8)


def test_stratified_draws_take_one_value_from_each_layer() -> None:
    values = sorted(stratified(generator(2), 4))
    edges = [-np.inf, -0.6744897501960817, 0.0, 0.6744897501960817, np.inf]
    assert all(low < value < high for low, value, high in zip(edges, values, edges[1:], strict=False))


def test_every_region_has_the_spread_and_correlation_asked_for() -> None:
    pairs, _ = sample_uptake(generator(3), 18)
    for region, organs in REGIONS.items():
        organ = next(other for other in ORGANS if other.name == organs[0])
        if organ.kind == "blood" or region in ("Heart", "Brain"):
            continue
        target = TARGETS[region]
        early, delayed = (np.log([pair[which] for pair in pairs[organ.name]]) for which in (0, 1))
        factors = SPREADS.get(region, (1.0, 1.0, target.correlation))
        assert np.std(early, ddof=1) == pytest.approx(factors[0] * target.early_log_sd, rel=1e-3), region
        assert np.std(delayed, ddof=1) == pytest.approx(factors[1] * target.delayed_log_sd, rel=1e-3), region
        assert np.corrcoef(early, delayed)[0, 1] == pytest.approx(factors[2], abs=0.08), region
        assert np.mean(np.exp(early)) == pytest.approx(organ.early, rel=1e-6), region


def test_half_of_the_participants_are_women_and_bodies_are_of_this_world() -> None:
    people = population(PROFILES["fdg-phantom"])
    assert [person.sex for person in people].count("F") == 9
    assert len({person.name for person in people}) == 18
    for person in people:
        assert 145 < person.height_centimetres < 200
        assert 50 <= person.weight_kilograms <= 112
        assert 3.2 < person.dose_megabecquerel / person.weight_kilograms < 4.2
        assert person.bladder_millilitres[1] > person.bladder_millilitres[0]
    weights = {sex: [p.weight_kilograms for p in people if p.sex == sex] for sex in "FM"}
    assert fmean(weights["F"]) == pytest.approx(73, abs=4)
    assert fmean(weights["M"]) == pytest.approx(82, abs=4)


def test_nobody_holds_much_more_activity_than_was_injected() -> None:
    for person in population(PROFILES["fdg-phantom"]):
        brain = person.curves["grey_matter"].mean(42, 63) * 900 / (1000 * person.weight_kilograms)
        assert brain < 0.25


def test_the_same_seed_draws_the_same_people_and_another_seed_others() -> None:
    spec = PROFILES["fdg-phantom-mini"]
    assert population(spec) == population(spec)
    other = population(dataclasses.replace(spec, seed=1))
    assert [p.weight_kilograms for p in other] != [p.weight_kilograms for p in population(spec)]
