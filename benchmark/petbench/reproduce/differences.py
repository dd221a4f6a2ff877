"""What differs from the paper, and why: from the runs themselves, so that it cannot fall behind them."""

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


def rows(results: Results, experiment: Experiment, slices: int | None) -> list[list[str]]:
    """Return the rows of a table: what, in the paper, here, why.

    Args:
        results: with the runs.
        experiment: what was asked for.
        slices: foreground training slices of a fold, None where no log tells.
    """
    run = results.line(BETTER).runs[0]
    settings: dict[str, Any] = dict(run.parameters)
    norm = "no normalisation" if settings["norm"] == "none" else f"{settings['norm']} norm"
    full = experiment.profile.name == "full"
    passes = (
        f" ({run.images_seen / slices:.2g} passes over {slices:,} training slices)"
        if slices and run.images_seen
        else ""
    )
    folds = len({each.fold for each in results.line(BETTER).runs})
    split = f"`{run.split}`: folds: {folds}, test participants in all: {len(results.participants)}"
    spare = "" if full else "to fit two processor cores; "
    return [
        [
            "dataset",
            "18 people, F-18 FDG, 3-D OSEM, 128×128×389 voxels",
            f"`{run.dataset}`, fingerprint `{run.fingerprint[:12]}`",
            (
                "the paper's images are not public; the simulated datasets of petbench have their own page on how they "
                "compare with people"
            ),
        ],
        [
            "split",
            "not stated",
            split,
            "participant by participant, published with the dataset; test participants choose nothing",
        ],
        [
            "generator",
            "one for both methods, not described further",
            _generator(settings)
            + (", adds to the early image" if settings.get("residual") else ", tanh")
            + f", {norm}",
            spare
            + (
                "a short training cannot afford to learn copying through a tanh; small batches upset batch norm"
                if settings.get("residual")
                else "the generator of the authors' code for 128 pixels"
            ),
        ],
        [
            "discriminator",
            "one for both methods",
            (
                f"PatchGAN, {settings.get('discriminator_layers')} stride-2 layers, "
                f"{settings.get('discriminator_width')} channels first; pix2pix's sees the early image beside the other"
            ),
            f"{spare}as published otherwise",
        ],
        [
            "parameters trained",
            "not stated",
            f"{BETTER} {count(run.parameter_count)}, {OTHER} {count(results.line(OTHER).runs[0].parameter_count)}",
            "all networks of a method, discriminators included; CycleGAN has two of each",
        ],
        [
            "budget",
            "not stated",
            f"{budget(run.budget)}{passes} in batches of {settings.get('batch_size')}, the same for both methods",
            "declared in images seen, so that speed decides nothing"
            + ("" if full else "; **far from convergence for either method, above all for CycleGAN**"),
        ],
        [
            "optimizer",
            "not stated",
            (
                f"Adam at {settings['learning_rate']:g}, falling to 0 from {100 * settings['decay_start']:.0f} % of "
                f"the budget on; networks in {run.precision}, losses in fp32"
            ),
            "as in the authors' code" if full else "a larger rate for a short training",
        ],
        [
            "intensities",
            "not stated",
            f"logarithmic map of SUV 0 to {settings.get('suv_clip'):g}, fixed and invertible",
            "nothing is normalised by an image's own maximum, which is unknown for the delayed image",
        ],
        [
            "augmentation",
            "not stated",
            f"shifts by up to {settings.get('shift_voxels')} whole voxels, no flips, no resampling",
            "flips would swap liver and heart, resampling changes SUV",
        ],
        [
            "seeds",
            "not stated",
            ", ".join(map(str, results.line(BETTER).seeds)),
            "one training says nothing of the next",
        ],
        [
            "PSNR",
            "convention not stated",
            "three, from the same saved volumes",
            "one image's PSNR spans 30 dB across them",
        ],
        [
            "FID",
            "extractor, window and number of slices not stated",
            "canonical Inception pool3 where its weights are at hand; FD-768 and FD-randconv go by their own names",
            "two extractors share no scale",
        ],
    ]


def _generator(settings: dict[str, Any]) -> str:
    return _GENERATORS[settings["generator"]].format(**settings)
