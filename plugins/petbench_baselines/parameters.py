"""Parameters of the fitted baselines, readable without torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RidgeParameters(BaseModel):
    """Settings of `ridge`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius_z: int = Field(1, ge=0, le=4, description="neighbours below and above, slices")
    radius_yx: int = Field(2, ge=0, le=6, description="neighbours along y and x, voxels")
    penalty: float = Field(1e-3, ge=0, description="ridge penalty as a share of the features' mean square")


class KineticParameters(BaseModel):
    """Settings of `kinetic`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bins: int = Field(40, ge=2, le=500, description="levels of early SUV with a net influx rate of their own")
    early_start_minutes: float = Field(7.0, gt=0, description="early window after injection: its start")
    early_end_minutes: float = Field(21.0, gt=0, description="its end")
    delayed_start_minutes: float = Field(42.0, gt=0, description="delayed window after injection: its start")
    delayed_end_minutes: float = Field(63.0, gt=0, description="its end")
