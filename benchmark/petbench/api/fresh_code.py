"""Whether the code of a method that this process has in use is the code that lies in its files.

A command is a process and reads the code anew; a notebook lives for days, and its method is written meanwhile.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import UsageError
from petbench.methods.source import home_of

if TYPE_CHECKING:
    from petbench.registry import Registry


def check_fresh(method: str, registry: Registry, loaded_at: float) -> None:
    """Make sure that no module of a method's plugin was written after it was imported here.

    Else the run would be planned with parameters and presets of the earlier code, and made by the later one.

    Args:
        method: its name.
        registry: the plugins that this process has loaded.
        loaded_at: when, in seconds since 1970.

    Raises:
        UsageError: one was; Python has to be started again.
    """
    found = registry.methods().get(method)
    if found is None:
        return
    spec, plugin = found
    packages = {name.partition(":")[0].partition(".")[0] for name in (plugin.module, home_of(spec.build)) if name}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] not in packages or not file:
            continue
        path = Path(file)
        if path.is_file() and path.stat().st_mtime > loaded_at:
            raise UsageError(
                f"{path} has changed since Python has imported it, and {method} would be planned with the earlier "
                "code: start Python again (in a notebook, restart the kernel)"
            )
