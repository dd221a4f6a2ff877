"""The reference of the metrics: what each computes, in which convention, after whom, and what it cannot see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.catalogue import column_of_spec
from petbench.registry import load_plugins
from petbench_leaderboard.report.columns import arrow, direction, heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.metric_spec import MetricSpec


def own_metrics() -> Sequence[MetricSpec]:
    """Return the metrics that petbench itself brings, in the order of its own catalogue."""
    from petbench.evaluation.catalogue import builtin_metrics

    names = {spec.name for spec in builtin_metrics()}
    return [spec for spec in load_plugins().metrics() if spec.name in names]


def metric_reference() -> str:
    """Return a section for each metric of one participant."""
    return "\n".join(_section(spec) for spec in own_metrics())


def _section(spec: MetricSpec) -> str:
    column = column_of_spec(spec)
    facts = [
        ("Convention", f"`{spec.convention_id}`"),
        ("Unit", f"{spec.unit or 'none'}; {direction(column)}"),
        (
            "Shown as",
            f"{heading(column)} {arrow(column)}, {spec.decimals} decimals" + ("" if spec.shown else "; where it ranks"),
        ),
        ("Formula", f"`{spec.formula}`"),
        ("Source", spec.source),
        ("Cannot see", spec.hides),
    ]
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in facts if value)
    return f"### {spec.name}\n\n{_sentence(spec.summary)}\n\n| | |\n| --- | --- |\n{rows}\n"


def _cell(text: str) -> str:
    return text if "`" in text else text.replace("|", r"\|")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."
