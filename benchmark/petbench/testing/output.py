"""Checks of what a trained method draws, and of what it can be brought back from."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from petbench.testing.subject import expect, largest_difference

if TYPE_CHECKING:
    from petbench.testing.subject import Subject


def output_format(subject: Subject) -> str:
    """One early volume gives one delayed volume: its shape, float32, SUV, finite and not negative."""
    drawn = subject.predict(subject.trained[0])
    expect(drawn.shape == subject.unseen.shape, f"draws {drawn.shape} of an early volume {subject.unseen.shape}")
    expect(drawn.dtype == np.float32, f"draws {drawn.dtype}, not float32")
    expect(np.isfinite(drawn).all(), "draws NaN or infinite voxels")
    expect(drawn.min() >= 0, f"draws SUV {drawn.min():.3g}: activity is not negative")
    # A body's mean SUV is about 1 by definition; an untrained network is far off, a wrong unit further.
    expect(drawn.mean() < 100 * subject.unseen.mean(), f"draws a mean of {drawn.mean():.3g}, which is no SUV")
    return f"SUV 0 to {drawn.max():.3g}"


def deterministic_evaluation(subject: Subject) -> str:
    """The same early volume gives the same delayed one, whatever was drawn or computed before."""
    import torch

    method, _ = subject.trained
    first = subject.predict(method)
    method.predict(subject.unseen[::-1].copy())
    np.random.seed(1)  # noqa: NPY002 - a method that leans on the global generators is what is looked for
    torch.manual_seed(1)
    second = subject.predict(method)
    expect(
        np.array_equal(first, second),
        lambda: f"two predictions of one volume differ by up to SUV {largest_difference(first, second):.3g}",
    )
    return "to the bit"


def untouched_input(subject: Subject) -> str:
    """The early volume is the same after a prediction, and the answer is not a view of it."""
    method, _ = subject.trained
    given = subject.unseen.copy()
    drawn = np.asarray(method.predict(given))
    expect(np.array_equal(given, subject.unseen), "changes the early volume that it is given; copy it first")
    expect(not np.shares_memory(given, drawn), "returns the memory of the early volume; return a copy")
    return ""


def state_round_trip(subject: Subject) -> str:
    """A fresh method that loads the trained one's state, through a file without code in it, draws the same."""
    import torch

    method, _ = subject.trained
    buffer = io.BytesIO()
    torch.save(dict(method.state_dict()), buffer)
    size = buffer.tell()
    buffer.seek(0)
    state: dict[str, Any] = torch.load(buffer, weights_only=True)
    fresh = subject.build()
    fresh.load_state_dict(state)
    first, second = subject.predict(method), subject.predict(fresh)
    expect(
        np.array_equal(first, second),
        lambda: f"draws another image after load_state_dict, by up to SUV {largest_difference(first, second):.3g}",
    )
    return f"{size / 1e6:.3g} MB"
