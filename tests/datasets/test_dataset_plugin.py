from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from petbench_phantom.plugin import petbench_datasets
from petbench_phantom.spec import PROFILES, profile_name

if TYPE_CHECKING:
    from tests.datasets.conftest import Petbench

    from petbench_phantom.spec import Acquisition, Reconstruction


def test_the_simulated_datasets_are_registered_by_name() -> None:
    specs = {spec.name: spec for spec in petbench_datasets()}
    assert {"fdg-phantom-mini", "fdg-phantom", "fdg-phantom-lesions"} <= set(specs)
    assert all(spec.summary and spec.licence and "\n" not in spec.summary for spec in specs.values())


@pytest.mark.slow
def test_listing_the_datasets_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom petbench_phantom.plugin import petbench_datasets\nlist(petbench_datasets())\n"
        "print([name for name in ('numpy', 'scipy', 'nibabel', 'torch', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((None, None), "fdg-phantom"),
        (("multibed", None), "fdg-phantom-multibed"),
        ((None, "3d"), "fdg-phantom-3d"),
        (("multibed", "3d"), "fdg-phantom-multibed-3d"),
        (("simultaneous", "2d"), "fdg-phantom"),
    ],
)
def test_another_acquisition_or_reconstruction_is_a_registered_dataset(
    settings: tuple[Acquisition | None, Reconstruction | None], expected: str
) -> None:
    assert profile_name("fdg-phantom", *settings) == expected
    acquisition, reconstruction = settings
    spec = PROFILES[expected]
    assert acquisition in (None, spec.acquisition)
    assert reconstruction in (None, spec.reconstruction)
    assert expected in {registered.name for registered in petbench_datasets()}


def test_no_variant_passes_for_another_dataset() -> None:
    assert profile_name("fdg-phantom-multibed", "simultaneous") == "fdg-phantom"
    assert profile_name("fdg-phantom-mini", "multibed") is None
    assert profile_name("fdg-phantom-lesions", reconstruction="3d") is None
    assert profile_name("my-dataset", "multibed") is None
    fingerprints = [spec.fingerprint for spec in PROFILES.values() if spec.fingerprint]
    assert len(set(fingerprints)) == len(fingerprints)


@pytest.mark.slow
def test_the_command_says_which_datasets_have_variants(petbench: Petbench) -> None:
    _, said = petbench("datasets", "build", "fdg-phantom-mini", "--reconstruction", "3d", code=2)
    assert said.startswith("error: fdg-phantom-mini cannot be had with another")
    assert "fdg-phantom-multibed-3d" in said
    assert not petbench.home.exists()
