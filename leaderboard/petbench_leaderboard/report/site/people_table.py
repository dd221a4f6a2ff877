"""Who is in a board's cohort, by part of its split, as a page says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.dataset.cohort import PartFacts

FEWEST = 5
"""People of a part of whom a page says age, weight and dose: the range of fewer says it of one of them."""

_OF_FEW = ("Age, years", "Weight, kg", "Dose, MBq")


@dataclass(frozen=True, slots=True)
class PeopleTable:
    """A table.

    Attributes:
        parts: headings of its columns.
        rows: each with its heading.
    """

    parts: list[str]
    rows: list[tuple[str, list[str]]]


def view_people(parts: Sequence[PartFacts]) -> PeopleTable:
    """Return the table of a cohort, which names nobody and says nothing of one person alone."""
    cells = [part.cells() for part in parts]
    for part, written in zip(parts, cells, strict=True):
        if part.people < FEWEST:
            written.update(dict.fromkeys(_OF_FEW, f"fewer than {FEWEST} people"))
    headings = dict.fromkeys(heading for written in cells for heading in written)
    return PeopleTable(
        [part.part for part in parts],
        [(heading, [written.get(heading, "") for written in cells]) for heading in headings],
    )
