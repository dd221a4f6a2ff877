"""The parameters that every method trained step by step has. Nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from petbench_leaderboard.records import MOST_SAMPLES


class StepParameters(BaseModel):
    """What every method trained step by step lets its user choose; a method adds its own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(24_000, ge=1, description="training budget when none is asked for: images seen")
    batch_size: int = Field(16, ge=1, description="images of one optimizer step")
    learning_rate: float = Field(2e-4, gt=0, description="Adam's step size before it decays")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's decay of the first moment")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's decay of the second moment")
    decay_start: float = Field(0.5, ge=0, le=1, description="share of the budget after which the rate falls to 0")
    shift_voxels: int = Field(8, ge=0, description="augmentation: largest shift along y and x, whole voxels")
    intensity_jitter: float = Field(0.0, ge=0, le=2, description="augmentation: SUV times exp(u), u within this of 0")
    suv_clip: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(
        "auto",
        description="SUV at the upper end of the intensity map; auto: 1.25 times the highest SUV of the training and "
        "validation images, rounded up to a multiple of 10 (petbench datasets suv-range)",
    )
    norm_eval: Literal["auto", "running", "batch"] = Field(
        "auto",
        description="batch norm when predicting: running statistics, or those of each image alone; "
        "auto takes running from batch size 8 on",
    )
    dropout_eval: bool = Field(False, description="keep dropout on when predicting, as the pix2pix paper does")
    validations: int = Field(5, ge=0, description="how often the validation participants are scored during training")
    selection: Literal["last", "best"] = Field(
        "last", description="which weights predict: the last, or those of the lowest validation MAE"
    )
    patience: int = Field(
        0, ge=0, description="validations without an improvement after which training ends before its budget; 0: never"
    )
    patience_tolerance: float = Field(
        0.001, ge=0, lt=1, description="share by which validation MAE has to fall to be an improvement"
    )

    @model_validator(mode="after")
    def _ends_as_it_says(self) -> Self:
        """Refuse rules of how training ends that cannot do what they say."""
        if self.patience and self.decay_start < 1:
            raise ValueError(
                "patience ends training when validation no longer improves, and a learning rate that falls with the "
                "budget makes it so by itself: set decay_start=1 beside it, for a constant rate"
            )
        if self.patience >= max(1, self.validations):
            raise ValueError(f"patience={self.patience} is never used up by validations={self.validations}; set more")
        if self.selection == "best" and not self.validations:
            raise ValueError("selection=best chooses among validations, and validations=0; set more, or selection=last")
        return self


class SamplingParameters(BaseModel):
    """What a method that draws its predictions lets its user choose besides; see `StepMethod.draws`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: int = Field(
        1, ge=1, le=MOST_SAMPLES, description="predictions that are drawn of each participant and averaged"
    )
