"""MLflow: one run in a store, which is a file on this machine unless the user names another."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before mlflow is imported: nothing leaves unasked

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from PIL import Image

from petbench import ExampleImages, RunEnded, RunStarted
from petbench_trackers import values

if TYPE_CHECKING:
    from petbench import RunEvent, RunFacts

EXPERIMENT = "petbench"
UID = "petbench.uid"
_AT_ONCE = 100
_LONGEST = 500
_NO_NAME = re.compile(r"[^\w\-. :/]")
_ENDINGS = {"ok": "FINISHED", "interrupted": "KILLED"}


class Mlflow:
    """Writes the events of one run; a run that resumes goes on in its own.

    Args:
        folder: of the store, where MLFLOW_TRACKING_URI names none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        self._local = not uri
        self._client = MlflowClient(tracking_uri=uri or f"sqlite:///{folder.absolute()}/mlflow.db")
        self._step = 0

    def __call__(self, event: RunEvent) -> None:
        """Write what an event says."""
        if isinstance(event, RunStarted):
            self._run = self._run_of(event.run)
            return
        self._step = values.step(event, self._step)
        now = round(time.time() * 1000)
        metrics = [Metric(_name(name), value, now, self._step) for name, value in values.numbers(event).items()]
        for first in range(0, len(metrics), _AT_ONCE):
            self._client.log_batch(self._run, metrics=metrics[first : first + _AT_ONCE])
        if isinstance(event, ExampleImages):
            self._add_picture(event)
        if isinstance(event, RunEnded):
            for name, text in {"status": event.status, "message": event.message}.items():
                self._client.set_tag(self._run, f"petbench.{name}", text)
            self._client.set_terminated(self._run, _ENDINGS.get(event.status, "FAILED"))

    def _run_of(self, run: RunFacts) -> str:
        """Return the number of the run, begun afresh or taken up again."""
        experiment = self._experiment()
        found = self._client.search_runs([experiment], f"tags.`{UID}` = '{run.uid}'", max_results=1)
        if found:
            self._client.update_run(found[0].info.run_id, status="RUNNING")
            return str(found[0].info.run_id)
        made = self._client.create_run(experiment, run_name=run.name, tags={UID: run.uid}).info.run_id
        tags = [RunTag(f"petbench.{name}", text) for name, text in values.facts(run).items() if name != "uid"]
        parameters = [Param(_name(name), text[:_LONGEST]) for name, text in values.texts(run).items()]
        self._client.log_batch(made, tags=tags)
        for first in range(0, len(parameters), _AT_ONCE):
            self._client.log_batch(made, params=parameters[first : first + _AT_ONCE])
        return str(made)

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = (self._folder.absolute() / "artifacts").as_uri() if self._local else None
        return str(self._client.create_experiment(name, artifact_location=place))

    def _add_picture(self, event: ExampleImages) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"example-{event.images:012d}.png"
            Image.fromarray(event.picture()).save(file)
            self._client.log_artifact(self._run, str(file), "images")


def _name(name: str) -> str:
    """Return a name that MLflow takes."""
    return _NO_NAME.sub("_", name)[:_LONGEST]
