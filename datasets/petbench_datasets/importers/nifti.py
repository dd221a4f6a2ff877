"""Importing pairs of NIfTI files named in a table: `import_nifti`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.new_sidecar import entities_of, new_sidecar, resampling_record
from petbench_datasets.bids.participants import checked_kilograms
from petbench_datasets.bids.sidecar import ALLOWED_KEY
from petbench_datasets.bids.writer import SESSION_COLUMNS
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.body import require_activity
from petbench_datasets.evidence.witnesses import Witness, weigh, within, within_ratio
from petbench_datasets.images.decay import HALF_LIFE_SECONDS, nuclide
from petbench_datasets.images.field_of_view import Box, common_box, cut, share_outside
from petbench_datasets.images.grid import resample
from petbench_datasets.images.nifti import StoredImage
from petbench_datasets.images.suv import Calibration
from petbench_datasets.images.windows import WINDOWS_SECONDS, Frame
from petbench_datasets.importers.dataset import ImportReport, NewImage, People, add_to_dataset
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tables import Row, number, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Literal

    from petbench_datasets.images.grid import Grid, Volume

COLUMNS = {
    "participant": "name of the participant: letters and digits",
    "session": "name of the examination, where a participant has several: letters and digits",
    "early": "path of the early image, relative to the table",
    "delayed": "path of the delayed image, relative to the table",
    "units": "SUV, Bq/mL or kBq/mL",
    "weight_kg": "body weight; not needed for SUV",
    "dose_mbq": "activity at injection; not needed for SUV",
    "early_start_s": "start of the early scan, seconds after injection (or early_start_min)",
    "early_duration_s": "its length in seconds (or early_duration_min)",
    "delayed_start_s": "start of the delayed scan, seconds after injection (or delayed_start_min)",
    "delayed_duration_s": "its length in seconds (or delayed_duration_min)",
    "decay_correction": "START: each image to its own start; ADMIN: to the injection; NONE: not corrected",
    "radionuclide": "F18 if left out",
}
"""The columns that `import_nifti` knows; all others (sex, age, site, ...) are kept in participants.tsv."""

_ALIASES = {
    "participant_id": "participant",
    "weight": "weight_kg",
    "body_weight": "weight_kg",
    "dose": "dose_mbq",
    "injected_mbq": "dose_mbq",
    "unit": "units",
}
_LONGEST_SECONDS = 172_800.0
_UNITS = {"suv": None, "suvbw": None, "g/ml": None, "bq/ml": 1.0, "bqml": 1.0, "kbq/ml": 1e3}


@dataclass(frozen=True)
class _Source:
    """One image of one row."""

    path: Path
    frame: Frame
    stored: StoredImage
    notes: tuple[str, ...]


def import_nifti(
    table: Path,
    folder: Path,
    *,
    resample_to: Literal["early", "delayed"] | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Import the pairs that a table names into the dataset at `folder`.

    Args:
        table: comma-separated, or tab-separated if its name ends in .tsv; columns as in `COLUMNS`.
        folder: the dataset, new or existing.
        resample_to: bring both images of a pair to the grid of this one where they differ, and cut both to what both
            measured; the sidecar records it.
        progress: called after each image.

    Raises:
        DataError: in one line, which row or file cannot be used. Nothing is written then.
    """
    rows = [_canonical(row, table) for row in read_table(table, "\t" if table.suffix.lower() == ".tsv" else ",")]
    if not rows:
        raise DataError(f"{table}: has no rows; give one participant a line (columns {', '.join(COLUMNS)})")
    images: list[NewImage] = []
    people: dict[str, dict[str, object]] = {}
    sessions: dict[str, dict[str, dict[str, object]]] = {}
    for row in rows:
        name, session = _name(row, table), _session(row, table)
        if session in sessions.get(name, {}) or (name in people and not (session and name in sessions)):
            raise DataError(f"{table}: {name} has two rows; keep one, or name the session of each (column session)")
        person = _person(row, name, table)
        if session:
            sessions.setdefault(name, {})[session] = {key: person.get(key, "") for key in SESSION_COLUMNS}
            person = {key: value for key, value in person.items() if key not in SESSION_COLUMNS}
        people[name] = people.get(name, {}) | person
        images += [dataclasses.replace(image, session=session) for image in _pair(row, name, table, resample_to)]
    return add_to_dataset(folder, images, People(people, sessions), (), progress)


def _canonical(row: Row, table: Path) -> Row:
    """Return a row under petbench's own column names; two columns for one thing must agree."""
    found: Row = {}
    for key, value in row.items():
        name = _ALIASES.get(key.strip().lower().replace(" ", "_"), key.strip().lower().replace(" ", "_"))
        if found.get(name) and value and found[name] != value:
            raise DataError(
                f"{table}: {name} is {found[name]!r} and, in the column {key}, {value!r}; keep the right one"
            )
        found[name] = value or found.get(name, "")
    return found


