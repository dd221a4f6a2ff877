"""What the author of a method trained step by step works with: the base class, its batches and its updates."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from petbench.errors import PluginError
from petbench.intensity import IntensityMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from petbench.step_parameters import StepParameters


@dataclass(frozen=True, slots=True)
class Scans:
    """Mapped early images, and what the method named in `MethodSpec.needs`.

    Attributes:
        early: (batch, early_slices, y, x) in [-1, 1].
        inputs: by the name of the need. Numbers, float32: `weight` (kg), `dose` (MBq), `height` (m), `age` (years) and
            `sex` (0 female, 1 male, 0.5 other) of shape (batch,); `spacing` (mm) of shape (batch, 3), for z, y, x;
            `times` (minutes after the injection) of shape (batch, 4), for start and end of the early and of the delayed
            image. Images of the slices of `early`: `ct` (HU, float32) and `labels` (int64) of shape
            (batch, early_slices, y, x), and `frames`, mapped to [-1, 1], of shape (batch, frames, early_slices, y, x).
            Outside a volume they are air: -1000 HU, label 0, -1. In training they are shifted as `early` is. The factor
            of `intensity_jitter` is on `early`, `delayed` and `frames`, and on nothing else.
    """

    early: Tensor
    inputs: Mapping[str, Tensor] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True, slots=True)
class Batch(Scans):
    """Mapped images of one step: `Scans`, with what they are to become.

    Attributes:
        early: (batch, early_slices, y, x) in [-1, 1].
        delayed: (batch, delayed_slices, y, x) in [-1, 1]; of the same slices as `early` for a paired method,
            sampled independently for an unpaired one, which has no inputs of it.
        inputs: as in `Scans`, of `early`.
    """

    delayed: Tensor


@dataclass(frozen=True, slots=True)
class Update:
    """One optimizer step: down the gradient of the sum of `terms`, for the weights that `optimizer` owns.

    Attributes:
        optimizer: one of the names in `StepMethod.optimizers`.
        terms: each term of the loss by its name, weighted, a scalar.
    """

    optimizer: str
    terms: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Optimization:
    """How weights are optimized, where Adam as the parameters say is not what a method wants.

    Attributes:
        optimizer: any of torch's, or several that share one `Update`, each with its own weights and rate. The rates of
            its groups are those that `schedule` multiplies.
        schedule: the factor on each rate, from the share of the budget that is spent, 0 to 1; see `petbench.schedules`.
            None: constant, then linear to 0 from `decay_start` on.
        clip_norm: largest norm of all gradients of an update together; None for no limit.
        accumulate: updates whose gradients are averaged for one step of the optimizer.
        average: decay of an exponential moving average of the weights, such as 0.999, which validates and predicts in
            the weights' place; None for no average. Polyak, Juditsky, SIAM J. Control Optim. 30:838, 1992.
    """

    optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer]
    schedule: Callable[[float], float] | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    average: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            PluginError: it cannot.
        """
        if not self.optimizers or not all(isinstance(one, torch.optim.Optimizer) for one in self.optimizers):
            raise PluginError("Optimization(optimizer=...): it is one of torch's optimizers, or several in a list")
        if not isinstance(self.accumulate, int) or self.accumulate < 1:
            raise PluginError(f"Optimization(accumulate={self.accumulate!r}): it is a whole number from 1 on")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise PluginError(f"Optimization(clip_norm={self.clip_norm!r}): it is above 0, or None")
        if self.average is not None and not 0 < self.average < 1:
            raise PluginError(f"Optimization(average={self.average!r}): it lies between 0 and 1, or is None")

    @property
    def optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """All of them."""
        several = isinstance(self.optimizer, list | tuple)
        return tuple(self.optimizer) if several else (self.optimizer,)  # type: ignore[arg-type,return-value]


