"""What a run's folder says of the engine that the run was handed over to, and of where it ran.

It stands in the folder alone and never in the leaderboard: names of machines are private, and no row that is exported,
submitted or reported may carry one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from petbench.engine_spec import Resources
from petbench.errors import DataError
from petbench.runs.lookup import find_folder_or_none
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from petbench.home import Home
    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRow


class JobNote(BaseModel):
    """Which job makes a run, as `engine-job.json` in the run's folder says.

    Attributes:
        engine: name of the engine.
        address: of the engine, as typed after its name; may be empty.
        options: as typed after `--engine-option`.
        resources: of the job.
        order: id of what the job was ordered to do.
        job: the engine's id of it; None while it is being submitted.
        submissions: how often the run was handed over since somebody asked for it.
        tries: how often it may be.
        is_active: whether the engine has the run: no process of this machine may make it meanwhile.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str
    address: str = ""
    options: dict[str, str] = {}
    resources: Resources
    order: str = ""
    job: str | None = None
    submissions: int = 1
    tries: int = 3
    is_active: bool = True

    @property
    def name(self) -> str:
        """The engine as it is typed."""
        return f"{self.engine}:{self.address}" if self.address else self.engine

    @classmethod
    def load(cls, folder: RunFolder) -> Self | None:
        """Return the note in a folder; None where the run was never handed over.

        Raises:
            DataError: the file is damaged.
        """
        try:
            text = folder.job_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            raise DataError(
                f"{folder.job_file} is damaged: end the run's job with the engine's own program, remove the file, and "
                "repeat the command"
            ) from None

    def save(self, folder: RunFolder) -> None:
        """Write the note into a folder."""
        write_text(folder.job_file, self.model_dump_json(indent=1) + "\n")

    def changed(self, **changes: Any) -> Self:
        """Return a copy that says something else."""
        return self.model_copy(update=changes)


def active_note(folder: RunFolder) -> JobNote | None:
    """Return which job makes a run now, None where no engine has it."""
    note = JobNote.load(folder)
    return note if note is not None and note.is_active else None


def note_try(folder: RunFolder, facts: dict[str, Any]) -> None:
    """Note on the node that the run begins or goes on there."""
    with folder.tries_file.open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


def tries_of(folder: RunFolder) -> list[dict[str, Any]]:
    """Return where a run was begun or went on, oldest first; a line that a kill cut short is left out."""
    try:
        lines = folder.tries_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            facts = json.loads(line)
        except ValueError:
            continue
        if isinstance(facts, dict):
            found.append(facts)
    return found


def ran_on(row: RunRow, home: Home) -> dict[str, Any] | None:
    """Return on which engine and nodes a run ran, in how many tries; None where it ran here, or its folder is gone."""
    folder = find_folder_or_none(row, home)
    try:
        note = None if folder is None else JobNote.load(folder)
    except DataError:
        return None
    if folder is None or note is None:
        return None
    tries = tries_of(folder)
    return {
        "engine": note.name,
        "job": note.job,
        "nodes": list(dict.fromkeys(str(each.get("host", "")) for each in tries)),
        "tries": max(len(tries), note.submissions),
        "places": tries,
    }


def in_words(facts: dict[str, Any]) -> str:
    """Return in a few words where a run ran, such as `slurm on gpu07, 2 tries`."""
    nodes = ", ".join(name for name in facts["nodes"] if name)
    tries = "" if facts["tries"] <= 1 else f", {facts['tries']} tries"
    return f"{facts['engine']}{f' on {nodes}' if nodes else ''}{tries}"
