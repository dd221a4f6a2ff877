"""The page of conventions, and the export of slices for pytorch-fid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.conventions import CONVENTIONS
from petbench.evaluation.conventions_page import conventions_table, write_conventions_page
from petbench.evaluation.export import export_png
from petbench.evaluation.slices import body_slices
from petbench_datasets.errors import DataError
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image
from petbench_datasets.tasks.built_in import DEFAULT_TASK

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench_datasets.tasks.task import Task

GRID = Grid.regular((12, 14, 13), (20.0, 10.0, 10.0))


@dataclass(frozen=True)
class TinyPair:
    early: NDArray[np.float32]
    delayed: NDArray[np.float32]
    grid: Grid = GRID


@dataclass(frozen=True)
class TinyDataset:
    name: str = "tiny"
    participants: tuple[str, ...] = ("sub-01", "sub-02")
    fingerprint: str = "0" * 64
    task: Task = DEFAULT_TASK

    def pair(self, participant: str, /) -> TinyPair:
        generator = np.random.default_rng(int(participant[-2:]))
        delayed = (generator.gamma(2.0, 1.0, GRID.shape) * self.body_mask(participant)).astype(np.float32)
        delayed[6, 7, 6] = 40.0
        return TinyPair(np.float32(0.5) * delayed, delayed)

    def body_mask(self, participant: str, /) -> NDArray[np.bool_]:
        mask = np.zeros(GRID.shape, dtype=bool)
        mask[2:10, 2:12, 2:11] = True
        return mask

    def labels(self, participant: str, /, kind: str = "organs") -> tuple[NDArray[np.int16], dict[int, str]] | None:
        return None


def by_name(part: str) -> float:
    """Return PSNR of the early image, half of the delayed one, in the convention whose name holds `part`."""
    pair, body = TinyDataset().pair("sub-01"), TinyDataset().body_mask("sub-01")
    convention = next(convention for convention in CONVENTIONS if part in convention.name)
    return convention.psnr(pair.early, pair.delayed, body)


def test_normalising_by_the_own_maximum_or_mean_makes_half_the_uptake_perfect() -> None:
    assert by_name("its own maximum") > 140.0
    assert by_name("its own mean") > 140.0
    assert by_name("body, clipped to 0–20") < 30.0


def test_the_default_range_of_floats_adds_six_decibels() -> None:
    assert by_name("range 2") == pytest.approx(by_name("volume, peak real") + 20 * np.log10(2), abs=1e-9)


def test_empty_slices_at_a_hundred_decibels_raise_the_mean() -> None:
    mean = by_name("mean over body slices, peak real")
    assert by_name("empty ones 100 dB") == pytest.approx((8 * mean + 4 * 100.0) / 12, abs=1e-9)


def test_eight_bits_and_the_slices_own_peak_stand_as_defined() -> None:
    pair, body = TinyDataset().pair("sub-01"), TinyDataset().body_mask("sub-01")
    per_slice = [
        10 * np.log10(r.max() ** 2 / np.mean((p.astype(float) - r) ** 2))
        for p, r in zip(pair.early[2:10], pair.delayed[2:10], strict=True)
    ]
    assert by_name("peak each slice") == pytest.approx(float(np.mean(per_slice)), abs=1e-4)
    levels = [np.rint(image.astype(float) / 40.0 * 255) for image in (pair.early, pair.delayed)]
    assert by_name("8 bits") == pytest.approx(20 * np.log10(255 / np.sqrt(np.mean((levels[0] - levels[1]) ** 2))))
    error = (pair.early.astype(float) - pair.delayed)[body]
    assert by_name("body, peak real") == pytest.approx(20 * np.log10(40 / np.sqrt(np.mean(error**2))))


def test_the_table_has_a_row_for_each_convention_and_marks_the_scored_ones() -> None:
    pair, body = TinyDataset().pair("sub-01"), TinyDataset().body_mask("sub-01")
    table = conventions_table({"early": pair.early, "half": pair.early}, pair.delayed, body).splitlines()
    assert len(table) == 2 + len(CONVENTIONS)
    assert all(line.count("|") == table[0].count("|") for line in table[1:])
    scored = {spec.name for spec in builtin_metrics()}
    assert {convention.scored for convention in CONVENTIONS if convention.scored} <= scored
    assert sum(line.startswith("| **") for line in table) == 3


def test_the_page_holds_the_numbers_of_the_stored_prediction_and_every_metric(tmp_path: Path) -> None:
    dataset = TinyDataset()
    write_image(tmp_path / "net.nii.gz", dataset.pair("sub-02").delayed * np.float32(0.9), GRID)
    page = tmp_path / "conventions.md"
    write_conventions_page(page, dataset, "sub-02", {"net": tmp_path / "net.nii.gz"}, commands=["petbench do it"])
    text = page.read_text(encoding="utf-8")
    assert "| convention | identity | net |" in text
    assert "`net`, scores from" in text
    assert all(f"`{spec.name}`" in text for spec in builtin_metrics())
    assert text.endswith("```console\n$ petbench do it\n```\n")
    write_conventions_page(page, dataset, "sub-02", {"identity": tmp_path / "net.nii.gz"})
    assert "| convention | identity | seen in |" in page.read_text(encoding="utf-8")


def test_exported_slices_are_those_that_are_scored(tmp_path: Path) -> None:
    dataset, scored = TinyDataset(), ("sub-01", "sub-02")
    for participant in scored:
        write_image(tmp_path / "in" / f"{participant}.nii.gz", dataset.pair(participant).early, GRID)
    exported = export_png(dataset, scored, tmp_path / "in", tmp_path / "out")
    assert exported.count == 16
    assert exported.command == f"python -m pytorch_fid {tmp_path / 'out' / 'real'} {tmp_path / 'out' / 'predicted'}"
    for name, volume in (("real", dataset.pair("sub-02").delayed), ("predicted", dataset.pair("sub-02").early)):
        files = sorted((tmp_path / "out" / name).glob("sub-02_*.png"))
        images = body_slices(volume, dataset.body_mask("sub-02"))
        assert len(files) == len(images)
        for file, image in zip(files, images, strict=True):
            with Image.open(file) as picture:
                np.testing.assert_array_equal(np.asarray(picture), image)
    with pytest.raises(DataError, match="already there"):
        export_png(dataset, scored, tmp_path / "in", tmp_path / "out")


def test_an_export_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "sub-01.nii.gz", np.full(GRID.shape, np.nan, dtype=np.float32), GRID)
    with pytest.raises(DataError, match="NaN"):
        export_png(TinyDataset(), ["sub-01"], tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
