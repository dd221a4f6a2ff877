"""What commands do with an engine is what they do without: the same runs, rows, scores, and news for observers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.engines.gated import IMAGES, Lab

from petbench.home import Home
from petbench.runs.lookup import find_folder

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


def test_an_observer_hears_of_runs_that_an_engine_makes_from_their_beginning_to_their_end(
    tmp_path: Path, bodies: Path
) -> None:
    lab = Lab(tmp_path / "lab", bodies)
    command = lab.begin("--seed", "0,1", "--on", "local:2", "--log-to", "diary")
    lab.gate.wait_for(2)
    lab.gate.open()
    command.end()
    assert [row.status for row in lab.rows()] == ["ok", "ok"]
    for seed in (0, 1):
        heard = lab.diary(seed)
        assert [event["kind"] for event in (heard[0], heard[-1])] == ["RunStarted", "RunEnded"]
        assert (heard[-1]["status"], heard[-1]["scores"] > 10) == ("ok", True)
        steps = [event["images"] for event in heard if event["kind"] == "StepLogged"]
        assert steps == sorted(steps)
        assert steps[-1] == IMAGES
        assert "Validated" in {event["kind"] for event in heard}
    lab.begin("--seed", "0,1", "--on", "local:2", "--log-to", "diary").end()
    assert sum(event["kind"] == "RunStarted" for event in lab.diary(0)) == 1  # a run that is there is no news


def test_an_engine_scores_stored_runs_as_this_machine_does(tmp_path: Path, bodies: Path) -> None:
    lab = Lab(tmp_path / "lab", bodies)
    lab.gate.open()
    lab.begin("--seed", "0,1").end()
    made = [lab.scores(row.id) for row in lab.rows()]
    assert all(len(scores) > 20 for scores in made)
    lab.spoil_scores(1)
    said = lab.command("score", "--runs", "all", "--on", "local:1").end()
    assert "scored 2 runs again" in said
    assert [lab.scores(row.id) for row in lab.rows()] == made
    assert [row["ran_on"] for row in lab.listed()] == [None, None]  # they were made here
    folder = find_folder(lab.rows()[1], Home(lab.home))
    folder.prediction(lab.rows()[1].test_participants[0]).unlink()
    lab.spoil_scores(1)
    said = lab.command("score", "--runs", "all", "--on", "local:1").end(code=1)
    assert "keeps its scores" in said
    assert "1 of 2 runs could not be scored again; each is named above" in said
    assert [lab.scores(row.id) for row in lab.rows()] == made
    assert "--on is for --runs" in lab.command("score", "--reference", "repeat-scan", "--on", "local:1").end(code=2)


def test_runs_that_an_engine_makes_end_in_the_ensemble_that_was_asked_for(tmp_path: Path, bodies: Path) -> None:
    lab = Lab(tmp_path / "lab", bodies)
    lab.gate.open()
    asked = ("--seed", "0,1", "--ensemble", "seeds")
    said = lab.begin(*asked, "--on", "local:2", "--json").end()
    found = json.loads(said[said.index("\n{") : said.rindex("}") + 1])["runs"]
    assert [run["status"] for run in found] == ["ok"] * 3
    assert found[2]["members"] == [run["run"] for run in found[:2]]
    refused = lab.begin(*asked, "--on", "dask:tcp://127.0.0.1:9", "--detach").end(code=2)
    assert "--ensemble needs the runs of its members: leave --detach away" in refused
