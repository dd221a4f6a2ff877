"""The part of the validation page that shows where methods fall between the early image and the noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_phantom.headroom import CEILING, CONVENTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_phantom.headroom import MethodScore, Room
    from petbench_phantom.validation import Validation

    Decibels = tuple[float, float, float]

_MARK_DECIBELS = 10.0
_RULES = """\
PSNR in dB, mean over participants. `scale` is the early image times one least-squares factor, `organ-scale` times one
factor an organ, with the true labels at hand. The second realisation is the delayed frame once more with other noise:
a yardstick, which only a prediction with less noise than a scan could pass."""


def room_section(validation: Validation, methods: Sequence[MethodScore], figure: str) -> list[str]:
    """Return the lines of the section; `figure` is the path of its picture."""
    held_out, everyone = validation.held_out_room, validation.room
    lines = [
        "## Room to compete",
        "",
        _RULES,
        "",
        f"Test participants of the split `holdout` ({', '.join(held_out.tested)}), factors fitted on its training",
        "participants:",
        "",
        *table(["", *CONVENTIONS, ""], _rows(held_out, methods)),
        "",
        f"![room]({figure})",
        "",
        _headroom(held_out),
        "",
        *_single_factor(held_out),
        "That is all that `scale` could gain: organs lie on both sides of late/early = 1, in people as here, so that",
        "no factor serves them all.",
        "",
        f"All {len(everyone.tested)} participants, factors fitted on all others:",
        "",
        *table(["", *CONVENTIONS], [[row, *_ones(values)] for row, values in everyone.decibels.items()]),
        "",
        *_single_factor(everyone),
    ]
    if not methods:
        lines[-1:] = [lines[-1], "", "No method has a finished run on this split in the leaderboard that was asked."]
    return lines


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table."""
    rule = ["---"] * len(heads)
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows)]


def _rows(room: Room, methods: Sequence[MethodScore]) -> list[list[str]]:
    references = [[row, *_ones(values), ""] for row, values in room.decibels.items() if row != CEILING]
    run = [[f"**{score.method}**", *_ones(score.decibels), score.source] for score in methods]
    return [*references, *run, [CEILING, *_ones(room.decibels[CEILING]), ""]]


def _headroom(room: Room) -> str:
    gaps = room.headroom
    verdict = "at least 10 dB" if min(gaps) >= _MARK_DECIBELS else "**less than 10 dB**"
    return f"From `identity` to the second realisation: {', '.join(_ones(gaps))} dB; {verdict} in each convention."


def _single_factor(room: Room) -> list[str]:
    gains = [best - plain for best, plain in zip(room.best_decibels, room.decibels["identity"], strict=True)]
    parts = [f"{gain:+.1f} dB (x {factor:.2f})" for gain, factor in zip(gains, room.best_factors, strict=True)]
    return [
        "The best single factor, chosen in each convention with the answers in hand, changes `identity` by",
        f"{', '.join(parts)}.",
    ]


def _ones(values: Decibels) -> list[str]:
    return [f"{value:.1f}" for value in values]
