"""The page of documentation on which one prediction stands in every convention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.catalogue import builtin_metrics, column_of_spec
from petbench.evaluation.conventions import CONVENTIONS
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.reader import read_prediction
from petbench_datasets.files import write_text
from petbench_leaderboard.report.columns import direction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.evaluation.dataset import ScoredDataset
    from petbench.evaluation.metrics.measures import Image, Mask

_INTRODUCTION = """\
# One prediction, every convention

"PSNR 57 dB" says nothing before it is said how it was computed. Below, the same volumes of one participant
({participant} of {dataset}, protocol {protocol}; one run with one seed of each method) are put through the conventions
that are in use, in dB: one prediction, `{last}`, scores from {lowest:.1f} to {highest:.1f} dB. `identity` is the early
image handed in unchanged: a convention in which it scores high, or close to a real method, cannot separate methods.
Those that petbench scores are in bold; the others are here to be recognised, not to be used.
"""


def conventions_table(images: Mapping[str, Image], real: Image, body: Mask) -> str:
    """Return a Markdown table with a row for each convention and a column of PSNR in dB for each image.

    Args:
        images: volumes in SUV by the name of their column, shape (z, y, x).
        real: the real delayed image.
        body: where the body is.
    """
    lines = [
        f"| convention | {' | '.join(images)} | seen in | what it hides |",
        f"| --- |{' ---: |' * len(images)} --- | --- |",
    ]
    for convention in CONVENTIONS:
        values = " | ".join(f"{convention.psnr(image, real, body):.1f}" for image in images.values())
        name = f"**{convention.name}** (`{convention.scored}`)" if convention.scored else convention.name
        lines.append(f"| {name} | {values} | {convention.seen_in} | {convention.hides} |")
    return "\n".join(lines)


def metrics_table() -> str:
    """Return a Markdown table of every built-in metric: its convention, formula, and what it hides."""
    lines = [
        "| metric | unit | direction | formula | convention | what it hides |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for spec in builtin_metrics():
        formula = spec.formula.replace("|", "\\|")
        lines.append(
            f"| `{spec.name}` | {spec.unit or '1'} | {direction(column_of_spec(spec))} | {formula} "
            f"| `{spec.convention_id}` | {spec.hides} |"
        )
    return "\n".join(lines)


def write_conventions_page(
    path: Path,
    dataset: ScoredDataset,
    participant: str,
    predictions: Mapping[str, Path],
    *,
    commands: Sequence[str] = (),
) -> None:
    """Write the page for one participant.

    Args:
        path: the Markdown file.
        dataset: where the participant's real images come from.
        participant: the participant.
        predictions: prediction files by the name of their column, at least one; the early image, as `identity`, is put
            before them where no prediction has that name.
        commands: how the page is made, for its end.

    Raises:
        DataError: a prediction cannot be scored.
    """
    pair, body = dataset.pair(participant), dataset.body_mask(participant)
    images: dict[str, Image] = {} if "identity" in predictions else {"identity": pair.early}
    images |= {name: read_prediction(file, pair.grid, body) for name, file in predictions.items()}
    last = list(images)[-1]
    scores = [convention.psnr(images[last], pair.delayed, body) for convention in CONVENTIONS]
    facts = {"participant": participant, "dataset": dataset.name, "protocol": PROTOCOL, "last": last}
    parts = [
        _INTRODUCTION.format(**facts, lowest=min(scores), highest=max(scores)),
        conventions_table(images, pair.delayed, body),
        "\n## The metrics of the protocol\n",
        metrics_table(),
    ]
    if commands:
        parts += ["\n## How this page was made\n", "```console", *(f"$ {command}" for command in commands), "```"]
    write_text(path, "\n".join(parts) + "\n")
