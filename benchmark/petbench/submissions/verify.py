"""Check a submission: hashes, identity, split, completeness, grids, and every score anew from the predictions.

Nothing in a submission is executed, imported or unpickled, and no weights are looked at.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.errors import PetbenchError
from petbench.evaluation.reader import content_digest
from petbench.runs import reference_rows
from petbench.submissions import contents, limits, strict_json
from petbench.submissions.archive import Archive
from petbench.submissions.compare import Comparison, compare
from petbench.submissions.limits import SubmissionError
from petbench.submissions.taken import check_different
from petbench.submissions.volumes import check_volume
from petbench_datasets.dataset.split import load_split
from petbench_leaderboard.board import IDENTITY_METHOD
from petbench_leaderboard.board_tasks import defined_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from petbench.metric_spec import Case
    from petbench.plans.datasets import NamedDataset
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.scorer import Scorer
    from petbench.submissions.contents import SubmittedRun
    from petbench_datasets.dataset.reader import Dataset
    from petbench_leaderboard.score_records import ScoreRecord

_RUN_FILES = ("plan.json", "run.json", "environment.txt", "scores.json")
_ROUNDING = 1e-5
"""Of the largest delayed value: a prediction that differs nowhere by more is the delayed image itself."""
_OPTIONAL_FILES = ("run.log", "log.jsonl", "weights.pt")


@dataclass(frozen=True, slots=True)
class VerifiedRun:
    """One run whose every check passed, with the organizer's own scores.

    Attributes:
        submitted: what the submission says.
        plan: the same plan, with the organizer's dataset.
        scores: computed here from the predictions.
        comparison: of self-reported and rescored values; nothing differs.
        dataset: the organizer's.
        voxels: a hash of each participant's predicted voxels.
    """

    submitted: SubmittedRun
    plan: RunPlan
    scores: tuple[ScoreRecord, ...]
    comparison: Comparison
    dataset: Dataset
    voxels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verified:
    """A submission whose every check passed.

    Attributes:
        digest: SHA-256 of the file.
        runs: what it holds.
        predictions: a temporary folder with a folder of predictions for each run, by its place in the submission.
        archive: still open.
    """

    digest: str
    runs: tuple[VerifiedRun, ...]
    predictions: Path
    archive: Archive


@contextlib.contextmanager
def verified(path: Path, find: Callable[[str], NamedDataset], scorer: Scorer) -> Iterator[Verified]:
    """Check a submission and, within the block, give what was found in it.

    Args:
        path: the submission.
        find: opens the organizer's dataset of a name.
        scorer: scores with the organizer's metrics and weights.

    Raises:
        SubmissionError: the first thing that is wrong, in one line.
        DataError: a prediction cannot be scored.
    """
    with Archive(path) as archive, tempfile.TemporaryDirectory(prefix="petbench-verify-") as temporary:
        runs = _read(archive)
        found = []
        for index, submitted in enumerate(runs):
            named = find(submitted.plan.dataset)
            plan = _on_own_dataset(submitted, named)
            folder = Path(temporary) / str(index)
            _unpack_predictions(archive, submitted, named.dataset, folder)
            scores, voxels = _score(submitted, named.dataset, folder, scorer)
            found.append(VerifiedRun(submitted, plan, scores, _compared(submitted, scores), named.dataset, voxels))
        check_different(found)
        yield Verified(_file_digest(path), tuple(found), Path(temporary), archive)


def _read(archive: Archive) -> list[SubmittedRun]:
    """Read everything but the predictions, after every hash was checked."""
    manifest = strict_json.parse(archive.read(limits.MANIFEST), limits.MANIFEST)
    _check_manifest(archive, manifest)
    return [_read_run(archive, folder) for folder in manifest["runs"]]


def _check_manifest(archive: Archive, manifest: Any) -> None:
    keys = {"format", "schema", "petbench", "runs", "files"}
    if not isinstance(manifest, dict) or set(manifest) != keys or manifest["format"] != limits.FORMAT:
        raise SubmissionError(f"{archive.path.name}: its manifest is none of a petbench submit")
    if manifest["schema"] != limits.SCHEMA:
        raise SubmissionError(
            f"{archive.path.name}: written in schema {manifest['schema']!r}, this petbench reads {limits.SCHEMA}"
        )
    runs, files = manifest["runs"], manifest["files"]
    if not isinstance(runs, list) or runs != [f"runs/{index}" for index in range(len(runs))] or not runs:
        raise SubmissionError(f"{archive.path.name}: its manifest numbers no runs 0, 1, …")
    if not isinstance(files, dict) or set(files) != set(archive.names) - {limits.MANIFEST}:
        listed = set(files) if isinstance(files, dict) else set()
        odd = sorted(listed ^ (set(archive.names) - {limits.MANIFEST}))
        raise SubmissionError(f"{archive.path.name}: {odd[0] if odd else 'files'!r} is listed or there, but not both")
    for name, facts in files.items():
        if not isinstance(facts, dict) or facts.get("bytes") != archive.size(name):
            raise SubmissionError(f"{archive.path.name}: {name} has not the size that the manifest says")
        if facts.get("sha256") != archive.digest(name):
            raise SubmissionError(f"{archive.path.name}: {name} is not what was submitted: its SHA-256 is another")


def _read_run(archive: Archive, folder: str) -> SubmittedRun:
    def value(name: str) -> Any:
        return strict_json.parse(archive.read(f"{folder}/{name}"), f"{folder}/{name}")

    plan = contents.parse_plan(value("plan.json"), f"{folder}/plan.json")
    facts = contents.parse_run(value("run.json"), f"{folder}/run.json", plan)
    scores = contents.parse_scores(value("scores.json"), f"{folder}/scores.json")
    if plan.role in reference_rows.ROLES.values() or plan.method in reference_rows.ROLES:
        raise SubmissionError(
            f"{folder}: {plan.method} is a reference row that knows the test participants, and no submitter's: make it "
            "yourself with petbench score --reference"
        )
    if plan.method == IDENTITY_METHOD:
        raise SubmissionError(
            f"{folder}: {plan.method} is what every gain is over, and no submitter's: make it yourself with "
            f"petbench run --method {plan.method}"
        )
    if plan.identity != facts.identity:
        raise SubmissionError(f"{folder}: its plan has the identity {plan.identity[:12]}, not {facts.identity[:12]}")
    predictions = {f"predictions/{participant}.nii.gz" for participant in plan.test_participants}
    here = {name.removeprefix(f"{folder}/") for name in archive.names if name.startswith(f"{folder}/")}
    odd = sorted((here ^ {*_RUN_FILES, *predictions}) - set(_OPTIONAL_FILES))
    if odd:
        raise SubmissionError(f"{folder}: {odd[0]!r} is missing, or belongs to no test participant of its plan")
    return contents.SubmittedRun(folder, plan, facts, scores)


def _on_own_dataset(submitted: SubmittedRun, named: NamedDataset) -> RunPlan:
    """Return the plan on the organizer's dataset, once protocol, images, split and participants are the organizer's.

    Which image of several was taken, a submission does not say: the organizer does, and the fingerprint is of those.
    """
    from petbench.evaluation.protocol import PROTOCOL

    plan, dataset = submitted.plan, named.dataset
    if plan.protocol != PROTOCOL:
        raise SubmissionError(
            f"{submitted.folder}: made under protocol {plan.protocol}; this petbench scores by {PROTOCOL}"
        )
    if plan.task != dataset.task.id:
        raise SubmissionError(
            f"{submitted.folder}: made for the task {plan.task}; {named.name} here is for {dataset.task.id}"
        )
    defined = defined_task(plan.task_definition)
    if defined is not None and defined.digest != dataset.task.digest:
        raise SubmissionError(
            f"{submitted.folder}: made for a {plan.task} that asks or decides something else than the {plan.task} here"
        )
    if plan.fingerprint != dataset.fingerprint:
        raise SubmissionError(
            f"{submitted.folder}: made with other images than {named.name} here ({plan.fingerprint[:12]}, here "
            f"{dataset.fingerprint[:12]})"
        )
    split = load_split(dataset, plan.split)
    if plan.split_digest != split.digest or plan.fold >= len(split.folds):
        raise SubmissionError(
            f"{submitted.folder}: its split {plan.split!r}, fold {plan.fold}, is not that of {named.name}"
        )
    if plan.test_participants != split.folds[plan.fold].test or plan.split_participants != split.test_participants:
        raise SubmissionError(
            f"{submitted.folder}: does not predict the test participants of fold {plan.fold}, all and only them"
        )
    return dataclasses.replace(
        plan,
        dataset_folder=str(dataset.root),
        dataset=named.name,
        reconstruction=dataset.reconstruction,
        task_definition=dataset.task.content(),
    )


def _unpack_predictions(archive: Archive, submitted: SubmittedRun, dataset: Dataset, folder: Path) -> None:
    names = {name: f"{submitted.folder}/predictions/{name}.nii.gz" for name in submitted.plan.test_participants}
    for participant, name in names.items():
        check_volume(archive, name, dataset.grid(participant))
    folder.mkdir()
    for participant, name in names.items():
        archive.copy(name, folder / f"{participant}.nii.gz")


def _score(
    submitted: SubmittedRun, dataset: Dataset, folder: Path, scorer: Scorer
) -> tuple[tuple[ScoreRecord, ...], dict[str, str]]:
    """Return the scores of a run's predictions, and a hash of each participant's voxels."""
    voxels: dict[str, str] = {}

    def see(case: Case) -> None:
        largest = float(np.abs(case.delayed).max())
        if np.allclose(case.predicted, case.delayed, rtol=0.0, atol=_ROUNDING * largest):
            raise SubmissionError(
                f"{submitted.folder}: its prediction of {case.participant} is the real delayed image, which no method "
                "may have seen"
            )
        voxels[case.participant] = content_digest(case.predicted)

    try:
        return tuple(scorer.score(dataset, submitted.plan.test_participants, folder, see)), voxels
    except PetbenchError as error:
        text = str(error).replace(f"{folder}/", f"{submitted.folder}/predictions/")
        raise SubmissionError(text) from error


def _compared(submitted: SubmittedRun, scores: tuple[ScoreRecord, ...]) -> Comparison:
    comparison = compare(submitted.scores, scores)
    if not submitted.scores:  # made where the test participants' delayed images are withheld
        return comparison
    if comparison.differing:
        count = len(comparison.differing)
        others = f", and {count - 1} more differ" if count > 1 else ""
        raise SubmissionError(f"{submitted.folder}: {comparison.differing[0]}{others}; the submission is refused")
    if not comparison.agreeing:
        raise SubmissionError(f"{submitted.folder}: reports no score that can be rescored here")
    return comparison


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
