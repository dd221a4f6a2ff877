"""PSNR, SSIM and errors against scikit-image, torchmetrics and closed forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from skimage import metrics as untyped_metrics

from petbench.evaluation.metrics.error import mae_body_suv, nmae_body, nrmse_volume_range, rmse_body_suv
from petbench.evaluation.metrics.psnr import psnr_body_suv20, psnr_slice_volume_max, psnr_volume_max
from petbench.evaluation.metrics.ssim import SSIM_METRICS, ssim_body_suv20
from petbench.metric_spec import Case
from petbench.torchvision_shim import import_torchvision
from petbench_datasets.images.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

skimage_metrics: Any = untyped_metrics


def functional() -> Any:
    import_torchvision()
    from torchmetrics.functional import image

    return image


def volumes(shape: tuple[int, int, int] = (24, 30, 28)) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a prediction and a real image in SUV with a hot organ above 20 SUV and air around."""
    generator = np.random.default_rng(7)
    z, y, x = np.indices(shape)
    real = np.where(body(shape), generator.gamma(2.0, 1.0, shape), 0.01 * generator.random(shape))
    real[(z - 8) ** 2 + (y - 14) ** 2 + (x - 12) ** 2 < 9] = 33.0
    predicted = np.maximum(real * generator.normal(1.05, 0.1, shape) + 0.05 * generator.random(shape), 0.0)
    return predicted.astype(np.float32), real.astype(np.float32)


def body(shape: tuple[int, int, int] = (24, 30, 28)) -> NDArray[np.bool_]:
    z, y, x = np.indices(shape)
    return np.asarray(((y - 15) ** 2 / 100 + (x - 14) ** 2 / 64 < 1) & (z >= 3) & (z < 20))


