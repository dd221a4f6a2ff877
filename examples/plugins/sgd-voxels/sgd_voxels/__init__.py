"""What petbench needs to know of sgd-voxels before it runs. scikit-learn is imported only when it is built."""

from pydantic import BaseModel, ConfigDict, Field

from petbench import MethodSpec, hookimpl


class Parameters(BaseModel):
    """What `petbench run --set KEY=VALUE` can change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(600, ge=1, description="training budget when none is asked for: slices seen")
    rate: float = Field(0.02, gt=0, description="step size of the gradient descent")


def build(parameters):
    """Make the method; heavy modules are imported only now."""
    from sgd_voxels.method import SgdVoxels

    return SgdVoxels(parameters)


@hookimpl
def petbench_methods():
    """Return the methods of this package."""
    return [
        MethodSpec(
            name="sgd-voxels",
            summary="scikit-learn's linear regression on a voxel and its surroundings, by gradient descent",
            build=build,
            supervision="paired",
            parameters=Parameters,
            citation="Pedregosa et al.: Scikit-learn: Machine Learning in Python. JMLR 2011;12:2825-2830",
            licence="Apache-2.0",
        )
    ]