def _name(row: Row, table: Path) -> str:
    label = row.get("participant", "").removeprefix("sub-")
    if not label or not label.isalnum() or not label.isascii():
        raise DataError(f"{table}: participant {label!r}; name every participant with letters and digits alone")
    return f"sub-{label}"


def _session(row: Row, table: Path) -> str:
    label = row.get("session", "").removeprefix("ses-")
    if label and not (label.isalnum() and label.isascii()):
        raise DataError(f"{table}: session {label!r}; name every session with letters and digits alone")
    return f"ses-{label}" if label else ""


def _person(row: Row, name: str, table: Path) -> dict[str, object]:
    person: dict[str, object] = {key: value for key, value in row.items() if key not in COLUMNS}
    if row.get("weight_kg"):
        weight = number(row["weight_kg"], f"weight_kg of {name}", table)
        person["body_weight"] = repr(checked_kilograms(weight, table, name))
    return person


def _pair(row: Row, name: str, table: Path, resample_to: Literal["early", "delayed"] | None) -> list[NewImage]:
    unit_text = row.get("units", "").lower().replace(" ", "")
    if unit_text not in _UNITS:
        raise DataError(f"{table}: units of {name} is {row.get('units', '')!r}; give SUV, Bq/mL or kBq/mL")
    unit = _UNITS[unit_text]
    dose: float | None = None
    weight: float | None = None
    dose_notes: tuple[str, ...] = ()
    if unit is not None:
        dose, dose_notes = _dose(row, name, table)
        if not row.get("weight_kg"):
            raise DataError(f"{table}: no weight_kg for {name}; add it (SUV cannot be computed without it)")
    if row.get("weight_kg"):
        weight = checked_kilograms(number(row["weight_kg"], f"weight_kg of {name}", table), table, name)
    sources = {window: _source(row, window, name, table, is_suv=unit is None) for window in WINDOWS_SECONDS}
    grids = {window: source.stored.grid for window, source in sources.items()}
    if not grids["early"].matches(grids["delayed"]) and resample_to is None:
        raise DataError(
            f"{sources['delayed'].path}: lies elsewhere than {sources['early'].path.name}: "
            f"{grids['early'].difference(grids['delayed'])}; bring both to one grid, or let the import do it "
            "(--resample-to early)"
        )
    nuclide_name = nuclide(row.get("radionuclide") or "F18")
    if nuclide_name not in HALF_LIFE_SECONDS:
        raise DataError(f"{table}: radionuclide of {name} is {nuclide_name}; known are {', '.join(HALF_LIFE_SECONDS)}")
    whole = grids[resample_to or "early"]
    box = common_box(whole, grids.values())
    if box is None:
        raise DataError(f"{sources['delayed'].path}: shares no voxel with {sources['early'].path.name}; look at both")
    target = cut(whole, box)
    images = []
    for window, source in sources.items():
        reference, notes = _reference(row, source.frame, name, table, is_suv=unit is None)
        notes = (*dose_notes, *notes)
        half_life = HALF_LIFE_SECONDS[nuclide_name]
        calibration = None
        if dose is not None and weight is not None:
            calibration = Calibration(dose, weight, half_life, reference)
        sidecar = new_sidecar(
            [source.frame],
            tracer="FDG" if nuclide_name == "F18" else nuclide_name,
            radionuclide=nuclide_name,
            half_life_seconds=half_life,
            is_suv=unit is None,
            dose_megabecquerel=None if dose is None else dose / 1e6,
            decay_corrected_to_seconds=reference,
        )
        if not target.matches(grids[window]):
            outside = share_outside(source.stored.frame(0), grids[window], target)
            interpolated = not whole.matches(grids[window])
            sidecar["Resampled"] = resampling_record(grids[window], target, interpolated=interpolated, outside=outside)
            notes = (
                *notes,
                f"{'resampled' if interpolated else 'cut'} from {grids[window]} to what both images measured",
            )
            notes = (*notes, f"{100 * outside:.1f} % of its activity lies outside of that") if outside else notes
        if nuclide_name != "F18":
            sidecar[ALLOWED_KEY] = True  # the table names it
        entities = entities_of([source.frame], str(sidecar["TracerName"]), nuclide_name)
        read = _reader(source, unit or 1.0, whole, box, calibration)
        images.append(NewImage(name, entities, sidecar, target, read, False, str(source.path), (*source.notes, *notes)))
    return images


