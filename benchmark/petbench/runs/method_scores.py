"""Where the methods of a leaderboard fall in the headroom of a dataset."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from petbench.runs.headroom import HELD_OUT
from petbench.runs.reference_rows import ROLES
from petbench_datasets.bids.names import person_of
from petbench_datasets.specs import HeadroomRow
from petbench_leaderboard.errors import UnknownOnLeaderboardError
from petbench_leaderboard.ranking import rank

if TYPE_CHECKING:
    from petbench_datasets.specs import Headroom
    from petbench_leaderboard.board import Row
    from petbench_leaderboard.store import Leaderboard


def with_methods(headroom: Headroom, name: str, fingerprint: str, leaderboard: Leaderboard) -> Headroom:
    """Return the headroom of the split `holdout` with each method's row on its test participants, worst first.

    Of a method it is the row that competes, of a reference the newest. References that the headroom has already are
    left out, and so are rows that lack a test participant.

    Args:
        headroom: over the test participants of the split `holdout`.
        name: of the dataset, as the leaderboard shows it.
        fingerprint: of the images that the headroom was measured on: the runs must be scored on the same.
        leaderboard: where the runs are.
    """
    try:
        boards = rank(leaderboard, dataset=name, split=HELD_OUT)
    except UnknownOnLeaderboardError:  # nobody has run anything on this dataset
        boards = []
    tested, known = set(map(person_of, headroom.tested)), {row.name for row in headroom.rows}
    rows = next((b.rows for b in boards if b.fingerprint == fingerprint and set(b.participants) == tested), ())
    found: dict[str, HeadroomRow] = {}
    for row in sorted(rows, key=lambda row: row.newest):
        means = {column.metric: cell.mean for column, cell in row.cells.items() if cell.mean is not None}
        if row.run.method in known or row.role in ROLES.values() or not set(headroom.metrics) <= set(means):
            continue
        if row.competes or row.role != "competitor":
            values = tuple(float(means[metric]) for metric in headroom.metrics)
            found[row.run.method] = HeadroomRow(row.run.method, values, _source(row))
    methods = sorted(found.values(), key=lambda score: score.values)
    return dataclasses.replace(headroom, methods=tuple(methods))


def _source(row: Row) -> str:
    """Say which runs a row comes from and what they were allowed, in a few words."""
    run = row.run
    parts = ["run " + ", ".join(map(str, row.run_ids)), "seed " + ", ".join(map(str, row.seeds))]
    if run.preset is not None:
        parts.append(f"preset {run.preset}")
    if run.budget:
        parts.append(run.budget.replace("=", " = "))
    if row.costs.train_seconds is not None and row.costs.train_seconds >= 1:
        parts.append(f"trained {row.costs.train_seconds / 60:.1f} min on {', '.join(row.devices)}")
    return "; ".join(parts)
