"""The results as JSON values, for scripts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from petbench.reproduce.made_references import MADE
from petbench.reproduce.page import conclusion
from petbench.reproduce.paper import METHODS, REPORTED, REPORTED_GAP_DECIBELS

if TYPE_CHECKING:
    from petbench.reproduce.account import Account
    from petbench.reproduce.contrast import Difference
    from petbench.reproduce.curves import Curve
    from petbench.reproduce.rates import Choice
    from petbench.reproduce.results import Line
    from petbench_leaderboard.statistics.intervals import Interval


def as_json(account: Account) -> dict[str, Any]:
    """Return all numbers of an account, at full precision."""
    results, experiment = account.results, account.experiment
    run = results.runs[0]
    return {
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
        "split": run.split,
        "protocol": run.protocol,
        "participants": list(results.participants),
        "profile": experiment.profile.name,
        "seeds": list(experiment.seeds),
        "command": account.command,
        "complete": not account.missing,
        "missing": list(account.missing),
        "conclusion": conclusion(account),
        "rates": {method: _choice(choice) for method, choice in results.choices.items()},
        "references": {line.name: _line(line) for line in results.references},
        "sets": {
            name: {
                **{method: _line(lines[method]) for method in METHODS},
                "differences": [_difference(one) for one in account.differences.get(name, ())],
                "cyclegan_over_identity": [_difference(one) for one in account.over_identity.get(name, ())],
                "departures": {
                    method: dataclasses.asdict(account.departures[name, method])
                    for method in METHODS
                    if (name, method) in account.departures
                },
            }
            for name, lines in results.sets.items()
        },
        "curves": [_curve(curve) for curve in account.curves],
        "reference_validation_errors": dict(account.reference_errors),
        "paper": {
            "methods": {name: dataclasses.asdict(reported) for name, reported in REPORTED.items()},
            "gap_decibels": REPORTED_GAP_DECIBELS,
        },
        "made_references": {
            name: account.no_references.get(name, "scored" if results.reference(name) else "not made yet")
            for name in MADE
        },
        "figure_participant": account.figure.participant if account.figure else None,
        "seconds": sum(account.seconds.values()),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "runs": [run.id for run in line.runs],
        "seeds": list(line.seeds),
        "failures": {str(seed): status for seed, status in line.failures.items()},
        "missing_seeds": list(line.missing),
        "scores": {
            metric: {
                "mean": cell.mean,
                "standard_deviation": cell.standard_deviation,
                "seed_standard_deviation": cell.seed_standard_deviation,
                "by_participant": dict(cell.values),
                "reason": cell.reason,
            }
            for metric, cell in line.cells.items()
        },
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "metric": one.column.metric,
        "mean": one.mean,
        "interval": _interval(one.interval),
        "verdict": one.verdict,
        "detectable_difference": one.detectable,
        "by_participant": dict(one.by_participant),
        "under_floor": list(one.under_floor),
        "reason": one.reason,
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "chosen": choice.rate,
        "metric": choice.metric.name if choice.metric else None,
        "trials": [
            {"rate": trial.rate, "score": trial.score, "state": trial.state, "runs": [run.id for run in trial.runs]}
            for trial in choice.trials
        ],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "run": curve.run.id,
        "method": curve.run.method,
        "fold": curve.run.fold,
        "seed": curve.run.seed,
        "images": list(curve.images),
        "mae_suv": list(curve.errors),
        "ended_by": curve.ended_by,
    }
