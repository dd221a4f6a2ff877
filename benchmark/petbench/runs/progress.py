"""How a run shows its progress, handed to it: the pipeline knows no terminal."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from petbench_datasets.progress import Progress


@contextlib.contextmanager
def _silent() -> Iterator[Progress]:
    yield silent


@dataclass(frozen=True, slots=True)
class ProgressBars:
    """What opens a bar, and gives the callback that moves it.

    Attributes:
        work: for reading and scoring, a bar a description.
        training: for training, one bar.
    """

    work: Callable[[], AbstractContextManager[Progress]] = _silent
    training: Callable[[], AbstractContextManager[Progress]] = _silent
