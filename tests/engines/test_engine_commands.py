"""A search makes its trials on an engine as it does here: the same settings, runs and rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.gated import Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
pytest.importorskip("distributed")
pytest.importorskip("optuna")

SEARCH = ("--trials", "2", "--trial-budget", "images=32", "--budget", "images=64", "--set", "width=4", "--json")


def searched(lab: Lab, *on: str) -> dict[str, Any]:
    """Search in a lab and return what the command prints."""
    asked = ("tune", "pix2pix", "--dataset", str(lab.dataset), "--precision", "fp32", *SEARCH, *on)
    said = lab.command(*asked).end()
    found: dict[str, Any] = json.loads(said[said.index("\n{") :])
    return found


def test_trials_on_an_engine_are_those_that_are_made_here_and_its_rows_say_what_the_search_cost(
    tmp_path: Path, bodies: Path
) -> None:
    here, elsewhere = (Lab(tmp_path / name, bodies) for name in ("here", "elsewhere"))
    own, engines = searched(here), searched(elsewhere, "--on", "local:1")
    assert [trial["settings"] for trial in engines["trials"]] == [trial["settings"] for trial in own["trials"]]
    assert [trial["identity"] for trial in engines["trials"]] == [trial["identity"] for trial in own["trials"]]
    scores = [trial["validation_score"] for trial in own["trials"]]
    assert [trial["validation_score"] for trial in engines["trials"]] == pytest.approx(scores, abs=1e-4)
    assert engines["tuned"]["tuning"]["trials"] == own["tuned"]["tuning"]["trials"] == 2
    rows = elsewhere.listed()
    assert {row["ran_on"]["engine"] for row in rows} == {"local:1"}
    assert {row["purpose"] for row in rows} == {"trial", "test"}
    again = searched(elsewhere, "--on", "local:1")
    assert [trial["run"] for trial in again["trials"]] == [trial["run"] for trial in engines["trials"]]
    assert len(elsewhere.listed()) == len(rows)


def test_what_needs_the_results_of_its_runs_cannot_be_detached(tmp_path: Path, bodies: Path) -> None:
    lab = Lab(tmp_path / "lab", bodies)
    assert "No such option '--detach'" in lab.command("tune", "pix2pix", "--on", "local:1", "--detach").end(code=2)
    assert "--gpus is for --on ENGINE" in lab.command("reproduce", "--gpus", "1").end(code=2)
