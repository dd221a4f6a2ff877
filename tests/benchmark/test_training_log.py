"""The log of a training as a method can leave it: what is no event is passed over, and no log costs memory."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from petbench.runs.folder import RunFolder
from petbench.runs.time_to_target import final_error, validation_history
from petbench.runs.training_notes import suv_clip, training_notes
from petbench.training import training_log
from petbench.training.training_log import read_events

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b'{"event": "validation", "images": 8, "seconds": 1.5, "mae_suv": 0.25}\n'

ODD = {
    "bytes that are no text": b"\xff\xfe\x00\n",
    "half a line": b'{"event": "step", "ima\n',
    "brackets without end": b"[" * 100_000 + b"\n",
    "a number without end": b'{"event": "validation", "images": 1, "mae_suv": 1' + b"0" * 5000 + b"}\n",
    "text for numbers": b'{"event": "data", "images": 1, "suv_clip": "x", "maximum_early_suv": [], "mae_suv": {}}\n',
    "no number at all": b'{"event": "data", "images": 1, "suv_clip": 40.0}\n{"event": "engine", "images": 1}\n',
    "a number that no float holds": b'{"event": "validation", "images": 1, "seconds": 1' + b"0" * 400 + b"}\n",
    "a long line": b"x" * (3 * 2**20) + b"\n",
    "no object": b"[1]\n7\nnull\n",
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_event_is_passed_over(kind: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.training.mkdir()
    folder.losses.write_bytes(GOOD + ODD[kind] + GOOD)
    assert validation_history(folder.losses) == [(1.5, 0.25)] * 2
    assert final_error(folder.losses) is None
    assert training_notes(folder) == []
    assert suv_clip(folder) in (None, 40.0)


def test_of_a_log_that_is_too_large_its_beginning_is_read_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(training_log, "MOST_BYTES", 2**20)
    path = tmp_path / "log.jsonl"
    with path.open("wb") as file:
        file.write(GOOD)
        file.truncate(2**31)  # two gigabytes of nothing
    tracemalloc.start()
    try:
        assert len(list(read_events(path))) == 1
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
    assert "only its first 1 MiB are read" in caplog.text


def test_where_there_is_no_log_there_is_no_event(tmp_path: Path) -> None:
    assert list(read_events(tmp_path / "log.jsonl")) == []
    assert list(read_events(tmp_path)) == []
