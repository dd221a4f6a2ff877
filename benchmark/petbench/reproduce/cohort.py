"""Which images the experiment was run on, beside the paper's, and which other datasets it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.reproduce.profiles import FULL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench_datasets.specs import DatasetSpec

_ACQUISITIONS = {"simultaneous": "of a scan of the whole body at once", "multibed": "of a scan bed by bed"}
_RECONSTRUCTIONS = {"2d": "2-D OSEM of rebinned data", "3d": "3-D OSEM"}


def describe(name: str, sampling: str | None, datasets: Mapping[str, DatasetSpec]) -> list[str]:
    """Say how the images were made, and how the participants were drawn.

    Args:
        name: of the dataset, as the leaderboard shows it.
        sampling: how its participants were drawn, as its description says.
        datasets: the installed ones.
    """
    options = datasets[name].options if name in datasets else {}
    acquisition = _ACQUISITIONS.get(options.get("acquisition", ""))
    reconstruction = _RECONSTRUCTIONS.get(options.get("reconstruction", ""))
    if acquisition and reconstruction:
        first = f"`{name}` is simulated: {reconstruction} {acquisition}."
    else:
        first = f"How the images of `{name}` were acquired and reconstructed is not known to petbench."
    said = [f"{first} The paper's images are 3-D OSEM, and probably bed by bed."]
    if sampling == "matched":
        said.append(
            "Its participants are matched to the statistics of a population and not drawn from it: no interval over "
            "them means what it says."
        )
    if sampling == "independent":
        said.append("Its participants are drawn independently of each other, so that intervals over them hold.")
    return said


def others(name: str, split: str, datasets: Mapping[str, DatasetSpec]) -> list[str]:
    """Return the commands that run the experiment on datasets that were acquired or reconstructed in another way.

    Args:
        name: of the dataset that it was run on; those of its own family come first, with the same split.
        split: of that dataset.
        datasets: the installed ones.
    """
    own = dict(datasets[name].options) if name in datasets else {}
    splits = {
        datasets[of].family: split_of for of, split_of in ((name, split), (FULL.dataset, FULL.split)) if of in datasets
    }
    return [
        f"petbench reproduce --dataset {spec.name} --split {split_of}"
        for family, split_of in splits.items()
        for spec in datasets.values()
        if spec.family == family and spec.options and dict(spec.options) != own and spec.name != name
    ]
