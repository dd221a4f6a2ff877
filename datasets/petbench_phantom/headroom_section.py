"""The part of the validation page that shows how far methods can come, and where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from petbench_datasets.specs import Headroom, HeadroomRow, OrganPrediction

_RULES = """\
PSNR in dB, mean over participants. `scale` is the early image times one least-squares factor, `organ-scale` times one
factor an organ, with the true labels at hand. `predictable` is [what can be predicted at all](predictable.md), 1 on the
scale of normalized scores: the true anatomy as the scanner sees it, with organ levels predicted from other
participants. The repeat scan is the delayed frame once more with other noise, neither an aim nor a bound: it has the
participant's own delayed levels, which no early image tells, and with less noise it would score higher still."""


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
        *_gaps(held_out),
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
        *_organs(everyone),
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


def _gaps(headroom: Headroom) -> list[str]:
    """Say how far what can be predicted, and the repeat scan, are from the early image."""
    lines = []
    if headroom.predictable is not None:
        found = headroom.predictable
        lines = [
            f"From `identity` to `predictable`: {', '.join(_ones(headroom.gaps(found.row)))} dB. With the true levels",
            f"of the organs the same image would score {', '.join(_ones(found.true_levels))} dB: so much do the levels",
            "cost. What is missing still is the noise of the real image, and that the scanner's blur is taken for a",
            f"Gaussian ({found.blur_millimetres:.1f} mm full width at half maximum).",
            "",
        ]
    to_repeat = ", ".join(_ones(headroom.gaps(headroom.repeat_scan)))
    return [*lines, f"From `identity` to the repeat scan: {to_repeat} dB."]


def _organs(headroom: Headroom) -> list[str]:
    """Return how well each organ is predicted."""
    if headroom.predictable is None:
        return ["", "The true activity is not known: nothing is said of what can be predicted."]
    rows = sorted(headroom.predictable.organs, key=lambda organ: organ.residual_percent)
    return [
        "",
        "### What can be predicted, organ by organ",
        "",
        "The delayed level of each organ, predicted from early levels by a regression on all other participants.",
        "R² is of ln SUV: 0 is no better than the mean of the others. Residual: root mean square of ln predicted/true.",
        "",
        *table(["organ", "n", "regression", "R²", "residual, %"], [_organ_cells(row) for row in rows]),
    ]


def _organ_cells(organ: OrganPrediction) -> list[str]:
    """Return an organ's row of the table."""
    squared = "–" if organ.r_squared is None else f"{organ.r_squared:.2f}".replace("-", "−")
    name = organ.organ.replace("_", " ")
    return [name, str(organ.participants), organ.model, squared, f"{organ.residual_percent:.1f}"]


def _single_factor(headroom: Headroom) -> list[str]:
    gains = [best - plain for best, plain in zip(headroom.best_values, headroom.identity.values, strict=True)]
    parts = [f"{gain:+.1f} dB (x {factor:.2f})" for gain, factor in zip(gains, headroom.best_factors, strict=True)]
    return [
        "The best single factor, chosen in each convention with the delayed images at hand, changes `identity` by",
        f"{', '.join(parts)}.",
    ]


def _ones(values: Sequence[float]) -> list[str]:
    return [f"{value:.1f}" for value in values]
