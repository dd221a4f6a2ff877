"""Scores of prediction files as they go onto the leaderboard, and what they come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from petbench.api import frames, html
from petbench.errors import UnknownNameError, UsageError
from petbench_leaderboard.cells import make_cell
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.run_groups import REGIONS, column_of
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    import polars as pl

    from petbench_leaderboard.board import Cell, Column


class Scores(Sequence[ScoreRecord]):
    """Every score of some predictions: one for each metric, region and participant, or for all participants together.

    Args:
        records: all of them.
        participants: whose predictions were scored: a mean is over all of them, or there is none.
    """

    def __init__(self, records: Iterable[ScoreRecord], participants: Iterable[str]) -> None:
        self._records = tuple(records)
        self.participants = tuple(participants)

    def mean(self, metric: str, region: str | None = None) -> float | None:
        """Return a metric's mean over the participants; None where one of them has no value, see `cells`.

        Args:
            metric: its name, such as `psnr_body_suv20`.
            region: where the metric has several, such as an organ.

        Raises:
            UnknownNameError: nothing was scored by that metric, or not in that region.
            UsageError: the metric has several regions, and none was named.
        """
        found = [column for column in self._columns() if column.metric == metric]
        if not found:
            raise UnknownNameError("metric of these scores", metric, {each.metric for each in self}, listed="There:")
        regions = {column.region: column for column in found}
        if region is None and len(regions) > 1:
            raise UsageError(f"{metric} was scored in several regions; name one of {', '.join(regions)}")
        if region is not None and region not in regions:
            raise UnknownNameError(f"region of {metric}", region, regions, listed="There:")
        return self._cell(regions[region] if region is not None else found[0]).mean

    def cells(self) -> dict[Column, Cell]:
        """Return what the scores of the whole image come to, each a column of the leaderboard.

        A person with several sessions counts once, with the sessions' mean, as on the leaderboard.
        """
        columns = [column for column in self._columns() if column.region in REGIONS]
        columns.sort(key=lambda column: (column.facts.place, column))
        return {column: self._cell(column) for column in columns}

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return each score as a dict, as `petbench runs show --json` has them."""
        return [score_as_dict(record) for record in self._records]

    def to_pandas(self) -> pd.DataFrame:
        """Return each score as a row of pandas.

        Raises:
            UsageError: pandas is not installed.
        """
        return frames.to_pandas(self.to_dicts())

    def to_polars(self) -> pl.DataFrame:
        """Return each score as a row of polars.

        Raises:
            UsageError: polars is not installed.
        """
        return frames.to_polars(self.to_dicts())

    def _columns(self) -> list[Column]:
        return list(dict.fromkeys(map(column_of, self._records)))

    def _cell(self, column: Column) -> Cell:
        of_column = {each.participant or "all": each for each in self._records if column_of(each) == column}
        return make_cell({0: of_column}, (0,), self.participants)

    @overload
    def __getitem__(self, index: int) -> ScoreRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ScoreRecord]: ...
    def __getitem__(self, index: int | slice) -> ScoreRecord | Sequence[ScoreRecord]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"<petbench scores: {len(self)} of {len(self.participants)} participants>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the means of the metrics that tables have."""
        rows = [
            (
                f"{written.heading(column)} {written.arrow(column)}",
                written.mean(column, cell) if cell.mean is not None else cell.reason,
                column.metric,
                column.convention_id,
            )
            for column, cell in self.cells().items()
            if column.facts.shown
        ]
        who = ", ".join(self.participants)
        return html.table(f"mean over {who}", ("", "mean", "metric", "convention"), rows)


def score_as_dict(score: ScoreRecord) -> dict[str, Any]:
    """Return a score as plain values, without how its metric is shown, which is the same for all its scores."""
    return {name: value for name, value in dataclasses.asdict(score).items() if name != "facts"}
