"""Everything that is wrong with a dataset, at once: `check_dataset`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from petbench_datasets.bids.names import pair_folder, person_of
from petbench_datasets.bids.participants import read_participants
from petbench_datasets.bids.scan import Scan, pet_images, scan_of
from petbench_datasets.dataset.derivatives import derivative_problems
from petbench_datasets.dataset.digests import checked_early
from petbench_datasets.dataset.fingerprint import PairDigest, dataset_fingerprint, digest_pair
from petbench_datasets.dataset.given_split import names_of_task
from petbench_datasets.dataset.pair_frames import PairFrames, other_place, plan_early, plan_images, plan_pair
from petbench_datasets.dataset.reconstructions import of_reconstruction, require_reconstruction
from petbench_datasets.dataset.sessions import divide_by_session
from petbench_datasets.dataset.split import check_split, duplicates, read_split, split_path
from petbench_datasets.dataset.task_labels import unlabelled_organs
from petbench_datasets.dataset.withheld import read_withheld
from petbench_datasets.errors import DataError
from petbench_datasets.evidence.rules import OtherKindError
from petbench_datasets.images.body import body_mask_from_images
from petbench_datasets.images.field_of_view import never_measured
from petbench_datasets.progress import Progress, silent
from petbench_datasets.tasks.task_file import task_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench_datasets.tables import Row
    from petbench_datasets.tasks.task import Task

_PLAUSIBLE_MAXIMUM_SUV = (1.0, 1000.0)
_MOST_LITRES_A_KILOGRAM = 1.5  # of lungs, bowel gas and an outline blurred by the scanner


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        severity: `error`: the dataset cannot be used so; `warning`: it can, but look at it.
        message: one line that names the file, what is wrong and what to do.
        participant: whom it concerns; None for the whole dataset.
    """

    severity: Literal["error", "warning"]
    message: str
    participant: str | None = None


@dataclass(frozen=True)
class _Checked:
    """What `check_split` needs of a dataset that may be broken elsewhere."""

    root: Path
    participants: tuple[str, ...]
    fingerprint: str
    pixel_digests: Mapping[str, tuple[str, ...]]
    task: Task


def check_dataset(
    root: Path, progress: Progress = silent, *, reconstruction: str = "", task: Task | None = None
) -> list[Problem]:
    """Look at every participant, image, derivative and split of the dataset at `root`, whatever else is broken.

    A dataset without a problem of severity `error` opens with `open_dataset`, and a run finds what it reads there.

    Args:
        root: the dataset.
        progress: called after each participant.
        reconstruction: as for `open_dataset`.
        task: likewise.

    Raises:
        DataError: the cohort's `task.toml` cannot be used, so that nothing can be said of its images.
    """
    held = task_for(root, task)
    problems: list[Problem] = []
    table: dict[str, Row] = {}
    folders = sorted(path.name for path in root.glob("sub-*") if path.is_dir())
    try:
        table = read_participants(root)
    except DataError as error:
        problems.append(Problem("error", str(error)))
    problems += _unlisted(root, table, folders)
    withheld: dict[str, PairDigest] = {}
    try:
        withheld = read_withheld(root)
    except DataError as error:
        problems.append(Problem("error", str(error)))
    digests: dict[str, PairDigest] = {}
    whole = True
    seen: dict[str, list[Scan]] = {}
    for number, name in enumerate(folders):
        progress("checking the dataset", number, len(folders))
        seen[name] = _scans(root, name, table, held, problems)
        found = _pairs(root, name, of_reconstruction(seen[name], reconstruction), held, withheld, problems)
        whole = whole and bool(found)
        digests |= found
    try:
        require_reconstruction(seen, reconstruction, root)
    except DataError as error:
        problems.append(Problem("error", str(error)))
    for first, second in duplicates({name: digest.pixels for name, digest in digests.items()}):
        severity: Literal["error", "warning"] = "warning" if person_of(first) == person_of(second) else "error"
        folder = pair_folder(root, second)
        problems.append(Problem(severity, f"{folder}: holds the same voxels as {first}; remove one of them", second))
    problems += [Problem("warning", doubt) for doubt in unlabelled_organs(root, digests, held)]
    _splits(root, digests if whole else {}, held, problems)
    progress("checking the dataset", len(folders), len(folders))
    return sorted(problems, key=lambda problem: (problem.severity, problem.participant or ""))


def _unlisted(root: Path, table: dict[str, Row], folders: list[str]) -> list[Problem]:
    """Name the participants that are in the table or on disk alone."""
    problems = [
        Problem("error", f"{root / name}: no such folder; restore it or remove its row in participants.tsv", name)
        for name in sorted(set(table) - set(folders))
    ]
    if table:
        problems += [
            Problem(
                "error", f"{root / 'participants.tsv'}: does not list {name}; add it with its body_weight (kg)", name
            )
            for name in sorted(set(folders) - set(table))
        ]
    if not folders:
        problems.append(Problem("error", f"{root}: has no participants (folders sub-*); add them"))
    return problems