def _source(row: Row, window: str, name: str, table: Path, *, is_suv: bool) -> _Source:
    if not row.get(window):
        raise DataError(f"{table}: no {window} image for {name}; add its path to the column {window}")
    path = table.parent / row[window]
    stored = StoredImage(path)
    if stored.dynamic:
        raise DataError(f"{path}: a dynamic image; import its {window} mean, or write the scan as BIDS-PET")
    start, stop = WINDOWS_SECONDS[window]
    given = [_seconds(row, f"{window}_{part}", name, table) for part in ("start", "duration")]
    notes: tuple[str, ...] = ()
    if given[0] is None and given[1] is None and is_suv:
        given = [start, stop - start]
        notes = (f"no times given: taken as the whole {window} window",)
    if given[0] is None or given[1] is None or given[1] <= 0:
        raise DataError(f"{table}: {window}_start_s or {window}_duration_s of {name} is missing; add both")
    return _Source(path, Frame(given[0], given[1]), stored, (*notes, *stored.notes))


def _seconds(row: Row, column: str, name: str, table: Path) -> float | None:
    units = (("_s", 1.0), ("_seconds", 1.0), ("_min", 60.0), ("_minutes", 60.0))
    witnesses = [
        Witness(
            column + suffix,
            number(row[column + suffix], f"{column}{suffix} of {name}", table) * factor,
            row[column + suffix],
        )
        for suffix, factor in units
        if row.get(column + suffix)
    ]
    found = weigh(
        f"the {column.replace('_', ' ')} of {name}",
        witnesses,
        agree=within(1.0),
        shown=lambda seconds: f"{seconds:g} s",
        subject=str(table),
        remedy="keep the right one",
    )
    if found is not None and not abs(found.value) <= _LONGEST_SECONDS:
        raise DataError(f"{table}: {column} of {name} is {found.value:g} s; count it from the injection")
    return None if found is None else found.value


def _dose(row: Row, name: str, table: Path) -> tuple[float, tuple[str, ...]]:
    """Return the injected activity in Bq, and what was repaired to get it."""
    witnesses: list[Witness] = []
    notes: tuple[str, ...] = ()
    for column, unit in (("dose_mbq", 1e6), ("dose_bq", 1.0)):
        if not row.get(column):
            continue
        value, factor = number(row[column], f"{column} of {name}", table), unit
        if column == "dose_mbq" and value >= 1e4:  # nobody is injected with 10 GBq
            notes, factor = (*notes, f"dose_mbq {value:g} taken as Bq"), 1.0
        elif column == "dose_bq" and value < 1e4:
            notes, factor = (*notes, f"dose_bq {value:g} taken as MBq"), 1e6
        if not 1e5 <= value * factor <= 1e11:
            raise DataError(f"{table}: {column} of {name} is {value:g}; correct it")
        witnesses.append(Witness(column, value * factor, f"{value:g}"))
    found = weigh(
        f"the injected dose of {name}",
        witnesses,
        agree=within_ratio(0.02),
        shown=lambda bq: f"{bq / 1e6:g} MBq",
        subject=str(table),
        remedy="keep the right one",
    )
    if found is None:
        raise DataError(f"{table}: no dose_mbq for {name}; add the injected activity, or give the images in SUV")
    return found.value, notes


def _reference(row: Row, frame: Frame, name: str, table: Path, *, is_suv: bool) -> tuple[float | None, tuple[str, ...]]:
    """Return the time after the injection to which an image is decay-corrected, None for not at all."""
    if is_suv:
        return 0.0, ()
    kind = row.get("decay_correction", "").upper()
    if kind in {"START", ""}:
        return frame.start_seconds, () if kind else ("decay_correction not given: taken as START, its own start",)
    if kind == "ADMIN":
        return 0.0, ()
    if kind == "NONE":
        return None, ()
    raise DataError(f"{table}: decay_correction of {name} is {kind}; give START, ADMIN or NONE")


def _reader(
    source: _Source, factor: float, target: Grid, box: Box, calibration: Calibration | None
) -> Callable[[], Iterable[Volume]]:
    def read() -> Iterable[Volume]:
        volume = source.stored.frame(0)
        if not np.isfinite(volume).all():
            raise DataError(f"{source.path}: holds NaN or infinite voxels; export the image again")
        if float(volume.max()) == float(volume.min()):
            raise DataError(f"{source.path}: every voxel is {float(volume.max()):g}; export the image again")
        if calibration is not None:
            suv = factor * calibration.suv_per_unit(source.frame)
            total = float(volume.sum(dtype=np.float64)) * suv * source.stored.grid.voxel_millilitres
            shown = f"{calibration.injected_bq / 1e6:.4g} MBq"
            require_activity(str(source.path), total / (1000.0 * calibration.weight_kilograms), "dose_mbq", shown)
        yield np.ascontiguousarray(resample(volume * np.float32(factor), source.stored.grid, target)[box])

    return read
