"""The leaderboard as an object: its boards, as data frames, as figures, and as a table in a notebook."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.api import frames, html
from petbench.api.session import current_session
from petbench.errors import DataError, UnknownNameError, UsageError
from petbench.runs.site_sources import HomeSources
from petbench_leaderboard.exports import board_as_rows, to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report import columns as written
from petbench_leaderboard.report import row_names
from petbench_leaderboard.report import settings as stated
from petbench_leaderboard.report.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import polars as pl
    from matplotlib.figure import Figure

    from petbench.api.pairs import OpenedDataset
    from petbench.api.session import Session
    from petbench_leaderboard.board import Board, Column, Row


class Ranking:
    """The boards of a leaderboard as they were when they were asked for. Made by `petbench.leaderboard`.

    Attributes:
        boards: one for each dataset, split and protocol, newest protocol first; rows, cells and columns at full
            precision.
    """

    def __init__(self, boards: Sequence[Board], session: Session) -> None:
        self.boards = tuple(boards)
        self._session = session

    @property
    def board(self) -> Board:
        """The one board that there is.

        Raises:
            UsageError: there are none or several.
        """
        if len(self.boards) != 1:
            names = ", ".join(f"{each.dataset}/{each.split}/{each.task}" for each in self.boards) or "none"
            raise UsageError(f"a figure or table shows one board; dataset, split and task choose it among: {names}")
        return self.boards[0]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return every row as a dict of plain values, as `petbench leaderboard --csv` has them."""
        return [row for board in self.boards for row in board_as_rows(board)]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the boards as JSON values, as `petbench leaderboard --json` prints them: with tests and caveats."""
        found: list[dict[str, Any]] = json.loads(to_json(self.boards))
        return found

    def to_pandas(self) -> pd.DataFrame:
        """Return every row as a row of pandas.

        Raises:
            UsageError: pandas is not installed.
        """
        return frames.to_pandas(self.to_dicts())

    def to_polars(self) -> pl.DataFrame:
        """Return every row as a row of polars.

        Raises:
            UsageError: polars is not installed.
        """
        return frames.to_polars(self.to_dicts())

    def figure(self, number: int = 1) -> Figure:
        """Draw a figure of the one board, as `petbench report --figure` writes it.

        Args:
            number: 1 every participant by method with boxes, 2 the significance map, 3 the stability of ranks, 4
                quality against training time.

        Raises:
            UsageError: there are several boards, or none.
            LeaderboardError: there is no such figure, or nothing to draw.
        """
        from petbench_leaderboard.report.publication.figures import draw_figure

        return draw_figure(self.board, number)

    def images(self, participant: str | None = None, methods: Sequence[str] | None = None) -> Figure:
        """Draw a test participant of the one board: each method's prediction above its error, as the report does.

        Args:
            participant: who; None for the first whose images are here.
            methods: whose predictions, in this order; None for all but the early image itself.

        Raises:
            UsageError: there are several boards, or none.
            UnknownNameError: there is no such participant or method.
            DataError: nobody's images are in this home.
        """
        from petbench_leaderboard.report.overview_figure import compose_overview

        shown = {}
        sources = HomeSources(self._session.home, self._session.leaderboard)
        for images in sources.participants([self.board]):
            shown[images.participant] = images
            if participant in (None, images.participant):
                break
        if not shown:
            why = next(iter(sources.left_out), "its runs were made elsewhere, or their folders deleted")
            raise DataError(f"no image of {self.board.dataset} can be drawn here: {why}")
        name = next(iter(shown)) if participant is None else participant
        if name not in shown:
            raise UnknownNameError("participant whose images are here", name, shown, listed="There:")
        found = shown[name]
        for method in methods or ():
            if method not in found.predictions:
                raise UnknownNameError(f"method that predicted {name}", method, found.predictions, listed="There:")
        # The early image is shown anyhow: the prediction of `identity` would show it twice.
        others = [label for label, volume in found.predictions.items() if not np.array_equal(volume, found.early)]
        return compose_overview(found, others if methods is None else methods)

    def __len__(self) -> int:
        return len(self.boards)

    def __iter__(self) -> Iterator[Board]:
        return iter(self.boards)

    def __repr__(self) -> str:
        said = "; ".join(f"{board.dataset}/{board.split}: {counted(len(board.rows), 'row')}" for board in self.boards)
        return f"<petbench leaderboard {self._session.leaderboard.name}: {said or 'empty'}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the tables, with what must be said beside them."""
        return "".join(map(_board_as_html, self.boards)) or html.table("nothing on the leaderboard yet", (), ())


