"""`python -m petbench_leaderboard.statistics.simulation PAGE.md` draws all datasets and writes the page."""

from __future__ import annotations

import sys
from pathlib import Path

from petbench_leaderboard.statistics.simulation.page import page

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m petbench_leaderboard.statistics.simulation PAGE.md")
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
