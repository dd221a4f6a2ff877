"""Image measures, computed again from the NIfTI files with NumPy and scikit-image; the formulas are the protocol's."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage import io, metrics

RANGE_SUV, SLICE_SUV = 20.0, 10.0
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2"}


def read_nifti(path):
    """Return the voxels of a NIfTI-1 file, shape (z, y, x), and its spacing in the same order, in mm."""
    content = gzip.decompress(Path(path).read_bytes()) if str(path).endswith(".gz") else Path(path).read_bytes()
    order = "<" if int.from_bytes(content[:4], "little") == 348 else ">"
    x, y, z = np.frombuffer(content, f"{order}i2", 4, 40)[1:].tolist()
    code = int(np.frombuffer(content, f"{order}i2", 1, 70)[0])
    spacing = np.frombuffer(content, f"{order}f4", 3, 80)[::-1].astype(float)
    offset, slope, intercept = np.frombuffer(content, f"{order}f4", 3, 108).tolist()
    voxels = np.frombuffer(content, f"{order}{_TYPES[code]}", x * y * z, int(offset)).reshape(z, y, x)
    scaled = voxels if slope == 0.0 else voxels.astype(np.float64) * slope + intercept
    return scaled.astype(np.float64), spacing


def body_of(dataset, participant, early, delayed, spacing):
    """Return the body mask that comes with a dataset; where none does, made from the real images by the protocol."""
    found = sorted((Path(dataset) / "derivatives").glob(f"*/{participant}/**/*_desc-body_mask.nii.gz"))
    if found:
        return read_nifti(found[0])[0] != 0
    smooth = [ndimage.gaussian_filter(image, 6.0 / spacing, mode="nearest") > 0.1 for image in (early, delayed)]
    pieces, count = ndimage.label(smooth[0] | smooth[1])
    sizes = ndimage.sum_labels(pieces > 0, pieces, range(1, count + 1))
    body = pieces == 1 + int(np.argmax(sizes))
    return np.stack([ndimage.binary_fill_holes(plane) for plane in body])


def psnr_body(predicted, real, body):
    """Return PSNR in the body, both images clipped to 0–20 SUV, which is the range."""
    clipped = [np.clip(image, 0.0, RANGE_SUV)[body] for image in (real, predicted)]
    return metrics.peak_signal_noise_ratio(*clipped, data_range=RANGE_SUV)


def psnr_volume(predicted, real, _body):
    """Return PSNR over the volume, the real image's maximum as the range."""
    return metrics.peak_signal_noise_ratio(real, predicted, data_range=real.max())


def psnr_slices(predicted, real, body):
    """Return the mean over slices with body of each one's PSNR, the real volume's maximum as the range."""
    kept = body.any(axis=(1, 2))
    pairs = zip(real[kept], predicted[kept], strict=True)
    return np.mean([metrics.peak_signal_noise_ratio(r, p, data_range=real.max()) for r, p in pairs])


def ssim_body(predicted, real, body):
    """Return the mean over the body of SSIM in three dimensions, both images clipped to 0–20 SUV."""
    _, similarity = metrics.structural_similarity(
        *(np.clip(image, 0.0, RANGE_SUV) for image in (real, predicted)),
        data_range=RANGE_SUV, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    return similarity[body].mean()


def mae_body(predicted, real, body):
    """Return the mean absolute error in the body, SUV."""
    return np.abs(predicted - real)[body].mean()


def rmse_body(predicted, real, body):
    """Return the root of the mean squared error in the body, SUV."""
    return np.sqrt(metrics.mean_squared_error(real[body], predicted[body]))


MEASURES = {
    "psnr/body/clip-suv0-20/range20@1": psnr_body,
    "psnr/volume/range-real-max@1": psnr_volume,
    "psnr/slice-mean/body-slices/range-real-max@1": psnr_slices,
    "ssim3d/body/clip-suv0-20/range20/gaussian1.5@1": ssim_body,
    "mae/body/suv@1": mae_body,
    "rmse/body/suv@1": rmse_body,
}
"""By the id of the convention, which names formula, window, mask and version."""


class Images:
    """The real and the predicted images of a dataset, read once."""

    def __init__(self, images, dataset, runs):
        self._images, self._dataset, self._runs = Path(images), dataset, Path(runs)
        self._real = {}

    def case(self, uid, participant):
        """Return a run's prediction, the real delayed image and the body; None where the prediction is elsewhere."""
        found = sorted(self._runs.glob(f"*-{uid}/predictions/{participant}.nii.gz"))
        if not found:
            return None
        if participant not in self._real:
            (early, spacing), (delayed, _) = (
                read_nifti(self._images / f"{participant}_{window}.nii.gz") for window in ("early", "delayed")
            )
            self._real[participant] = delayed, body_of(self._dataset, participant, early, delayed, spacing)
        return read_nifti(found[0])[0], *self._real[participant]


def read_conventions(page):
    """Return whom a page of `petbench conventions` is about, its runs, and the written PSNRs by metric."""
    text = Path(page).read_text(encoding="utf-8")
    participant = re.search(r"\((sub-\w+) of ", text).group(1)
    runs = [int(number) for number in re.search(r"petbench conventions ((?:\d+ )+)", text).group(1).split()]
    rows = re.findall(r"^\| \*\*.*?\*\* \(`(\w+)`\) \|(.*)$", text, re.MULTILINE)
    return participant, runs, {metric: [float(v) for v in cells.split("|")[: len(runs)]] for metric, cells in rows}


def slices_of(volume, body):
    """Return the axial slices with body as 8-bit images of 0–10 SUV: those that Fréchet distances look at."""
    kept = volume[body.any(axis=(1, 2))]
    return np.rint(np.clip(kept, 0.0, SLICE_SUV) / SLICE_SUV * 255.0).astype(np.uint8)


def read_slices(folder, participant):
    """Return the slices that `petbench export-png` wrote of a participant."""
    return np.stack([io.imread(path) for path in sorted(Path(folder).glob(f"{participant}_slice-*.png"))])
