"""Feature extractors of the distribution metrics. Two extractors never share a column."""

from __future__ import annotations

from petbench.evaluation.extractors.columns import resolve, weights_status

__all__ = ["resolve", "weights_status"]
