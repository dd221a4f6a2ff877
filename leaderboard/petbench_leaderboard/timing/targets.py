"""How low the validation error must be: that of the strongest training-free reference's final model."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from petbench_leaderboard.board import IDENTITY_METHOD, OWN_DISTRIBUTION
from petbench_leaderboard.cached_means import board_key
from petbench_leaderboard.validation_history import history_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from petbench_leaderboard.board import Board
    from petbench_leaderboard.cached_means import BoardKey
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

REFERENCES = ("kinetic", "ridge", "scale", IDENTITY_METHOD)
"""Whose final model sets the target: the first of these that was run. Declared, so that no result chooses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is good enough in one fold.

    Attributes:
        fold: of the split.
        suv: the mean absolute error of the mean validation participant, in SUV.
        reference: whose final model has it; None where somebody asked for the number.
        easier_than: references further down the order that are better, and how good they are: with them a target is
            nothing to be proud of.
    """

    fold: int
    suv: float
    reference: str | None = None
    easier_than: tuple[tuple[str, float], ...] = ()


def reference_runs(leaderboard: Leaderboard, board: Board) -> list[RunRow]:
    """Return the harness's own references of a board as they were trained here, their parameters unchanged."""
    return [
        run
        for name in REFERENCES
        for run in leaderboard.runs(dataset=board.dataset, split=board.split, method=name, status="ok")
        if board_key(run, board.protocol) == board_of(board)
        and (run.role, run.distribution) == ("reference", OWN_DISTRIBUTION)
        and run.trained_here
        and run.verification == "own"  # nobody else sets what one is measured by
        and not run.changed_parameters
    ]


def find_targets(references: Iterable[RunRow], folds: Iterable[int]) -> dict[int, Target]:
    """Return the target of each fold in which one of the references has a validation error.

    Args:
        references: runs of them.
        folds: those for which a target is needed.
    """
    runs = list(references)
    found = {fold: _errors([run for run in runs if run.fold == fold]) for fold in folds}
    return {fold: _strongest(fold, errors) for fold, errors in found.items() if errors}


def given_targets(suv: float, folds: Iterable[int]) -> dict[int, Target]:
    """Return one number as the target of every fold."""
    return {fold: Target(fold=fold, suv=suv) for fold in folds}


def board_of(board: Board) -> BoardKey:
    """Return what tells a board from others, as `petbench_leaderboard.cached_means.board_key` does of a run."""
    return board.dataset, board.fingerprint, board.split, board.split_digest, board.protocol, board.task


def _errors(runs: Iterable[RunRow]) -> dict[str, float]:
    """Return the final error of each reference, the mean over the seeds of its newest row, in the declared order."""
    by_method: dict[str, dict[str, dict[int, float]]] = {}
    newest: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: run.id):
        history = history_of(run)
        if history is not None and history.final_mae_suv is not None:
            by_method.setdefault(run.method, {}).setdefault(run.run_group, {})[run.seed] = history.final_mae_suv
            newest[run.method] = run.run_group
    return {name: fmean(by_method[name][newest[name]].values()) for name in REFERENCES if name in newest}


def _strongest(fold: int, errors: dict[str, float]) -> Target:
    name, *others = errors
    better = tuple((other, errors[other]) for other in others if errors[other] < errors[name])
    return Target(fold=fold, suv=errors[name], reference=name, easier_than=better)
