"""Importing DICOM PET series: `import_dicom`."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from petbench_datasets.bids.new_sidecar import entities_of, frame_of_reference_name, hashed, new_sidecar
from petbench_datasets.bids.scan import NOTHING_GIVEN, Given
from petbench_datasets.bids.sidecar import WITNESSES_KEY
from petbench_datasets.dataset.pair_frames import in_another_place
from petbench_datasets.errors import DataError
from petbench_datasets.images.decay import nuclide
from petbench_datasets.importers.dataset import ImportReport, NewImage, add_to_dataset, distinct
from petbench_datasets.importers.dicom_choice import (
    chosen_by_description,
    is_derived,
    passed_over,
    require_reconstruction,
    without_rivals,
)
from petbench_datasets.importers.dicom_files import find_drawn, find_series
from petbench_datasets.importers.dicom_people import (
    divide_into_exams,
    name_participants,
    name_people,
    person_hash,
    require_one_person,
)
from petbench_datasets.importers.dicom_series import Series, read_series
from petbench_datasets.importers.dicom_volume import grid_of
from petbench_datasets.importers.existing import known_sessions
from petbench_datasets.importers.lesions import lesions_of
from petbench_datasets.importers.people import People, existing_rows
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tasks.task_file import task_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench_datasets.importers.dicom_headers import SliceHeader
    from petbench_datasets.importers.existing import KnownSession
    from petbench_datasets.tasks.task import Task


def import_dicom(
    directory: Path,
    folder: Path,
    *,
    task: Task | None = None,
    radionuclide: str = "",
    weights_kilograms: Mapping[str, float] | None = None,
    doses_becquerel: Mapping[str, float] | None = None,
    everyone: Given = NOTHING_GIVEN,
    skip_unusable: bool = False,
    names: Mapping[str, str] | None = None,
    series: Sequence[str] = (),
    reconstruction: str = "",
    lesions: Path | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Import every PET series below `directory` into the dataset at `folder`.

    The series of one `PatientID` become one participant of that name, those of two injections two sessions. Early,
    delayed and dynamic series are distinguished by their times; a participant's series may also come with several
    imports. Maximum projections and the like, single slices, and series that were derived from others that are there,
    are passed over. Lesions that RTSTRUCT and SEG objects hold are written as masks on the grid of the image that they
    were drawn on.

    Args:
        directory: DICOM files, in any order and depth; other modalities are passed over.
        folder: the dataset, new or existing.
        task: what the scans are for; None for that of the dataset's `task.toml`, or the default where it has none.
        radionuclide: another one that is allowed than the task's, `Ga68`, or `any` for every tracer that PET uses; a
            task of theirs must then be named to use the dataset.
        weights_kilograms: by participant identifier, for headers without one or with a wrong one.
        doses_becquerel: by participant identifier, likewise.
        everyone: weight and dose of whoever has none in the two above, likewise.
        skip_unusable: pass over series that cannot be used (not attenuation-corrected, gated, ...) with their
            reason in the report, as long as one is left.
        names: of participants, by PatientID, PatientName, or, where there is neither, a folder of `directory`.
        series: patterns of SeriesDescription, as of file names; only series that fit one are imported.
        reconstruction: which to take where several series are of one time: a part of SeriesDescription,
            ReconstructionMethod or ConvolutionKernel.
        lesions: an RTSTRUCT or SEG object, or a folder of such: each of their structures is a lesion that does not say
            it is something else, and no other objects are read. If not given, those below `directory` are, and hold
            lesions where they say so.
        progress: called after each image.

    Raises:
        DataError: in one line, why the first unusable series is refused. Nothing is written then.
    """
    held = task_for(folder, task)
    allowed = None if radionuclide == "any" else nuclide(radionuclide or held.radionuclide)
    found = find_series(directory)
    drawn = found.drawn if lesions is None else find_drawn(lesions)
    skipped = list(found.passed_over)
    weights, doses = weights_kilograms or {}, doses_becquerel or {}
    understood: list[Series] = []
    refused: list[tuple[str, bool, DataError]] = [(what, False, error) for what, error in found.refused]
    volumes = []
    for members in found.series:
        if reason := passed_over(members):
            skipped.append((_subject(members), reason))
        else:
            volumes.append(members)
    volumes = name_people(volumes, names or {}, directory)
    for members, chosen in zip(volumes, chosen_by_description(volumes, series, directory), strict=True):
        if not chosen:
            skipped.append((_subject(members), "not chosen by --series"))
            continue
        first = members[0]
        given = Given(_of(first, weights, everyone.weight_kilograms), _of(first, doses, everyone.injected_bq))
        try:
            lost = found.unreadable.beside(members)
            understood.append(read_series(members, _subject(members), held, allowed, given, lost))
        except DataError as error:
            refused.append((_subject(members), is_derived(first), error))
    for what, derived, refusal in refused:
        if not understood or not (skip_unusable or derived):  # what was derived from others is no loss
            raise refusal
        skipped.append((what, str(refusal)))
    if not understood:
        raise DataError(f"{directory}: has no PET volume; give the folder of the PET series")
    require_reconstruction(understood, reconstruction, directory)
    existing_rows(folder)  # refuses a folder that is no dataset before anything is read of it
    scans, people = _placed(understood, folder, skipped, reconstruction, held)
    masks = lesions_of(drawn, scans, named=lesions is not None)
    for what, refusal in masks.refused:
        if lesions is None and not skip_unusable:
            raise DataError(f"{refusal} (--skip-unusable leaves it out)") from refusal
        if not skip_unusable:
            raise refusal
        skipped.append((what, str(refusal)))
    images = [image for _, image in scans]
    any_tracer = allowed != held.radionuclide
    everything = [*skipped, *masks.skipped]
    return add_to_dataset(folder, images, people, everything, progress, held, masks.lesions, any_tracer=any_tracer)


