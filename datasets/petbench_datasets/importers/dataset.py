"""Adding imported scans to a BIDS-PET dataset: all of them or none, their table last."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.description import DESCRIPTION_NAME, write_description
from petbench_datasets.bids.participants import PARTICIPANTS_NAME, column_descriptions, read_participants
from petbench_datasets.bids.writer import PARTICIPANT_COLUMNS, write_participants, write_scan
from petbench_datasets.errors import DataError
from petbench_datasets.files import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.progress import Progress


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

    @property
    def stem(self) -> str:
        """The file name without suffix."""
        return f"{self.participant}_{self.entities}_pet"


@dataclass(frozen=True)
class Imported:
    """One image that was written."""

    participant: str
    path: Path
    source: str
    notes: tuple[str, ...]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        folder: the dataset.
        images: what was written.
        skipped: what was passed over: (what, why).
    """

    folder: Path
    images: tuple[Imported, ...]
    skipped: tuple[tuple[str, str], ...]


def add_to_dataset(
    folder: Path,
    images: Sequence[NewImage],
    people: Mapping[str, Mapping[str, object]],
    skipped: Sequence[tuple[str, str]],
    progress: Progress,
) -> ImportReport:
    """Add images to the dataset at `folder`, which is made if it is not there.

    All images are written beside their places first, so that an import that fails leaves nothing behind.

    Args:
        folder: the dataset's.
        images: to be written.
        people: by participant, the cells of participants.tsv.
        skipped: for the report.
        progress: called after each image.

    Raises:
        DataError: a folder that is no dataset, or an image that is there already.
    """
    images = _distinct(images)
    existing = _existing(folder)
    for image in images:
        if _place(folder, image).exists():
            raise DataError(f"{_place(folder, image)}: is there already; remove it or import into another folder")
    _agree(existing, people, folder)
    rows: dict[str, dict[str, object]] = {name: dict(row) for name, row in existing.items()}
    for name, row in people.items():
        known = {key: value for key, value in rows.get(name, {}).items() if value}
        rows[name] = {**row, **known, "participant_id": name}
    try:
        if existing or folder.exists():
            with tempfile.TemporaryDirectory(prefix=".partial-import-", dir=folder) as temporary:
                _fill(Path(temporary), images, progress)
                for image in images:
                    target = _place(folder, image).parent
                    target.mkdir(parents=True, exist_ok=True)
                    for suffix in (".json", ".nii.gz"):
                        shutil.move(_place(Path(temporary), image, suffix), target / f"{image.stem}{suffix}")
            _describe(folder, folder.name, rows)
        else:
            with atomic_folder(folder) as temporary_folder:
                _fill(temporary_folder, images, progress)
                _describe(temporary_folder, folder.name, rows)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror or error}); nothing was imported") from error
    written = tuple(
        Imported(image.participant, _place(folder, image), image.source, image.notes, image.files) for image in images
    )
    return ImportReport(folder, written, tuple(skipped))


def _distinct(images: Sequence[NewImage]) -> list[NewImage]:
    """Give images of one name a running number."""
    counts: dict[str, int] = {}
    distinct = []
    for image in images:
        number = counts[image.stem] = counts.get(image.stem, 0) + 1
        entities = image.entities if number == 1 else f"{image.entities}_run-{number}"
        distinct.append(NewImage(**{**vars(image), "entities": entities}))
    return distinct


def _place(folder: Path, image: NewImage, suffix: str = ".nii.gz") -> Path:
    return folder / image.participant / "pet" / f"{image.stem}{suffix}"


def _existing(folder: Path) -> dict[str, dict[str, str]]:
    if not folder.exists() or not any(folder.iterdir()):
        return {}
    if not (folder / PARTICIPANTS_NAME).exists():
        raise DataError(f"{folder}: is no dataset (it has no participants.tsv) and not empty; name a new folder")
    return read_participants(folder)


def _agree(existing: Mapping[str, Mapping[str, str]], people: Mapping[str, Mapping[str, object]], folder: Path) -> None:
    for name, row in people.items():
        old, new = existing.get(name, {}).get("body_weight"), row.get("body_weight")
        if old and new and abs(float(old) / float(str(new)) - 1.0) > 0.01:
            raise DataError(
                f"{folder / PARTICIPANTS_NAME}: {name} weighs {old} kg there but {new} kg in the new scan; correct one"
            )


def _fill(folder: Path, images: Sequence[NewImage], progress: Progress) -> None:
    for number, image in enumerate(images, start=1):
        place = _place(folder, image).parent
        write_scan(place, image.stem, image.frames(), image.grid, image.sidecar, dynamic=image.dynamic)
        progress(f"importing {image.participant}", number, len(images))


def _describe(folder: Path, name: str, rows: Mapping[str, Mapping[str, object]]) -> None:
    if not (folder / DESCRIPTION_NAME).exists():
        write_description(folder, name, generated_by="scans imported")
    empty = dict.fromkeys(PARTICIPANT_COLUMNS, "")  # for people to fill in
    write_participants(folder, [{**empty, **rows[name]} for name in sorted(rows)], column_descriptions(folder))
