"""Features of real slices, kept on disk: they are the same for every run on a dataset."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.protocol import SLICE_RULE
from petbench.evaluation.slices import digest_of
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from petbench.evaluation.extractors.base import Extractor


class FeatureCache:
    """Features by dataset fingerprint, extractor and slice rule, one `.npz` a participant or set.

    Features themselves are kept, not only their mean and covariance: the kernel distance needs them.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder / "features" / fingerprint[:16]

    def features(self, extractor: Extractor, participant: str, slices: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the features of a participant's real slices, computed unless kept ones are of these very slices."""
        content = digest_of(slices)
        kept = self.load(extractor, participant, content)
        if kept is not None:
            return kept
        features = extractor(slices)
        self.store(extractor, participant, features, content)
        return features

    def load(self, extractor: Extractor, name: str, content: str = "") -> NDArray[np.float64] | None:
        """Return what was stored under `name` for the same content, or None; a damaged file counts as none."""
        path = self._path(extractor, name)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if str(arrays["content"]) != content or str(arrays["extractor"]) != extractor.id:
                    return None
                features = np.asarray(arrays["features"], dtype=np.float64)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return features if features.ndim == 2 and features.shape[1] == extractor.dimension else None

    def store(self, extractor: Extractor, name: str, features: NDArray[np.float64], content: str = "") -> None:
        """Keep `features` under `name`, wholly or not at all."""
        with atomic_path(self._path(extractor, name)) as temporary:
            np.savez(temporary, features=features, content=np.array(content), extractor=np.array(extractor.id))

    def _path(self, extractor: Extractor, name: str) -> Path:
        key = hashlib.sha256(f"{extractor.id}|{extractor.digest}|{SLICE_RULE}".encode()).hexdigest()[:16]
        return self._folder / key / f"{name}.npz"
