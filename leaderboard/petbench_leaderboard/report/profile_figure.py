"""The figure of performance profiles: how often each method is within a factor of the fastest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from petbench_leaderboard.report.figure_parts import INK, QUIET, ParticipantFigure, render
from petbench_leaderboard.report.formatting import counted, number
from petbench_leaderboard.report.publication.figures import STYLE
from petbench_leaderboard.statistics.time_to_target import LARGEST_RATIO

if TYPE_CHECKING:
    from petbench_leaderboard.statistics.time_to_target import PerformanceProfile
    from petbench_leaderboard.timing.profiles import Profiles

MOST_DRAWN = 8
"""Methods of a figure, by their scores: more lines cannot be told apart. All stand in the table beside it."""

_INCHES = (6.6, 3.0)
_COLOURS = ("#1f5f99", "#a8431c", "#2f7d4f", "#8a5fa8", "#b58a1b", "#3c8f95", "#b8527f", "#6b7078")
_DASHES = ("-", "--", "-.", ":")
_WIDTHS = (2.6, 2.0, 1.6, 1.4)
"""The better, the thicker: where lines lie on each other, the thinner one lies above."""


def draw_profiles(profiles: Profiles) -> ParticipantFigure:
    """Return the profiles of the best methods as a picture, each a step function from factor 1 on.

    Args:
        profiles: with at least one method that has a profile.
    """
    found = [(entry.name, entry.profile) for entry in profiles.entries if entry.profile is not None][:MOST_DRAWN]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for place, (name, profile) in enumerate(found):
            factors, shares = steps(profile)
            axes.step(
                factors,
                [100.0 * share for share in shares],
                where="post",
                color=_COLOURS[place],
                linestyle=_DASHES[place % len(_DASHES)],
                linewidth=_WIDTHS[min(place, len(_WIDTHS) - 1)],
                label=f"{_shortened(name)}  {number(profile.score(), 2)}",
            )
        axes.set_xlim(1.0, LARGEST_RATIO)
        axes.set_ylim(-3.0, 103.0)
        axes.set_xlabel("factor: seconds to the target over those of the fastest")
        axes.set_ylabel(f"% of {counted(len(profiles.problems), 'problem')}")
        axes.grid(color="#e3e3de", linewidth=0.5)
        axes.set_axisbelow(True)
        axes.tick_params(colors=QUIET)
        figure.legend(
            loc="outside right center", frameon=False, title="score", alignment="left", labelcolor=INK, handlelength=2.6
        )
        return render(figure, _in_words(profiles))


def steps(profile: PerformanceProfile) -> tuple[list[float], list[float]]:
    """Return where a profile steps, from factor 1 to the largest, and the share from there on."""
    inner = sorted({ratio for ratio in profile.ratios if 1.0 < ratio < LARGEST_RATIO})
    factors = [1.0, *inner, LARGEST_RATIO]
    return factors, [profile.share_within(factor) for factor in factors]


def _in_words(profiles: Profiles) -> str:
    scored = [(entry.name, entry.profile.score()) for entry in profiles.entries if entry.profile is not None]
    return (
        f"Share of {counted(len(profiles.problems), 'problem')} in which each method is within a factor of the "
        f"fastest, for factors from 1 to {LARGEST_RATIO:g}. Scores: "
        + ", ".join(f"{name} {number(score, 2)}" for name, score in scored)
    )


def _shortened(name: str, longest: int = 24) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
