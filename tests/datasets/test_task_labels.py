"""An organ that a task names and no label does is said before anybody scores: it would be left out of nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.dataset.check import check_dataset
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter


@pytest.fixture
def labelled(writer: DatasetWriter) -> Path:
    """A cohort of two, of whom the second alone has a gallbladder."""
    root = writer.dataset(2)
    for who, names in (("sub-01", ("liver", "kidney_left")), ("sub-02", ("liver", "gallbladder"))):
        folder = root / "derivatives" / "drawn" / who
        organs = np.ones(writer.grid.shape, np.int16)
        organs[0] = 2
        write_image(folder / f"{who}_desc-organs_dseg.nii.gz", organs, writer.grid, dtype=np.int16)
        rows = "".join(f"{number}\t{name}\n" for number, name in enumerate(names, start=1))
        (folder / f"{who}_desc-organs_dseg.tsv").write_text("index\tname\n" + rows, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("clear", "shown", "missed"),
    [
        (DEFAULT_TASK.clearance_organs, (), []),
        (("liver", "gallbladder"), ("kidney_left", "urinary_zone"), []),
        ((*DEFAULT_TASK.clearance_organs, "livr"), (), ["livr"]),
        (("liver",), ("gall_bladder", "livr"), ["gall_bladder", "livr"]),
        (("livr",), ("livr",), ["livr"]),
    ],
)
def test_check_warns_of_an_organ_of_the_task_that_no_label_is_called(
    clear: tuple[str, ...], shown: tuple[str, ...], missed: list[str], labelled: Path
) -> None:
    task = replace(DEFAULT_TASK, name="mine", clearance_organs=clear, shown_organs=shown)
    found = [
        problem for problem in check_dataset(labelled, task=task) if "of the organs of the task" in problem.message
    ]
    assert [problem.severity for problem in found] == ["warning"] * len(missed)
    for problem, name in zip(found, missed, strict=True):
        assert f"of the task mine@1, no label is called {name!r}; did you mean" in problem.message
        assert "\n" not in problem.message


def test_a_cohort_without_labels_is_not_asked_for_them(writer: DatasetWriter) -> None:
    task = replace(DEFAULT_TASK, name="mine", clearance_organs=("livr",))
    assert not [each for each in check_dataset(writer.dataset(1), task=task) if "of the organs" in each.message]
