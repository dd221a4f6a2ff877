"""What somebody sends moves no row of one's own, takes nobody's place, and counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.benchmark import stranger

from petbench.submissions import limits
from petbench.submissions.limits import SubmissionError
from petbench.submissions.write import shortened
from petbench_datasets.images.nifti_writer import write_image
from petbench_leaderboard import admissions
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # scores and packs submissions


@pytest.fixture
def here() -> Iterator[Leaderboard]:
    with Leaderboard.open("sqlite://") as opened:
        yield opened


def psnr_of_own(leaderboard: Leaderboard) -> list[float | None]:
    (board,) = rank(leaderboard)
    return [row.cells[board.ranked_by].mean for row in board.rows if row.is_own and board.ranked_by]


def test_a_row_entered_for_somebody_is_not_replaced_by_a_submission_of_its_name(
    body_dataset: Path, tmp_path: Path, here: Leaderboard
) -> None:
    stranger.enter(body_dataset, tmp_path / "h", here, stranger.predict(body_dataset, tmp_path / "a"), "rival-lab")
    before = psnr_of_own(here)
    noise = stranger.predict(body_dataset, tmp_path / "b", noise=0.5)
    path = stranger.submit(body_dataset, tmp_path / "author", noise, "rival-lab")
    ((row, known),) = stranger.accepted(body_dataset, tmp_path / "h", here, path)
    assert (row.verification, known) == ("rescored", False)
    assert psnr_of_own(here) == before


def test_a_submission_under_the_name_version_and_hash_of_ones_own_method_is_a_row_of_its_own(
    body_dataset: Path, tmp_path: Path, here: Leaderboard
) -> None:
    own = stranger.enter(body_dataset, tmp_path / "h", here, stranger.predict(body_dataset, tmp_path / "a"), "mine")
    noise = stranger.predict(body_dataset, tmp_path / "b", noise=0.5)
    path = stranger.submit(body_dataset, tmp_path / "author", noise, "mine")
    path = stranger.forged(path, {"source_hash": own.source_hash, "seed": 1})
    before = psnr_of_own(here)
    stranger.accepted(body_dataset, tmp_path / "h", here, path)
    assert psnr_of_own(here) == before
    assert len(rank(here)[0].rows) == 2


@pytest.mark.parametrize("change", [{"seed": 1}, {"method": "another"}, {"version": "2"}])
@pytest.mark.parametrize("before", ["own", "accepted"])
def test_the_same_voxels_are_refused_under_whatever_name(
    body_dataset: Path, tmp_path: Path, here: Leaderboard, change: dict[str, object], before: str
) -> None:
    predictions = stranger.predict(body_dataset, tmp_path / "a", noise=0.1)
    path = stranger.submit(body_dataset, tmp_path / "author", predictions, "theirs")
    if before == "own":
        stranger.enter(body_dataset, tmp_path / "h", here, predictions, "mine")
    else:
        stranger.accepted(body_dataset, tmp_path / "h", here, path)
    with pytest.raises(SubmissionError, match="has the voxels of run 1"):
        stranger.accepted(body_dataset, tmp_path / "h", here, stranger.forged(path, change))
    assert len(here.runs()) == 1


def test_the_real_image_is_no_prediction(body_dataset: Path, tmp_path: Path, here: Leaderboard) -> None:
    pair = stranger.place(body_dataset).dataset.pair(stranger.TEST)
    write_image(tmp_path / "a" / f"{stranger.TEST}.nii.gz", pair.delayed, pair.grid)
    path = stranger.submit(body_dataset, tmp_path / "author", tmp_path / "a", "truth")
    with pytest.raises(SubmissionError, match="is the real delayed image"):
        stranger.accepted(body_dataset, tmp_path / "h", here, path)


def test_files_of_one_submitter_take_nobodys_place_and_the_log_names_them(
    body_dataset: Path, tmp_path: Path, here: Leaderboard
) -> None:
    paths = []
    for seed in (1, 2):
        predictions = stranger.predict(body_dataset, tmp_path / f"p{seed}", noise=0.2, seed=seed)
        paths.append(stranger.submit(body_dataset, tmp_path / f"author{seed}", predictions, "lab"))
    stranger.accepted(body_dataset, tmp_path / "h", here, paths[0], "a lab")
    with pytest.raises(SubmissionError, match="a lab has run 1 in its place already"):
        stranger.accepted(body_dataset, tmp_path / "h", here, paths[1], "a lab")
    stranger.accepted(body_dataset, tmp_path / "h", here, paths[1], "another lab")
    ((_, known),) = stranger.accepted(body_dataset, tmp_path / "h", here, paths[0], "a lab")
    assert known
    entries = admissions.log(here)
    assert [(entry.action, entry.submitter, entry.source) for entry in entries] == [
        ("accepted", "another lab", "lab.petbench.zip"),
        ("accepted", "a lab", "lab.petbench.zip"),
    ]


@pytest.mark.parametrize("line", [b"the same line\n", b"x" * 1000 + b"\n", b"no line ends"])
def test_a_log_of_any_length_is_packed_with_its_beginning_and_its_end(line: bytes) -> None:
    log = b"first\n" + line * (94 * 2**20 // len(line)) + b"\nlast\n"
    short = shortened(log)
    assert len(short) <= limits.LONGEST_LOG_BYTES
    assert short.startswith(b"first\n")
    assert short.endswith(b"last\n")
    assert b'{"left_out_bytes": ' in short
    assert shortened(short) == short


def test_a_log_that_repeats_itself_is_accepted(body_dataset: Path, tmp_path: Path, here: Leaderboard) -> None:
    path = stranger.submit(body_dataset, tmp_path / "author", stranger.predict(body_dataset, tmp_path / "a"), "honest")
    files = stranger.files_of(path) | {"runs/0/run.log": b"step: loss 0.1\n" * 200_000}
    ((row, _),) = stranger.accepted(body_dataset, tmp_path / "h", here, stranger.write(path, files))
    assert row.status == "ok"
