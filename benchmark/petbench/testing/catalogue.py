"""All conformance checks, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from petbench.errors import UnknownNameError
from petbench.testing import capturing, learning, output, registration, splitting
from petbench.testing.check import Check
from petbench.testing.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from petbench.contract import MethodSpec

_NOTHING: Mapping[str, str] = MappingProxyType({})

#: Quick ones first; those after `finite-losses` share one training.
_CATALOGUE: tuple[tuple[str, Callable[[Subject], str]], ...] = (
    ("specification", registration.specification),
    ("documented-parameters", registration.documented_parameters),
    ("light-registration", registration.light_registration),
    ("finite-losses", learning.finite_losses),
    ("output-format", output.output_format),
    ("deterministic-evaluation", output.deterministic_evaluation),
    ("untouched-input", output.untouched_input),
    ("state-round-trip", output.state_round_trip),
    ("same-seed", learning.same_seed),
    ("resume", learning.resume),
    ("cpu", learning.cpu),
    ("without-pairs", learning.without_pairs),
    ("overfitting", learning.overfitting),
    ("capturable", capturing.capturable),
    ("splittable", splitting.splittable),
    ("cost", learning.cost),
)

NAMES = tuple(name for name, _ in _CATALOGUE)


def checks(
    spec: MethodSpec,
    *,
    settings: Mapping[str, object] = _NOTHING,
    expected_failures: Mapping[str, str] = _NOTHING,
) -> list[Check]:
    """Return every conformance check of a method, quick ones first.

    Args:
        spec: of the method, as its plugin registers it.
        settings: parameters to check it with, such as a small width; the others come from the preset that the method
            chooses for a very small dataset.
        expected_failures: name of a check to the reason why the method is known to fail it. Such a check must fail:
            once it passes, it is reported, so that the list stays true.

    Raises:
        UnknownNameError: an expected failure names no check.
    """
    for name in expected_failures:
        if name not in NAMES:
            raise UnknownNameError("check", name, NAMES)
    subject = Subject(spec, settings)
    return [
        Check(name, _promise(function), function, subject, expected_failures.get(name)) for name, function in _CATALOGUE
    ]


def _promise(function: Callable[[Subject], str]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
