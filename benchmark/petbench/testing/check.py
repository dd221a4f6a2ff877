"""One conformance check: a name, a sentence, and a function that raises when a method breaks its promise."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from petbench.authors_line import with_authors_line
from petbench.errors import one_line
from petbench.testing.errors import ConformanceError, NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable

    from petbench.testing.subject import Subject

Outcome = Literal["passed", "failed", "expected", "not-applicable", "not-tried"]


@dataclass(frozen=True, slots=True)
class Result:
    """How a check went.

    Attributes:
        outcome: in a word.
        detail: what was measured, or what is wrong, in one line.
        raised: whether the method itself raised: what is checked after it would mostly fail by the same cause.
    """

    outcome: Outcome
    detail: str
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A plain callable: returns when the method keeps the promise, raises when it does not.

    Under pytest a check that does not concern the method skips, and one that is expected to fail is an xfail.

    Attributes:
        name: a slug; pytest shows it as the test's id.
        promise: what is checked, in words.
        function: does it, and returns what it measured.
        subject: the method, shared by all of its checks.
        expected_failure: why it is known to fail; None where it must pass.
    """

    name: str
    promise: str
    function: Callable[[Subject], str]
    subject: Subject
    expected_failure: str | None = None

    @property
    def __name__(self) -> str:  # noqa: A003, PLW3201, RUF100 - what pytest takes for an id
        """The name, where pytest looks for it."""
        return self.name

    def __call__(self) -> str:
        """Run the check and return what it measured.

        Raises:
            ConformanceError: the method breaks the promise, or keeps one that it was expected to break.
        """
        pytest = sys.modules.get("pytest") if "PYTEST_CURRENT_TEST" in os.environ else None
        result = self.run()
        if pytest is not None and result.outcome == "not-applicable":
            pytest.skip(result.detail)
        if pytest is not None and result.outcome == "expected":
            pytest.xfail(result.detail)
        if result.outcome == "failed":
            raise ConformanceError(f"{self.subject.spec.name}: {self.name}: {result.detail}")
        return result.detail

    def run(self, *, show_traceback: bool = False) -> Result:
        """Run the check and return how it went; nothing is raised.

        Args:
            show_traceback: whether the traceback of what the method raises is printed, for its author.
        """
        try:
            detail = self.function(self.subject)
        except NotApplicable as reason:
            return Result("not-applicable", str(reason))
        except (Exception, SystemExit) as error:  # a method may raise anything
            if self.expected_failure is not None:
                return Result("expected", self.expected_failure)
            if show_traceback and not isinstance(error, ConformanceError):
                traceback.print_exc()
            package = getattr(self.subject.spec.build, "__module__", "").partition(".")[0]
            detail = with_authors_line(one_line(error), error, {package})
            return Result("failed", detail, raised=not isinstance(error, ConformanceError))
        if self.expected_failure is not None:
            return Result("failed", f"passes, but is expected to fail ({self.expected_failure}); expect it no longer")
        return Result("passed", detail)
