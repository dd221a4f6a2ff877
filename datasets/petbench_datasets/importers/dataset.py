"""Adding imported scans to a BIDS-PET dataset: all of them or none, once petbench's own reader has accepted them."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.description import DESCRIPTION_NAME, write_description
from petbench_datasets.bids.names import pair_folder, pair_name
from petbench_datasets.bids.participants import PARTICIPANTS_NAME, column_descriptions, session_row
from petbench_datasets.bids.writer import (
    PARTICIPANT_COLUMNS,
    SESSION_COLUMNS,
    write_participants,
    write_scan,
    write_sessions,
)
from petbench_datasets.errors import DataError
from petbench_datasets.files import atomic_folder
from petbench_datasets.importers.acceptance import require_accepted
from petbench_datasets.importers.existing import sessions_there
from petbench_datasets.importers.new_lesions import NewLesions, describe_lesions
from petbench_datasets.importers.people import People, existing_rows, merged, require_agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from petbench_datasets.dataset.quantities import Quantities
    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.progress import Progress
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True)
class NewImage:
    """One image to be written.

    Attributes:
        participant: `sub-01` and so on.
        entities: between participant and suffix: `trc-18FFDG_rec-early`.
        sidecar: the JSON file's content.
        grid: of the voxels.
        frames: reads the frames, each (z, y, x), when the image is written.
        dynamic: whether the file gets a time axis.
        source: what it was made of, for messages.
        notes: doubts, for people to read.
        files: of its first frame's slices, where it is made of such.
        session: such as `ses-2`; empty for a participant with one.
    """

    participant: str
    entities: str
    sidecar: Mapping[str, Any]
    grid: Grid
    frames: Callable[[], Iterable[Volume]]
    dynamic: bool
    source: str
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    session: str = ""

    @property
    def stem(self) -> str:
        """The file name without suffix."""
        return f"{pair_name(self.participant, self.session)}_{self.entities}_pet"

    def place(self, folder: Path, suffix: str = ".nii.gz") -> Path:
        """Return where it lies in the dataset at `folder`."""
        return pair_folder(folder, pair_name(self.participant, self.session)) / "pet" / f"{self.stem}{suffix}"


@dataclass(frozen=True)
class Imported:
    """One image that was written, and what it amounts to."""

    participant: str
    path: Path
    source: str
    notes: tuple[str, ...]
    quantities: Quantities
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        folder: the dataset.
        images: what was written.
        skipped: what was passed over: (what, why).
        lesions: what was written of those.
    """

    folder: Path
    images: tuple[Imported, ...]
    skipped: tuple[tuple[str, str], ...]
    lesions: tuple[NewLesions, ...] = ()


