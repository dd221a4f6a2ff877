"""sgd-voxels: a loop of its own around scikit-learn, with budget, checkpoints and resume from petbench."""

import numpy as np
from scipy.ndimage import uniform_filter
from sklearn.linear_model import SGDRegressor


class SgdVoxels:
    """Corrects the early image by a linear function of each voxel, its square and the mean around it."""

    def __init__(self, parameters):
        self.rate = parameters.rate
        self.model = None

    def fit(self, data, run):
        """See one slice at a time, in an order that depends on the run's seed and on the slice's number alone."""
        self.model = SGDRegressor(
            loss="huber", epsilon=0.5, learning_rate="constant", eta0=self.rate, penalty=None, random_state=run.seed
        )
        self.model.partial_fit(np.zeros((1, 5)), [0.0])  # makes its arrays, so that a checkpoint can fill them
        state = run.resume_state()
        if state is not None:
            self.load_state_dict(state)
        pairs = [
            (scan.early, delayed) for scan, delayed in data.pairs()
        ]  # read once; a dataset larger than memory is better read slice by slice
        slices = [(participant, z) for participant, (early, _) in enumerate(pairs) for z in range(len(early))]
        while not run.should_stop():
            epoch, place = divmod(run.images_seen, len(slices))
            order = np.random.default_rng([run.seed, epoch]).permutation(len(slices))
            participant, z = slices[order[place]]
            early, delayed = pairs[participant]
            features = self._features(early[z]).reshape(-1, 5)
            inside = early[z].ravel() > 0.1
            if inside.any():
                missing = (delayed[z] - early[z]).ravel()
                self.model.partial_fit(features[inside], missing[inside])
            run.advance(1, lambda: {"weight_norm": float(np.linalg.norm(self.model.coef_))})
            run.checkpoint(self.state_dict)
        run.checkpoint(self.state_dict, force=True)

    def predict(self, scan):
        """Predict one delayed volume in SUV from the early one, (z, y, x), float32."""
        early = scan.early
        correction = self._features(early) @ self.model.coef_ + self.model.intercept_
        return np.where(early > 0.1, np.maximum(early + correction, 0), early).astype(np.float32)

    def state_dict(self):
        """Return all that predict and a resume need: plain numbers, no pickled estimator."""
        model = self.model
        return {"coef": model.coef_.tolist(), "intercept": model.intercept_.tolist(), "t": float(model.t_)}

    def load_state_dict(self, state):
        """Take back what state_dict gave."""
        if self.model is None:
            self.model = SGDRegressor()
        self.model.coef_ = np.asarray(state["coef"])
        self.model.intercept_ = np.asarray(state["intercept"])
        self.model.t_ = state["t"]

    def _features(self, early):
        """Return (..., y, x, 5), each of about the size of 1; what surrounds a voxel lies in its own slice."""
        scaled = early.astype(np.float64) / 5
        near, far = (uniform_filter(scaled, size=size, axes=(-2, -1)) for size in (3, 9))
        return np.stack([scaled, np.minimum(scaled, 4) ** 2, near, far, np.sqrt(scaled.clip(0))], axis=-1)
