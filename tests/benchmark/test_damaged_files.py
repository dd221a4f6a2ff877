"""One damaged file stops one thing: whatever does not need it goes on, and what needs it names it in one line."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from petbench.cli.main import cli
from petbench.home import Home
from petbench.plans.planner import Place
from petbench.runs.external import score_external
from petbench.runs.folder import RunFolder
from petbench.runs.lookup import folder_of
from petbench.runs.scorer import Scorer
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow  # imports torch to score
METHODS = ("first", "second")


@pytest.fixture(scope="module")
def made(body_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a run of two methods, whose folders hold all that a trained run's do and text can damage."""
    folder = tmp_path_factory.mktemp("made")
    dataset = open_dataset(shutil.copytree(body_dataset, folder / "bodies"))
    home = Home(folder / "home")
    (who,) = load_split(dataset, "holdout").folds[0].test
    with Leaderboard.open(home.folder / "leaderboard.db") as board:
        for factor, method in enumerate(METHODS, start=1):
            pair = dataset.pair(who)
            write_image(folder / method / f"{who}.nii.gz", pair.early * (1 + factor / 10), pair.grid)
            place = Place("bodies", dataset, load_split(dataset, "holdout"), 0)
            scorer = Scorer(cache=home.cache, offline=True)
            row = score_external(place, folder / method, method, home=home, leaderboard=board, scorer=scorer)
            losses = folder_of(row, home).losses
            losses.parent.mkdir()
            losses.write_text('{"event": "step", "images": 8, "losses": {"mae": 0.5}}\n' * 5)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "home", tmp_path / "home")


def _folder(home: Path, method: str) -> RunFolder:
    (path,) = (home / "runs").glob(f"{method}-*")
    return RunFolder(path)


def _say(home: Path, *arguments: str | Path) -> Result:
    runner = CliRunner(env={"PETBENCH_HOME": str(home), "PETBENCH_DB": "", "PETBENCH_OFFLINE": "1"})
    result = runner.invoke(cli, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(500))


def _nested(path: Path) -> None:
    path.write_text("[" * 100_000)


def _a_list(path: Path) -> None:
    path.write_text("[1, 2, 3]")


def _huge(path: Path) -> None:
    path.write_text('{"event": "step", "images": 1' + "0" * 400 + ', "losses": {"mae": 0.5, "a": [1]}}\n' * 2)


def _remove(path: Path) -> None:
    path.unlink()


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = (_truncate, _flip, _empty, _noise, _nested, _a_list, _huge, _remove, _folder_instead)
FILES = (("predictions/sub-04.nii.gz",), ("plan.json",), ("training/log.jsonl", "run.log"))
"""What is damaged at once: the two logs stop nothing, each by itself or together."""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
@pytest.mark.parametrize("files", FILES, ids="+".join)
def test_a_damaged_file_stops_one_thing(
    files: tuple[str, ...], damage: Callable[[Path], None], home: Path, tmp_path: Path
) -> None:
    for file in files:
        damage(_folder(home, "first").path / file)
    prediction, plan = files[0].startswith("predictions"), files == ("plan.json",)
    breaks = prediction or (plan and damage is not _flip)  # a letter of a plan may well be changed unseen

    report = _say(home, "report", "-o", tmp_path / "site")
    assert report.exit_code == 0, report.output
    assert len(list((tmp_path / "site" / "runs").iterdir())) == 2
    (viewer,) = (tmp_path / "site" / "participants").rglob("*.html")
    assert "second" in viewer.read_text()
    if breaks:
        assert _folder(home, "first").path.name in report.stderr or "run 1" in report.stderr

    again = _say(home, "score", "--runs", "all")
    assert ("scored 1 run again" if breaks else "scored 2 runs again") in again.stdout or (plan and damage is _flip)
    assert "run 2" not in again.stderr

    for run_id, fine in (("1", not breaks), ("2", True)):
        output = tmp_path / f"{run_id}.petbench.zip"
        submitted = _say(home, "submit", run_id, "-o", output)
        if not (plan and damage is _flip and run_id == "1"):
            assert (submitted.exit_code == 0, output.exists()) == (fine, fine), submitted.output
            assert fine or len(submitted.stderr.strip().splitlines()) == 1

    assert "second" in _say(home, "leaderboard").stdout
    assert "second" in _say(home, "runs", "list").stdout
    _say(home, "runs", "log", "1")


def test_a_damaged_image_of_one_participant_leaves_the_report_standing(made: Path, home: Path, tmp_path: Path) -> None:
    image = next((made / "bodies" / "sub-04" / "pet").glob("*.nii.gz"))
    kept = image.read_bytes()
    try:
        _truncate(image)
        report = _say(home, "report", "-o", tmp_path / "site")
    finally:
        image.write_bytes(kept)
    assert report.exit_code == 0, report.output
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_prediction_of_another_shape_is_named_and_left_out_of_the_pictures(home: Path, tmp_path: Path) -> None:
    path = _folder(home, "first").prediction("sub-04")
    volume, grid = read_image(_folder(home, "second").prediction("sub-04"))
    fewer = type(grid)((grid.shape[0] - 1, *grid.shape[1:]), grid.affine)
    write_image(path, volume[:-1], fewer)
    report = _say(home, "report", "-o", tmp_path / "site")
    assert report.exit_code == 0, report.output
    assert f"no picture of it: {path}" in report.stderr
