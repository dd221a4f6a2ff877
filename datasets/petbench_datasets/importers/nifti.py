"""Importing pairs of NIfTI files named in a table: `import_nifti`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.new_sidecar import entities_of, new_sidecar, resampling_record
from petbench_datasets.bids.participants import checked_kilograms
from petbench_datasets.bids.writer import SESSION_COLUMNS
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.body import require_activity
from petbench_datasets.evidence.rules import require_tracer
from petbench_datasets.images.decay import HALF_LIFE_SECONDS, nuclide
from petbench_datasets.images.field_of_view import Box, common_box, cut, share_outside
from petbench_datasets.images.grid import resample
from petbench_datasets.images.nifti import StoredImage
from petbench_datasets.images.suv import Calibration
from petbench_datasets.images.windows import Frame
from petbench_datasets.importers.dataset import ImportReport, NewImage, add_to_dataset
from petbench_datasets.importers.nifti_table import (
    COLUMNS,
    canonical,
    decay_reference,
    injected_becquerel,
    participant_name,
    person_facts,
    seconds,
    session_name,
)
from petbench_datasets.importers.people import People
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tables import Row, number, read_table
from petbench_datasets.tasks.task_file import task_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Literal

    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.tasks.task import Task

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
    task: Task | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Import the pairs that a table names into the dataset at `folder`.

    Args:
        table: comma-separated, or tab-separated if its name ends in .tsv; columns as in `COLUMNS`.
        folder: the dataset, new or existing.
        resample_to: bring both images of a pair to the grid of this one where they differ, and cut both to what both
            measured; the sidecar records it.
        task: whose windows and whose tracer; None for that of the dataset's `task.toml`, or the default where it has
            none.
        progress: called after each image.

    Raises:
        DataError: in one line, which row or file cannot be used. Nothing is written then.
    """
    held = task_for(folder, task)
    rows = [canonical(row, table) for row in read_table(table, "\t" if table.suffix.lower() == ".tsv" else ",")]
    if not rows:
        raise DataError(f"{table}: has no rows; give one participant a line (columns {', '.join(COLUMNS)})")
    images: list[NewImage] = []
    people: dict[str, dict[str, object]] = {}
    sessions: dict[str, dict[str, dict[str, object]]] = {}
    for row in rows:
        name, session = participant_name(row, table), session_name(row, table)
        if session in sessions.get(name, {}) or (name in people and not (session and name in sessions)):
            raise DataError(f"{table}: {name} has two rows; keep one, or name the session of each (column session)")
        person = person_facts(row, name, table)
        if session:
            sessions.setdefault(name, {})[session] = {key: person.get(key, "") for key in SESSION_COLUMNS}
            person = {key: value for key, value in person.items() if key not in SESSION_COLUMNS}
        people[name] = people.get(name, {}) | person
        images += [dataclasses.replace(image, session=session) for image in _pair(row, name, table, held, resample_to)]
    return add_to_dataset(folder, images, People(people, sessions), (), progress, held)


def _pair(
    row: Row, name: str, table: Path, task: Task, resample_to: Literal["early", "delayed"] | None
) -> list[NewImage]:
    unit_text = row.get("units", "").lower().replace(" ", "")
    if unit_text not in _UNITS:
        raise DataError(f"{table}: units of {name} is {row.get('units', '')!r}; give SUV, Bq/mL or kBq/mL")
    unit = _UNITS[unit_text]
    dose: float | None = None
    weight: float | None = None
    dose_notes: tuple[str, ...] = ()
    if unit is not None:
        dose, dose_notes = injected_becquerel(row, name, table)
        if not row.get("weight_kg"):
            raise DataError(f"{table}: no weight_kg for {name}; add it (SUV cannot be computed without it)")
    if row.get("weight_kg"):
        weight = checked_kilograms(number(row["weight_kg"], f"weight_kg of {name}", table), table, name)
    sources = {window: _source(row, window, name, table, task, is_suv=unit is None) for window in task.windows_seconds}
    grids = {window: source.stored.grid for window, source in sources.items()}
    if not grids["early"].matches(grids["delayed"]) and resample_to is None:
        raise DataError(
            f"{sources['delayed'].path}: lies elsewhere than {sources['early'].path.name}: "
            f"{grids['early'].difference(grids['delayed'])}; bring both to one grid, or let the import do it "
            "(--resample-to early)"
        )
    nuclide_name = nuclide(row.get("radionuclide") or task.radionuclide)
    if nuclide_name not in HALF_LIFE_SECONDS:
        raise DataError(f"{table}: radionuclide of {name} is {nuclide_name}; known are {', '.join(HALF_LIFE_SECONDS)}")
    remedy = "name the cohort's own task (--task, or its task.toml)"
    require_tracer(f"{table}: {name}", task, "", nuclide_name, "radionuclide", remedy)
    whole = grids[resample_to or "early"]
    box = common_box(whole, grids.values())
    if box is None:
        raise DataError(f"{sources['delayed'].path}: shares no voxel with {sources['early'].path.name}; look at both")
    target = cut(whole, box)
    images = []
    for window, source in sources.items():
        reference, notes = decay_reference(row, source.frame, name, table, is_suv=unit is None)
        notes = (*dose_notes, *notes)
        half_life = HALF_LIFE_SECONDS[nuclide_name]
        calibration = None
        if dose is not None and weight is not None:
            calibration = Calibration(dose, weight, half_life, reference)
        sidecar = new_sidecar(
            [source.frame],
            tracer=task.tracer,
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
        entities = entities_of([source.frame], task.tracer, nuclide_name, task)
        read = _reader(source, unit or 1.0, whole, box, calibration)
        images.append(NewImage(name, entities, sidecar, target, read, False, str(source.path), (*source.notes, *notes)))
    return images


def _source(row: Row, window: str, name: str, table: Path, task: Task, *, is_suv: bool) -> _Source:
    if not row.get(window):
        raise DataError(f"{table}: no {window} image for {name}; add its path to the column {window}")
    path = table.parent / row[window]
    stored = StoredImage(path)
    if stored.dynamic:
        raise DataError(f"{path}: a dynamic image; import its {window} mean, or write the scan as BIDS-PET")
    start, stop = task.windows_seconds[window]
    given = [seconds(row, f"{window}_{part}", name, table) for part in ("start", "duration")]
    notes: tuple[str, ...] = ()
    if given[0] is None and given[1] is None and is_suv:
        given = [start, stop - start]
        notes = (f"no times given: taken as the whole {window} window",)
    if given[0] is None or given[1] is None or given[1] <= 0:
        raise DataError(f"{table}: {window}_start_s or {window}_duration_s of {name} is missing; add both")
    return _Source(path, Frame(given[0], given[1]), stored, (*notes, *stored.notes))


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
