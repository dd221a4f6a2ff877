"""`python -m petbench_leaderboard.statistics.simulation PAGE.md` draws all datasets and writes the page."""

from __future__ import annotations

import sys
from pathlib import Path

from petbench_datasets.files import write_text
from petbench_leaderboard.statistics.simulation.page import page

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m petbench_leaderboard.statistics.simulation PAGE.md\n")
        sys.exit(2)
    write_text(Path(sys.argv[1]), page())
