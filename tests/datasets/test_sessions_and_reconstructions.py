"""BIDS's own sessions and labels of reconstructions: which images of a participant make a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from petbench.cli.main import cli
from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, check_split, split_path
from petbench_datasets.errors import DataError
from petbench_datasets.exporters.without_targets import export_without_targets
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter


CLOCK = {"TimeZero": "09:10:11"}


def place(writer: DatasetWriter, window: str, seed: int, entities: str, session: str = "", **changes: Any) -> Path:
    """Write one image of sub-01 under another name, into a session where one is named."""
    image = writer.image("sub-01", window, writer.voxels(seed), **changes)
    sidecar = writer.sidecar_path("sub-01", window)
    folder = writer.root / "sub-01" / session / "pet"
    folder.mkdir(parents=True, exist_ok=True)
    stem = "_".join(part for part in ("sub-01", session, entities, "pet") if part)
    sidecar.rename(folder / f"{stem}.json")
    return image.rename(folder / f"{stem}.nii.gz")


def finish(writer: DatasetWriter) -> Path:
    (writer.root / "dataset_description.json").write_text('{"Name": "tiny", "BIDSVersion": "1.10.0"}')
    writer.participants({"sub-01": 70.0})
    return writer.root


def messages(root: Path, severity: str, **options: Any) -> list[str]:
    return [problem.message for problem in check_dataset(root, **options) if problem.severity == severity]


def test_every_whole_session_is_a_pair(writer: DatasetWriter) -> None:
    for number, session in enumerate(("ses-b", "ses-a")):
        place(writer, "early", 2 * number, "trc-1", session)
        place(writer, "delayed", 2 * number + 1, "trc-2", session)
    opened = open_dataset(finish(writer))
    assert opened.participants == ("sub-01_ses-a", "sub-01_ses-b")
    assert opened.people == ("sub-01",)
    scale = opened.plans["sub-01_ses-b"].early.uses[0].scan.suv_per_unit(0)
    assert np.allclose(opened.early("sub-01_ses-b")[0], writer.voxels(0) * scale)
    assert messages(writer.root, "error") == []


def test_a_session_that_is_not_whole_is_passed_over_with_a_warning(writer: DatasetWriter) -> None:
    place(writer, "early", 0, "trc-1", "ses-1")
    place(writer, "delayed", 1, "trc-2", "ses-1")
    place(writer, "early", 2, "trc-1", "ses-2")
    assert open_dataset(finish(writer)).participants == ("sub-01",)
    assert any("session ses-2 was not measured in both windows" in text for text in messages(writer.root, "warning"))


@pytest.mark.parametrize(
    ("changes", "paired"),
    [
        (({"TimeZero": "09:10:11"}, {"TimeZero": "09:10:11"}), True),
        (({"TimeZero": "09:10:11"}, {"TimeZero": "14:00:00"}), False),
        (({"TimeZero": "00:00:00"}, {"TimeZero": "00:00:00"}), False),
        (({"TimeZero": "n/a"}, {"TimeZero": "n/a"}), False),
        (({"SourceInjectionDay": "a"}, {"SourceInjectionDay": "a"}), True),
        (
            ({"TimeZero": "09:10:11", "SourceInjectionDay": "a"}, {"TimeZero": "09:10:11", "SourceInjectionDay": "b"}),
            False,
        ),
        (({"TimeZero": "09:10:11", "SourcePatient": "a"}, {"TimeZero": "09:10:11", "SourcePatient": "b"}), False),
    ],
)
def test_halves_of_two_sessions_are_paired_only_where_they_are_known_to_be_of_one_injection(
    changes: tuple[dict[str, str], dict[str, str]], paired: bool, writer: DatasetWriter
) -> None:
    place(writer, "early", 0, "trc-1", "ses-1", **changes[0])
    place(writer, "delayed", 1, "trc-2", "ses-2", **changes[1])
    root = finish(writer)
    if paired:
        assert open_dataset(root).participants == ("sub-01",)
    else:
        with pytest.raises(DataError, match=r"one injection|one person"):
            open_dataset(root)
    assert bool(messages(root, "error")) is not paired


@pytest.mark.parametrize("key", ["SourceInjectionDay", "SourcePatient"])
def test_two_days_or_people_are_never_one_pair(key: str, writer: DatasetWriter) -> None:
    place(writer, "early", 0, "trc-1", **{key: "0123456789abcdef"})
    place(writer, "delayed", 1, "trc-2", **{key: "fedcba9876543210"})
    with pytest.raises(DataError, match=key):
        open_dataset(finish(writer))


def test_a_split_that_parts_a_person_is_refused(writer: DatasetWriter) -> None:
    for number, session in enumerate(("ses-1", "ses-2")):
        place(writer, "early", 2 * number, "trc-1", session)
        place(writer, "delayed", 2 * number + 1, "trc-2", session)
    opened = open_dataset(finish(writer))
    parted = Split("s", opened.fingerprint, (Fold(("sub-01_ses-1",), (), ("sub-01_ses-2",)),))
    with pytest.raises(DataError, match=r"sub-01_ses-1 in train and sub-01_ses-2, the same person, in test"):
        check_split(parted, opened, split_path(opened.root, "s"))


def test_labels_of_a_session_are_those_that_name_it(writer: DatasetWriter) -> None:
    for number, session in enumerate(("ses-1", "ses-2")):
        place(writer, "early", 2 * number, "trc-1", session)
        place(writer, "delayed", 2 * number + 1, "trc-2", session)
    root = finish(writer)
    folder = root / "derivatives" / "seg" / "sub-01"
    for session, value in (("ses-1_", 1), ("ses-2_", 2)):
        labels = np.full(writer.grid.shape, value)
        write_image(folder / f"sub-01_{session}desc-organs_dseg.nii.gz", labels, writer.grid, dtype=np.int16)
    (folder.parent / "dseg.tsv").write_text("index\tname\n1\tliver\n2\tbrain\n")
    opened = open_dataset(root)
    for name, value in (("sub-01_ses-1", 1), ("sub-01_ses-2", 2)):
        found = opened.labels(name)
        assert found is not None
        assert (found[0] == value).all()
    (folder / "sub-01_ses-2_desc-organs_dseg.nii.gz").rename(folder / "sub-01_desc-organs_dseg.nii.gz")
    with pytest.raises(DataError, match="names no session"):
        opened.labels("sub-01_ses-2")
    assert any("names no session" in text for text in messages(root, "error"))


def test_sessions_of_test_participants_are_withheld_and_the_fingerprint_stays(
    writer: DatasetWriter, tmp_path: Path
) -> None:
    writer.dataset(3)
    for window in ("early", "delayed"):
        writer.image_path("sub-01", window).unlink()
        writer.sidecar_path("sub-01", window).unlink()
    for number, session in enumerate(("ses-1", "ses-2")):
        place(writer, "early", 20 + number, "trc-1", session)
        place(writer, "delayed", 30 + number, "trc-2", session)
    opened = open_dataset(writer.root)
    fold = Fold(("sub-02",), ("sub-03",), ("sub-01_ses-1", "sub-01_ses-2"))
    (writer.root / "splits").mkdir()
    from petbench_datasets.dataset.split import write_split

    write_split(writer.root, Split("holdout", opened.fingerprint, (fold,)))
    hidden, _ = export_without_targets(opened, "holdout", tmp_path / "out")
    assert hidden == ("sub-01_ses-1", "sub-01_ses-2")
    again = open_dataset(tmp_path / "out")
    assert again.fingerprint == opened.fingerprint
    assert again.withheld == set(hidden)
    assert not list((tmp_path / "out").rglob("*trc-2*"))


def reconstructed(writer: DatasetWriter) -> Path:
    for number, label in enumerate(("rec-acstat", "rec-acstatPSF")):
        place(writer, "early", 2 * number, f"{label}_run-1")
        place(writer, "delayed", 2 * number + 1, f"{label}_run-2")
    return finish(writer)


def test_one_of_several_reconstructions_is_chosen_by_its_label(writer: DatasetWriter) -> None:
    root = reconstructed(writer)
    with pytest.raises(DataError, match=r"--reconstruction acstat or acstatPSF"):
        open_dataset(root)
    plain, psf = (open_dataset(root, reconstruction=label) for label in ("acstat", "rec-ACSTATpsf"))
    assert plain.fingerprint != psf.fingerprint
    assert "acstatPSF" in psf.plans["sub-01"].early.uses[0].scan.path.name
    assert messages(root, "error", reconstruction="acstatPSF") == []
    with pytest.raises(DataError, match=r"did you mean 'acstatPSF'\? it has acstat, acstatPSF"):
        open_dataset(root, reconstruction="acstatPFS")
    assert any("acstatPFS" in text for text in messages(root, "error", reconstruction="acstatPFS"))


def test_a_choice_leaves_what_was_reconstructed_once(writer: DatasetWriter) -> None:
    place(writer, "early", 0, "rec-once")
    place(writer, "delayed", 1, "rec-osem")
    place(writer, "delayed", 2, "rec-psf")
    plan = open_dataset(finish(writer), reconstruction="psf").plans["sub-01"]
    assert [scan.reconstruction for scan in plan.scans] == ["once", "psf"]


def test_the_static_one_of_bids_own_labels_is_taken_where_both_cover_the_window(writer: DatasetWriter) -> None:
    place(writer, "early", 0, "rec-acstat")
    place(writer, "delayed", 1, "rec-acstat_run-2")
    dynamic: dict[str, Any] = {"FrameTimesStart": [420, 2520], "FrameDuration": [840, 1260]}
    frames = np.stack([writer.voxels(5), writer.voxels(6)])
    image = writer.root / "sub-01" / "pet" / "sub-01_rec-acdyn_pet.nii.gz"
    place(writer, "early", 4, "rec-nacstat", AttenuationCorrection="none")
    place(writer, "early", 5, "rec-acdyn", **dynamic)
    from petbench_datasets.images.nifti_writer import write_frames

    write_frames(image, frames, 2, writer.grid)
    plan = open_dataset(finish(writer)).plans["sub-01"]
    assert {scan.reconstruction for scan in plan.scans} == {"acstat"}
    dynamic_plan = open_dataset(writer.root, reconstruction="acdyn").plans["sub-01"]
    assert {scan.reconstruction for scan in dynamic_plan.scans} == {"acdyn"}


def test_the_choice_is_an_option_of_check_info_and_split(
    writer: DatasetWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))
    root = reconstructed(writer)
    for arguments in (["check", str(root)], ["info", str(root)]):
        assert CliRunner().invoke(cli, ["datasets", *arguments]).exit_code == 1
        found = CliRunner().invoke(cli, ["datasets", *arguments, "--reconstruction", "acstat"])
        assert found.exit_code == 0, found.output
