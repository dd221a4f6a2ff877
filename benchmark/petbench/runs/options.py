"""How runs are made: what changes no result and is part of no identity."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.runs.observing.messages import Chosen


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of the processes of runs.

    Attributes:
        time_limit_seconds: after which a run is stopped with every process it has started; None for no limit.
        python: the interpreter that runs the method.
        environment: the environment variables that the method's process may have.
        isolated: whether that process is shut in, see `petbench.processes.sandbox`.
        observers: who is told of the runs.
        ends_with_this_process: whether a run ends at once, without a checkpoint, when this process is killed: what
            starts runs again elsewhere must not find them going on. Without it, they go on.
    """

    time_limit_seconds: float | None = None
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    isolated: bool = False
    observers: tuple[Chosen, ...] = ()
    ends_with_this_process: bool = False

    def command(self, *arguments: str) -> list[str]:
        """Return what starts the interpreter, which imports from the folder it is started in only if this one does.

        Else a module that lies there would be imported by the run, and be unknown to who planned it.
        """
        return [self.python, *([] if imports_from_here() else ["-P"]), *arguments]


def imports_from_here() -> bool:
    """Return whether this process imports from the folder that it was started in."""
    return bool(sys.path) and sys.path[0] in ("", str(Path.cwd()))
