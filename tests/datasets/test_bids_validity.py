"""Whatever petbench writes as BIDS passes the official validator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.datasets.dicom_writer import write_pair
from tests.datasets.lesion_writer import ball, write_rtstruct, write_scan
from tests.datasets.test_nifti_import import table_of
from tests.datasets.test_phantom_build import SMALL

from petbench_datasets.dataset.folds import make_split
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import write_split
from petbench_datasets.exporters.images import export_bids
from petbench_datasets.exporters.resample import resample_dataset
from petbench_datasets.exporters.without_targets import export_without_targets
from petbench_datasets.importers.dicom import import_dicom
from petbench_datasets.importers.nifti import import_nifti
from petbench_datasets.progress import silent
from petbench_phantom.build import build_phantom

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.datasets.hub_stand_in import Hub

    from petbench_datasets.dataset.reader import Dataset


pytestmark = pytest.mark.slow


def errors_in(folder: Path) -> set[str]:
    """Return the errors that the validator finds in a dataset and in its derivatives, each with its file."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    command = [str(validator), "--json", "--recursive", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    issues = json.loads(result.stdout)["issues"]["issues"]
    return {
        f"{issue['code']} {issue.get('subCode', '')} in {issue['location']}: {issue.get('issueMessage', '')}"
        for issue in issues
        if issue["severity"] == "error"
    }


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("datasets") / "small"
    build_phantom(SMALL, folder, silent)
    return open_dataset(folder)


def test_a_simulated_dataset_is_valid_with_its_splits_and_derivatives(phantom: Dataset) -> None:
    assert errors_in(phantom.root) == set()


def test_a_fetched_cohort_is_valid_with_its_organs_and_its_journal(
    hub: Hub, invoke: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, said = invoke("datasets", "fetch", "multimodal-hc", "--yes", "--participants", 2, "--to", tmp_path / "mhc")
    assert code == 0, said
    assert errors_in(tmp_path / "mhc") == set()


def test_sessions_are_valid_as_they_are_imported_and_exported(tmp_path: Path) -> None:
    for number, day in enumerate(("20200101", "20200401"), start=1):
        write_pair(tmp_path / "dicom" / day, "P1", number, SeriesDate=day, AcquisitionDate=day)
    import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    export_bids(open_dataset(tmp_path / "dataset"), tmp_path / "export")
    assert errors_in(tmp_path / "dataset") == set()
    assert {error for error in errors_in(tmp_path / "export") if "InjectedRadioactivity" not in error} == set()


def test_imported_lesions_are_valid(tmp_path: Path) -> None:
    lesions = write_rtstruct(tmp_path / "rt.dcm", {"one": ball((-20, -20, 125), 12.0, 4.0)})
    import_dicom(write_scan(tmp_path / "dicom"), tmp_path / "dataset", lesions=lesions)
    assert errors_in(tmp_path / "dataset") == set()


def test_an_export_is_valid_and_keeps_what_describes_a_column(phantom: Dataset, tmp_path: Path) -> None:
    export_bids(phantom, tmp_path / "export")
    assert errors_in(tmp_path / "export") == set()
    described = json.loads((tmp_path / "export" / "participants.json").read_text())
    assert described["body_weight"]["Units"] == "kg"


def test_a_copy_without_targets_is_valid(phantom: Dataset, tmp_path: Path) -> None:
    export_without_targets(phantom, "holdout", tmp_path / "copy")
    assert errors_in(tmp_path / "copy") == set()


def test_a_resampled_dataset_is_valid(phantom: Dataset, tmp_path: Path) -> None:
    resample_dataset(phantom.root, tmp_path / "coarse", (80.0, 40.0, 40.0))
    assert errors_in(tmp_path / "coarse") == set()


def test_an_import_from_dicom_is_valid_once_split_too(tmp_path: Path) -> None:
    for number in range(3):
        write_pair(tmp_path / "dicom" / str(number), f"P{number}", seed=number)
    import_dicom(tmp_path / "dicom", tmp_path / "dataset")
    assert errors_in(tmp_path / "dataset") == set()
    write_split(tmp_path / "dataset", make_split(open_dataset(tmp_path / "dataset"), "holdout"))
    assert errors_in(tmp_path / "dataset") == set()


def test_an_import_from_nifti_is_valid(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        "participant,early,delayed,units,weight_kg,dose_mbq,early_start_min,early_duration_min,delayed_start_min,"
        "delayed_duration_min,decay_correction,site",
        "01,image0.nii.gz,image1.nii.gz,Bq/mL,70,250,7,14,42,21,ADMIN,north",
    )
    import_nifti(table, tmp_path / "dataset")
    assert errors_in(tmp_path / "dataset") == set()


def test_an_unknown_dose_is_left_unknown_although_bids_has_no_way_to_say_it(tmp_path: Path) -> None:
    table = table_of(tmp_path, "participant,early,delayed,units", "01,image0.nii.gz,image1.nii.gz,SUV")
    import_nifti(table, tmp_path / "dataset")
    found = errors_in(tmp_path / "dataset")
    assert found
    assert all("InjectedRadioactivity " in error and "must be number" in error for error in found)
