"""Train the method of a verified submission again, from a source that the organizer names, and compare.

Nothing of the submission is executed: its plan says what to train, the organizer says where the code is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError
from petbench.methods.program import venv
from petbench.runs.supervisor import Conduct, begin
from petbench.submissions.limits import SubmissionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from petbench.home import Home
    from petbench.plans.run_plan import RunPlan
    from petbench.submissions.verify import Verified, VerifiedRun
    from petbench_leaderboard.records import RunRow, ScoreRecord
    from petbench_leaderboard.store import Leaderboard

OWN_DISTRIBUTION = "petbench"

_DESCRIBE = """
import json, sys
from petbench.registry import load_plugins
from petbench.methods.source import source_hash
_, plugin = load_plugins().method(sys.argv[1])
facts = {"distribution": plugin.distribution, "version": plugin.version, "source_hash": source_hash(plugin.module)}
print("\\n" + json.dumps(facts))
"""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far one score of the re-run lies from the submission's, both being means over the test participants.

    `claimed` is the score that was computed here from the submission's predictions where the submission claims none.
    """

    metric: str
    convention_id: str
    region: str
    unit: str
    claimed: float
    re_run: float

    @property
    def difference(self) -> float:
        """The re-run's score less the claimed one."""
        return self.re_run - self.claimed


@dataclass(frozen=True, slots=True)
class Rerun:
    """A row that was trained here, and how it compares with the submission; `known` where it was here already."""

    row: RunRow
    deviations: tuple[Deviation, ...]
    known: bool


def rerun(
    submission: Verified, source: str | None, home: Home, leaderboard: Leaderboard, conduct: Conduct
) -> list[Rerun]:
    """Train every run of a verified submission again and store the rows as `reproduced`; Ctrl-C begins no further one.

    Args:
        submission: every check of it has passed.
        source: of the plugin, as `pip install` takes it: a folder, a file, or a requirement. None is enough for
            petbench's own methods.
        home: where the runs' folders are made, and the environment while it is needed.
        leaderboard: where the rows are stored.
        conduct: how the runs are carried out.

    Raises:
        UsageError: a source is needed and was not named.
        SubmissionError: what was installed is not the code that the submission names.
    """
    with contextlib.ExitStack() as stack:
        if source is not None:
            python = stack.enter_context(_environment(source, home))
            conduct = dataclasses.replace(conduct, python=str(python), environment=_variables())
        for found in submission.runs:
            if source is None and found.plan.distribution != OWN_DISTRIBUTION:
                raise UsageError(
                    f"{found.plan.method} comes with {found.plan.distribution} {found.plan.version}; name where its "
                    "code is with --plugin-source, a folder or a requirement that you trust"
                )
            _check_source(found.plan, source or OWN_DISTRIBUTION, conduct)
        results: list[Rerun] = []
        for found in submission.runs:
            if conduct.stop_requested:
                break
            results.append(_rerun_one(submission, found, home, leaderboard, conduct))
        return results


@contextlib.contextmanager
def _environment(source: str, home: Home) -> Iterator[Path]:
    """Make a fresh virtual environment with the plugin, which sees petbench and torch; it is gone afterwards."""
    home.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rerun-", dir=home.cache) as temporary:
        folder = Path(temporary) / "environment"
        python = venv.create(folder)
        venv.install(folder, [source], inherits=True)
        yield python


def _variables() -> dict[str, str]:
    named = {name: os.environ[name] for name in ("PETBENCH_DB",) if name in os.environ}
    return venv.variables(inherits=True) | named


def _check_source(plan: RunPlan, source: str, conduct: Conduct) -> None:
    """Make sure that the code is the submission's, to the byte, before any of it is trained."""
    result = subprocess.run(
        [conduct.python, "-c", _DESCRIBE, plan.method],
        env=dict(conduct.environment or os.environ),
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no word"]
        raise SubmissionError(f"{source} brings no usable method {plan.method!r}: {lines[-1][:300]}")
    facts = json.loads(result.stdout.strip().splitlines()[-1])
    for name, said in (("distribution", "package"), ("version", "version"), ("source_hash", "code (SHA-256)")):
        claimed, found = str(getattr(plan, name)), str(facts[name])
        if claimed != found:
            raise SubmissionError(
                f"{source} is not what the submission was made with: its {said} is {found[:16]}, the submission says "
                f"{claimed[:16]}; name that one, or accept without --rerun"
            )


def _rerun_one(
    submission: Verified, found: VerifiedRun, home: Home, leaderboard: Leaderboard, conduct: Conduct
) -> Rerun:
    plan = _on_a_device_of_this_machine(found.plan)
    claimed = found.claim.scores or found.scores  # none are claimed where the test targets were withheld
    for row in leaderboard.find(plan.identity):
        if row.status == "ok" and row.verification == "reproduced":
            return Rerun(row, _deviations(claimed, leaderboard.scores([row.id])), known=True)
    row = begin(plan, dataclasses.replace(plan.record(), verification="reproduced"), home, leaderboard, conduct)
    deviations = _deviations(claimed, leaderboard.scores([row.id])) if row.status == "ok" else ()
    facts: dict[str, Any] = {
        "submission": submission.digest,
        "uid": found.claim.facts.uid,
        "differences": [dataclasses.asdict(each) | {"difference": each.difference} for each in deviations],
    }
    leaderboard.update(row.id, machine={**row.machine, "rerun": facts})
    return Rerun(leaderboard.run(row.id), deviations, known=False)


def _on_a_device_of_this_machine(plan: RunPlan) -> RunPlan:
    """Return the plan with `auto` in place of a device that the author has and this machine has not."""
    from petbench.methods.models import choose_device

    try:
        choose_device(plan.device)
    except UsageError:
        return dataclasses.replace(plan, device="auto")
    return plan


def _deviations(claimed: Iterable[ScoreRecord], found: Iterable[ScoreRecord]) -> tuple[Deviation, ...]:
    """Return one deviation for each score that both have of the same participants, regions and conventions apart."""
    theirs, ours = _means(claimed), _means(found)
    return tuple(
        Deviation(*key, claimed=theirs[key][0], re_run=ours[key][0])
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
