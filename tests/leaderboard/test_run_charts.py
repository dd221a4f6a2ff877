"""What the page of a run draws of its training."""

from __future__ import annotations

from petbench_leaderboard.report.site.run_charts import run_charts
from petbench_leaderboard.report.site.sources import RunFiles


def test_the_chart_of_validation_shows_scores_and_no_clock() -> None:
    events = [
        {"event": "validation", "images": n, "seconds": 1.0 * n, "wall_seconds": 2.0 * n, "validation_seconds": 0.1,
         "mae_suv": 0.3 - 0.001 * n, "gain": 0.9}
        for n in (10, 20)
    ]  # fmt: skip
    (chart,) = run_charts(RunFiles(events=events), [], {})
    assert (chart.name, chart.description) == ("validation", "Last values: mae_suv 0.28, gain 0.9.")
