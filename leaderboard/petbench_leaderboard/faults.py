"""Whose fault it is that a run did not end well."""

from __future__ import annotations

FAULTS = {
    "method": "the method's fault",
    "machine": "the machine's fault",
    "data": "the dataset's fault",
    "petbench": "petbench's own fault",
}
"""What `RunRow.fault` says, in words."""
