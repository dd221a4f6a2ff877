"""Figure 2: the early image, both methods' images and the real delayed image of one participant, chosen by a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.reproduce.paper import METHODS
from petbench.reproduce.results import PSNR_CONVENTIONS
from petbench.runs.lookup import find_folder
from petbench.runs.planned import open_again
from petbench_datasets.files import atomic_path
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.board import IDENTITY_METHOD
from petbench_leaderboard.report.images import ParticipantImages
from petbench_leaderboard.report.participant_figure import draw_participant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.home import Home
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.results import Line, Results


@dataclass(frozen=True, slots=True)
class Shown:
    """What the figure shows.

    Attributes:
        participant: whom.
        seed: of both methods' images.
        description: all of it in words.
    """

    participant: str
    seed: int
    description: str


def choose_participant(identity: Mapping[str, float]) -> str:
    """Return the participant whose early image scores in the middle, the lower one of two.

    The rule looks at the real images alone, so that neither method can choose where it is looked at.

    Args:
        identity: each participant's score of the early image itself.
    """
    return sorted(identity, key=lambda who: (identity[who], who))[(len(identity) - 1) // 2]


def choose(results: Results, name: RunSet) -> tuple[str, int] | None:
    """Return the participant and the seed to show of a set of runs: of several seeds the first that both methods have.

    None where the early image is not scored yet, or no seed is common to both methods.
    """
    identity = results.reference(IDENTITY_METHOD)
    cell = identity.cells.get(PSNR_CONVENTIONS[0]) if identity else None
    first, second = (results.sets[name][method].seeds for method in METHODS)
    seed = next((seed for seed in first if seed in second), None)
    return (choose_participant(cell.values), seed) if cell and cell.values and seed is not None else None


def write_figure(lines: Sequence[Line], participant: str, seed: int, home: Home, path: Path) -> Shown:
    """Write the figure as WebP and return what it shows.

    Args:
        lines: of both methods.
        participant: whom to show.
        seed: of both methods' runs.
        home: where the prediction files are.
        path: of the figure.

    Raises:
        UsageError: a run's folder is not here.
    """
    predictions = {}
    dataset = None
    for line in lines:
        run = next(run for run in line.finished if run.seed == seed and participant in run.test_participants)
        folder = find_folder(run, home)
        dataset = dataset or open_again(folder.plan())
        predictions[line.name] = read_image(folder.prediction(participant))[0]
    assert dataset is not None
    pair = dataset.pair(participant)
    images = ParticipantImages(
        participant=participant,
        spacing_millimetres=pair.grid.spacing_millimetres,
        early=pair.early,
        delayed=pair.delayed,
        predictions=predictions,
        dataset=dataset.name,
    )
    figure = draw_participant(images)[0]
    with atomic_path(path) as temporary:
        temporary.write_bytes(figure.webp)
    return Shown(participant, seed, figure.description)
