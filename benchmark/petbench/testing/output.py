"""Checks of what a trained method predicts, and of the state it can be loaded from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petbench.scan import with_images
from petbench.testing.subject import expect, largest_difference

if TYPE_CHECKING:
    from petbench.testing.subject import Subject


def output_format(subject: Subject) -> str:
    """One early volume gives one delayed volume: its shape, float32, SUV, finite and not negative."""
    predicted = subject.predict(subject.trained[0])
    early = subject.unseen.early
    expect(predicted.shape == early.shape, f"predicts {predicted.shape} of an early volume {early.shape}")
    expect(predicted.dtype == np.float32, f"predicts {predicted.dtype}, not float32")
    expect(np.isfinite(predicted).all(), "predicts NaN or infinite voxels")
    expect(predicted.min() >= 0, f"predicts SUV {predicted.min():.3g}: activity is not negative")
    # A body's mean SUV is about 1 by definition; an untrained network is far off, a wrong unit further.
    expect(predicted.mean() < 100 * early.mean(), f"predicts a mean of {predicted.mean():.3g}, which is no SUV")
    return f"SUV 0 to {predicted.max():.3g}"


def deterministic_evaluation(subject: Subject) -> str:
    """The same early volume gives the same delayed one, whatever was random or computed before."""
    import torch

    method, _ = subject.trained
    first = subject.predict(method)
    method.predict(with_images(subject.unseen, lambda image: image[..., ::-1, :, :].copy()))
    np.random.seed(1)  # noqa: NPY002 - a method that uses the global generators is what is looked for
    torch.manual_seed(1)
    second = subject.predict(method)
    expect(
        np.array_equal(first, second),
        lambda: f"two predictions of one volume differ by up to SUV {largest_difference(first, second):.3g}",
    )
    return "to the bit"


def untouched_input(subject: Subject) -> str:
    """The scan is the same after a prediction, and the answer is not a view of its early volume."""
    method, _ = subject.trained
    given = subject.unseen.copy()
    predicted = np.asarray(method.predict(given))
    expect(
        np.array_equal(given.early, subject.unseen.early), "changes the early volume that it is given; copy it first"
    )
    for name, image in subject.unseen.images.items():
        expect(np.array_equal(given.images[name], image), f"changes the {name} that it is given; copy it first")
    expect(not np.shares_memory(given.early, predicted), "returns the memory of the early volume; return a copy")
    return ""


def state_round_trip(subject: Subject) -> str:
    """A fresh method that loads the trained one's state, through a file without code in it, predicts the same."""
    from petbench.methods import models

    method, _ = subject.trained
    buffer, state = models.written(method)
    size = buffer.getbuffer().nbytes
    fresh = subject.build()
    fresh.load_state_dict(state)
    first, second = subject.predict(method), subject.predict(fresh)
    expect(
        np.array_equal(first, second),
        lambda: f"predicts another image after load_state_dict, by up to SUV {largest_difference(first, second):.3g}",
    )
    return f"{size / 1e6:.3g} MB"
