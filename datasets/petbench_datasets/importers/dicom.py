"""Importing DICOM PET series: `import_dicom`."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from petbench_datasets.bids.new_sidecar import entities_of, frame_of_reference_name, new_sidecar
from petbench_datasets.bids.scan import NOTHING_GIVEN, Given
from petbench_datasets.bids.sidecar import ALLOWED_KEY, WITNESSES_KEY
from petbench_datasets.dataset.pair_frames import in_another_place
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.rules import tracer_kind
from petbench_datasets.images.predicted import PREDICTED
from petbench_datasets.importers.dataset import ImportReport, NewImage, add_to_dataset
from petbench_datasets.importers.dicom_files import find_series
from petbench_datasets.importers.dicom_series import Series, read_series
from petbench_datasets.importers.dicom_volume import grid_of
from petbench_datasets.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


_SAME_INJECTION_SECONDS = 60.0


def import_dicom(
    directory: Path,
    folder: Path,
    *,
    radionuclide: str | None = "F18",
    weights_kilograms: Mapping[str, float] | None = None,
    doses_becquerel: Mapping[str, float] | None = None,
    everyone: Given = NOTHING_GIVEN,
    skip_unusable: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Import every PET series below `directory` into the dataset at `folder`.

    The series of one `PatientID` become one participant of that name. Early, delayed and dynamic series are
    distinguished by their times; a participant's series may also come with several imports.

    Args:
        directory: DICOM files, in any order and depth; other modalities are passed over.
        folder: the dataset, new or existing.
        radionuclide: the only one allowed, F18 with FDG alone; None allows every tracer that PET uses.
        weights_kilograms: by participant identifier, for headers without one or with a wrong one.
        doses_becquerel: by participant identifier, likewise.
        everyone: weight and dose of whoever has none in the two above, likewise.
        skip_unusable: pass over series that cannot be used (not attenuation-corrected, gated, ...) with their
            reason in the report, as long as one is left.
        progress: called after each image.

    Raises:
        DataError: in one line, why the first unusable series is refused. Nothing is written then.
    """
    found = find_series(directory)
    skipped = list(found.passed_over)
    weights, doses = weights_kilograms or {}, doses_becquerel or {}
    understood: list[Series] = []
    refused: list[tuple[str, DataError]] = list(found.refused)
    for members in found.series:
        subject = f"{members[0].path.parent} ({members[0].description or 'PET series'})"
        if "REPROJECTION" in members[0].series_type:
            skipped.append((subject, "a projection, not a volume"))
            continue
        if members[0].derivation.startswith(PREDICTED):
            skipped.append((subject, "a predicted image, not a measurement"))
            continue
        try:
            participant = members[0].participant
            given = Given(
                weights.get(participant, everyone.weight_kilograms), doses.get(participant, everyone.injected_bq)
            )
            understood.append(read_series(members, subject, radionuclide, given))
        except DataError as error:
            refused.append((subject, error))
    if refused and not skip_unusable:
        raise refused[0][1]
    skipped += [(what, str(error)) for what, error in refused]
    if not understood:
        if refused:
            raise refused[0][1]
        raise DataError(f"{directory}: has no PET volume; give the folder of the PET series")
    return _write(understood, folder, skipped, progress)


def _write(
    series: Sequence[Series], folder: Path, skipped: Sequence[tuple[str, str]], progress: Progress
) -> ImportReport:
    names = _participant_names(sorted({one.first.participant for one in series}))
    by_participant: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_participant[one.first.participant].append(one)
    images: list[NewImage] = []
    people: dict[str, dict[str, object]] = {}
    for participant, members in sorted(by_participant.items()):
        _require_one_injection(members)
        members.sort(key=lambda one: (min(one.timing.starts), one.first.series))
        people[names[participant]] = _person(members)
        images += [_image(one, names[participant], members[0]) for one in members]
    return add_to_dataset(folder, images, people, skipped, progress)


def _require_one_injection(members: Sequence[Series]) -> None:
    injections = [one.timing.injection for one in members if one.timing.injection is not None]
    if injections and (max(injections) - min(injections)).total_seconds() > _SAME_INJECTION_SECONDS:
        raise DataError(
            f"{members[0].subject} and {members[-1].subject}: one participant, but injected at {min(injections)} and "
            f"{max(injections)}; import the scans of one injection"
        )
    weights = {one.facts.weight_kilograms for one in members if one.facts.weight_kilograms}
    if weights and max(weights) > 1.01 * min(weights):
        raise DataError(
            f"{members[0].subject}: weighs {min(weights):g} and {max(weights):g} kg in different series; "
            "give the weight with the import"
        )


def _participant_names(participants: Sequence[str]) -> dict[str, str]:
    """Name participants after their identifiers, letters and digits alone; two that then look alike get a hash."""
    plain = {participant: re.sub(r"[^A-Za-z0-9]", "", participant) or "unnamed" for participant in participants}
    taken = list(plain.values())
    return {
        participant: f"sub-{label}"
        if taken.count(label) == 1
        else f"sub-{label}x{hashlib.sha256(participant.encode()).hexdigest()[:6]}"
        for participant, label in plain.items()
    }


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


def _image(series: Series, participant: str, earliest: Series) -> NewImage:
    first, timing, frames = series.first, series.timing, series.frames()
    known = timing.injection is not None
    tracer = tracer_kind(first.tracer_name) or "unknown"
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
            "FrameOfReference": frame_of_reference_name(first.frame_of_reference),
            "SourceUnits": first.units,
            "SourceDecayCorrection": first.decay_correction,
        },
    )
    sidecar[WITNESSES_KEY] = [finding.as_record() for finding in series.findings]
    if tracer not in {"FDG", "unknown"} or series.radionuclide != "F18":
        sidecar[ALLOWED_KEY] = True
    return NewImage(
        participant=participant,
        entities=entities_of(frames, tracer, series.radionuclide, injection_known=known),
        sidecar=sidecar,
        grid=grid_of(series.slices, series.order[0]),
        frames=series.voxels,
        dynamic=len(frames) > 1,
        source=series.subject,
        notes=notes,
        files=tuple(series.slices[index].path for index in series.order[0]),
    )
