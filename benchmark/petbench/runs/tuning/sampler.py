"""Which settings a search tries next, from those that it has tried: Optuna's tree-structured Parzen estimator.

Bergstra, Bardenet, Bengio, Kégl: Algorithms for Hyper-Parameter Optimization. NeurIPS 2011.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from petbench.contract import Choice, Range
from petbench.errors import UsageError
from petbench.methods.search_space import is_whole, number_of, value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

RANDOM_TRIALS = 8
"""Drawn at random before the estimator says anything: it needs some to tell good settings from others."""


class Sampler:
    """Asks for settings, and is told how they did; of one seed and the same answers it asks for the same settings.

    Nothing is kept: a search that goes on tells it again what is known of the trials so far.

    Args:
        space: what may be tried, by the parameter's name.
        seed: of all that it draws.
        first: values of the parameters to try first; what is not in the space stays out of what it learns from.

    Raises:
        UsageError: Optuna is not installed.
    """

    def __init__(self, space: Mapping[str, Range | Choice], seed: int, first: Mapping[str, Any]) -> None:
        self._optuna = optuna = require_optuna()
        self._space = space
        self._first: dict[str, Any] | None = {name: first[name] for name in space}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._distributions = {name: self._distribution(tried) for name, tried in space.items()}
        chosen = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
        self._study = optuna.create_study(direction="minimize", sampler=chosen)
        self._asked: Any = None
        numbers = {name: number_of(tried, first[name]) for name, tried in space.items()}
        self._learns_from_first = None not in numbers.values()
        if self._learns_from_first:
            self._study.enqueue_trial(numbers)

    def ask(self) -> dict[str, Any]:
        """Return the values to try next."""
        first, self._first = self._first, None
        if first is not None and not self._learns_from_first:
            return first
        self._asked = self._study.ask(self._distributions)
        drawn = self._asked.params
        return first or {name: value_at(tried, drawn[name]) for name, tried in self._space.items()}

    def tell(self, distance: float | None) -> None:
        """Say how the values that were asked for last did: the smaller the better; None where they came to nothing."""
        if self._asked is None:
            return
        failed = self._optuna.trial.TrialState.FAIL
        self._study.tell(self._asked, distance, state=failed if distance is None else None)
        self._asked = None

    def _distribution(self, tried: Range | Choice) -> Any:
        kinds = self._optuna.distributions
        if isinstance(tried, Choice):
            return kinds.CategoricalDistribution(range(len(tried.values)))
        if is_whole(tried):
            return kinds.IntDistribution(int(tried.low), int(tried.high), log=tried.log)
        return kinds.FloatDistribution(float(tried.low), float(tried.high), log=tried.log)


def require_optuna() -> Any:
    """Return the module.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module("optuna")
    except ImportError:
        raise UsageError("petbench tune needs Optuna: pip install 'petbench[tune]'") from None
