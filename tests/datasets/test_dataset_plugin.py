from __future__ import annotations

import subprocess
import sys

from petbench_datasets.plugin import petbench_datasets


def test_the_simulated_cohorts_are_registered_by_name() -> None:
    specs = {spec.name: spec for spec in petbench_datasets()}
    assert {"fdg-phantom-mini", "fdg-phantom", "fdg-phantom-lesions"} <= set(specs)
    assert all(spec.summary and spec.licence and "\n" not in spec.summary for spec in specs.values())


def test_listing_the_cohorts_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom petbench_datasets.plugin import petbench_datasets\nlist(petbench_datasets())\n"
        "print([name for name in ('numpy', 'scipy', 'nibabel', 'torch', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
