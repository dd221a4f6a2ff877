"""A dataset: the pairs of a BIDS-PET folder. The only reader, for simulated and for real scans alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from petbench_datasets.bids.description import read_sampling
from petbench_datasets.bids.names import person_of, session_of
from petbench_datasets.bids.participants import read_participants, session_row
from petbench_datasets.bids.scan import pet_images, usable_scans
from petbench_datasets.dataset import derivatives
from petbench_datasets.dataset.digests import digests_of
from petbench_datasets.dataset.fingerprint import PairDigest, dataset_fingerprint
from petbench_datasets.dataset.pair_frames import PairFrames, plan_early, plan_pair
from petbench_datasets.dataset.reconstructions import of_reconstruction, require_reconstruction
from petbench_datasets.dataset.sessions import divide_by_session
from petbench_datasets.dataset.subgroups import subgroups_of
from petbench_datasets.dataset.withheld import read_withheld
from petbench_datasets.errors import DataError
from petbench_datasets.images.body import body_mask_from_images
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_datasets.tasks.task_file import task_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.bids.scan import Scan
    from petbench_datasets.images.grid import Grid, Volume
    from petbench_datasets.tables import Row
    from petbench_datasets.tasks.task import Task


@dataclass(frozen=True)
class Pair:
    """One participant's early and delayed image in SUV, float32, shape (z, y, x), on one grid."""

    participant: str
    early: Volume
    delayed: Volume
    grid: Grid


