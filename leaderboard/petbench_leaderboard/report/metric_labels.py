"""How every metric of the protocol is called where people read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """How one metric is shown.

    Attributes:
        name: the column's head.
        detail: what tells it from its neighbours, in a few words.
        decimals: digits after the point.
        explanation: one sentence for the notes under the table.
        best: the best value of a metric that is neither better higher nor lower.
    """

    name: str
    detail: str
    decimals: int
    explanation: str
    best: float | None = None


_LIMITS = "mean over participants of an organ's bias, with its limits of agreement (Bland–Altman, mean ± 1.96 SD)"
_KERNEL = "kernel distance (polynomial, degree 3) of the same features; unbiased at any number of slices"

LABELS = {
    "psnr_body_suv20": Label(
        "PSNR", "body", 2, "inside the body, both images clipped to SUV 0–20, which is also the peak"
    ),
    "psnr_volume_max": Label("PSNR", "volume", 2, "whole field of view, the real volume's maximum as the peak"),
    "psnr_slice_volume_max": Label(
        "PSNR", "slice", 2, "mean over axial slices that meet the body, the real volume's maximum as the peak"
    ),
    "ssim_body_suv20": Label(
        "SSIM", "body", 3, "three-dimensional, Gaussian window, range SUV 0–20, mean over the body"
    ),
    "mae_body_suv": Label("MAE", "body", 3, "mean absolute error inside the body"),
    "rmse_body_suv": Label("RMSE", "body", 3, "root mean squared error inside the body"),
    "organ_suvmean_error": Label(
        "Organ error", "SUVmean", 1, "mean over organs of the absolute bias of SUVmean, bladder and kidneys left out"
    ),
    "fid": Label("FID", "pool3", 1, "Fréchet distance of the canonical Inception features of axial slices"),
    "fd_768": Label("FD-768", "Mixed 6e", 3, "Fréchet distance of 768 Inception features; not to be compared with FID"),
    "fd_randconv": Label(
        "FD-randconv", "", 2, "Fréchet distance of features of a fixed random convolution network; no weights needed"
    ),
    "nrmse_volume_range": Label(
        "NRMSE", "volume", 4, "root mean squared error of the whole field of view over the real image's range"
    ),
    "nmae_body": Label("NMAE", "body", 4, "total absolute error inside the body over total uptake"),
    "organ_suvmean_bias": Label("Bias", "SUVmean", 1, "of an organ's SUVmean; above 0 is too hot", best=0.0),
    "organ_suvmax_bias": Label("Bias", "SUVmax", 1, "of an organ's SUVmax; above 0 is too hot", best=0.0),
    "organ_suvpeak_bias": Label(
        "Bias", "SUVpeak", 1, "of an organ's SUVpeak, the largest mean over 1 mL; above 0 is too hot", best=0.0
    ),
    "organ_tlg_bias": Label(
        "Bias",
        "TLG",
        1,
        "of SUVmean × volume within 41 % of each image's own maximum; above 0 is too much",
        best=0.0,
    ),
    "organ_suvmean_bias_limits": Label("Agreement", "SUVmean", 1, _LIMITS, best=0.0),
    "organ_suvmax_bias_limits": Label("Agreement", "SUVmax", 1, _LIMITS, best=0.0),
    "organ_suvpeak_bias_limits": Label("Agreement", "SUVpeak", 1, _LIMITS, best=0.0),
    "organ_tlg_bias_limits": Label("Agreement", "TLG", 1, _LIMITS, best=0.0),
    "lesion_contrast_recovery": Label(
        "Contrast recovery", "lesion", 1, "a lesion's contrast against its surroundings over the real one", best=100.0
    ),
    "lesion_detected_volume": Label(
        "Detected", "lesion", 2, "volume of a lesion's real core that the prediction shows as hot"
    ),
    "hallucinated_volume": Label(
        "Hallucinated", "SUV ≥ 4", 2, "hot volume of the prediction that touches nothing hot in the real image"
    ),
    "missed_volume": Label(
        "Missed", "SUV ≥ 4", 2, "hot volume of the real image that touches nothing hot in the prediction"
    ),
    "z_gradient_ratio": Label("z change", "body", 3, "change from slice to slice over the real image's", best=1.0),
    "z_flicker_ratio": Label(
        "z flicker", "body", 3, "jumps of a slice's brightness over those of the real image", best=1.0
    ),
    "noise_power_ratio": Label(
        "Noise power", "above half of Nyquist", 3, "fine in-plane structure over that of the real image", best=1.0
    ),
    "liver_variation_ratio": Label(
        "Liver noise", "", 3, "coefficient of variation inside the liver over that of the real image", best=1.0
    ),
    "kid": Label("KID", "pool3", 5, _KERNEL),
    "kd_768": Label("KD-768", "Mixed 6e", 5, _KERNEL),
    "kd_randconv": Label("KD-randconv", "", 5, _KERNEL),
}
"""Every metric that a run stores; a plugin's own goes by the name that the plugin gave it."""

HEADLINE = tuple(LABELS)[: list(LABELS).index("fd_randconv") + 1]
"""The columns of the leaderboard's page, in order; a board shows those that it has."""
