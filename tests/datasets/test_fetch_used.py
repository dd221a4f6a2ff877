"""A fetched cohort is a cohort: it is trained on, and tests a model that was trained on simulated people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from petbench_datasets.dataset.reader import open_dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.datasets.hub_stand_in import Hub

    Invoke = Callable[..., tuple[int, str]]

pytestmark = pytest.mark.slow


def test_a_fetched_cohort_is_trained_on_and_tests_a_model_of_simulated_people_in_terminal_site_and_latex(
    hub: Hub, invoke: Invoke, tmp_path: Path
) -> None:
    cohort = tmp_path / "mhc"
    for command in (
        ("datasets", "fetch", "multimodal-hc", "--yes", "--to", cohort),
        ("datasets", "split", cohort),
        ("run", "--method", "scale", "--dataset", "fdg-phantom-mini"),
        ("run", "--method", "scale", "--dataset", cohort),
        ("evaluate", 1, "--dataset", cohort, "--split", "holdout", "--allow", "outside-field"),
        ("report", "-o", tmp_path / "report"),
    ):
        code, said = invoke(*command)
        assert code == 0, said
    assert not hub.leaked

    rows = {row["method"]: row for row in json.loads(invoke("runs", "list", "--json")[1]) if row["dataset"] == "mhc"}
    assert set(rows) == {"scale", "scale-from-fdg-phantom-mini"}
    assert rows["scale-from-fdg-phantom-mini"]["parameters"]["trained_on"] == "fdg-phantom-mini"
    _, table = invoke("leaderboard", "--dataset", "mhc")
    assert "scale-from-fdg-phantom" in table  # and the rest of it in the next line of a narrow table
    assert "scale-from-fdg-phantom-mini" in invoke("leaderboard", "--dataset", "mhc", "--latex")[1]
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "scale-from-fdg-phantom-mini" in page
    assert "Siemens" in page  # of the table that says who is in the cohort

    # What was trained on simulated people is one factor, and predicts that factor of these people's early images.
    (factor,) = {
        round(float(np.median(predicted[early > 0.1] / early[early > 0.1])), 4)
        for predicted, early in _predicted(tmp_path / "home", open_dataset(cohort).early)
    }
    assert 0.2 < factor < 5.0


def _predicted(home: Path, early_of: Callable[[str], tuple[np.ndarray, object]]) -> list[tuple[np.ndarray, np.ndarray]]:
    from petbench_datasets.images.nifti import read_image

    files = home.glob("runs/scale-from-fdg-phantom-mini-*/predictions/sub-*.nii.gz")
    return [(read_image(file)[0], early_of(file.name.removesuffix(".nii.gz"))[0]) for file in files]
