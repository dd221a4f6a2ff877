"""Runs from Python are the command's runs: the same row, the same numbers, the same refusals."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.benchmark.installed import install_module

import petbench
from petbench.api.fresh_code import check_fresh
from petbench.api.runs import Run, RunEndedError
from petbench.errors import DataError, PetbenchError, UnknownNameError, UsageError
from petbench.registry import load_plugins
from petbench_datasets.images.nifti import read_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.command import Petbench

    from petbench.api.pairs import OpenedDataset

PIX2PIX = ("pix2pix", "--budget", "images=64", "--set", "width=4", "--seed", "2")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[petbench.Session]:
    """Give the session of the home in which the command of the same test works."""
    with petbench.Session(home=tmp_path / "home", offline=True) as opened:
        yield opened


@pytest.fixture
def dataset(session: petbench.Session, body_dataset: Path) -> OpenedDataset:
    return petbench.open_dataset(body_dataset, session=session)


@pytest.mark.slow
def test_a_run_says_what_the_command_says_of_it(ran: Callable[..., Petbench], session: petbench.Session) -> None:
    command = ran("identity", PIX2PIX)
    for number, method in ((1, "identity"), (2, "pix2pix")):
        run, said = petbench.open_run(number, session=session), command.json("runs", "show", str(number))
        assert json.loads(json.dumps(run.to_dict(), default=str)) == said
        assert (run.id, run.method, run.status) == (number, method, "ok")
        assert json.loads(json.dumps(run.scores.to_dicts())) == said["scores"]
        assert run.folder == (command.home / said["log_path"]).parent
        assert run.log == command("runs", "log", str(number)).stdout
    listed = [row["id"] for row in command.json("runs", "list")]
    assert [run.id for run in petbench.find_runs(session=session)] == listed == [2, 1]
    assert [run.id for run in petbench.find_runs(where="seed=2", session=session)] == [2]
    with pytest.raises(UnknownNameError, match="did you mean 'pix2pix'"):
        petbench.find_runs(method="pix2px", session=session)
    with pytest.raises(UsageError, match="at least 1"):
        petbench.find_runs(limit=-1, session=session)


@pytest.mark.slow
def test_the_means_of_a_run_are_those_of_its_row(ran: Callable[..., Petbench], session: petbench.Session) -> None:
    command = ran("identity", PIX2PIX)
    (board,) = command.json("leaderboard")
    names = {(column["metric"], column["region"]): column["name"] for column in board["columns"]}
    for row in board["rows"]:
        cells = petbench.open_run(row["runs"][0], session=session).scores.cells()
        assert {(column.metric, column.region) for column in cells} == set(names)
        for column, cell in cells.items():
            assert cell.mean == row[names[column.metric, column.region]]


@pytest.mark.slow
def test_the_same_run_is_one_run_whether_python_or_the_command_asks(
    ran: Callable[..., Petbench], session: petbench.Session, body_dataset: Path, dataset: OpenedDataset
) -> None:
    command = ran(PIX2PIX)
    for where in (body_dataset, dataset):
        found = petbench.run(
            "pix2pix", dataset=where, seed=2, budget="images=64", settings={"width": np.int64(4)}, session=session
        )
        assert (found.id, found.known) == (1, True)
    made = petbench.run("scale", dataset=dataset, session=session)
    assert (made.id, made.known) == (2, False)
    assert "shown instead of repeated" in command("run", "-m", "scale", "-d", body_dataset).stderr
    forced = petbench.run("scale", dataset=dataset, force=True, session=session)
    assert forced.id == 3
    assert forced.scores.to_dicts() != []
    for participant, file in made.predictions.items():
        np.testing.assert_array_equal(made.prediction(participant), forced.prediction(participant))
        np.testing.assert_array_equal(made.prediction(participant), read_image(file)[0])


@pytest.mark.slow
def test_scoring_arrays_files_and_folders_gives_the_scores_of_the_run(
    ran: Callable[..., Petbench], session: petbench.Session, dataset: OpenedDataset
) -> None:
    said = ran("identity").json("runs", "show", "1")["scores"]
    stored = [{name: value for name, value in score.items() if name not in ("run_id", "protocol")} for score in said]

    def key(score: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(score[name]) for name in ("metric", "convention_id", "region", "participant"))

    run = petbench.open_run(1, session=session)
    early = {pair.participant: pair.early for pair in dataset.pairs("test")}
    for predictions in (run.predictions["sub-04"].parent, run.predictions, early):
        found = json.loads(json.dumps(petbench.score(predictions, dataset, session=session).to_dicts()))
        assert sorted(found, key=key) == sorted(stored, key=key)
    assert [row.id for row in petbench.find_runs(session=session)] == [1]  # scoring stores nothing


def test_scores_are_of_the_part_that_is_asked_for(session: petbench.Session, dataset: OpenedDataset) -> None:
    (pair,) = dataset.pairs("validation")
    scores = petbench.score({"sub-03": pair.early}, dataset, part="validation", distances=False, session=session)
    assert scores.participants == ("sub-03",)
    body = dataset.place.dataset.body_mask("sub-03")
    assert pair.delayed is not None
    error = np.abs(pair.early.astype(np.float64) - pair.delayed)[body].mean()
    assert scores.mean("mae_body_suv") == pytest.approx(error, rel=1e-6)
    with pytest.raises(UnknownNameError, match="did you mean 'mae_body_suv'"):
        scores.mean("mae_body_suvv")
    with pytest.raises(DataError, match=r"^no prediction of sub-04 .0/1"):
        petbench.score({"sub-03": pair.early}, dataset, distances=False, session=session)


def test_a_prediction_that_is_none_is_refused_by_its_participant(
    session: petbench.Session, dataset: OpenedDataset, tmp_path: Path
) -> None:
    early = dataset.pair("sub-04").early
    wrong: dict[str, tuple[Any, str]] = {
        "another shape": (early[1:], r"sub-04 is float32 of shape \(19, 32, 32\)"),
        "no numbers": (early.astype(str), "give numbers in SUV"),
        "not finite": (np.where(early > 3, np.nan, early), "NaN"),
        "negative": (early - 1.0, "^sub-04.nii.gz: .* negative"),
        "too large": (early.astype(np.float64) + 1e300, "infinite"),
        "with its gradient": (torch.from_numpy(early.copy()).requires_grad_(), "is no array: RuntimeError"),
        "no file": (tmp_path / "none.nii.gz", "no such prediction of sub-04"),
    }
    for prediction, said in wrong.values():
        with pytest.raises(DataError, match=said):
            petbench.score({"sub-04": prediction}, dataset, distances=False, session=session)
    with pytest.raises(DataError, match="no participant 'sub-4'"):
        petbench.score({"sub-4": early}, dataset, distances=False, session=session)
    with pytest.raises(DataError, match="no such folder"):
        petbench.score(tmp_path / "none", dataset, distances=False, session=session)


def test_entered_predictions_are_the_row_that_the_command_enters(
    petbench: Petbench, session: Any, dataset: OpenedDataset, body_dataset: Path
) -> None:
    from petbench import enter

    halved = {pair.participant: pair.early * np.float32(0.5) for pair in dataset.pairs("test")}
    run = enter(halved, dataset, "Their method", session=session)
    assert run.method == "their-method"
    before = petbench.json("runs", "show", str(run.id))
    petbench("score", run.predictions["sub-04"].parent, "-d", body_dataset, "--as", "Their method")
    (after,) = petbench.json("runs", "list")
    assert (after["id"], after["identity"]) == (run.id, before["identity"])
    with pytest.raises(UsageError, match="has other predictions here already"):
        enter({"sub-04": halved["sub-04"] * 2}, dataset, "Their method", session=session)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a method": ({"method": "pix2px"}, "did you mean 'pix2pix'"),
    "a parameter": ({"settings": {"widht": 3}}, "did you mean 'width'"),
    "a value": ({"settings": {"width": -3}}, "'width'"),
    "a value of no kind": ({"settings": {"width": object()}}, "give a number, text, list or mapping"),
    "a budget": ({"budget": "epochs=3"}, "images=12000"),
    "a preset": ({"preset": "papr"}, "did you mean 'paper'"),
    "a precision": ({"precision": "fp16"}, "did you mean 'fp32'|did you mean 'bf16'"),
    "compilation": ({"compile": True}, "no value of compile is called 'True'"),
    "a seed": ({"seed": "1..3"}, "one whole number"),
    "a negative seed": ({"seed": -1}, "one whole number"),
    "a track": ({"track": "equal-image"}, "did you mean 'equal-images'"),
    "a time limit": ({"time_limit_seconds": 0}, "above 0"),
    "a dataset": ({"dataset": "fdg-fantom"}, "did you mean 'fdg-phantom'"),
}


@pytest.mark.parametrize(("asked", "said"), REFUSED.values(), ids=list(REFUSED))
def test_a_request_that_makes_no_sense_is_one_line_and_leaves_nothing(
    session: petbench.Session, asked: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(PetbenchError, match=said) as refused:
        petbench.run(**{"method": "pix2pix", **asked}, session=session)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "home" / "leaderboard.db").exists()


def test_an_opened_dataset_has_its_split_and_fold_already(session: petbench.Session, dataset: OpenedDataset) -> None:
    with pytest.raises(UsageError, match="open_dataset alone"):
        petbench.run("identity", dataset=dataset, fold=1, session=session)


FAILING = """
from petbench import MethodSpec, StepMethod, StepParameters, hookimpl

