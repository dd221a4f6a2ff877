"""How a conformance check ends when it does not pass."""

from __future__ import annotations

from petbench.errors import PluginError


class ConformanceError(PluginError):
    """A method does not do what every method must."""


class NotApplicable(Exception):  # noqa: N818 - it is no error: the check asks for what this kind of method never has
    """The check does not concern this method; the message says why."""
