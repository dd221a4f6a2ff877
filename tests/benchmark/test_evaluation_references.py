"""The rows that the harness makes itself: the repeat scan and the privileged organ factors, on a dataset on disk."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from petbench.cli.leaderboard import print_table
from petbench.cli.main import cli
from petbench.home import Home
from petbench.plans.planner import Place
from petbench.runs.external import enter_predictions
from petbench.runs.references import organ_factors, score_reference, write_organ_scale, write_repeat_scan
from petbench.runs.scorer import Scorer
from petbench_datasets.dataset.reader import Dataset, open_dataset
from petbench_datasets.dataset.split import Fold, load_split
from petbench_datasets.errors import DataError
from petbench_datasets.images.nifti import read_image
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.command import Petbench

BRAIN, LIVER, SPLEEN = 7, 3, 9
NAMES = {BRAIN: "brain", LIVER: "liver", SPLEEN: "spleen"}
TRAINING, TEST = ("sub-01", "sub-02"), "sub-04"


def boxes() -> dict[int, tuple[slice, slice, slice]]:
    """Return where the organs lie in every participant, (z, y, x)."""
    return {
        BRAIN: (slice(17, 20), slice(12, 20), slice(12, 20)),
        LIVER: (slice(8, 12), slice(12, 20), slice(8, 14)),
        SPLEEN: (slice(8, 12), slice(12, 20), slice(20, 24)),
    }


@pytest.fixture
def labelled(tmp_path: Path, body_dataset: Path) -> Dataset:
    """Give a dataset with organ labels, and a spleen that no training participant has."""
    root = shutil.copytree(body_dataset, tmp_path / "labelled")
    plain = open_dataset(root)
    beside = root / "derivatives" / "labels"
    for name in plain.participants:
        again, grid = plain.delayed(name)
        labels = np.zeros(grid.shape, dtype=np.float32)
        for index, box in boxes().items():
            if index != SPLEEN or name == TEST:
                labels[box] = index
        write_image(beside / name / "anat" / f"{name}_desc-organs_dseg.nii.gz", labels, grid)
        write_image(beside / name / "pet" / f"{name}_rec-delayed_desc-repeat_pet.nii.gz", again * np.float32(1.1), grid)
        sidecar = beside / name / "pet" / f"{name}_rec-delayed_desc-repeat_pet.json"
        sidecar.write_text('{"Units": "SUV", "FrameTimesStart": [0], "FrameDuration": [60]}', encoding="utf-8")
    table = "index\tname\n" + "".join(f"{index}\t{name}\n" for index, name in NAMES.items())
    (beside / "desc-organs_dseg.tsv").write_text(table, encoding="utf-8")
    (beside / "dataset_description.json").write_text('{"Name": "labels", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    return open_dataset(root)


def fold_of(dataset: Dataset) -> Fold:
    return load_split(dataset).folds[0]


def least_squares(dataset: Dataset, where: tuple[slice, slice, slice]) -> float:
    """Return the factor of the training participants' voxels in a box, by numpy's own least squares."""
    pairs = [dataset.pair(name) for name in TRAINING]
    early = np.concatenate([pair.early[where].ravel() for pair in pairs]).astype(float)
    delayed = np.concatenate([pair.delayed[where].ravel() for pair in pairs]).astype(float)
    return float(np.linalg.lstsq(early[:, None], delayed, rcond=None)[0][0])


def test_every_organ_has_the_factor_of_least_squares_over_the_training_participants(labelled: Dataset) -> None:
    factors = organ_factors(labelled, fold_of(labelled))
    assert factors["brain"] == pytest.approx(least_squares(labelled, boxes()[BRAIN]), rel=1e-6)
    assert factors["liver"] == pytest.approx(least_squares(labelled, boxes()[LIVER]), rel=1e-6)
    assert factors["brain"] > 1.5 > 1.0 > factors["liver"]


def test_no_factor_changes_with_the_images_of_those_who_are_not_trained_on(labelled: Dataset) -> None:
    before = organ_factors(labelled, fold_of(labelled))
    for name in ("sub-03", TEST):
        (path,) = (labelled.root / name / "pet").glob("*rec-delayed_pet.nii.gz")
        volume, grid = read_image(path)
        write_image(path, volume * np.float32(5.0), grid)
    assert organ_factors(open_dataset(labelled.root), fold_of(labelled)) == before


def test_organ_scale_multiplies_each_organ_of_the_test_participant_and_an_unknown_one_like_the_rest(
    tmp_path: Path, labelled: Dataset
) -> None:
    factors = organ_factors(labelled, fold_of(labelled))
    write_organ_scale(labelled, fold_of(labelled), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{TEST}.nii.gz"]
    predicted, _ = read_image(tmp_path / "out" / f"{TEST}.nii.gz")
    early, _ = labelled.early(TEST)
    for index, box in boxes().items():
        expected = factors.get(NAMES[index], factors["rest of the body"])
        inside = labelled.body_mask(TEST)[box] | (index != SPLEEN)
        np.testing.assert_allclose(predicted[box][inside], expected * early[box][inside], rtol=1e-6)


def test_the_repeat_scan_is_the_second_realisation_in_suv(tmp_path: Path, labelled: Dataset) -> None:
    write_repeat_scan(labelled, fold_of(labelled), tmp_path / "out")
    predicted, _ = read_image(tmp_path / "out" / f"{TEST}.nii.gz")
    np.testing.assert_allclose(predicted, labelled.delayed(TEST)[0] * 1.1, rtol=1e-5)


@pytest.fixture
def store() -> Iterator[Leaderboard]:
    with Leaderboard.open("sqlite://") as opened:
        yield opened


def test_both_are_marked_rows_without_a_rank_and_neither_is_one_on_the_scale_of_normalized_scores(
    tmp_path: Path, labelled: Dataset, store: Leaderboard, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "home")
    early, grid = labelled.early(TEST)
    write_image(tmp_path / "theirs" / f"{TEST}.nii.gz", early, grid)
    place, scorer = Place("labelled", labelled, load_split(labelled)), Scorer(cache=home.cache, offline=True)
    entered = enter_predictions(
        place, tmp_path / "theirs", "identity", home=home, leaderboard=store, scorer=scorer, role="reference"
    )
    own = replace(entered, uid="own", plugin="baselines", distribution="petbench")  # as a run of the method is
    store.merge_run(own, store.scores([entered.id]), [])
    store.delete(entered.id)
    for name in ("repeat-scan", "organ-scale"):
        score_reference(place, name, home=home, leaderboard=store, scorer=scorer)
    (board,) = rank(store)
    assert {row.run.method: (row.rank, row.role) for row in board.rows} == {
        "identity": (None, "reference"),
        "organ-scale": (None, "privileged"),
        "repeat-scan": (None, "repeat-scan"),
    }
    assert {row.run.supervision for row in board.rows if row.run.method != "identity"} == {"external"}
    assert board.ranked_by is not None
    cells = [row.cells[board.ranked_by] for row in board.rows]
    assert {cell.normalized_score for cell in cells} == {None}
    assert {cell.normalized_score_reason for cell in cells} == {"the dataset has no truth"}
    assert all(cell.gain is not None for cell in cells)
    print_table(store, dataset=None, split=None)
    assert "privileged" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command_enters_the_privileged_reference(petbench: Petbench, labelled: Dataset) -> None:
    shown = petbench("score", "--reference", "organ-scale", "--dataset", labelled.root).stdout
    assert "organ-scale" in shown
    assert "no identity" in shown


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("repeat-scan", "no repeat scan"), ("organ-scale", "organ labels"), ("predictable", "no truth of sub-01")],
)
def test_a_dataset_that_lacks_what_a_reference_is_made_of_says_so_in_one_line(
    tmp_path: Path, body_dataset: Path, monkeypatch: pytest.MonkeyPatch, name: str, lacking: str
) -> None:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(cli, ["score", "--reference", name, "--dataset", str(body_dataset)])
    assert result.exit_code == 1
    (said,) = (line for line in result.stderr.splitlines() if not line.endswith(": done"))
    assert lacking in said
    with Leaderboard.open(tmp_path / "home" / "leaderboard.db") as store:
        assert store.runs() == []


def test_a_training_participant_without_labels_is_named(labelled: Dataset) -> None:
    for path in labelled.root.rglob("sub-02_desc-organs_dseg.nii.gz"):
        path.unlink()
    with pytest.raises(DataError, match="no organ labels of sub-02"):
        organ_factors(labelled, fold_of(labelled))
