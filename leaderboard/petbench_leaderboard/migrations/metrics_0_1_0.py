"""What 0.1.0 showed of its metrics. It stored none of that with the scores: here is what its code said.

History: it never changes, whatever the metrics say of themselves today.
"""

from __future__ import annotations

from typing import Any

_NAMES = ("label", "detail", "summary", "decimals", "best_value", "shown", "place")
_HIDDEN = (False, 1000)
_LIMITS = "mean over participants of an organ's bias, with its limits of agreement (Bland–Altman, mean ± 1.96 SD)"
_KERNEL = "kernel distance (polynomial, degree 3) of the same features; unbiased at any number of slices"
_METRICS: dict[str, tuple[object, ...]] = {
    "psnr_body_suv20": (
        "PSNR",
        "body",
        "inside the body, both images clipped to SUV 0–20, which is also the peak",
        2,
        None,
        True,
        10,
    ),
    "psnr_volume_max": (
        "PSNR",
        "volume",
        "whole field of view, the real volume's maximum as the peak",
        2,
        None,
        True,
        11,
    ),
    "psnr_slice_volume_max": (
        "PSNR",
        "slice",
        "mean over axial slices that meet the body, the real volume's maximum as the peak",
        2,
        None,
        True,
        12,
    ),
    "ssim_body_suv20": (
        "SSIM",
        "body",
        "three-dimensional, Gaussian window, range SUV 0–20, mean over the body",
        3,
        None,
        True,
        20,
    ),
    "mae_body_suv": ("MAE", "body", "mean absolute error inside the body", 3, None, True, 30),
    "rmse_body_suv": ("RMSE", "body", "root mean squared error inside the body", 3, None, True, 31),
    "organ_suvmean_error": (
        "Organ error",
        "SUVmean",
        "mean over organs of the absolute bias of SUVmean, bladder and kidneys left out",
        1,
        None,
        True,
        40,
    ),
    "fid": ("FID", "pool3", "Fréchet distance of the canonical Inception features of axial slices", 1, None, True, 50),
    "fd_768": (
        "FD-768",
        "Mixed 6e",
        "Fréchet distance of 768 Inception features; not to be compared with FID",
        3,
        None,
        True,
        51,
    ),
    "fd_randconv": (
        "FD-randconv",
        "",
        "Fréchet distance of features of a fixed random convolution network; no weights needed",
        2,
        None,
        True,
        52,
    ),
    "nrmse_volume_range": (
        "NRMSE",
        "volume",
        "root mean squared error of the whole field of view over the real image's range",
        4,
        None,
        *_HIDDEN,
    ),
    "nmae_body": ("NMAE", "body", "total absolute error inside the body over total uptake", 4, None, *_HIDDEN),
    "organ_suvmean_bias": ("Bias", "SUVmean", "of an organ's SUVmean; above 0 is too hot", 1, 0.0, *_HIDDEN),
    "organ_suvmax_bias": ("Bias", "SUVmax", "of an organ's SUVmax; above 0 is too hot", 1, 0.0, *_HIDDEN),
    "organ_suvpeak_bias": (
        "Bias",
        "SUVpeak",
        "of an organ's SUVpeak, the largest mean over 1 mL; above 0 is too hot",
        1,
        0.0,
        *_HIDDEN,
    ),
    "organ_tlg_bias": (
        "Bias",
        "TLG",
        "of SUVmean × volume within 41 % of each image's own maximum; above 0 is too much",
        1,
        0.0,
        *_HIDDEN,
    ),
    "organ_suvmean_bias_limits": ("Agreement", "SUVmean", _LIMITS, 1, 0.0, *_HIDDEN),
    "organ_suvmax_bias_limits": ("Agreement", "SUVmax", _LIMITS, 1, 0.0, *_HIDDEN),
    "organ_suvpeak_bias_limits": ("Agreement", "SUVpeak", _LIMITS, 1, 0.0, *_HIDDEN),
    "organ_tlg_bias_limits": ("Agreement", "TLG", _LIMITS, 1, 0.0, *_HIDDEN),
    "lesion_contrast_recovery": (
        "Contrast recovery",
        "lesion",
        "a lesion's contrast against its surroundings over the real one",
        1,
        100.0,
        *_HIDDEN,
    ),
    "lesion_detected_volume": (
        "Detected",
        "lesion",
        "volume of a lesion's real core that the prediction shows as hot",
        2,
        None,
        *_HIDDEN,
    ),
    "hallucinated_volume": (
        "Hallucinated",
        "SUV ≥ 4",
        "hot volume of the prediction that touches nothing hot in the real image",
        2,
        None,
        *_HIDDEN,
    ),
    "missed_volume": (
        "Missed",
        "SUV ≥ 4",
        "hot volume of the real image that touches nothing hot in the prediction",
        2,
        None,
        *_HIDDEN,
    ),
    "z_gradient_ratio": ("z change", "body", "change from slice to slice over the real image's", 3, 1.0, *_HIDDEN),
    "z_flicker_ratio": (
        "z flicker",
        "body",
        "jumps of a slice's brightness over those of the real image",
        3,
        1.0,
        *_HIDDEN,
    ),
    "noise_power_ratio": (
        "Noise power",
        "above half of Nyquist",
        "fine in-plane structure over that of the real image",
        3,
        1.0,
        *_HIDDEN,
    ),
    "liver_variation_ratio": (
        "Liver noise",
        "",
        "coefficient of variation inside the liver over that of the real image",
        3,
        1.0,
        *_HIDDEN,
    ),
    "kid": ("KID", "pool3", _KERNEL, 5, None, *_HIDDEN),
    "kd_768": ("KD-768", "Mixed 6e", _KERNEL, 5, None, *_HIDDEN),
    "kd_randconv": ("KD-randconv", "", _KERNEL, 5, None, *_HIDDEN),
}

METRICS_OF_0_1_0: dict[str, dict[str, Any]] = {
    metric: dict(zip(_NAMES, facts, strict=True)) for metric, facts in _METRICS.items()
}
"""By the metric's name, the columns of the table `metrics` that 0005 makes, all but the key."""
