"""Who the participants of DICOM series are, which series are one person's, and which are of one examination."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from petbench_datasets.bids.new_sidecar import hashed
from petbench_datasets.errors import DataError, unknown_name
from petbench_datasets.importers.dicom_headers import pseudonym
from petbench_datasets.importers.dicom_values import calendar_day, is_no_date

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.importers.dicom_headers import SliceHeader
    from petbench_datasets.importers.dicom_series import Series

_SAME_INJECTION_SECONDS = 60.0
_ANOTHER_EXAM_SECONDS = 12 * 3600.0
"""Two injections less than this apart are one that is contradicted: nobody is given FDG twice a day."""

_NOBODY = re.compile(r"(anon(ym(ous|i[sz]ed?))?|unknown|none|na|removed|de-?identified|patient|test|0*)", re.IGNORECASE)
_AGE_YEARS = 2.0  # ages are whole years, dates may have been moved by some days
_LONGEST_LABEL = 48


def name_people(
    series: Sequence[list[SliceHeader]], names: Mapping[str, str], directory: Path
) -> list[list[SliceHeader]]:
    """Return series with participants called as `names` says.

    Args:
        series: slices of each.
        names: by PatientID, by PatientName, or, where there is neither, by a folder of `directory`.
        directory: where the files were found.

    Raises:
        DataError: a name that matches nobody or is none, or several studies of nobody.
    """
    used: set[str] = set()
    named = []
    for members in series:
        first = members[0]
        if first.patient_id and _NOBODY.fullmatch(first.patient_id) and not _NOBODY.fullmatch(first.patient_name):
            members = [dataclasses.replace(header, participant=pseudonym(header.patient_name)) for header in members]  # noqa: PLW2901
        key = next((key for key in names if _is_meant(key, first, directory)), None)
        if key is not None:
            used.add(key)
            members = [dataclasses.replace(header, participant=_label(names[key])) for header in members]  # noqa: PLW2901
        named.append(members)
    for key in names.keys() - used:
        known = {_called(members[0], directory) for members in series}
        raise DataError(f"{directory}: {unknown_name('participant', key, known, 'there:')}")
    studies: dict[str, dict[str, Path]] = {}
    for members in named:
        first = members[0]
        if _NOBODY.fullmatch(first.patient_name) and _NOBODY.fullmatch(first.participant):
            studies.setdefault(first.participant, {}).setdefault(first.study, first.path.parent)
    for participant, folders in studies.items():
        if len(folders) > 1:
            one, other = [_inside(path, directory) for path in list(folders.values())[:2]]
            said = f"PatientID is {participant!r} in" if participant else "PatientID and PatientName are missing in"
            raise DataError(
                f"{directory}: {said} {len(folders)} studies, which may be of as many people; name them: --name "
                f"{one}=NAME --name {other}=NAME (one NAME for both if they are of one person)"
            )
    return named


def name_participants(identifiers: Collection[str], known: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Return how each identifier's participant is called: `sub-` with its letters and digits.

    Two identifiers that then look alike stay two people: they get a part of a hash. A participant who is in the dataset
    already keeps the name.

    Args:
        identifiers: as the headers have them.
        known: by participant of the dataset, hashes of the identifiers that scans came with; empty where nobody noted
            them.
    """
    owners = {digest: name for name, digests in known.items() for digest in digests}
    there = {name.lower(): digests for name, digests in known.items()}
    plain = {one: f"sub-{re.sub(r'[^A-Za-z0-9]', '', one)[:_LONGEST_LABEL] or 'unnamed'}" for one in identifiers}
    taken = [label.lower() for label in plain.values()]
    names = {}
    for identifier, label in plain.items():
        digest = person_hash(identifier)
        alike = taken.count(label.lower()) > 1 or bool(there.get(label.lower()))
        names[identifier] = owners.get(digest) or (f"{label}x{hashed(identifier)[:6]}" if alike else label)
    return names


def person_hash(identifier: str) -> str:
    """Return what a sidecar keeps of a PatientID: enough to tell people apart."""
    return hashed("person", identifier)


