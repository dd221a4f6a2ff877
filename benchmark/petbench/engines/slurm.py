"""Slurm, through its own programs: sbatch, squeue, scancel and scontrol."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING

from petbench.engine_spec import EngineUnreachableError, JobState
from petbench.engines.slurm_script import check_options, script
from petbench.errors import PetbenchError, UsageError, plain_line
from petbench.settings import Settings
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.engine_spec import Cause, JobPhase, Work

_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD",
                      "SPECIAL_EXIT", "SUSPENDED", "STOPPED"})  # fmt: skip
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "RESIZING"})
_CAUSES: Mapping[str, Cause] = {"CANCELLED": "cancelled", "OUT_OF_MEMORY": "memory"}
_ANSWER_SECONDS = 60.0
_IDS_AT_ONCE = 500
_LARGEST_ARRAY = 1000
"""Elements of an array where Slurm does not say; its own default allows one more."""
_ID = re.compile(r"\d+")


class Slurm:
    """A Slurm cluster whose programs are on this machine.

    Args:
        options: of sbatch.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = options

    def submit(self, work: Work) -> list[str]:
        """Submit arrays of jobs, as large as the cluster allows."""
        largest = self._largest_array()
        ids: list[str] = []
        try:
            for first in range(0, len(work.folders), largest):
                ids += self._submit(work, work.folders[first : first + largest])
        except PetbenchError:
            if ids:  # all or none
                self.stop(ids, now=True)
            raise
        return ids

    def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Ask the controller once for all jobs of this user."""
        if not jobs:
            return {}
        wanted = set(jobs)
        text = _ask("squeue", "--me", "--states=all", "--noheader", "--array", "--format=%i|%T|%N|%r")
        found: dict[str, JobState] = {}
        for line in text.splitlines():
            job, _, rest = line.strip().partition("|")
            if job in wanted:
                found[job] = _state(*rest.split("|", 2))
        return found

    def stop(self, jobs: Sequence[str], *, now: bool) -> None:
        """End jobs, or send their steps SIGTERM."""
        signal = () if now else ("--signal=TERM",)
        for first in range(0, len(jobs), _IDS_AT_ONCE):
            _ask("scancel", "--quiet", *signal, *jobs[first : first + _IDS_AT_ONCE])

    def fetch(self, job: str, folder: Path) -> None:
        """Nothing: nodes write into the folder, which every one of them sees."""

    def close(self) -> None:
        """Nothing: the controller is nobody's connection."""

    def _submit(self, work: Work, folders: Sequence[Path]) -> list[str]:
        folder = work.home / "engines" / "slurm" / uuid.uuid4().hex
        write_text(folder / "folders.txt", "".join(f"{each}\n" for each in folders))
        write_text(folder / "job.sh", script(work, self._options, folder, len(folders)))
        array = _ID.match(_ask("sbatch", "--parsable", str(folder / "job.sh"), refusals=PetbenchError).strip())
        if array is None:
            raise PetbenchError("sbatch has submitted something and does not say under which id; see squeue --me")
        return [f"{array.group()}_{number}" for number in range(len(folders))]

    def _largest_array(self) -> int:
        found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"), re.MULTILINE)
        return max(1, int(found.group(1)) - 1) if found else _LARGEST_ARRAY


def build(address: str, options: Mapping[str, str]) -> Slurm:
    """Return Slurm, once it is sure that its programs are here.

    Raises:
        UsageError: an address or an option that it does not know.
        PetbenchError: the programs are not here.
    """
    if address:
        raise UsageError(f"--on slurm:{address}: Slurm's own settings say which cluster it is; write --on slurm")
    check_options(options)
    missing = [name for name in ("sbatch", "squeue", "scancel", "scontrol") if shutil.which(name) is None]
    if missing:
        raise PetbenchError(f"{missing[0]} is not on this machine: submit from a login node of the cluster")
    return Slurm(options)


def _state(word: str, where: str, reason: str) -> JobState:
    phase: JobPhase = "waiting" if word in _WAITING else "running" if word in _RUNNING else "ended"
    shown = word if phase != "waiting" else "" if reason == "None" else reason
    return JobState(phase=phase, where=where if phase == "running" else "", word=shown, cause=_CAUSES.get(word, ""))


def _ask(program: str, *arguments: str, refusals: type[PetbenchError] = EngineUnreachableError) -> str:
    """Return what one of Slurm's programs prints.

    Raises:
        EngineUnreachableError: it fails, or does not answer.
        PetbenchError: it refuses, where `refusals` says that this is for good.
    """
    # Nothing of the user's leaderboard, which may be a URL with a password, goes to the nodes with the environment.
    given = {name: text for name, text in os.environ.items() if name not in Settings.variables()}
    try:
        answer = subprocess.run(
            [program, *arguments],
            env=given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise EngineUnreachableError(f"{program} gives no answer for {_ANSWER_SECONDS:.0f} s") from None
    if answer.returncode:
        said = plain_line(answer.stderr or answer.stdout) or f"it ended with code {answer.returncode}"
        raise refusals(f"{program}: {said}")
    return answer.stdout
