"""The line of an author's own code that a failure leads to: the first thing that the author looks for."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from petbench.errors import PluginError, causes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType


def authors_line(error: BaseException, packages: Iterable[str]) -> str | None:
    """Return the deepest line of an author's packages on the way to an exception, such as `my_unet/networks.py:34`.

    Where petbench refuses what a function returned, that function has ended; then it is where the function begins.

    Args:
        error: the exception; those that it was raised for come first.
        packages: top-level names of the author's packages and modules.
    """
    wanted = frozenset(packages)
    for each in reversed(list(causes(error))):
        frames = [(frame, line) for frame, line in traceback.walk_tb(each.__traceback__) if _top(frame) in wanted]
        if frames:
            frame, line = frames[-1]
            return f"{_shown(frame.f_code.co_filename, _top(frame))}:{line}"
    code = error.code if isinstance(error, PluginError) else None
    if code is None:
        return None
    try:
        file, (_, line) = inspect.getsourcefile(code), inspect.getsourcelines(code)
    except (OSError, TypeError):
        return None
    top = str(getattr(code, "__module__", "")).partition(".")[0]
    return f"{_shown(file, top)}:{line}" if file and top in wanted else None


def with_authors_line(message: str, error: BaseException, packages: Iterable[str]) -> str:
    """Return what is said of a failure, with the author's line behind it where there is one."""
    line = authors_line(error, packages)
    return f"{message} ({line})" if line and line not in message else message


def _top(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _shown(file: str, top: str) -> str:
    """Return a path from its top-level package on: where that lies is nobody's business, and fills a line."""
    parts = Path(file).parts
    return str(Path(*parts[parts.index(top) :])) if top in parts else Path(file).name
