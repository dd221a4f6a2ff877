"""How a plugin describes a dataset that petbench can build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from petbench_datasets.progress import Progress

API_VERSION = 1


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A dataset by name.

    Attributes:
        name: a slug, the same as typed after `petbench run --dataset`.
        summary: one line for `petbench datasets list`.
        build: `build(folder, progress)` makes the dataset as a BIDS-PET folder at `folder`, or completes one that
            was interrupted; safe to call again. Imports its heavy modules when called.
        licence: of the images.
        citation: what to cite, as text.
        api: the version of the contract the plugin was written for.
    """

    name: str
    summary: str
    build: Callable[[Path, Progress], None]
    licence: str = ""
    citation: str = ""
    api: int = API_VERSION
