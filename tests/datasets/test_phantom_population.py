"""Who is simulated: sample statistics are those of the population, organ by organ."""

from __future__ import annotations

import dataclasses
from statistics import correlation, fmean, stdev
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from petbench_phantom.fields import generator
from petbench_phantom.organs import ORGANS
from petbench_phantom.population import population
from petbench_phantom.regions import REGIONS, SPREADS
from petbench_phantom.sampling import independent, matched, mixed, stratified
from petbench_phantom.spec import PROFILES
from petbench_phantom.targets import TARGETS
from petbench_phantom.uptake import sample_uptake

if TYPE_CHECKING:
    from petbench_phantom.sampling import Draw

pytestmark = pytest.mark.slow  # draws hundreds of people


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
    pairs, _ = sample_uptake(generator(3), 18, matched)
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


def _standardised_means(count: int, draw: Draw, seeds: range) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return, over datasets of several seeds, how far their organs' mean SUV lies from the population's, in its SE."""
    rows = []
    for seed in seeds:
        pairs, _ = sample_uptake(generator(seed), count, draw)
        for region, organs in REGIONS.items():
            organ = next(other for other in ORGANS if other.name == organs[0])
            if organ.kind != "tissue" or organ.alone:
                continue
            factor = SPREADS.get(region, (1.0, 1.0, 0.0))[1]
            spread = np.sqrt(np.expm1((factor * TARGETS[region].delayed_log_sd) ** 2))
            mean = fmean(delayed for _, delayed in pairs[organ.name])
            rows.append((mean / organ.delayed - 1) / (spread / np.sqrt(count)))
    return np.array(rows)


def test_people_who_are_drawn_freely_miss_the_population_as_samples_do_and_matched_ones_do_not() -> None:
    free = _standardised_means(60, independent, range(20))
    assert np.std(free) == pytest.approx(1.0, abs=0.1)
    assert np.mean(free) == pytest.approx(0.0, abs=0.3)
    assert np.std(_standardised_means(18, matched, range(20))) < 0.1


def test_independent_columns_are_standard_normal_up_to_three_deviations() -> None:
    values = np.array(independent(generator(5), 20_000))
    assert stats.kstest(values, "norm").pvalue > 0.01
    assert np.abs(values).max() == 3.0


def test_people_who_are_drawn_freely_are_women_and_men_by_chance_and_heavier_with_more_brain_uptake() -> None:
    people = population(dataclasses.replace(PROFILES["fdg-phantom-60"], participants=100, seed=3))
    assert 0.35 < fmean(person.sex == "F" for person in people) < 0.65
    assert [person.sex for person in people] != ["F", "M"] * 50
    women = [person for person in people if person.sex == "F"]
    weights = [person.weight_kilograms for person in women]
    assert fmean(weights) == pytest.approx(73, abs=6)
    brains = [person.curves["grey_matter"].mean(42, 63) for person in women]
    assert 0.7 < correlation(np.log(weights).tolist(), np.log(brains).tolist()) < 0.97
    assert 0.0 < correlation(weights, [person.height_centimetres for person in women]) < 0.7


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


@pytest.mark.parametrize("profile", ["fdg-phantom", "fdg-phantom-60"])
def test_nobody_holds_much_more_activity_than_was_injected(profile: str) -> None:
    for person in population(PROFILES[profile]):
        brain = person.curves["grey_matter"].mean(42, 63) * 900 / (1000 * person.weight_kilograms)
        assert brain < 0.25


def test_the_same_seed_draws_the_same_people_and_another_seed_others() -> None:
    spec = PROFILES["fdg-phantom"]
    assert population(spec) == population(spec)
    other = population(dataclasses.replace(spec, seed=1))
    assert [p.weight_kilograms for p in other] != [p.weight_kilograms for p in population(spec)]
