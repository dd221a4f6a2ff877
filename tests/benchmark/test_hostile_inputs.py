"""Submissions and rows that once did harm: each ends right, moves no row of one's own and breaks no output."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests import hostile_inputs
from tests.benchmark import stranger
from tests.benchmark.conftest import write_body_dataset

from petbench.cli.main import cli
from petbench.plans.run_plan import identity_of
from petbench.submissions import limits
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard.exports import to_json
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # imports torch to score
TEST = ("sub-04", "sub-05", "sub-06")

OF_THE_BOARD = (
    "rank", "rank_low", "rank_high", "tested_rank", "rows_of_method", "best_mean_of_method", "chosen_by",
)  # fmt: skip
"""What others may take or share: a place, and how many rows bear a name."""

SUBMISSIONS = {
    "poison-own-row": "",
    "hijack-external-row": "",
    "rich-markup-preset": "",
    "identity-bundle": "identity is what every gain is over",
    "truth-as-prediction": "its prediction of sub-04 is the real delayed image",
    "replay-seed1": "has the voxels of run 3, unet seed 0, which is here already",
    "inf-in-params": "Infinity is no number",
    "weird-precision": "'precision'",
    "year1-offset": "a time in the year 1",
    "prediction-degenerate-affine": "its voxels measure 1e+30 x 12 x 20 mm",
}
"""What is said of each; nothing where it is accepted, as a row of its own."""

IMPORTS = {
    "identity-zero": "",
    "winner": "",
    "value-inf": "Infinity is no number",
    "value-1e999": "larger than any number that is stored",
    "extra-none": "'0.extra'",
    "extra-list": "'0.extra'",
    "protocol-text": "'protocol'",
    "parameters-list": "'parameters'",
    "test-int": "'test_participants.0'",
    "split-nested": "'split_participants.0'",
    "method-surrogate": "the hidden or control character",
    "deep": "nested too deep",
    "seed-big": "an integer of more than 64 bits",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_inputs.unpack(tmp_path_factory.mktemp("hostile"))


@dataclass(frozen=True)
class Organizer:
    """Somebody with a dataset, and rows of her own: what the hostile inputs were made against."""

    dataset: Path
    home: Path

    def say(self, *arguments: str | Path) -> Result:
        environment = {"PETBENCH_HOME": str(self.home), "PETBENCH_DB": "", "PETBENCH_OFFLINE": "1"}
        result = CliRunner(env=environment).invoke(cli, [str(each) for each in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def own_rows(self) -> list[dict[str, Any]]:
        """Return the rows of her own with every number that is put out, but those of the whole board."""
        with Leaderboard.open(self.home / "leaderboard.db") as board:
            rows = [row for found in json.loads(to_json(rank(board))) for row in found["rows"]]
        return [{**row, **dict.fromkeys(OF_THE_BOARD)} for row in rows if row["verification"] == "own"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Organizer:
    folder = tmp_path_factory.mktemp("organizer")
    root = write_body_dataset(folder / "bodies", 6)
    dataset = open_dataset(root)
    assert dataset.fingerprint.startswith("2de194ee74ed")
    fold = Fold(("sub-01", "sub-02"), ("sub-03",), TEST)
    write_split(root, Split("holdout", dataset.fingerprint, (fold,)))
    with Leaderboard.open(folder / "home" / "leaderboard.db") as board:
        for factor, name in ((1.1, "unet"), (0.9, "rival-lab")):
            for who in TEST:
                pair = dataset.pair(who)
                write_image(folder / name / f"{who}.nii.gz", (pair.early * factor).astype(np.float32), pair.grid)
            stranger.enter(root, folder / "home", board, folder / name, name)
    return Organizer(root, folder / "home")


@pytest.fixture
def organizer(made: Organizer, tmp_path: Path) -> Organizer:
    return Organizer(made.dataset, shutil.copytree(made.home, tmp_path / "home"))


def today(path: Path, to: Path, **changes: object) -> Path:
    """Write a submission of petbench 0.1.0 in today's words, so that it is not refused for these alone."""
    files = stranger.files_of(path)
    manifest = json.loads(files["manifest.json"]) | {"format": limits.FORMAT, "schema": limits.SCHEMA}
    plan = json.loads(files["runs/0/plan.json"])
    plan |= {"role": "competitor", "changed_parameters": {}, "has_truth": False, "sampling": "", "protocol": 2}
    plan |= {"supervision": plan["supervision"].replace("none", "no-target")} | changes
    run = json.loads(files["runs/0/run.json"]) | {"identity": identity_of(plan)}
    run |= dict.fromkeys(("validation_metric", "validation_convention", "validation_score"))
    new = {"manifest": manifest, "runs/0/plan": plan, "runs/0/run": run}
    return stranger.write(to, files | {f"{name}.json": json.dumps(value).encode() for name, value in new.items()})