def add_to_dataset(
    folder: Path,
    images: Sequence[NewImage],
    people: People,
    skipped: Sequence[tuple[str, str]],
    progress: Progress,
    task: Task,
    lesions: Sequence[NewLesions] = (),
    *,
    any_tracer: bool = False,
) -> ImportReport:
    """Add images to the dataset at `folder`, which is made if it is not there.

    All is written to a folder of its own first, read from there as any dataset is, and only then moved into place, so
    that an import that fails leaves nothing behind.

    Args:
        folder: the dataset's.
        images: to be written.
        people: whose.
        skipped: for the report.
        progress: called after each image.
        task: whose windows, and whose tracer the images must be of.
        lesions: of the pairs, to be written beside the images.
        any_tracer: whether images of another tracer are taken too.

    Raises:
        DataError: a folder that is no dataset, an image that is there already, or one that could not be read again.
    """
    images = distinct(images)
    existing = existing_rows(folder)
    for image in images:
        if image.place(folder).exists():
            raise DataError(f"{image.place(folder)}: is there already; remove it or import into another folder")
        there = sessions_there(folder, image.participant)
        if there and ("" in there) != (image.session == ""):
            place = folder / image.participant
            if "" in there:
                raise DataError(
                    f"{image.source}: {place} has scans without a session already; move that folder away, and import "
                    "all scans of the participant at once, each with its session"
                )
            raise DataError(
                f"{image.source}: {place} has scans of sessions ({', '.join(sorted(there))}) already; name the session "
                "of these"
            )
    for one in lesions:
        one.require_new(folder)
    require_agreement(existing, people, folder)
    everybody = merged(existing, people)
    try:
        if existing or folder.exists():
            with tempfile.TemporaryDirectory(prefix=".partial-import-", dir=folder) as temporary:
                staged = Path(temporary)
                _fill(staged, images, lesions, everybody, folder, progress)
                new = [image.place(staged) for image in images]
                found = require_accepted(staged, folder, new, task, any_tracer=any_tracer)
                _move(staged, folder, images)
        else:
            with atomic_folder(folder) as staged:
                _fill(staged, images, lesions, everybody, folder, progress)
                new = [image.place(staged) for image in images]
                found = require_accepted(staged, folder, new, task, any_tracer=any_tracer)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror or error}); nothing was imported") from error
    quantities = {path.name: amount for path, amount in found.items()}
    written = tuple(
        Imported(
            image.participant,
            image.place(folder),
            image.source,
            image.notes,
            quantities[image.place(folder).name],
            image.files,
        )
        for image in images
    )
    return ImportReport(folder, written, tuple(skipped), tuple(lesions))


def distinct(images: Sequence[NewImage]) -> list[NewImage]:
    """Give images of one name a running number."""
    counts: dict[str, int] = {}
    found = []
    for image in images:
        number = counts[image.stem] = counts.get(image.stem, 0) + 1
        entities = image.entities if number == 1 else f"{image.entities}_run-{number}"
        found.append(dataclasses.replace(image, entities=entities))
    return found


def _fill(
    staged: Path,
    images: Sequence[NewImage],
    lesions: Sequence[NewLesions],
    people: People,
    folder: Path,
    progress: Progress,
) -> None:
    """Write images and tables of the dataset at `folder` to `staged`."""
    for number, image in enumerate(images, start=1):
        place = image.place(staged)
        write_scan(place.parent, image.stem, image.frames(), image.grid, image.sidecar, dynamic=image.dynamic)
        progress(f"importing {image.participant}", number, len(images))
    for one in lesions:
        one.write(staged)
    if lesions:
        describe_lesions(staged, folder)
    for participant, sessions in people.sessions.items():
        there = {name: session_row(folder, participant, name) for name in sessions_there(folder, participant) if name}
        kept = {name: {key: row[key] for key in SESSION_COLUMNS if key in row} for name, row in there.items()}
        write_sessions(staged, participant, {**sessions, **{name: row for name, row in kept.items() if row}})
    if not (folder / DESCRIPTION_NAME).exists():
        write_description(staged, folder.name, generated_by="scans imported")
    empty = dict.fromkeys(PARTICIPANT_COLUMNS, "")  # for people to fill in
    rows = [{**empty, **people.rows[name]} for name in sorted(people.rows)]
    write_participants(staged, rows, column_descriptions(folder))


def _move(staged: Path, folder: Path, images: Sequence[NewImage]) -> None:
    """Move what was accepted into the dataset, its tables last; what was moved is taken back where one move fails."""
    new = [image.place(staged, suffix) for image in images for suffix in (".json", ".nii.gz")]
    tables = [path for path in sorted(staged.rglob("*")) if path.is_file() and path not in set(new)]
    tables.sort(key=lambda path: path.name == PARTICIPANTS_NAME)
    moved: list[Path] = []
    try:
        for path in new:
            target = folder / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
            moved.append(target)
        for path in tables:
            target = folder / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except OSError:
        for target in moved:
            target.unlink(missing_ok=True)
            for parent in list(target.parents)[: len(target.relative_to(folder).parts) - 1]:
                with contextlib.suppress(OSError):  # it holds something else
                    parent.rmdir()
        raise
