"""pretrained-curve: weights that were trained elsewhere, applied as they are."""

import importlib.resources
import json

import numpy as np


class PretrainedCurve:
    """Delayed SUV as a curve of early SUV; the curve comes with the package.

    For a network, keep its weights in a file that holds no code, such as .npz or .safetensors, or load them with
    torch.load(..., weights_only=True).
    """

    def __init__(self):
        text = importlib.resources.files("pretrained_curve").joinpath("weights.json").read_text(encoding="utf-8")
        self.weights = json.loads(text)

    def fit(self, data, run):
        """Learn nothing."""

    def predict(self, scan):
        """Predict one delayed volume in SUV from the early one, (z, y, x), float32."""
        return np.interp(scan.early, self.weights["early_suv"], self.weights["delayed_suv"]).astype(np.float32)

    def state_dict(self):
        """Return the weights, so that the run keeps what it was made with."""
        return self.weights

    def load_state_dict(self, state):
        """Take back what state_dict gave."""
        self.weights = dict(state)
