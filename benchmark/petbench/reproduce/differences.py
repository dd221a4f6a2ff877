"""What the table of differences from the paper is filled with: values of the runs themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.reproduce.paper import BETTER, OTHER
from petbench_leaderboard.report.formatting import budget, count

if TYPE_CHECKING:
    from petbench.reproduce.experiment import Experiment
    from petbench.reproduce.results import Results

_GENERATORS = {
    "unet": "U-Net of {depth} levels, {width} channels outermost",
    "resnet": "ResNet of {blocks} blocks, {width} channels outermost",
}


def values(results: Results, experiment: Experiment, slices: int | None) -> dict[str, Any]:
    """Return what the template asks for.

    Args:
        results: with the runs.
        experiment: what was asked for.
        slices: foreground training slices of a fold; None where no log has their number.
    """
    run = results.line(BETTER).runs[0]
    settings: dict[str, Any] = dict(run.parameters)
    return {
        "full": experiment.profile.name == "full",
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
        "split": run.split,
        "fold_count": len({each.fold for each in results.line(BETTER).runs}),
        "participant_count": len(results.participants),
        "generator": _GENERATORS[settings["generator"]].format(**settings),
        "residual": bool(settings.get("residual")),
        "norm": "no normalisation" if settings["norm"] == "none" else f"{settings['norm']} norm",
        "discriminator_layers": settings.get("discriminator_layers"),
        "discriminator_width": settings.get("discriminator_width"),
        "better": BETTER,
        "other": OTHER,
        "better_parameters": count(run.parameter_count),
        "other_parameters": count(results.line(OTHER).runs[0].parameter_count),
        "budget": budget(run.budget),
        "passes": _passes(run.images_seen, slices),
        "batch_size": settings.get("batch_size"),
        "learning_rate": f"{settings['learning_rate']:g}",
        "decay_start": f"{100 * settings['decay_start']:.0f}",
        "precision": run.precision,
        "suv_clip": _suv_clip(settings["suv_clip"]),
        "shift_voxels": settings.get("shift_voxels"),
        "seeds": ", ".join(map(str, results.line(BETTER).seeds)),
    }


def _suv_clip(chosen: float | str) -> str:
    return "1.25 times the highest of training and validation" if chosen == "auto" else f"{chosen:g}"


def _passes(images: int | None, slices: int | None) -> str:
    if not images or not slices:
        return ""
    return f" ({images / slices:.2g} passes over {slices:,} training slices)"
