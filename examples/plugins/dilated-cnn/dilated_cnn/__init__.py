"""What petbench needs to know of dilated-cnn before it runs. Import nothing heavy here."""

from pydantic import Field

from petbench import MethodSpec, StepParameters, hookimpl


class Parameters(StepParameters):
    """What `petbench run --set KEY=VALUE` can change; batch size, budget, rate and others come from petbench."""

    images: int = Field(6_000, ge=1, description="training budget when none is asked for: images seen")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's step size before it decays")
    beta1: float = Field(0.9, ge=0, lt=1, description="Adam's decay of the first moment")
    decay_start: float = Field(0.0, ge=0, le=1, description="share of the budget after which the rate falls to 0")
    width: int = Field(16, ge=1, le=256, description="channels of the network")


def build(parameters):
    """Make the method; torch is imported only now."""
    from dilated_cnn.method import DilatedCnn

    return DilatedCnn(parameters)


@hookimpl
def petbench_methods():
    """Return the methods of this package."""
    return [
        MethodSpec(
            name="dilated-cnn",
            summary="dilated convolutions that correct the early image, L1",
            build=build,
            supervision="paired",  # "unpaired": drawn independently; "no-target": sees no delayed image
            parameters=Parameters,
            citation="Yu, Koltun: Multi-Scale Context Aggregation by Dilated Convolutions. ICLR 2016. arXiv:1511.07122",
            licence="Apache-2.0",
        )
    ]
