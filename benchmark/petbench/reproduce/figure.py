"""Figure 2: the early image, both methods' images and the real delayed image of one participant, chosen by a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.reproduce.paper import BETTER, OTHER
from petbench.runs.folder import find_folder
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.files import atomic_path
from petbench_datasets.images.nifti import read_image
from petbench_leaderboard.board import RANKING_METRICS
from petbench_leaderboard.report.images import ParticipantImages
from petbench_leaderboard.report.participant_figure import draw_participant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench.home import Home
    from petbench.reproduce.results import Results


def choose_participant(identity: Mapping[str, float]) -> str:
    """Return the participant whose early image scores in the middle, the lower one of two.

    The rule looks at the real images alone, so that neither method can choose where it is looked at.

    Args:
        identity: each participant's score of the early image itself.
    """
    return sorted(identity, key=lambda who: (identity[who], who))[(len(identity) - 1) // 2]


def write_figure(results: Results, home: Home, path: Path) -> tuple[str, str]:
    """Write the figure as WebP, and return the participant and what is shown, in words.

    Of several seeds the first is shown.
    """
    from pathlib import Path as PathOf

    participant = choose_participant(results.line("identity").cells[RANKING_METRICS[-1]].values)
    predictions = {}
    dataset = None
    for name in (BETTER, OTHER):
        line = results.line(name)
        run = next(run for run in line.runs if run.seed == line.seeds[0] and participant in run.test_participants)
        folder = find_folder(run, home)
        dataset = dataset or open_dataset(PathOf(folder.plan().dataset_folder))
        predictions[name] = read_image(folder.prediction(participant))[0]
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
    return participant, figure.description