def _subject(members: Sequence[SliceHeader]) -> str:
    return f"{members[0].path.parent} ({members[0].description or 'PET series'})"


def _of(header: SliceHeader, given: Mapping[str, float], otherwise: float | None) -> float | None:
    """Return what is given for a participant, by name or by PatientID."""
    return given.get(header.participant, given.get(header.patient_id, otherwise))


def _placed(
    series: Sequence[Series], folder: Path, skipped: list[tuple[str, str]], reconstruction: str, task: Task
) -> tuple[list[tuple[Series, NewImage]], People]:
    """Return each series that is imported with its place in the dataset, and whose they are."""
    known = known_sessions(folder)
    people_there = {name: {p for one in sessions.values() for p in one.people} for name, sessions in known.items()}
    by_participant: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_participant[one.first.participant].append(one)
    names = name_participants(sorted(by_participant), people_there)
    kept: list[Series] = []
    images: list[NewImage] = []
    people: dict[str, dict[str, object]] = {}
    sessions: dict[str, dict[str, dict[str, object]]] = {}
    for participant, members in sorted(by_participant.items()):
        name = names[participant]
        require_one_person(members)
        exams = divide_into_exams(members)
        labels = _session_labels(exams, known.get(name, {}), folder / name)
        for label, exam in zip(labels, exams, strict=True):
            chosen, left_out = without_rivals(exam, reconstruction)
            skipped += [(one.subject, why) for one, why in left_out]
            kept += chosen
            images += [_image(one, name, label, chosen[0], task) for one in chosen]
        rows = [_person(exam) for exam in exams]
        if any(labels):
            people[name] = {"sex": next((row["sex"] for row in rows if row["sex"]), "")}
            sessions[name] = dict(zip(labels, rows, strict=True))
        else:
            people[name] = rows[0]
    return list(zip(kept, distinct(images), strict=True)), People(people, sessions)


