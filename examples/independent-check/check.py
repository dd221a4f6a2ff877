"""Compute the numbers of a leaderboard again, and say where they agree with it. See README.md beside this file."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass, field

import images
import inference
import numpy as np
import tables

FLOAT32_STEP = 2e-7  # predictions and real images are stored with so much relative precision
ARITHMETIC = 1e-9
ITERATION = 1e-7  # of a p that is searched for
WRITTEN = 0.05 + 1e-9  # of a page with one decimal


@dataclass
class Findings:
    """How many numbers of each kind were compared, and how far apart the two were at most."""

    kinds: dict = field(default_factory=dict)

    def compare(self, kind, theirs, ours, tolerance=ARITHMETIC):
        """Compare a number, or a word, of the leaderboard with one's own; `tolerance` is relative from 1 on.

        Where neither has one there is nothing to compare.
        """
        if theirs is None and ours is None:
            return
        if isinstance(theirs, (int, float)) and isinstance(ours, (int, float, np.number)):
            apart = abs(theirs - ours) if math.isfinite(ours) else math.inf * (theirs != ours)
            agrees = apart <= tolerance * max(1.0, abs(theirs))
        else:
            apart, agrees = 0.0, theirs == ours
        count, worst, wrong = self.kinds.get(kind, (0, 0.0, 0))
        self.kinds[kind] = count + 1, max(worst, apart), wrong + (not agrees)

    def print(self):
        """Print a line a kind; return whether all agree."""
        width = max(map(len, self.kinds), default=0)
        for kind, (count, worst, wrong) in self.kinds.items():
            verdict = "agrees" if not wrong else f"{wrong} DIFFER"
            print(f"{kind:{width}}  {count:6d} compared  largest difference {worst:.1e}  {verdict}")
        return not any(wrong for _, _, wrong in self.kinds.values())


def check_tables(scores, board, findings):
    """Compare every cell, every rank, and what all rows of a method come to."""
    identity = tables.identity_of(board)
    ranked_by = next((column for column in board["columns"] if column["metric"] == board["ranked_by"]), None)
    for row in board["rows"]:
        for column in board["columns"]:
            ours = tables.cell(scores, row, column, identity)
            name = column["name"]
            if name not in row:
                continue
            findings.compare("means", row[name], ours.get("mean"))
            for what in ("standard_deviation", "gain", "floor", "under_floor"):
                theirs = row.get(f"{name}_{what}")
                findings.compare(what.replace("_", " ") + "s", theirs, ours.get(what))
        kept = scores[scores["run"].isin(row["runs"])]
        findings.compare("competing rows", row["competes"], bool(kept["competes"].all()))
        if ranked_by and row["rows_of_method"]:
            count, best = tables.best_of_method(scores, board, row, ranked_by)
            findings.compare("best of a method's rows", row["rows_of_method"], count)
            findings.compare("best of a method's rows", row["best_mean_of_method"], best)
    if ranked_by:
        ours = tables.ranks(board, ranked_by)
        for row in board["rows"]:
            findings.compare("ranks", row["rank"], ours.get(tuple(row["runs"])))


def check_inference(scores, board, findings):
    """Compare intervals, paired differences and their p values, before and after the correction."""
    ranked_by = next((column for column in board["columns"] if column["metric"] == board["ranked_by"]), None)
    comparisons = board["comparisons"] or []
    if ranked_by is None or not intervals_are_of_this_protocol(board):
        comparisons_alone(scores, board, ranked_by, comparisons, findings)
        return
    name = ranked_by["name"]
    identity = tables.identity_of(board)
    for row in board["rows"]:
        wide = tables.table(scores, row, ranked_by)
        if f"{name}_low" in row:
            for theirs, ours in zip(
                (row[f"{name}_low"], row[f"{name}_high"]), inference.interval_of_mean(wide), strict=True
            ):
                findings.compare("intervals of means", theirs, ours)
        if f"{name}_gain_low" in row:
            zero = tables.table(scores, identity, ranked_by)
            ends = inference.interval_of_difference(wide, zero)
            low, high = ends if ranked_by["higher_is_better"] else (-ends[1], -ends[0])
            findings.compare("intervals of gains", row[f"{name}_gain_low"], low)
            findings.compare("intervals of gains", row[f"{name}_gain_high"], high)
    comparisons_alone(scores, board, ranked_by, comparisons, findings)


def comparisons_alone(scores, board, ranked_by, comparisons, findings):
    """Compare what is said of every two methods."""
    by_run = {row["runs"][0]: row for row in board["rows"] if row["runs"]}
    for comparison in comparisons:
        first, second = (
            tables.table(scores, by_run[int(comparison[which].rsplit(" ", 1)[1])], ranked_by)
            for which in ("first", "second")
        )
        differences = first.mean(axis=0) - second.mean(axis=0)[first.columns]
        findings.compare("paired differences", comparison["difference"], differences.mean())
        findings.compare("Wilcoxon's p", comparison["wilcoxon_p"], inference.wilcoxon_p(differences))
        if comparison.get("interval"):
            ours = inference.interval_of_difference(first, second)
            for theirs, end in zip((comparison["interval"]["low"], comparison["interval"]["high"]), ours, strict=True):
                findings.compare("intervals of paired differences", theirs, end)
            p = inference.p_of_interval(first, second)
            findings.compare("p of those intervals", comparison["interval_p"], p, ITERATION)
    adjusted = inference.holm([inference.p_that_is_corrected(comparison) for comparison in comparisons])
    for comparison, ours in zip(comparisons, adjusted, strict=True):
        findings.compare("p after Holm's correction", comparison["adjusted_p"], ours)


def intervals_are_of_this_protocol(board):
    """Whether a board's intervals are those that `inference` computes: such a board has caveats, too, if only none."""
    return "caveats" in board


