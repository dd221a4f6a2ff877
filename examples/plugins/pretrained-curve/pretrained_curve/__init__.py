"""What petbench needs to know of pretrained-curve before it runs. Import nothing heavy here."""

from petbench import MethodSpec, hookimpl


def build(_parameters):
    """Make the method; heavy modules are imported only now."""
    from pretrained_curve.method import PretrainedCurve

    return PretrainedCurve()


@hookimpl
def petbench_methods():
    """Return the methods of this package."""
    return [
        MethodSpec(
            name="pretrained-curve",
            summary="a curve from early to delayed SUV, learnt elsewhere",
            build=build,
            supervision="no-target",  # it learns nothing here and is shown no delayed image
            citation="",
            licence="Apache-2.0",
        )
    ]
