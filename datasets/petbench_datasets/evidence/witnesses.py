"""The one rule for fields that speak of the same thing: two that agree outweigh one, a tie is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Witness:
    """One field's word on a quantity.

    Attributes:
        field: its name, as a reader finds it in the file.
        value: in the unit in which the witnesses are compared.
        shown: the value as the field says it, for people.
    """

    field: str
    value: float
    shown: str

    def __str__(self) -> str:
        """Return field and value."""
        return f"{self.field} {self.shown}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A quantity as it was understood.

    Attributes:
        quantity: what it is, for people: `decay reference`.
        value: what is used.
        shown: the value for people.
        witnesses: the fields it rests on, each with its value.
        against: the fields that say otherwise.
    """

    quantity: str
    value: float
    shown: str
    witnesses: tuple[str, ...]
    against: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """One line on what disagreed; None where nothing did."""
        if not self.against:
            return None
        return f"{self.quantity}: {' and '.join(self.witnesses)} agree, against {' and '.join(self.against)}"

    def as_record(self) -> dict[str, Any]:
        """Return what a sidecar keeps of it."""
        return {
            "Quantity": self.quantity,
            "Value": self.shown,
            "Witnesses": list(self.witnesses),
            "Disagreed": list(self.against),
        }


def finding_of_record(record: Mapping[str, Any]) -> Finding:
    """Return the finding that `as_record` described; its number is not kept."""

    def texts(key: str) -> tuple[str, ...]:
        value = record.get(key)
        return tuple(map(str, value)) if isinstance(value, list) else ()

    quantity, shown = str(record.get("Quantity", "")), str(record.get("Value", ""))
    return Finding(quantity, float("nan"), shown, texts("Witnesses"), texts("Disagreed"))


def weigh(
    quantity: str,
    witnesses: Sequence[Witness],
    *,
    agree: Callable[[float, float], bool],
    shown: Callable[[float], str],
    subject: str,
    remedy: str,
) -> Finding | None:
    """Decide what a quantity is, from everything that speaks of it.

    Where all agree, the first one's value is used. Where they do not, the value that at least two fields share, and
    more than any other, is used, and the finding says what was against it. Everything else is in doubt and is refused.

    Args:
        quantity: what it is, for people.
        witnesses: the most trustworthy first.
        agree: whether two values are the same within what rounding may do.
        shown: how a value is written for people.
        subject: how a message names the scan.
        remedy: what to do about it.

    Returns:
        None where no field speaks.

    Raises:
        DataError: two fields contradict each other and no third decides; it names both with their values.
    """
    camps: list[list[Witness]] = []
    for witness in witnesses:
        camp = next((camp for camp in camps if agree(camp[0].value, witness.value)), None)
        if camp is None:
            camps.append([witness])
        else:
            camp.append(witness)
    if not camps:
        return None
    ranked = sorted(camps, key=len, reverse=True)  # stable: of camps of one size, the more trustworthy first
    best = ranked[0]
    if len(ranked) > 1 and (len(best) < 2 or len(ranked[1]) == len(best)):
        first, second = camps[0][0], camps[1][0]
        raise DataError(f"{subject}: {quantity} is in doubt: {first}, but {second}; {remedy}")
    against = tuple(str(one) for camp in ranked[1:] for one in camp)
    return Finding(quantity, best[0].value, shown(best[0].value), tuple(str(one) for one in best), against)


def within(tolerance: float) -> Callable[[float, float], bool]:
    """Return a comparison of two values that may differ by `tolerance` in their own unit."""
    return lambda one, other: abs(one - other) <= tolerance


def within_ratio(tolerance: float) -> Callable[[float, float], bool]:
    """Return a comparison of two positive values that may differ by a part of `tolerance`."""
    return lambda one, other: abs(one - other) <= tolerance * max(abs(one), abs(other))
