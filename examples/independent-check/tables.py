"""What a board says of each row, computed again from the scores with pandas."""

from __future__ import annotations

import math

import pandas as pd

BOARD = ["dataset", "fingerprint", "split", "task", "protocol"]
COLUMN = ["metric", "region", "convention_id"]


def read_scores(path):
    """Return the scores that `petbench scores export` wrote as CSV, every text a text and every number a number."""
    scores = pd.read_csv(path, dtype={"participant": "object", "reason": "object", "row": "object"}, low_memory=False)
    together = scores["participant"].isna()
    scores["who"] = scores["participant"].where(~together, "fold " + scores["fold"].astype(str))
    scores["together"] = together
    return scores


def of_board(scores, board):
    """Return the scores of one board of `petbench leaderboard --json`."""
    keep = pd.Series(data=True, index=scores.index)
    for name in BOARD:
        keep &= scores[name] == board[name]
    return scores[keep]


def table(scores, row, column):
    """Return the scores of a row in a column, seeds by participants; of all participants together, seeds by folds.

    None where one is missing.
    """
    kept = scores[scores["run"].isin(row["runs"])]
    for name in COLUMN:
        kept = kept[kept[name] == column[name]]
    if kept.empty or kept["value"].isna().any() or row["failed_seeds"]:
        return None
    wide = kept.pivot_table(index="seed", columns="who", values="value", aggfunc="first", dropna=False)
    return None if wide.isna().any(axis=None) else wide


def is_of_all(scores, column):
    """Whether a column's scores are of all participants of a fold together."""
    kept = scores[(scores["metric"] == column["metric"]) & (scores["convention_id"] == column["convention_id"])]
    return bool(kept["together"].all())


def distance(value, column):
    """Return a number that is smaller the better a value is; None for a metric that orders nothing."""
    if column["higher_is_better"] is not None:
        return -value if column["higher_is_better"] else value
    return None if column["best_value"] is None else abs(value - column["best_value"])


def identity_of(board):
    """Return the row that every gain is over: the newest of the harness's own, verified `identity`."""
    rows = [
        row
        for row in board["rows"]
        if (row["method"], row["distribution"], row["role"]) == ("identity", "petbench", "reference")
        and row["plugin"] != "external"
        and row["verification"] != "self-reported"
    ]
    return max(rows, key=lambda row: max(row["runs"]), default=None)


def cell(scores, row, column, identity):
    """Return mean, standard deviation over participants, and gain of one cell; what cannot be computed is missing."""
    wide = table(scores, row, column)
    if wide is None:
        return {}
    of_participants = wide.mean(axis=0)
    together = is_of_all(scores, column)
    found = {"mean": of_participants.mean()}
    if not together and len(of_participants) > 1:
        found["standard_deviation"] = of_participants.std(ddof=1)
    zero = None if identity is None else table(scores, identity, column)
    if zero is not None and distance(0.0, column) is not None and set(zero.columns) == set(wide.columns):
        if column["higher_is_better"] is None or together:
            found["gain"] = distance(zero.mean(axis=0).mean(), column) - distance(found["mean"], column)
        else:
            sign = 1.0 if column["higher_is_better"] else -1.0
            found["gain"] = sign * (of_participants - zero.mean(axis=0)[of_participants.index]).mean()
    floors = scores[scores["run"].isin(row["runs"]) & (scores["convention_id"] == column["convention_id"])]["floor"]
    if len(floors) and floors.notna().all():
        found["floor"] = floors.mean()
        found["under_floor"] = bool(found["mean"] < found["floor"])
    return found


def ranks(board, column):
    """Return the rank of every competing row, by its runs: one more than the number of those that are better."""
    means = {tuple(row["runs"]): row[column["name"]] for row in board["rows"] if row["competes"]}
    known = {runs: distance(mean, column) for runs, mean in means.items() if isinstance(mean, float)}
    finite = {runs: value for runs, value in known.items() if value < math.inf}
    return {runs: 1 + sum(other < value for other in finite.values()) for runs, value in finite.items()}


def best_of_method(scores, board, row, column):
    """Return how many rows a method has on the board, and the best of their means."""
    rows = [other for other in board["rows"] if is_of_method(other, row)]
    means = [wide.mean(axis=0).mean() for other in rows if (wide := table(scores, other, column)) is not None]
    return len(rows), min(means, key=lambda mean: distance(mean, column), default=None)


def is_of_method(other, row):
    """Whether another row is of the same method, and competes or is a variant."""
    same = (other["method"], other["distribution"]) == (row["method"], row["distribution"])
    return same and other["role"] == "competitor"