class StepMethod(nn.Module):
    """A method whose training is a sequence of equal steps.

    A subclass is made from its parameters alone, builds its networks in `__init__` as attributes, writes
    `training_step` and `translate`, and names its optimizers in `optimizers` where there is more than one. Precision,
    compilation, optimizers, schedule, data, checkpoints, resume and validation are the harness's. Whatever must
    survive a kill is a parameter or a buffer.

    Attributes:
        early_slices: neighbouring slices in one early image, the middle one being translated.
        delayed_slices: slices in one delayed image; in a budget each of them counts as an image.
        size_multiple: y and x of every image are padded with air to a multiple of this.
        capturable: every training step launches the same kernels on the same tensors: its course depends on no value
            on the device, it draws random numbers from torch alone, and what it keeps it changes in place (`copy_`,
            `add_`). On a CUDA device such steps are recorded once and replayed, which is several times faster.
        draws: `translate` draws random numbers, from torch's own generator. The harness sets its seed for each sample
            of each image, so that a prediction repeats, and takes the mean of as many samples as `SamplingParameters`
            says, which the method's parameters are then made from too.
        splittable: the gradient of a batch is the mean of the gradients of its halves, so that several processes may
            share a training, each with its part of every batch: every term is a mean over images, none looks at two
            images of a batch together, every step yields the same updates, and what is kept from step to step is a
            parameter or a buffer. Buffers and torch's random numbers are each process's own. Batch norm,
            torch's own in 2D and 3D, is the harness's care: on CUDA it takes its means over all parts.
        intensity: the map between SUV and [-1, 1]; there from the beginning of training on, and part of the state.
    """

    early_slices = 1
    delayed_slices = 1
    size_multiple = 1
    capturable = False
    splittable = False
    draws = False

    def __init__(self, parameters: StepParameters) -> None:
        super().__init__()
        self.parameters_chosen = parameters
        self._intensity = None if parameters.suv_clip == "auto" else IntensityMap(parameters.suv_clip)

    @property
    def intensity(self) -> IntensityMap:
        """The map between SUV and [-1, 1].

        Raises:
            PluginError: it is chosen from the training images, training has not begun, and no state was loaded.
        """
        if self._intensity is None:
            raise PluginError(
                "suv_clip=auto is chosen when training begins, and comes back with load_state_dict: there is no "
                "self.intensity before that"
            )
        return self._intensity

    @intensity.setter
    def intensity(self, intensity: IntensityMap) -> None:
        self._intensity = intensity

    def get_extra_state(self) -> Tensor:
        """Return where the intensity map ends, for torch to keep with the weights; NaN before it is chosen."""
        return torch.tensor(self._intensity.suv_clip if self._intensity else math.nan, dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Take back the intensity map that weights were trained with."""
        if not math.isnan(float(state)):
            self._intensity = IntensityMap(float(state))

    def optimizers(self) -> Mapping[str, nn.Module | torch.optim.Optimizer | Optimization]:
        """Return what optimizes which weights, by the name that `Update` uses.

        A module stands for Adam over its weights, as the parameters say; an optimizer of torch's for itself, with the
        usual schedule; an `Optimization` also has a schedule, clipping, accumulation and an average of its own. Weights
        that need no gradient when training begins are left as they are.
        """
        return {"model": self}

    def training_step(self, batch: Batch) -> Mapping[str, Tensor] | Iterator[Update]:
        """Return weighted loss terms for the one optimizer, or yield one `Update` after the other.

        Between two yields the harness has cleared the gradients, gone backward and stepped, so that the code after
        a yield already sees the changed weights.
        """
        raise NotImplementedError(f"{type(self).__name__} has no training_step")

    def validate(self, batch: Batch) -> Mapping[str, Tensor]:
        """Return terms to watch beside the harness's own validation, each a tensor of one number; optional.

        It is called without gradient and in evaluation mode, on batches that together hold every filled slice of the
        validation participants once, as they are. The mean of each term over the slices is logged at every validation
        and shown with its curves as `own/NAME`. It chooses no weights and ends no training.
        """
        raise NotImplementedError(f"{type(self).__name__} has no validate")

    def translate(self, scans: Scans) -> Tensor:
        """Turn `scans.early`, (batch, early_slices, y, x), into (batch, delayed_slices, y, x), both in [-1, 1].

        In a training step it may be given the `Batch`: a batch is `Scans` too.
        """
        raise NotImplementedError(f"{type(self).__name__} has no translate")

    @staticmethod
    @contextlib.contextmanager
    def frozen(*modules: nn.Module) -> Iterator[None]:
        """Within the block, no gradient is computed for the parameters of `modules`; it still flows through them."""
        for module in modules:
            module.requires_grad_(requires_grad=False)
        try:
            yield
        finally:
            for module in modules:
                module.requires_grad_(requires_grad=True)
