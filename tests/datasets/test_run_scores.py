"""Which rows of a leaderboard are shown in the room of a simulated dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from petbench.cli.datasets.run_scores import run_scores
from petbench_leaderboard.records import RunRecord, ScoreRecord
from petbench_leaderboard.store import Leaderboard
from petbench_phantom.headroom import CONVENTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench_phantom.validation import Validation

TESTED = ("sub-05", "sub-06")


class Room:
    tested = TESTED


class Validated:
    dataset, fingerprint, held_out_room = "small", "f" * 64, Room()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[Leaderboard, str]]:
    location = f"sqlite:///{tmp_path / 'leaderboard.db'}"
    with Leaderboard.open(location) as store:
        yield store, location


def add(store: Leaderboard, method: str, body: float, *, tested: tuple[str, ...] = TESTED, **changes: Any) -> int:
    facts: dict[str, Any] = {
        "identity": f"{method}{body}{tested}{changes}",
        "method": method,
        "plugin": "gan",
        "distribution": "petbench",
        "version": "1",
        "source_hash": "a" * 64,
        "supervision": "paired",
        "preset": "small",
        "parameters": {},
        "dataset": "small",
        "fingerprint": "f" * 64,
        "split": "holdout",
        "split_digest": "5" * 64,
        "fold": 0,
        "seed": 0,
        "precision": "fp32",
        "budget": "images=1000",
        "protocol": 1,
        "test_participants": TESTED,
        "split_participants": TESTED,
        "device": "cpu",
    }
    number = store.plan(RunRecord(**facts | changes))
    scores = [
        ScoreRecord(
            participant=who,
            region="body",
            metric=metric,
            convention_id=f"{metric}@1",
            value=body + 10 * place + offset,
            unit="dB",
            higher_is_better=True,
        )
        for place, metric in enumerate(CONVENTIONS)
        for offset, who in zip((-1, 1), tested, strict=False)
    ]
    store.record_scores(number, scores)
    store.update(number, status="ok", train_seconds=90.0)
    return number


def shown(location: str) -> list[tuple[str, tuple[float, float, float], str]]:
    validation: Validation = Validated()  # type: ignore[assignment]
    return [(score.method, score.decibels, score.source) for score in run_scores(validation, location)]


def test_each_method_is_shown_once_by_its_best_row_with_its_run_and_budget(board: tuple[Leaderboard, str]) -> None:
    store, location = board
    add(store, "pix2pix", 33.0)
    best = add(store, "pix2pix", 35.0, budget="images=9000")
    other = add(store, "ridge", 31.0, preset=None)
    assert shown(location) == [
        ("ridge", (31.0, 41.0, 51.0), f"run {other}; seed 0; images = 1000; trained 1.5 min on cpu"),
        ("pix2pix", (35.0, 45.0, 55.0), f"run {best}; seed 0; preset small; images = 9000; trained 1.5 min on cpu"),
    ]


def test_what_the_page_computes_itself_and_what_is_incomplete_or_of_other_images_is_left_out(
    board: tuple[Leaderboard, str],
) -> None:
    store, location = board
    for method, role in (("identity", "reference"), ("scale", "reference"), ("repeat-scan", "repeat-scan")):
        add(store, method, 30.0, role=role)
    add(store, "half", 40.0, tested=TESTED[:1])
    add(store, "elsewhere", 40.0, fingerprint="e" * 64)
    add(store, "folded", 40.0, split="cv6")
    assert shown(location) == []
