"""Blood, tissue and urine against independent numerical integration and the fitted table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import integrate

from petbench_datasets.images.windows import minutes
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_phantom.curves import Urine
from petbench_phantom.input_function import DELAYED_MINUTES, EARLY_MINUTES, InputFunction, with_window_means
from petbench_phantom.kinetics import Rates, mean_suv, solve
from petbench_phantom.organs import ORGANS

if TYPE_CHECKING:
    from petbench_datasets.tasks.task import Task


FDG_TASKS = [task for task in BUILT_IN.values() if task.tracer == DEFAULT_TASK.tracer]


def _blood(at_minutes: float) -> float:
    s = at_minutes - 0.30
    if s < 0:
        return 0.0
    slow = 3.989 * np.exp(-0.2155 * s) + 4.152 * np.exp(-0.01329 * s)
    return float((3209 * s - 8.141) * np.exp(-18.02 * s) + slow)


def _by_integration(
    rates: Rates, windows: tuple[tuple[float, float], ...] = (EARLY_MINUTES, DELAYED_MINUTES)
) -> tuple[float, ...]:
    """Solve the two-tissue equations step by step: nothing in common with the closed form."""

    def change(t: float, state: list[float]) -> list[float]:
        free, bound = state
        into = rates.k1 * _blood(t - rates.delay_seconds / 60)
        return [
            into - (rates.k2 + rates.k3) * free + rates.k4 * bound,
            rates.k3 * free - rates.k4 * bound,
        ]

    last = int(windows[-1][1])
    times = np.linspace(0, last, last * 20 + 1)
    solution = integrate.solve_ivp(change, (0, last), [0.0, 0.0], t_eval=times, max_step=0.02, method="RK23")
    blood = np.array([_blood(t - rates.delay_seconds / 60) for t in times])
    total = (1 - rates.blood) * solution.y.sum(axis=0) + rates.blood * blood
    means = []
    for start, stop in windows:
        inside = (times >= start - 1e-9) & (times <= stop + 1e-9)
        means.append(float(integrate.trapezoid(total[inside], times[inside]) / (stop - start)))
    return tuple(means)


def test_the_blood_curve_has_the_window_means_of_the_fit() -> None:
    blood = InputFunction()
    assert blood.mean(*EARLY_MINUTES) == pytest.approx(3.76, abs=0.01)
    assert blood.mean(*DELAYED_MINUTES) == pytest.approx(2.08, abs=0.01)
    numeric = integrate.quad(_blood, 7, 21)[0] / 14
    assert blood.mean(7, 21) == pytest.approx(numeric, rel=1e-9)


@pytest.mark.parametrize(
    "rates",
    [Rates(0.1046, 0.0926, 0.0798, 0.012, 0.06), Rates(0.4667, 0.5548, 0.0052, 0.0035, 0.05, 18.0)],
    ids=["grey matter", "liver, later than the aorta"],
)
def test_the_closed_form_of_two_tissues_agrees_with_step_by_step_integration(rates: Rates) -> None:
    early, delayed = _by_integration(rates)
    assert mean_suv(rates, InputFunction(), *EARLY_MINUTES) == pytest.approx(early, rel=2e-3)
    assert mean_suv(rates, InputFunction(), *DELAYED_MINUTES) == pytest.approx(delayed, rel=2e-3)


@pytest.mark.parametrize("task", FDG_TASKS, ids=lambda task: task.name)
def test_in_the_windows_of_every_task_blood_and_tissue_are_those_of_numerical_integration(task: Task) -> None:
    windows = tuple(map(minutes, task.windows_seconds.values()))
    blood, rates = InputFunction(), Rates(0.1046, 0.0926, 0.0798, 0.012, 0.06, 18.0)
    for (start, stop), tissue in zip(windows, _by_integration(rates, windows), strict=True):
        numeric = integrate.quad(_blood, start, stop, points=[0.3, 0.6], limit=200)[0] / (stop - start)
        assert blood.mean(start, stop) == pytest.approx(numeric, rel=1e-6)
        assert mean_suv(rates, blood, start, stop) == pytest.approx(tissue, rel=2e-3)


def test_before_the_tracer_comes_there_is_none() -> None:
    assert InputFunction().mean(0.0, 0.3) == 0.0
    assert InputFunction().convolved_mean(0.1, 0.0, 0.2) == 0.0
    assert InputFunction().mean(0.0, 10.0) == pytest.approx(9.7 / 10.0 * InputFunction().mean(0.3, 10.0), rel=1e-12)


@pytest.mark.parametrize(
    ("rates", "early", "delayed"),
    [
        (Rates(0.1046, 0.0926, 0.0798, 0.0120, 0.06), 5.00, 8.13),
        (Rates(0.2815, 0.4108, 0.0181, 0.0025, 0.35), 3.59, 2.94),
        (Rates(0.0137, 0.1972, 0.0212, 0.0, 0.198), 1.02, 0.71),
        (Rates(0.5070, 0.4501, 0.0060, 0.0, 0.20), 4.75, 3.29),
        (Rates(0.0204, 0.1653, 0.0214, 0.0035, 0.06), 0.78, 0.71),
    ],
)
def test_the_published_rates_give_the_published_uptake(rates: Rates, early: float, delayed: float) -> None:
    assert mean_suv(rates, InputFunction(), *EARLY_MINUTES) == pytest.approx(early, rel=0.01)
    assert mean_suv(rates, InputFunction(), *DELAYED_MINUTES) == pytest.approx(delayed, rel=0.01)


@pytest.mark.parametrize("organ", [organ for organ in ORGANS if organ.kind == "tissue"], ids=lambda organ: organ.name)
def test_every_organ_can_have_the_uptake_wanted_of_it(organ: object) -> None:
    rates, early, delayed = (getattr(organ, name) for name in ("rates", "early", "delayed"))
    solved = solve(rates, InputFunction(), early, delayed)
    assert mean_suv(solved, InputFunction(), *EARLY_MINUTES) == pytest.approx(early, rel=0.02)
    assert mean_suv(solved, InputFunction(), *DELAYED_MINUTES) == pytest.approx(delayed, rel=1e-5)
    assert min(solved.k1, solved.k2, solved.k3, solved.blood) >= 0


def test_a_ratio_that_no_tissue_has_keeps_the_delayed_uptake() -> None:
    solved = solve(Rates(0.1, 0.3, 0.02, 0.0, 0.05), InputFunction(), 1.0, 9.0)
    assert mean_suv(solved, InputFunction(), *DELAYED_MINUTES) == pytest.approx(9.0, rel=1e-6)


def test_blood_can_be_given_any_pair_of_window_means() -> None:
    blood = with_window_means(1.2, 0.9)
    assert blood.mean(*EARLY_MINUTES) == pytest.approx(1.2 * InputFunction().mean(*EARLY_MINUTES), rel=1e-8)
    assert blood.mean(*DELAYED_MINUTES) == pytest.approx(0.9 * InputFunction().mean(*DELAYED_MINUTES), rel=1e-8)


def test_urine_fills_between_the_frames() -> None:
    urine = Urine(17.0, 30.0)
    assert urine.mean(*EARLY_MINUTES) == pytest.approx(17.0, rel=1e-9)
    assert urine.mean(*DELAYED_MINUTES) == pytest.approx(30.0, rel=1e-9)
    assert 17.0 < urine.mean(21, 42) < 30.0