def _scans(root: Path, name: str, table: dict[str, Row], task: Task, problems: list[Problem]) -> list[Scan]:
    """Return a participant's scans that can be used by themselves; what is wrong with any is added to `problems`."""
    images = pet_images(root, name)
    if not images:
        problems.append(Problem("error", f"{root / name}: has no PET image (pet/{name}_..._pet.nii.gz); add it", name))
        return []
    scans: list[Scan] = []
    passed_over: list[OtherKindError] = []
    for path in images:
        try:
            scan = scan_of(path, root, table, task)
            _ = scan.grid
            scans.append(scan)
        except OtherKindError as error:
            passed_over.append(error)
            continue
        except DataError as error:
            problems.append(Problem("error", str(error), name))
            continue
        odd = (*scan.repairs, *scan.unsaid, *scan.stored.notes)
        problems += [Problem("warning", f"{path}: {what}", name) for what in odd]
    severity: Literal["error", "warning"] = "warning" if scans else "error"
    problems += [Problem(severity, f"{error}{' (passed over)' if scans else ''}", name) for error in passed_over]
    bad_voxels = [message for scan in scans for message in _voxels(scan)]
    problems += [Problem("error", message, name) for message in bad_voxels]
    return scans


def _pairs(
    root: Path,
    participant: str,
    scans: list[Scan],
    task: Task,
    withheld: Mapping[str, PairDigest],
    problems: list[Problem],
) -> dict[str, PairDigest]:
    """Check what a participant's scans make; return the digest of each pair, nothing where one cannot be used."""
    if not scans:
        return {}
    broken = any(problem.severity == "error" and problem.participant == participant for problem in problems)
    found: dict[str, PairDigest] = {}
    divided, left_out = divide_by_session(participant, scans, task, withheld)
    problems += [
        Problem(
            "warning",
            f"{root / participant}: session {name} was not measured in both windows (passed over)",
            participant,
        )
        for name in left_out
    ]
    for name, of_pair in divided.items():
        known = withheld.get(name)
        try:
            if known is None and (doubt := other_place(plan_images(name, of_pair, root, task))):
                problems.append(Problem("warning", doubt, participant))  # whatever else is wrong: it says what to do
            plan = (plan_pair if known is None else plan_early)(name, of_pair, root, task)
        except DataError as error:
            problems.append(Problem("error", str(error), participant))
            broken = True
            continue
        if not broken and (digest := _pair(plan, known, root, problems)) is not None:
            found[name] = digest
            errors, doubts = derivative_problems(root, plan)
            problems += [Problem("error", message, participant) for message in errors]
            problems += [Problem("warning", message, participant) for message in doubts]
        else:
            broken = True
    return {} if broken else found


def _voxels(scan: Scan) -> list[str]:
    messages = []
    for index in range(len(scan.frames)):
        try:
            scan.activity(index)
        except DataError as error:
            messages.append(str(error))
    return messages


def _pair(plan: PairFrames, withheld: PairDigest | None, root: Path, problems: list[Problem]) -> PairDigest | None:
    name = plan.participant
    try:
        if withheld is None:
            digest = digest_pair(name, plan.early, plan.delayed)
        else:
            digest = checked_early(plan, withheld, root)
    except DataError as error:
        problems.append(Problem("error", str(error), name))
        return None
    problems += _volume(plan, withheld is None)
    problems += [Problem("warning", doubt, name) for doubt in _fields_of_view(plan, withheld is None)]
    low, high = _PLAUSIBLE_MAXIMUM_SUV
    for window in (plan.early, plan.delayed) if withheld is None else (plan.early,):
        path = window.uses[0].scan.path
        if window.coverage < 0.999:
            problems.append(
                Problem("warning", f"{path}: covers {window.coverage:.0%} of the {window.name} window", name)
            )
        highest = float(window.image().max())
        if not low <= highest <= high:
            problems.append(
                Problem("warning", f"{path}: its highest SUV is {highest:.3g}; check unit, dose and weight", name)
            )
    return digest


def _volume(plan: PairFrames, both: bool) -> list[Problem]:
    """Weigh the volume of the body in view against the weight: a litre weighs a kilogram."""
    calibration = plan.early.uses[0].scan.calibration
    if calibration is None:
        return []
    early = plan.early.image()
    body = body_mask_from_images(early, plan.delayed.image() if both else early, plan.grid)
    litres = float(body.sum()) * plan.grid.voxel_millilitres / 1000.0
    if litres <= _MOST_LITRES_A_KILOGRAM * calibration.weight_kilograms:
        return []
    return [
        Problem(
            "warning",
            f"{plan.early.uses[0].scan.path}: the body in view takes {litres:.0f} L, but weighs "
            f"{calibration.weight_kilograms:g} kg; check weight and dose",
            plan.participant,
        )
    ]


def _fields_of_view(plan: PairFrames, whole: bool) -> list[str]:
    """Doubt whether the two images show one field of view."""
    if not whole:
        return []
    doubts = []
    early, delayed = plan.early.image(), plan.delayed.image()
    for window, image, other in ((plan.early, early, delayed), (plan.delayed, delayed, early)):
        inner = never_measured(image, plan.grid, other, plan.grid)
        if inner is not None:
            doubts.append(
                f"{window.uses[0].scan.path}: is 0 outside of {inner}, where the other image shows activity, as if "
                "never measured there; cut both to what both measured (petbench datasets resample)"
            )
    return doubts


def _splits(root: Path, digests: dict[str, PairDigest], task: Task, problems: list[Problem]) -> None:
    """Check the splits of a task; those of other tasks are checked with them."""
    pixels = {key: digest.pixels for key, digest in digests.items()}
    dataset = _Checked(root, tuple(sorted(digests)), dataset_fingerprint(digests), pixels, task)
    names = names_of_task(dataset)
    if not names:
        problems.append(Problem("warning", f"{root / 'splits'}: no split yet; make one with petbench datasets split"))
    for name in names:
        path = split_path(root, name)
        try:
            split = read_split(path, root)
            if digests:
                check_split(split, dataset, path)
        except DataError as error:
            problems.append(Problem("error", str(error)))