def require_one_person(members: Sequence[Series]) -> None:
    """Raise where series of one identifier are of people of two sexes, birth dates or ages.

    Raises:
        DataError: naming two series and both values.
    """
    first = members[0]
    for other in members[1:]:
        differing = _differing(first, other)
        if differing:
            raise DataError(
                f"{first.subject} and {other.subject}: one PatientID, but {differing}: two people; correct the "
                "headers, or name each by its folder (--name FOLDER=NAME)"
            )


def divide_into_exams(members: Sequence[Series]) -> list[list[Series]]:
    """Return a person's series by examination, in the order of time: each is of one injection.

    A series without an injection is of the examination of its study, or of its day.

    Raises:
        DataError: two injections within hours, or one examination with two weights.
    """
    timed = [one for one in members if one.timing.injection is not None]
    timed.sort(key=lambda one: (one.timing.injection, one.subject))
    exams: list[list[Series]] = []
    for one in timed:
        if exams:
            first = exams[-1][0]
            assert one.timing.injection is not None
            assert first.timing.injection is not None
            apart = (one.timing.injection - first.timing.injection).total_seconds()
            if apart <= _SAME_INJECTION_SECONDS:
                exams[-1].append(one)
                continue
            if apart < _ANOTHER_EXAM_SECONDS:
                raise DataError(
                    f"{first.subject} and {one.subject}: one participant, but injected at {first.timing.injection} and "
                    f"{one.timing.injection}; import the scans of one injection"
                )
        exams.append([one])
    for one in members:
        if one.timing.injection is None:
            home = next((exam for exam in exams if any(_belongs(one, other) for other in exam)), None)
            if home is None:
                exams.append([one])
            else:
                home.append(one)
    exams.sort(key=lambda exam: min(min(one.timing.starts) for one in exam))
    for exam in exams:
        exam.sort(key=lambda one: (min(one.timing.starts), one.first.series))
        _require_one_weight(exam)
    return exams


def _require_one_weight(exam: Sequence[Series]) -> None:
    weights = {one.facts.weight_kilograms for one in exam if one.facts.weight_kilograms}
    if weights and max(weights) > 1.01 * min(weights):
        raise DataError(
            f"{exam[0].subject}: weighs {min(weights):g} and {max(weights):g} kg in different series; "
            "give the weight with the import"
        )


def _belongs(one: Series, other: Series) -> bool:
    if one.first.study and one.first.study == other.first.study:
        return True
    return min(one.timing.starts).date() == min(other.timing.starts).date()


def _differing(one: Series, other: Series) -> str:
    sexes = one.facts.sex, other.facts.sex
    if all(sex in {"M", "F", "O"} for sex in sexes) and sexes[0] != sexes[1]:
        return f"PatientSex is {sexes[0]} and {sexes[1]}"
    births = [calendar_day(text) for text in (one.first.birth_date, other.first.birth_date) if not is_no_date(text)]
    if None not in births and len(set(births)) > 1:
        return "PatientBirthDate differs"
    ages = one.first.age_years, other.first.age_years
    if ages[0] is None or ages[1] is None:
        return ""
    later = (min(other.timing.starts) - min(one.timing.starts)).total_seconds() / (365.25 * 86400.0)
    # The age may have been kept while dates were moved, or both: one of the two must fit.
    if min(abs(ages[1] - ages[0] - later), abs(ages[1] - ages[0])) > _AGE_YEARS:
        return f"PatientAge is {ages[0]:g} and {ages[1]:g} years"
    return ""


def _is_meant(key: str, header: SliceHeader, directory: Path) -> bool:
    if key in {header.patient_id, header.patient_name} - {""}:
        return True
    parts = header.path.parent.relative_to(directory).parts
    asked = tuple(part for part in key.split("/") if part not in {"", "."})
    return bool(asked) and parts[: len(asked)] == asked


def _called(header: SliceHeader, directory: Path) -> str:
    return header.patient_id or _inside(header.path.parent, directory)


def _inside(folder: Path, directory: Path) -> str:
    return folder.relative_to(directory).parts[0] if folder != directory else "."


def _label(name: str) -> str:
    label = name.removeprefix("sub-")
    if not re.fullmatch(rf"[A-Za-z0-9]{{1,{_LONGEST_LABEL}}}", label):
        raise DataError(f"--name {name!r}: name participants with letters and digits alone")
    return label
