"""Train the method of a verified submission again, from a source that the organizer names, and compare.

Nothing of the submission is executed: its plan says what to train, the organizer says where the code is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.methods.parameter_files import with_paths
from petbench.methods.program import venv
from petbench.registry import OWN_DISTRIBUTION
from petbench.runs.execute import Origin, execute
from petbench.runs.isolation import method_sandbox
from petbench.runs.run_all import run_all
from petbench.submissions.accept import submitter_of
from petbench.submissions.limits import SubmissionError
from petbench_leaderboard.admissions import note
from petbench_leaderboard.records import REPRODUCTION
from petbench_leaderboard.score_records import of_newest_protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import Session

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.runs.supervisor import Supervisor
    from petbench.submissions.verify import Verified, VerifiedRun
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.schema import Run
    from petbench_leaderboard.score_records import ScoreRecord
    from petbench_leaderboard.store import Leaderboard

_DESCRIBE = """
import json, sys
from petbench.registry import load_plugins
from petbench.methods.source import source_of
spec, plugin = load_plugins().method(sys.argv[1])
source = source_of(spec, plugin.module).digest
facts = {"distribution": plugin.distribution, "version": plugin.version, "source_hash": source}
print("\\n" + json.dumps(facts))
"""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a reproduced score lies from the submission's, both being means over the test participants.

    `submitted` is the score that was computed here from the submission's predictions where it reports none itself.
    """

    metric: str
    convention_id: str
    region: str
    unit: str
    submitted: float
    reproduced: float

    @property
    def difference(self) -> float:
        """The reproduced score less the submitted one."""
        return self.reproduced - self.submitted


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A row that was trained here, and how it compares with the submission; `known` where it was here already."""

    row: RunRow
    deviations: tuple[Deviation, ...]
    known: bool


def reproduce(
    submission: Verified, source: str | None, supervisor: Supervisor, *, submitter: str | None = None
) -> list[Reproduction]:
    """Train every run of a verified submission again and store it as `reproduced`; Ctrl-C begins no further one.

    Args:
        submission: every check of it has passed.
        source: of the plugin, as `pip install` takes it: a folder, a file, or a requirement. None is enough for
            petbench's own methods.
        supervisor: makes the runs, in an environment with the plugin while it is needed.
        submitter: whose the rows are; as for `petbench.submissions.accept.accept`.

    Raises:
        UsageError: a source is needed and was not named.
        SubmissionError: what was installed is not the code that the submission names.
    """
    whose = submitter_of(submission, submitter)
    submitted = {found.plan.identity: found for found in submission.runs}
    plans = [_on_a_device_of_this_machine(found.plan) for found in submission.runs]
    with contextlib.ExitStack() as stack:
        if source is not None:
            python = stack.enter_context(_environment(source, supervisor.home))
            supervisor.options = dataclasses.replace(
                supervisor.options, python=str(python), environment=venv.variables(inherits=True)
            )
        for plan in plans:
            if source is None and plan.distribution != OWN_DISTRIBUTION:
                raise UsageError(
                    f"{plan.method} comes with {plan.distribution} {plan.version}; name where its code is with "
                    "--plugin-source, a folder or a requirement that you trust"
                )
            _check_source(plan, source or OWN_DISTRIBUTION, supervisor)
        results: list[Reproduction] = []

        def make(plan: RunPlan, supervisor: Supervisor) -> tuple[RunRow, bool]:
            row, known = _train_again(plan, supervisor, whose)
            found = submitted[plan.identity]
            results.append(_compared(row, submission, found, supervisor.leaderboard, known=known))
            return row, known

        failed = next((each.error for each in run_all(plans, supervisor, make=make) if each.error), None)
        if failed:
            raise SubmissionError(failed)
        return results


@contextlib.contextmanager
def _environment(source: str, home: Home) -> Iterator[Path]:
    """Make a fresh virtual environment with the plugin, which sees petbench and torch; it is gone afterwards."""
    home.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reproduce-", dir=home.cache) as temporary:
        folder = Path(temporary) / "environment"
        python = venv.create(folder)
        venv.install(folder, [source], inherits=True)
        yield python


def _check_source(plan: RunPlan, source: str, supervisor: Supervisor) -> None:
    """Make sure that the code is the submission's, to the byte, before any of it is trained."""
    options = supervisor.options
    sandbox = method_sandbox(
        options.python,
        options.environment,
        isolated=options.isolated,
        home=supervisor.home.folder,
        hidden=(Path(plan.dataset_folder), supervisor.home.work),
        visible=(),
    )
    command, environment = sandbox.call(["-c", _DESCRIBE, plan.method])
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise SubmissionError(f"{source} brings no usable method {plan.method!r}: {lines[-1][:300]}")
    facts = json.loads(result.stdout.strip().splitlines()[-1])
    for name, said in (("distribution", "package"), ("version", "version"), ("source_hash", "code (SHA-256)")):
        submitted, found = str(getattr(plan, name)), str(facts[name])
        if submitted != found:
            raise SubmissionError(
                f"{source} is not what the submission was made with: its {said} is {found[:16]}, the submission says "
                f"{submitted[:16]}; name that one, or accept without --reproduce"
            )


