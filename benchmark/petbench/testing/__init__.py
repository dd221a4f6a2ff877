"""Conformance checks for the authors of methods: `petbench plugin check`, and the same from pytest.

::

    from petbench.testing import checks

    @pytest.mark.parametrize("check", checks(spec))
    def test_my_method(check):
        check()
"""

from __future__ import annotations

from petbench.testing.catalogue import checks
from petbench.testing.check import Check
from petbench.testing.errors import ConformanceError, NotApplicable

__all__ = ["Check", "ConformanceError", "NotApplicable", "checks"]
