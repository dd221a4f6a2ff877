"""A submission from `petbench submit` to an accepted row: hashes, identity, split, grids and scores are checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from petbench.cli.main import PetbenchGroup
from petbench.cli.submit import submit
from petbench.cli.verify import accept, verify
from petbench.submissions import compare, strict_json
from petbench.submissions.limits import SubmissionError
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.transfer import merge

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from tests.benchmark.made_runs import MadeRuns

COMMAND = PetbenchGroup("petbench", commands={"submit": submit, "verify": verify, "accept": accept})


def invoke(home: Path, *arguments: str | Path) -> Result:
    environment = {"PETBENCH_HOME": str(home), "PETBENCH_OFFLINE": "1"}
    return CliRunner(env=environment).invoke(COMMAND, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def author(made_runs: MadeRuns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who ran `ridge` once."""
    return made_runs.copy(tmp_path_factory.mktemp("author") / "home", "ridge").home


@pytest.fixture
def submitted(author: Path, tmp_path: Path) -> Path:
    """A submission of that run."""
    path = tmp_path / "mine.petbench.zip"
    result = invoke(author, "submit", "1", "-o", path)
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.slow
def test_a_submission_goes_from_the_author_to_an_accepted_row(
    author: Path, body_dataset: Path, submitted: Path, tmp_path: Path
) -> None:
    names = set(zipfile.ZipFile(submitted).namelist())
    assert names == {"manifest.json"} | {
        f"runs/0/{name}"
        for name in (
            "plan.json",
            "run.json",
            "environment.txt",
            "scores.json",
            "run.log",
            "log.jsonl",
            "predictions/sub-04.nii.gz",
        )
    }
    manifest = json.loads(zipfile.ZipFile(submitted).read("manifest.json"))
    for name, facts in manifest["files"].items():
        assert facts["sha256"] == hashlib.sha256(zipfile.ZipFile(submitted).read(name)).hexdigest()
    assert str(tmp_path) not in "".join(
        zipfile.ZipFile(submitted).read(name).decode() for name in names if not name.endswith(".gz")
    )

    organizer = tmp_path / "organizer"
    checked = json.loads(invoke(organizer, "verify", submitted, "-d", body_dataset, "--json").stdout)
    (run,) = checked["runs"]
    assert run["agreeing"] > 10
    with Leaderboard.open(organizer / "leaderboard.db") as theirs:
        assert not theirs.runs()  # looked at, not stored

    accepted = invoke(organizer, "accept", submitted, "-d", body_dataset)
    assert accepted.exit_code == 0, accepted.output
    with Leaderboard.open(author / "leaderboard.db") as mine, Leaderboard.open(organizer / "leaderboard.db") as theirs:
        (sent,), (row,) = mine.runs(), theirs.runs()
        reported, rescored = mine.scores([sent.id]), theirs.scores([row.id])
    assert (row.verification, row.status, row.identity) == ("rescored", "ok", sent.identity)
    assert row.environment == sent.environment
    assert row.validation_score == sent.validation_score is not None
    assert row.validation_convention == sent.validation_convention is not None
    assert row.machine["submission"]["sha256"] == checked["sha256"]  # type: ignore[index]
    values = {(score.metric, score.region): score.value for score in rescored}
    assert values == {(score.metric, score.region): score.value for score in reported}
    (kept,) = (organizer / "runs").glob("*/predictions/*.nii.gz")
    assert kept.read_bytes() == zipfile.ZipFile(submitted).read("runs/0/predictions/sub-04.nii.gz")

    again = invoke(organizer, "accept", submitted, "-d", body_dataset)
    assert "here already" in again.stderr
    with Leaderboard.open(organizer / "leaderboard.db") as theirs:
        assert len(theirs.runs()) == 1


