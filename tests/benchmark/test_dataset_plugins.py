"""A dataset of somebody else's plugin: built as a variant and validated by the same commands as the simulated ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.installed import install_module
from tests.datasets.test_phantom_build import SMALL

from petbench_datasets.progress import silent
from petbench_phantom.build import build_phantom

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow

PLUGIN = """
import shutil
from functools import partial

import pluggy

from petbench import DatasetSpec

hookimpl = pluggy.HookimplMarker("petbench")


def build(folder, progress):
    if not folder.exists():
        shutil.copytree({source!r}, folder)


def validate(dataset, progress):
    from petbench_datasets.specs import Validation

    count = len(dataset.participants)
    return Validation(
        passed=count == 6,
        title="ours beside theirs",
        columns=("what", "ours", "theirs", ""),
        rows=(("participants", str(count), "6", "ok"),),
        notes=("a note",),
        facts={{"participants": count}},
        write_page=partial(write_page, dataset),
    )


def write_page(dataset, folder, held_out, everyone):
    folder.mkdir()
    page = folder / "page.md"
    page.write_text(f"{{dataset.name}}: {{held_out.gaps}} {{[row.name for row in everyone.rows]}}")
    return page


@hookimpl
def petbench_datasets():
    return [
        DatasetSpec("ours", "two variants", build, family="ours", options={{"acquisition": "fast"}}, validate=validate),
        DatasetSpec("ours-slow", "the other one", build, family="ours", options={{"acquisition": "slow"}}),
    ]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    build_phantom(SMALL, tmp_path / "source", silent)
    return install_module(tmp_path / "site", "ours_plugin", PLUGIN.format(source=str(tmp_path / "source")))


def test_variants_and_validation_serve_any_plugin_that_offers_them(
    petbench: Petbench, plugin: dict[str, str], tmp_path: Path
) -> None:
    built = petbench("datasets", "build", "ours", "--acquisition", "slow", variables=plugin)
    assert built.stdout.startswith("ours-slow: 6 participants")
    shown = petbench("datasets", "validate", "ours", "--page", tmp_path / "page", variables=plugin).stdout
    assert "ours beside theirs" in shown
    assert "a note" in shown
    assert "repeat-scan" in shown
    assert "predictable" in shown
    assert "'organ-scale'" in (tmp_path / "page" / "page.md").read_text()
    facts = json.loads(petbench("datasets", "validate", "ours", "--json", variables=plugin).stdout)
    assert (facts["participants"], facts["passed"]) == (6, True)
    assert facts["headroom"]["held_out"]["tested"] == ["sub-06"]
    organs = {organ["organ"]: organ for organ in facts["headroom"]["everyone"]["predictable"]["organs"]}
    assert organs["liver"].keys() == {"organ", "participants", "model", "r_squared", "residual_percent"}
    assert organs["liver"]["participants"] == 6
    refused = petbench("datasets", "validate", "ours-slow", code=2, variables=plugin)
    assert refused.stderr.startswith("error: ours-slow has no validation; these datasets have one: ")
