"""The site for images that are already at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_leaderboard.report.site import SiteOptions, write_site
from petbench_leaderboard.report.sources import RunFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.report.images import PatientImages
    from petbench_leaderboard.store import Leaderboard


class _AtHand:
    def __init__(self, panels: Iterable[PatientImages]) -> None:
        self._panels = list(panels)

    def run_files(self, run: RunRow) -> RunFiles:  # noqa: ARG002 - no folders here
        return RunFiles()

    def patients(self, boards: Sequence[Board]) -> Iterable[PatientImages]:
        names = {board.dataset for board in boards}
        return [panel for panel in self._panels if not panel.dataset or panel.dataset in names]


def write_report(
    leaderboard: Leaderboard,
    panels: Iterable[PatientImages],
    folder: Path,
    *,
    dataset: str | None = None,
    split: str | None = None,
    title: str = "Early to delayed PET: the leaderboard",
) -> Path:
    """Write the site with these patients and return its first page; see `write_site`."""
    return write_site(
        leaderboard, _AtHand(panels), folder, options=SiteOptions(dataset=dataset, split=split, title=title)
    )
