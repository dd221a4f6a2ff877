"""A dataset whose delayed test images only the organizer has: others train and draw, she scores."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.command import Petbench

from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, load_split, write_split
from petbench_datasets.dataset.withheld import MANIFEST_NAME
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.without_targets import export_without_targets

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "sub-04"


@pytest.fixture
def copy(body_dataset: Path, tmp_path: Path) -> Path:
    """Return a copy of the dataset without the delayed image of its test participant."""
    export_without_targets(open_dataset(body_dataset), "holdout", tmp_path / "copy")
    return tmp_path / "copy"


def test_the_copy_lacks_the_delayed_test_images_and_nothing_else(body_dataset: Path, copy: Path) -> None:
    lacking = {path.relative_to(body_dataset) for path in body_dataset.rglob("*") if path.is_file()} - {
        path.relative_to(copy) for path in copy.rglob("*") if path.is_file()
    }
    lacking = {path for path in lacking if not path.name.startswith(".")}
    assert {path.name for path in lacking} == {
        f"{HIDDEN}_trc-18FFDG_rec-delayed_pet.nii.gz",
        f"{HIDDEN}_trc-18FFDG_rec-delayed_pet.json",
    }
    secret = open_dataset(body_dataset).pair(HIDDEN).delayed
    for path in copy.rglob("*"):
        assert not path.is_file() or secret.tobytes()[1000:1100] not in path.read_bytes()


def test_nothing_but_the_sidecars_of_the_early_image_is_copied_of_a_test_participant(
    body_dataset: Path, tmp_path: Path
) -> None:
    root = tmp_path / "dataset"
    shutil.copytree(body_dataset, root)
    folder = root / HIDDEN / "pet"
    facts: dict[str, object] = {}
    for window in ("early", "delayed"):  # what both sidecars say is said once, in a sidecar beside the images
        path = folder / f"{HIDDEN}_trc-18FFDG_rec-{window}_pet.json"
        own = json.loads(path.read_text(encoding="utf-8"))
        facts = {key: own.pop(key) for key in list(own) if key not in ("FrameTimesStart", "FrameDuration")}
        path.write_text(json.dumps(own), encoding="utf-8")
    (folder / f"{HIDDEN}_pet.json").write_text(json.dumps(facts), encoding="utf-8")
    lesions = root / "derivatives" / "read" / "lesions.tsv"
    lesions.parent.mkdir(parents=True)
    for path in (root / HIDDEN / "lesions.json", root / "lesions.json", lesions):
        path.write_text('{"late SUV": 11.5}', encoding="utf-8")
    full = open_dataset(root)
    export_without_targets(full, "holdout", tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy" / HIDDEN)) for path in (tmp_path / "copy" / HIDDEN).rglob("*.*")}
    stem = f"{HIDDEN}_trc-18FFDG_rec-early_pet"
    assert copied == {f"pet/{stem}.nii.gz", f"pet/{stem}.json", f"pet/{HIDDEN}_pet.json"}
    assert not list((tmp_path / "copy").rglob("lesions.*"))
    assert np.array_equal(open_dataset(tmp_path / "copy").early(HIDDEN)[0], full.early(HIDDEN)[0])


@pytest.mark.slow
def test_columns_of_the_organizer_s_own_stay_with_her(body_dataset: Path, tmp_path: Path, petbench: Petbench) -> None:
    root = tmp_path / "dataset"
    shutil.copytree(body_dataset, root)
    header, *rows = (root / "participants.tsv").read_text(encoding="utf-8").splitlines()
    header = header.replace("body_weight", "Weight_kg")
    text = "\n".join([f"{header}\tsite\tlate_suv", *(f"{row}\tnorth\t11.5" for row in rows)])
    (root / "participants.tsv").write_text(text + "\n", encoding="utf-8")
    result = petbench("datasets", "export", str(root), "--without-test-targets", "--out", str(tmp_path / "copy"))
    assert "columns of participants.tsv that were left out: late_suv" in result.stdout
    assert open_dataset(tmp_path / "copy").withheld == {HIDDEN}
    copied = (tmp_path / "copy" / "participants.tsv").read_text(encoding="utf-8")
    assert "north" in copied
    assert "11.5" not in copied


@pytest.mark.slow
def test_the_copy_is_described_and_drawn(copy: Path, tmp_path: Path, petbench: Petbench) -> None:
    result = petbench("datasets", "info", str(copy), "--json", "--sheet", str(tmp_path / "sheet.png"))
    people = {person["name"]: person for person in json.loads(result.stdout)["participants"]}
    assert people[HIDDEN]["delayed"] is None
    assert people[HIDDEN]["early"]["suv_maximum"] > 0
    assert people["sub-01"]["delayed"]["suv_maximum"] > 0
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    assert "withheld by" in petbench("datasets", "info", str(copy)).stdout


def test_the_copy_is_checked_for_what_it_should_hold(copy: Path) -> None:
    assert [problem for problem in check_dataset(copy) if problem.severity == "error"] == []
    stem = f"{HIDDEN}_trc-18FFDG_rec-early_pet.nii.gz"
    shutil.copyfile(copy / "sub-01" / "pet" / stem.replace(HIDDEN, "sub-01"), copy / HIDDEN / "pet" / stem)
    (problem,) = (problem for problem in check_dataset(copy) if problem.severity == "error")
    assert "not the one that was exported" in problem.message


def test_a_copy_is_not_copied_again(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks delayed images itself"):
        export_without_targets(open_dataset(copy), "holdout", tmp_path / "again")


def test_the_copy_has_fingerprint_and_split_of_the_full_dataset(body_dataset: Path, copy: Path) -> None:
    full, part = open_dataset(body_dataset), open_dataset(copy)
    assert part.withheld == {HIDDEN}
    assert part.fingerprint == full.fingerprint
    assert load_split(part, "holdout").digest == load_split(full, "holdout").digest
    assert np.array_equal(part.early(HIDDEN)[0], full.early(HIDDEN)[0])
    assert np.array_equal(part.pair("sub-01").delayed, full.pair("sub-01").delayed)
    assert open_dataset(copy).fingerprint == full.fingerprint  # once more, from the cached digests
    for read in (part.pair, part.delayed, part.body_mask):
        with pytest.raises(DataError, match=f"delayed image of {HIDDEN} is withheld"):
            read(HIDDEN)


@pytest.mark.slow
def test_a_row_without_targets_becomes_the_organizers_row_with_scores(
    body_dataset: Path, tmp_path: Path, petbench: Petbench
) -> None:
    author, organizer = Petbench(tmp_path / "author"), petbench
    copy, submission = tmp_path / "copy", tmp_path / "scale.petbench.zip"
    said = organizer("datasets", "export", body_dataset, "-o", copy, "--without-test-targets").stdout
    assert f"without the delayed images of {HIDDEN}" in said

    run = author("run", "-m", "scale", "-d", copy)
    assert "unscored: the organizer of the dataset has the test targets" in run.stderr
    (row,) = author.json("runs", "list")
    assert row["status"] == "ok"
    assert author.json("runs", "show", "1")["scores"] == []
    author("submit", "1", "-o", submission)
    assert "withheld" in author("verify", submission, "-d", copy, code=1).stderr

    checked = organizer("verify", submission, "-d", body_dataset).stdout
    assert "reports no scores: made where the test targets are withheld" in checked
    (accepted,) = json.loads(organizer("leaderboard", "accept", submission, "-d", body_dataset, "--json").stdout)
    theirs = organizer.json("runs", "show", str(accepted["run"]))
    assert (theirs["verification"], theirs["identity"]) == ("rescored", row["identity"])
    again = organizer("leaderboard", "accept", submission, "-d", body_dataset, "--reproduce", "--json").stdout
    differences = {each["metric"]: each["difference"] for each in json.loads(again)[0]["differences"]}
    assert differences["psnr_body_suv20"] == 0.0
    own = json.loads(organizer("run", "-m", "scale", "-d", body_dataset, "--force", "--json").stdout)
    assert own["identity"] == row["identity"]
    scores = [{(score["metric"], score["region"]): score["value"] for score in run["scores"]} for run in (theirs, own)]
    assert scores[0] == scores[1]
    assert len(scores[0]) > 10

    (copy / MANIFEST_NAME).unlink()  # the organizer publishes the targets: the author scores the run that she has
    for path in (body_dataset / HIDDEN / "pet").glob("*delayed*"):
        shutil.copyfile(path, copy / HIDDEN / "pet" / path.name)
    author("score", "--runs", "1")
    now = author.json("runs", "show", "1")
    assert now["error_message"] is None
    assert len(now["scores"]) > 10


@pytest.mark.parametrize("change", ["manifest", "early", "delayed"])
def test_a_copy_that_was_changed_is_refused(change: str, body_dataset: Path, copy: Path) -> None:
    folder = copy / HIDDEN / "pet"
    if change == "manifest":
        text = (copy / MANIFEST_NAME).read_text(encoding="utf-8")
        (copy / MANIFEST_NAME).write_text(text.replace('"content": "', '"content": "0', 1), encoding="utf-8")
    elif change == "early":
        other = copy / "sub-01" / "pet" / "sub-01_trc-18FFDG_rec-early_pet.nii.gz"
        shutil.copyfile(other, folder / f"{HIDDEN}_trc-18FFDG_rec-early_pet.nii.gz")
    else:
        for path in (body_dataset / HIDDEN / "pet").glob("*delayed*"):
            shutil.copyfile(path, folder / path.name)
    expected = {"manifest": "not what was exported", "early": "not the one that was exported", "delayed": "and there"}
    with pytest.raises(DataError, match=expected[change]):
        open_dataset(copy)


def test_nothing_is_exported_where_everybody_is_learnt_from_and_tested(body_dataset: Path, tmp_path: Path) -> None:
    root = tmp_path / "dataset"
    shutil.copytree(body_dataset, root)
    dataset = open_dataset(root)
    names = dataset.participants
    folds = (Fold(names[:2], (), names[2:]), Fold(names[2:], (), names[:2]))
    write_split(root, Split("halves", dataset.fingerprint, folds))
    with pytest.raises(DataError, match="tested in one fold of 'halves' and learnt from in another"):
        export_without_targets(dataset, "halves", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
