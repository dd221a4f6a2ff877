"""Distances between the real and the predicted slices of the same participants, one extractor at a time.

The two sets of a score are the axial body slices of the scored participants' real delayed images and the same slices of
their predictions: equal in number and matched by participant, so that a copy scores 0. A number means little without
its scale, so each row also has the *floor*: the same distance between the real slices of the scored participants and as
many real slices of the dataset's other participants, evenly spaced over them. (The sets of a score share participants,
those of the floor do not: a score may lie under its floor, and a kernel distance below 0; the row also has it without
the matched pairs.) Numbers compare at equal N only: N is in the row.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from petbench.evaluation.extractors.base import FOLDED_MIXED6E_ID, POOL3_ID, RANDCONV_ID
from petbench.evaluation.frechet import frechet_distance
from petbench.evaluation.kid import kernel_distance, matched_kernel_distance, participant_bootstrap
from petbench.evaluation.protocol import KERNEL_LEAST_SLICES, SLICE_RULE, SLICE_WINDOW_SUV
from petbench.evaluation.slices import body_slices, digest_of
from petbench_datasets.bids.names import person_of
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from petbench.evaluation.dataset import ScoredDataset
    from petbench.evaluation.extractors.base import Extractor
    from petbench.evaluation.feature_cache import FeatureCache

    Matrix = NDArray[np.float64]
    Slices = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Distance:
    """One distance between two sets of slices, lower is better, without a unit.

    Attributes:
        name: the metric's name; only `fid` may be FID.
        kind: the first part of its convention's id: how the distance is computed.
        least_slices: with fewer slices in either set there is no value.
        facts: how it is shown.
    """

    name: str
    kind: str
    least_slices: int
    facts: MetricFacts


@dataclass(frozen=True, slots=True)
class ExtractorMetrics:
    """The two metrics of one extractor: the Fréchet distance and the kernel distance of its features.

    Attributes:
        frechet: the Fréchet distance.
        kernel: the kernel distance.
        extractor_id: of the extractor whose features they are where nothing is missing.
    """

    frechet: Distance
    kernel: Distance
    extractor_id: str


def _frechet(name: str, label: str, detail: str, decimals: int, place: int, dimension: int, summary: str) -> Distance:
    facts = MetricFacts(label=label, detail=detail, summary=summary, decimals=decimals, place=place)
    return Distance(name, "frechet", dimension + 1, facts)  # fewer slices fit no covariance of full rank


def _kernel(name: str, label: str, detail: str) -> Distance:
    summary = "kernel distance (polynomial, degree 3) of the same features; unbiased at any number of slices"
    facts = MetricFacts(label=label, detail=detail, summary=summary, decimals=5, shown=False)
    return Distance(name, "kernel3", KERNEL_LEAST_SLICES, facts)


EXTRACTOR_METRICS: tuple[ExtractorMetrics, ...] = (
    ExtractorMetrics(
        _frechet(
            "fid", "FID", "pool3", 1, 50, 2048, "Fréchet distance of the canonical Inception features of axial slices"
        ),
        _kernel("kid", "KID", "pool3"),
        POOL3_ID,
    ),
    ExtractorMetrics(
        _frechet(
            "fd_768",
            "FD-768",
            "Mixed 6e",
            3,
            51,
            768,
            "Fréchet distance of 768 Inception features; not to be compared with FID",
        ),
        _kernel("kd_768", "KD-768", "Mixed 6e"),
        FOLDED_MIXED6E_ID,
    ),
    ExtractorMetrics(
        _frechet(
            "fd_randconv",
            "FD-randconv",
            "",
            2,
            52,
            960,
            "Fréchet distance of features of a fixed random convolution network; no weights needed",
        ),
        _kernel("kd_randconv", "KD-randconv", ""),
        RANDCONV_ID,
    ),
)


def distribution_scores(
    metrics: ExtractorMetrics,
    extractor: Extractor,
    real: Mapping[str, Slices],
    predicted: Mapping[str, Slices],
    floor: Floor,
    progress: Callable[[float], None] = lambda _part: None,
) -> list[ScoreRecord]:
    """Return the Fréchet and the kernel row of one extractor.

    Args:
        metrics: what the rows are of.
        extractor: what computes the features.
        real: the real slices of each scored participant, shape (slices, y, x).
        predicted: the predicted ones, of the same participants in the same order.
        floor: features of real slices, cached.
        progress: is given the part of the work, 0 to 1, that is done.
    """
    real_features = [floor.cache.features(extractor, participant, slices) for participant, slices in real.items()]
    predicted_features = []
    for index, (participant, slices) in enumerate(predicted.items()):
        progress(index / len(predicted))
        # Equal slices have equal features, on whatever device the kept ones were computed.
        same = np.array_equal(slices, real[participant])
        predicted_features.append(real_features[index] if same else extractor(slices))
    first, second = np.concatenate(real_features), np.concatenate(predicted_features)
    others, why_no_floor = floor.features(extractor, len(first))
    extra: dict[str, object] = {
        "extractor": extractor.id,
        "extractor_sha256": extractor.digest,
        "slices": SLICE_RULE,
        "window_suv": list(SLICE_WINDOW_SUV),
        "quantisation": "uint8",
        "channels": "grey repeated to RGB" if "inception" in extractor.id else "grey",
        "resize": "299 bilinear half-pixel" if "inception" in extractor.id else "none",
        "n_real": len(first),
        "n_predicted": len(second),
        "participants": list(real),
        "slice_set_sha256": hashlib.sha256("".join(map(digest_of, real.values())).encode()).hexdigest(),
        "floor_participants": list(floor.participants),
        "floor_reason": why_no_floor,
    }

    def row(distance: Distance, function: Callable[[Matrix, Matrix], float]) -> ScoreRecord:
        too_few = _too_few(distance, len(first))
        if too_few:
            return _record(distance, extractor.id, None, reason=too_few, extra=extra | {"floor": None})
        facts = extra | {"floor": None if others is None else function(first, others)}
        if function is kernel_distance:
            facts["without_matched_pairs"] = matched_kernel_distance(first, second)
            spread = participant_bootstrap(*_by_person(list(real), real_features, predicted_features))
            facts["participant_bootstrap"] = None if spread is None else asdict(spread)
        return _record(distance, extractor.id, function(first, second), extra=facts)

    return [row(metrics.frechet, frechet_distance), row(metrics.kernel, kernel_distance)]


def _by_person(participants: Sequence[str], *sides: Sequence[Matrix]) -> list[list[Matrix]]:
    """Return the features of each person, all sessions together: those of one person are no independent draws."""
    rows: dict[str, list[int]] = {}
    for index, participant in enumerate(participants):
        rows.setdefault(person_of(participant), []).append(index)
    return [[np.concatenate([side[index] for index in of_person]) for of_person in rows.values()] for side in sides]


def _too_few(distance: Distance, slices: int) -> str | None:
    """Return why so few slices have no distance, or None where they are enough."""
    if slices >= distance.least_slices:
        return None
    why = "no covariance of full rank" if distance.kind == "frechet" else "too wide a spread"
    return f"{slices} slices: {distance.name} takes at least {distance.least_slices}; fewer have {why}"


def empty_scores(metrics: ExtractorMetrics, reason: str) -> list[ScoreRecord]:
    """Return the two rows of an extractor whose weights are unavailable, empty and with the reason."""
    return [
        _record(metrics.frechet, metrics.extractor_id, None, reason=reason),
        _record(metrics.kernel, metrics.extractor_id, None, reason=reason),
    ]


class Floor:
    """Features of real slices of participants who are not scored in any session.

    Attributes:
        participants: those participants.
        cache: where features of real images are kept.
    """

    def __init__(self, dataset: ScoredDataset, scored: Sequence[str], cache: FeatureCache) -> None:
        self._dataset = dataset
        self.cache = cache
        people = set(map(person_of, scored))
        self.participants = tuple(name for name in dataset.participants if person_of(name) not in people)

    def features(self, extractor: Extractor, count: int) -> tuple[Matrix | None, str | None]:
        """Return features of `count` slices evenly spaced over the other participants, or None and the reason."""
        if not self.participants:
            return None, "every participant of the dataset is scored: no others for a floor"
        name = "floor-" + hashlib.sha256(repr((self.participants, count)).encode()).hexdigest()[:16]
        kept = self.cache.load(extractor, name)
        if kept is not None:
            return kept, None
        slices: list[NDArray[np.uint8]] = []
        for participant in self.participants:
            pair = self._dataset.pair(participant)
            slices += list(body_slices(pair.delayed, self._dataset.body_mask(participant)))
        if len(slices) < count:
            return None, f"the other participants have {len(slices)} body slices, fewer than {count}"
        chosen = [slices[index] for index in np.linspace(0, len(slices) - 1, count).round().astype(int)]
        shapes = sorted({image.shape for image in chosen})
        features = np.empty((count, extractor.dimension))
        for shape in shapes:  # participants may have grids of their own
            where = [index for index, image in enumerate(chosen) if image.shape == shape]
            features[where] = extractor(np.stack([chosen[index] for index in where]))
        self.cache.store(extractor, name, features)
        return features, None


def _record(
    distance: Distance,
    extractor_id: str,
    value: float | None,
    *,
    reason: str | None = None,
    extra: Mapping[str, object] | None = None,
) -> ScoreRecord:
    return ScoreRecord(
        participant=None,
        region="volume",
        metric=distance.name,
        convention_id=f"{distance.kind}/{extractor_id}/{SLICE_RULE}",
        value=value,
        unit="",
        higher_is_better=False,
        reason=reason,
        extra=extra or {},
        facts=distance.facts,
    )
