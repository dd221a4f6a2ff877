"""Writing a dataset's pairs for other programs: NIfTI with a table, or BIDS-PET; for DICOM see `exporters.dicom`.

Each function writes what its importer reads back to the same SUV within one step of quantisation.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from petbench_datasets.bids.description import write_description
from petbench_datasets.bids.names import pair_folder, person_of, session_of
from petbench_datasets.bids.new_sidecar import entities_of, new_sidecar
from petbench_datasets.bids.participants import column_descriptions
from petbench_datasets.bids.writer import write_participants, write_scan, write_sessions
from petbench_datasets.errors import DataError
from petbench_datasets.files import atomic_folder
from petbench_datasets.images.decay import HALF_LIFE_SECONDS
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.images.windows import Frame
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tables import write_table
from petbench_datasets.tasks.task_writer import write_task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from petbench_datasets.dataset.framing import WindowFrames
    from petbench_datasets.dataset.reader import Dataset

TABLE_NAME = "pairs.tsv"


def export_nifti(dataset: Dataset, folder: Path, progress: Progress = silent) -> Path:
    """Write every pair as two NIfTI files in SUV, and the table that `import_nifti` reads; return its path.

    Raises:
        DataError: `folder` exists or cannot be written.
    """
    with new_folder(folder) as temporary:
        rows = []
        for number, name in enumerate(dataset.participants):
            progress("exporting the dataset", number, len(dataset.participants))
            pair, plan = dataset.pair(name), dataset.plans[name]
            row: dict[str, object] = {**dataset.table.get(name, {})}
            weight = row.pop("body_weight", "")
            row |= {"participant": person_of(name), "units": "SUV", "weight_kg": weight}
            row.pop("participant_id", None)
            if session_of(name):
                row["session"] = session_of(name)
            for window, volume, frames in (("early", pair.early, plan.early), ("delayed", pair.delayed, plan.delayed)):
                file = f"{name}_{window}.nii.gz"
                write_image(temporary / file, volume, pair.grid)
                frame = effective_frame(frames)
                row[window] = file
                row[f"{window}_start_s"] = frame.start_seconds
                row[f"{window}_duration_s"] = frame.duration_seconds
            rows.append(row)
        columns = list(dict.fromkeys(key for row in rows for key in row))
        write_table(temporary / TABLE_NAME, ["participant", *(key for key in columns if key != "participant")], rows)
    progress("exporting the dataset", len(dataset.participants), len(dataset.participants))
    return folder / TABLE_NAME


def export_bids(dataset: Dataset, folder: Path, progress: Progress = silent) -> None:
    """Write every pair as two static BIDS-PET images in SUV (g/mL): a dataset again, its windows formed.

    Raises:
        DataError: `folder` exists or cannot be written.
    """
    with new_folder(folder) as temporary:
        for number, name in enumerate(dataset.participants):
            progress("exporting the dataset", number, len(dataset.participants))
            pair, plan = dataset.pair(name), dataset.plans[name]
            for volume, window in ((pair.early, plan.early), (pair.delayed, plan.delayed)):
                scan, frame = window.uses[0].scan, effective_frame(window)
                task = dataset.task
                nuclide = scan.radionuclide or task.radionuclide
                half_life = scan.calibration.half_life_seconds if scan.calibration else HALF_LIFE_SECONDS[nuclide]
                dose = scan.calibration.injected_bq / 1e6 if scan.calibration else None
                sidecar = new_sidecar(
                    [frame],
                    tracer=task.tracer,
                    radionuclide=nuclide,
                    half_life_seconds=half_life,
                    is_suv=True,
                    dose_megabecquerel=dose,
                )
                # Named after what it is, even where a partly measured window would be called static.
                entities = entities_of([frame], task.tracer, nuclide, task).rsplit("-", 1)[0]
                stem = f"{name}_{entities}-{window.name}_pet"
                write_scan(pair_folder(temporary, name) / "pet", stem, [volume], pair.grid, sidecar)
        write_people(temporary, dataset)
        write_task(temporary, dataset.task)
        write_description(temporary, dataset.name, generated_by="the early and the delayed image of each participant")
    progress("exporting the dataset", len(dataset.participants), len(dataset.participants))


def write_people(folder: Path, dataset: Dataset, columns: Collection[str] | None = None) -> None:
    """Write participants.tsv, and sessions.tsv where several sessions of a participant are pairs.

    Args:
        folder: the new dataset.
        dataset: whose.
        columns: the only ones to write; all if not given.
    """

    def row(name: str) -> dict[str, object]:
        found = {**dataset.table.get(name, {}), "participant_id": person_of(name)}
        return {key: value for key, value in found.items() if columns is None or key in columns}

    first = {person_of(name): name for name in reversed(dataset.participants)}
    # What an organizer says of columns goes with all of them alone: it may hold names.
    described = column_descriptions(dataset.root) if columns is None else None
    write_participants(folder, [row(first[person]) for person in dataset.people], described)
    for person in dataset.people:
        sessions = {session_of(name): row(name) for name in dataset.participants if person_of(name) == person}
        if "" not in sessions:
            write_sessions(folder, person, sessions)


def effective_frame(window: WindowFrames) -> Frame:
    """Return one frame from the start of the first frame used to the end of the last."""
    start, stop = window.effective_seconds
    return Frame(start, stop - start)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder` when the block succeeds; nothing is left when it fails.

    Raises:
        DataError: `folder` exists or cannot be written.
    """
    if folder.exists():
        raise DataError(f"{folder}: is there already; name a new folder")
    try:
        with atomic_folder(folder) as temporary:
            yield temporary
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror or error}); free space or name another folder"
        ) from error