def build(parameters):
    import torch
    class Failing(StepMethod):
        def __init__(self, parameters):
            super().__init__(parameters)
            self.network = torch.nn.Conv2d(1, 1, 1)
        def training_step(self, batch):
            raise RuntimeError("no such layer <b>")
        def translate(self, scans):
            return scans.early
    return Failing(parameters)

@hookimpl
def petbench_methods():
    return [MethodSpec(name="failing", summary="fails", build=build, parameters=StepParameters)]
"""


@pytest.mark.slow
def test_a_run_that_fails_raises_what_it_said_with_the_run(
    tmp_path: Path, body_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visible = install_module(tmp_path / "site", "failing_plugin", FAILING)
    for name, value in visible.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(tmp_path / "site")
    with petbench.Session(home=tmp_path / "home", offline=True) as session:
        with pytest.raises(RunEndedError, match=r"is failed .the method's fault.: .*no such layer") as raised:
            petbench.run("failing", dataset=body_dataset, session=session)
        assert "\n" not in str(raised.value)
        run = raised.value.run
        assert run.status == "failed"
        assert "no such layer" in run.log
        assert run.predictions == {}
        with pytest.raises(DataError, match="run 1 is failed and has no predictions"):
            run.figure()
        shown = run._repr_html_()
        assert "<b>" not in shown
        assert "&lt;b&gt;" in shown


@pytest.mark.slow
def test_a_run_can_be_made_by_another_thread(session: petbench.Session, dataset: OpenedDataset) -> None:
    made: list[Run] = []
    thread = threading.Thread(target=lambda: made.append(petbench.run("identity", dataset=dataset, session=session)))
    thread.start()
    thread.join()
    assert [run.status for run in made] == ["ok"]


def test_code_that_was_written_after_it_was_imported_is_refused(tmp_path: Path) -> None:
    registry = load_plugins()
    _, plugin = registry.method("pix2pix")
    newest = max(path.stat().st_mtime for path in _files_of(plugin.module))
    check_fresh("pix2pix", registry, newest)
    with pytest.raises(UsageError, match=r"has changed since Python has imported it.*restart the kernel"):
        check_fresh("pix2pix", registry, newest - 1.0)


def _files_of(module: str) -> list[Path]:
    import importlib.util
    from pathlib import Path

    spec = importlib.util.find_spec(module.partition(":")[0])
    assert spec is not None
    return [path for folder in spec.submodule_search_locations or () for path in Path(folder).glob("*.py")]


@pytest.mark.slow
def test_without_a_session_the_environment_decides_as_for_the_commands(
    ran: Callable[..., Petbench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETBENCH_HOME", str(ran("identity").home))
    assert [run.method for run in petbench.find_runs()] == ["identity"]
    assert petbench.open_run(1).scores.mean("psnr_body_suv20") is not None
    monkeypatch.setenv("PETBENCH_OFFLINE", "perhaps")
    with pytest.raises(UsageError, match="PETBENCH_OFFLINE='perhaps'"):
        petbench.find_runs()


@pytest.mark.slow
def test_a_run_shows_its_texts_as_text_and_its_images(ran: Callable[..., Petbench], session: petbench.Session) -> None:
    ran("identity")
    run = petbench.open_run(1, session=session)
    evil = dataclasses.replace(run.row, error_message="<script>alert(1)</script>", dataset="<i>", device="<u>")
    shown = Run(evil, session)._repr_html_()
    assert not any(tag in shown for tag in ("<script", "<i>", "<u>"))
    assert "&lt;script&gt;" in shown
    mean = run.scores.mean("psnr_body_suv20")
    assert f"<td>{mean:.2f}</td><td>psnr_body_suv20</td>" in shown
    figure = run.figure()
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    titles = {text.get_text() for text in figure.texts}
    assert {"early", "identity", "delayed"} <= titles
    with pytest.raises(UnknownNameError, match="did you mean 'sub-04'"):
        run.figure("sub-4")
    assert os.fspath(run.folder).startswith(str(session.home.folder))


@pytest.mark.slow
def test_the_curves_of_a_training_are_a_figure_and_both_kinds_of_scores_are_there(
    ran: Callable[..., Petbench], session: petbench.Session
) -> None:
    ran(PIX2PIX, "identity")
    run, identity = (petbench.open_run(number, session=session) for number in (1, 2))
    figure = run.training_figure()
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    logged = [event for event in run.training if event["event"] == "step"]
    for line in figure.axes[0].get_lines():
        expected = [event["losses"][line.get_label()] for event in logged]
        assert list(np.asarray(line.get_ydata())) == expected
    assert {line.get_label() for line in figure.axes[0].get_lines()} == set(logged[0]["losses"])
    with pytest.raises(UnknownNameError, match="did you mean 'losses'"):
        run.training_figure("loses")
    with pytest.raises(DataError, match="the log of run 2 has no losses to draw"):
        identity.training_figure()
    assert identity.validation_scores.participants == ("sub-03",)
    assert identity.scores.participants == ("sub-04",)
    assert {each.participant for each in identity.validation_scores} == {"sub-03"}
    assert identity.validation_scores.mean("psnr_body_suv20") == identity.row.validation_score
    assert identity.validation_scores.mean("psnr_body_suv20") != identity.scores.mean("psnr_body_suv20")
    board = petbench.leaderboard(validation=True, session=session)
    rows = {row["method"]: row for row in board.to_dicts()}
    assert rows["identity"]["validation_psnr_body_suv20"] == identity.row.validation_score
    assert "validation_psnr_body_suv20" not in petbench.leaderboard(session=session).to_pandas().columns
