"""Whole volumes of 128 x 128 x 389 voxels: predicted, scored, and read from a dataset, cold and warm."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from petbench import Scan
from petbench.evaluation.scoring import score_predictions
from petbench.intensity import IntensityMap
from petbench.training.data import load_tensors
from petbench.training.prediction import translate_volume
from petbench.training.volumes import gather_volumes
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti_writer import write_image
from petbench_gan.parameters import Pix2pixParameters
from petbench_gan.pix2pix import Pix2pix

if TYPE_CHECKING:
    from pathlib import Path

nibabel: Any = untyped_nibabel


def test_bench_predicting_a_volume(side_by_side: Any, device: torch.device, whole_bodies: Path) -> None:
    method = Pix2pix(Pix2pixParameters(suv_clip=100.0)).to(device).eval()
    early, _ = open_dataset(whole_bodies).early("sub-03")
    unit = method.intensity.to_unit(torch.from_numpy(early))[:, None].to(device)

    def slice_by_slice() -> None:
        with torch.no_grad():
            for image in unit:
                method.generator(image[None]).cpu()

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        method.generator(unit[:1])
    side_by_side(
        slice_by_slice,
        lambda: translate_volume(method, Scan(early)),
        what="predicting a volume, pix2pix paper",
        against="slice by slice",
        floor=f"{counter.get_total_flops() * len(early) / 1e9:.0f} GFLOP",
    )


def test_bench_scoring_a_volume_with_every_metric(benchmark: Any, whole_bodies: Path, tmp_path: Path) -> None:
    dataset = open_dataset(whole_bodies)
    early, grid = dataset.early("sub-03")
    write_image(tmp_path / "predictions" / "sub-03.nii.gz", early, grid)
    records = benchmark.pedantic(
        score_predictions,
        args=(dataset, ("sub-03",), tmp_path / "predictions"),
        kwargs={"cache": tmp_path / "cache", "offline": True},
        rounds=1,
        warmup_rounds=1,
    )
    scored = {record.metric for record in records if record.value is not None}
    files = [tmp_path / "predictions" / "sub-03.nii.gz", *(whole_bodies / "sub-03").rglob("*.nii.gz")]
    benchmark.extra_info.update(
        what="scoring a volume with every metric",
        settings=f"{len(scored)} metrics",
        floor=f"{sum(path.stat().st_size for path in files) / 1e6:.0f} MB unpacked",
    )


def forget(root: Path) -> None:
    """Ask the system to drop the files of a folder from its memory."""
    for path in root.rglob("*.nii.gz"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="files cannot be dropped from memory here")
@pytest.mark.parametrize("state", ["cold", "warm"])
def test_bench_from_a_folder_to_tensors(side_by_side: Any, whole_bodies: Path, state: str) -> None:
    """Cold is a dataset whose voxels have never been hashed here, and whose files are not in memory."""
    images = sorted(whole_bodies.rglob("*.nii.gz"))
    used = [path for path in images if "sub-03" not in path.name]

    def prepare() -> None:
        if state == "cold":
            forget(whole_bodies)
            for path in whole_bodies.glob(".petbench*"):
                path.unlink()

    def plain() -> None:
        prepare()
        for path in used:
            np.asarray(nibabel.load(path).dataobj, dtype=np.float32)
        prepare()

    def ours() -> None:
        dataset = open_dataset(whole_bodies)
        data = gather_volumes(dataset, load_split(dataset, "holdout").folds[0], "paired")
        load_tensors(data, IntensityMap(), torch.device("cpu"), size_multiple=128)

    side_by_side(
        plain,
        ours,
        what=f"a dataset of three participants, {state}: opened, checked, two of them to tensors",
        against="nibabel alone, the same four images",
        floor=f"{sum(path.stat().st_size for path in (images if state == 'cold' else used)) / 1e6:.0f} MB unpacked",
    )
