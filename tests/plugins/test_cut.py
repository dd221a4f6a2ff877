"""CUT against its paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from petbench import Batch
from petbench_gan.cut import FEATURE_LAYERS, Cut, patch_nce
from petbench_gan.parameters import CutParameters

SMALL = {
    "blocks": 5, "width": 4, "discriminator_layers": 1, "discriminator_width": 4, "patches": 8, "feature_size": 6
}  # fmt: skip


def make() -> Cut:
    torch.manual_seed(0)
    return Cut(CutParameters.model_validate(SMALL))


def test_the_contrast_is_the_cross_entropy_of_finding_ones_own_patch() -> None:
    generator = np.random.default_rng(0)
    queries, keys = (generator.standard_normal((2, 5, 3)) for _ in range(2))
    queries /= np.linalg.norm(queries, axis=-1, keepdims=True)
    keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
    losses = []
    for image in range(2):
        for place in range(5):
            cosines = np.array([queries[image, place] @ key for key in keys[image]]) / 0.07
            losses.append(-cosines[place] + np.log(np.exp(cosines - cosines.max()).sum()) + cosines.max())
    result = patch_nce(torch.from_numpy(queries), torch.from_numpy(keys), 0.07)
    assert float(result) == pytest.approx(np.mean(losses))


def test_features_come_from_the_published_layers() -> None:
    method = make()
    shapes = [
        tuple(features.shape[1:]) for features in method.generator.features(torch.zeros(1, 1, 32, 32), FEATURE_LAYERS)
    ]
    assert shapes == [(1, 38, 38), (8, 16, 16), (16, 8, 8), (16, 8, 8), (16, 8, 8)]


def test_the_discriminator_steps_first_and_the_heads_step_with_the_generator() -> None:
    method = make()
    batch = Batch(torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32))
    first, second = list(method.training_step(batch))
    assert (first.optimizer, second.optimizer) == ("discriminator", "generator")
    assert set(second.terms) == {"gan", "contrast", "contrast_identity"}
    torch.stack(list(second.terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in method.heads.parameters())
    assert all(parameter.grad is None for parameter in method.discriminator.parameters())
    owned = sum(parameter.numel() for module in method.optimizers().values() for parameter in module.parameters())
    assert owned == sum(parameter.numel() for parameter in method.parameters())
