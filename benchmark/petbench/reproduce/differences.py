"""What the table of differences from the paper is filled with: values of the runs themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.reproduce.paper import BETTER, METHODS, OTHER
from petbench.reproduce.profiles import RATE_SEED, RATES
from petbench.reproduce.words import NAMES
from petbench_leaderboard.report.formatting import MISSING, budget, count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.reproduce.experiment import Experiment
    from petbench.reproduce.results import Results
    from petbench_leaderboard.records import RunRow

_GENERATORS = {
    "unet": "U-Net of {depth} levels, {width} channels outermost",
    "resnet": "ResNet of {blocks} blocks, {width} channels outermost",
}


def values(results: Results, experiment: Experiment, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template asks for.

    Args:
        results: with the runs; at least one of them is of a method.
        experiment: what was asked for.
        data: what a run's log says of its training data; empty where no log is here.
    """
    runs = {method: next((run for run in results.runs if run.method == method), None) for method in METHODS}
    run = runs[BETTER] or runs[OTHER]
    assert run is not None
    settings: dict[str, Any] = dict(run.parameters)
    profile = experiment.profile
    return {
        "full": profile.name == "full",
        "dataset": run.dataset,
        "fingerprint": run.fingerprint,
        "split": run.split,
        "fold_count": len({each.fold for each in results.runs}),
        "participant_count": len(results.participants),
        "generator": _GENERATORS[settings["generator"]].format(**settings),
        "residual": bool(settings.get("residual")),
        "norm": "no normalisation" if settings["norm"] == "none" else f"{settings['norm']} norm",
        "discriminator_layers": settings.get("discriminator_layers"),
        "discriminator_width": settings.get("discriminator_width"),
        "better": NAMES[BETTER],
        "other": NAMES[OTHER],
        "better_parameters": _parameters(runs[BETTER]),
        "other_parameters": _parameters(runs[OTHER]),
        "equal_images": budget(profile.budgets["equal-images"]),
        "passes": _passes(profile.budgets["equal-images"], data.get("slices")),
        "equal_seconds": budget(profile.budgets["equal-seconds"]),
        "most_images": budget(profile.budgets["converged"]),
        "patience": profile.until_converged["patience"],
        "validations": profile.until_converged["validations"],
        "batch_size": settings.get("batch_size"),
        "grid": ", ".join(f"{rate:g}" for rate in RATES),
        "rate_seed": RATE_SEED,
        "rates": ", ".join(
            f"{NAMES[method]} {choice.rate:g}" if choice.rate is not None else f"{NAMES[method]} not chosen yet"
            for method, choice in results.choices.items()
        ),
        "decay_start": f"{100 * float(str(profile.settings['decay_start'])):.0f}",
        "precision": run.precision,
        "suv_clip": _suv_clip(settings["suv_clip"], data.get("suv_clip")),
        "shift_voxels": settings.get("shift_voxels"),
        "seeds": ", ".join(map(str, experiment.seeds)),
    }


def _suv_clip(chosen: float | str, used: float | None) -> str:
    """Say where the intensity map ends: what `auto` came to, as far as a log says it."""
    if chosen != "auto":
        return f"{chosen:g}"
    rule = "1.25 times the highest SUV of training and validation images"
    return rule if used is None else f"{used:g}, {rule}"


def _parameters(run: RunRow | None) -> str:
    return MISSING if run is None else count(run.parameter_count)


def _passes(images: str, slices: int | None) -> str:
    number = images.partition("=")[2]
    return f" ({int(number) / slices:.2g} passes over {slices:,} training slices)" if slices else ""