def _train_again(plan: RunPlan, supervisor: Supervisor, submitter: str) -> tuple[RunRow, bool]:
    """Return the reproduced row of a plan, and whether it was on the leaderboard already; what was stopped goes on."""
    with_paths(plan.method, plan.parameters, plan.parameter_files)  # a file of the submitter's is not here
    return execute(plan, supervisor, origin=Origin("reproduced", submitter))


def _compared(
    row: RunRow, submission: Verified, found: VerifiedRun, leaderboard: Leaderboard, *, known: bool
) -> Reproduction:
    """Return how a reproduced row compares with the submission.

    That is kept among its facts and the row is entered into the log, together and once: also where the process that
    made the row was killed before it could.
    """
    submitted = found.submitted.scores or found.scores  # none are reported where the test targets were withheld
    scores = of_newest_protocol(leaderboard.scores([row.id]))
    deviations = _deviations(submitted, scores) if row.status == "ok" else ()
    if row.status == "ok" and REPRODUCTION not in row.machine:
        facts: dict[str, Any] = {
            "submission": submission.digest,
            "uid": found.submitted.facts.uid,
            "differences": [dataclasses.asdict(each) | {"difference": each.difference} for each in deviations],
        }

        def enter(session: Session, run: Run) -> None:
            note(session, "reproduced", [run.uid], source=submission.archive.path.name, digest=submission.digest)

        leaderboard.update(row.id, beside=enter, machine={**row.machine, REPRODUCTION: facts})
        row = leaderboard.run(row.id)
    return Reproduction(row, deviations, known)


def _on_a_device_of_this_machine(plan: RunPlan) -> RunPlan:
    """Return the plan with `auto` in place of a device that the submitter has and this machine has not."""
    from petbench.methods.devices import choose_device

    try:
        choose_device(plan.device)
    except UsageError:
        return dataclasses.replace(plan, device="auto")
    return plan


def _deviations(submitted: Iterable[ScoreRecord], found: Iterable[ScoreRecord]) -> tuple[Deviation, ...]:
    """Return one deviation for each score that both have of the same participants, regions and conventions apart."""
    theirs, ours = _means(submitted), _means(found)
    return tuple(
        Deviation(*key, submitted=theirs[key][0], reproduced=ours[key][0])
        for key in theirs
        if key in ours and theirs[key][1] == ours[key][1]
    )


def _means(scores: Iterable[ScoreRecord]) -> dict[tuple[str, str, str, str], tuple[float, frozenset[str | None]]]:
    values: dict[tuple[str, str, str, str], dict[str | None, float]] = {}
    for score in scores:
        if score.value is not None:
            key = (score.metric, score.convention_id, score.region, score.unit)
            values.setdefault(key, {})[score.participant] = score.value
    return {key: (sum(each.values()) / len(each), frozenset(each)) for key, each in values.items()}