@dataclass(frozen=True)
class Dataset:
    """Pairs on disk, read when asked for. Made by `open_dataset`.

    Attributes:
        name: the name of its folder.
        root: its folder.
        plans: which frames make each pair.
        digests: hashes of each pair's images.
        table: of each pair, participants.tsv with sessions.tsv: sex, age, site and whatever else they hold.
        withheld: pairs whose delayed image only the dataset's organizer has.
        reconstruction: the label that was chosen by where a measurement was reconstructed more than once.
        task: whose windows the images are of.
    """

    name: str
    root: Path
    plans: Mapping[str, PairFrames]
    digests: Mapping[str, PairDigest]
    table: Mapping[str, Row]
    withheld: frozenset[str] = frozenset()
    reconstruction: str = ""
    task: Task = DEFAULT_TASK

    @property
    def participants(self) -> tuple[str, ...]:
        """The names of the pairs, sorted: `sub-01`, or `sub-01_ses-2` where several sessions of one are pairs.

        Most datasets have one pair a participant, and everything that is said of participants is said of pairs. Where
        two are of one person, splits keep them together and statistics take their mean: see `person_of`.
        """
        return tuple(self.plans)

    @property
    def people(self) -> tuple[str, ...]:
        """The names of the participants, each once, whatever the number of their sessions."""
        return tuple(dict.fromkeys(map(person_of, self.plans)))

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of what the images hold, whatever the files and folders are called."""
        return dataset_fingerprint(self.digests)

    @cached_property
    def sampling(self) -> str | None:
        """How the participants were drawn: `independent` or `matched` to a population; None if nobody says."""
        return read_sampling(self.root)

    @cached_property
    def has_truth(self) -> bool | None:
        """Whether the true activity behind every delayed image is known; None where delayed images are withheld."""
        if self.withheld:
            return None
        files = (derivatives.find_derivative(self.root, name, derivatives.TRUTH_ENDING) for name in self.participants)
        return all(file is not None for file in files)

    @cached_property
    def input_digests(self) -> dict[str, str]:
        """What `petbench_datasets.dataset.inputs` has found of the inputs so far, by the input."""
        return {}

    @property
    def subgroups(self) -> Mapping[str, Mapping[str, str]]:
        """Each person's subgroups, such as `{"sex": "female"}`: see `subgroups_of`; age as in the first session."""
        first = {person_of(name): name for name in reversed(self.participants)}
        return subgroups_of({person: self.table[first[person]] for person in self.people})

    @property
    def pixel_digests(self) -> Mapping[str, tuple[str, ...]]:
        """The hashes of each participant's voxels alone, early and delayed."""
        return {name: digest.pixels for name, digest in self.digests.items()}

    def grid(self, participant: str) -> Grid:
        """Return the grid of a participant's images."""
        return self._plan(participant).grid

    def pair(self, participant: str) -> Pair:
        """Read both images of a participant."""
        plan = self._whole_plan(participant)
        return Pair(participant, plan.early.image(), plan.delayed.image(), plan.grid)

    def early(self, participant: str) -> tuple[Volume, Grid]:
        """Read the early image of a participant."""
        plan = self._plan(participant)
        return plan.early.image(), plan.grid

    def delayed(self, participant: str) -> tuple[Volume, Grid]:
        """Read the delayed image of a participant."""
        return self._whole_plan(participant).delayed.image(), self.grid(participant)

    def labels(self, participant: str, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
        """Return a participant's labels, shape (z, y, x), and what each means; None where there are none.

        Args:
            participant: as in `participants`.
            kind: `organs`, `lesions`: the file's `desc-` entity.
        """
        plan = self._plan(participant)
        path = derivatives.find_derivative(self.root, participant, f"desc-{kind}_dseg")
        if path is None:
            return None
        return derivatives.read_derivative_labels(path, plan.grid), derivatives.label_names(path, self.root)

    def body_mask(self, participant: str) -> NDArray[np.bool_]:
        """Return which voxels lie in the participant: a mask if the dataset has one, else from both real images."""
        plan = self._plan(participant)
        path = derivatives.find_derivative(self.root, participant, "desc-body_mask")
        if path is not None:
            return np.asarray(derivatives.read_derivative(path, plan.grid) > 0.5)
        plan = self._whole_plan(participant)
        return body_mask_from_images(plan.early.image(), plan.delayed.image(), plan.grid)

    def require_derivatives(self, participants: Iterable[str]) -> None:
        """Read what lies beside the images of some pairs, so that what cannot be scored is known before a training.

        Raises:
            DataError: the first file that cannot be used.
        """
        for participant in participants:
            errors, _ = derivatives.derivative_problems(self.root, self._plan(participant))
            if errors:
                raise DataError(f"{errors[0]} (petbench datasets check lists everything)")

    def derivative(self, participant: str, ending: str) -> Volume | None:
        """Return the derivative image whose file name ends in `_<ending>.nii.gz`, or None; shape (z, y, x)."""
        path = derivatives.find_derivative(self.root, participant, ending)
        return None if path is None else derivatives.read_derivative(path, self._plan(participant).grid)

    def _whole_plan(self, participant: str) -> PairFrames:
        if participant in self.withheld:
            raise DataError(
                f"{self.root}: the delayed image of {participant} is withheld: the organizer of the dataset has it, "
                "and scores with it what petbench submit hands over"
            )
        return self._plan(participant)

    def _plan(self, participant: str) -> PairFrames:
        if participant not in self.plans:
            known = ", ".join(self.participants)
            raise DataError(f"{self.root}: has no participant {participant!r}; it has {known}")
        return self.plans[participant]


def open_dataset(
    root: Path, progress: Progress = silent, *, reconstruction: str = "", task: Task | None = None
) -> Dataset:
    """Open the BIDS-PET folder at `root` and make sure that every pair can be used.

    The first time, every voxel that will be used is read once, to refuse what is not finite and to take the
    fingerprint; later, files that have not changed are not read again.

    Args:
        root: the folder.
        progress: called after each pair that is read.
        reconstruction: which image to take, by the label of its entity `rec-`, where one measurement was reconstructed
            several times.
        task: whose windows, and whose tracer every scan must be of; None for that of the cohort's `task.toml`, or the
            default where it has none.

    Raises:
        DataError: in one line, the first thing that makes the dataset unusable.
    """
    held = task_for(root, task)
    table = read_participants(root)
    names = participant_names(root, table)
    withheld = read_withheld(root)
    scans_by_participant = {participant: scans_of(root, participant, table, held) for participant in names}
    require_reconstruction(scans_by_participant, reconstruction, root)
    pairs = {
        name: scans
        for participant, found in scans_by_participant.items()
        for name, scans in divide_by_session(participant, of_reconstruction(found, reconstruction), held, withheld)[
            0
        ].items()
    }
    plans = {
        name: (plan_early if name in withheld else plan_pair)(name, scans, root, held)
        for name, scans in sorted(pairs.items())
    }
    digests = digests_of(root, plans, withheld, progress)
    rows = {name: table[person_of(name)] | session_row(root, person_of(name), session_of(name)) for name in plans}
    return Dataset(root.absolute().name, root, plans, digests, rows, frozenset(withheld), reconstruction, held)


def participant_names(root: Path, table: Mapping[str, Row]) -> tuple[str, ...]:
    """Return the participants of a dataset, sorted.

    Raises:
        DataError: nobody, or a participant that is in the table or on disk alone.
    """
    folders = {path.name for path in root.glob("sub-*") if path.is_dir()}
    for name in sorted(set(table) ^ folders):
        if name in folders:
            raise DataError(f"{root / 'participants.tsv'}: does not list {name}; add it with its body_weight (kg)")
        raise DataError(f"{root / name}: no such folder, but participants.tsv lists {name}; restore it or its row")
    if not folders:
        raise DataError(f"{root}: has no participants (folders sub-*); see the BIDS-PET layout in the documentation")
    return tuple(sorted(folders))


def scans_of(root: Path, participant: str, table: dict[str, Row], task: Task) -> list[Scan]:
    """Describe every PET image of a participant that is of a task's tracer.

    Raises:
        DataError: no image, or one whose sidecar cannot be used.
    """
    images = pet_images(root, participant)
    if not images:
        raise DataError(f"{root / participant}: has no PET image (pet/{participant}_..._pet.nii.gz); add it")
    return usable_scans(images, root, table, task)[0]
