"""The splits of a simulated dataset: participant by participant, women and men in every part that is large enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.dataset.split import Fold, Split

if TYPE_CHECKING:
    from petbench_phantom.spec import PhantomSpec


def splits(spec: PhantomSpec, fingerprint: str) -> list[Split]:
    """Return `holdout`, and `cv<n>` where the profile has folds, for a dataset of that fingerprint."""
    names = [f"sub-{index + 1:02d}" for index in range(spec.participants)]
    train, validation, _ = spec.holdout
    holdout = Fold(tuple(names[:train]), tuple(names[train : train + validation]), tuple(names[train + validation :]))
    result = [Split("holdout", fingerprint, (holdout,), spec.asks.id)]
    if spec.folds:
        size = spec.participants // spec.folds
        # Neighbours alternate between women and men, so that a block of them is mixed.
        blocks = [tuple(names[start : start + size]) for start in range(0, len(names), size)]
        folds = []
        for number, test in enumerate(blocks):
            other = blocks[(number + 1) % len(blocks)]
            rest = tuple(name for name in names if name not in test and name not in other)
            folds.append(Fold(rest, other, test))
        result.append(Split(f"cv{spec.folds}", fingerprint, tuple(folds), spec.asks.id))
    return result
