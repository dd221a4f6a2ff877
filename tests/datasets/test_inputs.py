"""What a dataset has for methods beside its images: read where it stands, refused where a delayed image made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest

from petbench_datasets.dataset.inputs import IN_FINGERPRINT, INPUTS, input_digest, lacking
from petbench_datasets.dataset.made_from import MissingInputError
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.exporters.resample import resample_dataset
from petbench_datasets.exporters.without_targets import export_without_targets
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.datasets.conftest import DatasetWriter

TABLE = {"sex": ["M", "female", "F"], "height": ["181", "1.62", "170"], "age": ["61", "44.5", "30"]}
NAMES = "index\tname\n1\tliver\n2\tbrain\n"


def labels_of(
    writer: DatasetWriter, participant: str, said: object = ..., ending: str = "desc-organs_dseg", seed: int = 0
) -> Path:
    """Write organ labels of a participant; `said` goes into the sidecar beside them."""
    folder = writer.root / "derivatives" / "drawn" / participant / "anat"
    path = folder / f"{participant}_{ending}.nii.gz"
    values = np.random.default_rng(seed).integers(0, 3, writer.grid.shape)
    write_image(path, values, writer.grid, dtype=np.int16)
    (folder.parents[1] / "dseg.tsv").write_text(NAMES)
    if said is not ...:
        (folder / f"{participant}_{ending}.json").write_text(json.dumps({"DerivedFrom": said}))
    return path


def read(writer: DatasetWriter, name: str, participant: str = "sub-01") -> dict[str, Any]:
    found = INPUTS[name](open_dataset(writer.root), participant)
    return {key: value() if callable(value) else value for key, value in found.items()}


def test_each_input_comes_from_where_the_dataset_says_it(writer: DatasetWriter) -> None:
    writer.dataset(3, **TABLE)
    path = labels_of(writer, "sub-01", ["early"])
    ct = np.random.default_rng(3).normal(0, 400, writer.grid.shape).astype(np.float32)
    write_image(path.with_name("sub-01_ct.nii.gz"), ct, writer.grid)
    path.with_name("sub-01_ct.json").write_text('{"DerivedFrom": ["ct", "early"]}')
    assert read(writer, "spacing") == {"spacing_mm": (20.0, 10.0, 10.0)}
    assert read(writer, "weight") == {"weight_kg": 70.0}
    assert read(writer, "dose") == {"dose_mbq": 250.0}
    assert [read(writer, "sex", f"sub-0{number}")["sex"] for number in (1, 2, 3)] == ["male", "female", "female"]
    assert [read(writer, "height", f"sub-0{number}")["height_m"] for number in (1, 2, 3)] == [1.81, 1.62, 1.7]
    assert [read(writer, "age", f"sub-0{number}")["age_years"] for number in (1, 2, 3)] == [61.0, 44.5, 30.0]
    assert read(writer, "times") == {"early_minutes": (7.0, 21.0), "delayed_minutes": (42.0, 63.0)}
    assert np.array_equal(read(writer, "ct")["ct"], ct)
    assert read(writer, "labels")["label_names"] == {1: "liver", 2: "brain"}
    expected = np.random.default_rng(0).integers(0, 3, writer.grid.shape)
    assert np.array_equal(read(writer, "labels")["labels"], expected)


def test_the_frames_of_a_dynamic_early_image_average_to_it(writer: DatasetWriter) -> None:
    writer.dataset(1)
    path = writer.image_path("sub-01", "early")
    own: Any = nibabel.load(path)
    dynamic = np.stack([own.get_fdata(dtype=np.float32)] * 2, axis=-1) * [1, 3]
    nibabel.save(nibabel.Nifti1Image(dynamic, own.affine), path)  # type: ignore[no-untyped-call]
    writer.sidecar_path("sub-01", "early").write_text(
        json.dumps(writer.sidecar("early", FrameTimesStart=[420, 840], FrameDuration=[420, 420]))
    )
    found = read(writer, "frames")
    assert found["frame_minutes"] == ((7.0, 14.0), (14.0, 21.0))
    assert found["frames"].shape == (2, *writer.grid.shape)
    early = open_dataset(writer.root).early("sub-01")[0]
    np.testing.assert_allclose(found["frames"].mean(axis=0), early, rtol=1e-5)
    np.testing.assert_allclose(found["frames"][1], 3 * found["frames"][0], rtol=1e-5)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (..., r'no sidecar says .* write \{"DerivedFrom": \["early"\]\}'),
        (["delayed"], "made from: delayed; only what the early image or the CT gave is an input"),
        (["early", "delayed"], "made from: delayed"),
        ("Delayed", "made from: delayed"),
        (["mr"], "made from: mr"),
    ],
)
def test_labels_that_may_owe_something_to_a_delayed_image_are_no_input(
    writer: DatasetWriter, said: object, message: str
) -> None:
    writer.dataset(1)
    labels_of(writer, "sub-01", said)
    with pytest.raises(MissingInputError, match=message):
        read(writer, "labels")


@pytest.mark.parametrize("said", [["early"], "early", ["ct"], ["CT", "early"]])
def test_labels_of_the_early_image_or_the_ct_are(writer: DatasetWriter, said: object) -> None:
    writer.dataset(1)
    labels_of(writer, "sub-01", said)
    assert read(writer, "labels")["labels"].shape == writer.grid.shape


def test_one_sidecar_speaks_for_all_labels_below_it_and_the_nearest_wins(writer: DatasetWriter) -> None:
    writer.dataset(2)
    for name in ("sub-01", "sub-02"):
        labels_of(writer, name)
    (writer.root / "derivatives" / "drawn" / "desc-organs_dseg.json").write_text('{"DerivedFrom": "early"}')
    assert lacking(open_dataset(writer.root), ["labels"], ["sub-01", "sub-02"]) == {}
    labels_of(writer, "sub-02", "delayed")
    assert "delayed" in lacking(open_dataset(writer.root), ["labels"], ["sub-01", "sub-02"])["labels"]


def test_of_labels_of_both_images_the_early_ones_are_the_input_and_the_others_are_scored_in(
    writer: DatasetWriter,
) -> None:
    writer.dataset(1)
    labels_of(writer, "sub-01", "delayed", seed=1)
    labels_of(writer, "sub-01", "early", "desc-earlyorgans_dseg", seed=2)
    (writer.root / "derivatives" / "drawn" / "desc-earlyorgans_dseg.tsv").write_text(NAMES)
    early, scored = (np.random.default_rng(seed).integers(0, 3, writer.grid.shape) for seed in (2, 1))
    assert np.array_equal(read(writer, "labels")["labels"], early)
    found = open_dataset(writer.root).labels("sub-01")
    assert found is not None
    assert np.array_equal(found[0], scored)


@pytest.mark.parametrize(
    ("columns", "name", "reason"),
    [
        ({}, "sex", "says no sex"),
        ({"sex": ["x"]}, "sex", "says sex 'x'"),
        ({"age": ["89+"]}, "age", "which is no number"),
        ({"age": ["900"]}, "age", "in years"),
        ({"height": ["2.9"]}, "height", "give it in cm or m"),
        ({"height": ["nan"]}, "height", "no number"),
        ({}, "frames", "as one frame"),
        ({}, "ct", "no CT on the grid"),
        ({}, "labels", "no organ labels"),
    ],
)
def test_what_is_missing_is_said_with_whose_it_is_and_why(
    writer: DatasetWriter, columns: dict[str, list[str]], name: str, reason: str
) -> None:
    writer.dataset(1, **columns)
    found = lacking(open_dataset(writer.root), [name], ["sub-01"])
    assert found[name].startswith(f"no {name} of sub-01: ")
    assert reason in found[name]
    assert "\n" not in found[name]


def test_labels_that_mean_another_organ_in_another_participant_are_refused(writer: DatasetWriter) -> None:
    writer.dataset(2)
    labels_of(writer, "sub-01", "early")
    path = labels_of(writer, "sub-02", "early")
    path.with_name("sub-02_desc-organs_dseg.tsv").write_text("index\tname\n1\tspleen\n")
    found = lacking(open_dataset(writer.root), ["labels"], ["sub-01", "sub-02"])
    assert found == {"labels": "label 1 is liver in sub-01 and spleen in sub-02; number organs alike"}


def test_a_digest_changes_with_one_voxel_or_cell_and_not_with_what_the_fingerprint_holds(writer: DatasetWriter) -> None:
    writer.dataset(3, **TABLE)
    path = labels_of(writer, "sub-01", "early")
    before = {name: input_digest(open_dataset(writer.root), name) for name in INPUTS}
    assert {name for name, digest in before.items() if digest == IN_FINGERPRINT} == {
        "spacing", "weight", "dose", "times", "frames",
    }  # fmt: skip
    labels_of(writer, "sub-01", "early", seed=9)
    writer.participants({f"sub-0{n}": 69.0 + n for n in (1, 2, 3)}, **TABLE | {"age": ["62", "44.5", "30"]})
    after = {name: input_digest(open_dataset(writer.root), name) for name in INPUTS}
    assert {name for name in INPUTS if before[name] != after[name]} == {"labels", "age"}
    assert path.exists()


def test_resampled_labels_and_ct_still_say_what_they_were_made_from(writer: DatasetWriter, tmp_path: Path) -> None:
    writer.dataset(1)
    labels_of(writer, "sub-01")
    (writer.root / "derivatives" / "drawn" / "desc-organs_dseg.json").write_text('{"DerivedFrom": ["ct"]}')
    narrow = Grid.regular((6, 4, 4), (20.0, 10.0, 10.0))
    anat = writer.root / "derivatives" / "drawn" / "sub-01" / "anat"
    write_image(anat / "sub-01_ct.nii.gz", np.full(narrow.shape, 40, dtype=np.float32), narrow)
    (anat / "sub-01_ct.json").write_text('{"DerivedFrom": ["ct"]}')
    resample_dataset(writer.root, tmp_path / "coarse", (40.0, 20.0, 20.0))
    coarse = open_dataset(tmp_path / "coarse")
    assert INPUTS["labels"](coarse, "sub-01")["labels"]().shape == coarse.grid("sub-01").shape
    ct = INPUTS["ct"](coarse, "sub-01")["ct"]()
    assert ct.shape == coarse.grid("sub-01").shape
    assert (ct[0, 0, 0], ct[1, 2, 2]) == (-1000.0, 40.0)  # where no CT was taken there is air, and not water


@pytest.mark.parametrize(("said", "handed_out"), [("early", True), ("delayed", False), (..., False)])
def test_of_a_withheld_participant_only_labels_that_may_be_an_input_are_handed_out(
    writer: DatasetWriter, tmp_path: Path, said: object, handed_out: bool
) -> None:
    writer.dataset(3)
    for name in ("sub-01", "sub-02", "sub-03"):
        labels_of(writer, name, said)
    full = open_dataset(writer.root)
    write_split(writer.root, Split("holdout", full.fingerprint, (Fold(("sub-01",), ("sub-02",), ("sub-03",)),)))
    export_without_targets(full, "holdout", tmp_path / "given")
    given = open_dataset(tmp_path / "given")
    assert given.withheld == {"sub-03"}
    assert bool(list((tmp_path / "given").rglob("sub-03_desc-organs_dseg.nii.gz"))) is handed_out
    assert (lacking(given, ["labels"], given.participants) == {}) is handed_out
    assert INPUTS["times"](given, "sub-03")["delayed_minutes"] == (42.0, 63.0)
    assert input_digest(given, "times") == input_digest(full, "times")
