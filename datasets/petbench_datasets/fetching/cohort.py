"""The fetch itself: one participant at a time, finished before the next begins; the same command goes on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from petbench_datasets.bids.description import write_description
from petbench_datasets.bids.sidecar import read_json
from petbench_datasets.bids.writer import exclude_from_bids, write_participants
from petbench_datasets.dataset.derivatives import ORGANS_ENDING
from petbench_datasets.errors import DataError
from petbench_datasets.fetching.download import bring, disk, of_the_machine
from petbench_datasets.fetching.images import FETCHED_KEY, make_images
from petbench_datasets.fetching.journal import FOLDER, Journal, Record
from petbench_datasets.files import sync_file, sync_folder, write_json
from petbench_datasets.progress import Progress, silent
from petbench_datasets.sources import AccessError, HostError
from petbench_datasets.tables import write_table
from petbench_datasets.tasks.task_writer import write_task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.exporters.resample import Target
    from petbench_datasets.fetching.images import MadeParticipant
    from petbench_datasets.sources import RawParticipant, RemoteParticipant, Source
    from petbench_datasets.specs import DatasetSpec
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True)
class Fetched:
    """What a fetch came to.

    Attributes:
        there: everybody who is in the cohort now.
        left_out: those who were asked for and cannot be used, with the reason.
        notes: for people to read.
    """

    there: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def fetch_cohort(
    spec: DatasetSpec,
    source: Source,
    people: Sequence[RemoteParticipant],
    journal: Journal,
    to: Target | str,
    progress: Progress = silent,
    *,
    keep_raw: bool = False,
) -> Fetched:
    """Fetch participants into the cohort of a journal; those who are there stay as they are.

    Args:
        spec: of the dataset.
        source: its host.
        people: who is wanted.
        journal: of the cohort.
        to: the grid.
        progress: called with the bytes that were downloaded, of all that are to be.
        keep_raw: whether what was downloaded stays, below `.fetch/raw`.

    Raises:
        DataError: the host or the disk fails; the same call goes on.
    """
    assert spec.fetch is not None
    with disk(journal.cohort):
        journal.begin(source.revision)
        _describe(spec, journal)
        known = journal.finished().keys() | journal.left_out().keys()
        missing = [one for one in people if one.name not in known]
        total, done = sum(one.size_bytes for one in missing), 0
        for number, one in enumerate(missing, start=1):
            what = f"{one.name} ({number} of {len(missing)})"
            raw = journal.raw(one.name)
            for file in one.files:
                bring(source, file, raw, partial(_tell, progress, what, done, total))
                done += file.size_bytes
                progress(what, done, total)
            progress(f"{what}: making its images", done, total)
            try:
                _make(source, one, journal, to, spec.fetch.task)
            except (AccessError, HostError):
                raise
            except DataError as error:
                if of_the_machine(error):
                    raise
                reason = str(error).replace(f"{raw}/", "").replace(f"{journal.work}/", "")
                journal.leave_out(one.name, reason)
            _tables(journal)
            if not keep_raw:
                shutil.rmtree(raw, ignore_errors=True)
            shutil.rmtree(journal.work, ignore_errors=True)
        _tables(journal)
        if not keep_raw:
            shutil.rmtree(journal.folder / "raw", ignore_errors=True)
    records = journal.finished()
    asked = {one.name for one in people}
    notes = [f"{name}: {note}" for name, record in records.items() if name in asked for note in record.notes]
    left_out = tuple((name, why) for name, why in journal.left_out().items() if name in asked and name not in records)
    return Fetched(tuple(records), left_out, tuple(notes))


def _tell(progress: Progress, what: str, before: int, total: int, there: int) -> None:
    progress(what, before + there, total)


def _make(source: Source, one: RemoteParticipant, journal: Journal, to: Target | str, task: Task) -> None:
    """Make a participant's images and put them in their place, the folder of the images last."""
    work = journal.work
    shutil.rmtree(work, ignore_errors=True)
    (work / "read").mkdir(parents=True)
    raw = source.read(one, journal.raw(one.name), work / "read")
    made = make_images(raw, one.name, to, work, task)
    _note_source(made, one, source.revision)
    files = {file.path: file.digest or f"bytes:{file.size_bytes}" for file in one.files}
    labels = raw.labels.made_by if raw.labels else ""
    if labels:
        _place(made.root / "derivatives" / labels / one.name, journal.cohort / "derivatives" / labels / one.name)
        _describe_labels(raw, journal)
    journal.write(one.name, Record(made.row, made.columns, files, list(made.notes), labels))
    _place(made.root / one.name, journal.cohort / one.name)


def _note_source(made: MadeParticipant, one: RemoteParticipant, revision: str) -> None:
    """Say in every sidecar which file at the host an image was made of."""
    by_place = {file.place: file for file in one.files}
    for path in sorted((made.root / one.name).rglob("*_pet.json")):
        content: dict[str, Any] = read_json(path)
        for use in content.get(FETCHED_KEY, []):
            if file := by_place.get(use["File"]):
                use.update({"File": file.path, "Digest": file.digest, "Revision": revision})
        write_json(path, content)


def _place(made: Path, place: Path) -> None:
    """Move a folder to where it belongs, by one rename; what an earlier command left there half-done is removed."""
    shutil.rmtree(place, ignore_errors=True)
    for path in made.rglob("*"):
        if path.is_file():
            sync_file(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    made.replace(place)
    sync_folder(place.parent)


def _tables(journal: Journal) -> None:
    """Write participants.tsv of everybody who is there."""
    records = journal.finished()
    if records:
        columns = {key: value for record in records.values() for key, value in record.columns.items()}
        write_participants(journal.cohort, [record.row for record in records.values()], columns)


def _describe(spec: DatasetSpec, journal: Journal) -> None:
    options, fetch = journal.options, spec.fetch
    assert fetch is not None
    which = ", ".join(filter(None, [options.reconstruction, f"grid {options.grid}"]))
    more: dict[str, Any] = {"HowToAcknowledge": spec.citation} if spec.citation else {}
    more["SourceDatasets"] = [{"DOI": fetch.doi, "Version": options.revision}] if fetch.doi else []
    write_description(
        journal.cohort,
        f"{spec.name}, fetched ({which})",
        licence=spec.licence,
        generated_by="windows formed of the frames that were measured",
        more={key: value for key, value in more.items() if value},
    )
    write_task(journal.cohort, fetch.task)
    exclude_from_bids(journal.cohort, f"{FOLDER}/")


def _describe_labels(raw: RawParticipant, journal: Journal) -> None:
    """Write what the labels mean, once for all participants."""
    labels = raw.labels
    assert labels is not None
    folder = journal.cohort / "derivatives" / labels.made_by
    rows = [{"index": index, "name": organ} for index, organ in sorted(labels.names.items())]
    write_table(folder / f"{ORGANS_ENDING}.tsv", ["index", "name"], rows)
    write_description(folder, f"organs by {labels.made_by}", kind="derivative", generated_by="labels resampled")
