"""Copies the row of a run from the node's own leaderboard into the run's folder while the run goes on."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from petbench.engines.row_file import exported, write_row
from petbench.errors import PetbenchError
from petbench_leaderboard.readable import ReadableLeaderboard

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_SECONDS = 1.0


class Mirror:
    """Within the block, a thread writes the row whenever its status or its phase has changed.

    So a node that dies leaves what is known of the run, such as the conditions of its first part; and who watches sees
    how far it is.

    Args:
        database: the node's own leaderboard.
        run_id: the run in it.
        path: of the row's file.
    """

    def __init__(self, database: str, run_id: int, path: Path) -> None:
        self._database = database
        self._run_id = run_id
        self._path = path
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        written: tuple[str, str | None] | None = None
        with ReadableLeaderboard.read(self._database) as leaderboard:
            while not self._ends.wait(_SECONDS):
                # A disk that is full for a moment, or a database that is busy, is looked at again.
                with contextlib.suppress(OSError, PetbenchError):
                    row = leaderboard.run(self._run_id)
                    if row.status == "running" and (row.status, row.phase) != written:
                        write_row(exported(leaderboard, self._run_id), self._path)
                        written = (row.status, row.phase)
