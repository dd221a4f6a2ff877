"""What the site shows that is not in the database: files of run folders, and the participants' images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.runs.lookup import find_folder_or_none, is_made_here
from petbench.runs.panels import participant_images
from petbench_leaderboard.report.site.sources import RunFiles, read_run_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench.home import Home
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import ParticipantImages
    from petbench_leaderboard.store import Leaderboard


class HomeSources:
    """Implements `petbench_leaderboard.report.site.sources.Sources` for a leaderboard over a home."""

    def __init__(self, home: Home, leaderboard: Leaderboard) -> None:
        self._home = home
        self._leaderboard = leaderboard

    def run_files(self, run: RunRow) -> RunFiles:
        """Read a run's folder; nothing of a run that was merged, whose folder is elsewhere."""
        return files_of(run, self._home) if is_made_here(run) else RunFiles()

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        """Yield the images of the boards' participants."""
        return participant_images(boards, self._home, self._leaderboard)


def files_of(run: RunRow, home: Home) -> RunFiles:
    """Read the folder that a run has here."""
    folder = find_folder_or_none(run, home)
    return RunFiles() if folder is None else read_run_files(folder.log, folder.losses, folder.plan_file)
