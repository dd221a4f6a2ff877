"""Write a submission."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import petbench
from petbench.errors import DataError, UsageError, one_line
from petbench.runs.lookup import find_folder
from petbench.submissions import contents, limits
from petbench.submissions.limits import SubmissionError
from petbench_datasets.files import atomic_path
from petbench_datasets.images.nifti import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench.home import Home
    from petbench_leaderboard.store import Leaderboard

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same runs make the same submission, whenever it is made."""


def write_submission(
    run_ids: Sequence[int],
    output: Path,
    *,
    home: Home,
    leaderboard: Leaderboard,
    weights: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Write the runs into one file and return its manifest.

    Args:
        run_ids: runs that ended well and whose folders are here.
        output: the submission; ends in `.petbench.zip`.
        home: where the runs' folders are.
        leaderboard: where their rows are.
        weights: whether the trained weights go along.
        force: replace an existing file.

    Raises:
        UsageError: a run did not end well or is given twice, or the output exists or has another ending.
        SubmissionError: a run's folder lacks something, or is more than a submission may hold.
    """
    if not output.name.endswith(limits.ENDING):
        raise UsageError(f"the output {output} must end in {limits.ENDING}")
    if output.exists() and not force:
        raise UsageError(f"the output {output} exists; choose another name, or --force to replace it")
    if not run_ids or len(set(run_ids)) < len(run_ids):
        raise UsageError("name each run to be submitted once; `petbench runs list` shows those there are")
    with (
        atomic_path(output) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive,
    ):
        writer = _Writer(archive)
        folders = [
            _add_run(writer, index, run_id, home, leaderboard, weights=weights) for index, run_id in enumerate(run_ids)
        ]
        manifest = {
            "format": limits.FORMAT,
            "schema": limits.SCHEMA,
            "petbench": petbench.__version__,
            "runs": folders,
            "files": dict(sorted(writer.files.items())),
        }
        writer.add_json(limits.MANIFEST, manifest)
    return manifest


class _Writer:
    """Adds files to the archive and remembers their hashes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, content: bytes) -> None:
        largest = limits.largest_bytes(name)
        if largest is None or len(content) > largest:
            raise SubmissionError(
                f"{name}: {len(content)} bytes are more than a submission may hold; submit fewer runs"
            )
        member = zipfile.ZipInfo(name, _EPOCH)
        member.external_attr = 0o100644 << 16
        # A compressed volume does not become smaller; text does.
        member.compress_type = zipfile.ZIP_STORED if name.endswith((".gz", ".pt")) else zipfile.ZIP_DEFLATED
        try:
            self._archive.writestr(member, content)
        except zipfile.LargeZipFile:
            raise SubmissionError(
                "the runs are more than the 4 GiB that a submission may hold; submit fewer at once"
            ) from None
        self.files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

    def add_json(self, name: str, value: Any) -> None:
        self.add(name, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def _add_run(writer: _Writer, index: int, run_id: int, home: Home, leaderboard: Leaderboard, *, weights: bool) -> str:
    row = leaderboard.run(run_id)
    if row.status != "ok":
        raise UsageError(f"run {run_id} is {row.status}; only a run that ended well can be submitted")
    if not row.is_tested:
        raise UsageError(f"run {run_id} was not tested; run it again without --no-test before it is submitted")
    source = find_folder(row, home)
    plan = source.plan()
    if plan.given_split:
        raise UsageError(
            f"run {run_id} is of the split {plan.split!r}, a file of your own; run it with a split of the dataset, "
            "which the organizer has, too"
        )
    if plan.identity != row.identity:
        raise SubmissionError(f"{source.path}: its plan is not that of run {run_id}; run it again with --force")
    folder = f"runs/{index}"
    writer.add_json(f"{folder}/plan.json", contents.plan_facts(plan))
    writer.add_json(f"{folder}/run.json", contents.run_facts(row))
    lock = "".join(f"{name}=={version}\n" for name, version in sorted(row.environment.items()))
    writer.add(f"{folder}/environment.txt", lock.encode())
    writer.add_json(f"{folder}/scores.json", contents.score_facts(leaderboard.scores([run_id], protocol=plan.protocol)))
    for participant in plan.test_participants:
        path = source.prediction(participant)
        try:
            read_image(path)  # the whole of it, with its checksum: what is damaged would be refused by the organizer
            content = path.read_bytes()
        except (DataError, OSError) as error:
            raise SubmissionError(
                f"run {run_id} cannot be submitted: {one_line(error)}; run it again with --force"
            ) from None
        writer.add(f"{folder}/predictions/{path.name}", content)
    for log in (source.log, source.losses):
        if log.is_file():
            writer.add(f"{folder}/{log.name}", shortened(_without_paths(log, home)))
    if weights:
        if not source.model.is_file():
            raise SubmissionError(f"{source.model}: the weights are gone; submit the run without --weights")
        writer.add(f"{folder}/weights.pt", source.model.read_bytes())
    return folder


def shortened(log: bytes) -> bytes:
    """Return a log of at most `limits.LONGEST_LOG_BYTES`: whole lines of its beginning and end, which tell most."""
    if len(log) <= limits.LONGEST_LOG_BYTES:
        return log
    half = limits.LONGEST_LOG_BYTES // 2 - 100
    head, tail = log[:half], log[-half:]
    head, tail = head[: head.rfind(b"\n") + 1] or head, tail[tail.find(b"\n") + 1 :] or tail
    left_out = {"left_out_bytes": len(log) - len(head) - len(tail)}  # JSON, as are the lines of one of the two logs
    return head + json.dumps(left_out).encode() + b"\n" + tail


def _without_paths(path: Path, home: Home) -> bytes:
    """Return a log without the folders of its submitter."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for folder, shown in ((home.folder, "$PETBENCH_HOME"), (Path.home(), "~")):
        text = text.replace(str(folder), shown)
    return text.encode()
