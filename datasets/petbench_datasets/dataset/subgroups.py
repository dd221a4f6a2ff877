"""Subgroups of a dataset's participants, from participants.tsv: by sex and site, and by halves of age and weight."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from petbench_datasets.bids.participants import WEIGHT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from petbench_datasets.tables import Row

_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male", "o": "other", "other": "other"}
SITE_COLUMNS = ("site", "center", "centre", "institution")
_MOST_SITES = 20


def subgroups_of(table: Mapping[str, Row]) -> dict[str, dict[str, str]]:
    """Return each participant's subgroups by factor, such as `{"sex": "female", "age": "above 54"}`.

    Age and weight are halved by their median over the table, which says less of a person than the number does. A
    participant without a value has no subgroup of that factor; a factor that does not divide the participants is left
    out.

    Args:
        table: participants.tsv, by participant.
    """
    factors = {
        "sex": sexes_of(table),
        "age": _halves(cells_of(table, ("age",))),
        "weight": _halves(cells_of(table, WEIGHT_COLUMNS)),
        "site": cells_of(table, SITE_COLUMNS),
    }
    found: dict[str, dict[str, str]] = {who: {} for who in table}
    for factor, groups in factors.items():
        if 2 <= len(set(groups.values())) <= _MOST_SITES:
            for who, group in groups.items():
                found[who][factor] = group
    return found


def sexes_of(table: Mapping[str, Row]) -> dict[str, str]:
    """Return the sex of each participant who has one, in the words of `subgroups_of`."""
    return {who: _SEXES.get(text.lower(), text) for who, text in cells_of(table, ("sex", "gender")).items()}


def cells_of(table: Mapping[str, Row], columns: Sequence[str]) -> dict[str, str]:
    """Return, of each participant who has one, the value in the first of some columns, however that is capitalized."""
    lowered = {who: {key.lower(): value for key, value in row.items()} for who, row in table.items()}
    cells = {who: next((row[column] for column in columns if row.get(column)), "") for who, row in lowered.items()}
    return {who: text for who, text in cells.items() if text}


def _halves(cells: Mapping[str, str]) -> dict[str, str]:
    numbers: dict[str, float] = {}
    for who, text in cells.items():
        try:
            numbers[who] = float(text)
        except ValueError:  # such as 89+: no number to halve by
            continue
    if not numbers:
        return {}
    middle = median(numbers.values())
    return {who: f"{'up to' if value <= middle else 'above'} {middle:g}" for who, value in numbers.items()}
