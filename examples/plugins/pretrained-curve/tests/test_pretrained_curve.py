"""pretrained-curve keeps petbench's contract."""

import pytest
from pretrained_curve import petbench_methods

from petbench.testing import checks

# A check that the method cannot pass: expected_failures={"same-seed": "why"}.
CHECKS = [pytest.param(check, id=f"{spec.name}-{check.name}") for spec in petbench_methods() for check in checks(spec)]


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_the_contract(check):
    check()