def check_outputs(organizer: Organizer, folder: Path) -> None:
    """Make sure that every output carries what is stored."""
    json.loads(organizer.say("leaderboard", "--json").stdout)
    for row in json.loads(organizer.say("runs", "list", "--json").stdout):
        json.loads(organizer.say("runs", "show", str(row["id"]), "--json").stdout)
        assert organizer.say("runs", "show", str(row["id"])).exit_code == 0
    for verb in (["leaderboard"], ["runs", "list"], ["leaderboard", "export", folder / "all.jsonl"]):
        assert organizer.say(*verb).exit_code == 0
    assert organizer.say("report", "-o", folder / "site").exit_code == 0


def test_every_one_of_them_is_tried() -> None:
    mine = {f"{name}.petbench.zip" for name in SUBMISSIONS} | {f"import-{name}.jsonl" for name in IMPORTS}
    others = {name for name in hostile_inputs.names() if name.startswith(("nii-", "dicom-"))}
    assert mine | others == set(hostile_inputs.names())


@pytest.mark.parametrize(("name", "words"), SUBMISSIONS.items(), ids=list(SUBMISSIONS))
def test_a_submission_that_did_harm_is_refused_in_one_line_or_is_a_row_of_its_own(
    name: str, words: str, organizer: Organizer, inputs: Path, tmp_path: Path
) -> None:
    path = today(inputs / f"{name}.petbench.zip", tmp_path / "theirs.petbench.zip")
    if name == "replay-seed1":
        first = today(inputs / f"{name}.petbench.zip", tmp_path / "first.petbench.zip", seed=0)
        assert organizer.say("leaderboard", "accept", first, "-d", organizer.dataset).exit_code == 0
    before, count = organizer.own_rows(), len(json.loads(organizer.say("runs", "list", "--json").stdout))
    result = organizer.say("leaderboard", "accept", path, "-d", organizer.dataset)
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert (result.exit_code, len(lines)) == ((1, 1) if words else (0, 0)), result.output
    assert all(words in line for line in lines), lines
    rows = json.loads(organizer.say("runs", "list", "--json").stdout)
    assert [row["verification"] for row in rows[: len(rows) - count]] == ([] if words else ["rescored"])
    assert organizer.own_rows() == before
    if not words:
        check_outputs(organizer, tmp_path)


@pytest.mark.parametrize(("name", "words"), IMPORTS.items(), ids=list(IMPORTS))
def test_rows_that_did_harm_are_refused_in_one_line_or_said_to_be_self_reported(
    name: str, words: str, organizer: Organizer, inputs: Path, tmp_path: Path
) -> None:
    before = organizer.own_rows()
    result = organizer.say("leaderboard", "import", inputs / f"import-{name}.jsonl")
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert (result.exit_code, len(lines)) == ((1, 1) if words else (0, 0)), result.output
    assert all(words in line and ", line 2, is broken" in line for line in lines), lines
    rows = json.loads(organizer.say("runs", "list", "--json").stdout)
    assert {row["verification"] for row in rows} == ({"own"} if words else {"own", "self-reported"})
    assert organizer.own_rows() == before
    if not words:
        for form in ([], ["--markdown"], ["--latex"], ["--csv"], ["--json"]):
            assert "self-reported" in organizer.say("leaderboard", *form).stdout, form
        check_outputs(organizer, tmp_path)
