"""Runs on an engine as they go on: a table that is drawn again on a terminal, elsewhere one line a change."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Self

from petbench.engines.progress import progress_of
from petbench.terminal import say, standard_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.table import Table

    from petbench.engines.cells import Cell
    from petbench.engines.watch import Watch
    from petbench.home import Home

_SHOWN = 20
"""Runs in the table: those that run come first, the rest is counted."""


class CellsTable:
    """Shows a watch until the block ends.

    Args:
        total: how many runs were asked for.
        varies: what tells runs apart beside method, fold and seed, by their place.
        home: under which their folders lie.
    """

    def __init__(self, total: int, varies: Mapping[int, str], home: Home) -> None:
        from rich.live import Live

        self._total = total
        self._varies = varies
        self._home = home
        self._console = standard_error()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def tell(self, cell: Cell, words: str) -> None:
        """Say what has changed of a run, where no table shows it."""
        if not self._console.is_terminal or "again" in words:
            self.say(f"[{cell.place + 1}/{self._total}] {self._name(cell)}: {words}")

    def say(self, line: str) -> None:
        """Print a line, above the table where there is one."""
        if self._console.is_terminal:
            self._console.print(line, markup=False)
        else:
            say(line)

    def draw(self, watch: Watch) -> None:
        """Draw the runs as they are now."""
        if self._console.is_terminal:
            self._live.update(self._table(watch), refresh=True)

    def _table(self, watch: Watch) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        phases = Counter(cell.state.phase for cell in watch.active)
        counts = f"{phases['waiting']} waiting, {phases['running']} running, {len(watch.outcomes)} ended"
        caption = f"no answer: {watch.unreachable}; shown as last known" if watch.unreachable else None
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=counts, caption=caption, title_justify="left")
        for heading in ("run", "", "state", "progress"):
            table.add_column(heading, overflow="fold")
        order = sorted(watch.active, key=lambda cell: (cell.state.phase != "running", cell.place))
        for cell in order[:_SHOWN]:
            progress = progress_of(cell, self._home) if cell.state.phase == "running" else None
            tries = "" if cell.note.submissions == 1 else f", try {cell.note.submissions} of {cell.note.tries}"
            where = f" on {cell.state.where}" if cell.state.where else ""
            word = f" ({cell.state.word})" if cell.state.phase == "waiting" and cell.state.word else ""
            state = f"{cell.state.phase}{where}{word}{tries}"
            table.add_row(str(cell.run_id), Text(self._name(cell)), Text(state), str(progress or ""))
        if len(order) > _SHOWN:
            table.add_row("", f"and {len(order) - _SHOWN} more", "", "")
        return table

    def _name(self, cell: Cell) -> str:
        return f"{cell.name} {self._varies.get(cell.place, '')}".rstrip()
