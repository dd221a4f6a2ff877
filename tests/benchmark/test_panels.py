"""Which of a method's several rows the report draws."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from petbench.runs import panels

if TYPE_CHECKING:
    import pytest


def test_of_rows_of_one_name_the_one_that_competes_is_drawn_and_no_better_variant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def row(run_id: int, *, competes: bool, role: str = "competitor") -> Any:
        return SimpleNamespace(run_ids=(run_id,), role=role, competes=competes)

    board: Any = SimpleNamespace(
        rows=(row(3, competes=False), row(1, competes=True), row(4, competes=False, role="reference"))
    )
    home: Any = None
    leaderboard: Any = SimpleNamespace(run=lambda number: number)
    monkeypatch.setattr(panels, "find_folder", lambda number, _: SimpleNamespace(plan=lambda: number))
    assert list(panels._plans(board, home, leaderboard, print)) == [1, 4, 3]
