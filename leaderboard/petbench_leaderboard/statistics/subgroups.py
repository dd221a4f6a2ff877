"""How a row scores in subgroups of the participants: a table for the report, drawn without the dataset."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_leaderboard.board import Column, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """The scores of one subgroup in one column of one row.

    Attributes:
        factor: what divides the participants, such as `sex`.
        group: which of its groups this is, such as `female`.
        values: each participant's score, the mean of its seeds; what an interval is made of.
        mean: of the values.
    """

    factor: str
    group: str
    values: Mapping[str, float]
    mean: float

    @property
    def count(self) -> int:
        """How many participants there are."""
        return len(self.values)


def subgroups(row: Row, column: Column) -> list[Subgroup]:
    """Return the subgroups of a row's participants in one column, factor by factor, groups by name.

    Empty where the cell has no mean, where it belongs to all participants together, or where nothing is known of them.
    """
    cell = row.cells.get(column)
    members: dict[tuple[str, str], dict[str, float]] = {}
    for who, value in (cell.values if cell else {}).items():
        factors = row.run.subgroups.get(who)
        for factor, group in factors.items() if isinstance(factors, dict) else ():
            members.setdefault((factor, str(group)), {})[who] = value
    order = list(dict.fromkeys(factor for factor, _ in members))
    return [
        Subgroup(factor=factor, group=group, values=values, mean=fmean(values.values()))
        for (factor, group), values in sorted(members.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    ]
