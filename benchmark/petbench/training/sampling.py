"""Predictions of methods that draw them: each sample from a seed of its own, and their mean."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from petbench.errors import PluginError
from petbench.step_parameters import SamplingParameters
from petbench.training.prediction import translate_volume
from petbench.training.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.contract import Volume
    from petbench.scan import Scan
    from petbench.step_method import StepMethod
    from petbench.training.runnable_method import Keep


def predict_volume(method: StepMethod, scan: Scan, keep: Keep | None = None) -> Volume:
    """Predict a delayed volume (z, y, x) in SUV: what `translate` gives, or the mean of what a method draws.

    Args:
        method: trained.
        scan: of one participant.
        keep: given each sample as it is drawn; None where nobody keeps them.

    Raises:
        PluginError: what the method gives is no prediction, or samples are to be kept and it draws none.
    """
    if not method.draws:
        if keep is not None:
            raise PluginError(f"{type(method).__name__} has no samples to keep: it does not say draws = True")
        return translate_volume(method, scan)
    total = np.zeros(scan.early.shape, dtype=np.float64)
    for sample in samples_of(method, scan):
        total += sample
        if keep is not None:
            keep(sample)
    mean: Volume = (total / number_of_samples(method)).astype(np.float32)
    return mean


def samples_of(method: StepMethod, scan: Scan) -> Iterator[Volume]:
    """Draw predictions (z, y, x) in SUV, each from a seed that depends on the early image and the sample's number.

    Another run, another machine of the same kind or another order of participants therefore draws the same.
    """
    image = zlib.crc32(np.ascontiguousarray(scan.early, dtype=np.float32).tobytes())
    devices = [weight.device for weight in method.parameters() if weight.is_cuda][:1]
    for number in range(number_of_samples(method)):
        with torch.random.fork_rng(devices):
            torch.manual_seed(derive_seed("sample", image, number))
            drawn = translate_volume(method, scan)
        yield drawn


def number_of_samples(method: StepMethod) -> int:
    """Return how many predictions of an image are averaged.

    Raises:
        PluginError: the method draws and its parameters do not say.
    """
    chosen = method.parameters_chosen
    if not isinstance(chosen, SamplingParameters):
        raise PluginError(
            f"{type(method).__name__} draws its predictions: make its parameters from petbench.SamplingParameters too"
        )
    return chosen.samples
