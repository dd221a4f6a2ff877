"""The simulated datasets are a plugin's like any other's: found by the hook, with variants and a validation."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from petbench.plans.datasets import registered_as
from petbench_datasets.bids.description import write_description
from petbench_datasets.specs import DatasetSpec, find_variant
from petbench_datasets.tasks.built_in import BUILT_IN, DEFAULT_TASK
from petbench_phantom.plugin import petbench_datasets
from petbench_phantom.spec import PROFILES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

    from petbench_datasets.tasks.task import Task

SPECS = {spec.name: spec for spec in petbench_datasets()}


def variant(name: str, **options: str) -> str | None:
    return find_variant(SPECS.values(), name, options)


def test_the_simulated_datasets_are_registered_by_name() -> None:
    assert {"fdg-phantom-mini", "fdg-phantom", "fdg-phantom-lesions"} <= set(SPECS)
    assert all(spec.summary and spec.licence and "\n" not in spec.summary for spec in SPECS.values())


@pytest.mark.slow
def test_listing_the_datasets_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom petbench_phantom.plugin import petbench_datasets\nlist(petbench_datasets())\n"
        "print([name for name in ('numpy', 'scipy', 'nibabel', 'torch', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["fdg-phantom-mini", "fdg-phantom-60"])
@pytest.mark.parametrize("task", BUILT_IN.values(), ids=lambda task: task.name)
def test_a_simulated_dataset_has_a_variant_for_every_task_of_its_kinetics(name: str, task: Task) -> None:
    found = variant(name, task=task.name)
    if task.tracer != "FDG":
        assert found is None
        return
    assert found is not None
    assert PROFILES[found].asks == task
    assert (found == name) == (task == DEFAULT_TASK) == (SPECS[found].validate is not None)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "fdg-phantom"),
        ({"acquisition": "multibed"}, "fdg-phantom-multibed"),
        ({"reconstruction": "3d"}, "fdg-phantom-3d"),
        ({"acquisition": "multibed", "reconstruction": "3d"}, "fdg-phantom-multibed-3d"),
        ({"acquisition": "simultaneous", "reconstruction": "2d"}, "fdg-phantom"),
    ],
)
def test_another_acquisition_or_reconstruction_is_a_registered_dataset(options: dict[str, str], expected: str) -> None:
    assert variant("fdg-phantom", **options) == expected
    profile = PROFILES[expected]
    built = {"acquisition": profile.acquisition, "reconstruction": profile.reconstruction, "task": profile.task}
    assert built == built | options == SPECS[expected].options


def test_the_sixty_have_a_variant_scanned_as_the_papers_people_probably_were() -> None:
    assert variant("fdg-phantom-60", acquisition="multibed", reconstruction="3d") == "fdg-phantom-60-multibed-3d"


def test_no_variant_passes_for_another_dataset() -> None:
    assert variant("fdg-phantom-multibed", acquisition="simultaneous") == "fdg-phantom"
    assert variant("fdg-phantom-mini", acquisition="multibed") is None
    assert variant("fdg-phantom-lesions", reconstruction="3d") is None
    assert variant("my-dataset", acquisition="multibed") is None
    fingerprints = [spec.fingerprint for spec in PROFILES.values() if spec.fingerprint]
    assert len(set(fingerprints)) == len(fingerprints)


def test_datasets_of_no_family_are_no_variants_of_each_other() -> None:
    plain = [DatasetSpec(name, "", lambda folder, progress: None, options={"acquisition": name}) for name in "ab"]
    assert find_variant(plain, "a", {"acquisition": "b"}) is None


@pytest.mark.slow
def test_the_command_says_which_datasets_have_variants(petbench: Petbench) -> None:
    said = petbench("datasets", "build", "fdg-phantom-mini", "--reconstruction", "3d", code=2).stderr
    assert said.startswith("error: there is no fdg-phantom-mini with reconstruction 3d")
    assert "its variants: fdg-phantom-mini (acquisition simultaneous, " in said
    assert said.count("reconstruction 3d") == 1
    said = petbench("datasets", "build", "fdg-phantom", "--acquisition", "sideways", code=2).stderr
    assert "fdg-phantom-multibed-3d (acquisition multibed, reconstruction 3d, task fdg-7-21-to-42-63)" in said
    assert not petbench.home.exists()


@pytest.mark.slow
def test_a_dataset_without_a_validation_is_refused_in_one_line(petbench: Petbench) -> None:
    said = petbench("datasets", "validate", "my-own", code=2).stderr
    assert said.startswith("error: my-own has no validation; these datasets have one: fdg-phantom-mini")


@pytest.mark.parametrize(
    ("place", "called", "expected"),
    [
        ("fdg-phantom-mini", None, "fdg-phantom-mini"),
        ("fdg-phantom-mini", "fdg-phantom", "fdg-phantom"),  # what it says goes before what it is called
        ("copy of it", "fdg-phantom-mini", "fdg-phantom-mini"),
        ("fdg-phantom-mini", "my own", "fdg-phantom-mini"),
        ("other", "my own", None),
        ("other", None, None),
    ],
)
@pytest.mark.parametrize("asked", ["whole", "from within", "through a link"])
def test_a_folder_is_the_dataset_that_it_says_it_is_however_it_is_named(
    place: str, called: str | None, expected: str | None, asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / place
    folder.mkdir()
    if called is not None:
        write_description(folder, called)
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    name = {"whole": f"{folder}/", "from within": ".", "through a link": str(tmp_path / "link")}[asked]
    assert registered_as(name, SPECS) == (expected or name)


def test_a_name_stays_that_of_a_registered_dataset_where_a_folder_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_description(tmp_path / "fdg-phantom", "fdg-phantom-mini")
    monkeypatch.chdir(tmp_path)
    assert registered_as("fdg-phantom", SPECS) == "fdg-phantom"
