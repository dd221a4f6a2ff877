"""How runs are made: what changes no result and is part of no identity."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of the processes of runs.

    Attributes:
        time_limit_seconds: after which a run is stopped with every process it has started; None for no limit.
        python: the interpreter that runs it.
        environment: the environment variables of its process.
    """

    time_limit_seconds: float | None = None
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def command(self, *arguments: str) -> list[str]:
        """Return what starts the interpreter, which imports from the folder it is started in only if this one does.

        Else a module that lies there would be imported by the run, and be unknown to who planned it.
        """
        imports_from_here = bool(sys.path) and sys.path[0] in ("", str(Path.cwd()))
        return [self.python, *([] if imports_from_here else ["-P"]), *arguments]
