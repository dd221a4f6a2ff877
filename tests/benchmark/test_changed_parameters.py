"""A plan says which parameters differ from the preset's, so that a row can say it wherever it is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from petbench.contract import Budget, MethodSpec
from petbench.methods.parameters import changed_from_preset, resolve
from petbench.registry import load_plugins
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench


def changed(method: str, preset: str, *settings: str, budget: Budget | None = None) -> dict[str, Any]:
    spec, _ = load_plugins().method(method)
    return changed_from_preset(spec, preset, resolve(spec, preset, settings, budget))


def test_a_preset_as_it_is_changes_nothing() -> None:
    for name, (spec, _) in load_plugins().methods().items():
        for preset in (*spec.presets, "default"):
            assert changed(name, preset) == {}, (name, preset)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (("width=8",), {"width": 8}),
        (("width=8", "learning_rate=0.5"), {"width": 8, "learning_rate": 0.5}),
    ],
)
def test_what_was_set_to_another_value_is_changed(settings: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert changed("pix2pix", "mini", *settings) == expected


def test_what_was_set_to_the_presets_own_value_is_not_changed() -> None:
    spec, _ = load_plugins().method("pix2pix")
    values = resolve(spec, "mini", (), None)
    settings = [f"{name}={json.dumps(value)}" for name, value in values.items()]
    assert changed("pix2pix", "mini", *settings) == {}


def test_the_budget_is_stated_by_itself() -> None:
    assert changed("pix2pix", "mini", "images=7") == {}
    assert changed("pix2pix", "mini", budget=Budget(images=7)) == {}


def test_a_parameter_without_a_default_is_no_change() -> None:
    class Parameters(BaseModel):
        path: str
        depth: int = 3

    spec = MethodSpec(name="m", summary="s", supervision="paired", build=lambda _: None, parameters=Parameters)  # type: ignore[arg-type,return-value]
    values = resolve(spec, "default", ["path=a", "depth=4"], None)
    assert changed_from_preset(spec, "default", values) == {"depth": 4}


@pytest.mark.slow
def test_a_run_and_its_submission_keep_them(petbench: Petbench, body_dataset: Path) -> None:
    petbench("run", "-m", "ridge", "-d", body_dataset, "--set", "penalty=2.5")
    with Leaderboard.open(petbench.home / "leaderboard.db") as store:
        (row,) = store.runs()
    assert row.changed_parameters == {"penalty": 2.5}
    assert "penalty=2.5" in petbench("leaderboard", "--markdown").stdout
    petbench("submit", "1", "-o", petbench.home / "one.petbench.zip")
    organizer = {"PETBENCH_HOME": str(petbench.home / "organizer")}
    petbench("leaderboard", "accept", petbench.home / "one.petbench.zip", "-d", body_dataset, variables=organizer)
    with Leaderboard.open(petbench.home / "organizer" / "leaderboard.db") as store:
        (row,) = store.runs()
    assert row.changed_parameters == {"penalty": 2.5}
