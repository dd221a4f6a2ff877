"""Who is to be fetched."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from petbench_datasets.errors import DataError, PetbenchError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.sources import Fetch, RemoteParticipant


_NAME = re.compile(r"sub-[A-Za-z0-9]+")


class ChoiceError(PetbenchError):
    """A participant or a reconstruction that nothing is called; a request that makes no sense."""

    exit_code = 2


def chosen(asked: str, there: Sequence[RemoteParticipant]) -> list[RemoteParticipant]:
    """Return the participants that `--participants` names.

    Args:
        asked: empty for all, a number for the first ones, or names with commas between them.
        there: at the host, sorted by name.

    Raises:
        ChoiceError: a name that nobody has, or no number of people.
        DataError: there is nobody.
    """
    if not there:
        raise DataError("the host has nobody with the images that are asked for")
    for one in there:
        _require_inside(one)
    if not asked.strip():
        return list(there)
    if asked.strip().lstrip("+-").isdecimal():
        number = int(asked)
        if number < 1:
            raise ChoiceError(f"--participants {number}: give the number of participants, or their names")
        return list(there[:number])
    by_name = {one.name: one for one in there}
    names = [name if name.startswith("sub-") else f"sub-{name}" for name in map(str.strip, asked.split(",")) if name]
    for name in names:
        if name not in by_name:
            raise ChoiceError(unknown_name("participant", name, by_name, "There are:"))
    return [by_name[name] for name in sorted(set(names))]


def _require_inside(one: RemoteParticipant) -> None:
    """Raise where a host's names would lead out of the folders that they are for.

    Raises:
        DataError: naming one that does.
    """
    for path in (one.name, *(file.place for file in one.files)):
        place = PurePosixPath(path)
        if place.is_absolute() or ".." in place.parts or not place.parts or "\\" in path:
            raise DataError(f"the host names a file {path!r}, which is no place in a cohort; nothing was downloaded")
    if not _NAME.fullmatch(one.name):
        raise DataError(f"the host names a participant {one.name!r}; a name is sub- with letters and digits")


def chosen_reconstruction(asked: str, fetch: Fetch) -> str:
    """Return the label of the reconstruction: the one that is asked for, else the first that the recipe knows.

    Raises:
        ChoiceError: the cohort has none of that label.
    """
    label = asked.removeprefix("rec-")
    if not label:
        return fetch.reconstructions[0] if fetch.reconstructions else ""
    if not fetch.reconstructions:
        raise ChoiceError(f"--reconstruction {label}: this cohort has one reconstruction; leave the option out")
    if label not in fetch.reconstructions:
        raise ChoiceError(unknown_name("reconstruction", label, fetch.reconstructions, "There are:"))
    return label
