"""Features of the FID Inception network, computed by pytorch-fid's own network code."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from petbench.evaluation.extractors.base import FOLDED_MIXED6E_ID, MIXED6E_ID, POOL3_ID
from petbench.evaluation.extractors.precision import full_precision
from petbench.evaluation.extractors.weights import CANONICAL, FOLDED
from petbench.torchvision_shim import import_torchvision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    State = dict[str, torch.Tensor]

_BATCH = 32
_CLASSES = 1008
# What batch normalisation adds to the variance in this network: a variance of 1 − ε makes it divide by 1.
_EPSILON = 0.001
_building = threading.Lock()


class InceptionExtractor:
    """pytorch-fid's `InceptionV3` with given weights: `pool3` (2,048 features) or `mixed6e` (768).

    Slices go the way of pytorch-fid's own files: the channel repeated to RGB, divided by 255, resized bilinearly to
    299×299 with half-pixel corners, mapped to [−1, 1]; the map of features averaged over space. TF32 is off.
    """

    def __init__(self, *, id: str, dimension: int, digest: str, state: Mapping[str, torch.Tensor], device: str) -> None:  # noqa: A002
        self.id = id
        self.dimension = dimension
        self.digest = digest
        self._device = torch.device(device)
        # Channels last: the same sums in another order (4e-7 apart), in two thirds of the time on a CPU.
        self._network = _network(dimension, state).to(self._device, memory_format=torch.channels_last).eval()

    def __call__(self, slices: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the features of `slices`, shape (n, y, x), as a table of shape (n, dimension)."""
        features = np.empty((len(slices), self.dimension), dtype=np.float64)
        with torch.inference_mode(), full_precision():
            for start in range(0, len(slices), _BATCH):
                images = torch.from_numpy(np.ascontiguousarray(slices[start : start + _BATCH])).to(self._device)
                maps = self._network((images.float() / 255.0)[:, None].expand(-1, 3, -1, -1))[0]
                features[start : start + _BATCH] = maps.mean(dim=(2, 3)).double().cpu().numpy()
        return features


def canonical_pool3(path: Path, device: str = "cpu") -> InceptionExtractor:
    """Return the extractor behind FID, from the verified canonical file at `path`."""
    return InceptionExtractor(
        id=POOL3_ID, dimension=2048, digest=CANONICAL.sha256, state=_canonical_state(path), device=device
    )


def canonical_mixed6e(path: Path, device: str = "cpu") -> InceptionExtractor:
    """Return the 768-feature extractor from the verified canonical file at `path`."""
    return InceptionExtractor(
        id=MIXED6E_ID, dimension=768, digest=CANONICAL.sha256, state=_canonical_state(path), device=device
    )


def folded_mixed6e(path: Path, device: str = "cpu") -> InceptionExtractor:
    """Return the 768-feature extractor from the verified file of folded weights at `path`."""
    return InceptionExtractor(
        id=FOLDED_MIXED6E_ID, dimension=768, digest=FOLDED.sha256, state=folded_state(path), device=device
    )


def _canonical_state(path: Path) -> State:
    state: State = torch.load(path, map_location="cpu", weights_only=True)
    return state


def folded_state(path: Path) -> State:
    """Return a whole state of the network with the folded weights up to Mixed_6e and zeros in the layers after it.

    A folded kernel goes into `conv.weight` and a folded bias into `bn.bias`, with `bn.weight` 1, mean 0 and
    variance 1 − ε, so that batch normalisation adds the bias and does nothing else.
    """
    state = {name: torch.zeros_like(tensor) for name, tensor in _template().items()}
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            layer, kind = name.rsplit(".", 1)
            values = torch.from_numpy(arrays[name])
            if kind == "weight":
                state[f"{layer}.conv.weight"] = values
                state[f"{layer}.bn.weight"] = torch.ones(len(values))
                state[f"{layer}.bn.running_var"] = torch.full((len(values),), 1.0 - _EPSILON)
            else:
                state[f"{layer}.bn.bias"] = values
    return state


def _template() -> State:
    """Return a state with the names and shapes of the network's parameters."""
    torchvision = import_torchvision()
    with torch.random.fork_rng(devices=[]):
        network = torchvision.models.inception_v3(
            weights=None, num_classes=_CLASSES, aux_logits=False, init_weights=False
        )
    state: State = network.state_dict()
    return state


def _network(dimension: int, state: Mapping[str, torch.Tensor]) -> Any:
    """Build pytorch-fid's network up to the layer with `dimension` features, with `state` in it."""
    import_torchvision()
    from pytorch_fid.inception import InceptionV3

    with given_to_pytorch_fid(state):
        return InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[dimension]])


@contextlib.contextmanager
def given_to_pytorch_fid(state: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Let pytorch-fid build its network with `state`, where it would download weights without checking their hash."""
    import_torchvision()
    from pytorch_fid import inception

    with _building, torch.random.fork_rng(devices=[]):
        download = inception.load_state_dict_from_url
        inception.load_state_dict_from_url = lambda *_arguments, **_options: state
        try:
            yield
        finally:
            inception.load_state_dict_from_url = download
