"""TensorBoard: one folder of event files a run, written without torch or TensorFlow."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from petbench import ExampleImages, RunEnded, RunStarted
from petbench_trackers import values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench import RunEvent, RunFacts

FLUSH_SECONDS = 5


class TensorBoard:
    """Writes the events of one run.

    Args:
        folder: in which each run has a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._step = 0
        self._went_back = True

    def __call__(self, event: RunEvent) -> None:
        """Write what an event says."""
        if isinstance(event, RunStarted):
            self._writer = EventFileWriter(str(self._folder / event.run.name), flush_secs=FLUSH_SECONDS)
            self._went_back = not event.resumed
            self._describe(event.run)
            return
        self._step = values.step(event, self._step)
        if not self._went_back:  # what a resumed run had written from here on is written again
            self._went_back = True
            self._add(Event(session_log=SessionLog(status=SessionLog.START)))
        for name, value in values.numbers(event).items():
            self._add(Event(summary=Summary(value=[Summary.Value(tag=name, simple_value=value)])))
        if isinstance(event, ExampleImages):
            self._add(Event(summary=_picture(event)))
        if isinstance(event, RunEnded):
            self._add(Event(summary=text_pb("end", f"{event.status} {event.message}".strip())))
            self._writer.close()

    def _describe(self, run: RunFacts) -> None:
        self._add(Event(summary=text_pb("run", _table(values.facts(run)))))
        self._add(Event(summary=text_pb("parameters", _table(values.texts(run)))))
        known = {name: value for name, value in run.parameters.items() if isinstance(value, bool | int | float | str)}
        self._add(Event(summary=hparams_pb({"method": run.method, "seed": run.seed, **known}, trial_id=run.uid)))

    def _add(self, event: Event) -> None:
        event.step = self._step
        event.wall_time = time.time()
        self._writer.add_event(event)


def _table(facts: Mapping[str, str]) -> str:
    rows = [f"| {name} | {text.replace('|', '&#124;')} |" for name, text in facts.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _picture(event: ExampleImages) -> Summary:
    picture = event.picture()
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, format="PNG")
    image = Summary.Image(
        height=picture.shape[0], width=picture.shape[1], colorspace=1, encoded_image_string=packed.getvalue()
    )
    return Summary(value=[Summary.Value(tag=values.EXAMPLE, image=image)])
