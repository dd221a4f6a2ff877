"""How far a run on a node is, from what it writes into its folder while it trains."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.plans.run_plan import parse_budget
from petbench.runs.method_process.job_folder import JobFolder
from petbench.training.training_log import LOG_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.engines.cells import Cell
    from petbench.home import Home

_TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes:
        fraction: of the budget, 0 to 1.
        images_per_second: None where the log does not say.
        seconds_left: of training; None where nobody can know.
    """

    fraction: float
    images_per_second: float | None
    seconds_left: float | None

    def __str__(self) -> str:
        """Return it in a few words."""
        parts = [f"{100 * self.fraction:.0f} %"]
        if self.images_per_second is not None:
            parts.append(f"{self.images_per_second:.0f} images/s")
        if self.seconds_left is not None:
            parts.append(f"{self.seconds_left:.0f} s left")
        return ", ".join(parts)


def progress_of(cell: Cell, home: Home) -> Progress | None:
    """Return how far the training of a run is, None where its folder does not say: it may be on another disk."""
    if cell.is_scoring:  # what its log says is long over
        return None
    for path in (JobFolder.of(home, cell.folder).training / LOG_NAME, cell.folder.losses):
        facts = _last_step(path)
        if facts is not None:
            return _progress(facts, cell)
    return None


def _progress(facts: dict[str, float], cell: Cell) -> Progress | None:
    budget = parse_budget(cell.plan.budget)
    images, seconds = facts.get("images", 0), facts.get("seconds", 0.0)
    fast = facts.get("images_per_second")
    if budget.images:
        left = None if not fast else max(0.0, (budget.images - images) / fast)
        return Progress(min(1.0, images / budget.images), fast, left)
    if budget.seconds:
        return Progress(min(1.0, seconds / budget.seconds), fast, max(0.0, budget.seconds - seconds))
    return None


def _last_step(path: Path) -> dict[str, float] | None:
    """Return the last whole line of a log that tells of a step, from its end alone."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return None
    for line in reversed(lines):
        try:
            facts = json.loads(line)
        except ValueError:
            continue
        if isinstance(facts, dict) and isinstance(facts.get("images"), int) and "seconds" in facts:
            numbers = ((name, facts.get(name)) for name in ("images", "seconds", "images_per_second"))
            return {name: float(value) for name, value in numbers if isinstance(value, int | float)}
    return None
