"""What methods, parts and amounts are called on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.reproduce.paper import BETTER, OTHER
from petbench_leaderboard.report.formatting import MISSING, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench.reproduce.experiment import Part
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.results import Line
    from petbench_leaderboard.statistics.intervals import Interval

NAMES: Mapping[str, str] = {BETTER: "pix2pix", OTHER: "CycleGAN"}
"""In sentences; tables have the names of the command."""

PAGE_ORDER: tuple[RunSet, ...] = ("converged", "equal-images", "equal-seconds")
"""The sets as the page shows them: first what the paper most likely did."""

TITLES: Mapping[Part, str] = {
    "references": "reference",
    "rates": "learning rates",
    "converged": "until converged",
    "equal-images": "equal images",
    "equal-seconds": "equal seconds",
}


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (cells[0], ["---"] * len(heads), *cells[1:]))


def seeds_of(line: Line) -> str:
    """Say how many seeds a line's numbers are the mean of, and what became of the others."""
    said = seed_count(len(line.seeds)) if line.seeds else "no seed yet"
    if line.failures:
        said += f", {', '.join(f'seed {seed} {status}' for seed, status in line.failures.items())}"
    return said + (f", {len(line.missing)} not run yet" if line.missing and line.seeds else "")


def seed_count(count: int) -> str:
    """Write how many seeds: `one seed`, `5 seeds`."""
    return "one seed" if count == 1 else f"{count} seeds"


def between(interval: Interval | None, decimals: int, *, sign: bool = True) -> str:
    """Write an interval: `+0.42 to +1.73`."""
    if interval is None:
        return MISSING
    return f"{number(interval.low, decimals, sign=sign)} to {number(interval.high, decimals, sign=sign)}"


def telling_decimals(interval: Interval | None, decimals: int) -> int:
    """Return how many decimals show on which side of 0 both ends of an interval lie: two more at most.

    An interval that leaves out 0 by little would else end in what reads like 0.
    """
    if interval is None or interval.low <= 0.0 <= interval.high:
        return decimals
    nearest = min(abs(interval.low), abs(interval.high))
    return next((more for more in range(decimals, decimals + 2) if round(nearest, more) != 0.0), decimals + 2)


def listed(names: Sequence[str]) -> str:
    """Write names as a list: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
