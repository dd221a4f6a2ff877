"""From the logs of two runs to the seconds that one needed to be as good as the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.runs.folder import RunFolder
from petbench.runs.time_to_target import seconds_to_reference, validation_history
from petbench.training.training_log import TrainingLog

if TYPE_CHECKING:
    from pathlib import Path


def trained(folder: Path, errors: list[float], final: float | None) -> RunFolder:
    run = RunFolder(folder)
    log = TrainingLog(run.training)
    for number, error in enumerate(errors, start=1):
        log.append("step", {"images": 16 * number, "seconds": 10.0 * number - 1})
        log.append("validation", {"images": 16 * number, "seconds": 10.0 * number, "mae_suv": error})
    if final is not None:
        log.append("validated", {"images": 16 * len(errors), "seconds": 10.0 * len(errors), "mae_suv": final})
    return run


def test_the_seconds_until_a_run_is_as_good_as_a_reference_come_from_both_logs(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", [0.5, 0.3, 0.2, 0.25], 0.25)
    assert validation_history(run.losses) == [(10.0, 0.5), (20.0, 0.3), (30.0, 0.2), (40.0, 0.25)]
    assert seconds_to_reference(run, trained(tmp_path / "kinetic", [], 0.31)) == 20.0
    assert seconds_to_reference(run, trained(tmp_path / "ridge", [], 0.1)) is None


def test_without_a_validation_there_is_no_such_time(tmp_path: Path) -> None:
    run, reference = trained(tmp_path / "run", [0.5], 0.5), trained(tmp_path / "reference", [], None)
    assert seconds_to_reference(run, reference) is None
    assert seconds_to_reference(reference, run) is None
    assert seconds_to_reference(RunFolder(tmp_path / "nowhere"), run) is None


def test_a_line_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", [0.5], 0.5)
    with run.losses.open("a", encoding="utf-8") as file:
        file.write('{"event": "validation", "images": 32, "sec')
    assert validation_history(run.losses) == [(10.0, 0.5)]
