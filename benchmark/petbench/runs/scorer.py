"""How prediction files are scored here: everything that scoring needs beside the images and the predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.distribution import EXTRACTOR_METRICS
from petbench.evaluation.protocol import PROTOCOL
from petbench.evaluation.scoring import score_predictions
from petbench.evaluation.validation import score_validation
from petbench.home import Home
from petbench_datasets.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from petbench.metric_spec import Case, MetricSpec
    from petbench.registry import Registry
    from petbench.settings import Settings
    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.score_records import ScoreRecord
    from petbench_leaderboard.store import Leaderboard


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """Scores prediction files; no model is looked at.

    Attributes:
        cache: for features of real slices and for weights.
        metrics: of one participant; None for the built-in ones.
        weights: files of Inception weights that the user names.
        offline: whether downloading weights is forbidden.
        device: where features are computed.
        distances: whether distances between sets of images are scored too.
        progress: notified of how far the work is.
    """

    cache: Path
    metrics: Sequence[MetricSpec] | None = None
    weights: Sequence[Path] = ()
    offline: bool = False
    device: str = "cpu"
    distances: bool = True
    progress: Progress = silent

    @classmethod
    def of(cls, settings: Settings, registry: Registry, progress: Progress, *, device: str = "cpu") -> Scorer:
        """Return what scores with the user's settings and the metrics of all plugins."""
        return cls(
            cache=Home(settings.home).cache,
            metrics=registry.metrics(),
            weights=settings.weights,
            offline=settings.offline,
            device=device,
            progress=progress,
        )

    def score(
        self,
        dataset: Dataset,
        participants: Sequence[str],
        predictions: Path,
        seen: Callable[[Case], None] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> list[ScoreRecord]:
        """Return every score of the predictions of `participants`, as `score_predictions` does.

        Args:
            dataset: where the real images come from.
            participants: who is scored.
            predictions: the folder with `<participant>.nii.gz`.
            seen: given each participant's images as they are read, for whoever needs them too.
            digests: of each prediction as it was written, where somebody took them.
        """
        return score_predictions(
            dataset,
            participants,
            predictions,
            progress=self.progress,
            cache=self.cache,
            offline=self.offline,
            metrics=self.metrics,
            weights=self.weights,
            device=self.device,
            seen=seen,
            digests=digests,
            distances=EXTRACTOR_METRICS if self.distances else (),
        )

    def score_validation(
        self,
        dataset: Dataset,
        participants: Sequence[str],
        predictions: Path,
        seen: Callable[[Case], None] | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> list[ScoreRecord]:
        """Return how the predictions of validation participants score by the metrics of one participant.

        Args:
            dataset: where the real images come from.
            participants: who validates.
            predictions: the folder with `<participant>.nii.gz`.
            seen: given each participant's images as they are read, for whoever needs them too.
            digests: of each prediction as it was written, where somebody took them.
        """
        metrics = builtin_metrics() if self.metrics is None else self.metrics
        return score_validation(
            dataset, participants, predictions, metrics, progress=self.progress, seen=seen, digests=digests
        )


def record_scores(leaderboard: Leaderboard, run_id: int, dataset: Dataset, scores: Iterable[ScoreRecord]) -> None:
    """Store what a run scored by this version's protocol, whichever it was planned under, and who the participants are.

    Args:
        leaderboard: where the row is.
        run_id: the row's number.
        dataset: where the real images came from.
        scores: all of them.
    """
    leaderboard.record_scores(run_id, scores, protocol=PROTOCOL)
    leaderboard.update(run_id, subgroups=dataset.subgroups)