def clipped(image: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.clip(image.astype(np.float64), 0, 20)


def test_psnr_over_the_volume_equals_scikit_image_and_torchmetrics() -> None:
    predicted, real = volumes()
    peak = float(real.max())
    ours = psnr_volume_max(predicted, real)
    theirs = skimage_metrics.peak_signal_noise_ratio(real.astype(float), predicted.astype(float), data_range=peak)
    torchs = functional().peak_signal_noise_ratio(
        torch.from_numpy(predicted.astype(float)), torch.from_numpy(real.astype(float)), data_range=peak
    )
    assert ours == pytest.approx(theirs, abs=1e-6)
    assert ours == pytest.approx(float(torchs), rel=1e-6)  # its range is float32


def test_psnr_in_the_body_equals_scikit_image_and_torchmetrics_on_the_masked_voxels() -> None:
    predicted, real = volumes()
    inside = body()
    ours = psnr_body_suv20(predicted, real, inside)
    pair = clipped(real)[inside], clipped(predicted)[inside]
    assert ours == pytest.approx(skimage_metrics.peak_signal_noise_ratio(*pair, data_range=20.0), abs=1e-6)
    torchs = functional().peak_signal_noise_ratio(*map(torch.from_numpy, pair), data_range=20.0)
    assert ours == pytest.approx(float(torchs), rel=1e-6)  # its range is float32


def test_the_slice_mean_of_psnr_equals_scikit_image_over_the_body_slices() -> None:
    predicted, real = volumes()
    theirs = [
        skimage_metrics.peak_signal_noise_ratio(
            real[z].astype(float), predicted[z].astype(float), data_range=float(real.max())
        )
        for z in range(3, 20)
    ]
    assert psnr_slice_volume_max(predicted, real, body()) == pytest.approx(float(np.mean(theirs)), abs=1e-6)


def test_ssim_equals_scikit_image_on_the_whole_volume_averaged_over_the_body() -> None:
    predicted, real = volumes()
    _, whole = skimage_metrics.structural_similarity(
        clipped(real),
        clipped(predicted),
        data_range=20.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim_body_suv20(predicted, real, body()) == pytest.approx(float(whole[body()].mean()), abs=1e-9)


def test_ssim_equals_torchmetrics_where_its_window_fits() -> None:
    predicted, real = volumes()
    inner = np.zeros(real.shape, dtype=bool)
    inner[5:-5, 5:-5, 5:-5] = True
    tensors = (torch.from_numpy(clipped(image))[None, None] for image in (predicted, real))
    _, whole = functional().structural_similarity_index_measure(
        *tensors, gaussian_kernel=True, sigma=1.5, kernel_size=11, data_range=20.0, return_full_image=True
    )
    theirs = float(whole[0, 0].numpy()[inner].mean())
    assert ssim_body_suv20(predicted, real, inner) == pytest.approx(theirs, abs=1e-6)


def test_ssim_does_not_change_when_air_is_added_around_the_body() -> None:
    predicted, real = volumes()
    wide, wide_real = (np.pad(image, 9, mode="edge") for image in (predicted, real))
    inside = body()
    inside[:6] = inside[-6:] = False
    inside[:, :6] = inside[:, -6:] = False
    inside[:, :, :6] = inside[:, :, -6:] = False
    assert ssim_body_suv20(wide, wide_real, np.pad(inside, 9)) == pytest.approx(
        ssim_body_suv20(predicted, real, inside), abs=1e-12
    )


def test_ssim_refuses_a_volume_smaller_than_its_window() -> None:
    small = np.ones((10, 12, 12), dtype=np.float32)
    with pytest.raises(ValueError, match="win_size"):
        ssim_body_suv20(small, small, small > 0)


@pytest.mark.parametrize("sides", [(10, 30, 30), (30, 10, 30), (30, 30, 3)])
def test_a_participant_whose_volume_is_smaller_than_the_window_has_a_reason_and_no_ssim(
    sides: tuple[int, int, int],
) -> None:
    image = np.ones(sides, np.float32)
    case = Case(
        participant="sub-01", predicted=image, delayed=image, early=image, body=image > 0,
        grid=Grid.regular(sides, (2.0, 2.0, 2.0)),
    )  # fmt: skip
    ((measurement,),) = (list(spec.measure(case)) for spec in SSIM_METRICS)
    assert measurement.value is None
    assert measurement.reason == f"a side of the volume has {min(sides)} voxels, and the window needs 11"


def test_errors_equal_torchmetrics_and_scikit_image() -> None:
    predicted, real = volumes()
    inside = body()
    masked = [torch.from_numpy(image.astype(float)[inside]) for image in (predicted, real)]
    import_torchvision()
    from torchmetrics.functional import regression

    theirs: Any = regression
    assert mae_body_suv(predicted, real, inside) == pytest.approx(float(theirs.mean_absolute_error(*masked)), abs=1e-9)
    mean_square = float(theirs.mean_squared_error(*masked))
    assert rmse_body_suv(predicted, real, inside) == pytest.approx(np.sqrt(mean_square), abs=1e-9)
    nrmse = skimage_metrics.normalized_root_mse(real.astype(float), predicted.astype(float), normalization="min-max")
    assert nrmse_volume_range(predicted, real) == pytest.approx(nrmse, abs=1e-9)
    mean = float(real.astype(float)[inside].mean())
    assert nmae_body(predicted, real, inside) == pytest.approx(mae_body_suv(predicted, real, inside) / mean, abs=1e-9)


def test_a_uniform_error_has_its_closed_form_in_every_convention() -> None:
    real = np.full((4, 5, 6), 2.0, dtype=np.float32)
    real[0, 0, 0] = 10.0
    predicted = real + np.float32(0.5)
    inside = np.ones(real.shape, dtype=bool)
    assert psnr_body_suv20(predicted, real, inside) == pytest.approx(20 * np.log10(20 / 0.5))
    assert psnr_volume_max(predicted, real) == pytest.approx(20 * np.log10(10 / 0.5))
    assert psnr_slice_volume_max(predicted, real, inside) == pytest.approx(20 * np.log10(10 / 0.5))
    assert mae_body_suv(predicted, real, inside) == pytest.approx(0.5)
    assert rmse_body_suv(predicted, real, inside) == pytest.approx(0.5)
    assert nrmse_volume_range(predicted, real) == pytest.approx(0.5 / 8.0)


def test_a_perfect_copy_scores_the_same_finite_psnr_in_every_convention() -> None:
    _, real = volumes()
    scores = psnr_body_suv20(real, real, body()), psnr_volume_max(real, real), psnr_slice_volume_max(real, real, body())
    assert scores == pytest.approx([20 * np.log10(2.0**24)] * 3)
    assert ssim_body_suv20(real, real, body()) == pytest.approx(1.0)


def test_an_empty_real_image_has_no_psnr() -> None:
    empty = np.zeros((2, 3, 4), dtype=np.float32)
    with pytest.raises(ValueError, match="peak above 0"):
        psnr_volume_max(empty, empty)
