"""Multimodal-HC, before called hedyPET: where its files are, and what they mean.

The layout is that of the data set's own scripts (github.com/DEPICT-RH/hedyPET): BIDS below `train`, the dynamic image
at `sub-*/ses-quadra/pet/*_rec-acdynPSF_pet.nii.gz`, organs by TotalSegmentator on the CT's grid below
`derivatives/totalsegmentator` and on that of the dynamic PET below `derivatives/pipeline-bodydyn`.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from petbench_cohorts.hub import HubDataset
from petbench_cohorts.totalsegmentator import ORGANS
from petbench_datasets.errors import DataError
from petbench_datasets.sources import Labels, RawParticipant, RemoteFile, RemoteParticipant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

REPOSITORY = "DEPICT-RH/Multimodal-HC"
_IMAGES = "train"
_LABELS = ("derivatives/totalsegmentator", "derivatives/pipeline-bodydyn")
_ORGANS = re.compile(r"(^|/)(sub-[A-Za-z0-9]+)/.*_seg-total[^/]*_dseg\.nii\.gz$")
_RAW_LABELS = "organs"


class MultimodalHC:
    """The cohort at its host; a `petbench_datasets.sources.Source`."""

    def __init__(self, reconstruction: str, revision: str) -> None:
        self._hub = HubDataset(REPOSITORY, revision)
        images = self._hub.files(_IMAGES)
        tables = {path: file for path, file in self._hub.files(recursive=False).items() if "/" not in path}
        self._participants = _participants(reconstruction, images, tables, self._organs(images))

    @property
    def revision(self) -> str:
        """The commit."""
        return self._hub.revision

    @property
    def participants(self) -> Sequence[RemoteParticipant]:
        """Those who have the reconstruction."""
        return self._participants

    def require_access(self) -> None:
        """Raise unless the user's token may download."""
        self._hub.require_access()

    def download(self, file: RemoteFile, target: Path, progress: Callable[[int], None]) -> None:
        """Bring one file."""
        self._hub.download(file, target, progress)

    def read(self, participant: RemoteParticipant, raw: Path, work: Path) -> RawParticipant:  # noqa: ARG002 - a Source's
        """The files are BIDS-PET as they are."""
        organs = next((raw / file.place for file in participant.files if file.place.startswith(_RAW_LABELS)), None)
        if organs is None:
            return RawParticipant(raw, participant.name, notes=("the host has no organ labels",))
        return RawParticipant(raw, participant.name, Labels(organs, ORGANS, "totalsegmentator", ("ct",)))

    def _organs(self, images: Mapping[str, RemoteFile]) -> dict[str, RemoteFile]:
        """Return everybody's label image, wherever the data set keeps its derivatives."""
        for folder in _LABELS:
            below = {path: file for path, file in images.items() if folder in path} or self._hub.files(folder)
            found = {match[2]: file for path, file in below.items() if (match := _ORGANS.search(path))}
            if found:
                return found
        return {}


def _participants(
    reconstruction: str,
    images: Mapping[str, RemoteFile],
    tables: Mapping[str, RemoteFile],
    organs: Mapping[str, RemoteFile],
) -> tuple[RemoteParticipant, ...]:
    """Return everybody with the files of their own and those that are of all.

    Raises:
        DataError: nobody has the reconstruction, or there is no table of participants.
    """
    raw = {path: file for path, file in images.items() if "/derivatives/" not in path}
    wanted: dict[str, list[RemoteFile]] = {}
    for path in sorted(raw):
        place = PurePosixPath(path)
        if f"_rec-{reconstruction}_" in place.name and place.name.endswith("_pet.nii.gz"):
            wanted.setdefault(place.name.partition("_")[0], []).append(raw[path])
    if not wanted:
        labels = sorted({match[1] for path in raw if (match := re.search(r"_rec-([A-Za-z0-9]+)_pet\.nii", path))})
        raise DataError(
            f"{REPOSITORY}: has no image *_rec-{reconstruction}_pet.nii.gz below {_IMAGES}/; the reconstructions "
            f"there: {', '.join(labels) or 'none'}"
        )
    shared = _shared(raw, tables)
    return tuple(
        RemoteParticipant(
            name,
            (
                *shared,
                *_own(name, raw, found),
                *(
                    dataclasses.replace(organs[name], place=f"{_RAW_LABELS}/{name}.nii.gz")
                    for _ in organs.keys() & {name}
                ),
            ),
        )
        for name, found in sorted(wanted.items())
    )


def _shared(raw: Mapping[str, RemoteFile], tables: Mapping[str, RemoteFile]) -> list[RemoteFile]:
    """Return the tables of participants and the sidecars that apply to everybody."""
    found = {}
    for path, file in [*tables.items(), *((path, file) for path, file in raw.items() if path.count("/") == 1)]:
        name = PurePosixPath(path).name
        if name in ("participants.tsv", "participants.json", "dataset_description.json") or name.endswith("pet.json"):
            found[name] = dataclasses.replace(file, place=name)  # the one below `train` goes before that of the root
    if "participants.tsv" not in found:
        raise DataError(
            f"{REPOSITORY}: has no participants.tsv, at the root or below {_IMAGES}/; SUV needs the weights"
        )
    return list(found.values())


def _own(name: str, raw: Mapping[str, RemoteFile], images: Iterable[RemoteFile]) -> list[RemoteFile]:
    """Return a participant's images with the sidecars that apply to them, and the table of sessions."""
    entities = [set(PurePosixPath(file.path).name.split("_")) for file in images]
    found = {file.path: file for file in images}
    for path, file in raw.items():
        place = PurePosixPath(path)
        if not path.startswith(f"{_IMAGES}/{name}/"):
            continue
        applies = place.name.endswith("pet.json") and any(
            set(place.name.removesuffix("_pet.json").split("_")) <= one for one in entities
        )
        if applies or place.name == f"{name}_sessions.tsv":
            found[path] = file
    return [dataclasses.replace(file, place=path.removeprefix(f"{_IMAGES}/")) for path, file in sorted(found.items())]