def _session_labels(exams: Sequence[Sequence[Series]], there: Mapping[str, KnownSession], place: Path) -> list[str]:
    """Return the session of each examination of a participant: none where there is one alone.

    Raises:
        DataError: scans without a session are there, and these are of another examination.
    """
    labels: list[str] = []
    number = max([0, *(int(label[4:]) for label in there if label[4:].isdecimal())])
    for exam in exams:
        days, studies = {_day(one) for one in exam} - {""}, {_study(one) for one in exam} - {""}
        known = next((label for label, one in there.items() if one.days & days), None)
        if known is None:
            known = next(
                (label for label, one in there.items() if not (days and one.days) and one.studies & studies), None
            )
        if known is None and "" in there:
            if len(exams) > 1 or (days and there[""].days):
                raise DataError(
                    f"{exam[0].subject}: is of another injection than the scans in {place}; move that folder away, and "
                    "import all examinations of the participant at once: each becomes a session"
                )
            known = ""  # an import that noted no days, or scans whose injection is not known
        if known is None and not there and len(exams) == 1:
            known = ""
        if known is None:
            number += 1
            known = f"ses-{number}"
        labels.append(known)
    return labels


def _day(series: Series) -> str:
    """Return the hash of the day of the injection, which tells injections apart; empty where it is not known."""
    if series.timing.injection is None or series.first.has_date is not True:
        return ""
    return hashed("injection", series.first.participant, f"{series.timing.injection:%Y%m%d}")


def _study(series: Series) -> str:
    return hashed(series.first.study) if series.first.study else ""


def _person(members: Sequence[Series]) -> dict[str, object]:
    facts, first = members[0].facts, members[0].first
    age = re.fullmatch(r"0*(\d+)Y", first.age.upper())
    weight = next((one.facts.weight_kilograms for one in members if one.facts.weight_kilograms), None)
    return {
        "sex": facts.sex if facts.sex in {"M", "F", "O"} else "",
        "age": age[1] if age else "",
        "height": "" if facts.height_centimetres is None else f"{facts.height_centimetres:g}",
        "body_weight": "" if weight is None else repr(round(weight, 6)),
    }


def _image(series: Series, participant: str, session: str, earliest: Series, task: Task) -> NewImage:
    first, timing, frames = series.first, series.timing, series.frames()
    known = timing.injection is not None
    tracer = task.kind_of(first.tracer_name) or "unknown"
    notes = series.notes
    if not known:
        notes = (*notes, "no injection time: the image can be looked at, but lies in neither window")
    if first.frame_of_reference and first.frame_of_reference != earliest.first.frame_of_reference:
        notes = (*notes, in_another_place("the participant's first scan"))
    injected = first.decay_correction == "NONE" or series.is_suv
    sidecar = new_sidecar(
        frames,
        tracer=tracer,
        radionuclide=series.radionuclide,
        half_life_seconds=series.half_life_seconds,
        is_suv=series.is_suv,
        dose_megabecquerel=None if series.dose_bq is None else series.dose_bq / 1e6,
        injection_known=known,
        decay_corrected_to_seconds=0.0 if injected else timing.seconds(timing.reference),
        time_zero=(timing.injection or timing.reference).strftime("%H:%M:%S"),
        more={
            "Manufacturer": first.manufacturer,
            "ManufacturersModelName": first.model,
            "AcquisitionMode": " ".join(first.series_type[:1]).lower(),
            "ReconMethodName": first.reconstruction,
            "AttenuationCorrection": first.attenuation,
            "SeriesDescription": first.description,
            "SourcePatient": person_hash(first.participant),
            "SourceStudy": _study(series),
            "SourceInjectionDay": _day(series),
            "FrameOfReference": frame_of_reference_name(first.frame_of_reference),
            "SourceUnits": first.units,
            "SourceDecayCorrection": first.decay_correction,
        },
    )
    sidecar[WITNESSES_KEY] = [finding.as_record() for finding in series.findings]
    return NewImage(
        participant=participant,
        entities=entities_of(frames, tracer, series.radionuclide, task, injection_known=known),
        sidecar=sidecar,
        grid=grid_of(series.slices, series.order[0]),
        frames=series.voxels,
        dynamic=len(frames) > 1,
        source=series.subject,
        notes=notes,
        files=() if first.frame is not None else tuple(series.slices[index].path for index in series.order[0]),
        session=session,
    )
