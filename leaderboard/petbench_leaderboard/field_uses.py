"""What a field of a record is for: declared beside the field, and read by everything that lists fields."""

from __future__ import annotations

import dataclasses
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterator

Purpose = Literal["identity", "group", "change", "cost", "validation"]
Compared = Literal["text", "number", "date"]
Check = Literal[
    "digest",
    "slug",
    "text",
    "dataset-name",
    "split-name",
    "supervision",
    "role",
    "purpose",
    "ok",
    "verification",
    "device",
    "precision",
    "compile",
    "lines",
    "index",
    "seed",
    "views",
    "count",
    "measured",
    "number",
    "flag",
    "json",
    "history",
    "tuning",
    "moment",
    "participants",
    "some-participants",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a field is for.

    Attributes:
        purposes: `identity`: it decides the result, so runs that differ in it are different runs. `group`: all runs of
            one row agree in it. `change`: it may change after the run was planned. `cost`: it was measured, and a row
            shows the mean over its runs. `validation`: it says how well the validation participants were predicted.
        where: how conditions compare it; None where they do not know it.
        check: how its value is checked where it comes from elsewhere; None where it never does. What these names stand
            for says `petbench_leaderboard.strict_records`.
        submitted: whether a submission holds it; a file of runs holds every field.
    """

    purposes: frozenset[Purpose] = frozenset()
    where: Compared | None = None
    check: Check | None = None
    submitted: bool = True


def use(
    *purposes: Purpose, where: Compared | None = None, check: Check | None = None, submitted: bool = True
) -> dict[str, Use]:
    """Return the metadata of a dataclass field; see `Use`."""
    return {"use": Use(purposes=frozenset(purposes), where=where, check=check, submitted=submitted)}


def use_of(field: dataclasses.Field[Any]) -> Use:
    """Return what a field is for."""
    found = field.metadata["use"]
    assert isinstance(found, Use), f"{field.name} was declared without its use"
    return found


def fields_for(record: type, purpose: Purpose) -> tuple[str, ...]:
    """Return the names of the fields with a purpose, in the order in which they are declared."""
    return tuple(field.name for field in _fields(record) if purpose in use_of(field).purposes)


def fields_where(record: type, compared: Compared) -> tuple[str, ...]:
    """Return the names of the fields that conditions compare in one way."""
    return tuple(field.name for field in _fields(record) if use_of(field).where == compared)


def fields_of_type(record: type, kind: type) -> tuple[str, ...]:
    """Return the names of the fields whose values are of a type, or None."""
    return tuple(field.name for field in _fields(record) if value_type(field) is kind)


def value_type(field: dataclasses.Field[Any]) -> type:
    """Return the plain type of a field's values other than None: `str` for a literal, `tuple` for `tuple[str, ...]`."""
    declared: Any = field.type
    if get_origin(declared) in (Union, types.UnionType):
        (declared,) = (part for part in get_args(declared) if part is not types.NoneType)
    if get_origin(declared) is Literal:
        return type(get_args(declared)[0])
    plain: type = get_origin(declared) or declared
    return plain


def may_be_none(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field's value may be None."""
    return types.NoneType in get_args(field.type)


def _fields(record: type) -> Iterator[dataclasses.Field[Any]]:
    yield from dataclasses.fields(record)
