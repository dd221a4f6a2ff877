"""The part of the validation page that shows where methods fall between the early image and a repeat scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.specs import Headroom, HeadroomRow

_MARK_DECIBELS = 10.0
_RULES = """\
PSNR in dB, mean over participants. `scale` is the early image times one least-squares factor, `organ-scale` times one
factor an organ, with the true labels at hand. The repeat scan is the delayed frame once more with other noise: a
yardstick, which only a prediction with less noise than a scan could pass."""


def headroom_section(held_out: Headroom, everyone: Headroom, figure: str) -> list[str]:
    """Return the lines of the section; `figure` is the path of its picture."""
    lines = [
        "## Headroom",
        "",
        _RULES,
        "",
        f"Test participants of the split `holdout` ({', '.join(held_out.tested)}), factors fitted on its training",
        "participants:",
        "",
        *table(["", *held_out.metrics, ""], [_cells(row, held_out) for row in held_out.rows]),
        "",
        f"![headroom]({figure})",
        "",
        _gap(held_out),
        "",
        *_single_factor(held_out),
        "That is all that `scale` could gain: organs lie on both sides of delayed/early = 1, in people as here, so",
        "that no factor serves them all.",
        "",
        f"All {len(everyone.tested)} participants, factors fitted on all others:",
        "",
        *table(["", *everyone.metrics], [_cells(row, everyone)[:-1] for row in everyone.rows]),
        "",
        *_single_factor(everyone),
    ]
    if not held_out.methods:
        lines += ["", "No method has a finished run on this split in the leaderboard that was asked."]
    return lines


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table."""
    rule = ["---"] * len(heads)
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows)]


def _cells(row: HeadroomRow, headroom: Headroom) -> list[str]:
    name = f"**{row.name}**" if row in headroom.methods else row.name
    return [name, *_ones(row.values), row.source]


def _gap(headroom: Headroom) -> str:
    enough = "at least 10 dB" if min(headroom.gaps) >= _MARK_DECIBELS else "**less than 10 dB**"
    return f"From `identity` to the repeat scan: {', '.join(_ones(headroom.gaps))} dB; {enough} in each convention."


def _single_factor(headroom: Headroom) -> list[str]:
    gains = [best - plain for best, plain in zip(headroom.best_values, headroom.identity.values, strict=True)]
    parts = [f"{gain:+.1f} dB (x {factor:.2f})" for gain, factor in zip(gains, headroom.best_factors, strict=True)]
    return [
        "The best single factor, chosen in each convention with the delayed images at hand, changes `identity` by",
        f"{', '.join(parts)}.",
    ]


def _ones(values: Sequence[float]) -> list[str]:
    return [f"{value:.1f}" for value in values]