@pytest.mark.slow
def test_the_same_run_makes_the_same_submission_and_an_existing_file_is_kept(
    author: Path, submitted: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.petbench.zip"
    invoke(author, "submit", "1", "-o", other)
    assert other.read_bytes() == submitted.read_bytes()
    refused = invoke(author, "submit", "1", "-o", other)
    assert refused.exit_code == 2
    assert "--force" in refused.output


@pytest.mark.slow
def test_weights_go_along_only_when_asked_for(author: Path, submitted: Path, tmp_path: Path) -> None:
    heavy = tmp_path / "heavy.petbench.zip"
    invoke(author, "submit", "1", "-o", heavy, "--weights")
    assert "runs/0/weights.pt" in zipfile.ZipFile(heavy).namelist()
    assert "runs/0/weights.pt" not in zipfile.ZipFile(submitted).namelist()


@pytest.mark.slow
def test_a_run_that_did_not_end_well_or_is_not_there_cannot_be_submitted(author: Path, tmp_path: Path) -> None:
    home = shutil.copytree(author, tmp_path / "home")
    with Leaderboard.open(home / "leaderboard.db") as board:
        board.update(1, status="failed")
    for run_id in ("1", "7"):
        output = tmp_path / f"none-{run_id}.petbench.zip"
        result = invoke(home, "submit", run_id, "-o", output)
        assert result.exit_code != 0
        assert not output.exists()


@pytest.mark.slow
def test_a_organizer_with_other_images_or_another_split_refuses(
    body_dataset: Path, submitted: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other-split"
    shutil.copytree(body_dataset, other)
    fold = Fold(("sub-01",), ("sub-02",), ("sub-03", "sub-04"))
    write_split(other, Split("holdout", open_dataset(other).fingerprint, (fold,)))
    result = invoke(tmp_path / "organizer", "verify", submitted, "-d", other)
    assert result.exit_code == 1
    assert "its split 'holdout', fold 0, is not that of other-split" in result.stderr

    missing = tmp_path / "fewer"
    shutil.copytree(body_dataset, missing)
    for path in sorted((missing / "sub-01").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (missing / "sub-01").rmdir()
    table = (missing / "participants.tsv").read_text(encoding="utf-8").splitlines()
    (missing / "participants.tsv").write_text(
        "\n".join(line for line in table if not line.startswith("sub-01")) + "\n", encoding="utf-8"
    )
    result = invoke(tmp_path / "organizer", "verify", submitted, "-d", missing)
    assert result.exit_code == 1
    assert "made with other images" in result.stderr


@pytest.mark.slow
def test_a_dataset_that_is_not_installed_must_be_named_by_the_organizer(submitted: Path, tmp_path: Path) -> None:
    result = invoke(tmp_path / "organizer", "verify", submitted)
    assert result.exit_code == 1
    assert "give yours with --dataset" in result.stderr


SCORE = ScoreRecord(
    participant="sub-04",
    region="body",
    metric="psnr_body_suv20",
    convention_id="psnr/body/suv20@1",
    value=30.0,
    unit="dB",
    higher_is_better=True,
)


@pytest.mark.parametrize(
    ("reported", "agrees"), [(30.0, True), (30.0002, True), (30.001, False), (30.1, False), (29.9, False)]
)
def test_a_tenth_of_a_decibel_is_no_rounding(reported: float, agrees: bool) -> None:
    result = compare.compare([dataclasses.replace(SCORE, value=reported)], [SCORE])
    assert (result.agreeing, len(result.differing)) == ((1, 0) if agrees else (0, 1))


def test_scores_that_only_one_side_has_are_named_and_never_taken_over() -> None:
    empty = dataclasses.replace(SCORE, value=None, reason="no weights")
    own = dataclasses.replace(SCORE, metric="my_metric")
    result = compare.compare([SCORE, own], [empty])
    assert (result.agreeing, result.differing) == (0, ())
    assert result.only_self_reported == ("psnr_body_suv20", "my_metric")
    assert compare.compare([empty], [SCORE]).only_rescored == 1


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'"\\u001b[31m"',
        b"\xff",
        b'{"a": 1e999999999999999999',
    ],
)
def test_json_that_is_not_plain_is_refused(content: bytes) -> None:
    with pytest.raises(SubmissionError, match=r"runs/0/plan\.json"):
        strict_json.parse(content, "runs/0/plan.json")


@pytest.mark.slow
def test_one_run_makes_one_row_whether_it_was_merged_unverified_before_or_after_it_was_accepted(
    author: Path, body_dataset: Path, submitted: Path, tmp_path: Path
) -> None:
    with Leaderboard.open(f"sqlite:///{tmp_path / 'leaderboard.db'}") as organizer:
        merge(organizer, author / "leaderboard.db", trusted=False)
    for known in (False, True):
        accepted = invoke(tmp_path, "accept", submitted, "-d", body_dataset, "--json")
        assert json.loads(accepted.stdout)[0]["known"] is known
    with Leaderboard.open(f"sqlite:///{tmp_path / 'leaderboard.db'}") as organizer:
        assert [row.verification for row in organizer.runs()] == ["rescored"]
        assert merge(organizer, author / "leaderboard.db", trusted=False).new == 0
        assert [row.verification for row in organizer.runs()] == ["rescored"]