def leaderboard(
    *,
    dataset: str | os.PathLike[str] | OpenedDataset | None = None,
    split: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    where: str | None = None,
    validation: bool = False,
    session: Session | None = None,
) -> Ranking:
    """Return the leaderboard, methods best first, as `petbench leaderboard` shows it.

    Args:
        dataset: only this one, by its name on the leaderboard, its folder, or opened.
        split: only this one.
        task: only this one, by its name, for all its versions, or its id.
        metric: what decides the order; None for the protocol's.
        where: only rows that fulfil a condition, such as `psnr_body_suv20>30 and seed=0`.
        validation: whether rows also have their means on validation participants, as `validation_NAME` in frames; they
            change no rank.
        session: where to look; None for what the environment says.

    Raises:
        UnknownOnLeaderboardError: nothing here is of that dataset, split, task or metric.
        RequestError: the condition is not understood.
    """
    from petbench.api.pairs import OpenedDataset

    here = current_session(session)
    name = dataset.name if isinstance(dataset, OpenedDataset) else dataset
    boards = rank(
        here.leaderboard,
        dataset=None if name is None else name_on_the_board(os.fspath(name)),
        split=split,
        task=task,
        metric=metric,
        where=where,
        validation=validation,
    )
    return Ranking(boards, here)


def name_on_the_board(dataset: str) -> str:
    """Return a dataset's name on the leaderboard; a folder, as `run` takes it, goes by its own name."""
    path = Path(dataset)
    return path.expanduser().absolute().name if path.name != dataset or path.is_dir() else dataset


def _board_as_html(board: Board) -> str:
    columns = [
        column
        for column in sorted(written.shown_columns(board), key=lambda column: column != board.ranked_by)
        if any(column in row.cells and row.cells[column].mean is not None for row in board.rows)
    ]
    headings = ["", "method", "settings", *(f"{written.heading(each)} {written.arrow(each)}" for each in columns)]
    settings = row_names.settings(board.rows)
    rows = [
        [
            stated.place(row),
            row.run.method,
            _settings(row, board, settings[row.run.run_group]),
            *(_cell(row, column) for column in columns),
        ]
        for row in board.rows
    ]
    notes = [
        f"under a score its {written.GAIN}; then, where there is one, the {written.NORMALIZED}",
        stated.unranked(board),
        *stated.notes_on_rows(board),
        *written.under_floor(board, columns),
        *(f"run {run.id} {run.method} seed {run.seed}: {run.status}" for run in board.unscored),
    ]
    scored = counted(len(board.participants), "test participant")
    title = f"{board.dataset}, split {board.split}, {scored}, task {board.task}, protocol {board.protocol}"
    return html.table(title, headings, rows, notes)


def _settings(row: Row, board: Board, settings: Sequence[str]) -> str:
    parts = [*settings, stated.seeds(row, board.ranked_by), stated.best_of(row, board.ranked_by)]
    return ", ".join(part for part in parts if part)


def _cell(row: Row, column: Column) -> str:
    cell = row.cells.get(column)
    if cell is None or cell.mean is None:
        return "–"
    parts = (written.mean(column, cell), written.gain(column, cell), written.normalized_score(cell))
    return "\n".join(filter(None, parts))
