"""How runs are made: what changes no result and is part of no identity."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of the processes of runs.

    Attributes:
        time_limit_seconds: after which a run is stopped with every process it has started; None for no limit.
        python: the interpreter that runs the method.
        environment: the environment variables that the method's process may have.
        isolated: whether that process is shut in, see `petbench.processes.sandbox`.
    """

    time_limit_seconds: float | None = None
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    isolated: bool = False