def check_images(scores, found, findings):
    """Compare the measures of every prediction that is at hand with its scores."""
    wanted = scores[scores["convention_id"].isin(images.MEASURES) & scores["value"].notna() & ~scores["together"]]
    for (uid, participant), of_case in wanted.groupby(["uid", "participant"]):
        case = found.case(uid, participant)
        if case is None:
            continue
        for metric, convention, value in of_case[["metric", "convention_id", "value"]].itertuples(index=False):
            findings.compare(metric, value, images.MEASURES[convention](*case), FLOAT32_STEP)


def check_conventions(scores, found, page, findings):
    """Compare a page of conventions, which has one decimal, with the predictions."""
    participant, runs, written = images.read_conventions(page)
    by_metric = dict(zip(scores["metric"], scores["convention_id"], strict=True))
    for place, run in enumerate(runs):
        case = found.case(scores[scores["run"] == run]["uid"].iloc[0], participant)
        for metric, values in written.items():
            ours = images.MEASURES[by_metric[metric]](*case)
            findings.compare(
                "the page of conventions", values[place], round(float(ours), 12), WRITTEN / max(1.0, values[place])
            )


def check_slices(scores, found, run, folder, findings):
    """Compare the exported 8-bit slices of a run with its predictions and the real images, level by level."""
    kept = scores[(scores["run"] == run) & ~scores["together"]]
    for participant in sorted(kept["participant"].unique()):
        predicted, real, body = found.case(kept["uid"].iloc[0], participant)
        for name, volume in (("predicted", predicted), ("real", real)):
            theirs, ours = images.read_slices(f"{folder}/{name}", participant), images.slices_of(volume, body)
            findings.compare("exported slices", theirs.shape, ours.shape)
            findings.compare("exported slices", 0, int(np.abs(theirs.astype(int) - ours.astype(int)).max()))


def main():
    """Read what was exported, compare, print, and end with 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores", help="made by petbench scores export, as CSV")
    parser.add_argument("board", help="made by petbench leaderboard --json")
    parser.add_argument("--images", help="made by petbench datasets export --as nifti")
    parser.add_argument("--dataset", help="folder of the dataset, for its body masks")
    parser.add_argument("--runs", help="folder of the runs, for their predictions")
    parser.add_argument("--conventions", help="made by petbench conventions")
    parser.add_argument("--slices", metavar="RUN=FOLDER", help="made by petbench export-png")
    asked = parser.parse_args()
    every = tables.read_scores(asked.scores)
    findings = Findings()
    with open(asked.board, encoding="utf-8") as file:
        boards = json.load(file)
    for board in boards:
        scores = tables.of_board(every, board)
        check_tables(scores, board, findings)
        check_inference(scores, board, findings)
    if asked.images:
        found = images.Images(asked.images, asked.dataset, asked.runs)
        check_images(every, found, findings)
        if asked.conventions:
            check_conventions(every, found, asked.conventions, findings)
        if asked.slices:
            run, _, folder = asked.slices.partition("=")
            check_slices(every, found, int(run), folder, findings)
    return 0 if findings.print() else 1


if __name__ == "__main__":
    sys.exit(main())
