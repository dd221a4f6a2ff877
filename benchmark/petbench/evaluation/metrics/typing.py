"""The arrays that metrics take: images in SUV and masks, shape (z, y, x)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32] | NDArray[np.float64]
Mask = NDArray[np.bool_]
