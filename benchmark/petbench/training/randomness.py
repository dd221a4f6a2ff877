"""Seeds, and the state of every random number generator that a training may use."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench.training.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Mapping


def seed_everything(seed: int, stream: str = "weights") -> None:
    """Seed Python's, NumPy's and torch's global generators; call it before a method is built."""
    derived = derive_seed(seed, stream)
    random.seed(derived)
    np.random.seed(derived % 2**32)  # noqa: NPY002 - a plugin may use the legacy generator
    torch.manual_seed(derived)


def capture_random_state(device: torch.device) -> dict[str, Any]:
    """Return the state of all global generators as tensors, numbers and strings."""
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": (str(name), torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached),
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """Put back what `capture_random_state` gave."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
