"""Which rows of a leaderboard are shown in the headroom of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from petbench.runs.headroom import METRICS
from petbench.runs.method_scores import with_methods
from petbench_datasets.specs import Headroom, HeadroomRow
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTED = ("sub-05", "sub-06")


ZERO = (0.0, 0.0, 0.0)
HEADROOM = Headroom(
    metrics=METRICS,
    tested=TESTED,
    fitted=(),
    references=tuple(HeadroomRow(name, ZERO) for name in ("identity", "scale")),
    repeat_scan=HeadroomRow("repeat-scan", ZERO),
    methods=(),
    best_factors=ZERO,
    best_values=ZERO,
)


@pytest.fixture
def board() -> Iterator[Leaderboard]:
    with Leaderboard.open("sqlite://") as store:
        yield store


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
        for place, metric in enumerate(METRICS)
        for offset, who in zip((-1, 1), tested, strict=False)
    ]
    store.record_scores(number, scores)
    store.update(number, status="ok", train_seconds=90.0)
    return number


def shown(store: Leaderboard) -> list[tuple[str, tuple[float, ...], str]]:
    methods = with_methods(HEADROOM, "small", "f" * 64, store).methods
    return [(row.name, row.values, row.source) for row in methods]


def test_each_method_is_shown_once_by_the_row_that_competes_with_its_run_and_budget(board: Leaderboard) -> None:
    first = add(board, "pix2pix", 33.0)
    add(board, "pix2pix", 35.0, budget="images=9000")  # better on the test participants, by which nobody chooses
    other = add(board, "ridge", 31.0, preset=None)
    assert shown(board) == [
        ("ridge", (31.0, 41.0, 51.0), f"run {other}; seed 0; images = 1000; trained 1.5 min on cpu"),
        ("pix2pix", (33.0, 43.0, 53.0), f"run {first}; seed 0; preset small; images = 1000; trained 1.5 min on cpu"),
    ]


def test_a_reference_is_shown_by_its_newest_row(board: Leaderboard) -> None:
    add(board, "kinetic", 33.0, role="reference")
    add(board, "kinetic", 31.0, role="reference", version="2")
    assert [values[0] for _, values, _ in shown(board)] == [31.0]


def test_a_dataset_that_nobody_has_run_anything_on_has_no_methods(board: Leaderboard) -> None:
    assert shown(board) == []


def test_what_the_headroom_has_itself_and_what_is_incomplete_or_of_other_images_is_left_out(
    board: Leaderboard,
) -> None:
    references = {
        "identity": "reference",
        "scale": "reference",
        "repeat-scan": "repeat-scan",
        "predictable": "predictable",
    }
    for method, role in references.items():
        add(board, method, 30.0, role=role)
    add(board, "half", 40.0, tested=TESTED[:1])
    add(board, "elsewhere", 40.0, fingerprint="e" * 64)
    add(board, "folded", 40.0, split="cv6")
    assert shown(board) == []
