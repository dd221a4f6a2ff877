"""How long the phases of a run took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """How long one phase of a run took; a resumed run has several rows of one phase."""

    run_id: int
    phase: str
    seconds: float
    recorded_at: datetime
